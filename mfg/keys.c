/* SPDX-License-Identifier: Apache-2.0 */
/* Where each unit's keys come from. */
#include "config.h"

#include "mfg/keys_int.h"

#include <espmfg/nvs.h>

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Options that contradict each other. Each of these once lost keys, or wrote plain images
 * where encrypted ones were expected. */
static enum em_status check_options(const struct em_key_options *o, struct em_error *err)
{
    bool hmac_source = o->hmac_keygen || o->hmac_inputkey != NULL;
    if (o->keygen && o->inputkey != NULL)
        return em_error_set(err, EM_ERR_USAGE, "choose one of them",
                            "--keygen makes keys and --inputkey names one");
    if (o->protect_hmac && !o->keygen)
        return em_error_set(
            err, EM_ERR_USAGE, "add --keygen",
            "--key_protect_hmac derives the keys that --keygen makes; without "
            "it nothing would be encrypted that way");
    if (!o->protect_hmac && (hmac_source || o->hmac_keyfile != NULL))
        return em_error_set(err, EM_ERR_USAGE, "add --key_protect_hmac",
                            "the --kp_hmac_… options need --key_protect_hmac");
    if (o->protect_hmac && !hmac_source)
        return em_error_set(err, EM_ERR_USAGE,
                            "add --kp_hmac_keygen or --kp_hmac_inputkey FILE",
                            "--key_protect_hmac needs an HMAC key");
    if (o->hmac_keygen && o->hmac_inputkey != NULL)
        return em_error_set(
            err, EM_ERR_USAGE, "choose one of them",
            "--kp_hmac_keygen makes an HMAC key and --kp_hmac_inputkey names "
            "one");
    if (o->hmac_keyfile != NULL && !o->hmac_keygen)
        return em_error_set(
            err, EM_ERR_USAGE, "add --kp_hmac_keygen",
            "--kp_hmac_keyfile names the key that --kp_hmac_keygen makes");
    return EM_OK;
}

static enum em_status load_given(struct em_key *out, const char *path,
                                 struct em_error *err)
{
    struct em_buf content = {0};
    enum em_status status = em_file_read(&content, path, 1024 * 1024, err);
    if (status == EM_OK) {
        status = em_nvs_key_parse(out, content.data, content.len, err);
        if (status != EM_OK)
            em_error_at(err, path, 0);
    }
    em_buf_wipe(&content);
    return status;
}

static enum em_status hmac_from_bytes(struct em_key *out, const struct em_buf *content,
                                      struct em_error *err)
{
    *out = (struct em_key){0};
    if (content->len != EM_NVS_HMAC_KEY_LEN)
        return em_error_set(
            err, EM_ERR_INPUT,
            content->len == 2 * EM_NVS_HMAC_KEY_LEN
                ? "if it is hex text, turn it into bytes first (xxd -r -p)"
                : "an eFuse key block holds 32 bytes",
            "HMAC key of %zu bytes, %d are needed", content->len, EM_NVS_HMAC_KEY_LEN);
    memcpy(out->bytes, content->data, content->len);
    out->len = content->len;
    return EM_OK;
}

static enum em_status load_hmac(struct em_key *out, const char *path,
                                struct em_error *err)
{
    struct em_buf content = {0};
    enum em_status status = em_file_read(&content, path, 1024 * 1024, err);
    if (status == EM_OK) {
        status = hmac_from_bytes(out, &content, err);
        if (status != EM_OK)
            em_error_at(err, path, 0);
    }
    em_buf_wipe(&content);
    return status;
}

enum em_status em_key_load(struct em_key *out, const char *path, const char *hmac_path,
                           struct em_error *err)
{
    *out = (struct em_key){0};
    if (path != NULL && hmac_path != NULL)
        return em_error_set(err, EM_ERR_USAGE, "choose one of them",
                            "--inputkey and --kp_hmac_inputkey name two keys");
    if (path != NULL)
        return load_given(out, path, err);
    if (hmac_path == NULL)
        return EM_OK;
    struct em_key hmac;
    enum em_status status = load_hmac(&hmac, hmac_path, err);
    if (status == EM_OK)
        status = em_nvs_key_derive(out, &hmac, err);
    em_key_wipe(&hmac);
    return status;
}

