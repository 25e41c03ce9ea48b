/* SPDX-License-Identifier: Apache-2.0 */
/* The file that one image is written to. */
#include "config.h"

#include "mfg/imagefile_int.h"

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char extension[] = ".bin";

/* Last part of a path. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

enum em_status em_imagefile_name(struct em_imagefile *out, const char *name,
                                 struct em_error *err)
{
    const char *base = base_name(name);
    const char *dot = strrchr(base, '.');
    bool has_extension = dot != NULL && dot != base;
    if (base[0] == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        return em_error_set(err, EM_ERR_USAGE, "name a file, like nvs.bin",
                            "'%s' is no name of a file", name);
    if (has_extension && strstr(dot, extension) == NULL)
        return em_error_set(err, EM_ERR_USAGE, "name it with .bin, or without extension",
                            "'%s' does not end in .bin", name);
    const char *dir = name[0] == '/' ? "" : out->outdir;
    size_t size = strlen(dir) + 1 + strlen(name) + sizeof extension;
    out->path = malloc(size);
    if (out->path == NULL)
        return em_error_nomem(err);
    bool here = dir[0] == '\0' || strcmp(dir, ".") == 0;
    bool slash = dir[0] != '\0' && dir[strlen(dir) - 1] == '/';
    (void)snprintf(out->path, size, "%s%s%s%s", here ? "" : dir, here || slash ? "" : "/",
                   name, has_extension ? "" : extension); /* size reckoned above */
    return EM_OK;
}

static enum em_status is_there(const char *path, struct em_error *err)
{
    return em_error_set(err, EM_ERR_EXISTS, "choose another name, or use --replace",
                        "'%s' is already there and holds something else", path);
}

enum em_status em_imagefile_check(const struct em_imagefile *file, struct em_error *err)
{
    return !file->replace && access(file->path, F_OK) == 0 ? is_there(file->path, err)
                                                           : EM_OK;
}

enum em_status em_imagefile_write(struct em_imagefile *file, const void *data, size_t len,
                                  mode_t mode, struct em_error *err)
{
    struct em_dir *dir = NULL;
    enum em_same same = EM_SAME_ABSENT;
    const char *base = base_name(file->path);
    size_t dir_len = (size_t)(base - file->path);
    char *folder = dir_len == 0 ? strdup(".") : strndup(file->path, dir_len);
    enum em_status status = folder == NULL ? em_error_nomem(err) : EM_OK;
    if (status == EM_OK && dir_len > 1)
        status = em_file_mkdirs(folder, 0777, err);
    if (status == EM_OK)
        status = em_dir_open(&dir, folder, err);
    if (status == EM_OK)
        status = em_dir_compare(&same, dir, base, data, len, err);
    file->kept = status == EM_OK && same == EM_SAME_EQUAL;
    if (status == EM_OK && same != EM_SAME_EQUAL && same != EM_SAME_ABSENT &&
        !file->replace)
        status = is_there(file->path, err);
    if (status == EM_OK && !file->kept)
        status = em_dir_put(dir, base, data, len, mode,
                            file->replace ? EM_PUT_REPLACE : EM_PUT_NEW, err);
    if (status == EM_OK && !file->kept)
        status = em_dir_sync(dir, err);
    em_dir_close(dir);
    free(folder);
    return status;
}

void em_imagefile_free(struct em_imagefile *file)
{
    free(file->path);
    file->path = NULL;
}
