/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the cache of files that values name: content, limits, many readers. */
#include "config.h"

#include "mfg/files_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <pthread.h>

static enum em_status get(struct em_files *files, const char *path, struct em_span *out,
                          struct em_buf *scratch, struct em_error *err)
{
    return em_files_get(files, em_span_of(path), out, scratch, err);
}

static void test_content(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {{"", 0}, {"a", 1}, {"a\0b\xFF\n", 5}, {"\n", 1}};
    char folder[PATH_LEN];
    char path[PATH_LEN];
    struct em_files *files = NULL;
    struct em_buf scratch = {0};
    struct em_error err;
    make_folder(folder);
    EM_CHECK_STATUS(em_files_new(&files, &err), EM_OK, &err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "f%zu", i);
        join_path(path, folder, name);
        write_file(path, cases[i].bytes, cases[i].len);
        for (int round = 0; round < 2; round++) {
            struct em_span out = {NULL, 99};
            EM_CHECK_STATUS(get(files, path, &out, &scratch, &err), EM_OK, &err);
            CU_ASSERT_EQUAL_FATAL(out.len, cases[i].len);
            CU_ASSERT_PTR_NOT_NULL_FATAL(out.p);
            EM_CHECK_BYTES(out.p, cases[i].bytes, cases[i].len);
        }
    }
    em_files_free(files);
    em_buf_free(&scratch);
    remove_folder(folder);
}

/* A file that is kept stays where it is while others are read, and is read once. */
static void test_kept(void)
{
    char folder[PATH_LEN];
    char one[PATH_LEN];
    char two[PATH_LEN];
    struct em_files *files = NULL;
    struct em_buf scratch = {0};
    struct em_span first;
    struct em_span other;
    struct em_error err;
    make_folder(folder);
    join_path(one, folder, "one");
    join_path(two, folder, "two");
    write_text(one, "content");
    write_text(two, "something else");
    EM_CHECK_STATUS(em_files_new(&files, &err), EM_OK, &err);
    EM_CHECK_STATUS(get(files, one, &first, &scratch, &err), EM_OK, &err);
    EM_CHECK_STATUS(get(files, two, &other, &scratch, &err), EM_OK, &err);
    EM_CHECK_BYTES(first.p, "content", 7);
    EM_CHECK_BYTES(other.p, "something else", 14);
    write_text(one, "changed");
    struct em_span again;
    EM_CHECK_STATUS(get(files, one, &again, &scratch, &err), EM_OK, &err);
    CU_ASSERT_PTR_EQUAL(again.p, first.p);
    EM_CHECK_BYTES(again.p, "content", 7);
    em_files_free(files);
    em_buf_free(&scratch);
    remove_folder(folder);
}

static void test_faults(void)
{
    static const struct {
        const char *path;
        size_t len;
        enum em_status status;
        const char *what;
    } cases[] = {
        {"", 0, EM_ERR_INPUT, "empty"},
        {"/nonexistent/file", 17, EM_ERR_IO, "/nonexistent/file"},
        {"/tmp", 4, EM_ERR_IO, "folder"},
        {"/dev/null", 9, EM_ERR_IO, "device"},
        {"~/no such file", 14, EM_ERR_IO, "~/no such file"},
        {"/dev/null\0x", 11, EM_ERR_INPUT, "NUL"},
    };
    struct em_files *files = NULL;
    struct em_buf scratch = {0};
    struct em_error err;
    EM_CHECK_STATUS(em_files_new(&files, &err), EM_OK, &err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_span out;
        struct em_span path = {(const uint8_t *)cases[i].path, cases[i].len};
        EM_CHECK_STATUS(em_files_get(files, path, &out, &scratch, &err), cases[i].status,
                        &err);
        EM_CHECK_HAS(err.what, cases[i].what);
    }
    em_files_free(files);
    em_files_free(NULL);
    em_buf_free(&scratch);
}

static void test_limit(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    struct em_files *files = NULL;
    struct em_buf scratch = {0};
    struct em_span out;
    struct em_error err;
    uint8_t *data = need(calloc(1, EM_FILES_MAX + 1));
    make_folder(folder);
    join_path(path, folder, "big");
    EM_CHECK_STATUS(em_files_new(&files, &err), EM_OK, &err);
    data[EM_FILES_MAX - 1] = 7;
    write_file(path, data, EM_FILES_MAX + 1);
    EM_CHECK_STATUS(get(files, path, &out, &scratch, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "2097152");
    write_file(path, data, EM_FILES_MAX);
    EM_CHECK_STATUS(get(files, path, &out, &scratch, &err), EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(out.len, EM_FILES_MAX);
    CU_ASSERT_EQUAL(out.p[EM_FILES_MAX - 1], 7);
    em_files_free(files);
    em_buf_free(&scratch);
    free(data);
    remove_folder(folder);
}

enum { FILES = 1500, THREADS = 4 }; /* more files than are kept */

struct reader {
    struct em_files *files;
    const char *folder;
    uint32_t seed;
    size_t wrong;
};

/* Asserts are left to the main thread: CUnit is not made for several. */
static void *read_many(void *arg)
{
    struct reader *r = arg;
    struct em_buf scratch = {0};
    struct em_error err;
    for (size_t i = 0; i < (size_t)2 * FILES; i++) {
        char name[24];
        char path[PATH_LEN];
        struct em_span out;
        (void)snprintf(name, sizeof name, "%u",
                       (unsigned)(next_random(&r->seed) % FILES));
        join_path(path, r->folder, name);
        r->wrong +=
            get(r->files, path, &out, &scratch, &err) != EM_OK || !em_span_is(out, name);
    }
    em_buf_free(&scratch);
    return NULL;
}

static void test_threads(void)
{
    char folder[PATH_LEN];
    struct em_files *files = NULL;
    struct em_error err;
    struct reader readers[THREADS];
    pthread_t threads[THREADS];
    make_folder(folder);
    for (unsigned i = 0; i < FILES; i++) {
        char name[24];
        char path[PATH_LEN];
        (void)snprintf(name, sizeof name, "%u", i);
        join_path(path, folder, name);
        write_text(path, name);
    }
    EM_CHECK_STATUS(em_files_new(&files, &err), EM_OK, &err);
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){files, folder, i + 1, 0};
        require(pthread_create(&threads[i], NULL, read_many, &readers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        require(pthread_join(threads[i], NULL) == 0);
        CU_ASSERT_EQUAL(readers[i].wrong, 0);
    }
    em_files_free(files);
    remove_folder(folder);
}

static const struct em_test tests[] = {
    {"content", test_content}, {"kept files", test_kept},      {"faults", test_faults},
    {"limit", test_limit},     {"many readers", test_threads},
};
EM_TEST_MAIN("mfg/files", tests)
