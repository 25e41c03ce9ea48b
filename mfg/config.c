/* SPDX-License-Identifier: Apache-2.0 */
/* The config file: which keys a device gets, in which namespaces and encodings. */
#include "config.h"

#include "mfg/config_int.h"

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void em_config_free(struct em_config *config)
{
    for (size_t i = 0; i < config->n_items; i++)
        free(config->items[i].csv);
    free(config->items);
    free(config->path);
    *config = (struct em_config){0};
}

static enum em_wifi_role wifi_role(const char *key)
{
    static const struct {
        const char *key;
        enum em_wifi_role role;
    } roles[] = {
        {"sta.ssid", EM_WIFI_STA},
        {"sta.pswd", EM_WIFI_STA},
        {"ap.ssid", EM_WIFI_AP_SSID},
        {"ap.passwd", EM_WIFI_AP_PASSWORD},
        {"ap.authmode", EM_WIFI_AP_AUTHMODE},
    };
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(key, roles[i].key) == 0)
            return roles[i].role;
    }
    return EM_WIFI_NONE;
}

enum em_status em_item_name(struct em_item *item, struct em_span name,
                            struct em_error *err)
{
    const char *what = item->is_namespace ? "namespace" : "key";
    if (name.len > EM_NVS_KEY_LEN_MAX)
        return em_error_set(err, EM_ERR_INPUT, "choose a shorter name",
                            "%s '%.*s' has %zu bytes, limit %d", what, (int)name.len,
                            (const char *)name.p, name.len, EM_NVS_KEY_LEN_MAX);
    if (item->is_namespace && name.len == 0)
        return em_error_set(err, EM_ERR_INPUT, "give it a name of 1 to 15 bytes",
                            "a namespace without a name");
    memcpy(item->key, name.p, name.len);
    item->key[name.len] = '\0';
    return EM_OK;
}

enum em_status em_item_type(struct em_item *item, struct em_span type,
                            struct em_error *err)
{
    item->from_file = em_span_is(type, "file");
    if (!item->from_file && !em_span_is(type, "data"))
        return em_error_set(err, EM_ERR_INPUT, "use data, file or namespace (lower case)",
                            "key '%s': unknown type '%.*s'", item->key,
                            (int)(type.len < 40 ? type.len : 40), (const char *)type.p);
    item->wifi = wifi_role(item->key);
    return EM_OK;
}

enum em_status em_item_no_encoding(const struct em_item *item, struct em_span encoding,
                                   struct em_error *err)
{
    char hint[160];
    (void)snprintf(hint, sizeof hint, "use one of %s (lower case)", em_encoding_names());
    return em_error_set(err, EM_ERR_INPUT, hint, "key '%s': unknown encoding '%.*s'",
                        item->key, (int)(encoding.len < 40 ? encoding.len : 40),
                        (const char *)encoding.p);
}

static enum em_status take_value_row(struct em_item *item, const struct em_csv_row *row,
                                     struct em_error *err)
{
    struct em_span encoding = row->fields[2];
    enum em_status status = em_item_type(item, row->fields[1], err);
    if (status != EM_OK)
        return status;
    item->encoding = em_encoding_find(encoding);
    if (item->encoding == NULL)
        return em_item_no_encoding(item, encoding, err);
    if (row->n_fields == 4) {
        if (!em_span_is(row->fields[3], "REPEAT"))
            return em_error_set(err, EM_ERR_INPUT, "the fourth column is REPEAT or empty",
                                "key '%s': '%.*s' in the fourth column", item->key,
                                (int)(row->fields[3].len < 40 ? row->fields[3].len : 40),
                                (const char *)row->fields[3].p);
        item->repeat = true;
    }
    return EM_OK;
}

