/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mfg/units_listed.c: units that were made before, and manifests that lie. */
#include "tests/test_mfg_units_util.h"

enum { UNITS = 20 };

static const char *const forms[] = {"csv", "json"};

/* Any order, both forms, with and without keys: the files of the folder. */
static void images_of_the_folder(void)
{
    uint32_t seed = 3;
    for (int i = 0; i < 4; i++) {
        bool hmac = i >= 2;
        struct batch *b = batch_many(UNITS);
        b->options.id_column = "serial";
        struct taken *t = taken_listed(b, hmac, forms[i % 2]);
        t->options.jobs = 1 + (unsigned)i;
        EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
        CU_ASSERT_EQUAL(em_units_count(t->units), UNITS);
        CU_ASSERT_EQUAL(em_units_image_size(t->units), 0x3000);
        CU_ASSERT_EQUAL(b->told.n, 0);
        for (int k = 0; k < 3 * UNITS; k++) {
            unsigned number = next_random(&seed) % UNITS + 1;
            struct em_unit_data *unit = take(t, number);
            struct em_key key;
            const uint8_t *image;
            char name[64];
            size_t len;
            size_t wanted_len;
            (void)snprintf(name, sizeof name, "P-S%04u", number);
            CU_ASSERT_STRING_EQUAL(em_unit_name(unit), name);
            CU_ASSERT_STRING_EQUAL(column(unit, "file_id"), name + 2);
            CU_ASSERT_EQUAL((unsigned)strtoul(column(unit, "unit"), NULL, 10), number);
            EM_CHECK_STATUS(em_unit_key(unit, 1, NULL, &key, &b->err), EM_OK, &b->err);
            CU_ASSERT_EQUAL(key.len, hmac ? 32 : 0);
            EM_CHECK_STATUS(em_unit_image(unit, &key, &image, &len, &b->err), EM_OK,
                            &b->err);
            (void)snprintf(name, sizeof name, "bin/P-S%04u.bin", number);
            uint8_t *wanted = need(batch_read(b, name, &wanted_len));
            CU_ASSERT_EQUAL(len, wanted_len);
            EM_CHECK_BYTES(image, wanted, len);
            free(wanted);
            (void)snprintf(name, sizeof name, "keys/hmac-keys-P-S%04u.bin", number);
            wanted = batch_read(b, name, &wanted_len);
            CU_ASSERT_EQUAL(wanted_len, key.len);
            if (wanted != NULL)
                EM_CHECK_BYTES(key.bytes, wanted, key.len);
            free(wanted);
            em_unit_close(unit);
        }
        taken_free(t);
    }
}

/* A part of a batch: units are counted by their places, and tell their numbers. */
static void part_of_a_batch(void)
{
    struct batch *b = batch_many(UNITS);
    b->options.first_row = 5;
    b->options.last_row = 8;
    struct taken *t = taken_listed(b, false, "json");
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    CU_ASSERT_EQUAL(em_units_count(t->units), 4);
    struct em_unit_data *unit = take(t, 4);
    CU_ASSERT_STRING_EQUAL(em_unit_name(unit), "P-8");
    CU_ASSERT_STRING_EQUAL(column(unit, "unit"), "8");
    em_unit_close(unit);
    taken_free(t);
}

/* The folder is found beside the manifest, and the digest does not depend on the form or
 * on where things lie. */
static void moved(void)
{
    char digests[2][65];
    for (int i = 0; i < 2; i++) {
        struct taken *t = taken_listed(batch_many(UNITS), i == 1, forms[i]);
        char path[PATH_LEN];
        EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
        (void)snprintf(digests[i], 65, "%s", em_units_digest(t->units));
        char name[32];
        join_path(path, t->b->folder, "away");
        require(rename(t->b->outdir, path) == 0);
        (void)snprintf(name, sizeof name, "away/list.%s", forms[i]);
        join_path(path, t->b->folder, name);
        require(rename(t->manifest, path) == 0);
        t->options.manifest = path;
        t->options.outdir = NULL;
        EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
        CU_ASSERT_STRING_EQUAL(digests[i], em_units_digest(t->units));
        taken_free(t);
    }
    CU_ASSERT_STRING_NOT_EQUAL(digests[0], digests[1]); /* encrypted images are others */
}

/* ---- Lies ---- */

static void swap_files(const struct taken *t, const char *a, const char *b)
{
    char x[PATH_LEN];
    char y[PATH_LEN];
    char z[PATH_LEN];
    batch_path(t->b, x, a);
    batch_path(t->b, y, b);
    batch_path(t->b, z, "swap");
    require(rename(x, z) == 0 && rename(y, x) == 0 && rename(z, y) == 0);
}

