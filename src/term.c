/* SPDX-License-Identifier: Apache-2.0 */
/* What a program shows: messages, a progress bar, or everything as one JSON object. */
#include "config.h"

#include "src/term.h"

#include "base/error_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void term_guard_streams(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* The lowest that is free is fd. Where this fails, so does all that follows. */
        (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

static const char *const level_names[] = {"error", "warning", "note",
                                          "info",  "debug",   "trace"};

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void term_clear(struct term *term)
{
    if (term->bar_shown)
        (void)fputs("\r\033[K", stderr);
    term->bar_shown = false;
}

static json_t *text_or_null(const char *text)
{
    /* Names may hold any bytes; JSON takes UTF-8 only. */
    json_t *value = text[0] == '\0' ? NULL : json_string(text);
    return value == NULL ? json_null() : value;
}

static json_t *message_object(const char *level, const struct em_error *msg)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "level",
                              json_string(level)); /* NULLs are passed on */
    (void)json_object_set_new(object, "file", text_or_null(msg->file));
    (void)json_object_set_new(object, "line",
                              msg->line == 0 ? json_null()
                                             : json_integer((json_int_t)msg->line));
    if (msg->column != 0)
        (void)json_object_set_new(object, "column",
                                  json_integer((json_int_t)msg->column));
    (void)json_object_set_new(object, "what", text_or_null(msg->what));
    (void)json_object_set_new(object, "hint", text_or_null(msg->hint));
    return object;
}

static void print_message(struct term *term, enum em_log_level level,
                          const struct em_error *msg)
{
    char place[340] = "";
    if (msg->file[0] != '\0' && msg->line != 0 && msg->column != 0)
        (void)snprintf(place, sizeof place, "%s:%lu:%lu: ", msg->file, msg->line,
                       msg->column);
    else if (msg->file[0] != '\0' && msg->line != 0)
        (void)snprintf(place, sizeof place, "%s:%lu: ", msg->file, msg->line);
    else if (msg->file[0] != '\0')
        (void)snprintf(place, sizeof place, "%s: ", msg->file);
    else if (level <= EM_LOG_NOTE)
        (void)snprintf(place, sizeof place, "%s: ", term->program);
    term_clear(term);
    FILE *to = level <= EM_LOG_NOTE ? stderr : stdout;
    if (to == stderr)
        (void)fflush(stdout); /* what was printed before; told again at the end */
    (void)fprintf(to, "%s%s%s%s\n", place,
                  level == EM_LOG_WARNING || level == EM_LOG_NOTE ? level_names[level]
                                                                  : "",
                  level == EM_LOG_WARNING || level == EM_LOG_NOTE ? ": " : "", msg->what);
    if (msg->hint[0] != '\0')
        (void)fprintf(to, "    hint: %s\n", msg->hint);
}

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    struct term *term = user;
    (void)device; /* part of what is said already */
    if (level > term->level)
        return;
    if (!term->json) {
        print_message(term, level, msg);
        return;
    }
    if (term->messages == NULL)
        term->messages = json_array();
    (void)json_array_append_new(term->messages, message_object(level_names[level], msg));
}

void term_tell(struct term *term, enum em_log_level level, const char *hint,
               const char *format, ...)
{
    struct em_error msg;
    char what[sizeof msg.what];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(what, sizeof what, format, ap); /* what is too long is cut */
    va_end(ap);
    (void)em_error_set(&msg, EM_OK, hint, "%s", what); /* no fault */
    on_log(term, level, "", &msg);
}

static bool shows_bar(const struct term *term)
{
    if (term->json || term->quiet || term->progress == TERM_NEVER)
        return term->progress == TERM_ALWAYS;
    return term->progress == TERM_ALWAYS || isatty(STDERR_FILENO) == 1;
}

static void print_bar(struct term *term, const struct em_progress *p, double elapsed_s)
{
    enum { WIDTH = 30 };
    char bar[WIDTH + 1];
    char rest[64] = "";
    double part = p->total == 0 ? 0 : (double)p->done / (double)p->total;
    int filled = (int)(part * WIDTH);
    memset(bar, '#', (size_t)filled);
    memset(bar + filled, '.', (size_t)(WIDTH - filled));
    bar[WIDTH] = '\0';
    if (elapsed_s > 0.5 && part > 0)
        (void)snprintf(rest, sizeof rest, "  %.0f %s/s, %.0f s left",
                       (double)p->done / elapsed_s, p->counts,
                       elapsed_s / part - elapsed_s); /* always fits */
    (void)fprintf(stderr, "\r%-9s [%s] %3.0f %%  %" PRIu64 "/%" PRIu64 " %s%s\033[K",
                  p->stage, bar, part * 100, p->done, p->total, p->counts, rest);
    (void)fflush(stderr); /* a bar that cannot be shown is no reason to stop */
    term->bar_shown = true;
}

