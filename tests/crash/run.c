/* SPDX-License-Identifier: Apache-2.0 */
/* The line on its way: started, listened to, killed; boards without power. */
#include "config.h"

#include "tests/crash/crash.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>

enum { RUNS_MAX = 200, TIMED_OUT = -2, KILLED = -1 };

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

/* Something that is going to be done at a random moment. */
struct intent {
    bool wanted;
    const struct sign *sign; /* NULL: just a time */
    unsigned left;           /* so many more of these signs */
    double delay_s;          /* after the sign */
    double due_s;            /* at the latest, until the sign was seen */
    bool seen;
    int board;
};

struct run {
    struct batch *batch;
    pid_t pid;
    int fd;
    char began[STAMP];
    double began_s;
    struct intent kill, cut;
    char *text; /* the line that is not ended yet */
    size_t len, room;
};

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

static void on_line(struct run *run, const char *text)
{
    json_t *object = json_loads(text, 0, NULL);
    if (object == NULL) {
        violation(run->batch, "the line says what is no JSON: %.200s", text);
        return;
    }
    const char *event = text_of(object, "event");
    note_outcome(run->batch, object, event);
    look_for_sign(&run->kill, object, event);
    look_for_sign(&run->cut, object, event);
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

/* ---- Moments ---- */

static void plan_moment(struct run *run, struct intent *intent, double span_s)
{
    uint64_t *random = run->batch->random;
    *intent = (struct intent){.wanted = true};
    intent->board = (int)(next_random(random) % run->batch->board_count);
    intent->due_s = now_s() + next_part(random) * span_s;
    if (next_random(random) % 2 == 0)
        return;
    intent->due_s = now_s() + 2 * span_s;
    intent->sign = &signs[next_random(random) % SIGNS];
    intent->left = 1 + (unsigned)(next_random(random) % (run->batch->left + 1));
    if (next_random(random) % 3 != 0) /* else at once */
        intent->delay_s = next_part(random) * 0.025;
}

static void cut_power(struct run *run, unsigned long long cuts, double span_s)
{
    struct batch *batch = run->batch;
    int board = run->cut.board;
    if (kill(batch->boards[board].pid, SIGUSR1) != 0)
        violation(batch, "board %d is gone", board);
    batch->tally->cuts++;
    note_moment(batch, run->began, board);
    run->cut.wanted = false;
    if (batch->tally->cuts < cuts)
        plan_moment(run, &run->cut, span_s / 2);
}

/* ---- A run ---- */

static void start_line(struct run *run)
{
    const struct batch *batch = run->batch;
    const char *argv[] = {batch->flash_program, "line",         "job.yaml",
                          "--station",          "station.yaml", "--approve",
                          batch->plan,          "--json",       NULL};
    int ends[2];
    require(pipe(ends) == 0, "pipe");
    stamp_now(run->began);
    run->began_s = now_s();
    (void)fflush(stdout);
    run->pid = fork();
    require(run->pid >= 0, "fork");
    if (run->pid == 0) {
        int err = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (err >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0 &&
            dup2(err, STDERR_FILENO) >= 0 && close(ends[1]) == 0 && close(ends[0]) == 0)
            (void)execv(argv[0], (char **)argv); /* comes back only when it failed */
        _exit(127);
    }
    (void)close(ends[1]);
    run->fd = ends[0];
}

static int next_wait_ms(const struct run *run)
{
    double until = run->began_s + run_limit_s;
    const struct intent *intents[] = {&run->kill, &run->cut};
    for (size_t i = 0; i < 2; i++)
        if (intents[i]->wanted && intents[i]->due_s < until)
            until = intents[i]->due_s;
    double left = until - now_s();
    return left <= 0 ? 0 : (int)(left * 1000) + 1;
}

static bool is_due(const struct intent *intent)
{
    return intent->wanted && now_s() >= intent->due_s;
}

/* Until it ends or is killed: its status, KILLED or TIMED_OUT. */
static int listen_to(struct run *run, unsigned long long cuts, double span_s)
{
    int what = 0;
    for (bool on = true; on;) {
        struct pollfd event = {.fd = run->fd, .events = POLLIN};
        int n = poll(&event, 1, next_wait_ms(run));
        if (what == 0 && is_due(&run->kill)) {
            what = KILLED;
            run->kill.wanted = false;
            note_moment(run->batch, run->began, ALL_BOARDS);
            (void)kill(run->pid, SIGKILL); /* a wait follows */
        } else if (what == 0 && now_s() > run->began_s + run_limit_s) {
            what = TIMED_OUT;
            (void)kill(run->pid, SIGKILL); /* likewise */
        } else if (what == 0 && is_due(&run->cut)) {
            cut_power(run, cuts, span_s);
        }
        on = n <= 0 || take(run);
    }
    (void)close(run->fd); /* only read */
    int status = wait_for(run->pid);
    if (what == KILLED && WIFSIGNALED(status))
        run->batch->tally->kills++;
    else if (what == KILLED)
        run->batch->moments[run->batch->moment_count - 1].board = NOBODY; /* too late */
    if (what == TIMED_OUT || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
        return what;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void show_stderr(void)
{
    size_t len;
    uint8_t *text = read_file("stderr", &len);
    printf("%.*s\n", (int)len, (const char *)text);
    free(text);
}

void run_batch(struct batch *batch, unsigned long long kills, unsigned long long cuts)
{
    const struct tally *tally = batch->tally;
    bool done = false;
    batch->left = batch->board_count;
    for (unsigned i = 0; !done && i < RUNS_MAX; i++) {
        struct run run = {.batch = batch};
        /* Longer from run to run, so that slow machines come to an end as well. */
        double span_s = (0.02 * batch->left + 0.6) * (1 + 0.05 * i);
        if (tally->kills < kills)
            plan_moment(&run, &run.kill, span_s);
        if (tally->cuts < cuts)
            plan_moment(&run, &run.cut, span_s / 2);
        start_line(&run);
        int status = listen_to(&run, cuts, span_s);
        batch->tally->runs++;
        done = status == 0 && batch->left == 0;
        if (status == TIMED_OUT)
            violation(batch, "run %u does not end", i + 1);
        else if (status > 1)
            violation(batch, "run %u ends with status %d", i + 1, status);
        if (status > 1 || status == TIMED_OUT)
            show_stderr();
        free(run.text);
    }
    if (!done)
        violation(batch, "not done after %d runs", RUNS_MAX);
}
