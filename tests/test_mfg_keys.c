/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of where keys come from: options, given files, new and reused keys, names. */
#include "config.h"

#include "mfg/keys_int.h"

#include <espmfg/nvs.h>

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

/* The vectors of the format document: HMAC key 01 02 … 20, and the keys of it. */
static const uint8_t derived_key[64] = {
    0xff, 0x69, 0x89, 0xe4, 0xfa, 0xfd, 0x2d, 0x8c, 0xb3, 0x13, 0xaa, 0x57, 0x43,
    0xf0, 0x17, 0x3f, 0x9b, 0x8a, 0x2c, 0x85, 0x87, 0x87, 0x28, 0x32, 0x13, 0x46,
    0x82, 0xe0, 0xe0, 0x53, 0x8d, 0xbd, 0x9c, 0x8e, 0x2b, 0xa7, 0x51, 0x37, 0x01,
    0x76, 0x8c, 0x3c, 0x22, 0xdb, 0x4b, 0x0f, 0xe0, 0x56, 0xda, 0xf8, 0xab, 0xfc,
    0x9a, 0xcf, 0xf4, 0x3a, 0x6f, 0x93, 0x1d, 0x83, 0x73, 0xac, 0x1f, 0x93};

static void hmac_vector(uint8_t out[32])
{
    for (uint8_t i = 0; i < 32; i++)
        out[i] = (uint8_t)(i + 1);
}

/* The key of the format document, data key 32 x 11 and tweak key 32 x 22, as a file: CRC
 * 3ccfef2c behind it, then FF. */
static void key_vector(uint8_t out[4096])
{
    memset(out, 0x11, 32);
    memset(out + 32, 0x22, 32);
    memset(out + 64, 0xFF, 4096 - 64);
    out[64] = 0x2c;
    out[65] = 0xef;
    out[66] = 0xcf;
    out[67] = 0x3c;
}

/* A folder with good key files in it. */
struct place {
    char folder[PATH_LEN];
    char key[PATH_LEN];  /* key.bin */
    char hmac[PATH_LEN]; /* hmac.bin */
};

static void begin(struct place *p)
{
    uint8_t key[4096];
    uint8_t hmac[32];
    make_folder(p->folder);
    join_path(p->key, p->folder, "key.bin");
    join_path(p->hmac, p->folder, "hmac.bin");
    key_vector(key);
    hmac_vector(hmac);
    write_file(p->key, key, sizeof key);
    write_file(p->hmac, hmac, sizeof hmac);
}

/* Every combination of the six options against the rules of the reference: which kind of
 * keys it gives, or that it is refused. */
static void test_all_options(void)
{
    struct place p;
    size_t good = 0;
    begin(&p);
    for (unsigned bits = 0; bits < 64; bits++) {
        bool keygen = bits & 1, given = bits & 2, protect = bits & 4;
        bool hmac_keygen = bits & 8, hmac_file = bits & 16, hmac_given = bits & 32;
        struct em_key_options o = {
            .keygen = keygen,
            .inputkey = given ? p.key : NULL,
            .protect_hmac = protect,
            .hmac_keygen = hmac_keygen,
            .hmac_keyfile = hmac_file ? "h.bin" : NULL,
            .hmac_inputkey = hmac_given ? p.hmac : NULL,
        };
        struct em_keys keys;
        struct em_error err = {0};
        enum em_status status = em_keys_load(&keys, &o, &err);
        bool plain_ok = !protect && !hmac_keygen && !hmac_file && !hmac_given;
        bool hmac_ok = protect && keygen && !given && hmac_keygen != hmac_given &&
                       (!hmac_file || hmac_keygen);
        bool ok = hmac_ok || (plain_ok && !(keygen && given));
        if (status != (ok ? EM_OK : EM_ERR_USAGE))
            printf("\n  options %02x: %s\n", bits, em_status_name(status));
        CU_ASSERT_EQUAL(status, ok ? EM_OK : EM_ERR_USAGE);
        if (!ok) {
            CU_ASSERT_EQUAL(keys.given.len, 0);
            CU_ASSERT_TRUE(err.what[0] != '\0' && err.hint[0] != '\0');
        } else {
            good++;
            CU_ASSERT_EQUAL(keys.kind, hmac_ok  ? (hmac_given ? EM_KEYS_HMAC_GIVEN
                                                              : EM_KEYS_HMAC_RANDOM)
                                       : keygen ? EM_KEYS_RANDOM
                                       : given  ? EM_KEYS_GIVEN
                                                : EM_KEYS_NONE);
            CU_ASSERT_EQUAL(em_keys_write_key(&keys), keygen);
            CU_ASSERT_EQUAL(em_keys_write_hmac(&keys), hmac_ok && hmac_keygen);
            CU_ASSERT_EQUAL(keys.given.len, given || hmac_given ? 64 : 0);
        }
        em_keys_free(&keys);
        CU_ASSERT_EQUAL(keys.given.bytes[0], 0);
    }
    CU_ASSERT_EQUAL(good,
                    6); /* none, keygen, inputkey, HMAC made, made and named, given */
    remove_folder(p.folder);
}

