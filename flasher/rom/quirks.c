/* SPDX-License-Identifier: Apache-2.0 */
/* What single chips want of the host. Source: rom-protocol.md, sections 3.6, 5.6, 5.7
 * and 10. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include <string.h>

static const struct em_rom_quirks quirks[] = {
    /* clang-format off */
    {"esp32s3", EM_ROM_CLEAR_FORCE_DOWNLOAD, 0x3FCEF688},
    {"esp32c2", EM_ROM_SECURE_KEEPS_BAUD | EM_ROM_NO_STUB_REVISION_0, 0},
    {"esp32c3", EM_ROM_NO_STUB_SECURE_BOOT, 0},
    {"esp32c5", EM_ROM_SECURE_KEEPS_BAUD, 0},
    {"esp32p4", EM_ROM_OTG_WATCHDOG, 0},
    /* clang-format on */
};

static const struct em_rom_quirks *find(const struct em_device *dev)
{
    static const struct em_rom_quirks none = {NULL, 0, 0};
    for (size_t i = 0; i < sizeof quirks / sizeof quirks[0]; i++) {
        if (strcmp(quirks[i].chip, dev->chip->id) == 0)
            return &quirks[i];
    }
    return &none;
}

bool em_rom_has_quirk(const struct em_device *dev, enum em_rom_quirk quirk)
{
    return (find(dev)->flags & (unsigned)quirk) != 0;
}

uint32_t em_rom_secure_boot_hook(const struct em_device *dev)
{
    return find(dev)->secure_boot_hook;
}
