/* SPDX-License-Identifier: Apache-2.0 */
/* Which stage the boards were in when something hit them: as the ledger has it. */
#include "config.h"

#include "tests/crash/crash.h"

static int find_board(const struct batch *batch, const char *mac)
{
    for (unsigned i = 0; i < batch->board_count; i++)
        if (strcmp(batch->boards[i].mac, mac) == 0)
            return (int)i;
    return -1;
}

/* Where each board stood at a moment; HITS: not under way. */
static void look_back(enum hit at[BOARDS_MAX], const struct batch *batch,
                      const struct moment *moment, const struct happened *events,
                      size_t count)
{
    for (unsigned i = 0; i < batch->board_count; i++)
        at[i] = i % batch->station_count == moment->station ? HIT_CONNECT : HITS;
    for (size_t i = 0; i < count && strcmp(events[i].time, moment->time) <= 0; i++) {
        int board = find_board(batch, events[i].mac);
        if (board >= 0 && (unsigned)board % batch->station_count != moment->station)
            continue;
        bool of_run = strcmp(events[i].time, moment->run_began) >= 0;
        if (board < 0 || (!of_run && !events[i].done))
            continue;
        at[board] = events[i].at_work ? events[i].after : HITS;
    }
}

void count_hits(struct batch *batch, const struct happened *events, size_t count)
{
    struct tally *tally = batch->tally;
    for (size_t i = 0; i < batch->moment_count; i++) {
        const struct moment *moment = &batch->moments[i];
        enum hit at[BOARDS_MAX];
        bool seen[HITS + 1] = {false};
        if (moment->board == NOBODY)
            continue;
        look_back(at, batch, moment, events, count);
        if (moment->board >= 0) {
            if (at[moment->board] != HITS)
                tally->cut_hits[at[moment->board]]++;
            continue;
        }
        for (unsigned k = 0; k < batch->board_count; k++) {
            if (at[k] == HITS)
                continue;
            tally->kill_hits[at[k]]++;
            tally->kills_at[at[k]] += !seen[at[k]];
            seen[at[k]] = true;
        }
    }
}
