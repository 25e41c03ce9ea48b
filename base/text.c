/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 text: validity, blanks, integers as people and spreadsheets write them. */
#include "config.h"

#include "base/text_int.h"

#include <stdio.h>
#include <string.h>

struct em_span em_span_of(const char *text)
{
    return (struct em_span){(const uint8_t *)text, strlen(text)};
}

bool em_span_equal(struct em_span a, struct em_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool em_span_is(struct em_span a, const char *text)
{
    return em_span_equal(a, em_span_of(text));
}

size_t em_utf8_next(const uint8_t *p, size_t len, uint32_t *code)
{
    uint8_t first = p[0];
    size_t need;
    uint32_t low; /* smallest value that needs this many bytes */
    if (first < 0x80) {
        *code = first;
        return 1;
    } else if (first >= 0xC2 && first < 0xE0) {
        need = 2, low = 0x80, *code = first & 0x1Fu;
    } else if (first >= 0xE0 && first < 0xF0) {
        need = 3, low = 0x800, *code = first & 0x0Fu;
    } else if (first >= 0xF0 && first < 0xF5) {
        need = 4, low = 0x10000, *code = first & 0x07u;
    } else {
        return 0;
    }
    if (len < need)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3Fu);
    }
    if (*code < low || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000))
        return 0;
    return need;
}

/* How many bytes from p on are ASCII; eight at a time, as nearly all text is. */
static size_t ascii_run(const uint8_t *p, size_t len)
{
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (i < len && p[i] < 0x80)
        i++;
    return i;
}

bool em_text_is_ascii(struct em_span text)
{
    return ascii_run(text.p, text.len) == text.len;
}

size_t em_text_plain_run(struct em_span text)
{
    enum { BLOCK = 64 };
    size_t i = 0;
    while (text.len - i >= BLOCK) {
        /* The smallest of values that are 0 for what ends a run: written so that
         * compilers turn it into vector instructions. Most of a table is scanned here. */
        uint8_t least = UINT8_MAX;
        for (size_t j = 0; j < BLOCK; j++) {
            uint8_t c = text.p[i + j];
            uint8_t comma = (uint8_t)(c ^ ',');
            uint8_t quote = (uint8_t)(c ^ '"');
            uint8_t above = c > '\r' ? 1 : 0;
            comma = comma < quote ? comma : quote;
            comma = comma < above ? comma : above;
            least = least < comma ? least : comma;
        }
        if (least == 0)
            break;
        i += BLOCK;
    }
    while (i < text.len && text.p[i] > '\r' && text.p[i] != ',' && text.p[i] != '"')
        i++;
    return i;
}

bool em_utf8_valid(struct em_span text)
{
    size_t i = 0;
    /* Empty text may have no address, and not even 0 may be added to none. */
    while (i < text.len && (i += ascii_run(text.p + i, text.len - i)) < text.len) {
        uint32_t code;
        size_t n = em_utf8_next(text.p + i, text.len - i, &code);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t em_utf8_count(struct em_span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.p[i] & 0xC0) != 0x80;
    return count;
}

bool em_text_is_space(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) ||
           code == 0x85 || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
           code == 0x202F || code == 0x205F || code == 0x3000;
}

struct em_span em_text_strip(struct em_span text)
{
    uint32_t code;
    size_t n;
    while (text.len > 0 && (n = em_utf8_next(text.p, text.len, &code)) != 0 &&
           em_text_is_space(code)) {
        text.p += n;
        text.len -= n;
    }
    while (text.len > 0) {
        size_t at = text.len - 1; /* start of the last character */
        while (at > 0 && (text.p[at] & 0xC0) == 0x80)
            at--;
        if (em_utf8_next(text.p + at, text.len - at, &code) != text.len - at ||
            !em_text_is_space(code))
            break;
        text.len = at;
    }
    return text;
}

bool em_text_is_visible(uint32_t code)
{
    /* Unicode 14, general categories Cc, Cf (the common ones), Zl and Zp. */
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},       {0x61C, 0x61C},
        {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},   {0x2060, 0x206F},
        {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
    };
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        if (code >= hidden[i].first && code <= hidden[i].last)
            return false;
    }
    return true;
}

void em_text_show_char(char out[EM_TEXT_CHAR_SHOWN], const uint8_t *p, size_t len)
{
    uint32_t code;
    size_t n = em_utf8_next(p, len, &code);
    if (n == 0)
        (void)snprintf(out, EM_TEXT_CHAR_SHOWN, "byte 0x%02X", p[0]);
    else if (!em_text_is_visible(code) || em_text_is_space(code))
        (void)snprintf(out, EM_TEXT_CHAR_SHOWN, "U+%04X", (unsigned)code);
    else
        (void)snprintf(out, EM_TEXT_CHAR_SHOWN, "'%.*s'", (int)n, (const char *)p);
}

/* The zero of each script that has decimal digits; the other nine follow it.
 * Unicode 14, general category Nd. */
static const uint32_t script_zeros[] = {
    /* clang-format off */
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6,
    0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0,
    0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066,
    0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730,
    0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE,
    0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
    /* clang-format on */
};

/* Value of a decimal digit of any script, or -1. */
static int decimal_value(uint32_t code)
{
    size_t low = 0;
    size_t high = sizeof script_zeros / sizeof script_zeros[0];
    while (low < high) { /* the last zero that is not above code */
        size_t mid = low + (high - low) / 2;
        if (script_zeros[mid] <= code)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == 0 || code - script_zeros[low - 1] > 9)
        return -1;
    return (int)(code - script_zeros[low - 1]);
}

