/* SPDX-License-Identifier: Apache-2.0 */
/* Who is a station: a session's lock on the server, held as long as its connection lives.
 *
 * The server lets go of it whatever ends the process. The lock is of the database, its
 * key a hash over schema and name; two names with one hash would not run at the same
 * time, and do no harm. */
#include "config.h"

#include "mfg/ledger/pg_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct em_db_station {
    struct em_pg *db;
    unsigned generation;
    char name[256];
};

#define KEY "hashtextextended(current_schema() || '/station/' || $1, 0)"

/* Who has it says so in its application's name: "espmfg PID HOST". */
static enum em_status tell_taken(struct em_pg *db, const char *name, struct em_error *err)
{
    char who[80] = "";
    enum em_status status = em_pg_ask(
        db, who, sizeof who,
        "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = "
        "current_database())"
        " AND (l.classid::bigint << 32 | l.objid::bigint) = " KEY,
        name, NULL, err);
    if (status != EM_OK)
        return status;
    char *pid = strncmp(who, "espmfg ", 7) == 0 ? who + 7 : who;
    char *host = pid + strcspn(pid, " ");
    if (*host != '\0')
        *host++ = '\0';
    return em_error_set(err, EM_ERR_EXISTS, "end it, or give this station another name",
                        "station '%s' is running already: process %s on '%s'", name,
                        pid[0] == '\0' ? "?" : pid, host);
}

enum em_status em_pg_station(struct em_db *base, struct em_db_station **out,
                             const char *name, struct em_error *err)
{
    struct em_pg *db = em_pg_of(base);
    char got[8];
    *out = NULL;
    enum em_status status = em_pg_ask(
        db, got, sizeof got, "SELECT pg_try_advisory_lock(" KEY ")", name, NULL, err);
    if (status == EM_OK && strcmp(got, "t") != 0)
        status = tell_taken(db, name, err);
    if (status != EM_OK)
        return status;
    struct em_db_station *station = calloc(1, sizeof *station);
    if (station == NULL)
        return em_error_nomem(err);
    station->db = db;
    station->generation = db->generation;
    (void)snprintf(station->name, sizeof station->name, "%s", name);
    *out = station;
    return EM_OK;
}

void em_pg_station_free(struct em_db_station *station)
{
    char got[8];
    if (station == NULL)
        return;
    /* Of a connection that is lost, the server lets go of it. */
    if (!station->db->dead && station->generation == station->db->generation)
        (void)em_pg_ask(station->db, got, sizeof got,
                        "SELECT pg_advisory_unlock(" KEY ")", station->name, NULL, NULL);
    free(station);
}

bool em_pg_station_alive(struct em_db *base, const char *name)
{
    char count[24];
    enum em_status status = em_pg_ask(
        em_pg_of(base), count, sizeof count,
        "SELECT count(*) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted"
        " AND l.objsubid = 1"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = "
        "current_database())"
        " AND (l.classid::bigint << 32 | l.objid::bigint) = " KEY,
        name, NULL, NULL);
    return status != EM_OK || strcmp(count, "0") != 0; /* in doubt hands off its boards */
}
