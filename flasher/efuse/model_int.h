/* SPDX-License-Identifier: Apache-2.0 */
/* eFuses as silicon has them: blocks that only gain bits, behind a controller's
 * registers. */
#ifndef FLASHER_EFUSE_MODEL_INT_H
#define FLASHER_EFUSE_MODEL_INT_H

#include "base/error_int.h"
#include "flasher/chip/chip_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The eFuses of one chip and their controller. */
struct em_efuse_model;

/** What the model follows. */
enum em_efuse_style {
    /** Silicon: program registers stay as written until somebody clears them; wrong
     * timing makes weak burns; error registers are found by decoding. */
    EM_EFUSE_SILICON,
    /** The virtual chip of published tools: it clears program registers by itself, takes
     * any timing, and its error registers are plain memory. */
    EM_EFUSE_VIRTUAL,
};

/** Called for every bit that goes from 0 to 1; @p bit counts from the start of what the
 * array stores for the block, or from its separate check bytes if @p check (blocks with
 * Reed-Solomon code). With the 3/4 coding of the ESP32 check bytes stand among the data:
 * @p bit counts through them, @p check tells which they are. */
typedef void em_efuse_burned(void *user, unsigned block, unsigned bit, bool check);

/** EM_ERR_UNSUPPORTED: there is no table for the chip. */
enum em_status em_efuse_model_new(struct em_efuse_model **out, const struct em_chip *chip,
                                  struct em_error *err);
void em_efuse_model_free(struct em_efuse_model *model);

/** Default: EM_EFUSE_SILICON. */
void em_efuse_model_set_style(struct em_efuse_model *model, enum em_efuse_style style);

/** The crystal that the timing registers have to fit; the default is the chip's. */
void em_efuse_model_set_xtal(struct em_efuse_model *model, unsigned mhz);

/** Does @p addr belong to the controller? */
bool em_efuse_model_has(const struct em_efuse_model *model, uint32_t addr);

/** A word as the bus reads it: read windows (protected blocks as zeros), program window,
 * controller registers. */
uint32_t em_efuse_model_read(struct em_efuse_model *model, uint32_t addr);

/** A write from the bus. Commands are done at once; *busy_us_out (0 for other writes)
 * tells how long silicon would have been busy. Commands without their op code in CONF do
 * nothing. With timing registers that do not fit the crystal only about half of the bits
 * take, as on a chip that got too little voltage or time. */
void em_efuse_model_write(struct em_efuse_model *model, uint32_t addr, uint32_t value,
                          int64_t *busy_us_out);

/** Chip reset: registers are lost, read windows are loaded anew. */
void em_efuse_model_reset(struct em_efuse_model *model);

/** Let the next program operation stop after about @p permille of its bits (power cut);
 * which bits, by @p seed. Half of the bits of BLOCK0 that did not take are left with
 * copies that differ: its error registers show them until they are burned again. */
void em_efuse_model_cut(struct em_efuse_model *model, unsigned permille, uint64_t seed);

/** Set bits directly, as the factory does before a chip is sold: MAC, revision. No
 * protection applies, nothing is reported. @p bit counts from the start of the block. */
void em_efuse_model_seed(struct em_efuse_model *model, unsigned block, unsigned bit,
                         unsigned count, uint32_t value);

/** A word of a block as it really is (decoded), protected or not, burned since the last
 * read command or not. */
uint32_t em_efuse_model_word(const struct em_efuse_model *model, unsigned block,
                             unsigned word);

/** Flags of the chip's state that other parts obey: is the number of ones under @p mask
 * odd? (Single bits are so when set; counters of flash encryption count like that.) By
 * the values of the last reset or read command, read protected or not. False without
 * mask. */
bool em_efuse_model_flag(const struct em_efuse_model *model, struct em_chip_mask mask);

/** A field by name or alias ("DIS_DOWNLOAD_MODE"), at most 32 bits, as of the last reset
 * or read command, read protected or not; 0 if the chip has no such field. */
uint32_t em_efuse_model_field(const struct em_efuse_model *model, const char *name);

/** Call @p each for every bit that @p after has and @p before, of the same chip, has not.
 * false, and no call: @p before has one that @p after lacks, which fuses cannot do. */
bool em_efuse_model_diff(const struct em_efuse_model *before,
                         const struct em_efuse_model *after, em_efuse_burned *each,
                         void *user);

void em_efuse_model_on_burn(struct em_efuse_model *model, em_efuse_burned *burned,
                            void *user);

/**
 * All state of the blocks and registers as the file form of published tools' virtual
 * eFuses: the register window turned upside down. Read windows cannot tell what is read
 * protected, nor check bytes, so a section follows that those tools ignore (and cut off
 * when they write): "EMEF", version 1, the number of blocks, two zeros; then of each
 * block its stored bytes and check bytes; then the bits of BLOCK0 whose copies differ.
 * EM_EFUSE_VIRTUAL writes no such section. *out is the caller's.
 */
enum em_status em_efuse_model_save(const struct em_efuse_model *model, uint8_t **out,
                                   size_t *len_out, struct em_error *err);

/** Load it. Without the section, stored bytes are made from the read windows, damaged
 * where the file's error registers say so; no bytes at all are a blank chip.
 * EM_ERR_INPUT: too short, or section and window contradict each other; the model is as
 * it was. */
enum em_status em_efuse_model_load(struct em_efuse_model *model, const uint8_t *data,
                                   size_t len, struct em_error *err);

#endif
