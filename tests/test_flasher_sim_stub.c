/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated chip with a stub, its clock, its reset circuit, and its faults. */
#include "config.h"

#include "tests/test_flasher_sim_util.h"

#include "flasher/chip/chip_int.h"

enum { STUB_AT = 0x40380000 };

static void test_stub_rules(void)
{
    struct bench b;
    uint32_t value = 1;
    uint8_t block[0x800];
    size_t size;
    memset(block, 0x11, sizeof block);
    bench_open(&b, "esp32c3");
    CU_ASSERT_TRUE(bench_start_stub(&b, STUB_AT));
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    CU_ASSERT_EQUAL(value, 0);
    CU_ASSERT_EQUAL(b.frame_len, 8 + 2);
    /* No attach needed; a raw digest; the whole flash in one command. */
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x800, 1, 0x800, 0x1000, 0), 0);
    CU_ASSERT_EQUAL(em_sim_flash(b.sim, &size)[0x1000], 0xFF);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x800, 0, 1), 0xC100);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x800, 0, 0), 0);
    /* It answers before it writes, so what is too much is told with the next one. */
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x800, 1, 0), 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_END, 0, 1), 0xC900);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_SPI_FLASH_MD5, 16, 0x1000, 64, 0, 0), 0);
    CU_ASSERT_EQUAL(b.frame_len, 8 + 16 + 2);
    CU_ASSERT_EQUAL(bench_words(&b, EM_OP_ERASE_FLASH, NULL, 0, 0), 0);
    CU_ASSERT_EQUAL(em_sim_flash(b.sim, &size)[0x1000], 0xFF);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_ERASE_REGION, 0, 0x1000, 0x800), 0xC400);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_FLASH_SLOW, 0, 0, 64), 0xFF00);
    /* Back to the ROM. */
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0, 0, 0x800, 0, 0), 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_END, 0, 0), 0);
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    CU_ASSERT_EQUAL(value, 0x20120707);
    bench_close(&b);
}

static void ack(struct bench *b, uint32_t bytes)
{
    uint8_t body[4];
    em_put_le32(body, bytes);
    bench_send_body(b, body, sizeof body);
}

/* Two packets of 64 may be under way; the last one is short; then the digest. */
static void test_stub_reading(void)
{
    struct bench b;
    bench_open(&b, "esp32s3");
    CU_ASSERT_TRUE(bench_start_stub(&b, STUB_AT));
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_FLASH, 0, 0, 200, 64, 2), 0);
    CU_ASSERT_TRUE(bench_frame(&b) && b.frame_len == 64);
    CU_ASSERT_TRUE(bench_frame(&b) && b.frame_len == 64);
    CU_ASSERT_FALSE(bench_frame(&b));
    ack(&b, 64);
    CU_ASSERT_TRUE(bench_frame(&b) && b.frame_len == 64);
    CU_ASSERT_FALSE(bench_frame(&b));
    ack(&b, 192);
    CU_ASSERT_TRUE(bench_frame(&b) && b.frame_len == 8);
    CU_ASSERT_FALSE(bench_frame(&b));
    ack(&b, 200);
    CU_ASSERT_TRUE(bench_frame(&b) && b.frame_len == 16);
    /* A SYNC in the middle ends it. */
    uint32_t value;
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_FLASH, 0, 0, 200, 64, 1), 0);
    CU_ASSERT_TRUE(bench_frame(&b));
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    ack(&b, 64);
    CU_ASSERT_FALSE(bench_frame(&b));
    bench_close(&b);
}

/* By hand: 14 bytes of 10 bits each way, at 115200 bits a second 86805 ns a byte. */
static void test_wire_time(void)
{
    struct bench b;
    struct em_sim_stats stats;
    bench_open(&b, "esp32c3?timing=real");
    b.now_us = 1000;
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0x3FC80000), 0);
    CU_ASSERT_EQUAL(b.now_us, 1000 + 2431);
    /* The host takes its time; that is not needed time. */
    b.now_us = 101000;
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0x3FC80000), 0);
    em_sim_stats(b.sim, &stats);
    CU_ASSERT_EQUAL(stats.elapsed_us, 100000 + 2430);
    CU_ASSERT_EQUAL(stats.needed_us, 2 * 2430540 / 1000);
    bench_close(&b);
}

