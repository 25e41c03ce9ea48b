/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of one image: their grammar, their faults, and the way from an image to a table
 * and back. */
#include "config.h"

#include <espmfg/nvs_table.h>

#include "tests/test_mfg_util.h"

#include <inttypes.h>

enum { SIZE = 0x20000 };

/* ---- Images of random content ---- */

/* Texts that a table has to quote, to escape, or to write in another way. */
static const char *const texts[] = {
    "",
    "plain",
    "a,b",
    "\"quoted\"",
    "two\nlines",
    "cr\rlf\r\n",
    " blank ",
    "#hash",
    "\xC3\xA4\xE2\x82\xAC",
    "\xFF\xFE",
    "key,type,encoding,value",
    "REPEAT",
    "\xEF\xBB\xBFmark",
    "007",
    "-",
    "=1+1",
    "\t",
};

/* Keys likewise; a number between the two makes each unique. */
static const char *const keys[][2] = {{"k", ""},    {"#", ""}, {"a,", ""},
                                      {"\"", "\""}, {" ", ""}, {"\xC3\xA4", ""},
                                      {"", "\n"}};

static void add_random(struct em_nvs_image *image, uint32_t *random, unsigned number,
                       bool v1)
{
    static const enum em_nvs_int types[] = {EM_NVS_U8,  EM_NVS_I8,  EM_NVS_U16,
                                            EM_NVS_I16, EM_NVS_U32, EM_NVS_I32,
                                            EM_NVS_U64, EM_NVS_I64};
    static uint8_t bytes[30000]; /* filled anew before each use */
    char key[EM_NVS_KEY_LEN_MAX + 1];
    struct em_error err = {0};
    const char *const *around =
        keys[next_random(random) % (sizeof keys / sizeof keys[0])];
    (void)snprintf(key, sizeof key, "%s%u%s", around[0], number, around[1]);
    uint32_t kind = next_random(random) % 4;
    if (kind == 0) {
        enum em_nvs_int type = types[next_random(random) % 8];
        unsigned bits = (type & 0x0Fu) * 8;
        bool is_signed = (type & 0x10u) != 0;
        bool negative = is_signed && next_random(random) % 2 == 0;
        uint64_t most =
            (bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1) >> (is_signed ? 1 : 0);
        uint64_t value = next_random(random) % 2 == 0 ? most + (negative ? 1 : 0)
                                                      : next_random(random) & most;
        EM_CHECK_STATUS(em_nvs_image_add_int(image, key, type, value, negative, &err),
                        EM_OK, &err);
    } else if (kind == 1) {
        const char *text = texts[next_random(random) % (sizeof texts / sizeof texts[0])];
        EM_CHECK_STATUS(em_nvs_image_add_string(image, key, text, strlen(text), &err),
                        EM_OK, &err);
    } else {
        static const size_t longest[] = {10, 64, 65, 300, 1984, 30000};
        size_t len =
            next_random(random) % (longest[next_random(random) % (v1 ? 5 : 6)] + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)next_random(random);
        EM_CHECK_STATUS(em_nvs_image_add_blob(image, key, bytes, len, &err), EM_OK, &err);
    }
}

static size_t random_image(uint8_t *buf, uint32_t *random, enum em_nvs_version version)
{
    static const char *const namespaces[] = {"ns", "a,b", "#c", "\xC3\xB6", "last"};
    struct em_nvs_image *image = NULL;
    struct em_error err = {0};
    size_t len = 0;
    EM_CHECK_STATUS(em_nvs_image_new(&image, buf, SIZE, version, &err), EM_OK, &err);
    unsigned n = 1 + next_random(random) % 12;
    for (unsigned i = 0; i < n; i++) {
        if (i == 0 ||
            next_random(random) % 3 == 0) /* also one after the other, and again */
            EM_CHECK_STATUS(
                em_nvs_image_namespace(image, namespaces[next_random(random) % 5], &err),
                EM_OK, &err);
        if (next_random(random) % 8 != 0)
            add_random(image, random, i, version == EM_NVS_V1);
    }
    enum em_status status = em_nvs_image_finish(image, &len, &err);
    em_nvs_image_free(image);
    return status == EM_OK ? len : 0; /* too much for it now and then */
}

