/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a batch and the files of its units. */
#include "config.h"

#include "mfg/outputs_int.h"

#include <espmfg/seal.h>

#include "base/error_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keys and values are secrets. */
static const struct {
    int folder;
    mode_t mode;
} kinds[EM_OUTPUTS] = {
    [EM_OUTPUT_HMAC_KEY] = {EM_FOLDER_KEYS, 0600},
    [EM_OUTPUT_KEY] = {EM_FOLDER_KEYS, 0600},
    [EM_OUTPUT_CSV] = {EM_FOLDER_CSV, 0600},
    [EM_OUTPUT_IMAGE] = {EM_FOLDER_IMAGES, 0666},
};

static const struct {
    const char *name; /* below the root; NULL: wherever the user says */
    mode_t mode;
} folders[EM_FOLDERS] = {
    [EM_FOLDER_KEYS] = {"keys", 0700},
    [EM_FOLDER_CSV] = {"csv", 0777},
    [EM_FOLDER_IMAGES] = {"bin", 0777},
    [EM_FOLDER_OTHER] = {NULL, 0700},
};

static char *join(const char *a, const char *between, const char *b)
{
    size_t size = strlen(a) + strlen(between) + strlen(b) + 1;
    char *text = malloc(size);
    if (text != NULL)
        (void)snprintf(text, size, "%s%s%s", a, between, b); /* size reckoned above */
    return text;
}

static enum em_status name_folders(struct em_outputs *outputs, const char *root,
                                   struct em_error *err)
{
    bool slash = root[0] != '\0' && root[strlen(root) - 1] == '/';
    for (int i = 0; i < EM_FOLDERS; i++) {
        struct em_folder *folder = &outputs->folders[i];
        folder->mode = folders[i].mode;
        if (folders[i].name == NULL)
            continue;
        folder->path =
            join(root[0] == '\0' ? "." : root, slash ? "" : "/", folders[i].name);
        if (folder->path == NULL)
            return em_error_nomem(err);
        folder->partial = join(folder->path, "", ".partial");
        if (folder->partial == NULL)
            return em_error_nomem(err);
    }
    return EM_OK;
}

/* The one HMAC key file may be anywhere. */
static enum em_status place_hmac(struct em_outputs *outputs, const char *hmac_keyfile,
                                 struct em_error *err)
{
    struct em_folder *keys = &outputs->folders[EM_FOLDER_KEYS];
    struct em_folder *other = &outputs->folders[EM_FOLDER_OTHER];
    enum em_status status =
        em_keys_place(&other->path, &outputs->hmac_name, keys->path, hmac_keyfile, err);
    if (status == EM_OK && strcmp(other->path, keys->path) != 0)
        outputs->folder_of[EM_OUTPUT_HMAC_KEY] = other;
    if (status == EM_OK && outputs->sealed) {
        char *sealed = join(outputs->hmac_name, "", EM_SEAL_SUFFIX);
        if (sealed == NULL)
            return em_error_nomem(err);
        free(outputs->hmac_name);
        outputs->hmac_name = sealed;
    }
    return status;
}

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return path != NULL && strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* A folder that something else is made in while the batch is written cannot get its name
 * afterwards: it has it from the start. */
static void unstage_shared(struct em_outputs *outputs, const char *manifest)
{
    for (int i = 0; i < EM_FOLDERS; i++) {
        struct em_folder *folder = &outputs->folders[i];
        if (folder->partial == NULL ||
            (!is_below(manifest, folder->path) &&
             !is_below(outputs->folders[EM_FOLDER_OTHER].path, folder->path)))
            continue;
        free(folder->partial);
        folder->partial = NULL;
    }
}

static enum em_status open_folder(struct em_outputs *outputs, struct em_folder *folder,
                                  bool resume, struct em_error *err)
{
    bool partial = folder->partial != NULL && access(folder->partial, F_OK) == 0;
    if (access(folder->path, F_OK) == 0) {
        if (!partial)
            return em_dir_open(&folder->dir, folder->path, err);
        return em_error_set(err, EM_ERR_EXISTS, "remove or rename one of them",
                            "both '%s' and '%s' are there", folder->path,
                            folder->partial);
    }
    if (!partial)
        return EM_OK;
    if (!resume)
        return em_error_set(err, EM_ERR_EXISTS, "--resume continues it; or remove it",
                            "'%s' is left from a run that did not end", folder->partial);
    if (!outputs->whole)
        return em_error_set(err, EM_ERR_EXISTS, "resume it without --rows and --shard",
                            "'%s' is left from a run over the whole batch",
                            folder->partial);
    folder->staged = true;
    return em_dir_open(&folder->dir, folder->partial, err);
}

