/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed keys of a batch: key and image of a unit always belong together.
 *
 * A sealed key cannot be read again, so what belongs together is told by order alone. The
 * envelopes are written first, then the image, and where the folder has its name already
 * the envelopes are called NAME.partial until the image has its name:
 *
 *   keys absent, partial or staged; no image   nobody has them: new keys in their place
 *   keys partial, staged or named; image       they belong together: kept
 *   keys named; no image                       somebody took the image: a fault
 *   no keys; image                             lost: a fault
 */
#include "config.h"

#include "mfg/job_int.h"

#include "base/error_int.h"
#include "base/hex_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/* What is there of a unit, from an earlier run. */
struct remains {
    bool named;    /* an envelope has its name in a folder that has its own */
    bool complete; /* all envelopes are there, and whole */
    bool others;   /* an envelope is sealed to others than this run is to seal to */
    bool image;
    uint64_t image_size;
};

static enum em_status fault(const struct em_job *job, const struct em_unit *unit,
                            enum em_output kind, const char *hint, const char *what,
                            struct em_error *err)
{
    enum em_status status =
        em_error_set(err, EM_ERR_EXISTS, hint, "'%s/%s' is already there, but %s",
                     em_dir_path(em_outputs_dir(&job->outputs, kind)),
                     em_outputs_name(&job->outputs, &unit->names, kind), what);
    return status;
}

/* The envelope of one kind, and the fingerprint it says. */
static enum em_status look_at_key(const struct em_job *job, const struct em_unit *unit,
                                  enum em_output kind, struct remains *remains, char *id,
                                  struct em_error *err)
{
    struct em_buf envelope = {0};
    char pending[EM_NAME_SIZE];
    const struct em_dir *dir = em_outputs_dir(&job->outputs, kind);
    const char *name = em_outputs_name(&job->outputs, &unit->names, kind);
    id[0] = '\0';
    if (dir != NULL && em_outputs_direct(&job->outputs, kind)) {
        bool named = em_dir_has(dir, name);
        remains->named = remains->named || named;
        em_outputs_pending(pending, name);
        name = named ? name : pending;
    }
    enum em_status status = EM_OK;
    if (dir != NULL && em_dir_has(dir, name))
        status = em_dir_read(&envelope, dir, name, EM_SEAL_SIZE_MAX, err);
    /* What is no envelope was cut off: as good as none. */
    if (status == EM_OK &&
        em_sealed_fingerprint(id, envelope.data, envelope.len, NULL) != EM_OK)
        id[0] = '\0';
    remains->others =
        remains->others ||
        (id[0] != '\0' && !em_seal_is_to(job->seal, envelope.data, envelope.len));
    em_buf_free(&envelope);
    remains->complete = remains->complete && id[0] != '\0';
    return status;
}

static enum em_status look(const struct em_job *job, const struct em_unit *unit,
                           struct remains *out, struct em_sealed *sealed,
                           struct em_error *err)
{
    const struct em_dir *images = em_outputs_dir(&job->outputs, EM_OUTPUT_IMAGE);
    enum em_status status = EM_OK;
    *out = (struct remains){.complete = true};
    for (enum em_output kind = 0; kind < EM_SEALED_KINDS && status == EM_OK; kind++) {
        if (job->outputs.wanted[kind])
            status = look_at_key(job, unit, kind, out, sealed->ids[kind], err);
    }
    out->image = images != NULL && em_dir_has(images, unit->names.image);
    if (out->image && !em_dir_size(images, unit->names.image, &out->image_size))
        out->image_size = UINT64_MAX; /* no file */
    return status;
}

/* One key for all is known: then the image is compared byte for byte. */
static enum em_status compare_known(const struct em_job *job, const struct em_unit *unit,
                                    struct em_unit_files *files, struct em_error *err)
{
    char id[EM_KEY_FINGERPRINT_SIZE];
    struct em_span image = files->data[EM_OUTPUT_IMAGE];
    if (job->keys.kind != EM_KEYS_HMAC_GIVEN)
        return EM_OK;
    enum em_status status = em_key_fingerprint(&files->keys.xts, id, err);
    if (status == EM_OK && strcmp(id, files->sealed.ids[EM_OUTPUT_KEY]) != 0)
        return fault(job, unit, EM_OUTPUT_KEY, "is this the folder of another batch?",
                     "it has another key than the one derived for the unit", err);
    if (status == EM_OK)
        status =
            em_outputs_compare(&files->same[EM_OUTPUT_IMAGE], &job->outputs, &unit->names,
                               EM_OUTPUT_IMAGE, image.p, image.len, err);
    return status;
}

