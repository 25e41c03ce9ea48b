/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to one board: a sequence of stages, each of which may be begun again.
 *
 * Power, cable, program, disk or the hand of a person may fail at every point. What
 * holds:
 *
 * - Before the claim the board has been asked who it is and nothing else.
 * - After the claim it has its unit for ever. Its key reaches the disk, then its
 *   fingerprint the ledger, then the chip: a kill in between finds the same key again.
 *   An existing record with another key is a refusal: a lost key file must not be
 *   replaced, as the board may have the lost one.
 * - All that can be refused is refused in the check, before flash is touched.
 * - Test firmware comes first, each with its boot check (board_before.c); nothing of the
 *   unit is in the flash until all of it is passed, and no fuse is burned.
 * - Flash that was cut short differs by MD5 and is written again; only a verified one is
 *   recorded.
 * - BURNING stands in the ledger before the first bit is burned. Killed before: the next
 *   run burns. Killed within or after: the next run reads the fuses, knows its own key by
 *   the record even where nobody can read it any more, and burns what is missing.
 * - BURNED stands there when the chip has been read back. What it lacks then is a fault
 *   for a person.
 * - A burn that loses contact is "unknown": the chip is asked, never the memory of this
 *   program.
 * - DONE is recorded before the key's files are destroyed. Killed in between: the next
 *   run destroys them, whether or not the board comes again (line_keys_sweep()).
 * - A chip with another MAC on the same cable fails its board: the MAC is compared in
 *   each new connection, and read anew before and after what would harm the wrong board.
 *   The burn is bound to the very fuses that were read (em_efuses_approve()).
 * - A ledger that cannot be written ends all of it: the present call of each slot may
 *   come to its end, nothing new is begun. What was burned then is found by the next run.
 *   Nothing that is not recorded is told as passed. */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"

#include <stdio.h>
#include <string.h>

enum { TRIES = 3 /* of a stage whose connection breaks */ };

static bool has_steps(const struct line_job *job)
{
    return job->step_count > 0;
}

static bool has_boot_check(const struct line_job *job)
{
    return job->boot_check;
}

/* A row of the way of a board. */
struct stage {
    enum line_stage stage;
    const char *step; /* its name in the ledger */
    unsigned tries;
    enum em_status (*run)(struct line_worker *w, struct em_error *err);
    bool (*applies)(const struct line_job *job); /* NULL: always */
};

static const struct stage stages[] = {
    {LINE_CONNECT, "connect", 1, line_stage_connect, NULL},
    {LINE_CLAIM, "claim", 1, line_stage_claim, NULL},
    {LINE_CHECK, "check", TRIES, line_stage_check, NULL},
    {LINE_FLASH, "flash", TRIES, line_stage_flash, NULL},
    {LINE_BURN, "burn", TRIES, line_stage_burn, has_steps},
    {LINE_BOOT, "boot", TRIES, line_stage_boot, has_boot_check},
    {LINE_FINISH, "done", 1, line_stage_finish, NULL},
};

static bool is_broken(enum em_status status)
{
    return status == EM_ERR_LINK || status == EM_ERR_PORT;
}

static enum em_status run_stage(struct line_worker *w, const struct stage *stage,
                                struct em_error *err)
{
    if (line_stop_wanted(w->run) != 0)
        return em_error_set(err, EM_ERR_STOPPED, "it goes on when it comes again",
                            "the line was stopped before '%s'", stage->step);
    enum em_status status = line_tell_stage(w, stage->stage, stage->step, err);
    if (status != EM_OK)
        return status;
    for (unsigned tries = 1;; tries++) {
        if (w->board.device == NULL && stage->stage != LINE_CONNECT)
            status = line_board_connect(w, err);
        if (status == EM_OK)
            status = stage->run(w, err);
        if (!is_broken(status) || tries >= stage->tries || line_stop_wanted(w->run) != 0)
            return status;
        line_tell_note(w->run, w, EM_LOG_WARNING, err);
        w->now.retries++;
        line_board_disconnect(&w->board);
        status = EM_OK;
    }
}

