/* SPDX-License-Identifier: Apache-2.0 */
/* A batch on disk: job, station, tables, images; and its boards. */
#include "config.h"

#include "tests/crash/crash.h"

#include <signal.h>

enum { BACK_AFTER_MS = 150 };

/* For each byte on the wire and each command: a few faults a round of all boards. */
static const char link_faults[] = "drop=0.000004,garble=0.000004,power=0.0005";

/* ---- Values: the same for the same batch and unit ---- */

void world_serial(char out[32], const struct batch *batch, unsigned unit)
{
    (void)snprintf(out, 32, "%04u-%06u", batch->number, unit * 7);
}

void world_blob(uint8_t out[BLOB_LEN], const struct batch *batch, unsigned unit)
{
    uint64_t random = (uint64_t)batch->number << 32 | unit;
    for (size_t i = 0; i < BLOB_LEN; i++)
        out[i] = (uint8_t)next_random(&random);
}

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "w");
    require(file != NULL, path);
    return file;
}

static void finish(FILE *file, const char *path)
{
    require(ferror(file) == 0 && fclose(file) == 0, path);
}

static void write_values(const struct batch *batch)
{
    FILE *file = create("values.csv");
    fputs("serial,number,blob\n", file);
    for (unsigned unit = 1; unit <= batch->board_count; unit++) {
        char serial[32];
        uint8_t blob[BLOB_LEN];
        world_serial(serial, batch, unit);
        world_blob(blob, batch, unit);
        fprintf(file, "%s,%u,", serial, unit * 1000003);
        for (size_t i = 0; i < BLOB_LEN; i++)
            fprintf(file, "%02x", blob[i]);
        fputc('\n', file);
    }
    finish(file, "values.csv");
}

static void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

/* The boards are shared out. */
static void write_station(const struct batch *batch, unsigned station)
{
    char path[32];
    (void)snprintf(path, sizeof path, "station%u.yaml", station);
    FILE *file = create(path);
    fprintf(file, "name: crash%u\nbaud: 460800\nslots:\n", station);
    for (unsigned i = station; i < batch->board_count; i += batch->station_count)
        fprintf(file, "  - {name: S%u, port: %s}\n", i, batch->boards[i].port);
    finish(file, path);
}

static void write_job(const struct batch *batch)
{
    FILE *file = create("job.yaml");
    fprintf(file, "batch: CRASH-%u\n", batch->number);
    fputs("chip: esp32c3\npartition_table: partitions.csv\n"
          "images:\n  - {file: bootloader.bin, at: 0x0}\n  - {file: app.bin, at: app}\n"
          "units:\n  config: config.csv\n  values: values.csv\n  prefix: CR\n"
          "  file_id: serial\n  at: nvs\n  encryption: hmac\n  keys_dir: keys\n"
          "efuses:\n  - burn_key: {purpose: HMAC_UP}\n"
          "retry: {attempts: 1000, stop_after: 0}\nkeys_after: keep\n",
          file);
    finish(file, "job.yaml");
    for (unsigned station = 0; station < batch->station_count; station++)
        write_station(batch, station);
}

static void copy_sample(const struct batch *batch, const char *name)
{
    char path[PATH_LEN];
    join(path, batch->samples, "/firmware", name);
    copy_file(path, name);
}

/* ---- Boards ---- */

static const char *const burn_faults[] = {"", ",power-cut-at=efuse-burn:1",
                                          ",power-cut-at=efuse-burn:2", ""};
enum { BURN_FAULTS = sizeof burn_faults / sizeof burn_faults[0] };

static void switch_on(struct batch *batch, unsigned i)
{
    struct board *board = &batch->boards[i];
    char flash[32], efuse[32], journal[32], seed[32], back[16], faults[128], line[512];
    int ends[2];
    (void)snprintf(flash, sizeof flash, "%s.flash", board->port);
    (void)snprintf(efuse, sizeof efuse, "%s.efuse", board->port);
    (void)snprintf(journal, sizeof journal, "%s.journal", board->port);
    (void)snprintf(seed, sizeof seed, "%u",
                   (unsigned)(next_random(batch->random) & 0x7fffffff));
    (void)snprintf(back, sizeof back, "%d", BACK_AFTER_MS);
    /* A burn is short. Of some boards the first or the second one is met for sure. */
    (void)snprintf(faults, sizeof faults, "%s%s", link_faults,
                   burn_faults[next_random(batch->random) % BURN_FAULTS]);
    const char *argv[] = {batch->sim_program,
                          "--chip",
                          "esp32c3",
                          "--link",
                          board->port,
                          "--flash",
                          flash,
                          "--flash-size",
                          "1MB",
                          "--efuse",
                          efuse,
                          "--journal",
                          journal,
                          "--seed",
                          seed,
                          "--fault",
                          faults,
                          "--back-after",
                          back,
                          "--stats",
                          NULL};
    require(pipe(ends) == 0, "pipe");
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC); /* not for the other boards */
    (void)fflush(stdout);
    board->pid = fork();
    require(board->pid >= 0, "fork");
    if (board->pid == 0) {
        if (dup2(ends[1], STDOUT_FILENO) >= 0 && dup2(ends[1], STDERR_FILENO) >= 0 &&
            close(ends[1]) == 0)
            (void)execv(argv[0], (char **)argv); /* comes back only when it failed */
        _exit(127);
    }
    (void)close(ends[1]);
    board->out = fdopen(ends[0], "r");
    require(board->out != NULL && fgets(line, sizeof line, board->out) != NULL,
            "a simulated board does not start");
}

