/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of whole programs need, without any library: random numbers, time, files. */
#ifndef TESTS_PROGRAM_UTIL_H
#define TESTS_PROGRAM_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_LEN = 512 };

/* Nothing sensible is left to do when the test itself cannot work. */
static inline void require(bool good, const char *what)
{
    if (good)
        return;
    perror(what);
    exit(2);
}

/* splitmix64: the same numbers for the same seed. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static inline double now_s(void)
{
    struct timespec now;
    require(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "clock_gettime");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void sleep_s(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* @p tail and @p name are put behind @p folder; either may be empty. */
static inline void join(char out[PATH_LEN], const char *folder, const char *tail,
                        const char *name)
{
    int len =
        snprintf(out, PATH_LEN, "%s%s%s%s", folder, tail, *name == '\0' ? "" : "/", name);
    require(len < PATH_LEN, "path too long");
}

static inline int is_entry(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* The names in a folder; none when it is not there. Freed with free_names(). */
static inline int list_names(struct dirent ***out, const char *path)
{
    *out = NULL;
    int n = scandir(path, out, is_entry, alphasort);
    require(n >= 0 || errno == ENOENT, path);
    return n < 0 ? 0 : n;
}

static inline void free_names(struct dirent **names, int n)
{
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static inline void remove_tree(const char *path)
{
    struct dirent **names;
    int n = list_names(&names, path);
    for (int i = 0; i < n; i++) {
        char name[PATH_LEN];
        join(name, path, "", names[i]->d_name);
        if (unlink(name) != 0)
            remove_tree(name);
    }
    free_names(names, n);
    require(rmdir(path) == 0 || errno == ENOENT, path);
}

/* Bytes of a file, or -1 when it is not there. */
static inline long long size_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? (long long)st.st_size : -1;
}

/* The whole file, freed by the caller. */
static inline uint8_t *read_file(const char *path, size_t *len)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    require(file != NULL && fstat(fileno(file), &st) == 0, path);
    uint8_t *data = malloc((size_t)st.st_size + 1);
    require(data != NULL, "malloc");
    *len = fread(data, 1, (size_t)st.st_size, file);
    require(*len == (size_t)st.st_size && fclose(file) == 0, path);
    return data;
}

static inline void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    require(file != NULL && fwrite(data, 1, len, file) == len && fclose(file) == 0, path);
}

static inline bool same_files(const char *a, const char *b)
{
    size_t a_len;
    size_t b_len;
    if (size_of(a) != size_of(b))
        return false;
    uint8_t *x = read_file(a, &a_len);
    uint8_t *y = read_file(b, &b_len);
    bool same = a_len == b_len && memcmp(x, y, a_len) == 0;
    free(x);
    free(y);
    return same;
}

static inline void copy_file(const char *from, const char *to)
{
    size_t len;
    uint8_t *data = read_file(from, &len);
    write_file(to, data, len);
    free(data);
}

#endif
