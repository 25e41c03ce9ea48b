/* SPDX-License-Identifier: Apache-2.0 */
/* Flash encryption against golden figures, in pieces, and what it refuses. */
#include "config.h"

#include <espmfg/flash_encrypt.h>

#include "tests/em_test.h"

#include "base/hex_int.h"

#include <openssl/evp.h>

#include <stdbool.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { LONGEST = 4096 };

/* The keys of tests/data/flash_encrypt, by their length. */
static struct em_flash_key test_key(enum em_flash_scheme scheme, size_t len)
{
    static const unsigned char steps[][3] = {
        {16, 29, 5}, {24, 5, 1}, {32, 11, 17}, {64, 7, 3}};
    struct em_flash_key key = {.scheme = scheme, .crypt_conf = EM_FLASH_CRYPT_CONF};
    unsigned step = 1, first = 0; /* of lengths that are none: any */
    for (size_t i = 0; i < COUNT(steps); i++) {
        if (steps[i][0] == len) {
            step = steps[i][1];
            first = steps[i][2];
        }
    }
    key.key.len = len;
    for (size_t i = 0; i < len; i++)
        key.key.bytes[i] = (uint8_t)(step * i + first);
    return key;
}

static void fill(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(13 * i + 7 * (i >> 8) + 7);
}

static void digest(char out[65], const uint8_t *data, size_t len)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    CU_ASSERT_EQUAL_FATAL(EVP_Digest(data, len, hash, NULL, EVP_sha256(), NULL), 1);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static void check_golden(const char *line)
{
    char scheme[8], wanted[65], got[65];
    unsigned addr, conf;
    size_t key_len, len;
    struct em_error err = {0};
    static uint8_t data[LONGEST], plain[LONGEST];
    CU_ASSERT_EQUAL_FATAL(sscanf(line, "%7[^,],%zu,%x,%x,%zu,%64s", scheme, &key_len,
                                 &addr, &conf, &len, wanted),
                          6);
    CU_ASSERT_FATAL(len <= LONGEST);
    struct em_flash_key key =
        test_key(strcmp(scheme, "xts") == 0 ? EM_FLASH_XTS : EM_FLASH_ESP32, key_len);
    key.crypt_conf = conf;
    fill(plain, len);
    memcpy(data, plain, len);
    EM_CHECK_STATUS(em_flash_encrypt(data, len, addr, &key, &err), EM_OK, &err);
    digest(got, data, len);
    CU_ASSERT_STRING_EQUAL(got, wanted);
    if (strcmp(got, wanted) != 0)
        printf("\n  %s", line);
    EM_CHECK_STATUS(em_flash_decrypt(data, len, addr, &key, &err), EM_OK, &err);
    EM_CHECK_BYTES(data, plain, len);
}

static void golden(void)
{
    const char *top = getenv("top_srcdir");
    char path[1024], line[256];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "%s/tests/data/flash_encrypt/cases.csv",
                   top == NULL ? "." : top);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#')
            continue;
        check_golden(line);
        count++;
    }
    (void)fclose(file);
    CU_ASSERT_EQUAL(count, 211);
}

/* The same in pieces of 16 to 272 bytes, from an address inside of a unit on. */
static void in_pieces(void)
{
    static const struct {
        enum em_flash_scheme scheme;
        size_t key_len;
    } cases[] = {{EM_FLASH_XTS, 32}, {EM_FLASH_XTS, 64}, {EM_FLASH_ESP32, 32}};
    static uint8_t whole[LONGEST], pieces[LONGEST];
    const uint32_t addr = 0x110050;
    struct em_error err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_flash_key key = test_key(cases[i].scheme, cases[i].key_len);
        fill(whole, LONGEST);
        memcpy(pieces, whole, LONGEST);
        EM_CHECK_STATUS(em_flash_encrypt(whole, LONGEST, addr, &key, &err), EM_OK, &err);
        for (size_t done = 0, n = 16; done < LONGEST; done += n, n = n % 272 + 16) {
            if (n > LONGEST - done)
                n = LONGEST - done;
            EM_CHECK_STATUS(
                em_flash_encrypt(pieces + done, n, addr + (uint32_t)done, &key, &err),
                EM_OK, &err);
        }
        EM_CHECK_BYTES(pieces, whole, LONGEST);
    }
}

