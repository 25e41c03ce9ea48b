/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts that say what is to be burned into eFuses, unit by unit. */
#ifndef ESPMFG_EFUSE_SCRIPT_H
#define ESPMFG_EFUSE_SCRIPT_H

#include <espmfg/efuse.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A datum of the unit. */
struct em_efuses_script_value {
    const char *name, *text;
};

/** Begin with EM_EFUSES_SCRIPT_INIT. */
struct em_efuses_script {
    struct em_hooks hooks;           /**< print() without @c print goes to its log */
    bool has_index;                  /**< args.index is set */
    uint64_t index;                  /**< number of the unit in its run */
    const char *const *config_files; /**< args.configfiles, in this order; NULL: none */
    size_t config_count;
    const struct em_efuses_script_value
        *values; /**< the table unit; NULL: an empty one */
    size_t value_count;
    /**
     * efuse("…"): run a command, split into words as a shell does; @p words ends with
     * NULL. It has to stage only what it burns. NULL: efuse() fails.
     */
    enum em_status (*command)(void *user, size_t count, char **words,
                              struct em_error *err);
    /** efuses:burn_all(): em_efuses_burn() with whatever has to be asked before; with
     * @p ends true the script ends there without a fault, as in a dry run. NULL: it is
     * burned without asking. */
    enum em_status (*burn)(void *user, bool *ends, struct em_error *err);
    /** A line of print(), without control characters; NULL: to the log. */
    void (*print)(void *user, const char *line);
    void *user;
    size_t max_memory;   /**< bytes a script may hold; 0: 16 MiB */
    uint64_t max_steps;  /**< instructions it may take; 0: 20 million */
    unsigned max_cpu_ms; /**< processor time it may take, without that of commands and
                          * burns; 0: 10 s */
};

#define EM_EFUSES_SCRIPT_INIT                                                            \
    {                                                                                    \
        .has_index = false                                                               \
    }

/**
 * Run the Lua script @p file. What it wants burned is only staged, so that several
 * scripts and commands can be burned together by em_efuses_burn(); only its own
 * efuses:burn_all() burns at once. It can reach nothing but the eFuses, the config files,
 * and scripts it names; its memory, instructions and processor time have limits.
 * After a failure nothing can be burned until em_efuses_unstage(). @p err names file and
 * line. EM_ERR_INPUT: the script is wrong, says fail(), or goes beyond a limit; a config
 * file is malformed. EM_ERR_IO: a file is not there. Others: of the command that failed.
 */
EM_API enum em_status em_efuses_script_run(struct em_efuses *efuses, const char *file,
                                           const struct em_efuses_script *script,
                                           struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
