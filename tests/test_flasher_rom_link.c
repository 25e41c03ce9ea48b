/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and answers: what is taken, refused, dropped, sent again, and when it ends. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

/* A device without connecting: what the link needs. */
static struct em_device *link_new(struct script *s, const struct em_trace *trace)
{
    struct em_device *dev;
    struct em_error err;
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    if (trace != NULL)
        options.trace = *trace;
    EM_CHECK_STATUS(em_rom_device_prepare(&dev, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
    dev->io = &s->io;
    dev->chip = em_chip_find("esp32c3");
    em_rom_choose_blocks(dev);
    return dev;
}

/* Answers to a command with 4 bytes of result, as bytes on the wire; and what of it. */
static const struct {
    const char *name, *raw;
    enum em_status status;
    const char *what; /* part of the message */
    uint8_t code, fault;
    size_t trailer;
    bool other_op;
} answers[] = {
    /* clang-format off */
    {"trailer of 4", "c0 01 14 0800 00000000 11223344 00000000 c0", EM_OK, "", 0, 0, 4, false},
    {"trailer of 2", "c0 01 14 0600 00000000 11223344 0000 c0", EM_OK, "", 0, 0, 2, false},
    {"text before", "68690d0a c0 01 14 0800 00000000 11223344 00000000 c0", EM_OK, "", 0, 0, 4, false},
    {"more C0 than needed", "c0c0c0 01 14 0800 00000000 11223344 00000000 c0c0", EM_OK, "", 0, 0, 4, false},
    {"size field unused", "c0 01 14 0000 00000000 11223344 00000000 c0", EM_OK, "", 0, 0, 4, false},
    {"answer to something else first", "c0 01 0a 0400 00000000 00000000 c0"
        "c0 01 14 0800 00000000 11223344 00000000 c0", EM_OK, "", 0, 0, 4, false},
    {"request echoed first", "c0 00 14 0000 00000000 c0"
        "c0 01 14 0800 00000000 11223344 00000000 c0", EM_OK, "", 0, 0, 4, false},
    {"short frame first", "c0 01 14 00 c0 c0 01 14 0800 00000000 11223344 00000000 c0", EM_OK, "", 0, 0, 4, false},
    {"broken frame first", "c0 01 db 14 c0 c0 01 14 0800 00000000 11223344 00000000 c0", EM_OK, "", 0, 0, 4, false},
    {"ROM refuses", "c0 01 14 0400 00000000 01060000 c0", EM_ERR_CHIP, "the result is wrong (01 06)", 1, 6, 4, false},
    {"ROM refuses in 2 bytes", "c0 01 14 0200 00000000 0109 c0", EM_ERR_CHIP, "cannot be read (01 09)", 1, 9, 2, false},
    {"refused behind a result", "c0 01 14 0800 00000000 11223344 01080000 c0", EM_ERR_CHIP, "did not take", 1, 8, 4, false},
    {"stub refuses", "c0 01 14 0200 00000000 c600 c0", EM_ERR_CHIP, "no write was begun (c6 00)", 0xC6, 0, 2, false},
    {"a reason nobody knows", "c0 01 14 0400 00000000 01770000 c0", EM_ERR_CHIP, "no document names", 1, 0x77, 4, false},
    {"unknown, same op", "c0 01 14 0400 00000000 01050000 c0", EM_ERR_UNSUPPORTED, "does not know or allow", 1, 5, 4, false},
    {"unknown to a stub", "c0 01 14 0200 00000000 ff00 c0", EM_ERR_UNSUPPORTED, "does not know or allow", 0xFF, 0, 2, false},
    {"unknown, other op", "c0 01 ff 0400 00000000 01050000 c0", EM_ERR_UNSUPPORTED, "GET_SECURITY_INFO", 1, 5, 4, true},
    {"unknown, op 0", "c0 01 00 0400 00000000 01050000 c0", EM_ERR_UNSUPPORTED, "ROM loader", 1, 5, 4, true},
    {"a byte lost", "c0 01 14 0800 00000000 112244 00000000 c0", EM_ERR_LINK, "no answer to GET_SECURITY_INFO", 0, 0, 0, false},
    {"result lost, status good", "c0 01 14 0400 00000000 00000000 c0", EM_ERR_LINK, "no answer", 0, 0, 0, false},
    {"nothing behind the header", "c0 01 14 0000 00000000 c0", EM_ERR_LINK, "no answer", 0, 0, 0, false},
    {"end lost", "c0 01 14 0800 00000000 11223344 00000000", EM_ERR_LINK, "no answer", 0, 0, 0, false},
    {"nothing", "", EM_ERR_LINK, "port script: no answer to GET_SECURITY_INFO", 0, 0, 0, false},
    /* clang-format on */
};

static void test_answers(void)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct script *s = script_new();
        struct em_device *dev = link_new(s, NULL);
        struct em_error err = {.what = ""};
        struct em_rom_reply reply;
        (void)script_rule(s, (struct script_rule){.op = EM_OP_GET_SECURITY_INFO,
                                                  .times = SCRIPT_ALWAYS,
                                                  .raw = answers[i].raw});
        const struct em_rom_request request = {
            .op = EM_OP_GET_SECURITY_INFO, .result_len = 4, .once = true};
        enum em_status status = em_rom_command(dev, &request, &reply, &err);
        if (status != answers[i].status)
            printf("\n  %s\n", answers[i].name);
        EM_CHECK_STATUS(status, answers[i].status, &err);
        EM_CHECK_HAS(err.what, answers[i].what);
        CU_ASSERT_EQUAL(reply.status, answers[i].code);
        CU_ASSERT_EQUAL(reply.fault, answers[i].fault);
        CU_ASSERT_EQUAL(reply.trailer, answers[i].trailer);
        CU_ASSERT_EQUAL(reply.other_op, answers[i].other_op);
        if (status == EM_OK) {
            CU_ASSERT_EQUAL(reply.len, 4);
            EM_CHECK_BYTES(reply.data, "\x11\x22\x33\x44", 4);
        }
        CU_ASSERT_EQUAL(s->writes, 1); /* a frame is one write */
        em_device_close(dev);
        script_end(s);
    }
}

