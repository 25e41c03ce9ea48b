/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of UTF-8 validity, white space, shown characters and integers in text. */
#include "config.h"

#include "base/text_int.h"

#include "tests/em_test.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Any code point as UTF-8, surrogates too. */
static size_t encode(uint8_t out[4], uint32_t code)
{
    static const uint8_t leads[] = {0x00, 0xC0, 0xE0, 0xF0};
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (uint8_t)(0x80 | (code & 0x3F));
    out[0] = (uint8_t)(leads[n - 1] | code);
    return n;
}

static void spans(void)
{
    struct em_span none = {NULL, 0};
    struct em_span abc = em_span_of("abc");
    CU_ASSERT_EQUAL(abc.len, 3);
    CU_ASSERT_TRUE(em_span_is(abc, "abc"));
    CU_ASSERT_FALSE(em_span_is(abc, "ab"));
    CU_ASSERT_FALSE(em_span_is(abc, "abcd"));
    CU_ASSERT_FALSE(em_span_is(abc, "abC"));
    CU_ASSERT_TRUE(em_span_is(none, ""));
    CU_ASSERT_TRUE(em_span_equal(none, none));
    CU_ASSERT_TRUE(em_span_equal(em_span_of(""), none));
    CU_ASSERT_FALSE(em_span_equal(abc, none));
    struct em_span with_nul = {(const uint8_t *)"a\0b", 3};
    CU_ASSERT_FALSE(em_span_is(with_nul, "a"));
    CU_ASSERT_FALSE(
        em_span_equal(with_nul, (struct em_span){(const uint8_t *)"a\0c", 3}));
}

