/* SPDX-License-Identifier: Apache-2.0 */
/* What the user sees of a device: messages, progress, bytes on the wire. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/hooks_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_US = 100000 }; /* ten calls a second */

int64_t em_rom_now(struct em_device *dev)
{
    return dev->io->ops->now_us(dev->io);
}

void em_rom_sleep_ms(struct em_device *dev, uint32_t ms)
{
    dev->io->ops->sleep_us(dev->io, (int64_t)ms * 1000);
}

void em_rom_log(struct em_device *dev, enum em_log_level level, const char *hint,
                const char *format, ...)
{
    const struct em_hooks *hooks = &dev->options.hooks;
    if (!em_hooks_wants(hooks, level))
        return;
    char text[sizeof((struct em_error *)0)->what];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap); /* long texts are cut */
    va_end(ap);
    struct em_error msg;
    (void)em_error_set(&msg, EM_OK, hint, "%s", text); /* only fills msg */
    em_hooks_log(hooks, level, dev->io->name, &msg);
}

void em_rom_begin(struct em_device *dev, const char *stage)
{
    em_hooks_begin(&dev->options.hooks, stage, dev->io->name);
}

enum em_status em_rom_end(struct em_device *dev, const char *stage, enum em_status status)
{
    return em_hooks_end(&dev->options.hooks, stage, dev->io->name, status);
}

enum em_status em_rom_progress(struct em_device *dev, const char *stage, uint64_t done,
                               uint64_t total, struct em_error *err)
{
    return em_rom_progress_of(dev, stage, "bytes", done, total, err);
}

enum em_status em_rom_progress_of(struct em_device *dev, const char *stage,
                                  const char *counts, uint64_t done, uint64_t total,
                                  struct em_error *err)
{
    const struct em_hooks *hooks = &dev->options.hooks;
    if (hooks->progress == NULL)
        return EM_OK;
    int64_t now = em_rom_now(dev);
    bool same = dev->progress_stage != NULL && strcmp(dev->progress_stage, stage) == 0 &&
                done > 0;
    bool last = total > 0 && done >= total;
    if (same && !last && now - dev->progress_us < PROGRESS_US)
        return EM_OK;
    dev->progress_stage = stage;
    dev->progress_us = now;
    const struct em_progress progress = {stage, dev->io->name, counts, done, total};
    if (hooks->progress(hooks->user, &progress) == 0)
        return EM_OK;
    return em_error_set(err, EM_ERR_STOPPED, NULL, "port %s: stopped while %s",
                        dev->io->name, stage);
}

void em_rom_trace(struct em_device *dev, const char *what, const char *text,
                  const uint8_t *bytes, size_t len)
{
    const struct em_trace *trace = &dev->options.trace;
    if (trace->line == NULL)
        return;
    uint8_t *zeros = NULL;
    if (dev->masked && len > 0) {
        zeros = calloc(1, len);
        bytes = zeros;
        len = zeros == NULL ? 0 : len; /* then not even their number is shown */
    }
    trace->line(trace->user, em_rom_now(dev), what, text, bytes, len);
    free(zeros);
}

enum em_status em_rom_set_lines(struct em_device *dev, int dtr, int rts,
                                struct em_error *err)
{
    enum em_status status = dev->io->ops->set_lines(dev->io, dtr, rts, err);
    char text[48];
    (void)snprintf(text, sizeof text, "DTR %s, RTS %s",
                   dtr == EM_LINE_KEEP ? "as it is" : (dtr != 0 ? "on" : "off"),
                   rts == EM_LINE_KEEP ? "as it is" : (rts != 0 ? "on" : "off"));
    em_rom_trace(dev, "lines", text, NULL, 0);
    return status;
}

enum em_status em_rom_set_baud(struct em_device *dev, uint32_t baud, struct em_error *err)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lu", (unsigned long)baud);
    em_rom_trace(dev, "baud", text, NULL, 0);
    enum em_status status = dev->io->ops->set_baud(dev->io, baud, err);
    if (status == EM_OK)
        dev->baud = baud;
    return status;
}
