/* SPDX-License-Identifier: Apache-2.0 */
/* The codes that guard eFuse blocks against bits that did not take. */
#ifndef FLASHER_EFUSE_CODING_INT_H
#define FLASHER_EFUSE_CODING_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EM_EFUSE_RS_DATA = 32,
    EM_EFUSE_RS_CHECK = 12,
    EM_EFUSE_RS_WORD = 44,
    EM_EFUSE_RS_FAIL = -1, /* more wrong bytes than the code can mend (6) */
    EM_EFUSE_CODED = 32,   /* bytes of a coded block of the ESP32 */
    EM_EFUSE_34_DATA = 24,
    EM_EFUSE_34_GROUPS = 4,
    EM_EFUSE_REPEAT_DATA = 16,
};

/** Reed-Solomon (44,32) over GF(256), polynomial 0x11D, roots 2^0 .. 2^11: the check
 * bytes of @p data, the highest power first. */
void em_efuse_rs_encode(const uint8_t data[EM_EFUSE_RS_DATA],
                        uint8_t check[EM_EFUSE_RS_CHECK]);

/** Mend @p word, data and then check bytes. Returns how many bytes were wrong, and sets
 * *where_out[] (may be NULL; room for 6) to their places in rising order.
 * EM_EFUSE_RS_FAIL: too many; @p word is as it was. */
int em_efuse_rs_decode(uint8_t word[EM_EFUSE_RS_WORD], uint8_t *where_out);

/** 3/4 coding (ESP32): two check bytes after each six bytes. */
void em_efuse_34_encode(const uint8_t data[EM_EFUSE_34_DATA],
                        uint8_t coded[EM_EFUSE_CODED]);

/** Returns the groups that have errors, one bit each. A single wrong bit of a group is
 * mended; with more the data bytes stay as they are. */
unsigned em_efuse_34_decode(const uint8_t coded[EM_EFUSE_CODED],
                            uint8_t data[EM_EFUSE_34_DATA]);

/** The data twice (ESP32). */
void em_efuse_repeat_encode(const uint8_t data[EM_EFUSE_REPEAT_DATA],
                            uint8_t coded[EM_EFUSE_CODED]);

/** Are both halves alike? *data is what either has: bits only ever go missing. */
bool em_efuse_repeat_decode(const uint8_t coded[EM_EFUSE_CODED],
                            uint8_t data[EM_EFUSE_REPEAT_DATA]);

#endif
