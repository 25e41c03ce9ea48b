/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what the checker says about keys and namespaces: one damaged image for each
 * kind. */
#include "config.h"

#include "tests/test_nvs_check_util.h"

/* Behind what LARGE has. */
static struct place large_tail(uint8_t *image)
{
    return (struct place){image, 1, 37};
}

/* ---- Keys ---- */

static void key_16(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 1, T_U8, "0123456789abcdef", 1);
    put_int(&at, 1, T_U8, "0123456789abcde", 1);
    put_int(&at, 0, T_U8, "0123456789ABCDEF", 2);
}

static void key_with_rest(uint8_t *image)
{
    change(image, 1, 8 + 15 - 1, 'x');
    struct place at = tail(image);
    put_int(&at, 0, T_U8, "c", 2)[8 + 2] = 'x';
    seal(entry_at(image, 0, 9));
}

static void key_chunk(uint8_t *image)
{
    change(image, 1, 3, 0);
    change(image, 2, 3, 0x80);
    struct place at = tail(image);
    put_int(&at, 0, T_U8, "c", 2)[3] = 1;
    seal(entry_at(image, 0, 9));
}

static void v1_blob_chunk(uint8_t *image)
{
    change(image, 4, 3, 0);
}

/* ---- Hashes: namespace 1, key33 and key109932 both have f2985b ---- */

static void collision(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 1, T_U8, "key33", 1);
    put_int(&at, 1, T_U8, "key109932", 2);
}

static void collision_full(uint8_t *image)
{
    collision(image);
    set_state(image, 0, FULL);
}

static void collision_apart(uint8_t *image)
{
    struct place at = large_tail(image);
    put_int(&(struct place){image, 0, 1}, 1, T_U8, "key33", 1);
    put_int(&at, 1, T_U8, "key109932", 2);
}

static void no_collision(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 0, T_U8, "c", 2);
    put_int(&at, 2, T_U8, "key33", 1);
    put_int(&at, 1, T_U8, "key109932", 2);
}

/* ---- Keys twice ---- */

static void twice(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 1, T_U8, "u", 8);
}

static void twice_full(uint8_t *image)
{
    twice(image);
    set_state(image, 0, FULL);
}

static void twice_types(uint8_t *image)
{
    struct place at = tail(image);
    put_string(&at, 1, "u", "x");
}

static void twice_types_full(uint8_t *image)
{
    twice_types(image);
    set_state(image, 0, FULL);
}

static void three_times(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 1, T_U8, "u", 8);
    put_int(&at, 1, T_U8, "u", 9);
}

static void same_key_elsewhere(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 0, T_U8, "u", 2);
    put_int(&at, 2, T_U8, "u", 8);
}

/* The very last item replaces an older one of its type. */
static void repeated_last(uint8_t *image)
{
    struct place at = large_tail(image);
    put_int(&at, 1, T_U8, "u", 8);
}

static void repeated(uint8_t *image)
{
    struct place at = large_tail(image);
    put_int(&at, 1, T_U8, "u", 8);
    put_int(&at, 1, T_U8, "w", 1);
}

static void repeated_type(uint8_t *image)
{
    struct place at = large_tail(image);
    put_int(&at, 1, EM_NVS_U16, "u", 8);
}

static void repeated_chunk(uint8_t *image)
{
    struct place at = next_page(image);
    put_data(&at, 1, T_DATA, 0, "b", NULL, 0, 40);
}

static void repeated_namespace(uint8_t *image)
{
    struct place at = next_page(image);
    put_int(&at, 0, T_U8, "a", 1);
}

static void index_over_v1(uint8_t *image)
{
    struct place at = next_page(image);
    put_data(&at, 1, T_DATA, 0, "b", NULL, 0, 50);
    put_index(&at, 1, "b", 50, 1, 0);
}

static void index_and_v1(uint8_t *image)
{
    index_over_v1(image);
    put_int(&(struct place){image, 1, 4}, 1, T_U8, "w", 1);
}

static void bad_index_and_v1(uint8_t *image)
{
    index_and_v1(image);
    entry_at(image, 1, 3)[28] = 2;
    seal(entry_at(image, 1, 3));
}

