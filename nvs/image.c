/* SPDX-License-Identifier: Apache-2.0 */
/* Writing NVS images: pages, entries, and where each item is placed.
 *
 * The placement rules are those of ESP-IDF's nvs_partition_gen.py, down to the entries it
 * wastes: images have to have the same bytes. */
#include "config.h"

#include <espmfg/nvs.h>

#include "base/bytes_int.h"
#include "base/error_int.h"
#include "nvs/format_int.h"
#include "nvs/names_int.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct em_nvs_image {
    uint8_t *buf; /* the caller's; NULL: only count */
    size_t size;
    enum em_nvs_version version;
    size_t page;   /* the page that is being filled; may lie outside the partition */
    unsigned used; /* entries used on it */
    size_t dirty;  /* so many pages of buf may hold something else than 0xFF */
    unsigned n_ns; /* namespaces so far */
    unsigned ns;   /* index of the present one; 0: none yet */
    struct nvs_names names;
    char ns_names[EM_NVS_NAMESPACES_MAX][EM_NVS_KEY_LEN_MAX + 1];
};

enum em_status em_nvs_size_check(uint64_t size, struct em_error *err)
{
    static const char hint[] = "use 0x3000 or more, in steps of 0x1000";
    if (size < EM_NVS_PAGE_SIZE || size % EM_NVS_PAGE_SIZE != 0)
        return em_error_set(err, EM_ERR_USAGE, hint,
                            "partition size 0x%" PRIx64
                            " is not a multiple of 4096 bytes%s",
                            size, size == 0 ? " above 0" : "");
    if (size > EM_NVS_SIZE_MAX)
        return em_error_set(err, EM_ERR_USAGE, hint,
                            "partition size 0x%" PRIx64 " is above 0x%x", size,
                            (unsigned)EM_NVS_SIZE_MAX);
    return EM_OK;
}

/* Pages that may hold data: a partition that the device can write to keeps one in
 * reserve. */
static size_t data_pages(size_t size)
{
    return size / EM_NVS_PAGE_SIZE - (size >= EM_NVS_RW_SIZE_MIN ? 1 : 0);
}

enum em_status em_nvs_image_new(struct em_nvs_image **out, uint8_t *buf, size_t size,
                                enum em_nvs_version version, struct em_error *err)
{
    assert(version == EM_NVS_V1 || version == EM_NVS_V2);
    *out = NULL;
    enum em_status status = em_nvs_size_check(size, err);
    if (status != EM_OK)
        return status;
    struct em_nvs_image *image = calloc(1, sizeof *image);
    if (image == NULL)
        return em_error_nomem(err);
    image->buf = buf;
    image->size = size;
    image->version = version;
    image->dirty = size / EM_NVS_PAGE_SIZE;
    nvs_names_reset(&image->names);
    *out = image;
    return EM_OK;
}

void em_nvs_image_free(struct em_nvs_image *image)
{
    if (image == NULL)
        return;
    nvs_names_free(&image->names);
    free(image);
}

void em_nvs_image_reset(struct em_nvs_image *image)
{
    image->page = 0;
    image->used = 0;
    image->n_ns = 0;
    image->ns = 0;
    nvs_names_reset(&image->names);
}

/* The present page in the buffer, or NULL when nothing is to be stored. */
static uint8_t *page_data(const struct em_nvs_image *image)
{
    if (image->buf == NULL || image->page >= data_pages(image->size))
        return NULL;
    return image->buf + image->page * EM_NVS_PAGE_SIZE;
}

/* Write what stands around the entries. They are all written from the first on, without a
 * gap, so that one count tells the whole bitmap. */
static void close_page(struct em_nvs_image *image, uint32_t state)
{
    uint8_t *page = page_data(image);
    if (page == NULL)
        return;
    memset(page, 0xFF, NVS_ENTRIES_OFF);
    em_put_le32(page + NVS_HEADER_STATE, state);
    em_put_le32(page + NVS_HEADER_SEQUENCE, (uint32_t)image->page);
    page[NVS_HEADER_VERSION] =
        image->version == EM_NVS_V2 ? NVS_VERSION_2 : NVS_VERSION_1;
    em_put_le32(page + NVS_HEADER_CRC, nvs_crc(NVS_CRC_START, page + NVS_HEADER_SEQUENCE,
                                               NVS_HEADER_CRC - NVS_HEADER_SEQUENCE));
    uint8_t *bitmap = page + NVS_BITMAP_OFF;
    memset(bitmap, 0xAA, image->used / 4);
    if (image->used % 4 != 0) /* 10 for each written entry, 11 for the rest */
        bitmap[image->used / 4] = (uint8_t)(0xFFu << image->used % 4 * 2 | 0xAAu);
    size_t end = NVS_ENTRIES_OFF + (size_t)image->used * EM_NVS_ENTRY_SIZE;
    memset(page + end, 0xFF, EM_NVS_PAGE_SIZE - end);
}

