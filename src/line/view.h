/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs see of a running line. */
#ifndef SRC_LINE_VIEW_H
#define SRC_LINE_VIEW_H

#include "src/line/line.h"

/** Where a view prints. Called from one thread at a time. */
struct line_screen {
    void (*write)(void *user, const char *text, size_t len);
    /** Of a terminal, asked for before each repaint. */
    void (*size)(void *user, unsigned *columns, unsigned *rows);
    void *user;
};

/** The object of totals, as events and the last object of --json have it. */
json_t *line_totals_json(const struct line_totals *totals);

/** All of it stays the caller's, and as it is, until the view is done with. */
struct line_view_options {
    const struct line_job *job;
    const struct line_station *station;
    struct line_screen screen;
    enum em_log_level level; /**< the chattiest note that is shown */
    bool quiet;              /**< only faults */
    bool utf8;               /**< the terminal takes more than ASCII */
    bool color;
};

/** One line an event (view_lines.c). Progress and stages are not told. */
struct line_view line_lines_view(struct line_view_options *options);

/** One JSON object a line and event (view_json.c). The end is not told: what follows it
 * is, by the command. */
struct line_view line_json_view(struct line_view_options *options);

/**
 * A table that is repainted in its place (view_term.c): a line a slot and the totals.
 * Events are only remembered; line_term_view_paint() shows them, and may be called from
 * another thread than the events. With @p end the table is left standing.
 */
struct line_term_view;
enum em_status line_term_view_new(struct line_term_view **out, struct line_view *view,
                                  const struct line_view_options *options,
                                  struct em_error *err);
void line_term_view_paint(struct line_term_view *view, bool end);
void line_term_view_free(struct line_term_view *view);

#endif
