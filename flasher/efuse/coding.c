/* SPDX-License-Identifier: Apache-2.0 */
/* The codes of eFuse blocks: 3/4 and repeat of the ESP32, Reed-Solomon of later chips. */
#include "config.h"

#include "flasher/efuse/coding_int.h"

#include <string.h>

/* Facts: ESP32 technical reference manual, chapter eFuse (3/4 and repeat coding);
 * manuals of the later chips, chapter eFuse, RS(44,32). */
enum { POLYNOMIAL = 0x11D, FIELD_ORDER = 255, ERRORS_MAX = 6 };

/* x^12 + 0x44 x^11 + … + 0x61: the product of (x - 2^k), k = 0 … 11. */
static const uint8_t generator[EM_EFUSE_RS_CHECK + 1] = {
    0x01, 0x44, 0x77, 0x43, 0x76, 0xdc, 0x1f, 0x07, 0x54, 0x5c, 0x7f, 0xd5, 0x61};

static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0;
    unsigned shifted = a;
    for (unsigned bits = b; bits != 0; bits >>= 1) {
        if ((bits & 1) != 0)
            product ^= shifted;
        shifted <<= 1;
        if ((shifted & 0x100) != 0)
            shifted ^= POLYNOMIAL;
    }
    return (uint8_t)product;
}

static uint8_t power(uint8_t base, unsigned exponent)
{
    uint8_t result = 1;
    for (; exponent != 0; exponent >>= 1) {
        if ((exponent & 1) != 0)
            result = multiply(result, base);
        base = multiply(base, base);
    }
    return result;
}

static uint8_t inverse(uint8_t a)
{
    return power(a, FIELD_ORDER - 1);
}

void em_efuse_rs_encode(const uint8_t data[EM_EFUSE_RS_DATA],
                        uint8_t check[EM_EFUSE_RS_CHECK])
{
    memset(check, 0, EM_EFUSE_RS_CHECK);
    for (size_t i = 0; i < EM_EFUSE_RS_DATA; i++) {
        uint8_t feedback = data[i] ^ check[0];
        memmove(check, check + 1, EM_EFUSE_RS_CHECK - 1);
        check[EM_EFUSE_RS_CHECK - 1] = 0;
        for (size_t k = 0; k < EM_EFUSE_RS_CHECK; k++)
            check[k] ^= multiply(feedback, generator[k + 1]);
    }
}

/* Value of a polynomial, lowest power first. */
static uint8_t value_at(const uint8_t *coefficients, size_t count, uint8_t x)
{
    uint8_t value = 0;
    for (size_t i = count; i-- > 0;)
        value = multiply(value, x) ^ coefficients[i];
    return value;
}

/* The word at the roots of the generator; all zero if it is a code word. */
static bool syndromes_of(const uint8_t word[EM_EFUSE_RS_WORD],
                         uint8_t out[EM_EFUSE_RS_CHECK])
{
    uint8_t any = 0;
    uint8_t root = 1;
    for (size_t k = 0; k < EM_EFUSE_RS_CHECK; k++) {
        uint8_t sum = 0;
        for (size_t i = 0; i < EM_EFUSE_RS_WORD; i++)
            sum = multiply(sum, root) ^ word[i];
        out[k] = sum;
        any |= sum;
        root = multiply(root, 2);
    }
    return any != 0;
}

/* Berlekamp and Massey: the shortest recurrence that makes the syndromes; its polynomial
 * has its roots at the inverses of the places of errors. Returns its length. */
static size_t locator_of(const uint8_t syndromes[EM_EFUSE_RS_CHECK],
                         uint8_t locator[EM_EFUSE_RS_CHECK + 1])
{
    uint8_t previous[EM_EFUSE_RS_CHECK + 1] = {1};
    uint8_t previous_gap = 1;
    size_t length = 0;
    size_t since = 1;
    memset(locator, 0, EM_EFUSE_RS_CHECK + 1);
    locator[0] = 1;
    for (size_t n = 0; n < EM_EFUSE_RS_CHECK; n++) {
        uint8_t gap = syndromes[n];
        for (size_t i = 1; i <= length; i++)
            gap ^= multiply(locator[i], syndromes[n - i]);
        if (gap == 0) {
            since++;
            continue;
        }
        uint8_t kept[EM_EFUSE_RS_CHECK + 1];
        memcpy(kept, locator, sizeof kept);
        uint8_t factor = multiply(gap, inverse(previous_gap));
        for (size_t i = since; i <= EM_EFUSE_RS_CHECK; i++)
            locator[i] ^= multiply(factor, previous[i - since]);
        if (2 * length <= n) {
            length = n + 1 - length;
            memcpy(previous, kept, sizeof previous);
            previous_gap = gap;
            since = 1;
        } else {
            since++;
        }
    }
    return length;
}

/* Forney: what has to be added at the place whose locator number is @p x. */
static uint8_t magnitude(const uint8_t *evaluator, const uint8_t *locator, uint8_t x)
{
    uint8_t x_inverse = inverse(x);
    uint8_t slope[EM_EFUSE_RS_CHECK + 1] = {0};
    for (size_t i = 1; i <= EM_EFUSE_RS_CHECK; i += 2)
        slope[i - 1] = locator[i]; /* the derivative: even terms vanish */
    uint8_t divisor = value_at(slope, EM_EFUSE_RS_CHECK, x_inverse);
    if (divisor == 0)
        return 0;
    uint8_t value = value_at(evaluator, EM_EFUSE_RS_CHECK, x_inverse);
    return multiply(x, multiply(value, inverse(divisor)));
}

