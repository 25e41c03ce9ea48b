/* SPDX-License-Identifier: Apache-2.0 */
/* A board's unit: which it is, its key and image, and what becomes of the key. */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Claim ---- */

static enum em_status take_old(struct line_worker *w, struct em_error *err)
{
    struct em_unit_data *unit = NULL;
    const struct em_ledger_unit *ledger = &w->board.ledger;
    w->board.verdict = LINE_PASSED_BEFORE;
    if (w->run->options->job->keys_after != LINE_KEYS_DESTROY || ledger->key[0] == '\0' ||
        ledger->key_destroyed)
        return EM_OK;
    enum em_status status =
        em_units_take(w->run->options->job->source, ledger->unit, &unit, err);
    if (status == EM_OK)
        status = line_board_destroy_key(w->run, ledger, unit, err);
    em_unit_close(unit);
    /* The board is good all the same; the line has to stop for its keys. */
    return status == EM_OK || status == EM_ERR_STOPPED ? status : line_fault(w->run, err);
}

/* Why the board gets no unit. */
static enum em_status refuse(struct line_worker *w, enum em_ledger_claimed what,
                             struct em_error *err)
{
    const struct em_ledger_unit *unit = &w->board.ledger;
    if (what == EM_LEDGER_HELD)
        return em_error_set(
            err, EM_ERR_EXISTS,
            "take one of the two away; two boards with one MAC cannot be "
            "told apart",
            "the board %s is being worked on at slot '%s' of station '%s'", w->now.mac,
            unit->slot, unit->station);
    if (what == EM_LEDGER_STOPPED)
        return em_error_set(
            err, EM_ERR_REFUSED,
            "'ledger retry' lets it try again, 'ledger scrap' gives it up",
            "unit %s: the board failed %u times, last: %s", unit->name,
            (unsigned)unit->failures, unit->failure);
    return em_error_set(err, EM_ERR_REFUSED, "take the board out of the batch",
                        "the board %s was scrapped", w->now.mac);
}

static enum em_status none_left(struct line_worker *w, struct em_error *err)
{
    w->board.verdict = LINE_ABORTED; /* nobody's failure */
    (void)em_error_set(err, EM_ERR_FULL, "'ledger list' tells which units are not done",
                       "no unit is left for the board %s", w->now.mac);
    line_tell_note(w->run, w, EM_LOG_WARNING, err);
    return EM_OK;
}

enum em_status line_stage_claim(struct line_worker *w, struct em_error *err)
{
    struct line_board *board = &w->board;
    enum em_ledger_claimed what;
    enum em_status status =
        line_ledger_said(w->run,
                         em_ledger_claim(w->run->options->ledger, &w->place, board->mac,
                                         &what, &board->ledger, err),
                         err);
    if (status != EM_OK)
        return status;
    if (what == EM_LEDGER_NONE_LEFT)
        return none_left(w, err);
    if (what == EM_LEDGER_GIVEN_UP)
        return refuse(w, what, err);
    w->now.unit = board->ledger.unit;
    memcpy(w->now.unit_name, board->ledger.name, sizeof w->now.unit_name);
    if (what == EM_LEDGER_ALREADY)
        return take_old(w, err);
    if (what != EM_LEDGER_NEW && what != EM_LEDGER_AGAIN)
        return refuse(w, what, err);
    board->held = true;
    char detail[EM_LEDGER_NAME + 64];
    (void)snprintf(detail, sizeof detail, "%s %s (%s)",
                   what == EM_LEDGER_NEW ? "new" : "again", board->ledger.name,
                   em_ledger_state_name(board->ledger.state)); /* cut if too long */
    return line_tell_step(w, "ok", detail, err);
}

/* ---- Key and image ---- */

/* What is wrong with the disk or this program is wrong for all boards. */
static enum em_status said_units(struct line_run *run, enum em_status status,
                                 const struct em_error *err)
{
    bool house = status == EM_ERR_IO || status == EM_ERR_NOMEM || status == EM_ERR_CRYPTO;
    return house ? line_fault(run, err) : status;
}

/* Receipt: to whom the key is sealed. Before its fingerprint, so that none is without. */
static enum em_status record_seal(struct line_worker *w, const char *fingerprint,
                                  struct em_error *err)
{
    const char *to = em_units_sealed_to(w->run->options->job->source);
    char detail[EM_SEAL_RECIPIENTS_MAX * EM_KEY_FINGERPRINT_SIZE + 128];
    if (to == NULL || w->board.ledger.key[0] != '\0')
        return EM_OK;
    (void)snprintf(detail, sizeof detail, "key %s sealed to %s", fingerprint, to);
    const struct em_ledger_event event = {
        .claim = w->board.ledger.claim,
        .place = &w->place,
        .mac = w->board.mac,
        .step = "seal",
        .outcome = "ok",
        .detail = detail,
    };
    return line_ledger_said(
        w->run, em_ledger_record(w->run->options->ledger, &event, EM_LEDGER_FREE, err),
        err);
}

