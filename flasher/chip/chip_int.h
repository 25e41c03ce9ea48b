/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each chip: one const row, made from tables/<chip>.csv at build time.
 */
#ifndef FLASHER_CHIP_CHIP_INT_H
#define FLASHER_CHIP_CHIP_INT_H

#include "base/error_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Some bits of a register. addr 0: the chip has none. */
struct em_chip_mask {
    uint32_t addr;
    uint32_t mask;
};

/** A name and the number that stands for it: flash sizes and frequencies. */
struct em_chip_code {
    const char *name;
    uint32_t value;
};

/** @c count bits from bit @c low of a register on. */
struct em_chip_piece {
    uint32_t addr;
    uint8_t low;
    uint8_t count;
};

enum { EM_CHIP_PIECES_MAX = 4 };

/** A number put together from pieces of registers, the most significant first. */
struct em_chip_bits {
    const char *item; /* "minor", "package", "flash_cap", … */
    struct em_chip_piece piece[EM_CHIP_PIECES_MAX];
    size_t count;
};

/** What a value of an item means: "package", 0, "ESP32-C3 (QFN32)". */
struct em_chip_text {
    const char *item;
    uint32_t value;
    const char *text;
};

/** Addresses of one kind of memory. */
struct em_chip_memory {
    const char *name;    /* "IRAM"; of flash that is mapped: "code", "data" */
    uint32_t start, end; /* end: the first address behind it */
};

/** How the ROM of a chip tells which chip it is. */
enum em_chip_detect {
    EM_CHIP_DETECT_ID,    /* by the id in its security information */
    EM_CHIP_DETECT_MAGIC, /* by the word at EM_CHIP_MAGIC_ADDR */
};

enum { EM_CHIP_MAGIC_ADDR = 0x40001000 };

/** An image whose header names no chip, and chips without an id (ESP8266). */
enum { EM_CHIP_NO_ID = -1 };

/**
 * One chip. Addresses are those of the chip's bus, 0 where it has no such register
 * (offsets of the SPI registers are from spi_base). Lists end with a row without name.
 */
struct em_chip {
    const char *id;       /* "esp32c3": the name of the table, and of --chip */
    const char *name;     /* "ESP32-C3" */
    const char *tested;   /* "board", "emulator" or "not yet" */
    const char *features; /* what every one has: "Wi-Fi, BT 5 (LE), …" */
    int32_t image_id;     /* chip id in image headers and security information */
    enum em_chip_detect detect;
    uint32_t magic;         /* word at EM_CHIP_MAGIC_ADDR, 0: not known */
    uint32_t security_info; /* bytes that GET_SECURITY_INFO answers; 0: unknown command */

    uint32_t xtal_mhz;  /* the crystal, or the usual one of several */
    bool xtal_measured; /* several are possible: reckoned from the UART's divider */
    uint32_t uart_date; /* a register that can be written without harm */
    uint32_t uart_clkdiv;
    uint32_t xtal_divider;
    uint32_t rom_xtal_mhz; /* crystal that the ROM reckons with; 0: item "rom_xtal" of the
                            * table tells, or it reckons right */

    uint32_t
        begin_words; /* words of FLASH_BEGIN in ROM: 5 with the encrypted flag, or 4 */
    uint32_t status_bytes; /* length of the ROM's status trailer */
    bool rom_full;   /* deflate, MD5, baud, attach, slow read in ROM (not the ESP8266) */
    bool stub_24bit; /* even a stub reaches no more than 16 MiB of flash */

    uint32_t spi_base;
    uint32_t spi_usr, spi_usr1, spi_usr2;
    uint32_t spi_mosi_dlen, spi_miso_dlen; /* 0: lengths are in USR1 (ESP8266) */
    uint32_t spi_w0;
    bool spi_addr_msb;    /* addresses stand at the top of the ADDR register */
    const char *spi_pins; /* pins that --spi-connection may name: "0-21 26-46" */

    uint32_t efuse_base;
    uint32_t mac_lo, mac_hi;
    bool mac_ext; /* mac_hi's upper half holds the two middle bytes of an EUI-64 */
    struct em_chip_mask dl_encrypt_dis; /* download mode does not encrypt */
    struct em_chip_mask crypt_cnt; /* flash encryption is on with an odd number of ones */
    struct em_chip_mask secure_boot, secure_boot_v2; /* v2: of chips that know both */

    uint32_t bootloader;    /* flash address of the boot loader */
    uint32_t encrypt_align; /* of encrypted writes; 0: cannot */
    uint32_t uf2_family;
    bool old_revision_minor; /* the one-byte revision in old images is the minor one */

