/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the flash chip's own commands: ids, status registers, SFDP, start-up. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_sim.h"

static void identifies(void)
{
    for (size_t i = 0; i < 2 * EM_T_CHIPS; i++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {.chip = em_t_chips[i / 2], .flash_id = 0x1740C8};
        struct em_flash_id id;
        sim.flash_size = 8 << 20;
        EM_CHECK_STATUS(em_t_open(&chip, &sim, i % 2 == 1, &err), EM_OK, &err);
        const struct em_chip *type = chip.dev->chip;
        uint32_t usr = type->spi_base + type->spi_usr;
        uint32_t after;
        EM_CHECK_STATUS(em_rom_write_reg(chip.dev, usr, 0x1234, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_flash_identify(chip.dev, NULL, &id, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(id.id, 0x1740C8);
        CU_ASSERT_EQUAL(id.manufacturer, 0xC8);
        CU_ASSERT_EQUAL(id.device, 0x4017);
        CU_ASSERT_EQUAL(id.size, 8 << 20);
        CU_ASSERT_PTR_NOT_NULL(id.voltage);
        /* what others had set is put back */
        EM_CHECK_STATUS(em_rom_read_reg(chip.dev, usr, &after, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(after, 0x1234);
        CU_ASSERT_STRING_EQUAL(chip.told, "");
        em_t_close(&chip);
    }
}

/* One that does not answer is told of, and one that only XMC's sequence wakes. */
static void start_up(void)
{
    static const struct {
        uint32_t id;
        const char *told;
    } cases[] = {
        {0xFFFFFF, "no answer"}, {0x174020, ""}, /* an XMC chip that is fine */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {.chip = "esp32c3", .flash_id = cases[i].id};
        struct em_flash_id id;
        EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_flash_identify(chip.dev, NULL, &id, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(id.id, cases[i].id);
        EM_CHECK_HAS(chip.told, cases[i].told);
        em_t_close(&chip);
    }
}

static void registers(void)
{
    static const char *const names[] = {"esp8266", "esp32", "esp32c3", "esp32p4"};
    for (size_t i = 0; i < 4; i++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {.chip = names[i]};
        uint32_t got;
        EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_flash_status_write(chip.dev, NULL, 2, 0x021C, true, &err),
                        EM_OK, &err);
        EM_CHECK_STATUS(em_flash_status_read(chip.dev, NULL, 2, &got, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(got, 0x021C);
        EM_CHECK_STATUS(em_flash_status_write(chip.dev, NULL, 1, 0x04, false, &err),
                        EM_OK, &err);
        EM_CHECK_STATUS(em_flash_status_read(chip.dev, NULL, 1, &got, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(got, 0x04);
        EM_CHECK_STATUS(em_flash_status_read(chip.dev, NULL, 3, &got, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(got & 0xFF, 0x04);
        EM_CHECK_STATUS(em_flash_status_read(chip.dev, NULL, 4, &got, &err), EM_ERR_USAGE,
                        &err);
        EM_CHECK_STATUS(em_flash_status_read(chip.dev, NULL, 0, &got, &err), EM_ERR_USAGE,
                        &err);
        EM_CHECK_STATUS(em_flash_status_write(chip.dev, NULL, 1, 0x100, false, &err),
                        EM_ERR_USAGE, &err);
        em_t_close(&chip);
    }
}

static void tables(void)
{
    for (size_t i = 0; i < EM_T_CHIPS; i++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {.chip = em_t_chips[i]};
        uint8_t bytes[5] = {0, 0, 0, 0, 0x77};
        EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_flash_sfdp(chip.dev, NULL, 0, 4, bytes, &err), EM_OK, &err);
        EM_CHECK_BYTES(bytes, "SFDP\x77", 5); /* JESD216, 6.2.1 */
        bytes[1] = 0;
        EM_CHECK_STATUS(em_flash_sfdp(chip.dev, NULL, 1, 1, bytes, &err), EM_OK, &err);
        EM_CHECK_BYTES(bytes, "F\0", 2);
        EM_CHECK_STATUS(em_flash_sfdp(chip.dev, NULL, 0, 5, bytes, &err), EM_ERR_USAGE,
                        &err);
        EM_CHECK_STATUS(em_flash_sfdp(chip.dev, NULL, 1 << 24, 1, bytes, &err),
                        EM_ERR_USAGE, &err);
        em_t_close(&chip);
    }
}

/* Told pins are attached once, and again when they change. */
static void connections(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32"};
    struct em_flash_options options = {.spi_connection = "6,17,8,11,16"};
    struct em_flash_id id;
    struct em_sim_stats before;
    struct em_sim_stats after;
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_identify(chip.dev, &options, &id, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(chip.dev->flash.pins, 0x0B408446);
    em_sim_stats(chip.sim, &before);
    EM_CHECK_STATUS(em_flash_attach(chip.dev, options.spi_connection, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_attach(chip.dev, NULL, &err), EM_OK, &err);
    em_sim_stats(chip.sim, &after);
    CU_ASSERT_EQUAL(after.commands, before.commands);
    EM_CHECK_STATUS(em_flash_attach(chip.dev, "HSPI", &err), EM_OK, &err);
    CU_ASSERT_EQUAL(chip.dev->flash.pins, 1);
    options.spi_connection = "1,2";
    EM_CHECK_STATUS(em_flash_identify(chip.dev, &options, &id, &err), EM_ERR_USAGE, &err);
    em_t_close(&chip);
}

static const struct em_test tests[] = {
    {"ids", identifies}, {"start-up", start_up},       {"status registers", registers},
    {"SFDP", tables},    {"connections", connections},
};

EM_TEST_MAIN("flasher/flash/spi", tests)
