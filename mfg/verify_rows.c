/* SPDX-License-Identifier: Apache-2.0 */
/* The units of a batch that is verified: rows of the values, of the manifest, or of both
 * side by side. */
#include "config.h"

#include "mfg/verify_int.h"

#include "base/error_int.h"
#include "base/hooks_int.h"

#include <inttypes.h>
#include <string.h>

const struct em_csv_row *em_verify_listed(const struct em_verify *v,
                                          const struct em_unit *unit)
{
    if (v->listing == NULL)
        return NULL;
    const struct em_csv_row *row = v->has_values ? &unit->listed : &unit->row;
    return row->n_fields == 0 ? NULL : row;
}

bool em_verify_wanted(const struct em_verify *v, uint64_t number)
{
    return !v->has_values || em_job_selects(&v->job, number);
}

/* The next unit of the manifest. They stand in the order of their rows. */
static enum em_status next_listed(struct em_verify *v, struct em_csv_row *row,
                                  struct em_error *err)
{
    enum em_status status = em_listing_next(v->listing, row, err);
    v->listing_ended = status == EM_OK && row->n_fields == 0;
    if (status != EM_OK || v->listing_ended)
        return status;
    uint64_t before = v->ahead_number;
    v->ahead_number = em_listed_number(row);
    if (v->ahead_number > before)
        return EM_OK;
    status = em_error_set(err, EM_ERR_INPUT, "use the manifest as it was written",
                          "unit %" PRIu64 " stands behind unit %" PRIu64, v->ahead_number,
                          before);
    em_error_at(err, em_listing_path(v->listing), row->line);
    return status;
}

enum em_status em_verify_next(struct em_verify *v, struct em_csv_row *row,
                              struct em_error *err)
{
    if (v->has_values)
        return em_csv_next(v->job.values, row, err);
    enum em_status status;
    do
        status = next_listed(v, row, err);
    while (status == EM_OK && !v->listing_ended &&
           !em_job_selects(&v->job, v->ahead_number));
    return status;
}

enum em_status em_verify_admit(struct em_verify *v, struct em_unit *unit,
                               struct em_error *err)
{
    enum em_status status = EM_OK;
    if (!v->has_values) {
        unit->number = em_listed_number(&unit->row);
        return EM_OK;
    }
    if (v->listing == NULL)
        return EM_OK;
    while (!v->listing_ended &&
           (v->ahead.n_fields == 0 || v->ahead_number < unit->number)) {
        status = next_listed(v, &v->ahead, err);
        if (status != EM_OK)
            return status;
    }
    if (!v->listing_ended && v->ahead_number == unit->number) {
        struct em_csv_row row = unit->listed; /* its memory is used again */
        unit->listed = v->ahead;
        v->ahead = row;
        v->ahead.n_fields = 0;
    }
    return EM_OK;
}

enum em_status em_verify_surplus(struct em_verify *v, struct em_error *err)
{
    uint64_t more = 0;
    if (v->listing == NULL || !v->has_values)
        return EM_OK;
    while (!v->listing_ended) {
        if (v->ahead.n_fields != 0 && v->ahead_number > v->rows.rows &&
            em_job_selects(&v->job, v->ahead_number))
            more++;
        enum em_status status = next_listed(v, &v->ahead, err);
        if (status != EM_OK)
            return status;
    }
    if (more > 0) {
        struct em_error fault;
        (void)em_error_set(
            &fault, EM_ERR_INPUT, "is this the table that the batch was made from?",
            "the manifest lists %" PRIu64 " unit%s that '%s' does not have", more,
            more == 1 ? "" : "s", v->options->values);
        em_error_at(&fault, v->options->manifest, 0);
        em_report_fault(&v->job.report, &fault);
    }
    return EM_OK;
}

static enum em_status rewind_rows(struct em_verify *v, struct em_error *err)
{
    enum em_status status = EM_OK;
    v->ahead.n_fields = 0;
    v->ahead_number = 0;
    v->listing_ended = false;
    if (v->listing != NULL)
        status = em_listing_rewind(v->listing, err);
    if (status == EM_OK && v->has_values)
        status = em_csv_rewind(v->job.values, err);
    if (status == EM_OK && v->has_values)
        status = em_csv_next(v->job.values, &v->job.header, err);
    return status;
}

enum em_status em_verify_first_unit(struct em_verify *v, struct em_unit *unit,
                                    struct em_error *err)
{
    struct em_plan *plan = &v->job.plan;
    uint64_t number = 0;
    enum em_status status = EM_OK;
    unit->number = 0;
    while (v->has_values && unit->number == 0) {
        status = em_csv_next(v->job.values, &unit->row, err);
        if (status != EM_OK || unit->row.n_fields == 0)
            break;
        number++;
        bool good = unit->row.n_fields == plan->n_columns;
        if (number == 1 && good)
            status = em_plan_repeat(plan, &unit->row, err);
        if (status != EM_OK)
            break;
        if (good && em_job_selects(&v->job, number))
            unit->number = number;
    }
    return status == EM_OK ? rewind_rows(v, err) : status;
}

enum em_status em_verify_pass(struct em_verify *v, const struct em_pass_ops *ops,
                              void *user, uint64_t *rows, struct em_error *err)
{
    const struct em_hooks *hooks = v->job.report.hooks;
    enum em_status status = rewind_rows(v, err);
    if (status != EM_OK)
        return status;
    em_hooks_begin(hooks, v->job.stage, NULL);
    status = em_pass_run(v->job.values, v->options->jobs, ops, user, rows, err);
    return em_hooks_end(hooks, v->job.stage, NULL, status);
}

enum em_status em_verify_names(struct em_verify *v, struct em_unit *unit,
                               struct em_error *err)
{
    const struct em_csv_row *listed = em_verify_listed(v, unit);
    struct em_names *names = &unit->names;
    enum em_status status = EM_OK;
    if (v->has_values)
        status = em_plan_check_row(&v->job.plan, &unit->row, err);
    if (status == EM_OK && v->listing == NULL)
        return em_job_names(&v->job, unit, err);
    if (status != EM_OK)
        return status;
    if (listed == NULL) {
        status = em_error_set(err, EM_ERR_INPUT,
                              "is this the table that the batch was made from?",
                              "unit %" PRIu64 " is not in the manifest", unit->number);
        em_error_at(err, em_listing_path(v->listing), 0);
        return status;
    }
    names->file_id[0] = '\0';
    status = em_listed_name(names->image, listed->fields[EM_LISTED_IMAGE], err);
    if (status == EM_OK)
        status = em_listed_name(names->csv, listed->fields[EM_LISTED_CSV], err);
    if (status == EM_OK)
        status = em_listed_name(names->key, listed->fields[EM_LISTED_KEY], err);
    if (status == EM_OK)
        status = em_listed_name(names->hmac_key, listed->fields[EM_LISTED_HMAC_KEY], err);
    if (status != EM_OK)
        em_error_at(err, em_listing_path(v->listing), listed->line);
    return status;
}
