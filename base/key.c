/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys in memory. */
#include "config.h"

#include <espmfg/key.h>

#include "base/error_int.h"
#include "base/hex_int.h"

#include <assert.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

enum em_status em_key_random(struct em_key *out, size_t len, struct em_error *err)
{
    assert(len > 0 && len <= EM_KEY_MAX);
    out->len = 0;
    if (RAND_priv_bytes(out->bytes, (int)len) != 1) {
        em_key_wipe(out);
        return em_error_set(err, EM_ERR_CRYPTO, "check that the system has entropy",
                            "OpenSSL's random generator failed");
    }
    out->len = len;
    return EM_OK;
}

void em_key_wipe(struct em_key *key)
{
    if (key != NULL)
        OPENSSL_cleanse(key, sizeof *key);
}

int em_key_equal(const struct em_key *a, const struct em_key *b)
{
    return a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

enum em_status em_key_fingerprint(const struct em_key *key,
                                  char out[EM_KEY_FINGERPRINT_SIZE], struct em_error *err)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    out[0] = '\0';
    if (EVP_Digest(key->bytes, key->len, digest, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "SHA-256 failed");
    em_hex_encode(out, digest, sizeof digest);
    return EM_OK;
}
