/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes between host and chip: their pace, their rate, and what happens to them. */
#include "config.h"

#include "flasher/sim/sim_int.h"

#include <stdlib.h>
#include <string.h>

enum { BITS = 10 }; /* start, eight, stop */

static const int64_t second_ns = 1000000000;

uint32_t em_sim_rate_at(struct em_sim *sim, int64_t ns)
{
    if (sim->next_rate != 0 && ns >= sim->switch_at_ns) {
        sim->rate = sim->next_rate;
        sim->next_rate = 0;
        em_sim_seed_divider(sim, sim->rate);
    }
    return sim->rate;
}

static int64_t byte_ns(const struct em_sim *sim, uint32_t rate)
{
    if (!sim->options.real_timing)
        return 0;
    if (sim->pace_baud != 0)
        rate = sim->pace_baud;
    return BITS * second_ns / (rate == 0 ? EM_ROM_BAUD : rate);
}

/* A UART reads right as long as the rates differ by some 4 % at most. */
static bool differ(uint32_t a, uint32_t b)
{
    uint64_t apart = a > b ? a - b : b - a;
    return a != 0 && b != 0 && apart * 25 > b;
}

static void scramble(struct em_sim *sim, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] ^= (uint8_t)(em_sim_random_next(&sim->noise) | 0x10);
    sim->stats.faults += len;
}

/* Out of @p len bytes that want to pass, how many do before the cable is cut. */
static size_t passes(struct em_sim *sim, size_t len)
{
    struct em_sim_cable *cable = &sim->cable;
    uint64_t cut = sim->faults.cut_after;
    if (cable->gone)
        return 0;
    if (cut != 0 && cable->passed + len >= cut) {
        len = (size_t)(cut - cable->passed);
        cable->gone = true;
        sim->faults.cut_after = 0;
        sim->stats.faults++;
    }
    cable->passed += len;
    return len;
}

/* ---- from the chip ---- */

static struct em_sim_segment *new_segment(struct em_sim_cable *cable)
{
    if (cable->first == cable->count)
        cable->first = cable->count = 0;
    if (cable->count == cable->cap) {
        size_t cap = cable->cap == 0 ? 16 : cable->cap * 2;
        struct em_sim_segment *more =
            realloc(cable->segments, cap * sizeof cable->segments[0]);
        if (more == NULL)
            return NULL;
        cable->segments = more;
        cable->cap = cap;
    }
    return &cable->segments[cable->count++];
}

/* Bytes that leave together. They reach the host when the last of them is through: who
 * listens has no use for a part of a frame. */
static void put_segment(struct em_sim *sim, const uint8_t *data, size_t len)
{
    struct em_sim_cable *cable = &sim->cable;
    if (len == 0)
        return;
    if (cable->head > 0 && cable->head == cable->bytes.len) {
        cable->bytes.len = 0;
        cable->head = 0;
    }
    struct em_sim_segment *segment = new_segment(cable);
    if (segment == NULL)
        return;
    if (cable->tx_free_ns < sim->clock_ns)
        cable->tx_free_ns = sim->clock_ns;
    uint32_t rate = em_sim_rate_at(sim, cable->tx_free_ns);
    cable->tx_free_ns += (int64_t)len * byte_ns(sim, rate);
    *segment = (struct em_sim_segment){len, cable->tx_free_ns, rate};
    em_buf_append(&cable->bytes, data, len);
    if (cable->bytes.failed) { /* out of memory is a cable with a bad contact */
        cable->count--;
        cable->bytes.failed = false;
    }
}

static void put_tampered(struct em_sim *sim, const uint8_t *data, size_t len)
{
    struct em_buf run = {0};
    for (size_t i = 0; i < len && !sim->cable.gone; i++) {
        struct em_sim_fate fate = em_sim_byte_fate(sim, data[i]);
        if (fate.delayed) {
            put_segment(sim, run.data, run.len);
            em_buf_clear(&run);
            if (sim->cable.tx_free_ns < sim->clock_ns)
                sim->cable.tx_free_ns = sim->clock_ns;
            sim->cable.tx_free_ns += sim->faults.delay_ns;
        }
        if (passes(sim, 1) == 1)
            em_buf_append(&run, fate.byte, fate.count);
    }
    put_segment(sim, run.data, run.len);
    em_buf_free(&run);
}

void em_sim_put(struct em_sim *sim, const uint8_t *data, size_t len)
{
    if (sim->faults.any_byte || sim->faults.cut_after != 0)
        put_tampered(sim, data, len);
    else
        put_segment(sim, data, passes(sim, len));
}

/* ROM and program print at the rate of the console, whatever the loader had. */
void em_sim_put_text(struct em_sim *sim, const char *text)
{
    uint32_t rate = sim->rate, next = sim->next_rate;
    sim->rate = EM_ROM_BAUD;
    sim->next_rate = 0;
    em_sim_put(sim, (const uint8_t *)text, strlen(text));
    sim->rate = rate;
    sim->next_rate = next;
}

void em_sim_put_frame(struct em_sim *sim, const uint8_t *body, size_t len)
{
    em_buf_clear(&sim->frame);
    em_slip_mark(&sim->frame);
    em_slip_append(&sim->frame, body, len);
    em_slip_mark(&sim->frame);
    if (!sim->frame.failed)
        em_sim_put(sim, sim->frame.data, sim->frame.len);
}

