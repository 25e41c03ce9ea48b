/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuse model: program commands, power cuts, and what the factory seeds. */
#include "config.h"

#include "flasher/efuse/model_state_int.h"

#include "base/bytes_int.h"

enum {
    PERMILLE = 1000,
    BAD_TIMING_PERMILLE = 500,
    GROUP_BITS = 64, /* of the 3/4 coding: 48 bits of data, then 16 of check */
    GROUP_DATA_BITS = 48,
};

/* How sure the bits of one program command are to take. */
struct pulse {
    unsigned permille;
    bool sure;
    bool leaves_weak; /* a failed bit may leave copies that differ */
};

/* SplitMix64 (public domain, S. Vigna): repeatable, and good enough to pick bits. */
static uint64_t next_random(struct em_efuse_model *model)
{
    uint64_t z = (model->random += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static bool lucky(struct em_efuse_model *model, unsigned permille)
{
    return next_random(model) % PERMILLE < permille;
}

/* Do the timing registers hold what the crystal needs? Chips without such a list keep
 * what they have after reset. */
static bool timing_fits(const struct em_efuse_model *model)
{
    const struct em_efuse_table *table = model->view.table;
    bool known = table->timing_count == 0;
    for (size_t i = 0; i < table->timing_count; i++) {
        const struct em_efuse_timing *row = &table->timings[i];
        if (row->mhz != model->xtal)
            continue;
        known = true;
        if ((model->regs[row->off / 4] & row->mask) !=
            em_efuse_place(row->mask, row->value))
            return false;
    }
    return known;
}

static struct pulse pulse_of(const struct em_efuse_model *model)
{
    if (model->cut)
        return (struct pulse){.permille = model->cut_permille, .leaves_weak = true};
    if (model->style == EM_EFUSE_SILICON && !timing_fits(model))
        return (struct pulse){.permille = BAD_TIMING_PERMILLE, .leaves_weak = true};
    return (struct pulse){.sure = true};
}

static void report(struct em_efuse_model *model, unsigned number, size_t bit, bool check)
{
    if (model->burned != NULL)
        model->burned(model->burned_user, number, (unsigned)bit, check);
}

/* Bits of a block that write protection lets through. */
static void writable_bits(const struct em_efuse_model *model,
                          const struct em_efuse_block *block,
                          uint8_t out[EM_EFUSE_BYTES_MAX])
{
    uint32_t wr_dis = em_efuse_model_field(model, "WR_DIS");
    bool closed = block->wr_dis != EM_EFUSE_NO_BIT && (wr_dis >> block->wr_dis & 1) != 0;
    memset(out, closed ? 0 : 0xFF, EM_EFUSE_BYTES_MAX);
    if (block->number != 0)
        return;
    const struct em_efuse_field *field = NULL;
    while ((field = em_efuse_field_next(&model->view, 0, field)) != NULL)
        if (field->group != EM_EFUSE_CALC && field->wr_dis != EM_EFUSE_NO_BIT &&
            (wr_dis >> field->wr_dis & 1) != 0)
            for (size_t i = 0; i < field->bits; i++)
                em_efuse_set_bit(out, field->bit + i, false);
}

/* One bit gets its pulse. @p weak: the block's map of differing copies, or NULL. */
static void pulse_bit(struct em_efuse_model *model, const struct pulse *pulse,
                      uint8_t *bytes, uint8_t *weak, size_t bit, unsigned number,
                      bool check)
{
    bool was = em_efuse_bit(bytes, bit);
    bool now = pulse->sure || lucky(model, pulse->permille);
    bool half = !now && pulse->leaves_weak && weak != NULL && lucky(model, PERMILLE / 2);
    if (weak != NULL && now)
        em_efuse_set_bit(weak, bit, false);
    if (half) {
        em_efuse_set_bit(weak, bit, true);
        now = lucky(model, PERMILLE / 2); /* the vote may go either way */
    }
    if (!was && now) {
        em_efuse_set_bit(bytes, bit, true);
        report(model, number, bit, check);
    }
}

static unsigned program_block(struct em_efuse_model *model,
                              const struct em_efuse_block *block,
                              const struct pulse *pulse, const uint8_t *wanted,
                              const uint8_t *wanted_check)
{
    uint8_t open[EM_EFUSE_BYTES_MAX];
    writable_bits(model, block, open);
    bool grouped = em_efuse_model_scheme(model, block) == EM_EFUSE_SCHEME_34;
    uint8_t *weak = block->coding == EM_EFUSE_COPIES ? model->array.weak : NULL;
    uint8_t *data = model->array.data[block->number];
    unsigned pulses = 0;
    for (size_t bit = 0; bit < em_efuse_model_stored(block) * 8; bit++) {
        if (!em_efuse_bit(wanted, bit) || !em_efuse_bit(open, bit) ||
            (em_efuse_bit(data, bit) && (weak == NULL || !em_efuse_bit(weak, bit))))
            continue;
        bool check = grouped && bit % GROUP_BITS >= GROUP_DATA_BITS;
        pulse_bit(model, pulse, data, weak, bit, block->number, check);
        pulses++;
    }
    uint8_t *check = model->array.check[block->number];
    for (size_t bit = 0; wanted_check != NULL && bit < EM_EFUSE_RS_CHECK * 8; bit++) {
        if (!em_efuse_bit(wanted_check, bit) || !em_efuse_bit(open, 0) ||
            em_efuse_bit(check, bit))
            continue;
        pulse_bit(model, pulse, check, NULL, bit, block->number, true);
        pulses++;
    }
    return pulses;
}

static void take_registers(const struct em_efuse_model *model, size_t off, size_t words,
                           uint8_t *out)
{
    for (size_t i = 0; i < words; i++)
        em_put_le32(out + 4 * i, model->regs[off / 4 + i]);
}

/* The virtual chip of published tools takes the coding off before it burns. */
static void strip_coding(const struct em_efuse_model *model,
                         const struct em_efuse_block *block, uint8_t *window)
{
    if (model->style != EM_EFUSE_VIRTUAL || block->coding != EM_EFUSE_SCHEME ||
        em_efuse_model_field(model, "CODING_SCHEME") != EM_EFUSE_SCHEME_34)
        return;
    uint8_t data[EM_EFUSE_34_DATA];
    (void)em_efuse_34_decode(window, data); /* as good as it can be read */
    memset(window, 0, EM_EFUSE_CODED);
    memcpy(window, data, sizeof data);
}

unsigned em_efuse_model_program(struct em_efuse_model *model, unsigned number)
{
    const struct em_efuse_table *table = model->view.table;
    const struct pulse pulse = pulse_of(model);
    bool shared = table->regs.check != 0;
    unsigned pulses = 0;
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        if (shared && block->number != number)
            continue;
        uint8_t window[EM_EFUSE_PGM_WORDS * 4] = {0};
        take_registers(model, block->write, shared ? EM_EFUSE_PGM_WORDS : block->words,
                       window);
        strip_coding(model, block, window);
        const uint8_t *check =
            block->coding == EM_EFUSE_RS ? window + EM_EFUSE_RS_DATA : NULL;
        pulses += program_block(model, block, &pulse, window, check);
    }
    model->cut = false;
    return pulses;
}

void em_efuse_model_cut(struct em_efuse_model *model, unsigned permille, uint64_t seed)
{
    model->cut = true;
    model->cut_permille = permille;
    model->random = seed;
}

void em_efuse_model_seed(struct em_efuse_model *model, unsigned block, unsigned bit,
                         unsigned count, uint32_t value)
{
    const struct em_efuse_block *found = em_efuse_block_at(model->view.table, block);
    if (found == NULL)
        return;
    uint8_t bytes[EM_EFUSE_BYTES_MAX];
    (void)em_efuse_model_decode(model, found, bytes); /* as good as it can be read */
    for (unsigned i = 0; i < count && bit + i < em_efuse_model_stored(found) * 8; i++)
        if (i < 32 && (value >> i & 1) != 0)
            em_efuse_set_bit(bytes, bit + i, true);
    em_efuse_model_encode(model, found, bytes);
    em_efuse_model_reload(model);
}

/* One array of bytes of both; false: a bit is gone. @p each NULL: only look. @p grouped:
 * check bytes stand among the data. */
static bool diff_bytes(const uint8_t *before, const uint8_t *after, size_t len,
                       unsigned number, bool check, bool grouped, em_efuse_burned *each,
                       void *user)
{
    for (size_t bit = 0; bit < len * 8; bit++) {
        bool was = em_efuse_bit(before, bit), is = em_efuse_bit(after, bit);
        if (was && !is)
            return false;
        if (is && !was && each != NULL)
            each(user, number, (unsigned)bit,
                 check || (grouped && bit % GROUP_BITS >= GROUP_DATA_BITS));
    }
    return true;
}

static bool diff_all(const struct em_efuse_model *before,
                     const struct em_efuse_model *after, em_efuse_burned *each,
                     void *user)
{
    const struct em_efuse_table *table = before->view.table;
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        unsigned number = block->number;
        bool grouped = em_efuse_model_scheme(after, block) == EM_EFUSE_SCHEME_34;
        if (!diff_bytes(before->array.data[number], after->array.data[number],
                        em_efuse_model_stored(block), number, false, grouped, each,
                        user) ||
            !diff_bytes(before->array.check[number], after->array.check[number],
                        EM_EFUSE_RS_CHECK, number, true, false, each, user))
            return false;
    }
    return true;
}

bool em_efuse_model_diff(const struct em_efuse_model *before,
                         const struct em_efuse_model *after, em_efuse_burned *each,
                         void *user)
{
    return diff_all(before, after, NULL, NULL) && diff_all(before, after, each, user);
}
