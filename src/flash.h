/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of mfg_flash share: one run of the program, and its commands. */
#ifndef SRC_FLASH_H
#define SRC_FLASH_H

#include <espmfg/flash.h>

#include "src/cli.h"
#include "src/efuse_args.h"
#include "src/flash_args.h"
#include "src/term.h"

#include <stdio.h>

/** One run of the program. */
struct flash {
    struct term term;
    struct flash_args args;
    struct efuse_args efuse; /* of the group efuse */
    const struct cli_command *command;
    struct em_device *device; /* NULL: not connected */
    const char *port;         /* that it is connected to */
    struct em_port *ports;    /* when none was named */
    FILE *trace;
    int64_t trace_start_us;
    bool connecting; /* dots stand on the present line */
    /** To be called once, when the library begins to work on the flash, or NULL. */
    void (*begin)(struct flash *flash, const void *user);
    const void *begin_user;
    bool left;      /* the command left the loader itself: no reset */
    json_t *fields; /* of --json */
    struct em_error err;
};

/** A command. @c cli comes first: the program finds it by the table of commands. */
struct flash_command {
    struct cli_command cli;
    /** Do it with the words behind its name. Returns the exit status. */
    int (*run)(struct flash *flash, int argc, char **argv);
};

extern const struct flash_command flash_write_flash;
extern const struct flash_command flash_read_flash;
extern const struct flash_command flash_verify_flash;
extern const struct flash_command flash_erase_flash;
extern const struct flash_command flash_erase_region;
extern const struct flash_command flash_flash_id;
extern const struct flash_command flash_read_status;
extern const struct flash_command flash_write_status;
extern const struct flash_command flash_read_sfdp;
extern const struct flash_command flash_read_mac;
extern const struct flash_command flash_chip_id;
extern const struct flash_command flash_security;
extern const struct flash_command flash_read_mem;
extern const struct flash_command flash_write_mem;
extern const struct flash_command flash_dump_mem;
extern const struct flash_command flash_load_ram;
extern const struct flash_command flash_run;
extern const struct flash_command flash_reset;
extern const struct flash_command flash_image_info;
extern const struct flash_command flash_elf2image;
extern const struct flash_command flash_merge_bin;
extern const struct flash_command flash_partition_table;
extern const struct flash_command flash_ports;
extern const struct flash_command flash_version;
extern const struct flash_command flash_line;

extern const char flash_program[];

/**
 * Parse the words of the present command: its own options go to @p handler with @p user
 * (NULL: it has none), those of the program to flash->args. As cli_parse().
 */
int flash_parse(struct flash *flash, int argc, char **argv, const char *positionals[],
                cli_handler *handler, void *user);

/** Tell what there is to say about the command line and the settings. */
void flash_tell_notes(struct flash *flash);

/** A line on stdout, unless --quiet or --json. */
void flash_print(struct flash *flash, const char *format, ...) EM_PRINTF(2, 3);

/** A JSON string, or null when @p text is not UTF-8 or NULL. */
json_t *flash_json_text(const char *text);

/** Add a member to the object of --json; @p value is taken over. */
void flash_json(struct flash *flash, const char *name, json_t *value);

#endif
