/* SPDX-License-Identifier: Apache-2.0 */
/* Files that have to outlast a power cut, and files that must not be left at all. */
#include "config.h"

#include "base/file_int.h"
#include "base/read_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum em_status not_settled(const struct em_dir *dir, const char *name, int errnum,
                                  struct em_error *err)
{
    return em_error_errno(err, errnum, "cannot bring '%s/%s' to the disk",
                          em_dir_path(dir), name);
}

enum em_status em_dir_settle(struct em_dir *dir, const char *name, struct em_error *err)
{
    int fd = openat(em_dir_fd(dir), name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return em_error_errno(err, errno, "cannot open '%s/%s'", em_dir_path(dir), name);
    int errnum = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd); /* was only read */
    if (errnum == 0 && fsync(em_dir_fd(dir)) != 0)
        errnum = errno;
    return errnum == 0 ? EM_OK : not_settled(dir, name, errnum, err);
}

/* Returns 0 or the error number. */
static int overwrite(int fd)
{
    static const uint8_t zeros[4096];
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EINVAL;
    for (off_t at = 0; at < st.st_size;) {
        off_t rest = st.st_size - at;
        size_t len = rest < (off_t)sizeof zeros ? (size_t)rest : sizeof zeros;
        ssize_t n = pwrite(fd, zeros, len, at);
        if (n < 0 && errno != EINTR)
            return errno;
        at += n > 0 ? (off_t)n : 0;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

enum em_status em_dir_erase(struct em_dir *dir, const char *name, struct em_error *err)
{
    int dirfd = em_dir_fd(dir);
    int fd = openat(dirfd, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) /* the name may be gone in memory only */
        return fsync(dirfd) == 0 ? EM_OK : not_settled(dir, name, errno, err);
    int errnum = fd < 0 ? errno : overwrite(fd);
    if (fd >= 0 && close(fd) != 0 && errnum == 0)
        errnum = errno;
    if (errnum == 0 && unlinkat(dirfd, name, 0) != 0)
        errnum = errno;
    if (errnum == 0 && fsync(dirfd) != 0)
        errnum = errno;
    return errnum == 0
               ? EM_OK
               : em_error_errno(err, errnum, "cannot overwrite and remove '%s/%s'",
                                em_dir_path(dir), name);
}

enum em_status em_dir_drop_empty(struct em_dir *dir, const char *name,
                                 struct em_error *err)
{
    struct stat st;
    if (!em_dir_look(dir, name, &st) || !S_ISREG(st.st_mode) || st.st_size > 0)
        return EM_OK;
    if (unlinkat(em_dir_fd(dir), name, 0) != 0 && errno != ENOENT)
        return em_error_errno(err, errno, "cannot remove '%s/%s'", em_dir_path(dir),
                              name);
    return EM_OK;
}

enum em_status em_dir_remove(struct em_dir *dir, const char *name, struct em_error *err)
{
    if (unlinkat(em_dir_fd(dir), name, 0) == 0 || errno == ENOENT)
        return EM_OK;
    return em_error_errno(err, errno, "cannot remove '%s/%s'", em_dir_path(dir), name);
}

enum em_status em_dir_rename(struct em_dir *dir, const char *from, const char *to,
                             struct em_error *err)
{
    int fd = em_dir_fd(dir);
    if (linkat(fd, from, fd, to, 0) == 0) /* unlike rename(), it replaces nothing */
        return em_dir_remove(dir, from, err);
    if (errno == EEXIST)
        return em_error_set(err, EM_ERR_EXISTS, "move it away",
                            "'%s/%s' is already there", em_dir_path(dir), to);
    /* File systems without hard links: nobody else writes here meanwhile. */
    if ((errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) &&
        !em_dir_has(dir, to) && renameat(fd, from, fd, to) == 0)
        return EM_OK;
    return em_error_errno(err, errno, "cannot rename '%s/%s'", em_dir_path(dir), from);
}

static bool holds(const struct em_dir *dir, const char *name, const void *data,
                  size_t len)
{
    enum em_same same;
    return data != NULL && em_dir_compare(&same, dir, name, data, len, NULL) == EM_OK &&
           same == EM_SAME_EQUAL;
}

/* A running program's own temporary file is only looked at: it may be about to get its
 * name. That of a dead one never got it, or has it besides: removing the name is enough,
 * and does no harm should the program run on another machine. */
static enum em_status sweep_one(struct em_dir *dir, const char *name, long pid,
                                const void *data, size_t len, size_t *left,
                                struct em_error *err)
{
    if (holds(dir, name, data, len))
        return em_dir_erase(dir, name, err);
    if (kill((pid_t)pid, 0) == 0 || errno != ESRCH)
        ++*left;
    else if (unlinkat(em_dir_fd(dir), name, 0) != 0 && errno != ENOENT)
        return em_error_errno(err, errno, "cannot remove '%s/%s'", em_dir_path(dir),
                              name);
    return EM_OK;
}

enum em_status em_dir_sweep(struct em_dir *dir, const void *data, size_t len,
                            size_t *left, struct em_error *err)
{
    struct em_names_in *names = NULL;
    const char *name = NULL;
    *left = 0;
    enum em_status status = em_names_in_open(&names, dir, err);
    while (status == EM_OK) {
        long pid;
        unsigned serial;
        char again[64];
        status = em_names_in_next(names, &name, err);
        if (status != EM_OK || name == NULL)
            break;
        if (name[0] != '.' || sscanf(name, EM_TEMP_FORMAT, &pid, &serial) != 2)
            continue;
        (void)snprintf(again, sizeof again, EM_TEMP_FORMAT, pid, serial); /* fits */
        if (pid > 0 && strcmp(name, again) == 0)
            status = sweep_one(dir, name, pid, data, len, left, err);
    }
    em_names_in_close(names);
    return status;
}

bool em_dir_look(const struct em_dir *dir, const char *name, struct stat *out)
{
    return fstatat(em_dir_fd(dir), name, out, AT_SYMLINK_NOFOLLOW) == 0;
}
