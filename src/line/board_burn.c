/* SPDX-License-Identifier: Apache-2.0 */
/* A board's eFuses: planned and checked before flash is touched, then burned as planned.
 */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"

#include <stdio.h>
#include <strings.h>

/* ---- Plan ---- */

static enum em_status check_mac(const struct line_worker *w,
                                const struct em_efuses *efuses, struct em_error *err)
{
    struct em_efuses_chip chip;
    em_efuses_chip(efuses, &chip);
    if (strcasecmp(chip.mac, w->now.mac) == 0)
        return EM_OK;
    return em_error_set(
        err, EM_ERR_CHIP, "neither of the two is finished: put each in again",
        "another board answers than before: MAC %s, not %s", chip.mac, w->now.mac);
}

/* What the rules say of the plan: em_efuses_burn() would refuse, but that is too late. */
static enum em_status check_rules(struct line_worker *w, const struct em_efuses *efuses,
                                  struct em_error *err)
{
    struct em_efuses_finding found;
    for (size_t i = 0; em_efuses_finding(efuses, i, &found); i++) {
        struct em_error note;
        bool refused = found.refuses && !found.overridden;
        (void)em_error_set(&note, EM_ERR_REFUSED, found.way_out, "%s: %s (rule %s)",
                           found.subject, found.reason, found.id);
        if (refused) {
            *err = note;
            return EM_ERR_REFUSED;
        }
        line_tell_note(w->run, w, EM_LOG_WARNING, &note);
    }
    return EM_OK;
}

/* Are the job's keys, as far as the ledger knows, in the chip or on their way there? */
static bool is_recorded(const struct line_board *board)
{
    return board->ledger.state >= EM_LEDGER_BURNING;
}

enum em_status line_board_plan(struct line_worker *w, struct em_efuses **out,
                               size_t *count_out, char hash_out[EM_EFUSES_HASH_TEXT],
                               enum em_status (*script_burn)(void *user,
                                                             struct em_error *err),
                               void *user, struct em_error *err)
{
    struct line_board *board = &w->board;
    struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    const struct em_efuses_change *changes;
    options.hooks = w->hooks;
    *count_out = 0;
    enum em_status status = em_efuses_open(out, board->device, &options, err);
    if (status == EM_OK)
        status = check_mac(w, *out, err);
    if (status == EM_OK)
        status = line_board_check_crypt(w, *out, err);
    if (status == EM_OK)
        status = line_steps_stage(w->run->options->job, *out, board->unit, &board->key,
                                  is_recorded(board), &w->hooks, script_burn, user, err);
    if (status == EM_OK)
        status = em_efuses_plan(*out, &changes, count_out, err);
    if (status == EM_OK && *count_out > 0)
        status = check_rules(w, *out, err);
    if (status == EM_OK)
        status = em_efuses_plan_hash(*out, hash_out, err);
    return status;
}

/* ---- Check ---- */

static bool is_on(const struct em_efuses *efuses, const char *name)
{
    struct em_efuses_field field;
    if (!em_efuses_field_is(efuses, name) ||
        em_efuses_field_find(efuses, name, &field, NULL) != EM_OK)
        return false;
    unsigned ones = 0;
    for (uint64_t left = field.number; left != 0; left &= left - 1)
        ones++;
    return ones % 2 == 1;
}

/* Flash that the chip has begun to encrypt differs from what was written, and must not be
 * written again. It was verified before the first burn. */
static bool is_encrypted(const struct line_board *board, const struct em_efuses *efuses)
{
    return board->ledger.state >= EM_LEDGER_BURNING &&
           (is_on(efuses, "SPI_BOOT_CRYPT_CNT") || is_on(efuses, "FLASH_CRYPT_CNT"));
}

