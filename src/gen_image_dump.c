/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen image dump and get: what is in an image. */
#include "config.h"

#include "src/gen_image.h"

#include <espmfg/nvs_table.h>

#include "base/error_int.h"
#include "mfg/types_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_FORMAT, OPT_RAW, OPT_SHOW, OPT_BYTES };
enum format { TABLE, CSV, JSON };

static const struct cli_option dump_options[] = {
    {"format", NULL, "FORMAT",
     "table (default); csv: a table that image generate makes an equal image from; json",
     OPT_FORMAT},
    {"raw", NULL, NULL, "pages and states of all entries instead of values", OPT_RAW},
    {"show-values", NULL, NULL,
     "show values even if the image is encrypted; without a key they are shown anyway",
     OPT_SHOW},
    IMAGE_KEY_OPTIONS,
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct image_options image;
    enum format format;
    bool raw, show, bytes;
};

static const char *on_option(void *user, int id, char *const *values)
{
    static const char *const formats[] = {"table", "csv", "json"};
    struct request *r = user;
    if (image_option(&r->image, id, values))
        return NULL;
    switch (id) {
    case OPT_FORMAT:
        for (int i = 0; i < 3; i++) {
            if (strcmp(values[0], formats[i]) == 0) {
                r->format = (enum format)i;
                return NULL;
            }
        }
        return "choose table, csv or json";
    case OPT_RAW:
        r->raw = true;
        break;
    case OPT_SHOW:
        r->show = true;
        break;
    default:
        r->bytes = true;
        break;
    }
    return NULL;
}

/* ---- The three formats ---- */

/* Long values would fill the screen; get and the other formats show all of them. */
static void shorten(char *text)
{
    enum { SHOWN = 64 };
    size_t at = SHOWN;
    if (strlen(text) <= SHOWN + 3)
        return;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--; /* not in the middle of a character */
    memcpy(text + at, "…", sizeof "…");
}

static void print_table(const struct em_nvs_reader *reader, bool show)
{
    struct em_nvs_value value;
    int ns_width = 9;
    int key_width = 3;
    size_t cursor = 0;
    while (em_nvs_reader_next(reader, &cursor, &value)) {
        int ns_len = (int)strlen(value.ns);
        int key_len = (int)strlen(value.key);
        ns_width = ns_len > ns_width ? ns_len : ns_width;
        key_width = key_len > key_width ? key_len : key_width;
    }
    printf("%-*s  %-*s  %-6s  %6s%s\n", ns_width, "namespace", key_width, "key", "type",
           "bytes", show ? "  value" : "");
    cursor = 0;
    while (em_nvs_reader_next(reader, &cursor, &value)) {
        char *text = show ? image_value_text(reader, &value) : NULL;
        if (show)
            shorten(text);
        struct em_error ns;
        struct em_error key;
        printf("%-*s  %-*s  %-6s  %6zu%s%s\n", ns_width, image_name(&ns, value.ns),
               key_width, image_name(&key, value.key), em_type_name(value.type),
               value.len, show ? "  " : "", show ? text : "");
        free(text);
    }
}

static enum em_status print_csv(struct request *r, const struct em_nvs_reader *reader,
                                struct em_error *err)
{
    char *text;
    size_t len;
    struct em_hooks hooks = term_hooks(&r->image.term);
    enum em_status status = em_nvs_table_text(&text, &len, reader, &hooks, err);
    if (status == EM_OK)
        (void)fwrite(text, 1, len, stdout);
    free(text);
    return status;
}

static json_t *dump_object(const char *path, const struct em_nvsfile *file, bool show)
{
    struct em_nvs_counts counts = em_nvs_reader_counts(file->reader);
    json_t *namespaces = json_array();
    json_t *values = json_array();
    struct em_nvs_value value;
    const char *name;
    uint8_t index;
    size_t cursor = 0;
    while (em_nvs_reader_next_namespace(file->reader, &cursor, &name, &index))
        (void)json_array_append_new(
            namespaces,
            json_pack("{s:o, s:i}", "name", gen_json_text(name), "index", (int)index));
    cursor = 0;
    while (em_nvs_reader_next(file->reader, &cursor, &value)) {
        json_t *object = json_pack(
            "{s:o, s:o, s:s, s:I, s:I, s:I, s:I}", "namespace", gen_json_text(value.ns),
            "key", gen_json_text(value.key), "type", em_type_name(value.type), "size",
            (json_int_t)value.len, "page", (json_int_t)value.page, "entry",
            (json_int_t)value.entry, "entries", (json_int_t)value.entries);
        if (show)
            image_value_json(object, file->reader, &value);
        (void)json_array_append_new(values, object);
    }
    return json_pack("{s:s, s:o, s:I, s:b, s:b, s:i, s:I, s:I, s:I, s:I, s:o, s:o}",
                     "command", "image dump", "image", gen_json_text(path), "size",
                     (json_int_t)file->image.len, "encrypted", (int)file->encrypted,
                     "read_only", (int)counts.read_only, "nvs_version",
                     counts.version_1 ? 1 : 2, "pages", (json_int_t)counts.pages,
                     "used_pages", (json_int_t)counts.used_pages, "errors",
                     (json_int_t)counts.errors, "warnings", (json_int_t)counts.warnings,
                     "namespaces", namespaces, "values", values);
}

