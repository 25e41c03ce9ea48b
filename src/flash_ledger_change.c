/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash ledger retry, release, scrap: what people decide, with a reason. */
#include "config.h"

#include "src/flash_ledger.h"
#include "src/flash_session.h"

static int change(struct flash *flash, int argc, char **argv, const char *told,
                  enum em_status (*decide)(struct em_ledger *ledger, uint64_t unit,
                                           const char *reason, struct em_error *err))
{
    struct ledger_args args;
    struct em_ledger *ledger = NULL;
    struct em_ledger_unit before;
    struct em_ledger_unit after;
    char mac[18];
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    if (args.reason == NULL)
        return cli_fault(flash_program, flash->command, "--reason is needed: say why");
    enum em_status status = ledger_open(flash, &args, false, &ledger);
    if (status == EM_OK)
        status = em_ledger_find(ledger, args.words[0], &before, &flash->err);
    if (status == EM_OK)
        status = decide(ledger, before.unit, args.reason, &flash->err);
    if (status == EM_OK) {
        char number[24];
        (void)snprintf(number, sizeof number, "#%llu", (unsigned long long)before.unit);
        status = em_ledger_find(ledger, number, &after, &flash->err);
    }
    if (status == EM_OK) {
        ledger_mac(mac, &before);
        flash_print(flash, "Unit %llu (%s), board %s: %s",
                    (unsigned long long)before.unit, before.name, mac, told);
        flash_json(flash, "board", flash_json_text(mac));
        flash_json(flash, "unit", ledger_unit_json(&after));
    }
    em_ledger_close(ledger);
    return flash_end(flash, status);
}

static int retry(struct flash *flash, int argc, char **argv)
{
    return change(flash, argc, argv, "will be tried again", em_ledger_retry);
}

static int release(struct flash *flash, int argc, char **argv)
{
    return change(flash, argc, argv, "parted; both may be used again", em_ledger_release);
}

static int scrap(struct flash *flash, int argc, char **argv)
{
    return change(flash, argc, argv, "the board is given up, the unit is free",
                  em_ledger_scrap);
}

static const struct cli_option change_options[] = {
    LEDGER_OPTION,
    {"reason", NULL, "TEXT", "why; stands in the ledger (needed)", LEDGER_OPT_REASON},
    {NULL, NULL, NULL, NULL, 0},
};

const struct flash_command ledger_retry = {
    .cli = {.name = "ledger retry",
            .summary = "Let a board that was stopped be tried again",
            .positionals = "UNIT|MAC",
            .about = "  UNIT|MAC  name or number of a unit, or MAC of its board\n",
            .options = change_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger retry EX1-0007 --reason \"new cable\"\n"},
    .run = retry,
};

const struct flash_command ledger_release = {
    .cli = {.name = "ledger release",
            .summary = "Take a unit from its board, so that another board gets it",
            .positionals = "UNIT|MAC",
            .about = "  UNIT|MAC  name or number of a unit, or MAC of its board\n"
                     "Refused once eFuses may be burned: 'ledger scrap' then. The next "
                     "board of the unit\ngets another key; this board may get another "
                     "unit.\n",
            .options = change_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger release 7 --reason \"board was for EX2\"\n"},
    .run = release,
};

const struct flash_command ledger_scrap = {
    .cli = {.name = "ledger scrap",
            .summary = "Give a board up for good; its unit is free for another",
            .positionals = "UNIT|MAC",
            .about = "  UNIT|MAC  name or number of a unit, or MAC of its board\n"
                     "The board never gets a unit of this batch again.\n",
            .options = change_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger scrap 7c:df:a1:00:00:01 --reason "
                        "\"cracked\"\n"},
    .run = scrap,
};
