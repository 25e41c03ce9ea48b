/* SPDX-License-Identifier: Apache-2.0 */
/* A host of its own for simulated chips: encodes and checks every byte by itself, and
 * knows the chips by rows copied from the notes on them. */
#ifndef TESTS_TEST_FLASHER_SIM_TRACE_UTIL_H
#define TESTS_TEST_FLASHER_SIM_TRACE_UTIL_H

#include <espmfg/sim.h>

#include <stdbool.h>

#include "tests/em_test.h"

/* Registers of the SPI unit: ESP8266, ESP32, and all later chips. */
struct spi_regs {
    uint32_t usr, usr1, usr2, mosi, miso, w0;
};
static const struct spi_regs spi_8266 = {0x1C, 0x20, 0x24, 0, 0, 0x40};
static const struct spi_regs spi_32 = {0x1C, 0x20, 0x24, 0x28, 0x2C, 0x80};
static const struct spi_regs spi_new = {0x18, 0x1C, 0x20, 0x24, 0x28, 0x58};

/* Rows of chips.csv, efuse-controller.csv and efuse-blocks.csv. */
struct row {
    const char *chip;
    uint32_t image_id;
    unsigned security; /* bytes of the answer to 0x14; 0: refused */
    unsigned trailer;
    unsigned begin_words;
    bool full; /* has MD5, inflate, rates */
    uint32_t magic[5];
    uint32_t uart_date;
    uint32_t spi;
    const struct spi_regs *regs;
    uint32_t mac_lo, mac_hi;
    uint32_t fuses, conf, cmd; /* 0: no controller */
    unsigned key_block;
    uint32_t key_read, block0, purpose;
    unsigned purpose_low, purpose_width; /* place of the first key's purpose */
    unsigned key_wr_dis;
};

