/* SPDX-License-Identifier: Apache-2.0 */
/* Who a chip is, by its table; what a table cannot say is in its operations. */
#include "config.h"

#include "flasher/chip/ops_int.h"

#include "base/bytes_int.h"

#include <stdio.h>
#include <string.h>

enum em_status em_chip_revision(const struct em_chip *chip,
                                const struct em_chip_reader *reader, uint32_t *out,
                                struct em_error *err)
{
    uint32_t major, minor;
    *out = 0;
    if (chip->ops->revision != NULL)
        return chip->ops->revision(chip, reader, out, err);
    enum em_status status = em_chip_bits_read(chip, "major", reader, &major, err);
    if (status == EM_OK)
        status = em_chip_bits_read(chip, "minor", reader, &minor, err);
    if (status == EM_OK)
        *out = major * 100 + minor;
    return status;
}

static enum em_status describe_package(const struct em_chip *chip,
                                       const struct em_chip_reader *reader, char *out,
                                       size_t size, struct em_error *err)
{
    uint32_t package;
    enum em_status status = em_chip_bits_read(chip, "package", reader, &package, err);
    if (status != EM_OK)
        return status;
    const char *text = em_chip_text_find(chip, "package", package, NULL);
    bool known = text != NULL || !em_chip_bits_has(chip, "package");
    (void)snprintf(out, size, "%s%s", known ? "" : "Unknown ",
                   text != NULL ? text : chip->name); /* cut if need be */
    return EM_OK;
}

enum em_status em_chip_describe(const struct em_chip *chip,
                                const struct em_chip_reader *reader, uint32_t revision,
                                char *out, size_t size, struct em_error *err)
{
    out[0] = '\0';
    enum em_status status =
        chip->ops->describe != NULL
            ? chip->ops->describe(chip, reader, revision, out, size, err)
            : describe_package(chip, reader, out, size, err);
    if (status != EM_OK)
        return status;
    /* Some have no revision to tell. */
    size_t used = strlen(out);
    if (chip->ops->revision != NULL || em_chip_bits_has(chip, "major"))
        (void)snprintf(out + used, size - used, " (revision v%lu.%lu)",
                       (unsigned long)(revision / 100), (unsigned long)(revision % 100));
    return EM_OK;
}

void em_chip_feature_add(char *out, size_t size, const char *text)
{
    size_t used = strlen(out);
    (void)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", text);
}

/* Memory in the package: @p cap_item tells its size, @p vendor_item who made it. */
static enum em_status add_memory(const struct em_chip *chip,
                                 const struct em_chip_reader *reader, const char *what,
                                 const char *cap_item, const char *vendor_item, char *out,
                                 size_t size, struct em_error *err)
{
    uint32_t cap, vendor;
    enum em_status status = em_chip_bits_read(chip, cap_item, reader, &cap, err);
    if (status == EM_OK)
        status = em_chip_bits_read(chip, vendor_item, reader, &vendor, err);
    if (status != EM_OK)
        return status;
    const char *cap_text = em_chip_text_find(chip, cap_item, cap, NULL);
    const char *vendor_text = em_chip_text_find(chip, vendor_item, vendor, NULL);
    char text[96];
    if (cap == 0) {
        /* The text of 0, if there is one, says that there is no such memory. */
        if (cap_text != NULL)
            em_chip_feature_add(out, size, cap_text);
        return EM_OK;
    }
    int len = snprintf(text, sizeof text, "%sEmbedded %s%s%s",
                       cap_text != NULL ? "" : "Unknown ", what,
                       cap_text != NULL ? " " : "", cap_text != NULL ? cap_text : "");
    if (vendor_text != NULL && len > 0 && (size_t)len < sizeof text)
        (void)snprintf(text + len, sizeof text - (size_t)len, " (%s)", vendor_text);
    em_chip_feature_add(out, size, text);
    return EM_OK;
}

