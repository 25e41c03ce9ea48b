/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the search for file ids used twice: it finds all of them and no others. */
#include "config.h"

#include "mfg/idset_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

/* The id of row @p i; @p shape picks how ids look. */
static struct em_span id_of(char *text, size_t size, int shape, size_t i)
{
    switch (shape) {
    case 0:
        (void)snprintf(text, size, "%zu", i);
        break;
    case 1:
        (void)snprintf(text, size, "SN-%08zX", i);
        break;
    case 2:
        (void)snprintf(text, size, "%06zu-A-%zu", i % 1000, i / 1000);
        break;
    default:
        (void)snprintf(text, size, "00:11:22:%zx", i * 0x10001);
        break;
    }
    return em_span_of(text);
}

/* Rows 0 … n-1; every twin[k].second has the id of twin[k].first. */
struct twin {
    size_t first, second;
};

static size_t original(const struct twin *twins, size_t n_twins, size_t i)
{
    for (size_t k = 0; k < n_twins; k++) {
        if (twins[k].second == i)
            return twins[k].first;
    }
    return i;
}

/* Both looks over all rows; returns how many were reported, each checked to be a twin. */
static size_t search(int shape, size_t n, const struct twin *twins, size_t n_twins)
{
    struct em_idset *set = NULL;
    struct em_error err;
    char text[64];
    size_t found = 0;
    EM_CHECK_STATUS(em_idset_new(&set, &err), EM_OK, &err);
    for (size_t i = 0; i < n; i++) {
        struct em_span id = id_of(text, sizeof text, shape, original(twins, n_twins, i));
        if (em_idset_mark(set, id, &err) != EM_OK)
            CU_FAIL_FATAL("a mark failed");
    }
    CU_ASSERT(n_twins == 0 || em_idset_suspects(set));
    for (size_t i = 0; i < n && em_idset_suspects(set); i++) {
        unsigned long earlier = 99;
        size_t from = original(twins, n_twins, i);
        struct em_span id = id_of(text, sizeof text, shape, from);
        if (em_idset_look(set, id, (unsigned long)i + 2, &earlier, &err) != EM_OK)
            CU_FAIL_FATAL("a look failed");
        if (earlier != 0) {
            CU_ASSERT_NOT_EQUAL(from, i);
            CU_ASSERT_EQUAL(earlier, from + 2);
            found++;
        }
    }
    em_idset_free(set);
    return found;
}

static void test_no_twins(void)
{
    for (int shape = 0; shape < 4; shape++)
        CU_ASSERT_EQUAL(search(shape, 200000, NULL, 0), 0);
}

static void test_planted_twins(void)
{
    static const struct twin twins[] = {
        {0, 1},          {0, 199999},     {7, 199998}, {100000, 100001}, {65535, 65536},
        {65535, 131072}, {50000, 150000}, {2, 0x2000}, {199990, 199991},
    };
    size_t n = sizeof twins / sizeof twins[0];
    for (int shape = 0; shape < 4; shape++)
        CU_ASSERT_EQUAL(search(shape, 200000, twins, n), n);
}

/* All rows the same, and each id twice: every later one is reported. */
static void test_many_twins(void)
{
    struct em_idset *set = NULL;
    struct em_error err;
    char text[64];
    size_t found = 0;
    EM_CHECK_STATUS(em_idset_new(&set, &err), EM_OK, &err);
    CU_ASSERT_FALSE(em_idset_suspects(set));
    for (size_t i = 0; i < 40000; i++)
        EM_CHECK_STATUS(em_idset_mark(set, id_of(text, sizeof text, 1, i % 20000), &err),
                        EM_OK, &err);
    for (size_t i = 0; i < 40000; i++) {
        unsigned long earlier;
        EM_CHECK_STATUS(em_idset_look(set, id_of(text, sizeof text, 1, i % 20000),
                                      (unsigned long)i + 2, &earlier, &err),
                        EM_OK, &err);
        if (earlier != 0) {
            CU_ASSERT_EQUAL(earlier, i - 20000 + 2);
            found++;
        }
    }
    CU_ASSERT_EQUAL(found, 20000);
    em_idset_free(set);
}

/* Far more suspects than it remembers: told, not forgotten. */
static void test_too_many(void)
{
    struct em_idset *set = NULL;
    struct em_error err;
    enum em_status status = EM_OK;
    char text[64];
    EM_CHECK_STATUS(em_idset_new(&set, &err), EM_OK, &err);
    for (size_t i = 0; i < 400000 && status == EM_OK; i++)
        status = em_idset_mark(set, id_of(text, sizeof text, 0, i / 2), &err);
    EM_CHECK_STATUS(status, EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "too many rows");
    em_idset_free(set);
}

static void test_odd_ids(void)
{
    static const struct em_span ids[] = {
        {(const uint8_t *)"", 0},     {(const uint8_t *)"\0", 1},
        {(const uint8_t *)"\0\0", 2}, {(const uint8_t *)"a", 1},
        {(const uint8_t *)"a\0", 2},  {(const uint8_t *)"A", 1},
        {(const uint8_t *)"a b", 3},  {(const uint8_t *)"ab", 2},
    };
    struct em_idset *set = NULL;
    struct em_error err;
    size_t n = sizeof ids / sizeof ids[0];
    EM_CHECK_STATUS(em_idset_new(&set, &err), EM_OK, &err);
    for (size_t i = 0; i < 2 * n; i++)
        EM_CHECK_STATUS(em_idset_mark(set, ids[i % n], &err), EM_OK, &err);
    for (size_t i = 0; i < 2 * n; i++) {
        unsigned long earlier;
        EM_CHECK_STATUS(em_idset_look(set, ids[i % n], i + 1, &earlier, &err), EM_OK,
                        &err);
        CU_ASSERT_EQUAL(earlier, i < n ? 0 : i - n + 1);
    }
    em_idset_free(set);
    em_idset_free(NULL);
}

static const struct em_test tests[] = {
    {"200,000 different ids", test_no_twins},
    {"planted twins", test_planted_twins},
    {"20,000 twins", test_many_twins},
    {"too many twins", test_too_many},
    {"odd ids", test_odd_ids},
};
EM_TEST_MAIN("mfg/idset", tests)
