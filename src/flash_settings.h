/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of mfg_flash from environment variables and from a settings file. */
#ifndef SRC_FLASH_SETTINGS_H
#define SRC_FLASH_SETTINGS_H

#include "src/flash.h"

/**
 * Set flash->args from the environment and the settings file, as esptool has them; to be
 * called before the command line is read. What is wrong in them is a fault (EM_ERR_USAGE,
 * EM_ERR_INPUT), unknown keys are noted. EM_ERR_NOMEM.
 */
enum em_status flash_settings_load(struct flash *flash, struct em_error *err);

/** Free what belongs to the settings. */
void flash_settings_free(struct flash_args *args);

#endif
