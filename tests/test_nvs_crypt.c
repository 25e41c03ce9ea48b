/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of image encryption, against OpenSSL's own AES-256-XTS, one entry at a time. */
#include "config.h"

#include <espmfg/nvs.h>

#include "base/hex_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <openssl/evp.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Encrypt or decrypt 32 bytes as one data unit with the number @p unit. */
static void xts(EVP_CIPHER_CTX *ctx, const struct em_key *key, uint64_t unit,
                bool encrypt, uint8_t *data)
{
    uint8_t tweak[16] = {0};
    int len = 0;
    for (size_t i = 0; i < 8; i++)
        tweak[i] = (uint8_t)(unit >> 8 * i);
    require(EVP_CipherInit_ex(ctx, EVP_aes_256_xts(), NULL, key->bytes, tweak, encrypt) ==
            1);
    require(EVP_CipherUpdate(ctx, data, &len, data, 32) == 1 && len == 32);
}

static unsigned state_of(const uint8_t *page, unsigned idx)
{
    unsigned byte = page[32 + idx / 4];
    return byte >> idx % 4 * 2 & 3;
}

/* What an image becomes by the rules of the format: only entries in state 10 change, and
 * the number of their unit is the offset in the partition. */
static void crypt_as_told(const struct em_key *key, bool encrypt, uint8_t *image,
                          size_t len)
{
    EVP_CIPHER_CTX *ctx = need(EVP_CIPHER_CTX_new());
    for (size_t page = 0; page < len; page += 4096) {
        for (unsigned i = 0; i < 126; i++) {
            size_t off = page + 64 + i * (size_t)32;
            if (state_of(image + page, i) == 2)
                xts(ctx, key, off, encrypt, image + off);
        }
    }
    EVP_CIPHER_CTX_free(ctx);
}

