/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to lines, boards, server and networks, and when. */
#include "config.h"

#include "tests/crash/crash.h"

#include <signal.h>

/* A run that hangs is a violation; the slowest link faults take some seconds each. */
static const double run_limit_s = 90;

/* What the line says on its way from board to board: moments are tied to these, as some
 * of the stages are short. */
static const struct sign {
    const char *event, *name, *outcome; /* NULL: any */
} signs[] = {
    {"stage", "connect", NULL}, {"stage", "claim", NULL}, {"step", "claim", NULL},
    {"stage", "check", NULL},   {"stage", "flash", NULL}, {"progress", NULL, NULL},
    {"step", "flash", "ok"},    {"stage", "burn", NULL},  {"step", "burn", "intent"},
    {"step", "burn", "ok"},     {"step", "burn", "ok"},   {"stage", "finish", NULL},
    {"step", "done", NULL},     {"verdict", NULL, NULL},
};
enum { SIGNS = sizeof signs / sizeof signs[0] };

/* ---- Signs ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static bool is_sign(const struct sign *sign, const json_t *object, const char *event)
{
    const char *name = text_of(object, strcmp(event, "step") == 0 ? "step" : "stage");
    return strcmp(event, sign->event) == 0 &&
           (sign->name == NULL || strcmp(name, sign->name) == 0) &&
           (sign->outcome == NULL ||
            strcmp(text_of(object, "outcome"), sign->outcome) == 0);
}

static void look_for_sign(struct intent *intent, const json_t *object, const char *event)
{
    if (!intent->wanted || intent->sign == NULL || intent->seen ||
        !is_sign(intent->sign, object, event))
        return;
    if (--intent->left > 0)
        return;
    intent->seen = true;
    intent->due_s = now_s() + intent->delay_s;
    int board;
    if (sscanf(text_of(object, "slot"), "S%d", &board) == 1)
        intent->board = board;
}

void storm_hear(struct run *run, const json_t *object, const char *event)
{
    look_for_sign(&run->kill, object, event);
    look_for_sign(&run->storm->cut, object, event);
}

/* ---- Plans ---- */

static void plan_moment(struct batch *batch, struct intent *intent, double span_s)
{
    uint64_t *random = batch->random;
    *intent = (struct intent){.wanted = true};
    intent->board = (int)(next_random(random) % batch->board_count);
    intent->due_s = now_s() + next_part(random) * span_s;
    if (next_random(random) % 2 == 0)
        return;
    intent->due_s = now_s() + 2 * span_s;
    intent->sign = &signs[next_random(random) % SIGNS];
    intent->left = 1 + (unsigned)(next_random(random) % (batch->left + 1));
    if (next_random(random) % 3 != 0) /* else at once */
        intent->delay_s = next_part(random) * 0.025;
}

/* Longer from run to run, so that slow machines come to an end as well. */
static double span_of(const struct run *run)
{
    return (0.02 * run->batch->left + 0.6) * (1 + 0.05 * run->count);
}

static double soon(struct batch *batch, bool wanted, double from_s, double to_s)
{
    return batch->server != NULL && wanted
               ? now_s() + from_s + next_part(batch->random) * (to_s - from_s)
               : 0;
}

static void plan_server(struct storm *storm)
{
    struct batch *batch = storm->batch;
    storm->server_s = soon(batch, batch->tally->server_kills < batch->goals.server_kills,
                           1, 1 + 0.1 * batch->board_count);
}

static void plan_net(struct storm *storm)
{
    struct batch *batch = storm->batch;
    storm->net_s = soon(batch, batch->tally->net_cuts < batch->goals.net_cuts, 0.1, 2.5);
}

void storm_begin(struct storm *storm, struct batch *batch, struct run *runs)
{
    *storm = (struct storm){.batch = batch, .runs = runs};
    plan_server(storm);
    plan_net(storm);
}

void storm_plan(struct run *run)
{
    struct batch *batch = run->batch;
    const struct tally *tally = batch->tally;
    run->kill.wanted = false;
    if (run->station > 0)
        return; /* the others work on while the first is killed */
    if (tally->kills < batch->goals.kills)
        plan_moment(batch, &run->kill, span_of(run));
    if (tally->cuts < batch->goals.cuts)
        plan_moment(batch, &run->storm->cut, span_of(run) / 2);
}

static void sooner(double *until, double due_s)
{
    *until = due_s < *until ? due_s : *until;
}

double storm_next(const struct storm *storm, double until)
{
    const struct batch *batch = storm->batch;
    for (unsigned i = 0; i < batch->station_count; i++) {
        const struct run *run = &storm->runs[i];
        if (run->pid != 0)
            sooner(&until, run->began_s + run_limit_s);
        if (run->pid != 0 && run->kill.wanted)
            sooner(&until, run->kill.due_s);
        if (run->pid == 0 && !run->done)
            sooner(&until, run->start_s);
        if (batch->ways[i].muted_until_s > 0)
            sooner(&until, batch->ways[i].muted_until_s);
    }
    if (storm->cut.wanted)
        sooner(&until, storm->cut.due_s);
    if (storm->server_s > 0)
        sooner(&until, storm->server_s);
    if (storm->net_s > 0)
        sooner(&until, storm->net_s);
    return until;
}

/* ---- Strikes ---- */

static bool is_due(const struct intent *intent)
{
    return intent->wanted && now_s() >= intent->due_s;
}

static void cut_power(struct storm *storm)
{
    struct batch *batch = storm->batch;
    int board = storm->cut.board;
    unsigned station = (unsigned)board % batch->station_count;
    if (kill(batch->boards[board].pid, SIGUSR1) != 0)
        violation(batch, "board %d is gone", board);
    batch->tally->cuts++;
    note_moment(batch, storm->runs[station].began, station, board);
    storm->cut.wanted = false;
    if (batch->tally->cuts < batch->goals.cuts)
        plan_moment(batch, &storm->cut, span_of(&storm->runs[0]) / 2);
}

static void strike_line(struct run *run)
{
    if (run->pid == 0 || run->what != 0)
        return;
    if (is_due(&run->kill)) {
        run->what = KILLED;
        run->kill.wanted = false;
        note_moment(run->batch, run->began, run->station, ALL_BOARDS);
    } else if (now_s() > run->began_s + run_limit_s) {
        run->what = TIMED_OUT;
    }
    if (run->what != 0)
        (void)kill(run->pid, SIGKILL); /* a wait follows */
}

void storm_strike(struct storm *storm)
{
    struct batch *batch = storm->batch;
    for (unsigned i = 0; i < batch->station_count; i++)
        strike_line(&storm->runs[i]);
    if (is_due(&storm->cut))
        cut_power(storm);
    server_mend(batch);
    bool away = server_is_away(batch);
    if (storm->server_s > 0 && now_s() >= storm->server_s && !away) {
        server_kill(batch);
        plan_server(storm);
    }
    if (storm->net_s > 0 && now_s() >= storm->net_s) {
        unsigned station = (unsigned)(next_random(batch->random) % batch->station_count);
        server_cut(batch, station, 0.2 + 2.5 * next_part(batch->random));
        plan_net(storm);
    }
}
