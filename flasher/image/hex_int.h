/* SPDX-License-Identifier: Apache-2.0 */
/* Intel HEX files: data with the addresses it belongs to. */
#ifndef FLASHER_IMAGE_HEX_INT_H
#define FLASHER_IMAGE_HEX_INT_H

#include "base/buf_int.h"
#include "base/error_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes without a gap. */
struct em_image_piece {
    uint32_t addr;
    size_t off; /* of its bytes in em_image_hex.bytes */
    size_t len; /* at least 1 */
};

/** What a HEX file holds. Start it as {0}; em_image_hex_free() ends it. */
struct em_image_hex {
    struct em_buf bytes;
    struct em_image_piece *pieces; /* by address; no two touch or overlap */
    size_t count;
    bool has_entry;
    uint32_t entry; /* of the last start address record */
};

/** Does @p data look like Intel HEX: a ':' and digits, perhaps behind blank lines? */
bool em_image_hex_looks(const uint8_t *data, size_t len);

/**
 * Read a whole HEX file: record types 00 to 05, each line's checksum; the end record is
 * needed. Records may be in any order, but no byte may be given twice. @p file is its
 * name for messages. Returns EM_OK, EM_ERR_INPUT (with file and line) or EM_ERR_NOMEM;
 * after a fault *out is empty.
 */
enum em_status em_image_hex_parse(struct em_image_hex *out, const uint8_t *data,
                                  size_t len, const char *file, struct em_error *err);

void em_image_hex_free(struct em_image_hex *hex);

#endif
