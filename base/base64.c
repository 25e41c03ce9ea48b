/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as lenient as the tools that factories have used so far. */
#include "config.h"

#include "base/base64_int.h"

#include <openssl/evp.h>

/* Value of each character of the alphabet (RFC 4648, section 4) plus one; 0: no digit. */
static const uint8_t digit_plus_1[256] = {
    /* clang-format off */
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
    /* clang-format on */
};

void em_base64_encode(struct em_buf *out, const uint8_t *data, size_t len)
{
    uint8_t *room = em_buf_reserve(out, (len + 2) / 3 * 4 + 1); /* and a NUL */
    if (room == NULL)
        return;
    out->len += (size_t)EVP_EncodeBlock(room, data, (int)len);
}

enum em_status em_base64_decode(struct em_buf *out, const uint8_t *text, size_t len,
                                struct em_error *err)
{
    static const char hint[] =
        "base64 has four characters for three bytes; the last group ends in '='";
    uint8_t *start = em_buf_reserve(out, len / 4 * 3 + 3);
    if (start == NULL)
        return em_error_nomem(err);
    uint8_t *to = start;
    unsigned in_group = 0; /* digits of the present group of four */
    unsigned pads = 0;     /* '=' since the last digit */
    unsigned left = 0;     /* bits of the last digit that no byte has taken yet */
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        /* Whole groups of four digits, which is nearly always all there is. */
        while (in_group == 0 && len - i >= 4) {
            unsigned a = digit_plus_1[text[i]] - 1u; /* all ones: no digit */
            unsigned b = digit_plus_1[text[i + 1]] - 1u;
            unsigned c = digit_plus_1[text[i + 2]] - 1u;
            unsigned d = digit_plus_1[text[i + 3]] - 1u;
            if ((a | b | c | d) > 63)
                break;
            unsigned group = a << 18 | b << 12 | c << 6 | d;
            *to++ = (uint8_t)(group >> 16);
            *to++ = (uint8_t)(group >> 8);
            *to++ = (uint8_t)group;
            digits += 4;
            i += 4;
        }
        if (i == len)
            break;
        if (text[i] == '=') {
            if (in_group >= 2 && in_group + ++pads >= 4) {
                in_group = 0;
                break;
            }
            continue;
        }
        if (digit_plus_1[text[i]] == 0)
            continue;
        unsigned value = digit_plus_1[text[i]] - 1u;
        pads = 0;
        digits++;
        switch (in_group) {
        case 0:
            break;
        case 1:
            *to++ = (uint8_t)(left << 2 | value >> 4);
            break;
        case 2:
            *to++ = (uint8_t)((left & 15) << 4 | value >> 2);
            break;
        default:
            *to++ = (uint8_t)((left & 3) << 6 | value);
            break;
        }
        left = value;
        in_group = (in_group + 1) % 4;
    }
    if (in_group == 1)
        return em_error_set(
            err, EM_ERR_INPUT, hint,
            "no base64 text has %zu digits (one more than a multiple of four)", digits);
    if (in_group != 0)
        return em_error_set(err, EM_ERR_INPUT, hint,
                            "incorrect base64 padding ('%s' missing)",
                            in_group == 2 && pads == 0 ? "==" : "=");
    out->len += (size_t)(to - start);
    return EM_OK;
}
