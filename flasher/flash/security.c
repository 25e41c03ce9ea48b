/* SPDX-License-Identifier: Apache-2.0 */
/* What the chip's fuses allow to be written to its flash. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <string.h>

enum {
    SECURITY_SECURE_BOOT = 1, /* bit of the flags of GET_SECURITY_INFO */
    /* Key purposes of flash encryption: XTS-AES with 128 bits, or both halves of 256
     * (rom-protocol.md, section 7). */
    PURPOSE_XTS_256_1 = 2,
    PURPOSE_XTS_256_2 = 3,
    PURPOSE_XTS_128 = 4,
    CRYPT_CONFIG_FULL = 0xF,
};

static bool is_odd(uint32_t bits)
{
    unsigned ones = 0;
    for (; bits != 0; bits &= bits - 1)
        ones++;
    return ones % 2 != 0;
}

static bool has_item(const struct em_chip *chip, const char *item)
{
    for (const struct em_chip_bits *bits = chip->bits; bits->item != NULL; bits++) {
        if (strcmp(bits->item, item) == 0)
            return true;
    }
    return false;
}

/* Read a register bit field until two readings agree: a wrong one would lift a check. */
static enum em_status read_mask(struct em_device *dev, struct em_chip_mask mask,
                                uint32_t *out, struct em_error *err)
{
    *out = 0;
    if (mask.addr == 0)
        return EM_OK;
    uint32_t word;
    uint32_t tries = 0;
    enum em_status status;
    do {
        status = em_rom_read_reg_sure(dev, mask.addr, &word, err);
    } while (em_flash_again(dev, status, &tries));
    if (status == EM_OK)
        *out = word & mask.mask;
    return status;
}

static enum em_status read_bit(struct em_device *dev, struct em_chip_mask mask, bool *out,
                               struct em_error *err)
{
    uint32_t bits;
    enum em_status status = read_mask(dev, mask, &bits, err);
    *out = bits != 0;
    return status;
}

static enum em_status read_fuses(struct em_flash_security *out, struct em_device *dev,
                                 struct em_error *err)
{
    const struct em_chip *chip = dev->chip;
    uint32_t count;
    bool first = false;
    bool second = false;
    enum em_status status = read_mask(dev, chip->crypt_cnt, &count, err);
    if (status == EM_OK)
        status = read_bit(dev, chip->dl_encrypt_dis, &out->dl_encrypt_dis, err);
    if (status == EM_OK)
        status = read_bit(dev, chip->secure_boot, &first, err);
    if (status == EM_OK)
        status = read_bit(dev, chip->secure_boot_v2, &second, err);
    out->encryption = is_odd(count);
    out->secure_boot = first || second;
    /* On chips that know both versions this bit is the first one's. */
    out->secure_boot_1 = first && chip->secure_boot_v2.addr != 0;
    return status;
}

/* By the purposes that the security information names. */
static void find_purposes(struct em_flash_security *out, const struct em_device *dev)
{
    unsigned found = 0;
    for (size_t i = 0; i < sizeof dev->security.key_purposes; i++) {
        uint8_t purpose = dev->security.key_purposes[i];
        found |= purpose < 32 ? 1u << purpose : 0;
    }
    unsigned both = 1u << PURPOSE_XTS_256_1 | 1u << PURPOSE_XTS_256_2;
    out->key_known = true;
    out->has_key = (found & 1u << PURPOSE_XTS_128) != 0 || (found & both) == both;
}

/* It need not have been asked for yet: the ESP32-S2 is known by another word. */
static enum em_status ask_purposes(struct em_flash_security *out, struct em_device *dev,
                                   struct em_error *err)
{
    struct em_security_info info;
    if (dev->chip->security_info == 0)
        return EM_OK;
    enum em_status status = em_device_security_info(dev, &info, err);
    if (status == EM_OK)
        find_purposes(out, dev);
    return status == EM_ERR_UNSUPPORTED ? EM_OK : status; /* of old silicon or stubs */
}

/* A key manager may hold the key instead, without a purpose. */
static enum em_status find_managed_key(struct em_flash_security *out,
                                       struct em_device *dev, struct em_error *err)
{
    struct em_chip_reader reader = em_rom_chip_reader(dev);
    uint32_t managed;
    enum em_status status =
        em_chip_bits_read(dev->chip, "key_manager_flash", &reader, &managed, err);
    out->has_key = out->has_key || managed != 0;
    return status;
}

/* Chips with one block for it: read-protected, or not empty. */
static enum em_status find_key_block(struct em_flash_security *out, struct em_device *dev,
                                     struct em_error *err)
{
    struct em_chip_reader reader = em_rom_chip_reader(dev);
    uint32_t locked = 0;
    uint32_t key = 0;
    enum em_status status =
        em_chip_bits_read(dev->chip, "flash_key_rd_dis", &reader, &locked, err);
    if (status == EM_OK)
        status = em_chip_bits_read(dev->chip, "flash_key", &reader, &key, err);
    out->key_known = status == EM_OK;
    out->has_key = locked != 0 || key != 0;
    return status;
}

static enum em_status read_keys(struct em_flash_security *out, struct em_device *dev,
                                struct em_error *err)
{
    struct em_chip_reader reader = em_rom_chip_reader(dev);
    const struct em_chip *chip = dev->chip;
    if (has_item(chip, "flash_crypt_config")) {
        uint32_t config;
        enum em_status status =
            em_chip_bits_read(chip, "flash_crypt_config", &reader, &config, err);
        if (status != EM_OK)
            return status;
        out->crypt_config_bad = config != CRYPT_CONFIG_FULL;
    }
    if (has_item(chip, "flash_key"))
        return find_key_block(out, dev, err);
    enum em_status status = ask_purposes(out, dev, err);
    return status == EM_OK ? find_managed_key(out, dev, err) : status;
}

enum em_status em_flash_security_read(struct em_flash_security *out,
                                      struct em_device *dev, bool encrypted,
                                      struct em_error *err)
{
    *out = (struct em_flash_security){0};
    if (dev->secure_download) {
        out->encryption = is_odd(dev->security.crypt_count);
        out->secure_boot = (dev->security.flags & SECURITY_SECURE_BOOT) != 0;
        if (encrypted)
            find_purposes(out, dev);
        return EM_OK;
    }
    enum em_status status = read_fuses(out, dev, err);
    if (status == EM_OK && encrypted)
        status = read_keys(out, dev, err);
    return status;
}

enum em_status em_flash_check_erase(struct em_device *dev, bool force,
                                    struct em_error *err)
{
    struct em_flash_security security;
    if (force)
        return EM_OK;
    enum em_status status = em_flash_security_read(&security, dev, false, err);
    if (status != EM_OK)
        return status;
    if (security.encryption || security.secure_boot)
        return em_error_set(
            err, EM_ERR_REFUSED, "the chip may never start again; --force does it anyway",
            "erase: %s is on", security.encryption ? "flash encryption" : "secure boot");
    return EM_OK;
}
