/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a running line: events in, the exact screen out. */
#include "config.h"

#include "src/line/view_int.h"

#include "tests/test_line_view_util.h"

enum { SLOTS_MAX = 40 };

/* A line that is shown on a screen. */
struct shown {
    struct screen screen;
    struct line_job job;
    struct line_station station;
    struct line_slot slots[SLOTS_MAX];
    char names[SLOTS_MAX][8];
    struct line_totals totals;
    struct line_term_view *view;
    struct line_view events;
};

static void begin(struct shown *shown, size_t slots, unsigned columns, unsigned rows,
                  bool utf8, bool color)
{
    static struct em_error err;
    memset(shown, 0, sizeof *shown);
    shown->screen.columns = columns;
    shown->screen.rows = rows;
    shown->station = make_station(shown->slots, shown->names, slots);
    shown->totals = (struct line_totals){.units = 12, .left_us = -1};
    struct line_view_options options = {
        .job = &shown->job,
        .station = &shown->station,
        .screen = {screen_write, screen_size, &shown->screen},
        .level = EM_LOG_INFO,
        .utf8 = utf8,
        .color = color,
    };
    EM_CHECK_STATUS(line_term_view_new(&shown->view, &shown->events, &options, &err),
                    EM_OK, &err);
}

static void finish(struct shown *shown)
{
    CU_ASSERT_EQUAL(shown->screen.unknown, 0);
    line_term_view_free(shown->view);
}

static void tell(struct shown *shown, enum line_event_kind kind,
                 const struct line_slot_now *slot)
{
    struct line_event event = {.kind = kind, .slot = slot, .totals = &shown->totals};
    shown->events.event(shown->events.user, &event);
}

static void tell_note(struct shown *shown, enum em_log_level level, const char *what)
{
    struct em_error msg = {0};
    (void)snprintf(msg.what, sizeof msg.what, "%s", what);
    struct line_event event = {.kind = LINE_EVENT_NOTE, .level = level, .note = &msg};
    shown->events.event(shown->events.user, &event);
}

static void tell_verdict(struct shown *shown, size_t idx, uint64_t unit,
                         enum line_verdict verdict, const char *what)
{
    struct line_slot_now slot =
        make_slot(idx, shown->names[idx], unit, LINE_VERDICT, 0, 0);
    slot.verdict = verdict;
    (void)snprintf(slot.error.what, sizeof slot.error.what, "%s", what);
    tell(shown, LINE_EVENT_VERDICT, &slot);
}

/* Each stage of a board, as 80 columns show it. */
static void test_stages(void)
{
    static struct shown shown;
    begin(&shown, 3, 80, 24, false, false);
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(&shown.screen, "A1                   -\n"
                                "A2                   -\n"
                                "A3                   -\n"
                                "0 passed\n");
    finish(&shown);
}

static void test_progress(void)
{
    static struct shown shown;
    begin(&shown, 3, 80, 24, false, false);
    struct line_slot_now one = make_slot(0, "A1", 1, LINE_FLASH, 500000, 1000000);
    one.bytes_per_s = 88123;
    one.retries = 2;
    tell(&shown, LINE_EVENT_PROGRESS, &one);
    struct line_slot_now two = make_slot(1, "A2", 0, LINE_CONNECT, 0, 0);
    tell(&shown, LINE_EVENT_STAGE, &two);
    tell_verdict(&shown, 2, 3, LINE_PASS, "");
    shown.totals.done = 1;
    shown.totals.passed = 1;
    shown.totals.units_per_hour = 420.4;
    shown.totals.left_us = 125000000;
    tell(&shown, LINE_EVENT_PROGRESS, &one);
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(
        &shown.screen,
        "A1 EX1-000001 60:55:f9:00:00:01 flash   [#######.......]  50 %    88.1 kB/s r2\n"
        "A2                              connect\n"
        "A3 EX1-000003 60:55:f9:00:00:03 PASS\n"
        "1/12 done  1 passed  yield 100.0 %  420/h  2 min 05 s left\n");
    /* Only what is different is painted again. */
    size_t bytes = shown.screen.bytes;
    one.done = 600000;
    tell(&shown, LINE_EVENT_PROGRESS, &one);
    line_term_view_paint(shown.view, false);
    CU_ASSERT_TRUE(shown.screen.bytes - bytes < 110);
    bytes = shown.screen.bytes;
    line_term_view_paint(shown.view, false);
    CU_ASSERT_EQUAL(shown.screen.bytes, bytes);
    tell_verdict(&shown, 0, 1, LINE_PASSED_BEFORE, "");
    line_term_view_paint(shown.view, true);
    CHECK_SCREEN(&shown.screen,
                 "A1 EX1-000001 60:55:f9:00:00:01 PASS    was done before\n"
                 "A2                              connect\n"
                 "A3 EX1-000003 60:55:f9:00:00:03 PASS\n"
                 "1/12 done  1 passed  yield 100.0 %  420/h  2 min 05 s left\n");
    CU_ASSERT_EQUAL(shown.screen.x, 0); /* the prompt comes in a line of its own */
    CU_ASSERT_EQUAL(shown.screen.y, 4);
    finish(&shown);
}

