/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying a batch, from options to result. */
#include "config.h"

#include "mfg/verify_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- The pass over all units ---- */

static bool want(void *user, uint64_t number)
{
    return em_verify_wanted(user, number);
}

static enum em_status next(void *user, struct em_csv_row *row, struct em_error *err)
{
    return em_verify_next(user, row, err);
}

static enum em_status admit(void *user, struct em_unit *unit, struct em_error *err)
{
    struct em_verify *v = user;
    enum em_status status = em_verify_admit(v, unit, err);
    if (status != EM_OK || v->job.ids == NULL ||
        unit->row.n_fields != v->job.plan.n_columns)
        return status;
    return em_idset_mark(v->job.ids, *em_job_file_id(&v->job, &unit->row), err);
}

static enum em_status work(void *user, unsigned worker, struct em_unit *unit,
                           struct em_error *err)
{
    struct em_verify *v = user;
    struct em_error fault;
    unit->names.image[0] = '\0';
    if (em_verify_names(v, unit, &fault) != EM_OK) {
        unit->names.image[0] = '\0';
        (void)em_unit_fault(unit, &fault); /* nothing else of the unit can be looked at */
        return EM_OK;
    }
    return em_verify_unit(v, worker, unit, err);
}

/* A unit's faults; those with status EM_OK are warnings. Returns whether it has faults.
 */
static bool tell(struct em_verify *v, const struct em_unit *unit)
{
    struct em_report *report = &v->job.report;
    bool faulty = unit->faults_more > 0;
    for (size_t i = 0; i < unit->n_faults; i++) {
        if (unit->faults[i].status != EM_OK) {
            faulty = true;
            em_report_fault(report, &unit->faults[i]);
        } else if (report->warnings < EM_FAULTS_SHOWN) {
            em_report_say(report, EM_LOG_WARNING, NULL, &unit->faults[i]);
        } else {
            report->warnings++;
        }
    }
    report->faults += unit->faults_more;
    return faulty;
}

static enum em_status finish(void *user, struct em_unit *unit, struct em_error *err)
{
    struct em_verify *v = user;
    enum em_status status = EM_OK;
    bool faulty = tell(v, unit);
    v->result->units++;
    v->result->faulty += faulty;
    v->result->verified += !faulty;
    v->nameless += unit->names.image[0] == '\0';
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++)
        v->folders[em_verify_folder_of(kind)].found += unit->found >> kind & 1;
    if (unit->key_hash != 0)
        status = em_idset_mark_hash(v->keys, unit->key_hash, err);
    if (status == EM_OK && v->files != NULL && unit->names.image[0] != '\0')
        status = em_idset_mark(v->files, em_span_of(unit->names.image), err);
    return status;
}

static enum em_status tell_progress(struct em_verify *v, bool last, struct em_error *err)
{
    uint64_t size =
        v->has_values ? em_csv_size(v->job.values) : em_listing_size(v->listing);
    uint64_t at =
        v->has_values ? em_csv_position(v->job.values) : em_listing_position(v->listing);
    return em_job_progress(&v->job, "bytes", last || at > size ? size : at, size, last,
                           err);
}

static enum em_status progress(void *user, struct em_error *err)
{
    return tell_progress(user, false, err);
}

/* ---- Units that share what they must not ---- */

static enum em_status read_again(void *user, unsigned worker, struct em_unit *unit,
                                 struct em_error *err)
{
    struct em_verify *v = user;
    struct em_verify_key key = {.blamed = false};
    (void)worker;
    enum em_status status = EM_OK;
    if (em_verify_names(v, unit, NULL) != EM_OK) {
        unit->names.image[0] = '\0'; /* was told before */
        return EM_OK;
    }
    if (v->keys != NULL && em_idset_suspects(v->keys))
        status = em_verify_key(v, unit, &key, err);
    em_key_wipe(&key.key);
    return status;
}

static enum em_status look(struct em_verify *v, struct em_idset *set, const char *id,
                           struct em_unit *unit, enum em_output kind, const char *what,
                           struct em_error *err)
{
    unsigned long earlier = 0;
    if (set == NULL || !em_idset_suspects(set) || id[0] == '\0')
        return EM_OK;
    uint64_t hash = set == v->keys ? unit->key_hash : em_idset_hash(em_span_of(id));
    enum em_status status = em_idset_look_hash(
        set, hash, em_span_of(id), (unsigned long)unit->number, &earlier, err);
    if (status != EM_OK || earlier == 0)
        return status;
    struct em_error fault;
    (void)em_error_set(&fault, EM_ERR_INPUT, "each unit has to have its own",
                       "the %s of unit %" PRIu64 " is that of unit %lu too", what,
                       unit->number, earlier);
    em_verify_fault(v, unit, kind, &fault);
    v->twins = v->twins || set == v->files;
    return EM_OK;
}

