/* SPDX-License-Identifier: Apache-2.0 */
/* Units an hour over time. */
#include "config.h"

#include "src/report/figures.h"
#include "src/report/svg.h"

#include <math.h>

static const int64_t MINUTE_MS = 60000;
static const int64_t DAY_MS = 86400000;

/* Where things are. */
struct plot {
    const struct report_data *data;
    double left, right, top, zero, bottom;
    double most, least;       /* of the vertical axis, units an hour; least: failures */
    int64_t start_ms, len_ms; /* of the horizontal one */
    size_t group;             /* bars that are drawn as one */
};

static double at_x(const struct plot *p, int64_t ms)
{
    return p->left +
           (p->right - p->left) * (double)(ms - p->start_ms) / (double)p->len_ms;
}

static struct report_span group_at(const struct plot *p, size_t first)
{
    struct report_span sum = {0};
    for (size_t i = first; i < first + p->group && i < p->data->span_count; i++) {
        sum.done += p->data->spans[i].done;
        sum.failed += p->data->spans[i].failed;
    }
    return sum;
}

static double per_hour(const struct plot *p, uint32_t n)
{
    return (double)n * 3600e3 / (double)(p->data->span_ms * (int64_t)p->group);
}

/* 1, 2 or 5 times a power of ten: at most @p ticks of them make @p most. */
static double nice_step(double most, double ticks)
{
    double step = 1;
    while (step * 10 * ticks < most)
        step *= 10;
    if (step * ticks >= most)
        return step;
    if (step * 2 * ticks >= most)
        return step * 2;
    return step * 5 * ticks >= most ? step * 5 : step * 10;
}

static void layout(struct plot *p, const struct svg *svg)
{
    double bars = svg->narrow ? 40 : 96;
    p->group = 1;
    while ((double)p->data->span_count / (double)p->group > bars)
        p->group++;
    for (size_t i = 0; i < p->data->span_count; i += p->group) {
        struct report_span span = group_at(p, i);
        p->most = fmax(p->most, per_hour(p, span.done));
        p->least = fmax(p->least, per_hour(p, span.failed));
    }
    size_t groups = (p->data->span_count + p->group - 1) / p->group;
    p->start_ms = p->data->span_start_ms;
    p->len_ms = p->data->span_ms * (int64_t)(groups * p->group);
    p->left = 52;
    p->right = svg->width - 4;
    p->top = 10;
    p->bottom = svg->narrow ? 190 : 250;
    double step = nice_step(p->most > 0 ? p->most : 1, svg->narrow ? 4 : 5);
    p->most = ceil(fmax(p->most, 1) / step) * step;
    double below = p->least <= 0 ? 0 : p->least / (p->most + p->least);
    /* Few failures stay visible, many do not crush the rest. */
    below = p->least <= 0 ? 0 : fmin(fmax(below, 0.06), 0.4);
    p->zero = p->top + (p->bottom - p->top) * (1 - below);
}

static double up(const struct plot *p, double value)
{
    return value / p->most * (p->zero - p->top);
}

static void value_axis(struct svg *svg, const struct plot *p)
{
    char text[REPORT_TEXT];
    double step = nice_step(p->most, svg->narrow ? 4 : 5);
    for (double v = 0; v <= p->most * 1.001; v += step) {
        double y = p->zero - up(p, v);
        svg_line(svg, v > 0 ? "grid" : "axis", p->left, y, p->right, y);
        text_number(text, (uint64_t)(v + 0.5));
        svg_text(svg, "end tick", p->left - 8, y + 4, text);
    }
}

/* Round times that are not closer than labels are wide. */
static int64_t time_step(const struct plot *p, double labels)
{
    static const int minutes[] = {1,   2,   5,   10,   15,   30,    60,   120,
                                  180, 360, 720, 1440, 2880, 10080, 20160};
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        if ((double)p->len_ms / (double)(minutes[i] * MINUTE_MS) <= labels)
            return minutes[i] * MINUTE_MS;
    }
    int64_t days = (int64_t)((double)p->len_ms / (double)DAY_MS / labels) + 1;
    return days * DAY_MS;
}

static void time_label(char text[REPORT_TEXT], int64_t ms, bool date)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char iso[EM_LEDGER_TIME];
    report_time_text(iso, ms);
    int month = (iso[5] - '0') * 10 + iso[6] - '0';
    if (date)
        (void)snprintf(text, REPORT_TEXT, "%.2s %s", iso + 8, months[month - 1]);
    else
        (void)snprintf(text, REPORT_TEXT, "%.5s", iso + 11);
}

static void time_axis(struct svg *svg, const struct plot *p)
{
    char text[REPORT_TEXT];
    int64_t step = time_step(p, svg->narrow ? 4 : 9);
    int64_t first = (p->start_ms + step - 1) / step * step;
    bool days = step >= DAY_MS;
    int64_t day = -1;
    for (int64_t ms = first; ms <= p->start_ms + p->len_ms; ms += step) {
        double x = at_x(p, ms);
        const char *kind = x > p->right - 14  ? "end tick"
                           : x < p->left + 14 ? "tick"
                                              : "mid tick";
        svg_line(svg, "grid", x, p->bottom, x, p->bottom + 5);
        time_label(text, ms, days);
        svg_text(svg, kind, x, p->bottom + 20, text);
        if (!days && ms / DAY_MS != day) {
            time_label(text, ms, true);
            svg_text(svg, kind, x, p->bottom + 36, text);
        }
        day = ms / DAY_MS;
    }
}

static void bars(struct svg *svg, const struct plot *p)
{
    double below = p->least <= 0 ? 0 : (p->bottom - p->zero) / p->least;
    for (size_t i = 0; i < p->data->span_count; i += p->group) {
        struct report_span span = group_at(p, i);
        double x = at_x(p, p->start_ms + p->data->span_ms * (int64_t)i);
        double end = at_x(p, p->start_ms + p->data->span_ms * (int64_t)(i + p->group));
        double gap = end - x > 4 ? 1.5 : 0.5;
        double width = fmin(end - x - gap, 60);
        double height = up(p, per_hour(p, span.done));
        double depth = per_hour(p, span.failed) * below;
        if (span.done > 0)
            svg_rect(svg, "good", x, p->zero - height, width, height, 1);
        if (span.failed > 0)
            svg_rect(svg, "bad", x, p->zero + 1, width, fmax(depth, 2), 1);
    }
}

void figure_rate(struct em_buf *out, const struct report_data *data,
                 enum report_width width)
{
    struct svg svg;
    struct plot p = {.data = data};
    bool narrow = width == REPORT_NARROW;
    svg_begin(
        &svg, out, width, narrow ? 232 : 292, "Units an hour over time",
        "Bars above the axis: units that got done, as units an hour. Bars below it: "
        "failures an hour. The table below has the numbers.");
    layout(&p, &svg);
    value_axis(&svg, &p);
    bars(&svg, &p);
    time_axis(&svg, &p);
    svg_end(&svg);
}
