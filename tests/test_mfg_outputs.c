/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the folders of a batch: partial and final names, one HMAC key file anywhere.
 */
#include "config.h"

#include "mfg/outputs_int.h"

#include <espmfg/batch.h>

#include "tests/em_test.h"
#include "tests/test_mfg_batch_util.h"
#include "tests/test_mfg_util.h"

#define SIMPLE "ns,namespace,\na,data,u8\n"

/* Outputs below out/ of a temporary folder. */
struct place {
    char folder[PATH_LEN];
    char root[PATH_LEN];
    struct em_outputs_options options;
    struct em_outputs outputs;
    struct em_names names;
    struct em_error err;
};

static struct place *begin(void)
{
    struct place *p = need(calloc(1, sizeof *p));
    make_folder(p->folder);
    join_path(p->root, p->folder, "out");
    p->options =
        (struct em_outputs_options){.root = p->root, .with_csv = true, .whole = true};
    (void)snprintf(p->names.image, sizeof p->names.image, "i.bin");
    (void)snprintf(p->names.csv, sizeof p->names.csv, "c.csv");
    (void)snprintf(p->names.key, sizeof p->names.key, "k.bin");
    (void)snprintf(p->names.hmac_key, sizeof p->names.hmac_key, "h.bin");
    return p;
}

static void end(struct place *p)
{
    em_outputs_close(&p->outputs);
    remove_folder(p->folder);
    free(p);
}

static enum em_status open_all(struct place *p, enum em_keys_kind kind)
{
    const struct em_keys keys = {.kind = kind};
    em_outputs_close(&p->outputs);
    return em_outputs_open(&p->outputs, &keys, &p->options, &p->err);
}

static enum em_status put(struct place *p, enum em_output kind, const char *text,
                          bool complete)
{
    return em_outputs_put(&p->outputs, &p->names, kind, text, strlen(text), complete,
                          &p->err);
}

/* Which files there are for which kind of keys. */
static void test_wanted(void)
{
    static const struct {
        enum em_keys_kind kind;
        bool hmac, key;
    } cases[] = {
        {EM_KEYS_NONE, false, false},      {EM_KEYS_GIVEN, false, false},
        {EM_KEYS_RANDOM, false, true},     {EM_KEYS_HMAC_RANDOM, true, true},
        {EM_KEYS_HMAC_GIVEN, false, true},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct place *p = begin();
        p->options.with_csv = i % 2 == 0;
        EM_CHECK_STATUS(open_all(p, cases[i / 2].kind), EM_OK, &p->err);
        CU_ASSERT_EQUAL(p->outputs.wanted[EM_OUTPUT_HMAC_KEY], cases[i / 2].hmac);
        CU_ASSERT_EQUAL(p->outputs.wanted[EM_OUTPUT_KEY], cases[i / 2].key);
        CU_ASSERT_EQUAL(p->outputs.wanted[EM_OUTPUT_CSV], p->options.with_csv);
        CU_ASSERT_TRUE(p->outputs.wanted[EM_OUTPUT_IMAGE]);
        CU_ASSERT_FALSE(is_there(p->folder, "out")); /* opening writes nothing */
        EM_CHECK_STATUS(em_outputs_make(&p->outputs, &p->err), EM_OK, &p->err);
        CU_ASSERT_EQUAL(is_there(p->root, "keys.partial"), cases[i / 2].key);
        CU_ASSERT_EQUAL(is_there(p->root, "csv.partial"), p->options.with_csv);
        CU_ASSERT_TRUE(is_there(p->root, "bin.partial"));
        /* Given up before anything was in them: they go again. */
        em_outputs_abandon(&p->outputs);
        CU_ASSERT_FALSE(is_there(p->root, "bin.partial"));
        CU_ASSERT_FALSE(is_there(p->root, "keys.partial"));
        end(p);
    }
}

