/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about keys: where they are, what they are for, what protects them. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include <string.h>

static const char flash_keys[] = "XTS_AES_";
static const char psram[] = "PSRAM";

/* Some of its bits, of the block or of one half. */
static bool any_bit(const struct em_efuses *e, const struct em_efuses_bits *block,
                    const struct em_efuse_block *of, unsigned half)
{
    size_t bits = em_efuses_block_bits(e, of);
    size_t len = half == 0 ? bits : bits / 2;
    struct em_efuses_bits part = em_efuses_cut(block, half == 2 ? bits / 2 : 0, len);
    return !em_efuses_zero(&part);
}

static bool rd_closed(const struct em_efuses *e, const struct em_efuse_block *block,
                      unsigned half)
{
    if (half == 0 || block->rd_dis_count < 2)
        return em_efuses_rd_closed(e, block->rd_dis, block->rd_dis_count);
    return em_efuses_rd_closed(e, &block->rd_dis[half - 1], 1);
}

static void add_key(struct em_rule_look *look, const struct em_efuse_block *block,
                    const struct em_efuse_purpose *purpose, unsigned half)
{
    if (look->key_count == EM_RULE_KEYS_MAX)
        return;
    struct em_rule_key *key = &look->keys[look->key_count++];
    bool was_hidden = rd_closed(look->was, block, half);
    key->block = block;
    key->purpose = purpose;
    key->hidden = rd_closed(look->then, block, half);
    key->hides = key->hidden && !was_hidden;
    key->in =
        was_hidden || any_bit(look->then, &look->then->now[block->number], block, half);
    key->staged = any_bit(look->was, &look->was->staged[block->number], block, half);
    key->kind = purpose == NULL                       ? EM_RULE_OTHER
                : purpose->digest && !purpose->custom ? EM_RULE_DIGEST
                : purpose->protect                    ? EM_RULE_SECRET
                                                      : EM_RULE_OTHER;
    if (purpose == NULL)
        return;
    /* Where the place tells the purpose (ESP32), secret keys of BLOCK1 encrypt. */
    bool xts = strncmp(purpose->name, flash_keys, sizeof flash_keys - 1) == 0 &&
               strstr(purpose->name, psram) == NULL;
    key->encrypts = xts || strcmp(purpose->name, "flash_encryption") == 0;
}

/* A purpose that is told by the place counts as the other fields say. */
static bool place_counts(const struct em_efuses *e, const struct em_efuse_purpose *p)
{
    if (!p->digest && !p->protect)
        return false;
    if (em_efuses_named(e, "XTS_KEY_LENGTH_256") != NULL) { /* ESP32-C2 */
        bool whole = em_efuses_value(e, "XTS_KEY_LENGTH_256") != 0;
        return (p->half == 0) == whole;
    }
    bool version1 =
        em_efuses_value(e, "ABS_DONE_0") != 0 && em_efuses_value(e, "ABS_DONE_1") == 0;
    return p->block != 2 || p->digest != version1; /* ESP32 */
}

void em_rule_find_keys(struct em_rule_look *look)
{
    const struct em_efuse_table *table = look->was->view.table;
    look->key_count = 0;
    for (size_t i = 0; i < table->purpose_count; i++) {
        const struct em_efuse_purpose *p = &table->purposes[i];
        if (p->in_block && place_counts(look->then, p))
            add_key(look, &table->blocks[p->block], p, p->half);
    }
    for (size_t b = 0; b < table->block_count; b++) {
        const struct em_efuse_block *block = &table->blocks[b];
        const struct em_efuse_field *field = em_efuses_purpose_field(look->then, block);
        if (field == NULL)
            continue;
        uint64_t was = em_efuses_joint(look->was, field);
        uint64_t then = em_efuses_joint(look->then, field);
        add_key(look, block, em_efuse_purpose_by_value(&look->was->view, (int)then), 0);
        if (was != then)
            look->keys[look->key_count - 1].staged = true;
    }
}

