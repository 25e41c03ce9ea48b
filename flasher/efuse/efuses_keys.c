/* SPDX-License-Identifier: Apache-2.0 */
/* burn-key and burn-key-digest: keys to their blocks, with purpose and protection. */
#include "config.h"

#include "flasher/efuse/keys_int.h"

#include <openssl/crypto.h>

#include <stdio.h>
#include <stdlib.h>

enum { HALF = 16, HALF_BITS = 128 };

/* Purposes that take a part of a block are told by the block's name (ESP32) or stand
 * beside it (ESP32-C2). */
static enum em_status find_purpose(const struct em_efuses *e,
                                   const struct em_efuses_key *key,
                                   const struct em_efuse_purpose **out,
                                   struct em_error *err)
{
    const char *name = key->purpose == NULL ? key->block : key->purpose;
    *out = em_efuse_purpose_find(&e->view, name);
    if (*out != NULL)
        return EM_OK;
    char hint[256] = "it is one of";
    size_t at = strlen(hint);
    const char *other;
    for (size_t i = 0; (other = em_efuses_purpose(e, i)) != NULL; i++)
        if (at + strlen(other) + 2 < sizeof hint)
            at += (size_t)snprintf(hint + at, sizeof hint - at, " %s", other);
    return em_error_set(err, EM_ERR_USAGE, hint,
                        key->purpose == NULL
                            ? "'%.64s' is no block for a key"
                            : "'%.64s' is no purpose that the chip knows",
                        name);
}

/* Bytes of the key as they are meant, before they are turned around. */
static enum em_status
key_bytes(const struct em_efuses *e, const struct em_efuse_purpose *purpose,
          const struct em_efuse_block *block, const struct em_efuses_key *key,
          uint8_t out[EM_EFUSES_LONG_KEY], size_t *len_out, struct em_error *err)
{
    size_t whole = em_efuses_block_bits(e, block) / 8;
    size_t wanted = purpose->half != 0 ? (size_t)HALF : whole;
    if (purpose->parts[0] != NULL)
        wanted = EM_EFUSES_LONG_KEY;
    if (purpose->pem) {
        uint8_t raw[EM_EFUSES_LONG_KEY];
        size_t len = 0;
        enum em_status status = em_efuses_pem_secret(key->data, key->len, raw, &len, err);
        bool fits = len <= wanted && (wanted == EM_EFUSES_KEY || len > EM_EFUSES_KEY);
        if (status == EM_OK && !fits)
            status =
                em_error_set(err, EM_ERR_INPUT, "take a key of the purpose's curve",
                             "%s: the private key has %zu bits", purpose->name, len * 8);
        if (status == EM_OK) {
            memset(out, 0, wanted);
            memcpy(out + wanted - len, raw, len);
        }
        OPENSSL_cleanse(raw, sizeof raw);
        *len_out = wanted;
        return status;
    }
    bool cut = purpose->half != 0 && purpose->digest && key->len == EM_EFUSES_KEY;
    if (key->len != wanted && !cut)
        return em_error_set(err, EM_ERR_INPUT, "take a file of raw bytes of that length",
                            "%s: the key has %zu bytes, %zu are needed", purpose->name,
                            key->len, wanted);
    memcpy(out, key->data, wanted);
    *len_out = wanted;
    return EM_OK;
}

static void add(struct em_efuses_items *items, const struct em_efuse_block *block,
                const struct em_efuses_seeker *key, size_t len)
{
    struct em_efuses_item *item = &items->list[items->count++];
    item->block = block;
    item->purpose = key->purpose;
    item->len = len;
    item->recorded = key->recorded;
    for (size_t i = 0; i < len; i++)
        item->bytes[i] = key->bytes[key->purpose->reverse ? len - 1 - i : i];
}

/* The block for a key that may be in one already. */
static enum em_status find_place(struct em_efuses *e, const struct em_efuses_items *items,
                                 const struct em_efuses_seeker *seeker, size_t from,
                                 const struct em_efuse_block **out, struct em_error *err)
{
    *out = em_efuses_holder(e, items, seeker);
    if (*out != NULL)
        return EM_OK;
    enum em_status status = em_efuses_check_alike(e, items, seeker->purpose, err);
    return status == EM_OK
               ? em_efuses_next_free(e, items, from, seeker->purpose, out, err)
               : status;
}

/* Both halves of a long key; @p block is for the first, or NULL. */
static enum em_status add_long(struct em_efuses *e, struct em_efuses_items *items,
                               const struct em_efuse_block *block,
                               const struct em_efuses_seeker *key, struct em_error *err)
{
    struct em_efuses_seeker part[2] = {*key, *key};
    part[1].bytes += EM_EFUSES_KEY;
    for (size_t i = 0; i < 2; i++) {
        part[i].purpose = em_efuse_purpose_find(&e->view, key->purpose->parts[i]);
        if (part[i].purpose == NULL)
            return em_error_set(err, EM_ERR_UNSUPPORTED, NULL,
                                "%s has no purposes for the halves of %s", e->chip->name,
                                key->purpose->name);
    }
    enum em_status status =
        block != NULL ? EM_OK : find_place(e, items, &part[0], 0, &block, err);
    if (status != EM_OK)
        return status;
    add(items, block, &part[0], EM_EFUSES_KEY);
    const struct em_efuse_block *second;
    status = find_place(e, items, &part[1], (size_t)block->number + 1, &second, err);
    if (status == EM_OK)
        add(items, second, &part[1], EM_EFUSES_KEY);
    return status;
}

