/* SPDX-License-Identifier: Apache-2.0 */
/* Flash encryption: AES-XTS, and the ESP32's own scheme. Both were found by comparing
 * with what published tools make of known keys and data; tests/data/flash_encrypt. */
#include "config.h"

#include <espmfg/flash_encrypt.h>

#include "base/bytes_int.h"
#include "base/error_int.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdbool.h>
#include <string.h>

enum {
    BLOCK = EM_FLASH_CRYPT_UNIT,
    XTS_UNIT = 128,  /* has one tweak, its address */
    ESP32_UNIT = 32, /* has one key */
    ESP32_KEY = 32,  /* bytes the cipher takes */
    SHORT_KEY = 24,  /* what a block holds with coding scheme 3/4 */
    HALF_KEY = 16,   /* half a block */
    TOP_BIT = 23,    /* of an address on the ESP32 */
    LOW_BIT = 5,     /* the first that tells one unit from the next */
    ESP32_END = 1 << (TOP_BIT + 1),
};

/* Which bits of the key, counted from the first byte's highest on, each bit of
 * FLASH_CRYPT_CONFIG has changed: from the one here up to the next. */
static const unsigned ranges[] = {0, 67, 132, 195, 256};

/* Whether @p key has the length of its scheme. */
static bool right_length(const struct em_flash_key *key)
{
    size_t len = key->key.len;
    if (key->scheme == EM_FLASH_ESP32)
        return len == ESP32_KEY || len == SHORT_KEY;
    return len == HALF_KEY || len == 32 || len == 64;
}

enum em_status em_flash_key_check(const struct em_flash_key *key, struct em_error *err)
{
    size_t len = key->key.len;
    bool esp32 = key->scheme == EM_FLASH_ESP32;
    if (!right_length(key))
        return em_error_set(err, EM_ERR_INPUT,
                            esp32 ? "chips other than the ESP32 use AES-XTS"
                                  : "the ESP32 does not use AES-XTS",
                            "a key of %zu bytes, where %s", len,
                            esp32 ? "the ESP32 takes 32 (24 with coding scheme 3/4)"
                                  : "AES-XTS takes 32 or 64 (16 for half a block)");
    if (esp32 && key->crypt_conf > EM_FLASH_CRYPT_CONF)
        return em_error_set(err, EM_ERR_INPUT, "0xF is what chips are burned with",
                            "FLASH_CRYPT_CONFIG 0x%X, limit 0xF", key->crypt_conf);
    unsigned differ = 0;
    for (size_t i = 1; i < len; i++)
        differ |= key->key.bytes[i] ^ (unsigned)key->key.bytes[0];
    /* OpenSSL would refuse the XTS ones: both halves of a key must not be equal. */
    if (differ == 0 ||
        (!esp32 && len > HALF_KEY &&
         CRYPTO_memcmp(key->key.bytes, key->key.bytes + len / 2, len / 2) == 0))
        return em_error_set(err, EM_ERR_INPUT, "make one with mfg_gen generate-flash-key",
                            "a key that is no key: %s",
                            differ == 0 ? "all its bytes are equal"
                                        : "both halves are equal");
    return EM_OK;
}

static enum em_status check_place(const struct em_flash_key *key, uint32_t addr,
                                  size_t len, struct em_error *err)
{
    uint64_t end = key->scheme == EM_FLASH_ESP32 ? ESP32_END : UINT64_C(1) << 32;
    if (addr % BLOCK != 0)
        return em_error_set(err, EM_ERR_INPUT, "partitions begin at multiples of 0x1000",
                            "address 0x%x is not a multiple of 16", (unsigned)addr);
    if (len == 0 || len % BLOCK != 0)
        return em_error_set(err, EM_ERR_INPUT,
                            len == 0 ? NULL : "fill the last 16 bytes with 0xFF",
                            "%zu bytes are not a multiple of 16 from 16 on", len);
    if (addr >= end || len > end - addr)
        return em_error_set(err, EM_ERR_INPUT, "look at the address again",
                            "%zu bytes at 0x%x reach beyond 0x%llx, the end of what the "
                            "chip can address",
                            len, (unsigned)addr, (unsigned long long)end);
    return EM_OK;
}

static enum em_status crypto_error(struct em_error *err)
{
    return em_error_set(err, EM_ERR_CRYPTO, "check the installation of OpenSSL 3",
                        "AES of OpenSSL failed");
}

static void turn(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t kept = bytes[i];
        bytes[i] = bytes[len - 1 - i];
        bytes[len - 1 - i] = kept;
    }
}

/* One unit: the tweak is its address, least byte first; bytes run backwards in it, as
 * they do in the key blocks of the eFuses. */
static bool xts_unit(EVP_CIPHER_CTX *ctx, uint8_t unit[XTS_UNIT], uint32_t addr)
{
    uint8_t tweak[16] = {0};
    int got = 0;
    turn(unit, XTS_UNIT);
    em_put_le32(tweak, addr);
    bool good = EVP_CipherInit_ex(ctx, NULL, NULL, NULL, tweak, -1) == 1 &&
                EVP_CipherUpdate(ctx, unit, &got, unit, XTS_UNIT) == 1 && got == XTS_UNIT;
    turn(unit, XTS_UNIT);
    return good;
}

