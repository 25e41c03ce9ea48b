/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash: everything that touches a chip with Espressif's serial loader. */
#include "config.h"

#include "src/flash.h"
#include "src/flash_ledger.h"
#include "src/flash_session.h"
#include "src/flash_settings.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>

const char flash_program[] = "mfg_flash";

static const struct cli_command *const commands[] = {
    &flash_write_flash.cli,  &flash_read_flash.cli,
    &flash_verify_flash.cli, &flash_erase_flash.cli,
    &flash_erase_region.cli, &flash_flash_id.cli,
    &flash_read_status.cli,  &flash_write_status.cli,
    &flash_read_sfdp.cli,    &flash_read_mac.cli,
    &flash_chip_id.cli,      &flash_security.cli,
    &flash_read_mem.cli,     &flash_write_mem.cli,
    &flash_dump_mem.cli,     &flash_load_ram.cli,
    &flash_run.cli,          &flash_reset.cli,
    &flash_image_info.cli,   &flash_elf2image.cli,
    &flash_merge_bin.cli,    &flash_partition_table.cli,
    &flash_line.cli,         &flash_ports.cli,
    &flash_version.cli,      &efuse_group,
    &ledger_group,           NULL,
};

static const struct cli_command mfg_flash = {
    .name = "",
    .summary = "Reads and writes chips with Espressif's serial loader",
    .about =
        "Commands and options are those of esptool.\n"
        "'mfg_flash COMMAND --help' explains one command, --version tells the version.\n"
        "@FILE stands for the words in FILE. Manual page: mfg_flash(1)\n",
    .options = flash_options,
    .common = efuse_options, /* refused when another command follows */
    .examples =
        "  mfg_flash -p /dev/ttyUSB0 -b 921600 write-flash 0x0 boot.bin 0x10000 app.bin\n"
        "  mfg_flash -p /dev/ttyUSB0 --partition-table parts.csv write-flash nvs "
        "Fan-1.bin\n"
        "  mfg_flash read-flash 0x9000 24k nvs.bin\n"
        "  mfg_flash -p socket://bench-3:5000 flash-id --json\n",
    .commands = commands,
};

void flash_print(struct flash *flash, const char *format, ...)
{
    va_list ap;
    if (flash->term.quiet || flash->term.json)
        return;
    term_clear(&flash->term);
    va_start(ap, format);
    (void)vprintf(format, ap); /* looked at when the program ends */
    va_end(ap);
    (void)putchar('\n');
}

json_t *flash_json_text(const char *text)
{
    json_t *value = text == NULL ? NULL : json_string(text);
    return value == NULL ? json_null() : value;
}

void flash_json(struct flash *flash, const char *name, json_t *value)
{
    if (flash->fields == NULL)
        flash->fields = json_object();
    (void)json_object_set_new(flash->fields, name, value); /* NULLs are passed on */
}

/* ---- Parsing a command's words ---- */

struct handlers {
    struct flash *flash;
    cli_handler *own;
    void *user;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct handlers *h = user;
    return flash_is_common(id) ? flash_take(h->flash, id, values)
                               : h->own(h->user, id, values);
}

int flash_parse(struct flash *flash, int argc, char **argv, const char *positionals[],
                cli_handler *handler, void *user)
{
    struct handlers handlers = {flash, handler, user};
    int exit_status = cli_parse(flash_program, flash->command, argc, argv, positionals,
                                on_option, &handlers);
    if (exit_status >= 0)
        return exit_status;
    flash_json(flash, "command", json_string(flash->command->name));
    flash_tell_notes(flash);
    return -1;
}

void flash_tell_notes(struct flash *flash)
{
    if (flash->args.old_given != NULL)
        term_tell(&flash->term, EM_LOG_NOTE, NULL,
                  "'%s' is the old spelling, '-' has taken the place of '_'",
                  flash->args.old_given);
    if (flash->args.unknown_settings[0] != '\0')
        term_tell(&flash->term, EM_LOG_NOTE, NULL, "%s", flash->args.unknown_settings);
}

/* Names with '_' where there is '-' now, of options and of the command: one is told. */
static void note_old_spelling(struct flash *flash, char *const *argv, const char *command)
{
    if (strchr(command, '_') != NULL)
        flash_note_old(&flash->args, command);
    for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
        if (strncmp(*argv, "--", 2) == 0 &&
            memchr(*argv, '_', strcspn(*argv, "=")) != NULL)
            flash_note_old(&flash->args, *argv);
    }
}

/* An option that stands before a command. */
static const char *take_option(void *user, int id, char *const *values)
{
    return efuse_is_common(id) ? efuse_take(user, id, values)
                               : flash_take(user, id, values);
}

static int run(struct flash *flash, int argc, char **argv)
{
    char **words = argv;
    int exit_status = cli_find(&flash->command, flash_program, &mfg_flash, &argc, &argv,
                               take_option, flash);
    if (exit_status >= 0)
        return exit_status;
    if (flash->efuse.given && strncmp(flash->command->name, "efuse ", 6) != 0)
        return cli_fault(flash_program, flash->command,
                         "--virt and its like are for the commands of efuse");
    note_old_spelling(flash, words, argv[-1]);
    /* All commands of the table stand at the beginning of a struct flash_command. */
    return ((const struct flash_command *)(const void *)flash->command)
        ->run(flash, argc, argv);
}

int main(int argc, char **argv)
{
    struct flash flash = {
        .term = {.program = flash_program,
                 .level = EM_LOG_INFO,
                 .lines = true,
                 .exit_status = flash_exit},
        .args = {.baud = 115200, .connect_attempts = 7},
    };
    struct cli_words words = {0};
    int exit_status;
    term_guard_streams();
    if (argc < 2) {
        cli_help(flash_program, &mfg_flash);
        return 0;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* the chip is reset even if nobody reads on */
    enum em_status status = cli_words_expand(&words, argc - 1, argv + 1, &flash.err);
    if (status == EM_OK)
        status = flash_settings_load(&flash, &flash.err);
    if (status == EM_OK)
        exit_status = run(&flash, (int)words.count, words.argv);
    else
        exit_status = flash_end(&flash, status);
    json_decref(flash.fields);
    json_decref(flash.term.messages);
    flash_settings_free(&flash.args);
    cli_words_free(&words);
    return exit_status;
}
