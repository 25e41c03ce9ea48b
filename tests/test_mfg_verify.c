/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of verifying batches: what is right is found right, and each kind of damage is
 * the fault that it is, and no other. */
#include "config.h"

#include <espmfg/verify.h>

#include "tests/em_test.h"
#include "tests/test_mfg_verify_util.h"

/* Every way of making a batch, and every way of verifying it. */
static void test_good(void)
{
    static const char *const ext[] = {"csv", "json"};
    for (int how = PLAIN; how < HOWS; how++) {
        for (int k = 0; k < 2; k++) {
            struct verified *t = verified_new((enum how)how, ext[k]);
            size_t files = count_files(t->b->folder);
            for (int way = 0; way < 4; way++) {
                t->options.jobs = way == 1 ? 4 : 1;
                if (way == 1)
                    t->options.prefix = NULL;
                if (way >= 2)
                    use_manifest(t, way == 3);
                EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
                check_faults(t, ext[k], (struct fault[FAULTS_MAX]){{0}}, 0);
                CU_ASSERT_EQUAL(t->result.units, UNITS);
                CU_ASSERT_EQUAL(t->result.verified, UNITS);
            }
            CU_ASSERT_EQUAL(count_files(t->b->folder), files);
            verified_free(t);
        }
    }
}

