/* SPDX-License-Identifier: Apache-2.0 */
/* Staging: what is refused before a burn, what force lets through, files that are kept.
 */
#include "config.h"

#include "tests/test_flasher_efuse_host_util.h"

#include <sys/stat.h>
#include <unistd.h>

static enum em_status burn(struct em_efuses *e, struct em_error *err)
{
    enum em_efuses_result result;
    return em_efuses_burn(e, NULL, NULL, &result, err);
}

/* First one value is burned, then another is tried. */
static void test_second_value(void)
{
    static const struct {
        const char *field, *first, *second;
        enum em_status stage, after;
    } rows[] = {
        {"SOFT_DIS_JTAG", "2", "3", EM_OK, EM_OK},
        {"SOFT_DIS_JTAG", "2", "2", EM_OK, EM_OK},
        {"SOFT_DIS_JTAG", "2", "1", EM_ERR_REFUSED, EM_OK},
        {"SOFT_DIS_JTAG", "6", "2", EM_OK, EM_ERR_VERIFY}, /* 6 stays */
        {"WR_DIS", "0x4", "0x8", EM_OK, EM_ERR_VERIFY},    /* adds up to 0xC */
        {"KEY_PURPOSE_0", "8", "9", EM_OK, EM_OK},
        {"KEY_PURPOSE_0", "9", "8", EM_OK, EM_ERR_VERIFY},
        {"KEY_PURPOSE_0", "4", "8", EM_ERR_REFUSED, EM_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_error err = {0};
        struct em_efuses *e = virtual_open("esp32c3", false);
        EM_CHECK_STATUS(
            em_efuses_stage_field(e, rows[i].field, rows[i].first, false, &err), EM_OK,
            &err);
        EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_efuses_check_after(e, &err), EM_OK, &err);
        em_efuses_unstage(e);
        EM_CHECK_STATUS(
            em_efuses_stage_field(e, rows[i].field, rows[i].second, false, &err),
            rows[i].stage, &err);
        if (rows[i].stage == EM_OK) {
            EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
            EM_CHECK_STATUS(em_efuses_check_after(e, &err), rows[i].after, &err);
        }
        em_efuses_close(e);
    }
}

