/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-commands of mfg_gen. */
#ifndef SRC_GEN_H
#define SRC_GEN_H

#include "src/cli.h"

extern const struct cli_command gen_generate;
extern const struct cli_command gen_generate_key;
extern const struct cli_command gen_unseal;
extern const struct cli_command gen_verify;
extern const struct cli_command gen_image;
extern const struct cli_command gen_flash_encrypt;
extern const struct cli_command gen_flash_decrypt;
extern const struct cli_command gen_flash_key;

#endif
