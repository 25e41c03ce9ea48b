/* SPDX-License-Identifier: Apache-2.0 */
/* Words, areas, programs for RAM; and what is done to a chip right after connecting. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

struct run {
    struct script *s;
    struct script_log log;
    struct em_device *dev;
    struct em_error err;
};

static void run_begin(struct run *run, const char *chip)
{
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    *run = (struct run){.s = script_new()};
    options.hooks =
        (struct em_hooks){.log = script_on_log, .progress = script_on_progress};
    EM_CHECK_STATUS(em_rom_device_prepare(&run->dev, &options, &run->err), EM_OK,
                    &run->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(run->dev);
    run->dev->options.hooks.user = &run->log;
    run->dev->io = &run->s->io;
    run->dev->chip = em_chip_find(chip);
    em_rom_choose_blocks(run->dev);
}

static void run_end(struct run *run)
{
    em_device_close(run->dev);
    script_end(run->s);
}

static void test_words(void)
{
    struct run run;
    uint32_t word;
    uint8_t bytes[12];
    run_begin(&run, "esp32c3");
    *script_reg(run.s, 0x3FC80000) = 0x12345678;
    *script_reg(run.s, 0x3FC80008) = 0xCAFEF00D;
    EM_CHECK_STATUS(em_device_read_word(run.dev, 0x3FC80000, &word, &run.err), EM_OK,
                    &run.err);
    CU_ASSERT_EQUAL(word, 0x12345678);
    EM_CHECK_STATUS(
        em_device_write_word(run.dev, 0x3FC80000, 0xFFFF, 0x0F0F, 5, &run.err), EM_OK,
        &run.err);
    CU_ASSERT_EQUAL(*script_reg(run.s, 0x3FC80000), 0x12345F7F);
    EM_CHECK_STATUS(em_device_read_memory(run.dev, 0x3FC80000, bytes, 12, &run.err),
                    EM_OK, &run.err);
    EM_CHECK_BYTES(bytes, "\x7F\x5F\x34\x12\0\0\0\0\x0D\xF0\xFE\xCA", 12);
    CU_ASSERT_TRUE(run.log.calls >= 2); /* the first and the last word at least */
    run.log.stop_after = 1;
    EM_CHECK_STATUS(em_device_read_memory(run.dev, 0x3FC80000, bytes, 12, &run.err),
                    EM_ERR_STOPPED, &run.err);
    static const struct {
        uint32_t addr;
        size_t len;
    } rows[] = {{0x3FC80001, 4}, {0x3FC80000, 5}, {0xFFFFFFFC, 8}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        EM_CHECK_STATUS(
            em_device_read_memory(run.dev, rows[i].addr, bytes, rows[i].len, &run.err),
            EM_ERR_USAGE, &run.err);
    run_end(&run);
}

/* Progress comes at most ten times a second, and once at the end. */
static void test_progress(void)
{
    struct run run;
    static uint8_t bytes[4000];
    run_begin(&run, "esp32c3");
    (void)script_rule(run.s, (struct script_rule){.op = EM_OP_READ_REG,
                                                  .times = -1,
                                                  .reply = "00000000",
                                                  .delay_us = 1000});
    EM_CHECK_STATUS(em_device_read_memory(run.dev, 0, bytes, sizeof bytes, &run.err),
                    EM_OK, &run.err);
    CU_ASSERT_EQUAL(run.s->now_us, 1000000);
    CU_ASSERT_TRUE(run.log.calls >= 9 && run.log.calls <= 11);
    run_end(&run);
}

/* Two segments: 4 bytes to 0x40380000, 8 to 0x3FC80000; entry 0x40380000. */
static const char c3_image[] = "e9020200 00003840 ee000000 0500 00 0000 ffff 00000000 00"
                               "00003840 04000000 11223344"
                               "0000c83f 08000000 0102030405060708"
                               "0000000000000000000000 a3"; /* EF, 44 and 08 */

static void test_load_ram(void)
{
    static const struct {
        const char *chip, *image, *what;
        enum em_status status;
        const char *ops;
    } rows[] = {
        /* clang-format off */
        {"esp32c3", c3_image, "", EM_OK, "05 07 05 07 06"},
        {"esp8266", "e9010000 00001040 00001040 04000000 11223344 0000000000000000000000 ab", "", EM_OK, "05 07 06"},
        {"esp32c6", c3_image, "made for ESP32-C3, the chip is an ESP32-C6", EM_ERR_CHIP, ""},
        {"esp32c3", "", "not a firmware image", EM_ERR_INPUT, ""},
        {"esp8266", "ea010000 00001040 00001040 04000000 11223344", "not a firmware image", EM_ERR_INPUT, ""},
        {"esp8266", "e9010000 00001040 00001040 08000000 11223344", "segment 1 has 8 bytes", EM_ERR_INPUT, ""},
        {"esp8266", "e9010000 00001040 00001040 04000000 11223344 0000000000000000000000 ac", "checksum 0xac", EM_ERR_INPUT, ""},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        uint8_t image[128];
        run_begin(&run, rows[i].chip);
        size_t len = script_hex(image, sizeof image, rows[i].image);
        EM_CHECK_STATUS(em_device_load_ram(run.dev, image, len, &run.err), rows[i].status,
                        &run.err);
        if (rows[i].status != EM_OK)
            EM_CHECK_HAS(run.err.what, rows[i].what);
        CU_ASSERT_STRING_EQUAL(run.s->ops, rows[i].ops);
        run_end(&run);
    }
}

