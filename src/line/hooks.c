/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are told of events: label printers, lamps, a factory's database. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2, environ: other slots start programs at the same time */
#endif
#include "config.h"

#include "src/line/line.h"

#include "base/buf_int.h"
#include "base/error_int.h"
#include "base/text_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 4096, /* bytes of a hook's output that are looked at */
    LINES_MAX = 10,    /* and lines of it that are told */
    POLL_MS = 20,      /* how often a hook that keeps its output open is looked after */
    KILL_MS = 2000,    /* a killed process that has not ended by then is left alone */
};

/* One hook that runs. */
struct run {
    const struct line_hook *hook;
    pid_t pid;
    int in;  /* we write its standard input, or -1 */
    int out; /* we read its standard output and error, or -1 */
    const char *text;
    size_t len; /* of text, still to be written */
    struct em_buf output;
    bool cut; /* there was more output */
    bool ended;
    int wait_status;
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing can be lost in a pipe that nobody writes */
    *fd = -1;
}

/* ---- Starting ---- */

/* A group of its own, so that it can be ended with all that it starts and gets no Ctrl-C;
 * signals as a program expects them. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none;
    sigset_t usual;
    (void)sigemptyset(&none); /* cannot fail */
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE); /* these three are valid */
    (void)sigaddset(&usual, SIGINT);
    (void)sigaddset(&usual, SIGTERM);
    int error = posix_spawnattr_setflags(
        attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = error != 0 ? error : posix_spawnattr_setpgroup(attr, 0);
    error = error != 0 ? error : posix_spawnattr_setsigmask(attr, &none);
    return error != 0 ? error : posix_spawnattr_setsigdefault(attr, &usual);
}

/* 0 or a number of errno. */
static int spawn(struct run *run, int in, int out)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attr);
    if (error != 0) {
        (void)posix_spawn_file_actions_destroy(&actions); /* was made above */
        return error;
    }
    error = set_attributes(&attr);
    error = error != 0 ? error : posix_spawn_file_actions_adddup2(&actions, in, 0);
    error = error != 0 ? error : posix_spawn_file_actions_adddup2(&actions, out, 1);
    error = error != 0 ? error : posix_spawn_file_actions_adddup2(&actions, out, 2);
    char **argv = run->hook->argv;
    error = error != 0 ? error
                       : posix_spawnp(&run->pid, argv[0], &actions, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr); /* both were made above */
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

static enum em_status start(struct run *run, struct em_error *err)
{
    int in[2] = {-1, -1};
    int out[2] = {-1, -1};
    int error = 0;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 ||
        fcntl(in[1], F_SETFL, O_NONBLOCK) != 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) != 0)
        error = errno;
    else
        error = spawn(run, in[0], out[1]);
    close_end(&in[0]);
    close_end(&out[1]);
    run->in = in[1];
    run->out = out[0];
    if (error == 0)
        return EM_OK;
    close_end(&run->in);
    close_end(&run->out);
    run->pid = 0;
    return em_error_errno(err, error, "hook '%s' cannot be started", run->hook->argv[0]);
}

/* ---- Talking with it ---- */

/* write() without the signal that a closed pipe brings. */
static ssize_t write_quietly(int fd, const void *data, size_t len)
{
    sigset_t pipe_set;
    sigset_t before;
    sigset_t pending;
    const struct timespec at_once = {0};
    (void)sigemptyset(&pipe_set); /* valid, as is all below */
    (void)sigaddset(&pipe_set, SIGPIPE);
    (void)sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe_set, &before);
    ssize_t n = write(fd, data, len);
    int error = errno;
    if (n < 0 && error == EPIPE && !was_pending)
        (void)sigtimedwait(&pipe_set, NULL, &at_once); /* none when it is ignored */
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n;
}

/* It need not read what it is told: that is no failure. */
static void feed(struct run *run)
{
    ssize_t n = write_quietly(run->in, run->text, run->len);
    if (n > 0) {
        run->text += n;
        run->len -= (size_t)n;
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n < 0 || run->len == 0)
        close_end(&run->in);
}

