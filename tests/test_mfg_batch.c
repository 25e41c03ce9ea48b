/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of whole batches: what comes out, and that it does not depend on how it is made.
 */
#include "config.h"

#include <espmfg/batch.h>

#include "tests/em_test.h"
#include "tests/test_mfg_batch_util.h"
#include "tests/test_mfg_util.h"

#define SIMPLE "ns,namespace,\na,data,u8\n"

/* Bytes of the namespace entry and of u8 "u8b" = 255, from the format document. */
static void test_known_bytes(void)
{
    static const uint8_t ns[32] = {0x00, 0x01, 0x01, 0xff, 0x3b, 0x28, 0x0e, 0x0e,
                                   0x6e, 0x73, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                   0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                   0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t u8b[32] = {0x01, 0x01, 0x01, 0xff, 0x5a, 0x22, 0x35, 0x0f,
                                    0x75, 0x38, 0x62, 0x00, 0x00, 0x00, 0x00, 0x00,
                                    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const char csv[] = "key,type,encoding,value\r\nns,namespace,,\r\n"
                              "u8b,data,u8,255\r\n";
    struct batch *b = batch_new("ns,namespace,\nu8b,data,u8\n", "u8b\n255\n");
    size_t len;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    uint8_t *image = batch_read(b, "bin/P-1.bin", &len);
    CU_ASSERT_EQUAL_FATAL(len, 0x3000);
    EM_CHECK_BYTES(image, "\xFE\xFF\xFF\xFF\0\0\0\0\xFE", 9); /* active, page 0 */
    EM_CHECK_BYTES(image + 28, "\x84\x2d\xba\xb9", 4);
    EM_CHECK_BYTES(image + 32, "\xFA\xFF", 2); /* two entries written */
    EM_CHECK_BYTES(image + 64, ns, sizeof ns);
    EM_CHECK_BYTES(image + 96, u8b, sizeof u8b);
    size_t rest = 128;
    while (rest < len && image[rest] == 0xFF)
        rest++;
    CU_ASSERT_EQUAL(rest, len);
    free(image);
    uint8_t *text = batch_read(b, "csv/P-1.csv", &len);
    CU_ASSERT_EQUAL(len, sizeof csv - 1);
    CU_ASSERT_STRING_EQUAL((char *)need(text), csv);
    free(text);
    CU_ASSERT_EQUAL(count_files(b->outdir), 2);
    batch_free(b);
}

static void test_result(void)
{
    struct batch *b = batch_many(40);
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.rows, 40);
    CU_ASSERT_EQUAL(b->result.selected, 40);
    CU_ASSERT_EQUAL(b->result.made, 40);
    CU_ASSERT_EQUAL(b->result.kept, 0);
    CU_ASSERT_EQUAL(b->result.bytes, 40 * 0x3000);
    CU_ASSERT_EQUAL(b->result.faults, 0);
    CU_ASSERT_EQUAL(b->result.warnings, 0);
    CU_ASSERT_EQUAL(b->told.n, 0);
    CU_ASSERT_EQUAL(count_files(b->outdir), 80);
    CU_ASSERT_FALSE(is_there(b->outdir, "bin.partial"));
    CU_ASSERT_FALSE(is_there(b->outdir, "csv.partial"));
    CU_ASSERT_FALSE(is_there(b->outdir, "keys"));
    CU_ASSERT_FALSE(is_there(b->folder, "config_tmp.csv"));
    batch_free(b);
}

static void test_no_hooks(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    EM_CHECK_STATUS(em_batch_generate(&b->options, NULL, &b->result, NULL), EM_OK,
                    &b->err);
    CU_ASSERT_EQUAL(b->result.made, 1);
    /* Faults too, with nobody to tell them to. */
    write_text(b->values, "a\n256\n");
    batch_outdir(b, "out2");
    EM_CHECK_STATUS(em_batch_generate(&b->options, NULL, &b->result, NULL), EM_ERR_INPUT,
                    &b->err);
    CU_ASSERT_EQUAL(b->result.faults, 1);
    batch_free(b);
}

/* 100 units made in many ways have the bytes of those made in one. */
static void test_jobs(void)
{
    static const unsigned jobs[] = {2, 7};
    struct batch *b = batch_many(100);
    char whole[PATH_LEN];
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    (void)snprintf(whole, sizeof whole, "%s", b->outdir);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        batch_outdir(b, i == 0 ? "two" : "seven");
        b->options.jobs = jobs[i];
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(b->result.made, 100);
        CU_ASSERT_TRUE(same_folders(whole, b->outdir));
    }
    batch_free(b);
}

