/* SPDX-License-Identifier: Apache-2.0 */
/* Pages and entries as they are: what em_nvs_page_look() and em_nvs_entry_look() say. */
#include "config.h"

#include <espmfg/nvs_reader.h>

#include "tests/em_test.h"

enum { SIZE = 0x3000 };

/* Page 0: namespace (1 entry), blob of 40 bytes (chunk of 3 entries, index), u8. */
static void make(uint8_t *buf)
{
    static const uint8_t blob[40] = {1, 2, 3};
    struct em_nvs_image *image = NULL;
    struct em_error err = {0};
    size_t len;
    EM_CHECK_STATUS(em_nvs_image_new(&image, buf, SIZE, EM_NVS_V2, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_nvs_image_namespace(image, "ns", &err), EM_OK, &err);
    EM_CHECK_STATUS(em_nvs_image_add_blob(image, "blob", blob, sizeof blob, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_nvs_image_add_int(image, "number", EM_NVS_U8, 7, 0, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_nvs_image_finish(image, &len, &err), EM_OK, &err);
    em_nvs_image_free(image);
}

static void pages(void)
{
    /* State words of the format document, section 3.1; anything else is corrupt. */
    static const struct {
        uint8_t word[4];
        enum em_nvs_page_state state;
    } cases[] = {
        {{0xFF, 0xFF, 0xFF, 0xFF}, EM_NVS_PAGE_UNUSED},
        {{0xFE, 0xFF, 0xFF, 0xFF}, EM_NVS_PAGE_ACTIVE},
        {{0xFC, 0xFF, 0xFF, 0xFF}, EM_NVS_PAGE_FULL},
        {{0xF8, 0xFF, 0xFF, 0xFF}, EM_NVS_PAGE_FREEING},
        {{0xF0, 0xFF, 0xFF, 0xFF}, EM_NVS_PAGE_CORRUPT},
        {{0x00, 0x00, 0x00, 0x00}, EM_NVS_PAGE_CORRUPT},
        {{0xFE, 0xFF, 0xFF, 0x7F}, EM_NVS_PAGE_CORRUPT},
    };
    uint8_t image[SIZE];
    struct em_nvs_page_info info;
    make(image);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(image, cases[i].word, 4); /* the state is not in the CRC */
        em_nvs_page_look(&info, image);
        CU_ASSERT_EQUAL(info.state, cases[i].state);
        CU_ASSERT_EQUAL(info.sequence, 0);
        CU_ASSERT_EQUAL(info.version_byte, 0xFE);
        CU_ASSERT_TRUE(info.crc_right);
    }
    image[4] = 1; /* sequence number, without its CRC */
    em_nvs_page_look(&info, image);
    CU_ASSERT_EQUAL(info.sequence, 1);
    CU_ASSERT_FALSE(info.crc_right);
}

static void entries(void)
{
    static const struct {
        unsigned entry;
        bool header;
        uint8_t ns, type, span, chunk;
        const char *key;
    } cases[] = {
        {0, true, 0, EM_NVS_U8, 1, 0xFF, "ns"},
        {1, true, 1, EM_NVS_BLOB_CHUNK, 3, 0, "blob"},
        {2, false, 0, 0, 0, 0, ""}, /* data: 01 02 03 00 … */
        {3, false, 0, 0, 0, 0, ""},
        {4, true, 1, EM_NVS_BLOB_INDEX, 1, 0xFF, "blob"},
        {5, true, 1, EM_NVS_U8, 1, 0xFF, "number"},
    };
    uint8_t image[SIZE];
    struct em_nvs_entry_info info;
    make(image);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        em_nvs_entry_look(&info, image, cases[i].entry);
        CU_ASSERT_EQUAL(info.state, EM_NVS_ENTRY_WRITTEN);
        CU_ASSERT_EQUAL(info.header, cases[i].header);
        CU_ASSERT_EQUAL(info.ns_index, cases[i].ns);
        CU_ASSERT_EQUAL(info.type, cases[i].type);
        CU_ASSERT_EQUAL(info.span, cases[i].span);
        CU_ASSERT_EQUAL(info.chunk, cases[i].chunk);
        CU_ASSERT_STRING_EQUAL(info.key, cases[i].key);
    }
    em_nvs_entry_look(&info, image, 6);
    CU_ASSERT_EQUAL(info.state, EM_NVS_ENTRY_EMPTY);
    em_nvs_entry_look(&info, image, EM_NVS_PAGE_ENTRIES - 1);
    CU_ASSERT_EQUAL(info.state, EM_NVS_ENTRY_EMPTY);
    /* Entries 4 and 5 have bits 0..3 of byte 33: 5 erased, 4 illegal. */
    image[33] = 0xF1;
    em_nvs_entry_look(&info, image, 4);
    CU_ASSERT_EQUAL(info.state, EM_NVS_ENTRY_ILLEGAL);
    CU_ASSERT_FALSE(info.header);
    em_nvs_entry_look(&info, image, 5);
    CU_ASSERT_EQUAL(info.state, EM_NVS_ENTRY_ERASED);
    CU_ASSERT_FALSE(info.header);
    /* A key of 16 bytes still ends: its last byte is the reader's. */
    make(image);
    memset(image + 64 + 32 * 5 + 8, 'k', 16);
    em_nvs_entry_look(&info, image, 5);
    CU_ASSERT_FALSE(info.header); /* the CRC is wrong now */
    CU_ASSERT_EQUAL(info.key[0], '\0');
}

static const struct em_test tests[] = {
    {"pages", pages},
    {"entries", entries},
};

EM_TEST_MAIN("nvs/look", tests)
