/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware images: their header, their segments, and the settings in them that are
 * changed when they are written. */
#ifndef FLASHER_IMAGE_IMAGE_INT_H
#define FLASHER_IMAGE_IMAGE_INT_H

#include <espmfg/image.h>

#include "base/error_int.h"
#include "flasher/chip/chip_int.h"

enum {
    EM_IMAGE_MAGIC = 0xE9,
};

/** Modes of the flash and their codes; ends with name NULL. */
extern const struct em_chip_code em_image_modes[];

/** A piece of an image and the address it belongs to. */
struct em_image_segment {
    uint32_t addr; /* 0: padding */
    uint32_t len;
    const uint8_t *data; /* in the bytes that were parsed */
};

/** What an image says of itself. */
struct em_image {
    uint8_t mode, size_code, freq_code; /* of the flash */
    uint32_t entry;

    bool extended; /* the members up to has_digest are in the header (not the ESP8266) */
    uint16_t chip_id;
    uint8_t min_revision_old;            /* one number, of tools of long ago */
    uint16_t min_revision, max_revision; /* major*100+minor */
    bool has_digest;

    size_t count;
    struct em_image_segment segments[EM_IMAGE_SEGMENTS_MAX];
    size_t checksum_off; /* of the byte that ends the last row of 16 */
    size_t len;          /* from the header to the end of checksum or digest */
};

/**
 * Read the header of an image for @p chip (NULL: any but the ESP8266), not what follows:
 * *out has its settings, but no segments. false: no image begins here.
 */
bool em_image_header(struct em_image *out, const uint8_t *data, size_t len,
                     const struct em_chip *chip);

/**
 * Read a whole image, and check that all of its parts lie within @p len bytes, and its
 * checksum; more may follow it. Segments point into @p data. A digest is not checked.
 * Returns EM_OK or EM_ERR_INPUT.
 */
enum em_status em_image_parse(struct em_image *out, const uint8_t *data, size_t len,
                              const struct em_chip *chip, struct em_error *err);

/**
 * The steps of em_image_parse() behind the header: @p count segments from @p off on are
 * added to those of *out, and the places of checksum and digest found. EM_ERR_INPUT.
 */
enum em_status em_image_segments(struct em_image *out, const uint8_t *data, size_t len,
                                 size_t off, size_t count, struct em_error *err);

/** The checksum that the segments have. */
uint8_t em_image_checksum(const struct em_image *image);

/** Is @p image for this kind of chip? EM_ERR_CHIP: for another. Anything goes if its
 * header does not tell. */
enum em_status em_image_check_kind(const struct em_image *image,
                                   const struct em_chip *chip, struct em_error *err);

/**
 * May @p image run on revision @p revision (major*100+minor) of @p chip? EM_ERR_CHIP: it
 * is for another chip or other revisions. Anything goes if its header does not tell.
 */
enum em_status em_image_check_chip(const struct em_image *image,
                                   const struct em_chip *chip, uint32_t revision,
                                   struct em_error *err);

/** Bytes of a flash size as tables and options have it ("512KB", "4MB", "2MB-c1"). */
bool em_image_flash_bytes(const char *size, uint64_t *out);

/** Flash settings to put into a header; NULL or "keep": leave as it is. */
struct em_image_settings {
    const char *mode; /* qio, qout, dio, dout */
    const char *freq; /* "40m", … */
    const char *size; /* "4MB", … */
};

/**
 * Put @p settings into the header of the image at @p data, and refresh its digest if it
 * has one. *changed_out: some byte is another than before. Returns EM_OK; EM_ERR_USAGE:
 * the chip has no such setting; EM_ERR_INPUT: not a valid image, nothing was changed (and
 * it can be written as it is); EM_ERR_CRYPTO.
 */
enum em_status em_image_header_set(uint8_t *data, size_t len, const struct em_chip *chip,
                                   const struct em_image_settings *settings,
                                   bool *changed_out, struct em_error *err);

#endif
