/* SPDX-License-Identifier: Apache-2.0 */
/* The units of a batch one at a time, in any order, in memory: for a line that makes a
 * unit's image when its board arrives. */
#ifndef ESPMFG_UNITS_H
#define ESPMFG_UNITS_H

#include <espmfg/hooks.h>
#include <espmfg/key.h>
#include <espmfg/nvs.h>
#include <espmfg/seal.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where units come from. May be used by many threads at a time; each unit that was taken
 * by one at a time. */
struct em_units;

/** How the images of a batch are encrypted. */
enum em_units_encryption {
    EM_UNITS_PLAIN,
    EM_UNITS_KEY,  /**< one key file for all: NVS keys (XTS) as mfg_gen --inputkey */
    EM_UNITS_HMAC, /**< NVS keys derived from a HMAC key of each unit's own */
    /** A flash encryption key of each unit's own, and NVS keys for a partition that it
     * encrypts. The NVS keys are derived from it: who has it can read them anyway, and so
     * a unit has one secret to keep, to burn and to destroy. */
    EM_UNITS_FLASH,
};

/** Either a generator batch (config and values) or a folder that was made before
 * (manifest). Begin with EM_UNITS_OPTIONS_INIT. */
struct em_units_options {
    const char *config, *values; /**< as struct em_batch_options */
    const char *prefix;          /**< of names; NULL or "": names are ids alone */
    const char *id_column;       /**< NULL: the row's number */
    uint64_t size;               /**< of the partition, bytes */
    enum em_nvs_version version;
    enum em_units_encryption encryption;
    const char *key_file; /**< of EM_UNITS_KEY */
    /** Of EM_UNITS_HMAC and EM_UNITS_FLASH: folder for the units' keys, made with mode
     * 0700 when the first key is. Keys have the names that mfg_gen gives them,
     * hmac-keys-PREFIX-ID.bin, and flash-keys-PREFIX-ID.bin. */
    const char *keys_dir;
    const char *manifest; /**< instead of config and values: list made by a batch … */
    /** … and the folder that has its bin/ and keys/; NULL: the one the manifest is in.
     * Of paths in the manifest only the names at their ends count. */
    const char *outdir;
    unsigned jobs;        /**< threads to check the tables with */
    size_t flash_key_len; /**< of EM_UNITS_FLASH: 16, 24, 32 or 64, see flash_encrypt.h */
    /** Certificates that the units' own keys are sealed to (espmfg/seal.h). Their files
     * then end in ".bin.cms", nothing plain reaches the disk, and em_units_unseal() has
     * to come before the first key. */
    const char *const *seal;
    size_t n_seal;
};

#define EM_UNITS_OPTIONS_INIT                                                            \
    {                                                                                    \
        .version = EM_NVS_V2, .jobs = 1                                                  \
    }

/**
 * Open and check all of it: every row and every file it names, as the first pass of a
 * batch does; of a manifest, that the images are there, with the sizes listed, and that
 * no two units have one image or HMAC key. Nothing is written; only temporary files that
 * killed programs left in the folder of keys are removed. Faults go to @p hooks, which
 * are not used after this returned. The options' texts are copied.
 *
 * Images are only made of what was checked: later reads notice when values, manifest or a
 * file that a row names was changed in between (EM_ERR_INPUT). Config and files that many
 * rows name are in memory and not read again. Memory: about 16 bytes a unit.
 *
 * Returns EM_OK, EM_ERR_USAGE (options that contradict each other), EM_ERR_INPUT (faults,
 * no units), EM_ERR_FULL, EM_ERR_IO, EM_ERR_NOMEM, EM_ERR_CRYPTO, EM_ERR_STOPPED (by the
 * progress call-back).
 */
EM_API enum em_status em_units_open(struct em_units **out,
                                    const struct em_units_options *options,
                                    const struct em_hooks *hooks, struct em_error *err);
EM_API void em_units_close(struct em_units *units);

/**
 * Load the private key that opens sealed keys of units, before the first of them is
 * asked for: a key that is made has to be there again when a program was killed. With
 * certificates in the options it has to belong to one of them. Returns EM_OK,
 * EM_ERR_INPUT (it does not), or as em_unseal_open().
 */
EM_API enum em_status em_units_unseal(struct em_units *units,
                                      const struct em_unseal_options *options,
                                      struct em_error *err);
/** Fingerprints of the certificates that keys are sealed to, with spaces between them;
 * NULL: new keys are not sealed. Lives as long as @p units. */
EM_API const char *em_units_sealed_to(const struct em_units *units);