static unsigned long long number_of(const char *line, const char *name)
{
    char key[32];
    (void)snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(line, key);
    return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}

void world_boards_off(struct batch *batch)
{
    char line[1024];
    struct tally *tally = batch->tally;
    for (unsigned i = 0; i < batch->board_count; i++)
        (void)kill(batch->boards[i].pid, SIGTERM); /* a wait follows */
    for (unsigned i = 0; i < batch->board_count; i++) {
        struct board *board = &batch->boards[i];
        bool told = false;
        while (fgets(line, sizeof line, board->out) != NULL) {
            if (strstr(line, "\"power_cuts\"") == NULL) {
                violation(batch, "board %u says: %s", i, line);
                continue;
            }
            told = true;
            tally->power_cuts += number_of(line, "power_cuts");
            tally->cut_burns += number_of(line, "cut_burns");
            tally->lost_bytes += number_of(line, "lost_bytes");
            tally->changed_bytes += number_of(line, "changed_bytes");
        }
        (void)fclose(board->out); /* only read */
        if (!ended_with(wait_for(board->pid), 0) || !told)
            violation(batch, "the simulator of board %u ended badly", i);
    }
}

/* ---- All of it ---- */

static void ask_plan(struct batch *batch)
{
    char command[PATH_LEN * 2], line[1024];
    static const char word[] = "Plan of the eFuses: ";
    (void)snprintf(command, sizeof command,
                   "'%s' line job.yaml --station station0.yaml --check",
                   batch->flash_program);
    FILE *out = popen(command, "r");
    require(out != NULL, "popen");
    batch->plan[0] = '\0';
    while (fgets(line, sizeof line, out) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, word, sizeof word - 1) == 0)
            (void)snprintf(batch->plan, sizeof batch->plan, "%.64s",
                           line + sizeof word - 1);
    }
    require(pclose(out) == 0 && batch->plan[0] != '\0', "line --check tells no plan");
}

void world_begin(struct batch *batch)
{
    for (unsigned i = 0; i < batch->board_count; i++)
        (void)snprintf(batch->boards[i].port, sizeof batch->boards[i].port, "b%02u", i);
    write_text("config.csv", "unit,namespace,\nserial,data,string\nnumber,data,u32\n"
                             "blob,data,hex2bin\n");
    write_text("partitions.csv", "nvs, data, nvs, 0x9000, 0x6000\n"
                                 "app, app, factory, 0x10000, 0x40000\n");
    write_values(batch);
    copy_sample(batch, "bootloader.bin");
    copy_sample(batch, "app.bin");
    write_job(batch);
    ask_plan(batch);
    server_begin(batch);
    for (unsigned i = 0; i < batch->board_count; i++)
        switch_on(batch, i);
}

void world_end(struct batch *batch)
{
    char folder[PATH_LEN];
    require(getcwd(folder, sizeof folder) != NULL && chdir("..") == 0, "getcwd");
    remove_tree(folder);
    for (size_t i = 0; i < batch->told_count; i++)
        free(batch->told[i]);
    free(batch->told);
    free(batch->moments);
}

/* ---- Moments ---- */

void stamp_now(char out[STAMP])
{
    struct timespec now;
    struct tm tm;
    char text[24];
    require(clock_gettime(CLOCK_REALTIME, &now) == 0 &&
                gmtime_r(&now.tv_sec, &tm) != NULL &&
                strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) > 0,
            "clock");
    (void)snprintf(out, STAMP, "%s.%03dZ", text, (int)(now.tv_nsec / 1000000));
}

void note_moment(struct batch *batch, const char *run_began, unsigned station, int board)
{
    if (batch->moment_count == batch->moment_room) {
        batch->moment_room = batch->moment_room * 2 + 64;
        batch->moments =
            realloc(batch->moments, batch->moment_room * sizeof *batch->moments);
        require(batch->moments != NULL, "realloc");
    }
    struct moment *moment = &batch->moments[batch->moment_count++];
    (void)snprintf(moment->run_began, STAMP, "%s", run_began);
    stamp_now(moment->time);
    moment->station = station;
    moment->board = board;
}