/* clang-format off */
static const struct row rows[] = {
    {"esp8266", 0, 0, 2, 4, false, {0xFFF0C101}, 0x60000078, 0x60000200, &spi_8266,
     0x3FF00050, 0x3FF00054, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"esp32", 0, 0, 4, 4, true, {0x00F01D83}, 0x60000078, 0x3FF42000, &spi_32,
     0x3FF5A004, 0x3FF5A008, 0x3FF5A000, 0x3FF5A0FC, 0x3FF5A104, 1, 0x3FF5A038,
     0x3FF5A000, 0, 0, 0, 7},
    {"esp32s2", 2, 12, 4, 5, true, {0x7C6}, 0x60000078, 0x3F402000, &spi_new,
     0x3F41A044, 0x3F41A048, 0x3F41A000, 0x3F41A1CC, 0x3F41A1D4, 4, 0x3F41A09C,
     0x3F41A02C, 0x3F41A034, 24, 4, 23},
    {"esp32s3", 9, 20, 4, 5, true, {0x9}, 0x60000080, 0x60002000, &spi_new,
     0x60007044, 0x60007048, 0x60007000, 0x600071CC, 0x600071D4, 4, 0x6000709C,
     0x6000702C, 0x60007034, 24, 4, 23},
    {"esp32c2", 12, 20, 4, 5, true, {0x6F51306F, 0x7C41A06F, 0x0C21E06F}, 0x6000007C,
     0x60002000, &spi_new, 0x60008840, 0x60008844, 0x60008800, 0x6000888C, 0x60008894,
     3, 0x60008860, 0x6000882C, 0, 0, 0, 7},
    {"esp32c3", 5, 20, 4, 5, true, {0x6921506F, 0x1B31506F, 0x4881606F, 0x4361606F},
     0x6000007C, 0x60002000, &spi_new, 0x60008844, 0x60008848, 0x60008800, 0x600089CC,
     0x600089D4, 4, 0x6000889C, 0x6000882C, 0x60008834, 24, 4, 23},
    {"esp32c5", 23, 20, 4, 5, true, {0x1101406F, 0x63E1406F, 0x5FD1406F}, 0x6000007C,
     0x60003000, &spi_new, 0x600B4844, 0x600B4848, 0x600B4800, 0x600B49CC, 0x600B49D8,
     4, 0x600B489C, 0x600B482C, 0x600B4834, 22, 5, 23},
    {"esp32c6", 13, 20, 4, 5, true, {0x2CE0806F}, 0x6000007C, 0x60003000, &spi_new,
     0x600B0844, 0x600B0848, 0x600B0800, 0x600B09CC, 0x600B09D4, 4, 0x600B089C,
     0x600B082C, 0x600B0834, 24, 4, 23},
    {"esp32c61", 20, 20, 4, 5, true, {0x33F0206F, 0x2421606F, 0x7211606F}, 0x6000007C,
     0x60003000, &spi_new, 0x600B4844, 0x600B4848, 0x600B4800, 0x600B49CC, 0x600B49D4,
     4, 0x600B489C, 0x600B482C, 0x600B4834, 0, 4, 23},
    {"esp32h2", 16, 20, 4, 5, true, {0xD7B73E80}, 0x6000007C, 0x60003000, &spi_new,
     0x600B0844, 0x600B0848, 0x600B0800, 0x600B09CC, 0x600B09D4, 4, 0x600B089C,
     0x600B082C, 0x600B0834, 24, 4, 23},
    {"esp32h21", 25, 20, 4, 5, true, {0}, 0x6000007C, 0x60003000, &spi_new,
     0x600B4044, 0x600B4048, 0x600B4000, 0x600B41CC, 0x600B41D4, 4, 0x600B409C,
     0x600B402C, 0x600B4034, 24, 4, 23},
    {"esp32h4", 28, 20, 4, 5, true, {0}, 0x6001207C, 0x60099000, &spi_new,
     0x600B1844, 0x600B1848, 0x600B1800, 0x600B19CC, 0x600B19D8, 4, 0x600B189C,
     0x600B182C, 0x600B1834, 0, 5, 23},
    {"esp32p4", 18, 20, 4, 5, true, {0, 0x0ADDBAD0}, 0x500CA08C, 0x5008D000, &spi_new,
     0x5012D044, 0x5012D048, 0x5012D000, 0x5012D1CC, 0x5012D1D4, 4, 0x5012D09C,
     0x5012D02C, 0x5012D034, 24, 4, 23},
    {"esp32s31", 32, 20, 4, 5, true, {0}, 0x2038A08C, 0x20501000, &spi_new,
     0x20715050, 0x20715054, 0x20715000, 0x207151CC, 0x207151D8, 4, 0x207150A8,
     0x2071502C, 0x20715038, 0, 5, 23},
    {"esp32e22", 31, 20, 4, 5, true, {0}, 0xC310208C, 0xC3003000, &spi_new,
     0xC4008044, 0xC4008048, 0xC4008000, 0xC40081CC, 0xC40081D4, 4, 0xC400809C,
     0xC400802C, 0xC4008034, 24, 4, 23},
};
/* clang-format on */
enum { ROWS = sizeof rows / sizeof rows[0] };

static inline const struct row *row_of(const char *chip)
{
    const struct row *row = rows;
    while (strcmp(row->chip, chip) != 0)
        row++;
    return row;
}

/* A chip on a line; its last frame. */
struct line {
    const struct row *row;
    struct em_sim *sim;
    int64_t now_us;
    uint8_t raw[0x50000]; /* 64 packets and more */
    size_t at, len;
    uint8_t body[0x8000];
    size_t body_len;
};

