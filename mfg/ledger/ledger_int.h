/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the ledger share. */
#ifndef MFG_LEDGER_LEDGER_INT_H
#define MFG_LEDGER_LEDGER_INT_H

#include <espmfg/ledger.h>

#include "mfg/ledger/db_int.h"
#include "mfg/ledger/schema_int.h"

#include <pthread.h>

enum { EM_LEDGER_MAC = 18 }; /* "aa:bb:cc:dd:ee:ff" */

struct em_ledger_request;
struct em_ledger_journal;

/** What em_ledger_record() and em_ledger_fail() were told. */
struct em_ledger_record {
    const struct em_ledger_event *event;
    enum em_ledger_state state;
    bool fail;
    uint32_t limit;
};

struct em_ledger {
    char *url, *station, *version;
    struct em_hooks hooks;
    int64_t (*now_us)(void *user);
    void *now_user;

    /* What it was begun with. */
    char *name, *chip, *job, *created, *made_by;
    uint64_t units;

    pthread_mutex_t mutex; /* of what follows; never held while the disk is waited for */
    pthread_cond_t changed;
    struct em_ledger_request *first, **last; /* waiting */
    bool leading;                            /* a thread is writing for all */

    /* Of the thread that leads. */
    struct em_db *db;
    struct em_db_station *lock;
    uint64_t number;           /* of the last event */
    char time[EM_LEDGER_TIME]; /* of the present transaction */
    bool clock_noted;
    struct { /* the last event that was put, to find it again */
        uint64_t number, claim;
        char step[EM_LEDGER_NAME], detail[EM_LEDGER_TEXT];
    } put;

    /* With a server that may be away. */
    struct em_ledger_journal *journal; /* NULL: none is needed, or not yet */
    char *journal_folder;
    bool away; /* waited for in vain: one try from now on */
};

/**
 * Let @p run change the database inside a transaction, with others or alone; when this
 * returns EM_OK it is on the disk. What @p run returns undoes its changes if it is not
 * EM_OK, and is returned. @p run may be called from another thread, while this one waits.
 */
enum em_status em_ledger_do(struct em_ledger *ledger,
                            enum em_status (*run)(struct em_ledger *ledger, void *user,
                                                  struct em_error *err),
                            void *user, struct em_error *err);

/** The same for what has happened already and must not be lost: if the server is away for
 * too long, @p record is kept in the journal, sent later, and EM_OK returned. */
enum em_status em_ledger_tell(struct em_ledger *ledger,
                              const struct em_ledger_record *record,
                              struct em_error *err);

/** A connection of its own that reads, so that nobody who writes has to wait: opened and
 * a transaction begun. Ended by em_db_close(). */
enum em_status em_ledger_read(struct em_ledger *ledger, struct em_db **out,
                              struct em_error *err);

/* Inside em_ledger_do(). */

/** Put @p event at the end of the list; @p unit and @p state as they are after it.
 * @p failed: em_ledger_fail() counts it. */
enum em_status em_ledger_put(struct em_ledger *ledger,
                             const struct em_ledger_event *event, uint64_t unit,
                             const char *mac, int state, bool failed,
                             struct em_error *err);

/** What em_ledger_tell() does: @p user is a struct em_ledger_record. */
enum em_status em_ledger_record_run(struct em_ledger *ledger, void *user,
                                    struct em_error *err);
/** Number and time of the last event, from which the next go on: first in a transaction.
 */
enum em_status em_ledger_begin(struct em_ledger *ledger, bool *noting,
                               struct em_error *err);
/** @p run in a savepoint of its own; what it returns goes to *result. */
enum em_status em_ledger_apart(struct em_ledger *ledger,
                               enum em_status (*run)(struct em_ledger *ledger, void *user,
                                                     struct em_error *err),
                               void *user, enum em_status *result,
                               struct em_error *result_err, struct em_error *err);

/** A claim as the database has it. */
struct em_ledger_claim_row {
    uint64_t claim, unit;
    int state; /* 0: there is none */
    bool stopped;
    uint32_t failures;
    char mac[EM_LEDGER_MAC];
    bool held;
    char station[EM_LEDGER_NAME], slot[EM_LEDGER_NAME]; /* of the hold */
};

/** The living claim of @p mac, or the claim of that number, or the living one of a unit:
 * state 0 when there is none. */
enum em_status em_ledger_claim_of_mac(struct em_ledger *ledger,
                                      struct em_ledger_claim_row *out, const char *mac,
                                      struct em_error *err);
enum em_status em_ledger_claim_by_number(struct em_ledger *ledger,
                                         struct em_ledger_claim_row *out, uint64_t claim,
                                         struct em_error *err);
enum em_status em_ledger_claim_of_unit(struct em_ledger *ledger,
                                       struct em_ledger_claim_row *out, uint64_t unit,
                                       struct em_error *err);

/** Is it held by somebody who still runs? */
bool em_ledger_is_held(struct em_ledger *ledger, const struct em_ledger_claim_row *row);
/** Held by this station; at another slot of it too. */
bool em_ledger_is_ours(const struct em_ledger *ledger,
                       const struct em_ledger_claim_row *row);

/** Become the station, if no other process is it: EM_ERR_EXISTS. */
enum em_status em_ledger_station(struct em_ledger *ledger, struct em_error *err);

/* Of a server that is away (lost.c). */

/** After a transaction failed: was its connection lost, and is there a new one now? Waits
 * for it. @p committing: the last attempt may have been committed; *committed tells. */
bool em_ledger_recover(struct em_ledger *ledger, bool committing, bool *committed,
                       struct em_error *err);

/** The journal of this station, if there is one (open.c); what is in it goes to the
 * ledger (send.c), inside no transaction. EM_OK with nothing to send. */
enum em_status em_ledger_journal_find(struct em_ledger *ledger, struct em_error *err);
enum em_status em_ledger_journal_send(struct em_ledger *ledger, struct em_error *err);
/** On the disk when it returns EM_OK. @p number: the event it had in a transaction of
 * which nobody knows whether it was committed; 0: none. */
enum em_status em_ledger_journal_keep(struct em_ledger *ledger,
                                      const struct em_ledger_record *record,
                                      uint64_t number, struct em_error *err);
/** Number of records that wait in it. */
size_t em_ledger_journal_count(const struct em_ledger *ledger);
void em_ledger_journal_close(struct em_ledger_journal *journal);

/* Texts. */

void em_ledger_mac_text(char out[EM_LEDGER_MAC], const uint8_t mac[6]);
/** UTC with milliseconds. */
void em_ledger_time_text(char out[EM_LEDGER_TIME], int64_t us);
/** Copy as one line of UTF-8 that fits: control characters and broken bytes become '?'.
 * NULL: "". */
void em_ledger_line(char *out, size_t size, const char *text);

/** Wait, for a server that is away. */
void em_ledger_pause(unsigned ms);

/** One unit; *found false: none. @p where is one of the ends of em_ledger_unit_sql. */
enum em_status em_ledger_unit_by_number(struct em_db *db, struct em_ledger_unit *out,
                                        uint64_t unit, struct em_error *err);
/** The unit of a claim, alive or not, and its state. */
enum em_status em_ledger_unit_by_claim(struct em_db *db, struct em_ledger_unit *out,
                                       uint64_t claim, struct em_error *err);

#endif
