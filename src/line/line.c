/* SPDX-License-Identifier: Apache-2.0 */
/* The line: one thread a slot, boards one after the other, and when all of it ends. */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOOK_MS = 100, /* how long a wait may last before it looks whether to stop */
    US_A_MS = 1000,
    US_A_S = 1000000,
};

/* ---- Clock and end ---- */

static int64_t clock_us(clockid_t clock)
{
    struct timespec ts = {0};
    (void)clock_gettime(clock, &ts); /* cannot fail for the two used here */
    return (int64_t)ts.tv_sec * US_A_S + ts.tv_nsec / 1000;
}

int64_t line_now_us(const struct line_run *run)
{
    return run->utc_us + (clock_us(CLOCK_MONOTONIC) - run->clock_us);
}

int line_stop_wanted(const struct line_run *run)
{
    int user = run->options->stop == NULL ? 0 : (int)*run->options->stop;
    int own = atomic_load(&run->halt);
    return user > own ? user : own;
}

static void halt(struct line_run *run)
{
    int none = 0;
    (void)atomic_compare_exchange_strong(&run->halt, &none, 1); /* or it was already */
}

enum em_status line_fault(struct line_run *run, const struct em_error *fault)
{
    bool first = false;
    pthread_mutex_lock(&run->lock);
    if (!run->has_fault) {
        first = true;
        run->has_fault = true;
        run->fault = *fault;
    }
    pthread_mutex_unlock(&run->lock);
    halt(run);
    if (first)
        line_tell_note(run, NULL, EM_LOG_ERROR, fault);
    return EM_ERR_STOPPED;
}

/* ---- How many boards ---- */

/* May one more board pass without going beyond the count? Waits while that hangs on
 * boards at other slots. Taken when a board is there, not before: a slot where none comes
 * must not keep others from theirs. */
static bool reserve(struct line_run *run)
{
    uint64_t count = run->options->count;
    bool taken = false;
    pthread_mutex_lock(&run->lock);
    while (!taken && line_stop_wanted(run) == 0) {
        if (count == 0 || run->started < count) {
            run->started++;
            taken = true;
        } else if (run->tally.totals.passed >= count) {
            break;
        } else {
            struct timespec until;
            (void)clock_gettime(CLOCK_REALTIME, &until); /* cannot fail */
            until.tv_nsec += LOOK_MS * 1000000L;
            until.tv_sec += until.tv_nsec / 1000000000L;
            until.tv_nsec %= 1000000000L;
            (void)pthread_cond_timedwait(&run->changed, &run->lock, &until);
        }
    }
    pthread_mutex_unlock(&run->lock);
    return taken;
}

static bool is_complete(struct line_run *run)
{
    uint64_t count = run->options->count;
    pthread_mutex_lock(&run->lock);
    bool complete = count != 0 && run->tally.totals.passed >= count;
    pthread_mutex_unlock(&run->lock);
    return complete;
}

/* ---- A slot ---- */

/* Too many failures one after the other are not the boards' fault. */
static void check_row(struct line_run *run, struct line_worker *w, uint32_t in_a_row)
{
    struct em_error note;
    uint32_t limit = run->options->job->stop_after;
    if (limit == 0 || in_a_row < limit)
        return;
    halt(run);
    if (in_a_row > limit)
        return; /* of boards that were under way: it is told already */
    (void)em_error_set(&note, EM_ERR_STOPPED,
                       "look for the common cause: power, cables, fixture, images",
                       "%u boards in a row failed: the line stops", (unsigned)limit);
    line_tell_note(run, w, EM_LOG_ERROR, &note);
}

static void count_board(struct line_worker *w)
{
    struct line_run *run = w->run;
    enum line_verdict verdict = w->board.verdict;
    pthread_mutex_lock(&run->lock);
    line_tally_verdict(&run->tally, verdict, w->now.cause, line_now_us(run));
    uint32_t in_a_row = verdict == LINE_FAIL ? run->tally.in_a_row : 0;
    if (verdict != LINE_PASS)
        run->started--;
    run->cut_short = run->cut_short || (verdict == LINE_ABORTED && w->board.held);
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
    check_row(run, w, in_a_row);
}

