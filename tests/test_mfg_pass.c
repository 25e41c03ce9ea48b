/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of a pass over the rows on several threads: order, faults, what is called when.
 */
#include "config.h"

#include "mfg/pass_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <time.h>

enum { NEVER = 0 };

/* What the call-backs saw, and what they are to do. Asserts are left to the main thread:
 * CUnit is not made for several. */
struct watch {
    unsigned jobs;
    /* Rows at which a call-back fails, with the status beside it. */
    uint64_t fail_work[3];
    uint64_t slow_work; /* its work takes longer than that of many others */
    uint64_t fail_admit, fail_finish;
    size_t fail_progress; /* call that fails; 0: none */
    uint64_t step;        /* wanted: each step-th row; 0: all */

    atomic_int inside; /* call-backs that are promised to be alone */
    atomic_size_t wrong;
    atomic_size_t worked;
    atomic_uchar *state; /* of each row: 1 admitted, 2 worked on, 3 finished */
    uint64_t asked, admitted, finished; /* last row of each */
    size_t n_admitted, n_finished, n_progress;
};

static void enter(struct watch *w)
{
    w->wrong += atomic_fetch_add(&w->inside, 1) != 0;
}

static void leave(struct watch *w)
{
    (void)atomic_fetch_sub(&w->inside, 1);
}

static bool wanted(void *user, uint64_t number)
{
    struct watch *w = user;
    enter(w);
    w->wrong += number != ++w->asked;
    leave(w);
    return w->step == 0 || number % w->step == 0;
}

static enum em_status failed(uint64_t number, const char *where, enum em_status status,
                             struct em_error *err)
{
    return em_error_set(err, status, NULL, "%s of %" PRIu64, where, number);
}

/* Each row holds its own number; what the unit before left in the memory is gone. */
static enum em_status admit(void *user, struct em_unit *unit, struct em_error *err)
{
    struct watch *w = user;
    char text[24];
    enter(w);
    (void)snprintf(text, sizeof text, "%" PRIu64, unit->number);
    w->wrong += unit->row.n_fields != 2 || !em_span_is(unit->row.fields[0], text);
    w->wrong += unit->number <= w->admitted;
    w->wrong += unit->status != EM_OK || unit->n_faults != 0 || unit->faults_more != 0 ||
                unit->ignored_repeat != -1 || unit->kept || unit->image_len != 0 ||
                unit->image_sha256[0] != '\0' || unit->key_sha256[0] != '\0' ||
                unit->hmac_sha256[0] != '\0';
    w->admitted = unit->number;
    w->n_admitted++;
    w->wrong += atomic_exchange(&w->state[unit->number], 1) != 0;
    leave(w);
    if (unit->number == w->fail_admit)
        return failed(unit->number, "admit", EM_ERR_NOMEM, err);
    return EM_OK;
}

static void pause_ms(long ms)
{
    const struct timespec time = {0, ms * 1000 * 1000};
    (void)nanosleep(&time, NULL);
}

static enum em_status work(void *user, unsigned worker, struct em_unit *unit,
                           struct em_error *err)
{
    struct watch *w = user;
    w->wrong += worker >= w->jobs;
    w->wrong += atomic_exchange(&w->state[unit->number], 2) != 1;
    (void)atomic_fetch_add(&w->worked, 1);
    if (unit->number == w->slow_work)
        pause_ms(50);
    unit->n_faults = 0; /* no faults are kept, the rest is for admit() to find */
    unit->faults_more = 7;
    unit->ignored_repeat = 5;
    unit->kept = true;
    unit->image_len = 9;
    memcpy(unit->image_sha256, "ab", 3);
    memcpy(unit->key_sha256, "cd", 3);
    memcpy(unit->hmac_sha256, "ef", 3);
    for (size_t i = 0; i < 3; i++) {
        if (unit->number == w->fail_work[i])
            return failed(unit->number, "work", i == 0 ? EM_ERR_FULL : EM_ERR_IO, err);
    }
    return EM_OK;
}

