/* SPDX-License-Identifier: Apache-2.0 */
/* The ROM loader of the simulated chip, packet by packet, against the notes on what
 * published tools exchange with chips. */
#include "config.h"

#include "tests/test_flasher_sim_util.h"

/* Raw bytes out for raw bytes in. */
static void check_exchange(const char *chip, const uint8_t *in, size_t in_len,
                           const uint8_t *out, size_t out_len)
{
    struct bench b;
    uint8_t got[512];
    bench_open(&b, chip);
    em_sim_receive(b.sim, in, in_len, 0);
    size_t n = em_sim_send(b.sim, got, sizeof got, 0);
    CU_ASSERT_EQUAL(n, out_len);
    if (n == out_len)
        EM_CHECK_BYTES(got, out, out_len);
    bench_close(&b);
}

/* Worked out by hand from the form of packets: READ_REG of the word at 0x40001000. */
static void test_raw_bytes(void)
{
    const uint8_t read[] = {0xC0, 0x00, 0x0A, 4,    0,    0,    0,
                            0,    0,    0x00, 0x10, 0x00, 0x40, 0xC0};
    const uint8_t esp32[] = {0xC0, 0x01, 0x0A, 4, 0, 0x83, 0x1D,
                             0xF0, 0x00, 0,    0, 0, 0,    0xC0};
    const uint8_t s2[] = {0xC0, 0x01, 0x0A, 4, 0, 0xC6, 0x07,
                          0x00, 0x00, 0,    0, 0, 0,    0xC0};
    /* Two bytes of trailer only; and C1 F0 FF has no byte to escape. */
    const uint8_t esp8266[] = {0xC0, 0x01, 0x0A, 2,    0, 0x01,
                               0xC1, 0xF0, 0xFF, 0x00, 0, 0xC0};
    check_exchange("esp32", read, sizeof read, esp32, sizeof esp32);
    check_exchange("esp32s2", read, sizeof read, s2, sizeof s2);
    check_exchange("esp8266", read, sizeof read, esp8266, sizeof esp8266);
}

static void test_sync(void)
{
    struct bench b;
    uint32_t value = 0;
    bench_open(&b, "esp32c3");
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    CU_ASSERT_EQUAL(value, 0x20120707);
    CU_ASSERT_EQUAL(b.frame_len, 12);
    /* A BEGIN is forgotten by it. */
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x1000, 4, 0x400, 0, 0), 0);
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    uint8_t block[0x400] = {0};
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, sizeof block, 0, 0), 0x0101);
    bench_close(&b);
}

/* Refusals: eight frames of 14 bytes under another op, or one under the same. */
static void test_refusals(void)
{
    struct bench b;
    bench_open(&b, "esp32");
    bench_send(&b, EM_OP_GET_SECURITY_INFO, NULL, 0, 0);
    uint8_t got[512];
    size_t n = em_sim_send(b.sim, got, sizeof got, 0);
    CU_ASSERT_EQUAL(n, 8 * 14);
    for (size_t i = 0; i + 14 <= n; i += 14) {
        CU_ASSERT_EQUAL(got[i], 0xC0);
        CU_ASSERT_EQUAL(got[i + 1], 1);
        CU_ASSERT_NOT_EQUAL(got[i + 2], EM_OP_GET_SECURITY_INFO);
        CU_ASSERT_EQUAL(got[i + 9], 1);
        CU_ASSERT_EQUAL(got[i + 10], 5);
        CU_ASSERT_EQUAL(got[i + 13], 0xC0);
    }
    bench_close(&b);
    bench_open(&b, "esp32?flat-refusals");
    CU_ASSERT_EQUAL(bench_words(&b, EM_OP_GET_SECURITY_INFO, NULL, 0, 0), 0x0105);
    CU_ASSERT_EQUAL(b.frame[1], EM_OP_GET_SECURITY_INFO);
    CU_ASSERT_FALSE(bench_frame(&b));
    bench_close(&b);
}

static void test_security_info(void)
{
    static const struct {
        const char *chip;
        size_t len;
        uint32_t flags, id;
        uint8_t crypt;
    } rows[] = {
        {"esp32s2", 12, 0, 0, 0},
        {"esp32c3", 20, 0, 5, 0},
        {"esp32c3?secure-download", 20, 4, 5, 0},
        {"esp32c3?secure-boot&flash-encryption", 20, 1, 5, 1},
        {"esp32p4", 20, 0, 18, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        bench_open(&b, rows[i].chip);
        CU_ASSERT_EQUAL(bench_words(&b, EM_OP_GET_SECURITY_INFO, NULL, 0, rows[i].len),
                        0);
        CU_ASSERT_EQUAL(b.frame_len, 8 + rows[i].len + 4);
        CU_ASSERT_EQUAL(em_get_le32(b.frame + 8), rows[i].flags);
        CU_ASSERT_EQUAL(b.frame[12], rows[i].crypt);
        if (rows[i].len == 20)
            CU_ASSERT_EQUAL(em_get_le32(b.frame + 20), rows[i].id);
        bench_close(&b);
    }
}

/* In secure download mode seven commands are left (rom-protocol.md 9). */
static void test_secure_download(void)
{
    static const uint8_t refused[] = {EM_OP_READ_REG,  EM_OP_WRITE_REG,
                                      EM_OP_MEM_BEGIN, EM_OP_SPI_FLASH_MD5,
                                      EM_OP_MEM_END,   EM_OP_READ_FLASH_SLOW};
    struct bench b;
    uint8_t block[0x400] = {0x55};
    bench_open(&b, "esp32c6?secure-download");
    for (size_t i = 0; i < sizeof refused; i++) {
        CU_ASSERT_EQUAL(BENCH(&b, refused[i], 0, 0, 0, 0, 0), 0x0105);
        CU_ASSERT_NOT_EQUAL(b.frame[1], refused[i]);
        while (bench_frame(&b))
            ;
    }
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x400, 1, 0x400, 0x1000, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, sizeof block, 0, 0), 0);
    size_t size;
    CU_ASSERT_EQUAL(em_sim_flash(b.sim, &size)[0x1000], 0x55);
    bench_close(&b);
}