static void next_page(struct em_nvs_image *image)
{
    close_page(image, NVS_STATE_FULL);
    image->page++;
    image->used = 0;
}

/* Use @p n entries of the present page. Returns the first, or NULL when nothing is
 * stored. */
static uint8_t *take_entries(struct em_nvs_image *image, size_t n)
{
    assert(image->used + n <= EM_NVS_PAGE_ENTRIES);
    uint8_t *page = page_data(image);
    size_t off = NVS_ENTRIES_OFF + (size_t)image->used * EM_NVS_ENTRY_SIZE;
    image->used += (unsigned)n;
    if (page == NULL)
        return NULL;
    if (image->dirty <= image->page)
        image->dirty = image->page + 1;
    return page + off;
}

struct item {
    const char *key;
    uint8_t ns, type, span, chunk;
    uint8_t data[8];
};

static void put_entry(uint8_t *entry, const struct item *item)
{
    size_t key_len = strlen(item->key);
    entry[NVS_ENTRY_NAMESPACE] = item->ns;
    entry[NVS_ENTRY_TYPE] = item->type;
    entry[NVS_ENTRY_SPAN] = item->span;
    entry[NVS_ENTRY_CHUNK] = item->chunk;
    memcpy(entry + NVS_ENTRY_KEY, item->key, key_len);
    memset(entry + NVS_ENTRY_KEY + key_len, 0, NVS_KEY_FIELD - key_len);
    memcpy(entry + NVS_ENTRY_DATA, item->data, sizeof item->data);
    em_put_le32(entry + NVS_ENTRY_CRC, nvs_entry_crc(entry));
}

/* An item of one entry; it may use the last one of a page. */
static void add_single(struct em_nvs_image *image, const struct item *item)
{
    if (image->used >= EM_NVS_PAGE_ENTRIES)
        next_page(image);
    uint8_t *entry = take_entries(image, 1);
    if (entry != NULL)
        put_entry(entry, item);
}

static size_t data_entries(size_t len)
{
    return (len + EM_NVS_ENTRY_SIZE - 1) / EM_NVS_ENTRY_SIZE;
}

/* Bytes of a variable-length item; a string's NUL is not among them. */
struct payload {
    const uint8_t *data;
    size_t len;
    bool with_nul;
};

static size_t payload_size(const struct payload *p)
{
    return p->len + (p->with_nul ? 1 : 0);
}

/* Header entry and data entries of an item that is known to fit the present page. */
static void put_variable(struct em_nvs_image *image, struct item *item,
                         const struct payload *payload)
{
    size_t size = payload_size(payload);
    size_t n = 1 + data_entries(size);
    uint8_t *entry = take_entries(image, n);
    if (entry == NULL)
        return;
    uint8_t *to = entry + EM_NVS_ENTRY_SIZE;
    if (payload->len > 0)
        memcpy(to, payload->data, payload->len);
    if (payload->with_nul)
        to[payload->len] = 0;
    memset(to + size, 0xFF, (n - 1) * EM_NVS_ENTRY_SIZE - size);
    item->span = (uint8_t)n;
    memset(item->data, 0xFF, sizeof item->data);
    em_put_le16(item->data, (uint16_t)size);
    em_put_le32(item->data + 4, nvs_crc(NVS_CRC_START, to, size));
    put_entry(entry, item);
}

/* A string, or a blob of version 1. Compatible to the byte: an item that would end
 * exactly on the last entry moves to a new page, which is one entry stricter than the
 * format. */
static void add_on_one_page(struct em_nvs_image *image, struct item *item,
                            const struct payload *payload)
{
    size_t n = 1 + data_entries(payload_size(payload));
    if (image->used + n >= EM_NVS_PAGE_ENTRIES)
        next_page(image);
    put_variable(image, item, payload);
}

/* A blob of version 2: chunks over as many pages as it takes, then the index. Starts on
 * the present page whatever is left there, even nothing: then its first chunk is empty.
 */
