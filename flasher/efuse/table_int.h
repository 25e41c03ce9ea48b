/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the eFuses of each chip: blocks, controller, fields, key purposes.
 * Made from tables/<chip>.csv at build time. */
#ifndef FLASHER_EFUSE_TABLE_INT_H
#define FLASHER_EFUSE_TABLE_INT_H

#include "flasher/chip/chip_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EM_EFUSE_BLOCKS_MAX = 11,
    EM_EFUSE_WORDS_MAX = 9,    /* of a block: BLOCK0 of the ESP32-S31 */
    EM_EFUSE_PGM_WORDS = 11,   /* program window: 8 data words and 3 check words */
    EM_EFUSE_WINDOW_MAX = 512, /* bytes of registers */
    EM_EFUSE_NO_BIT = -1,
};

/** Op codes for CONF, and bits of CMD. */
enum {
    EM_EFUSE_OP_PROGRAM = 0x5A5A,
    EM_EFUSE_OP_READ = 0x5AA5,
    EM_EFUSE_CMD_READ = 1,
    EM_EFUSE_CMD_PROGRAM = 2,
    EM_EFUSE_CMD_BLOCK_SHIFT = 2, /* not on the ESP32, which programs all blocks */
};

/** How the array holds the bits of a block. */
enum em_efuse_coding {
    EM_EFUSE_PLAIN,  /* as they are */
    EM_EFUSE_COPIES, /* four times over, voted by the hardware (BLOCK0) */
    EM_EFUSE_SCHEME, /* as the field CODING_SCHEME says (ESP32) */
    EM_EFUSE_RS,     /* Reed-Solomon (44,32); 12 check bytes of its own */
};

/** Values of the field CODING_SCHEME. */
enum em_efuse_scheme {
    EM_EFUSE_SCHEME_NONE = 0,
    EM_EFUSE_SCHEME_34 = 1,
    EM_EFUSE_SCHEME_REPEAT = 2,
    EM_EFUSE_SCHEME_NONE_TOO = 3,
};

/** A block. Offsets are from the base of the controller. */
struct em_efuse_block {
    const char *name;
    const char *aliases; /* blank separated */
    uint8_t number;
    uint8_t words;
    uint16_t read;    /* offset of the read window */
    uint16_t write;   /* offset of the program window */
    int8_t wr_dis;    /* bit of WR_DIS, or EM_EFUSE_NO_BIT */
    int8_t rd_dis[2]; /* bits of RD_DIS; two: one for each half of the block */
    uint8_t rd_dis_count;
    const char *purpose_field; /* or NULL */
    enum em_efuse_coding coding;
    int8_t count_bit; /* place in the rs_err registers of the 3-bit count of errors */
    int8_t fail_bit;  /* and of "cannot be decoded"; EM_EFUSE_NO_BIT: has none */
};

/** A register's bits that must hold a value when fuses are burned. */
struct em_efuse_timing {
    uint16_t mhz; /* with this crystal */
    uint16_t off;
    uint32_t mask;
    uint32_t value; /* as it is meant; shifted to the lowest bit of mask when written */
};

/** Offsets of the controller's registers; 0: has none. */
struct em_efuse_regs {
    uint16_t conf, cmd, status, clk, date, check;
    uint16_t dac_conf, rd_tim, wr_tim0, wr_tim1, wr_tim2;
    uint16_t dec_status;
    uint16_t repeat_err, rs_err;
};

enum em_efuse_type {
    EM_EFUSE_BOOL,
    EM_EFUSE_UINT,
    EM_EFUSE_BYTES,
    EM_EFUSE_MAC,
};

/** What is special about a field's values. */
enum em_efuse_class {
    EM_EFUSE_CLASS_NONE,
    EM_EFUSE_CLASS_ADC_TP,
    EM_EFUSE_CLASS_BITCOUNT,
    EM_EFUSE_CLASS_BOOTLOADER_ANTI_ROLLBACK,
    EM_EFUSE_CLASS_KEYBLOCK,
    EM_EFUSE_CLASS_KEYPURPOSE,
    EM_EFUSE_CLASS_MAC,
    EM_EFUSE_CLASS_PKG,
    EM_EFUSE_CLASS_PSRAM_CAP,
    EM_EFUSE_CLASS_RECOVERY_BOOTLOADER,
    EM_EFUSE_CLASS_SPIPIN,
    EM_EFUSE_CLASS_T_SENSOR,
    EM_EFUSE_CLASS_VREF,
    EM_EFUSE_CLASS_WAFER,
};

