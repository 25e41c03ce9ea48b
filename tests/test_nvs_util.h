/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the NVS reader need: images built, damaged and sealed again by hand,
 * findings collected, and what can be read written as one line of text. */
#ifndef TESTS_TEST_NVS_UTIL_H
#define TESTS_TEST_NVS_UTIL_H

#include <espmfg/nvs.h>
#include <espmfg/nvs_reader.h>

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <inttypes.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { PAGE = 4096, ENTRY = 32, FOUND_MAX = 200, TEXT_MAX = 16384 };

/* States of pages and entries, from the format document, chapter 3. */
#define ACTIVE  UINT32_C(0xFFFFFFFE)
#define FULL    UINT32_C(0xFFFFFFFC)
#define FREEING UINT32_C(0xFFFFFFF8)
enum { BITS_ERASED, BITS_ILLEGAL, BITS_WRITTEN, BITS_EMPTY };
enum { T_U8 = 0x01, T_STR = 0x21, T_BLOB_V1 = 0x41, T_DATA = 0x42, T_INDEX = 0x48 };

/* CRC-32 bit by bit, register started at 0, result complemented; goes on from @p crc,
 * which is 0xFFFFFFFF at the start. */
static inline uint32_t crc_of(uint32_t crc, const uint8_t *data, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

static inline void put_le(uint8_t *out, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t get_le(const uint8_t *in, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value |= (uint64_t)in[i] << 8 * i;
    return value;
}

/* What all blobs of these tests are made of: byte i of any blob. */
static inline uint8_t content_byte(size_t i)
{
    return (uint8_t)(i * 131 % 255 + 1);
}

/* ---- Images by hand ---- */

static inline uint8_t *entry_at(uint8_t *image, size_t page, unsigned idx)
{
    return image + page * PAGE + 64 + idx * (size_t)ENTRY;
}

static inline void set_bits(uint8_t *image, size_t page, unsigned idx, unsigned bits)
{
    uint8_t *byte = image + page * PAGE + 32 + idx / 4;
    unsigned shift = idx % 4 * 2;
    *byte = (uint8_t)((*byte & ~(3u << shift)) | bits << shift);
}

/* Make the CRC of a page header right. */
static inline void seal_page(uint8_t *image, size_t page)
{
    uint8_t *p = image + page * PAGE;
    put_le(p + 28, crc_of(UINT32_MAX, p + 4, 24), 4);
}

static inline void set_state(uint8_t *image, size_t page, uint32_t state)
{
    put_le(image + page * PAGE, state, 4);
}

static inline void set_sequence(uint8_t *image, size_t page, uint32_t sequence)
{
    put_le(image + page * PAGE + 4, sequence, 4);
    seal_page(image, page);
}

/* Begin an empty page of version 2. */
static inline void put_page(uint8_t *image, size_t page, uint32_t state,
                            uint32_t sequence)
{
    memset(image + page * PAGE, 0xFF, PAGE);
    set_state(image, page, state);
    image[page * PAGE + 8] = 0xFE;
    set_sequence(image, page, sequence);
}

/* Make the CRC of a header entry right. */
static inline void seal(uint8_t *entry)
{
    put_le(entry + 4, crc_of(crc_of(UINT32_MAX, entry, 4), entry + 8, 24), 4);
}

/* Make the CRC of the data behind it right, and its own. */
static inline void seal_data(uint8_t *entry)
{
    put_le(entry + 28, crc_of(UINT32_MAX, entry + ENTRY, get_le(entry + 24, 2)), 4);
    seal(entry);
}

struct place {
    uint8_t *image;
    size_t page;
    unsigned idx;
};

/* Each of these puts one item at a place and moves it on. Keys may have 16 bytes. */
static inline uint8_t *put_head(struct place *at, unsigned ns, unsigned type,
                                unsigned span, unsigned chunk, const char *key)
{
    uint8_t *entry = entry_at(at->image, at->page, at->idx);
    require(at->idx + span <= 126);
    memset(entry, 0xFF, span * (size_t)ENTRY);
    entry[0] = (uint8_t)ns;
    entry[1] = (uint8_t)type;
    entry[2] = (uint8_t)span;
    entry[3] = (uint8_t)chunk;
    memset(entry + 8, 0, 16);
    memcpy(entry + 8, key, strlen(key) < 16 ? strlen(key) : 16);
    for (unsigned i = 0; i < span; i++)
        set_bits(at->image, at->page, at->idx + i, BITS_WRITTEN);
    at->idx += span;
    return entry;
}

static inline uint8_t *put_int(struct place *at, unsigned ns, unsigned type,
                               const char *key, uint64_t value)
{
    uint8_t *entry = put_head(at, ns, type, 1, 0xFF, key);
    put_le(entry + 24, value, type & 0x0F);
    seal(entry);
    return entry;
}

/* Strings and blobs; NULL: @p len bytes of a blob from byte @p from on. */
static inline uint8_t *put_data(struct place *at, unsigned ns, unsigned type,
                                unsigned chunk, const char *key, const void *data,
                                size_t from, size_t len)
{
    uint8_t *entry = put_head(at, ns, type, 1 + (unsigned)((len + 31) / 32), chunk, key);
    put_le(entry + 24, len, 2);
    for (size_t i = 0; i < len; i++)
        entry[ENTRY + i] =
            data == NULL ? content_byte(from + i) : ((const uint8_t *)data)[i];
    seal_data(entry);
    return entry;
}

static inline uint8_t *put_string(struct place *at, unsigned ns, const char *key,
                                  const char *text)
{
    return put_data(at, ns, T_STR, 0xFF, key, text, 0, strlen(text) + 1);
}

static inline uint8_t *put_index(struct place *at, unsigned ns, const char *key,
                                 size_t len, unsigned count, unsigned start)
{
    uint8_t *entry = put_head(at, ns, T_INDEX, 1, 0xFF, key);
    put_le(entry + 24, len, 4);
    entry[28] = (uint8_t)count;
    entry[29] = (uint8_t)start;
    seal(entry);
    return entry;
}

/* ---- Images of the library ---- */

static inline struct em_nvs_image *begin_image(uint8_t *buf, size_t size,
                                               enum em_nvs_version version)
{
    struct em_error err = {0};
    struct em_nvs_image *image = NULL;
    memset(buf, 0x5A, size); /* what was there must not shine through */
    require(em_nvs_image_new(&image, buf, size, version, &err) == EM_OK);
    return image;
}

/* Returns the length of the image. */
static inline size_t end_image(struct em_nvs_image *image)
{
    struct em_error err = {0};
    size_t len = 0;
    require(em_nvs_image_finish(image, &len, &err) == EM_OK);
    em_nvs_image_free(image);
    return len;
}

static inline void add_namespace(struct em_nvs_image *image, const char *name)
{
    require(em_nvs_image_namespace(image, name, NULL) == EM_OK);
}

static inline void add_int(struct em_nvs_image *image, const char *key,
                           enum em_nvs_int type, int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    require(em_nvs_image_add_int(image, key, type, magnitude, value < 0, NULL) == EM_OK);
}

static inline void add_string(struct em_nvs_image *image, const char *key,
                              const char *text)
{
    require(em_nvs_image_add_string(image, key, text, strlen(text), NULL) == EM_OK);
}

static inline void add_blob(struct em_nvs_image *image, const char *key, size_t len)
{
    uint8_t *data = need(malloc(len + 1));
    for (size_t i = 0; i < len; i++)
        data[i] = content_byte(i);
    require(em_nvs_image_add_blob(image, key, data, len, NULL) == EM_OK);
    free(data);
}

/* ---- Findings ---- */

struct found {
    size_t n; /* kept: at most FOUND_MAX */
    size_t errors, warnings;
    size_t image_len; /* findings have to be inside */
    struct {
        char id[24];
        char text[64]; /* "E entry-crc 0:3+2": severity, page:entry+entries */
        char what[256];
    } list[FOUND_MAX];
};

static inline void find_it(void *user, const struct em_nvs_finding *finding)
{
    struct found *found = user;
    bool is_error = finding->severity == EM_NVS_ERROR;
    size_t off = finding->page < 0 ? 0 : (size_t)finding->page * PAGE;
    if (finding->entry >= 0)
        off += 64 + (size_t)finding->entry * ENTRY;
    CU_ASSERT_TRUE(is_error || finding->severity == EM_NVS_WARNING);
    CU_ASSERT_TRUE(finding->page >= -1 && finding->entry >= -1);
    CU_ASSERT_TRUE(finding->page >= 0 || finding->entry == -1);
    CU_ASSERT_EQUAL(finding->off, off);
    CU_ASSERT_TRUE(off < found->image_len);
    CU_ASSERT_TRUE((finding->entry >= 0) == (finding->entries > 0));
    CU_ASSERT_TRUE(finding->entry < 0 ||
                   finding->entry + (int)finding->entries <= EM_NVS_PAGE_ENTRIES);
    CU_ASSERT_TRUE(strlen(finding->what) > 0 && strchr(finding->what, '\n') == NULL);
    CU_ASSERT_TRUE(strlen(finding->consequence) > 0);
    *(is_error ? &found->errors : &found->warnings) += 1;
    if (found->n == FOUND_MAX)
        return;
    size_t i = found->n++;
    (void)snprintf(found->list[i].id, sizeof found->list[i].id, "%s", finding->id);
    (void)snprintf(found->list[i].what, sizeof found->list[i].what, "%s", finding->what);
    char *text = found->list[i].text;
    size_t size = sizeof found->list[i].text;
    char kind = is_error ? 'E' : 'W';
    if (finding->page < 0)
        (void)snprintf(text, size, "%c %s", kind, finding->id);
    else if (finding->entry < 0)
        (void)snprintf(text, size, "%c %s %ld", kind, finding->id, finding->page);
    else
        (void)snprintf(text, size, "%c %s %ld:%d+%u", kind, finding->id, finding->page,
                       finding->entry, finding->entries);
}

static inline struct em_nvs_reader *new_reader(void)
{
    struct em_nvs_reader *reader = NULL;
    require(em_nvs_reader_new(&reader, NULL) == EM_OK);
    return reader;
}

/* Load an image that stays; the counters have to fit what was told. */
static inline void load_image(struct em_nvs_reader *reader, const uint8_t *image,
                              size_t len, struct found *found)
{
    struct em_error err = {0};
    found->n = found->errors = found->warnings = 0;
    found->image_len = len;
    EM_CHECK_STATUS(em_nvs_reader_load(reader, image, len, find_it, found, &err), EM_OK,
                    &err);
    struct em_nvs_counts counts = em_nvs_reader_counts(reader);
    CU_ASSERT_EQUAL(counts.errors, found->errors);
    CU_ASSERT_EQUAL(counts.warnings, found->warnings);
    CU_ASSERT_EQUAL(counts.pages, len / PAGE);
}

/* "E entry-crc 0:3+2, W sequence-gap 1" */
static inline void found_text(const struct found *found, char out[TEXT_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < found->n; i++)
        len += (size_t)snprintf(out + len, TEXT_MAX - len, "%s%s", i > 0 ? ", " : "",
                                found->list[i].text);
    require(len < TEXT_MAX);
}

/* ---- What can be read ---- */

static inline bool same_value(const struct em_nvs_value *a, const struct em_nvs_value *b)
{
    return strcmp(a->ns, b->ns) == 0 && strcmp(a->key, b->key) == 0 &&
           a->type == b->type && a->len == b->len && a->bits == b->bits &&
           a->ns_index == b->ns_index && a->page == b->page && a->entry == b->entry &&
           a->entries == b->entries && a->item == b->item;
}

/* The bytes of a value, exactly as many as it has, to be freed; every way to them has to
 * come to the same. */
static inline uint8_t *value_bytes(const struct em_nvs_reader *reader,
                                   const struct em_nvs_value *value)
{
    uint8_t *data = need(malloc(value->len > 0 ? value->len : 1));
    em_nvs_reader_copy(reader, value, data);
    CU_ASSERT_TRUE(em_nvs_reader_equal(reader, value, data, value->len));
    CU_ASSERT_FALSE(em_nvs_reader_equal(reader, value, data, value->len + 1));
    if (value->len > 0) {
        CU_ASSERT_FALSE(em_nvs_reader_equal(reader, value, data, value->len - 1));
        data[value->len - 1] ^= 1;
        CU_ASSERT_FALSE(em_nvs_reader_equal(reader, value, data, value->len));
        data[value->len - 1] ^= 1;
    }
    return data;
}

static inline size_t value_text(char *out, size_t size, const struct em_nvs_value *value,
                                const uint8_t *data)
{
    size_t good = 0;
    if (value->type == EM_NVS_STRING)
        return (size_t)snprintf(out, size, "'%.*s'", (int)value->len, (const char *)data);
    if (value->type == EM_NVS_BLOB) {
        while (good < value->len && data[good] == content_byte(good))
            good++;
        return (size_t)snprintf(out, size, "[%zu%s]", value->len,
                                good == value->len ? "" : " wrong");
    }
    CU_ASSERT_EQUAL(value->len, value->type & 0x0F);
    CU_ASSERT_EQUAL(get_le(data, value->len),
                    value->len == 8
                        ? value->bits
                        : (value->bits & ((UINT64_C(1) << value->len * 8) - 1)));
    if ((value->type & 0x10) != 0)
        return (size_t)snprintf(out, size, "%" PRId64, (int64_t)value->bits);
    return (size_t)snprintf(out, size, "%" PRIu64, value->bits);
}

/* "{a=1} a.u=7 a.s='hi' a.b=[40]": namespaces, then the values in order. */
static inline void contents(const struct em_nvs_reader *reader, char out[TEXT_MAX])
{
    size_t len = 0;
    size_t cursor = 0;
    size_t n[2] = {0, 0};
    const char *name;
    uint8_t index;
    struct em_nvs_value value;
    struct em_nvs_value again;
    len += (size_t)snprintf(out, TEXT_MAX, "{");
    for (; em_nvs_reader_next_namespace(reader, &cursor, &name, &index); n[0]++)
        len += (size_t)snprintf(out + len, TEXT_MAX - len, "%s%s=%u", n[0] > 0 ? " " : "",
                                name, (unsigned)index);
    len += (size_t)snprintf(out + len, TEXT_MAX - len, "}");
    cursor = 0;
    for (; em_nvs_reader_next(reader, &cursor, &value); n[1]++) {
        uint8_t *data = value_bytes(reader, &value);
        CU_ASSERT_TRUE(em_nvs_reader_find(reader, value.ns, value.key, &again));
        len +=
            (size_t)snprintf(out + len, TEXT_MAX - len, " %s.%s=", value.ns, value.key);
        len += value_text(out + len, TEXT_MAX - len, &value, data);
        free(data);
        require(len < TEXT_MAX);
    }
    CU_ASSERT_EQUAL(em_nvs_reader_counts(reader).namespaces, n[0]);
    CU_ASSERT_EQUAL(em_nvs_reader_counts(reader).values, n[1]);
}

/* Texts equal? Shows both if not. */
static inline void check_text(const char *name, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        printf("\n  %s: got    %s\n  %*s  wanted %s\n", name, got, (int)strlen(name), "",
               wanted);
    CU_ASSERT_STRING_EQUAL(got, wanted);
}

enum { SIZE_MAX_HERE = 12 * PAGE };

/* What a test of reading needs. */
struct setup {
    struct em_nvs_reader *reader;
    uint8_t *buf; /* SIZE_MAX_HERE */
    struct found *found;
    char *text;
};

static inline struct setup begin(void)
{
    return (struct setup){new_reader(), need(malloc(SIZE_MAX_HERE)),
                          need(malloc(sizeof(struct found))), need(malloc(TEXT_MAX))};
}

static inline void end(struct setup *s)
{
    em_nvs_reader_free(s->reader);
    free(s->buf);
    free(s->found);
    free(s->text);
}

#endif
