/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks with a simulated chip share: children, their times, the chip.
 * Define BENCH, the program's name, and _DEFAULT_SOURCE before it. */
#ifndef TESTS_BENCH_BENCH_SIM_H
#define TESTS_BENCH_BENCH_SIM_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RUNS = 101, LINE = 4096 };

struct programs {
    char *flash, *sim;
    const char *chip;
};

static inline void check(bool ok, const char *what, const char *name)
{
    if (ok)
        return;
    fprintf(stderr, BENCH ": %s '%s'%s%s\n", what, name, errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    exit(EXIT_FAILURE);
}

static inline double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- Children ---- */

/* Start a program; what it prints goes to @p out_fd, -1: nowhere. */
static inline pid_t start(char *const argv[], int out_fd)
{
    pid_t pid = fork();
    check(pid >= 0, "cannot start", argv[0]);
    if (pid == 0) {
        int fd = out_fd >= 0 ? out_fd : open("/dev/null", O_WRONLY);
        if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
            (void)execv(argv[0], argv); /* comes back only when it failed */
        _exit(127);
    }
    return pid;
}

struct run {
    double wall_ms, cpu_ms;
};

static inline struct run run_flash(char *const argv[])
{
    double begin = now_ms();
    pid_t pid = start(argv, -1);
    int status;
    struct rusage usage;
    check(wait4(pid, &status, 0, &usage) == pid, "cannot wait for", argv[0]);
    struct run run = {.wall_ms = now_ms() - begin};
    run.cpu_ms = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
    errno = 0;
    check(status == 0, "failed:", argv[0]);
    return run;
}

struct sim {
    pid_t pid;
    FILE *out;
    char port[256];
};

/* Start a chip on a PTY; its first line is "CHIP PATH". */
static inline struct sim start_sim(const struct programs *p, const char *timing)
{
    int ends[2];
    check(pipe(ends) == 0, "cannot make", "pipe");
    char *argv[] = {p->sim,    "--chip", (char *)p->chip, "--timing", (char *)timing,
                    "--stats", NULL};
    struct sim sim = {.pid = start(argv, ends[1])};
    (void)close(ends[1]);
    sim.out = fdopen(ends[0], "r");
    char line[LINE];
    check(sim.out != NULL && fgets(line, sizeof line, sim.out) != NULL, "no answer from",
          p->sim);
    check(sscanf(line, "%*s %255s", sim.port) == 1, "odd answer", line);
    return sim;
}

/* The number behind "key": in the last line of a chip that is stopped. */
static inline double stop_sim(struct sim *sim, const char *key)
{
    (void)kill(sim->pid, SIGTERM); /* it may be gone, as the wait tells */
    char line[LINE] = "", name[64];
    (void)snprintf(name, sizeof name, "\"%s\":", key); /* fits */
    double value = -1;
    while (fgets(line, sizeof line, sim->out) != NULL) {
        const char *at = strstr(line, name);
        if (at != NULL)
            value = strtod(at + strlen(name), NULL);
    }
    (void)fclose(sim->out); /* only read */
    int status;
    check(waitpid(sim->pid, &status, 0) == sim->pid, "cannot wait for", "simulator");
    errno = 0;
    check(value >= 0, "the simulator told no", key);
    return value;
}

/* ---- Measures ---- */

static inline int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double median(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], by_size);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* ---- Frame ---- */

/* Find the two programs, and go into a fresh folder. */
static inline void enter(struct programs *p, const char *flash, const char *sim,
                         char *dir)
{
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* so that no child prints it again */
    p->flash = realpath(flash, NULL);
    check(p->flash != NULL, "cannot find", flash);
    p->sim = realpath(sim, NULL);
    check(p->sim != NULL, "cannot find", sim);
    check(mkdtemp(dir) != NULL && chdir(dir) == 0, "cannot make", dir);
}

/* Remove the folder, which holds nothing any more. */
static inline void leave(struct programs *p, const char *dir)
{
    check(chdir("/") == 0 && rmdir(dir) == 0, "cannot remove", dir);
    free(p->flash);
    free(p->sim);
}

#endif