static void print_line(struct term *term, const struct em_progress *p, double now)
{
    if (now - term->line_s < 1)
        return;
    term->line_s = now;
    if (p->total == 0)
        (void)fprintf(stderr, "%s: %" PRIu64 " %s\n", p->stage, p->done, p->counts);
    else
        (void)fprintf(stderr, "%s: %.0f %%, %" PRIu64 "/%" PRIu64 " %s\n", p->stage,
                      100 * (double)p->done / (double)p->total, p->done, p->total,
                      p->counts);
}

static int on_progress(void *user, const struct em_progress *p)
{
    struct term *term = user;
    double now = now_s();
    if (strcmp(term->bar_stage, p->stage) != 0) {
        (void)snprintf(term->bar_stage, sizeof term->bar_stage, "%s", p->stage);
        term->bar_start_s = now;
        term->line_s = now; /* what is over within a second needs no line */
    }
    if (shows_bar(term))
        print_bar(term, p, now - term->bar_start_s);
    else if (term->lines && !term->json && !term->quiet && term->progress == TERM_AUTO)
        print_line(term, p, now);
    return term->stop != NULL && *term->stop != 0;
}

struct em_hooks term_hooks(struct term *term)
{
    return (struct em_hooks){.log = on_log, .progress = on_progress, .user = term};
}

void term_fault(struct term *term, const struct em_error *err)
{
    if (err->status == EM_OK || term->json)
        return;
    print_message(term, EM_LOG_ERROR, err);
}

/* Set by a signal; asked for with every progress call. */
static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    stop_signal = number;
    (void)signal(number, SIG_DFL); /* a second one ends at once */
}

const volatile sig_atomic_t *term_stop(void)
{
    return &stop_signal;
}

void term_catch_signals(void)
{
    (void)signal(SIGINT, on_signal); /* both are valid */
    (void)signal(SIGTERM, on_signal);
}

static volatile sig_atomic_t stop_count;

static void on_stop(int number)
{
    (void)number;
    stop_count = stop_count < 2 ? stop_count + 1 : 2;
    if (stop_count == 2) { /* the next one ends at once */
        (void)signal(SIGINT, SIG_DFL);
        (void)signal(SIGTERM, SIG_DFL);
    }
}

const volatile sig_atomic_t *term_stops(void)
{
    return &stop_count;
}

void term_catch_stops(void)
{
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask); /* the signals are valid */
    (void)sigaddset(&action.sa_mask, SIGINT);
    (void)sigaddset(&action.sa_mask, SIGTERM);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

int term_exit(const struct term *term, enum em_status status)
{
    if (status == EM_OK && term->found)
        return TERM_EXIT_FOUND;
    return term->exit_status == NULL ? em_status_exit(status) : term->exit_status(status);
}

int term_json_end(struct term *term, json_t *fields, const struct em_error *err)
{
    int status = term_exit(term, err->status);
    bool found = err->status == EM_OK && term->found;
    (void)json_object_set_new(fields, "status",
                              json_string(found ? "found" : em_status_name(err->status)));
    (void)json_object_set_new(fields, "exit", json_integer(status));
    (void)json_object_set_new(fields, "error",
                              err->status == EM_OK ? json_null()
                                                   : message_object("error", err));
    (void)json_object_set_new(fields, "messages",
                              term->messages == NULL ? json_array() : term->messages);
    term->messages = NULL;
    if (json_dumpf(fields, stdout, term->compact ? JSON_COMPACT : JSON_INDENT(2)) != 0 ||
        putchar('\n') == EOF || fflush(stdout) != 0)
        status = term_exit(term, EM_ERR_IO);
    json_decref(fields);
    return status;
}

bool term_progress_parse(enum term_progress *out, const char *text)
{
    static const char *const names[] = {"auto", "always", "never"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum term_progress)i;
            return true;
        }
    }
    return false;
}
