/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the CSV reader: its dialect, line numbers, faults, and reading in pieces. */
#include "config.h"

#include "mfg/csv_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#define BOM "\xEF\xBB\xBF"

enum { CHUNK = 128 * 1024 /* what the reader takes from a file at a time */ };

/* Rows as text: "LINE:<field><field>", a newline in a field as \n. */
static enum em_status render(struct em_csv *csv, struct em_buf *out, struct em_error *err)
{
    struct em_csv_row row = {0};
    enum em_status status;
    em_buf_clear(out);
    while ((status = em_csv_next(csv, &row, err)) == EM_OK && row.n_fields > 0) {
        char line[32];
        (void)snprintf(line, sizeof line, "%lu:", row.line);
        em_buf_append_text(out, line);
        for (size_t i = 0; i < row.n_fields; i++) {
            em_buf_append_byte(out, '<');
            for (size_t j = 0; j < row.fields[i].len; j++) {
                if (row.fields[i].p[j] == '\n')
                    em_buf_append_text(out, "\\n");
                else
                    em_buf_append_byte(out, row.fields[i].p[j]);
            }
            em_buf_append_byte(out, '>');
        }
    }
    em_buf_append_byte(out, '\0');
    em_csv_row_free(&row);
    return status;
}

static const struct {
    const char *text, *rows;
} dialect[] = {
    /* clang-format off */
    {"", ""},
    {"\n\r\n\r", ""},
    {BOM, ""},
    {"a,b\nc,d\n", "1:<a><b>2:<c><d>"},
    {"a,b\nc,d", "1:<a><b>2:<c><d>"},
    {"a,b\r\nc,d\r\n", "1:<a><b>2:<c><d>"},
    {"a,b\rc,d\r", "1:<a><b>2:<c><d>"},
    {"a\n\rb", "1:<a>3:<b>"},
    {"a\r\r\nb", "1:<a>3:<b>"},
    {"\"ab\"cd,x\ny", "1:<abcd><x>2:<y>"},
    {"\"ab\"c\"d\",x", "1:<abc\"d\"><x>"},
    {"ab\"cd\"e,x", "1:<ab\"cd\"e><x>"},
    {" \"x\",\"y\" ", "1:< \"x\"><y >"},
    {"\"a\"\"b\"", "1:<a\"b>"},
    {"\"\"\"\"", "1:<\">"},
    {"\"a,b\",c", "1:<a,b><c>"},
    {"\"\"", "1:<>"},
    {"\"\"\n\"\"\n", "1:<>2:<>"},
    {",\n", "1:<><>"},
    {" ,\n", "1:< ><>"},
    {"a,", "1:<a><>"},
    {"a,b,\n", "1:<a><b><>"},
    {",,", "1:<><><>"},
    {" a , b ", "1:< a >< b >"},
    {"#a\n#b,c", "1:<#a>2:<#b><c>"},
    {"\"a\nb\",c\nd,e\n", "1:<a\\nb><c>3:<d><e>"},
    {"\"a\r\nb\rc\nd\"\nx", "1:<a\\nb\\nc\\nd>5:<x>"},
    {"\"a\n\n\nb\"\nx", "1:<a\\n\\n\\nb>5:<x>"},
    {"\"\n\"\nx", "1:<\\n>3:<x>"},
    {"\"a\n#b\"\nx", "1:<a\\n#b>3:<x>"},
    /* Blank lines, with all that is white space; only between rows. */
    {"\n\n  \t\na\n \n\xC2\xA0\nb\n", "4:<a>7:<b>"},
    {"\x1C\n\x0B\x0C\n\xE2\x80\xA8\n\xE3\x80\x80 \na", "5:<a>"},
    /* No line ends: vertical tab, form feed, file separator, U+0085, U+2028. */
    {"a\x0B" "b\x0C" "c\x1C" "d\xC2\x85" "e\xE2\x80\xA8" "f\ng",
     "1:<a\x0B" "b\x0C" "c\x1C" "d\xC2\x85" "e\xE2\x80\xA8" "f>2:<g>"},
    {BOM "a,b\n", "1:<a><b>"},
    {BOM "\na", "2:<a>"},
    {BOM "\"a\",b", "1:<a><b>"},
    {BOM BOM "a", "1:<" BOM "a>"},
    {"a\n" BOM "b", "1:<a>2:<" BOM "b>"},
    {"\xC3\xA9,\xF0\x9F\x98\x80", "1:<\xC3\xA9><\xF0\x9F\x98\x80>"},
    /* clang-format on */
};

