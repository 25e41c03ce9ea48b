/* SPDX-License-Identifier: Apache-2.0 */
/* A running line in browsers: who asks, and how they get what changes.
 *
 * Events only change a copy of the state (http_state.c). One thread makes messages of it,
 * four times a second; another, of libmicrohttpd, hands them out. A viewer that does not
 * keep up gets the whole state instead of the messages it has missed, so nobody waits for
 * it, and it needs no more memory than that. */
#include "config.h"

#include "src/line/http.h"
#include "src/line/http_mhd.h"

#include "base/error_int.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 250,
    BEAT_TICKS = 40,     /* 10 s */
    TIMEOUT_S = 30,      /* of a connection on which nothing moves */
    VIEWERS_MAX = 300,   /* connections */
    END_WAIT_TICKS = 20, /* of 50 ms: for the last message to be fetched */
    MEMORY = 16 * 1024,  /* of a connection; also the longest request */
};

struct viewer {
    struct line_http_view *view;
    struct MHD_Connection *connection;
    uint64_t number; /* the last message it got */
    struct em_buf pending;
    size_t sent; /* of it */
    bool waits;
    struct viewer *next, **link;
};

struct line_http_view {
    struct http_mhd mhd;
    struct http_state state;
    struct http_rules rules;
    char url[80];
    struct MHD_Daemon *daemon;
    struct em_buf page, style, script, icon;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t woken;
    struct viewer *viewers;
    bool ends; /* viewers get what is left, then the end */
    bool stop; /* … of the thread */
};

/* ---- Viewers ---- */

/* Called by the daemon's thread: what the viewer gets next. */
static ssize_t on_read(void *user, uint64_t at, char *to, size_t max)
{
    struct viewer *viewer = user;
    struct line_http_view *view = viewer->view;
    (void)at;
    if (viewer->sent == viewer->pending.len) {
        em_buf_clear(&viewer->pending);
        viewer->sent = 0;
        (void)pthread_mutex_lock(&view->lock); /* cannot fail: it is no recursive one */
        bool news = http_state_next(&view->state, &viewer->number, &viewer->pending);
        bool ends = view->ends;
        if (!news && !ends) {
            viewer->waits = true;
            view->mhd.MHD_suspend_connection(viewer->connection);
        }
        (void)pthread_mutex_unlock(&view->lock);
        if (viewer->pending.failed)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        if (!news)
            return ends ? MHD_CONTENT_READER_END_OF_STREAM : 0;
    }
    size_t len = viewer->pending.len - viewer->sent;
    if (len > max)
        len = max;
    memcpy(to, viewer->pending.data + viewer->sent, len);
    viewer->sent += len;
    return (ssize_t)len;
}

static void on_gone(void *user)
{
    struct viewer *viewer = user;
    struct line_http_view *view = viewer->view;
    (void)pthread_mutex_lock(&view->lock); /* as above */
    *viewer->link = viewer->next;
    if (viewer->next != NULL)
        viewer->next->link = viewer->link;
    (void)pthread_mutex_unlock(&view->lock);
    em_buf_free(&viewer->pending);
    free(viewer);
}

static struct MHD_Response *new_viewer(struct line_http_view *view,
                                       struct MHD_Connection *connection)
{
    struct viewer *viewer = calloc(1, sizeof *viewer);
    if (viewer == NULL)
        return NULL;
    *viewer = (struct viewer){.view = view, .connection = connection};
    (void)pthread_mutex_lock(&view->lock); /* as above */
    viewer->next = view->viewers;
    viewer->link = &view->viewers;
    if (viewer->next != NULL)
        viewer->next->link = &viewer->next;
    view->viewers = viewer;
    (void)pthread_mutex_unlock(&view->lock);
    struct MHD_Response *response = view->mhd.MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 4096, on_read, viewer, on_gone);
    if (response == NULL)
        on_gone(viewer);
    return response;
}

