/* SPDX-License-Identifier: Apache-2.0 */
/* A running line as a table that is repainted in its place. */
#include "config.h"

#include "src/line/view_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { TOTAL_LINES = 2 };

struct line_term_view {
    struct line_view_options options;
    pthread_mutex_t lock; /* of what events tell */
    struct line_slot_now *slots;
    size_t count;
    struct line_totals totals;
    struct em_buf notes; /* to be told above the table */
    bool changed;
    int slot_width, unit_width; /* of the longest names so far */
    /* The rest belongs to those who paint. */
    pthread_mutex_t paint_lock;
    struct view_line *now, *painted; /* count + TOTAL_LINES + 1 lines each */
    size_t painted_count;
    unsigned columns, rows; /* of the last time */
};

/* ---- What is told ---- */

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static void on_event(void *user, const struct line_event *event)
{
    struct line_term_view *view = user;
    const struct line_slot_now *slot = event->slot;
    bool failed =
        event->kind == LINE_EVENT_VERDICT && slot != NULL && slot->verdict == LINE_FAIL;
    (void)pthread_mutex_lock(&view->lock); /* cannot fail: it is no recursive one */
    if (slot != NULL && slot->slot < view->count) {
        struct line_slot_now *kept = &view->slots[slot->slot];
        const char *name = kept->name;
        *kept = *slot;
        kept->name = name; /* these two may not live on */
        kept->port = NULL;
        view->unit_width = larger(view->unit_width,
                                  view_text_width(kept->unit_name, view->options.utf8));
    }
    if (event->totals != NULL)
        view->totals = *event->totals;
    if (failed || (event->kind == LINE_EVENT_NOTE && event->level <= view->options.level))
        view_note_text(&view->notes, event);
    view->changed = true;
    (void)pthread_mutex_unlock(&view->lock);
}

/* ---- Which slots are shown ---- */

/* Smaller: more worth a line, when there are too few. */
static int rank(const struct line_slot_now *slot)
{
    if (slot->stage == LINE_EMPTY)
        return 3;
    if (slot->verdict == LINE_FAIL || slot->verdict == LINE_ABORTED)
        return 0;
    return slot->verdict == LINE_NO_VERDICT ? 1 : 2;
}

/* How many slots of the rank, and of all smaller ones. */
static void count_ranks(const struct line_term_view *view, size_t of_rank[4])
{
    memset(of_rank, 0, 4 * sizeof of_rank[0]);
    for (size_t i = 0; i < view->count; i++)
        of_rank[rank(&view->slots[i])]++;
}

static void hidden_line(struct view_line *line, const size_t hidden[4], int columns,
                        bool utf8)
{
    static const char *const names[] = {"failed", "busy", "passed", "empty"};
    char text[128];
    size_t all = hidden[0] + hidden[1] + hidden[2] + hidden[3];
    int len = snprintf(text, sizeof text, "and %zu more", all);
    const char *before = ": ";
    for (size_t i = 0; i < 4; i++) {
        if (hidden[i] == 0)
            continue;
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%zu %s", before,
                        hidden[i], names[i]); /* always fits */
        before = ", ";
    }
    view_line_begin(line, columns, utf8);
    view_line_put(line, text, -1);
}

/* Lines of at most @p room slots, and what the others do. Returns how many lines. */
static size_t slot_lines(struct line_term_view *view, int columns, size_t room)
{
    const struct line_view_options *o = &view->options;
    struct view_layout layout;
    size_t hidden[4];
    size_t lines = 0;
    size_t left = view->count <= room ? view->count : room > 0 ? room - 1 : 0;
    size_t of_rank[4]; /* how many of each are shown */
    view_layout_make(&layout, columns, view->slot_width, view->unit_width);
    count_ranks(view, hidden);
    for (size_t r = 0; r < 4; r++) {
        of_rank[r] = hidden[r] < left ? hidden[r] : left;
        left -= of_rank[r];
        hidden[r] -= of_rank[r];
    }
    for (size_t i = 0; i < view->count; i++) { /* in the station's order */
        size_t *shown = &of_rank[rank(&view->slots[i])];
        if (*shown == 0)
            continue;
        (*shown)--;
        view_slot_line(&view->now[lines++], &layout, &view->slots[i], o->utf8, o->color);
    }
    if (lines < view->count && room > 0)
        hidden_line(&view->now[lines++], hidden, columns, o->utf8);
    return lines;
}

static size_t make_lines(struct line_term_view *view, unsigned columns, unsigned rows)
{
    /* The last column stays free: terminals differ in what follows it. */
    int usable = columns > 1 ? (int)columns - 1 : 1;
    bool failed = view->totals.causes[0].count > 0;
    size_t below = failed && rows >= 4 ? TOTAL_LINES : 1;
    /* One line stays free for the prompt and for what the user types. */
    size_t room = rows > below + 1 ? rows - below - 1 : 0;
    size_t lines = slot_lines(view, usable, room);
    view_total_line(&view->now[lines++], &view->totals, usable, view->options.utf8);
    if (below == TOTAL_LINES)
        view_cause_line(&view->now[lines++], &view->totals, usable, view->options.utf8);
    return lines;
}