/* The stages before the job's own firmware that are left. */
static enum em_status run_before(struct line_worker *w, struct em_error *err)
{
    const struct line_job *job = w->run->options->job;
    struct line_board *board = &w->board;
    enum em_status status = line_before_first(w, err);
    for (; board->before < job->before_count && status == EM_OK; board->before++) {
        const struct line_before *before = &job->before[board->before];
        const struct stage flash = {LINE_FLASH, before->flash_step, TRIES,
                                    line_before_flash, NULL};
        const struct stage boot = {LINE_BOOT, before->boot_step, TRIES, line_before_boot,
                                   NULL};
        status = run_stage(w, &flash, err);
        if (status == EM_OK)
            status = run_stage(w, &boot, err);
    }
    return status;
}

/* ---- Its end ---- */

/* A failure counts against the board that the ledger knows; of others there is an event.
 */
static enum em_status record_failure(struct line_worker *w, struct em_error *err)
{
    struct line_board *board = &w->board;
    const struct line_options *options = w->run->options;
    char detail[EM_LEDGER_TEXT];
    (void)em_error_format(&board->error, detail, sizeof detail); /* cut if too long */
    const struct em_ledger_event event = {
        .claim = board->held ? board->ledger.claim : 0,
        .place = &w->place,
        .mac = board->has_mac ? board->mac : NULL,
        .step = board->step,
        .outcome = "failed",
        .detail = detail,
        .duration_us = line_now_us(w->run) - board->step_us,
        .retries = w->now.retries,
    };
    enum em_status status =
        board->held ? em_ledger_fail(options->ledger, &event, options->job->attempts, err)
                    : em_ledger_record(options->ledger, &event, EM_LEDGER_FREE, err);
    return line_ledger_said(w->run, status, err);
}

static void set_verdict(struct line_worker *w, enum em_status status)
{
    struct line_board *board = &w->board;
    struct em_error err;
    if (status == EM_OK && board->verdict == LINE_NO_VERDICT)
        board->verdict = LINE_PASS;
    else if (status == EM_ERR_STOPPED)
        board->verdict = LINE_ABORTED;
    else if (status != EM_OK)
        board->verdict = LINE_FAIL;
    if (board->verdict == LINE_FAIL) {
        (void)snprintf(w->now.cause, sizeof w->now.cause, "%s: %s", board->step,
                       em_status_name(board->error.status)); /* cut if too long */
        enum em_status told = record_failure(w, &err);
        if (told == EM_ERR_STOPPED)
            board->verdict = LINE_ABORTED; /* what is not on record has not happened */
        else if (told != EM_OK)
            line_tell_note(w->run, w, EM_LOG_WARNING, &err);
    } else if (board->verdict == LINE_ABORTED && board->held) {
        /* A ledger that has failed has been told already. */
        (void)line_record(w, "stopped", board->error.what, EM_LEDGER_FREE, &err);
    }
    w->now.verdict = board->verdict;
    w->now.error = board->error;
}

static void leave(struct line_worker *w)
{
    struct line_board *board = &w->board;
    struct em_error err;
    if (board->held) {
        enum em_status status =
            em_ledger_leave(w->run->options->ledger, board->ledger.claim, &err);
        /* The hold of a program that is gone counts for nothing, so only this run has to
         * know. */
        (void)line_ledger_said(w->run, status, &err);
    }
    line_board_disconnect(board);
    em_key_wipe(&board->key);
    em_unit_close(board->unit);
    board->unit = NULL;
    board->image = NULL;
}

void line_board_run(struct line_worker *w, const char *url)
{
    struct line_board *board = &w->board;
    const struct line_slot_now now = w->now;
    *board = (struct line_board){.step = "connect"};
    atomic_init(&board->locked, false);
    (void)snprintf(board->url, sizeof board->url, "%s", url); /* of the same size */
    w->now = (struct line_slot_now){.slot = now.slot, .name = now.name};
    w->now.port = board->url;
    w->now.board_since_us = line_now_us(w->run);
    w->place = (struct em_ledger_place){.slot = now.name, .port = board->url};
    enum em_status status = EM_OK;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0] && status == EM_OK &&
                       board->verdict == LINE_NO_VERDICT;
         i++) {
        if (stages[i].stage == LINE_FLASH)
            status = run_before(w, &board->error);
        if (status == EM_OK &&
            (stages[i].applies == NULL || stages[i].applies(w->run->options->job)))
            status = run_stage(w, &stages[i], &board->error);
    }
    set_verdict(w, status);
    leave(w);
}
