/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from its options to its files: what comes before, between and after the passes.
 */
#include "config.h"

#include "mfg/job_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void say(struct em_job *job, enum em_log_level level, const char *file,
                const char *hint, const char *what)
{
    struct em_error msg;
    (void)em_error_set(&msg, EM_OK, hint, "%s", what);
    em_error_at(&msg, file, 0);
    em_report_say(&job->report, level, NULL, &msg);
}

static enum em_status open_outputs(struct em_job *job, struct em_error *err)
{
    const struct em_batch_options *o = job->options;
    const struct em_outputs_options options = {
        .root = o->outdir,
        .hmac_keyfile = o->keys.hmac_keyfile,
        .manifest = o->manifest,
        .with_csv = !o->no_csv,
        .whole = o->first_row == 1 && o->last_row == 0 && o->shards == 1,
        .resume = o->resume,
        .sealed = job->seal != NULL,
    };
    return em_outputs_open(&job->outputs, &job->keys, &options, err);
}

static enum em_status prepare(struct em_job *job, struct em_error *err)
{
    const struct em_batch_options *o = job->options;
    enum em_status status = em_job_new_makers(job, err);
    if (status == EM_OK)
        status = open_outputs(job, err);
    if (status == EM_OK && o->manifest != NULL && !o->resume &&
        access(o->manifest, F_OK) == 0)
        status = em_error_set(err, EM_ERR_EXISTS, "move it away, or choose another name",
                              "'%s' is already there", o->manifest);
    return status;
}

static void warn_before(struct em_job *job)
{
    const struct em_batch_options *o = job->options;
    em_config_warn_hashes(&job->plan.config, (size_t)o->size / EM_NVS_PAGE_SIZE,
                          &job->report);
    if (o->size < EM_NVS_RW_SIZE_MIN)
        say(job, EM_LOG_NOTE, NULL,
            o->size > EM_NVS_PAGE_SIZE ? "images hold only the pages in use: erase the "
                                         "rest of the partition in flash"
                                       : NULL,
            "a partition below 0x3000 bytes can only be read on the device: flag it "
            "readonly in "
            "the partition table");
    const struct em_dir *keys = em_outputs_dir(&job->outputs, EM_OUTPUT_KEY);
    if (keys != NULL && !em_dir_is_private(keys))
        say(job, EM_LOG_WARNING, em_dir_path(keys), "chmod 700 it",
            "others can look into the folder of the key files");
}

static void warn_after(struct em_job *job)
{
    const struct em_batch_options *o = job->options;
    bool one_key =
        job->keys.kind == EM_KEYS_GIVEN || job->keys.kind == EM_KEYS_HMAC_GIVEN;
    if (job->result->rows == 0 && job->report.faults == 0)
        say(job, EM_LOG_WARNING, o->values, "add one row for each unit",
            "a header without rows: there is nothing to make");
    if (one_key && job->result->rows > 1)
        say(job, EM_LOG_WARNING, NULL,
            job->keys.kind == EM_KEYS_GIVEN ? "--keygen makes a key for each unit"
                                            : "--kp_hmac_keygen makes one for each unit",
            "all units get the same key: who reads it from one unit has it for all");
}

/* What can only be said once all rows are counted. */
static void check_counts(struct em_job *job)
{
    const struct em_batch_options *o = job->options;
    struct em_error fault;
    if (o->keys.hmac_keyfile != NULL && job->result->rows > 1) {
        (void)em_error_set(
            &fault, EM_ERR_USAGE,
            "leave --kp_hmac_keyfile out for one HMAC key a unit; for one key "
            "for all, make it with generate-key and use --kp_hmac_inputkey",
            "--kp_hmac_keyfile names one file, but %" PRIu64 " units need one each",
            job->result->rows);
        em_report_fault(&job->report, &fault);
    }
    em_job_check_rows(job);
}

/* After a failure of the second pass: say what there is, since it stays. */
static void tell_partial(struct em_job *job)
{
    struct em_error msg;
    if (job->result->made == 0)
        return;
    (void)em_error_set(&msg, EM_OK, NULL,
                       "%" PRIu64 " of %" PRIu64 " units are complete and stay",
                       job->result->made + job->result->kept, job->result->selected);
    em_report_say(&job->report, EM_LOG_NOTE, NULL, &msg);
}

/* Once files are there, only --resume will go on with them. */
static void advise_resume(struct em_error *err)
{
    if (err != NULL)
        (void)snprintf(err->hint, sizeof err->hint,
                       "mend that or make room, then run again with --resume");
}

static enum em_status write_all(struct em_job *job, struct em_error *err)
{
    const struct em_batch_options *o = job->options;
    enum em_status status = em_csv_rewind(job->values, err);
    if (status == EM_OK)
        status = em_csv_unchanged(job->values, err);
    if (status == EM_OK)
        status = em_csv_next(job->values, &job->header, err);
    if (status == EM_OK)
        status = em_outputs_make(&job->outputs, err);
    if (status == EM_OK && o->manifest != NULL) /* its folder may be one of them */
        status = em_manifest_open(&job->manifest, o->manifest, o->resume, err);
    if (status == EM_OK) {
        status = em_job_write(job, err);
        if (status == EM_OK && job->manifest != NULL)
            status = em_manifest_finish(job->manifest, err);
        if (status == EM_ERR_IO)
            advise_resume(err);
    }
    if (status != EM_OK) {
        tell_partial(job);
        em_outputs_abandon(&job->outputs);
    }
    return status;
}

static enum em_status open_seal(struct em_job *job, struct em_error *err)
{
    const struct em_batch_options *o = job->options;
    if (o->n_seal == 0)
        return EM_OK;
    if (!em_keys_write_key(&job->keys))
        return em_error_set(err, EM_ERR_USAGE, "add --keygen",
                            "--seal, but no key files would be made");
    enum em_status status = em_seal_open(&job->seal, o->seal, o->n_seal, err);
    return status == EM_OK ? em_sealed_to(&job->sealed_to, job->seal, err) : status;
}

static enum em_status run(struct em_job *job, struct em_error *err)
{
    const struct em_batch_options *o = job->options;
    enum em_status status = em_job_check_options(o, err);
    if (status == EM_OK)
        status = em_naming_check(&job->naming, err);
    if (status == EM_OK)
        status = em_keys_load(&job->keys, &o->keys, err);
    if (status == EM_OK)
        status = open_seal(job, err);
    if (status == EM_OK)
        status = em_job_read_plan(job, err);
    if (status == EM_OK)
        status = em_report_result(&job->report, err);
    if (status == EM_OK)
        status = prepare(job, err);
    if (status != EM_OK)
        return status;
    warn_before(job);
    status = em_job_check(job, err);
    if (status != EM_OK)
        return status;
    check_counts(job);
    warn_after(job);
    status = em_report_result(&job->report, err);
    if (status != EM_OK || o->dry_run)
        return status;
    return write_all(job, err);
}

enum em_status em_batch_generate(const struct em_batch_options *options,
                                 const struct em_hooks *hooks,
                                 struct em_batch_result *out, struct em_error *err)
{
    struct em_job job = {
        .options = options,
        .result = out,
        .report = {.hooks = hooks},
        .naming = {options->prefix, options->counter, options->counter_start,
                   options->counter_width, options->n_seal > 0},
    };
    *out = (struct em_batch_result){0};
    enum em_status status = run(&job, err);
    out->faults = job.report.faults;
    out->warnings = job.report.warnings;
    em_job_free(&job);
    return status;
}
