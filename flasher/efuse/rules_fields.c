/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about fields of BLOCK0: boot, download, flash, and what WR_DIS closes. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include <string.h>

bool em_rule_changes(const struct em_rule_look *look, const char *name)
{
    const struct em_efuse_field *field = em_efuses_named(look->was, name);
    if (field == NULL)
        return false;
    struct em_efuses_bits was = em_efuses_read(look->was, field);
    struct em_efuses_bits then = em_efuses_read(look->then, field);
    return !em_efuses_same(&was, &then);
}

const char *em_rule_changed(const struct em_rule_look *look, const char *list)
{
    for (size_t i = 0; i < look->was->field_count; i++) {
        const char *name = look->was->fields[i]->name;
        if (em_efuse_listed(list, name) && em_rule_changes(look, name))
            return name;
    }
    return NULL;
}

bool em_rule_closes(const struct em_rule_look *look, int bit)
{
    return em_efuses_wr_closed(look->then, bit) && !em_efuses_wr_closed(look->was, bit);
}

static bool odd(uint64_t value)
{
    bool out = false;
    for (; value != 0; value &= value - 1)
        out = !out;
    return out;
}

/* The counters are on with an odd number of ones. */
bool em_rule_encrypted(const struct em_efuses *e)
{
    return odd(em_efuses_value(e, "FLASH_CRYPT_CNT")) ||
           odd(em_efuses_value(e, "SPI_BOOT_CRYPT_CNT"));
}

bool em_rule_secure(const struct em_efuses *e)
{
    return em_efuses_value(e, "SECURE_BOOT_EN") != 0 ||
           em_efuses_value(e, "ABS_DONE_0") != 0 || em_efuses_value(e, "ABS_DONE_1") != 0;
}

const char *em_rule_closes_download(const struct em_rule_look *look)
{
    return em_rule_changed(
        look, "UART_DOWNLOAD_DIS DIS_DOWNLOAD_MODE ENABLE_SECURITY_DOWNLOAD");
}

static bool is_zero(const struct em_efuses *e, const char *name)
{
    return em_efuses_named(e, name) != NULL && em_efuses_value(e, name) == 0;
}

static bool has_key(const struct em_rule_look *look, bool digest)
{
    for (size_t i = 0; i < look->key_count; i++) {
        const struct em_rule_key *key = &look->keys[i];
        if (key->in &&
            (digest ? key->kind == EM_RULE_DIGEST && !key->hidden : key->encrypts))
            return true;
    }
    return false;
}

static bool encryption_open(struct em_rule_look *look)
{
    static const char *const open[] = {"DIS_DOWNLOAD_MANUAL_ENCRYPT",
                                       "DISABLE_DL_ENCRYPT", "DISABLE_DL_DECRYPT",
                                       "DISABLE_DL_CACHE"};
    const struct em_efuses *then = look->then;
    if (em_rule_changed(look, look->rule->needs) == NULL || !em_rule_encrypted(then) ||
        em_efuses_value(then, "DIS_DOWNLOAD_MODE") != 0 ||
        em_efuses_value(then, "UART_DOWNLOAD_DIS") != 0)
        return false;
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        if (is_zero(then, open[i]))
            return em_rule_hit(look, "%s is 0", open[i]);
    return false;
}

static bool encryption_off(struct em_rule_look *look)
{
    const char *count = em_rule_changed(look, look->rule->needs);
    return count != NULL && em_rule_encrypted(look->was) &&
           !em_rule_encrypted(look->then) && em_rule_hit(look, "%s", count);
}

static bool steps_remain(struct em_rule_look *look)
{
    const char *by = em_rule_closes_download(look);
    return by != NULL && has_key(look, true) && !em_rule_secure(look->then) &&
           em_rule_hit(look, "%s: there is a digest, and secure boot is off", by);
}

static bool lockdown_order(struct em_rule_look *look)
{
    const char *by = em_rule_closes_download(look);
    if (by == NULL || (!em_rule_encrypted(look->then) && !em_rule_secure(look->then)))
        return false;
    for (size_t i = 0; i < look->was->field_count; i++) {
        const char *name = look->was->fields[i]->name;
        if (em_efuse_listed(look->rule->needs, name) && is_zero(look->then, name))
            return em_rule_hit(look, "%s: %s is 0", by, name);
    }
    return false;
}

static bool changed(struct em_rule_look *look)
{
    const char *name = em_rule_changed(look, look->rule->needs);
    return name != NULL && em_rule_hit(look, "%s", name);
}

