/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer. */
#include "config.h"

#include "base/buf_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

void em_buf_free(struct em_buf *buf)
{
    free(buf->data);
    *buf = (struct em_buf){0};
}

void em_buf_wipe(struct em_buf *buf)
{
    if (buf->data != NULL)
        OPENSSL_cleanse(buf->data, buf->cap);
    em_buf_free(buf);
}

void em_buf_clear(struct em_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

uint8_t *em_buf_reserve(struct em_buf *buf, size_t more)
{
    if (buf->failed)
        return NULL;
    if (more <= buf->cap - buf->len && buf->data != NULL)
        return buf->data + buf->len;
    size_t cap = buf->cap == 0 ? 256 : buf->cap;
    while (cap - buf->len < more) {
        if (cap > SIZE_MAX / 2) {
            buf->failed = true;
            return NULL;
        }
        cap *= 2;
    }
    /* Not realloc(): a buffer may hold secrets, and the old copy has to go. */
    uint8_t *data = malloc(cap);
    if (data == NULL) {
        buf->failed = true;
        return NULL;
    }
    if (buf->data != NULL) {
        memcpy(data, buf->data, buf->len);
        OPENSSL_cleanse(buf->data, buf->len);
        free(buf->data);
    }
    buf->data = data;
    buf->cap = cap;
    return buf->data + buf->len;
}

void em_buf_append(struct em_buf *buf, const void *data, size_t len)
{
    if (len == 0)
        return;
    uint8_t *to = em_buf_reserve(buf, len);
    if (to == NULL)
        return;
    memcpy(to, data, len);
    buf->len += len;
}

void em_buf_append_byte(struct em_buf *buf, uint8_t byte)
{
    em_buf_append(buf, &byte, 1);
}

void em_buf_append_text(struct em_buf *buf, const char *text)
{
    em_buf_append(buf, text, strlen(text));
}
