/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass of a batch: making the content of each unit's files, and writing it. */
#include "config.h"

#include "mfg/job_int.h"

#include "base/error_int.h"
#include "base/hex_int.h"
#include "base/hooks_int.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

void em_unit_files_wipe(struct em_unit_files *files)
{
    em_unit_keys_wipe(&files->keys);
    if (files->data[EM_OUTPUT_KEY].len > 0)
        OPENSSL_cleanse(files->partition, sizeof files->partition);
    for (int kind = 0; kind < EM_SEALED_KINDS; kind++)
        free(files->sealed.envelopes[kind]);
}

static enum em_status make_keys(const struct em_job *job, const struct em_unit *unit,
                                struct em_unit_keys *out, struct em_error *err)
{
    if (!job->options->resume || job->seal != NULL) /* sealed ones cannot be read */
        return em_keys_make(&job->keys, out, err);
    return em_keys_make_or_reuse(
        &job->keys, em_outputs_dir(&job->outputs, EM_OUTPUT_KEY), unit->names.key,
        em_outputs_dir(&job->outputs, EM_OUTPUT_HMAC_KEY),
        em_outputs_name(&job->outputs, &unit->names, EM_OUTPUT_HMAC_KEY), out, err);
}

/* The file that a random key is known by; EM_OUTPUTS when keys are not random. */
static enum em_output secret_of(const struct em_keys *keys)
{
    return keys->kind == EM_KEYS_RANDOM        ? EM_OUTPUT_KEY
           : keys->kind == EM_KEYS_HMAC_RANDOM ? EM_OUTPUT_HMAC_KEY
                                               : EM_OUTPUTS;
}

/* An image without its key is lost; a new key beside it would hide that. */
static enum em_status check_orphan(const struct em_job *job, const struct em_unit *unit,
                                   struct em_error *err)
{
    const struct em_dir *images = em_outputs_dir(&job->outputs, EM_OUTPUT_IMAGE);
    if (images == NULL || !em_dir_has(images, unit->names.image))
        return EM_OK;
    return em_error_set(
        err, EM_ERR_EXISTS,
        "bring the key file back, or move the image away to make the unit anew",
        "'%s/%s' is already there, but its key file '%s' is missing or empty",
        em_dir_path(images), unit->names.image,
        em_outputs_name(&job->outputs, &unit->names, secret_of(&job->keys)));
}

