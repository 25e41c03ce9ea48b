/* SPDX-License-Identifier: Apache-2.0 */
/* Measures a generator of NVS images against a bare loop that makes the same files.
 * Times are compared one right after the other: absolute ones say little on a shared
 * machine.
 */
#define _DEFAULT_SOURCE /* wait4: the peak memory of one child */
#define BENCH           "bench_generate"
#include "config.h"

#include "tests/bench/bench_util.h"

enum { PEER_RUNS = 3 /* the peer is slow and its factor large: a few do */ };

/* clang-format off */
static const struct scenario {
    const char *name;
    char *size;
    enum table table;
    unsigned units;
    unsigned peer_units; /* as the peer is slow */
    char *options[4];
} scenarios[] = {
    {"0x3000 plain",          "0x3000",  SMALL, 20000, 200, {NULL}},
    {"0x3000 keygen",         "0x3000",  SMALL, 20000, 200, {"--keygen"}},
    {"0x3000 keygen, HMAC",   "0x3000",  SMALL, 20000, 200,
     {"--keygen", "--key_protect_hmac", "--kp_hmac_keygen"}},
    {"0x10000 full keygen",   "0x10000", FULL,   6000,  60, {"--keygen"}},
    {"0x10000 full inputkey", "0x10000", FULL,   6000,  60, {"--inputkey", "key.bin"}},
    {"0x10000 wide keygen",   "0x10000", WIDE,   6000,  60, {"--keygen"}},
}, memory_scenarios[] = {
    {"dry run",               "0x1000",  SMALL,     0,   0, {"--dry-run"}},
    {"real run",              "0x1000",  SMALL,     0,   0, {"--no-csv"}},
};
#define MEMORY_SPACE 20e9 /* bytes free for a real run, as that space may be memory */
/* clang-format on */

/* How much of its data pages an image uses, by the entry bitmaps. A page has 4096 bytes
 * and 126 entries; its bitmap, at byte 32, has two bits an entry, 10 for a written one;
 * one page holds no data (ESP-IDF programming guide, "NVS", "Structure of a Page"). */
static double used_percent(const char *path)
{
    unsigned char page[4096];
    unsigned used = 0;
    unsigned pages = 0;
    FILE *file = fopen(path, "rb");
    check(file != NULL, "cannot open", path);
    for (; fread(page, sizeof page, 1, file) == 1; pages++)
        for (unsigned i = 0; i < 126; i++)
            used += (page[32 + i / 4] >> (i % 4 * 2) & 3) == 2;
    (void)fclose(file); /* only read */
    return 100.0 * used / ((pages - 1) * 126);
}

/* ---- The bare loop ---- */

static void *work_bare(void *user)
{
    struct bare *bare = user;
    size_t next;
    while ((next = atomic_fetch_add(&bare->next, 1)) < bare->count)
        for (size_t i = 0; i < bare->units[next].count; i++) {
            const struct made_file *file = &bare->units[next].files[i];
            int fd = openat(bare->fds[file->folder], file->name,
                            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->mode);
            check(fd >= 0 &&
                      write(fd, bare->content, file->size) == (ssize_t)file->size &&
                      close(fd) == 0,
                  "bare loop cannot write", file->name);
        }
    return NULL;
}

