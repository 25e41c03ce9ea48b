/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of files written piece by piece: what is there before, meanwhile and after. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall(), flock() */
#endif
#include "config.h"

#include "base/file_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { KINDS = 4 };

static bool no_links; /* as FAT and some network shares */

/* These two stand in front of the C library's. */
int link(const char *from, const char *to)
{
    if (no_links) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void (*before_lock)(void *); /* what another process does in just that moment */
static void *before_lock_user;

int flock(int fd, int operation)
{
    void (*hook)(void *) = before_lock;
    before_lock = NULL;
    if (hook != NULL)
        hook(before_lock_user);
    return (int)syscall(SYS_flock, fd, operation);
}

/* A folder with the paths of a file in it and of its partial file. */
struct place {
    char folder[PATH_LEN], path[PATH_LEN], partial[PATH_LEN];
};

static void begin(struct place *p)
{
    make_folder(p->folder);
    join_path(p->path, p->folder, "out.csv");
    join_path(p->partial, p->folder, "out.csv.partial");
}

static void end(const struct place *p)
{
    remove_folder(p->folder);
}

static bool file_is(const char *path, const void *data, size_t len)
{
    size_t got_len;
    uint8_t *got = read_file(path, &got_len);
    bool same = got != NULL && got_len == len && memcmp(got, data, len) == 0;
    free(got);
    return same;
}

static struct em_stream *open_stream(const char *path, bool resume)
{
    struct em_error err = {0};
    struct em_stream *stream = NULL;
    EM_CHECK_STATUS(em_stream_open(&stream, path, resume, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    return stream;
}

/* Write @p text in one go and finish; the status of finishing. */
static enum em_status write_all(const char *path, bool resume, const char *text,
                                struct em_error *err)
{
    struct em_stream *stream = open_stream(path, resume);
    em_stream_write(stream, text, strlen(text));
    enum em_status status = em_stream_finish(stream, err);
    em_stream_close(stream);
    return status;
}

static void check_refused(const char *path, bool resume, enum em_status wanted,
                          const char *what, const char *hint)
{
    struct em_error err = {0};
    struct em_stream *stream = (struct em_stream *)&err; /* not NULL */
    EM_CHECK_STATUS(em_stream_open(&stream, path, resume, &err), wanted, &err);
    CU_ASSERT_PTR_NULL(stream);
    EM_CHECK_HAS(err.what, path);
    EM_CHECK_HAS(err.what, what);
    EM_CHECK_HAS(err.hint, hint);
}

/* Pieces of all sizes; the file has no name but a partial one until it is finished, and
 * the permissions that the umask allows. */
static void writes(void)
{
    static const mode_t masks[] = {0, 022, 027, 077};
    static const size_t pieces[] = {0, 1, 4095, 4096, 4097, 100000};
    for (size_t i = 0; i < COUNT(pieces) * 4; i++) {
        struct place p;
        struct em_error err = {0};
        size_t len = pieces[i / 4], total = 5 * len;
        uint8_t *data = need(malloc(total + 1));
        for (size_t j = 0; j < total; j++)
            data[j] = (uint8_t)(j % 251);
        begin(&p);
        no_links = i % 2 == 1;
        mode_t before = umask(masks[i % COUNT(masks)]);
        struct em_stream *stream = open_stream(p.path, i % 4 >= 2);
        (void)umask(before);
        for (size_t j = 0; j < 5; j++) {
            em_stream_write(stream, len == 0 ? NULL : data + j * len, len);
            CU_ASSERT_FALSE(is_there(p.folder, "out.csv"));
            CU_ASSERT_TRUE(is_there(p.folder, "out.csv.partial"));
        }
        EM_CHECK_STATUS(em_stream_finish(stream, &err), EM_OK, &err);
        CU_ASSERT_TRUE(file_is(p.path, data, total));
        em_stream_close(stream);
        struct stat st;
        require(stat(p.path, &st) == 0);
        CU_ASSERT_EQUAL(st.st_mode & 07777, 0666 & ~masks[i % COUNT(masks)]);
        CU_ASSERT_EQUAL(st.st_nlink, 1);
        CU_ASSERT_TRUE(file_is(p.path, data, total));
        CU_ASSERT_EQUAL(count_files(p.folder), 1);
        free(data);
        end(&p);
    }
    no_links = false;
    em_stream_close(NULL);
}

/* Let go before the end: nothing is left. */
static void is_given_up(void)
{
    struct place p;
    begin(&p);
    for (unsigned i = 0; i < 4; i++) {
        struct em_stream *stream = open_stream(p.path, i % 2 == 1);
        em_stream_write(stream, "text", i / 2 * 4);
        em_stream_close(stream);
        CU_ASSERT_EQUAL(count_files(p.folder), 0);
    }
    end(&p);
}

/* Make @p path a thing of that kind. */
static void make_thing(unsigned kind, const char *path)
{
    if (kind == 0)
        write_text(path, "old");
    else if (kind == 1)
        require(mkdir(path, 0700) == 0);
    else if (kind == 2)
        require(mkfifo(path, 0600) == 0);
    else
        require(symlink("target", path) == 0);
}

/* Nothing that has the name already is touched, nor waited for. */
static void never_replaces(void)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        struct place p;
        char target[PATH_LEN];
        begin(&p);
        make_thing(kind, p.path);
        join_path(target, p.folder, "target");
        write_text(target, "old");
        check_refused(p.path, false, EM_ERR_EXISTS, "is already there", "move it away");
        if (kind == 1 || kind == 2)
            check_refused(p.path, true, EM_ERR_EXISTS, "and is no regular file",
                          "another name");
        CU_ASSERT_TRUE(is_there(p.folder, "out.csv"));
        CU_ASSERT_FALSE(is_there(p.folder, "out.csv.partial"));
        CU_ASSERT_TRUE(file_is(target, "old", 3));
        end(&p);
    }
}

/* What appears under the name while the file is written stays, a dangling link too. */
static void never_replaces_late(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct place p;
        struct em_error err = {0};
        struct stat st;
        begin(&p);
        no_links = i == 3;
        struct em_stream *stream = open_stream(p.path, i == 2);
        em_stream_write(stream, "new", 3);
        if (i == 1)
            require(symlink("nowhere", p.path) == 0);
        else
            write_text(p.path, "old");
        EM_CHECK_STATUS(em_stream_finish(stream, &err), EM_ERR_EXISTS, &err);
        EM_CHECK_HAS(err.what, p.path);
        em_stream_close(stream);
        require(lstat(p.path, &st) == 0);
        CU_ASSERT_EQUAL(S_ISLNK(st.st_mode), i == 1);
        CU_ASSERT_TRUE(i == 1 || file_is(p.path, "old", 3));
        CU_ASSERT_EQUAL(count_files(p.folder), 1);
        no_links = false;
        end(&p);
    }
}