static void add_in_chunks(struct em_nvs_image *image, struct item *item,
                          const uint8_t *data, size_t len)
{
    size_t left = len;
    size_t room;
    size_t part;
    uint8_t count = 0;
    if (image->used >= EM_NVS_PAGE_ENTRIES)
        next_page(image);
    do {
        room = (EM_NVS_PAGE_ENTRIES - image->used - 1) * (size_t)EM_NVS_ENTRY_SIZE;
        part = left < room ? left : room;
        item->type = NVS_TYPE_BLOB_DATA;
        item->chunk = count++;
        put_variable(image, item, &(struct payload){data, part, false});
        data = part == 0 ? data : data + part;
        left -= part;
        /* The index needs an entry too, and is never the reason to look back. */
        if (left > 0 || room - part < EM_NVS_ENTRY_SIZE)
            next_page(image);
    } while (left > 0);
    item->type = NVS_TYPE_BLOB_INDEX;
    item->chunk = NVS_NO_CHUNK;
    item->span = 1;
    memset(item->data, 0xFF, sizeof item->data);
    em_put_le32(item->data, (uint32_t)len);
    item->data[4] = count;
    item->data[5] = 0; /* index of the first chunk */
    add_single(image, item);
}

static enum em_status check_name(const char *what, const char *name, struct em_error *err)
{
    size_t len = strlen(name);
    if (len > EM_NVS_KEY_LEN_MAX)
        return em_error_set(err, EM_ERR_INPUT, "choose a shorter name",
                            "%s '%.40s' has %zu bytes, limit %d", what, name, len,
                            EM_NVS_KEY_LEN_MAX);
    return EM_OK;
}

