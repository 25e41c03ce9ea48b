/* SPDX-License-Identifier: Apache-2.0 */
/* Which chip is it: every path, and what is told of a wrong one; then who it is. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

enum { NO_SECURITY = -1, S2_SECURITY = -2 };

static const char s2_plain[] = "00000000 00 00000000000000 00000000";
static const char s2_secure[] = "04000000 00 00000000000000 00000000";

/* What GET_SECURITY_INFO brings, the magic word (0 with @c refuse: refused). */
static const struct {
    const char *name, *wanted;
    int id; /* 0 or above: answered so */
    uint32_t flags, magic;
    bool refuse_reads, flat;
    enum em_status status;
    const char *chip, *what, *ops;
    bool secure;
} rows[] = {
    /* clang-format off */
    {"by id", NULL, 5, 0, 0, false, false, EM_OK, "esp32c3", "", "08 14", false},
    {"P4", NULL, 18, 0, 0, false, false, EM_OK, "esp32p4", "", "08 14 0a 0a", false},
    {"told and right", "esp32c6", 13, 0, 0, false, false, EM_OK, "esp32c6", "", "08 14", false},
    {"in any spelling", "ESP32-C6", 13, 0, 0, false, false, EM_OK, "esp32c6", "", "08 14", false},
    {"told and wrong", "esp32c6", 5, 0, 0, false, false, EM_ERR_CHIP, NULL,
        "port script: this chip is ESP32-C3, not ESP32-C6", "08 14", false},
    {"secure download", NULL, 5, 4, 0, true, false, EM_OK, "esp32c3", "", "08 14", true},
    {"ESP32", NULL, NO_SECURITY, 0, 0x00F01D83, false, false, EM_OK, "esp32", "", "08 14 0a 0a", false},
    {"ESP32, flat refusal", NULL, NO_SECURITY, 0, 0x00F01D83, false, true, EM_OK, "esp32", "", "08 14 0a 0a", false},
    {"ESP8266", NULL, NO_SECURITY, 0, 0xFFF0C101, false, false, EM_OK, "esp8266", "", "08 14 0a 0a", false},
    {"ESP32, told", "esp32", NO_SECURITY, 0, 0x00F01D83, false, false, EM_OK, "esp32", "", "08 0a 0a", false},
    {"ESP8266 instead of ESP32", "esp32", NO_SECURITY, 0, 0xFFF0C101, false, false, EM_ERR_CHIP, NULL,
        "this chip is ESP8266, not ESP32", "08 0a 0a 14 0a 0a", false},
    {"C3 instead of ESP32", "esp32", 5, 0, 0x1B31506F, false, false, EM_ERR_CHIP, NULL,
        "this chip is ESP32-C3, not ESP32", "08 0a 0a 14", false},
    {"ESP32 instead of C3", "esp32c3", NO_SECURITY, 0, 0x00F01D83, false, false, EM_ERR_CHIP, NULL,
        "this chip is ESP32, not ESP32-C3", "08 14 0a 0a", false},
    {"S2", NULL, S2_SECURITY, 0, 0x7C6, false, false, EM_OK, "esp32s2", "", "08 14 0a 0a", false},
    {"S2, told", "esp32s2", S2_SECURITY, 0, 0x7C6, false, false, EM_OK, "esp32s2", "", "08 0a 0a", false},
    {"S2, secure download", NULL, S2_SECURITY, 4, 0, true, false, EM_OK, "esp32s2", "", "08 14 0a", true},
    {"S2, secure download, flat", NULL, S2_SECURITY, 4, 0, true, true, EM_OK, "esp32s2", "", "08 14 0a", true},
    {"S2, secure download, told", "esp32s2", S2_SECURITY, 4, 0, true, false, EM_OK, "esp32s2", "", "08 0a 0a 14 0a", true},
    {"S2 instead of S3", "esp32s3", S2_SECURITY, 4, 0, true, false, EM_ERR_CHIP, NULL,
        "this chip is ESP32-S2, not ESP32-S3", "08 14 0a", true},
    {"unknown id", NULL, 200, 0, 0, false, false, EM_ERR_CHIP, NULL,
        "port script: unknown chip: chip id 0xc8", "08 14", false},
    {"unknown id, told", "esp32c3", 200, 0, 0, false, false, EM_OK, "esp32c3", "", "08 14", false},
    {"unknown word", NULL, NO_SECURITY, 0, 0x12345678, false, false, EM_ERR_CHIP, NULL,
        "port script: unknown chip: magic word 0x12345678", "08 14 0a 0a 14", false},
    {"nothing works", NULL, NO_SECURITY, 0, 0, true, false, EM_ERR_UNSUPPORTED, NULL,
        "does not know or allow", "08 14 0a 0a 14", false},
    /* clang-format on */
};

