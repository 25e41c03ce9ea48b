/* SPDX-License-Identifier: Apache-2.0 */
/* How many units an hour mfg_flash line makes against what its boards allow, what CPU it
 * costs; and how many without any board's time, with which memory. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700

#define BENCH "bench_line"

#include "tests/bench/bench_sim.h"

#include <sys/stat.h>

enum {
    APP_LEN = 1 << 20,
    BOARDS_MAX = 100,
    SLOTS = 32, /* of boards in this process */
    FEW_UNITS = 1000,
    MANY_UNITS = 10000,
};

struct bench {
    struct programs programs;
    const char *samples; /* folder with a boot loader and a small app */
    unsigned boards, runs;
    char dir[64];
    char plan[80];
};

/* ---- What is made ---- */

static FILE *create(const char *name)
{
    FILE *file = fopen(name, "wb");
    check(file != NULL, "cannot create", name);
    return file;
}

static void finish(FILE *file, const char *name)
{
    check(ferror(file) == 0 && fclose(file) == 0, "cannot write", name);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = create(name);
    fputs(text, file);
    finish(file, name);
}

/* As well to compress as programs are, to about two thirds: pieces of random bytes and
 * of zeros. xorshift: the same in every run. */
static void write_app(void)
{
    FILE *file = create("app1m.bin");
    uint32_t x = 2463534242u;
    for (size_t i = 0; i < APP_LEN; i++) {
        if (i / 64 % 8 < 3) {
            fputc(i % 64 == 0 ? (int)(i / 64 % 251) : 0, file);
            continue;
        }
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        fputc((int)(x >> 24), file);
    }
    finish(file, "app1m.bin");
}

static void copy_sample(const struct bench *bench, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/firmware/%s", bench->samples, name);
    FILE *from = fopen(path, "rb");
    check(from != NULL, "cannot read", path);
    FILE *to = create(name);
    for (int c; (c = fgetc(from)) != EOF;)
        fputc(c, to);
    (void)fclose(from); /* only read */
    finish(to, name);
}

static void write_values(unsigned units)
{
    FILE *file = create("values.csv");
    fputs("serial,number,name\n", file);
    for (unsigned i = 1; i <= units; i++)
        fprintf(file, "%06u,%u,device number %u\n", i, i * 3, i);
    finish(file, "values.csv");
}

static void write_job(const char *app)
{
    FILE *file = create("job.yaml");
    fprintf(file,
            "batch: bench\nchip: esp32c3\nflash: {size: 4MB}\n"
            "partition_table: partitions.csv\nimages:\n"
            "  - {file: bootloader.bin, at: 0x0}\n"
            "  - {file: partition-table.bin, at: 0x8000}\n"
            "  - {file: %s, at: ota_0}\n"
            "units: {config: config.csv, values: values.csv, prefix: B, file_id: serial, "
            "at: nvs, encryption: hmac}\n"
            "efuses:\n  - burn_key: {purpose: HMAC_UP}\n",
            app);
    finish(file, "job.yaml");
}

/* A batch in a folder of its own, and into it. */
static void begin_batch(struct bench *bench, const char *app, unsigned units)
{
    static const char word[] = "Plan of the eFuses: ";
    char command[PATH_MAX + 64], line[LINE];
    check(mkdir("batch", 0777) == 0 && chdir("batch") == 0, "cannot make", "batch");
    write_text(
        "config.csv",
        "unit,namespace,\nserial,data,string\nnumber,data,u32\nname,data,string\n");
    write_text("partitions.csv", "nvs, data, nvs, 0x9000, 0x6000\n"
                                 "ota_0, app, ota_0, 0x20000, 0x100000\n");
    write_values(units);
    copy_sample(bench, "bootloader.bin");
    copy_sample(bench, "partition-table.bin");
    if (strcmp(app, "app.bin") == 0)
        copy_sample(bench, app);
    else
        write_app();
    write_job(app);
    (void)snprintf(command, sizeof command, "'%s' line job.yaml --check",
                   bench->programs.flash);
    FILE *out = popen(command, "r");
    check(out != NULL, "cannot start", command);
    bench->plan[0] = '\0';
    while (fgets(line, sizeof line, out) != NULL)
        if (strncmp(line, word, sizeof word - 1) == 0)
            (void)snprintf(bench->plan, sizeof bench->plan, "%.64s",
                           line + sizeof word - 1);
    check(pclose(out) == 0 && bench->plan[0] != '\0', "no plan from", command);
}

static void end_batch(void)
{
    check(chdir("..") == 0, "cannot leave", "batch");
    check(system("rm -rf batch") == 0, "cannot remove", "batch");
}

/* ---- Boards with a time of their own ---- */

static pid_t start_boards(const struct bench *bench, FILE **out)
{
    int ends[2];
    char count[16], line[LINE];
    check(pipe(ends) == 0, "cannot make", "pipe");
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC); /* of the boards is only the other end */
    (void)snprintf(count, sizeof count, "%u", bench->boards);
    pid_t pid =
        start((char *[]){bench->programs.sim, "--chip", "esp32c3", "--count", count,
                         "--link", "board", "--timing", "real", "--stats", NULL},
              ends[1]);
    (void)close(ends[1]);
    *out = fdopen(ends[0], "r");
    for (unsigned i = 0; i < bench->boards; i++)
        check(*out != NULL && fgets(line, sizeof line, *out) != NULL, "no answer from",
              bench->programs.sim);
    return pid;
}