static inline uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static inline void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* @p more: options behind the chip's name, "?key=value", or "". */
static inline void line_open(struct line *l, const struct row *row, const char *more)
{
    struct em_sim_options options;
    char text[512];
    char *storage = NULL;
    struct em_error err = {.what = ""};
    memset(l, 0, sizeof *l);
    l->row = row;
    (void)snprintf(text, sizeof text, "%s%s", row->chip, more);
    EM_CHECK_STATUS(em_sim_options_parse(&options, &storage, text, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_sim_new(&l->sim, &options, &err), EM_OK, &err);
    free(storage);
    if (l->sim == NULL)
        exit(EXIT_FAILURE);
}

static inline void line_close(struct line *l)
{
    em_sim_free(l->sim);
}

/* A frame, escaped in one pass, in one piece. */
static inline void line_put(struct line *l, const uint8_t *body, size_t len)
{
    static uint8_t raw[0x20000];
    size_t n = 0;
    raw[n++] = 0xC0;
    for (size_t i = 0; i < len; i++) {
        if (body[i] == 0xC0 || body[i] == 0xDB) {
            raw[n++] = 0xDB;
            raw[n++] = body[i] == 0xC0 ? 0xDC : 0xDD;
        } else {
            raw[n++] = body[i];
        }
    }
    raw[n++] = 0xC0;
    em_sim_receive(l->sim, raw, n, l->now_us);
}

/* Whatever the chip has to say goes behind what was not looked at yet. */
static inline void line_fill(struct line *l)
{
    int64_t next;
    while ((next = em_sim_next_us(l->sim)) != INT64_MAX) {
        l->now_us = next > l->now_us ? next : l->now_us;
        memmove(l->raw, l->raw + l->at, l->len - l->at);
        l->len -= l->at;
        l->at = 0;
        size_t n =
            em_sim_send(l->sim, l->raw + l->len, sizeof l->raw - l->len, l->now_us);
        if (n == 0)
            break;
        l->len += n;
    }
}

/* The next frame: one mark at each end, nothing between frames, escapes that exist.
 * false: there is none. */
static inline bool line_get(struct line *l)
{
    bool escaped = false;
    l->body_len = 0;
    if (l->at == l->len)
        line_fill(l);
    if (l->at == l->len)
        return false;
    CU_ASSERT_EQUAL(l->raw[l->at], 0xC0);
    for (l->at++; l->at < l->len && l->raw[l->at] != 0xC0; l->at++) {
        uint8_t byte = l->raw[l->at];
        if (escaped) {
            CU_ASSERT(byte == 0xDC || byte == 0xDD);
            byte = byte == 0xDC ? 0xC0 : 0xDB;
            escaped = false;
        } else if (byte == 0xDB) {
            escaped = true;
            continue;
        }
        l->body[l->body_len++] = byte;
    }
    CU_ASSERT_FATAL(l->at < l->len); /* the mark at the end came with the rest */
    CU_ASSERT_FALSE(escaped);
    l->at++;
    CU_ASSERT(l->body_len > 0);
    return true;
}

static inline uint32_t checksum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0xEF;
    for (size_t i = 0; i < len; i++)
        sum ^= data[i];
    return sum;
}

static inline void line_request(struct line *l, uint8_t op, const uint8_t *data,
                                size_t len, uint32_t check)
{
    static uint8_t body[0x8000];
    body[0] = 0;
    body[1] = op;
    body[2] = (uint8_t)len;
    body[3] = (uint8_t)(len >> 8);
    put32(body + 4, check);
    if (len > 0)
        memcpy(body + 8, data, len);
    line_put(l, body, 8 + len);
}

/* Take an answer to @p op with so many bytes before the trailer. Its status and error as
 * one number, or -1. */
static inline int line_answer(struct line *l, uint8_t op, size_t result, size_t trailer)
{
    if (!line_get(l))
        return -1;
    CU_ASSERT(l->body_len >= 10);
    CU_ASSERT_EQUAL(l->body[0], 1);
    CU_ASSERT_EQUAL(l->body[1], op);
    CU_ASSERT_EQUAL((size_t)l->body[2] + 256u * l->body[3], l->body_len - 8);
    const uint8_t *status = l->body + 8;
    if (l->body_len == 8 + result + trailer)
        status += result;
    else
        CU_ASSERT_EQUAL(l->body_len, 8 + trailer); /* refused: nothing but the trailer */
    return status[0] << 8 | status[1];
}

static inline int line_words(struct line *l, uint8_t op, const uint32_t *words,
                             size_t count, size_t result, size_t trailer)
{
    uint8_t data[256];
    for (size_t i = 0; i < count; i++)
        put32(data + 4 * i, words[i]);
    line_request(l, op, data, 4 * count, 0);
    return line_answer(l, op, result, trailer);
}