/* With the lock held. */
static void wake_viewers(struct line_http_view *view)
{
    for (struct viewer *v = view->viewers; v != NULL; v = v->next) {
        if (v->waits)
            view->mhd.MHD_resume_connection(v->connection);
        v->waits = false;
    }
}

/* ---- Messages ---- */

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *tick(void *user)
{
    struct line_http_view *view = user;
    unsigned ticks = 0;
    (void)pthread_mutex_lock(&view->lock); /* as above */
    while (!view->stop) {
        (void)pthread_mutex_unlock(&view->lock);
        bool news = http_state_tick(&view->state, now_us(), ++ticks % BEAT_TICKS == 0);
        (void)pthread_mutex_lock(&view->lock);
        if (news)
            wake_viewers(view);
        int64_t until_us = now_us() + TICK_MS * 1000;
        struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
                                 .tv_nsec = (long)(until_us % 1000000 * 1000)};
        if (!view->stop)
            (void)pthread_cond_timedwait(&view->woken, &view->lock, &until);
    }
    (void)pthread_mutex_unlock(&view->lock);
    return NULL;
}

/* ---- Answers ---- */

static struct MHD_Response *of_buffer(const struct line_http_view *view,
                                      const struct em_buf *buf,
                                      enum MHD_ResponseMemoryMode mode)
{
    /* It is only read. */
    return view->mhd.MHD_create_response_from_buffer(buf->len,
                                                     (void *)(uintptr_t)buf->data, mode);
}

static struct MHD_Response *of_what(struct line_http_view *view, enum http_what what,
                                    struct MHD_Connection *connection, bool head)
{
    struct em_buf json = {0};
    switch (what) {
    case HTTP_PAGE:
        http_state_page(&view->state, &json, &view->page);
        break;
    case HTTP_STYLE:
        return of_buffer(view, &view->style, MHD_RESPMEM_PERSISTENT);
    case HTTP_SCRIPT:
        return of_buffer(view, &view->script, MHD_RESPMEM_PERSISTENT);
    case HTTP_ICON:
        return of_buffer(view, &view->icon, MHD_RESPMEM_PERSISTENT);
    case HTTP_EVENTS:
        if (!head)
            return new_viewer(view, connection);
        break;
    case HTTP_STATE:
        http_state_json(&view->state, &json);
        break;
    case HTTP_TEXT:
        break;
    }
    struct MHD_Response *response = of_buffer(view, &json, MHD_RESPMEM_MUST_COPY);
    em_buf_free(&json);
    return response;
}

