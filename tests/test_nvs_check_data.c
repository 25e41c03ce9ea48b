/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the checker says about blobs and strings: one damaged image for each
 * kind. */
#include "config.h"

#include "tests/test_nvs_check_util.h"

/* ---- Blobs ---- */

static void blob_start(uint8_t *image)
{
    change(image, 7, 29, 1);
}

static void blob_size(uint8_t *image)
{
    change(image, 7, 24, 41);
}

static void blob_count(uint8_t *image)
{
    change(image, 7, 28, 2);
}

static void blob_family(uint8_t *image)
{
    change(image, 7, 29, 0x80);
}

static void blob_second_family(uint8_t *image)
{
    change(image, 7, 29, 0x80);
    change(image, 4, 3, 0x80);
}

static void blob_extra_chunk(uint8_t *image)
{
    struct place at = tail(image);
    put_data(&at, 1, T_DATA, 1, "b", NULL, 0, 0);
}

static void blob_gap(uint8_t *image)
{
    change(image, 4, 3, 1);
}

static void blob_gap_0_2(uint8_t *image)
{
    entry_at(image, 1, 0)[3] = 2;
    seal(entry_at(image, 1, 0));
}

static void blob_chunk_twice(uint8_t *image)
{
    put_int(&(struct place){image, 0, 7}, 1, T_U8, "w", 1);
    struct place at = next_page(image);
    put_data(&at, 1, T_DATA, 0, "b", NULL, 0, 40);
    put_index(&at, 1, "b", 80, 2, 0);
}

static void blob_chunks_swapped(uint8_t *image)
{
    struct place at = tail(image);
    put_data(&at, 1, T_DATA, 1, "c", NULL, 33, 10);
    put_index(&at, 1, "c", 43, 2, 0);
    put_data(&at, 1, T_DATA, 0, "c", NULL, 0, 33);
}

static void blob_orphan(uint8_t *image)
{
    struct place at = tail(image);
    put_data(&at, 1, T_DATA, 0, "n", NULL, 0, 20);
    put_data(&at, 1, T_DATA, 0x80, "b", NULL, 0, 20);
}

static void blob_empty(uint8_t *image)
{
    struct place at = tail(image);
    put_index(&at, 1, "e", 0, 0, 0);
    put_data(&at, 1, T_DATA, 0x80, "f", NULL, 0, 0);
    put_index(&at, 1, "f", 0, 1, 0x80);
}

/* ---- Data ---- */

static void string_data(uint8_t *image)
{
    entry_at(image, 0, 3)[0] ^= 1;
}

static void blob_data(uint8_t *image)
{
    entry_at(image, 0, 6)[7] ^= 1;
}

static void second_chunk_data(uint8_t *image)
{
    entry_at(image, 1, 20)[7] ^= 1;
}

static void string_end(uint8_t *image)
{
    struct place at = tail(image);
    put_data(&at, 1, T_STR, 0xFF, "x", "ab", 0, 2);
    put_data(&at, 1, T_STR, 0xFF, "y", "", 0, 0);
    put_string(&at, 1, "z", "");
}

static void string_nul(uint8_t *image)
{
    struct place at = tail(image);
    put_data(&at, 1, T_STR, 0xFF, "x", "a\0b", 0, 4);
    put_data(&at, 1, T_STR, 0xFF, "y", "\0", 0, 2);
}

#define NO_B "{a=1} a.u=7 a.s='hi' a.i=-5"

