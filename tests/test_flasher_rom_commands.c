/* SPDX-License-Identifier: Apache-2.0 */
/* Every command by name: the bytes it sends, in the forms of ROMs and stubs. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

static struct em_device *device_new(struct script *s, const char *chip, bool stub)
{
    struct em_device *dev;
    struct em_error err;
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    EM_CHECK_STATUS(em_rom_device_prepare(&dev, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
    dev->io = &s->io;
    dev->chip = em_chip_find(chip);
    dev->stub = stub;
    s->trailer = stub || strcmp(chip, "esp8266") == 0 ? 2 : 4;
    em_rom_choose_blocks(dev);
    return dev;
}

/* One call of each kind; the frame that has to come of it. */
static enum em_status call(int what, struct em_device *dev, struct em_error *err)
{
    static const uint8_t data[] = {0xA0, 0xA1, 0xA2, 0xA3};
    uint8_t out[64];
    uint32_t word;
    struct em_rom_reply reply;
    const struct em_rom_write writes[] = {{0x60008830, 1, 0xFF, 0},
                                          {0x6000007C, 0, 0, 1000}};
    switch (what) {
    case 0:
        return em_rom_read_reg(dev, 0x40001000, &word, err);
    case 1:
        return em_rom_write_reg(dev, 0x60008094, 2000, err);
    case 2:
        return em_rom_update_reg(dev, 0x6000812C, 1, 0, err);
    case 3:
        return em_rom_write_regs(dev, writes, 2, err);
    case 4: /* device-side.md: 16 KiB to offset 0x10000 */
        return em_rom_flash_begin(dev, false, 0x4000, 16, 0x400, 0x10000, false, 0, err);
    case 5:
        return em_rom_flash_begin(dev, true, 0x4000, 16, 0x400, 0x10000, true, 0, err);
    case 6:
        return em_rom_flash_data(dev, false, 2, data, 4, 0, &reply, err);
    case 7:
        return em_rom_flash_data(dev, true, 3, data, 4, 0, NULL, err);
    case 8:
        return em_rom_flash_end(dev, false, false, 0, err);
    case 9:
        return em_rom_flash_end(dev, true, true, 0, err);
    case 10:
        return em_rom_spi_attach(dev, 0x01020304, err);
    case 11:
        return em_rom_spi_set_params(dev, 4 << 20, err);
    case 12:
        return em_rom_read_flash_slow(dev, 0x1000, 10, out, err);
    case 13:
        return em_rom_start(dev, 0x40380000, err);
    case 14:
        return em_rom_start(dev, 0, err);
    case 15:
        return em_rom_load_memory(dev, 0x3FFE0000, data, 4, err);
    default:
        return EM_ERR_USAGE;
    }
}

static void test_bytes(void)
{
    static const struct {
        int what;
        const char *chip;
        bool stub;
        const char *body; /* "": nothing is sent */
    } rows[] = {
        /* clang-format off */
        {0, "esp32c3", false, "000a0400 00000000 00100040"},
        {1, "esp32c3", false, "00091000 00000000 94800060 d0070000 ffffffff 00000000"},
        {2, "esp32s3", false, "00091000 00000000 2c810060 00000000 01000000 00000000"},
        {3, "esp32c3", false, "00092000 00000000 30880060 01000000 ff000000 00000000"
                              "7c000060 00000000 00000000 e8030000"},
        {4, "esp32c3", false, "00021400 00000000 00400000 10000000 00040000 00000100 00000000"},
        {4, "esp32", false, "00021000 00000000 00400000 10000000 00040000 00000100"},
        {4, "esp8266", false, "00021000 00000000 00400000 10000000 00040000 00000100"},
        {4, "esp32", true, "00021400 00000000 00400000 10000000 00040000 00000100 00000000"},
        {5, "esp32c3", false, "00101400 00000000 00400000 10000000 00040000 00000100 01000000"},
        /* EF ^ A0 ^ A1 ^ A2 ^ A3 = EF */
        {6, "esp32c3", false, "00031400 ef000000 04000000 02000000 00000000 00000000 a0a1a2a3"},
        {7, "esp32c3", false, "00111400 ef000000 04000000 03000000 00000000 00000000 a0a1a2a3"},
        {8, "esp32c3", false, "00040400 00000000 01000000"},
        {9, "esp32c3", false, "00120400 00000000 00000000"},
        {10, "esp32c3", false, "000d0800 00000000 04030201 00000000"},
        {10, "esp32c3", true, "000d0400 00000000 04030201"},
        {10, "esp8266", false, "00021000 00000000 00000000 00000000 00040000 00000000"},
        {11, "esp32c3", false, "000b1800 00000000 00000000 00004000 00000100 00100000 00010000 ffff0000"},
        {11, "esp8266", false, ""},
        {12, "esp32c3", false, "000e0800 00000000 00100000 0a000000"},
        {13, "esp32c3", false, "00060800 00000000 00000000 00003840"},
        {14, "esp32c3", false, "00060800 00000000 01000000 00000000"},
        {15, "esp32", false, "00071400 ef000000 04000000 00000000 00000000 00000000 a0a1a2a3"},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script *s = script_new();
        struct em_device *dev = device_new(s, rows[i].chip, rows[i].stub);
        struct em_error err;
        uint8_t body[128];
        EM_CHECK_STATUS(call(rows[i].what, dev, &err), EM_OK, &err);
        size_t len = script_hex(body, sizeof body, rows[i].body);
        CU_ASSERT_EQUAL(s->last_len, len);
        EM_CHECK_BYTES(s->last, body, len);
        em_device_close(dev);
        script_end(s);
    }
}

