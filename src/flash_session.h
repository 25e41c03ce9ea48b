/* SPDX-License-Identifier: Apache-2.0 */
/* The device of one run of mfg_flash: from the port to the last line of output. */
#ifndef SRC_FLASH_SESSION_H
#define SRC_FLASH_SESSION_H

#include "src/flash.h"

/**
 * Connect to the device that the options name, and tell who it is. Returns EM_OK, or a
 * fault in flash->err; either way the command ends with flash_end().
 */
enum em_status flash_open(struct flash *flash);

/**
 * End the command with @p status (its fault is in flash->err): reset the chip as --after
 * says, close the port, tell the fault, print the object of --json. Returns the exit
 * status of the program.
 */
int flash_end(struct flash *flash, enum em_status status);

/** Exit status of the program before a port is open. */
int flash_exit(enum em_status status);

/** "aa:bb:cc:dd:ee:ff"; @p out has room for 3 * @p len characters. */
void flash_mac_text(char *out, const uint8_t *mac, size_t len);

/** Lines with the MAC, or the two of a chip with an EUI-64. */
void flash_print_mac(struct flash *flash, const struct em_device_info *info);

/** Seconds of a clock that never goes back. */
double flash_now_s(void);

#endif
