/* SPDX-License-Identifier: Apache-2.0 */
/* Finds file ids that are used twice, in memory that does not grow with the number of
 * rows.
 *
 * The first look at all ids sets bits in a table of fixed size (a Bloom filter) and
 * remembers the hashes of those that look used. Only when there are such suspects, a
 * second look at all rows compares the suspects themselves. */
#ifndef MFG_IDSET_INT_H
#define MFG_IDSET_INT_H

#include "base/error_int.h"
#include "base/text_int.h"

#include <stdint.h>

struct em_idset;

enum em_status em_idset_new(struct em_idset **out, struct em_error *err);
void em_idset_free(struct em_idset *set);

/** First look at @p id. Returns EM_OK, EM_ERR_NOMEM, or EM_ERR_INPUT: too many rows. */
enum em_status em_idset_mark(struct em_idset *set, struct em_span id,
                             struct em_error *err);

/** Is a second look needed? */
bool em_idset_suspects(const struct em_idset *set);

/**
 * Second look at @p id of row @p line. *earlier becomes the line that had it before, or
 * 0. Returns EM_OK, EM_ERR_NOMEM, or EM_ERR_INPUT: too many rows.
 */
enum em_status em_idset_look(struct em_idset *set, struct em_span id, unsigned long line,
                             unsigned long *earlier, struct em_error *err);

/**
 * The same in steps, for ids whose text is only needed in the second look:
 * em_idset_mark() marks the hash of the id. Other hashes do as well, if equal ids have
 * equal ones; 0 is none.
 */
uint64_t em_idset_hash(struct em_span id);
enum em_status em_idset_mark_hash(struct em_idset *set, uint64_t hash,
                                  struct em_error *err);
enum em_status em_idset_look_hash(struct em_idset *set, uint64_t hash, struct em_span id,
                                  unsigned long line, unsigned long *earlier,
                                  struct em_error *err);

#endif
