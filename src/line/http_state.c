/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a line as messages for browsers: all of it, or what has changed. */
#include "config.h"

#include "src/line/http.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- What events tell ---- */

static void keep_failure(struct http_state *state, const struct line_event *event)
{
    const struct line_slot_now *slot = event->slot;
    memmove(&state->failures[1], &state->failures[0],
            (HTTP_FAILURES - 1) * sizeof state->failures[0]);
    if (state->failure_count < HTTP_FAILURES)
        state->failure_count++;
    struct http_failure *f = &state->failures[0];
    *f = (struct http_failure){.time_us = event->time_us};
    (void)snprintf(f->slot, sizeof f->slot, "%s", slot->name == NULL ? "" : slot->name);
    memcpy(f->mac, slot->mac, sizeof f->mac);
    memcpy(f->unit_name, slot->unit_name, sizeof f->unit_name);
    memcpy(f->cause, slot->cause, sizeof f->cause);
    memcpy(f->what, slot->error.what, sizeof f->what);
    state->failures_changed = true;
}

void http_state_event(struct http_state *state, const struct line_event *event)
{
    const struct line_slot_now *slot = event->slot;
    (void)pthread_mutex_lock(&state->lock); /* cannot fail: it is no recursive one */
    if (slot != NULL && slot->slot < state->count) {
        struct line_slot_now *kept = &state->slots[slot->slot];
        const char *name = kept->name;
        *kept = *slot;
        kept->name = name; /* these two may not live on */
        kept->port = NULL;
        state->changed[slot->slot] = true;
        if (event->kind == LINE_EVENT_VERDICT && slot->verdict == LINE_FAIL)
            keep_failure(state, event);
    }
    if (event->totals != NULL) {
        state->totals = *event->totals;
        state->totals_changed = true;
    }
    if (event->kind == LINE_EVENT_END)
        state->ended = true;
    (void)pthread_mutex_unlock(&state->lock);
}

/* ---- Messages ---- */

static json_t *text_or_null(const char *text)
{
    json_t *value = text == NULL || text[0] == '\0' ? NULL : json_string(text);
    return value == NULL ? json_null() : value;
}

/* NULLs are passed on: what lacks memory is told when the object is printed. */
static void set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

static void set_ms(json_t *object, const char *name, int64_t us)
{
    set(object, name, json_integer((json_int_t)(us / 1000)));
}

static json_t *slot_json(const struct line_slot_now *slot, size_t index)
{
    json_t *object = json_object();
    set(object, "i", json_integer((json_int_t)index));
    set(object, "slot", text_or_null(slot->name));
    set(object, "stage", json_string(line_stage_name(slot->stage)));
    if (slot->stage == LINE_EMPTY)
        return object;
    set(object, "verdict", json_string(line_verdict_name(slot->verdict)));
    set(object, "mac", text_or_null(slot->mac));
    set(object, "unit", json_integer((json_int_t)slot->unit));
    set(object, "name", text_or_null(slot->unit_name));
    set(object, "done", json_integer((json_int_t)slot->done));
    set(object, "total", json_integer((json_int_t)slot->total));
    set(object, "rate", json_integer((json_int_t)slot->bytes_per_s));
    set(object, "retries", json_integer((json_int_t)slot->retries));
    set_ms(object, "since", slot->since_us);
    set_ms(object, "board", slot->board_since_us);
    if (slot->verdict == LINE_FAIL || slot->verdict == LINE_ABORTED) {
        set(object, "cause", text_or_null(slot->cause));
        set(object, "what", text_or_null(slot->error.what));
        set(object, "hint", text_or_null(slot->error.hint));
    }
    return object;
}

static json_t *failures_json(const struct http_state *state)
{
    json_t *list = json_array();
    for (size_t i = 0; i < state->shown_failure_count; i++) {
        const struct http_failure *f = &state->shown_failures[i];
        json_t *object = json_object();
        set(object, "slot", text_or_null(f->slot));
        set(object, "mac", text_or_null(f->mac));
        set(object, "name", text_or_null(f->unit_name));
        set(object, "cause", text_or_null(f->cause));
        set(object, "what", text_or_null(f->what));
        set_ms(object, "time", f->time_us);
        (void)json_array_append_new(list, object);
    }
    return list;
}

