/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated chips, all of them, packet by packet against recorded sessions: reading and
 * burning eFuses, protection. */
#include "config.h"

#include "tests/test_flasher_sim_trace_fuses_util.h"

/* A key goes in, shows after a read command only, and without the op code nothing is
 * done; a second time adds bits. */
static void test_burn(void)
{
    for (size_t i = 1; i < ROWS; i++) {
        line_open(&line, &rows[i], "");
        uint32_t window = write_window(rows[i].key_block);
        CU_ASSERT_TRUE(has_none());
        CU_ASSERT_FALSE(has_errors());
        poke(&line, window, 0xFF);
        poke(&line, rows[i].cmd, rows[i].key_block << 2 | 2);
        poke(&line, rows[i].conf, 0x5AA5);
        poke(&line, rows[i].cmd, rows[i].key_block << 2 | 2);
        poke(&line, window, 0);
        reload();
        CU_ASSERT_TRUE(has_none());
        program(rows[i].key_block, key);
        CU_ASSERT_TRUE(has_none());
        reload();
        CU_ASSERT_TRUE(has_key());
        CU_ASSERT_FALSE(has_errors());
        em_sim_power_cycle(line.sim, line.now_us);
        CU_ASSERT_TRUE(has_key());
        line_close(&line);
    }
}

/* RD_DIS: zeros, even after a power cycle; other blocks stay. */
static void test_read_protection(void)
{
    for (size_t i = 1; i < ROWS; i++) {
        bool esp32 = rows[i].security == 0, c2 = strcmp(rows[i].chip, "esp32c2") == 0;
        line_open(&line, &rows[i], "");
        burn(rows[i].key_block, key);
        uint32_t wr_dis = peek(&line, rows[i].block0);
        burn_word0(0, esp32 ? 0 : 1, esp32 ? 1 << 16 : c2 ? 3 : 1);
        CU_ASSERT_TRUE(has_none());
        CU_ASSERT_EQUAL(peek(&line, rows[i].block0) & 0xFFFF, wr_dis & 0xFFFF);
        em_sim_power_cycle(line.sim, line.now_us);
        CU_ASSERT_TRUE(has_none());
        if (!c2 && !esp32) {
            const uint32_t more[8] = {1, 2, 3, 4, 5, 6, 7, 8};
            burn(5, more);
            CU_ASSERT_EQUAL(peek(&line, rows[i].key_read + 32), 1);
        }
        line_close(&line);
    }
}

/* WR_DIS: the block keeps what it has, and nobody is told. */
static void test_write_protection(void)
{
    static const uint32_t more[8] = {0x80000000, 0, 0, 1, 0, 0, 0, 0};
    for (size_t i = 1; i < ROWS; i++) {
        line_open(&line, &rows[i], "");
        burn(rows[i].key_block, key);
        burn_word0(0, 0, UINT32_C(1) << rows[i].key_wr_dis);
        burn(rows[i].key_block, more);
        CU_ASSERT_TRUE(has_key());
        CU_ASSERT_FALSE(has_errors());
        CU_ASSERT_EQUAL(peek(&line, rows[i].block0) & UINT32_C(1) << rows[i].key_wr_dis,
                        UINT32_C(1) << rows[i].key_wr_dis);
        line_close(&line);
    }
}

/* BLOCK0 is protected field by field: of the purposes of two keys, one. And RD_DIS by bit
 * 0. */
static void test_field_protection(void)
{
    for (size_t i = 1; i < ROWS; i++) {
        const struct row *row = &rows[i];
        bool esp32 = row->security == 0, c2 = strcmp(row->chip, "esp32c2") == 0;
        if (esp32 || c2)
            continue;
        unsigned word = (row->purpose - row->block0) / 4;
        unsigned second = row->purpose_low + row->purpose_width;
        line_open(&line, row, "");
        burn_word0(0, 0, 1 << 8 | 1);
        burn_word0(0, word, UINT32_C(4) << row->purpose_low | UINT32_C(9) << second);
        CU_ASSERT_EQUAL(peek(&line, row->purpose) >> row->purpose_low & 0xF, 0);
        CU_ASSERT_EQUAL(peek(&line, row->purpose) >> second & 0xF, 9);
        burn_word0(0, 1, 1);
        CU_ASSERT_EQUAL(peek(&line, row->block0 + 4) & 1, 0);
        /* What the chip says of itself follows. */
        em_sim_power_cycle(line.sim, line.now_us);
        line_request(&line, 0x14, NULL, 0, 0);
        CU_ASSERT_EQUAL(line_answer(&line, 0x14, row->security, 4), 0);
        CU_ASSERT_EQUAL(line.body[8 + 5], 0);
        CU_ASSERT_EQUAL(line.body[8 + 6], 9);
        line_close(&line);
    }
    /* ESP32: WR_DIS bit 0 protects RD_DIS, bit 1 WR_DIS itself. */
    line_open(&line, row_of("esp32"), "");
    burn_word0(0, 0, 1);
    burn_word0(0, 0, 1 << 16);
    CU_ASSERT_EQUAL(peek(&line, 0x3FF5A000) & 0xFFFFF, 1);
    burn_word0(0, 0, 2);
    burn_word0(0, 0, 4);
    CU_ASSERT_EQUAL(peek(&line, 0x3FF5A000) & 0xFFFF, 3);
    line_close(&line);
}

/* Timing that does not fit the crystal: some bits do not take, and the chip says so;
 * after another burn with the right one all is well. */
