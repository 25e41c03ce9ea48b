/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and checking NVS partition images in memory.
 *
 * The reader sees what the device would see after it mounted the partition, and tells
 * everything on the way there that the device would refuse, repair or lose: checking an
 * image is reading it with a call-back. No length in the image is trusted. */
#ifndef ESPMFG_NVS_READER_H
#define ESPMFG_NVS_READER_H

#include <espmfg/nvs.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Types of values beside those of enum em_nvs_int. */
enum em_nvs_type {
    EM_NVS_FLOAT = 0x24,  /**< 4 bytes; written by devices only */
    EM_NVS_DOUBLE = 0x28, /**< 8 bytes; likewise */
    EM_NVS_STRING = 0x21, /**< its length counts the NUL */
    EM_NVS_BLOB = 0x41,   /**< of either version */
    /* In entries only: the parts of a blob of version 2. */
    EM_NVS_BLOB_CHUNK = 0x42,
    EM_NVS_BLOB_INDEX = 0x48,
};

/** How much a finding matters. */
enum em_nvs_severity {
    EM_NVS_WARNING, /**< nothing is lost, but the generator would not have made it so */
    EM_NVS_ERROR,   /**< the device refuses the partition, or loses or misreads values */
};

/** Something that is not as it has to be. Texts are valid during the call-back. */
struct em_nvs_finding {
    enum em_nvs_severity severity;
    const char *id;          /**< short name that stays the same: "entry-crc" */
    const char *what;        /**< the reason: one line with names and numbers */
    const char *consequence; /**< what the device makes of it */
    long page;               /**< counted from 0 in the image; -1: the image as a whole */
    int entry;               /**< of the page, 0..125; -1: the page as a whole */
    unsigned entries;        /**< how many entries it is about; 0 for pages */
    size_t off;              /**< of the place, bytes from the start of the image */
};

typedef void em_nvs_finding_fn(void *user, const struct em_nvs_finding *finding);

/** A value that the device can read. Texts belong to the reader. */
struct em_nvs_value {
    const char *ns;   /**< name of its namespace */
    const char *key;  /**< any bytes without NUL */
    unsigned type;    /**< enum em_nvs_int or enum em_nvs_type */
    size_t len;       /**< bytes: width of a number, string with its NUL, blob */
    uint64_t bits;    /**< integers: sign-extended to 64 bits; floats: as stored */
    uint8_t ns_index; /**< as stored */
    size_t page;      /**< where its first entry is */
    unsigned entry;
    unsigned entries; /**< how many entries it takes in all */
    size_t item;      /**< for the reader */
};

/** What a reader found. */
struct em_nvs_counts {
    size_t pages;      /**< in the image */
    size_t used_pages; /**< with a header that is right */
    size_t values;     /**< that the device can read */
    size_t namespaces;
    size_t errors; /**< findings, told or not */
    size_t warnings;
    bool version_1;  /**< the newest page has version 1 */
    bool read_only;  /**< so small that it can only be mounted read-only */
    bool unreadable; /**< there are written entries, and none of them has a right CRC:
                      * encrypted with another key, or not encrypted */
};

/* ---- Pages and entries as they are, right or wrong ---- */

enum em_nvs_page_state {
    EM_NVS_PAGE_UNUSED,
    EM_NVS_PAGE_ACTIVE,  /**< the device writes to it */
    EM_NVS_PAGE_FULL,    /**< closed */
    EM_NVS_PAGE_FREEING, /**< its entries were being moved elsewhere */
    EM_NVS_PAGE_CORRUPT, /**< none of these */
};

/** What the header of a page says. */
struct em_nvs_page_info {
    enum em_nvs_page_state state;
    uint32_t sequence;
    uint8_t version_byte; /**< 0xFF: version 1, 0xFE: version 2 */
    bool crc_right;       /**< of the header */
};

