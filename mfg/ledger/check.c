/* SPDX-License-Identifier: Apache-2.0 */
/* The proof: all that the ledger promises, looked up again in the whole of it.
 *
 * Constraints keep the promises while programs write; this is for what they cannot see: a
 * disk that fails, a file that was edited, a constraint that was dropped, a mistake in
 * this program. Nothing is taken from a constraint that is looked at by it. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include "base/hooks_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the events so far say of a claim. */
struct history {
    uint32_t failures;
    uint8_t state;
    uint32_t keys, destroyed; /* such events */
    bool seen;
};

struct check {
    struct em_ledger *ledger;
    struct em_db *db;
    const struct em_hooks *hooks;
    struct history *claims; /* by number; claims[0] is not used */
    uint64_t claim_count;
    unsigned long faults;
};

static void fault(struct check *check, const char *format, ...) EM_PRINTF(2, 3);

static void fault(struct check *check, const char *format, ...)
{
    struct em_error msg;
    char text[sizeof msg.what];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    check->faults++;
    if (!em_hooks_wants(check->hooks, EM_LOG_ERROR))
        return;
    (void)em_error_set(&msg, EM_ERR_INPUT, NULL, "%s", text);
    em_hooks_log(check->hooks, EM_LOG_ERROR, NULL, &msg);
}

static void on_engine_fault(void *user, const char *text)
{
    struct check *check = user;
    fault(check, "%s", text);
}

/* ---- What must find nothing ---- */

/* Each row that one of these gives is a fault: what, and a number or a text. */
static const struct {
    const char *what;
    const char *sql;
} nothing[] = {
    {"a unit belongs to two boards: unit",
     "SELECT unit FROM claims WHERE state <= 5 GROUP BY unit HAVING count(*) > 1"},
    {"a board has two units, or one after it was scrapped: board",
     "SELECT mac FROM claims WHERE state <= 6 GROUP BY mac HAVING count(*) > 1"},
    {"two units have one name:",
     "SELECT name FROM units GROUP BY name HAVING count(*) > 1"},
    {"a unit is told to be free, but has a board: unit",
     "SELECT u.unit FROM units u JOIN claims c ON c.unit = u.unit AND c.state <= 5"
     " WHERE u.free <> 0"},
    {"a unit is told to be taken, but has no board: unit",
     "SELECT u.unit FROM units u WHERE u.free <> 1 AND NOT EXISTS"
     " (SELECT 1 FROM claims c WHERE c.unit = u.unit AND c.state <= 5)"},
    {"a claim is of no unit: claim",
     "SELECT c.claim FROM claims c LEFT JOIN units u ON u.unit = c.unit"
     " WHERE u.unit IS NULL"},
    {"the boards of a unit are not numbered 1, 2, …: unit",
     "SELECT unit FROM claims GROUP BY unit"
     " HAVING max(serial) <> count(*) OR min(serial) <> 1"},
    {"a key was used twice:",
     "SELECT fingerprint FROM keys GROUP BY fingerprint HAVING count(*) > 1"},
    {"a claim has two keys: claim",
     "SELECT claim FROM keys GROUP BY claim HAVING count(*) > 1"},
    {"a key is of no claim:",
     "SELECT k.fingerprint FROM keys k LEFT JOIN claims c ON c.claim = k.claim"
     " WHERE c.claim IS NULL"},
    {"a board is held that does not have its unit any more: claim",
     "SELECT h.claim FROM holds h LEFT JOIN claims c ON c.claim = h.claim"
     " WHERE c.claim IS NULL OR c.state > 5"},
    /* With as many of them as there are keys, see check_claim(). */
    {"an event tells of another key than its claim has: event",
     "SELECT e.number FROM events e LEFT JOIN keys k ON k.fingerprint = e.detail"
     " WHERE e.step = 'key' AND e.outcome IN ('recorded', 'destroyed')"
     " AND (k.claim IS NULL OR e.claim IS NULL OR k.claim <> e.claim)"},
    {"an event tells of another unit or board than its claim: event",
     "SELECT e.number FROM events e LEFT JOIN claims c ON c.claim = e.claim"
     " WHERE e.claim IS NOT NULL AND (c.claim IS NULL OR c.mac <> e.mac"
     " OR e.unit IS NULL OR c.unit <> e.unit)"},
};

