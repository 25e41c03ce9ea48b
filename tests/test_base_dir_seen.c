/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what is seen of a folder: what is in it, while it is written to, and after a
 * writer was killed; and of its lock. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall() */
#endif
#include "config.h"

#include "base/file_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { NOBODY = 65534, WHOLE = 100000 };

/* How many ways of giving a name to a file that has none do not work. */
static unsigned lost_ways;

/* Stands in front of the C library's. */
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    bool by_proc = (flags & AT_SYMLINK_FOLLOW) != 0;
    if ((from[0] == '\0' && lost_ways > 0) || (by_proc && lost_ways > 1)) {
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

static struct em_dir *open_folder(const char *path)
{
    struct em_dir *dir = NULL;
    struct em_error err = {0};
    EM_CHECK_STATUS(em_dir_open(&dir, path, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    return dir;
}

static void opens(void)
{
    char folder[PATH_LEN], path[PATH_LEN];
    struct em_error err = {0};
    make_folder(folder);
    struct em_dir *dir = open_folder(folder);
    struct em_dir *const not_null = dir;
    CU_ASSERT_STRING_EQUAL(em_dir_path(dir), folder);
    em_dir_close(dir);
    em_dir_close(NULL);
    static const struct {
        const char *name, *hint;
    } bad[] = {{"none", "check the name"}, {"file", ""}, {"link", "check the name"}};
    join_path(path, folder, "file");
    write_text(path, "x");
    join_path(path, folder, "link");
    require(symlink("none", path) == 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        dir = not_null;
        join_path(path, folder, bad[i].name);
        EM_CHECK_STATUS(em_dir_open(&dir, path, &err), EM_ERR_IO, &err);
        CU_ASSERT_PTR_NULL(dir);
        EM_CHECK_HAS(err.what, "cannot open folder '");
        EM_CHECK_HAS(err.what, path);
        EM_CHECK_HAS(err.hint, bad[i].hint);
    }
    join_path(path, folder, "to-folder");
    require(symlink(".", path) == 0);
    em_dir_close(open_folder(path));
    remove_folder(folder);
}

static void opens_not_without_permission(void)
{
    char folder[PATH_LEN];
    struct em_error err = {0};
    struct em_dir *dir = NULL;
    make_folder(folder);
    require(chmod(folder, 0) == 0);
    if (geteuid() == 0 && seteuid(NOBODY) != 0) {
        printf("\n  NOT TESTED as root: folders without permission\n");
        remove_folder(folder);
        return;
    }
    EM_CHECK_STATUS(em_dir_open(&dir, folder, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.hint, "permissions");
    if (getuid() == 0)
        require(seteuid(0) == 0);
    remove_folder(folder);
}

/* As the permissions are now, not as they were when it was opened. */
static void is_private(void)
{
    static const struct {
        mode_t mode;
        bool private;
    } cases[] = {{0700, true},  {0500, true},  {0750, false}, {0755, false},
                 {0701, false}, {0710, false}, {0702, false}, {01700, true}};
    char folder[PATH_LEN];
    make_folder(folder);
    struct em_dir *dir = open_folder(folder);
    for (size_t i = 0; i < COUNT(cases); i++) {
        require(chmod(folder, cases[i].mode) == 0);
        CU_ASSERT_EQUAL(em_dir_is_private(dir), cases[i].private);
    }
    em_dir_close(dir);
    remove_folder(folder);
}

static void fill_folder(const char *folder)
{
    char path[PATH_LEN];
    join_path(path, folder, "file");
    write_text(path, "content");
    join_path(path, folder, "empty");
    write_text(path, "");
    join_path(path, folder, "folder");
    require(mkdir(path, 0700) == 0);
    join_path(path, folder, "fifo");
    require(mkfifo(path, 0600) == 0);
    join_path(path, folder, "dangling");
    require(symlink("nowhere", path) == 0);
    join_path(path, folder, "link");
    require(symlink("file", path) == 0);
}

static void has(void)
{
    static const struct {
        const char *name;
        bool there;
    } cases[] = {{"file", true}, {"empty", true},    {"folder", true}, {"fifo", true},
                 {"link", true}, {"dangling", true}, {"none", false},  {"fil", false},
                 {"", false},    {"file/x", false},  {"FILE", false},  {"..", true}};
    char folder[PATH_LEN];
    make_folder(folder);
    fill_folder(folder);
    struct em_dir *dir = open_folder(folder);
    for (size_t i = 0; i < COUNT(cases); i++)
        CU_ASSERT_EQUAL(em_dir_has(dir, cases[i].name), cases[i].there);
    em_dir_close(dir);
    remove_folder(folder);
}

static void compares(void)
{
    static const struct {
        const char *name, *data;
        enum em_status status;
        enum em_same same;
    } cases[] = {
        {"file", "content", EM_OK, EM_SAME_EQUAL},
        {"file", "content, more of it", EM_OK, EM_SAME_SHORT},
        {"file", "conten", EM_OK, EM_SAME_DIFFERS}, /* longer than it should be */
        {"file", "Content", EM_OK, EM_SAME_DIFFERS},
        {"file", "contenT", EM_OK, EM_SAME_DIFFERS},
        {"file", "contenT, more", EM_OK, EM_SAME_DIFFERS},
        {"file", "", EM_OK, EM_SAME_DIFFERS},
        {"link", "content", EM_OK, EM_SAME_EQUAL},
        {"empty", "", EM_OK, EM_SAME_EQUAL},
        {"empty", "x", EM_OK, EM_SAME_SHORT},
        {"none", "x", EM_OK, EM_SAME_ABSENT},
        {"none", "", EM_OK, EM_SAME_ABSENT},
        {"folder", "x", EM_ERR_IO, EM_SAME_ABSENT},
        {"fifo", "x", EM_ERR_IO, EM_SAME_ABSENT},
        {"dangling", "x", EM_ERR_IO, EM_SAME_ABSENT},
    };
    char folder[PATH_LEN];
    make_folder(folder);
    fill_folder(folder);
    struct em_dir *dir = open_folder(folder);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_error err = {0};
        enum em_same same = EM_SAME_SHORT;
        size_t len = strlen(cases[i].data);
        EM_CHECK_STATUS(em_dir_compare(&same, dir, cases[i].name,
                                       len == 0 ? NULL : cases[i].data, len, &err),
                        cases[i].status, &err);
        CU_ASSERT_TRUE(cases[i].status != EM_OK || same == cases[i].same);
        if (cases[i].status != EM_OK)
            EM_CHECK_HAS(err.what, cases[i].name);
    }
    em_dir_close(dir);
    remove_folder(folder);
}

/* Large files that differ in one byte, or lost their end. */
static void compares_large(void)
{
    char folder[PATH_LEN];
    uint8_t *data = need(calloc(1, WHOLE));
    struct em_error err = {0};
    make_folder(folder);
    struct em_dir *dir = open_folder(folder);
    for (size_t i = 0; i < 20; i++) {
        static const char *const names[] = {"a", "b"};
        size_t cut = i * 5003 + 1;
        enum em_same same;
        EM_CHECK_STATUS(em_dir_put(dir, "a", data, cut, 0600, EM_PUT_REPLACE, &err),
                        EM_OK, &err);
        EM_CHECK_STATUS(em_dir_put(dir, "b", data, WHOLE, 0600, EM_PUT_REPLACE, &err),
                        EM_OK, &err);
        static const enum em_same wanted[2][2] = {{EM_SAME_SHORT, EM_SAME_EQUAL},
                                                  {EM_SAME_DIFFERS, EM_SAME_DIFFERS}};
        for (size_t j = 0; j < 4; j++) {
            data[cut - 1] ^= (uint8_t)(j / 2);
            EM_CHECK_STATUS(em_dir_compare(&same, dir, names[j % 2], data, WHOLE, &err),
                            EM_OK, &err);
            CU_ASSERT_EQUAL(same, wanted[j / 2][j % 2]);
            data[cut - 1] ^= (uint8_t)(j / 2);
        }
    }
    em_dir_close(dir);
    free(data);
    remove_folder(folder);
}

/* What a killed run left short is written to its end, in its place. */
static void completes(void)
{
    char folder[PATH_LEN], path[PATH_LEN];
    struct em_error err = {0};
    struct stat before, after;
    uint8_t *data = need(malloc(WHOLE));
    for (size_t i = 0; i < WHOLE; i++)
        data[i] = (uint8_t)(i % 253);
    make_folder(folder);
    fill_folder(folder);
    struct em_dir *dir = open_folder(folder);
    join_path(path, folder, "short");
    for (size_t cut = 0; cut <= WHOLE; cut += 20000) {
        enum em_same same;
        write_file(path, data, cut);
        require(chmod(path, 0640) == 0 && stat(path, &before) == 0);
        EM_CHECK_STATUS(
            em_dir_put(dir, "short", data, WHOLE, 0600, EM_PUT_COMPLETE, &err), EM_OK,
            &err);
        EM_CHECK_STATUS(em_dir_compare(&same, dir, "short", data, WHOLE, &err), EM_OK,
                        &err);
        CU_ASSERT_EQUAL(same, EM_SAME_EQUAL);
        require(stat(path, &after) == 0);
        CU_ASSERT_EQUAL(after.st_ino, before.st_ino);
        CU_ASSERT_EQUAL(after.st_mode, before.st_mode);
    }
    static const char *const bad[] = {"none", "link", "dangling", "folder"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        EM_CHECK_STATUS(em_dir_put(dir, bad[i], data, 9, 0600, EM_PUT_COMPLETE, &err),
                        EM_ERR_IO, &err);
        EM_CHECK_HAS(err.what, bad[i]);
    }
    CU_ASSERT_FALSE(em_dir_has(dir, "none"));
    CU_ASSERT_FALSE(em_dir_has(dir, "nowhere"));
    size_t len;
    join_path(path, folder, "file");
    uint8_t *content = need(read_file(path, &len));
    CU_ASSERT_STRING_EQUAL((char *)content, "content"); /* not through the link */
    free(content);
    em_dir_close(dir);
    free(data);
    remove_folder(folder);
}

static void reads(void)
{
    static const struct {
        const char *name;
        size_t max;
        enum em_status status;
        const char *what;
    } cases[] = {
        {"file", 7, EM_OK, ""},
        {"link", 100, EM_OK, ""},
        {"file", 6, EM_ERR_INPUT, "/file' has 7 bytes, limit 6"},
        {"none", 7, EM_ERR_IO, "/none'"},
        {"dangling", 7, EM_ERR_IO, "/dangling'"},
        {"folder", 7, EM_ERR_IO, "/folder' is a folder"},
        {"fifo", 7, EM_ERR_IO, "/fifo' is a pipe"},
    };
    char folder[PATH_LEN];
    make_folder(folder);
    fill_folder(folder);
    struct em_dir *dir = open_folder(folder);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_buf buf = {0};
        struct em_error err = {0};
        em_buf_append_byte(&buf, '#');
        EM_CHECK_STATUS(em_dir_read(&buf, dir, cases[i].name, cases[i].max, &err),
                        cases[i].status, &err);
        bool good = cases[i].status == EM_OK;
        CU_ASSERT_EQUAL_FATAL(buf.len, good ? 8 : 1);
        EM_CHECK_BYTES(buf.data, "#content", buf.len);
        EM_CHECK_HAS(err.what, cases[i].what);
        if (!good)
            EM_CHECK_HAS(err.what, folder);
        em_buf_free(&buf);
    }
    CU_ASSERT_EQUAL(em_dir_sync(dir, NULL), EM_OK);
    em_dir_close(dir);
    remove_folder(folder);
}

/* Try to get the lock from another process; how that ended. */
static enum em_status lock_elsewhere(const char *folder)
{
    int how = 0;
    pid_t child = fork();
    require(child >= 0);
    if (child == 0) {
        struct em_dir *dir = NULL;
        enum em_status status = em_dir_open(&dir, folder, NULL);
        if (status == EM_OK)
            status = em_dir_lock(dir, NULL);
        _exit(-status); /* the folder is not closed: that ends with the process */
    }
    require(waitpid(child, &how, 0) == child && WIFEXITED(how));
    return (enum em_status)(-WEXITSTATUS(how));
}

static void locks(void)
{
    char folder[PATH_LEN];
    struct em_error err = {0};
    make_folder(folder);
    struct em_dir *dir = open_folder(folder);
    struct em_dir *again = open_folder(folder);
    CU_ASSERT_EQUAL(lock_elsewhere(folder), EM_OK);
    CU_ASSERT_EQUAL(lock_elsewhere(folder), EM_OK); /* free after the process ended */
    EM_CHECK_STATUS(em_dir_lock(dir, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_lock(dir, &err), EM_OK, &err); /* has it already */
    CU_ASSERT_EQUAL(lock_elsewhere(folder), EM_ERR_EXISTS);
    EM_CHECK_STATUS(em_dir_lock(again, &err), EM_ERR_EXISTS, &err);
    EM_CHECK_HAS(err.what, "another run is writing to '");
    EM_CHECK_HAS(err.what, folder);
    EM_CHECK_HAS(err.hint, "another folder");
    /* A lock keeps nobody from writing, and leaves nothing in the folder. */
    CU_ASSERT_EQUAL(count_files(folder), 0);
    EM_CHECK_STATUS(em_dir_put(again, "a", "x", 1, 0600, EM_PUT_NEW, &err), EM_OK, &err);
    em_dir_close(dir);
    CU_ASSERT_EQUAL(lock_elsewhere(folder), EM_OK);
    EM_CHECK_STATUS(em_dir_lock(again, &err), EM_OK, &err);
    em_dir_close(again);
    remove_folder(folder);
}

/* WHOLE bytes that are all the same, or a temporary name. */
static bool is_whole(const char *folder, const char *name)
{
    char path[PATH_LEN];
    size_t len;
    if (strncmp(name, ".espmfg-", 8) == 0)
        return true;
    join_path(path, folder, name);
    uint8_t *data = need(read_file(path, &len));
    bool whole = len == WHOLE && memcmp(data, data + 1, WHOLE - 1) == 0;
    free(data);
    return whole;
}

/* Write without an end: new files, and always the same one. Says '.' for each. */
static void write_for_ever(const char *folder, int say)
{
    static uint8_t data[WHOLE];
    struct em_dir *dir = NULL;
    if (em_dir_open(&dir, folder, NULL) != EM_OK)
        _exit(1);
    for (unsigned i = 0;; i++) {
        char name[32];
        memset(data, (int)('a' + i % 26), sizeof data);
        (void)snprintf(name, sizeof name, "f%u", i);
        if (em_dir_put(dir, name, data, WHOLE, 0600, EM_PUT_NEW, NULL) != EM_OK ||
            em_dir_put(dir, "same", data, WHOLE, 0600, EM_PUT_REPLACE, NULL) != EM_OK ||
            write(say, ".", 1) != 1)
            _exit(1);
    }
}

/* While a process writes, and after it was killed at any moment, every file is whole. */
static void always_whole(void)
{
    for (unsigned round = 0; round < 24; round++) {
        char folder[PATH_LEN], said;
        int pipe_fds[2], how = 0;
        size_t broken = 0;
        lost_ways = round % 3;
        make_folder(folder);
        require(pipe(pipe_fds) == 0);
        pid_t child = fork();
        require(child >= 0);
        if (child == 0)
            write_for_ever(folder, pipe_fds[1]);
        require(close(pipe_fds[1]) == 0);
        for (unsigned i = 0; i < 2 + round / 2; i++) {
            require(read(pipe_fds[0], &said, 1) == 1);
            for (unsigned j = 0; j < round % 5; j++)
                broken += !is_whole(folder, "same");
        }
        require(kill(child, SIGKILL) == 0);
        require(waitpid(child, &how, 0) == child);
        CU_ASSERT_TRUE(WIFSIGNALED(how));
        require(close(pipe_fds[0]) == 0);
        DIR *dir = need(opendir(folder));
        struct dirent *entry;
        while ((entry = readdir(dir)) != NULL) {
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                broken += !is_whole(folder, entry->d_name);
        }
        require(closedir(dir) == 0);
        CU_ASSERT_EQUAL(broken, 0);
        remove_folder(folder);
    }
    lost_ways = 0;
}

static const struct em_test tests[] = {
    {"open", opens},         {"open: without permission", opens_not_without_permission},
    {"private", is_private}, {"has", has},
    {"compare", compares},   {"compare: large files", compares_large},
    {"complete", completes}, {"read", reads},
    {"lock", locks},         {"always whole", always_whole},
};

EM_TEST_MAIN("base/dir: what is seen", tests)