static void test_narrow(void)
{
    static struct shown shown;
    begin(&shown, 2, 40, 10, false, false);
    struct line_slot_now one = make_slot(0, "A1", 1, LINE_FLASH, 999999, 1000000);
    one.bytes_per_s = 88123;
    tell(&shown, LINE_EVENT_PROGRESS, &one);
    tell_verdict(&shown, 1, 2, LINE_PASS, "");
    shown.totals.passed = 2;
    shown.totals.failed = 1;
    tell(&shown, LINE_EVENT_PROGRESS, &one);
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(&shown.screen, "A1 EX1-000001 flash   [########.]  99 %\n"
                                "A2 EX1-000002 PASS\n"
                                "0/12 done  2 passed  1 failed\n");
    CU_ASSERT_EQUAL(shown.screen.wrapped, 0);
    finish(&shown);
    begin(&shown, 2, 12, 3, false, false);
    tell(&shown, LINE_EVENT_PROGRESS, &one);
    line_term_view_paint(shown.view, false);
    line_term_view_paint(shown.view, true);
    finish(&shown);
}

static void test_failures(void)
{
    static struct shown shown;
    begin(&shown, 2, 80, 24, false, true);
    tell_verdict(&shown, 0, 1, LINE_FAIL,
                 "no answer from the chip\033[2J on port '/dev/serial/by-path/usb-1'");
    shown.totals.failed = 1;
    shown.totals.causes[0].count = 1;
    (void)snprintf(shown.totals.causes[0].text, sizeof shown.totals.causes[0].text,
                   "flash: link");
    tell_verdict(&shown, 1, 2, LINE_PASS, "");
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(&shown.screen,
                 "A1 EX1-000001 60:55:f9:00:00:01: FAIL: no answer from the chip?[2J on "
                 "port '/dev\n/serial/by-path/usb-1'\n"
                 "A1 EX1-000001 60:55:f9:00:00:01 FAIL    no answer from the chip?[2J on "
                 "port '/d\n"
                 "A2 EX1-000002 60:55:f9:00:00:02 PASS\n"
                 "0/12 done  0 passed  1 failed  yield 0.0 %\n"
                 "failed: 1 x flash: link\n");
    CU_ASSERT_STRING_EQUAL(shown.screen.colors, "rg");
    CU_ASSERT_EQUAL(shown.screen.wrapped, 1); /* of the note only */
    finish(&shown);
}

static void test_utf8(void)
{
    static struct shown shown;
    begin(&shown, 1, 60, 24, true, false);
    struct line_slot_now one = make_slot(0, "A1", 1, LINE_FLASH, 500, 1000);
    tell(&shown, LINE_EVENT_PROGRESS, &one);
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(&shown.screen,
                 "A1 EX1-000001 60:55:f9:00:00:01 flash   ██████▌░░░░░░  50 %\n"
                 "0/12 done  0 passed\n");
    finish(&shown);
}

static void test_many(void)
{
    static struct shown shown;
    begin(&shown, 40, 80, 8, false, false);
    for (size_t i = 0; i < 40; i++) {
        struct line_slot_now slot = make_slot(i, shown.names[i], i + 1, LINE_FLASH, 1, 4);
        if (i < 30)
            tell(&shown, LINE_EVENT_PROGRESS, &slot);
    }
    tell_verdict(&shown, 3, 4, LINE_PASS, "");
    tell_verdict(&shown, 35, 36, LINE_ABORTED, "");
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(&shown.screen,
                 "A1  EX1-000001 60:55:f9:00:00:01 flash   [###..........]  25 %\n"
                 "A2  EX1-000002 60:55:f9:00:00:02 flash   [###..........]  25 %\n"
                 "A3  EX1-000003 60:55:f9:00:00:03 flash   [###..........]  25 %\n"
                 "A5  EX1-000005 60:55:f9:00:00:05 flash   [###..........]  25 %\n"
                 "A36 EX1-000036 60:55:f9:00:00:24 stopped\n"
                 "and 35 more: 25 busy, 1 passed, 9 empty\n"
                 "0/12 done  0 passed\n");
    finish(&shown);
}

static void test_notes(void)
{
    static struct shown shown;
    begin(&shown, 2, 50, 5, false, false);
    line_term_view_paint(shown.view, false);
    tell_note(&shown, EM_LOG_WARNING, "the clock went back");
    tell_note(&shown, EM_LOG_DEBUG, "not shown");
    line_term_view_paint(shown.view, false);
    tell_note(&shown, EM_LOG_INFO, "second");
    tell_note(&shown, EM_LOG_INFO, "third");
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(&shown.screen, "warning: the clock went back\nsecond\nthird\n"
                                "A1                   -\n"
                                "A2                   -\n"
                                "0 passed\n");
    finish(&shown);
}

static void test_resize(void)
{
    static struct shown shown;
    begin(&shown, 2, 80, 24, false, false);
    struct line_slot_now one = make_slot(0, "A1", 1, LINE_FLASH, 500, 1000);
    tell(&shown, LINE_EVENT_PROGRESS, &one);
    line_term_view_paint(shown.view, false);
    shown.screen.columns = 40; /* no event: the size alone is a reason */
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(&shown.screen, "A1 EX1-000001 flash   [####.....]  50 %\n"
                                "A2            -\n"
                                "0/12 done  0 passed\n");
    shown.screen.columns = 100;
    line_term_view_paint(shown.view, false);
    CHECK_SCREEN(&shown.screen, "A1 EX1-000001 60:55:f9:00:00:01 flash   "
                                "[###############...............]  50 %\n"
                                "A2                              -\n"
                                "0/12 done  0 passed\n");
    finish(&shown);
}

static const struct em_test tests[] = {
    {"empty slots", test_stages}, {"progress", test_progress},
    {"narrow", test_narrow},      {"failures", test_failures},
    {"UTF-8", test_utf8},         {"more slots than lines", test_many},
    {"notes above", test_notes},  {"resize", test_resize},
};

EM_TEST_MAIN("line table", tests)
