/* SPDX-License-Identifier: Apache-2.0 */
/* Images whose code and data in flash are mapped page by page: of all chips but the
 * ESP8266. */
#include "config.h"

#include "flasher/image/build_int.h"

#include <openssl/evp.h>

#include <stdlib.h>

enum {
    COUNT_AT = 1,
    SEGMENT_HEADER = 8,
    /* Behind the digest: a signature of secure boot V1 has 68 bytes and stands 12 bytes
     * behind, so that all of it ends with a page. */
    SIGNED_V1_LEN = 112,
    SIGNED_V2_LEN = 32, /* the digest only: the signature begins the next page */
    ROW = 16,
};

/* A mapped segment stands in the file at the offset that its address has in the page, so
 * something has to fill the gap before it: its length, or SIZE_MAX when there is none. */
static size_t gap_before(const struct em_image_builder *b, uint32_t addr)
{
    int64_t page = b->page;
    int64_t need = page - (int64_t)b->out->len % page + addr % page - SEGMENT_HEADER;
    /* An image with little for its loader is a boot loader itself: what follows has to
     * fit where that stands in flash. */
    if (b->options->ram_only_header)
        need -= b->chip->bootloader;
    if (need == 0 || need == page)
        return SIZE_MAX;
    /* The filling has a header of its own. */
    return (size_t)(need >= SEGMENT_HEADER ? need - SEGMENT_HEADER
                                           : need + page - SEGMENT_HEADER);
}

/* Fill a gap with the beginning of what goes into RAM, or with zeros. */
static enum em_status fill_gap(struct em_image_builder *b, struct em_image_chunks *chunks,
                               size_t *ram, size_t gap)
{
    enum em_status status = em_image_check_count(b, b->count + 1);
    if (status != EM_OK)
        return status;
    if (*ram == chunks->count || gap <= SEGMENT_HEADER)
        return em_image_put_segment(b, 0, NULL, gap);
    struct em_image_chunk *c = &chunks->rows[*ram];
    size_t left = c->len - c->taken;
    size_t len = gap < left ? gap : left;
    status =
        em_image_put_segment(b, c->addr + (uint32_t)c->taken, c->data + c->taken, len);
    c->taken += len;
    if (c->taken == c->len)
        ++*ram;
    return status;
}

/* The loader of some chips fails when a mapped segment has few bytes in its last page. */
static enum em_status lengthen_tail(const struct em_image_builder *b,
                                    struct em_image_chunk *c)
{
    size_t tail = ((size_t)c->addr + c->len) % b->page;
    if (tail == 0 || tail >= b->chip->flash_tail)
        return EM_OK;
    struct em_buf longer = {0};
    em_buf_append(&longer, c->data, c->len);
    for (; tail < b->chip->flash_tail; tail++)
        em_buf_append_byte(&longer, 0);
    if (longer.failed) {
        em_buf_free(&longer);
        return em_error_nomem(b->err);
    }
    free(c->data);
    c->data = longer.data;
    c->len = longer.len;
    return EM_OK;
}

static enum em_status put_mapped(struct em_image_builder *b,
                                 struct em_image_chunks *chunks, size_t *ram,
                                 struct em_image_chunk *c)
{
    enum em_status status = b->options->ram_only_header ? EM_OK : lengthen_tail(b, c);
    size_t gap;
    while (status == EM_OK && (gap = gap_before(b, c->addr)) != SIZE_MAX)
        status = fill_gap(b, chunks, ram, gap);
    if (status == EM_OK)
        status = em_image_check_count(b, b->count + 1);
    if (status == EM_OK)
        status = em_image_put_segment(b, c->addr, c->data, c->len);
    return status;
}

static enum em_status put_ram(struct em_image_builder *b, struct em_image_chunks *chunks,
                              size_t ram)
{
    enum em_status status = em_image_check_count(b, b->count + chunks->count - ram);
    for (; ram < chunks->count && status == EM_OK; ram++) {
        const struct em_image_chunk *c = &chunks->rows[ram];
        status = em_image_put_segment(b, c->addr + (uint32_t)c->taken, c->data + c->taken,
                                      c->len - c->taken);
    }
    return status;
}

/* A segment of zeros, so that the signed image ends, or its signature begins, with a
 * page. */
