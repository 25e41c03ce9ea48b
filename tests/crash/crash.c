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

static void report_server(const struct tally *t)
{
    printf("%llu server kills, %llu network cuts, %llu runs that the server was away for "
           "too long, %llu events kept in a journal first\n",
           t->server_kills, t->net_cuts, t->away, t->kept);
}

static bool is_enough(const struct tally *tally, const struct goals *goals)
{
    return tally->batches > 0 && tally->kills >= goals->kills &&
           tally->cuts >= goals->cuts && tally->server_kills >= goals->server_kills &&
           tally->net_cuts >= goals->net_cuts;
}

static void run_one(struct tally *tally, uint64_t *random, const struct batch *from)
{
    /* Longer than a server takes to come back, and shorter. */
    static const unsigned waits_s[] = {60, 60, 1};
    struct batch batch = *from;
    char folder[32];
    unsigned long long before = tally->violations;
    batch.tally = tally;
    batch.random = random;
    batch.number = (unsigned)++tally->batches;
    batch.wait_s = waits_s[batch.number % 3];
    (void)snprintf(folder, sizeof folder, "batch%u", batch.number);
    make_folder(folder);
    require(chdir(folder) == 0, folder);
    world_begin(&batch);
    run_batch(&batch);
    world_boards_off(&batch);
    server_end(&batch);
    prove(&batch);
    if (tally->violations == before) {
        world_end(&batch);
        return;
    }
    printf("batch %u is left in %s\n", batch.number, folder);
    require(chdir("..") == 0, "..");
}

static void take_arguments(struct batch *from, uint64_t *seed, int argc, char *argv[])
{
    *from = (struct batch){.flash_program = realpath(argv[1], NULL),
                           .sim_program = realpath(argv[2], NULL),
                           .samples = realpath(argv[3], NULL),
                           .station_count = 1};
    *seed = strtoull(argv[4], NULL, 0);
    if (*argv[4] == '\0')
        *seed = (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
    from->board_count = (unsigned)strtoul(argv[5], NULL, 10);
    from->goals.kills = strtoull(argv[6], NULL, 10);
    from->goals.cuts = strtoull(argv[7], NULL, 10);
    if (argc == 13) {
        from->server = argv[8];
        from->server_program = realpath(argv[9], NULL);
        from->cut_program = realpath(argv[10], NULL);
        from->goals.server_kills = strtoull(argv[11], NULL, 10);
        from->goals.net_cuts = strtoull(argv[12], NULL, 10);
        from->station_count = STATIONS_MAX;
        require(from->server_program != NULL && from->cut_program != NULL &&
                    strchr(from->server, ':') != NULL,
                "arguments");
    }
    require(from->flash_program != NULL && from->sim_program != NULL &&
                from->samples != NULL && from->board_count >= from->station_count &&
                from->board_count <= BOARDS_MAX,
            "arguments");
    printf("line_crash: seed %llu, %u boards, %u stations, %llu kills, %llu power cuts\n",
           (unsigned long long)*seed, from->board_count, from->station_count,
           from->goals.kills, from->goals.cuts);
}

int main(int argc, char *argv[])
{
    struct tally tally = {0};
    struct batch from;
    uint64_t seed;
    if (argc != 8 && argc != 13) {
        fputs("usage: line_crash MFG_FLASH MFG_SIM SAMPLES SEED BOARDS KILLS CUTS\n"
              "       [SERVER-URL SERVER-PROGRAM TCP_CUT SERVER-KILLS NET-CUTS]\n",
              stderr);
        return 2;
    }
    take_arguments(&from, &seed, argc, argv);
    const char *tmp = getenv("TMPDIR");
    char folder[PATH_LEN];
    join(folder, tmp == NULL || *tmp == '\0' ? "/tmp" : tmp, "/line_crash.XXXXXX", "");
    require(mkdtemp(folder) != NULL && chdir(folder) == 0, folder);
    double began = now_s();
    while (!is_enough(&tally, &from.goals) && tally.batches < BATCHES_MAX &&
           tally.violations == 0)
        run_one(&tally, &seed, &from);
    report(&tally);
    if (from.server != NULL)
        report_server(&tally);
    printf("%.0f s\n", now_s() - began);
    require(chdir("/") == 0, "/");
    if (tally.violations == 0)
        remove_tree(folder);
    else
        printf("what is left is in %s\n", folder);
    free((char *)from.flash_program);
    free((char *)from.sim_program);
    free((char *)from.samples);
    free((char *)from.server_program);
    free((char *)from.cut_program);
    return tally.violations == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