enum em_status em_nvs_image_namespace(struct em_nvs_image *image, const char *name,
                                      struct em_error *err)
{
    enum em_status status = check_name("namespace", name, err);
    if (status != EM_OK)
        return status;
    if (name[0] == '\0')
        return em_error_set(err, EM_ERR_INPUT, "give it a name of 1 to 15 bytes",
                            "a namespace without a name");
    for (unsigned i = 0; i < image->n_ns; i++) {
        if (strcmp(image->ns_names[i], name) == 0) {
            image->ns = i + 1;
            return EM_OK;
        }
    }
    if (image->n_ns == EM_NVS_NAMESPACES_MAX)
        return em_error_set(err, EM_ERR_INPUT, "put keys into fewer namespaces",
                            "namespace '%s' is number 255, the device can use %d", name,
                            EM_NVS_NAMESPACES_MAX);
    memcpy(image->ns_names[image->n_ns], name, strlen(name) + 1);
    image->ns = ++image->n_ns;
    struct item item = {
        .key = name,
        .type = EM_NVS_U8,
        .span = 1,
        .chunk = NVS_NO_CHUNK,
        .data = {(uint8_t)image->ns, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};
    add_single(image, &item);
    return EM_OK;
}

/* Everything that can be wrong with a key; fills what all items share. */
static enum em_status begin_item(struct em_nvs_image *image, struct item *item,
                                 const char *key, uint8_t type, struct em_error *err)
{
    bool added;
    *item = (struct item){.key = key, .type = type, .span = 1, .chunk = NVS_NO_CHUNK};
    if (image->ns == 0)
        return em_error_set(err, EM_ERR_INPUT, "name a namespace first",
                            "key '%.40s' is in no namespace", key);
    item->ns = (uint8_t)image->ns;
    enum em_status status = check_name("key", key, err);
    if (status == EM_OK)
        status = nvs_names_add(&image->names, item->ns, key, &added, err);
    if (status == EM_OK && !added)
        return em_error_set(
            err, EM_ERR_INPUT, "rename or drop one: the device would lose it",
            "key '%s' is in namespace '%s' already", key, image->ns_names[image->ns - 1]);
    return status;
}

enum em_status em_nvs_image_add_int(struct em_nvs_image *image, const char *key,
                                    enum em_nvs_int type, uint64_t value, int negative,
                                    struct em_error *err)
{
    unsigned width = type & 0x0Fu;
    bool has_sign = (type & 0x10u) != 0;
    uint64_t all_ones = width == 8 ? UINT64_MAX : (UINT64_C(1) << width * 8) - 1;
    uint64_t high = has_sign ? all_ones >> 1 : all_ones;
    uint64_t low = has_sign ? high + 1 : 0; /* magnitude of the smallest value */
    struct item item;
    enum em_status status = begin_item(image, &item, key, (uint8_t)type, err);
    if (status != EM_OK)
        return status;
    if (value > (negative ? low : high))
        return em_error_set(err, EM_ERR_INPUT, "choose a wider type or another value",
                            "does not fit %c%u (%s%" PRIu64 "..%" PRIu64 ")",
                            has_sign ? 'i' : 'u', width * 8, has_sign ? "-" : "", low,
                            high);
    uint64_t bits = negative ? 0 - value : value;
    memset(item.data, 0xFF, sizeof item.data);
    for (unsigned i = 0; i < width; i++)
        item.data[i] = (uint8_t)(bits >> i * 8);
    add_single(image, &item);
    return EM_OK;
}

enum em_status em_nvs_image_add_string(struct em_nvs_image *image, const char *key,
                                       const char *text, size_t len, struct em_error *err)
{
    struct item item;
    bool v1 = image->version == EM_NVS_V1;
    size_t max = v1 ? EM_NVS_V1_ITEM_MAX : EM_NVS_STRING_MAX;
    enum em_status status = begin_item(image, &item, key, NVS_TYPE_STRING, err);
    if (status != EM_OK)
        return status;
    if (len >= max)
        return em_error_set(err, EM_ERR_INPUT,
                            v1 ? "use --version 2, or store it as binary"
                               : "store it as binary, which may be longer",
                            "string of %zu bytes, limit %zu%s", len, max - 1,
                            v1 ? " in version 1" : "");
    if (len > 0 && memchr(text, 0, len) != NULL)
        return em_error_set(err, EM_ERR_INPUT, "store it as binary",
                            "a NUL inside a string: the device would see a shorter one");
    add_on_one_page(image, &item, &(struct payload){(const uint8_t *)text, len, true});
    return EM_OK;
}

enum em_status em_nvs_image_add_blob(struct em_nvs_image *image, const char *key,
                                     const void *data, size_t len, struct em_error *err)
{
    struct item item;
    enum em_status status = begin_item(image, &item, key, NVS_TYPE_BLOB_V1, err);
    if (status != EM_OK)
        return status;
    if (image->version == EM_NVS_V1 && len > EM_NVS_V1_ITEM_MAX)
        return em_error_set(err, EM_ERR_INPUT, "use --version 2",
                            "binary of %zu bytes, limit %d in version 1", len,
                            EM_NVS_V1_ITEM_MAX);
    if (len > EM_NVS_BLOB_MAX)
        return em_error_set(err, EM_ERR_INPUT, "split it over several keys",
                            "binary of %zu bytes, the device accepts %d", len,
                            EM_NVS_BLOB_MAX);
    if (image->version == EM_NVS_V1)
        add_on_one_page(image, &item, &(struct payload){data, len, false});
    else
        add_in_chunks(image, &item, data, len);
    return EM_OK;
}

size_t em_nvs_image_need(const struct em_nvs_image *image)
{
    size_t size = (image->page + 2) * EM_NVS_PAGE_SIZE; /* one is kept in reserve */
    return size < EM_NVS_RW_SIZE_MIN ? EM_NVS_RW_SIZE_MIN : size;
}

enum em_status em_nvs_image_finish(struct em_nvs_image *image, size_t *out_len,
                                   struct em_error *err)
{
    size_t pages = image->page + 1;
    bool read_only = image->size < EM_NVS_RW_SIZE_MIN;
    *out_len = 0;
    if (pages > data_pages(image->size)) {
        char hint[96];
        size_t enough = em_nvs_image_need(image);
        if (enough <= EM_NVS_SIZE_MAX)
            (void)snprintf(hint, sizeof hint,
                           "use a size of 0x%zx or more, or drop some values", enough);
        else
            (void)snprintf(hint, sizeof hint, "drop some values: no size would do");
        return em_error_set(
            err, EM_ERR_FULL, hint,
            "the content takes %zu pages, a partition of 0x%zx bytes has %zu "
            "for data",
            pages, image->size, data_pages(image->size));
    }
    *out_len = read_only ? pages * EM_NVS_PAGE_SIZE : image->size;
    if (image->buf == NULL)
        return EM_OK;
    close_page(image, NVS_STATE_ACTIVE);
    if (image->dirty > pages)
        memset(image->buf + pages * EM_NVS_PAGE_SIZE, 0xFF,
               (image->dirty - pages) * EM_NVS_PAGE_SIZE);
    image->dirty = pages;
    return EM_OK;
}

uint32_t em_nvs_item_hash(uint8_t ns, const char *key, uint8_t chunk)
{
    char field[NVS_KEY_FIELD] = {0};
    size_t len = strlen(key);
    memcpy(field, key, len < sizeof field ? len : sizeof field);
    return nvs_item_hash(ns, field, chunk);
}
