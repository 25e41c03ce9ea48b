/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files from and to memory, by their paths. */
#include "config.h"

#include "base/file_int.h"

#include <espmfg/file.h>

#include <stdlib.h>
#include <string.h>

/* Twice the largest flash and more: Intel HEX has more than two characters a byte. */
enum { FILE_MAX = 512 * 1024 * 1024 };

enum em_status em_file_load(uint8_t **out, size_t *len_out, const char *path,
                            struct em_error *err)
{
    struct em_buf content = {0};
    *out = NULL;
    *len_out = 0;
    enum em_status status = em_file_read(&content, path, FILE_MAX, err);
    uint8_t *bytes = status == EM_OK ? malloc(content.len + 1) : NULL;
    if (status == EM_OK && bytes == NULL)
        status = em_error_nomem(err);
    if (status == EM_OK) {
        if (content.len > 0)
            memcpy(bytes, content.data, content.len);
        bytes[content.len] = 0;
        *out = bytes;
        *len_out = content.len;
    }
    em_buf_wipe(&content);
    return status;
}

/* The folder that @p path is in, to be freed; "." where it has none. */
static char *folder_of(const char *path, const char *name)
{
    size_t len = (size_t)(name - path);
    if (len == 0)
        return strdup(".");
    return strndup(path, len > 1 ? len - 1 : 1);
}

enum em_status em_file_save(const char *path, const void *data, size_t len, unsigned mode,
                            struct em_error *err)
{
    struct em_dir *dir = NULL;
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (*name == '\0')
        return em_error_set(err, EM_ERR_USAGE, "name a file", "'%s' is no name of a file",
                            path);
    char *folder = folder_of(path, name);
    if (folder == NULL)
        return em_error_nomem(err);
    enum em_status status = em_dir_open(&dir, folder, err);
    if (status == EM_OK)
        status = em_dir_put(dir, name, data, len, (mode_t)mode, EM_PUT_REPLACE, err);
    em_dir_close(dir);
    free(folder);
    return status;
}