/* Three sectors, then sixteen at once as a block; a ROM answers when it is done. */
static void test_flash_time(void)
{
    struct bench b;
    struct em_sim_stats stats;
    uint8_t block[0x400] = {0};
    bench_open(&b, "esp32c3?timing=real");
    bench_attach(&b, 4 << 20);
    int64_t before = b.now_us;
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x3000, 1, 0x400, 0x1000, 0), 0);
    CU_ASSERT_TRUE(b.now_us - before > 135000 && b.now_us - before < 140000);
    before = b.now_us;
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x11000, 68, 0x400, 0x10000, 0), 0);
    CU_ASSERT_TRUE(b.now_us - before > 195000 && b.now_us - before < 200000);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, sizeof block, 0, 0), 0);
    em_sim_stats(b.sim, &stats);
    CU_ASSERT_EQUAL(stats.flash_us, 135000 + 195000 + 4 * 400);
    CU_ASSERT_TRUE(stats.needed_us >= stats.flash_us);
    bench_close(&b);
}

static void test_rates(void)
{
    struct bench b;
    bench_open(&b, "esp32c2?timing=real&crystal=26");
    em_sim_set_baud(b.sim, 230400); /* first contact at any rate */
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0x3FC80000), 0);
    /* The ROM believes in 40 MHz: 708923 for 460800 (rom-protocol.md 3.6). */
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_CHANGE_BAUDRATE, 0, 708923, 0), 0);
    b.now_us += 50000;
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0x3FC80000), -1);
    em_sim_set_baud(b.sim, 460800);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0x3FC80000), 0);
    bench_close(&b);
}

/* Hosts reckon the crystal by the rate and the divider, also at another rate than the
 * first: 40 MHz / 460800 = 86.8, 40 MHz / 115200 = 347.2 (rom-protocol.md, 8.3). */
static void test_divider(void)
{
    const uint32_t clkdiv = em_chip_find("esp32")->uart_clkdiv;
    struct bench b;
    bench_open(&b, "esp32");
    CU_ASSERT_EQUAL(bench_read(&b, clkdiv), 347);
    CU_ASSERT_TRUE(bench_start_stub(&b, 0x40090000));
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_CHANGE_BAUDRATE, 0, 460800, 115200), 0);
    b.now_us += 50000;
    em_sim_set_baud(b.sim, 460800);
    CU_ASSERT_EQUAL(bench_read(&b, clkdiv), 87);
    bench_close(&b);
    /* First contact at another rate: 40 MHz / 57600 = 694.4. */
    bench_open(&b, "esp32");
    em_sim_set_baud(b.sim, 57600);
    CU_ASSERT_EQUAL(bench_read(&b, clkdiv), 694);
    bench_close(&b);
}

/* All text that comes until @p us later. */
static const char *text_after(struct bench *b, int64_t us)
{
    static char text[1024];
    b->now_us += us;
    size_t n = em_sim_send(b->sim, (uint8_t *)text, sizeof text - 1, b->now_us);
    text[n] = '\0';
    return text;
}

/* DTR, RTS, and the pause behind; a row that pauses 0 follows at once. */
struct step {
    int dtr, rts;
    int64_t wait_us;
};

static void run_steps(struct bench *b, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        em_sim_set_lines(b->sim, steps[i].dtr, steps[i].rts, b->now_us);
        b->now_us += steps[i].wait_us;
    }
}

