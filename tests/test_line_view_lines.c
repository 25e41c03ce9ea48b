/* SPDX-License-Identifier: Apache-2.0 */
/* A running line as lines of text and as lines of JSON. */
#include "config.h"

#include "src/line/view_int.h"

#include "tests/test_line_view_util.h"

struct text {
    char all[8192];
    size_t len;
};

static void write_text(void *user, const char *text, size_t len)
{
    struct text *t = user;
    CU_ASSERT_FATAL(t->len + len < sizeof t->all);
    memcpy(t->all + t->len, text, len);
    t->len += len;
    t->all[t->len] = '\0';
}

static char batch[] = "EX1";
static char chip[] = "esp32c3";

/* All kinds of events, as a board brings them. 1700000000 is 2023-11-14T22:13:20Z
 * (date -u -d @1700000000). */
static void tell_all(struct line_view view)
{
    struct line_totals totals = {.units = 12,
                                 .done = 1,
                                 .passed = 1,
                                 .failed = 1,
                                 .left_us = -1,
                                 .elapsed_us = 2500000,
                                 .causes = {{"flash: link", 1}}};
    struct line_slot_now slot = make_slot(0, "A1", 1, LINE_CONNECT, 0, 0);
    struct line_event event = {.time_us = 1700000000123456, .slot = &slot};
    struct em_error msg = {.file = "job.yaml", .line = 3, .what = "odd", .hint = "mend"};
    slot.port = "/dev/ttyUSB0";
    view.event(view.user, &event); /* STAGE */
    event.kind = LINE_EVENT_PROGRESS;
    slot.stage = LINE_FLASH;
    slot.done = 512;
    slot.total = 1024;
    view.event(view.user, &event);
    event.kind = LINE_EVENT_STEP;
    event.step = "flash";
    event.outcome = "ok";
    event.duration_us = 1250000;
    event.retries = 2;
    view.event(view.user, &event);
    event.step = "burn";
    event.outcome = "intent";
    event.detail = "plan\n5f";
    event.duration_us = 0;
    event.retries = 0;
    view.event(view.user, &event);
    event.kind = LINE_EVENT_VERDICT;
    event.totals = &totals;
    event.duration_us = 65000000;
    slot.stage = LINE_VERDICT;
    slot.verdict = LINE_PASS;
    view.event(view.user, &event);
    slot.verdict = LINE_FAIL;
    slot.error = msg;
    (void)snprintf(slot.cause, sizeof slot.cause, "flash: link");
    view.event(view.user, &event);
    event.kind = LINE_EVENT_REMOVED;
    view.event(view.user, &event);
    event = (struct line_event){.kind = LINE_EVENT_NOTE,
                                .time_us = 1700000001000000,
                                .level = EM_LOG_WARNING,
                                .note = &msg};
    view.event(view.user, &event);
    event.level = EM_LOG_DEBUG;
    view.event(view.user, &event);
    event = (struct line_event){
        .kind = LINE_EVENT_END, .time_us = 1700000002000000, .totals = &totals};
    view.event(view.user, &event);
}

static void show(struct text *out, bool json, bool quiet)
{
    struct line_job job = {.name = batch, .chip = chip};
    struct line_slot slots[1];
    char names[1][8];
    struct line_station station = make_station(slots, names, 1);
    struct line_view_options options = {.job = &job,
                                        .station = &station,
                                        .screen = {.write = write_text, .user = out},
                                        .level = EM_LOG_INFO,
                                        .quiet = quiet};
    *out = (struct text){0};
    tell_all(json ? line_json_view(&options) : line_lines_view(&options));
}

#define PLACE "2023-11-14T22:13:20Z A1 EX1-000001 60:55:f9:00:00:01 "

static void test_lines(void)
{
    static struct text text;
    show(&text, false, false);
    CU_ASSERT_STRING_EQUAL(
        text.all, PLACE "flash ok 1.2 s, 2 retries\n" PLACE "burn intent: plan?5f\n" PLACE
                        "PASS 1 min 05 s\n" PLACE "FAIL 1 min 05 s: job.yaml:3: odd\n"
                        "    hint: mend\n" PLACE "removed\n"
                        "2023-11-14T22:13:21Z - - - warning: job.yaml:3: odd\n"
                        "    hint: mend\n"
                        "1/12 done  1 passed  1 failed  yield 50.0 %\n"
                        "failed: 1 x flash: link\n");
    show(&text, false, true);
    CU_ASSERT_STRING_EQUAL(text.all,
                           PLACE "FAIL 1 min 05 s: job.yaml:3: odd\n    hint: mend\n");
}

