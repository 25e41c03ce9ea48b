/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of a batch: which board got which unit, and what was done to it. */
#ifndef ESPMFG_LEDGER_H
#define ESPMFG_LEDGER_H

#include <espmfg/hooks.h>
#include <espmfg/key.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A ledger keeps its promises by constraints of its database: within a batch a unit has
 * one board and a board one unit, a key is used once, and a board's state only goes
 * forwards. Whatever is killed at whatever moment, what a call has returned EM_OK for is
 * on the disk. May be used by many threads at a time; several processes may have the same
 * ledger open.
 */
struct em_ledger;

/** Begin with EM_LEDGER_OPTIONS_INIT. Texts stay the caller's until the call returns. */
struct em_ledger_options {
    const char *url;     /**< path of an SQLite file, or "postgresql://…" */
    const char *station; /**< name of this PC; NULL: only looks, holds no board. At most
                          * one process at a time is a station of that name */
    const char *version; /**< of the program, for events */
    bool read_only;
    struct em_hooks hooks;
    /** UTC in microseconds since 1970; NULL: the system's clock. Times in the ledger
     * never fall: a clock that goes backwards is noted once, and the last time used
     * again. */
    int64_t (*now_us)(void *user);
    void *now_user;
    /** Folder for the journal of a station whose ledger is on a server; NULL: the present
     * one. What has happened while the server is away (every event but an intent to burn)
     * is kept there in BATCH-STATION.journal and sent first when it is back, by this
     * process or the next of that station. */
    const char *journal;
};

#define EM_LEDGER_OPTIONS_INIT                                                           \
    {                                                                                    \
        .read_only = false                                                               \
    }

/** A ledger's path or URL for people: without a password. At most @p size bytes. */
EM_API void em_ledger_url_show(char *out, size_t size, const char *url);

/** What a ledger is about; told once, when it is begun. */
struct em_ledger_batch {
    const char *name; /**< of the batch */
    const char *chip; /**< "esp32c3" */
    const char *job;  /**< SHA-256 in hex over everything that makes its units */
    uint64_t units;   /**< 1, 2, … units */
    const char *(*unit_name)(void *user, uint64_t unit); /**< unique; valid until the next
                                                          * call */
    void *user;
    const char *created; /**< filled by em_ledger_batch(): UTC, ISO 8601 */
    const char *version; /**< likewise: program that made it */
};

/**
 * Open the ledger. EM_ERR_IO: not there, no permission, no space; EM_ERR_INPUT: not a
 * ledger, damaged, or of a later schema (the message says which program made it);
 * EM_ERR_EXISTS: another process is this station (with its pid).
 */
EM_API enum em_status em_ledger_open(struct em_ledger **out,
                                     const struct em_ledger_options *options,
                                     struct em_error *err);
EM_API void em_ledger_close(struct em_ledger *ledger);

/** Make a new ledger for @p batch, whole or not at all. EM_ERR_EXISTS: there is one. */
EM_API enum em_status em_ledger_init(const struct em_ledger_options *options,
                                     const struct em_ledger_batch *batch,
                                     struct em_error *err);

/** Is there a ledger? Not answered for a server that cannot be asked: as
 * em_ledger_open(). */
EM_API enum em_status em_ledger_is_there(const char *url, bool *out,
                                         struct em_error *err);

/**
 * Copy the ledger at options->url to @p to_url, between engines or within one: whole or
 * not at all, every row compared, both checked. Holds are not copied. EM_ERR_EXISTS:
 * there is one at @p to_url; EM_ERR_INPUT: faults, told to options->hooks;
 * EM_ERR_REFUSED: a station is at work with it; EM_ERR_VERIFY: the copy differs.
 */
EM_API enum em_status em_ledger_copy(const struct em_ledger_options *options,
                                     const char *to_url, struct em_error *err);

/** What it was begun with; texts live as long as the ledger. */
EM_API void em_ledger_batch(struct em_ledger *ledger, struct em_ledger_batch *out);

