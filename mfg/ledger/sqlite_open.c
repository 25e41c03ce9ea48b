/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a ledger: opened, made whole or not at all, and watched.
 *
 * Nothing here may open the database file by itself: closing any descriptor of it would
 * drop SQLite's locks in all of this process (POSIX record locks). stat() does. */
#include "config.h"

#include "mfg/ledger/sqlite_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "@p path@p end", the caller's; NULL: out of memory. */
static char *with_end(const char *path, const char *end)
{
    size_t size = strlen(path) + strlen(end) + 1;
    char *out = malloc(size);
    if (out != NULL)
        (void)snprintf(out, size, "%s%s", path, end);
    return out;
}

static bool is_there(const char *path, const char *end)
{
    struct stat st;
    char *name = with_end(path, end);
    bool there = name != NULL && lstat(name, &st) == 0;
    free(name);
    return there;
}

/* "file:…?immutable=1" of a path, the caller's. */
static char *immutable_uri(const char *path)
{
    static const char end[] = "?immutable=1";
    char *out = malloc(3 * strlen(path) + sizeof "file:" + sizeof end);
    if (out == NULL)
        return NULL;
    char *to = out + snprintf(out, sizeof "file:", "file:");
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '%' || *c == '?' || *c == '#')
            to += snprintf(to, 4, "%%%02x", (unsigned)(unsigned char)*c);
        else
            *to++ = *c;
    }
    memcpy(to, end, sizeof end);
    return out;
}

/* A file in a folder that cannot be written, and that nobody has open: SQLite may take it
 * as it is. */
static int open_immutable(struct em_sqlite *db)
{
    char *uri = immutable_uri(db->path);
    if (uri == NULL)
        return SQLITE_NOMEM;
    sqlite3_close(db->handle);
    db->handle = NULL;
    int rc = sqlite3_open_v2(uri, &db->handle,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                             NULL);
    free(uri);
    return rc;
}

static enum em_status connect(struct em_sqlite *db, const char *path,
                              struct em_error *err)
{
    /* A reader opens for writing too, if it may, and writes nothing: so the last that
     * closes can tidy up. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                (db->mode == EM_DB_NEW ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(db->handle, EM_SQLITE_BUSY_MS);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->handle, "PRAGMA schema_version", NULL, NULL, NULL);
    if (rc != SQLITE_OK && (rc & 0xFF) != SQLITE_NOTADB && db->mode == EM_DB_READ &&
        !is_there(db->path, "-wal")) {
        rc = open_immutable(db);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(db->handle, "PRAGMA schema_version", NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK)
        return em_sqlite_fail(db, rc, err);
    (void)sqlite3_extended_result_codes(db->handle,
                                        1); /* cannot fail: a handle is there */
    if (db->mode == EM_DB_WRITE && sqlite3_db_readonly(db->handle, "main") == 1)
        return em_sqlite_fail(db, SQLITE_READONLY, err);
    /* FULL: a commit is on the disk when it returns, also in WAL mode. The schema comes
     * from the file, which is not trusted to call functions. */
    enum em_status status =
        em_sqlite_exec(db,
                       "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                       "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                       "PRAGMA recursive_triggers = ON",
                       err);
    if (status == EM_OK && db->mode == EM_DB_READ)
        status = em_sqlite_exec(db, "PRAGMA query_only = ON", err);
    return status;
}

/* An empty file of a name of our own, for a ledger that is being made. */
static enum em_status make_temporary(struct em_sqlite *db, struct em_error *err)
{
    char end[48];
    (void)snprintf(end, sizeof end, ".partial-%jd", (intmax_t)getpid());
    if (is_there(db->path, ""))
        return em_error_set(err, EM_ERR_EXISTS, "go on with it, or choose another name",
                            "ledger '%s' is there already", db->path);
    /* SQLite would take the changes in it for this ledger's. */
    if (is_there(db->path, "-wal"))
        return em_error_set(err, EM_ERR_EXISTS,
                            "it holds the last events of a ledger that was moved away: "
                            "put it beside that one",
                            "'%s-wal' is there already", db->path);
    char *name = with_end(db->path, end);
    if (name == NULL)
        return em_error_nomem(err);
    (void)unlink(name); /* of a killed program with our number */
    int fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (fd < 0) {
        enum em_status status =
            em_error_errno(err, errno, "cannot make ledger '%s'", db->path);
        free(name);
        return status;
    }
    (void)close(fd); /* nothing was written */
    db->temporary = name;
    return EM_OK;
}

static enum em_status open_new(struct em_sqlite *db, struct em_error *err)
{
    enum em_status status = make_temporary(db, err);
    if (status == EM_OK)
        status = connect(db, db->temporary, err);
    if (status == EM_OK)
        status = em_sqlite_exec(db, "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE", err);
    return status;
}

