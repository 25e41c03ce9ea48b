/* SPDX-License-Identifier: Apache-2.0 */
/* SLIP frames. */
#include "config.h"

#include "flasher/rom/slip_int.h"

#include <string.h>

enum { END = 0xC0, ESC = 0xDB, ESC_END = 0xDC, ESC_ESC = 0xDD };

/* Bytes before the first END or ESC. */
static size_t plain_run(const uint8_t *data, size_t len)
{
    size_t n = 0;
    while (n < len && data[n] != END && data[n] != ESC)
        n++;
    return n;
}

void em_slip_mark(struct em_buf *out)
{
    em_buf_append_byte(out, END);
}

void em_slip_append(struct em_buf *out, const uint8_t *body, size_t len)
{
    while (len > 0) {
        size_t run = plain_run(body, len);
        em_buf_append(out, body, run);
        body += run;
        len -= run;
        if (len > 0) {
            const uint8_t pair[2] = {ESC, *body == END ? ESC_END : ESC_ESC};
            em_buf_append(out, pair, sizeof pair);
            body++;
            len--;
        }
    }
}

void em_slip_reset(struct em_slip_reader *reader)
{
    em_buf_clear(&reader->body);
    reader->inside = reader->escaped = reader->skipping = reader->done = false;
}

/* A boundary inside: ends a frame, unless it has no byte yet (a run of END). */
static enum em_slip_event on_end(struct em_slip_reader *reader)
{
    bool cut_escape = reader->escaped;
    bool skipped = reader->skipping;
    reader->escaped = reader->skipping = false;
    if (skipped || reader->body.len == 0) {
        reader->inside = true;
        em_buf_clear(&reader->body);
        return cut_escape && !skipped ? EM_SLIP_BROKEN : EM_SLIP_MORE;
    }
    /* The END of a broken frame may be the first of the next one: stay inside. */
    reader->inside = cut_escape;
    reader->done = !cut_escape;
    if (cut_escape)
        em_buf_clear(&reader->body);
    return cut_escape ? EM_SLIP_BROKEN : EM_SLIP_FRAME;
}

static enum em_slip_event drop_frame(struct em_slip_reader *reader)
{
    reader->escaped = false;
    reader->skipping = true;
    em_buf_clear(&reader->body);
    return EM_SLIP_BROKEN;
}

enum em_slip_event em_slip_feed(struct em_slip_reader *reader, const uint8_t *data,
                                size_t len, size_t *used_out)
{
    if (reader->done) {
        em_buf_clear(&reader->body);
        reader->done = false;
    }
    size_t i = 0;
    enum em_slip_event event = EM_SLIP_MORE;
    while (i < len && event == EM_SLIP_MORE) {
        if (!reader->inside) {
            const uint8_t *end = memchr(data + i, END, len - i);
            if (end != data + i)
                event = EM_SLIP_OUTSIDE;
            reader->inside = end != NULL;
            i = end != NULL ? (size_t)(end - data) + 1 : len;
            continue;
        }
        uint8_t byte = data[i];
        if (byte == END) {
            i++;
            event = on_end(reader);
        } else if (reader->skipping) {
            i++;
        } else if (reader->escaped) {
            i++;
            reader->escaped = false;
            if ((byte == ESC_END || byte == ESC_ESC) && reader->body.len < reader->max)
                em_buf_append_byte(&reader->body, byte == ESC_END ? END : ESC);
            else
                event = drop_frame(reader);
        } else if (byte == ESC) {
            i++;
            reader->escaped = true;
        } else {
            size_t run = plain_run(data + i, len - i);
            if (reader->body.len + run <= reader->max)
                em_buf_append(&reader->body, data + i, run);
            else
                event = drop_frame(reader);
            i += run;
        }
    }
    *used_out = i;
    return event;
}
