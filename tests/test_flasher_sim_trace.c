/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated chips, all of them, packet by packet against recorded sessions: how they are
 * found and described, registers and RAM, what is refused. */
#include "config.h"

#include "tests/test_flasher_sim_trace_util.h"

static struct line line;

/* SYNC as raw bytes: 8 frames, nothing else, the same from any state. */
static void test_sync_bytes(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t frame[16] = {0xC0, 1, 8, (uint8_t)rows[i].trailer, 0, 7, 7, 0x12, 0x20};
        size_t len = 10 + rows[i].trailer;
        frame[len - 1] = 0xC0;
        line_open(&line, &rows[i], "");
        for (int again = 0; again < 2; again++) {
            line_sync(&line);
            line_fill(&line);
            CU_ASSERT_EQUAL(line.len - line.at, 8 * len);
            for (size_t k = 0; k < 8; k++)
                EM_CHECK_BYTES(line.raw + line.at + k * len, frame, len);
            line.at = line.len;
            CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x400, 1, 0, 0) <= 0x0101, true);
        }
        line_close(&line);
    }
}

/* 0x14: refused, 12 or 20 bytes; flags, counter, purposes and chip id. */
static void test_security_info(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        line_open(&line, &rows[i], "?flat-refusals=no");
        CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, rows[i].trailer), 8);
        if (rows[i].security == 0) {
            check_unknown(&line, 0x14, NULL, 0);
            line_close(&line);
            line_open(&line, &rows[i], "?flat-refusals");
            line_request(&line, 0x14, NULL, 0, 0);
            CU_ASSERT_EQUAL(line_answer(&line, 0x14, 0, rows[i].trailer), 0x0105);
            CU_ASSERT_FALSE(line_get(&line));
            line_close(&line);
            continue;
        }
        for (int again = 0; again < 2; again++) {
            line_request(&line, 0x14, NULL, 0, 0);
            CU_ASSERT_EQUAL(line_answer(&line, 0x14, rows[i].security, 4), 0);
            CU_ASSERT_EQUAL(line.body_len, 8 + rows[i].security + 4);
            CU_ASSERT_EQUAL(le32(line.body + 8), 0);
            CU_ASSERT_EQUAL(line.body[12], 0);
            if (rows[i].security == 20)
                CU_ASSERT_EQUAL(le32(line.body + 20), rows[i].image_id);
        }
        line_close(&line);
    }
}

/* Magic word, MAC, and that the clock registers tell a crystal of 26, 40 or 48 MHz. */
static void test_identity(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        bool known = false;
        line_open(&line, row, "?mac=60:55:f9:c0:db:01");
        uint32_t magic = peek(&line, 0x40001000);
        for (size_t k = 0; k < 5; k++)
            known = known || (magic == row->magic[k] && (k == 0 || magic != 0));
        CU_ASSERT(known);
        if (i > 0) { /* the ESP8266 is below */
            CU_ASSERT_EQUAL(peek(&line, row->mac_lo), 0xF9C0DB01);
            CU_ASSERT_EQUAL(peek(&line, row->mac_hi) & 0xFFFF, 0x6055);
        }
        line_close(&line);
    }
    line_open(&line, row_of("esp8266"), "?mac=60:55:f9:c0:db:01");
    CU_ASSERT_EQUAL(peek(&line, 0x3FF0005C) & 0xFFFFFF, 0x6055F9);
    CU_ASSERT_EQUAL(peek(&line, 0x3FF00054) & 0xFFFF, 0xC0DB);
    CU_ASSERT_EQUAL(peek(&line, 0x3FF00050) >> 24, 0x01);
    CU_ASSERT_EQUAL(peek(&line, 0x3FF00058), 0);
    line_close(&line);
}

