/* SPDX-License-Identifier: Apache-2.0 */
/* Getting a connection: attempts, resets in turn, what is told when nobody answers. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

struct run {
    struct script *s;
    struct script_log log;
    struct em_device_options options;
    struct em_device *dev;
    struct em_error err;
    bool closed;
};

static void run_begin(struct run *run)
{
    *run = (struct run){.options = EM_DEVICE_OPTIONS_INIT};
    run->s = script_new();
    run->s->closed = &run->closed;
    run->options.hooks =
        (struct em_hooks){.log = script_on_log, .progress = script_on_progress};
    script_chip(run->s, 5, 0);
}

static enum em_status run_open(struct run *run)
{
    run->options.hooks.user = &run->log;
    return em_rom_device_new(&run->dev, &run->s->io, &run->options, &run->err);
}

static void run_end(struct run *run)
{
    em_device_close(run->dev);
    CU_ASSERT_TRUE(run->closed); /* whatever came of it */
    script_end(run->s);
}

/* Seven attempts at most, in the order of rom-protocol.md 5.4; each has five SYNCs. */
static void test_order(void)
{
    struct run run;
    run_begin(&run);
    run.s->deaf = 1000;
    EM_CHECK_STATUS(run_open(&run), EM_ERR_LINK, &run.err);
    CU_ASSERT_STRING_EQUAL(run.err.what, "port script: no chip answers (7 attempts)");
    EM_CHECK_HAS(run.err.hint, "hold BOOT");
    CU_ASSERT_EQUAL(run.s->frames, 35);
    /* tight, tight, classic, classic, tight, tight, classic: 6 or 5 events each; the
     * long ones hold the boot pin 550 ms. One attempt of SYNCs: 5 * 150 ms. */
    CU_ASSERT_EQUAL(run.s->line_events, 4 * 6 + 3 * 5);
    EM_CHECK_HAS(run.s->lines, "U0,0@0|U1,1@0|U0,1@0|U1,0@100000|U0,0@150000|D0@150000|"
                               "U0,0@900000|U1,1@900000|U0,1@900000|U1,0@1000000|"
                               "U0,0@1550000|D0@1550000|D0@2300000|R1@2300000|D1@2400000|"
                               "R0@2400000|D0@2450000|D0@3200000|R1@3200000|D1@3300000|"
                               "R0@3300000|D0@3850000|U0,0@4600000");
    run_end(&run);

    run_begin(&run); /* lines one by one: no tight one */
    run.s->io.lines_together = false;
    run.s->deaf = 1000;
    run.options.connect_attempts = 3;
    EM_CHECK_STATUS(run_open(&run), EM_ERR_LINK, &run.err);
    CU_ASSERT_STRING_EQUAL(run.err.what, "port script: no chip answers (3 attempts)");
    CU_ASSERT_EQUAL(run.s->line_events, 15);
    CU_ASSERT_PTR_NULL(strstr(run.s->lines, "U"));
    run_end(&run);

    run_begin(&run); /* a delay of the user's own is kept for all */
    run.options.settings.reset_delay_ms = 200;
    run.options.connect_attempts = 2;
    run.s->deaf = 1000;
    EM_CHECK_STATUS(run_open(&run), EM_ERR_LINK, &run.err);
    EM_CHECK_HAS(run.s->lines, "U0,0@300000|");
    EM_CHECK_HAS(run.s->lines, "U0,0@1350000|"); /* 1050000 + 300000 */
    run_end(&run);
}

/* When the chip is there at once little is sent, and no time is lost. */
static void test_quick(void)
{
    struct run run;
    run_begin(&run);
    EM_CHECK_STATUS(run_open(&run), EM_OK, &run.err);
    CU_ASSERT_STRING_EQUAL(run.s->ops, "08 14");
    CU_ASSERT_EQUAL(run.s->now_us, 150000); /* the reset */
    CU_ASSERT_STRING_EQUAL(run.dev->chip->id, "esp32c3");
    CU_ASSERT_FALSE(run.dev->stub);
    CU_ASSERT_STRING_EQUAL(run.log.text, "");
    run_end(&run);

    run_begin(&run); /* third attempt, after the resets of the first two */
    run.s->deaf_until_reset = 6 + 6 + 5;
    EM_CHECK_STATUS(run_open(&run), EM_OK, &run.err);
    CU_ASSERT_EQUAL(run.s->line_events, 17);
    run_end(&run);
}

