/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of listening to a chip after a reset. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

#include <espmfg/sim.h>

/* What was heard, until a text is in it. */
struct ear {
    char text[2048];
    size_t len;
    const char *wanted;
    unsigned stop_after; /* progress calls; 0: never */
};

static bool hear(void *user, const uint8_t *data, size_t len)
{
    struct ear *ear = user;
    for (size_t i = 0; i < len && ear->len + 1 < sizeof ear->text; i++)
        ear->text[ear->len++] = data[i] == 0 ? '?' : (char)data[i];
    ear->text[ear->len] = '\0';
    return ear->wanted != NULL && strstr(ear->text, ear->wanted) != NULL;
}

static int on_progress(void *user, const struct em_progress *progress)
{
    struct ear *ear = user;
    if (strcmp(progress->stage, "listening") != 0 || ear->stop_after == 0)
        return 0;
    return --ear->stop_after == 0;
}

/* A chip whose flash holds a program or not, and a device that talks to it. */
struct board {
    struct em_sim *sim;
    struct em_device *dev;
    struct ear ear;
};

static void open_board(struct board *b, const char *text, bool program, uint32_t baud)
{
    struct em_sim_options options;
    char *storage = NULL;
    struct em_error err = {.what = ""};
    struct em_io *io;
    struct em_device_options how = EM_DEVICE_OPTIONS_INIT;
    memset(b, 0, sizeof *b);
    EM_CHECK_STATUS(em_sim_options_parse(&options, &storage, text, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_sim_new(&b->sim, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->sim);
    size_t size;
    uint8_t *flash = (uint8_t *)(uintptr_t)em_sim_flash(b->sim, &size);
    static const uint8_t head[8] = {0xE9, 3, 2, 0x20, 0x10, 0x32, 0x37, 0x40};
    const struct em_chip *chip = em_chip_find(options.chip);
    if (program)
        memcpy(flash + chip->bootloader, head, sizeof head);
    free(storage);
    how.baud = baud;
    how.hooks.progress = on_progress;
    how.hooks.user = &b->ear;
    EM_CHECK_STATUS(em_io_sim_attach(&io, b->sim, options.usb_pid, "sim", 115200, &err),
                    EM_OK, &err);
    EM_CHECK_STATUS(em_rom_device_new(&b->dev, io, &how, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->dev);
}

static void close_board(struct board *b)
{
    em_device_close(b->dev);
    em_sim_free(b->sim);
}

static enum em_status listen_for(struct board *b, const char *wanted, uint32_t baud,
                                 uint32_t timeout_ms, struct em_error *err)
{
    b->ear.wanted = wanted;
    b->ear.len = 0;
    b->ear.text[0] = '\0';
    return em_device_listen(b->dev, baud, hear, &b->ear, timeout_ms, err);
}

static void test_program_starts(void)
{
    static const struct {
        const char *options;
        bool program;
        const char *wanted, *also;
        enum em_status status;
    } rows[] = {
        {"esp32c3", true, "app: ready", "rst:0x1 (POWERON)", EM_OK},
        {"esp32", true, "app: ready", "boot:0x", EM_OK},
        {"esp8266", true, "app: ready", "boot:0x", EM_OK},
        {"esp32s3?app-output=hello\\nversion 1.2\\n", true, "version 1.2\n", "hello\n",
         EM_OK},
        /* what the head in the flash has from byte 5 on that is text */
        {"esp32c3?app-output=@5", true, "\r\n27@\r\n", "entry 0x40373210", EM_OK},
        {"esp32c3?app-output=@0x400000", true, "40373210\r\n\r\n", "entry", EM_OK},
        {"esp32c3?timing=real", true, "app: ready", "entry 0x40373210", EM_OK},
        {"esp32c3?usb-pid=0x1001", true, "app: ready", "boot:0x", EM_OK},
        {"esp32c3", true, "something else", "app: ready", EM_ERR_LINK},
        {"esp32c3", false, "app: ready", "invalid header: 0xffffffff", EM_ERR_LINK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct board b;
        struct em_error err = {.what = ""};
        open_board(&b, rows[i].options, rows[i].program, 460800);
        int64_t begin = em_rom_now(b.dev);
        EM_CHECK_STATUS(listen_for(&b, rows[i].wanted, 115200, 3000, &err),
                        rows[i].status, &err);
        int64_t took = em_rom_now(b.dev) - begin;
        EM_CHECK_HAS(b.ear.text, rows[i].also);
        if (rows[i].status == EM_OK) {
            CU_ASSERT(took < 1000000); /* it does not wait for the end */
        } else {
            EM_CHECK_HAS(err.what, "but not what was waited for");
        }
        /* The next connection finds the loader again. */
        EM_CHECK_STATUS(em_rom_connect(b.dev, &err), EM_OK, &err);
        close_board(&b);
    }
}

static void test_no_address(void)
{
    static const char *const texts[] = {"esp32c3?app-output=@", "esp32c3?app-output=@x",
                                        "esp32c3?app-output=@0x100000000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct em_sim_options options;
        char *storage = NULL;
        struct em_error err = {.what = ""};
        EM_CHECK_STATUS(em_sim_options_parse(&options, &storage, texts[i], &err),
                        EM_ERR_USAGE, &err);
        EM_CHECK_HAS(err.what, "app-output");
        free(storage);
    }
}

/* At another rate than the program's it is noise. */
static void test_wrong_rate(void)
{
    struct board b;
    struct em_error err = {.what = ""};
    open_board(&b, "esp32c3", true, 115200);
    EM_CHECK_STATUS(listen_for(&b, "app: ready", 921600, 500, &err), EM_ERR_LINK, &err);
    CU_ASSERT(b.ear.len > 0);
    CU_ASSERT_PTR_NULL(strstr(b.ear.text, "POWERON"));
    EM_CHECK_STATUS(listen_for(&b, "app: ready", 115200, 500, &err), EM_OK, &err);
    EM_CHECK_STATUS(listen_for(&b, "app: ready", 0, 500, &err), EM_ERR_USAGE, &err);
    close_board(&b);
}

static void test_silence(void)
{
    struct board b;
    struct em_error err = {.what = ""};
    open_board(&b, "esp32c3?app-output=", true, 115200);
    int64_t begin = em_rom_now(b.dev);
    EM_CHECK_STATUS(listen_for(&b, NULL, 115200, 700, &err), EM_ERR_LINK, &err);
    CU_ASSERT(em_rom_now(b.dev) - begin >= 700000);
    CU_ASSERT(em_rom_now(b.dev) - begin < 1200000);
    EM_CHECK_HAS(err.what, "came within 700 ms"); /* the ROM's text */
    em_sim_set_baud(b.sim, 0);
    b.dev->leave.count = 1; /* a sequence that resets nothing */
    b.dev->leave.step[0] =
        (struct em_rom_reset_step){.dtr = EM_LINE_KEEP, .rts = EM_LINE_KEEP};
    EM_CHECK_STATUS(listen_for(&b, NULL, 115200, 700, &err), EM_ERR_LINK, &err);
    EM_CHECK_HAS(err.what, "nothing came within 700 ms");
    b.ear.stop_after = 3;
    EM_CHECK_STATUS(listen_for(&b, NULL, 115200, 60000, &err), EM_ERR_STOPPED, &err);
    close_board(&b);
}

/* No lines: the loader starts the program itself; what comes right behind its answer
 * counts as well. */
static void test_without_lines(void)
{
    struct board b;
    struct em_error err = {.what = ""};
    open_board(&b, "esp32c3?app-output=up\\n", true, 115200);
    b.dev->io->has_lines = false;
    EM_CHECK_STATUS(listen_for(&b, "up\n", 115200, 700, &err), EM_OK, &err);
    close_board(&b);
}

/* The chip's own USB port goes away in the reset, and comes back or does not; a port that
 * is no part of the chip has no reason to. */
static void test_vanishing_port(void)
{
    static const struct {
        int pid, reopen_fails;
        enum em_status status;
        unsigned reopens;
    } rows[] = {
        {0x1001, 2, EM_OK, 3},
        {0x1001, -1, EM_ERR_PORT, 0},
        {-1, 0, EM_ERR_PORT, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
        struct em_device *dev;
        struct em_error err = {.what = ""};
        struct ear ear = {.wanted = NULL};
        struct script *s = script_new();
        script_chip(s, 5, 0);
        s->io.usb_vid = rows[i].pid < 0 ? -1 : 0x303A;
        s->io.usb_pid = rows[i].pid;
        EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
        unsigned before = s->reopens;
        int64_t begin = s->now_us;
        s->gone_after = 1;
        s->reopen_fails = rows[i].reopen_fails;
        s->babble = true;
        ear.wanted = "";
        EM_CHECK_STATUS(em_device_listen(dev, 115200, hear, &ear, 1000, &err),
                        rows[i].status, &err);
        CU_ASSERT_EQUAL(ear.len > 0, rows[i].status == EM_OK);
        if (rows[i].reopens != 0)
            CU_ASSERT_EQUAL(s->reopens - before, rows[i].reopens);
        if (rows[i].pid < 0)
            CU_ASSERT_EQUAL(s->reopens, before);
        CU_ASSERT(s->now_us - begin < 2000000);
        em_device_close(dev);
        script_end(s);
    }
}

static const struct em_test tests[] = {
    {"a program starts, or not", test_program_starts},
    {"no address of a text", test_no_address},
    {"another rate", test_wrong_rate},
    {"silence, and a stop", test_silence},
    {"a port that vanishes in the reset", test_vanishing_port},
    {"a port without modem lines", test_without_lines},
};

EM_TEST_MAIN("flasher/rom/listen", tests)
