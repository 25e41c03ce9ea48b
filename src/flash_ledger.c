/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash ledger: its options, and the commands that begin, sum up and prove a ledger.
 */
#include "config.h"

#include "src/flash_ledger.h"
#include "src/flash_session.h"
#include "src/line/line.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

static const struct cli_command *const commands[] = {
    &ledger_init.cli,   &ledger_status.cli,  &ledger_show.cli,  &ledger_list.cli,
    &ledger_retry.cli,  &ledger_release.cli, &ledger_scrap.cli, &ledger_export.cli,
    &ledger_report.cli, &ledger_check.cli,   &ledger_copy.cli,  NULL,
};

const struct cli_command ledger_group = {
    .name = "ledger",
    .summary = "Look into the ledger of a batch: which board got which unit",
    .about = "A ledger is one file, or a schema of a PostgreSQL server; 'mfg_flash line' "
             "writes it. All of these commands may "
             "be used\nwhile a line runs. Manual page: mfg_flash-ledger(1)\n",
    .examples = "  mfg_flash ledger status\n"
                "  mfg_flash ledger show 7c:df:a1:00:00:01\n"
                "  mfg_flash ledger scrap EX1-0007 --reason \"board broken\"\n",
    .commands = commands,
};

/* ---- Options ---- */

static const char *take_state(struct ledger_args *args, const char *text)
{
    for (int state = EM_LEDGER_FREE; state <= EM_LEDGER_DONE; state++) {
        if (strcmp(text, em_ledger_state_name((enum em_ledger_state)state)) == 0) {
            args->state = state;
            return NULL;
        }
    }
    return "choose free, claimed, flashed, burning, burned or done";
}

static const char *take_number(struct ledger_args *args, const char *text)
{
    return cli_number(&args->units, text, INT32_MAX) && args->units > 0
               ? NULL
               : "a number of units, from 1 to 2147483647";
}

static const char *take_format(struct ledger_args *args, const char *text)
{
    args->csv = strcmp(text, "csv") == 0;
    return args->csv || strcmp(text, "jsonl") == 0 ? NULL : "choose csv or jsonl";
}

static const char *take(void *user, int id, char *const *values)
{
    struct ledger_args *args = user;
    switch (id) {
    case LEDGER_OPT_LEDGER:
        args->ledger = values[0];
        args->ledger_given = true;
        break;
    case LEDGER_OPT_REASON:
        args->reason = values[0];
        break;
    case LEDGER_OPT_NAME:
        args->name = values[0];
        break;
    case LEDGER_OPT_UNITS:
        return take_number(args, values[0]);
    case LEDGER_OPT_FORMAT:
        return take_format(args, values[0]);
    case LEDGER_OPT_OF_UNITS:
        args->of_units = true;
        break;
    case LEDGER_OPT_EVENTS:
        args->events = true;
        break;
    case LEDGER_OPT_OUTPUT:
        args->output = values[0];
        break;
    case LEDGER_OPT_SINCE:
        return ledger_take_since(args, values[0]);
    case LEDGER_OPT_TITLE:
        args->title = values[0];
        break;
    case LEDGER_OPT_STATE:
        return take_state(args, values[0]);
    default:
        args->stopped = true;
    }
    return NULL;
}

int ledger_parse(struct flash *flash, struct ledger_args *args, int argc, char **argv)
{
    *args = (struct ledger_args){.ledger = "batch.db", .csv = true, .state = -1};
    int exit_status = flash_parse(flash, argc, argv, args->words, take, args);
    em_ledger_url_show(args->shown, sizeof args->shown, args->ledger);
    if (exit_status < 0)
        flash_json(flash, "ledger", flash_json_text(args->shown));
    return exit_status;
}

enum em_status ledger_open(struct flash *flash, const struct ledger_args *args,
                           bool read_only, struct em_ledger **out)
{
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = args->ledger;
    options.version = PACKAGE_VERSION;
    options.read_only = read_only;
    options.hooks = term_hooks(&flash->term);
    return em_ledger_open(out, &options, &flash->err);
}

/* ---- init ---- */

struct names {
    const char *batch;
    char text[EM_LEDGER_NAME];
};

/* The batch's name and the unit's number. */
static const char *unit_name(void *user, uint64_t unit)
{
    struct names *names = user;
    (void)snprintf(names->text, sizeof names->text, "%s-%" PRIu64, names->batch, unit);
    return names->text;
}

