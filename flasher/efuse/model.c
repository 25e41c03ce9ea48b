/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuse model: the controller's registers, and what a read command shows in them. */
#include "config.h"

#include "flasher/efuse/model_state_int.h"

#include "base/bytes_int.h"
#include "flasher/chip/ops_int.h"

#include <stdlib.h>

enum {
    RS_COUNT_MAX = 7,
    PROGRAM_US = 1000, /* a program command, and */
    PULSE_US = 12,     /* each of its bits: a little more than the TPGM of the manuals */
    RELOAD_US = 300,
};

enum em_status em_efuse_model_new(struct em_efuse_model **out, const struct em_chip *chip,
                                  struct em_error *err)
{
    *out = NULL;
    const struct em_efuse_table *table = em_efuse_table_find(chip);
    if (table == NULL)
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            "eFuses are known of the ESP32 and all later chips",
                            "%s: no eFuse table", chip->name);
    struct em_efuse_model *model = calloc(1, sizeof *model);
    if (model == NULL)
        return em_error_nomem(err);
    model->chip = chip;
    model->view.table = table;
    model->view.edition = EM_EFUSE_NEWEST;
    model->xtal = chip->xtal_mhz;
    em_efuse_model_reload(model);
    *out = model;
    return EM_OK;
}

void em_efuse_model_free(struct em_efuse_model *model)
{
    free(model);
}

void em_efuse_model_set_style(struct em_efuse_model *model, enum em_efuse_style style)
{
    model->style = style;
}

void em_efuse_model_set_xtal(struct em_efuse_model *model, unsigned mhz)
{
    model->xtal = mhz;
}

void em_efuse_model_on_burn(struct em_efuse_model *model, em_efuse_burned *burned,
                            void *user)
{
    model->burned = burned;
    model->burned_user = user;
}

bool em_efuse_model_has(const struct em_efuse_model *model, uint32_t addr)
{
    return addr >= model->chip->efuse_base &&
           addr - model->chip->efuse_base < model->view.table->window;
}

size_t em_efuse_model_stored(const struct em_efuse_block *block)
{
    return (size_t)block->words * 4;
}

/* Bits of an array of bytes as a number, at most 32 of them. */
static uint32_t bits_of(const uint8_t *bytes, size_t bit, size_t count)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count && i < 32; i++)
        value |= (uint32_t)em_efuse_bit(bytes, bit + i) << i;
    return value;
}

uint32_t em_efuse_model_field(const struct em_efuse_model *model, const char *name)
{
    const struct em_efuse_field *field = em_efuse_field_find(&model->view, name);
    if (field == NULL)
        return 0;
    return bits_of(model->loaded[field->block], field->bit, field->bits);
}

enum em_efuse_scheme em_efuse_model_scheme(const struct em_efuse_model *model,
                                           const struct em_efuse_block *block)
{
    /* The virtual chip keeps data as it is read; what comes to be burned is decoded. */
    if (block->coding != EM_EFUSE_SCHEME || model->style == EM_EFUSE_VIRTUAL)
        return EM_EFUSE_SCHEME_NONE;
    const struct em_efuse_field *field =
        em_efuse_field_find(&model->view, "CODING_SCHEME");
    return (enum em_efuse_scheme)bits_of(model->array.data[0], field->bit, field->bits);
}

int em_efuse_model_decode(const struct em_efuse_model *model,
                          const struct em_efuse_block *block,
                          uint8_t out[EM_EFUSE_BYTES_MAX])
{
    const uint8_t *data = model->array.data[block->number];
    size_t stored = em_efuse_model_stored(block);
    memset(out, 0, EM_EFUSE_BYTES_MAX);
    if (block->coding == EM_EFUSE_RS) {
        uint8_t word[EM_EFUSE_RS_WORD] = {0};
        memcpy(word, data, stored);
        memcpy(word + EM_EFUSE_RS_DATA, model->array.check[block->number],
               EM_EFUSE_RS_CHECK);
        int errors = em_efuse_rs_decode(word, NULL);
        memcpy(out, word, stored);
        return errors;
    }
    switch (em_efuse_model_scheme(model, block)) {
    case EM_EFUSE_SCHEME_34:
        return (int)em_efuse_34_decode(data, out);
    case EM_EFUSE_SCHEME_REPEAT:
        return em_efuse_repeat_decode(data, out) ? 0 : 1;
    case EM_EFUSE_SCHEME_NONE:
    case EM_EFUSE_SCHEME_NONE_TOO:
        break;
    }
    memcpy(out, data, stored);
    return 0;
}

void em_efuse_model_encode(struct em_efuse_model *model,
                           const struct em_efuse_block *block,
                           const uint8_t data[EM_EFUSE_BYTES_MAX])
{
    uint8_t *stored = model->array.data[block->number];
    enum em_efuse_scheme scheme = em_efuse_model_scheme(model, block);
    if (scheme == EM_EFUSE_SCHEME_34) {
        em_efuse_34_encode(data, stored);
    } else if (scheme == EM_EFUSE_SCHEME_REPEAT) {
        em_efuse_repeat_encode(data, stored);
    } else {
        memcpy(stored, data, em_efuse_model_stored(block));
        if (block->coding == EM_EFUSE_RS) {
            uint8_t padded[EM_EFUSE_RS_DATA] = {0};
            memcpy(padded, data, em_efuse_model_stored(block));
            em_efuse_rs_encode(padded, model->array.check[block->number]);
        }
    }
}

