/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass of a batch: nothing is written before every row is known to be right. */
#include "config.h"

#include "mfg/job_int.h"

#include "base/error_int.h"
#include "base/hooks_int.h"

static bool want_all(void *user, uint64_t number)
{
    (void)user, (void)number;
    return true; /* rows of other shards are checked too, as far as they concern this one
                  */
}

static enum em_status admit(void *user, struct em_unit *unit, struct em_error *err)
{
    struct em_job *job = user;
    if (unit->number == 1 && unit->row.n_fields == job->plan.n_columns) {
        enum em_status status = em_plan_repeat(&job->plan, &unit->row, err);
        if (status != EM_OK)
            return status;
    }
    if (job->watch != NULL) {
        enum em_status status = job->watch->admit(job->watch_user, unit, err);
        if (status != EM_OK)
            return status;
    }
    if (job->ids == NULL || unit->row.n_fields != job->plan.n_columns)
        return EM_OK;
    return em_idset_mark(job->ids, *em_job_file_id(job, &unit->row), err);
}

/* Does the row bring a value of its own where the first row's is used? */
static void note_ignored(const struct em_plan *plan, struct em_unit *unit)
{
    for (size_t i = 0; i < plan->config.n_items && plan->has_repeat; i++) {
        if (!plan->config.items[i].repeat)
            continue;
        struct em_span own = unit->row.fields[plan->values[i].column];
        if (own.len > 0 && !em_span_equal(own, em_plan_text(plan, i, &unit->row))) {
            unit->ignored_repeat = (long)i;
            return;
        }
    }
}

/* Compare what is there with what would be written: a run is only resumed over its own.
 */
static enum em_status check_resumed(const struct em_job *job, unsigned worker,
                                    struct em_unit *unit, struct em_error *err)
{
    struct em_unit_files files;
    struct em_error fault;
    enum em_status status = em_job_make_files(job, worker, unit, &files, &fault);
    em_unit_files_wipe(&files);
    if (status == EM_ERR_NOMEM || status == EM_ERR_CRYPTO) {
        *err = fault;
        return status;
    }
    if (status != EM_OK)
        (void)em_unit_fault(unit, &fault); /* the last one of this unit */
    return EM_OK;
}

/* The first unit of this run: it tells the faults of values that are the same for all. */
static bool is_first(const struct em_job *job, uint64_t number)
{
    const struct em_batch_options *o = job->options;
    return number < o->first_row + o->shards && em_job_selects(job, number);
}

static enum em_status work(void *user, unsigned worker, struct em_unit *unit,
                           struct em_error *err)
{
    const struct em_job *job = user;
    struct em_error fault;
    if (em_plan_check_row(&job->plan, &unit->row, &fault) != EM_OK ||
        em_job_names(job, unit, &fault) != EM_OK) {
        (void)em_unit_fault(unit, &fault); /* nothing else of the row can be checked */
        return EM_OK;
    }
    if (!em_job_selects(job, unit->number))
        return EM_OK;
    if (em_outputs_check_names(&job->outputs, &unit->names, &fault) != EM_OK) {
        (void)em_unit_fault(unit, &fault); /* the same for any values */
        return EM_OK;
    }
    note_ignored(&job->plan, unit);
    enum em_status status = EM_OK;
    if (job->watch != NULL)
        status = job->watch->begin(job->watch_user, worker, unit, err);
    if (status != EM_OK)
        return status;
    status = em_maker_check(job->makers[worker], &unit->row, is_first(job, unit->number),
                            em_unit_fault, unit, err);
    if (status == EM_OK && unit->n_faults == 0 && job->watch != NULL)
        status = job->watch->checked(job->watch_user, worker, unit, err);
    if (status != EM_OK || unit->n_faults > 0)
        return status;
    if (job->options->resume)
        return check_resumed(job, worker, unit, err);
    if (em_outputs_check_new(&job->outputs, &unit->names, &fault) != EM_OK)
        (void)em_unit_fault(unit, &fault); /* the last one of this unit */
    return EM_OK;
}

static enum em_status finish(void *user, struct em_unit *unit, struct em_error *err)
{
    struct em_job *job = user;
    for (size_t i = 0; i < unit->n_faults; i++)
        em_report_fault(&job->report, &unit->faults[i]);
    job->report.faults += unit->faults_more;
    if (unit->ignored_repeat >= 0 && job->ignored_line == 0) {
        job->ignored_line = unit->row.line;
        job->ignored_item = unit->ignored_repeat;
    }
    if (em_job_selects(job, unit->number))
        job->result->selected++;
    return job->watch == NULL ? EM_OK : job->watch->finish(job->watch_user, unit, err);
}

static enum em_status progress(void *user, struct em_error *err)
{
    struct em_job *job = user;
    return em_job_progress(job, "bytes", em_csv_position(job->values),
                           em_csv_size(job->values), false, err);
}

enum em_status em_job_look_for_twins(struct em_job *job, struct em_error *err)
{
    struct em_csv_row row = {0};
    enum em_status status = em_csv_rewind(job->values, err);
    if (status == EM_OK)
        status = em_csv_next(job->values, &row, err); /* the header */
    while (status == EM_OK) {
        unsigned long earlier = 0;
        status = em_csv_next(job->values, &row, err);
        if (status != EM_OK || row.n_fields == 0)
            break;
        if (row.n_fields != job->plan.n_columns)
            continue; /* told before */
        const struct em_span id = *em_job_file_id(job, &row);
        status = em_idset_look(job->ids, id, row.line, &earlier, err);
        if (status == EM_OK && earlier != 0) {
            struct em_error fault;
            (void)em_error_set(&fault, EM_ERR_INPUT, "give each row its own file id",
                               "the file id '%.*s' is that of line %lu too",
                               (int)(id.len < 64 ? id.len : 64), (const char *)id.p,
                               earlier);
            em_error_at(&fault, job->plan.values_path, row.line);
            em_report_fault(&job->report, &fault);
        }
    }
    em_csv_row_free(&row);
    return status;
}

static void warn_ignored(struct em_job *job)
{
    struct em_error msg;
    if (job->ignored_line == 0)
        return;
    (void)em_error_set(&msg, EM_ERR_INPUT, "leave the cells of later rows empty",
                       "key '%s' is REPEAT: the first row's value is used, not this one",
                       job->plan.config.items[job->ignored_item].key);
    em_error_at(&msg, job->plan.values_path, job->ignored_line);
    em_report_say(&job->report, EM_LOG_WARNING, NULL, &msg);
}

enum em_status em_job_check(struct em_job *job, struct em_error *err)
{
    static const struct em_pass_ops ops = {want_all, admit, work, finish, progress, NULL};
    struct em_error fault;
    job->stage = "checking";
    em_hooks_begin(job->report.hooks, job->stage, NULL);
    enum em_status status = em_pass_run(job->values, job->options->jobs, &ops, job,
                                        &job->result->rows, &fault);
    (void)em_hooks_end(job->report.hooks, job->stage, NULL, status); /* its own status */
    if (status == EM_ERR_INPUT) { /* a row that cannot be read: a fault like the others */
        em_report_fault(&job->report, &fault);
        status = EM_OK;
    } else if (status != EM_OK) {
        if (err != NULL)
            *err = fault;
        return status;
    }
    if (job->ids != NULL && em_idset_suspects(job->ids) && job->report.faults == 0)
        status = em_job_look_for_twins(job, err);
    warn_ignored(job);
    if (status == EM_OK)
        status = em_job_progress(job, "bytes", em_csv_size(job->values),
                                 em_csv_size(job->values), true, err);
    return status;
}