static void index_and_v1_active(uint8_t *image)
{
    struct place at = {image, 0, 8};
    put_data(&at, 1, T_DATA, 0, "b", NULL, 0, 50);
    put_index(&at, 1, "b", 50, 1, 0);
}

/* A text and both families of a blob under one key. */
static void both_families(uint8_t *image)
{
    struct place at = next_page(image);
    put_string(&at, 1, "k", "x")[ENTRY] = 'y';
    put_data(&at, 1, T_DATA, 0, "k", NULL, 0, 30);
    put_index(&at, 1, "k", 30, 1, 0);
    put_data(&at, 1, T_DATA, 0x80, "k", NULL, 0, 20);
    put_index(&at, 1, "k", 20, 1, 0x80);
    set_state(image, 1, FULL);
    put_page(image, 2, ACTIVE, 2);
}

/* ---- Namespaces ---- */

static void namespace_type(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 0, EM_NVS_U16, "t", 2);
    put_string(&at, 0, "n", "2");
}

static void namespace_index(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 0, T_U8, "zero", 0);
    put_int(&at, 0, T_U8, "any", 255);
    put_int(&at, 0, T_U8, "last", 254);
    put_int(&at, 255, T_U8, "x", 1);
    put_int(&at, 254, T_U8, "x", 2);
}

static void namespace_shared(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 0, T_U8, "c", 1);
}

static void namespace_twice(uint8_t *image)
{
    struct place at = large_tail(image);
    put_int(&at, 0, T_U8, "a", 2);
    put_int(&at, 2, T_U8, "w", 3);
}

static void namespace_twice_active(uint8_t *image)
{
    put_page(image, 0, ACTIVE, 0);
    struct place at = {image, 0, 0};
    put_int(&at, 0, T_U8, "a", 1);
    put_int(&at, 1, T_U8, "x", 1);
    put_int(&at, 0, T_U8, "a", 2);
    put_int(&at, 2, T_U8, "y", 2);
}

static void namespace_unknown(uint8_t *image)
{
    struct place at = tail(image);
    put_int(&at, 5, T_U8, "x", 1);
    put_data(&at, 6, T_DATA, 0, "b", NULL, 0, 40);
    put_index(&at, 6, "b", 40, 1, 0);
}

#define NO_B "{a=1} a.u=7 a.s='hi' a.i=-5"

