/* SPDX-License-Identifier: Apache-2.0 */
/* Reads every golden image and compares what is in it with what the device found there.
 */
#include "config.h"

#include <espmfg/nvs.h>
#include <espmfg/nvs_reader.h>

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <jansson.h>
#include <openssl/evp.h>

/* ---- A listing: lines, sorted by their bytes ---- */

struct listing {
    char **lines;
    size_t n, cap;
};

static void add_line(struct listing *list, char *line)
{
    if (list->n == list->cap) {
        list->cap = list->cap * 2 + 64;
        list->lines = need(realloc(list->lines, list->cap * sizeof *list->lines));
    }
    list->lines[list->n++] = line;
}

static void free_listing(struct listing *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->lines[i]);
    free(list->lines);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b); /* as unsigned bytes */
}

static const char *type_name(unsigned type)
{
    switch (type) {
    case EM_NVS_U8:
        return "u8";
    case EM_NVS_I8:
        return "i8";
    case EM_NVS_U16:
        return "u16";
    case EM_NVS_I16:
        return "i16";
    case EM_NVS_U32:
        return "u32";
    case EM_NVS_I32:
        return "i32";
    case EM_NVS_U64:
        return "u64";
    case EM_NVS_I64:
        return "i64";
    case EM_NVS_STRING:
        return "str";
    case EM_NVS_BLOB:
        return "blob";
    default:
        return "?";
    }
}

static char *value_line(const struct em_nvs_reader *reader,
                        const struct em_nvs_value *value)
{
    static const char digits[] = "0123456789abcdef";
    size_t size = 64 + value->len * 2;
    uint8_t *data = need(malloc(value->len + 1));
    char *line = need(malloc(size));
    em_nvs_reader_copy(reader, value, data);
    size_t at = (size_t)snprintf(line, size, "%s,%s,%s,", value->ns, value->key,
                                 type_name(value->type));
    for (size_t i = 0; i < value->len; i++) {
        line[at++] = digits[data[i] >> 4];
        line[at++] = digits[data[i] & 15];
    }
    line[at] = '\0';
    free(data);
    return line;
}

static void list_image(struct listing *list, const struct em_nvs_reader *reader)
{
    struct em_nvs_value value;
    const char *name;
    uint8_t index;
    size_t cursor = 0;
    while (em_nvs_reader_next_namespace(reader, &cursor, &name, &index)) {
        char *line = need(malloc(64));
        (void)snprintf(line, 64, "%s,,namespace,%02x", name, (unsigned)index);
        add_line(list, line);
    }
    cursor = 0;
    while (em_nvs_reader_next(reader, &cursor, &value))
        add_line(list, value_line(reader, &value));
    if (list->n > 0)
        qsort(list->lines, list->n, sizeof *list->lines, compare_lines);
}

/* ---- Hashes ---- */

static bool hash_is(EVP_MD_CTX *ctx, const char *wanted)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    require(EVP_DigestFinal_ex(ctx, digest, &len) == 1);
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(text + (size_t)i * 2, 3, "%02x", (unsigned)digest[i]);
    return wanted != NULL && strcmp(text, wanted) == 0;
}

static EVP_MD_CTX *begin_hash(void)
{
    EVP_MD_CTX *ctx = need(EVP_MD_CTX_new());
    require(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);
    return ctx;
}

static bool bytes_have_hash(const uint8_t *data, size_t len, const char *wanted)
{
    EVP_MD_CTX *ctx = begin_hash();
    require(EVP_DigestUpdate(ctx, data, len) == 1);
    bool good = hash_is(ctx, wanted);
    EVP_MD_CTX_free(ctx);
    return good;
}

static bool listing_has_hash(const struct listing *list, const char *wanted)
{
    EVP_MD_CTX *ctx = begin_hash();
    for (size_t i = 0; i < list->n; i++)
        require(EVP_DigestUpdate(ctx, list->lines[i], strlen(list->lines[i])) == 1 &&
                EVP_DigestUpdate(ctx, "\n", 1) == 1);
    bool good = hash_is(ctx, wanted);
    EVP_MD_CTX_free(ctx);
    return good;
}

/* ---- Cases ---- */

struct golden {
    char folder[PATH_LEN];
    const char *name;
    json_t *json;
    struct em_nvs_reader *reader;
    struct em_key key;     /* len 0: not encrypted */
    char outdir[PATH_LEN]; /* what the generator wrote anew; empty: it did not run */
};

struct totals {
    unsigned cases, images, encrypted, generated, unlisted, lines;
};

/* A macro, so that the compiler checks the format. */
#define FAULT(golden, ...)                                                               \
    do {                                                                                 \
        printf("\n  %s: ", (golden)->name);                                              \
        printf(__VA_ARGS__);                                                             \
        CU_FAIL("a golden case");                                                        \
    } while (0)

