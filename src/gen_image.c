/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen image: one NVS image at a time. What its commands share. */
#include "config.h"

#include "src/gen_image.h"

#include <espmfg/nvs_table.h>

#include "base/error_int.h"
#include "base/hex_int.h"
#include "base/text_int.h"
#include "mfg/keys_int.h"
#include "mfg/types_int.h"
#include "src/gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void image_options_init(struct image_options *options)
{
    *options = (struct image_options){.term = gen_term()};
}

bool image_option(struct image_options *options, int id, char *const *values)
{
    switch (id) {
    case IMAGE_OPT_KEY:
        options->key = values[0];
        return true;
    case IMAGE_OPT_HMAC_KEY:
        options->hmac_key = values[0];
        return true;
    default:
        return gen_take_term(&options->term, id);
    }
}

enum em_status image_key(struct em_key *out, const struct image_options *options,
                         struct em_error *err)
{
    return em_key_load(out, options->key, options->hmac_key, err);
}

enum em_status image_open(struct em_nvsfile *out, const char *path,
                          const struct image_options *options, em_nvs_finding_fn *tell,
                          void *user, struct em_error *err)
{
    struct em_key key;
    *out = (struct em_nvsfile){0};
    enum em_status status = image_key(&key, options, err);
    if (status == EM_OK)
        status = em_nvsfile_open(out, path, &key, tell, user, err);
    em_key_wipe(&key);
    return status;
}

/* The image that a table makes, of whatever size it takes. */
static enum em_status open_table(struct em_nvsfile *out, const char *path,
                                 const struct image_options *options,
                                 struct em_error *err)
{
    const char *const paths[] = {path, NULL};
    struct em_nvs_table_options table = EM_NVS_TABLE_OPTIONS_INIT;
    struct term term = options->term; /* messages only */
    struct em_hooks hooks = term_hooks(&term);
    size_t len = 0;
    table.paths = paths;
    *out = (struct em_nvsfile){0};
    enum em_status status =
        em_nvs_table_image(&out->image.data, &len, &table, &hooks, err);
    out->image.len = out->image.cap = len;
    if (status == EM_OK)
        status = em_nvs_reader_new(&out->reader, err);
    if (status == EM_OK)
        status = em_nvs_reader_load(out->reader, out->image.data, len, NULL, NULL, err);
    return status;
}

enum em_status image_open_any(struct em_nvsfile *out, const char *path,
                              const struct image_options *options, struct em_error *err)
{
    size_t len = strlen(path);
    if (len > 4 && strcmp(path + len - 4, ".csv") == 0)
        return open_table(out, path, options, err);
    return image_open(out, path, options, NULL, NULL, err);
}

int image_end(struct image_options *options, json_t *fields, bool found,
              const struct em_error *err)
{
    options->term.found = found;
    if (options->term.json)
        return term_json_end(&options->term, fields, err);
    json_decref(fields);
    struct em_error end = *err;
    bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (end.status == EM_OK && !written)
        (void)em_error_set(&end, EM_ERR_IO, "free some space and try again",
                           "cannot write all of it to standard output");
    term_fault(&options->term, &end);
    return term_exit(&options->term, end.status);
}

const char *image_name(struct em_error *room, const char *name)
{
    (void)em_error_set(room, EM_OK, NULL, "%s", name); /* the status is not used */
    return room->what;
}

void *image_need(void *memory)
{
    if (memory != NULL)
        return memory;
    (void)fprintf(stderr, "%s: out of memory\n", gen_program);
    exit(em_status_exit(EM_ERR_NOMEM));
}

/* The bytes of a value with a NUL behind them, to be freed. */
static uint8_t *bytes_of(const struct em_nvs_reader *reader,
                         const struct em_nvs_value *value)
{
    uint8_t *bytes = image_need(malloc(value->len + 1));
    em_nvs_reader_copy(reader, value, bytes);
    bytes[value->len] = 0;
    return bytes;
}

