/* SPDX-License-Identifier: Apache-2.0 */
/* A device without a port, and data to write, for tests of flasher/flash/. */
#ifndef TESTS_TEST_FLASHER_FLASH_UTIL_H
#define TESTS_TEST_FLASHER_FLASH_UTIL_H

#include "flasher/flash/flash_int.h"

/* Enough of a device for what does not talk to it. */
static inline void em_t_device(struct em_device *dev, const char *chip, bool stub)
{
    memset(dev, 0, sizeof *dev);
    dev->chip = em_chip_find(chip);
    dev->stub = stub;
    dev->flash_block = stub ? EM_ROM_STUB_FLASH_BLOCK : EM_ROM_FLASH_BLOCK;
    dev->settings.write_block_attempts = 3;
    dev->has_info = true;
}

/* Bytes that do not shrink (xorshift, Marsaglia 2003). */
static inline void em_t_random(uint8_t *out, size_t len, uint64_t seed)
{
    uint64_t x = seed * 2654435761u + 88172645463325252u;
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (uint8_t)(x >> 32);
    }
}

/* Bytes that shrink to about a third: words of a small list. */
static inline void em_t_text(uint8_t *out, size_t len, uint64_t seed)
{
    static const char *const words[] = {"flash ",  "sector ", "erase ", "0x4000 ",
                                        "loader ", "verify ", "chip\n", "12345 "};
    uint8_t pick;
    for (size_t i = 0; i < len; seed++) {
        em_t_random(&pick, 1, seed);
        for (const char *w = words[pick % 8]; *w != '\0' && i < len; w++)
            out[i++] = (uint8_t)*w;
    }
}

#endif