static void test_bits_and_blocks(void)
{
    static const uint8_t data[33] = {1, 2, 3};
    static const unsigned bits[] = {0, 255, 256};
    struct em_error err = {0};
    struct em_efuses *e = virtual_open("esp32c3", false);
    EM_CHECK_STATUS(em_efuses_stage_bits(e, "BLOCK3", bits, 2, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_stage_bits(e, "BLOCK3", bits, 3, &err), EM_ERR_USAGE, &err);
    EM_CHECK_HAS(err.what, "there is no bit 256");
    EM_CHECK_STATUS(em_efuses_stage_block(e, "BLOCK3", data, 33, 0, &err), EM_ERR_INPUT,
                    &err);
    EM_CHECK_STATUS(em_efuses_stage_block(e, "BLOCK3", data, 3, 0, &err), EM_ERR_INPUT,
                    &err);
    EM_CHECK_STATUS(em_efuses_stage_block(e, "BLOCK3", data, 3, 30, &err), EM_ERR_INPUT,
                    &err);
    EM_CHECK_STATUS(em_efuses_stage_block(e, "BLOCK3", data, 0, 32, &err), EM_ERR_INPUT,
                    &err);
    EM_CHECK_STATUS(em_efuses_stage_block(e, "BLOCK3", data, 3, 29, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(e->staged[3].bytes[29], 1);
    CU_ASSERT_EQUAL(e->staged[3].bytes[31], 0x83); /* 3, and bit 255 */
    em_efuses_close(e);
}

static void test_never_both(void)
{
    static const char *const chips[] = {"esp32s3", "esp32c3"}; /* the C3 takes both */
    for (size_t i = 0; i < 2; i++) {
        struct em_error err = {0};
        struct em_efuses *e = virtual_open(chips[i], false);
        EM_CHECK_STATUS(em_efuses_stage_field(e, "DIS_USB_JTAG", NULL, false, &err),
                        EM_OK, &err);
        EM_CHECK_STATUS(em_efuses_stage_field(e, "DIS_USB_SERIAL_JTAG", NULL, true, &err),
                        EM_OK, &err);
        EM_CHECK_STATUS(
            em_efuses_stage_field(e, "DIS_USB_SERIAL_JTAG", NULL, false, &err),
            i == 0 ? EM_ERR_REFUSED : EM_OK, &err);
        em_efuses_close(e);
    }
}

/* Blocks are burned before BLOCK0: their data would not have the coding it turns on. */
static void test_scheme_and_data(void)
{
    static const unsigned bit = 5;
    struct em_error err = {0};
    struct em_efuses *e = virtual_open("esp32", false);
    EM_CHECK_STATUS(em_efuses_stage_field(e, "CODING_SCHEME", "1", false, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_efuses_stage_bits(e, "BLOCK2", &bit, 1, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(burn(e, &err), EM_ERR_REFUSED);
    EM_CHECK_HAS(err.what, "BLOCK2");
    em_efuses_unstage(e);
    EM_CHECK_STATUS(em_efuses_stage_field(e, "CODING_SCHEME", "1", false, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
    struct em_efuses_block block;
    EM_CHECK_STATUS(em_efuses_block_find(e, "BLOCK1", &block, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(block.len, 24);
    /* Six bytes are burned together: another bit of them is refused, others are free. */
    static const unsigned more[] = {6, 48};
    EM_CHECK_STATUS(em_efuses_stage_bits(e, "BLOCK2", &bit, 1, &err), EM_OK, &err);
    EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_stage_bits(e, "BLOCK2", &more[0], 1, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(burn(e, &err), EM_ERR_REFUSED);
    EM_CHECK_HAS(err.what, "bytes 0 to 5");
    EM_CHECK_STATUS(em_efuses_stage_bits(e, "BLOCK2", &more[1], 1, &err), EM_OK, &err);
    EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
    em_efuses_close(e);
}

static void test_files(void)
{
    char path[] = "/tmp/test_efuse.XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, "short", 5), 5);
    (void)close(fd); /* five bytes are there */
    struct em_error err = {0};
    struct em_efuses *e = NULL;
    struct stat st;
    EM_CHECK_STATUS(em_efuses_open_virtual(&e, "esp32c3", path, NULL, &err), EM_ERR_INPUT,
                    &err);
    CU_ASSERT_STRING_EQUAL(err.file, path);
    CU_ASSERT_TRUE(stat(path, &st) == 0 && st.st_size == 5);
    CU_ASSERT_EQUAL(unlink(path), 0);
    EM_CHECK_STATUS(em_efuses_open_virtual(&e, "esp32c3", path, NULL, &err), EM_OK, &err);
    CU_ASSERT_TRUE(stat(path, &st) == 0 && st.st_size == 512);
    EM_CHECK_STATUS(em_efuses_stage_field(e, "DIS_TWAI", NULL, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
    em_efuses_close(e);
    struct em_efuses_field field;
    EM_CHECK_STATUS(em_efuses_open_virtual(&e, "ESP32-C3", path, NULL, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_efuses_field_find(e, "DIS_TWAI", &field, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(field.number, 1);
    em_efuses_close(e);
    CU_ASSERT_EQUAL(unlink(path), 0);
    EM_CHECK_STATUS(em_efuses_open_virtual(&e, "esp8266", NULL, NULL, &err),
                    EM_ERR_UNSUPPORTED, &err);
    EM_CHECK_STATUS(em_efuses_open_virtual(&e, "esp99", NULL, NULL, &err), EM_ERR_USAGE,
                    &err);
}

static const struct em_test tests[] = {
    {"a second value", test_second_value},
    {"bits and blocks", test_bits_and_blocks},
    {"never both", test_never_both},
    {"coding scheme and data", test_scheme_and_data},
    {"files of virtual chips", test_files},
};

EM_TEST_MAIN("flasher/efuse/efuses_stage", tests)
