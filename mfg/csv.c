/* SPDX-License-Identifier: Apache-2.0 */
/* CSV as factories' tools write it: a streaming reader and a field writer. */
#include "config.h"

#include "mfg/csv_int.h"

#include "base/file_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 128 * 1024 };

struct em_csv {
    int fd; /* -1: all of it is in memory */
    char *name;
    struct stat st;
    uint8_t *chunk;      /* own buffer, for files */
    const uint8_t *data; /* bytes at hand */
    size_t pos, len;
    uint64_t before; /* bytes of the file before data */
    unsigned long line;
    bool at_start;
    bool relaxed; /* em_csv_relax() */
};

void em_csv_row_free(struct em_csv_row *row)
{
    em_buf_wipe(&row->text); /* values may be secrets */
    free(row->fields);
    *row = (struct em_csv_row){0};
}

static enum em_status csv_new(struct em_csv **out, const char *name, struct em_error *err)
{
    struct em_csv *csv = calloc(1, sizeof *csv);
    *out = NULL;
    if (csv == NULL || (csv->name = strdup(name)) == NULL) {
        free(csv);
        return em_error_nomem(err);
    }
    csv->fd = -1;
    csv->line = 1;
    csv->at_start = true;
    *out = csv;
    return EM_OK;
}

enum em_status em_csv_open(struct em_csv **out, const char *path, struct em_error *err)
{
    enum em_status status = csv_new(out, path, err);
    if (status != EM_OK)
        return status;
    struct em_csv *csv = *out;
    csv->chunk = malloc(CHUNK);
    status = csv->chunk == NULL ? em_error_nomem(err)
                                : em_file_open(&csv->fd, path, &csv->st, err);
    if (status != EM_OK) {
        em_csv_free(csv);
        *out = NULL;
        return status;
    }
    csv->data = csv->chunk;
    return EM_OK;
}

enum em_status em_csv_from_memory(struct em_csv **out, const char *name, const void *data,
                                  size_t len, struct em_error *err)
{
    enum em_status status = csv_new(out, name, err);
    if (status == EM_OK) {
        (*out)->data = data;
        (*out)->len = len;
    }
    return status;
}

void em_csv_free(struct em_csv *csv)
{
    if (csv == NULL)
        return;
    if (csv->fd >= 0)
        (void)close(csv->fd); /* was only read */
    free(csv->chunk);
    free(csv->name);
    free(csv);
}

enum em_status em_csv_rewind(struct em_csv *csv, struct em_error *err)
{
    csv->pos = 0;
    csv->line = 1;
    csv->at_start = true;
    if (csv->fd < 0)
        return EM_OK;
    csv->len = 0;
    csv->before = 0;
    if (lseek(csv->fd, 0, SEEK_SET) != 0)
        return em_error_errno(err, errno, "cannot go back in '%s'", csv->name);
    return EM_OK;
}

enum em_status em_csv_seek(struct em_csv *csv, uint64_t off, struct em_error *err)
{
    csv->line = 1;
    csv->at_start = false; /* a row starts behind the byte order mark */
    if (csv->fd < 0) {
        csv->pos = off < csv->len ? (size_t)off : csv->len;
        return EM_OK;
    }
    csv->pos = 0;
    csv->len = 0;
    csv->before = off;
    if (lseek(csv->fd, (off_t)off, SEEK_SET) < 0)
        return em_error_errno(err, errno, "cannot go to a row of '%s'", csv->name);
    return EM_OK;
}

uint64_t em_csv_position(const struct em_csv *csv)
{
    return csv->before + csv->pos;
}

uint64_t em_csv_size(const struct em_csv *csv)
{
    return csv->fd < 0 ? csv->len : (uint64_t)csv->st.st_size;
}

enum em_status em_csv_unchanged(const struct em_csv *csv, struct em_error *err)
{
    struct stat now;
    if (csv->fd < 0)
        return EM_OK;
    if (fstat(csv->fd, &now) != 0)
        return em_error_errno(err, errno, "cannot look at '%s'", csv->name);
    if (now.st_size != csv->st.st_size || now.st_mtim.tv_sec != csv->st.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != csv->st.st_mtim.tv_nsec)
        return em_error_set(err, EM_ERR_INPUT,
                            "run again, and edit only copies meanwhile",
                            "'%s' was changed while it was being used", csv->name);
    return EM_OK;
}

