/* SPDX-License-Identifier: Apache-2.0 */
/* The table of statuses, and error objects. */
#include "config.h"

#include "base/error_int.h"
#include "base/text_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* One row a status: the single source of names, texts and exit statuses. The same table
 * stands in the manual page mfg_gen(1), section EXIT STATUS. */
static const struct {
    enum em_status status;
    int exit;
    const char *name;
    const char *text;
} statuses[] = {
    /* clang-format off */
    {EM_OK,          0, "ok",          "all is well"},
    {EM_ERR_USAGE,   2, "usage",       "the request contradicts itself"},
    {EM_ERR_INPUT,   3, "input",       "an input is not as it has to be"},
    {EM_ERR_FULL,    3, "full",        "the content does not fit the partition"},
    {EM_ERR_IO,      4, "file-system", "the file system refused"},
    {EM_ERR_EXISTS,  5, "exists",      "a file that would be written is already there"},
    {EM_ERR_NOMEM,   6, "memory",      "out of memory"},
    {EM_ERR_CRYPTO,  7, "crypto",      "the crypto library failed"},
    {EM_ERR_STOPPED, 8, "stopped",     "stopped before the end"},
    {EM_ERR_PORT,    9, "port",        "a port cannot be used"},
    {EM_ERR_LINK,   10, "link",        "a chip does not answer"},
    {EM_ERR_CHIP,   11, "chip",        "a chip refused or failed"},
    {EM_ERR_VERIFY, 12, "verify",      "a chip holds something else"},
    {EM_ERR_REFUSED, 13, "refused",    "refused because it would do harm"},
    {EM_ERR_UNSUPPORTED, 14, "unsupported", "the chip cannot do this"},
    /* clang-format on */
};

static size_t find_status(enum em_status status)
{
    size_t n = sizeof statuses / sizeof statuses[0];
    for (size_t i = 0; i < n; i++) {
        if (statuses[i].status == status)
            return i;
    }
    return n;
}

const char *em_status_name(enum em_status status)
{
    size_t i = find_status(status);
    return i < sizeof statuses / sizeof statuses[0] ? statuses[i].name : "unknown";
}

const char *em_status_text(enum em_status status)
{
    size_t i = find_status(status);
    return i < sizeof statuses / sizeof statuses[0] ? statuses[i].text : "unknown status";
}

int em_status_exit(enum em_status status)
{
    size_t i = find_status(status);
    return i < sizeof statuses / sizeof statuses[0] ? statuses[i].exit : 1;
}

int em_error_format(const struct em_error *err, char *out, size_t size)
{
    if (err->file[0] != '\0' && err->line != 0 && err->column != 0)
        return snprintf(out, size, "%s:%lu:%lu: %s", err->file, err->line, err->column,
                        err->what);
    if (err->file[0] != '\0' && err->line != 0)
        return snprintf(out, size, "%s:%lu: %s", err->file, err->line, err->what);
    if (err->file[0] != '\0')
        return snprintf(out, size, "%s: %s", err->file, err->what);
    return snprintf(out, size, "%s", err->what);
}

/* Make one line of UTF-8 of @p text, whatever it quotes: '?' stands for what is none and
 * for control characters, which could play tricks with a terminal. A character that was
 * cut at the end of the buffer of @p size bytes goes away. Passwords of URLs are not
 * shown, whoever quotes them. */
static void tidy(char *text, size_t size)
{
    em_text_hide_passwords(text, strlen(text) + 1 == size);
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        uint32_t code;
        uint8_t *p = (uint8_t *)text + i;
        size_t n = em_utf8_next(p, len - i, &code);
        if (n == 0 && len + 1 == size && len - i < 4 && (*p & 0xC0) == 0xC0) {
            *p = '\0';
            return;
        }
        bool shown = n > 0 && em_text_is_visible(code);
        n = n == 0 ? 1 : n;
        if (!shown)
            memset(p, '?', n);
        i += n;
    }
}

static void put_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text == NULL ? "" : text); /* long texts are cut */
    tidy(out, size);
}

enum em_status em_error_set(struct em_error *err, enum em_status status, const char *hint,
                            const char *fmt, ...)
{
    if (err != NULL) {
        va_list ap;
        err->status = status;
        err->line = 0;
        err->column = 0;
        err->file[0] = '\0';
        va_start(ap, fmt);
        (void)vsnprintf(err->what, sizeof err->what, fmt, ap); /* long texts are cut */
        va_end(ap);
        tidy(err->what, sizeof err->what);
        put_text(err->hint, sizeof err->hint, hint);
    }
    return status;
}

static const char *errno_hint(int errnum)
{
    switch (errnum) {
    case EACCES:
    case EPERM:
        return "check who owns it and its permissions";
    case ENOENT:
        return "check the name and the current folder";
    case ENOSPC:
    case EDQUOT:
        return "free some space and try again";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files (ulimit -n)";
    case ENAMETOOLONG:
        return "choose a shorter name";
    case ENOTDIR:
        return "check the name: something before a '/' in it is no folder";
    case EISDIR:
        return "name a file in it";
    case EROFS:
        return "choose a folder that can be written to";
    case ENXIO:
    case ENODEV:
        return "is the device connected?";
    case EIO:
        return "the disk or device may be damaged: try another";
    default:
        return NULL;
    }
}

enum em_status em_error_errno(struct em_error *err, int errnum, const char *fmt, ...)
{
    enum em_status status = errnum == EEXIST   ? EM_ERR_EXISTS
                            : errnum == ENOMEM ? EM_ERR_NOMEM
                                               : EM_ERR_IO;
    if (err != NULL) {
        char subject[384];
        char reason[96];
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(subject, sizeof subject, fmt, ap); /* long texts are cut */
        va_end(ap);
        tidy(subject, sizeof subject);
        if (strerror_r(errnum, reason, sizeof reason) != 0)
            (void)snprintf(reason, sizeof reason, "error %d", errnum);
        return em_error_set(err, status, errno_hint(errnum), "%s: %s", subject, reason);
    }
    return status;
}

void em_error_at(struct em_error *err, const char *file, unsigned long line)
{
    if (err == NULL || err->file[0] != '\0')
        return;
    put_text(err->file, sizeof err->file, file);
    err->line = line;
}

enum em_status em_error_nomem(struct em_error *err)
{
    return em_error_set(err, EM_ERR_NOMEM, "close other programs, or use fewer --jobs",
                        "out of memory");
}
