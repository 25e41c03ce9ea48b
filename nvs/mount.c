/* SPDX-License-Identifier: Apache-2.0 */
/* What the device does with the items of all pages: duplicates, namespaces, blobs, and
 * the CRCs that it looks at only when it reads. */
#include "config.h"

#include "nvs/reader_int.h"

#include "base/bytes_int.h"

#include <inttypes.h>
#include <string.h>

/* ---- Items by namespace and key ---- */

static bool same_key(const struct nvs_item *a, const struct nvs_item *b)
{
    return a->ns == b->ns && memcmp(a->key, b->key, sizeof a->key) == 0;
}

static uint32_t *find_slot(const struct em_nvs_reader *reader,
                           const struct nvs_item *item)
{
    size_t i = nvs_name_hash(item->ns, item->key) & (reader->n_slots - 1);
    while (reader->slots[i] != NVS_NO_ITEM &&
           !same_key(&reader->items[reader->slots[i]], item))
        i = (i + 1) & (reader->n_slots - 1);
    return &reader->slots[i];
}

/* Link the items of the same namespace and key in their order. */
static enum em_status link_items(struct em_nvs_reader *reader, struct em_error *err)
{
    size_t n = 16;
    while (n < reader->n_items * 2)
        n *= 2;
    enum em_status status =
        nvs_reserve(&reader->slots, &reader->cap_slots, n, sizeof *reader->slots, err);
    if (status != EM_OK)
        return status;
    reader->n_slots = n;
    memset(reader->slots, 0xFF, n * sizeof *reader->slots); /* NVS_NO_ITEM */
    for (size_t i = reader->n_items; i-- > 0;) {
        struct nvs_item *item = &reader->items[i];
        uint32_t *slot = find_slot(reader, item);
        item->same = *slot;
        item->first = true;
        if (*slot != NVS_NO_ITEM)
            reader->items[*slot].first = false;
        *slot = (uint32_t)i;
    }
    return EM_OK;
}

uint32_t nvs_first_item(const struct em_nvs_reader *reader, uint8_t ns, const char *key)
{
    struct nvs_item wanted = {.ns = ns};
    size_t len = strlen(key);
    if (reader->n_items == 0)
        return NVS_NO_ITEM;
    memcpy(wanted.key, key, len < sizeof wanted.key ? len : sizeof wanted.key);
    return *find_slot(reader, &wanted);
}

static struct nvs_item *next_same(const struct em_nvs_reader *reader,
                                  const struct nvs_item *item)
{
    return item->same == NVS_NO_ITEM ? NULL : &reader->items[item->same];
}

/* ---- Repair after a power loss ---- */

static bool key_is_open(const struct nvs_item *item)
{
    return item->key[NVS_KEY_FIELD - 1] != '\0';
}

/* Is there anything behind the NUL? It counts in the hash by which the device searches.
 */
static bool key_has_rest(const struct nvs_item *item)
{
    static const char zeros[NVS_KEY_FIELD];
    size_t len = strlen(item->key);
    return len < NVS_KEY_FIELD &&
           memcmp(item->key + len, zeros, NVS_KEY_FIELD - len) != 0;
}

/* The first item on an earlier page that @p last repeats, as @p type, or NULL. */
static struct nvs_item *find_repeated(const struct em_nvs_reader *reader,
                                      const struct nvs_item *last, uint8_t type)
{
    struct nvs_item *item = &reader->items[*find_slot(reader, last)];
    while (item != NULL && (item->lost || item->page == last->page ||
                            item->type != type || item->chunk != last->chunk))
        item = next_same(reader, item);
    return item;
}

/* The very last item of the newest page may have been written when power went, before
 * the one that it replaces was erased: the device does that now. */
static void drop_repeated(struct em_nvs_reader *reader)
{
    if (reader->n_items == 0)
        return;
    struct nvs_item *last = &reader->items[reader->n_items - 1];
    if (last->page != reader->order[reader->n_order - 1] || key_is_open(last) ||
        key_has_rest(last))
        return;
    struct nvs_item *old = find_repeated(reader, last, last->type);
    if (old == NULL && last->type == NVS_TYPE_BLOB_INDEX)
        old = find_repeated(reader, last, NVS_TYPE_BLOB_V1);
    if (old == NULL)
        return;
    old->lost = true;
    reader->repairs = true;
    nvs_tell_item(reader, NVS_DUPLICATE, old,
                  "key '%s' is there again in page %" PRIu32
                  " entry %u, the newest of all",
                  last->key, last->page, (unsigned)last->entry);
}

