/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the view in a browser share. */
#ifndef SRC_LINE_HTTP_H
#define SRC_LINE_HTTP_H

#include "base/buf_int.h"
#include "src/line/view.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

/* ---- Who may see what (http_rules.c): no network, so that it can be fuzzed ---- */

enum { HTTP_TOKEN_MIN = 16, HTTP_TOKEN_MAX = 256, HTTP_DIGEST = 32 };

struct http_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    bool is_v6, loopback;
};

struct http_rules {
    char machine[256]; /* name of this one, by which it may be called */
    bool has_token;
    unsigned char token[HTTP_DIGEST]; /* SHA-256 */
};

/** What counts of a request; NULL: not there. */
struct http_request {
    const char *method, *path, *host;
    const char *token;  /* of the query */
    const char *cookie; /* its token */
};

enum http_what {
    HTTP_TEXT, /* a short text about the status */
    HTTP_PAGE,
    HTTP_STYLE,
    HTTP_SCRIPT,
    HTTP_ICON,
    HTTP_STATE,  /* all of it, as JSON */
    HTTP_EVENTS, /* the same, and what follows */
};

struct http_answer {
    unsigned status;
    enum http_what what;
    bool keep_token; /* as a cookie, and show the page without it in its address */
    const char *text;
};

/** "127.0.0.1:8080", "[::1]:8080", "localhost:8080", or a port of the loopback address.
 * EM_ERR_USAGE: none of these. */
enum em_status http_address_parse(struct http_address *out, const char *text,
                                  struct em_error *err);
/** Its address as a URL. */
void http_address_url(char *out, size_t size, const struct http_address *address);

/** Read the token of @p path: nobody else may be able to. EM_ERR_IO, …INPUT, …REFUSED. */
enum em_status http_token_load(struct http_rules *rules, const char *path,
                               struct em_error *err);

void http_judge(struct http_answer *out, const struct http_rules *rules,
                const struct http_request *request);

/* ---- What is told (http_state.c) ---- */

enum { HTTP_FAILURES = 6, HTTP_FRAMES = 16 };

struct http_failure {
    char slot[64], mac[18], unit_name[EM_LEDGER_NAME], cause[64];
    char what[sizeof((struct em_error *)NULL)->what];
    int64_t time_us;
};

/** The line as it is. Events change it in the time of a copy; http_state_tick() makes
 * messages of what has changed, at its own pace. */
struct http_state {
    const struct line_job *job;
    const struct line_station *station;
    pthread_mutex_t lock; /* of what events tell */
    size_t count;
    struct line_slot_now *slots;
    bool *changed;
    struct line_totals totals;
    bool totals_changed, failures_changed, ended;
    size_t failure_count;
    struct http_failure failures[HTTP_FAILURES]; /* the last first */

    /* Of those who make messages. */
    struct line_slot_now *shown;
    bool *shown_changed;
    struct http_failure shown_failures[HTTP_FAILURES];
    size_t shown_failure_count;
    struct line_totals shown_totals;
    bool shown_ended;

    /* Messages, as server-sent events. Number n is frames[n % HTTP_FRAMES]. */
    pthread_mutex_t out_lock;
    uint64_t number;
    struct em_buf frames[HTTP_FRAMES];
    struct em_buf snapshot, json;
};

enum em_status http_state_init(struct http_state *state, const struct line_job *job,
                               const struct line_station *station, struct em_error *err);
void http_state_free(struct http_state *state);
void http_state_event(struct http_state *state, const struct line_event *event);

/** Make a message of what has changed. With @p beat, also when nothing has: so that
 * viewers know that the line lives. true: there is one. */
bool http_state_tick(struct http_state *state, int64_t now_us, bool beat);

/** What a viewer who has had all messages up to *number gets next, appended to @p out:
 * the next one, or all of the state if that one is gone or *number is 0. false: there is
 * none yet. */
bool http_state_next(struct http_state *state, uint64_t *number, struct em_buf *out);
/** All of it as JSON. */
void http_state_json(struct http_state *state, struct em_buf *out);

/** The page with the state put in: lines of live_page[] joined. */
void http_state_page(struct http_state *state, struct em_buf *out,
                     const struct em_buf *page);

/* ---- What is shown: files of live/, made at build time, lines ended by NULL ---- */

extern const char *const live_page[];
extern const char *const live_style[];
extern const char *const live_script[];
extern const char *const live_icon[];

#endif
