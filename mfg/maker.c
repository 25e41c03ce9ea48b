/* SPDX-License-Identifier: Apache-2.0 */
/* Turns one row into its intermediate CSV and its image, in memory. */
#include "config.h"

#include "mfg/maker_int.h"

#include "base/error_int.h"
#include "mfg/item_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

struct em_maker {
    const struct em_plan *plan;
    struct em_nvs_image *measure; /* places everything, stores nothing */
    struct em_nvs_image *image;   /* stores into buf */
    uint8_t *buf;
    size_t size;
    struct em_nvs_crypt *crypt;
    struct em_item_adder adder;
    struct em_buf csv;
};

enum em_status em_maker_new(struct em_maker **out, const struct em_plan *plan,
                            struct em_files *files, size_t size,
                            enum em_nvs_version version, struct em_error *err)
{
    *out = NULL;
    struct em_maker *maker = calloc(1, sizeof *maker);
    if (maker == NULL)
        return em_error_nomem(err);
    maker->plan = plan;
    maker->adder.files = files;
    maker->size = size;
    maker->buf = malloc(size);
    enum em_status status = maker->buf == NULL ? em_error_nomem(err) : EM_OK;
    if (status == EM_OK)
        status = em_nvs_image_new(&maker->measure, NULL, size, version, err);
    if (status == EM_OK)
        status = em_nvs_image_new(&maker->image, maker->buf, size, version, err);
    if (status == EM_OK)
        status = em_nvs_crypt_new(&maker->crypt, err);
    if (status != EM_OK) {
        em_maker_free(maker);
        return status;
    }
    *out = maker;
    return EM_OK;
}

void em_maker_free(struct em_maker *maker)
{
    if (maker == NULL)
        return;
    if (maker->buf != NULL)
        OPENSSL_cleanse(maker->buf, maker->size);
    free(maker->buf);
    em_nvs_image_free(maker->measure);
    em_nvs_image_free(maker->image);
    em_nvs_crypt_free(maker->crypt);
    em_item_end(&maker->adder);
    em_buf_wipe(&maker->csv);
    free(maker);
}

void em_maker_digest_files(struct em_maker *maker, struct em_digest *digest)
{
    maker->adder.digest = digest;
}

/* Faults of a value, as opposed to failures of the machine. */
static bool is_fault(enum em_status status)
{
    return status != EM_ERR_NOMEM && status != EM_ERR_CRYPTO;
}

enum em_status em_maker_check(struct em_maker *maker, const struct em_csv_row *row,
                              bool first, em_maker_fault_fn *tell, void *user,
                              struct em_error *err)
{
    const struct em_plan *plan = maker->plan;
    struct em_error fault;
    bool faulty = false;
    size_t len;
    em_nvs_image_reset(maker->measure);
    em_item_begin(&maker->adder);
    for (size_t i = 0; i < plan->config.n_items; i++) {
        const struct em_item *item = &plan->config.items[i];
        enum em_status status = em_item_add(&maker->adder, maker->measure, item,
                                            em_plan_text(plan, i, row), true, &fault);
        if (status == EM_OK)
            continue;
        if (!is_fault(status)) {
            if (err != NULL)
                *err = fault;
            return status;
        }
        faulty = true;
        if (item->repeat && (!first || plan->repeat_line == 0))
            continue; /* told before, or the first row's own fault is */
        /* A missing file is a fault of the row that names it. */
        fault.status = EM_ERR_INPUT;
        em_error_at(&fault, plan->values_path,
                    item->repeat ? plan->repeat_line : row->line);
        if (!tell(user, &fault))
            return EM_OK;
    }
    if (!faulty && em_nvs_image_finish(maker->measure, &len, &fault) != EM_OK) {
        em_error_at(&fault, plan->values_path, row->line);
        (void)tell(user, &fault); /* the last one either way */
    }
    return EM_OK;
}

enum em_status em_maker_image(struct em_maker *maker, const struct em_csv_row *row,
                              const struct em_key *key, struct em_span *image,
                              struct em_error *err)
{
    const struct em_plan *plan = maker->plan;
    enum em_status status = EM_OK;
    size_t len = 0;
    *image = (struct em_span){maker->buf, 0};
    em_nvs_image_reset(maker->image);
    em_item_begin(&maker->adder);
    for (size_t i = 0; i < plan->config.n_items && status == EM_OK; i++) {
        const struct em_item *item = &plan->config.items[i];
        status = em_item_add(&maker->adder, maker->image, item,
                             em_plan_text(plan, i, row), false, err);
    }
    if (status == EM_OK)
        status = em_nvs_image_finish(maker->image, &len, err);
    if (status != EM_OK) {
        em_error_at(err, plan->values_path, row->line);
        return status;
    }
    if (key->len > 0) {
        status = em_nvs_crypt_key(maker->crypt, key, err);
        if (status == EM_OK)
            status = em_nvs_encrypt(maker->crypt, maker->buf, len, err);
    }
    if (status == EM_OK)
        image->len = len;
    return status;
}

enum em_status em_maker_csv(struct em_maker *maker, const struct em_csv_row *row,
                            struct em_span *csv, struct em_error *err)
{
    const struct em_plan *plan = maker->plan;
    em_buf_clear(&maker->csv);
    em_buf_append_text(&maker->csv, "key,type,encoding,value\r\n");
    for (size_t i = 0; i < plan->config.n_items; i++) {
        const struct em_item *item = &plan->config.items[i];
        em_buf_append(&maker->csv, item->csv, item->csv_len);
        if (!item->is_namespace) /* its value is the empty fourth column */
            em_csv_put_field(&maker->csv, em_plan_text(plan, i, row));
        em_buf_append(&maker->csv, "\r\n", 2);
    }
    *csv = (struct em_span){maker->csv.data, maker->csv.len};
    return maker->csv.failed ? em_error_nomem(err) : EM_OK;
}