static enum em_status compare_files(const struct em_job *job, const struct em_unit *unit,
                                    struct em_unit_files *files, struct em_error *err)
{
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++) {
        struct em_span data = files->data[kind];
        if (data.len == 0)
            continue;
        enum em_status status = em_outputs_compare(
            &files->same[kind], &job->outputs, &unit->names, kind, data.p, data.len, err);
        if (status == EM_OK && kind == secret_of(&job->keys) && !files->keys.reused)
            status = check_orphan(job, unit, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

enum em_status em_job_make_files(const struct em_job *job, unsigned worker,
                                 const struct em_unit *unit, struct em_unit_files *out,
                                 struct em_error *err)
{
    struct em_maker *maker = job->makers[worker];
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++) {
        out->data[kind] = (struct em_span){NULL, 0};
        out->same[kind] = EM_SAME_ABSENT;
    }
    out->sealed = (struct em_sealed){.kept = false};
    enum em_status status = make_keys(job, unit, &out->keys, err);
    if (status == EM_OK && job->outputs.wanted[EM_OUTPUT_HMAC_KEY])
        out->data[EM_OUTPUT_HMAC_KEY] =
            (struct em_span){out->keys.hmac.bytes, out->keys.hmac.len};
    if (status == EM_OK && job->outputs.wanted[EM_OUTPUT_KEY]) {
        em_nvs_key_partition(out->partition, &out->keys.xts);
        out->data[EM_OUTPUT_KEY] =
            (struct em_span){out->partition, sizeof out->partition};
    }
    if (status == EM_OK && job->outputs.wanted[EM_OUTPUT_CSV])
        status = em_maker_csv(maker, &unit->row, &out->data[EM_OUTPUT_CSV], err);
    if (status == EM_OK)
        status = em_maker_image(maker, &unit->row, &out->keys.xts,
                                &out->data[EM_OUTPUT_IMAGE], err);
    if (status == EM_OK && job->seal != NULL)
        status = em_sealed_make(job, unit, out, err);
    else if (status == EM_OK && job->options->resume)
        status = compare_files(job, unit, out, err);
    return status;
}

static bool wanted(void *user, uint64_t number)
{
    return em_job_selects(user, number);
}

static enum em_status put_files(struct em_job *job, struct em_unit *unit,
                                const struct em_unit_files *files, struct em_error *err)
{
    unit->kept = files->same[EM_OUTPUT_IMAGE] == EM_SAME_EQUAL;
    unit->image_len = files->data[EM_OUTPUT_IMAGE].len;
    if (job->seal != NULL)
        return em_sealed_put(job, unit, files, err);
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++) {
        struct em_span data = files->data[kind];
        if (data.len == 0 || files->same[kind] == EM_SAME_EQUAL)
            continue;
        /* A short file lost its end when a run was killed: it is completed, not
         * overwritten. */
        bool complete = files->same[kind] == EM_SAME_SHORT;
        enum em_status status = em_outputs_put(&job->outputs, &unit->names, kind, data.p,
                                               data.len, complete, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

/* What the manifest tells of a unit. */
static enum em_status take_digests(struct em_unit *unit,
                                   const struct em_unit_files *files,
                                   struct em_error *err)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct em_span image = files->data[EM_OUTPUT_IMAGE];
    enum em_status status = EM_OK;
    if (EVP_Digest(image.p, image.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "SHA-256 failed");
    em_hex_encode(unit->image_sha256, digest, sizeof digest);
    if (files->keys.xts.len > 0)
        status = em_key_fingerprint(&files->keys.xts, unit->key_sha256, err);
    if (status == EM_OK && files->keys.hmac.len > 0)
        status = em_key_fingerprint(&files->keys.hmac, unit->hmac_sha256, err);
    return status;
}

static enum em_status work(void *user, unsigned worker, struct em_unit *unit,
                           struct em_error *err)
{
    struct em_job *job = user;
    struct em_unit_files files;
    enum em_status status = em_plan_check_row(&job->plan, &unit->row, err);
    if (status == EM_OK)
        status = em_job_names(job, unit, err);
    if (status != EM_OK)
        return status;
    status = em_job_make_files(job, worker, unit, &files, err);
    if (status == EM_OK)
        status = put_files(job, unit, &files, err);
    if (status == EM_OK && job->manifest != NULL)
        status = files.sealed.kept ? em_sealed_digests(job, unit, &files, err)
                                   : take_digests(unit, &files, err);
    em_unit_files_wipe(&files);
    return status;
}

/* One line a file, as the tool did that this one replaces. */
static void tell_unit(struct em_job *job, const struct em_unit *unit)
{
    static const char *const what[EM_OUTPUTS] = {
        [EM_OUTPUT_HMAC_KEY] = "HMAC key",
        [EM_OUTPUT_KEY] = "encryption keys",
        [EM_OUTPUT_CSV] = "CSV file",
        [EM_OUTPUT_IMAGE] = "NVS binary",
    };
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++) {
        struct em_error msg;
        if (!job->outputs.wanted[kind])
            continue;
        (void)em_error_set(&msg, EM_OK, NULL, "%s %s: ===> %s/%s",
                           unit->kept ? "Kept" : "Created", what[kind],
                           em_outputs_path(&job->outputs, kind),
                           em_outputs_name(&job->outputs, &unit->names, kind));
        em_report_say(&job->report, EM_LOG_INFO, unit->names.file_id, &msg);
    }
}

static enum em_status finish(void *user, struct em_unit *unit, struct em_error *err)
{
    struct em_job *job = user;
    if (unit->kept)
        job->result->kept++;
    else
        job->result->made++;
    job->result->bytes += unit->image_len;
    if (job->options->each_unit)
        tell_unit(job, unit);
    return job->manifest == NULL
               ? EM_OK
               : em_manifest_add(job->manifest, &job->outputs, unit, job->sealed_to, err);
}

static enum em_status progress(void *user, struct em_error *err)
{
    struct em_job *job = user;
    return em_job_progress(job, "units", job->result->made + job->result->kept,
                           job->result->selected, false, err);
}

enum em_status em_job_write(struct em_job *job, struct em_error *err)
{
    static const struct em_pass_ops ops = {wanted, NULL, work, finish, progress, NULL};
    uint64_t rows;
    job->stage = "writing";
    em_hooks_begin(job->report.hooks, job->stage, NULL);
    enum em_status status =
        em_pass_run(job->values, job->options->jobs, &ops, job, &rows, err);
    if (status == EM_OK)
        status = em_csv_unchanged(job->values, err);
    if (status == EM_OK && rows != job->result->rows)
        status = em_error_set(
            err, EM_ERR_INPUT, "run again, and edit only copies meanwhile",
            "'%s' was changed while it was being used", job->plan.values_path);
    if (status == EM_OK)
        status = em_outputs_commit(&job->outputs, err);
    if (status == EM_OK)
        status = em_job_progress(job, "units", job->result->made + job->result->kept,
                                 job->result->selected, true, err);
    return em_hooks_end(job->report.hooks, job->stage, NULL, status);
}
