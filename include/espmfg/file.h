/* SPDX-License-Identifier: Apache-2.0 */
/* Files as the input and the output of functions that work in memory. */
#ifndef ESPMFG_FILE_H
#define ESPMFG_FILE_H

#include <espmfg/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Read the whole of the regular file @p path. *out becomes its bytes, *len_out of them
 * and a NUL behind them that does not count; the caller frees it with free(). Returns
 * EM_OK, EM_ERR_IO, EM_ERR_INPUT (more than 512 MiB) or EM_ERR_NOMEM.
 */
EM_API enum em_status em_file_load(uint8_t **out, size_t *len_out, const char *path,
                                   struct em_error *err);

/**
 * Write @p len bytes to the file @p path, in the place of what it held. It appears with
 * its whole content or not at all, also when the program is killed. @p mode: its
 * permissions, less the umask; 0600 for secrets. A link is replaced, not followed.
 * Returns EM_OK, EM_ERR_USAGE (no name of a file), EM_ERR_IO or EM_ERR_NOMEM.
 */
EM_API enum em_status em_file_save(const char *path, const void *data, size_t len,
                                   unsigned mode, struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
