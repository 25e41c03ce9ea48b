/* SPDX-License-Identifier: Apache-2.0 */
/* What a chip holds when it comes from the factory, and what its registers hold after a
 * reset. */
#include "config.h"

#include "flasher/sim/sim_int.h"

#include <string.h>

/* Addresses and values: device-side.md, registers-touched.csv and chips.csv of the
 * reference. The revision is a common one of each chip; it has no other source. Words
 * are magic numbers that older tools look for. */
/* clang-format off */
static const struct em_sim_profile profiles[] = {
    {.chip = "esp8266", .mac_form = EM_SIM_MAC_OTP, .erase_fault = true},
    {.chip = "esp32", .revision = 300, .mac_form = EM_SIM_MAC_CRC},
    {.chip = "esp32s2", .revision = 100, .uart_no = {0x3FFFFD14}, .uart_no_usb_otg = 2},
    {.chip = "esp32s3", .revision = 2, .uart_no = {0x3FCEF14C},
     .uart_no_usb_jtag = 4, .uart_no_usb_otg = 3, .secure_hook = 0x3FCEF688,
     .words = {{EM_CHIP_MAGIC_ADDR, 0x9}}},
    {.chip = "esp32c2", .revision = 100, .crystal_mhz = 40, .words = {{EM_CHIP_MAGIC_ADDR, 0x6F51306F}}},
    {.chip = "esp32c3", .revision = 4, .uart_no = {0x3FCDF07C, 0x3FCDF078},
     .uart_no_usb_jtag = 3, .secure_no_code = true,
     .words = {{EM_CHIP_MAGIC_ADDR, 0x1B31506F}}},
    {.chip = "esp32c5", .revision = 100, .uart_no = {0x4085F514},
     .uart_no_usb_jtag = 3, .words = {{EM_CHIP_MAGIC_ADDR, 0x1101406F}}},
    {.chip = "esp32c6", .revision = 1, .uart_no = {0x4087F580},
     .uart_no_usb_jtag = 3, .words = {{EM_CHIP_MAGIC_ADDR, 0x2CE0806F}}},
    {.chip = "esp32c61", .revision = 100, .uart_no = {0x4084F5E4},
     .uart_no_usb_jtag = 4, .words = {{EM_CHIP_MAGIC_ADDR, 0x33F0206F}}},
    {.chip = "esp32h2", .revision = 1, .uart_no = {0x4084FEFC},
     .uart_no_usb_jtag = 3, .words = {{EM_CHIP_MAGIC_ADDR, 0xD7B73E80}}},
    {.chip = "esp32h21", .uart_no = {0x4084FEFC}, .uart_no_usb_jtag = 3},
    {.chip = "esp32h4", .uart_no = {0x4087F580}, .uart_no_usb_jtag = 3},
    {.chip = "esp32p4", .revision = 100, .uart_no = {0x4FF3FEC8, 0x4FFBFEC8},
     .uart_no_usb_jtag = 6, .uart_no_usb_otg = 5},
    /* Tools 5.2.0 have early guesses of where its SPI and its MAC are. */
    {.chip = "esp32s31", .uart_no = {0x4085F514}, .uart_no_usb_jtag = 3,
     .spi_alias = 0x20500000, .mac_alias = 0x20715044},
    {.chip = "esp32e22", .uart_no = {0x3111B700}, .uart_no_usb_otg = 3},
};
/* clang-format on */

enum { USB_SERIAL_JTAG = 0x1001 };

const struct em_sim_profile *em_sim_profile_find(const struct em_chip *chip)
{
    static const struct em_sim_profile none = {.chip = ""};
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (strcmp(profiles[i].chip, chip->id) == 0)
            return &profiles[i];
    }
    return &none;
}

/* Put @p value where an item of the chip's table is read from: fuses or registers, and
 * only the ones that @p fuses asks for. */
static void seed_item(struct em_sim *sim, const char *item, uint32_t value, bool fuses)
{
    const struct em_chip_bits *bits = sim->chip->bits;
    while (bits->item != NULL && strcmp(bits->item, item) != 0)
        bits++;
    for (size_t i = bits->count; i > 0; i--) { /* the last piece is the lowest */
        const struct em_chip_piece *piece = &bits->piece[i - 1];
        uint32_t mask = piece->count >= 32 ? UINT32_MAX : (1u << piece->count) - 1;
        bool is_fuse = em_sim_fuses_has(sim, piece->addr);
        if (is_fuse && fuses)
            em_sim_fuses_seed(sim, piece->addr, piece->low, piece->count, value & mask);
        if (!is_fuse && !fuses)
            (void)em_sim_memory_write(&sim->memory, piece->addr,
                                      em_sim_memory_read(&sim->memory, piece->addr) |
                                          (value & mask) << piece->low);
        value = piece->count >= 32 ? 0 : value >> piece->count;
    }
}

static void seed_revision(struct em_sim *sim, bool fuses)
{
    /* The ESP32's major revision: 0, 1, 2, 3 have one more bit each. */
    static const uint8_t more_bits[4] = {0, 1, 3, 7};
    uint32_t major = sim->revision / 100;
    uint32_t code = more_bits[major < 3 ? major : 3];
    seed_item(sim, "minor", sim->revision % 100, fuses);
    seed_item(sim, "major", major, fuses);
    seed_item(sim, "major_bit0", code & 1, fuses);
    seed_item(sim, "major_bit1", code >> 1 & 1, fuses);
    seed_item(sim, "major_bit2", code >> 2 & 1, fuses);
}