static void test_option_messages(void)
{
    static const struct {
        struct em_key_options options;
        const char *what, *hint;
    } cases[] = {
        {{.keygen = true, .inputkey = "k.bin"}, "--inputkey", "choose one"},
        {{.protect_hmac = true, .hmac_inputkey = "h.bin"}, "without", "--keygen"},
        {{.keygen = true, .hmac_inputkey = "h.bin"},
         "need --key_protect_hmac",
         "add --key_protect_hmac"},
        {{.hmac_keyfile = "h.bin"}, "need --key_protect_hmac", "add --key_protect_hmac"},
        {{.keygen = true, .protect_hmac = true}, "needs an HMAC key", "--kp_hmac_keygen"},
        {{.keygen = true,
          .protect_hmac = true,
          .hmac_keygen = true,
          .hmac_inputkey = "h.bin"},
         "--kp_hmac_inputkey",
         "choose one"},
        {{.keygen = true,
          .protect_hmac = true,
          .hmac_keyfile = "x.bin",
          .hmac_inputkey = "h.bin"},
         "--kp_hmac_keyfile",
         "add --kp_hmac_keygen"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_keys keys;
        struct em_error err;
        EM_CHECK_STATUS(em_keys_load(&keys, &cases[i].options, &err), EM_ERR_USAGE, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        EM_CHECK_HAS(err.hint, cases[i].hint);
    }
}

/* What a given key file may be. */
static void test_given_files(void)
{
    /* clang-format off */
    static const struct {
        size_t len;     /* of the file; bytes of key_vector(), then FF */
        long flip;      /* byte that is changed, or -1 */
        enum em_status status;
        const char *what;
    } cases[] = {
        {4096, -1, EM_OK, ""},
        {64, -1, EM_OK, ""},           /* just the keys */
        {68, -1, EM_OK, ""},
        {8192, -1, EM_OK, ""},
        {4096, 100, EM_OK, ""},        /* behind the CRC nobody looks */
        {0, -1, EM_ERR_INPUT, "0 bytes"},
        {1, -1, EM_ERR_INPUT, "1 bytes"},
        {63, -1, EM_ERR_INPUT, "63 bytes"},
        {65, -1, EM_ERR_INPUT, "65 bytes"},
        {67, -1, EM_ERR_INPUT, "67 bytes"},
        {4096, 0, EM_ERR_INPUT, "CRC"},
        {4096, 63, EM_ERR_INPUT, "CRC"},
        {4096, 64, EM_ERR_INPUT, "CRC"},
        {68, 67, EM_ERR_INPUT, "CRC"},
        {1024 * 1024 + 1, -1, EM_ERR_INPUT, "1048577 bytes"},
    };
    /* clang-format on */
    struct place p;
    begin(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *data = need(malloc(cases[i].len + 4096));
        memset(data, 0xFF, cases[i].len + 4096);
        key_vector(data);
        if (cases[i].flip >= 0)
            data[cases[i].flip] ^= 0x40;
        write_file(p.key, data, cases[i].len);
        struct em_keys keys;
        struct em_error err = {0};
        struct em_key_options o = {.inputkey = p.key};
        EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), cases[i].status, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        if (cases[i].status == EM_OK) {
            CU_ASSERT_EQUAL(keys.given.len, 64);
            EM_CHECK_BYTES(keys.given.bytes, data, 64);
        } else {
            CU_ASSERT_EQUAL(keys.given.len, 0);
            CU_ASSERT_TRUE(strcmp(err.file, p.key) == 0 ||
                           strstr(err.what, p.key) != NULL);
        }
        em_keys_free(&keys);
        free(data);
    }
    remove_folder(p.folder);
}

/* Keys that no device takes, however well they were copied. */
static void test_impossible_keys(void)
{
    static const struct {
        uint8_t byte;
        const char *what;
    } cases[] = {{0x00, "halves"}, {0x35, "halves"}, {0xFF, "0xFF"}};
    struct place p;
    begin(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t data[64];
        struct em_keys keys;
        struct em_error err = {0};
        struct em_key_options o = {.inputkey = p.key};
        memset(data, cases[i].byte, sizeof data);
        write_file(p.key, data, sizeof data);
        EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_STRING_EQUAL(err.file, p.key);
        em_keys_free(&keys);
    }
    remove_folder(p.folder);
}

static void test_unreadable_files(void)
{
    struct place p;
    struct em_keys keys;
    struct em_error err;
    begin(&p);
    struct em_key_options o = {.inputkey = "/nonexistent/key.bin"};
    EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "/nonexistent/key.bin");
    o.inputkey = p.folder;
    EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "a folder");
    o = (struct em_key_options){
        .keygen = true, .protect_hmac = true, .hmac_inputkey = "/nonexistent/h.bin"};
    EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "/nonexistent/h.bin");
    require(chmod(p.key, 0) == 0);
    o = (struct em_key_options){.inputkey = p.key};
    if (geteuid() == 0) {
        printf("\n  NOT TESTED as root: a key file without read permission\n");
    } else {
        EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), EM_ERR_IO, &err);
        EM_CHECK_HAS(err.what, p.key);
    }
    remove_folder(p.folder);
}