static const char *argument(const struct golden *golden, size_t idx)
{
    const char *text =
        json_string_value(json_array_get(json_object_get(golden->json, "argv"), idx));
    return text == NULL ? "" : text;
}

/* The value of an option of the case, or NULL. */
static const char *option(const struct golden *golden, const char *name)
{
    size_t n = json_array_size(json_object_get(golden->json, "argv"));
    for (size_t i = 0; i + 1 < n; i++) {
        if (strcmp(argument(golden, i), name) == 0)
            return argument(golden, i + 1);
    }
    return NULL;
}

static void load_key(struct golden *golden)
{
    const char *xts = option(golden, "--inputkey");
    const char *hmac = option(golden, "--kp_hmac_inputkey");
    char path[PATH_LEN];
    size_t len;
    golden->key.len = 0;
    if (xts == NULL && hmac == NULL)
        return;
    join_path(path, golden->folder, xts != NULL ? xts : hmac);
    uint8_t *data = need(read_file(path, &len));
    if (xts != NULL) {
        CU_ASSERT_EQUAL(em_nvs_key_parse(&golden->key, data, len, NULL), EM_OK);
    } else {
        struct em_key key = {.len = len};
        require(len == EM_NVS_HMAC_KEY_LEN);
        memcpy(key.bytes, data, len);
        CU_ASSERT_EQUAL(em_nvs_key_derive(&golden->key, &key, NULL), EM_OK);
    }
    free(data);
}

/* Large images are not kept: make them again, into a folder of our own. */
static void generate(struct golden *golden)
{
    const char *program = getenv("MFG_GEN");
    size_t n = json_array_size(json_object_get(golden->json, "argv"));
    char **argv = need(calloc(n + 2, sizeof *argv));
    int status = -1;
    if (golden->outdir[0] != '\0' || program == NULL) {
        free(argv);
        return;
    }
    make_folder(golden->outdir);
    argv[0] = need(strdup(program));
    for (size_t i = 0; i < n; i++) {
        bool out = i > 0 && strcmp(argument(golden, i - 1), "--outdir") == 0;
        argv[i + 1] = need(strdup(out ? golden->outdir : argument(golden, i)));
    }
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        if (null >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0 &&
            chdir(golden->folder) == 0)
            (void)execv(program, argv);
        _exit(127);
    }
    require(pid > 0 && waitpid(pid, &status, 0) == pid);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (size_t i = 0; i <= n; i++)
        free(argv[i]);
    free(argv);
}

/* The bytes of an image, checked against its hash; NULL: it cannot be had. */
static uint8_t *load_golden(struct golden *golden, struct totals *totals,
                            const char *name, size_t *len)
{
    json_t *output = json_object_get(json_object_get(golden->json, "outputs"), name);
    const char *file = json_string_value(json_object_get(output, "file"));
    char path[PATH_LEN];
    if (file == NULL)
        generate(golden);
    join_path(path, file != NULL ? golden->folder : golden->outdir,
              file != NULL ? file : name);
    totals->generated += file == NULL;
    uint8_t *image = read_file(path, len);
    const char *hash = json_string_value(json_object_get(output, "sha256"));
    if (image == NULL || !bytes_have_hash(image, *len, hash))
        FAULT(golden, "%s is missing or has another SHA-256", path);
    return image;
}

static void decrypt(const struct golden *golden, uint8_t *image, size_t len)
{
    struct em_nvs_crypt *crypt = NULL;
    require(em_nvs_crypt_new(&crypt, NULL) == EM_OK);
    CU_ASSERT_EQUAL(em_nvs_crypt_key(crypt, &golden->key, NULL), EM_OK);
    CU_ASSERT_EQUAL(em_nvs_decrypt(crypt, image, len, NULL), EM_OK);
    em_nvs_crypt_free(crypt);
}

static void on_finding(void *user, const struct em_nvs_finding *finding)
{
    const struct golden *golden = user;
    FAULT(golden, "%s: %s (page %ld entry %d)", finding->id, finding->what, finding->page,
          finding->entry);
}

/* Compare with the listing of the case, if it is kept, and with its hash. */
static void compare(const struct golden *golden, const struct listing *list, json_t *want)
{
    const char *file = json_string_value(json_object_get(want, "file"));
    const char *hash = json_string_value(json_object_get(want, "sha256"));
    size_t lines = (size_t)json_integer_value(json_object_get(want, "lines"));
    char path[PATH_LEN];
    size_t len;
    if (list->n != lines)
        FAULT(golden, "%zu lines, wanted %zu", list->n, lines);
    if (!listing_has_hash(list, hash))
        FAULT(golden, "SHA-256 of the listing");
    if (file == NULL)
        return;
    join_path(path, golden->folder, file);
    char *text = (char *)need(read_file(path, &len));
    char *at = text;
    for (size_t i = 0; i < list->n; i++) {
        size_t n = strcspn(at, "\n");
        if (strlen(list->lines[i]) != n || memcmp(list->lines[i], at, n) != 0) {
            FAULT(golden, "line %zu: %.80s, wanted %.*s", i + 1, list->lines[i],
                  n < 80 ? (int)n : 80, at);
            break;
        }
        at += at[n] == '\n' ? n + 1 : n;
    }
    free(text);
}

