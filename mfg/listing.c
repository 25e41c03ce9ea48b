/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a manifest, CSV or JSON, one unit after the other. */
#include "config.h"

#include "mfg/listing_int.h"

#include "base/error_int.h"
#include "base/file_int.h"
#include "mfg/json_int.h"
#include "mfg/manifest_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const char *const names[EM_LISTED_COLUMNS] = {
    [EM_LISTED_UNIT] = "unit",
    [EM_LISTED_FILE_ID] = "file_id",
    [EM_LISTED_IMAGE] = "image",
    [EM_LISTED_CSV] = "csv",
    [EM_LISTED_KEY] = "key_file",
    [EM_LISTED_HMAC_KEY] = "hmac_key_file",
    [EM_LISTED_SIZE] = "size",
    [EM_LISTED_SHA256] = "sha256",
    [EM_LISTED_KEY_SHA256] = "key_sha256",
    [EM_LISTED_HMAC_SHA256] = "hmac_key_sha256",
};

struct em_listing {
    char *path;
    struct em_csv *csv; /* one of the two */
    struct em_json *json;
    struct em_csv_row row;          /* as it stands in the file */
    size_t n_columns;               /* of the CSV */
    long column[EM_LISTED_COLUMNS]; /* -1: the manifest has no such column */
    struct em_buf text;
};

static enum em_status no_manifest(const struct em_listing *listing, unsigned long line,
                                  const char *why, struct em_error *err)
{
    enum em_status status = em_error_set(
        err, EM_ERR_INPUT, "name a file that 'generate --manifest' wrote", "%s", why);
    em_error_at(err, listing->path, line);
    return status;
}

/* Columns are found by name: later versions may have more of them. */
static enum em_status read_header(struct em_listing *listing, struct em_error *err)
{
    enum em_status status = em_csv_next(listing->csv, &listing->row, err);
    if (status != EM_OK)
        return status;
    listing->n_columns = listing->row.n_fields;
    for (int k = 0; k < EM_LISTED_COLUMNS; k++) {
        listing->column[k] = -1;
        for (size_t i = 0; i < listing->row.n_fields && listing->column[k] < 0; i++) {
            if (em_span_is(listing->row.fields[i], names[k]))
                listing->column[k] = (long)i;
        }
    }
    if (listing->column[EM_LISTED_UNIT] < 0 || listing->column[EM_LISTED_IMAGE] < 0 ||
        listing->column[EM_LISTED_SHA256] < 0)
        return no_manifest(listing, 1,
                           "no manifest: the columns unit, image and sha256 "
                           "are missing",
                           err);
    return EM_OK;
}

static enum em_status begin(struct em_listing *listing, struct em_error *err)
{
    return listing->csv != NULL ? read_header(listing, err)
                                : em_json_begin(listing->json, err);
}

enum em_status em_listing_open(struct em_listing **out, const char *path,
                               struct em_error *err)
{
    *out = NULL;
    enum em_status status = em_manifest_check(path, true, err);
    if (status != EM_OK)
        return status;
    struct em_listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL || (listing->path = strdup(path)) == NULL) {
        free(listing);
        return em_error_nomem(err);
    }
    size_t len = strlen(path);
    if (len > 5 && strcmp(path + len - 5, ".json") == 0)
        status = em_json_open(&listing->json, path, err);
    else
        status = em_csv_open(&listing->csv, path, err);
    if (status == EM_OK)
        status = begin(listing, err);
    if (status != EM_OK) {
        em_listing_close(listing);
        return status;
    }
    *out = listing;
    return EM_OK;
}

void em_listing_close(struct em_listing *listing)
{
    if (listing == NULL)
        return;
    em_csv_free(listing->csv);
    em_json_close(listing->json);
    em_csv_row_free(&listing->row);
    em_buf_free(&listing->text);
    free(listing->path);
    free(listing);
}

enum em_status em_listing_rewind(struct em_listing *listing, struct em_error *err)
{
    if (listing->json != NULL)
        return em_json_begin(listing->json, err);
    enum em_status status = em_csv_rewind(listing->csv, err);
    return status == EM_OK ? read_header(listing, err) : status;
}

/* Make @p row of the texts of its fields, which follow one another in listing->text,
 * @p ends telling where each of them ends. */
static enum em_status fill_row(struct em_listing *listing, struct em_csv_row *row,
                               const size_t ends[EM_LISTED_COLUMNS], struct em_error *err)
{
    if (row->cap_fields < EM_LISTED_COLUMNS) {
        struct em_span *fields = realloc(row->fields, EM_LISTED_COLUMNS * sizeof *fields);
        if (fields == NULL)
            return em_error_nomem(err);
        row->fields = fields;
        row->cap_fields = EM_LISTED_COLUMNS;
    }
    em_buf_clear(&row->text);
    em_buf_append(&row->text, listing->text.data, listing->text.len);
    em_buf_append_byte(&row->text, '\0'); /* so that there is a place for empty ones */
    if (row->text.failed || listing->text.failed)
        return em_error_nomem(err);
    row->n_fields = EM_LISTED_COLUMNS;
    for (int k = 0; k < EM_LISTED_COLUMNS; k++) {
        size_t start = k == 0 ? 0 : ends[k - 1];
        row->fields[k] = (struct em_span){row->text.data + start, ends[k] - start};
    }
    return EM_OK;
}

