/* SPDX-License-Identifier: Apache-2.0 */
/* Sums a ledger up in one pass over its events and one over its units. */
#include "config.h"

#include "src/report/data.h"

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cut if too long. */
static void keep(char *out, size_t size, const char *text)
{
    size_t len = text == NULL ? 0 : strnlen(text, size - 1);
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
}

/* ---- Bits of claims ---- */

enum { HAS_FAILED = 1, IS_DONE = 2 };

/* The two bits of a claim, to look at and to set. NULL: no memory, or no claim. */
static uint8_t *claim_bits(struct report_data *data, uint64_t claim, unsigned *shift)
{
    struct report_claims *claims = &data->claims;
    if (claim == 0 || data->no_memory)
        return NULL;
    if (claim >= claims->size) {
        uint64_t size = claims->size == 0 ? 4096 : claims->size;
        while (size <= claim && size < UINT64_MAX / 2)
            size *= 2;
        uint8_t *bits = size / 4 > SIZE_MAX ? NULL : realloc(claims->bits, size / 4);
        if (bits == NULL) {
            data->no_memory = true;
            return NULL;
        }
        memset(bits + claims->size / 4, 0, (size_t)((size - claims->size) / 4));
        claims->bits = bits;
        claims->size = size;
    }
    *shift = (unsigned)(claim % 4) * 2;
    return &claims->bits[claim / 4];
}

/* What was known of the claim, and @p add to it. */
static unsigned claim_mark(struct report_data *data, uint64_t claim, unsigned add)
{
    unsigned shift = 0;
    uint8_t *bits = claim_bits(data, claim, &shift);
    if (bits == NULL)
        return 0;
    unsigned old = (unsigned)(*bits >> shift) & 3U;
    *bits = (uint8_t)(*bits | (add << shift));
    return old;
}

/* ---- Time ---- */

enum { FIRST_SPAN_MS = 10000 };

static void widen(struct report_data *data)
{
    for (size_t i = 0; i < REPORT_SPANS / 2; i++) {
        data->spans[i].done = data->spans[2 * i].done + data->spans[2 * i + 1].done;
        data->spans[i].failed = data->spans[2 * i].failed + data->spans[2 * i + 1].failed;
    }
    memset(&data->spans[REPORT_SPANS / 2], 0, sizeof data->spans / 2);
    data->span_ms *= 2;
    data->span_count = (data->span_count + 1) / 2;
}

static struct report_span *span_at(struct report_data *data, int64_t ms)
{
    if (data->span_ms == 0) {
        data->span_ms = FIRST_SPAN_MS;
        data->span_start_ms = ms - ms % 60000;
    }
    if (ms < data->span_start_ms) /* times of a ledger never fall */
        ms = data->span_start_ms;
    while ((ms - data->span_start_ms) / data->span_ms >= REPORT_SPANS)
        widen(data);
    size_t i = (size_t)((ms - data->span_start_ms) / data->span_ms);
    if (i >= data->span_count)
        data->span_count = i + 1;
    return &data->spans[i];
}

/* ---- Rows by name; the last row takes what has no room ---- */

static struct report_step *step_of(struct report_data *data, const char *name)
{
    size_t i = 0;
    while (i < data->step_count &&
           strncmp(data->steps[i].name, name, REPORT_NAME - 1) != 0)
        i++;
    if (i < data->step_count)
        return &data->steps[i];
    if (data->step_count == REPORT_STEPS)
        return &data->steps[REPORT_STEPS - 1];
    keep(data->steps[i].name, sizeof data->steps[i].name, name);
    data->step_count++;
    return &data->steps[i];
}

static struct report_slot *slot_of(struct report_data *data,
                                   const struct em_ledger_entry *entry)
{
    size_t i = 0;
    if (entry->slot[0] == '\0')
        return NULL;
    while (i < data->slot_count &&
           (strncmp(data->slots[i].slot, entry->slot, REPORT_NAME - 1) != 0 ||
            strncmp(data->slots[i].station, entry->station, REPORT_NAME - 1) != 0))
        i++;
    if (i < data->slot_count)
        return &data->slots[i];
    if (i == REPORT_SLOTS)
        return NULL;
    if (i == REPORT_SLOTS - 1) {
        keep(data->slots[i].slot, sizeof data->slots[i].slot, "others");
    } else {
        keep(data->slots[i].slot, sizeof data->slots[i].slot, entry->slot);
        keep(data->slots[i].station, sizeof data->slots[i].station, entry->station);
    }
    data->slots[i].began_ms = -1;
    data->slot_count++;
    return &data->slots[i];
}