/* Error registers: what decoding a block came to. */
static void show_errors(struct em_efuse_model *model, const struct em_efuse_block *block,
                        int errors)
{
    const struct em_efuse_regs *regs = &model->view.table->regs;
    uint32_t *rs = &model->regs[regs->rs_err / 4];
    if (block->coding == EM_EFUSE_SCHEME) {
        /* 12 bits, four groups a block (ESP32 manual, EFUSE_DEC_WARNINGS). */
        model->regs[regs->dec_status / 4] |= (uint32_t)errors << (block->number - 1) * 4;
    } else if (block->coding == EM_EFUSE_RS && errors == EM_EFUSE_RS_FAIL) {
        rs[block->count_bit / 32] |= (uint32_t)RS_COUNT_MAX << block->count_bit % 32;
        if (block->fail_bit != EM_EFUSE_NO_BIT)
            rs[block->fail_bit / 32] |= UINT32_C(1) << block->fail_bit % 32;
    } else if (block->coding == EM_EFUSE_RS) {
        rs[block->count_bit / 32] |= (uint32_t)errors << block->count_bit % 32;
    } else if (block->coding == EM_EFUSE_COPIES) {
        /* Word 0, WR_DIS, has no error register. */
        for (unsigned i = 0; i < model->view.table->repeat_err_words; i++)
            model->regs[regs->repeat_err / 4 + i] =
                em_get_le32(model->array.weak + 4 * (size_t)(i + 1));
    }
}

/* What of the loaded bytes software cannot see: zero it in @p bytes. */
static void hide(const struct em_efuse_model *model, const struct em_efuse_block *block,
                 uint8_t bytes[EM_EFUSE_BYTES_MAX])
{
    uint32_t rd_dis = em_efuse_model_field(model, "RD_DIS");
    size_t part =
        block->rd_dis_count == 0 ? 0 : em_efuse_model_stored(block) / block->rd_dis_count;
    for (size_t i = 0; i < block->rd_dis_count; i++)
        if ((rd_dis >> block->rd_dis[i] & 1) != 0)
            memset(bytes + i * part, 0, part);
    if (block->number != 0)
        return;
    const struct em_efuse_field *field = NULL;
    while ((field = em_efuse_field_next(&model->view, 0, field)) != NULL)
        if (field->rd_dis_count > 0 && (rd_dis >> field->rd_dis[0] & 1) != 0)
            for (size_t i = 0; i < field->bits; i++)
                em_efuse_set_bit(bytes, field->bit + i, false);
}

static void show_block(struct em_efuse_model *model, const struct em_efuse_block *block)
{
    uint8_t bytes[EM_EFUSE_BYTES_MAX];
    memcpy(bytes, model->loaded[block->number], sizeof bytes);
    hide(model, block, bytes);
    for (size_t i = 0; i < block->words; i++)
        model->regs[block->read / 4 + i] = em_get_le32(bytes + 4 * i);
}

static enum em_status read_self(void *user, uint32_t addr, uint32_t *out,
                                struct em_error *err)
{
    (void)err; /* nothing fails */
    struct em_efuse_model *model = user;
    *out = em_efuse_model_has(model, addr) ? em_efuse_model_read(model, addr) : 0;
    return EM_OK;
}

/* Tables may differ between revisions, and the revision stands in fuses. */
static unsigned revision_of(struct em_efuse_model *model)
{
    const struct em_chip_reader reader = {read_self, model};
    uint32_t revision = 0;
    uint32_t minor = 0;
    if (model->chip->ops->revision != NULL) {
        (void)model->chip->ops->revision(model->chip, &reader, &revision, NULL);
        return revision; /* 0 if it failed: the first one */
    }
    /* The reader does not fail. */
    (void)em_chip_bits_read(model->chip, "major", &reader, &revision, NULL);
    (void)em_chip_bits_read(model->chip, "minor", &reader, &minor, NULL);
    return revision * 100 + minor;
}

void em_efuse_model_reload(struct em_efuse_model *model)
{
    const struct em_efuse_table *table = model->view.table;
    if (model->style == EM_EFUSE_SILICON) {
        if (table->regs.dec_status != 0)
            model->regs[table->regs.dec_status / 4] = 0;
        for (size_t i = 0; i < table->rs_err_words; i++)
            model->regs[table->regs.rs_err / 4 + i] = 0;
    }
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        int errors = em_efuse_model_decode(model, block, model->loaded[block->number]);
        if (model->style == EM_EFUSE_SILICON)
            show_errors(model, block, errors);
    }
    for (size_t i = 0; i < table->block_count; i++)
        show_block(model, &table->blocks[i]);
    model->view.revision = revision_of(model);
}

