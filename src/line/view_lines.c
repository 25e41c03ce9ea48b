/* SPDX-License-Identifier: Apache-2.0 */
/* A running line as lines of text: for logs, and where there is no terminal. */
#include "config.h"

#include "src/line/view_int.h"

#include <string.h>
#include <time.h>

static const char *or_dash(const char *text)
{
    return text == NULL || text[0] == '\0' ? "-" : text;
}

static void append_time(struct em_buf *out, int64_t time_us)
{
    char text[40] = "-";
    struct tm tm;
    time_t s = (time_t)(time_us / 1000000);
    if (gmtime_r(&s, &tm) != NULL && strftime(text, sizeof text, "%FT%TZ", &tm) == 0)
        (void)snprintf(text, sizeof text, "-");
    em_buf_append_text(out, text);
}

/* Time, slot, unit, MAC. */
static void append_place(struct em_buf *out, const struct line_event *event)
{
    const struct line_slot_now *slot = event->slot;
    append_time(out, event->time_us);
    const char *const parts[] = {slot == NULL ? "" : slot->name,
                                 slot == NULL ? "" : slot->unit_name,
                                 slot == NULL ? "" : slot->mac};
    for (size_t i = 0; i < 3; i++) {
        em_buf_append_text(out, " ");
        view_append(out, or_dash(parts[i]));
    }
}

/* "…: 1.2 s, 2 retries" */
static void append_rest(struct em_buf *out, const struct line_event *event)
{
    char text[32];
    if (event->duration_us > 0) {
        view_duration_text(text, sizeof text, event->duration_us);
        em_buf_append_text(out, " ");
        em_buf_append_text(out, text);
    }
    if (event->retries > 0) {
        (void)snprintf(text, sizeof text, ", %u %s", (unsigned)event->retries,
                       event->retries == 1 ? "retry" : "retries");
        em_buf_append_text(out, text);
    }
}

static void append_step(struct em_buf *out, const struct line_event *event)
{
    append_place(out, event);
    em_buf_append_text(out, " ");
    view_append(out, or_dash(event->step));
    em_buf_append_text(out, " ");
    view_append(out, or_dash(event->outcome));
    append_rest(out, event);
    if (event->detail != NULL && event->detail[0] != '\0') {
        em_buf_append_text(out, ": ");
        view_append(out, event->detail);
    }
    em_buf_append_text(out, "\n");
}

static void append_verdict(struct em_buf *out, const struct line_event *event)
{
    static const char *const told[] = {
        [LINE_NO_VERDICT] = "-",
        [LINE_PASS] = "PASS",
        [LINE_PASSED_BEFORE] = "PASS (was done before)",
        [LINE_FAIL] = "FAIL",
        [LINE_ABORTED] = "stopped",
    };
    append_place(out, event);
    em_buf_append_text(out, " ");
    em_buf_append_text(out, told[event->slot->verdict]);
    append_rest(out, event);
    if (event->slot->verdict == LINE_FAIL)
        view_append_message(out, ": ", &event->slot->error);
    else
        em_buf_append_text(out, "\n");
}

static void append_end(struct em_buf *out, const struct line_view_options *options,
                       const struct line_totals *totals)
{
    struct view_line line;
    view_total_line(&line, totals, VIEW_COLUMNS_MAX, options->utf8);
    em_buf_append_text(out, line.text);
    em_buf_append_text(out, "\n");
    view_cause_line(&line, totals, VIEW_COLUMNS_MAX, options->utf8);
    if (line.len == 0)
        return;
    em_buf_append_text(out, line.text);
    em_buf_append_text(out, "\n");
}

static void on_event(void *user, const struct line_event *event)
{
    const struct line_view_options *options = user;
    struct em_buf out = {0};
    bool failed = event->kind == LINE_EVENT_VERDICT && event->slot != NULL &&
                  event->slot->verdict == LINE_FAIL;
    if (options->quiet && !failed &&
        !(event->kind == LINE_EVENT_NOTE && event->level == EM_LOG_ERROR))
        return;
    switch (event->kind) {
    case LINE_EVENT_STEP:
        append_step(&out, event);
        break;
    case LINE_EVENT_VERDICT:
        if (event->slot != NULL)
            append_verdict(&out, event);
        break;
    case LINE_EVENT_REMOVED:
        append_place(&out, event);
        em_buf_append_text(&out, " removed\n");
        break;
    case LINE_EVENT_NOTE:
        if (event->level > options->level)
            return;
        append_place(&out, event);
        em_buf_append_text(&out, " ");
        struct line_event alone = *event;
        alone.slot = NULL; /* is named already */
        view_note_text(&out, &alone);
        break;
    case LINE_EVENT_END:
        if (event->totals != NULL)
            append_end(&out, options, event->totals);
        break;
    case LINE_EVENT_STAGE:
    case LINE_EVENT_PROGRESS:
        return;
    }
    if (!out.failed) /* without memory, the next step of the line fails too */
        options->screen.write(options->screen.user, (const char *)out.data, out.len);
    em_buf_free(&out);
}

struct line_view line_lines_view(struct line_view_options *options)
{
    return (struct line_view){on_event, options};
}
