/* SPDX-License-Identifier: Apache-2.0 */
/* What both ends of the wire reckon alike. */
#include "config.h"

#include "flasher/rom/proto_int.h"

uint8_t em_rom_checksum(const uint8_t *payload, size_t len)
{
    uint8_t sum = EM_ROM_CHECKSUM_SEED;
    for (size_t i = 0; i < len; i++)
        sum ^= payload[i];
    return sum;
}
