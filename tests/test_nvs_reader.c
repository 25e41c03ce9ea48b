/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reading images: every type in its order, blobs over pages, finding, copying.
 */
#include "config.h"

#include "nvs/reader_int.h"
#include "tests/test_nvs_util.h"

/* What can be read, from an image of exactly @p len bytes without findings. */
static void check_clean(struct setup *s, const char *name, size_t len, const char *wanted)
{
    uint8_t *image = need(malloc(len));
    memcpy(image, s->buf, len);
    load_image(s->reader, image, len, s->found);
    found_text(s->found, s->text);
    check_text(name, s->text, "");
    contents(s->reader, s->text);
    check_text(name, s->text, wanted);
    free(image);
    /* The image is gone; the reader must not look at it before the next one. */
    CU_ASSERT_EQUAL(em_nvs_reader_load(s->reader, NULL, 0, NULL, NULL, NULL),
                    EM_ERR_INPUT);
}

/* ---- Types ---- */

static const struct {
    enum em_nvs_int type;
    int64_t value;
    const char *text;
} ints[] = {
    {EM_NVS_U8, 0, "0"},
    {EM_NVS_U8, 255, "255"},
    {EM_NVS_I8, -128, "-128"},
    {EM_NVS_I8, 127, "127"},
    {EM_NVS_I8, -1, "-1"},
    {EM_NVS_U16, 65535, "65535"},
    {EM_NVS_I16, -32768, "-32768"},
    {EM_NVS_I16, 32767, "32767"},
    {EM_NVS_U32, 4294967295, "4294967295"},
    {EM_NVS_I32, INT32_MIN, "-2147483648"},
    {EM_NVS_I32, INT32_MAX, "2147483647"},
    {EM_NVS_U64, INT64_MAX, "9223372036854775807"},
    {EM_NVS_I64, INT64_MIN, "-9223372036854775808"},
    {EM_NVS_I64, -2, "-2"},
};

static void test_types(void)
{
    struct setup s = begin();
    for (enum em_nvs_version version = EM_NVS_V1; version <= EM_NVS_V2; version++) {
        char wanted[1024] = "{types=1 texts=2}";
        struct em_nvs_image *image = begin_image(s.buf, 3 * PAGE, version);
        add_namespace(image, "types");
        for (size_t i = 0; i < COUNT(ints); i++) {
            char key[16];
            (void)snprintf(key, sizeof key, "k%zu", i);
            add_int(image, key, ints[i].type, ints[i].value);
            size_t len = strlen(wanted);
            (void)snprintf(wanted + len, sizeof wanted - len, " types.%s=%s", key,
                           ints[i].text);
        }
        add_namespace(image, "texts");
        add_string(image, "empty", "");
        add_string(image, "s31", "0123456789012345678901234567890");
        add_string(image, "s32", "01234567890123456789012345678901");
        add_blob(image, "b0", 0);
        add_blob(image, "b1", 1);
        add_blob(image, "b32", 32);
        add_blob(image, "fifteen_letters", 1984);
        size_t len = strlen(wanted);
        (void)snprintf(wanted + len, sizeof wanted - len, "%s",
                       " texts.empty='' texts.s31='0123456789012345678901234567890'"
                       " texts.s32='01234567890123456789012345678901' texts.b0=[0]"
                       " texts.b1=[1] texts.b32=[32] texts.fifteen_letters=[1984]");
        check_clean(&s, version == EM_NVS_V1 ? "types, version 1" : "types, version 2",
                    end_image(image), wanted);
    }
    end(&s);
}

