/* SPDX-License-Identifier: Apache-2.0 */
/* Units with flash encryption keys: on the disk before use, found again, destroyed;
 * images and key partitions that go with them. */
#include "config.h"

#include "tests/test_mfg_units_util.h"

#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

enum { UNITS = 4 };

/* HMAC-SHA256 as RFC 2104 has it, of keys up to a block. */
static void hmac(uint8_t out[32], const uint8_t *key, size_t key_len, const void *data,
                 size_t len)
{
    uint8_t pads[2][64 + 64] = {{0}};
    uint8_t inner[32];
    for (size_t k = 0; k < 64; k++) {
        uint8_t byte = k < key_len ? key[k] : 0;
        pads[0][k] = byte ^ 0x36;
        pads[1][k] = byte ^ 0x5C;
    }
    memcpy(pads[0] + 64, data, len);
    require(EVP_Digest(pads[0], 64 + len, inner, NULL, EVP_sha256(), NULL) == 1);
    memcpy(pads[1] + 64, inner, 32);
    require(EVP_Digest(pads[1], 96, out, NULL, EVP_sha256(), NULL) == 1);
}

/* The keys that a unit's image has, by hand. */
static void nvs_keys(uint8_t out[64], const struct em_key *flash)
{
    static const char label[] = "espmfg NVS keys 1";
    uint8_t middle[32], seed[32];
    static const uint8_t seeds[2][4] = {{0x5A, 0x5A, 0xBE, 0xAE},
                                        {0xA5, 0xA5, 0xDE, 0xCE}};
    hmac(middle, flash->bytes, flash->len, label, strlen(label));
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < sizeof seed; k++)
            seed[k] = seeds[i][k % 4];
        hmac(out + 32 * i, middle, 32, seed, sizeof seed);
    }
}

static void check_unit(struct taken *t, uint64_t number, size_t key_len)
{
    struct em_unit_data *unit = take(t, number);
    struct batch *b = t->b;
    struct em_key key, again;
    char name[PATH_LEN], path[2 * PATH_LEN], hex[EM_KEY_FINGERPRINT_SIZE];
    uint8_t xts[64], partition[EM_NVS_KEY_PARTITION_SIZE];
    const uint8_t *image;
    struct stat st;
    size_t len, plain_len;
    EM_CHECK_STATUS(em_unit_key(unit, 1, NULL, &key, &b->err), EM_OK, &b->err);
    CU_ASSERT_EQUAL(key.len, key_len);
    (void)snprintf(path, sizeof path, "%s/flash-keys-%s.bin", t->keys,
                   em_unit_name(unit));
    CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, (off_t)key_len);
    CU_ASSERT_EQUAL(st.st_mode & 0777U, 0600);
    EM_CHECK_STATUS(em_key_fingerprint(&key, hex, &b->err), EM_OK, &b->err);
    EM_CHECK_STATUS(em_unit_key(unit, 1, hex, &again, &b->err), EM_OK, &b->err);
    CU_ASSERT_TRUE(em_key_equal(&key, &again));
    /* The keys in the partition are those that the image is encrypted with. */
    nvs_keys(xts, &key);
    EM_CHECK_STATUS(em_unit_nvs_keys(unit, &key, partition, &b->err), EM_OK, &b->err);
    EM_CHECK_BYTES(partition, xts, sizeof xts);
    EM_CHECK_STATUS(em_unit_image(unit, &key, &image, &len, &b->err), EM_OK, &b->err);
    (void)snprintf(name, sizeof name, "bin/%s.bin", em_unit_name(unit));
    uint8_t *plain = need(batch_read(b, name, &plain_len));
    uint8_t *copy = need(malloc(len));
    memcpy(copy, image, len);
    CU_ASSERT_EQUAL(len, plain_len);
    CU_ASSERT_NOT_EQUAL(memcmp(copy, plain, len), 0);
    decrypt_image(copy, len, xts);
    EM_CHECK_BYTES(copy, plain, len);
    free(copy);
    free(plain);
    em_unit_close(unit);
}