void em_sim_wire_clear(struct em_sim *sim)
{
    sim->cable.bytes.len = sim->cable.head = 0;
    sim->cable.first = sim->cable.count = 0;
    sim->cable.tx_free_ns = sim->cable.rx_free_ns = 0;
    em_slip_reset(&sim->reader);
}

void em_sim_wire_free(struct em_sim *sim)
{
    em_buf_free(&sim->cable.bytes);
    em_buf_free(&sim->frame);
    em_buf_free(&sim->reader.body);
    free(sim->cable.segments);
}

size_t em_sim_send(struct em_sim *sim, uint8_t *out, size_t cap, int64_t now_us)
{
    struct em_sim_cable *cable = &sim->cable;
    size_t done = 0;
    em_sim_advance(sim, now_us * 1000);
    while (done < cap && cable->first < cable->count) {
        struct em_sim_segment *segment = &cable->segments[cable->first];
        if (segment->due_ns > now_us * 1000)
            break;
        size_t n = segment->len < cap - done ? segment->len : cap - done;
        memcpy(out + done, cable->bytes.data + cable->head, n);
        if (differ(segment->baud, sim->host_baud))
            scramble(sim, out + done, n);
        cable->head += n;
        segment->len -= n;
        done += n;
        if (segment->len == 0)
            cable->first++;
    }
    sim->stats.bytes_out += done;
    return done;
}

int64_t em_sim_next_us(struct em_sim *sim)
{
    const struct em_sim_cable *cable = &sim->cable;
    int64_t next = sim->boot_at_ns < sim->cut_by_ns ? sim->boot_at_ns : sim->cut_by_ns;
    if (cable->first < cable->count && cable->segments[cable->first].due_ns < next)
        next = cable->segments[cable->first].due_ns;
    return next == INT64_MAX ? next : (next + 999) / 1000;
}

/* ---- to the chip ---- */

/* The ROM measures the rate by the first bytes, and sets its divider for it. */
static uint32_t autobaud(struct em_sim *sim)
{
    sim->rate = sim->host_baud != 0 ? sim->host_baud : EM_ROM_BAUD;
    em_sim_seed_divider(sim, sim->rate);
    return sim->rate;
}

/* Bytes that arrive together, from rx_free_ns on. */
static void take(struct em_sim *sim, const uint8_t *data, size_t len)
{
    uint8_t noise[256];
    while (len > 0) {
        int64_t *through = &sim->cable.rx_free_ns;
        uint32_t rate = em_sim_rate_at(sim, *through);
        const uint8_t *piece = data;
        size_t n = len, used = 0;
        if (rate == 0 && sim->mode == EM_SIM_ROM)
            rate = autobaud(sim);
        if (differ(rate, sim->host_baud)) {
            n = n < sizeof noise ? n : sizeof noise;
            memcpy(noise, data, n);
            scramble(sim, noise, n);
            piece = noise;
        }
        enum em_slip_event event = em_slip_feed(&sim->reader, piece, n, &used);
        *through += (int64_t)used * byte_ns(sim, rate);
        if (event == EM_SLIP_FRAME && !sim->reader.body.failed) {
            sim->clock_ns = *through > sim->busy_until_ns ? *through : sim->busy_until_ns;
            em_sim_advance(sim, sim->clock_ns);
            em_sim_on_frame(sim, sim->reader.body.data, sim->reader.body.len);
            sim->busy_until_ns = sim->clock_ns;
        }
        data += used;
        len -= used;
    }
}

static void take_tampered(struct em_sim *sim, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len && !sim->cable.gone; i++) {
        struct em_sim_fate fate = em_sim_byte_fate(sim, data[i]);
        if (fate.delayed)
            sim->cable.rx_free_ns += sim->faults.delay_ns;
        if (passes(sim, 1) == 1)
            take(sim, fate.byte, fate.count);
    }
}

static int64_t latest(const struct em_sim *sim)
{
    int64_t t = sim->last_ns;
    t = t > sim->cable.rx_free_ns ? t : sim->cable.rx_free_ns;
    t = t > sim->cable.tx_free_ns ? t : sim->cable.tx_free_ns;
    return t > sim->busy_until_ns ? t : sim->busy_until_ns;
}

void em_sim_receive(struct em_sim *sim, const uint8_t *data, size_t len, int64_t now_us)
{
    int64_t now = now_us * 1000;
    em_sim_advance(sim, now);
    if (len == 0 || sim->cable.gone)
        return;
    sim->stats.bytes_in += len;
    if (!sim->started)
        sim->first_ns = now;
    else if (now > latest(sim)) /* chip and wire had nothing to do: the host's time */
        sim->idle_ns += now - latest(sim);
    sim->started = true;
    if (sim->cable.rx_free_ns < now)
        sim->cable.rx_free_ns = now;
    if (sim->faults.any_byte || sim->faults.cut_after != 0)
        take_tampered(sim, data, len);
    else
        take(sim, data, passes(sim, len));
    sim->last_ns = latest(sim);
}
