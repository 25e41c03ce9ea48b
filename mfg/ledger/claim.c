/* SPDX-License-Identifier: Apache-2.0 */
/* Boards and their units: claimed in one transaction, held while they are worked on. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include <string.h>

/* ---- Rows ---- */

#define CLAIM_COLUMNS                                                                    \
    "SELECT c.claim, c.unit, c.state, c.stopped, c.failures, c.mac,"                     \
    " CASE WHEN h.claim IS NULL THEN 0 ELSE 1 END, h.station, h.slot"                    \
    " FROM claims c LEFT JOIN holds h ON h.claim = c.claim"

static enum em_status take_row(struct em_ledger *ledger, struct em_db_stmt *stmt,
                               struct em_ledger_claim_row *out, struct em_error *err)
{
    struct em_db *db = ledger->db;
    bool row;
    enum em_status status = em_db_next(db, stmt, &row, err);
    if (status != EM_OK || !row)
        return status;
    out->claim = em_db_int(db, stmt, 0);
    out->unit = em_db_int(db, stmt, 1);
    out->state = (int)em_db_int(db, stmt, 2);
    out->stopped = em_db_int(db, stmt, 3) != 0;
    out->failures = (uint32_t)em_db_int(db, stmt, 4);
    em_ledger_line(out->mac, sizeof out->mac, em_db_text(db, stmt, 5));
    out->held = em_db_int(db, stmt, 6) != 0;
    em_ledger_line(out->station, sizeof out->station, em_db_text(db, stmt, 7));
    em_ledger_line(out->slot, sizeof out->slot, em_db_text(db, stmt, 8));
    em_db_done(db, stmt);
    return EM_OK;
}

enum em_status em_ledger_claim_of_mac(struct em_ledger *ledger,
                                      struct em_ledger_claim_row *out, const char *mac,
                                      struct em_error *err)
{
    struct em_db_stmt *stmt;
    *out = (struct em_ledger_claim_row){.state = 0};
    enum em_status status =
        em_db_query(ledger->db, &stmt, err,
                    CLAIM_COLUMNS " WHERE c.mac = $1 AND c.state <= 6", "t", mac);
    return status == EM_OK ? take_row(ledger, stmt, out, err) : status;
}

enum em_status em_ledger_claim_by_number(struct em_ledger *ledger,
                                         struct em_ledger_claim_row *out, uint64_t claim,
                                         struct em_error *err)
{
    struct em_db_stmt *stmt;
    *out = (struct em_ledger_claim_row){.state = 0};
    enum em_status status = em_db_query(ledger->db, &stmt, err,
                                        CLAIM_COLUMNS " WHERE c.claim = $1", "u", claim);
    return status == EM_OK ? take_row(ledger, stmt, out, err) : status;
}

enum em_status em_ledger_claim_of_unit(struct em_ledger *ledger,
                                       struct em_ledger_claim_row *out, uint64_t unit,
                                       struct em_error *err)
{
    struct em_db_stmt *stmt;
    *out = (struct em_ledger_claim_row){.state = 0};
    enum em_status status =
        em_db_query(ledger->db, &stmt, err,
                    CLAIM_COLUMNS " WHERE c.unit = $1 AND c.state <= 5", "u", unit);
    return status == EM_OK ? take_row(ledger, stmt, out, err) : status;
}

bool em_ledger_is_ours(const struct em_ledger *ledger,
                       const struct em_ledger_claim_row *row)
{
    return row->held && ledger->station != NULL &&
           strcmp(row->station, ledger->station) == 0;
}

bool em_ledger_is_held(struct em_ledger *ledger, const struct em_ledger_claim_row *row)
{
    /* Our own holds of an earlier process were dropped when the ledger was opened. */
    return row->held && (em_ledger_is_ours(ledger, row) ||
                         ledger->db->engine->station_alive(ledger->db, row->station));
}

/* ---- Claim ---- */

struct claim {
    const struct em_ledger_place *place;
    char mac[EM_LEDGER_MAC];
    char slot[EM_LEDGER_NAME];
    enum em_ledger_claimed what;
    struct em_ledger_unit *out;
};

static const char *const outcomes[] = {
    [EM_LEDGER_NEW] = "new",           [EM_LEDGER_AGAIN] = "again",
    [EM_LEDGER_ALREADY] = "already",   [EM_LEDGER_STOPPED] = "stopped",
    [EM_LEDGER_HELD] = "held",         [EM_LEDGER_NONE_LEFT] = "none left",
    [EM_LEDGER_GIVEN_UP] = "given up",
};

/* A board that has been here before. */
static enum em_ledger_claimed judge(struct em_ledger *ledger, const struct claim *claim,
                                    const struct em_ledger_claim_row *row)
{
    if (row->state == EM_LEDGER_SCRAPPED)
        return EM_LEDGER_GIVEN_UP;
    /* One slot has one board: what it held before is no more. */
    bool same = em_ledger_is_ours(ledger, row) && strcmp(row->slot, claim->slot) == 0;
    if (!same && em_ledger_is_held(ledger, row))
        return EM_LEDGER_HELD;
    if (row->state == EM_LEDGER_DONE)
        return EM_LEDGER_ALREADY;
    return row->stopped ? EM_LEDGER_STOPPED : EM_LEDGER_AGAIN;
}

