/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger in memory that fails when it is told to: stands in for the real one where a
 * test wants each of its calls to fail once. Its rules are those of espmfg/ledger.h. */
#ifndef TESTS_TEST_LINE_LEDGER_H
#define TESTS_TEST_LINE_LEDGER_H

#include "base/error_int.h"

#include "tests/test_line_util.h"

#include <espmfg/ledger.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_UNITS = 64, FAKE_EVENTS = 512 };

struct fake_event {
    char step[32], outcome[32], detail[256];
    uint64_t unit, claim;
    bool failed;
    uint32_t retries;
};

struct em_ledger {
    pthread_mutex_t lock;
    struct em_ledger_unit units[FAKE_UNITS];
    bool held[FAKE_UNITS];
    uint64_t count, claims;
    struct fake_event events[FAKE_EVENTS];
    size_t event_count;
    uint64_t calls;   /* that write */
    uint64_t fail_at; /* this one fails, and all after it; 0: none */
};

static enum em_status fake_gate(struct em_ledger *l, struct em_error *err)
{
    l->calls++;
    if (l->fail_at != 0 && l->calls >= l->fail_at)
        return em_error_set(err, EM_ERR_IO, NULL, "the ledger's disk is full");
    return EM_OK;
}

static struct em_ledger_unit *fake_claimed(struct em_ledger *l, uint64_t claim)
{
    for (size_t i = 0; i < l->count; i++) {
        if (claim != 0 && l->units[i].claim == claim)
            return &l->units[i];
    }
    return NULL;
}

const char *em_ledger_state_name(enum em_ledger_state state)
{
    static const char *const names[] = {"free",   "claimed", "flashed", "burning",
                                        "burned", "done",    "scrapped"};
    return names[state];
}

static enum em_ledger_claimed fake_take(struct em_ledger *l, struct em_ledger_unit *u,
                                        const uint8_t mac[6])
{
    bool *held = &l->held[u - l->units];
    bool is_new = !u->has_mac;
    if (*held)
        return EM_LEDGER_HELD;
    if (u->state == EM_LEDGER_DONE)
        return EM_LEDGER_ALREADY;
    if (u->stopped)
        return EM_LEDGER_STOPPED;
    *held = true;
    if (is_new) {
        memcpy(u->mac, mac, 6);
        u->has_mac = true;
        u->state = EM_LEDGER_CLAIMED;
        u->serial++;
        u->claim = ++l->claims;
    }
    return is_new ? EM_LEDGER_NEW : EM_LEDGER_AGAIN;
}

enum em_status em_ledger_claim(struct em_ledger *l, const struct em_ledger_place *place,
                               const uint8_t mac[6], enum em_ledger_claimed *what_out,
                               struct em_ledger_unit *out, struct em_error *err)
{
    pthread_mutex_lock(&l->lock);
    enum em_status status = fake_gate(l, err);
    struct em_ledger_unit *found = NULL;
    for (size_t i = 0; i < l->count && found == NULL; i++) {
        if (l->units[i].has_mac && memcmp(l->units[i].mac, mac, 6) == 0)
            found = &l->units[i];
    }
    for (size_t i = 0; i < l->count && found == NULL; i++) {
        if (!l->units[i].has_mac)
            found = &l->units[i];
    }
    if (status == EM_OK)
        *what_out = found == NULL ? EM_LEDGER_NONE_LEFT : fake_take(l, found, mac);
    if (status == EM_OK && found != NULL) {
        if (*what_out == EM_LEDGER_NEW || *what_out == EM_LEDGER_AGAIN) {
            (void)snprintf(found->slot, sizeof found->slot, "%s", place->slot);
            (void)snprintf(found->station, sizeof found->station, "bench");
        }
        *out = *found;
    }
    pthread_mutex_unlock(&l->lock);
    return status;
}

enum em_status em_ledger_use_key(struct em_ledger *l, uint64_t claim,
                                 const char fingerprint[EM_KEY_FINGERPRINT_SIZE],
                                 struct em_error *err)
{
    pthread_mutex_lock(&l->lock);
    enum em_status status = fake_gate(l, err);
    struct em_ledger_unit *unit = fake_claimed(l, claim);
    for (size_t i = 0; i < l->count && status == EM_OK; i++) {
        bool same = strcmp(l->units[i].key, fingerprint) == 0;
        bool own = &l->units[i] == unit;
        if (own ? !same && unit->key[0] != '\0' : same)
            status = em_error_set(err, EM_ERR_REFUSED, NULL, "the key is taken");
    }
    if (status == EM_OK)
        memcpy(unit->key, fingerprint, EM_KEY_FINGERPRINT_SIZE);
    pthread_mutex_unlock(&l->lock);
    return status;
}

enum em_status em_ledger_key_destroyed(struct em_ledger *l, uint64_t claim,
                                       struct em_error *err)
{
    pthread_mutex_lock(&l->lock);
    enum em_status status = fake_gate(l, err);
    if (status == EM_OK)
        fake_claimed(l, claim)->key_destroyed = true;
    pthread_mutex_unlock(&l->lock);
    return status;
}

