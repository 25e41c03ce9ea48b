/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-XTS over the entries of an image.
 *
 * Each entry is a data unit of its own, of two blocks only. Setting up OpenSSL's XTS for
 * every unit costs many times what the encryption does, so its AES is used in bulk, a
 * page at a time, and the rest of XTS (IEEE 1619: the tweak, its doubling, two exclusive
 * ors) is here. */
#include "config.h"

#include <espmfg/nvs.h>

#include "base/bytes_int.h"
#include "base/error_int.h"
#include "nvs/format_int.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum {
    BLOCK = 16,
    HALF_KEY = EM_NVS_XTS_KEY_LEN / 2,
};

struct em_nvs_crypt {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *encrypt, *decrypt, *tweak;
    bool can_encrypt, can_decrypt; /* the context has the key; set up when first needed */
    struct em_key key;
    /* What is xored onto entry i of the partition (counted over all pages) before and
     * after the cipher, EM_NVS_ENTRY_SIZE bytes each. The first n_masks are those of the
     * key. */
    uint8_t *masks;
    size_t n_masks, cap_masks;
};

static enum em_status crypto_error(struct em_error *err)
{
    return em_error_set(err, EM_ERR_CRYPTO, "check the installation of OpenSSL 3",
                        "AES-256 of OpenSSL failed");
}

enum em_status em_nvs_crypt_new(struct em_nvs_crypt **out, struct em_error *err)
{
    *out = NULL;
    struct em_nvs_crypt *crypt = calloc(1, sizeof *crypt);
    if (crypt == NULL)
        return em_error_nomem(err);
    crypt->cipher = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    crypt->encrypt = EVP_CIPHER_CTX_new();
    crypt->decrypt = EVP_CIPHER_CTX_new();
    crypt->tweak = EVP_CIPHER_CTX_new();
    if (crypt->cipher == NULL || crypt->encrypt == NULL || crypt->decrypt == NULL ||
        crypt->tweak == NULL) {
        em_nvs_crypt_free(crypt);
        return crypto_error(err);
    }
    *out = crypt;
    return EM_OK;
}

/* Masks do not give the key away; it is enough that they do not outlive the handle. */
static void free_masks(struct em_nvs_crypt *crypt)
{
    if (crypt->masks != NULL)
        OPENSSL_cleanse(crypt->masks, crypt->cap_masks * EM_NVS_ENTRY_SIZE);
    free(crypt->masks);
    crypt->masks = NULL;
    crypt->cap_masks = 0;
}

void em_nvs_crypt_free(struct em_nvs_crypt *crypt)
{
    if (crypt == NULL)
        return;
    free_masks(crypt);
    EVP_CIPHER_CTX_free(crypt->encrypt);
    EVP_CIPHER_CTX_free(crypt->decrypt);
    EVP_CIPHER_CTX_free(crypt->tweak);
    EVP_CIPHER_free(crypt->cipher);
    em_key_wipe(&crypt->key);
    free(crypt);
}

static bool set_key(struct em_nvs_crypt *crypt, EVP_CIPHER_CTX *ctx, const uint8_t *key,
                    bool encrypt)
{
    return EVP_CipherInit_ex2(ctx, crypt->cipher, key, NULL, encrypt ? 1 : 0, NULL) ==
               1 &&
           EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
}

enum em_status em_nvs_crypt_key(struct em_nvs_crypt *crypt, const struct em_key *key,
                                struct em_error *err)
{
    if (crypt->key.len != 0 && em_key_equal(&crypt->key, key))
        return EM_OK;
    enum em_status status = em_nvs_key_check(key, err);
    if (status != EM_OK)
        return status;
    em_key_wipe(&crypt->key);
    crypt->n_masks = 0;
    crypt->can_encrypt = crypt->can_decrypt = false;
    if (!set_key(crypt, crypt->tweak, key->bytes + HALF_KEY, true))
        return crypto_error(err);
    crypt->key = *key;
    return EM_OK;
}

static bool aes(EVP_CIPHER_CTX *ctx, uint8_t *data, size_t len)
{
    int done = 0;
    return EVP_CipherUpdate(ctx, data, &done, data, (int)len) == 1 && (size_t)done == len;
}

/* The mask of an entry from its encrypted offset: that is the first block's tweak, and
 * the second block's is the same times x in GF(2^128), little-endian. */
static void put_mask(uint8_t *out, const uint8_t *tweak)
{
    uint64_t low = em_get_le64(tweak);
    uint64_t high = em_get_le64(tweak + 8);
    em_put_le64(out, low);
    em_put_le64(out + 8, high);
    em_put_le64(out + 16, low << 1 ^ ((high >> 63) * 0x87));
    em_put_le64(out + 24, high << 1 | low >> 63);
}

/* Offset of entry @p idx, counted over all pages, from the start of the partition. */
static uint64_t entry_offset(size_t idx)
{
    return (uint64_t)(idx / EM_NVS_PAGE_ENTRIES) * EM_NVS_PAGE_SIZE + NVS_ENTRIES_OFF +
           idx % EM_NVS_PAGE_ENTRIES * EM_NVS_ENTRY_SIZE;
}

