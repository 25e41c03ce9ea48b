/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the checker says about entries: one damaged image for each kind. */
#include "config.h"

#include "tests/test_nvs_check_util.h"

/* A place behind what SMALL has. */
/* ---- CRC of the header ---- */

static void crc_of_number(uint8_t *image)
{
    entry_at(image, 0, 1)[24] ^= 1;
}

static void crc_of_string(uint8_t *image)
{
    entry_at(image, 0, 2)[4] ^= 1;
}

static void crc_of_chunk(uint8_t *image)
{
    entry_at(image, 0, 4)[23] ^= 1;
}

static void crc_of_namespace(uint8_t *image)
{
    entry_at(image, 0, 0)[8] ^= 1;
}

static void crc_of_two(uint8_t *image)
{
    entry_at(image, 0, 1)[24] ^= 1;
    entry_at(image, 0, 8)[24] ^= 1;
}

static void written_but_blank(uint8_t *image)
{
    set_bits(image, 0, 9, BITS_WRITTEN);
    set_bits(image, 0, 10, BITS_WRITTEN);
}

/* Data entries are looked at when their header is gone: one of them looks like a value.
 */
static void data_like_an_entry(uint8_t *image)
{
    uint8_t inner[PAGE] = {0};
    struct place in = {inner, 0, 0};
    struct place at = tail(image);
    const uint8_t *value = put_int(&in, 1, EM_NVS_U8, "x", 5);
    put_data(&at, 1, T_BLOB_V1, 0xFF, "outer", value, 0, ENTRY)[8] ^= 1;
}

/* ---- Types ---- */

static void type_0(uint8_t *image)
{
    change(image, 1, 1, 0x00);
}

static void type_3(uint8_t *image)
{
    change(image, 1, 1, 0x03);
}

static void type_22(uint8_t *image)
{
    change(image, 8, 1, 0x22);
}

static void all_types(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 1, EM_NVS_FLOAT, "f", 0x3F800000);
    put_int(&at, 1, EM_NVS_DOUBLE, "d", UINT64_C(0xBFF0000000000000));
    put_int(&at, 1, EM_NVS_I64, "l", (uint64_t)INT64_MIN);
    put_int(&at, 1, EM_NVS_U64, "m", UINT64_MAX);
}

/* ---- Spans, chunks, sizes ---- */

static void span_of_number(uint8_t *image)
{
    change(image, 1, 2, 2);
}

static void span_0(uint8_t *image)
{
    change(image, 1, 2, 0);
}

static void span_of_index(uint8_t *image)
{
    change(image, 7, 2, 2);
}

static void span_of_string(uint8_t *image)
{
    change(image, 2, 2, 3);
}

static void span_0_of_string(uint8_t *image)
{
    change(image, 2, 2, 0);
}

static void chunk_of_index(uint8_t *image)
{
    change(image, 7, 3, 0);
}

static void chunk_ff(uint8_t *image)
{
    change(image, 4, 3, 0xFF);
}

static void index_too_large(uint8_t *image)
{
    put_le(entry_at(image, 0, 7) + 24, 508001, 4);
    seal(entry_at(image, 0, 7));
}

static void index_just_not_too_large(uint8_t *image)
{
    put_le(entry_at(image, 0, 7) + 24, 508000, 4);
    seal(entry_at(image, 0, 7));
}

/* The last entry of the page is 125. */
static void string_to_the_end(uint8_t *image)
{
    char text[3968];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    put_page(image, 0, ACTIVE, 0);
    put_int(&(struct place){image, 0, 0}, 0, T_U8, "a", 1);
    put_string(&(struct place){image, 0, 1}, 1, "s", text);
    entry_at(image, 0, 1)[ENTRY + 1] = '\0'; /* makes the listing short */
    seal_data(entry_at(image, 0, 1));
}

static void string_behind_the_end(uint8_t *image)
{
    uint8_t *entry = entry_at(image, 0, 8);
    memset(entry + 24, 0xFF, 8);
    entry[1] = T_STR;
    entry[2] = 119; /* 8 + 119 = 127 */
    put_le(entry + 24, 118 * 32, 2);
    seal(entry);
}

