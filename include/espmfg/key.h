/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys in memory: made, compared, wiped, and named without being shown. */
#ifndef ESPMFG_KEY_H
#define ESPMFG_KEY_H

#include <espmfg/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EM_KEY_MAX = 64,              /**< longest key held, bytes */
    EM_KEY_FINGERPRINT_SIZE = 65, /**< SHA-256 in hex and a NUL */
};

/** A key. Whoever owns one calls em_key_wipe() on every path. Start it as {0}. */
struct em_key {
    size_t len; /**< bytes in use; 0: no key */
    uint8_t bytes[EM_KEY_MAX];
};

/**
 * Fill @p out with @p len random bytes (1..EM_KEY_MAX) from OpenSSL's private generator.
 * Returns EM_OK or EM_ERR_CRYPTO; then @p out holds no key.
 */
EM_API EM_USE_RESULT enum em_status em_key_random(struct em_key *out, size_t len,
                                                  struct em_error *err);

/** Overwrite the key so that the compiler cannot leave it out. NULL is allowed. */
EM_API void em_key_wipe(struct em_key *key);

/** 1 when both have the same length and bytes, compared in constant time; else 0. */
EM_API int em_key_equal(const struct em_key *a, const struct em_key *b);

/**
 * SHA-256 of the key's bytes as 64 lower-case hex digits: names a key in lists and logs
 * without giving it away. Returns EM_OK or EM_ERR_CRYPTO.
 */
EM_API EM_USE_RESULT enum em_status em_key_fingerprint(const struct em_key *key,
                                                       char out[EM_KEY_FINGERPRINT_SIZE],
                                                       struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