static void utf8_every_code_point(void)
{
    size_t wrong = 0;
    for (uint32_t code = 0; code < 0x120000; code++) {
        uint8_t text[4];
        size_t n = encode(text, code);
        size_t wanted = (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF ? 0 : n;
        uint32_t got = 0;
        size_t used = em_utf8_next(text, n, &got);
        wrong += used != wanted || (wanted != 0 && got != code);
        wrong += em_utf8_valid((struct em_span){text, n}) != (wanted != 0);
        for (size_t cut = 1; cut < n; cut++) /* too few bytes left */
            wrong += em_utf8_next(text, cut, &got) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void utf8_bad(void)
{
    static const char *const cases[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC3",
        "\xC3(",
        "\xC3\xC3",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xE2\x82",
        "\xE2(\x82",
        "\xE2\x82(",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF0\x9F\x94",
        "\xF8\x88\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xF0\x9F\x94(",
        "\xC3\xA4\xA4",
    };
    /* At every place around the eight bytes that are looked at together */
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t before = 0; before < 18; before++) {
            for (size_t after = 0; after < 10; after++) {
                char text[64];
                int len = snprintf(text, sizeof text, "%.*s%s%.*s", (int)before,
                                   "aaaaaaaaaaaaaaaaaaaa", cases[i], (int)after,
                                   "aaaaaaaaaaaaaaaaaaaa");
                struct em_span span = {(const uint8_t *)text, (size_t)len};
                CU_ASSERT_FALSE(em_utf8_valid(span));
                CU_ASSERT_FALSE(em_text_is_ascii(span));
            }
        }
    }
}

static void utf8_good(void)
{
    static const struct {
        const char *text;
        size_t count;
        bool ascii;
    } cases[] = {
        {"", 0, true},
        {"a", 1, true},
        {"12345678", 8, true},
        {"123456789 \x7F\x01", 12, true},
        {"\xC3\xA4", 1, false},
        {"1234567\xC3\xA4", 8, false},
        {"12345678\xC3\xA4", 9, false},
        {"123456\xC3\xA4x12345678\xE2\x82\xAC", 17, false},
        {"\xF0\x9F\x94\x91\xF0\x9F\x94\x91", 2, false},
        {"\xEF\xBB\xBFx", 2, false},
        {"\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF", 3, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_span span = em_span_of(cases[i].text);
        CU_ASSERT_TRUE(em_utf8_valid(span));
        CU_ASSERT_EQUAL(em_utf8_count(span), cases[i].count);
        CU_ASSERT_EQUAL(em_text_is_ascii(span), cases[i].ascii);
    }
    CU_ASSERT_TRUE(em_utf8_valid((struct em_span){(const uint8_t *)"a\0b", 3}));
}

/* Every byte at every place of a text longer than one block. */
static void plain_runs(void)
{
    for (unsigned c = 0; c < 256; c++) {
        bool stops = c <= 13 || c == ',' || c == '"';
        for (size_t len = 1; len < 80; len += len < 30 ? 7 : 1) {
            for (size_t at = 0; at < len; at += 3) {
                uint8_t text[80];
                memset(text, 'a', sizeof text);
                text[at] = (uint8_t)c;
                struct em_span span = {text, len};
                CU_ASSERT_EQUAL(em_text_plain_run(span), stops ? at : len);
            }
        }
    }
    CU_ASSERT_EQUAL(em_text_plain_run(em_span_of("")), 0);
    CU_ASSERT_EQUAL(em_text_plain_run((struct em_span){(const uint8_t *)"ab,", 2}), 2);
}

/* What Python 3.11's str.isspace() takes (Unicode 14). */
static void spaces(void)
{
    static const uint32_t all[] = {
        0x09,   0x0A,   0x0B,   0x0C,   0x0D,   0x1C,   0x1D,   0x1E,   0x1F,   0x20,
        0x85,   0xA0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006,
        0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
    };
    size_t next = 0, wrong = 0;
    for (uint32_t code = 0; code < 0x110000; code++) {
        bool wanted = next < COUNT(all) && all[next] == code;
        next += wanted;
        wrong += em_text_is_space(code) != wanted;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(next, COUNT(all));
}

static void strips(void)
{
    /* clang-format off */
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ""}, {"abc", "abc"}, {" abc\t\r\n", "abc"}, {" \t ", ""}, {" a b ", "a b"},
        {"\xC2\xA0\xE3\x80\x80x\xE2\x80\x89\xC2\x85", "x"}, {"\xE3\x80\x80", ""},
        {" \xC3\xA4 ", "\xC3\xA4"},
        {"\xE2\x80\x8Bx", "\xE2\x80\x8Bx"}, /* ZERO WIDTH SPACE is none */
        {"\xEF\xBB\xBFx", "\xEF\xBB\xBFx"},
        /* Bytes that are not UTF-8 end it. */
        {" \x80 ", "\x80"}, {" \xE3\x80 ", "\xE3\x80"}, {"x\x80\x80", "x\x80\x80"},
        {"x\xC2\xA0\x80", "x\xC2\xA0\x80"}, {"\xA0x\xA0", "\xA0x\xA0"},
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_span got = em_text_strip(em_span_of(cases[i].text));
        CU_ASSERT_TRUE(em_span_is(got, cases[i].wanted));
    }
}

static void shows_characters(void)
{
    static const struct {
        const char *text, *wanted;
        size_t len;
    } cases[] = {
        {"x", "'x'", 1},
        {"xyz", "'x'", 3},
        {"\xC3\xA4z", "'\xC3\xA4'", 3},
        {"\xF0\x9F\x94\x91", "'\xF0\x9F\x94\x91'", 4},
        {"\0", "U+0000", 1},
        {"\n", "U+000A", 1},
        {" ", "U+0020", 1},
        {"\x7F", "U+007F", 1},
        {"\xC2\x85", "U+0085", 2},
        {"\xC2\xA0", "U+00A0", 2},
        {"\xE3\x80\x80", "U+3000", 3},
        {"\xFFz", "byte 0xFF", 2},
        {"\xC3", "byte 0xC3", 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[EM_TEXT_CHAR_SHOWN];
        memset(out, '#', sizeof out);
        em_text_show_char(out, (const uint8_t *)cases[i].text, cases[i].len);
        CU_ASSERT_STRING_EQUAL(out, cases[i].wanted);
    }
}

/* Characters that nobody sees come from copying and from editors; a message that shows
 * them as they are shows ''. */
static void shows_invisible_characters(void)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"\xEF\xBB\xBF", "U+FEFF"}, /* BYTE ORDER MARK */
        {"\xE2\x80\x8B", "U+200B"}, /* ZERO WIDTH SPACE */
        {"\xE2\x80\xAE", "U+202E"}, /* RIGHT-TO-LEFT OVERRIDE: turns the message around */
        {"\xC2\xAD", "U+00AD"},     /* SOFT HYPHEN */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[EM_TEXT_CHAR_SHOWN];
        em_text_show_char(out, (const uint8_t *)cases[i].text, strlen(cases[i].text));
        CU_ASSERT_STRING_EQUAL(out, cases[i].wanted);
    }
}

struct number {
    const char *text;
    uint64_t magnitude;
    bool negative, huge;
};

