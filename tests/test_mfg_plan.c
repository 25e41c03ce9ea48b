/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the plan: which column a key gets its value from, and REPEAT. */
#include "config.h"

#include "mfg/plan_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

/* A plan made from two texts, and the reader of the values behind their header. */
struct made {
    struct em_plan plan;
    struct em_report report;
    struct told told;
    struct em_hooks hooks;
    struct em_csv *values;
    struct em_csv_row row;
    struct em_error err;
};

static struct made *make(const char *config_text, const char *values, const char *id_name)
{
    struct made *m = need(calloc(1, sizeof *m));
    struct em_csv *csv = NULL;
    struct em_config config;
    m->hooks = (struct em_hooks){.log = tell, .user = &m->told};
    m->report.hooks = &m->hooks;
    EM_CHECK_STATUS(
        em_csv_from_memory(&csv, "c.csv", config_text, strlen(config_text), &m->err),
        EM_OK, &m->err);
    EM_CHECK_STATUS(em_config_read(&config, csv, "c.csv", &m->report, &m->err), EM_OK,
                    &m->err);
    em_csv_free(csv);
    CU_ASSERT_EQUAL_FATAL(m->report.faults, 0);
    EM_CHECK_STATUS(
        em_csv_from_memory(&m->values, "v.csv", values, strlen(values), &m->err), EM_OK,
        &m->err);
    EM_CHECK_STATUS(em_csv_next(m->values, &m->row, &m->err), EM_OK, &m->err);
    EM_CHECK_STATUS(
        em_plan_make(&m->plan, &config, "v.csv", &m->row, id_name, &m->report, &m->err),
        EM_OK, &m->err);
    CU_ASSERT_EQUAL(config.n_items, 0); /* it is the plan's now */
    CU_ASSERT_PTR_NULL(config.items);
    return m;
}

static void next_row(struct made *m)
{
    EM_CHECK_STATUS(em_csv_next(m->values, &m->row, &m->err), EM_OK, &m->err);
}

static void end(struct made *m)
{
    em_plan_free(&m->plan);
    em_csv_row_free(&m->row);
    em_csv_free(m->values);
    free(m);
}

#define CONFIG "n,namespace,\na,data,u8\nb,data,u8\n"

