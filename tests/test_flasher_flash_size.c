/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of flash sizes, and of the pins that the flash is connected to. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_util.h"

#define MIB (UINT64_C(1) << 20)

/* Ids of real chips, from their data sheets. */
static void ids(void)
{
    static const struct {
        const char *part;
        uint32_t id;
        uint64_t size;
    } cases[] = {
        {"Winbond W25Q32", 0x1640EF, 4 * MIB},
        {"Winbond W25Q128", 0x1840EF, 16 * MIB},
        {"Winbond W25Q256", 0x1940EF, 32 * MIB},
        {"Winbond W25Q512", 0x2040EF, 64 * MIB},
        {"GigaDevice GD25Q64", 0x1740C8, 8 * MIB},
        {"GigaDevice GD25Q20", 0x1240C8, 256 * 1024},
        {"Macronix MX25U1633", 0x3525C2, 2 * MIB},
        {"Macronix MX66U1G45", 0x3B25C2, 0},
        {"Macronix MX25U512", 0x3A25C2, 64 * MIB},
        {"Micron MT25QL01G", 0x21BA20, 128 * MIB},
        {"Adesto AT25SF321", 0x01871F, 4 * MIB},
        {"Adesto AT25SF041", 0x01841F, 512 * 1024},
        {"Adesto beyond", 0x01831F, 0},
        {"nobody", 0xFFFFFF, 0},
        {"nobody", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t got = em_flash_id_size(cases[i].id);
        if (got != cases[i].size)
            printf("\n  %s: %llu\n", cases[i].part, (unsigned long long)got);
        CU_ASSERT_EQUAL(got, cases[i].size);
    }
}

static void names(void)
{
    char out[32];
    em_flash_size_name(out, sizeof out, 4 * MIB);
    CU_ASSERT_STRING_EQUAL(out, "4MB");
    em_flash_size_name(out, sizeof out, 512 * 1024);
    CU_ASSERT_STRING_EQUAL(out, "512KB");
    em_flash_size_name(out, sizeof out, 1000);
    CU_ASSERT_STRING_EQUAL(out, "1000 bytes");
}

static void spaces(void)
{
    enum { W25Q32 = 0x1640EF, UNKNOWN = 0x7740EF };
    static const struct {
        const char *chip, *size;
        uint32_t id;
        uint64_t told, end, header;
    } cases[] = {
        {"esp32c3", NULL, W25Q32, 0, 4 * MIB, 0},
        {"esp32c3", "keep", W25Q32, 0, 4 * MIB, 0},
        {"esp32c3", "detect", W25Q32, 0, 4 * MIB, 4 * MIB},
        {"esp32c3", "2MB", W25Q32, 2 * MIB, 2 * MIB, 2 * MIB},
        {"esp32c3", "16mb", W25Q32, 16 * MIB, 4 * MIB, 16 * MIB},
        {"esp32c3", "detect", UNKNOWN, 0, 4 * MIB, 4 * MIB},
        {"esp32c3", "keep", UNKNOWN, 0, 0, 0},
        {"esp32c3", "8MB", UNKNOWN, 8 * MIB, 8 * MIB, 8 * MIB},
        {"esp8266", "2MB-c1", W25Q32, 2 * MIB, 2 * MIB, 2 * MIB},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_device dev;
        struct em_error err = {0};
        struct em_flash_space space;
        struct em_flash_options options = {.size = cases[i].size};
        em_t_device(&dev, cases[i].chip, false);
        dev.flash.id = cases[i].id;
        EM_CHECK_STATUS(em_flash_space_find(&space, &dev, &options, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(space.told, cases[i].told);
        CU_ASSERT_EQUAL(space.end, cases[i].end);
        CU_ASSERT_EQUAL(space.header, cases[i].header);
    }
    struct em_device dev;
    struct em_error err = {0};
    struct em_flash_space space;
    struct em_flash_options options = {.size = "3MB"};
    em_t_device(&dev, "esp32c3", false);
    EM_CHECK_STATUS(em_flash_space_find(&space, &dev, &options, &err), EM_ERR_USAGE,
                    &err);
    EM_CHECK_HAS(err.what, "'3MB'");
    EM_CHECK_HAS(err.what, "16MB");
}

static void limits(void)
{
    static const struct {
        const char *chip;
        bool stub;
        uint64_t end, addr, len;
        enum em_status status;
    } cases[] = {
        {"esp32c3", false, 4 * MIB, 0, 4 * MIB, EM_OK},
        {"esp32c3", false, 4 * MIB, 1, 4 * MIB, EM_ERR_FULL},
        {"esp32c3", false, 4 * MIB, 4 * MIB, 0, EM_OK},
        {"esp32s3", false, 32 * MIB, 15 * MIB, MIB, EM_OK},
        {"esp32s3", false, 32 * MIB, 16 * MIB, 4, EM_ERR_FULL},
        {"esp32s3", true, 32 * MIB, 16 * MIB, 16 * MIB, EM_OK},
        {"esp32c3", true, 32 * MIB, 16 * MIB, 4, EM_ERR_FULL},
        {"esp32c3", false, 0, 15 * MIB, MIB, EM_OK},
        {"esp32c3", false, 0, 1, UINT64_MAX, EM_ERR_FULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_device dev;
        struct em_error err = {0};
        struct em_flash_space space = {.end = cases[i].end};
        em_t_device(&dev, cases[i].chip, cases[i].stub);
        EM_CHECK_STATUS(
            em_flash_fits(&dev, &space, "f", cases[i].addr, cases[i].len, &err),
            cases[i].status, &err);
    }
}

/* hd<<24 | cs<<18 | d<<12 | q<<6 | clk (rom-protocol.md, 3.3), by hand. */
static void pins(void)
{
    static const struct {
        const char *chip, *text;
        enum em_status status;
        uint32_t wanted;
    } cases[] = {
        {"esp32", "SPI", EM_OK, 0},
        {"esp32", "hspi", EM_OK, 1},
        {"esp32", "6,17,8,11,16", EM_OK, 0x0B408446},
        {"esp32", "6,32,8,33,16", EM_OK, 0x21408806},
        {"esp32", "6,30,8,11,16", EM_ERR_USAGE, 0},
        {"esp32", "6,17,8,11", EM_ERR_USAGE, 0},
        {"esp32", "6,17,8,11,16,1", EM_ERR_USAGE, 0},
        {"esp32", "6,17,8,11,6", EM_ERR_USAGE, 0},
        {"esp32", "6,17,8,11,", EM_ERR_USAGE, 0},
        {"esp32", "6,17,8,x,16", EM_ERR_USAGE, 0},
        {"esp32", "6,17,8,-1,16", EM_ERR_USAGE, 0},
        {"esp32", "", EM_ERR_USAGE, 0},
        {"esp32c3", "0,21,2,3,4", EM_OK, 0x03102540},
        {"esp32c3", "0,22,2,3,4", EM_ERR_USAGE, 0},
        {"esp32s3", "0,22,2,3,4", EM_ERR_USAGE, 0},
        {"esp32s3", "26,21,2,3,4", EM_OK, 0x0310255A},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t got;
        struct em_error err = {0};
        EM_CHECK_STATUS(
            em_flash_pins_parse(&got, em_chip_find(cases[i].chip), cases[i].text, &err),
            cases[i].status, &err);
        if (cases[i].status == EM_OK)
            CU_ASSERT_EQUAL(got, cases[i].wanted);
    }
}

static const struct em_test tests[] = {
    {"ids", ids},       {"names", names}, {"told and detected", spaces},
    {"limits", limits}, {"pins", pins},
};

EM_TEST_MAIN("flasher/flash/size", tests)
