/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the table: one a slot, and the totals. */
#include "config.h"

#include "src/line/view_int.h"

#include <inttypes.h>
#include <string.h>

/* Columns. */
enum {
    STATE = 7,    /* "connect", "PASS" */
    PERCENT = 6,  /* " 100 %" */
    MAC = 17,     /* "aa:bb:cc:dd:ee:ff" */
    RATE = 12,    /* "12345.6 kB/s" */
    RETRIES = 4,  /* " r12" */
    UNIT_MIN = 8, /* of the unit's name, when it is longer */
    UNIT_MAX = 32,
    SLOT_MAX = 12,
    BAR_MIN = 10, /* with its ends */
    BAR_MAX = 32,
};

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Take @p wanted of the room, or nothing. */
static int take(int *room, int wanted)
{
    if (wanted > *room)
        return 0;
    *room -= wanted;
    return wanted;
}

void view_layout_make(struct view_layout *layout, int columns, int slot_width,
                      int unit_width)
{
    *layout = (struct view_layout){.columns = columns};
    layout->slot = smaller(slot_width, SLOT_MAX);
    int room = columns - layout->slot - 1 - STATE - PERCENT;
    int unit = smaller(unit_width, UNIT_MAX);
    int unit_min = smaller(unit, UNIT_MIN);
    /* What matters most comes first. */
    if (take(&room, unit_min + 1) > 0)
        layout->unit = unit_min;
    if (take(&room, BAR_MIN + 1) > 0)
        layout->bar = BAR_MIN;
    if (layout->unit > 0 && room > 0) {
        int more = smaller(unit - layout->unit, room);
        layout->unit += more;
        room -= more;
    }
    layout->mac = take(&room, MAC + 1) > 0 ? MAC : 0;
    layout->rate = take(&room, RATE + 1) > 0 ? RATE : 0;
    layout->retries = take(&room, RETRIES) > 0 ? RETRIES : 0;
    if (layout->bar > 0 && room > 0)
        layout->bar += smaller(BAR_MAX - BAR_MIN, room);
}

static const char *state_text(const struct line_slot_now *slot)
{
    if (slot->stage == LINE_EMPTY)
        return "-";
    switch (slot->verdict) {
    case LINE_PASS:
    case LINE_PASSED_BEFORE:
        return "PASS";
    case LINE_FAIL:
        return "FAIL";
    case LINE_ABORTED:
        return "stopped";
    case LINE_NO_VERDICT:
        break;
    }
    return line_stage_name(slot->stage);
}

static const char *state_color(const struct line_slot_now *slot)
{
    if (slot->stage == LINE_EMPTY)
        return NULL;
    switch (slot->verdict) {
    case LINE_PASS:
    case LINE_PASSED_BEFORE:
        return "\033[1;32m"; /* ECMA-48: bold, green */
    case LINE_FAIL:
        return "\033[1;31m"; /* red */
    case LINE_ABORTED:
        return "\033[1;33m"; /* yellow */
    case LINE_NO_VERDICT:
        break;
    }
    return NULL;
}

static void put_bar(struct view_line *line, int width, double part)
{
    /* Left parts of a block, an eighth each: U+2588 is all of it. */
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int inner = line->utf8 ? width : width - 2;
    int filled = (int)(part * inner * (line->utf8 ? 8 : 1));
    if (!line->utf8) {
        view_line_put(line, "[", -1);
        for (int i = 0; i < inner; i++)
            view_line_put(line, i < filled ? "#" : ".", -1);
        view_line_put(line, "]", -1);
        return;
    }
    int end = line->width + width;
    for (int i = 0; i < filled / 8; i++)
        view_line_put(line, "█", -1);
    view_line_put(line, eighths[filled % 8], -1);
    while (line->width < end)
        view_line_put(line, "░", -1);
}

static void put_progress(struct view_line *line, const struct view_layout *layout,
                         const struct line_slot_now *slot)
{
    char text[32];
    double part = 0;
    if (slot->total > 0 && slot->stage != LINE_EMPTY) {
        part = (double)slot->done / (double)slot->total;
        part = part > 1 ? 1 : part;
        if (layout->bar > 0) {
            view_line_put(line, " ", -1);
            put_bar(line, layout->bar, part);
        }
        (void)snprintf(text, sizeof text, " %3d %%", (int)(part * 100));
        view_line_put(line, text, PERCENT);
        if (layout->rate > 0 && slot->bytes_per_s > 0)
            (void)snprintf(text, sizeof text, " %7.1f kB/s", slot->bytes_per_s / 1000);
        else
            text[0] = '\0';
        view_line_put(line, text, layout->rate > 0 ? layout->rate + 1 : 0);
    }
    if (slot->retries > 0 && layout->retries > 0) {
        (void)snprintf(text, sizeof text, " r%" PRIu32, slot->retries);
        view_line_put(line, text, RETRIES);
    }
}

