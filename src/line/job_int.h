/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that read jobs and stations: YAML with its lines, and the schemas. */
#ifndef SRC_LINE_JOB_INT_H
#define SRC_LINE_JOB_INT_H

#include "src/line/job.h"

#include "base/error_int.h"
#include "flasher/chip/chip_int.h"
#include "flasher/image/partition_int.h"

#include <cyaml/cyaml.h>

/* ---- YAML (job_yaml.c) ---- */

/**
 * Read the YAML file @p path as @p schema says; *data_out is what libcyaml made of it and
 * lives as long as *out. Every fault is told with its line, as libcyaml alone does not:
 * unknown keys with the nearest name, keys given twice, wrong kinds, what is missing.
 * Texts are never empty and have no control characters. EM_ERR_IO, EM_ERR_INPUT,
 * EM_ERR_NOMEM.
 */
enum em_status line_yaml_open(struct line_yaml **out, void **data_out, const char *path,
                              const struct cyaml_schema_value *schema,
                              struct em_error *err);
void line_yaml_free(struct line_yaml *yaml);

/** A text of its own that lives as long as @p yaml; NULL: out of memory. */
char *line_yaml_text(struct line_yaml *yaml, const char *format, ...) EM_PRINTF(2, 3);

/** The file @p path as it is seen from the current folder: relative to the folder of
 * @p yaml, unless it is absolute. NULL: out of memory. */
char *line_yaml_path(struct line_yaml *yaml, const char *path);

/** em_error_set() with the file and the line of @p place. */
enum em_status line_yaml_fault(const struct line_yaml *yaml, const char *place,
                               enum em_status status, struct em_error *err,
                               const char *hint, const char *format, ...) EM_PRINTF(6, 7);

/** Add file and line of @p place to a fault; returns @p status. */
enum em_status line_yaml_at(const struct line_yaml *yaml, const char *place,
                            enum em_status status, struct em_error *err);

/** Between the files of YAML: hold @p data against @p schema (job_walk.c); the places of
 * what it has are added to @p yaml. @p err is not NULL. */
enum em_status line_yaml_walk(struct line_yaml *yaml, const uint8_t *data, size_t len,
                              const struct cyaml_schema_value *schema,
                              struct em_error *err);
enum em_status line_yaml_add_place(struct line_yaml *yaml, const char *name,
                                   unsigned long line, struct em_error *err);
const char *line_yaml_file(const struct line_yaml *yaml);

/* ---- Values of keys (job_text.c). A @p text of NULL leaves *out as it is. ---- */

/** Where a value stands: a list's entry or a mapping, and a key in it. */
struct line_key {
    const struct line_yaml *yaml;
    const char *list; /* "images", "units", "" : the file itself */
    size_t idx;       /* of the entry; LINE_NO_IDX: it is no list */
    const char *key;
};
enum { LINE_PLACE_SIZE = 96 };
#define LINE_NO_IDX SIZE_MAX

/** Its place, as line_yaml_line() takes it. */
const char *line_key_place(const struct line_key *key, char out[LINE_PLACE_SIZE]);

/** A fault at its place. */
enum em_status line_key_fault(const struct line_key *key, enum em_status status,
                              struct em_error *err, const char *hint, const char *format,
                              ...) EM_PRINTF(5, 6);

enum em_status line_take_yes(bool *out, const struct line_key *key, const char *text,
                             struct em_error *err);
/** "500ms", "5s", "2m"; from 1 ms to an hour. */
enum em_status line_take_ms(uint32_t *out, const struct line_key *key, const char *text,
                            struct em_error *err);
/** A number from @p least to @p most. */
enum em_status line_take_number(uint32_t *out, const struct line_key *key,
                                const char *text, uint32_t least, uint32_t most,
                                struct em_error *err);
/** One of @p names (ended by NULL): its index. */
enum em_status line_take_choice(size_t *out, const struct line_key *key, const char *text,
                                const char *const *names, struct em_error *err);
/** "the nearest name is 'x'", by the names that @p name gives for 0, 1, … until NULL. */
void line_nearest(char *out, size_t size, const char *text,
                  const char *(*name)(const void *user, size_t idx), const void *user);

/** Lower-case hex of SHA-256 over @p data. */
enum em_status line_sha256(char out[65], const void *data, size_t len,
                           struct em_error *err);

/* ---- The job file as it is written: every value a text, NULL if it is not there ---- */

struct job_y_flash {
    char *size, *mode, *freq, *erase_all;
};

struct job_y_image {
    char *file, *at, *encrypt;
};

struct job_y_units {
    char *config, *values, *prefix, *file_id, *size, *version, *at, *encryption,
        *key_file, *keys_dir, *manifest, *folder, *keys_at, **seal;
    uint32_t seal_count;
};

struct job_y_crypt {
    char *mode, *key, *firmware;
};

