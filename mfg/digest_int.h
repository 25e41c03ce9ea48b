/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 over parts: each with its length, so that no two lists of parts are alike. */
#ifndef MFG_DIGEST_INT_H
#define MFG_DIGEST_INT_H

#include "base/error_int.h"

#include <stddef.h>
#include <stdint.h>

enum { EM_DIGEST_SIZE = 32 };

struct em_digest;

/** Returns EM_OK, EM_ERR_NOMEM or EM_ERR_CRYPTO; ready for the first part. */
enum em_status em_digest_new(struct em_digest **out, struct em_error *err);
void em_digest_free(struct em_digest *digest);

/** Forget all parts. EM_OK or EM_ERR_CRYPTO, as the others. */
enum em_status em_digest_reset(struct em_digest *digest, struct em_error *err);

enum em_status em_digest_part(struct em_digest *digest, const void *data, size_t len,
                              struct em_error *err);
enum em_status em_digest_number(struct em_digest *digest, uint64_t number,
                                struct em_error *err);

/** The digest of all parts; em_digest_reset() has to follow. */
enum em_status em_digest_end(struct em_digest *digest, uint8_t out[EM_DIGEST_SIZE],
                             struct em_error *err);

#endif
