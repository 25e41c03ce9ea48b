/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware images without a chip: looking at them, making them of ELF files, merging
 * files for the flash, and partition tables. */
#ifndef ESPMFG_IMAGE_H
#define ESPMFG_IMAGE_H

#include <espmfg/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EM_IMAGE_SEGMENTS_MAX = 16,
    EM_IMAGE_DIGEST_LEN = 32,
    EM_IMAGE_REVISION_ANY = 65535, /**< highest revision: no limit */
};

/* ---- Looking at an image ---- */

/** One segment of an image. */
struct em_image_place {
    uint32_t addr;   /**< where it is loaded or mapped; 0: padding */
    uint32_t len;    /**< bytes */
    uint32_t off;    /**< of its data in the image */
    char memory[96]; /**< kinds of memory at that address: "DRAM, BYTE_ACCESSIBLE"; "" */
};

/** What an application tells of itself. Texts are UTF-8, "" where it says nothing. */
struct em_image_app {
    char project[33], version[33], idf[33];
    char compiled[33];       /**< date and time */
    uint32_t secure_version; /**< against rollback */
    uint8_t elf_sha256[32];
    uint16_t min_block_revision, max_block_revision; /**< major*100+minor, of eFuses */
    uint32_t mmu_page_size;                          /**< 0: not told */
};

/** What a boot loader tells of itself. */
struct em_image_bootloader {
    uint32_t version;
    char idf[33], compiled[25];
};

/** What an image is. */
struct em_image_info {
    const char *chip;                   /**< "esp32c3" */
    const char *chip_name;              /**< "ESP32-C3" */
    uint32_t version;                   /**< of the format: 1, or 2 (ESP8266) */
    uint32_t entry;                     /**< address; 0: none */
    uint8_t mode, size_code, freq_code; /**< of the flash, as in the header */
    const char *flash_mode, *flash_size, *flash_freq; /**< NULL: code without a name */

    bool extended; /**< the members up to max_revision are there (not on ESP8266) */
    uint16_t chip_id;
    uint8_t wp_pin;        /**< 0xEE: none */
    uint8_t pin_drives[6]; /**< clk, q, d, cs, hd, wp */
    uint8_t min_revision_old;
    uint16_t min_revision, max_revision; /**< major*100+minor */

    size_t count;
    struct em_image_place segments[EM_IMAGE_SEGMENTS_MAX];

    uint8_t checksum, checksum_wanted; /**< what stands there, and what is right */
    bool has_digest, digest_valid;
    uint8_t digest[EM_IMAGE_DIGEST_LEN]; /**< what stands there */
    size_t len;                          /**< of the image; more may follow it */

    bool has_app;
    struct em_image_app app;
    bool has_bootloader;
    struct em_image_bootloader bootloader;
};

/**
 * Look at the image that begins @p data. @p chip names the chip; NULL: that of the
 * header, or ESP8266 where the header does not look like one with a chip. A wrong
 * checksum or digest is no fault: compare the members. Returns EM_OK, EM_ERR_USAGE (no
 * such chip), EM_ERR_INPUT (no image, or cut off) or EM_ERR_CRYPTO.
 */
EM_API enum em_status em_image_look(struct em_image_info *out, const uint8_t *data,
                                    size_t len, const char *chip, struct em_error *err);

/* ---- Making an image ---- */

/** How an image is made. Start it as EM_IMAGE_OPTIONS_INIT and name the chip. */
struct em_image_options {
    const char *chip; /**< "esp32c3" */
    const char
        *flash_mode; /**< "qio" (the default, also for NULL), "qout", "dio", "dout" */
    const char *flash_freq; /**< "40m"; NULL: the one with code 0 */
    const char *flash_size; /**< "4MB"; NULL: "1MB" */
    uint32_t version;       /**< ESP8266: 1 to 3; others have one version only */
    uint8_t min_revision_old;
    uint16_t min_revision, max_revision; /**< major*100+minor */
    uint32_t mmu_page_size;              /**< 0: the application's, else 64 KiB */
    bool use_segments;       /**< take program headers of the ELF file, not sections */
    bool no_digest;          /**< no SHA-256 at the end */
    bool ram_only_header;    /**< the loader sees only what goes into RAM; no SHA-256 */
    bool secure_pad;         /**< so that, signed for secure boot V1, it fills pages */
    bool secure_pad_v2;      /**< so that its signature begins a page */
    bool force;              /**< also addresses that the chip is not known to have */
    bool has_elf_digest;     /**< put the SHA-256 of the ELF file where ... */
    uint32_t elf_digest_off; /**< ... in the image; without it, into the application's
                              * description, if there is one */
    uint64_t pad_to_size;    /**< 0xFF up to a multiple of so many bytes; 0: none */
};

#define EM_IMAGE_OPTIONS_INIT                                                            \
    {                                                                                    \
        .version = 1, .max_revision = EM_IMAGE_REVISION_ANY                              \
    }

/** A piece of a program. */
struct em_image_input {
    uint32_t addr;
    const uint8_t *data;
    size_t len;
};

enum { EM_IMAGE_FILES_MAX = 4 };

/** Files that make up a program: one, but on ESP8266 in version 1 one more for each piece
 * of code in flash. Start it as {0}; em_image_files_free() ends it. */
struct em_image_files {
    struct em_image_file {
        uint8_t *data;
        size_t len;
        uint32_t flash_addr; /**< ESP8266: where it belongs */
        bool has_flash_addr;
    } files[EM_IMAGE_FILES_MAX];
    size_t count;
};

