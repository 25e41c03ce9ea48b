/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the config file: what is taken from it, and every fault with its line. */
#include "config.h"

#include "mfg/config_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

/* A config that was read, with what was told about it. */
struct reading {
    struct em_config config;
    struct em_report report;
    struct told told;
    struct em_hooks hooks;
    enum em_status status;
    struct em_error err;
};

static struct reading *read_config(const void *text, size_t len)
{
    struct reading *r = need(calloc(1, sizeof *r));
    struct em_csv *csv = NULL;
    r->hooks = (struct em_hooks){.log = tell, .user = &r->told};
    r->report.hooks = &r->hooks;
    EM_CHECK_STATUS(em_csv_from_memory(&csv, "c.csv", text, len, &r->err), EM_OK,
                    &r->err);
    r->status = em_config_read(&r->config, csv, "c.csv", &r->report, &r->err);
    em_csv_free(csv);
    return r;
}

static struct reading *read_text(const char *text)
{
    return read_config(text, strlen(text));
}

static void end(struct reading *r)
{
    em_config_free(&r->config);
    free(r);
}

static void test_rows(void)
{
    struct reading *r = read_text("\xEF\xBB\xBF"
                                  "factory,namespace,\n"
                                  "\n"
                                  "id,data,u32\n"
                                  "\"\",data,string,REPEAT\n"
                                  "\"a,\"\"b\",file,binary\n"
                                  "#k,data,i16\n"
                                  "123456789012345,namespace,\n"
                                  "namespace,data,string\n"
                                  "REPEAT,data,u8\n"
                                  "ap.ssid,data,string\n");
    const struct em_item *items = r->config.items;
    static const char *const keys[] = {"factory",   "id",     "",
                                       "a,\"b",     "#k",     "123456789012345",
                                       "namespace", "REPEAT", "ap.ssid"};
    static const unsigned long lines[] = {1, 3, 4, 5, 6, 7, 8, 9, 10};
    static const char *const csv[] = {
        "factory,namespace,,",      "id,data,u32,",    ",data,string,",
        "\"a,\"\"b\",file,binary,", "#k,data,i16,",    "123456789012345,namespace,,",
        "namespace,data,string,",   "REPEAT,data,u8,", "ap.ssid,data,string,"};
    EM_CHECK_STATUS(r->status, EM_OK, &r->err);
    CU_ASSERT_EQUAL(r->report.faults, 0);
    CU_ASSERT_EQUAL_FATAL(r->config.n_items, sizeof keys / sizeof keys[0]);
    for (size_t i = 0; i < r->config.n_items; i++) {
        CU_ASSERT_STRING_EQUAL(items[i].key, keys[i]);
        CU_ASSERT_EQUAL(items[i].line, lines[i]);
        CU_ASSERT_EQUAL(items[i].csv_len, strlen(csv[i]));
        EM_CHECK_BYTES(items[i].csv, csv[i], strlen(csv[i]));
        CU_ASSERT_EQUAL(items[i].is_namespace, i == 0 || i == 5);
        CU_ASSERT_EQUAL(items[i].repeat, i == 2);
        CU_ASSERT_EQUAL(items[i].from_file, i == 3);
        CU_ASSERT_EQUAL(items[i].ns, i < 5 ? 1 : 2);
        CU_ASSERT_EQUAL(items[i].wifi, i == 8 ? EM_WIFI_AP_SSID : EM_WIFI_NONE);
    }
    CU_ASSERT_STRING_EQUAL(items[4].encoding->name, "i16");
    CU_ASSERT_PTR_NULL(items[0].encoding);
    end(r);
}

