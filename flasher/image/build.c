/* SPDX-License-Identifier: Apache-2.0 */
/* Making firmware images: options, header, segments, and the end; of ELF files and of
 * pieces in memory. */
#include "config.h"

#include "flasher/image/build_int.h"

#include "base/bytes_int.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHECKSUM_START = 0xEF,
    NO_WP_PIN = 0xEE,
    DEFAULT_PAGE = 0x10000,
    APP_DIGEST_OFF = 0xB0, /* header 24, segment 8, in the description 144 */
    DIGEST_FLAG_AT = 23,
};

/* ---- Options ---- */

static enum em_status take_code(const struct em_chip *chip, const char *what,
                                const struct em_chip_code *codes, const char *name,
                                uint32_t *out, struct em_error *err)
{
    char list[160], hint[176];
    if (em_chip_code_find(codes, name, out))
        return EM_OK;
    em_chip_code_list(codes, list, sizeof list);
    (void)snprintf(hint, sizeof hint, "possible: %s", list);
    return em_error_set(err, EM_ERR_USAGE, hint, "flash %s '%s' is not one of the %s",
                        what, name, chip->name);
}

static enum em_status take_flash(struct em_image_builder *b)
{
    const struct em_image_options *o = b->options;
    const char *mode = o->flash_mode != NULL ? o->flash_mode : "qio";
    const char *size = o->flash_size != NULL ? o->flash_size : "1MB";
    const struct em_chip_code *sizes =
        o->version == 3 && b->chip->flash_sizes_v3[0].name != NULL
            ? b->chip->flash_sizes_v3
            : b->chip->flash_sizes;
    uint32_t mode_code = 0, size_code = 0, freq_code = 0;
    enum em_status status =
        take_code(b->chip, "mode", em_image_modes, mode, &mode_code, b->err);
    if (status == EM_OK)
        status = take_code(b->chip, "size", sizes, size, &size_code, b->err);
    if (status == EM_OK && o->flash_freq != NULL)
        status = take_code(b->chip, "frequency", b->chip->flash_freqs, o->flash_freq,
                           &freq_code, b->err);
    b->mode = (uint8_t)mode_code;
    b->size_freq = (uint8_t)(size_code << 4 | freq_code);
    return status;
}

/* The application's page is taken if the chip has such; one that is asked for has to be.
 */
static enum em_status take_page(struct em_image_builder *b,
                                const struct em_image_chunks *chunks)
{
    uint32_t asked = b->options->mmu_page_size;
    b->page = DEFAULT_PAGE;
    /* Where there is no choice the question does not arise. */
    if (b->chip->mmu_pages == DEFAULT_PAGE || b->chip->mmu_pages == 0)
        return EM_OK;
    if (asked == 0)
        asked = chunks->app_page;
    if (asked == 0)
        return EM_OK;
    if ((asked & (asked - 1)) != 0 || (b->chip->mmu_pages & asked) == 0)
        return em_error_set(b->err, EM_ERR_USAGE,
                            "build the program for pages that it has",
                            "pages of %lu KiB are not possible with the %s",
                            (unsigned long)asked >> 10, b->chip->name);
    b->page = asked;
    return EM_OK;
}

enum em_status em_image_builder_begin(struct em_image_builder *b,
                                      const struct em_image_chunks *chunks)
{
    const struct em_image_options *o = b->options;
    b->sum = CHECKSUM_START;
    b->entry = chunks->entry;
    b->elf_digest = chunks->elf_digest;
    enum em_status status = take_flash(b);
    if (status == EM_OK)
        status = take_page(b, chunks);
    if (status != EM_OK)
        return status;
    if (o->secure_pad && b->chip->signed_v1 && (o->no_digest || o->ram_only_header))
        return em_error_set(b->err, EM_ERR_USAGE, "leave one of them out",
                            "--secure-pad needs the digest at the end of the image");
    if (chunks->has_elf_digest && (o->has_elf_digest || chunks->has_app)) {
        b->place_digest = true;
        b->digest_at = o->has_elf_digest ? o->elf_digest_off : APP_DIGEST_OFF;
    }
    return EM_OK;
}

enum em_status em_image_check_count(const struct em_image_builder *b, size_t count)
{
    if (count <= EM_IMAGE_SEGMENTS_MAX)
        return EM_OK;
    return em_error_set(b->err, EM_ERR_INPUT, "put sections next to each other",
                        "the image would have %zu segments, limit %d", count,
                        (int)EM_IMAGE_SEGMENTS_MAX);
}

