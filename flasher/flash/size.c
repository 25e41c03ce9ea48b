/* SPDX-License-Identifier: Apache-2.0 */
/* How large the flash is: by its id, by what the user told, by what a loader reaches. */
#include "config.h"

#include "flasher/flash/flash_int.h"
#include "flasher/image/image_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

const struct em_flash_options em_flash_options_none = {NULL, NULL, NULL, NULL};

/* Capacity byte of a JEDEC id; rom-protocol.md, 6.3. */
static const struct {
    uint8_t first, last;
    uint32_t kib; /* of the first; each further one is twice as large */
} capacities[] = {
    {0x12, 0x19, 256}, {0x1A, 0x1C, 64 * 1024}, {0x20, 0x22, 64 * 1024},
    {0x32, 0x39, 256}, {0x3A, 0x3A, 64 * 1024},
};

enum {
    MANUFACTURER_ADESTO = 0x1F, /* has the capacity in the low bits of the type byte */
    ADESTO_FIRST = 0x04,        /* 512 KiB */
    ADESTO_LAST = 0x09,         /* 16 MiB */
};

uint64_t em_flash_id_size(uint32_t id)
{
    if ((id & 0xFF) == MANUFACTURER_ADESTO) {
        uint32_t code = id >> 8 & 0x1F;
        if (code < ADESTO_FIRST || code > ADESTO_LAST)
            return 0;
        return (uint64_t)512 * 1024 << (code - ADESTO_FIRST);
    }
    uint32_t code = id >> 16 & 0xFF;
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        if (code >= capacities[i].first && code <= capacities[i].last)
            return (uint64_t)capacities[i].kib * 1024 << (code - capacities[i].first);
    }
    return 0;
}

void em_flash_size_name(char *out, size_t size, uint64_t bytes)
{
    if (bytes >= 1024 * 1024 && bytes % (1024 * 1024) == 0)
        (void)snprintf(out, size, "%" PRIu64 "MB", bytes >> 20);
    else if (bytes >= 1024 && bytes % 1024 == 0)
        (void)snprintf(out, size, "%" PRIu64 "KB", bytes >> 10);
    else
        (void)snprintf(out, size, "%" PRIu64 " bytes", bytes);
}

bool em_flash_is_full(const struct em_device *dev)
{
    return dev->stub || dev->chip->rom_full;
}

bool em_flash_can_md5(const struct em_device *dev)
{
    return em_flash_is_full(dev) && !dev->secure_download;
}

uint64_t em_flash_reach(const struct em_device *dev)
{
    return !dev->stub || dev->chip->stub_24bit ? EM_FLASH_24BIT_END
                                               : (uint64_t)UINT32_MAX + 1;
}

static bool is_word(const char *text, const char *word)
{
    return text != NULL && strcasecmp(text, word) == 0;
}

static enum em_status parse_told(struct em_device *dev, const char *text, uint64_t *out,
                                 struct em_error *err)
{
    char list[160];
    uint32_t code;
    if (em_chip_code_find(dev->chip->flash_sizes, text, &code) &&
        em_image_flash_bytes(text, out))
        return EM_OK;
    em_chip_code_list(dev->chip->flash_sizes, list, sizeof list);
    return em_error_set(err, EM_ERR_USAGE, "sizes are in powers of two, or 'detect'",
                        "flash size '%s': the %s has %s", text, dev->chip->name, list);
}

enum em_status em_flash_space_find(struct em_flash_space *out, struct em_device *dev,
                                   const struct em_flash_options *options,
                                   struct em_error *err)
{
    *out = (struct em_flash_space){.detected = em_flash_id_size(dev->flash.id)};
    bool detect = is_word(options->size, "detect");
    bool keep = options->size == NULL || is_word(options->size, "keep");
    if (!detect && !keep) {
        enum em_status status = parse_told(dev, options->size, &out->told, err);
        if (status != EM_OK)
            return status;
    }
    out->end = out->told;
    if (out->detected != 0 && (out->end == 0 || out->end > out->detected))
        out->end = out->detected;
    if (out->end == 0 && detect) {
        out->end = EM_FLASH_DEFAULT_SIZE;
        em_rom_log(dev, EM_LOG_WARNING, "tell it by --flash-size",
                   "size of the flash is not known (id 0x%06lx), 4MB is assumed",
                   (unsigned long)dev->flash.id);
    }
    out->header = detect ? out->end : out->told;
    if (out->told != 0 && out->detected != 0 && out->told > out->detected) {
        char told[32];
        char found[32];
        em_flash_size_name(told, sizeof told, out->told);
        em_flash_size_name(found, sizeof found, out->detected);
        em_rom_log(dev, EM_LOG_WARNING, "leave --flash-size away, or use 'detect'",
                   "flash has %s, less than the %s that were told", found, told);
    }
    return EM_OK;
}

enum em_status em_flash_open(struct em_device *dev,
                             const struct em_flash_options *options,
                             struct em_flash_space *out, struct em_error *err)
{
    if (options == NULL)
        options = &em_flash_options_none;
    enum em_status status = em_flash_attach(dev, options->spi_connection, err);
    if (status != EM_OK)
        return status;
    status = em_flash_space_find(out, dev, options, err);
    uint64_t size = out->end;
    if (size == 0 && dev->secure_download)
        size = EM_FLASH_24BIT_END; /* nobody can tell: the user has to know */
    if (status != EM_OK || size == 0 || dev->flash.size == size)
        return status;
    /* A loader refuses or wraps beyond 2 MiB until it is told. */
    uint32_t tries = 0;
    do {
        status = em_rom_spi_set_params(dev, (uint32_t)size, err);
    } while (em_flash_again(dev, status, &tries));
    if (status == EM_OK)
        dev->flash.size = size;
    return status;
}

enum em_status em_flash_fits(const struct em_device *dev,
                             const struct em_flash_space *space, const char *subject,
                             uint64_t addr, uint64_t len, struct em_error *err)
{
    uint64_t reach = em_flash_reach(dev);
    uint64_t end = addr > UINT64_MAX - len ? UINT64_MAX : addr + len;
    char size[32];
    if (space->end != 0 && end > space->end) {
        em_flash_size_name(size, sizeof size, space->end);
        return em_error_set(err, EM_ERR_FULL,
                            space->told != 0 && space->detected > space->told
                                ? "the flash has more than --flash-size says"
                                : "check address and length",
                            "%s: ends at 0x%" PRIx64 ", the flash at 0x%" PRIx64 " (%s)",
                            subject, end, space->end, size);
    }
    if (end > reach)
        return em_error_set(err, EM_ERR_FULL,
                            dev->chip->stub_24bit ? "this chip's loader reaches no more"
                                                  : "a stub (--stub) reaches more",
                            "%s: ends at 0x%" PRIx64 ", the loader reaches 0x%" PRIx64
                            " (24 bits of address)",
                            subject, end, reach);
    return EM_OK;
}
