/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer. */
#ifndef BASE_BUF_INT_H
#define BASE_BUF_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Bytes that grow. Start it as {0}; em_buf_free() ends it. A failed allocation sets @c
 * failed and makes every later append a no-op, so that a caller appends freely and asks
 * once.
 */
struct em_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    bool failed;
};

void em_buf_free(struct em_buf *buf);

/** Wipe what was in use, then free: for buffers that held secrets. */
void em_buf_wipe(struct em_buf *buf);

/** Forget the content, keep the memory; clears @c failed. */
void em_buf_clear(struct em_buf *buf);

/** Room for @p more bytes behind the content, or NULL (then @c failed is set). */
uint8_t *em_buf_reserve(struct em_buf *buf, size_t more);

void em_buf_append(struct em_buf *buf, const void *data, size_t len);
void em_buf_append_byte(struct em_buf *buf, uint8_t byte);
void em_buf_append_text(struct em_buf *buf, const char *text);

#endif
