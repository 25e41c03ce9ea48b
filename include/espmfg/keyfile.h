/* SPDX-License-Identifier: Apache-2.0 */
/* Key files: where a unit's NVS keys come from, and making them one at a time. */
#ifndef ESPMFG_KEYFILE_H
#define ESPMFG_KEYFILE_H

#include <espmfg/hooks.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * How NVS is encrypted; the members are the options of the same names. All strings stay
 * the caller's. Begin with {0}, which means: not at all.
 */
struct em_key_options {
    bool keygen;               /**< a new key for each unit, written to a key file */
    const char *inputkey;      /**< this key file for all units */
    bool protect_hmac;         /**< with keygen: derive the key from an HMAC key */
    bool hmac_keygen;          /**< a new HMAC key for each unit, written to a file */
    const char *hmac_keyfile;  /**< name for the one HMAC key that is made */
    const char *hmac_inputkey; /**< this HMAC key (32 bytes) for all units */
};

/** What em_keyfile_generate() is to make. Begin with EM_KEYFILE_OPTIONS_INIT. */
struct em_keyfile_options {
    const char *outdir;         /**< files go to its folder keys/ */
    const char *name;           /**< of the key file; NULL: keys-MM-DD_HH-MM.bin */
    struct em_key_options keys; /**< only the HMAC members count */
};

#define EM_KEYFILE_OPTIONS_INIT                                                          \
    {                                                                                    \
        .outdir = "."                                                                    \
    }

/** Paths of what was made; "" for what was not. */
struct em_keyfile_result {
    char key[1024];
    char hmac_key[1024];
};

/**
 * Make one key file, and one for the HMAC key if asked for. Files get mode 0600, a new
 * folder 0700; what is there already is never replaced. ".bin" is added to names without
 * extension. Returns EM_OK, EM_ERR_USAGE (options that contradict each other, other
 * extension), EM_ERR_INPUT (the given HMAC key), EM_ERR_EXISTS, EM_ERR_IO, EM_ERR_CRYPTO
 * or EM_ERR_NOMEM; after an error nothing new is left. May be called from several
 * threads.
 */
EM_API EM_USE_RESULT enum em_status
em_keyfile_generate(const struct em_keyfile_options *options,
                    const struct em_hooks *hooks, struct em_keyfile_result *out,
                    struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