/* Blocks 1 to 3 are burned before BLOCK0, in the coding of now. */
static bool coding(struct em_rule_look *look)
{
    if (!em_rule_changes(look, "CODING_SCHEME"))
        return false;
    uint64_t then = em_efuses_value(look->then, "CODING_SCHEME");
    if (then != EM_EFUSE_SCHEME_34)
        return em_rule_hit(look, "CODING_SCHEME %u", (unsigned)then);
    for (size_t b = 1; b < look->was->view.table->block_count; b++)
        if (!em_efuses_zero(&look->then->now[b]))
            return em_rule_hit(look, "%s has data without the 3/4 coding",
                               look->was->view.table->blocks[b].name);
    return false;
}

/* Does the burn close this field while it is 0? */
static bool closes_zero(const struct em_rule_look *look, const char *name)
{
    const struct em_efuse_field *field = em_efuses_named(look->was, name);
    return field != NULL && em_rule_closes(look, field->wr_dis) &&
           em_efuses_value(look->then, name) == 0;
}

static bool lock_later(struct em_rule_look *look)
{
    static const struct {
        const char *name;
        bool digest;
    } needed[] = {{"FLASH_CRYPT_CNT", false},
                  {"SPI_BOOT_CRYPT_CNT", false},
                  {"ABS_DONE_1", true},
                  {"SECURE_BOOT_EN", true}};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (closes_zero(look, needed[i].name) && has_key(look, needed[i].digest))
            return em_rule_hit(look, "%s is 0 and there is a key for it", needed[i].name);
    for (size_t i = 0; i < look->key_count; i++) {
        const struct em_rule_key *key = &look->keys[i];
        const char *field = key->block->purpose_field;
        if (field != NULL && !key->in && closes_zero(look, field))
            return em_rule_hit(look, "%s is 0 and %s has no key yet", field,
                               key->block->name);
    }
    return false;
}

static bool lock_group(struct em_rule_look *look)
{
    char names[EM_RULE_SUBJECT] = "";
    for (size_t i = 0; i < look->was->field_count; i++) {
        const char *name = look->was->fields[i]->name;
        if (em_efuse_listed(look->rule->needs, name) && closes_zero(look, name) &&
            strlen(names) + strlen(name) + 2 < sizeof names) {
            (void)strcat(names, names[0] == '\0' ? "" : " ");
            (void)strcat(names, name);
        }
    }
    return names[0] != '\0' && em_rule_hit(look, "%s", names);
}

static bool wr_closed(struct em_rule_look *look)
{
    const struct em_efuse_field *field = em_efuses_named(look->was, "WR_DIS");
    return field != NULL && em_rule_closes(look, field->wr_dis) &&
           em_rule_hit(look, "WR_DIS bit %d", field->wr_dis);
}

static bool usb_link(struct em_rule_look *look)
{
    return em_efuses_value(look->then, "DIS_DOWNLOAD_MODE") == 0 && changed(look);
}

static bool both(struct em_rule_look *look)
{
    const char *list = look->was->view.table->never_both;
    for (size_t i = 0; i < look->was->field_count; i++) {
        const char *name = look->was->fields[i]->name;
        if (em_efuse_listed(list, name) && is_zero(look->then, name))
            return false;
    }
    return em_rule_changed(look, list) != NULL && em_rule_hit(look, "%s", list);
}

bool em_rule_check_fields(struct em_rule_look *look)
{
    enum { WHOLE_CONFIG = 0xF, V2_FROM_REVISION = 300 };
    switch (look->rule->check) {
    case EM_RULE_ENCRYPTION_OPEN:
        return encryption_open(look);
    case EM_RULE_ENCRYPTION_CONFIG:
        return em_rule_changes(look, "FLASH_CRYPT_CNT") &&
               em_rule_encrypted(look->then) &&
               em_efuses_value(look->then, "FLASH_CRYPT_CONFIG") != WHOLE_CONFIG &&
               em_rule_hit(look, "FLASH_CRYPT_CNT");
    case EM_RULE_ENCRYPTION_OFF:
        return encryption_off(look);
    case EM_RULE_STEPS_REMAIN:
        return steps_remain(look);
    case EM_RULE_LOCKDOWN_ORDER:
        return lockdown_order(look);
    case EM_RULE_DOWNLOAD_OFF:
    case EM_RULE_CHANGED:
        return changed(look);
    case EM_RULE_CODING:
        return coding(look);
    case EM_RULE_LOCK_LATER:
        return lock_later(look);
    case EM_RULE_LOCK_GROUP:
        return lock_group(look);
    case EM_RULE_WR_CLOSED:
        return wr_closed(look);
    case EM_RULE_REVISION:
        return look->was->view.revision < V2_FROM_REVISION && changed(look);
    case EM_RULE_USB_LINK:
        return usb_link(look);
    case EM_RULE_BOTH:
        return both(look);
    default:
        return false;
    }
}
