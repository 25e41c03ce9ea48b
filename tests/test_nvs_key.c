/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of NVS keys: the key partition, derived keys, random keys, and bad ones. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the way to a generator that fails */
#include "config.h"

#include <espmfg/nvs.h>

#include "base/hex_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* CRC-32 bit by bit, register started at 0, result complemented. */
static uint32_t crc_of(const uint8_t *data, size_t len)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

static struct em_key key_of(uint8_t data, uint8_t tweak)
{
    struct em_key key = {.len = 64};
    memset(key.bytes, data, 32);
    memset(key.bytes + 32, tweak, 32);
    return key;
}

static bool is_wiped(const struct em_key *key)
{
    static const struct em_key none;
    return key->len == 0 && memcmp(key->bytes, none.bytes, sizeof none.bytes) == 0;
}

static void test_check(void)
{
    struct em_error err = {0};
    struct em_key key = key_of(0x11, 0x22);
    EM_CHECK_STATUS(em_nvs_key_check(&key, &err), EM_OK, &err);
    for (size_t len = 0; len < 64; len++) {
        char text[64];
        key.len = len;
        EM_CHECK_STATUS(em_nvs_key_check(&key, &err), EM_ERR_INPUT, &err);
        (void)snprintf(text, sizeof text, "key of %zu bytes, 64 are needed", len);
        EM_CHECK_HAS(err.what, text);
    }
    key = key_of(0x33, 0x33);
    EM_CHECK_STATUS(em_nvs_key_check(&key, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "halves");
    EM_CHECK_HAS(err.hint, "generate-key");
    key = key_of(0xFF, 0xFF);
    EM_CHECK_STATUS(em_nvs_key_check(&key, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "0xFF");
    EM_CHECK_STATUS(em_nvs_key_check(&key, NULL), EM_ERR_INPUT, &err);
    /* One bit is enough to be a key, wherever it is. */
    for (unsigned bit = 0; bit < 512; bit++) {
        key = key_of(0xFF, 0xFF);
        key.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EM_CHECK_STATUS(em_nvs_key_check(&key, &err), EM_OK, &err);
        key = key_of(0x5A, 0x5A);
        key.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EM_CHECK_STATUS(em_nvs_key_check(&key, &err), EM_OK, &err);
    }
}

/* 64 bytes, their CRC, erased flash. The CRC of the first key is the format document's.
 */
static void test_partition(void)
{
    static const uint8_t pairs[][2] = {{0x11, 0x22}, {0, 1}, {0xFF, 0}, {0xAB, 0xCD}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct em_key key = key_of(pairs[i][0], pairs[i][1]);
        uint8_t got[4096 + 1], wanted[4096];
        memset(got, 0, sizeof got);
        memset(wanted, 0xFF, sizeof wanted);
        memcpy(wanted, key.bytes, 64);
        for (size_t j = 0; j < 4; j++)
            wanted[64 + j] = (uint8_t)(crc_of(key.bytes, 64) >> 8 * j);
        em_nvs_key_partition(got, &key);
        EM_CHECK_BYTES(got, wanted, sizeof wanted);
        CU_ASSERT_EQUAL(got[4096], 0);
        if (i == 0)
            EM_CHECK_BYTES(got + 64, "\x2C\xEF\xCF\x3C", 4);
    }
}

/* 64 bytes are a key, 68 and more a partition; what is behind the CRC does not count. */
static void test_parse(void)
{
    static const size_t lens[] = {64, 68, 69, 100, 4095, 4096};
    uint8_t data[4096];
    struct em_key key = key_of(0x11, 0x22);
    em_nvs_key_partition(data, &key);
    for (size_t i = 0; i < COUNT(lens) * 2; i++) {
        struct em_error err = {0};
        struct em_key got = key_of(9, 9);
        uint8_t *exact = need(malloc(lens[i / 2])); /* so that reading on is seen */
        memcpy(exact, data, lens[i / 2]);
        if (i % 2 == 1 && lens[i / 2] > 68)
            exact[lens[i / 2] - 1] = 0;
        EM_CHECK_STATUS(em_nvs_key_parse(&got, exact, lens[i / 2], &err), EM_OK, &err);
        CU_ASSERT_TRUE(em_key_equal(&got, &key));
        free(exact);
    }
}

static void test_parse_lengths(void)
{
    static const size_t lens[] = {0, 1, 4, 32, 63, 65, 66, 67};
    uint8_t data[4096];
    struct em_key key = key_of(0x11, 0x22);
    em_nvs_key_partition(data, &key);
    for (size_t i = 0; i < COUNT(lens); i++) {
        struct em_error err = {0};
        struct em_key got = key_of(9, 9);
        char text[64];
        EM_CHECK_STATUS(em_nvs_key_parse(&got, data, lens[i], &err), EM_ERR_INPUT, &err);
        (void)snprintf(text, sizeof text, "%zu bytes: neither a key (64 bytes)", lens[i]);
        CU_ASSERT_EQUAL(strncmp(err.what, text, strlen(text)), 0);
        EM_CHECK_HAS(err.hint, "generate-key");
        CU_ASSERT_TRUE(is_wiped(&got));
    }
}

/* Any bit of the key or of the CRC that turned over is noticed. */
static void test_parse_damaged(void)
{
    uint8_t data[4096];
    struct em_key key = key_of(0x11, 0x22);
    em_nvs_key_partition(data, &key);
    for (unsigned bit = 0; bit < 68 * 8; bit++) {
        struct em_error err = {0};
        struct em_key got = key_of(9, 9);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        EM_CHECK_STATUS(em_nvs_key_parse(&got, data, 4096, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, "CRC");
        CU_ASSERT_TRUE(is_wiped(&got));
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Keys that no device takes, with a CRC that fits, without one, and erased flash. */
static void test_parse_impossible(void)
{
    static const struct {
        uint8_t byte;
        size_t len;
        bool crc;
        const char *what;
    } cases[] = {
        {0xFF, 64, false, "0xFF"},    {0xFF, 4096, true, "0xFF"},
        {0xFF, 4096, false, "CRC"},   {0x00, 64, false, "halves"},
        {0x00, 4096, true, "halves"}, {0x00, 4096, false, "CRC"},
        {0x77, 64, false, "halves"},  {0x77, 68, true, "halves"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_error err = {0};
        struct em_key got = key_of(9, 8);
        uint8_t data[4096];
        memset(data, cases[i].byte, sizeof data);
        for (size_t j = 0; j < 4 && cases[i].crc; j++)
            data[64 + j] = (uint8_t)(crc_of(data, 64) >> 8 * j);
        EM_CHECK_STATUS(em_nvs_key_parse(&got, data, cases[i].len, &err), EM_ERR_INPUT,
                        &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_TRUE(is_wiped(&got));
    }
}

/* HMAC-SHA256 by OpenSSL's EVP_MAC: not the call that the library makes. */
static void hmac(uint8_t out[32], const uint8_t key[32], const uint8_t *message,
                 size_t len)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[2];
    size_t out_len = 0;
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    params[1] = OSSL_PARAM_construct_end();
    EVP_MAC *mac = need(EVP_MAC_fetch(NULL, "HMAC", NULL));
    EVP_MAC_CTX *ctx = need(EVP_MAC_CTX_new(mac));
    require(EVP_MAC_init(ctx, key, 32, params) == 1);
    require(EVP_MAC_update(ctx, message, len) == 1);
    require(EVP_MAC_final(ctx, out, &out_len, 32) == 1 && out_len == 32);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}

/* The first case is the vector of the format document. */
static void test_derive(void)
{
    static const uint8_t messages[2][33] = {
        "\x5A\x5A\xBE\xAE\x5A\x5A\xBE\xAE\x5A\x5A\xBE\xAE\x5A\x5A\xBE\xAE"
        "\x5A\x5A\xBE\xAE\x5A\x5A\xBE\xAE\x5A\x5A\xBE\xAE\x5A\x5A\xBE\xAE",
        "\xA5\xA5\xDE\xCE\xA5\xA5\xDE\xCE\xA5\xA5\xDE\xCE\xA5\xA5\xDE\xCE"
        "\xA5\xA5\xDE\xCE\xA5\xA5\xDE\xCE\xA5\xA5\xDE\xCE\xA5\xA5\xDE\xCE"};
    uint32_t state = 31;
    for (size_t i = 0; i < 50; i++) {
        struct em_error err = {0};
        struct em_key key = {.len = 32}, got = key_of(9, 9);
        uint8_t wanted[64];
        for (size_t j = 0; j < 32; j++)
            key.bytes[j] = i == 0   ? (uint8_t)(j + 1)
                           : i == 1 ? 0
                                    : (uint8_t)(next_random(&state) >> 8);
        memset(key.bytes + 32, 0xEE, 32); /* is no part of the key */
        EM_CHECK_STATUS(em_nvs_key_derive(&got, &key, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(got.len, 64);
        for (size_t half = 0; half < 2; half++)
            hmac(wanted + half * 32, key.bytes, messages[half], 32);
        EM_CHECK_BYTES(got.bytes, wanted, 64);
        if (i != 0)
            continue;
        char hex[129];
        em_hex_encode(hex, got.bytes, 64);
        CU_ASSERT_STRING_EQUAL(
            hex, "ff6989e4fafd2d8cb313aa5743f0173f9b8a2c8587872832134682e0e0538dbd"
                 "9c8e2ba7513701768c3c22db4b0fe056daf8abfc9acff43a6f931d8373ac1f93");
    }
}

static void test_derive_lengths(void)
{
    static const size_t lens[] = {0, 1, 16, 31, 33, 64};
    for (size_t i = 0; i < COUNT(lens); i++) {
        struct em_error err = {0};
        struct em_key key = key_of(1, 2), got = key_of(9, 9);
        char text[64];
        key.len = lens[i];
        EM_CHECK_STATUS(em_nvs_key_derive(&got, &key, &err), EM_ERR_INPUT, &err);
        (void)snprintf(text, sizeof text, "HMAC key of %zu bytes, 32 are needed",
                       lens[i]);
        EM_CHECK_HAS(err.what, text);
        EM_CHECK_HAS(err.hint, "32 bytes");
        CU_ASSERT_TRUE(is_wiped(&got));
    }
}

static void test_random(void)
{
    struct em_key keys[20] = {{0}};
    struct em_error err = {0};
    for (size_t i = 0; i < COUNT(keys); i++) {
        EM_CHECK_STATUS(em_nvs_key_random(&keys[i], &err), EM_OK, &err);
        EM_CHECK_STATUS(em_nvs_key_check(&keys[i], &err), EM_OK, &err);
        for (size_t j = 0; j < i; j++)
            CU_ASSERT_FALSE(em_key_equal(&keys[i], &keys[j]));
    }
}

static int fail(unsigned char *out, int len)
{
    memset(out, 0x42, (size_t)len / 2); /* half of a key must not be left */
    return 0;
}

static int only_ff(unsigned char *out, int len)
{
    memset(out, 0xFF, (size_t)len);
    return 1;
}

static int always_same(unsigned char *out, int len)
{
    memset(out, 0x42, (size_t)len);
    return 1;
}

static int ready(void)
{
    return 1;
}

/* A generator that is broken must not end in a key that is used. */
static void test_random_broken(void)
{
    static const struct {
        int (*bytes)(unsigned char *out, int len);
        const char *what;
    } cases[] = {{fail, "random generator failed"},
                 {only_ff, "impossible key"},
                 {always_same, "impossible key"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        RAND_METHOD method = {NULL, cases[i].bytes, NULL, NULL, cases[i].bytes, ready};
        struct em_error err = {0};
        struct em_key key = key_of(9, 8);
        require(RAND_set_rand_method(&method) == 1);
        enum em_status status = em_nvs_key_random(&key, &err);
        require(RAND_set_rand_method(NULL) == 1);
        EM_CHECK_STATUS(status, EM_ERR_CRYPTO, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_TRUE(is_wiped(&key));
    }
    test_random(); /* and the true one works again */
}

static const struct em_test tests[] = {
    {"check", test_check},
    {"partition", test_partition},
    {"parse", test_parse},
    {"parse: lengths", test_parse_lengths},
    {"parse: damaged", test_parse_damaged},
    {"parse: keys that no device takes", test_parse_impossible},
    {"derive", test_derive},
    {"derive: lengths", test_derive_lengths},
    {"random", test_random},
    {"random: broken generator", test_random_broken},
};

EM_TEST_MAIN("nvs/key", tests)
