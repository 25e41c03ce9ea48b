/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal digits to bytes and back. */
#include "config.h"

#include "base/hex_int.h"

#include "base/text_int.h"

void em_hex_encode(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = '\0';
}

void em_hex_append(struct em_buf *out, const uint8_t *data, size_t len)
{
    uint8_t *room = em_buf_reserve(out, 2 * len + 1);
    if (room == NULL)
        return;
    em_hex_encode((char *)room, data, len);
    out->len += 2 * len;
}

/* Value of a digit plus one, so that 0 (the rest of the table) means "no digit". */
static const uint8_t digit_plus_1[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
    ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
    ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* Decode pairs of digits; false when something else is among them. The test comes after
 * the loop, which keeps it free of branches. */
static bool decode_pairs(uint8_t *to, const uint8_t *text, size_t pairs)
{
    unsigned bad = 0;
    for (size_t i = 0; i < pairs; i++) {
        unsigned high = digit_plus_1[text[2 * i]] - 1u; /* all ones: no digit */
        unsigned low = digit_plus_1[text[2 * i + 1]] - 1u;
        bad |= high | low;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return bad <= 15;
}

enum em_status em_hex_decode(struct em_buf *out, const uint8_t *text, size_t len,
                             struct em_error *err)
{
    uint8_t *to = em_buf_reserve(out, len / 2 + 1);
    if (to == NULL)
        return em_error_nomem(err);
    bool good = decode_pairs(to, text, len / 2);
    for (size_t i = 0; i < len && (!good || len % 2 != 0); i++) {
        if (digit_plus_1[text[i]] == 0) {
            char shown[EM_TEXT_CHAR_SHOWN];
            em_text_show_char(shown, text + i, len - i);
            return em_error_set(err, EM_ERR_INPUT, "use pairs of 0-9, a-f, A-F only",
                                "%s at position %zu is no hex digit", shown, i + 1);
        }
    }
    if (len % 2 != 0)
        return em_error_set(err, EM_ERR_INPUT, "every byte takes two digits",
                            "odd number of hex digits (%zu)", len);
    out->len += len / 2;
    return EM_OK;
}
