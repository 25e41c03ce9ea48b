/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuse steps of a job, staged for one unit. */
#include "config.h"

#include "src/line/line.h"

#include "base/buf_int.h"
#include "base/error_int.h"
#include "base/file_int.h"

#include <espmfg/efuse.h>
#include <espmfg/efuse_script.h>

#include <stdlib.h>
#include <string.h>

enum {
    KEY_FILE_MAX = 16384, /* a PEM file of a long RSA key has 3 KiB */
    SHOWN_KEY = 32,       /* bytes of the key that stands for the units' in a plan */
};

/* One call of line_steps_stage(). */
struct staging {
    const struct line_job *job;
    struct em_efuses *efuses;
    const struct em_unit_data *unit;
    const struct em_key *key;
    bool recorded;
    const struct em_hooks *hooks;
    enum em_status (*script_burn)(void *user, struct em_error *err);
    void *user;
};

/* ---- Keys ---- */

static enum em_status load_key(const struct line_step *step, struct em_buf *file,
                               struct em_efuses_key *key, struct em_error *err)
{
    /* Memory that grows would leave copies of a key behind. */
    if (em_buf_reserve(file, KEY_FILE_MAX) == NULL)
        return em_error_nomem(err);
    enum em_status status = em_file_read(file, step->key_file, KEY_FILE_MAX, err);
    key->data = file->data;
    key->len = file->len;
    return status;
}

static enum em_status take_key(const struct staging *s, const struct line_step *step,
                               struct em_buf *file, struct em_efuses_key *key,
                               struct em_error *err)
{
    *key = (struct em_efuses_key){.block = step->block, .recorded = s->recorded};
    if (step->purpose != NULL && step->purpose[0] != '\0')
        key->purpose = step->purpose;
    if (step->key_file != NULL)
        return load_key(step, file, key, err);
    if (s->key->len == 0)
        return em_error_set(
            err, EM_ERR_INPUT, "the job's units need encryption with a key of their own",
            "the unit has no key that could be burned into %s", step->block);
    key->data = s->key->bytes;
    key->len = s->key->len;
    return EM_OK;
}

static bool is_alike(const struct line_step *a, const struct line_step *b)
{
    return a->kind == LINE_STEP_KEY && b->kind == LINE_STEP_KEY &&
           a->no_read_protect == b->no_read_protect &&
           a->no_write_protect == b->no_write_protect;
}

/* All keys with the options of the @p first, in one call: only so is a block never taken
 * for two of them. */
static enum em_status stage_keys(const struct staging *s, size_t first,
                                 struct em_error *err)
{
    const struct line_step *steps = s->job->steps;
    const struct em_efuses_key_options options = {
        .no_read_protect = steps[first].no_read_protect,
        .no_write_protect = steps[first].no_write_protect};
    size_t room = s->job->step_count - first, count = 0;
    struct em_efuses_key *keys = calloc(room, sizeof *keys);
    struct em_buf *files = calloc(room, sizeof *files);
    enum em_status status = keys == NULL || files == NULL ? em_error_nomem(err) : EM_OK;
    for (size_t i = first; i < s->job->step_count && status == EM_OK; i++) {
        if (!is_alike(&steps[first], &steps[i]))
            continue;
        status = take_key(s, &steps[i], &files[count], &keys[count], err);
        count++;
    }
    if (status == EM_OK)
        status = em_efuses_stage_keys(s->efuses, keys, count, &options, err);
    for (size_t i = 0; files != NULL && i < room; i++)
        em_buf_wipe(&files[i]);
    free(files);
    free(keys);
    return status;
}

/* ---- Scripts ---- */

static enum em_status on_script_burn(void *user, bool *ends, struct em_error *err)
{
    const struct staging *s = user;
    if (s->script_burn != NULL)
        return s->script_burn(s->user, err);
    *ends = true; /* what it had staged until then is the plan */
    return EM_OK;
}

static enum em_status run_script(struct staging *s, const struct line_step *step,
                                 struct em_error *err)
{
    struct em_efuses_script script = EM_EFUSES_SCRIPT_INIT;
    const char *name, *text;
    size_t count = 0;
    while (s->unit != NULL && em_unit_column(s->unit, count, &name, &text))
        count++;
    struct em_efuses_script_value *values = calloc(count + 1, sizeof *values);
    if (values == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < count; i++)
        (void)em_unit_column(s->unit, i, &values[i].name, &values[i].text); /* counted */
    if (s->hooks != NULL)
        script.hooks = *s->hooks;
    script.values = values;
    script.value_count = count;
    script.burn = on_script_burn;
    script.user = s;
    enum em_status status = em_efuses_script_run(s->efuses, step->name, &script, err);
    free(values);
    return status;
}

