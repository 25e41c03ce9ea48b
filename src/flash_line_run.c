/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a line and shows it: as a table on a terminal, as lines, or as JSON lines. */
#include "config.h"

#include "src/flash_line.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { PAINT_MS = 100 };

/* ---- The screen ---- */

static void write_out(void *user, const char *text, size_t len)
{
    (void)user;
    (void)fwrite(text, 1, len, stdout); /* looked at when the program ends */
    (void)fflush(stdout);
}

static void screen_size(void *user, unsigned *columns, unsigned *rows)
{
    struct winsize size;
    (void)user;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return;
    if (size.ws_col > 0)
        *columns = size.ws_col;
    if (size.ws_row > 0)
        *rows = size.ws_row;
}

/* As POSIX has it: the first of these that says something. */
static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || *value == '\0')
            continue;
        const char *dot = strrchr(value, '.');
        return dot != NULL &&
               (strncasecmp(dot, ".UTF-8", 6) == 0 || strncasecmp(dot, ".UTF8", 5) == 0);
    }
    return false;
}

static bool shows_table(const struct term *term)
{
    const char *kind = getenv("TERM");
    if (term->json || term->quiet || term->progress == TERM_NEVER)
        return false;
    return isatty(STDOUT_FILENO) == 1 && kind != NULL && strcmp(kind, "dumb") != 0;
}

/* ---- Painting, by a thread of its own: events come faster than people read ---- */

struct painter {
    struct line_term_view *view;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool end;
    bool runs;
};

static void *paint(void *user)
{
    struct painter *painter = user;
    (void)pthread_mutex_lock(&painter->lock); /* cannot fail: it is no recursive one */
    while (!painter->end) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until); /* cannot fail with this clock */
        until.tv_nsec += PAINT_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&painter->changed, &painter->lock, &until);
        if (!painter->end)
            line_term_view_paint(painter->view, false);
    }
    (void)pthread_mutex_unlock(&painter->lock);
    return NULL;
}

static void start_painting(struct painter *painter)
{
    (void)pthread_mutex_init(&painter->lock, NULL); /* cannot fail without attributes */
    (void)pthread_cond_init(&painter->changed, NULL);
    /* Without it there is only the final table. */
    painter->runs = pthread_create(&painter->thread, NULL, paint, painter) == 0;
}

static void end_painting(struct painter *painter)
{
    if (painter->runs) {
        (void)pthread_mutex_lock(&painter->lock); /* as above */
        painter->end = true;
        (void)pthread_cond_signal(&painter->changed);
        (void)pthread_mutex_unlock(&painter->lock);
        (void)pthread_join(painter->thread, NULL); /* it is ours, and ends */
    }
    line_term_view_paint(painter->view, true);
    line_term_view_free(painter->view);
    (void)pthread_mutex_destroy(&painter->lock); /* nobody has it any more */
    (void)pthread_cond_destroy(&painter->changed);
}

/* ---- Browsers ---- */

enum em_status flash_line_http(struct flash_line *line, struct em_error *err)
{
    struct em_error note;
    struct em_hooks hooks = term_hooks(&line->flash->term);
    const struct line_http_options options = {.job = &line->job,
                                              .station = &line->station,
                                              .address = line->http,
                                              .token_file = line->http_token_file};
    if (line->http == NULL)
        return EM_OK;
    enum em_status status =
        line_http_view_new(&line->http_view, &line->http_events, &options, err);
    if (status != EM_OK)
        return status;
    (void)em_error_set(&note, EM_OK, NULL, "browsers see the line at %s",
                       line_http_view_url(line->http_view));
    hooks.log(hooks.user, EM_LOG_NOTE, NULL, &note);
    return EM_OK;
}

/* ---- Running ---- */

static enum em_status judge(struct flash_line *line, struct em_error *err)
{
    struct term *term = &line->flash->term;
    line->ran = true;
    term->found = line->end == LINE_END_FAILED;
    if (line->end != LINE_END_STOPPED)
        return EM_OK;
    return em_error_set(err, EM_ERR_STOPPED,
                        "start it again the same way: it goes on where it stopped",
                        "the line was stopped with %" PRIu64 " of %" PRIu64 " units done",
                        line->totals.done, line->totals.units);
}

/* Each slot is a thread, and glibc would give each a heap of its own. What boards need
 * comes and goes in pieces of all sizes, so that each of these heaps grows for hours; one
 * for all does not, and is no slower: slots wait for their boards, not for memory. */
static void use_one_heap(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_ARENA_MAX, 1); /* if it fails, all works the same */
#endif
}

enum em_status flash_line_run(struct flash_line *line, struct em_error *err)
{
    struct term *term = &line->flash->term;
    const char *no_color = getenv("NO_COLOR"); /* set to anything but "": no-color.org */
    struct line_view_options view_options = {
        .job = &line->job,
        .station = &line->station,
        .screen = {write_out, screen_size, NULL},
        /* What each board does is told by its steps. */
        .level = term->level == EM_LOG_INFO ? EM_LOG_NOTE : term->level,
        .quiet = term->quiet,
        .utf8 = locale_is_utf8(),
        .color = no_color == NULL || *no_color == '\0',
    };
    struct painter painter = {.runs = false};
    struct line_options options = {
        .job = &line->job,
        .station = &line->station,
        .ledger = line->ledger,
        .feed = line->feed,
        .count = line->count,
        .watch = line->watch,
        .stop = term_stops(),
        .version = PACKAGE_VERSION,
    };
    enum em_status status = EM_OK;
    use_one_heap();
    term_catch_stops();
    if (term->json)
        options.view = line_json_view(&view_options);
    else if (!shows_table(term))
        options.view = line_lines_view(&view_options);
    else
        status = line_term_view_new(&painter.view, &options.view, &view_options, err);
    if (status != EM_OK)
        return status;
    struct line_view shown = options.view;
    struct line_both_views both = {{&shown, &line->http_events}};
    if (line->http_view != NULL)
        options.view = line_both_view(&both);
    if (painter.view != NULL)
        start_painting(&painter);
    status = line_run(&options, &line->end, &line->totals, err);
    if (painter.view != NULL)
        end_painting(&painter);
    return status == EM_OK ? judge(line, err) : status;
}
