/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the table of statuses and of filling and showing error objects. */
#include "config.h"

#include "base/error_int.h"

#include "base/text_int.h"
#include "tests/em_test.h"

#include <ctype.h>
#include <errno.h>

/* clang-format off */
static const struct {
    enum em_status status;
    int exit;
    const char *name;
} statuses[] = {
    {EM_OK,          0, "ok"},
    {EM_ERR_USAGE,   2, "usage"},
    {EM_ERR_INPUT,   3, "input"},
    {EM_ERR_FULL,    3, "full"},
    {EM_ERR_IO,      4, "file-system"},
    {EM_ERR_EXISTS,  5, "exists"},
    {EM_ERR_NOMEM,   6, "memory"},
    {EM_ERR_CRYPTO,  7, "crypto"},
    {EM_ERR_STOPPED, 8, "stopped"},
    {EM_ERR_PORT,    9, "port"},
    {EM_ERR_LINK,   10, "link"},
    {EM_ERR_CHIP,   11, "chip"},
    {EM_ERR_VERIFY, 12, "verify"},
    {EM_ERR_REFUSED, 13, "refused"},
    {EM_ERR_UNSUPPORTED, 14, "unsupported"},
};
/* clang-format on */

static const size_t n_statuses = sizeof statuses / sizeof statuses[0];

/* An object in which every member has something that must not survive. */
static struct em_error dirty_error(void)
{
    struct em_error err;
    memset(&err, 'x', sizeof err);
    err.status = EM_ERR_STOPPED;
    err.line = 99;
    return err;
}

static int is_utf8(const char *text)
{
    return em_utf8_valid(em_span_of(text));
}

static void status_values(void)
{
    for (size_t i = 0; i < n_statuses; i++) {
        CU_ASSERT_EQUAL((int)statuses[i].status, -(int)i);
        CU_ASSERT_STRING_EQUAL(em_status_name(statuses[i].status), statuses[i].name);
        CU_ASSERT_EQUAL(em_status_exit(statuses[i].status), statuses[i].exit);
    }
}

static void status_texts(void)
{
    for (size_t i = 0; i < n_statuses; i++) {
        const char *text = em_status_text(statuses[i].status);
        CU_ASSERT_TRUE(strlen(text) > 5);
        CU_ASSERT_NOT_EQUAL(text[strlen(text) - 1], '.');
        for (const char *p = statuses[i].name; *p != '\0'; p++)
            CU_ASSERT_TRUE(islower((unsigned char)*p) || *p == '-');
        for (size_t j = 0; j < i; j++) {
            CU_ASSERT_STRING_NOT_EQUAL(em_status_name(statuses[j].status),
                                       statuses[i].name);
            CU_ASSERT_STRING_NOT_EQUAL(em_status_text(statuses[j].status), text);
        }
    }
}

static void status_unknown(void)
{
    static const int values[] = {1, 100, -99, -1000};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        enum em_status status = (enum em_status)values[i];
        CU_ASSERT_STRING_EQUAL(em_status_name(status), "unknown");
        CU_ASSERT_TRUE(em_status_text(status)[0] != '\0');
        CU_ASSERT_NOT_EQUAL(em_status_exit(status), 0); /* never looks like a success */
    }
}

static void format_forms(void)
{
    static const struct {
        const char *file;
        unsigned long line;
        const char *wanted;
    } cases[] = {
        {"", 0, "what it is"},
        {"", 7, "what it is"},
        {"a.csv", 0, "a.csv: what it is"},
        {"a.csv", 7, "a.csv:7: what it is"},
        {"a %s.csv", 4000000000, "a %s.csv:4000000000: what it is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_error err = {
            .line = cases[i].line, .what = "what it is", .hint = "unused"};
        char out[100];
        (void)snprintf(err.file, sizeof err.file, "%s", cases[i].file); /* fits */
        CU_ASSERT_EQUAL(em_error_format(&err, out, sizeof out),
                        (int)strlen(cases[i].wanted));
        CU_ASSERT_STRING_EQUAL(out, cases[i].wanted);
    }
}

static void format_cuts(void)
{
    struct em_error err = {.line = 7, .file = "a.csv", .what = "what"};
    char out[20];
    memset(out, '#', sizeof out);
    CU_ASSERT_EQUAL(em_error_format(&err, out, 8), 13);
    CU_ASSERT_STRING_EQUAL(out, "a.csv:7");
    CU_ASSERT_EQUAL(out[8], '#');
    CU_ASSERT_EQUAL(em_error_format(&err, NULL, 0), 13);
}

static void set_fills_everything(void)
{
    struct em_error err = dirty_error();
    CU_ASSERT_EQUAL(em_error_set(&err, EM_ERR_FULL, "do %s", "%s has %d", "x", 5),
                    EM_ERR_FULL);
    CU_ASSERT_EQUAL(err.status, EM_ERR_FULL);
    CU_ASSERT_EQUAL(err.line, 0);
    CU_ASSERT_STRING_EQUAL(err.file, "");
    CU_ASSERT_STRING_EQUAL(err.what, "x has 5");
    CU_ASSERT_STRING_EQUAL(err.hint, "do %s"); /* the hint is no format */
}

static void set_without_hint(void)
{
    struct em_error err = dirty_error();
    CU_ASSERT_EQUAL(em_error_set(&err, EM_ERR_INPUT, NULL, "x"), EM_ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.hint, "");
}

static void set_without_object(void)
{
    CU_ASSERT_EQUAL(em_error_set(NULL, EM_ERR_INPUT, NULL, "x"), EM_ERR_INPUT);
    CU_ASSERT_EQUAL(em_error_errno(NULL, ENOENT, "x"), EM_ERR_IO);
    CU_ASSERT_EQUAL(em_error_nomem(NULL), EM_ERR_NOMEM);
    em_error_at(NULL, "file", 1);
}

