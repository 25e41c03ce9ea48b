/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuses of a chip behind a port. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include "flasher/rom/rom_int.h"

#include "base/bytes_int.h"

#include <openssl/crypto.h>

#include <stdlib.h>

enum { WRITE_RECORD = 16 /* address, value, mask, delay */ };

struct wire {
    struct em_device *dev;
    const struct em_efuse_table *table;
};

/* Do the registers at @p addr hold what may be a key? */
static bool is_secret(const struct wire *w, uint32_t addr, bool write)
{
    uint32_t off = addr - w->dev->chip->efuse_base;
    for (size_t i = 1; i < w->table->block_count; i++) {
        const struct em_efuse_block *block = &w->table->blocks[i];
        if (off >= block->write && off < block->write + 4U * EM_EFUSE_PGM_WORDS)
            return true; /* program registers can be read as well */
        if (!write && block->rd_dis_count > 0 && off >= block->read &&
            off < block->read + 4U * block->words)
            return true;
    }
    return false;
}

static enum em_status read_reg(void *user, uint32_t addr, uint32_t *out,
                               struct em_error *err)
{
    struct wire *w = user;
    if (!is_secret(w, addr, false))
        return em_rom_read_reg(w->dev, addr, out, err);
    uint8_t data[4];
    em_put_le32(data, addr);
    const struct em_rom_request request = {
        .op = EM_OP_READ_REG, .data = data, .len = sizeof data, .secret = true};
    struct em_rom_reply reply;
    enum em_status status = em_rom_command(w->dev, &request, &reply, err);
    *out = status == EM_OK ? reply.value : 0;
    OPENSSL_cleanse(&reply, sizeof reply);
    return status;
}

static enum em_status write_regs(void *user, const struct em_efuse_write *writes,
                                 size_t count, struct em_error *err)
{
    struct wire *w = user;
    uint8_t data[EM_EFUSE_PGM_WORDS * WRITE_RECORD];
    struct em_rom_request request = {.op = EM_OP_WRITE_REG, .data = data};
    const uint32_t commands = EM_EFUSE_CMD_READ | EM_EFUSE_CMD_PROGRAM;
    int64_t delay_us = 0;
    for (size_t i = 0; i < count && i < EM_EFUSE_PGM_WORDS; i++) {
        uint8_t *record = data + i * WRITE_RECORD;
        em_put_le32(record, writes[i].addr);
        em_put_le32(record + 4, writes[i].value);
        em_put_le32(record + 8, writes[i].mask);
        em_put_le32(record + 12, writes[i].delay_us);
        delay_us += writes[i].delay_us;
        request.secret = request.secret || is_secret(w, writes[i].addr, true);
        /* A program command must not be sent again after a lost answer: what is in the
         * registers then is not known. */
        request.once = request.once ||
                       (writes[i].addr == w->dev->chip->efuse_base + w->table->regs.cmd &&
                        (writes[i].value & commands) != 0);
    }
    request.len = count * WRITE_RECORD;
    request.timeout_us = em_rom_timeout_us(w->dev, 0, 0) + delay_us;
    enum em_status status = em_rom_command(w->dev, &request, NULL, err);
    OPENSSL_cleanse(data, sizeof data);
    return status;
}

static void sleep_ms(void *user, unsigned ms)
{
    struct wire *w = user;
    w->dev->io->ops->sleep_us(w->dev->io, (int64_t)ms * 1000);
}

static enum em_status burned(void *user, struct em_error *err)
{
    (void)user;
    (void)err; /* a chip keeps its eFuses by itself */
    return EM_OK;
}

static enum em_status again(void *user, bool *secure_out, struct em_error *err)
{
    struct wire *w = user;
    enum em_status status = em_rom_reconnect(w->dev, err);
    *secure_out = w->dev->secure_download;
    return status;
}

static void close_wire(void *user)
{
    free(user); /* the device is not ours */
}

enum em_status em_efuses_open(struct em_efuses **out, struct em_device *device,
                              const struct em_efuses_options *options,
                              struct em_error *err)
{
    static const struct em_efuses_options plain = EM_EFUSES_OPTIONS_INIT;
    *out = NULL;
    options = options == NULL ? &plain : options;
    if (device->secure_download)
        return em_error_set(
            err, EM_ERR_UNSUPPORTED, "its eFuses can be read by the firmware only",
            "%s is in secure download mode: no register can be read", device->chip->name);
    const struct em_efuse_table *table = em_efuse_table_find(device->chip);
    if (table == NULL)
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            "eFuses are known of the ESP32 and all later chips",
                            "%s: no eFuse table", device->chip->name);
    uint32_t xtal_mhz = 0;
    enum em_status status = em_rom_crystal(device, &xtal_mhz, err);
    if (status != EM_OK)
        return status;
    struct wire *w = calloc(1, sizeof *w);
    if (w == NULL)
        return em_error_nomem(err);
    *w = (struct wire){device, table};
    const struct em_efuses_source source = {
        .chip = device->chip,
        .bus = {read_reg, write_regs, sleep_ms, w},
        .behind = {burned, again, close_wire, w},
        .xtal_mhz = xtal_mhz,
    };
    return em_efuses_open_source(out, &source, options, err);
}
