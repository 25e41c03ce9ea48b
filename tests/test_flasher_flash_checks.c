/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what is refused before anything is erased. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_util.h"

struct check_case {
    const char *chip;
    bool stub, secure_download;
    struct em_flash_security security;
    struct em_flash_piece pieces[2];
    bool force, ignore;
    enum em_status status;
    const char *has;
};

static const uint8_t bytes[0x3000];

/* The header of an image: magic, one segment, chip and revisions as told. */
static void make_image(uint8_t out[48], uint16_t chip, uint16_t min, uint16_t max)
{
    memset(out, 0, 48);
    out[0] = 0xE9;
    out[1] = 1;
    out[12] = (uint8_t)chip;
    out[13] = (uint8_t)(chip >> 8);
    out[15] = (uint8_t)min;
    out[16] = (uint8_t)(min >> 8);
    out[17] = (uint8_t)max;
    out[18] = (uint8_t)(max >> 8);
}

static void run(const struct check_case *c, uint32_t revision)
{
    struct em_device dev;
    struct em_error err = {0};
    struct em_flash_space space = {.end = 4 << 20, .detected = 4 << 20};
    struct em_flash_write write = {.pieces = c->pieces,
                                   .count = c->pieces[1].data != NULL ? 2 : 1,
                                   .force = c->force,
                                   .ignore_flash_encryption = c->ignore};
    em_t_device(&dev, c->chip, c->stub);
    dev.secure_download = c->secure_download;
    dev.info.revision = revision;
    EM_CHECK_STATUS(em_flash_check(&dev, &write, &space, &c->security, &err), c->status,
                    &err);
    if (c->has != NULL)
        EM_CHECK_HAS(err.what, c->has);
}

#define PIECE(where, size)                                                               \
    {                                                                                    \
        .name = "f", .addr = (where), .data = bytes, .len = (size)                       \
    }
#define OTHER(where, size)                                                               \
    {                                                                                    \
        .name = "g", .addr = (where), .data = bytes, .len = (size)                       \
    }
#define CRYPT(where, size)                                                               \
    {                                                                                    \
        .name = "f", .addr = (where), .data = bytes, .len = (size), .encrypt = true      \
    }
#define KEYED .encryption = true, .key_known = true, .has_key = true

