/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the tables of all chips: nothing doubled, nothing out of range, nothing missing.
 */
#include "config.h"

#include "flasher/chip/chip_int.h"
#include "flasher/chip/ops_int.h"

#include "tests/em_test.h"

#include <stdbool.h>
#include <strings.h>

enum { CHIPS = 15 };

static const struct em_chip *all(size_t *count)
{
    const struct em_chip *chips = em_chips(count);
    CU_ASSERT_EQUAL_FATAL(*count, CHIPS);
    return chips;
}

/* A fault of one chip, told with its name. */
static void require(const struct em_chip *chip, bool good, const char *what)
{
    if (!good)
        printf("\n  %s: %s\n", chip->id, what);
    CU_ASSERT(good);
}

/* Ids and magic words as rom-protocol.md's sources have them; 0: detected by id. */
static void identities(void)
{
    static const struct {
        const char *id, *name;
        int32_t image_id;
        uint32_t magic, security_info;
    } wanted[CHIPS] = {
        {"esp8266", "ESP8266", -1, 0xFFF0C101, 0}, {"esp32", "ESP32", 0, 0x00F01D83, 0},
        {"esp32s2", "ESP32-S2", 2, 0x7C6, 12},     {"esp32c3", "ESP32-C3", 5, 0, 20},
        {"esp32s3", "ESP32-S3", 9, 0, 20},         {"esp32c2", "ESP32-C2", 12, 0, 20},
        {"esp32c6", "ESP32-C6", 13, 0, 20},        {"esp32h2", "ESP32-H2", 16, 0, 20},
        {"esp32p4", "ESP32-P4", 18, 0, 20},        {"esp32c61", "ESP32-C61", 20, 0, 20},
        {"esp32c5", "ESP32-C5", 23, 0, 20},        {"esp32h21", "ESP32-H21", 25, 0, 20},
        {"esp32h4", "ESP32-H4", 28, 0, 20},        {"esp32e22", "ESP32-E22", 31, 0, 20},
        {"esp32s31", "ESP32-S31", 32, 0, 20},
    };
    size_t count;
    (void)all(&count);
    for (size_t i = 0; i < CHIPS; i++) {
        const struct em_chip *chip = em_chip_find(wanted[i].name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(chip);
        require(chip, strcmp(chip->id, wanted[i].id) == 0, "id");
        require(chip, strcmp(chip->name, wanted[i].name) == 0, "name");
        require(chip, chip->image_id == wanted[i].image_id, "image id");
        require(chip, chip->magic == wanted[i].magic, "magic");
        require(chip, chip->security_info == wanted[i].security_info, "security info");
        require(chip, em_chip_find(wanted[i].id) == chip, "found by its id");
        if (chip->image_id >= 0)
            require(chip, em_chip_by_id((uint32_t)chip->image_id) == chip, "by id");
        if (wanted[i].magic != 0)
            require(chip, em_chip_by_magic(chip->magic) == chip, "by magic");
        require(chip, (chip->detect == EM_CHIP_DETECT_MAGIC) == (wanted[i].magic != 0),
                "way of detection");
    }
    CU_ASSERT_PTR_NULL(em_chip_find(""));
    CU_ASSERT_PTR_NULL(em_chip_find("esp32c"));
    CU_ASSERT_PTR_NULL(em_chip_find("esp32c33"));
    CU_ASSERT_PTR_NULL(em_chip_find("auto"));
    CU_ASSERT_PTR_EQUAL(em_chip_find("Esp-32-c3"), em_chip_find("esp32c3"));
    CU_ASSERT_PTR_NULL(em_chip_by_id(1));
    CU_ASSERT_PTR_NULL(em_chip_by_id(UINT32_MAX)); /* not the ESP8266 */
    CU_ASSERT_PTR_NULL(em_chip_by_magic(0));       /* not those that have none */
}

static void nothing_twice(void)
{
    size_t count;
    const struct em_chip *chips = all(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            require(&chips[i], strcmp(chips[i].id, chips[k].id) != 0, "id twice");
            require(&chips[i], strcmp(chips[i].name, chips[k].name) != 0, "name twice");
            require(&chips[i], chips[i].image_id != chips[k].image_id, "image id twice");
            require(&chips[i], chips[i].magic == 0 || chips[i].magic != chips[k].magic,
                    "magic twice");
            require(&chips[i],
                    chips[i].usb_otg_pid == 0 ||
                        chips[i].usb_otg_pid != chips[k].usb_otg_pid,
                    "USB id twice");
            /* The ESP32-E22 has the ESP32's until it gets its own. */
            require(&chips[i],
                    chips[i].uf2_family != chips[k].uf2_family ||
                        strcmp(chips[i].id, "esp32e22") == 0,
                    "UF2 family twice");
        }
    }
}

