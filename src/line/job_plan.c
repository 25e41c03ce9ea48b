/* SPDX-License-Identifier: Apache-2.0 */
/* What a job is, in two numbers: the plan of its eFuses, which people approve, and all of
 * it, which a ledger is begun with. */
#include "config.h"

#include "src/line/job_int.h"

#include "base/file_int.h"
#include "src/line/line.h"

#include <espmfg/efuse.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_FILE_MAX = 1024 * 1024 };

/* Words of the plan's text; they stay as they are for good. */
static const char *const kinds[] = {
    [LINE_STEP_KEY] = "burn-key",
    [LINE_STEP_FIELD] = "burn-efuse",
    [LINE_STEP_MAC] = "burn-custom-mac",
    [LINE_STEP_READ_PROTECT] = "read-protect",
    [LINE_STEP_WRITE_PROTECT] = "write-protect",
    [LINE_STEP_SCRIPT] = "script",
};

/* Texts of a user are one line each and without control characters (job_yaml.c), so that
 * no two jobs have the same text. */
static void add(struct em_buf *text, const char *name, const char *value)
{
    if (value == NULL)
        return;
    em_buf_append_byte(text, '\t');
    em_buf_append_text(text, name);
    em_buf_append_byte(text, '=');
    em_buf_append_text(text, value);
}

/* The digest of a file stands for it. */
static enum em_status add_file(struct em_buf *text, const char *name, const char *path,
                               struct em_error *err)
{
    struct em_buf content = {0};
    char digest[65];
    enum em_status status = em_file_read(&content, path, KEY_FILE_MAX, err);
    if (status == EM_OK)
        status = line_sha256(digest, content.data, content.len, err);
    if (status == EM_OK)
        add(text, name, digest);
    em_buf_wipe(&content);
    return status;
}