static void test_rows(void)
{
    static const struct {
        uint64_t first, last, selected;
    } parts[] = {{1, 33, 33}, {34, 34, 1}, {35, 99, 65}, {100, 0, 1}};
    struct batch *b = batch_many(100);
    char whole[PATH_LEN];
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    (void)snprintf(whole, sizeof whole, "%s", b->outdir);
    batch_outdir(b, "parts");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        b->options.first_row = parts[i].first;
        b->options.last_row = parts[i].last;
        b->options.jobs = 1 + (unsigned)i;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(b->result.rows, 100);
        CU_ASSERT_EQUAL(b->result.selected, parts[i].selected);
        CU_ASSERT_EQUAL(b->result.made, parts[i].selected);
        CU_ASSERT_TRUE(folder_within(b->outdir, whole));
    }
    CU_ASSERT_TRUE(same_folders(whole, b->outdir));
    /* An end behind the table is no fault: the last rows are made. */
    batch_outdir(b, "behind");
    b->options.first_row = 99;
    b->options.last_row = UINT64_MAX;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.made, 2);
    CU_ASSERT_TRUE(folder_within(b->outdir, whole));
    batch_free(b);
}

static void test_shards(void)
{
    static const uint64_t selected[] = {34, 33, 33};
    struct batch *b = batch_many(100);
    char whole[PATH_LEN];
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    (void)snprintf(whole, sizeof whole, "%s", b->outdir);
    batch_outdir(b, "shards");
    b->options.shards = 3;
    for (unsigned i = 0; i < 3; i++) {
        b->options.shard = 3 - i;
        b->options.jobs = i + 1;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(b->result.selected, selected[2 - i]);
        CU_ASSERT_EQUAL(b->result.made, selected[2 - i]);
    }
    CU_ASSERT_TRUE(same_folders(whole, b->outdir));
    /* Shards are counted over the table, not over the rows that are selected. */
    batch_outdir(b, "both");
    b->options.shard = 2;
    b->options.first_row = 3;
    b->options.last_row = 8;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.made, 2);
    char bin[PATH_LEN];
    batch_path(b, bin, "bin");
    CU_ASSERT_TRUE(is_there(bin, "P-5.bin") && is_there(bin, "P-8.bin"));
    /* A shard without a unit. */
    batch_outdir(b, "none");
    b->options.first_row = 1;
    b->options.last_row = 0;
    b->options.shards = 200;
    b->options.shard = 101;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.made, 0);
    CU_ASSERT_EQUAL(count_files(b->outdir), 0);
    batch_free(b);
}

/* The same inputs in other clothes. */
static void test_equal_inputs(void)
{
    static const char config[] = "n,namespace,\na,data,u8\nb,data,string\nc,data,i16\n";
    static const char plain[] = "a,b,c\n1,x,-3\n2,\"y\nz\",4\n";
    static const struct {
        const char *config, *values;
    } cases[] = {
        {"\xEF\xBB\xBFn,namespace,\r\na,data,u8\r\nb,data,string\r\nc,data,i16\r\n",
         "\xEF\xBB\xBF"
         "a,b,c\r\n1,x,-3\r\n2,\"y\r\nz\",4\r\n"},
        {"n,namespace,\ra,data,u8\rb,data,string\rc,data,i16",
         "a,b,c\r1,x,-3\r2,\"y\rz\",4"},
        {"\n \nn,namespace,\n\na,data,u8\n\xC2\xA0\nb,data,string\nc,data,i16\n\n",
         "\na,b,c\n\n1,x,-3\n  \n2,\"y\nz\",4\n\n"},
        {"\"n\",\"namespace\",\"\"\n\"a\",data,u8,,\nb,data,string,,\nc,data,\"i16\",,\n",
         "\"a\",b,\"c\"\n\"1\",\"x\",-3\n2,\"y\nz\",\"4\"\n"},
        {config, "c,a,b\n-3,1,x\n4,2,\"y\nz\"\n"},
        {config, "id,a,note,b,c,a\n9,1,b,x,-3,77\n8,2,a,\"y\nz\",4,78\n"},
        {config, "b,x,c,n,a\nx,namespace,-3,,1\n\"y\nz\",c,4,data,2\n"},
    };
    struct batch *b = batch_new(config, plain);
    char first[PATH_LEN];
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    (void)snprintf(first, sizeof first, "%s", b->outdir);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "out%zu", i);
        batch_outdir(b, name);
        write_text(b->config, cases[i].config);
        write_text(b->values, cases[i].values);
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(b->result.made, 2);
        CU_ASSERT_TRUE(same_folders(first, b->outdir));
    }
    batch_free(b);
}

