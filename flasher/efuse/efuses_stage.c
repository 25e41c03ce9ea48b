/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting bits to burn: fields, single bits, blocks. Nothing is burned here. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include <openssl/crypto.h>

#include <stdlib.h>

enum em_status em_efuses_stage_done(struct em_efuses *e, enum em_status status)
{
    e->stage_failed = e->stage_failed || status != EM_OK;
    return status;
}

void em_efuses_unstage(struct em_efuses *e)
{
    OPENSSL_cleanse(e->staged, sizeof e->staged);
    memset(e->recover, 0, sizeof e->recover);
    if (e->expected != NULL)
        OPENSSL_cleanse(e->expected, e->expected_count * sizeof *e->expected);
    e->expected_count = 0;
    e->forced = 0;
    e->stage_failed = false;
}

enum em_status em_efuses_expect(struct em_efuses *e,
                                const struct em_efuses_expected *expected,
                                struct em_error *err)
{
    size_t count = e->expected_count;
    struct em_efuses_expected *more = malloc((count + 1) * sizeof *more);
    if (more == NULL)
        return em_error_nomem(err);
    if (count > 0) {
        memcpy(more, e->expected, count * sizeof *more);
        OPENSSL_cleanse(e->expected, count * sizeof *more); /* may be keys */
    }
    more[count] = *expected;
    free(e->expected);
    e->expected = more;
    e->expected_count = count + 1;
    return EM_OK;
}

/* Coding errors that burning the same data again may mend: a burn was cut short. */
bool em_efuses_damaged(const struct em_efuses *e, size_t block)
{
    const struct em_efuse_errors *errors = &e->state.errors[block];
    enum em_efuse_coding coding = e->view.table->blocks[block].coding;
    return (coding == EM_EFUSE_RS || coding == EM_EFUSE_SCHEME) &&
           (errors->fail || errors->count > 0);
}

bool em_efuses_can_complete(const struct em_efuses *e, size_t block)
{
    bool free = e->view.table->blocks[block].coding == EM_EFUSE_SCHEME &&
                e->state.scheme != EM_EFUSE_SCHEME_34;
    return free || em_efuses_damaged(e, block);
}

/* WR_DIS and RD_DIS are collected bit by bit. */
static bool only_adds(const struct em_efuse_field *field)
{
    return strcmp(field->name, "WR_DIS") == 0 || strcmp(field->name, "RD_DIS") == 0;
}

/* What efuse.md, section 8.2 says, in its order. */
enum em_status em_efuses_stage_value(struct em_efuses *e,
                                     const struct em_efuse_field *field,
                                     const struct em_efuses_bits *value,
                                     struct em_error *err)
{
    struct em_efuses_bits read = em_efuses_read(e, field);
    struct em_efuses_bits staged = em_efuses_staged(e, field);
    struct em_efuses_bits old = em_efuses_or(&read, &staged);
    enum em_status status = EM_OK;
    if (em_efuses_zero(value) && em_efuses_zero(&old))
        goto out;
    if (!em_efuses_damaged(e, field->block) &&
        (em_efuses_same(value, &old) || em_efuses_within(value, &read) ||
         em_efuses_same(value, &staged))) {
        if (em_efuses_within(value, &read))
            status = em_efuses_already(e, field->name, ": already burned as asked", err);
        else
            em_efuses_log(e, EM_LOG_NOTE, "%s: an earlier command of the line burns it",
                          field->name);
        goto out;
    }
    if (!only_adds(field) && !em_efuses_within(&old, value))
        status = em_efuses_refuse(
            e, err, "a burned bit cannot be cleared; give a value that has all of them",
            "%s: the value lacks bits that are %s", field->name,
            em_efuses_within(&read, value) ? "to be burned by an earlier command"
                                           : "burned already");
    if (status == EM_OK && !em_efuses_can_read(e, field))
        status = em_efuses_refuse(
            e, err, "what it holds cannot be seen, nor whether a burn would spoil it",
            "%s is read protected", field->name);
    if (status == EM_OK && !em_efuses_can_write(e, field))
        status = em_efuses_refuse(e, err, "it cannot be burned any more",
                                  "%s is write protected", field->name);
    if (status == EM_OK)
        em_efuses_join(&e->staged[field->block], field->bit, field->bits, value);
out:
    OPENSSL_cleanse(&read, sizeof read);
    OPENSSL_cleanse(&staged, sizeof staged);
    OPENSSL_cleanse(&old, sizeof old);
    return status;
}

enum em_status em_efuses_stage_named(struct em_efuses *e, const char *name,
                                     uint64_t number, struct em_error *err)
{
    const struct em_efuse_field *field;
    enum em_status status = em_efuses_look_up(e, name, false, &field, err);
    struct em_efuses_bits value = em_efuses_of_number(number);
    return status == EM_OK ? em_efuses_stage_value(e, field, &value, err) : status;
}

/* ESP32-S3: with both the chip cannot be reached any more (fault of its ROM). */
static enum em_status check_never_both(struct em_efuses *e,
                                       const struct em_efuse_field *field, bool force,
                                       struct em_error *err)
{
    const char *both = e->view.table->never_both;
    if (both == NULL || !em_efuse_listed(both, field->name))
        return EM_OK;
    for (size_t i = 0; i < e->field_count; i++) {
        const struct em_efuse_field *other = e->fields[i];
        if (other == field || !em_efuse_listed(both, other->name))
            continue;
        struct em_efuses_bits read = em_efuses_read(e, other);
        struct em_efuses_bits staged = em_efuses_staged(e, other);
        if (em_efuses_zero(&read) && em_efuses_zero(&staged))
            continue;
        /* --force of burn-efuse is for this rule alone. */
        enum em_status status = EM_OK;
        if (force)
            em_efuses_force_rule(e, "usb-jtag-both");
        else
            status = em_efuses_refuse_by(e, "usb-jtag-both", err,
                                         "%s and %s must not both be burned on %s",
                                         field->name, other->name, e->chip->name);
        if (status != EM_OK)
            return status;
        em_efuses_log(e, EM_LOG_WARNING, "%s and %s are both burned", field->name,
                      other->name);
    }
    return EM_OK;
}

