/* SPDX-License-Identifier: Apache-2.0 */
/* Events: put at the end of the list, and the state of a board with them. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include <stdio.h>
#include <string.h>

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

enum em_status em_ledger_put(struct em_ledger *ledger,
                             const struct em_ledger_event *event, uint64_t unit,
                             const char *mac, int state, bool failed,
                             struct em_error *err)
{
    char slot[EM_LEDGER_NAME];
    char port[EM_LEDGER_NAME];
    char step[EM_LEDGER_NAME];
    char outcome[EM_LEDGER_NAME];
    char detail[EM_LEDGER_TEXT];
    em_ledger_line(slot, sizeof slot, event->place == NULL ? "" : event->place->slot);
    em_ledger_line(port, sizeof port, event->place == NULL ? "" : event->place->port);
    em_ledger_line(step, sizeof step, event->step);
    em_ledger_line(outcome, sizeof outcome, event->outcome);
    em_ledger_line(detail, sizeof detail, event->detail);
    ledger->number++;
    ledger->put.number = ledger->number;
    ledger->put.claim = event->claim;
    memcpy(ledger->put.step, step, sizeof step);
    memcpy(ledger->put.detail, detail, sizeof detail);
    return em_db_run(
        ledger->db, err,
        "INSERT INTO events (number, time, station, slot, port, mac, unit, claim, state,"
        " failed, step, outcome, detail, duration_us, retries, version)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        "uttttt"
        "nn"
        "ii"
        "ttt"
        "ii"
        "t",
        ledger->number, ledger->time, or_empty(ledger->station), slot, port, mac, unit,
        event->claim, (int64_t)state, (int64_t)failed, step, outcome, detail,
        event->duration_us, (int64_t)event->retries, or_empty(ledger->version));
}

/* ---- Record and fail ---- */

static enum em_status check_held(const struct em_ledger *ledger,
                                 const struct em_ledger_claim_row *row,
                                 const uint8_t *mac, struct em_error *err)
{
    char other[EM_LEDGER_MAC];
    if (mac != NULL) {
        em_ledger_mac_text(other, mac);
        if (strcmp(other, row->mac) != 0)
            return em_error_set(err, EM_ERR_REFUSED, "was the board changed meanwhile?",
                                "unit %llu belongs to board %s, not to %s",
                                (unsigned long long)row->unit, row->mac, other);
    }
    if (em_ledger_is_ours(ledger, row))
        return EM_OK;
    return em_error_set(err, EM_ERR_REFUSED, "claim it first",
                        "unit %llu, board %s: not held by this station",
                        (unsigned long long)row->unit, row->mac);
}

static enum em_status check_state(const struct em_ledger_claim_row *row, int state,
                                  struct em_error *err)
{
    if (state < row->state)
        return em_error_set(err, EM_ERR_REFUSED, NULL,
                            "unit %llu, board %s: '%s' would be backwards, it is '%s'",
                            (unsigned long long)row->unit, row->mac,
                            em_ledger_state_name((enum em_ledger_state)state),
                            em_ledger_state_name((enum em_ledger_state)row->state));
    if (state == EM_LEDGER_BURNED && row->state < EM_LEDGER_BURNING)
        return em_error_set(err, EM_ERR_REFUSED, "record 'burning' before it",
                            "unit %llu, board %s: 'burned' without its intent",
                            (unsigned long long)row->unit, row->mac);
    return EM_OK;
}