static enum em_status check_nothing(struct check *check, struct em_error *err)
{
    struct em_db_stmt *stmt;
    enum em_status status = EM_OK;
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0] && status == EM_OK; i++) {
        bool row = true;
        status = em_db_query(check->db, &stmt, err, nothing[i].sql, "");
        while (status == EM_OK && row) {
            status = em_db_next(check->db, stmt, &row, err);
            if (status == EM_OK && row)
                fault(check, "%s %s", nothing[i].what, em_db_text(check->db, stmt, 0));
        }
    }
    return status;
}

static enum em_status check_units(struct check *check, struct em_error *err)
{
    uint64_t units = 0;
    uint64_t last = 0;
    enum em_status status =
        em_db_number(check->db, &units, err, "SELECT count(*) FROM units", "");
    if (status == EM_OK)
        status = em_db_number(check->db, &last, err,
                              "SELECT coalesce(max(unit), 0) FROM units", "");
    if (status == EM_OK && (units != check->ledger->units || last != units))
        fault(check,
              "the batch was begun with %" PRIu64 " units, but there are %" PRIu64
              ", up to number %" PRIu64,
              check->ledger->units, units, last);
    return status;
}

/* ---- Events ---- */

static bool may_follow(const struct history *claim, uint8_t state)
{
    if (state < claim->state)
        return false;
    if (claim->state >= EM_LEDGER_SCRAPPED && state != claim->state)
        return false;
    if (state == EM_LEDGER_BURNED && claim->state < EM_LEDGER_BURNING)
        return false;
    return state != EM_LEDGER_RELEASED || claim->state < EM_LEDGER_BURNING ||
           claim->state == EM_LEDGER_RELEASED;
}

static const char *name_of(uint8_t state)
{
    return state == EM_LEDGER_RELEASED ? "released"
           : state > EM_LEDGER_RELEASED
               ? "?"
               : em_ledger_state_name((enum em_ledger_state)state);
}

/* One event of a claim, after all before it. */
static void follow(struct check *check, struct em_db_stmt *stmt, uint64_t number,
                   uint64_t claim_number)
{
    struct em_db *db = check->db;
    struct history *claim = &check->claims[claim_number];
    uint8_t state = (uint8_t)em_db_int(db, stmt, 3);
    const char *step = em_db_text(db, stmt, 5);
    const char *outcome = em_db_text(db, stmt, 6);
    if (!claim->seen && (strcmp(step, "claim") != 0 || strcmp(outcome, "new") != 0 ||
                         state != EM_LEDGER_CLAIMED))
        fault(check, "event %" PRIu64 ": claim %" PRIu64 " does not begin with it",
              number, claim_number);
    else if (claim->seen && !may_follow(claim, state))
        fault(check, "event %" PRIu64 ": claim %" PRIu64 " went from '%s' to '%s'",
              number, claim_number, name_of(claim->state), name_of(state));
    claim->seen = true;
    claim->state = state;
    if (em_db_int(db, stmt, 4) != 0)
        claim->failures++;
    if (strcmp(step, "retry") == 0 && strcmp(outcome, "ok") == 0)
        claim->failures = 0;
    if (strcmp(step, "key") == 0 && strcmp(outcome, "recorded") == 0)
        claim->keys++;
    if (strcmp(step, "key") == 0 && strcmp(outcome, "destroyed") == 0)
        claim->destroyed++;
}

static enum em_status check_events(struct check *check, struct em_error *err)
{
    struct em_db *db = check->db;
    struct em_db_stmt *stmt = NULL;
    char last[EM_LEDGER_TIME] = "";
    uint64_t wanted = 1;
    bool row = true;
    enum em_status status =
        em_db_query(db, &stmt, err,
                    "SELECT number, time, claim, state, failed, step, outcome"
                    " FROM events ORDER BY number",
                    "");
    while (status == EM_OK && row) {
        status = em_db_next(db, stmt, &row, err);
        if (status != EM_OK || !row)
            break;
        uint64_t number = em_db_int(db, stmt, 0);
        uint64_t claim = em_db_int(db, stmt, 2);
        if (number != wanted)
            fault(check, "event %" PRIu64 " is followed by %" PRIu64, wanted - 1, number);
        wanted = number + 1;
        if (strcmp(em_db_text(db, stmt, 1), last) < 0)
            fault(check, "event %" PRIu64 ": earlier than the one before it", number);
        em_ledger_line(last, sizeof last, em_db_text(db, stmt, 1));
        if (claim > check->claim_count)
            fault(check, "event %" PRIu64 ": there is no claim %" PRIu64, number, claim);
        else if (claim != 0)
            follow(check, stmt, number, claim);
    }
    return status;
}

