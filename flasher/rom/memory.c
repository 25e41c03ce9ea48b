/* SPDX-License-Identifier: Apache-2.0 */
/* Words and areas of a chip's memory, and programs for its RAM. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"
#include "flasher/image/image_int.h"

enum em_status em_device_read_word(struct em_device *device, uint32_t addr, uint32_t *out,
                                   struct em_error *err)
{
    return em_rom_read_reg(device, addr, out, err);
}

enum em_status em_device_write_word(struct em_device *device, uint32_t addr,
                                    uint32_t value, uint32_t mask, uint32_t delay_us,
                                    struct em_error *err)
{
    return em_rom_write_regs(
        device, &(const struct em_rom_write){addr, value, mask, delay_us}, 1, err);
}

enum em_status em_device_read_memory(struct em_device *device, uint32_t addr,
                                     uint8_t *out, size_t len, struct em_error *err)
{
    if (addr % 4 != 0 || len % 4 != 0 || len > UINT32_MAX ||
        (len > 0 && addr > UINT32_MAX - (uint32_t)(len - 1)))
        return em_error_set(err, EM_ERR_USAGE,
                            "address and length have to be multiples of 4",
                            "memory of %zu bytes from 0x%08lx is no row of words", len,
                            (unsigned long)addr);
    static const char stage[] = "reading memory";
    enum em_status status = EM_OK;
    em_rom_begin(device, stage);
    for (size_t at = 0; status == EM_OK && at < len; at += 4) {
        uint32_t word = 0;
        status = em_rom_read_reg(device, addr + (uint32_t)at, &word, err);
        em_put_le32(out + at, word);
        if (status == EM_OK)
            status = em_rom_progress(device, stage, at + 4, len, err);
    }
    return em_rom_end(device, stage, status);
}

enum em_status em_device_load_ram(struct em_device *device, const uint8_t *image,
                                  size_t len, struct em_error *err)
{
    static const char stage[] = "loading RAM";
    struct em_image parsed;
    enum em_status status = em_image_parse(&parsed, image, len, device->chip, err);
    if (status == EM_OK)
        status = em_image_check_kind(&parsed, device->chip, err);
    /* Nothing is sent before all segments are known to be allowed. */
    for (size_t i = 0; i < parsed.count && status == EM_OK; i++)
        status = em_rom_stub_guard(device, parsed.segments[i].addr,
                                   parsed.segments[i].len, err);
    if (status != EM_OK)
        return status;
    em_rom_begin(device, stage);
    for (size_t i = 0; i < parsed.count && status == EM_OK; i++) {
        const struct em_image_segment *segment = &parsed.segments[i];
        if (segment->len > 0)
            status = em_rom_load_memory(device, segment->addr, segment->data,
                                        segment->len, err);
        if (status == EM_OK)
            status = em_rom_progress(device, stage, i + 1, parsed.count, err);
    }
    if (status == EM_OK)
        status = em_rom_start(device, parsed.entry, err);
    return em_rom_end(device, stage, status);
}