enum em_status em_outputs_open(struct em_outputs *out, const struct em_keys *keys,
                               const struct em_outputs_options *options,
                               struct em_error *err)
{
    *out = (struct em_outputs){.whole = options->whole, .sealed = options->sealed};
    out->wanted[EM_OUTPUT_HMAC_KEY] = em_keys_write_hmac(keys);
    out->wanted[EM_OUTPUT_KEY] = em_keys_write_key(keys);
    out->wanted[EM_OUTPUT_CSV] = options->with_csv;
    out->wanted[EM_OUTPUT_IMAGE] = true;
    enum em_status status = name_folders(out, options->root, err);
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++)
        out->folder_of[kind] = &out->folders[kinds[kind].folder];
    if (status == EM_OK && options->hmac_keyfile != NULL)
        status = place_hmac(out, options->hmac_keyfile, err);
    if (status == EM_OK)
        unstage_shared(out, options->manifest);
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++)
        out->folder_of[kind]->wanted |= out->wanted[kind];
    for (int i = 0; i < EM_FOLDERS && status == EM_OK; i++) {
        if (out->folders[i].wanted)
            status = open_folder(out, &out->folders[i], options->resume, err);
    }
    return status;
}

enum em_status em_outputs_make(struct em_outputs *outputs, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (int i = 0; i < EM_FOLDERS && status == EM_OK; i++) {
        struct em_folder *folder = &outputs->folders[i];
        if (!folder->wanted)
            continue;
        if (folder->dir == NULL) {
            folder->staged = outputs->whole && folder->partial != NULL;
            const char *path = folder->staged ? folder->partial : folder->path;
            status = em_file_mkdirs(path, folder->mode, err);
            if (status == EM_OK)
                status = em_dir_open(&folder->dir, path, err);
        }
        /* Two runs may fill one finished folder, but not one partial folder; nor one with
         * sealed keys, where each would take the other's pending ones for left-overs. */
        bool keys = folder == outputs->folder_of[EM_OUTPUT_KEY] ||
                    folder == outputs->folder_of[EM_OUTPUT_HMAC_KEY];
        if (status == EM_OK && (folder->staged || (outputs->sealed && keys)))
            status = em_dir_lock(folder->dir, err);
    }
    return status;
}

enum em_status em_outputs_commit(struct em_outputs *outputs, struct em_error *err)
{
    enum em_status status = em_dir_sync(outputs->folders[EM_FOLDER_IMAGES].dir, err);
    bool renamed = false;
    for (int i = 0; i < EM_FOLDERS && status == EM_OK; i++) {
        struct em_folder *folder = &outputs->folders[i];
        if (!folder->wanted || !folder->staged)
            continue;
        if (rename(folder->partial, folder->path) != 0)
            return em_error_errno(err, errno, "cannot rename '%s' to '%s'",
                                  folder->partial, folder->path);
        folder->staged = false;
        renamed = true;
    }
    if (status == EM_OK && renamed)
        status = em_dir_sync(outputs->folders[EM_FOLDER_IMAGES].dir, err);
    return status;
}

void em_outputs_abandon(struct em_outputs *outputs)
{
    for (int i = 0; i < EM_FOLDERS; i++) {
        if (outputs->folders[i].staged)
            (void)rmdir(outputs->folders[i].partial); /* refused when anything is in it */
    }
}

void em_outputs_close(struct em_outputs *outputs)
{
    for (int i = 0; i < EM_FOLDERS; i++) {
        em_dir_close(outputs->folders[i].dir);
        free(outputs->folders[i].path);
        free(outputs->folders[i].partial);
    }
    free(outputs->hmac_name);
    *outputs = (struct em_outputs){0};
}

struct em_dir *em_outputs_dir(const struct em_outputs *outputs, enum em_output kind)
{
    return outputs->folder_of[kind]->dir;
}