/* Damage to a batch that is verified against its tables. */
static void flip_entry(struct verified *t)
{
    flip(t, "bin/P-3.bin", 64 + 32 + 5);
}
static void flip_header(struct verified *t)
{
    flip(t, "bin/P-1.bin", 5);
}
static void flip_csv(struct verified *t)
{
    flip(t, "csv/P-2.csv", 45); /* in the second line */
}
static void longer_csv(struct verified *t)
{
    char path[PATH_LEN];
    size_t len;
    batch_path(t->b, path, "csv/P-2.csv");
    uint8_t *text = need(read_file(path, &len));
    text[len] = 'x'; /* there was a NUL */
    write_file(path, text, len + 1);
    free(text);
}
static void flip_key(struct verified *t)
{
    flip(t, "keys/keys-P-4.bin", 7);
}
static void flip_key_rest(struct verified *t)
{
    flip(t, "keys/keys-P-4.bin", 4000);
}
static void flip_hmac(struct verified *t)
{
    flip(t, "keys/hmac-keys-P-4.bin", 7);
}
static void drop_image(struct verified *t)
{
    drop(t, "bin/P-6.bin");
}
static void drop_csv(struct verified *t)
{
    drop(t, "csv/P-6.csv");
}
static void drop_key(struct verified *t)
{
    drop(t, "keys/keys-P-6.bin");
}
static void drop_hmac(struct verified *t)
{
    drop(t, "keys/hmac-keys-P-6.bin");
}
static void drop_keys(struct verified *t)
{
    for (int i = 1; i <= UNITS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "keys/keys-P-%d.bin", i);
        drop(t, name);
    }
}
static void drop_unit(struct verified *t)
{
    drop(t, "bin/P-2.bin");
    drop(t, "csv/P-2.csv");
}
static void rename_image(struct verified *t)
{
    copy(t, "bin/P-2.bin", "bin/Q-2.bin"); /* as many files as units */
    drop(t, "bin/P-2.bin");
}
static void foreign(struct verified *t)
{
    add(t, "bin/P-7.bin");
    add(t, "bin/.hidden");
    add(t, "csv/notes.txt");
}
static void leftovers(struct verified *t)
{
    char path[PATH_LEN];
    add(t, "bin/.espmfg-123-4.tmp");
    add(t, "csv/x.partial");
    batch_path(t->b, path, "csv.partial");
    require(mkdir(path, 0700) == 0);
}
static void foreign_keys(struct verified *t)
{
    char path[PATH_LEN];
    batch_path(t->b, path, "keys");
    require(mkdir(path, 0700) == 0);
    add(t, "keys/old.bin");
}
static void swap_images(struct verified *t)
{
    swap(t, "bin/P-2.bin", "bin/P-5.bin");
}
static void swap_keys(struct verified *t)
{
    swap(t, "keys/keys-P-2.bin", "keys/keys-P-5.bin");
}
static void same_unit_twice(struct verified *t)
{
    copy(t, "keys/keys-P-2.bin", "keys/keys-P-5.bin");
    copy(t, "bin/P-2.bin", "bin/P-5.bin");
    copy(t, "csv/P-2.csv", "csv/P-5.csv");
    edit_values(t, "7005,fifth,00ff05", "7002,second,00ff02");
}
static void cut_page(struct verified *t)
{
    cut(t, "bin/P-1.bin", 0x2000);
}
static void cut_odd(struct verified *t)
{
    cut(t, "bin/P-1.bin", 5000);
}
static void cut_all(struct verified *t)
{
    cut(t, "bin/P-1.bin", 0);
}
static void fifo(struct verified *t)
{
    char path[PATH_LEN];
    batch_path(t->b, path, "bin/P-3.bin");
    require(unlink(path) == 0 && mkfifo(path, 0600) == 0);
}
static void other_number(struct verified *t)
{
    edit_values(t, "7003", "7033");
}
static void other_text(struct verified *t)
{
    edit_values(t, "third", "drittens");
}
static void bad_cell(struct verified *t)
{
    edit_values(t, "7003", "70x3");
}
static void more_units(struct verified *t)
{
    edit_values(t, "00ff06,A6\n", "00ff06,A6\n7007,seventh,00ff07,A7\n");
}
static void fewer_units(struct verified *t)
{
    edit_values(t, "7006,sixth,00ff06,A6\n", "");
}
static void fewer_keys(struct verified *t)
{
    write_text(t->b->config, "ns,namespace,\nnum,data,u32\ntext,data,string\n");
    t->options.no_csv = true;
}
static void more_config(struct verified *t)
{
    write_text(t->b->config, VERIFY_CONFIG "serial,data,string\n");
    t->options.no_csv = true;
    t->options.first_row = t->options.last_row = 2;
}
static void other_type(struct verified *t)
{
    write_text(t->b->config, "ns,namespace,\nnum,data,i32\ntext,data,string\n"
                             "blob,data,hex2bin\n");
    t->options.no_csv = true;
    t->options.first_row = t->options.last_row = 4;
}
static void wrong_key(struct verified *t)
{
    t->options.inputkey = t->other_key;
    t->options.last_row = 2;
}
static void no_key(struct verified *t)
{
    t->options.inputkey = NULL;
    t->options.last_row = 2;
}
static void key_for_plain(struct verified *t)
{
    t->options.inputkey = t->key;
    t->options.last_row = 1;
}
static void other_hmac(struct verified *t)
{
    flip(t, "../hmac.bin", 3);
    t->options.last_row = 2;
}
static void swap_hmac(struct verified *t)
{
    swap(t, "keys/hmac-keys-P-1.bin", "keys/hmac-keys-P-2.bin");
}

