/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the ROM loader's serial protocol, as both ends use them. */
#ifndef FLASHER_ROM_PROTO_INT_H
#define FLASHER_ROM_PROTO_INT_H

#include <stddef.h>
#include <stdint.h>

/* Operations. Requests are 00 OP SIZE16 CHECK32 DATA, responses 01 OP SIZE16 VALUE32
 * DATA; integers are little-endian. */
enum em_rom_op {
    EM_OP_FLASH_BEGIN = 0x02,
    EM_OP_FLASH_DATA = 0x03,
    EM_OP_FLASH_END = 0x04,
    EM_OP_MEM_BEGIN = 0x05,
    EM_OP_MEM_END = 0x06,
    EM_OP_MEM_DATA = 0x07,
    EM_OP_SYNC = 0x08,
    EM_OP_WRITE_REG = 0x09,
    EM_OP_READ_REG = 0x0A,
    EM_OP_SPI_SET_PARAMS = 0x0B,
    EM_OP_SPI_ATTACH = 0x0D,
    EM_OP_READ_FLASH_SLOW = 0x0E,
    EM_OP_CHANGE_BAUDRATE = 0x0F,
    EM_OP_FLASH_DEFL_BEGIN = 0x10,
    EM_OP_FLASH_DEFL_DATA = 0x11,
    EM_OP_FLASH_DEFL_END = 0x12,
    EM_OP_SPI_FLASH_MD5 = 0x13,
    EM_OP_GET_SECURITY_INFO = 0x14,
    /* of a stub only */
    EM_OP_ERASE_FLASH = 0xD0,
    EM_OP_ERASE_REGION = 0xD1,
    EM_OP_READ_FLASH = 0xD2,
    EM_OP_RUN_USER_CODE = 0xD3,
};

enum {
    EM_ROM_REQUEST = 0x00,
    EM_ROM_RESPONSE = 0x01,
    EM_ROM_HEADER = 8,        /* bytes before the data of a packet */
    EM_ROM_BLOCK_HEADER = 16, /* length, sequence, 0, 0 before a block's payload */
    EM_ROM_CHECKSUM_SEED = 0xEF,
    EM_ROM_FLASH_BLOCK = 0x400,
    EM_ROM_STUB_FLASH_BLOCK = 0x4000,
    EM_ROM_RAM_BLOCK = 0x1800,
    EM_ROM_USB_OTG_BLOCK = 0x800, /* both kinds, over USB-OTG */
    EM_ROM_READ_SLOW_MAX = 64,
    EM_ROM_SYNC_LEN = 36,
    EM_ROM_SYNC_REPLIES = 8,
    EM_FLASH_SECTOR = 4096,
    EM_ROM_BAUD = 115200, /* of the first contact */
};

/* What a loader of ours sends back as the value of a SYNC: silicon shows the first bytes
 * of the request. A stub sends 0. */
enum { EM_ROM_SYNC_VALUE = 0x20120707 };

/* Refusals: status 1 and one of these from a ROM; a stub sends its code as the status. */
enum em_rom_fault {
    EM_ROM_FAULT_PARAMETER = 0x01,
    EM_ROM_FAULT_UNSUPPORTED = 0x05,
    EM_ROM_FAULT_RESULT = 0x06,
    EM_ROM_FAULT_CHECKSUM = 0x07,
    EM_ROM_FAULT_FLASH_WRITE = 0x08,
    EM_ROM_FAULT_FLASH_READ = 0x09,
    EM_ROM_FAULT_READ_LENGTH = 0x0A,
    EM_ROM_FAULT_INFLATE = 0x0B,
    EM_ROM_FAULT_ADLER = 0x0C,
    EM_STUB_FAULT_LENGTH = 0xC0,
    EM_STUB_FAULT_CHECKSUM = 0xC1,
    EM_STUB_FAULT_BLOCK_SIZE = 0xC2,
    EM_STUB_FAULT_COMMAND = 0xC3,
    EM_STUB_FAULT_SPI = 0xC4,
    EM_STUB_FAULT_NO_FLASH_MODE = 0xC6,
    EM_STUB_FAULT_INFLATE = 0xC7,
    EM_STUB_FAULT_TOO_FEW = 0xC8,
    EM_STUB_FAULT_TOO_MANY = 0xC9,
};

/** Check byte of a block: EF and all payload bytes, exclusive or. */
uint8_t em_rom_checksum(const uint8_t *payload, size_t len);

#endif