/* Peripherals of these chips: aligned words, in the ranges that buses have for them. */
static bool is_register(uint32_t addr)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x3F400000, 0x3F4FFFFF}, /* S2 */
        {0x3FF00000, 0x3FF7FFFF}, /* ESP8266's fuses, ESP32 */
        {0x60000000, 0x600FFFFF}, /* ESP8266, C and H series, S3 */
        {0x50000000, 0x5012FFFF}, /* P4 */
        {0x20380000, 0x208FFFFF}, /* S31 */
        {0xC3000000, 0xC40FFFFF}, /* E22 */
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (addr >= ranges[i].first && addr <= ranges[i].last)
            return addr % 4 == 0;
    }
    return false;
}

static void check_register(const struct em_chip *chip, uint32_t addr, const char *what)
{
    require(chip, addr == 0 || is_register(addr), what);
}

static void check_mask(const struct em_chip *chip, struct em_chip_mask mask,
                       const char *what)
{
    check_register(chip, mask.addr, what);
    require(chip, (mask.addr == 0) == (mask.mask == 0), what);
    /* In the eFuses, and one run of bits. */
    require(chip,
            mask.addr == 0 ||
                (mask.addr >= chip->efuse_base && mask.addr < chip->efuse_base + 0x100),
            what);
    uint32_t run = mask.mask;
    while (run != 0 && (run & 1) == 0)
        run >>= 1;
    require(chip, (run & (run + 1)) == 0, what);
}

static void registers(void)
{
    size_t count;
    const struct em_chip *chips = all(&count);
    for (size_t i = 0; i < count; i++) {
        const struct em_chip *chip = &chips[i];
        const uint32_t must[] = {chip->uart_date, chip->spi_base, chip->efuse_base,
                                 chip->mac_lo, chip->mac_hi};
        const uint32_t may[] = {chip->uart_clkdiv, chip->wdt_config0,
                                chip->wdt_config1, chip->wdt_wprotect,
                                chip->swd_conf,    chip->swd_wprotect,
                                chip->strap_reg,   chip->force_download_reg};
        const uint32_t offsets[] = {chip->spi_usr,       chip->spi_usr1,
                                    chip->spi_usr2,      chip->spi_w0,
                                    chip->spi_mosi_dlen, chip->spi_miso_dlen};
        for (size_t k = 0; k < sizeof must / sizeof must[0]; k++)
            require(chip, is_register(must[k]), "a register that all have");
        for (size_t k = 0; k < sizeof may / sizeof may[0]; k++)
            check_register(chip, may[k], "a register");
        for (size_t k = 0; k < sizeof offsets / sizeof offsets[0]; k++)
            require(chip,
                    offsets[k] % 4 == 0 && offsets[k] < 0x100 &&
                        (offsets[k] != 0 || k >= 4),
                    "offset of an SPI register");
        require(chip, chip->mac_hi == chip->mac_lo + 4, "MAC in two words");
        require(chip, chip->mac_lo - chip->efuse_base < 0x100, "MAC in the eFuses");
        check_mask(chip, chip->dl_encrypt_dis, "dl_encrypt_dis");
        check_mask(chip, chip->crypt_cnt, "crypt_cnt");
        check_mask(chip, chip->secure_boot, "secure_boot");
        check_mask(chip, chip->secure_boot_v2, "secure_boot_v2");
        /* All of a group, or nothing. */
        bool wdt = chip->wdt_config0 != 0;
        require(chip,
                wdt == (chip->wdt_config1 != 0) && wdt == (chip->wdt_wprotect != 0) &&
                    wdt == (chip->wdt_key != 0),
                "RTC watchdog");
        bool swd = chip->swd_conf != 0;
        require(chip,
                swd == (chip->swd_autofeed != 0) && swd == (chip->swd_wprotect != 0) &&
                    swd == (chip->swd_key != 0),
                "super watchdog");
        require(chip, wdt || !chip->watchdog_reset, "reset without a watchdog");
        require(chip, (chip->force_download_reg != 0) == (chip->force_download_mask != 0),
                "force_download");
    }
}

