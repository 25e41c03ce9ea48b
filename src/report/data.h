/* SPDX-License-Identifier: Apache-2.0 */
/* What a report tells of a batch: summed up from a ledger in one pass. */
#ifndef SRC_REPORT_DATA_H
#define SRC_REPORT_DATA_H

#include <espmfg/ledger.h>

#include "src/report/spread.h"

enum {
    REPORT_SPANS = 192, /* bars of the time axis at most; even */
    REPORT_STEPS = 12,
    REPORT_CAUSES = 64,
    REPORT_SLOTS = 64,
    REPORT_VERSIONS = 8,
    REPORT_FAULTS = 20, /* of the check, that are told */
    REPORT_TROUBLES = 200,
    REPORT_NAME = 64,
    REPORT_CAUSE = 160,
};

/** What happened in a stretch of time. */
struct report_span {
    uint32_t done, failed;
};

/** How long a step took, and how often it failed. */
struct report_step {
    char name[REPORT_NAME];
    uint64_t ok, failed, retries;
    struct report_spread time;
};

struct report_cause {
    char step[REPORT_NAME], text[REPORT_CAUSE];
    uint64_t count;
    char last[EM_LEDGER_TIME];
};

/** A slot of a station. */
struct report_slot {
    char station[REPORT_NAME], slot[REPORT_NAME];
    uint64_t done, failed, retries;
    int64_t began_ms;      /* the claim of the board that is there now; -1: none */
    uint64_t claim;        /* … and which */
    uint32_t retries_seen; /* of that board, so far */
    struct report_spread time;
};

struct report_version {
    char version[REPORT_NAME];
    uint64_t events;
    char first[EM_LEDGER_TIME], last[EM_LEDGER_TIME];
};

/** A unit that did not get done. */
struct report_trouble {
    uint64_t unit;
    char name[REPORT_NAME], mac[18], failure[REPORT_CAUSE], place[REPORT_NAME * 2];
    char changed[EM_LEDGER_TIME];
    enum em_ledger_state state;
    uint32_t failures;
    bool stopped;
};

/** Two bits a claim: it has failed, it is done. The only thing that grows. */
struct report_claims {
    uint8_t *bits;
    uint64_t size; /* claims there is room for */
};

/** Begin with report_data_new(). */
struct report_data {
    char since[EM_LEDGER_TIME]; /* "": all */
    struct em_ledger_batch batch;
    struct em_ledger_counts counts;

    uint64_t events, done, first_pass, failed, retries, scrapped, stopped, again;
    char first[EM_LEDGER_TIME], last[EM_LEDGER_TIME];
    int64_t first_ms, last_ms;

    int64_t span_ms, span_start_ms; /* length of a bar, beginning of the first */
    size_t span_count;
    struct report_span spans[REPORT_SPANS];

    size_t step_count, cause_count, slot_count, version_count;
    struct report_step steps[REPORT_STEPS];
    struct report_cause causes[REPORT_CAUSES];
    struct report_slot slots[REPORT_SLOTS];
    struct report_version versions[REPORT_VERSIONS];
    struct report_spread board; /* from claim to done, of boards that passed at once */

    uint64_t keys, destroyed;
    size_t trouble_count;
    uint64_t troubles; /* more than are kept */
    struct report_trouble trouble[REPORT_TROUBLES];

    unsigned long faults;
    size_t fault_count;
    char fault[REPORT_FAULTS][EM_LEDGER_TEXT];

    struct report_claims claims;
    bool no_memory;
};

/** Read all of the ledger. @p since: UTC, ISO 8601 as the ledger has it, or "": only
 * events from then on count; what units are is as of now. Ended by report_data_free().
 * EM_ERR_NOMEM, or what the ledger says. */
enum em_status report_data_new(struct report_data **out, struct em_ledger *ledger,
                               const char *since, struct em_error *err);
void report_data_free(struct report_data *data);

/** Take one event: for report_data_new(), and for tests. */
void report_data_event(struct report_data *data, const struct em_ledger_entry *entry);
/** What is left of @p detail with "…" for each number in it: failures of one kind differ
 * in those only. */
void report_cause_text(char out[REPORT_CAUSE], const char *detail);
/** Put what has many rows in order: causes by number, slots by name. */
void report_data_sort(struct report_data *data);

/** Milliseconds since 1970 of "2026-11-21T08:00:00.000Z"; -1: no such time. */
int64_t report_time_ms(const char *text);
/** The other way round. */
void report_time_text(char out[EM_LEDGER_TIME], int64_t ms);
/** What --since says: a date, date and time (UTC), or how long ago ("90m", "8h", "7d").
 * false: none of them. */
bool report_since(char out[EM_LEDGER_TIME], const char *text, int64_t now_ms);

#endif
