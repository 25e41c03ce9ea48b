/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reading and changing headers of firmware images. */
#include "config.h"

#include "base/bytes_int.h"
#include "base/file_int.h"
#include "flasher/image/image_int.h"

#include "tests/em_test.h"

#include <openssl/sha.h>

/* An image by hand: ESP32-C3, two segments, checksum at the end of the row, digest. */
enum { IMAGE_LEN = 96, IMAGE_FULL = IMAGE_LEN + 32 };

static void make_image(uint8_t out[IMAGE_FULL])
{
    static const uint8_t header[24] = {0xE9, 2,    2, 0x2F, 0x10, 0x32, 0x54, 0x40,
                                       0xEE, 0,    0, 0,    5,    0,    3,    0x2C,
                                       0x01, 0xC7, 0, 0,    0,    0,    0,    1};
    static const uint8_t first[8] = {0x20, 0x58, 0xCD, 0x3F, 40, 0, 0, 0};
    static const uint8_t second[8] = {0x10, 0xC7, 0x3C, 0x40, 4, 0, 0, 0};
    memset(out, 0, IMAGE_FULL);
    memcpy(out, header, 24);
    memcpy(out + 24, first, 8);
    for (uint8_t i = 0; i < 40; i++)
        out[32 + i] = i;
    memcpy(out + 72, second, 8);
    out[80] = 0x80;
    /* 0 ^ 1 ^ … ^ 39 = 0, as each four that begin with a multiple of 4 cancel out */
    out[95] = 0xEF ^ 0x80;
    SHA256(out, IMAGE_LEN, out + IMAGE_LEN);
}

static const struct em_chip *chip_of(const char *name)
{
    const struct em_chip *chip = em_chip_find(name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chip);
    return chip;
}

