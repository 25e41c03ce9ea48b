/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger is begun, opened and closed. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"
#include "mfg/ledger/url_int.h"

#include "base/text_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- Begun ---- */

static enum em_status put_meta(struct em_db *db, const char *name, const char *value,
                               struct em_error *err)
{
    return em_db_run(db, err, "INSERT INTO meta (name, value) VALUES ($1, $2)", "tt",
                     name, value == NULL ? "" : value);
}

static enum em_status put_batch(struct em_db *db, const struct em_ledger_options *options,
                                const struct em_ledger_batch *batch, struct em_error *err)
{
    char units[24];
    char created[EM_LEDGER_TIME];
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail: POSIX has this clock */
    em_ledger_time_text(created, options->now_us != NULL
                                     ? options->now_us(options->now_user)
                                     : (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
    (void)snprintf(units, sizeof units, "%" PRIu64, batch->units);
    const char *const meta[][2] = {
        {"name", batch->name}, {"chip", batch->chip}, {"job", batch->job},
        {"units", units},      {"created", created},  {"version", options->version},
    };
    enum em_status status = EM_OK;
    for (size_t i = 0; i < sizeof meta / sizeof meta[0] && status == EM_OK; i++)
        status = put_meta(db, meta[i][0], meta[i][1], err);
    return status;
}

static enum em_status put_unit(struct em_db *db, uint64_t unit, const char *name,
                               struct em_error *err)
{
    char clean[EM_LEDGER_NAME];
    em_ledger_line(clean, sizeof clean, name);
    if (name == NULL || name[0] == '\0' || strcmp(clean, name) != 0)
        return em_error_set(err, EM_ERR_INPUT, NULL,
                            "unit %" PRIu64 ": its name has to be one line of 1 to %d "
                            "bytes",
                            unit, EM_LEDGER_NAME - 1);
    enum em_status status =
        em_db_run(db, err, "INSERT INTO units (unit, name, free) VALUES ($1, $2, 1)",
                  "ut", unit, name);
    if (status == EM_ERR_REFUSED)
        status =
            em_error_set(err, EM_ERR_INPUT, "names have to be different",
                         "unit %" PRIu64 ": another one has its name '%s'", unit, name);
    return status;
}

enum em_status em_ledger_init(const struct em_ledger_options *options,
                              const struct em_ledger_batch *batch, struct em_error *err)
{
    struct em_db *db;
    if (batch->units == 0 || batch->units > INT32_MAX)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "a batch of %" PRIu64 " units: from 1 to %d", batch->units,
                            INT32_MAX);
    enum em_status status = em_db_open(&db, options->url, EM_DB_NEW, err);
    if (status != EM_OK)
        return status;
    status = db->engine->create(db, em_ledger_tables, EM_LEDGER_SCHEMA, err);
    if (status == EM_OK)
        status = put_batch(db, options, batch, err);
    for (uint64_t unit = 1; unit <= batch->units && status == EM_OK; unit++)
        status = put_unit(db, unit, batch->unit_name(batch->user, unit), err);
    if (status == EM_OK)
        status = db->engine->publish(db, err);
    em_db_close(db);
    return status;
}

/* ---- Opened ---- */

static enum em_status get_meta(struct em_db *db, char **out, const char *name,
                               struct em_error *err)
{
    struct em_db_stmt *stmt;
    bool row = false;
    free(*out);
    *out = NULL;
    enum em_status status =
        em_db_query(db, &stmt, err, "SELECT value FROM meta WHERE name = $1", "t", name);
    if (status == EM_OK)
        status = em_db_next(db, stmt, &row, err);
    if (status == EM_OK && !row)
        return em_error_set(err, EM_ERR_INPUT,
                            "stop using it, keep a copy, and go back to a backup",
                            "the ledger is damaged: '%s' of the batch is missing", name);
    if (status == EM_OK) {
        *out = strdup(em_db_text(db, stmt, 0));
        em_db_done(db, stmt);
        if (*out == NULL)
            status = em_error_nomem(err);
    }
    return status;
}

static enum em_status check_schema(struct em_ledger *ledger, struct em_error *err)
{
    int64_t version = 0;
    bool ours = false;
    char shown[256];
    em_ledger_url_show(shown, sizeof shown, ledger->url);
    enum em_status status = ledger->db->engine->schema(ledger->db, &version, &ours, err);
    if (status == EM_OK && !ours)
        return em_error_set(err, EM_ERR_INPUT,
                            "name the file that 'mfg_flash ledger init' made",
                            "'%s' is no ledger", shown);
    if (status != EM_OK || version == EM_LEDGER_SCHEMA)
        return status;
    char *made_by = NULL;
    char hint[160];
    (void)get_meta(ledger->db, &made_by, "version", NULL); /* then nobody is named */
    const char *maker = made_by == NULL ? "?" : made_by;
    /* A batch is finished by programs of one schema: nothing is rewritten behind the
     * backs of stations that are at work with it. */
    if (version > EM_LEDGER_SCHEMA)
        (void)snprintf(hint, sizeof hint,
                       "migrate this station: install espmfg %.40s or newer; ledgers are "
                       "not taken back to an earlier schema",
                       maker);
    else
        (void)snprintf(hint, sizeof hint,
                       "finish this batch with espmfg %.40s, and begin the next one with "
                       "this program",
                       maker);
    status = em_error_set(err, EM_ERR_INPUT, hint,
                          "ledger '%s' has schema %" PRId64 " and was made by espmfg %s; "
                          "this program knows schema %d",
                          shown, version, maker, EM_LEDGER_SCHEMA);
    free(made_by);
    return status;
}

static enum em_status read_batch(struct em_ledger *ledger, struct em_error *err)
{
    char *units = NULL;
    struct em_integer number = {.magnitude = 0};
    const struct {
        char **to;
        const char *name;
    } texts[] = {
        {&ledger->name, "name"},       {&ledger->chip, "chip"},
        {&ledger->job, "job"},         {&ledger->created, "created"},
        {&ledger->made_by, "version"}, {&units, "units"},
    };
    enum em_status status = EM_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && status == EM_OK; i++)
        status = get_meta(ledger->db, texts[i].to, texts[i].name, err);
    if (status == EM_OK)
        status = em_text_decimal(&number, em_span_of(units), err);
    ledger->units = number.magnitude;
    free(units);
    return status;
}

