/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up em_sim that echoes after a millisecond and notes what it is told. */
#ifndef TESTS_TEST_FLASHER_TRANSPORT_SIM_UTIL_H
#define TESTS_TEST_FLASHER_TRANSPORT_SIM_UTIL_H

#include "base/error_int.h"

#include <espmfg/sim.h>

#include <stdlib.h>
#include <string.h>

struct em_sim {
    uint8_t waiting[256];
    size_t len;
    int64_t ready_us; /* when the first of them may be taken */
    int64_t step_us;  /* what one byte takes; 0: all at once */
    uint32_t baud;
    int dtr, rts;
    int64_t lines_us, received_us;
    bool gone;
};

enum { FAKE_DELAY_US = 1000 };

enum em_status em_sim_options_parse(struct em_sim_options *options, char **storage_out,
                                    const char *text, struct em_error *err)
{
    *storage_out = strdup(text);
    if (strcmp(text, "none") == 0)
        return em_error_set(err, EM_ERR_USAGE, NULL, "no chip '%s'", text);
    options->usb_pid = strstr(text, "usb-pid") != NULL ? 0x1001 : 0;
    return EM_OK;
}

enum em_status em_sim_new(struct em_sim **out, const struct em_sim_options *options,
                          struct em_error *err)
{
    (void)options;
    *out = calloc(1, sizeof **out);
    return *out == NULL ? em_error_nomem(err) : EM_OK;
}

void em_sim_free(struct em_sim *sim)
{
    free(sim);
}

void em_sim_receive(struct em_sim *sim, const uint8_t *data, size_t len, int64_t now_us)
{
    memcpy(sim->waiting + sim->len, data, len);
    sim->len += len;
    sim->received_us = now_us;
    sim->ready_us = now_us + FAKE_DELAY_US;
}

size_t em_sim_send(struct em_sim *sim, uint8_t *out, size_t cap, int64_t now_us)
{
    if (sim->gone || sim->len == 0 || now_us < sim->ready_us)
        return 0;
    size_t n = sim->step_us != 0 ? 1 : sim->len < cap ? sim->len : cap;
    memcpy(out, sim->waiting, n);
    sim->len -= n;
    memmove(sim->waiting, sim->waiting + n, sim->len);
    sim->ready_us += sim->step_us;
    return n;
}

int64_t em_sim_next_us(struct em_sim *sim)
{
    return sim->len == 0 ? INT64_MAX : sim->ready_us;
}

void em_sim_set_lines(struct em_sim *sim, int dtr, int rts, int64_t now_us)
{
    sim->dtr = dtr;
    sim->rts = rts;
    sim->lines_us = now_us;
}

void em_sim_set_baud(struct em_sim *sim, uint32_t baud)
{
    sim->baud = baud;
}

bool em_sim_is_connected(const struct em_sim *sim)
{
    return !sim->gone;
}

void em_sim_reconnect(struct em_sim *sim)
{
    sim->gone = false;
}

#endif