/** When a field is there. */
enum em_efuse_group {
    EM_EFUSE_MAIN,       /* always */
    EM_EFUSE_BLOCK_NONE, /* a whole block while nothing codes it (ESP32) */
    EM_EFUSE_BLOCK_34,   /* a whole block under the 3/4 coding (ESP32) */
    EM_EFUSE_WHOLE,      /* a whole block */
    EM_EFUSE_CALIB,      /* if the chip was calibrated */
    EM_EFUSE_CUSTOM_MAC, /* if MAC_VERSION is 1 (ESP32) */
    EM_EFUSE_CALC,       /* reckoned from other fields; has no bits of its own */
    EM_EFUSE_HIDDEN,     /* bits with a name that nobody should burn */
};

/** Editions of the tables: bits of @c editions of fields and purposes. */
enum em_efuse_edition {
    EM_EFUSE_NEWEST = 1,
    EM_EFUSE_V520 = 2, /* as published tools 5.2.0 have it */
};

/** What a value means. The list ends with text NULL. */
struct em_efuse_value {
    uint32_t value;
    const char *text;
};

/** A field. */
struct em_efuse_field {
    const char *name;
    const char *aliases; /* blank separated */
    const char *category;
    const char *about; /* what it is for, one line */
    uint8_t block;
    uint8_t editions;
    uint16_t bit; /* counted from the start of the block */
    uint16_t bits;
    enum em_efuse_type type;
    enum em_efuse_class special;
    enum em_efuse_group group;
    int8_t wr_dis;    /* bit of WR_DIS, or EM_EFUSE_NO_BIT */
    int8_t rd_dis[2]; /* bits of RD_DIS */
    uint8_t rd_dis_count;
    uint16_t rev_min, rev_max; /* revisions of the chip (major * 100 + minor) */
    const struct em_efuse_value *values;
};

/** What a key is for. */
struct em_efuse_purpose {
    const char *name;
    int16_t value; /* of KEY_PURPOSE_n; below 0: stands for its parts */
    uint16_t bits; /* of the key */
    bool reverse;  /* bytes go in from the last to the first */
    bool protect;  /* to be read protected */
    bool digest;   /* a digest of a public key */
    bool custom;   /* free for the user; no meaning to the chip */
    bool pem;      /* the key comes as a PEM file */
    bool in_block; /* no field tells the purpose: it is the place (ESP32, ESP32-C2) */
    uint8_t editions;
    const char *parts[2]; /* purposes of the two blocks a long key is split into */
    int8_t block;         /* in_block: the block */
    uint8_t half;     /* in_block: 0 the whole block, 1 its low half, 2 its high half */
    int8_t not_block; /* a block that cannot hold such a key; EM_EFUSE_NO_BIT */
    const char *also_burns; /* a field that is burned as 1 with the key, or NULL */
};

/** The eFuses of one chip. */
struct em_efuse_table {
    const char *chip; /* id of struct em_chip */
    uint16_t window;  /* bytes of registers from the base on */
    uint8_t repeat_err_words, rs_err_words;
    uint16_t xtal[3];          /* crystals it can burn with, MHz; all 0: any */
    uint16_t calib_version;    /* calibration fields are there from this block version on
                                * (major * 100 + minor); 0: never */
    const char *calib_field;   /* or if this field is not 0; NULL: the version tells */
    const char *never_both;    /* two fields that must not both be burned, or NULL */
    uint16_t virtual_revision; /* of the virtual chip of published tools 5.2.0 */
    struct em_efuse_regs regs;
    const struct em_efuse_block *blocks;
    size_t block_count;
    const struct em_efuse_timing *timings; /* in the order of writing */
    size_t timing_count;
    const struct em_efuse_field *fields;
    size_t field_count;
    const struct em_efuse_purpose *purposes;
    size_t purpose_count;
};

/** The table of a chip; NULL: there is none (ESP8266). */
const struct em_efuse_table *em_efuse_table_find(const struct em_chip *chip);

/** @p value at the place of @p mask. */
uint32_t em_efuse_place(uint32_t mask, uint32_t value);

/* The rows, from the build (tables.c). */
extern const struct em_efuse_table em_efuse_tables[];
extern const size_t em_efuse_tables_count;

#endif
