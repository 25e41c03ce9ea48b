/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a whole batch: told as they are found, up to a limit, and counted. */
#ifndef MFG_REPORT_INT_H
#define MFG_REPORT_INT_H

#include <espmfg/hooks.h>

enum { EM_FAULTS_SHOWN = 20 };

struct em_report {
    const struct em_hooks *hooks; /* may be NULL */
    unsigned long faults;         /* found so far, shown or not */
    unsigned long warnings;
    enum em_status first; /* status of the first fault; EM_OK: none */
};

/** Tell a fault, unless EM_FAULTS_SHOWN were told already; always counts it. */
void em_report_fault(struct em_report *report, const struct em_error *fault);

/** Tell a warning, a note, or what was done; @p device is a unit's name or NULL. */
void em_report_say(struct em_report *report, enum em_log_level level, const char *device,
                   const struct em_error *msg);

/**
 * EM_OK when there was no fault. Otherwise the status of the first one, and @p err sums
 * up: "3 faults in the inputs, nothing was written".
 */
enum em_status em_report_result(const struct em_report *report, struct em_error *err);

#endif
