/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the reader share: pages and items as the device would load them, and
 * the findings on the way. */
#ifndef NVS_READER_INT_H
#define NVS_READER_INT_H

#include <espmfg/nvs_reader.h>

#include "nvs/format_int.h"

/* Kinds of findings; findings.c has a row for each. */
enum nvs_kind {
    NVS_EMPTY,
    NVS_UNREADABLE,
    NVS_NO_FREE_PAGE,
    NVS_REPAIR_READ_ONLY,
    NVS_PAGE_NOT_BLANK,
    NVS_PAGE_STATE,
    NVS_PAGE_HEADER,
    NVS_PAGE_VERSION,
    NVS_PAGE_FREEING,
    NVS_PAGE_ERASED_FIRST,
    NVS_SEQUENCE_TWICE,
    NVS_SEQUENCE_GAP,
    NVS_ACTIVE_NONE,
    NVS_ACTIVE_OLD,
    NVS_ENTRY_HEADER,
    NVS_ENTRY_TYPE_BAD,
    NVS_ENTRY_SPAN_BAD,
    NVS_ENTRY_CHUNK_BAD,
    NVS_ENTRY_SIZE_BAD,
    NVS_ENTRY_DATA_STATE,
    NVS_ENTRY_STATE_BAD,
    NVS_ENTRY_TORN,
    NVS_ENTRY_HIDDEN,
    NVS_ENTRY_NOT_BLANK,
    NVS_ENTRY_SKIPPED,
    NVS_ENTRY_NOT_WIPED,
    NVS_KEY_OPEN,
    NVS_KEY_REST,
    NVS_KEY_CHUNK,
    NVS_HASH_LOST,
    NVS_HASH_EQUAL,
    NVS_DUPLICATE,
    NVS_NAMESPACE_TYPE,
    NVS_NAMESPACE_INDEX,
    NVS_NAMESPACE_SHARED,
    NVS_NAMESPACE_TWICE,
    NVS_NAMESPACE_UNKNOWN,
    NVS_BLOB_START,
    NVS_BLOB_CHUNKS,
    NVS_BLOB_GAP,
    NVS_BLOB_ORPHAN,
    NVS_BLOB_EMPTY,
    NVS_DATA_CRC,
    NVS_STRING_END,
    NVS_STRING_NUL,
    NVS_KINDS,
};

#define NVS_NO_ITEM UINT32_MAX /* too large for an enum */

/* A header entry that passes the checks of its own. */
struct nvs_item {
    uint32_t page; /* of the image */
    uint8_t entry, ns, type, span, chunk;
    bool lost;         /* the device does not see it, or erases it */
    bool first;        /* of its namespace and key */
    uint32_t same;     /* next item of the same namespace and key, or NVS_NO_ITEM */
    uint32_t len;      /* bytes of its data, or of the whole blob for an index */
    const uint8_t *at; /* the entry; data entries follow it */
    char key[NVS_KEY_FIELD + 1];
};

struct nvs_page {
    uint32_t state, sequence;
    bool used; /* the header is right, its entries count */
    bool free; /* blank, or to be erased before use */
};

struct em_nvs_reader {
    const uint8_t *image;
    size_t len;
    em_nvs_finding_fn *tell;
    void *user;
    struct em_nvs_counts counts;
    bool repairs; /* the device would erase something */

    struct nvs_page *pages;
    size_t cap_pages;
    uint32_t *order; /* used pages in the order of their sequence numbers */
    size_t n_order, cap_order;

    struct nvs_item *items; /* in the order in which the device loads them */
    size_t n_items, cap_items;
    uint32_t *slots; /* hash table: first item of a namespace and key */
    size_t n_slots, cap_slots;

    uint32_t names[256]; /* item that names the namespace of an index, or NVS_NO_ITEM */
    uint32_t *seen;      /* namespace items and readable values, in order */
    size_t n_seen, cap_seen;
};

/*
 * Count a finding and tell it, unless nobody listens. @p page -1: the image; @p entry -1:
 * the page. The text may name the key of an item.
 */
void nvs_tell(struct em_nvs_reader *reader, enum nvs_kind kind, long page, int entry,
              unsigned entries, const char *fmt, ...) EM_PRINTF(6, 7);

/* nvs_tell() about one item. */
void nvs_tell_item(struct em_nvs_reader *reader, enum nvs_kind kind,
                   const struct nvs_item *item, const char *fmt, ...) EM_PRINTF(4, 5);

/* The short name of a kind. */
const char *nvs_kind_id(enum nvs_kind kind);

/* Load pages and entries into items. EM_OK or EM_ERR_NOMEM. */
enum em_status nvs_load(struct em_nvs_reader *reader, struct em_error *err);

/* What the device does with them at mount and when it reads. EM_OK or EM_ERR_NOMEM. */
enum em_status nvs_mount(struct em_nvs_reader *reader, struct em_error *err);

/* First item of a namespace and key, or NVS_NO_ITEM. */
uint32_t nvs_first_item(const struct em_nvs_reader *reader, uint8_t ns, const char *key);

/* Check a header entry on its own. NVS_KINDS: it is good. */
enum nvs_kind nvs_entry_check(const uint8_t *entry, unsigned idx);

/* Make room for @p n elements of @p size bytes at *array. EM_OK or EM_ERR_NOMEM. */
enum em_status nvs_reserve(void *array, size_t *cap, size_t n, size_t size,
                           struct em_error *err);

static inline const uint8_t *nvs_page_at(const struct em_nvs_reader *reader, size_t page)
{
    return reader->image + page * EM_NVS_PAGE_SIZE;
}

static inline bool nvs_is_variable(unsigned type)
{
    return type == NVS_TYPE_STRING || type == NVS_TYPE_BLOB_V1 ||
           type == NVS_TYPE_BLOB_DATA;
}

#endif
