/* SPDX-License-Identifier: Apache-2.0 */
/* Adding the value of one item to an image: what a cell of a table means. */
#include "config.h"

#include "mfg/item_int.h"

#include "base/error_int.h"

void em_item_begin(struct em_item_adder *adder)
{
    em_wifi_reset(&adder->wifi);
}

void em_item_end(struct em_item_adder *adder)
{
    em_wifi_free(&adder->wifi);
    em_buf_wipe(&adder->decoded);
    em_buf_wipe(&adder->content);
}

/* Say which value a fault is about. Only integers are shown: others may be secrets. */
static void name_value(const struct em_item *item, struct em_span text,
                       struct em_error *err)
{
    if (err == NULL)
        return;
    struct em_error old = *err;
    if (item->from_file)
        (void)em_error_set(err, old.status, old.hint, "key '%s' from file '%.*s': %.400s",
                           item->key, (int)(text.len < 200 ? text.len : 200),
                           (const char *)text.p, old.what);
    else if (item->encoding->kind == EM_ENCODING_INT)
        (void)em_error_set(err, old.status, old.hint, "key '%s' = '%.*s': %.400s",
                           item->key, (int)(text.len < 48 ? text.len : 48),
                           (const char *)text.p, old.what);
    else
        (void)em_error_set(err, old.status, old.hint, "key '%s': %.400s", item->key,
                           old.what);
    em_error_at(err, old.file, old.line); /* the status is passed on */
}

enum em_status em_item_add(struct em_item_adder *adder, struct em_nvs_image *image,
                           const struct em_item *item, struct em_span text, bool measure,
                           struct em_error *err)
{
    if (item->is_namespace)
        return em_nvs_image_namespace(image, item->key, err);
    struct em_span content = text;
    bool wifi = item->wifi != EM_WIFI_NONE && !adder->no_wifi;
    enum em_status status = EM_OK;
    if (item->from_file)
        status = em_files_get(adder->files, text, &content, &adder->content, err);
    if (status == EM_OK && item->from_file && adder->digest != NULL)
        status = em_digest_part(adder->digest, content.p, content.len, err);
    if (status == EM_OK && wifi)
        status = em_wifi_before(&adder->wifi, item, content, image, measure, err);
    if (status == EM_OK)
        status = em_encoding_add(item->encoding, image, item->key, content,
                                 item->from_file, &adder->decoded, err);
    if (status == EM_OK && wifi)
        status = em_wifi_after(&adder->wifi, item, image, err);
    if (status != EM_OK)
        name_value(item, text, err);
    return status;
}
