/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of batches with faults: what is told, in which order, and that nothing is
 * written.
 */
#include "config.h"

#include <espmfg/batch.h>

#include "tests/em_test.h"
#include "tests/test_mfg_batch_util.h"
#include "tests/test_mfg_util.h"

#define SIMPLE "ns,namespace,\na,data,u8\n"
#define STRING "ns,namespace,\na,data,string\n"

/* Faults of the tables: status, count, and what the first of them says. */
static void test_faults(void)
{
    /* clang-format off */
    static const struct {
        const char *config, *values, *id;
        enum em_status status;
        unsigned long faults;
        const char *file; /* last part of the path of the first fault */
        unsigned long line;
        const char *what;
    } cases[] = {
        {SIMPLE, "a\n1\n256\n", NULL, EM_ERR_INPUT, 1, "values.csv", 3, "key 'a' = '256'"},
        {SIMPLE, "a\n\n1\n\n\n-1\n", NULL, EM_ERR_INPUT, 1, "values.csv", 6, "key 'a' = '-1'"},
        {SIMPLE, "a\n1,2\n3\n\"\"\n", NULL, EM_ERR_INPUT, 2, "values.csv", 2, "2 columns, the header has 1"},
        {STRING, "a,b\n\"x\ny\",1\nz\n", NULL, EM_ERR_INPUT, 1, "values.csv", 4, "1 column, the header has 2"},
        {SIMPLE, "", NULL, EM_ERR_INPUT, 1, "values.csv", 0, "no rows"},
        {SIMPLE, "b\n1\n", NULL, EM_ERR_INPUT, 1, "config.csv", 2, "key 'a' has no column"},
        {SIMPLE, "a\n1\n", "sn", EM_ERR_INPUT, 1, "values.csv", 1, "no column 'sn' for --fileid"},
        {"a,data,u8\n", "a\n1\n", NULL, EM_ERR_INPUT, 1, "config.csv", 1, "not a namespace"},
        {"ns,namespace,\na,data,u9\na,data,u7\n", "b\n1\n", NULL, EM_ERR_INPUT, 2, "config.csv", 2, "'u9'"},
        {"ns,namespace,\na,data,\"u8\n", "a\n1\n", NULL, EM_ERR_INPUT, 1, "config.csv", 2, "never closed"},
        {SIMPLE, "a\n1\n\"2\n", NULL, EM_ERR_INPUT, 1, "values.csv", 3, "never closed"},
        {SIMPLE, "a\n300\n\xFF\n400\n", NULL, EM_ERR_INPUT, 2, "values.csv", 2, "'300'"},
        {"ns,namespace,\na,data,base64\n", "a\nQUJD\nQUJ\n", NULL, EM_ERR_INPUT, 1, "values.csv", 3, "key 'a'"},
        {"ns,namespace,\na,data,hex2bin\n", "a\n00\n0g\n", NULL, EM_ERR_INPUT, 1, "values.csv", 3, "key 'a'"},
        /* A value that is the same for all units is told once. */
        {"ns,namespace,\na,data,u8,REPEAT\nb,data,u8\n", "b,a\n1,300\n2,\n3,\n", NULL, EM_ERR_INPUT, 1,
         "values.csv", 2, "key 'a' = '300'"},
        {SIMPLE, "id,a\nx,1\ny,2\nx,3\ny,4\nx,5\n", "id", EM_ERR_INPUT, 3, "values.csv", 4,
         "the file id 'x' is that of line 2 too"},
        {SIMPLE, "id,a\n\"\",1\n", "id", EM_ERR_INPUT, 1, "values.csv", 2, "empty"},
        {SIMPLE, "id,a\nx/y,1\n", "id", EM_ERR_INPUT, 1, "values.csv", 2, "'x/y' has a '/'"},
        {SIMPLE, "id,a\nx,1\n../x,1\n", "id", EM_ERR_INPUT, 1, "values.csv", 3, "'../x' has "},
        {SIMPLE, "id,a\n..,1\n", "id", EM_ERR_INPUT, 1, "values.csv", 2, "'..' has '..'"},
        {SIMPLE, "id,a\n\"x\ny\",1\n", "id", EM_ERR_INPUT, 1, "values.csv", 2, "a control character"},
        {SIMPLE, "id,a\nx\x7F,1\n", "id", EM_ERR_INPUT, 1, "values.csv", 2, "a control character"},
        {"ns,namespace,\na,file,binary\n", "a\n\"\"\n", NULL, EM_ERR_INPUT, 1, "values.csv", 2, "empty"},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch *b = batch_new(cases[i].config, cases[i].values);
        b->options.id_column = cases[i].id;
        b->options.jobs = 1 + (unsigned)i % 3;
        b->options.keys.keygen = true;
        EM_CHECK_STATUS(batch_run(b), cases[i].status, &b->err);
        if (b->result.faults != cases[i].faults)
            printf("\n  case %zu: %lu faults\n", i, b->result.faults);
        CU_ASSERT_EQUAL(b->result.faults, cases[i].faults);
        CU_ASSERT_EQUAL(b->told.count[EM_LOG_ERROR], cases[i].faults);
        CU_ASSERT_EQUAL_FATAL(b->told.level[0], EM_LOG_ERROR);
        const char *slash = strrchr(b->told.msg[0].file, '/');
        CU_ASSERT_STRING_EQUAL(slash == NULL ? "" : slash + 1, cases[i].file);
        if (b->told.msg[0].line != cases[i].line)
            printf("\n  case %zu: line %lu\n", i, b->told.msg[0].line);
        CU_ASSERT_EQUAL(b->told.msg[0].line, cases[i].line);
        EM_CHECK_HAS(b->told.msg[0].what, cases[i].what);
        EM_CHECK_HAS(b->err.what, "nothing was written");
        CU_ASSERT_TRUE(batch_untouched(b));
        batch_free(b);
    }
}

