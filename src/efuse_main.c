/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash efuse: one line of commands, one connection, one burn. */
#include "config.h"

#include "src/efuse.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <string.h>

/* ---- The chip ---- */

/* Reading is safe on whatever chip is found; what is burned needs a port by name. */
static enum em_status open_port(struct efuse_run *run,
                                const struct em_efuses_options *options, bool burns,
                                struct em_error *err)
{
    struct flash *flash = run->flash;
    if (flash->efuse.path_efuse_file != NULL)
        return em_error_set(err, EM_ERR_USAGE, "add --virt, or leave it out",
                            "--path-efuse-file is for virtual chips");
    if (burns && flash->args.port == NULL)
        return em_error_set(err, EM_ERR_USAGE,
                            "add --port, or --virt to try it on a virtual chip",
                            "burning needs the port of the chip by name");
    /* The chip stays as it is, so that a next call can go on with it. */
    if (!flash->args.after_given)
        flash->args.after = EM_AFTER_NO_RESET;
    enum em_status status = flash_open(flash);
    return status != EM_OK ? status
                           : em_efuses_open(&run->efuses, flash->device, options, err);
}

static enum em_status open_chip(struct efuse_run *run, bool burns, struct em_error *err)
{
    const struct flash *flash = run->flash;
    const struct efuse_args *args = &flash->efuse;
    struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    options.hooks = term_hooks(&run->flash->term);
    options.extend_table = args->extend_table;
    options.no_postpone = args->no_postpone;
    options.table_520 = args->table_520;
    options.strict = args->strict;
    options.read_only = args->dry_run;
    options.show_sensitive = args->show_sensitive;
    for (size_t i = 0; i < run->count; i++) {
        if (run->calls[i].command->has_force) /* the last one decides */
            options.force_write_always = run->calls[i].force_write_always;
    }
    if (!args->virtual_chip)
        return open_port(run, &options, burns, err);
    return em_efuses_open_virtual(&run->efuses,
                                  flash->args.chip == NULL ? "esp32" : flash->args.chip,
                                  args->path_efuse_file, &options, err);
}

/* ---- The line ---- */

/* A fault says which of several commands it is about. */
static enum em_status name_call(const struct efuse_call *call, enum em_status status,
                                struct em_error *err)
{
    char what[sizeof err->what];
    const char *name = strrchr(call->command->base.cli.name, ' ') + 1;
    if (status == EM_OK || err->file[0] != '\0' ||
        strncmp(err->what, name, strlen(name)) == 0)
        return status;
    (void)snprintf(what, sizeof what, "%s", err->what);
    (void)snprintf(err->what, sizeof err->what, "%s: %.*s", name,
                   (int)(sizeof what - strlen(name) - 3), what);
    return status;
}

enum em_status efuse_act(struct efuse_call *call, struct em_error *err)
{
    return name_call(call, call->command->act(call, err), err);
}

static enum em_status do_kind(struct efuse_run *run, enum efuse_kind kind, size_t from,
                              size_t to, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = from; i < to && status == EM_OK; i++) {
        if (run->calls[i].command->kind == kind)
            status = efuse_act(&run->calls[i], err);
    }
    return status;
}

static bool only_tells(const struct efuse_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->calls[i].command->kind != EFUSE_TELLS)
            return false;
    return true;
}

/* All that burns is staged first, so that nothing is done before all of it was checked.
 * Commands that read show what was before, or, behind the last that burns, what is. */
static enum em_status do_line(struct efuse_run *run, struct em_error *err)
{
    enum em_status status;
    size_t burns = 0;
    size_t end = 0; /* behind the last that burns */
    bool scripts = false;
    for (size_t i = 0; i < run->count; i++) {
        if (run->calls[i].command->kind == EFUSE_BURNS) {
            burns++;
            scripts |= run->calls[i].command == &efuse_execute_scripts;
            end = i + 1;
        }
    }
    for (size_t i = 0; i < run->count; i++) {
        if (burns > 0 && run->calls[i].recovery)
            return em_error_set(err, EM_ERR_USAGE, "recover the blocks first",
                                "check-error --recovery cannot stand in one line with "
                                "commands that burn");
    }
    status = do_kind(run, EFUSE_TELLS, 0, run->count, err);
    if (status != EM_OK || only_tells(run))
        return status;
    status = open_chip(run, burns > 0, err);
    if (status == EM_OK)
        status = efuse_set_rules(run, err);
    if (status == EM_OK)
        status = do_kind(run, EFUSE_BURNS, 0, end, err);
    if (status == EM_OK)
        status = do_kind(run, EFUSE_READS, 0, end, err);
    if (status == EM_OK && burns > 0)
        status = efuse_burn(run, burns == 1 && !scripts, err);
    return status == EM_OK ? do_kind(run, EFUSE_READS, end, run->count, err) : status;
}

/* Is there a command whose output is for a program to read? */
static bool prints_data(const struct efuse_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct efuse_call *call = &run->calls[i];
        if ((call->format == EFUSE_FORMAT_JSON ||
             call->format == EFUSE_FORMAT_VALUE_ONLY) &&
            call->file == NULL)
            return true;
    }
    return false;
}

int efuse_main(struct flash *flash, int argc, char **argv)
{
    struct efuse_run run = {.flash = flash};
    int exit_status = efuse_chain_parse(&run, flash->command, argc, argv);
    if (exit_status < 0) {
        if (prints_data(&run))
            flash->term.quiet = true; /* warnings and notes go to stderr */
        flash_json(flash, "command", json_string("efuse"));
        flash_tell_notes(flash);
        enum em_status status = do_line(&run, &flash->err);
        em_efuses_close(run.efuses);
        exit_status = flash_end(flash, status);
    }
    efuse_chain_free(&run);
    return exit_status;
}
