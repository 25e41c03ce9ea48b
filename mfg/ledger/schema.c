/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's tables. What it promises is said here, so that the database refuses
 * whatever would break it; triggers beside the engine say that nothing goes back. */
#include "config.h"

#include "mfg/ledger/schema_int.h"

/* clang-format off */
const char em_ledger_tables[] =
    /* What the batch is: name, chip, job, units, created, version. */
    "CREATE TABLE meta ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " value TEXT NOT NULL);"

    "CREATE TABLE units ("
    " unit INTEGER NOT NULL PRIMARY KEY CHECK (unit >= 1),"
    " name TEXT NOT NULL UNIQUE,"
    /* The lowest free unit has to be found at once among a million. */
    " free INTEGER NOT NULL CHECK (free IN (0, 1)));"
    "CREATE INDEX units_free ON units (unit) WHERE free = 1;"

    /* A board and its unit, also after they were parted. */
    "CREATE TABLE claims ("
    " claim INTEGER NOT NULL PRIMARY KEY CHECK (claim >= 1),"
    " unit INTEGER NOT NULL REFERENCES units (unit),"
    " serial INTEGER NOT NULL CHECK (serial >= 1),"
    " mac TEXT NOT NULL CHECK (length(mac) = 17),"
    " state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 7),"
    " stopped INTEGER NOT NULL CHECK (stopped IN (0, 1)),"
    " failures INTEGER NOT NULL CHECK (failures >= 0),"
    " failure TEXT NOT NULL,"
    " changed TEXT NOT NULL,"
    " station TEXT NOT NULL,"
    " slot TEXT NOT NULL,"
    " UNIQUE (unit, serial));"
    /* A unit has one living board, a board one living unit; and a scrapped board (6) never
     * gets another. */
    "CREATE UNIQUE INDEX claims_unit ON claims (unit) WHERE state <= 5;"
    "CREATE UNIQUE INDEX claims_mac ON claims (mac) WHERE state <= 6;"

    /* For ever: a key is of one claim, a claim has one key. */
    "CREATE TABLE keys ("
    " fingerprint TEXT NOT NULL PRIMARY KEY CHECK (length(fingerprint) = 64),"
    " claim INTEGER NOT NULL UNIQUE REFERENCES claims (claim),"
    " destroyed INTEGER NOT NULL CHECK (destroyed IN (0, 1)));"

    /* Boards that are being worked on. */
    "CREATE TABLE holds ("
    " claim INTEGER NOT NULL PRIMARY KEY REFERENCES claims (claim),"
    " station TEXT NOT NULL,"
    " slot TEXT NOT NULL);"

    /* state: of the claim, after the event. */
    "CREATE TABLE events ("
    " number INTEGER NOT NULL PRIMARY KEY CHECK (number >= 1),"
    " time TEXT NOT NULL CHECK (length(time) = 24),"
    " station TEXT NOT NULL,"
    " slot TEXT NOT NULL,"
    " port TEXT NOT NULL,"
    " mac TEXT NOT NULL,"
    " unit INTEGER REFERENCES units (unit),"
    " claim INTEGER REFERENCES claims (claim),"
    " state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 7),"
    " failed INTEGER NOT NULL CHECK (failed IN (0, 1)),"
    " step TEXT NOT NULL,"
    " outcome TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " duration_us BIGINT NOT NULL,"
    " retries BIGINT NOT NULL,"
    " version TEXT NOT NULL);"
    "CREATE INDEX events_unit ON events (unit, number);"
    "CREATE INDEX events_failed ON events (number) WHERE failed = 1;";
/* clang-format on */
