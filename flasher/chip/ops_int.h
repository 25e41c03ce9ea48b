/* SPDX-License-Identifier: Apache-2.0 */
/* What a chip does that no table can say. */
#ifndef FLASHER_CHIP_OPS_INT_H
#define FLASHER_CHIP_OPS_INT_H

#include "flasher/chip/chip_int.h"

/** Operations of a chip. A NULL member stands for what most chips do; call them by the
 * functions of chip_int.h, which know that. */
struct em_chip_ops {
    /** The rate to ask the ROM for so that the line runs at @p baud. NULL: by the
     * crystal that the ROM believes in, if that is known. */
    enum em_status (*rom_baud)(const struct em_chip *chip,
                               const struct em_chip_reader *reader, uint32_t xtal_mhz,
                               uint32_t baud, uint32_t *out, struct em_error *err);
    /** Revision as major*100+minor. NULL: items "major" and "minor" of the table. */
    enum em_status (*revision)(const struct em_chip *chip,
                               const struct em_chip_reader *reader, uint32_t *out,
                               struct em_error *err);
    /** Name of package and variant, "ESP32-D0WD-V3". NULL: item "package". */
    enum em_status (*describe)(const struct em_chip *chip,
                               const struct em_chip_reader *reader, uint32_t revision,
                               char *out, size_t size, struct em_error *err);
    /** Features beyond the fixed list, by em_chip_feature_add(). NULL: flash and PSRAM by
     * items flash_cap, flash_vendor, psram_cap, psram_vendor; then item calibration. */
    enum em_status (*features)(const struct em_chip *chip,
                               const struct em_chip_reader *reader, char *out,
                               size_t size, struct em_error *err);
    /** The six bytes of the MAC. NULL: from mac_hi and mac_lo. */
    enum em_status (*mac)(const struct em_chip *chip, const struct em_chip_reader *reader,
                          uint8_t out[6], struct em_error *err);
};

/** Append @p text to the list in @p out, with ", " between; cut to @p size. */
void em_chip_feature_add(char *out, size_t size, const char *text);

extern const struct em_chip_ops em_chip_ops_esp32;
extern const struct em_chip_ops em_chip_ops_esp32s3;
extern const struct em_chip_ops em_chip_ops_esp8266;
extern const struct em_chip_ops em_chip_ops_plain;

/* The rows, from the build (chips.c). */
extern const struct em_chip em_chip_table[];
extern const size_t em_chip_table_count;

#endif