/* ---- Checks ---- */

static const char *purpose_name(const struct em_rule_key *key)
{
    return key->purpose == NULL ? "an unknown purpose" : key->purpose->name;
}

/* The ESP32-C2 and the ESP32 have a place for a digest without knowing if it is one. */
static bool is_digest(const struct em_rule_look *look, const struct em_rule_key *key)
{
    return key->kind == EM_RULE_DIGEST &&
           (!key->purpose->in_block || em_rule_secure(look->then));
}

static bool check_key(struct em_rule_look *look, const struct em_rule_key *key)
{
    const char *name = key->block->name;
    switch (look->rule->check) {
    case EM_RULE_DIGEST_HIDDEN:
        return key->hides && is_digest(look, key) &&
               em_rule_hit(look, "%s holds %s", name, purpose_name(key));
    case EM_RULE_PLAIN_HIDDEN:
        return key->hides && key->kind == EM_RULE_OTHER &&
               em_rule_hit(look, "%s holds %s", name, purpose_name(key));
    case EM_RULE_PLACE:
        return key->staged && key->purpose != NULL &&
               key->purpose->not_block == key->block->number &&
               em_rule_hit(look, "%s for %s", name, purpose_name(key));
    case EM_RULE_UNKNOWN:
        return key->staged && key->purpose == NULL &&
               em_rule_hit(look, "%s", key->block->purpose_field);
    case EM_RULE_RD_CLOSED:
        return key->kind == EM_RULE_SECRET && key->in && !key->hidden &&
               em_rule_hit(look, "%s (%s) is readable", name, purpose_name(key));
    case EM_RULE_STEPS_REMAIN:
        return key->kind == EM_RULE_SECRET && key->in && !key->hidden &&
               em_rule_hit(look, "%s: %s (%s) is readable", em_rule_closes_download(look),
                           name, purpose_name(key));
    case EM_RULE_KEY_READABLE:
        return key->staged && key->kind == EM_RULE_SECRET && key->in && !key->hidden &&
               em_rule_hit(look, "%s (%s)", name, purpose_name(key));
    case EM_RULE_DIGEST_UNUSED:
        return key->staged && key->kind == EM_RULE_DIGEST && key->in &&
               !em_rule_secure(look->then) &&
               em_rule_hit(look, "%s (%s)", name, purpose_name(key));
    default:
        return false;
    }
}

static bool empty_closed(struct em_rule_look *look)
{
    const struct em_efuse_table *table = look->was->view.table;
    for (size_t b = 1; b < table->block_count; b++) {
        const struct em_efuse_block *block = &table->blocks[b];
        if (em_efuses_key_block(look->was, block) &&
            em_rule_closes(look, block->wr_dis) && !rd_closed(look->was, block, 0) &&
            em_efuses_zero(&look->then->now[b]))
            return em_rule_hit(look, "%s", block->name);
    }
    return false;
}

static bool no_key(struct em_rule_look *look)
{
    const char *count = em_rule_changed(look, look->rule->needs);
    if (count == NULL || !em_rule_encrypted(look->then))
        return false;
    /* Chips with a key manager may take the key from there. */
    if (em_efuses_value(look->then, "FORCE_USE_KEY_MANAGER_KEY") != 0)
        return false;
    for (size_t i = 0; i < look->key_count; i++)
        if (look->keys[i].encrypts && look->keys[i].in)
            return false;
    return em_rule_hit(look, "%s", count);
}

/* Is there such a key? *staged_out: and is it burned now? */
static bool have(const struct em_rule_look *look, const char *purpose, bool *staged_out)
{
    for (size_t i = 0; i < look->key_count; i++) {
        const struct em_rule_key *key = &look->keys[i];
        if (key->purpose != NULL && strcmp(key->purpose->name, purpose) == 0 && key->in) {
            *staged_out = *staged_out || key->staged;
            return true;
        }
    }
    return false;
}

