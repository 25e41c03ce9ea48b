/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what a batch made, as CSV or JSON. The format is in docs/manifest.md. */
#include "config.h"

#include "mfg/manifest_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

struct em_manifest {
    struct em_stream *stream;
    bool json;
    bool any; /* JSON: a comma is due before the next unit */
    struct em_buf row;
};

/* One column; its text is made for each unit. */
struct cell {
    const char *name;
    char text[4096 + 256]; /* a path and a name; fingerprints of all recipients */
    bool number;
};

enum { CELLS = 11 };

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text);
    size_t m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

enum em_status em_manifest_check(const char *path, bool resume, struct em_error *err)
{
    if (!ends_in(path, ".csv") && !ends_in(path, ".json"))
        return em_error_set(err, EM_ERR_USAGE, "name it manifest.csv or manifest.json",
                            "manifest '%s' ends neither in .csv nor in .json", path);
    if (!resume && access(path, F_OK) == 0)
        return em_error_set(err, EM_ERR_EXISTS, "move it away, or choose another name",
                            "'%s' is already there", path);
    return EM_OK;
}

enum em_status em_manifest_check_text(const char *path, const char *text,
                                      struct em_error *err)
{
    if (text == NULL || !ends_in(path, ".json") || em_utf8_valid(em_span_of(text)))
        return EM_OK;
    return em_error_set(err, EM_ERR_USAGE, "use names in UTF-8, or a .csv manifest",
                        "'%s' is not UTF-8 and cannot stand in a JSON manifest", text);
}

/* Make the folder of the file @p path. */
static enum em_status make_folder(const char *path, struct em_error *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return EM_OK;
    char *folder = strndup(path, (size_t)(slash - path));
    if (folder == NULL)
        return em_error_nomem(err);
    enum em_status status = em_file_mkdirs(folder, 0777, err);
    free(folder);
    return status;
}

static void put_text(struct em_manifest *manifest, const char *text)
{
    em_stream_write(manifest->stream, text, strlen(text));
}

static void set_cell(struct cell *cell, const char *name, const char *text, bool number)
{
    cell->name = name;
    cell->number = number;
    (void)snprintf(cell->text, sizeof cell->text, "%s",
                   text); /* longer ones cannot be opened */
}

static void set_path(struct cell *cell, const char *name,
                     const struct em_outputs *outputs, const struct em_names *names,
                     enum em_output kind)
{
    set_cell(cell, name, "", false);
    if (outputs != NULL && outputs->wanted[kind])
        (void)snprintf(cell->text, sizeof cell->text, "%s/%s",
                       em_outputs_path(outputs, kind),
                       em_outputs_name(outputs, names, kind)); /* as above */
}

/* All columns. Without a unit only their names count. */
static void fill_cells(struct cell cells[CELLS], const struct em_outputs *outputs,
                       const struct em_unit *unit, const char *sealed_to)
{
    static const struct em_unit none;
    const struct em_unit *u = unit == NULL ? &none : unit;
    char number[24];
    (void)snprintf(number, sizeof number, "%" PRIu64, u->number); /* always fits */
    set_cell(&cells[0], "unit", number, true);
    set_cell(&cells[1], "file_id", u->names.file_id, false);
    set_path(&cells[2], "image", outputs, &u->names, EM_OUTPUT_IMAGE);
    set_path(&cells[3], "csv", outputs, &u->names, EM_OUTPUT_CSV);
    set_path(&cells[4], "key_file", outputs, &u->names, EM_OUTPUT_KEY);
    set_path(&cells[5], "hmac_key_file", outputs, &u->names, EM_OUTPUT_HMAC_KEY);
    (void)snprintf(number, sizeof number, "%zu", u->image_len); /* always fits */
    set_cell(&cells[6], "size", number, true);
    set_cell(&cells[7], "sha256", u->image_sha256, false);
    set_cell(&cells[8], "key_sha256", u->key_sha256, false);
    set_cell(&cells[9], "hmac_key_sha256", u->hmac_sha256, false);
    set_cell(&cells[10], "sealed_to", sealed_to == NULL ? "" : sealed_to, false);
}

static void put_csv(struct em_manifest *manifest, struct cell cells[CELLS], bool names)
{
    em_buf_clear(&manifest->row);
    for (int i = 0; i < CELLS; i++) {
        if (i > 0)
            em_buf_append_byte(&manifest->row, ',');
        em_csv_put_field(&manifest->row,
                         em_span_of(names ? cells[i].name : cells[i].text));
    }
    em_buf_append_text(&manifest->row, "\r\n");
    em_stream_write(manifest->stream, manifest->row.data, manifest->row.len);
}

static enum em_status put_json(struct em_manifest *manifest,
                               const struct cell cells[CELLS], struct em_error *err)
{
    json_t *object = json_object();
    int failed = 0;
    for (int i = 0; i < CELLS; i++) {
        json_t *value = cells[i].text[0] == '\0' ? json_null()
                        : cells[i].number ? json_integer(strtoll(cells[i].text, NULL, 10))
                                          : json_string(cells[i].text);
        failed |= json_object_set_new(object, cells[i].name, value);
    }
    char *text = failed == 0 ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL)
        return em_error_set(err, EM_ERR_INPUT, "use names in UTF-8, or a .csv manifest",
                            "unit %s cannot be written as JSON", cells[0].text);
    put_text(manifest, manifest->any ? ",\n" : "\n");
    put_text(manifest, text);
    manifest->any = true;
    free(text);
    return EM_OK;
}

enum em_status em_manifest_open(struct em_manifest **out, const char *path, bool resume,
                                struct em_error *err)
{
    *out = NULL;
    enum em_status status = em_manifest_check(path, resume, err);
    if (status == EM_OK)
        status = make_folder(path, err);
    if (status != EM_OK)
        return status;
    struct em_manifest *manifest = calloc(1, sizeof *manifest);
    if (manifest == NULL)
        return em_error_nomem(err);
    manifest->json = ends_in(path, ".json");
    status = em_stream_open(&manifest->stream, path, resume, err);
    if (status != EM_OK) {
        free(manifest);
        return status;
    }
    if (manifest->json) {
        put_text(manifest, "{\"format\":\"espmfg-manifest\",\"version\":1,\"units\":[");
    } else {
        struct cell cells[CELLS];
        fill_cells(cells, NULL, NULL, NULL);
        put_csv(manifest, cells, true);
    }
    *out = manifest;
    return EM_OK;
}

enum em_status em_manifest_add(struct em_manifest *manifest,
                               const struct em_outputs *outputs,
                               const struct em_unit *unit, const char *sealed_to,
                               struct em_error *err)
{
    struct cell cells[CELLS];
    fill_cells(cells, outputs, unit, sealed_to);
    if (manifest->json)
        return put_json(manifest, cells, err);
    put_csv(manifest, cells, false);
    return manifest->row.failed ? em_error_nomem(err) : EM_OK;
}

enum em_status em_manifest_finish(struct em_manifest *manifest, struct em_error *err)
{
    if (manifest->json)
        put_text(manifest, "\n]}\n");
    return em_stream_finish(manifest->stream, err);
}

void em_manifest_close(struct em_manifest *manifest)
{
    if (manifest == NULL)
        return;
    em_stream_close(manifest->stream);
    em_buf_free(&manifest->row);
    free(manifest);
}