static void test_hmac_files(void)
{
    static const size_t lengths[] = {0, 31, 33, 64, 4096};
    struct place p;
    struct em_keys keys;
    struct em_error err;
    uint8_t data[4096];
    begin(&p);
    struct em_key_options o = {
        .keygen = true, .protect_hmac = true, .hmac_inputkey = p.hmac};
    EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(keys.given.len, 64);
    EM_CHECK_BYTES(keys.given.bytes, derived_key, 64);
    em_keys_free(&keys);
    memset(data, '5', sizeof data);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char wanted[32];
        write_file(p.hmac, data, lengths[i]);
        EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), EM_ERR_INPUT, &err);
        (void)snprintf(wanted, sizeof wanted, "HMAC key of %zu bytes", lengths[i]);
        EM_CHECK_HAS(err.what, wanted);
        EM_CHECK_HAS(err.hint, lengths[i] == 64 ? "hex" : "32 bytes");
        CU_ASSERT_STRING_EQUAL(err.file, p.hmac);
        CU_ASSERT_EQUAL(keys.given.len, 0);
    }
    remove_folder(p.folder);
}

static void test_make(void)
{
    struct place p;
    struct em_error err;
    begin(&p);
    const struct em_key_options options[] = {
        {0},
        {.inputkey = p.key},
        {.keygen = true},
        {.keygen = true, .protect_hmac = true, .hmac_keygen = true},
        {.keygen = true, .protect_hmac = true, .hmac_inputkey = p.hmac},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        struct em_keys keys;
        struct em_unit_keys a;
        struct em_unit_keys b;
        EM_CHECK_STATUS(em_keys_load(&keys, &options[i], &err), EM_OK, &err);
        EM_CHECK_STATUS(em_keys_make(&keys, &a, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_keys_make(&keys, &b, &err), EM_OK, &err);
        bool is_random = i == 2 || i == 3;
        CU_ASSERT_EQUAL(a.xts.len, keys.kind == EM_KEYS_NONE ? 0 : 64);
        CU_ASSERT_EQUAL(a.hmac.len, keys.kind == EM_KEYS_HMAC_RANDOM ? 32 : 0);
        CU_ASSERT_EQUAL(em_key_equal(&a.xts, &b.xts), !is_random);
        if (keys.kind == EM_KEYS_HMAC_GIVEN)
            EM_CHECK_BYTES(a.xts.bytes, derived_key, 64);
        if (keys.kind == EM_KEYS_HMAC_RANDOM) {
            struct em_key again;
            CU_ASSERT_FALSE(em_key_equal(&a.hmac, &b.hmac));
            EM_CHECK_STATUS(em_nvs_key_derive(&again, &a.hmac, &err), EM_OK, &err);
            CU_ASSERT_TRUE(em_key_equal(&again, &a.xts));
        }
        em_unit_keys_wipe(&a);
        em_unit_keys_wipe(&b);
        CU_ASSERT_EQUAL(a.xts.bytes[5], 0);
        em_keys_free(&keys);
    }
    remove_folder(p.folder);
}

/* Files of an earlier run; the folder holds key.bin and hmac.bin, which do not belong
 * together. */
static void test_reuse(void)
{
    enum { GIVEN_KEY, GIVEN_HMAC, NEW };
    static const struct {
        bool hmac; /* with an HMAC key of its own */
        const char *key, *hmac_key;
        enum em_status status;
        int source;
        const char *what;
    } cases[] = {
        {false, "key.bin", "none.bin", EM_OK, GIVEN_KEY, ""},
        {false, "none.bin", "none.bin", EM_OK, NEW, ""},
        {false, "empty.bin", "none.bin", EM_OK, NEW, ""},
        {false, "short.bin", "none.bin", EM_ERR_INPUT, NEW, "10 bytes"},
        {false, "key.bin", "hmac.bin", EM_OK, GIVEN_KEY, ""}, /* another unit's */
        {true, "none.bin", "none.bin", EM_OK, NEW, ""},
        {true, "none.bin", "hmac.bin", EM_OK, GIVEN_HMAC, ""},
        {true, "derived.bin", "hmac.bin", EM_OK, GIVEN_HMAC, ""},
        {true, "key.bin", "hmac.bin", EM_ERR_INPUT, NEW,
         "another key than the one derived"},
        {true, "key.bin", "none.bin", EM_ERR_INPUT, NEW, "'none.bin' is missing"},
        {true, "none.bin", "short.bin", EM_ERR_INPUT, NEW, "HMAC key of 10 bytes"},
        {true, "none.bin", "empty.bin", EM_OK, NEW, ""},
    };
    struct place p;
    char path[PATH_LEN];
    uint8_t partition[4096];
    struct em_key key = {.len = 64};
    struct em_dir *dir = NULL;
    struct em_error err;
    begin(&p);
    memcpy(key.bytes, derived_key, 64);
    em_nvs_key_partition(partition, &key);
    join_path(path, p.folder, "derived.bin");
    write_file(path, partition, sizeof partition);
    join_path(path, p.folder, "short.bin");
    write_file(path, partition, 10);
    join_path(path, p.folder, "empty.bin");
    write_file(path, "", 0);
    EM_CHECK_STATUS(em_dir_open(&dir, p.folder, &err), EM_OK, &err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_keys keys;
        struct em_unit_keys made;
        struct em_key_options o = {
            .keygen = true, .protect_hmac = cases[i].hmac, .hmac_keygen = cases[i].hmac};
        err = (struct em_error){0};
        EM_CHECK_STATUS(em_keys_load(&keys, &o, &err), EM_OK, &err);
        enum em_status status = em_keys_make_or_reuse(&keys, dir, cases[i].key, dir,
                                                      cases[i].hmac_key, &made, &err);
        EM_CHECK_STATUS(status, cases[i].status, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_EQUAL(made.xts.len, status == EM_OK ? 64 : 0);
        CU_ASSERT_EQUAL(made.hmac.len, status == EM_OK && cases[i].hmac ? 32 : 0);
        if (status == EM_OK) {
            key_vector(partition);
            CU_ASSERT_EQUAL(memcmp(made.xts.bytes, partition, 64) == 0,
                            cases[i].source == GIVEN_KEY);
            CU_ASSERT_EQUAL(memcmp(made.xts.bytes, derived_key, 64) == 0,
                            cases[i].source == GIVEN_HMAC);
        }
        em_unit_keys_wipe(&made);
        /* No folder yet: nothing to reuse. */
        EM_CHECK_STATUS(em_keys_make_or_reuse(&keys, NULL, cases[i].key, NULL,
                                              cases[i].hmac_key, &made, &err),
                        EM_OK, &err);
        CU_ASSERT_EQUAL(made.xts.len, 64);
        em_unit_keys_wipe(&made);
        em_keys_free(&keys);
    }
    em_dir_close(dir);
    remove_folder(p.folder);
}

static void test_place(void)
{
    static const struct {
        const char *name, *dir, *base; /* no dir: refused */
    } cases[] = {
        {"k", "out/keys", "k.bin"},
        {"k.bin", "out/keys", "k.bin"},
        {"k.binx", "out/keys", "k.binx"},
        {"k.1.bin", "out/keys", "k.1.bin"},
        {".k", "out/keys", ".k.bin"},
        {"k.txt", NULL, NULL},
        {"k.bin.txt", NULL, NULL},
        {"k.", NULL, NULL},
        {"k.BIN", NULL, NULL},
        {"k.1", NULL, NULL},
        {"a/k", "out/keys/a", "k.bin"},
        {"a.txt/k", "out/keys/a.txt", "k.bin"},
        {"a/b/k.bin", "out/keys/a/b", "k.bin"},
        {"/k", "/", "k.bin"},
        {"/a/k.bin", "/a", "k.bin"},
        {"/a/b.c/k", "/a/b.c", "k.bin"},
        {"", NULL, NULL},
        {"a/", NULL, NULL},
        {"/", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *dir = NULL;
        char *base = NULL;
        struct em_error err = {0};
        enum em_status status =
            em_keys_place(&dir, &base, "out/keys", cases[i].name, &err);
        if (cases[i].dir == NULL) {
            EM_CHECK_STATUS(status, EM_ERR_USAGE, &err);
            CU_ASSERT_PTR_NULL(dir);
            CU_ASSERT_PTR_NULL(base);
            EM_CHECK_HAS(err.what, cases[i].name);
        } else {
            EM_CHECK_STATUS(status, EM_OK, &err);
            CU_ASSERT_STRING_EQUAL(dir, cases[i].dir);
            CU_ASSERT_STRING_EQUAL(base, cases[i].base);
        }
        free(dir);
        free(base);
    }
}

static const struct em_test tests[] = {
    {"every combination of options", test_all_options},
    {"messages about options", test_option_messages},
    {"given key files", test_given_files},
    {"impossible keys", test_impossible_keys},
    {"key files that cannot be read", test_unreadable_files},
    {"given HMAC keys", test_hmac_files},
    {"keys for a unit", test_make},
    {"keys of an earlier run", test_reuse},
    {"names of key files", test_place},
};
EM_TEST_MAIN("mfg/keys", tests)
