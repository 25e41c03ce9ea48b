/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the rates that ROMs are asked for. */
#include "config.h"

#include "flasher/chip/chip_int.h"

#include "tests/em_test.h"

struct reg {
    uint32_t addr, word;
};

static enum em_status fake_read(void *user, uint32_t addr, uint32_t *out,
                                struct em_error *err)
{
    (void)err;
    *out = 0;
    for (const struct reg *reg = user; reg->addr != 0; reg++) {
        if (reg->addr == addr)
            *out = reg->word;
    }
    return EM_OK;
}

/* Figures that a published tool sent for these registers (see tests/data/chip). */
static void rates(void)
{
    static const struct {
        const char *chip;
        struct reg regs[3];
        uint32_t xtal_mhz, baud, wanted;
    } cases[] = {
        {"esp32", {{0x3FF5A010, 0x85}, {0x3FF5F06C, 770 << 7}}, 40, 460800, 460845},
        {"esp32", {{0x3FF5A010, 0x85}, {0x3FF5F06C, 500 << 7}}, 40, 460800, 460384},
        {"esp32", {{0x3FF5A010, 0x70}, {0x3FF5F06C, 800 << 7}}, 40, 921600, 806400},
        {"esp32", {{0x3FF5A010, 0xC0}, {0x3FF5F06C, 450 << 7}}, 40, 230400, 194400},
        /* Nothing measured: 0 would be asked for. */
        {"esp32", {{0x3FF5A010, 0x85}}, 40, 460800, 460800},
        {"esp32", {{0x3FF5F06C, 770 << 7}}, 26, 460800, 460800},
        {"esp32", {{0x3FF5A010, 0xFF}, {0x3FF5F06C, 0xFFFFFFFF}}, 40, 115200, 115200},
        {"esp32c2", {{0}}, 26, 460800, 708923},
        {"esp32c2", {{0}}, 40, 460800, 460800},
        {"esp32c5", {{0x60096110, 40u << 24}}, 40, 460800, 460800},
        {"esp32c5", {{0x60096110, 48u << 24}}, 40, 460800, 552960},
        {"esp32c5", {{0x60096110, 40u << 24}}, 48, 460800, 384000},
        {"esp32c5", {{0x60096110, 48u << 24}}, 48, 460800, 460800},
        {"esp32c5", {{0}}, 48, 460800, 460800},
        {"esp32c5", {{0x60096110, 26u << 24}}, 48, 460800, 460800},
        {"esp32c5", {{0x60096110, 0x80000000u | 40u << 24}}, 48, 460800, 384000},
        {"esp32c3", {{0}}, 40, 921600, 921600},
        {"esp32h2", {{0}}, 32, 921600, 921600},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reg regs[3];
        const struct em_chip *chip = em_chip_find(cases[i].chip);
        const struct em_chip_reader reader = {fake_read, regs};
        struct em_error err;
        uint32_t got = 0;
        memcpy(regs, cases[i].regs, sizeof regs);
        CU_ASSERT_PTR_NOT_NULL_FATAL(chip);
        EM_CHECK_STATUS(
            em_chip_rom_baud(chip, &reader, cases[i].xtal_mhz, cases[i].baud, &got, &err),
            EM_OK, &err);
        if (got != cases[i].wanted)
            printf("\n  %s, case %zu: %lu\n", cases[i].chip, i, (unsigned long)got);
        CU_ASSERT_EQUAL(got, cases[i].wanted);
    }
}

static const struct em_test tests[] = {
    {"rates to ask the ROM for", rates},
};

EM_TEST_MAIN("flasher/chip/baud", tests)