static void keys_and_images(void)
{
    static const size_t lens[] = {32, 64, 24, 16};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct batch *b = batch_many(UNITS);
        struct taken *t = taken_new(b, EM_UNITS_FLASH);
        t->options.flash_key_len = lens[i];
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err); /* plain ones to compare with */
        EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
        for (uint64_t k = 1; k <= UNITS; k++)
            check_unit(t, k, lens[i]);
        struct em_key one = key_of(t, 1, 1, EM_OK), two = key_of(t, 2, 1, EM_OK);
        struct em_key second = key_of(t, 1, 2, EM_OK); /* of another board */
        CU_ASSERT_FALSE(em_key_equal(&one, &two));
        CU_ASSERT_FALSE(em_key_equal(&one, &second));
        taken_free(t);
    }
}

/* A key on record is never replaced, one that is destroyed is gone for good. */
static void lost_and_destroyed(void)
{
    struct batch *b = batch_many(UNITS);
    struct taken *t = taken_new(b, EM_UNITS_FLASH);
    struct em_key key, other;
    char path[2 * PATH_LEN], hex[EM_KEY_FINGERPRINT_SIZE];
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    struct em_unit_data *unit = take(t, 1);
    (void)snprintf(path, sizeof path, "%s/flash-keys-%s.bin", t->keys,
                   em_unit_name(unit));
    EM_CHECK_STATUS(em_unit_key(unit, 1, NULL, &key, &b->err), EM_OK, &b->err);
    EM_CHECK_STATUS(em_key_fingerprint(&key, hex, &b->err), EM_OK, &b->err);
    write_file(path, "", 0); /* killed before it was filled: but it is on record */
    EM_CHECK_STATUS(em_unit_key(unit, 1, hex, &other, &b->err), EM_ERR_REFUSED, &b->err);
    write_file(path, key.bytes, key.len - 1);
    EM_CHECK_STATUS(em_unit_key(unit, 1, hex, &other, &b->err), EM_ERR_INPUT, &b->err);
    EM_CHECK_HAS(b->err.what, "key of 31 bytes, 32 are needed");
    key.bytes[0] ^= 1;
    write_file(path, key.bytes, key.len);
    EM_CHECK_STATUS(em_unit_key(unit, 1, hex, &other, &b->err), EM_ERR_REFUSED, &b->err);
    EM_CHECK_HAS(b->err.what, "is not the one on record");
    memset(key.bytes, 0, key.len);
    write_file(path, key.bytes, key.len);
    EM_CHECK_STATUS(em_unit_key(unit, 1, NULL, &other, &b->err), EM_ERR_INPUT, &b->err);
    EM_CHECK_HAS(b->err.what, "it was being destroyed");
    EM_CHECK_STATUS(em_unit_destroy_key(unit, 1, &b->err), EM_OK, &b->err);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    EM_CHECK_STATUS(em_unit_key(unit, 1, hex, &other, &b->err), EM_ERR_REFUSED, &b->err);
    CU_ASSERT_EQUAL(other.len, 0);
    em_unit_close(unit);
    taken_free(t);
}

static void options(void)
{
    struct taken *t = taken_new(batch_many(1), EM_UNITS_FLASH);
    struct em_key none = {0};
    uint8_t partition[EM_NVS_KEY_PARTITION_SIZE];
    static const size_t wrong[] = {0, 8, 31, 48, 65};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        t->options.flash_key_len = wrong[i];
        EM_CHECK_STATUS(taken_open(t), EM_ERR_USAGE, &t->b->err);
    }
    t->options.flash_key_len = 64;
    t->options.keys_dir = NULL;
    EM_CHECK_STATUS(taken_open(t), EM_ERR_USAGE, &t->b->err);
    t->options.keys_dir = t->keys;
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    struct em_unit_data *unit = take(t, 1);
    EM_CHECK_STATUS(em_unit_nvs_keys(unit, &none, partition, &t->b->err), EM_ERR_USAGE,
                    &t->b->err);
    em_unit_close(unit);
    taken_free(t);
}

static const struct em_test tests[] = {
    {"keys, partitions and images", keys_and_images},
    {"lost and destroyed", lost_and_destroyed},
    {"options", options},
};

EM_TEST_MAIN("mfg/units_flash", tests)
