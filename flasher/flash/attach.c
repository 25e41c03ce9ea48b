/* SPDX-License-Identifier: Apache-2.0 */
/* First contact with the flash chip: its pins, waking it up, its id. */
#include "config.h"

#include "flasher/flash/flash_int.h"

/* Commands of flash chips (JESD216, and rom-protocol.md, 6.1). */
enum {
    FLASH_RDID = 0x9F,
    FLASH_SFDP = 0x5A,
    FLASH_RESET_ENABLE = 0x66,
    FLASH_RESET = 0x99,
    RESET_TIME_US = 1000,
    SFDP_VENDOR_ADDR = 0x10,
    VENDOR_XMC = 0x20,
};

/* Some XMC chips start in a state in which they do not answer as they should; these ids
 * are those of chips that are fine. */
static const struct {
    uint8_t type, first, last;
} xmc_fine[] = {{0x40, 0x13, 0x20}, {0x41, 0x17, 0x20}, {0x50, 0x15, 0x16}};

static const struct em_flash_spi rdid = {.opcode = FLASH_RDID, .in_bits = 24};

static bool is_fine_xmc(uint32_t id)
{
    if ((id & 0xFF) != VENDOR_XMC)
        return false;
    uint32_t type = id >> 8 & 0xFF;
    uint32_t capacity = id >> 16 & 0xFF;
    for (size_t i = 0; i < sizeof xmc_fine / sizeof xmc_fine[0]; i++) {
        if (type == xmc_fine[i].type && capacity >= xmc_fine[i].first &&
            capacity <= xmc_fine[i].last)
            return true;
    }
    return false;
}

/* Bare commands, each followed by a pause that the flash chip asks for. */
struct bare {
    uint8_t opcode;
    int64_t pause_us;
};

static enum em_status send_bare(struct em_device *dev, const struct bare *commands,
                                size_t count, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = 0; i < count && status == EM_OK; i++) {
        struct em_flash_spi spi = {.opcode = commands[i].opcode};
        status = em_flash_spi(dev, &spi, NULL, err);
        if (status == EM_OK && commands[i].pause_us > 0)
            dev->io->ops->sleep_us(dev->io, commands[i].pause_us);
    }
    return status;
}

/* The start-up check that XMC asks for: whose id is wrong but whose SFDP table says XMC
 * is woken up by a sequence of its data sheet. */
static enum em_status wake_xmc(struct em_device *dev, uint32_t *id, struct em_error *err)
{
    static const struct bare sequence[] = {
        {0xB9, 0}, {0x79, 0}, {0xFF, 2000}, {0xAB, 20}};
    if (is_fine_xmc(*id))
        return EM_OK;
    struct em_flash_spi sfdp = {.opcode = FLASH_SFDP,
                                .addr_bits = 24,
                                .addr = SFDP_VENDOR_ADDR,
                                .dummy_bits = 8,
                                .in_bits = 8};
    uint32_t vendor;
    enum em_status status = em_flash_spi(dev, &sfdp, &vendor, err);
    if (status != EM_OK || vendor != VENDOR_XMC)
        return status;
    status = send_bare(dev, sequence, sizeof sequence / sizeof sequence[0], err);
    if (status == EM_OK)
        status = em_flash_spi_sure(dev, &rdid, id, err);
    if (status == EM_OK && !is_fine_xmc(*id))
        em_rom_log(dev, EM_LOG_WARNING, "the flash may fail: try to power it off and on",
                   "flash: XMC chip 0x%06lx does not pass its start-up check",
                   (unsigned long)*id);
    return status;
}

static bool is_silent(uint32_t id)
{
    return id == 0 || id == 0xFFFFFF || id == 0xFFFF3F;
}

static enum em_status wake(struct em_device *dev, struct em_error *err)
{
    static const struct bare reset[] = {{FLASH_RESET_ENABLE, 0},
                                        {FLASH_RESET, RESET_TIME_US}};
    uint32_t id;
    enum em_status status = em_flash_spi_sure(dev, &rdid, &id, err);
    if (status == EM_OK)
        status = wake_xmc(dev, &id, err);
    if (status != EM_OK)
        return status;
    if (is_silent(id))
        em_rom_log(dev, EM_LOG_WARNING,
                   "check power and pins of the flash, or use --spi-connection",
                   "flash: no answer (id 0x%06lx)", (unsigned long)id);
    dev->flash.id = id;
    return send_bare(dev, reset, sizeof reset / sizeof reset[0], err);
}

/* Connect the SPI controller to the pins. */
static enum em_status connect_pins(struct em_device *dev, const char *text,
                                   uint32_t *pins_out, struct em_error *err)
{
    bool told = text != NULL;
    enum em_status status = EM_OK;
    *pins_out = 0;
    if (told)
        status = em_flash_pins_parse(pins_out, dev->chip, text, err);
    else if (!dev->stub && !dev->secure_download)
        status = em_flash_pins_fused(pins_out, dev, err);
    if (status != EM_OK)
        return status;
    if (!em_flash_is_full(dev) && *pins_out != 0)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "leave --spi-connection away",
                            "SPI connection: the %s has its flash on fixed pins",
                            dev->chip->name);
    if (dev->stub && !told)
        return EM_OK; /* it attached the flash when it started */
    uint32_t tries = 0;
    do {
        status = em_rom_spi_attach(dev, *pins_out, err);
    } while (em_flash_again(dev, status, &tries));
    return status;
}

enum em_status em_flash_attach(struct em_device *dev, const char *spi_connection,
                               struct em_error *err)
{
    uint32_t pins;
    if (dev->chip == NULL)
        return em_error_set(err, EM_ERR_UNSUPPORTED, NULL, "flash: which chip is it?");
    if (dev->flash.attached) {
        if (spi_connection == NULL)
            return EM_OK;
        enum em_status parsed =
            em_flash_pins_parse(&pins, dev->chip, spi_connection, err);
        if (parsed != EM_OK || pins == dev->flash.pins)
            return parsed;
    }
    dev->flash.attached = false;
    dev->flash.size = 0;
    dev->flash.id = 0;
    enum em_status status = connect_pins(dev, spi_connection, &pins, err);
    if (status == EM_OK && !dev->secure_download)
        status = wake(dev, err);
    if (status != EM_OK)
        return status;
    dev->flash.pins = pins;
    dev->flash.attached = true;
    return EM_OK;
}