enum em_status em_ledger_station(struct em_ledger *ledger, struct em_error *err)
{
    struct em_db *db = ledger->db;
    enum em_status status = db->engine->begin(db, err);
    if (status == EM_OK)
        status = db->engine->station(db, &ledger->lock, ledger->station, err);
    if (status == EM_OK)
        status = db->engine->commit(db, err);
    if (status != EM_OK)
        db->engine->rollback(db);
    return status;
}

/* What an earlier process held is free; what it could not send is sent before. */
static enum em_status take_over(struct em_ledger *ledger, struct em_error *err)
{
    struct em_db *db = ledger->db;
    enum em_status status = EM_OK;
    if (db->engine->reconnect != NULL) {
        status = em_ledger_journal_find(ledger, err);
        if (status == EM_OK)
            status = em_ledger_journal_send(ledger, err);
    }
    if (status == EM_OK)
        status = db->engine->begin(db, err);
    if (status == EM_OK)
        status = em_db_run(db, err, "DELETE FROM holds WHERE station = $1", "t",
                           ledger->station);
    if (status == EM_OK)
        status = db->engine->commit(db, err);
    if (status != EM_OK)
        db->engine->rollback(db);
    return status;
}

/* Become the station. A server may take a moment to see that our last process is gone. */
static enum em_status be_station(struct em_ledger *ledger, struct em_error *err)
{
    enum { TRIES = 100, PAUSE_MS = 20 };
    struct em_db *db = ledger->db;
    int tries = db->engine->reconnect == NULL ? 1 : TRIES;
    enum em_status status = db->engine->sound(db, err);
    if (status != EM_OK)
        return status;
    status = em_ledger_station(ledger, err);
    for (int i = 1; i < tries && status == EM_ERR_EXISTS; i++) {
        em_ledger_pause(PAUSE_MS);
        status = em_ledger_station(ledger, err);
    }
    return status == EM_OK ? take_over(ledger, err) : status;
}

static enum em_status copy_options(struct em_ledger *ledger,
                                   const struct em_ledger_options *options,
                                   struct em_error *err)
{
    char station[EM_LEDGER_NAME];
    ledger->hooks = options->hooks;
    ledger->now_us = options->now_us;
    ledger->now_user = options->now_user;
    ledger->url = strdup(options->url);
    ledger->version = strdup(options->version == NULL ? "" : options->version);
    ledger->journal_folder = strdup(options->journal == NULL ? "." : options->journal);
    if (ledger->url == NULL || ledger->version == NULL || ledger->journal_folder == NULL)
        return em_error_nomem(err);
    if (options->station == NULL)
        return EM_OK;
    em_ledger_line(station, sizeof station, options->station);
    if (station[0] == '\0' || strcmp(station, options->station) != 0)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "station '%s': its name has to be one line of 1 to %d bytes",
                            station, EM_LEDGER_NAME - 1);
    if (options->read_only)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "station '%s' cannot work with a ledger that is only read",
                            station);
    ledger->station = strdup(station);
    return ledger->station == NULL ? em_error_nomem(err) : EM_OK;
}

