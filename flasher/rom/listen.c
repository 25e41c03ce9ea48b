/* SPDX-License-Identifier: Apache-2.0 */
/* Listening to a chip after a reset: does its program start? */
#include "config.h"

#include "flasher/rom/link_int.h"

static const char stage[] = "listening";

enum {
    SLICE_US = 100000,   /* as often the user may stop it */
    REOPEN_WAIT_MS = 50, /* between two looks for a port that vanished */
};

/* One call of em_device_listen(). */
struct listening {
    struct em_device *dev;
    em_device_sink *sink;
    void *user;
    int64_t begin_us, end_us;
    uint32_t timeout_ms;
    uint64_t came; /* bytes */
    bool enough;
};

static enum em_status show(const struct listening *l, struct em_error *err)
{
    uint64_t done = (uint64_t)(em_rom_now(l->dev) - l->begin_us) / 1000;
    return em_rom_progress_of(l->dev, stage, "milliseconds",
                              done < l->timeout_ms ? done : l->timeout_ms, l->timeout_ms,
                              err);
}

/* The port is a part of the chip, and comes back when the program has brought it up. */
static enum em_status open_again(const struct listening *l, struct em_error *err)
{
    struct em_device *dev = l->dev;
    enum em_status status = EM_ERR_PORT;
    while (status == EM_ERR_PORT && em_rom_now(dev) < l->end_us) {
        em_rom_sleep_ms(dev, REOPEN_WAIT_MS);
        status = dev->io->ops->reopen(dev->io, err);
        if (status == EM_ERR_PORT) {
            enum em_status stop = show(l, err);
            status = stop == EM_OK ? status : stop;
        }
    }
    em_rom_trace(dev, "note", status == EM_OK ? "port opened again" : "port is gone",
                 NULL, 0);
    return status;
}

/* Take what comes within a slice of time. */
static enum em_status take(struct listening *l, struct em_error *err)
{
    struct em_device *dev = l->dev;
    int64_t left = l->end_us - em_rom_now(dev);
    enum em_status status = EM_OK;
    left = left < 0 ? 0 : left < SLICE_US ? left : SLICE_US;
    if (dev->in_at == dev->in_len) { /* nothing came with the last answer */
        dev->in_at = dev->in_len = 0;
        status =
            dev->io->ops->read(dev->io, dev->in, sizeof dev->in, left, &dev->in_len, err);
        if (status == EM_ERR_PORT && (dev->usb_jtag || dev->usb_otg))
            return open_again(l, err);
        if (status == EM_OK && dev->in_len > 0)
            em_rom_trace(dev, "read", "", dev->in, dev->in_len);
    }
    size_t len = dev->in_len - dev->in_at;
    if (status != EM_OK || len == 0)
        return status;
    l->came += len;
    l->enough = l->sink(l->user, dev->in + dev->in_at, len);
    dev->in_at = dev->in_len = 0;
    return EM_OK;
}

static enum em_status wait_for_it(struct listening *l, struct em_error *err)
{
    enum em_status status = EM_OK;
    l->begin_us = em_rom_now(l->dev);
    l->end_us = l->begin_us + (int64_t)l->timeout_ms * 1000;
    while (status == EM_OK && !l->enough && em_rom_now(l->dev) < l->end_us) {
        status = take(l, err);
        if (status == EM_OK)
            status = show(l, err);
    }
    if (status != EM_OK || l->enough)
        return status;
    const char *port = l->dev->io->name;
    if (l->came == 0)
        return em_error_set(
            err, EM_ERR_LINK,
            "does the program print on this port, and is its flash right?",
            "port %s: nothing came within %lu ms after the reset", port,
            (unsigned long)l->timeout_ms);
    return em_error_set(
        err, EM_ERR_LINK, "check the rate, or wait longer",
        "port %s: %llu byte%s came within %lu ms after the reset, but not "
        "what was waited for",
        port, (unsigned long long)l->came, l->came == 1 ? "" : "s",
        (unsigned long)l->timeout_ms);
}

/* Without lines the loader itself has to start the program. */
static enum em_status start_program(struct em_device *dev, uint32_t baud,
                                    struct em_error *err)
{
    if (dev->io->has_lines)
        return em_rom_hard_reset(dev, baud, err);
    em_rom_tell_no_lines(dev);
    enum em_status status = em_device_reset(dev, EM_AFTER_SOFT_RESET, err);
    return status == EM_OK ? em_rom_set_baud(dev, baud, err) : status;
}

enum em_status em_device_listen(struct em_device *device, uint32_t baud,
                                em_device_sink *sink, void *user, uint32_t timeout_ms,
                                struct em_error *err)
{
    struct listening l = {
        .dev = device, .sink = sink, .user = user, .timeout_ms = timeout_ms};
    if (baud == 0)
        return em_error_set(err, EM_ERR_USAGE, "use 115200, as most programs do",
                            "listening at a rate of 0 baud");
    em_rom_begin(device, stage);
    enum em_status status = start_program(device, baud, err);
    if (status == EM_OK)
        status = wait_for_it(&l, err);
    (void)em_rom_end(device, stage, status); /* its own status */
    device->stub = false;
    device->flash.attached = false;
    device->flash.size = 0;
    device->in_at = device->in_len = 0;
    return status;
}
