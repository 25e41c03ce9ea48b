/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated chip in this process, in a time of its own: "sim:CHIP?OPTIONS". */
#include "config.h"

#include "flasher/transport/fd_int.h"
#include "flasher/transport/io_int.h"

#include <espmfg/sim.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "sim:"

enum { ESPRESSIF_VID = 0x303A };

/* The clock is a number that reading and sleeping move on, and nothing waits; or the
 * system's. */
struct em_sim_io {
    struct em_io io;
    struct em_sim *sim;
    bool owns_sim, wall;
    int64_t now_us;
    uint32_t baud;
    int dtr, rts;
};

/* What time it is, and let it become @p us. */
static int64_t look_at_clock(struct em_sim_io *s)
{
    if (s->wall)
        s->now_us = em_fd_now_us(&s->io);
    return s->now_us;
}

static void wait_until(struct em_sim_io *s, int64_t us)
{
    if (s->wall)
        em_fd_sleep_us(&s->io, us - em_fd_now_us(&s->io));
    s->now_us = us;
}

static enum em_status check(struct em_sim_io *s, struct em_error *err)
{
    if (em_sim_is_connected(s->sim))
        return EM_OK;
    return em_error_set(err, EM_ERR_PORT, "this fault was asked for: fault=cut-after",
                        "port '%s' is gone: the cable was cut", s->io.name);
}

static enum em_status sim_read(struct em_io *io, uint8_t *buf, size_t cap,
                               int64_t timeout_us, size_t *len_out, struct em_error *err)
{
    struct em_sim_io *s = (struct em_sim_io *)io;
    int64_t deadline_us = look_at_clock(s) + (timeout_us > 0 ? timeout_us : 0);
    *len_out = 0;
    for (;;) {
        *len_out = em_sim_send(s->sim, buf, cap, look_at_clock(s));
        if (*len_out > 0)
            return EM_OK;
        enum em_status status = check(s, err);
        if (status != EM_OK || s->now_us >= deadline_us)
            return status;
        int64_t next_us = em_sim_next_us(s->sim);
        if (next_us <= s->now_us)
            next_us = s->now_us + 1; /* it is late: time goes on all the same */
        wait_until(s, next_us < deadline_us ? next_us : deadline_us);
    }
}

static enum em_status sim_write(struct em_io *io, const uint8_t *data, size_t len,
                                int64_t timeout_us, struct em_error *err)
{
    (void)timeout_us;
    struct em_sim_io *s = (struct em_sim_io *)io;
    enum em_status status = check(s, err);
    if (status == EM_OK)
        em_sim_receive(s->sim, data, len, look_at_clock(s));
    return status;
}

static enum em_status sim_set_lines(struct em_io *io, int dtr, int rts,
                                    struct em_error *err)
{
    struct em_sim_io *s = (struct em_sim_io *)io;
    enum em_status status = check(s, err);
    if (status != EM_OK)
        return status;
    s->dtr = dtr == EM_LINE_KEEP ? s->dtr : dtr;
    s->rts = rts == EM_LINE_KEEP ? s->rts : rts;
    em_sim_set_lines(s->sim, s->dtr, s->rts, look_at_clock(s));
    return EM_OK;
}

static enum em_status sim_set_baud(struct em_io *io, uint32_t baud, struct em_error *err)
{
    struct em_sim_io *s = (struct em_sim_io *)io;
    enum em_status status = check(s, err);
    if (status == EM_OK) {
        s->baud = baud;
        em_sim_set_baud(s->sim, baud);
    }
    return status;
}

static enum em_status sim_discard_input(struct em_io *io, struct em_error *err)
{
    struct em_sim_io *s = (struct em_sim_io *)io;
    uint8_t scratch[4096];
    size_t len = 1;
    for (int i = 0; i < 256 && len > 0; i++)
        len = em_sim_send(s->sim, scratch, sizeof scratch, look_at_clock(s));
    return check(s, err);
}

/* After a cut the cable is plugged in again. */
static enum em_status sim_reopen(struct em_io *io, struct em_error *err)
{
    struct em_sim_io *s = (struct em_sim_io *)io;
    em_sim_reconnect(s->sim);
    return sim_set_baud(io, s->baud, err);
}

static int64_t sim_now_us(struct em_io *io)
{
    return look_at_clock((struct em_sim_io *)io);
}

static void sim_sleep_us(struct em_io *io, int64_t us)
{
    struct em_sim_io *s = (struct em_sim_io *)io;
    if (us > 0)
        wait_until(s, look_at_clock(s) + us);
}

static void sim_close(struct em_io *io)
{
    struct em_sim_io *s = (struct em_sim_io *)io;
    if (s->owns_sim)
        em_sim_free(s->sim);
    free(s);
}

static const struct em_io_ops sim_ops = {
    .read = sim_read,
    .write = sim_write,
    .set_lines = sim_set_lines,
    .set_baud = sim_set_baud,
    .discard_input = sim_discard_input,
    .reopen = sim_reopen,
    .now_us = sim_now_us,
    .sleep_us = sim_sleep_us,
    .close = sim_close,
};

enum em_status em_io_sim_attach(struct em_io **out, struct em_sim *sim, int usb_pid,
                                const char *name, uint32_t baud, struct em_error *err)
{
    *out = NULL;
    struct em_sim_io *s = calloc(1, sizeof *s);
    if (s == NULL)
        return em_error_nomem(err);
    s->io.ops = &sim_ops;
    (void)snprintf(s->io.name, sizeof s->io.name, "%s", name); /* for messages only */
    s->io.usb_vid = usb_pid == 0 ? -1 : ESPRESSIF_VID;
    s->io.usb_pid = usb_pid == 0 ? -1 : usb_pid;
    s->io.has_lines = s->io.lines_together = true;
    s->sim = sim;
    s->baud = baud;
    em_sim_set_baud(sim, baud);
    *out = &s->io;
    return EM_OK;
}

enum em_status em_io_sim_open(struct em_io **out, const char *name, uint32_t baud,
                              struct em_error *err)
{
    *out = NULL;
    struct em_sim_options options = {0};
    struct em_sim *sim = NULL;
    char *texts = NULL;
    enum em_status status =
        em_sim_options_parse(&options, &texts, name + strlen(SCHEME), err);
    if (status == EM_OK)
        status = em_sim_new(&sim, &options, err);
    if (status == EM_OK)
        status = em_io_sim_attach(out, sim, options.usb_pid, name, baud, err);
    free(texts);
    if (status != EM_OK) {
        em_sim_free(sim);
        return status;
    }
    ((struct em_sim_io *)*out)->owns_sim = true;
    ((struct em_sim_io *)*out)->wall = options.wall_clock;
    return EM_OK;
}
