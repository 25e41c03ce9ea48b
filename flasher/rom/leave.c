/* SPDX-License-Identifier: Apache-2.0 */
/* Leaving a chip: hard, soft, by its watchdog, or not at all. */
#include "config.h"

#include "flasher/rom/link_int.h"

/* RTC watchdog: enabled, stage 0 resets the system after 2000 ticks of the slow clock
 * (rom-protocol.md, 5.7). */
enum { WATCHDOG_TICKS = 2000, WATCHDOG_WAIT_MS = 500 };
static const uint32_t watchdog_on = 0xD0000102;

static enum em_status pulse(struct em_device *dev, struct em_error *err)
{
    struct em_rom_reset own;
    const struct em_rom_reset *reset = &dev->leave;
    if (!dev->io->has_lines) {
        em_rom_tell_no_lines(dev);
        return EM_OK;
    }
    if (reset->count == 0) {
        const char *text =
            dev->usb_jtag || dev->usb_otg ? em_rom_reset_hard_usb : em_rom_reset_hard;
        enum em_status status = em_rom_reset_parse(&own, text, err);
        if (status != EM_OK)
            return status;
        reset = &own;
    }
    dev->stub = false;
    enum em_status status =
        em_rom_reset_play(dev, reset, dev->settings.reset_delay_ms, err);
    /* The chip's own USB port is gone for a moment: that is the reset. */
    return status == EM_ERR_PORT && (dev->usb_jtag || dev->usb_otg) ? EM_OK : status;
}

/* Let the RTC watchdog bite soon. */
static enum em_status arm_watchdog(struct em_device *dev, struct em_error *err)
{
    const struct em_chip *chip = dev->chip;
    const struct em_rom_write writes[] = {
        {chip->wdt_wprotect, chip->wdt_key, UINT32_MAX, 0},
        {chip->wdt_config1, WATCHDOG_TICKS, UINT32_MAX, 0},
        {chip->wdt_config0, watchdog_on, UINT32_MAX, 0},
        {chip->wdt_wprotect, 0, UINT32_MAX, 0},
    };
    return em_rom_write_regs(dev, writes, sizeof writes / sizeof writes[0], err);
}

/* And wait until it has. */
static enum em_status bite(struct em_device *dev)
{
    em_rom_sleep_ms(dev, WATCHDOG_WAIT_MS);
    dev->stub = false;
    return EM_OK;
}

static enum em_status watchdog_reset(struct em_device *dev, struct em_error *err)
{
    if (dev->chip->watchdog_reset && !dev->secure_download) {
        enum em_status status = arm_watchdog(dev, err);
        return status == EM_OK ? bite(dev) : status;
    }
    em_rom_log(dev, EM_LOG_NOTE, NULL,
               "%s cannot be reset by its watchdog%s: pulse on EN", dev->chip->name,
               dev->secure_download ? " in secure download mode" : "");
    return pulse(dev, err);
}

/* Over USB-OTG a pulse on EN leads back into the loader while BOOT is held low. */
static bool needs_watchdog(struct em_device *dev)
{
    const struct em_chip *chip = dev->chip;
    uint32_t strap, forced;
    if (!dev->usb_otg || !chip->watchdog_reset || dev->secure_download)
        return false;
    if (em_rom_has_quirk(dev, EM_ROM_OTG_WATCHDOG))
        return true;
    const struct em_chip_mask force = {chip->force_download_reg,
                                       chip->force_download_mask};
    if (chip->strap_reg == 0 ||
        em_rom_read_reg(dev, chip->strap_reg, &strap, NULL) != EM_OK ||
        em_rom_read_mask(dev, force, &forced, NULL) != EM_OK)
        return false; /* then the pulse, as everywhere */
    return (strap >> chip->boot_strap_bit & 1) == 0 && forced == 0;
}

enum em_status em_rom_hard_reset(struct em_device *dev, uint32_t baud,
                                 struct em_error *err)
{
    const struct em_chip *chip = dev->chip;
    if (em_rom_has_quirk(dev, EM_ROM_CLEAR_FORCE_DOWNLOAD) && !dev->secure_download) {
        /* A chip that does not answer is reset all the same. */
        (void)em_rom_update_reg(dev, chip->force_download_reg, chip->force_download_mask,
                                0, NULL);
    }
    bool watchdog = needs_watchdog(dev);
    enum em_status status = watchdog ? arm_watchdog(dev, err) : EM_OK;
    /* Commands are done: from here on the line belongs to what the chip says. */
    if (status == EM_OK && baud != 0)
        status = em_rom_set_baud(dev, baud, err);
    if (status == EM_OK && baud != 0)
        status = em_rom_flush(dev, err);
    if (status != EM_OK)
        return status;
    return watchdog ? bite(dev) : pulse(dev, err);
}

static enum em_status soft_reset(struct em_device *dev, struct em_error *err)
{
    if (dev->stub) {
        /* Only the stub of the chip without a full ROM can. */
        if (!dev->chip->rom_full)
            return em_rom_send(
                dev, &(const struct em_rom_request){.op = EM_OP_RUN_USER_CODE}, err);
        em_rom_log(dev, EM_LOG_NOTE, NULL,
                   "the stub of %s cannot start the program: pulse on EN",
                   dev->chip->name);
        return em_rom_hard_reset(dev, 0, err);
    }
    enum em_status status = EM_OK;
    if (!dev->flash.attached)
        status = em_rom_spi_attach(dev, 0, err);
    if (status == EM_OK)
        status =
            em_rom_flash_begin(dev, false, 0, 0, EM_ROM_FLASH_BLOCK, 0, false, 0, err);
    if (status == EM_OK)
        status = em_rom_flash_end(dev, false, false, 0, err);
    return status;
}

static enum em_status back_to_rom(struct em_device *dev, struct em_error *err)
{
    enum em_status status = em_rom_flash_begin(
        dev, false, 0, 0, (uint32_t)dev->flash_block, 0, false, 0, err);
    if (status == EM_OK)
        status = em_rom_flash_end(dev, false, true, 0, err);
    if (status == EM_OK) {
        dev->stub = false;
        em_rom_choose_blocks(dev);
    }
    return status;
}

enum em_status em_device_reset(struct em_device *device, enum em_after after,
                               struct em_error *err)
{
    switch (after) {
    case EM_AFTER_HARD_RESET:
        return em_rom_hard_reset(device, 0, err);
    case EM_AFTER_SOFT_RESET:
        return soft_reset(device, err);
    case EM_AFTER_WATCHDOG_RESET:
        return watchdog_reset(device, err);
    case EM_AFTER_NO_RESET:
        return device->stub ? back_to_rom(device, err) : EM_OK;
    case EM_AFTER_NO_RESET_STUB:
        return EM_OK;
    }
    return em_error_set(err, EM_ERR_USAGE, NULL, "unknown way to leave a chip: %d",
                        (int)after);
}

enum em_status em_device_run(struct em_device *device, struct em_error *err)
{
    return soft_reset(device, err);
}