static enum em_status image_of(struct taken *t, uint64_t number)
{
    struct em_unit_data *unit = take(t, number);
    struct em_key key;
    const uint8_t *image;
    size_t len;
    enum em_status status = em_unit_key(unit, 1, NULL, &key, &t->b->err);
    if (status == EM_OK)
        status = em_unit_image(unit, &key, &image, &len, &t->b->err);
    em_key_wipe(&key);
    em_unit_close(unit);
    return status;
}

static void swapped_images(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct taken *t = taken_listed(batch_many(UNITS), false, forms[i]);
        swap_files(t, "bin/P-3.bin", "bin/P-4.bin");
        EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err); /* all are there */
        EM_CHECK_STATUS(image_of(t, 3), EM_ERR_INPUT, &t->b->err);
        EM_CHECK_HAS(t->b->err.what, "SHA-256");
        EM_CHECK_HAS(t->b->err.what, "P-3");
        EM_CHECK_STATUS(image_of(t, 5), EM_OK, &t->b->err);
        taken_free(t);
    }
}

static void swapped_keys(void)
{
    struct taken *t = taken_listed(batch_many(UNITS), true, "csv");
    swap_files(t, "keys/hmac-keys-P-3.bin", "keys/hmac-keys-P-4.bin");
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    EM_CHECK_STATUS(image_of(t, 3), EM_ERR_INPUT, &t->b->err);
    EM_CHECK_HAS(t->b->err.what, "another HMAC key");
    /* The key of one unit and the image of another. */
    struct em_key key = key_of(t, 5, 1, EM_OK);
    struct em_unit_data *unit = take(t, 6);
    const uint8_t *image;
    size_t len;
    EM_CHECK_STATUS(em_unit_image(unit, &key, &image, &len, &t->b->err), EM_ERR_INPUT,
                    &t->b->err);
    em_unit_close(unit);
    taken_free(t);
}

static void missing_files(void)
{
    struct taken *t = taken_listed(batch_many(UNITS), true, "csv");
    char path[PATH_LEN];
    batch_path(t->b, path, "keys/hmac-keys-P-7.bin");
    require(unlink(path) == 0);
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err); /* it may have been destroyed */
    (void)key_of(t, 7, 1, EM_ERR_INPUT);
    EM_CHECK_HAS(t->b->err.what, "missing");
    batch_path(t->b, path, "keys/hmac-keys-P-8.bin");
    require(chmod(path, 0644) == 0);
    (void)key_of(t, 8, 1, EM_ERR_INPUT);
    EM_CHECK_HAS(t->b->err.what, "others can read");
    (void)key_of(t, 9, 2, EM_ERR_REFUSED);
    batch_path(t->b, path, "bin/P-2.bin");
    require(unlink(path) == 0);
    batch_path(t->b, path, "bin/P-11.bin");
    require(truncate(path, 0x2000) == 0);
    EM_CHECK_STATUS(taken_open(t), EM_ERR_INPUT, &t->b->err);
    CU_ASSERT_PTR_NOT_NULL(find_told(&t->b->told, EM_LOG_ERROR, "P-2.bin"));
    CU_ASSERT_PTR_NOT_NULL(find_told(&t->b->told, EM_LOG_ERROR, "P-11.bin"));
    CU_ASSERT_EQUAL(t->b->told.n, 2);
    taken_free(t);
}

