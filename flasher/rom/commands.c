/* SPDX-License-Identifier: Apache-2.0 */
/* Registers, and the commands that every loader has, by name. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"

#include <string.h>

enum {
    WRITE_RECORD = 16, /* address, value, mask, delay */
    WRITES_MAX = 16,   /* records in one command; ours never need more */
    SURE_TRIES = 6,    /* readings until two in a row agree */
    US_PER_MS = 1000,
    BYTES_PER_MB = 1000000, /* rom-protocol.md, section 4: not 2^20 */
};

int64_t em_rom_timeout_us(const struct em_device *dev, uint64_t len, uint32_t per_mb_ms)
{
    uint64_t least = (uint64_t)dev->settings.timeout_ms * US_PER_MS;
    uint64_t most = (uint64_t)dev->settings.max_timeout_ms * US_PER_MS;
    /* Both factors are below 2^32. */
    uint64_t bytes = len < UINT32_MAX ? len : UINT32_MAX;
    uint64_t time = bytes * per_mb_ms / (BYTES_PER_MB / US_PER_MS);
    time = time < least ? least : time;
    return (int64_t)(time > most ? most : time);
}

enum em_status em_rom_read_reg(struct em_device *dev, uint32_t addr, uint32_t *out,
                               struct em_error *err)
{
    uint8_t data[4];
    em_put_le32(data, addr);
    const struct em_rom_request request = {
        .op = EM_OP_READ_REG, .data = data, .len = sizeof data};
    struct em_rom_reply reply;
    enum em_status status = em_rom_command(dev, &request, &reply, err);
    *out = status == EM_OK ? reply.value : 0;
    return status;
}

enum em_status em_rom_read_reg_sure(struct em_device *dev, uint32_t addr, uint32_t *out,
                                    struct em_error *err)
{
    uint32_t before;
    enum em_status status = em_rom_read_reg(dev, addr, &before, err);
    for (unsigned i = 1; i < SURE_TRIES && status == EM_OK; i++) {
        status = em_rom_read_reg(dev, addr, out, err);
        if (status == EM_OK && *out == before)
            return EM_OK;
        before = *out;
    }
    *out = 0;
    if (status != EM_OK)
        return status;
    return em_error_set(err, EM_ERR_LINK, "check the cable, or use a lower --baud",
                        "port %s: register 0x%08lx reads differently each time, %d times",
                        dev->io->name, (unsigned long)addr, SURE_TRIES);
}

enum em_status em_rom_write_regs(struct em_device *dev, const struct em_rom_write *writes,
                                 size_t count, struct em_error *err)
{
    uint8_t data[WRITES_MAX * WRITE_RECORD];
    enum em_status status = EM_OK;
    while (count > 0 && status == EM_OK) {
        size_t now = count < WRITES_MAX ? count : WRITES_MAX;
        uint64_t delay_us = 0;
        for (size_t i = 0; i < now; i++) {
            uint8_t *record = data + i * WRITE_RECORD;
            em_put_le32(record, writes[i].addr);
            em_put_le32(record + 4, writes[i].value);
            em_put_le32(record + 8, writes[i].mask);
            em_put_le32(record + 12, writes[i].delay_us);
            delay_us += writes[i].delay_us;
        }
        const struct em_rom_request request = {
            .op = EM_OP_WRITE_REG,
            .data = data,
            .len = now * WRITE_RECORD,
            .timeout_us = em_rom_timeout_us(dev, 0, 0) + (int64_t)delay_us,
        };
        status = em_rom_command(dev, &request, NULL, err);
        writes += now;
        count -= now;
    }
    return status;
}

enum em_status em_rom_write_reg(struct em_device *dev, uint32_t addr, uint32_t value,
                                struct em_error *err)
{
    return em_rom_write_regs(
        dev, &(const struct em_rom_write){addr, value, UINT32_MAX, 0}, 1, err);
}

