/* SPDX-License-Identifier: Apache-2.0 */
/* The reader: loads an image and answers what is in it. */
#include "config.h"

#include "nvs/reader_int.h"

#include "base/bytes_int.h"
#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>

enum em_status nvs_reserve(void *array, size_t *cap, size_t n, size_t size,
                           struct em_error *err)
{
    void *data;
    if (n <= *cap)
        return EM_OK;
    size_t twice = *cap <= SIZE_MAX / 2 ? *cap * 2 : n;
    size_t want = twice > n ? twice : n;
    memcpy(&data, array, sizeof data);
    data = want > SIZE_MAX / size ? NULL : realloc(data, want * size);
    if (data == NULL)
        return em_error_nomem(err);
    memcpy(array, &data, sizeof data);
    *cap = want;
    return EM_OK;
}

enum em_status em_nvs_reader_new(struct em_nvs_reader **out, struct em_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out == NULL ? em_error_nomem(err) : EM_OK;
}

void em_nvs_reader_free(struct em_nvs_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->pages);
    free(reader->order);
    free(reader->items);
    free(reader->slots);
    free(reader->seen);
    free(reader);
}

enum em_status em_nvs_reader_load(struct em_nvs_reader *reader, const uint8_t *image,
                                  size_t len, em_nvs_finding_fn *tell, void *user,
                                  struct em_error *err)
{
    reader->n_items = 0;
    reader->n_seen = 0;
    reader->repairs = false;
    reader->counts = (struct em_nvs_counts){.read_only = len < EM_NVS_RW_SIZE_MIN};
    if (len == 0 || len % EM_NVS_PAGE_SIZE != 0)
        return em_error_set(err, EM_ERR_INPUT,
                            len == 0 ? "name the image of an NVS partition"
                                     : "was it cut off, or is it another file?",
                            len == 0 ? "an empty file"
                                     : "%zu bytes are no multiple of the page size %d",
                            len, EM_NVS_PAGE_SIZE);
    if (len / EM_NVS_ENTRY_SIZE >= NVS_NO_ITEM)
        return em_error_set(err, EM_ERR_INPUT, NULL, "%zu bytes are more than any flash",
                            len);
    reader->image = image;
    reader->len = len;
    reader->tell = tell;
    reader->user = user;
    enum em_status status = nvs_load(reader, err);
    if (status == EM_OK)
        status = nvs_mount(reader, err);
    if (status != EM_OK)
        reader->n_items = reader->n_seen = 0; /* half of an image is none */
    return status;
}

struct em_nvs_counts em_nvs_reader_counts(const struct em_nvs_reader *reader)
{
    return reader->counts;
}

/* ---- Values ---- */

static const struct nvs_item *next_same(const struct em_nvs_reader *reader,
                                        const struct nvs_item *item)
{
    return item->same == NVS_NO_ITEM ? NULL : &reader->items[item->same];
}

static const struct nvs_item *first_same(const struct em_nvs_reader *reader,
                                         const struct nvs_item *item)
{
    return &reader->items[nvs_first_item(reader, item->ns, item->key)];
}

/* Chunk @p number of the blob whose index is @p index; it was found to be there. */
static const struct nvs_item *find_chunk(const struct em_nvs_reader *reader,
                                         const struct nvs_item *index, unsigned number)
{
    const struct nvs_item *item = first_same(reader, index);
    while (item != NULL && (item->lost || item->type != NVS_TYPE_BLOB_DATA ||
                            item->chunk != index->at[NVS_ENTRY_BLOB_START] + number))
        item = next_same(reader, item);
    return item;
}

static uint64_t number_bits(const struct nvs_item *item)
{
    uint64_t bits = 0;
    unsigned width = item->len <= 8 ? (unsigned)item->len : 8;
    for (unsigned i = 0; i < width; i++)
        bits |= (uint64_t)item->at[NVS_ENTRY_DATA + i] << i * 8;
    bool is_signed = (item->type & 0x30) == 0x10;
    if (is_signed && width < 8 && (bits >> (width * 8 - 1) & 1) != 0)
        bits |= UINT64_MAX << width * 8;
    return bits;
}

