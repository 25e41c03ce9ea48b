/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the eFuse controller: waiting, reloading, reading. */
#include "config.h"

#include "flasher/efuse/controller_int.h"

#include "flasher/efuse/coding_int.h"
#include "flasher/efuse/fields_int.h"

#include <openssl/crypto.h>

#include <string.h>

enum {
    IDLE_POLLS = 250, /* one a millisecond; published tools wait as long */
    CMD_BUSY = EM_EFUSE_CMD_READ | EM_EFUSE_CMD_PROGRAM,
    RELOAD_PAUSE_US = 1000, /* the ROM looks at eFuse registers after each command */
    DEC_GROUPS = 0xF,
    COUNT_MASK = 7,
};

static bool own_windows(const struct em_efuse_controller *ctl)
{
    return ctl->table->regs.check == 0;
}

enum em_status em_efuse_controller_init(struct em_efuse_controller *out,
                                        const struct em_chip *chip,
                                        const struct em_efuse_bus *bus, unsigned xtal_mhz,
                                        struct em_error *err)
{
    memset(out, 0, sizeof *out);
    const struct em_efuse_table *table = em_efuse_table_find(chip);
    if (table == NULL)
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            "eFuses are known of the ESP32 and all later chips",
                            "%s: no eFuse table", chip->name);
    out->chip = chip;
    out->table = table;
    out->bus = bus;
    out->xtal_mhz = xtal_mhz;
    return EM_OK;
}

enum em_status em_efuse_get(const struct em_efuse_controller *ctl, uint32_t off,
                            uint32_t *words, size_t count, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = 0; status == EM_OK && i < count; i++)
        status = ctl->bus->read_reg(ctl->bus->user,
                                    ctl->chip->efuse_base + off + 4 * (uint32_t)i,
                                    &words[i], err);
    return status;
}

enum em_status em_efuse_put(const struct em_efuse_controller *ctl, uint32_t off,
                            const uint32_t *words, size_t count, struct em_error *err)
{
    struct em_efuse_write writes[EM_EFUSE_PGM_WORDS];
    for (size_t i = 0; i < count && i < EM_EFUSE_PGM_WORDS; i++)
        writes[i] =
            (struct em_efuse_write){.addr = ctl->chip->efuse_base + off + 4 * (uint32_t)i,
                                    .value = words[i],
                                    .mask = UINT32_MAX};
    enum em_status status = ctl->bus->write_regs(ctl->bus->user, writes, count, err);
    OPENSSL_cleanse(writes, sizeof writes); /* may be a key */
    return status;
}

enum em_status em_efuse_wait_idle(const struct em_efuse_controller *ctl,
                                  struct em_error *err)
{
    /* Later chips can read 0 once while a read command still runs. */
    unsigned wanted = own_windows(ctl) ? 1 : 2;
    uint32_t busy = own_windows(ctl) ? UINT32_MAX : (uint32_t)CMD_BUSY;
    unsigned seen = 0;
    for (unsigned poll = 0; poll < IDLE_POLLS; poll++) {
        uint32_t value = 0;
        enum em_status status = em_efuse_get(ctl, ctl->table->regs.cmd, &value, 1, err);
        if (status != EM_OK)
            return status;
        seen = (value & busy) == 0 ? seen + 1 : 0;
        if (seen == wanted)
            return EM_OK;
        if (seen == 0)
            ctl->bus->sleep_ms(ctl->bus->user, 1);
    }
    return em_error_set(err, EM_ERR_CHIP, "reset the chip and read its eFuses again",
                        "%s: the eFuse controller is busy after %d ms", ctl->chip->name,
                        (int)IDLE_POLLS);
}

enum em_status em_efuse_reload(const struct em_efuse_controller *ctl,
                               struct em_error *err)
{
    const uint32_t op = EM_EFUSE_OP_READ;
    enum em_status status = em_efuse_wait_idle(ctl, err);
    if (status == EM_OK)
        status = em_efuse_put(ctl, ctl->table->regs.conf, &op, 1, err);
    if (status != EM_OK)
        return status;
    const struct em_efuse_write writes[] = {
        {.addr = ctl->chip->efuse_base + ctl->table->regs.cmd,
         .value = EM_EFUSE_CMD_READ,
         .mask = UINT32_MAX},
        {.addr = ctl->chip->uart_date, .delay_us = RELOAD_PAUSE_US},
    };
    status = ctl->bus->write_regs(ctl->bus->user, writes, own_windows(ctl) ? 1 : 2, err);
    return status == EM_OK ? em_efuse_wait_idle(ctl, err) : status;
}

size_t em_efuse_block_bytes(const struct em_efuse_block *block,
                            enum em_efuse_scheme scheme)
{
    if (block->coding == EM_EFUSE_SCHEME && scheme == EM_EFUSE_SCHEME_34)
        return EM_EFUSE_34_DATA;
    if (block->coding == EM_EFUSE_SCHEME && scheme == EM_EFUSE_SCHEME_REPEAT)
        return EM_EFUSE_REPEAT_DATA;
    return (size_t)block->words * 4;
}

