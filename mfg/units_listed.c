/* SPDX-License-Identifier: Apache-2.0 */
/* Units that were made before, by their manifest. */
#include "config.h"

#include "mfg/units_int.h"

#include "base/error_int.h"
#include "base/hex_int.h"
#include "base/hooks_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

/* While the manifest is checked. */
struct listing {
    struct em_units *units;
    struct em_listing *listing;
    struct em_digest *all;
    struct em_digest *row;
    struct em_idset *names, *hmacs;
    bool hmac, own_key; /* some unit has a HMAC key; … a key partition without one */
};

static enum em_status at_row(const struct em_units *units, const struct em_csv_row *row,
                             struct em_error *err)
{
    em_error_at(err, units->source, row->line);
    return EM_ERR_INPUT;
}

static bool ends_in_bin(const char *name)
{
    size_t len = strlen(name);
    return len > strlen(".bin") && strcmp(name + len - strlen(".bin"), ".bin") == 0;
}

enum em_status em_units_listed_names(struct em_names *out, const struct em_csv_row *row,
                                     struct em_error *err)
{
    out->file_id[0] = '\0';
    out->csv[0] = '\0';
    enum em_status status = em_listed_name(out->image, row->fields[EM_LISTED_IMAGE], err);
    if (status == EM_OK)
        status = em_listed_name(out->key, row->fields[EM_LISTED_KEY], err);
    if (status == EM_OK)
        status = em_listed_name(out->hmac_key, row->fields[EM_LISTED_HMAC_KEY], err);
    if (status == EM_OK && !ends_in_bin(out->image))
        status = em_error_set(err, EM_ERR_INPUT, "use the manifest as it was written",
                              "an image whose name does not end in .bin");
    return status;
}

static bool is_hex_digest(struct em_span text)
{
    bool good = text.len == EM_SHA256_HEX - 1;
    for (size_t i = 0; good && i < text.len; i++)
        good = (text.p[i] >= '0' && text.p[i] <= '9') ||
               (text.p[i] >= 'a' && text.p[i] <= 'f');
    return good;
}

/* The size that is listed; 0: none. */
static uint64_t listed_size(const struct em_csv_row *row)
{
    struct em_integer size;
    if (em_text_decimal(&size, row->fields[EM_LISTED_SIZE], NULL) != EM_OK ||
        size.negative || size.huge)
        return 0;
    return size.magnitude;
}

static enum em_status check_row(const struct em_csv_row *row, struct em_error *err)
{
    const char *hint = "use the manifest as it was written";
    if (!is_hex_digest(row->fields[EM_LISTED_SHA256]))
        return em_error_set(err, EM_ERR_INPUT, hint, "the SHA-256 of the image is none");
    if (row->fields[EM_LISTED_HMAC_KEY].len > 0 &&
        !is_hex_digest(row->fields[EM_LISTED_HMAC_SHA256]))
        return em_error_set(err, EM_ERR_INPUT, hint,
                            "an HMAC key file is listed, but not its fingerprint");
    if (listed_size(row) == 0 || listed_size(row) > EM_NVS_SIZE_MAX)
        return em_error_set(err, EM_ERR_INPUT, hint, "the size of the image is none");
    return EM_OK;
}

static enum em_status check_image(const struct em_units *units,
                                  const struct em_names *names,
                                  const struct em_csv_row *row, struct em_error *err)
{
    uint64_t size;
    if (!em_dir_size(units->images, names->image, &size))
        return em_error_set(err, EM_ERR_INPUT, "bring the folder as it was made",
                            "the image '%s/%s' of unit %" PRIu64 " is missing",
                            em_dir_path(units->images), names->image,
                            em_listed_number(row));
    if (size != listed_size(row))
        return em_error_set(
            err, EM_ERR_INPUT, "bring the folder as it was made",
            "the image '%s/%s' has %" PRIu64 " bytes, the manifest lists %" PRIu64,
            em_dir_path(units->images), names->image, size, listed_size(row));
    return EM_OK;
}

