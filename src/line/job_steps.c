/* SPDX-License-Identifier: Apache-2.0 */
/* A job's steps for eFuses: from its file, held against a virtual chip. */
#include "config.h"

#include "src/line/job_int.h"

#include "base/file_int.h"
#include "flasher/efuse/table_int.h"

#include <espmfg/efuse.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Key of the unit's image, as the NVS library derives it on the chip. */
static const char nvs_purpose[] = "HMAC_UP";

static const char *purpose_name(const void *user, size_t idx)
{
    return em_efuses_purpose(user, idx);
}

static bool has_purpose(const struct em_efuses *blank, const char *name)
{
    const char *each;
    for (size_t i = 0; (each = em_efuses_purpose(blank, i)) != NULL; i++) {
        if (strcmp(each, name) == 0)
            return true;
    }
    return false;
}

/* What the chip's table says of @p name; NULL: nothing. */
static const struct em_efuse_purpose *purpose_of(const struct em_chip *chip,
                                                 const char *name)
{
    const struct em_efuse_table *table = em_efuse_table_find(chip);
    for (size_t i = 0; table != NULL && name != NULL && i < table->purpose_count; i++) {
        if (strcmp(table->purposes[i].name, name) == 0)
            return &table->purposes[i];
    }
    return NULL;
}

/* Where step @p idx has its @p what ("burn_key"), and @p key of it. */
struct step_place {
    char list[LINE_PLACE_SIZE];
    struct line_key key;
};

static struct line_key step_key(struct step_place *place, const struct job_making *making,
                                size_t idx, const char *what, const char *key)
{
    (void)snprintf(place->list, sizeof place->list, "efuses[%zu].%s", idx, what);
    return (struct line_key){making->job->yaml, place->list, LINE_NO_IDX, key};
}

static enum em_status at_key(const struct line_key *key, enum em_status status,
                             struct em_error *err)
{
    char place[LINE_PLACE_SIZE];
    return line_yaml_at(key->yaml, line_key_place(key, place), status, err);
}

struct line_step *line_job_new_step(struct job_making *making, enum line_step_kind kind,
                                    const struct line_key *key, struct em_error *err)
{
    struct line_job *job = making->job;
    char place[LINE_PLACE_SIZE];
    struct line_step *bigger =
        realloc(job->steps, (job->step_count + 1) * sizeof *bigger);
    if (bigger == NULL) {
        (void)em_error_nomem(err);
        return NULL;
    }
    job->steps = bigger;
    bigger[job->step_count] = (struct line_step){
        .kind = kind,
        .line = line_yaml_line(job->yaml, line_key_place(key, place)),
    };
    return &bigger[job->step_count++];
}

/* ---- Keys ---- */

static enum em_status check_purpose(const struct job_making *making,
                                    const struct line_step *step,
                                    const struct line_key *key, struct em_error *err)
{
    char hint[sizeof err->hint];
    if (step->purpose == NULL || has_purpose(making->blank, step->purpose))
        return EM_OK;
    line_nearest(hint, sizeof hint, step->purpose, purpose_name, making->blank);
    return line_key_fault(key, EM_ERR_INPUT, err, hint,
                          "the %s has no key purpose '%.64s'", making->chip->name,
                          step->purpose);
}