/* A ledger without a job, for programs of one's own. */
static enum em_status init_bare(struct flash *flash, const struct ledger_args *args,
                                const struct em_ledger_options *options)
{
    struct names names = {.batch = args->name};
    const struct em_ledger_batch batch = {.name = args->name,
                                          .chip = args->chip,
                                          .units = args->units,
                                          .unit_name = unit_name,
                                          .user = &names};
    return em_ledger_init(options, &batch, &flash->err);
}

/* The job tells everything; *args gets name, number of units and, unless told, ledger. */
static enum em_status init_job(struct flash *flash, struct ledger_args *args,
                               struct line_job *job, struct em_ledger_options *options)
{
    struct em_hooks hooks = term_hooks(&flash->term);
    enum em_status status = line_job_open(job, args->words[0], &hooks, &flash->err);
    if (status != EM_OK)
        return status;
    if (!args->ledger_given)
        args->ledger = job->ledger;
    args->name = job->name;
    args->units = em_units_count(job->source);
    args->chip = job->chip;
    options->url = args->ledger;
    em_ledger_url_show(args->shown, sizeof args->shown, args->ledger);
    flash_json(flash, "ledger", flash_json_text(args->shown));
    return line_ledger_begin(job, options, &flash->err);
}

static const char *init_contradiction(const struct ledger_args *args)
{
    bool bare = args->name != NULL || args->units != 0 || args->chip != NULL;
    if (args->words[0] != NULL)
        return bare ? "the job tells name, chip and units: leave the options out" : NULL;
    if (args->name == NULL || args->chip == NULL || args->units == 0)
        return "a job file, or --name, --chip and --units are needed";
    if (strlen(args->name) > EM_LEDGER_NAME - 16 || args->name[0] == '\0')
        return "--name: from 1 to 240 bytes";
    return NULL;
}

static int init(struct flash *flash, int argc, char **argv)
{
    struct ledger_args args;
    struct line_job job = {0};
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    args.chip = flash->args.chip;
    const char *fault = init_contradiction(&args);
    if (fault != NULL)
        return cli_fault(flash_program, flash->command, "%s", fault);
    options.url = args.ledger;
    options.version = PACKAGE_VERSION;
    enum em_status status = args.words[0] == NULL
                                ? init_bare(flash, &args, &options)
                                : init_job(flash, &args, &job, &options);
    if (status == EM_OK) {
        flash_print(flash, "Ledger '%s' of batch '%s': %llu unit%s, %s", args.shown,
                    args.name, args.units, args.units == 1 ? "" : "s", args.chip);
        flash_json(flash, "count", json_integer((json_int_t)args.units));
    }
    line_job_free(&job);
    return flash_end(flash, status);
}

static const struct cli_option init_options[] = {
    LEDGER_OPTION,
    {"name", NULL, "NAME", "of the batch; units are NAME-1, NAME-2, …", LEDGER_OPT_NAME},
    {"units", NULL, "N", "how many units it has", LEDGER_OPT_UNITS},
    {NULL, NULL, NULL, NULL, 0},
};

const struct flash_command ledger_init = {
    .cli =
        {.name = "ledger init",
         .summary = "Begin the ledger of a batch",
         .positionals = "[JOB]",
         .about =
             "  JOB     what the batch is: mfg_job(5); 'mfg_flash line' does this too\n"
             "Without one, a ledger for a program of your own. An existing ledger is "
             "never\ntouched.\n",
         .options = init_options,
         .common = flash_options,
         .examples = "  mfg_flash ledger init job.yaml\n"
                     "  mfg_flash ledger init --name EX1 --chip esp32c3 --units 1000\n"},
    .run = init,
};

/* ---- status ---- */

