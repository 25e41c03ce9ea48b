/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of making single key files: names, content, permissions, what is refused. */
#include "config.h"

#include <espmfg/keyfile.h>

#include <espmfg/nvs.h>

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <regex.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

struct place {
    char folder[PATH_LEN];
    char outdir[PATH_LEN]; /* not there yet */
    char keys[PATH_LEN];   /* keys/ in it */
    struct em_keyfile_options options;
    struct em_keyfile_result result;
    struct told told;
    struct em_hooks hooks;
    struct em_error err;
};

static struct place *begin(void)
{
    struct place *p = need(calloc(1, sizeof *p));
    make_folder(p->folder);
    join_path(p->outdir, p->folder, "out");
    join_path(p->keys, p->outdir, "keys");
    p->options = (struct em_keyfile_options)EM_KEYFILE_OPTIONS_INIT;
    p->options.outdir = p->outdir;
    p->hooks = (struct em_hooks){.log = tell, .user = &p->told};
    return p;
}

static void end(struct place *p)
{
    remove_folder(p->folder);
    free(p);
}

static enum em_status run(struct place *p)
{
    memset(&p->result, 0xA5, sizeof p->result);
    memset(&p->told, 0, sizeof p->told);
    return em_keyfile_generate(&p->options, &p->hooks, &p->result, &p->err);
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? (unsigned)(st.st_mode & 07777) : 0xFFFF;
}

