/* SPDX-License-Identifier: Apache-2.0 */
/* What a burn would change, in words. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include <stdio.h>
#include <stdlib.h>

/* Texts are collected in one buffer, so their places are known only at the end. */
struct draft {
    struct em_efuses_change change;
    size_t from, to, covers; /* offsets in the buffer */
};

struct drafts {
    struct draft *list;
    size_t count;
};

static size_t keep(struct em_efuses *e, const char *text)
{
    size_t at = e->texts.len;
    em_buf_append(&e->texts, text, strlen(text) + 1);
    return at;
}

/* Everything that the bits of WR_DIS or RD_DIS in @p bits close. */
static size_t keep_covers(struct em_efuses *e, const struct em_efuse_field *field,
                          const struct em_efuses_bits *bits)
{
    bool write = strcmp(field->name, "WR_DIS") == 0;
    bool read = strcmp(field->name, "RD_DIS") == 0;
    size_t at = e->texts.len;
    for (size_t i = 0; (write || read) && i < e->field_count; i++) {
        const struct em_efuse_field *other = e->fields[i];
        bool hit = write && other->wr_dis != EM_EFUSE_NO_BIT &&
                   em_efuses_bit(bits->bytes, (size_t)other->wr_dis);
        for (size_t k = 0; read && k < other->rd_dis_count; k++)
            hit = hit || em_efuses_bit(bits->bytes, (size_t)other->rd_dis[k]);
        if (!hit)
            continue;
        em_buf_append_text(&e->texts, e->texts.len == at ? "" : " ");
        em_buf_append_text(&e->texts, other->name);
    }
    em_buf_append_byte(&e->texts, '\0');
    return at;
}

/* What @p number means in this field; NULL: only the number tells. A key purpose may
 * have its upper bits in another field. */
static const char *meaning(const struct em_efuses *e, const struct em_efuse_field *field,
                           uint64_t number, bool staged)
{
    const struct em_efuse_field *piece[EM_EFUSES_PARTS_MAX];
    if (field->special != EM_EFUSE_CLASS_KEYPURPOSE)
        return em_efuse_value_text(field, (uint32_t)number);
    size_t count = em_efuses_pieces(e, field, piece);
    uint64_t value = 0;
    unsigned place = 0;
    if (count == 0) /* it is such upper bits */
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct em_efuses_bits bits = em_efuses_read(e, piece[i]);
        struct em_efuses_bits more = em_efuses_staged(e, piece[i]);
        if (staged)
            bits = em_efuses_or(&bits, &more);
        value |= em_efuses_number(&bits) << place;
        place += piece[i]->bits;
    }
    const struct em_efuse_purpose *purpose =
        em_efuse_purpose_by_value(&e->view, (int)value);
    return purpose == NULL ? NULL : purpose->name;
}

/* The field as it is, or with what is staged. */
static size_t keep_value(struct em_efuses *e, const struct em_efuse_field *field,
                         const struct em_efuses_bits *bits, bool staged)
{
    char text[128];
    if (field->bits > 64)
        return keep(e, em_efuses_zero(bits) ? "blank" : "data");
    uint64_t number = em_efuses_number(bits);
    const char *means = field->bits > 32 ? NULL : meaning(e, field, number, staged);
    (void)snprintf(text, sizeof text, "0x%llx%s%s%s", (unsigned long long)number,
                   means == NULL ? "" : " (", means == NULL ? "" : means,
                   means == NULL ? "" : ")");
    return keep(e, text);
}

static void add_field(struct em_efuses *e, struct drafts *drafts,
                      const struct em_efuse_field *field, bool late)
{
    struct em_efuses_bits now = em_efuses_read(e, field);
    struct em_efuses_bits staged = em_efuses_staged(e, field);
    struct em_efuses_bits then = em_efuses_or(&now, &staged);
    if (em_efuses_same(&now, &then))
        return;
    struct draft *draft = &drafts->list[drafts->count++];
    draft->change.block = field->block;
    draft->change.block_name = e->view.table->blocks[field->block].name;
    draft->change.field = field->name;
    draft->change.danger = em_efuses_danger(field->name);
    draft->change.postponed = late;
    draft->change.protects =
        strcmp(field->name, "WR_DIS") == 0 || strcmp(field->name, "RD_DIS") == 0;
    draft->from = keep_value(e, field, &now, false);
    draft->to = keep_value(e, field, &then, true);
    draft->covers = keep_covers(e, field, &staged);
}

