/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the sizes of NVS partitions: which are good, what fits, and which are advised.
 */
#include "config.h"

#include <espmfg/nvs.h>

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static struct em_nvs_image *new_image(uint8_t *buf, size_t size)
{
    struct em_error err = {0};
    struct em_nvs_image *image = NULL;
    if (buf != NULL)
        memset(buf, 0x5A, size); /* what was there must not shine through */
    EM_CHECK_STATUS(em_nvs_image_new(&image, buf, size, EM_NVS_V2, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    return image;
}

static void test_sizes(void)
{
    static const struct {
        uint64_t size;
        const char *what; /* NULL: good */
    } cases[] = {
        {0x1000, NULL},
        {0x2000, NULL},
        {0x3000, NULL},
        {0x4000000, NULL},
        {0, "size 0x0 is not a multiple of 4096 bytes above 0"},
        {1, "size 0x1 is not a multiple"},
        {0xFFF, "0xfff"},
        {0x1001, "0x1001"},
        {0x3020, "0x3020"},
        {0x4001000, "0x4001000 is above 0x4000000"},
        {UINT64_C(0x100003000), "0x100003000 is above"},
        {UINT64_MAX, "0xffffffffffffffff is not"},
        {UINT64_MAX - 4095, "0xfffffffffffff000 is above"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct em_error err = {0};
        enum em_status wanted = cases[i].what == NULL ? EM_OK : EM_ERR_USAGE;
        EM_CHECK_STATUS(em_nvs_size_check(cases[i].size, &err), wanted, &err);
        if (cases[i].what != NULL) {
            EM_CHECK_HAS(err.what, cases[i].what);
            EM_CHECK_HAS(err.hint, "0x3000");
        }
        if (cases[i].size > SIZE_MAX)
            continue;
        struct em_nvs_image *image = (struct em_nvs_image *)&err; /* not NULL */
        EM_CHECK_STATUS(
            em_nvs_image_new(&image, NULL, (size_t)cases[i].size, EM_NVS_V2, &err),
            wanted, &err);
        CU_ASSERT_EQUAL(image == NULL, wanted != EM_OK);
        em_nvs_image_free(image);
    }
}

/* One entry more than there is room for, at every small size: the last page of a
 * partition that the device writes to is its own. */
static void test_capacity(void)
{
    static const struct {
        size_t size, pages, wanted_hint;
    } cases[] = {{0x1000, 1, 0x3000}, {0x2000, 2, 0x4000}, {0x3000, 2, 0x4000},
                 {0x4000, 3, 0x5000}, {0x6000, 5, 0x7000}, {0x10000, 15, 0x11000}};
    static uint8_t buf[0x10000];
    for (size_t i = 0; i < COUNT(cases) * 2; i++) {
        size_t pages = cases[i / 2].pages, size = cases[i / 2].size;
        struct em_nvs_image *image = new_image(buf, size);
        struct em_error err = {0};
        size_t len = 99, n = pages * 126 + i % 2;
        EM_CHECK_STATUS(em_nvs_image_namespace(image, "ns", &err), EM_OK, &err);
        for (size_t k = 1; k < n; k++) {
            char key[24];
            (void)snprintf(key, sizeof key, "%zu", k);
            EM_CHECK_STATUS(em_nvs_image_add_int(image, key, EM_NVS_U64, 1, 0, &err),
                            EM_OK, &err);
        }
        enum em_status wanted = i % 2 == 0 ? EM_OK : EM_ERR_FULL;
        EM_CHECK_STATUS(em_nvs_image_finish(image, &len, &err), wanted, &err);
        CU_ASSERT_EQUAL(len, wanted == EM_OK ? size : 0);
        if (wanted == EM_OK) {
            CU_ASSERT_EQUAL(buf[(pages - 1) * 4096], 0xFE);
            for (size_t at = pages * 4096; at < size; at++)
                CU_ASSERT_EQUAL(buf[at], 0xFF);
        } else {
            char text[128];
            (void)snprintf(text, sizeof text,
                           "takes %zu pages, a partition of 0x%zx bytes has %zu for data",
                           pages + 1, size, pages);
            EM_CHECK_HAS(err.what, text);
            (void)snprintf(text, sizeof text, "size of 0x%zx or more",
                           cases[i / 2].wanted_hint);
            EM_CHECK_HAS(err.hint, text);
        }
        em_nvs_image_free(image);
    }
}

/* The size that a refusal names. */
static size_t advised(const struct em_error *err)
{
    const char *at = strstr(err->hint, "size of 0x");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    return (size_t)strtoull(at + strlen("size of "), NULL, 16);
}

/* @p n blobs of @p blob_len bytes, only counted; the status of finishing. */
static enum em_status try_blobs(size_t size, size_t n, size_t blob_len,
                                struct em_error *err)
{
    static const uint8_t bytes[EM_NVS_BLOB_MAX];
    struct em_nvs_image *image = new_image(NULL, size);
    size_t len;
    EM_CHECK_STATUS(em_nvs_image_namespace(image, "ns", err), EM_OK, err);
    for (size_t i = 0; i < n; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "%zu", i);
        EM_CHECK_STATUS(em_nvs_image_add_blob(image, key, bytes, blob_len, err), EM_OK,
                        err);
    }
    enum em_status status = em_nvs_image_finish(image, &len, err);
    em_nvs_image_free(image);
    return status;
}

/* Who follows the advice succeeds, and could not have done with a page less. */
static void test_advice(void)
{
    static const struct {
        size_t n, len;
    } cases[] = {{2, 4000},  {1, 7968},  {3, 3999},  {5, 4000},
                 {40, 1000}, {7, 50000}, {1, 508000}};
    static const size_t sizes[] = {0x1000, 0x2000, 0x3000};
    for (size_t i = 0; i < COUNT(cases) * COUNT(sizes); i++) {
        size_t n = cases[i / COUNT(sizes)].n, len = cases[i / COUNT(sizes)].len;
        size_t size = sizes[i % COUNT(sizes)];
        struct em_error err = {0};
        EM_CHECK_STATUS(try_blobs(size, n, len, &err), EM_ERR_FULL, &err);
        size_t enough = advised(&err);
        EM_CHECK_STATUS(try_blobs(enough, n, len, &err), EM_OK, &err);
        if (enough > 0x3000) /* 0x2000 is as large, but can only be read */
            EM_CHECK_STATUS(try_blobs(enough - 0x1000, n, len, &err), EM_ERR_FULL, &err);
    }
}

/* No size is advised that would be refused. */
static void test_no_advice(void)
{
    struct em_error err = {0};
    EM_CHECK_STATUS(try_blobs(0x3000, 128, EM_NVS_BLOB_MAX, &err), EM_ERR_FULL, &err);
    EM_CHECK_STATUS(em_nvs_size_check(advised(&err), &err), EM_OK, &err);
    EM_CHECK_STATUS(try_blobs(0x3000, 130, EM_NVS_BLOB_MAX, &err), EM_ERR_FULL, &err);
    CU_ASSERT_PTR_NULL(strstr(err.hint, "size of"));
    EM_CHECK_HAS(err.hint, "drop some values");
}

static const struct em_test tests[] = {
    {"sizes of partitions", test_sizes},
    {"capacity", test_capacity},
    {"advised sizes", test_advice},
    {"no size is large enough", test_no_advice},
};

EM_TEST_MAIN("nvs/image: sizes", tests)
