/* SPDX-License-Identifier: Apache-2.0 */
/* Merging files for the flash into one: its bytes, Intel HEX, UF2. */
#include "config.h"

#include "flasher/image/image_int.h"

#include "base/buf_int.h"
#include "base/bytes_int.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECTOR = 0x1000,              /* files may not share one: it is erased for each */
    RAW_MAX = 1024 * 1024 * 1024, /* more than any flash has */
    HEX_ROW = 16,
    UF2_BLOCK = 512,
    UF2_HEADER = 32,
    UF2_PAYLOAD = 476,
    UF2_MD5_PART = 24, /* address, length, MD5 */
};

/* What is merged. */
struct merge {
    const struct em_chip *chip;
    const struct em_image_merge *options;
    struct em_image_input *pieces; /* by address, without empty ones */
    size_t count;
    uint8_t *patched; /* the boot image with other settings, or NULL */
    struct em_buf out;
    struct em_error *err;
};

/* ---- Inputs ---- */

static int by_addr(const void *a, const void *b)
{
    const struct em_image_input *one = a, *other = b;
    return one->addr < other->addr ? -1 : one->addr > other->addr;
}

static enum em_status check_places(const struct merge *m)
{
    if (m->count > 0 && m->pieces[0].addr < m->options->target_offset)
        return em_error_set(m->err, EM_ERR_USAGE, "choose a smaller target offset",
                            "a file belongs to 0x%lx, before the target offset 0x%llx",
                            (unsigned long)m->pieces[0].addr,
                            (unsigned long long)m->options->target_offset);
    for (size_t i = 0; i < m->count; i++) {
        const struct em_image_input *p = &m->pieces[i];
        uint64_t end = (uint64_t)p->addr + p->len;
        if (end > (uint64_t)1 << 32)
            return em_error_set(m->err, EM_ERR_FULL, "check the address",
                                "%zu bytes at 0x%lx end beyond 4 GiB", p->len,
                                (unsigned long)p->addr);
        if (i + 1 < m->count && (end - 1) / SECTOR >= m->pieces[i + 1].addr / SECTOR)
            return em_error_set(
                m->err, EM_ERR_USAGE, "files may not share a sector of 4 KiB",
                "files overlap: one ends at 0x%llx, the next begins at "
                "0x%lx",
                (unsigned long long)end, (unsigned long)m->pieces[i + 1].addr);
    }
    return EM_OK;
}

/* Put flash settings into the boot image; what is none stays as it is. */
static enum em_status patch(struct merge *m, struct em_image_input *piece)
{
    const struct em_image_settings settings = {
        m->options->flash_mode, m->options->flash_freq, m->options->flash_size};
    struct em_error none;
    bool changed;
    if (settings.mode == NULL && settings.freq == NULL && settings.size == NULL)
        return EM_OK;
    m->patched = malloc(piece->len);
    if (m->patched == NULL)
        return em_error_nomem(m->err);
    memcpy(m->patched, piece->data, piece->len);
    enum em_status status =
        em_image_header_set(m->patched, piece->len, m->chip, &settings, &changed, &none);
    if (status == EM_OK)
        piece->data = m->patched;
    else if (status != EM_ERR_INPUT && m->err != NULL)
        *m->err = none;
    return status == EM_ERR_INPUT ? EM_OK : status;
}

static enum em_status take_pieces(struct merge *m, const struct em_image_input *pieces,
                                  size_t count)
{
    m->pieces = malloc((count + 1) * sizeof *m->pieces);
    if (m->pieces == NULL)
        return em_error_nomem(m->err);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > 0)
            m->pieces[m->count++] = pieces[i];
    }
    qsort(m->pieces, m->count, sizeof *m->pieces, by_addr);
    enum em_status status = check_places(m);
    for (size_t i = 0; i < m->count && status == EM_OK; i++) {
        if (m->pieces[i].addr == m->chip->bootloader)
            status = patch(m, &m->pieces[i]);
    }
    return status;
}

