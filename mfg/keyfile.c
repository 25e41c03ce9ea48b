/* SPDX-License-Identifier: Apache-2.0 */
/* Making one key file, with its HMAC key if asked for. */
#include "config.h"

#include <espmfg/keyfile.h>
#include <espmfg/nvs.h>

#include "base/error_int.h"
#include "base/hooks_int.h"
#include "mfg/keys_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* The peer's default: local time to the minute. A second key in the same minute is
 * refused as already there, not written over the first. */
static enum em_status default_name(char *out, size_t size, struct em_error *err)
{
    time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) == NULL ||
        strftime(out, size, "keys-%m-%d_%H-%M.bin", &local) == 0)
        return em_error_set(err, EM_ERR_IO, "name the file with --keyfile",
                            "the local time is not known");
    return EM_OK;
}

/* Where the HMAC key goes: its own name, or "hmac-" before that of the key file. */
static enum em_status place_hmac(char **dir, char **base, const char *keys_dir,
                                 const char *name, const char *key_dir,
                                 const char *key_base, struct em_error *err)
{
    if (name != NULL)
        return em_keys_place(dir, base, keys_dir, name, err);
    size_t size = strlen(key_base) + sizeof "hmac-";
    *dir = strdup(key_dir);
    *base = malloc(size);
    if (*dir == NULL || *base == NULL)
        return em_error_nomem(err);
    (void)snprintf(*base, size, "hmac-%s", key_base); /* size reckoned above */
    return EM_OK;
}

static enum em_status put(const char *dir_path, const char *base, const char *path,
                          const void *data, size_t len, struct em_error *err)
{
    struct em_dir *dir = NULL;
    bool is_new = access(dir_path, F_OK) != 0;
    enum em_status status = em_file_mkdirs(dir_path, 0700, err);
    if (status == EM_OK)
        status = em_dir_open(&dir, dir_path, err);
    if (status == EM_OK)
        status = em_dir_put(dir, base, data, len, 0600, EM_PUT_NEW, err);
    if (status == EM_OK) {
        status = em_dir_sync(dir, err);
        if (status != EM_OK)
            (void)unlink(path); /* the first error is the one to tell */
    }
    em_dir_close(dir);
    if (status != EM_OK && is_new)
        (void)rmdir(dir_path); /* refused when anything is in it */
    return status;
}

static enum em_status check_absent(const char *path, struct em_error *err)
{
    if (path[0] == '\0' || access(path, F_OK) != 0)
        return EM_OK;
    return em_error_set(err, EM_ERR_EXISTS, "move it away, or choose another name",
                        "'%s' is already there", path);
}

static void warn_absolute(const struct em_hooks *hooks, const char *option,
                          const char *name)
{
    struct em_error msg;
    if (name == NULL || name[0] != '/' || !em_hooks_wants(hooks, EM_LOG_WARNING))
        return;
    (void)em_error_set(&msg, EM_OK, "give just a name to have it below --outdir",
                       "%s is an absolute path: --outdir does not count for it", option);
    em_hooks_log(hooks, EM_LOG_WARNING, NULL, &msg);
}

static enum em_status write_keys(const struct em_keys *keys, const char *dir,
                                 const char *base, const char *hmac_dir,
                                 const char *hmac_base, struct em_keyfile_result *out,
                                 struct em_error *err)
{
    struct em_unit_keys made = {0};
    uint8_t partition[EM_NVS_KEY_PARTITION_SIZE];
    bool hmac = em_keys_write_hmac(keys);
    bool hmac_dir_is_new = hmac && access(hmac_dir, F_OK) != 0;
    (void)snprintf(out->key, sizeof out->key, "%s/%s", dir,
                   base); /* checked by opening it */
    if (hmac)
        (void)snprintf(out->hmac_key, sizeof out->hmac_key, "%s/%s", hmac_dir, hmac_base);
    if (strcmp(out->key, out->hmac_key) == 0)
        return em_error_set(err, EM_ERR_USAGE, "choose another name for one of them",
                            "'%s' cannot hold both the key and its HMAC key", out->key);
    enum em_status status = check_absent(out->key, err);
    if (status == EM_OK)
        status = check_absent(out->hmac_key, err);
    if (status == EM_OK)
        status = em_keys_make(keys, &made, err);
    if (status == EM_OK) {
        em_nvs_key_partition(partition, &made.xts);
        if (hmac)
            status = put(hmac_dir, hmac_base, out->hmac_key, made.hmac.bytes,
                         made.hmac.len, err);
        if (status == EM_OK) {
            status = put(dir, base, out->key, partition, sizeof partition, err);
            if (status != EM_OK && hmac)
                (void)unlink(out->hmac_key); /* of no use alone */
            if (status != EM_OK && hmac_dir_is_new)
                (void)rmdir(hmac_dir); /* refused when anything is in it */
        }
        OPENSSL_cleanse(partition, sizeof partition); /* begins with the key */
    }
    em_unit_keys_wipe(&made);
    return status;
}

enum em_status em_keyfile_generate(const struct em_keyfile_options *options,
                                   const struct em_hooks *hooks,
                                   struct em_keyfile_result *out, struct em_error *err)
{
    struct em_keys keys = {0};
    struct em_key_options key_options = options->keys;
    char name[64];
    char *keys_dir = NULL, *dir = NULL, *base = NULL, *hmac_dir = NULL, *hmac_base = NULL;
    *out = (struct em_keyfile_result){0};
    key_options.keygen = true;
    key_options.inputkey = NULL;
    enum em_status status = em_keys_load(&keys, &key_options, err);
    if (status == EM_OK && options->name == NULL)
        status = default_name(name, sizeof name, err);
    size_t size = strlen(options->outdir) + sizeof "/keys";
    if (status == EM_OK && (keys_dir = malloc(size)) == NULL)
        status = em_error_nomem(err);
    if (status == EM_OK)
        (void)snprintf(keys_dir, size, "%s/keys",
                       options->outdir); /* size reckoned above */
    if (status == EM_OK)
        status = em_keys_place(&dir, &base, keys_dir,
                               options->name == NULL ? name : options->name, err);
    if (status == EM_OK && em_keys_write_hmac(&keys))
        status = place_hmac(&hmac_dir, &hmac_base, keys_dir, key_options.hmac_keyfile,
                            dir, base, err);
    if (status == EM_OK) {
        warn_absolute(hooks, "--keyfile", options->name);
        warn_absolute(hooks, "--kp_hmac_keyfile", key_options.hmac_keyfile);
        status = write_keys(&keys, dir, base, hmac_dir, hmac_base, out, err);
    }
    if (status != EM_OK)
        *out = (struct em_keyfile_result){0};
    em_keys_free(&keys);
    free(keys_dir);
    free(dir);
    free(base);
    free(hmac_dir);
    free(hmac_base);
    return status;
}