static enum em_status read_tables(const char *const *paths, uint64_t size,
                                  enum em_nvs_version version, uint8_t **out, size_t *len,
                                  struct told *told, struct em_error *err)
{
    struct em_nvs_table_options options = EM_NVS_TABLE_OPTIONS_INIT;
    struct em_hooks hooks = {.log = tell, .user = told};
    options.paths = paths;
    options.size = size;
    options.version = version;
    *told = (struct told){0};
    return em_nvs_table_image(out, len, &options, &hooks, err);
}

static char *text_of(const uint8_t *image, size_t len, size_t *text_len,
                     struct told *told)
{
    struct em_nvs_reader *reader = NULL;
    struct em_hooks hooks = {.log = tell, .user = told};
    struct em_error err = {0};
    char *text = NULL;
    *told = (struct told){0};
    EM_CHECK_STATUS(em_nvs_reader_new(&reader, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_nvs_reader_load(reader, image, len, NULL, NULL, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_nvs_table_text(&text, text_len, reader, &hooks, &err), EM_OK,
                    &err);
    em_nvs_reader_free(reader);
    return text;
}

/* image -> table -> image: the same bytes. */
static void round_trips(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    uint32_t random = 20261121;
    unsigned compared = 0;
    uint8_t *buf = need(malloc(SIZE));
    struct told told;
    make_folder(folder);
    join_path(path, folder, "t.csv");
    for (unsigned i = 0; i < 600; i++) {
        enum em_nvs_version version = i % 3 == 0 ? EM_NVS_V1 : EM_NVS_V2;
        struct em_error err = {0};
        uint8_t *again = NULL;
        size_t again_len = 0;
        size_t text_len = 0;
        size_t len = random_image(buf, &random, version);
        if (len == 0)
            continue;
        char *text = text_of(buf, len, &text_len, &told);
        CU_ASSERT_EQUAL(told.count[EM_LOG_WARNING], 0);
        write_file(path, text, text_len);
        EM_CHECK_STATUS(read_tables((const char *const[]){path, NULL}, SIZE, version,
                                    &again, &again_len, &told, &err),
                        EM_OK, &err);
        bool same = again_len == len && memcmp(again, buf, len) == 0;
        if (!same)
            printf("\n  image %u differs after the way through '%s'\n", i, text);
        CU_ASSERT_TRUE_FATAL(same);
        compared++;
        free(text);
        free(again);
    }
    CU_ASSERT_TRUE(compared > 500);
    free(buf);
    remove_folder(folder);
}

/* What no table can hold is left out loudly, the rest stays. */
static void leaves_out(void)
{
    struct em_nvs_image *image = NULL;
    struct em_error err = {0};
    struct told told;
    uint8_t *buf = need(malloc(0x3000));
    size_t len = 0;
    size_t text_len = 0;
    EM_CHECK_STATUS(em_nvs_image_new(&image, buf, 0x3000, EM_NVS_V2, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_nvs_image_namespace(image, "ns", &err), EM_OK, &err);
    EM_CHECK_STATUS(em_nvs_image_add_int(image, "bad\xFF", EM_NVS_U8, 1, 0, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_nvs_image_add_int(image, "cr\r", EM_NVS_U8, 2, 0, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_nvs_image_add_int(image, "good", EM_NVS_U8, 3, 0, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_nvs_image_finish(image, &len, &err), EM_OK, &err);
    em_nvs_image_free(image);
    char *text = text_of(buf, len, &text_len, &told);
    CU_ASSERT_EQUAL(told.count[EM_LOG_WARNING], 2);
    EM_CHECK_HAS(text, "ns,namespace,,\r\n");
    EM_CHECK_HAS(text, "\r\ngood,data,u8,3\r\n");
    CU_ASSERT_PTR_NULL(strchr(text, '\xFF'));
    free(text);
    free(buf);
}

/* ---- Grammar ---- */

struct grammar {
    const char *table;
    const char *equal; /* table in the plainest words, or NULL: a fault */
    const char *what;  /* of the fault, and its line */
    unsigned long line;
};

#define HEAD "key,type,encoding,value\n"
#define NS   HEAD "n,namespace,,\n"

/* clang-format off */
static const struct grammar grammars[] = {
    /* Header in any order, more columns, comments, blank lines, BOM, CR LF. */
    {"value,note,encoding,type,key\n,,,namespace,n\n5,x,u8,data,a\n", NS "a,data,u8,5\n", NULL, 0},
    {"\xEF\xBB\xBF" "key,type,encoding,value\r\n\r\nn,namespace,,\r\na,data,u8,5\r\n", NS "a,data,u8,5\n", NULL, 0},
    {"# first, \"open\nkey,type,encoding,value\n# second\nn,namespace,,\n  # third\na,data,u8,5\n#", NS "a,data,u8,5\n", NULL, 0},
    {HEAD "n,namespace\na,data,u8,5\n", NS "a,data,u8,5\n", NULL, 0},
    {HEAD "n,namespace,,,,\na,data,u8,5,6,7\n", NS "a,data,u8,5\n", NULL, 0},
    {NS "\"#a\",data,u8,5\n", NS "\"#a\",data,u8,5\n", NULL, 0},
    {NS "a,data,string,\"x\n# y\"\n", NS "a,data,string_hex,780a232079\n", NULL, 0},
    /* Encodings that a batch does not have. */
    {NS "a,data,U8,5\nb,data,I64,-5\nc,data,i16,-300\n", NS "a,data,u8,5\nb,data,i64,-5\nc,data,i16,-300\n", NULL, 0},
    {NS "a,data,blob_fill(4;0xAB),hi\n", NS "a,data,hex2bin,6869abab\n", NULL, 0},
    {NS "a,data,blob_fill(0;0xab),\n", NS "a,data,hex2bin,\n", NULL, 0},
    {NS "a,data,blob_sz_fill(3;0x00),hi\n", NS "a,data,hex2bin,02000000686900\n", NULL, 0},
    /* Faults, told with their lines. */
    {"key,type,value\nn,namespace,\n", NULL, "no column 'encoding'", 1},
    {"", NULL, "no rows", 0},
    {NS "a,data,u8\n", NULL, "key 'a': 3 columns, the header has 4", 3},
    {NS "\na,data,u8,300\n", NULL, "key 'a' = '300': does not fit u8", 4},
    {HEAD "a,data,u8,1\n", NULL, "in no namespace", 2},
    {NS "a,data,u8,1\na,data,u8,2\n", NULL, "key 'a' is in namespace 'n' already", 4},
    {NS "a,text,u8,1\n", NULL, "unknown type 'text'", 3},
    {NS "a,data,STRING,x\n", NULL, "unknown encoding 'STRING'", 3},
    {NS "a,data,Hex2bin,00\n", NULL, "unknown encoding 'Hex2bin'", 3},
    {NS "a,data,blob_fill(4;0xAB) ,hi\n", NULL, "two hex digits", 3},
    {NS "a,data,blob_fill(4;0xA),hi\n", NULL, "two hex digits", 3},
    {NS "a,data,blob_fill(;0xAB),hi\n", NULL, "two hex digits", 3},
    {NS "a,data,blob_fill(508001;0xAB),hi\n", NULL, "up to 508000", 3},
    {NS "a,data,blob_fill(1;0xAB),hi\n", NULL, "2 bytes, to be filled up to 1", 3},
    {NS "a,file,binary,nowhere.bin\n", NULL, "key 'a' from file 'nowhere.bin'", 3},
    {NS "a,data,string_hex,780\n", NULL, "key 'a'", 3},
    {NS "abcdefghijklmnop,data,u8,1\n", NULL, "has 16 bytes, limit 15", 3},
    {NS "a,data,string,\"x\n", NULL, "a quote is opened here", 3},
};
/* clang-format on */

static void grammar(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    make_folder(folder);
    join_path(path, folder, "t.csv");
    const char *const paths[] = {path, NULL};
    for (size_t i = 0; i < sizeof grammars / sizeof grammars[0]; i++) {
        const struct grammar *g = &grammars[i];
        uint8_t *image = NULL;
        uint8_t *equal = NULL;
        size_t len = 0;
        size_t equal_len = 0;
        struct told told;
        struct em_error err = {0};
        write_text(path, g->table);
        enum em_status status =
            read_tables(paths, 0x3000, EM_NVS_V2, &image, &len, &told, &err);
        const struct em_error *fault = told.n > 0 ? &told.msg[0] : &err;
        bool good = (status == EM_OK) == (g->equal != NULL);
        if (!good)
            printf("\n  grammar %zu: %s (%s)\n", i, em_status_name(status), fault->what);
        CU_ASSERT_TRUE(good);
        if (g->equal == NULL) {
            EM_CHECK_HAS(fault->what, g->what);
            CU_ASSERT_EQUAL(fault->line, g->line);
            CU_ASSERT_STRING_EQUAL(fault->file, path);
            CU_ASSERT_PTR_NULL(image);
        } else {
            write_text(path, g->equal);
            EM_CHECK_STATUS(
                read_tables(paths, 0x3000, EM_NVS_V2, &equal, &equal_len, &told, &err),
                EM_OK, &err);
            CU_ASSERT_EQUAL(len, equal_len);
            if (len == equal_len && image != NULL)
                EM_CHECK_BYTES(image, equal, len);
        }
        free(image);
        free(equal);
    }
    remove_folder(folder);
}

/* Tables are appended; each has its own header, the namespace goes on. */
static void several(void)
{
    char folder[PATH_LEN];
    char a[PATH_LEN];
    char b[PATH_LEN];
    uint8_t *apart = NULL;
    uint8_t *together = NULL;
    size_t len = 0;
    size_t len2 = 0;
    struct told told;
    struct em_error err = {0};
    make_folder(folder);
    join_path(a, folder, "a.csv");
    join_path(b, folder, "b.csv");
    write_text(a, NS "a,data,u8,1\n");
    write_text(b, "type,key,value,encoding\ndata,b,2,u8\n");
    EM_CHECK_STATUS(read_tables((const char *const[]){a, b, NULL}, 0x3000, EM_NVS_V2,
                                &apart, &len, &told, &err),
                    EM_OK, &err);
    write_text(a, NS "a,data,u8,1\nb,data,u8,2\n");
    EM_CHECK_STATUS(read_tables((const char *const[]){a, NULL}, 0x3000, EM_NVS_V2,
                                &together, &len2, &told, &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(len, len2);
    EM_CHECK_BYTES(apart, together, len);
    free(apart);
    free(together);
    remove_folder(folder);
}

/* Size 0: as much as it takes; too small a size: one fault with the size that would do.
 */
static void sizes(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    uint8_t *image = NULL;
    size_t len = 0;
    struct told told;
    struct em_error err = {0};
    make_folder(folder);
    join_path(path, folder, "t.csv");
    const char *const paths[] = {path, NULL};
    write_text(path, NS "a,data,blob_fill(9000;0x11),\n");
    EM_CHECK_STATUS(read_tables(paths, 0, EM_NVS_V2, &image, &len, &told, &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL(len, 0x4000); /* 9000 bytes: three pages, and one in reserve */
    free(image);
    EM_CHECK_STATUS(read_tables(paths, 0x3000, EM_NVS_V2, &image, &len, &told, &err),
                    EM_ERR_FULL, &err);
    EM_CHECK_HAS(err.hint, "0x4000");
    CU_ASSERT_PTR_NULL(image);
    EM_CHECK_STATUS(read_tables(paths, 5000, EM_NVS_V2, &image, &len, &told, &err),
                    EM_ERR_USAGE, &err);
    remove_folder(folder);
}

/* At most 20 faults are shown, all are counted. */
static void many_faults(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    char text[2048] = NS;
    uint8_t *image = NULL;
    size_t len = 0;
    struct told told;
    struct em_error err = {0};
    make_folder(folder);
    join_path(path, folder, "t.csv");
    for (unsigned i = 0; i < 30; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "k%u,data,u8,x\n",
                       i);
    write_text(path, text);
    EM_CHECK_STATUS(read_tables((const char *const[]){path, NULL}, 0x3000, EM_NVS_V2,
                                &image, &len, &told, &err),
                    EM_ERR_INPUT, &err);
    CU_ASSERT_EQUAL(told.count[EM_LOG_ERROR], 20);
    EM_CHECK_HAS(err.what, "30 faults");
    remove_folder(folder);
}

static const struct em_test tests[] = {
    {"image, table, image", round_trips},
    {"what no table holds is left out", leaves_out},
    {"grammar and faults", grammar},
    {"several tables", several},
    {"sizes", sizes},
    {"many faults", many_faults},
};

EM_TEST_MAIN("mfg/table", tests)