/* Two that begin in one page would have to stand in the same page of the file. */
enum em_status em_image_check_pages(const struct em_image_builder *b,
                                    const struct em_image_chunks *chunks)
{
    const struct em_image_chunk *last = NULL;
    for (size_t i = 0; i < chunks->count; i++) {
        const struct em_image_chunk *c = &chunks->rows[i];
        if (!em_image_in_flash(b->chip, c->addr))
            continue;
        /* What fills the gap before it has whole words. */
        if (c->addr % 4 != 0)
            return em_error_set(b->err, EM_ERR_INPUT, "align it in the linker script",
                                "the piece at 0x%08lx in mapped flash does not begin at "
                                "a multiple of 4",
                                (unsigned long)c->addr);
        if (last != NULL && last->addr / b->page == c->addr / b->page)
            return em_error_set(b->err, EM_ERR_INPUT,
                                "put them next to each other in the linker script",
                                "pieces at 0x%08lx and 0x%08lx are in one page of "
                                "mapped flash (%lu KiB)",
                                (unsigned long)last->addr, (unsigned long)c->addr,
                                (unsigned long)b->page >> 10);
        last = c;
    }
    return EM_OK;
}

/* ---- Parts of an image ---- */

void em_image_put_header(struct em_image_builder *b)
{
    const struct em_image_options *o = b->options;
    bool extended = b->chip->image_id != EM_CHIP_NO_ID;
    uint8_t header[24] = {EM_IMAGE_MAGIC, 0, b->mode, b->size_freq};
    em_put_le32(header + 4, b->entry);
    if (extended) {
        header[8] = NO_WP_PIN;
        em_put_le16(header + 12, (uint16_t)b->chip->image_id);
        header[14] = o->min_revision_old;
        em_put_le16(header + 15, o->min_revision);
        em_put_le16(header + 17, o->max_revision);
        header[DIGEST_FLAG_AT] = !o->no_digest && !o->ram_only_header;
    }
    em_buf_append(b->out, header, extended ? 24 : 8);
}

/* Put the ELF file's digest into the segment whose @p len bytes end what is there. */
static enum em_status place_digest(struct em_image_builder *b, size_t len)
{
    static const uint8_t zeros[EM_IMAGE_DIGEST_LEN];
    size_t begin = b->out->len - len;
    if (!b->place_digest || b->digest_placed || b->digest_at < begin ||
        b->digest_at >= b->out->len)
        return EM_OK;
    uint8_t *at = b->out->data + b->digest_at;
    if (b->out->len - b->digest_at < sizeof zeros || memcmp(at, zeros, sizeof zeros) != 0)
        return em_error_set(b->err, EM_ERR_INPUT, "leave 32 zeros there",
                            "the place for the ELF file's SHA-256, at 0x%lx of the "
                            "image, is in use",
                            (unsigned long)b->digest_at);
    memcpy(at, b->elf_digest, sizeof zeros);
    b->digest_placed = true;
    return EM_OK;
}

enum em_status em_image_put_segment(struct em_image_builder *b, uint32_t addr,
                                    const uint8_t *data, size_t len)
{
    uint8_t header[8];
    em_put_le32(header, addr);
    em_put_le32(header + 4, (uint32_t)len);
    em_buf_append(b->out, header, sizeof header);
    uint8_t *to = em_buf_reserve(b->out, len > 0 ? len : 1);
    if (to == NULL)
        return em_error_nomem(b->err);
    if (data != NULL)
        memcpy(to, data, len);
    else
        memset(to, 0, len);
    b->out->len += len;
    b->count++;
    enum em_status status = place_digest(b, len);
    for (size_t i = 0; i < len; i++)
        b->sum ^= b->out->data[b->out->len - len + i];
    return status;
}

void em_image_put_checksum(struct em_image_builder *b)
{
    while (b->out->len % 16 != 15 && !b->out->failed)
        em_buf_append_byte(b->out, 0);
    em_buf_append_byte(b->out, b->sum);
}

/* ---- From the outside ---- */

static enum em_status own_file(struct em_image_files *out, struct em_buf *bytes,
                               struct em_error *err)
{
    if (bytes->failed) {
        em_buf_free(bytes);
        return em_error_nomem(err);
    }
    out->files[out->count++] =
        (struct em_image_file){.data = bytes->data, .len = bytes->len};
    *bytes = (struct em_buf){0};
    return EM_OK;
}

