/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mfg/units.c and units_values.c: units have the images that a batch makes. */
#include "tests/test_mfg_units_util.h"

#include <espmfg/nvs_reader.h>

#include <pthread.h>

enum { UNITS = 60, THREADS = 8 };

/* Is the image of @p unit the file of the batch? */
static bool equals_file(const struct taken *t, struct em_unit_data *unit,
                        const struct em_key *key)
{
    char name[PATH_LEN];
    size_t len;
    size_t wanted_len;
    const uint8_t *image;
    struct em_error err;
    (void)snprintf(name, sizeof name, "bin/%s.bin", em_unit_name(unit));
    uint8_t *wanted = batch_read(t->b, name, &wanted_len);
    enum em_status status = em_unit_image(unit, key, &image, &len, &err);
    bool same = status == EM_OK && wanted != NULL && len == wanted_len &&
                memcmp(image, wanted, len) == 0;
    if (!same)
        printf("\n  %s: %s\n", name, status == EM_OK ? "differs" : err.what);
    free(wanted);
    return same;
}

/* Sizes, versions, ids and keys, in random order, against the files of the batch. */
static void equal_to_the_batch(void)
{
    static const struct {
        enum em_units_encryption encryption;
        uint64_t size;
        enum em_nvs_version version;
        const char *id;
    } cases[] = {
        {EM_UNITS_PLAIN, 0x3000, EM_NVS_V2, NULL},
        {EM_UNITS_PLAIN, 0x2000, EM_NVS_V1, "serial"},
        {EM_UNITS_KEY, 0x3000, EM_NVS_V2, "serial"},
        {EM_UNITS_KEY, 0x6000, EM_NVS_V1, NULL},
    };
    uint32_t seed = 7;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct em_key none = {0};
        struct batch *b = batch_many(UNITS);
        b->options.size = cases[i].size;
        b->options.version = cases[i].version;
        b->options.id_column = cases[i].id;
        struct taken *t = taken_new(b, cases[i].encryption);
        b->options.keys.inputkey = t->options.key_file;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        t->options.jobs = 1 + (unsigned)i;
        EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
        CU_ASSERT_EQUAL(em_units_count(t->units), UNITS);
        CU_ASSERT_EQUAL(em_units_image_size(t->units), cases[i].size);
        for (unsigned k = 0; k < 3 * UNITS; k++) {
            struct em_unit_data *unit = take(t, next_random(&seed) % UNITS + 1);
            CU_ASSERT_TRUE(equals_file(t, unit, &none));
            em_unit_close(unit);
        }
        CU_ASSERT_FALSE(is_there(b->folder, "linekeys"));
        taken_free(t);
    }
}

/* Rows with blank lines, quotes and line ends inside, a mark at the start, CR LF. */
static void rows_as_they_come(void)
{
    struct batch *b =
        batch_new("n,namespace,\nk,data,string\n", "\xEF\xBB\xBF"
                                                   "id,k,other\r\n"
                                                   "\r\n"
                                                   "a,\"two\r\nlines\",x\r\n"
                                                   "   \r\n\r\n"
                                                   "b,\"say \"\"hi\"\", so\",\r\n"
                                                   "c,,\"last, no end\"");
    const struct em_key none = {0};
    b->options.id_column = "id";
    struct taken *t = taken_new(b, EM_UNITS_PLAIN);
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    static const struct {
        const char *name, *k, *other;
    } rows[] = {{"P-a", "two\nlines", "x"},
                {"P-b", "say \"hi\", so", ""},
                {"P-c", "", "last, no end"}};
    CU_ASSERT_EQUAL(em_units_count(t->units), 3);
    for (size_t i = 3; i-- > 0;) {
        struct em_unit_data *unit = take(t, i + 1);
        const char *name;
        const char *text;
        CU_ASSERT_STRING_EQUAL(em_unit_name(unit), rows[i].name);
        CU_ASSERT_STRING_EQUAL(column(unit, "k"), rows[i].k);
        CU_ASSERT_STRING_EQUAL(column(unit, "other"), rows[i].other);
        CU_ASSERT_FALSE(em_unit_column(unit, 3, &name, &text));
        CU_ASSERT_TRUE(equals_file(t, unit, &none));
        em_unit_close(unit);
    }
    struct em_unit_data *unit;
    EM_CHECK_STATUS(em_units_take(t->units, 0, &unit, &b->err), EM_ERR_USAGE, &b->err);
    EM_CHECK_STATUS(em_units_take(t->units, 4, &unit, &b->err), EM_ERR_USAGE, &b->err);
    CU_ASSERT_PTR_NULL(unit);
    taken_free(t);
}

