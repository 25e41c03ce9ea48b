/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that make images: the pieces of a program, and the image that grows.
 */
#ifndef FLASHER_IMAGE_BUILD_INT_H
#define FLASHER_IMAGE_BUILD_INT_H

#include "base/buf_int.h"
#include "flasher/image/image_int.h"

/** A piece of a program; its bytes are its own, filled with zeros to whole words. */
struct em_image_chunk {
    uint32_t addr;
    uint8_t *data;
    size_t len;   /* a multiple of 4 */
    size_t taken; /* bytes from the front that are in the image already */
    bool leads;   /* a description: goes before the others of its kind */
};

/** Pieces of a program. Start it as {0}; em_image_chunks_free() ends it. */
struct em_image_chunks {
    struct em_image_chunk *rows;
    size_t count, room;
    uint64_t total;    /* bytes of all */
    uint32_t entry;    /* of the program */
    bool has_app;      /* there is a description of an application, in flash */
    uint32_t app_page; /* page size it asks for; 0: none */
    bool has_elf_digest;
    uint8_t elf_digest[EM_IMAGE_DIGEST_LEN];
};

/** Append a copy of @p len bytes for @p addr. EM_ERR_INPUT (too many bytes), …NOMEM. */
enum em_status em_image_chunks_add(struct em_image_chunks *chunks, uint32_t addr,
                                   const uint8_t *data, size_t len, bool leads,
                                   struct em_error *err);
void em_image_chunks_free(struct em_image_chunks *chunks);

/** Refuse what overlaps and, unless forced, what the chip has no memory for. To be asked
 * before they are merged. EM_ERR_INPUT, EM_ERR_NOMEM. */
enum em_status em_image_chunks_check(const struct em_image_chunks *chunks,
                                     const struct em_chip *chip, bool force,
                                     struct em_error *err);

/** Make one of neighbours in the list that touch in the same kinds of memory. */
enum em_status em_image_chunks_merge(struct em_image_chunks *chunks,
                                     const struct em_chip *chip, struct em_error *err);

/** By address; those that lead come first. */
void em_image_chunks_sort(struct em_image_chunks *chunks, bool leads);

/** Read an ELF file. */
enum em_status em_image_read_elf(struct em_image_chunks *out, const uint8_t *elf,
                                 size_t len, const struct em_chip *chip,
                                 bool use_segments, struct em_error *err);

/** Is @p addr where the chip maps flash? */
bool em_image_in_flash(const struct em_chip *chip, uint32_t addr);

/** Kinds of memory at @p addr as a set: bit n is the chip's n-th region. */
uint64_t em_image_memory(const struct em_chip *chip, uint32_t addr);

/** An image that grows. */
struct em_image_builder {
    const struct em_chip *chip;
    const struct em_image_options *options;
    struct em_buf *out;
    struct em_error *err;
    uint8_t mode, size_freq;
    uint32_t entry;
    uint32_t page;
    uint8_t sum;
    size_t count; /* segments so far */
    bool place_digest;
    uint32_t digest_at; /* … of the ELF file */
    bool digest_placed;
    const uint8_t *elf_digest;
};

/** Look at the options; what the header has of them goes to @p b. EM_ERR_USAGE. */
enum em_status em_image_builder_begin(struct em_image_builder *b,
                                      const struct em_image_chunks *chunks);

/** Has an image room for @p count segments? EM_ERR_INPUT: not. */
enum em_status em_image_check_count(const struct em_image_builder *b, size_t count);

/** Two mapped segments may not begin in one page: @p chunks are in order of addresses. */
enum em_status em_image_check_pages(const struct em_image_builder *b,
                                    const struct em_image_chunks *chunks);

/** The header with its extension, if the chip has one; the count is set at the end. */
void em_image_put_header(struct em_image_builder *b);

/** A segment of @p len bytes; @p data NULL: zeros. */
enum em_status em_image_put_segment(struct em_image_builder *b, uint32_t addr,
                                    const uint8_t *data, size_t len);

/** Zeros, and the checksum at the end of the row. */
void em_image_put_checksum(struct em_image_builder *b);

/** The images of both kinds of chips. */
enum em_status em_image_build_mapped(struct em_image_builder *b,
                                     struct em_image_chunks *chunks);
enum em_status em_image_build_esp8266(struct em_image_files *out,
                                      struct em_image_builder *b,
                                      struct em_image_chunks *chunks);

#endif
