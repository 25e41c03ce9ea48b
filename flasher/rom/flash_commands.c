/* SPDX-License-Identifier: Apache-2.0 */
/* Commands for the flash, in the form that the loader of the device takes. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"
#include "base/hex_int.h"

#include <string.h>

enum {
    MD5_LEN = 16,
    /* Geometry that every SPI flash has; rom-protocol.md, section 3. */
    PARAMS_BLOCK = 65536,
    PARAMS_SECTOR = 4096,
    PARAMS_PAGE = 256,
    PARAMS_STATUS_MASK = 0xFFFF,
};

static void put_words(uint8_t *out, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        em_put_le32(out + 4 * i, words[i]);
}

enum em_status em_rom_flash_begin(struct em_device *dev, bool compressed,
                                  uint32_t erase_size, uint32_t blocks,
                                  uint32_t block_size, uint32_t offset, bool encrypted,
                                  int64_t timeout_us, struct em_error *err)
{
    const uint32_t words[5] = {erase_size, blocks, block_size, offset, encrypted};
    size_t count = dev->stub ? 5 : dev->chip->begin_words;
    uint8_t data[sizeof words];
    if (encrypted && count < 5)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "use a stub (--stub)",
                            "the ROM loader of %s cannot encrypt", dev->chip->name);
    put_words(data, words, count);
    /* A ROM erases before it answers. */
    if (timeout_us == 0 && !dev->stub)
        timeout_us = em_rom_timeout_us(dev, erase_size,
                                       dev->settings.erase_region_timeout_per_mb_ms);
    const struct em_rom_request request = {
        .op = compressed ? EM_OP_FLASH_DEFL_BEGIN : EM_OP_FLASH_BEGIN,
        .data = data,
        .len = 4 * count,
        .timeout_us = timeout_us,
    };
    dev->encrypting = false;
    enum em_status status = em_rom_command(dev, &request, NULL, err);
    dev->encrypting = status == EM_OK && encrypted;
    return status;
}

enum em_status em_rom_flash_data(struct em_device *dev, bool compressed, uint32_t seq,
                                 const uint8_t *data, size_t len, int64_t timeout_us,
                                 struct em_rom_reply *reply, struct em_error *err)
{
    const uint32_t words[4] = {(uint32_t)len, seq, 0, 0};
    uint8_t header[EM_ROM_BLOCK_HEADER];
    put_words(header, words, 4);
    const struct em_rom_request request = {
        .op = compressed ? EM_OP_FLASH_DEFL_DATA : EM_OP_FLASH_DATA,
        .data = header,
        .len = sizeof header,
        .payload = data,
        .payload_len = len,
        .timeout_us = timeout_us,
        .secret = dev->encrypting,
    };
    return em_rom_command(dev, &request, reply, err);
}

enum em_status em_rom_flash_end(struct em_device *dev, bool compressed, bool reboot,
                                int64_t timeout_us, struct em_error *err)
{
    uint8_t data[4];
    em_put_le32(data, !reboot);
    const struct em_rom_request request = {
        .op = compressed ? EM_OP_FLASH_DEFL_END : EM_OP_FLASH_END,
        .data = data,
        .len = sizeof data,
        .timeout_us = timeout_us,
    };
    dev->encrypting = false;
    return em_rom_command(dev, &request, NULL, err);
}

enum em_status em_rom_spi_attach(struct em_device *dev, uint32_t pins,
                                 struct em_error *err)
{
    /* The ROM of the ESP8266 has no such command; an empty write attaches. */
    if (!dev->stub && !dev->chip->rom_full)
        return em_rom_flash_begin(dev, false, 0, 0, EM_ROM_FLASH_BLOCK, 0, false, 0, err);
    uint8_t data[8] = {0}; /* the second word, of ROMs: legacy flag, three of nothing */
    em_put_le32(data, pins);
    const struct em_rom_request request = {
        .op = EM_OP_SPI_ATTACH, .data = data, .len = dev->stub ? 4 : 8};
    return em_rom_command(dev, &request, NULL, err);
}

enum em_status em_rom_spi_set_params(struct em_device *dev, uint32_t total,
                                     struct em_error *err)
{
    if (!dev->stub && !dev->chip->rom_full)
        return EM_OK; /* it takes the size from the image header, when it boots */
    const uint32_t words[6] = {
        0, total, PARAMS_BLOCK, PARAMS_SECTOR, PARAMS_PAGE, PARAMS_STATUS_MASK};
    uint8_t data[sizeof words];
    put_words(data, words, 6);
    const struct em_rom_request request = {
        .op = EM_OP_SPI_SET_PARAMS, .data = data, .len = sizeof data};
    return em_rom_command(dev, &request, NULL, err);
}

/* 32 hexadecimal digits to 16 bytes. */
static enum em_status take_hex(struct em_device *dev, uint8_t out[16],
                               const uint8_t *digits, struct em_error *err)
{
    struct em_buf bytes = {0};
    struct em_error ignored;
    enum em_status status = em_hex_decode(&bytes, digits, 2 * (size_t)MD5_LEN, &ignored);
    if (status == EM_OK)
        memcpy(out, bytes.data, MD5_LEN);
    em_buf_free(&bytes);
    if (status == EM_ERR_NOMEM)
        return em_error_nomem(err);
    if (status != EM_OK)
        return em_error_set(err, EM_ERR_LINK, "check the cable, or use a lower --baud",
                            "port %s: what came as MD5 is no hexadecimal number",
                            dev->io->name);
    return EM_OK;
}

enum em_status em_rom_flash_md5(struct em_device *dev, uint32_t addr, uint32_t len,
                                uint8_t out[16], struct em_error *err)
{
    const uint32_t words[4] = {addr, len, 0, 0};
    uint8_t data[sizeof words];
    put_words(data, words, 4);
    const struct em_rom_request request = {
        .op = EM_OP_SPI_FLASH_MD5,
        .data = data,
        .len = sizeof data,
        .result_len = dev->stub ? MD5_LEN : 2 * MD5_LEN,
        .timeout_us = em_rom_timeout_us(dev, len, dev->settings.md5_timeout_per_mb_ms),
    };
    struct em_rom_reply reply;
    enum em_status status = em_rom_command(dev, &request, &reply, err);
    if (status != EM_OK)
        return status;
    if (!dev->stub)
        return take_hex(dev, out, reply.data, err);
    memcpy(out, reply.data, MD5_LEN);
    return EM_OK;
}

enum em_status em_rom_read_flash_slow(struct em_device *dev, uint32_t addr, uint32_t len,
                                      uint8_t *out, struct em_error *err)
{
    uint8_t data[8];
    if (len > EM_ROM_READ_SLOW_MAX)
        return em_error_set(err, EM_ERR_USAGE, NULL, "%lu bytes at a time, limit %d",
                            (unsigned long)len, EM_ROM_READ_SLOW_MAX);
    em_put_le32(data, addr);
    em_put_le32(data + 4, len);
    const struct em_rom_request request = {
        .op = EM_OP_READ_FLASH_SLOW,
        .data = data,
        .len = sizeof data,
        .result_len = EM_ROM_READ_SLOW_MAX, /* always, whatever was asked for */
    };
    struct em_rom_reply reply;
    enum em_status status = em_rom_command(dev, &request, &reply, err);
    if (status == EM_OK)
        memcpy(out, reply.data, len);
    return status;
}