/* The longest and the mean of what the boards needed. */
static void stop_boards(pid_t pid, FILE *out, double *longest_ms, double *mean_ms,
                        double *flash_ms)
{
    static const char needed[] = "\"needed_us\": ", flash[] = "\"flash_us\": ";
    char line[LINE];
    int status;
    unsigned count = 0;
    *longest_ms = *mean_ms = *flash_ms = 0;
    (void)kill(pid, SIGTERM); /* it may be gone, as the wait tells */
    while (fgets(line, sizeof line, out) != NULL) {
        const char *at = strstr(line, needed), *and = strstr(line, flash);
        if (at == NULL || and == NULL)
            continue;
        double ms = strtod(at + sizeof needed - 1, NULL) / 1e3;
        *longest_ms = ms > *longest_ms ? ms : *longest_ms;
        *mean_ms += ms;
        *flash_ms += strtod(and+sizeof flash - 1, NULL) / 1e3;
        count++;
    }
    (void)fclose(out); /* only read */
    check(waitpid(pid, &status, 0) == pid, "cannot wait for", "simulator");
    errno = 0;
    check(count > 0, "no numbers from", "simulator");
    *mean_ms /= count;
    *flash_ms /= count;
}

static void write_station(const struct bench *bench)
{
    FILE *file = create("station.yaml");
    fputs("name: bench\nbaud: 921600\nslots:\n", file);
    for (unsigned i = 0; i < bench->boards; i++)
        fprintf(file, "  - {name: S%u, port: board%u}\n", i, i);
    finish(file, "station.yaml");
}

static void paced(struct bench *bench)
{
    printf("%u boards at 921600 baud, each with boot loader, table, 1 MiB app, NVS and "
           "HMAC key:\n",
           bench->boards);
    for (unsigned i = 0; i < bench->runs; i++) {
        FILE *out;
        double longest, mean, flash;
        begin_batch(bench, "app1m.bin", bench->boards);
        write_station(bench);
        pid_t pid = start_boards(bench, &out);
        struct run run =
            run_flash((char *[]){bench->programs.flash, "line", "job.yaml", "--station",
                                 "station.yaml", "--approve", bench->plan, NULL});
        stop_boards(pid, out, &longest, &mean, &flash);
        end_batch();
        double possible = bench->boards * 3600e3 / longest;
        double made = bench->boards * 3600e3 / run.wall_ms;
        printf("  %.0f units/h of %.0f that the boards allow: %.3f (target 0.95); each "
               "needs %.2f s, %.2f s of it for its flash; CPU %.3f cores (target 0.5)\n",
               made, possible, made / possible, mean / 1e3, flash / 1e3,
               run.cpu_ms / run.wall_ms);
    }
}

/* ---- Boards that take no time ---- */

static void unpaced(struct bench *bench, unsigned units)
{
    char slots[32];
    struct rusage usage;
    int status;
    begin_batch(bench, "app.bin", units);
    (void)snprintf(slots, sizeof slots, "sim:esp32c3*%d", SLOTS);
    double begin = now_ms();
    pid_t pid = start((char *[]){bench->programs.flash, "line", "job.yaml", slots,
                                 "--approve", bench->plan, NULL},
                      -1);
    check(wait4(pid, &status, 0, &usage) == pid, "cannot wait for", "mfg_flash");
    double s = (now_ms() - begin) / 1e3;
    errno = 0;
    check(status == 0, "failed:", "mfg_flash line");
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("  %5u units in %6.1f s: %.0f units/s, CPU %.2f ms a unit, peak memory %.1f "
           "MiB\n",
           units, s, units / s, cpu * 1e3 / units, (double)usage.ru_maxrss / 1024);
    end_batch();
}

static bool read_options(struct bench *bench, int argc, char *argv[], bool *paced_only,
                         bool *unpaced_only, const char **dir)
{
    bool good = true;
    for (int c; (c = getopt(argc, argv, "d:n:r:pu")) != -1;) {
        if (c == 'd')
            *dir = optarg;
        else if (c == 'n')
            bench->boards = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'r')
            bench->runs = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'p')
            *paced_only = true;
        else if (c == 'u')
            *unpaced_only = true;
        else
            good = false;
    }
    return good && argc - optind == 3 && bench->boards > 1 && bench->boards <= BOARDS_MAX;
}

int main(int argc, char *argv[])
{
    struct bench bench = {.boards = 32, .runs = 1};
    bool paced_only = false, unpaced_only = false;
    const char *dir = "/var/tmp"; /* on a disk, for the ledger */
    if (!read_options(&bench, argc, argv, &paced_only, &unpaced_only, &dir)) {
        fputs(
            "usage: bench_line [-d DIR] [-n BOARDS] [-r RUNS] [-p] [-u] MFG_FLASH "
            "MFG_SIM SAMPLES\n"
            "  -n  2 or more (32)\n"
            "  -p  only boards that take their time    -u  only boards that take none\n",
            stderr);
        return 2;
    }
    char *samples = realpath(argv[optind + 2], NULL);
    check(samples != NULL, "cannot find", argv[optind + 2]);
    bench.samples = samples;
    (void)snprintf(bench.dir, sizeof bench.dir, "%s/bench_line.XXXXXX", dir);
    enter(&bench.programs, argv[optind], argv[optind + 1], bench.dir);
    if (!unpaced_only)
        paced(&bench);
    if (!paced_only) {
        printf("boards that take no time, %d slots, ledger and keys in %s:\n", SLOTS,
               dir);
        unpaced(&bench, FEW_UNITS);
        unpaced(&bench, MANY_UNITS);
    }
    leave(&bench.programs, bench.dir);
    free(samples);
    return EXIT_SUCCESS;
}