/* HMAC keys: the image, decrypted on the host with what the device derives, is the plain
 * one of the row. The derivation is that of the format document, 6.2. */
static void derive(uint8_t out[64], const struct em_key *hmac)
{
    /* HMAC-SHA256 of 32 bytes, each word 0xAEBE5A5A and 0xCEDEA5A5, little endian */
    static const uint8_t seeds[2][4] = {{0x5A, 0x5A, 0xBE, 0xAE},
                                        {0xA5, 0xA5, 0xDE, 0xCE}};
    for (size_t i = 0; i < 2; i++) {
        uint8_t pads[2][64 + 32];
        uint8_t inner[32];
        for (size_t k = 0; k < 64; k++) {
            uint8_t byte = k < 32 ? hmac->bytes[k] : 0;
            pads[0][k] = byte ^ 0x36;
            pads[1][k] = byte ^ 0x5C;
        }
        for (size_t k = 0; k < 32; k++)
            pads[0][64 + k] = seeds[i][k % 4];
        require(EVP_Digest(pads[0], 96, inner, NULL, EVP_sha256(), NULL) == 1);
        memcpy(pads[1] + 64, inner, 32);
        require(EVP_Digest(pads[1], 96, out + 32 * i, NULL, EVP_sha256(), NULL) == 1);
    }
}

static void hmac_keys(void)
{
    struct batch *b = batch_many(UNITS);
    const struct em_key none = {0};
    struct taken *t = taken_new(b, EM_UNITS_HMAC);
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err); /* plain ones to compare with */
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    for (uint64_t i = 1; i <= UNITS; i += 7) {
        struct em_unit_data *unit = take(t, i);
        struct em_key key;
        uint8_t xts[64];
        const uint8_t *image;
        char name[PATH_LEN];
        size_t len;
        size_t plain_len;
        EM_CHECK_STATUS(em_unit_image(unit, &none, &image, &len, &b->err), EM_ERR_USAGE,
                        &b->err);
        EM_CHECK_STATUS(em_unit_key(unit, 1, NULL, &key, &b->err), EM_OK, &b->err);
        EM_CHECK_STATUS(em_unit_image(unit, &key, &image, &len, &b->err), EM_OK, &b->err);
        (void)snprintf(name, sizeof name, "bin/%s.bin", em_unit_name(unit));
        uint8_t *plain = need(batch_read(b, name, &plain_len));
        uint8_t *copy = need(malloc(len));
        memcpy(copy, image, len);
        CU_ASSERT_EQUAL(len, plain_len);
        CU_ASSERT_NOT_EQUAL(memcmp(copy, plain, len), 0);
        derive(xts, &key);
        decrypt_image(copy, len, xts);
        EM_CHECK_BYTES(copy, plain, len);
        free(copy);
        free(plain);
        em_unit_close(unit);
    }
    taken_free(t);
}

/* mfg_gen with the key of a unit makes its image. */
static void hmac_image_of_the_batch(void)
{
    struct batch *b = batch_many(3);
    struct taken *t = taken_new(b, EM_UNITS_HMAC);
    char path[PATH_LEN];
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    struct em_unit_data *unit = take(t, 2);
    struct em_key key;
    EM_CHECK_STATUS(em_unit_key(unit, 1, NULL, &key, &b->err), EM_OK, &b->err);
    join_path(path, t->keys, "hmac-keys-P-2.bin");
    b->options.keys = (struct em_key_options){
        .keygen = true, .protect_hmac = true, .hmac_inputkey = path};
    b->options.first_row = 2;
    b->options.last_row = 2;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_TRUE(equals_file(t, unit, &key));
    em_unit_close(unit);
    taken_free(t);
}

/* ---- Many threads ---- */

struct worker {
    struct taken *t;
    uint32_t seed;
    unsigned good;
};

static void *take_many(void *arg)
{
    struct worker *w = arg;
    const struct em_key none = {0};
    for (unsigned i = 0; i < UNITS; i++) {
        struct em_unit_data *unit = NULL;
        struct em_error err;
        uint64_t number = next_random(&w->seed) % UNITS + 1;
        if (em_units_take(w->t->units, number, &unit, &err) != EM_OK)
            break;
        w->good += equals_file(w->t, unit, &none);
        em_unit_close(unit);
    }
    return NULL;
}

