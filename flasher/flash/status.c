/* SPDX-License-Identifier: Apache-2.0 */
/* Status registers and the SFDP table of the flash chip. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/flash/flash_int.h"

/* Commands of flash chips; rom-protocol.md, 6.2. */
enum {
    STATUS_REGISTERS = 3,
    ENABLE_VOLATILE = 0x50,
    ENABLE_KEPT = 0x06,
    DISABLE = 0x04,
    READ_STATUS = 0x05,
    STATUS_BUSY = 1,
    SFDP = 0x5A,
    SFDP_MAX = 4,
    BUSY_TIME_US = 1000000, /* data sheets have at most some 30 ms */
};

static const uint8_t read_codes[STATUS_REGISTERS] = {READ_STATUS, 0x35, 0x15};
static const uint8_t write_codes[STATUS_REGISTERS] = {0x01, 0x31, 0x11};

static enum em_status begin(struct em_device *dev, const struct em_flash_options *options,
                            const char *subject, unsigned bytes, unsigned max,
                            struct em_error *err)
{
    if (bytes == 0 || bytes > max)
        return em_error_set(err, EM_ERR_USAGE, NULL, "%s: %u bytes, 1 to %u are possible",
                            subject, bytes, max);
    if (dev->secure_download)
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            "in it only writing and erasing are possible",
                            "%s: the chip is in secure download mode", subject);
    return em_flash_attach(dev, options != NULL ? options->spi_connection : NULL, err);
}

enum em_status em_flash_status_read(struct em_device *device,
                                    const struct em_flash_options *options,
                                    unsigned bytes, uint32_t *out, struct em_error *err)
{
    *out = 0;
    enum em_status status =
        begin(device, options, "flash status", bytes, STATUS_REGISTERS, err);
    for (unsigned i = 0; i < bytes && status == EM_OK; i++) {
        struct em_flash_spi spi = {.opcode = read_codes[i], .in_bits = 8};
        uint32_t value;
        status = em_flash_spi_sure(device, &spi, &value, err);
        if (status == EM_OK)
            *out |= value << 8 * i;
    }
    return status;
}

/* A kept register is busy being programmed for a while. */
static enum em_status await_written(struct em_device *dev, struct em_error *err)
{
    int64_t end_us = dev->io->ops->now_us(dev->io) + BUSY_TIME_US;
    struct em_flash_spi spi = {.opcode = READ_STATUS, .in_bits = 8};
    uint32_t value;
    do {
        enum em_status status = em_flash_spi(dev, &spi, &value, err);
        if (status != EM_OK || (value & STATUS_BUSY) == 0)
            return status;
    } while (dev->io->ops->now_us(dev->io) < end_us);
    return em_error_set(err, EM_ERR_CHIP, "power the flash off and on",
                        "flash status: the flash stays busy");
}

static enum em_status write_register(struct em_device *dev, uint8_t opcode,
                                     uint32_t value, uint8_t bits, bool keep,
                                     struct em_error *err)
{
    struct em_flash_spi enable = {.opcode = keep ? ENABLE_KEPT : ENABLE_VOLATILE};
    struct em_flash_spi spi = {.opcode = opcode, .out = value, .out_bits = bits};
    enum em_status status = em_flash_spi(dev, &enable, NULL, err);
    if (status == EM_OK)
        status = em_flash_spi(dev, &spi, NULL, err);
    return status == EM_OK && keep ? await_written(dev, err) : status;
}

enum em_status em_flash_status_write(struct em_device *device,
                                     const struct em_flash_options *options,
                                     unsigned bytes, uint32_t value, bool keep,
                                     struct em_error *err)
{
    enum em_status status =
        begin(device, options, "flash status", bytes, STATUS_REGISTERS, err);
    if (status == EM_OK && bytes < 4 && value >> 8 * bytes != 0)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "flash status: 0x%lx does not fit %u bytes",
                            (unsigned long)value, bytes);
    /* Some chips take both registers in one command only, others one at a time only. */
    if (status == EM_OK && bytes == 2)
        status = write_register(device, write_codes[0], value, 16, keep, err);
    for (unsigned i = 0; i < bytes && status == EM_OK; i++)
        status =
            write_register(device, write_codes[i], value >> 8 * i & 0xFF, 8, keep, err);
    struct em_flash_spi disable = {.opcode = DISABLE};
    return status == EM_OK ? em_flash_spi(device, &disable, NULL, err) : status;
}

enum em_status em_flash_sfdp(struct em_device *device,
                             const struct em_flash_options *options, uint32_t addr,
                             unsigned len, uint8_t *out, struct em_error *err)
{
    uint32_t value;
    enum em_status status = begin(device, options, "SFDP", len, SFDP_MAX, err);
    if (status == EM_OK && addr > 0xFFFFFF)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "SFDP: address 0x%lx does not fit 24 bits",
                            (unsigned long)addr);
    struct em_flash_spi spi = {.opcode = SFDP,
                               .addr_bits = 24,
                               .dummy_bits = 8,
                               .addr = addr,
                               .in_bits = (uint8_t)(len * 8)};
    if (status == EM_OK)
        status = em_flash_spi_sure(device, &spi, &value, err);
    for (unsigned i = 0; i < len && status == EM_OK; i++)
        out[i] = (uint8_t)(value >> 8 * i);
    return status;
}
