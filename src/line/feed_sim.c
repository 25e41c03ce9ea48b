/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated boards in this process, one after the other at each slot. */
#include "config.h"

#include "src/line/line.h"

#include <espmfg/sim.h>

#include "base/error_int.h"
#include "base/file_int.h"
#include "base/text_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS_MAX = 256 };

struct line_sim_feed {
    char *chip;   /* "esp32c3?OPTIONS" */
    char *folder; /* NULL: boards are forgotten */
    char separator;
    uint64_t rounds;
    uint64_t first; /* added to a board's number for its MAC */
    uint64_t seed;
    size_t count;
    uint64_t *given; /* boards of each slot so far */
    char (*names)[8];
    struct line_slot *slots;
};

/* ---- Boards ---- */

/* The number of a board among all of all slots: the same in each run. */
static uint64_t board_number(size_t slot, uint64_t round)
{
    return (round - 1) * SLOTS_MAX + slot;
}

static bool put_url(const struct line_sim_feed *feed, size_t slot, uint64_t round,
                    char *url, size_t size)
{
    uint64_t number = board_number(slot, round);
    uint64_t mac = feed->first + number;
    /* 02: an address that was given locally (IEEE 802), no maker's. */
    int len = snprintf(url, size, "sim:%s%cmac=02:%02x:%02x:%02x:%02x:%02x&seed=%" PRIu64,
                       feed->chip, feed->separator, (unsigned)(mac >> 32 & 0xFF),
                       (unsigned)(mac >> 24 & 0xFF), (unsigned)(mac >> 16 & 0xFF),
                       (unsigned)(mac >> 8 & 0xFF), (unsigned)(mac & 0xFF),
                       feed->seed + number);
    if (len < 0 || (size_t)len >= size || feed->folder == NULL)
        return len >= 0 && (size_t)len < size;
    static const char *const kinds[] = {"flash", "efuse", "journal"};
    for (size_t i = 0; i < 3; i++) {
        int more = snprintf(url + len, size - (size_t)len, "&%s=%s/%s-%" PRIu64 ".%s",
                            kinds[i], feed->folder, feed->names[slot], round, kinds[i]);
        if (more < 0 || (size_t)more >= size - (size_t)len)
            return false;
        len += more;
    }
    return true;
}

static enum em_status arrived(void *user, size_t slot, uint32_t wait_ms, char *url,
                              size_t size, bool *ended, struct em_error *err)
{
    struct line_sim_feed *feed = user;
    (void)wait_ms; /* there is always one */
    url[0] = '\0';
    *ended = feed->rounds > 0 && feed->given[slot] >= feed->rounds;
    if (*ended)
        return EM_OK;
    if (put_url(feed, slot, ++feed->given[slot], url, size))
        return EM_OK;
    url[0] = '\0';
    return em_error_set(err, EM_ERR_USAGE, "use fewer options, or a shorter folder",
                        "name of a simulated board is longer than %zu bytes", size - 1);
}

static enum em_status removed(void *user, size_t slot, uint32_t wait_ms, bool *gone,
                              struct em_error *err)
{
    (void)user; /* a hand that never rests */
    (void)slot;
    (void)wait_ms;
    (void)err;
    *gone = true;
    return EM_OK;
}

/* ---- Beginning and end ---- */

/* "CHIP?OPTIONS*SLOTS": the number behind the last '*', else one. */
static enum em_status take_spec(struct line_sim_feed *feed, const char *spec,
                                struct em_error *err)
{
    struct em_integer count = {.magnitude = 1};
    const char *star = strrchr(spec, '*');
    size_t len = star == NULL ? strlen(spec) : (size_t)(star - spec);
    if (star != NULL &&
        (em_text_decimal(&count, em_span_of(star + 1), NULL) != EM_OK || count.huge ||
         count.negative || count.magnitude == 0 || count.magnitude > SLOTS_MAX))
        return em_error_set(err, EM_ERR_USAGE, "write sim:CHIP*SLOTS, as sim:esp32c3*4",
                            "'%s' is no number of slots from 1 to %d", star + 1,
                            (int)SLOTS_MAX);
    feed->chip = strndup(spec, len);
    feed->count = (size_t)count.magnitude;
    if (feed->chip == NULL)
        return em_error_nomem(err);
    feed->separator = strchr(feed->chip, '?') == NULL ? '?' : '&';
    return EM_OK;
}

