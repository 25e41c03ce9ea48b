/* SPDX-License-Identifier: Apache-2.0 */
/* Chips with flash encryption: what the host has encrypted starts, and the chip encrypts
 * alike; keys go the way of a real chip, through its eFuse controller. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/flasher_script.h"

#include <espmfg/efuse.h>
#include <espmfg/flash.h>
#include <espmfg/flash_encrypt.h>
#include <espmfg/sim.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { HEAD = 16, LEN = 4096, DATA_AT = 0x20000 };

static const uint8_t head[HEAD] = {0xE9, 3, 2, 0x20, 0x10, 0x32, 0x37, 0x40};

static const struct kind {
    const char *chip, *block, *purpose;
    size_t key_len;
    const char *fields[4]; /* each with the value behind it, then NULL */
    bool old_scheme;
} kinds[] = {
    {"esp32",
     "flash_encryption",
     NULL,
     32,
     {"FLASH_CRYPT_CONFIG", "0xF", "FLASH_CRYPT_CNT", "1"},
     true},
    {"esp32",
     "flash_encryption",
     NULL,
     32,
     {"FLASH_CRYPT_CONFIG", "0x6", "FLASH_CRYPT_CNT", "0x7F"},
     true},
    {"esp32c2", "BLOCK_KEY0", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32c2",
     "BLOCK_KEY0",
     "XTS_AES_128_KEY_DERIVED_FROM_128_EFUSE_BITS",
     16,
     {"SPI_BOOT_CRYPT_CNT", "7"},
     false},
    {"esp32c3", "BLOCK_KEY0", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32c3", "BLOCK_KEY4", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "7"}, false},
    {"esp32c5", "BLOCK_KEY0", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32c6", "BLOCK_KEY1", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32c61", "BLOCK_KEY2", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32h2", "BLOCK_KEY3", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32p4", "BLOCK_KEY0", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32p4", "BLOCK_KEY0", "XTS_AES_256_KEY", 64, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32s2", "BLOCK_KEY3", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32s2", "BLOCK_KEY3", "XTS_AES_256_KEY", 64, {"SPI_BOOT_CRYPT_CNT", "7"}, false},
    {"esp32s3", "BLOCK_KEY0", "XTS_AES_128_KEY", 32, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
    {"esp32s3", "BLOCK_KEY1", "XTS_AES_256_KEY", 64, {"SPI_BOOT_CRYPT_CNT", "1"}, false},
};

struct board {
    struct em_sim *sim;
    struct em_device *dev;
    uint8_t *flash;
    char text[2048];
    size_t len;
};

static void open_board(struct board *b, const char *text)
{
    struct em_sim_options options;
    char *storage = NULL;
    struct em_error err = {.what = ""};
    struct em_io *io;
    struct em_device_options how = EM_DEVICE_OPTIONS_INIT;
    size_t size;
    memset(b, 0, sizeof *b);
    EM_CHECK_STATUS(em_sim_options_parse(&options, &storage, text, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_sim_new(&b->sim, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->sim);
    free(storage);
    b->flash = (uint8_t *)(uintptr_t)em_sim_flash(b->sim, &size);
    EM_CHECK_STATUS(em_io_sim_attach(&io, b->sim, options.usb_pid, "sim", 115200, &err),
                    EM_OK, &err);
    EM_CHECK_STATUS(em_rom_device_new(&b->dev, io, &how, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->dev);
}

static void close_board(struct board *b)
{
    em_device_close(b->dev);
    em_sim_free(b->sim);
}

static bool hear(void *user, const uint8_t *data, size_t len)
{
    struct board *b = user;
    for (size_t i = 0; i < len && b->len + 1 < sizeof b->text; i++)
        b->text[b->len++] = data[i] == 0 ? '?' : (char)data[i];
    b->text[b->len] = '\0';
    return strstr(b->text, "app: ready") != NULL;
}

/* Reset: does the program start? */
static bool starts(struct board *b)
{
    struct em_error err = {.what = ""};
    b->len = 0;
    b->text[0] = '\0';
    bool good = em_device_listen(b->dev, 115200, hear, b, 500, &err) == EM_OK;
    EM_CHECK_HAS(b->text, good ? "entry 0x40373210" : "invalid header: 0x");
    return good;
}

/* Bytes that are no key's twice, in no order. */
static void make_key(struct em_flash_key *out, const struct kind *kind, unsigned salt)
{
    *out = (struct em_flash_key){.key.len = kind->key_len};
    if (kind->old_scheme) {
        out->scheme = EM_FLASH_ESP32;
        out->crypt_conf = (unsigned)strtoul(kind->fields[1], NULL, 0);
    }
    for (size_t i = 0; i < kind->key_len; i++)
        out->key.bytes[i] = (uint8_t)(i * i * 7 + i * 31 + salt);
}

static void burn(struct board *b, const struct kind *kind, const struct em_flash_key *key)
{
    struct em_efuses *e = NULL;
    struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    struct em_efuses_key one = {.block = kind->block,
                                .data = key->key.bytes,
                                .len = key->key.len,
                                .purpose = kind->purpose};
    struct em_error err = {.what = ""};
    enum em_efuses_result result;
    EM_CHECK_STATUS(em_rom_connect(b->dev, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_open(&e, b->dev, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    EM_CHECK_STATUS(em_efuses_stage_keys(e, &one, 1, NULL, &err), EM_OK, &err);
    for (size_t i = 0; i < COUNT(kind->fields) && kind->fields[i] != NULL; i += 2)
        EM_CHECK_STATUS(
            em_efuses_stage_field(e, kind->fields[i], kind->fields[i + 1], false, &err),
            EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
    em_efuses_close(e);
}

static void put_encrypted(struct board *b, uint32_t addr, const struct em_flash_key *key)
{
    struct em_error err = {.what = ""};
    uint8_t bytes[HEAD];
    memcpy(bytes, head, HEAD);
    EM_CHECK_STATUS(em_flash_encrypt(bytes, HEAD, addr, key, &err), EM_OK, &err);
    memcpy(b->flash + addr, bytes, HEAD);
}

static void host_encrypts(void)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct board b;
        struct em_flash_key key, other;
        open_board(&b, kinds[i].chip);
        uint32_t addr = em_chip_find(kinds[i].chip)->bootloader;
        make_key(&key, &kinds[i], 1);
        make_key(&other, &kinds[i], 2);
        memcpy(b.flash + addr, head, HEAD);
        CU_ASSERT(starts(&b)); /* a new chip takes it as it stands */
        burn(&b, &kinds[i], &key);
        CU_ASSERT(!starts(&b));
        put_encrypted(&b, addr, &other);
        CU_ASSERT(!starts(&b));
        put_encrypted(&b, addr, &key);
        CU_ASSERT(memcmp(b.flash + addr, head, HEAD) != 0);
        bool good = starts(&b);
        CU_ASSERT(good);
        if (!good)
            printf("\n  %s %s: %s", kinds[i].chip, kinds[i].block, b.text);
        close_board(&b);
    }
}

/* The ROM writes what the host would have made of it. */
static void chip_encrypts(void)
{
    static uint8_t plain[LEN], wanted[LEN];
    for (size_t i = 0; i < LEN; i++)
        plain[i] = (uint8_t)(i * 5 + (i >> 7));
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct board b;
        struct em_flash_key key;
        struct em_error err = {.what = ""};
        struct em_flash_piece piece = {
            .name = "f", .addr = DATA_AT, .data = plain, .len = LEN, .encrypt = true};
        struct em_flash_write write = {
            .pieces = &piece, .count = 1, .ignore_flash_encryption = true};
        struct em_flash_written written;
        open_board(&b, kinds[i].chip);
        make_key(&key, &kinds[i], 3);
        burn(&b, &kinds[i], &key);
        EM_CHECK_STATUS(em_rom_connect(b.dev, &err), EM_OK, &err);
        enum em_status status = em_flash_write(b.dev, &write, &written, &err);
        if (kinds[i].old_scheme) { /* its ROM has no command for it */
            EM_CHECK_STATUS(status, EM_ERR_UNSUPPORTED, &err);
            close_board(&b);
            continue;
        }
        EM_CHECK_STATUS(status, EM_OK, &err);
        memcpy(wanted, plain, LEN);
        EM_CHECK_STATUS(em_flash_encrypt(wanted, LEN, DATA_AT, &key, &err), EM_OK, &err);
        EM_CHECK_BYTES(b.flash + DATA_AT, wanted, LEN);
        close_board(&b);
    }
}

/* A chip that was made with flash encryption has some key: plain programs do not start,
 * those it encrypted itself do. */
static void made_up_key(void)
{
    static const char *const chips[] = {"esp32c2", "esp32c3", "esp32s3"};
    for (size_t i = 0; i < COUNT(chips); i++) {
        char text[64];
        struct board b;
        struct em_error err = {.what = ""};
        uint8_t padded[32];
        uint32_t addr = em_chip_find(chips[i])->bootloader;
        struct em_flash_piece piece = {.name = "f",
                                       .addr = addr,
                                       .data = padded,
                                       .len = sizeof padded,
                                       .encrypt = true};
        struct em_flash_write write = {
            .pieces = &piece, .count = 1, .ignore_flash_encryption = true};
        struct em_flash_written written;
        memset(padded, 0xFF, sizeof padded);
        memcpy(padded, head, HEAD);
        (void)snprintf(text, sizeof text, "%s?flash-encryption=yes", chips[i]);
        open_board(&b, text);
        memcpy(b.flash + addr, head, HEAD);
        CU_ASSERT(!starts(&b));
        EM_CHECK_STATUS(em_rom_connect(b.dev, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_flash_write(b.dev, &write, &written, &err), EM_OK, &err);
        CU_ASSERT(memcmp(b.flash + addr, head, HEAD) != 0);
        CU_ASSERT(starts(&b));
        close_board(&b);
    }
}

static const struct em_test tests[] = {
    {"what the host encrypts starts", host_encrypts},
    {"the chip encrypts alike", chip_encrypts},
    {"a made up key", made_up_key},
};

EM_TEST_MAIN("flasher/sim/crypt", tests)
