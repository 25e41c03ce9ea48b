/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a ledger: units, events and numbers, while others write. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include "base/hex_int.h"
#include "base/text_int.h"

#include <inttypes.h>
#include <string.h>

/* ---- Units ---- */

/* A unit with its living claim; or, of a claim, with that one, alive or not. */
#define UNIT_COLUMNS                                                                     \
    "SELECT u.unit, u.name, c.claim, c.serial, c.mac, c.state, c.stopped, c.failures,"   \
    " c.failure, c.changed, c.station, c.slot, k.fingerprint, k.destroyed"
#define UNIT_BY_UNIT                                                                     \
    UNIT_COLUMNS " FROM units u LEFT JOIN claims c ON c.unit = u.unit AND c.state <= 5"  \
                 " LEFT JOIN keys k ON k.claim = c.claim"
#define UNIT_BY_CLAIM                                                                    \
    UNIT_COLUMNS " FROM claims c JOIN units u ON u.unit = c.unit"                        \
                 " LEFT JOIN keys k ON k.claim = c.claim"

static void mac_bytes(struct em_ledger_unit *out, const char *text)
{
    struct em_buf buf = {0};
    char digits[13] = "";
    size_t len = 0;
    for (const char *c = text; *c != '\0' && len < 12; c++) {
        if (*c != ':')
            digits[len++] = *c;
    }
    out->has_mac = em_hex_decode(&buf, (const uint8_t *)digits, len, NULL) == EM_OK &&
                   buf.len == sizeof out->mac;
    if (out->has_mac)
        memcpy(out->mac, buf.data, sizeof out->mac);
    em_buf_free(&buf);
}

static void take_unit(struct em_db *db, struct em_db_stmt *stmt,
                      struct em_ledger_unit *out)
{
    *out = (struct em_ledger_unit){.unit = em_db_int(db, stmt, 0)};
    em_ledger_line(out->name, sizeof out->name, em_db_text(db, stmt, 1));
    out->claim = em_db_int(db, stmt, 2);
    out->serial = em_db_int(db, stmt, 3);
    mac_bytes(out, em_db_text(db, stmt, 4));
    uint64_t state = em_db_int(db, stmt, 5);
    out->state =
        state <= EM_LEDGER_SCRAPPED ? (enum em_ledger_state)state : EM_LEDGER_FREE;
    out->stopped = em_db_int(db, stmt, 6) != 0;
    out->failures = (uint32_t)em_db_int(db, stmt, 7);
    em_ledger_line(out->failure, sizeof out->failure, em_db_text(db, stmt, 8));
    em_ledger_line(out->changed, sizeof out->changed, em_db_text(db, stmt, 9));
    em_ledger_line(out->station, sizeof out->station, em_db_text(db, stmt, 10));
    em_ledger_line(out->slot, sizeof out->slot, em_db_text(db, stmt, 11));
    em_ledger_line(out->key, sizeof out->key, em_db_text(db, stmt, 12));
    out->key_destroyed = em_db_int(db, stmt, 13) != 0;
}

static enum em_status one_unit(struct em_db *db, struct em_ledger_unit *out,
                               struct em_db_stmt *stmt, struct em_error *err)
{
    bool row;
    *out = (struct em_ledger_unit){.unit = 0};
    enum em_status status = em_db_next(db, stmt, &row, err);
    if (status == EM_OK && row) {
        take_unit(db, stmt, out);
        em_db_done(db, stmt);
    }
    return status;
}

enum em_status em_ledger_unit_by_number(struct em_db *db, struct em_ledger_unit *out,
                                        uint64_t unit, struct em_error *err)
{
    struct em_db_stmt *stmt;
    enum em_status status =
        em_db_query(db, &stmt, err, UNIT_BY_UNIT " WHERE u.unit = $1", "u", unit);
    return status == EM_OK ? one_unit(db, out, stmt, err) : status;
}

enum em_status em_ledger_unit_by_claim(struct em_db *db, struct em_ledger_unit *out,
                                       uint64_t claim, struct em_error *err)
{
    struct em_db_stmt *stmt;
    enum em_status status =
        em_db_query(db, &stmt, err, UNIT_BY_CLAIM " WHERE c.claim = $1", "u", claim);
    return status == EM_OK ? one_unit(db, out, stmt, err) : status;
}

