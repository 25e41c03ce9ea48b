/* SPDX-License-Identifier: Apache-2.0 */
/* Text of a known width for terminals. */
#include "config.h"

#include "src/line/view_int.h"

#include "base/text_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void view_line_begin(struct view_line *line, int limit, bool utf8)
{
    line->text[0] = '\0';
    line->len = 0;
    line->width = 0;
    line->limit = limit < VIEW_COLUMNS_MAX ? limit : VIEW_COLUMNS_MAX;
    line->utf8 = utf8;
}

void view_line_put_code(struct view_line *line, const char *text)
{
    size_t len = strlen(text);
    if (line->len + len >= sizeof line->text)
        return;
    memcpy(line->text + line->len, text, len + 1);
    line->len += len;
}

/* Never less than what a terminal takes, so that no line is ever broken by it: from
 * Hangul on characters may be wide, but punctuation, arrows and blocks (2000 to 2BFF) are
 * not. */
static int code_width(uint32_t code)
{
    return code < 0x1100 || (code >= 0x2000 && code < 0x2C00) ? 1 : 2;
}

/* The next character as it is shown: *p moves behind it. Returns its width. */
static int next_char(const uint8_t **p, size_t *left, bool utf8, char out[5])
{
    uint32_t code = 0;
    size_t len = em_utf8_next(*p, *left, &code);
    bool shown = len > 0 && em_text_is_visible(code) && (utf8 || code < 0x80);
    size_t step = len > 0 ? len : 1;
    (void)snprintf(out, 5, "%.*s", shown ? (int)len : 1,
                   shown ? (const char *)*p : "?"); /* UTF-8 has at most 4 bytes */
    *p += step;
    *left -= step;
    return shown ? code_width(code) : 1;
}

int view_text_width(const char *text, bool utf8)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text);
    char out[5];
    int width = 0;
    while (left > 0)
        width += next_char(&p, &left, utf8, out);
    return width;
}

void view_line_put(struct view_line *line, const char *text, int width)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text);
    int room = line->limit - line->width;
    if (width >= 0 && width < room)
        room = width;
    while (left > 0) {
        char out[5];
        int needed = next_char(&p, &left, line->utf8, out);
        if (needed > room)
            break;
        view_line_put_code(line, out);
        line->width += needed;
        room -= needed;
    }
    for (; width >= 0 && room > 0; room--) {
        view_line_put_code(line, " ");
        line->width++;
    }
}

void view_duration_text(char *out, size_t size, int64_t us)
{
    int64_t s = us / 1000000;
    if (s < 10) /* tenths, cut off */
        (void)snprintf(out, size, "%" PRId64 ".%" PRId64 " s", s, us / 100000 % 10);
    else if (s < 60)
        (void)snprintf(out, size, "%" PRId64 " s", s);
    else if (s < 3600)
        (void)snprintf(out, size, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else
        (void)snprintf(out, size, "%" PRId64 " h %02" PRId64 " min", s / 3600,
                       s / 60 % 60);
}

void view_append(struct em_buf *out, const char *text)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t left = strlen(text);
    while (left > 0) {
        char shown[5];
        (void)next_char(&p, &left, true, shown); /* lines may be of any width */
        em_buf_append_text(out, shown);
    }
}

void view_append_message(struct em_buf *out, const char *before,
                         const struct em_error *msg)
{
    char text[1024];
    (void)em_error_format(msg, text, sizeof text); /* what is too long is cut */
    em_buf_append_text(out, before);
    view_append(out, text);
    em_buf_append_text(out, "\n");
    if (msg->hint[0] == '\0')
        return;
    em_buf_append_text(out, "    hint: ");
    view_append(out, msg->hint);
    em_buf_append_text(out, "\n");
}

void view_note_text(struct em_buf *out, const struct line_event *event)
{
    static const char *const levels[] = {"", "warning: ", "note: ", "", "", ""};
    const struct line_slot_now *slot = event->slot;
    char before[EM_LEDGER_NAME + 64] = "";
    bool failed = event->kind == LINE_EVENT_VERDICT;
    const struct em_error *msg = failed ? &slot->error : event->note;
    if (msg == NULL)
        return;
    if (slot != NULL)
        (void)snprintf(before, sizeof before, "%s%s%s%s%s: %s", slot->name,
                       slot->unit_name[0] == '\0' ? "" : " ", slot->unit_name,
                       slot->mac[0] == '\0' ? "" : " ", slot->mac,
                       failed ? "FAIL: " : "");
    view_append(out, before);
    view_append_message(out, failed ? "" : levels[event->level], msg);
}
