/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a batch and the files of its units. */
#include "config.h"

#include "mfg/outputs_int.h"

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folder and permissions of each kind. Keys and values are secrets. */
static const struct {
    const char *folder;
    mode_t dir_mode, file_mode;
} kinds[EM_OUTPUTS] = {
    [EM_OUTPUT_HMAC_KEY] = {"keys", 0700, 0600},
    [EM_OUTPUT_KEY] = {"keys", 0700, 0600},
    [EM_OUTPUT_CSV] = {"csv", 0777, 0600},
    [EM_OUTPUT_IMAGE] = {"bin", 0777, 0666},
};

static char *join_path(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL)
        (void)snprintf(path, size, "%s%s%s", dir,
                       dir[0] != '\0' && dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return path;
}

static char *folder_of(const struct em_outputs *outputs, enum em_output kind)
{
    if (kind == EM_OUTPUT_HMAC_KEY && outputs->hmac_dir != NULL)
        return strdup(outputs->hmac_dir);
    return join_path(outputs->root, kinds[kind].folder);
}

/* Open those folders that are wanted and there, or after making them. */
static enum em_status open_dirs(struct em_outputs *outputs, bool make,
                                struct em_error *err)
{
    enum em_status status = EM_OK;
    for (int kind = 0; kind < EM_OUTPUTS && status == EM_OK; kind++) {
        if (!outputs->wanted[kind] || outputs->dirs[kind] != NULL)
            continue;
        char *path = folder_of(outputs, kind);
        if (path == NULL)
            return em_error_nomem(err);
        if (make)
            status = em_file_mkdirs(path, kinds[kind].dir_mode, err);
        if (status == EM_OK && (make || access(path, F_OK) == 0))
            status = em_dir_open(&outputs->dirs[kind], path, err);
        free(path);
    }
    return status;
}

enum em_status em_outputs_open(struct em_outputs *out, const char *root,
                               const struct em_keys *keys, const char *hmac_keyfile,
                               bool with_csv, struct em_error *err)
{
    *out = (struct em_outputs){0};
    out->root = strdup(root[0] == '\0' ? "." : root);
    if (out->root == NULL)
        return em_error_nomem(err);
    out->wanted[EM_OUTPUT_HMAC_KEY] = em_keys_write_hmac(keys);
    out->wanted[EM_OUTPUT_KEY] = em_keys_write_key(keys);
    out->wanted[EM_OUTPUT_CSV] = with_csv;
    out->wanted[EM_OUTPUT_IMAGE] = true;
    if (hmac_keyfile != NULL) {
        char *keys_dir = join_path(out->root, kinds[EM_OUTPUT_HMAC_KEY].folder);
        enum em_status status = keys_dir == NULL
                                    ? em_error_nomem(err)
                                    : em_keys_place(&out->hmac_dir, &out->hmac_name,
                                                    keys_dir, hmac_keyfile, err);
        free(keys_dir);
        if (status != EM_OK)
            return status;
    }
    return open_dirs(out, false, err);
}

enum em_status em_outputs_make(struct em_outputs *outputs, struct em_error *err)
{
    return open_dirs(outputs, true, err);
}

void em_outputs_close(struct em_outputs *outputs)
{
    for (int kind = 0; kind < EM_OUTPUTS; kind++)
        em_dir_close(outputs->dirs[kind]);
    free(outputs->root);
    free(outputs->hmac_name);
    free(outputs->hmac_dir);
    *outputs = (struct em_outputs){0};
}

const char *em_outputs_name(const struct em_outputs *outputs,
                            const struct em_names *names, enum em_output kind)
{
    switch (kind) {
    case EM_OUTPUT_HMAC_KEY:
        return outputs->hmac_name != NULL ? outputs->hmac_name : names->hmac_key;
    case EM_OUTPUT_KEY:
        return names->key;
    case EM_OUTPUT_CSV:
        return names->csv;
    default:
        return names->image;
    }
}

static enum em_status already_there(const struct em_dir *dir, const char *name,
                                    const char *but, struct em_error *err)
{
    return em_error_set(
        err, EM_ERR_EXISTS,
        "choose another --outdir or PREFIX; --resume continues an interrupted "
        "batch",
        "'%s/%s' is already there%s", em_dir_path(dir), name, but);
}

enum em_status em_outputs_check_new(const struct em_outputs *outputs,
                                    const struct em_names *names, struct em_error *err)
{
    for (int kind = 0; kind < EM_OUTPUTS; kind++) {
        const char *name = em_outputs_name(outputs, names, kind);
        if (outputs->dirs[kind] != NULL && em_dir_has(outputs->dirs[kind], name))
            return already_there(outputs->dirs[kind], name, "", err);
    }
    return EM_OK;
}

enum em_status em_outputs_compare(enum em_same *out, const struct em_outputs *outputs,
                                  const struct em_names *names, enum em_output kind,
                                  const void *data, size_t len, struct em_error *err)
{
    const char *name = em_outputs_name(outputs, names, kind);
    *out = EM_SAME_ABSENT;
    if (outputs->dirs[kind] == NULL)
        return EM_OK;
    enum em_status status =
        em_dir_compare(out, outputs->dirs[kind], name, data, len, err);
    if (status == EM_OK && *out == EM_SAME_DIFFERS)
        status =
            already_there(outputs->dirs[kind], name,
                          " and holds something else than this batch would write", err);
    return status;
}

enum em_status em_outputs_put(struct em_outputs *outputs, const struct em_names *names,
                              enum em_output kind, const void *data, size_t len,
                              enum em_put how, struct em_error *err)
{
    return em_dir_put(outputs->dirs[kind], em_outputs_name(outputs, names, kind), data,
                      len, kinds[kind].file_mode, how, err);
}