static void test_modes(void)
{
    static const struct {
        enum em_before before;
        const char *name;
        bool lines;
        int vid, pid;
        const char *sequence;
        const char *ops, *events, *log;
    } rows[] = {
        /* clang-format off */
        {EM_BEFORE_NO_RESET, "script", true, -1, -1, NULL, "08 14", "", ""},
        {EM_BEFORE_NO_RESET_NO_SYNC, "script", true, -1, -1, NULL, "14", "", ""},
        {EM_BEFORE_USB_RESET, "script", true, -1, -1, NULL, "08 14",
            "R0@0|D0@0|D1@100000|R0@100000|R1@200000|D0@200000|R1@200000|D0@300000|R0@300000", ""},
        {EM_BEFORE_DEFAULT_RESET, "script", true, 0x303A, 0x1001, NULL, "08 14 09",
            "R0@0|D0@0|D1@100000|R0@100000|R1@200000|D0@200000|R1@200000|D0@300000|R0@300000", ""},
        {EM_BEFORE_DEFAULT_RESET, "script", true, -1, -1, "R1|W0.2|R0", "08 14", "R1@0|R0@200000", ""},
        {EM_BEFORE_DEFAULT_RESET, "socket://host:1", false, -1, -1, NULL, "08 14", "", ""},
        {EM_BEFORE_DEFAULT_RESET, "/dev/pts/3", false, -1, -1, NULL, "08 14", "",
            "N:port /dev/pts/3 has no modem lines: the chip cannot be reset through it\n"},
        {EM_BEFORE_USB_RESET, "socket://host:1", false, -1, -1, NULL, "08 14", "",
            "N:port socket://host:1 has no modem lines: the chip cannot be reset through it\n"},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        run_begin(&run);
        run.options.before = rows[i].before;
        run.options.settings.reset_sequence = rows[i].sequence;
        run.s->io.has_lines = rows[i].lines;
        run.s->io.usb_vid = rows[i].vid;
        run.s->io.usb_pid = rows[i].pid;
        (void)snprintf(run.s->io.name, sizeof run.s->io.name, "%s", rows[i].name);
        EM_CHECK_STATUS(run_open(&run), EM_OK, &run.err);
        CU_ASSERT_STRING_EQUAL(run.s->ops, rows[i].ops);
        CU_ASSERT_STRING_EQUAL(run.s->lines, rows[i].events);
        CU_ASSERT_STRING_EQUAL(run.log.text, rows[i].log);
        if (!rows[i].lines)
            CU_ASSERT_EQUAL(run.s->now_us, 0); /* nothing to wait for */
        run_end(&run);
    }
}