/* Bytes at hand, after reading more if there were none. 0: end of the file. */
static enum em_status fill(struct em_csv *csv, size_t *avail, struct em_error *err)
{
    while (csv->pos == csv->len && csv->fd >= 0) {
        ssize_t n = read(csv->fd, csv->chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return em_error_errno(err, errno, "cannot read '%s'", csv->name);
        csv->before += csv->len;
        csv->pos = 0;
        csv->len = (size_t)n;
        if (n == 0)
            break;
    }
    *avail = csv->len - csv->pos;
    return EM_OK;
}

/* The next byte without taking it, or -1 at the end. */
static enum em_status peek(struct em_csv *csv, int *byte, struct em_error *err)
{
    size_t avail;
    *byte = -1;
    if (csv->pos == csv->len) {
        enum em_status status = fill(csv, &avail, err);
        if (status != EM_OK || avail == 0)
            return status;
    }
    *byte = csv->data[csv->pos];
    return EM_OK;
}

static enum em_status fault(struct em_csv *csv, unsigned long line, const char *hint,
                            const char *what, struct em_error *err)
{
    enum em_status status = em_error_set(err, EM_ERR_INPUT, hint, "%s", what);
    em_error_at(err, csv->name, line);
    return status;
}

static enum em_status nul_fault(struct em_csv *csv, struct em_error *err)
{
    return fault(csv, csv->line, "save the table as CSV in UTF-8 (not UTF-16)",
                 "a NUL byte, which no text has", err);
}

static enum em_status not_utf8(struct em_csv *csv, unsigned long line,
                               struct em_error *err)
{
    return fault(csv, line, "save the table as CSV in UTF-8", "not UTF-8 text", err);
}

/* Take one line end: LF, CR or CR LF. */
static enum em_status take_line_end(struct em_csv *csv, struct em_error *err)
{
    bool was_cr = csv->data[csv->pos] == '\r';
    int next;
    csv->pos++;
    csv->line++;
    enum em_status status = was_cr ? peek(csv, &next, err) : EM_OK;
    if (status == EM_OK && was_cr && next == '\n')
        csv->pos++;
    return status;
}

/* Bytes that end a run of plain text: outside quotes (1) and inside (2). */
static const uint8_t stops[256] = {
    ['\0'] = 3, ['\n'] = 3, ['\r'] = 3, [','] = 1, ['"'] = 2,
};

/* Append bytes up to the next one whose mark is in @p mask. *byte is that one, or -1. */
static enum em_status take_run(struct em_csv *csv, struct em_buf *text, uint8_t mask,
                               int *byte, struct em_error *err)
{
    size_t avail;
    enum em_status status;
    *byte = -1;
    while ((status = fill(csv, &avail, err)) == EM_OK && avail > 0) {
        const uint8_t *from = csv->data + csv->pos;
        size_t n = em_text_plain_run((struct em_span){from, avail});
        while (n < avail && (stops[from[n]] & mask) == 0)
            n++;
        em_buf_append(text, from, n);
        if (text->failed)
            return em_error_nomem(err);
        csv->pos += n;
        if (n < avail) {
            *byte = from[n];
            return *byte == 0 ? nul_fault(csv, err) : EM_OK;
        }
        if (text->len > (size_t)64 * 1024 * 1024) /* no row of a real table */
            return fault(csv, csv->line, "is a quote left open?", "a row above 64 MiB",
                         err);
    }
    return status;
}

/* What stands in quotes, without them; the reader is behind the closing quote then. */
static enum em_status take_quoted(struct em_csv *csv, struct em_buf *text,
                                  struct em_error *err)
{
    unsigned long opened = csv->line;
    int byte;
    csv->pos++; /* the opening quote */
    for (;;) {
        enum em_status status = take_run(csv, text, 2, &byte, err);
        if (status != EM_OK)
            return status;
        if (byte == -1)
            return fault(csv, opened, "close it, or write \"\" for a quote in a value",
                         "a quote is opened here and never closed", err);
        if (byte != '"') { /* a line end; LF whatever it was */
            em_buf_append_byte(text, '\n');
            status = take_line_end(csv, err);
            if (status != EM_OK)
                return status;
            continue;
        }
        csv->pos++;
        status = peek(csv, &byte, err);
        if (status != EM_OK || byte != '"')
            return status;
        csv->pos++; /* "" is one quote */
        em_buf_append_byte(text, '"');
    }
}

/* Remember the end of a field. Spans are made when the row is whole: text moves as it
 * grows. */
static enum em_status end_field(struct em_csv *csv, struct em_csv_row *row, size_t start,
                                struct em_error *err)
{
    if (row->n_fields == row->cap_fields) {
        size_t cap = row->cap_fields == 0 ? 32 : row->cap_fields * 2;
        struct em_span *fields = realloc(row->fields, cap * sizeof *fields);
        if (fields == NULL)
            return em_error_nomem(err);
        row->fields = fields;
        row->cap_fields = cap;
    }
    if (row->text.failed)
        return em_error_nomem(err);
    struct em_span field = {NULL, row->text.len - start};
    if (field.len > 0)
        field.p = row->text.data + start;
    if (!em_utf8_valid(field))
        return not_utf8(csv, row->line, err);
    if (field.len > EM_CSV_FIELD_MAX && !csv->relaxed &&
        em_utf8_count(field) > EM_CSV_FIELD_MAX)
        return fault(csv, row->line, "put it into a file and use type 'file'",
                     "a field of more than 131072 characters", err);
    row->fields[row->n_fields++] = field;
    return EM_OK;
}

/* Without the quote between them two pieces could make a character that the file does not
 * have: what stands behind it must not begin in the middle of one. */
static enum em_status check_behind_quote(struct em_csv *csv, unsigned long line,
                                         struct em_error *err)
{
    int byte;
    enum em_status status = peek(csv, &byte, err);
    if (status == EM_OK && byte != -1 && (byte & 0xC0) == 0x80)
        return not_utf8(csv, line, err);
    return status;
}

static enum em_status take_row(struct em_csv *csv, struct em_csv_row *row, bool *quoted,
                               struct em_error *err)
{
    int byte;
    enum em_status status = peek(csv, &byte, err);
    if (status != EM_OK || byte == -1)
        return status; /* end of the file: no fields */
    for (;;) {
        size_t start = row->text.len;
        if (byte == '"') {
            *quoted = *quoted || row->n_fields == 0; /* the first field is */
            status = take_quoted(csv, &row->text, err);
            if (status == EM_OK)
                status = check_behind_quote(csv, row->line, err);
        }
        if (status == EM_OK) /* text behind a closing quote belongs to the field */
            status = take_run(csv, &row->text, 1, &byte, err);
        if (status == EM_OK)
            status = end_field(csv, row, start, err);
        if (status != EM_OK || byte == -1)
            return status;
        if (byte != ',')
            return take_line_end(csv, err);
        csv->pos++;
        status = peek(csv, &byte, err);
        if (status != EM_OK)
            return status;
    }
}

/* Pass over lines that begin with '#'; what is in them is not looked at. */
static enum em_status skip_comments(struct em_csv *csv, struct em_error *err)
{
    int byte;
    enum em_status status;
    while ((status = peek(csv, &byte, err)) == EM_OK && byte == '#') {
        while (status == EM_OK && byte != -1 && byte != '\n' && byte != '\r') {
            csv->pos++;
            status = peek(csv, &byte, err);
        }
        if (status == EM_OK && byte != -1)
            status = take_line_end(csv, err);
    }
    return status;
}

/* A row that holds nothing: white space, or a comment behind white space. */
static bool is_blank(const struct em_csv *csv, const struct em_csv_row *row)
{
    struct em_span text = em_text_strip(row->fields[0]);
    if (csv->relaxed && text.len > 0 && text.p[0] == '#')
        return true;
    return row->n_fields == 1 && text.len == 0;
}

void em_csv_relax(struct em_csv *csv)
{
    csv->relaxed = true;
}

static enum em_status skip_byte_order_mark(struct em_csv *csv, struct em_error *err)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    size_t avail;
    enum em_status status = fill(csv, &avail, err);
    if (status == EM_OK && avail >= sizeof mark &&
        memcmp(csv->data + csv->pos, mark, sizeof mark) == 0)
        csv->pos += sizeof mark;
    csv->at_start = false;
    return status;
}

