/* SPDX-License-Identifier: Apache-2.0 */
/* A running line inside: its slots, the board at each, and how they are counted. */
#ifndef SRC_LINE_RUN_H
#define SRC_LINE_RUN_H

#include "src/line/line.h"

#include <espmfg/device.h>
#include <espmfg/efuse.h>
#include <espmfg/flash.h>

#include <pthread.h>
#include <stdatomic.h>

/* ---- Counting (totals.c) ---- */

enum {
    LINE_TALLY_RING = 64,   /* boards that the rate is reckoned from */
    LINE_TALLY_CAUSES = 64, /* different causes that are told apart */
};

/** What came of the boards so far. Under the lock of its line. */
struct line_tally {
    struct line_totals totals;
    uint64_t count; /* passed boards that are wanted; 0: all units */
    int64_t start_us;
    int64_t passes_us[LINE_TALLY_RING]; /* when boards passed, the last ones */
    uint64_t passes;
    struct {
        char text[sizeof(((struct line_slot_now *)0)->cause)];
        uint64_t count;
    } causes[LINE_TALLY_CAUSES]; /* the last one takes in what has no room */
    size_t cause_count;
    uint32_t in_a_row; /* failures since a board passed */
};

void line_tally_start(struct line_tally *tally, uint64_t count, int64_t now_us);
/** A verdict; @p cause of FAIL. */
void line_tally_verdict(struct line_tally *tally, enum line_verdict verdict,
                        const char *cause, int64_t now_us);
/** Bring rate, times and causes of the totals up to date. */
const struct line_totals *line_tally_totals(struct line_tally *tally, int64_t now_us);

/* ---- The line (line.c) ---- */

/** What all slots share. */
struct line_run {
    const struct line_options *options;
    int64_t utc_us, clock_us;        /* both clocks at the start */
    struct em_flash_shared **shared; /* of each line_job_image(): compressed once */
    pthread_mutex_t lock;            /* of what follows, and around the view */
    pthread_cond_t changed;          /* a board that counts towards @c count has ended */
    struct line_tally tally;
    uint64_t started;      /* boards that may still pass, of options->count */
    bool has_fault;        /* the ledger, or what makes units, cannot go on */
    struct em_error fault; /* the first */
    bool cut_short;        /* boards were left unfinished, or a feed failed */
    atomic_int halt;       /* as options->stop, by the line itself */
};

/** UTC in microseconds that never goes back while the line runs. */
int64_t line_now_us(const struct line_run *run);
/** 0, 1 or 2: the user's wish or the line's own. */
int line_stop_wanted(const struct line_run *run);
/** Something all boards need has failed: all slots end at their next safe point, and
 * line_run() returns @p fault. Returns EM_ERR_STOPPED. */
enum em_status line_fault(struct line_run *run, const struct em_error *fault);

/* ---- A slot, and its board ---- */

/** The board at a slot, from its arrival to its verdict. */
struct line_board {
    char url[512];
    struct em_device *device; /* NULL: not connected */
    uint8_t mac[6];
    bool has_mac; /* then every chip that answers has to have it */
    struct em_ledger_unit ledger;
    bool held; /* by this slot, in the ledger */
    struct em_unit_data *unit;
    struct em_key key;
    const uint8_t *image; /* the unit's */
    size_t image_len;
    size_t before;      /* the stage it is at; all of them: the job itself */
    bool keep_flash;    /* encrypted by the chip since it was written */
    bool cut_off;       /* its eFuses closed the way to it */
    atomic_bool locked; /* inside a burn: nothing stops it */
    const char *step;   /* of the present stage */
    int64_t step_us;    /* when it began */
    enum line_verdict verdict;
    struct em_error error; /* of a verdict that is not good */
};

/** A slot: one thread, one board after the other. */
struct line_worker {
    struct line_run *run;
    pthread_t thread;
    struct line_slot_now now; /* only changed by its thread */
    struct em_ledger_place place;
    struct line_board board;
    struct em_hooks hooks; /* for all that works on the board */
};

/** Treat the board at @p url to its verdict; board.c. */
void line_board_run(struct line_worker *worker, const char *url);

/* ---- Stages (board_*.c) ----
 * Each returns EM_OK, EM_ERR_STOPPED (the line ends), EM_ERR_LINK or EM_ERR_PORT (may be
 * tried again with a new connection), or why the board fails. Each may be run again. */

enum em_status line_stage_connect(struct line_worker *w, struct em_error *err);
enum em_status line_stage_claim(struct line_worker *w, struct em_error *err);
enum em_status line_stage_check(struct line_worker *w, struct em_error *err);
enum em_status line_stage_flash(struct line_worker *w, struct em_error *err);
enum em_status line_stage_burn(struct line_worker *w, struct em_error *err);
enum em_status line_stage_boot(struct line_worker *w, struct em_error *err);
enum em_status line_stage_finish(struct line_worker *w, struct em_error *err);