/** The values are the two bits of the page's bitmap. */
enum em_nvs_entry_state {
    EM_NVS_ENTRY_ERASED = 0,
    EM_NVS_ENTRY_ILLEGAL = 1,
    EM_NVS_ENTRY_WRITTEN = 2,
    EM_NVS_ENTRY_EMPTY = 3,
};

/** What an entry says, if it is the first of an item. */
struct em_nvs_entry_info {
    enum em_nvs_entry_state state;
    bool header; /**< written, with a right CRC, type and span; the rest counts only then
                  */
    uint8_t ns_index;
    uint8_t type;     /**< enum em_nvs_int or enum em_nvs_type */
    uint8_t span;     /**< entries of the item on this page, its data among them */
    uint8_t chunk;    /**< index of a blob's chunk; otherwise 0xFF */
    char key[16 + 1]; /**< any bytes; a right one has at most 15 */
};

/** Look at the page of EM_NVS_PAGE_SIZE bytes at @p page, not encrypted. */
EM_API void em_nvs_page_look(struct em_nvs_page_info *out, const uint8_t *page);

/** Look at one of its entries, 0..EM_NVS_PAGE_ENTRIES-1. */
EM_API void em_nvs_entry_look(struct em_nvs_entry_info *out, const uint8_t *page,
                              unsigned entry);

/* ---- The content ---- */

/** Reads one image after the other. One thread at a time. */
struct em_nvs_reader;

/** Returns EM_OK or EM_ERR_NOMEM. */
EM_API EM_USE_RESULT enum em_status em_nvs_reader_new(struct em_nvs_reader **out,
                                                      struct em_error *err);
EM_API void em_nvs_reader_free(struct em_nvs_reader *reader);

/**
 * Read the image of @p len bytes at @p image, not encrypted (or decrypted before with
 * em_nvs_decrypt()), which the caller owns and keeps unchanged until the next image is
 * loaded. Findings go to @p tell (may be NULL) in the order of the image, those about
 * several places last. Damaged images are no error of this call. Returns EM_OK,
 * EM_ERR_INPUT (not a multiple of EM_NVS_PAGE_SIZE, or none) or EM_ERR_NOMEM.
 */
EM_API EM_USE_RESULT enum em_status em_nvs_reader_load(struct em_nvs_reader *reader,
                                                       const uint8_t *image, size_t len,
                                                       em_nvs_finding_fn *tell,
                                                       void *user, struct em_error *err);

EM_API struct em_nvs_counts em_nvs_reader_counts(const struct em_nvs_reader *reader);

/**
 * The value after *cursor, which begins as 0 and is moved on, in the order in which they
 * were written. Returns false behind the last.
 */
EM_API bool em_nvs_reader_next(const struct em_nvs_reader *reader, size_t *cursor,
                               struct em_nvs_value *out);

/**
 * The namespaces likewise: *name, and *index as stored. Its cursor counts the same
 * sequence: the smaller of two cursors belongs to what was written first.
 */
EM_API bool em_nvs_reader_next_namespace(const struct em_nvs_reader *reader,
                                         size_t *cursor, const char **name,
                                         uint8_t *index);

/**
 * Find a value. Returns false when there is none. Of several types under one key, which
 * is an error of the image, it is the first.
 */
EM_API bool em_nvs_reader_find(const struct em_nvs_reader *reader, const char *ns,
                               const char *key, struct em_nvs_value *out);

/**
 * Copy the bytes of @p value to @p out, which has room for value->len: numbers
 * little-endian, strings with their NUL.
 */
EM_API void em_nvs_reader_copy(const struct em_nvs_reader *reader,
                               const struct em_nvs_value *value, uint8_t *out);

/** Are the bytes of @p value those at @p data? Lengths count too. */
EM_API bool em_nvs_reader_equal(const struct em_nvs_reader *reader,
                                const struct em_nvs_value *value, const void *data,
                                size_t len);

#ifdef __cplusplus
}
#endif
#endif