/* Without an answer a command ends when its time is over, and not before. */
static void test_time(void)
{
    struct script *s = script_new();
    struct em_device *dev = link_new(s, NULL);
    struct em_error err;
    (void)script_rule(s, (struct script_rule){.op = SCRIPT_ANY, .times = -1, .raw = ""});
    struct em_rom_request request = {.op = EM_OP_FLASH_BEGIN};
    EM_CHECK_STATUS(em_rom_command(dev, &request, NULL, &err), EM_ERR_LINK, &err);
    CU_ASSERT_EQUAL(s->now_us, 3000000); /* rom-protocol.md, section 4 */
    CU_ASSERT_EQUAL(s->frames, 1);
    request.timeout_us = 120000000;
    EM_CHECK_STATUS(em_rom_command(dev, &request, NULL, &err), EM_ERR_LINK, &err);
    CU_ASSERT_EQUAL(s->now_us, 123000000);

    /* 8 s for 10^6 bytes, not below 3 s, not above 240 s. */
    CU_ASSERT_EQUAL(em_rom_timeout_us(dev, 1000000, 8000), 8000000);
    CU_ASSERT_EQUAL(em_rom_timeout_us(dev, 4096, 8000), 3000000);
    CU_ASSERT_EQUAL(em_rom_timeout_us(dev, 16u << 20, 40000), 240000000);
    CU_ASSERT_EQUAL(em_rom_timeout_us(dev, UINT64_MAX, UINT32_MAX), 240000000);
    em_device_close(dev);
    script_end(s);
}

/* A line that never falls silent must not hold us. */
static void test_babble(void)
{
    struct script *s = script_new();
    struct em_device *dev = link_new(s, NULL);
    struct em_error err;
    const struct em_rom_request request = {.op = EM_OP_FLASH_BEGIN};
    s->babble = true;
    EM_CHECK_STATUS(em_rom_command(dev, &request, NULL, &err), EM_ERR_LINK, &err);
    CU_ASSERT_TRUE(s->now_us <= 3100000);
    CU_ASSERT_TRUE(dev->heard_total > 0 && dev->heard_len <= EM_ROM_HEARD_MAX);
    em_device_close(dev);
    script_end(s);
}

