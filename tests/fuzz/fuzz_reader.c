/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader and checker of images: whatever is in them, findings name places that
 * exist, and all ways to a value come to the same bytes. */
#include "config.h"

#include <espmfg/nvs.h>
#include <espmfg/nvs_reader.h>

#include "base/text_int.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first byte of the input. */
enum {
    OPT_KEY = 0x01,  /* decrypt with a fixed key first */
    OPT_SEAL = 0x02, /* make the CRCs of pages and entries right, to get behind them */
    OPT_CUT = 0x04,  /* leave the length as it is */
    OPT_FREE = 0x18, /* this many free pages behind, times 8 */
};

/* As assert(), but there in every build. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_reader: %s\n", what);
    abort();
}

/* ---- Findings ---- */

struct found {
    size_t len; /* of the image */
    size_t errors, warnings;
};

static void on_finding(void *user, const struct em_nvs_finding *finding)
{
    struct found *found = user;
    struct em_span what = em_span_of(finding->what);
    size_t off = finding->page < 0 ? 0 : (size_t)finding->page * EM_NVS_PAGE_SIZE;
    if (finding->entry >= 0)
        off += 64 + (size_t)finding->entry * EM_NVS_ENTRY_SIZE;
    require(what.len > 0 && em_utf8_valid(what), "a text that is not UTF-8");
    require(memchr(what.p, '\n', what.len) == NULL, "a text of several lines");
    require(strlen(finding->id) > 0 && strlen(finding->consequence) > 0, "no texts");
    require(finding->page >= -1 && finding->entry >= -1, "a negative place");
    require(finding->page >= 0 || finding->entry < 0, "an entry of no page");
    require(off < found->len && finding->off == off, "a place that is not there");
    require((finding->entry >= 0) == (finding->entries > 0), "number of entries");
    require(finding->entry < 0 ||
                (unsigned)finding->entry + finding->entries <= EM_NVS_PAGE_ENTRIES,
            "entries behind the page");
    if (finding->severity == EM_NVS_ERROR)
        found->errors++;
    else
        found->warnings++;
}

/* ---- Values ---- */

static void check_bytes(const struct em_nvs_reader *reader,
                        const struct em_nvs_value *value)
{
    uint8_t *data = malloc(value->len > 0 ? value->len : 1);
    require(data != NULL, "memory");
    em_nvs_reader_copy(reader, value, data);
    require(em_nvs_reader_equal(reader, value, data, value->len), "copy and equal");
    require(!em_nvs_reader_equal(reader, value, data, value->len + 1), "longer");
    if (value->len > 0) {
        data[value->len / 2] ^= 0x10;
        require(!em_nvs_reader_equal(reader, value, data, value->len), "other bytes");
        data[value->len / 2] ^= 0x10;
    }
    if (value->type != EM_NVS_STRING && value->type != EM_NVS_BLOB) {
        uint64_t bits = 0;
        require(value->len == (value->type & 0x0F), "width of a number");
        for (size_t i = value->len; i-- > 0;)
            bits = bits << 8 | data[i];
        require(((bits ^ value->bits) << (64 - 8 * value->len)) == 0, "bits");
    }
    free(data);
}

static void check_values(const struct em_nvs_reader *reader, size_t len)
{
    struct em_nvs_counts counts = em_nvs_reader_counts(reader);
    struct em_nvs_value value;
    struct em_nvs_value other;
    size_t n = 0;
    for (size_t cursor = 0; em_nvs_reader_next(reader, &cursor, &value); n++) {
        require(value.page < len / EM_NVS_PAGE_SIZE, "page of a value");
        require(value.entry < EM_NVS_PAGE_ENTRIES && value.entries > 0, "entry");
        require(value.len <= len && strlen(value.key) <= EM_NVS_KEY_LEN_MAX, "length");
        require(value.ns_index > 0 && value.ns_index <= EM_NVS_NAMESPACES_MAX, "index");
        check_bytes(reader, &value);
        /* Of several types under one key it is another one. */
        require(em_nvs_reader_find(reader, value.ns, value.key, &other),
                "a value that cannot be found");
        require(strcmp(value.ns, other.ns) == 0 && strcmp(value.key, other.key) == 0,
                "another value was found");
        require(value.item == other.item || counts.errors > 0, "two values, no error");
        check_bytes(reader, &other);
    }
    require(n == counts.values, "number of values");
    require(!em_nvs_reader_find(reader, "", "", &other) || counts.values > 0, "find");
}

static void check_namespaces(const struct em_nvs_reader *reader)
{
    const char *name;
    uint8_t index;
    size_t n = 0;
    for (size_t cursor = 0; em_nvs_reader_next_namespace(reader, &cursor, &name, &index);
         n++) {
        struct em_nvs_value value;
        require(strlen(name) <= EM_NVS_KEY_LEN_MAX && index > 0, "a namespace");
        (void)em_nvs_reader_find(reader, name, "key", &value); /* may be there */
    }
    require(n == em_nvs_reader_counts(reader).namespaces, "number of namespaces");
}

