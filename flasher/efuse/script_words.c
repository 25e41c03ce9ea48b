/* SPDX-License-Identifier: Apache-2.0 */
/* Splits the command lines of scripts. */
#include "config.h"

#include "flasher/efuse/script_int.h"

#include "base/error_int.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The text up to the end of a quote; returns what is behind it, or NULL. */
static const char *take_quote(struct em_buf *out, const char *p, const char *end)
{
    char quote = *p++;
    for (; p < end && *p != quote; p++) {
        if (quote == '"' && *p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
            p++;
        em_buf_append_byte(out, (uint8_t)*p);
    }
    return p < end ? p + 1 : NULL;
}

enum em_status em_script_split(struct em_buf *out, size_t *count_out, const char *text,
                               size_t len, struct em_error *err)
{
    const char *p = text;
    const char *end = text + len;
    if (len > 0 && memchr(text, '\0', len) != NULL)
        return em_error_set(err, EM_ERR_USAGE, NULL, "a command with a NUL character");
    for (;;) {
        while (p < end && is_blank(*p))
            p++;
        if (p == end)
            break;
        while (p != NULL && p < end && !is_blank(*p)) {
            if (*p == '\'' || *p == '"') {
                p = take_quote(out, p, end);
                continue;
            }
            if (*p == '\\' && p + 1 < end)
                p++;
            em_buf_append_byte(out, (uint8_t)*p++);
        }
        if (p == NULL)
            return em_error_set(err, EM_ERR_USAGE, "write the quote at its end",
                                "a quote in the command is not closed");
        em_buf_append_byte(out, 0);
        (*count_out)++;
    }
    return out->failed ? em_error_nomem(err) : EM_OK;
}