static void test_paths(void)
{
    static const struct {
        const char *root, *bin;
    } cases[] = {
        {"a", "a/bin"}, {"a/", "a/bin"}, {"", "./bin"},          {".", "./bin"},
        {"/", "/bin"},  {"~", "~/bin"},  {"a b/c", "a b/c/bin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct em_keys keys = {.kind = EM_KEYS_NONE};
        /* Partial: folders of these names may be there, and are only looked at. */
        const struct em_outputs_options options = {.root = cases[i].root};
        struct em_outputs outputs;
        struct em_error err;
        EM_CHECK_STATUS(em_outputs_open(&outputs, &keys, &options, &err), EM_OK, &err);
        CU_ASSERT_STRING_EQUAL(em_outputs_path(&outputs, EM_OUTPUT_IMAGE), cases[i].bin);
        em_outputs_close(&outputs);
    }
}

/* Files of a whole batch are seen under the final folder only after the end. */
static void test_commit(void)
{
    struct place *p = begin();
    char path[PATH_LEN];
    EM_CHECK_STATUS(open_all(p, EM_KEYS_RANDOM), EM_OK, &p->err);
    EM_CHECK_STATUS(em_outputs_make(&p->outputs, &p->err), EM_OK, &p->err);
    EM_CHECK_STATUS(put(p, EM_OUTPUT_KEY, "key", false), EM_OK, &p->err);
    EM_CHECK_STATUS(put(p, EM_OUTPUT_CSV, "csv", false), EM_OK, &p->err);
    EM_CHECK_STATUS(put(p, EM_OUTPUT_IMAGE, "image", false), EM_OK, &p->err);
    EM_CHECK_STATUS(put(p, EM_OUTPUT_IMAGE, "other", false), EM_ERR_EXISTS, &p->err);
    CU_ASSERT_FALSE(is_there(p->root, "bin"));
    CU_ASSERT_FALSE(is_there(p->root, "keys"));
    EM_CHECK_STATUS(em_outputs_commit(&p->outputs, &p->err), EM_OK, &p->err);
    em_outputs_abandon(&p->outputs); /* nothing is left to be given up */
    join_path(path, p->root, "bin");
    CU_ASSERT_TRUE(is_there(path, "i.bin"));
    join_path(path, p->root, "csv");
    CU_ASSERT_TRUE(is_there(path, "c.csv"));
    join_path(path, p->root, "keys");
    CU_ASSERT_TRUE(is_there(path, "k.bin"));
    CU_ASSERT_EQUAL(count_files(p->folder), 3);
    CU_ASSERT_FALSE(is_there(p->root, "bin.partial"));
    /* What is there now is found by the next run. */
    EM_CHECK_STATUS(open_all(p, EM_KEYS_RANDOM), EM_OK, &p->err);
    EM_CHECK_STATUS(em_outputs_check_new(&p->outputs, &p->names, &p->err), EM_ERR_EXISTS,
                    &p->err);
    EM_CHECK_HAS(p->err.what, "keys/k.bin");
    (void)snprintf(p->names.key, sizeof p->names.key, "k2.bin");
    EM_CHECK_STATUS(em_outputs_check_new(&p->outputs, &p->names, &p->err), EM_ERR_EXISTS,
                    &p->err);
    EM_CHECK_HAS(p->err.what, "csv/c.csv");
    (void)snprintf(p->names.csv, sizeof p->names.csv, "c2.csv");
    (void)snprintf(p->names.image, sizeof p->names.image, "i2.bin");
    EM_CHECK_STATUS(em_outputs_check_new(&p->outputs, &p->names, &p->err), EM_OK,
                    &p->err);
    end(p);
}

/* A part of a batch, and a batch in folders that are there: file by file. */
static void test_unstaged(void)
{
    for (int part = 0; part < 2; part++) {
        struct place *p = begin();
        char bin[PATH_LEN];
        join_path(bin, p->root, "bin");
        p->options.whole = part == 0;
        p->options.with_csv = false;
        if (part == 0)
            require(mkdir(p->root, 0700) == 0 && mkdir(bin, 0700) == 0);
        EM_CHECK_STATUS(open_all(p, EM_KEYS_NONE), EM_OK, &p->err);
        EM_CHECK_STATUS(em_outputs_make(&p->outputs, &p->err), EM_OK, &p->err);
        EM_CHECK_STATUS(put(p, EM_OUTPUT_IMAGE, "image", false), EM_OK, &p->err);
        CU_ASSERT_TRUE(is_there(bin, "i.bin"));
        CU_ASSERT_FALSE(is_there(p->root, "bin.partial"));
        em_outputs_abandon(&p->outputs);
        CU_ASSERT_TRUE(is_there(bin, "i.bin"));
        end(p);
    }
}

static void test_compare(void)
{
    static const struct {
        const char *there; /* NULL: nothing */
        enum em_status status;
        enum em_same same;
    } cases[] = {
        {NULL, EM_OK, EM_SAME_ABSENT},
        {"image", EM_OK, EM_SAME_EQUAL},
        {"ima", EM_OK, EM_SAME_SHORT},
        {"", EM_OK, EM_SAME_SHORT},
        {"imagE", EM_ERR_EXISTS, EM_SAME_DIFFERS},
        {"imx", EM_ERR_EXISTS, EM_SAME_DIFFERS},
        {"images", EM_ERR_EXISTS, EM_SAME_DIFFERS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct place *p = begin();
        enum em_same same = EM_SAME_EQUAL;
        char path[PATH_LEN];
        size_t len;
        EM_CHECK_STATUS(open_all(p, EM_KEYS_NONE), EM_OK, &p->err);
        EM_CHECK_STATUS(em_outputs_make(&p->outputs, &p->err), EM_OK, &p->err);
        join_path(path, p->root, "bin.partial/i.bin");
        if (cases[i].there != NULL)
            write_text(path, cases[i].there);
        EM_CHECK_STATUS(em_outputs_compare(&same, &p->outputs, &p->names, EM_OUTPUT_IMAGE,
                                           "image", 5, &p->err),
                        cases[i].status, &p->err);
        CU_ASSERT_EQUAL(same, cases[i].same);
        if (same == EM_SAME_SHORT) {
            EM_CHECK_STATUS(put(p, EM_OUTPUT_IMAGE, "image", true), EM_OK, &p->err);
            uint8_t *data = need(read_file(path, &len));
            CU_ASSERT_STRING_EQUAL((char *)data, "image");
            free(data);
        }
        end(p);
    }
}

/* The partial folders of a run that goes on are taken by nobody else. */
static void test_lock(void)
{
    struct place *p = begin();
    struct em_outputs other;
    const struct em_keys keys = {.kind = EM_KEYS_NONE};
    p->options.resume = true;
    EM_CHECK_STATUS(open_all(p, EM_KEYS_NONE), EM_OK, &p->err);
    EM_CHECK_STATUS(em_outputs_make(&p->outputs, &p->err), EM_OK, &p->err);
    EM_CHECK_STATUS(em_outputs_open(&other, &keys, &p->options, &p->err), EM_OK, &p->err);
    EM_CHECK_STATUS(em_outputs_make(&other, &p->err), EM_ERR_EXISTS, &p->err);
    EM_CHECK_HAS(p->err.what, "another run");
    em_outputs_close(&other);
    em_outputs_close(&p->outputs);
    EM_CHECK_STATUS(em_outputs_open(&other, &keys, &p->options, &p->err), EM_OK, &p->err);
    EM_CHECK_STATUS(em_outputs_make(&other, &p->err), EM_OK, &p->err);
    em_outputs_close(&other);
    end(p);
}

static void test_root_is_a_file(void)
{
    static const char *const names[] = {"out", "out/bin"};
    for (int i = 0; i < 2; i++) {
        struct batch *b = batch_new(SIMPLE, "a\n1\n");
        char path[PATH_LEN];
        if (i == 1)
            require(mkdir(b->outdir, 0700) == 0);
        join_path(path, b->folder, names[i]);
        write_text(path, "no folder");
        EM_CHECK_STATUS(batch_run(b), EM_ERR_IO, &b->err);
        EM_CHECK_HAS(b->err.what, b->outdir);
        CU_ASSERT_EQUAL(count_files(b->folder), 3);
        batch_free(b);
    }
    if (geteuid() == 0) {
        printf("\n  NOT TESTED as root: an output folder without write permission\n");
        return;
    }
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    require(mkdir(b->outdir, 0500) == 0);
    EM_CHECK_STATUS(batch_run(b), EM_ERR_IO, &b->err);
    CU_ASSERT_EQUAL(count_files(b->folder), 2);
    batch_free(b);
}

/* The one HMAC key file of a batch of one unit, wherever the user wants it. */
static void test_hmac_keyfile(void)
{
    static const struct {
        const char *name, *file; /* below out/ */
    } cases[] = {
        {"h", "keys/h.bin"},         {"h.bin", "keys/h.bin"},
        {"./h", "keys/h.bin"},       {"sub/h", "keys/sub/h.bin"},
        {"a/b/h", "keys/a/b/h.bin"}, {"../h", "h.bin"},
        {"../safe/h", "safe/h.bin"}, {"hmac-keys-P-1.bin", "keys/hmac-keys-P-1.bin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch *b = batch_new(SIMPLE, "a\n1\n");
        size_t len;
        b->options.keys = (struct em_key_options){.keygen = true,
                                                  .protect_hmac = true,
                                                  .hmac_keygen = true,
                                                  .hmac_keyfile = cases[i].name};
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        uint8_t *key = batch_read(b, cases[i].file, &len);
        CU_ASSERT_EQUAL(len, 32);
        CU_ASSERT_EQUAL(batch_mode(b, cases[i].file), 0600);
        CU_ASSERT_EQUAL(batch_mode(b, "keys"), 0700);
        CU_ASSERT_EQUAL(count_files(b->outdir), 4);
        CU_ASSERT_FALSE(is_there(b->outdir, "keys.partial"));
        free(key);
        /* A second run finds it, and a resumed one finds all in place. */
        EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
        b->options.resume = true;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(b->result.kept, 1);
        batch_free(b);
    }
}

static void test_hmac_keyfile_elsewhere(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    char name[PATH_LEN];
    join_path(name, b->folder, "elsewhere/h.bin");
    b->options.keys = (struct em_key_options){
        .keygen = true, .protect_hmac = true, .hmac_keygen = true, .hmac_keyfile = name};
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(count_files(b->outdir), 3);
    CU_ASSERT_TRUE(is_there(b->folder, "elsewhere/h.bin"));
    /* It is in the way of another batch, wherever that goes. */
    batch_outdir(b, "out2");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
    CU_ASSERT_FALSE(is_there(b->folder, "out2"));
    batch_free(b);
}

/* A name that another file of the unit has: found before anything is written. */
static void test_hmac_keyfile_taken(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    b->options.keys = (struct em_key_options){.keygen = true,
                                              .protect_hmac = true,
                                              .hmac_keygen = true,
                                              .hmac_keyfile = "keys-P-1.bin"};
    EM_CHECK_STATUS(batch_run(b), EM_ERR_USAGE, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    EM_CHECK_HAS(b->told.msg[0].what, "keys-P-1.bin");
    CU_ASSERT_TRUE(batch_untouched(b));
    b->options.keys.hmac_keyfile = "keys-P-1";
    b->options.resume = true;
    EM_CHECK_STATUS(batch_run(b), EM_ERR_USAGE, &b->err);
    CU_ASSERT_TRUE(batch_untouched(b));
    batch_free(b);
}

static const struct em_test tests[] = {
    {"kinds of files", test_wanted},
    {"paths", test_paths},
    {"a whole batch appears at once", test_commit},
    {"file by file", test_unstaged},
    {"compare and complete", test_compare},
    {"two runs at once", test_lock},
    {"folders that cannot be made", test_root_is_a_file},
    {"one HMAC key file", test_hmac_keyfile},
    {"one HMAC key file elsewhere", test_hmac_keyfile_elsewhere},
    {"HMAC key file with a name in use", test_hmac_keyfile_taken},
};
EM_TEST_MAIN("mfg/outputs", tests)
