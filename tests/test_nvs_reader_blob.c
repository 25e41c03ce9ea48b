/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reading blobs: over pages, the longest, both families of chunks. */
#include "config.h"

#include "tests/test_nvs_util.h"

/* Sizes around every edge of a page, behind so many entries. */
static void test_blob_sizes(void)
{
    static const size_t sizes[] = {0,    1,    31,   32,   33,   3903,  3904, 3905,
                                   3936, 3937, 3968, 3969, 4000, 4001,  7935, 7936,
                                   7937, 7968, 7969, 8000, 8001, 12000, 20000};
    static const unsigned before[] = {1, 2, 60, 123, 124, 125, 126};
    struct setup s = begin();
    for (size_t i = 0; i < COUNT(sizes) * COUNT(before); i++) {
        struct em_nvs_value value;
        char key[16];
        size_t len = sizes[i / COUNT(before)];
        unsigned n = before[i % COUNT(before)];
        struct em_nvs_image *image = begin_image(s.buf, SIZE_MAX_HERE, EM_NVS_V2);
        add_namespace(image, "n");
        for (unsigned k = 1; k < n; k++) {
            (void)snprintf(key, sizeof key, "k%u", k);
            add_int(image, key, EM_NVS_U8, 5);
        }
        add_blob(image, "blob", len);
        add_int(image, "behind", EM_NVS_U8, 6);
        load_image(s.reader, s.buf, end_image(image), s.found);
        CU_ASSERT_EQUAL(s.found->n, 0);
        CU_ASSERT_EQUAL(em_nvs_reader_counts(s.reader).values, n + 1);
        CU_ASSERT_TRUE_FATAL(em_nvs_reader_find(s.reader, "n", "blob", &value));
        CU_ASSERT_EQUAL(value.len, len);
        CU_ASSERT_EQUAL(value.page, n / 126);
        CU_ASSERT_EQUAL(value.entry, n % 126);
        uint8_t *data = value_bytes(s.reader, &value);
        size_t good = 0;
        while (good < len && data[good] == content_byte(good))
            good++;
        CU_ASSERT_EQUAL(good, len);
        free(data);
        CU_ASSERT_TRUE(em_nvs_reader_find(s.reader, "n", "behind", &value));
        CU_ASSERT_EQUAL(value.bits, 6);
    }
    end(&s);
}

/* The longest blob: 508000 bytes, in 127 chunks or in 128. */
static void test_longest_blob(void)
{
    enum { SIZE = 131 * PAGE };
    uint8_t *buf = need(malloc(SIZE));
    struct setup s = begin();
    for (int full = 0; full < 2; full++) {
        struct em_nvs_value value;
        struct em_nvs_image *image = begin_image(buf, SIZE, EM_NVS_V2);
        add_namespace(image, "n");
        for (int k = 0; k < 125 * full; k++) {
            char key[16];
            (void)snprintf(key, sizeof key, "k%d", k);
            add_int(image, key, EM_NVS_U8, 5);
        }
        add_blob(image, "blob", EM_NVS_BLOB_MAX);
        load_image(s.reader, buf, end_image(image), s.found);
        CU_ASSERT_EQUAL(s.found->n, 0);
        CU_ASSERT_TRUE_FATAL(em_nvs_reader_find(s.reader, "n", "blob", &value));
        CU_ASSERT_EQUAL(value.len, EM_NVS_BLOB_MAX);
        CU_ASSERT_EQUAL(value.entries, EM_NVS_BLOB_MAX / 32 + (full ? 127 : 128) + 1);
        uint8_t *data = value_bytes(s.reader, &value);
        size_t good = 0;
        while (good < value.len && data[good] == content_byte(good))
            good++;
        CU_ASSERT_EQUAL(good, value.len);
        free(data);
    }
    free(buf);
    end(&s);
}

/* As a device leaves a blob that it wrote again: chunks from 0x80 on, in any order, the
 * old ones wiped. */
static void test_second_family(void)
{
    struct setup s = begin();
    memset(s.buf, 0xFF, 4 * PAGE);
    put_page(s.buf, 0, FULL, 7);
    put_page(s.buf, 1, ACTIVE, 8);
    struct place at = {s.buf, 0, 0};
    put_int(&at, 0, T_U8, "n", 1);
    put_data(&at, 1, T_DATA, 0, "blob", NULL, 0, 20);
    for (unsigned i = 1; i < 3; i++) {
        memset(entry_at(s.buf, 0, i), 0, ENTRY);
        set_bits(s.buf, 0, i, BITS_ERASED);
    }
    put_data(&at, 1, T_DATA, 0x82, "blob", NULL, 110, 5);
    put_data(&at, 1, T_DATA, 0x80, "blob", NULL, 0, 100);
    at = (struct place){s.buf, 1, 0};
    put_index(&at, 1, "blob", 115, 3, 0x80);
    put_data(&at, 1, T_DATA, 0x81, "blob", NULL, 100, 10);
    put_int(&at, 1, T_U8, "u", 3);
    load_image(s.reader, s.buf, 4 * PAGE, s.found);
    found_text(s.found, s.text);
    check_text("second family", s.text, "W sequence-gap 0");
    contents(s.reader, s.text);
    check_text("second family", s.text, "{n=1} n.blob=[115] n.u=3");
    end(&s);
}

static const struct em_test tests[] = {
    {"sizes of blobs", test_blob_sizes},
    {"the longest blob", test_longest_blob},
    {"the second family of chunks", test_second_family},
};

EM_TEST_MAIN("nvs/reader: blobs", tests)
