/* SPDX-License-Identifier: Apache-2.0 */
/* Who a chip is, for people and for the ledger. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include <string.h>

/* Words of fuses do not change while we look: each is asked for once (twice, to be sure),
 * however many fields stand in it. */
static enum em_status read_sure(void *user, uint32_t addr, uint32_t *out,
                                struct em_error *err)
{
    struct em_rom_sure_reader *sure = user;
    for (size_t i = 0; i < sure->count; i++) {
        if (sure->known[i].addr == addr) {
            *out = sure->known[i].value;
            return EM_OK;
        }
    }
    enum em_status status = em_rom_read_reg_sure(sure->dev, addr, out, err);
    if (status == EM_OK && sure->count < sizeof sure->known / sizeof sure->known[0]) {
        sure->known[sure->count].addr = addr;
        sure->known[sure->count++].value = *out;
    }
    return status;
}

struct em_chip_reader em_rom_sure_chip_reader(struct em_rom_sure_reader *sure,
                                              struct em_device *dev)
{
    sure->dev = dev;
    sure->count = 0;
    return (struct em_chip_reader){read_sure, sure};
}

enum em_status em_rom_revision(struct em_device *dev, uint32_t *out, struct em_error *err)
{
    struct em_rom_sure_reader sure;
    const struct em_chip_reader reader = em_rom_sure_chip_reader(&sure, dev);
    return em_chip_revision(dev->chip, &reader, out, err);
}

static enum em_status ask(struct em_device *dev, struct em_device_info *info,
                          struct em_error *err)
{
    struct em_rom_sure_reader sure;
    const struct em_chip_reader reader = em_rom_sure_chip_reader(&sure, dev);
    const struct em_chip *chip = dev->chip;
    enum em_status status = em_chip_revision(chip, &reader, &info->revision, err);
    if (status == EM_OK)
        status = em_chip_describe(chip, &reader, info->revision, dev->description,
                                  sizeof dev->description, err);
    if (status == EM_OK)
        status =
            em_chip_features(chip, &reader, dev->features, sizeof dev->features, err);
    if (status == EM_OK)
        status = em_chip_mac(chip, &reader, info->mac, err);
    if (status == EM_OK)
        status = em_chip_eui64(chip, &reader, info->eui64, &info->has_eui64, err);
    if (status == EM_OK)
        status = em_rom_crystal(dev, &info->crystal_mhz, err);
    return status;
}

enum em_status em_device_info(struct em_device *device, const struct em_device_info **out,
                              struct em_error *err)
{
    *out = NULL;
    if (!device->has_info) {
        struct em_device_info info = {
            .chip = device->chip->id,
            .name = device->chip->name,
            .description = device->description,
            .features = device->features,
            .usb_mode = device->usb_jtag  ? "USB-Serial/JTAG"
                        : device->usb_otg ? "USB-OTG"
                                          : "",
            .secure_download = device->secure_download,
            .stub = device->stub,
        };
        device->description[0] = device->features[0] = '\0';
        enum em_status status = device->secure_download ? EM_OK : ask(device, &info, err);
        if (status != EM_OK)
            return status;
        device->info = info;
        device->has_info = true;
    }
    device->info.stub = device->stub;
    *out = &device->info;
    return EM_OK;
}

enum em_status em_device_chip_id(struct em_device *device, uint32_t *out,
                                 struct em_error *err)
{
    const struct em_device_info *info;
    *out = 0;
    /* The chip whose images name no chip has a number of its own, made of its MAC
     * (esptool 5: the low 24 bits are the MAC's last three bytes). */
    if (device->chip->image_id != EM_CHIP_NO_ID)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "ask for its MAC",
                            "%s has no chip id", device->chip->name);
    enum em_status status = em_device_info(device, &info, err);
    if (status == EM_OK)
        *out = (uint32_t)info->mac[3] << 16 | (uint32_t)info->mac[4] << 8 |
               (uint32_t)info->mac[5];
    return status;
}
