/* SPDX-License-Identifier: Apache-2.0 */
/* Writing HTML and SVG: text from outside is escaped, always. */
#include "config.h"

#include "src/report/out.h"

#include "base/text_int.h"
#include "src/report/data.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void out_fmt(struct em_buf *out, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text)
        out->failed = true; /* a piece that long is a fault of this program */
    else
        em_buf_append(out, text, (size_t)len);
}

void out_text(struct em_buf *out, const char *text)
{
    struct em_span left = em_span_of(text == NULL ? "" : text);
    while (left.len > 0) {
        uint32_t code = 0;
        size_t len = em_utf8_next(left.p, left.len, &code);
        if (len == 0 || (!em_text_is_visible(code) && code != ' '))
            out_raw(out, "\xEF\xBF\xBD");
        else if (code == '&')
            out_raw(out, "&amp;");
        else if (code == '<')
            out_raw(out, "&lt;");
        else if (code == '>')
            out_raw(out, "&gt;");
        else if (code == '"')
            out_raw(out, "&quot;");
        else if (code == '\'')
            out_raw(out, "&#39;");
        else
            em_buf_append(out, left.p, len);
        len = len == 0 ? 1 : len;
        left = (struct em_span){left.p + len, left.len - len};
    }
}

void text_number(char text[REPORT_TEXT], uint64_t n)
{
    char plain[24];
    int len = snprintf(plain, sizeof plain, "%" PRIu64, n);
    size_t to = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            memcpy(text + to, "\xE2\x80\xAF", 3);
            to += 3;
        }
        text[to++] = plain[i];
    }
    text[to] = '\0';
}

void text_percent(char text[REPORT_TEXT], uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        (void)snprintf(text, REPORT_TEXT, "–");
        return;
    }
    double percent = 100.0 * (double)part / (double)whole;
    /* What is not all is never told as all. */
    if (part < whole && percent > 99.9)
        percent = 99.9;
    (void)snprintf(text, REPORT_TEXT,
                   part == whole || part == 0 ? "%.0f\xC2\xA0%%" : "%.1f\xC2\xA0%%",
                   percent);
}

void text_duration(char text[REPORT_TEXT], double us)
{
    unsigned s = (unsigned)(us / 1e6 + 0.5);
    if (us < 1000)
        (void)snprintf(text, REPORT_TEXT, us < 1 ? "0\xC2\xA0s" : "<1\xC2\xA0ms");
    else if (us < 999500)
        (void)snprintf(text, REPORT_TEXT, "%.0f\xC2\xA0ms", us / 1e3);
    else if (us < 59.95e6)
        (void)snprintf(text, REPORT_TEXT, "%.1f\xC2\xA0s", us / 1e6);
    else if (us < 3600e6)
        (void)snprintf(text, REPORT_TEXT, "%u\xC2\xA0min\xC2\xA0%02u\xC2\xA0s", s / 60,
                       s % 60);
    else
        (void)snprintf(text, REPORT_TEXT, "%u\xC2\xA0h\xC2\xA0%02u\xC2\xA0min", s / 3600,
                       s / 60 % 60);
}

void out_number(struct em_buf *out, uint64_t n)
{
    char text[REPORT_TEXT];
    text_number(text, n);
    out_raw(out, text);
}

void out_percent(struct em_buf *out, uint64_t part, uint64_t whole)
{
    char text[REPORT_TEXT];
    text_percent(text, part, whole);
    out_raw(out, text);
}

void out_duration(struct em_buf *out, double us)
{
    char text[REPORT_TEXT];
    text_duration(text, us);
    out_raw(out, text);
}

void out_time(struct em_buf *out, const char *iso)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (report_time_ms(iso) < 0 || strlen(iso) < 16) {
        out_text(out, iso[0] == '\0' ? "–" : iso);
        return;
    }
    int month = (iso[5] - '0') * 10 + iso[6] - '0'; /* was checked above */
    out_raw(out, "<time datetime=\"");
    out_text(out, iso);
    out_fmt(out, "\">%.2s\xC2\xA0%s\xC2\xA0%.4s %.5s</time>", iso + 8, months[month - 1],
            iso, iso + 11);
}
