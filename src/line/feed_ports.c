/* SPDX-License-Identifier: Apache-2.0 */
/* Boards at the ports of a station: once each, or whenever one is plugged in. */
#include "config.h"

#include "src/line/feed_int.h"

#include <espmfg/port.h>

#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One slot; only its own thread looks at it. */
struct seat {
    bool taken;          /* its board was handed out, and has not been away since */
    bool changing;       /* a board comes or goes, since … */
    int64_t changing_ms; /* … then */
};

struct line_ports_feed {
    const struct line_station *station;
    bool watch;
    struct feed_world world;
    struct seat *seats;
};

/* ---- The real world ---- */

static bool real_present(void *user, const struct line_slot *slot, char *url, size_t size,
                         bool *ready)
{
    struct em_port port;
    (void)user;
    const char *path = slot->port;
    if (slot->topology != NULL)
        path = em_port_find(&port, slot->topology) ? port.path : NULL;
    if (path == NULL || !em_port_present(path))
        return false;
    (void)snprintf(url, size, "%s", path); /* looked at by the caller */
    *ready = path[0] != '/' || access(path, R_OK | W_OK) == 0;
    return true;
}

static int64_t real_now_ms(void *user)
{
    struct timespec now;
    (void)user;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void real_sleep_ms(void *user, uint32_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000,
                                  .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)user;
    (void)nanosleep(&time, NULL); /* a shorter one only looks earlier */
}

size_t line_ports_present(const struct line_station *station)
{
    size_t count = 0;
    for (size_t i = 0; i < station->slot_count; i++) {
        char url[512];
        bool ready;
        count += real_present(NULL, &station->slots[i], url, sizeof url, &ready);
    }
    return count;
}

/* ---- Watching ---- */

/* Is it so for @p needed_ms without a break? */
static bool lasts(struct seat *seat, bool so, int64_t now_ms, int64_t needed_ms)
{
    if (so && !seat->changing)
        seat->changing_ms = now_ms;
    seat->changing = so;
    return so && now_ms - seat->changing_ms >= needed_ms;
}

/* One look. true: a board was handed out, or one that was there has gone. */
static bool look(struct line_ports_feed *feed, size_t slot, char *url, size_t size)
{
    const struct feed_world *world = &feed->world;
    struct seat *seat = &feed->seats[slot];
    bool ready = false;
    bool there =
        world->present(world->user, &feed->station->slots[slot], url, size, &ready);
    int64_t now_ms = world->now_ms(world->user);
    bool over = seat->taken
                    ? lasts(seat, !there, now_ms, FEED_VANISH_MS)
                    : lasts(seat, there, now_ms, ready ? FEED_APPEAR_MS : FEED_READY_MS);
    if (!over)
        return false;
    seat->taken = !seat->taken;
    seat->changing = false;
    return true;
}

/* Look until the board of the slot is as wanted, @p wait_ms at most. */
static bool await(struct line_ports_feed *feed, size_t slot, bool taken, uint32_t wait_ms,
                  char *url, size_t size)
{
    const struct feed_world *world = &feed->world;
    int64_t end_ms = world->now_ms(world->user) + wait_ms;
    for (;;) {
        if (look(feed, slot, url, size) && feed->seats[slot].taken == taken)
            return true;
        int64_t left_ms = end_ms - world->now_ms(world->user);
        if (left_ms <= 0)
            return false;
        world->sleep_ms(world->user,
                        left_ms < FEED_POLL_MS ? (uint32_t)left_ms : FEED_POLL_MS);
    }
}

/* Each slot once. A port that was named for this run is tried whether it is there or not,
 * so that its fault is told; the slots of a station file may be empty. */
static bool take_once(struct line_ports_feed *feed, size_t idx, char *url, size_t size)
{
    const struct line_slot *slot = &feed->station->slots[idx];
    struct seat *seat = &feed->seats[idx];
    bool ready;
    if (seat->taken)
        return false;
    seat->taken = true;
    if (feed->world.present(feed->world.user, slot, url, size, &ready))
        return true;
    if (feed->station->file != NULL || slot->port == NULL)
        return false;
    (void)snprintf(url, size, "%s", slot->port); /* looked at by the caller */
    return true;
}

static enum em_status arrived(void *user, size_t slot, uint32_t wait_ms, char *url,
                              size_t size, bool *ended, struct em_error *err)
{
    struct line_ports_feed *feed = user;
    const struct line_slot *s = &feed->station->slots[slot];
    *ended = false;
    if (s->port != NULL && strlen(s->port) >= size)
        return em_error_set(err, EM_ERR_USAGE, "use a shorter name",
                            "name of a port with %zu bytes, limit %zu", strlen(s->port),
                            size - 1);
    bool got = feed->watch ? await(feed, slot, true, wait_ms, url, size)
                           : take_once(feed, slot, url, size);
    if (!got)
        url[0] = '\0';
    *ended = !got && !feed->watch;
    return EM_OK;
}

static enum em_status removed(void *user, size_t slot, uint32_t wait_ms, bool *gone,
                              struct em_error *err)
{
    struct line_ports_feed *feed = user;
    char url[512];
    (void)err;
    *gone = !feed->watch || await(feed, slot, false, wait_ms, url, sizeof url);
    return EM_OK;
}

/* ---- Beginning and end ---- */

enum em_status line_ports_feed_new_in(struct line_ports_feed **out,
                                      struct line_feed *feed,
                                      const struct line_station *station, bool watch,
                                      const struct feed_world *world,
                                      struct em_error *err)
{
    *out = NULL;
    struct line_ports_feed *f = calloc(1, sizeof *f);
    struct seat *seats = calloc(station->slot_count + 1, sizeof *seats);
    if (f == NULL || seats == NULL) {
        free(f);
        free(seats);
        return em_error_nomem(err);
    }
    *f = (struct line_ports_feed){station, watch, *world, seats};
    *feed = (struct line_feed){arrived, removed, f};
    *out = f;
    return EM_OK;
}

enum em_status line_ports_feed_new(struct line_ports_feed **out, struct line_feed *feed,
                                   const struct line_station *station, bool watch,
                                   struct em_error *err)
{
    const struct feed_world world = {real_present, real_now_ms, real_sleep_ms, NULL};
    return line_ports_feed_new_in(out, feed, station, watch, &world, err);
}

void line_ports_feed_free(struct line_ports_feed *feed)
{
    if (feed == NULL)
        return;
    free(feed->seats);
    free(feed);
}
