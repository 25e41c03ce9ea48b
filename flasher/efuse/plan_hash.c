/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of a plan: approve today what is burned tomorrow, and nothing else. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <ctype.h>
#include <string.h>

static bool add(EVP_MD_CTX *ctx, const void *data, size_t len)
{
    return EVP_DigestUpdate(ctx, data, len) == 1;
}

static bool add_number(EVP_MD_CTX *ctx, uint64_t number)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    return add(ctx, bytes, sizeof bytes);
}

/* By their ids: the numbers of rules may change from version to version. */
static bool add_overridden(EVP_MD_CTX *ctx, const struct em_efuses *e)
{
    bool good = true;
    for (size_t i = 0; i < em_efuse_rules_count && good; i++)
        if ((e->overridden >> i & 1) != 0)
            good = add(ctx, em_efuse_rules[i].id, strlen(em_efuse_rules[i].id) + 1);
    return good && add(ctx, "", 1);
}

/* All parts have a fixed length or stand behind it, so no two plans look alike. */
static bool add_all(EVP_MD_CTX *ctx, const struct em_efuses *e)
{
    static const char head[] = "espmfg eFuse plan 1";
    const char *chip = e->chip->id;
    bool good = add(ctx, head, sizeof head) && add(ctx, chip, strlen(chip) + 1) &&
                add_number(ctx, e->view.revision) && add_number(ctx, e->is_virtual) &&
                add_number(ctx, e->state.scheme) &&
                add_number(ctx, e->options.no_postpone) && add_number(ctx, e->force) &&
                add_number(ctx, e->options.table_520) && add_overridden(ctx, e);
    for (size_t b = 0; b < e->view.table->block_count && good; b++)
        good = add(ctx, e->now[b].bytes, sizeof e->now[b].bytes) &&
               add_number(ctx, e->state.errors[b].count) &&
               add_number(ctx, e->state.errors[b].fail) &&
               add(ctx, e->staged[b].bytes, sizeof e->staged[b].bytes) &&
               add_number(ctx, e->recover[b]);
    return good;
}

enum em_status em_efuses_plan_hash(const struct em_efuses *e,
                                   char out[EM_EFUSES_HASH_TEXT], struct em_error *err)
{
    uint8_t hash[EM_EFUSES_HASH];
    out[0] = '\0';
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                add_all(ctx, e) && EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!good)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "the plan cannot be hashed");
    for (size_t i = 0; i < sizeof hash; i++) {
        out[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[hash[i] & 0xF];
    }
    out[EM_EFUSES_HASH_TEXT - 1] = '\0';
    return EM_OK;
}

enum em_status em_efuses_approve(struct em_efuses *e, const char *hash,
                                 struct em_error *err)
{
    size_t len = strlen(hash);
    size_t digits = 0;
    while (digits < len && isxdigit((unsigned char)hash[digits]))
        digits++;
    if (len != EM_EFUSES_HASH_TEXT - 1 || digits != len)
        return em_error_set(err, EM_ERR_USAGE, "take it from --dry-run",
                            "the hash of a plan has 64 digits in hex");
    for (size_t i = 0; i <= len; i++)
        e->approved[i] = (char)tolower((unsigned char)hash[i]);
    return EM_OK;
}

enum em_status em_efuses_check_approved(struct em_efuses *e, struct em_error *err)
{
    char hash[EM_EFUSES_HASH_TEXT];
    if (e->approved[0] == '\0')
        return EM_OK;
    /* The chip may have changed since it was read. */
    enum em_status status = em_efuses_refresh(e, err);
    if (status == EM_OK)
        status = em_efuses_plan_hash(e, hash, err);
    if (status != EM_OK || strcmp(hash, e->approved) == 0)
        return status;
    return em_error_set(err, EM_ERR_REFUSED, "look at the plan anew with --dry-run",
                        "the chip or the plan is not what was approved; the hash is "
                        "now %s",
                        hash);
}
