/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody answered: what was heard on the line tells a person why. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include <string.h>

/* Where @p text stands in what was heard, or NULL. Program output is bytes, not a
 * string. */
static const uint8_t *find(const uint8_t *from, const uint8_t *end, const char *text)
{
    size_t len = strlen(text);
    for (; (size_t)(end - from) >= len; from++) {
        if (memcmp(from, text, len) == 0)
            return from;
    }
    return NULL;
}

/* The mode of "boot:0x13 (…)", which the ROM prints after a reset. */
static bool find_boot_mode(const uint8_t *from, const uint8_t *end, char *out,
                           size_t size, const uint8_t **rest_out)
{
    static const char mark[] = "boot:0x";
    const uint8_t *at = find(from, end, mark);
    if (at == NULL)
        return false;
    at += strlen(mark);
    size_t n = 0;
    while (at < end && n + 1 < size && *at != '\0' &&
           strchr("0123456789abcdefABCDEF", *at) != NULL)
        out[n++] = (char)*at++;
    out[n] = '\0';
    *rest_out = at;
    return n > 0 && at < end;
}

enum em_status em_rom_tell_silence(struct em_device *dev, unsigned attempts,
                                   struct em_error *err)
{
    const uint8_t *from = dev->heard;
    const uint8_t *end = from + dev->heard_len;
    const char *port = dev->io->name;
    const char *s = attempts == 1 ? "" : "s";
    const uint8_t *rest;
    char mode[9];
    if (find_boot_mode(from, end, mode, sizeof mode, &rest)) {
        if (find(rest, end, "waiting for download") != NULL)
            return em_error_set(
                err, EM_ERR_LINK,
                "check the wire from the host's TX to the chip's RX, and its voltage",
                "port %s: the chip is in download mode (boot mode 0x%s) but hears "
                "nothing "
                "(%u attempt%s)",
                port, mode, attempts, s);
        return em_error_set(
            err, EM_ERR_LINK,
            "hold BOOT down while connecting; without a button check the wires of DTR "
            "and RTS",
            "port %s: wrong boot mode (0x%s): the chip starts its program and not the "
            "loader (%u attempt%s)",
            port, mode, attempts, s);
    }
    /* The first letter may be lost, as published tools know. */
    if (find(from, end, "uru Meditation Error") != NULL ||
        find(from, end, "atal exception (") != NULL)
        return em_error_set(
            err, EM_ERR_LINK, "hold BOOT down, press EN, and try again",
            "port %s: no loader answers: a program runs on the chip, and it has crashed "
            "(%u attempt%s)",
            port, attempts, s);
    if (dev->heard_total > 0)
        return em_error_set(
            err, EM_ERR_LINK,
            "a program may run there: hold BOOT down while connecting, or try another "
            "--before",
            "port %s: no loader answers: %llu byte%s of something else came "
            "(%u attempt%s)",
            port, (unsigned long long)dev->heard_total, dev->heard_total == 1 ? "" : "s",
            attempts, s);
    return em_error_set(
        err, EM_ERR_LINK,
        "hold BOOT down while connecting, check power, TX and RX, or try another "
        "--before",
        "port %s: no chip answers (%u attempt%s)", port, attempts, s);
}