static void reads_all(void)
{
    uint8_t bytes[IMAGE_FULL];
    struct em_image image;
    struct em_error err;
    make_image(bytes);
    EM_CHECK_STATUS(em_image_parse(&image, bytes, sizeof bytes, chip_of("esp32c3"), &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL(image.mode, 2);
    CU_ASSERT_EQUAL(image.size_code, 2);
    CU_ASSERT_EQUAL(image.freq_code, 0xF);
    CU_ASSERT_EQUAL(image.entry, 0x40543210);
    CU_ASSERT_EQUAL(image.chip_id, 5);
    CU_ASSERT_EQUAL(image.min_revision_old, 3);
    CU_ASSERT_EQUAL(image.min_revision, 300);
    CU_ASSERT_EQUAL(image.max_revision, 199);
    CU_ASSERT_TRUE(image.has_digest);
    CU_ASSERT_EQUAL(image.count, 2);
    CU_ASSERT_EQUAL(image.segments[0].addr, 0x3FCD5820);
    CU_ASSERT_EQUAL(image.segments[0].len, 40);
    CU_ASSERT_PTR_EQUAL(image.segments[0].data, bytes + 32);
    CU_ASSERT_EQUAL(image.segments[1].addr, 0x403CC710);
    CU_ASSERT_EQUAL(image.segments[1].len, 4);
    CU_ASSERT_PTR_EQUAL(image.segments[1].data, bytes + 80);
    CU_ASSERT_EQUAL(image.checksum_off, 95);
    CU_ASSERT_EQUAL(image.len, IMAGE_FULL);
    /* More may follow. */
    EM_CHECK_STATUS(em_image_parse(&image, bytes, sizeof bytes, NULL, &err), EM_OK, &err);
}

/* Every length but the whole one is refused, without a byte read behind the end. */
static void cut_off(void)
{
    uint8_t bytes[IMAGE_FULL];
    make_image(bytes);
    for (size_t len = 0; len < IMAGE_FULL; len++) {
        struct em_image image;
        struct em_error err;
        uint8_t *part = malloc(len > 0 ? len : 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(part);
        memcpy(part, bytes, len);
        EM_CHECK_STATUS(em_image_parse(&image, part, len, chip_of("esp32c3"), &err),
                        EM_ERR_INPUT, &err);
        CU_ASSERT_EQUAL(em_image_header(&image, part, len, NULL), len >= 24);
        free(part);
    }
}

static void faults(void)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *what;
    } cases[] = {
        {0, 0xE8, "not a firmware image for ESP32-C3"},
        {1, 0, "not a firmware image"},
        {1, 17, "not a firmware image"},
        {1, 4, "segment 4 has"}, /* the digest as its length */
        {19, 1, "not a firmware image"},
        {22, 1, "not a firmware image"},
        {23, 2, "not a firmware image"},
        {28, 42, "segment 1 has 42 bytes, not a multiple of 4"},
        {29, 0x10, "segment 1 has 4136 bytes at 0x20, the image ends at 0x80"},
        {31, 1, "segment 1 has 16777256 bytes, not"},
        {79, 0xFF, "segment 2 has 4278190084 bytes, not"},
        {50, 0xFF, "checksum 0x6f, its segments have 0x82"},
        {95, 0x6E, "checksum 0x6e, its segments have 0x6f"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[IMAGE_FULL];
        struct em_image image;
        struct em_error err = {0};
        make_image(bytes);
        bytes[cases[i].at] = cases[i].value;
        EM_CHECK_STATUS(
            em_image_parse(&image, bytes, sizeof bytes, chip_of("esp32c3"), &err),
            EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
    }
}

/* Section 7.1: which revisions an image takes. */
static void revisions(void)
{
    static const struct {
        const char *chip;
        uint16_t chip_id;
        uint8_t old;
        uint16_t low, high;
        uint32_t revision;
        const char *what; /* NULL: fits */
    } cases[] = {
        {"esp32c3", 5, 0, 0, 65535, 4, NULL},
        {"esp32c3", 5, 0, 3, 199, 3, NULL},
        {"esp32c3", 5, 0, 3, 199, 199, NULL},
        {"esp32c3", 5, 0, 3, 199, 2, "needs revision 3 to 199, the ESP32-C3 has 2"},
        {"esp32c3", 5, 0, 3, 199, 200, "has 200"},
        {"esp32c3", 5, 0, 101, 65535, 100, "needs revision 101 or later"},
        {"esp32c3", 5, 3, 0, 65535, 3, NULL}, /* old form, minor on the C3 */
        {"esp32c3", 5, 3, 0, 65535, 2, "needs revision 3 or later"},
        {"esp32c3", 5, 3, 0, 0, 3, NULL},
        {"esp32c3", 5, 3, 0, 0, 102, "has 2"},
        {"esp32c3", 5, 0, 0, 0, 4, NULL},
        {"esp32c3", 5, 3, 1, 65535, 1, NULL}, /* new form counts once it is set */
        {"esp32", 0, 3, 0, 65535, 300, NULL}, /* old form, major elsewhere */
        {"esp32", 0, 3, 0, 65535, 203, "needs revision 3 or later, the ESP32 has 2"},
        {"esp32", 0, 1, 0, 0, 0, "has 0"},
        {"esp32", 5, 0, 0, 65535, 300, "made for ESP32-C3, the chip is an ESP32"},
        {"esp32c3", 999, 0, 0, 65535, 4, "made for chip id 999"},
        {"esp8266", 5, 9, 9, 9, 0, NULL}, /* tells nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_error err = {0};
        const struct em_image image = {.extended = true,
                                       .chip_id = cases[i].chip_id,
                                       .min_revision_old = cases[i].old,
                                       .min_revision = cases[i].low,
                                       .max_revision = cases[i].high};
        EM_CHECK_STATUS(
            em_image_check_chip(&image, chip_of(cases[i].chip), cases[i].revision, &err),
            cases[i].what == NULL ? EM_OK : EM_ERR_CHIP, &err);
        if (cases[i].what != NULL)
            EM_CHECK_HAS(err.what, cases[i].what);
    }
    struct em_error err;
    const struct em_image plain = {.extended = false};
    EM_CHECK_STATUS(em_image_check_chip(&plain, chip_of("esp32"), 0, &err), EM_OK, &err);
}

static void sets_header(void)
{
    static const struct {
        const char *mode, *freq, *size;
        uint8_t byte2, byte3;
    } cases[] = {
        {NULL, NULL, NULL, 2, 0x2F},     {"keep", "keep", "keep", 2, 0x2F},
        {"qio", NULL, NULL, 0, 0x2F},    {"qout", NULL, NULL, 1, 0x2F},
        {"DIO", "80M", "4mb", 2, 0x2F},  {"dout", "keep", NULL, 3, 0x2F},
        {NULL, "40m", NULL, 2, 0x20},    {NULL, "26m", "keep", 2, 0x21},
        {NULL, "20m", "128MB", 2, 0x72}, {NULL, NULL, "1MB", 2, 0x0F},
        {"qio", "40m", "16MB", 0, 0x40},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[IMAGE_FULL + 3], wanted[IMAGE_FULL + 3];
        const struct em_image_settings settings = {cases[i].mode, cases[i].freq,
                                                   cases[i].size};
        struct em_error err;
        bool changed = false;
        make_image(bytes);
        memcpy(bytes + IMAGE_FULL, "end", 3); /* what follows stays */
        memcpy(wanted, bytes, sizeof wanted);
        wanted[2] = cases[i].byte2;
        wanted[3] = cases[i].byte3;
        SHA256(wanted, IMAGE_LEN, wanted + IMAGE_LEN);
        EM_CHECK_STATUS(em_image_header_set(bytes, sizeof bytes, chip_of("esp32c3"),
                                            &settings, &changed, &err),
                        EM_OK, &err);
        EM_CHECK_BYTES(bytes, wanted, sizeof wanted);
        CU_ASSERT_EQUAL(changed, cases[i].byte2 != 2 || cases[i].byte3 != 0x2F);
    }
}

static void no_digest(void)
{
    uint8_t bytes[IMAGE_FULL], wanted[IMAGE_FULL];
    struct em_error err;
    bool changed;
    make_image(bytes);
    bytes[23] = 0;
    memcpy(wanted, bytes, sizeof wanted);
    wanted[3] = 0x3F;
    EM_CHECK_STATUS(em_image_header_set(bytes, IMAGE_LEN, chip_of("esp32c3"),
                                        &(struct em_image_settings){NULL, NULL, "8MB"},
                                        &changed, &err),
                    EM_OK, &err);
    CU_ASSERT_TRUE(changed);
    EM_CHECK_BYTES(bytes, wanted, sizeof wanted);
}

static void refusals(void)
{
    static const struct {
        const char *mode, *freq, *size;
        enum em_status status;
        const char *what, *hint;
    } cases[] = {
        {"fast", NULL, NULL, EM_ERR_USAGE, "flash mode 'fast' is not one of the ESP32-C3",
         "possible: qio, qout, dio, dout"},
        {NULL, "60m", NULL, EM_ERR_USAGE,
         "flash frequency '60m' is not one of the ESP32-C3",
         "possible: 80m, 40m, 26m, 20m"},
        {NULL, NULL, "256MB", EM_ERR_USAGE, "flash size '256MB'",
         "1MB, 2MB, 4MB, 8MB, 16MB, 32MB, 64MB, 128MB"},
        {NULL, NULL, "512KB", EM_ERR_USAGE, "flash size '512KB'", "1MB"},
        {"dio", NULL, "1MB", EM_ERR_INPUT, "checksum", "damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[IMAGE_FULL], before[IMAGE_FULL];
        struct em_error err = {0};
        bool changed = true;
        make_image(bytes);
        bytes[40] ^= 1; /* told after the settings */
        memcpy(before, bytes, sizeof before);
        EM_CHECK_STATUS(
            em_image_header_set(
                bytes, sizeof bytes, chip_of("esp32c3"),
                &(struct em_image_settings){cases[i].mode, cases[i].freq, cases[i].size},
                &changed, &err),
            cases[i].status, &err);
        CU_ASSERT_FALSE(changed);
        EM_CHECK_HAS(err.what, cases[i].what);
        EM_CHECK_HAS(err.hint, cases[i].hint);
        EM_CHECK_BYTES(bytes, before, sizeof before);
    }
}

/* Images that a published tool has changed: see tests/data/image/README.md. */
static void golden(void)
{
    static const struct {
        const char *chip, *file, *mode, *freq, *size;
    } cases[] = {
        {"esp32c3", "esp32c3", "qout", "40m", "8MB"},
        {"esp32c3", "esp32c3", "dio", "80m", "4MB"},
        {"esp32c3", "esp32c3-tail", "keep", "26m", "keep"},
        {"esp32", "esp32", "dio", "keep", "16MB"},
        {"esp32c6", "esp32c6", "keep", "80m", "keep"},
        {"esp32c2", "esp32c2", "dout", "15m", "1MB"},
        {"esp8266", "esp8266", "dio", "26m", "2MB-c1"},
    };
    const char *top = getenv("top_srcdir");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_buf bytes = {0}, wanted = {0};
        struct em_error err;
        bool changed;
        char path[512];
        (void)snprintf(path, sizeof path, "%s/tests/data/image/%s.bin",
                       top != NULL ? top : ".", cases[i].file);
        EM_CHECK_STATUS(em_file_read(&bytes, path, 4096, &err), EM_OK, &err);
        (void)snprintf(path, sizeof path, "%s/tests/data/image/%s.%s-%s-%s.bin",
                       top != NULL ? top : ".", cases[i].file, cases[i].mode,
                       cases[i].freq, cases[i].size);
        EM_CHECK_STATUS(em_file_read(&wanted, path, 4096, &err), EM_OK, &err);
        EM_CHECK_STATUS(
            em_image_header_set(
                bytes.data, bytes.len, chip_of(cases[i].chip),
                &(struct em_image_settings){cases[i].mode, cases[i].freq, cases[i].size},
                &changed, &err),
            EM_OK, &err);
        CU_ASSERT_EQUAL_FATAL(bytes.len, wanted.len);
        EM_CHECK_BYTES(bytes.data, wanted.data, wanted.len);
        em_buf_free(&bytes);
        em_buf_free(&wanted);
    }
}

static void flash_bytes(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"256KB", 262144},
        {"1MB", 1048576},
        {"4mb", 4194304},
        {"2MB-c1", 2097152},
        {"128MB", 134217728},
        {"", 0},
        {"MB", 0},
        {"4", 0},
        {"4M", 0},
        {"0MB", 0},
        {"4MB ", 0},
        {"-4MB", 0},
        {"1234567MB", 0},
        {"detect", 0},
        {"keep", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 0;
        CU_ASSERT_EQUAL(em_image_flash_bytes(cases[i].text, &bytes), cases[i].bytes != 0);
        CU_ASSERT_EQUAL(bytes, cases[i].bytes);
    }
    size_t count;
    const struct em_chip *chips = em_chips(&count);
    for (size_t i = 0; i < count; i++) {
        for (const struct em_chip_code *size = chips[i].flash_sizes; size->name; size++) {
            uint64_t bytes;
            CU_ASSERT_TRUE(em_image_flash_bytes(size->name, &bytes));
        }
    }
}

static const struct em_test tests[] = {
    {"reads header and segments", reads_all},
    {"cut off at every length", cut_off},
    {"faults", faults},
    {"chip and revision", revisions},
    {"sets mode, frequency, size and digest", sets_header},
    {"without digest", no_digest},
    {"refusals change nothing", refusals},
    {"as a published tool", golden},
    {"sizes as bytes", flash_bytes},
};

EM_TEST_MAIN("flasher/image/header", tests)
