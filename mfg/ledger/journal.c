/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a station: what happened while the server was away, a line each.
 *
 * Only what has happened is kept, never an intent. Lines are appended and brought to the
 * disk; when the server has them, the file is made empty. It is never removed, so that a
 * lock on it is a lock on the one file of that name. */
#define _DEFAULT_SOURCE /* flock: of BSD and Linux, not of POSIX */
#include "config.h"

#include "mfg/ledger/journal_int.h"

#include "base/file_int.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* "FOLDER/BATCH-STATION.journal"; what is no letter, digit, '-' or '_' as %XX. The
 * caller's; NULL: out of memory. */
static char *path_of(const struct em_ledger *ledger)
{
    char hex[4];
    struct em_buf buf = {0};
    const char *const names[] = {ledger->name, "-", ledger->station};
    em_buf_append_text(&buf, ledger->journal_folder);
    em_buf_append_text(&buf, "/");
    for (size_t i = 0; i < 3; i++) {
        for (const unsigned char *c = (const unsigned char *)names[i]; *c != '\0'; c++) {
            (void)snprintf(hex, sizeof hex, "%%%02X", *c);
            if (*c < 0x80 && (isalnum(*c) || *c == '-' || *c == '_'))
                em_buf_append_byte(&buf, *c);
            else
                em_buf_append_text(&buf, hex);
        }
    }
    em_buf_append_text(&buf, ".journal");
    em_buf_append_byte(&buf, '\0');
    if (buf.failed)
        em_buf_free(&buf);
    return (char *)buf.data;
}

static int lock_now(int fd)
{
    int result;
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result;
}

/* The name of a file that was just made has to be on the disk too. */
static enum em_status settle_folder(const char *folder, struct em_error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum em_status status = EM_OK;
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        status = em_error_errno(err, errno, "cannot bring '%s' to the disk", folder);
    if (fd >= 0)
        (void)close(fd); /* only looked at */
    return status;
}

static enum em_status open_journal(struct em_ledger *ledger, bool make,
                                   struct em_error *err)
{
    struct em_ledger_journal *journal = calloc(1, sizeof *journal);
    char *path = journal == NULL ? NULL : path_of(ledger);
    enum em_status status = EM_OK;
    if (path == NULL) {
        free(journal);
        return em_error_nomem(err);
    }
    journal->path = path;
    journal->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->fd < 0 && errno == ENOENT && make) {
        journal->fd =
            open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (journal->fd >= 0)
            status = settle_folder(ledger->journal_folder, err);
    }
    if (journal->fd < 0)
        status = errno == ENOENT && !make
                     ? EM_OK
                     : em_error_errno(err, errno, "cannot open journal '%s'", path);
    else if (status == EM_OK && lock_now(journal->fd) != 0)
        status =
            em_error_set(err, EM_ERR_EXISTS, "end it first",
                         "journal '%s' is in use: a process of this station runs", path);
    if (status == EM_OK && journal->fd >= 0)
        status = em_ledger_journal_load(journal, ledger, err);
    if (status != EM_OK || journal->fd < 0) {
        em_ledger_journal_close(journal);
        return status;
    }
    ledger->journal = journal;
    return EM_OK;
}

enum em_status em_ledger_journal_find(struct em_ledger *ledger, struct em_error *err)
{
    return ledger->journal != NULL ? EM_OK : open_journal(ledger, false, err);
}

void em_ledger_journal_close(struct em_ledger_journal *journal)
{
    if (journal == NULL)
        return;
    em_ledger_journal_forget(journal);
    if (journal->fd >= 0)
        (void)close(journal->fd); /* each line was brought to the disk */
    free(journal->path);
    free(journal);
}

size_t em_ledger_journal_count(const struct em_ledger *ledger)
{
    return ledger->journal == NULL ? 0 : ledger->journal->count;
}

static int add(const char *text, size_t len, void *user)
{
    em_buf_append(user, text, len);
    return ((struct em_buf *)user)->failed ? -1 : 0;
}

static enum em_status append(struct em_ledger_journal *journal, const struct em_buf *line,
                             struct em_error *err)
{
    struct stat st;
    size_t len = line->len;
    if (fstat(journal->fd, &st) != 0)
        return em_error_errno(err, errno, "cannot write journal '%s'", journal->path);
    ssize_t put = write(journal->fd, line->data, len);
    if (put == (ssize_t)len && fdatasync(journal->fd) == 0)
        return EM_OK;
    int errnum = put >= 0 && put < (ssize_t)len ? ENOSPC : errno;
    if (ftruncate(journal->fd, st.st_size) != 0)
        errnum = errno; /* half a line: the next one would be lost with it */
    return em_error_errno(err, errnum, "cannot write journal '%s'", journal->path);
}

enum em_status em_ledger_journal_keep(struct em_ledger *ledger,
                                      const struct em_ledger_record *record,
                                      uint64_t number, struct em_error *err)
{
    enum em_status status =
        ledger->journal != NULL ? EM_OK : open_journal(ledger, true, err);
    if (status != EM_OK)
        return status;
    json_t *line = em_ledger_journal_line(ledger, record, number);
    struct em_buf text = {0};
    if (line == NULL || json_dump_callback(line, add, &text, JSON_COMPACT) != 0)
        text.failed = true;
    em_buf_append_byte(&text, '\n');
    status = text.failed ? em_error_nomem(err) : append(ledger->journal, &text, err);
    if (status == EM_OK && !em_ledger_journal_add(ledger->journal, line))
        status = em_error_nomem(err);
    json_decref(line);
    em_buf_free(&text);
    return status;
}

enum em_status em_ledger_journal_empty(struct em_ledger_journal *journal,
                                       struct em_error *err)
{
    em_ledger_journal_forget(journal);
    if (ftruncate(journal->fd, 0) != 0 || fdatasync(journal->fd) != 0)
        return em_error_errno(err, errno, "cannot empty journal '%s'", journal->path);
    return EM_OK;
}
