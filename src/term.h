/* SPDX-License-Identifier: Apache-2.0 */
/* What a program shows: messages, a progress bar, or everything as one JSON object. */
#ifndef SRC_TERM_H
#define SRC_TERM_H

#include <espmfg/hooks.h>

#include <signal.h>
#include <stdbool.h>

#include <jansson.h>

enum term_progress { TERM_AUTO, TERM_ALWAYS, TERM_NEVER };

struct term {
    const char *program;
    enum em_log_level level; /* the chattiest that is shown */
    enum term_progress progress;
    bool json;    /* collect instead of printing; needs term_json_end() */
    bool compact; /* the object of --json in one line */
    bool quiet;   /* only faults */
    bool lines;   /* without a terminal, tell progress in a line a second */
    int (*exit_status)(enum em_status); /* of the program; NULL: em_status_exit() */
    json_t *messages;                   /* of --json */
    bool bar_shown;                     /* a bar stands on the present line */
    char bar_stage[32];
    double bar_start_s;
    double line_s; /* when progress was last told in a line */
    bool found;    /* nothing failed, but a check or comparison found something */
    const volatile sig_atomic_t *stop; /* set by a signal: end as soon as it is safe */
};

/** Keep closed standard streams from being taken for the next file or port that is
 * opened, which would get what is printed. Writing to them goes on to fail. First in
 * main(). */
void term_guard_streams(void);

/** Set by SIGINT and SIGTERM once term_catch_signals() was called; a second signal ends
 * the program at once. */
const volatile sig_atomic_t *term_stop(void);
void term_catch_signals(void);

/** How often a signal has asked to stop since term_catch_stops() was called: for work
 * with more than one safe point. The third ends the program at once. */
const volatile sig_atomic_t *term_stops(void);
void term_catch_stops(void);

/** Hooks that show on @p term what the library reports. */
struct em_hooks term_hooks(struct term *term);

/** Tell a message of the program's own. @p hint may be NULL. */
void term_tell(struct term *term, enum em_log_level level, const char *hint,
               const char *format, ...) EM_PRINTF(4, 5);

/** Show a fault that ended the work. Nothing is shown for EM_OK. */
void term_fault(struct term *term, const struct em_error *err);

/* Of a command that did its work and found faults or differences. The other exit statuses
 * are those of the program. */
enum { TERM_EXIT_FOUND = 1 };

/** Exit status of a program that ends with @p status: TERM_EXIT_FOUND if only found. */
int term_exit(const struct term *term, enum em_status status);

/** Remove the bar, so that something else can be printed. */
void term_clear(struct term *term);

/**
 * Print the object of --json on stdout: what @p fields (taken over) holds, then status,
 * exit status, error and messages. Returns the exit status.
 */
int term_json_end(struct term *term, json_t *fields, const struct em_error *err);

/** Read the argument of --progress. false: none of auto, always, never. */
bool term_progress_parse(enum term_progress *out, const char *text);

#endif