static void string_behind_the_last_page(uint8_t *image)
{
    for (unsigned i = 9; i < 126; i++)
        put_int(&(struct place){image, 0, i}, 1, T_U8, "w", 3); /* all but the last go */
    uint8_t *entry = put_head(&(struct place){image, 0, 125}, 1, T_STR, 1, 0xFF, "e");
    entry[2] = 2;
    put_le(entry + 24, 1, 2);
    seal(entry);
    set_state(image, 0, FULL);
}

/* ---- States ---- */

static void data_empty(uint8_t *image)
{
    set_bits(image, 0, 3, BITS_EMPTY);
}

static void data_erased(uint8_t *image)
{
    set_bits(image, 0, 3, BITS_ERASED);
}

static void data_illegal(uint8_t *image)
{
    set_bits(image, 0, 6, BITS_ILLEGAL);
}

static void data_erased_full(uint8_t *image)
{
    set_bits(image, 0, 60, BITS_ERASED);
}

static void illegal(uint8_t *image)
{
    set_bits(image, 0, 8, BITS_ILLEGAL);
}

static void illegal_string(uint8_t *image)
{
    set_bits(image, 0, 2, BITS_ILLEGAL);
}

static void illegal_full(uint8_t *image)
{
    illegal(image);
    set_state(image, 0, FULL);
}

static void torn(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 1, T_U8, "x", 1);
    set_bits(image, 0, 9, BITS_EMPTY);
}

static void torn_then_written(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 1, T_U8, "x", 1);
    put_int(&at, 1, T_U8, "y", 2);
    set_bits(image, 0, 9, BITS_EMPTY);
}

static void torn_then_hidden(uint8_t *image)
{
    torn_then_written(image);
    put_int(&(struct place){image, 0, 12}, 1, T_U8, "v", 3);
    put_int(&(struct place){image, 0, 13}, 1, T_U8, "w", 3);
}

static void hidden(uint8_t *image)
{
    put_int(&(struct place){image, 0, 10}, 1, T_U8, "x", 1);
}

static void hidden_last(uint8_t *image)
{
    put_int(&(struct place){image, 0, 125}, 1, T_U8, "x", 1);
}

static void not_blank(uint8_t *image)
{
    entry_at(image, 0, 9)[4] = 0xFE;
    entry_at(image, 0, 11)[0] = 0;
    entry_at(image, 0, 12)[31] = 0;
}

static void skipped(uint8_t *image)
{
    set_bits(image, 0, 1, BITS_EMPTY);
}

static void skipped_chunk(uint8_t *image)
{
    set_bits(image, 0, 2, BITS_EMPTY);
}

static void skipped_blank(uint8_t *image)
{
    skipped(image);
    memset(entry_at(image, 0, 1), 0xFF, ENTRY);
}

static void not_wiped(uint8_t *image)
{
    set_bits(image, 0, 1, BITS_ERASED);
}

static void wiped(uint8_t *image)
{
    not_wiped(image);
    memset(entry_at(image, 0, 1), 0, ENTRY);
}

static void erased_blank(uint8_t *image)
{
    set_bits(image, 0, 9, BITS_ERASED);
    set_bits(image, 0, 10, BITS_ERASED);
}

/* ---- What nobody looks at ---- */

static void padding(uint8_t *image)
{
    memset(entry_at(image, 0, 3) + 3, 0x11, 29);
    memset(entry_at(image, 0, 6) + 8, 0x22, 24);
    change(image, 1, 30, 0x33);
    change(image, 7, 31, 0x44);
    change(image, 2, 26, 0x55);
}