/* Many faults: 20 are told, all are counted, in the order of the table. */
static void test_many_faults(void)
{
    static const unsigned jobs[] = {1, 2, 7};
    struct batch *b = batch_new(SIMPLE, "");
    FILE *file = need(fopen(b->values, "w"));
    (void)fprintf(file, "a\n");
    for (unsigned i = 1; i <= 500; i++) /* each third row is at fault */
        (void)fprintf(file, "%u\n", i % 3 == 0 ? 1000 + i : 5);
    require(fclose(file) == 0);
    for (size_t k = 0; k < sizeof jobs / sizeof jobs[0]; k++) {
        b->options.jobs = jobs[k];
        EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
        CU_ASSERT_EQUAL(b->result.rows, 500);
        CU_ASSERT_EQUAL(b->result.made, 0);
        CU_ASSERT_EQUAL(b->result.faults, 166);
        CU_ASSERT_EQUAL_FATAL(b->told.n, 20);
        for (size_t i = 0; i < 20; i++)
            CU_ASSERT_EQUAL(b->told.msg[i].line, 3 * (i + 1) + 1);
        EM_CHECK_HAS(b->err.what, "166 faults");
        EM_CHECK_HAS(b->err.what, "first 20");
        CU_ASSERT_TRUE(batch_untouched(b));
    }
    batch_free(b);
}

/* One row can have more faults than are told: the count is right all the same. */
static void test_many_faults_in_a_row(void)
{
    struct batch *b = batch_new("", "");
    FILE *config = need(fopen(b->config, "w"));
    FILE *values = need(fopen(b->values, "w"));
    (void)fprintf(config, "ns,namespace,\n");
    for (unsigned i = 0; i < 30; i++) {
        (void)fprintf(config, "k%u,data,u8\n", i);
        (void)fprintf(values, "%sk%u", i == 0 ? "" : ",", i);
    }
    for (unsigned row = 0; row < 2; row++) {
        for (unsigned i = 0; i < 30; i++)
            (void)fprintf(values, "%c999", i == 0 ? '\n' : ',');
    }
    require(fclose(config) == 0 && fclose(values) == 0);
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL(b->result.faults, 60);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 20);
    EM_CHECK_HAS(b->told.msg[19].what, "key 'k19'");
    CU_ASSERT_EQUAL(b->told.msg[19].line, 2);
    batch_free(b);
}