enum em_status em_ledger_units(struct em_ledger *ledger,
                               bool (*each)(void *user,
                                            const struct em_ledger_unit *unit),
                               void *user, struct em_error *err)
{
    struct em_db *db;
    struct em_db_stmt *stmt = NULL;
    struct em_ledger_unit unit;
    bool row = true;
    enum em_status status = em_ledger_read(ledger, &db, err);
    if (status != EM_OK)
        return status;
    status = em_db_query(db, &stmt, err, UNIT_BY_UNIT " ORDER BY u.unit", "");
    while (status == EM_OK && row) {
        status = em_db_next(db, stmt, &row, err);
        if (status != EM_OK || !row)
            break;
        take_unit(db, stmt, &unit);
        row = each(user, &unit);
        if (!row)
            em_db_done(db, stmt);
    }
    em_db_close(db);
    return status;
}

/* ---- Find ---- */

/* "aa:bb:cc:dd:ee:ff", with '-' or nothing between, in any case. */
static bool parse_mac(char out[EM_LEDGER_MAC], const char *text)
{
    struct em_buf buf = {0};
    char digits[13] = "";
    size_t count = 0;
    size_t len = strlen(text);
    bool good = len == 12 || len == 17;
    for (size_t i = 0; i < len && good; i++) {
        if (len == 17 && i % 3 == 2)
            good = text[i] == text[2] && (text[i] == ':' || text[i] == '-');
        else
            digits[count++] = text[i];
    }
    good = good && em_hex_decode(&buf, (const uint8_t *)digits, count, NULL) == EM_OK &&
           buf.len == 6;
    if (good)
        em_ledger_mac_text(out, buf.data);
    em_buf_free(&buf);
    return good;
}

