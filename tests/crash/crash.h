/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the crash harness: a batch with its boards, what the line told, the proof
 * at the end. */
#ifndef TESTS_CRASH_CRASH_H
#define TESTS_CRASH_CRASH_H

#include <espmfg/export.h>

#include "tests/program_util.h"

#include <sys/types.h>

enum {
    BOARDS_MAX = 64,
    STAMP = 32, /* "2026-11-21T15:40:31.302Z" */
    MAC_TEXT = 18,
    ALL_BOARDS = -1,
    NOBODY = -2,
    BLOB_LEN = 300,
    NVS_ADDR = 0x9000,
    NVS_LEN = 0x6000,
    APP_ADDR = 0x10000,
};

/* How far a board was when something hit it; by the ledger. */
enum hit { HIT_CONNECT, HIT_CLAIMED, HIT_FLASHED, HIT_BURNING, HIT_BURNED, HITS };

/* Numbers of all batches. */
struct tally {
    unsigned long long kills, cuts;                                      /* by signals */
    unsigned long long power_cuts, cut_burns, lost_bytes, changed_bytes; /* in all */
    unsigned long long units, batches, runs, events, told, violations;
    unsigned long long kill_hits[HITS]; /* boards that were there at a kill */
    unsigned long long kills_at[HITS];  /* kills that found a board there */
    unsigned long long cut_hits[HITS];
};

struct board {
    pid_t pid;
    FILE *out; /* of its simulator */
    char port[16];
    char mac[MAC_TEXT]; /* read from its fuses at the end */
    uint8_t key[32];    /* likewise */
};

/* A kill, or a power cut of one board. */
struct moment {
    char run_began[STAMP], time[STAMP];
    int board; /* or ALL_BOARDS: the line was killed; NOBODY: it had ended */
};

/* A batch in the current folder. */
struct batch {
    struct tally *tally;
    uint64_t *random;
    unsigned number, board_count;
    unsigned left; /* boards that are not done, as told last */
    const char *flash_program, *sim_program, *samples;
    char plan[128]; /* hash that is approved */
    struct board boards[BOARDS_MAX];
    struct moment *moments;
    size_t moment_count, moment_room;
    char **told; /* "MAC|STEP|OUTCOME|DETAIL" */
    size_t told_count, told_room;
};

/* ---- world.c ---- */

/* Fill the current, empty folder, and switch the boards on. */
void world_begin(struct batch *batch);
/* Switch them off and count what happened to them. */
void world_boards_off(struct batch *batch);
/* Remove all of it. */
void world_end(struct batch *batch);

/* The values of a unit. */
void world_serial(char out[32], const struct batch *batch, unsigned unit);
void world_blob(uint8_t out[BLOB_LEN], const struct batch *batch, unsigned unit);

void stamp_now(char out[STAMP]);
void note_moment(struct batch *batch, const char *run_began, int board);

/* ---- run.c ---- */

/* Start the line again and again, kill it and cut power up to the given numbers in all,
 * until the batch is done. */
void run_batch(struct batch *batch, unsigned long long kills, unsigned long long cuts);

/* ---- proof.c, hits.c ---- */

void violation(struct batch *batch, const char *format, ...) EM_PRINTF(2, 3);
/* Everything that has to hold at the end. */
void prove(struct batch *batch);

/* An event of the ledger. */
struct happened {
    char time[STAMP], mac[MAC_TEXT];
    enum hit after;
    bool at_work; /* the board goes on from here */
    bool done;
};
void count_hits(struct batch *batch, const struct happened *events, size_t count);

#endif
