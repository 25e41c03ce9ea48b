/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes for many devices: digested and compressed once for all of them. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 4 }; /* what is written has such a length, filled up with FF */

/* All of the bytes, for one size of blocks. */
struct stream {
    struct stream *next;
    size_t block;
    struct em_flash_packed packed;
};

/* What is made on demand. */
struct state {
    pthread_mutex_t lock;
    struct stream *streams;
};

struct em_flash_shared {
    const uint8_t *data; /* the caller's, or own */
    size_t len;
    uint8_t *own;
    uint8_t md5[EM_FLASH_MD5_LEN];
    struct state *state;
};

static void free_state(struct state *state)
{
    while (state->streams != NULL) {
        struct stream *stream = state->streams;
        state->streams = stream->next;
        em_flash_packed_free(&stream->packed);
        free(stream);
    }
    (void)pthread_mutex_destroy(&state->lock); /* nobody holds it */
    free(state);
}

void em_flash_share_free(struct em_flash_shared *shared)
{
    if (shared == NULL)
        return;
    free_state(shared->state);
    free(shared->own);
    free(shared);
}

/* Take the bytes as they are, or a copy that is filled up. */
static enum em_status take_bytes(struct em_flash_shared *shared, const uint8_t *data,
                                 size_t len, struct em_error *err)
{
    size_t tail = (ALIGN - len % ALIGN) % ALIGN;
    shared->data = data;
    shared->len = len + tail;
    if (tail > 0) {
        shared->own = malloc(shared->len);
        if (shared->own == NULL)
            return em_error_nomem(err);
        memcpy(shared->own, data, len);
        memset(shared->own + len, 0xFF, tail);
        shared->data = shared->own;
    }
    return em_flash_md5(shared->md5, shared->data, shared->len, err);
}

enum em_status em_flash_share(struct em_flash_shared **out, const uint8_t *data,
                              size_t len, struct em_error *err)
{
    *out = NULL;
    if (len == 0)
        return em_error_set(err, EM_ERR_USAGE, NULL, "there are no bytes to share");
    struct em_flash_shared *shared = calloc(1, sizeof *shared);
    struct state *state = calloc(1, sizeof *state);
    if (shared == NULL || state == NULL || pthread_mutex_init(&state->lock, NULL) != 0) {
        free(state);
        free(shared);
        return em_error_nomem(err);
    }
    shared->state = state;
    enum em_status status = take_bytes(shared, data, len, err);
    if (status != EM_OK) {
        em_flash_share_free(shared);
        return status;
    }
    *out = shared;
    return EM_OK;
}

bool em_flash_shared_is(const struct em_flash_shared *shared, const uint8_t *data,
                        size_t len, const uint8_t **bytes_out)
{
    *bytes_out = shared->data;
    return len == shared->len &&
           (data == shared->data || memcmp(data, shared->data, len) == 0);
}

const uint8_t *em_flash_shared_md5(const struct em_flash_shared *shared)
{
    return shared->md5;
}

/* Under the lock: who comes second waits, and finds it done. */
static enum em_status find_stream(struct stream **out,
                                  const struct em_flash_shared *shared, size_t block,
                                  struct em_error *err)
{
    struct state *state = shared->state;
    *out = state->streams;
    while (*out != NULL && (*out)->block != block)
        *out = (*out)->next;
    if (*out != NULL)
        return EM_OK;
    struct stream *made = calloc(1, sizeof *made);
    if (made == NULL)
        return em_error_nomem(err);
    made->block = block;
    enum em_status status =
        em_flash_pack(&made->packed, shared->data, shared->len, block, err);
    if (status != EM_OK) {
        free(made);
        return status;
    }
    made->next = state->streams;
    state->streams = *out = made;
    return EM_OK;
}

enum em_status em_flash_shared_pack(struct em_flash_packed *out,
                                    const struct em_flash_shared *shared, size_t block,
                                    struct em_error *err)
{
    struct stream *stream;
    *out = (struct em_flash_packed){0};
    (void)pthread_mutex_lock(&shared->state->lock); /* cannot fail: plain and valid */
    enum em_status status = find_stream(&stream, shared, block, err);
    if (status == EM_OK)
        *out = stream->packed;
    (void)pthread_mutex_unlock(&shared->state->lock);
    return status;
}
