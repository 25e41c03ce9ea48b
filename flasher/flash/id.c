/* SPDX-License-Identifier: Apache-2.0 */
/* What the flash chip says of itself, and what the fuses say of it. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <string.h>

static bool has_item(const struct em_chip *chip, const char *item)
{
    for (const struct em_chip_bits *bits = chip->bits; bits->item != NULL; bits++) {
        if (strcmp(bits->item, item) == 0)
            return true;
    }
    return false;
}

/* Items of a chip's table that decide on the voltage (chip-info.csv). */
enum voltage_item {
    RTC_FORCE,
    RTC_1V9,
    RTC_1V8,
    FUSE_FORCE,
    FUSE_ON,
    FUSE_3V3,
    STRAP_1V8
};
static const char *const voltage_items[] = {
    "vdd_rtc_force", "vdd_rtc_1v9",  "vdd_rtc_1v8",  "vdd_fuse_force",
    "vdd_fuse_on",   "vdd_fuse_3v3", "vdd_strap_1v8"};
enum { VOLTAGE_ITEMS = sizeof voltage_items / sizeof voltage_items[0] };

static const char *name_voltage(const struct em_chip *chip,
                                const uint32_t value[VOLTAGE_ITEMS])
{
    if (value[RTC_FORCE] != 0) {
        if (value[RTC_1V9] != 0)
            return "1.9V";
        return value[RTC_1V8] != 0 ? "1.8V" : "OFF";
    }
    if (value[FUSE_FORCE] != 0) {
        if (value[FUSE_ON] == 0)
            return "OFF";
        return value[FUSE_3V3] != 0 ? "3.3V" : "1.8V";
    }
    if (!has_item(chip, voltage_items[STRAP_1V8]))
        return "";
    return value[STRAP_1V8] != 0 ? "1.8V" : "3.3V";
}

static enum em_status find_voltage(struct em_device *dev, const char **out,
                                   struct em_error *err)
{
    struct em_chip_reader reader = em_rom_chip_reader(dev);
    uint32_t value[VOLTAGE_ITEMS];
    *out = "";
    if (!has_item(dev->chip, voltage_items[FUSE_FORCE]))
        return EM_OK;
    for (size_t i = 0; i < VOLTAGE_ITEMS; i++) {
        enum em_status status =
            em_chip_bits_read(dev->chip, voltage_items[i], &reader, &value[i], err);
        if (status != EM_OK)
            return status;
    }
    *out = name_voltage(dev->chip, value);
    return EM_OK;
}

enum em_status em_flash_identify(struct em_device *device,
                                 const struct em_flash_options *options,
                                 struct em_flash_id *out, struct em_error *err)
{
    *out = (struct em_flash_id){.voltage = ""};
    if (device->secure_download)
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            "in it only writing and erasing are possible",
                            "flash id: the chip is in secure download mode");
    enum em_status status =
        em_flash_attach(device, options != NULL ? options->spi_connection : NULL, err);
    if (status != EM_OK)
        return status;
    out->id = device->flash.id;
    out->manufacturer = (uint8_t)out->id;
    out->device = (uint16_t)((out->id & 0xFF00) | (out->id >> 16 & 0xFF));
    out->size = em_flash_id_size(out->id);
    if (has_item(device->chip, "flash_octal")) {
        struct em_chip_reader reader = em_rom_chip_reader(device);
        uint32_t octal;
        status = em_chip_bits_read(device->chip, "flash_octal", &reader, &octal, err);
        out->type_known = status == EM_OK;
        out->octal = octal != 0;
        out->quad = !out->octal;
    }
    return status == EM_OK ? find_voltage(device, &out->voltage, err) : status;
}
