/* SPDX-License-Identifier: Apache-2.0 */
/* Who is a station: a lock on a file beside the ledger, held as long as the process
 * lives.
 *
 * The system lets go of it whatever ends the process, so that the holds of a station that
 * was killed count for nothing. Both taking and testing a lock happen inside a write
 * transaction: a test is never mistaken for a station. The files stay: to remove a file
 * that another may be about to lock would let two have the lock. */
#define _DEFAULT_SOURCE /* flock: of BSD and Linux, not of POSIX */
#include "config.h"

#include "mfg/ledger/sqlite_int.h"

#include "base/buf_int.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct em_db_station {
    int fd;
};

/* "batch.db-STATION.lock"; what is no letter, digit, '-' or '_' as %XX, so that different
 * stations have different files. The caller's; NULL: out of memory. */
static char *lock_path(const struct em_sqlite *db, const char *name)
{
    char hex[4];
    struct em_buf buf = {0};
    em_buf_append_text(&buf, db->path);
    em_buf_append_text(&buf, "-");
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++) {
        if (*c < 0x80 && (isalnum(*c) || *c == '-' || *c == '_')) {
            em_buf_append_byte(&buf, *c);
        } else {
            (void)snprintf(hex, sizeof hex, "%%%02X", *c);
            em_buf_append_text(&buf, hex);
        }
    }
    em_buf_append_text(&buf, ".lock");
    em_buf_append_byte(&buf, '\0');
    if (buf.failed) {
        em_buf_free(&buf);
        return NULL;
    }
    return (char *)buf.data;
}

static int flock_now(int fd)
{
    int result;
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result;
}

/* Who has the lock says so in the file. */
static enum em_status tell_taken(int fd, const char *name, const char *path,
                                 struct em_error *err)
{
    char text[32] = "";
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    size_t digits = strspn(text, "0123456789");
    text[len > 0 ? digits : 0] = '\0';
    return em_error_set(err, EM_ERR_EXISTS, "end it, or give this station another name",
                        "station '%s' is running already: process %s has '%s'", name,
                        text[0] == '\0' ? "?" : text, path);
}

static enum em_status take(int fd, const char *name, const char *path,
                           struct em_error *err)
{
    char text[32];
    if (flock_now(fd) != 0)
        return errno == EWOULDBLOCK
                   ? tell_taken(fd, name, path, err)
                   : em_error_errno(err, errno, "cannot lock '%s'", path);
    int len = snprintf(text, sizeof text, "%jd\n", (intmax_t)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return em_error_errno(err, errno, "cannot write '%s'", path);
    return EM_OK;
}

enum em_status em_sqlite_station(struct em_db *db, struct em_db_station **out,
                                 const char *name, struct em_error *err)
{
    struct em_db_station *station = calloc(1, sizeof *station);
    char *path = lock_path(em_sqlite_of(db), name);
    enum em_status status = EM_OK;
    int fd = -1;
    *out = NULL;
    if (station == NULL || path == NULL)
        status = em_error_nomem(err);
    if (status == EM_OK) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        status = fd < 0 ? em_error_errno(err, errno, "cannot open '%s'", path)
                        : take(fd, name, path, err);
    }
    if (status == EM_OK) {
        station->fd = fd;
        *out = station;
    } else {
        if (fd >= 0)
            (void)close(fd); /* the first error is the one to tell */
        free(station);
    }
    free(path);
    return status;
}

void em_sqlite_station_free(struct em_db_station *station)
{
    if (station == NULL)
        return;
    (void)close(station->fd); /* and the lock is free */
    free(station);
}

bool em_sqlite_station_alive(struct em_db *db, const char *name)
{
    char *path = lock_path(em_sqlite_of(db), name);
    bool alive = true; /* in doubt hands off its boards */
    if (path == NULL)
        return alive;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        alive = errno != ENOENT;
    else
        alive = flock_now(fd) != 0;
    if (fd >= 0)
        (void)close(fd); /* lets go of a lock that was only taken to test it */
    free(path);
    return alive;
}
