/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in the eFuse tables. */
#ifndef FLASHER_EFUSE_FIELDS_INT_H
#define FLASHER_EFUSE_FIELDS_INT_H

#include "flasher/efuse/table_int.h"

/** Which rows of a table count. */
struct em_efuse_view {
    const struct em_efuse_table *table;
    enum em_efuse_edition edition;
    unsigned revision; /* of the chip, major * 100 + minor */
};

enum { EM_EFUSE_ANY_BLOCK = -1 };

/** Is @p field there, for this edition and revision? */
bool em_efuse_field_counts(const struct em_efuse_view *view,
                           const struct em_efuse_field *field);

/** The first field with this name, or else with this alias; hidden ones are not found.
 * NULL: none. Whether calibration or custom MAC fields are to be shown is up to the
 * caller. */
const struct em_efuse_field *em_efuse_field_find(const struct em_efuse_view *view,
                                                 const char *name);

/** The next field of @p block (or EM_EFUSE_ANY_BLOCK) after @p after (NULL: the first),
 * hidden ones as well. NULL: no more. */
const struct em_efuse_field *em_efuse_field_next(const struct em_efuse_view *view,
                                                 int block,
                                                 const struct em_efuse_field *after);

/** What @p value of a field means; NULL: nothing is known. */
const char *em_efuse_value_text(const struct em_efuse_field *field, uint32_t value);

/** By name or alias, or "BLOCK<n>". NULL: none. */
const struct em_efuse_block *em_efuse_block_find(const struct em_efuse_table *table,
                                                 const char *name);
/** By number. NULL: none. */
const struct em_efuse_block *em_efuse_block_at(const struct em_efuse_table *table,
                                               unsigned number);

const struct em_efuse_purpose *em_efuse_purpose_find(const struct em_efuse_view *view,
                                                     const char *name);
/** The first of the purposes with this value. NULL: none. */
const struct em_efuse_purpose *em_efuse_purpose_by_value(const struct em_efuse_view *view,
                                                         int value);

/** Is @p word one of the blank separated words of @p list? */
bool em_efuse_listed(const char *list, const char *word);

#endif
