/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmarks share: invented tables, a look at what was made, children and their
 * times. Define BENCH, the program's name, and _DEFAULT_SOURCE before it. */
#ifndef TESTS_BENCH_BENCH_UTIL_H
#define TESTS_BENCH_BENCH_UTIL_H

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

enum { MAX_RUNS = 101, MAX_JOBS = 256, MAX_ARGS = 24 };

/* Ends the process if not @p ok. The first process is the parent of all and cleans up. */
static inline void check(bool ok, const char *what, const char *name)
{
    if (ok)
        return;
    fprintf(stderr, BENCH ": %s '%s'%s%s\n", what, name, errno != 0 ? ": " : "",
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

/* clang-format on */

/* splitmix64: the same inputs in every run, and no secrets. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline void put_letters(FILE *file, size_t len, bool lines, uint64_t *rng)
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

static inline void put_cell(FILE *file, const struct column *column, bool first,
                            uint64_t *rng)
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

static inline FILE *create_file(const char *name)
{
    FILE *file = fopen(name, "w");
    check(file != NULL, "cannot create", name);
    return file;
}

static inline void close_file(FILE *file, const char *name)
{
    check(ferror(file) == 0 && fclose(file) == 0, "cannot write", name);
}

/* A file for all units. Made of text only, so that any encoding takes it. */
static inline void write_shared(const char *name, size_t len)
{
    uint64_t rng = len;
    FILE *file = create_file(name);
    put_letters(file, len, true, &rng);
    close_file(file, name);
}

static inline void write_config(enum table table)
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
static inline void write_values(const char *name, enum table table, unsigned rows)
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

static inline void add_file(struct bare *bare, int folder_fd, unsigned folder,
                            const char *name)
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

static inline void list_folder(struct bare *bare, unsigned folder)
{
    DIR *dir = opendir(folders[folder]);
    if (dir == NULL) /* no keys without encryption */
        return;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            add_file(bare, dirfd(dir), folder, entry->d_name);
    (void)closedir(dir); /* only read */
}

static inline void plan_bare(struct bare *bare)
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

/* ---- Running and timing ---- */

/* A bare loop; ends its process. */
typedef void bare_fn(struct bare *bare);

struct run {
    double ms;
    long peak_kib;
};

static inline double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Runs a program or, without @p argv, a bare loop, each in a process of its own. */
static inline struct run run_child(bare_fn *bare_loop, struct bare *bare,
                                   char *const argv[])
{
    double start = now_ms();
    pid_t pid = fork();
    check(pid >= 0, "cannot start", "process");
    if (pid == 0 && bare_loop != NULL)
        bare_loop(bare);
    if (pid == 0 && argv != NULL) {
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

static inline void remove_tree(char *path)
{
    (void)run_child(NULL, NULL,
                    (char *[]){"rm", "-rf", "--", path, NULL}); /* not timed */
}

/* Appends the arguments @p more to @p argv; both end with NULL. */
static inline void append(char *argv[MAX_ARGS], char *const more[])
{
    size_t n = 0;
    while (argv[n] != NULL)
        n++;
    while ((argv[n] = *more++) != NULL)
        n++;
}

struct series {
    double values[MAX_RUNS]; /* ascending */
    size_t count;
};

static inline void add_value(struct series *series, double value)
{
    size_t i = series->count++;
    for (; i > 0 && series->values[i - 1] > value; i--)
        series->values[i] = series->values[i - 1];
    series->values[i] = value;
}

static inline double median(const struct series *series)
{
    return (series->values[(series->count - 1) / 2] + series->values[series->count / 2]) /
           2;
}

static inline unsigned parse_number(const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    check(end != text && *end == '\0' && value >= min && value <= max,
          "out of range:", text);
    return (unsigned)value;
}

/* ---- Command line ---- */

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

/* What a benchmark is; the frame around it is the same for all. */
struct bench {
    const char *name;
    void (*run)(const struct options *options);
    void (*memory)(const struct options *options); /* for --memory; NULL: there is none */
    const char *more;                              /* of the usage */
};

static inline bool parse_options(struct options *out, int argc, char *argv[], char *cores)
{
    enum { DIR_OPT, UNITS, RUNS, JOBS, PEER, MEMORY, OPTIONS };
    static const struct option known[] = {
        {"dir", required_argument, NULL, DIR_OPT},
        {"units", required_argument, NULL, UNITS},
        {"runs", required_argument, NULL, RUNS},
        {"jobs", required_argument, NULL, JOBS},
        {"peer", required_argument, NULL, PEER},
        {"memory", no_argument, NULL, MEMORY},
        {NULL, 0, NULL, 0},
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
    out->program = realpath(argv[optind], NULL); /* its folder is left soon */
    check(out->program != NULL, "cannot find", argv[optind]);
    return true;
}

/* Run it in a fresh folder, and remove that in the end. */
static inline int bench_main(const struct bench *bench, int argc, char *argv[])
{
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* so that no child prints it again */
    char cores[16];
    (void)snprintf(cores, sizeof cores, "%ld", sysconf(_SC_NPROCESSORS_ONLN)); /* fits */
    struct options options;
    if (!parse_options(&options, argc, argv, cores) ||
        (options.memory && bench->memory == NULL)) {
        (void)fprintf(stderr,
                      "usage: %s PROGRAM [--dir DIR] [--units N] [--runs R] [--jobs J]\n"
                      "       %s\n",
                      bench->name, bench->more);
        return EXIT_FAILURE;
    }
    char folder[PATH_MAX];
    int len = snprintf(folder, sizeof folder, "%s/%s.XXXXXX", options.dir, bench->name);
    check(len > 0 && (size_t)len < sizeof folder && mkdtemp(folder) != NULL,
          "cannot create", folder);
    pid_t pid = fork();
    if (pid == 0) {
        check(chdir(folder) == 0, "cannot go to", folder);
        (options.memory ? bench->memory : bench->run)(&options);
        _exit(ferror(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    (void)signal(SIGINT, SIG_IGN); /* ends the children only; the signal is valid */
    int status = EXIT_FAILURE;
    bool ok = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
    remove_tree(folder);
    free(options.program);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
