/* SPDX-License-Identifier: Apache-2.0 */
/* One image from one or more tables of keys and values. */
#include "config.h"

#include <espmfg/nvs_table.h>

#include "mfg/item_int.h"

#include "base/error_int.h"

#include <stdlib.h>

#include <openssl/crypto.h>

/* Where the columns of a table are. */
enum column { KEY, TYPE, ENCODING, VALUE, COLUMNS };

struct layout {
    size_t at[COLUMNS];
    size_t n; /* columns of the header */
};

/* Blobs that Wi-Fi settings bring with them. A table that was written from an image has
 * them already. */
static const char *const extras[] = {"sta.apinfo", "sta.pmk", "sta.apsw", "ap.pmk_info"};

struct work {
    const struct em_nvs_table_options *options;
    struct em_report report;
    struct em_item_adder adder;
    struct em_nvs_image *image;
    bool measure;
    bool has_extras;
};

/* Called for each row. Faults are reported; another status than EM_OK ends the reading.
 */
typedef enum em_status row_fn(struct work *work, const struct layout *layout,
                              const char *path, const struct em_csv_row *row,
                              struct em_error *err);

static enum em_status take_header(struct layout *out, const struct em_csv_row *row,
                                  struct em_error *err)
{
    static const char *const names[COLUMNS] = {"key", "type", "encoding", "value"};
    out->n = row->n_fields;
    for (int c = 0; c < COLUMNS; c++) {
        size_t i = 0;
        while (i < row->n_fields && !em_span_is(row->fields[i], names[c]))
            i++;
        if (i == row->n_fields)
            return em_error_set(
                err, EM_ERR_INPUT, "the first row is key,type,encoding,value",
                row->n_fields == 0 ? "no rows, not even a header with '%s'"
                                   : "the header has no column '%s'",
                names[c]);
        out->at[c] = i;
    }
    return EM_OK;
}

static enum em_status for_each_row(struct work *work, const char *path, row_fn *call,
                                   struct em_error *err)
{
    struct em_csv *csv = NULL;
    struct em_csv_row row = {0};
    struct layout layout;
    enum em_status status = em_csv_open(&csv, path, err);
    if (status != EM_OK)
        return status;
    em_csv_relax(csv);
    status = em_csv_next(csv, &row, err);
    if (status == EM_OK) {
        status = take_header(&layout, &row, err);
        if (status != EM_OK)
            em_error_at(err, path, row.n_fields == 0 ? 0 : row.line);
    }
    while (status == EM_OK) {
        status = em_csv_next(csv, &row, err);
        if (status != EM_OK || row.n_fields == 0)
            break;
        status = call(work, &layout, path, &row, err);
    }
    em_csv_row_free(&row);
    em_csv_free(csv);
    return status;
}

static struct em_span field(const struct layout *layout, const struct em_csv_row *row,
                            enum column column)
{
    size_t at = layout->at[column];
    return at < row->n_fields ? row->fields[at]
                              : (struct em_span){(const uint8_t *)"", 0};
}

static enum em_status look_for_extras(struct work *work, const struct layout *layout,
                                      const char *path, const struct em_csv_row *row,
                                      struct em_error *err)
{
    (void)path, (void)err; /* faults are told when the row is added */
    for (size_t i = 0; i < sizeof extras / sizeof extras[0]; i++)
        work->has_extras =
            work->has_extras || em_span_is(field(layout, row, KEY), extras[i]);
    return EM_OK;
}

static enum em_status take_item(struct em_item *item, struct em_encoding *encoding,
                                const struct layout *layout, const struct em_csv_row *row,
                                struct em_error *err)
{
    bool found;
    struct em_span name = field(layout, row, ENCODING);
    *item = (struct em_item){.line = row->line,
                             .is_namespace =
                                 em_span_is(field(layout, row, TYPE), "namespace")};
    enum em_status status = em_item_name(item, field(layout, row, KEY), err);
    if (status != EM_OK || item->is_namespace)
        return status;
    if (row->n_fields < layout->n)
        return em_error_set(err, EM_ERR_INPUT,
                            "a row is key,type,encoding,value; the value may be empty",
                            "key '%s': %zu columns, the header has %zu", item->key,
                            row->n_fields, layout->n);
    status = em_item_type(item, field(layout, row, TYPE), err);
    if (status == EM_OK)
        status = em_encoding_find_in_table(encoding, &found, name, err);
    if (status == EM_OK && !found)
        status = em_item_no_encoding(item, name, err);
    item->encoding = encoding;
    return status;
}