static const struct {
    const char *name;
    enum how how;
    void (*damage)(struct verified *t);
    size_t units; /* with faults */
    struct fault faults[FAULTS_MAX];
} damages[] = {
    /* clang-format off */
    {"flip in an entry", PLAIN, flip_entry, 1, {{"/bin/P-3.bin", "page 0, entry 1: "}}},
    {"flip in an entry, encrypted", KEYGEN, flip_entry, 1, {{"/bin/P-3.bin", "(entry-crc)"}}},
    {"flip in a header", KEYGEN, flip_header, 1, {{"/bin/P-1.bin", "page 0: "}}},
    {"flip in a CSV", PLAIN, flip_csv, 1, {{"/csv/P-2.csv", "row of line 3"}}},
    {"longer CSV", PLAIN, longer_csv, 1, {{"/csv/P-2.csv", "row of line 3"}}},
    {"flip in a key", KEYGEN, flip_key, 1, {{"/keys/keys-P-4.bin", "CRC"}}},
    {"flip in a key, HMAC", HMAC, flip_key, 1, {{"/keys/keys-P-4.bin", "CRC"}}},
    {"flip behind a key", KEYGEN, flip_key_rest, 1, {{"/keys/keys-P-4.bin", "more than a key"}}},
    {"flip in an HMAC key", HMAC, flip_hmac, 1, {{"/keys/keys-P-4.bin", "another key"}}},
    {"no image", PLAIN, drop_image, 1, {{"/bin/P-6.bin", "image of unit 6 is missing"}}},
    {"no image, encrypted", HMAC, drop_image, 1, {{"/bin/P-6.bin", "image of unit 6 is missing"}}},
    {"no CSV", PLAIN, drop_csv, 1, {{"/csv/P-6.csv", "CSV of unit 6 is missing"}}},
    {"no key", KEYGEN, drop_key, 1, {{"/keys/keys-P-6.bin", "key file of unit 6 is missing"}}},
    {"no key, HMAC", HMAC, drop_key, 1, {{"/keys/keys-P-6.bin", "key file of unit 6 is missing"}}},
    {"no HMAC key", HMAC, drop_hmac, 1, {{"/keys/hmac-keys-P-6.bin", "HMAC key file of unit 6"}}},
    {"no keys at all", KEYGEN, drop_keys, 6,
     {{"/bin/P-1.bin", "encrypted, but there is no key"}, {"/bin/P-2.bin", "erase everything"},
      {"/bin/P-3.bin", "encrypted, but"}, {"/bin/P-4.bin", "encrypted, but"},
      {"/bin/P-5.bin", "encrypted, but"}, {"/bin/P-6.bin", "encrypted, but"}}},
    {"no unit", PLAIN, drop_unit, 1, {{"/bin/P-2.bin", "missing, as are its other files"}}},
    {"another name", PLAIN, rename_image, 1,
     {{"/bin/P-2.bin", "missing"}, {"/bin/Q-2.bin", "no unit"}}},
    {"foreign", PLAIN, foreign, 0,
     {{"/bin/.hidden", "no unit"}, {"/bin/P-7.bin", "no unit"}, {"/csv/notes.txt", "no unit"}}},
    {"leftovers", PLAIN, leftovers, 0,
     {{"/csv.partial", "did not end"}, {"/bin/.espmfg-123-4.tmp", "interrupted"},
      {"/csv/x.partial", "interrupted"}}},
    {"foreign key", PLAIN, foreign_keys, 0, {{"/keys/old.bin", "no unit"}}},
    {"swapped images", KEYGEN, swap_images, 2,
     {{"/bin/P-2.bin", "another key than its own"}, {"/bin/P-5.bin", "another key than its own"}}},
    {"swapped images, plain", PLAIN, swap_images, 2,
     {{"/bin/P-2.bin", "'num' in namespace 'ns' is 7005, the row gives 7002"},
      {"/bin/P-2.bin", "'text' in namespace 'ns' has another value"},
      {"/bin/P-2.bin", "'blob' in namespace 'ns' has another value"},
      {"/bin/P-5.bin", "is 7002, the row gives 7005"}, {"/bin/P-5.bin", "'text'"},
      {"/bin/P-5.bin", "'blob'"}}},
    {"swapped images, one key", INPUTKEY, swap_images, 2,
     {{"/bin/P-2.bin", "is 7005"}, {"/bin/P-2.bin", "'text'"}, {"/bin/P-2.bin", "'blob'"},
      {"/bin/P-5.bin", "is 7002"}, {"/bin/P-5.bin", "'text'"}, {"/bin/P-5.bin", "'blob'"}}},
    {"swapped keys", KEYGEN, swap_keys, 2,
     {{"/bin/P-2.bin", "another key than its own"}, {"/bin/P-5.bin", "another key than its own"}}},
    {"swapped keys, HMAC", HMAC, swap_keys, 2,
     {{"/keys/keys-P-2.bin", "'hmac-keys-P-2.bin'"}, {"/keys/keys-P-5.bin", "'hmac-keys-P-5.bin'"}}},
    {"swapped HMAC keys", HMAC, swap_hmac, 2,
     {{"/keys/keys-P-1.bin", "'hmac-keys-P-1.bin'"}, {"/keys/keys-P-2.bin", "'hmac-keys-P-2.bin'"}}},
    {"one key twice", KEYGEN, same_unit_twice, 0, {{"/keys/keys-P-5.bin", "that of unit 2 too"}}},
    {"a page less", PLAIN, cut_page, 1, {{"/bin/P-1.bin", "8192 bytes, it has to have 12288"}}},
    {"a page less, encrypted", KEYGEN, cut_page, 1, {{"/bin/P-1.bin", "8192 bytes"}}},
    {"cut", PLAIN, cut_odd, 1, {{"/bin/P-1.bin", "5000 bytes, it has to have 12288"}}},
    {"empty", PLAIN, cut_all, 1, {{"/bin/P-1.bin", "0 bytes, it has to have 12288"}}},
    {"FIFO", PLAIN, fifo, 1, {{"/bin/P-3.bin", "no regular file"}}},
    {"another number", PLAIN, other_number, 1,
     {{"/bin/P-3.bin", "'num' in namespace 'ns' is 7003, the row gives 7033"},
      {"/csv/P-3.csv", "row of line 4"}}},
    {"another text", HMAC_GIVEN, other_text, 1,
     {{"/bin/P-3.bin", "'text' in namespace 'ns' has another value than the row gives"},
      {"/csv/P-3.csv", "row of line 4"}}},
    {"a cell that is none", PLAIN, bad_cell, 1,
     {{"values.csv", "key 'num' = '70x3'"}, {"/csv/P-3.csv", "row of line 4"}}},
    {"a row more", KEYGEN, more_units, 1, {{"/bin/P-7.bin", "missing, as are its other files"}}},
    {"a row less", KEYGEN, fewer_units, 0,
     {{"/bin/P-6.bin", "no unit"}, {"/csv/P-6.csv", "no unit"}, {"/keys/keys-P-6.bin", "no unit"}}},
    {"a key less", PLAIN, fewer_keys, 6,
     {{"/bin/P-1.bin", "'blob' in namespace 'ns' is not in the row"}, {"/bin/P-2.bin", "'blob'"},
      {"/bin/P-3.bin", "'blob'"}, {"/bin/P-4.bin", "'blob'"}, {"/bin/P-5.bin", "'blob'"},
      {"/bin/P-6.bin", "'blob'"}}},
    {"a key more", PLAIN, more_config, 1, {{"/bin/P-2.bin", "'serial' in namespace 'ns' is missing"}}},
    {"another type", PLAIN, other_type, 1, {{"/bin/P-4.bin", "'num' in namespace 'ns' has another type"}}},
    {"wrong key", INPUTKEY, wrong_key, 2,
     {{"/bin/P-1.bin", "another key than its own"}, {"/bin/P-2.bin", "another key than its own"}}},
    {"key not given", INPUTKEY, no_key, 2,
     {{"/bin/P-1.bin", "encrypted, but there is no key"}, {"/bin/P-2.bin", "encrypted, but"}}},
    {"key for nothing", PLAIN, key_for_plain, 1,
     {{"/bin/P-1.bin", "not encrypted, although there is a key"}}},
    {"wrong HMAC key", HMAC_GIVEN, other_hmac, 2,
     {{"/keys/keys-P-1.bin", "another key than the one derived"},
      {"/keys/keys-P-2.bin", "another key than the one derived"}}},
    /* clang-format on */
};

