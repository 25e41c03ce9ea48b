/* SPDX-License-Identifier: Apache-2.0 */
/* Figures with rows: time per step, slots, and bars. */
#include "config.h"

#include "src/report/figures.h"
#include "src/report/svg.h"

#include <inttypes.h>
#include <math.h>

/* ---- Bars ---- */

void figure_bar(struct em_buf *out, uint64_t part, uint64_t most, double mark)
{
    double length = most == 0 ? 0 : 1000.0 * (double)part / (double)most;
    out_raw(out,
            "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
            "aria-hidden=\"true\"><rect class=\"track\" width=\"1000\" height=\"10\"/>");
    out_fmt(out, "<rect class=\"bad\" width=\"%.1f\" height=\"10\"/>",
            part > 0 && length < 4 ? 4 : length);
    if (mark >= 0)
        out_fmt(out, "<rect class=\"mark\" x=\"%.1f\" width=\"4\" height=\"10\"/>",
                mark * 996);
    out_raw(out, "</svg>");
}

void figure_states(struct em_buf *out, const struct em_ledger_counts *counts)
{
    double x = 0;
    out_raw(out,
            "<svg class=\"states\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" "
            "role=\"img\" aria-label=\"Units by state; the list below has the numbers\">"
            "<rect class=\"track\" width=\"1000\" height=\"10\"/>");
    for (int state = EM_LEDGER_DONE; state > EM_LEDGER_FREE; state--) {
        uint64_t n = counts->by_state[state];
        double length =
            counts->units == 0 ? 0 : 1000.0 * (double)n / (double)counts->units;
        if (n == 0)
            continue;
        out_fmt(out, "<rect class=\"state-%s\" x=\"%.1f\" width=\"%.1f\" height=\"10\"/>",
                em_ledger_state_name((enum em_ledger_state)state), x,
                length < 2 ? 2 : length);
        x += length;
    }
    out_raw(out, "</svg>");
}

/* ---- Time per step ---- */

bool figure_has_step(const struct report_step *step)
{
    return strcmp(step->name, "done") != 0 && step->time.count > 0 &&
           report_spread_at(&step->time, 0.5) >= 500;
}

/* A logarithmic axis of durations. */
struct times {
    double low, high; /* 1, 2 or 5 times a power of ten, in microseconds */
    double left, right;
};

static double time_x(const struct times *t, double us)
{
    double v = us < t->low ? t->low : us > t->high ? t->high : us;
    return t->left + (t->right - t->left) * log10(v / t->low) / log10(t->high / t->low);
}

/* The next of 1, 2, 5, 10, … behind @p v, which is one of them; or the one before. */
static double next_round(double v, bool up)
{
    double lead = v / pow(10, floor(log10(v) + 0.01));
    if (up)
        return lead > 1.5 && lead < 3 ? v * 2.5 : v * 2;
    return lead > 4 ? v / 2.5 : v / 2;
}

static void widen(struct times *t, const struct report_spread *spread)
{
    double low = report_spread_at(spread, 0.05);
    double high = report_spread_at(spread, 0.95);
    while (t->low > low && t->low > 150)
        t->low = next_round(t->low, false);
    while (t->high < high)
        t->high = next_round(t->high, true);
}

static void draw_box(struct svg *svg, const struct times *t,
                     const struct report_spread *spread, double y)
{
    double q1 = time_x(t, report_spread_at(spread, 0.25));
    double q2 = time_x(t, report_spread_at(spread, 0.5));
    double q3 = time_x(t, report_spread_at(spread, 0.75));
    double p5 = time_x(t, report_spread_at(spread, 0.05));
    double p95 = time_x(t, report_spread_at(spread, 0.95));
    svg_line(svg, "whisker", p5, y, p95, y);
    svg_line(svg, "whisker", p5, y - 4, p5, y + 4);
    svg_line(svg, "whisker", p95, y - 4, p95, y + 4);
    svg_rect(svg, "box", q1, y - 7, q3 - q1 < 2 ? 2 : q3 - q1, 14, 2);
    svg_line(svg, "median", q2, y - 9, q2, y + 9);
}

static void tick_text(char text[REPORT_TEXT], double us)
{
    if (us < 1e6)
        (void)snprintf(text, REPORT_TEXT, "%g\xC2\xA0ms", us / 1e3);
    else
        (void)snprintf(text, REPORT_TEXT, "%g\xC2\xA0s", us / 1e6);
}

static void time_axis(struct svg *svg, const struct times *t, double top, double bottom)
{
    char text[REPORT_TEXT];
    bool fine = t->high / t->low < (svg->narrow ? 60 : 1500);
    for (double v = t->low; v <= t->high * 1.01; v = next_round(v, true)) {
        bool decade = fabs(log10(v) - round(log10(v))) < 0.01;
        if (!decade && !fine)
            continue;
        double x = time_x(t, v);
        svg_line(svg, "grid", x, top, x, bottom);
        tick_text(text, v);
        svg_text(svg, x > svg->width - 16 ? "end tick" : "mid tick", x, bottom + 18,
                 text);
    }
}

