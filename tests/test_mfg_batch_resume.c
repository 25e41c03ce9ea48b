/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of batches over what is there already: refused or resumed. */
#include "config.h"

#include <espmfg/batch.h>

#include "tests/em_test.h"
#include "tests/test_mfg_batch_util.h"
#include "tests/test_mfg_util.h"

#define SIMPLE "ns,namespace,\na,data,u8\n"

/* Keep a copy of the outputs, to see later whether they changed. */
static void keep_copy(struct batch *b, char *copy, const char *name)
{
    join_path(copy, b->folder, name);
    copy_folder(b->outdir, copy);
}

static void remove_output(const struct batch *b, const char *name)
{
    char path[PATH_LEN];
    batch_path(b, path, name);
    require(unlink(path) == 0);
}

static void cut_output(const struct batch *b, const char *name, off_t len)
{
    char path[PATH_LEN];
    batch_path(b, path, name);
    require(truncate(path, len) == 0);
}

static void put_output(const struct batch *b, const char *name, const char *text)
{
    char path[PATH_LEN];
    batch_path(b, path, name);
    write_text(path, text);
}

static void make_output_folder(const struct batch *b, const char *name)
{
    char path[PATH_LEN];
    batch_path(b, path, name);
    if (!is_there(b->folder, "out"))
        require(mkdir(b->outdir, 0700) == 0);
    require(mkdir(path, 0700) == 0);
}