static enum em_status compare_again(void *user, struct em_unit *unit,
                                    struct em_error *err)
{
    struct em_verify *v = user;
    unit->n_faults = 0; /* told before */
    unit->faults_more = 0;
    enum em_output kind =
        (unit->found >> EM_OUTPUT_KEY & 1) != 0 ? EM_OUTPUT_KEY : EM_OUTPUT_HMAC_KEY;
    enum em_status status =
        look(v, v->files, unit->names.image, unit, EM_OUTPUT_IMAGE, "image", err);
    if (status == EM_OK)
        status = look(v, v->keys, unit->key_sha256, unit, kind, "key", err);
    (void)tell(v, unit);
    return status;
}

static enum em_status admit_again(void *user, struct em_unit *unit, struct em_error *err)
{
    return em_verify_admit(user, unit, err);
}

static enum em_status look_for_twins(struct em_verify *v, struct em_error *err)
{
    static const struct em_pass_ops ops = {want,          admit_again, read_again,
                                           compare_again, progress,    next};
    uint64_t rows;
    enum em_status status = EM_OK;
    unsigned long faults = v->job.report.faults;
    if (v->job.ids != NULL && em_idset_suspects(v->job.ids))
        status = em_job_look_for_twins(&v->job, err);
    v->twins = v->job.report.faults > faults;
    if (status != EM_OK || ((v->keys == NULL || !em_idset_suspects(v->keys)) &&
                            (v->files == NULL || !em_idset_suspects(v->files))))
        return status;
    v->job.stage = "comparing";
    v->again = true;
    status = em_verify_pass(v, &ops, v, &rows, err);
    return status == EM_OK ? tell_progress(v, true, err) : status;
}

/* ---- Before and after ---- */

static enum em_status check_options(const struct em_batch_verify_options *o,
                                    struct em_error *err)
{
    if ((o->config == NULL) != (o->values == NULL))
        return em_error_set(err, EM_ERR_USAGE, "give both, or a manifest",
                            "--config and --values belong together");
    if (o->config == NULL && o->manifest == NULL)
        return em_error_set(err, EM_ERR_USAGE,
                            "give --manifest FILE, or --config CONF --values VALUES",
                            "nothing says what the batch should be");
    if (o->config == NULL && (o->id_column != NULL || o->counter || o->prefix != NULL))
        return em_error_set(err, EM_ERR_USAGE, "the manifest has the file names",
                            "--prefix, --prefix_num and --fileid need --config and "
                            "--values");
    return EM_OK;
}

/* The options of the batch, as far as they count here. */
static void set_batch(struct em_verify *v)
{
    const struct em_batch_verify_options *o = v->options;
    v->batch = (struct em_batch_options){
        .config = o->config,
        .values = o->values,
        .prefix = v->prefix,
        .size = EM_NVS_RW_SIZE_MIN,
        .version = o->version,
        .outdir = o->outdir,
        .id_column = o->id_column,
        .counter = o->counter,
        .counter_start = o->counter_start,
        .counter_width = o->counter_width,
        .jobs = o->jobs,
        .first_row = o->first_row,
        .last_row = o->last_row,
        .shard = o->shard,
        .shards = o->shards,
    };
    v->job.options = &v->batch;
    v->job.result = &v->rows;
    v->job.stage = "verifying";
    v->job.naming = (struct em_naming){v->prefix, o->counter, o->counter_start,
                                       o->counter_width, false};
    v->has_values = o->config != NULL;
}

static enum em_status set_prefix(struct em_verify *v, struct em_error *err)
{
    const char *prefix = v->options->prefix;
    struct em_unit unit = {.number = 0};
    struct em_naming naming = v->job.naming;
    if (prefix != NULL)
        naming.prefix = prefix;
    enum em_status status = em_naming_check(&naming, err);
    if (status == EM_OK && prefix != NULL && strlen(prefix) >= sizeof v->prefix)
        status = em_error_set(err, EM_ERR_USAGE, NULL, "--prefix is too long");
    if (status == EM_OK && prefix != NULL)
        memcpy(v->prefix, prefix, strlen(prefix) + 1);
    if (status == EM_OK)
        status = em_verify_first_unit(v, &unit, err);
    if (status == EM_OK && prefix == NULL && v->listing == NULL && unit.number != 0) {
        status = em_job_names(&v->job, &unit, err);
        if (status == EM_OK)
            status = em_verify_infer_prefix(v, &unit, err);
    }
    em_csv_row_free(&unit.row);
    return status;
}

