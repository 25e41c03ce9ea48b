/* SPDX-License-Identifier: Apache-2.0 */
/* The units of a batch one at a time, in any order, in memory: for a line that makes a
 * unit's image when its board arrives. */
#ifndef ESPMFG_UNITS_H
#define ESPMFG_UNITS_H

#include <espmfg/hooks.h>
#include <espmfg/key.h>
#include <espmfg/nvs.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where units come from. May be used by many threads at a time. */
struct em_units;

/** How the images of a batch are encrypted. */
enum em_units_encryption {
    EM_UNITS_PLAIN,
    EM_UNITS_KEY,  /**< one key file for all: NVS keys (XTS) as mfg_gen --inputkey */
    EM_UNITS_HMAC, /**< NVS keys derived from a HMAC key of each unit's own */
};

/** Either a generator batch (config and values) or a folder that was made before
 * (manifest). Begin with EM_UNITS_OPTIONS_INIT. */
struct em_units_options {
    const char *config, *values; /**< as struct em_batch_options */
    const char *prefix;          /**< of names; NULL: "" and names are ids alone */
    const char *id_column;       /**< NULL: the row's number */
    uint64_t size;               /**< of the partition, bytes */
    enum em_nvs_version version;
    enum em_units_encryption encryption;
    const char *key_file; /**< of EM_UNITS_KEY */
    const char
        *keys_dir; /**< of EM_UNITS_HMAC: folder for the units' keys, made with mode
                    * 0700; a key is on the disk before em_units_key() returns */
    const char *manifest; /**< instead of config and values: list made by a batch … */
    const char *outdir;   /**< … and the folder that has its bin/, csv/ and keys/ */
    unsigned jobs;        /**< threads to check the tables with */
};

#define EM_UNITS_OPTIONS_INIT                                                            \
    {                                                                                    \
        .version = EM_NVS_V2, .jobs = 1                                                  \
    }

/**
 * Open and check all of it: every row and every file it names, as the first pass of a
 * batch does; of a manifest, that the files are there. Faults go to @p hooks. Later reads
 * of the values file notice when it was changed in between (EM_ERR_INPUT). Memory: about
 * 16 bytes a unit.
 */
EM_API enum em_status em_units_open(struct em_units **out,
                                    const struct em_units_options *options,
                                    const struct em_hooks *hooks, struct em_error *err);
EM_API void em_units_close(struct em_units *units);

EM_API uint64_t em_units_count(const struct em_units *units);
/** SHA-256 in hex over everything that makes the images: tables, the files they name,
 * options; not over keys. */
EM_API const char *em_units_digest(const struct em_units *units);
/** Bytes of the largest image. */
EM_API size_t em_units_image_size(const struct em_units *units);

/** One unit, taken out. All memory belongs to it; wiped by em_unit_close(). */
struct em_unit_data;
EM_API enum em_status em_units_take(struct em_units *units, uint64_t unit,
                                    struct em_unit_data **out, struct em_error *err);
EM_API void em_unit_close(struct em_unit_data *unit);

/** Its name: prefix and file id, unique in the batch. */
EM_API const char *em_unit_name(const struct em_unit_data *unit);
/** The @p idx th column of its row: name and text; false: no more. */
EM_API bool em_unit_column(const struct em_unit_data *unit, size_t idx, const char **name,
                           const char **text);

/**
 * The key that is to be burned for it (EM_UNITS_HMAC, or the HMAC key file of a
 * manifest): the one on the disk, or a new one made with OpenSSL's generator and brought
 * to the disk (fsync of file and folder) before this returns. len 0: it has none.
 * EM_ERR_INPUT: the file is damaged or readable by others. @p serial tells apart the keys
 * of a unit that was taken from one board and given to another: file names carry it when
 * it is not 1.
 */
EM_API enum em_status em_unit_key(struct em_unit_data *unit, uint64_t serial,
                                  struct em_key *out, struct em_error *err);

/** Its NVS image with @p key (as em_unit_key() gave it, or len 0); of a manifest the
 * file, compared with its SHA-256. *image_out lives until em_unit_close(). */
EM_API enum em_status em_unit_image(struct em_unit_data *unit, const struct em_key *key,
                                    const uint8_t **image_out, size_t *len_out,
                                    struct em_error *err);

/** Overwrite and remove the files with its key, folder brought to the disk. EM_OK also
 * when there are none. */
EM_API enum em_status em_unit_destroy_key(struct em_unit_data *unit, uint64_t serial,
                                          struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