static void make_chip(struct script *s, size_t i)
{
    if (rows[i].id >= 0)
        script_chip(s, (uint32_t)rows[i].id, rows[i].flags);
    else if (rows[i].id == S2_SECURITY)
        (void)script_rule(
            s, (struct script_rule){.op = EM_OP_GET_SECURITY_INFO,
                                    .times = -1,
                                    .reply = rows[i].flags != 0 ? s2_secure : s2_plain});
    else if (!rows[i].flat)
        script_refuse(s, EM_OP_GET_SECURITY_INFO);
    else
        (void)script_rule(s, (struct script_rule){.op = EM_OP_GET_SECURITY_INFO,
                                                  .times = -1,
                                                  .reply = "01050000"});
    if (rows[i].refuse_reads && rows[i].flat)
        (void)script_rule(s, (struct script_rule){
                                 .op = EM_OP_READ_REG, .times = -1, .reply = "01050000"});
    else if (rows[i].refuse_reads)
        script_refuse(s, EM_OP_READ_REG);
    *script_reg(s, EM_CHIP_MAGIC_ADDR) = rows[i].magic;
}

static void test_paths(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct script *s = script_new();
        struct script_log log = {.stop_after = 0};
        struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
        struct em_device *dev;
        struct em_error err = {.what = ""};
        options.chip = rows[i].wanted;
        options.before = EM_BEFORE_NO_RESET;
        options.hooks = (struct em_hooks){.log = script_on_log, .user = &log};
        make_chip(s, i);
        enum em_status status = em_rom_device_new(&dev, &s->io, &options, &err);
        if (status != rows[i].status || strcmp(s->ops, rows[i].ops) != 0)
            printf("\n  %s: %s\n", rows[i].name, s->ops);
        EM_CHECK_STATUS(status, rows[i].status, &err);
        EM_CHECK_HAS(err.what, rows[i].what);
        CU_ASSERT_STRING_EQUAL(s->ops, rows[i].ops);
        if (status == EM_OK) {
            CU_ASSERT_STRING_EQUAL(dev->chip->id, rows[i].chip);
            CU_ASSERT_EQUAL(dev->secure_download, rows[i].secure);
        }
        if (rows[i].id == 200 && status == EM_OK)
            EM_CHECK_HAS(log.text, "W:unknown chip id 0xc8; taken for ESP32-C3 as told");
        em_device_close(dev);
        script_end(s);
    }
}

/* The answer to GET_SECURITY_INFO got lost for good: once more from the start. */
static void test_again(void)
{
    struct script *s = script_new();
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err;
    (void)script_rule(
        s, (struct script_rule){.op = EM_OP_GET_SECURITY_INFO, .times = 3, .raw = ""});
    script_chip(s, 5, 0);
    EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(s->ops, "08 14 08 14 08 14 08 14");
    CU_ASSERT_EQUAL(s->line_events, 12);
    em_device_close(dev);
    script_end(s);
}

/* A stub that was left running shows by its SYNC, or by its short status. */
static void test_running_stub(void)
{
    for (int no_sync = 0; no_sync < 2; no_sync++) {
        struct script *s = script_new();
        struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
        struct em_device *dev;
        struct em_error err;
        options.before = no_sync ? EM_BEFORE_NO_RESET_NO_SYNC : EM_BEFORE_NO_RESET;
        s->sync_value = 0;
        s->trailer = 2;
        (void)script_rule(s, (struct script_rule){.op = EM_OP_GET_SECURITY_INFO,
                                                  .times = -1,
                                                  .reply = "c300"});
        *script_reg(s, EM_CHIP_MAGIC_ADDR) = 0x00F01D83;
        EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
        CU_ASSERT_STRING_EQUAL(dev->chip->id, "esp32");
        CU_ASSERT_TRUE(dev->stub);
        CU_ASSERT_EQUAL(dev->flash_block, 0x4000);
        em_device_close(dev);
        script_end(s);
    }
}

/* One or two garbled SYNC answers do not make a stub of a ROM. */
static void test_garbled_sync(void)
{
    struct script *s = script_new();
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err;
    (void)script_rule(s,
                      (struct script_rule){.op = EM_OP_SYNC,
                                           .times = 1,
                                           .raw = "c0 01 08 0400 00000000 00000000 c0"
                                                  "c0 01 08 0400 07071220 00000000 c0"
                                                  "c0 01 08 0400 07071220 00000000 c0"
                                                  "c0 01 08 0400 07071220 00000000 c0"});
    script_chip(s, 5, 0);
    EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
    CU_ASSERT_FALSE(dev->stub);
    CU_ASSERT_EQUAL(s->now_us, 250000); /* the reset, and 100 ms for four more */
    em_device_close(dev);
    script_end(s);
}

