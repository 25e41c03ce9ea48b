/* SPDX-License-Identifier: Apache-2.0 */
/* Options that all commands of mfg_flash efuse have. */
#ifndef SRC_EFUSE_ARGS_H
#define SRC_EFUSE_ARGS_H

#include "src/cli.h"

enum { EFUSE_RULES_MAX = 64 };

/** What those options said. */
struct efuse_args {
    bool given; /* at least one of them */
    bool virtual_chip;
    const char *path_efuse_file; /* NULL: forgotten at the end */
    bool do_not_confirm;
    bool no_postpone;
    const char *extend_table; /* NULL: none */
    bool show_sensitive;
    bool table_520;
    bool dry_run;
    bool strict;
    const char *approve;                    /* NULL: ask */
    const char *overrides[EFUSE_RULES_MAX]; /* ids of rules */
    size_t override_count;
};

extern const struct cli_option efuse_options[];

/** Take one of them: a cli_handler with a struct flash. */
const char *efuse_take(void *user, int id, char *const *values);

/** Is @p id one of them? */
bool efuse_is_common(int id);

/** The group of commands. */
extern const struct cli_command efuse_group;

#endif
