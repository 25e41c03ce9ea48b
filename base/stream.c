/* SPDX-License-Identifier: Apache-2.0 */
/* Files written piece by piece that appear under their name when they are whole. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* flock: used if there */
#endif
#include "config.h"

#include "base/file_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct em_stream {
    FILE *file;
    char *path, *partial;
    bool ours; /* the partial file is this stream's, to be removed unless it gets its name
                */
    bool resume;
    int errnum; /* the first failure */
};

static char *partial_name(const char *path)
{
    static const char end[] = ".partial";
    size_t size = strlen(path) + sizeof end;
    char *partial = malloc(size);
    if (partial != NULL)
        (void)snprintf(partial, size, "%s%s", path, end); /* size reckoned above */
    return partial;
}

/* Is @p fd a regular file that has the name @p partial and no other? Not when a run that
 * ended meanwhile gave the file its final name. */
static bool is_partial(int fd, const char *partial)
{
    struct stat opened;
    struct stat named;
    return fstat(fd, &opened) == 0 && lstat(partial, &named) == 0 &&
           S_ISREG(opened.st_mode) && opened.st_nlink == 1 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* Open the partial file and take it for this process. */
static enum em_status open_partial(struct em_stream *stream, struct em_error *err)
{
    struct stat st;
    /* A run that is killed while it names the file leaves two names for it: the final one
     * must not be written to through the other. */
    if (stream->resume && lstat(stream->partial, &st) == 0 && st.st_nlink > 1)
        (void)unlink(stream->partial); /* open tells what is wrong with it */
    /* O_NONBLOCK: opening a FIFO that nobody reads from would wait for ever. */
    int fd = open(stream->partial,
                  O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
                      (stream->resume ? 0 : O_EXCL),
                  0666);
    if (fd < 0 && errno == EEXIST)
        return em_error_set(err, EM_ERR_EXISTS, "--resume makes it anew; or remove it",
                            "'%s' is left from a run that did not end", stream->partial);
    if (fd < 0)
        return em_error_errno(err, errno, "cannot write '%s'", stream->partial);
#ifdef LOCK_EX
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        (void)close(fd); /* nothing was written */
        return em_error_set(err, EM_ERR_EXISTS,
                            "wait for it to end, or choose another name",
                            "another run is writing '%s'", stream->partial);
    }
#endif
    if (!is_partial(fd, stream->partial)) {
        (void)close(fd); /* nothing was written */
        return em_error_set(err, EM_ERR_EXISTS, "try again, or choose another name",
                            "'%s' is no regular file, or another run just ended it",
                            stream->partial);
    }
    stream->ours = true;
    if (ftruncate(fd, 0) == 0 && (stream->file = fdopen(fd, "w")) != NULL)
        return EM_OK;
    enum em_status status =
        em_error_errno(err, errno, "cannot write '%s'", stream->partial);
    (void)close(fd); /* nothing was written */
    return status;
}

enum em_status em_stream_open(struct em_stream **out, const char *path, bool resume,
                              struct em_error *err)
{
    *out = NULL;
    struct em_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return em_error_nomem(err);
    stream->resume = resume;
    stream->path = strdup(path);
    stream->partial = partial_name(path);
    enum em_status status = EM_OK;
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (stream->path == NULL || stream->partial == NULL)
        status = em_error_nomem(err);
    else if (there && (!resume || !S_ISREG(st.st_mode)))
        status = em_error_set(err, EM_ERR_EXISTS, "move it away, or choose another name",
                              "'%s' is already there%s", path,
                              S_ISREG(st.st_mode) ? "" : " and is no regular file");
    else
        status = open_partial(stream, err);
    if (status != EM_OK) {
        em_stream_close(stream);
        return status;
    }
    *out = stream;
    return EM_OK;
}

void em_stream_write(struct em_stream *stream, const void *data, size_t len)
{
    if (stream->errnum == 0 && len > 0 && fwrite(data, 1, len, stream->file) != len)
        stream->errnum = errno;
}

/* Are two files equal, byte for byte? EM_OK, EM_ERR_EXISTS (no) or EM_ERR_IO. */
static enum em_status compare(const char *path, const char *other, struct em_error *err)
{
    FILE *a = fopen(path, "r");
    FILE *b = fopen(other, "r");
    enum em_status status = EM_OK;
    if (a == NULL || b == NULL)
        status = em_error_errno(err, errno, "cannot read '%s'", a == NULL ? path : other);
    while (status == EM_OK) {
        char x[4096];
        char y[4096];
        size_t n = fread(x, 1, sizeof x, a);
        if (n != fread(y, 1, sizeof y, b) || memcmp(x, y, n) != 0)
            status =
                em_error_set(err, EM_ERR_EXISTS, "move it away and use --resume again",
                             "'%s' is already there and holds something else", path);
        else if (ferror(a) || ferror(b))
            status = em_error_errno(err, errno, "cannot read '%s'", path);
        else if (n == 0)
            break;
    }
    if (a != NULL)
        (void)fclose(a); /* was only read */
    if (b != NULL)
        (void)fclose(b); /* was only read */
    return status;
}

/* Give the partial file its name. */
static enum em_status name_file(struct em_stream *stream, struct em_error *err)
{
    int errnum = 0;
    if (stream->resume && access(stream->path, F_OK) == 0)
        return compare(stream->path, stream->partial, err);
    /* link refuses what rename would replace; it takes two steps, but not everywhere. */
    if (link(stream->partial, stream->path) == 0)
        return EM_OK;
    if (errno == EEXIST || access(stream->path, F_OK) == 0)
        errnum = EEXIST;
    else if (rename(stream->partial, stream->path) != 0)
        errnum = errno; /* no hard links here (FAT, some network shares), nor this */
    if (errnum == 0) {
        stream->ours = false;
        return EM_OK;
    }
    return em_error_errno(err, errnum, "cannot write '%s'", stream->path);
}

enum em_status em_stream_finish(struct em_stream *stream, struct em_error *err)
{
    if (stream->errnum == 0 &&
        (fflush(stream->file) != 0 || fsync(fileno(stream->file)) != 0))
        stream->errnum = errno;
    if (fclose(stream->file) != 0 && stream->errnum == 0)
        stream->errnum = errno;
    stream->file = NULL;
    if (stream->errnum != 0)
        return em_error_errno(err, stream->errnum, "cannot write '%s'", stream->path);
    return name_file(stream, err);
}

void em_stream_close(struct em_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->ours)
        (void)unlink(stream->partial); /* nothing better can be done about a failure */
    if (stream->file != NULL)
        (void)fclose(stream->file); /* is thrown away */
    free(stream->partial);
    free(stream->path);
    free(stream);
}
