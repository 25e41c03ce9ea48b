/* SPDX-License-Identifier: Apache-2.0 */
/* What several tests of mfg/ need: temporary folders, whole files, and collected
 * messages. */
#ifndef TESTS_TEST_MFG_UTIL_H
#define TESTS_TEST_MFG_UTIL_H

#include <espmfg/hooks.h>

#include "tests/em_test.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN = 512, TOLD_MAX = 64 };

/* Nothing sensible is left to do when a test cannot set up what it needs. */
static inline void require(bool good)
{
    if (!good) {
        perror("test");
        abort();
    }
}

static inline void *need(void *p)
{
    require(p != NULL);
    return p;
}

/* A fresh folder; @p out has PATH_LEN bytes. */
static inline void make_folder(char *out)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(out, PATH_LEN, "%s/espmfg-test-XXXXXX", base == NULL ? "/tmp" : base);
    require(mkdtemp(out) != NULL);
}

static inline void join_path(char *out, const char *folder, const char *name)
{
    int n = snprintf(out, PATH_LEN, "%s/%s", folder, name);
    require(n < PATH_LEN);
}

/* Remove a folder and all that is in it. */
static inline void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[PATH_LEN];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join_path(name, path, entry->d_name);
        if (unlink(name) != 0)
            remove_folder(name);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(path);
}

static inline void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = need(fopen(path, "wb"));
    require(fwrite(data, 1, len, file) == len);
    require(fclose(file) == 0);
}

static inline void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

/* The content, to be freed; NULL when the file cannot be opened. A NUL stands behind it.
 */
static inline uint8_t *read_file(const char *path, size_t *len)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    *len = 0;
    if (file == NULL)
        return NULL;
    require(fstat(fileno(file), &st) == 0);
    uint8_t *data = need(malloc((size_t)st.st_size + 1));
    *len = fread(data, 1, (size_t)st.st_size, file);
    data[*len] = '\0';
    (void)fclose(file);
    return data;
}

static inline bool is_there(const char *folder, const char *name)
{
    char path[PATH_LEN];
    struct stat st;
    join_path(path, folder, name);
    return lstat(path, &st) == 0;
}

static inline bool same_file(const char *a, const char *b)
{
    size_t a_len;
    size_t b_len;
    uint8_t *x = read_file(a, &a_len);
    uint8_t *y = read_file(b, &b_len);
    bool same = x != NULL && y != NULL && a_len == b_len && memcmp(x, y, a_len) == 0;
    if (!same)
        printf("\n  '%s' and '%s' differ\n", a, b);
    free(x);
    free(y);
    return same;
}

/* Files below @p path, folders not counted; 0 when it is not there. */
static inline size_t count_files(const char *path)
{
    size_t n = 0;
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[PATH_LEN];
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join_path(name, path, entry->d_name);
        require(lstat(name, &st) == 0);
        n += S_ISDIR(st.st_mode) ? count_files(name) : 1;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

/* Does all that is below @p a stand below @p b too, byte for byte? */
static inline bool folder_within(const char *a, const char *b)
{
    bool same = true;
    DIR *dir = need(opendir(a));
    struct dirent *entry;
    while (same && (entry = readdir(dir)) != NULL) {
        char x[PATH_LEN];
        char y[PATH_LEN];
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join_path(x, a, entry->d_name);
        join_path(y, b, entry->d_name);
        require(lstat(x, &st) == 0);
        same = S_ISDIR(st.st_mode) ? folder_within(x, y) : same_file(x, y);
    }
    (void)closedir(dir);
    return same;
}

static inline bool same_folders(const char *a, const char *b)
{
    return count_files(a) == count_files(b) && folder_within(a, b);
}

/* The same numbers in every run: xorshift of Marsaglia. */
static inline uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Messages as they were told. */
struct told {
    size_t n; /* kept in msg, at most TOLD_MAX */
    enum em_log_level level[TOLD_MAX];
    struct em_error msg[TOLD_MAX];
    size_t count[EM_LOG_TRACE + 1]; /* of each level, kept or not */
};

static inline void tell(void *user, enum em_log_level level, const char *device,
                        const struct em_error *msg)
{
    struct told *told = user;
    (void)device;
    told->count[level]++;
    if (told->n == TOLD_MAX)
        return;
    told->level[told->n] = level;
    told->msg[told->n++] = *msg;
}

/* The first message of @p level that holds @p part, or NULL. */
static inline const struct em_error *find_told(const struct told *told,
                                               enum em_log_level level, const char *part)
{
    for (size_t i = 0; i < told->n; i++) {
        if (told->level[i] == level && strstr(told->msg[i].what, part) != NULL)
            return &told->msg[i];
    }
    return NULL;
}

#endif