    uint32_t elf_machine; /* of ELF files: 94 Xtensa, 243 RISC-V */
    uint32_t mmu_pages;   /* sizes that a page of mapped flash may have,
                           * added up; 0: flash is not mapped by pages */
    uint32_t flash_tail;  /* a mapped segment's last page has no fewer bytes */
    bool signed_v1;       /* it knows images signed for secure boot V1 */
    const struct em_chip_memory *memory;    /* ends with name NULL; regions may overlap */
    const struct em_chip_memory *flash_map; /* where flash is mapped; the same */

    uint32_t usb_otg_pid; /* USB product id of its USB-OTG port; 0: has none */
    uint32_t wdt_config0, wdt_config1, wdt_wprotect, wdt_key; /* RTC watchdog */
    uint32_t swd_conf, swd_autofeed, swd_wprotect, swd_key;   /* super watchdog */
    bool watchdog_reset; /* the RTC watchdog may be used to reset it */
    uint32_t strap_reg, boot_strap_bit;
    uint32_t force_download_reg, force_download_mask;

    const struct em_chip_code *flash_freqs;
    const struct em_chip_code *flash_sizes;
    const struct em_chip_code *flash_sizes_v3; /* in images of version 3; may be empty */
    const struct em_chip_bits *bits;           /* ends with item NULL */
    const struct em_chip_text *texts;          /* ends with item NULL */
    const struct em_chip_ops *ops;             /* what no table can say; never NULL */
};

/** How chip code reads a register, whatever is behind it. */
struct em_chip_reader {
    enum em_status (*read)(void *user, uint32_t addr, uint32_t *out,
                           struct em_error *err);
    void *user;
};

/** Every chip; *count_out rows. */
const struct em_chip *em_chips(size_t *count_out);

/** By name, in any case, with or without '-' ("ESP32-C3", "esp32c3"). NULL: unknown. */
const struct em_chip *em_chip_find(const char *name);

/** By id of security information and image headers. NULL: unknown. */
const struct em_chip *em_chip_by_id(uint32_t image_id);

/** By the word at EM_CHIP_MAGIC_ADDR, for the chips that are detected so. */
const struct em_chip *em_chip_by_magic(uint32_t magic);

/** The code of a name ("4MB", "80m") in any case; false: not of this chip. */
bool em_chip_code_find(const struct em_chip_code *codes, const char *name,
                       uint32_t *value_out);

/** "1MB, 2MB, …" for a message; cut to @p size. */
void em_chip_code_list(const struct em_chip_code *codes, char *out, size_t size);

/** Read item @p item of the chip's table. An item the table lacks reads as 0. */
enum em_status em_chip_bits_read(const struct em_chip *chip, const char *item,
                                 const struct em_chip_reader *reader, uint32_t *out,
                                 struct em_error *err);

/** Revision as major*100+minor. */
enum em_status em_chip_revision(const struct em_chip *chip,
                                const struct em_chip_reader *reader, uint32_t *out,
                                struct em_error *err);

/** Name of package and variant with the revision: "ESP32-C3 (QFN32) (revision v0.4)".
 * @p revision is what em_chip_revision() told. */
enum em_status em_chip_describe(const struct em_chip *chip,
                                const struct em_chip_reader *reader, uint32_t revision,
                                char *out, size_t size, struct em_error *err);

/** "Wi-Fi, BT 5 (LE), Single Core, 160MHz, Embedded Flash 4MB (XMC)". */
enum em_status em_chip_features(const struct em_chip *chip,
                                const struct em_chip_reader *reader, char *out,
                                size_t size, struct em_error *err);

/** The factory's MAC, as it is printed from left to right. */
enum em_status em_chip_mac(const struct em_chip *chip,
                           const struct em_chip_reader *reader, uint8_t out[6],
                           struct em_error *err);

/** The MAC as an EUI-64, on chips with mac_ext; *has_out: it is one of them. */
enum em_status em_chip_eui64(const struct em_chip *chip,
                             const struct em_chip_reader *reader, uint8_t out[8],
                             bool *has_out, struct em_error *err);

/** The rate to ask the ROM for so that the line runs at @p baud; @p xtal_mhz is the
 * crystal as measured (or the fixed one). */
enum em_status em_chip_rom_baud(const struct em_chip *chip,
                                const struct em_chip_reader *reader, uint32_t xtal_mhz,
                                uint32_t baud, uint32_t *out, struct em_error *err);

/** Does the chip's table describe @p item? */
bool em_chip_bits_has(const struct em_chip *chip, const char *item);

/** The text of a value, or @p otherwise. */
const char *em_chip_text_find(const struct em_chip *chip, const char *item,
                              uint32_t value, const char *otherwise);

#endif
