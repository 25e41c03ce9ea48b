/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of verifying batches: names, parts of a batch, manifests that do not fit, and
 * what cannot be verified at all. */
#include "config.h"

#include <espmfg/verify.h>

#include "tests/em_test.h"
#include "tests/test_mfg_verify_util.h"

static const struct fault none[FAULTS_MAX];

static void test_prefix(void)
{
    struct verified *t = verified_new(PLAIN, "csv");
    t->options.prefix = NULL;
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_EQUAL(t->result.verified, UNITS);
    t->options.first_row = 3; /* the first unit that is looked at */
    t->options.last_row = 4;
    drop(t, "bin/P-1.bin");
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_EQUAL(t->result.verified, 2);
    add(t, "bin/Q-3.bin");
    EM_CHECK_STATUS(verify_run(t), EM_ERR_USAGE, &t->err);
    EM_CHECK_HAS(t->err.what, "more than one name");
    EM_CHECK_HAS(t->err.hint, "--prefix");
    t->options.first_row = 1;
    EM_CHECK_STATUS(verify_run(t), EM_ERR_USAGE, &t->err);
    EM_CHECK_HAS(t->err.what, "no name");
    CU_ASSERT_EQUAL(t->result.faults, 0);
    t->options.prefix = "../P";
    EM_CHECK_STATUS(verify_run(t), EM_ERR_USAGE, &t->err);
    verified_free(t);
}

/* Names as generate makes them, with a prefix that has to be seen. */
static void test_names(void)
{
    for (int i = 0; i < 4; i++) {
        struct verified *t = verified_new(KEYGEN, "csv");
        batch_outdir(t->b, "named");
        t->b->options.manifest = NULL;
        t->b->options.prefix = i == 3 ? "" : "Fan-1";
        t->options.outdir = t->b->outdir;
        t->options.prefix = NULL;
        t->b->options.id_column = t->options.id_column = i == 1 ? NULL : "serial";
        t->b->options.counter = t->options.counter = i == 1 || i == 2;
        t->b->options.counter_start = t->options.counter_start = -2;
        t->b->options.counter_width = t->options.counter_width = 4;
        EM_CHECK_STATUS(batch_run(t->b), EM_OK, &t->b->err);
        EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
        check_faults(t, "names", none, 0);
        verified_free(t);
    }
}

/* With only a part of the units other files are not looked for. */
static void test_parts(void)
{
    struct verified *t = verified_new(HMAC, "csv");
    add(t, "bin/foreign");
    drop(t, "bin/P-5.bin");
    t->options.first_row = 2;
    t->options.last_row = 4;
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    check_faults(t, "rows", none, 0);
    CU_ASSERT_EQUAL(t->result.units, 3);
    t->options.first_row = 1;
    t->options.last_row = 0;
    t->options.shards = 2;
    t->options.shard = 2;
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    check_faults(t, "shard", none, 0);
    CU_ASSERT_EQUAL(t->result.units, 3);
    use_manifest(t, true);
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    check_faults(t, "shard, manifest", none, 0);
    CU_ASSERT_EQUAL(t->result.units, 3);
    t->options.shard = 1;
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_EQUAL(t->result.faults, 1);
    t->options.shards = 1;
    t->options.first_row = 9;
    t->options.manifest = NULL;
    t->options.config = t->b->config;
    t->options.values = t->b->values;
    t->options.prefix = "P";
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    check_faults(t, "behind", (struct fault[FAULTS_MAX]){{"", "--rows begins at 9"}}, 0);
    verified_free(t);
}

static void test_csv_left_out(void)
{
    struct verified *t = verified_new(PLAIN, "csv");
    char path[PATH_LEN];
    flip(t, "csv/P-2.csv", 45);
    t->options.no_csv = true;
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    check_faults(t, "no csv", none, 0);
    t->options.no_csv = false;
    batch_path(t->b, path, "csv");
    remove_folder(path);
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_EQUAL(t->result.faults, 0);
    CU_ASSERT_PTR_NOT_NULL(find_told(&t->b->told, EM_LOG_NOTE, "not verified"));
    CU_ASSERT_EQUAL(t->b->told.n, 1);
    verified_free(t);
}

/* The same values, but not the same bytes. */
static void test_other_version(void)
{
    struct verified *t = verified_new(KEYGEN, "csv");
    t->options.version = EM_NVS_V1;
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_EQUAL(t->result.faults, 0);
    CU_ASSERT_EQUAL(t->result.warnings, UNITS);
    const struct em_error *msg =
        find_told(&t->b->told, EM_LOG_WARNING, "same contents, other bytes");
    CU_ASSERT_PTR_NOT_NULL_FATAL(msg);
    EM_CHECK_HAS(msg->file, "/bin/P-1.bin");
    verified_free(t);
}

