/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of how chips are described, with registers made by hand and recorded answers. */
#include "config.h"

#include "base/file_int.h"
#include "flasher/chip/chip_int.h"

#include "tests/em_test.h"

#include <stdbool.h>

enum { REGS_MAX = 10 };

/* Registers behind a reader: all others are 0. */
struct fake {
    struct {
        uint32_t addr, word;
    } regs[REGS_MAX];
    size_t count;
    size_t reads;
    size_t fails_at; /* the read, from 1, that fails; 0: none */
};

static enum em_status fake_read(void *user, uint32_t addr, uint32_t *out,
                                struct em_error *err)
{
    struct fake *fake = user;
    *out = 0;
    if (++fake->reads == fake->fails_at)
        return em_error_set(err, EM_ERR_LINK, NULL, "no answer");
    for (size_t i = 0; i < fake->count; i++) {
        if (fake->regs[i].addr == addr)
            *out = fake->regs[i].word;
    }
    return EM_OK;
}

/* What all functions say of a chip. */
struct told {
    char type[96], features[256], mac[24], eui64[32];
};

static enum em_status tell(const struct em_chip *chip, struct fake *fake,
                           struct told *out, struct em_error *err)
{
    const struct em_chip_reader reader = {fake_read, fake};
    uint32_t revision;
    uint8_t mac[6], eui64[8];
    bool has_eui64 = false;
    memset(out, 0, sizeof *out);
    enum em_status status = em_chip_revision(chip, &reader, &revision, err);
    if (status == EM_OK)
        status =
            em_chip_describe(chip, &reader, revision, out->type, sizeof out->type, err);
    if (status == EM_OK)
        status =
            em_chip_features(chip, &reader, out->features, sizeof out->features, err);
    if (status == EM_OK)
        status = em_chip_mac(chip, &reader, mac, err);
    if (status == EM_OK)
        status = em_chip_eui64(chip, &reader, eui64, &has_eui64, err);
    if (status != EM_OK)
        return status;
    for (size_t i = 0; i < 6; i++)
        (void)snprintf(out->mac + strlen(out->mac), sizeof out->mac - strlen(out->mac),
                       "%s%02x", i > 0 ? ":" : "", mac[i]);
    for (size_t i = 0; i < 8 && has_eui64; i++)
        (void)snprintf(out->eui64 + strlen(out->eui64),
                       sizeof out->eui64 - strlen(out->eui64), "%s%02x", i > 0 ? ":" : "",
                       eui64[i]);
    return EM_OK;
}

static const struct em_chip *chip_of(const char *name)
{
    const struct em_chip *chip = em_chip_find(name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chip);
    return chip;
}

static void check_text(const char *chip, const char *what, const char *got,
                       const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        printf("\n  %s: %s '%s', wanted '%s'\n", chip, what, got, wanted);
    CU_ASSERT_STRING_EQUAL(got, wanted);
}

/* The next field of a line; the line goes on behind it. */
static char *field(char **line, char end)
{
    char *start = *line;
    char *stop = strchr(start, end);
    if (stop == NULL)
        *line = start + strlen(start);
    else {
        *stop = '\0';
        *line = stop + 1;
    }
    return start;
}

static void cut(char *text, const char *part)
{
    char *at;
    while ((at = strstr(text, part)) != NULL)
        memmove(at, at + strlen(part), strlen(at + strlen(part)) + 1);
}