/* The lowest free unit becomes that of a board never seen, or released. */
static enum em_status take_unit(struct em_ledger *ledger, struct claim *claim,
                                struct em_ledger_claim_row *row, struct em_error *err)
{
    struct em_db *db = ledger->db;
    uint64_t serial = 0;
    enum em_status status = em_db_number(db, &row->unit, err, db->engine->free_unit, "");
    claim->what = EM_LEDGER_NONE_LEFT;
    if (status != EM_OK || row->unit == 0)
        return status;
    claim->what = EM_LEDGER_NEW;
    status = em_db_number(db, &row->claim, err,
                          "SELECT coalesce(max(claim), 0) + 1 FROM claims", "");
    if (status == EM_OK)
        status = em_db_number(
            db, &serial, err,
            "SELECT coalesce(max(serial), 0) + 1 FROM claims WHERE unit = $1", "u",
            row->unit);
    if (status == EM_OK)
        status = em_db_run(db, err, "UPDATE units SET free = 0 WHERE unit = $1", "u",
                           row->unit);
    if (status == EM_OK)
        status = em_db_run(db, err,
                           "INSERT INTO claims (claim, unit, serial, mac, state, stopped,"
                           " failures, failure, changed, station, slot)"
                           " VALUES ($1, $2, $3, $4, 1, 0, 0, '', $5, $6, $7)",
                           "uuutttt", row->claim, row->unit, serial, claim->mac,
                           ledger->time, ledger->station, claim->slot);
    row->state = EM_LEDGER_CLAIMED;
    return status;
}

static enum em_status hold(struct em_ledger *ledger, const struct claim *claim,
                           const struct em_ledger_claim_row *row, struct em_error *err)
{
    enum em_status status =
        em_db_run(ledger->db, err, "DELETE FROM holds WHERE claim = $1", "u", row->claim);
    if (status == EM_OK)
        status = em_db_run(ledger->db, err,
                           "INSERT INTO holds (claim, station, slot) VALUES ($1, $2, $3)",
                           "utt", row->claim, ledger->station, claim->slot);
    if (status == EM_OK && claim->what == EM_LEDGER_AGAIN)
        status =
            em_db_run(ledger->db, err,
                      "UPDATE claims SET changed = $1, station = $2, slot = $3"
                      " WHERE claim = $4",
                      "tttu", ledger->time, ledger->station, claim->slot, row->claim);
    return status;
}

static enum em_status claim_run(struct em_ledger *ledger, void *user,
                                struct em_error *err)
{
    struct claim *claim = user;
    struct em_ledger_claim_row row;
    enum em_status status = em_ledger_claim_of_mac(ledger, &row, claim->mac, err);
    if (status == EM_OK && row.state == 0)
        status = take_unit(ledger, claim, &row, err);
    else if (status == EM_OK)
        claim->what = judge(ledger, claim, &row);
    bool ours = claim->what == EM_LEDGER_NEW || claim->what == EM_LEDGER_AGAIN;
    if (status == EM_OK && ours)
        status = hold(ledger, claim, &row, err);
    else if (status == EM_OK && row.held && claim->what != EM_LEDGER_HELD)
        /* Of a station that was killed after the last step. */
        status = em_db_run(ledger->db, err, "DELETE FROM holds WHERE claim = $1", "u",
                           row.claim);
    if (status == EM_OK && row.claim != 0)
        status = em_ledger_unit_by_claim(ledger->db, claim->out, row.claim, err);
    if (status == EM_OK && claim->what == EM_LEDGER_HELD) {
        memcpy(claim->out->station, row.station, sizeof row.station);
        memcpy(claim->out->slot, row.slot, sizeof row.slot);
    }
    struct em_ledger_event event = {.claim = row.claim,
                                    .place = claim->place,
                                    .step = "claim",
                                    .outcome = outcomes[claim->what],
                                    .detail = claim->out->name};
    return status == EM_OK ? em_ledger_put(ledger, &event, row.unit, claim->mac,
                                           row.state, false, err)
                           : status;
}

enum em_status em_ledger_claim(struct em_ledger *ledger,
                               const struct em_ledger_place *place, const uint8_t mac[6],
                               enum em_ledger_claimed *what_out,
                               struct em_ledger_unit *out, struct em_error *err)
{
    struct claim claim = {.place = place, .out = out};
    *out = (struct em_ledger_unit){.unit = 0};
    *what_out = EM_LEDGER_NONE_LEFT;
    if (ledger->station == NULL)
        return em_error_set(err, EM_ERR_USAGE, NULL, "only a station can claim units");
    em_ledger_mac_text(claim.mac, mac);
    em_ledger_line(claim.slot, sizeof claim.slot, place == NULL ? "" : place->slot);
    enum em_status status = em_ledger_do(ledger, claim_run, &claim, err);
    if (status == EM_OK)
        *what_out = claim.what;
    else
        *out = (struct em_ledger_unit){.unit = 0};
    return status;
}

static enum em_status leave_run(struct em_ledger *ledger, void *user,
                                struct em_error *err)
{
    return em_db_run(ledger->db, err,
                     "DELETE FROM holds WHERE claim = $1 AND station = $2", "ut",
                     *(const uint64_t *)user, ledger->station);
}

enum em_status em_ledger_leave(struct em_ledger *ledger, uint64_t claim,
                               struct em_error *err)
{
    return ledger->station == NULL ? EM_OK : em_ledger_do(ledger, leave_run, &claim, err);
}
