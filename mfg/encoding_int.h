/* SPDX-License-Identifier: Apache-2.0 */
/* The encodings of the config file, and turning a value's text into its bytes. */
#ifndef MFG_ENCODING_INT_H
#define MFG_ENCODING_INT_H

#include <espmfg/nvs.h>

#include "base/buf_int.h"
#include "base/text_int.h"

enum em_encoding_kind {
    EM_ENCODING_INT,
    EM_ENCODING_STRING,
    EM_ENCODING_HEX,
    EM_ENCODING_BASE64,
    EM_ENCODING_BINARY,
    EM_ENCODING_FILL,       /* text, filled up to fill_len bytes */
    EM_ENCODING_SIZED_FILL, /* the same behind the text's length, four bytes */
    EM_ENCODING_STRING_HEX, /* a string that no table can hold as it is */
};

/** One row of the table of encodings. */
struct em_encoding {
    const char *name;
    enum em_encoding_kind kind;
    enum em_nvs_int type; /* of EM_ENCODING_INT only */
    size_t fill_len;      /* of the two fills only */
    uint8_t fill_byte;
};

/** The encoding called @p name (exactly), or NULL. */
const struct em_encoding *em_encoding_find(struct em_span name);

/**
 * The encoding that @p name stands for in the table of one image, where there are more:
 * blob_fill(N;0xHH), blob_sz_fill(N;0xHH), string_hex, and integer types in any case.
 * Returns EM_OK, or EM_ERR_INPUT for a fill that is written wrongly; *found is false when
 * there is no such encoding.
 */
enum em_status em_encoding_find_in_table(struct em_encoding *out, bool *found,
                                         struct em_span name, struct em_error *err);

/** All names, for messages: "u8, i8, …". */
const char *em_encoding_names(void);

/**
 * Add @p text to the present namespace of @p image as @p key. @p from_file says that it
 * is the content of a file, where a few rules are milder. @p scratch holds decoded bytes
 * meanwhile. Returns what em_nvs_image_add_*() and the decoders return.
 */
enum em_status em_encoding_add(const struct em_encoding *encoding,
                               struct em_nvs_image *image, const char *key,
                               struct em_span text, bool from_file,
                               struct em_buf *scratch, struct em_error *err);

#endif
