/* SPDX-License-Identifier: Apache-2.0 */
/* Median, quartiles and the like of many durations, in memory that does not grow. */
#include "config.h"

#include "src/report/spread.h"

#include <stddef.h>

/* Up to SPREAD_STEPS each value has a class of its own; then each doubling has
 * SPREAD_STEPS. */
static size_t class_of(int64_t value)
{
    uint64_t v = value < 0 ? 0 : (uint64_t)value;
    unsigned shift = 0;
    while (v >> shift >= 2 * SPREAD_STEPS)
        shift++;
    size_t index = (size_t)shift * SPREAD_STEPS + (size_t)(v >> shift);
    return index < SPREAD_CLASSES ? index : SPREAD_CLASSES - 1;
}

/* The middle of a class. */
static double value_of(size_t index)
{
    if (index < 2 * SPREAD_STEPS)
        return (double)index;
    unsigned shift = (unsigned)(index / SPREAD_STEPS) - 1;
    double low = (double)((uint64_t)(index % SPREAD_STEPS + SPREAD_STEPS) << shift);
    return low + (double)(((uint64_t)1 << shift) - 1) / 2;
}

void report_spread_add(struct report_spread *spread, int64_t value)
{
    int64_t v = value < 0 ? 0 : value;
    if (spread->count == 0 || v < spread->smallest)
        spread->smallest = v;
    if (spread->count == 0 || v > spread->largest)
        spread->largest = v;
    spread->count++;
    spread->classes[class_of(v)]++;
}

double report_spread_at(const struct report_spread *spread, double part)
{
    if (spread->count == 0)
        return 0;
    double wanted = part * (double)(spread->count - 1) + 1;
    uint64_t seen = 0;
    for (size_t i = 0; i < SPREAD_CLASSES; i++) {
        seen += spread->classes[i];
        if (spread->classes[i] == 0 || (double)seen + 1 <= wanted)
            continue;
        double value = value_of(i);
        if (value < (double)spread->smallest)
            value = (double)spread->smallest;
        return value > (double)spread->largest ? (double)spread->largest : value;
    }
    return (double)spread->largest;
}
