/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_fill FILE: boards for a ledger of four units, as a line would leave them: one
 * done, one stopped, one in the middle of burning. */
#include "config.h"

#include <espmfg/ledger.h>

#include <stdio.h>
#include <string.h>

static struct em_ledger *ledger;
static struct em_error err;

/* Claim for board @p number, and go through the states up to @p last. 0: failed. */
static uint64_t board(unsigned number, enum em_ledger_state last)
{
    const struct em_ledger_place place = {"A1", "/dev/ttyUSB0"};
    const uint8_t mac[6] = {0x7c, 0xdf, 0xa1, 0, 0, (uint8_t)number};
    enum em_ledger_claimed what;
    struct em_ledger_unit unit;
    char key[EM_KEY_FINGERPRINT_SIZE];
    (void)snprintf(key, sizeof key, "%064x", number);
    if (em_ledger_claim(ledger, &place, mac, &what, &unit, &err) != EM_OK ||
        em_ledger_use_key(ledger, unit.claim, key, &err) != EM_OK)
        return 0;
    for (int state = EM_LEDGER_FLASHED; state <= (int)last; state++) {
        struct em_ledger_event event = {.claim = unit.claim,
                                        .place = &place,
                                        .step = "step",
                                        .outcome = "ok",
                                        .duration_us = 1234};
        if (em_ledger_record(ledger, &event, (enum em_ledger_state)state, &err) != EM_OK)
            return 0;
    }
    return unit.claim;
}

static bool fill(void)
{
    uint64_t first = board(1, EM_LEDGER_DONE);
    uint64_t second = board(2, EM_LEDGER_CLAIMED);
    uint64_t third = board(3, EM_LEDGER_BURNING);
    struct em_ledger_event event = {
        .claim = second, .step = "flash", .detail = "no \"answer\", at all"};
    return first != 0 && second != 0 && third != 0 &&
           em_ledger_leave(ledger, first, &err) == EM_OK &&
           em_ledger_key_destroyed(ledger, first, &err) == EM_OK &&
           em_ledger_fail(ledger, &event, 1, &err) == EM_OK;
}

int main(int argc, char **argv)
{
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    if (argc != 2)
        return 2;
    options.url = argv[1];
    options.station = "bench";
    options.version = "1.0";
    if (em_ledger_open(&ledger, &options, &err) != EM_OK || !fill()) {
        (void)fprintf(stderr, "ledger_fill: %s\n", err.what);
        em_ledger_close(ledger);
        return 1;
    }
    em_ledger_close(ledger);
    return 0;
}
