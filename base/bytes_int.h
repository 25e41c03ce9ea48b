/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian integers in byte arrays. */
#ifndef BASE_BYTES_INT_H
#define BASE_BYTES_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Compilers know the answer; so each function below is one load or store on most
 * machines. Put together from single bytes they turn into much slower code (gcc 12). */
static inline bool em_host_is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static inline uint16_t em_swap16(uint16_t v)
{
    return (uint16_t)(v << 8 | v >> 8);
}

static inline uint32_t em_swap32(uint32_t v)
{
    return (uint32_t)em_swap16((uint16_t)v) << 16 | em_swap16((uint16_t)(v >> 16));
}

static inline uint64_t em_swap64(uint64_t v)
{
    return (uint64_t)em_swap32((uint32_t)v) << 32 | em_swap32((uint32_t)(v >> 32));
}

static inline void em_put_le16(uint8_t *out, uint16_t v)
{
    v = em_host_is_little_endian() ? v : em_swap16(v);
    memcpy(out, &v, sizeof v);
}

static inline void em_put_le32(uint8_t *out, uint32_t v)
{
    v = em_host_is_little_endian() ? v : em_swap32(v);
    memcpy(out, &v, sizeof v);
}

static inline void em_put_le64(uint8_t *out, uint64_t v)
{
    v = em_host_is_little_endian() ? v : em_swap64(v);
    memcpy(out, &v, sizeof v);
}

static inline uint16_t em_get_le16(const uint8_t *in)
{
    uint16_t v;
    memcpy(&v, in, sizeof v);
    return em_host_is_little_endian() ? v : em_swap16(v);
}

static inline uint32_t em_get_le32(const uint8_t *in)
{
    uint32_t v;
    memcpy(&v, in, sizeof v);
    return em_host_is_little_endian() ? v : em_swap32(v);
}

static inline uint64_t em_get_le64(const uint8_t *in)
{
    uint64_t v;
    memcpy(&v, in, sizeof v);
    return em_host_is_little_endian() ? v : em_swap64(v);
}

#endif
