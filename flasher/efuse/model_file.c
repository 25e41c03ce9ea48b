/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuse model in a file: the register window as published tools keep it, and behind
 * it what the window cannot show. */
#include "config.h"

#include "flasher/efuse/model_state_int.h"

#include "base/bytes_int.h"

#include <stdlib.h>

enum { SECTION_HEAD = 8, SECTION_VERSION = 1 };

static const char magic[4] = {'E', 'M', 'E', 'F'};

static size_t check_bytes(const struct em_efuse_block *block)
{
    return block->coding == EM_EFUSE_RS ? EM_EFUSE_RS_CHECK : 0;
}

static size_t section_size(const struct em_efuse_table *table)
{
    size_t size = SECTION_HEAD + em_efuse_model_stored(&table->blocks[0]);
    for (size_t i = 0; i < table->block_count; i++)
        size += em_efuse_model_stored(&table->blocks[i]) + check_bytes(&table->blocks[i]);
    return size;
}

/* The register at offset o stands at size - o - 4, its highest byte first. */
static void put_window(const struct em_efuse_model *model, uint8_t *out)
{
    size_t size = model->view.table->window;
    for (size_t off = 0; off < size; off += 4)
        em_put_le32(out + size - off - 4, em_swap32(model->regs[off / 4]));
}

static void get_window(struct em_efuse_model *model, const uint8_t *in)
{
    size_t size = model->view.table->window;
    for (size_t off = 0; off < size; off += 4)
        model->regs[off / 4] = em_swap32(em_get_le32(in + size - off - 4));
}

static uint8_t *put_bytes(uint8_t *out, const uint8_t *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

static void put_section(const struct em_efuse_model *model, uint8_t *out)
{
    const struct em_efuse_table *table = model->view.table;
    const uint8_t rest[SECTION_HEAD - sizeof magic] = {SECTION_VERSION,
                                                       (uint8_t)table->block_count};
    memcpy(out, magic, sizeof magic);
    out = put_bytes(out + sizeof magic, rest, sizeof rest);
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        out = put_bytes(out, model->array.data[i], em_efuse_model_stored(block));
        out = put_bytes(out, model->array.check[i], check_bytes(block));
    }
    (void)put_bytes(out, model->array.weak, em_efuse_model_stored(&table->blocks[0]));
}

enum em_status em_efuse_model_save(const struct em_efuse_model *model, uint8_t **out,
                                   size_t *len_out, struct em_error *err)
{
    *out = NULL;
    *len_out = 0;
    const struct em_efuse_table *table = model->view.table;
    bool section = model->style == EM_EFUSE_SILICON;
    size_t len = table->window + (section ? section_size(table) : 0);
    uint8_t *bytes = malloc(len);
    if (bytes == NULL)
        return em_error_nomem(err);
    /* With the array goes what a chip shows of it after a reset: what was burned shows in
     * the registers only when they are read anew. */
    struct em_efuse_model shown = *model;
    if (section)
        em_efuse_model_reload(&shown);
    put_window(&shown, bytes);
    if (section)
        put_section(model, bytes + table->window);
    *out = bytes;
    *len_out = len;
    return EM_OK;
}

static void get_section(struct em_efuse_model *model, const uint8_t *in)
{
    const struct em_efuse_table *table = model->view.table;
    in += SECTION_HEAD;
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        memcpy(model->array.data[i], in, em_efuse_model_stored(block));
        in += em_efuse_model_stored(block);
        memcpy(model->array.check[i], in, check_bytes(block));
        in += check_bytes(block);
    }
    memcpy(model->array.weak, in, em_efuse_model_stored(&table->blocks[0]));
}

/* Make decoding of a block come out as its error registers say: take bits out of that
 * many check bytes. What is burned again mends it. */
static void damage(struct em_efuse_model *model, const struct em_efuse_block *block,
                   const uint32_t *errors)
{
    unsigned count = errors[block->count_bit / 32] >> block->count_bit % 32 & 7;
    if (block->fail_bit != EM_EFUSE_NO_BIT &&
        (errors[block->fail_bit / 32] >> block->fail_bit % 32 & 1) != 0)
        count = EM_EFUSE_RS_CHECK; /* more than the code can mend */
    uint8_t *check = model->array.check[block->number];
    for (size_t i = 0; i < EM_EFUSE_RS_CHECK && count > 0; i++) {
        uint8_t fewer = (uint8_t)(check[i] & (check[i] - 1));
        check[i] = check[i] != 0 ? fewer : 1;
        count--;
    }
}

/* Fuses that would show what the window shows. */
static void guess_array(struct em_efuse_model *model)
{
    const struct em_efuse_table *table = model->view.table;
    const struct em_efuse_regs *regs = &table->regs;
    memset(&model->array, 0, sizeof model->array);
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        uint8_t bytes[EM_EFUSE_BYTES_MAX] = {0};
        for (size_t w = 0; w < block->words; w++)
            em_put_le32(bytes + 4 * w, model->regs[block->read / 4 + w]);
        em_efuse_model_encode(model, block, bytes);
        if (block->coding == EM_EFUSE_RS)
            damage(model, block, &model->regs[regs->rs_err / 4]);
        uint32_t groups = regs->dec_status == 0 || i == 0
                              ? 0
                              : model->regs[regs->dec_status / 4] >> (i - 1) * 4;
        if (em_efuse_model_scheme(model, block) == EM_EFUSE_SCHEME_34)
            for (size_t g = 0; g < EM_EFUSE_34_GROUPS; g++)
                if ((groups >> g & 1) != 0)
                    model->array.data[i][g * 8 + 7] ^= 1;
    }
    for (size_t w = 0; w < table->repeat_err_words; w++)
        em_put_le32(model->array.weak + 4 * (w + 1),
                    model->regs[regs->repeat_err / 4 + w]);
}

enum em_status em_efuse_model_load(struct em_efuse_model *model, const uint8_t *data,
                                   size_t len, struct em_error *err)
{
    const struct em_efuse_table *table = model->view.table;
    size_t window = table->window;
    if (len != 0 && len < window)
        return em_error_set(err, EM_ERR_INPUT, "use a whole file, or an empty one",
                            "eFuse file of %s: %zu bytes, at least %zu are needed",
                            model->chip->name, len, window);
    struct em_efuse_model loaded = *model;
    memset(&loaded.array, 0, sizeof loaded.array);
    memset(loaded.regs, 0, sizeof loaded.regs);
    bool section =
        len >= window + SECTION_HEAD && memcmp(data + window, magic, sizeof magic) == 0;
    if (len != 0)
        get_window(&loaded, data);
    if (section &&
        (data[window + 4] != SECTION_VERSION || data[window + 5] != table->block_count ||
         len != window + section_size(table)))
        return em_error_set(err, EM_ERR_INPUT,
                            "it is of another chip or of a newer version",
                            "eFuse file of %s: its section of %zu bytes does not fit",
                            model->chip->name, len - window);
    if (section)
        get_section(&loaded, data + window);
    else
        guess_array(&loaded);
    em_efuse_model_reload(&loaded);
    if (section) {
        uint8_t shown[EM_EFUSE_WINDOW_MAX];
        put_window(&loaded, shown);
        if (memcmp(shown, data, window) != 0)
            return em_error_set(
                err, EM_ERR_INPUT,
                "cut the file to its first bytes, the registers, to "
                "believe them",
                "eFuse file of %s: registers and stored bits do not agree",
                model->chip->name);
    }
    *model = loaded;
    return EM_OK;
}
