/* SPDX-License-Identifier: Apache-2.0 */
/* Runs tables of damaged images through the checker, and watches that every kind of
 * finding has its case. */
#ifndef TESTS_TEST_NVS_CHECK_UTIL_H
#define TESTS_TEST_NVS_CHECK_UTIL_H

#include "nvs/reader_int.h"
#include "tests/test_nvs_util.h"

/* Each test program has its share of the kinds. */
enum {
    KINDS_OF_PAGES = 0,
    KINDS_OF_ENTRIES = NVS_ENTRY_HEADER,
    KINDS_OF_VALUES = NVS_KEY_OPEN,
    KINDS_OF_DATA = NVS_BLOB_START,
};

/* What an image is made of before it is damaged. */
enum base {
    SMALL, /* 4 pages: entries 0 namespace a=1, 1 u8 u=7, 2-3 string s=hi, 4-6 chunk 0 of
            * blob b (40 bytes), 7 its index, 8 i32 i=-5 */
    SMALL_V1, /* likewise, but 4-6 is the blob, 7 i32 */
    SMALL_RO, /* as SMALL, one page */
    LARGE,    /* 5 pages: page 0: 0 a=1, 1 u8 u=7, 2-125 chunk 0 of blob b (5000 bytes,
               * 3936 here); page 1: 0-34 chunk 1, 35 its index, 36 u8 z=9 */
    BLANK,    /* 4 pages of 0xFF */
};

#define SMALL_TEXT "{a=1} a.u=7 a.s='hi' a.b=[40] a.i=-5"
#define LARGE_TEXT "{a=1} a.u=7 a.b=[5000] a.z=9"

struct check {
    const char *name;
    enum base base;
    void (*damage)(uint8_t *image);
    const char *findings;
    const char *contents; /* NULL: that of the base */
    size_t len;           /* 0: that of the base */
};

enum { CHECK_SIZE = 5 * PAGE };

static inline size_t make_base(uint8_t *buf, enum base base)
{
    static const size_t sizes[] = {[SMALL] = 4 * PAGE,
                                   [SMALL_V1] = 4 * PAGE,
                                   [SMALL_RO] = PAGE,
                                   [LARGE] = 5 * PAGE,
                                   [BLANK] = 4 * PAGE};
    memset(buf, 0xFF, CHECK_SIZE);
    if (base == BLANK)
        return sizes[base];
    struct em_nvs_image *image =
        begin_image(buf, sizes[base], base == SMALL_V1 ? EM_NVS_V1 : EM_NVS_V2);
    add_namespace(image, "a");
    add_int(image, "u", EM_NVS_U8, 7);
    if (base != LARGE) {
        add_string(image, "s", "hi");
        add_blob(image, "b", 40);
        add_int(image, "i", EM_NVS_I32, -5);
    } else {
        add_blob(image, "b", 5000);
        add_int(image, "z", EM_NVS_U8, 9);
    }
    return end_image(image);
}

static inline const char *base_text(enum base base)
{
    return base == LARGE ? LARGE_TEXT : base == BLANK ? "{}" : SMALL_TEXT;
}

static inline void run_checks(const struct check *checks, size_t n)
{
    struct em_nvs_reader *reader = new_reader();
    uint8_t *buf = need(malloc(CHECK_SIZE));
    struct found *found = need(malloc(sizeof *found));
    char *text = need(malloc(TEXT_MAX));
    for (size_t i = 0; i < n; i++) {
        const struct check *check = &checks[i];
        size_t len = make_base(buf, check->base);
        if (check->damage != NULL)
            check->damage(buf);
        len = check->len > 0 ? check->len : len;
        uint8_t *image = need(malloc(len)); /* sanitizers see its end */
        memcpy(image, buf, len);
        load_image(reader, image, len, found);
        found_text(found, text);
        check_text(check->name, text, check->findings);
        contents(reader, text);
        check_text(check->name, text,
                   check->contents != NULL ? check->contents : base_text(check->base));
        /* Without a listener: the same counts. */
        CU_ASSERT_EQUAL(em_nvs_reader_load(reader, image, len, NULL, NULL, NULL), EM_OK);
        CU_ASSERT_EQUAL(em_nvs_reader_counts(reader).errors, found->errors);
        CU_ASSERT_EQUAL(em_nvs_reader_counts(reader).warnings, found->warnings);
        free(image);
    }
    free(text);
    free(found);
    free(buf);
    em_nvs_reader_free(reader);
}

/* Do the cases have a finding of every kind from first to end - 1? */
static inline void check_coverage(const struct check *checks, size_t n, int first,
                                  int end)
{
    for (int kind = first; kind < end; kind++) {
        const char *id = nvs_kind_id((enum nvs_kind)kind);
        size_t len = strlen(id);
        bool there = false;
        CU_ASSERT_TRUE(len > 0 && len < 24);
        for (size_t i = 0; i < n; i++) {
            const char *at = checks[i].findings;
            while ((at = strstr(at, id)) != NULL) {
                there = there || (at[-1] == ' ' && strchr(" ,", at[len]) != NULL);
                at += len;
            }
        }
        if (!there)
            printf("\n  no case for %s\n", id);
        CU_ASSERT_TRUE(there);
        for (int other = 0; other < kind; other++)
            CU_ASSERT_STRING_NOT_EQUAL(nvs_kind_id((enum nvs_kind)other), id);
    }
}

/* Behind what SMALL has. */
static inline struct place tail(uint8_t *image)
{
    return (struct place){image, 0, 9};
}

/* Makes the page of SMALL full and begins the next. */
static inline struct place next_page(uint8_t *image)
{
    set_state(image, 0, FULL);
    put_page(image, 1, ACTIVE, 1);
    return (struct place){image, 1, 0};
}

/* Changes a byte of an entry of its first page, and the CRC with it. */
static inline void change(uint8_t *image, unsigned idx, unsigned off, uint8_t byte)
{
    uint8_t *entry = entry_at(image, 0, idx);
    entry[off] = byte;
    seal(entry);
}

#endif
