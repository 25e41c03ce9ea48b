/* SPDX-License-Identifier: Apache-2.0 */
/* The ESP32: names by package, cores and revision; a ROM that guesses its crystal. */
#include "config.h"

#include "flasher/chip/ops_int.h"

#include <stdio.h>

enum { ITEMS_MAX = 8 };

/* Several items of the table at once. */
static enum em_status read_items(const struct em_chip *chip,
                                 const struct em_chip_reader *reader,
                                 const char *const *items, size_t count, uint32_t *out,
                                 struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = 0; i < count && status == EM_OK; i++)
        status = em_chip_bits_read(chip, items[i], reader, &out[i], err);
    return status;
}

static enum em_status revision(const struct em_chip *chip,
                               const struct em_chip_reader *reader, uint32_t *out,
                               struct em_error *err)
{
    static const char *const items[] = {"major_bit0", "major_bit1", "major_bit2",
                                        "minor"};
    uint32_t v[4];
    enum em_status status = read_items(chip, reader, items, 4, v, err);
    if (status != EM_OK)
        return status;
    /* One more bit for each revision; other patterns are none. */
    uint32_t bits = v[0] | v[1] << 1 | v[2] << 2;
    uint32_t major = bits == 1 ? 1 : bits == 3 ? 2 : bits == 7 ? 3 : 0;
    *out = major * 100 + v[3];
    return EM_OK;
}

/* Packages whose name tells the number of cores or revision 3. */
static const struct {
    uint32_t package;
    const char *one_core; /* NULL: not sold so */
    const char *revision_3, *one_core_revision_3;
} variants[] = {
    {0, "ESP32-S0WDQ6", "ESP32-D0WDQ6-V3", "ESP32-S0WDQ6-V3"},
    {1, "ESP32-S0WD", "ESP32-D0WD-V3", "ESP32-S0WD-V3"},
    {5, NULL, "ESP32-PICO-V3", NULL},
};

static enum em_status describe(const struct em_chip *chip,
                               const struct em_chip_reader *reader, uint32_t revision_now,
                               char *out, size_t size, struct em_error *err)
{
    static const char *const items[] = {"package", "single_core"};
    uint32_t v[2];
    enum em_status status = read_items(chip, reader, items, 2, v, err);
    if (status != EM_OK)
        return status;
    const char *name = em_chip_text_find(chip, "package", v[0], "Unknown ESP32");
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        bool one_core = v[1] != 0 && variants[i].one_core != NULL;
        if (variants[i].package != v[0])
            continue;
        if (revision_now / 100 == 3)
            name = one_core ? variants[i].one_core_revision_3 : variants[i].revision_3;
        else if (one_core)
            name = variants[i].one_core;
    }
    (void)snprintf(out, size, "%s", name); /* cut if need be */
    return EM_OK;
}

static bool has_flash(uint32_t package)
{
    return package == 2 || package == 4 || package == 5 || package == 6;
}

static enum em_status features(const struct em_chip *chip,
                               const struct em_chip_reader *reader, char *out,
                               size_t size, struct em_error *err)
{
    static const char *const items[ITEMS_MAX] = {
        "package",  "single_core", "no_bluetooth",    "cpu_rated",
        "cpu_slow", "vref",        "block3_reserved", "coding_scheme"};
    uint32_t v[ITEMS_MAX];
    enum em_status status = read_items(chip, reader, items, ITEMS_MAX, v, err);
    if (status != EM_OK)
        return status;
    if (v[2] == 0)
        em_chip_feature_add(out, size, "BT");
    em_chip_feature_add(out, size,
                        v[1] != 0 ? "Single Core + LP Core" : "Dual Core + LP Core");
    if (v[3] != 0)
        em_chip_feature_add(out, size, v[4] != 0 ? "160MHz" : "240MHz");
    if (has_flash(v[0]))
        em_chip_feature_add(out, size, "Embedded Flash");
    if (v[0] == 6)
        em_chip_feature_add(out, size, "Embedded PSRAM");
    if (v[5] != 0)
        em_chip_feature_add(out, size, "Vref calibration in eFuse");
    if (v[6] != 0)
        em_chip_feature_add(out, size, "BLK3 partially reserved");
    char scheme[64];
    (void)snprintf(scheme, sizeof scheme, "Coding Scheme %s",
                   em_chip_text_find(chip, "coding_scheme", v[7], ""));
    em_chip_feature_add(out, size, scheme);
    return EM_OK;
}

/* The ROM takes a slow oscillator for its measure of the crystal, so it is wrong by as
 * much as that drifts. Ask for a rate that is wrong by the same amount. */
static enum em_status rom_baud(const struct em_chip *chip,
                               const struct em_chip_reader *reader, uint32_t xtal_mhz,
                               uint32_t baud, uint32_t *out, struct em_error *err)
{
    static const char *const items[] = {"rom_slow_cal", "rom_ck8m"};
    uint32_t v[2];
    (void)xtal_mhz; /* the ROM's belief counts, not what is there */
    enum em_status status = read_items(chip, reader, items, 2, v, err);
    if (status != EM_OK)
        return status;
    /* The crystal as the ROM has it, in counts of 390.625 Hz (15625 / 40). */
    enum { COUNTS_26M = 66560, COUNTS_33M = 84480, COUNTS_40M = 102400 };
    uint64_t counts = (uint64_t)v[0] * v[1];
    /* Nothing measured, or nonsense: no better rate is known. */
    if (counts == 0 || counts > 10 * COUNTS_40M)
        return EM_OK;
    *out = (uint32_t)(baud * counts / (counts > COUNTS_33M ? COUNTS_40M : COUNTS_26M));
    return EM_OK;
}

const struct em_chip_ops em_chip_ops_esp32 = {
    .rom_baud = rom_baud,
    .revision = revision,
    .describe = describe,
    .features = features,
};