static enum em_status reserve_masks(struct em_nvs_crypt *crypt, size_t n,
                                    struct em_error *err)
{
    if (n <= crypt->cap_masks)
        return EM_OK;
    size_t cap = crypt->cap_masks * 2 > n ? crypt->cap_masks * 2 : n;
    uint8_t *masks = malloc(cap * EM_NVS_ENTRY_SIZE);
    if (masks == NULL)
        return em_error_nomem(err);
    if (crypt->n_masks > 0)
        memcpy(masks, crypt->masks, crypt->n_masks * EM_NVS_ENTRY_SIZE);
    free_masks(crypt);
    crypt->masks = masks;
    crypt->cap_masks = cap;
    return EM_OK;
}

/* Make the masks of the first n entries of the partition. */
static enum em_status make_masks(struct em_nvs_crypt *crypt, size_t n,
                                 struct em_error *err)
{
    uint8_t tweaks[EM_NVS_PAGE_ENTRIES * BLOCK];
    enum em_status status = reserve_masks(crypt, n, err);
    while (status == EM_OK && crypt->n_masks < n) {
        size_t part = n - crypt->n_masks;
        if (part > EM_NVS_PAGE_ENTRIES)
            part = EM_NVS_PAGE_ENTRIES;
        for (size_t i = 0; i < part; i++) {
            em_put_le64(tweaks + i * BLOCK, entry_offset(crypt->n_masks + i));
            em_put_le64(tweaks + i * BLOCK + 8, 0);
        }
        if (!aes(crypt->tweak, tweaks, part * BLOCK)) {
            status = crypto_error(err);
            break;
        }
        uint8_t *mask = crypt->masks + crypt->n_masks * EM_NVS_ENTRY_SIZE;
        for (size_t i = 0; i < part; i++)
            put_mask(mask + i * EM_NVS_ENTRY_SIZE, tweaks + i * BLOCK);
        crypt->n_masks += part;
    }
    return status;
}

/* Whole entries; the fixed inner length lets compilers use vectors. */
static void xor_into(uint8_t *restrict data, const uint8_t *restrict mask, size_t len)
{
    for (; len > 0; len -= EM_NVS_ENTRY_SIZE) {
        for (size_t i = 0; i < EM_NVS_ENTRY_SIZE; i++)
            data[i] ^= mask[i];
        data += EM_NVS_ENTRY_SIZE;
        mask += EM_NVS_ENTRY_SIZE;
    }
}

/* Entries first..end-1 of the page at @p page, all of them written. */
static enum em_status crypt_run(struct em_nvs_crypt *crypt, EVP_CIPHER_CTX *ctx,
                                uint8_t *page, size_t page_idx, unsigned first,
                                unsigned end, struct em_error *err)
{
    size_t idx = page_idx * EM_NVS_PAGE_ENTRIES + first;
    size_t len = (size_t)(end - first) * EM_NVS_ENTRY_SIZE;
    enum em_status status = make_masks(crypt, idx + (end - first), err);
    if (status != EM_OK)
        return status;
    uint8_t *data = page + NVS_ENTRIES_OFF + (size_t)first * EM_NVS_ENTRY_SIZE;
    const uint8_t *mask = crypt->masks + idx * EM_NVS_ENTRY_SIZE;
    xor_into(data, mask, len);
    if (!aes(ctx, data, len))
        return crypto_error(err);
    xor_into(data, mask, len);
    return EM_OK;
}

static enum em_status crypt_image(struct em_nvs_crypt *crypt, EVP_CIPHER_CTX *ctx,
                                  uint8_t *image, size_t len, struct em_error *err)
{
    assert(crypt->key.len == EM_NVS_XTS_KEY_LEN && len % EM_NVS_PAGE_SIZE == 0);
    for (size_t page_idx = 0; page_idx < len / EM_NVS_PAGE_SIZE; page_idx++) {
        uint8_t *page = image + page_idx * EM_NVS_PAGE_SIZE;
        unsigned first = 0;
        while (first < EM_NVS_PAGE_ENTRIES) {
            unsigned end = first;
            while (end < EM_NVS_PAGE_ENTRIES &&
                   nvs_entry_state(page, end) == NVS_ENTRY_WRITTEN)
                end++;
            if (end > first) {
                enum em_status status =
                    crypt_run(crypt, ctx, page, page_idx, first, end, err);
                if (status != EM_OK)
                    return status;
            }
            first = end + 1;
        }
    }
    return EM_OK;
}

enum em_status em_nvs_encrypt(struct em_nvs_crypt *crypt, uint8_t *image, size_t len,
                              struct em_error *err)
{
    if (!crypt->can_encrypt)
        crypt->can_encrypt = set_key(crypt, crypt->encrypt, crypt->key.bytes, true);
    return crypt->can_encrypt ? crypt_image(crypt, crypt->encrypt, image, len, err)
                              : crypto_error(err);
}

enum em_status em_nvs_decrypt(struct em_nvs_crypt *crypt, uint8_t *image, size_t len,
                              struct em_error *err)
{
    if (!crypt->can_decrypt)
        crypt->can_decrypt = set_key(crypt, crypt->decrypt, crypt->key.bytes, false);
    return crypt->can_decrypt ? crypt_image(crypt, crypt->decrypt, image, len, err)
                              : crypto_error(err);
}
