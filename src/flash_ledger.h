/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of mfg_flash ledger share. */
#ifndef SRC_FLASH_LEDGER_H
#define SRC_FLASH_LEDGER_H

#include <espmfg/ledger.h>

#include "src/flash.h"

#include <stdio.h>

/** Options of all these commands; which of them a command has is in its table. */
struct ledger_args {
    const char *ledger;         /* path or URL */
    char shown[EM_LEDGER_NAME]; /* … without a password */
    bool ledger_given;
    const char *reason;
    const char *name, *chip; /* of a new batch */
    unsigned long long units;
    bool csv;           /* not JSON lines */
    bool of_units;      /* not events */
    bool events;        /* named */
    const char *output; /* NULL: stdout */
    int state;          /* -1: any */
    bool stopped;       /* only those */
    const char *title;  /* of a report */
    char since[EM_LEDGER_TIME];
    const char *words[CLI_POSITIONALS_MAX];
};

enum {
    LEDGER_OPT_LEDGER,
    LEDGER_OPT_REASON,
    LEDGER_OPT_NAME,
    LEDGER_OPT_UNITS,
    LEDGER_OPT_FORMAT,
    LEDGER_OPT_OF_UNITS,
    LEDGER_OPT_EVENTS,
    LEDGER_OPT_OUTPUT,
    LEDGER_OPT_STATE,
    LEDGER_OPT_STOPPED,
    LEDGER_OPT_SINCE,
    LEDGER_OPT_TITLE,
};
/* clang-format off */
#define LEDGER_OPTION                                                                      \
    {"ledger", NULL, "FILE|URL", "the ledger (default: batch.db)", LEDGER_OPT_LEDGER}
/* clang-format on */

extern const struct cli_command ledger_group;
extern const struct flash_command ledger_init;
extern const struct flash_command ledger_status;
extern const struct flash_command ledger_show;
extern const struct flash_command ledger_list;
extern const struct flash_command ledger_retry;
extern const struct flash_command ledger_release;
extern const struct flash_command ledger_scrap;
extern const struct flash_command ledger_export;
extern const struct flash_command ledger_check;
extern const struct flash_command ledger_report;
extern const struct flash_command ledger_copy;

/** Parse the words of a command. -1, or the exit status. */
int ledger_parse(struct flash *flash, struct ledger_args *args, int argc, char **argv);

/** Take the value of --since; NULL, or what is wrong with it. */
const char *ledger_take_since(struct ledger_args *args, const char *text);

/** Open the ledger that the options name. */
enum em_status ledger_open(struct flash *flash, const struct ledger_args *args,
                           bool read_only, struct em_ledger **out);

/** "aa:bb:…", or "" without a board. */
void ledger_mac(char out[18], const struct em_ledger_unit *unit);

/** As --json and JSON lines have them. The caller's. */
json_t *ledger_unit_json(const struct em_ledger_unit *unit);
json_t *ledger_event_json(const struct em_ledger_entry *entry);

#endif