static void read_memory(const char *text, size_t len, const char *rows)
{
    struct em_csv *csv = NULL;
    struct em_buf got = {0};
    struct em_error err;
    EM_CHECK_STATUS(em_csv_from_memory(&csv, "t", text, len, &err), EM_OK, &err);
    for (int round = 0; round < 2; round++) { /* the second one after going back */
        EM_CHECK_STATUS(render(csv, &got, &err), EM_OK, &err);
        if (strcmp((char *)got.data, rows) != 0)
            printf("\n  '%s' is read as %s\n", text, (char *)got.data);
        CU_ASSERT_STRING_EQUAL((char *)got.data, rows);
        CU_ASSERT_EQUAL(em_csv_position(csv), len);
        CU_ASSERT_EQUAL(em_csv_size(csv), len);
        EM_CHECK_STATUS(em_csv_rewind(csv, &err), EM_OK, &err);
    }
    EM_CHECK_STATUS(em_csv_unchanged(csv, &err), EM_OK, &err);
    em_csv_free(csv);
    em_buf_free(&got);
}

static void test_dialect(void)
{
    for (size_t i = 0; i < sizeof dialect / sizeof dialect[0]; i++)
        read_memory(dialect[i].text, strlen(dialect[i].text), dialect[i].rows);
}

static void test_dialect_file(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    struct em_buf got = {0};
    struct em_error err;
    make_folder(folder);
    join_path(path, folder, "t.csv");
    for (size_t i = 0; i < sizeof dialect / sizeof dialect[0]; i++) {
        struct em_csv *csv = NULL;
        write_text(path, dialect[i].text);
        EM_CHECK_STATUS(em_csv_open(&csv, path, &err), EM_OK, &err);
        for (int round = 0; round < 2; round++) {
            EM_CHECK_STATUS(render(csv, &got, &err), EM_OK, &err);
            CU_ASSERT_STRING_EQUAL((char *)got.data, dialect[i].rows);
            CU_ASSERT_EQUAL(em_csv_position(csv), strlen(dialect[i].text));
            CU_ASSERT_EQUAL(em_csv_size(csv), strlen(dialect[i].text));
            EM_CHECK_STATUS(em_csv_rewind(csv, &err), EM_OK, &err);
        }
        em_csv_free(csv);
    }
    em_buf_free(&got);
    remove_folder(folder);
}

#define FAULT(text, rows, line, what)                                                    \
    {                                                                                    \
        text, sizeof(text) - 1, rows, line, what                                         \
    }

static void test_faults(void)
{
    static const struct {
        const char *text;
        size_t len;
        const char *rows; /* read before the fault */
        unsigned long line;
        const char *what;
    } faults[] = {
        /* clang-format off */
        FAULT("a\nb,\"c\nd", "1:<a>", 2, "never closed"),
        FAULT("a,\"b\n\"\"", "", 1, "never closed"),
        FAULT("\"", "", 1, "never closed"),
        FAULT("a\n\n\"b\n\nc\",\"d\n", "1:<a>", 5, "never closed"),
        FAULT("a\nb\0c", "1:<a>", 2, "NUL"),
        FAULT("a,b\0", "", 1, "NUL"),
        FAULT("\0", "", 1, "NUL"),
        FAULT("a\n\"b\nc\0\"", "1:<a>", 3, "NUL"),
        FAULT("\xFF\xFE" "a\0,\0", "", 1, "NUL"),
        FAULT("a\n\xFF\n", "1:<a>", 2, "UTF-8"),
        FAULT("\xC3,\xA9", "", 1, "UTF-8"),
        FAULT("\xC3\n\xA9", "", 1, "UTF-8"),
        FAULT("\"\xC3\n\xA9\"", "", 1, "UTF-8"),
        FAULT("\"\xC3\"\"\xA9\"", "", 1, "UTF-8"),
        /* Only dropping the quote makes a character of these bytes: the file is not UTF-8. */
        FAULT("\"\xC3\"\xA9", "", 1, "UTF-8"),
        FAULT("a,\xC0\x80", "", 1, "UTF-8"),
        FAULT("\xED\xA0\x80", "", 1, "UTF-8"),
        FAULT("\xF4\x90\x80\x80", "", 1, "UTF-8"),
        FAULT("\xE2\x82", "", 1, "UTF-8"),
        FAULT("x\n\xC2\xA0\xC2\n", "1:<x>", 2, "UTF-8"),
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct em_csv *csv = NULL;
        struct em_buf got = {0};
        struct em_error err;
        EM_CHECK_STATUS(
            em_csv_from_memory(&csv, "t.csv", faults[i].text, faults[i].len, &err), EM_OK,
            &err);
        enum em_status status = render(csv, &got, &err);
        if (status != EM_ERR_INPUT)
            printf("\n  fault %zu: read as %s\n", i, (char *)got.data);
        CU_ASSERT_EQUAL(status, EM_ERR_INPUT);
        if (status == EM_ERR_INPUT) {
            CU_ASSERT_STRING_EQUAL((char *)got.data, faults[i].rows);
            CU_ASSERT_STRING_EQUAL(err.file, "t.csv");
            if (err.line != faults[i].line)
                printf("\n  fault %zu: line %lu, wanted %lu\n", i, err.line,
                       faults[i].line);
            CU_ASSERT_EQUAL(err.line, faults[i].line);
            EM_CHECK_HAS(err.what, faults[i].what);
        }
        em_csv_free(csv);
        em_buf_free(&got);
    }
}

