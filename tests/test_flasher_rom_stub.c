/* SPDX-License-Identifier: Apache-2.0 */
/* Stubs: their files with every fault, the upload, and where there must be none. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

/* text: 01 02 03 04 05 06 07 08 at 0x40380000; data: AA BB CC DD. */
static const char good[] =
    "{\"entry\": 1077411844, \"text\": \"AQIDBAUGBwg=\", \"text_start\": 1077411840,"
    " \"data\": \"qrvM3Q==\", \"data_start\": 1070170112, \"bss_start\": 1070200000}";

static enum em_status parse(struct em_rom_stub **out, const char *json,
                            struct em_error *err)
{
    return em_rom_stub_parse(out, "stub.json", (const uint8_t *)json, strlen(json), err);
}

static void test_parse(void)
{
    struct em_rom_stub *stub;
    struct em_error err;
    EM_CHECK_STATUS(parse(&stub, good, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stub);
    CU_ASSERT_EQUAL(stub->entry, 0x40380004);
    CU_ASSERT_EQUAL(stub->text_start, 0x40380000);
    CU_ASSERT_EQUAL(stub->text.len, 8);
    EM_CHECK_BYTES(stub->text.data, "\1\2\3\4\5\6\7\x8", 8);
    CU_ASSERT_EQUAL(stub->data_start, 0x3FC98000);
    CU_ASSERT_EQUAL(stub->data.len, 4);
    EM_CHECK_BYTES(stub->data.data, "\xAA\xBB\xCC\xDD", 4);
    CU_ASSERT_TRUE(stub->has_bss);
    em_rom_stub_free(stub);
    /* Without data, and with parts that are none of ours. */
    EM_CHECK_STATUS(parse(&stub,
                          "{\"entry\":4,\"text\":\"AQIDBAUGBwg=\",\"text_start\":0,"
                          "\"plugins\":{}, \"data\":null}",
                          &err),
                    EM_OK, &err);
    CU_ASSERT_FALSE(stub->has_data || stub->has_bss);
    em_rom_stub_free(stub);
}

static void test_faults(void)
{
    static const struct {
        const char *json, *what;
        unsigned long line;
    } rows[] = {
        /* clang-format off */
        {"", "stub: no JSON", 1},
        {"{", "stub: no JSON", 1},
        {"{\n\"entry\": 1,\n}", "stub: no JSON", 3},
        {"[]", "stub: no JSON object", 0},
        {"{\"entry\":1,\"entry\":2}", "stub: no JSON: duplicate object key", 1},
        {"{}", "stub: 'entry' is missing", 0},
        {"{\"entry\":\"4\"}", "stub: 'entry' is no number of 32 bits", 0},
        {"{\"entry\":-1}", "stub: 'entry' is no number of 32 bits", 0},
        {"{\"entry\":4294967296}", "stub: 'entry' is no number of 32 bits", 0},
        {"{\"entry\":4.5}", "stub: 'entry' is no number of 32 bits", 0},
        {"{\"entry\":4}", "stub: 'text_start' is missing", 0},
        {"{\"entry\":4,\"text_start\":0}", "stub: 'text' is missing", 0},
        {"{\"entry\":4,\"text_start\":0,\"text\":7}", "stub: 'text' is no text", 0},
        {"{\"entry\":4,\"text_start\":0,\"text\":\"\"}", "stub: 'text' is empty", 0},
        {"{\"entry\":4,\"text_start\":0,\"text\":\"AQI\"}", "stub: 'text': incorrect base64 padding", 0},
        {"{\"entry\":4,\"text_start\":0,\"text\":\"AQIDBAUGBwg=\",\"data\":\"AQID\"}", "stub: 'data_start' is missing", 0},
        {"{\"entry\":4,\"text_start\":0,\"text\":\"AQIDBAUGBwg=\",\"data\":[]}", "stub: 'data' is no text", 0},
        {"{\"entry\":8,\"text_start\":0,\"text\":\"AQIDBAUGBwg=\"}", "stub: the entry 0x00000008 is not in the code", 0},
        {"{\"entry\":3,\"text_start\":4,\"text\":\"AQIDBAUGBwg=\"}", "stub: the entry 0x00000003 is not in the code", 0},
        {"{\"entry\":4294967292,\"text_start\":4294967292,\"text\":\"AQIDBAUGBwg=\"}", "goes over the end of memory", 0},
        {"{\"entry\":4,\"text_start\":0,\"text\":\"AQIDBAUGBwg=\",\"bss_start\":\"x\"}", "stub: 'bss_start' is no number", 0},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_rom_stub *stub;
        struct em_error err = {.what = ""};
        EM_CHECK_STATUS(parse(&stub, rows[i].json, &err), EM_ERR_INPUT, &err);
        CU_ASSERT_PTR_NULL(stub);
        EM_CHECK_HAS(err.what, rows[i].what);
        CU_ASSERT_STRING_EQUAL(err.file, "stub.json");
        CU_ASSERT_EQUAL(err.line, rows[i].line);
    }
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err;
    options.stub_file = "/nonexistent/stub.json";
    EM_CHECK_STATUS(em_rom_device_prepare(&dev, &options, &err), EM_ERR_IO, &err);
}

/* More code than any chip has room for. */
static void test_too_large(void)
{
    struct em_buf json = {0};
    struct em_rom_stub *stub;
    struct em_error err;
    em_buf_append_text(&json, "{\"entry\":4,\"text_start\":0,\"text\":\"");
    for (unsigned i = 0; i < (1 << 18) / 3 + 1; i++)
        em_buf_append_text(&json, "AAAA");
    em_buf_append_text(&json, "\"}");
    EM_CHECK_STATUS(em_rom_stub_parse(&stub, "x", json.data, json.len, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "'text' has 262146 bytes, limit 262144");
    em_buf_free(&json);
}

struct run {
    struct script *s;
    struct script_log log;
    struct em_device *dev;
    struct em_error err;
};

static void run_begin(struct run *run, const char *chip)
{
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    *run = (struct run){.s = script_new()};
    options.hooks = (struct em_hooks){.log = script_on_log, .user = &run->log};
    EM_CHECK_STATUS(em_rom_device_prepare(&run->dev, &options, &run->err), EM_OK,
                    &run->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(run->dev);
    run->dev->io = &run->s->io;
    run->dev->chip = em_chip_find(chip);
    EM_CHECK_STATUS(parse(&run->dev->upload, good, &run->err), EM_OK, &run->err);
    em_rom_choose_blocks(run->dev);
}

static void run_end(struct run *run)
{
    em_device_close(run->dev);
    script_end(run->s);
}

static void test_upload(void)
{
    static const char *const ends[] = {
        "c0 01 06 0400 00000000 00000000 c0 c0 4f484149 c0",
        "c0 4f484149 c0", /* the answer to MEM_END was lost */
        "c0 4f484149 c0 c0 01 06 0400 00000000 00000000 c0",
    };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct run run;
        run_begin(&run, "esp32c3");
        (void)script_rule(
            run.s, (struct script_rule){.op = EM_OP_MEM_BEGIN,
                                        .data = "08000000 01000000 00180000 00003840",
                                        .times = 1});
        (void)script_rule(
            run.s, (struct script_rule){.op = EM_OP_MEM_BEGIN,
                                        .data = "04000000 01000000 00180000 0080c93f",
                                        .times = 1});
        (void)script_rule(run.s, (struct script_rule){.op = EM_OP_MEM_END,
                                                      .data = "00000000 04003840",
                                                      .times = 1,
                                                      .raw = ends[i]});
        EM_CHECK_STATUS(em_rom_stub_start(run.dev, &run.err), EM_OK, &run.err);
        CU_ASSERT_STRING_EQUAL(run.s->ops, "05 07 05 07 06");
        for (unsigned k = 0; k < 3; k++)
            CU_ASSERT_EQUAL(run.s->rules[k].used, 1);
        CU_ASSERT_TRUE(run.dev->stub);
        CU_ASSERT_EQUAL(run.dev->flash_block, 0x4000);
        CU_ASSERT_EQUAL(run.s->now_us, 0);
        run_end(&run);
    }
}

static void test_no_hello(void)
{
    struct run run;
    run_begin(&run, "esp32c3");
    EM_CHECK_STATUS(em_rom_stub_start(run.dev, &run.err), EM_ERR_LINK, &run.err);
    EM_CHECK_HAS(run.err.what, "port script: the stub was loaded but does not start");
    CU_ASSERT_FALSE(run.dev->stub);
    CU_ASSERT_EQUAL(run.s->now_us, 3000000);
    run_end(&run);
}

/* rom-protocol.md, section 10: the S3 with secure boot. */
static void test_hook(void)
{
    struct run run;
    run_begin(&run, "esp32s3");
    run.dev->has_security = true;
    run.dev->security.flags = 1;
    *script_reg(run.s, 0x3FCEF688) = 0x12345678;
    (void)script_rule(run.s, (struct script_rule){.op = EM_OP_MEM_END,
                                                  .data = "01000000 00000000",
                                                  .times = 1});
    (void)script_rule(run.s,
                      (struct script_rule){.op = EM_OP_WRITE_REG,
                                           .data = "88f6ce3f 04003840 ffffffff 00000000",
                                           .times = 1});
    (void)script_rule(run.s, (struct script_rule){.op = EM_OP_READ_FLASH_SLOW,
                                                  .data = "00000000 00000000",
                                                  .times = 1,
                                                  .raw = "c0 4f484149 c0"});
    (void)script_rule(run.s,
                      (struct script_rule){.op = EM_OP_WRITE_REG,
                                           .data = "88f6ce3f 78563412 ffffffff 00000000",
                                           .times = 1,
                                           .reply = "0000"});
    EM_CHECK_STATUS(em_rom_stub_start(run.dev, &run.err), EM_OK, &run.err);
    CU_ASSERT_STRING_EQUAL(run.s->ops, "05 07 05 07 06 0a 0a 09 0e 09");
    for (unsigned k = 0; k < 4; k++)
        CU_ASSERT_EQUAL(run.s->rules[k].used, 1);
    CU_ASSERT_TRUE(run.dev->stub);
    run_end(&run);
}

/* Chips that keep their ROM, and why. */
static void test_refused(void)
{
    static const struct {
        const char *chip;
        uint32_t flags;
        bool secure_download;
        uint32_t revision_word; /* of the C2: block 2 word 1 */
        const char *log;
        bool uploads;
    } rows[] = {
        {"esp32c3", 1, false, 0,
         "W:ESP32-C3 with secure boot takes no stub: its ROM loader does the work\n",
         false},
        {"esp32c3", 0, false, 0, "", true},
        {"esp32c2", 0, false, 0,
         "W:ESP32-C2 of revision 0.0 takes no stub: its ROM loader does the work\n",
         false},
        {"esp32c2", 0, false, 1u << 20, "", true},
        {"esp32c6", 4, true, 0,
         "W:ESP32-C6 in secure download mode takes no stub: its ROM loader does the "
         "work\n",
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run run;
        run_begin(&run, rows[i].chip);
        run.dev->has_security = true;
        run.dev->security.flags = rows[i].flags;
        run.dev->secure_download = rows[i].secure_download;
        *script_reg(run.s, 0x60008844) = rows[i].revision_word;
        (void)script_rule(
            run.s,
            (struct script_rule){.op = EM_OP_MEM_END, .times = 1, .raw = "c04f484149c0"});
        EM_CHECK_STATUS(em_rom_stub_start(run.dev, &run.err), EM_OK, &run.err);
        CU_ASSERT_EQUAL(run.dev->stub, rows[i].uploads);
        CU_ASSERT_EQUAL(strstr(run.s->ops, "05") != NULL, rows[i].uploads);
        if (!rows[i].uploads)
            CU_ASSERT_STRING_EQUAL(run.log.text, rows[i].log);
        run_end(&run);
    }
}

/* Nothing may be loaded over the stub that runs. */
static void test_guard(void)
{
    static const struct {
        uint32_t addr;
        size_t len;
        enum em_status status;
    } rows[] = {
        {0x40380000, 1, EM_ERR_REFUSED},  {0x40380007, 100, EM_ERR_REFUSED},
        {0x40380008, 100, EM_OK},         {0x4037FFF0, 16, EM_OK},
        {0x4037FFF0, 17, EM_ERR_REFUSED}, {0x3FC98003, 1, EM_ERR_REFUSED},
        {0x3FC98004, 1, EM_OK},           {0x40380000, 0, EM_OK},
    };
    struct run run;
    static uint8_t data[128];
    run_begin(&run, "esp32c3");
    EM_CHECK_STATUS(em_rom_stub_guard(run.dev, 0x40380000, 4, &run.err), EM_OK, &run.err);
    run.dev->stub = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        EM_CHECK_STATUS(em_rom_stub_guard(run.dev, rows[i].addr, rows[i].len, &run.err),
                        rows[i].status, &run.err);
    EM_CHECK_STATUS(em_rom_load_memory(run.dev, 0x40380000, data, 4, &run.err),
                    EM_ERR_REFUSED, &run.err);
    EM_CHECK_HAS(run.err.what, "4 bytes to 0x40380000 would go over the stub");
    CU_ASSERT_EQUAL(run.s->writes, 0);
    run_end(&run);
}

static const struct em_test tests[] = {
    {"parse", test_parse},     {"faults", test_faults},     {"too large", test_too_large},
    {"upload", test_upload},   {"no hello", test_no_hello}, {"hook", test_hook},
    {"refused", test_refused}, {"guard", test_guard},
};

EM_TEST_MAIN("flasher/rom/stub", tests)