static enum em_status new_workers(struct em_verify *v, struct em_error *err)
{
    enum em_status status = v->has_values ? em_job_new_makers(&v->job, err) : EM_OK;
    v->workers = calloc(v->options->jobs, sizeof *v->workers);
    if (status == EM_OK && v->workers == NULL)
        status = em_error_nomem(err);
    for (unsigned i = 0; i < v->options->jobs && status == EM_OK; i++) {
        struct em_verify_worker *w = &v->workers[i];
        status = em_nvs_crypt_new(&w->crypt, err);
        if (status == EM_OK)
            status = em_nvs_reader_new(&w->reader, err);
        if (status == EM_OK)
            status = em_nvs_reader_new(&w->wanted, err);
    }
    if (status == EM_OK && v->given.len == 0)
        status = em_idset_new(&v->keys, err);
    if (status == EM_OK && v->listing != NULL) {
        em_idset_free(v->job.ids); /* the names are those of the manifest */
        v->job.ids = NULL;
        status = em_idset_new(&v->files, err);
    }
    return status;
}

static void free_all(struct em_verify *v)
{
    for (unsigned i = 0; v->workers != NULL && i < v->options->jobs; i++) {
        struct em_verify_worker *w = &v->workers[i];
        em_nvs_crypt_free(w->crypt);
        em_nvs_reader_free(w->reader);
        em_nvs_reader_free(w->wanted);
        em_buf_wipe(&w->image);
        em_buf_wipe(&w->text);
    }
    free(v->workers);
    em_idset_free(v->keys);
    em_idset_free(v->files);
    em_csv_row_free(&v->ahead);
    em_listing_close(v->listing);
    em_verify_close_folders(v);
    em_key_wipe(&v->given);
    em_unseal_close(v->unseal);
    em_job_free(&v->job);
}

static enum em_status prepare(struct em_verify *v, struct em_error *err)
{
    const struct em_batch_verify_options *o = v->options;
    enum em_status status = check_options(o, err);
    if (status == EM_OK)
        status = em_job_check_options(&v->batch, err);
    if (status == EM_OK)
        status = em_key_load(&v->given, o->inputkey, o->hmac_inputkey, err);
    v->given_hmac = o->hmac_inputkey != NULL;
    if (status == EM_OK && o->unseal_key != NULL) {
        const struct em_unseal_options unseal = {o->unseal_key, o->unseal_passphrase_file,
                                                 o->unseal_passphrase_fd};
        status = em_unseal_open(&v->unseal, &unseal, err);
    }
    if (status == EM_OK && v->has_values)
        status = em_job_read_plan(&v->job, err);
    if (status == EM_OK && v->job.report.faults > 0)
        return em_error_set(err, v->job.report.first, NULL,
                            "%lu fault%s in the inputs: nothing was verified",
                            v->job.report.faults, v->job.report.faults == 1 ? "" : "s");
    if (status == EM_OK && o->manifest != NULL)
        status = em_listing_open(&v->listing, o->manifest, err);
    if (status == EM_OK)
        status = em_verify_open_folders(v, err);
    v->job.naming.sealed = v->folders[VERIFY_KEYS].sealed > 0;
    if (status == EM_OK)
        status = set_prefix(v, err);
    return status == EM_OK ? new_workers(v, err) : status;
}

static enum em_status look_for_foreign(struct em_verify *v, struct em_error *err)
{
    const struct em_batch_verify_options *o = v->options;
    struct em_error note;
    if (o->first_row != 1 || o->last_row != 0 || o->shards != 1)
        return EM_OK;
    if (v->nameless == 0)
        return em_verify_foreign(v, err);
    (void)em_error_set(&note, EM_OK, NULL,
                       "files that belong to no unit were not looked for: not all names "
                       "are known");
    em_report_say(&v->job.report, EM_LOG_NOTE, NULL, &note);
    return EM_OK;
}

static enum em_status run(struct em_verify *v, struct em_error *err)
{
    static const struct em_pass_ops ops = {want, admit, work, finish, progress, next};
    enum em_status status = prepare(v, err);
    if (status == EM_OK)
        status = em_verify_pass(v, &ops, v, &v->rows.rows, err);
    if (status == EM_OK)
        status = em_verify_count_end(v, err);
    else if (v->counting)
        (void)em_verify_count_end(v, NULL); /* the first error is the one to tell */
    if (status == EM_OK && v->has_values)
        status = em_csv_unchanged(v->job.values, err);
    if (status == EM_OK)
        status = tell_progress(v, true, err);
    if (status == EM_OK)
        status = em_verify_surplus(v, err);
    if (status == EM_OK && v->has_values)
        em_job_check_rows(&v->job);
    if (status == EM_OK)
        status = look_for_twins(v, err);
    return status == EM_OK ? look_for_foreign(v, err) : status;
}

enum em_status em_batch_verify(const struct em_batch_verify_options *options,
                               const struct em_hooks *hooks,
                               struct em_batch_verify_result *out, struct em_error *err)
{
    struct em_verify v = {
        .options = options,
        .result = out,
        .job = {.report = {.hooks = hooks}},
    };
    *out = (struct em_batch_verify_result){0};
    set_batch(&v);
    enum em_status status = run(&v, err);
    out->faults = v.job.report.faults;
    out->warnings = v.job.report.warnings;
    free_all(&v);
    return status;
}