static const struct check checks[] = {
    /* clang-format off */
    {"start of a blob", SMALL, blob_start, "E blob-start 0:7+1", NO_B, 0},
    {"size of a blob", SMALL, blob_size, "E blob-chunks 0:7+1", NO_B, 0},
    {"count of a blob", SMALL, blob_count, "E blob-chunks 0:7+1", NO_B, 0},
    {"family of a blob", SMALL, blob_family, "E blob-chunks 0:7+1", NO_B, 0},
    {"second family", SMALL, blob_second_family, "", NULL, 0},
    {"a chunk too many", SMALL, blob_extra_chunk, "E blob-chunks 0:7+1", NO_B, 0},
    {"chunk 1 of one", SMALL, blob_gap, "E blob-gap 0:7+1", NO_B, 0},
    {"chunks 0 and 2", LARGE, blob_gap_0_2, "E blob-gap 1:35+1", "{a=1} a.u=7 a.z=9", 0},
    {"chunk twice", SMALL, blob_chunk_twice, "E blob-gap 1:3+1", "{a=1} a.u=7 a.s='hi' a.w=1 a.i=-5", 0},
    {"chunks in another order", SMALL, blob_chunks_swapped, "", SMALL_TEXT " a.c=[43]", 0},
    {"chunks without index", SMALL, blob_orphan, "E blob-orphan 0:11+2, E blob-orphan 0:9+2", NULL, 0},
    {"no chunks", SMALL, blob_empty, "W blob-empty 0:9+1", SMALL_TEXT " a.e=[0] a.f=[0]", 0},

    {"data of a string", SMALL, string_data, "E data-crc 0:2+2", "{a=1} a.u=7 a.b=[40] a.i=-5", 0},
    {"data of a string, read-only", SMALL_RO, string_data, "E data-crc 0:2+2", "{a=1} a.u=7 a.b=[40] a.i=-5", 0},
    {"data of a blob", SMALL, blob_data, "E data-crc 0:7+1", NO_B, 0},
    {"data of a blob of version 1", SMALL_V1, blob_data, "E data-crc 0:4+3", NO_B, 0},
    {"data of a second chunk", LARGE, second_chunk_data, "E data-crc 1:35+1", "{a=1} a.u=7 a.z=9", 0},
    {"strings without end", SMALL, string_end, "E string-end 0:9+2, E string-end 0:11+1", SMALL_TEXT " a.x='ab' a.y='' a.z=''", 0},
    {"strings with NUL", SMALL, string_nul, "W string-nul 0:9+2, W string-nul 0:11+2", SMALL_TEXT " a.x='a' a.y=''", 0},
    /* clang-format on */
};

static void test_checks(void)
{
    run_checks(checks, COUNT(checks));
}

static void test_coverage(void)
{
    check_coverage(checks, COUNT(checks), KINDS_OF_DATA, NVS_KINDS);
}

/* Messages name keys, but never what is stored under them. */
static void test_messages(void)
{
    static const struct {
        void (*damage)(uint8_t *image);
        const char *part, *never;
    } cases[] = {
        {string_data, "'s'", "hi"},
        {string_end, "'x'", "ab"},
        {blob_size, "'b'", "\x84"},
    };
    uint8_t *image = need(malloc(CHECK_SIZE));
    struct em_nvs_reader *reader = new_reader();
    struct found found;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = make_base(image, SMALL);
        cases[i].damage(image);
        load_image(reader, image, len, &found);
        CU_ASSERT_TRUE(found.n > 0);
        EM_CHECK_HAS(found.list[0].what, cases[i].part);
        CU_ASSERT_PTR_NULL(strstr(found.list[0].what, cases[i].never));
    }
    /* Keys may be anything; messages stay one line of text. */
    (void)make_base(image, SMALL);
    (void)put_int(&(struct place){image, 0, 9}, 9, T_U8, "a\n\033\xff", 1);
    load_image(reader, image, 4 * PAGE, &found);
    CU_ASSERT_EQUAL(found.n, 1);
    CU_ASSERT_PTR_NULL(strpbrk(found.list[0].what, "\n\033\xff"));
    em_nvs_reader_free(reader);
    free(image);
}

static const struct em_test tests[] = {
    {"findings about blobs and strings", test_checks},
    {"every kind has its case", test_coverage},
    {"messages", test_messages},
};

EM_TEST_MAIN("nvs/mount: blobs and strings", tests)
