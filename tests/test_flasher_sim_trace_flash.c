/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated chips, all of them, packet by packet against recorded sessions: what ROM
 * loaders do with the flash. */
#include "config.h"

#include "tests/test_flasher_sim_trace_util.h"

#include <zlib.h>

static struct line line;

static const uint8_t *flash_of(void)
{
    size_t size;
    return em_sim_flash(line.sim, &size);
}

/* One transaction, as published tools do it; W0 afterwards. @p data is sent if out bits
 * are asked for. */
static uint32_t spi(uint32_t opcode, unsigned out_bits, uint32_t data, unsigned in_bits,
                    unsigned addr_bits, uint32_t addr, unsigned dummy)
{
    const struct row *row = line.row;
    const struct spi_regs *r = row->regs;
    uint32_t kept_usr = peek(&line, row->spi + r->usr);
    uint32_t kept_usr2 = peek(&line, row->spi + r->usr2);
    uint32_t usr1 =
        (addr_bits > 0 ? (addr_bits - 1) << 26 : 0) | (dummy > 0 ? dummy - 1 : 0);
    if (r->miso == 0) { /* the ESP8266 has the lengths in USR1 */
        usr1 |= (in_bits > 0 ? (in_bits - 1) << 8 : 0) |
                (out_bits > 0 ? (out_bits - 1) << 17 : 0);
        poke(&line, row->spi + r->usr1, usr1);
    } else {
        if (out_bits > 0)
            poke(&line, row->spi + r->mosi, out_bits - 1);
        if (in_bits > 0)
            poke(&line, row->spi + r->miso, in_bits - 1);
        if (usr1 != 0)
            poke(&line, row->spi + r->usr1, usr1);
    }
    poke(&line, row->spi + r->usr,
         0x80000000 | (addr_bits > 0 ? 0x40000000 : 0) | (dummy > 0 ? 0x20000000 : 0) |
             (in_bits > 0 ? 0x10000000 : 0) | (out_bits > 0 ? 0x08000000 : 0));
    poke(&line, row->spi + r->usr2, 0x70000000 | opcode);
    if (addr_bits > 0)
        poke(&line, row->spi + 4, r == &spi_new ? addr : addr << (32 - addr_bits));
    poke(&line, row->spi + r->w0, data);
    poke(&line, row->spi, 0x40000);
    CU_ASSERT_EQUAL(peek(&line, row->spi) & 0x40000, 0);
    uint32_t w0 = peek(&line, row->spi + r->w0);
    poke(&line, row->spi + r->usr, kept_usr);
    poke(&line, row->spi + r->usr2, kept_usr2);
    return w0;
}

/* The four transactions of an attach; the status registers. */
static void test_transactions(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        line_open(&line, &rows[i], "");
        line_attach(&line, 4 << 20);
        CU_ASSERT_EQUAL(spi(0x9F, 0, 0, 24, 0, 0, 0), 0x001640EF);
        CU_ASSERT_EQUAL(spi(0x5A, 0, 0, 8, 24, 0x10, 8), 0xEF);
        CU_ASSERT_EQUAL(spi(0x5A, 0, 0, 32, 24, 0, 8), 0x50444653); /* "SFDP" */
        CU_ASSERT_EQUAL(spi(0x66, 0, 0, 0, 0, 0, 0), 0);
        CU_ASSERT_EQUAL(spi(0x99, 0, 0, 0, 0, 0, 0), 0);
        CU_ASSERT_EQUAL(spi(0x9F, 0, 0, 8, 0, 0, 0), 0xEF); /* bits asked for only */
        CU_ASSERT_EQUAL(spi(0x04, 0, 0x12345678, 0, 0, 0, 0), 0x12345678);
        /* write-flash-status of two bytes, then of three single ones. */
        (void)spi(0x50, 0, 0, 0, 0, 0, 0);
        (void)spi(0x01, 16, 0x0240, 0, 0, 0, 0);
        (void)spi(0x50, 0, 0, 0, 0, 0, 0);
        (void)spi(0x01, 8, 0x44, 0, 0, 0, 0);
        (void)spi(0x50, 0, 0, 0, 0, 0, 0);
        (void)spi(0x31, 8, 0x02, 0, 0, 0, 0);
        (void)spi(0x04, 0, 0, 0, 0, 0, 0);
        CU_ASSERT_EQUAL(spi(0x05, 0, 0, 8, 0, 0, 0), 0x44);
        CU_ASSERT_EQUAL(spi(0x35, 0, 0, 8, 0, 0, 0), 0x02);
        CU_ASSERT_EQUAL(spi(0x15, 0, 0, 8, 0, 0, 0), 0);
        (void)spi(0x01, 8, 0, 0, 0, 0, 0); /* not enabled */
        CU_ASSERT_EQUAL(spi(0x05, 0, 0, 8, 0, 0, 0), 0x44);
        (void)spi(0xB9, 0, 0, 0, 0, 0, 0); /* asleep until AB */
        CU_ASSERT_EQUAL(spi(0x9F, 0, 0, 24, 0, 0, 0), 0);
        (void)spi(0xAB, 0, 0, 0, 0, 0, 0);
        CU_ASSERT_EQUAL(spi(0x9F, 0, 0, 24, 0, 0, 0), 0x001640EF);
        line_close(&line);
    }
    /* Only ESP32-S31 of 5.2.0: the unit is at a second place. */
    struct row old = *row_of("esp32s31");
    old.spi = 0x20500000;
    line_open(&line, &old, "");
    line_attach(&line, 4 << 20);
    CU_ASSERT_EQUAL(spi(0x9F, 0, 0, 24, 0, 0, 0), 0x001640EF);
    line_close(&line);
}

