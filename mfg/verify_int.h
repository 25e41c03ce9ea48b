/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of verifying a batch share. */
#ifndef MFG_VERIFY_INT_H
#define MFG_VERIFY_INT_H

#include <espmfg/nvs_reader.h>
#include <espmfg/verify.h>

#include "mfg/job_int.h"
#include "mfg/listing_int.h"

#include <pthread.h>

/** The folders of a batch. */
enum { VERIFY_IMAGES, VERIFY_CSV, VERIFY_KEYS, VERIFY_FOLDERS };

struct em_verify_folder {
    char *path;
    struct em_dir *dir;   /* NULL: not there, or not to be looked at */
    uint64_t entries;     /* names in it */
    uint64_t found;       /* of them, those that are files of units */
    uint64_t keys, hmacs; /* of them, those that begin as names of such files do */
    uint64_t sealed;      /* of them, those that end as names of envelopes do */
};

/** What each thread has of its own. */
struct em_verify_worker {
    struct em_nvs_crypt *crypt;
    struct em_nvs_reader *reader;
    struct em_nvs_reader *wanted; /* reads the image that the row gives */
    struct em_buf image, text;    /* files as they are read; wiped */
};

struct em_verify {
    const struct em_batch_verify_options *options;
    struct em_batch_verify_result *result;
    struct em_batch_options batch; /* of the job */
    struct em_batch_result rows;   /* likewise */
    struct em_job job;
    bool has_values;            /* config and values, and not only a manifest */
    struct em_listing *listing; /* NULL: no manifest */
    struct em_csv_row ahead;    /* the next row of the listing that has no unit yet … */
    uint64_t ahead_number;      /* … its number; or that of the one before … */
    bool listing_ended;         /* … and whether there is none */
    char prefix[EM_NAME_SIZE];
    struct em_verify_folder folders[VERIFY_FOLDERS];
    struct em_verify_worker *workers;

    struct em_unseal *unseal; /* opens key files; NULL: they are not sealed */
    struct em_key given;      /* for all images; len 0: none */
    bool given_hmac;          /* it was derived */
    struct em_idset *keys;    /* fingerprints; NULL: units may have the same key */
    struct em_idset *files;   /* names of images in the listing */
    pthread_t counter;        /* counts names while units are verified, … */
    bool counting;            /* … if it was started; … */
    enum em_status counted;   /* … what came of it */
    struct em_error count_error;
    bool again;        /* this is the second look */
    bool twins;        /* units share a file: then counts of files say nothing */
    uint64_t nameless; /* units whose files have no names, as the row is wrong */
};

/** Folder of a kind of file. */
int em_verify_folder_of(enum em_output kind);

/** Name of a unit's file of a kind. */
const char *em_verify_name(const struct em_names *names, enum em_output kind);

/* ---- Folders: verify_folders.c ---- */

/**
 * Open the folders and count the keys; the others are counted by a thread meanwhile,
 * until em_verify_count_end(). Sets the size of the partition. What an interrupted run
 * left becomes a fault. Returns EM_OK, EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_verify_open_folders(struct em_verify *v, struct em_error *err);

/** Wait until images and CSV files are counted, or count them now. EM_OK or EM_ERR_IO. */
enum em_status em_verify_count_end(struct em_verify *v, struct em_error *err);

void em_verify_close_folders(struct em_verify *v);

/** Infer v->prefix from the image of @p unit. EM_OK, EM_ERR_USAGE, …IO, …NOMEM. */
enum em_status em_verify_infer_prefix(struct em_verify *v, const struct em_unit *unit,
                                      struct em_error *err);

/** Look for files that belong to no unit, where there are too many. EM_OK or what stopped
 * it. */
enum em_status em_verify_foreign(struct em_verify *v, struct em_error *err);

/* ---- Rows: verify_rows.c ---- */

/** Read the first unit into @p unit and begin again. EM_OK, …INPUT, …IO, …NOMEM. */
enum em_status em_verify_first_unit(struct em_verify *v, struct em_unit *unit,
                                    struct em_error *err);

/** Run a pass over all units once more; as em_pass_run(). */
enum em_status em_verify_pass(struct em_verify *v, const struct em_pass_ops *ops,
                              void *user, uint64_t *rows, struct em_error *err);

/** The number and names of the files of @p unit. Returns EM_OK or EM_ERR_INPUT. */
enum em_status em_verify_names(struct em_verify *v, struct em_unit *unit,
                               struct em_error *err);

/** The unit's row in the manifest, or NULL. */
const struct em_csv_row *em_verify_listed(const struct em_verify *v,
                                          const struct em_unit *unit);

/** For em_pass_ops: the selected rows of values or manifest. */
bool em_verify_wanted(const struct em_verify *v, uint64_t number);
enum em_status em_verify_next(struct em_verify *v, struct em_csv_row *row,
                              struct em_error *err);

/** Give @p unit its number, and its row of the manifest. Under the lock. */
enum em_status em_verify_admit(struct em_verify *v, struct em_unit *unit,
                               struct em_error *err);

/** After the pass: does the manifest list more units than there are? */
enum em_status em_verify_surplus(struct em_verify *v, struct em_error *err);

/* ---- One unit: verify_unit.c, verify_keys.c, verify_image.c ---- */

/** A fault of @p unit in its file of a kind: @p msg without file, which is added. With
 * EM_OK as its status it is a warning. */
void em_verify_fault(const struct em_verify *v, struct em_unit *unit, enum em_output kind,
                     struct em_error *msg);

/**
 * Read a file of @p unit into @p buf, which has room for one byte more than the
 * @p expected length. *len becomes its size, which may be more. One that is not there is
 * noted in unit->missing, one that cannot be read is a fault of the unit; returns false
 * then.
 */
bool em_verify_load(const struct em_verify *v, struct em_unit *unit, enum em_output kind,
                    void *buf, size_t expected, uint64_t *len);

/** The key of a unit and what is wrong with it. */
struct em_verify_key {
    struct em_key key; /* wipe; len 0: none */
    bool blamed;       /* a fault about it was told: then the image may not fit it */
};

/**
 * Find the key of @p unit. Returns EM_OK (also with faults), or EM_ERR_USAGE (a key has
 * to be given), EM_ERR_CRYPTO, EM_ERR_NOMEM.
 */
enum em_status em_verify_key(const struct em_verify *v, struct em_unit *unit,
                             struct em_verify_key *out, struct em_error *err);

/** Verify the image of @p unit. Returns EM_OK (also with faults), …CRYPTO, …NOMEM. */
enum em_status em_verify_image(const struct em_verify *v, unsigned worker,
                               struct em_unit *unit, const struct em_verify_key *key,
                               struct em_error *err);

/**
 * Name the differences between the image in the worker's reader and the one @p wanted.
 * Returns whether there are any.
 */
bool em_verify_differences(const struct em_verify *v, const struct em_verify_worker *w,
                           struct em_unit *unit);

/** Everything about one unit; for em_pass_ops. */
enum em_status em_verify_unit(const struct em_verify *v, unsigned worker,
                              struct em_unit *unit, struct em_error *err);

#endif