/* A run that was killed left its partial file: only --resume begins it anew. */
static void leftovers(void)
{
    struct place p;
    struct em_error err = {0};
    begin(&p);
    write_text(p.partial, "much more than there will be");
    struct em_stream *stream = NULL;
    EM_CHECK_STATUS(em_stream_open(&stream, p.path, false, &err), EM_ERR_EXISTS, &err);
    EM_CHECK_HAS(err.what, "out.csv.partial' is left from a run that did not end");
    EM_CHECK_HAS(err.hint, "--resume");
    CU_ASSERT_TRUE(file_is(p.partial, "much more than there will be", 28));
    EM_CHECK_STATUS(write_all(p.path, true, "new", &err), EM_OK, &err);
    CU_ASSERT_TRUE(file_is(p.path, "new", 3));
    CU_ASSERT_EQUAL(count_files(p.folder), 1);
    end(&p);
}

/* Killed between the two steps of naming: the finished file must not be emptied through
 * its other name. */
static void leftover_second_name(void)
{
    static const char *const texts[] = {"done", "else"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct place p;
        struct em_error err = {0};
        begin(&p);
        write_text(p.path, "done");
        require(link(p.path, p.partial) == 0);
        EM_CHECK_STATUS(write_all(p.path, true, texts[i], &err),
                        i == 0 ? EM_OK : EM_ERR_EXISTS, &err);
        CU_ASSERT_TRUE(file_is(p.path, "done", 4));
        CU_ASSERT_EQUAL(count_files(p.folder), 1);
        end(&p);
    }
}