static enum em_status stage_parts(struct em_efuses *e, const struct em_efuse_field *field,
                                  const struct em_efuses_parts *parts,
                                  struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = 0; i < parts->count && status == EM_OK; i++) {
        const struct em_efuses_expected expected = {.field = parts->part[i].field,
                                                    .what = EM_EXPECT_VALUE,
                                                    .bits = parts->part[i].bits};
        status =
            em_efuses_stage_value(e, parts->part[i].field, &parts->part[i].bits, err);
        if (status == EM_OK && field->group != EM_EFUSE_CALC)
            status = em_efuses_expect(e, &expected, err);
    }
    const struct em_efuses_expected whole = {
        .field = field, .what = EM_EXPECT_VALUE, .bits = parts->joint};
    if (status == EM_OK && field->group == EM_EFUSE_CALC)
        status = em_efuses_expect(e, &whole, err);
    return status;
}

static enum em_status stage_field(struct em_efuses *e, const char *name,
                                  const char *value, bool force, struct em_error *err)
{
    const struct em_efuse_field *field;
    enum em_status status = em_efuses_look_up(e, name, true, &field, err);
    struct em_efuses_parts parts;
    memset(&parts, 0, sizeof parts);
    if (status == EM_OK)
        status = em_efuses_parse(e, field, value, &parts, err);
    if (status == EM_OK)
        status = check_never_both(e, field, force, err);
    if (status == EM_OK)
        status = stage_parts(e, field, &parts, err);
    OPENSSL_cleanse(&parts, sizeof parts);
    return status;
}

enum em_status em_efuses_stage_field(struct em_efuses *e, const char *name,
                                     const char *value, bool force, struct em_error *err)
{
    return em_efuses_stage_done(e, stage_field(e, name, value, force, err));
}

enum em_status em_efuses_stage_bits(struct em_efuses *e, const char *name,
                                    const unsigned *bits, size_t count,
                                    struct em_error *err)
{
    const struct em_efuse_block *block;
    enum em_status status = em_efuses_look_up_block(e, name, &block, err);
    if (status != EM_OK)
        return em_efuses_stage_done(e, status);
    size_t limit = em_efuses_block_bits(e, block);
    for (size_t i = 0; i < count; i++)
        if (bits[i] >= limit)
            return em_efuses_stage_done(
                e, em_error_set(err, EM_ERR_USAGE, "bits are counted from 0",
                                "%s has %zu bits, there is no bit %u", block->name, limit,
                                bits[i]));
    for (size_t i = 0; i < count; i++)
        em_efuses_set(e->staged[block->number].bytes, bits[i]);
    return EM_OK;
}

enum em_status em_efuses_stage_block(struct em_efuses *e, const char *name,
                                     const uint8_t *data, size_t len, size_t offset,
                                     struct em_error *err)
{
    const struct em_efuse_block *block;
    enum em_status status = em_efuses_look_up_block(e, name, &block, err);
    if (status != EM_OK)
        return em_efuses_stage_done(e, status);
    size_t size = em_efuses_block_bits(e, block) / 8;
    if (offset == 0 && len != size)
        status = em_error_set(
            err, EM_ERR_INPUT, "fill the data up with zeros, or tell an offset",
            "%s takes %zu bytes, the data has %zu", block->name, size, len);
    else if (offset >= size || len > size - offset)
        status = em_error_set(err, EM_ERR_INPUT, "take a smaller offset or less data",
                              "%zu bytes at offset %zu go over the %zu bytes of %s", len,
                              offset, size, block->name);
    for (size_t i = 0; status == EM_OK && i < len; i++)
        e->staged[block->number].bytes[offset + i] =
            (uint8_t)(e->staged[block->number].bytes[offset + i] | data[i]);
    return em_efuses_stage_done(e, status);
}

static enum em_status stage_recovery(struct em_efuses *e, struct em_error *err)
{
    for (size_t i = 0; i < e->view.table->block_count; i++) {
        const struct em_efuse_block *block = &e->view.table->blocks[i];
        const struct em_efuse_errors *errors = &e->state.errors[i];
        if ((!errors->fail && errors->count == 0) || em_efuses_zero(&e->now[i]))
            continue;
        enum em_status status = EM_OK;
        if (em_efuses_rd_closed(e, block->rd_dis, block->rd_dis_count))
            continue; /* what should be burned cannot be known */
        if (em_efuses_wr_closed(e, block->wr_dis))
            status =
                em_error_set(err, EM_ERR_REFUSED, "it stays as it is",
                             "%s has coding errors and is write protected", block->name);
        if (status != EM_OK)
            return status;
        e->recover[i] = true;
        e->staged[i] = em_efuses_or(&e->staged[i], &e->now[i]);
    }
    return EM_OK;
}

enum em_status em_efuses_stage_recovery(struct em_efuses *e, struct em_error *err)
{
    return em_efuses_stage_done(e, stage_recovery(e, err));
}
