/* SPDX-License-Identifier: Apache-2.0 */
/* Where boards come from: ports in a world of their own, and simulated boards. */
#include "config.h"

#include "src/line/feed_int.h"

#include "tests/em_test.h"

#include <stdlib.h>
#include <unistd.h>

/* A slot whose board is there at some times, with a clock that only sleeping moves on. */
struct world {
    int64_t now_ms;
    const int64_t *changes_ms; /* comes, goes, comes, …; ended by -1 */
    int64_t ready_ms;          /* from when on a port may be opened */
};

static bool present(void *user, const struct line_slot *slot, char *url, size_t size,
                    bool *ready)
{
    const struct world *world = user;
    bool there = false;
    for (size_t i = 0; world->changes_ms[i] >= 0; i++) {
        if (world->now_ms >= world->changes_ms[i])
            there = !there;
    }
    *ready = world->now_ms >= world->ready_ms;
    if (there)
        (void)snprintf(url, size, "%s", slot->port);
    return there;
}

static int64_t now_ms(void *user)
{
    return ((struct world *)user)->now_ms;
}

static void sleep_ms(void *user, uint32_t ms)
{
    CU_ASSERT_TRUE(ms > 0);
    ((struct world *)user)->now_ms += ms;
}

static char name[] = "A1";
static char port[] = "/dev/ttyTEST";
static char file[] = "station.yaml";

/* What a line sees within @p end_ms: "@MS" a board arrived, "!MS" it was removed. */
static void watch(struct world *world, int64_t end_ms, char *out, size_t size)
{
    struct line_slot slot = {.name = name, .port = port};
    struct line_station station = {.slots = &slot, .slot_count = 1};
    struct feed_world ops = {present, now_ms, sleep_ms, world};
    struct line_ports_feed *ports = NULL;
    struct line_feed feed;
    struct em_error err;
    char url[64];
    bool ended = false;
    bool has = false;
    size_t len = 0;
    out[0] = '\0';
    EM_CHECK_STATUS(line_ports_feed_new_in(&ports, &feed, &station, true, &ops, &err),
                    EM_OK, &err);
    while (world->now_ms < end_ms) {
        bool changed = false;
        if (has) {
            EM_CHECK_STATUS(feed.removed(feed.user, 0, 100, &changed, &err), EM_OK, &err);
        } else {
            EM_CHECK_STATUS(
                feed.arrived(feed.user, 0, 100, url, sizeof url, &ended, &err), EM_OK,
                &err);
            CU_ASSERT_FALSE(ended);
            changed = url[0] != '\0';
        }
        if (!changed)
            continue;
        has = !has;
        len += (size_t)snprintf(out + len, size - len, "%s%c%d", len > 0 ? " " : "",
                                has ? '@' : '!', (int)world->now_ms);
    }
    line_ports_feed_free(ports);
}

static void test_watch(void)
{
    static const struct {
        const char *what;
        int64_t changes_ms[8];
        int64_t ready_ms;
        const char *seen;
    } cases[] = {
        {"nobody", {-1}, 0, ""},
        {"there from the beginning", {0, -1}, 0, "@300"},
        {"comes and goes", {1000, 5000, -1}, 0, "@1300 !6500"},
        {"bounces", {1000, 1100, 1200, -1}, 0, "@1500"},
        {"gone for a moment, as in a reset", {1000, 3000, 4000, -1}, 0, "@1300"},
        {"another one", {1000, 3000, 5000, -1}, 0, "@1300 !4500 @5300"},
        {"permissions come late", {1000, -1}, 2000, "@2000"},
        {"permissions never come: the fault is told", {1000, -1}, 99999, "@3000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world = {.changes_ms = cases[i].changes_ms,
                              .ready_ms = cases[i].ready_ms};
        char seen[128];
        watch(&world, 9000, seen, sizeof seen);
        if (strcmp(seen, cases[i].seen) != 0)
            printf("\n  %s: '%s', wanted '%s'\n", cases[i].what, seen, cases[i].seen);
        CU_ASSERT_STRING_EQUAL(seen, cases[i].seen);
    }
}

