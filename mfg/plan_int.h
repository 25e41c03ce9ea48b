/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a batch: config and values header brought together. */
#ifndef MFG_PLAN_INT_H
#define MFG_PLAN_INT_H

#include "mfg/config_int.h"

enum { EM_NO_COLUMN = -1 };

struct em_plan {
    struct em_config config;
    char *values_path;
    size_t n_columns; /* of the values file */
    /* For each item of the config: its column (EM_NO_COLUMN for namespaces), and for
     * REPEAT the text of the first row. */
    struct em_plan_value {
        long column;
        struct em_buf repeated;
    } * values;
    long id_column; /* EM_NO_COLUMN: units are numbered */
    bool has_repeat;
    unsigned long repeat_line; /* of the first row, once REPEAT texts are taken from it */
};

/**
 * Match the @p header row of the values file to the config, which becomes the plan's
 * (also after an error). The n-th item of a key takes the n-th column of that name; other
 * columns are left alone. @p id_name is the column with file ids or NULL. Faults go to @p
 * report. Returns EM_OK or EM_ERR_NOMEM. @p out is freed with em_plan_free() either way.
 */
enum em_status em_plan_make(struct em_plan *out, struct em_config *config,
                            const char *values_path, const struct em_csv_row *header,
                            const char *id_name, struct em_report *report,
                            struct em_error *err);

/** Take the texts of REPEAT items from the first row. Returns EM_OK or EM_ERR_NOMEM. */
enum em_status em_plan_repeat(struct em_plan *plan, const struct em_csv_row *first,
                              struct em_error *err);
void em_plan_free(struct em_plan *plan);

/** Number of columns right? Returns EM_OK or EM_ERR_INPUT with file and line. */
enum em_status em_plan_check_row(const struct em_plan *plan, const struct em_csv_row *row,
                                 struct em_error *err);

/** The text of item @p idx for the unit of @p row; empty for namespaces. */
struct em_span em_plan_text(const struct em_plan *plan, size_t idx,
                            const struct em_csv_row *row);

#endif