enum em_status em_key_load_any(struct em_key *out, const char *path, struct em_error *err)
{
    struct stat st;
    int fd;
    *out = (struct em_key){0};
    enum em_status status = em_file_open(&fd, path, &st, err);
    if (status != EM_OK)
        return status;
    (void)close(fd); /* only looked at */
    bool hmac = st.st_size == EM_NVS_HMAC_KEY_LEN;
    return em_key_load(out, hmac ? NULL : path, hmac ? path : NULL, err);
}

enum em_status em_keys_load(struct em_keys *out, const struct em_key_options *options,
                            struct em_error *err)
{
    *out = (struct em_keys){0};
    enum em_status status = check_options(options, err);
    if (status != EM_OK)
        return status;
    if (options->inputkey != NULL) {
        out->kind = EM_KEYS_GIVEN;
        return load_given(&out->given, options->inputkey, err);
    }
    if (!options->keygen)
        return EM_OK;
    if (!options->protect_hmac) {
        out->kind = EM_KEYS_RANDOM;
    } else if (options->hmac_keygen) {
        out->kind = EM_KEYS_HMAC_RANDOM;
    } else {
        struct em_key hmac;
        out->kind = EM_KEYS_HMAC_GIVEN;
        status = load_hmac(&hmac, options->hmac_inputkey, err);
        if (status == EM_OK)
            status = em_nvs_key_derive(&out->given, &hmac, err);
        em_key_wipe(&hmac);
    }
    return status;
}

void em_keys_free(struct em_keys *keys)
{
    em_key_wipe(&keys->given);
    keys->kind = EM_KEYS_NONE;
}

bool em_keys_write_key(const struct em_keys *keys)
{
    return keys->kind >= EM_KEYS_RANDOM;
}

bool em_keys_write_hmac(const struct em_keys *keys)
{
    return keys->kind == EM_KEYS_HMAC_RANDOM;
}

void em_unit_keys_wipe(struct em_unit_keys *keys)
{
    em_key_wipe(&keys->xts);
    em_key_wipe(&keys->hmac);
}

enum em_status em_keys_make(const struct em_keys *keys, struct em_unit_keys *out,
                            struct em_error *err)
{
    enum em_status status = EM_OK;
    *out = (struct em_unit_keys){0};
    switch (keys->kind) {
    case EM_KEYS_NONE:
        break;
    case EM_KEYS_GIVEN:
    case EM_KEYS_HMAC_GIVEN:
        out->xts = keys->given;
        break;
    case EM_KEYS_RANDOM:
        status = em_nvs_key_random(&out->xts, err);
        break;
    case EM_KEYS_HMAC_RANDOM:
        status = em_key_random(&out->hmac, EM_NVS_HMAC_KEY_LEN, err);
        if (status == EM_OK)
            status = em_nvs_key_derive(&out->xts, &out->hmac, err);
        break;
    }
    return status;
}

/* A key file of an earlier run. *found is false when it is not there, or empty. */
static enum em_status reuse(struct em_key *out, bool *found, bool hmac,
                            const struct em_dir *dir, const char *name,
                            struct em_error *err)
{
    struct em_buf content = {0};
    *found = dir != NULL && em_dir_has(dir, name);
    if (!*found)
        return EM_OK;
    enum em_status status =
        em_dir_read(&content, dir, name, EM_NVS_KEY_PARTITION_SIZE, err);
    /* Killed between making the file and filling it: no key was lost. */
    *found = status != EM_OK || content.len > 0;
    if (status == EM_OK && *found)
        status = hmac ? hmac_from_bytes(out, &content, err)
                      : em_nvs_key_parse(out, content.data, content.len, err);
    if (status == EM_ERR_INPUT && err != NULL) {
        char path[sizeof err->file];
        (void)snprintf(path, sizeof path, "%s/%s", em_dir_path(dir),
                       name); /* may be cut */
        em_error_at(err, path, 0);
        (void)snprintf(err->hint, sizeof err->hint,
                       "if no image was made with it yet, delete it and resume again");
    }
    em_buf_wipe(&content);
    return status;
}