static const struct check checks[] = {
    /* clang-format off */
    {"key of 16 bytes", SMALL, key_16, "E key-length 0:11+1, E key-length 0:9+1", SMALL_TEXT " a.0123456789abcde=1", 0},
    {"key with bytes behind it", SMALL, key_with_rest, "E key-padding 0:9+1, E key-padding 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5", 0},
    {"chunk index", SMALL, key_chunk, "E key-chunk 0:9+1, E key-chunk 0:1+1, E key-chunk 0:2+2", "{a=1} a.b=[40] a.i=-5", 0},
    {"chunk index of a blob of version 1", SMALL_V1, v1_blob_chunk, "E key-chunk 0:4+3", NO_B, 0},
    {"hash collision", SMALL, collision, "E hash-collision 0:9+1", SMALL_TEXT " a.key109932=2", 0},
    {"hash collision, read-only", SMALL_RO, collision, "E hash-collision 0:9+1, E repair-read-only", SMALL_TEXT " a.key109932=2", 0},
    {"hash collision on a full page", SMALL_RO, collision_full, "E active-none, W hash-equal 0:9+1", SMALL_TEXT " a.key33=1 a.key109932=2", 0},
    {"hash collision on two pages", LARGE, collision_apart, "", "{a=1} a.key33=1 a.b=[5000] a.z=9 a.key109932=2", 0},
    {"no collision in two namespaces", SMALL, no_collision, "", "{a=1 c=2} a.u=7 a.s='hi' a.b=[40] a.i=-5 c.key33=1 a.key109932=2", 0},

    {"twice", SMALL, twice, "E key-twice 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5 a.u=8", 0},
    {"twice, read-only", SMALL_RO, twice, "E key-twice 0:1+1, E repair-read-only", "{a=1} a.s='hi' a.b=[40] a.i=-5 a.u=8", 0},
    {"twice on a full page", SMALL, twice_full, "E active-none, E key-twice 0:9+1", NULL, 0},
    {"twice on a full page, read-only", SMALL_RO, twice_full, "E active-none, E key-twice 0:9+1", NULL, 0},
    {"twice with other types", SMALL, twice_types, "E key-twice 0:1+1", "{a=1} a.s='hi' a.b=[40] a.i=-5 a.u='x'", 0},
    {"twice with other types, full", SMALL, twice_types_full, "E active-none, E key-twice 0:9+2", SMALL_TEXT " a.u='x'", 0},
    {"three times", SMALL, three_times, "E key-twice 0:1+1, E key-twice 0:9+1", "{a=1} a.s='hi' a.b=[40] a.i=-5 a.u=9", 0},
    {"the same key in two namespaces", SMALL, same_key_elsewhere, "", "{a=1 u=2} a.u=7 a.s='hi' a.b=[40] a.i=-5 u.u=8", 0},
    {"repeated by the last item", LARGE, repeated_last, "E key-twice 0:1+1", "{a=1} a.b=[5000] a.z=9 a.u=8", 0},
    {"repeated by the last item, read-only", LARGE, repeated_last, "E key-twice 0:1+1, E repair-read-only", "{a=1} a.b=[5000] a.z=9 a.u=8", 2 * PAGE},
    {"repeated by another item", LARGE, repeated, "E key-twice 1:37+1", LARGE_TEXT " a.w=1", 0},
    {"repeated with another type", LARGE, repeated_type, "E key-twice 1:37+1", LARGE_TEXT " a.u=8", 0},
    {"a chunk repeated by the last item", SMALL, repeated_chunk, "E key-twice 0:4+3", NO_B " a.b=[40]", 0},
    {"a namespace repeated by the last item", SMALL, repeated_namespace, "E key-twice 0:0+1", NULL, 0},
    {"an index over version 1", SMALL_V1, index_over_v1, "E key-twice 0:4+3", NO_B " a.b=[50]", 0},
    {"an index and version 1", SMALL_V1, index_and_v1, "E key-twice 1:3+1", NO_B " a.b=[50] a.w=1", 0},
    {"a bad index and version 1", SMALL_V1, bad_index_and_v1, "E key-twice 1:3+1, E blob-chunks 1:3+1", SMALL_TEXT " a.w=1", 0},
    {"an index and version 1 on the active page", SMALL_V1, index_and_v1_active, "E key-twice 0:4+3", NO_B " a.b=[50]", 0},
    {"both families", SMALL, both_families, "E key-twice 1:4+1, E key-twice 1:7+1, E data-crc 1:0+2", SMALL_TEXT " a.k=[30]", 0},

    {"type of a namespace", SMALL, namespace_type, "E namespace-type 0:9+1, E namespace-type 0:10+2", NULL, 0},
    {"index of a namespace", SMALL, namespace_index, "E namespace-index 0:9+1, E namespace-index 0:10+1, E namespace-unknown 0:12+1", "{a=1 last=254} a.u=7 a.s='hi' a.b=[40] a.i=-5 last.x=2", 0},
    {"index shared", SMALL, namespace_shared, "E namespace-shared 0:9+1", "{a=1 c=1} a.u=7 a.s='hi' a.b=[40] a.i=-5", 0},
    {"namespace twice", LARGE, namespace_twice, "E namespace-twice 1:37+1, E namespace-unknown 1:38+1", NULL, 0},
    {"namespace twice, active", SMALL, namespace_twice_active, "E key-twice 0:0+1, E namespace-unknown 0:1+1", "{a=2} a.y=2", 0},
    {"namespace unknown", SMALL, namespace_unknown, "E namespace-unknown 0:9+1, E namespace-unknown 0:10+3", NULL, 0},
    /* clang-format on */
};

static void test_checks(void)
{
    run_checks(checks, COUNT(checks));
}

static void test_coverage(void)
{
    check_coverage(checks, COUNT(checks), KINDS_OF_VALUES, KINDS_OF_DATA);
}

static const struct em_test tests[] = {
    {"findings about keys", test_checks},
    {"every kind has its case", test_coverage},
};

EM_TEST_MAIN("nvs/mount: keys", tests)
