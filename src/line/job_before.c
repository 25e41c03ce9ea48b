/* SPDX-License-Identifier: Apache-2.0 */
/* A job's stages before its own firmware: test programs that a board has to pass. */
#include "config.h"

#include "src/line/job_int.h"

#include "flasher/image/image_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_LEN = 24, /* with what stands before it, a step has a short name */
    SECTOR = 4096, /* the smallest piece of flash that is erased */
};

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* Text that stands for the list or mapping @p key of stage @p idx in places. */
static char *place_of(const struct job_making *making, size_t idx, const char *key)
{
    return line_yaml_text(making->job->yaml, "before[%zu].%s", idx, key);
}

static enum em_status take_name(struct job_making *making, size_t idx,
                                struct em_error *err)
{
    struct line_job *job = making->job;
    struct line_before *stage = &job->before[idx];
    const struct line_key key = {job->yaml, "before", idx, "name"};
    stage->name = making->y->before[idx].name;
    if (strlen(stage->name) > NAME_LEN ||
        stage->name[strspn(stage->name, name_letters)] != '\0')
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "letters, digits, '-', '_' and '.', as self-test",
                              "name: '%.64s' is not a name of at most %d letters",
                              stage->name, (int)NAME_LEN);
    for (size_t i = 0; i < idx; i++) {
        if (strcmp(job->before[i].name, stage->name) == 0)
            return line_key_fault(&key, EM_ERR_INPUT, err,
                                  "the ledger tells stages apart by their names",
                                  "name: '%s' is that of another stage", stage->name);
    }
    stage->flash_step = line_yaml_text(job->yaml, "flash/%s", stage->name);
    stage->boot_step = line_yaml_text(job->yaml, "boot/%s", stage->name);
    return stage->flash_step == NULL || stage->boot_step == NULL ? em_error_nomem(err)
                                                                 : EM_OK;
}

static uint64_t end_of(const struct line_image *image)
{
    return (image->addr + (uint64_t)image->len + SECTOR - 1) / SECTOR * SECTOR;
}

/* No two images of a stage share a sector, and none goes beyond the flash. Other stages
 * may use the same places: they come one after the other. */
static enum em_status check_room(const struct job_making *making,
                                 const struct line_before *stage, const char *list,
                                 struct em_error *err)
{
    const struct line_job *job = making->job;
    uint64_t size = UINT64_MAX;
    if (job->flash_size != NULL && !em_image_flash_bytes(job->flash_size, &size))
        size = UINT64_MAX; /* as the chip says */
    for (size_t i = 0; i < stage->image_count; i++) {
        const struct line_image *a = &stage->images[i];
        const struct line_key key = {job->yaml, list, i, "at"};
        if (end_of(a) > size)
            return line_key_fault(
                &key, EM_ERR_FULL, err, "check flash size and addresses",
                "%s: ends at 0x%" PRIx64 ", the flash (%s) at 0x%" PRIx64, a->file,
                end_of(a), job->flash_size, size);
        for (size_t j = 0; j < i; j++) {
            const struct line_image *b = &stage->images[j];
            if (a->addr < end_of(b) && b->addr < end_of(a))
                return line_key_fault(
                    &key, EM_ERR_INPUT, err,
                    "put them further apart; flash is erased in pieces of 0x1000 bytes",
                    "%s and %s overlap", b->file, a->file);
        }
    }
    return EM_OK;
}

static enum em_status take_stage(struct job_making *making, size_t idx,
                                 struct em_error *err)
{
    const struct job_y_before *y = &making->y->before[idx];
    struct line_before *stage = &making->job->before[idx];
    const char *images = place_of(making, idx, "images");
    const char *boot = place_of(making, idx, "boot_check");
    enum em_status status = images == NULL || boot == NULL ? em_error_nomem(err) : EM_OK;
    if (status == EM_OK)
        status = take_name(making, idx, err);
    if (status == EM_OK)
        status = line_job_take_images(&stage->images, &stage->image_count, making,
                                      y->images, y->image_count, images, err);
    if (status == EM_OK)
        status = check_room(making, stage, images, err);
    if (status != EM_OK)
        return status;
    const struct line_key key = {making->job->yaml, boot, LINE_NO_IDX, "expect"};
    stage->boot_text = y->boot_check->expect;
    status = line_job_boot(&stage->boot_regex, &stage->boot_timeout_ms, &stage->boot_baud,
                           &key, y->boot_check, err);
    stage->has_regex = status == EM_OK;
    return status;
}

enum em_status line_job_before(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    enum em_status status = EM_OK;
    if (making->y->before_count == 0)
        return EM_OK;
    job->before = calloc(making->y->before_count, sizeof *job->before);
    if (job->before == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < making->y->before_count && status == EM_OK; i++) {
        job->before_count++;
        status = take_stage(making, i, err);
    }
    return status;
}

void line_job_free_before(struct line_job *job)
{
    for (size_t i = 0; i < job->before_count; i++) {
        struct line_before *stage = &job->before[i];
        for (size_t k = 0; k < stage->image_count; k++)
            free(stage->images[k].data);
        free(stage->images);
        if (stage->has_regex)
            regfree(&stage->boot_regex);
    }
    free(job->before);
}

const struct line_image *line_job_image(const struct line_job *job, size_t idx)
{
    if (idx < job->image_count)
        return &job->images[idx];
    idx -= job->image_count;
    for (size_t i = 0; i < job->before_count; i++) {
        if (idx < job->before[i].image_count)
            return &job->before[i].images[idx];
        idx -= job->before[i].image_count;
    }
    return NULL;
}
