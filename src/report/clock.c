/* SPDX-License-Identifier: Apache-2.0 */
/* Times of the ledger as numbers and back, without the C library's time zones. */
#include "config.h"

#include "src/report/data.h"

#include <stdio.h>
#include <string.h>

static const int64_t DAY_MS = 86400000;

/* Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that the day
 * that is not always there is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* As many digits as @p len from *text on; -1: something else stands there. */
static int64_t digits(const char **text, size_t len)
{
    int64_t value = 0;
    for (size_t i = 0; i < len; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return -1;
        value = value * 10 + (**text - '0');
    }
    return value;
}

static bool skip(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static int64_t date_ms(const char **text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = digits(text, 4);
    int64_t month = year < 0 || !skip(text, '-') ? -1 : digits(text, 2);
    int64_t day = month < 1 || month > 12 || !skip(text, '-') ? -1 : digits(text, 2);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1970 || day < 1 || day > days[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return -1;
    return days_of(year, month, day) * DAY_MS;
}

/* "08:00", "08:00:30" or "08:00:30.250", with or without 'Z'. */
static int64_t clock_ms(const char **text)
{
    int64_t h = digits(text, 2);
    int64_t m = h < 0 || h > 23 || !skip(text, ':') ? -1 : digits(text, 2);
    int64_t ms = 0;
    if (m < 0 || m > 59)
        return -1;
    if (skip(text, ':')) {
        int64_t s = digits(text, 2);
        if (s < 0 || s > 60)
            return -1;
        ms = s * 1000;
        int64_t part = skip(text, '.') ? digits(text, 3) : 0;
        if (part < 0)
            return -1;
        ms += part;
    }
    (void)skip(text, 'Z');
    return (h * 60 + m) * 60000 + ms;
}

int64_t report_time_ms(const char *text)
{
    int64_t date = date_ms(&text);
    if (date < 0 || *text == '\0')
        return date;
    if (!skip(&text, 'T') && !skip(&text, ' '))
        return -1;
    int64_t ms = clock_ms(&text);
    return ms < 0 || *text != '\0' ? -1 : date + ms;
}

void report_time_text(char out[EM_LEDGER_TIME], int64_t ms)
{
    int64_t days = ms / DAY_MS;
    int64_t rest = ms % DAY_MS;
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t doe = z % 146097; /* day of 400 years */
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
    (void)snprintf(out, EM_LEDGER_TIME, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned)year % 10000, (unsigned)month % 100,
                   (unsigned)(doy - (153 * mp + 2) / 5 + 1) % 100,
                   (unsigned)(rest / 3600000) % 100, (unsigned)(rest / 60000 % 60),
                   (unsigned)(rest / 1000 % 60), (unsigned)(rest % 1000));
}

static bool ago(int64_t *ms, const char *text)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 604800000}};
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 6 || text[len] == '\0' || text[len + 1] != '\0')
        return false;
    const char *at = text;
    int64_t n = digits(&at, len);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text[len] == units[i].letter) {
            *ms = n * units[i].ms;
            return true;
        }
    }
    return false;
}

bool report_since(char out[EM_LEDGER_TIME], const char *text, int64_t now_ms)
{
    int64_t back = 0;
    int64_t ms = ago(&back, text) ? now_ms - back : report_time_ms(text);
    if (ms < 0)
        return false;
    report_time_text(out, ms);
    return true;
}
