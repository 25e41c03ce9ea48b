/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of a report: quantiles, time, causes, yield, retries; and its text is escaped. */
#include "config.h"

#include "src/report/data.h"
#include "src/report/out.h"
#include "src/report/page.h"

#include "tests/em_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void spreads(void)
{
    struct report_spread *spread = calloc(1, sizeof *spread);
    CU_ASSERT_EQUAL(report_spread_at(spread, 0.5), 0);
    report_spread_add(spread, 777);
    CU_ASSERT_EQUAL(report_spread_at(spread, 0), 777);
    CU_ASSERT_EQUAL(report_spread_at(spread, 1), 777);
    *spread = (struct report_spread){.count = 0};
    for (int64_t i = 1; i <= 100000; i++)
        report_spread_add(spread, i * i); /* of i * i the median is 50000 squared */
    static const double parts[] = {0.01, 0.25, 0.5, 0.75, 0.95, 1};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        double exact = parts[i] * 1e5 * parts[i] * 1e5;
        CU_ASSERT(fabs(report_spread_at(spread, parts[i]) / exact - 1) < 1.0 / 60);
    }
    report_spread_add(spread, -5);
    report_spread_add(spread, INT64_MAX);
    CU_ASSERT_EQUAL(report_spread_at(spread, 0), 0);
    CU_ASSERT(report_spread_at(spread, 1) > 1e10);
    free(spread);
}

static void times(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        /* From date -u -d … +%s. */
        {"1970-01-01T00:00:00.000Z", 0},
        {"2026-11-21T08:15:30.250Z", 1795248930250},
        {"2024-02-29", 1709164800000},
        {"2000-03-01 00:00", 951868800000},
        {"2026-02-29", -1},
        {"2100-02-29", -1},
        {"2026-13-01", -1},
        {"2026-11-21T24:00", -1},
        {"2026-11-21T08:15:30.25Z", -1},
        {"2026-11-21T08:15:30Zx", -1},
        {"", -1},
        {"now", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char back[EM_LEDGER_TIME];
        CU_ASSERT_EQUAL(report_time_ms(rows[i].text), rows[i].ms);
        if (rows[i].ms >= 0) {
            report_time_text(back, rows[i].ms);
            CU_ASSERT_EQUAL(report_time_ms(back), rows[i].ms);
        }
    }
}

static void since(void)
{
    char out[EM_LEDGER_TIME];
    const int64_t now = 1795248930250;
    CU_ASSERT(report_since(out, "8h", now));
    CU_ASSERT_STRING_EQUAL(out, "2026-11-21T00:15:30.250Z");
    CU_ASSERT(report_since(out, "2w", now));
    CU_ASSERT_STRING_EQUAL(out, "2026-11-07T08:15:30.250Z");
    CU_ASSERT(report_since(out, "2026-11-20", now));
    CU_ASSERT_STRING_EQUAL(out, "2026-11-20T00:00:00.000Z");
    CU_ASSERT_FALSE(report_since(out, "8", now));
    CU_ASSERT_FALSE(report_since(out, "8y", now));
    CU_ASSERT_FALSE(report_since(out, "-1h", now));
    CU_ASSERT_FALSE(report_since(out, "99999999d", now));
    CU_ASSERT_FALSE(report_since(out, "999999w", now)); /* before 1970 */
}

/* ---- Events ---- */

static void event(struct report_data *data, int64_t s, uint64_t claim, const char *slot,
                  const char *step, const char *outcome, const char *detail,
                  enum em_ledger_state state, uint32_t retries)
{
    char time[EM_LEDGER_TIME];
    report_time_text(time, 1795248000000 + s * 1000);
    const struct em_ledger_entry entry = {.time = time,
                                          .station = "north",
                                          .slot = slot,
                                          .port = "",
                                          .mac = "",
                                          .unit_name = "",
                                          .step = step,
                                          .outcome = outcome,
                                          .detail = detail,
                                          .version = "0.1.0",
                                          .claim = claim,
                                          .state = state,
                                          .failed = strcmp(outcome, "failed") == 0,
                                          .duration_us = 1000000,
                                          .retries = retries};
    report_data_event(data, &entry);
}

