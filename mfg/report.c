/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a whole batch: told as they are found, up to a limit, and counted. */
#include "config.h"

#include "mfg/report_int.h"

#include "base/error_int.h"
#include "base/hooks_int.h"

#include <stdio.h>

void em_report_say(struct em_report *report, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    if (level == EM_LOG_WARNING)
        report->warnings++;
    em_hooks_log(report->hooks, level, device, msg);
}

void em_report_fault(struct em_report *report, const struct em_error *fault)
{
    if (report->faults++ == 0)
        report->first = fault->status;
    if (report->faults <= EM_FAULTS_SHOWN)
        em_report_say(report, EM_LOG_ERROR, NULL, fault);
}

enum em_status em_report_result(const struct em_report *report, struct em_error *err)
{
    char more[48] = "";
    if (report->faults == 0)
        return EM_OK;
    if (report->faults > EM_FAULTS_SHOWN)
        (void)snprintf(more, sizeof more, " (the first %d are shown)", EM_FAULTS_SHOWN);
    return em_error_set(err, report->first, NULL, "%lu fault%s%s: nothing was written",
                        report->faults, report->faults == 1 ? "" : "s", more);
}
