/* SPDX-License-Identifier: Apache-2.0 */
/* Calling the call-backs of the user: what is wanted, and when a stage begins and ends.
 */
#include "config.h"

#include "base/hooks_int.h"

#include <stddef.h>

bool em_hooks_wants(const struct em_hooks *hooks, enum em_log_level level)
{
    return hooks != NULL && hooks->log != NULL &&
           (hooks->log_levels == 0 || (unsigned)level < hooks->log_levels);
}

void em_hooks_log(const struct em_hooks *hooks, enum em_log_level level,
                  const char *device, const struct em_error *msg)
{
    if (em_hooks_wants(hooks, level))
        hooks->log(hooks->user, level, device == NULL ? "" : device, msg);
}

static void tell(const struct em_hooks *hooks, const char *name, const char *device,
                 int ends, enum em_status status)
{
    const struct em_stage stage = {name, device == NULL ? "" : device, ends, status};
    if (hooks != NULL && hooks->stage != NULL)
        hooks->stage(hooks->user, &stage);
}

void em_hooks_begin(const struct em_hooks *hooks, const char *stage, const char *device)
{
    tell(hooks, stage, device, 0, EM_OK);
}

enum em_status em_hooks_end(const struct em_hooks *hooks, const char *stage,
                            const char *device, enum em_status status)
{
    tell(hooks, stage, device, 1, status);
    return status;
}
