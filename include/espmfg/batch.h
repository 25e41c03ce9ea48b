/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: one intermediate CSV, NVS image and key file for each row of a table. */
#ifndef ESPMFG_BATCH_H
#define ESPMFG_BATCH_H

#include <espmfg/hooks.h>
#include <espmfg/keyfile.h>
#include <espmfg/nvs.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What em_batch_generate() is to make. All strings stay the caller's. Begin with
 * EM_BATCH_OPTIONS_INIT; members may be added at the end.
 */
struct em_batch_options {
    const char *config; /**< config CSV: namespaces, keys, encodings */
    const char *values; /**< values CSV: a header, then one row a unit */
    const char *prefix; /**< file names begin with it */
    uint64_t size;      /**< of the partition, bytes */
    enum em_nvs_version version;
    const char *outdir; /**< gets the folders bin/, csv/ and keys/ */
    const char
        *id_column; /**< column whose value ends file names; NULL: the row's number */
    bool counter;   /**< put a second number into file names … */
    int64_t counter_start; /**< … that begins here … */
    int counter_width;     /**< … and is filled with zeros to this width */
    struct em_key_options keys;
    unsigned jobs;      /**< threads, 1 or more */
    uint64_t first_row; /**< make only units first_row..last_row (1, 2, …) */
    uint64_t last_row;  /**< 0: to the end */
    unsigned shard;  /**< make only each shards-th unit, beginning with this one (1…) */
    unsigned shards; /**< 1: all */
    bool dry_run;    /**< check everything, write nothing */
    bool resume;     /**< keep what an interrupted run made, make the rest */
    bool no_csv;     /**< leave out the intermediate CSV files */
    bool each_unit;  /**< log each unit that is made (EM_LOG_INFO) */
    const char *manifest; /**< list of what was made, .csv or .json; NULL: none */
    /** Certificates that key files are sealed to (espmfg/seal.h): they only appear as
     * envelopes, their names ending in ".bin.cms". */
    const char *const *seal;
    size_t n_seal; /**< 0: key files are as they are */
};

#define EM_BATCH_OPTIONS_INIT                                                            \
    {                                                                                    \
        .version = EM_NVS_V2, .outdir = ".", .jobs = 1, .first_row = 1, .shard = 1,      \
        .shards = 1                                                                      \
    }

/** What came of it. */
struct em_batch_result {
    uint64_t rows;     /**< units in the values file */
    uint64_t selected; /**< of them, those that this run is about */
    uint64_t made;     /**< images written */
    uint64_t kept;     /**< images that were there already (resume) */
    uint64_t bytes;    /**< of all image files, made and kept */
    unsigned long faults;
    unsigned long warnings;
};

/**
 * Make a batch in two passes. The first checks every row and every file it names, and
 * tells up to 20 faults through @p hooks (EM_LOG_ERROR); only when there is none, the
 * second writes. Files appear whole; none is replaced. Units do not depend on jobs, rows
 * or shards.
 *
 * Values of type 'file' are relative to the current folder. Key files and intermediate
 * CSVs get mode 0600, a new folder keys/ 0700. Memory does not grow with the number of
 * rows.
 *
 * A key that is sealed cannot be read again. So with resume a unit is kept when its
 * image has its size and its sealed keys are there. An image without them is a fault, and
 * so is a sealed key that has its name but no image: neither is made anew beside the
 * other.
 *
 * @p hooks may be NULL. @p out is filled also after errors. Returns EM_OK, or the status
 * of the first fault: EM_ERR_USAGE (options), EM_ERR_INPUT, EM_ERR_FULL, EM_ERR_EXISTS,
 * EM_ERR_IO, EM_ERR_CRYPTO, EM_ERR_NOMEM, EM_ERR_STOPPED (by the progress call-back).
 * Units finished before an error of the second pass stay; a further run with resume goes
 * on.
 */
EM_API EM_USE_RESULT enum em_status
em_batch_generate(const struct em_batch_options *options, const struct em_hooks *hooks,
                  struct em_batch_result *out, struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
