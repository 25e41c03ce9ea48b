/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the manifest: both forms parse, what they say is true, and no key is in it. */
#include "config.h"

#include <espmfg/batch.h>

#include "mfg/csv_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_batch_util.h"
#include "tests/test_mfg_util.h"

#include <jansson.h>
#include <openssl/evp.h>

#define SIMPLE "ns,namespace,\na,data,u8\n"

/* The columns of docs/manifest.md. */
enum {
    UNIT,
    FILE_ID,
    IMAGE,
    CSV,
    KEY,
    HMAC_KEY,
    SIZE,
    SHA,
    KEY_SHA,
    HMAC_SHA,
    SEALED_TO,
    COLUMNS
};
static const char *const columns[COLUMNS] = {
    "unit",       "file_id",         "image",    "csv",
    "key_file",   "hmac_key_file",   "size",     "sha256",
    "key_sha256", "hmac_key_sha256", "sealed_to"};

/* A manifest as texts, whichever form it had; absent values are "". */
struct listing {
    size_t n;
    char cell[128][COLUMNS][PATH_LEN];
};

static void read_csv_list(struct listing *out, const char *path)
{
    struct em_csv *csv = NULL;
    struct em_csv_row row = {0};
    struct em_error err;
    EM_CHECK_STATUS(em_csv_open(&csv, path, &err), EM_OK, &err);
    for (size_t line = 0;; line++) {
        EM_CHECK_STATUS(em_csv_next(csv, &row, &err), EM_OK, &err);
        if (row.n_fields == 0)
            break;
        CU_ASSERT_EQUAL_FATAL(row.n_fields, COLUMNS);
        for (size_t c = 0; c < COLUMNS; c++) {
            if (line == 0 && !em_span_is(row.fields[c], columns[c]))
                CU_FAIL("another column than documented");
            if (line > 0)
                (void)snprintf(out->cell[out->n][c], PATH_LEN, "%.*s",
                               (int)row.fields[c].len, (const char *)row.fields[c].p);
        }
        out->n += line > 0;
    }
    em_csv_row_free(&row);
    em_csv_free(csv);
}

static void read_json_list(struct listing *out, const char *path)
{
    json_error_t fault;
    size_t i;
    json_t *unit;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(root, "format")),
                           "espmfg-manifest");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(root, "version")), 1);
    json_array_foreach(json_object_get(root, "units"), i, unit)
    {
        CU_ASSERT_EQUAL(json_object_size(unit), COLUMNS);
        for (size_t c = 0; c < COLUMNS; c++) {
            json_t *value = json_object_get(unit, columns[c]);
            CU_ASSERT_PTR_NOT_NULL(value);
            if (c == UNIT || c == SIZE)
                (void)snprintf(out->cell[i][c], PATH_LEN, "%lld",
                               (long long)json_integer_value(value));
            else if (!json_is_null(value))
                (void)snprintf(out->cell[i][c], PATH_LEN, "%s", json_string_value(value));
        }
        out->n = i + 1;
    }
    json_decref(root);
}

static struct listing *read_list(const char *path)
{
    struct listing *list = need(calloc(1, sizeof *list));
    const char *dot = strrchr(path, '.');
    if (strcmp(dot, ".json") == 0)
        read_json_list(list, path);
    else
        read_csv_list(list, path);
    return list;
}

/* Is the SHA-256 of the first @p len bytes (0: all) of the file @p path the one given? */
static void check_sha(const char *path, size_t len, const char *wanted)
{
    char hex[65];
    size_t size;
    uint8_t *data = need(read_file(path, &size));
    sha256_hex(hex, data, len == 0 ? size : len);
    CU_ASSERT_STRING_EQUAL(hex, wanted);
    free(data);
}

