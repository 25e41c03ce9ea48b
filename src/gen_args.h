/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options that several sub-commands of mfg_gen have. */
#ifndef SRC_GEN_ARGS_H
#define SRC_GEN_ARGS_H

#include <espmfg/nvs.h>

#include <stdbool.h>
#include <stdint.h>

/* Each of them returns NULL, or what is wrong with the value, as a cli_handler does. */

/** --prefix_num START LENGTH */
const char *gen_take_counter(bool *counter, int64_t *counter_start, int *counter_width,
                             char *const *values);

/** --rows A-B, A- or A; the text is given back as it was */
const char *gen_take_rows(uint64_t *first_row, uint64_t *last_row, char *text);

/** --shard I/N; likewise */
const char *gen_take_shard(unsigned *out_shard, unsigned *out_shards, char *text);

/** --jobs N */
const char *gen_take_jobs(unsigned *out, const char *text);

/** --version 1|2 */
const char *gen_take_version(enum em_nvs_version *out, const char *text);

/** Without --jobs: one for each core. */
unsigned gen_cores(void);

#endif