static void check_numbers(enum em_status (*parse)(struct em_integer *, struct em_span,
                                                  struct em_error *),
                          const struct number *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct em_integer got = {99, true, true};
        struct em_error err = {0};
        EM_CHECK_STATUS(parse(&got, em_span_of(cases[i].text), &err), EM_OK, &err);
        CU_ASSERT_EQUAL(got.huge, cases[i].huge);
        CU_ASSERT_EQUAL(got.negative, cases[i].negative);
        if (!cases[i].huge)
            CU_ASSERT_EQUAL(got.magnitude, cases[i].magnitude);
    }
}

static void check_no_numbers(enum em_status (*parse)(struct em_integer *, struct em_span,
                                                     struct em_error *),
                             const char *const *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct em_integer got = {99, true, true};
        struct em_error err = {0};
        enum em_status status = parse(&got, em_span_of(cases[i]), &err);
        if (status != EM_ERR_INPUT)
            printf("\n  case %zu was taken\n", i);
        CU_ASSERT_EQUAL(status, EM_ERR_INPUT);
        CU_ASSERT_TRUE(err.what[0] != '\0' && err.hint[0] != '\0');
        bool left = got.magnitude != 0 || got.negative || got.huge;
        if (left)
            printf("\n  case %zu left something in the output\n", i);
        CU_ASSERT_FALSE(left);
    }
}

/* Among them digits of other scripts, and 2^64, which is 0 in 64 bits. */
static void decimals(void)
{
    /* clang-format off */
    static const struct number cases[] = {
        {"0", 0, false, false}, {"-0", 0, false, false}, {"-000", 0, false, false},
        {"7", 7, false, false}, {"+7", 7, false, false}, {"-7", 7, true, false},
        {"007", 7, false, false}, {"0_7", 7, false, false},
        {"1_000_000", 1000000, false, false}, {"  12\t\n", 12, false, false},
        {"\xC2\xA0\x31\x32\xE3\x80\x80", 12, false, false},
        {"18446744073709551615", UINT64_MAX, false, false},
        {"-18446744073709551615", UINT64_MAX, true, false},
        {"00000000000000000000000018446744073709551615", UINT64_MAX, false, false},
        {"9223372036854775808", UINT64_C(9223372036854775808), false, false},
        {"18446744073709551616", 0, false, true}, {"18446744073709551620", 0, false, true},
        {"-99999999999999999999999999999999", 0, true, true},
        {"10000000000000000000000000000000000000000000", 0, false, true},
        {"-18446744073709551616", 0, true, true}, {"\xD9\xA1\xD9\xA2", 12, false, false},
        {"-\xEF\xBC\x99\x31", 91, true, false}, {"\xF0\x9D\x9F\x97", 9, false, false},
    };
    /* clang-format on */
    check_numbers(em_text_decimal, cases, COUNT(cases));
}

