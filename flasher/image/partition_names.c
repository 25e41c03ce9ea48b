/* SPDX-License-Identifier: Apache-2.0 */
/* Names of types and subtypes of partitions. */
#include "config.h"

#include "flasher/image/partition_int.h"

#include <stdio.h>

/* Names of types and subtypes: ESP-IDF programming guide v5.5, chapter partition tables.
 */
const struct em_partition_kind em_partition_types[] = {
    {0, "app", EM_PARTITION_APP, 1},
    {0, "data", EM_PARTITION_DATA, 1},
    {0, "bootloader", 2, 1},
    {0, "partition_table", 3, 1},
    {0, NULL, 0, 0},
};

const struct em_partition_kind em_partition_subtypes[] = {
    {EM_PARTITION_APP, "factory", 0x00, 1},
    {EM_PARTITION_APP, "ota_", 0x10, 16},
    {EM_PARTITION_APP, "test", 0x20, 1},
    {EM_PARTITION_APP, "tee_", 0x30, 2},
    {EM_PARTITION_DATA, "ota", 0x00, 1},
    {EM_PARTITION_DATA, "phy", 0x01, 1},
    {EM_PARTITION_DATA, "nvs", 0x02, 1},
    {EM_PARTITION_DATA, "coredump", 0x03, 1},
    {EM_PARTITION_DATA, "nvs_keys", 0x04, 1},
    {EM_PARTITION_DATA, "efuse", 0x05, 1},
    {EM_PARTITION_DATA, "undefined", 0x06, 1},
    {EM_PARTITION_DATA, "esphttpd", 0x80, 1},
    {EM_PARTITION_DATA, "fat", 0x81, 1},
    {EM_PARTITION_DATA, "spiffs", 0x82, 1},
    {EM_PARTITION_DATA, "littlefs", 0x83, 1},
    {EM_PARTITION_DATA, "tee_ota", 0x90, 1},
    {2, "primary", 0x00, 1},
    {2, "ota", 0x01, 1},
    {2, "recovery", 0x02, 1},
    {3, "primary", 0x00, 1},
    {3, "ota", 0x01, 1},
    {0, NULL, 0, 0},
};

uint32_t em_partition_align(uint8_t type)
{
    /* Pages that flash is mapped in, and sectors that it is erased in. */
    return type == EM_PARTITION_APP ? 0x10000 : 0x1000;
}

const char *em_partition_type_name(char out[24], uint8_t type)
{
    (void)snprintf(out, 24, "0x%02x", type);
    for (const struct em_partition_kind *k = em_partition_types; k->name != NULL; k++) {
        if (k->first == type)
            (void)snprintf(out, 24, "%s", k->name);
    }
    return out;
}

const char *em_partition_subtype_name(char out[24], uint8_t type, uint8_t subtype)
{
    (void)snprintf(out, 24, "0x%02x", subtype);
    for (const struct em_partition_kind *k = em_partition_subtypes; k->name != NULL;
         k++) {
        if (k->of != type || subtype < k->first || subtype - k->first >= k->count)
            continue;
        if (k->count > 1)
            (void)snprintf(out, 24, "%s%d", k->name, subtype - k->first);
        else
            (void)snprintf(out, 24, "%s", k->name);
    }
    return out;
}