/* Reading is no checking, but nobody should take half of the values for all. */
static void warn_of_findings(struct request *r, const struct em_nvs_reader *reader,
                             const char *path)
{
    struct em_nvs_counts counts = em_nvs_reader_counts(reader);
    struct em_hooks hooks = term_hooks(&r->image.term);
    struct em_error msg;
    if (counts.errors == 0 && counts.used_pages > 0)
        return;
    if (counts.errors == 0)
        (void)em_error_set(&msg, EM_OK, NULL, "no page is in use: an empty store");
    else
        (void)em_error_set(&msg, EM_OK, "mfg_gen image check tells them",
                           "the image has %zu error%s; shown is what the device can read",
                           counts.errors, counts.errors == 1 ? "" : "s");
    em_error_at(&msg, path, 0);
    hooks.log(hooks.user, EM_LOG_WARNING, "", &msg);
}

static int dump(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {0};
    struct em_nvsfile file = {0};
    const char *args[CLI_POSITIONALS_MAX];
    struct em_error err = {.status = EM_OK};
    image_options_init(&r.image);
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    if (r.image.term.json)
        r.format = JSON;
    r.image.term.json = r.format == JSON;
    if (r.raw && r.format != TABLE)
        return cli_fault(gen_program, command, "--raw has no other format than its own");
    json_t *fields = NULL;
    err.status = image_open(&file, args[0], &r.image, NULL, NULL, &err);
    bool show = r.show || !file.encrypted;
    if (err.status == EM_OK && r.format == CSV && !show)
        err.status = em_error_set(&err, EM_ERR_USAGE, "add --show-values",
                                  "a CSV holds the values of an encrypted image");
    if (err.status == EM_OK) {
        warn_of_findings(&r, file.reader, args[0]);
        if (r.raw)
            image_print_raw(&file);
        else if (r.format == TABLE)
            print_table(file.reader, show);
        else if (r.format == CSV)
            err.status = print_csv(&r, file.reader, &err);
        else
            fields = dump_object(args[0], &file, show);
    }
    em_nvsfile_close(&file);
    if (fields == NULL)
        fields = json_pack("{s:s, s:o}", "command", "image dump", "image",
                           gen_json_text(args[0]));
    return image_end(&r.image, fields, false, &err);
}

const struct cli_command gen_image_dump = {
    .name = "image dump",
    .summary = "Show what is in an image, as the device would read it",
    .positionals = "IMAGE",
    .about = "Values of an image that needs a key are hidden without --show-values.\n",
    .options = dump_options,
    .examples = "  mfg_gen image dump out/bin/Fan-1.bin\n"
                "  mfg_gen image dump unit.bin --inputkey keys-unit.bin --show-values\n"
                "  mfg_gen image dump unit.bin --format csv > unit.csv\n"
                "  mfg_gen image dump unit.bin --raw\n",
    .run = dump,
};

/* ---- One value ---- */

static const struct cli_option get_options[] = {
    {"bytes", NULL, NULL, "write the bytes as they are, strings without their NUL",
     OPT_BYTES},
    IMAGE_KEY_OPTIONS,
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

static void print_value(const struct em_nvs_reader *reader,
                        const struct em_nvs_value *value, bool bytes)
{
    bool is_text = value->type == EM_NVS_STRING;
    if (!bytes && !is_text) {
        char *text = image_value_text(reader, value);
        printf("%s\n", text);
        free(text);
        return;
    }
    uint8_t *data = image_need(malloc(value->len + 1));
    em_nvs_reader_copy(reader, value, data);
    size_t len = value->len - (is_text && value->len > 0 ? 1 : 0);
    (void)fwrite(data, 1, len, stdout);
    if (!bytes)
        (void)putchar('\n');
    free(data);
}

static int get(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {0};
    struct em_nvsfile file = {0};
    struct em_nvs_value value;
    const char *args[CLI_POSITIONALS_MAX];
    struct em_error err = {.status = EM_OK};
    image_options_init(&r.image);
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    json_t *fields = json_pack("{s:s, s:o, s:o, s:o}", "command", "image get", "image",
                               gen_json_text(args[0]), "namespace",
                               gen_json_text(args[1]), "key", gen_json_text(args[2]));
    err.status = image_open(&file, args[0], &r.image, NULL, NULL, &err);
    bool found =
        err.status == EM_OK && em_nvs_reader_find(file.reader, args[1], args[2], &value);
    if (err.status == EM_OK && !found) {
        err.status =
            em_error_set(&err, EM_ERR_INPUT, "mfg_gen image dump lists all keys",
                         "there is no key '%s' in namespace '%s'", args[2], args[1]);
        em_error_at(&err, args[0], 0);
    }
    if (found && r.image.term.json) {
        (void)json_object_set_new(fields, "type", json_string(em_type_name(value.type)));
        (void)json_object_set_new(fields, "size", json_integer((json_int_t)value.len));
        image_value_json(fields, file.reader, &value);
    } else if (found) {
        print_value(file.reader, &value, r.bytes);
    }
    em_nvsfile_close(&file);
    return image_end(&r.image, fields, false, &err);
}

const struct cli_command gen_image_get = {
    .name = "image get",
    .summary = "Print one value",
    .positionals = "IMAGE NAMESPACE KEY",
    .about =
        "Numbers are printed in decimal, strings as they are, blobs as hex digits.\n",
    .options = get_options,
    .examples = "  mfg_gen image get out/bin/Fan-1.bin factory serial\n"
                "  mfg_gen image get unit.bin tls device_cert --bytes > device.crt\n",
    .run = get,
};