/* ---- Namespaces ---- */

static void take_namespace(struct em_nvs_reader *reader, struct nvs_item *item,
                           bool twice)
{
    uint8_t index = item->at[NVS_ENTRY_DATA];
    item->lost = true;
    if (item->type != EM_NVS_U8) {
        nvs_tell_item(reader, NVS_NAMESPACE_TYPE, item,
                      "namespace '%s' has type 0x%02X, not 0x%02X", item->key,
                      (unsigned)item->type, (unsigned)EM_NVS_U8);
    } else if (key_is_open(item) || key_has_rest(item) || item->chunk != NVS_NO_CHUNK) {
        enum nvs_kind kind = key_is_open(item)    ? NVS_KEY_OPEN
                             : key_has_rest(item) ? NVS_KEY_REST
                                                  : NVS_KEY_CHUNK;
        nvs_tell_item(reader, kind, item, "namespace '%s' is stored wrongly", item->key);
    } else if (index == 0 || index > EM_NVS_NAMESPACES_MAX) {
        nvs_tell_item(reader, NVS_NAMESPACE_INDEX, item,
                      "namespace '%s' has index %u, allowed are 1 to %d", item->key,
                      (unsigned)index, EM_NVS_NAMESPACES_MAX);
    } else if (twice) {
        nvs_tell_item(reader, NVS_NAMESPACE_TWICE, item, "namespace '%s' is there twice",
                      item->key);
    } else {
        item->lost = false;
        if (reader->names[index] == NVS_NO_ITEM)
            reader->names[index] = (uint32_t)(item - reader->items);
        else
            nvs_tell_item(reader, NVS_NAMESPACE_SHARED, item,
                          "namespaces '%s' and '%s' have the same index %u",
                          reader->items[reader->names[index]].key, item->key,
                          (unsigned)index);
    }
}

static void take_namespaces(struct em_nvs_reader *reader)
{
    memset(reader->names, 0xFF, sizeof reader->names); /* NVS_NO_ITEM */
    for (size_t i = 0; i < reader->n_items; i++) {
        struct nvs_item *item = &reader->items[i];
        bool twice = false;
        if (item->ns != 0 || !item->first)
            continue;
        for (; item != NULL; item = next_same(reader, item)) {
            if (item->lost)
                continue;
            take_namespace(reader, item, twice);
            twice = twice || !item->lost;
        }
    }
}

/* ---- One key ---- */

/* Is it what a key leads to, and not a chunk of a blob? */
static bool is_head(const struct nvs_item *item)
{
    return !item->lost && item->type != NVS_TYPE_BLOB_DATA;
}

static bool data_is_right(const struct nvs_item *item)
{
    return nvs_crc(NVS_CRC_START, item->at + EM_NVS_ENTRY_SIZE, item->len) ==
           em_get_le32(item->at + NVS_ENTRY_DATA_CRC);
}

/* Keys that no program can ask for. */
static void check_findable(struct em_nvs_reader *reader, struct nvs_item *first)
{
    for (struct nvs_item *item = first; item != NULL; item = next_same(reader, item)) {
        if (item->lost)
            continue;
        bool open = key_is_open(item);
        bool rest = key_has_rest(item);
        bool chunk = item->type != NVS_TYPE_BLOB_DATA && item->chunk != NVS_NO_CHUNK;
        item->lost = open || rest || chunk;
        if (open)
            nvs_tell_item(reader, NVS_KEY_OPEN, item,
                          "key '%s' has 16 bytes and no end, allowed are 15", item->key);
        else if (rest)
            nvs_tell_item(reader, NVS_KEY_REST, item,
                          "key '%s' has other bytes than 0x00 behind its end", item->key);
        else if (chunk)
            nvs_tell_item(reader, NVS_KEY_CHUNK, item,
                          "key '%s' has chunk index %u, which only chunks of blobs have",
                          item->key, (unsigned)item->chunk);
    }
}

/* Several values under one key: the first of each type is found. */
static void check_twice(struct em_nvs_reader *reader, struct nvs_item *first)
{
    bool there[UINT8_MAX + 1] = {false}; /* by type */
    const struct nvs_item *kept = NULL;
    for (struct nvs_item *item = first; item != NULL; item = next_same(reader, item)) {
        if (!is_head(item))
            continue;
        if (kept == NULL)
            kept = item;
        else
            nvs_tell_item(reader, NVS_DUPLICATE, item,
                          "key '%s' is there already, in page %" PRIu32 " entry %u",
                          item->key, kept->page, (unsigned)kept->entry);
        item->lost = there[item->type];
        there[item->type] = true;
    }
}

