/* SPDX-License-Identifier: Apache-2.0 */
/* NVS encryption keys: checks, random and derived keys, the key partition. */
#include "config.h"

#include <espmfg/nvs.h>

#include "base/bytes_int.h"
#include "base/error_int.h"
#include "nvs/format_int.h"

#include <assert.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { HALF_KEY = EM_NVS_XTS_KEY_LEN / 2 };

enum em_status em_nvs_key_check(const struct em_key *key, struct em_error *err)
{
    static const char hint[] = "make a new one with mfg_gen generate-key";
    uint8_t not_ff = 0;
    if (key->len != EM_NVS_XTS_KEY_LEN)
        return em_error_set(err, EM_ERR_INPUT, hint, "key of %zu bytes, %d are needed",
                            key->len, EM_NVS_XTS_KEY_LEN);
    for (size_t i = 0; i < key->len; i++)
        not_ff |= (uint8_t)~key->bytes[i];
    if (not_ff == 0)
        return em_error_set(
            err, EM_ERR_INPUT, hint,
            "all key bytes are 0xFF: the device takes that for \"no key yet\"");
    if (CRYPTO_memcmp(key->bytes, key->bytes + HALF_KEY, HALF_KEY) == 0)
        return em_error_set(err, EM_ERR_INPUT, hint,
                            "both halves of the key are equal, which AES-XTS forbids");
    return EM_OK;
}

enum em_status em_nvs_key_random(struct em_key *out, struct em_error *err)
{
    enum em_status status = em_key_random(out, EM_NVS_XTS_KEY_LEN, err);
    if (status == EM_OK && em_nvs_key_check(out, err) != EM_OK) {
        em_key_wipe(out);
        status = em_error_set(err, EM_ERR_CRYPTO, NULL,
                              "OpenSSL's random generator made an impossible key");
    }
    return status;
}

enum em_status em_nvs_key_derive(struct em_key *out, const struct em_key *hmac_key,
                                 struct em_error *err)
{
    /* The messages that the device signs: each pattern eight times. Source: nvs_flash of
     * ESP-IDF, HMAC-based protection scheme. */
    static const uint8_t patterns[2][4] = {{0x5A, 0x5A, 0xBE, 0xAE},
                                           {0xA5, 0xA5, 0xDE, 0xCE}};
    *out = (struct em_key){0};
    if (hmac_key->len != EM_NVS_HMAC_KEY_LEN)
        return em_error_set(err, EM_ERR_INPUT, "an eFuse key block holds 32 bytes",
                            "HMAC key of %zu bytes, %d are needed", hmac_key->len,
                            EM_NVS_HMAC_KEY_LEN);
    for (size_t half = 0; half < 2; half++) {
        uint8_t message[32];
        unsigned len = 0;
        for (size_t i = 0; i < sizeof message; i++)
            message[i] = patterns[half][i % sizeof patterns[half]];
        if (HMAC(EVP_sha256(), hmac_key->bytes, (int)hmac_key->len, message,
                 sizeof message, out->bytes + half * HALF_KEY, &len) == NULL ||
            len != HALF_KEY) {
            em_key_wipe(out);
            return em_error_set(err, EM_ERR_CRYPTO, NULL,
                                "HMAC-SHA256 of OpenSSL failed");
        }
    }
    out->len = EM_NVS_XTS_KEY_LEN;
    return EM_OK;
}

void em_nvs_key_partition(uint8_t out[EM_NVS_KEY_PARTITION_SIZE],
                          const struct em_key *key)
{
    assert(key->len == EM_NVS_XTS_KEY_LEN);
    memset(out, 0xFF, EM_NVS_KEY_PARTITION_SIZE);
    memcpy(out, key->bytes, key->len);
    em_put_le32(out + key->len, nvs_crc(NVS_CRC_START, key->bytes, key->len));
}

enum em_status em_nvs_key_parse(struct em_key *out, const void *data, size_t len,
                                struct em_error *err)
{
    static const char hint[] = "take the file that mfg_gen generate-key or --keygen made";
    const uint8_t *bytes = data;
    *out = (struct em_key){0};
    if (len < EM_NVS_XTS_KEY_LEN ||
        (len > EM_NVS_XTS_KEY_LEN && len < EM_NVS_XTS_KEY_LEN + 4))
        return em_error_set(
            err, EM_ERR_INPUT, hint,
            "%zu bytes: neither a key (%d bytes) nor a key partition (68 bytes "
            "or more)",
            len, EM_NVS_XTS_KEY_LEN);
    if (len > EM_NVS_XTS_KEY_LEN && nvs_crc(NVS_CRC_START, bytes, EM_NVS_XTS_KEY_LEN) !=
                                        em_get_le32(bytes + EM_NVS_XTS_KEY_LEN))
        return em_error_set(err, EM_ERR_INPUT, hint,
                            "the CRC does not fit the key: damaged, or no key partition");
    memcpy(out->bytes, bytes, EM_NVS_XTS_KEY_LEN);
    out->len = EM_NVS_XTS_KEY_LEN;
    enum em_status status = em_nvs_key_check(out, err);
    if (status != EM_OK)
        em_key_wipe(out);
    return status;
}
