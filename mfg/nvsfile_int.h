/* SPDX-License-Identifier: Apache-2.0 */
/* An image in a file, decrypted and read. */
#ifndef MFG_NVSFILE_INT_H
#define MFG_NVSFILE_INT_H

#include <espmfg/key.h>
#include <espmfg/nvs_reader.h>

#include "base/buf_int.h"

/** Start it as {0}; ended by em_nvsfile_close(). */
struct em_nvsfile {
    struct em_buf image; /* not encrypted any more */
    struct em_nvs_reader *reader;
    bool encrypted; /* it was */
};

/**
 * Read the image in the file @p path, decrypt it with @p key unless that is empty, and
 * load it. Findings go to @p tell (may be NULL). Returns EM_OK, EM_ERR_IO, EM_ERR_NOMEM,
 * EM_ERR_CRYPTO, or EM_ERR_INPUT for what is no NVS image, or one that needs another key,
 * a key, or none; the message has the file.
 */
enum em_status em_nvsfile_open(struct em_nvsfile *out, const char *path,
                               const struct em_key *key, em_nvs_finding_fn *tell,
                               void *user, struct em_error *err);
void em_nvsfile_close(struct em_nvsfile *file);

#endif