static void test_damage(void)
{
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct verified *t = verified_new(damages[i].how, "csv");
        damages[i].damage(t);
        for (unsigned jobs = 1; jobs <= 3; jobs += 2) {
            t->options.jobs = jobs;
            EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
            check_faults(t, damages[i].name, damages[i].faults, damages[i].units);
            CU_ASSERT_EQUAL(t->result.verified + t->result.faulty, t->result.units);
        }
        verified_free(t);
    }
}

/* Damage when only the manifest says what should be. */
static void extra_folder(struct verified *t)
{
    char moved[PATH_LEN];
    join_path(moved, t->b->folder, "moved");
    require(rename(t->b->outdir, moved) == 0);
    batch_outdir(t->b, "moved");
    t->options.outdir = t->b->outdir;
    flip(t, "bin/P-3.bin", 64 + 32 + 5);
}
static void blank_flip(struct verified *t)
{
    flip(t, "bin/P-3.bin", 0x2FF0);
}
static void new_key(struct verified *t)
{
    copy(t, "keys/keys-P-2.bin", "keys/keys-P-3.bin");
    copy(t, "bin/P-2.bin", "bin/P-3.bin");
}
static void other_hmac_file(struct verified *t)
{
    copy(t, "keys/keys-P-2.bin", "keys/keys-P-3.bin");
    copy(t, "keys/hmac-keys-P-2.bin", "keys/hmac-keys-P-3.bin");
    copy(t, "bin/P-2.bin", "bin/P-3.bin");
}