/* After 100 frames that answer something else it gives up at once. */
static void test_foreign(void)
{
    for (unsigned n = 99; n <= 100; n++) {
        struct script *s = script_new();
        struct em_device *dev = link_new(s, NULL);
        struct em_error err;
        const struct em_rom_request request = {.op = EM_OP_FLASH_BEGIN};
        struct em_buf wire = {0};
        uint8_t frame[32];
        for (unsigned i = 0; i <= n; i++)
            em_buf_append(&wire, frame,
                          script_hex(frame, sizeof frame,
                                     i < n ? "c0 01 0a 0400 00000000 00000000 c0"
                                           : "c0 01 02 0400 00000000 00000000 c0"));
        (void)script_rule(
            s, (struct script_rule){.op = EM_OP_FLASH_BEGIN, .times = 1, .raw = ""});
        script_put(s, wire.data, wire.len, 0);
        EM_CHECK_STATUS(em_rom_command(dev, &request, NULL, &err),
                        n == 99 ? EM_OK : EM_ERR_LINK, &err);
        CU_ASSERT_EQUAL(s->now_us, 0);
        em_buf_free(&wire);
        em_device_close(dev);
        script_end(s);
    }
}

/* The eight copies of a refusal are gone before the next command; fewer cost 0.2 s. */
static void test_copies(void)
{
    for (unsigned copies = 1; copies <= 8; copies += 7) {
        struct script *s = script_new();
        struct em_device *dev = link_new(s, NULL);
        struct em_error err;
        uint32_t value;
        (void)script_rule(s, (struct script_rule){.op = EM_OP_GET_SECURITY_INFO,
                                                  .times = 1,
                                                  .reply = "01050000",
                                                  .other_op = 0xFF,
                                                  .copies = copies,
                                                  .delay_us = 1000});
        *script_reg(s, 0x40001000) = 0x00F01D83;
        const struct em_rom_request request = {.op = EM_OP_GET_SECURITY_INFO,
                                               .result_len = 20};
        EM_CHECK_STATUS(em_rom_command(dev, &request, NULL, &err), EM_ERR_UNSUPPORTED,
                        &err);
        CU_ASSERT_EQUAL(s->now_us, copies == 8 ? 1000 : 201000);
        CU_ASSERT_EQUAL(s->frames, 1);
        EM_CHECK_STATUS(em_rom_read_reg(dev, 0x40001000, &value, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(value, 0x00F01D83);
        em_device_close(dev);
        script_end(s);
    }
}

/* What may be done twice is sent again after a SYNC; what may not is not. */
static void test_repeat(void)
{
    static const struct {
        uint8_t op;
        int lost; /* answers */
        enum em_status status;
        const char *ops;
    } rows[] = {
        {EM_OP_READ_REG, 1, EM_OK, "0a 08 0a"},
        {EM_OP_READ_REG, 2, EM_OK, "0a 08 0a 08 0a"},
        {EM_OP_READ_REG, 3, EM_ERR_LINK, "0a 08 0a 08 0a"},
        {EM_OP_WRITE_REG, 1, EM_OK, "09 08 09"},
        {EM_OP_SPI_ATTACH, 1, EM_OK, "0d 08 0d"},
        {EM_OP_SPI_SET_PARAMS, 1, EM_OK, "0b 08 0b"},
        {EM_OP_FLASH_BEGIN, 1, EM_ERR_LINK, "02"},
        {EM_OP_FLASH_DATA, 1, EM_ERR_LINK, "03"},
        {EM_OP_FLASH_DEFL_DATA, 1, EM_ERR_LINK, "11"},
        {EM_OP_FLASH_END, 1, EM_ERR_LINK, "04"},
        {EM_OP_MEM_DATA, 1, EM_ERR_LINK, "07"},
        {EM_OP_MEM_END, 1, EM_ERR_LINK, "06"},
        {EM_OP_CHANGE_BAUDRATE, 1, EM_ERR_LINK, "0f"},
        {EM_OP_ERASE_FLASH, 1, EM_ERR_LINK, "d0"},
        {EM_OP_RUN_USER_CODE, 1, EM_ERR_LINK, "d3"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script *s = script_new();
        struct em_device *dev = link_new(s, NULL);
        struct em_error err;
        static const uint8_t data[24];
        (void)script_rule(
            s, (struct script_rule){.op = rows[i].op, .times = rows[i].lost, .raw = ""});
        const struct em_rom_request request = {
            .op = rows[i].op, .data = data, .len = rows[i].op == EM_OP_READ_REG ? 4 : 16};
        EM_CHECK_STATUS(em_rom_command(dev, &request, NULL, &err), rows[i].status, &err);
        CU_ASSERT_STRING_EQUAL(s->ops, rows[i].ops);
        em_device_close(dev);
        script_end(s);
    }
}

/* A refusal of what every loader can do is doubted once: the line may have changed the
 * question. */
static void test_doubt(void)
{
    static const struct {
        uint8_t op;
        int refused;
        bool secure;
        enum em_status status;
        const char *ops;
    } rows[] = {
        {EM_OP_READ_REG, 1, false, EM_OK, "0a 0a"},
        {EM_OP_READ_REG, 2, false, EM_ERR_UNSUPPORTED, "0a 0a"},
        {EM_OP_READ_REG, 1, true, EM_ERR_UNSUPPORTED, "0a"},
        {EM_OP_SPI_ATTACH, 1, false, EM_OK, "0d 0d"},
        {EM_OP_GET_SECURITY_INFO, 1, false, EM_ERR_UNSUPPORTED, "14"},
        {EM_OP_FLASH_BEGIN, 1, false, EM_ERR_UNSUPPORTED, "02"},
        {EM_OP_MEM_END, 1, false, EM_ERR_UNSUPPORTED, "06"},
        /* Not unsupported: the loader has blocks if it took the BEGIN. */
        {EM_OP_FLASH_DATA, 1, false, EM_ERR_CHIP, "03"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script *s = script_new();
        struct em_device *dev = link_new(s, NULL);
        struct em_error err;
        static const uint8_t data[16];
        dev->secure_download = rows[i].secure;
        (void)script_rule(s, (struct script_rule){.op = rows[i].op,
                                                  .times = rows[i].refused,
                                                  .reply = "01050000"});
        const struct em_rom_request request = {.op = rows[i].op, .data = data, .len = 4};
        EM_CHECK_STATUS(em_rom_command(dev, &request, NULL, &err), rows[i].status, &err);
        CU_ASSERT_STRING_EQUAL(s->ops, rows[i].ops);
        em_device_close(dev);
        script_end(s);
    }
}

/* A chip that is stuck ends each command with the first message; one that was reset is
 * told as such. */
static void test_resync(void)
{
    struct script *s = script_new();
    struct em_device *dev = link_new(s, NULL);
    struct em_error err;
    uint32_t value;
    (void)script_rule(s, (struct script_rule){.op = SCRIPT_ANY, .times = -1, .raw = ""});
    EM_CHECK_STATUS(em_rom_read_reg(dev, 0, &value, &err), EM_ERR_LINK, &err);
    EM_CHECK_HAS(err.what, "no answer to READ_REG");
    CU_ASSERT_TRUE(s->now_us >= 3000000 && s->now_us <= 4500000);
    EM_CHECK_STATUS(em_rom_resync(dev, &err), EM_ERR_LINK, &err);
    EM_CHECK_HAS(err.what, "port script: the chip does not answer any more");
    s->rule_count = 0;
    EM_CHECK_STATUS(em_rom_resync(dev, &err), EM_OK, &err);
    dev->stub = true;
    EM_CHECK_STATUS(em_rom_resync(dev, &err), EM_ERR_LINK, &err);
    EM_CHECK_HAS(err.what, "was reset in the middle");
    s->gone = true;
    EM_CHECK_STATUS(em_rom_resync(dev, &err), EM_ERR_PORT, &err);
    em_device_close(dev);
    script_end(s);
}

struct traced {
    char text[8192];
};

static void on_trace(void *user, int64_t time_us, const char *what, const char *text,
                     const uint8_t *bytes, size_t len)
{
    struct traced *traced = user;
    size_t n = strlen(traced->text);
    (void)time_us;
    n += (size_t)snprintf(traced->text + n, sizeof traced->text - n, "%s %s", what, text);
    for (size_t i = 0; i < len; i++)
        n += (size_t)snprintf(traced->text + n, sizeof traced->text - n, " %02x",
                              bytes[i]);
    (void)snprintf(traced->text + n, sizeof traced->text - n, "\n");
}

static void test_trace(void)
{
    static const uint8_t key[] = {0xC0, 0xDE, 0xAD};
    for (int secret = 0; secret < 2; secret++) {
        static struct traced traced;
        traced.text[0] = '\0';
        const struct em_trace trace = {on_trace, &traced};
        struct script *s = script_new();
        struct em_device *dev = link_new(s, &trace);
        struct em_error err;
        (void)script_rule(
            s, (struct script_rule){
                   .op = EM_OP_MEM_DATA, .times = 1, .value = 0x42, .reply = "00000000"});
        const struct em_rom_request request = {.op = EM_OP_MEM_DATA,
                                               .data = "\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                                               .len = 16,
                                               .payload = key,
                                               .payload_len = 3,
                                               .secret = secret != 0};
        EM_CHECK_STATUS(em_rom_command(dev, &request, NULL, &err), EM_OK, &err);
        if (secret) {
            CU_ASSERT_PTR_NULL(strstr(traced.text, "de"));
            CU_ASSERT_PTR_NULL(strstr(traced.text, "42"));
            EM_CHECK_HAS(traced.text, "command payload 00 00 00\n");
        } else {
            /* Check byte: EF ^ C0 ^ DE ^ AD = 5C. */
            CU_ASSERT_STRING_EQUAL(
                traced.text,
                "command MEM_DATA 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
                "command payload c0 de ad\n"
                "write  c0 00 07 13 00 5c 00 00 00 03 00 00 00 00 00 00 00 00 00 00 00 "
                "00 00 00 00 db dc de ad c0\n"
                "read  c0 01 07 04 00 42 00 00 00 00 00 00 00 c0\n"
                "answer MEM_DATA 01 07 04 00 42 00 00 00 00 00 00 00\n");
        }
        em_device_close(dev);
        script_end(s);
    }
}

static void test_table(void)
{
    static const uint8_t ops[] = {2,    3,    4,    5,    6,    7,    8,    9,
                                  0xA,  0xB,  0xD,  0xE,  0xF,  0x10, 0x11, 0x12,
                                  0x13, 0x14, 0xD0, 0xD1, 0xD2, 0xD3};
    for (size_t i = 0; i < sizeof ops; i++) {
        const struct em_rom_op_info *info = em_rom_op_info(ops[i]);
        CU_ASSERT_EQUAL(info->op, ops[i]);
        /* Only the three DATA commands have a check byte. */
        CU_ASSERT_EQUAL(info->block, ops[i] == 3 || ops[i] == 7 || ops[i] == 0x11);
        CU_ASSERT_FALSE(info->block && info->repeat);
    }
    CU_ASSERT_STRING_EQUAL(em_rom_op_info(0x77)->name, "command");
    CU_ASSERT_FALSE(em_rom_op_info(0x77)->repeat);
}

static const struct em_test tests[] = {
    {"answers", test_answers}, {"time", test_time},     {"babble", test_babble},
    {"foreign", test_foreign}, {"copies", test_copies}, {"repeat", test_repeat},
    {"doubt", test_doubt},     {"resync", test_resync}, {"trace", test_trace},
    {"table", test_table},
};

EM_TEST_MAIN("flasher/rom/link", tests)
