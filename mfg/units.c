/* SPDX-License-Identifier: Apache-2.0 */
/* The units of a batch one at a time: opening them, and taking one out. */
#include "config.h"

#include "mfg/units_int.h"

#include "base/error_int.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static enum em_status check_options(const struct em_units_options *o,
                                    struct em_error *err)
{
    if (o->manifest != NULL) {
        if (o->config != NULL || o->values != NULL)
            return em_error_set(err, EM_ERR_USAGE, "choose one of them",
                                "units come from a manifest or from a config and values");
        return EM_OK;
    }
    if (o->config == NULL || o->values == NULL)
        return em_error_set(err, EM_ERR_USAGE, "or name a manifest",
                            "units need a config and values");
    if ((o->encryption == EM_UNITS_KEY) != (o->key_file != NULL))
        return em_error_set(err, EM_ERR_USAGE,
                            "a key file is for images that one key encrypts",
                            o->key_file == NULL ? "the key file is not named"
                                                : "a key file is named, but not used");
    if (o->encryption >= EM_UNITS_HMAC && o->keys_dir == NULL)
        return em_error_set(err, EM_ERR_USAGE, "name a folder that only you can read",
                            "the folder for the units' keys is not named");
    if (o->encryption == EM_UNITS_FLASH && o->flash_key_len != 16 &&
        o->flash_key_len != 24 && o->flash_key_len != 32 && o->flash_key_len != 64)
        return em_error_set(err, EM_ERR_USAGE, "16, 24, 32 or 64",
                            "flash encryption keys of %zu bytes", o->flash_key_len);
    if (o->encryption < EM_UNITS_HMAC && o->n_seal > 0)
        return em_error_set(err, EM_ERR_USAGE, "it is for keys of each unit's own",
                            "certificates to seal to, but units have no keys");
    return EM_OK;
}

/* A copy of @p text that lives as long as the units; NULL stays NULL. */
static const char *keep(struct em_units *units, const char *text, bool *failed)
{
    if (text == NULL)
        return NULL;
    char *copy = strdup(text);
    if (copy == NULL) {
        *failed = true;
        return NULL;
    }
    assert(units->n_texts < EM_UNITS_TEXTS);
    units->texts[units->n_texts++] = copy;
    return copy;
}

static enum em_status take_options(struct em_units *units,
                                   const struct em_units_options *o, struct em_error *err)
{
    struct em_batch_options *batch = &units->batch;
    bool failed = false;
    *batch = (struct em_batch_options)EM_BATCH_OPTIONS_INIT;
    units->listed = o->manifest != NULL;
    units->encryption = o->encryption;
    batch->config = keep(units, o->config, &failed);
    batch->values = keep(units, o->values, &failed);
    batch->manifest = keep(units, o->manifest, &failed);
    bool no_prefix = o->prefix == NULL || o->prefix[0] == '\0';
    batch->prefix = keep(units, no_prefix ? NULL : o->prefix, &failed);
    batch->id_column = keep(units, o->id_column, &failed);
    batch->size = o->size;
    batch->version = o->version;
    batch->jobs = o->jobs;
    batch->keys.inputkey = keep(units, o->key_file, &failed);
    if (o->encryption == EM_UNITS_HMAC && !units->listed) {
        batch->keys.keygen = true;
        batch->keys.protect_hmac = true;
        batch->keys.hmac_keygen = true;
    }
    if (o->encryption >= EM_UNITS_HMAC && !units->listed) {
        units->keys_dir = strdup(o->keys_dir);
        failed = failed || units->keys_dir == NULL;
        units->flash_key_len = o->flash_key_len;
        batch->seal = o->seal; /* only read while the units are opened */
        batch->n_seal = o->n_seal;
    }
    if (o->outdir != NULL)
        units->outdir = strdup(o->outdir);
    failed = failed || (o->outdir != NULL && units->outdir == NULL);
    return failed ? em_error_nomem(err) : EM_OK;
}

enum em_status em_units_set_columns(struct em_units *units, const struct em_span *names,
                                    size_t n, struct em_error *err)
{
    units->columns = calloc(n + 1, sizeof *units->columns);
    if (units->columns == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < n; i++) {
        units->columns[i] = strndup((const char *)names[i].p, names[i].len);
        if (units->columns[i] == NULL)
            return em_error_nomem(err);
        units->n_columns++;
    }
    return EM_OK;
}

static struct em_units *units_new(void)
{
    struct em_units *units = calloc(1, sizeof *units);
    if (units == NULL || pthread_mutex_init(&units->lock, NULL) != 0) {
        free(units);
        return NULL;
    }
    if (pthread_mutex_init(&units->key_lock, NULL) != 0) {
        pthread_mutex_destroy(&units->lock);
        free(units);
        return NULL;
    }
    return units;
}

enum em_status em_units_open(struct em_units **out,
                             const struct em_units_options *options,
                             const struct em_hooks *hooks, struct em_error *err)
{
    *out = NULL;
    enum em_status status = check_options(options, err);
    if (status != EM_OK)
        return status;
    struct em_units *units = units_new();
    if (units == NULL)
        return em_error_nomem(err);
    status = take_options(units, options, err);
    if (status == EM_OK)
        status = units->listed ? em_units_open_listed(units, hooks, err)
                               : em_units_open_values(units, hooks, err);
    units->job.report.hooks = NULL; /* the caller's, only meant for the check */
    if (status != EM_OK) {
        em_units_close(units);
        return status;
    }
    *out = units;
    return EM_OK;
}