/* Text that was heard, and what is told. */
static void test_silence(void)
{
    static const struct {
        const char *boot, *what, *hint;
    } rows[] = {
        {"ESP-ROM:esp32c3\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n",
         "port script: wrong boot mode (0xc): the chip starts its program and not the "
         "loader (2 attempts)",
         "hold BOOT"},
        {"rst:0x1 (POWERON),boot:0x7 (DOWNLOAD(USB/UART0))\r\nwaiting for download\r\n",
         "port script: the chip is in download mode (boot mode 0x7) but hears nothing "
         "(2 attempts)",
         "TX"},
        {"waiting for download boot:0x8 ",
         "port script: wrong boot mode (0x8): the chip starts its program and not the "
         "loader (2 attempts)",
         "hold BOOT"},
        {"ru Meditation uru Meditation Error: Core 0",
         "port script: no loader answers: a program runs on the chip, and it has crashed "
         "(2 attempts)",
         "hold BOOT"},
        {"atal exception (28)",
         "port script: no loader answers: a program runs on the chip, and it has crashed "
         "(2 attempts)",
         "hold BOOT"},
        {"hello\n",
         "port script: no loader answers: 6 bytes of something else came (2 attempts)",
         "program may run"},
        {"boot:0x1", /* cut off */
         "port script: no loader answers: 8 bytes of something else came (2 attempts)",
         "program may run"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        run_begin(&run);
        run.s->boot = rows[i].boot;
        run.s->deaf = 1000;
        run.s->io.lines_together = false; /* one rise of EN in an attempt */
        run.options.connect_attempts = 2;
        EM_CHECK_STATUS(run_open(&run), EM_ERR_LINK, &run.err);
        CU_ASSERT_STRING_EQUAL(run.err.what, rows[i].what);
        EM_CHECK_HAS(run.err.hint, rows[i].hint);
        run_end(&run);
    }
}

static void test_babble(void)
{
    struct run run;
    run_begin(&run);
    run.s->babble = true;
    EM_CHECK_STATUS(run_open(&run), EM_ERR_LINK, &run.err);
    EM_CHECK_HAS(run.err.what, "of something else came (7 attempts)");
    CU_ASSERT_TRUE(run.s->now_us < 15000000);
    run_end(&run);
}

/* For ever, until the user has had enough. */
static void test_stop(void)
{
    struct run run;
    run_begin(&run);
    run.options.connect_attempts = 0;
    run.log.stop_after = 500;
    run.s->deaf = 100000;
    EM_CHECK_STATUS(run_open(&run), EM_ERR_STOPPED, &run.err);
    CU_ASSERT_STRING_EQUAL(run.err.what, "port script: stopped while connecting");
    CU_ASSERT_EQUAL(run.log.calls, 500);
    CU_ASSERT_TRUE(run.s->frames > 35);
    CU_ASSERT_TRUE(run.s->now_us >= 499 * 100000 / 2);
    run_end(&run);
}

/* A port that goes away in the reset and comes back, or does not. */
static void test_vanish(void)
{
    struct run run;
    run_begin(&run);
    run.s->gone_after = 3;
    run.s->reopen_fails = 2;
    EM_CHECK_STATUS(run_open(&run), EM_OK, &run.err);
    CU_ASSERT_EQUAL(run.s->reopens, 3);
    CU_ASSERT_TRUE(run.s->now_us >= 3 * 500000);
    run_end(&run);

    run_begin(&run);
    run.s->gone_after = 3;
    run.s->reopen_fails = -1;
    EM_CHECK_STATUS(run_open(&run), EM_ERR_PORT, &run.err);
    CU_ASSERT_EQUAL(run.s->reopens, 3);
    run_end(&run);

    run_begin(&run); /* gone without a reset: nothing brings it back */
    run.options.before = EM_BEFORE_NO_RESET;
    run.s->gone = true;
    EM_CHECK_STATUS(run_open(&run), EM_ERR_PORT, &run.err);
    CU_ASSERT_EQUAL(run.s->reopens, 0);
    run_end(&run);
}

/* In the middle of work: open again, connect again, the same chip. */
static void test_reconnect(void)
{
    struct run run;
    run_begin(&run);
    EM_CHECK_STATUS(run_open(&run), EM_OK, &run.err);
    run.dev->flash.attached = true;
    run.dev->flash.size = 4 << 20;
    run.s->gone = true;
    run.s->reopen_fails = 2;
    EM_CHECK_STATUS(em_rom_reconnect(run.dev, &run.err), EM_OK, &run.err);
    CU_ASSERT_FALSE(run.dev->flash.attached);
    CU_ASSERT_EQUAL(run.dev->flash.size, 0);
    CU_ASSERT_STRING_EQUAL(run.s->ops, "08 14 08 14"); /* still in its loader; secure? */
    run.s->gone = true;
    run.s->deaf = 12; /* SYNCs: now it needs a reset, and it is another one */
    run.s->rule_count = 0;
    script_chip(run.s, 9, 0);
    EM_CHECK_STATUS(em_rom_reconnect(run.dev, &run.err), EM_ERR_CHIP, &run.err);
    EM_CHECK_HAS(run.err.what, "this chip is ESP32-S3, not ESP32-C3");
    run.s->gone = true;
    run.s->reopen_fails = -1;
    run.s->reopens = 0;
    EM_CHECK_STATUS(em_rom_reconnect(run.dev, &run.err), EM_ERR_PORT, &run.err);
    CU_ASSERT_EQUAL(run.s->reopens, 7);
    run_end(&run);
}

/* What is wrong with the options is told before the port is touched. */
static void test_options(void)
{
    static const struct {
        const char *chip, *what;
        uint32_t baud;
    } rows[] = {
        {"esp33", "unknown chip 'esp33'", 115200},
        {NULL, "a rate of 0 baud", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        run_begin(&run);
        run.options.chip = rows[i].chip;
        run.options.baud = rows[i].baud;
        EM_CHECK_STATUS(run_open(&run), EM_ERR_USAGE, &run.err);
        EM_CHECK_HAS(run.err.what, rows[i].what);
        CU_ASSERT_PTR_NULL(run.dev);
        CU_ASSERT_EQUAL(run.s->writes + run.s->line_events, 0);
        run_end(&run);
    }
}

static const struct em_test tests[] = {
    {"order", test_order},     {"quick", test_quick},         {"modes", test_modes},
    {"silence", test_silence}, {"babble", test_babble},       {"stop", test_stop},
    {"vanish", test_vanish},   {"reconnect", test_reconnect}, {"options", test_options},
};

EM_TEST_MAIN("flasher/rom/connect", tests)
