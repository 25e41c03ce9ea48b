/* SPDX-License-Identifier: Apache-2.0 */
/* What a chip needs right after the first contact: watchdogs off, flash powered. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include <string.h>

/* Writes that power the flash of a chip, for the revisions from @c from to @c to. */
struct power_up {
    const char *chip;
    uint32_t from, to; /* major * 100 + minor */
    const struct em_rom_write *writes;
    size_t count;
    /* Another regulator is in use when this fuse is set, from revision @c other_from on:
     * then the bits of @c other are cleared if all are set, and nothing else is done. */
    uint32_t other_from;
    struct em_chip_mask other_fuse, other;
};

#define BIT(n) (1u << (n))

/* rom-protocol.md, 5.6. */
static const struct em_rom_write p4_writes[] = {
    {0x5011010C, 1, UINT32_MAX, 10000}, {0x501151BC, BIT(27), BIT(27), 0},
    {0x501151B8, BIT(7), BIT(7), 0},    {0x501153FC, 3, 3, 50},
    {0x501151BC, 0, BIT(27), 0},        {0x501151B8, 0, 0xFFu << 23, 0},
    {0x501151B8, BIT(7), BIT(7), 0},    {0x501151B8, 0, BIT(7), 1800},
};

static const struct power_up power_ups[] = {
    {
        .chip = "esp32p4",
        .from = 301,
        .to = 302,
        .writes = p4_writes,
        .count = sizeof p4_writes / sizeof p4_writes[0],
        .other_from = 302,
        .other_fuse = {0x5012D034, BIT(16)},
        .other = {0x501153FC, 3},
    },
};

static enum em_status power_flash(struct em_device *dev, const struct power_up *power,
                                  struct em_error *err)
{
    uint32_t revision, fuse, bits;
    enum em_status status = em_rom_revision(dev, &revision, err);
    if (status != EM_OK || revision < power->from || revision > power->to)
        return status;
    if (revision >= power->other_from) {
        status = em_rom_read_mask(dev, power->other_fuse, &fuse, err);
        if (status != EM_OK)
            return status;
        if (fuse != 0) {
            status = em_rom_read_mask(dev, power->other, &bits, err);
            if (status == EM_OK && bits == power->other.mask)
                status =
                    em_rom_update_reg(dev, power->other.addr, power->other.mask, 0, err);
            return status;
        }
    }
    return em_rom_write_regs(dev, power->writes, power->count, err);
}

/* Both watchdogs survive a reset through the chip's own USB port, and would bite in the
 * middle of a write. */
static enum em_status calm_watchdogs(struct em_device *dev, struct em_error *err)
{
    const struct em_chip *chip = dev->chip;
    const struct em_rom_write writes[] = {
        {chip->wdt_wprotect, chip->wdt_key, UINT32_MAX, 0},
        {chip->wdt_config0, 0, UINT32_MAX, 0},
        {chip->wdt_wprotect, 0, UINT32_MAX, 0},
        {chip->swd_wprotect, chip->swd_key, UINT32_MAX, 0},
        {chip->swd_conf, chip->swd_autofeed, chip->swd_autofeed, 0},
        {chip->swd_wprotect, 0, UINT32_MAX, 0},
    };
    return em_rom_write_regs(dev, writes, sizeof writes / sizeof writes[0], err);
}

void em_rom_choose_blocks(struct em_device *dev)
{
    dev->ram_block = dev->usb_otg ? EM_ROM_USB_OTG_BLOCK : EM_ROM_RAM_BLOCK;
    dev->flash_block = EM_ROM_FLASH_BLOCK;
    if (dev->stub)
        dev->flash_block = dev->usb_otg ? EM_ROM_USB_OTG_BLOCK : EM_ROM_STUB_FLASH_BLOCK;
}

enum em_status em_rom_post_connect(struct em_device *dev, struct em_error *err)
{
    enum em_status status = EM_OK;
    if (dev->secure_download)
        return EM_OK; /* it takes no register writes */
    if (dev->usb_jtag && dev->chip->swd_conf != 0)
        status = calm_watchdogs(dev, err);
    for (size_t i = 0; i < sizeof power_ups / sizeof power_ups[0] && status == EM_OK;
         i++) {
        if (strcmp(power_ups[i].chip, dev->chip->id) == 0)
            status = power_flash(dev, &power_ups[i], err);
    }
    return status;
}
