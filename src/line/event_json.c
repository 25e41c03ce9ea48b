/* SPDX-License-Identifier: Apache-2.0 */
/* An event as a JSON object: for hooks and for --json. */
#include "config.h"

#include "src/line/view.h"

#include <time.h>

/* Names may hold any bytes; JSON takes UTF-8 only. NULL and "" are null. */
static json_t *text_or_null(const char *text)
{
    json_t *value = text == NULL || text[0] == '\0' ? NULL : json_string(text);
    return value == NULL ? json_null() : value;
}

static json_t *count_of(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *seconds_of(int64_t us)
{
    return json_real((double)us / 1e6);
}

/* NULLs are passed on: what lacks memory is told when the object is printed. */
static void set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

static json_t *time_text(int64_t time_us)
{
    char text[40] = "";
    char all[48];
    struct tm tm;
    time_t s = (time_t)(time_us / 1000000);
    if (gmtime_r(&s, &tm) == NULL || strftime(text, sizeof text, "%FT%T", &tm) == 0)
        return json_null();
    (void)snprintf(all, sizeof all, "%s.%03dZ", text,
                   (int)(time_us / 1000 % 1000)); /* always fits */
    return json_string(all);
}

static json_t *message_object(const char *level, const struct em_error *msg)
{
    json_t *object = json_object();
    set(object, "level", json_string(level));
    set(object, "file", text_or_null(msg->file));
    set(object, "line", msg->line == 0 ? json_null() : count_of(msg->line));
    set(object, "what", text_or_null(msg->what));
    set(object, "hint", text_or_null(msg->hint));
    return object;
}

static void set_slot(json_t *object, const struct line_slot_now *slot)
{
    set(object, "slot", text_or_null(slot->name));
    set(object, "port", text_or_null(slot->port));
    set(object, "mac", text_or_null(slot->mac));
    set(object, "unit", slot->unit == 0 ? json_null() : count_of(slot->unit));
    set(object, "name", text_or_null(slot->unit_name));
    set(object, "stage", json_string(line_stage_name(slot->stage)));
}

static void set_progress(json_t *object, const struct line_slot_now *slot)
{
    set(object, "done", count_of(slot->done));
    set(object, "total", slot->total == 0 ? json_null() : count_of(slot->total));
    set(object, "bytes_per_s",
        slot->bytes_per_s > 0 ? json_real(slot->bytes_per_s) : json_null());
}

static void set_step(json_t *object, const struct line_event *event)
{
    set(object, "step", text_or_null(event->step));
    set(object, "outcome", text_or_null(event->outcome));
    set(object, "detail", text_or_null(event->detail));
    set(object, "seconds", seconds_of(event->duration_us));
    set(object, "retries", count_of(event->retries));
}

static void set_verdict(json_t *object, const struct line_event *event)
{
    const struct line_slot_now *slot = event->slot;
    bool failed = slot->verdict == LINE_FAIL;
    set(object, "verdict", json_string(line_verdict_name(slot->verdict)));
    set(object, "seconds", seconds_of(event->duration_us));
    set(object, "retries", count_of(event->retries));
    set(object, "cause", failed ? text_or_null(slot->cause) : json_null());
    set(object, "error", failed ? message_object("error", &slot->error) : json_null());
}

json_t *line_totals_json(const struct line_totals *totals)
{
    json_t *object = json_object();
    json_t *causes = json_array();
    set(object, "units", count_of(totals->units));
    set(object, "done", count_of(totals->done));
    set(object, "passed", count_of(totals->passed));
    set(object, "failed", count_of(totals->failed));
    set(object, "before", count_of(totals->before));
    set(object, "units_per_hour",
        totals->units_per_hour > 0 ? json_real(totals->units_per_hour) : json_null());
    set(object, "seconds_left",
        totals->left_us < 0 ? json_null() : seconds_of(totals->left_us));
    set(object, "seconds", seconds_of(totals->elapsed_us));
    for (size_t i = 0; i < LINE_CAUSES && totals->causes[i].count > 0; i++) {
        json_t *cause = json_object();
        set(cause, "cause", text_or_null(totals->causes[i].text));
        set(cause, "count", count_of(totals->causes[i].count));
        (void)json_array_append_new(causes, cause); /* likewise */
    }
    set(object, "causes", causes);
    return object;
}

static const char *kind_name(enum line_event_kind kind)
{
    static const char *const names[] = {
        [LINE_EVENT_STAGE] = "stage",     [LINE_EVENT_PROGRESS] = "progress",
        [LINE_EVENT_STEP] = "step",       [LINE_EVENT_VERDICT] = "verdict",
        [LINE_EVENT_REMOVED] = "removed", [LINE_EVENT_NOTE] = "note",
        [LINE_EVENT_END] = "end",
    };
    return names[kind];
}

static const char *level_name(enum em_log_level level)
{
    static const char *const names[] = {"error", "warning", "note",
                                        "info",  "debug",   "trace"};
    return names[level];
}

json_t *line_event_json(const struct line_job *job, const struct line_station *station,
                        const struct line_event *event)
{
    json_t *object = json_object();
    set(object, "event", json_string(kind_name(event->kind)));
    set(object, "is", text_or_null(line_event_name(event)));
    set(object, "time", time_text(event->time_us));
    set(object, "batch", text_or_null(job->name));
    set(object, "chip", text_or_null(job->chip));
    set(object, "station", text_or_null(station->name));
    if (event->slot != NULL)
        set_slot(object, event->slot);
    if (event->slot != NULL && event->kind == LINE_EVENT_PROGRESS)
        set_progress(object, event->slot);
    if (event->kind == LINE_EVENT_STEP)
        set_step(object, event);
    if (event->slot != NULL && event->kind == LINE_EVENT_VERDICT)
        set_verdict(object, event);
    if (event->kind == LINE_EVENT_NOTE && event->note != NULL)
        set(object, "message", message_object(level_name(event->level), event->note));
    if (event->totals != NULL &&
        (event->kind == LINE_EVENT_VERDICT || event->kind == LINE_EVENT_END))
        set(object, "totals", line_totals_json(event->totals));
    return object;
}
