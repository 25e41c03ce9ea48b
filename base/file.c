/* SPDX-License-Identifier: Apache-2.0 */
/* Reading regular files, and making folders. */
#include "config.h"

#include "base/file_int.h"
#include "base/read_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum em_status em_fd_open_at(int *out, int dirfd, const char *name, const char *shown,
                             struct stat *st, struct em_error *err)
{
    struct stat own;
    if (st == NULL)
        st = &own;
    *out = -1;
    /* O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever. */
    int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return em_error_errno(err, errno, "cannot open '%s'", shown);
    if (fstat(fd, st) != 0) {
        enum em_status status = em_error_errno(err, errno, "cannot look at '%s'", shown);
        (void)close(fd); /* was only read */
        return status;
    }
    if (!S_ISREG(st->st_mode)) {
        (void)close(fd); /* was only read */
        return em_error_set(err, EM_ERR_IO, "name a file with the content in it",
                            "'%s' is %s, not a regular file", shown,
                            S_ISDIR(st->st_mode)    ? "a folder"
                            : S_ISFIFO(st->st_mode) ? "a pipe (FIFO)"
                                                    : "a device or socket");
    }
    *out = fd;
    return EM_OK;
}

enum em_status em_fd_read_all(struct em_buf *out, int fd, size_t expected, size_t max,
                              const char *shown, struct em_error *err)
{
    size_t start = out->len;
    for (;;) {
        size_t have = out->len - start;
        size_t want = have < expected ? expected - have : 1; /* 1: is there more? */
        uint8_t *to = em_buf_reserve(out, want);
        if (to == NULL)
            return em_error_nomem(err);
        ssize_t n = read(fd, to, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return em_error_errno(err, errno, "cannot read '%s'", shown);
        if (n == 0)
            return EM_OK;
        out->len += (size_t)n;
        if (out->len - start > max)
            return em_error_set(err, EM_ERR_INPUT, "is it the right file?",
                                "'%s' is longer than %zu bytes", shown, max);
    }
}

enum em_status em_file_open(int *out, const char *path, struct stat *st,
                            struct em_error *err)
{
    return em_fd_open_at(out, AT_FDCWD, path, path, st, err);
}

static enum em_status read_at(struct em_buf *out, int dirfd, const char *name,
                              const char *shown, size_t max, struct em_error *err)
{
    int fd;
    struct stat st;
    size_t start = out->len;
    enum em_status status = em_fd_open_at(&fd, dirfd, name, shown, &st, err);
    if (status != EM_OK)
        return status;
    size_t expected =
        st.st_size < 0 || (uintmax_t)st.st_size > max ? 0 : (size_t)st.st_size;
    if ((uintmax_t)st.st_size > max)
        status = em_error_set(err, EM_ERR_INPUT, "is it the right file?",
                              "'%s' has %jd bytes, limit %zu", shown,
                              (intmax_t)st.st_size, max);
    else
        status = em_fd_read_all(out, fd, expected, max, shown, err);
    (void)close(fd); /* was only read */
    if (status != EM_OK)
        out->len = start;
    return status;
}

enum em_status em_file_read(struct em_buf *out, const char *path, size_t max,
                            struct em_error *err)
{
    return read_at(out, AT_FDCWD, path, path, max, err);
}

enum em_status em_fd_read_at(struct em_buf *out, int dirfd, const char *name,
                             const char *shown, size_t max, struct em_error *err)
{
    return read_at(out, dirfd, name, shown, max, err);
}

static enum em_status make_dir(const char *path, mode_t mode, struct em_error *err)
{
    struct stat st;
    if (mkdir(path, mode) == 0)
        return EM_OK;
    int why = errno;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode)
                   ? EM_OK
                   : em_error_set(err, EM_ERR_IO, "choose another folder",
                                  "'%s' is there already and is no folder", path);
    return em_error_errno(err, why, "cannot make the folder '%s'", path);
}

enum em_status em_file_mkdirs(const char *path, mode_t mode, struct em_error *err)
{
    char *partial = strdup(path);
    if (partial == NULL)
        return em_error_nomem(err);
    enum em_status status = EM_OK;
    size_t len = strlen(partial);
    while (len > 1 && partial[len - 1] == '/')
        partial[--len] = '\0'; /* "a//" is "a", which gets the mode of the last */
    for (size_t i = 1; i < len && status == EM_OK; i++) {
        if (partial[i] != '/' || partial[i - 1] == '/')
            continue; /* "a//b" names no folder between */
        partial[i] = '\0';
        status = make_dir(partial, 0777, err);
        partial[i] = '/';
    }
    if (status == EM_OK)
        status = make_dir(partial, mode, err);
    free(partial);
    return status;
}
