/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: which there are, which a burn breaks, which the user has overridden. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include <openssl/crypto.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

_Static_assert(EM_EFUSES_RULES_MAX <= 64, "they are bits of a number");

static const struct em_efuse_rule *find_rule(const char *id)
{
    for (size_t i = 0; i < em_efuse_rules_count; i++)
        if (strcmp(em_efuse_rules[i].id, id) == 0)
            return &em_efuse_rules[i];
    return NULL;
}

static bool overridden(const struct em_efuses *e, const struct em_efuse_rule *rule)
{
    return (e->overridden >> (rule - em_efuse_rules) & 1) != 0;
}

/* ---- Which chip has which rule ---- */

/* A key purpose that has a meaning on this chip. */
static bool names_purpose(const struct em_efuse_table *table, int value)
{
    for (size_t i = 0; i < table->purpose_count; i++)
        if (table->purposes[i].value == value)
            return true;
    return false;
}

static bool has_gap(const struct em_efuse_table *table)
{
    enum { VALUES = 16 }; /* of 4 bits, that all chips with purposes have */
    if (table->purpose_count == 0 || table->purposes[0].in_block)
        return false;
    for (int value = 0; value < VALUES; value++)
        if (!names_purpose(table, value))
            return true;
    return false;
}

static bool has_purpose(const struct em_efuse_table *table, const char *kind)
{
    for (size_t i = 0; i < table->purpose_count; i++) {
        const struct em_efuse_purpose *p = &table->purposes[i];
        if ((strcmp(kind, "@digest") == 0 && p->digest && !p->custom) ||
            (strcmp(kind, "@place") == 0 && p->not_block != EM_EFUSE_NO_BIT) ||
            (strcmp(kind, "@pair") == 0 &&
             (p->parts[0] != NULL ||
              (p->in_block && p->also_burns != NULL && p->half == 0))))
            return true;
    }
    return false;
}

static bool has_field(const struct em_efuse_table *table, const char *list, bool closable)
{
    for (size_t i = 0; i < table->field_count; i++)
        if (em_efuse_listed(list, table->fields[i].name) &&
            (!closable || table->fields[i].wr_dis != EM_EFUSE_NO_BIT))
            return true;
    return false;
}

static bool closes_itself(const struct em_efuse_table *table)
{
    for (size_t i = 0; i < table->field_count; i++)
        if (strcmp(table->fields[i].name, "WR_DIS") == 0)
            return table->fields[i].wr_dis != EM_EFUSE_NO_BIT;
    return false;
}

static bool applies(const struct em_efuse_rule *rule, const struct em_efuse_table *table)
{
    if (rule->needs[0] != '@')
        return has_field(table, rule->needs,
                         rule->check == EM_RULE_LOCK_LATER ||
                             rule->check == EM_RULE_LOCK_GROUP);
    if (strcmp(rule->needs, "@both") == 0)
        return table->never_both != NULL;
    if (strcmp(rule->needs, "@gap") == 0)
        return has_gap(table);
    if (strcmp(rule->needs, "@wr_dis") == 0)
        return closes_itself(table);
    return strcmp(rule->needs, "@any") == 0 || has_purpose(table, rule->needs);
}

bool em_efuses_rule(size_t idx, struct em_efuses_rule *out)
{
    if (idx >= em_efuse_rules_count)
        return false;
    const struct em_efuse_rule *rule = &em_efuse_rules[idx];
    *out = (struct em_efuses_rule){
        .id = rule->id,
        .refuses = rule->refuses,
        .looks_for = rule->looks_for,
        .reason = rule->reason,
        .way_out = rule->way_out,
    };
    return true;
}

const char *em_efuses_rule_chip(size_t idx, size_t *at)
{
    while (idx < em_efuse_rules_count && *at < em_efuse_tables_count) {
        const struct em_efuse_table *table = &em_efuse_tables[(*at)++];
        if (applies(&em_efuse_rules[idx], table))
            return table->chip;
    }
    return NULL;
}

enum em_status em_efuses_override(struct em_efuses *e, const char *id,
                                  struct em_error *err)
{
    const struct em_efuse_rule *rule = find_rule(id);
    if (rule == NULL)
        return em_error_set(err, EM_ERR_USAGE, "mfg_flash efuse rules lists them",
                            "there is no rule '%.40s'", id);
    e->overridden |= UINT64_C(1) << (rule - em_efuse_rules);
    return EM_OK;
}