/* Registers that tell of several blocks. */
struct shared_errors {
    uint32_t rs[2];
    uint32_t groups; /* DEC_STATUS of the ESP32 */
};

static enum em_status read_shared(const struct em_efuse_controller *ctl,
                                  struct shared_errors *out, struct em_error *err)
{
    *out = (struct shared_errors){{0}, 0};
    enum em_status status = em_efuse_get(ctl, ctl->table->regs.rs_err, out->rs,
                                         ctl->table->rs_err_words, err);
    if (status == EM_OK && ctl->table->regs.dec_status != 0)
        status = em_efuse_get(ctl, ctl->table->regs.dec_status, &out->groups, 1, err);
    return status;
}

static enum em_status copy_errors(const struct em_efuse_controller *ctl,
                                  struct em_efuse_errors *out, uint32_t *repeat_out,
                                  struct em_error *err)
{
    uint32_t words[EM_EFUSE_WORDS_MAX] = {0};
    enum em_status status = em_efuse_get(ctl, ctl->table->regs.repeat_err, &words[1],
                                         ctl->table->repeat_err_words, err);
    for (size_t i = 0; i < EM_EFUSE_WORDS_MAX; i++)
        for (uint32_t bits = words[i]; bits != 0; bits &= bits - 1)
            out->count++;
    out->fail = out->count != 0;
    if (repeat_out != NULL)
        memcpy(repeat_out, words, sizeof words);
    return status;
}

/* Errors of a block whose registers are read already. */
static void take_errors(const struct shared_errors *shared,
                        const struct em_efuse_block *block, struct em_efuse_errors *out)
{
    *out = (struct em_efuse_errors){0};
    /* Four bits a block, the first is block 1 (ESP32 manual, DEC_WARNINGS). */
    if (block->coding == EM_EFUSE_SCHEME)
        out->fail = (shared->groups >> (block->number - 1) * 4 & DEC_GROUPS) != 0;
    if (block->coding != EM_EFUSE_RS)
        return;
    /* Three bits of count and one of failure, in one of two registers each. */
    out->count = shared->rs[block->count_bit / 32] >> block->count_bit % 32 & COUNT_MASK;
    if (block->fail_bit != EM_EFUSE_NO_BIT)
        out->fail = (shared->rs[block->fail_bit / 32] >> block->fail_bit % 32 & 1) != 0;
}

enum em_status em_efuse_read_errors(const struct em_efuse_controller *ctl,
                                    const struct em_efuse_block *block,
                                    struct em_efuse_errors *out, uint32_t *repeat_out,
                                    struct em_error *err)
{
    *out = (struct em_efuse_errors){0};
    if (block->coding == EM_EFUSE_COPIES)
        return copy_errors(ctl, out, repeat_out, err);
    struct shared_errors shared = {{0}, 0};
    enum em_status status =
        block->coding == EM_EFUSE_PLAIN ? EM_OK : read_shared(ctl, &shared, err);
    take_errors(&shared, block, out);
    return status;
}

static enum em_efuse_scheme scheme_of(const struct em_efuse_controller *ctl,
                                      const struct em_efuse_state *state)
{
    const struct em_efuse_view view = {ctl->table, EM_EFUSE_NEWEST, 0};
    const struct em_efuse_field *field = em_efuse_field_find(&view, "CODING_SCHEME");
    if (field == NULL)
        return EM_EFUSE_SCHEME_NONE;
    uint32_t word = state->words[field->block][field->bit / 32];
    return (enum em_efuse_scheme)(word >> field->bit % 32 &
                                  ((UINT32_C(1) << field->bits) - 1));
}

enum em_status em_efuse_read_some(const struct em_efuse_controller *ctl, int only,
                                  struct em_efuse_state *out, struct em_error *err)
{
    memset(out, 0, sizeof *out);
    struct shared_errors shared;
    enum em_status status = read_shared(ctl, &shared, err);
    for (size_t i = 0; status == EM_OK && i < ctl->table->block_count; i++) {
        const struct em_efuse_block *block = &ctl->table->blocks[i];
        if (i != 0 && only != EM_EFUSE_ANY_BLOCK && i != (size_t)only)
            continue;
        status = em_efuse_get(ctl, block->read, out->words[i], block->words, err);
        take_errors(&shared, block, &out->errors[i]);
        if (status == EM_OK && block->coding == EM_EFUSE_COPIES)
            status = copy_errors(ctl, &out->errors[i], out->repeat, err);
    }
    if (status != EM_OK)
        return status;
    out->scheme = scheme_of(ctl, out);
    if (out->scheme == EM_EFUSE_SCHEME_REPEAT)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "use another chip",
                            "%s: coding scheme 2 (repeat) is burned", ctl->chip->name);
    return EM_OK;
}

enum em_status em_efuse_read_all(const struct em_efuse_controller *ctl,
                                 struct em_efuse_state *out, struct em_error *err)
{
    return em_efuse_read_some(ctl, EM_EFUSE_ANY_BLOCK, out, err);
}
