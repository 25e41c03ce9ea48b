/* SPDX-License-Identifier: Apache-2.0 */
/* The telnet codec: escapes, options and sub-negotiations, however they are cut. */
#include "config.h"

#include "flasher/transport/telnet_int.h"
#include "tests/em_test.h"

/* What a reader made of some bytes: the data, the answers, and a line of text for all
 * events ("fd00" an option, "<2c:0102>" a sub-negotiation). */
struct outcome {
    struct em_buf data, reply;
    char events[256];
};

static void add_event(struct outcome *got, const struct em_telnet *telnet,
                      enum em_telnet_event event)
{
    size_t len = strlen(got->events);
    char *to = got->events + len;
    size_t room = sizeof got->events - len;
    if (event == EM_TELNET_OPTION) {
        (void)snprintf(to, room, "%02x%02x ", (unsigned)telnet->verb, telnet->code);
        return;
    }
    int n = snprintf(to, room, "<%02x:", telnet->code);
    for (size_t i = 0; i < telnet->sub_len && n < (int)room; i++)
        n += snprintf(to + n, room - (size_t)n, "%02x", telnet->sub[i]);
    if (n < (int)room)
        (void)snprintf(to + n, room - (size_t)n, "> ");
}

static void feed(struct outcome *got, struct em_telnet *telnet, const uint8_t *in,
                 size_t len, size_t chunk)
{
    while (len > 0) {
        size_t now = chunk < len ? chunk : len;
        size_t done = 0;
        while (done < now) {
            size_t used;
            enum em_telnet_event event = em_telnet_feed(telnet, in + done, now - done,
                                                        &used, &got->data, &got->reply);
            if (event != EM_TELNET_MORE)
                add_event(got, telnet, event);
            else
                CU_ASSERT_EQUAL(used, now - done);
            done += used;
        }
        in += now;
        len -= now;
    }
}

/* Bytes written out as in RFC 854, 856 and 2217. */
static const struct {
    const char *label;
    bool server;
    const char *in;
    size_t in_len;
    const char *data;
    size_t data_len;
    const char *reply;
    size_t reply_len;
    const char *events;
} cases[] = {
/* clang-format off */
#define S(text) (text), sizeof(text) - 1
    {"data", false, S("a\r\0b\n\0"), S("a\r\0b\n\0"), S(""), ""},
    {"escaped IAC", false, S("\xff\xff" "1\xff\xff\xff\xff"), S("\xff" "1\xff\xff"), S(""), ""},
    {"NOP and AYT vanish", false, S("a\xff\xf1" "b\xff\xf6" "c"), S("abc"), S(""), ""},
    {"WILL binary: DO", false, S("\xff\xfb\x00"), S(""), S("\xff\xfd\x00"), "fb00 "},
    {"twice: one answer", false, S("\xff\xfb\x00\xff\xfb\x00"), S(""), S("\xff\xfd\x00"), "fb00 fb00 "},
    {"DO com-port to a client: WILL", false, S("\xff\xfd\x2c"), S(""), S("\xff\xfb\x2c"), "fd2c "},
    {"WILL com-port to a server: DO", true, S("\xff\xfb\x2c"), S(""), S("\xff\xfd\x2c"), "fb2c "},
    {"DO echo: a client does not", false, S("\xff\xfd\x01"), S(""), S("\xff\xfc\x01"), "fd01 "},
    {"DO echo: a server says so", true, S("\xff\xfd\x01"), S(""), S("\xff\xfb\x01"), "fd01 "},
    {"unknown options are refused", false, S("\xff\xfb\x18\xff\xfd\x1f"), S(""), S("\xff\xfe\x18\xff\xfc\x1f"), "fb18 fd1f "},
    {"WONT and DONT of nothing", false, S("\xff\xfc\x18\xff\xfe\x00"), S(""), S(""), "fc18 fe00 "},
    {"on, then off", false, S("\xff\xfb\x00\xff\xfc\x00"), S(""), S("\xff\xfd\x00\xff\xfe\x00"), "fb00 fc00 "},
    {"sub-negotiation", true, S("x\xff\xfa\x2c\x01\x00\x01\xc2\x00\xff\xf0y"), S("xy"), S(""), "<2c:010001c200> "},
    {"IAC in it", true, S("\xff\xfa\x2c\x01\x00\xff\xff\x00\x00\xff\xf0"), S(""), S(""), "<2c:0100ff0000> "},
    {"SE without IAC in it", true, S("\xff\xfa\x2c\x05\xf0\xff\xf0"), S(""), S(""), "<2c:05f0> "},
    {"empty", true, S("\xff\xfa\x2c\xff\xf0"), S(""), S(""), "<2c:> "},
    {"no end: dropped", true, S("\xff\xfa\x2c\x05\xff\xfb\x03z"), S("z"), S("\xff\xfd\x03"), "fb03 "},
    {"SE alone", true, S("a\xff\xf0z"), S("az"), S(""), ""},
#undef S
    /* clang-format on */
};

