/* SPDX-License-Identifier: Apache-2.0 */
/* Median, quartiles and the like of many durations, in memory that does not grow. */
#ifndef SRC_REPORT_SPREAD_H
#define SRC_REPORT_SPREAD_H

#include <stdint.h>

/* Durations are counted in classes, SPREAD_STEPS to each doubling: a quantile is off by
 * 1/64 at most. */
enum { SPREAD_STEPS = 32, SPREAD_CLASSES = SPREAD_STEPS * 40 };

/** Begin with all zero. */
struct report_spread {
    uint64_t count;
    int64_t smallest, largest;
    uint32_t classes[SPREAD_CLASSES];
};

/** @p value: microseconds; less than 0 is 0, more than 2^39 counts as that. */
void report_spread_add(struct report_spread *spread, int64_t value);

/** The value that the part @p part (0 … 1) of all does not exceed; 0 without any. */
double report_spread_at(const struct report_spread *spread, double part);

#endif