enum em_status em_keys_make_or_reuse(const struct em_keys *keys, const struct em_dir *dir,
                                     const char *key_name, const struct em_dir *hmac_dir,
                                     const char *hmac_name, struct em_unit_keys *out,
                                     struct em_error *err)
{
    bool found = false;
    bool found_hmac = false;
    struct em_key old = {0};
    *out = (struct em_unit_keys){0};
    if (!em_keys_write_key(keys))
        return em_keys_make(keys, out, err);
    enum em_status status = reuse(&old, &found, false, dir, key_name, err);
    if (status == EM_OK && em_keys_write_hmac(keys))
        status = reuse(&out->hmac, &found_hmac, true, hmac_dir, hmac_name, err);
    if (status != EM_OK)
        goto out;
    if (found_hmac)
        status = em_nvs_key_derive(&out->xts, &out->hmac, err);
    else if (found && keys->kind == EM_KEYS_RANDOM)
        out->xts = old;
    else if (found && keys->kind == EM_KEYS_HMAC_RANDOM)
        status = em_error_set(
            err, EM_ERR_INPUT, "bring the HMAC key file back",
            "'%s/%s' was derived from an HMAC key whose file '%s' is missing",
            em_dir_path(dir), key_name, hmac_name);
    else
        status = em_keys_make(keys, out, err);
    out->reused = found || found_hmac;
    if (status == EM_OK && found && !em_key_equal(&old, &out->xts))
        status =
            em_error_set(err, EM_ERR_INPUT, "is this the folder of another batch?",
                         "'%s/%s' holds another key than the one derived for the unit",
                         em_dir_path(dir), key_name);
out:
    em_key_wipe(&old);
    if (status != EM_OK)
        em_unit_keys_wipe(out);
    return status;
}

enum em_status em_keys_place(char **dir, char **base, const char *keys_dir,
                             const char *name, struct em_error *err)
{
    *dir = NULL;
    *base = NULL;
    const char *slash = strrchr(name, '/');
    const char *file = slash == NULL ? name : slash + 1;
    const char *dot = strrchr(file, '.');
    if (file[0] == '\0')
        return em_error_set(err, EM_ERR_USAGE, "give a file name",
                            "'%s' names no key file", name);
    if (dot != NULL && dot != file && strstr(dot, ".bin") == NULL)
        return em_error_set(err, EM_ERR_USAGE, "name it with .bin, or without extension",
                            "key file '%s' has another extension than .bin", name);
    size_t dir_len = slash == NULL ? 0 : (size_t)(slash - name);
    size_t dir_size = strlen(keys_dir) + dir_len + 3;
    size_t base_size = strlen(file) + sizeof ".bin";
    *dir = malloc(dir_size);
    *base = malloc(base_size);
    if (*dir == NULL || *base == NULL) {
        free(*dir);
        free(*base);
        *dir = NULL;
        *base = NULL;
        return em_error_nomem(err);
    }
    /* Sizes are reckoned above. */
    if (name[0] == '/')
        (void)snprintf(*dir, dir_size, "%.*s", dir_len == 0 ? 1 : (int)dir_len, name);
    else if (dir_len > 0)
        (void)snprintf(*dir, dir_size, "%s/%.*s", keys_dir, (int)dir_len, name);
    else
        (void)snprintf(*dir, dir_size, "%s", keys_dir);
    bool has_extension = dot != NULL && dot != file;
    (void)snprintf(*base, base_size, "%s%s", file, has_extension ? "" : ".bin");
    return EM_OK;
}