void em_efuse_model_reset(struct em_efuse_model *model)
{
    memset(model->regs, 0, sizeof model->regs);
    em_efuse_model_reload(model);
}

uint32_t em_efuse_model_read(struct em_efuse_model *model, uint32_t addr)
{
    if (!em_efuse_model_has(model, addr))
        return 0;
    return model->regs[(addr - model->chip->efuse_base) / 4];
}

/* Registers that only the hardware fills. */
static bool read_only(const struct em_efuse_model *model, uint32_t off)
{
    const struct em_efuse_table *table = model->view.table;
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        if (off >= block->read && off < block->read + 4U * block->words)
            return true;
    }
    const struct em_efuse_regs *regs = &table->regs;
    if (model->style == EM_EFUSE_VIRTUAL)
        return false;
    return (regs->status != 0 && off == regs->status) ||
           (regs->dec_status != 0 && off == regs->dec_status) ||
           (off >= regs->repeat_err &&
            off < regs->repeat_err + 4U * table->repeat_err_words) ||
           (off >= regs->rs_err && off < regs->rs_err + 4U * table->rs_err_words);
}

static void clear_registers(struct em_efuse_model *model, size_t off, size_t words)
{
    memset(&model->regs[off / 4], 0, words * 4);
}

/* The virtual chip clears what was to be programmed by itself. */
static void clear_program(struct em_efuse_model *model, uint32_t command)
{
    const struct em_efuse_table *table = model->view.table;
    bool shared = table->regs.check != 0;
    if (shared && (command & EM_EFUSE_CMD_PROGRAM) != 0)
        clear_registers(model, table->blocks[0].write, EM_EFUSE_RS_DATA / 4);
    for (size_t i = 0;
         !shared && (command & EM_EFUSE_CMD_READ) != 0 && i < table->block_count; i++)
        clear_registers(model, table->blocks[i].write, table->blocks[i].words);
}

static int64_t command(struct em_efuse_model *model, uint32_t value)
{
    const struct em_efuse_table *table = model->view.table;
    uint32_t conf = model->regs[table->regs.conf / 4];
    int64_t busy_us = 0;
    if ((value & EM_EFUSE_CMD_PROGRAM) != 0 && conf == EM_EFUSE_OP_PROGRAM) {
        unsigned number = value >> EM_EFUSE_CMD_BLOCK_SHIFT & EM_EFUSE_CMD_BLOCK_MASK;
        busy_us = PROGRAM_US + (int64_t)PULSE_US * em_efuse_model_program(model, number);
    } else if ((value & EM_EFUSE_CMD_READ) != 0 && conf == EM_EFUSE_OP_READ) {
        em_efuse_model_reload(model);
        busy_us = RELOAD_US;
    }
    if (model->style == EM_EFUSE_VIRTUAL)
        clear_program(model, value);
    /* The block's number stays where it was written (technical reference manuals of
     * ESP32-S2 and later, EFUSE_BLK_NUM: R/W), the command bits go. What a finished
     * command leaves of it is not known: nothing, here. */
    bool done = (value & (EM_EFUSE_CMD_PROGRAM | EM_EFUSE_CMD_READ)) != 0;
    model->regs[table->regs.cmd / 4] = done || table->regs.check == 0
                                           ? 0
                                           : value & EM_EFUSE_CMD_BLOCK_MASK
                                                         << EM_EFUSE_CMD_BLOCK_SHIFT;
    return busy_us;
}

void em_efuse_model_write(struct em_efuse_model *model, uint32_t addr, uint32_t value,
                          int64_t *busy_us_out)
{
    *busy_us_out = 0;
    if (!em_efuse_model_has(model, addr))
        return;
    uint32_t off = addr - model->chip->efuse_base;
    if (off == model->view.table->regs.cmd)
        *busy_us_out = command(model, value);
    else if (!read_only(model, off))
        model->regs[off / 4] = value;
}

uint32_t em_efuse_model_word(const struct em_efuse_model *model, unsigned block,
                             unsigned word)
{
    const struct em_efuse_block *found = em_efuse_block_at(model->view.table, block);
    if (found == NULL || word >= found->words)
        return 0;
    uint8_t bytes[EM_EFUSE_BYTES_MAX];
    (void)em_efuse_model_decode(model, found, bytes); /* as good as it can be read */
    return em_get_le32(bytes + 4 * (size_t)word);
}

bool em_efuse_model_flag(const struct em_efuse_model *model, struct em_chip_mask mask)
{
    const struct em_efuse_table *table = model->view.table;
    if (mask.addr == 0 || !em_efuse_model_has(model, mask.addr))
        return false;
    uint32_t off = mask.addr - model->chip->efuse_base;
    uint32_t value = 0;
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        if (off >= block->read && off + 4U <= block->read + 4U * block->words)
            value = em_get_le32(model->loaded[i] + (off - block->read)) & mask.mask;
    }
    bool odd = false;
    for (; value != 0; value &= value - 1)
        odd = !odd;
    return odd;
}