/* ---- The pass over it ---- */

static bool want_all(void *user, uint64_t number)
{
    (void)user, (void)number;
    return true;
}

static enum em_status next(void *user, struct em_csv_row *row, struct em_error *err)
{
    struct listing *l = user;
    return em_listing_next(l->listing, row, err);
}

/* Everything about the row that makes the unit, but nothing of keys and folders. */
static enum em_status digest_row(struct listing *l, const struct em_unit *unit,
                                 struct em_error *err)
{
    static const enum em_listed parts[] = {EM_LISTED_UNIT, EM_LISTED_FILE_ID,
                                           EM_LISTED_SIZE, EM_LISTED_SHA256};
    enum em_status status =
        em_digest_part(l->all, unit->names.image, strlen(unit->names.image), err);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == EM_OK; i++) {
        struct em_span field = unit->row.fields[parts[i]];
        status = em_digest_part(l->all, field.p, field.len, err);
    }
    return status;
}

static enum em_status admit(void *user, struct em_unit *unit, struct em_error *err)
{
    struct listing *l = user;
    struct em_units_place place = {.off = unit->row.off};
    uint8_t digest[EM_DIGEST_SIZE];
    struct em_span hmac = unit->row.fields[EM_LISTED_HMAC_SHA256];
    enum em_status status = em_units_listed_names(&unit->names, &unit->row, err);
    if (status == EM_OK)
        status = check_row(&unit->row, err);
    if (status != EM_OK)
        return at_row(l->units, &unit->row, err);
    l->hmac = l->hmac || hmac.len > 0;
    l->own_key = l->own_key || (hmac.len == 0 && unit->names.key[0] != '\0');
    if (listed_size(&unit->row) > l->units->image_size)
        l->units->image_size = (size_t)listed_size(&unit->row);
    status = em_units_row_digest(l->row, &unit->row, digest, err);
    memcpy(place.row, digest, sizeof place.row);
    if (status == EM_OK)
        status = em_units_index_add(&l->units->index, &place, err);
    if (status == EM_OK)
        status = digest_row(l, unit, err);
    if (status == EM_OK)
        status = em_idset_mark(l->names, em_span_of(unit->names.image), err);
    if (status == EM_OK && hmac.len > 0)
        status = em_idset_mark(l->hmacs, hmac, err);
    return status;
}

static enum em_status work(void *user, unsigned worker, struct em_unit *unit,
                           struct em_error *err)
{
    struct listing *l = user;
    struct em_error fault;
    (void)worker, (void)err;
    if (check_image(l->units, &unit->names, &unit->row, &fault) != EM_OK) {
        (void)at_row(l->units, &unit->row, &fault);
        (void)em_unit_fault(unit, &fault);
    }
    return EM_OK;
}

static enum em_status finish(void *user, struct em_unit *unit, struct em_error *err)
{
    struct listing *l = user;
    (void)err;
    for (size_t i = 0; i < unit->n_faults; i++)
        em_report_fault(&l->units->job.report, &unit->faults[i]);
    return EM_OK;
}

static enum em_status progress(void *user, struct em_error *err)
{
    struct listing *l = user;
    return em_job_progress(&l->units->job, "bytes", em_listing_position(l->listing),
                           em_listing_size(l->listing), false, err);
}

/* ---- Two of a kind ---- */

static enum em_status look_for(struct em_idset *set, const struct em_units *units,
                               const struct em_csv_row *row, struct em_span id,
                               const char *what, struct em_error *err)
{
    unsigned long earlier;
    if (id.len == 0 || !em_idset_suspects(set))
        return EM_OK;
    enum em_status status = em_idset_look(set, id, row->line, &earlier, err);
    if (status != EM_OK || earlier == 0)
        return status;
    (void)em_error_set(err, EM_ERR_INPUT, "use the manifest as it was written",
                       "the same %s as in line %lu: two boards would be one", what,
                       earlier);
    return at_row(units, row, err);
}

