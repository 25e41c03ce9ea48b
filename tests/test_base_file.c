/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reading regular files and of making folders. */
#include "config.h"

#include "base/file_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { NOBODY = 65534, LIMIT = 100000 };

/* Root may read everything: go on as somebody else. false, and said loudly, when that
 * cannot be done. */
static bool drop_root(const char *untested)
{
    if (geteuid() != 0)
        return true;
    if (seteuid(NOBODY) == 0)
        return true;
    printf("\n  NOT TESTED as root: %s\n", untested);
    return false;
}

static void take_root(void)
{
    if (getuid() == 0)
        require(seteuid(0) == 0);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    require(lstat(path, &st) == 0);
    return st.st_mode & 07777;
}

/* Reading must fail, say so, and leave what is in the buffer. */
static void check_refused(const char *path, size_t max, enum em_status wanted,
                          const char *what, const char *hint)
{
    struct em_buf buf = {0};
    struct em_error err = {0};
    em_buf_append_text(&buf, "before");
    EM_CHECK_STATUS(em_file_read(&buf, path, max, &err), wanted, &err);
    EM_CHECK_HAS(err.what, path);
    EM_CHECK_HAS(err.what, what);
    EM_CHECK_HAS(err.hint, hint);
    CU_ASSERT_EQUAL(buf.len, 6);
    EM_CHECK_BYTES(buf.data, "before", 6);
    em_buf_wipe(&buf);
}

static void reads(void)
{
    static const size_t lens[] = {0, 1, 255, 256, 257, 4096, 70000, LIMIT};
    char dir[PATH_LEN], path[PATH_LEN];
    make_folder(dir);
    join_path(path, dir, "file");
    uint8_t *data = need(malloc(LIMIT));
    for (size_t i = 0; i < LIMIT; i++)
        data[i] = (uint8_t)(i % 251);
    for (size_t i = 0; i < COUNT(lens); i++) {
        struct em_buf buf = {0};
        struct em_error err = {0};
        em_buf_append_text(&buf, "before");
        write_file(path, data, lens[i]);
        EM_CHECK_STATUS(em_file_read(&buf, path, LIMIT, &err), EM_OK, &err);
        CU_ASSERT_EQUAL_FATAL(buf.len, 6 + lens[i]);
        EM_CHECK_BYTES(buf.data, "before", 6);
        EM_CHECK_BYTES(buf.data + 6, data, lens[i]);
        em_buf_free(&buf);
    }
    free(data);
    remove_folder(dir);
}