static void test_timing(void)
{
    line_open(&line, row_of("esp32c3"), "");
    uint32_t good = peek(&line, 0x600089E8);
    CU_ASSERT_EQUAL(good & 0x1FEFF, 0x1FE28); /* what the recorded session writes */
    CU_ASSERT_EQUAL(peek(&line, 0x600089F0), 0x00300000);
    CU_ASSERT_EQUAL(peek(&line, 0x600089F4), 0x190);
    poke(&line, 0x600089E8, 0x1FE01);
    burn(4, key);
    CU_ASSERT_FALSE(has_key());
    CU_ASSERT_TRUE(has_errors());
    poke(&line, 0x600089E8, good);
    burn(4, key);
    CU_ASSERT_TRUE(has_key());
    CU_ASSERT_FALSE(has_errors());
    line_close(&line);
}

/* Once no more download is burned, contact is lost with the read command; with secure
 * download it comes back by SYNC, as such. */
static void test_download_modes(void)
{
    line_open(&line, row_of("esp32c3"), "");
    uint32_t data[8] = {0, 0, 0, 0, 0x20, 0}; /* ENABLE_SECURITY_DOWNLOAD: word 4 bit 5 */
    program(0, data);
    poke(&line, line.row->conf, 0x5AA5);
    CU_ASSERT_EQUAL(ASK(&line, 0x09, 0, line.row->cmd, 1, 0xFFFFFFFF, 0), -1);
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 8);
    line_request(&line, 0x14, NULL, 0, 0);
    CU_ASSERT_EQUAL(line_answer(&line, 0x14, 20, 4), 0);
    CU_ASSERT_EQUAL(le32(line.body + 8), 4);
    line_close(&line);
    line_open(&line, row_of("esp32c3"), "");
    data[4] = 1; /* DIS_DOWNLOAD_MODE: word 4 bit 0 */
    program(0, data);
    poke(&line, line.row->conf, 0x5AA5);
    CU_ASSERT_EQUAL(ASK(&line, 0x09, 0, line.row->cmd, 1, 0xFFFFFFFF, 0), -1);
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 0);
    line_close(&line);
}

/* The ESP32 goes on until its next reset, as published tools await it. */
static void test_download_of_esp32(void)
{
    line_open(&line, row_of("esp32"), "");
    burn_word0(0, 0, 1 << 27); /* UART_DOWNLOAD_DIS */
    CU_ASSERT_EQUAL(peek(&line, 0x3FF5A000) & 1 << 27, 1 << 27);
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 8);
    em_sim_power_cycle(line.sim, line.now_us);
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 0);
    line_close(&line);
}

/* A chip with flash encryption on has a key that hosts look for: purpose 4, or a block
 * that is read protected; it writes encrypted with it. */
static void test_flash_encryption(void)
{
    for (size_t i = 1; i < ROWS; i++) {
        const struct row *row = &rows[i];
        uint8_t block[0x400] = {0};
        size_t size;
        line_open(&line, row, "?flash-encryption");
        CU_ASSERT_TRUE(has_none());
        if (row->purpose != 0)
            CU_ASSERT_EQUAL(peek(&line, row->purpose) >> row->purpose_low & 0xF, 4);
        uint32_t rd_dis = row->security == 0 ? peek(&line, row->block0) >> 16 & 0xF
                                             : peek(&line, row->block0 + 4) & 0x7F;
        CU_ASSERT_EQUAL(rd_dis, strcmp(row->chip, "esp32c2") == 0 ? 3 : 1);
        if (row->security == 0) { /* FLASH_CRYPT_CONFIG */
            CU_ASSERT_EQUAL(peek(&line, 0x3FF5A014) >> 28, 0xF);
        } else {
            line_attach(&line, 4 << 20);
            CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x400, 1, 0x1000, 1), 0);
            CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 0, 0, 4), 0);
            const uint8_t *flash = em_sim_flash(line.sim, &size);
            CU_ASSERT_NOT_EQUAL(memcmp(flash + 0x1000, block, 16), 0);
        }
        line_close(&line);
    }
}

/* With a key that is known: 32 bytes of zeros at 0x10000 under the key 00 01 … 1F, made
 * by published tools. */
static void test_known_key(void)
{
    static const uint8_t wanted[32] = {0xF0, 0x46, 0xAC, 0x4B, 0x14, 0xB7, 0xD5, 0xDE,
                                       0x08, 0x7C, 0xDA, 0x76, 0xB4, 0xF0, 0x4C, 0x4E,
                                       0x82, 0xEC, 0xAB, 0x55, 0x0A, 0x32, 0xE7, 0x2E,
                                       0x11, 0xEE, 0x6B, 0xF7, 0xB8, 0x3F, 0xE2, 0xAD};
    uint32_t data[8];
    uint8_t block[0x400] = {0};
    size_t size;
    for (uint32_t i = 0; i < 8; i++) /* the last byte of the key comes first */
        data[i] = 0x1C1D1E1F - 0x04040404 * i;
    line_open(&line, row_of("esp32c3"), "");
    burn(4, data);
    burn_word0(0, 2, 4 << 24);
    line_attach(&line, 4 << 20);
    CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x400, 1, 0x10000, 1), 0);
    CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 0, 0, 4), 0);
    EM_CHECK_BYTES(em_sim_flash(line.sim, &size) + 0x10000, wanted, sizeof wanted);
    line_close(&line);
}

static const struct em_test tests[] = {
    {"a burn", test_burn},
    {"read protection", test_read_protection},
    {"write protection", test_write_protection},
    {"protection of fields", test_field_protection},
    {"timing registers", test_timing},
    {"download modes", test_download_modes},
    {"download mode of the ESP32", test_download_of_esp32},
    {"flash encryption", test_flash_encryption},
    {"a known key", test_known_key},
};

EM_TEST_MAIN("flasher/sim trace fuses", tests)
