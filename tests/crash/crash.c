/* SPDX-License-Identifier: Apache-2.0 */
/* Kills 'mfg_flash line' at random moments and takes the power from boards at others,
 * with links that lose and change bytes, until each batch is done; then proves that
 * nothing was lost or mixed up. */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "config.h"

#include "tests/crash/crash.h"

#include <signal.h>

enum { BATCHES_MAX = 500 };

static void report_hits(const char *what, const unsigned long long hits[HITS])
{
    static const char *const names[HITS] = {
        [HIT_CONNECT] = "before the claim",
        [HIT_CLAIMED] = "claimed",
        [HIT_FLASHED] = "flashed",
        [HIT_BURNING] = "burning",
        [HIT_BURNED] = "burned",
    };
    printf("  %-34s", what);
    for (unsigned i = 0; i < HITS; i++)
        printf("%s %llu %s", i == 0 ? "" : ",", hits[i], names[i]);
    putchar('\n');
}

static void report(const struct tally *t)
{
    printf("stages by the ledger:\n");
    report_hits("kills that found a board there:", t->kills_at);
    report_hits("boards there at a kill:", t->kill_hits);
    report_hits("power cuts by signal:", t->cut_hits);
    printf("%llu batches, %llu runs, %llu events recorded, %llu of them told\n",
           t->batches, t->runs, t->events, t->told);
    printf("%llu kills, %llu power cuts (and %llu by fault=power; %llu within burns), "
           "%llu bytes dropped, %llu garbled, %llu units, %llu violations\n",
           t->kills, t->cuts, t->power_cuts > t->cuts ? t->power_cuts - t->cuts : 0,
           t->cut_burns, t->lost_bytes, t->changed_bytes, t->units, t->violations);
}

static void run_one(struct tally *tally, uint64_t *random, const struct batch *from,
                    unsigned long long kills, unsigned long long cuts)
{
    struct batch batch = *from;
    char folder[32];
    unsigned long long before = tally->violations;
    batch.tally = tally;
    batch.random = random;
    batch.number = (unsigned)++tally->batches;
    (void)snprintf(folder, sizeof folder, "batch%u", batch.number);
    make_folder(folder);
    require(chdir(folder) == 0, folder);
    world_begin(&batch);
    run_batch(&batch, kills, cuts);
    world_boards_off(&batch);
    prove(&batch);
    if (tally->violations == before) {
        world_end(&batch);
        return;
    }
    printf("batch %u is left in %s\n", batch.number, folder);
    require(chdir("..") == 0, "..");
}

int main(int argc, char *argv[])
{
    struct tally tally = {0};
    if (argc != 8) {
        fputs("usage: line_crash MFG_FLASH MFG_SIM SAMPLES SEED BOARDS KILLS CUTS\n",
              stderr);
        return 2;
    }
    struct batch from = {.flash_program = realpath(argv[1], NULL),
                         .sim_program = realpath(argv[2], NULL),
                         .samples = realpath(argv[3], NULL)};
    uint64_t seed = strtoull(argv[4], NULL, 0);
    if (*argv[4] == '\0')
        seed = (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
    from.board_count = (unsigned)strtoul(argv[5], NULL, 10);
    unsigned long long kills = strtoull(argv[6], NULL, 10);
    unsigned long long cuts = strtoull(argv[7], NULL, 10);
    require(from.flash_program != NULL && from.sim_program != NULL &&
                from.samples != NULL && from.board_count > 0 &&
                from.board_count <= BOARDS_MAX,
            "arguments");
    printf("line_crash: seed %llu, %u boards, %llu kills, %llu power cuts\n",
           (unsigned long long)seed, from.board_count, kills, cuts);
    const char *tmp = getenv("TMPDIR");
    char folder[PATH_LEN];
    join(folder, tmp == NULL || *tmp == '\0' ? "/tmp" : tmp, "/line_crash.XXXXXX", "");
    require(mkdtemp(folder) != NULL && chdir(folder) == 0, folder);
    double began = now_s();
    while ((tally.batches == 0 || tally.kills < kills || tally.cuts < cuts) &&
           tally.batches < BATCHES_MAX && tally.violations == 0)
        run_one(&tally, &seed, &from, kills, cuts);
    report(&tally);
    printf("%.0f s\n", now_s() - began);
    require(chdir("/") == 0, "/");
    if (tally.violations == 0)
        remove_tree(folder);
    else
        printf("what is left is in %s\n", folder);
    free((char *)from.flash_program);
    free((char *)from.sim_program);
    free((char *)from.samples);
    return tally.violations == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