/* The start of the item's row in intermediate files: its first three fields. */
static enum em_status render_csv(struct em_item *item, const struct em_csv_row *row,
                                 struct em_error *err)
{
    struct em_buf text = {0};
    for (size_t i = 0; i < 3; i++) {
        em_csv_put_field(&text, row->fields[i]);
        em_buf_append_byte(&text, ',');
    }
    if (text.failed) {
        em_buf_free(&text);
        return em_error_nomem(err);
    }
    item->csv = (char *)text.data;
    item->csv_len = text.len;
    return EM_OK;
}

static enum em_status take_row(struct em_item *item, struct em_csv_row *row,
                               struct em_error *err)
{
    /* Spreadsheets fill short rows up to the longest one: empty columns mean nothing. */
    while (row->n_fields > 3 && row->fields[row->n_fields - 1].len == 0)
        row->n_fields--;
    item->line = row->line;
    item->is_namespace = row->n_fields > 1 && em_span_is(row->fields[1], "namespace");
    if (row->n_fields < 3 || row->n_fields > 4) {
        bool semicolons =
            row->n_fields == 1 && memchr(row->fields[0].p, ';', row->fields[0].len);
        return em_error_set(
            err, EM_ERR_INPUT,
            semicolons ? "separate the columns by commas, not semicolons"
                       : "a row is name,namespace, or key,type,encoding or "
                         "key,type,encoding,REPEAT",
            "%zu column%s, 3 are needed", row->n_fields, row->n_fields == 1 ? "" : "s");
    }
    if (item->is_namespace && row->n_fields == 4)
        return em_error_set(err, EM_ERR_INPUT, "REPEAT belongs to keys",
                            "a namespace row has three columns");
    enum em_status status = em_item_name(item, row->fields[0], err);
    if (status == EM_OK && !item->is_namespace)
        status = take_value_row(item, row, err);
    if (status == EM_OK)
        status = render_csv(item, row, err);
    return status;
}

/* What only shows when rows are looked at together; gives the item its namespace index.
 */
static enum em_status check_in_context(const struct em_config *config,
                                       struct em_item *item, struct em_error *err)
{
    unsigned n_ns = 0;
    if (config->n_items == 0 && !item->is_namespace)
        return em_error_set(err, EM_ERR_INPUT,
                            "begin with a row like 'factory,namespace,'",
                            "the first row is not a namespace");
    if (!item->is_namespace)
        item->ns = config->items[config->n_items - 1].ns;
    for (size_t i = 0; i < config->n_items; i++) {
        const struct em_item *other = &config->items[i];
        if (other->is_namespace && other->ns > n_ns)
            n_ns = other->ns;
        if (other->is_namespace != item->is_namespace ||
            strcmp(other->key, item->key) != 0)
            continue;
        if (item->is_namespace)
            item->ns = other->ns; /* opened again */
        else if (item->ns == other->ns)
            return em_error_set(err, EM_ERR_INPUT,
                                "rename or drop one: the device would lose it",
                                "key '%s' is in this namespace already, from line %lu",
                                item->key, other->line);
    }
    if (item->is_namespace && item->ns == 0) {
        if (n_ns == EM_NVS_NAMESPACES_MAX)
            return em_error_set(err, EM_ERR_INPUT, "put keys into fewer namespaces",
                                "namespace '%s' is number 255, the device can use %d",
                                item->key, EM_NVS_NAMESPACES_MAX);
        item->ns = (uint8_t)(n_ns + 1);
    }
    return EM_OK;
}

static enum em_status keep_item(struct em_config *config, struct em_item *item,
                                struct em_error *err)
{
    size_t n = config->n_items;
    if ((n & (n - 1)) == 0) { /* room doubles at each power of two */
        struct em_item *items =
            realloc(config->items, (n == 0 ? 1 : n * 2) * sizeof *items);
        if (items == NULL) {
            free(item->csv);
            return em_error_nomem(err);
        }
        config->items = items;
    }
    config->items[config->n_items++] = *item;
    return EM_OK;
}