static enum em_status decide(const struct em_job *job, const struct em_unit *unit,
                             struct em_unit_files *files, struct em_error *err)
{
    struct remains remains;
    struct em_span csv = files->data[EM_OUTPUT_CSV];
    size_t size = files->data[EM_OUTPUT_IMAGE].len;
    enum em_status status = look(job, unit, &remains, &files->sealed, err);
    if (status == EM_OK && csv.len > 0)
        status = em_outputs_compare(&files->same[EM_OUTPUT_CSV], &job->outputs,
                                    &unit->names, EM_OUTPUT_CSV, csv.p, csv.len, err);
    if (status != EM_OK)
        return status;
    if (!remains.image && remains.named)
        return fault(job, unit,
                     em_outputs_direct(&job->outputs, EM_OUTPUT_KEY) ? EM_OUTPUT_KEY
                                                                     : EM_OUTPUT_HMAC_KEY,
                     "bring the image back, or move the sealed key away to make the unit "
                     "anew",
                     "the unit's image is missing, and a sealed key cannot be read", err);
    if (!remains.image)
        return EM_OK;
    bool staged = !em_outputs_direct(&job->outputs, EM_OUTPUT_IMAGE);
    if (remains.image_size < size && staged && !remains.named)
        return EM_OK; /* killed while it was written */
    if (remains.image_size != size)
        return fault(job, unit, EM_OUTPUT_IMAGE, "is this the folder of another batch?",
                     "it has another size than this batch would write", err);
    if (!remains.complete)
        return fault(job, unit, EM_OUTPUT_IMAGE,
                     "bring the key file back, or move the image away to make the unit "
                     "anew",
                     "its sealed key is missing or damaged", err);
    if (remains.others)
        return fault(job, unit, EM_OUTPUT_IMAGE,
                     "resume with the certificates that the run began with",
                     "its key is sealed to others than --seal names", err);
    files->sealed.kept = true;
    files->same[EM_OUTPUT_IMAGE] = EM_SAME_EQUAL;
    return compare_known(job, unit, files, err);
}

enum em_status em_sealed_make(const struct em_job *job, const struct em_unit *unit,
                              struct em_unit_files *files, struct em_error *err)
{
    enum em_status status = EM_OK;
    if (job->options->resume)
        status = decide(job, unit, files, err);
    for (enum em_output kind = 0; kind < EM_SEALED_KINDS && status == EM_OK; kind++) {
        struct em_span plain = files->data[kind];
        size_t len;
        if (plain.len == 0 || files->sealed.kept)
            continue;
        status = em_seal_bytes(job->seal, plain.p, plain.len,
                               &files->sealed.envelopes[kind], &len, err);
        if (status == EM_OK)
            files->data[kind] = (struct em_span){files->sealed.envelopes[kind], len};
    }
    return status;
}

/* The image has its name: now the keys that belong to it get theirs. */
static enum em_status name_keys(struct em_job *job, const struct em_unit *unit,
                                struct em_error *err)
{
    enum em_status status = EM_OK;
    for (enum em_output kind = 0; kind < EM_SEALED_KINDS && status == EM_OK; kind++) {
        struct em_dir *dir = em_outputs_dir(&job->outputs, kind);
        const char *name = em_outputs_name(&job->outputs, &unit->names, kind);
        char pending[EM_NAME_SIZE];
        if (!job->outputs.wanted[kind] || !em_outputs_direct(&job->outputs, kind))
            continue;
        em_outputs_pending(pending, name);
        if (!em_dir_has(dir, pending))
            continue;
        /* With both names a run was killed between giving one and taking the other. */
        status = em_dir_has(dir, name) ? em_dir_remove(dir, pending, err)
                                       : em_dir_rename(dir, pending, name, err);
    }
    return status;
}

enum em_status em_sealed_put(struct em_job *job, const struct em_unit *unit,
                             const struct em_unit_files *files, struct em_error *err)
{
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++) {
        struct em_span data = files->data[kind];
        bool key = kind < EM_SEALED_KINDS;
        if (data.len == 0 || (key && files->sealed.kept) ||
            files->same[kind] == EM_SAME_EQUAL)
            continue;
        bool anew = key || (kind == EM_OUTPUT_IMAGE && job->options->resume &&
                            !em_outputs_direct(&job->outputs, kind));
        enum em_status status =
            anew ? em_outputs_put_anew(&job->outputs, &unit->names, kind, data.p,
                                       data.len, err)
                 : em_outputs_put(&job->outputs, &unit->names, kind, data.p, data.len,
                                  files->same[kind] == EM_SAME_SHORT, err);
        if (status != EM_OK)
            return status;
    }
    return name_keys(job, unit, err);
}

enum em_status em_sealed_digests(const struct em_job *job, struct em_unit *unit,
                                 const struct em_unit_files *files, struct em_error *err)
{
    struct em_buf image = {0};
    uint8_t digest[32];
    enum em_status status =
        em_dir_read(&image, em_outputs_dir(&job->outputs, EM_OUTPUT_IMAGE),
                    unit->names.image, files->data[EM_OUTPUT_IMAGE].len, err);
    if (status == EM_OK &&
        EVP_Digest(image.data, image.len, digest, NULL, EVP_sha256(), NULL) != 1)
        status = em_error_set(err, EM_ERR_CRYPTO, NULL, "SHA-256 failed");
    if (status == EM_OK)
        em_hex_encode(unit->image_sha256, digest, sizeof digest);
    memcpy(unit->key_sha256, files->sealed.ids[EM_OUTPUT_KEY], EM_SHA256_HEX);
    memcpy(unit->hmac_sha256, files->sealed.ids[EM_OUTPUT_HMAC_KEY], EM_SHA256_HEX);
    em_buf_free(&image);
    return status;
}

enum em_status em_sealed_to(char **out, const struct em_seal *seal, struct em_error *err)
{
    size_t size = EM_KEY_FINGERPRINT_SIZE; /* a digest, and a space or the NUL */
    *out = malloc(em_seal_count(seal) * size);
    if (*out == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < em_seal_count(seal); i++) {
        memcpy(*out + i * size, em_seal_recipient(seal, i), size);
        if (i > 0)
            (*out)[i * size - 1] = ' ';
    }
    return EM_OK;
}