static enum em_status look_for_twins(struct listing *l, struct em_error *err)
{
    struct em_csv_row row = {0};
    struct em_names names;
    if (!em_idset_suspects(l->names) && !em_idset_suspects(l->hmacs))
        return EM_OK;
    enum em_status status = em_listing_rewind(l->listing, err);
    while (status == EM_OK) {
        status = em_listing_next(l->listing, &row, err);
        if (status != EM_OK || row.n_fields == 0)
            break;
        status = em_units_listed_names(&names, &row, err);
        if (status == EM_OK)
            status =
                look_for(l->names, l->units, &row, em_span_of(names.image), "image", err);
        if (status == EM_OK)
            status = look_for(l->hmacs, l->units, &row, row.fields[EM_LISTED_HMAC_SHA256],
                              "HMAC key", err);
    }
    em_csv_row_free(&row);
    return status;
}

/* ---- Opening ---- */

static char *below(const char *folder, const char *name)
{
    size_t size = strlen(folder) + 1 + strlen(name) + 1;
    char *path = malloc(size);
    size_t len = strlen(folder);
    const char *slash = len > 0 && folder[len - 1] == '/' ? "" : "/";
    if (path != NULL)
        (void)snprintf(path, size, "%s%s%s", len == 0 ? "." : folder, slash, name);
    return path;
}

/* Without a folder named it is the one that the manifest lies in. */
static enum em_status open_folders(struct em_units *units, struct em_error *err)
{
    if (units->outdir == NULL) {
        const char *slash = strrchr(units->source, '/');
        size_t len = slash == NULL ? 0 : (size_t)(slash - units->source);
        units->outdir =
            slash == NULL ? strdup(".") : strndup(units->source, len == 0 ? 1 : len);
    }
    char *images = units->outdir == NULL ? NULL : below(units->outdir, "bin");
    units->keys_dir = units->outdir == NULL ? NULL : below(units->outdir, "keys");
    if (images == NULL || units->keys_dir == NULL) {
        free(images);
        return em_error_nomem(err);
    }
    enum em_status status = em_dir_open(&units->images, images, err);
    free(images);
    return status == EM_OK ? em_units_open_keys(units, err) : status;
}

static void warn_keys(struct listing *l)
{
    struct em_error msg;
    if (!l->own_key)
        return;
    (void)em_error_set(&msg, EM_OK,
                       "their key partitions have to be on the boards before the images",
                       "units have key files of their own without an HMAC key");
    em_error_at(&msg, l->units->source, 0);
    em_report_say(&l->units->job.report, EM_LOG_WARNING, NULL, &msg);
}

static enum em_status check(struct listing *l, struct em_error *err)
{
    static const struct em_pass_ops ops = {want_all, admit, work, finish, progress, next};
    struct em_units *units = l->units;
    struct em_job *job = &units->job;
    uint8_t digest[EM_DIGEST_SIZE];
    uint64_t rows;
    job->stage = "checking";
    em_hooks_begin(job->report.hooks, job->stage, NULL);
    enum em_status status =
        em_digest_part(l->all, "espmfg manifest 1", strlen("espmfg manifest 1"), err);
    if (status == EM_OK)
        status = em_pass_run(NULL, units->batch.jobs, &ops, l, &rows, err);
    (void)em_hooks_end(job->report.hooks, job->stage, NULL, status); /* its own status */
    if (status == EM_OK)
        status = em_report_result(&job->report, err);
    if (status == EM_OK)
        status = look_for_twins(l, err);
    if (status == EM_OK && units->index.n == 0) {
        status = em_error_set(err, EM_ERR_INPUT, "make a batch with rows",
                              "the manifest lists no units");
        em_error_at(err, units->source, 0);
    }
    if (status == EM_OK)
        status = em_digest_number(l->all, units->index.n, err);
    if (status == EM_OK)
        status = em_digest_end(l->all, digest, err);
    if (status == EM_OK)
        em_hex_encode(units->digest, digest, sizeof digest);
    if (status != EM_OK)
        return status;
    warn_keys(l);
    return em_job_progress(job, "bytes", em_listing_size(l->listing),
                           em_listing_size(l->listing), true, err);
}

