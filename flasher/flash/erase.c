/* SPDX-License-Identifier: Apache-2.0 */
/* Erasing: by the commands of a stub, or by beginning to write what never comes. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/flash/flash_int.h"

#include <inttypes.h>

/* Erased at a time, so that progress moves and no time-out is long. */
enum { ERASE_STEP = 1024 * 1024 };

static const char stage[] = "erasing";

enum em_status em_flash_begin_erase(struct em_device *dev, uint32_t addr, uint32_t len,
                                    struct em_error *err)
{
    int64_t time_us =
        em_rom_timeout_us(dev, len, dev->settings.erase_region_timeout_per_mb_ms);
    for (uint32_t tries = 1;; tries++) {
        enum em_status status = em_rom_flash_begin(
            dev, false, em_flash_erase_size(dev, addr, len), len / EM_ROM_FLASH_BLOCK,
            EM_ROM_FLASH_BLOCK, addr, false, time_us, err);
        struct em_error ignored;
        if (!em_flash_may_retry(status) || tries >= dev->settings.write_block_attempts ||
            em_flash_resync(dev, &ignored) != EM_OK)
            return status;
    }
}

static enum em_status erase_step(struct em_device *dev, uint32_t addr, uint32_t len,
                                 struct em_error *err)
{
    if (!dev->stub)
        return em_flash_begin_erase(dev, addr, len, err);
    uint8_t data[8];
    em_put_le32(data, addr);
    em_put_le32(data + 4, len);
    struct em_rom_request request = {
        .op = EM_OP_ERASE_REGION,
        .data = data,
        .len = sizeof data,
        .timeout_us =
            em_rom_timeout_us(dev, len, dev->settings.erase_region_timeout_per_mb_ms)};
    return em_rom_command(dev, &request, NULL, err);
}

static enum em_status erase_range(struct em_device *dev, uint64_t addr, uint64_t len,
                                  struct em_error *err)
{
    uint64_t done = 0;
    em_rom_begin(dev, stage);
    enum em_status status = em_rom_progress(dev, stage, 0, len, err);
    while (status == EM_OK && done < len) {
        uint64_t step = ERASE_STEP - (addr + done) % ERASE_STEP;
        step = step < len - done ? step : len - done;
        status = erase_step(dev, (uint32_t)(addr + done), (uint32_t)step, err);
        done += step;
        if (status == EM_OK)
            status = em_rom_progress(dev, stage, done, len, err);
    }
    return em_rom_end(dev, stage, status);
}

/* The whole chip by one command of a stub. */
static enum em_status erase_by_stub(struct em_device *dev, uint64_t len,
                                    struct em_error *err)
{
    struct em_rom_request request = {
        .op = EM_OP_ERASE_FLASH,
        .timeout_us = (int64_t)dev->settings.chip_erase_timeout_ms * 1000};
    enum em_status status = em_rom_progress(dev, stage, 0, len, err);
    for (uint32_t tries = 1; status == EM_OK; tries++) {
        struct em_error ignored;
        status = em_rom_command(dev, &request, NULL, err);
        if (status == EM_OK)
            return em_rom_progress(dev, stage, len, len, err);
        if (status == EM_ERR_LINK && tries < dev->settings.write_block_attempts &&
            em_flash_resync(dev, &ignored) == EM_OK)
            status = EM_OK;
    }
    return status;
}

/* Where the flash ends. In secure download mode nobody can tell: as far as it may go. */
static enum em_status find_end(struct em_device *dev, const struct em_flash_space *space,
                               uint64_t *out, struct em_error *err)
{
    *out = space->end;
    if (*out == 0 && dev->secure_download)
        *out = EM_FLASH_24BIT_END;
    if (*out == 0)
        return em_error_set(err, EM_ERR_USAGE, "tell it by --flash-size",
                            "erase: the size of the flash is not known (id 0x%06lx)",
                            (unsigned long)dev->flash.id);
    return EM_OK;
}

enum em_status em_flash_erase_chip(struct em_device *dev,
                                   const struct em_flash_space *space,
                                   struct em_error *err)
{
    uint64_t end;
    if (dev->stub) {
        em_rom_begin(dev, stage);
        return em_rom_end(dev, stage, erase_by_stub(dev, space->end, err));
    }
    enum em_status status = find_end(dev, space, &end, err);
    if (status == EM_OK)
        status = em_flash_fits(dev, space, "erase", 0, end, err);
    return status == EM_OK ? erase_range(dev, 0, end, err) : status;
}

enum em_status em_flash_erase_all(struct em_device *device,
                                  const struct em_flash_options *options, bool force,
                                  struct em_error *err)
{
    struct em_flash_space space;
    enum em_status status = em_flash_open(device, options, &space, err);
    if (status == EM_OK)
        status = em_flash_check_erase(device, force, err);
    return status == EM_OK ? em_flash_erase_chip(device, &space, err) : status;
}

enum em_status em_flash_erase(struct em_device *device,
                              const struct em_flash_options *options, uint32_t addr,
                              uint64_t len, bool force, struct em_error *err)
{
    struct em_flash_space space;
    uint64_t end;
    if (addr % EM_FLASH_SECTOR != 0 ||
        (len != EM_FLASH_ALL && len % EM_FLASH_SECTOR != 0))
        return em_error_set(err, EM_ERR_USAGE, "a sector is the least that can be erased",
                            "erase: address 0x%" PRIx32 " and length 0x%" PRIx64
                            " are not both multiples of 4096",
                            addr, len);
    enum em_status status = em_flash_open(device, options, &space, err);
    if (status == EM_OK && len == EM_FLASH_ALL) {
        status = find_end(device, &space, &end, err);
        len = status == EM_OK && end > addr ? end - addr : 0;
    }
    if (status == EM_OK)
        status = em_flash_fits(device, &space, "erase", addr, len, err);
    if (status == EM_OK)
        status = em_flash_check_erase(device, force, err);
    return status == EM_OK ? erase_range(device, addr, len, err) : status;
}
