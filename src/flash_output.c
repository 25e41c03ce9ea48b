/* SPDX-License-Identifier: Apache-2.0 */
/* Files that mfg_flash makes: whole, or not at all. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* realpath */
#endif
#include "config.h"

#include "src/flash_files.h"

#include "base/error_int.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of @p output, which is cut off its name. */
static enum em_status open_folder(struct flash_output *output, struct em_error *err)
{
    char *slash = strrchr(output->resolved, '/');
    const char *folder = slash == NULL ? "." : slash == output->resolved ? "/" : NULL;
    if (folder != NULL)
        return em_dir_open(&output->dir, folder, err);
    *slash = '\0';
    enum em_status status = em_dir_open(&output->dir, output->resolved, err);
    *slash = '/';
    return status;
}

enum em_status flash_output_open(struct flash_output *output, const char *path,
                                 struct em_error *err)
{
    struct stat st;
    output->path = path;
    size_t len = strlen(path);
    const char *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    if (*name == '\0' && (len == 0 || stat(path, &st) != 0))
        return em_error_set(err, EM_ERR_USAGE, "name a file", "'%s' is no name of a file",
                            path);
    if (strlen(name) > NAME_MAX)
        return em_error_set(err, EM_ERR_USAGE, "choose a shorter name",
                            "name of a file with %zu bytes, limit %d", strlen(name),
                            (int)NAME_MAX);
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return em_error_set(err, EM_ERR_IO, "name a file in it", "'%s' is a folder",
                            path);
    output->special = there && !S_ISREG(st.st_mode);
    if (output->special)
        return EM_OK;
    /* A link is followed: it stays, and its file is replaced. */
    output->resolved = there ? realpath(path, NULL) : strdup(path);
    if (output->resolved == NULL)
        return em_error_errno(err, errno, "cannot write '%s'", path);
    enum em_status status = open_folder(output, err);
    if (status == EM_OK && access(em_dir_path(output->dir), W_OK) != 0)
        status = em_error_errno(err, errno, "cannot write '%s'", path);
    return status;
}

static enum em_status put_special(const struct flash_output *output, const uint8_t *data,
                                  size_t len, struct em_error *err)
{
    FILE *file = fopen(output->path, "w");
    if (file == NULL)
        return em_error_errno(err, errno, "cannot write '%s'", output->path);
    bool good = fwrite(data, 1, len, file) == len;
    good = fclose(file) == 0 && good;
    return good ? EM_OK : em_error_errno(err, errno, "cannot write '%s'", output->path);
}

enum em_status flash_output_put(struct flash_output *output, const uint8_t *data,
                                size_t len, struct em_error *err)
{
    if (output->special)
        return put_special(output, data, len, err);
    const char *slash = strrchr(output->resolved, '/');
    return em_dir_put(output->dir, slash == NULL ? output->resolved : slash + 1, data,
                      len, 0666, EM_PUT_REPLACE, err);
}

void flash_output_close(struct flash_output *output)
{
    em_dir_close(output->dir);
    free(output->resolved);
    *output = (struct flash_output){0};
}