static void count_cause(struct report_data *data, const struct em_ledger_entry *entry)
{
    char text[REPORT_CAUSE];
    size_t i = 0;
    const char *detail = entry->detail;
    size_t step = strlen(entry->step);
    if (step > 0 && strncmp(detail, entry->step, step) == 0 &&
        strncmp(detail + step, ": ", 2) == 0)
        detail += step + 2; /* it stands beside it */
    report_cause_text(text, detail[0] == '\0' ? "no reason recorded" : detail);
    while (i < data->cause_count &&
           (strcmp(data->causes[i].text, text) != 0 ||
            strncmp(data->causes[i].step, entry->step, REPORT_NAME - 1) != 0))
        i++;
    if (i >= REPORT_CAUSES - 1) {
        i = REPORT_CAUSES - 1;
        keep(data->causes[i].text, sizeof data->causes[i].text, "other causes");
        data->cause_count = REPORT_CAUSES;
    } else if (i == data->cause_count) {
        memcpy(data->causes[i].text, text, sizeof text);
        keep(data->causes[i].step, sizeof data->causes[i].step, entry->step);
        data->cause_count++;
    }
    data->causes[i].count++;
    keep(data->causes[i].last, sizeof data->causes[i].last, entry->time);
}

static void count_version(struct report_data *data, const struct em_ledger_entry *entry)
{
    size_t i = 0;
    while (i < data->version_count &&
           strncmp(data->versions[i].version, entry->version, REPORT_NAME - 1) != 0)
        i++;
    if (i == REPORT_VERSIONS) {
        i--;
        keep(data->versions[i].version, sizeof data->versions[i].version, "others");
    } else if (i == data->version_count) {
        keep(data->versions[i].version, sizeof data->versions[i].version, entry->version);
        keep(data->versions[i].first, sizeof data->versions[i].first, entry->time);
        data->version_count++;
    }
    data->versions[i].events++;
    keep(data->versions[i].last, sizeof data->versions[i].last, entry->time);
}

/* ---- Events ---- */

/* What people do, and receipts: no steps of a board. */
static bool is_step(const char *name)
{
    static const char *const others[] = {"approve", "retry", "release", "scrap",
                                         "key",     "claim", "clock",   ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(name, others[i]) == 0)
            return false;
    }
    return true;
}

static void begin_board(struct report_slot *slot, const struct em_ledger_entry *entry,
                        int64_t ms)
{
    bool begins =
        strcmp(entry->outcome, "new") == 0 || strcmp(entry->outcome, "again") == 0;
    slot->began_ms = begins ? ms : -1;
    slot->claim = entry->claim;
    slot->retries_seen = 0;
}

/* Events tell the retries of the board so far: those of this step are what is new. */
static uint64_t new_retries(struct report_slot *slot, const struct em_ledger_entry *entry)
{
    uint32_t before = slot->retries_seen;
    slot->retries_seen = entry->retries;
    return entry->retries > before ? entry->retries - before : 0;
}

static void count_done(struct report_data *data, struct report_slot *slot,
                       const struct em_ledger_entry *entry, int64_t ms,
                       bool failed_before)
{
    data->done++;
    data->first_pass += !failed_before;
    span_at(data, ms)->done++;
    if (slot == NULL)
        return;
    slot->done++;
    if (slot->began_ms < 0 || slot->claim != entry->claim)
        return;
    report_spread_add(&slot->time, (ms - slot->began_ms) * 1000);
    report_spread_add(&data->board, (ms - slot->began_ms) * 1000);
    slot->began_ms = -1;
}

static void count_failed(struct report_data *data, struct report_slot *slot,
                         const struct em_ledger_entry *entry, int64_t ms)
{
    data->failed++;
    count_cause(data, entry);
    span_at(data, ms)->failed++;
    if (slot != NULL)
        slot->failed++;
}

static void count_step(struct report_data *data, struct report_slot *slot,
                       const struct em_ledger_entry *entry, bool failed)
{
    uint64_t retries = slot == NULL ? 0 : new_retries(slot, entry);
    data->retries += retries;
    if (slot != NULL)
        slot->retries += retries;
    if (!is_step(entry->step))
        return;
    struct report_step *step = step_of(data, entry->step);
    step->retries += retries;
    if (failed)
        step->failed++;
    if (strcmp(entry->outcome, "ok") != 0)
        return;
    step->ok++;
    report_spread_add(&step->time, entry->duration_us);
}

void report_data_event(struct report_data *data, const struct em_ledger_entry *entry)
{
    bool counts = strcmp(entry->time, data->since) >= 0;
    int64_t ms = report_time_ms(entry->time);
    bool failed = entry->failed || strcmp(entry->outcome, "failed") == 0;
    unsigned add =
        (failed ? HAS_FAILED : 0U) | (entry->state == EM_LEDGER_DONE ? IS_DONE : 0U);
    unsigned before = claim_mark(data, entry->claim, add);
    struct report_slot *slot = slot_of(data, entry);
    if (slot != NULL && strcmp(entry->step, "claim") == 0)
        begin_board(slot, entry, ms);
    if (!counts || ms < 0)
        return;
    if (data->events++ == 0) {
        keep(data->first, sizeof data->first, entry->time);
        data->first_ms = ms;
        (void)span_at(data, ms);
    }
    keep(data->last, sizeof data->last, entry->time);
    data->last_ms = ms;
    count_version(data, entry);
    count_step(data, slot, entry, failed);
    data->again +=
        strcmp(entry->step, "claim") == 0 && strcmp(entry->outcome, "again") == 0;
    data->scrapped += strcmp(entry->step, "scrap") == 0;
    if (failed)
        count_failed(data, slot, entry, ms);
    if ((add & IS_DONE) != 0 && (before & IS_DONE) == 0 && entry->claim != 0)
        count_done(data, slot, entry, ms, ((before | add) & HAS_FAILED) != 0);
}

