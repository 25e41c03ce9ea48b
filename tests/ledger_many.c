/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_many FILE UNITS: a new ledger as two stations of eight slots would leave it
 * after some days of two shifts, with the failures, retries and pauses of a factory. The
 * same each time. */
#include "config.h"

#include <espmfg/ledger.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATIONS = 2, SLOTS = 8, ATTEMPTS = 3 };

/* A board on its way through its steps. */
struct slot {
    char name[8], port[32];
    struct em_ledger *ledger;
    int64_t next_us; /* when its next event is */
    unsigned at;     /* which step it is */
    uint64_t claim;
    uint8_t mac[6];
    unsigned tries; /* of this board, so far */
    uint32_t retries;
    double skill; /* above 1: it fails more often */
    enum em_ledger_state state;
};

static const struct {
    const char *name;
    double seconds, fails; /* how long, how often */
    const char *causes[3];
    enum em_ledger_state state;
} steps[] = {
    {"check",
     0.35,
     0.004,
     {"no bytes from the chip within 3000 ms",
      "chip answers with "
      "'invalid head of packet' (0x%02x)",
      "chip is esp32c6, the job is for esp32c3"},
     EM_LEDGER_FREE},
    {"flash",
     9.2,
     0.014,
     {"no answer to FLASH_DEFL_DATA (block %u)",
      "MD5 of 0x%06x differs: "
      "flash is <faulty> & \"slow\"",
      "port '/dev/ttyUSB%u' is gone"},
     EM_LEDGER_FLASHED},
    {"burn",
     0.6,
     0.002,
     {"BLOCK_KEY0 is occupied by another key", "coding errors in BLOCK2",
      "VDD is too low to burn: %u mV"},
     EM_LEDGER_BURNED},
    {"boot",
     2.4,
     0.011,
     {"no line that matches 'self test: ok' within 5000 ms", "boot loop: %u resets",
      "no line that matches 'self test: ok' within 5000 ms"},
     EM_LEDGER_FREE},
    {"done", 0.002, 0, {NULL}, EM_LEDGER_DONE},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

static int64_t clock_us;
static uint64_t seed = 20261121;
static struct em_error err;
static struct slot slots[STATIONS * SLOTS];
static unsigned boards;

static int64_t now(void *user)
{
    (void)user;
    return clock_us;
}

/* xorshift64*, 0 … 1. */
static double chance(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (double)(seed * 0x2545F4914F6CDD1DULL >> 11) / 9007199254740992.0;
}

/* Durations have a long tail. */
static int64_t about_us(double seconds)
{
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += chance();
    return (int64_t)(seconds * 1e6 * exp((sum - 3) * 0.16)) +
           (chance() < 0.03 ? (int64_t)(seconds * 4e5) : 0);
}

/* Two shifts, 06:00 to 22:00, with breaks: when a board is put in. */
static int64_t put_in(int64_t us)
{
    const int64_t minute = 60000000;
    int64_t at = us / minute % 1440;
    if (at < 360)
        return us + (360 - at) * minute;
    if (at >= 1320)
        return us + (1440 - at + 360) * minute;
    if ((at >= 570 && at < 585) || (at >= 1050 && at < 1080))
        return us + 15 * minute;
    return us;
}

static void next_board(struct slot *slot)
{
    slot->at = 0;
    slot->tries = 0;
    slot->state = EM_LEDGER_CLAIMED;
    slot->next_us = put_in(slot->next_us + about_us(110));
}

static bool claim(struct slot *slot)
{
    const struct em_ledger_place place = {slot->name, slot->port};
    enum em_ledger_claimed what = EM_LEDGER_NEW;
    struct em_ledger_unit unit;
    char key[EM_KEY_FINGERPRINT_SIZE];
    if (slot->tries == 0) {
        unsigned n = ++boards;
        uint8_t mac[6] = {0x7c,      0xdf, 0xa1, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                          (uint8_t)n};
        for (size_t i = 0; i < 6; i++)
            slot->mac[i] = mac[i];
    }
    slot->retries = 0;
    if (em_ledger_claim(slot->ledger, &place, slot->mac, &what, &unit, &err) != EM_OK)
        return false;
    slot->claim = what == EM_LEDGER_NEW || what == EM_LEDGER_AGAIN ? unit.claim : 0;
    (void)snprintf(key, sizeof key, "%064" PRIx64, unit.claim);
    return slot->claim == 0 ||
           em_ledger_use_key(slot->ledger, slot->claim, key, &err) == EM_OK;
}

static bool fail(struct slot *slot, struct em_ledger_event *event)
{
    char detail[128];
    const char *cause = steps[slot->at].causes[(int)(chance() * chance() * 3)];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(detail, sizeof detail, cause, (unsigned)(chance() * 200));
#pragma GCC diagnostic pop
    event->detail = detail;
    if (em_ledger_fail(slot->ledger, event, ATTEMPTS, &err) != EM_OK ||
        em_ledger_leave(slot->ledger, slot->claim, &err) != EM_OK)
        return false;
    slot->claim = 0;
    slot->at = 0;
    if (++slot->tries >= ATTEMPTS || chance() < 0.12)
        next_board(slot); /* an own fault is rare: most boards pass the next time */
    else
        slot->next_us = put_in(slot->next_us + about_us(12));
    return true;
}

static bool record(struct slot *slot, const struct em_ledger_event *event)
{
    enum em_ledger_state state = steps[slot->at].state;
    if (state <= slot->state)
        return em_ledger_record(slot->ledger, event, EM_LEDGER_FREE, &err) == EM_OK;
    slot->state = state;
    if (state == EM_LEDGER_BURNED) {
        struct em_ledger_event intent = *event;
        intent.outcome = "intent";
        if (em_ledger_record(slot->ledger, &intent, EM_LEDGER_BURNING, &err) != EM_OK)
            return false;
    }
    return em_ledger_record(slot->ledger, event, state, &err) == EM_OK;
}

static bool step(struct slot *slot)
{
    const struct em_ledger_place place = {slot->name, slot->port};
    if (slot->claim == 0) {
        if (!claim(slot))
            return false;
        if (slot->claim == 0)
            slot->next_us = INT64_MAX; /* none left */
        else
            slot->next_us = clock_us + about_us(steps[0].seconds);
        return true;
    }
    if (chance() < 0.008)
        slot->retries++;
    struct em_ledger_event event = {.claim = slot->claim,
                                    .place = &place,
                                    .mac = slot->mac,
                                    .step = steps[slot->at].name,
                                    .outcome = "ok",
                                    .duration_us = about_us(steps[slot->at].seconds),
                                    .retries = slot->retries};
    if (chance() < steps[slot->at].fails * slot->skill * (slot->tries > 0 ? 4 : 1)) {
        event.outcome = NULL;
        return fail(slot, &event);
    }
    if (!record(slot, &event))
        return false;
    if (++slot->at < STEPS) {
        slot->next_us = clock_us + about_us(steps[slot->at].seconds);
        return true;
    }
    bool good = em_ledger_leave(slot->ledger, slot->claim, &err) == EM_OK &&
                em_ledger_key_destroyed(slot->ledger, slot->claim, &err) == EM_OK;
    slot->claim = 0;
    slot->next_us = clock_us;
    next_board(slot);
    return good;
}

static bool run(void)
{
    for (;;) {
        struct slot *first = &slots[0];
        for (size_t i = 1; i < STATIONS * SLOTS; i++) {
            if (slots[i].next_us < first->next_us)
                first = &slots[i];
        }
        if (first->next_us == INT64_MAX)
            return true;
        clock_us = first->next_us;
        if (!step(first))
            return false;
    }
}

static const char *unit_name(void *user, uint64_t unit)
{
    char *text = user;
    (void)snprintf(text, 32, "EX1-%06" PRIu64, unit);
    return text;
}

static bool begin(const char *file, uint64_t units, struct em_ledger *ledgers[STATIONS])
{
    static const char *const names[STATIONS] = {"bench-north", "bench-south"};
    char text[32];
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = file;
    options.version = "0.1.0";
    options.now_us = now;
    clock_us = 1793599200000000; /* 2026-11-02T06:00:00Z */
    const struct em_ledger_batch batch = {.name = "EX1-2026-11",
                                          .chip = "esp32c3",
                                          .units = units,
                                          .unit_name = unit_name,
                                          .user = text};
    if (em_ledger_init(&options, &batch, &err) != EM_OK)
        return false;
    for (size_t i = 0; i < STATIONS; i++) {
        options.station = names[i];
        options.version = i == 0 ? "0.1.0" : "0.1.1";
        if (em_ledger_open(&ledgers[i], &options, &err) != EM_OK)
            return false;
        for (size_t j = 0; j < SLOTS; j++) {
            struct slot *slot = &slots[i * SLOTS + j];
            slot->ledger = ledgers[i];
            slot->state = EM_LEDGER_CLAIMED;
            slot->next_us = clock_us + about_us(60);
            slot->skill = i == 1 && j == 4 ? 5 : 0.7 + chance() * 0.6;
            (void)snprintf(slot->name, sizeof slot->name, "%c%u", 'A' + (int)i,
                           (unsigned)j + 1);
            (void)snprintf(slot->port, sizeof slot->port, "/dev/ttyUSB%u", (unsigned)j);
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct em_ledger *ledgers[STATIONS] = {NULL};
    uint64_t units = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    if (units == 0) {
        (void)fprintf(stderr, "use: ledger_many FILE UNITS\n");
        return 2;
    }
    bool good = begin(argv[1], units, ledgers) && run();
    if (!good)
        (void)fprintf(stderr, "ledger_many: %s\n", err.what);
    for (size_t i = 0; i < STATIONS; i++)
        em_ledger_close(ledgers[i]);
    return good ? 0 : 1;
}