static enum em_status add_row(struct work *work, const struct layout *layout,
                              const char *path, const struct em_csv_row *row,
                              struct em_error *err)
{
    struct em_item item;
    struct em_encoding encoding;
    struct em_error fault;
    enum em_status status = take_item(&item, &encoding, layout, row, &fault);
    if (status == EM_OK)
        status = em_item_add(&work->adder, work->image, &item, field(layout, row, VALUE),
                             work->measure, &fault);
    if (status == EM_ERR_NOMEM || status == EM_ERR_CRYPTO) {
        if (err != NULL)
            *err = fault;
        return status;
    }
    if (status != EM_OK) {
        fault.status =
            EM_ERR_INPUT; /* a missing file is a fault of the row that names it */
        em_error_at(&fault, path, row->line);
        em_report_fault(&work->report, &fault);
    }
    return EM_OK;
}

static enum em_status for_each_table(struct work *work, row_fn *call,
                                     struct em_error *err)
{
    enum em_status status = EM_OK;
    em_item_begin(&work->adder);
    for (const char *const *path = work->options->paths; *path != NULL; path++) {
        status = for_each_row(work, *path, call, err);
        if (status != EM_OK)
            break;
    }
    return status;
}

/* Count what the tables take, and tell all their faults. */
static enum em_status measure(struct work *work, size_t *size, struct em_error *err)
{
    uint64_t asked = work->options->size;
    size_t len;
    enum em_status status =
        em_nvs_image_new(&work->image, NULL, asked != 0 ? (size_t)asked : EM_NVS_SIZE_MAX,
                         work->options->version, err);
    work->measure = true;
    if (status == EM_OK)
        status = for_each_table(work, add_row, err);
    if (status == EM_OK)
        status = em_report_result(&work->report, err);
    if (status == EM_OK)
        status = em_nvs_image_finish(work->image, &len, err);
    if (status == EM_OK)
        *size = asked != 0 ? (size_t)asked : em_nvs_image_need(work->image);
    em_nvs_image_free(work->image);
    work->image = NULL;
    work->measure = false;
    return status;
}

static enum em_status make(struct work *work, uint8_t **out, size_t *len,
                           struct em_error *err)
{
    size_t size = 0;
    enum em_status status = for_each_table(work, look_for_extras, err);
    work->adder.no_wifi = work->options->no_wifi_extras || work->has_extras;
    if (status == EM_OK)
        status = measure(work, &size, err);
    if (status != EM_OK)
        return status;
    uint8_t *buf = malloc(size);
    if (buf == NULL)
        return em_error_nomem(err);
    status = em_nvs_image_new(&work->image, buf, size, work->options->version, err);
    if (status == EM_OK)
        status = for_each_table(work, add_row, err);
    if (status == EM_OK)
        status = em_report_result(&work->report, err); /* a file that changed meanwhile */
    if (status == EM_OK)
        status = em_nvs_image_finish(work->image, len, err);
    em_nvs_image_free(work->image);
    if (status != EM_OK) {
        OPENSSL_cleanse(buf, size);
        free(buf);
        return status;
    }
    *out = buf;
    return EM_OK;
}

enum em_status em_nvs_table_image(uint8_t **out, size_t *len,
                                  const struct em_nvs_table_options *options,
                                  const struct em_hooks *hooks, struct em_error *err)
{
    struct work work = {.options = options, .report = {.hooks = hooks}};
    *out = NULL;
    *len = 0;
    enum em_status status =
        options->size != 0 ? em_nvs_size_check(options->size, err) : EM_OK;
    if (status == EM_OK)
        status = em_files_new(&work.adder.files, err);
    if (status == EM_OK)
        status = make(&work, out, len, err);
    em_item_end(&work.adder);
    em_files_free(work.adder.files);
    return status;
}
