/* SPDX-License-Identifier: Apache-2.0 */
/* A NOR flash chip: erasing sets bits, programming clears them. */
#ifndef FLASHER_SIM_FLASH_INT_H
#define FLASHER_SIM_FLASH_INT_H

#include "base/error_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Typical times of a 3 V, 32 to 128 Mbit serial NOR flash, as the data sheets of the
 * W25Q family (W25Q32JV, revision F, table of AC characteristics) give them, in
 * microseconds. Erasing the whole chip is reckoned as erasing its blocks. */
enum {
    EM_SIM_SECTOR_ERASE_US = 45000, /* 4 KiB */
    EM_SIM_BLOCK_ERASE_US = 150000, /* 64 KiB */
    EM_SIM_PAGE_PROGRAM_US = 400,   /* 256 bytes, or a part of them */
};

enum {
    EM_SIM_SECTOR = 4096,
    EM_SIM_BLOCK = 65536,
    EM_SIM_PAGE = 256,
    EM_SIM_FLASH_MIN = 256 * 1024,
    EM_SIM_SFDP_LEN = 256
};

/** How much power is left for the next operation. */
enum em_sim_power { EM_SIM_POWER_GOOD, EM_SIM_POWER_FAILING, EM_SIM_POWER_GONE };

struct em_sim_flash {
    uint8_t *data;
    size_t size;
    bool mapped;
    uint32_t id;
    uint8_t status[3], kept[3]; /* as they are; as they are after power-up */
    bool enabled, enabled_volatile, asleep, reset_armed;
    enum em_sim_power power; /* FAILING: the next operation is done by half, then GONE */
    uint64_t erased_sectors, programmed_bytes;
    uint8_t sfdp[EM_SIM_SFDP_LEN];
};

/** @p path NULL: in memory. @p size 0: that of the file, or 4 MiB. @p id 0: one that
 * fits. EM_ERR_USAGE, EM_ERR_INPUT (the file has another size), EM_ERR_IO, EM_ERR_NOMEM.
 */
enum em_status em_sim_flash_open(struct em_sim_flash *flash, const char *path,
                                 uint64_t size, uint32_t id, struct em_error *err);
void em_sim_flash_close(struct em_sim_flash *flash);
enum em_status em_sim_flash_sync(struct em_sim_flash *flash, struct em_error *err);
void em_sim_flash_power_up(struct em_sim_flash *flash);

/* Both return the microseconds that it takes. What is past the end is left out. */
int64_t em_sim_flash_erase(struct em_sim_flash *flash, uint64_t addr, uint64_t len);
int64_t em_sim_flash_program(struct em_sim_flash *flash, uint64_t addr,
                             const uint8_t *data, size_t len);

/** One command on its pins. */
struct em_sim_spi {
    uint8_t opcode;
    uint32_t addr;
    const uint8_t *out; /* to the chip */
    size_t out_len;
    uint8_t *in; /* from the chip; bytes it does not drive stay 0 */
    size_t in_len;
};
int64_t em_sim_flash_transfer(struct em_sim_flash *flash, const struct em_sim_spi *spi);

#endif
