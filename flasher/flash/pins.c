/* SPDX-License-Identifier: Apache-2.0 */
/* The pins that the flash is connected to: as told, or as fused. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* In the order of --spi-connection; SPI_ATTACH has them at these bits (rom-protocol.md,
 * 3.3). */
static const struct {
    const char *name;
    const char *fuse; /* item of the chip's table */
    unsigned shift;
} pins[] = {
    {"CLK", "spi_clk", 0}, {"Q", "spi_q", 6},    {"D", "spi_d", 12},
    {"HD", "spi_hd", 24},  {"CS", "spi_cs", 18},
};

enum {
    PINS = sizeof pins / sizeof pins[0],
    PIN_MAX = 63, /* six bits each, but HD has eight */
    HSPI = 1,
    /* Five bits of fuse: the two highest numbers stand for pins 32 and 33. */
    FUSED_HIGH = 30,
};

/* Is @p pin in a list like "0-21 26-48"? */
static bool is_listed(const char *list, unsigned long pin)
{
    while (list != NULL && *list != '\0') {
        char *end;
        unsigned long first = strtoul(list, &end, 10);
        unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        if (pin >= first && pin <= last)
            return true;
        if (end == list)
            return false;
        list = *end == ' ' ? end + 1 : end;
    }
    return false;
}

static enum em_status parse_pin(const struct em_chip *chip, size_t idx, const char **at,
                                unsigned long *out, struct em_error *err)
{
    const char *text = *at;
    size_t len = strcspn(text, ",");
    size_t digits = strspn(text, "0123456789");
    bool last = text[len] == '\0';
    if (len == 0 || len != digits || len > 3 || last != (idx == PINS - 1))
        return em_error_set(err, EM_ERR_USAGE, "five numbers: CLK,Q,D,HD,CS",
                            "SPI connection: %s is not followed as it has to be",
                            pins[idx].name);
    *out = strtoul(text, NULL, 10);
    *at = text + len + (last ? 0 : 1);
    if (*out > PIN_MAX || !is_listed(chip->spi_pins, *out))
        return em_error_set(err, EM_ERR_USAGE, "check the board's schematic",
                            "SPI connection: %s on pin %lu, the %s has %s",
                            pins[idx].name, *out, chip->name,
                            chip->spi_pins != NULL ? chip->spi_pins : "none");
    return EM_OK;
}

enum em_status em_flash_pins_parse(uint32_t *out, const struct em_chip *chip,
                                   const char *text, struct em_error *err)
{
    unsigned long found[PINS];
    *out = 0;
    if (strcasecmp(text, "SPI") == 0)
        return EM_OK;
    if (strcasecmp(text, "HSPI") == 0) {
        *out = HSPI;
        return EM_OK;
    }
    for (size_t i = 0; i < PINS; i++) {
        enum em_status status = parse_pin(chip, i, &text, &found[i], err);
        if (status != EM_OK)
            return status;
        for (size_t k = 0; k < i; k++) {
            if (found[k] == found[i])
                return em_error_set(err, EM_ERR_USAGE, "five different pins",
                                    "SPI connection: %s and %s are both on pin %lu",
                                    pins[k].name, pins[i].name, found[i]);
        }
    }
    for (size_t i = 0; i < PINS; i++)
        *out |= (uint32_t)found[i] << pins[i].shift;
    return EM_OK;
}

enum em_status em_flash_pins_fused(uint32_t *out, struct em_device *dev,
                                   struct em_error *err)
{
    struct em_chip_reader reader = em_rom_chip_reader(dev);
    uint32_t found[PINS];
    uint32_t any = 0;
    *out = 0;
    for (size_t i = 0; i < PINS; i++) {
        enum em_status status;
        uint32_t tries = 0;
        do {
            status = em_chip_bits_read(dev->chip, pins[i].fuse, &reader, &found[i], err);
        } while (em_flash_again(dev, status, &tries));
        if (status != EM_OK)
            return status;
        any |= found[i];
        if (found[i] >= FUSED_HIGH)
            found[i] += 2;
    }
    for (size_t i = 0; i < PINS && any != 0; i++)
        *out |= found[i] << pins[i].shift;
    return EM_OK;
}
