/* SPDX-License-Identifier: Apache-2.0 */
/* Burning what is staged: checks of all blocks, then block by block, BLOCK0 last. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include "flasher/efuse/coding_int.h"

#include <openssl/crypto.h>

enum { GROUP = EM_EFUSE_34_DATA / EM_EFUSE_34_GROUPS };

bool em_efuses_has_staged(const struct em_efuses *e, size_t block)
{
    return !em_efuses_zero(&e->staged[block]);
}

static void drop(struct em_efuses *e, size_t block)
{
    OPENSSL_cleanse(&e->staged[block], sizeof e->staged[block]);
}

static enum em_status occupied(struct em_efuses *e, size_t block, struct em_error *err)
{
    return em_efuses_refuse(
        e, err, "the coding lets a block be burned once only; take another block",
        "%s holds other data", e->view.table->blocks[block].name);
}

/* 3/4 coding: groups of six bytes are closed one by one. */
static enum em_status check_groups(struct em_efuses *e, size_t block,
                                   struct em_error *err)
{
    static const uint8_t zeros[GROUP];
    for (size_t g = 0; g < EM_EFUSE_34_GROUPS; g++) {
        uint8_t *staged = &e->staged[block].bytes[g * GROUP];
        const uint8_t *now = &e->now[block].bytes[g * GROUP];
        if (memcmp(staged, zeros, GROUP) == 0 || memcmp(now, zeros, GROUP) == 0)
            continue;
        if (memcmp(staged, now, GROUP) == 0) {
            memset(staged, 0, GROUP);
            continue;
        }
        enum em_status status = em_efuses_refuse(
            e, err, "the 3/4 coding lets six bytes be burned once only",
            "%s: bytes %zu to %zu hold other data", e->view.table->blocks[block].name,
            g * GROUP, g * GROUP + GROUP - 1);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

/* efuse.md, section 8.3, for one block. */
static enum em_status check_block(struct em_efuses *e, size_t b, struct em_error *err)
{
    const struct em_efuse_block *block = &e->view.table->blocks[b];
    enum em_status status = EM_OK;
    if (em_efuses_rd_closed(e, block->rd_dis, block->rd_dis_count))
        status = em_efuses_refuse(e, err, "what it holds would be spoiled",
                                  "%s is read protected", block->name);
    if (status == EM_OK && em_efuses_wr_closed(e, block->wr_dis))
        status = em_efuses_refuse(e, err, "it cannot be burned any more",
                                  "%s is write protected", block->name);
    if (status != EM_OK || em_efuses_zero(&e->now[b]) || e->recover[b])
        return status;
    if (em_efuses_damaged(e, b) && em_efuses_within(&e->now[b], &e->staged[b])) {
        em_efuses_log(e, EM_LOG_WARNING,
                      "%s: a part of this data is burned; the burn is completed",
                      block->name);
        return EM_OK;
    }
    if (em_efuses_within(&e->staged[b], &e->now[b])) {
        drop(e, b);
        return em_efuses_already(e, block->name, ": already burned as asked", err);
    }
    if (block->coding == EM_EFUSE_RS)
        return occupied(e, b, err);
    if (block->coding == EM_EFUSE_SCHEME && e->state.scheme == EM_EFUSE_SCHEME_34)
        return check_groups(e, b, err);
    return EM_OK;
}

static enum em_status check_xtal(const struct em_efuses *e, struct em_error *err)
{
    const uint16_t *xtal = e->view.table->xtal;
    if (xtal[0] == 0)
        return EM_OK;
    for (size_t i = 0; i < sizeof e->view.table->xtal / sizeof xtal[0]; i++)
        if (xtal[i] != 0 && xtal[i] == e->ctl.xtal_mhz)
            return EM_OK;
    return em_error_set(err, EM_ERR_UNSUPPORTED,
                        "connect again; the crystal may have been measured wrongly",
                        "%s: no eFuse timing for a crystal of %u MHz", e->chip->name,
                        e->ctl.xtal_mhz);
}

enum em_status em_efuses_check_blocks(struct em_efuses *e, struct em_error *err)
{
    if (e->cut_off)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "that is what was burned",
                            "the chip lets nobody at its eFuses any more");
    if (e->stage_failed)
        return em_error_set(err, EM_ERR_REFUSED, "mend the first message, then repeat",
                            "an earlier command failed, so nothing is burned");
    enum em_status status = EM_OK;
    for (size_t b = 0; b < e->view.table->block_count && status == EM_OK; b++)
        if (em_efuses_has_staged(e, b))
            status = check_block(e, b, err);
    bool any = false;
    for (size_t b = 0; b < e->view.table->block_count; b++)
        any = any || em_efuses_has_staged(e, b);
    return status == EM_OK && any ? check_xtal(e, err) : status;
}

struct em_efuses_bits em_efuses_postponed(const struct em_efuses *e)
{
    static const char *const late[] = {"WR_DIS",
                                       "RD_DIS",
                                       "UART_DOWNLOAD_DIS",
                                       "ABS_DONE_1",
                                       "FLASH_CRYPT_CNT",
                                       "ENABLE_SECURITY_DOWNLOAD",
                                       "SECURE_BOOT_EN",
                                       "DIS_DOWNLOAD_MODE",
                                       "SPI_BOOT_CRYPT_CNT"};
    struct em_efuses_bits out = {{0}};
    struct em_efuses_bits ones;
    memset(&ones, 0xFF, sizeof ones);
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        const struct em_efuse_field *field = em_efuses_named(e, late[i]);
        if (field != NULL && !e->options.no_postpone)
            em_efuses_join(&out, field->bit, field->bits, &ones);
    }
    return out;
}