static enum em_status finish(void *user, struct em_unit *unit, struct em_error *err)
{
    struct watch *w = user;
    enter(w);
    w->wrong += unit->number <= w->finished || unit->image_len != 9;
    w->finished = unit->number;
    w->n_finished++;
    leave(w);
    if (unit->number == w->fail_finish)
        return failed(unit->number, "finish", EM_ERR_EXISTS, err);
    w->wrong += atomic_exchange(&w->state[unit->number], 3) != 2;
    return EM_OK;
}

static enum em_status progress(void *user, struct em_error *err)
{
    struct watch *w = user;
    enter(w);
    w->n_progress++;
    leave(w);
    return w->n_progress == w->fail_progress
               ? failed(w->n_progress, "progress", EM_ERR_STOPPED, err)
               : EM_OK;
}

static const struct em_pass_ops ops = {wanted, admit, work, finish, progress, NULL};

struct run {
    uint64_t rows; /* in the table, and then those that were read */
    enum em_status status;
    struct em_error err;
};

/* Run over @p n rows "NUMBER,x"; @p bad_row is no text. */
static struct run run(struct watch *w, uint64_t n, uint64_t bad_row)
{
    struct run r = {.rows = 99};
    struct em_csv *csv = NULL;
    struct em_buf text = {0};
    w->state = need(calloc((size_t)n + 1, sizeof *w->state));
    for (uint64_t i = 1; i <= n; i++) {
        char row[32];
        (void)snprintf(row, sizeof row, "%" PRIu64 ",%s\n", i,
                       i == bad_row ? "\xFF" : "x");
        em_buf_append_text(&text, row);
    }
    EM_CHECK_STATUS(em_csv_from_memory(&csv, "v.csv", text.data, text.len, &r.err), EM_OK,
                    &r.err);
    r.status = em_pass_run(csv, w->jobs, &ops, w, &r.rows, &r.err);
    CU_ASSERT_EQUAL(w->wrong, 0);
    CU_ASSERT_EQUAL(w->inside, 0);
    em_csv_free(csv);
    em_buf_free(&text);
    return r;
}

/* Are rows 1 to @p last finished, and row @p last + 1 not? */
static void check_finished(struct watch *w, uint64_t last)
{
    uint64_t i = 1;
    while (i <= last && w->state[i] == 3)
        i++;
    CU_ASSERT_EQUAL(i, last + 1);
    CU_ASSERT(w->state[last + 1] != 3);
    free(w->state);
}

static const unsigned many_jobs[] = {1, 2, 7, 16};
enum { MANY_JOBS = sizeof many_jobs / sizeof many_jobs[0] };

static void test_all_rows(void)
{
    static const uint64_t sizes[] = {1, 15, 16, 17, 1000};
    for (size_t k = 0; k < MANY_JOBS; k++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct watch w = {.jobs = many_jobs[k], .slow_work = sizes[i] / 2 + 1};
            struct run r = run(&w, sizes[i], NEVER);
            EM_CHECK_STATUS(r.status, EM_OK, &r.err);
            CU_ASSERT_EQUAL(r.rows, sizes[i]);
            CU_ASSERT_EQUAL(w.n_admitted, sizes[i]);
            CU_ASSERT_EQUAL(w.worked, sizes[i]);
            CU_ASSERT_EQUAL(w.n_finished, sizes[i]);
            CU_ASSERT_EQUAL(w.finished, sizes[i]);
            CU_ASSERT(w.n_progress > 0);
            free(w.state);
        }
    }
}

static void test_no_rows(void)
{
    for (size_t k = 0; k < MANY_JOBS; k++) {
        struct watch w = {.jobs = many_jobs[k]};
        struct run r = run(&w, 0, NEVER);
        EM_CHECK_STATUS(r.status, EM_OK, &r.err);
        CU_ASSERT_EQUAL(r.rows, 0);
        CU_ASSERT_EQUAL(w.asked, 0);
        CU_ASSERT_EQUAL(w.worked + w.n_finished, 0);
        free(w.state);
    }
}

