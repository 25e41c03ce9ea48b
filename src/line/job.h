/* SPDX-License-Identifier: Apache-2.0 */
/* What a line is to do (job file, the product's) and where (station file, the PC's). */
#ifndef SRC_LINE_JOB_H
#define SRC_LINE_JOB_H

#include <espmfg/flash_encrypt.h>
#include <espmfg/units.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <regex.h>

/** A file that was read; it owns most texts of what was made of it. */
struct line_yaml;

/** Line that key @p place ("chip", "images[0].at") stands in; 0: it does not. */
unsigned long line_yaml_line(const struct line_yaml *yaml, const char *place);

/** An image that is the same for all units. */
struct line_image {
    char *file;
    char *place; /* as written: address or partition name */
    uint32_t addr;
    uint64_t limit; /* end of its partition; 0: not known */
    uint8_t *data;
    size_t len;
    char sha256[65];    /* of the content, in hex */
    bool encrypt;       /* the chip encrypts it */
    bool host_encrypt;  /* the host does, with the unit's flash key */
    unsigned long line; /* of the job file */
};

/** Firmware that a board has to run and pass before the job's own is written. */
struct line_before {
    char *name;
    char *flash_step, *boot_step; /* in the ledger: "flash/NAME", "boot/NAME" */
    struct line_image *images;
    size_t image_count;
    char *boot_text; /* extended regular expression */
    regex_t boot_regex;
    bool has_regex;
    uint32_t boot_timeout_ms, boot_baud;
};

enum line_step_kind {
    LINE_STEP_KEY,   /* burn-key with the unit's key */
    LINE_STEP_FIELD, /* burn-efuse */
    LINE_STEP_MAC,   /* burn-custom-mac; value from a column */
    LINE_STEP_READ_PROTECT,
    LINE_STEP_WRITE_PROTECT,
    LINE_STEP_SCRIPT, /* Lua; gets the unit's row */
};

/** One eFuse step. All steps are staged and burned together. */
struct line_step {
    enum line_step_kind kind;
    char *block;    /* of KEY: name or "auto" */
    char *purpose;  /* of KEY */
    char *key_file; /* of KEY: a file for all units (a digest); NULL: the unit's key */
    char *name;     /* field; script file */
    char *value;    /* text; "" none; with @c column: name of the column that has it */
    bool column;
    bool no_read_protect, no_write_protect; /* of KEY */
    unsigned long line;
};

/** Flash encryption, with a key of each unit's own. */
struct line_crypt {
    bool on;
    bool release;  /* for good, and the ways round it closed */
    bool firmware; /* images are encrypted on the host */
    enum em_flash_scheme scheme;
    size_t key_len;
    char *keys_place; /* of the partition with the NVS keys, as written */
    uint32_t keys_addr;
    uint64_t keys_limit;
};

/** Is this the purpose of a key for flash encryption, or of half of one? */
bool line_crypt_is_purpose(const char *purpose);

enum line_keys_after { LINE_KEYS_KEEP, LINE_KEYS_DESTROY };

/** A job, complete with defaults and checked. Paths are as seen from the current folder.
 */
struct line_job {
    struct line_yaml *yaml;
    char *file;
    char *name;   /* of the batch */
    char *chip;   /* "esp32c3" */
    char *ledger; /* path or URL */
    struct line_image *images;
    size_t image_count;
    struct line_before *before; /* in their order */
    size_t before_count;
    char *partition_table;                      /* file, or NULL */
    char *flash_size, *flash_mode, *flash_freq; /* as the options of write-flash */
    bool erase_all;
    struct em_units_options units; /* texts are the job's */
    const char **seal;             /* paths of certificates; units.seal */
    struct em_units *source;       /* opened by line_job_open() */
    char *nvs_place;               /* where the unit's image goes, as written */
    uint32_t nvs_addr;
    uint64_t nvs_limit;
    struct line_crypt crypt;
    struct line_step *steps;
    size_t step_count;
    char **overrides; /* ids of eFuse rules */
    size_t override_count;
    bool boot_check;
    char *boot_text; /* extended regular expression */
    regex_t boot_regex;
    uint32_t boot_timeout_ms, boot_baud;
    uint32_t attempts;   /* a board fails this often before it is stopped */
    uint32_t stop_after; /* failures in a row that stop the line; 0: never */
    enum line_keys_after keys_after;
    char *stub;      /* file, or NULL */
    char digest[65]; /* SHA-256 in hex over all that makes units and boards */
    char plan[65];   /* SHA-256 in hex over chip and eFuse steps: what is approved */
};

enum line_hook_policy {
    LINE_HOOK_IGNORE, /* a failure is noted */
    LINE_HOOK_FAIL,   /* … fails the board */
    LINE_HOOK_STOP,   /* … stops the line */
};

/** A program that is told of events: JSON on its standard input. */
struct line_hook {
    char *event; /* "claimed", "done", "failed", …; "*": all */
    char **argv; /* ends with NULL; no shell */
    uint32_t timeout_ms;
    enum line_hook_policy policy;
};

/** A place for one board. */
struct line_slot {
    char *name;     /* "A1" */
    char *port;     /* path or URL, or NULL */
    char *topology; /* USB topology, or NULL */
    uint32_t baud;
};

struct line_station {
    struct line_yaml *yaml; /* NULL: made from options, all texts are the caller's */
    char *file;             /* likewise */
    char *name;
    struct line_slot *slots;
    size_t slot_count;
    uint32_t baud;        /* of slots without an own one */
    char *reset_sequence; /* custom, or NULL */
    char *before;
    /* Private key that opens keys of units that are sealed, and what has its passphrase;
     * NULL: none. */
    const char *unseal_key, *unseal_passphrase_file;
    struct line_hook *hooks;
    size_t hook_count;
};

/** Read the job file @p path: unknown keys with the nearest known name, file and line of
 * every fault. Reads images and opens the units as well. */
enum em_status line_job_open(struct line_job *out, const char *path,
                             const struct em_hooks *hooks, struct em_error *err);
void line_job_free(struct line_job *job);

/** Image @p idx of all that a job has: its own, then those of its stages; NULL: no more.
 */
const struct line_image *line_job_image(const struct line_job *job, size_t idx);

/** Read the station file @p path; NULL: a station without slots and hooks, with this
 * PC's name. */
enum em_status line_station_open(struct line_station *out, const char *path,
                                 struct em_error *err);
void line_station_free(struct line_station *station);

#endif
