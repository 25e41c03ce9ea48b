/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of file names: how they are put together, and what is refused. */
#include "config.h"

#include "mfg/names_int.h"

#include "tests/em_test.h"

static void test_names(void)
{
    static const struct {
        const char *prefix, *file_id; /* file_id NULL: the number */
        uint64_t number;
        bool counter;
        int64_t start;
        int width;
        const char *stem, *shown_id;
    } cases[] = {
        {"P", NULL, 1, false, 0, 0, "P-1", "1"},
        {"P", NULL, 1000000, false, 0, 0, "P-1000000", "1000000"},
        {"P", "SN7", 3, false, 0, 0, "P-SN7", "SN7"},
        {"P.1", "A.1", 3, false, 0, 0, "P.1-A.1", "A.1"},
        {"P.binx", "x", 3, false, 0, 0, "P.binx-x", "x"},
        {"", "x", 1, false, 0, 0, "-x", "x"},
        {"a b", "\xC3\xA9 %d", 1, false, 0, 0, "a b-\xC3\xA9 %d", "\xC3\xA9 %d"},
        {"P", NULL, 1, true, 1, 4, "P-0001-1", "1"},
        {"P", NULL, 12, true, 1, 4, "P-0012-12", "12"},
        {"P", "x", 1, true, -2, 4, "P--002-x", "x"},
        {"P", "x", 2, true, -2, 4, "P--001-x", "x"},
        {"P", "x", 3, true, -2, 4, "P-0000-x", "x"},
        {"P", "x", 1, true, 99, 2, "P-99-x", "x"},
        {"P", "x", 2, true, 99, 2, "P-100-x", "x"},
        {"P", "x", 1, true, 7, 0, "P-7-x", "x"},
        {"P", "x", 1, true, 7, 1, "P-7-x", "x"},
        {"P", "x", 1, true, INT64_MAX, 0, "P-9223372036854775807-x", "x"},
        {"P", "-", 1, false, 0, 0, "P--", "-"},
        {"P", ".hidden", 1, false, 0, 0, "P-.hidden", ".hidden"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_naming naming = {cases[i].prefix, cases[i].counter, cases[i].start,
                                   cases[i].width, false};
        struct em_names names;
        struct em_error err;
        char wanted[EM_NAME_SIZE];
        struct em_span id = em_span_of(cases[i].file_id == NULL ? "" : cases[i].file_id);
        EM_CHECK_STATUS(em_naming_check(&naming, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_names_make(&names, &naming, cases[i].number,
                                      cases[i].file_id == NULL ? NULL : &id, &err),
                        EM_OK, &err);
        CU_ASSERT_STRING_EQUAL(names.file_id, cases[i].shown_id);
        (void)snprintf(wanted, sizeof wanted, "%s.bin", cases[i].stem);
        CU_ASSERT_STRING_EQUAL(names.image, wanted);
        (void)snprintf(wanted, sizeof wanted, "%s.csv", cases[i].stem);
        CU_ASSERT_STRING_EQUAL(names.csv, wanted);
        (void)snprintf(wanted, sizeof wanted, "keys-%s.bin", cases[i].stem);
        CU_ASSERT_STRING_EQUAL(names.key, wanted);
        (void)snprintf(wanted, sizeof wanted, "hmac-keys-%s.bin", cases[i].stem);
        CU_ASSERT_STRING_EQUAL(names.hmac_key, wanted);
    }
}

static void test_bad_prefixes(void)
{
    static const char *const bad[] = {"a/b", "/",    "../x",  "..",
                                      "a\n", "\x7F", "a\x01", "a\tb"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct em_naming naming = {bad[i], false, 0, 0, false};
        struct em_error err;
        EM_CHECK_STATUS(em_naming_check(&naming, &err), EM_ERR_USAGE, &err);
        EM_CHECK_HAS(err.what, "PREFIX");
    }
}

static void test_bad_ids(void)
{
    static const struct {
        const char *id;
        size_t len;
        const char *what;
    } cases[] = {
        {"", 0, "empty"},
        {"/", 1, "'/'"},
        {"x/../../../evil", 15, "'/'"},
        {"..", 2, "'..'"},
        {"a\nb", 3, "control character"},
        {"a\0b", 3, "control character"},
        {"\x1F", 1, "control character"},
        {"\x7F", 1, "control character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const struct em_naming naming = {"P", false, 0, 0, false};
        struct em_names names;
        struct em_error err;
        struct em_span id = {(const uint8_t *)cases[i].id, cases[i].len};
        EM_CHECK_STATUS(em_names_make(&names, &naming, 1, &id, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
    }
}

/* "hmac-keys-PREFIX-ID.bin" has to stay within 255 bytes, whichever part is long. */
static void test_length(void)
{
    enum { FIXED = sizeof "hmac-keys-" - 1 + sizeof ".bin" - 1 + 1 };
    static const struct {
        size_t prefix, id;
        bool counter; /* "-0007" */
        enum em_status status;
    } cases[] = {
        {1, 255 - FIXED - 1, false, EM_OK},    {1, 255 - FIXED, false, EM_ERR_INPUT},
        {255 - FIXED - 1, 1, false, EM_OK},    {255 - FIXED, 1, false, EM_ERR_INPUT},
        {1, 255 - FIXED - 1 - 5, true, EM_OK}, {1, 255 - FIXED - 5, true, EM_ERR_INPUT},
        {1, 255, false, EM_ERR_INPUT},         {1, 256, false, EM_ERR_INPUT},
        {1, 100000, false, EM_ERR_INPUT},      {100000, 1, false, EM_ERR_INPUT},
        {100000, 1, true, EM_ERR_INPUT},       {511, 1, false, EM_ERR_INPUT},
    };
    static char prefix[100001];
    static char id_text[100001];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_naming naming = {prefix, cases[i].counter, 7, 4, false};
        struct em_names names;
        struct em_error err;
        memset(prefix, 'p', cases[i].prefix);
        prefix[cases[i].prefix] = '\0';
        memset(id_text, 'i', cases[i].id);
        struct em_span id = {(const uint8_t *)id_text, cases[i].id};
        enum em_status status = em_names_make(&names, &naming, 1, &id, &err);
        EM_CHECK_STATUS(status, cases[i].status, &err);
        if (status == EM_OK) {
            CU_ASSERT_EQUAL(strlen(names.hmac_key), 255);
        } else {
            EM_CHECK_HAS(err.what, "255 bytes");
        }
    }
}

static const struct em_test tests[] = {
    {"names", test_names},
    {"prefixes that are refused", test_bad_prefixes},
    {"file ids that are refused", test_bad_ids},
    {"length", test_length},
};
EM_TEST_MAIN("mfg/names", tests)
