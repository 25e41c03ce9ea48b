/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the rows of a values file, on several threads.
 *
 * Each worker takes the next few rows under a lock, works on them alone, and hands in the
 * results when all rows before them are handed in. So rows are streamed, memory is
 * bounded, and everything that is told or written in order comes in the order of the
 * rows, however many workers there are. */
#ifndef MFG_PASS_INT_H
#define MFG_PASS_INT_H

#include "mfg/unit_int.h"

struct em_pass_ops {
    /** Is unit @p number to be worked on? Called in order, under the lock. */
    bool (*wanted)(void *user, uint64_t number);
    /** Look at each wanted row as it is read, in order, under the lock. May be NULL. */
    enum em_status (*admit)(void *user, struct em_unit *unit, struct em_error *err);
    /** Work on a unit in thread @p worker (0 … jobs-1). Another status than EM_OK ends
     * the pass. */
    enum em_status (*work)(void *user, unsigned worker, struct em_unit *unit,
                           struct em_error *err);
    /** Hand in a unit whose work was done; in order, under the lock. As work(). */
    enum em_status (*finish)(void *user, struct em_unit *unit, struct em_error *err);
    /** Called in order now and then; another status than EM_OK ends the pass. */
    enum em_status (*progress)(void *user, struct em_error *err);
    /** Read the next row as em_csv_next() does, which is used when this is NULL; in
     * order, under the lock. */
    enum em_status (*next)(void *user, struct em_csv_row *row, struct em_error *err);
};

/**
 * Run @p ops over the rows that @p csv (NULL with ops->next) still has, the first of them
 * being unit 1.
 * *rows becomes the number of rows read. Returns EM_OK, or the status of the earliest row
 * that failed (all rows before it are finished), of reading, or EM_ERR_NOMEM.
 */
enum em_status em_pass_run(struct em_csv *csv, unsigned jobs,
                           const struct em_pass_ops *ops, void *user, uint64_t *rows,
                           struct em_error *err);

#endif