/* Images of read-only partitions are as long as their content. */
static void test_small_sizes(void)
{
    struct batch *b = batch_new("ns,namespace,\nblob,file,binary\n", "");
    char small[PATH_LEN];
    char large[PATH_LEN];
    char values[2 * PATH_LEN + 32];
    uint8_t bytes[3900] = {0};
    join_path(small, b->folder, "small");
    join_path(large, b->folder, "large");
    write_file(small, bytes, 10);
    write_file(large, bytes, 3500);
    (void)snprintf(values, sizeof values, "blob\n%s\n%s\n", small, large);
    write_text(b->values, values);
    b->options.size = 0x1000;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    struct em_batch_verify_options options = EM_BATCH_VERIFY_OPTIONS_INIT;
    struct em_batch_verify_result result;
    options.outdir = b->outdir;
    options.config = b->config;
    options.values = b->values;
    EM_CHECK_STATUS(em_batch_verify(&options, NULL, &result, NULL), EM_OK, &b->err);
    CU_ASSERT_EQUAL(result.verified, 2);
    batch_outdir(b, "full");
    b->options.size = 0x40000;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    options.outdir = b->outdir;
    EM_CHECK_STATUS(em_batch_verify(&options, NULL, &result, NULL), EM_OK, &b->err);
    CU_ASSERT_EQUAL(result.verified, 2);
    batch_free(b);
}

/* The manifest and the table do not speak of the same units. */
static void test_manifest_units(void)
{
    struct verified *t = verified_new(PLAIN, "csv");
    use_manifest(t, false);
    edit_values(t, "00ff06,A6\n", "00ff06,A6\n7007,seventh,00ff07,A7\n");
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_EQUAL(t->result.faults, 1);
    CU_ASSERT_EQUAL(t->result.faulty, 1);
    CU_ASSERT_PTR_NOT_NULL(find_told(&t->b->told, EM_LOG_ERROR, "unit 7 is not in"));
    CU_ASSERT_PTR_NOT_NULL(find_told(&t->b->told, EM_LOG_NOTE, "not all names"));
    edit_values(t, "7005,fifth,00ff05,A5\n7006,sixth,00ff06,A6\n", "");
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_EQUAL(t->result.units, 4);
    CU_ASSERT_EQUAL(t->result.faulty, 0);
    const struct em_error *msg =
        find_told(&t->b->told, EM_LOG_ERROR, "lists 2 units that");
    CU_ASSERT_PTR_NOT_NULL(msg);
    verified_free(t);
}

/* Replace @p from in the manifest, once. */
static void edit_manifest(const struct verified *t, const char *from, const char *to)
{
    size_t len;
    char *text = (char *)need(read_file(t->manifest, &len));
    char *at = need(strstr(text, from));
    FILE *file = need(fopen(t->manifest, "wb"));
    require(fwrite(text, 1, (size_t)(at - text), file) == (size_t)(at - text));
    require(fputs(to, file) >= 0 && fputs(at + strlen(from), file) >= 0);
    require(fclose(file) == 0);
    free(text);
}

