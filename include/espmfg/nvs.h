/* SPDX-License-Identifier: Apache-2.0 */
/* Writing NVS partition images in memory: content, encryption, key partitions.
 *
 * The format is that of the nvs_flash component of ESP-IDF; images have the same bytes as
 * those of its nvs_partition_gen.py (0.2.0). Nothing here touches the file system. */
#ifndef ESPMFG_NVS_H
#define ESPMFG_NVS_H

#include <espmfg/error.h>
#include <espmfg/key.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes and limits of the format, in bytes unless they say otherwise. The device library
 * is the source of the blob limit (127 chunks of one page); the writer of ESP-IDF that of
 * the string and version 1 limits. */
enum {
    EM_NVS_PAGE_SIZE = 4096,
    EM_NVS_ENTRY_SIZE = 32,
    EM_NVS_PAGE_ENTRIES = 126, /**< entries on a page */
    EM_NVS_KEY_LEN_MAX = 15,   /**< key and namespace name, without NUL */
    EM_NVS_NAMESPACES_MAX = 254,
    EM_NVS_STRING_MAX = 3968,  /**< with its NUL, version 2 */
    EM_NVS_V1_ITEM_MAX = 1984, /**< string with its NUL, or blob, version 1 */
    EM_NVS_BLOB_MAX = 508000,  /**< version 2; the device drops longer ones at mount */
    EM_NVS_SIZE_MAX =
        0x4000000, /**< largest partition made here: more than any flash chip */
    EM_NVS_RW_SIZE_MIN =
        0x3000,               /**< below it a partition can only be mounted read-only */
    EM_NVS_XTS_KEY_LEN = 64,  /**< data key, then tweak key */
    EM_NVS_HMAC_KEY_LEN = 32, /**< one eFuse key block */
    EM_NVS_KEY_PARTITION_SIZE = 4096,
};

/** Format version: 1 stores a blob on one page, 2 in chunks over several. */
enum em_nvs_version {
    EM_NVS_V1 = 1,
    EM_NVS_V2 = 2,
};

/** Integer types. The low nibble of the code is the width in bytes, 0x10 means signed. */
enum em_nvs_int {
    EM_NVS_U8 = 0x01,
    EM_NVS_U16 = 0x02,
    EM_NVS_U32 = 0x04,
    EM_NVS_U64 = 0x08,
    EM_NVS_I8 = 0x11,
    EM_NVS_I16 = 0x12,
    EM_NVS_I32 = 0x14,
    EM_NVS_I64 = 0x18,
};

/**
 * Check a partition size: a multiple of EM_NVS_PAGE_SIZE from one page to
 * EM_NVS_SIZE_MAX. Returns EM_OK or EM_ERR_USAGE.
 */
EM_API EM_USE_RESULT enum em_status em_nvs_size_check(uint64_t size,
                                                      struct em_error *err);

/** An image being written. One thread at a time. */
struct em_nvs_image;

/**
 * Begin an image of @p size bytes in @p buf, which the caller owns and keeps until the
 * image is freed. @p buf may be NULL: then everything is checked and placed but nothing
 * is stored, to learn whether content fits. Returns EM_OK, EM_ERR_USAGE (size) or
 * EM_ERR_NOMEM.
 */
EM_API EM_USE_RESULT enum em_status em_nvs_image_new(struct em_nvs_image **out,
                                                     uint8_t *buf, size_t size,
                                                     enum em_nvs_version version,
                                                     struct em_error *err);
EM_API void em_nvs_image_free(struct em_nvs_image *image);

/** Begin again with an empty image in the same buffer. */
EM_API void em_nvs_image_reset(struct em_nvs_image *image);

/**
 * The values that follow belong to namespace @p name (1..15 bytes). A name used before is
 * opened again. Returns EM_OK, EM_ERR_INPUT (length, 255th namespace) or EM_ERR_NOMEM.
 */
EM_API EM_USE_RESULT enum em_status em_nvs_image_namespace(struct em_nvs_image *image,
                                                           const char *name,
                                                           struct em_error *err);

/*
 * Append one value to the present namespace, under @p key (at most 15 bytes of any text).
 * All of them return EM_OK, EM_ERR_INPUT (no namespace yet, key too long or used before
 * in this namespace, value outside the type's range or too long) or EM_ERR_NOMEM; after
 * an error the image is unusable until em_nvs_image_reset(). What does not fit the
 * partition is not told here but by em_nvs_image_finish(), which then knows how much is
 * needed.
 */

/** An integer given as magnitude @p value and sign (@p negative, not for unsigned types).
 */
EM_API EM_USE_RESULT enum em_status
em_nvs_image_add_int(struct em_nvs_image *image, const char *key, enum em_nvs_int type,
                     uint64_t value, int negative, struct em_error *err);

