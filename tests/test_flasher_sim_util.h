/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to a simulated chip packet by packet. */
#ifndef TESTS_TEST_FLASHER_SIM_UTIL_H
#define TESTS_TEST_FLASHER_SIM_UTIL_H

#include "base/bytes_int.h"
#include "flasher/rom/proto_int.h"
#include "flasher/rom/slip_int.h"

#include <espmfg/sim.h>

#include "tests/em_test.h"

/* A chip, and what a host needs to talk to it. */
struct bench {
    struct em_sim *sim;
    int64_t now_us;
    struct em_slip_reader reader;
    uint8_t bytes[70000]; /* received and not yet looked at */
    size_t at, len;
    uint8_t frame[20000]; /* the last one */
    size_t frame_len;
};

static inline void bench_open(struct bench *b, const char *text)
{
    struct em_sim_options options;
    char *storage = NULL;
    struct em_error err = {.what = ""};
    memset(b, 0, sizeof *b);
    b->reader.max = sizeof b->frame;
    EM_CHECK_STATUS(em_sim_options_parse(&options, &storage, text, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_sim_new(&b->sim, &options, &err), EM_OK, &err);
    free(storage);
    if (b->sim == NULL)
        exit(EXIT_FAILURE);
}

static inline void bench_close(struct bench *b)
{
    em_sim_free(b->sim);
    em_buf_free(&b->reader.body);
}

/* The next frame, waiting on the bench's own clock; false: none comes. */
static inline bool bench_frame(struct bench *b)
{
    for (;;) {
        size_t used = 0;
        enum em_slip_event event =
            em_slip_feed(&b->reader, b->bytes + b->at, b->len - b->at, &used);
        b->at += used;
        if (event == EM_SLIP_FRAME) {
            b->frame_len = b->reader.body.len;
            memcpy(b->frame, b->reader.body.data, b->frame_len);
            return true;
        }
        if (event != EM_SLIP_MORE)
            continue;
        int64_t next = em_sim_next_us(b->sim);
        if (next == INT64_MAX)
            return false;
        b->now_us = next > b->now_us ? next : b->now_us;
        b->at = 0;
        b->len = em_sim_send(b->sim, b->bytes, sizeof b->bytes, b->now_us);
    }
}

static inline void bench_send_body(struct bench *b, const uint8_t *body, size_t len)
{
    struct em_buf frame = {0};
    em_slip_mark(&frame);
    em_slip_append(&frame, body, len);
    em_slip_mark(&frame);
    em_sim_receive(b->sim, frame.data, frame.len, b->now_us);
    em_buf_free(&frame);
}

static inline void bench_send(struct bench *b, uint8_t op, const void *data, size_t len,
                              uint32_t check)
{
    static uint8_t body[70000];
    body[0] = EM_ROM_REQUEST;
    body[1] = op;
    em_put_le16(body + 2, (uint16_t)len);
    em_put_le32(body + 4, check);
    if (len > 0)
        memcpy(body + EM_ROM_HEADER, data, len);
    bench_send_body(b, body, EM_ROM_HEADER + len);
}

/* Send words, take the answer. Returns the first two bytes of its trailer (high: status),
 * with the result of @p result_len bytes before it, or -1 without an answer. */
static inline int bench_words(struct bench *b, uint8_t op, const uint32_t *words,
                              size_t count, size_t result_len)
{
    uint8_t data[64 * 4];
    for (size_t i = 0; i < count; i++)
        em_put_le32(data + 4 * i, words[i]);
    bench_send(b, op, data, 4 * count, 0);
    if (!bench_frame(b) || b->frame_len < EM_ROM_HEADER + 2)
        return -1;
    size_t at = EM_ROM_HEADER + result_len;
    if (b->frame_len < at + 2)
        at = EM_ROM_HEADER;
    return b->frame[at] << 8 | b->frame[at + 1];
}

#define BENCH(b, op, result_len, ...)                                                    \
    bench_words((b), (op), (const uint32_t[]){__VA_ARGS__},                              \
                sizeof((const uint32_t[]){__VA_ARGS__}) / 4, (result_len))

static inline int bench_block(struct bench *b, uint8_t op, const void *payload,
                              size_t len, uint32_t seq, uint8_t spoil)
{
    static uint8_t data[70000];
    em_put_le32(data, (uint32_t)len);
    em_put_le32(data + 4, seq);
    memset(data + 8, 0, 8);
    memcpy(data + 16, payload, len);
    bench_send(b, op, data, len + 16, (uint32_t)(em_rom_checksum(payload, len) ^ spoil));
    if (!bench_frame(b) || b->frame_len < EM_ROM_HEADER + 2)
        return -1;
    return b->frame[EM_ROM_HEADER] << 8 | b->frame[EM_ROM_HEADER + 1];
}

static inline uint32_t bench_read(struct bench *b, uint32_t addr)
{
    CU_ASSERT_EQUAL(BENCH(b, EM_OP_READ_REG, 0, addr), 0);
    return em_get_le32(b->frame + 4);
}

static inline void bench_write(struct bench *b, uint32_t addr, uint32_t value)
{
    CU_ASSERT_EQUAL(BENCH(b, EM_OP_WRITE_REG, 0, addr, value, UINT32_MAX, 0), 0);
}

/* Number of frames that answer a SYNC; *value_out that of the last one. */
static inline unsigned bench_sync(struct bench *b, uint32_t *value_out)
{
    uint8_t sync[EM_ROM_SYNC_LEN] = {0x07, 0x07, 0x12, 0x20};
    unsigned n = 0;
    memset(sync + 4, 0x55, 32);
    bench_send(b, EM_OP_SYNC, sync, sizeof sync, 0);
    while (n < EM_ROM_SYNC_REPLIES && bench_frame(b)) {
        n += b->frame[1] == EM_OP_SYNC;
        *value_out = em_get_le32(b->frame + 4);
    }
    return n;
}

static inline void bench_attach(struct bench *b, uint32_t size)
{
    CU_ASSERT_EQUAL(BENCH(b, EM_OP_SPI_ATTACH, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(BENCH(b, EM_OP_SPI_SET_PARAMS, 0, 0, size, 65536, 4096, 256, 0xFFFF),
                    0);
}

/* The whole stub: it begins with a word that is not 0, and says OHAI. */
static inline bool bench_start_stub(struct bench *b, uint32_t at)
{
    const uint8_t code[8] = {1, 2, 3, 4, 'O', 'H', 'A', 'I'};
    CU_ASSERT_EQUAL(BENCH(b, EM_OP_MEM_BEGIN, 0, 8, 1, 0x1800, at), 0);
    CU_ASSERT_EQUAL(bench_block(b, EM_OP_MEM_DATA, code, sizeof code, 0, 0), 0);
    CU_ASSERT_EQUAL(BENCH(b, EM_OP_MEM_END, 0, 0, at), 0);
    return bench_frame(b) && b->frame_len == 4 && memcmp(b->frame, "OHAI", 4) == 0;
}

#endif