/* The claim's row after the event. */
static enum em_status update(struct em_ledger *ledger,
                             const struct em_ledger_record *record,
                             struct em_ledger_claim_row *row, struct em_error *err)
{
    const struct em_ledger_event *event = record->event;
    char slot[EM_LEDGER_NAME];
    char failure[EM_LEDGER_TEXT];
    em_ledger_line(slot, sizeof slot,
                   event->place == NULL ? row->slot : event->place->slot);
    if (!record->fail)
        return em_db_run(ledger->db, err,
                         "UPDATE claims SET state = $1, changed = $2, station = $3,"
                         " slot = $4 WHERE claim = $5",
                         "itttu", (int64_t)row->state, ledger->time,
                         or_empty(ledger->station), slot, row->claim);
    em_ledger_line(failure, sizeof failure,
                   event->detail != NULL ? event->detail : event->step);
    row->stopped = row->stopped || (record->limit > 0 && row->failures >= record->limit);
    return em_db_run(ledger->db, err,
                     "UPDATE claims SET failures = $1, stopped = $2, failure = $3,"
                     " changed = $4, station = $5, slot = $6 WHERE claim = $7",
                     "iittttu", (int64_t)row->failures, (int64_t)row->stopped, failure,
                     ledger->time, or_empty(ledger->station), slot, row->claim);
}

/* Look at the claim of an event, and bring it where the event puts it. */
static enum em_status move(struct em_ledger *ledger, struct em_ledger_record *record,
                           struct em_ledger_claim_row *row, struct em_error *err)
{
    enum em_status status =
        em_ledger_claim_by_number(ledger, row, record->event->claim, err);
    if (status == EM_OK && row->state == 0)
        status = em_error_set(err, EM_ERR_USAGE, NULL, "there is no claim %llu",
                              (unsigned long long)record->event->claim);
    /* A board that is done stays so: what fails then is told, not counted. */
    if (status == EM_OK && record->fail && row->state >= EM_LEDGER_DONE)
        record->fail = false;
    bool changes = record->fail || record->state != EM_LEDGER_FREE;
    if (status == EM_OK && changes)
        status = check_held(ledger, row, record->event->mac, err);
    if (status == EM_OK && record->state != EM_LEDGER_FREE)
        status = check_state(row, (int)record->state, err);
    if (status != EM_OK || !changes)
        return status;
    if (record->state != EM_LEDGER_FREE)
        row->state = (int)record->state;
    if (record->fail)
        row->failures++;
    return update(ledger, record, row, err);
}

enum em_status em_ledger_record_run(struct em_ledger *ledger, void *user,
                                    struct em_error *err)
{
    struct em_ledger_record record = *(const struct em_ledger_record *)user;
    struct em_ledger_event event = *record.event;
    struct em_ledger_claim_row row = {.state = 0};
    char mac[EM_LEDGER_MAC] = "";
    enum em_status status = EM_OK;
    record.event = &event;
    if (record.fail && event.outcome == NULL)
        event.outcome = "failed";
    if (event.claim != 0)
        status = move(ledger, &record, &row, err);
    if (status != EM_OK)
        return status;
    if (event.mac != NULL)
        em_ledger_mac_text(mac, event.mac);
    /* Of a board with a unit the claim says who it is, not the caller. */
    return em_ledger_put(ledger, &event, row.unit, event.claim != 0 ? row.mac : mac,
                         row.state, record.fail, err);
}

enum em_status em_ledger_record(struct em_ledger *ledger,
                                const struct em_ledger_event *event,
                                enum em_ledger_state state, struct em_error *err)
{
    struct em_ledger_record record = {.event = event, .state = state};
    if (state == EM_LEDGER_SCRAPPED || (state != EM_LEDGER_FREE && event->claim == 0))
        return em_error_set(err, EM_ERR_USAGE, NULL, "no event can lead to '%s' here",
                            em_ledger_state_name(state));
    /* An intent that is not on the server is none: it is never kept back. */
    return state == EM_LEDGER_BURNING
               ? em_ledger_do(ledger, em_ledger_record_run, &record, err)
               : em_ledger_tell(ledger, &record, err);
}

enum em_status em_ledger_fail(struct em_ledger *ledger,
                              const struct em_ledger_event *event, uint32_t limit,
                              struct em_error *err)
{
    struct em_ledger_record record = {.event = event, .fail = true, .limit = limit};
    return em_ledger_tell(ledger, &record, err);
}