static void test_flash_limits(void)
{
    struct script *s = script_new();
    struct em_device *dev = device_new(s, "esp32", false);
    struct em_error err;
    uint8_t out[128];
    static const uint8_t large[0x10000];
    EM_CHECK_STATUS(em_rom_flash_begin(dev, false, 32, 1, 32, 0, true, 0, &err),
                    EM_ERR_UNSUPPORTED, &err);
    EM_CHECK_HAS(err.what, "ROM loader of ESP32 cannot encrypt");
    EM_CHECK_STATUS(em_rom_read_flash_slow(dev, 0, 65, out, &err), EM_ERR_USAGE, &err);
    EM_CHECK_STATUS(
        em_rom_flash_data(dev, false, 0, large, sizeof large - 16, 0, NULL, &err),
        EM_ERR_USAGE, &err);
    CU_ASSERT_EQUAL(s->writes, 0);
    em_device_close(dev);
    script_end(s);
}

/* A BEGIN to a ROM waits for the erasing, one to a stub does not. */
static void test_begin_time(void)
{
    for (int stub = 0; stub < 2; stub++) {
        struct script *s = script_new();
        struct em_device *dev = device_new(s, "esp32", stub != 0);
        struct em_error err;
        (void)script_rule(s,
                          (struct script_rule){.op = SCRIPT_ANY, .times = -1, .raw = ""});
        EM_CHECK_STATUS(
            em_rom_flash_begin(dev, false, 1000000, 977, 0x400, 0, false, 0, &err),
            EM_ERR_LINK, &err);
        CU_ASSERT_EQUAL(s->now_us, stub ? 3000000 : 40000000);
        em_device_close(dev);
        script_end(s);
    }
}

static void test_md5(void)
{
    static const struct {
        bool stub;
        const char *reply;
        enum em_status status;
    } rows[] = {
        {false,
         "6434316438636439386630306232303465393830303939386563663834323765 00000000",
         EM_OK},
        {true, "d41d8cd98f00b204e9800998ecf8427e 0000", EM_OK},
        {false,
         "6434316438636439386630306232303465393830303939386563663834323778 00000000",
         EM_ERR_LINK},
        {false, "01090000", EM_ERR_CHIP},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script *s = script_new();
        struct em_device *dev = device_new(s, "esp32c3", rows[i].stub);
        struct em_error err;
        uint8_t md5[16], wanted[16];
        (void)script_rule(s, (struct script_rule){.op = EM_OP_SPI_FLASH_MD5,
                                                  .data = "00100000 00020000 00000000",
                                                  .times = -1,
                                                  .reply = rows[i].reply});
        enum em_status status = em_rom_flash_md5(dev, 0x1000, 0x200, md5, &err);
        (void)script_hex(wanted, 16, "d41d8cd98f00b204e9800998ecf8427e"); /* of nothing */
        EM_CHECK_STATUS(status, rows[i].status, &err);
        if (status == EM_OK)
            EM_CHECK_BYTES(md5, wanted, 16);
        em_device_close(dev);
        script_end(s);
    }
}

