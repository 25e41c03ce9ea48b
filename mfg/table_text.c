/* SPDX-License-Identifier: Apache-2.0 */
/* The content of an image as a table that makes it again. */
#include "config.h"

#include <espmfg/nvs_table.h>

#include "base/base64_int.h"
#include "base/error_int.h"
#include "base/hex_int.h"
#include "mfg/csv_int.h"
#include "mfg/report_int.h"
#include "mfg/types_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer blobs are written as base64, which takes less room than hex digits. */
enum { HEX_MAX = 64 };

struct writer {
    const struct em_nvs_reader *reader;
    struct em_report report;
    struct em_buf text;
    struct em_buf bytes, digits; /* of the present value */
};

/* A row that begins with '#' would be a comment. */
static void put_first(struct em_buf *out, struct em_span field)
{
    struct em_span stripped = em_text_strip(field);
    bool comment = stripped.len > 0 && stripped.p[0] == '#';
    size_t start = out->len;
    em_csv_put_field(out, field);
    if (!comment || out->failed || out->data[start] == '"')
        return;
    out->len = start;
    em_buf_append_byte(out, '"');
    em_buf_append(out, field.p, field.len); /* without quotes, or it would have some */
    em_buf_append_byte(out, '"');
}

static void put_row(struct writer *w, struct em_span key, const char *type,
                    const char *encoding, struct em_span value)
{
    put_first(&w->text, key);
    em_buf_append_byte(&w->text, ',');
    em_buf_append_text(&w->text, type);
    em_buf_append_byte(&w->text, ',');
    em_buf_append_text(&w->text, encoding);
    em_buf_append_byte(&w->text, ',');
    em_csv_put_field(&w->text, value);
    em_buf_append_text(&w->text, "\r\n");
}

/* Can a table hold this text as it is? CR would become LF. */
static bool is_plain(struct em_span text)
{
    return em_utf8_valid(text) &&
           (text.len == 0 || (memchr(text.p, 0, text.len) == NULL &&
                              memchr(text.p, '\r', text.len) == NULL));
}

static void leave_out(struct writer *w, const char *ns, const char *key, const char *why)
{
    struct em_error msg;
    (void)em_error_set(&msg, EM_OK, "keep the image",
                       "namespace '%s' key '%s' is left out: %s", ns, key, why);
    em_report_say(&w->report, EM_LOG_WARNING, NULL, &msg);
    em_buf_append_text(&w->text, "# ");
    em_buf_append_text(&w->text, msg.what);
    em_buf_append_text(&w->text, "\r\n");
}

static struct em_span span_of(const struct em_buf *buf)
{
    return buf->len == 0 ? (struct em_span){(const uint8_t *)"", 0}
                         : (struct em_span){buf->data, buf->len};
}

static void put_digits(struct writer *w, const char *key, const char *encoding,
                       struct em_span bytes)
{
    em_buf_clear(&w->digits);
    if (strcmp(encoding, "base64") == 0)
        em_base64_encode(&w->digits, bytes.p, bytes.len);
    else
        em_hex_append(&w->digits, bytes.p, bytes.len);
    put_row(w, em_span_of(key), "data", encoding, span_of(&w->digits));
}

static void put_string(struct writer *w, const struct em_nvs_value *value,
                       struct em_span bytes)
{
    if (bytes.len == 0 || bytes.p[bytes.len - 1] != 0) {
        leave_out(w, value->ns, value->key, "a string without an end");
        return;
    }
    bytes.len--;
    if (bytes.len > 0 && memchr(bytes.p, 0, bytes.len) != NULL)
        leave_out(w, value->ns, value->key, "a string with a NUL inside");
    else if (is_plain(bytes))
        put_row(w, em_span_of(value->key), "data", "string", bytes);
    else
        put_digits(w, value->key, "string_hex", bytes);
}

static void put_value(struct writer *w, const struct em_nvs_value *value)
{
    char number[24];
    em_buf_clear(&w->bytes);
    uint8_t *room = em_buf_reserve(&w->bytes, value->len + 1);
    if (room == NULL)
        return;
    em_nvs_reader_copy(w->reader, value, room);
    w->bytes.len = value->len;
    switch (value->type) {
    case EM_NVS_STRING:
        put_string(w, value, span_of(&w->bytes));
        break;
    case EM_NVS_BLOB:
        put_digits(w, value->key, value->len <= HEX_MAX ? "hex2bin" : "base64",
                   span_of(&w->bytes));
        break;
    case EM_NVS_FLOAT:
    case EM_NVS_DOUBLE:
        leave_out(w, value->ns, value->key, "a floating-point number");
        break;
    default:
        em_type_number(number, value);
        put_row(w, em_span_of(value->key), "data", em_type_name(value->type),
                em_span_of(number));
        break;
    }
}

static void put_namespace(struct writer *w, const char *name)
{
    put_row(w, em_span_of(name), "namespace", "", em_span_of(""));
}

static void put_all(struct writer *w)
{
    size_t cursor = 0;
    size_t ns_cursor = 0;
    const char *name = NULL;
    const char *current = ""; /* no namespace has this name */
    uint8_t index;
    struct em_nvs_value value;
    bool more = em_nvs_reader_next_namespace(w->reader, &ns_cursor, &name, &index);
    em_buf_append_text(&w->text, "key,type,encoding,value\r\n");
    while (em_nvs_reader_next(w->reader, &cursor, &value)) {
        for (; more && ns_cursor < cursor;
             more = em_nvs_reader_next_namespace(w->reader, &ns_cursor, &name, &index)) {
            current = name;
            put_namespace(w, name);
        }
        bool named = is_plain(em_span_of(value.ns)) && is_plain(em_span_of(value.key));
        if (!named) {
            leave_out(w, value.ns, value.key, "a name that is not UTF-8 text");
            continue;
        }
        if (strcmp(current, value.ns) != 0)
            put_namespace(w, value.ns);
        current = value.ns;
        put_value(w, &value);
    }
    for (; more;
         more = em_nvs_reader_next_namespace(w->reader, &ns_cursor, &name, &index))
        put_namespace(w, name);
}

enum em_status em_nvs_table_text(char **out, size_t *len,
                                 const struct em_nvs_reader *reader,
                                 const struct em_hooks *hooks, struct em_error *err)
{
    struct writer w = {.reader = reader, .report = {.hooks = hooks}};
    *out = NULL;
    *len = 0;
    put_all(&w);
    em_buf_append_byte(&w.text, 0);
    bool failed = w.text.failed || w.bytes.failed || w.digits.failed;
    em_buf_wipe(&w.bytes);
    em_buf_wipe(&w.digits);
    if (failed) {
        em_buf_wipe(&w.text);
        return em_error_nomem(err);
    }
    *out = (char *)w.text.data;
    *len = w.text.len - 1;
    return EM_OK;
}