static enum em_status check_key_file(const struct job_making *making,
                                     const struct line_step *step,
                                     const struct line_key *key, struct em_error *err)
{
    struct stat st;
    int fd;
    const struct em_efuse_purpose *purpose = purpose_of(making->chip, step->purpose);
    enum em_status status = em_file_open(&fd, step->key_file, &st, err);
    if (status != EM_OK)
        return at_key(key, status, err);
    (void)close(fd); /* only looked at */
    bool secret = purpose == NULL || !purpose->digest;
    if (secret && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return line_key_fault(key, EM_ERR_INPUT, err, "chmod 600 it",
                              "%s: others than its owner may use this key (mode %03o)",
                              step->key_file, (unsigned)st.st_mode & 0777U);
    return EM_OK;
}

static enum em_status take_protection(bool *no_out, const struct line_key *key,
                                      const char *text, bool *given_out,
                                      struct em_error *err)
{
    bool yes = true;
    enum em_status status = line_take_yes(&yes, key, text, err);
    *no_out = !yes;
    *given_out = text != NULL && yes;
    return status;
}

static enum em_status take_key_protection(struct job_making *making, size_t idx,
                                          struct line_step *step, struct em_error *err)
{
    const struct job_y_key *y = making->y->efuses[idx].burn_key;
    struct step_place place;
    bool given;
    struct line_key key = step_key(&place, making, idx, "burn_key", "write_protect");
    enum em_status status =
        take_protection(&step->no_write_protect, &key, y->write_protect, &given, err);
    key.key = "read_protect";
    if (status == EM_OK)
        status =
            take_protection(&step->no_read_protect, &key, y->read_protect, &given, err);
    const struct em_efuse_purpose *purpose = purpose_of(making->chip, step->purpose);
    if (status == EM_OK && given && purpose != NULL && purpose->digest)
        return line_key_fault(&key, EM_ERR_INPUT, err, "leave read_protect away",
                              "a read protected digest makes the chip useless");
    return status;
}

static enum em_status take_key(struct job_making *making, size_t idx,
                               struct em_error *err)
{
    const struct job_y_key *y = making->y->efuses[idx].burn_key;
    struct line_job *job = making->job;
    struct em_efuses_block block;
    struct step_place place;
    struct line_key key = step_key(&place, making, idx, "burn_key", "");
    struct line_step *step = line_job_new_step(making, LINE_STEP_KEY, &key, err);
    if (step == NULL)
        return EM_ERR_NOMEM;
    step->block = y->block;
    if (y->block == NULL)
        step->block = line_yaml_text(job->yaml, "auto");
    if (step->block == NULL)
        return em_error_nomem(err);
    step->purpose = y->purpose;
    key.key = "block";
    enum em_status status = EM_OK;
    if (strcmp(step->block, "auto") != 0) {
        status = em_efuses_block_find(making->blank, step->block, &block, err);
        if (status != EM_OK)
            return at_key(&key, EM_ERR_INPUT, err);
    }
    key.key = "purpose";
    status = check_purpose(making, step, &key, err);
    key.key = "file";
    if (status == EM_OK && y->file != NULL) {
        step->key_file = line_yaml_path(job->yaml, y->file);
        status = step->key_file == NULL ? em_error_nomem(err)
                                        : check_key_file(making, step, &key, err);
    }
    return status == EM_OK ? take_key_protection(making, idx, step, err) : status;
}

/* ---- The other kinds ---- */

/* Has the units' table this column? They all have the same: the first one's are looked
 * at. */
static enum em_status check_column(const struct job_making *making, const char *column,
                                   const struct line_key *key, struct em_error *err)
{
    struct em_unit_data *unit;
    const char *name;
    const char *text;
    char list[sizeof err->hint] = "";
    enum em_status status = em_units_take(making->job->source, 1, &unit, err);
    if (status != EM_OK)
        return at_key(key, status, err);
    bool found = false;
    for (size_t i = 0; !found && em_unit_column(unit, i, &name, &text); i++) {
        size_t len = strlen(list);
        found = strcmp(name, column) == 0;
        (void)snprintf(list + len, sizeof list - len, "%s%s", len == 0 ? "" : ", ", name);
    }
    if (!found)
        status =
            line_key_fault(key, EM_ERR_INPUT, err,
                           list[0] == '\0' ? "units of a manifest have no columns" : list,
                           "the units' table has no column '%.64s'", column);
    em_unit_close(unit);
    return status;
}

static enum em_status take_field(struct job_making *making, size_t idx,
                                 struct em_error *err)
{
    const struct job_y_field *y = making->y->efuses[idx].burn_efuse;
    struct em_efuses_field field;
    struct step_place place;
    struct line_key key = step_key(&place, making, idx, "burn_efuse", "field");
    struct line_step *step = line_job_new_step(making, LINE_STEP_FIELD, &key, err);
    if (step == NULL)
        return EM_ERR_NOMEM;
    if (em_efuses_field_find(making->blank, y->field, &field, err) != EM_OK)
        return at_key(&key, EM_ERR_INPUT, err);
    step->name = y->field;
    key.key = "column";
    if (y->value != NULL && y->column != NULL)
        return line_key_fault(&key, EM_ERR_INPUT, err, "leave one of them away",
                              "value and column do not go together");
    step->column = y->column != NULL;
    step->value = step->column ? y->column : y->value;
    if (step->value == NULL)
        step->value = line_yaml_text(making->job->yaml, "%s", "");
    if (step->value == NULL)
        return em_error_nomem(err);
    return step->column ? check_column(making, y->column, &key, err) : EM_OK;
}

static enum em_status take_mac(struct job_making *making, size_t idx,
                               struct em_error *err)
{
    struct step_place place;
    const struct line_key key =
        step_key(&place, making, idx, "burn_custom_mac", "column");
    struct line_step *step = line_job_new_step(making, LINE_STEP_MAC, &key, err);
    if (step == NULL)
        return EM_ERR_NOMEM;
    step->value = making->y->efuses[idx].burn_custom_mac->column;
    step->column = true;
    return check_column(making, step->value, &key, err);
}

static enum em_status take_names(struct job_making *making, size_t idx, const char *what,
                                 enum line_step_kind kind, char **names, size_t count,
                                 struct em_error *err)
{
    struct em_efuses_field field;
    struct em_efuses_block block;
    struct step_place place;
    for (size_t i = 0; i < count; i++) {
        const struct line_key key = {making->job->yaml, place.list, i, ""};
        (void)step_key(&place, making, idx, what, "");
        struct line_step *step = line_job_new_step(making, kind, &key, err);
        if (step == NULL)
            return EM_ERR_NOMEM;
        step->name = names[i];
        if (em_efuses_block_find(making->blank, names[i], &block, NULL) != EM_OK &&
            em_efuses_field_find(making->blank, names[i], &field, err) != EM_OK)
            return at_key(&key, EM_ERR_INPUT, err);
    }
    return EM_OK;
}

static enum em_status take_script(struct job_making *making, size_t idx,
                                  struct em_error *err)
{
    int fd;
    struct step_place place;
    const struct line_key key = step_key(&place, making, idx, "script", "");
    struct line_step *step = line_job_new_step(making, LINE_STEP_SCRIPT, &key, err);
    if (step == NULL)
        return EM_ERR_NOMEM;
    step->name = line_yaml_path(making->job->yaml, making->y->efuses[idx].script);
    if (step->name == NULL)
        return em_error_nomem(err);
    enum em_status status = em_file_open(&fd, step->name, NULL, err);
    if (status != EM_OK)
        return at_key(&key, status, err);
    (void)close(fd); /* only looked at */
    return EM_OK;
}

static enum em_status take_step(struct job_making *making, size_t idx,
                                struct em_error *err)
{
    const struct job_y_step *y = &making->y->efuses[idx];
    const struct line_key key = {making->job->yaml, "efuses", idx, ""};
    int kinds = (y->burn_key != NULL) + (y->burn_efuse != NULL) +
                (y->burn_custom_mac != NULL) + (y->read_protect_count != 0) +
                (y->write_protect_count != 0) + (y->script != NULL);
    if (kinds != 1)
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "begin each step with '- ': burn_key, burn_efuse, "
                              "burn_custom_mac, read_protect, write_protect or script",
                              kinds == 0 ? "a step of efuses says nothing"
                                         : "several steps of efuses in one entry");
    if (y->burn_key != NULL)
        return take_key(making, idx, err);
    if (y->burn_efuse != NULL)
        return take_field(making, idx, err);
    if (y->burn_custom_mac != NULL)
        return take_mac(making, idx, err);
    if (y->script != NULL)
        return take_script(making, idx, err);
    return y->read_protect_count != 0
               ? take_names(making, idx, "read_protect", LINE_STEP_READ_PROTECT,
                            y->read_protect, y->read_protect_count, err)
               : take_names(making, idx, "write_protect", LINE_STEP_WRITE_PROTECT,
                            y->write_protect, y->write_protect_count, err);
}

