/* SPDX-License-Identifier: Apache-2.0 */
/* Libraries that are loaded only when they are needed. */
#ifndef BASE_LOAD_INT_H
#define BASE_LOAD_INT_H

#include <espmfg/error.h>

#include <stddef.h>

/**
 * A library that few runs need. Linked in the common way, a large one with its own
 * libraries would cost every start of a program several milliseconds.
 */
struct em_load {
    const char *library; /**< "libpq.so.5": the name that the linker would record */
    const char *package; /**< "libpq5": to be named when it is not there */
    const char *purpose; /**< "a ledger on a server" */
    const char *const *functions;
    size_t count;
};

/** A member of the structure of functions: declared as the library's header does. */
#define EM_LOAD_MEMBER(function) __typeof__(&(function)) function;
/** Its name in em_load::functions. */
#define EM_LOAD_NAME(function) #function,

/**
 * Load it, for good, and put the addresses into @p table: a structure of
 * EM_LOAD_MEMBERs in the order of the names. EM_ERR_UNSUPPORTED: the library or one of
 * its functions is not there.
 */
enum em_status em_load_functions(void *table, const struct em_load *what,
                                 struct em_error *err);

#endif
