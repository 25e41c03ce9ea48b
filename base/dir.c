/* SPDX-License-Identifier: Apache-2.0 */
/* Writing files that appear whole or not at all.
 *
 * On Linux a file without a name (O_TMPFILE) is written and then linked to its name: a
 * killed program leaves nothing behind, and link(2) itself refuses to replace a file.
 * Where the file system has no such files, a temporary name does the same job, with a
 * rename at the end.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE  /* O_TMPFILE, AT_EMPTY_PATH, syncfs: Linux interfaces, used if there \
                      */
#endif
#include "config.h"

#include "base/file_int.h"
#include "base/read_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct em_dir {
    int fd;
    char *path;
    atomic_bool named_only; /* files without a name do not work here */
    atomic_uint serial;     /* makes temporary names different */
};

enum em_status em_dir_open(struct em_dir **out, const char *path, struct em_error *err)
{
    *out = NULL;
    struct em_dir *dir = calloc(1, sizeof *dir);
    if (dir == NULL || (dir->path = strdup(path)) == NULL) {
        free(dir);
        return em_error_nomem(err);
    }
    dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->fd < 0) {
        enum em_status status =
            em_error_errno(err, errno, "cannot open folder '%s'", path);
        em_dir_close(dir);
        return status;
    }
    *out = dir;
    return EM_OK;
}

void em_dir_close(struct em_dir *dir)
{
    if (dir == NULL)
        return;
    if (dir->fd >= 0)
        (void)close(dir->fd); /* a folder opened for reading has nothing to lose */
    free(dir->path);
    free(dir);
}

const char *em_dir_path(const struct em_dir *dir)
{
    return dir->path;
}

int em_dir_fd(const struct em_dir *dir)
{
    return dir->fd;
}

bool em_dir_is_private(const struct em_dir *dir)
{
    struct stat st;
    return fstat(dir->fd, &st) == 0 && (st.st_mode & 077) == 0;
}

bool em_dir_has(const struct em_dir *dir, const char *name)
{
    struct stat st;
    return fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Write all of it, with @p durable to the disk; returns 0 or the error number. */
static int write_all(int fd, const uint8_t *data, size_t len, bool durable)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        data += n;
        len -= (size_t)n;
    }
    return durable && fsync(fd) != 0 ? errno : 0;
}

enum put_result {
    PUT_DONE,
    PUT_FAILED,  /* errno is in *errnum */
    PUT_USELESS, /* this way does not work on this file system */
};