static void fake_note(struct em_ledger *l, const struct em_ledger_event *event,
                      const struct em_ledger_unit *unit)
{
    if (l->event_count == FAKE_EVENTS)
        return;
    struct fake_event *e = &l->events[l->event_count++];
    (void)snprintf(e->step, sizeof e->step, "%s", event->step);
    (void)snprintf(e->outcome, sizeof e->outcome, "%s", event->outcome);
    (void)snprintf(e->detail, sizeof e->detail, "%.255s",
                   event->detail == NULL ? "" : event->detail);
    e->unit = unit == NULL ? 0 : unit->unit;
    e->claim = event->claim;
    e->failed = false;
    e->retries = event->retries;
}

enum em_status em_ledger_record(struct em_ledger *l, const struct em_ledger_event *event,
                                enum em_ledger_state state, struct em_error *err)
{
    pthread_mutex_lock(&l->lock);
    enum em_status status = fake_gate(l, err);
    struct em_ledger_unit *unit = fake_claimed(l, event->claim);
    if (status == EM_OK && state != EM_LEDGER_FREE) {
        if (unit == NULL || !l->held[unit - l->units] || state < unit->state ||
            (state == EM_LEDGER_BURNED && unit->state < EM_LEDGER_BURNING))
            status = em_error_set(err, EM_ERR_REFUSED, NULL, "backwards, or not held");
        else
            unit->state = state;
    }
    if (status == EM_OK)
        fake_note(l, event, unit);
    pthread_mutex_unlock(&l->lock);
    return status;
}

enum em_status em_ledger_fail(struct em_ledger *l, const struct em_ledger_event *event,
                              uint32_t limit, struct em_error *err)
{
    pthread_mutex_lock(&l->lock);
    enum em_status status = fake_gate(l, err);
    struct em_ledger_unit *unit = fake_claimed(l, event->claim);
    if (status == EM_OK) {
        unit->failures++;
        unit->stopped = limit != 0 && unit->failures >= limit;
        (void)snprintf(unit->failure, sizeof unit->failure, "%s", event->detail);
        fake_note(l, event, unit);
        if (l->event_count > 0)
            l->events[l->event_count - 1].failed = true;
    }
    pthread_mutex_unlock(&l->lock);
    return status;
}

enum em_status em_ledger_events(struct em_ledger *l, uint64_t unit,
                                bool (*each)(void *user,
                                             const struct em_ledger_entry *entry),
                                void *user, struct em_error *err)
{
    (void)err;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->event_count; i++) {
        const struct fake_event *e = &l->events[i];
        const struct em_ledger_entry entry = {.number = i + 1,
                                              .unit = e->unit,
                                              .claim = e->claim,
                                              .step = e->step,
                                              .outcome = e->outcome,
                                              .detail = e->detail,
                                              .failed = e->failed};
        if ((unit == 0 || e->unit == unit) && !each(user, &entry))
            break;
    }
    pthread_mutex_unlock(&l->lock);
    return EM_OK;
}

enum em_status em_ledger_leave(struct em_ledger *l, uint64_t claim, struct em_error *err)
{
    pthread_mutex_lock(&l->lock);
    enum em_status status = fake_gate(l, err);
    struct em_ledger_unit *unit = fake_claimed(l, claim);
    if (status == EM_OK)
        l->held[unit - l->units] = false;
    pthread_mutex_unlock(&l->lock);
    return status;
}

enum em_status em_ledger_counts(struct em_ledger *l, struct em_ledger_counts *out,
                                struct em_error *err)
{
    (void)err;
    *out = (struct em_ledger_counts){.units = l->count, .events = l->event_count};
    for (size_t i = 0; i < l->count; i++)
        out->by_state[l->units[i].state]++;
    return EM_OK;
}

enum em_status em_ledger_units(struct em_ledger *l,
                               bool (*each)(void *user,
                                            const struct em_ledger_unit *unit),
                               void *user, struct em_error *err)
{
    (void)err;
    for (size_t i = 0; i < l->count && each(user, &l->units[i]); i++)
        ;
    return EM_OK;
}

static inline struct em_ledger *
fake_ledger_new(uint64_t units, const char *(*name)(void *user, uint64_t unit),
                void *user)
{
    struct em_ledger *l = calloc(1, sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    l->count = units;
    for (uint64_t i = 0; i < units; i++) {
        l->units[i].unit = i + 1;
        (void)snprintf(l->units[i].name, sizeof l->units[i].name, "%s",
                       name(user, i + 1));
    }
    return l;
}

/* What a new process finds: nothing is held, and the disk has room again. */
static inline void fake_ledger_restart(struct em_ledger *l)
{
    memset(l->held, 0, sizeof l->held);
    l->fail_at = 0;
}

static inline void fake_ledger_free(struct em_ledger *l)
{
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* A shop with such a ledger. */
static inline struct shop *start(size_t slots, uint64_t units)
{
    struct shop *shop = shop_new(slots, units);
    shop->ledger = fake_ledger_new(units, shop_unit_name, shop);
    return shop;
}

static inline void finish(struct shop *shop)
{
    fake_ledger_free(shop->ledger);
    shop_free(shop);
}

#endif
