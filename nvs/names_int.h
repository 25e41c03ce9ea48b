/* SPDX-License-Identifier: Apache-2.0 */
/* The set of (namespace, key) pairs of one image: finds keys used twice. */
#ifndef NVS_NAMES_INT_H
#define NVS_NAMES_INT_H

#include <espmfg/nvs.h>

#include <stdbool.h>

struct nvs_name {
    char key[EM_NVS_KEY_LEN_MAX + 1];
    uint8_t ns;
};

/* Hash table with open addressing. Emptied in one step by a new generation, since the
 * same table serves one image after the other. Start it as {0}. */
struct nvs_names {
    struct nvs_name *names;
    size_t n, cap;
    struct nvs_slot {
        uint32_t generation, idx;
    } * slots; /* a power of two, at least twice cap */
    size_t n_slots;
    uint32_t generation;
};

void nvs_names_free(struct nvs_names *set);
void nvs_names_reset(struct nvs_names *set);

/* Add the pair; *added says whether it is new. Returns EM_OK or EM_ERR_NOMEM. */
enum em_status nvs_names_add(struct nvs_names *set, uint8_t ns, const char *key,
                             bool *added, struct em_error *err);

#endif
