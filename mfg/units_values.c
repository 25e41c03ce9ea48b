/* SPDX-License-Identifier: Apache-2.0 */
/* Units that are made of a config and values. */
#include "config.h"

#include "mfg/units_int.h"

#include "base/error_int.h"
#include "base/hex_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* While the tables are checked. */
struct checking {
    struct em_units *units;
    struct em_digest **files; /* one a worker, fed by its maker */
    struct em_digest **rows;  /* likewise, for rows */
    struct em_digest *all;
};

/* Rows come in order here, but their digests are not known yet. */
static enum em_status admit(void *user, const struct em_unit *unit, struct em_error *err)
{
    struct checking *c = user;
    const struct em_units_place place = {.off = unit->row.off};
    return em_units_index_add(&c->units->index, &place, err);
}

static enum em_status begin(void *user, unsigned worker, struct em_unit *unit,
                            struct em_error *err)
{
    struct checking *c = user;
    (void)unit;
    return em_digest_reset(c->files[worker], err);
}

static enum em_status checked(void *user, unsigned worker, struct em_unit *unit,
                              struct em_error *err)
{
    struct checking *c = user;
    enum em_status status =
        em_units_row_digest(c->rows[worker], &unit->row, unit->row_digest, err);
    return status == EM_OK ? em_digest_end(c->files[worker], unit->files_digest, err)
                           : status;
}

static enum em_status finish(void *user, const struct em_unit *unit, struct em_error *err)
{
    struct checking *c = user;
    if (unit->n_faults > 0) /* the batch will not be used */
        return EM_OK;
    struct em_units_place *place = em_units_index_at(&c->units->index, unit->number);
    memcpy(place->row, unit->row_digest, sizeof place->row);
    memcpy(place->files, unit->files_digest, sizeof place->files);
    enum em_status status = em_digest_part(c->all, unit->row_digest, EM_DIGEST_SIZE, err);
    if (status == EM_OK)
        status = em_digest_part(c->all, unit->files_digest, EM_DIGEST_SIZE, err);
    return status;
}

static enum em_status add_text(struct em_digest *digest, const char *text,
                               struct em_error *err)
{
    const char *some = text == NULL ? "" : text;
    enum em_status status = em_digest_number(digest, text != NULL, err);
    return status == EM_OK ? em_digest_part(digest, some, strlen(some), err) : status;
}

/* The options, the config as it was understood, and the names of the columns. */
static enum em_status digest_plan(struct em_digest *digest, const struct em_units *units,
                                  struct em_error *err)
{
    const struct em_batch_options *o = &units->batch;
    const struct em_config *config = &units->job.plan.config;
    enum em_status status = add_text(digest, "espmfg units 1", err);
    if (status == EM_OK)
        status = em_digest_number(digest, o->size, err);
    if (status == EM_OK)
        status = em_digest_number(digest, (uint64_t)o->version, err);
    if (status == EM_OK)
        status = em_digest_number(digest, (uint64_t)units->encryption, err);
    if (status == EM_OK && units->encryption == EM_UNITS_FLASH)
        status = em_digest_number(digest, units->flash_key_len, err);
    if (status == EM_OK)
        status = add_text(digest, o->prefix, err);
    if (status == EM_OK)
        status = add_text(digest, o->id_column, err);
    if (status == EM_OK)
        status = em_digest_number(digest, config->n_items, err);
    for (size_t i = 0; i < config->n_items && status == EM_OK; i++) {
        const struct em_item *item = &config->items[i];
        status = em_digest_part(digest, item->csv, item->csv_len, err);
        if (status == EM_OK)
            status = em_digest_number(digest, item->repeat, err);
    }
    if (status == EM_OK)
        status = em_digest_number(digest, units->n_columns, err);
    for (size_t i = 0; i < units->n_columns && status == EM_OK; i++)
        status = add_text(digest, units->columns[i], err);
    return status;
}

static void checking_free(struct checking *c)
{
    for (unsigned i = 0; i < c->units->batch.jobs; i++) {
        if (c->files != NULL)
            em_digest_free(c->files[i]);
        if (c->rows != NULL)
            em_digest_free(c->rows[i]);
    }
    free(c->files);
    free(c->rows);
    em_digest_free(c->all);
}

static enum em_status checking_new(struct checking *c, struct em_error *err)
{
    unsigned jobs = c->units->batch.jobs;
    enum em_status status = em_digest_new(&c->all, err);
    c->files = calloc(jobs, sizeof(struct em_digest *));
    c->rows = calloc(jobs, sizeof(struct em_digest *));
    if (status == EM_OK && (c->files == NULL || c->rows == NULL))
        status = em_error_nomem(err);
    for (unsigned i = 0; i < jobs && status == EM_OK; i++) {
        status = em_digest_new(&c->files[i], err);
        if (status == EM_OK)
            status = em_digest_new(&c->rows[i], err);
        if (status == EM_OK)
            em_maker_digest_files(c->units->job.makers[i], c->files[i]);
    }
    return status;
}

static enum em_status check(struct em_units *units, struct em_error *err)
{
    static const struct em_job_watch watch = {admit, begin, checked, finish};
    struct em_job *job = &units->job;
    struct checking c = {.units = units};
    uint8_t digest[EM_DIGEST_SIZE];
    enum em_status status = checking_new(&c, err);
    if (status == EM_OK)
        status = digest_plan(c.all, units, err);
    if (status == EM_OK) {
        job->watch = &watch;
        job->watch_user = &c;
        status = em_job_check(job, err);
        job->watch = NULL;
    }
    if (status == EM_OK)
        status = em_report_result(&job->report, err);
    if (status == EM_OK)
        status = em_digest_number(c.all, units->index.n, err);
    if (status == EM_OK)
        status = em_digest_end(c.all, digest, err);
    if (status == EM_OK)
        em_hex_encode(units->digest, digest, sizeof digest);
    checking_free(&c);
    return status;
}