/* What is too long is cut, but only between characters: texts are UTF-8 throughout. */
static void long_texts_are_cut(void)
{
    struct em_error err;
    char text[2000];
    for (size_t shift = 0; shift < 4; shift++) {
        size_t len = shift;
        memset(text, 'a', shift);
        while (len + 4 < sizeof text) {
            memcpy(text + len, "\xF0\x9F\x94\x91", 4); /* U+1F511 */
            len += 4;
        }
        text[len] = '\0';
        err = dirty_error();
        (void)em_error_set(&err, EM_ERR_INPUT, text, "%s",
                           text); /* returns what it is given */
        CU_ASSERT_TRUE(strlen(err.what) > sizeof err.what - 8);
        CU_ASSERT_TRUE(strlen(err.hint) > sizeof err.hint - 8);
        CU_ASSERT_TRUE(is_utf8(err.what));
        CU_ASSERT_TRUE(is_utf8(err.hint));
        em_error_at(&err, text, 1);
        CU_ASSERT_TRUE(strlen(err.file) > sizeof err.file - 8);
        CU_ASSERT_TRUE(is_utf8(err.file));
    }
}

/* The reason is the part that helps: a long subject must not push it out. */
static void long_subject_keeps_the_reason(void)
{
    struct em_error err = dirty_error();
    char path[2000];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    CU_ASSERT_EQUAL(em_error_errno(&err, ENOENT, "cannot open '%s'", path), EM_ERR_IO);
    EM_CHECK_HAS(err.what, strerror(ENOENT));
    for (size_t i = 0; i + 2 < sizeof path; i += 2)
        memcpy(path + i, "\xC3\xA4", 2);
    (void)em_error_errno(&err, ENOENT, "open %s", path); /* both ways to cut a pair */
    CU_ASSERT_TRUE(is_utf8(err.what));
    (void)em_error_errno(&err, ENOENT, "open '%s", path);
    CU_ASSERT_TRUE(is_utf8(err.what));
}

static void errno_statuses(void)
{
    /* clang-format off */
    static const struct {
        int errnum;
        enum em_status status;
        int has_hint;
    } cases[] = {
        {EEXIST,       EM_ERR_EXISTS, 0},
        {ENOMEM,       EM_ERR_NOMEM,  0},
        {EACCES,       EM_ERR_IO,     1},
        {EPERM,        EM_ERR_IO,     1},
        {ENOENT,       EM_ERR_IO,     1},
        {ENOSPC,       EM_ERR_IO,     1},
        {EDQUOT,       EM_ERR_IO,     1},
        {EMFILE,       EM_ERR_IO,     1},
        {ENFILE,       EM_ERR_IO,     1},
        {ENAMETOOLONG, EM_ERR_IO,     1},
        {ENOTDIR,      EM_ERR_IO,     1},
        {EISDIR,       EM_ERR_IO,     1},
        {EROFS,        EM_ERR_IO,     1},
        {ENXIO,        EM_ERR_IO,     1},
        {ENODEV,       EM_ERR_IO,     1},
        {EIO,          EM_ERR_IO,     1},
        {EBADF,        EM_ERR_IO,     0},
        {99999,        EM_ERR_IO,     0},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_error err = dirty_error();
        CU_ASSERT_EQUAL(em_error_errno(&err, cases[i].errnum, "subject %d", 5),
                        cases[i].status);
        CU_ASSERT_EQUAL(err.status, cases[i].status);
        CU_ASSERT_EQUAL(strncmp(err.what, "subject 5: ", 11), 0);
        EM_CHECK_HAS(err.what,
                     cases[i].errnum == 99999 ? "99999" : strerror(cases[i].errnum));
        CU_ASSERT_EQUAL(err.hint[0] != '\0', cases[i].has_hint);
        CU_ASSERT_EQUAL(err.line, 0);
        CU_ASSERT_STRING_EQUAL(err.file, "");
    }
}

static void first_place_stays(void)
{
    struct em_error err = dirty_error();
    (void)em_error_set(&err, EM_ERR_INPUT, NULL, "x"); /* returns what it is given */
    em_error_at(&err, NULL, 0);
    CU_ASSERT_STRING_EQUAL(err.file, "");
    em_error_at(&err, "inner.csv", 3);
    em_error_at(&err, "outer.csv", 4);
    CU_ASSERT_STRING_EQUAL(err.file, "inner.csv");
    CU_ASSERT_EQUAL(err.line, 3);
    CU_ASSERT_STRING_EQUAL(err.what, "x");
    CU_ASSERT_EQUAL(err.status, EM_ERR_INPUT);
}

static void no_memory(void)
{
    struct em_error err = dirty_error();
    CU_ASSERT_EQUAL(em_error_nomem(&err), EM_ERR_NOMEM);
    CU_ASSERT_EQUAL(err.status, EM_ERR_NOMEM);
    CU_ASSERT_TRUE(err.what[0] != '\0' && err.hint[0] != '\0');
}

static const struct em_test tests[] = {
    {"values, names and exit statuses", status_values},
    {"texts", status_texts},
    {"unknown status", status_unknown},
    {"format: with and without place", format_forms},
    {"format: too small a buffer", format_cuts},
    {"set: every member", set_fills_everything},
    {"set: no hint", set_without_hint},
    {"no object to fill", set_without_object},
    {"long texts are cut between characters", long_texts_are_cut},
    {"errno: long subject", long_subject_keeps_the_reason},
    {"errno: statuses and hints", errno_statuses},
    {"at: the first place stays", first_place_stays},
    {"nomem", no_memory},
};

EM_TEST_MAIN("base/error", tests)
