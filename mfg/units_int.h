/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of struct em_units share. */
#ifndef MFG_UNITS_INT_H
#define MFG_UNITS_INT_H

#include <espmfg/units.h>

#include "mfg/digest_int.h"
#include "mfg/job_int.h"
#include "mfg/listing_int.h"

#include <pthread.h>

/** Where a unit's row is, and by what it is known again: the beginnings of the digests of
 * the row and of the files that it names. */
struct em_units_place {
    uint64_t off;
    uint8_t row[4];
    uint8_t files[4];
};

enum {
    EM_UNITS_BLOCK = 4096 /* places in a block: blocks do not move as they get more */
};

struct em_units_index {
    struct em_units_place **blocks;
    size_t n_blocks, cap_blocks;
    uint64_t n;
};

/** What one thread needs while it takes a unit or makes its image. */
struct em_units_taker {
    struct em_units_taker *next;
    struct em_csv *values; /* one of the two */
    struct em_listing *listing;
    struct em_maker *maker; /* of values; made when it is first needed */
    struct em_digest *digest;
};

enum { EM_UNITS_TEXTS = 8 };

struct em_units {
    /* Not changed after em_units_open(). */
    bool listed; /* units are those of a manifest */
    enum em_units_encryption encryption;
    char *texts[EM_UNITS_TEXTS]; /* copies of the options' */
    size_t n_texts;
    struct em_batch_options batch;
    struct em_batch_result result;
    struct em_job job;
    const char *source; /* path of values or manifest */
    struct stat source_st;
    struct em_units_index index;
    char **columns;
    size_t n_columns;
    size_t image_size;
    char digest[EM_SHA256_HEX];
    char *outdir;             /* of a manifest */
    char *keys_dir;           /* NULL: units have no keys of their own */
    size_t flash_key_len;     /* of EM_UNITS_FLASH */
    struct em_unseal *unseal; /* NULL: sealed keys cannot be opened */
    struct em_dir *images;    /* of a manifest */

    pthread_mutex_t lock; /* of all below */
    struct em_units_taker *free_takers;
    struct em_dir *keys; /* NULL: not there yet */
    bool temporaries;    /* of other programs were in it when it was opened */

    pthread_mutex_t key_lock; /* held to put a key in the place of an empty file */
};

struct em_unit_data {
    struct em_units *units;
    uint64_t unit;
    struct em_names names;
    char name[EM_NAME_SIZE];
    struct em_csv_row row; /* of the values, or EM_LISTED_COLUMNS */
    char *texts;           /* of all columns, one behind the other, each with a NUL */
    size_t texts_len;
    uint8_t *image;
    size_t image_len;
};

/* ---- units_rows.c: places, and finding a row again ---- */

/** Add the place of the next unit. Returns EM_OK or EM_ERR_NOMEM. */
enum em_status em_units_index_add(struct em_units_index *index,
                                  const struct em_units_place *place,
                                  struct em_error *err);
/** @p unit is 1 … index->n. */
struct em_units_place *em_units_index_at(const struct em_units_index *index,
                                         uint64_t unit);
void em_units_index_free(struct em_units_index *index);

/** Digest of the row's fields. EM_OK or EM_ERR_CRYPTO. */
enum em_status em_units_row_digest(struct em_digest *digest, const struct em_csv_row *row,
                                   uint8_t out[EM_DIGEST_SIZE], struct em_error *err);

/** Remember which file units->source is / tell whether it still is that file, unchanged
 * (EM_ERR_INPUT: no). */
enum em_status em_units_remember(struct em_units *units, struct em_error *err);
enum em_status em_units_unchanged(const struct em_units *units, struct em_error *err);

/** A taker for this thread, given back by em_units_give_back(). */
enum em_status em_units_borrow(struct em_units *units, struct em_units_taker **out,
                               struct em_error *err);
void em_units_give_back(struct em_units *units, struct em_units_taker *taker);
void em_units_takers_free(struct em_units *units);

/** Read the row of @p unit into unit->row, from the unchanged file. EM_OK, EM_ERR_INPUT,
 * EM_ERR_IO, EM_ERR_NOMEM, EM_ERR_CRYPTO. */
enum em_status em_units_read_row(struct em_unit_data *unit, struct em_error *err);

/* ---- units_values.c: config and values ---- */

enum em_status em_units_open_values(struct em_units *units, const struct em_hooks *hooks,
                                    struct em_error *err);
/** Make unit->image with @p key as em_unit_image() tells. */
enum em_status em_units_make_image(struct em_unit_data *unit, const struct em_key *key,
                                   struct em_error *err);

/* ---- units_listed.c: a manifest ---- */

enum em_status em_units_open_listed(struct em_units *units, const struct em_hooks *hooks,
                                    struct em_error *err);
/** Names of its files, by its row. */
enum em_status em_units_listed_names(struct em_names *out, const struct em_csv_row *row,
                                     struct em_error *err);
/** Read unit->image and compare it. */
enum em_status em_units_read_image(struct em_unit_data *unit, const struct em_key *key,
                                   struct em_error *err);

/* ---- units_flash.c: flash encryption keys ---- */

/** The keys of the image of a unit with this flash encryption key. EM_OK, EM_ERR_CRYPTO.
 */
enum em_status em_units_derive(struct em_key *out, const struct em_key *flash,
                               struct em_error *err);

/* ---- units_keys.c ---- */

/** Open the folder of keys if it is there, warn if others can look into it, and remove
 * what killed programs left. EM_OK also without a folder. */
enum em_status em_units_open_keys(struct em_units *units, struct em_error *err);

/** Length of the keys that units have of their own. */
static inline size_t em_units_key_len(const struct em_units *units)
{
    return units->encryption == EM_UNITS_FLASH ? units->flash_key_len
                                               : (size_t)EM_NVS_HMAC_KEY_LEN;
}

/* ---- units_sealed.c ---- */

/** Load the envelope @p name, or make a key that is put there. As em_unit_key();
 * EM_ERR_EXISTS: another has put one meanwhile. With @p recorded or of a manifest none is
 * made: *out stays empty. */
enum em_status em_units_sealed_key(const struct em_unit_data *unit, struct em_dir *dir,
                                   const char *name, const char *recorded,
                                   struct em_key *out, struct em_error *err);

/** Set columns; @p names are copied. */
enum em_status em_units_set_columns(struct em_units *units, const struct em_span *names,
                                    size_t n, struct em_error *err);

#endif