/* The @p idx th line as an object; the caller's. */
static json_t *object_at(const struct text *text, size_t idx)
{
    const char *p = text->all;
    for (; idx > 0 && p != NULL; idx--) {
        p = strchr(p, '\n');
        p = p == NULL ? NULL : p + 1;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    json_t *object = json_loads(p, JSON_DISABLE_EOF_CHECK, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    return object;
}

static void check_object(const struct text *text, size_t idx, const char *wanted)
{
    json_t *object = object_at(text, idx);
    json_t *parts = json_loads(wanted, 0, NULL);
    const char *name;
    json_t *value;
    CU_ASSERT_PTR_NOT_NULL_FATAL(parts);
    json_object_foreach(parts, name, value)
    {
        if (!json_equal(json_object_get(object, name), value))
            printf("\n  line %zu: %s is not as wanted\n", idx, name);
        CU_ASSERT_TRUE(json_equal(json_object_get(object, name), value));
    }
    json_decref(parts);
    json_decref(object);
}

static void test_json(void)
{
    static struct text text;
    size_t lines = 0;
    show(&text, true, false);
    for (const char *p = text.all; *p != '\0'; p++)
        lines += *p == '\n';
    CU_ASSERT_EQUAL(lines, 8); /* neither the end nor what is too chatty */
    check_object(&text, 0,
                 "{\"event\": \"stage\", \"is\": \"arrived\", \"stage\": \"connect\","
                 " \"time\": \"2023-11-14T22:13:20.123Z\", \"batch\": \"EX1\","
                 " \"chip\": \"esp32c3\", \"station\": \"bench\", \"slot\": \"A1\","
                 " \"port\": \"/dev/ttyUSB0\", \"mac\": \"60:55:f9:00:00:01\","
                 " \"unit\": 1, \"name\": \"EX1-000001\"}");
    check_object(&text, 1,
                 "{\"event\": \"progress\", \"is\": null, \"done\": 512,"
                 " \"total\": 1024, \"bytes_per_s\": null}");
    check_object(&text, 2,
                 "{\"event\": \"step\", \"is\": \"flashed\", \"step\": \"flash\","
                 " \"outcome\": \"ok\", \"detail\": null, \"seconds\": 1.25,"
                 " \"retries\": 2}");
    check_object(&text, 3, "{\"is\": null, \"detail\": \"plan\\n5f\"}");
    check_object(&text, 4,
                 "{\"event\": \"verdict\", \"is\": \"passed\", \"verdict\": \"pass\","
                 " \"error\": null, \"cause\": null, \"seconds\": 65.0,"
                 " \"totals\": {\"units\": 12, \"done\": 1, \"passed\": 1, \"failed\": 1,"
                 " \"before\": 0, \"units_per_hour\": null, \"seconds_left\": null,"
                 " \"seconds\": 2.5,"
                 " \"causes\": [{\"cause\": \"flash: link\", \"count\": 1}]}}");
    check_object(&text, 5,
                 "{\"is\": \"failed\", \"verdict\": \"fail\", \"cause\": \"flash: link\","
                 " \"error\": {\"level\": \"error\", \"file\": \"job.yaml\", \"line\": 3,"
                 " \"what\": \"odd\", \"hint\": \"mend\"}}");
    check_object(&text, 6, "{\"event\": \"removed\", \"is\": \"removed\"}");
    check_object(&text, 7,
                 "{\"event\": \"note\", \"message\": {\"level\": \"warning\","
                 " \"file\": \"job.yaml\", \"line\": 3, \"what\": \"odd\","
                 " \"hint\": \"mend\"}}");
}

static void test_durations(void)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "0.0 s"},
        {1999999, "1.9 s"},
        {9999999, "9.9 s"},
        {10000000, "10 s"},
        {59999999, "59 s"},
        {60000000, "1 min 00 s"},
        {3599999999, "59 min 59 s"},
        {3600000000, "1 h 00 min"},
        {8460000000, "2 h 21 min"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32];
        view_duration_text(text, sizeof text, cases[i].us);
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

/* Names of all kinds never make a line wider than its terminal. */
static void test_widths(void)
{
    static const struct {
        const char *text;
        int width;
        const char *utf8, *ascii;
    } cases[] = {
        {"abc", 5, "abc  ", "abc  "},
        {"abcdef", 4, "abcd", "abcd"},
        {"M\xC3\xBCller", 4, "M\xC3\xBCll", "M?ll"},
        {"\xE6\x97\xA5\xE6\x9C\xAC", 3, "\xE6\x97\xA5 ", "?? "}, /* two wide ones */
        {"a\x1B[2Jb", 8, "a?[2Jb  ", "a?[2Jb  "},
        {"a\xFFz", -1, "a?z", "a?z"},
        {"a\xE2\x80\xAEz", -1, "a?z", "a?z"}, /* would turn around what follows */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct view_line line;
        view_line_begin(&line, 80, true);
        view_line_put(&line, cases[i].text, cases[i].width);
        CU_ASSERT_STRING_EQUAL(line.text, cases[i].utf8);
        view_line_begin(&line, 80, false);
        view_line_put(&line, cases[i].text, cases[i].width);
        CU_ASSERT_STRING_EQUAL(line.text, cases[i].ascii);
    }
}

static const struct em_test tests[] = {
    {"lines", test_lines},
    {"JSON lines", test_json},
    {"durations", test_durations},
    {"widths", test_widths},
};

EM_TEST_MAIN("line lines", tests)
