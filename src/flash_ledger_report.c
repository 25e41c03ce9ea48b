/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash ledger report: how a batch went, as one HTML page. */
#include "config.h"

#include "src/flash_files.h"
#include "src/flash_ledger.h"
#include "src/flash_session.h"
#include "src/report/page.h"

#include "base/error_int.h"

#include <string.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *ledger_take_since(struct ledger_args *args, const char *text)
{
    return report_since(args->since, text, now_ms())
               ? NULL
               : "a time in UTC, such as 2026-11-21 or 2026-11-21T08:00, or how long "
                 "ago: "
                 "90m, 8h, 7d, 2w";
}

/* The page says so too, but may be looked at much later. */
static void warn(struct flash *flash, const struct ledger_args *args,
                 const struct report_data *data)
{
    struct em_error note;
    struct em_hooks hooks = term_hooks(&flash->term);
    if (data->faults == 0)
        return;
    (void)em_error_set(&note, EM_OK, "see 'mfg_flash ledger check'",
                       "ledger '%s' does not keep its promises: %lu fault%s",
                       args->ledger, data->faults, data->faults == 1 ? "" : "s");
    hooks.log(hooks.user, EM_LOG_WARNING, NULL, &note);
}

static enum em_status put_page(const struct ledger_args *args, const struct em_buf *page,
                               struct em_error *err)
{
    struct flash_output output = {0};
    if (args->output == NULL) {
        (void)fwrite(page->data, 1, page->len,
                     stdout); /* looked at when the program ends */
        return EM_OK;
    }
    enum em_status status = flash_output_open(&output, args->output, err);
    if (status == EM_OK)
        status = flash_output_put(&output, page->data, page->len, err);
    flash_output_close(&output);
    return status;
}

static enum em_status make(struct flash *flash, const struct ledger_args *args,
                           struct report_data **out, struct em_error *err)
{
    struct em_ledger *ledger = NULL;
    struct em_buf page = {0};
    char made[EM_LEDGER_TIME];
    const struct report_about about = {
        .title = args->title, .version = PACKAGE_VERSION, .made = made};
    report_time_text(made, now_ms());
    enum em_status status = ledger_open(flash, args, true, &ledger);
    if (status == EM_OK)
        status = report_data_new(out, ledger, args->since, err);
    if (status == EM_OK) {
        report_page(&page, *out, &about); /* names of the batch live in the ledger */
        status = page.failed ? em_error_nomem(err) : put_page(args, &page, err);
    }
    em_buf_free(&page);
    em_ledger_close(ledger);
    return status;
}

static int report_run(struct flash *flash, int argc, char **argv)
{
    struct ledger_args args;
    struct report_data *data = NULL;
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    if (flash->term.json && args.output == NULL)
        return cli_fault(flash_program, flash->command,
                         "with --json, --output is needed: stdout has the object");
    enum em_status status = make(flash, &args, &data, &flash->err);
    if (status == EM_OK)
        warn(flash, &args, data);
    if (status == EM_OK && args.output != NULL) {
        flash_print(flash, "Report of %llu events written to '%s'",
                    (unsigned long long)data->events, args.output);
        flash_json(flash, "output", flash_json_text(args.output));
        flash_json(flash, "rows", json_integer((json_int_t)data->events));
    }
    report_data_free(data);
    return flash_end(flash, status);
}

static const struct cli_option report_options[] = {
    LEDGER_OPTION,
    {"output", "o", "FILE", "write it into FILE, whole or not at all (default: stdout)",
     LEDGER_OPT_OUTPUT},
    {"since", NULL, "TIME",
     "only what happened since: a time in UTC (2026-11-21T08:00), or 8h, 7d ago",
     LEDGER_OPT_SINCE},
    {"title", NULL, "TEXT", "what stands at its top (default: the batch's name)",
     LEDGER_OPT_TITLE},
    {NULL, NULL, NULL, NULL, 0},
};

const struct flash_command ledger_report = {
    .cli = {.name = "ledger report",
            .summary = "Tell how the batch went: one HTML page, for screen and paper",
            .positionals = "",
            .about =
                "Yield, units an hour, why boards failed, time per step, slots, units "
                "that failed,\nkeys, and whether the promises hold. The page needs no "
                "network and no script.\n",
            .options = report_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger report --output report.html\n"
                        "  mfg_flash ledger report --since 8h --title \"Late shift\" -o "
                        "shift.html\n"},
    .run = report_run,
};
