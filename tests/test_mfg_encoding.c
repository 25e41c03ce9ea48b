/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the encodings: which texts are taken, and the bytes that are stored. */
#include "config.h"

#include "mfg/encoding_int.h"

#include "base/bytes_int.h"
#include "nvs/format_int.h"
#include "tests/em_test.h"

#include <stdbool.h>

enum { SIZE = 0x4000 };

/* A page with one namespace and one value under the key "k". */
struct stored {
    uint8_t *image; /* SIZE bytes */
    enum em_status status;
    struct em_error err;
};

static struct stored store(const char *encoding, enum em_nvs_version version,
                           const void *text, size_t len, bool from_file)
{
    struct stored s = {.image = malloc(SIZE)};
    struct em_nvs_image *image = NULL;
    struct em_buf scratch = {0};
    size_t image_len;
    const struct em_encoding *found = em_encoding_find(em_span_of(encoding));
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s.image);
    EM_CHECK_STATUS(em_nvs_image_new(&image, s.image, SIZE, version, &s.err), EM_OK,
                    &s.err);
    EM_CHECK_STATUS(em_nvs_image_namespace(image, "n", &s.err), EM_OK, &s.err);
    s.status = em_encoding_add(found, image, "k", (struct em_span){text, len}, from_file,
                               &scratch, &s.err);
    if (s.status == EM_OK)
        EM_CHECK_STATUS(em_nvs_image_finish(image, &image_len, &s.err), EM_OK, &s.err);
    em_nvs_image_free(image);
    em_buf_free(&scratch);
    return s;
}

static const uint8_t *entry(const struct stored *s, size_t idx)
{
    return s->image + NVS_ENTRIES_OFF + idx * EM_NVS_ENTRY_SIZE;
}

static void check_status(const struct stored *s, enum em_status wanted,
                         const char *encoding, const char *text)
{
    if (s->status != wanted)
        printf("\n  %s '%s': got %s (%s)\n", encoding, text, em_status_name(s->status),
               s->status == EM_OK ? "" : s->err.what);
    CU_ASSERT_EQUAL(s->status, wanted);
}

static void test_int_good(void)
{
    static const struct {
        const char *encoding, *text;
        uint64_t bits;
        uint8_t type;
    } cases[] = {
        {"u8", "0", 0, 0x01},
        {"u8", "255", 255, 0x01},
        {"i8", "-128", 0x80, 0x11},
        {"i8", "127", 127, 0x11},
        {"i8", "-1", 0xFF, 0x11},
        {"u16", "65535", 65535, 0x02},
        {"i16", "-32768", 0x8000, 0x12},
        {"i16", "32767", 32767, 0x12},
        {"u32", "4294967295", UINT32_MAX, 0x04},
        {"i32", "-2147483648", UINT32_C(0x80000000), 0x14},
        {"i32", "2147483647", INT32_MAX, 0x14},
        {"u64", "18446744073709551615", UINT64_MAX, 0x08},
        {"i64", "-9223372036854775808", UINT64_C(0x8000000000000000), 0x18},
        {"i64", "9223372036854775807", INT64_MAX, 0x18},
        {"u8", "  007\t", 7, 0x01},
        {"u8", "+5", 5, 0x01},
        {"u8", "-0", 0, 0x01},
        {"u8", "-000_0", 0, 0x01},
        {"u16", "1_0_00", 1000, 0x02},
        {"u8", "\n9\r\n", 9, 0x01},
        {"u8",
         "\xC2\xA0"
         "9\xE2\x80\x83",
         9, 0x01},
        {"u8", "\xD9\xA3\xD9\xA1", 31, 0x01},                  /* Arabic-Indic 31 */
        {"u8", "\xEF\xBC\x91\x32\xF0\x9D\x9F\x8F", 121, 0x01}, /* wide 1, 2, bold 1 */
        {"u64", "00000000000000000000000000000000000000018446744073709551615", UINT64_MAX,
         0x08},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int file = 0; file < 2; file++) {
            struct stored s = store(cases[i].encoding, EM_NVS_V2, cases[i].text,
                                    strlen(cases[i].text), file != 0);
            check_status(&s, EM_OK, cases[i].encoding, cases[i].text);
            uint8_t data[8];
            size_t width = cases[i].type & 0x0F;
            memset(data, 0xFF, sizeof data);
            for (size_t b = 0; b < width; b++)
                data[b] = (uint8_t)(cases[i].bits >> b * 8);
            CU_ASSERT_EQUAL(entry(&s, 1)[NVS_ENTRY_TYPE], cases[i].type);
            EM_CHECK_BYTES(entry(&s, 1) + NVS_ENTRY_DATA, data, sizeof data);
            free(s.image);
        }
    }
}