static enum em_status next_csv(struct em_listing *listing, size_t ends[EM_LISTED_COLUMNS],
                               bool *end, struct em_error *err)
{
    enum em_status status = em_csv_next(listing->csv, &listing->row, err);
    *end = listing->row.n_fields == 0;
    if (status != EM_OK || *end)
        return status;
    if (listing->row.n_fields != listing->n_columns)
        return no_manifest(listing, listing->row.line,
                           "another number of columns than the header has", err);
    for (int k = 0; k < EM_LISTED_COLUMNS; k++) {
        if (listing->column[k] >= 0) {
            struct em_span field = listing->row.fields[listing->column[k]];
            em_buf_append(&listing->text, field.p, field.len);
        }
        ends[k] = listing->text.len;
    }
    return EM_OK;
}

static enum em_status next_json(struct em_listing *listing,
                                size_t ends[EM_LISTED_COLUMNS], bool *end,
                                struct em_error *err)
{
    json_t *unit;
    listing->row.off = em_json_position(listing->json);
    enum em_status status = em_json_next(listing->json, &unit, err);
    listing->row.line = em_json_line(listing->json);
    *end = unit == NULL;
    if (status != EM_OK || *end)
        return status;
    for (int k = 0; k < EM_LISTED_COLUMNS; k++) {
        const json_t *value = json_object_get(unit, names[k]);
        char number[24];
        if (json_is_integer(value)) {
            (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT,
                           json_integer_value(value)); /* always fits */
            em_buf_append_text(&listing->text, number);
        } else if (json_is_string(value)) {
            em_buf_append(&listing->text, json_string_value(value),
                          json_string_length(value));
        }
        ends[k] = listing->text.len;
    }
    json_decref(unit);
    return EM_OK;
}

/* A path is the least that a unit has, and its number. */
static enum em_status check_row(const struct em_listing *listing,
                                const struct em_csv_row *row, struct em_error *err)
{
    for (int k = 0; k < EM_LISTED_COLUMNS; k++) {
        struct em_span field = row->fields[k];
        if (field.len > 0 && memchr(field.p, '\0', field.len) != NULL)
            return no_manifest(listing, row->line, "a NUL in a text", err);
    }
    if (em_listed_number(row) == 0)
        return no_manifest(listing, row->line, "a unit without a number", err);
    if (row->fields[EM_LISTED_IMAGE].len == 0)
        return no_manifest(listing, row->line, "a unit without an image", err);
    return EM_OK;
}

enum em_status em_listing_next(struct em_listing *listing, struct em_csv_row *row,
                               struct em_error *err)
{
    size_t ends[EM_LISTED_COLUMNS] = {0};
    bool end;
    em_buf_clear(&listing->text);
    row->n_fields = 0;
    enum em_status status = listing->csv != NULL ? next_csv(listing, ends, &end, err)
                                                 : next_json(listing, ends, &end, err);
    row->line = listing->row.line;
    row->off = listing->row.off;
    if (status != EM_OK || end)
        return status;
    status = fill_row(listing, row, ends, err);
    if (status == EM_OK)
        status = check_row(listing, row, err);
    return status;
}

enum em_status em_listing_seek(struct em_listing *listing, uint64_t off,
                               struct em_error *err)
{
    return listing->csv != NULL ? em_csv_seek(listing->csv, off, err)
                                : em_json_seek(listing->json, off, err);
}

enum em_status em_listed_name(char out[EM_NAME_SIZE], struct em_span path,
                              struct em_error *err)
{
    size_t start = path.len;
    while (start > 0 && path.p[start - 1] != '/')
        start--;
    size_t len = path.len - start;
    if (len >= EM_NAME_SIZE || (len == 0 && path.len > 0))
        return em_error_set(err, EM_ERR_INPUT, "use the manifest as it was written",
                            "a path that ends in no file name");
    memcpy(out, path.p + start, len);
    out[len] = '\0';
    return EM_OK;
}

uint64_t em_listed_number(const struct em_csv_row *row)
{
    struct em_integer number;
    if (em_text_decimal(&number, row->fields[EM_LISTED_UNIT], NULL) != EM_OK ||
        number.negative || number.huge)
        return 0;
    return number.magnitude;
}

const char *em_listing_path(const struct em_listing *listing)
{
    return listing->path;
}

uint64_t em_listing_position(const struct em_listing *listing)
{
    return listing->csv != NULL ? em_csv_position(listing->csv)
                                : em_json_position(listing->json);
}

uint64_t em_listing_size(const struct em_listing *listing)
{
    return listing->csv != NULL ? em_csv_size(listing->csv) : em_json_size(listing->json);
}