/* A board that passes, and one that fails in between and passes when it comes again. */
static void story(struct report_data *data)
{
    event(data, 0, 1, "A1", "claim", "new", "", EM_LEDGER_CLAIMED, 0);
    event(data, 1, 2, "A2", "claim", "new", "", EM_LEDGER_CLAIMED, 0);
    event(data, 2, 1, "A1", "flash", "ok", "", EM_LEDGER_FLASHED, 2);
    event(data, 3, 2, "A2", "flash", "failed", "no answer to block 17 within 3000 ms",
          EM_LEDGER_CLAIMED, 1);
    event(data, 4, 1, "A1", "done", "ok", "", EM_LEDGER_DONE, 2);
    event(data, 5, 2, "A2", "claim", "again", "", EM_LEDGER_CLAIMED, 0);
    event(data, 6, 2, "A2", "flash", "failed", "no answer to block 4 within 3000 ms",
          EM_LEDGER_CLAIMED, 0);
    event(data, 7, 2, "A10", "claim", "again", "", EM_LEDGER_CLAIMED, 0);
    event(data, 7200, 2, "A10", "done", "ok", "", EM_LEDGER_DONE, 0);
    event(data, 7201, 2, "A10", "key", "destroyed", "", EM_LEDGER_DONE, 0);
}

static void sums(void)
{
    struct report_data *data = calloc(1, sizeof *data);
    story(data);
    report_data_sort(data);
    CU_ASSERT_EQUAL(data->done, 2);
    CU_ASSERT_EQUAL(data->first_pass, 1);
    CU_ASSERT_EQUAL(data->failed, 2);
    CU_ASSERT_EQUAL(data->again, 2);
    CU_ASSERT_EQUAL(data->retries, 3);
    CU_ASSERT_EQUAL(data->cause_count, 1);
    CU_ASSERT_STRING_EQUAL(data->causes[0].text, "no answer to block … within … ms");
    CU_ASSERT_EQUAL(data->causes[0].count, 2);
    CU_ASSERT_EQUAL(data->slot_count, 3);
    CU_ASSERT_STRING_EQUAL(data->slots[1].slot, "A2");
    CU_ASSERT_STRING_EQUAL(data->slots[2].slot, "A10");
    CU_ASSERT_EQUAL(data->slots[0].retries, 2);
    CU_ASSERT_EQUAL(data->slots[0].time.largest, 4000000);
    uint64_t done = 0;
    for (size_t i = 0; i < data->span_count; i++)
        done += data->spans[i].done;
    CU_ASSERT_EQUAL(done, 2);
    CU_ASSERT(data->span_count <= REPORT_SPANS);
    report_data_free(data);
}

/* What was before is known, but not counted. */
static void sums_since(void)
{
    struct report_data *data = calloc(1, sizeof *data);
    report_time_text(data->since, 1795248000000 + 100000);
    story(data);
    CU_ASSERT_EQUAL(data->events, 2);
    CU_ASSERT_EQUAL(data->done, 1);
    CU_ASSERT_EQUAL(data->first_pass, 0);
    CU_ASSERT_EQUAL(data->failed, 0);
    report_data_free(data);
}