/** How far a board is; only ever grows while it has its unit. */
enum em_ledger_state {
    EM_LEDGER_FREE,     /**< of a unit: no board has it */
    EM_LEDGER_CLAIMED,  /**< belongs to a board */
    EM_LEDGER_FLASHED,  /**< flash written and verified */
    EM_LEDGER_BURNING,  /**< the intent to burn eFuses is recorded */
    EM_LEDGER_BURNED,   /**< … and its outcome: all of it is burned. Only from BURNING;
                         * who has nothing left to burn records both, or goes from
                         * FLASHED to DONE */
    EM_LEDGER_DONE,     /**< every step passed */
    EM_LEDGER_SCRAPPED, /**< board or unit were given up */
};
/** "free", "claimed", … */
EM_API const char *em_ledger_state_name(enum em_ledger_state state);

/** Where a board stands. Members may be "". */
struct em_ledger_place {
    const char *slot;
    const char *port;
};

enum { EM_LEDGER_NAME = 256, EM_LEDGER_TIME = 32, EM_LEDGER_TEXT = 512 };

/** A unit as the ledger knows it. */
struct em_ledger_unit {
    uint64_t unit; /**< 1, 2, … */
    char name[EM_LEDGER_NAME];
    enum em_ledger_state state;
    bool has_mac;
    uint8_t mac[6];
    uint64_t claim;    /**< identifies this pairing of board and unit; 0: none */
    uint64_t serial;   /**< 1: the unit's first board, 2: its second, …; 0: none yet */
    bool stopped;      /**< failed too often, waits for em_ledger_retry() */
    uint32_t failures; /**< since it was claimed or retried */
    char failure[EM_LEDGER_TEXT];      /**< the last one, or "" */
    char key[EM_KEY_FINGERPRINT_SIZE]; /**< fingerprint, or "" */
    bool key_destroyed;
    char changed[EM_LEDGER_TIME]; /**< UTC, ISO 8601 with milliseconds */
    char station[EM_LEDGER_NAME], slot[EM_LEDGER_NAME]; /**< where it was seen last */
};

/** What em_ledger_claim() found. */
enum em_ledger_claimed {
    EM_LEDGER_NEW,       /**< the board has got a unit */
    EM_LEDGER_AGAIN,     /**< it has had this one before: go on where it stopped */
    EM_LEDGER_ALREADY,   /**< it is done; not held */
    EM_LEDGER_STOPPED,   /**< it failed too often; not held */
    EM_LEDGER_NONE_LEFT, /**< all units have boards */
    EM_LEDGER_HELD,     /**< it is being worked on at another slot or station; @p out says
                         * where. The same board twice, or two boards with one MAC */
    EM_LEDGER_GIVEN_UP, /**< the board was scrapped */
};

/**
 * The unit of the board with @p mac: its own, or the lowest free one, in one transaction;
 * held for this station and slot until em_ledger_leave(). Holds of stations that run no
 * more count for nothing. The claim stands in the list of events.
 */
EM_API enum em_status em_ledger_claim(struct em_ledger *ledger,
                                      const struct em_ledger_place *place,
                                      const uint8_t mac[6],
                                      enum em_ledger_claimed *what_out,
                                      struct em_ledger_unit *out, struct em_error *err);

/** Record the key that the unit of @p claim is going to have, before anything of it
 * leaves this program. EM_OK also when it is recorded already for this very claim;
 * EM_ERR_REFUSED: another claim has it, or this claim has another key. */
EM_API enum em_status em_ledger_use_key(struct em_ledger *ledger, uint64_t claim,
                                        const char fingerprint[EM_KEY_FINGERPRINT_SIZE],
                                        struct em_error *err);
/** Receipt: the key's files were destroyed. Needs no hold; again is EM_OK. */
EM_API enum em_status em_ledger_key_destroyed(struct em_ledger *ledger, uint64_t claim,
                                              struct em_error *err);

/** Something that happened to a board. Texts may be NULL. */
struct em_ledger_event {
    uint64_t claim; /**< 0: the board has none (not known, none left) */
    const struct em_ledger_place *place;
    const uint8_t *mac;  /**< NULL: not known */
    const char *step;    /**< "connect", "flash", "burn", "boot", … */
    const char *outcome; /**< "ok", "failed", "intent", … */
    const char *detail;  /**< one line; never a key */
    int64_t duration_us;
    uint32_t retries;
};

