/* SPDX-License-Identifier: Apache-2.0 */
/* Reading Intel HEX files (Hexadecimal Object File Format Specification, Intel, 1988). */
#include "config.h"

#include "flasher/image/hex_int.h"

#include <stdlib.h>
#include <string.h>

enum {
    RECORD_DATA,
    RECORD_END,
    RECORD_SEGMENT,       /* bits 4-19 of the base; offsets wrap at 64 KiB */
    RECORD_START_SEGMENT, /* CS:IP */
    RECORD_LINEAR,        /* bits 16-31 of the base */
    RECORD_START_LINEAR,
    HEADER_LEN = 4, /* count, address, type */
    RECORD_MAX = HEADER_LEN + 255 + 1,
};

struct record {
    uint8_t bytes[RECORD_MAX];
    size_t len; /* of its data */
};

struct state {
    struct em_image_hex *hex;
    size_t cap; /* of hex->pieces */
    uint32_t base;
    bool segmented;
    bool ended;
};

static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool em_image_hex_looks(const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < len && is_blank(data[i]))
        i++;
    /* The shortest record has 10 digits. */
    if (len - i < 11 || data[i] != ':')
        return false;
    for (size_t k = 1; k < 11; k++) {
        if (digit_value(data[i + k]) < 0)
            return false;
    }
    return true;
}

/* The bytes of a line ":…" without blanks around. */
static enum em_status read_record(struct record *out, const uint8_t *line, size_t len,
                                  struct em_error *err)
{
    uint8_t sum = 0;
    if (line[0] != ':')
        return em_error_set(err, EM_ERR_INPUT, "is it an Intel HEX file?",
                            "line does not begin with ':'");
    size_t digits = len - 1;
    if (digits % 2 != 0 || digits < 2 * (HEADER_LEN + 1) || digits > 2 * RECORD_MAX)
        return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                            "record with %zu digits", digits);
    for (size_t i = 0; i < digits / 2; i++) {
        int high = digit_value(line[1 + 2 * i]);
        int low = digit_value(line[2 + 2 * i]);
        if (high < 0 || low < 0)
            return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                                "record with something else than hex digits at column "
                                "%zu",
                                2 + 2 * i + (high < 0 ? 0 : 1));
        out->bytes[i] = (uint8_t)(high << 4 | low);
        sum = (uint8_t)(sum + out->bytes[i]);
    }
    out->len = out->bytes[0];
    if (digits / 2 != HEADER_LEN + out->len + 1)
        return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                            "record of %zu bytes of data says it has %zu",
                            digits / 2 - HEADER_LEN - 1, out->len);
    if (sum != 0)
        return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                            "record with checksum %02x, its bytes have %02x",
                            out->bytes[digits / 2 - 1],
                            (uint8_t)(out->bytes[digits / 2 - 1] - sum));
    return EM_OK;
}

/* Append @p len bytes at @p addr, to the last piece if they follow it. */
static enum em_status add_data(struct state *state, uint64_t addr, const uint8_t *data,
                               size_t len, struct em_error *err)
{
    struct em_image_hex *hex = state->hex;
    if (addr + len > (uint64_t)1 << 32)
        return em_error_set(err, EM_ERR_INPUT, "is it a file for this chip?",
                            "data of %zu bytes at 0x%llx ends beyond 4 GiB", len,
                            (unsigned long long)addr);
    struct em_image_piece *last = hex->count > 0 ? &hex->pieces[hex->count - 1] : NULL;
    if (last != NULL && (uint64_t)last->addr + last->len == addr) {
        last->len += len;
    } else {
        if (hex->count == state->cap) {
            size_t cap = state->cap == 0 ? 16 : state->cap * 2;
            struct em_image_piece *grown =
                realloc(hex->pieces, cap * sizeof hex->pieces[0]);
            if (grown == NULL)
                return em_error_nomem(err);
            hex->pieces = grown;
            state->cap = cap;
        }
        hex->pieces[hex->count++] =
            (struct em_image_piece){(uint32_t)addr, hex->bytes.len, len};
    }
    em_buf_append(&hex->bytes, data, len);
    return hex->bytes.failed ? em_error_nomem(err) : EM_OK;
}

static enum em_status take_data(struct state *state, const struct record *record,
                                struct em_error *err)
{
    const uint8_t *data = record->bytes + HEADER_LEN;
    uint32_t offset = (uint32_t)record->bytes[1] << 8 | record->bytes[2];
    size_t len = record->len;
    size_t first = len;
    if (len == 0)
        return EM_OK;
    /* In a segment, what crosses its end goes on at its beginning. */
    if (state->segmented && offset + len > 0x10000)
        first = 0x10000 - offset;
    enum em_status status =
        add_data(state, (uint64_t)state->base + offset, data, first, err);
    if (status == EM_OK && first < len)
        status = add_data(state, state->base, data + first, len - first, err);
    return status;
}

