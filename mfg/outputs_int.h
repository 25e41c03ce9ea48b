/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a batch and the files of its units.
 *
 * A whole batch is written into folders called bin.partial, csv.partial and keys.partial,
 * which get their names when everything is in them. A folder that is there already gets
 * each file by itself, and so do runs that make only a part of a batch. Either way
 * nothing is seen under its final name before it is whole. */
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

/* Folders, in the order in which they get their names. The last is that of a HMAC key
 * file that the user placed elsewhere. */
enum { EM_FOLDER_KEYS, EM_FOLDER_CSV, EM_FOLDER_IMAGES, EM_FOLDER_OTHER, EM_FOLDERS };

struct em_folder {
    bool wanted;
    char *path;         /* its final name */
    char *partial;      /* its name until then */
    mode_t mode;        /* permissions when it is made */
    struct em_dir *dir; /* NULL: not there (yet) */
    bool staged;        /* dir is the partial one */
};

struct em_outputs {
    bool whole; /* this run makes a whole batch */
    bool wanted[EM_OUTPUTS];
    struct em_folder folders[EM_FOLDERS];
    struct em_folder *folder_of[EM_OUTPUTS];
    char *hmac_name; /* the one HMAC key file, or NULL: one a unit */
    bool sealed;     /* key files are envelopes */
};

struct em_outputs_options {
    const char *root;
    const char *hmac_keyfile; /* the user's name for the one HMAC key, or NULL */
    const char *manifest;     /* another file that may come to lie in a folder, or NULL */
    bool with_csv;
    bool whole;  /* not just some rows or a shard */
    bool resume; /* partial folders of an earlier run are welcome */
    bool sealed; /* key files are envelopes */
};

/**
 * Begin: which files there will be. Writes nothing; opens the folders that are there.
 * Ended by em_outputs_close(). Returns EM_OK, EM_ERR_USAGE, EM_ERR_EXISTS (partial
 * folders that this run cannot go on with), EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_outputs_open(struct em_outputs *out, const struct em_keys *keys,
                               const struct em_outputs_options *options,
                               struct em_error *err);
void em_outputs_close(struct em_outputs *outputs);

/** Make the folders that are missing. Returns EM_OK, EM_ERR_EXISTS, EM_ERR_IO, …NOMEM. */
enum em_status em_outputs_make(struct em_outputs *outputs, struct em_error *err);

/** All is written: bring it to the disk and give partial folders their names. EM_OK, …IO.
 */
enum em_status em_outputs_commit(struct em_outputs *outputs, struct em_error *err);

/** The run failed: remove partial folders that hold nothing. */
void em_outputs_abandon(struct em_outputs *outputs);

/** Where the files of a kind are now, or NULL: nowhere yet. */
struct em_dir *em_outputs_dir(const struct em_outputs *outputs, enum em_output kind);

/** The path of the folder where they will be. */
const char *em_outputs_path(const struct em_outputs *outputs, enum em_output kind);

/** Is a file of a kind written into a folder that has its name already? */
bool em_outputs_direct(const struct em_outputs *outputs, enum em_output kind);

/** The name of a unit's file of one kind. */
const char *em_outputs_name(const struct em_outputs *outputs,
                            const struct em_names *names, enum em_output kind);

/** EM_ERR_USAGE when the one HMAC key file has the name of the unit's key file. */
enum em_status em_outputs_check_names(const struct em_outputs *outputs,
                                      const struct em_names *names, struct em_error *err);

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

/**
 * Write a unit's file in the place of one that is there, which nobody has used, or as a
 * new one; in a folder that has its name already a key gets EM_PENDING behind its name.
 * Returns as em_dir_put().
 */
enum em_status em_outputs_put_anew(struct em_outputs *outputs,
                                   const struct em_names *names, enum em_output kind,
                                   const void *data, size_t len, struct em_error *err);

/** A key's name as long as it is pending. */
void em_outputs_pending(char out[EM_NAME_SIZE], const char *name);

/** Write a unit's file, or @p complete one that lost its end. Returns as em_dir_put(). */
enum em_status em_outputs_put(struct em_outputs *outputs, const struct em_names *names,
                              enum em_output kind, const void *data, size_t len,
                              bool complete, struct em_error *err);

#endif