enum em_status em_units_open_listed(struct em_units *units, const struct em_hooks *hooks,
                                    struct em_error *err)
{
    const struct em_span columns[] = {em_span_of("unit"), em_span_of("file_id")};
    struct listing l = {.units = units};
    units->job.options = &units->batch;
    units->job.report.hooks = hooks;
    units->source = units->batch.manifest;
    if (units->batch.jobs == 0)
        return em_error_set(err, EM_ERR_USAGE, NULL, "--jobs has to be 1 or more");
    enum em_status status = em_units_remember(units, err);
    if (status == EM_OK)
        status = em_listing_open(&l.listing, units->source, err);
    if (status == EM_OK)
        status = open_folders(units, err);
    if (status == EM_OK)
        status = em_units_set_columns(units, columns, 2, err);
    if (status == EM_OK)
        status = em_digest_new(&l.all, err);
    if (status == EM_OK)
        status = em_digest_new(&l.row, err);
    if (status == EM_OK)
        status = em_idset_new(&l.names, err);
    if (status == EM_OK)
        status = em_idset_new(&l.hmacs, err);
    if (status == EM_OK)
        status = check(&l, err);
    if (status == EM_OK)
        status = em_units_unchanged(units, err);
    em_idset_free(l.hmacs);
    em_idset_free(l.names);
    em_digest_free(l.row);
    em_digest_free(l.all);
    em_listing_close(l.listing);
    return status;
}

/* ---- The image ---- */

static enum em_status image_fault(const struct em_unit_data *unit, const char *what,
                                  struct em_error *err)
{
    return em_error_set(err, EM_ERR_INPUT, "bring the folder as it was made",
                        "the image '%s/%s' of unit '%s' %s",
                        em_dir_path(unit->units->images), unit->names.image, unit->name,
                        what);
}

static enum em_status check_key(const struct em_unit_data *unit, const struct em_key *key,
                                struct em_error *err)
{
    char fingerprint[EM_KEY_FINGERPRINT_SIZE];
    if (key->len == 0)
        return EM_OK;
    enum em_status status = em_key_fingerprint(key, fingerprint, err);
    if (status == EM_OK &&
        !em_span_is(unit->row.fields[EM_LISTED_HMAC_SHA256], fingerprint))
        status = image_fault(unit, "was made with another HMAC key", err);
    return status;
}

enum em_status em_units_read_image(struct em_unit_data *unit, const struct em_key *key,
                                   struct em_error *err)
{
    uint8_t digest[EM_DIGEST_SIZE];
    char hex[EM_SHA256_HEX];
    uint64_t len;
    size_t size = (size_t)listed_size(&unit->row);
    enum em_status status = check_key(unit, key, err);
    if (status != EM_OK)
        return status;
    unit->image = malloc(size + 1); /* 1: is there more? */
    if (unit->image == NULL)
        return em_error_nomem(err);
    unit->image_len = size + 1; /* for wiping */
    status = em_dir_load(unit->image, size + 1, size, &len, unit->units->images,
                         unit->names.image, err);
    if (status != EM_OK)
        return status;
    if (len != size)
        return image_fault(unit, "has another size than the manifest lists", err);
    if (EVP_Digest(unit->image, size, digest, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "SHA-256 failed");
    em_hex_encode(hex, digest, sizeof digest);
    if (!em_span_is(unit->row.fields[EM_LISTED_SHA256], hex))
        return image_fault(unit, "is not the one that the manifest lists (SHA-256)", err);
    unit->image_len = size;
    return EM_OK;
}