/* All that is told about a value, against the place where the writer put it. */
static void test_fields(void)
{
    static const struct {
        const char *key;
        unsigned type;
        size_t len;
        unsigned entry, entries;
        uint64_t bits;
    } wanted[] = {
        {"u", EM_NVS_U16, 2, 1, 1, 513},
        {"i", EM_NVS_I8, 1, 2, 1, UINT64_MAX - 2},
        {"s", EM_NVS_STRING, 33, 3, 3, 0},
        {"b", EM_NVS_BLOB, 40, 6, 4, 0},
    };
    struct setup s = begin();
    struct em_nvs_value value;
    size_t cursor = 0;
    struct em_nvs_image *image = begin_image(s.buf, 3 * PAGE, EM_NVS_V2);
    add_namespace(image, "n");
    add_int(image, "u", EM_NVS_U16, 513);
    add_int(image, "i", EM_NVS_I8, -3);
    add_string(image, "s", "01234567890123456789012345678901");
    add_blob(image, "b", 40);
    load_image(s.reader, s.buf, end_image(image), s.found);
    for (size_t i = 0; i < COUNT(wanted); i++) {
        CU_ASSERT_TRUE_FATAL(em_nvs_reader_next(s.reader, &cursor, &value));
        CU_ASSERT_STRING_EQUAL(value.ns, "n");
        CU_ASSERT_STRING_EQUAL(value.key, wanted[i].key);
        CU_ASSERT_EQUAL(value.type, wanted[i].type);
        CU_ASSERT_EQUAL(value.len, wanted[i].len);
        CU_ASSERT_EQUAL(value.bits, wanted[i].bits);
        CU_ASSERT_EQUAL(value.ns_index, 1);
        CU_ASSERT_EQUAL(value.page, 0);
        CU_ASSERT_EQUAL(value.entry, wanted[i].entry);
        CU_ASSERT_EQUAL(value.entries, wanted[i].entries);
        if (wanted[i].type == EM_NVS_U16) {
            uint8_t data[2];
            em_nvs_reader_copy(s.reader, &value, data);
            EM_CHECK_BYTES(data, "\x01\x02", 2);
        }
    }
    CU_ASSERT_FALSE(em_nvs_reader_next(s.reader, &cursor, &value));
    CU_ASSERT_FALSE(em_nvs_reader_next(s.reader, &cursor, &value)); /* stays there */
    struct em_nvs_counts counts = em_nvs_reader_counts(s.reader);
    CU_ASSERT_EQUAL(counts.pages, 3);
    CU_ASSERT_EQUAL(counts.used_pages, 1);
    CU_ASSERT_EQUAL(counts.values, 4);
    CU_ASSERT_EQUAL(counts.namespaces, 1);
    CU_ASSERT_FALSE(counts.version_1 || counts.read_only || counts.unreadable);
    end(&s);
}

/* ---- Namespaces ---- */

static void test_namespaces(void)
{
    struct setup s = begin();
    struct em_nvs_value value;
    size_t cursor = 0;
    const char *name;
    uint8_t index;
    struct em_nvs_image *image = begin_image(s.buf, 3 * PAGE, EM_NVS_V2);
    check_clean(&s, "nothing at all", end_image(image), "{}");
    image = begin_image(s.buf, 3 * PAGE, EM_NVS_V2);
    add_namespace(image, "only");
    check_clean(&s, "an empty namespace", end_image(image), "{only=1}");
    image = begin_image(s.buf, 3 * PAGE, EM_NVS_V2);
    add_namespace(image, "one");
    add_namespace(image, "two");
    add_int(image, "x", EM_NVS_U8, 2);
    add_namespace(image, "three");
    add_namespace(image, "one");
    add_int(image, "x", EM_NVS_U8, 1);
    check_clean(&s, "opened again", end_image(image),
                "{one=1 two=2 three=3} two.x=2 one.x=1");
    image = begin_image(s.buf, 6 * PAGE, EM_NVS_V2);
    for (unsigned i = 1; i <= 254; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "ns%u", i);
        add_namespace(image, text);
        add_int(image, "same", EM_NVS_U32, i * 1000);
    }
    load_image(s.reader, s.buf, end_image(image), s.found);
    CU_ASSERT_EQUAL(s.found->n, 0);
    for (unsigned i = 1; i <= 254; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "ns%u", i);
        CU_ASSERT_TRUE(em_nvs_reader_next_namespace(s.reader, &cursor, &name, &index));
        CU_ASSERT_STRING_EQUAL(name, text);
        CU_ASSERT_EQUAL(index, i);
        CU_ASSERT_TRUE(em_nvs_reader_find(s.reader, text, "same", &value));
        CU_ASSERT_EQUAL(value.bits, i * 1000);
        CU_ASSERT_EQUAL(value.ns_index, i);
    }
    CU_ASSERT_FALSE(em_nvs_reader_next_namespace(s.reader, &cursor, &name, &index));
    end(&s);
}

