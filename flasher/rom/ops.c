/* SPDX-License-Identifier: Apache-2.0 */
/* Operations and refusals in words, and which operation may be sent twice. */
#include "config.h"

#include "flasher/rom/link_int.h"

/* The one place that says what is sent again after the line failed. Reads change nothing;
 * a masked register write, the pins, the size and an erased region are the same done
 * twice. Blocks, BEGIN and END move the loader on, and a second CHANGE_BAUDRATE would be
 * sent at the wrong rate: whoever uses those decides. GET_SECURITY_INFO is how chips are
 * told apart, so that its refusal is believed. */
static const struct em_rom_op_info infos[] = {
    /* clang-format off */
    {EM_OP_FLASH_BEGIN,       "FLASH_BEGIN",       false, false, false},
    {EM_OP_FLASH_DATA,        "FLASH_DATA",        false, true,  false},
    {EM_OP_FLASH_END,         "FLASH_END",         false, false, false},
    {EM_OP_MEM_BEGIN,         "MEM_BEGIN",         false, false, false},
    {EM_OP_MEM_END,           "MEM_END",           false, false, false},
    {EM_OP_MEM_DATA,          "MEM_DATA",          false, true,  false},
    {EM_OP_SYNC,              "SYNC",              false, false, false},
    {EM_OP_WRITE_REG,         "WRITE_REG",         true,  false, true},
    {EM_OP_READ_REG,          "READ_REG",          true,  false, true},
    {EM_OP_SPI_SET_PARAMS,    "SPI_SET_PARAMS",    true,  false, true},
    {EM_OP_SPI_ATTACH,        "SPI_ATTACH",        true,  false, true},
    {EM_OP_READ_FLASH_SLOW,   "READ_FLASH_SLOW",   true,  false, true},
    {EM_OP_CHANGE_BAUDRATE,   "CHANGE_BAUDRATE",   false, false, false},
    {EM_OP_FLASH_DEFL_BEGIN,  "FLASH_DEFL_BEGIN",  false, false, false},
    {EM_OP_FLASH_DEFL_DATA,   "FLASH_DEFL_DATA",   false, true,  false},
    {EM_OP_FLASH_DEFL_END,    "FLASH_DEFL_END",    false, false, false},
    {EM_OP_SPI_FLASH_MD5,     "SPI_FLASH_MD5",     true,  false, true},
    {EM_OP_GET_SECURITY_INFO, "GET_SECURITY_INFO", true,  false, false},
    {EM_OP_ERASE_FLASH,       "ERASE_FLASH",       false, false, false},
    {EM_OP_ERASE_REGION,      "ERASE_REGION",      true,  false, false},
    {EM_OP_READ_FLASH,        "READ_FLASH",        false, false, false},
    {EM_OP_RUN_USER_CODE,     "RUN_USER_CODE",     false, false, false},
    /* clang-format on */
};

const struct em_rom_op_info *em_rom_op_info(uint8_t op)
{
    static const struct em_rom_op_info other = {0, "command", false, false, false};
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        if (infos[i].op == op)
            return &infos[i];
    }
    return &other;
}

/* rom-protocol.md, "Error bytes". */
static const struct {
    uint8_t code;
    const char *text;
} faults[] = {
    /* clang-format off */
    {0x00, "it does not say why"},
    {0x01, "a parameter is wrong"},
    {0x02, "it has no memory left"},
    {0x03, "sending failed"},
    {0x04, "receiving failed"},
    {0x05, "it does not know or allow this command"},
    {0x06, "it ran, but the result is wrong"},
    {0x07, "the check byte is wrong: data was garbled on the line"},
    {0x08, "the flash did not take what was written"},
    {0x09, "the flash cannot be read"},
    {0x0A, "the length to read from flash is wrong"},
    {0x0B, "the compressed data cannot be unpacked"},
    {0x0C, "the checksum of the unpacked data is wrong"},
    {0x0D, "a parameter of the compressed data is wrong"},
    {0x0E, "the size of the RAM image is wrong"},
    {0x0F, "the address of the RAM image is wrong"},
    {0x64, "a parameter is wrong"},
    {0x65, "the format is wrong"},
    {0x66, "the description is too long"},
    {0x67, "the encoding is wrong"},
    {0x69, "it has no storage"},
    {0xC0, "the length of the data is wrong"},
    {0xC1, "the check byte is wrong: data was garbled on the line"},
    {0xC2, "the size of a block is wrong"},
    {0xC3, "the command is malformed"},
    {0xC4, "the flash chip failed"},
    {0xC5, "the flash chip cannot be unlocked"},
    {0xC6, "no write was begun"},
    {0xC7, "the compressed data cannot be unpacked"},
    {0xC8, "data is missing"},
    {0xC9, "there is more data than was announced"},
    {0xFF, "it does not have this command"},
    /* clang-format on */
};

/* A ROM has status 1 and the reason behind it; a stub has the reason as the status. */
static uint8_t reason(const struct em_rom_reply *reply)
{
    return reply->status == 1 ? reply->fault : reply->status;
}

const char *em_rom_fault_text(const struct em_rom_reply *reply)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (faults[i].code == reason(reply))
            return faults[i].text;
    }
    return "for a reason that no document names";
}

bool em_rom_is_unsupported(const struct em_rom_op_info *info,
                           const struct em_rom_reply *reply)
{
    /* 05 under its own op stands for a malformed packet as well. Every loader has the
     * block commands that follow its BEGIN, so there it was the line. */
    return reply->other_op ||
           (!info->block &&
            (reason(reply) == EM_ROM_FAULT_UNSUPPORTED || reason(reply) == 0xFF));
}