static void test_int_bad(void)
{
    static const struct {
        const char *encoding, *text, *what;
    } cases[] = {
        {"u8", "256", "does not fit u8 (0..255)"},
        {"u8", "-1", "does not fit u8"},
        {"i8", "128", "does not fit i8 (-128..127)"},
        {"i8", "-129", "does not fit i8"},
        {"u16", "65536", "does not fit u16"},
        {"i16", "32768", "does not fit i16 (-32768..32767)"},
        {"i16", "-32769", "does not fit i16"},
        {"u32", "4294967296", "does not fit u32"},
        {"i32", "2147483648", "does not fit i32"},
        {"i32", "-2147483649", "does not fit i32"},
        {"u64", "18446744073709551616", "does not fit u64"},
        {"u64", "-1", "does not fit u64"},
        {"i64", "9223372036854775808", "does not fit i64"},
        {"i64", "-9223372036854775809", "does not fit i64"},
        {"i64", "-99999999999999999999999999", "does not fit i64"},
        {"u64", "99999999999999999999999999", "does not fit u64"},
        {"u8", "-18446744073709551617", "does not fit u8"},
        {"u8", "", "empty"},
        {"u8", " ", "not a decimal integer"},
        {"u8", "0x10", "not a decimal integer"},
        {"u8", "1.0", "not a decimal integer"},
        {"u8", "1e1", "not a decimal integer"},
        {"u8", "_1", "not a decimal integer"},
        {"u8", "1_", "not a decimal integer"},
        {"u8", "1__0", "not a decimal integer"},
        {"u8", "--1", "not a decimal integer"},
        {"u8", "+-1", "not a decimal integer"},
        {"u8", "- 1", "not a decimal integer"},
        {"u8", "+", "not a decimal integer"},
        {"u8", "1 2", "not a decimal integer"},
        {"u8", "\xC2\xB2", "not a decimal integer"}, /* superscript 2 is no digit */
        {"u8", "\xE2\x88\x92\x31",
         "not a decimal integer"}, /* the minus of typesetters */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stored s = store(cases[i].encoding, EM_NVS_V2, cases[i].text,
                                strlen(cases[i].text), false);
        check_status(&s, EM_ERR_INPUT, cases[i].encoding, cases[i].text);
        if (s.status == EM_ERR_INPUT)
            EM_CHECK_HAS(s.err.what, cases[i].what);
        free(s.image);
    }
}