const char *em_outputs_path(const struct em_outputs *outputs, enum em_output kind)
{
    return outputs->folder_of[kind]->path;
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

bool em_outputs_direct(const struct em_outputs *outputs, enum em_output kind)
{
    return !outputs->folder_of[kind]->staged;
}

void em_outputs_pending(char out[EM_NAME_SIZE], const char *name)
{
    (void)snprintf(out, EM_NAME_SIZE, "%.*s" EM_PENDING,
                   (int)(EM_NAME_SIZE - sizeof EM_PENDING), name); /* names leave room */
}

enum em_status em_outputs_put_anew(struct em_outputs *outputs,
                                   const struct em_names *names, enum em_output kind,
                                   const void *data, size_t len, struct em_error *err)
{
    char pending[EM_NAME_SIZE];
    const char *name = em_outputs_name(outputs, names, kind);
    if (em_outputs_direct(outputs, kind)) {
        em_outputs_pending(pending, name);
        name = pending;
    }
    /* Removed, not replaced: that would leave another name when it is killed. */
    struct em_dir *dir = em_outputs_dir(outputs, kind);
    enum em_status status = EM_OK;
    if (em_dir_has(dir, name))
        status = em_dir_remove(dir, name, err);
    return status != EM_OK
               ? status
               : em_dir_put(dir, name, data, len, kinds[kind].mode,
                            outputs->folder_of[kind]->staged ? EM_PUT_STAGED : EM_PUT_NEW,
                            err);
}

static enum em_status already_there(const struct em_dir *dir, const char *name,
                                    const char *but, struct em_error *err)
{
    return em_error_set(
        err, EM_ERR_EXISTS,
        "choose another --outdir or PREFIX; --resume continues an interrupted batch",
        "'%s/%s' is already there%s", em_dir_path(dir), name, but);
}

enum em_status em_outputs_check_names(const struct em_outputs *outputs,
                                      const struct em_names *names, struct em_error *err)
{
    if (outputs->hmac_name == NULL || strcmp(outputs->hmac_name, names->key) != 0 ||
        outputs->folder_of[EM_OUTPUT_HMAC_KEY] != outputs->folder_of[EM_OUTPUT_KEY])
        return EM_OK;
    return em_error_set(err, EM_ERR_USAGE, "choose another name",
                        "--kp_hmac_keyfile '%s' is the name of the unit's key file",
                        outputs->hmac_name);
}

enum em_status em_outputs_check_new(const struct em_outputs *outputs,
                                    const struct em_names *names, struct em_error *err)
{
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++) {
        if (!outputs->wanted[kind])
            continue;
        const struct em_dir *dir = em_outputs_dir(outputs, kind);
        const char *name = em_outputs_name(outputs, names, kind);
        char pending[EM_NAME_SIZE];
        if (dir != NULL && em_dir_has(dir, name))
            return already_there(dir, name, "", err);
        if (dir == NULL || !outputs->sealed || kind > EM_OUTPUT_KEY)
            continue;
        em_outputs_pending(pending, name);
        if (em_dir_has(dir, pending))
            return already_there(dir, pending, "", err);
    }
    return EM_OK;
}

enum em_status em_outputs_compare(enum em_same *out, const struct em_outputs *outputs,
                                  const struct em_names *names, enum em_output kind,
                                  const void *data, size_t len, struct em_error *err)
{
    const char *name = em_outputs_name(outputs, names, kind);
    const struct em_dir *dir = em_outputs_dir(outputs, kind);
    *out = EM_SAME_ABSENT;
    if (dir == NULL)
        return EM_OK;
    enum em_status status = em_dir_compare(out, dir, name, data, len, err);
    if (status == EM_OK && *out == EM_SAME_DIFFERS)
        status = already_there(
            dir, name, " and holds something else than this batch would write", err);
    return status;
}

enum em_status em_outputs_put(struct em_outputs *outputs, const struct em_names *names,
                              enum em_output kind, const void *data, size_t len,
                              bool complete, struct em_error *err)
{
    const struct em_folder *folder = outputs->folder_of[kind];
    static const enum em_put put_final[] = {EM_PUT_NEW, EM_PUT_REPLACE};
    static const enum em_put put_staged[] = {EM_PUT_STAGED, EM_PUT_COMPLETE};
    enum em_put how = (folder->staged ? put_staged : put_final)[complete];
    return em_dir_put(folder->dir, em_outputs_name(outputs, names, kind), data, len,
                      kinds[kind].mode, how, err);
}