enum em_status line_stage_check(struct line_worker *w, struct em_error *err)
{
    struct line_board *board = &w->board;
    struct em_efuses *efuses = NULL;
    char hash[EM_EFUSES_HASH_TEXT];
    struct em_error note;
    size_t count = 0;
    enum em_status status = line_board_unit(w, err);
    if (status != EM_OK || w->run->options->job->step_count == 0)
        return status;
    status = line_board_plan(w, &efuses, &count, hash, NULL, NULL, err);
    if (status == EM_OK && count > 0 && board->ledger.state >= EM_LEDGER_BURNED)
        status =
            em_error_set(err, EM_ERR_VERIFY,
                         "see 'mfg_flash efuse summary', then scrap "
                         "the board",
                         "the ledger says that all is burned, but the chip lacks %zu "
                         "changes",
                         count);
    if (status == EM_OK) {
        board->keep_flash = is_encrypted(board, efuses);
        (void)em_error_set(&note, EM_OK, NULL, "eFuses: %zu changes, plan %s", count,
                           hash);
        line_tell_note(w->run, w, EM_LOG_INFO, &note);
    }
    em_efuses_close(efuses);
    return status;
}

/* ---- Burn ---- */

/* A burn on its way. */
struct burning {
    struct line_worker *w;
    struct em_efuses *efuses;
};

/* The intent, on the disk before the first bit. */
static enum em_status intend(struct burning *b, size_t count, struct em_error *err)
{
    char hash[EM_EFUSES_HASH_TEXT], detail[EM_EFUSES_HASH_TEXT + 64];
    /* The hash covers all fuses as they were read, the MAC as well: nothing is burned
     * into another chip, or into one that has changed. */
    enum em_status status = em_efuses_plan_hash(b->efuses, hash, err);
    if (status == EM_OK)
        status = em_efuses_approve(b->efuses, hash, err);
    if (status != EM_OK)
        return status;
    (void)snprintf(detail, sizeof detail, "%zu changes, plan %s", count, hash); /* fits */
    bool forwards = b->w->board.ledger.state < EM_LEDGER_BURNING;
    return line_record(b->w, "intent", detail,
                       forwards ? EM_LEDGER_BURNING : EM_LEDGER_FREE, err);
}

/* Burn what is staged, if anything. */
static enum em_status burn_staged(void *user, struct em_error *err)
{
    struct burning *b = user;
    struct line_board *board = &b->w->board;
    const struct em_efuses_change *changes;
    struct em_error ignored;
    enum em_efuses_result result;
    size_t count;
    enum em_status status = em_efuses_plan(b->efuses, &changes, &count, err);
    if (status == EM_OK && count > 0 && board->ledger.state >= EM_LEDGER_BURNED)
        status = em_error_set(err, EM_ERR_VERIFY, NULL,
                              "the ledger says that all is burned, but the chip lacks "
                              "%zu changes",
                              count);
    if (status == EM_OK && count > 0)
        status = intend(b, count, err);
    if (status != EM_OK || count == 0)
        return status;
    atomic_store(&board->locked, true);
    status = em_efuses_burn(b->efuses, NULL, NULL, &result, err);
    atomic_store(&board->locked, false);
    board->cut_off = board->cut_off || result == EM_EFUSES_CUT_OFF;
    if (status == EM_ERR_LINK || status == EM_ERR_PORT) {
        /* Only the chip knows how far it got: it is asked next time. */
        enum em_status told =
            line_record(b->w, "unknown", err->what, EM_LEDGER_FREE, &ignored);
        return told == EM_ERR_STOPPED ? told : status;
    }
    return status == EM_OK ? em_efuses_check_after(b->efuses, err) : status;
}

/* All is burned. Without an intent there was nothing to burn: the fuses were so before.
 */
static enum em_status record_burned(struct line_worker *w, size_t count,
                                    struct em_error *err)
{
    char detail[64];
    bool forwards = w->board.ledger.state == EM_LEDGER_BURNING;
    if (count > 0)
        (void)snprintf(detail, sizeof detail, "%zu changes%s", count,
                       w->board.cut_off ? ", the chip is closed now" : ""); /* fits */
    else
        (void)snprintf(detail, sizeof detail, "all was burned already"); /* fits */
    return line_record(w, "ok", detail, forwards ? EM_LEDGER_BURNED : EM_LEDGER_FREE,
                       err);
}

enum em_status line_stage_burn(struct line_worker *w, struct em_error *err)
{
    struct burning burning = {.w = w};
    char hash[EM_EFUSES_HASH_TEXT];
    size_t count = 0;
    enum em_status status =
        line_board_plan(w, &burning.efuses, &count, hash, burn_staged, &burning, err);
    if (status == EM_OK)
        status = burn_staged(&burning, err);
    if (status == EM_OK)
        status = record_burned(w, count, err);
    em_efuses_close(burning.efuses);
    return status;
}
