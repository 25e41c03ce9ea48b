/* SPDX-License-Identifier: Apache-2.0 */
/* The set of (namespace, key) pairs of one image. */
#include "config.h"

#include "nvs/names_int.h"

#include "base/error_int.h"
#include "nvs/format_int.h"

#include <stdlib.h>
#include <string.h>

void nvs_names_free(struct nvs_names *set)
{
    free(set->names);
    free(set->slots);
    *set = (struct nvs_names){0};
}

void nvs_names_reset(struct nvs_names *set)
{
    set->n = 0;
    if (++set->generation == 0) { /* wrapped: old marks could look fresh */
        if (set->slots != NULL)
            memset(set->slots, 0, set->n_slots * sizeof *set->slots);
        set->generation = 1;
    }
}

static size_t slot_of(const struct nvs_names *set, const struct nvs_name *name)
{
    return nvs_name_hash(name->ns, name->key) & (set->n_slots - 1);
}

static void insert(struct nvs_names *set, uint32_t idx)
{
    size_t at = slot_of(set, &set->names[idx]);
    while (set->slots[at].generation == set->generation)
        at = (at + 1) & (set->n_slots - 1);
    set->slots[at] = (struct nvs_slot){set->generation, idx};
}

static enum em_status grow(struct nvs_names *set, struct em_error *err)
{
    size_t cap = set->cap == 0 ? 64 : set->cap * 2;
    struct nvs_name *names = realloc(set->names, cap * sizeof *names);
    if (names == NULL)
        return em_error_nomem(err);
    set->names = names;
    struct nvs_slot *slots = calloc(cap * 2, sizeof *slots);
    if (slots == NULL)
        return em_error_nomem(err);
    free(set->slots);
    set->slots = slots;
    set->n_slots = cap * 2;
    set->cap = cap;
    set->generation = 1;
    for (size_t i = 0; i < set->n; i++)
        insert(set, (uint32_t)i);
    return EM_OK;
}

enum em_status nvs_names_add(struct nvs_names *set, uint8_t ns, const char *key,
                             bool *added, struct em_error *err)
{
    if (set->n == set->cap) {
        enum em_status status = grow(set, err);
        if (status != EM_OK)
            return status;
    }
    struct nvs_name *name = &set->names[set->n];
    memset(name->key, 0, sizeof name->key);
    memcpy(name->key, key, strlen(key)); /* the caller has checked the length */
    name->ns = ns;
    for (size_t at = slot_of(set, name); set->slots[at].generation == set->generation;
         at = (at + 1) & (set->n_slots - 1)) {
        const struct nvs_name *other = &set->names[set->slots[at].idx];
        if (other->ns == ns && memcmp(other->key, name->key, sizeof name->key) == 0) {
            *added = false;
            return EM_OK;
        }
    }
    insert(set, (uint32_t)set->n);
    set->n++;
    *added = true;
    return EM_OK;
}