/* ---- Claims, against what events told of them ---- */

static void check_claim(struct check *check, struct em_db_stmt *stmt, uint64_t number)
{
    struct em_db *db = check->db;
    const struct history *claim = &check->claims[number];
    uint8_t state = (uint8_t)em_db_int(db, stmt, 1);
    bool stopped = em_db_int(db, stmt, 3) != 0;
    uint64_t keys = em_db_int(db, stmt, 4);
    uint64_t destroyed = em_db_int(db, stmt, 5);
    if (!claim->seen) {
        fault(check, "claim %" PRIu64 ": no event tells of it", number);
        return;
    }
    if (claim->state != state)
        fault(check, "claim %" PRIu64 " is '%s', but its events lead to '%s'", number,
              name_of(state), name_of(claim->state));
    if (claim->failures != em_db_int(db, stmt, 2))
        fault(check,
              "claim %" PRIu64 " has %" PRIu64 " failures, its events tell %" PRIu32,
              number, em_db_int(db, stmt, 2), claim->failures);
    if (stopped && claim->failures == 0)
        fault(check, "claim %" PRIu64 " is stopped without a failure", number);
    if (claim->keys != keys)
        fault(check, "claim %" PRIu64 " has %" PRIu64 " keys, its events tell of %u",
              number, keys, claim->keys);
    if (claim->destroyed != destroyed)
        fault(check,
              "claim %" PRIu64 ": %" PRIu64 " keys destroyed, its events tell of %u",
              number, destroyed, claim->destroyed);
}

static enum em_status check_claims(struct check *check, struct em_error *err)
{
    struct em_db_stmt *stmt = NULL;
    uint64_t wanted = 1;
    bool row = true;
    enum em_status status = em_db_query(
        check->db, &stmt, err,
        "SELECT c.claim, c.state, c.failures, c.stopped,"
        " (SELECT count(*) FROM keys k WHERE k.claim = c.claim),"
        " (SELECT count(*) FROM keys k WHERE k.claim = c.claim AND k.destroyed = 1)"
        " FROM claims c ORDER BY c.claim",
        "");
    while (status == EM_OK && row) {
        status = em_db_next(check->db, stmt, &row, err);
        if (status != EM_OK || !row)
            break;
        uint64_t number = em_db_int(check->db, stmt, 0);
        if (number != wanted)
            fault(check, "claim %" PRIu64 " is followed by %" PRIu64, wanted - 1, number);
        wanted = number + 1;
        if (number <= check->claim_count)
            check_claim(check, stmt, number);
    }
    return status;
}

/* ---- All of it ---- */

static enum em_status prepare(struct check *check, struct em_error *err)
{
    uint64_t count = 0;
    uint64_t last = 0;
    enum em_status status =
        em_db_number(check->db, &count, err, "SELECT count(*) FROM claims", "");
    if (status == EM_OK)
        status = em_db_number(check->db, &last, err,
                              "SELECT coalesce(max(claim), 0) FROM claims", "");
    if (status != EM_OK)
        return status;
    /* Not the highest number: in a damaged file that may be anything. */
    check->claim_count = count;
    if (last != count)
        fault(check, "%" PRIu64 " claims are numbered up to %" PRIu64, count, last);
    check->claims = calloc((size_t)count + 1, sizeof check->claims[0]);
    return check->claims == NULL ? em_error_nomem(err) : EM_OK;
}

enum em_status em_ledger_check(struct em_ledger *ledger, const struct em_hooks *hooks,
                               unsigned long *faults_out, struct em_error *err)
{
    static enum em_status (*const parts[])(struct check *, struct em_error *) = {
        prepare, check_units, check_nothing, check_events, check_claims,
    };
    struct check check = {.ledger = ledger, .hooks = hooks};
    struct em_db_listener listener = {on_engine_fault, &check};
    struct em_error told = {.status = EM_OK};
    *faults_out = 0;
    enum em_status status = em_ledger_read(ledger, &check.db, err);
    if (status != EM_OK)
        return status;
    status = check.db->engine->verify(check.db, em_ledger_tables, &listener, &told);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == EM_OK; i++)
        status = parts[i](&check, &told);
    /* What cannot be read on is one more thing that was found. */
    if (status == EM_ERR_INPUT) {
        fault(&check, "%s", told.what);
        status = EM_OK;
    }
    if (status != EM_OK && err != NULL)
        *err = told;
    free(check.claims);
    em_db_close(check.db);
    *faults_out = check.faults;
    return status;
}
