/* SPDX-License-Identifier: Apache-2.0 */
/* Flash encryption on the host: the bytes that a chip's flash has to hold so that the
 * chip, with the same key in its eFuses, reads what was meant. */
#ifndef ESPMFG_FLASH_ENCRYPT_H
#define ESPMFG_FLASH_ENCRYPT_H

#include <espmfg/key.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EM_FLASH_CRYPT_UNIT = 16,  /**< addresses and lengths are multiples of it, bytes */
    EM_FLASH_CRYPT_CONF = 0xF, /**< FLASH_CRYPT_CONFIG as it should be burned: all on */
};

/** How a chip encrypts its flash. */
enum em_flash_scheme {
    EM_FLASH_XTS,   /**< AES-XTS: all chips but the ESP32 */
    EM_FLASH_ESP32, /**< AES-256, the key changed by the address: the ESP32 */
};

/** A key and what goes with it. Ended by em_key_wipe() of its key. */
struct em_flash_key {
    enum em_flash_scheme scheme;
    /**
     * As in a key file, that is, in the order that burning a key takes (it turns the
     * bytes round). XTS: 16 (chips that make the key of half a block), 32 (XTS-AES-128)
     * or 64 bytes (XTS-AES-256); ESP32: 32, or 24 with coding scheme 3/4.
     */
    struct em_key key;
    unsigned crypt_conf; /**< ESP32: FLASH_CRYPT_CONFIG, 0..0xF; else not looked at */
};

/**
 * Can this be used as it is? Returns EM_OK, or EM_ERR_INPUT: wrong length, all bytes
 * equal (a file that was never filled), or FLASH_CRYPT_CONFIG out of range.
 */
EM_API EM_USE_RESULT enum em_status em_flash_key_check(const struct em_flash_key *key,
                                                       struct em_error *err);

/**
 * Encrypt @p len bytes for flash address @p addr, in place; both are multiples of
 * EM_FLASH_CRYPT_UNIT, and @p len is not 0. Data may be encrypted in pieces. The ESP32
 * takes addresses below 16 MiB. Returns EM_OK, EM_ERR_INPUT (key, address or length) or
 * EM_ERR_CRYPTO; after EM_ERR_CRYPTO what @p data holds is of no use. May be called from
 * several threads at a time.
 */
EM_API EM_USE_RESULT enum em_status em_flash_encrypt(uint8_t *data, size_t len,
                                                     uint32_t addr,
                                                     const struct em_flash_key *key,
                                                     struct em_error *err);

/** The way back; as em_flash_encrypt(). A wrong key is not noticed: it makes noise. */
EM_API EM_USE_RESULT enum em_status em_flash_decrypt(uint8_t *data, size_t len,
                                                     uint32_t addr,
                                                     const struct em_flash_key *key,
                                                     struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