/* A flash of a vendor whose chips need a start-up check (XMC), and a big one. */
static void test_ids(void)
{
    line_open(&line, row_of("esp32c3"), "?flash-id=0x184020&flash-size=16MB");
    line_attach(&line, 16 << 20);
    CU_ASSERT_EQUAL(spi(0x9F, 0, 0, 24, 0, 0, 0), 0x184020);
    CU_ASSERT_EQUAL(spi(0x5A, 0, 0, 8, 24, 0x10, 8), 0x20);
    line_close(&line);
    line_open(&line, row_of("esp32c3"), "?flash-size=32MB");
    line_attach(&line, 32 << 20);
    CU_ASSERT_EQUAL(spi(0x9F, 0, 0, 24, 0, 0, 0), 0x1940EF);
    line_close(&line);
}

static uint8_t wave(size_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 0xC0 + (i >> 3));
}

/* write-flash -u of 16 KiB and erase-region, as recorded: blocks of 1040 bytes, no END;
 * a spoilt block is sent again; what is outside stays. */
static void test_plain(void)
{
    uint8_t block[0x400];
    for (size_t i = 0; i < ROWS; i++) {
        size_t trailer = rows[i].trailer;
        line_open(&line, &rows[i], "");
        line_attach(&line, 4 << 20);
        memset(block, 0, sizeof block);
        /* A sector in front and one behind, to see how far erasing goes. */
        CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x400, 1, 0xF000, 0), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 0, 0, trailer), 0);
        CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x400, 1, 0x24000, 0), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 0, 0, trailer), 0);
        uint32_t size = rows[i].full ? 0x4000 : 0x2000; /* ESP8266: told half, 6.6 */
        CU_ASSERT_EQUAL(line_begin(&line, 0x02, size, 16, 0x10000, 0), 0);
        for (uint32_t seq = 0; seq < 16; seq++) {
            for (size_t k = 0; k < sizeof block; k++)
                block[k] = wave(seq * 0x400 + k);
            if (seq == 5)
                CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 5, 8, trailer),
                                0x0107);
            CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, seq, 0, trailer), 0);
        }
        size_t same = 0;
        while (same < 0x4000 && flash_of()[0x10000 + same] == wave(same))
            same++;
        CU_ASSERT_EQUAL(same, 0x4000);
        CU_ASSERT_EQUAL(flash_of()[0xF000], 0);
        CU_ASSERT_EQUAL(flash_of()[0x24000], 0);
        if (rows[i].full) { /* data past what was announced; erase-region */
            CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 16, 0, trailer),
                            0x0101);
            CU_ASSERT_EQUAL(flash_of()[0x14000], 0xFF);
            CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x2000, 8, 0x11000, 0), 0);
            CU_ASSERT_EQUAL(flash_of()[0x10FFF], wave(0xFFF));
            CU_ASSERT_EQUAL(flash_of()[0x11000], 0xFF);
            CU_ASSERT_EQUAL(flash_of()[0x12FFF], 0xFF);
            CU_ASSERT_EQUAL(flash_of()[0x13000], wave(0x3000));
        }
        /* A SYNC drops what was begun and changes nothing. */
        CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, trailer), 8);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 0, 0, trailer), 0x0101);
        CU_ASSERT_EQUAL(flash_of()[0x10000], wave(0));
        line_close(&line);
    }
}

/* From the sector of the offset through the end, rounded to sectors; size 0 erases
 * nothing; 2 MiB until told; nothing past the end. */
