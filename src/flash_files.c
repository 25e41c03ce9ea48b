/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of files for mfg_flash, and the places in the flash that they belong to. */
#include "config.h"

#include "src/flash_files.h"

#include "base/error_int.h"
#include "flasher/image/hex_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Twice the largest flash: an Intel HEX file has more than two characters a byte. */
enum { FILE_MAX = 512 * 1024 * 1024 };

enum em_status flash_files_begin(struct flash_files *files, struct flash *flash)
{
    const char *path = flash->args.partition_table;
    if (path == NULL)
        return EM_OK;
    files->has_table = true;
    return em_partition_load(&files->table, path, EM_PARTITION_TABLE_AT, &flash->err);
}

void flash_files_end(struct flash_files *files)
{
    for (size_t i = 0; i < files->content_count; i++)
        em_buf_free(&files->contents[i]);
    free(files->contents);
    free(files->pieces);
    *files = (struct flash_files){0};
}

/* ---- Places ---- */

/* The partition that begins at @p addr: a number may stand for it, and then its size is a
 * limit too. NULL: none. */
static const struct em_partition *partition_at(const struct em_partition_table *table,
                                               uint32_t addr)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].offset == addr)
            return &table->rows[i];
    }
    return NULL;
}

/* A place in the flash; *end_out is the end of its partition, 0: not known. */
static enum em_status take_addr(uint32_t *out, uint64_t *end_out,
                                const struct flash_files *files, const char *text,
                                struct em_error *err)
{
    unsigned long long addr;
    const struct em_partition *partition = NULL;
    *end_out = 0;
    if (cli_size(&addr, text, UINT32_MAX)) {
        *out = (uint32_t)addr;
        if (files->has_table)
            partition = partition_at(&files->table, *out);
    } else if (files->has_table) {
        partition = em_partition_find(&files->table, text);
        if (partition == NULL) {
            char names[sizeof err->hint];
            em_partition_list(&files->table, names, sizeof names);
            return em_error_set(err, EM_ERR_USAGE, names,
                                "'%s' is no address, and no partition of the table",
                                text);
        }
        *out = partition->offset;
    } else {
        return em_error_set(err, EM_ERR_USAGE,
                            "write it as 0x10000; --partition-table FILE knows names",
                            "'%s' is not an address", text);
    }
    if (partition != NULL)
        *end_out = (uint64_t)partition->offset + partition->size;
    return EM_OK;
}

enum em_status flash_range_take(struct flash_range *out, const struct flash_files *files,
                                const char *addr, const char *size, struct em_error *err)
{
    uint64_t end;
    unsigned long long len;
    bool named = !cli_size(&len, addr, UINT32_MAX); /* names may begin with a digit */
    enum em_status status = take_addr(&out->addr, &end, files, addr, err);
    if (status != EM_OK)
        return status;
    if (strcmp(size, "all") == 0 || strcmp(size, "ALL") == 0) {
        out->len = named ? end - out->addr : EM_FLASH_ALL;
        return EM_OK;
    }
    if (!cli_size(&len, size, UINT32_MAX) || len == 0)
        return em_error_set(err, EM_ERR_USAGE, "write it as 4096, 0x1000, 4k, 1M, or all",
                            "'%s' is not a size", size);
    if (named && out->addr + len > end)
        return em_error_set(err, EM_ERR_FULL, "all stands for the whole partition",
                            "partition '%s' has %" PRIu64 " bytes, not %llu", addr,
                            end - out->addr, len);
    out->len = len;
    return EM_OK;
}

void flash_range_json(struct flash *flash, const struct flash_range *range)
{
    flash_json(flash, "address", json_integer(range->addr));
    flash_json(flash, "size",
               range->len == EM_FLASH_ALL ? json_null()
                                          : json_integer((json_int_t)range->len));
}

double flash_kbit_s(double bytes, double seconds)
{
    return seconds <= 0 ? 0 : bytes * 8 / 1000 / seconds;
}

