/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a unit's files. */
#ifndef MFG_NAMES_INT_H
#define MFG_NAMES_INT_H

#include "base/error_int.h"
#include "base/text_int.h"

#include <stdbool.h>

enum { EM_NAME_SIZE = 256 /* NAME_MAX and its NUL */ };

/** Behind the name of a sealed key whose image does not have its name yet. */
#define EM_PENDING ".partial"

/** How names are made: PREFIX-ID or, with a counter, PREFIX-COUNTER-ID. */
struct em_naming {
    const char *prefix; /* NULL: the names are ID alone, without a counter */
    bool counter;
    int64_t counter_start;
    int counter_width; /* filled with zeros up to this many characters, sign included */
    bool sealed;       /* key files are envelopes: NAME.bin.cms */
};

struct em_names {
    char file_id[EM_NAME_SIZE];
    char image[EM_NAME_SIZE];
    char csv[EM_NAME_SIZE];
    char key[EM_NAME_SIZE];
    char hmac_key[EM_NAME_SIZE];
};

/** Check PREFIX. Returns EM_OK or EM_ERR_USAGE. */
enum em_status em_naming_check(const struct em_naming *naming, struct em_error *err);

/**
 * Names for unit @p number (1, 2, …; its row) with @p file_id, or the number when that is
 * NULL. Returns EM_OK or EM_ERR_INPUT (empty, '/', "..", control characters, too long).
 */
enum em_status em_names_make(struct em_names *out, const struct em_naming *naming,
                             uint64_t number, const struct em_span *file_id,
                             struct em_error *err);

#endif