/* One file of one unit is enough to refuse the run; nothing is touched. */
static void test_refused(void)
{
    static const struct {
        const char *folder, *name;
    } cases[] = {
        {"bin", "bin/P-2.bin"},
        {"csv", "csv/P-2.csv"},
        {"keys", "keys/keys-P-2.bin"},
        {"keys", "keys/hmac-keys-P-2.bin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch *b = batch_new(SIMPLE, "a\n1\n2\n3\n");
        char copy[PATH_LEN];
        char path[PATH_LEN];
        struct stat before;
        struct stat after;
        b->options.keys = (struct em_key_options){
            .keygen = true, .protect_hmac = true, .hmac_keygen = true};
        make_output_folder(b, cases[i].folder);
        put_output(b, cases[i].name, "precious");
        keep_copy(b, copy, "copy");
        batch_path(b, path, cases[i].name);
        require(lstat(path, &before) == 0);
        EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
        CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
        CU_ASSERT_EQUAL(b->told.msg[0].status, EM_ERR_EXISTS);
        EM_CHECK_HAS(b->told.msg[0].what, cases[i].name);
        EM_CHECK_HAS(b->told.msg[0].hint, "--resume");
        CU_ASSERT_TRUE(same_folders(copy, b->outdir));
        CU_ASSERT_EQUAL(count_files(b->outdir), 1);
        require(lstat(path, &after) == 0);
        CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
        CU_ASSERT_EQUAL(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
        batch_free(b);
    }
}

/* Also a link to nowhere is there: writing through it would end up elsewhere. */
static void test_refused_link(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    char link[PATH_LEN];
    char target[PATH_LEN];
    make_output_folder(b, "bin");
    batch_path(b, link, "bin/P-1.bin");
    join_path(target, b->folder, "elsewhere");
    require(symlink(target, link) == 0);
    EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
    CU_ASSERT_FALSE(is_there(b->folder, "elsewhere"));
    CU_ASSERT_FALSE(is_there(b->outdir, "csv"));
    batch_free(b);
}

/* A second batch beside the first in the same folders. */
static void test_beside(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
    char copy[PATH_LEN];
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    keep_copy(b, copy, "copy");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
    CU_ASSERT_EQUAL(b->result.faults, 2);
    b->options.prefix = "Q";
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(count_files(b->outdir), 8);
    CU_ASSERT_TRUE(folder_within(copy, b->outdir));
    batch_free(b);
}

static void test_partial_folders(void)
{
    static const struct {
        const char *folders[2];
        bool resume;
        uint64_t last_row;
        enum em_status status;
        const char *what, *hint;
    } cases[] = {
        {{"bin.partial"}, false, 0, EM_ERR_EXISTS, "did not end", "--resume"},
        {{"csv.partial"}, false, 0, EM_ERR_EXISTS, "did not end", "--resume"},
        {{"bin.partial"}, true, 0, EM_OK, "", ""},
        {{"csv.partial"}, true, 0, EM_OK, "", ""},
        {{"bin.partial"}, true, 1, EM_ERR_EXISTS, "whole batch", "without --rows"},
        {{"bin", "bin.partial"}, false, 0, EM_ERR_EXISTS, "both", "remove"},
        {{"bin", "bin.partial"}, true, 0, EM_ERR_EXISTS, "both", "remove"},
        {{"keys.partial"}, false, 0, EM_OK, "", ""}, /* no keys, no concern of this run */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
        b->options.resume = cases[i].resume;
        b->options.last_row = cases[i].last_row;
        for (size_t k = 0; k < 2 && cases[i].folders[k] != NULL; k++)
            make_output_folder(b, cases[i].folders[k]);
        EM_CHECK_STATUS(batch_run(b), cases[i].status, &b->err);
        if (cases[i].status != EM_OK) {
            EM_CHECK_HAS(b->err.what, cases[i].what);
            EM_CHECK_HAS(b->err.hint, cases[i].hint);
            CU_ASSERT_EQUAL(count_files(b->outdir), 0);
            CU_ASSERT_TRUE(is_there(b->outdir, cases[i].folders[0])); /* still there */
        } else {
            CU_ASSERT_EQUAL(count_files(b->outdir), 4);
            CU_ASSERT_FALSE(is_there(b->outdir, "bin.partial"));
            CU_ASSERT_FALSE(is_there(b->outdir, "csv.partial"));
        }
        batch_free(b);
    }
}

/* What was deleted or cut is made again, the rest is kept, byte for byte. */
static void test_resume(void)
{
    struct batch *b = batch_many(50);
    char copy[PATH_LEN];
    for (int secret = 0; secret < 2; secret++) {
        batch_outdir(b, secret ? "secret" : "plain");
        b->options.keys.keygen = secret != 0;
        b->options.resume = false;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        keep_copy(b, copy, secret ? "copy2" : "copy");
        remove_output(b, "bin/P-3.bin");
        remove_output(b, "csv/P-4.csv");
        remove_output(b, "bin/P-5.bin");
        remove_output(b, "csv/P-5.csv");
        cut_output(b, "bin/P-20.bin", 5000);
        cut_output(b, "bin/P-21.bin", 0);
        cut_output(b, "csv/P-22.csv", 7);
        b->options.resume = true;
        b->options.jobs = 3;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(b->result.made, 4);
        CU_ASSERT_EQUAL(b->result.kept, 46);
        CU_ASSERT_EQUAL(b->result.bytes, 50 * 0x3000);
        CU_ASSERT_TRUE(same_folders(copy, b->outdir));
        /* Once more: nothing is left to do. */
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(b->result.made, 0);
        CU_ASSERT_EQUAL(b->result.kept, 50);
        CU_ASSERT_TRUE(same_folders(copy, b->outdir));
    }
    batch_free(b);
}

/* Over another batch's files: told which ones, nothing changed, nothing completed. */
static void test_resume_other_values(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n3\n");
    char copy[PATH_LEN];
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    remove_output(b, "bin/P-1.bin");
    keep_copy(b, copy, "copy");
    write_text(b->values, "a\n1\n7\n3\n");
    b->options.resume = true;
    for (int dry = 0; dry < 2; dry++) {
        b->options.dry_run = dry != 0;
        EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
        CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
        EM_CHECK_HAS(b->told.msg[0].what, "P-2.");
        EM_CHECK_HAS(b->told.msg[0].what, "holds something else");
        CU_ASSERT_TRUE(same_folders(copy, b->outdir));
    }
    b->options.dry_run = false;
    /* A longer file is none that lost its end. */
    write_text(b->values, "a\n1\n2\n3\n");
    put_output(b, "csv/P-3.csv",
               "key,type,encoding,value\r\nns,namespace,,\r\n"
               "a,data,u8,3\r\nb,data,u8,3\r\n");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
    CU_ASSERT_EQUAL(b->result.faults, 1);
    CU_ASSERT_EQUAL(count_files(b->outdir), 5); /* bin/P-1.bin is not completed */
    batch_free(b);
}

/* Key files stay; without one, only the unit that has no image gets a new key. */
static void test_resume_keys(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n3\n");
    char copy[PATH_LEN];
    char path[PATH_LEN];
    char old_path[PATH_LEN];
    b->options.keys.keygen = true;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    keep_copy(b, copy, "copy");
    b->options.resume = true;
    /* An image whose key is lost cannot be saved by a new key. */
    remove_output(b, "keys/keys-P-2.bin");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    EM_CHECK_HAS(b->told.msg[0].what, "keys-P-2.bin");
    EM_CHECK_HAS(b->told.msg[0].what, "missing");
    CU_ASSERT_EQUAL(count_files(b->outdir), 8);
    /* Neither can one whose key file is empty. */
    put_output(b, "keys/keys-P-2.bin", "");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
    remove_output(b, "bin/P-2.bin");
    remove_output(b, "keys/keys-P-2.bin");
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.made, 1);
    CU_ASSERT_EQUAL(b->result.kept, 2);
    CU_ASSERT_EQUAL(count_files(b->outdir), 9);
    for (int unit = 1; unit <= 3; unit++) {
        char name[32];
        size_t len;
        size_t old_len;
        (void)snprintf(name, sizeof name, "keys/keys-P-%d.bin", unit);
        batch_path(b, path, name);
        join_path(old_path, copy, name);
        uint8_t *now = need(read_file(path, &len));
        uint8_t *old = need(read_file(old_path, &old_len));
        CU_ASSERT_EQUAL(len, old_len);
        CU_ASSERT_EQUAL(memcmp(now, old, 64) == 0, unit != 2);
        free(now);
        free(old);
    }
    batch_free(b);
}

/* Key files that cannot be used: told, never replaced. */
static void test_resume_damaged_keys(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
    char copy[PATH_LEN];
    b->options.keys.keygen = true;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    b->options.resume = true;
    cut_output(b, "keys/keys-P-1.bin", 10);
    keep_copy(b, copy, "copy");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    EM_CHECK_HAS(b->told.msg[0].file, "keys/keys-P-1.bin");
    EM_CHECK_HAS(b->told.msg[0].what, "10 bytes");
    CU_ASSERT_TRUE(same_folders(copy, b->outdir));
    /* Killed just after it was made: no key was lost. */
    cut_output(b, "keys/keys-P-1.bin", 0);
    remove_output(b, "bin/P-1.bin");
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.made, 1);
    size_t len;
    uint8_t *key = need(batch_read(b, "keys/keys-P-1.bin", &len));
    uint8_t *image = need(batch_read(b, "bin/P-1.bin", &len));
    decrypt_image(image, len, key);
    EM_CHECK_BYTES(image + 64 + 8, "ns", 3);
    free(key);
    free(image);
    batch_free(b);
}