static void no_decimals(void)
{
    /* clang-format off */
    static const char *const cases[] = {
        "",     " ",      "-",      "+",     "+-1",  "--1",      "- 1",          "1 2",
        "_1",   "1_",     "1__2",   "-_1",   "_",    "0x10",     "1.0",          "1e3",
        "abc",  "12x",    "1,000",  "0b1",   "1-",   "1+",       "\xC2\xB2",     "\xE2\x85\xA7",
        "\xFF", "1\xFF",  "1\x80",  "\xC3",  "1\xC3", "\xE2\x88\x92\x31", "\xEF\xBB\xBF\x31",
        "\xE2\x82\x81", "99999999999999999999999x",
    };
    /* clang-format on */
    check_no_numbers(em_text_decimal, cases, COUNT(cases));
    struct em_integer got;
    struct em_error err = {0};
    struct em_span with_nul = {(const uint8_t *)"1\0002", 3};
    EM_CHECK_STATUS(em_text_decimal(&got, with_nul, &err), EM_ERR_INPUT, &err);
    EM_CHECK_STATUS(em_text_decimal(&got, em_span_of(""), &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "empty");
}

/* The zeros of general category Nd as Python 3.11's unicodedata lists them (Unicode 14).
 */
static void digits_of_all_scripts(void)
{
    static const uint32_t zeros[] = {
        0x30,    0x660,   0x6F0,   0x7C0,   0x966,   0x9E6,   0xA66,   0xAE6,   0xB66,
        0xBE6,   0xC66,   0xCE6,   0xD66,   0xDE6,   0xE50,   0xED0,   0xF20,   0x1040,
        0x1090,  0x17E0,  0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,
        0x1C40,  0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,  0xA9F0,  0xAA50,  0xABF0,
        0xFF10,  0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450,
        0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0,
        0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140,
        0x1E2F0, 0x1E950, 0x1FBF0,
    };
    size_t script = 0, wrong = 0;
    for (uint32_t code = 0; code < 0x110000; code++) {
        while (script < COUNT(zeros) && zeros[script] + 10 <= code)
            script++;
        bool is_digit = script < COUNT(zeros) && zeros[script] <= code;
        uint8_t text[4];
        struct em_span span = {text, encode(text, code)};
        struct em_integer got;
        enum em_status status = em_text_decimal(&got, span, NULL);
        wrong += status != (is_digit ? EM_OK : EM_ERR_INPUT);
        wrong += is_digit && got.magnitude != code - zeros[script];
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void literals(void)
{
    /* clang-format off */
    static const struct number cases[] = {
        {"0", 0, false, false}, {"00", 0, false, false}, {"0_0", 0, false, false},
        {"-0", 0, false, false}, {"12288", 12288, false, false},
        {"12_288", 12288, false, false}, {" 0x3000 ", 0x3000, false, false},
        {"0X3000", 0x3000, false, false}, {"0xaBcDeF", 0xABCDEF, false, false},
        {"0x_30_00", 0x3000, false, false}, {"0x0003", 3, false, false},
        {"0o30000", 0x3000, false, false}, {"0O17", 15, false, false},
        {"0b11", 3, false, false}, {"0B0", 0, false, false}, {"+0x10", 16, false, false},
        {"-0x10", 16, true, false}, {"0xFFFFFFFFFFFFFFFF", UINT64_MAX, false, false},
        {"0x10000000000000000", 0, false, true}, {"18446744073709551616", 0, false, true},
    };
    /* clang-format on */
    check_numbers(em_text_literal, cases, COUNT(cases));
}

static void no_literals(void)
{
    /* clang-format off */
    static const char *const cases[] = {
        "",      " ",      "012288", "01",   "0_1",      "-01",    "0x",      "0x_",  "0x1_",
        "0x1__0", "0x_ 1", "x10",    "0xg",  "0o8",      "0b2",    "0x-1",    "- 1",  "12K",
        "0x3000h", "1.5",  "1e3",    "_1",   "1_",       "0_x10",  "00x10",   "0b",   "0o",
        "\xD9\xA1", "0x\xD9\xA1",    "1\xFF", "4096,", "0xfg",   "0018446744073709551616",
    };
    /* clang-format on */
    check_no_numbers(em_text_literal, cases, COUNT(cases));
}

static void passwords(void)
{
    static const struct {
        const char *text, *wanted;
        bool cut;
    } cases[] = {
        {"no URL: a:b@c", "no URL: a:b@c", false},
        {"s://u@h/d", "s://u@h/d", false},
        {"'s://u:secret@h:1/d': x", "'s://u:***@h:1/d': x", false},
        {"s://u:a@b/c?d@h", "s://u:***@h", false},
        {"s://u:ab@h", "s://u:**@h", false},
        {"s://u:@h", "s://u:@h", false},
        {"s://h:1/d s://u:secret@h", "s://h:1/d s://u:***@h", false},
        {"s://h/d?password=secret&x=1", "s://h/d?password=***&x=1", false},
        {"'s://h/?sslpassword=secret'", "'s://h/?sslpassword=***'", false},
        {"s://h/ password=told", "s://h/ password=told", false},
        {"s://u:secr", "s://u:***", true},
        {"s://u:secr", "s://u:secr", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s", cases[i].text);
        em_text_hide_passwords(text, cases[i].cut);
        CU_ASSERT_STRING_EQUAL(text, cases[i].wanted);
    }
}

static const struct em_test tests[] = {
    {"passwords", passwords},
    {"spans", spans},
    {"UTF-8: every code point", utf8_every_code_point},
    {"UTF-8: faults", utf8_bad},
    {"UTF-8: good texts", utf8_good},
    {"plain runs", plain_runs},
    {"white space", spaces},
    {"strip", strips},
    {"show a character", shows_characters},
    {"show an invisible character", shows_invisible_characters},
    {"decimal: numbers", decimals},
    {"decimal: faults", no_decimals},
    {"decimal: digits of all scripts", digits_of_all_scripts},
    {"literal: numbers", literals},
    {"literal: faults", no_literals},
};

EM_TEST_MAIN("base/text", tests)
