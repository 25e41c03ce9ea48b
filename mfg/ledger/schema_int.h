/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's tables, in the words that its engines share. */
#ifndef MFG_LEDGER_SCHEMA_INT_H
#define MFG_LEDGER_SCHEMA_INT_H

/** Grows with each change that an older program would misunderstand. */
enum { EM_LEDGER_SCHEMA = 1 };

/* States of a claim in the database are those of enum em_ledger_state, and one more that
 * the caller sees as "free": the unit was taken from the board. Up to DONE it lives. */
enum { EM_LEDGER_RELEASED = 7 };

extern const char em_ledger_tables[];

#endif