static void test_wanted(void)
{
    for (size_t k = 0; k < MANY_JOBS; k++) {
        struct watch w = {.jobs = many_jobs[k], .step = 7};
        struct run r = run(&w, 1000, NEVER);
        EM_CHECK_STATUS(r.status, EM_OK, &r.err);
        CU_ASSERT_EQUAL(r.rows, 1000); /* all are counted */
        CU_ASSERT_EQUAL(w.asked, 1000);
        CU_ASSERT_EQUAL(w.n_admitted, 142);
        CU_ASSERT_EQUAL(w.worked, 142);
        CU_ASSERT_EQUAL(w.n_finished, 142);
        CU_ASSERT_EQUAL(w.finished, 994);
        free(w.state);
        w = (struct watch){.jobs = many_jobs[k], .step = 5000}; /* none */
        r = run(&w, 1000, NEVER);
        EM_CHECK_STATUS(r.status, EM_OK, &r.err);
        CU_ASSERT_EQUAL(r.rows, 1000);
        CU_ASSERT_EQUAL(w.worked, 0);
        free(w.state);
    }
}

/* Of several failing rows the earliest is told, also when a later one fails long before
 * it; every row before is finished. */
static void test_work_fails(void)
{
    static const uint64_t rows[] = {1, 2, 16, 17, 100, 400};
    for (size_t k = 0; k < MANY_JOBS; k++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            char what[32];
            struct watch w = {.jobs = many_jobs[k],
                              .fail_work = {rows[i], rows[i] + 16, rows[i] + 33},
                              .slow_work = rows[i]};
            struct run r = run(&w, 1000, NEVER);
            EM_CHECK_STATUS(r.status, EM_ERR_FULL, &r.err);
            (void)snprintf(what, sizeof what, "work of %" PRIu64, rows[i]);
            CU_ASSERT_STRING_EQUAL(r.err.what, what);
            check_finished(&w, rows[i] - 1);
            /* It ends soon: what is not begun is not read. */
            if (many_jobs[k] == 1)
                CU_ASSERT(r.rows <= rows[i] + 16);
        }
    }
}

static void test_finish_fails(void)
{
    for (size_t k = 0; k < MANY_JOBS; k++) {
        struct watch w = {.jobs = many_jobs[k], .fail_finish = 50, .fail_work = {60}};
        struct run r = run(&w, 1000, NEVER);
        EM_CHECK_STATUS(r.status, EM_ERR_EXISTS, &r.err);
        CU_ASSERT_STRING_EQUAL(r.err.what, "finish of 50");
        check_finished(&w, 49);
    }
}

static void test_admit_fails(void)
{
    for (size_t k = 0; k < MANY_JOBS; k++) {
        struct watch w = {.jobs = many_jobs[k], .fail_admit = 50, .slow_work = 40};
        struct run r = run(&w, 1000, NEVER);
        EM_CHECK_STATUS(r.status, EM_ERR_NOMEM, &r.err);
        CU_ASSERT_STRING_EQUAL(r.err.what, "admit of 50");
        CU_ASSERT_EQUAL(r.rows, 50);
        CU_ASSERT_EQUAL(w.worked, 49);
        check_finished(&w, 49);
        /* A row before it fails later in time, but comes first. */
        w = (struct watch){
            .jobs = many_jobs[k], .fail_admit = 50, .fail_work = {40}, .slow_work = 40};
        r = run(&w, 1000, NEVER);
        EM_CHECK_STATUS(r.status, EM_ERR_FULL, &r.err);
        CU_ASSERT_STRING_EQUAL(r.err.what, "work of 40");
        check_finished(&w, 39);
    }
}

static void test_progress_fails(void)
{
    for (size_t k = 0; k < MANY_JOBS; k++) {
        for (size_t call = 1; call < 4; call++) {
            struct watch w = {.jobs = many_jobs[k], .fail_progress = call};
            struct run r = run(&w, 5000, NEVER);
            EM_CHECK_STATUS(r.status, EM_ERR_STOPPED, &r.err);
            CU_ASSERT(w.n_finished < 5000);
            CU_ASSERT_EQUAL(w.n_finished, w.worked); /* what was done is handed in */
            check_finished(&w, w.n_finished);
        }
    }
}