static void from_hex(uint8_t *out, size_t len, const char *hex)
{
    struct em_buf buf = {0};
    struct em_error err = {0};
    EM_CHECK_STATUS(em_hex_decode(&buf, (const uint8_t *)hex, strlen(hex), &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL_FATAL(buf.len, len);
    memcpy(out, buf.data, len);
    em_buf_free(&buf);
}

static struct em_key key_of(uint8_t data, uint8_t tweak)
{
    struct em_key key = {.len = 64};
    memset(key.bytes, data, 32);
    memset(key.bytes + 32, tweak, 32);
    return key;
}

static struct em_key random_key(uint32_t *state)
{
    struct em_key key = {.len = 64};
    for (size_t i = 0; i < key.len; i++)
        key.bytes[i] = (uint8_t)(next_random(state) >> 8);
    return key;
}

static void randomize(uint8_t *data, size_t len, uint32_t *state)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(next_random(state) >> 8);
}

/* A handle that has the key already. */
static struct em_nvs_crypt *new_crypt(const struct em_key *key)
{
    struct em_error err = {0};
    struct em_nvs_crypt *crypt = NULL;
    EM_CHECK_STATUS(em_nvs_crypt_new(&crypt, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(crypt);
    EM_CHECK_STATUS(em_nvs_crypt_key(crypt, key, &err), EM_OK, &err);
    return crypt;
}

/* Both ways, against the oracle; @p image becomes encrypted and then itself again. */
static void check_both_ways(struct em_nvs_crypt *crypt, const struct em_key *key,
                            uint8_t *image, size_t len)
{
    struct em_error err = {0};
    uint8_t *plain = need(malloc(len));
    uint8_t *wanted = need(malloc(len));
    memcpy(plain, image, len);
    memcpy(wanted, image, len);
    crypt_as_told(key, true, wanted, len);
    EM_CHECK_STATUS(em_nvs_encrypt(crypt, image, len, &err), EM_OK, &err);
    EM_CHECK_BYTES(image, wanted, len);
    EM_CHECK_STATUS(em_nvs_decrypt(crypt, image, len, &err), EM_OK, &err);
    EM_CHECK_BYTES(image, plain, len);
    free(wanted);
    free(plain);
}

/* The oracle is used rightly: IEEE 1619-2007, annex B, vector 10. A unit's first 32 bytes
 * do not depend on its length. */
static void test_oracle(void)
{
    struct em_key key = {.len = 64};
    uint8_t data[32], wanted[32];
    from_hex(key.bytes, 64,
             "2718281828459045235360287471352662497757247093699959574966967627"
             "3141592653589793238462643383279502884197169399375105820974944592");
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    from_hex(wanted, 32,
             "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b");
    EVP_CIPHER_CTX *ctx = need(EVP_CIPHER_CTX_new());
    xts(ctx, &key, 0xFF, true, data);
    EVP_CIPHER_CTX_free(ctx);
    EM_CHECK_BYTES(data, wanted, 32);
}

/* Ciphertexts that ESP-IDF's generator made of the namespace entry "ns". */
static void test_known_entries(void)
{
    static const char entry[] =
        "000101ff3b280e0e6e73000000000000000000000000000001ffffffffffffff";
    static const char ff[] =
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    static const struct {
        size_t off;
        const char *plain, *wanted;
    } cases[] = {
        {0x40, entry, "eeb0a90d518c8a087947a1f95fa3fe3005ef951db4268e743335bc918e385a17"},
        {0x1040, entry,
         "15157a9435f76d9d5c99bdc35ba556c87dd6f5d51c62d0a6138f4b53b19f756c"},
        {0x10040, entry,
         "6f970791cefd2ef5d009a85264519edaa335942045c960c9c06fa2d0ac3ee73a"},
        {0x60, ff, "b949c904934f67ef02b5114c752d11f4bd4919b7547bb8cde18bf2ace045e7c0"},
    };
    enum { LEN = 0x11000 };
    static uint8_t image[LEN], wanted[LEN];
    struct em_key key = key_of(0x11, 0x22);
    struct em_nvs_crypt *crypt = new_crypt(&key);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_error err = {0};
        size_t page = cases[i].off / 4096 * 4096;
        unsigned idx = (unsigned)(cases[i].off % 4096 - 64) / 32;
        memset(image, 0xFF, LEN);
        image[page + 32 + idx / 4] = (uint8_t)(0xFF & ~(1u << idx % 4 * 2));
        memcpy(wanted, image, LEN);
        from_hex(image + cases[i].off, 32, cases[i].plain);
        from_hex(wanted + cases[i].off, 32, cases[i].wanted);
        EM_CHECK_STATUS(em_nvs_encrypt(crypt, image, LEN, &err), EM_OK, &err);
        EM_CHECK_BYTES(image, wanted, LEN);
    }
    em_nvs_crypt_free(crypt);
}

/* Images of 1 to 24 pages, up and down, with all four states of entries and any content:
 * also where it is all 0xFF or 0x00, the bitmap alone decides. */
static void test_random_bitmaps(void)
{
    enum { PAGES = 24 };
    static uint8_t image[PAGES * 4096];
    uint32_t state = 7;
    struct em_key key = random_key(&state);
    struct em_nvs_crypt *crypt = new_crypt(&key);
    for (size_t i = 0; i < 2 * PAGES; i++) {
        size_t len = (i < PAGES ? i + 1 : 2 * PAGES - i) * 4096;
        randomize(image, len, &state);
        if (i % 8 == 3)
            memset(image + 64, 0xFF, 4096 - 64);
        if (i % 8 == 5)
            memset(image + 64, 0x00, 4096 - 64);
        for (size_t page = 0; page < len && i % 3 == 0; page += 4096)
            memset(image + page + 32, 0xAA, next_random(&state) % 33); /* long runs */
        check_both_ways(crypt, &key, image, len);
    }
    em_nvs_crypt_free(crypt);
}

/* Every entry of a page alone, and all but it. */
static void test_each_entry(void)
{
    uint8_t image[2 * 4096];
    uint32_t state = 11;
    struct em_key key = random_key(&state);
    struct em_nvs_crypt *crypt = new_crypt(&key);
    for (unsigned i = 0; i < 126 * 2; i++) {
        unsigned idx = i / 2;
        randomize(image, sizeof image, &state);
        memset(image + 32, 0xFF, 32);
        memset(image + 4096 + 32, i % 2 == 0 ? 0xFF : 0xAA, 32);
        image[4096 + 32 + idx / 4] ^= (uint8_t)(1u << idx % 4 * 2); /* 11 <-> 10 */
        check_both_ways(crypt, &key, image, sizeof image);
    }
    em_nvs_crypt_free(crypt);
}

/* What the bitmap cannot say (its last two pairs) is no entry behind the page. */
static void test_end_of_bitmap(void)
{
    uint8_t image[2 * 4096];
    uint32_t state = 13;
    struct em_key key = random_key(&state);
    struct em_nvs_crypt *crypt = new_crypt(&key);
    randomize(image, sizeof image, &state);
    memset(image + 32, 0xAA, 32); /* the pairs 126 and 127 as well */
    memset(image + 4096 + 32, 0xFF, 32);
    check_both_ways(crypt, &key, image, sizeof image);
    em_nvs_crypt_free(crypt);
}

/* 4 MiB in one run; then a short image with the same handle. */
static void test_long(void)
{
    enum { LEN = 0x400000 };
    uint32_t state = 17;
    struct em_key key = random_key(&state);
    struct em_nvs_crypt *crypt = new_crypt(&key);
    uint8_t *image = need(malloc(LEN));
    randomize(image, LEN, &state);
    for (size_t page = 0; page < LEN; page += 4096)
        memset(image + page + 32, 0xAA, 32);
    check_both_ways(crypt, &key, image, LEN);
    check_both_ways(crypt, &key, image, 4096);
    free(image);
    em_nvs_crypt_free(crypt);
}

/* One handle with one key after the other, some of them again and some alike in one half:
 * nothing of the last key may be left. */
static void test_keys(void)
{
    static uint8_t image[6 * 4096];
    struct em_error err = {0};
    struct em_key keys[] = {key_of(1, 2), key_of(1, 3),    key_of(4, 3), key_of(3, 4),
                            key_of(0, 1), key_of(0xFF, 0), key_of(1, 2)};
    struct em_nvs_crypt *crypt = new_crypt(&keys[0]);
    uint32_t state = 19;
    keys[3].bytes[63] ^= 0x80; /* the very last bit */
    for (unsigned i = 0; i < 60; i++) {
        const struct em_key *key = &keys[next_random(&state) % COUNT(keys)];
        size_t len = (1 + next_random(&state) % 6) * 4096;
        for (unsigned times = 0; times < 1 + i % 2; times++)
            EM_CHECK_STATUS(em_nvs_crypt_key(crypt, key, &err), EM_OK, &err);
        randomize(image, len, &state);
        check_both_ways(crypt, key, image, len);
    }
    em_nvs_crypt_free(crypt);
}

/* The key is copied: its owner wipes it at once. */
static void test_key_is_copied(void)
{
    uint8_t image[4096];
    uint32_t state = 23;
    struct em_key key = random_key(&state), own = key;
    struct em_nvs_crypt *crypt = new_crypt(&own);
    em_key_wipe(&own);
    randomize(image, sizeof image, &state);
    check_both_ways(crypt, &key, image, sizeof image);
    em_nvs_crypt_free(crypt);
}

static void test_bad_keys(void)
{
    static const struct {
        size_t len;
        uint8_t data, tweak;
        const char *what;
    } cases[] = {
        {0, 0, 0, "key of 0 bytes, 64 are needed"},
        {32, 1, 2, "key of 32 bytes, 64 are needed"},
        {63, 1, 2, "key of 63 bytes, 64 are needed"},
        {64, 7, 7, "both halves of the key are equal"},
        {64, 0, 0, "both halves of the key are equal"},
        {64, 0xFF, 0xFF, "all key bytes are 0xFF"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_error err = {0};
        struct em_nvs_crypt *crypt = NULL;
        struct em_key key = key_of(cases[i].data, cases[i].tweak);
        key.len = cases[i].len;
        EM_CHECK_STATUS(em_nvs_crypt_new(&crypt, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_nvs_crypt_key(crypt, &key, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        EM_CHECK_HAS(err.hint, "generate-key");
        em_nvs_crypt_free(crypt);
    }
    em_nvs_crypt_free(NULL);
}

/* A real image: in it, headers, bitmaps, the rest of the last page and the pages behind
 * stay readable, and no entry does. */
static void test_real_image(void)
{
    enum { LEN = 0x6000 };
    static uint8_t plain[LEN], image[LEN];
    static const uint8_t blob[9000];
    uint32_t state = 29;
    struct em_error err = {0};
    struct em_nvs_image *made = NULL;
    size_t len;
    EM_CHECK_STATUS(em_nvs_image_new(&made, plain, LEN, EM_NVS_V2, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_nvs_image_namespace(made, "ns", &err), EM_OK, &err);
    EM_CHECK_STATUS(em_nvs_image_add_blob(made, "blob", blob, sizeof blob, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_nvs_image_add_string(made, "text", "plain text", 10, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_nvs_image_finish(made, &len, &err), EM_OK, &err);
    em_nvs_image_free(made);
    memcpy(image, plain, LEN);
    struct em_key key = random_key(&state);
    struct em_nvs_crypt *crypt = new_crypt(&key);
    EM_CHECK_STATUS(em_nvs_encrypt(crypt, image, LEN, &err), EM_OK, &err);
    size_t readable = 0;
    for (size_t page = 0; page < LEN; page += 4096) {
        EM_CHECK_BYTES(image + page, plain + page, 64);
        unsigned used = 0;
        while (used < 126 && state_of(plain + page, used) == 2)
            used++;
        for (unsigned i = 0; i < used; i++)
            readable += memcmp(image + page + 64 + i * (size_t)32,
                               plain + page + 64 + i * (size_t)32, 32) == 0;
        size_t rest = page + 64 + used * (size_t)32;
        EM_CHECK_BYTES(image + rest, plain + rest, page + 4096 - rest);
    }
    CU_ASSERT_EQUAL(readable, 0);
    /* Equal data entries must not look equal. */
    CU_ASSERT(memcmp(image + 64 + 3 * 32, image + 64 + 4 * 32, 32) != 0);
    check_both_ways(crypt, &key, plain, LEN);
    em_nvs_crypt_free(crypt);
}

/* No pages, and a page with nothing on it. */
static void test_nothing(void)
{
    struct em_error err = {0};
    uint8_t page[4096];
    struct em_key key = key_of(1, 2);
    struct em_nvs_crypt *crypt = new_crypt(&key);
    memset(page, 0xFF, sizeof page);
    EM_CHECK_STATUS(em_nvs_encrypt(crypt, page, 0, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_nvs_encrypt(crypt, page, sizeof page, &err), EM_OK, &err);
    for (size_t i = 0; i < sizeof page; i++)
        CU_ASSERT_EQUAL(page[i], 0xFF);
    em_nvs_crypt_free(crypt);
}

static const struct em_test tests[] = {
    {"the oracle", test_oracle},
    {"entries of the generator", test_known_entries},
    {"random bitmaps", test_random_bitmaps},
    {"each entry", test_each_entry},
    {"end of the bitmap", test_end_of_bitmap},
    {"4 MiB", test_long},
    {"one key after the other", test_keys},
    {"the key is copied", test_key_is_copied},
    {"keys that are refused", test_bad_keys},
    {"a real image", test_real_image},
    {"nothing to encrypt", test_nothing},
};

EM_TEST_MAIN("nvs/crypt", tests)
