/* SPDX-License-Identifier: Apache-2.0 */
/* eFuses: reading and burning over the wire against what the wire needs, and a whole
 * process on a virtual chip. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700
#define BENCH         "bench_efuse"

#include "tests/bench/bench_sim.h"

#include <sys/stat.h>

enum { KEY_LEN = 32, QUICK_RUNS = 31 };

#define FOURTEEN_FIELDS                                                                  \
    "burn-efuse", "DIS_ICACHE", "1", "DIS_USB_JTAG", "1", "DIS_DOWNLOAD_ICACHE", "1",    \
        "DIS_FORCE_DOWNLOAD", "1", "DIS_TWAI", "1", "SOFT_DIS_JTAG", "7",                \
        "DIS_PAD_JTAG", "1", "USB_EXCHG_PINS", "1", "VDD_SPI_AS_GPIO", "1",              \
        "WDT_DELAY_SEL", "1", "DIS_DIRECT_BOOT", "1", "FORCE_SEND_RESUME", "1",          \
        "SECURE_VERSION", "1", "ERR_RST_ENABLE", "1"

static void write_key(void)
{
    FILE *file = fopen("key.bin", "wb");
    check(file != NULL && fchmod(fileno(file), 0600) == 0, "cannot create", "key.bin");
    for (int i = 0; i < KEY_LEN; i++)
        (void)fputc(i * 7 + 1, file); /* fclose() tells */
    check(fclose(file) == 0, "cannot write", "key.bin");
}

/* A command on a paced chip: the time it took against what wire and chip needed. */
static void paced(const struct programs *p, const char *name, char *const command[],
                  size_t words, unsigned runs)
{
    double ratios[MAX_RUNS], needed = 0, taken = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct sim sim = start_sim(p, "real");
        char *argv[64] = {p->flash, "efuse", "--port", sim.port, "--do-not-confirm"};
        size_t n = 5;
        for (size_t w = 0; w < words; w++)
            argv[n++] = command[w];
        taken = run_flash(argv).wall_ms;
        needed = stop_sim(&sim, "needed_us") / 1e3;
        ratios[i] = taken / needed;
    }
    printf("%-28s %9.0f %9.0f %7.3f\n", name, needed, taken, median(ratios, runs));
}

/* burn-key into a fresh virtual chip. */
static double burn_virtual_ms(const struct programs *p)
{
    struct run run =
        run_flash((char *[]){p->flash, "efuse", "--chip", (char *)p->chip, "--virt",
                             "--path-efuse-file", "efuse.bin", "--do-not-confirm",
                             "burn-key", "BLOCK_KEY0", "key.bin", "HMAC_UP", NULL});
    check(remove("efuse.bin") == 0, "cannot remove", "efuse.bin");
    return run.wall_ms;
}

int main(int argc, char *argv[])
{
    if (argc != 3) {
        fputs("usage: bench_efuse MFG_FLASH MFG_SIM\n", stderr);
        return 2;
    }
    struct programs p = {.chip = "esp32c3"};
    char dir[] = "/tmp/bench_efuse.XXXXXX";
    enter(&p, argv[1], argv[2], dir);
    write_key();

    printf("115200 baud, %s, medians\n%-28s %9s %9s %7s\n", p.chip, "", "needed ms",
           "taken ms", "ratio");
    char *summary[] = {"summary"};
    char *fields[] = {FOURTEEN_FIELDS};
    char *key[] = {"burn-key", "BLOCK_KEY0", "key.bin", "HMAC_UP"};
    paced(&p, "summary", summary, 1, 7);
    paced(&p, "14 fields in one call", fields, sizeof fields / sizeof fields[0], 7);
    paced(&p, "burn-key", key, 4, 7);
    double ms[QUICK_RUNS];
    for (unsigned i = 0; i < QUICK_RUNS; i++)
        ms[i] = burn_virtual_ms(&p);
    printf("virtual burn-key, whole process: %.1f ms (target 10 ms)\n",
           median(ms, QUICK_RUNS));

    check(remove("key.bin") == 0, "cannot remove", "key.bin");
    leave(&p, dir);
    return EXIT_SUCCESS;
}