static void check_line(char *line)
{
    struct fake fake = {.count = 0};
    struct told told;
    struct em_error err;
    const char *name = field(&line, '\t');
    char *regs = field(&line, '\t');
    bool no_flash = false;
    while (*regs != '\0') {
        char *word;
        CU_ASSERT_FATAL(fake.count < REGS_MAX);
        fake.regs[fake.count].addr = (uint32_t)strtoul(field(&regs, '='), NULL, 16);
        word = field(&regs, ' ');
        fake.regs[fake.count].word = (uint32_t)strtoul(word, NULL, 16);
        if (fake.regs[fake.count].addr == 0x600B0854)
            no_flash = (fake.regs[fake.count].word & 7) == 0;
        fake.count++;
    }
    const char *type = field(&line, '\t');
    char *features = field(&line, '\t');
    cut(features, " ()");
    if (no_flash && strcmp(name, "esp32c6") == 0)
        cut(features, ", Unknown Embedded Flash");
    const char *mac = field(&line, '\t');
    const char *eui64 = field(&line, '\t');
    EM_CHECK_STATUS(tell(chip_of(name), &fake, &told, &err), EM_OK, &err);
    check_text(name, "type", told.type, type);
    check_text(name, "features", told.features, features);
    check_text(name, "MAC", told.mac, mac);
    check_text(name, "EUI-64", told.eui64, eui64);
}

static void recorded(void)
{
    const char *top = getenv("top_srcdir");
    struct em_buf file = {0};
    struct em_error err;
    char path[512];
    size_t lines = 0;
    (void)snprintf(path, sizeof path, "%s/tests/data/chip/described.tsv",
                   top != NULL ? top : ".");
    EM_CHECK_STATUS(em_file_read(&file, path, 1 << 20, &err), EM_OK, &err);
    em_buf_append_byte(&file, '\0');
    CU_ASSERT_FATAL(!file.failed);
    char *rest = (char *)file.data;
    for (; *rest != '\0'; lines++)
        check_line(field(&rest, '\n'));
    CU_ASSERT_EQUAL(lines, 132);
    em_buf_free(&file);
}