static enum em_status open_there(struct em_sqlite *db, struct em_error *err)
{
    struct stat st;
    if (stat(db->path, &st) != 0)
        return em_error_errno(err, errno, "cannot open ledger '%s'", db->path);
    if (!S_ISREG(st.st_mode))
        return em_error_set(err, EM_ERR_INPUT, "name a file",
                            "ledger '%s' is no regular file", db->path);
    if (access(db->path, db->mode == EM_DB_WRITE ? R_OK | W_OK : R_OK) != 0)
        return em_error_errno(err, errno, "cannot open ledger '%s'", db->path);
    db->dev = st.st_dev;
    db->ino = st.st_ino;
    return connect(db, db->path, err);
}

enum em_status em_sqlite_open(struct em_db **out, const char *url, enum em_db_mode mode,
                              struct em_error *err)
{
    struct em_sqlite *db = calloc(1, sizeof *db);
    *out = NULL;
    if (db == NULL || (db->path = strdup(url)) == NULL) {
        free(db);
        return em_error_nomem(err);
    }
    db->base.engine = &em_db_sqlite;
    db->mode = mode;
    enum em_status status = mode == EM_DB_NEW ? open_new(db, err) : open_there(db, err);
    if (status != EM_OK) {
        em_sqlite_close(&db->base);
        return status;
    }
    *out = &db->base;
    return EM_OK;
}

static int disconnect(struct em_sqlite *db)
{
    for (size_t i = 0; i < EM_SQLITE_KEPT; i++) {
        (void)sqlite3_finalize(db->kept[i].stmt); /* tells again what step() told */
        db->kept[i] = (struct em_db_stmt){0};
    }
    int rc = sqlite3_close(db->handle);
    db->handle = NULL;
    return rc;
}

void em_sqlite_close(struct em_db *base)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    struct em_sqlite *db = em_sqlite_of(base);
    (void)disconnect(db); /* what was committed is on the disk */
    for (size_t i = 0; db->temporary != NULL && i < sizeof ends / sizeof ends[0]; i++) {
        char *name = with_end(db->temporary, ends[i]);
        if (name != NULL)
            (void)unlink(name); /* may not be there */
        free(name);
    }
    free(db->temporary);
    free(db->path);
    free(db);
}

/* ---- A new one gets its name ---- */

static enum em_status sync_folder(const char *path, struct em_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strdup(path);
    if (folder == NULL)
        return em_error_nomem(err);
    if (slash != NULL)
        folder[slash == path ? 1 : slash - path] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum em_status status = EM_OK;
    /* EINVAL: a file system that has nothing to bring to a disk. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        status = em_error_errno(err, errno, "cannot bring '%s' to the disk", folder);
    if (fd >= 0)
        (void)close(fd); /* only looked at */
    free(folder);
    return status;
}

static int give_name(const char *from, const char *to)
{
    struct stat st;
    if (link(from, to) == 0)
        return 0;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return errno;
    /* No hard links here (FAT, some network shares): look, then rename. */
    if (lstat(to, &st) == 0)
        return EEXIST;
    return rename(from, to) == 0 ? 0 : errno;
}

enum em_status em_sqlite_publish(struct em_db *base, struct em_error *err)
{
    struct em_sqlite *db = em_sqlite_of(base);
    int rc = SQLITE_OK;
    enum em_status status = em_sqlite_exec(db, "COMMIT", err);
    /* All of it into the file itself, which is all that gets the name. */
    if (status == EM_OK)
        rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                       NULL);
    if (rc != SQLITE_OK)
        status = em_sqlite_fail(db, rc, err);
    if (status != EM_OK)
        return status;
    (void)disconnect(db); /* nothing is open any more */
    int errnum = give_name(db->temporary, db->path);
    if (errnum == EEXIST)
        return em_error_set(err, EM_ERR_EXISTS, "go on with it, or choose another name",
                            "ledger '%s' is there already", db->path);
    if (errnum != 0)
        return em_error_errno(err, errnum, "cannot make ledger '%s'", db->path);
    return sync_folder(db->path, err);
}

enum em_status em_sqlite_still_there(struct em_sqlite *db, struct em_error *err)
{
    struct stat st;
    if (db->temporary != NULL)
        return EM_OK;
    /* A file without a name would take events that nobody ever finds. */
    if (stat(db->path, &st) != 0 || st.st_dev != db->dev || st.st_ino != db->ino)
        return em_sqlite_fail(db, SQLITE_READONLY_DBMOVED, err);
    return EM_OK;
}