/* The payload of an encrypted write is kept out of the trace, until the write ends. */
static void test_secret_write(void)
{
    struct script *s = script_new();
    struct em_device *dev = device_new(s, "esp32c3", false);
    struct em_error err;
    EM_CHECK_STATUS(em_rom_flash_begin(dev, false, 16, 1, 0x400, 0, true, 0, &err), EM_OK,
                    &err);
    CU_ASSERT_TRUE(dev->encrypting);
    EM_CHECK_STATUS(
        em_rom_flash_data(dev, false, 0, (const uint8_t *)"key!", 4, 0, NULL, &err),
        EM_OK, &err);
    for (size_t i = 0; i + 4 <= dev->out.len; i++)
        CU_ASSERT_NOT_EQUAL(memcmp(dev->out.data + i, "key!", 4), 0);
    EM_CHECK_STATUS(em_rom_flash_begin(dev, false, 16, 1, 0x400, 0, false, 0, &err),
                    EM_OK, &err);
    CU_ASSERT_FALSE(dev->encrypting);
    em_device_close(dev);
    script_end(s);
}

/* MEM_END to a ROM may stay without an answer, and costs 0.2 s then; a refusal counts. */
static void test_start(void)
{
    static const struct {
        uint32_t entry;
        bool stub;
        const char *reply;
        enum em_status status;
        int64_t time_us;
    } rows[] = {
        {0x40380000, false, NULL, EM_OK, 200000},
        {0, false, NULL, EM_ERR_LINK, 3000000},
        {0x40380000, true, NULL, EM_ERR_LINK, 3000000},
        {0x40380000, false, "01060000", EM_ERR_CHIP, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script *s = script_new();
        struct em_device *dev = device_new(s, "esp32c3", rows[i].stub);
        struct em_error err;
        (void)script_rule(s,
                          (struct script_rule){.op = EM_OP_MEM_END,
                                               .times = -1,
                                               .raw = rows[i].reply == NULL ? "" : NULL,
                                               .reply = rows[i].reply});
        EM_CHECK_STATUS(em_rom_start(dev, rows[i].entry, &err), rows[i].status, &err);
        CU_ASSERT_EQUAL(s->now_us, rows[i].time_us);
        em_device_close(dev);
        script_end(s);
    }
}

/* Blocks of a load, and a new start after one was lost. */
static void test_load(void)
{
    static uint8_t data[0x1800 + 100];
    struct script *s = script_new();
    struct em_device *dev = device_new(s, "esp32", false);
    struct em_error err;
    uint8_t begin[24];
    (void)script_rule(
        s, (struct script_rule){
               .op = EM_OP_MEM_DATA, .data = "64000000 01000000", .times = 1, .raw = ""});
    EM_CHECK_STATUS(em_rom_load_memory(dev, 0x40080000, data, sizeof data, &err), EM_OK,
                    &err);
    CU_ASSERT_STRING_EQUAL(s->ops, "05 07 07 08 05 07 07");
    EM_CHECK_STATUS(em_rom_load_memory(dev, 0x40080000, data, 8, &err), EM_OK, &err);
    (void)script_rule(
        s, (struct script_rule){.op = EM_OP_MEM_BEGIN, .times = -1, .raw = ""});
    EM_CHECK_STATUS(em_rom_load_memory(dev, 0x40080000, data, sizeof data, &err),
                    EM_ERR_LINK, &err);
    /* 6244 bytes, 2 blocks of 0x1800. */
    EM_CHECK_BYTES(s->last, begin,
                   script_hex(begin, sizeof begin,
                              "00051000 00000000 64180000 02000000 00180000 00000840"));
    EM_CHECK_STATUS(em_rom_load_memory(dev, UINT32_MAX - 8, data, 16, &err), EM_ERR_USAGE,
                    &err);
    em_device_close(dev);
    script_end(s);
}

static const struct em_test tests[] = {
    {"bytes", test_bytes},
    {"limits", test_flash_limits},
    {"time of BEGIN", test_begin_time},
    {"MD5", test_md5},
    {"secret write", test_secret_write},
    {"start", test_start},
    {"load", test_load},
};

EM_TEST_MAIN("flasher/rom/commands", tests)