/* ESP32-C2: the upper half of a long key is blank. */
static bool half_block(struct em_rule_look *look)
{
    for (size_t i = 0; i < look->key_count; i++) {
        const struct em_rule_key *key = &look->keys[i];
        if (!key->purpose->in_block || key->purpose->also_burns == NULL ||
            rd_closed(look->was, key->block, 0) || !key->in)
            continue;
        const struct em_efuses_bits *data = &look->then->now[key->block->number];
        if ((key->staged || em_rule_changes(look, key->purpose->also_burns)) &&
            !(any_bit(look->then, data, key->block, 1) &&
              any_bit(look->then, data, key->block, 2)))
            return em_rule_hit(look, "%s with %s", key->block->name,
                               key->purpose->also_burns);
    }
    return false;
}

static bool half_key(struct em_rule_look *look)
{
    const struct em_efuse_table *table = look->was->view.table;
    if (table->purposes[0].in_block)
        return half_block(look);
    bool turns_on = em_rule_changed(look, "SPI_BOOT_CRYPT_CNT") != NULL;
    for (size_t i = 0; i < table->purpose_count; i++) {
        const struct em_efuse_purpose *p = &table->purposes[i];
        bool staged = turns_on;
        if (p->parts[0] != NULL && p->parts[1] != NULL &&
            have(look, p->parts[0], &staged) != have(look, p->parts[1], &staged) &&
            staged)
            return em_rule_hit(look, "%s", p->name);
    }
    return false;
}

/* Is its digest revoked? Names of digests end in their number. */
static bool revoked(const struct em_efuses *e, const struct em_rule_key *key)
{
    char name[] = "SECURE_BOOT_KEY_REVOKE?";
    name[sizeof name - 2] = key->purpose->name[strlen(key->purpose->name) - 1];
    return em_efuses_value(e, name) != 0;
}

static bool no_digest(struct em_rule_look *look)
{
    const char *by = em_rule_changed(
        look, "SECURE_BOOT_EN ABS_DONE_0 ABS_DONE_1 SECURE_BOOT_KEY_REVOKE0 "
              "SECURE_BOOT_KEY_REVOKE1 SECURE_BOOT_KEY_REVOKE2");
    if (by == NULL || !em_rule_secure(look->then))
        return false;
    for (size_t i = 0; i < look->key_count; i++) {
        const struct em_rule_key *key = &look->keys[i];
        /* Secure boot V1 of the ESP32 has a secret key in the place of the digest. */
        bool version1 = key->kind == EM_RULE_SECRET && key->purpose->in_block &&
                        key->block->number == 2 && !key->encrypts;
        if (key->in && (version1 || (key->kind == EM_RULE_DIGEST && !key->hidden &&
                                     !revoked(look->then, key))))
            return false;
    }
    return em_rule_hit(look, "%s", by);
}

bool em_rule_check_keys(struct em_rule_look *look)
{
    switch (look->rule->check) {
    case EM_RULE_EMPTY_CLOSED:
        return empty_closed(look);
    case EM_RULE_NO_KEY:
        return no_key(look);
    case EM_RULE_HALF_KEY:
        return half_key(look);
    case EM_RULE_NO_DIGEST:
        return no_digest(look);
    case EM_RULE_RD_CLOSED: {
        const struct em_efuse_field *rd_dis = em_efuses_named(look->was, "RD_DIS");
        if (rd_dis == NULL || !em_rule_closes(look, rd_dis->wr_dis))
            return false;
        break;
    }
    case EM_RULE_STEPS_REMAIN:
        if (em_rule_closes_download(look) == NULL)
            return false;
        break;
    default:
        break;
    }
    for (size_t i = 0; i < look->key_count; i++)
        if (check_key(look, &look->keys[i]))
            return true;
    return false;
}