/* ---- Together ---- */

static enum em_status take_overrides(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    for (size_t i = 0; i < making->y->override_count; i++) {
        const struct line_key key = {job->yaml, "overrides", i, ""};
        if (em_efuses_override(making->blank, making->y->overrides[i], err) != EM_OK)
            return at_key(&key, EM_ERR_INPUT, err);
    }
    job->overrides = making->y->overrides;
    job->override_count = making->y->override_count;
    return EM_OK;
}

/* A key of the unit is of use only if it is burned, and can be burned only if there is
 * one. */
static enum em_status check_unit_key(const struct job_making *making,
                                     struct em_error *err)
{
    const struct line_job *job = making->job;
    const struct line_key key = {job->yaml, "units", LINE_NO_IDX, "encryption"};
    const struct line_step *step = NULL;
    bool hmac = job->units.encryption == EM_UNITS_HMAC;
    if (hmac && !has_purpose(making->blank, nvs_purpose))
        return line_key_fault(&key, EM_ERR_UNSUPPORTED, err,
                              "use encryption: key with flash encryption, or none",
                              "the %s has no HMAC: it cannot make the keys of its NVS",
                              making->chip->name);
    for (size_t i = 0; i < job->step_count; i++) {
        if (job->steps[i].kind == LINE_STEP_KEY && job->steps[i].key_file == NULL) {
            if (step != NULL)
                return line_yaml_fault(job->yaml, "efuses", EM_ERR_INPUT, err,
                                       "give the other ones a file",
                                       "the unit's key is burned twice (lines %lu, %lu)",
                                       step->line, job->steps[i].line);
            step = &job->steps[i];
        }
    }
    if (hmac && (step == NULL || step->purpose == NULL ||
                 strcmp(step->purpose, nvs_purpose) != 0))
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "add to efuses: - burn_key: {purpose: HMAC_UP}",
                              "encryption: hmac, but no step burns the unit's key as "
                              "HMAC_UP: no device could read its NVS");
    if (step != NULL && job->units.encryption < EM_UNITS_HMAC &&
        job->units.manifest == NULL) {
        (void)em_error_set(err, EM_ERR_INPUT,
                           "name a file, or use encryption: hmac in units",
                           "burn_key without a file, but units have no keys");
        em_error_at(err, job->file, step->line);
        return EM_ERR_INPUT;
    }
    return EM_OK;
}

enum em_status line_job_steps(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    const struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    if (making->y->step_count == 0 && job->units.encryption < EM_UNITS_HMAC)
        return EM_OK;
    enum em_status status =
        em_efuses_open_virtual(&making->blank, making->chip->id, NULL, &options, err);
    if (status != EM_OK)
        return line_yaml_at(job->yaml, "efuses", status, err);
    for (size_t i = 0; i < making->y->step_count && status == EM_OK; i++)
        status = take_step(making, i, err);
    if (status == EM_OK && job->crypt.on)
        status = line_job_crypt_steps(making, err);
    if (status == EM_OK)
        status = take_overrides(making, err);
    return status == EM_OK ? check_unit_key(making, err) : status;
}
