/* SPDX-License-Identifier: Apache-2.0 */
/* A ledger's server that is killed and started again, and the stations' ways to it. */
#include "config.h"

#include "tests/crash/crash.h"

#include <signal.h>

static void start_way(const struct batch *batch, struct way *way)
{
    int in[2], out[2];
    char line[32];
    const char *port = strrchr(batch->server, ':');
    const char *argv[] = {batch->cut_program, line, NULL};
    require(port != NULL && pipe(in) == 0 && pipe(out) == 0, "pipe");
    (void)snprintf(line, sizeof line, "%u", (unsigned)strtoul(port + 1, NULL, 10));
    (void)fcntl(in[1], F_SETFD, FD_CLOEXEC); /* not for the others */
    (void)fcntl(out[0], F_SETFD, FD_CLOEXEC);
    (void)fflush(stdout);
    way->pid = fork();
    require(way->pid >= 0, "fork");
    if (way->pid == 0) {
        if (dup2(in[0], STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0 &&
            close(in[0]) == 0 && close(out[1]) == 0)
            (void)execv(argv[0], (char **)argv); /* comes back only when it failed */
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    way->to = in[1];
    way->from = fdopen(out[0], "r");
    require(way->from != NULL && fgets(line, sizeof line, way->from) != NULL,
            batch->cut_program);
    way->port = (unsigned)strtoul(line, NULL, 10);
}

void server_begin(struct batch *batch)
{
    for (unsigned i = 0; batch->server != NULL && i < batch->station_count; i++) {
        batch->ways[i] = (struct way){.pid = 0};
        start_way(batch, &batch->ways[i]);
    }
}

void server_end(struct batch *batch)
{
    while (server_is_away(batch))
        sleep_s(0.05); /* ends: the program's tries do */
    for (unsigned i = 0; batch->server != NULL && i < batch->station_count; i++) {
        (void)close(batch->ways[i].to); /* ends it */
        (void)fclose(batch->ways[i].from);
        if (!ended_with(wait_for(batch->ways[i].pid), 0))
            violation(batch, "the network of station %u ended badly", i);
    }
}

void server_ledger(char out[PATH_LEN], const struct batch *batch, int station)
{
    if (batch->server == NULL) {
        (void)snprintf(out, PATH_LEN, "batch.db");
        return;
    }
    const char *port = strrchr(batch->server, ':') + 1;
    unsigned number =
        station < 0 ? (unsigned)strtoul(port, NULL, 10) : batch->ways[station].port;
    (void)snprintf(out, PATH_LEN,
                   "%.*s%u%s?schema=crash%u&connect_timeout=2&answer=2&wait=%u",
                   (int)(port - batch->server), batch->server, number,
                   port + strspn(port, "0123456789"), batch->number, batch->wait_s);
}

/* ---- What happens to them ---- */

static void disturb_all(struct batch *batch)
{
    for (unsigned i = 0; i < batch->station_count; i++)
        batch->ways[i].disturbed_s = now_s();
}

void server_kill(struct batch *batch)
{
    const char *how = next_random(batch->random) % 2 == 0 ? "kill" : "immediate";
    (void)fflush(stdout);
    batch->server_pid = fork();
    require(batch->server_pid >= 0, "fork");
    if (batch->server_pid == 0) {
        (void)execl(batch->server_program, batch->server_program, how, (char *)NULL);
        _exit(127); /* it comes back only when it failed */
    }
    batch->tally->server_kills++;
    disturb_all(batch);
}

bool server_is_away(struct batch *batch)
{
    int status;
    if (batch->server_pid == 0)
        return false;
    pid_t pid = waitpid(batch->server_pid, &status, WNOHANG);
    if (pid == 0)
        return true;
    require(pid > 0 && ended_with(status, 0), "the server does not come back");
    batch->server_pid = 0;
    disturb_all(batch);
    return false;
}

static void command(struct way *way, char letter)
{
    require(write(way->to, &letter, 1) == 1, "the network does not listen");
    way->disturbed_s = now_s();
}

void server_cut(struct batch *batch, unsigned station, double seconds)
{
    /* Closed; mute; the next commit gets lost, or its answer. */
    static const char letters[] = {'x', 'm', 'd', 'c'};
    struct way *way = &batch->ways[station];
    if (way->muted_until_s > 0)
        return;
    char letter = letters[next_random(batch->random) % sizeof letters];
    command(way, letter);
    if (letter == 'm')
        way->muted_until_s = now_s() + seconds;
    batch->tally->net_cuts++;
}

void server_mend(struct batch *batch)
{
    for (unsigned i = 0; batch->server != NULL && i < batch->station_count; i++) {
        struct way *way = &batch->ways[i];
        if (way->muted_until_s == 0 || now_s() < way->muted_until_s)
            continue;
        command(way, 'p');
        way->muted_until_s = 0;
    }
}

bool server_disturbed(const struct batch *batch, unsigned station, double since_s)
{
    return batch->server != NULL && batch->ways[station].disturbed_s >= since_s;
}