/* ---- Painting ---- */

/* To the first line of the table, clearing it when all is to be painted anew. The cursor
 * stands in the last line. */
static void go_to_top(const struct line_term_view *view, struct em_buf *out, bool shrunk,
                      bool anew)
{
    char text[32];
    if (shrunk) { /* who knows where the old lines went: the screen begins anew */
        em_buf_append_text(out, "\033[H\033[2J");
        return;
    }
    em_buf_append_text(out, "\r");
    if (view->painted_count > 1) {
        (void)snprintf(text, sizeof text, "\033[%zuA", view->painted_count - 1);
        em_buf_append_text(out, text);
    }
    if (anew && view->painted_count > 0)
        em_buf_append_text(out, "\033[J");
}

static void paint_lines(struct line_term_view *view, struct em_buf *out, size_t count,
                        bool anew)
{
    for (size_t i = 0; i < count; i++) {
        const struct view_line *line = &view->now[i];
        if (anew) {
            em_buf_append_text(out, line->text);
        } else if (strcmp(line->text, view->painted[i].text) != 0) {
            em_buf_append_text(out, line->text);
            em_buf_append_text(out, "\033[K");
        }
        em_buf_append_text(out, i + 1 < count ? "\r\n" : "");
    }
}

/* What was told meanwhile, as lines and notes. Returns how many lines. */
static size_t take_news(struct line_term_view *view, struct em_buf *notes,
                        unsigned columns, unsigned rows)
{
    (void)pthread_mutex_lock(&view->lock); /* as above */
    view->changed = false;
    size_t count = make_lines(view, columns, rows);
    *notes = view->notes;
    view->notes = (struct em_buf){0};
    (void)pthread_mutex_unlock(&view->lock);
    return count;
}

static void paint(struct line_term_view *view, unsigned columns, unsigned rows, bool end)
{
    struct em_buf out = {0};
    struct em_buf notes;
    size_t count = take_news(view, &notes, columns, rows);
    bool resized = columns != view->columns || rows != view->rows;
    bool shrunk =
        view->painted_count > 0 &&
        (columns < view->columns || (rows < view->rows && rows <= view->painted_count));
    bool anew = resized || notes.len > 0 || count != view->painted_count;
    go_to_top(view, &out, shrunk, anew);
    if (!notes.failed)
        em_buf_append(&out, notes.data, notes.len);
    paint_lines(view, &out, count, anew);
    if (end)
        em_buf_append_text(&out, "\r\n");
    if (!out.failed) { /* without memory, the next step of the line fails too */
        view->options.screen.write(view->options.screen.user, (const char *)out.data,
                                   out.len);
        struct view_line *painted = view->painted;
        view->painted = view->now;
        view->now = painted;
        view->painted_count = end ? 0 : count;
        view->columns = columns;
        view->rows = rows;
    }
    em_buf_free(&notes);
    em_buf_free(&out);
}

void line_term_view_paint(struct line_term_view *view, bool end)
{
    unsigned columns = 80;
    unsigned rows = 24;
    view->options.screen.size(view->options.screen.user, &columns, &rows);
    (void)pthread_mutex_lock(&view->paint_lock); /* as above */
    (void)pthread_mutex_lock(&view->lock);
    bool changed = view->changed;
    (void)pthread_mutex_unlock(&view->lock);
    if (changed || end || columns != view->columns || rows != view->rows)
        paint(view, columns, rows, end);
    (void)pthread_mutex_unlock(&view->paint_lock);
}

/* ---- Beginning and end ---- */

enum em_status line_term_view_new(struct line_term_view **out, struct line_view *view,
                                  const struct line_view_options *options,
                                  struct em_error *err)
{
    *out = NULL;
    size_t count = options->station->slot_count;
    struct line_term_view *v = calloc(1, sizeof *v);
    if (v == NULL)
        return em_error_nomem(err);
    v->options = *options;
    v->count = count;
    v->slots = calloc(count + 1, sizeof *v->slots);
    v->now = calloc(count + TOTAL_LINES + 1, sizeof *v->now);
    v->painted = calloc(count + TOTAL_LINES + 1, sizeof *v->painted);
    (void)pthread_mutex_init(&v->lock, NULL); /* cannot fail without attributes */
    (void)pthread_mutex_init(&v->paint_lock, NULL);
    if (v->slots == NULL || v->now == NULL || v->painted == NULL) {
        line_term_view_free(v);
        return em_error_nomem(err);
    }
    for (size_t i = 0; i < count; i++) {
        v->slots[i].name = options->station->slots[i].name;
        v->slot_width =
            larger(v->slot_width, view_text_width(v->slots[i].name, options->utf8));
    }
    v->totals.left_us = -1;
    v->changed = true;
    *view = (struct line_view){on_event, v};
    *out = v;
    return EM_OK;
}

void line_term_view_free(struct line_term_view *view)
{
    if (view == NULL)
        return;
    em_buf_free(&view->notes);
    free(view->slots);
    free(view->now);
    free(view->painted);
    (void)pthread_mutex_destroy(&view->lock); /* nobody has it any more */
    (void)pthread_mutex_destroy(&view->paint_lock);
    free(view);
}