/* What the recorded ones do not reach: each by hand from the description of its chip. */
static const struct {
    const char *chip;
    struct fake fake;
    const char *type, *features, *mac;
} by_hand[] = {
    {"esp32", /* package 0, revision 3.1, one core, no BT, rated 160 MHz */
     {.regs = {{0x3FF5A00C, 0x0000B003},
               {0x3FF5A014, 0x01100000},
               {0x3FF6607C, 0x80000000},
               {0x3FF5A008, 0x00C4240A},
               {0x3FF5A004, 0xC4001122}},
      .count = 5},
     "ESP32-S0WDQ6-V3 (revision v3.1)",
     "Wi-Fi, Single Core + LP Core, 160MHz, Coding Scheme None",
     "24:0a:c4:00:11:22"},
    {"esp32", /* package 0, two cores, 3.0 */
     {.regs = {{0x3FF5A00C, 0x0000A000},
               {0x3FF5A014, 0x00100000},
               {0x3FF6607C, 0x80000000}},
      .count = 3},
     "ESP32-D0WDQ6-V3 (revision v3.0)",
     "Wi-Fi, BT, Dual Core + LP Core, 240MHz, Coding Scheme None",
     "00:00:00:00:00:00"},
    {"esp32", /* package 1, one core, revision 1 */
     {.regs = {{0x3FF5A00C, 0x0000A201}, {0x3FF5A018, 1}}, .count = 2},
     "ESP32-S0WD (revision v1.0)",
     "Wi-Fi, BT, Single Core + LP Core, 240MHz, Coding Scheme 3/4",
     "00:00:00:00:00:00"},
    {"esp32", /* package 1, two cores, revision 3 */
     {.regs = {{0x3FF5A00C, 0x0000A200},
               {0x3FF5A014, 0x00100000},
               {0x3FF6607C, 0x80000000}},
      .count = 3},
     "ESP32-D0WD-V3 (revision v3.0)",
     "Wi-Fi, BT, Dual Core + LP Core, 240MHz, Coding Scheme None",
     "00:00:00:00:00:00"},
    {"esp32", /* package 1, one core, revision 3; bits of fuses and register apart: 0 */
     {.regs = {{0x3FF5A00C, 0x00008201}, {0x3FF6607C, 0x80000000}}, .count = 2},
     "ESP32-S0WD (revision v0.0)",
     "Wi-Fi, BT, Single Core + LP Core, Coding Scheme None",
     "00:00:00:00:00:00"},
    {"esp32", /* package 5, one core: has no name of its own; revision 3 */
     {.regs = {{0x3FF5A00C, 0x00008A01},
               {0x3FF5A014, 0x00100000},
               {0x3FF6607C, 0x80000000}},
      .count = 3},
     "ESP32-PICO-V3 (revision v3.0)",
     "Wi-Fi, BT, Single Core + LP Core, Embedded Flash, Coding Scheme None",
     "00:00:00:00:00:00"},
    {"esp32", /* package 7 */
     {.regs = {{0x3FF5A00C, 0x00000E00}}, .count = 1},
     "ESP32-D0WDR2-V3 (revision v0.0)",
     "Wi-Fi, BT, Dual Core + LP Core, Coding Scheme None",
     "00:00:00:00:00:00"},
    {"esp32", /* package 8 + 1: none */
     {.regs = {{0x3FF5A00C, 0x00000204}}, .count = 1},
     "Unknown ESP32 (revision v0.0)",
     "Wi-Fi, BT, Dual Core + LP Core, Coding Scheme None",
     "00:00:00:00:00:00"},
    {"esp32s2", /* flash 4MB, PSRAM 2MB, v1.0, calibration V2 */
     {.regs = {{0x3F41A050, 0x10440000}, {0x3F41A06C, 0x20}}, .count = 2},
     "ESP32-S2FNR2 (revision v1.0)",
     "Wi-Fi, Single Core, 240MHz, Embedded Flash 4MB, Embedded PSRAM 2MB, ADC and "
     "temperature sensor calibration in BLK2 of eFuse V2",
     "00:00:00:00:00:00"},
    {"esp32s2", /* PSRAM only */
     {.regs = {{0x3F41A050, 0x10000000}}, .count = 1},
     "ESP32-S2R2 (revision v0.0)",
     "Wi-Fi, Single Core, 240MHz, No Embedded Flash, Embedded PSRAM 2MB, No "
     "calibration in BLK2 of efuse",
     "00:00:00:00:00:00"},
    {"esp32s3", /* first silicon: fuses say v3.8 */
     {.regs = {{0x60007050, 0x01000000}, {0x60007058, 0x03800000}, {0x6000706C, 1}},
      .count = 3},
     "ESP32-S3 (QFN56) (revision v0.0)",
     "Wi-Fi, BT 5 (LE), Dual Core + LP Core, 240MHz",
     "00:00:00:00:00:00"},
    {"esp32s3", /* one bit less: believed */
     {.regs = {{0x60007050, 0x01000000}, {0x60007058, 0x03800000}}, .count = 2},
     "ESP32-S3 (QFN56) (revision v3.8)",
     "Wi-Fi, BT 5 (LE), Dual Core + LP Core, 240MHz",
     "00:00:00:00:00:00"},
    {"esp32s3", /* PICO, 8MB GD, 8MB AP_3v3, v0.2 */
     {.regs = {{0x60007050, 0x08280000}, {0x60007054, 0x0000008A}}, .count = 2},
     "ESP32-S3-PICO-1 (LGA56) (revision v0.2)",
     "Wi-Fi, BT 5 (LE), Dual Core + LP Core, 240MHz, Embedded Flash 8MB (GD), Embedded "
     "PSRAM 8MB (AP_3v3)",
     "00:00:00:00:00:00"},
    {"esp32c3", /* the usual one: v0.4, 4MB XMC */
     {.regs = {{0x60008850, 0x08100000},
               {0x60008854, 1},
               {0x60008844, 0xF9C0FFEE},
               {0x60008848, 0x00007CDF}},
      .count = 4},
     "ESP32-C3 (QFN32) (revision v0.4)",
     "Wi-Fi, BT 5 (LE), Single Core, 160MHz, Embedded Flash 4MB (XMC)",
     "7c:df:f9:c0:ff:ee"},
    {"esp32c3", /* 8MB, and a package that is not known */
     {.regs = {{0x60008850, 0x20E00000}, {0x60008858, 0x01000000}}, .count = 2},
     "Unknown ESP32-C3 (revision v1.0)",
     "Wi-Fi, BT 5 (LE), Single Core, 160MHz, Embedded Flash 8MB",
     "00:00:00:00:00:00"},
    {"esp32c2", /* ESP8684H v1.2, 2MB ZBIT */
     {.regs = {{0x60008844, 0x00520000}, {0x6000885C, 0x45000000}}, .count = 2},
     "ESP8684H (revision v1.2)",
     "Wi-Fi, BT 5 (LE), Single Core, 120MHz, Embedded Flash 2MB (ZBIT)",
     "00:00:00:00:00:00"},
    {"esp32c6", /* v0.2 in QFN40, no flash */
     {.regs = {{0x600B0850, 0x00080000}}, .count = 1},
     "ESP32-C6 (QFN40) (revision v0.2)",
     "Wi-Fi 6, BT 5 (LE), IEEE802.15.4, Single Core + LP Core, 160MHz",
     "00:00:00:00:00:00"},
    {"esp32c6", /* package 1 with no flash, or with one that is not known */
     {.regs = {{0x600B0850, 0x01000000}, {0x600B0854, 3}}, .count = 2},
     "Unknown ESP32-C6 (revision v0.0)",
     "Wi-Fi 6, BT 5 (LE), IEEE802.15.4, Single Core + LP Core, 160MHz, Unknown "
     "Embedded Flash",
     "00:00:00:00:00:00"},
    {"esp32c6", /* package 2 */
     {.regs = {{0x600B0850, 0x02000000}, {0x600B0854, 1}}, .count = 2},
     "Unknown ESP32-C6 (revision v0.0)",
     "Wi-Fi 6, BT 5 (LE), IEEE802.15.4, Single Core + LP Core, 160MHz, Embedded Flash "
     "4MB",
     "00:00:00:00:00:00"},
    {"esp32p4", /* the third bit of the major stands apart */
     {.regs = {{0x5012D04C, 0x00800011}}, .count = 1},
     "ESP32-P4 (revision v5.1)",
     "Dual Core + LP Core, 400MHz",
     "00:00:00:00:00:00"},
    {"esp32h21", /* block 1 word 5 */
     {.regs = {{0x600B4058, 0x00000120}}, .count = 1},
     "ESP32-H21 (revision v1.2)",
     "BT 5 (LE), IEEE802.15.4, Single Core, 96MHz",
     "00:00:00:00:00:00"},
    {"esp32h4", /* v2.9, package 1 */
     {.regs = {{0x600B1850, 0x00A40000}, {0x600B1854, 0x00001000}}, .count = 2},
     "Unknown ESP32-H4 (revision v2.9)",
     "BT 5 (LE), IEEE802.15.4, Dual Core, 96MHz",
     "00:00:00:00:00:00"},
    {"esp32h4",
     {.count = 0},
     "ESP32-H4 (QFN40) (revision v0.0)",
     "BT 5 (LE), IEEE802.15.4, Dual Core, 96MHz",
     "00:00:00:00:00:00"},
    {"esp32s31", /* block 1 begins at 0x50: MAC and revision */
     {.regs = {{0x20715050, 0x33445566},
               {0x20715054, 0x00001122},
               {0x2071505C, 0x00440000}},
      .count = 3},
     "ESP32-S31 (revision v1.1)",
     "Wi-Fi 6, BT 5.4 (LE), IEEE802.15.4, Dual Core + LP Core, 300MHz",
     "11:22:33:44:55:66"},
    {"esp32e22",
     {.count = 0},
     "ESP32-E22",
     "Wi-Fi 6E (tri-band, 2x2 MU-MIMO), BT 5.4 (LE) + Classic, Dual Core, 500MHz",
     "00:00:00:00:00:00"},
    {"esp8266", /* flash 1MB, hot; maker 1 */
     {.regs = {{0x3FF00050, 0xAB000030}, {0x3FF00054, 0x0001CDEF}}, .count = 2},
     "ESP8285H08",
     "Wi-Fi, 160MHz, Embedded Flash",
     "ac:d0:74:cd:ef:ab"},
    {"esp8266", /* flash 2MB by the high bit; own maker */
     {.regs = {{0x3FF00058, 0x00010000}, {0x3FF0005C, 0x02A1B2C3}}, .count = 2},
     "ESP8285N16",
     "Wi-Fi, 160MHz, Embedded Flash",
     "a1:b2:c3:00:00:00"},
    {"esp8266", /* flash 4MB: has no name of its own */
     {.regs = {{0x3FF00058, 0x00010000}, {0x3FF0005C, 0x06A1B2C3}}, .count = 2},
     "ESP8285",
     "Wi-Fi, 160MHz, Embedded Flash",
     "a1:b2:c3:00:00:00"},
};

