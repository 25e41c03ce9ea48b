/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal digits to bytes and back. */
#ifndef BASE_HEX_INT_H
#define BASE_HEX_INT_H

#include "base/buf_int.h"
#include "base/error_int.h"

/** Write 2 * @p len lower-case digits and a NUL. */
void em_hex_encode(char *out, const uint8_t *data, size_t len);

/** Append 2 * @p len lower-case digits. */
void em_hex_append(struct em_buf *out, const uint8_t *data, size_t len);

/**
 * Append the bytes that @p text (@p len characters, digits in any case, nothing else)
 * stands for. Returns EM_OK, EM_ERR_INPUT (odd number of digits, other character; nothing
 * is appended) or EM_ERR_NOMEM.
 */
enum em_status em_hex_decode(struct em_buf *out, const uint8_t *text, size_t len,
                             struct em_error *err);

#endif
