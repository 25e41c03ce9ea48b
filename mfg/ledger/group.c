/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads, one database: who writes, writes for all that wait.
 *
 * To bring a commit to the disk takes milliseconds, whatever is in it. So requests queue:
 * the first thread that finds nobody writing takes the whole queue, puts it into one
 * transaction (each request in a savepoint of its own, so that one that is refused does
 * not undo the others), commits once and wakes the others. While the disk works, the next
 * ones gather. No request waits for others to come, so one thread alone is as fast as
 * without all this; 32 of them share one wait for the disk. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include "base/hooks_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct em_ledger_request {
    enum em_status (*run)(struct em_ledger *ledger, void *user, struct em_error *err);
    void *user;
    const struct em_ledger_record *outcome; /* NULL: may be refused or repeated */
    uint64_t number;                        /* of its event in the last attempt */
    bool kept;                              /* in the journal */
    enum em_status status;
    struct em_error err;
    bool done;
    struct em_ledger_request *next;
};

static int64_t now_us(const struct em_ledger *ledger)
{
    struct timespec ts;
    if (ledger->now_us != NULL)
        return ledger->now_us(ledger->now_user);
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- Time ---- */

/* Once for each handle, and with the transaction it happened in. */
static enum em_status note_clock(struct em_ledger *ledger, const char *now, bool *noting,
                                 struct em_error *err)
{
    char detail[EM_LEDGER_TEXT];
    (void)snprintf(detail, sizeof detail,
                   "the clock says %s, the last event was at %s: times stay there until "
                   "the clock has caught up",
                   now, ledger->time);
    struct em_ledger_event event = {
        .step = "clock", .outcome = "backwards", .detail = detail};
    *noting = true;
    return em_ledger_put(ledger, &event, 0, "", 0, false, err);
}

static void tell_clock(const struct em_ledger *ledger)
{
    struct em_error msg;
    if (!em_hooks_wants(&ledger->hooks, EM_LOG_WARNING))
        return;
    (void)em_error_set(
        &msg, EM_OK, "set the clock of this PC",
        "the clock went backwards: times in the ledger stay at %s until it "
        "has caught up",
        ledger->time);
    em_hooks_log(&ledger->hooks, EM_LOG_WARNING, NULL, &msg);
}

enum em_status em_ledger_begin(struct em_ledger *ledger, bool *noting,
                               struct em_error *err)
{
    /* A second: clocks that are kept right go back by less. */
    enum { TOLERATED_US = 1000000 };
    struct em_db_stmt *stmt;
    bool row = false;
    char now[EM_LEDGER_TIME];
    char soon[EM_LEDGER_TIME];
    int64_t us = now_us(ledger);
    em_ledger_time_text(now, us);
    em_ledger_time_text(soon, us + TOLERATED_US);
    memcpy(ledger->time, now, sizeof now);
    ledger->number = 0;
    enum em_status status =
        em_db_query(ledger->db, &stmt, err,
                    "SELECT number, time FROM events ORDER BY number DESC LIMIT 1", "");
    if (status == EM_OK)
        status = em_db_next(ledger->db, stmt, &row, err);
    if (status != EM_OK || !row)
        return status;
    ledger->number = em_db_int(ledger->db, stmt, 0);
    const char *last = em_db_text(ledger->db, stmt, 1);
    if (strcmp(last, now) > 0)
        em_ledger_line(ledger->time, sizeof ledger->time, last);
    em_db_done(ledger->db, stmt);
    if (strcmp(ledger->time, soon) > 0 && !ledger->clock_noted)
        status = note_clock(ledger, now, noting, err);
    return status;
}

/* ---- One transaction ---- */

enum em_status em_ledger_apart(struct em_ledger *ledger,
                               enum em_status (*run)(struct em_ledger *ledger, void *user,
                                                     struct em_error *err),
                               void *user, enum em_status *result,
                               struct em_error *result_err, struct em_error *err)
{
    struct em_db *db = ledger->db;
    uint64_t number = ledger->number;
    enum em_status status = db->engine->exec(db, "SAVEPOINT request", err);
    if (status != EM_OK)
        return status;
    *result_err = (struct em_error){.status = EM_OK};
    *result = run(ledger, user, result_err);
    if (*result == EM_OK)
        return db->engine->exec(db, "RELEASE SAVEPOINT request", err);
    if (!db->engine->in_transaction(db)) { /* a full disk has undone all of it */
        if (err != NULL)
            *err = *result_err;
        return *result;
    }
    ledger->number = number;
    status = db->engine->exec(db, "ROLLBACK TO SAVEPOINT request", err);
    return status == EM_OK ? db->engine->exec(db, "RELEASE SAVEPOINT request", err)
                           : status;
}

/* All of @p list once; a fault of the transaction is everybody's. *committing: the fault
 * came with the commit. */
static enum em_status attempt(struct em_ledger *ledger, struct em_ledger_request *list,
                              bool *committing, struct em_error *err)
{
    struct em_db *db = ledger->db;
    bool noting = false;
    db->fault = EM_DB_FINE;
    *committing = false;
    enum em_status status = em_ledger_journal_send(ledger, err);
    ledger->put.number = 0;
    if (status == EM_OK)
        status = db->engine->begin(db, err);
    if (status == EM_OK)
        status = em_ledger_begin(ledger, &noting, err);
    for (struct em_ledger_request *r = list; r != NULL && status == EM_OK; r = r->next) {
        r->number = 0;
        if (!r->kept)
            status = em_ledger_apart(ledger, r->run, r->user, &r->status, &r->err, err);
        if (status == EM_OK && !r->kept && r->status == EM_OK)
            r->number = ledger->number;
    }
    if (status == EM_OK) {
        *committing = true;
        status = db->engine->commit(db, err);
    }
    if (status != EM_OK)
        db->engine->rollback(db);
    else if (noting) {
        ledger->clock_noted = true;
        tell_clock(ledger);
    }
    return status;
}

/* The connection is lost: what has happened is kept here before it is waited for, so that
 * not even a kill loses it. */
static void keep(struct em_ledger *ledger, struct em_ledger_request *list,
                 bool committing)
{
    struct em_error err;
    for (struct em_ledger_request *r = list; r != NULL; r = r->next) {
        if (r->outcome == NULL || r->kept || ledger->station == NULL)
            continue;
        if (committing && r->status != EM_OK)
            continue; /* refused */
        r->kept = em_ledger_journal_keep(ledger, r->outcome, committing ? r->number : 0,
                                         &err) == EM_OK;
        if (!r->kept && ledger->hooks.log != NULL)
            ledger->hooks.log(ledger->hooks.user, EM_LOG_WARNING, "", &err);
        r->status = EM_OK;
    }
}

static void run_all(struct em_ledger *ledger, struct em_ledger_request *list)
{
    struct em_db *db = ledger->db;
    struct em_error err = {.status = EM_OK};
    bool committing = false;
    bool committed = false;
    enum em_status status = attempt(ledger, list, &committing, &err);
    /* Ends: em_ledger_recover() waits once, for its time; a server that is lost again and
     * again, after it answered each time, some more. */
    for (int i = 0; i < 20 && status != EM_OK && db->fault == EM_DB_LOST &&
                    db->engine->reconnect != NULL && !committed;
         i++) {
        keep(ledger, list, committing);
        if (!em_ledger_recover(ledger, committing, &committed, &err))
            break;
        status = committed ? em_ledger_journal_send(ledger, &err)
                           : attempt(ledger, list, &committing, &err);
    }
    if (status == EM_OK || committed)
        return;
    for (struct em_ledger_request *r = list; r != NULL; r = r->next) {
        if (r->kept)
            continue;
        r->status = status;
        r->err = err;
    }
}

/* ---- The queue ---- */

static void lead(struct em_ledger *ledger)
{
    struct em_ledger_request *list = ledger->first;
    ledger->first = NULL;
    ledger->last = &ledger->first;
    ledger->leading = true;
    pthread_mutex_unlock(&ledger->mutex);
    run_all(ledger, list);
    pthread_mutex_lock(&ledger->mutex);
    ledger->leading = false;
    while (list != NULL) {
        struct em_ledger_request *next = list->next; /* its owner may go on at once */
        list->done = true;
        list = next;
    }
    pthread_cond_broadcast(&ledger->changed);
}

static enum em_status queue(struct em_ledger *ledger, struct em_ledger_request *request,
                            struct em_error *err)
{
    pthread_mutex_lock(&ledger->mutex);
    *ledger->last = request;
    ledger->last = &request->next;
    /* Ends: who leads waits for other programs and the disk, but not for ever. */
    while (!request->done) {
        if (ledger->leading)
            pthread_cond_wait(&ledger->changed, &ledger->mutex);
        else
            lead(ledger);
    }
    pthread_mutex_unlock(&ledger->mutex);
    if (request->status != EM_OK && err != NULL)
        *err = request->err;
    return request->status;
}

enum em_status em_ledger_do(struct em_ledger *ledger,
                            enum em_status (*run)(struct em_ledger *ledger, void *user,
                                                  struct em_error *err),
                            void *user, struct em_error *err)
{
    struct em_ledger_request request = {.run = run, .user = user};
    return queue(ledger, &request, err);
}

enum em_status em_ledger_tell(struct em_ledger *ledger,
                              const struct em_ledger_record *record, struct em_error *err)
{
    struct em_ledger_record copy = *record;
    struct em_ledger_request request = {
        .run = em_ledger_record_run, .user = &copy, .outcome = record};
    return queue(ledger, &request, err);
}
