/* SPDX-License-Identifier: Apache-2.0 */
/* The encodings of the config file, and turning a value's text into its bytes. */
#include "config.h"

#include "mfg/encoding_int.h"

#include "base/base64_int.h"
#include "base/bytes_int.h"
#include "base/error_int.h"
#include "base/hex_int.h"

#include <stddef.h>
#include <string.h>

/* Sources: config grammar of ESP-IDF's mfg_gen.py; i16 is documented there but refused.
 */
static const struct em_encoding encodings[] = {
    /* clang-format off */
    {"u8",      EM_ENCODING_INT,    EM_NVS_U8, 0, 0},
    {"i8",      EM_ENCODING_INT,    EM_NVS_I8, 0, 0},
    {"u16",     EM_ENCODING_INT,    EM_NVS_U16, 0, 0},
    {"i16",     EM_ENCODING_INT,    EM_NVS_I16, 0, 0},
    {"u32",     EM_ENCODING_INT,    EM_NVS_U32, 0, 0},
    {"i32",     EM_ENCODING_INT,    EM_NVS_I32, 0, 0},
    {"u64",     EM_ENCODING_INT,    EM_NVS_U64, 0, 0},
    {"i64",     EM_ENCODING_INT,    EM_NVS_I64, 0, 0},
    {"string",  EM_ENCODING_STRING, 0, 0, 0},
    {"hex2bin", EM_ENCODING_HEX,    0, 0, 0},
    {"base64",  EM_ENCODING_BASE64, 0, 0, 0},
    {"binary",  EM_ENCODING_BINARY, 0, 0, 0},
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

static bool begins_with(struct em_span text, const char *start)
{
    size_t len = strlen(start);
    return text.len >= len && memcmp(text.p, start, len) == 0;
}

/* "(N;0xHH)", behind the name. */
static bool take_fill(struct em_encoding *out, struct em_span text)
{
    size_t i = 1;
    size_t n = 0;
    if (text.len < 2 || text.p[0] != '(')
        return false;
    for (; i < text.len && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
        n = n * 10 + (size_t)(text.p[i] - '0');
        if (n > EM_NVS_BLOB_MAX)
            return false;
    }
    if (i == 1 || text.len - i != 6 || memcmp(text.p + i, ";0x", 3) != 0 ||
        text.p[i + 5] != ')')
        return false;
    struct em_buf byte = {0};
    bool good = em_hex_decode(&byte, text.p + i + 3, 2, NULL) == EM_OK && byte.len == 1;
    out->fill_len = n;
    out->fill_byte = good ? byte.data[0] : 0;
    em_buf_free(&byte);
    return good;
}

enum em_status em_encoding_find_in_table(struct em_encoding *out, bool *found,
                                         struct em_span name, struct em_error *err)
{
    static const struct em_encoding more[] = {
        {"blob_fill", EM_ENCODING_FILL, 0, 0, 0},
        {"blob_sz_fill", EM_ENCODING_SIZED_FILL, 0, 0, 0},
    };
    const struct em_encoding *known = em_encoding_find(name);
    uint8_t lower[3];
    *out = (struct em_encoding){"string_hex", EM_ENCODING_STRING_HEX, 0, 0, 0};
    *found = em_span_is(name, out->name);
    if (*found)
        return EM_OK;
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (!begins_with(name, more[i].name))
            continue;
        size_t len = strlen(more[i].name);
        *out = more[i];
        *found = true;
        if (take_fill(out, (struct em_span){name.p + len, name.len - len}))
            return EM_OK;
        return em_error_set(err, EM_ERR_INPUT, "write it as blob_fill(64;0xFF)",
                            "'%.*s': a length up to %d and two hex digits are needed",
                            (int)(name.len < 40 ? name.len : 40), (const char *)name.p,
                            EM_NVS_BLOB_MAX);
    }
    if (known == NULL && name.len >= 2 && name.len <= sizeof lower) { /* U8, I64 */
        memcpy(lower, name.p, name.len);
        lower[0] = (uint8_t)(lower[0] == 'U' ? 'u' : lower[0] == 'I' ? 'i' : lower[0]);
        known = em_encoding_find((struct em_span){lower, name.len});
        known = known != NULL && known->kind == EM_ENCODING_INT ? known : NULL;
    }
    *found = known != NULL;
    if (*found)
        *out = *known;
    return EM_OK;
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

static enum em_status add_fill(const struct em_encoding *encoding,
                               struct em_nvs_image *image, const char *key,
                               struct em_span text, struct em_buf *scratch,
                               struct em_error *err)
{
    uint8_t size[4];
    size_t head = encoding->kind == EM_ENCODING_SIZED_FILL ? sizeof size : 0;
    if (text.len > encoding->fill_len)
        return em_error_set(err, EM_ERR_INPUT, "fill up to more bytes",
                            "%zu bytes, to be filled up to %zu", text.len,
                            encoding->fill_len);
    em_put_le32(size, (uint32_t)text.len);
    em_buf_append(scratch, size, head);
    em_buf_append(scratch, text.p, text.len);
    uint8_t *rest = em_buf_reserve(scratch, encoding->fill_len - text.len);
    if (rest == NULL)
        return em_error_nomem(err);
    memset(rest, encoding->fill_byte, encoding->fill_len - text.len);
    scratch->len += encoding->fill_len - text.len;
    return em_nvs_image_add_blob(image, key, scratch->data, scratch->len, err);
}

static enum em_status add_string_hex(struct em_nvs_image *image, const char *key,
                                     struct em_span text, struct em_buf *scratch,
                                     struct em_error *err)
{
    enum em_status status = em_hex_decode(scratch, text.p, text.len, err);
    if (status != EM_OK)
        return status;
    return em_nvs_image_add_string(image, key, (const char *)scratch->data, scratch->len,
                                   err);
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
    case EM_ENCODING_FILL:
    case EM_ENCODING_SIZED_FILL:
        return add_fill(encoding, image, key, text, scratch, err);
    case EM_ENCODING_STRING_HEX:
        return add_string_hex(image, key, text, scratch, err);
    case EM_ENCODING_BINARY:
    default:
        return em_nvs_image_add_blob(image, key, text.p, text.len, err);
    }
}
