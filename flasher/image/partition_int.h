/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables of the flash, in their binary form and as CSV. */
#ifndef FLASHER_IMAGE_PARTITION_INT_H
#define FLASHER_IMAGE_PARTITION_INT_H

#include <espmfg/image.h>

#include "base/error_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** em_partition_parse() of the file @p path. EM_ERR_IO, EM_ERR_NOMEM also. */
enum em_status em_partition_load(struct em_partition_table *out, const char *path,
                                 uint32_t table_at, struct em_error *err);

/** "nvs, phy_init, …" for a message; cut to @p size. */
void em_partition_list(const struct em_partition_table *table, char *out, size_t size);

/* Between the files of partitions. */

/** Names of types (@c of is 0) and of the subtypes of a type; end with name NULL. */
struct em_partition_kind {
    uint8_t of;
    const char *name;
    uint8_t first;
    uint8_t count; /* more than 1: a number follows the name */
};
extern const struct em_partition_kind em_partition_types[];
extern const struct em_partition_kind em_partition_subtypes[];

/** What offsets of a type have to be multiples of. */
uint32_t em_partition_align(uint8_t type);

/** A table of CSV; checked row by row only. */
enum em_status em_partition_parse_csv(struct em_partition_table *out, const uint8_t *data,
                                      size_t len, uint32_t table_at,
                                      struct em_error *err);

/** Is @p name (@p len bytes) good for a partition? Says in @p err what is wrong. */
enum em_status em_partition_check_name(const uint8_t *name, size_t len,
                                       struct em_error *err);

#endif
