/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the flash chip, sent by the registers of the SPI controller. */
#include "config.h"

#include "flasher/flash/flash_int.h"

/* rom-protocol.md, 6.2. */
enum {
    SPI_CMD = 0x00,
    SPI_ADDR = 0x04,
    CMD_USR = 1 << 18,
    USR_ADDR = 1 << 30,
    USR_DUMMY = 1 << 29,
    USR_MISO = 1 << 28,
    USR_MOSI = 1 << 27,
    POLLS = 10,
    SURE_TRIES = 5,
    WRITES_MAX = 8,
};
#define USR_COMMAND       (1u << 31)
#define USR2_COMMAND_BITS (7u << 28)

/* What is written before the transaction, the start of it included. */
struct writes {
    const struct em_chip *chip;
    struct em_rom_write write[WRITES_MAX];
    size_t count;
};

static void put(struct writes *w, uint32_t off, uint32_t value)
{
    w->write[w->count++] = (struct em_rom_write){
        .addr = w->chip->spi_base + off, .value = value, .mask = UINT32_MAX};
}

static void prepare(struct writes *w, const struct em_flash_spi *spi)
{
    const struct em_chip *chip = w->chip;
    uint32_t usr1 = 0;
    uint32_t usr = USR_COMMAND;
    if (spi->addr_bits > 0) {
        usr |= USR_ADDR;
        usr1 |= (uint32_t)(spi->addr_bits - 1) << 26;
    }
    if (spi->dummy_bits > 0) {
        usr |= USR_DUMMY;
        usr1 |= (uint32_t)(spi->dummy_bits - 1);
    }
    usr |= spi->in_bits > 0 ? (uint32_t)USR_MISO : 0;
    usr |= spi->out_bits > 0 ? (uint32_t)USR_MOSI : 0;
    if (chip->spi_mosi_dlen == 0) {
        usr1 |= spi->in_bits > 0 ? (uint32_t)(spi->in_bits - 1) << 8 : 0;
        usr1 |= spi->out_bits > 0 ? (uint32_t)(spi->out_bits - 1) << 17 : 0;
        put(w, chip->spi_usr1, usr1);
    } else {
        if (spi->out_bits > 0)
            put(w, chip->spi_mosi_dlen, (uint32_t)(spi->out_bits - 1));
        if (spi->in_bits > 0)
            put(w, chip->spi_miso_dlen, (uint32_t)(spi->in_bits - 1));
        if (usr1 != 0)
            put(w, chip->spi_usr1, usr1);
    }
    put(w, chip->spi_usr, usr);
    put(w, chip->spi_usr2, USR2_COMMAND_BITS | spi->opcode);
    if (spi->addr_bits > 0)
        put(w, SPI_ADDR,
            chip->spi_addr_msb ? spi->addr << (32 - spi->addr_bits) : spi->addr);
    put(w, chip->spi_w0, spi->out_bits > 0 ? spi->out : 0);
    put(w, SPI_CMD, CMD_USR);
}

static enum em_status await_done(struct em_device *dev, struct em_error *err)
{
    for (unsigned i = 0; i < POLLS; i++) {
        uint32_t cmd;
        enum em_status status =
            em_rom_read_reg(dev, dev->chip->spi_base + SPI_CMD, &cmd, err);
        if (status != EM_OK || (cmd & CMD_USR) == 0)
            return status;
    }
    return em_error_set(err, EM_ERR_CHIP, "is the flash connected and powered?",
                        "flash: the SPI controller does not come to an end");
}

static enum em_status transact(struct em_device *dev, const struct em_flash_spi *spi,
                               uint32_t *in_out, struct em_error *err)
{
    const struct em_chip *chip = dev->chip;
    uint32_t usr;
    uint32_t usr2;
    uint32_t in = 0;
    enum em_status status =
        em_rom_read_reg(dev, chip->spi_base + chip->spi_usr, &usr, err);
    if (status == EM_OK)
        status = em_rom_read_reg(dev, chip->spi_base + chip->spi_usr2, &usr2, err);
    if (status != EM_OK)
        return status;
    struct writes w = {.chip = chip};
    prepare(&w, spi);
    status = em_rom_write_regs(dev, w.write, w.count, err);
    if (status == EM_OK)
        status = await_done(dev, err);
    if (status == EM_OK && spi->in_bits > 0)
        status = em_rom_read_reg(dev, chip->spi_base + chip->spi_w0, &in, err);
    if (status != EM_OK)
        return status;
    struct writes back = {.chip = chip};
    put(&back, chip->spi_usr, usr);
    put(&back, chip->spi_usr2, usr2);
    if (spi->in_bits > 0 && spi->in_bits < 32)
        in &= (UINT32_C(1) << spi->in_bits) - 1;
    if (in_out != NULL)
        *in_out = in;
    return em_rom_write_regs(dev, back.write, back.count, err);
}

enum em_status em_flash_spi(struct em_device *dev, const struct em_flash_spi *spi,
                            uint32_t *in_out, struct em_error *err)
{
    enum em_status status;
    uint32_t tries = 0;
    do {
        status = transact(dev, spi, in_out, err);
    } while (em_flash_again(dev, status, &tries));
    return status;
}

enum em_status em_flash_spi_sure(struct em_device *dev, const struct em_flash_spi *spi,
                                 uint32_t *in_out, struct em_error *err)
{
    uint32_t before = 0;
    for (unsigned i = 0; i < SURE_TRIES; i++) {
        enum em_status status = em_flash_spi(dev, spi, in_out, err);
        if (status != EM_OK)
            return status;
        if (i > 0 && *in_out == before)
            return EM_OK;
        before = *in_out;
    }
    return em_error_set(err, EM_ERR_LINK, "check the cable, or use a lower --baud",
                        "flash: command 0x%02x answers another value each time",
                        spi->opcode);
}
