/* SPDX-License-Identifier: Apache-2.0 */
/* One unit on its way through a pass. */
#ifndef MFG_UNIT_INT_H
#define MFG_UNIT_INT_H

#include <espmfg/key.h>

#include "mfg/csv_int.h"
#include "mfg/digest_int.h"
#include "mfg/names_int.h"

#include <stdbool.h>
#include <stdint.h>

enum { EM_SHA256_HEX = EM_KEY_FINGERPRINT_SIZE };

/** Its memory is used again for a later unit; the pass resets what a unit must not
 * inherit. */
struct em_unit {
    uint64_t number; /* row of the values file, 1, 2, … */
    struct em_csv_row row;
    struct em_names names;
    enum em_status status; /* not EM_OK: this unit ended the pass */
    struct em_error error;

    /* Found by the checking pass. */
    struct em_error *faults;
    size_t n_faults, cap_faults;
    unsigned long faults_more; /* found, but too many to be told */
    long
        ignored_repeat; /* item whose REPEAT overrides another value of this row, or -1 */

    uint8_t row_digest[EM_DIGEST_SIZE];   /* only for struct em_units */
    uint8_t files_digest[EM_DIGEST_SIZE]; /* likewise */

    /* Found by the writing pass; hex digits only when a manifest is written. */
    bool kept;
    size_t image_len;
    char image_sha256[EM_SHA256_HEX];
    char key_sha256[EM_SHA256_HEX];
    char hmac_sha256[EM_SHA256_HEX];

    /* Found by verifying; image_len and key_sha256 too. */
    struct em_csv_row listed; /* its row in the manifest, when there are values too */
    uint64_t key_hash;        /* of its key, for em_idset; 0: none */
    unsigned found, missing;  /* files that are there and are not: 1 << enum em_output */
};

/**
 * Keep a copy of @p fault with the unit (@p user) until it is the unit's turn to be told.
 * Those that would not be told anyway are only counted. Returns false when there is no
 * memory for it.
 */
bool em_unit_fault(void *user, const struct em_error *fault);

#endif