static void fill_value(const struct em_nvs_reader *reader, const struct nvs_item *item,
                       struct em_nvs_value *out)
{
    const struct nvs_item *place = item;
    bool is_blob = item->type == NVS_TYPE_BLOB_INDEX;
    *out = (struct em_nvs_value){
        .ns = reader->items[reader->names[item->ns]].key,
        .key = item->key,
        .type = is_blob ? EM_NVS_BLOB : item->type,
        .len = item->len,
        .ns_index = item->ns,
        .entries = item->span,
        .item = (size_t)(item - reader->items),
    };
    for (unsigned i = 0; is_blob && i < item->at[NVS_ENTRY_BLOB_COUNT]; i++) {
        const struct nvs_item *chunk = find_chunk(reader, item, i);
        out->entries += chunk->span;
        place = i == 0 ? chunk : place;
    }
    out->page = place->page;
    out->entry = place->entry;
    if (!is_blob && !nvs_is_variable(item->type))
        out->bits = number_bits(item);
}

bool em_nvs_reader_next(const struct em_nvs_reader *reader, size_t *cursor,
                        struct em_nvs_value *out)
{
    while (*cursor < reader->n_seen) {
        const struct nvs_item *item = &reader->items[reader->seen[(*cursor)++]];
        if (item->ns == 0)
            continue;
        fill_value(reader, item, out);
        return true;
    }
    return false;
}

bool em_nvs_reader_next_namespace(const struct em_nvs_reader *reader, size_t *cursor,
                                  const char **name, uint8_t *index)
{
    while (*cursor < reader->n_seen) {
        const struct nvs_item *item = &reader->items[reader->seen[(*cursor)++]];
        if (item->ns != 0)
            continue;
        *name = item->key;
        *index = item->at[NVS_ENTRY_DATA];
        return true;
    }
    return false;
}

/* Index of the namespace @p name, or 0. */
static uint8_t find_namespace(const struct em_nvs_reader *reader, const char *name)
{
    if (strlen(name) > EM_NVS_KEY_LEN_MAX)
        return 0;
    uint32_t at = nvs_first_item(reader, 0, name);
    while (at != NVS_NO_ITEM && reader->items[at].lost)
        at = reader->items[at].same;
    return at == NVS_NO_ITEM ? 0 : reader->items[at].at[NVS_ENTRY_DATA];
}

bool em_nvs_reader_find(const struct em_nvs_reader *reader, const char *ns,
                        const char *key, struct em_nvs_value *out)
{
    uint8_t index = find_namespace(reader, ns);
    if (index == 0 || strlen(key) > EM_NVS_KEY_LEN_MAX)
        return false;
    uint32_t first = nvs_first_item(reader, index, key);
    for (; first != NVS_NO_ITEM; first = reader->items[first].same) {
        const struct nvs_item *item = &reader->items[first];
        if (item->lost || item->type == NVS_TYPE_BLOB_DATA)
            continue;
        fill_value(reader, item, out);
        return true;
    }
    return false;
}

/* ---- Bytes of values ---- */

/* Piece @p number of a value's bytes; false: there is none. */
static bool piece(const struct em_nvs_reader *reader, const struct em_nvs_value *value,
                  unsigned number, const uint8_t **data, size_t *len)
{
    const struct nvs_item *item = &reader->items[value->item];
    if (item->type == NVS_TYPE_BLOB_INDEX) {
        if (number >= item->at[NVS_ENTRY_BLOB_COUNT])
            return false;
        item = find_chunk(reader, item, number);
    } else if (number > 0) {
        return false;
    }
    *data = item->at + (nvs_is_variable(item->type) ? EM_NVS_ENTRY_SIZE : NVS_ENTRY_DATA);
    *len = item->len;
    return true;
}

void em_nvs_reader_copy(const struct em_nvs_reader *reader,
                        const struct em_nvs_value *value, uint8_t *out)
{
    const uint8_t *data;
    size_t len;
    for (unsigned i = 0; piece(reader, value, i, &data, &len); i++) {
        if (len == 0)
            continue; /* out may be NULL when there is nothing at all */
        memcpy(out, data, len);
        out += len;
    }
}

bool em_nvs_reader_equal(const struct em_nvs_reader *reader,
                         const struct em_nvs_value *value, const void *data, size_t len)
{
    const uint8_t *have;
    const uint8_t *want = data;
    size_t part;
    if (value->len != len)
        return false;
    for (unsigned i = 0; piece(reader, value, i, &have, &part); i++) {
        if (part > 0 && memcmp(have, want, part) != 0)
            return false;
        want = part > 0 ? want + part : want;
    }
    return true;
}