/* The key is on the disk; now its name goes on record, before anything else does. */
static enum em_status record_key(struct line_worker *w, struct em_error *err)
{
    struct line_board *board = &w->board;
    char fingerprint[EM_KEY_FINGERPRINT_SIZE];
    enum em_status status = em_key_fingerprint(&board->key, fingerprint, err);
    if (status != EM_OK)
        return said_units(w->run, status, err);
    status = record_seal(w, fingerprint, err);
    if (status != EM_OK)
        return status;
    status = line_ledger_said(
        w->run,
        em_ledger_use_key(w->run->options->ledger, board->ledger.claim, fingerprint, err),
        err);
    if (status == EM_OK)
        memcpy(board->ledger.key, fingerprint, sizeof board->ledger.key);
    return status;
}

enum em_status line_board_unit(struct line_worker *w, struct em_error *err)
{
    struct line_board *board = &w->board;
    struct em_units *source = w->run->options->job->source;
    if (board->image != NULL)
        return EM_OK;
    em_unit_close(board->unit);
    board->unit = NULL;
    em_key_wipe(&board->key);
    enum em_status status = em_units_take(source, board->ledger.unit, &board->unit, err);
    if (status == EM_OK && strcmp(em_unit_name(board->unit), board->ledger.name) != 0)
        status = em_error_set(err, EM_ERR_INPUT,
                              "the job's tables are not those the ledger was begun with",
                              "unit %llu is '%s' in the ledger and '%s' in the tables",
                              (unsigned long long)board->ledger.unit, board->ledger.name,
                              em_unit_name(board->unit));
    if (status == EM_OK)
        status = em_unit_key(board->unit, board->ledger.serial,
                             board->ledger.key[0] == '\0' ? NULL : board->ledger.key,
                             &board->key, err);
    if (status != EM_OK)
        return said_units(w->run, status, err);
    if (board->key.len > 0)
        status = record_key(w, err);
    if (status != EM_OK)
        return status;
    status =
        em_unit_image(board->unit, &board->key, &board->image, &board->image_len, err);
    return said_units(w->run, status, err);
}

/* ---- The key's files ---- */

enum em_status line_board_destroy_key(struct line_run *run,
                                      const struct em_ledger_unit *ledger,
                                      struct em_unit_data *unit, struct em_error *err)
{
    const char *station = run->options->station->name;
    /* Other stations keep their own keys: no receipt for what lies elsewhere. */
    if (run->options->job->keys_after != LINE_KEYS_DESTROY || ledger->key[0] == '\0' ||
        ledger->key_destroyed ||
        (station != NULL && strcmp(ledger->station, station) != 0))
        return EM_OK;
    enum em_status status = em_unit_destroy_key(unit, ledger->serial, err);
    if (status != EM_OK)
        return line_fault(run, err);
    return line_ledger_said(
        run, em_ledger_key_destroyed(run->options->ledger, ledger->claim, err), err);
}

/* Units whose keys are still to be destroyed. */
struct sweep {
    struct em_ledger_unit *units;
    size_t count, room;
    bool failed;
};

static bool on_unit(void *user, const struct em_ledger_unit *unit)
{
    struct sweep *sweep = user;
    if (unit->state != EM_LEDGER_DONE || unit->key[0] == '\0' || unit->key_destroyed)
        return true;
    if (sweep->count == sweep->room) {
        size_t room = sweep->room == 0 ? 16 : sweep->room * 2;
        struct em_ledger_unit *units = realloc(sweep->units, room * sizeof *units);
        if (units == NULL) {
            sweep->failed = true;
            return false;
        }
        sweep->units = units;
        sweep->room = room;
    }
    sweep->units[sweep->count++] = *unit;
    return true;
}

enum em_status line_keys_sweep(struct line_run *run, struct em_error *err)
{
    const struct line_options *options = run->options;
    struct sweep sweep = {0};
    if (options->job->keys_after != LINE_KEYS_DESTROY)
        return EM_OK;
    enum em_status status = em_ledger_units(options->ledger, on_unit, &sweep, err);
    if (status == EM_OK && sweep.failed)
        status = em_error_nomem(err);
    for (size_t i = 0; i < sweep.count && status == EM_OK; i++) {
        struct em_unit_data *unit = NULL;
        status = em_units_take(options->job->source, sweep.units[i].unit, &unit, err);
        if (status == EM_OK)
            status = line_board_destroy_key(run, &sweep.units[i], unit, err);
        em_unit_close(unit);
    }
    free(sweep.units);
    return status;
}