struct job_y_key {
    char *block, *purpose, *file, *read_protect, *write_protect;
};

struct job_y_field {
    char *field, *value, *column;
};

struct job_y_mac {
    char *column;
};

struct job_y_step {
    struct job_y_key *burn_key;
    struct job_y_field *burn_efuse;
    struct job_y_mac *burn_custom_mac;
    char **read_protect, **write_protect;
    uint32_t read_protect_count, write_protect_count;
    char *script;
};

struct job_y_boot {
    char *expect, *within, *baud;
};

struct job_y_retry {
    char *attempts, *stop_after;
};

struct job_y_before {
    char *name;
    struct job_y_image *images;
    uint32_t image_count;
    struct job_y_boot *boot_check;
};

struct job_y {
    char *batch, *chip, *ledger, *partition_table, *keys_after, *stub;
    struct job_y_flash *flash;
    struct job_y_image *images;
    struct job_y_units *units;
    struct job_y_crypt *flash_encryption;
    struct job_y_step *efuses;
    char **overrides;
    uint32_t image_count, step_count, override_count;
    struct job_y_before *before;
    uint32_t before_count;
    struct job_y_boot *boot_check;
    struct job_y_retry *retry;
};

extern const struct cyaml_schema_value line_job_schema;

/* ---- The station file as it is written ---- */

struct station_y_slot {
    char *name, *port, *topology, *baud;
};

struct station_y_hook {
    char *on, **run, *within, *on_failure;
    uint32_t run_count;
};

struct station_y {
    char *name, *baud, *reset, *before, *unseal_key, *unseal_passphrase_file;
    struct station_y_slot *slots;
    struct station_y_hook *hooks;
    uint32_t slot_count, hook_count;
};

extern const struct cyaml_schema_value line_station_schema;

/* ---- Parts of line_job_open() ---- */

/** A job on its way from the file to struct line_job. */
struct job_making {
    struct line_job *job;
    const struct job_y *y;
    const struct em_chip *chip;
    struct em_partition_table *table; /* NULL: the job names none */
    const struct em_hooks *hooks;
    struct em_efuses *blank; /* eFuses of a virtual chip, or NULL: no table for it */
};

/** Flash settings, partition table and images (job_images.c). */
enum em_status line_job_images(struct job_making *making, struct em_error *err);
/** The images of a list that stands at @p list; *out and *count_out are the caller's also
 * after a fault. */
enum em_status line_job_take_images(struct line_image **out, size_t *count_out,
                                    struct job_making *making,
                                    const struct job_y_image *y, size_t count,
                                    const char *list, struct em_error *err);
/** A boot check: the expression, compiled if it is EM_OK, and its times. @p expect: where
 * the expression stands. */
enum em_status line_job_boot(regex_t *regex, uint32_t *timeout_ms, uint32_t *baud,
                             const struct line_key *expect, const struct job_y_boot *y,
                             struct em_error *err);
/** Stages before the job's own firmware (job_before.c). */
enum em_status line_job_before(struct job_making *making, struct em_error *err);
void line_job_free_before(struct line_job *job);
/** A place of the flash: address, and end of its partition or 0. */
enum em_status line_job_place(uint32_t *addr_out, uint64_t *limit_out,
                              const struct job_making *making, const struct line_key *key,
                              const char *text, struct em_error *err);
/** No two of the images and the unit's share a sector of the flash. */
enum em_status line_job_overlaps(const struct job_making *making, struct em_error *err);
/** Where units come from, and their place (job_units.c). */
enum em_status line_job_units(struct job_making *making, struct em_error *err);
/** Flash encryption (job_crypt.c): what the job says of it, with encryption: flash; then,
 * with making->blank, its steps for eFuses. */
enum em_status line_job_crypt(struct job_making *making, struct em_error *err);
enum em_status line_job_crypt_steps(struct job_making *making, struct em_error *err);
/** A new step at the end; NULL: out of memory (job_steps.c). */
struct line_step *line_job_new_step(struct job_making *making, enum line_step_kind kind,
                                    const struct line_key *key, struct em_error *err);
/** Steps for eFuses (job_steps.c). */
enum em_status line_job_steps(struct job_making *making, struct em_error *err);
/** Stage all steps on a chip that does not exist: what a real one would refuse. */
enum em_status line_job_rehearse(struct job_making *making, struct em_error *err);
/** The plan for a blank chip; the changes live as long as *out, which the caller closes.
 */
struct em_efuses;
struct em_efuses_change;
enum em_status line_job_plan(struct em_efuses **out,
                             const struct em_efuses_change **changes_out,
                             size_t *count_out, const struct line_job *job,
                             struct em_error *err);
/** Digest of the job and hash of its plan (job_plan.c). */
enum em_status line_job_hashes(struct job_making *making, struct em_error *err);

#endif