/* Name, median and box of a row; @p y is its middle. */
static void step_row(struct svg *svg, const struct times *t, const char *name,
                     const struct report_spread *spread, double y)
{
    char text[REPORT_TEXT];
    text_duration(text, report_spread_at(spread, 0.5));
    if (svg->narrow) {
        svg_text_cut(svg, "name", 0, y - 14, name, 26);
        svg_text(svg, "end value", svg->width, y - 14, text);
    } else {
        svg_text_cut(svg, "name", 0, y + 5, name, 24);
        svg_text(svg, "end value", svg->width, y + 5, text);
    }
    draw_box(svg, t, spread, y);
}

void figure_steps(struct em_buf *out, const struct report_data *data,
                  enum report_width width)
{
    struct svg svg;
    size_t rows = data->board.count > 0;
    size_t longest = 0; /* name, in bytes: steps of tests have some of their own */
    struct times t = {.low = 1e9, .high = 1e4};
    for (size_t i = 0; i < data->step_count; i++) {
        if (!figure_has_step(&data->steps[i]))
            continue;
        rows++;
        size_t len = strlen(data->steps[i].name);
        longest = len > longest ? len : longest;
        widen(&t, &data->steps[i].time);
    }
    if (data->board.count > 0)
        widen(&t, &data->board);
    if (t.low >= t.high)
        t.low = t.high / 10;
    if (t.high / t.low < 10)
        t.high = t.low * 10;
    bool narrow = width == REPORT_NARROW;
    double step = narrow ? 46 : 34;
    double height = step * (double)rows;
    svg_begin(&svg, out, width, height + 26, "Time per step",
              "A box for each step: its sides are the quartiles, the line in it the "
              "median, the whiskers the 5th and 95th percentile. The axis is "
              "logarithmic. The table below has the numbers.");
    t.left = narrow ? 8 : longest > 12 ? 190 : 90;
    t.right = svg.width - (narrow ? 8 : 84);
    time_axis(&svg, &t, narrow ? 20 : 0, height);
    double y = narrow ? 32 : step / 2;
    for (size_t i = 0; i < data->step_count; i++) {
        if (!figure_has_step(&data->steps[i]))
            continue;
        step_row(&svg, &t, data->steps[i].name, &data->steps[i].time, y);
        y += step;
    }
    if (data->board.count > 0)
        step_row(&svg, &t, "whole board", &data->board, y);
    svg_end(&svg);
}

/* ---- Slots ---- */

static bool several_stations(const struct report_data *data)
{
    for (size_t i = 1; i < data->slot_count; i++) {
        if (strcmp(data->slots[i].station, data->slots[0].station) != 0)
            return true;
    }
    return false;
}

static void slot_row(struct svg *svg, const struct report_slot *slot, bool station,
                     uint64_t most, double y)
{
    char name[REPORT_NAME * 2 + 4], text[REPORT_TEXT], percent[REPORT_TEXT];
    double left = svg->narrow ? 0 : 190;
    double right = svg->width - (svg->narrow ? 0 : 150);
    double bar_y = svg->narrow ? y + 12 : y;
    double scale = most == 0 ? 0 : (right - left) / (double)most;
    double done = (double)slot->done * scale;
    double failed = (double)slot->failed * scale;
    (void)snprintf(name, sizeof name, "%s%s%s", station ? slot->station : "",
                   station ? " " : "", slot->slot);
    text_percent(percent, slot->done, slot->done + slot->failed);
    text_duration(text, report_spread_at(&slot->time, 0.5));
    svg_text_cut(svg, "name", 0, svg->narrow ? y : y + 11, name, svg->narrow ? 26 : 24);
    svg_rect(svg, "good", left, bar_y, done, 14, 2);
    if (slot->failed > 0)
        svg_rect(svg, "bad", left + done + 1, bar_y, failed < 2 ? 2 : failed, 14, 2);
    (void)snprintf(name, sizeof name, "%s · %s", percent,
                   slot->time.count > 0 ? text : "–");
    svg_text(svg, "end value", svg->width, svg->narrow ? y : y + 11, name);
}

void figure_slots(struct em_buf *out, const struct report_data *data,
                  enum report_width width)
{
    struct svg svg;
    bool narrow = width == REPORT_NARROW;
    bool station = several_stations(data);
    uint64_t most = 0;
    double step = narrow ? 40 : 24;
    for (size_t i = 0; i < data->slot_count; i++) {
        uint64_t all = data->slots[i].done + data->slots[i].failed;
        most = all > most ? all : most;
    }
    svg_begin(&svg, out, width, step * (double)data->slot_count + 4, "Slots",
              "A bar for each slot: units done, then failures. Beside it the part that "
              "passed and the median time of a board. The table below has the numbers.");
    double y = narrow ? 14 : 4;
    for (size_t i = 0; i < data->slot_count; i++, y += step)
        slot_row(&svg, &data->slots[i], station, most, y);
    svg_end(&svg);
}