static bool xts(EVP_CIPHER_CTX *ctx, uint8_t *data, size_t len, uint32_t addr,
                const struct em_key *key, bool encrypt)
{
    uint8_t hashed[EVP_MAX_MD_SIZE], unit[XTS_UNIT] = {0};
    static const uint8_t no_tweak[16];
    const uint8_t *bytes = key->bytes;
    const EVP_CIPHER *cipher = key->len == 64 ? EVP_aes_256_xts() : EVP_aes_128_xts();
    bool good = true;
    if (key->len == HALF_KEY) { /* as the chip does it */
        good = EVP_Digest(key->bytes, key->len, hashed, NULL, EVP_sha256(), NULL) == 1;
        bytes = hashed;
    }
    good = good && EVP_CipherInit_ex(ctx, cipher, NULL, bytes, no_tweak, encrypt) == 1;
    for (size_t done = 0; good && done < len;) {
        uint32_t at = addr + (uint32_t)done, skip = at % XTS_UNIT;
        size_t n = XTS_UNIT - skip < len - done ? XTS_UNIT - skip : len - done;
        /* Blocks of a unit do not depend on each other: what is around does not count. */
        memcpy(unit + skip, data + done, n);
        good = xts_unit(ctx, unit, at - skip);
        memcpy(data + done, unit + skip, n);
        done += n;
    }
    OPENSSL_cleanse(hashed, sizeof hashed);
    OPENSSL_cleanse(unit, sizeof unit);
    return good;
}

/* The key of the unit at @p addr: address bits 23..5 are xored onto the bits of each
 * range, from the highest on, again and again; what is left of a range at its end (fewer
 * than 19 bits) gets the lowest ones. */
static void esp32_key(uint8_t out[ESP32_KEY], const uint8_t key[ESP32_KEY], uint32_t addr,
                      unsigned conf)
{
    enum { BITS = TOP_BIT - LOW_BIT + 1 };
    memcpy(out, key, ESP32_KEY);
    for (unsigned range = 0; range < 4; range++) {
        unsigned first = ranges[range], size = ranges[range + 1] - first;
        if ((conf >> range & 1) == 0)
            continue;
        for (unsigned i = 0; i < size; i++) {
            unsigned whole = size / BITS * BITS;
            unsigned bit = i < whole ? TOP_BIT - i % BITS : LOW_BIT + (size - 1 - i);
            unsigned at = first + i;
            out[at / 8] ^= (uint8_t)((addr >> bit & 1) << (7 - at % 8));
        }
    }
}

/* The flash controller decrypts with the cipher's encryption. Bytes of a block run
 * backwards. */
static bool esp32(EVP_CIPHER_CTX *ctx, uint8_t *data, size_t len, uint32_t addr,
                  const struct em_flash_key *key, bool encrypt)
{
    uint8_t whole[ESP32_KEY], changed[ESP32_KEY];
    memcpy(whole, key->key.bytes, key->key.len);
    if (key->key.len == SHORT_KEY) /* the middle third stands in for the missing bytes */
        memcpy(whole + SHORT_KEY, whole + 8, 8);
    bool good =
        EVP_CipherInit_ex(ctx, EVP_aes_256_ecb(), NULL, NULL, NULL, !encrypt) == 1;
    for (size_t done = 0; good && done < len; done += BLOCK) {
        uint32_t at = addr + (uint32_t)done;
        int got = 0;
        if (done == 0 || at % ESP32_UNIT == 0) {
            esp32_key(changed, whole, at, key->crypt_conf);
            good = EVP_CipherInit_ex(ctx, NULL, NULL, changed, NULL, -1) == 1 &&
                   EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
        }
        turn(data + done, BLOCK);
        good = good &&
               EVP_CipherUpdate(ctx, data + done, &got, data + done, BLOCK) == 1 &&
               got == BLOCK;
        turn(data + done, BLOCK);
    }
    OPENSSL_cleanse(whole, sizeof whole);
    OPENSSL_cleanse(changed, sizeof changed);
    return good;
}

static enum em_status apply(uint8_t *data, size_t len, uint32_t addr,
                            const struct em_flash_key *key, bool encrypt,
                            struct em_error *err)
{
    enum em_status status = em_flash_key_check(key, err);
    if (status == EM_OK)
        status = check_place(key, addr, len, err);
    if (status != EM_OK)
        return status;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx != NULL && (key->scheme == EM_FLASH_ESP32
                                    ? esp32(ctx, data, len, addr, key, encrypt)
                                    : xts(ctx, data, len, addr, &key->key, encrypt));
    EVP_CIPHER_CTX_free(ctx);
    return good ? EM_OK : crypto_error(err);
}

enum em_status em_flash_encrypt(uint8_t *data, size_t len, uint32_t addr,
                                const struct em_flash_key *key, struct em_error *err)
{
    return apply(data, len, addr, key, true, err);
}

enum em_status em_flash_decrypt(uint8_t *data, size_t len, uint32_t addr,
                                const struct em_flash_key *key, struct em_error *err)
{
    return apply(data, len, addr, key, false, err);
}