/* The whole life of the bare process. */
static _Noreturn void run_bare(struct bare *bare)
{
    check(mkdir("out", 0777) == 0, "cannot create", "out");
    for (unsigned i = 0; i < FOLDERS; i++) {
        check(mkdir(folders[i], 0777) == 0, "cannot create", folders[i]);
        bare->fds[i] = open(folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    pthread_t threads[MAX_JOBS];
    for (unsigned i = 0; i < bare->jobs; i++)
        check(pthread_create(&threads[i], NULL, work_bare, bare) == 0, "no", "thread");
    for (unsigned i = 0; i < bare->jobs; i++)
        (void)pthread_join(threads[i], NULL); /* cannot fail: started above */
    _exit(EXIT_SUCCESS);
}

/* ---- Running and timing ---- */

/* Runs the program or the peer, each with the same job, in place of an earlier result. */
static struct run run_job(const struct options *options, bool peer, char *values,
                          const struct scenario *scenario)
{
    char *argv[MAX_ARGS] = {NULL};
    append(argv, peer ? (char *[]){"sh", "-c", "exec $0 \"$@\"", options->peer, NULL}
                      : (char *[]){options->program, NULL});
    append(argv, (char *[]){"generate", "config.csv", values, "P", scenario->size,
                            "--outdir", "out", NULL});
    append(argv, scenario->options);
    if (!peer)
        append(argv, (char *[]){"--jobs", options->jobs_text, "-q", NULL});
    remove_tree("out");
    return run_child(NULL, NULL, argv);
}

/* ---- Scenarios and their report ---- */

struct result {
    struct series bare_ms, program_ms, ratio, peer_rate, factor;
};

static void print_result(const struct scenario *scenario, unsigned units, double percent,
                         const struct result *result)
{
    const struct series *ratio = &result->ratio;
    double program_ms = median(&result->program_ms);
    printf("%-22s %7u %6.1f %8.1f %10.1f %9.0f %6.2f %6.2f %6.2f", scenario->name, units,
           percent, median(&result->bare_ms), program_ms, units * 1e3 / program_ms,
           median(ratio), ratio->values[0], ratio->values[ratio->count - 1]);
    if (result->factor.count > 0)
        printf(" %9.1f %8.1f", median(&result->peer_rate), median(&result->factor));
    putchar('\n');
}

/* Bare loop, program and, at times, the peer: a round sees one state of the machine. The
 * peer's start-up is taken off, as it makes few units here. */
static void run_round(struct result *result, const struct options *options,
                      const struct scenario *scenario, struct bare *bare)
{
    remove_tree("out");
    struct run floor_run = run_child(run_bare, bare, NULL);
    struct run run = run_job(options, false, "values.csv", scenario);
    add_value(&result->bare_ms, floor_run.ms);
    add_value(&result->program_ms, run.ms);
    add_value(&result->ratio, run.ms / floor_run.ms);
    if (options->peer == NULL || result->factor.count >= PEER_RUNS)
        return;
    double one_ms = run_job(options, true, "one.csv", scenario).ms;
    double few_ms = run_job(options, true, "few.csv", scenario).ms;
    double rate = (scenario->peer_units - 1) * 1e3 / (few_ms - one_ms);
    add_value(&result->peer_rate, rate);
    add_value(&result->factor, (double)bare->count * 1e3 / run.ms / rate);
}

static void run_scenario(const struct options *options, const struct scenario *scenario)
{
    unsigned units = options->units != 0 ? options->units : scenario->units;
    write_config(scenario->table);
    write_values("one.csv", scenario->table, 1);
    write_values("few.csv", scenario->table, scenario->peer_units);
    write_values("values.csv", scenario->table, units);

    /* The first run warms up, and shows what there is to make. */
    (void)run_job(options, false, "values.csv", scenario);
    struct bare bare = {.count = units, .jobs = options->jobs};
    plan_bare(&bare);
    double percent = used_percent("out/bin/P-1.bin");
    errno = 0;
    check(scenario->table == SMALL || percent >= FULL_PERCENT,
          "not full:", scenario->name);

    struct result result = {.ratio.count = 0};
    for (unsigned i = 0; i < options->runs; i++)
        run_round(&result, options, scenario, &bare);
    print_result(scenario, units, percent, &result);
    free(bare.content);
    free(bare.units);
}

static void run_scenarios(const struct options *options)
{
    printf("bench_generate: %ld cores, %u jobs, %u runs, in %s\n\n",
           sysconf(_SC_NPROCESSORS_ONLN), options->jobs, options->runs, options->dir);
    printf("%-22s %7s %6s %8s %10s %9s %6s %6s %6s%s\n", "scenario", "N", "used %",
           "bare ms", "program ms", "units/s", "ratio", "min", "max",
           options->peer == NULL ? "" : "  peer u/s   factor");
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        run_scenario(options, &scenarios[i]);
}

/* The kernel counts the parent's size at the fork into the peak of the child, so nothing
 * big may be kept in this process before. */
static void run_memory(const struct options *options)
{
    static char *const values[] = {"few.csv", "values.csv"};
    unsigned rows[] = {1000, options->units != 0 ? options->units : 1000000};
    struct statvfs space;
    check(statvfs(".", &space) == 0, "cannot ask for the space in", options->dir);
    bool roomy = (double)space.f_bavail * (double)space.f_frsize >= MEMORY_SPACE;
    printf("bench_generate: peak resident size, %u jobs, 0x1000 plain, in %s\n\n",
           options->jobs, options->dir);
    write_config(SMALL);
    for (unsigned k = 0; k < 2; k++)
        write_values(values[k], SMALL, rows[k]);
    for (unsigned i = 0; i < (roomy ? 2 : 1); i++) {
        printf("%-9s", memory_scenarios[i].name);
        for (unsigned k = 0; k < 2; k++)
            printf(" %9u rows: %7ld KiB", rows[k],
                   run_job(options, false, values[k], &memory_scenarios[i]).peak_kib);
        printf("\n");
    }
    if (!roomy)
        printf("No real run: it wants %.0f GB free\n", MEMORY_SPACE / 1e9);
}

int main(int argc, char *argv[])
{
    return bench_main(&(struct bench){"bench_generate", run_scenarios, run_memory,
                                      "[--peer COMMAND] [--memory]\n"
                                      "COMMAND runs the original mfg_gen.py; its paths "
                                      "have to be absolute."},
                      argc, argv);
}
