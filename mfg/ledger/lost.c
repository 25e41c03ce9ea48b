/* SPDX-License-Identifier: Apache-2.0 */
/* A server that is away: waited for, and asked what it still knows when it is back. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FIRST_PAUSE_MS = 50, MOST_PAUSE_MS = 2000 };

static int64_t now_ms(void)
{
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail: POSIX has this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void tell(const struct em_ledger *ledger, enum em_log_level level,
                 const char *text, const char *hint)
{
    struct em_error msg;
    char shown[200];
    if (ledger->hooks.log == NULL)
        return;
    em_ledger_url_show(shown, sizeof shown, ledger->url);
    (void)em_error_set(&msg, EM_OK, hint, "ledger '%s': %s", shown, text);
    ledger->hooks.log(ledger->hooks.user, level, "", &msg);
}

/* Be the station again. What was held stays held. */
static enum em_status take_station(struct em_ledger *ledger, struct em_error *err)
{
    if (ledger->station == NULL)
        return EM_OK;
    if (ledger->lock != NULL)
        ledger->db->engine->station_free(ledger->lock);
    ledger->lock = NULL;
    return em_ledger_station(ledger, err);
}

/* The last event of the attempt stands in the list if and only if all of it was
 * committed: only we are this station, and the begin of a transaction waits for the end
 * of the one that was lost. */
static enum em_status was_committed(struct em_ledger *ledger, bool *committed,
                                    struct em_error *err)
{
    struct em_db *db = ledger->db;
    uint64_t count = 0;
    enum em_status status = db->engine->begin(db, err);
    if (status == EM_OK)
        status = em_db_number(db, &count, err,
                              "SELECT count(*) FROM events WHERE number = $1 AND"
                              " time = $2 AND station = $3 AND coalesce(claim, 0) = $4"
                              " AND step = $5 AND detail = $6",
                              "uttutt", ledger->put.number, ledger->time,
                              ledger->station == NULL ? "" : ledger->station,
                              ledger->put.claim, ledger->put.step, ledger->put.detail);
    db->engine->rollback(db);
    *committed = status == EM_OK && count > 0;
    return status;
}

static enum em_status try_once(struct em_ledger *ledger, bool ask, bool *committed,
                               struct em_error *err)
{
    enum em_status status = ledger->db->engine->reconnect(ledger->db, err);
    if (status == EM_OK)
        status = take_station(ledger, err);
    /* Without an event there is nothing that must not happen twice. */
    if (status == EM_OK && ask)
        status = was_committed(ledger, committed, err);
    return status;
}

bool em_ledger_recover(struct em_ledger *ledger, bool committing, bool *committed,
                       struct em_error *err)
{
    char text[EM_LEDGER_TEXT];
    unsigned pause_ms = FIRST_PAUSE_MS;
    bool ask = committing && ledger->put.number != 0;
    int64_t begun = now_ms();
    int64_t end = begun + (ledger->away ? 0 : (int64_t)ledger->db->wait_ms);
    *committed = false;
    enum em_status status = try_once(ledger, ask, committed, err);
    if (status != EM_OK && !ledger->away) {
        (void)snprintf(text, sizeof text, "away, waiting for it for up to %u s",
                       ledger->db->wait_ms / 1000);
        tell(ledger, EM_LOG_WARNING, text, "is the server running, and the network up?");
    }
    while (status != EM_OK && now_ms() < end) {
        em_ledger_pause(pause_ms);
        pause_ms = pause_ms * 2 < MOST_PAUSE_MS ? pause_ms * 2 : MOST_PAUSE_MS;
        status = try_once(ledger, ask, committed, err);
    }
    if (status == EM_OK) {
        (void)snprintf(text, sizeof text, "connected again after %.1f s",
                       (double)(now_ms() - begun) / 1000.0);
        tell(ledger, EM_LOG_NOTE, text, NULL);
        ledger->away = false;
        return true;
    }
    if (!ledger->away && em_ledger_journal_count(ledger) > 0) {
        (void)snprintf(text, sizeof text,
                       "away; %zu outcome%s kept in '%s' until it is back",
                       em_ledger_journal_count(ledger),
                       em_ledger_journal_count(ledger) == 1 ? " is" : "s are",
                       ledger->journal_folder);
        tell(ledger, EM_LOG_WARNING, text, "start this station again when it is back");
    }
    ledger->away = true;
    return false;
}
