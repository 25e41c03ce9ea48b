/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the journal share. */
#ifndef MFG_LEDGER_JOURNAL_INT_H
#define MFG_LEDGER_JOURNAL_INT_H

#include "mfg/ledger/ledger_int.h"

#include <jansson.h>

struct em_ledger_journal {
    char *path;
    int fd;
    json_t **lines; /* what waits, in order */
    size_t count;
};

/** Take in what an earlier process left. EM_ERR_INPUT: damaged, or of another ledger. */
enum em_status em_ledger_journal_load(struct em_ledger_journal *journal,
                                      const struct em_ledger *ledger,
                                      struct em_error *err);
/** A line of @p record; NULL: out of memory. The caller's. */
json_t *em_ledger_journal_line(struct em_ledger *ledger,
                               const struct em_ledger_record *record, uint64_t number);
/** One more that waits; false: out of memory. */
bool em_ledger_journal_add(struct em_ledger_journal *journal, json_t *line);
/** In memory only. */
void em_ledger_journal_forget(struct em_ledger_journal *journal);
/** The server has all of it. */
enum em_status em_ledger_journal_empty(struct em_ledger_journal *journal,
                                       struct em_error *err);

#endif
