/* SPDX-License-Identifier: Apache-2.0 */
/* A report as one HTML page that needs nothing else. */
#ifndef SRC_REPORT_PAGE_H
#define SRC_REPORT_PAGE_H

#include "base/buf_int.h"
#include "src/report/data.h"

/** The style of the page, as lines ended by NULL: style.css, made at build time. */
extern const char *const report_style[];

struct report_about {
    const char *title; /* NULL: the batch's name */
    const char *version;
    const char *made; /* UTC, ISO 8601 */
};

/** Append the page; without memory, out->failed. */
void report_page(struct em_buf *out, const struct report_data *data,
                 const struct report_about *about);

/** Its sections below the numbers (page_parts.c). */
void report_part_rate(struct em_buf *out, const struct report_data *data);
void report_part_causes(struct em_buf *out, const struct report_data *data);
void report_part_steps(struct em_buf *out, const struct report_data *data);
void report_part_slots(struct em_buf *out, const struct report_data *data);
void report_part_troubles(struct em_buf *out, const struct report_data *data);
void report_part_records(struct em_buf *out, const struct report_data *data);

#endif
