/* SPDX-License-Identifier: Apache-2.0 */
/* Files written piece by piece that appear under their name when they are whole. */
#include "config.h"

#include "base/file_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct em_stream {
    FILE *file;
    char *path, *temp;
    bool replace;
    int errnum; /* the first failure */
};

static char *temp_name(const char *path)
{
    size_t size = strlen(path) + 32;
    char *temp = malloc(size);
    if (temp != NULL)
        (void)snprintf(temp, size, "%s.%ld.tmp", path, (long)getpid()); /* always fits */
    return temp;
}

enum em_status em_stream_open(struct em_stream **out, const char *path, bool replace,
                              struct em_error *err)
{
    *out = NULL;
    struct em_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return em_error_nomem(err);
    stream->replace = replace;
    stream->path = strdup(path);
    stream->temp = temp_name(path);
    enum em_status status = EM_OK;
    if (stream->path == NULL || stream->temp == NULL)
        status = em_error_nomem(err);
    else if (!replace && access(path, F_OK) == 0)
        status = em_error_set(err, EM_ERR_EXISTS, "move it away, or choose another name",
                              "'%s' is already there", path);
    else if ((stream->file = fopen(stream->temp, "wx")) == NULL)
        status = em_error_errno(err, errno, "cannot write '%s'", stream->temp);
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

enum em_status em_stream_finish(struct em_stream *stream, struct em_error *err)
{
    if (stream->errnum == 0 &&
        (fflush(stream->file) != 0 || fsync(fileno(stream->file)) != 0))
        stream->errnum = errno;
    if (fclose(stream->file) != 0 && stream->errnum == 0)
        stream->errnum = errno;
    stream->file = NULL;
    if (stream->errnum == 0 && !stream->replace && access(stream->path, F_OK) == 0)
        stream->errnum = EEXIST;
    if (stream->errnum == 0 && rename(stream->temp, stream->path) != 0)
        stream->errnum = errno;
    if (stream->errnum == 0) {
        free(stream->temp); /* it has its name: nothing to remove */
        stream->temp = NULL;
        return EM_OK;
    }
    return em_error_errno(err, stream->errnum, "cannot write '%s'", stream->path);
}

void em_stream_close(struct em_stream *stream)
{
    bool begun = stream != NULL && stream->temp != NULL;
    if (stream == NULL)
        return;
    if (stream->file != NULL)
        (void)fclose(stream->file); /* is thrown away */
    else
        begun = begun && stream->errnum != 0;
    if (begun)
        (void)unlink(stream->temp); /* nothing better can be done about a failure */
    free(stream->temp);
    free(stream->path);
    free(stream);
}