static void threads(void)
{
    struct batch *b = batch_many(UNITS);
    struct taken *t = taken_new(b, EM_UNITS_KEY);
    struct worker workers[THREADS];
    pthread_t ids[THREADS];
    b->options.keys.inputkey = t->options.key_file;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    t->options.jobs = THREADS;
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){t, i + 1, 0};
        require(pthread_create(&ids[i], NULL, take_many, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        CU_ASSERT_EQUAL(workers[i].good, UNITS);
    }
    taken_free(t);
}

/* ---- Digest ---- */

static void open_digest(struct taken *t, char out[65])
{
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    (void)snprintf(out, 65, "%s", t->units == NULL ? "" : em_units_digest(t->units));
}

/* Replace the first @p from in the file by @p to. */
static void edit(const char *path, const char *from, const char *to)
{
    size_t len;
    char *text = (char *)need(read_file(path, &len));
    char *at = need(strstr(text, from));
    FILE *file = need(fopen(path, "wb"));
    require(fprintf(file, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    require(fclose(file) == 0);
    free(text);
}

static void digest(void)
{
    static const struct {
        const char *file, *from, *to;
        bool same;
    } edits[] = {
        {"values.csv", "S0033", "S9933", false}, /* a column that no image has */
        {"values.csv", "serial", "serIal", false},
        {"values.csv", "00ffa5", "00ffa6", false},
        {"config.csv", "u32", "u64", false},
        {"config.csv", "\n", "\r\n", true}, /* means the same */
        {"cert.pem", "not", "now", false},
    };
    char first[65];
    char got[65];
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct taken *t = taken_new(batch_many(UNITS), EM_UNITS_PLAIN);
        char path[PATH_LEN];
        open_digest(t, first);
        CU_ASSERT_EQUAL(strlen(first), 64);
        t->options.jobs = 4; /* the order of threads does not matter */
        open_digest(t, got);
        CU_ASSERT_STRING_EQUAL(first, got);
        join_path(path, t->b->folder, edits[i].file);
        edit(path, edits[i].from, edits[i].to);
        open_digest(t, got);
        CU_ASSERT_EQUAL(strcmp(first, got) == 0, edits[i].same);
        taken_free(t);
    }
}

static void digest_of_options(void)
{
    char digests[6][65];
    struct taken *t = taken_new(batch_many(5), EM_UNITS_PLAIN);
    for (int i = 0; i < 6; i++) {
        t->options.prefix = i == 1 ? "Q" : "P";
        t->options.size = i == 2 ? 0x4000 : 0x3000;
        t->options.version = i == 3 ? EM_NVS_V1 : EM_NVS_V2;
        t->options.id_column = i == 4 ? "serial" : NULL;
        t->options.encryption = i == 5 ? EM_UNITS_HMAC : EM_UNITS_PLAIN;
        t->options.keys_dir = i == 5 ? t->keys : NULL;
        open_digest(t, digests[i]);
        for (int k = 0; k < i; k++)
            CU_ASSERT_STRING_NOT_EQUAL(digests[i], digests[k]);
    }
    taken_free(t);
}

/* Names without a prefix are ids alone. */
static void no_prefix(void)
{
    struct taken *t = taken_new(batch_many(2), EM_UNITS_HMAC);
    t->options.prefix = "";
    t->options.id_column = "serial";
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    struct em_unit_data *unit = take(t, 2);
    CU_ASSERT_STRING_EQUAL(em_unit_name(unit), "S0002");
    em_unit_close(unit);
    struct em_key key = key_of(t, 2, 1, EM_OK);
    em_key_wipe(&key);
    CU_ASSERT_TRUE(is_there(t->keys, "hmac-keys-S0002.bin"));
    taken_free(t);
}

int main(void)
{
    static const struct em_test tests[] = {
        {"units have the images of the batch", equal_to_the_batch},
        {"rows are found as they come", rows_as_they_come},
        {"HMAC images decrypt to the plain ones", hmac_keys},
        {"a batch with the unit's HMAC key makes its image", hmac_image_of_the_batch},
        {"eight threads take units", threads},
        {"the digest is over all that makes units", digest},
        {"the digest is over the options", digest_of_options},
        {"names without a prefix", no_prefix},
    };
    return em_test_main("mfg/units", tests, sizeof tests / sizeof tests[0]);
}