/* CRC-8 with the polynomial x^8+x^5+x^4+1, reflected: chip-info.csv. */
static uint8_t crc8(const uint8_t *data, size_t len)
{
    uint8_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint8_t)((crc >> 1) ^ ((crc & 1) != 0 ? 0x8C : 0));
    }
    return crc;
}

static void seed_mac(struct em_sim *sim)
{
    const struct em_chip *chip = sim->chip;
    const uint8_t *m = sim->mac;
    uint32_t low =
        (uint32_t)m[2] << 24 | (uint32_t)m[3] << 16 | (uint32_t)m[4] << 8 | m[5];
    uint32_t high = (uint32_t)m[0] << 8 | m[1];
    if (sim->profile->mac_form == EM_SIM_MAC_OTP) {
        uint32_t oui = (uint32_t)m[0] << 16 | (uint32_t)m[1] << 8 | m[2];
        em_sim_fuses_seed(sim, chip->efuse_base, 24, 8, m[5]);
        em_sim_fuses_seed(sim, chip->efuse_base + 4, 0, 16, (uint32_t)m[3] << 8 | m[4]);
        em_sim_fuses_seed(sim, chip->efuse_base + 12, 0, 24, oui);
        return;
    }
    if (sim->profile->mac_form == EM_SIM_MAC_CRC)
        high |= (uint32_t)crc8(m, sizeof sim->mac) << 16;
    if (chip->mac_ext) /* the two bytes in the middle of an EUI-64 */
        high |= 0xFFFEu << 16;
    em_sim_fuses_seed(sim, chip->mac_lo, 0, 32, low);
    em_sim_fuses_seed(sim, chip->mac_hi, 0, 32, high);
}

static void seed_lowest(struct em_sim *sim, struct em_chip_mask mask)
{
    if (mask.addr == 0 || mask.mask == 0)
        return;
    unsigned low = 0;
    while ((mask.mask >> low & 1) == 0)
        low++;
    em_sim_fuses_seed(sim, mask.addr, low, 1, 1);
}

void em_sim_seed_fuses(struct em_sim *sim)
{
    const struct em_chip *chip = sim->chip;
    seed_mac(sim);
    seed_revision(sim, true);
    /* The ROM's figure for its 8 MHz clock, 133 steps of 60 kHz; see the registers. */
    seed_item(sim, "rom_ck8m", 0x85, true);
    /* Chips without the field have no such mode, and the option was refused. */
    if (sim->options.secure_download)
        (void)em_sim_fuses_seed_field(sim, "ENABLE_SECURITY_DOWNLOAD", 1);
    if (sim->options.flash_encryption) {
        uint8_t key[EM_SIM_KEY_LEN];
        seed_lowest(sim, chip->crypt_cnt);
        if (em_sim_made_key(sim, key)) /* else the library lacks SHA-256: without key */
            em_sim_fuses_seed_key(sim, key, sizeof key);
    }
    if (sim->options.secure_boot)
        seed_lowest(sim, chip->secure_boot_v2.addr != 0 ? chip->secure_boot_v2
                                                        : chip->secure_boot);
}

static void set_word(struct em_sim *sim, uint32_t addr, uint32_t value)
{
    if (addr != 0)
        (void)em_sim_memory_write(&sim->memory, addr,
                                  value); /* a fresh memory has room */
}

void em_sim_seed_divider(struct em_sim *sim, uint32_t rate)
{
    uint64_t ticks = (uint64_t)sim->crystal_mhz * 1000000 * sim->chip->xtal_divider;
    set_word(sim, sim->chip->uart_clkdiv, (uint32_t)((ticks + rate / 2) / rate));
}

void em_sim_seed_registers(struct em_sim *sim)
{
    const struct em_chip *chip = sim->chip;
    const struct em_sim_profile *p = sim->profile;
    bool otg =
        sim->options.usb_pid != 0 && (uint32_t)sim->options.usb_pid == chip->usb_otg_pid;
    bool jtag = sim->options.usb_pid == USB_SERIAL_JTAG;
    for (size_t i = 0; i < sizeof p->words / sizeof p->words[0]; i++)
        set_word(sim, p->words[i].addr, p->words[i].value);
    if (chip->magic != 0)
        set_word(sim, EM_CHIP_MAGIC_ADDR, chip->magic);
    em_sim_seed_divider(sim, EM_ROM_BAUD); /* the ROM found it for the usual rate */
    for (size_t i = 0; i < 2; i++)
        set_word(sim, p->uart_no[i],
                 jtag  ? p->uart_no_usb_jtag
                 : otg ? p->uart_no_usb_otg
                       : 0);
    seed_revision(sim, false);
    sim->believed_mhz = chip->rom_xtal_mhz;
    seed_item(sim, "rom_xtal", sim->crystal_mhz, false);
    /* Cycles of the slow clock by the crystal; with the figure above it makes the
     * crystal's rate (rom-protocol.md 3.6): MHz * 10^6 * 40 / 15625 / 133. */
    seed_item(sim, "rom_slow_cal", sim->crystal_mhz * 2560 / 133 + 1, false);
}