static void add_headers(const struct line_http_view *view, struct MHD_Response *response,
                        const struct http_answer *answer, const char *token)
{
    static const char *const types[] = {
        [HTTP_TEXT] = "text/plain; charset=utf-8",
        [HTTP_PAGE] = "text/html; charset=utf-8",
        [HTTP_STYLE] = "text/css; charset=utf-8",
        [HTTP_SCRIPT] = "text/javascript; charset=utf-8",
        [HTTP_ICON] = "image/svg+xml",
        [HTTP_STATE] = "application/json",
        [HTTP_EVENTS] = "text/event-stream",
    };
    static const char *const all[][2] = {
        {"Cache-Control", "no-store"},
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
         "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
         "'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    /* Failures lack memory: the header is missing, the answer is still one. */
    (void)view->mhd.MHD_add_response_header(response, "Content-Type",
                                            types[answer->what]);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        (void)view->mhd.MHD_add_response_header(response, all[i][0], all[i][1]);
    if (answer->status == 405)
        (void)view->mhd.MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (answer->keep_token) { /* its letters are those of tokens: it was compared */
        char cookie[HTTP_TOKEN_MAX + 64];
        (void)snprintf(cookie, sizeof cookie, "espmfg=%s; HttpOnly; SameSite=Lax; Path=/",
                       token);
        (void)view->mhd.MHD_add_response_header(response, "Set-Cookie", cookie);
        (void)view->mhd.MHD_add_response_header(response, "Location", "/");
    }
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection,
                                  const char *path, const char *method,
                                  const char *version, const char *data, size_t *size,
                                  void **request_user)
{
    struct line_http_view *view = user;
    struct http_answer answer;
    (void)version;
    (void)data;
    (void)size;
    bool only_looks = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (only_looks && *request_user == NULL) { /* answered when all of it is there, the
                                                * connection stays open */
        *request_user = view;
        return MHD_YES;
    }
    const struct http_request request = {
        .method = method,
        .path = path,
        .host =
            view->mhd.MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"),
        .token = view->mhd.MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND,
                                                       "token"),
        .cookie =
            view->mhd.MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, "espmfg"),
    };
    http_judge(&answer, &view->rules, &request);
    bool head = strcmp(method, "HEAD") == 0;
    struct MHD_Response *response =
        answer.text != NULL
            ? view->mhd.MHD_create_response_from_buffer(
                  strlen(answer.text), (void *)(uintptr_t)answer.text, /* only read */
                  MHD_RESPMEM_PERSISTENT)
            : of_what(view, answer.what, connection, head);
    if (response == NULL)
        return MHD_NO; /* no memory: the connection is closed */
    add_headers(view, response, &answer, request.token);
    if (head || answer.what != HTTP_EVENTS) /* or its place would stay taken a while */
        (void)view->mhd.MHD_add_response_header(response, "Connection",
                                                "close"); /* as there */
    enum MHD_Result result =
        view->mhd.MHD_queue_response(connection, answer.status, response);
    view->mhd.MHD_destroy_response(response);
    return result;
}

/* ---- Beginning and end ---- */

static void on_event(void *user, const struct line_event *event)
{
    struct line_http_view *view = user;
    http_state_event(&view->state, event);
}

static void join(struct em_buf *out, const char *const lines[])
{
    for (size_t i = 0; lines[i] != NULL; i++)
        em_buf_append_text(out, lines[i]);
}

/* No path and no token has letters that need escapes, so nothing of them is undone: "%00"
 * would end a text. */
static size_t unescape(void *user, struct MHD_Connection *connection, char *text)
{
    (void)user;
    (void)connection;
    return strlen(text);
}

static enum em_status cannot_listen(int errnum, const char *text, struct em_error *err)
{
    switch (errnum) {
    case EADDRINUSE:
        return em_error_set(err, EM_ERR_IO, "another line may run: choose another port",
                            "--http %s: something else is there", text);
    case EADDRNOTAVAIL:
        return em_error_set(err, EM_ERR_IO,
                            "see 'ip address'; 0.0.0.0 is all that it has",
                            "--http %s: this computer has no such address", text);
    case EACCES:
        return em_error_set(err, EM_ERR_IO, "choose one from 1024 on, such as 8080",
                            "--http %s: this port is not for you", text);
    default:
        return em_error_errno(err, errnum == 0 ? EIO : errnum, "--http %s: cannot listen",
                              text);
    }
}

static enum em_status listen_at(struct line_http_view *view, struct http_address *address,
                                const char *text, struct em_error *err)
{
    /* poll(), as with epoll connections that end in the middle of a request keep their
     * place until their time is over (libmicrohttpd 0.9.75). */
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     (address->is_v6 ? (unsigned)MHD_USE_IPv6 : 0U);
    errno = 0;
    view->daemon = view->mhd.MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, view, MHD_OPTION_SOCK_ADDR, &address->at.any,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)VIEWERS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_END);
    if (view->daemon == NULL)
        return cannot_listen(errno, text, err);
    const union MHD_DaemonInfo *info =
        view->mhd.MHD_get_daemon_info(view->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info != NULL && address->is_v6)
        address->at.v6.sin6_port = htons(info->port);
    else if (info != NULL)
        address->at.v4.sin_port = htons(info->port);
    http_address_url(view->url, sizeof view->url, address);
    return EM_OK;
}