static enum em_status add_memories(const struct em_chip *chip,
                                   const struct em_chip_reader *reader, char *out,
                                   size_t size, struct em_error *err)
{
    uint32_t calibration;
    enum em_status status =
        add_memory(chip, reader, "Flash", "flash_cap", "flash_vendor", out, size, err);
    if (status == EM_OK)
        status = add_memory(chip, reader, "PSRAM", "psram_cap", "psram_vendor", out, size,
                            err);
    if (status != EM_OK || !em_chip_bits_has(chip, "calibration"))
        return status;
    status = em_chip_bits_read(chip, "calibration", reader, &calibration, err);
    if (status == EM_OK)
        em_chip_feature_add(out, size,
                            em_chip_text_find(chip, "calibration", calibration,
                                              "Unknown calibration in BLK2"));
    return status;
}

enum em_status em_chip_features(const struct em_chip *chip,
                                const struct em_chip_reader *reader, char *out,
                                size_t size, struct em_error *err)
{
    out[0] = '\0';
    if (chip->features != NULL)
        em_chip_feature_add(out, size, chip->features);
    if (chip->ops->features != NULL)
        return chip->ops->features(chip, reader, out, size, err);
    return add_memories(chip, reader, out, size, err);
}

enum em_status em_chip_mac(const struct em_chip *chip,
                           const struct em_chip_reader *reader, uint8_t out[6],
                           struct em_error *err)
{
    uint32_t low, high;
    if (chip->ops->mac != NULL)
        return chip->ops->mac(chip, reader, out, err);
    memset(out, 0, 6);
    enum em_status status = reader->read(reader->user, chip->mac_lo, &low, err);
    if (status == EM_OK)
        status = reader->read(reader->user, chip->mac_hi, &high, err);
    if (status != EM_OK)
        return status;
    /* As a number the MAC is mac_hi's lower half above mac_lo; printed, its highest
     * byte comes first. */
    const uint8_t mac[6] = {(uint8_t)(high >> 8), (uint8_t)high,
                            (uint8_t)(low >> 24), (uint8_t)(low >> 16),
                            (uint8_t)(low >> 8),  (uint8_t)low};
    memcpy(out, mac, sizeof mac);
    return EM_OK;
}

enum em_status em_chip_eui64(const struct em_chip *chip,
                             const struct em_chip_reader *reader, uint8_t out[8],
                             bool *has_out, struct em_error *err)
{
    uint8_t mac[6];
    uint32_t high;
    memset(out, 0, 8);
    *has_out = false;
    if (!chip->mac_ext)
        return EM_OK;
    enum em_status status = em_chip_mac(chip, reader, mac, err);
    if (status == EM_OK)
        status = reader->read(reader->user, chip->mac_hi, &high, err);
    if (status != EM_OK)
        return status;
    memcpy(out, mac, 3);
    out[3] = (uint8_t)(high >> 24);
    out[4] = (uint8_t)(high >> 16);
    memcpy(out + 5, mac + 3, 3);
    *has_out = true;
    return EM_OK;
}

enum em_status em_chip_rom_baud(const struct em_chip *chip,
                                const struct em_chip_reader *reader, uint32_t xtal_mhz,
                                uint32_t baud, uint32_t *out, struct em_error *err)
{
    uint32_t believed = chip->rom_xtal_mhz;
    *out = baud;
    if (chip->ops->rom_baud != NULL)
        return chip->ops->rom_baud(chip, reader, xtal_mhz, baud, out, err);
    if (em_chip_bits_has(chip, "rom_xtal")) {
        enum em_status status =
            em_chip_bits_read(chip, "rom_xtal", reader, &believed, err);
        if (status != EM_OK)
            return status;
    }
    /* Crystals that there are; anything else is no statement of the ROM. */
    if ((believed == 40 || believed == 48) && xtal_mhz != 0)
        *out = (uint32_t)((uint64_t)baud * believed / xtal_mhz);
    return EM_OK;
}
