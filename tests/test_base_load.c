/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of loading libraries at run time. */
#include "config.h"

#include "base/load_int.h"

#include "tests/em_test.h"

#include <zlib.h>

#define FUNCTIONS(X) X(zlibVersion) X(crc32)

struct some {
    FUNCTIONS(EM_LOAD_MEMBER)
};

static const char *const names[] = {FUNCTIONS(EM_LOAD_NAME)};

static void there(void)
{
    static const struct em_load zlib = {"libz.so.1", "zlib1g", "a test", names, 2};
    struct some some;
    struct em_error err;
    EM_CHECK_STATUS(em_load_functions(&some, &zlib, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(some.zlibVersion(), ZLIB_VERSION);
    /* The check value of CRC-32 in the catalogue of CRC algorithms. */
    CU_ASSERT_EQUAL(some.crc32(0, (const unsigned char *)"123456789", 9), 0xCBF43926);
}

static void missing(void)
{
    static const char *const none[] = {"zlibVersion", "em_no_such_function"};
    static const struct em_load library = {"libnone.so.9", "none9", "a test", names, 2};
    static const struct em_load function = {"libz.so.1", "zlib1g", "a test", none, 2};
    struct some some;
    struct em_error err;
    EM_CHECK_STATUS(em_load_functions(&some, &library, &err), EM_ERR_UNSUPPORTED, &err);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "a test needs libnone.so.9: "));
    CU_ASSERT_STRING_EQUAL(err.hint, "install it (Debian: apt install none9)");
    EM_CHECK_STATUS(em_load_functions(&some, &function, &err), EM_ERR_UNSUPPORTED, &err);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "em_no_such_function"));
}

static const struct em_test tests[] = {
    {"a library that is there", there},
    {"one that is not, or has another form", missing},
};

EM_TEST_MAIN("base/load", tests)