static void test_field_limit(void)
{
    static const struct {
        const char *character;
        size_t n;
        bool quoted;
        enum em_status status;
    } cases[] = {
        {"a", EM_CSV_FIELD_MAX, false, EM_OK},
        {"a", EM_CSV_FIELD_MAX + 1, false, EM_ERR_INPUT},
        {"a", EM_CSV_FIELD_MAX, true, EM_OK},
        {"a", EM_CSV_FIELD_MAX + 1, true, EM_ERR_INPUT},
        {"\xC3\xA9", EM_CSV_FIELD_MAX, false, EM_OK},
        {"\xC3\xA9", EM_CSV_FIELD_MAX + 1, false, EM_ERR_INPUT},
        {"\xF0\x9F\x98\x80", EM_CSV_FIELD_MAX, true, EM_OK},
        {"\n", EM_CSV_FIELD_MAX, true, EM_OK},
        {"\n", EM_CSV_FIELD_MAX + 1, true, EM_ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_csv *csv = NULL;
        struct em_csv_row row = {0};
        struct em_buf text = {0};
        struct em_error err;
        em_buf_append_text(&text, cases[i].quoted ? "head\nx,\"" : "head\nx,");
        for (size_t n = 0; n < cases[i].n; n++)
            em_buf_append_text(&text, cases[i].character);
        em_buf_append_text(&text, cases[i].quoted ? "\",y\n" : ",y\n");
        EM_CHECK_STATUS(em_csv_from_memory(&csv, "t", text.data, text.len, &err), EM_OK,
                        &err);
        EM_CHECK_STATUS(em_csv_next(csv, &row, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_csv_next(csv, &row, &err), cases[i].status, &err);
        if (cases[i].status == EM_OK) {
            CU_ASSERT_EQUAL(row.n_fields, 3);
            CU_ASSERT_EQUAL(row.fields[1].len, cases[i].n * strlen(cases[i].character));
        } else {
            CU_ASSERT_EQUAL(err.line, 2);
            EM_CHECK_HAS(err.what, "131072");
        }
        em_csv_row_free(&row);
        em_csv_free(csv);
        em_buf_free(&text);
    }
}

/* Let each byte of @p piece be the last one of the first chunk. */
static void cross_border(const char *path, const char *piece, struct em_buf *text)
{
    for (size_t before = 1; before <= strlen(piece) + 1; before++) {
        struct em_csv *file = NULL;
        struct em_csv *memory = NULL;
        struct em_buf got = {0};
        struct em_buf wanted = {0};
        struct em_error err;
        em_buf_clear(text);
        while (text->len < CHUNK - before - 1)
            em_buf_append_byte(text, text->len % 50 == 49 ? '\n' : 'f');
        em_buf_append_byte(text, '\n');
        em_buf_append_text(text, piece);
        em_buf_append_text(text, "\nend,\"\xC3\xA9\"\n");
        write_file(path, text->data, text->len);
        EM_CHECK_STATUS(em_csv_open(&file, path, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_csv_from_memory(&memory, "m", text->data, text->len, &err),
                        EM_OK, &err);
        EM_CHECK_STATUS(render(file, &got, &err), EM_OK, &err);
        EM_CHECK_STATUS(render(memory, &wanted, &err), EM_OK, &err);
        CU_ASSERT_STRING_EQUAL((char *)got.data, (char *)wanted.data);
        CU_ASSERT_EQUAL(em_csv_position(file), text->len);
        em_csv_free(file);
        em_csv_free(memory);
        em_buf_free(&got);
        em_buf_free(&wanted);
    }
}

static void test_chunk_border(void)
{
    static const char *const pieces[] = {
        "\"a\"\"b\",c",  "\"a\r\nb\",c",
        "\"\"\"\"\"\"",  "\xF0\x9F\x98\x80,\xC3\xA9",
        "\"ab\"cd",      "\"\xE2\x82\xAC\"x",
        "a\r\nb",        "a\r\rb",
        "\r\n\r\n \r\n", "\"\r\n\n\r\",\"\"\r\nx",
        ",,,",           "\xC2\xA0",
    };
    char folder[PATH_LEN];
    char path[PATH_LEN];
    struct em_buf text = {0};
    make_folder(folder);
    join_path(path, folder, "t.csv");
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        cross_border(path, pieces[i], &text);
    em_buf_free(&text);
    remove_folder(folder);
}

static void test_put_field(void)
{
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ""},
        {"a b", "a b"},
        {" a'", " a'"},
        {"a,b", "\"a,b\""},
        {"a\"b", "\"a\"\"b\""},
        {"\"", "\"\"\"\""},
        {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},
        {"\xC3\xA9;\t", "\xC3\xA9;\t"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_buf out = {0};
        em_csv_put_field(&out, em_span_of(cases[i].text));
        em_buf_append_byte(&out, '\0');
        CU_ASSERT_STRING_EQUAL((char *)out.data, cases[i].wanted);
        em_buf_free(&out);
    }
}

/* Random fields over several chunks of a file come back as they were put. */
static void test_round_trip(void)
{
    static const char *const parts[] = {"a",        ",",         "\"", "\n",
                                        "\xC3\xA9", " ",         "#",  "\xF0\x9F\x98\x80",
                                        "\"\"",     "0123456789"};
    enum { ROWS = 12000, FIELDS = 3 };
    char folder[PATH_LEN];
    char path[PATH_LEN];
    struct em_buf file = {0};
    struct em_buf plain = {0}; /* the same fields, joined by NULs */
    struct em_csv *csv = NULL;
    struct em_csv_row row = {0};
    struct em_error err;
    uint32_t seed = 20260714;
    size_t at = 0;
    make_folder(folder);
    join_path(path, folder, "t.csv");
    for (size_t i = 0; i < (size_t)ROWS * FIELDS; i++) {
        size_t start = plain.len;
        for (uint32_t n = next_random(&seed) % 10; n > 0; n--)
            em_buf_append_text(&plain, parts[next_random(&seed) % 10]);
        struct em_span field = {plain.data + start, plain.len - start};
        em_csv_put_field(&file, field);
        em_buf_append_text(&file, i % FIELDS < FIELDS - 1 ? "," : "\r\n");
        em_buf_append_byte(&plain, '\0');
    }
    write_file(path, file.data, file.len);
    CU_ASSERT(file.len > 3 * (size_t)CHUNK);
    EM_CHECK_STATUS(em_csv_open(&csv, path, &err), EM_OK, &err);
    for (size_t i = 0; i < ROWS; i++) {
        EM_CHECK_STATUS(em_csv_next(csv, &row, &err), EM_OK, &err);
        CU_ASSERT_EQUAL_FATAL(row.n_fields, FIELDS);
        for (size_t j = 0; j < FIELDS; j++) {
            const char *wanted = (const char *)plain.data + at;
            CU_ASSERT_FATAL(em_span_is(row.fields[j], wanted));
            at += strlen(wanted) + 1;
        }
    }
    EM_CHECK_STATUS(em_csv_next(csv, &row, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(row.n_fields, 0);
    em_csv_row_free(&row);
    em_csv_free(csv);
    em_buf_free(&file);
    em_buf_free(&plain);
    remove_folder(folder);
}

static void test_open(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    struct em_csv *csv = NULL;
    struct em_error err;
    make_folder(folder);
    join_path(path, folder, "none.csv");
    EM_CHECK_STATUS(em_csv_open(&csv, path, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "none.csv");
    CU_ASSERT_PTR_NULL(csv);
    EM_CHECK_STATUS(em_csv_open(&csv, folder, &err), EM_ERR_IO, &err);
    CU_ASSERT_PTR_NULL(csv);
    join_path(path, folder, "fifo.csv");
    require(mkfifo(path, 0600) == 0);
    EM_CHECK_STATUS(em_csv_open(&csv, path, &err), EM_ERR_IO, &err);
    CU_ASSERT_PTR_NULL(csv);
    remove_folder(folder);
}

static void test_unchanged(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    struct em_csv *csv = NULL;
    struct em_error err;
    make_folder(folder);
    join_path(path, folder, "t.csv");
    write_text(path, "a,b\n");
    EM_CHECK_STATUS(em_csv_open(&csv, path, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_csv_unchanged(csv, &err), EM_OK, &err);
    write_text(path, "a,b\nc,d\n");
    EM_CHECK_STATUS(em_csv_unchanged(csv, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "t.csv");
    em_csv_free(csv);
    em_csv_free(NULL);
    remove_folder(folder);
}

static const struct em_test tests[] = {
    {"dialect, from memory", test_dialect},
    {"dialect, from a file", test_dialect_file},
    {"faults and their lines", test_faults},
    {"field limit", test_field_limit},
    {"borders between chunks", test_chunk_border},
    {"put_field", test_put_field},
    {"round trip", test_round_trip},
    {"files that cannot be opened", test_open},
    {"a file that changes", test_unchanged},
};
EM_TEST_MAIN("mfg/csv", tests)