static void test_cases(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t chunk = 1; chunk <= cases[i].in_len; chunk++) {
            struct em_telnet telnet;
            struct outcome got = {0};
            em_telnet_init(&telnet, cases[i].server);
            feed(&got, &telnet, (const uint8_t *)cases[i].in, cases[i].in_len, chunk);
            bool good = got.data.len == cases[i].data_len &&
                        got.reply.len == cases[i].reply_len &&
                        strcmp(got.events, cases[i].events) == 0;
            if (!good)
                printf("\n  %s, chunks of %zu: events '%s'\n", cases[i].label, chunk,
                       got.events);
            CU_ASSERT_TRUE(good);
            if (good) {
                EM_CHECK_BYTES(got.data.data, cases[i].data, cases[i].data_len);
                EM_CHECK_BYTES(got.reply.data, cases[i].reply, cases[i].reply_len);
            }
            em_buf_free(&got.data);
            em_buf_free(&got.reply);
        }
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* Numerical Recipes, page 284 */
    return *state >> 16;
}

/* Random data, rich in IAC, between random sub-negotiations, in random pieces. */
static void test_round_trip(void)
{
    uint32_t seed = 1;
    for (int run = 0; run < 200; run++) {
        struct em_buf sent = {0}, wire = {0};
        struct outcome got = {0};
        struct em_telnet telnet;
        em_telnet_init(&telnet, (run & 1) != 0);
        uint8_t last = 0;
        for (int piece = 0; piece < 5; piece++) {
            uint8_t bytes[64];
            size_t len = next_random(&seed) % sizeof bytes;
            for (size_t i = 0; i < len; i++)
                bytes[i] =
                    next_random(&seed) % 3 == 0 ? 0xFF : (uint8_t)next_random(&seed);
            em_buf_append(&sent, bytes, len);
            em_telnet_append(&wire, bytes, len);
            last = (uint8_t)next_random(&seed);
            em_telnet_append_comport(&wire, last, bytes, len);
        }
        feed(&got, &telnet, wire.data, wire.len, 1 + next_random(&seed) % 17);
        CU_ASSERT_EQUAL(got.data.len, sent.len);
        if (got.data.len == sent.len)
            EM_CHECK_BYTES(got.data.data, sent.data, sent.len);
        CU_ASSERT_EQUAL(telnet.sub[0], last);
        CU_ASSERT_EQUAL(got.reply.len, 0);
        em_buf_free(&sent);
        em_buf_free(&wire);
        em_buf_free(&got.data);
        em_buf_free(&got.reply);
    }
}

/* Client and server left alone agree, and then stop talking. */
static void test_agree(void)
{
    struct em_telnet end[2];
    struct em_buf out[2] = {{0}, {0}};
    struct em_buf data = {0};
    for (int i = 0; i < 2; i++) {
        em_telnet_init(&end[i], i == 1);
        em_telnet_start(&end[i], &out[i]);
    }
    int rounds = 0;
    for (; rounds < 10 && out[0].len + out[1].len > 0; rounds++) {
        for (int i = 0; i < 2; i++) {
            struct em_buf in = out[1 - i];
            out[1 - i] = (struct em_buf){0};
            size_t at = 0;
            while (at < in.len) {
                size_t used;
                (void)em_telnet_feed(&end[i], in.data + at, in.len - at, &used, &data,
                                     &out[i]); /* only the answers matter */
                at += used;
            }
            em_buf_free(&in);
        }
    }
    CU_ASSERT_TRUE(rounds < 5);
    CU_ASSERT_EQUAL(data.len, 0);
    static const enum em_telnet_code both[] = {EM_TELNET_BINARY, EM_TELNET_SGA};
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        for (int side = 0; side < 2; side++) {
            CU_ASSERT_TRUE(em_telnet_has(&end[side], true, both[i]));
            CU_ASSERT_TRUE(em_telnet_has(&end[side], false, both[i]));
        }
    }
    CU_ASSERT_TRUE(em_telnet_has(&end[0], true, EM_TELNET_COMPORT));
    CU_ASSERT_TRUE(em_telnet_has(&end[1], false, EM_TELNET_COMPORT));
    for (int i = 0; i < 2; i++)
        em_buf_free(&out[i]);
    em_buf_free(&data);
}

