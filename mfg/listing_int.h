/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a manifest, CSV or JSON, one unit after the other. */
#ifndef MFG_LISTING_INT_H
#define MFG_LISTING_INT_H

#include "mfg/csv_int.h"
#include "mfg/names_int.h"

#include <stdint.h>

/** Columns of a manifest that are read; docs/manifest.md. */
enum em_listed {
    EM_LISTED_UNIT,
    EM_LISTED_FILE_ID,
    EM_LISTED_IMAGE,
    EM_LISTED_CSV,
    EM_LISTED_KEY,
    EM_LISTED_HMAC_KEY,
    EM_LISTED_SIZE,
    EM_LISTED_SHA256,
    EM_LISTED_KEY_SHA256,
    EM_LISTED_HMAC_SHA256,
    EM_LISTED_COLUMNS,
};

/** A manifest being read. Not to be used by two threads at a time. */
struct em_listing;

/**
 * Open the regular file @p path, whose form is told by its extension, and look at its
 * beginning. Returns EM_OK, EM_ERR_USAGE (extension), EM_ERR_INPUT (no manifest, or of a
 * later version), EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_listing_open(struct em_listing **out, const char *path,
                               struct em_error *err);
void em_listing_close(struct em_listing *listing);

/** Start again from the first unit. Returns as em_listing_open(). */
enum em_status em_listing_rewind(struct em_listing *listing, struct em_error *err);

/**
 * Read the next unit. Its row has EM_LISTED_COLUMNS fields or, behind the last unit,
 * none; what the manifest does not tell is empty. Returns EM_OK, EM_ERR_INPUT (with file
 * and line), EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_listing_next(struct em_listing *listing, struct em_csv_row *row,
                               struct em_error *err);

/** Go on with the unit whose row had @p off (em_csv_row.off). Returns EM_OK or EM_ERR_IO.
 */
enum em_status em_listing_seek(struct em_listing *listing, uint64_t off,
                               struct em_error *err);

/**
 * The name at the end of a listed path (empty: none); the folders before it may have been
 * others, since a batch moves with its folder. Returns EM_OK or EM_ERR_INPUT.
 */
enum em_status em_listed_name(char out[EM_NAME_SIZE], struct em_span path,
                              struct em_error *err);

/** The number of the unit of @p row; 0: it has none. */
uint64_t em_listed_number(const struct em_csv_row *row);

const char *em_listing_path(const struct em_listing *listing);

/** Bytes read so far and in all. */
uint64_t em_listing_position(const struct em_listing *listing);
uint64_t em_listing_size(const struct em_listing *listing);

#endif
