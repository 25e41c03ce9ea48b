/* SPDX-License-Identifier: Apache-2.0 */
/* Finds file ids that are used twice, in memory that does not grow with the number of
 * rows. */
#include "config.h"

#include "mfg/idset_int.h"

#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>

enum {
    BITS = 1 << 25, /* 4 MiB: of a million ids, some 160 look used without being */
    MARKS = 4,      /* bits an id sets */
    SUSPECTS_MAX = 1 << 16,
    SLOTS = 2 * SUSPECTS_MAX,
};

/* A suspect, and in the second look the id that was first seen with its hash. */
struct suspect {
    uint64_t hash; /* 0: free */
    unsigned long line;
    char *id;
    size_t len;
};

struct em_idset {
    uint8_t *bits;
    struct suspect *suspects; /* open addressing, allocated with the first one */
    size_t n_suspects;
};

enum em_status em_idset_new(struct em_idset **out, struct em_error *err)
{
    *out = NULL;
    struct em_idset *set = calloc(1, sizeof *set);
    if (set == NULL || (set->bits = calloc(1, BITS / 8)) == NULL) {
        free(set);
        return em_error_nomem(err);
    }
    *out = set;
    return EM_OK;
}

void em_idset_free(struct em_idset *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; set->suspects != NULL && i < SLOTS; i++)
        free(set->suspects[i].id);
    free(set->suspects);
    free(set->bits);
    free(set);
}

uint64_t em_idset_hash(struct em_span id)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ id.p[i]) * UINT64_C(1099511628211);
    hash ^= hash >> 33; /* spreads the low entropy of counting ids over all bits */
    hash *= UINT64_C(0xFF51AFD7ED558CCD);
    hash ^= hash >> 33;
    return hash == 0 ? 1 : hash;
}

static enum em_status too_many(struct em_error *err)
{
    return em_error_set(err, EM_ERR_INPUT, "split the table into several batches",
                        "too many rows to check that all file ids differ");
}

static enum em_status suspect(struct em_idset *set, uint64_t hash, struct em_error *err)
{
    size_t at = hash % SLOTS;
    if (set->suspects == NULL) {
        set->suspects = calloc(SLOTS, sizeof *set->suspects);
        if (set->suspects == NULL)
            return em_error_nomem(err);
    }
    while (set->suspects[at].hash != 0 && set->suspects[at].hash != hash)
        at = (at + 1) % SLOTS;
    if (set->suspects[at].hash == hash)
        return EM_OK;
    if (set->n_suspects == SUSPECTS_MAX)
        return too_many(err);
    set->suspects[at].hash = hash;
    set->n_suspects++;
    return EM_OK;
}

enum em_status em_idset_mark(struct em_idset *set, struct em_span id,
                             struct em_error *err)
{
    return em_idset_mark_hash(set, em_idset_hash(id), err);
}

enum em_status em_idset_mark_hash(struct em_idset *set, uint64_t hash,
                                  struct em_error *err)
{
    bool used = true;
    for (unsigned i = 0; i < MARKS; i++) {
        uint64_t bit = ((hash & 0xFFFFFFFFu) + i * (hash >> 32 | 1)) % BITS;
        used = used && (set->bits[bit / 8] >> bit % 8 & 1) != 0;
        set->bits[bit / 8] = (uint8_t)(set->bits[bit / 8] | 1u << bit % 8);
    }
    return used ? suspect(set, hash, err) : EM_OK;
}

bool em_idset_suspects(const struct em_idset *set)
{
    return set->n_suspects > 0;
}

static enum em_status keep(struct suspect *slot, uint64_t hash, struct em_span id,
                           unsigned long line, struct em_error *err)
{
    slot->id = malloc(id.len + 1); /* + 1: an empty one is no NULL */
    if (slot->id == NULL)
        return em_error_nomem(err);
    memcpy(slot->id, id.p, id.len);
    slot->len = id.len;
    slot->line = line;
    slot->hash = hash;
    return EM_OK;
}

enum em_status em_idset_look(struct em_idset *set, struct em_span id, unsigned long line,
                             unsigned long *earlier, struct em_error *err)
{
    return em_idset_look_hash(set, em_idset_hash(id), id, line, earlier, err);
}

enum em_status em_idset_look_hash(struct em_idset *set, uint64_t hash, struct em_span id,
                                  unsigned long line, unsigned long *earlier,
                                  struct em_error *err)
{
    bool is_suspect = false;
    *earlier = 0;
    if (set->suspects == NULL)
        return EM_OK;
    for (size_t at = hash % SLOTS;; at = (at + 1) % SLOTS) {
        struct suspect *slot = &set->suspects[at];
        if (slot->hash == 0 && !is_suspect)
            return EM_OK;
        if (slot->hash != 0 && slot->hash != hash)
            continue;
        if (slot->id != NULL) {
            is_suspect = true;
            if (slot->len != id.len || memcmp(slot->id, id.p, id.len) != 0)
                continue; /* equal in 64 bits only: goes into a slot of its own */
            *earlier = slot->line;
            return EM_OK;
        }
        if (slot->hash == 0 && set->n_suspects++ == SLOTS - 1)
            return too_many(err); /* one slot stays free, to end the search */
        return keep(slot, hash, id, line, err);
    }
}