static void test_resume_hmac(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
    char copy[PATH_LEN];
    b->options.keys = (struct em_key_options){
        .keygen = true, .protect_hmac = true, .hmac_keygen = true};
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    keep_copy(b, copy, "copy");
    b->options.resume = true;
    /* The key comes from the HMAC key again … */
    remove_output(b, "keys/keys-P-1.bin");
    remove_output(b, "bin/P-2.bin");
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_TRUE(same_folders(copy, b->outdir));
    /* … but not the other way round. */
    remove_output(b, "keys/hmac-keys-P-1.bin");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    EM_CHECK_HAS(b->told.msg[0].what, "hmac-keys-P-1.bin");
    CU_ASSERT_EQUAL(count_files(b->outdir), 7);
    batch_free(b);
}

static const struct em_test tests[] = {
    {"files that are there", test_refused},
    {"a link that is there", test_refused_link},
    {"two batches in one folder", test_beside},
    {"partial folders", test_partial_folders},
    {"resume", test_resume},
    {"resume with other values", test_resume_other_values},
    {"resume with keys", test_resume_keys},
    {"resume with damaged keys", test_resume_damaged_keys},
    {"resume with HMAC keys", test_resume_hmac},
};
EM_TEST_MAIN("mfg/batch: resume", tests)
