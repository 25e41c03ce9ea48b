/* SPDX-License-Identifier: Apache-2.0 */
/* How much longer mfg_flash takes than wire and flash chip need, and what CPU
 * it costs. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RUNS = 101, MIB = 1 << 20, LINE = 4096 };

/* What is written, and what the CPU of it may be; 0: no target. */
static const struct payload {
    const char *name;
    size_t len;
    bool random;
    double cpu_target_ms;
} payloads[] = {
    {"nvs16k.bin", 16384, true, 15},
    {"random1m.bin", MIB, true, 60},
    {"text1m.bin", MIB, false, 0},
};
enum { PAYLOADS = sizeof payloads / sizeof payloads[0] };

static const char *const rates[] = {"115200", "460800", "921600", "2000000"};
enum { RATES = sizeof rates / sizeof rates[0] };

struct programs {
    char *flash, *sim;
    const char *chip;
};

static void check(bool ok, const char *what, const char *name)
{
    if (ok)
        return;
    fprintf(stderr, "bench_flash: %s '%s'%s%s\n", what, name, errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    exit(EXIT_FAILURE);
}

static double now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with this clock */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The same bytes in every run: xorshift, or log lines with a running number. */
static void write_payload(const struct payload *payload)
{
    FILE *file = fopen(payload->name, "wb");
    check(file != NULL, "cannot create", payload->name);
    uint32_t x = 2463534242u;
    for (size_t done = 0; done < payload->len;) {
        char piece[64];
        size_t len = sizeof piece;
        for (size_t i = 0; payload->random && i < sizeof piece; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            piece[i] = (char)(x >> 24);
        }
        if (!payload->random)
            len = (size_t)snprintf(piece, sizeof piece, "%06zu: state %u, all is well\n",
                                   done, (unsigned)(done * 2654435761u % 97));
        if (len > payload->len - done)
            len = payload->len - done;
        check(fwrite(piece, 1, len, file) == len, "cannot write", payload->name);
        done += len;
    }
    check(fclose(file) == 0, "cannot write", payload->name);
}

/* ---- Children ---- */

/* Start a program; what it prints goes to @p out_fd, -1: nowhere. */
static pid_t start(char *const argv[], int out_fd)
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

static struct run run_flash(char *const argv[])
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
static struct sim start_sim(const struct programs *p, const char *timing)
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
static double stop_sim(struct sim *sim, const char *key)
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

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], by_size);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void paced(const struct programs *p, unsigned runs)
{
    printf("time of a whole write against what wire and flash chip need, %s, "
           "medians\n",
           p->chip);
    printf("%-14s %9s %11s %11s %7s\n", "file", "baud", "needed ms", "taken ms", "ratio");
    for (size_t f = 0; f < PAYLOADS; f++)
        for (size_t r = 0; r < RATES; r++) {
            double ratios[MAX_RUNS], needed = 0, taken = 0;
            for (unsigned i = 0; i < runs; i++) {
                struct sim sim = start_sim(p, "real");
                char *argv[] = {p->flash,
                                "--port",
                                sim.port,
                                "--baud",
                                (char *)rates[r],
                                "write-flash",
                                "0x10000",
                                (char *)payloads[f].name,
                                NULL};
                taken = run_flash(argv).wall_ms;
                needed = stop_sim(&sim, "needed_us") / 1e3;
                ratios[i] = taken / needed;
            }
            printf("%-14s %9s %11.0f %11.0f %7.3f\n", payloads[f].name, rates[r], needed,
                   taken, median(ratios, runs));
        }
}

static void unpaced(const struct programs *p, unsigned runs)
{
    printf("CPU of a whole process, unpaced PTY, medians of %u\n", runs);
    for (size_t f = 0; f < PAYLOADS; f++) {
        double cpu[MAX_RUNS], wall[MAX_RUNS];
        struct sim sim = start_sim(p, "none");
        for (unsigned i = 0; i < runs; i++) {
            char *argv[] = {p->flash,      "--port",  sim.port,
                            "write-flash", "0x10000", (char *)payloads[f].name,
                            NULL};
            struct run run = run_flash(argv);
            cpu[i] = run.cpu_ms;
            wall[i] = run.wall_ms;
        }
        (void)stop_sim(&sim, "needed_us"); /* the number is of paced runs */
        printf("%-14s %7.1f ms CPU, %7.1f ms wall", payloads[f].name, median(cpu, runs),
               median(wall, runs));
        if (payloads[f].cpu_target_ms > 0)
            printf("  (target %.0f ms CPU)", payloads[f].cpu_target_ms);
        putchar('\n');
    }
}

/* From the start of the process to its first byte on a PTY nobody answers on.
 */
static double first_byte_ms(const struct programs *p)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    check(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0, "cannot open",
          "PTY");
    char *port = ptsname(master);
    int slave = open(port, O_RDWR | O_NOCTTY); /* so that the master can always be read */
    struct termios raw;
    check(slave >= 0 && tcgetattr(slave, &raw) == 0, "cannot open", port);
    raw.c_lflag &= (tcflag_t) ~(ECHO | ICANON);
    check(tcsetattr(slave, TCSANOW, &raw) == 0, "cannot set", port);
    double begin = now_ms();
    pid_t pid = start((char *[]){p->flash, "--port", port, "read-mac", NULL}, -1);
    struct pollfd event = {.fd = master, .events = POLLIN};
    check(poll(&event, 1, 5000) == 1, "nothing came from", p->flash);
    double ms = now_ms() - begin;
    (void)kill(pid, SIGKILL); /* it would try on */
    (void)waitpid(pid, NULL, 0);
    (void)close(slave);
    (void)close(master);
    return ms;
}

int main(int argc, char *argv[])
{
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    unsigned runs = 1, quick_runs = 15;
    struct programs p = {.chip = "esp32c3"};
    bool usage = false, only_quick = false;
    for (int c; (c = getopt(argc, argv, "c:r:q")) != -1;) {
        if (c == 'c')
            p.chip = optarg;
        else if (c == 'r')
            runs = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'q')
            only_quick = true;
        else
            usage = true;
    }
    if (usage || argc - optind != 2 || runs < 1 || runs > MAX_RUNS) {
        fputs("usage: bench_flash [-c CHIP] [-r RUNS] [-q] MFG_FLASH MFG_SIM\n"
              "  -r  runs of each paced write (1)    -q  only what takes seconds\n",
              stderr);
        return 2;
    }
    p.flash = realpath(argv[optind], NULL);
    p.sim = realpath(argv[optind + 1], NULL);
    check(p.flash != NULL, "cannot find", argv[optind]);
    check(p.sim != NULL, "cannot find", argv[optind + 1]);
    char dir[] = "/tmp/bench_flash.XXXXXX";
    check(mkdtemp(dir) != NULL && chdir(dir) == 0, "cannot make", dir);
    for (size_t i = 0; i < PAYLOADS; i++)
        write_payload(&payloads[i]);

    double first[MAX_RUNS];
    for (unsigned i = 0; i < quick_runs; i++)
        first[i] = first_byte_ms(&p);
    printf("process start to first byte: %.1f ms (target 10 ms)\n",
           median(first, quick_runs));
    unpaced(&p, quick_runs);
    if (!only_quick)
        paced(&p, runs);

    for (size_t i = 0; i < PAYLOADS; i++)
        (void)remove(payloads[i].name); /* a leftover in /tmp does no harm */
    check(chdir("/") == 0 && rmdir(dir) == 0, "cannot remove", dir);
    free(p.flash);
    free(p.sim);
    return EXIT_SUCCESS;
}
