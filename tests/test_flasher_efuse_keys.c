/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, digests, protection and what is refused, on virtual chips and over the wire. */
#include "config.h"

#include "base/file_int.h"
#include "base/hex_int.h"
#include "tests/test_flasher_efuse_host_util.h"

static const uint8_t key[64] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,
                                14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
                                27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38};

static enum em_status burn(struct em_efuses *e, struct em_error *err)
{
    enum em_efuses_result result;
    return em_efuses_burn(e, NULL, NULL, &result, err);
}

static void check_block(const struct em_efuses *e, const char *name, const char *hex)
{
    struct em_efuses_block block;
    struct em_error err = {0};
    char got[2 * 32 + 1] = "";
    EM_CHECK_STATUS(em_efuses_block_find(e, name, &block, &err), EM_OK, &err);
    em_hex_encode(got, block.data, 32);
    CU_ASSERT_STRING_EQUAL(got, hex);
}

/* Public keys in PEM files; the digests are those that published tools burn. */
static void test_digests(void)
{
    static const struct {
        const char *chip, *file, *block, *purpose, *hex;
    } rows[] = {
        {"esp32c3", "rsa3072_pub.pem", "BLOCK_KEY2", "SECURE_BOOT_DIGEST0",
         "97fc7d6637c1244e1b2041cdcac78184"
         "eb1ff1aa0cf17c378ca5037fcde593f9"},
        {"esp32c3", "ec_p256_pub.pem", "BLOCK_KEY1", "SECURE_BOOT_DIGEST1",
         "1bd965dc5307a88975cdb5039b8ed7da"
         "35794e614f013a7e639109cdd19284ba"},
        {"esp32c2", "ec_p256.pem", NULL, NULL,
         "00000000000000000000000000000000"
         "1bd965dc5307a88975cdb5039b8ed7da"},
        {"esp32c2", "ec_p192_pub.pem", NULL, NULL,
         "00000000000000000000000000000000"
         "9ff71f0e227e122bb08725ff085354d0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_error err = {0};
        struct em_buf pem = {0};
        char path[512];
        const char *top = getenv("top_srcdir");
        (void)snprintf(path, sizeof path, "%s/tests/data/efuse/%s",
                       top == NULL ? "." : top, rows[i].file);
        EM_CHECK_STATUS(em_file_read(&pem, path, 65536, &err), EM_OK, &err);
        struct em_efuses *e = virtual_open(rows[i].chip, false);
        const struct em_efuses_key given = {rows[i].block, pem.data, pem.len,
                                            rows[i].purpose, false};
        EM_CHECK_STATUS(em_efuses_stage_key_digests(e, &given, 1, NULL, &err), EM_OK,
                        &err);
        EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
        check_block(e, rows[i].block == NULL ? "BLOCK_KEY0" : rows[i].block, rows[i].hex);
        em_efuses_close(e);
        em_buf_free(&pem);
    }
}

/* What has to be refused, and a word of the reason. */
static void test_refused_keys(void)
{
    static const struct {
        const char *chip, *block;
        size_t len;
        const char *purpose;
        enum em_status status;
        const char *why;
    } rows[] = {
        {"esp32c3", "BLOCK_KEY0", 31, "USER", EM_ERR_INPUT, "31 bytes, 32"},
        {"esp32c3", "BLOCK_KEY0", 64, "HMAC_UP", EM_ERR_INPUT, "64 bytes, 32"},
        {"esp32s2", "BLOCK_KEY0", 32, "XTS_AES_256_KEY", EM_ERR_INPUT, "32 bytes, 64"},
        {"esp32c3", "BLOCK_KEY0", 32, "XTS_AES_256_KEY", EM_ERR_USAGE, "no purpose"},
        {"esp32c3", "BLOCK_KEY5", 32, "XTS_AES_128_KEY", EM_ERR_REFUSED, "cannot hold"},
        {"esp32c3", "BLOCK3", 32, "USER", EM_ERR_USAGE, "no block for"},
        {"esp32c3", "BLOCK99", 32, "USER", EM_ERR_USAGE, "no eFuse block"},
        {"esp32c5", "BLOCK_KEY0", 32, "ECDSA_KEY", EM_ERR_INPUT, "PEM"},
        {"esp32", "BLOCK0", 32, NULL, EM_ERR_USAGE, "no block for a key"},
        {"esp32", "auto", 32, NULL, EM_ERR_USAGE, "block tells"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_error err = {0};
        struct em_efuses *e = virtual_open(rows[i].chip, false);
        const struct em_efuses_key given = {rows[i].block, key, rows[i].len,
                                            rows[i].purpose, false};
        EM_CHECK_STATUS(em_efuses_stage_keys(e, &given, 1, NULL, &err), rows[i].status,
                        &err);
        EM_CHECK_HAS(err.what, rows[i].why);
        CU_ASSERT_EQUAL(burn(e, &err), EM_ERR_REFUSED);
        em_efuses_close(e);
    }
}

static void test_occupied(void)
{
    static const struct em_efuses_key first = {"BLOCK_KEY0", key, 32, "HMAC_UP", false};
    static const struct em_efuses_key other = {"BLOCK_KEY0", key + 4, 32, "HMAC_UP",
                                               false};
    static const struct em_efuses_key purpose = {"BLOCK_KEY0", key, 32, "USER", false};
    static const struct em_efuses_key any = {"auto", key + 4, 32, "HMAC_UP", false};
    const struct em_efuses_key_options open = {true, true};
    struct em_error err = {0};
    struct em_efuses *e = virtual_open("esp32c6", false);
    EM_CHECK_STATUS(em_efuses_stage_keys(e, &first, 1, &open, &err), EM_OK, &err);
    EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_stage_keys(e, &other, 1, &open, &err), EM_ERR_REFUSED,
                    &err);
    EM_CHECK_HAS(err.what, "BLOCK_KEY0 holds another key");
    em_efuses_unstage(e);
    EM_CHECK_STATUS(em_efuses_stage_keys(e, &purpose, 1, &open, &err), EM_ERR_REFUSED,
                    &err);
    EM_CHECK_HAS(err.what, "HMAC_UP");
    em_efuses_unstage(e);
    EM_CHECK_STATUS(em_efuses_stage_block(e, "BLOCK_KEY0", key + 4, 32, 0, &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL(burn(e, &err), EM_ERR_REFUSED);
    EM_CHECK_HAS(err.what, "BLOCK_KEY0 holds other data");
    CU_ASSERT_STRING_EQUAL(em_efuses_free_key_block(e), "BLOCK_KEY1");
    EM_CHECK_STATUS(em_efuses_stage_keys(e, &any, 1, NULL, &err), EM_OK, &err);
    EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(em_efuses_free_key_block(e), "BLOCK_KEY2");
    em_efuses_close(e);
}

static enum em_status protect(struct em_efuses *e, const char *name, bool read,
                              struct em_error *err)
{
    return read ? em_efuses_stage_read_protect(e, &name, 1, err)
                : em_efuses_stage_write_protect(e, &name, 1, err);
}

static void test_protect(void)
{
    static const struct {
        const char *chip, *name;
        bool read;
        enum em_status status;
    } rows[] = {
        {"esp32c3", "BLOCK_KEY0", true, EM_ERR_REFUSED}, /* USER must stay readable */
        {"esp32c3", "KEY0", true, EM_ERR_REFUSED},       /* the same by its alias */
        {"esp32c3", "DIS_TWAI", true, EM_ERR_REFUSED},
        {"esp32c3", "BLOCK_SYS_DATA2", true, EM_OK},
        {"esp32c3", "WR_DIS", false, EM_ERR_REFUSED},
        {"esp32c3", "DIS_TWAI", false, EM_OK},
        {"esp32c3", "NOTHING", false, EM_ERR_USAGE},
        {"esp32c2", "BLOCK_KEY0", true, EM_ERR_REFUSED},
        {"esp32c2", "BLOCK_KEY0_LOW_128", true, EM_OK},
        {"esp32", "WR_DIS", false, EM_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_error err = {0};
        struct em_efuses *e = virtual_open(rows[i].chip, false);
        EM_CHECK_STATUS(protect(e, rows[i].name, rows[i].read, &err), rows[i].status,
                        &err);
        if (rows[i].status == EM_OK) {
            EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
            EM_CHECK_STATUS(em_efuses_check_after(e, &err), EM_OK, &err);
        }
        em_efuses_close(e);
    }
}

/* With RD_DIS closed no key can be hidden any more: nothing at all is burned. */
static void test_closed_rd_dis(void)
{
    static const struct em_efuses_key given = {"BLOCK_KEY0", key, 32, "HMAC_UP", false};
    struct em_error err = {0};
    struct em_efuses *e = virtual_open("esp32h2", false);
    EM_CHECK_STATUS(protect(e, "RD_DIS", false, &err), EM_OK, &err);
    EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_stage_keys(e, &given, 1, NULL, &err), EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.what, "RD_DIS is write protected");
    CU_ASSERT_EQUAL(burn(e, &err), EM_ERR_REFUSED);
    CU_ASSERT_STRING_EQUAL(em_efuses_free_key_block(e), "BLOCK_KEY0");
    em_efuses_close(e);
}

/* No key may be seen in a trace of the wire, going there or coming back. */
struct seen {
    bool key;
    unsigned lines;
};

static void look(void *user, int64_t time_us, const char *what, const char *text,
                 const uint8_t *bytes, size_t len)
{
    (void)time_us, (void)what, (void)text;
    struct seen *seen = user;
    seen->lines++;
    for (size_t i = 0; i + 4 <= len; i++)
        for (size_t k = 0; k + 4 <= 32; k += 4)
            seen->key = seen->key || memcmp(bytes + i, key + k, 4) == 0;
}

static void test_wire(void)
{
    static const char *const chips[] = {"sim:esp32", "sim:esp32c3", "sim:esp32s3"};
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        struct em_error err = {0};
        struct seen seen = {0};
        struct em_device *dev = NULL;
        struct em_efuses *e = NULL;
        struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
        const struct em_efuses_options plain = EM_EFUSES_OPTIONS_INIT;
        options.trace.line = look;
        options.trace.user = &seen;
        bool old = i == 0;
        const struct em_efuses_key given = {old ? "BLOCK1" : "BLOCK_KEY0", key, 32,
                                            old ? NULL : "USER", false};
        EM_CHECK_STATUS(em_device_open(&dev, chips[i], &options, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_efuses_open(&e, dev, &plain, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_efuses_stage_keys(e, &given, 1, NULL, &err), EM_OK, &err);
        EM_CHECK_STATUS(burn(e, &err), EM_OK, &err);
        struct em_efuses_block block;
        EM_CHECK_STATUS(em_efuses_block_find(e, given.block, &block, &err), EM_OK, &err);
        EM_CHECK_BYTES(block.data, key, 32);
        CU_ASSERT_FALSE(block.writeable);
        CU_ASSERT_TRUE(seen.lines > 100);
        CU_ASSERT_FALSE(seen.key);
        em_efuses_close(e);
        em_device_close(dev);
    }
}

static const struct em_test tests[] = {
    {"digests of public keys", test_digests}, {"refused keys", test_refused_keys},
    {"occupied blocks", test_occupied},       {"protection", test_protect},
    {"closed RD_DIS", test_closed_rd_dis},    {"over the wire", test_wire},
};

EM_TEST_MAIN("flasher/efuse/efuses_keys and _protect", tests)
