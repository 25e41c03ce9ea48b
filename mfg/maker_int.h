/* SPDX-License-Identifier: Apache-2.0 */
/* Turns one row into its intermediate CSV and its image, in memory. */
#ifndef MFG_MAKER_INT_H
#define MFG_MAKER_INT_H

#include <espmfg/key.h>

#include "mfg/digest_int.h"
#include "mfg/files_int.h"
#include "mfg/plan_int.h"

/** Buffers for making units one after the other. One a thread. */
struct em_maker;

/** @p plan and @p files are the caller's and outlive it. EM_OK, EM_ERR_NOMEM,
 * EM_ERR_CRYPTO. */
enum em_status em_maker_new(struct em_maker **out, const struct em_plan *plan,
                            struct em_files *files, size_t size,
                            enum em_nvs_version version, struct em_error *err);
void em_maker_free(struct em_maker *maker);

/**
 * From now on @p digest (the caller's; NULL: none) gets the content of each file that a
 * unit's values name, in the order of the config, while the unit is checked or its image
 * made.
 */
void em_maker_digest_files(struct em_maker *maker, struct em_digest *digest);

/** Takes faults; returns false when it wants no more. */
typedef bool em_maker_fault_fn(void *user, const struct em_error *fault);

/**
 * Check every value of the unit of @p row, and whether it all fits. Faults (with file and
 * line) go to @p tell. Those of REPEAT values are only told when @p first: they are the
 * same for all rows. Returns EM_OK, also with faults, or EM_ERR_NOMEM, EM_ERR_CRYPTO.
 */
enum em_status em_maker_check(struct em_maker *maker, const struct em_csv_row *row,
                              bool first, em_maker_fault_fn *tell, void *user,
                              struct em_error *err);

/**
 * Make the image of the unit of @p row, encrypted with @p key unless that is empty. @p
 * image points into the maker until its next use. Returns EM_OK or what was wrong.
 */
enum em_status em_maker_image(struct em_maker *maker, const struct em_csv_row *row,
                              const struct em_key *key, struct em_span *image,
                              struct em_error *err);

/** Make the intermediate CSV likewise. Returns EM_OK or EM_ERR_NOMEM. */
enum em_status em_maker_csv(struct em_maker *maker, const struct em_csv_row *row,
                            struct em_span *csv, struct em_error *err);

#endif