/* The status is that of the first fault, whoever finds which one first. */
static void test_first_status(void)
{
    static const struct {
        bool full_first;
        enum em_status status;
    } cases[] = {{true, EM_ERR_FULL}, {false, EM_ERR_INPUT}};
    for (size_t i = 0; i < 2; i++) {
        struct batch *b = batch_new("ns,namespace,\na,data,string\nb,data,string\n"
                                    "c,data,u8\n",
                                    "");
        FILE *file = need(fopen(b->values, "w"));
        char text[3000];
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        (void)fprintf(file, "a,b,c\n1,2,3\n");
        if (cases[i].full_first)
            (void)fprintf(file, "%s,%s,1\n1,2,x\n", text, text);
        else
            (void)fprintf(file, "1,2,x\n%s,%s,1\n", text, text);
        require(fclose(file) == 0);
        b->options.size = 0x1000;
        EM_CHECK_STATUS(batch_run(b), cases[i].status, &b->err);
        CU_ASSERT_EQUAL(b->result.faults, 2);
        CU_ASSERT_EQUAL(b->told.count[EM_LOG_ERROR], 2);
        const struct em_error *full = NULL;
        for (size_t k = 0; k < b->told.n; k++) {
            if (b->told.msg[k].status == EM_ERR_FULL)
                full = &b->told.msg[k];
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(full);
        CU_ASSERT_EQUAL(full->line, cases[i].full_first ? 3 : 4);
        EM_CHECK_HAS(full->hint, "0x3000");
        CU_ASSERT_TRUE(batch_untouched(b));
        batch_free(b);
    }
}

/* Only the rows of this run are looked into, but REPEAT has its value in the first. */
static void test_faults_of_a_part(void)
{
    struct batch *b = batch_new("ns,namespace,\na,data,u8,REPEAT\nb,data,u8\n",
                                "a,b\n300,1\n,2\n,3\n,999\n");
    b->options.first_row = 2;
    b->options.last_row = 3;
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    EM_CHECK_HAS(b->told.msg[0].what, "key 'a' = '300'");
    CU_ASSERT_EQUAL(b->told.msg[0].line, 2);
    CU_ASSERT_TRUE(batch_untouched(b));
    /* The fault of row 4 belongs to another part. */
    write_text(b->values, "a,b\n30,1\n,2\n,3\n,999\n");
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.made, 2);
    batch_free(b);
}

/* Each of the shards finds a REPEAT value at fault, not only the one with the first row.
 */
static void test_repeat_fault_of_shards(void)
{
    for (unsigned shard = 1; shard <= 3; shard++) {
        struct batch *b = batch_new("ns,namespace,\na,data,u8,REPEAT\n",
                                    "x,a\n1,300\n2,\n3,\n4,\n5,\n6,\n7,\n");
        b->options.shards = 3;
        b->options.shard = shard;
        b->options.jobs = 2;
        EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
        CU_ASSERT_EQUAL(b->result.faults, 1);
        CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
        CU_ASSERT_EQUAL(b->told.msg[0].line, 2);
        CU_ASSERT_TRUE(batch_untouched(b));
        batch_free(b);
    }
    /* When the first row cannot be read there is no value to be told about. */
    struct batch *b = batch_new("ns,namespace,\na,data,u8,REPEAT\n", "x,a\n1\n2,\n3,\n");
    b->options.first_row = 2;
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    EM_CHECK_HAS(b->told.msg[0].what, "1 column, the header has 2");
    batch_free(b);
}

static void check_usage(struct batch *b, const char *what)
{
    EM_CHECK_STATUS(batch_run(b), EM_ERR_USAGE, &b->err);
    CU_ASSERT_EQUAL(b->err.status, EM_ERR_USAGE);
    EM_CHECK_HAS(b->told.n > 0 ? b->told.msg[0].what : b->err.what, what);
    CU_ASSERT_TRUE(batch_untouched(b));
    b->options = (struct em_batch_options)EM_BATCH_OPTIONS_INIT;
    b->options.config = b->config;
    b->options.values = b->values;
    b->options.outdir = b->outdir;
    b->options.prefix = "P";
    b->options.size = 0x3000;
}

static void test_options(void)
{
    static const uint64_t sizes[] = {0, 1, 4095, 4097, 0x3001, 0x4001000, UINT64_MAX};
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n3\n");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        b->options.size = sizes[i];
        check_usage(b, "");
    }
    b->options.jobs = 0;
    check_usage(b, "--jobs");
    b->options.shard = 3;
    b->options.shards = 2;
    check_usage(b, "no shard 3 of 2");
    b->options.shard = 0;
    check_usage(b, "no shard 0 of 1");
    b->options.shards = 0;
    check_usage(b, "of 0");
    b->options.first_row = 0;
    check_usage(b, "--rows");
    b->options.first_row = 3;
    b->options.last_row = 2;
    check_usage(b, "--rows");
    b->options.first_row = 4;
    check_usage(b, "--rows begins at 4, the table ends with unit 3");
    b->options.counter = true;
    b->options.counter_width = -1;
    check_usage(b, "--prefix_num");
    b->options.counter = true;
    b->options.counter_width = 101;
    check_usage(b, "--prefix_num");
    b->options.prefix = "a/b";
    check_usage(b, "PREFIX 'a/b' has a '/'");
    b->options.prefix = "..";
    check_usage(b, "PREFIX");
    b->options.manifest = "list.txt";
    check_usage(b, "'list.txt' ends neither");
    b->options.keys.keygen = true;
    b->options.keys.inputkey = "k.bin";
    check_usage(b, "--inputkey");
    /* One HMAC key file cannot hold the keys of three units. */
    b->options.keys = (struct em_key_options){
        .keygen = true, .protect_hmac = true, .hmac_keygen = true, .hmac_keyfile = "h"};
    check_usage(b, "--kp_hmac_keyfile names one file, but 3 units");
    batch_free(b);
}

