/* SPDX-License-Identifier: Apache-2.0 */
/* Opening many envelopes into files: all of them, or none. */
#include "config.h"

#include "mfg/seal_int.h"

#include "base/buf_int.h"
#include "base/file_int.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

struct opened {
    uint8_t *data;
    size_t len;
    char *name; /* of the file that is made */
};

static enum em_status name_of(char **out, const char *path, struct em_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (!em_seal_is_name(name)) {
        enum em_status status = em_error_set(
            err, EM_ERR_INPUT, "sealed keys have names that end in " EM_SEAL_SUFFIX,
            "the name does not end in " EM_SEAL_SUFFIX);
        em_error_at(err, path, 0);
        return status;
    }
    *out = strndup(name, strlen(name) - strlen(EM_SEAL_SUFFIX));
    return *out == NULL ? em_error_nomem(err) : EM_OK;
}

static enum em_status open_one(struct opened *out, const struct em_unseal *unseal,
                               const char *path, struct em_error *err)
{
    struct em_buf sealed = {0};
    enum em_status status = name_of(&out->name, path, err);
    if (status == EM_OK)
        status = em_file_read(&sealed, path, EM_SEAL_SIZE_MAX, err);
    if (status == EM_OK) {
        status =
            em_unseal_bytes(unseal, sealed.data, sealed.len, &out->data, &out->len, err);
        if (status != EM_OK)
            em_error_at(err, path, 0);
    }
    em_buf_free(&sealed);
    return status;
}

static enum em_status put_all(struct em_dir *dir, const struct opened *files,
                              size_t count, struct em_error *err)
{
    enum em_status status = EM_OK;
    size_t done = 0;
    while (done < count && status == EM_OK) {
        status = em_dir_put(dir, files[done].name, files[done].data, files[done].len,
                            0600, EM_PUT_NEW, err);
        done += status == EM_OK;
    }
    if (status == EM_OK)
        status = em_dir_sync(dir, err);
    for (size_t i = 0; status != EM_OK && i < done; i++)
        (void)em_dir_erase(dir, files[i].name, NULL); /* the first error is told */
    return status;
}

static enum em_status put_into(const char *outdir, const struct opened *files,
                               size_t count, struct em_error *err)
{
    struct em_dir *dir = NULL;
    bool is_new = access(outdir, F_OK) != 0;
    enum em_status status = em_file_mkdirs(outdir, 0700, err);
    if (status == EM_OK)
        status = em_dir_open(&dir, outdir, err);
    if (status == EM_OK && !em_dir_is_private(dir))
        status = em_error_set(err, EM_ERR_INPUT,
                              "choose a folder of mode 700, or one that is not there yet",
                              "others can look into the folder '%s'", outdir);
    if (status == EM_OK)
        status = put_all(dir, files, count, err);
    em_dir_close(dir);
    if (status != EM_OK && is_new)
        (void)rmdir(outdir); /* refused when anything is in it */
    return status;
}

enum em_status em_unseal_files(const struct em_unseal *unseal, const char *const *paths,
                               size_t count, const char *outdir, struct em_error *err)
{
    enum em_status status = EM_OK;
    struct opened *files = calloc(count + 1, sizeof *files);
    if (files == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < count && status == EM_OK; i++)
        status = open_one(&files[i], unseal, paths[i], err);
    if (status == EM_OK)
        status = put_into(outdir, files, count, err);
    for (size_t i = 0; i < count; i++) {
        if (files[i].data != NULL)
            OPENSSL_cleanse(files[i].data, files[i].len);
        free(files[i].data);
        free(files[i].name);
    }
    free(files);
    return status;
}
