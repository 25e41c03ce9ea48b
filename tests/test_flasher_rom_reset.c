/* SPDX-License-Identifier: Apache-2.0 */
/* Resets as events on the modem lines, with times; and the ways to leave a chip. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

static struct em_device *device_new(struct script *s, const char *chip,
                                    const struct em_device_options *given)
{
    struct em_device *dev;
    struct em_error err;
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    EM_CHECK_STATUS(em_rom_device_prepare(&dev, given != NULL ? given : &options, &err),
                    EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
    dev->io = &s->io;
    dev->chip = em_chip_find(chip);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dev->chip);
    em_rom_choose_blocks(dev);
    return dev;
}

/* rom-protocol.md, 5.4, worked out by hand with d = 50 ms. */
static void test_sequences(void)
{
    static const struct {
        const char *text, *events;
        int64_t end_us;
    } rows[] = {
        {em_rom_reset_tight, "U0,0@0|U1,1@0|U0,1@0|U1,0@100000|U0,0@150000|D0@150000",
         150000},
        {em_rom_reset_classic, "D0@0|R1@0|D1@100000|R0@100000|D0@150000", 150000},
        {em_rom_reset_usb,
         "R0@0|D0@0|D1@100000|R0@100000|R1@200000|D0@200000|R1@200000|D0@300000|R0@"
         "300000",
         300000},
        {em_rom_reset_hard, "R1@0|R0@100000", 100000},
        {em_rom_reset_hard_usb, "R1@0|R0@200000", 400000},
        /* What rom-protocol.md gives as custom strings for classic and tight. */
        {"D0|R1|W0.1|D1|R0|W0.05|D0", "D0@0|R1@0|D1@100000|R0@100000|D0@150000", 150000},
        {"U0,0|U1,1|U0,1|W0.1|U1,0|W0.05|U0,0|D0",
         "U0,0@0|U1,1@0|U0,1@0|U1,0@100000|U0,0@150000|D0@150000", 150000},
        {"W1|D1|W1.000001|D0|W.5|W2.", "D1@1000000|D0@2000001", 4500001},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script *s = script_new();
        struct em_device *dev = device_new(s, "esp32", NULL);
        struct em_rom_reset reset;
        struct em_error err;
        EM_CHECK_STATUS(em_rom_reset_parse(&reset, rows[i].text, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_rom_reset_play(dev, &reset, 50, &err), EM_OK, &err);
        CU_ASSERT_STRING_EQUAL(s->lines, rows[i].events);
        CU_ASSERT_EQUAL(s->now_us, rows[i].end_us);
        em_device_close(dev);
        script_end(s);
    }
}

static void test_bad_sequences(void)
{
    static const struct {
        const char *text, *what;
    } rows[] = {
        {"", "no step is called ''"},
        {"D0|", "no step is called ''"},
        {"|D0", "no step is called ''"},
        {"D2", "'D2'"},
        {"D", "'D'"},
        {"D01", "'D01'"},
        {"d0", "'d0'"},
        {"U1", "'U1'"},
        {"U1,2", "'U1,2'"},
        {"U1;0", "'U1;0'"},
        {"W", "'W'"},
        {"W-1", "'W-1'"},
        {"W1e3", "'W1e3'"},
        {"W.", "'W.'"},
        {"W1.2.3", "'W1.2.3'"},
        {"W61", "'W61'"},
        {"W99999999999999999999999", "'W99999999999999999999999'"},
        {"R1|X|R0", "reset sequence 'R1|X|R0': no step is called 'X'"},
        {"D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|"
         "D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0|D0",
         "more than 48 steps"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_rom_reset reset;
        struct em_error err = {.what = ""};
        EM_CHECK_STATUS(em_rom_reset_parse(&reset, rows[i].text, &err), EM_ERR_USAGE,
                        &err);
        EM_CHECK_HAS(err.what, rows[i].what);
    }
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err;
    options.settings.hard_reset_sequence = "R1|W0.1|R";
    EM_CHECK_STATUS(em_rom_device_prepare(&dev, &options, &err), EM_ERR_USAGE, &err);
    CU_ASSERT_PTR_NULL(dev);
}

/* Ways to leave, per chip and port. */
static void test_leave(void)
{
    enum { PLAIN, JTAG, OTG };
    static const struct {
        const char *chip;
        enum em_after after;
        int port;
        bool stub, secure;
        const char *ops, *lines, *log;
    } rows[] = {
        /* clang-format off */
        {"esp32", EM_AFTER_HARD_RESET, PLAIN, false, false, "", "R1@0|R0@100000", ""},
        {"esp32c3", EM_AFTER_HARD_RESET, JTAG, false, false, "", "R1@0|R0@200000", ""},
        {"esp32s3", EM_AFTER_HARD_RESET, PLAIN, false, false, "09", "R1@0|R0@100000", ""},
        {"esp32s3", EM_AFTER_HARD_RESET, PLAIN, false, true, "", "R1@0|R0@100000", ""},
        {"esp32s2", EM_AFTER_HARD_RESET, OTG, false, false, "0a 0a 09", "", ""},
        {"esp32s3", EM_AFTER_HARD_RESET, OTG, false, false, "09 0a 0a 09", "", ""},
        {"esp32p4", EM_AFTER_HARD_RESET, OTG, false, false, "09", "", ""},
        {"esp32p4", EM_AFTER_HARD_RESET, PLAIN, false, false, "", "R1@0|R0@100000", ""},
        {"esp32c3", EM_AFTER_WATCHDOG_RESET, PLAIN, false, false, "09", "", ""},
        {"esp32c6", EM_AFTER_WATCHDOG_RESET, PLAIN, false, false, "", "R1@0|R0@100000",
            "N:ESP32-C6 cannot be reset by its watchdog: pulse on EN\n"},
        {"esp32c3", EM_AFTER_WATCHDOG_RESET, PLAIN, false, true, "", "R1@0|R0@100000",
            "N:ESP32-C3 cannot be reset by its watchdog in secure download mode: pulse on EN\n"},
        {"esp32c3", EM_AFTER_SOFT_RESET, PLAIN, false, false, "0d 02 04", "", ""},
        {"esp8266", EM_AFTER_SOFT_RESET, PLAIN, false, false, "02 02 04", "", ""},
        {"esp8266", EM_AFTER_SOFT_RESET, PLAIN, true, false, "d3", "", ""},
        {"esp32c3", EM_AFTER_SOFT_RESET, PLAIN, true, false, "", "R1@0|R0@100000",
            "N:the stub of ESP32-C3 cannot start the program: pulse on EN\n"},
        {"esp32", EM_AFTER_NO_RESET, PLAIN, false, false, "", "", ""},
        {"esp32", EM_AFTER_NO_RESET, PLAIN, true, false, "02 04", "", ""},
        {"esp32", EM_AFTER_NO_RESET_STUB, PLAIN, true, false, "", "", ""},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script *s = script_new();
        struct script_log log = {.stop_after = 0};
        struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
        options.hooks = (struct em_hooks){.log = script_on_log, .user = &log};
        struct em_device *dev = device_new(s, rows[i].chip, &options);
        struct em_error err;
        dev->stub = rows[i].stub;
        dev->secure_download = rows[i].secure;
        dev->usb_jtag = rows[i].port == JTAG;
        dev->usb_otg = rows[i].port == OTG;
        s->trailer = rows[i].stub ? 2 : 4;
        EM_CHECK_STATUS(em_device_reset(dev, rows[i].after, &err), EM_OK, &err);
        if (strcmp(s->ops, rows[i].ops) != 0 || strcmp(s->lines, rows[i].lines) != 0)
            printf("\n  row %zu: '%s' '%s'\n", i, s->ops, s->lines);
        CU_ASSERT_STRING_EQUAL(s->ops, rows[i].ops);
        CU_ASSERT_STRING_EQUAL(s->lines, rows[i].lines);
        CU_ASSERT_STRING_EQUAL(log.text, rows[i].log);
        em_device_close(dev);
        script_end(s);
    }
}

/* Values on the wire: the flags of FLASH_END, and what arms the watchdog. */
static void test_leave_bytes(void)
{
    struct script *s = script_new();
    struct em_device *dev = device_new(s, "esp32c3", NULL);
    struct em_error err;
    EM_CHECK_STATUS(em_device_run(dev, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(s->last_len, 12);
    EM_CHECK_BYTES(s->last, "\x00\x04\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00", 12);
    dev->stub = true;
    EM_CHECK_STATUS(em_device_reset(dev, EM_AFTER_NO_RESET, &err), EM_OK, &err);
    EM_CHECK_BYTES(s->last, "\x00\x04\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12);
    CU_ASSERT_FALSE(dev->stub);
    CU_ASSERT_EQUAL(dev->flash_block, 0x400);
    EM_CHECK_STATUS(em_device_reset(dev, EM_AFTER_WATCHDOG_RESET, &err), EM_OK, &err);
    /* chips.csv for the C3, values of rom-protocol.md 5.7. */
    CU_ASSERT_EQUAL(*script_reg(s, 0x600080A8), 0);
    CU_ASSERT_EQUAL(*script_reg(s, 0x60008094), 2000);
    CU_ASSERT_EQUAL(*script_reg(s, 0x60008090), 0xD0000102);
    CU_ASSERT_EQUAL(s->now_us, 500000);
    em_device_close(dev);
    script_end(s);
}

/* Over USB-OTG the watchdog is for a chip whose boot pin is low only. */
static void test_otg_strap(void)
{
    struct script *s = script_new();
    struct em_device *dev = device_new(s, "esp32s2", NULL);
    struct em_error err;
    dev->usb_otg = true;
    *script_reg(s, 0x3F404038) = 1 << 3;
    EM_CHECK_STATUS(em_device_reset(dev, EM_AFTER_HARD_RESET, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(s->lines, "R1@0|R0@200000");
    em_device_close(dev);
    script_end(s);
}

static void test_custom_leave(void)
{
    struct script *s = script_new();
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    options.settings.hard_reset_sequence = "U0,1|W0.3|U0,0";
    struct em_device *dev = device_new(s, "esp32", &options);
    struct em_error err;
    EM_CHECK_STATUS(em_device_reset(dev, EM_AFTER_HARD_RESET, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(s->lines, "U0,1@0|U0,0@300000");
    s->io.has_lines = false; /* nothing to do, and told once */
    EM_CHECK_STATUS(em_device_reset(dev, EM_AFTER_HARD_RESET, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(s->now_us, 300000);
    em_device_close(dev);
    script_end(s);
}

static const struct em_test tests[] = {
    {"sequences", test_sequences},
    {"bad sequences", test_bad_sequences},
    {"leave", test_leave},
    {"leave, bytes", test_leave_bytes},
    {"strap of USB-OTG", test_otg_strap},
    {"custom", test_custom_leave},
};

EM_TEST_MAIN("flasher/rom/reset", tests)
