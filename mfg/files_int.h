/* SPDX-License-Identifier: Apache-2.0 */
/* Content of the files that values name; what many units share is read once. */
#ifndef MFG_FILES_INT_H
#define MFG_FILES_INT_H

#include "base/buf_int.h"
#include "base/text_int.h"

/* Longest file read: a blob of the greatest length as hex text, with room for line ends.
 */
enum { EM_FILES_MAX = 2 * 1024 * 1024 };

/** May be used by several threads at a time. */
struct em_files;

enum em_status em_files_new(struct em_files **out, struct em_error *err);
void em_files_free(struct em_files *files);

/**
 * The content of the regular file @p path. @p out points into the cache or, for files
 * that are not kept, into @p scratch, and is good until @p scratch is used again. Returns
 * EM_OK, EM_ERR_IO, EM_ERR_INPUT (longer than EM_FILES_MAX, NUL in the name) or
 * EM_ERR_NOMEM.
 */
enum em_status em_files_get(struct em_files *files, struct em_span path,
                            struct em_span *out, struct em_buf *scratch,
                            struct em_error *err);

#endif