EM_API uint64_t em_units_count(const struct em_units *units);
/** SHA-256 in hex over everything that makes the units: options, config, all columns of
 * the values, the files they name; of a manifest, names, ids and SHA-256 of the images.
 * Not over keys and where things lie. Lives as long as @p units. */
EM_API const char *em_units_digest(const struct em_units *units);
/** No image is larger, bytes. */
EM_API size_t em_units_image_size(const struct em_units *units);

/** One unit, taken out. All memory belongs to it; wiped by em_unit_close(), which comes
 * before em_units_close(). */
struct em_unit_data;
/** Take unit 1 … em_units_count(); of a manifest, the unit in that place of the list.
 * EM_ERR_USAGE: no such unit; EM_ERR_INPUT: the file was changed; EM_ERR_IO, …NOMEM,
 * …CRYPTO. */
EM_API enum em_status em_units_take(struct em_units *units, uint64_t unit,
                                    struct em_unit_data **out, struct em_error *err);
EM_API void em_unit_close(struct em_unit_data *unit);

/** Its name, that of its files: PREFIX-ID, unique in the batch. */
EM_API const char *em_unit_name(const struct em_unit_data *unit);
/** The @p idx th column of its row, 0 being the first: name and text; false: no more. All
 * columns of the values; of a manifest "unit" and "file_id". */
EM_API bool em_unit_column(const struct em_unit_data *unit, size_t idx, const char **name,
                           const char **text);

/**
 * The key that is to be burned for it (EM_UNITS_HMAC, EM_UNITS_FLASH, or the HMAC key
 * file of a manifest): the one on the disk, or a new one made with OpenSSL's generator
 * and brought to the disk (file, folder and its name) before this returns. The file has
 * mode 0600 and its whole content from the moment it has its name, and is never replaced;
 * one that is empty counts as none. len 0: the unit has no key of its own. The caller
 * wipes @p out.
 *
 * @p recorded is the fingerprint of the key that this unit is known to have, or NULL: a
 * new key is only made without one, and a key on the disk has to be that one.
 *
 * @p serial (1, 2, …) tells apart the keys of a unit that was taken from one board and
 * given to another: hmac-keys-PREFIX-ID-sSERIAL.bin when it is not 1. (Where the id
 * itself ends in -sNUMBER the name has the 1 too.)
 *
 * A key that is sealed is opened in memory, by em_units_unseal()'s; EM_ERR_USAGE without
 * one. A new one is opened again before anybody gets it.
 *
 * EM_ERR_INPUT: the file has another length, is readable by others, was being destroyed,
 * or is missing or another one than listed (manifest); EM_ERR_REFUSED: it is missing or
 * another one than recorded, or a unit of a manifest cannot get a second key; EM_ERR_IO,
 * …CRYPTO, …NOMEM.
 */
EM_API enum em_status em_unit_key(struct em_unit_data *unit, uint64_t serial,
                                  const char *recorded, struct em_key *out,
                                  struct em_error *err);

/** Its NVS image with @p key (as em_unit_key() gave it): the bytes that mfg_gen makes for
 * the row and key. Of a manifest the file, compared with its SHA-256, and the key's
 * fingerprint with the one listed; there @p key may be empty too. *image_out lives until
 * the next call for this unit. EM_ERR_USAGE: a key is needed, or none; EM_ERR_INPUT:
 * changed, or not as listed; EM_ERR_IO, …NOMEM, …CRYPTO. */
EM_API enum em_status em_unit_image(struct em_unit_data *unit, const struct em_key *key,
                                    const uint8_t **image_out, size_t *len_out,
                                    struct em_error *err);

/**
 * What its nvs_keys partition is to hold, as the chip reads it (EM_UNITS_FLASH): the keys
 * of its image, in the form of mfg_gen's key files, @p out of EM_NVS_KEY_PARTITION_SIZE
 * bytes. The caller encrypts it with @p key (as em_unit_key() gave it) and wipes it.
 * EM_ERR_USAGE: no such unit, or no key; EM_ERR_CRYPTO.
 */
EM_API enum em_status em_unit_nvs_keys(const struct em_unit_data *unit,
                                       const struct em_key *key, uint8_t *out,
                                       struct em_error *err);

/** Overwrite and remove the files with its own key and with the key derived from it,
 * folder brought to the disk. EM_OK also when there are none. What a file system or an
 * SSD keeps of overwritten blocks is out of reach. EM_ERR_IO: it may still be there. */
EM_API enum em_status em_unit_destroy_key(struct em_unit_data *unit, uint64_t serial,
                                          struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
