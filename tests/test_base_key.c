/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of secret keys: random ones, comparing, wiping, fingerprints. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the way to a generator that fails */
#include "config.h"

#include <espmfg/key.h>

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <openssl/rand.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Bytes behind the length are the caller's business: they stay as they are. */
static void random_lengths(void)
{
    for (size_t len = 1; len <= EM_KEY_MAX; len++) {
        struct em_error err = {0};
        struct em_key key = {0};
        memset(key.bytes, 0xA5, sizeof key.bytes);
        EM_CHECK_STATUS(em_key_random(&key, len, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(key.len, len);
        size_t at = len;
        while (at < EM_KEY_MAX && key.bytes[at] == 0xA5)
            at++;
        CU_ASSERT_EQUAL(at, EM_KEY_MAX);
    }
}

/* No bit of a key stands still: in 200 keys that happens by chance once in 2^190 runs. */
static void random_bits(void)
{
    uint8_t ones[EM_KEY_MAX] = {0}, zeros[EM_KEY_MAX] = {0};
    struct em_key last = {0};
    for (unsigned i = 0; i < 200; i++) {
        struct em_error err = {0};
        struct em_key key;
        EM_CHECK_STATUS(em_key_random(&key, EM_KEY_MAX, &err), EM_OK, &err);
        CU_ASSERT_FALSE(em_key_equal(&key, &last));
        for (size_t j = 0; j < EM_KEY_MAX; j++) {
            ones[j] |= key.bytes[j];
            zeros[j] |= (uint8_t)~key.bytes[j];
        }
        last = key;
    }
    for (size_t j = 0; j < EM_KEY_MAX; j++)
        CU_ASSERT_EQUAL(ones[j] & zeros[j], 0xFF);
}

static int fail(unsigned char *out, int len)
{
    memset(out, 0x42, (size_t)len / 2); /* half of a key must not be left */
    return 0;
}

static int ready(void)
{
    return 1;
}

static void random_fails(void)
{
    static const struct em_key none;
    RAND_METHOD method = {NULL, fail, NULL, NULL, fail, ready};
    for (size_t len = 1; len <= EM_KEY_MAX; len += 9) {
        struct em_error err = {0};
        struct em_key key = {.len = 7};
        memset(key.bytes, 0xA5, sizeof key.bytes);
        require(RAND_set_rand_method(&method) == 1);
        enum em_status status = em_key_random(&key, len, &err);
        require(RAND_set_rand_method(NULL) == 1);
        EM_CHECK_STATUS(status, EM_ERR_CRYPTO, &err);
        EM_CHECK_HAS(err.what, "random generator");
        CU_ASSERT_TRUE(err.hint[0] != '\0');
        CU_ASSERT_EQUAL(key.len, 0);
        EM_CHECK_BYTES(key.bytes, none.bytes, sizeof key.bytes);
    }
}

/* All of it, also what lies behind the length. */
static void wipes(void)
{
    static const struct em_key none;
    struct em_key *key = need(malloc(sizeof *key));
    for (size_t len = 0; len <= EM_KEY_MAX; len += 16) {
        memset(key, 0xA5, sizeof *key);
        key->len = len;
        em_key_wipe(key);
        CU_ASSERT_EQUAL(key->len, 0);
        EM_CHECK_BYTES(key->bytes, none.bytes, sizeof key->bytes);
    }
    free(key);
    em_key_wipe(NULL);
}

static void compares(void)
{
    struct em_key a = {0}, b = {0};
    for (size_t len = 0; len <= EM_KEY_MAX; len++) {
        memset(a.bytes, 0x3C, sizeof a.bytes);
        memset(b.bytes, 0x3C, sizeof b.bytes);
        a.len = b.len = len;
        CU_ASSERT_EQUAL(em_key_equal(&a, &b), 1);
        for (size_t bit = 0; bit < EM_KEY_MAX * 8; bit++) {
            b.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CU_ASSERT_EQUAL(em_key_equal(&a, &b), bit / 8 >= len);
            b.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        if (len > 0) { /* one is the beginning of the other */
            b.len = len - 1;
            CU_ASSERT_EQUAL(em_key_equal(&a, &b), 0);
            CU_ASSERT_EQUAL(em_key_equal(&b, &a), 0);
        }
    }
}

/* FIPS 180-2, examples of SHA-256, and the hash of nothing. */
static void fingerprints(void)
{
    static const struct {
        const char *bytes, *wanted;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_error err = {0};
        struct em_key key = {.len = strlen(cases[i].bytes)};
        char out[EM_KEY_FINGERPRINT_SIZE + 1];
        memset(key.bytes, 0xEE, sizeof key.bytes); /* must not come into it */
        memcpy(key.bytes, cases[i].bytes, key.len);
        memset(out, '#', sizeof out);
        EM_CHECK_STATUS(em_key_fingerprint(&key, out, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(out[EM_KEY_FINGERPRINT_SIZE], '#');
        CU_ASSERT_STRING_EQUAL(out, cases[i].wanted);
    }
}

static const struct em_test tests[] = {
    {"random: lengths", random_lengths},
    {"random: bits", random_bits},
    {"random: failure", random_fails},
    {"wipe", wipes},
    {"compare", compares},
    {"fingerprint", fingerprints},
};

EM_TEST_MAIN("base/key", tests)