/* ---- All of them ---- */

/* The text of a step's value, NULL if it has none. */
static enum em_status find_value(const struct staging *s, const struct line_step *step,
                                 const char **out, struct em_error *err)
{
    *out = step->value == NULL || step->value[0] == '\0' ? NULL : step->value;
    if (!step->column)
        return EM_OK;
    const char *name, *text;
    for (size_t i = 0; s->unit != NULL && em_unit_column(s->unit, i, &name, &text); i++) {
        if (strcmp(name, step->value) == 0) {
            *out = text;
            return EM_OK;
        }
    }
    return em_error_set(err, EM_ERR_INPUT, "name a column of the values file",
                        "the units have no column '%s'", step->value);
}

static enum em_status stage_step(struct staging *s, size_t idx, struct em_error *err)
{
    const struct line_step *step = &s->job->steps[idx];
    const char *value = NULL;
    const char *const name = step->name;
    enum em_status status = EM_OK;
    if (step->kind == LINE_STEP_FIELD || step->kind == LINE_STEP_MAC)
        status = find_value(s, step, &value, err);
    if (status != EM_OK)
        return status;
    switch (step->kind) {
    case LINE_STEP_KEY:
        for (size_t i = 0; i < idx; i++) {
            if (is_alike(&s->job->steps[i], step))
                return EM_OK; /* staged with that one */
        }
        return stage_keys(s, idx, err);
    case LINE_STEP_FIELD:
        return em_efuses_stage_field(s->efuses, name, value, false, err);
    case LINE_STEP_MAC:
        return em_efuses_stage_custom_mac(s->efuses, value == NULL ? "" : value, err);
    case LINE_STEP_READ_PROTECT:
        return em_efuses_stage_read_protect(s->efuses, &name, 1, err);
    case LINE_STEP_WRITE_PROTECT:
        return em_efuses_stage_write_protect(s->efuses, &name, 1, err);
    case LINE_STEP_SCRIPT:
        return run_script(s, step, err);
    }
    return EM_OK;
}

static enum em_status stage_all(struct staging *s, struct em_error *err)
{
    enum em_status status = EM_OK;
    em_efuses_unstage(s->efuses);
    for (size_t i = 0; i < s->job->override_count && status == EM_OK; i++)
        status = em_efuses_override(s->efuses, s->job->overrides[i], err);
    for (size_t i = 0; i < s->job->step_count && status == EM_OK; i++) {
        status = stage_step(s, i, err);
        if (status != EM_OK)
            em_error_at(err, s->job->file, s->job->steps[i].line);
    }
    return status;
}

/* Before there are boards the first unit shows what is going to be burned; its key does
 * not exist yet, so bytes that mean nothing stand for it. */
static enum em_status stage_example(struct staging *s, struct em_error *err)
{
    struct em_unit_data *example = NULL;
    struct em_key shown = {.len = s->job->crypt.on ? s->job->crypt.key_len : SHOWN_KEY};
    for (size_t i = 0; i < shown.len; i++)
        shown.bytes[i] = (uint8_t)(i + 1);
    enum em_status status =
        s->job->source == NULL ? EM_OK : em_units_take(s->job->source, 1, &example, err);
    if (status == EM_OK) {
        s->unit = example;
        if (s->key == NULL || s->key->len == 0)
            s->key = &shown;
        status = stage_all(s, err);
    }
    em_unit_close(example);
    return status;
}

enum em_status line_steps_stage(const struct line_job *job, struct em_efuses *efuses,
                                const struct em_unit_data *unit, const struct em_key *key,
                                bool recorded, const struct em_hooks *hooks,
                                enum em_status (*script_burn)(void *user,
                                                              struct em_error *err),
                                void *user, struct em_error *err)
{
    static const struct em_key none = {0};
    struct staging s = {.job = job,
                        .efuses = efuses,
                        .unit = unit,
                        .key = key == NULL ? &none : key,
                        .recorded = recorded,
                        .hooks = hooks,
                        .script_burn = script_burn,
                        .user = user};
    return unit == NULL ? stage_example(&s, err) : stage_all(&s, err);
}