/* CRC of section 1 of the format document: reflected, started at 0, complemented. */
static uint32_t crc(const uint8_t *data, size_t len)
{
    uint32_t c = 0;
    for (size_t i = 0; i < len; i++) {
        c ^= data[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
    }
    return ~c;
}

/* Check a key file and take its key. */
static void check_key_file(const char *path, uint8_t key[64])
{
    size_t len;
    uint8_t *data = need(read_file(path, &len));
    CU_ASSERT_EQUAL_FATAL(len, 4096);
    uint32_t want = crc(data, 64);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(data[64 + i], (uint8_t)(want >> (8 * i)));
    size_t rest = 68;
    while (rest < len && data[rest] == 0xFF)
        rest++;
    CU_ASSERT_EQUAL(rest, len);
    CU_ASSERT(memcmp(data, data + 32, 32) != 0);
    memcpy(key, data, 64);
    CU_ASSERT_EQUAL(mode_of(path), 0600);
    free(data);
}

/* The key that follows from an HMAC key, by the patterns of section 6.2. */
static void derive(uint8_t out[64], const uint8_t *hmac_key)
{
    static const char *const patterns[] = {"\x5A\x5A\xBE\xAE", "\xA5\xA5\xDE\xCE"};
    for (size_t half = 0; half < 2; half++) {
        uint8_t message[32];
        unsigned len = 0;
        for (size_t i = 0; i < 8; i++)
            memcpy(message + 4 * i, patterns[half], 4);
        require(HMAC(EVP_sha256(), hmac_key, 32, message, sizeof message, out + 32 * half,
                     &len) != NULL &&
                len == 32);
    }
}

static void test_crc(void)
{
    CU_ASSERT_EQUAL(crc((const uint8_t *)"123456789", 9), 0xd202d277);
}

/* Keys differ from call to call, and so do their halves. */
static void test_content(void)
{
    enum { KEYS = 20 };
    static uint8_t keys[KEYS][64];
    struct place *p = begin();
    for (int i = 0; i < KEYS; i++) {
        char name[24];
        char path[PATH_LEN];
        (void)snprintf(name, sizeof name, "k%d.bin", i);
        p->options.name = name;
        EM_CHECK_STATUS(run(p), EM_OK, &p->err);
        join_path(path, p->keys, name);
        CU_ASSERT_STRING_EQUAL(p->result.key, path);
        CU_ASSERT_STRING_EQUAL(p->result.hmac_key, "");
        check_key_file(path, keys[i]);
        for (int k = 0; k < i; k++) {
            CU_ASSERT(memcmp(keys[i], keys[k], 32) != 0);
            CU_ASSERT(memcmp(keys[i] + 32, keys[k] + 32, 32) != 0);
        }
    }
    CU_ASSERT_EQUAL(count_files(p->folder), KEYS);
    CU_ASSERT_EQUAL(mode_of(p->keys), 0700);
    CU_ASSERT_EQUAL(p->told.n, 0);
    end(p);
}

static void test_default_name(void)
{
    struct place *p = begin();
    regex_t pattern;
    require(regcomp(&pattern,
                    "/keys/keys-[01][0-9]-[0-3][0-9]_[0-2][0-9]-[0-5][0-9]\\.bin$",
                    REG_EXTENDED | REG_NOSUB) == 0);
    p->options.keys.protect_hmac = true;
    p->options.keys.hmac_keygen = true;
    EM_CHECK_STATUS(run(p), EM_OK, &p->err);
    CU_ASSERT_EQUAL(regexec(&pattern, p->result.key, 0, NULL, 0), 0);
    const char *key = strrchr(p->result.key, '/') + 1;
    const char *hmac_key = strrchr(p->result.hmac_key, '/') + 1;
    CU_ASSERT_EQUAL(strncmp(hmac_key, "hmac-", 5), 0);
    CU_ASSERT_STRING_EQUAL(hmac_key + 5, key);
    CU_ASSERT_EQUAL(count_files(p->keys), 2);
    regfree(&pattern);
    end(p);
}

static void test_names(void)
{
    static const struct {
        const char *name, *hmac_name, *key, *hmac_key; /* the last two below out/ */
    } cases[] = {
        {"k", NULL, "keys/k.bin", "keys/hmac-k.bin"},
        {"k.bin", NULL, "keys/k.bin", "keys/hmac-k.bin"},
        {"k.1.bin", "h", "keys/k.1.bin", "keys/h.bin"},
        {"sub/k", NULL, "keys/sub/k.bin", "keys/sub/hmac-k.bin"},
        {"sub/k", "h.bin", "keys/sub/k.bin", "keys/h.bin"},
        {"k", "a/b/h", "keys/k.bin", "keys/a/b/h.bin"},
        {".k", ".h", "keys/.k.bin", "keys/.h.bin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct place *p = begin();
        char path[PATH_LEN];
        uint8_t key[64];
        uint8_t wanted[64];
        size_t len;
        p->options.name = cases[i].name;
        p->options.keys = (struct em_key_options){.protect_hmac = true,
                                                  .hmac_keygen = true,
                                                  .hmac_keyfile = cases[i].hmac_name};
        EM_CHECK_STATUS(run(p), EM_OK, &p->err);
        join_path(path, p->outdir, cases[i].key);
        CU_ASSERT_STRING_EQUAL(p->result.key, path);
        check_key_file(path, key);
        join_path(path, p->outdir, cases[i].hmac_key);
        CU_ASSERT_STRING_EQUAL(p->result.hmac_key, path);
        CU_ASSERT_EQUAL(mode_of(path), 0600);
        uint8_t *hmac_key = need(read_file(path, &len));
        CU_ASSERT_EQUAL_FATAL(len, 32);
        derive(wanted, hmac_key);
        EM_CHECK_BYTES(key, wanted, 64);
        free(hmac_key);
        CU_ASSERT_EQUAL(count_files(p->folder), 2);
        CU_ASSERT_EQUAL(p->told.n, 0);
        end(p);
    }
}

static void test_absolute_names(void)
{
    struct place *p = begin();
    char key[PATH_LEN];
    char hmac_key[PATH_LEN];
    join_path(key, p->folder, "here/k.bin");
    join_path(hmac_key, p->folder, "there/h.bin");
    p->options.name = key;
    p->options.keys = (struct em_key_options){
        .protect_hmac = true, .hmac_keygen = true, .hmac_keyfile = hmac_key};
    EM_CHECK_STATUS(run(p), EM_OK, &p->err);
    CU_ASSERT_STRING_EQUAL(p->result.key, key);
    CU_ASSERT_STRING_EQUAL(p->result.hmac_key, hmac_key);
    CU_ASSERT_EQUAL(count_files(p->folder), 2);
    CU_ASSERT_FALSE(is_there(p->folder, "out"));
    CU_ASSERT_EQUAL(p->told.count[EM_LOG_WARNING], 2);
    CU_ASSERT_PTR_NOT_NULL(find_told(&p->told, EM_LOG_WARNING, "--keyfile"));
    CU_ASSERT_PTR_NOT_NULL(find_told(&p->told, EM_LOG_WARNING, "--kp_hmac_keyfile"));
    end(p);
}

/* One HMAC key gives the same key file every time, and is not written anew. */
static void test_given_hmac(void)
{
    struct place *p = begin();
    char path[PATH_LEN];
    uint8_t hmac[32];
    uint8_t key[64];
    uint8_t wanted[64];
    for (uint8_t i = 0; i < 32; i++)
        hmac[i] = (uint8_t)(i + 1);
    join_path(path, p->folder, "h.bin");
    write_file(path, hmac, sizeof hmac);
    derive(wanted, hmac);
    EM_CHECK_BYTES(wanted, "\xff\x69\x89\xe4\xfa\xfd\x2d\x8c", 8); /* section 6.2 */
    p->options.name = "k";
    p->options.keys =
        (struct em_key_options){.protect_hmac = true, .hmac_inputkey = path};
    EM_CHECK_STATUS(run(p), EM_OK, &p->err);
    check_key_file(p->result.key, key);
    EM_CHECK_BYTES(key, wanted, 64);
    CU_ASSERT_STRING_EQUAL(p->result.hmac_key, "");
    CU_ASSERT_EQUAL(count_files(p->keys), 1);
    end(p);
}

static void test_refused(void)
{
    static const struct {
        struct em_key_options keys;
        const char *name;
        enum em_status status;
        const char *what;
    } cases[] = {
        {{0}, "k.txt", EM_ERR_USAGE, "'k.txt' has another extension"},
        {{0}, "k.bin.old", EM_ERR_USAGE, "'k.bin.old'"},
        {{0}, "", EM_ERR_USAGE, "names no key file"},
        {{0}, "sub/", EM_ERR_USAGE, "names no key file"},
        {{.protect_hmac = true}, "k", EM_ERR_USAGE, "needs an HMAC key"},
        {{.hmac_keygen = true}, "k", EM_ERR_USAGE, "--key_protect_hmac"},
        {{.hmac_inputkey = "h"}, "k", EM_ERR_USAGE, "--key_protect_hmac"},
        {{.hmac_keyfile = "h"}, "k", EM_ERR_USAGE, "--key_protect_hmac"},
        {{.protect_hmac = true, .hmac_keygen = true, .hmac_inputkey = "h"},
         "k",
         EM_ERR_USAGE,
         "--kp_hmac_inputkey"},
        {{.protect_hmac = true, .hmac_keygen = true, .hmac_keyfile = "h.txt"},
         "k",
         EM_ERR_USAGE,
         "'h.txt'"},
        {{.protect_hmac = true, .hmac_inputkey = "/nonexistent/h.bin"},
         "k",
         EM_ERR_IO,
         "/nonexistent/h.bin"},
        {{.protect_hmac = true, .hmac_inputkey = "/dev/null"}, "k", EM_ERR_IO, "device"},
        /* Both keys in one file: one would be lost. */
        {{.protect_hmac = true, .hmac_keygen = true, .hmac_keyfile = "k.bin"},
         "k",
         EM_ERR_USAGE,
         "k.bin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct place *p = begin();
        p->options.name = cases[i].name;
        p->options.keys = cases[i].keys;
        EM_CHECK_STATUS(run(p), cases[i].status, &p->err);
        EM_CHECK_HAS(p->err.what, cases[i].what);
        CU_ASSERT_TRUE(p->err.hint[0] != '\0');
        CU_ASSERT_STRING_EQUAL(p->result.key, "");
        CU_ASSERT_STRING_EQUAL(p->result.hmac_key, "");
        if (is_there(p->folder, "out"))
            printf("\n  case %zu left something\n", i);
        CU_ASSERT_FALSE(is_there(p->folder, "out"));
        end(p);
    }
}

/* What is there stays, and the other file of the pair is not made either. */
static void test_existing(void)
{
    static const char *const names[] = {"k.bin", "hmac-k.bin"};
    for (int i = 0; i < 2; i++) {
        struct place *p = begin();
        char path[PATH_LEN];
        size_t len;
        require(mkdir(p->outdir, 0700) == 0 && mkdir(p->keys, 0700) == 0);
        join_path(path, p->keys, names[i]);
        write_text(path, "precious");
        p->options.name = "k";
        p->options.keys =
            (struct em_key_options){.protect_hmac = true, .hmac_keygen = true};
        EM_CHECK_STATUS(run(p), EM_ERR_EXISTS, &p->err);
        EM_CHECK_HAS(p->err.what, path);
        uint8_t *data = need(read_file(path, &len));
        CU_ASSERT_STRING_EQUAL((char *)data, "precious");
        CU_ASSERT_EQUAL(count_files(p->folder), 1);
        CU_ASSERT_STRING_EQUAL(p->result.key, "");
        CU_ASSERT_STRING_EQUAL(p->result.hmac_key, "");
        free(data);
        /* A link to nowhere is no free name. */
        char target[PATH_LEN];
        join_path(target, p->folder, "elsewhere");
        require(unlink(path) == 0 && symlink(target, path) == 0);
        EM_CHECK_STATUS(run(p), EM_ERR_EXISTS, &p->err);
        CU_ASSERT_EQUAL(count_files(p->folder), 1);
        end(p);
    }
}

static void test_unwritable(void)
{
    struct place *p = begin();
    p->options.name = "k";
    write_text(p->outdir, "a file where a folder should be");
    EM_CHECK_STATUS(run(p), EM_ERR_IO, &p->err);
    EM_CHECK_HAS(p->err.what, p->outdir);
    CU_ASSERT_EQUAL(count_files(p->folder), 1);
    require(unlink(p->outdir) == 0 && mkdir(p->outdir, 0500) == 0);
    if (geteuid() == 0) {
        printf("\n  NOT TESTED as root: a folder without write permission\n");
    } else {
        EM_CHECK_STATUS(run(p), EM_ERR_IO, &p->err);
        EM_CHECK_HAS(p->err.what, p->outdir);
        CU_ASSERT_EQUAL(count_files(p->folder), 0);
    }
    /* A name that no file system takes: the HMAC key made before goes away again. */
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    require(chmod(p->outdir, 0700) == 0);
    p->options.name = name;
    p->options.keys = (struct em_key_options){
        .protect_hmac = true, .hmac_keygen = true, .hmac_keyfile = "h"};
    EM_CHECK_STATUS(run(p), EM_ERR_IO, &p->err);
    CU_ASSERT_EQUAL(count_files(p->folder), 0);
    end(p);
}

static const struct em_test tests[] = {
    {"CRC used here", test_crc},
    {"content", test_content},
    {"default name", test_default_name},
    {"names", test_names},
    {"absolute names", test_absolute_names},
    {"given HMAC key", test_given_hmac},
    {"refused", test_refused},
    {"existing files", test_existing},
    {"folders that cannot be written", test_unwritable},
};
EM_TEST_MAIN("mfg/keyfile", tests)
