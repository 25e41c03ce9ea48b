/* SPDX-License-Identifier: Apache-2.0 */
/* Key blocks: which are free, which have a key already, which cannot tell. */
#include "config.h"

#include "flasher/efuse/keys_int.h"

#include <openssl/crypto.h>

static bool is_taken(const struct em_efuses *e, const struct em_efuses_items *items,
                     const struct em_efuse_block *block)
{
    for (size_t i = 0; i < items->count; i++)
        if (items->list[i].block == block)
            return true;
    for (size_t i = 0; i < items->key_count; i++)
        if (em_efuse_block_find(e->view.table, items->keys[i].block) == block)
            return true;
    return false;
}

enum em_status em_efuses_no_block(const struct em_efuse_purpose *purpose,
                                  struct em_error *err)
{
    return em_error_set(err, EM_ERR_REFUSED, "see the summary for what they hold",
                        "no key block is free for %s", purpose->name);
}

/* The next free key block from @p from on, round the end. A damaged one on the way may be
 * what a burn of this key left that was cut short: better ask than use up another. */
enum em_status em_efuses_next_free(struct em_efuses *e,
                                   const struct em_efuses_items *items, size_t from,
                                   const struct em_efuse_purpose *purpose,
                                   const struct em_efuse_block **out,
                                   struct em_error *err)
{
    size_t count = e->view.table->block_count;
    for (size_t i = 0; i < count; i++) {
        const struct em_efuse_block *block = &e->view.table->blocks[(from + i) % count];
        if (is_taken(e, items, block) || !em_efuses_key_block(e, block))
            continue;
        *out = block;
        if (em_efuses_block_free(e, block))
            return EM_OK;
        enum em_status status = EM_OK;
        if (em_efuses_damaged(e, block->number))
            status = em_efuses_refuse(
                e, err, "--force-write-always passes it over; or name another block",
                "%s has coding errors: it may hold a part of a key for %s", block->name,
                purpose->name);
        if (status != EM_OK)
            return status;
    }
    *out = NULL;
    return em_efuses_no_block(purpose, err);
}

static bool is_hidden(const struct em_efuses *e, const struct em_efuse_block *block)
{
    return em_efuses_rd_closed(e, block->rd_dis, block->rd_dis_count);
}

/* Does the chip say that a hidden block is for @p purpose? */
static bool is_for(const struct em_efuses *e, const struct em_efuse_block *block,
                   const struct em_efuse_purpose *purpose)
{
    const struct em_efuse_field *field = em_efuses_purpose_field(e, block);
    if (field != NULL)
        return em_efuses_joint(e, field) == (uint64_t)purpose->value && purpose->protect;
    /* Where the place tells, a bit may say which of two purposes it is (ESP32-C2). */
    for (size_t i = 0; i < e->view.table->purpose_count; i++) {
        const struct em_efuse_purpose *other = &e->view.table->purposes[i];
        if (!other->in_block || other->block != block->number ||
            other->also_burns == NULL)
            continue;
        bool whole = em_efuses_value(e, other->also_burns) != 0;
        if (whole != (purpose == other) && purpose->half != 2)
            return false;
    }
    return purpose->in_block && purpose->block == block->number;
}

/* Does this block have the key, as a whole or, after a burn that was cut short, a part?
 */
static bool holds(const struct em_efuses *e, const struct em_efuse_block *block,
                  const struct em_efuses_seeker *seeker,
                  const struct em_efuses_bits *value)
{
    const struct em_efuse_field *field = em_efuses_purpose_field(e, block);
    const struct em_efuse_purpose *purpose = seeker->purpose;
    if (field == NULL)
        return false;
    if (is_hidden(e, block))
        return seeker->recorded && is_for(e, block, purpose);
    const struct em_efuses_bits *now = &e->now[block->number];
    if (em_efuses_zero(now))
        return false;
    uint64_t joint = em_efuses_joint(e, field);
    bool open = (joint & ~(uint64_t)purpose->value) == 0 && em_efuses_can_write(e, field);
    bool part = em_efuses_damaged(e, block->number) && em_efuses_within(now, value);
    return (joint == (uint64_t)purpose->value || open) &&
           (part || em_efuses_same(now, value));
}

const struct em_efuse_block *em_efuses_holder(const struct em_efuses *e,
                                              const struct em_efuses_items *items,
                                              const struct em_efuses_seeker *seeker)
{
    struct em_efuses_bits value = {{0}};
    for (size_t i = 0; i < EM_EFUSES_KEY; i++)
        value.bytes[i] =
            seeker->bytes[seeker->purpose->reverse ? EM_EFUSES_KEY - 1 - i : i];
    const struct em_efuse_block *found = NULL;
    for (size_t b = 0; b < e->view.table->block_count && found == NULL; b++) {
        const struct em_efuse_block *block = &e->view.table->blocks[b];
        if (!is_taken(e, items, block) && holds(e, block, seeker, &value))
            found = block;
    }
    OPENSSL_cleanse(&value, sizeof value);
    return found;
}

static enum em_status no_comparing(struct em_efuses *e,
                                   const struct em_efuse_block *block,
                                   const struct em_efuse_purpose *purpose,
                                   const char *hint, struct em_error *err)
{
    return em_efuses_refuse(
        e, err, hint, "%s is in use for %s, cannot be compared: it is read protected",
        block->name, purpose->name);
}

enum em_status em_efuses_check_alike(struct em_efuses *e,
                                     const struct em_efuses_items *items,
                                     const struct em_efuse_purpose *purpose,
                                     struct em_error *err)
{
    for (size_t b = 0; b < e->view.table->block_count; b++) {
        const struct em_efuse_block *block = &e->view.table->blocks[b];
        if (em_efuses_purpose_field(e, block) != NULL && is_hidden(e, block) &&
            !is_taken(e, items, block) && is_for(e, block, purpose))
            return no_comparing(e, block, purpose,
                                "for one more key of this purpose name its block", err);
    }
    return EM_OK;
}

enum em_status em_efuses_check_hidden(struct em_efuses *e,
                                      const struct em_efuses_item *item, bool *done_out,
                                      struct em_error *err)
{
    const struct em_efuse_block *block = item->block;
    const struct em_efuse_field *field = em_efuses_purpose_field(e, block);
    *done_out = false;
    if (is_for(e, block, item->purpose)) {
        *done_out = item->recorded;
        if (!item->recorded)
            return no_comparing(e, block, item->purpose,
                                "if it has this key there is nothing to do; else take "
                                "another block",
                                err);
        return em_efuses_already(e, block->name,
                                 ": already burned as asked, by the record", err);
    }
    if (field != NULL && em_efuses_joint(e, field) == 0)
        return em_efuses_refuse(e, err, "take another key block",
                                "%s is read protected and has no purpose: what it holds "
                                "cannot be told any more",
                                block->name);
    const char *is = field == NULL ? "something else" : em_efuses_purpose_text(e, block);
    return em_efuses_refuse(e, err, "take another key block",
                            "%s is read protected and in use for %s", block->name, is);
}
