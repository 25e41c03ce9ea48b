/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuses of a chip as they were read: opening, reading again, looking up. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include "base/bytes_int.h"
#include "base/hooks_int.h"
#include "base/text_int.h"

#include <openssl/crypto.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void em_efuses_log(const struct em_efuses *efuses, enum em_log_level level,
                   const char *fmt, ...)
{
    if (!em_hooks_wants(&efuses->options.hooks, level))
        return;
    struct em_error msg = {0};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(msg.what, sizeof msg.what, fmt, args); /* too long: cut */
    va_end(args);
    em_hooks_log(&efuses->options.hooks, level, NULL, &msg);
}

enum em_status em_efuses_refuse(struct em_efuses *efuses, struct em_error *err,
                                const char *hint, const char *fmt, ...)
{
    char text[384];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); /* too long: cut */
    va_end(args);
    if (!efuses->force)
        return em_error_set(err, EM_ERR_REFUSED, hint, "%s", text);
    em_efuses_log(efuses, EM_LOG_WARNING, "%s; burned all the same", text);
    return EM_OK;
}

enum em_status em_efuses_already(const struct em_efuses *efuses, const char *name,
                                 const char *what, struct em_error *err)
{
    if (efuses->options.strict)
        return em_error_set(err, EM_ERR_REFUSED,
                            "--strict makes this a fault: nothing is burned", "%s%s",
                            name, what);
    em_efuses_log(efuses, EM_LOG_NOTE, "%s%s", name, what);
    return EM_OK;
}

/* All fields but hidden ones, then the user's own. */
static enum em_status list_fields(struct em_efuses *e, struct em_error *err)
{
    size_t room = e->view.table->field_count + e->extra.count;
    const struct em_efuse_field **list = malloc((room + 1) * sizeof *list);
    if (list == NULL)
        return em_error_nomem(err);
    free(e->fields);
    e->fields = list;
    e->field_count = 0;
    const struct em_efuse_field *field = NULL;
    while ((field = em_efuse_field_next(&e->view, EM_EFUSE_ANY_BLOCK, field)) != NULL) {
        bool coded = e->state.scheme == EM_EFUSE_SCHEME_34;
        if (field->group != EM_EFUSE_HIDDEN &&
            !(field->group == EM_EFUSE_BLOCK_NONE && coded) &&
            !(field->group == EM_EFUSE_BLOCK_34 && !coded))
            list[e->field_count++] = field;
    }
    for (size_t i = 0; i < e->extra.count; i++)
        list[e->field_count++] = &e->extra.fields[i];
    return EM_OK;
}

/* What was read of block @p b, as bytes. */
static void take_block(struct em_efuses *e, size_t b)
{
    for (size_t w = 0; w < EM_EFUSE_WORDS_MAX; w++)
        em_put_le32(&e->now[b].bytes[4 * w], e->state.words[b][w]);
}

static enum em_status read_blocks(struct em_efuses *e, struct em_error *err)
{
    enum em_status status = em_efuse_read_all(&e->ctl, &e->state, err);
    for (size_t b = 0; b < e->view.table->block_count; b++)
        take_block(e, b);
    return status;
}

enum em_status em_efuses_refresh(struct em_efuses *e, struct em_error *err)
{
    enum em_status status = read_blocks(e, err);
    return status == EM_OK ? list_fields(e, err) : status;
}

enum em_status em_efuses_refresh_block(struct em_efuses *e, unsigned block,
                                       struct em_error *err)
{
    const size_t both[] = {0, block};
    struct em_efuse_state fresh;
    enum em_status status = em_efuse_read_some(&e->ctl, (int)block, &fresh, err);
    for (size_t i = 0; status == EM_OK && i < sizeof both / sizeof both[0]; i++) {
        size_t b = both[i];
        memcpy(e->state.words[b], fresh.words[b], sizeof fresh.words[b]);
        e->state.errors[b] = fresh.errors[b];
        take_block(e, b);
    }
    if (status == EM_OK) {
        memcpy(e->state.repeat, fresh.repeat, sizeof fresh.repeat);
        e->state.scheme = fresh.scheme;
        status = list_fields(e, err);
    }
    OPENSSL_cleanse(&fresh, sizeof fresh); /* may be a key */
    return status;
}

/* What is read already need not be asked for again. */
static enum em_status read_known(void *user, uint32_t addr, uint32_t *out,
                                 struct em_error *err)
{
    const struct em_efuses *e = user;
    uint32_t off = addr - e->chip->efuse_base;
    for (size_t i = 0; i < e->view.table->block_count; i++) {
        const struct em_efuse_block *block = &e->view.table->blocks[i];
        if (off < block->read || off >= block->read + 4U * block->words)
            continue;
        *out = e->state.words[i][(off - block->read) / 4];
        return EM_OK;
    }
    return e->bus.read_reg(e->bus.user, addr, out, err);
}

