/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of units that are on the disk as envelopes only. */
#include "config.h"

#include "mfg/units_int.h"

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static enum em_status no_key(const struct em_unit_data *unit, struct em_error *err)
{
    return em_error_set(err, EM_ERR_USAGE,
                        "name the private key of one of the certificates: unseal_key in "
                        "the station file",
                        "the key of unit %s is sealed, and nothing here can open it",
                        unit->name);
}

static enum em_status open_envelope(const struct em_unit_data *unit, struct em_key *out,
                                    const void *data, size_t len, struct em_error *err)
{
    uint8_t *plain;
    size_t n;
    enum em_status status =
        em_unseal_bytes(unit->units->unseal, data, len, &plain, &n, err);
    if (status != EM_OK)
        return status;
    size_t wanted = em_units_key_len(unit->units);
    if (n == wanted) {
        memcpy(out->bytes, plain, n);
        out->len = n;
    } else {
        status = em_error_set(err, EM_ERR_INPUT, "bring back the file as it was made",
                              "key of %zu bytes, %zu are needed", n, wanted);
    }
    OPENSSL_cleanse(plain, n);
    free(plain);
    return status;
}

static bool is_zero(const struct em_buf *content)
{
    uint8_t any = 0;
    for (size_t i = 0; i < content->len; i++)
        any |= content->data[i];
    return any == 0;
}

static enum em_status load(const struct em_unit_data *unit, struct em_dir *dir,
                           const char *name, struct em_key *out, struct em_error *err)
{
    struct em_buf content = {0};
    char path[4096 + EM_NAME_SIZE];
    enum em_status status = em_dir_read(&content, dir, name, EM_SEAL_SIZE_MAX, err);
    if (status == EM_OK && is_zero(&content))
        status = em_error_set(err, EM_ERR_INPUT,
                              "remove it; its unit needs another board and key",
                              "zeros instead of a key: it was being destroyed");
    else if (status == EM_OK)
        status = open_envelope(unit, out, content.data, content.len, err);
    if (status == EM_ERR_INPUT) {
        (void)snprintf(path, sizeof path, "%s/%s", em_dir_path(dir), name); /* cut */
        em_error_at(err, path, 0);
    }
    em_buf_free(&content);
    /* Who made it may have been killed before this. */
    return status == EM_OK ? em_dir_settle(dir, name, err) : status;
}

/* The envelope is opened again before it counts: what could not be read after a kill
 * would be a key that is lost once it is burned. */
static enum em_status make(const struct em_unit_data *unit, struct em_dir *dir,
                           const char *name, struct em_key *out, struct em_error *err)
{
    const struct em_job *job = &unit->units->job;
    struct em_key again = {0};
    uint8_t *sealed = NULL;
    size_t len = 0;
    enum em_status status = em_key_random(out, em_units_key_len(unit->units), err);
    if (status == EM_OK)
        status = em_seal_bytes(job->seal, out->bytes, out->len, &sealed, &len, err);
    if (status == EM_OK)
        status = open_envelope(unit, &again, sealed, len, err);
    if (status == EM_OK && em_key_equal(out, &again) != 1)
        status = em_error_set(err, EM_ERR_CRYPTO, NULL,
                              "a key that was sealed is another one when it is opened");
    if (status == EM_OK)
        status = em_dir_put(dir, name, sealed, len, 0600, EM_PUT_DURABLE, err);
    em_key_wipe(&again);
    free(sealed);
    if (status != EM_OK)
        em_key_wipe(out);
    return status;
}

enum em_status em_units_sealed_key(const struct em_unit_data *unit, struct em_dir *dir,
                                   const char *name, const char *recorded,
                                   struct em_key *out, struct em_error *err)
{
    if (unit->units->unseal == NULL)
        return no_key(unit, err);
    if (em_dir_has(dir, name) || recorded != NULL || unit->units->listed)
        return load(unit, dir, name, out, err);
    return make(unit, dir, name, out, err);
}
