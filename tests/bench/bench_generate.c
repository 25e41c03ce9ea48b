/* SPDX-License-Identifier: Apache-2.0 */
/* Measures a generator of NVS images against a bare loop that makes the same files.
 * Times are compared one right after the other: absolute ones say little on a shared
 * machine.
 */
#define _DEFAULT_SOURCE /* wait4: the peak memory of one child */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_RUNS = 101,
    MAX_JOBS = 256,
    MAX_ARGS = 24,
    PEER_RUNS = 3 /* the peer is slow and its factor large: a few do */
};

struct options {
    char *program;
    char *peer;
    char *jobs_text;
    const char *dir;
    unsigned units; /* 0: as the scenario says */
    unsigned runs;
    unsigned jobs;
    bool memory;
};

/* Ends the process if not @p ok. The first process is the parent of all and cleans up. */
static void check(bool ok, const char *what, const char *name)
{
    if (ok)
        return;
    fprintf(stderr, "bench_generate: %s '%s'%s%s\n", what, name, errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    _exit(EXIT_FAILURE);
}

/* ---- What the generator is given ---- */

enum kind { NAMESPACE, NUMBER, TEXT, LINES, HEX, BASE64, REPEATED };

/* clang-format off */
static const struct column {
    const char *key;
    const char *encoding;
    enum kind kind;
    unsigned len;      /* characters; HEX, BASE64: bytes; NUMBER: below this */
    unsigned count[3]; /* columns like this in each table, their keys numbered */
    const char *fixed; /* REPEATED: the value, a file when there is a length */
} columns[] = {
    /* A small device; the others have this too. */
    {"factory", "namespace,",   NAMESPACE,     0, {1, 1, 1}, NULL},
    {"serial",  "data,string",  TEXT,         10, {1, 1, 1}, NULL},
    {"mac",     "data,hex2bin", HEX,           6, {1, 1, 1}, NULL},
    {"hw_rev",  "data,u8",      NUMBER,      256, {1, 1, 1}, NULL},
    {"batch",   "data,u16",     NUMBER,    65536, {1, 1, 1}, NULL},
    {"made_at", "data,u32",     NUMBER, 2000000000, {1, 1, 1}, NULL},
    {"offset",  "data,i32",     NUMBER,   100000, {1, 1, 1}, NULL},
    {"site",    "data,string",  TEXT,         30, {1, 1, 1}, NULL},
    {"cloud",   "namespace,",   NAMESPACE,     0, {1, 1, 1}, NULL},
    {"name",    "data,string",  TEXT,         30, {1, 1, 1}, NULL},
    {"secret",  "data,hex2bin", HEX,          32, {1, 1, 1}, NULL},
    {"token",   "data,base64",  BASE64,       64, {1, 1, 1}, NULL},
    {"server",  "data,string",  REPEATED,      0, {1, 1, 1}, "mqtts://ingest.example.com:8883"},
    /* A full 0x10000: most of it is shared by all units (2.5 KiB of text a row), or a third
     * of it stands in the table (20 KiB of text a row). */
    {"cert",    "data,string",  LINES,       980, {0, 1, 2}, NULL},
    {"profile", "data,string",  TEXT,       1000, {0, 0, 6}, NULL},
    {"blob",    "data,base64",  BASE64,      760, {0, 1, 8}, NULL},
    {"table",   "data,hex2bin", HEX,         256, {0, 0, 8}, NULL},
    {"ca",      "file,string",  REPEATED,   1200, {0, 2, 2}, "ca.pem"},
    {"model",   "file,binary",  REPEATED,  24576, {0, 1, 1}, "model.bin"},
    {"sounds",  "file,binary",  REPEATED,  12288, {0, 1, 1}, "sounds.bin"},
    {"pages",   "file,binary",  REPEATED,  16384, {0, 1, 0}, "pages.bin"},
};
enum table { SMALL, FULL, WIDE };
enum { COLUMNS = sizeof columns / sizeof columns[0], FULL_PERCENT = 95 };

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

/* splitmix64: the same inputs in every run, and no secrets. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void put_letters(FILE *file, size_t len, bool lines, uint64_t *rng)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t bits = 0;
    for (size_t i = 0; i < len; i++, bits >>= 6) {
        if (i % 10 == 0) /* six bits a letter, ten letters a number */
            bits = next_random(rng);
        fputc(lines && i % 65 == 64 ? '\n' : letters[bits & 63], file);
    }
}

