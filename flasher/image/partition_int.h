/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables of the flash, in their binary form and as CSV. */
#ifndef FLASHER_IMAGE_PARTITION_INT_H
#define FLASHER_IMAGE_PARTITION_INT_H

#include "base/buf_int.h"
#include "base/error_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EM_PARTITION_NAME_MAX = 16,
    EM_PARTITION_TABLE_AT = 0x8000, /* where a table is, unless told otherwise */
    EM_PARTITION_TABLE_LEN = 0xC00, /* of a table in binary */
    EM_PARTITION_COUNT_MAX = 95,    /* entries that it holds beside its MD5 */
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
    uint32_t offset, size; /* offset + size is at most 2^32 */
    uint32_t flags;
    unsigned long line; /* in CSV; 0: from a binary table */
};

/** Partitions in the order of their file: at least one, names unlike, no overlaps. Start
 * it as {0}. */
struct em_partition_table {
    struct em_partition rows[EM_PARTITION_COUNT_MAX];
    size_t count;
};

/**
 * Read a table, binary or CSV by its first bytes. @p file is its name for messages. CSV
 * rows without an offset follow the row before them, the first the table at @p table_at.
 * Returns EM_OK, EM_ERR_INPUT (with file and line) or EM_ERR_CRYPTO; *out is then empty.
 */
enum em_status em_partition_parse(struct em_partition_table *out, const uint8_t *data,
                                  size_t len, const char *file, uint32_t table_at,
                                  struct em_error *err);

/** The same from the file @p path. EM_ERR_IO, EM_ERR_NOMEM also. */
enum em_status em_partition_load(struct em_partition_table *out, const char *path,
                                 uint32_t table_at, struct em_error *err);

/** By name, exactly. NULL: none. */
const struct em_partition *em_partition_find(const struct em_partition_table *table,
                                             const char *name);

/** "nvs, phy_init, …" for a message; cut to @p size. */
void em_partition_list(const struct em_partition_table *table, char *out, size_t size);

/** Append the binary form: entries, MD5, filled up to EM_PARTITION_TABLE_LEN. EM_OK,
 * EM_ERR_CRYPTO or EM_ERR_NOMEM. */
enum em_status em_partition_write(struct em_buf *out,
                                  const struct em_partition_table *table,
                                  struct em_error *err);

/* Between the files of partitions. */

/** A table of CSV; checked row by row only. */
enum em_status em_partition_parse_csv(struct em_partition_table *out, const uint8_t *data,
                                      size_t len, uint32_t table_at,
                                      struct em_error *err);

/** Is @p name (@p len bytes) good for a partition? Says in @p err what is wrong. */
enum em_status em_partition_check_name(const uint8_t *name, size_t len,
                                       struct em_error *err);

#endif
