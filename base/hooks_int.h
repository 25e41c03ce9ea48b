/* SPDX-License-Identifier: Apache-2.0 */
/* Calling the call-backs of the user. */
#ifndef BASE_HOOKS_INT_H
#define BASE_HOOKS_INT_H

#include <espmfg/hooks.h>

#include <stdbool.h>

/** Will em_hooks_log() tell anybody? For those who have to make the message first. @p
 * hooks may be NULL, here and below. */
bool em_hooks_wants(const struct em_hooks *hooks, enum em_log_level level);

/** Tell a message, if it is wanted. @p device may be NULL: the whole job. */
void em_hooks_log(const struct em_hooks *hooks, enum em_log_level level,
                  const char *device, const struct em_error *msg);

/** Tell that a stage begins. */
void em_hooks_begin(const struct em_hooks *hooks, const char *stage, const char *device);

/** Tell that it ends; returns @p status. */
enum em_status em_hooks_end(const struct em_hooks *hooks, const char *stage,
                            const char *device, enum em_status status);

#endif
