/* SPDX-License-Identifier: Apache-2.0 */
/* Files and places of mfg_flash: contents to write, partitions, ranges, outputs. */
#ifndef SRC_FLASH_FILES_H
#define SRC_FLASH_FILES_H

#include "base/buf_int.h"
#include "base/file_int.h"
#include "flasher/image/partition_int.h"
#include "src/flash.h"

/** What a command reads: contents of files as pieces for the flash. Start it as {0}. */
struct flash_files {
    struct em_partition_table table; /* of --partition-table */
    bool has_table;
    struct em_flash_piece *pieces;
    size_t count, room;
    struct em_buf *contents; /* that pieces point into */
    size_t content_count;
};

/** Load the partition table, if the options name one. EM_OK, EM_ERR_IO, EM_ERR_INPUT. */
enum em_status flash_files_begin(struct flash_files *files, struct flash *flash);

/** Free it all. */
void flash_files_end(struct flash_files *files);

/**
 * Add what file @p path has for address @p addr: a number, or a name of the partition
 * table. Of an Intel HEX file all pieces are added, at its own addresses.
 * EM_ERR_USAGE: @p addr is neither.
 */
enum em_status flash_files_add(struct flash_files *files, const char *addr,
                               const char *path, bool encrypt, struct em_error *err);

/** Say what the flash held before in the place of piece @p i: file @p path. */
enum em_status flash_files_add_old(struct flash_files *files, size_t i, const char *path,
                                   struct em_error *err);

/** Read the content of @p path into @p out, which is empty; of an Intel HEX file, its
 * only piece. EM_OK, EM_ERR_IO, EM_ERR_INPUT, EM_ERR_NOMEM. */
enum em_status flash_file_read(struct em_buf *out, const char *path,
                               struct em_error *err);

/** Some of the flash. */
struct flash_range {
    uint32_t addr;
    uint64_t len; /* or EM_FLASH_ALL */
};

/** Take ADDR and SIZE: numbers, "all", a name of the partition table. EM_ERR_USAGE;
 * EM_ERR_FULL: larger than the partition. */
enum em_status flash_range_take(struct flash_range *out, const struct flash_files *files,
                                const char *addr, const char *size, struct em_error *err);

/** The range as members of --json. */
void flash_range_json(struct flash *flash, const struct flash_range *range);

/** Speed of @p bytes in @p seconds. */
double flash_kbit_s(double bytes, double seconds);

/** A file that a command makes, in the place of what is there. Start it as {0}. */
struct flash_output {
    const char *path;
    char *resolved; /* without links on the way */
    struct em_dir *dir;
    bool special; /* no regular file: a device, a pipe */
};

/** Look whether @p path can be written, before the chip is asked. */
enum em_status flash_output_open(struct flash_output *output, const char *path,
                                 struct em_error *err);

/** Write it: whole, or not at all. */
enum em_status flash_output_put(struct flash_output *output, const uint8_t *data,
                                size_t len, struct em_error *err);
void flash_output_close(struct flash_output *output);

#endif