static const struct {
    const char *name;
    enum how how;
    void (*damage)(struct verified *t);
    size_t units;
    struct fault faults[FAULTS_MAX];
} listed_damages[] = {
    /* clang-format off */
    {"flip, moved", KEYGEN, extra_folder, 1, {{"moved/bin/P-3.bin", "(entry-crc)"}}},
    {"flip in a blank page", PLAIN, blank_flip, 1, {{"/bin/P-3.bin", "page 2"}}},
    {"no image", PLAIN, drop_image, 1, {{"/bin/P-6.bin", "image of unit 6 is missing"}}},
    {"no CSV", PLAIN, drop_csv, 1, {{"/csv/P-6.csv", "CSV of unit 6 is missing"}}},
    {"no key", HMAC, drop_key, 1, {{"/keys/keys-P-6.bin", "key file of unit 6 is missing"}}},
    {"no HMAC key", HMAC, drop_hmac, 1, {{"/keys/hmac-keys-P-6.bin", "HMAC key file of unit 6"}}},
    {"swapped images", PLAIN, swap_images, 2, {{"/bin/P-2.bin", "SHA-256"}, {"/bin/P-5.bin", "SHA-256"}}},
    {"swapped keys", KEYGEN, swap_keys, 2,
     {{"/keys/keys-P-2.bin", "not the one that the manifest lists"},
      {"/keys/keys-P-5.bin", "not the one that the manifest lists"}}},
    {"key of another unit", KEYGEN, new_key, 1,
     {{"/keys/keys-P-3.bin", "manifest lists"}, {"/bin/P-3.bin", "SHA-256"},
      {"/keys/keys-P-3.bin", "that of unit 2 too"}}},
    {"HMAC key of another unit", HMAC, other_hmac_file, 1,
     {{"/keys/keys-P-3.bin", "manifest lists"}, {"/bin/P-3.bin", "SHA-256"},
      {"/keys/keys-P-3.bin", "that of unit 2 too"}}},
    {"cut", KEYGEN, cut_page, 1, {{"/bin/P-1.bin", "8192 bytes, it has to have 12288"}}},
    {"wrong key", INPUTKEY, wrong_key, 2,
     {{"/bin/P-1.bin", "not the one that the manifest lists"},
      {"/bin/P-2.bin", "not the one that the manifest lists"}}},
    {"foreign", PLAIN, foreign, 0,
     {{"/bin/.hidden", "no unit"}, {"/bin/P-7.bin", "no unit"}, {"/csv/notes.txt", "no unit"}}},
    /* clang-format on */
};

static void test_damage_listed(void)
{
    static const char *const ext[] = {"csv", "json"};
    for (size_t i = 0; i < sizeof listed_damages / sizeof listed_damages[0]; i++) {
        for (unsigned k = 0; k < 2; k++) {
            struct verified *t = verified_new(listed_damages[i].how, ext[k]);
            listed_damages[i].damage(t);
            use_manifest(t, true);
            t->options.jobs = 1 + 2 * k;
            EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
            check_faults(t, listed_damages[i].name, listed_damages[i].faults,
                         listed_damages[i].units);
            verified_free(t);
        }
    }
}

static const struct em_test tests[] = {
    {"good batches", test_good},
    {"damage", test_damage},
    {"damage, manifest", test_damage_listed},
};
EM_TEST_MAIN("mfg/verify", tests)