/** Begin with the first stage before the job's own that the board has not passed. */
enum em_status line_before_first(struct line_worker *w, struct em_error *err);
enum em_status line_before_flash(struct line_worker *w, struct em_error *err);
enum em_status line_before_boot(struct line_worker *w, struct em_error *err);

/** Write and verify @p pieces, what is there already left out; then the record, with @p
 * state (FREE: a stage before the job's own, which erases nothing else). */
enum em_status line_board_write(struct line_worker *w,
                                const struct em_flash_piece *pieces, size_t count,
                                enum em_ledger_state state, struct em_error *err);

/** What a program has to say. */
struct line_listen {
    const char *text; /* of the expression */
    const regex_t *regex;
    uint32_t timeout_ms, baud;
};
/** Reset the board, listen until it has said that, and record it. */
enum em_status line_board_listen(struct line_worker *w, const struct line_listen *wanted,
                                 struct em_error *err);

/** Open the device, and compare its MAC with the one that is known. */
enum em_status line_board_connect(struct line_worker *w, struct em_error *err);
void line_board_disconnect(struct line_board *board);

/** Take the unit's data, key and image, once; the key is on the disk and on record then.
 */
enum em_status line_board_unit(struct line_worker *w, struct em_error *err);
/** The plan of what is left to burn: *out is the caller's, read anew from the chip with
 * the right MAC, everything staged; *count_out changes. @p script_burn as for
 * line_steps_stage(). */
enum em_status line_board_plan(struct line_worker *w, struct em_efuses **out,
                               size_t *count_out, char hash_out[EM_EFUSES_HASH_TEXT],
                               enum em_status (*script_burn)(void *user,
                                                             struct em_error *err),
                               void *user, struct em_error *err);

/** Encrypt @p piece with the unit's flash key: *own_out (the caller's) has the bytes
 * then. Settings of the job go into an image's header before (board_crypt.c). */
enum em_status line_board_encrypt(const struct line_worker *w,
                                  struct em_flash_piece *piece, uint8_t **own_out,
                                  struct em_error *err);
/** The unit's NVS keys, encrypted, as a piece; likewise. */
enum em_status line_board_keys_piece(const struct line_worker *w,
                                     struct em_flash_piece *piece, uint8_t **own_out,
                                     struct em_error *err);
/** Refuse a chip that has a flash encryption key of somebody else's. */
enum em_status line_board_check_crypt(const struct line_worker *w,
                                      const struct em_efuses *efuses,
                                      struct em_error *err);

/** Overwrite and remove the unit's key files if the job says so, with a receipt. */
enum em_status line_board_destroy_key(struct line_run *run,
                                      const struct em_ledger_unit *ledger,
                                      struct em_unit_data *unit, struct em_error *err);
/** The same for units that were done when a run before this one was killed. */
enum em_status line_keys_sweep(struct line_run *run, struct em_error *err);

/* ---- Telling (tell.c) ---- */

/** To the view alone. */
void line_tell(struct line_worker *w, enum line_event_kind kind);
/** A message of the line itself; @p w NULL: not of one slot. */
void line_tell_note(struct line_run *run, struct line_worker *w, enum em_log_level level,
                    const struct em_error *note);
/** The slot goes on to @p stage, called @p step in the ledger; hooks hear of it. */
enum em_status line_tell_stage(struct line_worker *w, enum line_stage stage,
                               const char *step, struct em_error *err);
/**
 * Record that the present step came out as @p outcome, move the board to @p state (FREE:
 * stay), then tell view and hooks. A ledger that cannot be written stops the line
 * (EM_ERR_STOPPED); EM_ERR_REFUSED and what hooks want come back as they are.
 */
enum em_status line_record(struct line_worker *w, const char *outcome, const char *detail,
                           enum em_ledger_state state, struct em_error *err);
/** The same for what the ledger has on record already: to view and hooks. */
enum em_status line_tell_step(struct line_worker *w, const char *outcome,
                              const char *detail, struct em_error *err);
/** Hand on what the ledger said: anything but success and refusal stops the line. */
enum em_status line_ledger_said(struct line_run *run, enum em_status status,
                                const struct em_error *err);
/** Run the hooks of a verdict. */
enum em_status line_tell_hooks(struct line_worker *w, enum line_event_kind kind,
                               struct em_error *err);
/** The hooks for what works on the board of @p w. */
struct em_hooks line_worker_hooks(struct line_worker *w);

#endif
