/* SPDX-License-Identifier: Apache-2.0 */
/* Filling error objects. */
#ifndef BASE_ERROR_INT_H
#define BASE_ERROR_INT_H

#include <espmfg/error.h>

/**
 * Fill @p err (may be NULL) and return @p status, so that a fault is told and returned in
 * one line. @p hint may be NULL. File and line are cleared.
 */
enum em_status em_error_set(struct em_error *err, enum em_status status, const char *hint,
                            const char *fmt, ...) EM_PRINTF(4, 5);

/** The same with ": " and the text of @p errnum behind, and a hint that fits it if known.
 */
enum em_status em_error_errno(struct em_error *err, int errnum, const char *fmt, ...)
    EM_PRINTF(3, 4);

/** Add the place, unless one is known already. @p err and @p file may be NULL. */
void em_error_at(struct em_error *err, const char *file, unsigned long line);

/** em_error_set() for failed allocations. */
enum em_status em_error_nomem(struct em_error *err);

#endif