enum em_status em_ledger_open(struct em_ledger **out,
                              const struct em_ledger_options *options,
                              struct em_error *err)
{
    struct em_ledger *ledger = calloc(1, sizeof *ledger);
    *out = NULL;
    if (ledger == NULL)
        return em_error_nomem(err);
    ledger->last = &ledger->first;
    if (pthread_mutex_init(&ledger->mutex, NULL) != 0) {
        free(ledger);
        return em_error_nomem(err);
    }
    if (pthread_cond_init(&ledger->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&ledger->mutex); /* nobody has it */
        free(ledger);
        return em_error_nomem(err);
    }
    enum em_status status = copy_options(ledger, options, err);
    if (status == EM_OK)
        status = em_db_open(&ledger->db, ledger->url,
                            options->read_only ? EM_DB_READ : EM_DB_WRITE, err);
    if (status == EM_OK)
        status = check_schema(ledger, err);
    if (status == EM_OK)
        status = read_batch(ledger, err);
    if (status == EM_OK && ledger->station != NULL)
        status = be_station(ledger, err);
    if (status != EM_OK) {
        em_ledger_close(ledger);
        return status;
    }
    *out = ledger;
    return EM_OK;
}

enum em_status em_ledger_is_there(const char *url, bool *out, struct em_error *err)
{
    struct stat st;
    struct em_db *db;
    int64_t version;
    bool ours;
    *out = stat(url, &st) == 0;
    if (!em_ledger_is_url(url))
        return EM_OK;
    enum em_status status = em_db_open(&db, url, EM_DB_READ, err);
    if (status != EM_OK)
        return status;
    status = db->engine->schema(db, &version, &ours, err);
    *out = status == EM_OK;
    if (status == EM_ERR_IO && db->fault == EM_DB_GONE)
        status = EM_OK;
    em_db_close(db);
    return status;
}

void em_ledger_close(struct em_ledger *ledger)
{
    if (ledger == NULL)
        return;
    if (ledger->lock != NULL)
        ledger->db->engine->station_free(ledger->lock);
    em_db_close(ledger->db);
    (void)pthread_cond_destroy(&ledger->changed); /* nobody waits any more */
    (void)pthread_mutex_destroy(&ledger->mutex);
    free(ledger->url);
    em_ledger_journal_close(ledger->journal);
    free(ledger->journal_folder);
    free(ledger->station);
    free(ledger->version);
    free(ledger->name);
    free(ledger->chip);
    free(ledger->job);
    free(ledger->created);
    free(ledger->made_by);
    free(ledger);
}

static enum em_status open_reader(struct em_ledger *ledger, struct em_db **out,
                                  struct em_error *err)
{
    enum em_status status = em_db_open(out, ledger->url, EM_DB_READ, err);
    if (status == EM_OK)
        status = (*out)->engine->begin(*out, err);
    if (status != EM_OK) {
        em_db_close(*out);
        *out = NULL;
    }
    return status;
}

enum em_status em_ledger_read(struct em_ledger *ledger, struct em_db **out,
                              struct em_error *err)
{
    enum { PAUSE_MS = 500 };
    pthread_mutex_lock(&ledger->mutex);
    unsigned left_ms = ledger->away ? 0 : ledger->db->wait_ms;
    pthread_mutex_unlock(&ledger->mutex);
    enum em_status status = open_reader(ledger, out, err);
    /* A server that is away for a moment is waited for, as when something is recorded. */
    while (status == EM_ERR_IO && left_ms >= PAUSE_MS) {
        em_ledger_pause(PAUSE_MS);
        left_ms -= PAUSE_MS;
        status = open_reader(ledger, out, err);
    }
    return status;
}

void em_ledger_batch(struct em_ledger *ledger, struct em_ledger_batch *out)
{
    *out = (struct em_ledger_batch){
        .name = ledger->name,
        .chip = ledger->chip,
        .job = ledger->job,
        .units = ledger->units,
        .created = ledger->created,
        .version = ledger->made_by,
    };
}