static void print_status(struct flash *flash, const struct em_ledger_batch *batch,
                         const struct em_ledger_counts *counts)
{
    uint64_t done = counts->by_state[EM_LEDGER_DONE];
    flash_print(flash, "Batch '%s' of %s, begun %s with espmfg %s", batch->name,
                batch->chip, batch->created, batch->version);
    if (batch->job[0] != '\0')
        flash_print(flash, "Job %s", batch->job);
    for (int state = EM_LEDGER_FREE; state <= EM_LEDGER_DONE; state++)
        flash_print(flash, "  %-9s %8" PRIu64,
                    em_ledger_state_name((enum em_ledger_state)state),
                    counts->by_state[state]);
    flash_print(flash, "  %-9s %8" PRIu64 "  %.1f %% done", "units", counts->units,
                counts->units == 0 ? 0.0 : 100.0 * (double)done / (double)counts->units);
    flash_print(flash,
                "%" PRIu64 " stopped, %" PRIu64 " boards scrapped, %" PRIu64
                " failures, %" PRIu64 " events",
                counts->stopped, counts->by_state[EM_LEDGER_SCRAPPED], counts->failures,
                counts->events);
    if (counts->events > 0)
        flash_print(flash, "First event %s, last %s", counts->first, counts->last);
}

static json_t *text_or_null(const char *text)
{
    return text[0] == '\0' ? json_null() : flash_json_text(text);
}

static void json_status(struct flash *flash, const struct em_ledger_batch *batch,
                        const struct em_ledger_counts *counts)
{
    json_t *states = json_object();
    for (int state = EM_LEDGER_FREE; state <= EM_LEDGER_SCRAPPED; state++)
        (void)json_object_set_new(states,
                                  em_ledger_state_name((enum em_ledger_state)state),
                                  json_integer((json_int_t)counts->by_state[state]));
    flash_json(flash, "batch",
               json_pack("{s:o, s:o, s:o, s:I, s:o, s:o}", "name",
                         flash_json_text(batch->name), "chip",
                         flash_json_text(batch->chip), "job", text_or_null(batch->job),
                         "units", (json_int_t)counts->units, "created",
                         flash_json_text(batch->created), "version",
                         flash_json_text(batch->version)));
    flash_json(flash, "states", states);
    flash_json(flash, "stopped", json_integer((json_int_t)counts->stopped));
    flash_json(flash, "failures", json_integer((json_int_t)counts->failures));
    flash_json(flash, "events", json_integer((json_int_t)counts->events));
    flash_json(flash, "first", text_or_null(counts->first));
    flash_json(flash, "last", text_or_null(counts->last));
}

static int status_run(struct flash *flash, int argc, char **argv)
{
    struct ledger_args args;
    struct em_ledger *ledger = NULL;
    struct em_ledger_batch batch;
    struct em_ledger_counts counts;
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = ledger_open(flash, &args, true, &ledger);
    if (status == EM_OK)
        status = em_ledger_counts(ledger, &counts, &flash->err);
    if (status == EM_OK) {
        em_ledger_batch(ledger, &batch);
        print_status(flash, &batch, &counts);
        if (flash->term.json)
            json_status(flash, &batch, &counts);
    }
    em_ledger_close(ledger);
    return flash_end(flash, status);
}

static const struct cli_option ledger_options[] = {
    LEDGER_OPTION,
    {NULL, NULL, NULL, NULL, 0},
};

const struct flash_command ledger_status = {
    .cli = {.name = "ledger status",
            .summary = "Tell how far the batch is",
            .positionals = "",
            .options = ledger_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger status\n"
                        "  mfg_flash ledger status --ledger /srv/EX1.db --json\n"},
    .run = status_run,
};

/* ---- check ---- */

static int check(struct flash *flash, int argc, char **argv)
{
    struct ledger_args args;
    struct em_ledger *ledger = NULL;
    struct em_hooks hooks = term_hooks(&flash->term);
    unsigned long faults = 0;
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = ledger_open(flash, &args, true, &ledger);
    if (status == EM_OK)
        status = em_ledger_check(ledger, &hooks, &faults, &flash->err);
    if (status == EM_OK) {
        flash->term.found = faults > 0;
        flash_json(flash, "faults", json_integer((json_int_t)faults));
        if (faults == 0)
            flash_print(flash, "Ledger '%s': all promises hold", args.shown);
        else
            flash_print(flash, "Ledger '%s': %lu fault%s", args.shown, faults,
                        faults == 1 ? "" : "s");
    }
    em_ledger_close(ledger);
    return flash_end(flash, status);
}

const struct flash_command ledger_check = {
    .cli = {.name = "ledger check",
            .summary = "Prove on the whole ledger that it keeps its promises",
            .positionals = "",
            .about = "Exit status 1: faults were found.\n",
            .options = ledger_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger check --ledger EX1.db\n"},
    .run = check,
};