static void show_verdict(struct line_worker *w)
{
    struct em_error err;
    (void)line_tell_stage(w, LINE_VERDICT, "verdict", &err); /* no hook is told of it */
    count_board(w);
    line_tell(w, LINE_EVENT_VERDICT);
    /* Hooks of a good verdict have been asked before it was recorded. */
    if (w->board.verdict != LINE_PASS &&
        line_tell_hooks(w, LINE_EVENT_VERDICT, &err) == EM_ERR_REFUSED)
        line_tell_note(w->run, w, EM_LOG_WARNING, &err);
}

/* The verdict stands until the board is taken away; false: the slot ends. */
static bool await_removal(struct line_worker *w)
{
    const struct line_feed *feed = &w->run->options->feed;
    struct em_error err;
    bool gone = false;
    while (!gone && line_stop_wanted(w->run) == 0 && !is_complete(w->run)) {
        enum em_status status =
            feed->removed(feed->user, w->now.slot, LOOK_MS, &gone, &err);
        if (status != EM_OK) {
            line_tell_note(w->run, w, EM_LOG_ERROR, &err);
            return false;
        }
    }
    if (gone) {
        line_tell(w, LINE_EVENT_REMOVED);
        if (line_tell_hooks(w, LINE_EVENT_REMOVED, &err) == EM_ERR_REFUSED)
            line_tell_note(w->run, w, EM_LOG_WARNING, &err);
    }
    return gone;
}

static void show_empty(struct line_worker *w)
{
    struct em_error err;
    const char *name = w->now.name;
    const size_t slot = w->now.slot;
    w->now = (struct line_slot_now){.slot = slot, .name = name, .port = ""};
    (void)line_tell_stage(w, LINE_EMPTY, "", &err); /* no hook is told of it */
}

/* The next board's port; false: there will be none. */
static bool await_board(struct line_worker *w, char *url, size_t size)
{
    const struct line_feed *feed = &w->run->options->feed;
    struct em_error err;
    bool ended = false;
    url[0] = '\0';
    while (!ended && line_stop_wanted(w->run) == 0 && !is_complete(w->run)) {
        enum em_status status =
            feed->arrived(feed->user, w->now.slot, LOOK_MS, url, size, &ended, &err);
        if (status != EM_OK) {
            line_tell_note(w->run, w, EM_LOG_ERROR, &err);
            pthread_mutex_lock(&w->run->lock);
            w->run->cut_short = true;
            pthread_mutex_unlock(&w->run->lock);
            return false;
        }
        if (url[0] != '\0')
            return true;
    }
    return false;
}

/* All units are done: whoever comes now has come in vain. */
static bool is_used_up(struct line_run *run)
{
    pthread_mutex_lock(&run->lock);
    bool used_up = run->tally.totals.done >= run->tally.totals.units;
    pthread_mutex_unlock(&run->lock);
    return used_up;
}

static void *run_slot(void *user)
{
    struct line_worker *w = user;
    char url[sizeof w->board.url];
    bool on = true;
    show_empty(w);
    while (on && await_board(w, url, sizeof url) && reserve(w->run)) {
        line_board_run(w, url);
        show_verdict(w);
        bool no_unit = w->board.verdict == LINE_ABORTED && !w->board.held;
        if (w->run->options->watch)
            on = await_removal(w);
        if (no_unit && (!w->run->options->watch || is_used_up(w->run)))
            on = false;
        if (on)
            show_empty(w);
    }
    return NULL;
}

/* ---- All slots ---- */

static enum em_status count_units(struct line_run *run, struct em_error *err)
{
    struct em_ledger_counts counts;
    enum em_status status = em_ledger_counts(run->options->ledger, &counts, err);
    if (status != EM_OK)
        return status;
    run->tally.totals.units = counts.units;
    run->tally.totals.done = counts.by_state[EM_LEDGER_DONE];
    return EM_OK;
}

static void free_shared(struct line_run *run)
{
    for (size_t i = 0;
         run->shared != NULL && line_job_image(run->options->job, i) != NULL; i++)
        em_flash_share_free(run->shared[i]);
    free(run->shared);
    run->shared = NULL;
}

