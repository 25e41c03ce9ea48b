/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a batch: config and values header brought together. */
#include "config.h"

#include "mfg/plan_int.h"

#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>

void em_plan_free(struct em_plan *plan)
{
    for (size_t i = 0; plan->values != NULL && i < plan->config.n_items; i++)
        em_buf_wipe(&plan->values[i].repeated);
    free(plan->values);
    free(plan->values_path);
    em_config_free(&plan->config);
    *plan = (struct em_plan){0};
}

/* The column called @p name, leaving out the first @p skip of them. */
static long find_column(const struct em_csv_row *header, struct em_span name, size_t skip)
{
    for (size_t i = 0; i < header->n_fields; i++) {
        if (em_span_equal(header->fields[i], name) && skip-- == 0)
            return (long)i;
    }
    return EM_NO_COLUMN;
}

/* How many of the first @p n_items have the key @p key (in different namespaces). */
static size_t count_items(const struct em_config *config, size_t n_items, const char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < n_items; i++)
        n += !config->items[i].is_namespace && strcmp(config->items[i].key, key) == 0;
    return n;
}

static size_t count_columns(const struct em_csv_row *header, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < header->n_fields; i++)
        n += em_span_is(header->fields[i], name);
    return n;
}

static void missing_column(const struct em_plan *plan, const struct em_csv_row *header,
                           const struct em_item *item, struct em_report *report)
{
    struct em_error fault;
    size_t columns = count_columns(header, item->key);
    if (header->n_fields == 1 && memchr(header->fields[0].p, ';', header->fields[0].len))
        (void)em_error_set(&fault, EM_ERR_INPUT,
                           "separate the columns by commas, not semicolons",
                           "key '%s' has no column in '%s', whose header is one column",
                           item->key, plan->values_path);
    else if (columns > 0)
        (void)em_error_set(
            &fault, EM_ERR_INPUT, "add a column of that name for each of them",
            "key '%s' is in %zu namespaces but has only %zu column%s in '%s'", item->key,
            count_items(&plan->config, plan->config.n_items, item->key), columns,
            columns == 1 ? "" : "s", plan->values_path);
    else
        (void)em_error_set(&fault, EM_ERR_INPUT, "add a column of that name",
                           "key '%s' has no column in '%s'", item->key,
                           plan->values_path);
    em_error_at(&fault, plan->config.path, item->line);
    em_report_fault(report, &fault);
}

static void find_id_column(struct em_plan *plan, const struct em_csv_row *header,
                           const char *id_name, struct em_report *report)
{
    struct em_error fault;
    plan->id_column = find_column(header, em_span_of(id_name), 0);
    if (plan->id_column == EM_NO_COLUMN) {
        (void)em_error_set(&fault, EM_ERR_INPUT, "name a column of the header",
                           "there is no column '%s' for --fileid", id_name);
        em_error_at(&fault, plan->values_path, header->line);
        em_report_fault(report, &fault);
    } else if (find_column(header, em_span_of(id_name), 1) != EM_NO_COLUMN) {
        (void)em_error_set(
            &fault, EM_ERR_INPUT, "rename the others",
            "several columns are called '%s': the first one gives the file ids", id_name);
        em_error_at(&fault, plan->values_path, header->line);
        em_report_say(report, EM_LOG_WARNING, NULL, &fault);
    }
}

enum em_status em_plan_make(struct em_plan *out, struct em_config *config,
                            const char *values_path, const struct em_csv_row *header,
                            const char *id_name, struct em_report *report,
                            struct em_error *err)
{
    *out = (struct em_plan){.config = *config, .id_column = EM_NO_COLUMN};
    *config = (struct em_config){0};
    out->n_columns = header->n_fields;
    out->values_path = strdup(values_path);
    out->values = calloc(out->config.n_items + 1, sizeof *out->values);
    if (out->values_path == NULL || out->values == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < out->config.n_items; i++) {
        const struct em_item *item = &out->config.items[i];
        out->values[i].column = EM_NO_COLUMN;
        if (item->is_namespace)
            continue;
        size_t earlier = count_items(&out->config, i, item->key);
        out->values[i].column = find_column(header, em_span_of(item->key), earlier);
        if (out->values[i].column == EM_NO_COLUMN)
            missing_column(out, header, item, report);
        out->has_repeat = out->has_repeat || item->repeat;
    }
    if (id_name != NULL)
        find_id_column(out, header, id_name, report);
    return EM_OK;
}

enum em_status em_plan_repeat(struct em_plan *plan, const struct em_csv_row *first,
                              struct em_error *err)
{
    plan->repeat_line = first->line;
    for (size_t i = 0; i < plan->config.n_items; i++) {
        if (!plan->config.items[i].repeat)
            continue;
        struct em_span text = first->fields[plan->values[i].column];
        em_buf_clear(&plan->values[i].repeated);
        em_buf_append(&plan->values[i].repeated, text.p, text.len);
        if (plan->values[i].repeated.failed)
            return em_error_nomem(err);
    }
    return EM_OK;
}

enum em_status em_plan_check_row(const struct em_plan *plan, const struct em_csv_row *row,
                                 struct em_error *err)
{
    if (row->n_fields == plan->n_columns)
        return EM_OK;
    enum em_status status = em_error_set(
        err, EM_ERR_INPUT, "quote a value that has a comma in it; leave no value out",
        "%zu column%s, the header has %zu", row->n_fields, row->n_fields == 1 ? "" : "s",
        plan->n_columns);
    em_error_at(err, plan->values_path, row->line);
    return status;
}

struct em_span em_plan_text(const struct em_plan *plan, size_t idx,
                            const struct em_csv_row *row)
{
    const struct em_plan_value *value = &plan->values[idx];
    if (value->column == EM_NO_COLUMN ||
        (plan->config.items[idx].repeat && value->repeated.len == 0))
        return (struct em_span){(const uint8_t *)"", 0};
    if (!plan->config.items[idx].repeat)
        return row->fields[value->column];
    return (struct em_span){value->repeated.data, value->repeated.len};
}