/* Length of a string value without its end, or SIZE_MAX: shown as hex digits. */
static size_t text_len(const struct em_nvs_value *value, const uint8_t *bytes)
{
    size_t len = value->len;
    if (value->type != EM_NVS_STRING || len == 0 || bytes[len - 1] != 0 ||
        memchr(bytes, 0, len - 1) != NULL ||
        !em_utf8_valid((struct em_span){bytes, len - 1}))
        return SIZE_MAX;
    return len - 1;
}

static char *hex_of(const uint8_t *bytes, size_t len)
{
    char *hex = image_need(malloc(2 * len + 1));
    em_hex_encode(hex, bytes, len);
    return hex;
}

void image_value_json(json_t *object, const struct em_nvs_reader *reader,
                      const struct em_nvs_value *value)
{
    char number[EM_NUMBER_SIZE];
    if (em_type_is_integer(value->type)) {
        /* JSON readers keep 53 bits or more; jansson has 64 with a sign. */
        bool fits = value->type != EM_NVS_U64 || value->bits <= INT64_MAX;
        em_type_number(number, value);
        (void)json_object_set_new(object, "value",
                                  fits ? json_integer((json_int_t)value->bits)
                                       : json_string(number));
        return;
    }
    uint8_t *bytes = bytes_of(reader, value);
    size_t len = text_len(value, bytes);
    char *hex = len == SIZE_MAX ? hex_of(bytes, value->len) : NULL;
    (void)json_object_set_new(object, hex == NULL ? "value" : "hex",
                              hex == NULL ? json_stringn((char *)bytes, len)
                                          : json_string(hex));
    free(hex);
    free(bytes);
}

/* A string between quotes, as C writes it. */
static char *quoted(const uint8_t *bytes, size_t len)
{
    char *text = image_need(malloc(4 * len + 3));
    size_t n = 0;
    text[n++] = '"';
    for (size_t i = 0; i < len; i++) {
        uint32_t code;
        size_t step = em_utf8_next(bytes + i, len - i, &code);
        if (bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t') {
            text[n++] = '\\';
            text[n++] = bytes[i] == '\n' ? 'n' : bytes[i] == '\r' ? 'r' : 't';
        } else if (bytes[i] == '"' || bytes[i] == '\\') {
            text[n++] = '\\';
            text[n++] = (char)bytes[i];
        } else if (!em_text_is_visible(code)) {
            for (size_t end = i + step; i < end; i++)
                n += (size_t)snprintf(text + n, 5, "\\x%02x", bytes[i]);
            i--;
        } else {
            memcpy(text + n, bytes + i, step);
            n += step;
            i += step - 1;
        }
    }
    text[n++] = '"';
    text[n] = '\0';
    return text;
}

char *image_value_text(const struct em_nvs_reader *reader,
                       const struct em_nvs_value *value)
{
    if (em_type_is_integer(value->type)) {
        char *number = image_need(malloc(EM_NUMBER_SIZE));
        em_type_number(number, value);
        return number;
    }
    uint8_t *bytes = bytes_of(reader, value);
    size_t len = text_len(value, bytes);
    char *text = len == SIZE_MAX ? hex_of(bytes, value->len) : quoted(bytes, len);
    free(bytes);
    return text;
}

static const struct cli_command *const commands[] = {
    &gen_image_generate,     &gen_image_encrypt, &gen_image_decrypt,
    &gen_image_generate_key, &gen_image_dump,    &gen_image_get,
    &gen_image_check,        &gen_image_diff,    NULL,
};

const struct cli_command gen_image = {
    .name = "image",
    .summary = "Make one NVS image, or look into one",
    .positionals = "",
    .about =
        "generate, encrypt, decrypt and generate-key take the arguments of\n"
        "nvs_partition_gen.py; dump, get, check and diff read images of any origin.\n",
    .examples = "  mfg_gen image generate nvs.csv nvs.bin 0x6000\n"
                "  mfg_gen image check out/bin/*.bin\n"
                "  mfg_gen image dump unit.bin --inputkey keys-unit.bin --show-values\n"
                "  mfg_gen image diff unit.bin returned.bin\n"
                "  mfg_gen image get unit.bin factory serial\n",
    .commands = commands,
};