static enum em_status read_revision(struct em_efuses *e,
                                    const struct em_efuses_source *source,
                                    struct em_error *err)
{
    e->view.revision = source->revision;
    if (source->has_revision)
        return EM_OK;
    const struct em_chip_reader reader = {read_known, e};
    uint32_t revision = 0;
    enum em_status status = em_chip_revision(e->chip, &reader, &revision, err);
    e->view.revision = revision;
    return status;
}

enum em_status em_efuses_open_source(struct em_efuses **out,
                                     const struct em_efuses_source *source,
                                     const struct em_efuses_options *options,
                                     struct em_error *err)
{
    *out = NULL;
    struct em_efuses *e = calloc(1, sizeof *e);
    if (e == NULL) {
        source->behind.close(source->behind.user);
        return em_error_nomem(err);
    }
    e->chip = source->chip;
    e->bus = source->bus;
    e->behind = source->behind;
    e->is_virtual = source->is_virtual;
    e->options = *options;
    e->force = options->force_write_always;
    enum em_status status =
        em_efuse_controller_init(&e->ctl, e->chip, &e->bus, source->xtal_mhz, err);
    e->view.table = e->ctl.table;
    e->view.edition = options->table_520 ? EM_EFUSE_V520 : EM_EFUSE_NEWEST;
    if (status == EM_OK)
        status = read_blocks(e, err);
    if (status == EM_OK)
        status = read_revision(e, source, err);
    if (status == EM_OK)
        status = list_fields(e, err);
    if (status == EM_OK && options->extend_table != NULL) {
        status = em_efuses_extend(e, options->extend_table, err);
        if (status == EM_OK)
            status = list_fields(e, err);
    }
    if (status == EM_OK)
        *out = e;
    else
        em_efuses_close(e);
    return status;
}

void em_efuses_close(struct em_efuses *e)
{
    if (e == NULL)
        return;
    e->behind.close(e->behind.user);
    em_efuses_extra_free(&e->extra);
    free(e->fields);
    free(e->changes);
    free(e->lines);
    em_buf_wipe(&e->texts);
    if (e->expected != NULL)
        OPENSSL_cleanse(e->expected, e->expected_count * sizeof *e->expected);
    free(e->expected);
    OPENSSL_cleanse(e, sizeof *e); /* keys that were read, keys to be burned */
    free(e);
}

void em_efuses_set_force(struct em_efuses *e, bool force)
{
    e->force = force;
}

const struct em_efuse_field *em_efuses_named(const struct em_efuses *e, const char *name)
{
    for (size_t i = 0; i < e->field_count; i++)
        if (strcmp(e->fields[i]->name, name) == 0)
            return e->fields[i];
    return NULL;
}

uint64_t em_efuses_value(const struct em_efuses *e, const char *name)
{
    const struct em_efuse_field *field = em_efuses_named(e, name);
    if (field == NULL)
        return 0;
    struct em_efuses_bits bits = em_efuses_read(e, field);
    return em_efuses_number(&bits);
}

/* Calibration fields stand there once the chip was calibrated. */
static bool calibrated(const struct em_efuses *e)
{
    const struct em_efuse_table *table = e->view.table;
    if (table->calib_field != NULL)
        return em_efuses_value(e, table->calib_field) != 0;
    uint64_t version = em_efuses_value(e, "BLK_VERSION_MAJOR") * 100 +
                       em_efuses_value(e, "BLK_VERSION_MINOR");
    return table->calib_version != 0 && version >= table->calib_version;
}

bool em_efuses_listed(const struct em_efuses *e, const struct em_efuse_field *field)
{
    return field->group != EM_EFUSE_CALIB || calibrated(e);
}

static enum em_status no_such_field(const struct em_efuses *e, const char *name,
                                    struct em_error *err)
{
    const char *best = "WR_DIS";
    unsigned least = 100;
    for (size_t i = 0; i < e->field_count; i++) {
        unsigned far = em_text_distance(name, e->fields[i]->name);
        if (far < least) {
            least = far;
            best = e->fields[i]->name;
        }
    }
    char hint[128];
    (void)snprintf(hint, sizeof hint, "the nearest name is %s", best);
    return em_error_set(err, EM_ERR_USAGE, hint, "%s has no eFuse field '%.64s'",
                        e->chip->name, name);
}

