/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian integers in byte arrays. */
#ifndef BASE_BYTES_INT_H
#define BASE_BYTES_INT_H

#include <stdint.h>

static inline void em_put_le16(uint8_t *out, uint16_t v)
{
    out[0] = (uint8_t)v;
    out[1] = (uint8_t)(v >> 8);
}

static inline void em_put_le32(uint8_t *out, uint32_t v)
{
    em_put_le16(out, (uint16_t)v);
    em_put_le16(out + 2, (uint16_t)(v >> 16));
}

static inline void em_put_le64(uint8_t *out, uint64_t v)
{
    em_put_le32(out, (uint32_t)v);
    em_put_le32(out + 4, (uint32_t)(v >> 32));
}

static inline uint16_t em_get_le16(const uint8_t *in)
{
    return (uint16_t)(in[0] | in[1] << 8);
}

static inline uint32_t em_get_le32(const uint8_t *in)
{
    return (uint32_t)em_get_le16(in) | (uint32_t)em_get_le16(in + 2) << 16;
}

static inline uint64_t em_get_le64(const uint8_t *in)
{
    return (uint64_t)em_get_le32(in) | (uint64_t)em_get_le32(in + 4) << 32;
}

#endif
