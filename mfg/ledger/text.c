/* SPDX-License-Identifier: Apache-2.0 */
/* Names, times and MACs as the ledger writes them. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include "base/text_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *em_ledger_state_name(enum em_ledger_state state)
{
    static const char *const names[] = {
        [EM_LEDGER_FREE] = "free",         [EM_LEDGER_CLAIMED] = "claimed",
        [EM_LEDGER_FLASHED] = "flashed",   [EM_LEDGER_BURNING] = "burning",
        [EM_LEDGER_BURNED] = "burned",     [EM_LEDGER_DONE] = "done",
        [EM_LEDGER_SCRAPPED] = "scrapped",
    };
    return names[state];
}

void em_ledger_mac_text(char out[EM_LEDGER_MAC], const uint8_t mac[6])
{
    (void)snprintf(out, EM_LEDGER_MAC, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                   mac[2], mac[3], mac[4], mac[5]);
}

void em_ledger_time_text(char out[EM_LEDGER_TIME], int64_t us)
{
    struct tm tm;
    /* The year has four digits in the texts, which are compared as texts. */
    const int64_t end_us = (int64_t)253402300799 * 1000000;
    if (us < 0)
        us = 0;
    if (us > end_us)
        us = end_us;
    time_t seconds = (time_t)(us / 1000000);
    if (gmtime_r(&seconds, &tm) == NULL)
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    (void)snprintf(out, EM_LEDGER_TIME, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
                   (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
                   (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100,
                   (unsigned)(us / 1000 % 1000));
}

void em_ledger_line(char *out, size_t size, const char *text)
{
    size_t to = 0;
    uint32_t code;
    struct em_span left = em_span_of(text == NULL ? "" : text);
    while (left.len > 0) {
        size_t len = em_utf8_next(left.p, left.len, &code);
        bool shown = len > 0 && code >= ' ' && code != 0x7F;
        size_t need = shown ? len : 1;
        if (to + need >= size)
            break;
        if (shown)
            memcpy(out + to, left.p, len);
        else
            out[to] = code == '\n' || code == '\t' ? ' ' : '?';
        to += need;
        len = len == 0 ? 1 : len;
        left = (struct em_span){left.p + len, left.len - len};
    }
    out[to] = '\0';
}

void em_ledger_pause(unsigned ms)
{
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