/* Each cell of each unit against the files on disk. */
static void check_list(const struct batch *b, const struct listing *list, bool hmac,
                       const char *const *ids)
{
    for (size_t i = 0; i < list->n; i++) {
        const char(*cell)[PATH_LEN] = list->cell[i];
        char wanted[PATH_LEN + 64];
        struct stat st;
        (void)snprintf(wanted, sizeof wanted, "%zu", i + 1);
        CU_ASSERT_STRING_EQUAL(cell[UNIT], wanted);
        CU_ASSERT_STRING_EQUAL(cell[FILE_ID], ids[i]);
        (void)snprintf(wanted, sizeof wanted, "%s/bin/P-%s.bin", b->outdir, ids[i]);
        CU_ASSERT_STRING_EQUAL(cell[IMAGE], wanted);
        (void)snprintf(wanted, sizeof wanted, "%s/csv/P-%s.csv", b->outdir, ids[i]);
        CU_ASSERT_STRING_EQUAL(cell[CSV], wanted);
        (void)snprintf(wanted, sizeof wanted, "%s/keys/keys-P-%s.bin", b->outdir, ids[i]);
        CU_ASSERT_STRING_EQUAL(cell[KEY], wanted);
        (void)snprintf(wanted, sizeof wanted, "%s/keys/hmac-keys-P-%s.bin", b->outdir,
                       ids[i]);
        CU_ASSERT_STRING_EQUAL(cell[HMAC_KEY], hmac ? wanted : "");
        CU_ASSERT_EQUAL_FATAL(stat(cell[IMAGE], &st), 0);
        (void)snprintf(wanted, sizeof wanted, "%lld", (long long)st.st_size);
        CU_ASSERT_STRING_EQUAL(cell[SIZE], wanted);
        check_sha(cell[IMAGE], 0, cell[SHA]);
        check_sha(cell[KEY], 64, cell[KEY_SHA]);
        if (hmac)
            check_sha(cell[HMAC_KEY], 32, cell[HMAC_SHA]);
        else
            CU_ASSERT_STRING_EQUAL(cell[HMAC_SHA], "");
    }
}

/* No key in any form: bytes, hex digits of both cases, base64, at any cut of 6 bytes. */
static void check_no_keys(const struct listing *list, const char *path)
{
    size_t len;
    char *text = (char *)need(read_file(path, &len));
    CU_ASSERT_EQUAL(strlen(text), len); /* no NUL in it */
    for (size_t i = 0; i < list->n; i++) {
        for (int c = KEY; c <= HMAC_KEY; c++) {
            size_t key_len;
            uint8_t *key = read_file(list->cell[i][c], &key_len);
            for (size_t at = 0; key != NULL && at + 6 <= 64 && at + 6 <= key_len; at++) {
                char hex[16];
                char upper[16];
                char base64[16];
                for (size_t k = 0; k < 6; k++) {
                    (void)snprintf(hex + 2 * k, 3, "%02x", key[at + k]);
                    (void)snprintf(upper + 2 * k, 3, "%02X", key[at + k]);
                }
                (void)EVP_EncodeBlock((unsigned char *)base64, key + at, 6);
                CU_ASSERT_PTR_NULL(strstr(text, hex));
                CU_ASSERT_PTR_NULL(strstr(text, upper));
                CU_ASSERT_PTR_NULL(strstr(text, base64));
            }
            free(key);
        }
    }
    free(text);
}

static const char *const odd_ids[] = {
    "a,b",  "q\"uote\"", "sp ace ", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x91",
    "=1+1", "x;y'",      "back\\n", "%s%d",
    "<&>",
};
enum { ODD_IDS = sizeof odd_ids / sizeof odd_ids[0] };

static void test_content(void)
{
    for (int form = 0; form < 4; form++) {
        bool hmac = form >= 2;
        struct batch *b = batch_new(SIMPLE, "");
        char manifest[PATH_LEN];
        FILE *file = need(fopen(b->values, "w"));
        (void)fprintf(file, "id,a\n\"a,b\",0\n\"q\"\"uote\"\"\",1\n");
        for (int i = 2; i < ODD_IDS; i++)
            (void)fprintf(file, "%s,%d\n", odd_ids[i], i);
        require(fclose(file) == 0);
        join_path(manifest, b->folder, form % 2 == 0 ? "m.csv" : "m.json");
        b->options.id_column = "id";
        b->options.manifest = manifest;
        b->options.jobs = 1 + 2 * (unsigned)hmac;
        b->options.keys = (struct em_key_options){
            .keygen = true, .protect_hmac = hmac, .hmac_keygen = hmac};
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        struct listing *list = read_list(manifest);
        CU_ASSERT_EQUAL(list->n, ODD_IDS);
        check_list(b, list, hmac, odd_ids);
        check_no_keys(list, manifest);
        free(list);
        CU_ASSERT_FALSE(is_there(b->folder, "m.csv.partial"));
        CU_ASSERT_FALSE(is_there(b->folder, "m.json.partial"));
        batch_free(b);
    }
}