/* 0xFF up to a multiple of the size that was asked for. */
static enum em_status pad(struct em_image_builder *b)
{
    uint64_t size = b->options->pad_to_size;
    uint64_t more = size == 0 || b->out->len == 0 || b->chip->mmu_pages == 0
                        ? 0
                        : (size - b->out->len % size) % size;
    if (size > (uint64_t)1 << 28)
        return em_error_set(b->err, EM_ERR_USAGE, "no chip has so much flash",
                            "padding to a multiple of %llu bytes",
                            (unsigned long long)size);
    uint8_t *to = more > 0 ? em_buf_reserve(b->out, (size_t)more) : NULL;
    if (more > 0 && to == NULL)
        return em_error_nomem(b->err);
    if (more > 0)
        memset(to, 0xFF, (size_t)more);
    b->out->len += (size_t)more;
    return EM_OK;
}

static enum em_status build(struct em_image_files *out, struct em_image_chunks *chunks,
                            const struct em_chip *chip,
                            const struct em_image_options *options, struct em_error *err)
{
    struct em_buf bytes = {0};
    struct em_image_builder b = {
        .chip = chip, .options = options, .out = &bytes, .err = err};
    enum em_status status = em_image_builder_begin(&b, chunks);
    if (status == EM_OK)
        status = em_image_chunks_check(chunks, chip, options->force, err);
    if (status == EM_OK && chip->mmu_pages == 0)
        status = em_image_build_esp8266(out, &b, chunks);
    else if (status == EM_OK)
        status = em_image_build_mapped(&b, chunks);
    if (status == EM_OK && bytes.failed)
        status = em_error_nomem(err);
    if (status == EM_OK)
        status = pad(&b);
    if (status == EM_OK && b.place_digest && !b.digest_placed)
        status = em_error_set(err, EM_ERR_INPUT, "name a place in a segment",
                              "no segment has a place for the ELF file's SHA-256, at "
                              "0x%lx of the image",
                              (unsigned long)b.digest_at);
    if (status == EM_OK && bytes.len > 0)
        status = own_file(out, &bytes, err);
    em_buf_free(&bytes);
    return status;
}

static enum em_status find_chip(const struct em_chip **out,
                                const struct em_image_options *options,
                                struct em_error *err)
{
    *out = options->chip != NULL ? em_chip_find(options->chip) : NULL;
    if (*out != NULL)
        return EM_OK;
    return em_error_set(err, EM_ERR_USAGE, "name it with --chip, as esp32c3",
                        "there is no chip '%s'",
                        options->chip != NULL ? options->chip : "");
}

enum em_status em_image_from_elf(struct em_image_files *out, const uint8_t *elf,
                                 size_t len, const struct em_image_options *options,
                                 struct em_error *err)
{
    const struct em_chip *chip = NULL;
    struct em_image_chunks chunks = {0};
    *out = (struct em_image_files){.count = 0};
    enum em_status status = find_chip(&chip, options, err);
    if (status == EM_OK)
        status = em_image_read_elf(&chunks, elf, len, chip, options->use_segments, err);
    if (status == EM_OK)
        status = build(out, &chunks, chip, options, err);
    em_image_chunks_free(&chunks);
    if (status != EM_OK)
        em_image_files_free(out);
    return status;
}

enum em_status em_image_from_pieces(struct em_image_files *out,
                                    const struct em_image_input *pieces, size_t count,
                                    uint32_t entry,
                                    const struct em_image_options *options,
                                    struct em_error *err)
{
    const struct em_chip *chip = NULL;
    struct em_image_chunks chunks = {.entry = entry};
    *out = (struct em_image_files){.count = 0};
    enum em_status status = find_chip(&chip, options, err);
    for (size_t i = 0; i < count && status == EM_OK; i++) {
        if ((uint64_t)pieces[i].addr + pieces[i].len > (uint64_t)1 << 32)
            status = em_error_set(err, EM_ERR_INPUT, "check address and length",
                                  "a piece of %zu bytes at 0x%08lx ends beyond 4 GiB",
                                  pieces[i].len, (unsigned long)pieces[i].addr);
        else if (pieces[i].len > 0)
            status = em_image_chunks_add(&chunks, pieces[i].addr, pieces[i].data,
                                         pieces[i].len, false, err);
    }
    if (status == EM_OK)
        status = build(out, &chunks, chip, options, err);
    em_image_chunks_free(&chunks);
    if (status != EM_OK)
        em_image_files_free(out);
    return status;
}

void em_image_files_free(struct em_image_files *files)
{
    if (files == NULL)
        return;
    for (size_t i = 0; i < files->count; i++)
        free(files->files[i].data);
    *files = (struct em_image_files){.count = 0};
}
