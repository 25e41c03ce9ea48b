/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash ledger copy: a ledger moves to another engine. */
#include "config.h"

#include "src/flash_ledger.h"
#include "src/flash_session.h"

#include <inttypes.h>

static int copy(struct flash *flash, int argc, char **argv)
{
    struct ledger_args args;
    struct em_ledger *ledger = NULL;
    struct em_ledger_counts counts = {.units = 0};
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    char from[EM_LEDGER_NAME];
    char to[EM_LEDGER_NAME];
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    em_ledger_url_show(from, sizeof from, args.words[0]);
    em_ledger_url_show(to, sizeof to, args.words[1]);
    options.url = args.words[0];
    options.version = PACKAGE_VERSION;
    options.hooks = term_hooks(&flash->term);
    flash_json(flash, "ledger", flash_json_text(to));
    enum em_status status = em_ledger_copy(&options, args.words[1], &flash->err);
    args.ledger = args.words[1];
    if (status == EM_OK)
        status = ledger_open(flash, &args, true, &ledger);
    if (status == EM_OK)
        status = em_ledger_counts(ledger, &counts, &flash->err);
    if (status == EM_OK) {
        flash_print(flash,
                    "Copied %" PRIu64 " units and %" PRIu64
                    " events from '%s' to '%s'; all promises hold",
                    counts.units, counts.events, from, to);
        flash_json(flash, "from", flash_json_text(from));
        flash_json(flash, "units", json_integer((json_int_t)counts.units));
        flash_json(flash, "events", json_integer((json_int_t)counts.events));
    }
    em_ledger_close(ledger);
    return flash_end(flash, status);
}

static const struct cli_option copy_options[] = {
    {NULL, NULL, NULL, NULL, 0},
};

const struct flash_command ledger_copy = {
    .cli = {.name = "ledger copy",
            .summary = "Copy a ledger, also from a file to a server or back",
            .positionals = "FROM TO",
            .about =
                "  FROM    file or URL of a ledger that no station works with\n"
                "  TO      file or URL of the copy: must not be there yet\n"
                "Whole or not at all: every row is compared, and the copy checked.\n",
            .options = copy_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger copy batch.db "
                        "'postgresql://line@db.example/espmfg?schema=EX1'\n"},
    .run = copy,
};