/* With resume a finished file is good if it is equal. */
static void resumes_over_finished(void)
{
    static const struct {
        const char *old, *new;
        enum em_status status;
    } cases[] = {{"", "", EM_OK},
                 {"same", "same", EM_OK},
                 {"same", "samE", EM_ERR_EXISTS},
                 {"same", "same and more", EM_ERR_EXISTS},
                 {"same and more", "same", EM_ERR_EXISTS},
                 {"old", "", EM_ERR_EXISTS},
                 {"", "new", EM_ERR_EXISTS}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct place p;
        struct em_error err = {0};
        begin(&p);
        write_text(p.path, cases[i].old);
        EM_CHECK_STATUS(write_all(p.path, true, cases[i].new, &err), cases[i].status,
                        &err);
        if (cases[i].status != EM_OK)
            EM_CHECK_HAS(err.what, "is already there and holds something else");
        CU_ASSERT_TRUE(file_is(p.path, cases[i].old, strlen(cases[i].old)));
        CU_ASSERT_EQUAL(count_files(p.folder), 1);
        end(&p);
    }
}

/* Whatever stands under the partial name: it is neither waited for, nor written through,
 * nor removed. */
static void strange_partial_files(void)
{
    for (unsigned kind = 1; kind < KINDS; kind++) {
        struct place p;
        char target[PATH_LEN];
        struct em_error err = {0};
        struct em_stream *stream = NULL;
        begin(&p);
        make_thing(kind, p.partial);
        join_path(target, p.folder, "target");
        write_text(target, "old");
        EM_CHECK_STATUS(em_stream_open(&stream, p.path, false, &err), EM_ERR_EXISTS,
                        &err);
        EM_CHECK_STATUS(em_stream_open(&stream, p.path, true, &err), EM_ERR_IO, &err);
        EM_CHECK_HAS(err.what, p.partial);
        if (kind == 2) { /* with a reader it does open */
            int fd = open(p.partial, O_RDONLY | O_NONBLOCK);
            require(fd >= 0);
            EM_CHECK_STATUS(em_stream_open(&stream, p.path, true, &err), EM_ERR_EXISTS,
                            &err);
            EM_CHECK_HAS(err.what, "is no regular file");
            require(close(fd) == 0);
        }
        CU_ASSERT_PTR_NULL(stream);
        CU_ASSERT_TRUE(file_is(target, "old", 3));
        CU_ASSERT_TRUE(is_there(p.folder, "out.csv.partial"));
        CU_ASSERT_FALSE(is_there(p.folder, "out.csv"));
        end(&p);
    }
}

/* Two at a time: the second does not take the first one's file away. */
static void two_runs(void)
{
    struct place p;
    struct em_error err = {0};
    begin(&p);
    struct em_stream *first = open_stream(p.path, false), *second = NULL;
    em_stream_write(first, "first", 5);
    for (unsigned resume = 0; resume < 2; resume++) {
        EM_CHECK_STATUS(em_stream_open(&second, p.path, resume == 1, &err), EM_ERR_EXISTS,
                        &err);
        EM_CHECK_HAS(err.what, p.partial);
        CU_ASSERT_PTR_NULL(second);
        CU_ASSERT_TRUE(is_there(p.folder, "out.csv.partial"));
    }
    EM_CHECK_HAS(err.what, "another run is writing");
    EM_CHECK_STATUS(em_stream_finish(first, &err), EM_OK, &err);
    em_stream_close(first);
    CU_ASSERT_TRUE(file_is(p.path, "first", 5));
    end(&p);
}

static void end_first_run(void *user)
{
    struct em_error err = {0};
    EM_CHECK_STATUS(em_stream_finish(user, &err), EM_OK, &err);
    em_stream_close(user);
}

