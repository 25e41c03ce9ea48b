/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as lenient as the tools that factories have used so far. */
#ifndef BASE_BASE64_INT_H
#define BASE_BASE64_INT_H

#include "base/buf_int.h"
#include "base/error_int.h"

/** Append @p len bytes (at most 1 GiB) as base64 with padding, without line ends. */
void em_base64_encode(struct em_buf *out, const uint8_t *data, size_t len);

/**
 * Append the bytes that @p text stands for. Characters outside the alphabet are skipped,
 * padding ends the text, and left-over low bits are dropped: the same bytes as Python's
 * binascii.a2b_base64 without strict mode. Returns EM_OK, EM_ERR_INPUT (the number of
 * digits is impossible, or padding is missing; nothing is appended) or EM_ERR_NOMEM.
 */
enum em_status em_base64_decode(struct em_buf *out, const uint8_t *text, size_t len,
                                struct em_error *err);

#endif
