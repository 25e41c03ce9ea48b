/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a running batch has: shared by its two passes. */
#ifndef MFG_JOB_INT_H
#define MFG_JOB_INT_H

#include <espmfg/batch.h>

#include "mfg/files_int.h"
#include "mfg/idset_int.h"
#include "mfg/keys_int.h"
#include "mfg/maker_int.h"
#include "mfg/manifest_int.h"
#include "mfg/names_int.h"
#include "mfg/outputs_int.h"
#include "mfg/pass_int.h"
#include "mfg/plan_int.h"
#include "mfg/report_int.h"
#include "mfg/seal_int.h"

/** Sees what the checking pass sees, without a reading of its own. Another status than
 * EM_OK ends the pass. */
struct em_job_watch {
    /** Each row as it is read; in order, under the lock. */
    enum em_status (*admit)(void *user, const struct em_unit *unit, struct em_error *err);
    /** Around the check of a unit's values by a maker; in thread @p worker. The second
     * only when they are good. */
    enum em_status (*begin)(void *user, unsigned worker, struct em_unit *unit,
                            struct em_error *err);
    enum em_status (*checked)(void *user, unsigned worker, struct em_unit *unit,
                              struct em_error *err);
    /** In order, under the lock. */
    enum em_status (*finish)(void *user, const struct em_unit *unit,
                             struct em_error *err);
};

struct em_job {
    const struct em_batch_options *options;
    struct em_batch_result *result;
    struct em_report report;
    struct em_naming naming;
    struct em_keys keys;
    struct em_outputs outputs;
    struct em_plan plan;
    struct em_csv *values;
    struct em_csv_row header;
    struct em_files *files;
    struct em_maker **makers; /* one a worker */
    struct em_manifest *manifest;
    struct em_seal *seal; /* NULL: key files are as they are */
    char *sealed_to;      /* its recipients, for the manifest */

    /* Of the checking pass. */
    const struct em_job_watch *watch; /* NULL: nobody else looks */
    void *watch_user;
    struct em_idset *ids;       /* NULL: file ids cannot be equal */
    unsigned long ignored_line; /* first row whose own value REPEAT overrides; 0: none */
    long ignored_item;

    /* Progress. */
    const char *stage;
    uint64_t told_ms;
};

/** Is unit @p number among those this run is about? */
bool em_job_selects(const struct em_job *job, uint64_t number);

/** The text of the unit's file id, or NULL when units are numbered. */
const struct em_span *em_job_file_id(const struct em_job *job,
                                     const struct em_csv_row *row);

/** Names of the unit's files. Returns as em_names_make(), with file and line. */
enum em_status em_job_names(const struct em_job *job, struct em_unit *unit,
                            struct em_error *err);

/** Check the options against each other. Returns EM_OK, EM_ERR_USAGE or EM_ERR_EXISTS. */
enum em_status em_job_check_options(const struct em_batch_options *options,
                                    struct em_error *err);

/**
 * Read the config and the header of the values into job->plan, job->values and
 * job->header. Faults are in job->report afterwards. Returns EM_OK, EM_ERR_IO or
 * EM_ERR_NOMEM.
 */
enum em_status em_job_read_plan(struct em_job *job, struct em_error *err);

/** A maker for each worker, and the set of file ids if they could be equal. */
enum em_status em_job_new_makers(struct em_job *job, struct em_error *err);

/** A fault when --rows begins behind the table. */
void em_job_check_rows(struct em_job *job);

/** Free all that hangs on @p job. */
void em_job_free(struct em_job *job);

/**
 * Tell progress, at most ten times a second unless @p last. Returns EM_OK or
 * EM_ERR_STOPPED.
 */
enum em_status em_job_progress(struct em_job *job, const char *counts, uint64_t done,
                               uint64_t total, bool last, struct em_error *err);

/**
 * First pass: every row and everything it names. Faults go to job->report. Returns EM_OK
 * (also with faults), EM_ERR_STOPPED, EM_ERR_NOMEM, EM_ERR_CRYPTO or EM_ERR_IO.
 */
enum em_status em_job_check(struct em_job *job, struct em_error *err);

/**
 * Second look at the file ids, when em_idset_suspects() says that some look as if they
 * were there twice. Those that are become faults.
 */
enum em_status em_job_look_for_twins(struct em_job *job, struct em_error *err);

/** Second pass: write into the folders that em_outputs_make() made. Returns EM_OK or what
 * stopped it. */
enum em_status em_job_write(struct em_job *job, struct em_error *err);

/** Keys that leave the process as envelopes: those of the first two kinds. */
#define EM_SEALED_KINDS (EM_OUTPUT_KEY + 1)
struct em_sealed {
    uint8_t *envelopes[EM_SEALED_KINDS]; /* NULL: none, or it is there already */
    bool kept;                           /* all files are those of an earlier run … */
    char ids[EM_SEALED_KINDS][EM_KEY_FINGERPRINT_SIZE]; /* … with these keys */
};

/** What a unit's files have to hold; points into the maker and into @p partition. */
struct em_unit_files {
    struct em_span data[EM_OUTPUTS]; /* len 0: no such file */
    enum em_same same[EM_OUTPUTS];
    uint8_t partition[EM_NVS_KEY_PARTITION_SIZE]; /* holds the key: wipe */
    struct em_unit_keys keys;                     /* wipe */
    struct em_sealed sealed;
};

/**
 * Make the content of all files of a unit: its keys (those already on disk when
 * resuming), CSV and image, and when resuming compare them with what is there. Returns
 * EM_OK or what was wrong; either way em_unit_files_wipe() follows.
 */
enum em_status em_job_make_files(const struct em_job *job, unsigned worker,
                                 const struct em_unit *unit, struct em_unit_files *out,
                                 struct em_error *err);
void em_unit_files_wipe(struct em_unit_files *files);

/* ---- sealed.c ---- */

/**
 * Seal the keys in @p files, made by em_job_make_files(): envelopes take their place.
 * When resuming decide first what is kept. Returns EM_OK, EM_ERR_EXISTS (what is there
 * can neither be kept nor made anew), EM_ERR_IO, EM_ERR_CRYPTO, EM_ERR_NOMEM.
 */
enum em_status em_sealed_make(const struct em_job *job, const struct em_unit *unit,
                              struct em_unit_files *files, struct em_error *err);

/** Write what is missing of a unit with sealed keys: each key as pending, then the image,
 * then the keys get their names. Returns as em_outputs_put(). */
enum em_status em_sealed_put(struct em_job *job, const struct em_unit *unit,
                             const struct em_unit_files *files, struct em_error *err);

/** SHA-256 and fingerprints of a unit that was kept, for the manifest. */
enum em_status em_sealed_digests(const struct em_job *job, struct em_unit *unit,
                                 const struct em_unit_files *files, struct em_error *err);

/** Fingerprints of all recipients, with spaces between them. EM_OK, EM_ERR_NOMEM. */
enum em_status em_sealed_to(char **out, const struct em_seal *seal, struct em_error *err);

#endif
