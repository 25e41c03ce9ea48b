/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying a batch: are all its files there, and do they hold what they should? */
#ifndef ESPMFG_VERIFY_H
#define ESPMFG_VERIFY_H

#include <espmfg/hooks.h>
#include <espmfg/nvs.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What em_batch_verify() is to look at: a config and values, a manifest, or both. The
 * members are those of struct em_batch_options with which the batch was made. All strings
 * stay the caller's. Begin with EM_BATCH_VERIFY_OPTIONS_INIT; members may be added at the
 * end.
 */
struct em_batch_verify_options {
    const char *outdir;   /**< has the folders bin/, csv/ and keys/ */
    const char *manifest; /**< list of the units, .csv or .json; NULL: none */
    const char *config;   /**< config CSV, with values; NULL: contents are not compared */
    const char *values;   /**< values CSV */
    const char *prefix;   /**< of file names; NULL: seen from the first unit's image. Not
                           * used   with a manifest, which has the names */
    enum em_nvs_version version;
    const char
        *id_column; /**< column whose value ends file names; NULL: the row's number */
    bool counter;   /**< file names have a second number … */
    int64_t counter_start; /**< … that begins here … */
    int counter_width;     /**< … and is filled with zeros to this width */
    const char *inputkey;  /**< key file for all images; NULL: key files of the units */
    const char *hmac_inputkey; /**< HMAC key that the key of all images derives from */
    unsigned jobs;             /**< threads, 1 or more */
    uint64_t first_row;        /**< look only at units first_row..last_row (1, 2, …) */
    uint64_t last_row;         /**< 0: to the end */
    unsigned shard;  /**< look only at each shards-th unit, beginning with this one */
    unsigned shards; /**< 1: all */
    bool no_csv;     /**< leave out the intermediate CSV files */
    /** Key files are sealed, and this private key opens them; NULL: they are not. With
     * its passphrase as in struct em_unseal_options. */
    const char *unseal_key, *unseal_passphrase_file;
    int unseal_passphrase_fd; /**< -1: none */
};

#define EM_BATCH_VERIFY_OPTIONS_INIT                                                     \
    {                                                                                    \
        .version = EM_NVS_V2, .outdir = ".", .jobs = 1, .first_row = 1, .shard = 1,      \
        .shards = 1, .unseal_passphrase_fd = -1                                          \
    }

/** What came of it. */
struct em_batch_verify_result {
    uint64_t units;       /**< looked at */
    uint64_t verified;    /**< of them, those without a fault */
    uint64_t faulty;      /**< of them, those with faults */
    unsigned long faults; /**< of units and of the batch, told or not */
    unsigned long warnings;
};

/**
 * Verify a batch, writing nothing. For each unit: its image, intermediate CSV and key
 * files are there; the image decrypts with its key; the checker of em_nvs_reader_load()
 * finds nothing; with a config and values every value is the one of the row; with a
 * manifest sizes, SHA-256 and key fingerprints are those listed. For the batch, unless
 * only rows or a shard are looked at: no other file is in the folders. No two units have
 * the same key, unless one was given for all. Paths in a manifest are only used for the
 * names at their ends, since a batch moves with its folder.
 *
 * The first 20 faults go to @p hooks (EM_LOG_ERROR) in the order of the units; all are
 * counted. Values are in no message, but integers may be. Memory does not grow with the
 * number of units. @p hooks may be NULL. @p out is filled also after errors.
 *
 * Returns EM_OK when everything was looked at, with or without faults: ask out->faults.
 * Otherwise EM_ERR_USAGE (options, or a key that is needed), EM_ERR_INPUT (config, values
 * or manifest that cannot be used; a key), EM_ERR_IO (inputs, or a folder that cannot be
 * read), EM_ERR_CRYPTO, EM_ERR_NOMEM, EM_ERR_STOPPED (by the progress call-back).
 */
EM_API EM_USE_RESULT enum em_status
em_batch_verify(const struct em_batch_verify_options *options,
                const struct em_hooks *hooks, struct em_batch_verify_result *out,
                struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
