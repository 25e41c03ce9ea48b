/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the checker says about pages: one damaged image for each kind. */
#include "config.h"

#include "tests/test_nvs_check_util.h"

/* ---- The image as a whole ---- */

static void garble_entries(uint8_t *image)
{
    for (unsigned i = 0; i < 9; i++)
        entry_at(image, 0, i)[5] ^= 0x40;
}

/* All of 5 pages in use. */
static void use_all_pages(uint8_t *image)
{
    set_state(image, 1, FULL);
    put_page(image, 2, FULL, 2);
    put_page(image, 3, FULL, 3);
    put_page(image, 4, ACTIVE, 4);
}

static void use_all_pages_but_a_bad_one(uint8_t *image)
{
    use_all_pages(image);
    image[2 * PAGE + 20] = 0;
}

static void use_all_pages_but_one(uint8_t *image)
{
    use_all_pages(image);
    memset(image + 4 * PAGE, 0xFF, PAGE);
    set_state(image, 3, ACTIVE);
}

static void clear_bitmap(uint8_t *image)
{
    memset(image + 32, 0xFF, 32);
}

static void clear_bitmap_of_full_page(uint8_t *image)
{
    clear_bitmap(image);
    set_state(image, 0, FULL);
}

/* ---- One page ---- */

static void write_on_free_page(uint8_t *image)
{
    image[3 * PAGE - 1] = 0x7F;
}

static void write_on_page_1(uint8_t *image)
{
    image[PAGE + 100] = 0;
}

static void unmark_page_0(uint8_t *image)
{
    set_state(image, 0, UINT32_MAX);
}

static void corrupt_state(uint8_t *image)
{
    set_state(image, 0, 0xFFFFFFF0);
}

static void unknown_state(uint8_t *image)
{
    set_state(image, 0, 0xFFFFFFFD);
}

static void clear_page_0(uint8_t *image)
{
    memset(image, 0, PAGE);
}

static void header_crc(uint8_t *image)
{
    image[31] ^= 0x80;
}

static void header_crc_of_page_1(uint8_t *image)
{
    image[PAGE + 9] = 0;
}

static void reserved_bytes(uint8_t *image)
{
    memset(image + 9, 0x55, 19);
    seal_page(image, 0);
}

static void newer_version(uint8_t *image)
{
    image[8] = 0xFD;
    seal_page(image, 0);
}

static void newer_version_of_page_1(uint8_t *image)
{
    image[PAGE + 8] = 0;
    seal_page(image, 1);
}

static void mixed_versions(uint8_t *image)
{
    image[PAGE + 8] = 0xFF;
    seal_page(image, 1);
}

static void unused_bits(uint8_t *image)
{
    image[63] = 0x0F;
}

static void erase_page_0(uint8_t *image)
{
    memset(image, 0xFF, PAGE);
}

static void erase_page_1(uint8_t *image)
{
    memset(image + PAGE, 0xFF, PAGE);
}

/* ---- States and sequence ---- */

static void freeing_behind_active(uint8_t *image)
{
    set_state(image, 0, FREEING);
}

static void freeing_behind_full(uint8_t *image)
{
    set_state(image, 0, FREEING);
    set_state(image, 1, FULL);
}

static void freeing_newest(uint8_t *image)
{
    set_state(image, 1, FREEING);
}

static void no_active(uint8_t *image)
{
    set_state(image, 0, FULL);
}

static void two_active(uint8_t *image)
{
    set_state(image, 0, ACTIVE);
}

static void active_is_older(uint8_t *image)
{
    set_state(image, 0, ACTIVE);
    set_state(image, 1, FULL);
}

static void same_sequence(uint8_t *image)
{
    set_sequence(image, 1, 0);
}

static void copy_page(uint8_t *image)
{
    memcpy(image + 2 * PAGE, image + PAGE, PAGE);
}

static void first_sequence_3(uint8_t *image)
{
    set_sequence(image, 0, 3);
}

static void last_sequence(uint8_t *image)
{
    set_sequence(image, 0, UINT32_MAX);
}

static void sequences_3_4(uint8_t *image)
{
    set_sequence(image, 0, 3);
    set_sequence(image, 1, 4);
}

static void sequences_0_2(uint8_t *image)
{
    set_sequence(image, 1, 2);
}