static const struct check checks[] = {
    /* clang-format off */
    {"CRC of a number", SMALL, crc_of_number, "E entry-crc 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"CRC, read-only", SMALL_RO, crc_of_number, "E entry-crc 0:1+1, E repair-read-only", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"CRC on a full page", LARGE, crc_of_number, "E entry-crc 0:1+1", "{a=1} a.b=[5000] a.z=9", 0},
    {"CRC of a string", SMALL, crc_of_string, "E entry-crc 0:2+2", "{a=1} a.u=7 a.b=[40] a.i=-5", 0},
    {"CRC of a chunk", SMALL, crc_of_chunk, "E entry-crc 0:4+3, E blob-chunks 0:7+1", "{a=1} a.u=7 a.s='hi' a.i=-5", 0},
    {"CRC of a blob of version 1", SMALL_V1, crc_of_chunk, "E entry-crc 0:4+3", "{a=1} a.u=7 a.s='hi' a.i=-5", 0},
    {"CRC of the namespace", SMALL, crc_of_namespace, "E entry-crc 0:0+1, E namespace-unknown 0:1+1, E namespace-unknown 0:2+2, E namespace-unknown 0:4+3, E namespace-unknown 0:8+1", "{}", 0},
    {"CRC of two apart", SMALL, crc_of_two, "E entry-crc 0:1+1, E entry-crc 0:8+1", "{a=1} a.s='hi' a.b=[40]", 0},
    {"written but blank", SMALL, written_but_blank, "E entry-crc 0:9+2", NULL, 0},
    {"data like an entry", SMALL, data_like_an_entry, "E entry-crc 0:9+1", SMALL_TEXT " a.x=5", 0},
    {"type 0x00", SMALL, type_0, "E entry-type 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"type 0x03", SMALL, type_3, "E entry-type 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"type 0x22", SMALL, type_22, "E entry-type 0:8+1", "{a=1} a.u=7 a.s='hi' a.b=[40]", 0},
    {"types of devices", SMALL, all_types, "", SMALL_TEXT " a.f=1065353216 a.d=13830554455654793216 a.l=-9223372036854775808 a.m=18446744073709551615", 0},
    {"span of a number", SMALL, span_of_number, "E entry-span 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"span 0", SMALL, span_0, "E entry-span 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"span of an index", SMALL, span_of_index, "E entry-span 0:7+1, E blob-orphan 0:4+3", "{a=1} a.u=7 a.s='hi' a.i=-5", 0},
    {"span of a string", SMALL, span_of_string, "E entry-span 0:2+1, E entry-crc 0:3+1", "{a=1} a.u=7 a.b=[40] a.i=-5", 0},
    {"span 0 of a string", SMALL, span_0_of_string, "E entry-span 0:2+1, E entry-crc 0:3+1", "{a=1} a.u=7 a.b=[40] a.i=-5", 0},
    {"chunk of an index", SMALL, chunk_of_index, "E entry-chunk 0:7+1, E blob-orphan 0:4+3", "{a=1} a.u=7 a.s='hi' a.i=-5", 0},
    {"chunk 0xFF", SMALL, chunk_ff, "E entry-chunk 0:4+1, E entry-crc 0:5+2, E blob-chunks 0:7+1", "{a=1} a.u=7 a.s='hi' a.i=-5", 0},
    {"index of 508001 bytes", SMALL, index_too_large, "E entry-size 0:7+1, E blob-orphan 0:4+3", "{a=1} a.u=7 a.s='hi' a.i=-5", 0},
    {"index of 508000 bytes", SMALL, index_just_not_too_large, "E blob-chunks 0:7+1", "{a=1} a.u=7 a.s='hi' a.i=-5", 0},
    {"string to the end", SMALL, string_to_the_end, "W string-nul 0:1+125", "{a=1} a.s='x'", 0},
    {"string behind the end", SMALL, string_behind_the_end, "E entry-size 0:8+1", "{a=1} a.u=7 a.s='hi' a.b=[40]", 0},
    {"data entry not written", SMALL, data_empty, "E entry-data-state 0:2+2", "{a=1} a.u=7 a.b=[40] a.i=-5", 0},
    {"data entry erased", SMALL, data_erased, "E entry-data-state 0:2+2", "{a=1} a.u=7 a.b=[40] a.i=-5", 0},
    {"data entry illegal", SMALL, data_illegal, "E entry-data-state 0:4+3, E blob-chunks 0:7+1", "{a=1} a.u=7 a.s='hi' a.i=-5", 0},
    {"data entry on a full page", LARGE, data_erased_full, "E entry-data-state 0:2+124, E blob-chunks 1:35+1", "{a=1} a.u=7 a.z=9", 0},
    {"bits 01", SMALL, illegal, "E entry-state 0:8+1", "{a=1} a.u=7 a.s='hi' a.b=[40]", 0},
    {"bits 01, read-only", SMALL_RO, illegal, "E entry-state 0:8+1, E repair-read-only", "{a=1} a.u=7 a.s='hi' a.b=[40]", 0},
    {"bits 01 of a string", SMALL, illegal_string, "E entry-state 0:2+1, E entry-crc 0:3+1", "{a=1} a.u=7 a.b=[40] a.i=-5", 0},
    {"bits 01 on a full page", SMALL_RO, illegal_full, "E active-none, E entry-state 0:8+1", "{a=1} a.u=7 a.s='hi' a.b=[40]", 0},
    {"torn", SMALL, torn, "E entry-torn 0:9+1", NULL, 0},
    {"torn, then written", SMALL, torn_then_written, "E entry-torn 0:9+2", NULL, 0},
    {"torn, then hidden", SMALL, torn_then_hidden, "E entry-torn 0:9+2, E entry-hidden 0:12+2", NULL, 0},
    {"torn, read-only", SMALL_RO, torn, "E entry-torn 0:9+1, E repair-read-only", NULL, 0},
    {"hidden", SMALL, hidden, "E entry-hidden 0:10+1", NULL, 0},
    {"hidden at the end", SMALL, hidden_last, "E entry-hidden 0:125+1", NULL, 0},
    {"not blank", SMALL, not_blank, "W entry-not-blank 0:9+1, W entry-not-blank 0:11+2", NULL, 0},
    {"skipped", LARGE, skipped, "E entry-skipped 0:1+1", "{a=1} a.b=[5000] a.z=9", 0},
    {"skipped chunk", LARGE, skipped_chunk, "E entry-skipped 0:2+1, E entry-crc 0:3+123, E blob-chunks 1:35+1", "{a=1} a.u=7 a.z=9", 0},
    {"skipped, but blank", LARGE, skipped_blank, "", "{a=1} a.b=[5000] a.z=9", 0},
    {"not wiped", SMALL, not_wiped, "W entry-not-wiped 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"wiped", SMALL, wiped, "", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"wiped on a full page, read-only", LARGE, wiped, "", "{a=1} a.b=[5000] a.z=9", 2 * PAGE},
    {"erased but blank", SMALL, erased_blank, "W entry-not-wiped 0:9+2", NULL, 0},
    {"padding", SMALL, padding, "", NULL, 0},
    /* clang-format on */
};

static void test_checks(void)
{
    run_checks(checks, COUNT(checks));
}

static void test_coverage(void)
{
    check_coverage(checks, COUNT(checks), KINDS_OF_ENTRIES, KINDS_OF_VALUES);
}

/* The last entry of the last page claims data behind the image. */
static void test_end_of_image(void)
{
    uint8_t *image = need(malloc(CHECK_SIZE));
    struct em_nvs_reader *reader = new_reader();
    struct found found;
    char text[TEXT_MAX];
    (void)make_base(image, SMALL_RO);
    string_behind_the_last_page(image);
    uint8_t *exact = need(malloc(PAGE));
    memcpy(exact, image, PAGE);
    load_image(reader, exact, PAGE, &found);
    CU_ASSERT_TRUE(found.n > 0);
    CU_ASSERT_STRING_EQUAL(found.list[1].text, "E entry-size 0:125+1");
    contents(reader, text);
    check_text("end of image", text, SMALL_TEXT " a.w=3");
    free(exact);
    free(image);
    em_nvs_reader_free(reader);
}

static const struct em_test tests[] = {
    {"findings about entries", test_checks},
    {"every kind has its case", test_coverage},
    {"nothing behind the image", test_end_of_image},
};

EM_TEST_MAIN("nvs/load: entries", tests)
