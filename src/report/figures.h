/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a report, as inline SVG. Colours are classes of the page's style, so
 * that they suit a screen in the dark and paper alike. */
#ifndef SRC_REPORT_FIGURES_H
#define SRC_REPORT_FIGURES_H

#include "base/buf_int.h"
#include "src/report/data.h"

/** A figure is drawn once for wide screens and paper, once for phones: scaled text would
 * be too small. */
enum report_width { REPORT_WIDE, REPORT_NARROW };

/** Units an hour over time, failures below the axis. */
void figure_rate(struct em_buf *out, const struct report_data *data,
                 enum report_width width);
/** How long steps take: quartiles as boxes, the 95th percentile as a whisker. */
void figure_steps(struct em_buf *out, const struct report_data *data,
                  enum report_width width);
/** What each slot got done, and what failed there. */
void figure_slots(struct em_buf *out, const struct report_data *data,
                  enum report_width width);
/** A bar of @p part out of @p most, with a mark at @p mark (0 … 1; less: none). */
void figure_bar(struct em_buf *out, uint64_t part, uint64_t most, double mark);
/** The units by state in one bar. */
void figure_states(struct em_buf *out, const struct em_ledger_counts *counts);

/** Is there a step worth a box? */
bool figure_has_step(const struct report_step *step);

#endif