/* What is said of all boards must not make them one. */
static enum em_status check_options(struct line_sim_feed *feed, struct em_error *err)
{
    struct em_sim_options options = {0};
    char *storage = NULL;
    enum em_status status = em_sim_options_parse(&options, &storage, feed->chip, err);
    const char *shared = options.has_mac                ? "mac"
                         : options.flash_file != NULL   ? "flash"
                         : options.efuse_file != NULL   ? "efuse"
                         : options.journal_file != NULL ? "journal"
                                                        : NULL;
    feed->seed = options.seed;
    if (status == EM_OK && shared != NULL)
        status = em_error_set(err, EM_ERR_USAGE,
                              "leave it out; --boards FOLDER keeps files of each board",
                              "'%s' would be the same for all simulated boards", shared);
    free(storage);
    return status;
}

/* Boards that are forgotten are others in the next run, and have other addresses; so have
 * boards that are kept with another seed, for several simulated stations at a time. */
static uint64_t first_number(const struct line_sim_feed *feed)
{
    struct timespec now = {0};
    if (feed->folder != NULL)
        return (feed->seed & 0xFFFFFF) << 16;
    if (feed->seed != 0)
        return 0;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    uint64_t mixed = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
    mixed ^= (uint64_t)getpid() << 40;
    mixed *= 0x9E3779B97F4A7C15U; /* 2^64 / golden ratio: spreads (Knuth, TAOCP 6.4) */
    return mixed >> 24;
}

static enum em_status make_slots(struct line_sim_feed *feed, struct em_error *err)
{
    feed->given = calloc(feed->count, sizeof *feed->given);
    feed->names = calloc(feed->count, sizeof *feed->names);
    feed->slots = calloc(feed->count, sizeof *feed->slots);
    if (feed->given == NULL || feed->names == NULL || feed->slots == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < feed->count; i++) {
        (void)snprintf(feed->names[i], sizeof feed->names[i], "A%u",
                       (unsigned)(i + 1) % 1000); /* fits */
        feed->slots[i] = (struct line_slot){.name = feed->names[i]};
    }
    return EM_OK;
}

static enum em_status make_folder(struct line_sim_feed *feed, const char *folder,
                                  struct em_error *err)
{
    if (folder == NULL)
        return EM_OK;
    if (strpbrk(folder, "&?") != NULL)
        return em_error_set(err, EM_ERR_USAGE, "use another folder",
                            "folder '%s' of simulated boards has '&' or '?' in its name",
                            folder);
    feed->folder = strdup(folder);
    return feed->folder == NULL ? em_error_nomem(err) : em_file_mkdirs(folder, 0777, err);
}

enum em_status line_sim_feed_new(struct line_sim_feed **out, struct line_feed *feed,
                                 struct line_station *station, const char *spec,
                                 const char *folder, uint64_t rounds,
                                 struct em_error *err)
{
    *out = NULL;
    struct line_sim_feed *f = calloc(1, sizeof *f);
    if (f == NULL)
        return em_error_nomem(err);
    f->rounds = rounds;
    enum em_status status = take_spec(f, spec, err);
    if (status == EM_OK)
        status = check_options(f, err);
    if (status == EM_OK)
        status = make_slots(f, err);
    if (status == EM_OK)
        status = make_folder(f, folder, err);
    if (status != EM_OK) {
        line_sim_feed_free(f);
        return status;
    }
    f->first = first_number(f);
    free(station->slots);
    station->slots = f->slots;
    station->slot_count = f->count;
    f->slots = NULL; /* the station's now, and freed with it */
    *feed = (struct line_feed){arrived, removed, f};
    *out = f;
    return EM_OK;
}

void line_sim_feed_free(struct line_sim_feed *feed)
{
    if (feed == NULL)
        return;
    free(feed->chip);
    free(feed->folder);
    free(feed->given);
    free(feed->names);
    free(feed->slots);
    free(feed);
}