static void check_image(struct golden *golden, struct totals *totals, const char *name,
                        json_t *want)
{
    size_t len;
    struct listing list = {0};
    struct em_error err = {0};
    uint8_t *image = load_golden(golden, totals, name, &len);
    if (image == NULL)
        return;
    load_key(golden);
    if (golden->key.len > 0)
        decrypt(golden, image, len);
    EM_CHECK_STATUS(
        em_nvs_reader_load(golden->reader, image, len, on_finding, golden, &err), EM_OK,
        &err);
    struct em_nvs_counts counts = em_nvs_reader_counts(golden->reader);
    const char *mount = json_string_value(json_object_get(golden->json, "mount"));
    const char *version = option(golden, "--version");
    CU_ASSERT_EQUAL(counts.read_only, mount != NULL && strcmp(mount, "read-only") == 0);
    CU_ASSERT_EQUAL(counts.version_1, version != NULL && strcmp(version, "1") == 0);
    list_image(&list, golden->reader);
    if (want != NULL)
        compare(golden, &list, want);
    totals->unlisted += want == NULL;
    CU_ASSERT_TRUE(list.n > 0);
    totals->images++;
    totals->encrypted += golden->key.len > 0;
    totals->lines += (unsigned)list.n;
    free_listing(&list);
    free(image);
}

static void run_case(struct golden *golden, struct totals *totals)
{
    char path[PATH_LEN];
    const char *name;
    json_t *want;
    join_path(path, golden->folder, "case.json");
    golden->json = json_load_file(path, 0, NULL);
    if (golden->json == NULL) {
        FAULT(golden, "case.json cannot be read");
        return;
    }
    json_t *entries = json_object_get(golden->json, "entries");
    totals->cases += json_object_size(entries) > 0;
    golden->outdir[0] = '\0';
    json_object_foreach(json_object_get(golden->json, "outputs"), name, want)
    {
        if (strncmp(name, "bin/", 4) == 0)
            check_image(golden, totals, name, json_object_get(entries, name));
    }
    json_object_foreach(entries, name, want)
    {
        if (json_object_get(json_object_get(golden->json, "outputs"), name) == NULL)
            FAULT(golden, "no image for the listing of %s", name);
    }
    if (golden->outdir[0] != '\0')
        remove_folder(golden->outdir);
    json_decref(golden->json);
}

static struct totals run_folder(const char *folder)
{
    struct totals totals = {0};
    struct golden golden = {.reader = NULL};
    struct dirent *entry;
    DIR *dir = need(opendir(folder));
    require(em_nvs_reader_new(&golden.reader, NULL) == EM_OK);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        golden.name = entry->d_name;
        join_path(golden.folder, folder, entry->d_name);
        if (is_there(golden.folder, "case.json"))
            run_case(&golden, &totals);
    }
    (void)closedir(dir);
    em_nvs_reader_free(golden.reader);
    printf(
        "\n  %s: %u cases, %u images (%u encrypted, %u made again, %u without listing), "
        "%u lines\n",
        folder, totals.cases, totals.images, totals.encrypted, totals.generated,
        totals.unlisted, totals.lines);
    return totals;
}

static void source_path(char *out, const char *name)
{
    const char *top = getenv("top_srcdir");
    join_path(out, top == NULL ? "." : top, name);
}

static void test_cases(void)
{
    char folder[PATH_LEN];
    source_path(folder, "tests/data/nvs/cases");
    struct totals totals = run_folder(folder);
    CU_ASSERT_TRUE(totals.cases >= 80 && totals.encrypted >= 6 && totals.lines >= 4000);
}

static void test_public_cases(void)
{
    char folder[PATH_LEN];
    struct stat st;
    const char *given = getenv("EM_GOLDEN_PUBLIC");
    source_path(folder, "../shared/golden/nvs/public/cases");
    if (given != NULL)
        (void)snprintf(folder, sizeof folder, "%s", given);
    if (stat(folder, &st) != 0) {
        printf(
            "\n  SKIPPED: the public golden cases are not here (EM_GOLDEN_PUBLIC names "
            "their folder)\n");
        return;
    }
    CU_ASSERT_TRUE(run_folder(folder).images > 0);
}

static const struct em_test tests[] = {
    {"golden images", test_cases},
    {"public golden images", test_public_cases},
};

EM_TEST_MAIN("nvs/reader: golden images", tests)
