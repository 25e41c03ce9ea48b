/* SPDX-License-Identifier: Apache-2.0 */
/* Measures verifying a batch against a bare loop that only reads the same files. Times
 * are compared one right after the other: absolute ones say little on a shared machine.
 */
#define _DEFAULT_SOURCE /* wait4: the peak memory of one child */
#define BENCH           "bench_verify"
#include "config.h"

#include "tests/bench/bench_util.h"

/* clang-format off */
static const struct scenario {
    const char *name;
    char *size;
    enum table table;
    unsigned units;
    char *generate[5]; /* options of the two */
    char *verify[3];
    bool manifest;     /* and not the tables */
} scenarios[] = {
    {"0x3000 plain",          "0x3000",  SMALL, 20000, {NULL}, {NULL}, false},
    {"0x3000 keygen",         "0x3000",  SMALL, 20000, {"--keygen"}, {NULL}, false},
    {"0x3000 keygen, HMAC",   "0x3000",  SMALL, 20000,
     {"--keygen", "--key_protect_hmac", "--kp_hmac_keygen"}, {NULL}, false},
    {"0x3000 manifest",       "0x3000",  SMALL, 20000, {"--keygen"}, {NULL}, true},
    {"0x10000 full keygen",   "0x10000", FULL,   6000, {"--keygen"}, {NULL}, false},
    {"0x10000 full inputkey", "0x10000", FULL,   6000, {"--inputkey", "key.bin"},
     {"--inputkey", "key.bin"}, false},
};
/* clang-format on */

/* ---- The bare loop ---- */

static void *read_all(void *user)
{
    struct bare *bare = user;
    unsigned char *buf = malloc(bare->content_len + 1);
    size_t next;
    check(buf != NULL, "no memory for", "content");
    while ((next = atomic_fetch_add(&bare->next, 1)) < bare->count)
        for (size_t i = 0; i < bare->units[next].count; i++) {
            const struct made_file *file = &bare->units[next].files[i];
            int fd = openat(bare->fds[file->folder], file->name, O_RDONLY | O_CLOEXEC);
            check(fd >= 0 &&
                      read(fd, buf, bare->content_len + 1) == (ssize_t)file->size &&
                      close(fd) == 0,
                  "bare loop cannot read", file->name);
        }
    free(buf);
    return NULL;
}

/* The whole life of the bare process. */
static _Noreturn void run_bare(struct bare *bare)
{
    pthread_t threads[MAX_JOBS];
    for (unsigned i = 0; i < FOLDERS; i++)
        bare->fds[i] = open(folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < bare->jobs; i++)
        check(pthread_create(&threads[i], NULL, read_all, bare) == 0, "no", "thread");
    for (unsigned i = 0; i < bare->jobs; i++)
        (void)pthread_join(threads[i], NULL); /* cannot fail: started above */
    _exit(EXIT_SUCCESS);
}

/* ---- Scenarios and their report ---- */

static struct run run_verify(const struct options *options,
                             const struct scenario *scenario)
{
    char *argv[MAX_ARGS] = {options->program, "verify", "out", NULL};
    append(argv, scenario->manifest ? (char *[]){"--manifest", "manifest.csv", NULL}
                                    : (char *[]){"--config", "config.csv", "--values",
                                                 "values.csv", "--prefix", "P", NULL});
    append(argv, scenario->verify);
    append(argv, (char *[]){"--jobs", options->jobs_text, "-q", NULL});
    return run_child(NULL, NULL, argv);
}

static void make_batch(const struct options *options, const struct scenario *scenario,
                       unsigned units)
{
    char *argv[MAX_ARGS] = {options->program, "generate", "config.csv",
                            "values.csv",     "P",        NULL};
    write_config(scenario->table);
    write_values("values.csv", scenario->table, units);
    append(argv, (char *[]){scenario->size, "--outdir", "out", "-q", NULL});
    append(argv, scenario->generate);
    if (scenario->manifest)
        append(argv, (char *[]){"--manifest", "manifest.csv", NULL});
    (void)run_child(NULL, NULL, argv); /* not timed */
}

static void run_scenario(const struct options *options, const struct scenario *scenario)
{
    unsigned units = options->units != 0 ? options->units : scenario->units;
    struct series bare_ms = {.count = 0};
    struct series program_ms = {.count = 0};
    struct series ratio = {.count = 0};
    struct bare bare = {.count = units, .jobs = options->jobs};
    make_batch(options, scenario, units);
    plan_bare(&bare);
    (void)run_verify(options, scenario); /* warms up */
    for (unsigned i = 0; i < options->runs; i++) {
        struct run floor_run = run_child(run_bare, &bare, NULL);
        struct run run = run_verify(options, scenario);
        add_value(&bare_ms, floor_run.ms);
        add_value(&program_ms, run.ms);
        add_value(&ratio, run.ms / floor_run.ms);
    }
    double ms = median(&program_ms);
    printf("%-22s %7u %8.1f %10.1f %9.0f %6.2f %6.2f %6.2f\n", scenario->name, units,
           median(&bare_ms), ms, units * 1e3 / ms, median(&ratio), ratio.values[0],
           ratio.values[ratio.count - 1]);
    remove_tree("out");
    free(bare.content);
    free(bare.units);
}

static void run_scenarios(const struct options *options)
{
    printf("bench_verify: %ld cores, %u jobs, %u runs, in %s\n\n",
           sysconf(_SC_NPROCESSORS_ONLN), options->jobs, options->runs, options->dir);
    printf("%-22s %7s %8s %10s %9s %6s %6s %6s\n", "scenario", "N", "bare ms",
           "program ms", "units/s", "ratio", "min", "max");
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        run_scenario(options, &scenarios[i]);
}

int main(int argc, char *argv[])
{
    return bench_main(&(struct bench){"bench_verify", run_scenarios, NULL, ""}, argc,
                      argv);
}