/* The exact bytes of a small manifest without keys. */
static void test_bytes(void)
{
    struct batch *b = batch_new(SIMPLE, "id,a\n\"a,\"\"b\",1\n");
    char manifest[PATH_LEN];
    char image[PATH_LEN];
    char sha[65];
    size_t len;
    char wanted[4 * PATH_LEN];
    b->options.id_column = "id";
    b->options.no_csv = true;
    b->options.manifest = manifest;
    for (int json = 0; json < 2; json++) {
        join_path(manifest, b->folder, json ? "m.json" : "m.csv");
        batch_outdir(b, json ? "o2" : "o1");
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        batch_path(b, image, "bin/P-a,\"b.bin");
        uint8_t *data = need(read_file(image, &len));
        sha256_hex(sha, data, len);
        free(data);
        if (json)
            (void)snprintf(
                wanted, sizeof wanted,
                "{\"format\":\"espmfg-manifest\",\"version\":1,\"units\":[\n"
                "{\"unit\":1,\"file_id\":\"a,\\\"b\",\"image\":\"%s/bin/P-a,\\\"b.bin\","
                "\"csv\":null,\"key_file\":null,\"hmac_key_file\":null,\"size\":12288,"
                "\"sha256\":\"%s\",\"key_sha256\":null,\"hmac_key_sha256\":null,\"sealed_"
                "to\":null}\n]}\n",
                b->outdir, sha);
        else
            (void)snprintf(wanted, sizeof wanted,
                           "unit,file_id,image,csv,key_file,hmac_key_file,size,sha256,"
                           "key_sha256,hmac_key_sha256,sealed_to\r\n"
                           "1,\"a,\"\"b\",\"%s/bin/P-a,\"\"b.bin\",,,,12288,%s,,,\r\n",
                           b->outdir, sha);
        data = need(read_file(manifest, &len));
        CU_ASSERT_STRING_EQUAL((char *)data, wanted);
        free(data);
    }
    batch_free(b);
}

/* Rows in order, however many threads there are; only those of this run. */
static void test_order(void)
{
    static const struct {
        unsigned jobs, shard, shards;
        uint64_t first, last;
        size_t n;
    } cases[] = {{7, 1, 1, 1, 0, 100}, {2, 2, 3, 1, 0, 33}, {3, 1, 1, 20, 69, 50}};
    struct batch *b = batch_many(100);
    char manifest[PATH_LEN];
    b->options.manifest = manifest;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "m%zu.csv", i);
        join_path(manifest, b->folder, name);
        name[2] = '\0';
        batch_outdir(b, name);
        b->options.jobs = cases[i].jobs;
        b->options.shard = cases[i].shard;
        b->options.shards = cases[i].shards;
        b->options.first_row = cases[i].first;
        b->options.last_row = cases[i].last;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        struct listing *list = read_list(manifest);
        CU_ASSERT_EQUAL_FATAL(list->n, cases[i].n);
        for (size_t k = 0; k < list->n; k++) {
            char wanted[24];
            (void)snprintf(wanted, sizeof wanted, "%zu",
                           cases[i].first + cases[i].shard - 1 + k * cases[i].shards);
            CU_ASSERT_STRING_EQUAL(list->cell[k][UNIT], wanted);
            check_sha(list->cell[k][IMAGE], 0, list->cell[k][SHA]);
        }
        free(list);
    }
    batch_free(b);
}

