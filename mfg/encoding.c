/* SPDX-License-Identifier: Apache-2.0 */
/* The encodings of the config file, and turning a value's text into its bytes. */
#include "config.h"

#include "mfg/encoding_int.h"

#include "base/base64_int.h"
#include "base/error_int.h"
#include "base/hex_int.h"

#include <stddef.h>

/* Sources: config grammar of ESP-IDF's mfg_gen.py; i16 is documented there but refused.
 */
static const struct em_encoding encodings[] = {
    /* clang-format off */
    {"u8",      EM_ENCODING_INT,    EM_NVS_U8},
    {"i8",      EM_ENCODING_INT,    EM_NVS_I8},
    {"u16",     EM_ENCODING_INT,    EM_NVS_U16},
    {"i16",     EM_ENCODING_INT,    EM_NVS_I16},
    {"u32",     EM_ENCODING_INT,    EM_NVS_U32},
    {"i32",     EM_ENCODING_INT,    EM_NVS_I32},
    {"u64",     EM_ENCODING_INT,    EM_NVS_U64},
    {"i64",     EM_ENCODING_INT,    EM_NVS_I64},
    {"string",  EM_ENCODING_STRING, 0},
    {"hex2bin", EM_ENCODING_HEX,    0},
    {"base64",  EM_ENCODING_BASE64, 0},
    {"binary",  EM_ENCODING_BINARY, 0},
    /* clang-format on */
};

const struct em_encoding *em_encoding_find(struct em_span name)
{
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        if (em_span_is(name, encodings[i].name))
            return &encodings[i];
    }
    return NULL;
}

const char *em_encoding_names(void)
{
    return "u8 i8 u16 i16 u32 i32 u64 i64 string hex2bin base64 binary";
}

static enum em_status add_int(const struct em_encoding *encoding,
                              struct em_nvs_image *image, const char *key,
                              struct em_span text, struct em_error *err)
{
    struct em_integer n;
    enum em_status status = em_text_decimal(&n, text, err);
    if (status != EM_OK)
        return status;
    /* What needs more than 64 bits is out of every range; say so with the type's range.
     */
    return em_nvs_image_add_int(
        image, key, encoding->type, n.huge ? UINT64_MAX : n.magnitude,
        n.negative || (n.huge && encoding->type == EM_NVS_U64), err);
}

static enum em_status add_string(struct em_nvs_image *image, const char *key,
                                 struct em_span text, bool from_file,
                                 struct em_error *err)
{
    /* A field of the table is known to be UTF-8. */
    if (from_file && !em_utf8_valid(text))
        return em_error_set(err, EM_ERR_INPUT, "use encoding 'binary' for other bytes",
                            "not UTF-8 text");
    return em_nvs_image_add_string(image, key, (const char *)text.p, text.len, err);
}

static enum em_status add_base64(struct em_nvs_image *image, const char *key,
                                 struct em_span text, bool from_file,
                                 struct em_buf *scratch, struct em_error *err)
{
    /* Other characters are skipped, but in a table a letter from another alphabet is a
     * sign of damage; the tool replaced refuses it too. */
    if (!from_file && !em_text_is_ascii(text))
        return em_error_set(err, EM_ERR_INPUT, "use A-Z a-z 0-9 + / and = only",
                            "base64 with a character that is not ASCII");
    enum em_status status = em_base64_decode(scratch, text.p, text.len, err);
    if (status != EM_OK)
        return status;
    return em_nvs_image_add_blob(image, key, scratch->data, scratch->len, err);
}

static enum em_status add_hex(struct em_nvs_image *image, const char *key,
                              struct em_span text, struct em_buf *scratch,
                              struct em_error *err)
{
    text = em_text_strip(text);
    enum em_status status = em_hex_decode(scratch, text.p, text.len, err);
    if (status != EM_OK)
        return status;
    return em_nvs_image_add_blob(image, key, scratch->data, scratch->len, err);
}

enum em_status em_encoding_add(const struct em_encoding *encoding,
                               struct em_nvs_image *image, const char *key,
                               struct em_span text, bool from_file,
                               struct em_buf *scratch, struct em_error *err)
{
    em_buf_clear(scratch);
    switch (encoding->kind) {
    case EM_ENCODING_INT:
        return add_int(encoding, image, key, text, err);
    case EM_ENCODING_STRING:
        return add_string(image, key, text, from_file, err);
    case EM_ENCODING_HEX:
        return add_hex(image, key, text, scratch, err);
    case EM_ENCODING_BASE64:
        return add_base64(image, key, text, from_file, scratch, err);
    case EM_ENCODING_BINARY:
    default:
        return em_nvs_image_add_blob(image, key, text.p, text.len, err);
    }
}