static enum em_status put_secure_pad(struct em_image_builder *b)
{
    const struct em_image_options *o = b->options;
    size_t behind = o->secure_pad_v2 ? SIGNED_V2_LEN : SIGNED_V1_LEN;
    if (!o->secure_pad_v2 && (!o->secure_pad || !b->chip->signed_v1))
        return EM_OK;
    enum em_status status = em_image_check_count(b, b->count + 1);
    /* Behind its zeros comes the last row, which ends with the checksum. */
    size_t len = 0;
    while ((((b->out->len + SEGMENT_HEADER + len) | (ROW - 1)) + 1 + behind) % b->page !=
           0)
        len += 4;
    return status == EM_OK ? em_image_put_segment(b, 0, NULL, len) : status;
}

static enum em_status put_digest(struct em_image_builder *b)
{
    uint8_t digest[EM_IMAGE_DIGEST_LEN];
    if (b->options->no_digest || b->out->failed)
        return EM_OK;
    if (EVP_Digest(b->out->data, b->out->len, digest, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(b->err, EM_ERR_CRYPTO, NULL, "image: SHA-256 failed");
    em_buf_append(b->out, digest, sizeof digest);
    return EM_OK;
}

static enum em_status put_all(struct em_image_builder *b, struct em_image_chunks *flash,
                              struct em_image_chunks *ram)
{
    size_t next = 0;
    enum em_status status = EM_OK;
    for (size_t i = 0; i < flash->count && status == EM_OK; i++)
        status = put_mapped(b, ram, &next, &flash->rows[i]);
    if (status == EM_OK)
        status = put_ram(b, ram, next);
    if (status == EM_OK)
        status = put_secure_pad(b);
    if (status != EM_OK || b->out->failed)
        return status;
    b->out->data[COUNT_AT] = (uint8_t)b->count;
    em_image_put_checksum(b);
    return put_digest(b);
}

/* What goes into RAM is all that the loader sees; the rest stands behind it, the last
 * first (in this order esptool 5 has it). */
static enum em_status put_ram_first(struct em_image_builder *b,
                                    struct em_image_chunks *flash,
                                    struct em_image_chunks *ram)
{
    size_t none = ram->count;
    enum em_status status = put_ram(b, ram, 0);
    if (status != EM_OK || b->out->failed)
        return status;
    b->out->data[COUNT_AT] = (uint8_t)b->count;
    em_image_put_checksum(b);
    for (size_t i = flash->count; i > 0 && status == EM_OK; i--)
        status = put_mapped(b, ram, &none, &flash->rows[i - 1]);
    return status;
}

/* Move what is in flash from @p chunks to @p flash. */
static enum em_status take_flash(struct em_image_chunks *flash,
                                 struct em_image_chunks *chunks,
                                 const struct em_chip *chip, struct em_error *err)
{
    size_t kept = 0;
    flash->rows = malloc((chunks->count + 1) * sizeof flash->rows[0]);
    if (flash->rows == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < chunks->count; i++) {
        struct em_image_chunk row = chunks->rows[i];
        if (em_image_in_flash(chip, row.addr))
            flash->rows[flash->count++] = row;
        else
            chunks->rows[kept++] = row;
    }
    chunks->count = kept;
    return EM_OK;
}

enum em_status em_image_build_mapped(struct em_image_builder *b,
                                     struct em_image_chunks *chunks)
{
    struct em_image_chunks flash = {0};
    if (b->options->ram_only_header)
        em_image_chunks_sort(chunks, false);
    enum em_status status = em_image_chunks_merge(chunks, b->chip, b->err);
    if (status == EM_OK)
        status = em_image_check_count(b, chunks->count);
    if (status == EM_OK)
        status = take_flash(&flash, chunks, b->chip, b->err);
    if (status == EM_OK) {
        em_image_chunks_sort(&flash, false);
        status = em_image_check_pages(b, &flash);
        em_image_chunks_sort(&flash, true);
        em_image_chunks_sort(chunks, true);
    }
    if (status == EM_OK) {
        em_image_put_header(b);
        status = b->options->ram_only_header ? put_ram_first(b, &flash, chunks)
                                             : put_all(b, &flash, chunks);
    }
    em_image_chunks_free(&flash);
    return status;
}
