/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash ledger export: events or units as CSV or JSON lines. */
#include "config.h"

#include "src/flash_files.h"
#include "src/flash_ledger.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>

struct table {
    FILE *to;
    const struct ledger_args *args;
    bool header; /* was written */
    uint64_t rows;
    bool failed;
};

/* A cell, quoted as in RFC 4180 when it has to be. */
static void put_cell(FILE *to, const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        (void)fputs(text, to);
        return;
    }
    (void)fputc('"', to);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)fputc('"', to);
        (void)fputc(*text, to);
    }
    (void)fputc('"', to);
}

static void put_value(FILE *to, const json_t *value)
{
    if (json_is_string(value))
        put_cell(to, json_string_value(value));
    else if (json_is_integer(value))
        (void)fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_boolean(value))
        (void)fputs(json_is_true(value) ? "1" : "0", to);
}

/* Columns are the members of the objects, in their order. */
static void put_csv(struct table *table, json_t *object)
{
    const char *name;
    json_t *value;
    const char *between = "";
    if (!table->header) {
        json_object_foreach(object, name, value)
        {
            (void)fprintf(table->to, "%s%s", between, name);
            between = ",";
        }
        (void)fputc('\n', table->to);
        table->header = true;
        between = "";
    }
    json_object_foreach(object, name, value)
    {
        (void)fputs(between, table->to);
        put_value(table->to, value);
        between = ",";
    }
    (void)fputc('\n', table->to);
}

/* @p object is taken over. false: stop. */
static bool put_row(struct table *table, json_t *object)
{
    if (object == NULL) {
        table->failed = true;
        return false;
    }
    if (table->args->csv) {
        put_csv(table, object);
    } else {
        if (json_dumpf(object, table->to, JSON_COMPACT) != 0)
            table->failed = true;
        (void)fputc('\n', table->to);
    }
    table->rows++;
    json_decref(object);
    return !table->failed && ferror(table->to) == 0;
}

static bool put_unit(void *user, const struct em_ledger_unit *unit)
{
    return put_row(user, ledger_unit_json(unit));
}

static bool put_event(void *user, const struct em_ledger_entry *entry)
{
    return put_row(user, ledger_event_json(entry));
}

static enum em_status put_all(struct table *table, struct em_ledger *ledger,
                              struct em_error *err)
{
    enum em_status status = table->args->of_units
                                ? em_ledger_units(ledger, put_unit, table, err)
                                : em_ledger_events(ledger, 0, put_event, table, err);
    return status == EM_OK && table->failed ? em_error_nomem(err) : status;
}

static enum em_status to_file(struct table *table, struct em_ledger *ledger,
                              const char *path, struct em_error *err)
{
    struct flash_output output = {0};
    char *text = NULL;
    size_t len = 0;
    enum em_status status = flash_output_open(&output, path, err);
    if (status == EM_OK) {
        table->to = open_memstream(&text, &len);
        status = table->to == NULL ? em_error_nomem(err) : put_all(table, ledger, err);
    }
    if (table->to != NULL && fclose(table->to) != 0 && status == EM_OK)
        status = em_error_nomem(err);
    if (status == EM_OK)
        status = flash_output_put(&output, (const uint8_t *)text, len, err);
    free(text);
    flash_output_close(&output);
    return status;
}

static int export_run(struct flash *flash, int argc, char **argv)
{
    struct ledger_args args;
    struct em_ledger *ledger = NULL;
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    if (args.events && args.of_units)
        return cli_fault(flash_program, flash->command,
                         "--units and --events contradict each other");
    if (flash->term.json && args.output == NULL)
        return cli_fault(flash_program, flash->command,
                         "with --json, --output is needed: stdout has the object");
    struct table table = {.to = stdout, .args = &args};
    enum em_status status = ledger_open(flash, &args, true, &ledger);
    if (status == EM_OK && args.output == NULL)
        status = put_all(&table, ledger, &flash->err);
    else if (status == EM_OK)
        status = to_file(&table, ledger, args.output, &flash->err);
    if (status == EM_OK && args.output != NULL) {
        flash_print(flash, "%llu %s written to '%s'", (unsigned long long)table.rows,
                    args.of_units ? "units" : "events", args.output);
        flash_json(flash, "output", flash_json_text(args.output));
        flash_json(flash, "rows", json_integer((json_int_t)table.rows));
    }
    em_ledger_close(ledger);
    return flash_end(flash, status);
}

static const struct cli_option export_options[] = {
    LEDGER_OPTION,
    {"format", NULL, "FORMAT", "csv (the default), or jsonl: an object a line",
     LEDGER_OPT_FORMAT},
    {"events", NULL, NULL, "every event (the default)", LEDGER_OPT_EVENTS},
    {"units", NULL, NULL, "every unit as it is now", LEDGER_OPT_OF_UNITS},
    {"output", "o", "FILE", "write it into FILE, whole or not at all (default: stdout)",
     LEDGER_OPT_OUTPUT},
    {NULL, NULL, NULL, NULL, 0},
};

const struct flash_command ledger_export = {
    .cli = {.name = "ledger export",
            .summary = "Write events or units as CSV or JSON lines",
            .positionals = "",
            .options = export_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger export --output events.csv\n"
                        "  mfg_flash ledger export --units --format jsonl\n"},
    .run = export_run,
};
