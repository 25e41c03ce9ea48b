/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash read-mac, chip-id, get-security-info. */
#include "config.h"

#include "src/flash_session.h"

#include "base/error_int.h"
#include "flasher/chip/chip_int.h"

static const struct cli_option no_options[] = {
    {NULL, NULL, NULL, NULL, 0},
};

/* ---- MAC ---- */

/* A chip in secure download mode keeps it to itself. */
static enum em_status need_info(struct flash *flash, const struct em_device_info **info)
{
    enum em_status status = em_device_info(flash->device, info, &flash->err);
    if (status == EM_OK && (*info)->secure_download)
        status = em_error_set(
            &flash->err, EM_ERR_UNSUPPORTED, "get-security-info works in this mode",
            "%s is in secure download mode, which forbids this", (*info)->name);
    return status;
}

static int read_mac(struct flash *flash, int argc, char **argv)
{
    const struct em_device_info *info = NULL;
    const char *args[CLI_POSITIONALS_MAX];
    char mac[24];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = need_info(flash, &info);
    if (status == EM_OK) {
        flash_print_mac(flash, info);
        flash_mac_text(mac, info->mac, 6);
        flash_json(flash, "mac", json_string(mac));
        flash_mac_text(mac, info->eui64, 8);
        flash_json(flash, "eui64", info->has_eui64 ? json_string(mac) : json_null());
    }
    return flash_end(flash, status);
}

const struct flash_command flash_read_mac = {
    .cli = {.name = "read-mac",
            .summary = "Print the MAC address",
            .positionals = "",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash -p /dev/ttyUSB0 read-mac\n"
                        "  mfg_flash -p /dev/ttyUSB0 read-mac --json\n"},
    .run = read_mac,
};

/* ---- Chip id ---- */

static int chip_id(struct flash *flash, int argc, char **argv)
{
    const struct em_device_info *info = NULL;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = need_info(flash, &info);
    if (status == EM_OK) {
        char mac[24];
        const struct em_chip *chip = em_chip_find(info->chip);
        /* The chip whose images name no chip has a number of its own, made of its MAC
         * (esptool 5: low 24 bits are the MAC's last three bytes). */
        bool has_id = chip != NULL && chip->image_id == EM_CHIP_NO_ID;
        uint32_t id = (uint32_t)info->mac[3] << 16 | (uint32_t)info->mac[4] << 8 |
                      (uint32_t)info->mac[5];
        flash_mac_text(mac, info->mac, 6);
        if (has_id) {
            flash_print(flash, "Chip ID: 0x%08x", (unsigned)id);
        } else {
            term_tell(&flash->term, EM_LOG_WARNING, NULL,
                      "%s has no chip id; here is its MAC", info->name);
            flash_print_mac(flash, info);
        }
        flash_json(flash, "chip_id", has_id ? json_integer(id) : json_null());
        flash_json(flash, "mac", json_string(mac));
    }
    return flash_end(flash, status);
}

const struct flash_command flash_chip_id = {
    .cli = {.name = "chip-id",
            .summary = "Print the chip id of an ESP8266; of others, the MAC",
            .positionals = "",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash -p /dev/ttyUSB0 chip-id\n"},
    .run = chip_id,
};

/* ---- Security ---- */

/* Bits of the flags, as include/espmfg/device.h has them. */
static const struct {
    const char *member, *text;
    uint32_t bit;
} flags[] = {
    {"secure_boot", "Secure boot", 1U << 0},
    {"aggressive_revoke", "Aggressive key revocation", 1U << 1},
    {"secure_download", "Secure download mode", 1U << 2},
    {"key0_revoked", "Secure boot key 0 revoked", 1U << 3},
    {"key1_revoked", "Secure boot key 1 revoked", 1U << 4},
    {"key2_revoked", "Secure boot key 2 revoked", 1U << 5},
    {"jtag_soft_disabled", "JTAG off by software", 1U << 6},
    {"jtag_disabled", "JTAG off for good", 1U << 7},
    {"usb_disabled", "USB off", 1U << 8},
    {"dcache_disabled", "Data cache off in download mode", 1U << 9},
    {"icache_disabled", "Instruction cache off in download mode", 1U << 10},
};

static bool odd_ones(uint8_t value)
{
    bool odd = false;
    for (; value != 0; value = (uint8_t)(value & (value - 1)))
        odd = !odd;
    return odd;
}

static void tell_security(struct flash *flash, const struct em_security_info *info)
{
    bool encrypted = odd_ones(info->crypt_count);
    json_t *purposes = json_array();
    flash_print(flash, "Security information:");
    flash_print(flash, "Flags: 0x%08x", (unsigned)info->flags);
    flash_json(flash, "flags", json_integer(info->flags));
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        bool on = (info->flags & flags[i].bit) != 0;
        flash_print(flash, "  %-40s %s", flags[i].text, on ? "yes" : "no");
        flash_json(flash, flags[i].member, json_boolean(on));
    }
    flash_print(flash, "Flash encryption: %s (SPI_BOOT_CRYPT_CNT 0x%x)",
                encrypted ? "on" : "off", info->crypt_count);
    flash_json(flash, "flash_encryption", json_boolean(encrypted));
    flash_json(flash, "crypt_count", json_integer(info->crypt_count));
    for (size_t i = 0; i < sizeof info->key_purposes; i++) {
        flash_print(flash, "Key block %zu: purpose %u", i, info->key_purposes[i]);
        (void)json_array_append_new(purposes, json_integer(info->key_purposes[i]));
    }
    flash_json(flash, "key_purposes", purposes);
    if (info->has_chip_id) {
        flash_print(flash, "Chip ID: %u", (unsigned)info->chip_id);
        flash_print(flash, "API Version: %u", (unsigned)info->api_version);
    }
    flash_json(flash, "chip_id",
               info->has_chip_id ? json_integer(info->chip_id) : json_null());
    flash_json(flash, "api_version",
               info->has_chip_id ? json_integer(info->api_version) : json_null());
}

static int get_security_info(struct flash *flash, int argc, char **argv)
{
    struct em_security_info info;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = em_device_security_info(flash->device, &info, &flash->err);
    if (status == EM_OK)
        tell_security(flash, &info);
    return flash_end(flash, status);
}

const struct flash_command flash_security = {
    .cli = {.name = "get-security-info",
            .summary = "Print what protects the chip",
            .positionals = "",
            .about = "Not on ESP8266 and ESP32. Works in secure download mode.\n",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash -p /dev/ttyUSB0 get-security-info\n"},
    .run = get_security_info,
};