int em_efuse_rs_decode(uint8_t word[EM_EFUSE_RS_WORD], uint8_t *where_out)
{
    uint8_t syndromes[EM_EFUSE_RS_CHECK];
    if (!syndromes_of(word, syndromes))
        return 0;
    uint8_t locator[EM_EFUSE_RS_CHECK + 1];
    size_t errors = locator_of(syndromes, locator);
    if (errors > ERRORS_MAX)
        return EM_EFUSE_RS_FAIL;

    uint8_t evaluator[EM_EFUSE_RS_CHECK] = {0};
    for (size_t i = 0; i < EM_EFUSE_RS_CHECK; i++)
        for (size_t k = 0; k <= i; k++)
            evaluator[i] ^= multiply(locator[k], syndromes[i - k]);

    uint8_t mended[EM_EFUSE_RS_WORD];
    memcpy(mended, word, sizeof mended);
    size_t found = 0;
    for (size_t i = 0; i < EM_EFUSE_RS_WORD; i++) {
        uint8_t x = power(2, (unsigned)(EM_EFUSE_RS_WORD - 1 - i));
        if (value_at(locator, EM_EFUSE_RS_CHECK + 1, inverse(x)) != 0)
            continue;
        mended[i] ^= magnitude(evaluator, locator, x);
        if (where_out != NULL && found < ERRORS_MAX)
            where_out[found] = (uint8_t)i;
        found++;
    }
    if (found != errors || syndromes_of(mended, syndromes))
        return EM_EFUSE_RS_FAIL;
    memcpy(word, mended, sizeof mended);
    return (int)errors;
}

static unsigned ones_of(uint8_t byte)
{
    unsigned ones = 0;
    for (unsigned bits = byte; bits != 0; bits &= bits - 1)
        ones++;
    return ones;
}

enum { GROUP_DATA = 6, GROUP_CODED = 8 };

static void check_34(const uint8_t *data, uint8_t *check)
{
    unsigned sum = 0;
    check[0] = 0;
    for (unsigned k = 0; k < GROUP_DATA; k++) {
        check[0] ^= data[k];
        sum += (k + 1) * ones_of(data[k]);
    }
    check[1] = (uint8_t)sum;
}

void em_efuse_34_encode(const uint8_t data[EM_EFUSE_34_DATA],
                        uint8_t coded[EM_EFUSE_CODED])
{
    for (size_t g = 0; g < EM_EFUSE_34_GROUPS; g++) {
        memcpy(coded + g * GROUP_CODED, data + g * GROUP_DATA, GROUP_DATA);
        check_34(data + g * GROUP_DATA, coded + g * GROUP_CODED + GROUP_DATA);
    }
}

/* One bit of one data byte is wrong: the XOR tells which bit, the sum which byte. */
static void mend_34(const uint8_t *coded, uint8_t *data)
{
    uint8_t check[2];
    check_34(data, check);
    uint8_t wrong = check[0] ^ coded[GROUP_DATA];
    if (ones_of(wrong) != 1)
        return;
    for (unsigned k = 0; k < GROUP_DATA; k++) {
        uint8_t tried[GROUP_DATA];
        memcpy(tried, data, sizeof tried);
        tried[k] ^= wrong;
        check_34(tried, check);
        if (check[1] == coded[GROUP_DATA + 1]) {
            memcpy(data, tried, sizeof tried);
            return;
        }
    }
}

unsigned em_efuse_34_decode(const uint8_t coded[EM_EFUSE_CODED],
                            uint8_t data[EM_EFUSE_34_DATA])
{
    unsigned bad = 0;
    for (size_t g = 0; g < EM_EFUSE_34_GROUPS; g++) {
        const uint8_t *in = coded + g * GROUP_CODED;
        uint8_t *out = data + g * GROUP_DATA;
        memcpy(out, in, GROUP_DATA);
        uint8_t check[2];
        check_34(out, check);
        if (memcmp(check, in + GROUP_DATA, sizeof check) == 0)
            continue;
        bad |= 1U << g;
        mend_34(in, out);
    }
    return bad;
}

void em_efuse_repeat_encode(const uint8_t data[EM_EFUSE_REPEAT_DATA],
                            uint8_t coded[EM_EFUSE_CODED])
{
    memcpy(coded, data, EM_EFUSE_REPEAT_DATA);
    memcpy(coded + EM_EFUSE_REPEAT_DATA, data, EM_EFUSE_REPEAT_DATA);
}

bool em_efuse_repeat_decode(const uint8_t coded[EM_EFUSE_CODED],
                            uint8_t data[EM_EFUSE_REPEAT_DATA])
{
    const uint8_t *again = coded + EM_EFUSE_REPEAT_DATA;
    for (size_t i = 0; i < EM_EFUSE_REPEAT_DATA; i++)
        data[i] = coded[i] | again[i];
    return memcmp(coded, again, EM_EFUSE_REPEAT_DATA) == 0;
}
