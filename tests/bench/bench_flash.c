/* SPDX-License-Identifier: Apache-2.0 */
/* How much longer mfg_flash takes than wire and flash chip need, and what CPU
 * it costs. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700

#define BENCH "bench_flash"

#include "tests/bench/bench_sim.h"

#include <poll.h>
#include <termios.h>

enum { MIB = 1 << 20, QUICK_RUNS = 15 };

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
    unsigned runs = 1;
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
    char dir[] = "/tmp/bench_flash.XXXXXX";
    enter(&p, argv[optind], argv[optind + 1], dir);
    for (size_t i = 0; i < PAYLOADS; i++)
        write_payload(&payloads[i]);

    double first[MAX_RUNS];
    for (unsigned i = 0; i < QUICK_RUNS; i++)
        first[i] = first_byte_ms(&p);
    printf("process start to first byte: %.1f ms (target 10 ms)\n",
           median(first, QUICK_RUNS));
    unpaced(&p, QUICK_RUNS);
    if (!only_quick)
        paced(&p, runs);

    for (size_t i = 0; i < PAYLOADS; i++)
        (void)remove(payloads[i].name); /* a leftover in /tmp does no harm */
    leave(&p, dir);
    return EXIT_SUCCESS;
}
