/* SPDX-License-Identifier: Apache-2.0 */
/* The lines on their way: started, listened to, started again. */
#include "config.h"

#include "tests/crash/crash.h"

#include <poll.h>
#include <signal.h>

enum { RUNS_MAX = 400 };

/* ---- What it says ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static void add_told(struct batch *batch, const char *mac, const char *step,
                     const char *outcome, const char *detail)
{
    size_t size = strlen(mac) + strlen(step) + strlen(outcome) + strlen(detail) + 4;
    char *text = malloc(size);
    if (batch->told_count == batch->told_room) {
        batch->told_room = batch->told_room * 2 + 256;
        batch->told = realloc(batch->told, batch->told_room * sizeof *batch->told);
    }
    require(batch->told != NULL && text != NULL, "malloc");
    (void)snprintf(text, size, "%s|%s|%s|%s", mac, step, outcome, detail);
    batch->told[batch->told_count++] = text;
}

/* What the ledger has to know as well. */
static void note_outcome(struct batch *batch, const json_t *object, const char *event)
{
    const char *mac = text_of(object, "mac");
    const char *detail = text_of(object, "detail");
    if (strcmp(event, "step") == 0 && strcmp(text_of(object, "step"), "claim") == 0)
        add_told(batch, mac, "claim", strncmp(detail, "new ", 4) == 0 ? "new" : "again",
                 text_of(object, "name"));
    else if (strcmp(event, "step") == 0)
        add_told(batch, mac, text_of(object, "step"), text_of(object, "outcome"), detail);
    else if (strcmp(event, "verdict") == 0 &&
             strcmp(text_of(object, "verdict"), "fail") == 0) {
        char step[64];
        (void)snprintf(step, sizeof step, "%s", text_of(object, "cause"));
        step[strcspn(step, ":")] = '\0';
        add_told(batch, mac, step, "failed", "*");
    }
}

static void on_line(struct run *run, const char *text)
{
    json_t *object = json_loads(text, 0, NULL);
    if (object == NULL) {
        violation(run->batch, "the line says what is no JSON: %.200s", text);
        return;
    }
    const char *event = text_of(object, "event");
    (void)snprintf(run->last, sizeof run->last, "%s", text); /* cut if too long */
    note_outcome(run->batch, object, event);
    storm_hear(run, object, event);
    run->working = run->working || strcmp(event, "stage") == 0;
    /* Totals are those of the ledger: of all stations. */
    const json_t *totals = json_object_get(object, "totals");
    if (totals != NULL) {
        json_int_t done = json_integer_value(json_object_get(totals, "done"));
        run->batch->left = run->batch->board_count - (unsigned)done;
    }
    json_decref(object);
}

/* false: that was all. */
static bool take(struct run *run)
{
    if (run->room - run->len < 65536) {
        run->room = run->room * 2 + 131072;
        run->text = realloc(run->text, run->room);
        require(run->text != NULL, "realloc");
    }
    ssize_t n = read(run->fd, run->text + run->len, run->room - run->len - 1);
    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0)
        return false;
    run->len += (size_t)n;
    char *begin = run->text, *end;
    while ((end = memchr(begin, '\n', run->len - (size_t)(begin - run->text))) != NULL) {
        *end = '\0';
        on_line(run, begin);
        begin = end + 1;
    }
    run->len -= (size_t)(begin - run->text);
    memmove(run->text, begin, run->len);
    return true;
}

/* ---- A run ---- */

static void start_line(struct run *run)
{
    const struct batch *batch = run->batch;
    char station[32], ledger[PATH_LEN];
    const char *argv[] = {batch->flash_program,
                          "line",
                          "job.yaml",
                          "--station",
                          station,
                          "--ledger",
                          ledger,
                          "--approve",
                          batch->plan,
                          "--json",
                          NULL};
    int ends[2];
    (void)snprintf(station, sizeof station, "station%u.yaml", run->station);
    server_ledger(ledger, batch, (int)run->station);
    require(pipe(ends) == 0, "pipe");
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC); /* not for the others */
    stamp_now(run->began);
    run->began_s = now_s();
    (void)fflush(stdout);
    run->pid = fork();
    require(run->pid >= 0, "fork");
    if (run->pid == 0) {
        if (dup2(ends[1], STDOUT_FILENO) >= 0 && close(ends[1]) == 0)
            (void)execv(argv[0], (char **)argv); /* comes back only when it failed */
        _exit(127);
    }
    (void)close(ends[1]);
    run->fd = ends[0];
    run->what = 0;
    run->working = false;
    run->count++;
}

