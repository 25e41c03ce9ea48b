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

/** A stage of a long job begins or ends. */
struct em_stage {
    const char *name;      /**< as em_progress has it */
    const char *device;    /**< as em_progress has it */
    int ends;              /**< 0: it begins; else it ends, … */
    enum em_status status; /**< … and so it went */
};

/**
 * Call-backs of one job. Begin with {0}: any member may be NULL, and members may be added
 * at the end. The library calls them from one thread at a time (not always the same one)
 * and, for progress, at most ten times a second plus once at the end of a stage.
 */
struct em_hooks {
    /** A message: @p msg is only valid during the call. @p device as in em_progress. */
    void (*log)(void *user, enum em_log_level level, const char *device,
                const struct em_error *msg);
    /** Return 0 to go on, anything else to stop: the job ends with EM_ERR_STOPPED. */
    int (*progress)(void *user, const struct em_progress *progress);
    void *user; /**< handed to all of them */
    /** Each stage that begins also ends, whatever happens in it. Stages may hold others:
     * a connection that is lost while writing is made anew in a stage of its own. A
     * stage may come again. */
    void (*stage)(void *user, const struct em_stage *stage);
    /** How many levels, from EM_LOG_ERROR on, @c log gets: EM_LOG_NOTE + 1 leaves out
     * what is chattier than notes; 0: all. */
    unsigned log_levels;
};

#ifdef __cplusplus
}
#endif
#endif
