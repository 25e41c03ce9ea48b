/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a chip into its loader: resets of several kinds, each with a few SYNCs. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include <string.h>

enum {
    SYNCS = 5,             /* for each reset; rom-protocol.md, 5.1 */
    SYNC_PAUSE_US = 50000, /* between two, and we listen meanwhile */
    REOPEN_TRIES = 3,      /* of a port that vanished in a reset; 5.4 */
    REOPEN_WAIT_MS = 500,
    LONG_DELAY_MS = 500, /* more in the second try of each kind of reset; 5.4 */
    USB_JTAG_PID = 0x1001,
};

/* One way to reset. */
struct strategy {
    const char *sequence;
    bool late; /* the boot pin is held longer */
};

/* What to do at attempt @p i: the kinds take turns. */
static struct strategy choose(const struct em_device *dev, unsigned i)
{
    static const struct strategy usb[] = {{em_rom_reset_usb, false}};
    static const struct strategy both[] = {
        {em_rom_reset_tight, false},
        {em_rom_reset_tight, true},
        {em_rom_reset_classic, false},
        {em_rom_reset_classic, true},
    };
    if (dev->options.before == EM_BEFORE_USB_RESET || dev->usb_jtag)
        return usb[0];
    /* Tight needs both lines at the same moment. */
    return dev->io->lines_together ? both[i % 4] : both[2 + i % 2];
}

void em_rom_tell_no_lines(struct em_device *dev)
{
    if (dev->lines_told)
        return;
    dev->lines_told = true;
    em_rom_log(dev, EM_LOG_NOTE, "bring the chip into its loader by hand if need be",
               "port %s has no modem lines: the chip cannot be reset through it",
               dev->io->name);
}

static enum em_status reset_into_loader(struct em_device *dev, unsigned i,
                                        struct em_error *err)
{
    const struct strategy strategy = choose(dev, i);
    uint32_t delay = dev->settings.reset_delay_ms;
    if (strategy.late && dev->options.settings.reset_delay_ms == 0)
        delay += LONG_DELAY_MS;
    struct em_rom_reset own;
    const struct em_rom_reset *reset = &dev->enter;
    if (reset->count == 0) {
        enum em_status status = em_rom_reset_parse(&own, strategy.sequence, err);
        if (status != EM_OK)
            return status;
        reset = &own;
    }
    /* Only the text that this reset brings counts. */
    dev->heard_len = 0;
    dev->heard_total = 0;
    enum em_status status = em_rom_flush(dev, err);
    if (status == EM_OK)
        status = em_rom_reset_play(dev, reset, delay, err);
    if (status == EM_OK && dev->io->has_lines)
        status = em_rom_listen(dev, 0, err);
    return status;
}

/* A port that is part of the chip goes away when the chip is reset. */
static enum em_status open_again(struct em_device *dev, struct em_error *err)
{
    enum em_status status = EM_ERR_PORT;
    for (unsigned i = 0; i < REOPEN_TRIES && status == EM_ERR_PORT; i++) {
        em_rom_sleep_ms(dev, REOPEN_WAIT_MS);
        status = dev->io->ops->reopen(dev->io, err);
    }
    em_rom_trace(dev, "note", status == EM_OK ? "port opened again" : "port is gone",
                 NULL, 0);
    return status;
}

/* A few SYNCs. EM_ERR_LINK: nobody there. */
static enum em_status sync_often(struct em_device *dev, unsigned attempt, unsigned total,
                                 struct em_error *err)
{
    enum em_status status = EM_ERR_LINK;
    for (unsigned i = 0; i < SYNCS; i++) {
        bool stub = false;
        status =
            em_rom_sync(dev, (int64_t)dev->settings.sync_timeout_ms * 1000, &stub, err);
        if (status == EM_OK)
            dev->stub = stub;
        if (status != EM_ERR_LINK)
            return status;
        status = em_rom_progress_of(dev, "connecting", "attempts", attempt, total, err);
        if (status == EM_OK)
            status = em_rom_listen(dev, SYNC_PAUSE_US, err);
        if (status != EM_OK)
            return status;
    }
    return EM_ERR_LINK;
}

static enum em_status attempt_once(struct em_device *dev, unsigned i, unsigned total,
                                   struct em_error *err)
{
    bool resets = dev->options.before == EM_BEFORE_DEFAULT_RESET ||
                  dev->options.before == EM_BEFORE_USB_RESET;
    enum em_status status = EM_OK;
    if (resets && dev->io->has_lines)
        status = reset_into_loader(dev, i, err);
    if (resets && !dev->io->has_lines)
        em_rom_tell_no_lines(dev);
    if (status == EM_OK)
        status = sync_often(dev, i, total, err);
    if (status == EM_ERR_PORT && resets && dev->io->has_lines) {
        status = open_again(dev, err);
        status = status == EM_OK ? EM_ERR_LINK : status;
    }
    return status;
}

enum em_status em_rom_connect(struct em_device *dev, struct em_error *err)
{
    dev->usb_jtag =
        dev->io->usb_vid == EM_ROM_USB_VID && dev->io->usb_pid == USB_JTAG_PID;
    dev->stub = false;
    if (dev->options.before == EM_BEFORE_NO_RESET_NO_SYNC)
        return EM_OK;
    /* A socket has no lines, and everybody knows. */
    if (dev->options.before == EM_BEFORE_DEFAULT_RESET &&
        strncmp(dev->io->name, "socket://", 9) == 0)
        dev->lines_told = true;
    unsigned total =
        dev->options.connect_attempts > 0 ? (unsigned)dev->options.connect_attempts : 0;
    for (unsigned i = 0; total == 0 || i < total; i++) {
        enum em_status status =
            em_rom_progress_of(dev, "connecting", "attempts", i, total, err);
        if (status == EM_OK)
            status = attempt_once(dev, i, total, err);
        if (status != EM_ERR_LINK)
            return status;
    }
    return em_rom_tell_silence(dev, total, err);
}