/* It may give up when the server is away: at its start, and after its wait. */
static bool gave_up(const struct run *run, int status)
{
    enum { LONG_S = 30, ANSWER_S = 10 };
    if (status != 2 || !server_disturbed(run->batch, run->station,
                                         run->began_s - run->batch->wait_s - ANSWER_S))
        return false;
    return (strstr(run->last, "ledger '") != NULL ||
            strstr(run->last, "station '") != NULL) &&
           (!run->working || run->batch->wait_s < LONG_S);
}

static void judge(struct run *run, int status)
{
    struct batch *batch = run->batch;
    if (status == KILLED)
        return;
    if (gave_up(run, status)) {
        batch->tally->away++;
        run->start_s = now_s() + 0.2;
        return;
    }
    if (status == TIMED_OUT)
        violation(batch, "run %u of station %u does not end", run->count, run->station);
    else if (status > 1)
        violation(batch, "run %u of station %u ends with status %d", run->count,
                  run->station, status);
    if (status > 1 || status == TIMED_OUT)
        puts(run->last);
}

static void end_line(struct run *run)
{
    int what = run->what;
    (void)close(run->fd); /* only read */
    int status = wait_for(run->pid);
    run->pid = 0;
    if (what == KILLED && WIFSIGNALED(status))
        run->batch->tally->kills++;
    else if (what == KILLED)
        run->batch->moments[run->batch->moment_count - 1].board = NOBODY; /* too late */
    if (what != TIMED_OUT && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
        what = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    free(run->text);
    run->text = NULL;
    run->len = run->room = 0;
    run->batch->tally->runs++;
    run->done = what == 0 && (run->batch->left == 0 || run->batch->station_count > 1);
    judge(run, what);
}

/* ---- All of them ---- */

static void listen_to(struct run *runs, unsigned count, double until)
{
    struct pollfd fds[STATIONS_MAX];
    double left = until - now_s();
    for (unsigned i = 0; i < count; i++)
        fds[i] =
            (struct pollfd){.fd = runs[i].pid == 0 ? -1 : runs[i].fd, .events = POLLIN};
    int n = poll(fds, count, left <= 0 ? 0 : (int)(left * 1000) + 1);
    for (unsigned i = 0; n > 0 && i < count; i++)
        if (fds[i].revents != 0 && !take(&runs[i]))
            end_line(&runs[i]);
}

/* One more run, if it is time. false: too many. */
static bool go_on(struct run *run)
{
    if (run->pid != 0 || run->done || now_s() < run->start_s)
        return true;
    if (run->count == RUNS_MAX)
        return false;
    storm_plan(run);
    start_line(run);
    return true;
}

void run_batch(struct batch *batch)
{
    enum { LOOK_S = 1 }; /* for the server */
    struct storm storm;
    struct run runs[STATIONS_MAX] = {{.batch = NULL}};
    unsigned done = 0;
    bool good = true;
    batch->left = batch->board_count;
    storm_begin(&storm, batch, runs);
    for (unsigned i = 0; i < batch->station_count; i++)
        runs[i] = (struct run){.batch = batch, .storm = &storm, .station = i};
    while (good && done < batch->station_count) {
        for (unsigned i = 0; i < batch->station_count && good; i++)
            good = go_on(&runs[i]);
        listen_to(runs, batch->station_count, storm_next(&storm, now_s() + LOOK_S));
        storm_strike(&storm);
        done = 0;
        for (unsigned i = 0; i < batch->station_count; i++)
            done += runs[i].done;
    }
    for (unsigned i = 0; i < batch->station_count; i++) {
        if (runs[i].done)
            continue;
        violation(batch, "station %u is not done after %u runs", i, runs[i].count);
        if (runs[i].pid != 0) {
            (void)kill(runs[i].pid, SIGKILL); /* a wait follows */
            end_line(&runs[i]);
        }
    }
}
