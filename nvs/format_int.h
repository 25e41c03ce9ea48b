/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of NVS pages and entries, and the CRC that all of it uses. */
#ifndef NVS_FORMAT_INT_H
#define NVS_FORMAT_INT_H

#include <espmfg/nvs.h>

#include <string.h>

#include <libdeflate.h>

/* A page: header, entry-state bitmap, entries. */
enum {
    NVS_HEADER_SIZE = 32,
    NVS_BITMAP_OFF = 32,
    NVS_ENTRIES_OFF = 64,
};

/* Offsets in the page header, and the version byte. */
enum {
    NVS_HEADER_STATE = 0,
    NVS_HEADER_SEQUENCE = 4,
    NVS_HEADER_VERSION = 8,
    NVS_HEADER_RESERVED = 9,
    NVS_HEADER_CRC = 28, /* of bytes 4..27 */
    NVS_VERSION_1 = 0xFF,
    NVS_VERSION_2 = 0xFE,
};

/* Page states; each clears one more bit, as NOR flash can. */
#define NVS_STATE_ACTIVE  UINT32_C(0xFFFFFFFE)
#define NVS_STATE_FULL    UINT32_C(0xFFFFFFFC)
#define NVS_STATE_FREEING UINT32_C(0xFFFFFFF8) /* being copied elsewhere, then erased */
#define NVS_STATE_BLANK   UINT32_C(0xFFFFFFFF)

/* Entry states, two bits each, entry 0 in the low bits of the first byte. */
enum {
    NVS_ENTRY_EMPTY = 3,
    NVS_ENTRY_WRITTEN = 2,
    NVS_ENTRY_ILLEGAL = 1,
    NVS_ENTRY_ERASED = 0,
};

/* Offsets in an entry, item types, and the chunk index of what has no chunks. */
enum {
    NVS_ENTRY_NAMESPACE = 0,
    NVS_ENTRY_TYPE = 1,
    NVS_ENTRY_SPAN = 2,
    NVS_ENTRY_CHUNK = 3,
    NVS_ENTRY_CRC = 4, /* of bytes 0..3 and 8..31 */
    NVS_ENTRY_KEY = 8,
    NVS_ENTRY_DATA = 24,
    NVS_ENTRY_DATA_CRC = 28,   /* of the data entries of strings, blobs and chunks */
    NVS_ENTRY_BLOB_COUNT = 28, /* of a blob index: number of chunks … */
    NVS_ENTRY_BLOB_START = 29, /* … and the index of the first */
    NVS_KEY_FIELD = 16,
    NVS_TYPE_STRING = 0x21,
    NVS_TYPE_BLOB_V1 = 0x41,
    NVS_TYPE_BLOB_DATA = 0x42,
    NVS_TYPE_BLOB_INDEX = 0x48,
    NVS_NO_CHUNK = 0xFF,
    NVS_SECOND_FAMILY = 0x80, /* chunks of a rewritten blob count from here */
};

/* The CRC-32 of zlib with its register started at 0 instead of all ones; goes on from
 * @p crc. CRC of nothing: NVS_CRC_START. */
#define NVS_CRC_START UINT32_C(0xFFFFFFFF)

static inline uint32_t nvs_crc(uint32_t crc, const void *data, size_t len)
{
    return len == 0 ? crc : libdeflate_crc32(crc, data, len);
}

/* The CRC that belongs into the header entry at @p entry. In one call: most of the time
 * of a CRC of so few bytes is its beginning and its end. */
static inline uint32_t nvs_entry_crc(const uint8_t *entry)
{
    enum { REST = EM_NVS_ENTRY_SIZE - NVS_ENTRY_KEY };
    uint8_t bytes[NVS_ENTRY_CRC + REST];
    memcpy(bytes, entry, NVS_ENTRY_CRC);
    memcpy(bytes + NVS_ENTRY_CRC, entry + NVS_ENTRY_KEY, REST);
    return nvs_crc(NVS_CRC_START, bytes, sizeof bytes);
}

/* The 24 bits by which the device looks for an item; @p key has NVS_KEY_FIELD bytes. */
static inline uint32_t nvs_item_hash(uint8_t ns, const void *key, uint8_t chunk)
{
    uint8_t bytes[1 + NVS_KEY_FIELD + 1];
    bytes[0] = ns;
    memcpy(bytes + 1, key, NVS_KEY_FIELD);
    bytes[1 + NVS_KEY_FIELD] = chunk;
    return nvs_crc(NVS_CRC_START, bytes, sizeof bytes) & 0xFFFFFFu;
}

/* For hash tables in memory: far cheaper than a CRC. @p key has NVS_KEY_FIELD bytes. The
 * factors are odd numbers without a pattern (those of splitmix64). */
static inline uint32_t nvs_name_hash(uint8_t ns, const char *key)
{
    uint64_t low;
    uint64_t high;
    memcpy(&low, key, sizeof low);
    memcpy(&high, key + sizeof low, sizeof high);
    uint64_t hash = (low + ns) * UINT64_C(0xBF58476D1CE4E5B9);
    hash = ((hash ^ hash >> 29) + high) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(hash >> 32);
}

/* State of entry @p idx on the page that starts at @p page. */
static inline unsigned nvs_entry_state(const uint8_t *page, unsigned idx)
{
    return (unsigned)page[NVS_BITMAP_OFF + idx / 4] >> idx % 4 * 2 & 3u;
}

#endif