void em_units_close(struct em_units *units)
{
    if (units == NULL)
        return;
    em_units_takers_free(units);
    em_job_free(&units->job);
    em_unseal_close(units->unseal);
    em_units_index_free(&units->index);
    em_dir_close(units->images);
    em_dir_close(units->keys);
    for (size_t i = 0; i < units->n_texts; i++)
        free(units->texts[i]);
    for (size_t i = 0; i < units->n_columns; i++)
        free(units->columns[i]);
    free(units->columns);
    free(units->outdir);
    free(units->keys_dir);
    pthread_mutex_destroy(&units->key_lock);
    pthread_mutex_destroy(&units->lock);
    free(units);
}

enum em_status em_units_unseal(struct em_units *units,
                               const struct em_unseal_options *options,
                               struct em_error *err)
{
    struct em_unseal *unseal;
    enum em_status status = em_unseal_open(&unseal, options, err);
    if (status != EM_OK)
        return status;
    if (units->job.seal != NULL && !em_unseal_fits(unseal, units->job.seal)) {
        em_unseal_close(unseal);
        status =
            em_error_set(err, EM_ERR_INPUT,
                         "add this station's certificate to those that keys are "
                         "sealed to",
                         "keys are sealed to %zu certificate%s, and this private key "
                         "belongs to none of them",
                         em_seal_count(units->job.seal),
                         em_seal_count(units->job.seal) == 1 ? "" : "s");
        em_error_at(err, options->key, 0);
        return status;
    }
    em_unseal_close(units->unseal);
    units->unseal = unseal;
    return EM_OK;
}

const char *em_units_sealed_to(const struct em_units *units)
{
    return units->job.sealed_to;
}

uint64_t em_units_count(const struct em_units *units)
{
    return units->index.n;
}

const char *em_units_digest(const struct em_units *units)
{
    return units->digest;
}

size_t em_units_image_size(const struct em_units *units)
{
    return units->image_size;
}

/* ---- One unit ---- */

/* Columns as strings: the row has them without NULs. */
static enum em_status take_texts(struct em_unit_data *unit, struct em_error *err)
{
    const struct em_csv_row *row = &unit->row;
    for (size_t i = 0; i < row->n_fields; i++)
        unit->texts_len += row->fields[i].len + 1;
    unit->texts = malloc(unit->texts_len);
    if (unit->texts == NULL)
        return em_error_nomem(err);
    char *to = unit->texts;
    for (size_t i = 0; i < row->n_fields; i++) {
        memcpy(to, row->fields[i].p, row->fields[i].len);
        to[row->fields[i].len] = '\0';
        to += row->fields[i].len + 1;
    }
    return EM_OK;
}

static enum em_status take_names(struct em_unit_data *unit, struct em_error *err)
{
    const struct em_units *units = unit->units;
    if (units->listed)
        return em_units_listed_names(&unit->names, &unit->row, err);
    return em_names_make(&unit->names, &units->job.naming, unit->unit,
                         em_job_file_id(&units->job, &unit->row), err);
}

enum em_status em_units_take(struct em_units *units, uint64_t number,
                             struct em_unit_data **out, struct em_error *err)
{
    *out = NULL;
    if (number == 0 || number > units->index.n)
        return em_error_set(err, EM_ERR_USAGE, "units count from 1",
                            "there is no unit %" PRIu64 ", '%s' has %" PRIu64, number,
                            units->source, units->index.n);
    struct em_unit_data *unit = calloc(1, sizeof *unit);
    if (unit == NULL)
        return em_error_nomem(err);
    unit->units = units;
    unit->unit = number;
    enum em_status status = em_units_read_row(unit, err);
    if (status == EM_OK)
        status = take_names(unit, err);
    if (status == EM_OK)
        status = take_texts(unit, err);
    if (status != EM_OK) {
        em_unit_close(unit);
        return status;
    }
    size_t len = strlen(unit->names.image) - strlen(".bin"); /* all names have it */
    memcpy(unit->name, unit->names.image, len);
    *out = unit;
    return EM_OK;
}

static void drop_image(struct em_unit_data *unit)
{
    if (unit->image != NULL)
        OPENSSL_cleanse(unit->image, unit->image_len);
    free(unit->image);
    unit->image = NULL;
    unit->image_len = 0;
}

void em_unit_close(struct em_unit_data *unit)
{
    if (unit == NULL)
        return;
    drop_image(unit);
    if (unit->texts != NULL)
        OPENSSL_cleanse(unit->texts, unit->texts_len);
    free(unit->texts);
    em_csv_row_free(&unit->row);
    free(unit);
}

const char *em_unit_name(const struct em_unit_data *unit)
{
    return unit->name;
}

bool em_unit_column(const struct em_unit_data *unit, size_t idx, const char **name,
                    const char **text)
{
    if (idx >= unit->units->n_columns)
        return false;
    const char *at = unit->texts;
    for (size_t i = 0; i < idx; i++)
        at += strlen(at) + 1; /* no cell has a NUL in it */
    *name = unit->units->columns[idx];
    *text = at;
    return true;
}

enum em_status em_unit_image(struct em_unit_data *unit, const struct em_key *key,
                             const uint8_t **image_out, size_t *len_out,
                             struct em_error *err)
{
    *image_out = NULL;
    *len_out = 0;
    drop_image(unit);
    enum em_status status = unit->units->listed ? em_units_read_image(unit, key, err)
                                                : em_units_make_image(unit, key, err);
    if (status != EM_OK) {
        drop_image(unit);
        return status;
    }
    *image_out = unit->image;
    *len_out = unit->image_len;
    return EM_OK;
}
