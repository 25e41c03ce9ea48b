/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen image check: everything in images that a device would refuse or lose. */
#include "config.h"

#include "src/gen_image.h"

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_option options[] = {
    IMAGE_KEY_OPTIONS,
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct image_options image;
    const char *path;
    json_t *findings; /* of the present image; NULL: print them */
    size_t errors, warnings;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    (void)image_option(&r->image, id, values); /* there are no others */
    return NULL;
}

static const char *severity_name(enum em_nvs_severity severity)
{
    return severity == EM_NVS_ERROR ? "error" : "warning";
}

static json_t *finding_object(const struct em_nvs_finding *f)
{
    json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:s, s:s}", "severity",
                               severity_name(f->severity), "id", f->id, "offset",
                               (json_int_t)f->off, "entries", (json_int_t)f->entries,
                               "what", f->what, "consequence", f->consequence);
    (void)json_object_set_new(object, "page",
                              f->page < 0 ? json_null() : json_integer(f->page));
    (void)json_object_set_new(object, "entry",
                              f->entry < 0 ? json_null() : json_integer(f->entry));
    return object;
}

static void print_finding(const struct request *r, const struct em_nvs_finding *f)
{
    printf("%s: ", r->path);
    if (f->page >= 0)
        printf("page %ld ", f->page);
    if (f->entry >= 0 && f->entries > 1)
        printf("entries %d-%d ", f->entry, f->entry + (int)f->entries - 1);
    else if (f->entry >= 0)
        printf("entry %d ", f->entry);
    if (f->page >= 0)
        printf("(0x%zx): ", f->off);
    printf("%s: %s: %s [%s]\n", severity_name(f->severity), f->what, f->consequence,
           f->id);
}

static void on_finding(void *user, const struct em_nvs_finding *finding)
{
    struct request *r = user;
    if (r->image.term.json)
        (void)json_array_append_new(r->findings, finding_object(finding));
    else if (!r->image.term.quiet || finding->severity == EM_NVS_ERROR)
        print_finding(r, finding);
}

static void print_summary(const struct request *r, const struct em_nvs_counts *counts)
{
    if (r->image.term.quiet || r->image.term.json)
        return;
    printf("%s: ", r->path);
    if (counts->errors == 0 && counts->warnings == 0)
        printf("clean");
    else
        printf("%zu error%s, %zu warning%s", counts->errors,
               counts->errors == 1 ? "" : "s", counts->warnings,
               counts->warnings == 1 ? "" : "s");
    printf(": %zu value%s in %zu namespace%s, %zu of %zu pages in use%s\n",
           counts->values, counts->values == 1 ? "" : "s", counts->namespaces,
           counts->namespaces == 1 ? "" : "s", counts->used_pages, counts->pages,
           counts->read_only ? ", mounts read-only only" : "");
}

static json_t *image_object(const struct request *r, const struct em_nvs_counts *counts,
                            const struct em_error *err)
{
    return json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "image",
        gen_json_text(r->path), "errors", (json_int_t)counts->errors, "warnings",
        (json_int_t)counts->warnings, "values", (json_int_t)counts->values, "namespaces",
        (json_int_t)counts->namespaces, "pages", (json_int_t)counts->pages, "used_pages",
        (json_int_t)counts->used_pages, "read_only", (int)counts->read_only, "error",
        err->status == EM_OK ? json_null() : gen_json_text(err->what), "findings",
        r->findings == NULL ? json_array() : r->findings);
}

/* One image; what kept it from being read goes to @p worst, unless that is filled. */
static void check_one(struct request *r, json_t *images, struct em_error *worst)
{
    struct em_nvsfile file = {0};
    struct em_nvs_counts counts = {0};
    struct em_error err = {.status = EM_OK};
    r->findings = r->image.term.json ? json_array() : NULL;
    err.status = image_open(&file, r->path, &r->image, on_finding, r, &err);
    if (err.status == EM_OK) {
        counts = em_nvs_reader_counts(file.reader);
        print_summary(r, &counts);
    } else if (worst->status == EM_OK) {
        *worst = err;
    } else {
        term_fault(&r->image.term, &err);
    }
    r->errors += counts.errors;
    r->warnings += counts.warnings;
    if (r->image.term.json)
        (void)json_array_append_new(images, image_object(r, &counts, &err));
    r->findings = NULL;
    em_nvsfile_close(&file);
}

static int check(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {0};
    const char **args = image_need(malloc(((size_t)argc + 1) * sizeof *args));
    struct em_error err = {.status = EM_OK};
    image_options_init(&r.image);
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0) {
        free(args);
        return exit_status;
    }
    json_t *images = json_array();
    for (size_t i = 0; args[i] != NULL; i++) {
        r.path = args[i];
        check_one(&r, images, &err);
    }
    free(args);
    json_t *fields = json_pack("{s:s, s:I, s:I, s:o}", "command", "image check", "errors",
                               (json_int_t)r.errors, "warnings", (json_int_t)r.warnings,
                               "images", images);
    return image_end(&r.image, fields, r.errors > 0, &err);
}

const struct cli_command gen_image_check = {
    .name = "image check",
    .summary = "Tell everything that a device would refuse, repair or lose",
    .positionals = "IMAGE…",
    .about = "Each finding is a line with its place, what is wrong, and what the device\n"
             "makes of it. Exit status 1 when there are errors, 0 with warnings only.\n",
    .options = options,
    .examples = "  mfg_gen image check out/bin/Fan-1.bin\n"
                "  mfg_gen image check returned.bin --inputkey keys-Fan-1.bin\n"
                "  mfg_gen image check --json out/bin/*.bin\n",
    .run = check,
};