static void add_digit(struct em_integer *n, unsigned base, unsigned digit)
{
    if (n->huge || n->magnitude > (UINT64_MAX - digit) / base)
        n->huge = true;
    else
        n->magnitude = n->magnitude * base + digit;
}

static struct em_span take_sign(struct em_integer *out, struct em_span text)
{
    if (text.len > 0 && (text.p[0] == '-' || text.p[0] == '+')) {
        out->negative = text.p[0] == '-';
        text.p++;
        text.len--;
    }
    return text;
}

/* Digits with single '_' between them, nothing else. false: not a number. */
static bool take_digits(struct em_integer *out, struct em_span text, unsigned base,
                        bool any_script, bool may_start_with_underscore)
{
    bool after_digit = may_start_with_underscore;
    size_t i = 0;
    while (i < text.len) {
        uint32_t code;
        size_t n = em_utf8_next(text.p + i, text.len - i, &code);
        if (n == 0 || (n > 1 && !any_script))
            return false;
        if (code == '_') {
            if (!after_digit)
                return false;
            after_digit = false;
        } else {
            int value = decimal_value(code);
            if (value < 0 && base == 16 && code < 0x80 && ((code | 0x20) >= 'a') &&
                ((code | 0x20) <= 'f'))
                value = (int)((code | 0x20) - 'a' + 10);
            if (value < 0 || (unsigned)value >= base)
                return false;
            add_digit(out, base, (unsigned)value);
            after_digit = true;
        }
        i += n;
    }
    return text.len > 0 && after_digit && text.p[text.len - 1] != '_';
}

static enum em_status end_integer(struct em_integer *out)
{
    if (out->magnitude == 0 && !out->huge)
        out->negative = false;
    return EM_OK;
}

static enum em_status no_integer(struct em_integer *out, const char *hint,
                                 const char *what, struct em_error *err)
{
    *out = (struct em_integer){0};
    return em_error_set(err, EM_ERR_INPUT, hint, "%s", what);
}

enum em_status em_text_decimal(struct em_integer *out, struct em_span text,
                               struct em_error *err)
{
    *out = (struct em_integer){0};
    struct em_span digits = take_sign(out, em_text_strip(text));
    if (!take_digits(out, digits, 10, true, false))
        return no_integer(
            out, "write a decimal number, without 0x, point or exponent",
            text.len == 0 ? "empty, an integer is needed" : "not a decimal integer", err);
    return end_integer(out);
}

enum em_status em_text_literal(struct em_integer *out, struct em_span text,
                               struct em_error *err)
{
    *out = (struct em_integer){0};
    struct em_span digits = take_sign(out, em_text_strip(text));
    unsigned base = 10;
    if (digits.len >= 2 && digits.p[0] == '0') {
        uint8_t letter = digits.p[1] | 0x20;
        base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    }
    bool prefixed = base != 10;
    if (prefixed) {
        digits.p += 2;
        digits.len -= 2;
    }
    bool leading_zero = !prefixed && digits.len > 1 && digits.p[0] == '0';
    if (!take_digits(out, digits, base, false, prefixed) ||
        (leading_zero && (out->magnitude != 0 || out->huge)))
        return no_integer(out, "write it as 12288 or 0x3000", "not a number", err);
    return end_integer(out);
}

unsigned em_text_distance(const char *a, const char *b)
{
    enum { NAME_MAX_LEN = 64 };
    unsigned row[NAME_MAX_LEN + 1];
    size_t wide = strlen(b);
    if (wide > NAME_MAX_LEN || strlen(a) > NAME_MAX_LEN)
        return EM_TEXT_FAR;
    for (size_t i = 0; i <= wide; i++)
        row[i] = (unsigned)i;
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0]++;
        for (size_t j = 0; j < wide; j++) {
            unsigned best = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            row[j + 1] = best;
        }
    }
    return row[wide];
}

/* ---- Passwords ---- */

/* [from, to) becomes stars, three at most; the new end. */
static char *hide(char *from, char *to)
{
    for (int i = 0; i < 3 && from < to; i++)
        *from++ = '*';
    memmove(from, to, strlen(to) + 1);
    return from;
}

/* Behind the "://" of a word that ends at white space. */
static void hide_of_word(char *text, bool cut)
{
    static const char spaces[] = " \t\r\n";
    size_t len = strcspn(text, spaces);
    char *at = NULL;
    for (size_t i = 0; i < len; i++)
        at = text[i] == '@' ? text + i : at;
    if (at == NULL && cut && text[len] == '\0')
        at = text + len;
    char *colon = at == NULL ? NULL : memchr(text, ':', (size_t)(at - text));
    if (colon != NULL)
        text = hide(colon + 1, at);
    for (;;) {
        static const char name[] = "password=";
        char *value = strstr(text, name);
        if (value == NULL || value >= text + strcspn(text, spaces))
            return;
        value += sizeof name - 1;
        text = hide(value, value + strcspn(value, "& \t\r\n'"));
    }
}

void em_text_hide_passwords(char *text, bool cut)
{
    while ((text = strstr(text, "://")) != NULL) {
        text += 3;
        hide_of_word(text, cut);
    }
}