static void made_by_hand(void)
{
    for (size_t i = 0; i < sizeof by_hand / sizeof by_hand[0]; i++) {
        struct fake fake = by_hand[i].fake;
        struct told told;
        struct em_error err;
        EM_CHECK_STATUS(tell(chip_of(by_hand[i].chip), &fake, &told, &err), EM_OK, &err);
        check_text(by_hand[i].chip, "type", told.type, by_hand[i].type);
        check_text(by_hand[i].chip, "features", told.features, by_hand[i].features);
        check_text(by_hand[i].chip, "MAC", told.mac, by_hand[i].mac);
    }
}

static void unknown_maker(void)
{
    struct fake fake = {.regs = {{0x3FF00054, 0x00020000}}, .count = 1};
    struct told told;
    struct em_error err = {0};
    EM_CHECK_STATUS(tell(chip_of("esp8266"), &fake, &told, &err), EM_ERR_CHIP, &err);
    EM_CHECK_HAS(err.what, "code of its maker is 2");
}

/* A read that fails is passed on, wherever it happens. */
static void failing_reads(void)
{
    size_t count;
    const struct em_chip *chips = em_chips(&count);
    for (size_t i = 0; i < count; i++) {
        struct fake all = {.count = 0};
        struct told told;
        struct em_error err = {0};
        EM_CHECK_STATUS(tell(&chips[i], &all, &told, &err), EM_OK, &err);
        for (size_t at = 1; at <= all.reads; at++) {
            struct fake fake = {.fails_at = at};
            EM_CHECK_STATUS(tell(&chips[i], &fake, &told, &err), EM_ERR_LINK, &err);
        }
    }
}

/* Texts that do not fit are cut, not written behind the end. */
static void short_texts(void)
{
    size_t count;
    const struct em_chip *chips = em_chips(&count);
    for (size_t i = 0; i < count; i++) {
        struct fake fake = {.count = 0};
        const struct em_chip_reader reader = {fake_read, &fake};
        struct em_error err;
        for (size_t size = 1; size < 80; size++) {
            char *out = malloc(size); /* exactly: the sanitizer looks */
            CU_ASSERT_PTR_NOT_NULL_FATAL(out);
            EM_CHECK_STATUS(em_chip_describe(&chips[i], &reader, 0, out, size, &err),
                            EM_OK, &err);
            CU_ASSERT(strlen(out) < size);
            EM_CHECK_STATUS(em_chip_features(&chips[i], &reader, out, size, &err), EM_OK,
                            &err);
            CU_ASSERT(strlen(out) < size);
            free(out);
        }
    }
}

static const struct em_test tests[] = {
    {"as a published tool", recorded},
    {"registers by hand", made_by_hand},
    {"MAC of no known maker", unknown_maker},
    {"reads that fail", failing_reads},
    {"short texts", short_texts},
};

EM_TEST_MAIN("flasher/chip/describe", tests)
