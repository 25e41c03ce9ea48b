/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of mfg_flash efuse share: one line of commands for the eFuses of a chip.
 */
#ifndef SRC_EFUSE_H
#define SRC_EFUSE_H

#include <espmfg/efuse.h>

#include "src/flash.h"

#include <stdio.h>

enum efuse_format {
    EFUSE_FORMAT_DEFAULT, /* of summary: the table */
    EFUSE_FORMAT_JSON,
    EFUSE_FORMAT_VALUE_ONLY,
    EFUSE_FORMAT_SPLIT,
    EFUSE_FORMAT_JOINT,
};

struct efuse_command;

/** One command of the line, with its words. */
struct efuse_call {
    struct efuse_run *run;
    const struct efuse_command *command;
    const char **words; /* without options; ended by NULL */
    size_t count;
    enum efuse_format format;
    const char *file;   /* to write into, or NULL */
    const char *offset; /* or NULL */
    const char *index;  /* or NULL */
    const char **configs;
    size_t config_count;
    bool active, recovery, force, force_write_always;
    bool no_read_protect, no_write_protect;
};

/** The whole line. */
struct efuse_run {
    struct flash *flash;          /* NULL: commands of a script that runs elsewhere */
    const struct em_hooks *hooks; /* what takes the output then; or NULL */
    json_t *fields;               /* takes members for the result in its place; or NULL */
    json_t *script_output;        /* of scripts, for the result; or NULL */
    bool burned;                  /* a script has burned already */
    bool ended;                   /* a script of a dry run has ended early */
    struct em_efuses *efuses;
    struct efuse_call *calls;
    size_t count;
    const char **words;         /* that calls point into */
    struct cli_option *options; /* that may stand at every command */
    struct em_error *fault;     /* of a script: where faults of parsing go; or NULL */
    bool no_answer;             /* the user was asked, and there was nothing to read */
};

/** How a command takes part in the line. */
enum efuse_kind {
    EFUSE_READS,
    EFUSE_BURNS, /* only stages what is burned for the whole line */
    EFUSE_TELLS, /* needs no chip */
};

/** A command. @c base comes first: the program finds it by the table of commands. */
struct efuse_command {
    struct flash_command base;
    enum efuse_kind kind;
    bool has_force; /* has --force-write-always */
    /** Do it with run->efuses; a fault goes to @p err. */
    enum em_status (*act)(struct efuse_call *call, struct em_error *err);
};

extern const struct efuse_command efuse_summary;
extern const struct efuse_command efuse_dump;
extern const struct efuse_command efuse_check_error;
extern const struct efuse_command efuse_get_custom_mac;
extern const struct efuse_command efuse_adc_info;
extern const struct efuse_command efuse_burn_efuse;
extern const struct efuse_command efuse_burn_bit;
extern const struct efuse_command efuse_burn_block_data;
extern const struct efuse_command efuse_burn_key;
extern const struct efuse_command efuse_burn_key_digest;
extern const struct efuse_command efuse_burn_custom_mac;
extern const struct efuse_command efuse_read_protect;
extern const struct efuse_command efuse_write_protect;
extern const struct efuse_command efuse_set_flash_voltage;
extern const struct efuse_command efuse_execute_scripts;
extern const struct efuse_command efuse_rules;

/** Run the line whose first command is flash->command; @p argv are the words behind it.
 */
int efuse_main(struct flash *flash, int argc, char **argv);

/* Own options of commands; those of several stand in one place. */
enum {
    EFUSE_OPT_FORMAT,
    EFUSE_OPT_FILE,
    EFUSE_OPT_ACTIVE,
    EFUSE_OPT_RECOVERY,
    EFUSE_OPT_OFFSET,
    EFUSE_OPT_FORCE,
    EFUSE_OPT_FORCE_WRITE_ALWAYS,
    EFUSE_OPT_NO_READ_PROTECT,
    EFUSE_OPT_NO_WRITE_PROTECT,
    EFUSE_OPT_NO_PROTECT_KEY,
    EFUSE_OPT_INDEX,
    EFUSE_OPT_CONFIGFILES,
    EFUSE_OPTS_END,
};
/* clang-format off */
#define EFUSE_OPTION_FORCE_WRITE_ALWAYS                                                    \
    {"force-write-always", NULL, NULL,                                                     \
     "burn also what is burned or protected already; holds for the whole line, the last "  \
     "command that could have it decides", EFUSE_OPT_FORCE_WRITE_ALWAYS}
/* clang-format on */

/** The command of this name, NULL: none. */
const struct cli_command *efuse_chain_find(const char *word);
/** Split the words behind the first command into calls, each parsed. Returns -1, or the
 * exit status when there is nothing left to do. */
int efuse_chain_parse(struct efuse_run *run, const struct cli_command *command, int argc,
                      char **argv);
void efuse_chain_free(struct efuse_run *run);

/** Check, show and burn what is staged. @p check: look at the fields afterwards. */
enum em_status efuse_burn(struct efuse_run *run, bool check, struct em_error *err);
/** The same, and what came of it. */
enum em_status efuse_burn_told(struct efuse_run *run, bool check,
                               enum em_efuses_result *out, struct em_error *err);
/** Do one command; its name stands in the fault. */
enum em_status efuse_act(struct efuse_call *call, struct em_error *err);

/** One change of a plan in a line or a few, and all of them as an array of --json. */
void efuse_print_change(FILE *to, const struct em_efuses_change *change);
json_t *efuse_changes(const struct em_efuses_change *changes, size_t count);

/** The table of what is to be burned, on stdout (or @p to), and in the JSON. */
void efuse_show_plan(struct efuse_run *run, FILE *to,
                     const struct em_efuses_change *changes, size_t count);
/** --dry-run: check and show what is staged with its hash, and burn nothing. */
enum em_status efuse_dry_run(struct efuse_run *run, struct em_error *err);
/** Give the handle what --override and --approve say. */
enum em_status efuse_set_rules(struct efuse_run *run, struct em_error *err);
/** What rules the plan breaks, for the JSON. */
json_t *efuse_findings(const struct em_efuses *efuses);

/** Run one command of a script, @p words as in a line: it reads, or only stages what is
 * to be burned. Output goes to the log of @p hooks (may be NULL), nothing is printed and
 * no file is written. For em_efuses_script.command. */
enum em_status efuse_command_run(struct em_efuses *efuses, const struct em_hooks *hooks,
                                 size_t count, char **words, struct em_error *err);

/** A line for the user, unless --quiet or --json. */
void efuse_print(struct efuse_run *run, const char *format, ...) EM_PRINTF(2, 3);
/** A message of the program's own. @p hint may be NULL. */
void efuse_tell(struct efuse_run *run, enum em_log_level level, const char *hint,
                const char *format, ...) EM_PRINTF(4, 5);
/** A member for the object of --json; @p value is taken over. */
void efuse_json(struct efuse_run *run, const char *name, json_t *value);
/** Has the user asked to see bytes of keys? */
bool efuse_shows_keys(const struct efuse_run *run);

/** Write what @p text has to the file of the call, or print it. */
enum em_status efuse_put(struct efuse_call *call, const char *text, size_t len,
                         struct em_error *err);

/** A text that grows, for efuse_put(). */
struct efuse_text {
    FILE *to; /* NULL: out of memory */
    char *text;
    size_t len;
};
void efuse_text_begin(struct efuse_text *text);
/** End and put it. */
enum em_status efuse_text_put(struct efuse_text *text, struct efuse_call *call,
                              struct em_error *err);

#endif
