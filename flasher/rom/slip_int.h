/* SPDX-License-Identifier: Apache-2.0 */
/* SLIP frames (RFC 1055): C0, body with C0 and DB escaped, C0. Both ends use this. */
#ifndef FLASHER_ROM_SLIP_INT_H
#define FLASHER_ROM_SLIP_INT_H

#include "base/buf_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Append @p len bytes of a body, escaped, without the ends. */
void em_slip_append(struct em_buf *out, const uint8_t *body, size_t len);

/** Append the byte that begins and ends a frame. */
void em_slip_mark(struct em_buf *out);

/** What came of feeding bytes to a reader. */
enum em_slip_event {
    EM_SLIP_MORE,    /* all was taken, no frame is complete */
    EM_SLIP_FRAME,   /* body holds a frame; it is valid until the next call */
    EM_SLIP_BROKEN,  /* a frame was dropped: a wrong escape, or too long */
    EM_SLIP_OUTSIDE, /* bytes between frames were skipped (text of a running program) */
};

/**
 * Takes bytes as they come. Start it as {0} with @c max set; free @c body at the end. Any
 * run of C0 is one boundary, so no frame is empty. After EM_SLIP_BROKEN it waits for the
 * next C0.
 */
struct em_slip_reader {
    struct em_buf body;
    size_t max; /* longest body that is taken */
    bool inside;
    bool escaped;
    bool skipping; /* the rest of a broken frame */
    bool done;     /* body was handed out */
};

/**
 * Take bytes from @p data until something happened; *used_out tells how many. Call again
 * with the rest until EM_SLIP_MORE.
 */
enum em_slip_event em_slip_feed(struct em_slip_reader *reader, const uint8_t *data,
                                size_t len, size_t *used_out);

/** Forget a frame that was begun. */
void em_slip_reset(struct em_slip_reader *reader);

#endif