/* Numbers that a counter cannot reach. */
static void test_counter_overflow(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n3\n");
    b->options.counter = true;
    b->options.counter_start = INT64_MAX - 1;
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    CU_ASSERT_EQUAL(b->told.msg[0].line, 4);
    EM_CHECK_HAS(b->told.msg[0].what, "9223372036854775806");
    CU_ASSERT_TRUE(batch_untouched(b));
    batch_free(b);
}

static void test_equal_ids_with_counter(void)
{
    struct batch *b = batch_new(SIMPLE, "id,a\nx,1\nx,2\n");
    char bin[PATH_LEN];
    b->options.id_column = "id";
    b->options.counter = true;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    batch_path(b, bin, "bin");
    CU_ASSERT_TRUE(is_there(bin, "P-0-x.bin") && is_there(bin, "P-1-x.bin"));
    batch_free(b);
}

static void test_referenced_files(void)
{
    enum { MISSING, FOLDER, FIFO, UNREADABLE, TOO_LONG, KINDS };
    static const char *const what[KINDS] = {"No such file", "a folder", "a pipe",
                                            "Permission", "2097152"};
    for (int kind = 0; kind < KINDS; kind++) {
        struct batch *b = batch_new("ns,namespace,\na,file,binary\n", "");
        char path[PATH_LEN];
        char values[2 * PATH_LEN + 8];
        join_path(path, b->folder, "x.bin");
        (void)snprintf(values, sizeof values, "a\n%s\n%s\n", b->config, path);
        write_text(b->values, values);
        if (kind == UNREADABLE && geteuid() == 0) {
            printf("\n  NOT TESTED as root: a file without read permission\n");
            batch_free(b);
            continue;
        }
        if (kind == FOLDER)
            require(mkdir(path, 0700) == 0);
        if (kind == FIFO)
            require(mkfifo(path, 0600) == 0);
        if (kind == UNREADABLE) {
            write_text(path, "x");
            require(chmod(path, 0) == 0);
        }
        if (kind == TOO_LONG) {
            write_text(path, "x");
            require(truncate(path, 2 * 1024 * 1024 + 1) == 0);
        }
        EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
        CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
        CU_ASSERT_EQUAL(b->told.msg[0].line, 3);
        EM_CHECK_HAS(b->told.msg[0].what, "key 'a' from file");
        EM_CHECK_HAS(b->told.msg[0].what, what[kind]);
        CU_ASSERT_FALSE(is_there(b->folder, "out"));
        batch_free(b);
    }
}

static void test_nul(void)
{
    static const char values[] = "a\n1\n2\0\n3\n";
    struct batch *b = batch_new(SIMPLE, "");
    write_file(b->values, values, sizeof values - 1);
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    CU_ASSERT_EQUAL(b->told.msg[0].line, 3);
    EM_CHECK_HAS(b->told.msg[0].what, "NUL");
    CU_ASSERT_TRUE(batch_untouched(b));
    batch_free(b);
}

/* Tables that cannot be opened at all. */
static void test_no_tables(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    b->options.config = "/nonexistent/c.csv";
    EM_CHECK_STATUS(batch_run(b), EM_ERR_IO, &b->err);
    EM_CHECK_HAS(b->err.what, "/nonexistent/c.csv");
    b->options.config = b->config;
    b->options.values = b->folder;
    EM_CHECK_STATUS(batch_run(b), EM_ERR_IO, &b->err);
    EM_CHECK_HAS(b->err.what, "a folder");
    CU_ASSERT_TRUE(batch_untouched(b));
    batch_free(b);
}

static const struct em_test tests[] = {
    {"each fault with its place", test_faults},
    {"many faults", test_many_faults},
    {"many faults in one row", test_many_faults_in_a_row},
    {"status of the first fault", test_first_status},
    {"faults of a part of the batch", test_faults_of_a_part},
    {"REPEAT fault of every shard", test_repeat_fault_of_shards},
    {"options", test_options},
    {"counter beyond its range", test_counter_overflow},
    {"equal file ids with a counter", test_equal_ids_with_counter},
    {"referenced files", test_referenced_files},
    {"NUL in the table", test_nul},
    {"tables that cannot be opened", test_no_tables},
};
EM_TEST_MAIN("mfg/batch: faults", tests)
