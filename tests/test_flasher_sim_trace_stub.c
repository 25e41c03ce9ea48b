/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated chips, all of them, packet by packet against recorded sessions: an uploaded
 * loader, secure boot, and how long things take. */
#include "config.h"

#include "tests/test_flasher_sim_trace_util.h"

static struct line line;

enum { TEXT = 0x3FFC8000, HOOK = 0x3FCEF688 };

static void upload(void)
{
    uint8_t text[0x40] = "\x36\x41\x00 code, and its greeting: OHAI";
    CU_ASSERT_EQUAL(ASK(&line, 0x05, 0, sizeof text, 1, 0x1800, TEXT), 0);
    CU_ASSERT_EQUAL(line_block(&line, 0x07, text, sizeof text, 0, 0, line.row->trailer),
                    0);
}

static void expect_greeting(void)
{
    CU_ASSERT_TRUE(line_get(&line));
    CU_ASSERT_EQUAL(line.body_len, 4);
    EM_CHECK_BYTES(line.body, "OHAI", 4);
}

static void start_stub(void)
{
    upload();
    CU_ASSERT_EQUAL(ASK(&line, 0x06, 0, 0, TEXT), 0);
    expect_greeting();
}

/* Answer first, then OHAI; two bytes of trailer, SYNC with value 0, the stub's own codes;
 * found running by the next host; END(0) goes back to the ROM. */
static void test_rules(void)
{
    uint8_t block[0x4000] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        line_open(&line, row, "");
        start_stub();
        CU_ASSERT_EQUAL(line_sync_count(&line, 0, 2), 8);
        line_request(&line, 0x14, NULL, 0, 0);
        int status = line_answer(&line, 0x14, row->security, 2);
        CU_ASSERT_EQUAL(status, row->security == 0 ? 0xFF00 : 0);
        CU_ASSERT_FALSE(line_get(&line));
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x0A, 0, 0x40001000), 0);
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x0D, 0, 0), 0);
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x02, 0, 0x4000, 1, 0x4000, 0x3000), 0xC000);
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x02, 0, 0x4000, 1, 0x4000, 0x3000, 0), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, block, sizeof block, 0, 1, 2), 0xC100);
        CU_ASSERT_EQUAL(line_block(&line, 0x03, block, sizeof block, 0, 0, 2), 0);
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x04, 0, 1), 0);
        /* MD5 of 16 KiB of zeros, by another program. */
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x13, 16, 0x3000, 0x4000, 0, 0), 0);
        CU_ASSERT_EQUAL(line.body_len, 8 + 16 + 2);
        EM_CHECK_BYTES(line.body + 8,
                       "\xCE\x33\x8F\xE6\x89\x97\x78\xAA\xCF\xC2\x84\x14\xF2\xD9\x49\x8B",
                       16);
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0xD1, 0, 0x4000, 0x1000), 0);
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0xD1, 0, 0x4001, 0x1000), 0xC400);
        size_t size;
        CU_ASSERT_EQUAL(em_sim_flash(line.sim, &size)[0x3FFF], 0);
        CU_ASSERT_EQUAL(em_sim_flash(line.sim, &size)[0x4FFF], 0xFF);
        CU_ASSERT_EQUAL(em_sim_flash(line.sim, &size)[0x5000], 0);
        line_request(&line, 0xD0, NULL, 0, 0);
        CU_ASSERT_EQUAL(line_answer(&line, 0xD0, 0, 2), 0);
        CU_ASSERT_EQUAL(em_sim_flash(line.sim, &size)[0x5000], 0xFF);
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x0E, 0, 0, 64), 0xFF00); /* the ROM's only */
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x02, 0, 0, 0, 0x4000, 0, 0), 0);
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0x04, 0, 0), 0);
        CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, row->trailer), 8);
        line_close(&line);
    }
}

/* The greeting may lie across two blocks of the upload; without one it is no loader. */
static void test_upload(void)
{
    for (size_t cut = 29; cut <= 34; cut++) {
        uint8_t text[0x40] = "\x36\x41\x00 code, and its greeting: OHAI";
        bool spoilt = cut == 34;
        line_open(&line, row_of("esp32c3"), "");
        if (spoilt)
            memset(text + 20, 'x', 20);
        CU_ASSERT_EQUAL(ASK(&line, 0x05, 0, sizeof text, 2, 0x1800, TEXT), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x07, text, cut, 0, 0, 4), 0);
        CU_ASSERT_EQUAL(line_block(&line, 0x07, text + cut, sizeof text - cut, 1, 0, 4),
                        0);
        CU_ASSERT_EQUAL(ASK(&line, 0x06, 0, 0, TEXT), 0);
        if (spoilt) {
            CU_ASSERT_FALSE(line_get(&line));
        } else {
            expect_greeting();
        }
        line_close(&line);
    }
}

/* READ_FLASH: never more than 64 packets under way, each acknowledged by the total; a
 * digest of all at the end. */
static void test_read(void)
{
    static const uint8_t md5[16] = /* of 100 * 4096 + 5 bytes FF, by another program */
        "\x0F\x3C\x7D\x56\x2E\x21\x36\x88\xCF\x41\x36\xD5\x93\x7D\x17\x0E";
    const uint32_t len = 100 * 4096 + 5;
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t got = 0, acked = 0, packets = 0;
        uint8_t ack[4];
        line_open(&line, &rows[i], "");
        start_stub();
        CU_ASSERT_EQUAL(ASK_STUB(&line, 0xD2, 0, 0x1000, len, 4096, 64), 0);
        while (got < len && line_get(&line)) {
            CU_ASSERT_EQUAL(line.body_len, packets < 100 ? 4096 : 5);
            got += (uint32_t)line.body_len;
            packets++;
            if (packets < 64)
                continue; /* as many as may be, before the first acknowledgement */
            if (packets == 64)
                CU_ASSERT_FALSE(line_get(&line));
            for (; acked < got; acked += 4096) {
                put32(ack, acked + 4096 < got ? acked + 4096 : got);
                line_put(&line, ack, 4);
            }
            acked = got;
        }
        CU_ASSERT_EQUAL(packets, 101);
        CU_ASSERT_TRUE(line_get(&line));
        CU_ASSERT_EQUAL(line.body_len, 16);
        EM_CHECK_BYTES(line.body, md5, 16);
        CU_ASSERT_FALSE(line_get(&line));
        line_close(&line);
    }
}