/* ---- Raw ---- */

static enum em_status fill_to(struct merge *m, uint64_t addr)
{
    uint64_t at = m->options->target_offset + m->out.len;
    size_t more = addr > at ? (size_t)(addr - at) : 0;
    uint8_t *to = more > 0 ? em_buf_reserve(&m->out, more) : NULL;
    if (more > 0 && to == NULL)
        return em_error_nomem(m->err);
    if (more > 0)
        memset(to, 0xFF, more);
    m->out.len += more;
    return EM_OK;
}

static enum em_status merge_raw(struct merge *m)
{
    uint64_t begin = m->options->target_offset;
    enum em_status status = EM_OK;
    const struct em_image_input *last = &m->pieces[m->count > 0 ? m->count - 1 : 0];
    if ((m->count > 0 && last->addr + (uint64_t)last->len - begin > RAW_MAX) ||
        m->options->pad_to_size > RAW_MAX)
        return em_error_set(m->err, EM_ERR_FULL, "choose a larger target offset, or hex",
                            "the merged file would have more than 1 GiB");
    for (size_t i = 0; i < m->count && status == EM_OK; i++) {
        status = fill_to(m, m->pieces[i].addr);
        em_buf_append(&m->out, m->pieces[i].data, m->pieces[i].len);
    }
    return status == EM_OK ? fill_to(m, m->options->pad_to_size) : status;
}

/* ---- Intel HEX ---- */

/* A record with its checksum, in capitals. */
static void put_record(struct em_buf *out, uint32_t addr, uint8_t type,
                       const uint8_t *data, size_t len)
{
    char line[16 + 2 * HEX_ROW];
    uint8_t sum = (uint8_t)(len + (addr >> 8) + addr + type);
    int used = snprintf(line, sizeof line, ":%02X%04X%02X", (unsigned)len,
                        (unsigned)(addr & 0xFFFF), type);
    for (size_t i = 0; i < len; i++) {
        used += snprintf(line + used, sizeof line - (size_t)used, "%02X", data[i]);
        sum = (uint8_t)(sum + data[i]);
    }
    (void)snprintf(line + used, sizeof line - (size_t)used, "%02X\n",
                   (uint8_t)(0x100 - sum));
    em_buf_append_text(out, line);
}

/* Without an end: rows of 16 bytes, none across a border of 64 KiB. Bytes of several
 * pieces that touch stand in one row. */
static void put_rows(struct merge *m)
{
    uint8_t row[HEX_ROW];
    size_t len = 0;
    uint32_t begin = 0, high = 0;
    const struct em_image_input *last = &m->pieces[m->count > 0 ? m->count - 1 : 0];
    bool linear = m->count > 0 && (uint64_t)last->addr + last->len > 0x10000;
    bool told = false;
    for (size_t i = 0; i < m->count; i++) {
        const struct em_image_input *p = &m->pieces[i];
        for (size_t k = 0; k < p->len; k++) {
            uint32_t addr = p->addr + (uint32_t)k;
            if (len > 0 &&
                (len == HEX_ROW || addr != begin + len || addr % 0x10000 == 0)) {
                put_record(&m->out, begin, 0, row, len);
                len = 0;
            }
            if (len == 0 && linear && (!told || addr >> 16 != high)) {
                const uint8_t bytes[2] = {(uint8_t)(addr >> 24), (uint8_t)(addr >> 16)};
                high = addr >> 16;
                told = true;
                put_record(&m->out, 0, 4, bytes, sizeof bytes);
            }
            if (len == 0)
                begin = addr;
            row[len++] = p->data[k];
        }
    }
    if (len > 0)
        put_record(&m->out, begin, 0, row, len);
}

static enum em_status merge_hex(struct merge *m)
{
    put_rows(m);
    put_record(&m->out, 0, 1, NULL, 0);
    return EM_OK;
}

/* ---- UF2 (UF2 file format, Microsoft) ---- */