static void add_block(struct em_efuses *e, struct drafts *drafts, size_t b)
{
    struct draft *draft = &drafts->list[drafts->count++];
    draft->change.block = (unsigned)b;
    draft->change.block_name = e->view.table->blocks[b].name;
    draft->change.danger = "";
    draft->from = keep(e, em_efuses_zero(&e->now[b]) ? "blank" : "data");
    draft->to = keep(e, e->recover[b] ? "the same data, once more" : "data");
    draft->covers = keep(e, "");
}

/* Fields of a block that are changed; the block itself if some bits are in none, or if
 * it is a field as a whole. */
static void add_changes(struct em_efuses *e, struct drafts *drafts, size_t b)
{
    struct em_efuses_bits left = e->staged[b];
    struct em_efuses_bits late = em_efuses_postponed(e);
    bool whole = b != 0 && em_efuses_key_block(e, &e->view.table->blocks[b]);
    for (size_t i = 0; i < e->field_count && !whole && !e->recover[b]; i++) {
        const struct em_efuse_field *field = e->fields[i];
        if (field->block != b || field->group == EM_EFUSE_CALC ||
            field->bits >= em_efuses_block_bits(e, &e->view.table->blocks[b]))
            continue;
        add_field(e, drafts, field, b == 0 && em_efuses_bit(late.bytes, field->bit));
        for (size_t bit = field->bit; bit < (size_t)field->bit + field->bits; bit++)
            left.bytes[bit / 8] = (uint8_t)(left.bytes[bit / 8] & ~(1U << bit % 8));
    }
    if (!em_efuses_zero(&left))
        add_block(e, drafts, b);
}

static enum em_status hand_over(struct em_efuses *e, const struct drafts *drafts,
                                struct em_error *err)
{
    struct em_efuses_change *changes = malloc((drafts->count + 1) * sizeof *changes);
    if (changes == NULL || e->texts.failed) {
        free(changes);
        return em_error_nomem(err);
    }
    for (size_t i = 0; i < drafts->count; i++) {
        const struct draft *draft = &drafts->list[i];
        changes[i] = draft->change;
        changes[i].from = (const char *)e->texts.data + draft->from;
        changes[i].to = (const char *)e->texts.data + draft->to;
        changes[i].covers = (const char *)e->texts.data + draft->covers;
    }
    free(e->changes);
    e->changes = changes;
    e->change_count = drafts->count;
    return EM_OK;
}

enum em_status em_efuses_plan(struct em_efuses *e, const struct em_efuses_change **out,
                              size_t *count_out, struct em_error *err)
{
    *out = NULL;
    *count_out = 0;
    enum em_status status = em_efuses_check_blocks(e, err);
    if (status != EM_OK)
        return status;
    em_buf_clear(&e->texts);
    size_t room = e->field_count + e->view.table->block_count;
    struct drafts drafts = {.list = calloc(room, sizeof *drafts.list)};
    if (drafts.list == NULL)
        return em_error_nomem(err);
    for (size_t b = e->view.table->block_count; b-- > 0;)
        if (em_efuses_has_staged(e, b))
            add_changes(e, &drafts, b);
    for (size_t b = 0; drafts.count == 0 && b < e->view.table->block_count; b++)
        if (em_efuses_has_staged(e, b))
            add_block(e, &drafts, b);
    status = hand_over(e, &drafts, err);
    free(drafts.list);
    if (status == EM_OK)
        status = em_efuses_judge(e, err);
    if (status == EM_OK) {
        *out = e->changes;
        *count_out = e->change_count;
    }
    return status;
}