static enum em_status take_record(struct state *state, const struct record *record,
                                  struct em_error *err)
{
    static const uint8_t lengths[] = {0, 0, 2, 4, 2, 4}; /* by type; of data: any */
    const uint8_t *data = record->bytes + HEADER_LEN;
    uint8_t type = record->bytes[3];
    if (type > RECORD_START_LINEAR)
        return em_error_set(err, EM_ERR_INPUT, "is it an Intel HEX file?",
                            "record type %02x, known are 00 to 05", type);
    if (type != RECORD_DATA && record->len != lengths[type])
        return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                            "record type %02x with %zu bytes, not %u", type, record->len,
                            lengths[type]);
    switch (type) {
    case RECORD_DATA:
        return take_data(state, record, err);
    case RECORD_END:
        state->ended = true;
        return EM_OK;
    case RECORD_SEGMENT:
    case RECORD_LINEAR:
        state->segmented = type == RECORD_SEGMENT;
        state->base = ((uint32_t)data[0] << 8 | data[1]) << (state->segmented ? 4 : 16);
        return EM_OK;
    default: /* a start address */
        state->hex->has_entry = true;
        state->hex->entry = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 |
                            (uint32_t)data[2] << 8 | data[3];
        if (type == RECORD_START_SEGMENT)
            state->hex->entry =
                (state->hex->entry >> 16 << 4) + (state->hex->entry & 0xFFFF);
        return EM_OK;
    }
}

static int by_addr(const void *a, const void *b)
{
    const struct em_image_piece *one = a, *other = b;
    return one->addr < other->addr ? -1 : one->addr > other->addr;
}

/* Pieces by address; those that touch become one, with their bytes in a row. */
static enum em_status put_in_order(struct em_image_hex *hex, struct em_error *err)
{
    struct em_buf bytes = {0};
    size_t count = 0;
    qsort(hex->pieces, hex->count, sizeof hex->pieces[0], by_addr);
    for (size_t i = 0; i < hex->count; i++) {
        struct em_image_piece piece = hex->pieces[i];
        struct em_image_piece *last = count > 0 ? &hex->pieces[count - 1] : NULL;
        uint64_t end = last != NULL ? (uint64_t)last->addr + last->len : 0;
        if (end > piece.addr) {
            em_buf_free(&bytes);
            return em_error_set(err, EM_ERR_INPUT, "was the file put together of two?",
                                "the byte at 0x%lx is given twice",
                                (unsigned long)piece.addr);
        }
        em_buf_append(&bytes, hex->bytes.data + piece.off, piece.len);
        piece.off = bytes.len - piece.len;
        if (last != NULL && end == piece.addr)
            last->len += piece.len;
        else
            hex->pieces[count++] = piece;
    }
    if (bytes.failed) {
        em_buf_free(&bytes);
        return em_error_nomem(err);
    }
    em_buf_free(&hex->bytes);
    hex->bytes = bytes;
    hex->count = count;
    return EM_OK;
}

static enum em_status parse_lines(struct state *state, const uint8_t *data, size_t len,
                                  struct em_error *err)
{
    unsigned long number = 0;
    for (size_t at = 0; at < len;) {
        const uint8_t *end = memchr(data + at, '\n', len - at);
        size_t stop = end != NULL ? (size_t)(end - data) : len;
        size_t next = stop + 1;
        struct record record = {0};
        number++;
        while (at < stop && is_blank(data[at]))
            at++;
        while (stop > at && is_blank(data[stop - 1]))
            stop--;
        enum em_status status = EM_OK;
        if (stop > at && state->ended)
            status = em_error_set(err, EM_ERR_INPUT, "was the file put together of two?",
                                  "something follows the end record");
        else if (stop > at)
            status = read_record(&record, data + at, stop - at, err);
        if (stop > at && status == EM_OK)
            status = take_record(state, &record, err);
        if (status != EM_OK) {
            em_error_at(err, "", number);
            return status;
        }
        at = next;
    }
    if (!state->ended)
        return em_error_set(err, EM_ERR_INPUT, "the file is cut off: build it again",
                            "no end record (type 01)");
    if (state->hex->count == 0)
        return em_error_set(err, EM_ERR_INPUT, "is it the right file?", "no data in it");
    return put_in_order(state->hex, err);
}

enum em_status em_image_hex_parse(struct em_image_hex *out, const uint8_t *data,
                                  size_t len, const char *file, struct em_error *err)
{
    struct state state = {.hex = out};
    *out = (struct em_image_hex){.count = 0};
    enum em_status status = parse_lines(&state, data, len, err);
    if (status == EM_OK)
        return EM_OK;
    em_error_at(err, file, err != NULL ? err->line : 0);
    em_image_hex_free(out);
    return status;
}

void em_image_hex_free(struct em_image_hex *hex)
{
    if (hex == NULL)
        return;
    em_buf_free(&hex->bytes);
    free(hex->pieces);
    *hex = (struct em_image_hex){.count = 0};
}
