/* SPDX-License-Identifier: Apache-2.0 */
/* What people decide: try again, take a unit back, give a board up. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include <string.h>

enum decision { RETRY, RELEASE, SCRAP };

struct admin {
    enum decision what;
    uint64_t unit;
    const char *reason;
};

static enum em_status refuse(const struct em_ledger_claim_row *row, const char *why,
                             const char *hint, struct em_error *err)
{
    return em_error_set(err, EM_ERR_REFUSED, hint, "unit %llu, board %s: %s",
                        (unsigned long long)row->unit, row->mac, why);
}

static enum em_status judge(struct em_ledger *ledger, const struct admin *admin,
                            const struct em_ledger_claim_row *row, struct em_error *err)
{
    if (row->state == 0)
        return em_error_set(err, EM_ERR_REFUSED, NULL, "unit %llu: no board has it",
                            (unsigned long long)admin->unit);
    if (em_ledger_is_held(ledger, row))
        return em_error_set(err, EM_ERR_REFUSED, "wait until it is done",
                            "unit %llu, board %s: being worked on at station '%s', slot "
                            "'%s'",
                            (unsigned long long)row->unit, row->mac, row->station,
                            row->slot);
    if (admin->what == RETRY && !row->stopped)
        return refuse(row, "it was not stopped, and will be tried again anyway", NULL,
                      err);
    if (admin->what == RELEASE && row->state == EM_LEDGER_DONE)
        return refuse(row, "it is done", "scrap it if the board is lost", err);
    if (admin->what == RELEASE && row->state >= EM_LEDGER_BURNING)
        return refuse(row, "its eFuses are burned, or may be",
                      "let the line go on with it, or scrap it", err);
    return EM_OK;
}

static enum em_status change(struct em_ledger *ledger, const struct admin *admin,
                             struct em_ledger_claim_row *row, struct em_error *err)
{
    struct em_db *db = ledger->db;
    if (admin->what == RETRY)
        return em_db_run(db, err,
                         "UPDATE claims SET stopped = 0, failures = 0, changed = $1"
                         " WHERE claim = $2",
                         "tu", ledger->time, row->claim);
    row->state = admin->what == SCRAP ? (int)EM_LEDGER_SCRAPPED : EM_LEDGER_RELEASED;
    enum em_status status = em_db_run(
        db, err,
        "UPDATE claims SET state = $1, stopped = 0, changed = $2 WHERE claim = $3", "itu",
        (int64_t)row->state, ledger->time, row->claim);
    if (status == EM_OK)
        status = em_db_run(db, err, "UPDATE units SET free = 1 WHERE unit = $1", "u",
                           row->unit);
    return status;
}

static enum em_status admin_run(struct em_ledger *ledger, void *user,
                                struct em_error *err)
{
    static const char *const steps[] = {"retry", "release", "scrap"};
    const struct admin *admin = user;
    struct em_ledger_claim_row row;
    enum em_status status = em_ledger_claim_of_unit(ledger, &row, admin->unit, err);
    if (status == EM_OK)
        status = judge(ledger, admin, &row, err);
    if (status == EM_OK) /* of a station that runs no more */
        status = em_db_run(ledger->db, err, "DELETE FROM holds WHERE claim = $1", "u",
                           row.claim);
    if (status == EM_OK)
        status = change(ledger, admin, &row, err);
    struct em_ledger_event event = {.claim = row.claim,
                                    .step = steps[admin->what],
                                    .outcome = "ok",
                                    .detail = admin->reason};
    return status == EM_OK
               ? em_ledger_put(ledger, &event, row.unit, row.mac, row.state, false, err)
               : status;
}

static enum em_status decide(struct em_ledger *ledger, enum decision what, uint64_t unit,
                             const char *reason, struct em_error *err)
{
    struct admin admin = {what, unit, reason};
    if (reason == NULL || reason[strspn(reason, " \t")] == '\0')
        return em_error_set(err, EM_ERR_USAGE, "say why: it stands in the ledger",
                            "no reason was given");
    return em_ledger_do(ledger, admin_run, &admin, err);
}

enum em_status em_ledger_retry(struct em_ledger *ledger, uint64_t unit,
                               const char *reason, struct em_error *err)
{
    return decide(ledger, RETRY, unit, reason, err);
}

enum em_status em_ledger_release(struct em_ledger *ledger, uint64_t unit,
                                 const char *reason, struct em_error *err)
{
    return decide(ledger, RELEASE, unit, reason, err);
}

enum em_status em_ledger_scrap(struct em_ledger *ledger, uint64_t unit,
                               const char *reason, struct em_error *err)
{
    return decide(ledger, SCRAP, unit, reason, err);
}