/* CRC-8 of the ESP32's MAC, chip-info.csv: reflected 0x8C from 0. */
static uint8_t crc8(const uint8_t *data, size_t len)
{
    uint8_t crc = 0;
    for (size_t i = 0; i < 8 * len; i++) {
        bool bit = ((crc ^ data[i / 8] >> i % 8) & 1) != 0;
        crc = (uint8_t)(crc >> 1);
        crc = (uint8_t)(crc ^ (bit ? 0x8C : 0));
    }
    return crc;
}

/* Registers of the first session with each chip, and what must be in them. */
static void test_description(void)
{
    static const struct {
        const char *chip, *more;
        uint32_t addr, mask, value;
    } words[] = {
        {"esp8266", "", 0x60000014, 0xFFFFF, 451},
        {"esp8266", "?crystal=40", 0x60000014, 0xFFFFF, 694},
        {"esp32", "", 0x3FF40014, 0xFFFFF, 347},
        {"esp32", "?crystal=26", 0x3FF40014, 0xFFFFF, 226},
        {"esp32", "?revision=3.1", 0x3FF5A00C, 1 << 15, 1 << 15},
        {"esp32", "?revision=3.1", 0x3FF5A014, 0x03100000, 0x01100000},
        {"esp32", "?revision=3.1", 0x3FF6607C, 0x80000000, 0x80000000},
        {"esp32", "?revision=1.0", 0x3FF6607C, 0x80000000, 0},
        {"esp32", "", 0x3FF5A010, 0xFF, 0x85},
        {"esp32", "", 0x3FF5A018, 0xFFFFFFFF, 0},
        {"esp32", "", 0x3FF5F06C, 0xFFFFFF80, 770 << 7},
        {"esp32s2", "", 0x3FFFFD14, 0xFF, 0},
        {"esp32s3", "", 0x3FCEF14C, 0xFF, 0},
        {"esp32s3", "?usb-pid=0x1001", 0x3FCEF14C, 0xFF, 4},
        {"esp32c2", "", 0x60000014, 0xFFFFF, 347}, /* 40 MHz */
        {"esp32c2", "?crystal=26", 0x60000014, 0xFFFFF, 226},
        {"esp32c2", "", 0x60008844, 0x300000, 0x100000}, /* major 1 */
        {"esp32e22", "", 0xC3102014, 0xFFFFF, 347},
        {"esp32c3", "?revision=0.4", 0x60008850, 0x1C0000, 0x100000},
        {"esp32c3", "?revision=1.9", 0x60008858, 0x3800000, 0x1800000},
        {"esp32c3", "", 0x3FCDF07C, 0xFF, 0},
        {"esp32c3", "?usb-pid=0x1001", 0x3FCDF07C, 0xFF, 3},
        {"esp32c3", "?usb-pid=0x1001", 0x3FCDF078, 0xFF, 3},
        {"esp32c5", "", 0x600B484C, 0x3F, 0x10},
        {"esp32c6", "?usb-pid=0x1001", 0x4087F580, 0xFF, 3},
        {"esp32p4", "?revision=3.1", 0x5012D04C, 0xBF, 0x31},
        {"esp32p4", "?revision=5.0", 0x5012D04C, 0x8000BF, 0x800010},
        {"esp32s31", "?mac=60:55:f9:c0:db:01", 0x20715044, 0xFFFFFFFF, 0xF9C0DB01},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        line_open(&line, row_of(words[i].chip), words[i].more);
        uint32_t value = peek(&line, words[i].addr) & words[i].mask;
        if (value != words[i].value)
            printf("\n  %s%s: 0x%X: 0x%X\n", words[i].chip, words[i].more,
                   (unsigned)words[i].addr, (unsigned)value);
        CU_ASSERT_EQUAL(value, words[i].value);
        line_close(&line);
    }
    line_open(&line, row_of("esp32"), "?mac=60:55:f9:c0:db:01");
    uint8_t mac[6] = {0x60, 0x55, 0xF9, 0xC0, 0xDB, 0x01};
    CU_ASSERT_EQUAL(peek(&line, 0x3FF5A008) >> 16 & 0xFF, crc8(mac, 6));
    line_close(&line);
    /* The C5's ROM takes the crystal for what the register says. */
    line_open(&line, row_of("esp32c5"), "?crystal=48");
    CU_ASSERT_EQUAL(peek(&line, 0x60096110) >> 24 & 0x7F, 48);
    CU_ASSERT_EQUAL(peek(&line, 0x60000014) & 0xFFFFF, 417); /* 48e6 / 115200 */
    line_close(&line);
}