static void test_extent(void)
{
    static const struct {
        uint32_t offset, size, first, end;
    } cases[] = {{0x1000, 0x1000, 1, 2},
                 {0x1000, 0x1001, 1, 3},
                 {0x1FFF, 2, 1, 3},
                 {0x1800, 0x100, 1, 2},
                 {0x3000, 0, 3, 3}};
    uint8_t zeros[0x400] = {0};
    for (size_t i = 1; i < ROWS; i++) {
        for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
            line_open(&line, &rows[i], "");
            CU_ASSERT_EQUAL(ASK(&line, 0x0D, 0, 0, 0), 0);
            for (uint32_t s = 0; s < 5; s++) {
                CU_ASSERT_EQUAL(line_begin(&line, 0x02, 1, 1, s << 12, 0), 0);
                CU_ASSERT_EQUAL(line_block(&line, 0x03, zeros, 0x400, 0, 0, 4), 0);
            }
            CU_ASSERT_EQUAL(line_begin(&line, 0x02, cases[k].size, 1, cases[k].offset, 0),
                            0);
            for (uint32_t s = 0; s < 5; s++) {
                bool erased = s >= cases[k].first && s < cases[k].end;
                CU_ASSERT_EQUAL(flash_of()[s << 12], erased ? 0xFF : 0);
            }
            CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x1000, 4, 0x1FF000, 0), 0);
            CU_ASSERT_NOT_EQUAL(line_begin(&line, 0x02, 0x1000, 4, 0x200000, 0), 0);
            line_attach(&line, 4 << 20);
            CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x1000, 4, 0x200000, 0), 0);
            CU_ASSERT_NOT_EQUAL(line_begin(&line, 0x02, 0x1000, 4, 0x400000, 0), 0);
            line_close(&line);
        }
    }
}

/* Programming clears bits, even without an erase before. */
static void test_nor(void)
{
    uint8_t block[0x400];
    for (size_t i = 0; i < ROWS; i++) {
        line_open(&line, &rows[i], "");
        line_attach(&line, 4 << 20);
        memset(block, 0x5A, sizeof block);
        CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x400, 1, 0, 0), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 0, 0, rows[i].trailer), 0);
        /* More blocks than the erased size: over the sector that follows. */
        (void)spi(0x06, 0, 0, 0, 0, 0, 0);
        (void)spi(0x02, 16, 0xF00F, 0, 24, 0x10, 0);
        CU_ASSERT_EQUAL(flash_of()[0x10], 0x0A);
        CU_ASSERT_EQUAL(flash_of()[0x11], 0x50);
        CU_ASSERT_EQUAL(flash_of()[0x12], 0x5A);
        line_close(&line);
    }
}

/* MD5 of "123456789", RFC 1321's way; reading slowly. */
static void test_digest(void)
{
    uint8_t block[0x400];
    memset(block, 0xFF, sizeof block);
    memcpy(block, "123456789", 9);
    for (size_t i = 1; i < ROWS; i++) {
        line_open(&line, &rows[i], "");
        line_attach(&line, 4 << 20);
        CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x400, 1, 0x3000, 0), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 0, 0, 4), 0);
        CU_ASSERT_EQUAL(ASK(&line, 0x13, 32, 0x3000, 9, 0, 0), 0);
        CU_ASSERT_EQUAL(line.body_len, 8 + 32 + 4);
        EM_CHECK_BYTES(line.body + 8, "25f9e794323b453885f5181f1b624d0b", 32);
        CU_ASSERT_EQUAL(ASK(&line, 0x0E, 64, 0x3000, 64), 0);
        CU_ASSERT_EQUAL(line.body_len, 8 + 64 + 4);
        EM_CHECK_BYTES(line.body + 8, block, 64);
        CU_ASSERT_EQUAL(ASK(&line, 0x0E, 64, 0x3004, 5), 0);
        CU_ASSERT_EQUAL(line.body_len, 8 + 64 + 4);
        EM_CHECK_BYTES(line.body + 8, "56789", 5);
        CU_ASSERT_NOT_EQUAL(ASK(&line, 0x0E, 64, 0x3000, 65), 0);
        CU_ASSERT_NOT_EQUAL(ASK(&line, 0x0E, 64, 0x400000, 64), 0);
        line_close(&line);
    }
}

/* One zlib stream cut anywhere; a block that came wrong is sent again; more than was
 * announced, or nonsense, is refused and what came before stays. */
