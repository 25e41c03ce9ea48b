/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reading Intel HEX files. */
#include "config.h"

#include "base/file_int.h"
#include "flasher/image/hex_int.h"

#include "tests/em_test.h"

#define END ":00000001FF\n"

static enum em_status parse(struct em_image_hex *out, const char *text,
                            struct em_error *err)
{
    return em_image_hex_parse(out, (const uint8_t *)text, strlen(text), "a.hex", err);
}

/* A piece that is wanted, with its bytes as text. */
struct wanted {
    uint32_t addr;
    const char *bytes;
};

static void check_pieces(const struct em_image_hex *hex, const struct wanted *wanted)
{
    size_t i = 0;
    for (; i < hex->count && wanted[i].bytes != NULL; i++) {
        const struct em_image_piece *piece = &hex->pieces[i];
        CU_ASSERT_EQUAL(piece->addr, wanted[i].addr);
        CU_ASSERT_EQUAL(piece->len, strlen(wanted[i].bytes));
        CU_ASSERT_FATAL(piece->off + piece->len <= hex->bytes.len);
        if (piece->len == strlen(wanted[i].bytes))
            EM_CHECK_BYTES(hex->bytes.data + piece->off, wanted[i].bytes, piece->len);
    }
    CU_ASSERT_EQUAL(i, hex->count);
    CU_ASSERT_PTR_NULL(wanted[i].bytes);
}

/* Checksums of these records were reckoned by a few lines of another language. */
static void good_files(void)
{
    static const struct {
        const char *text;
        struct wanted wanted[4];
        bool has_entry;
        uint32_t entry;
    } cases[] = {
        {":0100000041BE\n" END, {{0, "A"}}, false, 0},
        /* CR LF, small letters, no end of line; from the specification */
        {":0300300002337a1e\r\n:00000001ff", {{0x30, "\x02\x33\x7A"}}, false, 0},
        /* Blank lines, blanks around, a record of nothing */
        {"\n \t\n  :0100000041BE \t\r\n\n:0000000000\n" END "\n \n",
         {{0, "A"}},
         false,
         0},
        /* What touches becomes one piece, in any order; gaps stay */
        {":0200000041427B\n:02000200434475\n:0200040045466F\n" END,
         {{0, "ABCDEF"}},
         false,
         0},
        {":0200040045466F\n:0100080047B0\n:0200000041427B\n:02000200434475\n" END,
         {{0, "ABCDEF"}, {8, "G"}},
         false,
         0},
        /* Linear addresses: records go on beyond 64 KiB */
        {":020000040001F9\n:0100000041BE\n:020000044000BA\n:02FFFF00595A4D\n" END,
         {{0x10000, "A"}, {0x4000FFFF, "YZ"}},
         false,
         0},
        {":02000004FFFFFC\n:01FFFF005AA7\n" END, {{0xFFFFFFFF, "Z"}}, false, 0},
        /* Segments: they go on at their beginning */
        {":020000021000EC\n:02FFFF00595A4D\n:0100010042BC\n" END,
         {{0x10000, "ZB"}, {0x1FFFF, "Y"}},
         false,
         0},
        {":02000002F0000C\n:0100000041BE\n:020000040000FA\n:0100010042BC\n" END,
         {{1, "B"}, {0xF0000, "A"}},
         false,
         0},
        /* Start addresses */
        {":0100000041BE\n:04000005403800106F\n" END, {{0, "A"}}, true, 0x40380010},
        {":0100000041BE\n:0400000312340010A3\n" END, {{0, "A"}}, true, 0x12350},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_image_hex hex;
        struct em_error err;
        EM_CHECK_STATUS(parse(&hex, cases[i].text, &err), EM_OK, &err);
        check_pieces(&hex, cases[i].wanted);
        CU_ASSERT_EQUAL(hex.has_entry, cases[i].has_entry);
        CU_ASSERT_EQUAL(hex.entry, cases[i].entry);
        em_image_hex_free(&hex);
        CU_ASSERT_PTR_NULL(hex.pieces);
    }
}

