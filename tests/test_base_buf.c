/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the growing byte buffer. */
#include "config.h"

#include "base/buf_int.h"

#include "tests/em_test.h"

/* More than any machine has, and refused before malloc() is asked. */
static const size_t too_much = SIZE_MAX - 1000;

static void empty_buffer(void)
{
    struct em_buf buf = {0};
    em_buf_clear(&buf);
    em_buf_append(&buf, NULL, 0);
    em_buf_append_text(&buf, "");
    CU_ASSERT_EQUAL(buf.len, 0);
    CU_ASSERT_FALSE(buf.failed);
    em_buf_free(&buf);
    em_buf_wipe(&buf);
    CU_ASSERT_PTR_NULL(buf.data);
}

static void appends(void)
{
    struct em_buf buf = {0};
    em_buf_append(&buf, "ab\0c", 4);
    em_buf_append_byte(&buf, 0xFF);
    em_buf_append_text(&buf, "text");
    em_buf_append(&buf, "not this", 0);
    CU_ASSERT_EQUAL_FATAL(buf.len, 9);
    EM_CHECK_BYTES(buf.data, "ab\0c\xFFtext", 9);
    CU_ASSERT_FALSE(buf.failed);
    em_buf_free(&buf);
}

/* Across many reallocations nothing is lost, whatever the size of the pieces. */
static void grows(void)
{
    static const size_t pieces[] = {1, 7, 255, 256, 257, 5000};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct em_buf buf = {0};
        uint8_t piece[5000];
        size_t total = 0;
        while (total < 20000) {
            for (size_t j = 0; j < pieces[i]; j++)
                piece[j] = (uint8_t)((total + j) % 251);
            em_buf_append(&buf, piece, pieces[i]);
            total += pieces[i];
        }
        CU_ASSERT_EQUAL_FATAL(buf.len, total);
        CU_ASSERT_TRUE(buf.cap >= buf.len);
        size_t good = 0;
        while (good < total && buf.data[good] == good % 251)
            good++;
        CU_ASSERT_EQUAL(good, total);
        em_buf_free(&buf);
    }
}

/* All of what was reserved can be written (the sanitizer looks), and counts only when the
 * caller says so. */
static void reserves(void)
{
    static const size_t sizes[] = {0, 1, 255, 256, 257, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct em_buf buf = {0};
        em_buf_append_text(&buf, "abc");
        uint8_t *to = em_buf_reserve(&buf, sizes[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(to);
        memset(to, 'x', sizes[i]);
        CU_ASSERT_EQUAL(buf.len, 3);
        CU_ASSERT_PTR_EQUAL(to, buf.data + 3);
        EM_CHECK_BYTES(buf.data, "abc", 3);
        em_buf_free(&buf);
    }
}

static void reserves_nothing_in_nothing(void)
{
    struct em_buf buf = {0};
    CU_ASSERT_PTR_NOT_NULL(em_buf_reserve(&buf, 0)); /* NULL would mean: out of memory */
    CU_ASSERT_FALSE(buf.failed);
    em_buf_free(&buf);
}

/* Room that is there already is given without moving what callers point to. */
static void does_not_move_without_need(void)
{
    struct em_buf buf = {0};
    em_buf_append_text(&buf, "abc");
    uint8_t *data = buf.data;
    CU_ASSERT_PTR_EQUAL(em_buf_reserve(&buf, buf.cap - buf.len), data + 3);
    CU_ASSERT_PTR_EQUAL(buf.data, data);
    em_buf_free(&buf);
}

static void failure_stays(void)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 3, SIZE_MAX - 1000,
                                   SIZE_MAX / 2 + 2};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct em_buf buf = {0};
        em_buf_append_text(&buf, "abc");
        CU_ASSERT_PTR_NULL(em_buf_reserve(&buf, sizes[i]));
        CU_ASSERT_TRUE(buf.failed);
        em_buf_append_text(&buf, "def");
        em_buf_append_byte(&buf, 'g');
        CU_ASSERT_PTR_NULL(em_buf_reserve(&buf, 1));
        CU_ASSERT_TRUE(buf.failed);
        CU_ASSERT_EQUAL_FATAL(buf.len, 3);
        EM_CHECK_BYTES(buf.data, "abc", 3);
        em_buf_free(&buf);
        CU_ASSERT_FALSE(buf.failed);
    }
}

static void clear_forgives(void)
{
    struct em_buf buf = {0};
    em_buf_append_text(&buf, "abc");
    CU_ASSERT_PTR_NULL(em_buf_reserve(&buf, too_much));
    uint8_t *data = buf.data;
    em_buf_clear(&buf);
    CU_ASSERT_FALSE(buf.failed);
    CU_ASSERT_EQUAL(buf.len, 0);
    em_buf_append_text(&buf, "new");
    CU_ASSERT_PTR_EQUAL(buf.data, data); /* the memory is kept */
    CU_ASSERT_EQUAL_FATAL(buf.len, 3);
    EM_CHECK_BYTES(buf.data, "new", 3);
    em_buf_free(&buf);
}

static void ends_empty(void)
{
    static void (*const ends[])(struct em_buf *) = {em_buf_free, em_buf_wipe};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct em_buf buf = {0};
        em_buf_append_text(&buf, "secret");
        ends[i](&buf);
        CU_ASSERT_PTR_NULL(buf.data);
        CU_ASSERT_EQUAL(buf.len, 0);
        CU_ASSERT_EQUAL(buf.cap, 0);
        em_buf_append_text(&buf, "again"); /* as good as a new one */
        CU_ASSERT_EQUAL(buf.len, 5);
        ends[i](&buf);
    }
}

static const struct em_test tests[] = {
    {"empty", empty_buffer},
    {"append", appends},
    {"grow", grows},
    {"reserve", reserves},
    {"reserve nothing", reserves_nothing_in_nothing},
    {"no move without need", does_not_move_without_need},
    {"a failure stays", failure_stays},
    {"clear", clear_forgives},
    {"free and wipe", ends_empty},
};

EM_TEST_MAIN("base/buf", tests)
