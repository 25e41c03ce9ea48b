/* SPDX-License-Identifier: Apache-2.0 */
/* A report as one HTML page: what stands at its top, and its frame. */
#include "config.h"

#include "src/report/page.h"
#include "src/report/figures.h"
#include "src/report/out.h"

#include <string.h>

/* Units or boards that came to an end, good or bad. */
static uint64_t judged(const struct report_data *data)
{
    return data->done + data->stopped + data->scrapped;
}

static void head(struct em_buf *out, const char *title)
{
    /* No script, nothing from elsewhere: said to the browser too. */
    out_raw(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
            "'none'; style-src 'unsafe-inline'; img-src data:\">\n"
            "<link rel=\"icon\" href=\"data:,\">\n<title>");
    out_text(out, title);
    out_raw(out, "</title>\n<style>\n");
    for (size_t i = 0; report_style[i] != NULL; i++)
        out_raw(out, report_style[i]);
    out_raw(out, "</style>\n</head>\n<body>\n");
}

static void heading(struct em_buf *out, const struct report_data *data, const char *title)
{
    bool same = strcmp(title, data->batch.name) == 0;
    out_raw(out, "<header>\n<p class=\"kicker\">Production report</p>\n<h1>");
    out_text(out, title);
    out_raw(out, "</h1>\n<p class=\"meta\">");
    if (!same) {
        out_raw(out, "<span>Batch ");
        out_text(out, data->batch.name);
        out_raw(out, "</span> ");
    }
    out_raw(out, "<span>");
    out_text(out, data->batch.chip);
    out_raw(out, "</span> <span>");
    out_number(out, data->counts.units);
    out_raw(out,
            data->counts.units == 1 ? " unit</span> <span>" : " units</span> <span>");
    if (data->events == 0) {
        out_raw(out, "nothing happened");
    } else {
        out_time(out, data->first);
        out_raw(out, " – ");
        out_time(out, data->last);
        out_raw(out, " UTC");
    }
    out_raw(out, "</span></p>\n");
    if (data->since[0] != '\0') {
        out_raw(out, "<p class=\"note\">Only what happened since ");
        out_time(out, data->since);
        out_raw(out, " UTC is counted; states of units are as of now.</p>\n");
    }
    out_raw(out, "</header>\n<main>\n");
}

/* ---- Numbers at the top ---- */

static void tile(struct em_buf *out, const char *kind, const char *label)
{
    out_fmt(out, "<div class=\"tile %s\"><dt>%s</dt><dd><b>", kind, label);
}

static void tile_end(struct em_buf *out, const char *more)
{
    out_fmt(out, "</b><small>%s</small></dd></div>\n", more);
}

static void rate_tile(struct em_buf *out, const struct report_data *data)
{
    size_t active = 0;
    for (size_t i = 0; i < data->span_count; i++)
        active += data->spans[i].done + data->spans[i].failed > 0;
    tile(out, "", "Units an hour");
    if (active > 0)
        out_number(out, (uint64_t)((double)data->done * 3600e3 /
                                       ((double)active * (double)data->span_ms) +
                                   0.5));
    else
        out_raw(out, "–");
    tile_end(out, "while boards were worked on");
}

static void promise_tile(struct em_buf *out, const struct report_data *data)
{
    bool holds = data->faults == 0;
    tile(out, holds ? "fine" : "alarm", "Promises of the ledger");
    if (holds)
        out_raw(out, "✓ hold");
    else
        out_fmt(out, "✗ %lu fault%s", data->faults, data->faults == 1 ? "" : "s");
    tile_end(out, holds ? "checked for this report" : "see below");
}

static void tiles(struct em_buf *out, const struct report_data *data)
{
    uint64_t done =
        data->since[0] == '\0' ? data->counts.by_state[EM_LEDGER_DONE] : data->done;
    char text[REPORT_TEXT];
    out_raw(out, "<dl class=\"tiles\">\n");
    tile(out, "lead", data->since[0] == '\0' ? "Done" : "Done in this time");
    out_number(out, done);
    out_raw(out, "</b><small>of ");
    out_number(out, data->counts.units);
    out_raw(out, " units, ");
    out_percent(out, done, data->counts.units);
    out_raw(out, "</small></dd></div>\n");
    tile(out, "", "First-pass yield");
    out_percent(out, data->first_pass, judged(data));
    tile_end(out, "passed without a failure");
    tile(out, "", "Final yield");
    out_percent(out, data->done, judged(data));
    tile_end(out, "passed in the end");
    rate_tile(out, data);
    tile(out, "", "A board takes");
    if (data->board.count == 0) {
        out_raw(out, "–");
        tile_end(out, "none has passed yet");
    } else {
        out_duration(out, report_spread_at(&data->board, 0.5));
        text_duration(text, report_spread_at(&data->board, 0.95));
        out_fmt(out, "</b><small>median; 95 %% within %s</small></dd></div>\n", text);
    }
    promise_tile(out, data);
    out_raw(out, "</dl>\n");
}

static void states(struct em_buf *out, const struct report_data *data)
{
    out_raw(out, "<section>\n<h2>The batch now</h2>\n");
    figure_states(out, &data->counts);
    out_raw(out, "<ul class=\"legend\">\n");
    for (int state = EM_LEDGER_DONE; state >= EM_LEDGER_FREE; state--) {
        const char *name = em_ledger_state_name((enum em_ledger_state)state);
        out_fmt(out, "<li%s><i class=\"swatch state-%s\"></i>%s <b>",
                data->counts.by_state[state] == 0 ? " class=\"none\"" : "", name, name);
        out_number(out, data->counts.by_state[state]);
        out_raw(out, "</b></li>\n");
    }
    out_raw(out, "</ul>\n</section>\n");
}

/* ---- The page ---- */

void report_page(struct em_buf *out, const struct report_data *data,
                 const struct report_about *about)
{
    const char *title = about->title == NULL ? data->batch.name : about->title;
    head(out, title);
    heading(out, data, title);
    tiles(out, data);
    states(out, data);
    report_part_rate(out, data);
    report_part_causes(out, data);
    report_part_steps(out, data);
    report_part_slots(out, data);
    report_part_troubles(out, data);
    report_part_records(out, data);
    out_raw(out, "</main>\n<footer>Made ");
    out_time(out, about->made);
    out_raw(out, " UTC by espmfg ");
    out_text(out, about->version);
    out_raw(out, " from ");
    out_number(out, data->events);
    out_raw(out, data->events == 1 ? " event" : " events");
    out_raw(out, ". Times are UTC.</footer>\n</body>\n</html>\n");
}