enum {
    UF2_MAGIC_1 = 0x0A324655,
    UF2_MAGIC_END = 0x0AB16F30,
    UF2_FAMILY = 0x2000,
    UF2_MD5 = 0x4000,
};
static const uint32_t uf2_magic_2 = 0x9E5D5157;

static enum em_status put_block(struct merge *m, uint32_t addr, const uint8_t *data,
                                size_t len, size_t idx, size_t count)
{
    uint8_t block[UF2_BLOCK] = {0};
    uint8_t *end = block + UF2_HEADER + len;
    em_put_le32(block, UF2_MAGIC_1);
    em_put_le32(block + 4, uf2_magic_2);
    em_put_le32(block + 8, UF2_FAMILY | (m->options->no_md5 ? 0 : UF2_MD5));
    em_put_le32(block + 12, addr);
    em_put_le32(block + 16, (uint32_t)len);
    em_put_le32(block + 20, (uint32_t)idx);
    em_put_le32(block + 24, (uint32_t)count);
    em_put_le32(block + 28, m->chip->uf2_family);
    memcpy(block + UF2_HEADER, data, len);
    if (!m->options->no_md5) {
        em_put_le32(end, addr);
        em_put_le32(end + 4, (uint32_t)len);
        if (EVP_Digest(data, len, end + 8, NULL, EVP_md5(), NULL) != 1)
            return em_error_set(m->err, EM_ERR_CRYPTO, NULL, "UF2: MD5 failed");
    }
    em_put_le32(block + UF2_BLOCK - 4, UF2_MAGIC_END);
    em_buf_append(&m->out, block, sizeof block);
    return EM_OK;
}

static enum em_status merge_uf2(struct merge *m)
{
    size_t most = UF2_PAYLOAD - (m->options->no_md5 ? 0 : UF2_MD5_PART);
    size_t chunk = m->options->chunk_size != 0 ? m->options->chunk_size : most;
    enum em_status status = EM_OK;
    if (chunk % 4 != 0 || chunk > most)
        return em_error_set(m->err, EM_ERR_USAGE, "a common one is 256",
                            "chunk size %zu is not a multiple of 4 up to %zu", chunk,
                            most);
    for (size_t i = 0; i < m->count; i++) {
        const struct em_image_input *p = &m->pieces[i];
        size_t count = (p->len + chunk - 1) / chunk;
        for (size_t k = 0; k < count && status == EM_OK; k++) {
            size_t len = p->len - k * chunk < chunk ? p->len - k * chunk : chunk;
            status = put_block(m, p->addr + (uint32_t)(k * chunk), p->data + k * chunk,
                               len, k, count);
        }
    }
    return status;
}

enum em_status em_image_merge(uint8_t **out, size_t *len_out,
                              const struct em_image_input *pieces, size_t count,
                              const struct em_image_merge *options, struct em_error *err)
{
    static enum em_status (*const formats[])(struct merge *) = {
        [EM_IMAGE_RAW] = merge_raw,
        [EM_IMAGE_HEX] = merge_hex,
        [EM_IMAGE_UF2] = merge_uf2,
    };
    struct merge m = {.options = options, .err = err};
    *out = NULL;
    *len_out = 0;
    m.chip = options->chip != NULL ? em_chip_find(options->chip) : NULL;
    if (m.chip == NULL)
        return em_error_set(err, EM_ERR_USAGE, "name it with --chip, as esp32c3",
                            "there is no chip '%s'",
                            options->chip != NULL ? options->chip : "");
    enum em_status status = take_pieces(&m, pieces, count);
    if (status == EM_OK)
        status = formats[options->format](&m);
    if (status == EM_OK && (m.out.failed || em_buf_reserve(&m.out, 1) == NULL))
        status = em_error_nomem(err);
    if (status == EM_OK) {
        *out = m.out.data; /* there even without bytes */
        *len_out = m.out.len;
        m.out = (struct em_buf){0};
    }
    em_buf_free(&m.out);
    free(m.patched);
    free(m.pieces);
    return status;
}