/* Bits of BLOCK0 that should be there and are not, and that nothing hides. */
static enum em_status check_block0(struct em_efuses *e, const struct em_efuses_bits *data,
                                   struct em_error *err)
{
    struct em_efuses_bits lost = *data;
    for (size_t i = 0; i < sizeof lost.bytes; i++)
        lost.bytes[i] = (uint8_t)(lost.bytes[i] & ~e->now[0].bytes[i]);
    for (size_t i = 0; i < e->field_count; i++) {
        const struct em_efuse_field *field = e->fields[i];
        if (field->block != 0 || field->group == EM_EFUSE_CALC ||
            !em_efuses_can_read(e, field))
            continue;
        struct em_efuses_bits part = em_efuses_cut(&lost, field->bit, field->bits);
        if (!em_efuses_zero(&part))
            return em_efuses_refuse(e, err,
                                    "check-error --recovery burns weak bits once more",
                                    "%s: not all bits took", field->name);
    }
    return EM_OK;
}

/* The way to the chip is gone. Is that what was burned? */
static enum em_status look_again(struct em_efuses *e, const struct em_efuses_bits *data,
                                 enum em_status status)
{
    const struct em_efuse_field *mode = em_efuses_named(e, "DIS_DOWNLOAD_MODE");
    const struct em_efuse_field *secure = em_efuses_named(e, "ENABLE_SECURITY_DOWNLOAD");
    bool closing = mode != NULL && em_efuses_bit(data->bytes, mode->bit) &&
                   !em_efuses_bit(e->now[0].bytes, mode->bit);
    bool securing = secure != NULL && em_efuses_bit(data->bytes, secure->bit) &&
                    !em_efuses_bit(e->now[0].bytes, secure->bit);
    if (!closing && !securing)
        return status;
    bool is_secure = false;
    enum em_status again = e->behind.again(e->behind.user, &is_secure, NULL);
    if ((again != EM_OK && closing) || (again == EM_OK && is_secure && securing)) {
        e->cut_off = true;
        return EM_OK;
    }
    return status;
}

static enum em_status burn_block(struct em_efuses *e, size_t b,
                                 const struct em_efuses_bits *data, struct em_error *err)
{
    struct em_efuse_burn burn;
    em_efuses_log(e, EM_LOG_INFO, "burning %s", e->view.table->blocks[b].name);
    enum em_status status =
        em_efuse_burn_block(&e->ctl, (unsigned)b, data->bytes, &burn, err);
    /* Even a failed attempt may have left bits. */
    enum em_status kept = e->behind.burned(e->behind.user, status == EM_OK ? err : NULL);
    if (status != EM_OK && burn.lost && b == 0)
        status = look_again(e, data, status);
    return status == EM_OK ? kept : status;
}

