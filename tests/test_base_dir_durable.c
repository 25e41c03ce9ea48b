/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of base/dir_durable.c: files that outlast a power cut, and files that go. */
#include "base/file_int.h"

#include "tests/test_mfg_util.h"

#include <errno.h>
#include <sys/wait.h>

static void put_and_settle(void)
{
    char folder[PATH_LEN];
    struct em_dir *dir;
    struct em_error err;
    struct em_buf got = {0};
    make_folder(folder);
    EM_CHECK_STATUS(em_dir_open(&dir, folder, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_put(dir, "a", "one", 3, 0600, EM_PUT_DURABLE, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_dir_put(dir, "a", "two", 3, 0600, EM_PUT_DURABLE, &err),
                    EM_ERR_EXISTS, &err);
    EM_CHECK_STATUS(em_dir_read(&got, dir, "a", 10, &err), EM_OK, &err);
    CU_ASSERT_TRUE(got.len == 3 && memcmp(got.data, "one", 3) == 0);
    EM_CHECK_STATUS(em_dir_settle(dir, "a", &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_settle(dir, "b", &err), EM_ERR_IO, &err);
    CU_ASSERT_EQUAL(count_files(folder), 1);
    em_buf_free(&got);
    em_dir_close(dir);
    remove_folder(folder);
}

/* A second name shows what became of the content. */
static void erase(void)
{
    static const size_t lens[] = {0, 1, 32, 4096, 10000};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        char folder[PATH_LEN];
        char a[PATH_LEN];
        char b[PATH_LEN];
        struct em_dir *dir;
        struct em_error err;
        uint8_t secret[10000];
        size_t len;
        size_t left = 0;
        memset(secret, 0x5A, sizeof secret);
        make_folder(folder);
        join_path(a, folder, "a");
        join_path(b, folder, "b");
        write_file(a, secret, lens[i]);
        require(link(a, b) == 0);
        EM_CHECK_STATUS(em_dir_open(&dir, folder, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_dir_erase(dir, "a", &err), EM_OK, &err);
        EM_CHECK_STATUS(em_dir_erase(dir, "a", &err), EM_OK, &err);
        CU_ASSERT_FALSE(is_there(folder, "a"));
        uint8_t *now = need(read_file(b, &len));
        for (size_t k = 0; k < len; k++)
            left += now[k] != 0;
        CU_ASSERT_EQUAL(len, lens[i]);
        CU_ASSERT_EQUAL(left, 0);
        free(now);
        em_dir_close(dir);
        remove_folder(folder);
    }
}

/* A link is not followed, a folder is no file. */
static void erase_refuses(void)
{
    char folder[PATH_LEN];
    char a[PATH_LEN];
    char b[PATH_LEN];
    struct em_dir *dir;
    struct em_error err;
    size_t len;
    make_folder(folder);
    join_path(a, folder, "a");
    join_path(b, folder, "b");
    write_text(a, "text");
    require(symlink(a, b) == 0);
    EM_CHECK_STATUS(em_dir_open(&dir, folder, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_erase(dir, "b", &err), EM_ERR_IO, &err);
    uint8_t *now = need(read_file(a, &len));
    CU_ASSERT_TRUE(len == 4 && memcmp(now, "text", 4) == 0);
    free(now);
    require(unlink(b) == 0 && mkdir(b, 0700) == 0);
    EM_CHECK_STATUS(em_dir_erase(dir, "b", &err), EM_ERR_IO, &err);
    em_dir_close(dir);
    remove_folder(folder);
}

static void drop_empty(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    struct em_dir *dir;
    struct em_error err;
    make_folder(folder);
    join_path(path, folder, "empty");
    write_text(path, "");
    join_path(path, folder, "full");
    write_text(path, "x");
    EM_CHECK_STATUS(em_dir_open(&dir, folder, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_drop_empty(dir, "empty", &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_drop_empty(dir, "full", &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_drop_empty(dir, "none", &err), EM_OK, &err);
    CU_ASSERT_FALSE(is_there(folder, "empty"));
    CU_ASSERT_TRUE(is_there(folder, "full"));
    em_dir_close(dir);
    remove_folder(folder);
}

/* Only names that are exactly those of temporary files, of programs that run no more. */
static void sweep(void)
{
    char folder[PATH_LEN];
    char path[PATH_LEN];
    char names[6][64];
    struct em_dir *dir;
    struct em_error err;
    size_t left;
    pid_t dead = fork();
    require(dead >= 0);
    if (dead == 0)
        _exit(0);
    require(waitpid(dead, NULL, 0) == dead);
    make_folder(folder);
    (void)snprintf(names[0], 64, ".espmfg-%ld-3.tmp", (long)dead);
    (void)snprintf(names[1], 64, ".espmfg-%ld-3.tmp", (long)getpid());
    (void)snprintf(names[2], 64, ".espmfg-%ld-3.tmpx", (long)dead);
    (void)snprintf(names[3], 64, ".espmfg-0%ld-3.tmp", (long)dead);
    (void)snprintf(names[4], 64, "x.espmfg-%ld-3.tmp", (long)dead);
    (void)snprintf(names[5], 64, ".espmfg--1-3.tmp"); /* no process has it */
    for (int i = 0; i < 6; i++) {
        join_path(path, folder, names[i]);
        write_text(path, i == 1 ? "secret" : "other");
    }
    EM_CHECK_STATUS(em_dir_open(&dir, folder, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_sweep(dir, NULL, 0, &left, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(left, 1);
    CU_ASSERT_FALSE(is_there(folder, names[0]));
    CU_ASSERT_EQUAL(count_files(folder), 5);
    EM_CHECK_STATUS(em_dir_sweep(dir, "secrex", 6, &left, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(left, 1);
    EM_CHECK_STATUS(em_dir_sweep(dir, "secret", 6, &left, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(left, 0);
    CU_ASSERT_FALSE(is_there(folder, names[1]));
    CU_ASSERT_EQUAL(count_files(folder), 4);
    em_dir_close(dir);
    remove_folder(folder);
}

int main(void)
{
    static const struct em_test tests[] = {
        {"durable files", put_and_settle},
        {"content goes before the name", erase},
        {"only files are erased", erase_refuses},
        {"only empty files are dropped", drop_empty},
        {"temporary files are swept", sweep},
    };
    return em_test_main("base/dir_durable", tests, sizeof tests / sizeof tests[0]);
}
