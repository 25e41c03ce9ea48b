/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of partition tables, binary and CSV. */
#include "config.h"

#include "base/file_int.h"
#include "flasher/image/partition_int.h"

#include "tests/em_test.h"

#include <openssl/evp.h>

#include <unistd.h>

static enum em_status parse_text(struct em_partition_table *out, const char *text,
                                 struct em_error *err)
{
    return em_partition_parse(out, (const uint8_t *)text, strlen(text), "parts.csv",
                              EM_PARTITION_TABLE_AT, err);
}

/* The table "single factory app" of the vendor's guide, by hand. */
static const char single_app[] = "# Name,   Type, SubType, Offset,  Size, Flags\n"
                                 "nvs,      data, nvs,     0x9000,  0x6000,\n"
                                 "phy_init, data, phy,     0xf000,  0x1000,\n"
                                 "factory,  app,  factory, 0x10000, 1M,\n";

static const uint8_t single_app_entries[96] = {
    0xAA, 0x50, 0x01, 0x02, 0x00, 0x90, 0x00, 0x00, 0x00, 0x60, 0x00,
    0x00, 'n',  'v',  's',  0,    0,    0,    0,    0,    0,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, /* */
    0xAA, 0x50, 0x01, 0x01, 0x00, 0xF0, 0x00, 0x00, 0x00, 0x10, 0x00,
    0x00, 'p',  'h',  'y',  '_',  'i',  'n',  'i',  't',  0,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0, /* */
    0xAA, 0x50, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x10,
    0x00, 'f',  'a',  'c',  't',  'o',  'r',  'y',  0,    0,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
};

/* @p count entries of the above, with MD5 and end: a whole table. */
static void make_binary(uint8_t out[EM_PARTITION_TABLE_LEN], size_t count)
{
    memset(out, 0xFF, EM_PARTITION_TABLE_LEN);
    memcpy(out, single_app_entries, count * 32);
    memset(out + count * 32, 0xEB, 2);
    CU_ASSERT_EQUAL(
        EVP_Digest(out, count * 32, out + count * 32 + 16, NULL, EVP_md5(), NULL), 1);
}

static void check_single_app(const struct em_partition_table *table)
{
    CU_ASSERT_EQUAL_FATAL(table->count, 3);
    CU_ASSERT_STRING_EQUAL(table->rows[1].name, "phy_init");
    const struct em_partition *app = em_partition_find(table, "factory");
    CU_ASSERT_PTR_EQUAL_FATAL(app, &table->rows[2]);
    CU_ASSERT_EQUAL(app->type, EM_PARTITION_APP);
    CU_ASSERT_EQUAL(app->subtype, 0);
    CU_ASSERT_EQUAL(app->offset, 0x10000);
    CU_ASSERT_EQUAL(app->size, 0x100000);
    CU_ASSERT_EQUAL(app->flags, 0);
    CU_ASSERT_PTR_NULL(em_partition_find(table, "fact"));
    CU_ASSERT_PTR_NULL(em_partition_find(table, "Factory"));
    CU_ASSERT_PTR_NULL(em_partition_find(table, ""));
}

static void both_forms(void)
{
    struct em_partition_table table;
    struct em_error err;
    uint8_t out[EM_PARTITION_TABLE_LEN];
    uint8_t wanted[EM_PARTITION_TABLE_LEN];
    char text[64];
    make_binary(wanted, 3);
    EM_CHECK_STATUS(parse_text(&table, single_app, &err), EM_OK, &err);
    check_single_app(&table);
    CU_ASSERT_EQUAL(table.rows[2].line, 4);
    em_partition_list(&table, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "nvs, phy_init, factory");
    em_partition_list(&table, text, 8);
    CU_ASSERT_STRING_EQUAL(text, "nvs, ph");
    EM_CHECK_STATUS(em_partition_binary(out, &table, false, &err), EM_OK, &err);
    EM_CHECK_BYTES(out, wanted, sizeof wanted);
    EM_CHECK_STATUS(
        em_partition_parse(&table, out, sizeof out, "p.bin", EM_PARTITION_TABLE_AT, &err),
        EM_OK, &err);
    check_single_app(&table);
    CU_ASSERT_EQUAL(table.rows[2].line, 0);
    CU_ASSERT_TRUE(table.has_md5);
}

