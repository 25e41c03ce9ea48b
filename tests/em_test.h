/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every test program: one table of cases, run by CUnit. */
#ifndef TESTS_EM_TEST_H
#define TESTS_EM_TEST_H

#include <espmfg/error.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

struct em_test {
    const char *name;
    void (*run)(void);
};

/* Exact status of a call, and on a mismatch what the error object said. */
#define EM_CHECK_STATUS(call, wanted, err)                                               \
    do {                                                                                 \
        enum em_status em_got_ = (call);                                                 \
        if (em_got_ != (wanted))                                                         \
            printf("\n  %s:%d: got %s (%s), wanted %s\n", __FILE__, __LINE__,            \
                   em_status_name(em_got_), em_got_ == EM_OK ? "" : (err)->what,         \
                   em_status_name(wanted));                                              \
        CU_ASSERT_EQUAL(em_got_, (wanted));                                              \
    } while (0)

/* Does @p text hold @p part? Shows both if not. */
#define EM_CHECK_HAS(text, part)                                                         \
    do {                                                                                 \
        const char *em_text_ = (text);                                                   \
        if (strstr(em_text_, (part)) == NULL)                                            \
            printf("\n  %s:%d: '%s' lacks '%s'\n", __FILE__, __LINE__, em_text_,         \
                   (part));                                                              \
        CU_ASSERT_PTR_NOT_NULL(strstr(em_text_, (part)));                                \
    } while (0)

/* Bytes equal? Shows the first difference. */
#define EM_CHECK_BYTES(got, wanted, len)                                                 \
    do {                                                                                 \
        const unsigned char *em_g_ = (const unsigned char *)(got);                       \
        const unsigned char *em_w_ = (const unsigned char *)(wanted);                    \
        size_t em_n_ = (len);                                                            \
        size_t em_i_ = 0;                                                                \
        while (em_i_ < em_n_ && em_g_[em_i_] == em_w_[em_i_])                            \
            em_i_++;                                                                     \
        if (em_i_ < em_n_)                                                               \
            printf("\n  %s:%d: byte %zu is %02x, wanted %02x\n", __FILE__, __LINE__,     \
                   em_i_, em_g_[em_i_], em_w_[em_i_]);                                   \
        CU_ASSERT_EQUAL(em_i_, em_n_);                                                   \
    } while (0)

/* Run the table; the exit status of the program. */
static inline int em_test_main(const char *suite_name, const struct em_test *tests,
                               size_t n)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return EXIT_FAILURE;
    CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
    int ready = suite != NULL;
    for (size_t i = 0; i < n; i++)
        ready = ready && CU_add_test(suite, tests[i].name, tests[i].run) != NULL;
    if (ready) {
        CU_basic_set_mode(CU_BRM_NORMAL);
        (void)CU_basic_run_tests(); /* its result is in the counters */
    }
    unsigned run = CU_get_number_of_tests_run();
    unsigned failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return ready && run == n && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define EM_TEST_MAIN(suite, tests)                                                       \
    int main(void)                                                                       \
    {                                                                                    \
        return em_test_main((suite), (tests), sizeof(tests) / sizeof((tests)[0]));       \
    }

#endif