/* ---- Pages ---- */

/* Pages may lie anywhere: their numbers tell the order. */
static void test_page_order(void)
{
    static const uint8_t orders[][6] = {
        {0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {2, 0, 1, 5, 3, 4}, {3, 5, 0, 2, 4, 1}};
    struct setup s = begin();
    uint8_t *sorted = need(malloc(6 * PAGE));
    char *wanted = need(malloc(TEXT_MAX));
    struct em_nvs_image *image = begin_image(sorted, 6 * PAGE, EM_NVS_V2);
    add_namespace(image, "n");
    for (int k = 0; k < 200; k++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", k);
        add_int(image, key, EM_NVS_I16, -k);
    }
    add_blob(image, "b", 6000);
    add_string(image, "s", "end");
    (void)end_image(image);
    load_image(s.reader, sorted, 6 * PAGE, s.found);
    CU_ASSERT_EQUAL(em_nvs_reader_counts(s.reader).used_pages, 4);
    contents(s.reader, wanted);
    for (size_t i = 0; i < COUNT(orders); i++) {
        for (size_t p = 0; p < 6; p++)
            memcpy(s.buf + orders[i][p] * PAGE, sorted + p * PAGE, PAGE);
        check_clean(&s, "order of pages", 6 * PAGE, wanted);
    }
    free(wanted);
    free(sorted);
    end(&s);
}

static void test_read_only(void)
{
    struct setup s = begin();
    for (size_t size = PAGE; size <= 4 * PAGE; size += PAGE) {
        struct em_nvs_image *image = begin_image(s.buf, size, EM_NVS_V1);
        add_namespace(image, "n");
        add_string(image, "s", "text");
        size_t len = end_image(image);
        CU_ASSERT_EQUAL(len, size < 3 * PAGE ? PAGE : size);
        load_image(s.reader, s.buf, len, s.found);
        struct em_nvs_counts counts = em_nvs_reader_counts(s.reader);
        CU_ASSERT_EQUAL(s.found->n, 0);
        CU_ASSERT_EQUAL(counts.read_only, size < 3 * PAGE);
        CU_ASSERT_TRUE(counts.version_1);
        check_clean(&s, "sizes", len, "{n=1} n.s='text'");
    }
    /* Two pages, both full of values: fine when nothing is to be written. */
    struct em_nvs_image *image = begin_image(s.buf, 2 * PAGE, EM_NVS_V2);
    add_namespace(image, "n");
    add_blob(image, "b", 7000);
    check_clean(&s, "two pages", end_image(image), "{n=1} n.b=[7000]");
    end(&s);
}

/* ---- Finding and comparing ---- */

static void test_find(void)
{
    static const struct {
        const char *ns, *key;
        bool there;
    } cases[] = {
        {"n", "u", true},
        {"n", "fifteen_letters", true},
        {"n", "fifteen_letter", false},
        {"n", "fifteen_letters_and_more", false},
        {"n", "fifteen_letters!", false},
        {"n", "U", false},
        {"n", "", false},
        {"N", "u", false},
        {"", "u", false},
        {"namespace_of_any_length", "u", false},
        {"m", "u", false},
        {"m", "b", true},
        {"shared", "u", true},
        {"shared", "b", false},
    };
    struct setup s = begin();
    struct em_nvs_value value;
    struct em_nvs_image *image = begin_image(s.buf, 3 * PAGE, EM_NVS_V2);
    add_namespace(image, "n");
    add_int(image, "u", EM_NVS_U8, 1);
    add_int(image, "fifteen_letters", EM_NVS_U8, 2);
    add_namespace(image, "m");
    add_blob(image, "b", 0);
    size_t len = end_image(image);
    struct place at = {s.buf, 0, 6};
    put_int(&at, 0, T_U8, "shared", 1); /* a second name of "n" */
    CU_ASSERT_FALSE(em_nvs_reader_find(s.reader, "n", "u", &value)); /* nothing yet */
    load_image(s.reader, s.buf, len, s.found);
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool there = em_nvs_reader_find(s.reader, cases[i].ns, cases[i].key, &value);
        CU_ASSERT_EQUAL(there, cases[i].there);
        if (there)
            CU_ASSERT_STRING_EQUAL(value.key, cases[i].key);
    }
    /* The empty blob has no bytes to copy, and no pointer is needed to compare. */
    CU_ASSERT_TRUE(em_nvs_reader_find(s.reader, "m", "b", &value));
    em_nvs_reader_copy(s.reader, &value, NULL);
    CU_ASSERT_TRUE(em_nvs_reader_equal(s.reader, &value, NULL, 0));
    CU_ASSERT_FALSE(em_nvs_reader_equal(s.reader, &value, "", 1));
    end(&s);
}