/* Columns of one row, and what comes of them. */
static void columns(void)
{
    static const struct {
        const char *text;
        uint8_t type, subtype;
        uint32_t offset, size, flags;
    } cases[] = {
        {"a,app,factory,0x10000,0x1000", 0, 0, 0x10000, 0x1000, 0},
        {"a,app,ota_0,,64K,", 0, 0x10, 0x10000, 0x10000, 0},
        {"a,app,ota_9,128k,1m", 0, 0x19, 0x20000, 0x100000, 0},
        {"a,app,ota_15,1M,4096", 0, 0x1F, 0x100000, 4096, 0},
        {"a,app,test,65536,1", 0, 0x20, 0x10000, 1, 0},
        {"a,0,0x21,,1", 0, 0x21, 0x10000, 1, 0},
        {"a,data,ota,,0x2000", 1, 0, 0x9000, 0x2000, 0},
        {"a,data,phy,,1", 1, 1, 0x9000, 1, 0},
        {"a,data,nvs,,1", 1, 2, 0x9000, 1, 0},
        {"a,data,coredump,,1", 1, 3, 0x9000, 1, 0},
        {"a,data,nvs_keys,,1,encrypted", 1, 4, 0x9000, 1, 1},
        {"a,data,efuse,,1,readonly", 1, 5, 0x9000, 1, 2},
        {"a,data,undefined,,1,encrypted:readonly", 1, 6, 0x9000, 1, 3},
        {"a,data,,,1, readonly : encrypted ,", 1, 6, 0x9000, 1, 3},
        {"a,data,esphttpd,,1", 1, 0x80, 0x9000, 1, 0},
        {"a,data,fat,,1", 1, 0x81, 0x9000, 1, 0},
        {"a,data,spiffs,,1", 1, 0x82, 0x9000, 1, 0},
        {"a,data,littlefs,,1 # comment", 1, 0x83, 0x9000, 1, 0},
        {"a,1,0xFE,0xA000,1", 1, 0xFE, 0xA000, 1, 0},
        {"a,0x40,,,1", 0x40, 0, 0x9000, 1, 0},
        {"a,254,7,,1", 0xFE, 7, 0x9000, 1, 0},
        {"a,bootloader,primary,0x0,0x8000", 2, 0, 0, 0x8000, 0},
        {"\xEF\xBB\xBF"
         "a,data,nvs,0xFFFFF000,4K\r\n\r\n",
         1, 2, 0xFFFFF000, 0x1000, 0},
        {"#x\n\n  \t\n  a \t,\tdata , nvs , 0x9000 , 0x6000 , ", 1, 2, 0x9000, 0x6000, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_partition_table table;
        struct em_error err;
        EM_CHECK_STATUS(parse_text(&table, cases[i].text, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(table.count, 1);
        const struct em_partition *row = em_partition_find(&table, "a");
        CU_ASSERT_PTR_NOT_NULL_FATAL(row);
        CU_ASSERT_EQUAL(row->type, cases[i].type);
        CU_ASSERT_EQUAL(row->subtype, cases[i].subtype);
        CU_ASSERT_EQUAL(row->offset, cases[i].offset);
        CU_ASSERT_EQUAL(row->size, cases[i].size);
        CU_ASSERT_EQUAL(row->flags, cases[i].flags);
    }
}

/* Rows without an offset follow the row before, apps at pages of 64 KiB. */
static void filled_in(void)
{
    static const char text[] = "nvs,data,nvs,,0x4000\n"
                               "otadata,data,ota,,0x2000\n"
                               "phy_init,data,phy,,0x1100\n"
                               "tiny,data,fat,,1\n"
                               "factory,app,factory,,1M\n"
                               "ota_0,app,ota_0,,0xF1000\n"
                               "ota_1,app,ota_1,,1M\n"
                               "far,data,nvs,0x800000,4K\n"
                               "next,data,nvs,,4K\n";
    static const uint32_t wanted[] = {0x9000,   0xD000,   0xF000,   0x11000, 0x20000,
                                      0x120000, 0x220000, 0x800000, 0x801000};
    struct em_partition_table table;
    struct em_error err;
    EM_CHECK_STATUS(parse_text(&table, text, &err), EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(table.count, 9);
    for (size_t i = 0; i < 9; i++)
        CU_ASSERT_EQUAL(table.rows[i].offset, wanted[i]);
    EM_CHECK_STATUS(em_partition_parse(&table, (const uint8_t *)text, strlen(text), "t",
                                       0x10000, &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL(table.rows[0].offset, 0x11000);
}

static void faults_of_csv(void)
{
    static const struct {
        const char *text;
        unsigned long line;
        const char *what;
    } cases[] = {
        {"", 0, "no partition in it"},
        {"# nothing\n\n", 0, "no partition in it"},
        {"a,data,nvs,0x9000\n", 1, "5 or 6 columns"},
        {"#\na,data,nvs,0x9000,4K,,x\n", 2, "5 or 6 columns"},
        {"hello\n", 1, "5 or 6 columns"},
        {",data,nvs,,4K", 1, "without a name"},
        {"a1234567890123456,data,nvs,,4K", 1, "17 bytes, limit 16"},
        {"a\x07,data,nvs,,4K", 1, "U+0007 at position 2"},
        {"\xFFnvs,data,nvs,,4K", 0, "17 bytes without an end"},
        {"n\xC0vs,data,nvs,,4K", 1, "0xC0 at position 2"},
        {"a,date,nvs,,4K", 1, "type 'date'"},
        {"a,255,nvs,,4K", 1, "type '255'"},
        {"a,App,factory,,4K", 1, "type 'App'"},
        {"a,,nvs,,4K", 1, "type ''"},
        {"a,app,,,4K", 1, "subtype '' of partition 'a'"},
        {"a,app,nvs,,4K", 1, "subtype 'nvs'"},
        {"a,app,ota_16,,4K", 1, "subtype 'ota_16'"},
        {"a,app,ota_,,4K", 1, "subtype 'ota_'"},
        {"a,app,ota_0x,,4K", 1, "subtype 'ota_0x'"},
        {"a,data,nvs_key,,4K", 1, "subtype 'nvs_key'"},
        {"a,data,0xFF,,4K", 1, "subtype '0xFF'"},
        {"a,data,nvs,,", 1, "size ''"},
        {"a,data,nvs,,4Q", 1, "size '4Q'"},
        {"a,data,nvs,,-4K", 1, "size '-4K'"},
        {"a,data,nvs,,0", 1, "partition 'a' is empty"},
        {"a,data,nvs,,4096M", 1, "size '4096M'"},
        {"a,data,nvs,,99999999999999999999999", 1, "size '99999999999999999999999'"},
        {"a,data,nvs,x,4K", 1, "offset 'x'"},
        {"a,data,nvs,0x9001,4K", 1,
         "offset 0x9001 of partition 'a' is not a multiple of "
         "0x1000"},
        {"a,app,ota_0,0x11000,4K", 1, "not a multiple of 0x10000"},
        {"a,data,nvs,0xFFFFF000,8K", 1, "ends at 0x100001000, beyond 4 GiB"},
        {"a,data,nvs,0xFFFFF000,4K\nb,data,nvs,,4K", 2, "beyond 4 GiB"},
        {"a,data,nvs,,4K,crypted", 1, "flag 'crypted'"},
        {"a,data,nvs,,4K,encrypted:", 0, NULL},
        {"a,data,nvs,,4K,encrypted::readonly", 1, "flag ''"},
        {"a,data,nvs,,4K\nb,data,phy,,4K\na,data,phy,,4K\n", 3,
         "'a' is there twice (line 1)"},
        {"a,data,nvs,0x9000,8K\n\nb,data,phy,0xA000,4K\n", 3,
         "'b' at 0xa000, 0x1000 bytes, overlaps 'a' (line 1) at 0x9000, 0x2000 bytes"},
        {"b,data,phy,0xA000,4K\na,data,nvs,0x9000,8K\n", 2, "overlaps 'b'"},
        {"a,data,nvs,0x9000,4K\nb,data,phy,0x9000,4K\n", 2, "overlaps 'a'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_partition_table table;
        struct em_error err = {0};
        enum em_status wanted = cases[i].what == NULL ? EM_OK : EM_ERR_INPUT;
        EM_CHECK_STATUS(parse_text(&table, cases[i].text, &err), wanted, &err);
        if (cases[i].what == NULL)
            continue;
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_STRING_EQUAL(err.file, "parts.csv");
        CU_ASSERT_EQUAL(err.line, cases[i].line);
        CU_ASSERT_EQUAL(table.count, 0);
    }
}

static void many(void)
{
    struct em_buf text = {0};
    struct em_partition_table table;
    struct em_error err = {0};
    for (unsigned i = 0; i < 96; i++) {
        char row[64];
        (void)snprintf(row, sizeof row, "p%u,data,nvs,,4K\n", i);
        if (i == 95) { /* as many as a table holds */
            uint8_t out[EM_PARTITION_TABLE_LEN];
            EM_CHECK_STATUS(em_partition_parse(&table, text.data, text.len, "t",
                                               EM_PARTITION_TABLE_AT, &err),
                            EM_OK, &err);
            CU_ASSERT_EQUAL(table.count, 95);
            EM_CHECK_STATUS(em_partition_binary(out, &table, false, &err), EM_OK, &err);
            EM_CHECK_STATUS(em_partition_parse(&table, out, sizeof out, "t", 0, &err),
                            EM_OK, &err);
            CU_ASSERT_EQUAL(table.count, 95);
        }
        em_buf_append_text(&text, row);
    }
    EM_CHECK_STATUS(
        em_partition_parse(&table, text.data, text.len, "t", EM_PARTITION_TABLE_AT, &err),
        EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "more than 95 partitions");
    CU_ASSERT_EQUAL(err.line, 96);
    em_buf_free(&text);
}

static void faults_of_binary(void)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *what; /* NULL: good */
    } cases[] = {
        {0, 0xAA, NULL},
        {1, 0x51, "entry 1 begins with aa 51"},
        {32, 0x00, "entry 2 begins with 00 50"},
        {64, 0xFF, "entry 3 begins with ff 50"},
        {12, 'N', "MD5 is not that of its entries"},
        {112, 0, "MD5 is not"},
        {96, 0xEA, "entry 4 begins with ea eb"},
        {98, 0xFE, "entry 4 begins with eb eb"},
        {128, 0xAA, "something follows its MD5"},
        {160, 0xAA, NULL}, /* behind the end */
        {12, 0, "without a name"},
        {12, 0x1B, "U+001B at position 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[EM_PARTITION_TABLE_LEN];
        struct em_partition_table table;
        struct em_error err = {0};
        make_binary(bytes, 3);
        bytes[cases[i].at] = cases[i].value;
        EM_CHECK_STATUS(em_partition_parse(&table, bytes, sizeof bytes, "p.bin", 0, &err),
                        cases[i].what == NULL ? EM_OK : EM_ERR_INPUT, &err);
        if (cases[i].what == NULL)
            continue;
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_STRING_EQUAL(err.file, "p.bin");
        CU_ASSERT_EQUAL(err.line, 0);
        CU_ASSERT_EQUAL(table.count, 0);
    }
}

/* Lengths at which the table has an end, and those at which it was cut off. */
static void lengths_of_binary(void)
{
    uint8_t bytes[EM_PARTITION_TABLE_LEN + 0x400];
    memset(bytes, 0xFF, sizeof bytes);
    make_binary(bytes, 3);
    for (size_t len = 1; len <= sizeof bytes; len++) {
        struct em_partition_table table;
        struct em_error err = {0};
        uint8_t *part = malloc(len);
        CU_ASSERT_PTR_NOT_NULL_FATAL(part);
        memcpy(part, bytes, len);
        enum em_status status = em_partition_parse(&table, part, len, "p.bin", 0, &err);
        CU_ASSERT_EQUAL(status, len >= 128 ? EM_OK : EM_ERR_INPUT);
        if (len < 128)
            EM_CHECK_HAS(err.what, "without an end");
        free(part);
    }
    /* Old tables have no MD5, only an end. */
    struct em_partition_table table;
    struct em_error err = {0};
    memset(bytes + 96, 0xFF, 32);
    EM_CHECK_STATUS(em_partition_parse(&table, bytes, 128, "p.bin", 0, &err), EM_OK,
                    &err);
    check_single_app(&table);
    /* A table of nothing, and erased flash. */
    make_binary(bytes, 0);
    EM_CHECK_STATUS(em_partition_parse(&table, bytes, 64, "p.bin", 0, &err), EM_ERR_INPUT,
                    &err);
    EM_CHECK_HAS(err.what, "no partition");
    memset(bytes, 0xFF, sizeof bytes);
    EM_CHECK_STATUS(em_partition_parse(&table, bytes, 0xC00, "p.bin", 0, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "no partition");
}

/* The whole of a binary table is checked as that of a CSV is. */
static void binary_as_a_whole(void)
{
    uint8_t bytes[EM_PARTITION_TABLE_LEN];
    struct em_partition_table table;
    struct em_error err = {0};
    make_binary(bytes, 2);
    memcpy(bytes + 32, bytes, 32); /* nvs again */
    CU_ASSERT_EQUAL(EVP_Digest(bytes, 64, bytes + 80, NULL, EVP_md5(), NULL), 1);
    EM_CHECK_STATUS(em_partition_parse(&table, bytes, sizeof bytes, "p.bin", 0, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "'nvs' is there twice");
    make_binary(bytes, 2);
    memset(bytes + 4, 0xFF, 8); /* offset and size to the very end */
    CU_ASSERT_EQUAL(EVP_Digest(bytes, 64, bytes + 80, NULL, EVP_md5(), NULL), 1);
    EM_CHECK_STATUS(em_partition_parse(&table, bytes, sizeof bytes, "p.bin", 0, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "ends at 0x1fffffffe, beyond 4 GiB");
    /* A name that fills its field has no NUL. */
    make_binary(bytes, 2);
    memset(bytes + 12, 'n', 16);
    CU_ASSERT_EQUAL(EVP_Digest(bytes, 64, bytes + 80, NULL, EVP_md5(), NULL), 1);
    EM_CHECK_STATUS(em_partition_parse(&table, bytes, sizeof bytes, "p.bin", 0, &err),
                    EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL(em_partition_find(&table, "nnnnnnnnnnnnnnnn"));
}

static void from_file(void)
{
    char folder[] = "/tmp/em_partition.XXXXXX";
    char path[64];
    struct em_partition_table table;
    struct em_error err = {0};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/parts.csv", folder);
    EM_CHECK_STATUS(em_partition_load(&table, path, EM_PARTITION_TABLE_AT, &err),
                    EM_ERR_IO, &err);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT(fputs(single_app, file) >= 0);
    CU_ASSERT_EQUAL(fclose(file), 0);
    EM_CHECK_STATUS(em_partition_load(&table, path, EM_PARTITION_TABLE_AT, &err), EM_OK,
                    &err);
    check_single_app(&table);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static const struct em_test tests[] = {
    {"CSV to binary and back", both_forms},
    {"columns", columns},
    {"offsets that are left out", filled_in},
    {"faults of CSV", faults_of_csv},
    {"as many as fit, and one more", many},
    {"faults of binary tables", faults_of_binary},
    {"lengths of binary tables", lengths_of_binary},
    {"binary tables as a whole", binary_as_a_whole},
    {"from a file", from_file},
};

EM_TEST_MAIN("flasher/image/partition", tests)
