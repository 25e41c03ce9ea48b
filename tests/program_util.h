/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of whole programs need, without any library: random numbers, time, files,
 * processes. */
#ifndef TESTS_PROGRAM_UTIL_H
#define TESTS_PROGRAM_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PATH_LEN = 512,
    LIMIT_S = 120, /* ends a program that hangs */
};

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

/* From 0 up to 1. */
static inline double next_part(uint64_t *state)
{
    return (double)(next_random(state) >> 11) / 9007199254740992.0;
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

/* Print and count the names that are only in one of two folders. */
static inline unsigned differing_names(const char *wanted_path, const char *have_path)
{
    struct dirent **wanted;
    struct dirent **have;
    int n_wanted = list_names(&wanted, wanted_path);
    int n_have = list_names(&have, have_path);
    unsigned n = 0;
    for (int i = 0, k = 0; i < n_wanted || k < n_have;) {
        int order = i == n_wanted ? 1
                    : k == n_have ? -1
                                  : strcmp(wanted[i]->d_name, have[k]->d_name);
        if (order < 0)
            printf("missing: %s/%s\n", have_path, wanted[i]->d_name);
        if (order > 0)
            printf("should not be there: %s/%s\n", have_path, have[k]->d_name);
        n += order != 0;
        i += order <= 0;
        k += order >= 0;
    }
    free_names(wanted, n_wanted);
    free_names(have, n_have);
    return n;
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

static inline void make_folder(const char *path)
{
    require(mkdir(path, 0777) == 0, path);
}

/* Start a program in a folder; what it says goes to the file "log". */
static inline pid_t start_program(char *const *argv, const char *folder)
{
    (void)fflush(stdout); /* or the child has the text too */
    pid_t pid = fork();
    require(pid >= 0, "fork");
    if (pid > 0)
        return pid;
    int log = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (log >= 0 && dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 &&
        chdir(folder) == 0) {
        alarm(LIMIT_S); /* survives execv */
        execv(argv[0], argv);
    }
    _exit(127);
}

static inline int wait_for(pid_t pid)
{
    int status;
    require(waitpid(pid, &status, 0) == pid, "waitpid");
    return status;
}

static inline bool ended_with(int status, int code)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

#endif