static enum em_status add_key(struct em_efuses *e, struct em_efuses_items *items,
                              const struct em_efuses_key *key,
                              const struct em_efuse_purpose *purpose,
                              const struct em_efuse_block *block, struct em_error *err)
{
    uint8_t bytes[EM_EFUSES_LONG_KEY] = {0};
    const struct em_efuses_seeker seeker = {purpose, bytes, key->recorded};
    size_t len = 0;
    if (block == NULL && purpose->in_block)
        block = &e->view.table->blocks[purpose->block];
    /* All blocks that are chosen freely have the same length. */
    const struct em_efuse_block *any = block;
    for (size_t i = 0; any == NULL && i < e->view.table->block_count; i++)
        if (em_efuses_key_block(e, &e->view.table->blocks[i]))
            any = &e->view.table->blocks[i];
    enum em_status status = any == NULL
                                ? em_efuses_no_block(purpose, err)
                                : key_bytes(e, purpose, any, key, bytes, &len, err);
    if (status == EM_OK && purpose->parts[0] != NULL) {
        status = add_long(e, items, block, &seeker, err);
    } else if (status == EM_OK) {
        if (block == NULL)
            status = find_place(e, items, &seeker, 0, &block, err);
        if (status == EM_OK)
            add(items, block, &seeker, len);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return status;
}

static enum em_status resolve(struct em_efuses *e, struct em_efuses_items *items,
                              const struct em_efuses_key *key, struct em_error *err)
{
    const struct em_efuse_block *block = NULL;
    const struct em_efuse_purpose *purpose;
    enum em_status status = EM_OK;
    if (strcmp(key->block, "auto") != 0)
        status = em_efuses_look_up_block(e, key->block, &block, err);
    else if (key->purpose == NULL)
        status = em_error_set(err, EM_ERR_USAGE, "name the block",
                              "on %s the block tells what a key is for", e->chip->name);
    if (status == EM_OK)
        status = find_purpose(e, key, &purpose, err);
    if (status != EM_OK)
        return status;
    if (block != NULL && (!em_efuses_key_block(e, block) ||
                          (purpose->in_block && purpose->block != block->number)))
        return em_error_set(err, EM_ERR_USAGE, "see --help for the blocks of keys",
                            "%s is no block for %s", block->name, purpose->name);
    return add_key(e, items, key, purpose, block, err);
}

/* Two keys share a block only as its two halves. */
static enum em_status check_items(const struct em_efuses *e,
                                  const struct em_efuses_items *items,
                                  struct em_error *err)
{
    for (size_t i = 0; i < items->count; i++) {
        enum em_status status =
            em_efuses_check_place(e, items->list[i].purpose, items->list[i].block, err);
        if (status != EM_OK)
            return status;
        for (size_t k = 0; k < i; k++) {
            const struct em_efuse_purpose *a = items->list[i].purpose;
            const struct em_efuse_purpose *b = items->list[k].purpose;
            if (items->list[i].block == items->list[k].block &&
                (a->half == 0 || b->half == 0 || a->half == b->half))
                return em_error_set(err, EM_ERR_USAGE, "give each key its own block",
                                    "%s cannot hold two keys (%s, %s)",
                                    items->list[i].block->name, b->name, a->name);
        }
    }
    return EM_OK;
}

static const struct em_efuse_field *place_of(const struct em_efuses *e,
                                             const struct em_efuses_item *item)
{
    size_t bit = item->purpose->half == 2 ? HALF_BITS : 0;
    for (size_t i = 0; i < e->field_count; i++)
        if (e->fields[i]->block == item->block->number && e->fields[i]->bit == bit &&
            e->fields[i]->bits == item->len * 8)
            return e->fields[i];
    return NULL;
}

static enum em_status stage_purpose(struct em_efuses *e,
                                    const struct em_efuses_item *item, bool same_key,
                                    struct em_error *err)
{
    const struct em_efuse_field *field = em_efuses_purpose_field(e, item->block);
    if (field == NULL)
        return EM_OK;
    uint64_t now = em_efuses_joint(e, field);
    uint64_t then = (uint64_t)item->purpose->value;
    struct em_efuses_parts parts;
    enum em_status status = EM_OK;
    if (now != then) {
        bool grows = (now & ~then) == 0;
        if (!em_efuses_can_write(e, field))
            return em_error_set(err, EM_ERR_REFUSED, "take another key block",
                                "%s is write protected and says %s", field->name,
                                em_efuses_purpose_text(e, item->block));
        if (!grows || (now != 0 && !same_key))
            status = em_efuses_refuse(e, err, "take another key block",
                                      "%s is for %s already", item->block->name,
                                      em_efuses_purpose_text(e, item->block));
        if (status == EM_OK)
            status = em_efuses_spread(e, field, then, &parts, err);
        for (size_t i = 0; status == EM_OK && i < parts.count; i++)
            status =
                em_efuses_stage_value(e, parts.part[i].field, &parts.part[i].bits, err);
    }
    /* The purpose decides who may use the key: it is closed in any case. */
    if (status == EM_OK && em_efuses_can_write(e, field))
        status = em_efuses_close_write(e, field, err);
    return status;
}

static enum em_status occupied(struct em_efuses *e, const struct em_efuse_field *field,
                               struct em_error *err)
{
    if (em_efuses_damaged(e, field->block))
        return em_efuses_refuse(
            e, err,
            "if a burn of the same key was cut short, --force-write-always completes it",
            "%s has coding errors, and what can be read is no part of this key",
            field->name);
    return em_efuses_refuse(e, err, "take a free key block, or auto",
                            "%s holds another key or other data", field->name);
}

/* *mine_out: what the block has, if anything, is this key or a part of it. */
static enum em_status stage_data(struct em_efuses *e, const struct em_efuses_item *item,
                                 const struct em_efuse_field *field, bool *mine_out,
                                 struct em_error *err)
{
    bool done = false;
    *mine_out = true;
    enum em_status status = em_efuses_can_read(e, field)
                                ? EM_OK
                                : em_efuses_check_hidden(e, item, &done, err);
    if (status != EM_OK || done)
        return status;
    struct em_efuses_bits value = {{0}};
    memcpy(value.bytes, item->bytes, item->len);
    struct em_efuses_bits now = em_efuses_read(e, field);
    bool same_key = em_efuses_within(&value, &now) && !em_efuses_zero(&value);
    bool part = em_efuses_can_complete(e, field->block) && em_efuses_within(&now, &value);
    *mine_out = same_key || part;
    if (em_efuses_zero(&value))
        em_efuses_log(e, EM_LOG_WARNING, "%s: the key is all zeros", item->block->name);
    if (em_efuses_can_read(e, field) && !em_efuses_zero(&now) &&
        !em_efuses_same(&now, &value) && !part)
        status = occupied(e, field, err);
    if (status == EM_OK)
        status = em_efuses_stage_value(e, field, &value, err);
    OPENSSL_cleanse(&value, sizeof value);
    OPENSSL_cleanse(&now, sizeof now);
    return status;
}

static enum em_status stage_item(struct em_efuses *e, const struct em_efuses_item *item,
                                 const struct em_efuses_key_options *options,
                                 struct em_error *err)
{
    const struct em_efuse_field *field = place_of(e, item);
    if (field == NULL)
        return em_error_set(err, EM_ERR_UNSUPPORTED, NULL, "%s has no place for %s",
                            item->block->name, item->purpose->name);
    bool mine;
    enum em_status status = stage_data(e, item, field, &mine, err);
    if (status == EM_OK)
        status = stage_purpose(e, item, mine, err);
    const char *also = item->purpose->also_burns;
    if (status == EM_OK && also != NULL && em_efuses_named(e, also) != NULL)
        status = em_efuses_stage_named(e, also, 1, err);
    if (status == EM_OK && item->purpose->protect && !options->no_read_protect)
        status = em_efuses_close_read(e, field, err);
    if (status == EM_OK && !options->no_write_protect)
        status = em_efuses_close_write(e, field, err);
    return status;
}

static enum em_status stage_keys(struct em_efuses *e, const struct em_efuses_key *keys,
                                 size_t count,
                                 const struct em_efuses_key_options *options,
                                 struct em_error *err)
{
    static const struct em_efuses_key_options plain = {0};
    struct em_efuses_items items = {.keys = keys, .key_count = count};
    items.list = calloc(2 * count + 1, sizeof *items.list);
    if (items.list == NULL)
        return em_error_nomem(err);
    enum em_status status = EM_OK;
    for (size_t i = 0; i < count && status == EM_OK; i++)
        status = resolve(e, &items, &keys[i], err);
    if (status == EM_OK)
        status = check_items(e, &items, err);
    for (size_t i = 0; i < items.count && status == EM_OK; i++)
        status = stage_item(e, &items.list[i], options == NULL ? &plain : options, err);
    OPENSSL_cleanse(items.list, (2 * count + 1) * sizeof *items.list);
    free(items.list);
    return status;
}

enum em_status em_efuses_stage_keys(struct em_efuses *e, const struct em_efuses_key *keys,
                                    size_t count,
                                    const struct em_efuses_key_options *options,
                                    struct em_error *err)
{
    return em_efuses_stage_done(e, stage_keys(e, keys, count, options, err));
}
