/* SPDX-License-Identifier: Apache-2.0 */
/* What making a batch and verifying one share: options, tables, selection, progress. */
#include "config.h"

#include "mfg/job_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROGRESS_MS = 100 };

bool em_job_selects(const struct em_job *job, uint64_t number)
{
    const struct em_batch_options *o = job->options;
    return number >= o->first_row && (o->last_row == 0 || number <= o->last_row) &&
           (number - 1) % o->shards == o->shard - 1u;
}

const struct em_span *em_job_file_id(const struct em_job *job,
                                     const struct em_csv_row *row)
{
    return job->plan.id_column == EM_NO_COLUMN ? NULL : &row->fields[job->plan.id_column];
}

enum em_status em_job_names(const struct em_job *job, struct em_unit *unit,
                            struct em_error *err)
{
    enum em_status status = em_names_make(&unit->names, &job->naming, unit->number,
                                          em_job_file_id(job, &unit->row), err);
    if (status != EM_OK)
        em_error_at(err, job->plan.values_path, unit->row.line);
    return status;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0; /* then progress is only told at the end */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

enum em_status em_job_progress(struct em_job *job, const char *counts, uint64_t done,
                               uint64_t total, bool last, struct em_error *err)
{
    const struct em_hooks *hooks = job->report.hooks;
    uint64_t now = now_ms();
    if (hooks == NULL || hooks->progress == NULL ||
        (!last && now - job->told_ms < PROGRESS_MS))
        return EM_OK;
    job->told_ms = now;
    struct em_progress progress = {job->stage, "", counts, done, total};
    bool writing = strcmp(job->stage, "writing") == 0;
    if (hooks->progress(hooks->user, &progress) == 0 || (writing && last))
        return EM_OK; /* what is all written is not stopped any more */
    return em_error_set(err, EM_ERR_STOPPED,
                        writing ? "--resume continues where this run ended"
                                : "nothing was written",
                        "stopped while %s", job->stage);
}

enum em_status em_job_check_options(const struct em_batch_options *o,
                                    struct em_error *err)
{
    if (o->jobs == 0)
        return em_error_set(err, EM_ERR_USAGE, NULL, "--jobs has to be 1 or more");
    if (o->shards == 0 || o->shard == 0 || o->shard > o->shards)
        return em_error_set(err, EM_ERR_USAGE,
                            "for two machines: --shard 1/2 and --shard 2/2",
                            "there is no shard %u of %u", o->shard, o->shards);
    if (o->first_row == 0 || (o->last_row != 0 && o->last_row < o->first_row))
        return em_error_set(err, EM_ERR_USAGE, "units count from 1: --rows 1-100",
                            "--rows ends before it begins");
    if (o->counter_width < 0 || o->counter_width > 100)
        return em_error_set(err, EM_ERR_USAGE, "LENGTH is the number of digits, 0 to 100",
                            "--prefix_num with a length of %d", o->counter_width);
    enum em_status status = em_nvs_size_check(o->size, err);
    if (status == EM_OK && o->manifest != NULL)
        status = em_manifest_check(o->manifest, o->resume, err);
    const char *const names[] = {o->prefix, o->outdir, o->keys.hmac_keyfile};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (status == EM_OK && o->manifest != NULL)
            status = em_manifest_check_text(o->manifest, names[i], err);
    }
    return status;
}

static enum em_status read_config(struct em_job *job, struct em_config *config,
                                  struct em_error *err)
{
    struct em_csv *csv = NULL;
    struct em_error fault;
    const char *path = job->options->config;
    enum em_status status = em_csv_open(&csv, path, err);
    if (status == EM_OK) {
        status = em_config_read(config, csv, path, &job->report, &fault);
        if (status ==
            EM_ERR_INPUT) { /* a row that cannot be read: a fault like the others */
            em_report_fault(&job->report, &fault);
            status = EM_OK;
        } else if (status != EM_OK && err != NULL) {
            *err = fault;
        }
    }
    em_csv_free(csv);
    return status;
}

enum em_status em_job_read_plan(struct em_job *job, struct em_error *err)
{
    const struct em_batch_options *o = job->options;
    struct em_config config = {0};
    struct em_error fault;
    enum em_status status = read_config(job, &config, err);
    if (status == EM_OK)
        status = em_csv_open(&job->values, o->values, err);
    if (status != EM_OK || job->report.faults > 0) {
        em_config_free(&config);
        return status;
    }
    status = em_csv_next(job->values, &job->header, &fault);
    if (status == EM_OK && job->header.n_fields == 0) {
        status = em_error_set(&fault, EM_ERR_INPUT, "begin with a row of column names",
                              "no rows");
        em_error_at(&fault, o->values, 0);
    }
    if (status == EM_ERR_INPUT) {
        em_report_fault(&job->report, &fault);
        em_config_free(&config);
        return EM_OK;
    }
    if (status != EM_OK) {
        if (err != NULL)
            *err = fault;
        em_config_free(&config);
        return status;
    }
    return em_plan_make(&job->plan, &config, o->values, &job->header, o->id_column,
                        &job->report, err);
}

enum em_status em_job_new_makers(struct em_job *job, struct em_error *err)
{
    const struct em_batch_options *o = job->options;
    enum em_status status = em_files_new(&job->files, err);
    job->makers = calloc(o->jobs, sizeof *job->makers);
    if (status == EM_OK && job->makers == NULL)
        status = em_error_nomem(err);
    for (unsigned i = 0; i < o->jobs && status == EM_OK; i++)
        status = em_maker_new(&job->makers[i], &job->plan, job->files, (size_t)o->size,
                              o->version, err);
    /* With a counter names differ whatever the file ids are. */
    if (status == EM_OK && job->plan.id_column != EM_NO_COLUMN && !o->counter)
        status = em_idset_new(&job->ids, err);
    return status;
}

void em_job_check_rows(struct em_job *job)
{
    struct em_error fault;
    if (job->result->rows == 0 || job->options->first_row <= job->result->rows)
        return;
    (void)em_error_set(&fault, EM_ERR_USAGE, "units count from 1",
                       "--rows begins at %" PRIu64 ", the table ends with unit %" PRIu64,
                       job->options->first_row, job->result->rows);
    em_report_fault(&job->report, &fault);
}

void em_job_free(struct em_job *job)
{
    for (unsigned i = 0; job->makers != NULL && i < job->options->jobs; i++)
        em_maker_free(job->makers[i]);
    free(job->makers);
    em_manifest_close(job->manifest);
    em_idset_free(job->ids);
    em_files_free(job->files);
    em_outputs_close(&job->outputs);
    em_plan_free(&job->plan);
    em_csv_row_free(&job->header);
    em_csv_free(job->values);
    em_keys_free(&job->keys);
    em_seal_close(job->seal);
    free(job->sealed_to);
}
