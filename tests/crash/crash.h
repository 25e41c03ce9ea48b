/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the crash harness: a batch with its boards and stations, what the lines
 * told, the proof at the end. */
#ifndef TESTS_CRASH_CRASH_H
#define TESTS_CRASH_CRASH_H

#include <espmfg/export.h>

#include "tests/program_util.h"

#include <jansson.h>
#include <sys/types.h>

enum {
    BOARDS_MAX = 64,
    STATIONS_MAX = 2,
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

/* So often, in all batches. */
struct goals {
    unsigned long long kills, cuts, server_kills, net_cuts;
};

/* Numbers of all batches. */
struct tally {
    unsigned long long server_kills, net_cuts;
    unsigned long long away; /* runs that ended as the server was away for too long */
    unsigned long long kept; /* events that were in a journal first */
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
    unsigned station;
};

/* The way of a station to the server: by a network that can be cut. */
struct way {
    pid_t pid;
    FILE *from;
    int to;
    unsigned port;
    double muted_until_s; /* 0: it passes everything on */
    double disturbed_s;   /* when something happened to it, or to the server */
};

/* A batch in the current folder. */
struct batch {
    struct tally *tally;
    uint64_t *random;
    struct goals goals;
    unsigned number, board_count, station_count;
    unsigned left;      /* boards that are not done, as told last */
    const char *server; /* its URL; NULL: the ledger is a file */
    const char *server_program, *cut_program;
    unsigned wait_s;  /* so long lines wait for the server */
    pid_t server_pid; /* kills the server and starts it again; 0: it is there */
    struct way ways[STATIONS_MAX];
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
void note_moment(struct batch *batch, const char *run_began, unsigned station, int board);

/* ---- server.c ---- */

/* The ways of all stations to the server; nothing without one. */
void server_begin(struct batch *batch);
void server_end(struct batch *batch);
/* The batch's ledger, on the way of a station; -1: straight on. */
void server_ledger(char out[PATH_LEN], const struct batch *batch, int station);
/* Its processes are killed, or it is told to stop at once; then it is started again. */
void server_kill(struct batch *batch);
bool server_is_away(struct batch *batch);
/* Something happens to the way of a station; @p seconds until it is over. */
void server_cut(struct batch *batch, unsigned station, double seconds);
/* What was cut for long enough works again. */
void server_mend(struct batch *batch);
bool server_disturbed(const struct batch *batch, unsigned station, double since_s);

/* ---- run.c ---- */

/* Something that is going to be done at a random moment. */
struct intent {
    bool wanted;
    const struct sign *sign; /* NULL: just a time */
    unsigned left;           /* so many more of these signs */
    double delay_s;          /* after the sign */
    double due_s;            /* at the latest, until the sign was seen */
    bool seen;
    int board;
};

/* A line on its way, again and again until its boards are done. */
struct run {
    struct batch *batch;
    struct storm *storm;
    unsigned station, count;
    pid_t pid;      /* 0: it is not running */
    int fd, what;   /* what ended it, if not itself */
    double start_s; /* not before that */
    char began[STAMP];
    double began_s;
    bool working, done;
    char last[1024]; /* what it said last */
    struct intent kill;
    char *text; /* the line that is not ended yet */
    size_t len, room;
};

/* Start the lines again and again, and let everything happen up to the goals, until the
 * batch is done. */
void run_batch(struct batch *batch);

/* ---- storm.c ---- */

/* What is going to happen next, and to whom. */
struct storm {
    struct batch *batch;
    struct run *runs;
    struct intent cut;
    double server_s, net_s; /* 0: nothing */
};

enum { TIMED_OUT = -2, KILLED = -1 };

void storm_begin(struct storm *storm, struct batch *batch, struct run *runs);
/* A run begins: plan for it. */
void storm_plan(struct run *run);
/* What a line said may be a sign. */
void storm_hear(struct run *run, const json_t *object, const char *event);
/* When something is due, at @p until at the latest. */
double storm_next(const struct storm *storm, double until);
/* What is due is done. */
void storm_strike(struct storm *storm);

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