/* ---- Looking ---- */

bool em_rule_hit(struct em_rule_look *look, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(look->subject, sizeof look->subject, fmt, args); /* too long: cut */
    va_end(args);
    return true;
}

static void add_finding(struct em_efuses *e, const struct em_rule_look *look)
{
    size_t at = e->finding_count++;
    struct em_efuses_finding *out = &e->findings[at];
    (void)snprintf(e->subjects[at], sizeof e->subjects[at], "%s", look->subject);
    *out = (struct em_efuses_finding){
        .id = look->rule->id,
        .subject = e->subjects[at],
        .reason = look->rule->reason,
        .way_out = look->rule->way_out,
        .refuses = look->rule->refuses && !e->options.table_520,
        .overridden = overridden(e, look->rule),
    };
}

enum em_status em_efuses_judge(struct em_efuses *e, struct em_error *err)
{
    e->finding_count = 0;
    if (em_efuse_rules_count > EM_EFUSES_RULES_MAX)
        return em_error_set(err, EM_ERR_FULL, NULL, "more than %d rules",
                            EM_EFUSES_RULES_MAX);
    struct em_efuses then = *e;
    for (size_t b = 0; b < e->view.table->block_count; b++) {
        then.now[b] = em_efuses_or(&e->now[b], &e->staged[b]);
        memset(&then.staged[b], 0, sizeof then.staged[b]);
    }
    struct em_rule_look look = {.was = e, .then = &then};
    em_rule_find_keys(&look);
    for (size_t i = 0; i < em_efuse_rules_count; i++) {
        look.rule = &em_efuse_rules[i];
        if (applies(look.rule, e->view.table) &&
            (em_rule_check_keys(&look) || em_rule_check_fields(&look)))
            add_finding(e, &look);
    }
    OPENSSL_cleanse(&then, sizeof then); /* keys */
    return EM_OK;
}

bool em_efuses_finding(const struct em_efuses *e, size_t idx,
                       struct em_efuses_finding *out)
{
    if (idx >= e->finding_count)
        return false;
    *out = e->findings[idx];
    return true;
}

static enum em_status refused(const char *id, const char *text, struct em_error *err)
{
    const struct em_efuse_rule *rule = find_rule(id);
    char hint[256];
    (void)snprintf(hint, sizeof hint, "%s; --override %s burns it all the same",
                   rule == NULL ? "" : rule->way_out, id);
    return em_error_set(err, EM_ERR_REFUSED, hint, "rule %s: %s: %s", id, text,
                        rule == NULL ? "" : rule->reason);
}

enum em_status em_efuses_judged(const struct em_efuses *e, struct em_error *err)
{
    for (size_t i = 0; i < e->finding_count; i++)
        if (e->findings[i].refuses && !e->findings[i].overridden)
            return refused(e->findings[i].id, e->findings[i].subject, err);
    for (size_t i = 0; i < e->finding_count; i++) {
        const struct em_efuses_finding *f = &e->findings[i];
        em_efuses_log(e, EM_LOG_WARNING, "rule %s%s: %s: %s", f->id,
                      f->overridden ? " (overridden)" : "", f->subject, f->reason);
    }
    return EM_OK;
}

enum em_status em_efuses_refuse_by(const struct em_efuses *e, const char *id,
                                   struct em_error *err, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); /* too long: cut */
    va_end(args);
    const struct em_efuse_rule *rule = find_rule(id);
    /* What is overridden is found once more, and told, before it is burned. */
    return rule != NULL && overridden(e, rule) ? EM_OK : refused(id, text, err);
}

/* ---- Dangerous fields ---- */

static bool is_named(const char *pattern, const char *name)
{
    while (*pattern != '\0' && *name != '\0') {
        if (*pattern == '#' && isdigit((unsigned char)*name)) {
            while (isdigit((unsigned char)*name))
                name++;
            pattern++;
        } else if (*pattern++ != *name++) {
            return false;
        }
    }
    return *pattern == *name;
}

const char *em_efuses_danger(const char *field)
{
    for (size_t i = 0; i < em_efuse_dangers_count; i++)
        if (is_named(em_efuse_dangers[i].field, field))
            return em_efuse_dangers[i].text;
    return "";
}