/* The limit is the last length that is taken; unlimited is SIZE_MAX. */
static void limits(void)
{
    static const size_t lens[] = {1, 2, 300, 5000};
    char dir[PATH_LEN], path[PATH_LEN], what[64];
    uint8_t data[5000] = {0};
    make_folder(dir);
    join_path(path, dir, "file");
    for (size_t i = 0; i < COUNT(lens); i++) {
        struct em_buf buf = {0};
        struct em_error err = {0};
        write_file(path, data, lens[i]);
        EM_CHECK_STATUS(em_file_read(&buf, path, lens[i], &err), EM_OK, &err);
        EM_CHECK_STATUS(em_file_read(&buf, path, SIZE_MAX, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(buf.len, 2 * lens[i]);
        (void)snprintf(what, sizeof what, "has %zu bytes, limit %zu", lens[i],
                       lens[i] - 1);
        check_refused(path, lens[i] - 1, EM_ERR_INPUT, what, "");
        em_buf_free(&buf);
    }
    remove_folder(dir);
}

/* Files of /proc say that they have 0 bytes. */
static void reads_files_without_size(void)
{
    static const char path[] = "/proc/self/status";
    struct em_buf buf = {0};
    struct em_error err = {0};
    if (access(path, R_OK) != 0) {
        printf("\n  NOT TESTED: there is no '%s' here\n", path);
        return;
    }
    EM_CHECK_STATUS(em_file_read(&buf, path, LIMIT, &err), EM_OK, &err);
    CU_ASSERT_TRUE(buf.len > 100);
    check_refused(path, 10, EM_ERR_INPUT, "is longer than 10 bytes", "");
    em_buf_free(&buf);
}

static bool make_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path) {
        printf("\n  NOT TESTED: a socket, '%s' is too long for one\n", path);
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    require(fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    require(close(fd) == 0);
    return true;
}

/* None of these may hang or be read. */
static void refuses_other_kinds(void)
{
    char dir[PATH_LEN], path[PATH_LEN];
    make_folder(dir);
    check_refused(dir, LIMIT, EM_ERR_IO, "is a folder, not a regular file",
                  "name a file");
    join_path(path, dir, "fifo");
    require(mkfifo(path, 0600) == 0);
    check_refused(path, LIMIT, EM_ERR_IO, "is a pipe (FIFO), not", "name a file");
    check_refused("/dev/null", LIMIT, EM_ERR_IO, "is a device or socket", "name a file");
    check_refused("/dev/zero", LIMIT, EM_ERR_IO, "is a device or socket", "name a file");
    join_path(path, dir, "socket");
    if (make_socket(path))
        check_refused(path, LIMIT, EM_ERR_IO, "cannot open", "");
    remove_folder(dir);
}

static void refuses_what_is_not_there(void)
{
    char dir[PATH_LEN], path[PATH_LEN], name[NAME_MAX + 2];
    make_folder(dir);
    join_path(path, dir, "none");
    check_refused(path, LIMIT, EM_ERR_IO, "cannot open '", "check the name");
    check_refused("", LIMIT, EM_ERR_IO, "cannot open ''", "check the name");
    join_path(path, dir, "file");
    write_text(path, "x");
    join_path(path, dir, "file/below");
    check_refused(path, LIMIT, EM_ERR_IO, "cannot open '", "");
    join_path(path, dir, "file/");
    check_refused(path, LIMIT, EM_ERR_IO, "cannot open '", "");
    memset(name, 'n', sizeof name);
    name[NAME_MAX + 1] = '\0';
    join_path(path, dir, name);
    check_refused(path, LIMIT, EM_ERR_IO, "cannot open '", "shorter name");
    name[NAME_MAX] = '\0'; /* this one is a name */
    join_path(path, dir, name);
    write_text(path, "x");
    struct em_buf buf = {0};
    struct em_error err = {0};
    EM_CHECK_STATUS(em_file_read(&buf, path, LIMIT, &err), EM_OK, &err);
    em_buf_free(&buf);
    remove_folder(dir);
}

static void unreadable(void)
{
    char dir[PATH_LEN], path[PATH_LEN];
    make_folder(dir);
    require(chmod(dir, 0755) == 0);
    join_path(path, dir, "file");
    write_text(path, "secret");
    require(chmod(path, 0) == 0);
    if (drop_root("files without permission")) {
        check_refused(path, LIMIT, EM_ERR_IO, "cannot open '", "permissions");
        take_root();
    }
    remove_folder(dir);
}

static void symlinks(void)
{
    char dir[PATH_LEN], path[PATH_LEN], target[PATH_LEN];
    struct em_buf buf = {0};
    struct em_error err = {0};
    make_folder(dir);
    join_path(target, dir, "target");
    join_path(path, dir, "link");
    require(symlink("target", path) == 0);
    check_refused(path, LIMIT, EM_ERR_IO, "cannot open '",
                  "check the name"); /* dangles */
    write_text(target, "text");
    EM_CHECK_STATUS(em_file_read(&buf, path, LIMIT, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(buf.len, 4);
    em_buf_free(&buf);
    join_path(path, dir, "loop");
    require(symlink("loop", path) == 0);
    check_refused(path, LIMIT, EM_ERR_IO, "cannot open '", "");
    join_path(path, dir, "to-folder");
    require(symlink(".", path) == 0);
    check_refused(path, LIMIT, EM_ERR_IO, "is a folder", "");
    remove_folder(dir);
}

/* The descriptor reads, waits as any other, and does not go over to other programs. */
static void opens(void)
{
    char dir[PATH_LEN], path[PATH_LEN], text[8];
    struct em_error err = {0};
    struct stat st;
    int fd = 77;
    make_folder(dir);
    join_path(path, dir, "file");
    EM_CHECK_STATUS(em_file_open(&fd, path, &st, &err), EM_ERR_IO, &err);
    CU_ASSERT_EQUAL(fd, -1);
    fd = 77;
    EM_CHECK_STATUS(em_file_open(&fd, dir, NULL, &err), EM_ERR_IO, &err);
    CU_ASSERT_EQUAL(fd, -1);
    write_text(path, "12345");
    EM_CHECK_STATUS(em_file_open(&fd, path, &st, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(st.st_size, 5);
    CU_ASSERT_EQUAL(read(fd, text, sizeof text), 5);
    CU_ASSERT_TRUE((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    require(close(fd) == 0);
    remove_folder(dir);
}

/* No descriptor stays open, whatever came of it. */
static void closes(void)
{
    char dir[PATH_LEN], path[PATH_LEN];
    make_folder(dir);
    join_path(path, dir, "file");
    write_text(path, "12345");
    int before = dup(0);
    require(before >= 0 && close(before) == 0);
    for (unsigned i = 0; i < 3; i++) {
        struct em_buf buf = {0};
        struct em_error err = {0};
        EM_CHECK_STATUS(em_file_read(&buf, path, LIMIT, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_file_read(&buf, path, 2, &err), EM_ERR_INPUT, &err);
        EM_CHECK_STATUS(em_file_read(&buf, dir, 2, &err), EM_ERR_IO, &err);
        em_buf_free(&buf);
    }
    int after = dup(0);
    require(after >= 0 && close(after) == 0);
    CU_ASSERT_EQUAL(after, before); /* the lowest free number */
    remove_folder(dir);
}

/* Under every umask the last folder is as private as asked for; those above it are
 * ordinary. Modes are wanted of a/, a/b/ and a/b/c/. */
static void makes_folders(void)
{
    static const struct {
        const char *path;
        mode_t mask, mode, wanted[3];
    } cases[] = {
        {"a/b/c", 0, 0700, {0777, 0777, 0700}},
        {"a/b/c", 022, 0777, {0755, 0755, 0755}},
        {"a/b/c", 022, 0700, {0755, 0755, 0700}},
        {"a/b/c", 077, 0777, {0700, 0700, 0700}},
        {"a/b/c/", 0, 0700, {0777, 0777, 0700}},
        {"a/b/c//", 0, 0700, {0777, 0777, 0700}},
        {"a/b/c////", 0, 0700, {0777, 0777, 0700}},
        {"a//b/c", 0, 0700, {0777, 0777, 0700}},
        {"a///b//c", 0, 0700, {0777, 0777, 0700}},
        {"./a/./b/../b/c", 0, 0700, {0777, 0777, 0700}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        static const char *const names[] = {"a", "a/b", "a/b/c"};
        char dir[PATH_LEN], path[PATH_LEN];
        struct em_error err = {0};
        make_folder(dir);
        join_path(path, dir, cases[i].path);
        mode_t before = umask(cases[i].mask);
        EM_CHECK_STATUS(em_file_mkdirs(path, cases[i].mode, &err), EM_OK, &err);
        for (size_t j = 0; j < COUNT(names); j++) {
            char name[PATH_LEN];
            join_path(name, dir, names[j]);
            if (is_there(dir, names[j]))
                CU_ASSERT_EQUAL(mode_of(name), cases[i].wanted[j]);
        }
        /* Again, with another mode: what is there stays as it is. */
        EM_CHECK_STATUS(em_file_mkdirs(path, 0755, &err), EM_OK, &err);
        join_path(path, dir, "a/b/c");
        CU_ASSERT_TRUE(is_there(dir, "a/b/c"));
        if (is_there(dir, "a/b/c"))
            CU_ASSERT_EQUAL(mode_of(path), cases[i].wanted[2]);
        (void)umask(before);
        remove_folder(dir);
    }
}

static void relative_folders(void)
{
    static const char *const paths[] = {"x", "x/", "y/z", "./w", "v//u"};
    char dir[PATH_LEN];
    struct em_error err = {0};
    make_folder(dir);
    int back = open(".", O_RDONLY | O_DIRECTORY);
    require(back >= 0 && chdir(dir) == 0);
    for (size_t i = 0; i < COUNT(paths); i++) {
        EM_CHECK_STATUS(em_file_mkdirs(paths[i], 0700, &err), EM_OK, &err);
        CU_ASSERT_TRUE(is_there(dir, paths[i]));
    }
    EM_CHECK_STATUS(em_file_mkdirs(".", 0700, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_file_mkdirs("/", 0700, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_file_mkdirs("//", 0700, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_file_mkdirs("", 0700, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "''");
    require(fchdir(back) == 0 && close(back) == 0);
    remove_folder(dir);
}

static void no_folders(void)
{
    char dir[PATH_LEN], path[PATH_LEN], name[NAME_MAX + 2];
    struct em_error err = {0};
    make_folder(dir);
    require(chmod(dir, 0755) == 0);
    join_path(path, dir, "file");
    write_text(path, "x");
    EM_CHECK_STATUS(em_file_mkdirs(path, 0700, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "is there already and is no folder");
    EM_CHECK_HAS(err.hint, "another folder");
    join_path(path, dir, "file/below/that");
    EM_CHECK_STATUS(em_file_mkdirs(path, 0700, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "file' is there already and is no folder");
    memset(name, 'n', sizeof name);
    name[NAME_MAX + 1] = '\0';
    join_path(path, dir, name);
    EM_CHECK_STATUS(em_file_mkdirs(path, 0700, &err), EM_ERR_IO, &err);
    EM_CHECK_HAS(err.hint, "shorter name");
    name[NAME_MAX] = '\0';
    join_path(path, dir, name);
    EM_CHECK_STATUS(em_file_mkdirs(path, 0700, &err), EM_OK, &err);
    if (drop_root("folders without permission")) {
        join_path(path, dir, "closed/x");
        take_root();
        require(chmod(dir, 0555) == 0);
        (void)drop_root("");
        EM_CHECK_STATUS(em_file_mkdirs(path, 0700, &err), EM_ERR_IO, &err);
        take_root();
        EM_CHECK_HAS(err.what, "cannot make the folder '");
        EM_CHECK_HAS(err.what, "/closed'"); /* the one that fails, not the last */
        EM_CHECK_HAS(err.hint, "permissions");
        require(chmod(dir, 0755) == 0);
    }
    remove_folder(dir);
}

/* A link to a folder is a folder; one to nowhere cannot become one. */
static void folders_and_symlinks(void)
{
    char dir[PATH_LEN], path[PATH_LEN];
    struct em_error err = {0};
    make_folder(dir);
    join_path(path, dir, "real");
    require(mkdir(path, 0700) == 0);
    join_path(path, dir, "link");
    require(symlink("real", path) == 0);
    EM_CHECK_STATUS(em_file_mkdirs(path, 0700, &err), EM_OK, &err);
    join_path(path, dir, "link/x");
    EM_CHECK_STATUS(em_file_mkdirs(path, 0700, &err), EM_OK, &err);
    CU_ASSERT_TRUE(is_there(dir, "real/x"));
    join_path(path, dir, "dangling");
    require(symlink("nowhere", path) == 0);
    EM_CHECK_STATUS(em_file_mkdirs(path, 0700, &err), EM_ERR_EXISTS, &err);
    EM_CHECK_HAS(err.what, "dangling");
    CU_ASSERT_FALSE(is_there(dir, "nowhere"));
    remove_folder(dir);
}

static const struct em_test tests[] = {
    {"read", reads},
    {"read: limits", limits},
    {"read: files without size", reads_files_without_size},
    {"read: other kinds of files", refuses_other_kinds},
    {"read: what is not there", refuses_what_is_not_there},
    {"read: without permission", unreadable},
    {"read: symbolic links", symlinks},
    {"open", opens},
    {"nothing stays open", closes},
    {"folders", makes_folders},
    {"folders: relative", relative_folders},
    {"folders: faults", no_folders},
    {"folders: symbolic links", folders_and_symlinks},
};

EM_TEST_MAIN("base/file", tests)