/* Status of a command with words as data, of the ROM; and of the stub. */
#define ASK(l, op, result, ...)                                                          \
    line_words((l), (op), (const uint32_t[]){__VA_ARGS__},                               \
               sizeof((const uint32_t[]){__VA_ARGS__}) / 4, (result), (l)->row->trailer)
#define ASK_STUB(l, op, result, ...)                                                     \
    line_words((l), (op), (const uint32_t[]){__VA_ARGS__},                               \
               sizeof((const uint32_t[]){__VA_ARGS__}) / 4, (result), 2)

static inline uint32_t peek(struct line *l, uint32_t addr)
{
    CU_ASSERT_EQUAL(ASK(l, 0x0A, 0, addr), 0);
    return le32(l->body + 4);
}

static inline void poke(struct line *l, uint32_t addr, uint32_t value)
{
    CU_ASSERT_EQUAL(ASK(l, 0x09, 0, addr, value, 0xFFFFFFFF, 0), 0);
}

/* A block of FLASH_DATA, FLASH_DEFL_DATA or MEM_DATA; @p spoil changes its checksum. */
static inline int line_block(struct line *l, uint8_t op, const uint8_t *data, size_t len,
                             uint32_t seq, uint8_t spoil, size_t trailer)
{
    static uint8_t block[0x8000];
    put32(block, (uint32_t)len);
    put32(block + 4, seq);
    memset(block + 8, 0, 8);
    memcpy(block + 16, data, len);
    line_request(l, op, block, len + 16, checksum(data, len) ^ spoil);
    return line_answer(l, op, 0, trailer);
}

static inline void line_sync(struct line *l)
{
    uint8_t data[36];
    memset(data, 0x55, sizeof data);
    memcpy(data, "\x07\x07\x12\x20", 4);
    line_request(l, 0x08, data, sizeof data, 0);
}

/* SYNC and its 8 answers; the number that came. */
static inline unsigned line_sync_count(struct line *l, uint32_t value, size_t trailer)
{
    unsigned count = 0;
    line_sync(l);
    for (int status; (status = line_answer(l, 0x08, 0, trailer)) >= 0; count++) {
        CU_ASSERT_EQUAL(status, 0);
        CU_ASSERT_EQUAL(le32(l->body + 4), value);
    }
    return count;
}

/* A request that the ROM does not know: 8 frames under another op, 01 05 each. */
static inline void check_unknown(struct line *l, uint8_t op, const uint8_t *data,
                                 size_t len)
{
    unsigned count = 0;
    line_request(l, op, data, len, 0);
    for (; line_get(l); count++) {
        CU_ASSERT_EQUAL(l->body[0], 1);
        CU_ASSERT_NOT_EQUAL(l->body[1], op);
        CU_ASSERT_EQUAL(l->body_len, 8 + l->row->trailer);
        CU_ASSERT_EQUAL(l->body[2], l->row->trailer);
        CU_ASSERT_EQUAL(l->body[8], 1);
        CU_ASSERT_EQUAL(l->body[9], 5);
    }
    CU_ASSERT_EQUAL(count, 8);
}

/* As every flash command begins: attach, and tell the size. */
static inline void line_attach(struct line *l, uint32_t size)
{
    if (!l->row->full)
        return;
    CU_ASSERT_EQUAL(ASK(l, 0x0D, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(ASK(l, 0x0B, 0, 0, size, 65536, 4096, 256, 0xFFFF), 0);
}

/* FLASH_BEGIN or FLASH_DEFL_BEGIN with as many words as the ROM takes. */
static inline int line_begin(struct line *l, uint8_t op, uint32_t size, uint32_t blocks,
                             uint32_t offset, uint32_t encrypted)
{
    const uint32_t words[5] = {size, blocks, 0x400, offset, encrypted};
    return line_words(l, op, words, l->row->begin_words, 0, l->row->trailer);
}

#endif
