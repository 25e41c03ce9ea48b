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

/**
 * In browsers (view_http.c): a page with a tile a slot, at @c address. Events are only
 * copied; slow viewers, or many, never hold up a line.
 */
struct line_http_options {
    const struct line_job *job;         /**< stays the caller's, as it is */
    const struct line_station *station; /**< likewise */
    const char *address;                /**< "127.0.0.1:8080" */
    const char *token_file; /**< who looks has to have what stands there; NULL: everybody,
                             * which only a loopback address may have */
};
struct line_http_view;
/** EM_ERR_USAGE: no address; EM_ERR_IO: it is taken; EM_ERR_REFUSED: no token. */
enum em_status line_http_view_new(struct line_http_view **out, struct line_view *view,
                                  const struct line_http_options *options,
                                  struct em_error *err);
/** Where it can be seen. */
const char *line_http_view_url(const struct line_http_view *view);
/** Waits a second at most for viewers to get the last message. NULL is allowed. */
void line_http_view_free(struct line_http_view *view);

/** Both of two views get every event. */
struct line_both_views {
    struct line_view *views[2];
};
struct line_view line_both_view(struct line_both_views *both);

#endif