static void test_manifest_files(void)
{
    static const struct {
        const char *ext, *from, *to;
        enum em_status status;
        const char *what;
    } cases[] = {
        {"csv", "unit,", "number,", EM_ERR_INPUT, "no manifest"},
        {"csv", "\r\n2,", "\r\n1,", EM_ERR_INPUT, "unit 1 stands behind unit 1"},
        {"csv", "\r\n2,", "\r\nx,", EM_ERR_INPUT, "without a number"},
        {"csv", "\r\n2,", "\r\n2,3,", EM_ERR_INPUT, "another number of columns"},
        {"csv", "unit,file_id,", "unit,note,", EM_OK, NULL},
        {"json", "espmfg-manifest", "other", EM_ERR_INPUT, "no manifest"},
        {"json", "\"version\":1", "\"version\":2", EM_ERR_INPUT, "later version"},
        {"json", "\"version\":1", "\"x\":[{\"]\":\"\\\"\"}],\"version\" : 1 ", EM_OK,
         NULL},
        {"json", "\"units\":[", "\"units\":7,[", EM_ERR_INPUT, "no array"},
        {"json", "\"units\"", "\"items\"", EM_ERR_INPUT, "no units"},
        {"json", "{\"unit\":2", "{\"unit\":1", EM_ERR_INPUT, "stands behind"},
        {"json", "{\"unit\":2", "7,{\"unit\":2", EM_ERR_INPUT, "no object"},
        {"json", "{\"unit\":2", "{unit:2", EM_ERR_INPUT, "no JSON"},
        {"json", "},\n{\"unit\":2", "} {\"unit\":2", EM_ERR_INPUT, "comma"},
        {"json", "\n]}", "", EM_ERR_INPUT, "ends in the middle"},
        {"json", "\n]}", "\n]", EM_ERR_INPUT, "ends in the middle"},
        {"json", "\n]}", "\n]\n,\"more\":1}", EM_OK, NULL},
        {"json", "{\"format\"", "[{\"format\"", EM_ERR_INPUT, "does not begin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verified *t = verified_new(PLAIN, cases[i].ext);
        edit_manifest(t, cases[i].from, cases[i].to);
        use_manifest(t, true);
        EM_CHECK_STATUS(verify_run(t), cases[i].status, &t->err);
        if (cases[i].status == EM_OK) {
            CU_ASSERT_EQUAL(t->result.verified, UNITS);
        } else {
            EM_CHECK_HAS(t->err.what, cases[i].what);
            EM_CHECK_HAS(t->err.file, "manifest.");
        }
        verified_free(t);
    }
}

/* Two units of a manifest that name one image. */
static void test_manifest_twins(void)
{
    struct verified *t = verified_new(PLAIN, "csv");
    size_t len;
    char *text = (char *)need(read_file(t->manifest, &len));
    char *two = need(strstr(text, "\r\n2,"));
    char *three = need(strstr(text, "\r\n3,"));
    FILE *file = need(fopen(t->manifest, "wb"));
    require(fwrite(text, 1, (size_t)(three - text), file) == (size_t)(three - text));
    require(fprintf(file, "\r\n3%.*s", (int)(three - two - 3), two + 3) > 0);
    require(fputs(need(strstr(text, "\r\n4,")), file) >= 0 && fclose(file) == 0);
    free(text);
    use_manifest(t, true);
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_PTR_NOT_NULL(
        find_told(&t->b->told, EM_LOG_ERROR, "image of unit 3 is that of unit 2 too"));
    CU_ASSERT_PTR_NOT_NULL(find_told(&t->b->told, EM_LOG_ERROR, "no unit"));
    verified_free(t);
}

/* Two rows with one file id: the file of the other unit is foreign then. */
static void test_id_twins(void)
{
    struct verified *t = verified_new(PLAIN, "csv");
    batch_outdir(t->b, "named");
    t->b->options.manifest = NULL;
    t->b->options.id_column = t->options.id_column = "serial";
    t->options.outdir = t->b->outdir;
    EM_CHECK_STATUS(batch_run(t->b), EM_OK, &t->b->err);
    edit_values(t, "7005,fifth,00ff05,A5", "7004,fourth,00ff04,A4");
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    check_faults(t, "id twice",
                 (struct fault[FAULTS_MAX]){{"values.csv", "'A4' is that of line 5 too"},
                                            {"/bin/P-A5.bin", "no unit"},
                                            {"/csv/P-A5.csv", "no unit"}},
                 0);
    verified_free(t);
}

static void no_tables(struct verified *t)
{
    t->options.config = NULL;
    t->options.values = NULL;
    t->options.prefix = NULL;
}
static void half_tables(struct verified *t)
{
    t->options.config = NULL;
}
static void no_folder(struct verified *t)
{
    t->options.outdir = "/nowhere";
}
static void no_values(struct verified *t)
{
    t->options.values = "/nowhere";
}
static void bad_config(struct verified *t)
{
    write_text(t->b->config, "ns,namespace,\nnum,data,u33\n");
}
static void bad_row(struct verified *t)
{
    edit_values(t, "third", "\"third");
}
static void two_keys(struct verified *t)
{
    t->options.inputkey = t->key;
    t->options.hmac_inputkey = t->hmac;
}
static void no_jobs(struct verified *t)
{
    t->options.jobs = 0;
}
static void key_elsewhere(struct verified *t)
{
    char path[PATH_LEN];
    batch_path(t->b, path, "keys");
    remove_folder(path);
    use_manifest(t, true);
}
static void other_extension(struct verified *t)
{
    t->options.manifest = "manifest.txt";
}
static void unfinished(struct verified *t)
{
    char path[PATH_LEN];
    char other[PATH_LEN];
    batch_path(t->b, path, "bin");
    batch_path(t->b, other, "bin.partial");
    require(rename(path, other) == 0);
}

static void test_refused(void)
{
    static const struct {
        void (*change)(struct verified *t);
        enum em_status status;
        const char *what;
    } cases[] = {
        {no_tables, EM_ERR_USAGE, "nothing says"},
        {half_tables, EM_ERR_USAGE, "belong together"},
        {no_folder, EM_ERR_IO, "/nowhere/bin"},
        {no_values, EM_ERR_IO, "/nowhere"},
        {bad_config, EM_ERR_INPUT, "1 fault in the inputs: nothing was verified"},
        {bad_row, EM_ERR_INPUT, ""},
        {two_keys, EM_ERR_USAGE, "two keys"},
        {no_jobs, EM_ERR_USAGE, "--jobs"},
        {key_elsewhere, EM_ERR_USAGE, "there is no key"},
        {other_extension, EM_ERR_USAGE, "neither in .csv"},
        {unfinished, EM_ERR_IO, "did not end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verified *t = verified_new(KEYGEN, "csv");
        cases[i].change(t);
        EM_CHECK_STATUS(verify_run(t), cases[i].status, &t->err);
        EM_CHECK_HAS(t->err.what, cases[i].what);
        verified_free(t);
    }
}

/* Many faults: the first 20 are told, in order, whatever the number of threads. */
static void test_many(void)
{
    struct batch *b = batch_many(200);
    struct em_batch_verify_options options = EM_BATCH_VERIFY_OPTIONS_INIT;
    struct em_batch_verify_result result;
    struct told first;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    options.outdir = b->outdir;
    options.config = b->config;
    options.values = b->values;
    options.prefix = "P";
    for (int i = 1; i <= 200; i += 5) {
        char name[32];
        char path[PATH_LEN];
        (void)snprintf(name, sizeof name, "bin/P-%d.bin", i);
        batch_path(b, path, name);
        require(i % 2 == 0 ? unlink(path) == 0 : truncate(path, 100) == 0);
    }
    for (unsigned jobs = 1; jobs <= 8; jobs *= 2) {
        memset(&b->told, 0, sizeof b->told);
        options.jobs = jobs;
        EM_CHECK_STATUS(em_batch_verify(&options, &b->hooks, &result, &b->err), EM_OK,
                        &b->err);
        CU_ASSERT_EQUAL(result.faults, 40);
        CU_ASSERT_EQUAL(result.faulty, 40);
        CU_ASSERT_EQUAL(result.verified, 160);
        CU_ASSERT_EQUAL(b->told.n, 20);
        if (jobs == 1)
            first = b->told;
        for (size_t i = 0; i < b->told.n; i++) {
            CU_ASSERT_STRING_EQUAL(b->told.msg[i].what, first.msg[i].what);
            CU_ASSERT_STRING_EQUAL(b->told.msg[i].file, first.msg[i].file);
        }
    }
    batch_free(b);
}

static int stop_at_once(void *user, const struct em_progress *progress)
{
    (void)user;
    CU_ASSERT_STRING_EQUAL(progress->stage, "verifying");
    CU_ASSERT_TRUE(progress->done <= progress->total);
    return 1;
}

static void test_stop(void)
{
    struct verified *t = verified_new(PLAIN, "csv");
    t->b->hooks.progress = stop_at_once;
    EM_CHECK_STATUS(verify_run(t), EM_ERR_STOPPED, &t->err);
    EM_CHECK_HAS(t->err.what, "stopped while verifying");
    verified_free(t);
}

/* No message holds a key or the value of a text. */
static void test_secrets(void)
{
    struct verified *t = verified_new(PLAIN, "csv");
    edit_values(t, "third", "topsecret");
    EM_CHECK_STATUS(verify_run(t), EM_OK, &t->err);
    CU_ASSERT_EQUAL(t->result.faults, 2);
    for (size_t i = 0; i < t->b->told.n; i++) {
        const struct em_error *msg = &t->b->told.msg[i];
        CU_ASSERT_PTR_NULL(strstr(msg->what, "topsecret"));
        CU_ASSERT_PTR_NULL(strstr(msg->what, "third"));
        CU_ASSERT_PTR_NULL(strstr(msg->hint, "topsecret"));
    }
    verified_free(t);
}

static const struct em_test tests[] = {
    {"prefix", test_prefix},
    {"names", test_names},
    {"rows and shards", test_parts},
    {"without CSV files", test_csv_left_out},
    {"other version", test_other_version},
    {"sizes", test_small_sizes},
    {"units of the manifest", test_manifest_units},
    {"manifests that are none", test_manifest_files},
    {"one image twice", test_manifest_twins},
    {"one file id twice", test_id_twins},
    {"refused", test_refused},
    {"many faults", test_many},
    {"stop", test_stop},
    {"secrets", test_secrets},
};
EM_TEST_MAIN("mfg/verify, options", tests)
