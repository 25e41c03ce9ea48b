/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at a slot, told to ledger, view and hooks: in this order, so that nobody
 * is told what may be forgotten. */
#include "config.h"

#include "src/line/run.h"

#include <stdio.h>
#include <string.h>

static void send(struct line_run *run, struct line_event *event)
{
    pthread_mutex_lock(&run->lock);
    event->time_us = line_now_us(run);
    event->totals = line_tally_totals(&run->tally, event->time_us);
    if (run->options->view.event != NULL)
        run->options->view.event(run->options->view.user, event);
    pthread_mutex_unlock(&run->lock);
}

static struct line_event event_of(const struct line_worker *w, enum line_event_kind kind)
{
    struct line_event event = {.kind = kind, .slot = &w->now};
    if (kind == LINE_EVENT_VERDICT) {
        event.duration_us = line_now_us(w->run) - w->now.board_since_us;
        event.retries = w->now.retries;
    }
    return event;
}

void line_tell(struct line_worker *w, enum line_event_kind kind)
{
    struct line_event event = event_of(w, kind);
    send(w->run, &event);
}

void line_tell_note(struct line_run *run, struct line_worker *w, enum em_log_level level,
                    const struct em_error *note)
{
    struct line_event event = {.kind = LINE_EVENT_NOTE,
                               .slot = w == NULL ? NULL : &w->now,
                               .level = level,
                               .note = note};
    send(run, &event);
}

/* Hooks run outside the lock: a slow label printer holds up its own slot only. */
static enum em_status run_hooks(struct line_worker *w, struct line_event *event,
                                struct em_error *err)
{
    const struct line_options *options = w->run->options;
    struct line_totals totals;
    if (options->station->hook_count == 0)
        return EM_OK;
    pthread_mutex_lock(&w->run->lock);
    event->time_us = line_now_us(w->run);
    totals = *line_tally_totals(&w->run->tally, event->time_us);
    pthread_mutex_unlock(&w->run->lock);
    event->totals = &totals;
    enum em_status status =
        line_hooks_run(options->job, options->station, event, &w->hooks, err);
    event->totals = NULL;
    if (status == EM_ERR_REFUSED)
        w->board.step = "hook"; /* what failed was not the step it was told of */
    if (status == EM_ERR_STOPPED) {
        int none = 0;
        (void)atomic_compare_exchange_strong(&w->run->halt, &none, 1); /* or it was */
        line_tell_note(w->run, w, EM_LOG_ERROR, err);
    }
    return status;
}

enum em_status line_tell_hooks(struct line_worker *w, enum line_event_kind kind,
                               struct em_error *err)
{
    struct line_event event = event_of(w, kind);
    return run_hooks(w, &event, err);
}

enum em_status line_tell_stage(struct line_worker *w, enum line_stage stage,
                               const char *step, struct em_error *err)
{
    w->now.stage = stage;
    w->now.done = w->now.total = 0;
    w->now.bytes_per_s = 0;
    w->now.since_us = line_now_us(w->run);
    w->board.step = step;
    w->board.step_us = w->now.since_us;
    struct line_event event = event_of(w, LINE_EVENT_STAGE);
    send(w->run, &event);
    return run_hooks(w, &event, err);
}

enum em_status line_ledger_said(struct line_run *run, enum em_status status,
                                const struct em_error *err)
{
    return status == EM_OK || status == EM_ERR_REFUSED ? status : line_fault(run, err);
}

enum em_status line_tell_step(struct line_worker *w, const char *outcome,
                              const char *detail, struct em_error *err)
{
    struct line_event event = event_of(w, LINE_EVENT_STEP);
    event.step = w->board.step;
    event.outcome = outcome;
    event.detail = detail;
    event.duration_us = line_now_us(w->run) - w->board.step_us;
    event.retries = w->now.retries;
    send(w->run, &event);
    return run_hooks(w, &event, err);
}

enum em_status line_record(struct line_worker *w, const char *outcome, const char *detail,
                           enum em_ledger_state state, struct em_error *err)
{
    struct line_board *board = &w->board;
    const struct em_ledger_event entry = {
        .claim = board->held ? board->ledger.claim : 0,
        .place = &w->place,
        .mac = board->has_mac ? board->mac : NULL,
        .step = board->step,
        .outcome = outcome,
        .detail = detail,
        .duration_us = line_now_us(w->run) - board->step_us,
        .retries = w->now.retries,
    };
    enum em_status status = line_ledger_said(
        w->run, em_ledger_record(w->run->options->ledger, &entry, state, err), err);
    if (status != EM_OK)
        return status;
    if (state != EM_LEDGER_FREE)
        board->ledger.state = state;
    return line_tell_step(w, outcome, detail, err);
}

/* ---- From the library ---- */

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    struct line_worker *w = user;
    (void)device; /* the slot tells */
    if (level <= EM_LOG_INFO)
        line_tell_note(w->run, w, level, msg);
}

static int on_progress(void *user, const struct em_progress *progress)
{
    struct line_worker *w = user;
    if (strcmp(progress->counts, "bytes") == 0) {
        int64_t time_us = line_now_us(w->run) - w->now.since_us;
        w->now.done = progress->done;
        w->now.total = progress->total;
        w->now.bytes_per_s =
            time_us > 0 ? (double)progress->done * 1e6 / (double)time_us : 0;
        line_tell(w, LINE_EVENT_PROGRESS);
    }
    return !atomic_load(&w->board.locked) && line_stop_wanted(w->run) >= 2;
}

struct em_hooks line_worker_hooks(struct line_worker *w)
{
    return (struct em_hooks){.log = on_log, .progress = on_progress, .user = w};
}
