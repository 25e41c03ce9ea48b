/* SPDX-License-Identifier: Apache-2.0 */
/* Where each unit's keys come from. */
#ifndef MFG_KEYS_INT_H
#define MFG_KEYS_INT_H

#include <espmfg/key.h>
#include <espmfg/keyfile.h>

#include "base/file_int.h"

enum em_keys_kind {
    EM_KEYS_NONE,        /* plain images */
    EM_KEYS_GIVEN,       /* one key for all, no key files written */
    EM_KEYS_RANDOM,      /* a new key a unit */
    EM_KEYS_HMAC_RANDOM, /* derived from a new HMAC key a unit */
    EM_KEYS_HMAC_GIVEN,  /* derived from one HMAC key for all */
};

/** The options, checked, with the given keys loaded. Wiped by em_keys_free(). */
struct em_keys {
    enum em_keys_kind kind;
    struct em_key given; /* of EM_KEYS_GIVEN, or derived for EM_KEYS_HMAC_GIVEN */
};

/** The keys of one unit; wiped with em_unit_keys_wipe(). */
struct em_unit_keys {
    struct em_key xts;  /* 64 bytes, or none */
    struct em_key hmac; /* 32 bytes when this unit has its own, or none */
    bool reused;        /* they are those of a file that was there */
};

/**
 * Check the options against each other and load what they name. Returns EM_OK,
 * EM_ERR_USAGE, or what reading and checking the given key returns (with its file).
 */
enum em_status em_keys_load(struct em_keys *out, const struct em_key_options *options,
                            struct em_error *err);
void em_keys_free(struct em_keys *keys);

/**
 * The key to read images with: that in the key file @p path, or the one derived from the
 * HMAC key in @p hmac_path; both NULL: none (@p out has length 0). Returns EM_OK,
 * EM_ERR_USAGE (both), or what reading and checking it returns (with its file).
 */
enum em_status em_key_load(struct em_key *out, const char *path, const char *hmac_path,
                           struct em_error *err);

/** The key in the file @p path, which holds an HMAC key if it has 32 bytes; as above. */
enum em_status em_key_load_any(struct em_key *out, const char *path,
                               struct em_error *err);

/** Does each unit get a key file, and one for its HMAC key? */
bool em_keys_write_key(const struct em_keys *keys);
bool em_keys_write_hmac(const struct em_keys *keys);

/** The keys for a new unit. Returns EM_OK or EM_ERR_CRYPTO. */
enum em_status em_keys_make(const struct em_keys *keys, struct em_unit_keys *out,
                            struct em_error *err);

/**
 * The keys for a unit that may have been begun before: those in the files @p key_name and
 * @p hmac_name when they are there, otherwise new ones. An empty file counts as none: a
 * run was killed before it wrote the key. @p hmac_dir may be @p dir. NULL
 * folders hold nothing. Returns as em_keys_make(), or EM_ERR_INPUT (a file that is
 * damaged or does not fit the other), EM_ERR_IO.
 */
enum em_status em_keys_make_or_reuse(const struct em_keys *keys, const struct em_dir *dir,
                                     const char *key_name, const struct em_dir *hmac_dir,
                                     const char *hmac_name, struct em_unit_keys *out,
                                     struct em_error *err);
void em_unit_keys_wipe(struct em_unit_keys *keys);

/**
 * Split the user's @p name for a key file into a folder and a name in it: relative names
 * are below @p keys_dir, ".bin" is added when there is no extension. Both outputs are
 * allocated. Returns EM_OK, EM_ERR_USAGE (an extension without .bin, no name) or
 * EM_ERR_NOMEM.
 */
enum em_status em_keys_place(char **dir, char **base, const char *keys_dir,
                             const char *name, struct em_error *err);

#endif
