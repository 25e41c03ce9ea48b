/* SPDX-License-Identifier: Apache-2.0 */
/* SLIP: frames as RFC 1055 has them, broken ones, and random ones in random pieces. */
#include "config.h"

#include "flasher/rom/proto_int.h"
#include "flasher/rom/slip_int.h"

#include "tests/em_test.h"

static size_t from_hex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    for (; *hex != '\0'; hex++) {
        unsigned byte = 0;
        if (*hex == ' ')
            continue;
        (void)sscanf(hex, "%2x", &byte);
        out[n++] = (uint8_t)byte;
        hex++;
    }
    return n;
}

static void test_encode(void)
{
    static const struct {
        const char *body, *frame;
    } rows[] = {
        {"", "c0 c0"},
        {"01 02", "c0 01 02 c0"},
        {"c0", "c0 db dc c0"},
        {"db", "c0 db dd c0"},
        {"db dc", "c0 db dd dc c0"},
        {"db dd", "c0 db dd dd c0"},
        {"c0 db c0 db", "c0 db dc db dd db dc db dd c0"},
        {"00 c0 11 db 22", "c0 00 db dc 11 db dd 22 c0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t body[16], frame[32];
        size_t len = from_hex(body, rows[i].body);
        size_t frame_len = from_hex(frame, rows[i].frame);
        struct em_buf out = {0};
        em_slip_mark(&out);
        em_slip_append(&out, body, len);
        em_slip_mark(&out);
        CU_ASSERT_EQUAL(out.len, frame_len);
        EM_CHECK_BYTES(out.data, frame, frame_len);
        em_buf_free(&out);
    }
}

/* Feed @p hex at once or byte by byte, and write down what happened: F and the body, B,
 * O. Runs of O are one. */
static void decode(char *out, size_t size, const char *hex, size_t max, size_t step)
{
    uint8_t data[64];
    size_t len = from_hex(data, hex);
    struct em_slip_reader reader = {.max = max};
    out[0] = '\0';
    for (size_t at = 0; at < len; at += step) {
        size_t part = len - at < step ? len - at : step;
        size_t done = 0;
        while (done < part) {
            size_t used;
            enum em_slip_event event =
                em_slip_feed(&reader, data + at + done, part - done, &used);
            done += used;
            size_t n = strlen(out);
            if (event == EM_SLIP_BROKEN)
                (void)snprintf(out + n, size - n, "B ");
            else if (event == EM_SLIP_OUTSIDE && (n < 2 || out[n - 2] != 'O'))
                (void)snprintf(out + n, size - n, "O ");
            if (event != EM_SLIP_FRAME)
                continue;
            (void)snprintf(out + n, size - n, "F");
            for (size_t i = 0; i < reader.body.len; i++) {
                n = strlen(out);
                (void)snprintf(out + n, size - n, "%02x", reader.body.data[i]);
            }
            n = strlen(out);
            (void)snprintf(out + n, size - n, " ");
        }
    }
    em_buf_free(&reader.body);
}

static void test_decode(void)
{
    static const struct {
        const char *hex, *events;
    } rows[] = {
        {"c0 01 02 c0", "F0102 "},
        {"c0 c0 c0 01 c0 c0 02 c0", "F01 F02 "},
        {"c0 01 c0 02 c0", "F01 O "}, /* 02 stands between two frames */
        {"c0 db dc db dd c0", "Fc0db "},
        {"c0 db dd dc c0", "Fdbdc "}, /* not C0: one pass, not two replacements */
        {"c0 db 00 11 c0 22 c0", "B F22 "},
        {"c0 db c0 33 c0", "B F33 "}, /* an escape that was cut by the end */
        {"c0 db db c0 44 c0", "B F44 "},
        {"41 42 43", "O "},
        {"41 42 c0 01 c0 43", "O F01 O "},
        {"c0 01 02 03 04 05 06 07 08 c0", "F0102030405060708 "},
        {"c0 01 02 03 04 05 06 07 08 09 c0 0a c0", "B F0a "}, /* over max */
        {"c0 db dc db dc db dc db dc db dc db dc db dc db dc c0", "Fc0c0c0c0c0c0c0c0 "},
    };
    char got[128];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t step = 1; step <= 16; step += 5) {
            decode(got, sizeof got, rows[i].hex, 8, step);
            CU_ASSERT_STRING_EQUAL(got, rows[i].events);
        }
    }
    /* Escaped bytes count as well. */
    decode(got, sizeof got, "c0 db dc db dc db dc c0 01 c0", 2, 64);
    CU_ASSERT_STRING_EQUAL(got, "B F01 ");
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void test_round_trips(void)
{
    uint32_t state = 4;
    for (unsigned run = 0; run < 400; run++) {
        uint8_t body[5][300];
        size_t len[5];
        struct em_buf wire = {0};
        for (unsigned i = 0; i < 5; i++) {
            len[i] = 1 + next_random(&state) % 300;
            for (size_t k = 0; k < len[i]; k++) {
                static const uint8_t hard[] = {0xC0, 0xDB, 0xDC, 0xDD};
                uint32_t r = next_random(&state);
                body[i][k] = r % 3 == 0 ? hard[r / 3 % 4] : (uint8_t)(r >> 4);
            }
            em_slip_mark(&wire);
            em_slip_append(&wire, body[i], len[i]);
            em_slip_mark(&wire);
        }
        struct em_slip_reader reader = {.max = 300};
        unsigned frames = 0;
        for (size_t at = 0; at < wire.len;) {
            size_t piece = 1 + next_random(&state) % 97;
            piece = piece < wire.len - at ? piece : wire.len - at;
            size_t used;
            enum em_slip_event event =
                em_slip_feed(&reader, wire.data + at, piece, &used);
            CU_ASSERT_TRUE_FATAL(used > 0 && used <= piece);
            at += used;
            if (event != EM_SLIP_FRAME) {
                CU_ASSERT_EQUAL(event, EM_SLIP_MORE);
                continue;
            }
            CU_ASSERT_TRUE_FATAL(frames < 5);
            CU_ASSERT_EQUAL(reader.body.len, len[frames]);
            EM_CHECK_BYTES(reader.body.data, body[frames], len[frames]);
            frames++;
        }
        CU_ASSERT_EQUAL(frames, 5);
        em_buf_free(&reader.body);
        em_buf_free(&wire);
    }
}