/* ---- Contents ---- */

/* Room for one more content, which is empty. */
static struct em_buf *new_content(struct flash_files *files)
{
    struct em_buf *bigger =
        realloc(files->contents, (files->content_count + 1) * sizeof *bigger);
    if (bigger == NULL)
        return NULL;
    files->contents = bigger;
    bigger[files->content_count] = (struct em_buf){0};
    return &bigger[files->content_count++];
}

static enum em_status add_piece(struct flash_files *files,
                                const struct em_flash_piece *piece, struct em_error *err)
{
    if (files->count == files->room) {
        size_t room = files->room * 2 + 8;
        struct em_flash_piece *bigger = realloc(files->pieces, room * sizeof *bigger);
        if (bigger == NULL)
            return em_error_nomem(err);
        files->pieces = bigger;
        files->room = room;
    }
    files->pieces[files->count++] = *piece;
    return EM_OK;
}

/* Pieces of an Intel HEX file; their addresses are its own. */
static enum em_status add_hex(struct flash_files *files, struct em_buf *content,
                              const char *path, bool encrypt, struct em_error *err)
{
    struct em_image_hex hex = {0};
    enum em_status status =
        em_image_hex_parse(&hex, content->data, content->len, path, err);
    if (status != EM_OK)
        return status;
    em_buf_free(content);
    *content = hex.bytes; /* the pieces point into it */
    hex.bytes = (struct em_buf){0};
    for (size_t i = 0; i < hex.count && status == EM_OK; i++) {
        const struct em_flash_piece piece = {
            .name = path,
            .addr = hex.pieces[i].addr,
            .data = content->data + hex.pieces[i].off,
            .len = hex.pieces[i].len,
            .encrypt = encrypt,
        };
        status = add_piece(files, &piece, err);
    }
    em_image_hex_free(&hex);
    return status;
}

enum em_status flash_files_add(struct flash_files *files, const char *addr,
                               const char *path, bool encrypt, struct em_error *err)
{
    struct em_flash_piece piece = {.name = path, .encrypt = encrypt};
    enum em_status status = take_addr(&piece.addr, &piece.limit, files, addr, err);
    if (status != EM_OK)
        return status;
    struct em_buf *content = new_content(files);
    if (content == NULL)
        return em_error_nomem(err);
    status = em_file_read(content, path, FILE_MAX, err);
    if (status != EM_OK)
        return status;
    if (em_image_hex_looks(content->data, content->len))
        return add_hex(files, content, path, encrypt, err);
    piece.data = content->data;
    piece.len = content->len;
    return add_piece(files, &piece, err);
}

enum em_status flash_file_read(struct em_buf *out, const char *path, struct em_error *err)
{
    struct em_image_hex hex = {0};
    enum em_status status = em_file_read(out, path, FILE_MAX, err);
    if (status != EM_OK || !em_image_hex_looks(out->data, out->len))
        return status;
    status = em_image_hex_parse(&hex, out->data, out->len, path, err);
    if (status == EM_OK && hex.count != 1) {
        status = em_error_set(err, EM_ERR_INPUT, "name a file with one piece",
                              "an Intel HEX file with %zu pieces, where one is wanted",
                              hex.count);
        em_error_at(err, path, 0);
    }
    if (status == EM_OK) {
        em_buf_free(out);
        *out = hex.bytes;
        hex.bytes = (struct em_buf){0};
    }
    em_image_hex_free(&hex);
    return status;
}

enum em_status flash_files_add_old(struct flash_files *files, size_t i, const char *path,
                                   struct em_error *err)
{
    struct em_buf *content = new_content(files);
    if (content == NULL)
        return em_error_nomem(err);
    enum em_status status = flash_file_read(content, path, err);
    if (status != EM_OK)
        return status;
    files->pieces[i].old_data = content->data;
    files->pieces[i].old_len = content->len;
    return EM_OK;
}
