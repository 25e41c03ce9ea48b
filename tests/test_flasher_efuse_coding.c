/* SPDX-License-Identifier: Apache-2.0 */
/* Codes of eFuse blocks: published vectors, and what decoding finds and mends. */
#include "config.h"

#include "flasher/efuse/coding_int.h"

#include "tests/em_test.h"

static void counted(uint8_t *out, uint8_t first, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(first + i);
}

static void test_rs_vectors(void)
{
    /* Recorded from published tools. */
    static const struct {
        int first; /* -1: 31 zeros and 01; -2: 02 and zeros; -3: all ff; -4: zeros */
        uint8_t check[EM_EFUSE_RS_CHECK];
    } rows[] = {
        {-1, {0x44, 0x77, 0x43, 0x76, 0xdc, 0x1f, 0x07, 0x54, 0x5c, 0x7f, 0xd5, 0x61}},
        {0x00, {0xa0, 0x4c, 0x47, 0x0d, 0x3f, 0xfc, 0xb2, 0x03, 0xda, 0xe9, 0xf4, 0x13}},
        {0xa0, {0x04, 0x04, 0x99, 0x2a, 0xe0, 0xb1, 0x2c, 0xb0, 0xef, 0x0d, 0x4f, 0xd3}},
        {-2, {0xdf, 0x1e, 0xc4, 0xdc, 0x43, 0xc5, 0x97, 0xeb, 0x91, 0xdd, 0x33, 0x5e}},
        {-3, {0x13, 0xa3, 0x62, 0x92, 0x59, 0x74, 0x04, 0x25, 0x73, 0x75, 0xe0, 0xaa}},
        {-4, {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t data[EM_EFUSE_RS_DATA] = {0};
        if (rows[i].first >= 0)
            counted(data, (uint8_t)rows[i].first, sizeof data);
        else if (rows[i].first == -1)
            data[31] = 1;
        else if (rows[i].first == -2)
            data[0] = 2;
        else if (rows[i].first == -3)
            memset(data, 0xFF, sizeof data);
        uint8_t check[EM_EFUSE_RS_CHECK];
        em_efuse_rs_encode(data, check);
        EM_CHECK_BYTES(check, rows[i].check, sizeof check);
    }
}

static void make_word(uint8_t word[EM_EFUSE_RS_WORD])
{
    counted(word, 0xa0, EM_EFUSE_RS_DATA);
    em_efuse_rs_encode(word, word + EM_EFUSE_RS_DATA);
}

static void test_rs_single_errors(void)
{
    uint8_t good[EM_EFUSE_RS_WORD];
    make_word(good);
    for (size_t place = 0; place < EM_EFUSE_RS_WORD; place++)
        for (unsigned wrong = 1; wrong < 256; wrong++) {
            uint8_t word[EM_EFUSE_RS_WORD];
            uint8_t where[6] = {0};
            memcpy(word, good, sizeof word);
            word[place] ^= (uint8_t)wrong;
            CU_ASSERT_EQUAL(em_efuse_rs_decode(word, where), 1);
            CU_ASSERT_EQUAL(where[0], place);
            EM_CHECK_BYTES(word, good, sizeof word);
        }
}

static void test_rs_many_errors(void)
{
    uint8_t good[EM_EFUSE_RS_WORD];
    make_word(good);
    uint32_t random = 1;
    for (unsigned round = 0; round < 400; round++) {
        uint8_t word[EM_EFUSE_RS_WORD];
        memcpy(word, good, sizeof word);
        int errors = (int)(round % 9);
        for (int done = 0; done < errors;) {
            random = random * 1664525 + 1013904223; /* Numerical Recipes */
            size_t place = (random >> 8) % EM_EFUSE_RS_WORD;
            if (word[place] != good[place])
                continue;
            word[place] ^= (uint8_t)(1 + (random >> 24) % 255);
            done++;
        }
        uint8_t before[EM_EFUSE_RS_WORD];
        memcpy(before, word, sizeof word);
        int found = em_efuse_rs_decode(word, NULL);
        if (errors <= 6) {
            CU_ASSERT_EQUAL(found, errors);
            EM_CHECK_BYTES(word, good, sizeof word);
        } else {
            /* Seven or eight: none of these happens to lie near another word. */
            CU_ASSERT_EQUAL(found, EM_EFUSE_RS_FAIL);
            EM_CHECK_BYTES(word, before, sizeof word);
        }
    }
}

static const uint8_t counted_34[EM_EFUSE_CODED] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x01, 0x1e, 0x06, 0x07, 0x08,
    0x09, 0x0a, 0x0b, 0x01, 0x2f, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11,
    0x01, 0x32, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0x41};

static void test_34(void)
{
    uint8_t data[EM_EFUSE_34_DATA];
    uint8_t coded[EM_EFUSE_CODED];
    counted(data, 0, sizeof data);
    em_efuse_34_encode(data, coded);
    EM_CHECK_BYTES(coded, counted_34, sizeof coded);
    memset(data, 0xFF, sizeof data);
    em_efuse_34_encode(data, coded);
    for (size_t i = 0; i < sizeof coded; i++)
        CU_ASSERT_EQUAL(coded[i], i % 8 == 6 ? 0x00 : i % 8 == 7 ? 0xa8 : 0xFF);
}

static void test_34_every_bit(void)
{
    uint8_t good[EM_EFUSE_34_DATA];
    counted(good, 0, sizeof good);
    for (size_t bit = 0; bit < 8 * EM_EFUSE_CODED; bit++) {
        uint8_t coded[EM_EFUSE_CODED];
        uint8_t data[EM_EFUSE_34_DATA];
        memcpy(coded, counted_34, sizeof coded);
        coded[bit / 8] ^= (uint8_t)(1U << bit % 8);
        CU_ASSERT_EQUAL(em_efuse_34_decode(coded, data), 1U << bit / 64);
        EM_CHECK_BYTES(data, good, sizeof data);
    }
    uint8_t data[EM_EFUSE_34_DATA];
    uint8_t two[EM_EFUSE_CODED];
    memcpy(two, counted_34, sizeof two);
    two[0] ^= 3; /* two bits of one byte: seen, not mended */
    CU_ASSERT_EQUAL(em_efuse_34_decode(two, data), 1);
    CU_ASSERT_EQUAL(data[0], 3);
}

static void test_repeat(void)
{
    uint8_t data[EM_EFUSE_REPEAT_DATA];
    uint8_t coded[EM_EFUSE_CODED];
    uint8_t back[EM_EFUSE_REPEAT_DATA];
    counted(data, 0x30, sizeof data);
    em_efuse_repeat_encode(data, coded);
    CU_ASSERT_EQUAL(coded[31], 0x3f);
    CU_ASSERT(em_efuse_repeat_decode(coded, back));
    coded[3] = 0;
    CU_ASSERT_FALSE(em_efuse_repeat_decode(coded, back));
    EM_CHECK_BYTES(back, data, sizeof data);
}

static const struct em_test tests[] = {
    {"Reed-Solomon: vectors", test_rs_vectors},
    {"Reed-Solomon: every single wrong byte", test_rs_single_errors},
    {"Reed-Solomon: up to eight wrong bytes", test_rs_many_errors},
    {"3/4: vectors", test_34},
    {"3/4: every single wrong bit", test_34_every_bit},
    {"repeat", test_repeat},
};

EM_TEST_MAIN("flasher/efuse/coding", tests)
