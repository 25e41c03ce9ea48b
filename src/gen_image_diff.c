/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen image diff: contents of two images, or of an image and a table. */
#include "config.h"

#include "src/gen_image.h"

#include "mfg/types_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_SHOW, OPT_KEY_B, OPT_HMAC_KEY_B };

static const struct cli_option options[] = {
    {"show-values", NULL, NULL, "show values even if an image is encrypted", OPT_SHOW},
    IMAGE_KEY_OPTIONS,
    {"inputkey-b", NULL, "FILE", "key of B, if it is another", OPT_KEY_B},
    {"kp_hmac_inputkey-b", NULL, "FILE", "HMAC key of B, if it is another",
     OPT_HMAC_KEY_B},
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct image_options image;
    const char *key_b, *hmac_key_b;
    bool show_asked, show;
    size_t n;
    json_t *differences; /* NULL: print them */
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    if (image_option(&r->image, id, values))
        return NULL;
    switch (id) {
    case OPT_SHOW:
        r->show_asked = true;
        break;
    case OPT_KEY_B:
        r->key_b = values[0];
        break;
    default:
        r->hmac_key_b = values[0];
        break;
    }
    return NULL;
}

static json_t *side_object(const struct request *r, const struct em_nvs_reader *reader,
                           const struct em_nvs_value *value)
{
    if (value == NULL)
        return json_null();
    json_t *object = json_pack("{s:s, s:I}", "type", em_type_name(value->type), "size",
                               (json_int_t)value->len);
    if (r->show)
        image_value_json(object, reader, value);
    return object;
}

static void print_side(const struct request *r, char sign,
                       const struct em_nvs_reader *reader,
                       const struct em_nvs_value *value)
{
    struct em_error ns;
    struct em_error key;
    if (value == NULL)
        return;
    char *text = r->show ? image_value_text(reader, value) : NULL;
    printf("%c %s %s %s ", sign, image_name(&ns, value->ns), image_name(&key, value->key),
           em_type_name(value->type));
    if (r->show)
        printf("%s\n", text);
    else
        printf("(%zu byte%s)\n", value->len, value->len == 1 ? "" : "s");
    free(text);
}

/* A key that is in one of them only (the other NULL), or differs. */
static void tell(struct request *r, const struct em_nvsfile *a,
                 const struct em_nvs_value *in_a, const struct em_nvsfile *b,
                 const struct em_nvs_value *in_b)
{
    const struct em_nvs_value *any = in_a != NULL ? in_a : in_b;
    r->n++;
    if (r->differences != NULL) {
        (void)json_array_append_new(
            r->differences,
            json_pack("{s:o, s:o, s:o, s:o}", "namespace", gen_json_text(any->ns), "key",
                      gen_json_text(any->key), "a", side_object(r, a->reader, in_a), "b",
                      side_object(r, b->reader, in_b)));
        return;
    }
    if (r->image.term.quiet)
        return;
    print_side(r, '-', a->reader, in_a);
    print_side(r, '+', b->reader, in_b);
}

static bool equal(const struct em_nvsfile *a, const struct em_nvs_value *in_a,
                  const struct em_nvsfile *b, const struct em_nvs_value *in_b)
{
    if (in_a->type != in_b->type || in_a->len != in_b->len)
        return false;
    uint8_t *bytes = image_need(malloc(in_b->len + 1));
    em_nvs_reader_copy(b->reader, in_b, bytes);
    bool same = em_nvs_reader_equal(a->reader, in_a, bytes, in_b->len);
    free(bytes);
    return same;
}

static void compare(struct request *r, const struct em_nvsfile *a,
                    const struct em_nvsfile *b)
{
    struct em_nvs_value value;
    struct em_nvs_value other;
    size_t cursor = 0;
    while (em_nvs_reader_next(a->reader, &cursor, &value)) {
        if (!em_nvs_reader_find(b->reader, value.ns, value.key, &other))
            tell(r, a, &value, b, NULL);
        else if (!equal(a, &value, b, &other))
            tell(r, a, &value, b, &other);
    }
    cursor = 0;
    while (em_nvs_reader_next(b->reader, &cursor, &value)) {
        if (!em_nvs_reader_find(a->reader, value.ns, value.key, &other))
            tell(r, a, NULL, b, &value);
    }
}

/* Open one side. The key may belong to the other only. */
static enum em_status open_side(struct em_nvsfile *out, const char *path,
                                const struct image_options *with, struct em_error *err)
{
    struct image_options plain = *with;
    enum em_status status = image_open_any(out, path, with, err);
    if (status != EM_ERR_INPUT || (with->key == NULL && with->hmac_key == NULL))
        return status;
    plain.key = NULL;
    plain.hmac_key = NULL;
    return image_open_any(out, path, &plain, NULL) == EM_OK ? EM_OK : status;
}

static int diff(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {0};
    struct em_nvsfile a = {0};
    struct em_nvsfile b = {0};
    const char *args[CLI_POSITIONALS_MAX];
    struct em_error err = {.status = EM_OK};
    image_options_init(&r.image);
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    struct image_options options_b = r.image;
    if (r.key_b != NULL || r.hmac_key_b != NULL) {
        options_b.key = r.key_b;
        options_b.hmac_key = r.hmac_key_b;
    }
    r.differences = r.image.term.json ? json_array() : NULL;
    err.status = open_side(&a, args[0], &r.image, &err);
    if (err.status == EM_OK)
        err.status = open_side(&b, args[1], &options_b, &err);
    if (err.status == EM_OK) {
        r.show = r.show_asked || (!a.encrypted && !b.encrypted);
        compare(&r, &a, &b);
        if (!r.image.term.quiet && !r.image.term.json)
            printf("%zu difference%s\n", r.n, r.n == 1 ? "" : "s");
    }
    em_nvsfile_close(&a);
    em_nvsfile_close(&b);
    json_t *fields = json_pack("{s:s, s:o, s:o}", "command", "image diff", "a",
                               gen_json_text(args[0]), "b", gen_json_text(args[1]));
    if (r.differences != NULL)
        (void)json_object_set_new(fields, "differences", r.differences);
    return image_end(&r.image, fields, r.n > 0, &err);
}

const struct cli_command gen_image_diff = {
    .name = "image diff",
    .summary = "Compare the contents of two images, or of an image and a table",
    .positionals = "A B",
    .about =
        "A and B are images, or intermediate CSV files (their names end in .csv).\n"
        "Lines with '-' are in A, lines with '+' in B. Order, pages and free space do\n"
        "not count. Exit status 1 when there are differences.\n",
    .options = options,
    .examples = "  mfg_gen image diff out/bin/Fan-1.bin out/csv/Fan-1.csv\n"
                "  mfg_gen image diff sent.bin returned.bin --inputkey keys-Fan-1.bin\n",
    .run = diff,
};