static enum em_status share_images(struct line_run *run, struct em_error *err)
{
    const struct line_job *job = run->options->job;
    const struct line_image *image;
    enum em_status status = EM_OK;
    size_t count = 0;
    while (line_job_image(job, count) != NULL)
        count++;
    run->shared = calloc(count + 1, sizeof(struct em_flash_shared *));
    if (run->shared == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; status == EM_OK && (image = line_job_image(job, i)) != NULL; i++) {
        if (image->len > 0)
            status = em_flash_share(&run->shared[i], image->data, image->len, err);
    }
    return status;
}

static enum em_status start_slots(struct line_run *run, struct line_worker *workers,
                                  size_t *started_out, struct em_error *err)
{
    const struct line_station *station = run->options->station;
    /* Signals are for the thread that waits: no system call of a slot is cut short. */
    sigset_t all, before;
    (void)sigfillset(&all); /* cannot fail */
    enum em_status status = EM_OK;
    *started_out = 0;
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return em_error_set(err, EM_ERR_NOMEM, NULL, "signals cannot be held back");
    for (size_t i = 0; i < station->slot_count && status == EM_OK; i++) {
        struct line_worker *w = &workers[i];
        const char *name = station->slots[i].name;
        w->run = run;
        w->now.slot = i;
        w->now.name = name == NULL ? "" : name;
        w->hooks = line_worker_hooks(w);
        int errnum = pthread_create(&w->thread, NULL, run_slot, w);
        if (errnum != 0)
            status = em_error_errno(err, errnum, "no thread for slot %s", w->now.name);
        else
            (*started_out)++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* it was so before */
    return status;
}

static enum em_status run_slots(struct line_run *run, struct em_error *err)
{
    size_t started = 0;
    struct line_worker *workers =
        calloc(run->options->station->slot_count + 1, sizeof *workers);
    if (workers == NULL)
        return em_error_nomem(err);
    enum em_status status = start_slots(run, workers, &started, err);
    if (status != EM_OK)
        halt(run);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(workers[i].thread, NULL); /* they are ours, and end */
    free(workers);
    return status;
}

static void tell_end(struct line_run *run)
{
    struct em_error err;
    struct line_totals totals;
    int64_t now_us = line_now_us(run);
    totals = *line_tally_totals(&run->tally, now_us);
    struct line_event event = {
        .kind = LINE_EVENT_END, .time_us = now_us, .totals = &totals};
    const struct em_hooks hooks = {0};
    if (line_hooks_run(run->options->job, run->options->station, &event, &hooks, &err) !=
        EM_OK)
        line_tell_note(run, NULL, EM_LOG_WARNING, &err);
    if (run->options->view.event != NULL)
        run->options->view.event(run->options->view.user, &event);
}

enum em_status line_run(const struct line_options *options, enum line_end *end_out,
                        struct line_totals *totals_out, struct em_error *err)
{
    struct line_run run = {.options = options};
    *end_out = LINE_END_STOPPED;
    *totals_out = (struct line_totals){0};
    run.utc_us = clock_us(CLOCK_REALTIME);
    run.clock_us = clock_us(CLOCK_MONOTONIC);
    atomic_init(&run.halt, 0);
    if (pthread_mutex_init(&run.lock, NULL) != 0)
        return em_error_nomem(err);
    if (pthread_cond_init(&run.changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&run.lock); /* nobody has it */
        return em_error_nomem(err);
    }
    line_tally_start(&run.tally, options->count, run.utc_us);
    enum em_status status = count_units(&run, err);
    if (status == EM_OK)
        status = line_keys_sweep(&run, err);
    if (status == EM_OK)
        status = share_images(&run, err);
    if (status == EM_OK)
        status = run_slots(&run, err);
    free_shared(&run);
    if (run.has_fault) {
        status = run.fault.status;
        if (err != NULL)
            *err = run.fault;
    }
    bool failed = run.tally.totals.failed > 0 || run.cut_short;
    if (status == EM_OK && line_stop_wanted(&run) == 0)
        *end_out = failed ? LINE_END_FAILED : LINE_END_GOOD;
    tell_end(&run);
    *totals_out = run.tally.totals;
    (void)pthread_cond_destroy(&run.changed); /* all slots have ended */
    (void)pthread_mutex_destroy(&run.lock);
    return status;
}
