/* SPDX-License-Identifier: Apache-2.0 */
/* A job: from its file to what a line does, complete and checked. */
#include "config.h"

#include "src/line/job_int.h"

#include "base/file_int.h"

#include <espmfg/efuse.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A board that fails is tried this often, and so many failures in a row mean that
 * something is wrong with more than a board. */
enum { ATTEMPTS = 3, STOP_AFTER = 5, BOOT_TIMEOUT_MS = 10000, BOOT_BAUD = 115200 };

static struct line_key top(const struct line_job *job, const char *key)
{
    return (struct line_key){job->yaml, "", LINE_NO_IDX, key};
}

/* ---- The batch ---- */

static const char *chip_name(const void *user, size_t idx)
{
    size_t count;
    const struct em_chip *chips = em_chips(&count);
    (void)user;
    return idx < count ? chips[idx].id : NULL;
}

static enum em_status take_chip(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    const struct line_key key = top(job, "chip");
    making->chip = em_chip_find(making->y->chip);
    if (making->chip == NULL) {
        char hint[sizeof err->hint];
        line_nearest(hint, sizeof hint, making->y->chip, chip_name, NULL);
        return line_key_fault(&key, EM_ERR_INPUT, err, hint, "no chip is named '%.64s'",
                              making->y->chip);
    }
    job->chip = line_yaml_text(job->yaml, "%s", making->chip->id);
    return job->chip == NULL ? em_error_nomem(err) : EM_OK;
}

static enum em_status take_batch(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    const struct job_y *y = making->y;
    const struct line_key key = top(job, "batch");
    enum { NAME_MAX_LEN = 128 };
    if (strlen(y->batch) > NAME_MAX_LEN)
        return line_key_fault(&key, EM_ERR_INPUT, err, NULL,
                              "batch: a name of %zu bytes, limit %d", strlen(y->batch),
                              (int)NAME_MAX_LEN);
    job->name = y->batch;
    const char *ledger = y->ledger == NULL ? "batch.db" : y->ledger;
    job->ledger = strstr(ledger, "://") != NULL ? line_yaml_text(job->yaml, "%s", ledger)
                                                : line_yaml_path(job->yaml, ledger);
    if (job->ledger == NULL)
        return em_error_nomem(err);
    return take_chip(making, err);
}

/* ---- What comes after the eFuses ---- */

enum em_status line_job_boot(regex_t *regex, uint32_t *timeout_ms, uint32_t *baud,
                             const struct line_key *expect, const struct job_y_boot *y,
                             struct em_error *err)
{
    struct line_key key = *expect;
    *timeout_ms = BOOT_TIMEOUT_MS;
    *baud = BOOT_BAUD;
    /* ^ and $ are those of a line: much is said before what is waited for. */
    int wrong = regcomp(regex, y->expect, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
    if (wrong != 0) {
        char why[128];
        (void)regerror(wrong, regex, why, sizeof why);
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "it is an extended regular expression, see regex(7)",
                              "expect: '%.128s': %s", y->expect, why);
    }
    key.key = "within";
    enum em_status status = line_take_ms(timeout_ms, &key, y->within, err);
    key.key = "baud";
    if (status == EM_OK)
        status = line_take_number(baud, &key, y->baud, 1, 20000000, err);
    if (status != EM_OK)
        regfree(regex);
    return status;
}

static enum em_status take_boot(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    const struct job_y_boot *y = making->y->boot_check;
    const struct line_key key = {job->yaml, "boot_check", LINE_NO_IDX, "expect"};
    job->boot_timeout_ms = BOOT_TIMEOUT_MS;
    job->boot_baud = BOOT_BAUD;
    if (y == NULL)
        return EM_OK;
    enum em_status status = line_job_boot(&job->boot_regex, &job->boot_timeout_ms,
                                          &job->boot_baud, &key, y, err);
    job->boot_check = status == EM_OK;
    job->boot_text = y->expect;
    return status;
}

static enum em_status take_retry(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    const struct job_y_retry *y = making->y->retry;
    struct line_key key = {job->yaml, "retry", LINE_NO_IDX, "attempts"};
    job->attempts = ATTEMPTS;
    job->stop_after = STOP_AFTER;
    if (y == NULL)
        return EM_OK;
    enum em_status status =
        line_take_number(&job->attempts, &key, y->attempts, 1, 1000, err);
    key.key = "stop_after";
    if (status == EM_OK)
        status = line_take_number(&job->stop_after, &key, y->stop_after, 0, 1000000, err);
    return status;
}

static enum em_status take_end(struct job_making *making, struct em_error *err)
{
    static const char *const words[] = {"keep", "destroy", NULL};
    struct line_job *job = making->job;
    struct line_key key = top(job, "keys_after");
    size_t keys = LINE_KEYS_KEEP;
    enum em_status status =
        line_take_choice(&keys, &key, making->y->keys_after, words, err);
    if (status != EM_OK)
        return status;
    job->keys_after = (enum line_keys_after)keys; /* in this order */
    if (job->keys_after == LINE_KEYS_DESTROY && job->units.encryption < EM_UNITS_HMAC &&
        job->units.manifest == NULL)
        return line_key_fault(&key, EM_ERR_INPUT, err, "leave keys_after away",
                              "keys_after: destroy, but units have no keys of their own");
    if (making->y->stub == NULL)
        return EM_OK;
    int fd;
    job->stub = line_yaml_path(job->yaml, making->y->stub);
    if (job->stub == NULL)
        return em_error_nomem(err);
    status = em_file_open(&fd, job->stub, NULL, err);
    if (status != EM_OK)
        return line_yaml_at(job->yaml, "stub", status, err);
    (void)close(fd); /* only looked at */
    return EM_OK;
}

/* ---- All of it ---- */

enum em_status line_job_open(struct line_job *out, const char *path,
                             const struct em_hooks *hooks, struct em_error *err)
{
    static enum em_status (*const parts[])(struct job_making *, struct em_error *) = {
        take_batch,     line_job_images, line_job_before,   take_boot, take_retry,
        line_job_units, line_job_steps,  line_job_rehearse, take_end,  line_job_hashes,
    };
    struct em_error unused;
    void *data;
    *out = (struct line_job){0};
    err = err == NULL ? &unused : err;
    enum em_status status =
        line_yaml_open(&out->yaml, &data, path, &line_job_schema, err);
    if (status != EM_OK)
        return status;
    struct job_making making = {.job = out, .y = data, .hooks = hooks};
    out->file = line_yaml_text(out->yaml, "%s", path);
    if (out->file == NULL)
        status = em_error_nomem(err);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == EM_OK; i++)
        status = parts[i](&making, err);
    if (status == EM_OK)
        status = line_job_overlaps(&making, err);
    free(making.table);
    em_efuses_close(making.blank);
    if (status != EM_OK)
        line_job_free(out);
    return status;
}

void line_job_free(struct line_job *job)
{
    for (size_t i = 0; i < job->image_count; i++)
        free(job->images[i].data);
    free(job->images);
    line_job_free_before(job);
    free(job->steps);
    em_units_close(job->source);
    free((void *)job->seal);
    if (job->boot_check)
        regfree(&job->boot_regex);
    line_yaml_free(job->yaml);
    *job = (struct line_job){0};
}