/* BLOCK0 in two steps, so that what closes doors comes last. */
static enum em_status burn_block0(struct em_efuses *e, struct em_error *err)
{
    struct em_efuses_bits late = em_efuses_postponed(e);
    struct em_efuses_bits first = e->staged[0];
    struct em_efuses_bits rest = e->staged[0];
    for (size_t i = 0; i < sizeof first.bytes; i++) {
        first.bytes[i] = (uint8_t)(first.bytes[i] & ~late.bytes[i]);
        rest.bytes[i] = (uint8_t)(rest.bytes[i] & late.bytes[i]);
    }
    enum em_status status = EM_OK;
    if (!em_efuses_zero(&first) && !em_efuses_zero(&rest)) {
        status = burn_block(e, 0, &first, err);
        if (status == EM_OK)
            status = em_efuses_refresh_block(e, 0, err);
        if (status == EM_OK)
            status = check_block0(e, &first, err);
    }
    struct em_efuses_bits all = e->staged[0];
    if (status == EM_OK)
        status = burn_block(e, 0, &all, err);
    if (status == EM_OK && !e->cut_off)
        status = em_efuses_refresh(e, err);
    return status == EM_OK && !e->cut_off ? check_block0(e, &all, err) : status;
}

static enum em_status burn_all(struct em_efuses *e, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t b = e->view.table->block_count; b-- > 1 && status == EM_OK;)
        if (em_efuses_has_staged(e, b))
            status = burn_block(e, b, &e->staged[b], err);
    if (status == EM_OK && em_efuses_has_staged(e, 0))
        status = burn_block0(e, err);
    else if (status == EM_OK)
        status = em_efuses_refresh(e, err);
    return status;
}

enum em_status em_efuses_burn(struct em_efuses *e, em_efuses_confirm *confirm, void *user,
                              enum em_efuses_result *out, struct em_error *err)
{
    *out = EM_EFUSES_NOTHING;
    const struct em_efuses_change *changes;
    size_t count;
    enum em_status status = em_efuses_plan(e, &changes, &count, err);
    if (status == EM_OK && count > 0)
        status = em_efuses_judged(e, err);
    if (status == EM_OK && count > 0)
        status = em_efuses_check_approved(e, err);
    if (status != EM_OK || count == 0)
        goto out;
    if (confirm != NULL && !confirm(user, changes, count)) {
        *out = EM_EFUSES_DECLINED;
        goto out;
    }
    *out = EM_EFUSES_BURNED;
    status = burn_all(e, err);
    if (e->cut_off)
        *out = EM_EFUSES_CUT_OFF;
out:
    /* What has to be so afterwards is kept for em_efuses_check_after(). */
    OPENSSL_cleanse(e->staged, sizeof e->staged);
    memset(e->recover, 0, sizeof e->recover);
    e->forced = 0;
    return status;
}

enum em_status em_efuses_check_after(struct em_efuses *e, struct em_error *err)
{
    for (size_t i = 0; i < e->expected_count && !e->cut_off; i++) {
        const struct em_efuses_expected *expected = &e->expected[i];
        const struct em_efuse_field *field = expected->field;
        struct em_efuses_bits now = em_efuses_read(e, field);
        bool good = expected->what == EM_EXPECT_READ_PROTECTED
                        ? !em_efuses_can_read(e, field)
                        : !em_efuses_can_write(e, field);
        if (expected->what == EM_EXPECT_VALUE)
            good = !em_efuses_can_read(e, field) || em_efuses_same(&now, &expected->bits);
        OPENSSL_cleanse(&now, sizeof now);
        if (good)
            continue;
        return em_error_set(err, EM_ERR_VERIFY, "see the summary for what it holds now",
                            "%s %s", field->name,
                            expected->what == EM_EXPECT_VALUE
                                ? "does not hold exactly the value that was asked for"
                                : (expected->what == EM_EXPECT_READ_PROTECTED
                                       ? "is not read protected"
                                       : "is not write protected"));
    }
    return EM_OK;
}