enum em_status em_rom_update_reg(struct em_device *dev, uint32_t addr, uint32_t mask,
                                 uint32_t value, struct em_error *err)
{
    return em_rom_write_regs(dev, &(const struct em_rom_write){addr, value, mask, 0}, 1,
                             err);
}

enum em_status em_rom_read_mask(struct em_device *dev, struct em_chip_mask mask,
                                uint32_t *out, struct em_error *err)
{
    *out = 0;
    if (mask.addr == 0)
        return EM_OK;
    enum em_status status = em_rom_read_reg(dev, mask.addr, out, err);
    *out &= mask.mask;
    return status;
}

static enum em_status read_for_chip(void *user, uint32_t addr, uint32_t *out,
                                    struct em_error *err)
{
    return em_rom_read_reg(user, addr, out, err);
}

struct em_chip_reader em_rom_chip_reader(struct em_device *dev)
{
    return (struct em_chip_reader){read_for_chip, dev};
}

/* MEM_BEGIN and all blocks, once. */
static enum em_status load_once(struct em_device *dev, uint32_t addr, const uint8_t *data,
                                size_t len, struct em_error *err)
{
    size_t block = dev->ram_block;
    uint8_t begin[16];
    em_put_le32(begin, (uint32_t)len);
    em_put_le32(begin + 4, (uint32_t)((len + block - 1) / block));
    em_put_le32(begin + 8, (uint32_t)block);
    em_put_le32(begin + 12, addr);
    const struct em_rom_request request = {
        .op = EM_OP_MEM_BEGIN, .data = begin, .len = sizeof begin};
    enum em_status status = em_rom_command(dev, &request, NULL, err);
    for (uint32_t seq = 0; status == EM_OK && len > 0; seq++) {
        size_t part = len < block ? len : block;
        uint8_t header[EM_ROM_BLOCK_HEADER] = {0};
        em_put_le32(header, (uint32_t)part);
        em_put_le32(header + 4, seq);
        const struct em_rom_request write = {
            .op = EM_OP_MEM_DATA,
            .data = header,
            .len = sizeof header,
            .payload = data,
            .payload_len = part,
        };
        status = em_rom_command(dev, &write, NULL, err);
        data += part;
        len -= part;
    }
    return status;
}

enum em_status em_rom_load_memory(struct em_device *dev, uint32_t addr,
                                  const uint8_t *data, size_t len, struct em_error *err)
{
    if (len > UINT32_MAX || addr > UINT32_MAX - len)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "%zu bytes from 0x%08lx go over the end of memory", len,
                            (unsigned long)addr);
    enum em_status status = em_rom_stub_guard(dev, addr, len, err);
    if (status != EM_OK)
        return status;
    /* A lost block leaves the loader in the middle; all of it is quickly sent anew. */
    for (uint32_t i = 1;; i++) {
        status = load_once(dev, addr, data, len, err);
        if ((status != EM_ERR_LINK && status != EM_ERR_CHIP) ||
            i >= dev->settings.write_block_attempts)
            return status;
        struct em_error lost;
        if (em_rom_resync(dev, &lost) != EM_OK)
            return status; /* the first message tells more */
    }
}

enum em_status em_rom_start(struct em_device *dev, uint32_t entry, struct em_error *err)
{
    uint8_t data[8];
    em_put_le32(data, entry == 0);
    em_put_le32(data + 4, entry);
    bool leaves = !dev->stub && entry != 0;
    const struct em_rom_request request = {
        .op = EM_OP_MEM_END,
        .data = data,
        .len = sizeof data,
        .timeout_us =
            leaves ? (int64_t)dev->settings.mem_end_rom_timeout_ms * US_PER_MS : 0,
    };
    enum em_status status = em_rom_command(dev, &request, NULL, err);
    /* The code that was started may take the line over before the ROM has answered. */
    return status == EM_ERR_LINK && leaves ? EM_OK : status;
}