/**
 * Record an event; with @p state (other than FREE) the board of the claim moves there in
 * the same transaction. EM_ERR_REFUSED: that would be backwards, not held here, or BURNED
 * without BURNING before. The present state again is EM_OK: the step was done again.
 * Called with EM_LEDGER_BURNING before and EM_LEDGER_BURNED after burning. An event
 * without a state needs no hold.
 */
EM_API enum em_status em_ledger_record(struct em_ledger *ledger,
                                       const struct em_ledger_event *event,
                                       enum em_ledger_state state, struct em_error *err);

/** Record that the board failed; when its failures reach @p limit (0: no limit) it is
 * stopped. A board that is done is not stopped: there it is an event, and needs no hold.
 * Outcome NULL: "failed". */
EM_API enum em_status em_ledger_fail(struct em_ledger *ledger,
                                     const struct em_ledger_event *event, uint32_t limit,
                                     struct em_error *err);

/** Let go of the hold; the board keeps its unit. */
EM_API enum em_status em_ledger_leave(struct em_ledger *ledger, uint64_t claim,
                                      struct em_error *err);

/* For people. */

/** Numbers of units by state. A scrapped board's unit is free or another board's, so
 * by_state[EM_LEDGER_SCRAPPED] counts boards, and the others add up to @c units. */
struct em_ledger_counts {
    uint64_t units, by_state[EM_LEDGER_SCRAPPED + 1];
    uint64_t stopped;                                 /**< units */
    uint64_t failures, events;                        /**< ever */
    char first[EM_LEDGER_TIME], last[EM_LEDGER_TIME]; /**< events, or "" */
};
EM_API enum em_status em_ledger_counts(struct em_ledger *ledger,
                                       struct em_ledger_counts *out,
                                       struct em_error *err);

/** Find by name, unit number ("7", "#7") or MAC ("aa:bb:…", also "aabb…"; of a scrapped
 * board as well). EM_ERR_USAGE: none, or a number that is another unit's name. */
EM_API enum em_status em_ledger_find(struct em_ledger *ledger, const char *text,
                                     struct em_ledger_unit *out, struct em_error *err);

/** Walk over units in order; @p each returns false to stop. */
EM_API enum em_status em_ledger_units(struct em_ledger *ledger,
                                      bool (*each)(void *user,
                                                   const struct em_ledger_unit *unit),
                                      void *user, struct em_error *err);

/** An event as recorded. */
struct em_ledger_entry {
    uint64_t number;  /**< 1, 2, … without gaps */
    const char *time; /**< UTC, ISO 8601 with milliseconds */
    const char *station, *slot, *port, *mac, *unit_name, *step, *outcome, *detail,
        *version;
    uint64_t unit, claim;
    enum em_ledger_state
        state;   /**< of the claim, from here on; FREE: none, or released */
    bool failed; /**< by em_ledger_fail() */
    int64_t duration_us;
    uint32_t retries;
};
/** Walk over events in order; of one unit, or of all (0). Texts live during the call. */
EM_API enum em_status em_ledger_events(struct em_ledger *ledger, uint64_t unit,
                                       bool (*each)(void *user,
                                                    const struct em_ledger_entry *entry),
                                       void *user, struct em_error *err);

/** Let a stopped unit be tried again. */
EM_API enum em_status em_ledger_retry(struct em_ledger *ledger, uint64_t unit,
                                      const char *reason, struct em_error *err);
/** Take the unit from its board, so that another gets it with another key; the board may
 * get another unit. EM_ERR_REFUSED: done, burning or burned (scrap then), or held. */
EM_API enum em_status em_ledger_release(struct em_ledger *ledger, uint64_t unit,
                                        const char *reason, struct em_error *err);
/** Give the unit's board up for good; the unit is free for another board, with another
 * key. EM_ERR_REFUSED: held, or it has no board. */
EM_API enum em_status em_ledger_scrap(struct em_ledger *ledger, uint64_t unit,
                                      const char *reason, struct em_error *err);

/** Prove the promises on the whole ledger. Faults go to @p hooks (EM_LOG_ERROR); their
 * number to *faults_out. */
EM_API enum em_status em_ledger_check(struct em_ledger *ledger,
                                      const struct em_hooks *hooks,
                                      unsigned long *faults_out, struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