static void test_string(void)
{
    static const struct {
        const char *text;
        size_t len;
        bool from_file;
        enum em_status status;
    } cases[] = {
        {"", 0, false, EM_OK},
        {"", 0, true, EM_OK},
        {"abc", 3, false, EM_OK},
        {" \xC3\xA9 ", 4, false, EM_OK},
        {"a\r\nb\n", 5, true, EM_OK}, /* kept as it is, with the newline at the end */
        {"a\n", 2, false, EM_OK},
        {"a\0b", 3, false, EM_ERR_INPUT},
        {"ab\0", 3, true, EM_ERR_INPUT},
        {"\xC3", 1, true, EM_ERR_INPUT},
        {"a\xFF", 2, true, EM_ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stored s =
            store("string", EM_NVS_V2, cases[i].text, cases[i].len, cases[i].from_file);
        check_status(&s, cases[i].status, "string", cases[i].text);
        if (cases[i].status == EM_OK) {
            const uint8_t *e = entry(&s, 1);
            CU_ASSERT_EQUAL(e[NVS_ENTRY_TYPE], NVS_TYPE_STRING);
            CU_ASSERT_EQUAL(em_get_le16(e + NVS_ENTRY_DATA), cases[i].len + 1);
            EM_CHECK_BYTES(entry(&s, 2), cases[i].text, cases[i].len);
            CU_ASSERT_EQUAL(entry(&s, 2)[cases[i].len], 0);
        }
        free(s.image);
    }
}

static void test_limits(void)
{
    static const struct {
        const char *encoding;
        enum em_nvs_version version;
        size_t max; /* longest value, all 'A' */
    } cases[] = {
        {"string", EM_NVS_V2, 3967}, {"string", EM_NVS_V1, 1983},
        {"binary", EM_NVS_V1, 1984}, {"hex2bin", EM_NVS_V1, (size_t)1984 * 2},
        {"base64", EM_NVS_V1, 2644}, /* 1983 bytes; four digits more would be 1986 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t more = strcmp(cases[i].encoding, "base64") == 0    ? 4
                      : strcmp(cases[i].encoding, "hex2bin") == 0 ? 2
                                                                  : 1;
        char *text = malloc(cases[i].max + more);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        memset(text, 'A', cases[i].max + more);
        struct stored s =
            store(cases[i].encoding, cases[i].version, text, cases[i].max, false);
        check_status(&s, EM_OK, cases[i].encoding, "of the greatest length");
        free(s.image);
        s = store(cases[i].encoding, cases[i].version, text, cases[i].max + more, false);
        check_status(&s, EM_ERR_INPUT, cases[i].encoding, "above the limit");
        if (s.status == EM_ERR_INPUT)
            EM_CHECK_HAS(s.err.what, "limit");
        free(s.image);
        free(text);
    }
}

/* An encoding that makes blobs: text in, bytes out; len SIZE_MAX: refused. */
struct blob_case {
    const char *text;
    bool from_file;
    size_t len;
    const char *bytes;
};

static void check_blobs(const char *encoding, const struct blob_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct stored s = store(encoding, EM_NVS_V2, cases[i].text, strlen(cases[i].text),
                                cases[i].from_file);
        check_status(&s, cases[i].len == SIZE_MAX ? EM_ERR_INPUT : EM_OK, encoding,
                     cases[i].text);
        if (cases[i].len != SIZE_MAX && s.status == EM_OK) {
            const uint8_t *e = entry(&s, 1);
            CU_ASSERT_EQUAL(e[NVS_ENTRY_TYPE], NVS_TYPE_BLOB_DATA);
            CU_ASSERT_EQUAL(em_get_le16(e + NVS_ENTRY_DATA), cases[i].len);
            if (cases[i].len > 0)
                EM_CHECK_BYTES(entry(&s, 2), cases[i].bytes, cases[i].len);
        }
        free(s.image);
    }
}

static void test_hex(void)
{
    static const struct blob_case cases[] = {
        {"", false, 0, ""},
        {"00", false, 1, "\0"},
        {"0aFfC3", false, 3, "\x0A\xFF\xC3"},
        {" 0a\t", false, 1, "\x0A"},
        {"\xC2\xA0\x30\x61\xE2\x80\x83", false, 1, "\x0A"},
        {"0a\r\n", true, 1, "\x0A"},
        {"  \n", true, 0, ""},
        {"0", false, SIZE_MAX, NULL},
        {"0a0", false, SIZE_MAX, NULL},
        {"0a 0b", false, SIZE_MAX, NULL},
        {"0a\n0b\n", true, SIZE_MAX, NULL},
        {"0g", false, SIZE_MAX, NULL},
        {"0x0a", false, SIZE_MAX, NULL},
        {"0:", false, SIZE_MAX, NULL},
        {"\xEF\xBC\x91\xEF\xBC\x91", false, SIZE_MAX, NULL},
    };
    check_blobs("hex2bin", cases, sizeof cases / sizeof cases[0]);
}

static void test_base64(void)
{
    static const struct blob_case cases[] = {
        {"", false, 0, ""},
        {"QUJD", false, 3, "ABC"},
        {"Q U J D", false, 3, "ABC"},
        {"QU*JD", false, 3, "ABC"},
        {"QU=JD", false, 3, "ABC"},
        {"=QUJD", false, 3, "ABC"},
        {"QUJD====", false, 3, "ABC"},
        {"QU==QUJD", false, 1, "A"},
        {"QQ==QQ==", false, 1, "A"},
        {"QUI=X", false, 2, "AB"},
        {"AB=C=", false, 2, "\0\x10"},
        {"QUJD\n\n", true, 3, "ABC"},
        {"+/+/", false, 3, "\xFB\xFF\xBF"},
        {"QU\xC3\xA9JD", true, 3, "ABC"},
        {"QU\xC3\xA9JD", false, SIZE_MAX, NULL},
        {"QUJ", false, SIZE_MAX, NULL},
        {"QU=", false, SIZE_MAX, NULL},
        {"QU-_", false, SIZE_MAX, NULL},
        {"Q", false, SIZE_MAX, NULL},
        {"QUJDR", false, SIZE_MAX, NULL},
        {"A===", false, SIZE_MAX, NULL},
        {"====", false, 0, ""},
    };
    check_blobs("base64", cases, sizeof cases / sizeof cases[0]);
}

static void test_binary(void)
{
    static const struct blob_case cases[] = {
        {"", false, 0, ""},
        {"abc", false, 3, "abc"},
        {"\xC3\xA9\xE2\x82\xAC", false, 5,
         "\xC3\xA9\xE2\x82\xAC"}, /* bytes, not characters */
        {"a\n#b\n", true, 5, "a\n#b\n"},
        {"\xFF\xFE", true, 2, "\xFF\xFE"},
    };
    check_blobs("binary", cases, sizeof cases / sizeof cases[0]);
    struct stored s = store("binary", EM_NVS_V2, "a\0b", 3, true);
    check_status(&s, EM_OK, "binary", "with NUL");
    EM_CHECK_BYTES(entry(&s, 2), "a\0b", 3);
    free(s.image);
}

static void test_find(void)
{
    static const char *const wrong[] = {
        "", "U8", "u8 ", " u8", "u", "u128", "String", "hex", "HEX2BIN", "blob", "u8,i8"};
    char names[256];
    unsigned n = 0;
    (void)snprintf(names, sizeof names, "%s", em_encoding_names());
    for (char *name = strtok(names, " ,"); name != NULL; name = strtok(NULL, " ,")) {
        const struct em_encoding *found = em_encoding_find(em_span_of(name));
        CU_ASSERT_PTR_NOT_NULL_FATAL(found);
        CU_ASSERT_STRING_EQUAL(found->name, name);
        n++;
    }
    CU_ASSERT_EQUAL(n, 12);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_PTR_NULL(em_encoding_find(em_span_of(wrong[i])));
}

static const struct em_test tests[] = {
    {"integers", test_int_good}, {"what is no integer, or out of range", test_int_bad},
    {"string", test_string},     {"limits", test_limits},
    {"hex2bin", test_hex},       {"base64", test_base64},
    {"binary", test_binary},     {"names", test_find},
};
EM_TEST_MAIN("mfg/encoding", tests)