enum em_status em_csv_next(struct em_csv *csv, struct em_csv_row *row,
                           struct em_error *err)
{
    enum em_status status = csv->at_start ? skip_byte_order_mark(csv, err) : EM_OK;
    while (status == EM_OK) {
        bool quoted = false;
        row->n_fields = 0;
        if (csv->relaxed)
            status = skip_comments(csv, err);
        if (status != EM_OK)
            break;
        row->line = csv->line;
        row->off = em_csv_position(csv);
        em_buf_clear(&row->text);
        status = take_row(csv, row, &quoted, err);
        if (status != EM_OK)
            break;
        size_t start = 0; /* the text has come to rest: point into it */
        for (size_t i = 0; i < row->n_fields; i++) {
            row->fields[i].p =
                row->fields[i].len == 0 ? (const uint8_t *)"" : row->text.data + start;
            start += row->fields[i].len;
        }
        if (row->n_fields > 0 && !quoted && is_blank(csv, row))
            continue;
        return EM_OK;
    }
    row->n_fields = 0;
    return status;
}

void em_csv_put_field(struct em_buf *out, struct em_span field)
{
    bool quote = false;
    for (size_t i = em_text_plain_run(field); i < field.len && !quote; i++) {
        uint8_t c = field.p[i];
        quote = c == ',' || c == '"' || c == '\n' || c == '\r';
    }
    if (!quote) {
        em_buf_append(out, field.p, field.len);
        return;
    }
    em_buf_append_byte(out, '"');
    for (size_t i = 0; i < field.len; i++) {
        if (field.p[i] == '"')
            em_buf_append_byte(out, '"');
        em_buf_append_byte(out, field.p[i]);
    }
    em_buf_append_byte(out, '"');
}
