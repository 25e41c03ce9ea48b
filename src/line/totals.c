/* SPDX-License-Identifier: Apache-2.0 */
/* Counting boards: yield, rate, time left, and why they failed. */
#include "config.h"

#include "src/line/run.h"

#include <stdio.h>
#include <string.h>

void line_tally_start(struct line_tally *tally, uint64_t count, int64_t now_us)
{
    *tally = (struct line_tally){.count = count, .start_us = now_us};
    tally->totals.left_us = -1;
}

static void add_cause(struct line_tally *tally, const char *cause)
{
    size_t i = 0;
    while (i < tally->cause_count && strcmp(tally->causes[i].text, cause) != 0)
        i++;
    if (i == LINE_TALLY_CAUSES) {
        i--;
        (void)snprintf(tally->causes[i].text, sizeof tally->causes[i].text, "others");
    } else if (i == tally->cause_count) {
        (void)snprintf(tally->causes[i].text, sizeof tally->causes[i].text, "%s", cause);
        tally->cause_count++;
    }
    tally->causes[i].count++;
}

void line_tally_verdict(struct line_tally *tally, enum line_verdict verdict,
                        const char *cause, int64_t now_us)
{
    switch (verdict) {
    case LINE_PASS:
        tally->passes_us[tally->passes++ % LINE_TALLY_RING] = now_us;
        tally->totals.passed++;
        tally->totals.done++;
        tally->in_a_row = 0;
        break;
    case LINE_FAIL:
        tally->totals.failed++;
        tally->in_a_row++;
        add_cause(tally, cause);
        break;
    case LINE_PASSED_BEFORE: /* tells nothing about the line: it was not worked on */
        tally->totals.before++;
        break;
    case LINE_NO_VERDICT:
    case LINE_ABORTED:
        break;
    }
}

/* The most frequent first; of equals, the one that came first. */
static void rank_causes(struct line_tally *tally)
{
    bool taken[LINE_TALLY_CAUSES] = {false};
    for (size_t place = 0; place < LINE_CAUSES; place++) {
        size_t best = LINE_TALLY_CAUSES;
        for (size_t i = 0; i < tally->cause_count; i++) {
            if (!taken[i] && (best == LINE_TALLY_CAUSES ||
                              tally->causes[i].count > tally->causes[best].count))
                best = i;
        }
        if (best == LINE_TALLY_CAUSES)
            return;
        taken[best] = true;
        memcpy(tally->totals.causes[place].text, tally->causes[best].text,
               sizeof tally->causes[best].text);
        tally->totals.causes[place].count = tally->causes[best].count;
    }
}

const struct line_totals *line_tally_totals(struct line_tally *tally, int64_t now_us)
{
    struct line_totals *t = &tally->totals;
    t->elapsed_us = now_us - tally->start_us;
    /* The boards before the first one counted began at the start; later ones between the
     * passes of those before. */
    uint64_t seen = tally->passes < LINE_TALLY_RING ? tally->passes : LINE_TALLY_RING - 1;
    int64_t from_us = tally->passes < LINE_TALLY_RING
                          ? tally->start_us
                          : tally->passes_us[tally->passes % LINE_TALLY_RING];
    int64_t span_us = now_us - from_us;
    t->units_per_hour =
        seen == 0 || span_us <= 0 ? 0 : (double)seen * 3600e6 / (double)span_us;
    uint64_t left = t->units > t->done ? t->units - t->done : 0;
    if (tally->count != 0) {
        uint64_t wanted = tally->count > t->passed ? tally->count - t->passed : 0;
        left = wanted < left ? wanted : left;
    }
    t->left_us = -1;
    if (left == 0)
        t->left_us = 0;
    else if (t->units_per_hour > 0)
        t->left_us = (int64_t)((double)left * 3600e6 / t->units_per_hour);
    rank_causes(tally);
    return t;
}
