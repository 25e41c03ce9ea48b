/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences by which published tools burn eFuses of simulated chips. */
#ifndef TESTS_TEST_FLASHER_SIM_TRACE_FUSES_UTIL_H
#define TESTS_TEST_FLASHER_SIM_TRACE_FUSES_UTIL_H

#include "tests/test_flasher_sim_trace_util.h"

static struct line line;

static const uint32_t key[8] = {0x03020100, 0xC0DB0504, 0x80000001, 0,
                                0xFFFFFFFF, 0x12345678, 0xA5A5A5A5, 0x7FFFFFFE};

enum { ONES = 108 }; /* bits of the key */

/* ---- Reed-Solomon as the notes have it: GF(256) by 0x11D, 12 symbols, first root
 * alpha^0; the generator is multiplied out here ---- */

static inline uint8_t times(uint8_t a, uint8_t b)
{
    unsigned product = 0, factor = a;
    for (unsigned bits = b; bits != 0; bits >>= 1, factor <<= 1)
        product ^= (bits & 1) != 0 ? factor : 0;
    for (unsigned i = 15; i >= 8; i--)
        product ^= (product >> i & 1) != 0 ? 0x11Du << (i - 8) : 0;
    return (uint8_t)product;
}

static inline void check_words(const uint32_t data[8], uint32_t out[3])
{
    uint8_t generator[13] = {1}, rest[12] = {0}, root = 1; /* highest power first */
    for (unsigned n = 1; n <= 12; n++, root = times(root, 2))
        for (unsigned i = n; i > 0; i--)
            generator[i] ^= times(generator[i - 1], root);
    for (unsigned i = 0; i < 32; i++) {
        uint8_t feed = (uint8_t)(data[i / 4] >> i % 4 * 8) ^ rest[0];
        for (unsigned k = 0; k < 12; k++)
            rest[k] =
                (uint8_t)((k < 11 ? rest[k + 1] : 0) ^ times(feed, generator[k + 1]));
    }
    for (unsigned k = 0; k < 3; k++)
        out[k] = le32(rest + 4 * k);
}

/* ---- sequences of published tools ---- */

static inline void idle(void)
{
    CU_ASSERT_EQUAL(peek(&line, line.row->cmd) & 3, 0);
    CU_ASSERT_EQUAL(peek(&line, line.row->cmd) & 3, 0);
}

static inline uint32_t write_window(unsigned block)
{
    static const uint32_t esp32[] = {0x1C, 0x98, 0xB8, 0xD8};
    return line.row->fuses + (line.row->security == 0 ? esp32[block] : 0);
}

static inline unsigned window_words(unsigned block)
{
    return line.row->security == 0 && block == 0 ? 7 : 8;
}

static inline void reload(void)
{
    for (int i = 0; i < 6; i++) {
        poke(&line, line.row->conf, 0x5AA5);
        CU_ASSERT_EQUAL(ASK(&line, 0x09, 0, line.row->cmd, 1, 0xFFFFFFFF, 0,
                            line.row->uart_date, 0, 0, 1000),
                        0);
        idle();
    }
}

/* Steps 2 to 4 of "one burn"; the timing registers are as after a reset. */
static inline void program(unsigned block, const uint32_t data[8])
{
    uint32_t window = write_window(block), check[3];
    bool esp32 = line.row->security == 0;
    idle();
    for (uint32_t i = 0; i < window_words(block); i++)
        poke(&line, window + 4 * i, data[i]);
    check_words(data, check);
    for (uint32_t i = 0; !esp32 && block > 0 && i < 3; i++)
        poke(&line, window + 0x20 + 4 * i, check[i]);
    poke(&line, line.row->conf, 0x5A5A);
    poke(&line, line.row->cmd, esp32 ? 2 : block << 2 | 2);
    idle();
    for (uint32_t i = 0; i < window_words(block); i++)
        poke(&line, window + 4 * i, 0);
}

static inline void burn(unsigned block, const uint32_t data[8])
{
    program(block, data);
    reload();
}

static inline void burn_word0(unsigned block, unsigned word, uint32_t value)
{
    uint32_t data[8] = {0};
    data[word] = value;
    burn(block, data);
}

static inline bool has_key(void)
{
    bool same = true;
    for (uint32_t i = 0; i < 8; i++)
        same = same && peek(&line, line.row->key_read + 4 * i) == key[i];
    return same;
}

static inline bool has_none(void)
{
    bool none = true;
    for (uint32_t i = 0; i < 8; i++)
        none = none && peek(&line, line.row->key_read + 4 * i) == 0;
    return none;
}

/* Error registers, efuse-controller.csv; ESP32's coding status. */
static inline bool has_errors(void)
{
    static const struct {
        const char *chip;
        uint32_t rs, repeat;
        unsigned rs_words;
    } regs[] = {
        {"esp32", 0x3FF5A11C, 0x3FF5A11C, 1},    {"esp32s2", 0x3F41A194, 0x3F41A17C, 2},
        {"esp32s3", 0x600071C0, 0x6000717C, 2},  {"esp32c2", 0x60008884, 0x60008880, 1},
        {"esp32c3", 0x600089C0, 0x6000897C, 2},  {"esp32c5", 0x600B4990, 0x600B497C, 2},
        {"esp32c6", 0x600B09C0, 0x600B097C, 2},  {"esp32c61", 0x600B49C0, 0x600B497C, 2},
        {"esp32h2", 0x600B09C0, 0x600B097C, 2},  {"esp32h21", 0x600B41C0, 0x600B417C, 2},
        {"esp32h4", 0x600B1990, 0x600B197C, 2},  {"esp32p4", 0x5012D1C0, 0x5012D17C, 2},
        {"esp32s31", 0x20715188, 0x20715168, 2}, {"esp32e22", 0xC4008190, 0xC400817C, 2},
    };
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        if (strcmp(regs[i].chip, line.row->chip) != 0)
            continue;
        return peek(&line, regs[i].rs) != 0 || peek(&line, regs[i].repeat) != 0 ||
               (regs[i].rs_words == 2 && peek(&line, regs[i].rs + 4) != 0);
    }
    return true;
}

#endif