/* Every image opens with its own key and no other. */
static void test_keygen(void)
{
    enum { UNITS = 40 };
    struct batch *b = batch_many(UNITS);
    uint8_t *plain[UNITS];
    uint8_t *keys[UNITS];
    size_t len;
    for (unsigned i = 0; i < UNITS; i++) {
        plain[i] = NULL;
        keys[i] = NULL;
    }
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    for (unsigned i = 0; i < UNITS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "bin/P-%u.bin", i + 1);
        plain[i] = need(batch_read(b, name, &len));
        CU_ASSERT_EQUAL(len, 0x3000);
    }
    batch_outdir(b, "secret");
    b->options.keys.keygen = true;
    b->options.jobs = 3;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    for (unsigned i = 0; i < UNITS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "keys/keys-P-%u.bin", i + 1);
        keys[i] = need(batch_read(b, name, &len));
        CU_ASSERT_EQUAL(len, 4096);
        (void)snprintf(name, sizeof name, "bin/P-%u.bin", i + 1);
        uint8_t *image = need(batch_read(b, name, &len));
        CU_ASSERT_EQUAL(len, 0x3000);
        CU_ASSERT(memcmp(image + 64, plain[i] + 64, 32) != 0);
        decrypt_image(image, len, keys[i]);
        EM_CHECK_BYTES(image, plain[i], len);
        free(image);
        for (unsigned k = 0; k < i; k++) {
            CU_ASSERT(memcmp(keys[i], keys[k], 32) != 0);
            CU_ASSERT(memcmp(keys[i] + 32, keys[k] + 32, 32) != 0);
        }
    }
    for (unsigned i = 0; i < UNITS; i++) {
        free(plain[i]);
        free(keys[i]);
    }
    CU_ASSERT_EQUAL(count_files(b->outdir), 3 * UNITS);
    batch_free(b);
}

static void test_dry_run(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
    char manifest[PATH_LEN];
    join_path(manifest, b->folder, "m.csv");
    b->options.dry_run = true;
    b->options.keys.keygen = true;
    b->options.manifest = manifest;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.rows, 2);
    CU_ASSERT_EQUAL(b->result.selected, 2);
    CU_ASSERT_EQUAL(b->result.made, 0);
    CU_ASSERT_EQUAL(b->result.bytes, 0);
    CU_ASSERT_TRUE(batch_untouched(b));
    /* It finds what a real run would. */
    write_text(b->values, "a\n1\n300\n");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL(b->result.faults, 1);
    CU_ASSERT_TRUE(batch_untouched(b));
    batch_free(b);
}

static void test_names(void)
{
    /* clang-format off */
    static const struct {
        const char *id;
        bool counter;
        int64_t start;
        int width;
        const char *images[2];
    } cases[] = {
        {NULL, false, 0, 0, {"P-1.bin", "P-2.bin"}},
        {"id", false, 0, 0, {"P-x y.bin", "P-\xC3\xA9.bin"}},
        {NULL, true, 9, 3, {"P-009-1.bin", "P-010-2.bin"}},
        {"id", true, 99, 2, {"P-99-x y.bin", "P-100-\xC3\xA9.bin"}},
        {NULL, true, -1, 4, {"P--001-1.bin", "P-0000-2.bin"}},
        {"a", true, INT64_MAX - 1, 0, {"P-9223372036854775806-1.bin", "P-9223372036854775807-2.bin"}},
    };
    /* clang-format on */
    struct batch *b = batch_new(SIMPLE, "id,a\nx y,1\n\xC3\xA9,2\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];
        char bin[PATH_LEN];
        (void)snprintf(name, sizeof name, "out%zu", i);
        batch_outdir(b, name);
        b->options.id_column = cases[i].id;
        b->options.counter = cases[i].counter;
        b->options.counter_start = cases[i].start;
        b->options.counter_width = cases[i].width;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        batch_path(b, bin, "bin");
        CU_ASSERT_TRUE(is_there(bin, cases[i].images[0]));
        CU_ASSERT_TRUE(is_there(bin, cases[i].images[1]));
        CU_ASSERT_EQUAL(count_files(bin), 2);
    }
    batch_free(b);
}

