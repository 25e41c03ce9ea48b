/* SPDX-License-Identifier: Apache-2.0 */
/* The line: boards come to slots, get their units, and are recorded. Knows no terminal.
 */
#ifndef SRC_LINE_LINE_H
#define SRC_LINE_LINE_H

#include <espmfg/ledger.h>

#include "src/line/job.h"

#include <signal.h>

#include <jansson.h>

/* ---- Where boards come from ---- */

/** How a line gets to know that there is a board at a slot. Called from the slots'
 * threads, each with its own slot. */
struct line_feed {
    /** Wait at most @p wait_ms for a board at @p slot: its port in @p url ("" : none
     * yet); *ended: none will ever come. */
    enum em_status (*arrived)(void *user, size_t slot, uint32_t wait_ms, char *url,
                              size_t size, bool *ended, struct em_error *err);
    /** Wait at most @p wait_ms until the board was taken away. */
    enum em_status (*removed)(void *user, size_t slot, uint32_t wait_ms, bool *gone,
                              struct em_error *err);
    void *user;
};

struct line_ports_feed; /* feed_ports.c: the station's slots, once each or watched */
enum em_status line_ports_feed_new(struct line_ports_feed **out, struct line_feed *feed,
                                   const struct line_station *station, bool watch,
                                   struct em_error *err);
void line_ports_feed_free(struct line_ports_feed *feed);
/** At how many slots of the station there is something now. */
size_t line_ports_present(const struct line_station *station);

/** feed_sim.c: simulated boards. @p spec is "CHIP*SLOTS" or "CHIP?OPTIONS*SLOTS" as
 * behind "sim:"; each slot gets a new board again and again. With @p folder boards have
 * flash and eFuse files and a journal there ("A1-1.flash", …) and are the same in the
 * next run: at most @p rounds boards a slot (0: no end). Puts its slots in the place of
 * those of @p station; their names live as long as the feed. */
struct line_sim_feed;
enum em_status line_sim_feed_new(struct line_sim_feed **out, struct line_feed *feed,
                                 struct line_station *station, const char *spec,
                                 const char *folder, uint64_t rounds,
                                 struct em_error *err);
void line_sim_feed_free(struct line_sim_feed *feed);

/* ---- What is told ---- */

enum line_stage {
    LINE_EMPTY, /* no board */
    LINE_CONNECT,
    LINE_CLAIM,
    LINE_CHECK, /* image and eFuse plan made and checked, nothing touched */
    LINE_FLASH,
    LINE_BURN,
    LINE_BOOT,
    LINE_FINISH, /* done recorded, keys destroyed */
    LINE_VERDICT,
};
/** "empty", "connect", … */
const char *line_stage_name(enum line_stage stage);

enum line_verdict {
    LINE_NO_VERDICT,
    LINE_PASS,
    LINE_PASSED_BEFORE, /* the board was done already */
    LINE_FAIL,
    LINE_ABORTED, /* the line was stopped */
};

/** A slot as it is now. */
struct line_slot_now {
    size_t slot; /* of the station's */
    const char *name, *port;
    enum line_stage stage;
    uint64_t done, total;   /* of the stage, bytes; total 0: not counted */
    double bytes_per_s;     /* 0: not known */
    int64_t since_us;       /* when the stage began */
    int64_t board_since_us; /* when the board arrived */
    char mac[18];           /* "aa:bb:…" or "" */
    uint64_t unit;          /* 0: none */
    char unit_name[EM_LEDGER_NAME];
    uint32_t retries;
    enum line_verdict verdict;
    struct em_error error; /* of FAIL */
    char cause[64];        /* of FAIL: "flash: link", groups failures */
};

enum { LINE_CAUSES = 5 };

struct line_totals {
    uint64_t units, done;            /* of the batch */
    uint64_t passed, failed, before; /* verdicts of this run */
    double units_per_hour;           /* over the last boards; 0: not known yet */
    int64_t left_us;                 /* until the batch is done; -1: not known */
    int64_t elapsed_us;
    struct {
        char text[64];
        uint64_t count;
    } causes[LINE_CAUSES]; /* the most frequent first; count 0: no more */
};

enum line_event_kind {
    LINE_EVENT_STAGE,    /* the slot goes on to its stage */
    LINE_EVENT_PROGRESS, /* within it, at most ten times a second */
    LINE_EVENT_STEP,     /* what was recorded in the ledger: step, outcome, duration */
    LINE_EVENT_VERDICT,
    LINE_EVENT_REMOVED, /* the board was taken away */
    LINE_EVENT_NOTE,    /* message of the library or the line: level and text */
    LINE_EVENT_END,     /* of the line; totals are final */
};

