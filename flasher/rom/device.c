/* SPDX-License-Identifier: Apache-2.0 */
/* A device from its first contact to its end. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum {
    /* Longest body of a frame: a packet of READ_FLASH has 4096 bytes. */
    FRAME_MAX = 8192,
    REOPEN_TRIES = 7, /* rom-protocol.md, 6.10 */
    REOPEN_WAIT_MS = 1000,
};

static void fill_settings(struct em_device_settings *settings)
{
    const struct {
        uint32_t *value, otherwise;
    } rows[] = {
        /* rom-protocol.md, section 4 and 5.4; esptool-cli.md, settings file. */
        {&settings->timeout_ms, 3000},
        {&settings->sync_timeout_ms, 100},
        {&settings->max_timeout_ms, 240000},
        {&settings->chip_erase_timeout_ms, 120000},
        {&settings->md5_timeout_per_mb_ms, 8000},
        {&settings->erase_region_timeout_per_mb_ms, 40000},
        {&settings->erase_write_timeout_per_mb_ms, 40000},
        {&settings->mem_end_rom_timeout_ms, 200},
        {&settings->serial_write_timeout_ms, 10000},
        {&settings->write_block_attempts, 3},
        {&settings->reset_delay_ms, 50},
        {&settings->open_attempts, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (*rows[i].value == 0)
            *rows[i].value = rows[i].otherwise;
    }
}

static enum em_status prepare(struct em_device *dev,
                              const struct em_device_options *options,
                              struct em_error *err)
{
    dev->options = *options;
    dev->settings = options->settings;
    dev->reader.max = FRAME_MAX;
    fill_settings(&dev->settings);
    enum em_status status = EM_OK;
    if (options->baud == 0)
        return em_error_set(err, EM_ERR_USAGE, "use 115200 or more", "a rate of 0 baud");
    if (options->chip != NULL) {
        dev->wanted = em_chip_find(options->chip);
        if (dev->wanted == NULL)
            return em_error_set(err, EM_ERR_USAGE, "for example esp32c3",
                                "unknown chip '%s'", options->chip);
    }
    if (options->settings.reset_sequence != NULL)
        status = em_rom_reset_parse(&dev->enter, options->settings.reset_sequence, err);
    if (status == EM_OK && options->settings.hard_reset_sequence != NULL)
        status =
            em_rom_reset_parse(&dev->leave, options->settings.hard_reset_sequence, err);
    if (status == EM_OK && options->stub_file != NULL)
        status = em_rom_stub_load(&dev->upload, options->stub_file, err);
    /* All of these were the caller's, who may have freed them later. */
    dev->options.chip = dev->options.stub_file = NULL;
    dev->settings.reset_sequence = dev->settings.hard_reset_sequence = NULL;
    dev->options.settings.reset_sequence = NULL;
    dev->options.settings.hard_reset_sequence = NULL;
    return status;
}

enum em_status em_rom_device_prepare(struct em_device **out,
                                     const struct em_device_options *options,
                                     struct em_error *err)
{
    *out = NULL;
    struct em_device *dev = calloc(1, sizeof *dev);
    if (dev == NULL)
        return em_error_nomem(err);
    enum em_status status = prepare(dev, options, err);
    if (status == EM_OK)
        *out = dev;
    else
        em_device_close(dev);
    return status;
}

uint32_t em_rom_first_baud(const struct em_device *dev)
{
    bool at_once = dev->options.before == EM_BEFORE_NO_RESET_NO_SYNC;
    return at_once || dev->options.baud < EM_ROM_BAUD ? dev->options.baud : EM_ROM_BAUD;
}

/* Who answers. A loader that does not know the question may be out of step after it: then
 * once more from the start. */
static enum em_status find_chip(struct em_device *dev, struct em_error *err)
{
    enum em_status status = em_rom_connect(dev, err);
    if (status != EM_OK)
        return status;
    status = em_rom_detect(dev, dev->wanted, err);
    if (status != EM_ERR_LINK || dev->options.before == EM_BEFORE_NO_RESET_NO_SYNC)
        return status;
    status = em_rom_connect(dev, err);
    return status == EM_OK ? em_rom_detect(dev, dev->wanted, err) : status;
}

static enum em_status meet(struct em_device *dev, struct em_error *err)
{
    enum em_status status = find_chip(dev, err);
    if (status != EM_OK)
        return status;
    /* Without a SYNC only the length of the status shows a stub. */
    if (dev->options.before == EM_BEFORE_NO_RESET_NO_SYNC)
        dev->stub = dev->chip->status_bytes == 4 && dev->trailer == 2;
    dev->usb_otg = dev->io->usb_vid == EM_ROM_USB_VID && dev->chip->usb_otg_pid != 0 &&
                   dev->io->usb_pid == (int)dev->chip->usb_otg_pid;
    em_rom_choose_blocks(dev);
    if (dev->stub) {
        em_rom_log(dev, EM_LOG_INFO, NULL, "a stub runs on the chip already");
        return EM_OK;
    }
    status = em_rom_post_connect(dev, err);
    if (status == EM_OK && dev->upload != NULL)
        status = em_rom_stub_start(dev, err);
    return status;
}

enum em_status em_rom_bring_up(struct em_device *dev, struct em_error *err)
{
    static const char stage[] = "connecting";
    bool lost = false;
    em_rom_begin(dev, stage);
    dev->baud = em_rom_first_baud(dev);
    enum em_status status = meet(dev, err);
    if (status == EM_OK)
        status = em_rom_raise_baud(dev, &lost, err);
    if (status == EM_OK && lost)
        status = meet(dev, err); /* and stay at the rate of the first contact */
    return em_rom_end(dev, stage, status);
}

enum em_status em_rom_device_new(struct em_device **out, struct em_io *io,
                                 const struct em_device_options *options,
                                 struct em_error *err)
{
    *out = NULL;
    struct em_device *dev;
    enum em_status status = em_rom_device_prepare(&dev, options, err);
    if (status != EM_OK) {
        io->ops->close(io);
        return status;
    }
    dev->io = io;
    status = em_rom_bring_up(dev, err);
    if (status == EM_OK)
        *out = dev;
    else
        em_device_close(dev);
    return status;
}

/* eFuses that were burned meanwhile may have put it in secure download mode: asking sets
 * the device's flag. */
static bool ask_again(struct em_device *dev)
{
    struct em_security_info info;
    dev->has_security = false;
    return dev->stub || dev->chip->security_info == 0 ||
           em_device_security_info(dev, &info, NULL) == EM_OK;
}

/* The port is there again. A chip without a reset may still be where it was. */
static bool is_still_there(struct em_device *dev)
{
    return !dev->usb_jtag && !dev->usb_otg && em_rom_resync(dev, NULL) == EM_OK &&
           ask_again(dev) && (dev->stub || em_rom_post_connect(dev, NULL) == EM_OK);
}

/* Whoever plugs a cable in again may have taken the next board. Fuses that cannot be read
 * any more cannot be compared. */
enum em_status em_device_check_same(struct em_device *dev, struct em_error *err)
{
    struct em_rom_sure_reader sure;
    const struct em_chip_reader reader = em_rom_sure_chip_reader(&sure, dev);
    const uint8_t *was = dev->info.mac;
    uint8_t mac[sizeof dev->info.mac];
    if (!dev->has_info || dev->secure_download)
        return EM_OK;
    enum em_status status = em_chip_mac(dev->chip, &reader, mac, err);
    if (status != EM_OK || memcmp(mac, was, sizeof mac) == 0)
        return status;
    return em_error_set(err, EM_ERR_CHIP,
                        "neither of the two is finished: connect each and begin again",
                        "port %s: another chip answers than before: MAC "
                        "%02x:%02x:%02x:%02x:%02x:%02x, not "
                        "%02x:%02x:%02x:%02x:%02x:%02x",
                        dev->io->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
                        was[0], was[1], was[2], was[3], was[4], was[5]);
}

enum em_status em_rom_reconnect(struct em_device *dev, struct em_error *err)
{
    enum em_status status = EM_ERR_PORT;
    dev->flash.attached = false;
    dev->flash.size = 0;
    for (unsigned i = 0; i < REOPEN_TRIES && status == EM_ERR_PORT; i++) {
        status = em_rom_progress_of(dev, "waiting for the port", "attempts", i,
                                    REOPEN_TRIES, err);
        if (status != EM_OK)
            return status;
        em_rom_sleep_ms(dev, REOPEN_WAIT_MS);
        status = dev->io->ops->reopen(dev->io, err);
    }
    if (status != EM_OK)
        return status;
    if (is_still_there(dev))
        return em_device_check_same(dev, err);
    const struct em_chip *wanted = dev->wanted;
    dev->wanted = dev->chip;
    status = em_rom_set_baud(dev, em_rom_first_baud(dev), err);
    if (status == EM_OK)
        status = em_rom_bring_up(dev, err);
    if (status == EM_OK)
        status = em_device_check_same(dev, err);
    dev->wanted = wanted;
    return status;
}

void em_device_close(struct em_device *device)
{
    if (device == NULL)
        return;
    if (device->io != NULL)
        device->io->ops->close(device->io);
    em_buf_wipe(&device->out);
    em_buf_wipe(&device->reader.body);
    em_rom_stub_free(device->upload);
    OPENSSL_cleanse(device->in, sizeof device->in);
    free(device);
}
