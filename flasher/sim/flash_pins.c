/* SPDX-License-Identifier: Apache-2.0 */
/* The flash chip's commands, as they come over its pins. */
#include "config.h"

#include "flasher/sim/flash_int.h"

#include <string.h>

/* Opcodes that serial NOR flashes of all vendors share (JESD216, W25Q32JV). */
enum {
    WRITE_STATUS = 0x01,
    PAGE_PROGRAM = 0x02,
    READ = 0x03,
    WRITE_DISABLE = 0x04,
    READ_STATUS = 0x05,
    WRITE_ENABLE = 0x06,
    WRITE_STATUS3 = 0x11,
    READ_STATUS3 = 0x15,
    SECTOR_ERASE = 0x20,
    WRITE_STATUS2 = 0x31,
    READ_STATUS2 = 0x35,
    WRITE_ENABLE_VOLATILE = 0x50,
    READ_SFDP = 0x5A,
    CHIP_ERASE_2 = 0x60,
    RESET_ENABLE = 0x66,
    RESET = 0x99,
    READ_ID = 0x9F,
    RELEASE = 0xAB,
    POWER_DOWN = 0xB9,
    CHIP_ERASE = 0xC7,
    BLOCK_ERASE = 0xD8,
};

enum { STATUS_ENABLED = 0x02 };

/* Bits of a status register that a write can change: not busy and write enable. */
static const uint8_t writable[3] = {0xFC, 0xFF, 0xFF};

static void read_bytes(const struct em_sim_spi *spi, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < spi->in_len; i++)
        spi->in[i] = data[i < len ? i : len - 1];
}

static void read_status(const struct em_sim_flash *flash, const struct em_sim_spi *spi,
                        unsigned which)
{
    uint8_t value = flash->status[which];
    if (which == 0 && flash->enabled)
        value |= STATUS_ENABLED;
    read_bytes(spi, &value, 1);
}

static void write_status(struct em_sim_flash *flash, const struct em_sim_spi *spi,
                         unsigned first, unsigned max)
{
    if (!flash->enabled && !flash->enabled_volatile)
        return;
    for (unsigned i = 0; i < max && i < spi->out_len; i++) {
        flash->status[first + i] = spi->out[i] & writable[first + i];
        if (flash->enabled)
            flash->kept[first + i] = flash->status[first + i];
    }
    flash->enabled = flash->enabled_volatile = false;
}

static void read_array(const struct em_sim_flash *flash, const struct em_sim_spi *spi)
{
    for (size_t i = 0; i < spi->in_len; i++)
        spi->in[i] = flash->data[(spi->addr + i) % flash->size];
}

static void read_sfdp(const struct em_sim_flash *flash, const struct em_sim_spi *spi)
{
    for (size_t i = 0; i < spi->in_len; i++)
        spi->in[i] = spi->addr + i < EM_SIM_SFDP_LEN ? flash->sfdp[spi->addr + i] : 0xFF;
}

/* What needs a write enable before it. */
static int64_t change(struct em_sim_flash *flash, const struct em_sim_spi *spi)
{
    uint64_t addr = spi->addr % flash->size;
    if (!flash->enabled)
        return 0;
    flash->enabled = false;
    switch (spi->opcode) {
    case PAGE_PROGRAM: {
        /* Within the page: what runs over its end comes back at its start. */
        int64_t us = 0;
        size_t room = EM_SIM_PAGE - addr % EM_SIM_PAGE;
        size_t n = spi->out_len < room ? spi->out_len : room;
        us = em_sim_flash_program(flash, addr, spi->out, n);
        (void)em_sim_flash_program(flash, addr - addr % EM_SIM_PAGE, spi->out + n,
                                   spi->out_len - n); /* in the same time */
        return us;
    }
    case SECTOR_ERASE:
        return em_sim_flash_erase(flash, addr / EM_SIM_SECTOR * EM_SIM_SECTOR,
                                  EM_SIM_SECTOR);
    case BLOCK_ERASE:
        return em_sim_flash_erase(flash, addr / EM_SIM_BLOCK * EM_SIM_BLOCK,
                                  EM_SIM_BLOCK);
    default:
        return em_sim_flash_erase(flash, 0, flash->size);
    }
}

int64_t em_sim_flash_transfer(struct em_sim_flash *flash, const struct em_sim_spi *spi)
{
    const uint8_t id[3] = {(uint8_t)flash->id, (uint8_t)(flash->id >> 8),
                           (uint8_t)(flash->id >> 16)};
    bool reset_armed = flash->reset_armed;
    flash->reset_armed = false;
    if (flash->asleep && spi->opcode != RELEASE)
        return 0;
    switch (spi->opcode) {
    case READ_ID:
        read_bytes(spi, id, sizeof id);
        break;
    case READ_SFDP:
        read_sfdp(flash, spi);
        break;
    case READ_STATUS:
        read_status(flash, spi, 0);
        break;
    case READ_STATUS2:
        read_status(flash, spi, 1);
        break;
    case READ_STATUS3:
        read_status(flash, spi, 2);
        break;
    case WRITE_STATUS:
        write_status(flash, spi, 0, 2);
        break;
    case WRITE_STATUS2:
        write_status(flash, spi, 1, 1);
        break;
    case WRITE_STATUS3:
        write_status(flash, spi, 2, 1);
        break;
    case WRITE_ENABLE:
        flash->enabled = true;
        break;
    case WRITE_ENABLE_VOLATILE:
        flash->enabled_volatile = true;
        break;
    case WRITE_DISABLE:
        flash->enabled = flash->enabled_volatile = false;
        break;
    case READ:
        read_array(flash, spi);
        break;
    case PAGE_PROGRAM:
    case SECTOR_ERASE:
    case BLOCK_ERASE:
    case CHIP_ERASE:
    case CHIP_ERASE_2:
        return change(flash, spi);
    case POWER_DOWN:
        flash->asleep = true;
        break;
    case RELEASE:
        flash->asleep = false;
        break;
    case RESET_ENABLE:
        flash->reset_armed = true;
        break;
    case RESET:
        if (reset_armed) {
            enum em_sim_power power = flash->power;
            em_sim_flash_power_up(flash);
            flash->power = power;
        }
        break;
    default: /* unknown commands do nothing */
        break;
    }
    return 0;
}
