/* SPDX-License-Identifier: Apache-2.0 */
/* live_show SLOTS: a view in browsers with slots in all kinds of states, and long and odd
 * names; tells its URL on stdout, and ends with its standard input. For looking at. */
#include "config.h"

#include "src/line/view.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS_MAX = 64 };

static char names[SLOTS_MAX][16];
static struct line_slot slots[SLOTS_MAX];
static struct line_slot_now nows[SLOTS_MAX];
static struct line_totals totals = {.units = 12500,
                                    .done = 8431,
                                    .passed = 412,
                                    .failed = 9,
                                    .before = 3,
                                    .units_per_hour = 437,
                                    .left_us = 33522000000,
                                    .elapsed_us = 3400000000,
                                    .causes = {{"flash: link", 6}, {"boot: verify", 3}}};

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void tell(const struct line_view *view, size_t i, enum line_event_kind kind)
{
    const struct line_event event = {
        .kind = kind, .time_us = now_us(), .slot = &nows[i], .totals = &totals};
    view->event(view->user, &event);
}

static void fill(size_t i)
{
    static const struct {
        enum line_stage stage;
        enum line_verdict verdict;
        const char *cause, *what;
    } kinds[] = {
        {LINE_FLASH, LINE_NO_VERDICT, "", ""},
        {LINE_VERDICT, LINE_PASS, "", ""},
        {LINE_VERDICT, LINE_FAIL, "flash: link",
         "no answer to FLASH_DEFL_DATA (block 117)"},
        {LINE_EMPTY, LINE_NO_VERDICT, "", ""},
        {LINE_BURN, LINE_NO_VERDICT, "", ""},
        {LINE_VERDICT, LINE_FAIL, "boot: verify",
         "no line that matches '<b>self test</b>: ok' within 5000 ms; the last one was "
         "'rst:0x3 (RTC_SW_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)'"},
        {LINE_VERDICT, LINE_PASSED_BEFORE, "", ""},
        {LINE_VERDICT, LINE_ABORTED, "", "the line was stopped before 'burn'"},
        {LINE_CONNECT, LINE_NO_VERDICT, "", ""},
    };
    size_t kind = i % (sizeof kinds / sizeof kinds[0]);
    struct line_slot_now *now = &nows[i];
    *now = (struct line_slot_now){.slot = i,
                                  .name = names[i],
                                  .stage = kinds[kind].stage,
                                  .verdict = kinds[kind].verdict,
                                  .since_us = now_us() - 2000000,
                                  .board_since_us = now_us() - 7300000};
    if (now->stage == LINE_EMPTY)
        return;
    (void)snprintf(now->mac, sizeof now->mac, "7c:df:a1:00:12:%02x", (unsigned)i);
    if (now->stage == LINE_CONNECT)
        return;
    now->unit = 8400 + i;
    (void)snprintf(now->unit_name, sizeof now->unit_name, "EX1-%06u%s",
                   8400 + (unsigned)i,
                   i == 5 ? "-with-a-serial-number-that-goes-on-and-on-for-ever" : "");
    (void)snprintf(now->cause, sizeof now->cause, "%s", kinds[kind].cause);
    (void)snprintf(now->error.what, sizeof now->error.what, "%s", kinds[kind].what);
    if (now->stage == LINE_FLASH) {
        now->total = 1048576;
        now->done = 700000;
        now->bytes_per_s = 152000;
        now->retries = 2;
    }
}

int main(int argc, char **argv)
{
    char batch[] = "EX1-2026-11";
    char chip[] = "esp32c3";
    char station_name[] = "bench-north";
    struct line_job job = {.name = batch, .chip = chip};
    struct line_station station = {.name = station_name, .slots = slots};
    struct line_http_options options = {
        .job = &job, .station = &station, .address = "127.0.0.1:0"};
    struct line_http_view *http = NULL;
    struct line_view view;
    struct em_error err;
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    unsigned long count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (count == 0 || count > SLOTS_MAX)
        return 2;
    station.slot_count = count;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof names[i], "A%u", (unsigned char)(i + 1));
        slots[i].name = names[i];
    }
    if (line_http_view_new(&http, &view, &options, &err) != EM_OK) {
        (void)fprintf(stderr, "live_show: %s\n", err.what);
        return 1;
    }
    (void)printf("%s\n", line_http_view_url(http));
    (void)fflush(stdout);
    for (size_t i = 0; i < count; i++) {
        fill(i);
        tell(&view, i,
             nows[i].verdict == LINE_NO_VERDICT ? LINE_EVENT_STAGE : LINE_EVENT_VERDICT);
    }
    while (poll(&in, 1, 100) == 0)
        tell(&view, 0, LINE_EVENT_PROGRESS);
    line_http_view_free(http);
    return 0;
}
