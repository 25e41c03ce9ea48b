/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reading of key files: an accepted key can encrypt, and reads back the same
 * from the file that is written for it. */
#include "config.h"

#include <espmfg/nvs.h>

#include "mfg/keys_int.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char given_name[] = "given.bin";
static const char key_name[] = "keys-P-1.bin";
static const char hmac_name[] = "hmac-keys-P-1.bin";

/* As assert(), but there in every build. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_key: %s\n", what);
    abort();
}

/* Where the files are: absolute, as libFuzzer has relative names of its own. */
static char folder[64];
static char given[96];

static void put(const char *name, const void *data, size_t len)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, data, len) == (ssize_t)len && close(fd) == 0,
            "cannot write");
}

static void remove_files(void)
{
    static const char *const names[] = {given_name, key_name, hmac_name};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path); /* a folder that stays in memory is no harm */
    }
    (void)rmdir(folder);
}

static enum em_status load(struct em_keys *out, const struct em_key_options *options)
{
    struct em_error err = {.what = ""};
    enum em_status status = em_keys_load(out, options, &err);
    require(status == EM_OK || status == EM_ERR_INPUT, "status that is not documented");
    require(status == EM_OK || err.file[0] != '\0', "the message names no file");
    return status;
}

/* A key of our own making has to open what it closed. */
static void check_usable(const struct em_key *key)
{
    static uint8_t image[EM_NVS_PAGE_SIZE];
    static uint8_t plain[EM_NVS_PAGE_SIZE];
    struct em_nvs_crypt *crypt;
    struct em_error err;
    memset(image, 0xAA, sizeof image); /* a bitmap that says: all entries are written */
    memcpy(plain, image, sizeof image);
    require(em_nvs_key_check(key, &err) == EM_OK, "an accepted key fails the check");
    require(em_nvs_crypt_new(&crypt, &err) == EM_OK, "memory");
    require(em_nvs_crypt_key(crypt, key, &err) == EM_OK &&
                em_nvs_encrypt(crypt, image, sizeof image, &err) == EM_OK,
            "an accepted key does not encrypt");
    require(memcmp(image, plain, sizeof image) != 0, "nothing was encrypted");
    require(em_nvs_decrypt(crypt, image, sizeof image, &err) == EM_OK &&
                memcmp(image, plain, sizeof image) == 0,
            "decrypted is not what was encrypted");
    em_nvs_crypt_free(crypt);
}

/* The input as the file of --inputkey. */
static void try_key(const uint8_t *data, size_t size)
{
    uint8_t partition[EM_NVS_KEY_PARTITION_SIZE];
    struct em_key key;
    struct em_key again;
    struct em_error err;
    struct em_keys keys;
    enum em_status status = em_nvs_key_parse(&key, data, size, &err);
    put(given_name, data, size);
    require(load(&keys, &(struct em_key_options){.inputkey = given}) == status,
            "memory and file differ");
    require(em_key_equal(&keys.given, &key), "memory and file differ");
    em_keys_free(&keys);
    if (status != EM_OK) {
        require(key.len == 0, "a refused key");
        return;
    }
    check_usable(&key);
    em_nvs_key_partition(partition, &key);
    require(em_nvs_key_parse(&again, partition, sizeof partition, &err) == EM_OK &&
                em_key_equal(&key, &again),
            "the key does not survive");
    require(size < 68 || memcmp(partition, data, 68) == 0, "another partition");
}

/* The input as the file of --kp_hmac_inputkey. */
static void try_hmac(const uint8_t *data, size_t size)
{
    const struct em_key_options options = {
        .keygen = true, .protect_hmac = true, .hmac_inputkey = given};
    struct em_keys keys;
    enum em_status status = load(&keys, &options);
    require((status == EM_OK) == (size == EM_NVS_HMAC_KEY_LEN), "length of an HMAC key");
    (void)data;
    if (status == EM_OK)
        check_usable(&keys.given);
    em_keys_free(&keys);
}

/* The input as what an earlier run left: the key file, the HMAC key file, or both. */
static void try_resume(enum em_keys_kind kind, const uint8_t *data, size_t size,
                       size_t split)
{
    const struct em_keys keys = {.kind = kind};
    uint8_t partition[EM_NVS_KEY_PARTITION_SIZE];
    struct em_unit_keys made;
    struct em_unit_keys again;
    struct em_error err = {.what = ""};
    struct em_dir *dir;
    bool hmac = kind == EM_KEYS_HMAC_RANDOM;
    put(key_name, data + split, size - split);
    if (hmac)
        put(hmac_name, data, split);
    require(em_dir_open(&dir, folder, &err) == EM_OK, "cannot open the folder");
    enum em_status status =
        em_keys_make_or_reuse(&keys, dir, key_name, dir, hmac_name, &made, &err);
    if (status == EM_OK) {
        require(!hmac || split == 0 ||
                    (made.reused && memcmp(made.hmac.bytes, data, split) == 0),
                "an HMAC key was not used again");
        require(
            hmac || size == 0 ||
                (made.reused && memcmp(made.xts.bytes, data, EM_NVS_XTS_KEY_LEN) == 0),
            "a key was not used again");
        check_usable(&made.xts);
        em_nvs_key_partition(partition, &made.xts);
        put(key_name, partition, sizeof partition);
        if (hmac)
            put(hmac_name, made.hmac.bytes, made.hmac.len);
        require(em_keys_make_or_reuse(&keys, dir, key_name, dir, hmac_name, &again,
                                      &err) == EM_OK &&
                    em_key_equal(&made.xts, &again.xts) &&
                    em_key_equal(&made.hmac, &again.hmac),
                "a second resume finds other keys");
        em_unit_keys_wipe(&again);
    } else {
        require(status == EM_ERR_INPUT && err.what[0] != '\0', "status");
        require(made.xts.len == 0 && made.hmac.len == 0, "keys after a fault");
    }
    em_unit_keys_wipe(&made);
    em_dir_close(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(folder, sizeof folder, "%s/fuzz_key.XXXXXX", base);
    require(mkdtemp(folder) != NULL, "cannot make a folder");
    (void)snprintf(given, sizeof given, "%s/%s", folder, given_name);
    require(atexit(remove_files) == 0, "atexit");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_key(data, size);
    try_hmac(data, size);
    try_resume(EM_KEYS_RANDOM, data, size, 0);
    /* An HMAC key of 32 bytes, if there is one, and the key file behind it. */
    try_resume(EM_KEYS_HMAC_RANDOM, data, size,
               size < EM_NVS_HMAC_KEY_LEN ? size : EM_NVS_HMAC_KEY_LEN);
    return 0;
}
