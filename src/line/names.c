/* SPDX-License-Identifier: Apache-2.0 */
/* What stages, verdicts and events are called. */
#include "config.h"

#include "src/line/line.h"

#include <string.h>

const char *line_stage_name(enum line_stage stage)
{
    static const char *const names[] = {
        [LINE_EMPTY] = "empty", [LINE_CONNECT] = "connect", [LINE_CLAIM] = "claim",
        [LINE_CHECK] = "check", [LINE_FLASH] = "flash",     [LINE_BURN] = "burn",
        [LINE_BOOT] = "boot",   [LINE_FINISH] = "finish",   [LINE_VERDICT] = "verdict",
    };
    return names[stage];
}

const char *line_verdict_name(enum line_verdict verdict)
{
    static const char *const names[] = {
        [LINE_NO_VERDICT] = "none",
        [LINE_PASS] = "pass",
        [LINE_PASSED_BEFORE] = "passed-before",
        [LINE_FAIL] = "fail",
        [LINE_ABORTED] = "aborted",
    };
    return names[verdict];
}

const char *const line_event_names[] = {
    "arrived",       "claimed", "tested",  "flashed", "burned", "booted", "passed",
    "passed-before", "failed",  "aborted", "removed", "end",    NULL,
};

static const char *step_name(const struct line_event *event)
{
    static const char *const steps[][2] = {
        {"claim", "claimed"},
        {"flash", "flashed"},
        {"burn", "burned"},
        {"boot", "booted"},
    };
    if (event->step == NULL || event->outcome == NULL ||
        strcmp(event->outcome, "ok") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(event->step, steps[i][0]) == 0)
            return steps[i][1];
    }
    /* of a stage before the job's own firmware */
    return strncmp(event->step, "boot/", strlen("boot/")) == 0 ? "tested" : NULL;
}

const char *line_event_name(const struct line_event *event)
{
    static const char *const verdicts[] = {
        [LINE_PASS] = "passed",
        [LINE_PASSED_BEFORE] = "passed-before",
        [LINE_FAIL] = "failed",
        [LINE_ABORTED] = "aborted",
    };
    switch (event->kind) {
    case LINE_EVENT_STAGE:
        return event->slot != NULL && event->slot->stage == LINE_CONNECT ? "arrived"
                                                                         : NULL;
    case LINE_EVENT_STEP:
        return step_name(event);
    case LINE_EVENT_VERDICT:
        return event->slot == NULL ? NULL : verdicts[event->slot->verdict];
    case LINE_EVENT_REMOVED:
        return "removed";
    case LINE_EVENT_END:
        return "end";
    case LINE_EVENT_PROGRESS:
    case LINE_EVENT_NOTE:
        break;
    }
    return NULL;
}
