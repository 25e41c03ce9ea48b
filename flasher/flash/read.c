/* SPDX-License-Identifier: Apache-2.0 */
/* Reading flash. Nothing protects the bytes on the line, so each chunk is compared with
 * the digest that the chip reckons of it. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/flash/flash_int.h"

#include <stdlib.h>
#include <string.h>

enum {
    READ_PACKET = 4096,        /* of a stub */
    READ_UNACKED = 64,         /* packets that may be under way; rom-protocol.md, 3.4 */
    STEP_MIN = 256,            /* read at a time on the worst of lines */
    STEP_S = 1,                /* about as long as a step of a stub may take */
    BITS = 10,                 /* of a byte on the line */
    FRAME_TIME_US = 3000000,   /* between frames of a stub */
    ROM_STEP = EM_FLASH_SECTOR /* read again at a time when it was garbled */
};

size_t em_flash_read_step(const struct em_device *dev)
{
    size_t step = EM_FLASH_READ_CHUNK;
    if (!dev->stub)
        return ROM_STEP;
    /* Between steps progress is told and the user may stop: not too seldom on slow lines.
     */
    while (step > 2 * READ_PACKET && step / 2 >= dev->baud / BITS * STEP_S)
        step /= 2;
    return step;
}

static enum em_status read_by_rom(struct em_device *dev, uint32_t addr, uint8_t *out,
                                  size_t len, bool *good, struct em_error *err)
{
    for (size_t at = 0; at < len; at += EM_ROM_READ_SLOW_MAX) {
        size_t part = len - at < EM_ROM_READ_SLOW_MAX ? len - at : EM_ROM_READ_SLOW_MAX;
        enum em_status status = em_rom_read_flash_slow(dev, addr + (uint32_t)at,
                                                       (uint32_t)part, out + at, err);
        if (status != EM_OK)
            return status;
    }
    return em_flash_same(dev, addr, out, len, good, err);
}

static enum em_status begin_stream(struct em_device *dev, uint32_t addr, size_t len,
                                   struct em_error *err)
{
    uint8_t data[16];
    em_put_le32(data, addr);
    em_put_le32(data + 4, (uint32_t)len);
    em_put_le32(data + 8, READ_PACKET);
    em_put_le32(data + 12, READ_UNACKED);
    struct em_rom_request request = {
        .op = EM_OP_READ_FLASH, .data = data, .len = sizeof data};
    return em_rom_command(dev, &request, NULL, err);
}

/* Packets without a header, each acknowledged by the bytes so far, then a digest. *good
 * false: they are not what was asked for. */
static enum em_status read_by_stub(struct em_device *dev, uint32_t addr, uint8_t *out,
                                   size_t len, bool *good, struct em_error *err)
{
    const uint8_t *frame;
    size_t frame_len;
    uint8_t md5[EM_FLASH_MD5_LEN];
    *good = false;
    enum em_status status = begin_stream(dev, addr, len, err);
    for (size_t at = 0; status == EM_OK && at < len; at += frame_len) {
        status = em_rom_receive_raw(dev, FRAME_TIME_US, &frame, &frame_len, err);
        if (status != EM_OK)
            return status;
        size_t wanted = len - at < READ_PACKET ? len - at : READ_PACKET;
        if (frame_len != wanted)
            return em_error_set(err, EM_ERR_LINK, "use a lower --baud",
                                "read: a packet of %zu bytes instead of %zu", frame_len,
                                wanted);
        memcpy(out + at, frame, frame_len);
        uint8_t ack[4];
        em_put_le32(ack, (uint32_t)(at + frame_len));
        status = em_rom_send_raw(dev, ack, sizeof ack, err);
    }
    if (status == EM_OK)
        status = em_rom_receive_raw(dev, FRAME_TIME_US, &frame, &frame_len, err);
    if (status == EM_OK)
        status = em_flash_md5(md5, out, len, err);
    if (status != EM_OK || frame_len != sizeof md5 || memcmp(md5, frame, sizeof md5) != 0)
        return status;
    /* That proves the bytes, but not that they are from where they should be: the request
     * may have been garbled too. */
    return em_flash_same_md5(dev, addr, len, md5, good, err);
}

enum em_status em_flash_read_chunk(struct em_device *dev, uint32_t addr, uint8_t *out,
                                   size_t len, struct em_error *err)
{
    size_t step = em_flash_read_step(dev);
    uint32_t failed = 0;
    for (size_t at = 0; at < len;) {
        size_t part = len - at < step ? len - at : step;
        bool good;
        enum em_status status =
            dev->stub ? read_by_stub(dev, addr + (uint32_t)at, out + at, part, &good, err)
                      : read_by_rom(dev, addr + (uint32_t)at, out + at, part, &good, err);
        if (status == EM_OK && good) {
            at += part;
            failed = 0;
            continue;
        }
        if (status != EM_OK && !em_flash_may_retry(status))
            return status;
        /* A smaller piece has better chances. */
        if (step > STEP_MIN)
            step /= 4;
        else if (++failed >= dev->settings.write_block_attempts)
            return status != EM_OK
                       ? status
                       : em_error_set(err, EM_ERR_LINK,
                                      "check the cable, or use a lower --baud",
                                      "read: flash at 0x%lx comes garbled each time",
                                      (unsigned long)addr + at);
        if (status != EM_OK || dev->stub) {
            status = em_flash_resync(dev, err);
            if (status != EM_OK)
                return status;
        }
    }
    return EM_OK;
}

/* Where reading ends, and whether it may. */
static enum em_status prepare(struct em_device *device,
                              const struct em_flash_options *options, uint32_t addr,
                              uint64_t *len, struct em_error *err)
{
    struct em_flash_space space;
    enum em_status status = em_flash_need_md5(device, "read", err);
    if (status == EM_OK)
        status = em_flash_open(device, options, &space, err);
    if (status != EM_OK)
        return status;
    if (*len == EM_FLASH_ALL && space.end == 0)
        return em_error_set(err, EM_ERR_USAGE, "tell it by --flash-size",
                            "read: the size of the flash is not known (id 0x%06lx)",
                            (unsigned long)device->flash.id);
    if (*len == EM_FLASH_ALL)
        *len = space.end > addr ? space.end - addr : 0;
    return em_flash_fits(device, &space, "read", addr, *len, err);
}

enum em_status em_flash_read(struct em_device *device,
                             const struct em_flash_options *options, uint32_t addr,
                             uint64_t len, em_flash_sink *sink, void *user,
                             struct em_error *err)
{
    static const char stage[] = "reading";
    uint8_t *chunk = malloc(EM_FLASH_READ_CHUNK);
    if (chunk == NULL)
        return em_error_nomem(err);
    em_rom_begin(device, stage);
    enum em_status status = prepare(device, options, addr, &len, err);
    if (status == EM_OK)
        status = em_rom_progress(device, stage, 0, len, err);
    size_t step = em_flash_read_step(device);
    for (uint64_t at = 0; status == EM_OK && at < len;) {
        size_t part = len - at < step ? (size_t)(len - at) : step;
        status = em_flash_read_chunk(device, addr + (uint32_t)at, chunk, part, err);
        if (status == EM_OK)
            status = sink(user, chunk, part, err);
        at += part;
        if (status == EM_OK)
            status = em_rom_progress(device, stage, at, len, err);
    }
    free(chunk);
    return em_rom_end(device, stage, status);
}