/* rom-protocol.md 10: the S3 starts it by its hook word, the C3 not at all. */
static void test_secure_boot(void)
{
    uint8_t zeros[8] = {0};
    line_open(&line, row_of("esp32s3"), "?secure-boot");
    upload();
    CU_ASSERT_EQUAL(ASK(&line, 0x06, 0, 0, TEXT), 0);
    CU_ASSERT_FALSE(line_get(&line)); /* it does not jump */
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 8);
    upload();
    CU_ASSERT_EQUAL(ASK(&line, 0x06, 0, 1, 0), 0);
    uint32_t kept = peek(&line, HOOK);
    poke(&line, HOOK, TEXT);
    line_request(&line, 0x0E, zeros, sizeof zeros, 0);
    expect_greeting();
    CU_ASSERT_EQUAL(ASK_STUB(&line, 0x09, 0, HOOK, kept, 0xFFFFFFFF, 0), 0);
    CU_ASSERT_EQUAL(line_sync_count(&line, 0, 2), 8);
    line_close(&line);

    line_open(&line, row_of("esp32c3"), "?secure-boot");
    line_request(&line, 0x14, NULL, 0, 0);
    CU_ASSERT_EQUAL(line_answer(&line, 0x14, 20, 4), 0);
    CU_ASSERT_EQUAL(le32(line.body + 8), 1);
    upload();
    CU_ASSERT_NOT_EQUAL(ASK(&line, 0x06, 0, 0, TEXT), 0);
    CU_ASSERT_FALSE(line_get(&line));
    CU_ASSERT_EQUAL(ASK(&line, 0x0A, 0, 0x60008838), 0); /* the loader is still there */
    CU_ASSERT_EQUAL(le32(line.body + 4) & 0x100000, 0x100000);
    line_close(&line);
}

/* Real timing, reckoned by hand: 10 bits a byte; 45 ms a sector, 150 ms a block of 64
 * KiB, 0.4 ms a page of 256 bytes. */
static void test_timing(void)
{
    uint8_t block[0x400];
    int64_t begin;
    memset(block, 0x11, sizeof block); /* nothing to escape */
    line_open(&line, row_of("esp32c3"), "?timing=real");
    line_attach(&line, 4 << 20);
    begin = line.now_us;
    (void)peek(&line, 0x3FCA0000);
    /* 14 bytes there, 14 back, 86.8 us each. */
    CU_ASSERT_EQUAL(line.now_us - begin, 2431);
    begin = line.now_us;
    CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x12000, 72, 0x10000, 0), 0);
    /* A block and two sectors; 30 + 14 bytes: 240,000 + 44 * 86.8. */
    CU_ASSERT_EQUAL(line.now_us - begin, 243820);
    begin = line.now_us;
    CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 0, 0, 4), 0);
    /* Four pages; 1050 + 14 bytes: 1600 + 1064 * 86.805. */
    CU_ASSERT_EQUAL(line.now_us - begin, 93961);
    CU_ASSERT_EQUAL(ASK(&line, 0x0F, 0, 921600, 0), 0);
    line.now_us += 50000;
    em_sim_set_baud(line.sim, 921600);
    begin = line.now_us;
    CU_ASSERT_EQUAL(line_block(&line, 0x03, block, 0x400, 1, 0, 4), 0);
    CU_ASSERT_EQUAL(line.now_us - begin, 13145); /* 1600 + 1064 * 10.85 */
    line_close(&line);
}

/* A host that cannot reset the chip sets the pace by its rate; with "strict-rate" it is
 * not understood until it has the chip's. */
static void test_pace(void)
{
    int64_t begin;
    line_open(&line, row_of("esp32c3"), "?timing=real");
    CU_ASSERT_EQUAL(ASK(&line, 0x0F, 0, 921600, 0), 0);
    line.now_us += 50000;
    em_sim_set_pace(line.sim, 115200); /* the second host */
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 8);
    begin = line.now_us;
    (void)peek(&line, 0x3FCA0000);
    CU_ASSERT_EQUAL(line.now_us - begin, 2431);
    line_close(&line);

    line_open(&line, row_of("esp32c3"), "?strict-rate");
    em_sim_set_pace(line.sim, 115200);
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4), 8);
    CU_ASSERT_EQUAL(ASK(&line, 0x0F, 0, 921600, 0), 0);
    line.now_us += 50000;
    line_sync(&line);
    CU_ASSERT_EQUAL(em_sim_next_us(line.sim), INT64_MAX);
    em_sim_set_pace(line.sim, 921600);
    line_sync(&line); /* ends the rubbish */
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, 4) >= 8, true);
    line_close(&line);
}

static const struct em_test tests[] = {
    {"upload", test_upload}, {"rules of the stub", test_rules},
    {"reading", test_read},  {"secure boot", test_secure_boot},
    {"timing", test_timing}, {"pace", test_pace},
};

EM_TEST_MAIN("flasher/sim trace stub", tests)
