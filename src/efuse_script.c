/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash efuse execute-scripts: what scripts want burned is burned with the line. */
#include "config.h"

#include "src/efuse.h"

#include "base/error_int.h"

#include <espmfg/efuse_script.h>

/* A script gets commands as they are in the line, but does not write files, which it
 * could name as it likes, and does not burn on the side. */
static enum em_status check_call(const struct efuse_call *call, struct em_error *err)
{
    if (call->command == &efuse_execute_scripts)
        return em_error_set(err, EM_ERR_USAGE, "write script(\"FILE\")",
                            "a script cannot run execute-scripts");
    if (call->file != NULL)
        return em_error_set(err, EM_ERR_REFUSED, "name the file in the command line",
                            "a script cannot write the file '%s'", call->file);
    if (call->command->kind == EFUSE_TELLS)
        return em_error_set(err, EM_ERR_USAGE, NULL, "a script cannot run this command");
    if (call->recovery)
        return em_error_set(err, EM_ERR_REFUSED, "recover the blocks before the script",
                            "a script cannot use --recovery");
    return EM_OK;
}

static enum em_status run_calls(struct efuse_run *run, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = 0; i < run->count && status == EM_OK; i++)
        status = check_call(&run->calls[i], err);
    for (size_t i = 0; i < run->count && status == EM_OK; i++) {
        struct efuse_call *call = &run->calls[i];
        if (call->command->has_force)
            em_efuses_set_force(run->efuses, call->force_write_always);
        status = efuse_act(call, err);
    }
    return status;
}

/* Commands of a script into @p run, with what it is told already. */
static enum em_status run_words(struct efuse_run *run, size_t count, char **words,
                                struct em_error *err)
{
    const struct cli_command *command = efuse_chain_find(words[0]);
    if (command == NULL)
        return em_error_set(err, EM_ERR_USAGE, "mfg_flash efuse --help lists them",
                            "there is no command %s", words[0]);
    *err = (struct em_error){0};
    run->fault = err;
    int exit_status = efuse_chain_parse(run, command, (int)count - 1, words + 1);
    enum em_status status = EM_OK;
    if (exit_status < 0)
        status = run_calls(run, err);
    else if (err->status != EM_OK)
        status = err->status;
    else
        status = em_error_set(err, EM_ERR_USAGE, NULL, "a script cannot ask for help");
    efuse_chain_free(run);
    return status;
}

enum em_status efuse_command_run(struct em_efuses *efuses, const struct em_hooks *hooks,
                                 size_t count, char **words, struct em_error *err)
{
    struct em_error fault;
    struct efuse_run run = {.hooks = hooks, .efuses = efuses};
    return run_words(&run, count, words, err == NULL ? &fault : err);
}

/* ---- In a line of the program ---- */

/* With --json, what a script puts out is a list: an object for each command or text. */
static void add_output(struct efuse_run *line, const char *command, json_t *fields)
{
    (void)json_object_set_new(fields, "command", flash_json_text(command));
    if (line->script_output != NULL)
        (void)json_array_append_new(line->script_output, fields);
    else
        json_decref(fields);
}

static enum em_status on_command(void *user, size_t count, char **words,
                                 struct em_error *err)
{
    struct efuse_run *line = user;
    struct efuse_run run = {.flash = line->flash, .efuses = line->efuses};
    run.fields = json_object();
    enum em_status status = run_words(&run, count, words, err);
    if (json_object_size(run.fields) > 0)
        add_output(line, words[0], run.fields);
    else
        json_decref(run.fields);
    return status;
}

static enum em_status on_burn(void *user, bool *ends, struct em_error *err)
{
    struct efuse_run *line = user;
    enum em_efuses_result result = EM_EFUSES_NOTHING;
    if (line->flash->efuse.dry_run) {
        /* What comes behind it depends on what the chip holds then. */
        efuse_tell(line, EM_LOG_NOTE, "what it does behind that is not in this plan",
                   "a dry run ends at the first burn_all() of a script");
        line->ended = true;
        *ends = true;
        return EM_OK;
    }
    enum em_status status = efuse_burn_told(line, false, &result, err);
    line->burned |= result == EM_EFUSES_BURNED || result == EM_EFUSES_CUT_OFF;
    /* A script that goes on would take it for done. */
    if (status == EM_OK && result == EM_EFUSES_DECLINED)
        status = em_error_set(err, EM_ERR_STOPPED, NULL,
                              "the word was not BURN: the script has ended");
    return status;
}

static void on_print(void *user, const char *text)
{
    struct efuse_run *line = user;
    if (line->script_output != NULL)
        add_output(line, "print", json_pack("{s:o}", "text", flash_json_text(text)));
    flash_print(line->flash, "%s", text);
}

static enum em_status run_scripts(struct efuse_call *call, struct em_error *err)
{
    struct efuse_run *run = call->run;
    struct em_efuses_script script = EM_EFUSES_SCRIPT_INIT;
    unsigned long long index = 0;
    if (call->index != NULL && !cli_number(&index, call->index, UINT32_MAX))
        return em_error_set(err, EM_ERR_USAGE, "the first unit has 1",
                            "--index '%s' is not a number", call->index);
    script.has_index = call->index != NULL;
    script.index = index;
    script.config_files = call->configs;
    script.config_count = call->config_count;
    script.command = on_command;
    script.burn = on_burn;
    script.print = on_print;
    script.user = run;
    enum em_status status = EM_OK;
    if (run->flash->term.json && run->script_output == NULL)
        flash_json(run->flash, "script_output", run->script_output = json_array());
    for (size_t i = 0; i < call->count && status == EM_OK && !run->ended; i++)
        status = em_efuses_script_run(run->efuses, call->words[i], &script, err);
    /* What the line itself says about force counts for the line. */
    for (size_t i = 0; i < run->count; i++) {
        if (run->calls[i].command->has_force)
            em_efuses_set_force(run->efuses, run->calls[i].force_write_always);
    }
    return status;
}

static const struct cli_option options[] = {
    {"index", NULL, "N", "number of the unit, from 1 on: args.index", EFUSE_OPT_INDEX},
    {"configfiles", NULL, "FILE…",
     "JSON (*.json) or text for the scripts: args.configfiles", EFUSE_OPT_CONFIGFILES},
    {NULL, NULL, NULL, NULL, 0},
};

const struct efuse_command efuse_execute_scripts = {
    .base = {.cli = {.name = "efuse execute-scripts",
                     .summary = "Run scripts that say what to burn",
                     .positionals = "SCRIPT…",
                     .about =
                         "  SCRIPT  in Lua; see efuse-scripts.md. What all of them want "
                         "burned is burned\n"
                         "          together at the end; a script that fails burns "
                         "nothing\n",
                     .options = options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse execute-scripts "
                                 "unit.lua --index 3 --configfiles units.json\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .act = run_scripts,
};
