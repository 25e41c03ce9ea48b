/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options that several sub-commands of mfg_gen have. */
#ifndef SRC_GEN_ARGS_H
#define SRC_GEN_ARGS_H

#include <espmfg/nvs.h>

#include "src/term.h"

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

/** --passphrase-fd N */
const char *gen_take_fd(int *out, const char *text);

/** --version 1|2 */
const char *gen_take_version(enum em_nvs_version *out, const char *text);

/* Options that every command has; their ids are above those of any command. */
enum { GEN_OPT_QUIET = 2000, GEN_OPT_JSON };
/* clang-format off */
#define GEN_TERM_OPTIONS                                                                   \
    {"quiet", "q", NULL, "only faults", GEN_OPT_QUIET},                                    \
    {"json", NULL, NULL, "result and messages as one JSON object on stdout", GEN_OPT_JSON}
/* clang-format on */

/** Take one of them. false: it is none of them. */
bool gen_take_term(struct term *term, int id);

/** --progress WHEN */
const char *gen_take_progress(struct term *term, const char *text);

/** What a command's messages begin with: all go to the terminal up to notes. */
struct term gen_term(void);

/** The program's name. */
extern const char gen_program[];

/** A JSON string, or null when @p text is not UTF-8, which JSON cannot hold. */
json_t *gen_json_text(const char *text);

/** Without --jobs: one for each core. */
unsigned gen_cores(void);

#endif
