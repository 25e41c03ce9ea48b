/* SPDX-License-Identifier: Apache-2.0 */
/* Files as pieces to write, and what was read as a file or in memory. */
#include "config.h"

#include "base/buf_int.h"
#include "flasher/flash/flash_int.h"
#include "flasher/image/hex_int.h"

#include <espmfg/file.h>

#include <stdlib.h>
#include <string.h>

struct em_flash_file {
    char *name;
    uint8_t *bytes; /* of the file, or what its HEX records hold */
    struct em_flash_piece *pieces;
    size_t count;
};

/* Replace the text of an Intel HEX file by what it says. */
static enum em_status take_hex(struct em_flash_file *file, size_t len,
                               struct em_error *err)
{
    struct em_image_hex hex = {0};
    enum em_status status = em_image_hex_parse(&hex, file->bytes, len, file->name, err);
    if (status != EM_OK)
        return status;
    uint8_t *bytes = malloc(hex.bytes.len + 1);
    file->pieces = calloc(hex.count + 1, sizeof *file->pieces);
    if (bytes == NULL || file->pieces == NULL) {
        free(bytes);
        em_image_hex_free(&hex);
        return em_error_nomem(err);
    }
    if (hex.bytes.len > 0)
        memcpy(bytes, hex.bytes.data, hex.bytes.len);
    free(file->bytes);
    file->bytes = bytes;
    file->count = hex.count;
    for (size_t i = 0; i < hex.count; i++)
        file->pieces[i] = (struct em_flash_piece){.name = file->name,
                                                  .addr = hex.pieces[i].addr,
                                                  .data = bytes + hex.pieces[i].off,
                                                  .len = hex.pieces[i].len};
    em_image_hex_free(&hex);
    return EM_OK;
}

static enum em_status load(struct em_flash_file *file, const char *path, uint32_t addr,
                           struct em_error *err)
{
    size_t len;
    file->name = strdup(path);
    if (file->name == NULL)
        return em_error_nomem(err);
    enum em_status status = em_file_load(&file->bytes, &len, path, err);
    if (status != EM_OK)
        return status;
    if (em_image_hex_looks(file->bytes, len))
        return take_hex(file, len, err);
    file->pieces = calloc(1, sizeof *file->pieces);
    if (file->pieces == NULL)
        return em_error_nomem(err);
    file->count = 1;
    file->pieces[0] = (struct em_flash_piece){
        .name = file->name, .addr = addr, .data = file->bytes, .len = len};
    return EM_OK;
}

enum em_status em_flash_file_load(struct em_flash_file **out, const char *path,
                                  uint32_t addr, struct em_error *err)
{
    *out = NULL;
    struct em_flash_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return em_error_nomem(err);
    enum em_status status = load(file, path, addr, err);
    if (status == EM_OK)
        *out = file;
    else
        em_flash_file_free(file);
    return status;
}

const struct em_flash_piece *em_flash_file_pieces(const struct em_flash_file *file,
                                                  size_t *count_out)
{
    *count_out = file->count;
    return file->pieces;
}

void em_flash_file_free(struct em_flash_file *file)
{
    if (file == NULL)
        return;
    free(file->pieces);
    free(file->bytes);
    free(file->name);
    free(file);
}

static enum em_status to_memory(void *user, const uint8_t *data, size_t len,
                                struct em_error *err)
{
    uint8_t **at = user;
    (void)err; /* there is room: em_flash_read() gives what was asked for */
    memcpy(*at, data, len);
    *at += len;
    return EM_OK;
}

enum em_status em_flash_read_into(struct em_device *device,
                                  const struct em_flash_options *options, uint32_t addr,
                                  size_t len, uint8_t *out, struct em_error *err)
{
    return em_flash_read(device, options, addr, len, to_memory, &out, err);
}

static enum em_status to_buf(void *user, const uint8_t *data, size_t len,
                             struct em_error *err)
{
    struct em_buf *buf = user;
    em_buf_append(buf, data, len);
    return buf->failed ? em_error_nomem(err) : EM_OK;
}

enum em_status em_flash_read_file(struct em_device *device,
                                  const struct em_flash_options *options, uint32_t addr,
                                  uint64_t len, const char *path, struct em_error *err)
{
    struct em_buf buf = {0};
    enum em_status status = em_flash_read(device, options, addr, len, to_buf, &buf, err);
    if (status == EM_OK)
        status = em_file_save(path, buf.data, buf.len, 0644, err);
    em_buf_wipe(&buf);
    return status;
}