static void test_wifi_roles(void)
{
    struct reading *r =
        read_text("n,namespace,\nsta.ssid,data,string\nsta.pswd,data,string\n"
                  "ap.ssid,data,string\nap.passwd,data,string\n"
                  "ap.authmode,data,u8\nsta.ssi,data,u8\nAP.ssid,data,u8\n");
    static const enum em_wifi_role roles[] = {
        EM_WIFI_NONE,        EM_WIFI_STA,         EM_WIFI_STA,  EM_WIFI_AP_SSID,
        EM_WIFI_AP_PASSWORD, EM_WIFI_AP_AUTHMODE, EM_WIFI_NONE, EM_WIFI_NONE};
    CU_ASSERT_EQUAL_FATAL(r->config.n_items, 8);
    for (size_t i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(r->config.items[i].wifi, roles[i]);
    end(r);
}

/* Spreadsheets fill rows with empty columns; those mean nothing. */
static void test_trailing_columns(void)
{
    struct reading *r = read_text("n,namespace,,,,\na,data,u8,,,\nb,data,u8,REPEAT,,\n");
    CU_ASSERT_EQUAL(r->report.faults, 0);
    CU_ASSERT_EQUAL_FATAL(r->config.n_items, 3);
    CU_ASSERT_FALSE(r->config.items[1].repeat);
    CU_ASSERT_TRUE(r->config.items[2].repeat);
    EM_CHECK_BYTES(r->config.items[1].csv, "a,data,u8,", 10);
    EM_CHECK_BYTES(r->config.items[0].csv, "n,namespace,,", 13);
    end(r);
}

static void test_reopened(void)
{
    struct reading *r = read_text("n1,namespace,\na,data,u8\nn2,namespace,\na,data,u8\n"
                                  "n1,namespace,\nc,data,u8\nn2,namespace,\nb,data,u8\n"
                                  "n3,namespace,\na,data,u8\n");
    static const uint8_t ns[] = {1, 1, 2, 2, 1, 1, 2, 2, 3, 3};
    CU_ASSERT_EQUAL(r->report.faults, 0);
    CU_ASSERT_EQUAL_FATAL(r->config.n_items, 10);
    for (size_t i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(r->config.items[i].ns, ns[i]);
    end(r);
}

static void test_faults(void)
{
    static const struct {
        const char *text;
        unsigned long faults;
        unsigned long line; /* of the first */
        const char *what;
    } cases[] = {
        /* clang-format off */
        {"", 1, 0, "no rows"},
        {"\n \n", 1, 0, "no rows"},
        {"a,data,u8\nb,data,xx\n", 1, 1, "not a namespace"},
        {"\n\nkey,type,encoding\n", 1, 3, "unknown type 'type'"},
        {"n,namespace\n", 1, 1, "2 columns"},
        {"n;namespace;\n", 1, 1, "1 column,"},
        {",namespace,\n", 1, 1, "without a name"},
        {"1234567890123456,namespace,\n", 1, 1, "has 16 bytes"},
        {"n,Namespace,\n", 1, 1, "unknown type"},
        {"n,namespace,,REPEAT\n", 1, 1, "three columns"},
        {"n,namespace,\nm,namespace,,REPEAT\n", 1, 2, "three columns"},
        {"n,namespace,\na,data\n", 1, 2, "2 columns"},
        {"n,namespace,\na\n", 1, 2, "1 column,"},
        {"n,namespace,\na,data,u8,REPEAT,zz\n", 1, 2, "5 columns"},
        {"n,namespace,\na,data,u8,,REPEAT\n", 1, 2, "5 columns"},
        {"n,namespace,\na,data,u8,repeat\n", 1, 2, "'repeat' in the fourth column"},
        {"n,namespace,\na,data,u8, REPEAT\n", 1, 2, "in the fourth column"},
        {"n,namespace,\nREPEAT,data,REPEAT\n", 1, 2, "unknown encoding 'REPEAT'"},
        {"n,namespace,\na,Data,u8\n", 1, 2, "unknown type 'Data'"},
        {"n,namespace,\na,data ,u8\n", 1, 2, "unknown type 'data '"},
        {"n,namespace,\na,,u8\n", 1, 2, "unknown type ''"},
        {"n,namespace,\na,data,U8\n", 1, 2, "unknown encoding 'U8'"},
        {"n,namespace,\na,data,blob\n", 1, 2, "unknown encoding 'blob'"},
        {"n,namespace,\na,data,,\n", 1, 2, "unknown encoding ''"},
        {"n,namespace,\na,data,,REPEAT\n", 1, 2, "unknown encoding ''"},
        {"n,namespace,\n1234567890123456,data,u8\n", 1, 2, "has 16 bytes"},
        {"n,namespace,\n\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9,data,u8\n",
         1, 2, "has 16 bytes"},
        {"n,namespace,\na,data,u8\n\n\na,data,u8\n", 1, 5, "from line 2"},
        {"n,namespace,\na,data,u8\nm,namespace,\nn,namespace,\na,data,u8\n", 1, 5, "from line 2"},
        {"n,namespace,\n\"a\nb\",data,u8\nc,data\n", 1, 4, "2 columns"},
        {"n,namespace,\na,data,u9\nb,data,u8\nc,dat,u8\nb,data,u8\n", 3, 2, "unknown encoding"},
        {"n,namespace,\n#comment\n", 1, 2, "1 column"},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading *r = read_text(cases[i].text);
        EM_CHECK_STATUS(r->status, EM_OK, &r->err);
        if (r->report.faults != cases[i].faults)
            printf("\n  case %zu: %lu faults\n", i, r->report.faults);
        CU_ASSERT_EQUAL(r->report.faults, cases[i].faults);
        CU_ASSERT_EQUAL(r->report.first, EM_ERR_INPUT);
        CU_ASSERT_EQUAL_FATAL(r->told.count[EM_LOG_ERROR], cases[i].faults);
        CU_ASSERT_EQUAL(r->told.msg[0].status, EM_ERR_INPUT);
        CU_ASSERT_STRING_EQUAL(r->told.msg[0].file, "c.csv");
        if (r->told.msg[0].line != cases[i].line)
            printf("\n  case %zu: line %lu\n", i, r->told.msg[0].line);
        CU_ASSERT_EQUAL(r->told.msg[0].line, cases[i].line);
        EM_CHECK_HAS(r->told.msg[0].what, cases[i].what);
        end(r);
    }
}

static void test_all_faults_in_order(void)
{
    static const unsigned long lines[] = {2, 4, 6};
    struct reading *r =
        read_text("n,namespace,\na,data,u9\nb,data,u8\nc,dat,u8\nd,data,u8\n"
                  "b,data,u8\n");
    CU_ASSERT_EQUAL_FATAL(r->told.n, 3);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(r->told.msg[i].line, lines[i]);
    end(r);
}

/* A namespace with a fault must not lend its keys to the one before it. */
static void test_no_fault_from_a_fault(void)
{
    struct reading *r = read_text("n,namespace,\na,data,u8\n"
                                  "1234567890123456,namespace,\na,data,u8\n");
    CU_ASSERT_EQUAL(r->report.faults, 1);
    CU_ASSERT_EQUAL(r->told.msg[0].line, 3);
    end(r);
}

/* Faults in the file itself end the reading; the rows before are told. */
static void test_unreadable(void)
{
    static const struct {
        const char *text;
        size_t len;
        unsigned long line;
    } cases[] = {
        {"n,namespace,\na,data,u9\nb,data,\"u8\n", 34, 3},
        {"n,namespace,\na,data,u9\nb,\0data,u8\n", 34, 3},
        {"n,namespace,\na,data,u9\nb,data,\xFF\n", 32, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reading *r = read_config(cases[i].text, cases[i].len);
        EM_CHECK_STATUS(r->status, EM_ERR_INPUT, &r->err);
        CU_ASSERT_EQUAL(r->err.line, cases[i].line);
        CU_ASSERT_STRING_EQUAL(r->err.file, "c.csv");
        CU_ASSERT_EQUAL(r->report.faults, 1);
        end(r);
    }
}

/* Messages stay one line of UTF-8, whatever is cut. */
static void test_messages(void)
{
    static const char *const rows[] = {
        "a,1234567890123456789012345678901234567890\xC3\xA9,u8",
        "a,123456789012345678901234567890123456789\xC3\xA9,u8",
        "a,data,123456789012345678901234567890123456789\xC3\xA9",
        "a,data,u8,123456789012345678901234567890123456789\xC3\xA9",
        "\"a\nb\",data,u9",
        "a,\"da\nta\",u8",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "n,namespace,\n%s\n", rows[i]);
        struct reading *r = read_text(text);
        CU_ASSERT_EQUAL_FATAL(r->told.n, 1);
        bool good = em_utf8_valid(em_span_of(r->told.msg[0].what)) &&
                    strchr(r->told.msg[0].what, '\n') == NULL;
        if (!good)
            printf("\n  case %zu: not one line of UTF-8: %s\n", i, r->told.msg[0].what);
        CU_ASSERT_TRUE(good);
        end(r);
    }
}

static void test_many_namespaces(void)
{
    struct em_buf text = {0};
    struct reading *r;
    for (unsigned i = 1; i <= 255; i++) {
        char row[64];
        (void)snprintf(row, sizeof row, "n%u,namespace,\nk,data,u8\n", i);
        if (i == 255) {
            r = read_config(text.data, text.len);
            CU_ASSERT_EQUAL(r->report.faults, 0);
            CU_ASSERT_EQUAL(r->config.items[r->config.n_items - 1].ns, 254);
            end(r);
        }
        em_buf_append_text(&text, row);
    }
    r = read_config(text.data, text.len);
    CU_ASSERT(r->report.faults >= 1);
    CU_ASSERT_EQUAL(r->told.msg[0].line, 509);
    EM_CHECK_HAS(r->told.msg[0].what, "255");
    end(r);
    em_buf_free(&text);
}

static unsigned long hash_warnings(const char *text, size_t pages)
{
    struct reading *r = read_text(text);
    CU_ASSERT_EQUAL(r->report.faults, 0);
    em_config_warn_hashes(&r->config, pages, &r->report);
    unsigned long n = r->report.warnings;
    for (size_t i = 0; i < r->told.n; i++) {
        CU_ASSERT_EQUAL(r->told.level[i], EM_LOG_WARNING);
        EM_CHECK_HAS(r->told.msg[i].what, "'key33' and 'key109932' (line 4)");
        CU_ASSERT_EQUAL(r->told.msg[i].line, 2);
    }
    end(r);
    return n;
}

static void test_hash_warning(void)
{
    CU_ASSERT_EQUAL(em_nvs_item_hash(1, "key33", 0xFF),
                    em_nvs_item_hash(1, "key109932", 0xFF));
    CU_ASSERT_EQUAL(
        hash_warnings("n,namespace,\nkey33,data,u8\nx,data,u8\nkey109932,data,u8\n", 3),
        1);
    /* In other namespaces they differ; the same namespace opened twice is one entry. */
    CU_ASSERT_EQUAL(
        hash_warnings("n,namespace,\nkey33,data,u8\nm,namespace,\nkey109932,data,u8\n"
                      "n,namespace,\nm,namespace,\n",
                      3),
        0);
    CU_ASSERT(hash_warnings(
                  "n,namespace,\nkey33,data,binary\nx,data,u8\nkey109932,data,hex2bin\n",
                  200) >= 1);
    CU_ASSERT_EQUAL(hash_warnings("n,namespace,\na,data,u8\nb,data,binary\n", 16384), 0);
}

static const struct em_test tests[] = {
    {"rows", test_rows},
    {"Wi-Fi roles", test_wifi_roles},
    {"empty columns at the end", test_trailing_columns},
    {"reopened namespaces", test_reopened},
    {"every fault with its line", test_faults},
    {"all faults, in order", test_all_faults_in_order},
    {"a fault brings no others", test_no_fault_from_a_fault},
    {"what cannot be read", test_unreadable},
    {"messages", test_messages},
    {"254 namespaces", test_many_namespaces},
    {"equal hashes", test_hash_warning},
};
EM_TEST_MAIN("mfg/config", tests)