/* Several records in a packet, masks, and a record that only waits. */
static void test_registers(void)
{
    struct bench b;
    bench_open(&b, "esp32c3");
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FC80000), 0);
    bench_write(&b, 0x3FC80000, 0x12345678);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_WRITE_REG, 0, 0x3FC80000, 0xFFFFFFFF, 0x0000FF00, 0,
                          0x3FC80004, 7, UINT32_MAX, 0, 0x3FC80000, 0, 0, 1000),
                    0);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FC80000), 0x1234FF78);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FC80004), 7);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_WRITE_REG, 0, 0x3FC80000, 0, 0), 0x0105);
    bench_close(&b);
}

/* Crystal by the UART's divider, MAC with its check byte, what the ROM of the ESP32
 * believes of its clock: figures of device-side.md. */
static void test_seeds(void)
{
    struct bench b;
    bench_open(&b, "esp32?mac=18:fe:34:01:02:03&revision=3.1");
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF40014), 347);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF5A004), 0x34010203);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF5A008) & 0xFFFF, 0x18FE);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF5F06C), 770u << 7);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF5A010) & 0xFF, 0x85);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF5A00C) >> 15 & 1, 1);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF5A014) >> 20 & 1, 1);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF6607C) >> 31, 1);
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FF5A014) >> 24 & 3, 1);
    bench_close(&b);
    bench_open(&b, "esp8266?crystal=40");
    CU_ASSERT_EQUAL(bench_read(&b, 0x60000014), 694);
    bench_close(&b);
    bench_open(&b, "esp32c5?crystal=48");
    CU_ASSERT_EQUAL(bench_read(&b, 0x60096110) >> 24 & 0x7F, 48);
    bench_close(&b);
    bench_open(&b, "esp32c3?usb-pid=0x1001");
    CU_ASSERT_EQUAL(bench_read(&b, 0x3FCDF07C), 3);
    bench_close(&b);
}

/* A wrong checksum, a wrong length, a frame that is none of ours. */
static void test_bad_packets(void)
{
    struct bench b;
    uint8_t block[8] = {1, 2, 3};
    const uint8_t stranger[] = {0x01, EM_OP_READ_REG, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    bench_open(&b, "esp32c3");
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_MEM_BEGIN, 0, 8, 1, 0x1800, 0x40380000), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_MEM_DATA, block, 8, 0, 1), 0x0107);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_MEM_DATA, block, 8, 0, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_MEM_DATA, block, 1, 0, 0), 0x0101);
    CU_ASSERT_EQUAL(bench_read(&b, 0x40380000), 0x00030201);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_MEM_DATA, 0, 100, 0, 0, 0), 0x0105);
    bench_send_body(&b, stranger, sizeof stranger);
    CU_ASSERT_FALSE(bench_frame(&b));
    bench_close(&b);
}

/* Programs that are not loaders take the chip away, until the next SYNC. */
static void test_other_program(void)
{
    struct bench b;
    uint32_t value = 0;
    const uint8_t code[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    bench_open(&b, "esp32c3");
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_MEM_BEGIN, 0, 8, 1, 0x1800, 0x40380000), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_MEM_DATA, code, sizeof code, 0, 0), 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_MEM_END, 0, 0, 0x40380000), 0);
    CU_ASSERT_FALSE(bench_frame(&b));
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_REG, 0, 0), -1);
    CU_ASSERT_EQUAL(bench_sync(&b, &value), 8);
    /* device-side.md: a SYNC must not erase RAM. */
    CU_ASSERT_EQUAL(bench_read(&b, 0x40380000), 0x04030201);
    bench_close(&b);
}

static const struct em_test tests[] = {
    {"packets, byte by byte", test_raw_bytes},
    {"SYNC", test_sync},
    {"refusals", test_refusals},
    {"security information", test_security_info},
    {"secure download mode", test_secure_download},
    {"registers", test_registers},
    {"what a chip is born with", test_seeds},
    {"bad packets", test_bad_packets},
    {"another program", test_other_program},
};

EM_TEST_MAIN("flasher/sim loader", tests)
