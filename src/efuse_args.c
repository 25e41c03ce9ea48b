/* SPDX-License-Identifier: Apache-2.0 */
/* The group of commands mfg_flash efuse, and the options that all of them have. */
#include "config.h"

#include "src/efuse.h"

#include <string.h>

enum {
    OPT_VIRT = 500, /* behind the own options of the commands */
    OPT_PATH_EFUSE_FILE,
    OPT_DO_NOT_CONFIRM,
    OPT_POSTPONE,
    OPT_NO_POSTPONE,
    OPT_EXTEND_TABLE,
    OPT_SHOW_SENSITIVE,
    OPT_DEBUG,
    OPT_TABLE,
    OPT_DRY_RUN,
    OPT_APPROVE,
    OPT_OVERRIDE,
    OPT_STRICT,
    OPTS_END,
};

const struct cli_option efuse_options[] = {
    {"virt", NULL, NULL, "use a virtual chip in the place of a port", OPT_VIRT},
    {"path-efuse-file", NULL, "FILE",
     "keep the eFuses of the virtual chip in FILE (default: they are forgotten)",
     OPT_PATH_EFUSE_FILE},
    {"do-not-confirm", NULL, NULL, "burn without asking for the word BURN",
     OPT_DO_NOT_CONFIRM},
    {"dry-run", NULL, NULL, "show what would be burned and its hash; burn nothing",
     OPT_DRY_RUN},
    {"approve", NULL, "HASH",
     "burn without asking, but only the plan that has this hash in --dry-run",
     OPT_APPROVE},
    {"override", NULL, "ID",
     "burn what this rule refuses; may be repeated (see efuse rules)", OPT_OVERRIDE},
    {"strict", NULL, NULL, "it is a fault if anything is burned already", OPT_STRICT},
    {"postpone", NULL, NULL,
     "burn last what may close the way to the chip (this is the default)", OPT_POSTPONE},
    {"no-postpone", NULL, NULL, "burn BLOCK0 in one go", OPT_NO_POSTPONE},
    {"extend-efuse-table", NULL, "FILE", "CSV file with fields of your own",
     OPT_EXTEND_TABLE},
    {"show-sensitive-info", NULL, NULL, "show the bytes of keys", OPT_SHOW_SENSITIVE},
    {"debug", "d", NULL, "tell more, as --verbose", OPT_DEBUG},
    /* For comparing with published tools; their tables lack what was found since. */
    {"table", NULL, "VERSION", NULL, OPT_TABLE},
    {NULL, NULL, NULL, NULL, 0},
};

bool efuse_is_common(int id)
{
    return id >= OPT_VIRT && id < OPTS_END;
}

static const char *take_override(struct efuse_args *args, const char *id)
{
    struct em_efuses_rule rule;
    size_t i = 0;
    while (em_efuses_rule(i, &rule) && strcmp(rule.id, id) != 0)
        i++;
    if (!em_efuses_rule(i, &rule))
        return "there is no such rule; efuse rules lists them";
    for (size_t k = 0; k < args->override_count; k++)
        if (strcmp(args->overrides[k], id) == 0)
            return NULL;
    if (args->override_count == EFUSE_RULES_MAX)
        return "too many";
    args->overrides[args->override_count++] = id;
    return NULL;
}

const char *efuse_take(void *user, int id, char *const *values)
{
    struct flash *flash = user;
    struct efuse_args *args = &flash->efuse;
    args->given = true;
    switch (id) {
    case OPT_VIRT:
        args->virtual_chip = true;
        return NULL;
    case OPT_PATH_EFUSE_FILE:
        args->path_efuse_file = values[0];
        return NULL;
    case OPT_DRY_RUN:
        args->dry_run = true;
        return NULL;
    case OPT_STRICT:
        args->strict = true;
        return NULL;
    case OPT_APPROVE:
        args->approve = values[0];
        return strlen(values[0]) == EM_EFUSES_HASH_TEXT - 1 &&
                       strspn(values[0], "0123456789abcdefABCDEF") ==
                           EM_EFUSES_HASH_TEXT - 1
                   ? NULL
                   : "a hash has 64 digits in hex; --dry-run tells it";
    case OPT_OVERRIDE:
        return take_override(args, values[0]);
    case OPT_DO_NOT_CONFIRM:
        args->do_not_confirm = true;
        return NULL;
    case OPT_POSTPONE:
    case OPT_NO_POSTPONE:
        args->no_postpone = id == OPT_NO_POSTPONE;
        return NULL;
    case OPT_EXTEND_TABLE:
        args->extend_table = values[0];
        return NULL;
    case OPT_SHOW_SENSITIVE:
        args->show_sensitive = true;
        return NULL;
    case OPT_DEBUG:
        flash->term.level = EM_LOG_DEBUG;
        return NULL;
    default:
        args->table_520 = strcmp(values[0], "520") == 0;
        return args->table_520 ? NULL : "there is only 520";
    }
}

static const struct cli_command *const commands[] = {
    &efuse_summary.base.cli,
    &efuse_dump.base.cli,
    &efuse_check_error.base.cli,
    &efuse_get_custom_mac.base.cli,
    &efuse_adc_info.base.cli,
    &efuse_burn_efuse.base.cli,
    &efuse_burn_bit.base.cli,
    &efuse_burn_block_data.base.cli,
    &efuse_burn_key.base.cli,
    &efuse_burn_key_digest.base.cli,
    &efuse_burn_custom_mac.base.cli,
    &efuse_read_protect.base.cli,
    &efuse_write_protect.base.cli,
    &efuse_set_flash_voltage.base.cli,
    &efuse_execute_scripts.base.cli,
    &efuse_rules.base.cli,
    NULL,
};

const struct cli_command efuse_group = {
    .name = "efuse",
    .summary = "Read, burn and protect eFuses",
    .about =
        "Commands and options are those of espefuse. Several commands may stand in one\n"
        "line: all are checked first, and what they burn is burned together, once.\n"
        "What is burned stays burned; rules keep from known mistakes. Manual page: "
        "mfg_flash-efuse(1)\n",
    .options = efuse_options,
    .common = flash_options,
    .examples =
        "  mfg_flash -p /dev/ttyUSB0 efuse summary\n"
        "  mfg_flash -p /dev/ttyUSB0 efuse burn-key auto nvs.bin HMAC_UP summary\n"
        "  mfg_flash efuse --chip esp32c3 --virt --path-efuse-file e.bin burn-bit BLOCK3 "
        "1\n",
    .commands = commands,
};