static enum em_status read_rows(struct em_config *out, struct em_csv *csv,
                                struct em_report *report, struct em_error *err)
{
    struct em_csv_row row = {0};
    enum em_status status;
    size_t n_rows = 0;
    bool ns_lost = false; /* the namespace of the rows to come is not known */
    while ((status = em_csv_next(csv, &row, err)) == EM_OK && row.n_fields > 0) {
        struct em_item item = {0};
        struct em_error fault;
        n_rows++;
        enum em_status row_status = take_row(&item, &row, &fault);
        if (row_status == EM_OK && ns_lost && !item.is_namespace) {
            free(item.csv); /* good by itself; the namespace before would be the wrong one
                             */
            continue;
        }
        if (row_status == EM_OK)
            row_status = check_in_context(out, &item, &fault);
        if (item.is_namespace)
            ns_lost = row_status != EM_OK;
        if (row_status == EM_OK) {
            status = keep_item(out, &item, err);
            if (status != EM_OK)
                break;
            continue;
        }
        free(item.csv);
        em_error_at(&fault, out->path, row.line);
        em_report_fault(report, &fault);
        /* Without its first row nothing else would be right: tell only that. */
        if (out->n_items == 0)
            break;
    }
    if (status == EM_OK && n_rows == 0) {
        struct em_error fault;
        (void)em_error_set(&fault, EM_ERR_INPUT,
                           "begin with a row like 'factory,namespace,'", "no rows");
        em_error_at(&fault, out->path, 0);
        em_report_fault(report, &fault);
    }
    em_csv_row_free(&row);
    return status;
}

enum em_status em_config_read(struct em_config *out, struct em_csv *csv, const char *path,
                              struct em_report *report, struct em_error *err)
{
    *out = (struct em_config){0};
    out->path = strdup(path);
    if (out->path == NULL)
        return em_error_nomem(err);
    return read_rows(out, csv, report, err);
}

struct hashed {
    uint32_t hash;
    size_t item;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a;
    const struct hashed *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static void warn_pair(const struct em_config *config, const struct em_item *a,
                      const struct em_item *b, struct em_report *report)
{
    struct em_error msg;
    (void)em_error_set(
        &msg, EM_ERR_INPUT, "rename one of them",
        "'%s' and '%s' (line %lu) have the same 24-bit hash: when both are on "
        "the last page in use, the device loses the first",
        a->key, b->key, b->line);
    em_error_at(&msg, config->path, a->line);
    em_report_say(report, EM_LOG_WARNING, NULL, &msg);
}

void em_config_warn_hashes(const struct em_config *config, size_t pages,
                           struct em_report *report)
{
    size_t chunks = pages < 127 ? pages : 127; /* a chunk takes what is left of a page */
    size_t n = 0;
    struct hashed *all = malloc((config->n_items * (chunks + 1) + 1) * sizeof *all);
    if (all == NULL)
        return; /* a warning is not worth failing for */
    for (size_t i = 0; i < config->n_items; i++) {
        const struct em_item *item = &config->items[i];
        uint8_t ns =
            item->is_namespace ? 0 : item->ns; /* names are entries of namespace 0 */
        bool is_blob = !item->is_namespace && item->encoding->kind >= EM_ENCODING_HEX;
        for (size_t c = 0; is_blob && c < chunks; c++)
            all[n++] = (struct hashed){em_nvs_item_hash(ns, item->key, (uint8_t)c), i};
        all[n++] = (struct hashed){em_nvs_item_hash(ns, item->key, 0xFF), i};
    }
    qsort(all, n, sizeof *all, by_hash);
    for (size_t i = 1; i < n; i++) {
        const struct em_item *a = &config->items[all[i - 1].item];
        const struct em_item *b = &config->items[all[i].item];
        /* A namespace that is opened again is the same entry, not a second one. */
        bool same = a->is_namespace && b->is_namespace && a->ns == b->ns;
        if (all[i].hash == all[i - 1].hash && a != b && !same)
            warn_pair(config, a, b, report);
    }
    free(all);
}
