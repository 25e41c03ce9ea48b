/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of erasing: sectors and whole chips, by ROM and by stub. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_sim.h"

static uint8_t *flash_of(struct em_t_chip *chip, size_t *size)
{
    return (uint8_t *)(uintptr_t)em_sim_flash(chip->sim, size);
}

/* Is all from @p from to @p to this byte? */
static bool all(const uint8_t *flash, size_t from, size_t to, uint8_t byte)
{
    for (size_t i = from; i < to; i++)
        if (flash[i] != byte)
            return false;
    return true;
}

static void erase_once(const char *name, bool stub, const char *faults, unsigned seed)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {
        .chip = name, .flash_size = 2 << 20, .faults = faults, .seed = seed};
    size_t size;
    EM_CHECK_STATUS(em_t_open(&chip, &sim, stub, &err), EM_OK, &err);
    uint8_t *flash = flash_of(&chip, &size);
    CU_ASSERT_EQUAL(size, 2 << 20);
    memset(flash, 0, size);
    EM_CHECK_STATUS(em_flash_erase(chip.dev, NULL, 0x10000, 0x102000, false, &err), EM_OK,
                    &err);
    CU_ASSERT(all(flash, 0, 0x10000, 0));
    CU_ASSERT(all(flash, 0x10000, 0x112000, 0xFF));
    CU_ASSERT(all(flash, 0x112000, size, 0));
    EM_CHECK_STATUS(em_flash_erase(chip.dev, NULL, 0x1FE000, EM_FLASH_ALL, false, &err),
                    EM_OK, &err);
    CU_ASSERT(all(flash, 0x112000, 0x1FE000, 0));
    CU_ASSERT(all(flash, 0x1FE000, size, 0xFF));
    EM_CHECK_STATUS(em_flash_erase_all(chip.dev, NULL, false, &err), EM_OK, &err);
    CU_ASSERT(all(flash, 0, size, 0xFF));
    CU_ASSERT_STRING_EQUAL(chip.last_stage, "erasing");
    CU_ASSERT_FALSE(chip.fell);
    em_t_close(&chip);
}

static void erases(void)
{
    for (size_t i = 0; i < EM_T_CHIPS; i++) {
        erase_once(em_t_chips[i], false, NULL, 1);
        erase_once(em_t_chips[i], true, NULL, 1);
    }
}

static void erases_faulty(void)
{
    for (unsigned seed = 1; seed <= 20; seed++)
        erase_once("esp32c3", seed % 2 == 0, "drop=0.0005,delay=0.001:20", seed);
}

static void refuses(void)
{
    static const struct {
        uint32_t addr;
        uint64_t len;
        enum em_status status;
    } cases[] = {
        {0x1000, 0x800, EM_ERR_USAGE},   {0x1001, 0x1000, EM_ERR_USAGE},
        {0x3FF000, 0x2000, EM_ERR_FULL}, {0x400000, 0x1000, EM_ERR_FULL},
        {0x3FF000, 0x1000, EM_OK},       {0x1000, 0, EM_OK},
    };
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c3"};
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        EM_CHECK_STATUS(
            em_flash_erase(chip.dev, NULL, cases[i].addr, cases[i].len, false, &err),
            cases[i].status, &err);
    em_t_close(&chip);
}

/* A chip that is locked to its content is left alone unless forced. */
static void locked(void)
{
    for (int i = 0; i < 4; i++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {.chip = i < 2 ? "esp32c6" : "esp32",
                                     .flash_encryption = i % 2 == 0,
                                     .secure_boot = i % 2 == 1};
        size_t size;
        EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
        uint8_t *flash = flash_of(&chip, &size);
        memset(flash, 0, size);
        EM_CHECK_STATUS(em_flash_erase_all(chip.dev, NULL, false, &err), EM_ERR_REFUSED,
                        &err);
        EM_CHECK_HAS(err.what, i % 2 == 0 ? "flash encryption" : "secure boot");
        EM_CHECK_STATUS(em_flash_erase(chip.dev, NULL, 0, 0x1000, false, &err),
                        EM_ERR_REFUSED, &err);
        CU_ASSERT(all(flash, 0, size, 0));
        EM_CHECK_STATUS(em_flash_erase(chip.dev, NULL, 0, 0x1000, true, &err), EM_OK,
                        &err);
        CU_ASSERT(all(flash, 0, 0x1000, 0xFF));
        em_t_close(&chip);
    }
}

static void secure_download(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32s3", .secure_download = true};
    size_t size;
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    uint8_t *flash = flash_of(&chip, &size);
    memset(flash, 0, size);
    EM_CHECK_STATUS(em_flash_erase(chip.dev, NULL, 0x300000, 0x1000, false, &err), EM_OK,
                    &err);
    CU_ASSERT(all(flash, 0x300000, 0x301000, 0xFF));
    CU_ASSERT(all(flash, 0, 0x300000, 0));
    em_t_close(&chip);
}

static const struct em_test tests[] = {
    {"sectors and chips", erases},
    {"bad lines", erases_faulty},
    {"what cannot be done", refuses},
    {"locked chips", locked},
    {"secure download mode", secure_download},
};

EM_TEST_MAIN("flasher/flash/erase", tests)
