/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of writing files that appear whole or not at all, on file systems with and
 * without files that have no name. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall(), O_TMPFILE */
#endif
#include "config.h"

#include "base/file_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { NOBODY = 65534, BIG = 300000, FILES = 40 };

/* How names can be given to files. */
static enum {
    LINKS,       /* as the system does */
    PROC_LINKS,  /* kernels before 6.10: to files without a name only through /proc */
    NAMED_LINKS, /* to files without a name not at all */
    NO_LINKS,    /* FAT and some network shares: by renaming only */
    LINK_KINDS,
} link_kind;

/* Stands in front of the C library's. */
int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    bool by_proc = (flags & AT_SYMLINK_FOLLOW) != 0;
    if ((from[0] == '\0' && link_kind >= PROC_LINKS) ||
        (by_proc && link_kind >= NAMED_LINKS)) {
        errno = ENOENT;
        return -1;
    }
    if (link_kind == NO_LINKS) {
        errno = EPERM;
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

static bool file_is(const char *folder, const char *name, const void *data, size_t len)
{
    char path[PATH_LEN];
    size_t got_len;
    join_path(path, folder, name);
    uint8_t *got = read_file(path, &got_len);
    bool same = got != NULL && got_len == len && memcmp(got, data, len) == 0;
    free(got);
    return same;
}

/* Everything in a folder, folders and temporary names too. */
static size_t count_names(const char *path)
{
    size_t n = 0;
    DIR *dir = need(opendir(path));
    while (readdir(dir) != NULL)
        n++;
    require(closedir(dir) == 0);
    return n - 2; /* . and .. */
}

/* Permissions and content of new files, on all kinds of file systems. */
static void puts_files(void)
{
    static const mode_t masks[] = {0, 022, 077, 0177};
    static const mode_t modes[] = {0600, 0644, 0666};
    static const size_t lens[] = {0, 1, 4096, 70000};
    char folder[PATH_LEN];
    uint8_t *data = need(malloc(BIG));
    for (size_t i = 0; i < BIG; i++)
        data[i] = (uint8_t)(i % 251);
    make_folder(folder);
    unsigned n = 0;
    for (link_kind = LINKS; link_kind < LINK_KINDS; link_kind++) {
        struct em_dir *dir = open_folder(folder);
        for (unsigned i = 0; i < 3 * COUNT(masks) * COUNT(modes) * COUNT(lens); i++) {
            static const enum em_put whats[] = {EM_PUT_NEW, EM_PUT_REPLACE,
                                                EM_PUT_STAGED};
            size_t len = lens[i / 3 % COUNT(lens)];
            mode_t mask = masks[i / 12 % COUNT(masks)];
            mode_t mode = modes[i / 48];
            char name[32], path[PATH_LEN];
            struct em_error err = {0};
            struct stat st;
            (void)snprintf(name, sizeof name, "f%u", n++);
            mode_t before = umask(mask);
            EM_CHECK_STATUS(em_dir_put(dir, name, data, len, mode, whats[i % 3], &err),
                            EM_OK, &err);
            (void)umask(before);
            join_path(path, folder, name);
            require(stat(path, &st) == 0);
            CU_ASSERT_EQUAL(st.st_mode & 07777, mode & ~mask);
            CU_ASSERT_EQUAL(st.st_nlink, 1);
            CU_ASSERT_TRUE(file_is(folder, name, data, len));
            require(unlink(path) == 0);
        }
        em_dir_close(dir);
    }
    link_kind = LINKS;
    CU_ASSERT_EQUAL(count_names(folder), 0);
    free(data);
    remove_folder(folder);
}

/* Things of every kind under the names that are asked for. */
static void fill_folder(const char *folder, char *outside)
{
    char path[PATH_LEN];
    make_folder(outside);
    join_path(path, outside, "target");
    write_text(path, "old");
    join_path(path, folder, "link");
    require(symlink(outside, path) == 0);
    join_path(path, folder, "dangling");
    require(symlink("nowhere", path) == 0);
    join_path(path, folder, "file");
    write_text(path, "old");
    join_path(path, folder, "empty");
    write_text(path, "");
    join_path(path, folder, "folder");
    require(mkdir(path, 0700) == 0);
    join_path(path, folder, "fifo");
    require(mkfifo(path, 0600) == 0);
}

static void never_replaces(void)
{
    static const char *const names[] = {"file",   "empty", "link", "dangling",
                                        "folder", "fifo",  "."};
    for (link_kind = LINKS; link_kind < LINK_KINDS; link_kind++) {
        char folder[PATH_LEN], outside[PATH_LEN], text[PATH_LEN + 64];
        make_folder(folder);
        fill_folder(folder, outside);
        struct em_dir *dir = open_folder(folder);
        for (size_t i = 0; i < COUNT(names) * 2; i++) {
            enum em_put what = i % 2 == 0 ? EM_PUT_NEW : EM_PUT_STAGED;
            struct em_error err = {0};
            EM_CHECK_STATUS(em_dir_put(dir, names[i / 2], "new", 3, 0600, what, &err),
                            EM_ERR_EXISTS, &err);
            (void)snprintf(text, sizeof text, "'%s/%s' is already there", folder,
                           names[i / 2]);
            EM_CHECK_HAS(err.what, text);
            EM_CHECK_HAS(err.hint, "move it away");
            CU_ASSERT_TRUE(em_dir_has(dir, names[i / 2]));
        }
        em_dir_close(dir);
        CU_ASSERT_EQUAL(count_names(folder), 6);
        CU_ASSERT_TRUE(file_is(folder, "file", "old", 3));
        CU_ASSERT_TRUE(file_is(folder, "empty", "", 0));
        CU_ASSERT_TRUE(file_is(outside, "target", "old", 3));
        CU_ASSERT_EQUAL(count_names(outside), 1);
        remove_folder(folder);
        remove_folder(outside);
    }
    link_kind = LINKS;
}

/* In one step, and the thing of that name only: not what a link leads to. */
static void replaces(void)
{
    static const char *const names[] = {"file", "empty", "dangling", "fifo", "to-file"};
    char folder[PATH_LEN], outside[PATH_LEN], path[PATH_LEN], target[PATH_LEN];
    struct em_error err = {0};
    struct stat st;
    make_folder(folder);
    fill_folder(folder, outside);
    join_path(target, outside, "target");
    join_path(path, folder, "to-file");
    require(symlink(target, path) == 0);
    struct em_dir *dir = open_folder(folder);
    for (size_t i = 0; i < COUNT(names); i++) {
        EM_CHECK_STATUS(em_dir_put(dir, names[i], "new!", 4, 0600, EM_PUT_REPLACE, &err),
                        EM_OK, &err);
        join_path(path, folder, names[i]);
        require(lstat(path, &st) == 0);
        CU_ASSERT_TRUE(S_ISREG(st.st_mode));
        CU_ASSERT_EQUAL(st.st_mode & 0777, 0600); /* the old one's may have been more */
        CU_ASSERT_TRUE(file_is(folder, names[i], "new!", 4));
    }
    CU_ASSERT_TRUE(file_is(outside, "target", "old", 3));
    EM_CHECK_STATUS(em_dir_put(dir, "folder", "new!", 4, 0600, EM_PUT_REPLACE, &err),
                    EM_ERR_IO, &err);
    EM_CHECK_HAS(err.what, "/folder' (4 bytes)");
    CU_ASSERT_EQUAL(count_names(folder), 7); /* nothing temporary is left */
    em_dir_close(dir);
    remove_folder(folder);
    remove_folder(outside);
}

/* A disk that is full, played by a limit for the size of files. */
static void write_fails(void)
{
    static const enum em_put whats[] = {EM_PUT_NEW, EM_PUT_STAGED, EM_PUT_REPLACE};
    struct rlimit before, limit;
    char folder[PATH_LEN];
    uint8_t *data = need(calloc(1, BIG));
    make_folder(folder);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    require(getrlimit(RLIMIT_FSIZE, &before) == 0);
    limit = before;
    limit.rlim_cur = 100000;
    for (unsigned i = 0; i < LINK_KINDS * COUNT(whats); i++) {
        struct em_error err = {0};
        struct em_dir *dir = open_folder(folder);
        enum em_put what = whats[i % COUNT(whats)];
        link_kind = i / COUNT(whats);
        if (what == EM_PUT_REPLACE) /* also keeps what is there */
            EM_CHECK_STATUS(em_dir_put(dir, "f", "old", 3, 0600, what, &err), EM_OK,
                            &err);
        require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        enum em_status status = em_dir_put(dir, "f", data, BIG, 0600, what, &err);
        require(setrlimit(RLIMIT_FSIZE, &before) == 0);
        EM_CHECK_STATUS(status, EM_ERR_IO, &err);
        EM_CHECK_HAS(err.what, "cannot write '");
        EM_CHECK_HAS(err.what, "/f' (300000 bytes)");
        if (what == EM_PUT_REPLACE) {
            char path[PATH_LEN];
            CU_ASSERT_TRUE(file_is(folder, "f", "old", 3));
            join_path(path, folder, "f");
            require(unlink(path) == 0);
        }
        CU_ASSERT_EQUAL(count_names(folder), 0);
        /* The handle is as good as before. */
        EM_CHECK_STATUS(em_dir_put(dir, "g", "new", 3, 0600, what, &err), EM_OK, &err);
        CU_ASSERT_TRUE(file_is(folder, "g", "new", 3));
        em_dir_close(dir);
        remove_folder(folder);
        require(mkdir(folder, 0700) == 0);
    }
    link_kind = LINKS;
    (void)signal(SIGXFSZ, handler);
    free(data);
    remove_folder(folder);
}

/* Numbers of processes come again, in containers soon: what a killed one left must not be
 * in the way of the next. */
static void leftovers(void)
{
    char folder[PATH_LEN], name[64], path[PATH_LEN];
    struct em_error err = {0};
    make_folder(folder);
    for (unsigned i = 0; i < 8; i++) {
        (void)snprintf(name, sizeof name, ".espmfg-%ld-%u.tmp", (long)getpid(), i);
        join_path(path, folder, name);
        write_text(path, "left");
    }
    for (link_kind = LINKS; link_kind < LINK_KINDS; link_kind++) {
        struct em_dir *dir = open_folder(folder);
        (void)snprintf(name, sizeof name, "new-%u", (unsigned)link_kind);
        EM_CHECK_STATUS(em_dir_put(dir, name, "1", 1, 0600, EM_PUT_NEW, &err), EM_OK,
                        &err);
        EM_CHECK_STATUS(em_dir_put(dir, name, "22", 2, 0600, EM_PUT_REPLACE, &err), EM_OK,
                        &err);
        CU_ASSERT_TRUE(file_is(folder, name, "22", 2));
        em_dir_close(dir);
    }
    link_kind = LINKS;
    CU_ASSERT_EQUAL(count_names(folder), 8 + LINK_KINDS);
    CU_ASSERT_TRUE(file_is(folder, strrchr(path, '/') + 1, "left", 4));
    remove_folder(folder);
}

static void names(void)
{
    static const enum em_put whats[] = {EM_PUT_NEW, EM_PUT_STAGED, EM_PUT_REPLACE};
    char folder[PATH_LEN], longest[NAME_MAX + 1], longer[NAME_MAX + 2];
    memset(longest, 'n', sizeof longest);
    longest[NAME_MAX] = '\0';
    memset(longer, 'n', sizeof longer);
    longer[NAME_MAX + 1] = '\0';
    make_folder(folder);
    for (unsigned i = 0; i < LINK_KINDS * COUNT(whats); i++) {
        struct em_error err = {0};
        char path[PATH_LEN];
        enum em_put what = whats[i % COUNT(whats)];
        link_kind = i / COUNT(whats);
        struct em_dir *dir = open_folder(folder);
        EM_CHECK_STATUS(em_dir_put(dir, longest, "x", 1, 0600, what, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(count_names(folder), 1);
        join_path(path, folder, longest);
        require(unlink(path) == 0);
        EM_CHECK_STATUS(em_dir_put(dir, longer, "x", 1, 0600, what, &err), EM_ERR_IO,
                        &err);
        EM_CHECK_HAS(err.hint, "shorter name");
        EM_CHECK_STATUS(em_dir_put(dir, "", "x", 1, 0600, what, &err), EM_ERR_IO, &err);
        EM_CHECK_STATUS(em_dir_put(dir, "no/x", "x", 1, 0600, what, &err), EM_ERR_IO,
                        &err);
        EM_CHECK_HAS(err.what, "/no/x'");
        CU_ASSERT_EQUAL(count_names(folder), 0);
        em_dir_close(dir);
    }
    link_kind = LINKS;
    remove_folder(folder);
}

/* The folder that was opened counts, whatever it is called by now. */
static void moved_folder(void)
{
    char folder[PATH_LEN], moved[PATH_LEN];
    struct em_error err = {0};
    make_folder(folder);
    (void)snprintf(moved, sizeof moved, "%.400s-moved", folder);
    struct em_dir *dir = open_folder(folder);
    CU_ASSERT_STRING_EQUAL(em_dir_path(dir), folder);
    require(rename(folder, moved) == 0);
    EM_CHECK_STATUS(em_dir_put(dir, "a", "x", 1, 0600, EM_PUT_NEW, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_dir_put(dir, "b", "x", 1, 0600, EM_PUT_REPLACE, &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL(count_names(moved), 2);
    remove_folder(moved);
    for (unsigned i = 0; i < 3; i++) { /* gone: an error, not a file somewhere else */
        EM_CHECK_STATUS(em_dir_put(dir, "c", "x", 1, 0600, (enum em_put)i, &err),
                        EM_ERR_IO, &err);
        EM_CHECK_HAS(err.what, "cannot write '");
    }
    em_dir_close(dir);
    CU_ASSERT_EQUAL(access(folder, F_OK), -1);
}

static void without_permission(void)
{
    char folder[PATH_LEN];
    make_folder(folder);
    require(chmod(folder, 0555) == 0);
    if (geteuid() == 0 && seteuid(NOBODY) != 0) {
        printf("\n  NOT TESTED as root: folders without permission\n");
        remove_folder(folder);
        return;
    }
    struct em_dir *dir = open_folder(folder);
    for (unsigned i = 0; i < 3; i++) {
        struct em_error err = {0};
        EM_CHECK_STATUS(em_dir_put(dir, "c", "x", 1, 0600, (enum em_put)i, &err),
                        EM_ERR_IO, &err);
        EM_CHECK_HAS(err.hint, "permissions");
    }
    em_dir_close(dir);
    if (getuid() == 0)
        require(seteuid(0) == 0);
    CU_ASSERT_EQUAL(count_names(folder), 0);
    remove_folder(folder);
}

struct writer {
    struct em_dir *dir;
    unsigned number;
    size_t done, exists, other;
};

static void *write_many(void *user)
{
    struct writer *w = user;
    for (unsigned i = 0; i < FILES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "own-%u-%u", w->number, i);
        w->other += em_dir_put(w->dir, name, &i, sizeof i, 0600, EM_PUT_NEW, NULL) != 0;
        w->other +=
            em_dir_put(w->dir, "all", &i, sizeof i, 0600, EM_PUT_REPLACE, NULL) != 0;
        (void)snprintf(name, sizeof name, "one-%u", i);
        enum em_status status =
            em_dir_put(w->dir, name, &i, sizeof i, 0600, EM_PUT_NEW, NULL);
        w->done += status == EM_OK;
        w->exists += status == EM_ERR_EXISTS;
        w->other += status != EM_OK && status != EM_ERR_EXISTS;
    }
    return NULL;
}

/* Of several that want one name exactly one gets it. Not without links: there, looking
 * and renaming are two steps. */
static void threads(void)
{
    enum { N = 4 };
    for (link_kind = LINKS; link_kind < NO_LINKS; link_kind++) {
        char folder[PATH_LEN];
        struct writer writers[N];
        pthread_t ids[N];
        size_t done = 0;
        make_folder(folder);
        struct em_dir *dir = open_folder(folder);
        for (unsigned i = 0; i < N; i++) {
            writers[i] = (struct writer){.dir = dir, .number = i};
            require(pthread_create(&ids[i], NULL, write_many, &writers[i]) == 0);
        }
        for (unsigned i = 0; i < N; i++) {
            require(pthread_join(ids[i], NULL) == 0);
            done += writers[i].done;
            CU_ASSERT_EQUAL(writers[i].other, 0);
            CU_ASSERT_EQUAL(writers[i].done + writers[i].exists, FILES);
        }
        CU_ASSERT_EQUAL(done, FILES);
        CU_ASSERT_EQUAL(count_names(folder), FILES * N + FILES + 1);
        em_dir_close(dir);
        remove_folder(folder);
    }
    link_kind = LINKS;
}

static const struct em_test tests[] = {
    {"content and permissions", puts_files},
    {"never replaces", never_replaces},
    {"replaces", replaces},
    {"a write fails", write_fails},
    {"leftovers", leftovers},
    {"names", names},
    {"a folder that moves", moved_folder},
    {"without permission", without_permission},
    {"threads", threads},
};

EM_TEST_MAIN("base/dir", tests)