/* Read what there is, without waiting. */
static void take_output(struct run *run)
{
    uint8_t piece[1024];
    ssize_t n = 1;
    for (int i = 0; i < 64 && n > 0; i++) { /* then its time is looked at again */
        n = read(run->out, piece, sizeof piece);
        if (n <= 0)
            break;
        size_t room = OUTPUT_MAX - run->output.len;
        size_t kept = (size_t)n < room ? (size_t)n : room;
        em_buf_append(&run->output, piece, kept);
        run->cut = run->cut || kept < (size_t)n;
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_end(&run->out);
}

static void look_for_end(struct run *run)
{
    pid_t got = waitpid(run->pid, &run->wait_status, WNOHANG);
    run->ended = got == run->pid || (got < 0 && errno != EINTR);
}

static void wait_a_little(struct run *run, int64_t left_ms)
{
    int wait_ms = left_ms < POLL_MS ? (int)left_ms : POLL_MS;
    struct pollfd fds[2] = {{.fd = run->in, .events = POLLOUT},
                            {.fd = run->out, .events = POLLIN}};
    if (poll(fds, 2, wait_ms) <= 0) /* a signal: as if the time were over */
        return;
    if (fds[0].revents != 0)
        feed(run);
    if (fds[1].revents != 0)
        take_output(run);
}

/* false: it did not end by itself in @p timeout_ms. */
static bool attend(struct run *run, int64_t timeout_ms)
{
    int64_t deadline_ms = now_ms() + timeout_ms;
    int64_t left_ms = timeout_ms;
    while (!run->ended && left_ms > 0) {
        wait_a_little(run, left_ms);
        look_for_end(run);
        left_ms = deadline_ms - now_ms();
    }
    return run->ended;
}

static void kill_group(struct run *run)
{
    (void)kill(-run->pid, SIGKILL); /* none left: it has ended by itself */
    (void)attend(run, KILL_MS);
}

/* ---- Telling ---- */

static void tell_line(const struct em_hooks *hooks, enum em_log_level level,
                      const char *name, const char *text, size_t len)
{
    struct em_error msg;
    char shown[256];
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < sizeof shown; i++)
        shown[n++] = (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? ' ' : text[i];
    shown[n] = '\0';
    if (!em_utf8_valid(em_span_of(shown))) {
        for (size_t i = 0; i < n; i++)
            shown[i] = (unsigned char)shown[i] < 0x80 ? shown[i] : '?';
    }
    (void)em_error_set(&msg, EM_OK, NULL, "hook '%s': %s", name, shown); /* no fault */
    if (hooks != NULL && hooks->log != NULL)
        hooks->log(hooks->user, level, "", &msg);
}

static void tell_output(const struct run *run, const struct em_hooks *hooks)
{
    const char *name = run->hook->argv[0];
    const char *text = (const char *)run->output.data;
    size_t left = run->output.failed ? 0 : run->output.len;
    int lines = 0;
    while (left > 0 && lines < LINES_MAX) {
        const char *end = memchr(text, '\n', left);
        size_t len = end == NULL ? left : (size_t)(end - text);
        if (len > 0) {
            tell_line(hooks, EM_LOG_NOTE, name, text, len);
            lines++;
        }
        size_t step = end == NULL ? left : len + 1;
        text += step;
        left -= step;
    }
    if (left > 0 || run->cut)
        tell_line(hooks, EM_LOG_NOTE, name, "… (more output is not shown)",
                  strlen("… (more output is not shown)"));
}

static enum em_status judge(const struct run *run, bool in_time, struct em_error *err)
{
    const char *name = run->hook->argv[0];
    if (!in_time)
        return em_error_set(err, EM_ERR_REFUSED,
                            "give it more time in the station file, or look why it hangs",
                            "hook '%s' took longer than its %u ms and was killed", name,
                            (unsigned)run->hook->timeout_ms);
    if (WIFSIGNALED(run->wait_status))
        return em_error_set(
            err, EM_ERR_REFUSED, "run it by hand with the event on its input",
            "hook '%s' was ended by signal %d", name, WTERMSIG(run->wait_status));
    if (!WIFEXITED(run->wait_status) || WEXITSTATUS(run->wait_status) != 0)
        return em_error_set(
            err, EM_ERR_REFUSED, "run it by hand with the event on its input",
            "hook '%s' ended with exit status %d", name, WEXITSTATUS(run->wait_status));
    return EM_OK;
}

static enum em_status run_one(const struct line_hook *hook, const char *text,
                              const struct em_hooks *hooks, struct em_error *err)
{
    struct run run = {
        .hook = hook, .in = -1, .out = -1, .text = text, .len = strlen(text)};
    enum em_status status = start(&run, err);
    if (status != EM_OK)
        return status;
    bool in_time = attend(&run, hook->timeout_ms);
    if (!in_time)
        kill_group(&run);
    if (run.out >= 0)
        take_output(&run); /* others that it has left running may still write */
    close_end(&run.in);
    close_end(&run.out);
    tell_output(&run, hooks);
    status = judge(&run, in_time, err);
    em_buf_free(&run.output);
    return status;
}

/* What a failure of @p hook means for the board and the line. */
static enum em_status apply_policy(const struct line_hook *hook, enum em_status status,
                                   const struct em_error *fault,
                                   const struct em_hooks *hooks)
{
    if (status == EM_OK || hook->policy == LINE_HOOK_STOP)
        return status == EM_OK ? EM_OK : EM_ERR_STOPPED;
    if (hook->policy == LINE_HOOK_FAIL)
        return EM_ERR_REFUSED;
    if (hooks != NULL && hooks->log != NULL)
        hooks->log(hooks->user, EM_LOG_WARNING, "", fault);
    return EM_OK;
}

/* The object in one line. The caller's; NULL: no memory. */
static char *event_line(const struct line_job *job, const struct line_station *station,
                        const struct line_event *event)
{
    json_t *object = line_event_json(job, station, event);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    size_t len = text == NULL ? 0 : strlen(text);
    char *line = text == NULL ? NULL : realloc(text, len + 2);
    if (line == NULL) {
        free(text);
        return NULL;
    }
    memcpy(line + len, "\n", 2);
    return line;
}

enum em_status line_hooks_run(const struct line_job *job,
                              const struct line_station *station,
                              const struct line_event *event,
                              const struct em_hooks *hooks, struct em_error *err)
{
    const char *name = line_event_name(event);
    enum em_status worst = EM_OK;
    char *text = NULL;
    for (size_t i = 0; i < station->hook_count && name != NULL; i++) {
        const struct line_hook *hook = &station->hooks[i];
        struct em_error fault;
        if (strcmp(hook->event, "*") != 0 && strcmp(hook->event, name) != 0)
            continue;
        if (text == NULL)
            text = event_line(job, station, event);
        if (text == NULL)
            return em_error_nomem(err);
        enum em_status status = run_one(hook, text, hooks, &fault);
        status = apply_policy(hook, status, &fault, hooks);
        /* All are told; of several failures the one that stops the line counts. */
        if (status == EM_OK || worst == EM_ERR_STOPPED)
            continue;
        if (worst == EM_OK || status == EM_ERR_STOPPED) {
            worst = em_error_set(err, status, fault.hint, "%s", fault.what);
        }
    }
    free(text);
    return worst;
}