static void test_reset(void)
{
    struct em_slip_reader reader = {.max = 8};
    size_t used;
    const uint8_t half[] = {0xC0, 1, 2, 0xDB};
    const uint8_t rest[] = {0xDC, 0xC0, 3, 0xC0};
    CU_ASSERT_EQUAL(em_slip_feed(&reader, half, sizeof half, &used), EM_SLIP_MORE);
    em_slip_reset(&reader);
    CU_ASSERT_EQUAL(em_slip_feed(&reader, rest, sizeof rest, &used), EM_SLIP_OUTSIDE);
    CU_ASSERT_EQUAL(used, 2); /* DC, and the C0 that begins */
    CU_ASSERT_EQUAL(em_slip_feed(&reader, rest + 2, 2, &used), EM_SLIP_FRAME);
    CU_ASSERT_EQUAL(reader.body.len, 1);
    em_buf_free(&reader.body);
}

static void test_checksum(void)
{
    /* EF ^ 01 ^ 02 ^ 03 = EF, worked by hand. */
    const uint8_t data[] = {1, 2, 3, 0xFF};
    CU_ASSERT_EQUAL(em_rom_checksum(data, 0), 0xEF);
    CU_ASSERT_EQUAL(em_rom_checksum(data, 3), 0xEF);
    CU_ASSERT_EQUAL(em_rom_checksum(data, 4), 0x10);
}

static const struct em_test tests[] = {
    {"encode", test_encode},           {"decode", test_decode},
    {"round trips", test_round_trips}, {"reset", test_reset},
    {"checksum", test_checksum},
};

EM_TEST_MAIN("flasher/rom/slip", tests)
