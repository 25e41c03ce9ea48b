/* SPDX-License-Identifier: Apache-2.0 */
/* Writing block by block, as the caller has them. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <inttypes.h>
#include <string.h>

static uint32_t blocks_of(uint32_t len, size_t block)
{
    return (uint32_t)(((uint64_t)len + block - 1) / block);
}

static enum em_status check(struct em_device *dev, const struct em_flash_stream *stream,
                            struct em_error *err)
{
    if (stream->addr % EM_FLASH_SECTOR != 0 || stream->len == 0)
        return em_error_set(err, EM_ERR_USAGE, "sectors have 4096 bytes",
                            "begin: %" PRIu32 " bytes at 0x%" PRIx32
                            ", which has to be a multiple of 4096",
                            stream->len, stream->addr);
    if (stream->compressed_len > 0 && !em_flash_is_full(dev))
        return em_error_set(err, EM_ERR_UNSUPPORTED, "send it as it is",
                            "the ROM loader of the %s does not know compressed data",
                            dev->chip->name);
    const uint32_t align = dev->chip->encrypt_align;
    if (stream->encrypt && (align == 0 || stream->addr % align != 0))
        return em_error_set(err, align == 0 ? EM_ERR_UNSUPPORTED : EM_ERR_USAGE,
                            "encrypt it with the chip's key first",
                            "begin: the %s cannot encrypt what it writes at 0x%" PRIx32,
                            dev->chip->name, stream->addr);
    return EM_OK;
}

/* How much BEGIN says will be erased, and what that may take. */
static enum em_status begin(struct em_device *dev, const struct em_flash_stream *stream,
                            struct em_error *err)
{
    size_t block = dev->flash_block;
    bool packed = stream->compressed_len > 0;
    uint32_t sent = packed ? stream->compressed_len : stream->len;
    uint32_t erase = em_flash_erase_size(dev, stream->addr, stream->len);
    /* A ROM that inflates counts the blocks of what comes out. */
    if (packed)
        erase = dev->stub ? stream->len : blocks_of(stream->len, block) * (uint32_t)block;
    enum em_status status =
        em_rom_flash_begin(dev, packed, erase, blocks_of(sent, block), (uint32_t)block,
                           stream->addr, stream->encrypt, 0, err);
    if (status != EM_OK)
        return status;
    dev->flash.left = sent;
    dev->flash.inflated = packed ? stream->len : 0;
    dev->flash.block = block;
    dev->flash.seq = 0;
    dev->flash.open = true;
    return EM_OK;
}

enum em_status em_flash_begin(struct em_device *device,
                              const struct em_flash_stream *stream, size_t *block_out,
                              struct em_error *err)
{
    struct em_flash_space space;
    *block_out = device->flash_block;
    device->flash.open = false;
    enum em_status status = check(device, stream, err);
    if (status == EM_OK)
        status = em_flash_open(device, &stream->flash, &space, err);
    if (status == EM_OK)
        status = em_flash_fits(device, &space, "begin", stream->addr, stream->len, err);
    if (status == EM_OK)
        status = em_flash_check_erase(device, stream->force, err);
    return status == EM_OK ? begin(device, stream, err) : status;
}

/* The block was not taken: its check byte is wrong. */
static bool was_garbled(enum em_status status, const struct em_rom_reply *reply)
{
    return status == EM_ERR_CHIP &&
           (reply->status == EM_STUB_FAULT_CHECKSUM ||
            (reply->status == 1 && reply->fault == EM_ROM_FAULT_CHECKSUM));
}

/* Nobody knows how much comes out of a compressed block, and a stub writes one while it
 * takes the next. */
static int64_t block_time(const struct em_device *dev)
{
    return dev->flash.inflated == 0
               ? 0 /* the default */
               : em_rom_timeout_us(dev, dev->flash.inflated,
                                   dev->settings.erase_write_timeout_per_mb_ms);
}

static enum em_status send(struct em_device *dev, const uint8_t *data, size_t len,
                           struct em_error *err)
{
    for (uint32_t tries = 1;; tries++) {
        struct em_rom_reply reply = {0};
        enum em_status status =
            em_rom_flash_data(dev, dev->flash.inflated > 0, dev->flash.seq, data, len,
                              block_time(dev), &reply, err);
        if (!was_garbled(status, &reply) || tries >= dev->settings.write_block_attempts)
            return status;
    }
}

enum em_status em_flash_block(struct em_device *device, const uint8_t *data, size_t len,
                              struct em_error *err)
{
    uint8_t last[EM_ROM_STUB_FLASH_BLOCK];
    size_t block = device->flash.block;
    size_t wanted = device->flash.left < block ? device->flash.left : block;
    if (!device->flash.open || len == 0 || len != wanted)
        return em_error_set(err, EM_ERR_USAGE, "em_flash_begin() tells the length",
                            "block %" PRIu32 " has %zu bytes, not %zu", device->flash.seq,
                            len, device->flash.open ? wanted : 0);
    size_t sent = len;
    if (len < block && device->flash.inflated == 0) {
        memcpy(last, data, len);
        memset(last + len, 0xFF, block - len);
        data = last;
        sent = block;
    }
    enum em_status status = send(device, data, sent, err);
    device->flash.open = status == EM_OK;
    device->flash.left -= (uint32_t)len;
    device->flash.seq++;
    return status;
}

enum em_status em_flash_end(struct em_device *device, bool run, struct em_error *err)
{
    bool open = device->flash.open;
    device->flash.open = false;
    if (!open)
        return em_error_set(err, EM_ERR_USAGE, "begin the piece again",
                            "end: no piece is being written");
    if (device->flash.left > 0)
        return em_error_set(err, EM_ERR_USAGE, "begin the piece again",
                            "end: %" PRIu32 " bytes are missing", device->flash.left);
    /* It would make a ROM leave; a stub answers it when all is written. */
    enum em_status status = EM_OK;
    if (device->stub)
        status = em_rom_flash_end(device, device->flash.inflated > 0, false,
                                  block_time(device), err);
    return status == EM_OK && run ? em_device_run(device, err) : status;
}

enum em_status em_flash_digest(struct em_device *device,
                               const struct em_flash_options *options, uint32_t addr,
                               uint32_t len, uint8_t out[EM_FLASH_MD5_LEN],
                               struct em_error *err)
{
    struct em_flash_space space;
    uint32_t tries = 0;
    enum em_status status = em_flash_need_md5(device, "digest", err);
    if (status == EM_OK)
        status = em_flash_open(device, options, &space, err);
    if (status == EM_OK)
        status = em_flash_fits(device, &space, "digest", addr, len, err);
    if (status != EM_OK)
        return status;
    do {
        status = em_rom_flash_md5(device, addr, len, out, err);
    } while (em_flash_again(device, status, &tries));
    return status;
}