/* rom-protocol.md, 5.6: registers after connecting. */
static void test_watchdogs(void)
{
    struct run run;
    run_begin(&run, "esp32c3");
    EM_CHECK_STATUS(em_rom_post_connect(run.dev, &run.err), EM_OK, &run.err);
    CU_ASSERT_EQUAL(run.s->frames, 0); /* a UART: nothing to do */
    run.dev->usb_jtag = true;
    *script_reg(run.s, 0x60008090) = 0x12345678;
    *script_reg(run.s, 0x600080AC) = 0x10;
    EM_CHECK_STATUS(em_rom_post_connect(run.dev, &run.err), EM_OK, &run.err);
    CU_ASSERT_EQUAL(*script_reg(run.s, 0x60008090), 0);
    CU_ASSERT_EQUAL(*script_reg(run.s, 0x600080AC), 0x80000010);
    CU_ASSERT_EQUAL(*script_reg(run.s, 0x600080A8), 0);
    CU_ASSERT_EQUAL(*script_reg(run.s, 0x600080B0), 0);
    CU_ASSERT_EQUAL(run.s->frames, 1);
    /* The keys come first: the records as they were sent. */
    uint8_t wanted[16];
    CU_ASSERT_EQUAL(run.s->last_len, 8 + 6 * 16);
    EM_CHECK_BYTES(
        run.s->last + 8, wanted,
        script_hex(wanted, sizeof wanted, "a8800060 a13ad850 ffffffff 00000000"));
    EM_CHECK_BYTES(
        run.s->last + 8 + 48, wanted,
        script_hex(wanted, sizeof wanted, "b0800060 2a311d8f ffffffff 00000000"));
    run.dev->secure_download = true;
    EM_CHECK_STATUS(em_rom_post_connect(run.dev, &run.err), EM_OK, &run.err);
    CU_ASSERT_EQUAL(run.s->frames, 1);
    run_end(&run);
}

/* The P4: revision from block 1 word 2 (0x5012D044 + 8), power-up from 3.1. */
static void test_power(void)
{
    static const struct {
        uint32_t revision_bits, fuse, before;
        const char *ops;
        uint32_t after, dcdc; /* 0x501153FC, 0x5011010C */
    } rows[] = {
        /* major: bit 23 as 4, bits 4-5; minor: bits 0-3 */
        {3u << 4 | 0, 0, 0, "0a 0a", 0, 0},                 /* 3.0 */
        {3u << 4 | 1, 0, 0, "0a 0a 09", 3, 1},              /* 3.1 */
        {3u << 4 | 1, 1u << 16, 3, "0a 0a 09", 3, 1},       /* the fuse is of 3.2 */
        {3u << 4 | 2, 0, 0, "0a 0a 0a 09", 3, 1},           /* 3.2 */
        {3u << 4 | 2, 1u << 16, 3, "0a 0a 0a 0a 09", 0, 0}, /* the other regulator */
        {3u << 4 | 2, 1u << 16, 1, "0a 0a 0a 0a", 1, 0},
        {3u << 4 | 3, 0, 0, "0a 0a", 0, 0}, /* 3.3 */
        {1u << 4 | 3, 0, 0, "0a 0a", 0, 0}, /* 1.3 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        run_begin(&run, "esp32p4");
        *script_reg(run.s, 0x5012D04C) = rows[i].revision_bits;
        *script_reg(run.s, 0x5012D034) = rows[i].fuse;
        *script_reg(run.s, 0x501153FC) = rows[i].before;
        EM_CHECK_STATUS(em_rom_post_connect(run.dev, &run.err), EM_OK, &run.err);
        CU_ASSERT_STRING_EQUAL(run.s->ops, rows[i].ops);
        CU_ASSERT_EQUAL(*script_reg(run.s, 0x501153FC), rows[i].after);
        CU_ASSERT_EQUAL(*script_reg(run.s, 0x5011010C), rows[i].dcdc);
        CU_ASSERT_EQUAL(*script_reg(run.s, 0x501151BC) & 1u << 27, 0);
        CU_ASSERT_EQUAL(*script_reg(run.s, 0x501151B8), 0);
        run_end(&run);
    }
}

static void test_blocks(void)
{
    static const struct {
        bool stub, otg;
        size_t ram, flash;
    } rows[] = {
        {false, false, 0x1800, 0x400},
        {false, true, 0x800, 0x400},
        {true, false, 0x1800, 0x4000},
        {true, true, 0x800, 0x800},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        run_begin(&run, "esp32s3");
        run.dev->stub = rows[i].stub;
        run.dev->usb_otg = rows[i].otg;
        em_rom_choose_blocks(run.dev);
        CU_ASSERT_EQUAL(run.dev->ram_block, rows[i].ram);
        CU_ASSERT_EQUAL(run.dev->flash_block, rows[i].flash);
        run_end(&run);
    }
}

static const struct em_test tests[] = {
    {"words", test_words},          {"progress", test_progress},
    {"load RAM", test_load_ram},    {"watchdogs", test_watchdogs},
    {"power of flash", test_power}, {"blocks", test_blocks},
};

EM_TEST_MAIN("flasher/rom/memory", tests)
