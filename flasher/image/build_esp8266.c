/* SPDX-License-Identifier: Apache-2.0 */
/* Images of the ESP8266, in their three versions. */
#include "config.h"

#include "flasher/image/build_int.h"

#include "base/bytes_int.h"

#include <libdeflate.h>
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

enum {
    COUNT_AT = 1,
    MAGIC_V2 = 0xEA,
    COUNT_V2 = 4, /* it stands for the version there */
    HEADER_LEN = 8,
    ROW = 16,
    FLASH_BASE = 0x40200000, /* where the flash is mapped from its beginning */
    SECTOR = 0x1000,
};

/* Header, what goes into RAM, checksum. */
static enum em_status put_ram(struct em_image_builder *b,
                              const struct em_image_chunks *chunks)
{
    size_t begin = b->out->len;
    enum em_status status = EM_OK;
    b->count = 0;
    em_image_put_header(b);
    for (size_t i = 0; i < chunks->count && status == EM_OK; i++) {
        const struct em_image_chunk *c = &chunks->rows[i];
        if (em_image_in_flash(b->chip, c->addr))
            continue;
        status = em_image_check_count(b, b->count + 1);
        if (status == EM_OK)
            status = em_image_put_segment(b, c->addr, c->data, c->len);
    }
    if (status != EM_OK || b->out->failed)
        return status;
    b->out->data[begin + COUNT_AT] = (uint8_t)b->count;
    em_image_put_checksum(b);
    return EM_OK;
}

/* What is in flash as a file of its own. */
static enum em_status add_file(struct em_image_files *out, uint32_t addr,
                               const struct em_buf *bytes, struct em_error *err)
{
    struct em_image_file *file = &out->files[out->count];
    *file = (struct em_image_file){.data = malloc(bytes->len > 0 ? bytes->len : 1),
                                   .len = bytes->len,
                                   .flash_addr = addr,
                                   .has_flash_addr = true};
    if (bytes->failed || file->data == NULL) {
        free(file->data);
        return em_error_nomem(err);
    }
    memcpy(file->data, bytes->data, bytes->len);
    out->count++;
    return EM_OK;
}

static struct em_image_chunk *find_code(const struct em_image_builder *b,
                                        const struct em_image_chunks *chunks)
{
    struct em_image_chunk *found = NULL;
    for (size_t i = 0; i < chunks->count; i++) {
        if (em_image_in_flash(b->chip, chunks->rows[i].addr))
            found = &chunks->rows[i];
    }
    return found;
}

static enum em_status check_one_code(const struct em_image_builder *b,
                                     const struct em_image_chunks *chunks)
{
    size_t count = 0;
    for (size_t i = 0; i < chunks->count; i++)
        count += em_image_in_flash(b->chip, chunks->rows[i].addr);
    if (count <= 1)
        return EM_OK;
    return em_error_set(b->err, EM_ERR_INPUT, "put them into one section",
                        "%zu pieces of code in flash, limit 1", count);
}

/* Version 1: the file for RAM, and one for the code in flash. */
static enum em_status build_v1(struct em_image_files *out, struct em_image_builder *b,
                               const struct em_image_chunks *chunks)
{
    enum em_status status = put_ram(b, chunks);
    if (status == EM_OK)
        status = add_file(out, 0, b->out, b->err);
    em_buf_clear(b->out);
    const struct em_image_chunk *code = find_code(b, chunks);
    if (status != EM_OK || code == NULL)
        return status;
    struct em_buf bytes = {.data = code->data, .len = code->len};
    return add_file(out, code->addr - FLASH_BASE, &bytes, b->err);
}

/* The sum that the boot loader of version 2 takes: CRC-32 as it is, or negated. */
static void put_crc(struct em_buf *out)
{
    uint8_t bytes[4];
    uint32_t crc = libdeflate_crc32(0, out->data, out->len);
    crc = (crc & 0x80000000) != 0 ? ~crc : crc + 1;
    em_put_le32(bytes, crc);
    em_buf_append(out, bytes, sizeof bytes);
}

/* The code without its address, filled to whole rows. The checksum is that of what goes
 * into RAM only. */
static enum em_status put_code(struct em_image_builder *b,
                               const struct em_image_chunk *code)
{
    uint8_t sum = b->sum;
    size_t len = (code->len + ROW - 1) / ROW * ROW;
    uint8_t *padded = calloc(len, 1);
    if (padded == NULL)
        return em_error_nomem(b->err);
    memcpy(padded, code->data, code->len);
    enum em_status status = em_image_put_segment(b, 0, padded, len);
    b->sum = sum;
    free(padded);
    return status;
}

/* Version 2: code in flash behind a header of its own, then the same as version 1. */
static enum em_status build_v2(struct em_image_files *out, struct em_image_builder *b,
                               const struct em_image_chunks *chunks)
{
    const struct em_image_chunk *code = find_code(b, chunks);
    uint8_t header[HEADER_LEN] = {MAGIC_V2, COUNT_V2, b->mode, b->size_freq};
    enum em_status status = EM_OK;
    uint32_t addr = 0;
    em_put_le32(header + 4, b->entry);
    em_buf_append(b->out, header, sizeof header);
    if (code != NULL) {
        status = put_code(b, code);
        addr = (code->addr - FLASH_BASE) / SECTOR * SECTOR;
    }
    if (status == EM_OK)
        status = put_ram(b, chunks);
    if (status != EM_OK || b->out->failed)
        return status;
    put_crc(b->out);
    status = add_file(out, addr, b->out, b->err);
    em_buf_clear(b->out);
    return status;
}

/* Version 3: everything in one list, code in flash first, and a digest, as other chips
 * have it. */
static enum em_status build_v3(struct em_image_builder *b,
                               const struct em_image_chunks *chunks)
{
    uint8_t digest[EM_IMAGE_DIGEST_LEN];
    enum em_status status = em_image_check_count(b, chunks->count);
    em_image_put_header(b);
    for (size_t i = 0; i < 2 * chunks->count && status == EM_OK; i++) {
        const struct em_image_chunk *c = &chunks->rows[i % chunks->count];
        if (em_image_in_flash(b->chip, c->addr) == (i < chunks->count))
            status = em_image_put_segment(b, c->addr, c->data, c->len);
    }
    if (status != EM_OK || b->out->failed)
        return status;
    b->out->data[COUNT_AT] = (uint8_t)b->count;
    em_image_put_checksum(b);
    if (EVP_Digest(b->out->data, b->out->len, digest, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(b->err, EM_ERR_CRYPTO, NULL, "image: SHA-256 failed");
    em_buf_append(b->out, digest, sizeof digest);
    return EM_OK;
}

enum em_status em_image_build_esp8266(struct em_image_files *out,
                                      struct em_image_builder *b,
                                      struct em_image_chunks *chunks)
{
    enum em_status status = em_image_chunks_merge(chunks, b->chip, b->err);
    if (status == EM_OK && b->options->version != 3)
        status = check_one_code(b, chunks);
    if (status != EM_OK)
        return status;
    if (b->options->version == 3) {
        em_image_chunks_sort(chunks, false);
        status = em_image_check_pages(b, chunks);
    }
    if (status != EM_OK)
        return status;
    switch (b->options->version) {
    case 1:
        return build_v1(out, b, chunks);
    case 2:
        return build_v2(out, b, chunks);
    case 3:
        return build_v3(b, chunks);
    default:
        return em_error_set(b->err, EM_ERR_USAGE, "versions are 1, 2 and 3",
                            "images of version %lu are not known",
                            (unsigned long)b->options->version);
    }
}
