/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes and error objects of libespmfg. */
#ifndef ESPMFG_ERROR_H
#define ESPMFG_ERROR_H

#include <espmfg/export.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What came of a call. EM_OK is 0, everything else is negative.
 * Names, texts and exit statuses of the programs come from one table (em_status_*()).
 */
enum em_status {
    EM_OK = 0,
    EM_ERR_USAGE = -1, /**< the call or the command line contradicts itself */
    EM_ERR_INPUT = -2, /**< a file, a value or a key is not as it has to be */
    EM_ERR_FULL = -3,  /**< the content does not fit the partition */
    EM_ERR_IO = -4,    /**< the file system refused: not there, no permission, no space */
    EM_ERR_EXISTS = -5,   /**< a file that would be written is already there */
    EM_ERR_NOMEM = -6,    /**< out of memory */
    EM_ERR_CRYPTO = -7,   /**< the crypto library failed, random numbers included */
    EM_ERR_STOPPED = -8,  /**< stopped by the caller (progress call-back) */
    EM_ERR_PORT = -9,     /**< a port is not there, not permitted, in use, or gone */
    EM_ERR_LINK = -10,    /**< no answer from a chip, or none that makes sense */
    EM_ERR_CHIP = -11,    /**< a chip refused or failed, or is another one than told */
    EM_ERR_VERIFY = -12,  /**< what a chip holds is not what it should hold */
    EM_ERR_REFUSED = -13, /**< would do harm; can be forced */
    EM_ERR_UNSUPPORTED = -14, /**< the chip, its ROM or its mode cannot do this */
};

/**
 * One fault, told so that a person can mend it. Filled by whoever finds the fault;
 * callers on the way up may add file and line, nothing else. All texts are NUL-terminated
 * UTF-8; what is too long is cut.
 */
struct em_error {
    enum em_status status;
    unsigned long line; /**< line of @c file as a text editor counts it; 0: none */
    char file[256]; /**< input file the fault is in, as the user named it; "" : none */
    char what[512]; /**< one line: subject, value, limit */
    char hint[256]; /**< the next thing to try; "" : none */
    unsigned long column; /**< in @c line, from 1 on; 0: none */
};

/** Short machine-readable name, for example "input". Never NULL. */
EM_API const char *em_status_name(enum em_status status);

/** One sentence without a full stop. Never NULL. */
EM_API const char *em_status_text(enum em_status status);

/** Exit status of a program that ends with @p status. */
EM_API int em_status_exit(enum em_status status);

/**
 * Write "FILE:LINE: WHAT" (or what there is of it) into @p out of @p size bytes and
 * return the length that the whole text has, as snprintf does.
 */
EM_API int em_error_format(const struct em_error *err, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