static bool one_of(uint32_t value, uint32_t a, uint32_t b, uint32_t c)
{
    return value == a || value == b || value == c;
}

static void numbers(void)
{
    size_t count;
    const struct em_chip *chips = all(&count);
    for (size_t i = 0; i < count; i++) {
        const struct em_chip *chip = &chips[i];
        require(chip, chip->features != NULL && chip->features[0] != '\0', "features");
        require(chip, strstr(chip->features, ";") == NULL, "features in C");
        require(chip,
                strcmp(chip->tested, "board") == 0 ||
                    strcmp(chip->tested, "emulator") == 0 ||
                    strcmp(chip->tested, "not yet") == 0,
                "tested");
        require(chip, one_of(chip->xtal_mhz, 26, 32, 40) || chip->xtal_mhz == 48,
                "crystal");
        require(chip, chip->uart_clkdiv != 0 || !chip->xtal_measured,
                "a crystal that cannot be measured");
        require(chip, chip->xtal_divider == 1 || chip->xtal_divider == 2, "divider");
        require(chip, one_of(chip->begin_words, 4, 5, 5), "words of BEGIN");
        require(chip, one_of(chip->status_bytes, 2, 4, 4), "status bytes");
        require(chip, one_of(chip->security_info, 0, 12, 20), "security info");
        require(chip, (chip->spi_mosi_dlen != 0) == (chip->spi_miso_dlen != 0), "DLEN");
        require(chip, one_of(chip->bootloader, 0, 0x1000, 0x2000), "boot loader");
        require(chip, one_of(chip->encrypt_align, 0, 16, 32), "encrypt_align");
        require(chip, chip->uf2_family != 0, "UF2 family");
        require(chip,
                chip->usb_otg_pid == 0 || chip->usb_otg_pid == (uint32_t)chip->image_id,
                "USB id is the image id");
    }
}

static void check_codes(const struct em_chip *chip, const struct em_chip_code *codes)
{
    require(chip, codes[0].name != NULL, "no codes");
    for (size_t i = 0; codes[i].name != NULL; i++) {
        uint32_t value = 99;
        require(chip, codes[i].value <= 15, "a code of 4 bits");
        require(chip,
                em_chip_code_find(codes, codes[i].name, &value) &&
                    value == codes[i].value,
                "a code is found");
        for (size_t k = 0; k < i; k++) {
            require(chip, strcasecmp(codes[i].name, codes[k].name) != 0, "code twice");
            /* The ESP32-C6 writes 80m as 40m, for its ROM divides wrongly. */
            require(chip,
                    codes[i].value != codes[k].value ||
                        (strcmp(chip->id, "esp32c6") == 0 && codes[i].value == 0),
                    "value of a code twice");
        }
    }
}

static void codes(void)
{
    size_t count;
    const struct em_chip *chips = all(&count);
    for (size_t i = 0; i < count; i++) {
        uint32_t value;
        check_codes(&chips[i], chips[i].flash_freqs);
        check_codes(&chips[i], chips[i].flash_sizes);
        require(&chips[i],
                em_chip_code_find(chips[i].flash_sizes, "4mb", &value) &&
                    value == (strcmp(chips[i].id, "esp8266") == 0 ? 4u : 2u),
                "code of 4MB");
    }
}

static void check_bits(const struct em_chip *chip, const struct em_chip_bits *bits)
{
    unsigned total = 0;
    require(chip, bits->count >= 1 && bits->count <= EM_CHIP_PIECES_MAX, bits->item);
    for (size_t i = 0; i < bits->count; i++) {
        const struct em_chip_piece *piece = &bits->piece[i];
        require(chip, is_register(piece->addr), bits->item);
        require(chip, piece->count >= 1 && piece->low + piece->count <= 32, bits->item);
        total += piece->count;
        for (size_t k = 0; k < i; k++)
            require(chip,
                    piece->addr != bits->piece[k].addr ||
                        piece->low >= bits->piece[k].low + bits->piece[k].count ||
                        bits->piece[k].low >= piece->low + piece->count,
                    "pieces overlap");
    }
    require(chip, total <= 32, bits->item);
    for (const struct em_chip_text *text = chip->texts; text->item != NULL; text++) {
        if (strcmp(text->item, bits->item) == 0)
            require(chip, total == 32 || text->value >> total == 0, "text out of reach");
    }
}

