/* SPDX-License-Identifier: Apache-2.0 */
/* The SPI peripheral that the flash hangs on, and the bus with all its addresses. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/sim/sim_int.h"

/* Registers of the peripheral, rom-protocol.md 6.2: CMD and ADDR come first on all chips;
 * bit 18 of CMD starts, the lengths are in bits less one. */
enum {
    SPI_SPACE = 0x100,
    CMD = 0,
    ADDR = 4,
    CMD_USR = 1 << 18,
    USR_ADDR = 1 << 30,
    USR_MISO = 1 << 28,
    USR_MOSI = 1 << 27,
    W_BYTES = 64
};

/* Where @p addr lies in the peripheral, or SPI_SPACE. */
static uint32_t offset_of(const struct em_sim *sim, uint32_t addr)
{
    uint32_t off = addr - sim->chip->spi_base;
    if (off < SPI_SPACE)
        return off;
    off = addr - sim->profile->spi_alias;
    return sim->profile->spi_alias != 0 && off < SPI_SPACE ? off : SPI_SPACE;
}

bool em_sim_spi_has(const struct em_sim *sim, uint32_t addr)
{
    return offset_of(sim, addr) < SPI_SPACE;
}

static uint32_t reg(const struct em_sim *sim, uint32_t off)
{
    return em_sim_memory_read(&sim->memory, sim->chip->spi_base + off);
}

uint32_t em_sim_spi_read(struct em_sim *sim, uint32_t addr)
{
    return reg(sim, offset_of(sim, addr));
}

static size_t length_of(uint32_t bits_less_one)
{
    size_t len = ((size_t)bits_less_one + 8) / 8;
    return len < W_BYTES ? len : W_BYTES;
}

static void transfer(struct em_sim *sim)
{
    const struct em_chip *chip = sim->chip;
    uint32_t usr = reg(sim, chip->spi_usr), usr1 = reg(sim, chip->spi_usr1);
    uint32_t addr = reg(sim, ADDR);
    uint32_t miso = usr1 >> 8 & 0x1FF, mosi = usr1 >> 17 & 0x1FF; /* ESP8266 */
    uint8_t out[W_BYTES], in[W_BYTES] = {0};
    struct em_sim_spi spi = {.opcode = (uint8_t)reg(sim, chip->spi_usr2), .out = out};
    if (chip->spi_miso_dlen != 0) {
        miso = reg(sim, chip->spi_miso_dlen);
        mosi = reg(sim, chip->spi_mosi_dlen);
    }
    for (uint32_t i = 0; i < W_BYTES; i += 4)
        em_put_le32(out + i, reg(sim, chip->spi_w0 + i));
    if ((usr & USR_ADDR) != 0)
        spi.addr = chip->spi_addr_msb ? addr >> (31 - (usr1 >> 26 & 31)) : addr;
    spi.out_len = (usr & (uint32_t)USR_MOSI) != 0 ? length_of(mosi) : 0;
    spi.in = in;
    spi.in_len = (usr & (uint32_t)USR_MISO) != 0 ? length_of(miso) : 0;
    /* Without SPI_ATTACH the pins lead nowhere, and nothing pulls them up. */
    if (sim->attached || sim->mode == EM_SIM_STUB || !chip->rom_full)
        em_sim_spend_flash(sim, em_sim_flash_transfer(&sim->flash, &spi) * 1000);
    if (spi.in_len == 0)
        return;
    if (spi.in_len * 8 > miso + 1) /* bits that were not asked for */
        in[spi.in_len - 1] &= (uint8_t)(0xFF >> (spi.in_len * 8 - (miso + 1)));
    for (uint32_t i = 0; i < (spi.in_len + 3) / 4 * 4; i += 4)
        (void)em_sim_memory_write(&sim->memory, chip->spi_base + chip->spi_w0 + i,
                                  em_get_le32(in + i)); /* the page is there */
}

void em_sim_spi_write(struct em_sim *sim, uint32_t addr, uint32_t value)
{
    uint32_t off = offset_of(sim, addr);
    /* CMD clears itself when the transfer is done, which is at once. */
    bool made = em_sim_memory_write(&sim->memory, sim->chip->spi_base + off,
                                    off == CMD ? 0 : value);
    if (made && off == CMD && (value & CMD_USR) != 0)
        transfer(sim);
}

uint32_t em_sim_bus_read(struct em_sim *sim, uint32_t addr)
{
    addr &= ~(uint32_t)3;
    if (em_sim_fuses_has(sim, addr))
        return em_sim_fuses_read(sim, addr);
    if (em_sim_spi_has(sim, addr))
        return em_sim_spi_read(sim, addr);
    return em_sim_memory_read(&sim->memory, addr);
}

/* Watchdogs take writes only while their protection register holds the key. */
static bool is_locked(const struct em_sim *sim, uint32_t addr)
{
    const struct em_chip *chip = sim->chip;
    bool wdt = addr == chip->wdt_config0 || addr == chip->wdt_config1;
    if (chip->wdt_wprotect != 0 && addr != 0 && wdt)
        return em_sim_memory_read(&sim->memory, chip->wdt_wprotect) != chip->wdt_key;
    if (chip->swd_wprotect != 0 && addr != 0 && addr == chip->swd_conf)
        return em_sim_memory_read(&sim->memory, chip->swd_wprotect) != chip->swd_key;
    return false;
}

bool em_sim_bus_write(struct em_sim *sim, uint32_t addr, uint32_t value)
{
    const struct em_chip *chip = sim->chip;
    addr &= ~(uint32_t)3;
    if (em_sim_fuses_has(sim, addr)) {
        em_sim_fuses_write(sim, addr, value);
        return true;
    }
    if (em_sim_spi_has(sim, addr)) {
        em_sim_spi_write(sim, addr, value);
        return true;
    }
    if (is_locked(sim, addr))
        return true;
    if (chip->watchdog_reset && addr == chip->wdt_config0 && (value >> 31) != 0) {
        /* It counts its own slow clock, some 136 kHz (rom-protocol.md 5.7: 2000 ticks).
         */
        uint32_t ticks = em_sim_memory_read(&sim->memory, chip->wdt_config1);
        sim->boot_at_ns = sim->clock_ns + (int64_t)ticks * 7353;
    }
    return em_sim_memory_write(&sim->memory, addr, value);
}