static void swap_pages(uint8_t *image)
{
    uint8_t page[PAGE];
    memcpy(page, image, PAGE);
    memcpy(image, image + PAGE, PAGE);
    memcpy(image + PAGE, image + 4 * PAGE, PAGE);
    memcpy(image + 4 * PAGE, page, PAGE);
}

static const struct check checks[] = {
    /* clang-format off */
    {"clean", SMALL, NULL, "", NULL, 0},
    {"clean, version 1", SMALL_V1, NULL, "", NULL, 0},
    {"clean, read-only", SMALL_RO, NULL, "", NULL, 0},
    {"clean, read-only with a free page", SMALL_RO, NULL, "", NULL, 2 * PAGE},
    {"clean, several pages", LARGE, NULL, "", NULL, 0},
    {"cut to one free page", LARGE, NULL, "", NULL, 3 * PAGE},
    {"cut to read-only", LARGE, NULL, "", NULL, 2 * PAGE},
    {"blank", BLANK, NULL, "W empty", NULL, 0},
    {"blank, read-only", BLANK, NULL, "W empty", NULL, PAGE},
    {"wrong key", SMALL, garble_entries, "E unreadable", "{}", 0},
    {"wrong key, read-only", SMALL_RO, garble_entries, "E unreadable, E repair-read-only", "{}", 0},
    {"no free page", LARGE, use_all_pages, "E no-free-page", NULL, 0},
    {"a corrupt page is free", LARGE, use_all_pages_but_a_bad_one, "E page-header 2, W sequence-gap 3", NULL, 0},
    {"one free page", LARGE, use_all_pages_but_one, "", NULL, 0},
    /* The bitmap decides; an empty one hides all of the page. */
    {"bitmap lost", SMALL, clear_bitmap, "E entry-torn 0:0+9", "{}", 0},
    {"bitmap lost, read-only", SMALL_RO, clear_bitmap, "E entry-torn 0:0+9, E repair-read-only", "{}", 0},
    {"bitmap lost on a full page", SMALL, clear_bitmap_of_full_page, "E active-none, E entry-skipped 0:0+9", "{}", 0},

    {"free page written", SMALL, write_on_free_page, "E page-not-blank 2", NULL, 0},
    {"used page unmarked", SMALL, unmark_page_0, "E page-not-blank 0", "{}", 0},
    /* Erased at once only when no page is in use; else when it is needed. */
    {"the only page unmarked, read-only", SMALL_RO, unmark_page_0, "E page-not-blank 0, E repair-read-only", "{}", 0},
    {"free page written, read-only", SMALL_RO, write_on_page_1, "E page-not-blank 1", NULL, 2 * PAGE},
    {"blank page written, read-only", BLANK, write_on_page_1, "E page-not-blank 1", NULL, 2 * PAGE},
    {"state corrupt", SMALL, corrupt_state, "E page-state 0", "{}", 0},
    {"state corrupt, read-only", SMALL_RO, corrupt_state, "E page-state 0, E repair-read-only", "{}", 0},
    {"state unknown", SMALL, unknown_state, "E page-state 0", "{}", 0},
    {"page cleared", SMALL, clear_page_0, "E page-state 0", "{}", 0},
    {"state of the first of two", LARGE, corrupt_state, "E page-state 0, W sequence-gap 1, E namespace-unknown 1:0+35, E namespace-unknown 1:36+1", "{}", 0},
    {"header", SMALL, header_crc, "E page-header 0", "{}", 0},
    {"header, read-only", SMALL_RO, header_crc, "E page-header 0, E repair-read-only", "{}", 0},
    {"header of the last page", LARGE, header_crc_of_page_1, "E page-header 1, E active-none, E blob-orphan 0:2+124", "{a=1} a.u=7", 0},
    {"reserved bytes of the header", SMALL, reserved_bytes, "", NULL, 0},
    {"unused bits of the bitmap", SMALL, unused_bits, "", NULL, 0},
    {"newer version", SMALL, newer_version, "E page-version 0", "{}", 0},
    {"newer version, read-only", SMALL_RO, newer_version, "E page-version 0", "{}", 0},
    {"newer version of the last page", LARGE, newer_version_of_page_1, "E page-version 1, E active-none, E blob-orphan 0:2+124", "{a=1} a.u=7", 0},
    {"mixed versions", LARGE, mixed_versions, "", NULL, 0},
    {"first page erased", LARGE, erase_page_0, "W sequence-gap 1, E namespace-unknown 1:0+35, E namespace-unknown 1:36+1", "{}", 0},
    {"last page erased", LARGE, erase_page_1, "E active-none, E blob-orphan 0:2+124", "{a=1} a.u=7", 0},
    {"all pages erased", SMALL, erase_page_0, "W empty", "{}", 0},

    {"freeing, newest active", LARGE, freeing_behind_active, "E page-freeing 0, E page-unfinished-copy 1, E blob-orphan 0:2+124", "{a=1} a.u=7", 0},
    {"freeing, newest full", LARGE, freeing_behind_full, "E page-freeing 0", NULL, 0},
    {"freeing, itself the newest", LARGE, freeing_newest, "E page-freeing 1", NULL, 0},
    {"freeing, read-only", LARGE, freeing_behind_full, "E page-freeing 0, E repair-read-only", NULL, 2 * PAGE},
    {"no active page", SMALL, no_active, "E active-none", NULL, 0},
    {"two active pages", LARGE, two_active, "E active-old 0", NULL, 0},
    {"the older page active", LARGE, active_is_older, "E active-old 0", NULL, 0},
    {"same number", LARGE, same_sequence, "E sequence-twice 1", NULL, 0},
    {"page copied", LARGE, copy_page, "E sequence-twice 2, E active-old 1, E key-twice 1:36+1, E key-twice 2:35+1, E blob-chunks 1:35+1", "{a=1} a.u=7 a.z=9", 0},
    {"first number 3", SMALL, first_sequence_3, "W sequence-gap 0", NULL, 0},
    {"highest number", SMALL, last_sequence, "W sequence-gap 0", NULL, 0},
    {"numbers 3 and 4", LARGE, sequences_3_4, "W sequence-gap 0", NULL, 0},
    {"numbers 0 and 2", LARGE, sequences_0_2, "W sequence-gap 1", NULL, 0},
    {"pages in another order", LARGE, swap_pages, "", NULL, 0},
    /* clang-format on */
};

