/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a batch and the files of its units. */
#ifndef MFG_OUTPUTS_INT_H
#define MFG_OUTPUTS_INT_H

#include "base/file_int.h"
#include "mfg/keys_int.h"
#include "mfg/names_int.h"

/** The kinds of files a unit has, in the order in which they are written: who finds an
 * image finds its key. */
enum em_output {
    EM_OUTPUT_HMAC_KEY,
    EM_OUTPUT_KEY,
    EM_OUTPUT_CSV,
    EM_OUTPUT_IMAGE,
    EM_OUTPUTS,
};

struct em_outputs {
    char *root;
    bool wanted[EM_OUTPUTS];
    struct em_dir *dirs[EM_OUTPUTS]; /* NULL: not there (yet), or not wanted */
    char *hmac_name;                 /* the one HMAC key file, or NULL: one a unit */
    char *hmac_dir;                  /* and its folder */
};

/**
 * Begin: which files there will be. @p hmac_keyfile is the user's name for the one HMAC
 * key, or NULL. Writes nothing; opens the folders that are there. Ended by
 * em_outputs_close(). Returns EM_OK, EM_ERR_USAGE, EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_outputs_open(struct em_outputs *out, const char *root,
                               const struct em_keys *keys, const char *hmac_keyfile,
                               bool with_csv, struct em_error *err);
void em_outputs_close(struct em_outputs *outputs);

/** Make the folders that are missing, and open them. Returns EM_OK, EM_ERR_IO, …NOMEM. */
enum em_status em_outputs_make(struct em_outputs *outputs, struct em_error *err);

/** The name of a unit's file of one kind. */
const char *em_outputs_name(const struct em_outputs *outputs,
                            const struct em_names *names, enum em_output kind);

/** EM_ERR_EXISTS when a file of the unit is there already; otherwise EM_OK. */
enum em_status em_outputs_check_new(const struct em_outputs *outputs,
                                    const struct em_names *names, struct em_error *err);

/**
 * Compare a unit's file with what it should hold. A file that holds something else is
 * EM_ERR_EXISTS. @p out says what is there otherwise.
 */
enum em_status em_outputs_compare(enum em_same *out, const struct em_outputs *outputs,
                                  const struct em_names *names, enum em_output kind,
                                  const void *data, size_t len, struct em_error *err);

/** Write a unit's file. Returns as em_dir_put(). */
enum em_status em_outputs_put(struct em_outputs *outputs, const struct em_names *names,
                              enum em_output kind, const void *data, size_t len,
                              enum em_put how, struct em_error *err);

#endif
