/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the lenient base64 decoder. */
#include "config.h"

#include "base/base64_int.h"

#include "tests/em_test.h"

static enum em_status decode(struct em_buf *out, const char *text, struct em_error *err)
{
    return em_base64_decode(out, (const uint8_t *)text, strlen(text), err);
}

static void good_texts(void)
{
    static const struct {
        const char *text, *bytes;
        size_t len;
    } cases[] = {
        {"", "", 0},
        /* RFC 4648, section 10 */
        {"Zg==", "f", 1},
        {"Zm8=", "fo", 2},
        {"Zm9v", "foo", 3},
        {"Zm9vYg==", "foob", 4},
        {"Zm9vYmE=", "fooba", 5},
        {"Zm9vYmFy", "foobar", 6},
        {"////", "\xFF\xFF\xFF", 3},
        {"++++", "\xFB\xEF\xBE", 3},
        {"AAAA", "\0\0\0", 3},
        /* Other characters are skipped. */
        {"Q U J D", "ABC", 3},
        {"QU*JD", "ABC", 3},
        {"QU-_JD", "ABC", 3},
        {"QUJD\r\nQUJD\r\n", "ABCABC", 6},
        {" \t\n", "", 0},
        {"QUJD\xC3\xA4", "ABC", 3},
        {"\xFFQ\x80UJD", "ABC", 3},
        {"QUJDQUJD QUJDQUJD", "ABCABCABCABC", 12},
        {"Q UJDQUJDQUJD", "ABCABCABC", 9},
        /* '=' where nothing is to be padded, or before the group is full */
        {"QU=JD", "ABC", 3},
        {"Q=UJD", "ABC", 3},
        {"=QUJD", "ABC", 3},
        {"====QUJD", "ABC", 3},
        {"=", "", 0},
        {"====", "", 0},
        {"QUJD====", "ABC", 3},
        {"QUJD==QUJD", "ABCABC", 6},
        {"AB=C=", "\x00\x10", 2},
        {"QU=J=", "AB", 2},
        /* Padding ends the text; what follows does not matter. */
        {"QU==QUJD", "A", 1},
        {"QQ==QQ==", "A", 1},
        {"QUI=X", "AB", 2},
        {"QUI=\xFF", "AB", 2},
        {"QQ= =Q", "A", 1},
        {"QUJDQQ==!", "ABCA", 4},
        {"QUI==", "AB", 2},
        /* Left-over low bits are dropped. */
        {"QV==", "A", 1},
        {"Q/==", "C", 1},
        {"QUJ=", "AB", 2},
        {"QUL=", "AB", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_buf out = {0};
        struct em_error err = {0};
        EM_CHECK_STATUS(decode(&out, cases[i].text, &err), EM_OK, &err);
        if (out.len != cases[i].len)
            printf("\n  '%s' gives %zu bytes\n", cases[i].text, out.len);
        CU_ASSERT_EQUAL(out.len, cases[i].len);
        if (out.len == cases[i].len)
            EM_CHECK_BYTES(out.data, cases[i].bytes, out.len);
        em_buf_free(&out);
    }
}

static void bad_texts(void)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"Q", "has 1 digits"},         {"A===", "has 1 digits"},
        {"=Q=", "has 1 digits"},       {"QUJDR", "has 5 digits"},
        {"QUJDQUJDQ", "has 9 digits"}, {"QU JD QU JD Q", "has 9 digits"},
        {"QU", "'==' missing"},        {"QUJ", "'=' missing"},
        {"QU-_", "'==' missing"},      {"QUJDQU", "'==' missing"},
        {"QUJDQUJ", "'=' missing"},    {"QU=J", "'=' missing"},
        {"QUJD=QU", "'==' missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_buf out = {0};
        struct em_error err = {0};
        em_buf_append_text(&out, "kept");
        EM_CHECK_STATUS(decode(&out, cases[i].text, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_TRUE(err.hint[0] != '\0');
        CU_ASSERT_EQUAL_FATAL(out.len, 4);
        EM_CHECK_BYTES(out.data, "kept", 4);
        em_buf_free(&out);
    }
}

/* "QU=" has one '=' and lacks one more, not two. */
static void tells_what_is_missing(void)
{
    struct em_buf out = {0};
    struct em_error err = {0};
    EM_CHECK_STATUS(decode(&out, "QU=", &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "'=' missing");
    em_buf_free(&out);
}

static void appends(void)
{
    struct em_buf out = {0};
    struct em_error err = {0};
    EM_CHECK_STATUS(decode(&out, "QUJD", &err), EM_OK, &err);
    EM_CHECK_STATUS(decode(&out, "RA==", &err), EM_OK, &err);
    EM_CHECK_STATUS(decode(&out, "RQ", &err), EM_ERR_INPUT, &err);
    CU_ASSERT_EQUAL_FATAL(out.len, 4);
    EM_CHECK_BYTES(out.data, "ABCD", 4);
    em_buf_free(&out);
}

/* Only @p len characters belong to the text. */
static void stops_at_len(void)
{
    struct em_buf out = {0};
    struct em_error err = {0};
    static const char text[9] = "QUJDQUJDQ";
    EM_CHECK_STATUS(em_base64_decode(&out, (const uint8_t *)text, 8, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(out.len, 6);
    EM_CHECK_STATUS(em_base64_decode(&out, (const uint8_t *)text, 9, &err), EM_ERR_INPUT,
                    &err);
    CU_ASSERT_EQUAL(out.len, 6);
    em_buf_clear(&out);
    EM_CHECK_STATUS(em_base64_decode(&out, (const uint8_t *)"QU\0JD", 6, &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL_FATAL(out.len, 3);
    EM_CHECK_BYTES(out.data, "ABC", 3);
    em_buf_free(&out);
}

/* The rules of the reference (mfg-gen.md, section 6), one character at a time. Compared
 * with Python's binascii on 300000 random texts when it was written. -1: an error. */
static int reference(uint8_t *out, const uint8_t *text, size_t len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned digits = 0, pads = 0, bits = 0;
    int n = 0;
    for (size_t i = 0; i < len; i++) {
        const char *at = text[i] == 0 ? NULL : strchr(alphabet, text[i]);
        if (text[i] == '=' && digits >= 2 && digits + ++pads >= 4)
            return n;
        if (at == NULL)
            continue;
        pads = 0;
        bits = (bits << 6 | (unsigned)(at - alphabet)) & 0xFFFFFF;
        digits++;
        if (digits > 1)
            out[n++] = (uint8_t)(bits >> (8 - 2 * digits));
        digits %= 4;
    }
    return digits == 0 ? n : -1;
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void like_the_reference(void)
{
    static const char letters[] = "AQUJDz/+Q==- \xC3";
    uint32_t random = 2463534242u;
    for (size_t i = 0; i < 50000; i++) {
        uint8_t text[24], wanted[24];
        size_t len = next_random(&random) % sizeof text;
        for (size_t j = 0; j < len; j++)
            text[j] =
                (uint8_t)letters[next_random(&random) % sizeof letters]; /* NUL too */
        int n = reference(wanted, text, len);
        struct em_buf out = {0};
        struct em_error err = {0};
        enum em_status status = em_base64_decode(&out, text, len, &err);
        int same = n < 0 ? status == EM_ERR_INPUT && out.len == 0
                         : status == EM_OK && out.len == (size_t)n &&
                               (n == 0 || memcmp(out.data, wanted, out.len) == 0);
        if (!same)
            printf("\n  text %zu: '%.*s'\n", i, (int)len, (const char *)text);
        CU_ASSERT_TRUE(same);
        em_buf_free(&out);
    }
}

/* All 64 digits in one long text, exactly as long as the room that is reserved for it. */
static void long_text(void)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char alphabet_bytes[] =
        "\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51"
        "\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a"
        "\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf";
    struct em_buf text = {0}, out = {0};
    struct em_error err = {0};
    for (int i = 0; i < 1024; i++)
        em_buf_append_text(&text, alphabet);
    EM_CHECK_STATUS(em_base64_decode(&out, text.data, text.len, &err), EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(out.len, 1024 * 48);
    EM_CHECK_BYTES(out.data, alphabet_bytes, 48);
    EM_CHECK_BYTES(out.data + 48, out.data, out.len - 48);
    em_buf_free(&text);
    em_buf_free(&out);
}

static void no_memory(void)
{
    struct em_buf out = {.failed = true};
    struct em_error err = {0};
    EM_CHECK_STATUS(decode(&out, "QUJD", &err), EM_ERR_NOMEM, &err);
    CU_ASSERT_EQUAL(out.len, 0);
    em_buf_free(&out);
}

static const struct em_test tests[] = {
    {"good texts", good_texts},
    {"faults", bad_texts},
    {"tells what is missing", tells_what_is_missing},
    {"append", appends},
    {"length counts", stops_at_len},
    {"like the reference", like_the_reference},
    {"long text", long_text},
    {"no memory", no_memory},
};

EM_TEST_MAIN("base/base64", tests)