/* Only the check needs a maker for each thread, the set of ids, and the open file. */
static void release(struct em_job *job)
{
    for (unsigned i = 0; job->makers != NULL && i < job->options->jobs; i++)
        em_maker_free(job->makers[i]);
    free(job->makers);
    job->makers = NULL;
    em_idset_free(job->ids);
    job->ids = NULL;
    em_csv_free(job->values);
    job->values = NULL;
}

static enum em_status prepare(struct em_units *units, struct em_error *err)
{
    struct em_job *job = &units->job;
    const struct em_batch_options *o = &units->batch;
    enum em_status status = em_job_check_options(o, err);
    if (status == EM_OK)
        status = em_naming_check(&job->naming, err);
    if (status == EM_OK)
        status = em_keys_load(&job->keys, &o->keys, err);
    if (status == EM_OK && o->n_seal > 0)
        status = em_seal_open(&job->seal, o->seal, o->n_seal, err);
    if (status == EM_OK && o->n_seal > 0)
        status = em_sealed_to(&job->sealed_to, job->seal, err);
    if (status == EM_OK)
        status = em_units_remember(units, err);
    if (status == EM_OK)
        status = em_job_read_plan(job, err);
    if (status == EM_OK)
        status = em_report_result(&job->report, err);
    if (status == EM_OK)
        status =
            em_units_set_columns(units, job->header.fields, job->header.n_fields, err);
    if (status == EM_OK)
        status = em_job_new_makers(job, err);
    return status;
}

enum em_status em_units_open_values(struct em_units *units, const struct em_hooks *hooks,
                                    struct em_error *err)
{
    struct em_job *job = &units->job;
    const struct em_batch_options *o = &units->batch;
    job->options = o;
    job->result = &units->result;
    job->report.hooks = hooks;
    job->naming.prefix = o->prefix;
    units->source = o->values;
    enum em_status status = prepare(units, err);
    if (status != EM_OK)
        return status;
    em_config_warn_hashes(&job->plan.config, (size_t)o->size / EM_NVS_PAGE_SIZE,
                          &job->report);
    status = em_units_open_keys(units, err);
    if (status == EM_OK)
        status = check(units, err);
    if (status == EM_OK)
        status = em_units_unchanged(units, err);
    if (status == EM_OK && units->index.n == 0) {
        status = em_error_set(err, EM_ERR_INPUT, "add one row for each unit",
                              "a header without rows: there are no units");
        em_error_at(err, o->values, 0);
    }
    release(job);
    units->image_size = (size_t)o->size;
    return status;
}

static enum em_status files_changed(const struct em_unit_data *unit, struct em_error *err)
{
    enum em_status status = em_error_set(
        err, EM_ERR_INPUT, "bring the checked file back, or check it by starting again",
        "a file that the values of unit %" PRIu64 " ('%s') name was changed while it was "
        "being used",
        unit->unit, unit->name);
    em_error_at(err, unit->units->source, 0);
    return status;
}

static enum em_status make(struct em_unit_data *unit, struct em_units_taker *taker,
                           const struct em_key *key, struct em_error *err)
{
    struct em_units *units = unit->units;
    uint8_t digest[EM_DIGEST_SIZE];
    struct em_span image;
    enum em_status status = EM_OK;
    if (taker->maker == NULL)
        status = em_maker_new(&taker->maker, &units->job.plan, units->job.files,
                              (size_t)units->batch.size, units->batch.version, err);
    if (status == EM_OK)
        status = em_digest_reset(taker->digest, err);
    if (status != EM_OK)
        return status;
    em_maker_digest_files(taker->maker, taker->digest);
    status = em_maker_image(taker->maker, &unit->row, key, &image, err);
    if (status == EM_OK)
        status = em_digest_end(taker->digest, digest, err);
    if (status != EM_OK)
        return status;
    if (memcmp(digest, em_units_index_at(&units->index, unit->unit)->files,
               sizeof(((struct em_units_place *)0)->files)) != 0)
        return files_changed(unit, err);
    unit->image = malloc(image.len);
    if (unit->image == NULL)
        return em_error_nomem(err);
    memcpy(unit->image, image.p, image.len);
    unit->image_len = image.len;
    return EM_OK;
}

enum em_status em_units_make_image(struct em_unit_data *unit, const struct em_key *key,
                                   struct em_error *err)
{
    struct em_units *units = unit->units;
    struct em_units_taker *taker;
    struct em_key xts = {0};
    bool own = units->encryption >= EM_UNITS_HMAC;
    if (own != (key->len > 0))
        return em_error_set(err, EM_ERR_USAGE, "use what em_unit_key() gave",
                            own ? "the unit's image needs its own key"
                                : "a key is given for a unit that has none of its own");
    enum em_status status = EM_OK;
    if (units->encryption == EM_UNITS_FLASH)
        status = em_units_derive(&xts, key, err);
    else if (own)
        status = em_nvs_key_derive(&xts, key, err);
    else
        xts = units->job.keys.given; /* or none */
    if (status == EM_OK)
        status = em_units_borrow(units, &taker, err);
    if (status == EM_OK) {
        status = make(unit, taker, &xts, err);
        em_units_give_back(units, taker);
    }
    em_key_wipe(&xts);
    return status;
}