/* The words of the ESP32-S31 where older tools look for the MAC are BLOCK0 to those who
 * read all of it. */
static void test_block_in_order(void)
{
    line_open(&line, row_of("esp32s31"), "");
    for (uint32_t addr = 0x2071502C; addr < 0x20715050; addr += 4)
        CU_ASSERT_EQUAL(peek(&line, addr), 0);
    CU_ASSERT_NOT_EQUAL(peek(&line, 0x20715044), 0);
    CU_ASSERT_NOT_EQUAL(peek(&line, 0x20715048), 0);
    line_close(&line);
}

/* Plain memory everywhere; masks; several records in a packet; pauses. */
static void test_registers(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        const uint32_t a = 0x3FCA1230, b = 0x600C0DB0, date = rows[i].uart_date;
        line_open(&line, &rows[i], "?timing=real");
        CU_ASSERT_EQUAL(peek(&line, a), 0);
        poke(&line, a, 0xC0DBDCDD);
        CU_ASSERT_EQUAL(peek(&line, a), 0xC0DBDCDD);
        CU_ASSERT_EQUAL(ASK(&line, 0x09, 0, a, 0x12345678, 0x00FF00FF, 0), 0);
        CU_ASSERT_EQUAL(peek(&line, a), 0xC034DC78);
        /* Two values and a pause of 1000 us, which takes its time. */
        int64_t before = line.now_us;
        CU_ASSERT_EQUAL(
            ASK(&line, 0x09, 0, a, 1, 0xFFFFFFFF, 0, b, 0x80, 0x80, 0, date, 0, 0, 1000),
            0);
        int64_t wire = (int64_t)(10 + 48 + 10 + rows[i].trailer) * 86;
        CU_ASSERT(line.now_us - before >= wire + 1000);
        CU_ASSERT(line.now_us - before < wire + 2000);
        CU_ASSERT_EQUAL(peek(&line, a), 1);
        CU_ASSERT_EQUAL(peek(&line, b), 0x80);
        CU_ASSERT_EQUAL(peek(&line, date), 0);
        CU_ASSERT_EQUAL(ASK(&line, 0x09, 0, a, 1, 0xFFFFFFFF), 0x0105); /* no record */
        line_close(&line);
    }
    /* What the ESP32-S3 gets at the end of each session. */
    line_open(&line, row_of("esp32s3"), "");
    poke(&line, 0x6000812C, 3);
    CU_ASSERT_EQUAL(ASK(&line, 0x09, 0, 0x6000812C, 0, 1, 0), 0);
    CU_ASSERT_EQUAL(peek(&line, 0x6000812C), 2);
    line_close(&line);
}