static void test_checks(void)
{
    run_checks(checks, COUNT(checks));
}

static void test_coverage(void)
{
    check_coverage(checks, COUNT(checks), KINDS_OF_PAGES, KINDS_OF_ENTRIES);
}

/* An encrypted image, with its key, with another and with none. */
static void test_keys(void)
{
    static uint8_t buf[CHECK_SIZE];
    static const char *const findings[] = {"", "E unreadable", "E unreadable"};
    struct em_nvs_reader *reader = new_reader();
    struct em_nvs_crypt *crypt = NULL;
    struct em_key keys[2] = {{.len = 64}, {.len = 64}};
    struct found found;
    char text[TEXT_MAX];
    CU_ASSERT_EQUAL_FATAL(em_nvs_crypt_new(&crypt, NULL), EM_OK);
    for (size_t i = 0; i < 64; i++) {
        keys[0].bytes[i] = (uint8_t)(i + 1);
        keys[1].bytes[i] = (uint8_t)(i + (i == 5 ? 2 : 1));
    }
    for (size_t i = 0; i < COUNT(findings); i++) {
        size_t len = make_base(buf, LARGE);
        CU_ASSERT_EQUAL(em_nvs_crypt_key(crypt, &keys[0], NULL), EM_OK);
        CU_ASSERT_EQUAL(em_nvs_encrypt(crypt, buf, len, NULL), EM_OK);
        if (i < 2) {
            CU_ASSERT_EQUAL(em_nvs_crypt_key(crypt, &keys[i], NULL), EM_OK);
            CU_ASSERT_EQUAL(em_nvs_decrypt(crypt, buf, len, NULL), EM_OK);
        }
        load_image(reader, buf, len, &found);
        found_text(&found, text);
        check_text("keys", text, findings[i]);
        contents(reader, text);
        check_text("keys", text, i == 0 ? LARGE_TEXT : "{}");
        CU_ASSERT_EQUAL(em_nvs_reader_counts(reader).unreadable, i > 0);
        CU_ASSERT_EQUAL(em_nvs_reader_counts(reader).used_pages, 2);
    }
    em_nvs_crypt_free(crypt);
    em_nvs_reader_free(reader);
}

static const struct em_test tests[] = {
    {"findings about pages", test_checks},
    {"every kind has its case", test_coverage},
    {"keys", test_keys},
};

EM_TEST_MAIN("nvs/load: pages", tests)