/* A row that cannot be read is told in its turn. */
static void test_bad_row(void)
{
    for (size_t k = 0; k < MANY_JOBS; k++) {
        struct watch w = {.jobs = many_jobs[k], .slow_work = 90};
        struct run r = run(&w, 1000, 100);
        EM_CHECK_STATUS(r.status, EM_ERR_INPUT, &r.err);
        CU_ASSERT_EQUAL(r.err.line, 100);
        CU_ASSERT_EQUAL(r.rows, 99);
        check_finished(&w, 99);
        w = (struct watch){.jobs = many_jobs[k], .fail_work = {90}, .slow_work = 90};
        r = run(&w, 1000, 100);
        EM_CHECK_STATUS(r.status, EM_ERR_FULL, &r.err);
        check_finished(&w, 89);
        /* Also when it is not wanted: what comes behind it is not known. */
        w = (struct watch){.jobs = many_jobs[k], .step = 7};
        r = run(&w, 1000, 100);
        EM_CHECK_STATUS(r.status, EM_ERR_INPUT, &r.err);
        CU_ASSERT_EQUAL(w.finished, 98);
        free(w.state);
    }
}

static void test_many_rows(void)
{
    for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
        struct watch w = {.jobs = jobs};
        struct run r = run(&w, 100000, NEVER);
        EM_CHECK_STATUS(r.status, EM_OK, &r.err);
        CU_ASSERT_EQUAL(r.rows, 100000);
        CU_ASSERT_EQUAL(w.n_finished, 100000);
        CU_ASSERT_EQUAL(w.finished, 100000);
        free(w.state);
    }
}

static enum em_status long_work(void *user, unsigned worker, struct em_unit *unit,
                                struct em_error *err)
{
    const size_t *len = user;
    (void)worker;
    for (size_t i = 0; i < unit->row.fields[0].len; i++) {
        if (unit->row.fields[0].p[i] != (uint8_t)('a' + unit->number % 26))
            return failed(unit->number, "text", EM_ERR_INPUT, err);
    }
    return unit->row.fields[0].len == *len
               ? EM_OK
               : failed(unit->number, "length", EM_ERR_INPUT, err);
}

static bool all(void *user, uint64_t number)
{
    (void)user, (void)number;
    return true;
}

static enum em_status nothing(void *user, struct em_unit *unit, struct em_error *err)
{
    (void)user, (void)unit, (void)err;
    return EM_OK;
}

static enum em_status no_progress(void *user, struct em_error *err)
{
    (void)user, (void)err;
    return EM_OK;
}

/* Rows so long that few of them are taken at a time; no admit(), no error object. */
static void test_long_rows(void)
{
    static const struct em_pass_ops long_ops = {all,     NULL,        long_work,
                                                nothing, no_progress, NULL};
    struct em_buf text = {0};
    struct em_csv *csv = NULL;
    struct em_error err;
    size_t len = 100000;
    uint64_t rows;
    for (size_t i = 1; i <= 60; i++) {
        uint8_t *to = need(em_buf_reserve(&text, len + 1));
        memset(to, (int)('a' + i % 26), len);
        to[len] = '\n';
        text.len += len + 1;
    }
    EM_CHECK_STATUS(em_csv_from_memory(&csv, "v.csv", text.data, text.len, &err), EM_OK,
                    &err);
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        EM_CHECK_STATUS(em_csv_rewind(csv, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_pass_run(csv, jobs, &long_ops, &len, &rows, NULL), EM_OK,
                        &err);
        CU_ASSERT_EQUAL(rows, 60);
    }
    len--; /* now the work finds every row wrong */
    EM_CHECK_STATUS(em_csv_rewind(csv, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_pass_run(csv, 3, &long_ops, &len, &rows, NULL), EM_ERR_INPUT,
                    &err);
    em_csv_free(csv);
    em_buf_free(&text);
}

static const struct em_test tests[] = {
    {"all rows, in order", test_all_rows},
    {"no rows", test_no_rows},
    {"wanted rows", test_wanted},
    {"work fails", test_work_fails},
    {"finish fails", test_finish_fails},
    {"admit fails", test_admit_fails},
    {"progress stops", test_progress_fails},
    {"a row that cannot be read", test_bad_row},
    {"100,000 rows", test_many_rows},
    {"long rows", test_long_rows},
};
EM_TEST_MAIN("mfg/pass", tests)