static void put_cell(FILE *file, const struct column *column, bool first, uint64_t *rng)
{
    static const char *const padding[] = {"", "==", "="}; /* of base64 */
    bool lines = column->kind == LINES;
    if (column->kind == NUMBER) {
        fprintf(file, "%u", (unsigned)(next_random(rng) % column->len));
    } else if (column->kind == TEXT || lines) {
        fputs(lines ? "\"" : "", file); /* newlines want quotes */
        put_letters(file, column->len, lines, rng);
        fputs(lines ? "\"" : "", file);
    } else if (column->kind == HEX) {
        for (size_t i = 0; i < column->len; i++)
            fprintf(file, "%02x", (unsigned)(next_random(rng) & 0xff));
    } else if (column->kind == BASE64) {
        put_letters(file, (column->len * 8 + 5) / 6, false, rng);
        fputs(padding[column->len % 3], file);
    } else if (column->kind == REPEATED && first) {
        fputs(column->fixed, file); /* what later rows hold is not looked at */
    }
}

static FILE *create_file(const char *name)
{
    FILE *file = fopen(name, "w");
    check(file != NULL, "cannot create", name);
    return file;
}

static void close_file(FILE *file, const char *name)
{
    check(ferror(file) == 0 && fclose(file) == 0, "cannot write", name);
}

/* A file for all units. Made of text only, so that any encoding takes it. */
static void write_shared(const char *name, size_t len)
{
    uint64_t rng = len;
    FILE *file = create_file(name);
    put_letters(file, len, true, &rng);
    close_file(file, name);
}

static void write_config(enum table table)
{
    FILE *file = create_file("config.csv");
    for (const struct column *column = columns; column < columns + COLUMNS; column++) {
        bool repeated = column->kind == REPEATED;
        for (unsigned i = 0; i < column->count[table]; i++)
            fprintf(file, "%s%u,%s%s\n", column->key, i, column->encoding,
                    repeated ? ",REPEAT" : "");
        if (repeated && column->len > 0)
            write_shared(column->fixed, column->len);
    }
    close_file(file, "config.csv");
    write_shared("key.bin", 64); /* without a CRC a key file as well */
}

/* What a row holds hangs on its number only, so a shorter file is the beginning of a
 * longer one. Row 0 is the header. */
static void write_values(const char *name, enum table table, unsigned rows)
{
    FILE *file = create_file(name);
    for (unsigned row = 0; row <= rows; row++) {
        uint64_t rng = (uint64_t)row << 32;
        const char *separator = "";
        for (const struct column *column = columns; column < columns + COLUMNS; column++)
            for (unsigned i = 0; i < column->count[table] && column->kind != NAMESPACE;
                 i++) {
                fputs(separator, file);
                separator = ",";
                if (row == 0)
                    fprintf(file, "%s%u", column->key, i);
                else
                    put_cell(file, column, row == 1, &rng);
            }
        fputc('\n', file);
    }
    close_file(file, name);
}

/* ---- What it made ---- */

static const char *const folders[] = {"out/bin", "out/csv", "out/keys"};
enum { FOLDERS = sizeof folders / sizeof folders[0] };

/* The files that the program made for one unit. */
struct unit {
    size_t count;
    struct made_file {
        char name[48];
        unsigned folder;
        mode_t mode;
        size_t size;
    } files[8]; /* four kinds are known */
};

/* The bare loop, which makes the same. */
struct bare {
    unsigned count;
    unsigned jobs;
    struct unit *units;
    size_t content_len;
    unsigned char *content; /* of any file */
    int fds[FOLDERS];
    atomic_size_t next;
};

static void add_file(struct bare *bare, int folder_fd, unsigned folder, const char *name)
{
    struct stat info;
    check(fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0, "cannot see", name);
    const char *end = strrchr(name, '-'); /* ...-UNIT.bin */
    unsigned long id = end == NULL ? 0 : strtoul(end + 1, NULL, 10);
    struct made_file file = {"", folder, info.st_mode & 0777, (size_t)info.st_size};
    errno = 0;
    check(id >= 1 && id <= bare->count && strlen(name) < sizeof file.name, "odd name",
          name);
    memcpy(file.name, name, strlen(name) + 1);
    struct unit *unit = &bare->units[id - 1];
    check(unit->count < sizeof unit->files / sizeof unit->files[0], "too many", name);
    unit->files[unit->count++] = file;
    if (file.size > bare->content_len)
        bare->content_len = file.size;
}

static void list_folder(struct bare *bare, unsigned folder)
{
    DIR *dir = opendir(folders[folder]);
    if (dir == NULL) /* no keys without encryption */
        return;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            add_file(bare, dirfd(dir), folder, entry->d_name);
    (void)closedir(dir); /* only read */
}

static void plan_bare(struct bare *bare)
{
    bare->units = calloc(bare->count, sizeof bare->units[0]);
    check(bare->units != NULL, "no memory for", "units");
    for (unsigned i = 0; i < FOLDERS; i++)
        list_folder(bare, i);
    bare->content = malloc(bare->content_len + 1);
    check(bare->content != NULL, "no memory for", "content");
    memset(bare->content, 0xA5, bare->content_len + 1); /* own pages, as a program has */
    errno = 0;
    for (unsigned i = 0; i < bare->count; i++)
        check(bare->units[i].count > 0 && bare->units[i].count == bare->units[0].count,
              "not the same number of files for each unit in", "out");
}

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