/** A string of @p len bytes without NUL; the terminating NUL is added. */
EM_API EM_USE_RESULT enum em_status em_nvs_image_add_string(struct em_nvs_image *image,
                                                            const char *key,
                                                            const char *text, size_t len,
                                                            struct em_error *err);

/** A blob of @p len bytes, 0 allowed. */
EM_API EM_USE_RESULT enum em_status em_nvs_image_add_blob(struct em_nvs_image *image,
                                                          const char *key,
                                                          const void *data, size_t len,
                                                          struct em_error *err);

/**
 * Close the image. @p out_len becomes the number of bytes of the buffer that make the
 * image: all of it, or only the pages in use when the partition is read-only (below
 * EM_NVS_RW_SIZE_MIN). Returns EM_OK or EM_ERR_FULL (with the size that would do in the
 * hint).
 */
EM_API EM_USE_RESULT enum em_status
em_nvs_image_finish(struct em_nvs_image *image, size_t *out_len, struct em_error *err);

/** Size of the smallest partition that takes what was added and can be written to. */
EM_API size_t em_nvs_image_need(const struct em_nvs_image *image);

/**
 * The 24 bits by which the device finds an item on a page: of namespace index @p ns, key
 * and chunk index (0xFF for everything but the chunks of blobs). Two items with equal
 * hashes on the newest page lose the first one at mount.
 */
EM_API uint32_t em_nvs_item_hash(uint8_t ns, const char *key, uint8_t chunk);

/** Encrypts and decrypts images with AES-256-XTS as the device does. One thread at a
 * time. */
struct em_nvs_crypt;

/** Returns EM_OK, EM_ERR_NOMEM or EM_ERR_CRYPTO. */
EM_API EM_USE_RESULT enum em_status em_nvs_crypt_new(struct em_nvs_crypt **out,
                                                     struct em_error *err);
EM_API void em_nvs_crypt_free(struct em_nvs_crypt *crypt);

/**
 * Use @p key (EM_NVS_XTS_KEY_LEN bytes, copied) from now on. Setting the key in use again
 * costs nothing. Returns EM_OK, EM_ERR_INPUT (length, or equal halves) or EM_ERR_CRYPTO.
 */
EM_API EM_USE_RESULT enum em_status em_nvs_crypt_key(struct em_nvs_crypt *crypt,
                                                     const struct em_key *key,
                                                     struct em_error *err);

/**
 * Encrypt or decrypt, in place, the entries that the pages' bitmaps mark as written;
 * headers, bitmaps, empty and erased entries stay as they are. @p len is a multiple of
 * EM_NVS_PAGE_SIZE; @p image is the start of the partition. A key has to be set before.
 * Returns EM_OK, EM_ERR_NOMEM or EM_ERR_CRYPTO (then the content is not to be used).
 */
EM_API EM_USE_RESULT enum em_status em_nvs_encrypt(struct em_nvs_crypt *crypt,
                                                   uint8_t *image, size_t len,
                                                   struct em_error *err);
EM_API EM_USE_RESULT enum em_status em_nvs_decrypt(struct em_nvs_crypt *crypt,
                                                   uint8_t *image, size_t len,
                                                   struct em_error *err);

/**
 * Check that @p key can encrypt NVS: 64 bytes, halves that differ, not all 0xFF (which
 * the device takes for "no key yet"). Returns EM_OK or EM_ERR_INPUT.
 */
EM_API EM_USE_RESULT enum em_status em_nvs_key_check(const struct em_key *key,
                                                     struct em_error *err);

/** Make a random key that passes em_nvs_key_check(). Returns EM_OK or EM_ERR_CRYPTO. */
EM_API EM_USE_RESULT enum em_status em_nvs_key_random(struct em_key *out,
                                                      struct em_error *err);

/**
 * Derive the 64-byte key that the device derives from @p hmac_key (EM_NVS_HMAC_KEY_LEN
 * bytes in one of its eFuse blocks). Returns EM_OK, EM_ERR_INPUT (length) or
 * EM_ERR_CRYPTO.
 */
EM_API EM_USE_RESULT enum em_status em_nvs_key_derive(struct em_key *out,
                                                      const struct em_key *hmac_key,
                                                      struct em_error *err);

/** Write @p key (64 bytes) as a key partition: keys, CRC, 0xFF. */
EM_API void em_nvs_key_partition(uint8_t out[EM_NVS_KEY_PARTITION_SIZE],
                                 const struct em_key *key);

/**
 * Read a key from @p data: either just its 64 bytes, or a key partition (68 bytes or
 * more), whose CRC has to fit. Returns EM_OK or EM_ERR_INPUT; the key passes
 * em_nvs_key_check().
 */
EM_API EM_USE_RESULT enum em_status em_nvs_key_parse(struct em_key *out, const void *data,
                                                     size_t len, struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