static void causes(void)
{
    static const char *const rows[][2] = {
        {"chip is esp32c6, the job is for esp32c3", NULL},
        {"BLOCK_KEY0 is occupied", NULL},
        {"MD5 of 0x1a000 differs", "MD5 of … differs"},
        {"board 7c:df:a1:00:00:01 answers", "board … answers"},
        {"key e7ddd78d0010074d at 12", "key … at …"},
        {"dead or face", NULL},
        {"3000ms", "…ms"},
        {"flash: no answer", "no answer"},
        {"flash: ", "no reason recorded"},
        {"", "no reason recorded"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct report_data *data = calloc(1, sizeof *data);
        event(data, 1, 1, "A1", "flash", "failed", rows[i][0], EM_LEDGER_CLAIMED, 0);
        CU_ASSERT_STRING_EQUAL(data->causes[0].text,
                               rows[i][1] == NULL ? rows[i][0] : rows[i][1]);
        report_data_free(data);
    }
}

/* More of everything than there is room for, and texts that would be cut in a letter. */
static void bounds(void)
{
    struct report_data *data = calloc(1, sizeof *data);
    struct em_buf page = {0};
    struct report_about about = {.title = "<b>", .version = "1", .made = "2026-11-21"};
    char name[400];
    data->batch = (struct em_ledger_batch){
        .name = "n", .chip = "c", .job = "", .created = "", .version = ""};
    for (unsigned i = 0; i < 3000; i++) {
        memset(name, 'x', sizeof name);
        (void)snprintf(name + 200, sizeof name - 200, "ä");
        name[i % 150] = (char)('a' + i % 26);
        (void)memcpy(name + 150 + i % 9, "\xC3\xA4</script>\xC3\xA4", 13);
        event(data, i * 3600, i + 1, name, name, "failed", name, EM_LEDGER_CLAIMED, i);
    }
    report_data_sort(data);
    CU_ASSERT_EQUAL(data->failed, 3000);
    CU_ASSERT_EQUAL(data->cause_count, REPORT_CAUSES);
    CU_ASSERT_EQUAL(data->slot_count, REPORT_SLOTS);
    CU_ASSERT_EQUAL(data->step_count, REPORT_STEPS);
    uint64_t all = 0;
    for (size_t i = 0; i < data->cause_count; i++)
        all += data->causes[i].count;
    CU_ASSERT_EQUAL(all, 3000);
    report_page(&page, data, &about);
    em_buf_append_byte(&page, 0);
    CU_ASSERT_FALSE(page.failed);
    CU_ASSERT_PTR_NULL(strstr((const char *)page.data, "</script>"));
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)page.data, "<title>&lt;b&gt;</title>"));
    em_buf_free(&page);
    report_data_free(data);
}

/* A ledger without events makes a page too. */
static void nothing(void)
{
    struct report_data *data = calloc(1, sizeof *data);
    struct em_buf page = {0};
    struct report_about about = {.version = "1", .made = "2026-11-21T00:00:00.000Z"};
    data->batch = (struct em_ledger_batch){
        .name = "n", .chip = "c", .job = "", .created = "", .version = ""};
    report_page(&page, data, &about);
    em_buf_append_byte(&page, 0);
    CU_ASSERT_FALSE(page.failed);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)page.data, "nothing happened"));
    CU_ASSERT_PTR_NULL(strstr((const char *)page.data, "nan"));
    em_buf_free(&page);
    report_data_free(data);
}

static void texts(void)
{
    struct em_buf out = {0};
    char text[REPORT_TEXT];
    out_text(&out, "a<b>&\"'\xFF\x01\xE2\x80\xAE ä");
    em_buf_append_byte(&out, 0);
    CU_ASSERT_STRING_EQUAL(
        (const char *)out.data,
        "a&lt;b&gt;&amp;&quot;&#39;\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD ä");
    em_buf_free(&out);
    text_number(text, 1234567);
    CU_ASSERT_STRING_EQUAL(text, "1\xE2\x80\xAF"
                                 "234\xE2\x80\xAF"
                                 "567");
    text_percent(text, 99999, 100000); /* not all */
    CU_ASSERT_STRING_EQUAL(text, "99.9\xC2\xA0%");
    text_percent(text, 1, 0);
    CU_ASSERT_STRING_EQUAL(text, "–");
    text_duration(text, 59.96e6);
    CU_ASSERT_STRING_EQUAL(text, "1\xC2\xA0min\xC2\xA0"
                                 "00\xC2\xA0s");
}

static const struct em_test tests[] = {
    {"spreads", spreads}, {"times", times},           {"since", since},
    {"sums", sums},       {"sums since", sums_since}, {"causes", causes},
    {"bounds", bounds},   {"nothing", nothing},       {"texts", texts},
};

EM_TEST_MAIN("report data", tests)