static void test_columns(void)
{
    static const struct {
        const char *config, *header;
        long columns[6]; /* of the items, namespaces -1 */
    } cases[] = {
        {CONFIG, "a,b", {-1, 0, 1}},
        {CONFIG, "id,a,note,b,x", {-1, 1, 3}},
        {CONFIG, "b,a", {-1, 1, 0}},
        {CONFIG, "a,a,b,b", {-1, 0, 2}},
        {CONFIG, "A,\"a\",\" b\",b", {-1, 1, 3}},
        {"n,namespace,\na,data,u8\nm,namespace,\na,data,u8\n", "a,x,a", {-1, 0, -1, 2}},
        {"n,namespace,\na,data,u8\nm,namespace,\na,data,u8\nb,data,u8\n",
         "a,b,a,a",
         {-1, 0, -1, 2, 1}},
        {"n,namespace,\na,data,u8\nm,namespace,\na,data,u8\nn,namespace,\nb,data,u8\n",
         "b,a,a",
         {-1, 1, -1, 2, -1, 0}},
        {"n,namespace,\n\"\",data,u8\n", "x,,y", {-1, 1}},
        /* A namespace called as a key takes no column from it. */
        {"a,namespace,\na,data,u8\n", "a", {-1, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made *m = make(cases[i].config, cases[i].header, NULL);
        CU_ASSERT_EQUAL(m->report.faults, 0);
        CU_ASSERT_EQUAL(m->report.warnings, 0);
        CU_ASSERT_EQUAL(m->plan.id_column, EM_NO_COLUMN);
        CU_ASSERT_FALSE(m->plan.has_repeat);
        for (size_t k = 0; k < m->plan.config.n_items; k++)
            CU_ASSERT_EQUAL(m->plan.values[k].column, cases[i].columns[k]);
        end(m);
    }
}

static void test_missing(void)
{
    static const struct {
        const char *config, *header;
        unsigned long faults, line; /* line of the first in the config */
        const char *what;
    } cases[] = {
        {CONFIG, "a,c", 1, 3, "key 'b' has no column in 'v.csv'"},
        {CONFIG, "x", 2, 2, "key 'a' has no column"},
        {CONFIG, "A,B", 2, 2, "key 'a' has no column"},
        {CONFIG, "a;b", 2, 2, "whose header is one column"},
        {CONFIG, "\"a\n\",b", 1, 2, "key 'a' has no column"},
        {"n,namespace,\na,data,u8\nm,namespace,\na,data,u8\n", "a,x", 1, 4,
         "'a' is in 2 namespaces but has only 1 column in"},
        {"n,namespace,\na,data,u8\nm,namespace,\na,data,u8\no,namespace,\na,data,u8\n",
         "a,a", 1, 6, "'a' is in 3 namespaces but has only 2 columns in"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made *m = make(cases[i].config, cases[i].header, NULL);
        CU_ASSERT_EQUAL(m->report.faults, cases[i].faults);
        CU_ASSERT_EQUAL(m->report.first, EM_ERR_INPUT);
        CU_ASSERT_EQUAL_FATAL(m->told.n, cases[i].faults);
        CU_ASSERT_STRING_EQUAL(m->told.msg[0].file, "c.csv");
        CU_ASSERT_EQUAL(m->told.msg[0].line, cases[i].line);
        EM_CHECK_HAS(m->told.msg[0].what, cases[i].what);
        end(m);
    }
}

/* A column that is missing for one of two namespaces: 3 columns short is 2 faults. */
static void test_missing_twice(void)
{
    struct made *m = make("n,namespace,\na,data,u8\nm,namespace,\na,data,u8\n"
                          "o,namespace,\na,data,u8\n",
                          "a", NULL);
    CU_ASSERT_EQUAL_FATAL(m->told.n, 2);
    EM_CHECK_HAS(m->told.msg[0].what, "only 1 column in");
    EM_CHECK_HAS(m->told.msg[1].what, "only 1 column in"); /* there is one, not two */
    end(m);
}

static void test_id_column(void)
{
    struct made *m = make(CONFIG, "a,serial,b", "serial");
    CU_ASSERT_EQUAL(m->plan.id_column, 1);
    CU_ASSERT_EQUAL(m->report.faults, 0);
    end(m);
    m = make(CONFIG, "\n\na,b", "b"); /* a key's own column will do */
    CU_ASSERT_EQUAL(m->plan.id_column, 1);
    end(m);
    m = make(CONFIG, "\n\na,b", "serial");
    CU_ASSERT_EQUAL(m->plan.id_column, EM_NO_COLUMN);
    CU_ASSERT_EQUAL_FATAL(m->report.faults, 1);
    CU_ASSERT_STRING_EQUAL(m->told.msg[0].file, "v.csv");
    CU_ASSERT_EQUAL(m->told.msg[0].line, 3);
    EM_CHECK_HAS(m->told.msg[0].what, "'serial'");
    end(m);
    m = make(CONFIG, "id,a,id,b", "id");
    CU_ASSERT_EQUAL(m->plan.id_column, 0);
    CU_ASSERT_EQUAL(m->report.faults, 0);
    CU_ASSERT_EQUAL_FATAL(m->report.warnings, 1);
    EM_CHECK_HAS(m->told.msg[0].what, "several columns");
    end(m);
}

static void check_text(const struct made *m, size_t idx, const char *wanted)
{
    CU_ASSERT(em_span_is(em_plan_text(&m->plan, idx, &m->row), wanted));
}

/* REPEAT goes by the item's column, also where a key is in several namespaces. */
static void test_repeat(void)
{
    struct made *m = make("n,namespace,\na,data,u8\nb,data,string,REPEAT\nm,namespace,\n"
                          "a,data,u8,REPEAT\ne,data,string,REPEAT\n",
                          "a,b,a,e\n1,\"x,y\",2,\n3,zz,4,not\n", NULL);
    CU_ASSERT_TRUE(m->plan.has_repeat);
    next_row(m);
    EM_CHECK_STATUS(em_plan_repeat(&m->plan, &m->row, &m->err), EM_OK, &m->err);
    check_text(m, 1, "1");
    check_text(m, 2, "x,y");
    check_text(m, 4, "2");
    check_text(m, 5, "");
    next_row(m);
    check_text(m, 1, "3");
    check_text(m, 2, "x,y");
    check_text(m, 4, "2");
    check_text(m, 5, "");
    CU_ASSERT_PTR_NOT_NULL(em_plan_text(&m->plan, 5, &m->row).p);
    /* Taken again, it is the new row's. */
    EM_CHECK_STATUS(em_plan_repeat(&m->plan, &m->row, &m->err), EM_OK, &m->err);
    check_text(m, 2, "zz");
    check_text(m, 5, "not");
    end(m);
}

/* Values that are equal to names of columns are values all the same. */
static void test_values_like_names(void)
{
    struct made *m =
        make("n,namespace,\nname,data,string\n", "serial,name\nname,serial\n", "serial");
    next_row(m);
    check_text(m, 1, "serial");
    CU_ASSERT(em_span_is(m->row.fields[m->plan.id_column], "name"));
    end(m);
}

static void test_row_length(void)
{
    static const struct {
        const char *row;
        enum em_status status;
        const char *what;
    } cases[] = {
        {"1,2,3", EM_OK, ""},
        {",,", EM_OK, ""},
        {"1,2", EM_ERR_INPUT, "2 columns, the header has 3"},
        {"1", EM_ERR_INPUT, "1 column, the header has 3"},
        {"1,2,3,", EM_ERR_INPUT, "4 columns, the header has 3"},
        {"\"1,2,3\"", EM_ERR_INPUT, "1 column, the header has 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "a,b,c\n\n%s\n", cases[i].row);
        struct made *m = make(CONFIG, text, NULL);
        next_row(m);
        EM_CHECK_STATUS(em_plan_check_row(&m->plan, &m->row, &m->err), cases[i].status,
                        &m->err);
        if (cases[i].status != EM_OK) {
            EM_CHECK_HAS(m->err.what, cases[i].what);
            CU_ASSERT_STRING_EQUAL(m->err.file, "v.csv");
            CU_ASSERT_EQUAL(m->err.line, 3);
        }
        end(m);
    }
}

static const struct em_test tests[] = {
    {"columns", test_columns},
    {"missing columns", test_missing},
    {"columns missing twice", test_missing_twice},
    {"the column of file ids", test_id_column},
    {"REPEAT", test_repeat},
    {"values like names", test_values_like_names},
    {"length of rows", test_row_length},
};
EM_TEST_MAIN("mfg/plan", tests)
