/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of a job: begun with the names of its units. */
#include "config.h"

#include "src/line/line.h"

#include <stdio.h>

struct naming {
    struct em_units *units;
    char name[EM_LEDGER_NAME];
};

static const char *unit_name(void *user, uint64_t unit)
{
    struct naming *naming = user;
    struct em_unit_data *data = NULL;
    naming->name[0] = '\0'; /* a name that is no unit's: the ledger refuses it */
    if (em_units_take(naming->units, unit, &data, NULL) == EM_OK)
        (void)snprintf(naming->name, sizeof naming->name, "%s", em_unit_name(data));
    em_unit_close(data);
    return naming->name;
}

enum em_status line_ledger_begin(const struct line_job *job,
                                 const struct em_ledger_options *options,
                                 struct em_error *err)
{
    struct naming naming = {.units = job->source};
    const struct em_ledger_batch batch = {
        .name = job->name,
        .chip = job->chip,
        .job = job->digest,
        .units = em_units_count(job->source),
        .unit_name = unit_name,
        .user = &naming,
    };
    return em_ledger_init(options, &batch, err);
}