static void test_reset_lines(void)
{
    static const struct {
        const char *name;
        int usb_pid;
        bool download;
        struct step steps[8];
    } rows[] = {
        {"classic",
         0,
         true,
         {{0, -1, 0}, {0, 1, 100000}, {1, 1, 100}, {1, 0, 50000}, {0, 0, 0}}},
        {"classic over a slow network",
         0,
         true,
         {{0, 0, 60000}, {0, 1, 160000}, {1, 1, 100000}, {1, 0, 110000}, {0, 0, 0}}},
        {"tight",
         0,
         true,
         {{0, 0, 0}, {1, 1, 0}, {0, 1, 100000}, {1, 0, 50000}, {0, 0, 0}}},
        {"hard", 0, false, {{0, 1, 100000}, {0, 0, 0}}},
        {"USB",
         0x1001,
         true,
         {{0, 0, 100000}, {1, 0, 100000}, {1, 1, 0}, {0, 1, 100000}, {0, 0, 0}}},
        {"USB hard", 0x1001, false, {{0, 1, 200000}, {0, 0, 200000}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char options[64];
        struct bench b;
        uint32_t value;
        (void)snprintf(options, sizeof options, "esp32c3?usb-pid=%d", rows[i].usb_pid);
        bench_open(&b, options);
        run_steps(&b, rows[i].steps, 5);
        const char *text = text_after(&b, 10000);
        EM_CHECK_HAS(text, "rst:0x1 (POWERON),boot:0x");
        EM_CHECK_HAS(text, rows[i].download ? "waiting for download" : "invalid header");
        CU_ASSERT_EQUAL(bench_sync(&b, &value), rows[i].download ? 8 : 0);
        bench_close(&b);
    }
}

/* The RTC watchdog resets when it is let: key, time, start. */
static void test_watchdog(void)
{
    struct bench b;
    uint32_t value;
    bench_open(&b, "esp32c3");
    bench_write(&b, 0x60008090, 0xD0000102); /* without the key: nothing */
    CU_ASSERT_EQUAL(bench_read(&b, 0x60008090), 0);
    bench_write(&b, 0x600080A8, 0x50D83AA1);
    bench_write(&b, 0x60008094, 2000);
    bench_write(&b, 0x60008090, 0xD0000102);
    bench_write(&b, 0x600080A8, 0);
    b.now_us += 500000;
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0x600080A8), -1);
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    bench_close(&b);
}

/* Power goes in the middle of erasing four sectors: two are done, the third is neither
 * this nor that, the fourth is as it was. */
static void test_power_cut(void)
{
    struct bench b;
    uint8_t zeros[0x1000] = {0};
    uint32_t value;
    size_t size;
    bench_open(&b, "esp32c3?fault=power-cut-at=flash-begin:2");
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x4000, 4, 0x1000, 0, 0), 0);
    for (uint32_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, zeros, 0x1000, i, 0), 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x4000, 4, 0x1000, 0, 0), -1);
    CU_ASSERT_FALSE(em_sim_is_alive(b.sim));
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 0);
    const uint8_t *flash = em_sim_flash(b.sim, &size);
    CU_ASSERT_EQUAL(flash[0x1FFF], 0xFF);
    CU_ASSERT_TRUE(flash[0x2000] != 0 && flash[0x2000] != 0xFF);
    CU_ASSERT_EQUAL(flash[0x3000], 0);
    em_sim_power_cycle(b.sim, b.now_us);
    CU_ASSERT_TRUE(em_sim_is_alive(b.sim));
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    bench_close(&b);
}

static void test_cable_and_stuck(void)
{
    struct bench b;
    uint32_t value;
    bench_open(&b, "esp32c3?fault=cut-after=20");
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0), -1); /* 14 in, 6 of 14 out */
    CU_ASSERT_FALSE(em_sim_is_connected(b.sim));
    em_sim_reconnect(b.sim);
    em_slip_reset(&b.reader);
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    bench_close(&b);
    bench_open(&b, "esp32c3?fault=stuck-after=1");
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0), 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0), -1);
    CU_ASSERT_FALSE(em_sim_is_alive(b.sim));
    const struct step hard[] = {{1, 0, 0}, {0, 1, 100000}, {1, 0, 50000}, {0, 0, 10000}};
    run_steps(&b, hard, 4);
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    bench_close(&b);
}