struct line_event {
    enum line_event_kind kind;
    int64_t time_us;                  /* UTC since 1970 */
    const struct line_slot_now *slot; /* NULL: the line as a whole */
    const struct line_totals *totals;
    const char *step, *outcome, *detail; /* of STEP */
    int64_t duration_us;                 /* of STEP and VERDICT */
    uint32_t retries;
    enum em_log_level level; /* of NOTE */
    const struct em_error *note;
};

/** Takes events, one at a time, in order, from any thread. */
struct line_view {
    void (*event)(void *user, const struct line_event *event);
    void *user;
};

/* ---- Hooks (hooks.c, names.c) ---- */

/** The names that a hook may have for its events, ended by NULL; "*" is not among them.
 */
extern const char *const line_event_names[];

/**
 * What @p event is for hooks, from line_event_names: "arrived" (the slot goes to
 * CONNECT), "claimed", "flashed", "burned", "booted" (such a step, outcome "ok"),
 * "tested" (step "boot/NAME", likewise),
 * "passed", "passed-before", "failed", "aborted" (verdicts), "removed", "end". NULL:
 * hooks are not told of it.
 */
const char *line_event_name(const struct line_event *event);
/** "none", "pass", "passed-before", "fail", "aborted". */
const char *line_verdict_name(enum line_verdict verdict);

/** The object of an event, as hooks and --json have it; docs/json.md. The caller's. */
json_t *line_event_json(const struct line_job *job, const struct line_station *station,
                        const struct line_event *event);

/**
 * Run the station's hooks for @p event, one after the other; each gets the object as JSON
 * on its standard input and its time. EM_OK, also when failures are to be ignored (told
 * through @p hooks); EM_ERR_REFUSED: a hook with FAIL failed; EM_ERR_STOPPED: one with
 * STOP.
 */
enum em_status line_hooks_run(const struct line_job *job,
                              const struct line_station *station,
                              const struct line_event *event,
                              const struct em_hooks *hooks, struct em_error *err);

/* ---- Running ---- */

struct line_options {
    const struct line_job *job;
    const struct line_station *station;
    struct em_ledger *ledger;
    struct line_feed feed;
    struct line_view view;
    uint64_t count; /* stop after so many passed boards; 0: no limit */
    bool watch;     /* the verdict stays until the board is taken away; then the next */
    /** 0: go on; 1: finish the present step of each slot, then end; 2: end at once, but
     * never inside a burn. */
    const volatile sig_atomic_t *stop;
    const char *version; /* for the ledger */
};

enum line_end {
    LINE_END_GOOD,    /* every board passed */
    LINE_END_FAILED,  /* some failed */
    LINE_END_STOPPED, /* by the user, a hook or failures in a row */
};

/**
 * Run until no more boards come, the count is reached, no units are left, or it is
 * stopped. EM_OK whenever it could run: ask *end_out. EM_ERR_IO, …: the ledger cannot be
 * written any more; every slot has stopped at a safe point.
 */
enum em_status line_run(const struct line_options *options, enum line_end *end_out,
                        struct line_totals *totals_out, struct em_error *err);

/** Begin the ledger of @p job at options->url; as em_ledger_init() (ledger.c). */
enum em_status line_ledger_begin(const struct line_job *job,
                                 const struct em_ledger_options *options,
                                 struct em_error *err);

/* ---- Commands ---- */

struct flash;
/** What --check prints: every value with its origin, and the plan of eFuses with its hash
 * (check.c). */
enum em_status line_check_print(struct flash *flash, const struct line_job *job,
                                const struct line_station *station, struct em_error *err);

/* ---- eFuse steps (steps.c) ---- */

struct em_efuses;
/**
 * Stage all eFuse steps of the job for one unit. @p key is the unit's (len 0: none);
 * @p recorded: the ledger says that this key was burned, or was about to be, into this
 * board. @p script_burn runs when a script burns by itself. Column values come from @p
 * unit, or with @p unit NULL placeholders stand for them (the plan that is approved).
 */
enum em_status line_steps_stage(const struct line_job *job, struct em_efuses *efuses,
                                const struct em_unit_data *unit, const struct em_key *key,
                                bool recorded, const struct em_hooks *hooks,
                                enum em_status (*script_burn)(void *user,
                                                              struct em_error *err),
                                void *user, struct em_error *err);

#endif
