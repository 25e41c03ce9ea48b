/* SPDX-License-Identifier: Apache-2.0 */
/* A caller of scripts over virtual eFuses, for tests. */
#ifndef TESTS_TEST_FLASHER_EFUSE_SCRIPT_UTIL_H
#define TESTS_TEST_FLASHER_EFUSE_SCRIPT_UTIL_H

#include "flasher/efuse/script_int.h"
#include "tests/test_flasher_efuse_host_util.h"

/* A caller whose command "bit N" stages a bit of the user's data. */
struct caller {
    struct em_efuses *efuses;
    struct em_efuses_script script;
    unsigned commands, burns;
    bool dry;
    char printed[4096];
};

static inline enum em_status on_command(void *user, size_t count, char **words,
                                        struct em_error *err)
{
    struct caller *caller = user;
    caller->commands++;
    if (count != 2 || strcmp(words[0], "bit") != 0)
        return em_error_set(err, EM_ERR_USAGE, "try bit", "no command %s", words[0]);
    unsigned bit = (unsigned)strtoul(words[1], NULL, 10);
    return em_efuses_stage_bits(caller->efuses, "BLOCK3", &bit, 1, err);
}

static inline enum em_status on_burn(void *user, bool *ends, struct em_error *err)
{
    struct caller *caller = user;
    enum em_efuses_result result;
    caller->burns++;
    *ends = caller->dry;
    return caller->dry ? EM_OK : em_efuses_burn(caller->efuses, NULL, NULL, &result, err);
}

static inline void on_print(void *user, const char *line)
{
    struct caller *caller = user;
    size_t len = strlen(caller->printed);
    (void)snprintf(caller->printed + len, sizeof caller->printed - len, "%s\n", line);
}

static inline void begin(struct caller *caller, const char *chip)
{
    *caller = (struct caller){.script = EM_EFUSES_SCRIPT_INIT};
    caller->efuses = virtual_open(chip, false);
    caller->script.command = on_command;
    caller->script.burn = on_burn;
    caller->script.print = on_print;
    caller->script.user = caller;
}

static inline enum em_status run(struct caller *caller, const char *text,
                                 struct em_error *err)
{
    *err = (struct em_error){0};
    return em_script_run_text(caller->efuses, "t.lua", (const uint8_t *)text,
                              strlen(text), &caller->script, err);
}

#endif
