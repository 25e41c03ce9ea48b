/* SPDX-License-Identifier: Apache-2.0 */
/* Call-backs through which the library reports: messages and progress. */
#ifndef ESPMFG_HOOKS_H
#define ESPMFG_HOOKS_H

#include <espmfg/error.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How much a message matters; higher is chattier. */
enum em_log_level {
    EM_LOG_ERROR,
    EM_LOG_WARNING,
    EM_LOG_NOTE, /**< worth telling, nothing is wrong */
    EM_LOG_INFO, /**< what is being done, one line a unit */
    EM_LOG_DEBUG,
    EM_LOG_TRACE,
};

/** How far a long job is. */
struct em_progress {
    const char *stage;  /**< "checking", "writing", … */
    const char *device; /**< unit or port the call is about; "" : the whole job */
    const char *counts; /**< what is counted: "bytes", "units" */
    uint64_t done;      /**< never falls within a stage */
    uint64_t total;     /**< 0: not known */
};

/**
 * Call-backs of one job. Any member may be NULL. The library calls them from one thread
 * at a time (not always the same one) and, for progress, at most ten times a second plus
 * once at the end of a stage.
 */
struct em_hooks {
    /** A message: @p msg is only valid during the call. @p device as in em_progress. */
    void (*log)(void *user, enum em_log_level level, const char *device,
                const struct em_error *msg);
    /** Return 0 to go on, anything else to stop: the job ends with EM_ERR_STOPPED. */
    int (*progress)(void *user, const struct em_progress *progress);
    void *user;
};

#ifdef __cplusplus
}
#endif
#endif
