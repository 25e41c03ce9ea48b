/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a journal: made, read again, and sent to the ledger exactly once. */
#include "config.h"

#include "mfg/ledger/journal_int.h"

#include "base/file_int.h"
#include "base/hex_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_BYTES = 64 << 20 };

/* ---- Lines ---- */

json_t *em_ledger_journal_line(struct em_ledger *ledger,
                               const struct em_ledger_record *record, uint64_t number)
{
    const struct em_ledger_event *event = record->event;
    const struct em_ledger_place none = {"", ""};
    const struct em_ledger_place *place = event->place == NULL ? &none : event->place;
    struct timespec ts = {0};
    char kept[EM_LEDGER_TIME];
    char mark[96];
    char mac[EM_LEDGER_MAC] = "";
    char texts[5][EM_LEDGER_TEXT];
    const char *const from[] = {place->slot, place->port, event->step, event->outcome,
                                event->detail};
    (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail: POSIX has this clock */
    em_ledger_time_text(kept, ledger->now_us != NULL
                                  ? ledger->now_us(ledger->now_user)
                                  : (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
    /* Tells people when it happened, and us whether it was sent already. */
    (void)snprintf(mark, sizeof mark, "[kept %s, %ld-%zu]", kept, (long)getpid(),
                   em_ledger_journal_count(ledger) + 1);
    if (event->mac != NULL)
        em_ledger_mac_text(mac, event->mac);
    for (size_t i = 0; i < 5; i++) /* UTF-8, or JSON would not take it */
        em_ledger_line(texts[i], sizeof texts[i], from[i]);
    return json_pack(
        "{s:s, s:s, s:I, s:i, s:b, s:I, s:s, s:s, s:s, s:s, s:s, s:s?, s:I,"
        " s:I, s:I, s:s}",
        "ledger", ledger->created, "mark", mark, "claim", (json_int_t)event->claim,
        "state", (int)record->state, "fail", (int)record->fail, "limit",
        (json_int_t)record->limit, "mac", mac, "slot", texts[0], "port", texts[1], "step",
        texts[2], "detail", texts[4], "outcome", event->outcome == NULL ? NULL : texts[3],
        "duration_us", (json_int_t)event->duration_us, "retries",
        (json_int_t)event->retries, "number", (json_int_t)number, "time", ledger->time);
}

bool em_ledger_journal_add(struct em_ledger_journal *journal, json_t *line)
{
    json_t **lines = realloc(journal->lines, (journal->count + 1) * sizeof(json_t *));
    if (lines == NULL)
        return false;
    journal->lines = lines;
    lines[journal->count++] = json_incref(line);
    return true;
}

void em_ledger_journal_forget(struct em_ledger_journal *journal)
{
    for (size_t i = 0; i < journal->count; i++)
        json_decref(journal->lines[i]);
    free(journal->lines);
    journal->lines = NULL;
    journal->count = 0;
}

static bool is_line(const json_t *line)
{
    static const char *const texts[] = {"ledger", "mark", "mac",    "slot",
                                        "port",   "step", "detail", "time"};
    static const char *const numbers[] = {"claim",       "state",   "limit",
                                          "duration_us", "retries", "number"};
    bool good = json_is_object(line) && json_is_boolean(json_object_get(line, "fail"));
    for (size_t i = 0; good && i < sizeof texts / sizeof texts[0]; i++)
        good = json_is_string(json_object_get(line, texts[i]));
    for (size_t i = 0; good && i < sizeof numbers / sizeof numbers[0]; i++)
        good = json_is_integer(json_object_get(line, numbers[i]));
    return good;
}

static enum em_status load_line(struct em_ledger_journal *journal,
                                const struct em_ledger *ledger, const char *text,
                                size_t len, unsigned long number, struct em_error *err)
{
    json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    enum em_status status = EM_OK;
    if (!is_line(line))
        status = em_error_set(err, EM_ERR_INPUT,
                              "keep a copy, and remove that line: 'ledger show' and the "
                              "board tell how far it is",
                              "journal: not what a station wrote");
    else if (strcmp(json_string_value(json_object_get(line, "ledger")),
                    ledger->created) != 0)
        status = em_error_set(err, EM_ERR_INPUT,
                              "run this station with that ledger first, or move the "
                              "journal away",
                              "journal: of another ledger of this name, begun %s",
                              json_string_value(json_object_get(line, "ledger")));
    else if (!em_ledger_journal_add(journal, line))
        status = em_error_nomem(err);
    if (status != EM_OK)
        em_error_at(err, journal->path, number);
    json_decref(line);
    return status;
}

enum em_status em_ledger_journal_load(struct em_ledger_journal *journal,
                                      const struct em_ledger *ledger,
                                      struct em_error *err)
{
    struct em_buf buf = {0};
    unsigned long number = 0;
    size_t at = 0;
    enum em_status status = em_file_read(&buf, journal->path, MOST_BYTES, err);
    while (status == EM_OK && at < buf.len) {
        const char *text = (const char *)buf.data + at;
        const char *end = memchr(text, '\n', buf.len - at);
        if (end == NULL)
            break; /* killed while it was written: nobody was told that it is kept */
        status = load_line(journal, ledger, text, (size_t)(end - text), ++number, err);
        at += (size_t)(end - text) + 1;
    }
    if (status == EM_OK && at < buf.len && ftruncate(journal->fd, (off_t)at) != 0)
        status = em_error_set(err, EM_ERR_IO, NULL, "cannot write journal '%s'",
                              journal->path);
    em_buf_free(&buf);
    return status;
}

/* ---- Sent ---- */

static uint64_t number_of(const json_t *line, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(line, name));
}

static const char *text_of(const json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

/* What it will tell; the mark is never cut. */
static void detail_of(char out[EM_LEDGER_TEXT], const json_t *line, const char *refused)
{
    char text[2 * EM_LEDGER_TEXT];
    char cut[EM_LEDGER_TEXT - 100];
    (void)snprintf(text, sizeof text, "%s%s%s", refused, refused[0] == '\0' ? "" : "; ",
                   text_of(line, "detail")); /* cut if too long */
    em_ledger_line(cut, sizeof cut, text);
    (void)snprintf(out, EM_LEDGER_TEXT, "%s%s%s", cut, cut[0] == '\0' ? "" : " ",
                   text_of(line, "mark")); /* fits */
}

/* Is it there: sent by a process that was killed then, or committed when the connection
 * was lost? */
static enum em_status is_there(struct em_ledger *ledger, const json_t *line, bool *there,
                               struct em_error *err)
{
    uint64_t count = 0;
    const char *mark = text_of(line, "mark");
    enum em_status status = em_db_number(
        ledger->db, &count, err,
        "SELECT count(*) FROM events WHERE station = $1 AND coalesce(claim, 0) = $2"
        " AND step = $3 AND ((number = $4 AND time = $5) OR"
        " substr(detail, length(detail) - length($6) + 1) = $6)",
        "tututt", ledger->station, number_of(line, "claim"), text_of(line, "step"),
        number_of(line, "number"), text_of(line, "time"), mark);
    *there = count > 0;
    return status;
}

static enum em_status send(struct em_ledger *ledger, const json_t *line,
                           struct em_error *err)
{
    struct em_buf mac = {0};
    char digits[13] = "";
    char detail[EM_LEDGER_TEXT];
    const struct em_ledger_place place = {text_of(line, "slot"), text_of(line, "port")};
    struct em_ledger_event event = {.claim = number_of(line, "claim"),
                                    .place = &place,
                                    .step = text_of(line, "step"),
                                    .outcome = text_of(line, "outcome"),
                                    .detail = detail,
                                    .duration_us =
                                        (int64_t)number_of(line, "duration_us"),
                                    .retries = (uint32_t)number_of(line, "retries")};
    struct em_ledger_record record = {.event = &event,
                                      .state =
                                          (enum em_ledger_state)number_of(line, "state"),
                                      .fail = json_is_true(json_object_get(line, "fail")),
                                      .limit = (uint32_t)number_of(line, "limit")};
    struct em_error why;
    enum em_status result = EM_OK;
    size_t len = 0;
    for (const char *c = text_of(line, "mac"); *c != '\0' && len < 12; c++) {
        if (*c != ':')
            digits[len++] = *c;
    }
    if (em_hex_decode(&mac, (const uint8_t *)digits, len, NULL) == EM_OK && mac.len == 6)
        event.mac = mac.data;
    detail_of(detail, line, "");
    enum em_status status =
        em_ledger_apart(ledger, em_ledger_record_run, &record, &result, &why, err);
    /* It has happened, whatever happened to the board meanwhile: at least told. */
    if (status == EM_OK && result != EM_OK) {
        detail_of(detail, line, why.what);
        record = (struct em_ledger_record){.event = &event};
        status =
            em_ledger_apart(ledger, em_ledger_record_run, &record, &result, &why, err);
    }
    if (status == EM_OK && result != EM_OK) {
        if (err != NULL)
            *err = why;
        status = result;
    }
    em_buf_free(&mac);
    return status;
}

enum em_status em_ledger_journal_send(struct em_ledger *ledger, struct em_error *err)
{
    struct em_ledger_journal *journal = ledger->journal;
    struct em_db *db = ledger->db;
    bool noting = false;
    if (journal == NULL || journal->count == 0)
        return EM_OK;
    enum em_status status = db->engine->begin(db, err);
    if (status == EM_OK)
        status = em_ledger_begin(ledger, &noting, err);
    for (size_t i = 0; i < journal->count && status == EM_OK; i++) {
        bool there = false;
        status = is_there(ledger, journal->lines[i], &there, err);
        if (status == EM_OK && !there)
            status = send(ledger, journal->lines[i], err);
    }
    if (status == EM_OK)
        status = db->engine->commit(db, err);
    if (status != EM_OK) {
        db->engine->rollback(db);
        return status;
    }
    ledger->clock_noted = ledger->clock_noted || noting;
    return em_ledger_journal_empty(journal, err);
}
