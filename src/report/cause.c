/* SPDX-License-Identifier: Apache-2.0 */
/* What failures of one kind have in common. */
#include "config.h"

#include "src/report/data.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           ((unsigned char)c & 0x80) != 0;
}

/* Length of a number at the beginning of @p word: decimal, with 0x, hex digits in a row,
 * a MAC; 0: a name, which may end in digits ("esp32c3", "BLOCK_KEY0"). */
static size_t number_len(const char *word)
{
    size_t len = 0;
    size_t digits = 0;
    if (word[0] == '0' && word[1] == 'x' && is_hex(word[2])) {
        for (len = 2; is_hex(word[len]); len++)
            ;
        return len;
    }
    while (is_hex(word[len]) || (len > 0 && word[len] == ':' && is_hex(word[len + 1]))) {
        digits += is_digit(word[len]);
        len++;
    }
    bool number = is_digit(word[0]) ? !is_word(word[len]) : digits > 0 && len >= 8;
    if (number && !is_word(word[len]))
        return len;
    len = strspn(word, "0123456789"); /* "3000ms" */
    return len;
}

void report_cause_text(char out[REPORT_CAUSE], const char *detail)
{
    size_t to = 0;
    const char *p = detail;
    while (*p != '\0' && to + 4 < REPORT_CAUSE) {
        size_t len = p == detail || !is_word(p[-1]) ? number_len(p) : 0;
        if (len > 0) {
            memcpy(out + to, "…", sizeof "…" - 1);
            to += sizeof "…" - 1;
            p += len;
        } else {
            out[to++] = *p++;
        }
    }
    /* Never half of a character. */
    while (*p != '\0' && to > 0 && ((unsigned char)*p & 0xC0) == 0x80) {
        p--;
        to--;
    }
    out[to] = '\0';
}