#if defined(O_TMPFILE) && defined(AT_EMPTY_PATH)
/* Give the file without a name its name. Returns 0 or the error number. */
static int link_nameless(int fd, int dirfd, const char *name)
{
    char path[40];
    if (linkat(fd, "", dirfd, name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != ENOENT && errno != EINVAL)
        return errno;
    /* Kernels before 6.10 want a privilege for that form; this one needs only /proc. */
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* always fits */
    return linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

static enum put_result put_nameless(struct em_dir *dir, const char *name,
                                    const void *data, size_t len, mode_t mode,
                                    bool durable, int *errnum)
{
    int fd = openat(dir->fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    if (fd < 0) {
        *errnum = errno;
        return errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL ||
                       errno == ENOENT
                   ? PUT_USELESS
                   : PUT_FAILED;
    }
    enum put_result result = PUT_DONE;
    *errnum = write_all(fd, data, len, durable);
    if (*errnum != 0) {
        result = PUT_FAILED;
    } else if ((*errnum = link_nameless(fd, dir->fd, name)) != 0) {
        result = *errnum == ENOENT || *errnum == EINVAL ? PUT_USELESS : PUT_FAILED;
    }
    if (close(fd) != 0 && result == PUT_DONE) {
        *errnum = errno;
        (void)unlinkat(dir->fd, name, 0); /* the first error is the one to tell */
        result = PUT_FAILED;
    }
    return result;
}
#else
static enum put_result put_nameless(struct em_dir *dir, const char *name,
                                    const void *data, size_t len, mode_t mode,
                                    bool durable, int *errnum)
{
    (void)dir, (void)name, (void)data, (void)len, (void)mode, (void)durable, (void)errnum;
    return PUT_USELESS;
}
#endif

/* Write a file under @p name, which must be free. Returns 0 or the error number, and then
 * nothing is left. */
static int write_file(struct em_dir *dir, const char *name, const void *data, size_t len,
                      mode_t mode, bool durable)
{
    int fd = openat(dir->fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
    if (fd < 0)
        return errno;
    int errnum = write_all(fd, data, len, durable);
    if (close(fd) != 0 && errnum == 0)
        errnum = errno;
    if (errnum != 0)
        (void)unlinkat(dir->fd, name, 0); /* the first error is the one to tell */
    return errnum;
}

/* Write a file that holds the first part of @p data already. In its place: a temporary
 * file would be left behind if this run was killed too. Returns 0 or the error number. */
static int complete_file(struct em_dir *dir, const char *name, const void *data,
                         size_t len)
{
    int fd = openat(dir->fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int errnum = write_all(fd, data, len, false);
    if (close(fd) != 0 && errnum == 0)
        errnum = errno;
    return errnum;
}

/* Give the finished temporary file its name. Returns 0 or the error number. */
static int name_file(int dirfd, const char *temp, const char *name, enum em_put what)
{
    if (what == EM_PUT_REPLACE)
        return renameat(dirfd, temp, dirfd, name) == 0 ? 0 : errno;
    if (linkat(dirfd, temp, dirfd, name, 0) ==
        0) {                            /* refuses what rename would replace */
        (void)unlinkat(dirfd, temp, 0); /* the file has its name now */
        return 0;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
        return errno;
    /* No hard links here (FAT, some network shares): look, then rename. */
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return EEXIST;
    return renameat(dirfd, temp, dirfd, name) == 0 ? 0 : errno;
}

enum { TEMP_TRIES = 1000 };

static int put_named(struct em_dir *dir, const char *name, const void *data, size_t len,
                     mode_t mode, enum em_put what)
{
    char temp[64];
    int errnum;
    unsigned tries = 0;
    do { /* a killed program that had our number may have left some, as in containers */
        (void)snprintf(temp, sizeof temp, EM_TEMP_FORMAT, (long)getpid(),
                       atomic_fetch_add(&dir->serial, 1)); /* always fits */
        errnum = write_file(dir, temp, data, len, mode, what == EM_PUT_DURABLE);
    } while (errnum == EEXIST && ++tries < TEMP_TRIES);
    if (errnum != 0)
        return errnum;
    errnum = name_file(dir->fd, temp, name, what);
    if (errnum != 0)
        (void)unlinkat(dir->fd, temp, 0); /* the first error is the one to tell */
    return errnum;
}

enum em_status em_dir_put(struct em_dir *dir, const char *name, const void *data,
                          size_t len, mode_t mode, enum em_put what, struct em_error *err)
{
    int errnum = 0;
    enum put_result result = PUT_USELESS;
    bool durable = what == EM_PUT_DURABLE;
    if ((what == EM_PUT_NEW || durable) &&
        !atomic_load_explicit(&dir->named_only, memory_order_relaxed))
        result = put_nameless(dir, name, data, len, mode, durable, &errnum);
    if (result == PUT_USELESS) {
        errnum = what == EM_PUT_STAGED     ? write_file(dir, name, data, len, mode, false)
                 : what == EM_PUT_COMPLETE ? complete_file(dir, name, data, len)
                                           : put_named(dir, name, data, len, mode, what);
        /* Only a success shows that it was this way of writing that did not work. */
        if ((what == EM_PUT_NEW || durable) && errnum == 0)
            atomic_store_explicit(&dir->named_only, true, memory_order_relaxed);
    }
    if (errnum == EEXIST)
        return em_error_set(err, EM_ERR_EXISTS,
                            "move it away, or choose another folder or prefix",
                            "'%s/%s' is already there", dir->path, name);
    if (errnum != 0)
        return em_error_errno(err, errnum, "cannot write '%s/%s' (%zu bytes)", dir->path,
                              name, len);
    if (durable && fsync(dir->fd) != 0)
        return em_error_errno(err, errno, "cannot bring '%s' to the disk", dir->path);
    return EM_OK;
}

enum em_status em_dir_read(struct em_buf *out, const struct em_dir *dir, const char *name,
                           size_t max, struct em_error *err)
{
    char shown[PATH_MAX];
    (void)snprintf(shown, sizeof shown, "%s/%s", dir->path, name); /* for messages only */
    return em_fd_read_at(out, dir->fd, name, shown, max, err);
}

enum em_status em_dir_load(void *buf, size_t cap, size_t expected, uint64_t *len,
                           const struct em_dir *dir, const char *name,
                           struct em_error *err)
{
    struct stat st;
    *len = 0;
    /* As in base/file.c; the path for messages is only made when there is one. */
    int fd = openat(dir->fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return em_error_errno(err, errno, "cannot open '%s/%s'", dir->path, name);
    ssize_t n = read(fd, buf, cap);
    size_t have = n > 0 ? (size_t)n : 0;
    if (have == expected && have > 0 && have < cap) { /* usual: saves asking for more */
        (void)close(fd);                              /* was only read */
        *len = have;
        return EM_OK;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd); /* was only read */
        return em_error_set(err, EM_ERR_IO, "only files belong there",
                            "'%s/%s' is no regular file", dir->path, name);
    }
    while (have < cap && (n > 0 || (n < 0 && errno == EINTR))) {
        n = read(fd, (uint8_t *)buf + have, cap - have);
        have += n > 0 ? (size_t)n : 0;
    }
    int errnum = errno;
    (void)close(fd); /* was only read */
    if (n < 0)
        return em_error_errno(err, errnum, "cannot read '%s/%s'", dir->path, name);
    *len = have == cap && (uint64_t)st.st_size > cap ? (uint64_t)st.st_size : have;
    return EM_OK;
}

bool em_dir_size(const struct em_dir *dir, const char *name, uint64_t *out)
{
    struct stat st;
    if (fstatat(dir->fd, name, &st, 0) != 0 || !S_ISREG(st.st_mode))
        return false;
    *out = (uint64_t)st.st_size;
    return true;
}

bool em_dir_is_file(const struct em_dir *dir, const char *name, const char *path)
{
    struct stat a;
    struct stat b;
    return fstatat(dir->fd, name, &a, 0) == 0 && stat(path, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

struct em_names_in {
    DIR *dir;
    const struct em_dir *of;
};

enum em_status em_names_in_open(struct em_names_in **out, const struct em_dir *dir,
                                struct em_error *err)
{
    *out = NULL;
    struct em_names_in *names = calloc(1, sizeof *names);
    if (names == NULL)
        return em_error_nomem(err);
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    names->of = dir;
    names->dir = fd < 0 ? NULL : fdopendir(fd);
    if (names->dir == NULL) {
        enum em_status status =
            em_error_errno(err, errno, "cannot list folder '%s'", dir->path);
        if (fd >= 0)
            (void)close(fd); /* was only read */
        free(names);
        return status;
    }
    *out = names;
    return EM_OK;
}

void em_names_in_close(struct em_names_in *names)
{
    if (names == NULL)
        return;
    (void)closedir(names->dir); /* was only read */
    free(names);
}

enum em_status em_names_in_next(struct em_names_in *names, const char **name,
                                struct em_error *err)
{
    const struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(names->dir);
    } while (entry != NULL &&
             (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    *name = entry == NULL ? NULL : entry->d_name;
    if (entry == NULL && errno != 0)
        return em_error_errno(err, errno, "cannot list folder '%s'", names->of->path);
    return EM_OK;
}

enum em_status em_dir_compare(enum em_same *out, const struct em_dir *dir,
                              const char *name, const void *data, size_t len,
                              struct em_error *err)
{
    struct em_buf have = {0};
    *out = EM_SAME_ABSENT;
    if (!em_dir_has(dir, name))
        return EM_OK;
    struct stat st;
    if (fstatat(dir->fd, name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
        (uintmax_t)st.st_size > len) {
        *out = EM_SAME_DIFFERS;
        return EM_OK;
    }
    enum em_status status = em_dir_read(&have, dir, name, len, err);
    if (status == EM_OK) {
        bool start_equal = have.len == 0 || memcmp(have.data, data, have.len) == 0;
        *out = !start_equal      ? EM_SAME_DIFFERS
               : have.len == len ? EM_SAME_EQUAL
                                 : EM_SAME_SHORT;
    }
    em_buf_wipe(&have);
    return status;
}

enum em_status em_dir_lock(struct em_dir *dir, struct em_error *err)
{
#ifdef LOCK_EX
    if (flock(dir->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return em_error_set(err, EM_ERR_EXISTS,
                            "wait for it to end, or choose another folder",
                            "another run is writing to '%s'", dir->path);
#endif
    (void)dir, (void)err; /* where there are no such locks, names still collide loudly */
    return EM_OK;
}

enum em_status em_dir_sync(struct em_dir *dir, struct em_error *err)
{
#ifdef O_TMPFILE /* Linux, which has syncfs() too */
    if (syncfs(dir->fd) != 0)
        return em_error_errno(err, errno, "cannot bring '%s' to the disk", dir->path);
#else
    (void)err;
    if (fsync(dir->fd) != 0)
        return em_error_errno(err, errno, "cannot bring '%s' to the disk", dir->path);
#endif
    return EM_OK;
}