static void put_verdict(struct view_line *line, const struct line_slot_now *slot)
{
    const char *text = slot->verdict == LINE_PASSED_BEFORE ? "was done before"
                       : slot->verdict == LINE_PASS        ? ""
                                                           : slot->error.what;
    char number[32];
    view_line_put(line, " ", -1);
    view_line_put(line, text, -1);
    if (slot->verdict == LINE_PASS && slot->retries > 0) {
        (void)snprintf(number, sizeof number, "after %" PRIu32 " %s", slot->retries,
                       slot->retries == 1 ? "retry" : "retries");
        view_line_put(line, number, -1);
    }
}

void view_slot_line(struct view_line *line, const struct view_layout *layout,
                    const struct line_slot_now *slot, bool utf8, bool color)
{
    const char *code = color ? state_color(slot) : NULL;
    bool empty = slot->stage == LINE_EMPTY;
    view_line_begin(line, layout->columns, utf8);
    view_line_put(line, slot->name, layout->slot);
    view_line_put(line, " ", -1);
    if (layout->unit > 0) {
        view_line_put(line, empty ? "" : slot->unit_name, layout->unit);
        view_line_put(line, " ", -1);
    }
    if (layout->mac > 0) {
        view_line_put(line, empty ? "" : slot->mac, layout->mac);
        view_line_put(line, " ", -1);
    }
    if (code != NULL)
        view_line_put_code(line, code);
    view_line_put(line, state_text(slot), STATE);
    if (code != NULL)
        view_line_put_code(line, "\033[0m");
    if (slot->verdict == LINE_NO_VERDICT || empty)
        put_progress(line, layout, slot);
    else
        put_verdict(line, slot);
    while (line->len > 0 && line->text[line->len - 1] == ' ')
        line->text[--line->len] = '\0';
}

/* Another part of the line, if all of it fits. */
static void put_part(struct view_line *line, const char *text)
{
    int gap = line->width > 0 ? 2 : 0;
    if (line->width + gap + view_text_width(text, line->utf8) > line->limit)
        return;
    view_line_put(line, "", gap);
    view_line_put(line, text, -1);
}

void view_total_line(struct view_line *line, const struct line_totals *totals,
                     int columns, bool utf8)
{
    char text[64];
    char time[32];
    uint64_t judged = totals->passed + totals->failed;
    view_line_begin(line, columns, utf8);
    (void)snprintf(text, sizeof text, "%" PRIu64 "/%" PRIu64 " done", totals->done,
                   totals->units);
    if (totals->units > 0) /* else nothing was told yet */
        put_part(line, text);
    (void)snprintf(text, sizeof text, "%" PRIu64 " passed", totals->passed);
    put_part(line, text);
    (void)snprintf(text, sizeof text, "%" PRIu64 " failed", totals->failed);
    if (totals->failed > 0)
        put_part(line, text);
    /* Cut, not rounded: 100 % means all of them. */
    (void)snprintf(text, sizeof text, "yield %.1f %%",
                   judged == 0 ? 0.0 : (double)(totals->passed * 1000 / judged) / 10);
    if (judged > 0)
        put_part(line, text);
    (void)snprintf(text, sizeof text, "%.0f/h", totals->units_per_hour);
    if (totals->units_per_hour > 0)
        put_part(line, text);
    view_duration_text(time, sizeof time, totals->left_us < 0 ? 0 : totals->left_us);
    (void)snprintf(text, sizeof text, "%s left", time);
    if (totals->left_us > 0)
        put_part(line, text);
    (void)snprintf(text, sizeof text, "%" PRIu64 " done before", totals->before);
    if (totals->before > 0)
        put_part(line, text);
}

void view_cause_line(struct view_line *line, const struct line_totals *totals,
                     int columns, bool utf8)
{
    view_line_begin(line, columns, utf8);
    for (size_t i = 0; i < LINE_CAUSES && totals->causes[i].count > 0; i++) {
        char text[96];
        (void)snprintf(text, sizeof text, "%s%" PRIu64 " x %s", i == 0 ? "failed: " : "",
                       totals->causes[i].count, totals->causes[i].text);
        if (i == 0)
            view_line_put(line, text, -1); /* cut, if need be */
        else
            put_part(line, text);
    }
}