static void faults(void)
{
    static const struct {
        const char *text;
        unsigned long line;
        const char *what;
    } cases[] = {
        {"", 0, "no end record"},
        {"\n\n", 0, "no end record"},
        {":0100000041BE\n", 0, "no end record"},
        {END, 0, "no data"},
        {"hello\n", 1, "does not begin with ':'"},
        {":0100000041BE\n0100010042BC\n", 2, "does not begin with ':'"},
        {":0100000041BF\n" END, 1, "checksum bf, its bytes have be"},
        {":0100000051BE\n" END, 1, "checksum be, its bytes have ae"},
        {"\n:0100000041BE0\n" END, 2, "record with 13 digits"},
        {":01000000\n" END, 1, "record with 8 digits"},
        {":\n", 1, "record with 0 digits"},
        {":01000000G1BE\n", 1, "at column 10"},
        {":010000004GBE\n", 1, "at column 11"},
        {":0100 00041BE\n", 1, "at column 6"},
        {":0200000041BE\n" END, 1, "record of 1 bytes of data says it has 2"},
        {":0000000041BE\n" END, 1, "record of 1 bytes of data says it has 0"},
        {":00000006FA\n" END, 1, "record type 06"},
        {":0100000200FD\n" END, 1, "record type 02 with 1 bytes, not 2"},
        {":0100000100FE\n", 1, "record type 01 with 1 bytes, not 0"},
        {":0100000041BE\n" END END, 3, "something follows the end record"},
        {":0100000041BE\n" END "x", 3, "something follows the end record"},
        {":0200000041427B\n:0100010042BC\n" END, 0, "the byte at 0x1 is given twice"},
        {":0100000041BE\n:0100000041BE\n" END, 0, "the byte at 0x0 is given twice"},
        {":0100010042BC\n:0200000041427B\n" END, 0, "the byte at 0x1 is given twice"},
        {":02000004FFFFFC\n:02FFFF00595A4D\n" END, 2, "ends beyond 4 GiB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_image_hex hex;
        struct em_error err = {0};
        EM_CHECK_STATUS(parse(&hex, cases[i].text, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_STRING_EQUAL(err.file, "a.hex");
        if (err.line != cases[i].line)
            printf("\n  %s: line %lu\n", cases[i].what, err.line);
        CU_ASSERT_EQUAL(err.line, cases[i].line);
        CU_ASSERT_EQUAL(hex.count, 0);
        CU_ASSERT_PTR_NULL(hex.pieces);
        CU_ASSERT_PTR_NULL(hex.bytes.data);
    }
}

static void longest_record(void)
{
    struct em_buf text = {0};
    struct em_image_hex hex;
    struct em_error err = {0};
    em_buf_append_text(&text, ":FF000000");
    for (unsigned i = 0; i < 255; i++)
        em_buf_append_text(&text, "00");
    em_buf_append_text(&text, "01\n" END);
    EM_CHECK_STATUS(em_image_hex_parse(&hex, text.data, text.len, "a.hex", &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL(hex.bytes.len, 255);
    em_image_hex_free(&hex);
    em_buf_clear(&text);
    em_buf_append_text(&text, ":FF000000");
    for (unsigned i = 0; i < 256; i++)
        em_buf_append_text(&text, "00");
    em_buf_append_text(&text, "01\n" END);
    EM_CHECK_STATUS(em_image_hex_parse(&hex, text.data, text.len, "a.hex", &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "record with 522 digits");
    em_buf_free(&text);
}

/* Many pieces, written from the end to the start. */
static void many_pieces(void)
{
    enum { PIECES = 1000 };
    struct em_buf text = {0};
    struct em_image_hex hex;
    struct em_error err = {0};
    for (unsigned i = PIECES; i-- > 0;) {
        char row[32];
        unsigned addr = i * 2;
        unsigned sum = 1 + (addr >> 8) + (addr & 0xFF) + (i & 0xFF);
        (void)snprintf(row, sizeof row, ":01%04X00%02X%02X\n", addr, i & 0xFF,
                       (0x100 - (sum & 0xFF)) & 0xFF);
        em_buf_append_text(&text, row);
    }
    em_buf_append_text(&text, END);
    EM_CHECK_STATUS(em_image_hex_parse(&hex, text.data, text.len, "a.hex", &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL_FATAL(hex.count, PIECES);
    for (size_t i = 0; i < PIECES; i++) {
        CU_ASSERT_EQUAL(hex.pieces[i].addr, 2 * i);
        CU_ASSERT_EQUAL(hex.bytes.data[hex.pieces[i].off], i & 0xFF);
    }
    em_image_hex_free(&hex);
    em_buf_free(&text);
}

static void looks(void)
{
    static const struct {
        const char *text;
        bool wanted;
    } cases[] = {
        {":00000001FF", true},
        {"\r\n :0100000041BE\n", true},
        {"", false},
        {":", false},
        {":00000001F", false},
        {":0000000\x01"
         "FF",
         false},
        {"x:00000001FF", false},
        {"\xE9\x02\x02\x2F"
         "01234567",
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT_EQUAL(
            em_image_hex_looks((const uint8_t *)cases[i].text, strlen(cases[i].text)),
            cases[i].wanted);
}

static void read_data(struct em_buf *out, const char *name)
{
    const char *top = getenv("top_srcdir");
    char path[512];
    struct em_error err;
    (void)snprintf(path, sizeof path, "%s/tests/data/image/%s", top != NULL ? top : ".",
                   name);
    EM_CHECK_STATUS(em_file_read(out, path, 65536, &err), EM_OK, &err);
}

/* A file that a published tool made of three others: see tests/data/image/README.md. */
static void golden(void)
{
    static const struct {
        uint32_t addr;
        const char *name;
    } files[] = {
        {0x8000, "esp32.bin"}, {0x9000, "esp8266.bin"}, {0x3FFF0, "esp32c3.bin"}};
    struct em_buf text = {0};
    struct em_image_hex hex;
    struct em_error err;
    read_data(&text, "merged.hex");
    CU_ASSERT_TRUE(em_image_hex_looks(text.data, text.len));
    EM_CHECK_STATUS(em_image_hex_parse(&hex, text.data, text.len, "merged.hex", &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(hex.count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct em_buf wanted = {0};
        read_data(&wanted, files[i].name);
        CU_ASSERT_EQUAL(hex.pieces[i].addr, files[i].addr);
        CU_ASSERT_EQUAL_FATAL(hex.pieces[i].len, wanted.len);
        EM_CHECK_BYTES(hex.bytes.data + hex.pieces[i].off, wanted.data, wanted.len);
        em_buf_free(&wanted);
    }
    em_image_hex_free(&hex);
    em_buf_free(&text);
    em_image_hex_free(NULL);
}

static const struct em_test tests[] = {
    {"good files", good_files},   {"faults", faults}, {"longest record", longest_record},
    {"many pieces", many_pieces}, {"looks", looks},   {"as a published tool", golden},
};

EM_TEST_MAIN("flasher/image/hex", tests)