static void test_refused_request(void)
{
    struct em_telnet telnet;
    struct em_buf reply = {0}, data = {0};
    size_t used;
    em_telnet_init(&telnet, false);
    em_telnet_start(&telnet, &reply);
    em_buf_clear(&reply);
    const uint8_t dont[] = {255, 254, 44};
    CU_ASSERT_EQUAL(em_telnet_feed(&telnet, dont, sizeof dont, &used, &data, &reply),
                    EM_TELNET_OPTION);
    CU_ASSERT_FALSE(em_telnet_has(&telnet, true, EM_TELNET_COMPORT));
    CU_ASSERT_EQUAL(reply.len, 0); /* a refusal is not confirmed */
    em_buf_free(&reply);
    em_buf_free(&data);
}

/* Bytes of SET-BAUDRATE 4800 as RFC 2217 section 3 has them, and 0xFF doubled. */
static void test_comport(void)
{
    struct em_buf out = {0};
    em_telnet_append_comport_word(&out, EM_COMPORT_BAUDRATE, 0x12FF00);
    em_telnet_append_comport_byte(&out, EM_COMPORT_CONTROL + EM_COMPORT_ANSWER, 8);
    static const uint8_t wanted[] = {255, 250, 44,  1,   0,  0x12, 255, 255, 0,
                                     255, 240, 255, 250, 44, 105,  8,   255, 240};
    CU_ASSERT_EQUAL_FATAL(out.len, sizeof wanted);
    EM_CHECK_BYTES(out.data, wanted, sizeof wanted);

    struct em_telnet telnet;
    struct em_buf data = {0}, reply = {0};
    size_t used, value_len;
    uint8_t command;
    uint32_t value;
    em_telnet_init(&telnet, true);
    CU_ASSERT_FALSE(em_telnet_comport(&telnet, &command, &value, &value_len));
    CU_ASSERT_EQUAL(em_telnet_feed(&telnet, out.data, out.len, &used, &data, &reply),
                    EM_TELNET_SUB);
    CU_ASSERT_EQUAL(used, 11);
    CU_ASSERT_TRUE(em_telnet_comport(&telnet, &command, &value, &value_len));
    CU_ASSERT_EQUAL(command, EM_COMPORT_BAUDRATE);
    CU_ASSERT_EQUAL(value, 0x12FF00);
    CU_ASSERT_EQUAL(value_len, 4);
    em_buf_free(&out);
    em_buf_free(&data);
    em_buf_free(&reply);
}

static void test_too_long(void)
{
    struct em_telnet telnet;
    struct em_buf wire = {0};
    struct outcome got = {0};
    const uint8_t filler[EM_TELNET_SUB_MAX] = {0};
    em_telnet_init(&telnet, false);
    em_telnet_append_comport(&wire, 1, filler, sizeof filler);
    em_telnet_append(&wire, (const uint8_t *)"x", 1);
    feed(&got, &telnet, wire.data, wire.len, wire.len);
    CU_ASSERT_STRING_EQUAL(got.events, "");
    CU_ASSERT_EQUAL(got.data.len, 1);
    em_buf_free(&wire);
    em_buf_free(&got.data);
}

static const struct em_test tests[] = {
    {"bytes of the documents", test_cases}, {"random round trip", test_round_trip},
    {"two ends agree", test_agree},         {"a refusal is taken", test_refused_request},
    {"serial port commands", test_comport}, {"too long", test_too_long},
};

EM_TEST_MAIN("flasher/transport/telnet", tests)