static void items(void)
{
    size_t count;
    const struct em_chip *chips = all(&count);
    for (size_t i = 0; i < count; i++) {
        const struct em_chip *chip = &chips[i];
        for (const struct em_chip_bits *bits = chip->bits; bits->item != NULL; bits++) {
            check_bits(chip, bits);
            for (const struct em_chip_bits *other = chip->bits; other < bits; other++)
                require(chip, strcmp(bits->item, other->item) != 0, "item twice");
        }
        for (const struct em_chip_text *text = chip->texts; text->item != NULL; text++) {
            require(chip, em_chip_bits_has(chip, text->item), "text of no item");
            require(chip, text->text[0] != '\0', "empty text");
            for (const struct em_chip_text *other = chip->texts; other < text; other++)
                require(chip,
                        strcmp(text->item, other->item) != 0 ||
                            text->value != other->value,
                        "text twice");
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(chip->ops);
        /* A package needs texts, a name of its own, or nothing of it. */
        require(chip,
                !em_chip_bits_has(chip, "package") ||
                    em_chip_text_find(chip, "package", 0, NULL) != NULL,
                "package 0 has no name");
        require(chip,
                em_chip_bits_has(chip, "major") == em_chip_bits_has(chip, "minor") ||
                    chip->ops->revision != NULL,
                "major and minor");
    }
}

/* Pieces are put together with the first on top. */
static enum em_status word_of(void *user, uint32_t addr, uint32_t *out,
                              struct em_error *err)
{
    const uint32_t *words = user;
    (void)err;
    *out = words[addr];
    return EM_OK;
}

static void pieces(void)
{
    static const struct em_chip_bits bits[] = {
        {"one", {{0, 4, 8}}, 1},   {"three", {{0, 28, 4}, {1, 0, 1}, {0, 0, 4}}, 3},
        {"word", {{1, 0, 32}}, 1}, {"halves", {{1, 16, 16}, {0, 0, 16}}, 2},
        {NULL, {{0, 0, 0}}, 0},
    };
    static const struct em_chip chip = {.bits = bits};
    uint32_t words[] = {0xA2345678, 0xFEDCBA99};
    const struct em_chip_reader reader = {word_of, words};
    static const struct {
        const char *item;
        uint32_t wanted;
    } cases[] = {{"one", 0x67},
                 {"three", 0xA << 5 | 1 << 4 | 8},
                 {"word", 0xFEDCBA99},
                 {"halves", 0xFEDC5678},
                 {"missing", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t got = 1;
        struct em_error err;
        EM_CHECK_STATUS(em_chip_bits_read(&chip, cases[i].item, &reader, &got, &err),
                        EM_OK, &err);
        CU_ASSERT_EQUAL(got, cases[i].wanted);
    }
    CU_ASSERT_TRUE(em_chip_bits_has(&chip, "word"));
    CU_ASSERT_FALSE(em_chip_bits_has(&chip, "missing"));
}

static void lists(void)
{
    const struct em_chip_code some[] = {{"80m", 15}, {"40m", 0}, {NULL, 0}};
    char text[16];
    em_chip_code_list(some, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "80m, 40m");
    em_chip_code_list(some, text, 7);
    CU_ASSERT_STRING_EQUAL(text, "80m, 4");
    em_chip_code_list(some, text, 1);
    CU_ASSERT_STRING_EQUAL(text, "");
}

static const struct em_test tests[] = {
    {"who is who", identities},         {"nothing twice", nothing_twice},
    {"registers", registers},           {"numbers", numbers},
    {"codes of flash settings", codes}, {"items and texts", items},
    {"pieces of registers", pieces},    {"lists for messages", lists},
};

EM_TEST_MAIN("flasher/chip/tables", tests)