static void test_security(void)
{
    struct script *s = script_new();
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err;
    struct em_security_info info;
    (void)script_rule(
        s, (struct script_rule){
               .op = EM_OP_GET_SECURITY_INFO,
               .times = -1,
               .reply = "21010000 07 0102030405060a 05000000 01020000 00000000"});
    EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_device_security_info(dev, &info, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(info.flags, 0x121);
    CU_ASSERT_EQUAL(info.crypt_count, 7);
    EM_CHECK_BYTES(info.key_purposes, "\x01\x02\x03\x04\x05\x06\x0a", 7);
    CU_ASSERT_TRUE(info.has_chip_id);
    CU_ASSERT_EQUAL(info.chip_id, 5);
    CU_ASSERT_EQUAL(info.api_version, 0x201);
    CU_ASSERT_STRING_EQUAL(s->ops, "08 14"); /* known since detection */
    dev->chip = em_chip_find("esp32");
    EM_CHECK_STATUS(em_device_security_info(dev, &info, &err), EM_ERR_UNSUPPORTED, &err);
    EM_CHECK_HAS(err.what, "ESP32 has no security information");
    em_device_close(dev);
    script_end(s);
}

/* chip-info.csv, esp32c3: revision 0.4 by block 1 words 3 and 5, MAC by words 0 and 1. */
static void test_info(void)
{
    struct script *s = script_new();
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err;
    const struct em_device_info *info;
    script_chip(s, 5, 0);
    *script_reg(s, 0x60008844) = 0x33445566;
    *script_reg(s, 0x60008848) = 0xFFFF1122;
    *script_reg(s, 0x60008850) = 4u << 18 | 1u << 27;
    *script_reg(s, 0x60008854) = 1;
    EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_device_info(dev, &info, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(info->chip, "esp32c3");
    CU_ASSERT_STRING_EQUAL(info->name, "ESP32-C3");
    CU_ASSERT_EQUAL(info->revision, 4);
    CU_ASSERT_STRING_EQUAL(info->description, "ESP32-C3 (QFN32) (revision v0.4)");
    EM_CHECK_HAS(info->features, "Embedded Flash 4MB (XMC)");
    CU_ASSERT_STRING_EQUAL(info->usb_mode, "");
    CU_ASSERT_EQUAL(info->crystal_mhz, 40);
    EM_CHECK_BYTES(info->mac, "\x11\x22\x33\x44\x55\x66", 6);
    CU_ASSERT_FALSE(info->has_eui64 || info->secure_download || info->stub);
    unsigned frames = s->frames;
    EM_CHECK_STATUS(em_device_info(dev, &info, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(s->frames, frames); /* asked once */
    em_device_close(dev);
    script_end(s);
}

/* A garbled reading of the MAC is not believed. */
static void test_garbled_mac(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct script *s = script_new();
        struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
        struct em_device *dev;
        struct em_error err;
        const struct em_device_info *info;
        script_chip(s, 5, 0);
        *script_reg(s, 0x60008844) = 0x33445566;
        *script_reg(s, 0x60008848) = 0x1122;
        EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
        /* The first reading of that word has a flipped bit; in the second run each one
         * has another. */
        for (unsigned k = 0; k < (i == 0 ? 1 : 6); k++)
            (void)script_rule(s, (struct script_rule){.op = EM_OP_READ_REG,
                                                      .data = "44880060",
                                                      .times = 1,
                                                      .value = 0x33445567 + k,
                                                      .reply = "00000000"});
        EM_CHECK_STATUS(em_device_info(dev, &info, &err), i == 0 ? EM_OK : EM_ERR_LINK,
                        &err);
        if (i == 0)
            EM_CHECK_BYTES(info->mac, "\x11\x22\x33\x44\x55\x66", 6);
        else
            EM_CHECK_HAS(err.what, "register 0x60008844 reads differently each time");
        em_device_close(dev);
        script_end(s);
    }
}

static void test_secure_info(void)
{
    struct script *s = script_new();
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err;
    const struct em_device_info *info;
    uint32_t word;
    script_chip(s, 5, 4);
    script_refuse(s, EM_OP_READ_REG);
    EM_CHECK_STATUS(em_rom_device_new(&dev, &s->io, &options, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_device_info(dev, &info, &err), EM_OK, &err);
    CU_ASSERT_TRUE(info->secure_download);
    CU_ASSERT_STRING_EQUAL(info->name, "ESP32-C3");
    CU_ASSERT_STRING_EQUAL(info->description, "");
    CU_ASSERT_STRING_EQUAL(s->ops, "08 14");
    EM_CHECK_STATUS(em_device_read_word(dev, 0x60008844, &word, &err), EM_ERR_UNSUPPORTED,
                    &err);
    EM_CHECK_HAS(err.hint, "secure download mode");
    em_device_close(dev);
    script_end(s);
}

static const struct em_test tests[] = {
    {"paths", test_paths},
    {"again", test_again},
    {"running stub", test_running_stub},
    {"garbled sync", test_garbled_sync},
    {"security information", test_security},
    {"information", test_info},
    {"garbled MAC", test_garbled_mac},
    {"secure download mode", test_secure_info},
};

EM_TEST_MAIN("flasher/rom/detect", tests)
