/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of config files: what it accepts has to be usable as it stands. */
#include "config.h"

#include "mfg/config_int.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As assert(), but there in every build. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_config: %s\n", what);
    abort();
}

/* A message is shown on one line and is text. */
static void check_message(const struct em_error *msg)
{
    struct em_span what = em_span_of(msg->what);
    require(what.len > 0, "a fault without a message");
    require(em_utf8_valid(what), "a message that is not UTF-8");
    require(memchr(what.p, '\n', what.len) == NULL, "a message of several lines");
}

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    unsigned long *told = user;
    (void)level, (void)device;
    check_message(msg);
    (*told)++;
}

static struct em_csv *open_text(const void *data, size_t len)
{
    struct em_csv *csv;
    struct em_error err;
    require(em_csv_from_memory(&csv, "config.csv", data, len, &err) == EM_OK, "memory");
    return csv;
}

/* The start of the item's row in intermediate files has to read back as that item. */
static void check_rendered(const struct em_item *item)
{
    struct em_csv_row row = {0};
    struct em_error err;
    struct em_buf text = {0};
    em_buf_append_text(&text,
                       "header\r\n"); /* a byte order mark counts at the start only */
    em_buf_append(&text, item->csv, item->csv_len);
    require(!text.failed, "memory");
    struct em_csv *csv = open_text(text.data, text.len);
    require(em_csv_next(csv, &row, &err) == EM_OK && row.n_fields == 1, "header");
    require(em_csv_next(csv, &row, &err) == EM_OK, "the rendered row is no CSV");
    require(row.n_fields == 4 && row.fields[3].len == 0, "the rendered row has no value");
    require(em_span_is(row.fields[0], item->key), "another key");
    if (item->is_namespace) {
        require(em_span_is(row.fields[1], "namespace"), "no namespace any more");
    } else {
        require(em_span_is(row.fields[1], item->from_file ? "file" : "data"), "type");
        require(em_encoding_find(row.fields[2]) == item->encoding, "another encoding");
    }
    require(em_csv_next(csv, &row, &err) == EM_OK && row.n_fields == 0, "two rows");
    em_csv_row_free(&row);
    em_csv_free(csv);
    em_buf_free(&text);
}

/* An image has rules of its own for names: it has to take what the reader took. */
static void check_image(const struct em_config *config)
{
    struct em_nvs_image *image;
    struct em_error err;
    require(em_nvs_image_new(&image, NULL, EM_NVS_SIZE_MAX, EM_NVS_V2, &err) == EM_OK,
            "memory");
    for (size_t i = 0; i < config->n_items; i++) {
        const struct em_item *item = &config->items[i];
        enum em_status status =
            item->is_namespace
                ? em_nvs_image_namespace(image, item->key, &err)
                : em_nvs_image_add_int(image, item->key, EM_NVS_U8, 1, 0, &err);
        require(status == EM_OK, "the image refuses an accepted name");
    }
    em_nvs_image_free(image);
}

static void check_accepted(const struct em_config *config)
{
    require(config->n_items > 0 && config->items[0].is_namespace, "no namespace first");
    for (size_t i = 0; i < config->n_items; i++) {
        const struct em_item *item = &config->items[i];
        require(item->ns >= 1 && item->ns <= EM_NVS_NAMESPACES_MAX, "namespace index");
        require(item->is_namespace || item->ns == config->items[i - 1].ns,
                "a key changes the namespace");
        require(i == 0 || item->line > config->items[i - 1].line, "lines");
        check_rendered(item);
    }
    check_image(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned long told = 0;
    const struct em_hooks hooks = {.log = on_log, .user = &told};
    struct em_report report = {.hooks = &hooks};
    struct em_config config;
    struct em_error err;
    struct em_csv *csv = open_text(data, size);
    enum em_status status = em_config_read(&config, csv, "config.csv", &report, &err);
    if (status != EM_OK) {
        require(status == EM_ERR_INPUT, "a status that is not documented");
        check_message(&err);
    } else if (report.faults == 0) {
        check_accepted(&config);
        em_config_warn_hashes(&config, 16, &report);
    } else {
        require(told > 0, "a fault that nobody was told");
    }
    em_config_free(&config);
    em_csv_free(csv);
    return 0;
}