/* FLASH_CRYPT_CONFIG 0: the address does not count. */
static void without_tweak(void)
{
    struct em_flash_key key = test_key(EM_FLASH_ESP32, 32);
    struct em_error err = {0};
    uint8_t low[32] = {1}, high[32] = {1};
    key.crypt_conf = 0;
    EM_CHECK_STATUS(em_flash_encrypt(low, sizeof low, 0, &key, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_encrypt(high, sizeof high, 0xFFFFE0, &key, &err), EM_OK,
                    &err);
    EM_CHECK_BYTES(low, high, sizeof low);
}

static void refused(void)
{
    static const struct {
        enum em_flash_scheme scheme;
        size_t key_len, len;
        uint32_t addr;
        unsigned conf;
        const char *what;
    } cases[] = {
        {EM_FLASH_XTS, 0, 16, 0, 0xF, "a key of 0 bytes"},
        {EM_FLASH_XTS, 24, 16, 0, 0xF, "a key of 24 bytes"},
        {EM_FLASH_XTS, 33, 16, 0, 0xF, "a key of 33 bytes"},
        {EM_FLASH_ESP32, 16, 16, 0, 0xF, "a key of 16 bytes"},
        {EM_FLASH_ESP32, 64, 16, 0, 0xF, "a key of 64 bytes"},
        {EM_FLASH_ESP32, 32, 16, 0, 0x10, "FLASH_CRYPT_CONFIG 0x10, limit 0xF"},
        {EM_FLASH_XTS, 32, 0, 0, 0xF, "0 bytes"},
        {EM_FLASH_XTS, 32, 17, 0, 0xF, "17 bytes"},
        {EM_FLASH_ESP32, 32, 31, 0, 0xF, "31 bytes"},
        {EM_FLASH_XTS, 32, 16, 8, 0xF, "address 0x8"},
        {EM_FLASH_ESP32, 32, 16, 0x1001, 0xF, "address 0x1001"},
        {EM_FLASH_ESP32, 32, 32, 0xFFFFF0, 0xF, "beyond 0x1000000"},
        {EM_FLASH_ESP32, 32, 16, 0x1000000, 0xF, "beyond 0x1000000"},
        {EM_FLASH_XTS, 32, 32, 0xFFFFFFF0, 0xF, "beyond 0x100000000"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_error err = {0};
        uint8_t data[32] = {0};
        static const uint8_t untouched[32] = {0};
        struct em_flash_key key = test_key(cases[i].scheme, cases[i].key_len);
        key.crypt_conf = cases[i].conf;
        EM_CHECK_STATUS(em_flash_encrypt(data, cases[i].len, cases[i].addr, &key, &err),
                        EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        EM_CHECK_STATUS(em_flash_decrypt(data, cases[i].len, cases[i].addr, &key, NULL),
                        EM_ERR_INPUT, &err);
        EM_CHECK_BYTES(data, untouched, sizeof data);
    }
}

/* Files that were never filled, or filled with half of a key twice. */
static void no_keys(void)
{
    struct em_error err = {0};
    for (int scheme = EM_FLASH_XTS; scheme <= EM_FLASH_ESP32; scheme++) {
        struct em_flash_key key = test_key((enum em_flash_scheme)scheme, 32);
        EM_CHECK_STATUS(em_flash_key_check(&key, &err), EM_OK, &err);
        memset(key.key.bytes, 0xFF, 32);
        EM_CHECK_STATUS(em_flash_key_check(&key, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, "all its bytes are equal");
        key.key.bytes[31] = 0;
        EM_CHECK_STATUS(em_flash_key_check(&key, &err), EM_OK, &err);
    }
    struct em_flash_key twice = test_key(EM_FLASH_XTS, 64);
    memcpy(twice.key.bytes + 32, twice.key.bytes, 32);
    EM_CHECK_STATUS(em_flash_key_check(&twice, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "both halves are equal");
}

static const struct em_test tests[] = {
    {"golden figures", golden},         {"in pieces", in_pieces},
    {"without a tweak", without_tweak}, {"refused", refused},
    {"keys that are none", no_keys},
};

EM_TEST_MAIN("flasher/crypt", tests)