/**
 * Make an image of the ELF file @p elf of @p len bytes. Returns EM_OK, EM_ERR_USAGE
 * (options that the chip does not have), EM_ERR_INPUT (no ELF file, for another
 * processor, overlaps, addresses outside of the chip's memory, more segments than an
 * image has), EM_ERR_NOMEM or EM_ERR_CRYPTO; *out is then empty.
 */
EM_API enum em_status em_image_from_elf(struct em_image_files *out, const uint8_t *elf,
                                        size_t len,
                                        const struct em_image_options *options,
                                        struct em_error *err);

/** The same of @p count pieces in memory, and an entry address. Options about the ELF
 * file do not count. */
EM_API enum em_status em_image_from_pieces(struct em_image_files *out,
                                           const struct em_image_input *pieces,
                                           size_t count, uint32_t entry,
                                           const struct em_image_options *options,
                                           struct em_error *err);

EM_API void em_image_files_free(struct em_image_files *files);

/* ---- Merging ---- */

/** Form of a merged file. */
enum em_image_format {
    EM_IMAGE_RAW, /**< bytes of the flash, 0xFF in gaps */
    EM_IMAGE_HEX, /**< Intel HEX */
    EM_IMAGE_UF2, /**< blocks of 512 bytes, for USB mass storage */
};

/** How files are merged. Start it as {0} and name the chip. */
struct em_image_merge {
    const char *chip;
    enum em_image_format format;
    const char *flash_mode, *flash_freq, *flash_size; /**< for boot images; NULL: keep */
    uint64_t target_offset; /**< raw: flash address of its first byte */
    uint64_t pad_to_size;   /**< raw: 0xFF up to this flash address; 0: none */
    uint32_t chunk_size; /**< UF2: bytes a block, a multiple of 4; 0: as many as go in */
    bool no_md5;         /**< UF2: without a checksum in each block */
};

/**
 * Merge @p count pieces, each of which belongs to its address in flash. *out is the
 * caller's, free it with free(). Returns EM_OK, EM_ERR_USAGE (chip, options, overlap),
 * EM_ERR_FULL (beyond what the format can address or pad_to_size), EM_ERR_NOMEM,
 * EM_ERR_CRYPTO.
 */
EM_API enum em_status em_image_merge(uint8_t **out, size_t *len_out,
                                     const struct em_image_input *pieces, size_t count,
                                     const struct em_image_merge *options,
                                     struct em_error *err);

/* ---- Partition tables ---- */

enum {
    EM_PARTITION_NAME_MAX = 16,
    EM_PARTITION_TABLE_AT = 0x8000, /**< where a table is, unless told otherwise */
    EM_PARTITION_TABLE_LEN = 0xC00, /**< of a table in binary */
    EM_PARTITION_COUNT_MAX = 95,    /**< entries that it holds beside its MD5 */
};

enum em_partition_type {
    EM_PARTITION_APP = 0,
    EM_PARTITION_DATA = 1,
};

enum em_partition_flag {
    EM_PARTITION_ENCRYPTED = 1 << 0,
    EM_PARTITION_READONLY = 1 << 1,
};

/** A named piece of the flash. */
struct em_partition {
    char name[EM_PARTITION_NAME_MAX + 1];
    uint8_t type, subtype;
    uint32_t offset, size; /**< offset + size is at most 2^32 */
    uint32_t flags;        /**< enum em_partition_flag */
    unsigned long line;    /**< in CSV; 0: from a binary table */
};

/** Partitions in the order of their file: at least one, names unlike, no overlaps. Start
 * it as {0}. */
struct em_partition_table {
    struct em_partition rows[EM_PARTITION_COUNT_MAX];
    size_t count;
    bool has_md5; /**< a binary table had one (and it was right) */
};

/**
 * Read a table, binary or CSV by its first bytes. @p file is its name for messages. CSV
 * rows without an offset follow the row before them, the first the table at @p table_at.
 * Returns EM_OK, EM_ERR_INPUT (with file and line) or EM_ERR_CRYPTO; *out is then empty.
 */
EM_API enum em_status em_partition_parse(struct em_partition_table *out,
                                         const uint8_t *data, size_t len,
                                         const char *file, uint32_t table_at,
                                         struct em_error *err);

/**
 * Does the table suit a flash of @p flash_size bytes (0: of any size), with the table
 * itself at @p table_at? Offsets of applications have to be multiples of 64 KiB, others
 * of 4 KiB. EM_OK, EM_ERR_FULL or EM_ERR_INPUT (for tables in binary, whose offsets are
 * not looked at when they are read).
 */
EM_API enum em_status em_partition_check(const struct em_partition_table *table,
                                         uint32_t table_at, uint64_t flash_size,
                                         struct em_error *err);

/** The binary form of a table: entries, their MD5 unless @p no_md5, 0xFF up to the end.
 * EM_OK or EM_ERR_CRYPTO. */
EM_API enum em_status em_partition_binary(uint8_t out[EM_PARTITION_TABLE_LEN],
                                          const struct em_partition_table *table,
                                          bool no_md5, struct em_error *err);

/** The CSV form of a table. *out is the caller's, free it with free(). EM_OK or
 * EM_ERR_NOMEM. */
EM_API enum em_status em_partition_csv(char **out, const struct em_partition_table *table,
                                       struct em_error *err);

/** By name, exactly. NULL: none. */
EM_API const struct em_partition *
em_partition_find(const struct em_partition_table *table, const char *name);

/** Name of a type ("app") or subtype ("ota_0"), or its number ("0x40"), in @p out. */
EM_API const char *em_partition_type_name(char out[24], uint8_t type);
EM_API const char *em_partition_subtype_name(char out[24], uint8_t type, uint8_t subtype);

#ifdef __cplusplus
}
#endif
#endif