static void name_first_file(void *user)
{
    struct place *p = user;
    require(link(p->partial, p->path) == 0);
}

/* The first one ends, or is killed between the two steps of naming, just when the second
 * has opened its partial file: that is the finished one now, and must not be emptied. */
static void first_run_ends(void)
{
    for (unsigned killed = 0; killed < 2; killed++) {
        struct place p;
        struct em_error err = {0};
        begin(&p);
        if (killed == 0) {
            before_lock_user = open_stream(p.path, false);
            em_stream_write(before_lock_user, "first", 5);
        } else {
            before_lock_user = &p;
            write_text(p.partial, "first");
        }
        before_lock = killed == 0 ? end_first_run : name_first_file;
        struct em_stream *second = NULL;
        EM_CHECK_STATUS(em_stream_open(&second, p.path, true, &err), EM_ERR_EXISTS, &err);
        EM_CHECK_HAS(err.what, "another run just ended it");
        EM_CHECK_HAS(err.hint, "try again");
        CU_ASSERT_PTR_NULL(second);
        CU_ASSERT_TRUE(file_is(p.path, "first", 5));
        CU_ASSERT_EQUAL(count_files(p.folder), 1 + killed);
        end(&p);
    }
}

/* A disk that is full, played by a limit for the size of files: told at the end, and
 * nothing is left. Small pieces fail when they are flushed, large ones at once. */
static void write_fails(void)
{
    static const size_t pieces[] = {10, 1000, 60000};
    static const uint8_t data[60000];
    struct rlimit before, limit;
    require(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    require(getrlimit(RLIMIT_FSIZE, &before) == 0);
    limit = before;
    limit.rlim_cur = 100;
    for (size_t i = 0; i < COUNT(pieces) * 2; i++) {
        struct place p;
        struct em_error err = {0};
        begin(&p);
        struct em_stream *stream = open_stream(p.path, i % 2 == 1);
        require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        for (unsigned j = 0; j < 12; j++)
            em_stream_write(stream, data, pieces[i / 2]);
        enum em_status status = em_stream_finish(stream, &err);
        em_stream_close(stream);
        require(setrlimit(RLIMIT_FSIZE, &before) == 0);
        EM_CHECK_STATUS(status, EM_ERR_IO, &err);
        EM_CHECK_HAS(err.what, "cannot write '");
        EM_CHECK_HAS(err.what, p.path);
        CU_ASSERT_EQUAL(count_files(p.folder), 0);
        end(&p);
    }
}

static void bad_places(void)
{
    char path[PATH_LEN], name[NAME_MAX + 2];
    struct place p;
    struct em_error err = {0};
    begin(&p);
    join_path(path, p.folder, "none/out.csv");
    check_refused(path, false, EM_ERR_IO, "cannot write '", "check the name");
    /* The partial file has the longer name. */
    memset(name, 'n', sizeof name);
    name[NAME_MAX - 8] = '\0';
    join_path(path, p.folder, name);
    EM_CHECK_STATUS(write_all(path, false, "x", &err), EM_OK, &err);
    name[NAME_MAX - 8] = 'n';
    name[NAME_MAX - 7] = '\0';
    join_path(path, p.folder, name);
    check_refused(path, false, EM_ERR_IO, "cannot write '", "shorter name");
    CU_ASSERT_EQUAL(count_files(p.folder), 1);
    end(&p);
}

static const struct em_test tests[] = {
    {"write", writes},
    {"given up", is_given_up},
    {"never replaces", never_replaces},
    {"never replaces what comes late", never_replaces_late},
    {"leftovers", leftovers},
    {"leftovers: second name", leftover_second_name},
    {"resume over a finished file", resumes_over_finished},
    {"strange partial files", strange_partial_files},
    {"two runs", two_runs},
    {"the first run ends", first_run_ends},
    {"a write fails", write_fails},
    {"places that do not work", bad_places},
};

EM_TEST_MAIN("base/stream", tests)