static void test_empty(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n");
    char manifest[PATH_LEN];
    b->options.manifest = manifest;
    for (int json = 0; json < 2; json++) {
        join_path(manifest, b->folder, json ? "m.json" : "m.csv");
        batch_outdir(b, json ? "o2" : "o1");
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        struct listing *list = read_list(manifest);
        CU_ASSERT_EQUAL(list->n, 0);
        free(list);
    }
    batch_free(b);
}

static void test_refused_names(void)
{
    static const char *const names[] = {"m",      "m.txt", "m.csv.gz", "m.CSV", "m.Json",
                                        "m.csv/", "csv",   ".csv",     ".json", ""};
    struct batch *b = batch_new(SIMPLE, "a\n1\n");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        b->options.manifest = names[i];
        EM_CHECK_STATUS(batch_run(b), EM_ERR_USAGE, &b->err);
        EM_CHECK_HAS(b->err.what, "neither in .csv nor in .json");
        CU_ASSERT_TRUE(batch_untouched(b));
    }
    /* JSON is UTF-8; that names cannot stand in it is known before anything is written.
     */
    char manifest[PATH_LEN];
    join_path(manifest, b->folder, "m.json");
    b->options.manifest = manifest;
    b->options.prefix = "\xFF";
    EM_CHECK_STATUS(batch_run(b), EM_ERR_USAGE, &b->err);
    CU_ASSERT_TRUE(batch_untouched(b));
    join_path(manifest, b->folder, "m.csv");
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    batch_free(b);
}

/* What is there stays, also when a run is resumed with other units. */
static void test_existing(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
    char manifest[PATH_LEN];
    size_t len;
    join_path(manifest, b->folder, "m.json");
    b->options.manifest = manifest;
    write_text(manifest, "precious");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
    EM_CHECK_HAS(b->err.what, manifest);
    CU_ASSERT_FALSE(is_there(b->folder, "out"));
    b->options.resume = true;
    EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
    uint8_t *data = need(read_file(manifest, &len));
    CU_ASSERT_STRING_EQUAL((char *)data, "precious");
    free(data);
    /* Its own earlier manifest is no obstacle: the units are the same. */
    require(unlink(manifest) == 0);
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    data = need(read_file(manifest, &len));
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(b->result.kept, 2);
    uint8_t *again = need(read_file(manifest, &len));
    CU_ASSERT_STRING_EQUAL((char *)data, (char *)again);
    free(data);
    free(again);
    CU_ASSERT_FALSE(is_there(b->folder, "m.json.partial"));
    batch_free(b);
}

/* Beside the images, and in folders that are not there yet. */
static void test_places(void)
{
    static const char *const places[] = {"new/deep/m.csv", "out/m.csv", "out/bin/m.csv",
                                         "out/keys/m.json"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
        char manifest[PATH_LEN];
        join_path(manifest, b->folder, places[i]);
        b->options.manifest = manifest;
        b->options.keys.keygen = true;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(count_files(b->folder), 2 + 6 + 1);
        CU_ASSERT_EQUAL(batch_mode(b, "keys"), 0700);
        if (b->result.made == 2) {
            struct listing *list = read_list(manifest);
            CU_ASSERT_EQUAL(list->n, 2);
            free(list);
        }
        batch_free(b);
    }
}

static int stop(void *user, const struct em_progress *progress)
{
    (void)user;
    (void)progress;
    return 1;
}

/* A run that was stopped leaves no manifest that could be taken for the whole. */
static void test_stopped(void)
{
    struct batch *b = batch_new(SIMPLE, "a\n1\n2\n");
    char manifest[PATH_LEN];
    join_path(manifest, b->folder, "m.csv");
    b->options.manifest = manifest;
    b->hooks.progress = stop;
    EM_CHECK_STATUS(batch_run(b), EM_ERR_STOPPED, &b->err);
    CU_ASSERT_TRUE(batch_untouched(b));
    batch_free(b);
}

static const struct em_test tests[] = {
    {"content of both forms", test_content},
    {"exact bytes", test_bytes},
    {"order and parts", test_order},
    {"no units", test_empty},
    {"names that are refused", test_refused_names},
    {"existing files", test_existing},
    {"places", test_places},
    {"stopped", test_stopped},
};
EM_TEST_MAIN("mfg/manifest", tests)