/* RAM is filled, read, and started; a SYNC comes through and leaves it. */
static void test_ram(void)
{
    uint8_t code[0x1800 + 6];
    for (size_t i = 0; i < sizeof code; i++)
        code[i] = (uint8_t)(0xC0 + i * 27);
    for (size_t i = 0; i < ROWS; i++) {
        size_t trailer = rows[i].trailer;
        line_open(&line, &rows[i], "");
        CU_ASSERT_EQUAL(ASK(&line, 0x05, 0, sizeof code, 2, 0x1800, 0x3FFE0000), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x07, code, 0x1800, 0, 1, trailer), 0x0107);
        CU_ASSERT_EQUAL(line_block(&line, 0x07, code, 0x1800, 0, 0, trailer), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x07, code + 0x1800, 6, 1, 0, trailer), 0);
        CU_ASSERT_EQUAL(peek(&line, 0x3FFE0000), le32(code));
        CU_ASSERT_EQUAL(peek(&line, 0x3FFE17FC), le32(code + 0x17FC));
        CU_ASSERT_EQUAL(peek(&line, 0x3FFE1800), le32(code + 0x1800));
        CU_ASSERT_EQUAL(peek(&line, 0x3FFE1804),
                        (uint32_t)(code[0x1804] | code[0x1805] << 8));
        CU_ASSERT_EQUAL(ASK(&line, 0x06, 0, 1, 0), 0); /* nothing is started */
        CU_ASSERT_EQUAL(peek(&line, 0x3FFE0000), le32(code));
        CU_ASSERT_EQUAL(ASK(&line, 0x06, 0, 0, 0x3FFE0004), 0);
        CU_ASSERT_EQUAL(ASK(&line, 0x0A, 0, 0x3FFE0000), -1);
        CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, trailer), 8);
        CU_ASSERT_EQUAL(peek(&line, 0x3FFE1800), le32(code + 0x1800));
        line_close(&line);
    }
}

/* Commands that are the stub's only, or nobody's; and those that ESP8266's ROM lacks. */
static void test_unknown(void)
{
    static const uint8_t strange[] = {0x00, 0x0C, 0x15, 0x1F, 0xD0,
                                      0xD1, 0xD2, 0xD3, 0xD4, 0xFE};
    static const uint8_t full[] = {0x0B, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x13};
    uint8_t data[24] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        line_open(&line, &rows[i], "");
        for (size_t k = 0; k < sizeof strange; k++)
            check_unknown(&line, strange[k], data, 16);
        for (size_t k = 0; !rows[i].full && k < sizeof full; k++)
            check_unknown(&line, full[k], data, 16);
        line_close(&line);
    }
}

/* Secure download mode: what is let through, and all else. */
static void test_secure_download(void)
{
    static const uint8_t refused[] = {0x05, 0x06, 0x07, 0x09, 0x0A, 0x0E,
                                      0x10, 0x11, 0x12, 0x13, 0xD2};
    uint8_t data[0x400] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].security == 0)
            continue;
        line_open(&line, &rows[i], "?secure-download");
        CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 8);
        line_request(&line, 0x14, NULL, 0, 0);
        CU_ASSERT_EQUAL(line_answer(&line, 0x14, rows[i].security, 4), 0);
        CU_ASSERT_EQUAL(le32(line.body + 8), 4);
        for (size_t k = 0; k < sizeof refused; k++)
            check_unknown(&line, refused[k], data, 16);
        line_attach(&line, 4 << 20);
        CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x800, 2, 0x1000, 0), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, data, 0x400, 0, 0, 4), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, data, 0x400, 1, 0, 4), 0);
        CU_ASSERT_EQUAL(ASK(&line, 0x0F, 0, 460800, 0), 0);
        CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0, 0, 0, 0), 0);
        CU_ASSERT_EQUAL(ASK(&line, 0x04, 0, 1), 0);
        CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 8);
        size_t size;
        const uint8_t *flash = em_sim_flash(line.sim, &size);
        CU_ASSERT_EQUAL(flash[0x17FF], 0);
        CU_ASSERT_EQUAL(flash[0x1800], 0xFF);
        line_close(&line);
    }
}

static const struct em_test tests[] = {
    {"SYNC byte by byte", test_sync_bytes},
    {"security information", test_security_info},
    {"who it is", test_identity},
    {"what it is", test_description},
    {"a block read in order", test_block_in_order},
    {"registers", test_registers},
    {"RAM", test_ram},
    {"unknown commands", test_unknown},
    {"secure download mode", test_secure_download},
};

EM_TEST_MAIN("flasher/sim trace", tests)