/* A blob of version 1 is found only when there is no index of its key. */
static void prefer_index(struct em_nvs_reader *reader, struct nvs_item *first)
{
    struct nvs_item *old = NULL;
    bool index = false;
    for (struct nvs_item *item = first; item != NULL; item = next_same(reader, item)) {
        if (!item->lost && item->type == NVS_TYPE_BLOB_V1)
            old = item;
        index = index || (!item->lost && item->type == NVS_TYPE_BLOB_INDEX);
    }
    if (old != NULL && index)
        old->lost = true; /* told as a duplicate */
}

/* Do the chunks fit the blob index? NVS_KINDS: yes, and their data is right. */
static enum nvs_kind judge_blob(const struct em_nvs_reader *reader,
                                struct nvs_item *first, const struct nvs_item *index)
{
    unsigned start = index->at[NVS_ENTRY_BLOB_START];
    unsigned count = index->at[NVS_ENTRY_BLOB_COUNT];
    bool there[UINT8_MAX + 1] = {false};
    uint64_t sum = 0;
    unsigned n = 0;
    bool gap = false;
    bool bad = false;
    if (start != 0 && start != NVS_SECOND_FAMILY)
        return NVS_BLOB_START;
    for (struct nvs_item *item = first; item != NULL; item = next_same(reader, item)) {
        if (item->lost || item->type != NVS_TYPE_BLOB_DATA ||
            (item->chunk & NVS_SECOND_FAMILY) != start)
            continue;
        n++;
        sum += item->len;
        gap = gap || item->chunk >= start + count || there[item->chunk];
        there[item->chunk] = true;
        bad = bad || !data_is_right(item);
    }
    if (sum != index->len || n != count)
        return NVS_BLOB_CHUNKS;
    return gap ? NVS_BLOB_GAP : bad ? NVS_DATA_CRC : NVS_KINDS;
}

static void take_blob(struct em_nvs_reader *reader, struct nvs_item *first,
                      struct nvs_item *index)
{
    unsigned count = index->at[NVS_ENTRY_BLOB_COUNT];
    unsigned start = index->at[NVS_ENTRY_BLOB_START];
    enum nvs_kind kind = judge_blob(reader, first, index);
    index->lost = kind != NVS_KINDS;
    if (kind == NVS_BLOB_START)
        nvs_tell_item(reader, kind, index,
                      "blob '%s': chunks begin with %u, not 0 or 128", index->key, start);
    else if (kind == NVS_BLOB_CHUNKS)
        nvs_tell_item(reader, kind, index,
                      "blob '%s': its chunks are not the %u of %" PRIu32
                      " bytes together that the index names",
                      index->key, count, index->len);
    else if (kind == NVS_BLOB_GAP)
        nvs_tell_item(reader, kind, index, "blob '%s': a chunk is missing or there twice",
                      index->key);
    else if (kind == NVS_DATA_CRC)
        nvs_tell_item(reader, kind, index, "blob '%s': CRC of its data is wrong",
                      index->key);
    else if (count == 0)
        nvs_tell_item(reader, NVS_BLOB_EMPTY, index, "blob '%s' has no chunk",
                      index->key);
}

/* Chunks of a blob that was told to be lost are not told again. */
static void check_orphans(struct em_nvs_reader *reader, struct nvs_item *first)
{
    unsigned start = 0;
    unsigned end = 0; /* of the chunks that have an index */
    bool told = false;
    for (struct nvs_item *item = first; item != NULL; item = next_same(reader, item)) {
        if (item->type != NVS_TYPE_BLOB_INDEX)
            continue;
        told = told || item->lost;
        if (!item->lost) {
            start = item->at[NVS_ENTRY_BLOB_START];
            end = start + item->at[NVS_ENTRY_BLOB_COUNT];
        }
    }
    for (struct nvs_item *item = first; item != NULL; item = next_same(reader, item)) {
        if (item->lost || item->type != NVS_TYPE_BLOB_DATA ||
            (item->chunk >= start && item->chunk < end))
            continue;
        item->lost = true;
        if (!told)
            nvs_tell_item(reader, NVS_BLOB_ORPHAN, item,
                          "chunk %u of blob '%s' belongs to no index",
                          (unsigned)item->chunk, item->key);
    }
}

