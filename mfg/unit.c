/* SPDX-License-Identifier: Apache-2.0 */
/* One unit on its way through a pass. */
#include "config.h"

#include "mfg/unit_int.h"

#include "mfg/report_int.h"

#include <stdlib.h>

bool em_unit_fault(void *user, const struct em_error *fault)
{
    struct em_unit *unit = user;
    if (unit->n_faults == EM_FAULTS_SHOWN) {
        unit->faults_more++;
        return true;
    }
    if (unit->n_faults == unit->cap_faults) {
        size_t cap = unit->cap_faults == 0 ? 2 : unit->cap_faults * 2;
        struct em_error *faults = realloc(unit->faults, cap * sizeof *faults);
        if (faults == NULL)
            return false; /* those before it are told */
        unit->faults = faults;
        unit->cap_faults = cap;
    }
    unit->faults[unit->n_faults++] = *fault;
    return true;
}
