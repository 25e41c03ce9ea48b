/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger copied into another engine: whole or not at all, and compared row by row. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include <string.h>

/* All that a ledger is; holds are of the moment. Letters as for em_db_query(). In an
 * order that the copy's constraints allow, and rows in one that no language's sorting
 * changes. */
static const struct table {
    const char *name;
    const char *kinds;
    const char *select;
    const char *insert;
} tables[] = {
    {"meta", "tt", "SELECT name, value FROM meta ORDER BY name",
     "INSERT INTO meta (name, value) VALUES ($1, $2)"},
    {"units", "utu", "SELECT unit, name, free FROM units ORDER BY unit",
     "INSERT INTO units (unit, name, free) VALUES ($1, $2, $3)"},
    /* Begun as claimed, as all claims, then brought to its state. */
    {"claims", "uuutuuuttttu",
     "SELECT claim, unit, serial, mac, 1, stopped, failures, failure, changed, station,"
     " slot, state FROM claims ORDER BY claim",
     "INSERT INTO claims (claim, unit, serial, mac, state, stopped, failures, failure,"
     " changed, station, slot) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"},
    {"keys", "tuu", "SELECT fingerprint, claim, destroyed FROM keys ORDER BY claim",
     "INSERT INTO keys (fingerprint, claim, destroyed) VALUES ($1, $2, $3)"},
    {"events",
     "uttttt"
     "nnuu"
     "tttuut",
     "SELECT number, time, station, slot, port, mac, unit, claim, state, failed, step,"
     " outcome, detail, duration_us, retries, version FROM events ORDER BY number",
     "INSERT INTO events (number, time, station, slot, port, mac, unit, claim, state,"
     " failed, step, outcome, detail, duration_us, retries, version)"
     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"},
};

enum { CLAIM_VALUES = 11 };

static bool is_claims(const struct table *table)
{
    return table->name[0] == 'c';
}

/* ---- Copied ---- */

static enum em_status bring_to_state(struct em_db *to, struct em_db *from,
                                     struct em_db_stmt *row, struct em_error *err)
{
    static const char sql[] = "UPDATE claims SET state = $1 WHERE claim = $2";
    uint64_t claim = em_db_int(from, row, 0);
    uint64_t state = em_db_int(from, row, CLAIM_VALUES);
    enum em_status status = EM_OK;
    if (state == EM_LEDGER_BURNED) /* not without its intent */
        status = em_db_run(to, err, sql, "uu", (uint64_t)EM_LEDGER_BURNING, claim);
    if (status == EM_OK && state != EM_LEDGER_CLAIMED)
        status = em_db_run(to, err, sql, "uu", state, claim);
    return status;
}

static enum em_status put_row(struct em_db *to, struct em_db *from,
                              struct em_db_stmt *row, const struct table *table,
                              struct em_error *err)
{
    struct em_db_stmt *stmt;
    bool more;
    int count = is_claims(table) ? CLAIM_VALUES : (int)strlen(table->kinds);
    enum em_status status = to->engine->prepare(to, &stmt, table->insert, err);
    if (status != EM_OK)
        return status;
    for (int i = 0; i < count && status == EM_OK; i++) {
        uint64_t number = em_db_int(from, row, i);
        if (table->kinds[i] == 't')
            status = to->engine->bind_text(stmt, i + 1, em_db_text(from, row, i), err);
        else if (table->kinds[i] == 'n' && number == 0)
            status = to->engine->bind_text(stmt, i + 1, NULL, err);
        else
            status = to->engine->bind_int(stmt, i + 1, (int64_t)number, err);
    }
    if (status == EM_OK)
        status = em_db_next(to, stmt, &more, err);
    else
        em_db_done(to, stmt);
    return status == EM_OK && is_claims(table) ? bring_to_state(to, from, row, err)
                                               : status;
}

static enum em_status copy_table(struct em_db *to, struct em_db *from,
                                 const struct table *table, struct em_error *err)
{
    struct em_db_stmt *row;
    bool more = true;
    enum em_status status = em_db_query(from, &row, err, table->select, "");
    while (status == EM_OK && more) {
        status = em_db_next(from, row, &more, err);
        if (status != EM_OK || !more)
            break;
        status = put_row(to, from, row, table, err);
        if (status != EM_OK)
            em_db_done(from, row);
    }
    return status;
}

/* ---- Compared ---- */

static bool same_row(struct em_db *to, struct em_db_stmt *copy, struct em_db *from,
                     struct em_db_stmt *row, const struct table *table)
{
    bool same = true;
    for (int i = 0; table->kinds[i] != '\0' && same; i++)
        same = strcmp(em_db_text(to, copy, i), em_db_text(from, row, i)) == 0;
    return same;
}

static enum em_status compare_table(struct em_db *to, struct em_db *from,
                                    const struct table *table, struct em_error *err)
{
    struct em_db_stmt *row = NULL;
    struct em_db_stmt *copy = NULL;
    bool more = true;
    bool more_copy = true;
    unsigned long long number = 0;
    enum em_status status = em_db_query(from, &row, err, table->select, "");
    if (status == EM_OK)
        status = em_db_query(to, &copy, err, table->select, "");
    while (status == EM_OK && more) {
        number++;
        status = em_db_next(from, row, &more, err);
        if (status == EM_OK)
            status = em_db_next(to, copy, &more_copy, err);
        if (status != EM_OK || (!more && !more_copy))
            break;
        if (more != more_copy || !same_row(to, copy, from, row, table))
            status = em_error_set(err, EM_ERR_VERIFY, "nothing was copied",
                                  "%s, row %llu: the copy differs", table->name, number);
    }
    /* Done is done twice without harm; a fault leaves one of them open. */
    em_db_done(from, row);
    em_db_done(to, copy);
    return status;
}

/* ---- All of it ---- */

/* What a station goes on to write would be missing in the copy. */
static enum em_status no_station(struct em_db *from, struct em_error *err)
{
    struct em_db_stmt *stmt;
    bool more = true;
    char name[EM_LEDGER_NAME];
    enum em_status status = em_db_query(
        from, &stmt, err,
        "SELECT station FROM events WHERE station <> '' GROUP BY station", "");
    while (status == EM_OK && more) {
        status = em_db_next(from, stmt, &more, err);
        if (status != EM_OK || !more)
            break;
        em_ledger_line(name, sizeof name, em_db_text(from, stmt, 0));
        if (!from->engine->station_alive(from, name))
            continue;
        em_db_done(from, stmt);
        return em_error_set(err, EM_ERR_REFUSED, "end it, and copy then",
                            "station '%s' is at work with this ledger", name);
    }
    return status;
}

static enum em_status is_sound(struct em_ledger *ledger, const char *hint,
                               struct em_error *err)
{
    unsigned long faults = 0;
    char shown[256];
    enum em_status status = em_ledger_check(ledger, &ledger->hooks, &faults, err);
    if (status != EM_OK || faults == 0)
        return status;
    em_ledger_url_show(shown, sizeof shown, ledger->url);
    return em_error_set(err, EM_ERR_INPUT, hint, "ledger '%s': %lu fault%s", shown,
                        faults, faults == 1 ? "" : "s");
}

static enum em_status copy_all(struct em_db *from, const char *to_url,
                               struct em_error *err)
{
    struct em_db *to;
    enum em_status status = em_db_open(&to, to_url, EM_DB_NEW, err);
    if (status != EM_OK)
        return status;
    status = to->engine->create(to, em_ledger_tables, EM_LEDGER_SCHEMA, err);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && status == EM_OK; i++)
        status = copy_table(to, from, &tables[i], err);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && status == EM_OK; i++)
        status = compare_table(to, from, &tables[i], err);
    if (status == EM_OK)
        status = to->engine->publish(to, err);
    em_db_close(to);
    return status;
}

enum em_status em_ledger_copy(const struct em_ledger_options *options, const char *to_url,
                              struct em_error *err)
{
    struct em_ledger *ledger = NULL;
    struct em_db *from = NULL;
    struct em_ledger_options reading = *options;
    reading.station = NULL;
    reading.read_only = true;
    enum em_status status = em_ledger_open(&ledger, &reading, err);
    if (status == EM_OK)
        status = is_sound(ledger, "'ledger check' tells them; nothing was copied", err);
    if (status == EM_OK)
        status = em_ledger_read(ledger, &from, err);
    if (status == EM_OK)
        status = no_station(from, err);
    if (status == EM_OK)
        status = copy_all(from, to_url, err);
    em_db_close(from);
    em_ledger_close(ledger);
    if (status != EM_OK)
        return status;
    reading.url = to_url;
    status = em_ledger_open(&ledger, &reading, err);
    if (status == EM_OK)
        status = is_sound(ledger, "do not use this copy", err);
    em_ledger_close(ledger);
    return status;
}