/* Each port once: a named one also when nothing is there, so that its fault is told. */
static void test_once(void)
{
    static const struct {
        int64_t changes_ms[2];
        bool from_file;
        bool given;
    } cases[] = {
        {{0, -1}, true, true},
        {{0, -1}, false, true},
        {{-1}, true, false},
        {{-1}, false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world = {.changes_ms = cases[i].changes_ms};
        struct line_slot slot = {.name = name, .port = port};
        struct line_station station = {
            .file = cases[i].from_file ? file : NULL, .slots = &slot, .slot_count = 1};
        struct feed_world ops = {present, now_ms, sleep_ms, &world};
        struct line_ports_feed *ports = NULL;
        struct line_feed feed;
        struct em_error err;
        char url[64];
        char small[8];
        bool ended;
        EM_CHECK_STATUS(
            line_ports_feed_new_in(&ports, &feed, &station, false, &ops, &err), EM_OK,
            &err);
        EM_CHECK_STATUS(
            feed.arrived(feed.user, 0, 100, small, sizeof small, &ended, &err),
            EM_ERR_USAGE, &err);
        EM_CHECK_STATUS(feed.arrived(feed.user, 0, 100, url, sizeof url, &ended, &err),
                        EM_OK, &err);
        CU_ASSERT_STRING_EQUAL(url, cases[i].given ? port : "");
        CU_ASSERT_EQUAL(ended, !cases[i].given);
        EM_CHECK_STATUS(feed.arrived(feed.user, 0, 100, url, sizeof url, &ended, &err),
                        EM_OK, &err);
        CU_ASSERT_TRUE(ended);
        CU_ASSERT_EQUAL(world.now_ms, 0); /* nobody waits */
        line_ports_feed_free(ports);
    }
}

static void next(const struct line_feed *feed, size_t slot, char *url, size_t size,
                 bool *ended)
{
    struct em_error err;
    EM_CHECK_STATUS(feed->arrived(feed->user, slot, 0, url, size, ended, &err), EM_OK,
                    &err);
}

static void test_simulated(void)
{
    struct line_station station = {0};
    struct line_sim_feed *sim = NULL;
    struct line_feed feed;
    struct em_error err;
    char url[512];
    char again[512];
    bool ended;
    bool gone = false;
    EM_CHECK_STATUS(
        line_sim_feed_new(&sim, &feed, &station, "esp32c3?seed=5*3", NULL, 2, &err),
        EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(station.slot_count, 3);
    CU_ASSERT_STRING_EQUAL(station.slots[2].name, "A3");
    next(&feed, 0, url, sizeof url, &ended);
    CU_ASSERT_STRING_EQUAL(url, "sim:esp32c3?seed=5&mac=02:00:00:00:00:00&seed=5");
    next(&feed, 2, url, sizeof url, &ended);
    CU_ASSERT_STRING_EQUAL(url, "sim:esp32c3?seed=5&mac=02:00:00:00:00:02&seed=7");
    CU_ASSERT_EQUAL(feed.removed(feed.user, 2, 0, &gone, &err), EM_OK);
    CU_ASSERT_TRUE(gone);
    next(&feed, 2, url, sizeof url, &ended);
    CU_ASSERT_STRING_EQUAL(url, "sim:esp32c3?seed=5&mac=02:00:00:00:01:02&seed=263");
    CU_ASSERT_FALSE(ended);
    next(&feed, 2, url, sizeof url, &ended);
    CU_ASSERT_TRUE(ended);
    CU_ASSERT_STRING_EQUAL(url, "");
    line_sim_feed_free(sim);
    free(station.slots);
    /* Boards that are forgotten are others in the next run. */
    for (int i = 0; i < 2; i++) {
        station = (struct line_station){0};
        EM_CHECK_STATUS(line_sim_feed_new(&sim, &feed, &station, "esp32", NULL, 0, &err),
                        EM_OK, &err);
        CU_ASSERT_EQUAL(station.slot_count, 1);
        next(&feed, 0, i == 0 ? url : again, sizeof url, &ended);
        line_sim_feed_free(sim);
        free(station.slots);
    }
    CU_ASSERT_STRING_NOT_EQUAL(url, again);
}

static void test_simulated_folder(void)
{
    struct line_station station = {0};
    struct line_sim_feed *sim = NULL;
    struct line_feed feed;
    struct em_error err;
    char folder[] = "/tmp/em_feed_XXXXXX";
    char url[512];
    char wanted[512];
    bool ended;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    EM_CHECK_STATUS(
        line_sim_feed_new(&sim, &feed, &station, "esp32c3*2", folder, 1, &err), EM_OK,
        &err);
    next(&feed, 1, url, sizeof url, &ended);
    (void)snprintf(
        wanted, sizeof wanted,
        "sim:esp32c3?mac=02:00:00:00:00:01&seed=1&flash=%s/A2-1.flash&efuse=%s/"
        "A2-1.efuse&journal=%s/A2-1.journal",
        folder, folder, folder);
    CU_ASSERT_STRING_EQUAL(url, wanted);
    line_sim_feed_free(sim);
    free(station.slots);
    /* Those of another station have other addresses. */
    station = (struct line_station){0};
    EM_CHECK_STATUS(
        line_sim_feed_new(&sim, &feed, &station, "esp32c3?seed=3*2", folder, 1, &err),
        EM_OK, &err);
    next(&feed, 1, url, sizeof url, &ended);
    CU_ASSERT_PTR_NOT_NULL(strstr(url, "&mac=02:00:00:03:00:01&seed=4&"));
    line_sim_feed_free(sim);
    free(station.slots);
    (void)rmdir(folder);
}

static void test_simulated_faults(void)
{
    static const struct {
        const char *spec, *folder, *what;
    } cases[] = {
        {"esp32c3*0", NULL, "'0' is no number of slots from 1 to 256"},
        {"esp32c3*257", NULL, "'257' is no number of slots from 1 to 256"},
        {"esp32c3*", NULL, "'' is no number of slots"},
        {"esp99*2", NULL, "esp99"},
        {"esp32c3?mac=60:55:f9:00:00:01*2", NULL,
         "'mac' would be the same for all simulated boards"},
        {"esp32c3?flash=x*2", NULL, "'flash' would be the same"},
        {"esp32c3*2", "a&b", "has '&' or '?' in its name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line_station station = {0};
        struct line_sim_feed *sim = NULL;
        struct line_feed feed;
        struct em_error err;
        EM_CHECK_STATUS(line_sim_feed_new(&sim, &feed, &station, cases[i].spec,
                                          cases[i].folder, 0, &err),
                        EM_ERR_USAGE, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_PTR_NULL(sim);
        CU_ASSERT_PTR_NULL(station.slots);
    }
}

static const struct em_test tests[] = {
    {"watched ports", test_watch},
    {"ports once", test_once},
    {"simulated", test_simulated},
    {"simulated in a folder", test_simulated_folder},
    {"simulated faults", test_simulated_faults},
};

EM_TEST_MAIN("line feeds", tests)
