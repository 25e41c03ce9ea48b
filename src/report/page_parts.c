/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of a report, each with its table behind the figure. */
#include "config.h"

#include "src/report/figures.h"
#include "src/report/out.h"
#include "src/report/page.h"

#include <inttypes.h>
#include <string.h>

/* ---- Tables: on phones each row becomes a card, and cells name their column ---- */

static void table_begin(struct em_buf *out, const char *const columns[], size_t count)
{
    out_raw(out, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (size_t i = 0; i < count; i++)
        out_fmt(out, "<th scope=\"col\">%s</th>", columns[i]);
    out_raw(out, "</tr></thead>\n<tbody>\n");
}

static void table_end(struct em_buf *out)
{
    out_raw(out, "</tbody></table></div>\n");
}

static void cell(struct em_buf *out, const char *column, bool number)
{
    out_fmt(out, "<td data-label=\"%s\"%s>", column, number ? " class=\"n\"" : "");
}

static void cell_number(struct em_buf *out, const char *column, uint64_t n)
{
    cell(out, column, true);
    out_number(out, n);
    out_raw(out, "</td>");
}

static void cell_text(struct em_buf *out, const char *column, const char *text)
{
    cell(out, column, false);
    out_text(out, text[0] == '\0' ? "–" : text);
    out_raw(out, "</td>");
}

static void row_head(struct em_buf *out, const char *text)
{
    out_raw(out, "<tr><th scope=\"row\">");
    out_text(out, text[0] == '\0' ? "–" : text);
    out_raw(out, "</th>");
}

static void details(struct em_buf *out)
{
    out_raw(out, "<details><summary>As a table</summary>\n");
}

static void cell_time(struct em_buf *out, const char *column, const char *iso)
{
    cell(out, column, true);
    out_time(out, iso);
    out_raw(out, "</td>");
}

static void cell_percent(struct em_buf *out, const char *column, uint64_t part,
                         uint64_t whole)
{
    cell(out, column, true);
    out_percent(out, part, whole);
    out_raw(out, "</td>");
}

static void cell_spread(struct em_buf *out, const char *column,
                        const struct report_spread *spread, double part)
{
    cell(out, column, true);
    if (spread->count > 0)
        out_duration(out, report_spread_at(spread, part));
    else
        out_raw(out, "–");
    out_raw(out, "</td>");
}

/* ---- Units an hour ---- */

enum { RATE_ROWS = 24 };

static void rate_table(struct em_buf *out, const struct report_data *data)
{
    static const char *const columns[] = {"From", "Done", "Failures", "Units an hour"};
    size_t group = (data->span_count + RATE_ROWS - 1) / RATE_ROWS;
    details(out);
    table_begin(out, columns, 4);
    for (size_t i = 0; i < data->span_count; i += group) {
        char from[EM_LEDGER_TIME];
        uint64_t done = 0;
        uint64_t failed = 0;
        for (size_t j = i; j < i + group && j < data->span_count; j++) {
            done += data->spans[j].done;
            failed += data->spans[j].failed;
        }
        report_time_text(from, data->span_start_ms + (int64_t)i * data->span_ms);
        out_raw(out, "<tr><th scope=\"row\">");
        out_time(out, from);
        out_raw(out, "</th>");
        cell_number(out, columns[1], done);
        cell_number(out, columns[2], failed);
        cell_number(
            out, columns[3],
            (uint64_t)((double)done * 3600e3 / ((double)group * (double)data->span_ms) +
                       0.5));
        out_raw(out, "</tr>\n");
    }
    table_end(out);
    out_raw(out, "</details>\n");
}

void report_part_rate(struct em_buf *out, const struct report_data *data)
{
    out_raw(out, "<section>\n<h2>Units an hour</h2>\n");
    if (data->span_count == 0) {
        out_raw(out, "<p class=\"empty\">No board came yet.</p>\n</section>\n");
        return;
    }
    out_raw(out, "<ul class=\"legend\"><li><i class=\"swatch good\"></i>done</li>"
                 "<li><i class=\"swatch bad\"></i>failures, below the axis</li></ul>\n");
    figure_rate(out, data, REPORT_WIDE);
    figure_rate(out, data, REPORT_NARROW);
    rate_table(out, data);
    out_raw(out, "</section>\n");
}

/* ---- Causes ---- */

enum { CAUSE_ROWS = 12 };

void report_part_causes(struct em_buf *out, const struct report_data *data)
{
    uint64_t so_far = 0;
    out_raw(out, "<section>\n<h2>Why boards failed</h2>\n");
    if (data->cause_count == 0) {
        out_raw(out, "<p class=\"empty\">No failures.</p>\n</section>\n");
        return;
    }
    out_raw(out, "<p class=\"note\">");
    out_number(out, data->failed);
    out_raw(out, data->failed == 1 ? " failure" : " failures");
    out_raw(out,
            ", the most frequent first; numbers within a cause are left out (…). The "
            "mark on each bar is how many it and those above it make.</p>\n"
            "<ol class=\"causes\">\n");
    for (size_t i = 0; i < data->cause_count && i < CAUSE_ROWS; i++) {
        const struct report_cause *cause = &data->causes[i];
        so_far += cause->count;
        out_raw(out, "<li><span class=\"what\"><b>");
        out_text(out, cause->step);
        out_raw(out, "</b> ");
        out_text(out, cause->text);
        out_raw(out, "</span><span class=\"count\">");
        out_number(out, cause->count);
        out_raw(out, " <small>");
        out_percent(out, cause->count, data->failed);
        out_raw(out, ", together ");
        out_percent(out, so_far, data->failed);
        out_raw(out, "</small></span>");
        figure_bar(out, cause->count, data->failed,
                   data->failed == 0 ? -1 : (double)so_far / (double)data->failed);
        out_raw(out, "</li>\n");
    }
    out_raw(out, "</ol>\n");
    if (data->cause_count > CAUSE_ROWS)
        out_fmt(out, "<p class=\"note\">and %zu%s more causes.</p>\n",
                data->cause_count - CAUSE_ROWS,
                data->cause_count == REPORT_CAUSES ? " or" : "");
    out_raw(out, "</section>\n");
}

/* ---- Steps ---- */

static void step_cells(struct em_buf *out, const char *const columns[], const char *name,
                       const struct report_spread *time)
{
    row_head(out, name);
    cell_spread(out, columns[1], time, 0.5);
    cell_spread(out, columns[2], time, 0.25);
    cell_spread(out, columns[3], time, 0.75);
    cell_spread(out, columns[4], time, 0.95);
}

void report_part_steps(struct em_buf *out, const struct report_data *data)
{
    static const char *const columns[] = {"Step",           "Median", "First quartile",
                                          "Third quartile", "95 %",   "Passed",
                                          "Failed",         "Retries"};
    bool any = data->board.count > 0;
    for (size_t i = 0; i < data->step_count; i++)
        any = any || figure_has_step(&data->steps[i]);
    out_raw(out, "<section>\n<h2>Time per step</h2>\n");
    if (any) {
        out_raw(out,
                "<p class=\"note\">Boxes hold the middle half of the boards; the line "
                "is the median, whiskers reach from the 5th to the 95th percentile. "
                "Logarithmic.</p>\n");
        figure_steps(out, data, REPORT_WIDE);
        figure_steps(out, data, REPORT_NARROW);
    } else {
        out_raw(out, "<p class=\"empty\">No step was finished.</p>\n");
    }
    if (data->step_count > 0) {
        details(out);
        table_begin(out, columns, 8);
        for (size_t i = 0; i < data->step_count; i++) {
            const struct report_step *step = &data->steps[i];
            step_cells(out, columns, step->name, &step->time);
            cell_number(out, columns[5], step->ok);
            cell_number(out, columns[6], step->failed);
            cell_number(out, columns[7], step->retries);
            out_raw(out, "</tr>\n");
        }
        step_cells(out, columns, "whole board", &data->board);
        cell_number(out, columns[5], data->done);
        cell_number(out, columns[6], data->failed);
        cell_number(out, columns[7], data->retries);
        out_raw(out, "</tr>\n");
        table_end(out);
        out_raw(out, "</details>\n");
    }
    out_raw(out, "</section>\n");
}

/* ---- Slots ---- */

void report_part_slots(struct em_buf *out, const struct report_data *data)
{
    static const char *const columns[] = {"Slot",   "Station", "Done",   "Failures",
                                          "Passed", "Retries", "Median", "95 %"};
    if (data->slot_count == 0)
        return;
    out_raw(
        out,
        "<section>\n<h2>Slots</h2>\n<ul class=\"legend\"><li><i class=\"swatch "
        "good\"></i>done</li><li><i class=\"swatch bad\"></i>failures</li><li>beside: "
        "part passed, median time of a board</li></ul>\n");
    figure_slots(out, data, REPORT_WIDE);
    figure_slots(out, data, REPORT_NARROW);
    details(out);
    table_begin(out, columns, 8);
    for (size_t i = 0; i < data->slot_count; i++) {
        const struct report_slot *slot = &data->slots[i];
        row_head(out, slot->slot);
        cell_text(out, columns[1], slot->station);
        cell_number(out, columns[2], slot->done);
        cell_number(out, columns[3], slot->failed);
        cell_percent(out, columns[4], slot->done, slot->done + slot->failed);
        cell_number(out, columns[5], slot->retries);
        cell_spread(out, columns[6], &slot->time, 0.5);
        cell_spread(out, columns[7], &slot->time, 0.95);
        out_raw(out, "</tr>\n");
    }
    table_end(out);
    out_raw(out, "</details>\n</section>\n");
}

/* ---- Units that failed ---- */

void report_part_troubles(struct em_buf *out, const struct report_data *data)
{
    static const char *const columns[] = {"Unit",         "Board", "State", "Failures",
                                          "Last failure", "Where", "When"};
    out_raw(out, "<section>\n<h2>Stopped and failed units</h2>\n");
    if (data->trouble_count == 0) {
        out_raw(out,
                "<p class=\"empty\">None: every unit that was begun is done or on its "
                "way.</p>\n</section>\n");
        return;
    }
    table_begin(out, columns, 7);
    for (size_t i = 0; i < data->trouble_count; i++) {
        const struct report_trouble *t = &data->trouble[i];
        row_head(out, t->name);
        cell_text(out, columns[1], t->mac);
        cell(out, columns[2], false);
        out_fmt(out, "%s%s</td>", em_ledger_state_name(t->state),
                t->stopped ? ", <b class=\"flag\">stopped</b>" : "");
        cell_number(out, columns[3], t->failures);
        cell_text(out, columns[4], t->failure);
        cell_text(out, columns[5], t->place);
        cell_time(out, columns[6], t->changed);
        out_raw(out, "</tr>\n");
    }
    table_end(out);
    if (data->troubles > data->trouble_count)
        out_fmt(out,
                "<p class=\"note\">and %" PRIu64 " more: <code>mfg_flash ledger list"
                "</code> has them all.</p>\n",
                data->troubles - data->trouble_count);
    out_raw(out, "</section>\n");
}

/* ---- Records ---- */

static void fact(struct em_buf *out, const char *name, uint64_t n)
{
    out_fmt(out, "<div><dt>%s</dt><dd>", name);
    out_number(out, n);
    out_raw(out, "</dd></div>\n");
}

static void promises(struct em_buf *out, const struct report_data *data)
{
    out_raw(out, "<section class=\"half\">\n<h2>Promises</h2>\n");
    if (data->faults == 0) {
        out_raw(out,
                "<p>All promises hold: one board a unit and one unit a board, no key "
                "used twice, no state that went backwards, every burn with its intent "
                "before it, no event missing.</p>\n</section>\n");
        return;
    }
    out_fmt(out,
            "<p><b class=\"flag\">%lu fault%s</b>; <code>mfg_flash ledger check</code> "
            "tells them all:</p>\n<ul class=\"faults\">\n",
            data->faults, data->faults == 1 ? "" : "s");
    for (size_t i = 0; i < data->fault_count; i++) {
        out_raw(out, "<li>");
        out_text(out, data->fault[i]);
        out_raw(out, "</li>\n");
    }
    out_raw(out, "</ul>\n</section>\n");
}

static void versions(struct em_buf *out, const struct report_data *data)
{
    static const char *const columns[] = {"Version", "Events", "First", "Last"};
    out_raw(
        out,
        "<section class=\"half\">\n<h2>Software</h2>\n<p class=\"note\">The ledger was "
        "begun ");
    out_time(out, data->batch.created);
    out_raw(out, " with espmfg ");
    out_text(out, data->batch.version);
    out_raw(out, ".</p>\n");
    table_begin(out, columns, 4);
    for (size_t i = 0; i < data->version_count; i++) {
        row_head(out, data->versions[i].version);
        cell_number(out, columns[1], data->versions[i].events);
        cell_time(out, columns[2], data->versions[i].first);
        cell_time(out, columns[3], data->versions[i].last);
        out_raw(out, "</tr>\n");
    }
    table_end(out);
    if (data->batch.job[0] != '\0') {
        out_raw(out, "<p class=\"note\">Job <code class=\"hash\">");
        out_text(out, data->batch.job);
        out_raw(out, "</code></p>\n");
    }
    out_raw(out, "</section>\n");
}

void report_part_records(struct em_buf *out, const struct report_data *data)
{
    out_raw(out, "<div class=\"halves\">\n<section class=\"half\">\n<h2>Retries and "
                 "decisions</h2>\n<dl class=\"facts\">\n");
    fact(out, "Failures", data->failed);
    fact(out, "Retries after a broken connection", data->retries);
    fact(out, "Boards that came again", data->again);
    fact(out, "Units stopped", data->stopped);
    fact(out, "Boards scrapped", data->scrapped);
    out_raw(out, "</dl>\n</section>\n<section class=\"half\">\n<h2>Keys</h2>\n"
                 "<dl class=\"facts\">\n");
    fact(out, "Keys recorded, by fingerprint", data->keys);
    fact(out, "Receipts: files destroyed", data->destroyed);
    fact(out, "Key files kept", data->keys - data->destroyed);
    out_raw(out, "</dl>\n</section>\n");
    promises(out, data);
    versions(out, data);
    out_raw(out, "</div>\n");
}