static void take_text(struct em_nvs_reader *reader, struct nvs_item *item)
{
    const uint8_t *data = item->at + EM_NVS_ENTRY_SIZE;
    item->lost = !data_is_right(item);
    if (item->lost)
        nvs_tell_item(reader, NVS_DATA_CRC, item, "key '%s': CRC of its data is wrong",
                      item->key);
    else if (item->type != NVS_TYPE_STRING)
        return;
    else if (item->len == 0 || data[item->len - 1] != 0)
        nvs_tell_item(reader, NVS_STRING_END, item, "string '%s' does not end in NUL",
                      item->key);
    else if (memchr(data, 0, item->len - 1) != NULL)
        nvs_tell_item(reader, NVS_STRING_NUL, item, "string '%s' has a NUL inside",
                      item->key);
}

/* All items of one key, of which @p first is the first. */
static void take_key(struct em_nvs_reader *reader, struct nvs_item *first)
{
    bool chunks = false;
    if (reader->names[first->ns] == NVS_NO_ITEM) {
        nvs_tell_item(reader, NVS_NAMESPACE_UNKNOWN, first,
                      "key '%s' is in namespace %u, which has no name", first->key,
                      (unsigned)first->ns);
        for (struct nvs_item *item = first; item != NULL; item = next_same(reader, item))
            item->lost = true;
        return;
    }
    check_findable(reader, first);
    if (first->same != NVS_NO_ITEM)
        check_twice(reader, first);
    for (struct nvs_item *item = first; item != NULL; item = next_same(reader, item)) {
        chunks = chunks || item->type == NVS_TYPE_BLOB_DATA;
        if (item->lost)
            continue;
        if (item->type == NVS_TYPE_BLOB_INDEX)
            take_blob(reader, first, item);
        else if (item->type == NVS_TYPE_STRING || item->type == NVS_TYPE_BLOB_V1)
            take_text(reader, item);
    }
    if (chunks)
        check_orphans(reader, first);
    prefer_index(reader, first);
}

/* ---- What is left ---- */

/* The live blob index that @p chunk is the first chunk of, or NULL. */
static const struct nvs_item *index_of(const struct em_nvs_reader *reader,
                                       const struct nvs_item *chunk)
{
    const struct nvs_item *item = &reader->items[*find_slot(reader, chunk)];
    for (; item != NULL; item = next_same(reader, item)) {
        if (item->type == NVS_TYPE_BLOB_INDEX && !item->lost &&
            item->at[NVS_ENTRY_BLOB_START] == chunk->chunk)
            return item;
    }
    return NULL;
}

/* List namespaces and values, blobs where their first chunk is. */
static enum em_status list_seen(struct em_nvs_reader *reader, struct em_error *err)
{
    enum em_status status = nvs_reserve(&reader->seen, &reader->cap_seen, reader->n_items,
                                        sizeof *reader->seen, err);
    reader->n_seen = 0;
    for (size_t i = 0; i < reader->n_items && status == EM_OK; i++) {
        const struct nvs_item *item = &reader->items[i];
        if (item->lost)
            continue;
        if (item->type == NVS_TYPE_BLOB_DATA) {
            bool first = (item->chunk & ~(unsigned)NVS_SECOND_FAMILY) == 0;
            item = first ? index_of(reader, item) : NULL;
        } else if (item->type == NVS_TYPE_BLOB_INDEX &&
                   item->at[NVS_ENTRY_BLOB_COUNT] > 0) {
            item = NULL;
        }
        if (item == NULL)
            continue;
        reader->seen[reader->n_seen++] = (uint32_t)(item - reader->items);
        if (item->ns == 0)
            reader->counts.namespaces++;
        else
            reader->counts.values++;
    }
    return status;
}

enum em_status nvs_mount(struct em_nvs_reader *reader, struct em_error *err)
{
    enum em_status status = link_items(reader, err);
    if (status != EM_OK)
        return status;
    drop_repeated(reader);
    take_namespaces(reader);
    for (size_t i = 0; i < reader->n_items; i++) {
        struct nvs_item *item = &reader->items[i];
        if (item->ns != 0 && item->first)
            take_key(reader, item);
    }
    if (reader->counts.read_only && reader->repairs)
        nvs_tell(reader, NVS_REPAIR_READ_ONLY, -1, -1, 0,
                 "the device would have to repair a partition that is read-only (below "
                 "0x%x)",
                 (unsigned)EM_NVS_RW_SIZE_MIN);
    return list_seen(reader, err);
}