/* The text of a manifest with one edit. */
static void wrong_lists(void)
{
    static const struct {
        const char *from, *to, *what;
    } edits[] = {
        {"/bin/P-4.bin", "/bin/P-3.bin", "the same image"},
        {"/bin/P-4.bin", "/bin/P-44.bin", NULL}, /* told as a fault */
        {"/bin/P-4.bin", "/bin/P-4.txt", ".bin"},
        {",12288,", ",12289,", NULL},
        {",12288,", ",huge,", "size"},
        {",12288,", ",12288,x", "SHA-256"},
        {"\r\n4,", "\r\nfour,", "without a number"},
        {"sha256", "sha257", "no manifest"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct taken *t = taken_listed(batch_many(UNITS), false, "csv");
        size_t len;
        char *text = (char *)need(read_file(t->manifest, &len));
        char *at = need(strstr(text, edits[i].from));
        FILE *file = need(fopen(t->manifest, "wb"));
        (void)fprintf(file, "%.*s%s%s", (int)(at - text), text, edits[i].to,
                      at + strlen(edits[i].from));
        require(fclose(file) == 0);
        free(text);
        EM_CHECK_STATUS(taken_open(t), EM_ERR_INPUT, &t->b->err);
        CU_ASSERT_PTR_NULL(t->units);
        if (edits[i].what != NULL)
            EM_CHECK_HAS(t->b->err.what, edits[i].what);
        else
            CU_ASSERT_EQUAL(t->b->told.count[EM_LOG_ERROR], 1);
        taken_free(t);
    }
}

/* Two units with one HMAC key: one board's key would open the other. */
static void one_key_twice(void)
{
    struct taken *t = taken_listed(batch_many(UNITS), true, "json");
    size_t len;
    char *text = (char *)need(read_file(t->manifest, &len));
    static const char member[] = "\"hmac_key_sha256\":\"";
    char *first = need(strstr(text, member));
    char *second = need(strstr(first + 1, member));
    memcpy(second + strlen(member), first + strlen(member), 64);
    write_file(t->manifest, text, len);
    free(text);
    EM_CHECK_STATUS(taken_open(t), EM_ERR_INPUT, &t->b->err);
    EM_CHECK_HAS(t->b->err.what, "the same HMAC key");
    taken_free(t);
}

static void changed(void)
{
    for (size_t i = 0; i < 2; i++) {
        struct taken *t = taken_listed(batch_many(UNITS), false, forms[i]);
        struct em_unit_data *unit;
        size_t len;
        EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
        uint8_t *text = need(read_file(t->manifest, &len));
        write_file(t->manifest, text, len / 2);
        EM_CHECK_STATUS(em_units_take(t->units, 2, &unit, &t->b->err), EM_ERR_INPUT,
                        &t->b->err);
        EM_CHECK_HAS(t->b->err.what, "was changed");
        free(text);
        taken_free(t);
    }
}

static void destroyed(void)
{
    struct taken *t = taken_listed(batch_many(UNITS), true, "csv");
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    size_t before = count_files(t->b->outdir);
    struct em_unit_data *unit = take(t, 5);
    EM_CHECK_STATUS(em_unit_destroy_key(unit, 1, &t->b->err), EM_OK, &t->b->err);
    EM_CHECK_STATUS(em_unit_destroy_key(unit, 1, &t->b->err), EM_OK, &t->b->err);
    em_unit_close(unit);
    CU_ASSERT_EQUAL(count_files(t->b->outdir), before - 2);
    CU_ASSERT_EQUAL(batch_mode(t->b, "keys/hmac-keys-P-5.bin"), 0xFFFF);
    CU_ASSERT_EQUAL(batch_mode(t->b, "keys/keys-P-5.bin"), 0xFFFF);
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err); /* a board of it is done */
    taken_free(t);
}

/* Keys that the line cannot bring to a board are warned of. */
static void key_partitions(void)
{
    struct batch *b = batch_many(3);
    b->options.keys.keygen = true;
    struct taken *t = taken_new(b, EM_UNITS_PLAIN);
    join_path(t->manifest, b->folder, "manifest.csv");
    b->options.manifest = t->manifest;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    t->options = (struct em_units_options)EM_UNITS_OPTIONS_INIT;
    t->options.manifest = t->manifest;
    t->options.outdir = b->outdir;
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    CU_ASSERT_PTR_NOT_NULL(find_told(&b->told, EM_LOG_WARNING, "key files"));
    EM_CHECK_STATUS(image_of(t, 2), EM_OK, &b->err);
    struct em_unit_data *unit = take(t, 2);
    EM_CHECK_STATUS(em_unit_destroy_key(unit, 1, &b->err), EM_OK, &b->err);
    em_unit_close(unit);
    CU_ASSERT_NOT_EQUAL(batch_mode(b, "keys/keys-P-2.bin"), 0xFFFF); /* still needed */
    taken_free(t);
}

int main(void)
{
    static const struct em_test tests[] = {
        {"images of the folder, in any order", images_of_the_folder},
        {"a part of a batch", part_of_a_batch},
        {"a folder that was moved", moved},
        {"images that were swapped", swapped_images},
        {"keys that were swapped", swapped_keys},
        {"files that are missing", missing_files},
        {"lists that are wrong", wrong_lists},
        {"one key for two units", one_key_twice},
        {"a manifest that was changed", changed},
        {"keys are destroyed", destroyed},
        {"key partitions are warned of", key_partitions},
    };
    return em_test_main("mfg/units_listed", tests, sizeof tests / sizeof tests[0]);
}
