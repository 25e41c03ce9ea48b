/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of mfg_gen image share. */
#ifndef SRC_GEN_IMAGE_H
#define SRC_GEN_IMAGE_H

#include "mfg/nvsfile_int.h"
#include "src/cli.h"
#include "src/gen_args.h"
#include "src/term.h"

extern const struct cli_command gen_image_generate;
extern const struct cli_command gen_image_encrypt;
extern const struct cli_command gen_image_decrypt;
extern const struct cli_command gen_image_generate_key;
extern const struct cli_command gen_image_dump;
extern const struct cli_command gen_image_get;
extern const struct cli_command gen_image_check;
extern const struct cli_command gen_image_diff;

/** Options that name the key to read an image with; ids from 1000 on are theirs. */
enum { IMAGE_OPT_KEY = 1000, IMAGE_OPT_HMAC_KEY };
/* clang-format off */
#define IMAGE_KEY_OPTIONS                                                                  \
    {"inputkey", NULL, "FILE", "decrypt with the key in FILE: a key partition, or 64 bytes",  \
     IMAGE_OPT_KEY},                                                                       \
    {"kp_hmac_inputkey", NULL, "FILE", "decrypt with the key derived from the HMAC key in FILE", \
     IMAGE_OPT_HMAC_KEY}
/* clang-format on */

/** What those options said. Start it as {0}. */
struct image_options {
    const char *key, *hmac_key; /* files */
    struct term term;
};

/** Begin with what all commands have. */
void image_options_init(struct image_options *options);

/** Take one of the options above. false: it is none of them. */
bool image_option(struct image_options *options, int id, char *const *values);

/** Load the key that the options name; as em_key_load(). */
enum em_status image_key(struct em_key *out, const struct image_options *options,
                         struct em_error *err);

/**
 * Open what @p path names: an image as image_open() does, or, if its name ends in .csv,
 * the table that one is made from.
 */
enum em_status image_open_any(struct em_nvsfile *out, const char *path,
                              const struct image_options *options, struct em_error *err);

/** Open the image @p path with that key; as em_nvsfile_open(). */
enum em_status image_open(struct em_nvsfile *out, const char *path,
                          const struct image_options *options, em_nvs_finding_fn *tell,
                          void *user, struct em_error *err);

/**
 * End a command: tell @p err if it is a fault, and print the object of --json from
 * @p fields (taken over). @p found: it found what it looked for, faults or differences.
 * Returns the exit status.
 */
int image_end(struct image_options *options, json_t *fields, bool found,
              const struct em_error *err);

/** A key or a namespace's name as it can be shown; @p room holds the text. */
const char *image_name(struct em_error *room, const char *name);

/** @p memory, or the end of the program: without a few bytes it can do nothing else. */
void *image_need(void *memory);

/**
 * A value as JSON members of @p object: "value" for numbers and UTF-8 strings, otherwise
 * "hex".
 */
void image_value_json(json_t *object, const struct em_nvs_reader *reader,
                      const struct em_nvs_value *value);

/** A value as text of one line, to be freed: number, "string", or hex digits. */
char *image_value_text(const struct em_nvs_reader *reader,
                       const struct em_nvs_value *value);

/** Pages and entries as they are, on stdout. */
void image_print_raw(const struct em_nvsfile *file);

#endif