static void places(void)
{
    static const struct check_case cases[] = {
        {"esp32c3", .pieces = {PIECE(0, 16)}},
        {"esp32c3", .pieces = {PIECE(0x3FF000, 0x1000)}},
        {"esp32c3", .pieces = {PIECE(0x3FF000, 0x1001)}, .status = EM_ERR_FULL,
         .has = "0x400000"},
        {"esp32c3", .pieces = {PIECE(0x3FF000, 0x1001)}, .force = true,
         .status = EM_ERR_FULL},
        {"esp32c3", .pieces = {PIECE(0xFFFFF000, 0x1000)}, .status = EM_ERR_FULL},
        {"esp32c3", .pieces = {PIECE(0, 16), OTHER(0x1000, 16)}},
        {"esp32c3", .pieces = {PIECE(0, 16), OTHER(0xFFF, 16)}, .status = EM_ERR_USAGE,
         .has = "share a sector"},
        {"esp32c3", .pieces = {PIECE(0x2800, 0x900), OTHER(0x1000, 0x1001)}},
        {"esp32c3", .pieces = {PIECE(0x2800, 0x900), OTHER(0x1000, 0x1001)},
         .status = EM_OK},
        {"esp32c3", .pieces = {PIECE(0x2800, 0x900), OTHER(0x3000, 0)}},
        {"esp32c3", .pieces = {PIECE(0x1000, 0x1000), OTHER(0x1000, 4)}, .force = true,
         .status = EM_ERR_USAGE, .has = "g (0x1000..0x1004)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct check_case c = cases[i];
        /* 0x2800 begins in the sector in which 0x1000 + 0x1001 ends */
        if (i == 7 || i == 8)
            c.status = EM_ERR_USAGE;
        run(&c, 3);
    }
    struct check_case limited = {"esp32c3", .pieces = {PIECE(0x9000, 0x3000)},
                                 .status = EM_ERR_FULL, .has = "0xb000"};
    limited.pieces[0].limit = 0xB000;
    run(&limited, 3);
    limited.pieces[0].limit = 0xC000;
    limited.status = EM_OK;
    limited.has = NULL;
    run(&limited, 3);
}

static void encryption(void)
{
    static const struct check_case cases[] = {
        /* plain data */
        {"esp32c3", .security = {.encryption = true}, .pieces = {PIECE(0, 16)}},
        {"esp32c3", .security = {.encryption = true, .dl_encrypt_dis = true},
         .pieces = {PIECE(0, 16)}, .status = EM_ERR_REFUSED, .has = "plain"},
        {"esp32c3", .security = {.encryption = true, .dl_encrypt_dis = true},
         .pieces = {PIECE(0, 16)}, .force = true},
        {"esp32c3", .security = {.encryption = true}, .secure_download = true,
         .pieces = {PIECE(0, 16)}, .status = EM_ERR_REFUSED},
        {"esp32c3", .secure_download = true, .pieces = {PIECE(0, 16)}},
        /* encrypted by the chip */
        {"esp32c3", .security = {KEYED}, .pieces = {CRYPT(0x10, 16)}},
        {"esp32c3", .security = {KEYED}, .pieces = {CRYPT(0x18, 16)},
         .status = EM_ERR_USAGE, .has = "multiple of 16"},
        {"esp32", .stub = true, .security = {KEYED}, .pieces = {CRYPT(0x10, 32)},
         .status = EM_ERR_USAGE, .has = "multiple of 32"},
        {"esp32", .stub = true, .security = {KEYED}, .pieces = {CRYPT(0x20, 32)}},
        {"esp32", .security = {KEYED}, .pieces = {CRYPT(0x20, 32)}, .force = true,
         .status = EM_ERR_UNSUPPORTED, .has = "ROM loader"},
        {"esp8266", .stub = true, .pieces = {CRYPT(0, 32)}, .force = true, .ignore = true,
         .status = EM_ERR_UNSUPPORTED},
        {"esp32c3", .security = {KEYED, .dl_encrypt_dis = true}, .pieces = {CRYPT(0, 16)},
         .force = true, .status = EM_ERR_REFUSED},
        {"esp32c3", .security = {KEYED, .dl_encrypt_dis = true}, .pieces = {CRYPT(0, 16)},
         .ignore = true},
        {"esp32", .stub = true, .security = {KEYED, .crypt_config_bad = true},
         .pieces = {CRYPT(0, 16)}, .status = EM_ERR_REFUSED, .has = "FLASH_CRYPT_CONFIG"},
        {"esp32c3", .security = {.encryption = true, .key_known = true},
         .pieces = {CRYPT(0, 16)}, .status = EM_ERR_REFUSED, .has = "no key"},
        {"esp32c3", .security = {.encryption = true}, .pieces = {CRYPT(0, 16)}},
        /* secure boot of the first version */
        {"esp32", .security = {.secure_boot = true, .secure_boot_1 = true},
         .pieces = {PIECE(0x7000, 16)}, .status = EM_ERR_REFUSED, .has = "0x8000"},
        {"esp32", .security = {.secure_boot = true, .secure_boot_1 = true},
         .pieces = {PIECE(0x8000, 16)}},
        {"esp32", .security = {.secure_boot = true, .secure_boot_1 = true},
         .pieces = {PIECE(0x7000, 16)}, .force = true},
        {"esp32c3", .security = {.secure_boot = true}, .pieces = {PIECE(0, 16)}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run(&cases[i], 3);
}

static void images(void)
{
    static const struct {
        const char *chip;
        uint16_t id, min, max;
        uint32_t revision;
        bool force, secure_download;
        enum em_status status;
    } cases[] = {
        {"esp32c3", 5, 3, 199, 3, false, false, EM_OK},
        {"esp32c3", 5, 3, 199, 199, false, false, EM_OK},
        {"esp32c3", 5, 3, 199, 200, false, false, EM_ERR_CHIP},
        {"esp32c3", 5, 4, 199, 3, false, false, EM_ERR_CHIP},
        {"esp32c3", 5, 4, 199, 3, true, false, EM_OK},
        {"esp32c3", 9, 0, 65535, 3, false, false, EM_ERR_CHIP},
        {"esp32c3", 9, 0, 65535, 3, true, false, EM_OK},
        {"esp32c3", 9, 0, 65535, 3, false, true, EM_ERR_CHIP},
        {"esp32c3", 5, 4, 199, 3, false, true, EM_OK}, /* nobody knows the revision */
        {"esp32s3", 5, 0, 65535, 3, false, false, EM_ERR_CHIP},
        {"esp8266", 5, 0, 65535, 3, false, false, EM_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t image[48];
        make_image(image, cases[i].id, cases[i].min, cases[i].max);
        struct check_case c = {cases[i].chip, .secure_download = cases[i].secure_download,
                               .force = cases[i].force, .status = cases[i].status};
        c.pieces[0] = (struct em_flash_piece){
            .name = "app", .addr = 0x10000, .data = image, .len = sizeof image};
        if (c.status != EM_OK)
            c.has = "app: ";
        run(&c, cases[i].revision);
    }
}

static void compression(void)
{
    struct em_device dev;
    struct em_error err = {0};
    struct em_flash_space space = {.end = 4 << 20};
    struct em_flash_security security = {0};
    struct em_flash_piece piece = PIECE(0, 16);
    struct em_flash_write write = {
        .pieces = &piece, .count = 1, .compress = EM_FLASH_COMPRESS_ON};
    em_t_device(&dev, "esp8266", false);
    EM_CHECK_STATUS(em_flash_check(&dev, &write, &space, &security, &err),
                    EM_ERR_UNSUPPORTED, &err);
    em_t_device(&dev, "esp8266", true);
    EM_CHECK_STATUS(em_flash_check(&dev, &write, &space, &security, &err), EM_OK, &err);
    em_t_device(&dev, "esp32", false);
    EM_CHECK_STATUS(em_flash_check(&dev, &write, &space, &security, &err), EM_OK, &err);
}

static const struct em_test tests[] = {
    {"places", places},
    {"encryption and secure boot", encryption},
    {"images of other chips", images},
    {"compression that no loader knows", compression},
};

EM_TEST_MAIN("flasher/flash/checks", tests)
