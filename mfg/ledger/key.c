/* SPDX-License-Identifier: Apache-2.0 */
/* Keys by their fingerprints: used once, for ever. */
#include "config.h"

#include "mfg/ledger/ledger_int.h"

#include <string.h>

struct key {
    uint64_t claim;
    const char *fingerprint;
};

static enum em_status put(struct em_ledger *ledger, const struct em_ledger_claim_row *row,
                          const char *outcome, const char *fingerprint,
                          struct em_error *err)
{
    const struct em_ledger_place place = {.slot = row->slot};
    struct em_ledger_event event = {.claim = row->claim,
                                    .place = &place,
                                    .step = "key",
                                    .outcome = outcome,
                                    .detail = fingerprint};
    return em_ledger_put(ledger, &event, row->unit, row->mac, row->state, false, err);
}

/* Whose key is it, and which key has the claim? */
static enum em_status look(struct em_ledger *ledger, const struct key *key,
                           uint64_t *owner, bool *has_other, struct em_error *err)
{
    uint64_t others = 0;
    enum em_status status = em_db_number(ledger->db, owner, err,
                                         "SELECT claim FROM keys WHERE fingerprint = $1",
                                         "t", key->fingerprint);
    if (status == EM_OK)
        status = em_db_number(
            ledger->db, &others, err,
            "SELECT count(*) FROM keys WHERE claim = $1 AND fingerprint <> $2", "ut",
            key->claim, key->fingerprint);
    *has_other = others > 0;
    return status;
}

static enum em_status judge(const struct em_ledger *ledger,
                            const struct em_ledger_claim_row *row, uint64_t owner,
                            bool has_other, struct em_error *err)
{
    const char *name = row->mac;
    if (row->state == 0)
        return em_error_set(err, EM_ERR_USAGE, NULL, "there is no such claim");
    if (owner != 0 && owner != row->claim)
        return em_error_set(err, EM_ERR_REFUSED, "make another key",
                            "board %s: its key was used for another board before", name);
    if (has_other)
        return em_error_set(err, EM_ERR_REFUSED, "find the key that was recorded for it",
                            "board %s: another key is recorded for it", name);
    if (owner == row->claim)
        return EM_OK;
    if (!em_ledger_is_ours(ledger, row))
        return em_error_set(err, EM_ERR_REFUSED, "claim it first",
                            "board %s: not held by this station", name);
    if (row->state >= EM_LEDGER_BURNING)
        return em_error_set(err, EM_ERR_REFUSED, NULL,
                            "board %s: a key cannot be recorded after burning began",
                            name);
    return EM_OK;
}

static enum em_status use_run(struct em_ledger *ledger, void *user, struct em_error *err)
{
    const struct key *key = user;
    struct em_ledger_claim_row row;
    uint64_t owner = 0;
    bool has_other = false;
    enum em_status status = em_ledger_claim_by_number(ledger, &row, key->claim, err);
    if (status == EM_OK)
        status = look(ledger, key, &owner, &has_other, err);
    if (status == EM_OK)
        status = judge(ledger, &row, owner, has_other, err);
    if (status != EM_OK || owner == key->claim)
        return status;
    status = em_db_run(ledger->db, err,
                       "INSERT INTO keys (fingerprint, claim, destroyed)"
                       " VALUES ($1, $2, 0)",
                       "tu", key->fingerprint, key->claim);
    return status == EM_OK ? put(ledger, &row, "recorded", key->fingerprint, err)
                           : status;
}

enum em_status em_ledger_use_key(struct em_ledger *ledger, uint64_t claim,
                                 const char fingerprint[EM_KEY_FINGERPRINT_SIZE],
                                 struct em_error *err)
{
    struct key key = {claim, fingerprint};
    if (strlen(fingerprint) != EM_KEY_FINGERPRINT_SIZE - 1 ||
        strspn(fingerprint, "0123456789abcdef") != EM_KEY_FINGERPRINT_SIZE - 1)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "a fingerprint has %d lower-case hex digits",
                            EM_KEY_FINGERPRINT_SIZE - 1);
    return em_ledger_do(ledger, use_run, &key, err);
}

static enum em_status destroyed_run(struct em_ledger *ledger, void *user,
                                    struct em_error *err)
{
    uint64_t claim = *(const uint64_t *)user;
    struct em_ledger_claim_row row;
    struct em_ledger_unit unit;
    enum em_status status = em_ledger_claim_by_number(ledger, &row, claim, err);
    if (status == EM_OK && row.state == 0)
        return em_error_set(err, EM_ERR_USAGE, NULL, "there is no such claim");
    if (status == EM_OK)
        status = em_ledger_unit_by_claim(ledger->db, &unit, claim, err);
    if (status == EM_OK && unit.key[0] == '\0')
        return em_error_set(err, EM_ERR_REFUSED, NULL, "board %s: no key is recorded",
                            row.mac);
    if (status != EM_OK || unit.key_destroyed)
        return status;
    status = em_db_run(ledger->db, err, "UPDATE keys SET destroyed = 1 WHERE claim = $1",
                       "u", claim);
    return status == EM_OK ? put(ledger, &row, "destroyed", unit.key, err) : status;
}

enum em_status em_ledger_key_destroyed(struct em_ledger *ledger, uint64_t claim,
                                       struct em_error *err)
{
    return em_ledger_do(ledger, destroyed_run, &claim, err);
}
