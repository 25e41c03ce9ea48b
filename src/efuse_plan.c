/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a burn: what changes, what it means, which rules it breaks, its hash. */
#include "config.h"

#include "src/efuse.h"

#include <string.h>

void efuse_print_change(FILE *to, const struct em_efuses_change *change)
{
    (void)fprintf(to, "  %-15s %-34s %s -> %s%s\n", change->block_name,
                  change->field == NULL ? "(whole block)" : change->field, change->from,
                  change->to, change->postponed ? " (last)" : "");
    if (change->covers != NULL && change->covers[0] != '\0')
        (void)fprintf(to, "  %-15s   closes %s\n", "", change->covers);
    if (change->danger[0] != '\0')
        (void)fprintf(to, "  %-15s   ! %s\n", "", change->danger);
}

json_t *efuse_changes(const struct em_efuses_change *changes, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(
            array,
            json_pack("{s:s, s:s?, s:s, s:s, s:b, s:b, s:s, s:s, s:b}", "block",
                      changes[i].block_name, "field", changes[i].field, "from",
                      changes[i].from, "to", changes[i].to, "postponed",
                      (int)changes[i].postponed, "protects", (int)changes[i].protects,
                      "closes", changes[i].covers == NULL ? "" : changes[i].covers,
                      "consequence", changes[i].danger, "for_ever", 1));
    return array;
}

json_t *efuse_findings(const struct em_efuses *efuses)
{
    json_t *array = json_array();
    struct em_efuses_finding finding;
    for (size_t i = 0; em_efuses_finding(efuses, i, &finding); i++)
        (void)json_array_append_new(
            array, json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "rule", finding.id,
                             "subject", finding.subject, "reason", finding.reason,
                             "way_out", finding.way_out, "refuses", (int)finding.refuses,
                             "overridden", (int)finding.overridden));
    return array;
}

void efuse_show_plan(struct efuse_run *run, FILE *to,
                     const struct em_efuses_change *changes, size_t count)
{
    json_t *array = efuse_changes(changes, count);
    json_t *before = json_object_get(run->flash->fields, "changes");
    if (before != NULL) /* a script has burned already */
        (void)json_array_extend(before, array), json_decref(array);
    else
        flash_json(run->flash, "changes", array);
    if (to == NULL)
        return;
    (void)fprintf(to, "To be burned; none of it can ever be undone:\n");
    for (size_t i = 0; i < count; i++)
        efuse_print_change(to, &changes[i]);
}

enum em_status efuse_set_rules(struct efuse_run *run, struct em_error *err)
{
    const struct efuse_args *args = &run->flash->efuse;
    enum em_status status = EM_OK;
    for (size_t i = 0; i < args->override_count && status == EM_OK; i++)
        status = em_efuses_override(run->efuses, args->overrides[i], err);
    if (status == EM_OK && args->approve != NULL)
        status = em_efuses_approve(run->efuses, args->approve, err);
    return status;
}

/* Returns whether one of them keeps the plan from being burned. */
static bool print_findings(const struct efuse_run *run)
{
    struct em_efuses_finding finding;
    bool refused = false;
    for (size_t i = 0; em_efuses_finding(run->efuses, i, &finding); i++) {
        const char *how = finding.overridden ? "overridden"
                          : finding.refuses  ? "refuses"
                                             : "warns";
        flash_print(run->flash, "Rule %s %s: %s: %s. Way out: %s.", finding.id, how,
                    finding.subject, finding.reason, finding.way_out);
        refused = refused || (finding.refuses && !finding.overridden);
    }
    return refused;
}

enum em_status efuse_dry_run(struct efuse_run *run, struct em_error *err)
{
    struct flash *flash = run->flash;
    const struct em_efuses_change *changes;
    size_t count;
    char hash[EM_EFUSES_HASH_TEXT];
    enum em_status status = em_efuses_plan(run->efuses, &changes, &count, err);
    if (status == EM_OK)
        status = em_efuses_plan_hash(run->efuses, hash, err);
    if (status != EM_OK)
        return status;
    bool silent = flash->term.quiet || flash->term.json;
    term_clear(&flash->term);
    if (count == 0) {
        flash_print(flash, "Nothing to burn: already burned as asked.");
        flash_json(flash, "result", json_string("nothing"));
        em_efuses_unstage(run->efuses);
        return EM_OK;
    }
    efuse_show_plan(run, silent ? NULL : stdout, changes, count);
    bool refused = print_findings(run);
    flash_json(flash, "rules", efuse_findings(run->efuses));
    flash_json(flash, "hash", json_string(hash));
    flash_json(flash, "result", json_string("planned"));
    flash_json(flash, "refused", json_boolean(refused));
    flash_print(flash,
                refused ? "Nothing was burned (--dry-run), and rules refuse this plan. "
                          "Hash: %s"
                        : "Nothing was burned (--dry-run). To burn just this: "
                          "--approve %s",
                hash);
    em_efuses_unstage(run->efuses);
    return EM_OK;
}
