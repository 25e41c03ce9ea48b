/* SPDX-License-Identifier: Apache-2.0 */
/* Reset sequences: texts in one notation, and what plays them on the modem lines. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include <string.h>

/* rom-protocol.md, 5.4. 1: line asserted, pin low. DTR drives the boot pin, RTS drives
 * EN; both together do nothing on the usual circuit of two transistors. "Wd" is the time
 * that the boot pin is held after EN. */
const char em_rom_reset_tight[] = "U0,0|U1,1|U0,1|W0.1|U1,0|Wd|U0,0|D0";
const char em_rom_reset_classic[] = "D0|R1|W0.1|D1|R0|Wd|D0";
const char em_rom_reset_usb[] = "R0|D0|W0.1|D1|R0|W0.1|R1|D0|R1|W0.1|D0|R0";
const char em_rom_reset_hard[] = "R1|W0.1|R0";
const char em_rom_reset_hard_usb[] = "R1|W0.2|R0|W0.2";

enum {
    WAIT_MAX_S = 60, /* of one step: longer is a slip of the pen */
    US_PER_S = 1000000,
};

/* "0.05" to microseconds; false: no such number, or too long. */
static bool parse_seconds(const char *text, size_t len, int64_t *us_out)
{
    int64_t us = 0;
    int64_t unit = 0; /* of the digit behind the point */
    bool digits = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' && unit == 0) {
            unit = US_PER_S;
            continue;
        }
        if (text[i] < '0' || text[i] > '9')
            return false;
        digits = true;
        int64_t digit = text[i] - '0';
        if (unit == 0) {
            us = us * 10 + digit * US_PER_S;
            if (us > (int64_t)WAIT_MAX_S * US_PER_S)
                return false;
        } else {
            unit /= 10; /* digits below a microsecond count nothing */
            unit = unit == 0 ? -1 : unit;
            us += unit > 0 ? digit * unit : 0;
        }
    }
    *us_out = us;
    return digits && us <= (int64_t)WAIT_MAX_S * US_PER_S;
}

static bool parse_level(char c, int *out)
{
    *out = c == '1';
    return c == '0' || c == '1';
}

static bool parse_step(struct em_rom_reset_step *step, const char *text, size_t len)
{
    *step = (struct em_rom_reset_step){.dtr = EM_LINE_KEEP, .rts = EM_LINE_KEEP};
    if (len < 2)
        return false;
    switch (text[0]) {
    case 'D':
        return len == 2 && parse_level(text[1], &step->dtr);
    case 'R':
        return len == 2 && parse_level(text[1], &step->rts);
    case 'U':
        return len == 4 && text[2] == ',' && parse_level(text[1], &step->dtr) &&
               parse_level(text[3], &step->rts);
    case 'W':
        step->is_wait = true;
        step->delay = len == 2 && text[1] == 'd';
        return step->delay || parse_seconds(text + 1, len - 1, &step->wait_us);
    default:
        return false;
    }
}

enum em_status em_rom_reset_parse(struct em_rom_reset *out, const char *text,
                                  struct em_error *err)
{
    *out = (struct em_rom_reset){0};
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, "|");
        if (out->count == EM_ROM_RESET_STEPS_MAX)
            return em_error_set(err, EM_ERR_USAGE, NULL,
                                "reset sequence '%s': more than %d steps", text,
                                EM_ROM_RESET_STEPS_MAX);
        if (!parse_step(&out->step[out->count], at, len))
            return em_error_set(err, EM_ERR_USAGE,
                                "steps are D0 D1 R0 R1 U0,1 W0.05 Wd, with '|' between",
                                "reset sequence '%s': no step is called '%.*s'", text,
                                len > 32 ? 32 : (int)len, at);
        out->count++;
        at += len;
        if (*at == '\0')
            return EM_OK;
    }
}

enum em_status em_rom_reset_play(struct em_device *dev, const struct em_rom_reset *reset,
                                 uint32_t delay_ms, struct em_error *err)
{
    for (size_t i = 0; i < reset->count; i++) {
        const struct em_rom_reset_step *step = &reset->step[i];
        if (!dev->io->has_lines)
            return EM_OK; /* the first use may have shown it: then there is no waiting */
        if (step->is_wait) {
            dev->io->ops->sleep_us(dev->io, step->delay ? (int64_t)delay_ms * 1000
                                                        : step->wait_us);
            continue;
        }
        enum em_status status = em_rom_set_lines(dev, step->dtr, step->rts, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}
