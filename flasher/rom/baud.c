/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the rate, with the ways in which ROMs reckon it. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"

enum {
    CLKDIV_MASK = 0xFFFFF, /* chips.csv: uart_clkdiv_mask */
    /* Between these the crystals of rom-protocol.md, 8.3 are told apart. */
    ABOVE_IS_48 = 45,
    ABOVE_IS_40 = 33,
    HZ_PER_MHZ = 1000000,
    OFF_BY_TENTHS = 10, /* MHz * 10 */
    SETTLE_MS = 2,      /* both ends switch */
    SYNC_US = 25000,    /* one try at the new rate: over the 16 ms that USB adapters hold
                         * bytes back */
    SYNC_TOTAL_US = 300000,
};

enum em_status em_rom_crystal(struct em_device *dev, uint32_t *mhz_out,
                              struct em_error *err)
{
    const struct em_chip *chip = dev->chip;
    if (dev->crystal_mhz == 0 && (!chip->xtal_measured || chip->uart_clkdiv == 0))
        dev->crystal_mhz = chip->xtal_mhz;
    *mhz_out = dev->crystal_mhz;
    if (dev->crystal_mhz != 0)
        return EM_OK;
    uint32_t divider;
    enum em_status status = em_rom_read_reg_sure(dev, chip->uart_clkdiv, &divider, err);
    if (status != EM_OK)
        return status;
    uint64_t tenths = (uint64_t)dev->baud * (divider & CLKDIV_MASK) * 10 / HZ_PER_MHZ /
                      (chip->xtal_divider == 0 ? 1 : chip->xtal_divider);
    uint32_t mhz = tenths > ABOVE_IS_48 * 10 ? 48 : tenths > ABOVE_IS_40 * 10 ? 40 : 26;
    uint64_t off = tenths > mhz * 10 ? tenths - mhz * 10 : mhz * 10 - tenths;
    if (off > OFF_BY_TENTHS)
        em_rom_log(dev, EM_LOG_WARNING, "the rate of the port may be off",
                   "the crystal measures %llu.%llu MHz, taken for %lu MHz",
                   (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10),
                   (unsigned long)mhz);
    *mhz_out = dev->crystal_mhz = mhz;
    return EM_OK;
}

/* SYNC again and again at the rate that is set. */
static enum em_status answers(struct em_device *dev, struct em_error *err)
{
    int64_t end = em_rom_now(dev) + SYNC_TOTAL_US;
    enum em_status status;
    do {
        bool stub = dev->stub;
        status = em_rom_sync(dev, SYNC_US, &stub, err);
    } while (status == EM_ERR_LINK && em_rom_now(dev) < end);
    return status;
}

/* Can the loader change its rate at all? Else it is told why not. */
static bool can_change(struct em_device *dev)
{
    if (!dev->stub && !dev->chip->rom_full) {
        em_rom_log(dev, EM_LOG_WARNING, "use a stub (--stub)",
                   "the ROM loader of %s cannot change the rate: it stays at %lu baud",
                   dev->chip->name, (unsigned long)dev->baud);
        return false;
    }
    if (dev->secure_download && em_rom_has_quirk(dev, EM_ROM_SECURE_KEEPS_BAUD)) {
        em_rom_log(dev, EM_LOG_WARNING, NULL,
                   "%s in secure download mode stays at %lu baud", dev->chip->name,
                   (unsigned long)dev->baud);
        return false;
    }
    return true;
}

/* The number to send so that the line runs at the rate that is wanted. */
static enum em_status reckon(struct em_device *dev, uint32_t *out, struct em_error *err)
{
    *out = dev->options.baud;
    if (dev->stub || dev->secure_download)
        return EM_OK;
    uint32_t mhz;
    const struct em_chip_reader reader = em_rom_chip_reader(dev);
    enum em_status status = em_rom_crystal(dev, &mhz, err);
    if (status == EM_OK)
        status = em_chip_rom_baud(dev->chip, &reader, mhz, dev->options.baud, out, err);
    return status;
}

enum em_status em_rom_raise_baud(struct em_device *dev, bool *lost_out,
                                 struct em_error *err)
{
    uint32_t old = dev->baud;
    uint32_t wanted = dev->options.baud;
    uint32_t ask;
    *lost_out = false;
    if (wanted == old || !can_change(dev))
        return EM_OK;
    enum em_status status = reckon(dev, &ask, err);
    if (status != EM_OK)
        return status;
    uint8_t data[8];
    em_put_le32(data, ask);
    em_put_le32(data + 4, dev->stub ? old : 0);
    const struct em_rom_request request = {
        .op = EM_OP_CHANGE_BAUDRATE, .data = data, .len = sizeof data};
    struct em_error why;
    status = em_rom_command(dev, &request, NULL, &why);
    if (status == EM_ERR_CHIP || status == EM_ERR_UNSUPPORTED) {
        em_rom_log(dev, EM_LOG_WARNING, NULL, "%s: the rate stays at %lu baud", why.what,
                   (unsigned long)old);
        return EM_OK;
    }
    /* If only the answer was lost, the new rate holds all the same: trying tells. */
    if (status == EM_OK || status == EM_ERR_LINK)
        status = em_rom_set_baud(dev, wanted, &why);
    if (status == EM_OK) {
        em_rom_sleep_ms(dev, SETTLE_MS);
        status = answers(dev, &why);
    }
    if (status == EM_ERR_LINK || (status == EM_ERR_PORT && dev->baud == old)) {
        em_rom_log(dev, EM_LOG_WARNING,
                   "use a lower --baud, a shorter cable or another adapter",
                   "port %s: nothing gets through at %lu baud: back to %lu",
                   dev->io->name, (unsigned long)wanted, (unsigned long)old);
        status = em_rom_set_baud(dev, old, &why);
        if (status == EM_OK)
            status = answers(dev, &why);
        *lost_out = status == EM_ERR_LINK;
        status = status == EM_ERR_LINK ? EM_OK : status;
    }
    if (status != EM_OK && err != NULL)
        *err = why;
    return status;
}