static enum em_status start(struct line_http_view *view,
                            const struct line_http_options *options, struct em_error *err)
{
    struct http_address address;
    sigset_t all, before;
    enum em_status status = http_address_parse(&address, options->address, err);
    if (status == EM_OK && options->token_file != NULL)
        status = http_token_load(&view->rules, options->token_file, err);
    if (status == EM_OK && !address.loopback && !view->rules.has_token)
        status = em_error_set(
            err, EM_ERR_REFUSED, "add --http-token-file FILE, or use 127.0.0.1",
            "--http %s: others could see it without a token", options->address);
    if (status == EM_OK)
        status = http_mhd_load(&view->mhd, err);
    if (status != EM_OK)
        return status;
    join(&view->page, live_page);
    join(&view->style, live_style);
    join(&view->script, live_script);
    join(&view->icon, live_icon);
    if (view->page.failed || view->style.failed || view->script.failed ||
        view->icon.failed)
        return em_error_nomem(err);
    (void)gethostname(view->rules.machine, sizeof view->rules.machine - 1); /* or "" */
    (void)http_state_tick(&view->state, now_us(), true);
    /* Signals are for the threads of the program. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    status = listen_at(view, &address, options->address, err);
    if (status == EM_OK) {
        view->runs = pthread_create(&view->thread, NULL, tick, view) == 0;
        status = view->runs ? EM_OK : em_error_nomem(err);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

enum em_status line_http_view_new(struct line_http_view **out, struct line_view *view,
                                  const struct line_http_options *options,
                                  struct em_error *err)
{
    struct line_http_view *v = calloc(1, sizeof *v);
    *out = NULL;
    if (v == NULL)
        return em_error_nomem(err);
    enum em_status status =
        http_state_init(&v->state, options->job, options->station, err);
    if (status != EM_OK) {
        free(v);
        return status;
    }
    (void)pthread_mutex_init(&v->lock, NULL); /* cannot fail without attributes */
    (void)pthread_cond_init(&v->woken, NULL);
    status = start(v, options, err);
    if (status != EM_OK) {
        line_http_view_free(v);
        return status;
    }
    *view = (struct line_view){on_event, v};
    *out = v;
    return EM_OK;
}

const char *line_http_view_url(const struct line_http_view *view)
{
    return view->url;
}

/* The last message is for those who still look, but nobody waits long for them. */
static void see_viewers_off(struct line_http_view *view)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000000L};
    (void)pthread_mutex_lock(&view->lock); /* as above */
    view->stop = true;
    (void)pthread_cond_signal(&view->woken);
    (void)pthread_mutex_unlock(&view->lock);
    if (view->runs)
        (void)pthread_join(view->thread, NULL); /* it is ours, and ends */
    (void)http_state_tick(&view->state, now_us(), true);
    (void)pthread_mutex_lock(&view->lock);
    view->ends = true;
    for (int i = 0; i < END_WAIT_TICKS && view->viewers != NULL; i++) {
        wake_viewers(view);
        (void)pthread_mutex_unlock(&view->lock);
        (void)nanosleep(&pause, NULL);
        (void)pthread_mutex_lock(&view->lock);
    }
    wake_viewers(view); /* none may be suspended when the daemon stops */
    (void)pthread_mutex_unlock(&view->lock);
}

void line_http_view_free(struct line_http_view *view)
{
    if (view == NULL)
        return;
    see_viewers_off(view);
    if (view->daemon != NULL)
        view->mhd.MHD_stop_daemon(view->daemon);
    http_state_free(&view->state);
    em_buf_free(&view->page);
    em_buf_free(&view->style);
    em_buf_free(&view->script);
    em_buf_free(&view->icon);
    (void)pthread_mutex_destroy(&view->lock); /* nobody has it any more */
    (void)pthread_cond_destroy(&view->woken);
    free(view);
}