struct run {
    double ms;
    long peak_kib;
};

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Runs a program or, without @p argv, the bare loop, each in a process of its own. */
static struct run run_child(struct bare *bare, char *const argv[])
{
    double start = now_ms();
    pid_t pid = fork();
    check(pid >= 0, "cannot start", "process");
    if (pid == 0 && argv == NULL)
        run_bare(bare);
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL)
            (void)execvp(argv[0], argv); /* comes back only when it failed */
        check(false, "cannot run", argv[0]);
    }
    int status;
    struct rusage usage;
    check(wait4(pid, &status, 0, &usage) == pid, "cannot wait for", "process");
    struct run run = {.ms = now_ms() - start, .peak_kib = usage.ru_maxrss};
    errno = 0;
    check(status == 0, "failed:", argv == NULL ? "bare loop" : argv[0]);
    return run;
}

static void remove_tree(char *path)
{
    (void)run_child(NULL, (char *[]){"rm", "-rf", "--", path, NULL}); /* not timed */
}

/* Appends the arguments @p more to @p argv; both end with NULL. */
static void append(char *argv[MAX_ARGS], char *const more[])
{
    size_t n = 0;
    while (argv[n] != NULL)
        n++;
    while ((argv[n] = *more++) != NULL)
        n++;
}

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
    return run_child(NULL, argv);
}

/* ---- Scenarios and their report ---- */

struct series {
    double values[MAX_RUNS]; /* ascending */
    size_t count;
};

struct result {
    struct series bare_ms, program_ms, ratio, peer_rate, factor;
};

static void add_value(struct series *series, double value)
{
    size_t i = series->count++;
    for (; i > 0 && series->values[i - 1] > value; i--)
        series->values[i] = series->values[i - 1];
    series->values[i] = value;
}

static double median(const struct series *series)
{
    return (series->values[(series->count - 1) / 2] + series->values[series->count / 2]) /
           2;
}

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
    struct run floor_run = run_child(bare, NULL);
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

/* ---- Command line ---- */

static unsigned parse_number(const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    check(end != text && *end == '\0' && value >= min && value <= max,
          "out of range:", text);
    return (unsigned)value;
}

static bool parse_options(struct options *out, int argc, char *argv[], char *cores)
{
    enum { DIR_OPT, UNITS, RUNS, JOBS, PEER, MEMORY, OPTIONS };
    static const struct option known[] = {
        /* clang-format off */
        {"dir",  required_argument, NULL, DIR_OPT}, {"units",  required_argument, NULL, UNITS},
        {"runs", required_argument, NULL, RUNS},    {"jobs",   required_argument, NULL, JOBS},
        {"peer", required_argument, NULL, PEER},    {"memory", no_argument,       NULL, MEMORY},
        {0},
        /* clang-format on */
    };
    char *values[OPTIONS] = {"/dev/shm", "0", "7", cores, NULL, NULL};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c >= OPTIONS) /* '?' */
            return false;
        values[c] = c == MEMORY ? "" : optarg;
    }
    if (argc - optind != 1)
        return false;
    *out = (struct options){.dir = values[DIR_OPT],
                            .peer = values[PEER],
                            .units = parse_number(values[UNITS], 0, 10000000),
                            .runs = parse_number(values[RUNS], 1, MAX_RUNS),
                            .jobs = parse_number(values[JOBS], 1, MAX_JOBS),
                            .jobs_text = values[JOBS],
                            .memory = values[MEMORY] != NULL};
    out->program = realpath(argv[optind], NULL); /* this folder is left soon */
    check(out->program != NULL, "cannot find", argv[optind]);
    return true;
}

int main(int argc, char *argv[])
{
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* so that no child prints it again */
    char cores[16];
    (void)snprintf(cores, sizeof cores, "%ld", sysconf(_SC_NPROCESSORS_ONLN)); /* fits */
    struct options options;
    if (!parse_options(&options, argc, argv, cores)) {
        fputs("usage: bench_generate PROGRAM [--dir DIR] [--units N] [--runs R]\n"
              "                      [--jobs J] [--peer COMMAND] [--memory]\n"
              "COMMAND runs the original mfg_gen.py; its paths have to be absolute.\n",
              stderr);
        return EXIT_FAILURE;
    }
    char folder[PATH_MAX];
    int len = snprintf(folder, sizeof folder, "%s/bench_generate.XXXXXX", options.dir);
    check(len > 0 && (size_t)len < sizeof folder && mkdtemp(folder) != NULL,
          "cannot create", folder);

    pid_t pid = fork();
    if (pid == 0) {
        check(chdir(folder) == 0, "cannot go to", folder);
        (options.memory ? run_memory : run_scenarios)(&options);
        _exit(ferror(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    (void)signal(SIGINT, SIG_IGN); /* ends the children only; the signal is valid */
    int status = EXIT_FAILURE;
    bool ok = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
    remove_tree(folder);
    free(options.program);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