/* ---- One reader, many images ---- */

static void test_reuse(void)
{
    static const size_t bad[] = {1, 31, 4095, 4097, 2 * 4096 + 1};
    struct setup s = begin();
    struct em_error err = {0};
    struct em_nvs_value value;
    size_t cursor = 0;
    for (size_t n = 0; n < 60; n++) {
        size_t values = n * 37 % 500; /* up and down */
        struct em_nvs_image *image =
            begin_image(s.buf, 8 * PAGE, n % 2 == 0 ? EM_NVS_V1 : EM_NVS_V2);
        add_namespace(image, "n");
        for (size_t k = 0; k < values; k++) {
            char key[16];
            (void)snprintf(key, sizeof key, "k%zu", k);
            add_int(image, key, EM_NVS_U32, (int64_t)(n * 1000 + k));
        }
        load_image(s.reader, s.buf, end_image(image), s.found);
        CU_ASSERT_EQUAL(s.found->n, 0);
        CU_ASSERT_EQUAL(em_nvs_reader_counts(s.reader).values, values);
        CU_ASSERT_EQUAL(em_nvs_reader_counts(s.reader).version_1, n % 2 == 0);
        cursor = 0;
        for (size_t k = 0; em_nvs_reader_next(s.reader, &cursor, &value); k++) {
            struct em_nvs_value again;
            CU_ASSERT_EQUAL(value.bits, n * 1000 + k);
            CU_ASSERT_TRUE(em_nvs_reader_find(s.reader, "n", value.key, &again));
            CU_ASSERT_TRUE(same_value(&value, &again));
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        EM_CHECK_STATUS(
            em_nvs_reader_load(s.reader, s.buf, bad[i], find_it, s.found, &err),
            EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, "4096");
        CU_ASSERT_TRUE(strlen(err.hint) > 0);
        cursor = 0; /* what was there before is gone */
        CU_ASSERT_FALSE(em_nvs_reader_next(s.reader, &cursor, &value));
        CU_ASSERT_FALSE(em_nvs_reader_find(s.reader, "n", "k0", &value));
        CU_ASSERT_EQUAL(em_nvs_reader_counts(s.reader).values, 0);
    }
    EM_CHECK_STATUS(em_nvs_reader_load(s.reader, s.buf, 0, NULL, NULL, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "empty");
    em_nvs_reader_free(NULL);
    end(&s);
}

/* Arrays grow, and sizes that overflow are refused before anything is touched. */
static void test_reserve(void)
{
    struct em_error err = {0};
    uint64_t *array = NULL;
    size_t cap = 0;
    for (size_t n = 1; n < 3000; n += n / 2 + 1) {
        EM_CHECK_STATUS(nvs_reserve(&array, &cap, n, sizeof *array, &err), EM_OK, &err);
        CU_ASSERT_TRUE_FATAL(cap >= n);
        array[n - 1] = n;
        CU_ASSERT_EQUAL(n == 1 || array[0] == 1, 1); /* what was there stays */
    }
    const uint64_t *before = array;
    size_t cap_before = cap;
    EM_CHECK_STATUS(nvs_reserve(&array, &cap, SIZE_MAX / 4, sizeof *array, &err),
                    EM_ERR_NOMEM, &err);
    CU_ASSERT_PTR_EQUAL(array, before);
    CU_ASSERT_EQUAL(cap, cap_before);
    free(array);
}

static const struct em_test tests[] = {
    {"types", test_types},
    {"fields of values", test_fields},
    {"namespaces", test_namespaces},
    {"pages in any order", test_page_order},
    {"read-only sizes", test_read_only},
    {"finding", test_find},
    {"one reader, many images", test_reuse},
    {"arrays", test_reserve},
};

EM_TEST_MAIN("nvs/reader", tests)
