/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash efuse rules: what is refused or warned of before it is burned. */
#include "config.h"

#include "src/efuse.h"

#include "base/error_int.h"

#include <string.h>

/* Has @p chip the rule? Any if NULL. */
static bool is_for(size_t idx, const char *chip)
{
    const char *other;
    size_t at = 0;
    while (chip != NULL && (other = em_efuses_rule_chip(idx, &at)) != NULL)
        if (strcmp(other, chip) == 0)
            return true;
    return chip == NULL;
}

static enum em_status put_rule(struct efuse_call *call, size_t idx,
                               const struct em_efuses_rule *rule, json_t *array)
{
    struct efuse_text text;
    struct em_error err;
    json_t *chips = json_array();
    efuse_text_begin(&text);
    if (text.to == NULL)
        return em_error_nomem(&err);
    (void)fprintf(text.to,
                  "%s (%s)\n  finds    %s\n  because  %s\n  way out  %s\n  chips   ",
                  rule->id, rule->refuses ? "refuses" : "warns", rule->looks_for,
                  rule->reason, rule->way_out);
    const char *chip;
    for (size_t at = 0; (chip = em_efuses_rule_chip(idx, &at)) != NULL;) {
        (void)fprintf(text.to, " %s", chip);
        (void)json_array_append_new(chips, json_string(chip));
    }
    (void)fprintf(text.to, "\n\n");
    (void)json_array_append_new(
        array, json_pack("{s:s, s:b, s:s, s:s, s:s, s:o}", "rule", rule->id, "refuses",
                         (int)rule->refuses, "finds", rule->looks_for, "reason",
                         rule->reason, "way_out", rule->way_out, "chips", chips));
    return efuse_text_put(&text, call, &err);
}

static enum em_status rules(struct efuse_call *call, struct em_error *err)
{
    json_t *array = json_array();
    struct em_efuses_rule rule;
    enum em_status status = EM_OK;
    for (size_t i = 0; em_efuses_rule(i, &rule) && status == EM_OK; i++)
        if (is_for(i, call->run->flash->args.chip))
            status = put_rule(call, i, &rule, array);
    flash_json(call->run->flash, "known_rules", array);
    return status == EM_OK ? EM_OK : em_error_nomem(err);
}

static const struct cli_option no_options[] = {{NULL, NULL, NULL, NULL, 0}};

const struct efuse_command efuse_rules = {
    .base = {.cli = {.name = "efuse rules",
                     .summary = "List what is refused or warned of, and why",
                     .positionals = "",
                     .about = "With --chip, the rules of that chip. --override ID burns "
                              "what a rule refuses.\n",
                     .options = no_options,
                     .common = flash_options,
                     .examples = "  mfg_flash --chip esp32s3 efuse rules\n"},
             .run = efuse_main},
    .kind = EFUSE_TELLS,
    .act = rules,
};