static enum em_status add_step(struct em_buf *text, const struct line_step *step,
                               struct em_error *err)
{
    enum em_status status = EM_OK;
    em_buf_append_text(text, kinds[step->kind]);
    add(text, "block", step->block);
    add(text, "purpose", step->purpose);
    if (step->kind == LINE_STEP_SCRIPT)
        status = add_file(text, "sha256", step->name, err);
    else
        add(text, "name", step->name);
    if (step->kind == LINE_STEP_KEY && step->key_file == NULL)
        add(text, "key", "unit");
    else if (step->key_file != NULL)
        status = add_file(text, "key-sha256", step->key_file, err);
    add(text, step->column ? "column" : "value", step->value);
    if (step->no_read_protect)
        add(text, "read-protect", "no");
    if (step->no_write_protect)
        add(text, "write-protect", "no");
    em_buf_append_byte(text, '\n');
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Rules that are overridden, in an order of their own. */
static enum em_status add_overrides(struct em_buf *text, const struct line_job *job,
                                    struct em_error *err)
{
    if (job->override_count == 0)
        return EM_OK;
    const char **sorted = malloc(job->override_count * sizeof *sorted);
    if (sorted == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < job->override_count; i++)
        sorted[i] = job->overrides[i];
    qsort(sorted, job->override_count, sizeof *sorted, by_text);
    for (size_t i = 0; i < job->override_count; i++) {
        em_buf_append_text(text, "override");
        add(text, "rule", sorted[i]);
        em_buf_append_byte(text, '\n');
    }
    free(sorted);
    return EM_OK;
}

static enum em_status end_text(char out[65], struct em_buf *text, enum em_status status,
                               struct em_error *err)
{
    if (status == EM_OK && text->failed)
        status = em_error_nomem(err);
    if (status == EM_OK)
        status = line_sha256(out, text->data, text->len, err);
    em_buf_free(text);
    return status;
}

static enum em_status hash_plan(struct line_job *job, struct em_error *err)
{
    struct em_buf text = {0};
    enum em_status status = EM_OK;
    em_buf_append_text(&text, "espmfg eFuse plan 1\n");
    em_buf_append_text(&text, job->chip);
    em_buf_append_byte(&text, '\n');
    for (size_t i = 0; i < job->step_count && status == EM_OK; i++)
        status = add_step(&text, &job->steps[i], err);
    if (status == EM_OK)
        status = add_overrides(&text, job, err);
    return end_text(job->plan, &text, status, err);
}

static void add_number(struct em_buf *text, const char *name, uint64_t value)
{
    char number[24];
    (void)snprintf(number, sizeof number, "0x%" PRIx64, value);
    add(text, name, number);
}

/* A stage is what is written and what has to be heard: who has passed it has passed that.
 */
static void add_before(struct em_buf *text, const struct line_before *stage)
{
    em_buf_append_text(text, "\nbefore");
    add(text, "name", stage->name);
    add(text, "expect", stage->boot_text);
    for (size_t i = 0; i < stage->image_count; i++) {
        const struct line_image *image = &stage->images[i];
        em_buf_append_text(text, "\nimage");
        add_number(text, "at", image->addr);
        add(text, "sha256", image->sha256);
        add(text, "encrypt", image->encrypt ? "yes" : "no");
    }
}

static enum em_status hash_job(struct line_job *job, struct em_error *err)
{
    struct em_buf text = {0};
    em_buf_append_text(&text, "espmfg job 1\n");
    add(&text, "chip", job->chip);
    add(&text, "plan", job->plan);
    add(&text, "units", em_units_digest(job->source));
    add_number(&text, "at", job->nvs_addr);
    add(&text, "flash-size", job->flash_size);
    add(&text, "flash-mode", job->flash_mode);
    add(&text, "flash-freq", job->flash_freq);
    if (job->crypt.on) {
        add_number(&text, "keys-at", job->crypt.keys_addr);
        add_number(&text, "flash-key", job->crypt.key_len);
        add(&text, "firmware", job->crypt.firmware ? "yes" : "no");
    }
    for (size_t i = 0; i < job->image_count; i++) {
        const struct line_image *image = &job->images[i];
        em_buf_append_text(&text, "\nimage");
        add_number(&text, "at", image->addr);
        add(&text, "sha256", image->sha256);
        add(&text, "encrypt", image->encrypt ? "yes" : "no");
        if (image->host_encrypt)
            add(&text, "host-encrypt", "yes");
    }
    for (size_t i = 0; i < job->before_count; i++)
        add_before(&text, &job->before[i]);
    return end_text(job->digest, &text, EM_OK, err);
}

enum em_status line_job_hashes(struct job_making *making, struct em_error *err)
{
    enum em_status status = hash_plan(making->job, err);
    return status == EM_OK ? hash_job(making->job, err) : status;
}

/* ---- On a chip that does not exist ---- */

static enum em_status burns_nothing(void *user, struct em_error *err)
{
    (void)user;
    (void)err;
    return EM_OK; /* what a script burns by itself stays staged, and so is seen */
}

enum em_status line_job_plan(struct em_efuses **out,
                             const struct em_efuses_change **changes_out,
                             size_t *count_out, const struct line_job *job,
                             struct em_error *err)
{
    const struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    *count_out = 0;
    enum em_status status = em_efuses_open_virtual(out, job->chip, NULL, &options, err);
    if (status == EM_OK)
        status = line_steps_stage(job, *out, NULL, NULL, false, NULL, burns_nothing, NULL,
                                  err);
    if (status == EM_OK)
        status = em_efuses_plan(*out, changes_out, count_out, err);
    if (status != EM_OK) {
        em_efuses_close(*out);
        *out = NULL;
    }
    return status;
}

enum em_status line_job_rehearse(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    struct em_efuses *efuses;
    const struct em_efuses_change *changes;
    size_t count;
    if (job->step_count == 0)
        return EM_OK;
    enum em_status status = line_job_plan(&efuses, &changes, &count, job, err);
    if (status != EM_OK)
        return line_yaml_at(job->yaml, "efuses",
                            status == EM_ERR_USAGE ? EM_ERR_INPUT : status, err);
    em_efuses_close(efuses);
    return status;
}