/* What 200 commands come to over a bad line. */
static size_t noisy(uint8_t *out, size_t cap, const char *seed)
{
    char options[128];
    struct bench b;
    size_t len = 0;
    uint8_t frame[14] = {0xC0, 0, EM_OP_READ_REG, 4};
    frame[13] = 0xC0;
    (void)snprintf(options, sizeof options,
                   "esp32c3?seed=%s&fault=drop=0.01,garble=0.02,dup=0.01,delay=0.01:5",
                   seed);
    bench_open(&b, options);
    for (int i = 0; i < 200; i++) {
        em_sim_receive(b.sim, frame, sizeof frame, b.now_us);
        b.now_us += 20000;
        len += em_sim_send(b.sim, out + len, cap - len, b.now_us);
    }
    struct em_sim_stats stats;
    em_sim_stats(b.sim, &stats);
    CU_ASSERT_TRUE(stats.faults > 50);
    bench_close(&b);
    return len;
}

static void test_seeded_faults(void)
{
    static uint8_t one[8192], two[8192], other[8192];
    size_t len = noisy(one, sizeof one, "5");
    CU_ASSERT_EQUAL(noisy(two, sizeof two, "5"), len);
    EM_CHECK_BYTES(one, two, len);
    size_t other_len = noisy(other, sizeof other, "6");
    CU_ASSERT_TRUE(other_len != len || memcmp(one, other, len) != 0);
}

static void test_options(void)
{
    static const struct {
        const char *text;
        enum em_status status;
        const char *has;
    } rows[] = {
        {"esp32c3", EM_OK, ""},
        {"ESP32-C3?flash-size=16MB&mac=AA-bb-cc-dd-ee-ff&seed=0x10", EM_OK, ""},
        {"esp99", EM_ERR_USAGE, "esp99"},
        {"esp32?colour=red", EM_ERR_USAGE, "colour"},
        {"esp32?mac=1:2:3:4:5:6", EM_ERR_USAGE, "1:2:3:4:5:6"},
        {"esp32?flash-size=big", EM_ERR_USAGE, "big"},
        {"esp32?timing=slow", EM_ERR_USAGE, "slow"},
        {"esp32?revision=x", EM_ERR_USAGE, "revision"},
        {"esp32?fault=drop=1.5", EM_ERR_USAGE, "drop=1.5"},
        {"esp32?fault=drop", EM_ERR_USAGE, "drop"},
        {"esp32?fault=drop=0.1,power-cut-at=nothing:1", EM_ERR_USAGE, "nothing"},
        {"esp32?fault=power-cut-at=0x03:2,delay=1:100,bad-md5=.5", EM_OK, ""},
        {"esp32?seed=-1", EM_ERR_USAGE, "-1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_sim_options options;
        char *storage;
        struct em_error err = {.what = ""};
        EM_CHECK_STATUS(em_sim_options_parse(&options, &storage, rows[i].text, &err),
                        rows[i].status, &err);
        EM_CHECK_HAS(err.what, rows[i].has);
        free(storage);
    }
    struct em_sim_options options = {.chip = "esp32c3", .flash_size = 3 << 20};
    struct em_sim *sim;
    struct em_error err;
    EM_CHECK_STATUS(em_sim_new(&sim, &options, &err), EM_ERR_USAGE, &err);
    options = (struct em_sim_options){.chip = "esp32", .secure_download = true};
    EM_CHECK_STATUS(em_sim_new(&sim, &options, &err), EM_ERR_USAGE, &err);
}

static const struct em_test tests[] = {
    {"rules of a stub", test_stub_rules},
    {"reading by a stub", test_stub_reading},
    {"time on the wire", test_wire_time},
    {"time of the flash", test_flash_time},
    {"rates", test_rates},
    {"divider of the UART", test_divider},
    {"reset by the modem lines", test_reset_lines},
    {"watchdog", test_watchdog},
    {"power cut", test_power_cut},
    {"cable cut, chip stuck", test_cable_and_stuck},
    {"faults by a seed", test_seeded_faults},
    {"options", test_options},
};

EM_TEST_MAIN("flasher/sim stub, time, resets, faults", tests)