static void test_deflated(void)
{
    static uint8_t plain[0x3000], packed[0x4000];
    uLongf n = sizeof packed;
    uint32_t noise = 1; /* 6 bits of each byte, so that it shrinks by a quarter */
    for (size_t i = 0; i < sizeof plain; i++) {
        noise = noise * 1664525 + 1013904223;
        plain[i] = (uint8_t)(noise >> 26);
    }
    CU_ASSERT_EQUAL(compress2(packed, &n, plain, sizeof plain, 9), Z_OK);
    for (size_t i = 1; i < ROWS; i++) {
        line_open(&line, &rows[i], "");
        line_attach(&line, 4 << 20);
        uint32_t count = (uint32_t)((n + 99) / 100), seq = 0;
        CU_ASSERT_EQUAL(line_begin(&line, 0x10, sizeof plain, count, 0x8000, 0), 0);
        for (size_t at = 0; at < n; at += 100, seq++) {
            size_t len = n - at < 100 ? n - at : 100;
            if (seq == 1)
                CU_ASSERT_EQUAL(line_block(&line, 0x11, packed + at, len, seq, 1, 4),
                                0x0107);
            CU_ASSERT_EQUAL(line_block(&line, 0x11, packed + at, len, seq, 0, 4), 0);
        }
        EM_CHECK_BYTES(flash_of() + 0x8000, plain, sizeof plain);
        CU_ASSERT_NOT_EQUAL(line_block(&line, 0x11, packed, 1, seq, 0, 4), 0);
        CU_ASSERT_EQUAL(line_begin(&line, 0x10, 0x1000, 1, 0x8000, 0), 0);
        int status = 0;
        for (size_t at = 0; status == 0 && at < n; at += 50)
            status = line_block(&line, 0x11, packed + at, n - at < 50 ? n - at : 50,
                                (uint32_t)(at / 50), 0, 4);
        CU_ASSERT_NOT_EQUAL(status, 0);
        EM_CHECK_BYTES(flash_of() + 0x8000, plain, 0x800);
        CU_ASSERT_EQUAL(flash_of()[0x9000], plain[0x1000]); /* not touched this time */
        line_close(&line);
    }
}

/* FLASH_END leaves the loader; a SYNC comes back. */
static void test_leave(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        for (uint32_t flag = 0; flag < 2; flag++) {
            line_open(&line, &rows[i], "");
            CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0, 0, 0, 0), 0);
            CU_ASSERT_EQUAL(ASK(&line, 0x04, 0, flag), 0);
            CU_ASSERT_EQUAL(ASK(&line, 0x0A, 0, 0x40001000), -1);
            CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, rows[i].trailer), 8);
            CU_ASSERT(peek(&line, 0x40001000) != 1);
            line_close(&line);
        }
    }
}

/* Protected by the status register: the lowest eighth of 4 MiB, W25Q32JV 7.1 (BP 100 with
 * TB); then all but that. */
static void test_protected(void)
{
    line_open(&line, row_of("esp32c3"), "");
    line_attach(&line, 4 << 20);
    for (uint32_t cmp = 0; cmp < 2; cmp++) {
        (void)spi(0x06, 0, 0, 0, 0, 0, 0);
        (void)spi(0x01, 16, 0x0030 | cmp << 14, 0, 0, 0, 0);
        for (uint32_t at = 0x7FF00; at <= 0x80000; at += 0x100) {
            (void)spi(0x06, 0, 0, 0, 0, 0, 0);
            (void)spi(0x02, 8, cmp == 0 ? 0x0F : 0xF0, 0, 24, at, 0);
        }
    }
    CU_ASSERT_EQUAL(flash_of()[0x7FF00], 0xF0);
    CU_ASSERT_EQUAL(flash_of()[0x80000], 0x0F);
    (void)spi(0x06, 0, 0, 0, 0, 0, 0);
    (void)spi(0x20, 0, 0, 0, 24, 0x80000, 0);
    CU_ASSERT_EQUAL(flash_of()[0x80000], 0x0F);
    CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x2000, 8, 0x7F000, 0), 0);
    CU_ASSERT_EQUAL(flash_of()[0x7FF00], 0xFF);
    CU_ASSERT_EQUAL(flash_of()[0x80000], 0x0F);
    line_close(&line);
}

static const struct em_test tests[] = {
    {"SPI transactions", test_transactions},
    {"identities of flash", test_ids},
    {"plain", test_plain},
    {"what is erased", test_extent},
    {"bits only go to 0", test_nor},
    {"digest and slow reading", test_digest},
    {"compressed", test_deflated},
    {"out of the loader and back", test_leave},
    {"block protection", test_protected},
};

EM_TEST_MAIN("flasher/sim trace flash", tests)