/* ---- Images ---- */

/* CRC-32, reflected, register started at 0, result complemented. */
static uint32_t crc(const uint8_t *p, size_t len, uint32_t before)
{
    uint32_t reg = ~before;
    for (size_t i = 0; i < len; i++) {
        reg ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            reg = reg >> 1 ^ ((reg & 1) != 0 ? 0xEDB88320u : 0);
    }
    return ~reg;
}

static void put_le32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

/* A fuzzer guesses no CRCs: make those right of all that could be a header. */
static void seal(uint8_t *image, size_t len)
{
    for (uint8_t *page = image; page < image + len; page += EM_NVS_PAGE_SIZE) {
        put_le32(page + 28, crc(page + 4, 24, UINT32_MAX));
        for (unsigned i = 0; i < EM_NVS_PAGE_ENTRIES;) {
            uint8_t *entry = page + 64 + (size_t)i * EM_NVS_ENTRY_SIZE;
            bool written = (page[32 + i / 4] >> i % 4 * 2 & 3) == 2;
            bool variable = entry[1] == 0x21 || entry[1] == 0x41 || entry[1] == 0x42;
            unsigned span = variable && entry[2] > 0 ? entry[2] : 1;
            size_t size = (size_t)entry[24] | (size_t)entry[25] << 8;
            /* Half of the data stays wrong, as its own CRC says so. */
            if (written && variable && (entry[28] & 1) != 0 &&
                size <= (EM_NVS_PAGE_ENTRIES - 1 - i) * (size_t)EM_NVS_ENTRY_SIZE)
                put_le32(entry + 28, crc(entry + EM_NVS_ENTRY_SIZE, size, UINT32_MAX));
            if (written)
                put_le32(entry + 4, crc(entry + 8, 24, crc(entry, 4, UINT32_MAX)));
            i += span;
        }
    }
}

static void try_image(struct em_nvs_reader *reader, const uint8_t *image, size_t len)
{
    struct found found = {.len = len};
    struct em_error err;
    enum em_status status =
        em_nvs_reader_load(reader, image, len, on_finding, &found, &err);
    require(status == (len > 0 && len % EM_NVS_PAGE_SIZE == 0 ? EM_OK : EM_ERR_INPUT),
            "status");
    struct em_nvs_counts counts = em_nvs_reader_counts(reader);
    require(counts.errors == found.errors && counts.warnings == found.warnings,
            "number of findings");
    require(counts.read_only == (len < EM_NVS_RW_SIZE_MIN), "read-only");
    require(!counts.unreadable || counts.values + counts.namespaces == 0, "unreadable");
    check_values(reader, len);
    check_namespaces(reader);
    /* Silent, the same comes out. */
    require(em_nvs_reader_load(reader, image, len, NULL, NULL, &err) == status, "status");
    struct em_nvs_counts again = em_nvs_reader_counts(reader);
    require(again.errors == counts.errors && again.values == counts.values &&
                again.namespaces == counts.namespaces,
            "another result without listener");
}

static void decrypt(uint8_t *image, size_t len)
{
    struct em_key key = {.len = EM_NVS_XTS_KEY_LEN};
    struct em_nvs_crypt *crypt;
    struct em_error err;
    for (size_t i = 0; i < key.len; i++)
        key.bytes[i] = (uint8_t)(i * 7 + 1);
    require(em_nvs_crypt_new(&crypt, &err) == EM_OK &&
                em_nvs_crypt_key(crypt, &key, &err) == EM_OK &&
                em_nvs_decrypt(crypt, image, len, &err) == EM_OK,
            "decrypt");
    em_nvs_crypt_free(crypt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t options = data[0];
    size_t len = size - 1;
    size_t whole = len;
    if ((options & OPT_CUT) == 0) { /* an incomplete page ends in 0xFF */
        whole = (len + EM_NVS_PAGE_SIZE - 1) / EM_NVS_PAGE_SIZE * EM_NVS_PAGE_SIZE;
        whole += (size_t)(options & OPT_FREE) / 8 * EM_NVS_PAGE_SIZE;
    }
    uint8_t *image = malloc(whole > 0 ? whole : 1);
    struct em_nvs_reader *reader = NULL;
    require(image != NULL && em_nvs_reader_new(&reader, NULL) == EM_OK, "memory");
    memset(image, 0xFF, whole);
    memcpy(image, data + 1, len);
    if (whole % EM_NVS_PAGE_SIZE == 0) {
        if ((options & OPT_KEY) != 0)
            decrypt(image, whole);
        if ((options & OPT_SEAL) != 0)
            seal(image, whole);
    }
    try_image(reader, image, whole);
    em_nvs_reader_free(reader);
    free(image);
    return 0;
}
