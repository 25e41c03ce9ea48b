/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that keep known bricks from being burned; rows from tables/rules.csv. */
#ifndef FLASHER_EFUSE_RULES_INT_H
#define FLASHER_EFUSE_RULES_INT_H

#include "flasher/efuse/efuses_int.h"

/** The ways of looking that rules may name in their column "check". */
enum em_rule_check {
    EM_RULE_DIGEST_HIDDEN,
    EM_RULE_PLAIN_HIDDEN,
    EM_RULE_PLACE,
    EM_RULE_UNKNOWN,
    EM_RULE_EMPTY_CLOSED,
    EM_RULE_NO_KEY,
    EM_RULE_HALF_KEY,
    EM_RULE_ENCRYPTION_OPEN,
    EM_RULE_ENCRYPTION_CONFIG,
    EM_RULE_ENCRYPTION_OFF,
    EM_RULE_STEPS_REMAIN,
    EM_RULE_LOCKDOWN_ORDER,
    EM_RULE_DOWNLOAD_OFF,
    EM_RULE_CHANGED,
    EM_RULE_CODING,
    EM_RULE_LOCK_LATER,
    EM_RULE_LOCK_GROUP,
    EM_RULE_WR_CLOSED,
    EM_RULE_RD_CLOSED,
    EM_RULE_NO_DIGEST,
    EM_RULE_REVISION,
    EM_RULE_DIGEST_UNUSED,
    EM_RULE_USB_LINK,
    EM_RULE_BOTH,
    EM_RULE_KEY_READABLE,
    EM_RULE_CHECKS,
};

/** A rule. */
struct em_efuse_rule {
    const char *id;
    bool refuses; /* else it warns */
    enum em_rule_check check;
    const char *needs; /* fields or @ words, blank separated */
    const char *looks_for, *reason, *way_out;
};

/** What burning a field does; '#' in the name stands for a number. */
struct em_efuse_danger {
    const char *field, *text;
};

/* The rows, from the build (rules_table.c). */
extern const struct em_efuse_rule em_efuse_rules[];
extern const size_t em_efuse_rules_count;
extern const struct em_efuse_danger em_efuse_dangers[];
extern const size_t em_efuse_dangers_count;

/** A key, or the place for one, as it will be after the burn. */
struct em_rule_key {
    const struct em_efuse_block *block;
    const struct em_efuse_purpose *purpose; /* NULL: unknown */
    enum { EM_RULE_OTHER, EM_RULE_SECRET, EM_RULE_DIGEST } kind;
    bool encrypts; /* flash */
    bool in;       /* there is something in it, or it cannot be seen */
    bool hidden;   /* read protected */
    bool hides;    /* by this burn */
    bool staged;   /* its data or its purpose is to be burned */
};

enum { EM_RULE_KEYS_MAX = 16, EM_RULE_SUBJECT = 160 };

/** What a rule is to look at. */
struct em_rule_look {
    const struct em_efuse_rule *rule;
    const struct em_efuses *was;
    const struct em_efuses *then; /* as if all that is staged were burned */
    struct em_rule_key keys[EM_RULE_KEYS_MAX];
    size_t key_count;
    char subject[EM_RULE_SUBJECT]; /* what it is about */
};

/** Find the keys. */
void em_rule_find_keys(struct em_rule_look *look);
/** Is a bit of this field to be burned that is not yet? */
bool em_rule_changes(const struct em_rule_look *look, const char *name);
/** The first field of a blank separated list that has such a bit, or NULL. */
const char *em_rule_changed(const struct em_rule_look *look, const char *list);
/** Is this bit of WR_DIS one that the burn closes? */
bool em_rule_closes(const struct em_rule_look *look, int bit);
/** Keep what the rule is about; true, so that checks can return it. */
bool em_rule_hit(struct em_rule_look *look, const char *fmt, ...) EM_PRINTF(2, 3);
/** Is flash encryption on? */
bool em_rule_encrypted(const struct em_efuses *e);
bool em_rule_secure(const struct em_efuses *e);
/** Does a field that closes download mode change? NULL: none does. */
const char *em_rule_closes_download(const struct em_rule_look *look);

/** Looks at keys and their blocks (rules_keys.c); false for other checks. */
bool em_rule_check_keys(struct em_rule_look *look);
/** Looks at BLOCK0 (rules_fields.c); false for other checks. */
bool em_rule_check_fields(struct em_rule_look *look);

/** Look at all rules for what is staged; fills the findings of @p e. */
enum em_status em_efuses_judge(struct em_efuses *e, struct em_error *err);
/** EM_ERR_REFUSED if a finding refuses and was not overridden. */
enum em_status em_efuses_judged(const struct em_efuses *e, struct em_error *err);
/** Refuse by the rule @p id while staging, unless it is overridden. */
enum em_status em_efuses_refuse_by(const struct em_efuses *e, const char *id,
                                   struct em_error *err, const char *fmt, ...)
    EM_PRINTF(4, 5);
/** What burning this field does; "" if nothing special. */
const char *em_efuses_danger(const char *field);

#endif
