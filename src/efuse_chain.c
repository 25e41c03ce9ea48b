/* SPDX-License-Identifier: Apache-2.0 */
/* Several eFuse commands in one line: names of commands split it into calls. */
#include "config.h"

#include "src/efuse.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>

static bool same_name(const char *name, const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '\0' || (word[i] == '_' ? '-' : word[i]) != name[i])
            return false;
    }
    return true;
}

const struct cli_command *efuse_chain_find(const char *word)
{
    for (const struct cli_command *const *c = efuse_group.commands; *c != NULL; c++) {
        const char *name = strrchr((*c)->name, ' ') + 1;
        if (strlen(word) == strlen(name) && same_name(name, word, strlen(word)))
            return *c;
    }
    return NULL;
}

static bool takes_value(const struct cli_option *options, const char *word)
{
    bool is_long = word[1] == '-';
    size_t len = strlen(word + 1 + is_long);
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++) {
        bool named = is_long ? len > 0 && same_name(o->name, word + 2, len)
                             : o->letters != NULL && strcmp(o->letters, word + 1) == 0;
        if (named && o->values != NULL && o->values[0] != '[')
            return true;
    }
    return false;
}

/* How many of the words belong to this command: up to the name of another, unless that is
 * the value of an option. */
static int count_words(const struct efuse_run *run, const struct cli_command *command,
                       int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        bool is_value = i > 0 && argv[i - 1][0] == '-' &&
                        strchr(argv[i - 1], '=') == NULL &&
                        (takes_value(command->options, argv[i - 1]) ||
                         takes_value(run->options, argv[i - 1]));
        if (!is_value && efuse_chain_find(argv[i]) != NULL)
            return i;
    }
    return argc;
}

/* ---- Options of commands ---- */

/* @p names has to end with NULL and to be in the order of @p formats. */
static const char *take_format(struct efuse_call *call, const char *text)
{
    static const char *const of_summary[] = {"summary", "json", "value-only", NULL};
    static const char *const of_dump[] = {"default", "split", "joint", NULL};
    static const enum efuse_format formats[2][3] = {
        {EFUSE_FORMAT_DEFAULT, EFUSE_FORMAT_JSON, EFUSE_FORMAT_VALUE_ONLY},
        {EFUSE_FORMAT_DEFAULT, EFUSE_FORMAT_SPLIT, EFUSE_FORMAT_JOINT}};
    bool dump = call->command == &efuse_dump;
    int i = flash_choice(dump ? of_dump : of_summary, text);
    if (i < 0)
        return dump ? "choose default, split or joint"
                    : "choose summary, json or value-only";
    call->format = formats[dump][i];
    return NULL;
}

static const char *add_config(struct efuse_call *call, const char *path)
{
    const char **more =
        realloc(call->configs, (call->config_count + 1) * sizeof *call->configs);
    if (more == NULL)
        return "out of memory";
    call->configs = more;
    call->configs[call->config_count++] = path;
    return NULL;
}

static const char *take_own(struct efuse_call *call, int id, const char *text)
{
    switch (id) {
    case EFUSE_OPT_FORMAT:
        return take_format(call, text);
    case EFUSE_OPT_FILE:
        call->file = text;
        return NULL;
    case EFUSE_OPT_OFFSET:
        call->offset = text;
        return NULL;
    case EFUSE_OPT_ACTIVE:
        call->active = true;
        return NULL;
    case EFUSE_OPT_RECOVERY:
        call->recovery = true;
        return NULL;
    case EFUSE_OPT_FORCE:
        call->force = true;
        return NULL;
    case EFUSE_OPT_FORCE_WRITE_ALWAYS:
        call->force_write_always = true;
        return NULL;
    case EFUSE_OPT_NO_READ_PROTECT:
        call->no_read_protect = true;
        return NULL;
    case EFUSE_OPT_NO_WRITE_PROTECT:
        call->no_write_protect = true;
        return NULL;
    case EFUSE_OPT_INDEX:
        call->index = text;
        return NULL;
    case EFUSE_OPT_CONFIGFILES:
        return add_config(call, text);
    default: /* EFUSE_OPT_NO_PROTECT_KEY */
        call->no_read_protect = true;
        call->no_write_protect = true;
        return NULL;
    }
}

static const char *on_option(void *user, int id, char *const *values)
{
    struct efuse_call *call = user;
    if (id < EFUSE_OPTS_END)
        return take_own(call, id, values[0]);
    return efuse_is_common(id) ? efuse_take(call->run->flash, id, values)
                               : flash_take(call->run->flash, id, values);
}

/* ---- The line ---- */

/* The options that may stand at every command: those of the group and of the program. */
static bool join_options(struct efuse_run *run)
{
    size_t n = 0;
    size_t m = 0;
    while (efuse_options[n].name != NULL)
        n++;
    while (flash_options[m].name != NULL)
        m++;
    run->options = calloc(n + m + 1, sizeof *run->options);
    if (run->options == NULL)
        return false;
    memcpy(run->options, efuse_options, n * sizeof *run->options);
    memcpy(run->options + n, flash_options, (m + 1) * sizeof *run->options);
    return true;
}

/* Parse one command; its words are the first @p argc. @p room is where they go. */
static int parse_call(struct efuse_run *run, const struct cli_command *command, int argc,
                      char **argv, const char **room)
{
    struct efuse_call *call = &run->calls[run->count++];
    struct cli_command with_options = *command;
    with_options.common = run->options; /* a script has only those of the command */
    with_options.fault = run->fault;
    call->run = run;
    /* All commands of the table stand at the beginning of a struct efuse_command. */
    call->command = (const struct efuse_command *)(const void *)command;
    call->words = room;
    int exit_status =
        cli_parse(flash_program, &with_options, argc, argv, room, on_option, call);
    while (exit_status < 0 && room[call->count] != NULL)
        call->count++;
    return exit_status;
}

int efuse_chain_parse(struct efuse_run *run, const struct cli_command *command, int argc,
                      char **argv)
{
    /* Each call ends its words with a NULL, and needs room for those of the table. */
    size_t most = (size_t)argc + 1;
    size_t used = 0;
    run->calls = calloc(most, sizeof *run->calls);
    run->words = calloc(most * 2 + CLI_POSITIONALS_MAX, sizeof *run->words);
    if (run->calls == NULL || run->words == NULL ||
        (run->fault == NULL && !join_options(run))) {
        if (run->fault == NULL)
            return flash_end(run->flash, em_error_nomem(&run->flash->err));
        (void)em_error_nomem(run->fault);
        return 2;
    }
    while (command != NULL) {
        int n = count_words(run, command, argc, argv);
        int exit_status = parse_call(run, command, n, argv, run->words + used);
        if (exit_status >= 0)
            return exit_status;
        used += run->calls[run->count - 1].count + 1;
        command = n == argc ? NULL : efuse_chain_find(argv[n]);
        if (command != NULL && strchr(argv[n], '_') != NULL && run->flash != NULL)
            flash_note_old(&run->flash->args, argv[n]);
        argc -= n + 1;
        argv += n + 1;
    }
    return -1;
}

void efuse_chain_free(struct efuse_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        free(run->calls[i].configs);
    free(run->calls);
    free(run->words);
    free(run->options);
}