/* Who may read what. */
static void test_modes(void)
{
    mode_t old = umask(0027);
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    b->options.keys = (struct em_key_options){
        .keygen = true, .protect_hmac = true, .hmac_keygen = true};
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(batch_mode(b, "keys"), 0700);
    CU_ASSERT_EQUAL(batch_mode(b, "bin"), 0750);
    CU_ASSERT_EQUAL(batch_mode(b, "csv"), 0750);
    CU_ASSERT_EQUAL(batch_mode(b, "keys/keys-P-1.bin"), 0600);
    CU_ASSERT_EQUAL(batch_mode(b, "keys/hmac-keys-P-1.bin"), 0600);
    CU_ASSERT_EQUAL(batch_mode(b, "csv/P-1.csv"), 0600);
    CU_ASSERT_EQUAL(batch_mode(b, "bin/P-1.bin"), 0640);
    /* The same when files go one by one into folders that are there. */
    char keys[PATH_LEN];
    batch_path(b, keys, "keys");
    require(chmod(keys, 0755) == 0);
    b->options.prefix = "Q";
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(batch_mode(b, "keys/keys-Q-1.bin"), 0600);
    CU_ASSERT_EQUAL(batch_mode(b, "csv/Q-1.csv"), 0600);
    CU_ASSERT_EQUAL(batch_mode(b, "bin/Q-1.bin"), 0640);
    CU_ASSERT_EQUAL(batch_mode(b, "keys"), 0755); /* not ours to change */
    const struct em_error *warning =
        find_told(&b->told, EM_LOG_WARNING, "others can look into the folder");
    CU_ASSERT_PTR_NOT_NULL_FATAL(warning);
    CU_ASSERT_STRING_EQUAL(warning->file, keys);
    CU_ASSERT_EQUAL(b->result.warnings, 1);
    batch_free(b);
    (void)umask(old);
}

static void test_each_unit(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
    char wanted[2 * PATH_LEN];
    b->options.each_unit = true;
    b->options.no_csv = true;
    b->options.keys.keygen = true;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->told.count[EM_LOG_INFO], 4);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 4);
    (void)snprintf(wanted, sizeof wanted,
                   "Created encryption keys: ===> %s/keys/keys-P-1.bin", b->outdir);
    CU_ASSERT_STRING_EQUAL(b->told.msg[0].what, wanted);
    (void)snprintf(wanted, sizeof wanted, "Created NVS binary: ===> %s/bin/P-2.bin",
                   b->outdir);
    CU_ASSERT_STRING_EQUAL(b->told.msg[3].what, wanted);
    CU_ASSERT_FALSE(is_there(b->outdir, "csv"));
    CU_ASSERT_EQUAL(count_files(b->outdir), 4);
    batch_free(b);
}

static void test_warnings(void)
{
    /* clang-format off */
    static const struct {
        const char *config, *values, *id;
        uint64_t size;
        enum em_log_level level;
        const char *what;
        unsigned long line;
    } cases[] = {
        {SIMPLE, "a\n", NULL, 0x3000, EM_LOG_WARNING, "a header without rows", 0},
        {SIMPLE, "a\n1\n", NULL, 0x2000, EM_LOG_NOTE, "below 0x3000", 0},
        {SIMPLE, "a,id,id\n1,x,y\n", "id", 0x3000, EM_LOG_WARNING, "several columns are called 'id'", 1},
        {"ns,namespace,\na,data,u8,REPEAT\n", "a\n1\n\"\"\n1\n2\n3\n", NULL, 0x3000, EM_LOG_WARNING,
         "key 'a' is REPEAT", 5},
        {"ns,namespace,\nkey33,data,u8\nkey109932,data,u8\n", "key33,key109932\n1,2\n", NULL, 0x3000,
         EM_LOG_WARNING, "'key33' and 'key109932'", 2},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch *b = batch_new(cases[i].config, cases[i].values);
        b->options.size = cases[i].size;
        b->options.id_column = cases[i].id;
        b->options.jobs = 2;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        const struct em_error *told = find_told(&b->told, cases[i].level, cases[i].what);
        CU_ASSERT_PTR_NOT_NULL_FATAL(told);
        CU_ASSERT_EQUAL(told->line, cases[i].line);
        CU_ASSERT_EQUAL(b->told.n, 1);
        CU_ASSERT_EQUAL(b->result.warnings, cases[i].level == EM_LOG_WARNING);
        batch_free(b);
    }
}

/* A partition for reading only has just the pages in use. */
static void test_read_only_size(void)
{
    static const size_t sizes[] = {0x1000, 0x2000};
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        b->options.size = sizes[i];
        batch_outdir(b, i == 0 ? "one" : "two");
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        free(batch_read(b, "bin/P-1.bin", &len));
        CU_ASSERT_EQUAL(len, 0x1000);
        CU_ASSERT_EQUAL(b->result.bytes, 0x1000);
    }
    batch_free(b);
}

static const struct em_test tests[] = {
    {"bytes of an image and a CSV file", test_known_bytes},
    {"result and set of files", test_result},
    {"no hooks, no error object", test_no_hooks},
    {"any number of jobs", test_jobs},
    {"parts by --rows", test_rows},
    {"parts by --shard", test_shards},
    {"the same inputs in other clothes", test_equal_inputs},
    {"a key for each unit", test_keygen},
    {"dry run", test_dry_run},
    {"names", test_names},
    {"permissions", test_modes},
    {"each unit is told", test_each_unit},
    {"warnings and notes", test_warnings},
    {"read-only sizes", test_read_only_size},
};
EM_TEST_MAIN("mfg/batch", tests)
