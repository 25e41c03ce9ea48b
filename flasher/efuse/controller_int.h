/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the eFuse controller: read all blocks, burn one. */
#ifndef FLASHER_EFUSE_CONTROLLER_INT_H
#define FLASHER_EFUSE_CONTROLLER_INT_H

#include "flasher/efuse/table_int.h"

/** One register write. */
struct em_efuse_write {
    uint32_t addr;
    uint32_t value;
    uint32_t mask;     /* bits that change; 0: none, only the pause */
    uint32_t delay_us; /* pause after it, kept by the chip */
};

/** What is behind the controller's registers: a chip at the end of a wire, or a model. */
struct em_efuse_bus {
    enum em_status (*read_reg)(void *user, uint32_t addr, uint32_t *out,
                               struct em_error *err);
    /** In this order. Writes that are one call must reach the chip as one command, no
     * more than EM_EFUSE_PGM_WORDS of them: the chip may not look at its eFuses between
     * a read command and the pause after it. */
    enum em_status (*write_regs)(void *user, const struct em_efuse_write *writes,
                                 size_t count, struct em_error *err);
    void (*sleep_ms)(void *user, unsigned ms);
    void *user;
};

/** A controller and how to reach it. Nothing is owned. */
struct em_efuse_controller {
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    const struct em_efuse_bus *bus;
    unsigned xtal_mhz;
};

/** Errors of a block. */
struct em_efuse_errors {
    unsigned count; /* mended by the code */
    bool fail;      /* cannot be mended; ESP32: any error under a coding scheme */
};

/** All there is to read. */
struct em_efuse_state {
    uint32_t words[EM_EFUSE_BLOCKS_MAX][EM_EFUSE_WORDS_MAX];
    struct em_efuse_errors errors[EM_EFUSE_BLOCKS_MAX];
    uint32_t repeat[EM_EFUSE_WORDS_MAX]; /* bits of BLOCK0 whose copies differ; word 0
                                            has no register and reads 0 */
    enum em_efuse_scheme scheme;         /* of blocks 1 to 3 of the ESP32 */
};

/** How a burn went; filled as far as it came, whatever the status. */
struct em_efuse_burn {
    unsigned attempts; /* program commands sent */
    bool lost;         /* a program command was sent and nothing came back after it */
    bool incomplete;   /* some bits did not take, or cannot be seen (BLOCK0) */
    struct em_efuse_errors before, after;
};

/**
 * Make @p out. EM_ERR_UNSUPPORTED: no eFuse table for the chip. A crystal that does not
 * fit is not a fault before something is burned.
 */
enum em_status em_efuse_controller_init(struct em_efuse_controller *out,
                                        const struct em_chip *chip,
                                        const struct em_efuse_bus *bus, unsigned xtal_mhz,
                                        struct em_error *err);

/**
 * Read every block and its errors, as the controller shows them now.
 * EM_ERR_UNSUPPORTED: an ESP32 with the repeat coding; what was read is in *out.
 */
enum em_status em_efuse_read_all(const struct em_efuse_controller *ctl,
                                 struct em_efuse_state *out, struct em_error *err);

/** Have the controller load its copy of the array anew. */
enum em_status em_efuse_reload(const struct em_efuse_controller *ctl,
                               struct em_error *err);

/** Bytes of user data in a block: fewer than its words with a coding of the ESP32. */
size_t em_efuse_block_bytes(const struct em_efuse_block *block,
                            enum em_efuse_scheme scheme);

/**
 * Burn the ones of @p data (em_efuse_block_bytes() of them) into a block, up to three
 * times until no error and no missing bit is seen, and clear all program and check
 * registers afterwards, also when it fails. Whether the burn is allowed is for the caller
 * to know. With EM_ERR_LINK and @c lost, the bits may have cut the line themselves.
 * EM_ERR_UNSUPPORTED: no timing for the crystal. EM_ERR_CHIP: the controller does not
 * become idle. EM_ERR_VERIFY: the block does not hold what it should.
 */
enum em_status em_efuse_burn_block(const struct em_efuse_controller *ctl, unsigned block,
                                   const uint8_t *data, struct em_efuse_burn *burn_out,
                                   struct em_error *err);

/* Between the files of the controller. */
/** em_efuse_read_all() of BLOCK0 and block @p only alone; the others read as 0. */
enum em_status em_efuse_read_some(const struct em_efuse_controller *ctl, int only,
                                  struct em_efuse_state *out, struct em_error *err);
enum em_status em_efuse_wait_idle(const struct em_efuse_controller *ctl,
                                  struct em_error *err);
enum em_status em_efuse_put(const struct em_efuse_controller *ctl, uint32_t off,
                            const uint32_t *words, size_t count, struct em_error *err);
enum em_status em_efuse_get(const struct em_efuse_controller *ctl, uint32_t off,
                            uint32_t *words, size_t count, struct em_error *err);
enum em_status em_efuse_read_errors(const struct em_efuse_controller *ctl,
                                    const struct em_efuse_block *block,
                                    struct em_efuse_errors *out, uint32_t *repeat_out,
                                    struct em_error *err);

#endif
