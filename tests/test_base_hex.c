/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of hexadecimal digits to bytes and back. */
#include "config.h"

#include "base/hex_int.h"

#include "tests/em_test.h"

static enum em_status decode(struct em_buf *out, const char *text, struct em_error *err)
{
    return em_hex_decode(out, (const uint8_t *)text, strlen(text), err);
}

static void encode_vectors(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *wanted;
    } cases[] = {
        {"", 0, ""},
        {"\0", 1, "00"},
        {"\x01\x23\x45\x67\x89\xAB\xCD\xEF", 8, "0123456789abcdef"},
        {"\xFF\x80\x7F", 3, "ff807f"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[32];
        memset(out, '#', sizeof out);
        em_hex_encode(out, (const uint8_t *)cases[i].bytes, cases[i].len);
        CU_ASSERT_STRING_EQUAL(out, cases[i].wanted);
        CU_ASSERT_EQUAL(out[2 * cases[i].len + 1], '#'); /* nothing behind the NUL */
    }
}

static void decode_vectors(void)
{
    static const struct {
        const char *text, *bytes;
        size_t len;
    } cases[] = {
        {"", "", 0},
        {"00", "\0", 1},
        {"0123456789abcdef", "\x01\x23\x45\x67\x89\xAB\xCD\xEF", 8},
        {"ABCDEF", "\xAB\xCD\xEF", 3},
        {"aBCdEf", "\xAB\xCD\xEF", 3},
        {"fF", "\xFF", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_buf out = {0};
        struct em_error err;
        EM_CHECK_STATUS(decode(&out, cases[i].text, &err), EM_OK, &err);
        CU_ASSERT_EQUAL_FATAL(out.len, cases[i].len);
        EM_CHECK_BYTES(out.data, cases[i].bytes, cases[i].len);
        em_buf_free(&out);
    }
}

static void decode_errors(void)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"0", "odd number of hex digits (1)"},
        {"012", "odd number of hex digits (3)"},
        {"0g", "'g' at position 2"},
        {"g0", "'g' at position 1"},
        {"0x10", "'x' at position 2"},
        {"12 34", "U+0020 at position 3"},
        {" 12", "U+0020 at position 1"},
        {"12\n", "U+000A at position 3"},
        {"12,34", "',' at position 3"},
        {"/0", "'/' at position 1"},
        {":0", "':' at position 1"},
        {"@0", "'@' at position 1"},
        {"G0", "'G' at position 1"},
        {"`0", "'`' at position 1"},
        {"12\xC3\xA4", "'\xC3\xA4' at position 3"},
        {"12\xFF", "0xFF at position 3"},
        {"1\xEF\xBC\x91", "'\xEF\xBC\x91' at position 2"}, /* FULLWIDTH DIGIT ONE */
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

static void decode_nul(void)
{
    struct em_buf out = {0};
    struct em_error err = {0};
    EM_CHECK_STATUS(em_hex_decode(&out, (const uint8_t *)"12\00034", 5, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "U+0000 at position 3");
    CU_ASSERT_EQUAL(out.len, 0);
    em_buf_free(&out);
}

/* Only @p len characters belong to the text; no terminator is needed. */
static void decode_stops_at_len(void)
{
    struct em_buf out = {0};
    struct em_error err;
    uint8_t *text = malloc(4); /* exactly: the sanitizer sees what is read behind */
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memcpy(text, "41zz", 4);
    EM_CHECK_STATUS(em_hex_decode(&out, text, 2, &err), EM_OK, &err);
    memcpy(text, "4142", 4);
    EM_CHECK_STATUS(em_hex_decode(&out, text, 4, &err), EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(out.len, 3);
    EM_CHECK_BYTES(out.data, "AAB", 3);
    /* A lead byte whose rest is cut off */
    memcpy(text, "41\xC3\xA4", 4);
    EM_CHECK_STATUS(em_hex_decode(&out, text, 3, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "0xC3");
    free(text);
    em_buf_free(&out);
}

static void round_trip(void)
{
    uint8_t bytes[256];
    char text[2 * sizeof bytes + 1];
    struct em_buf out = {0};
    struct em_error err;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    em_hex_encode(text, bytes, sizeof bytes);
    CU_ASSERT_EQUAL(strlen(text), 2 * sizeof bytes);
    EM_CHECK_STATUS(decode(&out, text, &err), EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(out.len, sizeof bytes);
    EM_CHECK_BYTES(out.data, bytes, sizeof bytes);
    em_buf_free(&out);
}

static void every_byte_as_digit(void)
{
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[2] = {'0', (uint8_t)c};
        struct em_buf out = {0};
        struct em_error err = {0};
        int good = c != 0 && strchr("0123456789abcdefABCDEF", (int)c) != NULL;
        EM_CHECK_STATUS(em_hex_decode(&out, text, 2, &err), good ? EM_OK : EM_ERR_INPUT,
                        &err);
        CU_ASSERT_EQUAL(out.len, good ? 1 : 0);
        em_buf_free(&out);
    }
}

static void no_memory(void)
{
    struct em_buf out = {.failed = true};
    struct em_error err = {0};
    EM_CHECK_STATUS(decode(&out, "41", &err), EM_ERR_NOMEM, &err);
    CU_ASSERT_EQUAL(out.len, 0);
    em_buf_free(&out);
}

static const struct em_test tests[] = {
    {"encode", encode_vectors},
    {"decode", decode_vectors},
    {"decode: faults", decode_errors},
    {"decode: NUL", decode_nul},
    {"decode: length counts", decode_stops_at_len},
    {"there and back", round_trip},
    {"every byte as a digit", every_byte_as_digit},
    {"no memory", no_memory},
};

EM_TEST_MAIN("base/hex", tests)