static bool parse_number(uint64_t *out, const char *text)
{
    uint64_t number = 0;
    size_t len = strlen(text);
    *out = 0;
    if (len == 0 || len > 10 || strspn(text, "0123456789") != len)
        return false;
    for (size_t i = 0; i < len; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    *out = number;
    return true;
}

/* The unit that @p text names, 0: none; or the claim of a board. */
static enum em_status resolve(struct em_db *db, const char *text, uint64_t *unit,
                              uint64_t *claim, struct em_error *err)
{
    char mac[EM_LEDGER_MAC];
    uint64_t number = 0;
    enum em_status status =
        em_db_number(db, unit, err, "SELECT unit FROM units WHERE name = $1", "t", text);
    if (status != EM_OK)
        return status;
    if (parse_number(&number, text[0] == '#' ? text + 1 : text)) {
        status = em_db_number(db, &number, err, "SELECT unit FROM units WHERE unit = $1",
                              "u", number);
        if (status == EM_OK && *unit != 0 && number != 0 && number != *unit)
            return em_error_set(
                err, EM_ERR_USAGE, "write #NUMBER for the number, or its own name",
                "'%s' is the name of unit %" PRIu64 " and the number of another", text,
                *unit);
        if (*unit == 0)
            *unit = number;
    }
    /* Living or scrapped first (there is one at most), then the last it was taken from.
     */
    if (status == EM_OK && *unit == 0 && parse_mac(mac, text))
        status = em_db_number(db, claim, err,
                              "SELECT claim FROM claims WHERE mac = $1 ORDER BY"
                              " CASE WHEN state <= 6 THEN 0 ELSE 1 END, claim DESC"
                              " LIMIT 1",
                              "t", mac);
    return status;
}

enum em_status em_ledger_find(struct em_ledger *ledger, const char *text,
                              struct em_ledger_unit *out, struct em_error *err)
{
    struct em_db *db;
    uint64_t unit = 0;
    uint64_t claim = 0;
    *out = (struct em_ledger_unit){.unit = 0};
    enum em_status status = em_ledger_read(ledger, &db, err);
    if (status != EM_OK)
        return status;
    status = resolve(db, text, &unit, &claim, err);
    if (status == EM_OK && unit != 0)
        status = em_ledger_unit_by_number(db, out, unit, err);
    else if (status == EM_OK && claim != 0)
        status = em_ledger_unit_by_claim(db, out, claim, err);
    else if (status == EM_OK)
        status = em_error_set(err, EM_ERR_USAGE,
                              "name a unit by its name or number, or a board by its MAC",
                              "'%s' is no unit and no board of this ledger", text);
    em_db_close(db);
    return status;
}

/* ---- Numbers ---- */

static enum em_status count_states(struct em_db *db, struct em_ledger_counts *out,
                                   struct em_error *err)
{
    struct em_db_stmt *stmt = NULL;
    bool row = true;
    enum em_status status = em_db_query(
        db, &stmt, err, "SELECT state, count(*), sum(stopped) FROM claims GROUP BY state",
        "");
    while (status == EM_OK && row) {
        status = em_db_next(db, stmt, &row, err);
        if (status != EM_OK || !row)
            break;
        uint64_t state = em_db_int(db, stmt, 0);
        if (state <= EM_LEDGER_SCRAPPED)
            out->by_state[state] = em_db_int(db, stmt, 1);
        if (state <= EM_LEDGER_DONE)
            out->stopped += em_db_int(db, stmt, 2);
    }
    return status;
}

static enum em_status time_of(struct em_db *db, char out[EM_LEDGER_TIME], uint64_t number,
                              struct em_error *err)
{
    struct em_db_stmt *stmt = NULL;
    bool row = false;
    enum em_status status = em_db_query(
        db, &stmt, err, "SELECT time FROM events WHERE number = $1", "u", number);
    if (status == EM_OK)
        status = em_db_next(db, stmt, &row, err);
    if (status == EM_OK && row) {
        em_ledger_line(out, EM_LEDGER_TIME, em_db_text(db, stmt, 0));
        em_db_done(db, stmt);
    }
    return status;
}

enum em_status em_ledger_counts(struct em_ledger *ledger, struct em_ledger_counts *out,
                                struct em_error *err)
{
    struct em_db *db;
    *out = (struct em_ledger_counts){.units = ledger->units};
    enum em_status status = em_ledger_read(ledger, &db, err);
    if (status != EM_OK)
        return status;
    status = count_states(db, out, err);
    if (status == EM_OK)
        status = em_db_number(db, &out->by_state[EM_LEDGER_FREE], err,
                              "SELECT count(*) FROM units WHERE free = 1", "");
    if (status == EM_OK)
        status = em_db_number(db, &out->failures, err,
                              "SELECT count(*) FROM events WHERE failed = 1", "");
    if (status == EM_OK)
        status = em_db_number(db, &out->events, err,
                              "SELECT coalesce(max(number), 0) FROM events", "");
    if (status == EM_OK)
        status = time_of(db, out->first, 1, err);
    if (status == EM_OK)
        status = time_of(db, out->last, out->events, err);
    em_db_close(db);
    return status;
}

/* ---- Events ---- */

#define EVENT_COLUMNS                                                                    \
    "SELECT e.number, e.time, e.station, e.slot, e.port, e.mac, u.name, e.step,"         \
    " e.outcome, e.detail, e.version, e.unit, e.claim, e.state, e.failed,"               \
    " e.duration_us, e.retries FROM events e LEFT JOIN units u ON u.unit = e.unit"

static void take_event(struct em_db *db, struct em_db_stmt *stmt,
                       struct em_ledger_entry *out)
{
    uint64_t state = em_db_int(db, stmt, 13);
    *out = (struct em_ledger_entry){
        .number = em_db_int(db, stmt, 0),
        .time = em_db_text(db, stmt, 1),
        .station = em_db_text(db, stmt, 2),
        .slot = em_db_text(db, stmt, 3),
        .port = em_db_text(db, stmt, 4),
        .mac = em_db_text(db, stmt, 5),
        .unit_name = em_db_text(db, stmt, 6),
        .step = em_db_text(db, stmt, 7),
        .outcome = em_db_text(db, stmt, 8),
        .detail = em_db_text(db, stmt, 9),
        .version = em_db_text(db, stmt, 10),
        .unit = em_db_int(db, stmt, 11),
        .claim = em_db_int(db, stmt, 12),
        .state =
            state <= EM_LEDGER_SCRAPPED ? (enum em_ledger_state)state : EM_LEDGER_FREE,
        .failed = em_db_int(db, stmt, 14) != 0,
        .duration_us = (int64_t)em_db_int(db, stmt, 15),
        .retries = (uint32_t)em_db_int(db, stmt, 16),
    };
}

enum em_status em_ledger_events(struct em_ledger *ledger, uint64_t unit,
                                bool (*each)(void *user,
                                             const struct em_ledger_entry *entry),
                                void *user, struct em_error *err)
{
    struct em_db *db;
    struct em_db_stmt *stmt = NULL;
    struct em_ledger_entry entry;
    bool row = true;
    enum em_status status = em_ledger_read(ledger, &db, err);
    if (status != EM_OK)
        return status;
    if (unit == 0)
        status = em_db_query(db, &stmt, err, EVENT_COLUMNS " ORDER BY e.number", "");
    else
        status =
            em_db_query(db, &stmt, err,
                        EVENT_COLUMNS " WHERE e.unit = $1 ORDER BY e.number", "u", unit);
    while (status == EM_OK && row) {
        status = em_db_next(db, stmt, &row, err);
        if (status != EM_OK || !row)
            break;
        take_event(db, stmt, &entry);
        row = each(user, &entry);
        if (!row)
            em_db_done(db, stmt);
    }
    em_db_close(db);
    return status;
}
