/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the rate: what is asked of the ROM, and what if nothing gets through. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

struct run {
    struct script *s;
    struct script_log log;
    struct em_device *dev;
    struct em_error err;
};

/* Connected to @p chip at 115200. */
static void run_begin(struct run *run, const char *chip, uint32_t baud)
{
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    *run = (struct run){.s = script_new()};
    options.baud = baud;
    options.hooks = (struct em_hooks){.log = script_on_log, .user = &run->log};
    EM_CHECK_STATUS(em_rom_device_prepare(&run->dev, &options, &run->err), EM_OK,
                    &run->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(run->dev);
    run->dev->io = &run->s->io;
    run->dev->chip = em_chip_find(chip);
    run->dev->baud = 115200;
    em_rom_choose_blocks(run->dev);
}

static void run_end(struct run *run)
{
    em_device_close(run->dev);
    script_end(run->s);
}

/* rom-protocol.md 3.6: what the C2, C5 and ESP32 are asked for, with its figures. */
static void test_asked(void)
{
    static const struct {
        const char *chip;
        uint32_t baud, regs[3][2], asked;
        bool stub;
    } rows[] = {
        {"esp32c3", 921600, {{0, 0}}, 921600, false},
        {"esp32s2", 460800, {{0, 0}}, 460800, false},
        /* 226 * 115200 = 26.0 MHz; 460800 * 40 / 26 = 708923 */
        {"esp32c2", 460800, {{0x60000014, 226}}, 708923, false},
        {"esp32c2", 460800, {{0x60000014, 347}}, 460800, false},
        /* 417 * 115200 = 48.0 MHz, and the ROM believes 40. */
        {"esp32c5", 460800, {{0x60000014, 417}, {0x60096110, 40u << 24}}, 384000, false},
        {"esp32c5", 460800, {{0x60000014, 347}, {0x60096110, 40u << 24}}, 460800, false},
        /* device-side.md: 770 * 15625 * 0x85 / 40 = 40.003 MHz, about the wanted rate:
         * floor(921600 * 40003906 / 40000000) = 921690. */
        {"esp32", 921600, {{0x3FF5F06C, 770u << 7}, {0x3FF5A010, 0x85}}, 921690, false},
        {"esp32", 921600, {{0x3FF5F06C, 770u << 7}, {0x3FF5A010, 0x85}}, 921600, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        bool lost = true;
        run_begin(&run, rows[i].chip, rows[i].baud);
        run.dev->stub = rows[i].stub;
        run.s->sync_value = rows[i].stub ? 0 : EM_ROM_SYNC_VALUE;
        for (unsigned k = 0; k < 3; k++) {
            if (rows[i].regs[k][0] != 0)
                *script_reg(run.s, rows[i].regs[k][0]) = rows[i].regs[k][1];
        }
        *script_reg(run.s, 0x3FF40014) = 347; /* of the ESP32: 40 MHz */
        EM_CHECK_STATUS(em_rom_raise_baud(run.dev, &lost, &run.err), EM_OK, &run.err);
        /* The script believes what it is told; so it is lost where silicon errs. */
        if (run.s->chip_baud != rows[i].asked)
            printf("\n  row %zu: %lu\n", i, (unsigned long)run.s->chip_baud);
        CU_ASSERT_EQUAL(run.s->chip_baud, rows[i].asked);
        CU_ASSERT_EQUAL(lost, rows[i].asked != rows[i].baud);
        run_end(&run);
    }
}

/* A rate that works costs 2 ms; the words are those of ROM and stub. */
static void test_good(void)
{
    for (int stub = 0; stub < 2; stub++) {
        struct run run;
        bool lost;
        run_begin(&run, "esp32c3", 921600);
        run.dev->stub = stub != 0;
        run.s->trailer = stub ? 2 : 4;
        run.s->sync_value = stub ? 0 : EM_ROM_SYNC_VALUE;
        (void)script_rule(run.s, (struct script_rule){.op = EM_OP_CHANGE_BAUDRATE,
                                                      .data = stub ? "00100e00 00c20100"
                                                                   : "00100e00 00000000",
                                                      .times = 1});
        EM_CHECK_STATUS(em_rom_raise_baud(run.dev, &lost, &run.err), EM_OK, &run.err);
        CU_ASSERT_EQUAL(run.s->rules[0].used, 1);
        CU_ASSERT_FALSE(lost);
        CU_ASSERT_EQUAL(run.dev->baud, 921600);
        CU_ASSERT_EQUAL(run.s->port_baud, 921600);
        CU_ASSERT_EQUAL(run.s->now_us, 2000);
        CU_ASSERT_STRING_EQUAL(run.s->ops, "0f 08");
        CU_ASSERT_STRING_EQUAL(run.log.text, "");
        run_end(&run);
    }
}

/* Cases where the rate stays, and why. */
static void test_stays(void)
{
    static const struct {
        const char *chip;
        bool secure;
        const char *reply;
        const char *log, *ops;
    } rows[] = {
        {"esp8266", false, NULL,
         "W:the ROM loader of ESP8266 cannot change the rate: it stays at 115200 baud\n",
         ""},
        {"esp32c2", true, NULL,
         "W:ESP32-C2 in secure download mode stays at 115200 baud\n", ""},
        {"esp32c5", true, NULL,
         "W:ESP32-C5 in secure download mode stays at 115200 baud\n", ""},
        {"esp32c3", false, "01060000",
         "W:port script: the ROM loader refused CHANGE_BAUDRATE: it ran, but the result "
         "is wrong (01 06): the rate stays at 115200 baud\n",
         "0f"},
        {"esp32c3", false, "01050000",
         "W:port script: the ROM loader does not know or allow CHANGE_BAUDRATE: the rate "
         "stays at 115200 baud\n",
         "0f"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        bool lost;
        run_begin(&run, rows[i].chip, 921600);
        run.dev->secure_download = rows[i].secure;
        if (rows[i].reply != NULL)
            (void)script_rule(run.s, (struct script_rule){.op = EM_OP_CHANGE_BAUDRATE,
                                                          .times = -1,
                                                          .reply = rows[i].reply});
        EM_CHECK_STATUS(em_rom_raise_baud(run.dev, &lost, &run.err), EM_OK, &run.err);
        CU_ASSERT_FALSE(lost);
        CU_ASSERT_EQUAL(run.s->port_baud, 115200);
        CU_ASSERT_STRING_EQUAL(run.log.text, rows[i].log);
        CU_ASSERT_STRING_EQUAL(run.s->ops, rows[i].ops);
        run_end(&run);
    }
    struct run run; /* in secure download mode others change it, with nothing to read */
    bool lost;
    run_begin(&run, "esp32c3", 921600);
    run.dev->secure_download = true;
    EM_CHECK_STATUS(em_rom_raise_baud(run.dev, &lost, &run.err), EM_OK, &run.err);
    CU_ASSERT_EQUAL(run.s->port_baud, 921600);
    run_end(&run);
}

/* The cable does not carry the rate: back within a second, with a warning; and as the
 * chip has changed, it is connected anew. */
static void test_fallback(void)
{
    struct script *s = script_new();
    struct script_log log = {.stop_after = 0};
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err;
    options.baud = 921600;
    options.hooks = (struct em_hooks){.log = script_on_log, .user = &log};
    script_chip(s, 5, 0);
    s->baud_limit = 230400;
    s->reset_baud = 115200;
    EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
    CU_ASSERT_EQUAL(dev->baud, 115200);
    CU_ASSERT_EQUAL(s->port_baud, 115200);
    CU_ASSERT_STRING_EQUAL(
        log.text, "W:port script: nothing gets through at 921600 baud: back to 115200\n");
    CU_ASSERT_TRUE(s->now_us < 2000000);
    CU_ASSERT_STRING_EQUAL(s->ops, "08 14 0f 08 14");
    em_device_close(dev);
    script_end(s);

    /* One that ignores the command is found where it was. */
    s = script_new();
    log.text[0] = '\0';
    script_chip(s, 5, 0);
    (void)script_rule(s, (struct script_rule){.op = EM_OP_CHANGE_BAUDRATE,
                                              .times = 1,
                                              .reply = "00000000"});
    EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(s->ops, "08 14 0f 08");
    CU_ASSERT_EQUAL(s->now_us, 150000 + 2000 + 300000);
    EM_CHECK_HAS(log.text, "back to 115200");
    em_device_close(dev);
    script_end(s);
}

/* The answer was lost, but the chip has changed its rate. */
static void test_lost_answer(void)
{
    struct run run;
    bool lost;
    run_begin(&run, "esp32c3", 460800);
    (void)script_rule(
        run.s,
        (struct script_rule){.op = EM_OP_CHANGE_BAUDRATE, .times = 1, .delay_us = -1});
    EM_CHECK_STATUS(em_rom_raise_baud(run.dev, &lost, &run.err), EM_OK, &run.err);
    CU_ASSERT_FALSE(lost);
    CU_ASSERT_EQUAL(run.dev->baud, 460800);
    run_end(&run);
}

/* rom-protocol.md 8.3; device-side.md: 347 -> 40 MHz, 226 -> 26, ESP8266 451 and 694. */
static void test_crystal(void)
{
    static const struct {
        const char *chip;
        uint32_t addr, divider, mhz;
        bool warns;
    } rows[] = {
        {"esp32", 0x3FF40014, 347, 40, false},
        {"esp32", 0x3FF40014, 226, 26, false},
        {"esp8266", 0x60000014, 451, 26, false},
        {"esp8266", 0x60000014, 694, 40, false},
        {"esp32c5", 0x60000014, 417, 48, false},
        {"esp32c2", 0x60000014, 0xFFF00000 + 226, 26, false},
        {"esp32", 0x3FF40014, 326, 40, true},
        {"esp32c3", 0, 0, 40, false},
        {"esp32h2", 0, 0, 32, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        uint32_t mhz;
        run_begin(&run, rows[i].chip, 115200);
        if (rows[i].addr != 0)
            *script_reg(run.s, rows[i].addr) = rows[i].divider;
        EM_CHECK_STATUS(em_rom_crystal(run.dev, &mhz, &run.err), EM_OK, &run.err);
        CU_ASSERT_EQUAL(mhz, rows[i].mhz);
        CU_ASSERT_EQUAL(run.s->frames, rows[i].addr != 0 ? 2 : 0);
        CU_ASSERT_EQUAL(run.log.text[0] != '\0', rows[i].warns);
        run_end(&run);
    }
}

static const struct em_test tests[] = {
    {"asked", test_asked},
    {"good", test_good},
    {"stays", test_stays},
    {"fallback", test_fallback},
    {"lost answer", test_lost_answer},
    {"crystal", test_crystal},
};

EM_TEST_MAIN("flasher/rom/baud", tests)