enum em_status em_efuses_look_up(const struct em_efuses *e, const char *name, bool listed,
                                 const struct em_efuse_field **out, struct em_error *err)
{
    *out = em_efuses_named(e, name);
    for (size_t i = 0; *out == NULL && i < e->field_count; i++)
        if (em_efuse_listed(e->fields[i]->aliases, name))
            *out = e->fields[i];
    if (*out == NULL)
        return no_such_field(e, name, err);
    if (listed && !em_efuses_listed(e, *out))
        return em_error_set(err, EM_ERR_USAGE,
                            "such fields are there once the block version tells of "
                            "calibration data",
                            "%s: this %s is not calibrated", (*out)->name, e->chip->name);
    return EM_OK;
}

enum em_status em_efuses_look_up_block(const struct em_efuses *e, const char *name,
                                       const struct em_efuse_block **out,
                                       struct em_error *err)
{
    *out = em_efuse_block_find(e->view.table, name);
    if (*out != NULL)
        return EM_OK;
    const char *best = "BLOCK0";
    unsigned least = 100;
    for (size_t i = 0; i < e->view.table->block_count; i++) {
        unsigned far = em_text_distance(name, e->view.table->blocks[i].name);
        if (far < least) {
            least = far;
            best = e->view.table->blocks[i].name;
        }
    }
    char hint[128];
    (void)snprintf(hint, sizeof hint, "the nearest name is %s, the last block is BLOCK%u",
                   best, (unsigned)e->view.table->block_count - 1);
    return em_error_set(err, EM_ERR_USAGE, hint, "%s has no eFuse block '%.64s'",
                        e->chip->name, name);
}

bool em_efuses_field_is(const struct em_efuses *e, const char *name)
{
    return em_efuses_named(e, name) != NULL;
}

size_t em_efuses_field_next(const struct em_efuses *efuses, size_t at,
                            struct em_efuses_field *out)
{
    struct em_efuses *e = (struct em_efuses *)efuses; /* only its scratch texts change */
    for (; at < e->field_count; at++)
        if (em_efuses_listed(e, e->fields[at])) {
            em_efuses_show(e, e->fields[at], out);
            return at + 1;
        }
    return 0;
}

enum em_status em_efuses_field_find(const struct em_efuses *efuses, const char *name,
                                    struct em_efuses_field *out, struct em_error *err)
{
    struct em_efuses *e = (struct em_efuses *)efuses; /* only its scratch texts change */
    const struct em_efuse_field *field;
    enum em_status status = em_efuses_look_up(e, name, false, &field, err);
    if (status == EM_OK)
        em_efuses_show(e, field, out);
    return status;
}

size_t em_efuses_block_count(const struct em_efuses *e)
{
    return e->view.table->block_count;
}

void em_efuses_block(const struct em_efuses *e, size_t idx, struct em_efuses_block *out)
{
    const struct em_efuse_block *block = &e->view.table->blocks[idx];
    *out = (struct em_efuses_block){
        .name = block->name,
        .aliases = block->aliases,
        .number = block->number,
        .data = e->now[idx].bytes,
        .len = em_efuses_block_bits(e, block) / 8,
        .readable = !em_efuses_rd_closed(e, block->rd_dis, block->rd_dis_count),
        .writeable = !em_efuses_wr_closed(e, block->wr_dis),
        .errors = e->state.errors[idx].count,
        .failed = e->state.errors[idx].fail,
        .empty = em_efuses_zero(&e->now[idx]),
        .key = em_efuses_key_block(e, block),
        .purpose = em_efuses_purpose_text(e, block),
    };
    out->in_use = out->key && !em_efuses_block_free(e, block);
}

enum em_status em_efuses_block_find(const struct em_efuses *e, const char *name,
                                    struct em_efuses_block *out, struct em_error *err)
{
    const struct em_efuse_block *block;
    enum em_status status = em_efuses_look_up_block(e, name, &block, err);
    if (status == EM_OK)
        em_efuses_block(e, block->number, out);
    return status;
}

enum em_status em_efuses_check_errors(const struct em_efuses *e, struct em_error *err)
{
    char text[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < e->view.table->block_count; i++) {
        const struct em_efuse_errors *errors = &e->state.errors[i];
        if (!errors->fail && errors->count == 0)
            continue;
        int more = snprintf(text + len, sizeof text - len, "%sBLOCK%zu: %u%s",
                            len > 0 ? ", " : "", i, errors->count,
                            errors->fail ? " (cannot be decoded)" : "");
        len = more < 0 || (size_t)more >= sizeof text - len ? len : len + (size_t)more;
    }
    if (len == 0)
        return EM_OK;
    return em_error_set(err, EM_ERR_VERIFY,
                        "check-error --recovery burns what they hold once more",
                        "%s: blocks with coding errors: %s", e->chip->name, text);
}