static bool on_event(void *user, const struct em_ledger_entry *entry)
{
    struct report_data *data = user;
    report_data_event(data, entry);
    return !data->no_memory;
}

/* ---- Units ---- */

static void keep_trouble(struct report_data *data, const struct em_ledger_unit *unit)
{
    if (data->troubles++ >= REPORT_TROUBLES)
        return;
    struct report_trouble *t = &data->trouble[data->trouble_count++];
    *t = (struct report_trouble){.unit = unit->unit,
                                 .state = unit->state,
                                 .failures = unit->failures,
                                 .stopped = unit->stopped};
    keep(t->name, sizeof t->name, unit->name);
    keep(t->failure, sizeof t->failure, unit->failure);
    keep(t->changed, sizeof t->changed, unit->changed);
    (void)snprintf(t->place, sizeof t->place, "%.60s %.60s", unit->station, unit->slot);
    if (unit->has_mac)
        (void)snprintf(t->mac, sizeof t->mac, "%02x:%02x:%02x:%02x:%02x:%02x",
                       unit->mac[0], unit->mac[1], unit->mac[2], unit->mac[3],
                       unit->mac[4], unit->mac[5]);
}

static bool on_unit(void *user, const struct em_ledger_unit *unit)
{
    struct report_data *data = user;
    data->keys += unit->key[0] != '\0';
    data->destroyed += unit->key[0] != '\0' && unit->key_destroyed;
    if (strcmp(unit->changed, data->since) < 0)
        return true;
    data->stopped += unit->stopped;
    if (unit->stopped || (unit->failures > 0 && unit->state < EM_LEDGER_DONE))
        keep_trouble(data, unit);
    return true;
}

/* ---- Promises ---- */

static void on_fault(void *user, enum em_log_level level, const char *device,
                     const struct em_error *msg)
{
    struct report_data *data = user;
    (void)device;
    if (level == EM_LOG_ERROR && data->fault_count < REPORT_FAULTS)
        keep(data->fault[data->fault_count++], EM_LEDGER_TEXT, msg->what);
}

/* ---- Order ---- */

static int by_count(const void *a, const void *b)
{
    const struct report_cause *x = a;
    const struct report_cause *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1)
                                : strcmp(x->text, y->text);
}

/* "A2" before "A10". */
static int by_number(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        size_t m = strspn(a, "0123456789");
        size_t n = strspn(b, "0123456789");
        if (m > 0 && n > 0) {
            int order = m != n ? (m < n ? -1 : 1) : strncmp(a, b, m);
            if (order != 0)
                return order;
            a += m;
            b += n;
        } else if (*a != *b) {
            break;
        } else {
            a++;
            b++;
        }
    }
    return strcmp(a, b);
}

static int by_place(const void *a, const void *b)
{
    const struct report_slot *x = a;
    const struct report_slot *y = b;
    int station = by_number(x->station, y->station);
    return station != 0 ? station : by_number(x->slot, y->slot);
}

void report_data_sort(struct report_data *data)
{
    qsort(data->causes, data->cause_count, sizeof data->causes[0], by_count);
    qsort(data->slots, data->slot_count, sizeof data->slots[0], by_place);
}

/* ---- All of it ---- */

enum em_status report_data_new(struct report_data **out, struct em_ledger *ledger,
                               const char *since, struct em_error *err)
{
    struct report_data *data = calloc(1, sizeof *data);
    *out = NULL;
    if (data == NULL)
        return em_error_nomem(err);
    struct em_hooks hooks = {.log = on_fault, .user = data};
    keep(data->since, sizeof data->since, since);
    em_ledger_batch(ledger, &data->batch);
    enum em_status status = em_ledger_counts(ledger, &data->counts, err);
    if (status == EM_OK)
        status = em_ledger_events(ledger, 0, on_event, data, err);
    if (status == EM_OK && data->no_memory)
        status = em_error_nomem(err);
    if (status == EM_OK)
        status = em_ledger_units(ledger, on_unit, data, err);
    if (status == EM_OK)
        status = em_ledger_check(ledger, &hooks, &data->faults, err);
    if (status != EM_OK) {
        report_data_free(data);
        return status;
    }
    report_data_sort(data);
    *out = data;
    return EM_OK;
}

void report_data_free(struct report_data *data)
{
    if (data == NULL)
        return;
    free(data->claims.bits);
    free(data);
}