/* With @p all, everything; otherwise what has changed. */
static char *state_text(const struct http_state *state, int64_t now_us, bool all,
                        bool failures)
{
    json_t *object = json_object();
    json_t *slots = json_array();
    if (all) {
        set(object, "batch", text_or_null(state->job->name));
        set(object, "chip", text_or_null(state->job->chip));
        set(object, "station", text_or_null(state->station->name));
        set(object, "version", json_string(PACKAGE_VERSION));
    }
    set_ms(object, "now", now_us);
    set(object, "ended", json_boolean(state->shown_ended));
    set(object, "totals", line_totals_json(&state->shown_totals));
    for (size_t i = 0; i < state->count; i++) {
        if (all || state->shown_changed[i])
            (void)json_array_append_new(slots, slot_json(&state->shown[i], i));
    }
    set(object, "slots", slots);
    if (all || failures)
        set(object, "failures", failures_json(state));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

static void put_event(struct em_buf *out, const char *kind, uint64_t number,
                      const char *text)
{
    char head[64];
    (void)snprintf(head, sizeof head, "id: %" PRIu64 "\nevent: %s\ndata: ", number, kind);
    em_buf_clear(out);
    em_buf_append_text(out, head);
    em_buf_append_text(out, text);
    em_buf_append_text(out, "\n\n");
}

/* Copies what events have told; true: something has changed. */
static bool take_news(struct http_state *state, bool *failures)
{
    bool news = false;
    (void)pthread_mutex_lock(&state->lock); /* as above */
    for (size_t i = 0; i < state->count; i++) {
        state->shown_changed[i] = state->changed[i];
        if (!state->changed[i])
            continue;
        state->shown[i] = state->slots[i];
        state->changed[i] = false;
        news = true;
    }
    *failures = state->failures_changed;
    news =
        news || state->totals_changed || *failures || state->ended != state->shown_ended;
    state->shown_totals = state->totals;
    state->shown_ended = state->ended;
    state->totals_changed = state->failures_changed = false;
    if (*failures) {
        memcpy(state->shown_failures, state->failures, sizeof state->failures);
        state->shown_failure_count = state->failure_count;
    }
    (void)pthread_mutex_unlock(&state->lock);
    return news;
}

bool http_state_tick(struct http_state *state, int64_t now_us, bool beat)
{
    bool failures = false;
    if (!take_news(state, &failures) && !beat && state->number > 0)
        return false;
    char *some = state_text(state, now_us, false, failures);
    char *all = state_text(state, now_us, true, true);
    (void)pthread_mutex_lock(&state->out_lock); /* as above */
    if (some != NULL && all != NULL) {          /* without memory, the next time */
        state->number++;
        put_event(&state->frames[state->number % HTTP_FRAMES], "some", state->number,
                  some);
        put_event(&state->snapshot, "all", state->number, all);
        em_buf_clear(&state->json);
        em_buf_append_text(&state->json, all);
        em_buf_append_text(&state->json, "\n");
    }
    (void)pthread_mutex_unlock(&state->out_lock);
    free(some);
    free(all);
    return true;
}

bool http_state_next(struct http_state *state, uint64_t *number, struct em_buf *out)
{
    (void)pthread_mutex_lock(&state->out_lock); /* as above */
    bool news = *number < state->number;
    if (news) {
        bool all = *number == 0 || state->number - *number >= HTTP_FRAMES;
        *number = all ? state->number : *number + 1;
        const struct em_buf *from =
            all ? &state->snapshot : &state->frames[*number % HTTP_FRAMES];
        em_buf_append(out, from->data, from->len);
    }
    (void)pthread_mutex_unlock(&state->out_lock);
    return news;
}

void http_state_json(struct http_state *state, struct em_buf *out)
{
    (void)pthread_mutex_lock(&state->out_lock); /* as above */
    em_buf_append(out, state->json.data, state->json.len);
    (void)pthread_mutex_unlock(&state->out_lock);
}

void http_state_page(struct http_state *state, struct em_buf *out,
                     const struct em_buf *page)
{
    static const char mark[] = "@STATE@";
    size_t at = 0;
    while (at + sizeof mark <= page->len &&
           memcmp(page->data + at, mark, sizeof mark - 1) != 0)
        at++;
    em_buf_append(out, page->data, at);
    (void)pthread_mutex_lock(&state->out_lock);    /* as above */
    for (size_t i = 0; i < state->json.len; i++) { /* no text may end the element */
        if (state->json.data[i] == '<')
            em_buf_append_text(out, "\\u003c");
        else
            em_buf_append_byte(out, state->json.data[i]);
    }
    (void)pthread_mutex_unlock(&state->out_lock);
    at += sizeof mark - 1;
    if (at < page->len)
        em_buf_append(out, page->data + at, page->len - at);
}

/* ---- Beginning and end ---- */

enum em_status http_state_init(struct http_state *state, const struct line_job *job,
                               const struct line_station *station, struct em_error *err)
{
    size_t count = station->slot_count;
    *state = (struct http_state){.job = job, .station = station, .count = count};
    (void)pthread_mutex_init(&state->lock, NULL); /* cannot fail without attributes */
    (void)pthread_mutex_init(&state->out_lock, NULL);
    state->slots = calloc(count + 1, sizeof *state->slots);
    state->shown = calloc(count + 1, sizeof *state->shown);
    state->changed = calloc(count + 1, sizeof *state->changed);
    state->shown_changed = calloc(count + 1, sizeof *state->shown_changed);
    if (state->slots == NULL || state->shown == NULL || state->changed == NULL ||
        state->shown_changed == NULL) {
        http_state_free(state);
        return em_error_nomem(err);
    }
    for (size_t i = 0; i < count; i++)
        state->slots[i].name = state->shown[i].name = station->slots[i].name;
    state->totals.left_us = -1;
    return EM_OK;
}

void http_state_free(struct http_state *state)
{
    free(state->slots);
    free(state->shown);
    free(state->changed);
    free(state->shown_changed);
    for (size_t i = 0; i < HTTP_FRAMES; i++)
        em_buf_free(&state->frames[i]);
    em_buf_free(&state->snapshot);
    em_buf_free(&state->json);
    (void)pthread_mutex_destroy(&state->lock); /* nobody has it any more */
    (void)pthread_mutex_destroy(&state->out_lock);
    *state = (struct http_state){.count = 0};
}
