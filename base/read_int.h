/* SPDX-License-Identifier: Apache-2.0 */
/* Reading relative to an open folder: shared by the files of base/ that read. */
#ifndef BASE_READ_INT_H
#define BASE_READ_INT_H

#include "base/file_int.h"

/* Names of temporary files: process and number. */
#define EM_TEMP_FORMAT ".espmfg-%ld-%u.tmp"

/** em_file_open() relative to @p dirfd; @p shown is the name for messages. */
enum em_status em_fd_open_at(int *out, int dirfd, const char *name, const char *shown,
                             struct stat *st, struct em_error *err);

/**
 * Append all that is left of @p fd, about @p expected bytes and at most @p max.
 * Returns EM_OK, EM_ERR_IO, EM_ERR_INPUT (too long) or EM_ERR_NOMEM.
 */
enum em_status em_fd_read_all(struct em_buf *out, int fd, size_t expected, size_t max,
                              const char *shown, struct em_error *err);

/** em_file_read() relative to @p dirfd. */
enum em_status em_fd_read_at(struct em_buf *out, int dirfd, const char *name,
                             const char *shown, size_t max, struct em_error *err);

#endif
