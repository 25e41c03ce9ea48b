/* SPDX-License-Identifier: Apache-2.0 */
/* CSV as factories' tools write it: a streaming reader and a field writer.
 *
 * The dialect is that of Python's csv module, because the same files have to give the
 * same bytes. libcsv was tried and cannot read it: after `"ab"cd` it stays inside the
 * quotes and swallows the rows that follow, where Python reads the field `abcd`. */
#ifndef MFG_CSV_INT_H
#define MFG_CSV_INT_H

#include "base/buf_int.h"
#include "base/error_int.h"
#include "base/text_int.h"

enum {
    EM_CSV_FIELD_MAX = 131072 /* characters in a field, as Python's csv module allows */
};

/** One row. Start it as {0}; its memory is reused from row to row. */
struct em_csv_row {
    unsigned long line; /* of the file, where the row starts; counts from 1 */
    uint64_t off;       /* of the file, where the row starts */
    size_t n_fields;
    struct em_span *fields; /* into text */
    struct em_buf text;
    size_t cap_fields;
};

void em_csv_row_free(struct em_csv_row *row);

/** A file being read. Not to be used by two threads at a time. */
struct em_csv;

/**
 * Open the regular file @p path. Returns EM_OK, EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_csv_open(struct em_csv **out, const char *path, struct em_error *err);

/** Read from memory that the caller keeps; @p name is for messages. EM_OK or
 * EM_ERR_NOMEM. */
enum em_status em_csv_from_memory(struct em_csv **out, const char *name, const void *data,
                                  size_t len, struct em_error *err);
void em_csv_free(struct em_csv *csv);

/** From now on lines that begin with '#' are comments and fields may be of any length. */
void em_csv_relax(struct em_csv *csv);

/**
 * Read the next row that is not blank. At the end of the file @p row has no fields.
 * Fields are UTF-8 without NUL; line ends inside quotes are LF; a byte order mark at the
 * start is skipped. Returns EM_OK, EM_ERR_INPUT (not UTF-8, NUL, open quote, field too
 * long; with file and line), EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_csv_next(struct em_csv *csv, struct em_csv_row *row,
                           struct em_error *err);

/** Start again from the first row. Returns EM_OK or EM_ERR_IO. */
enum em_status em_csv_rewind(struct em_csv *csv, struct em_error *err);

/**
 * Go on at @p off, where a row starts (em_csv_row.off). Lines are counted from there.
 * Returns EM_OK or EM_ERR_IO.
 */
enum em_status em_csv_seek(struct em_csv *csv, uint64_t off, struct em_error *err);

/** Bytes read so far and in all. */
uint64_t em_csv_position(const struct em_csv *csv);
uint64_t em_csv_size(const struct em_csv *csv);

/**
 * Tell whether the file is still the one that was opened (size and time of its last
 * change). Returns EM_OK, EM_ERR_INPUT or EM_ERR_IO.
 */
enum em_status em_csv_unchanged(const struct em_csv *csv, struct em_error *err);

/** Append @p field, in quotes when it needs them. */
void em_csv_put_field(struct em_buf *out, struct em_span field);

#endif
