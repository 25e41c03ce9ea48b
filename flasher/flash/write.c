/* SPDX-License-Identifier: Apache-2.0 */
/* Writing pieces: all is checked and planned first, then one after the other. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <stdlib.h>

enum { PROOFS_MAX = 3 }; /* looks at pieces whose neighbours had to be written again */

/* One call of em_flash_write(). */
struct writing {
    struct em_device *dev;
    const struct em_flash_write *write;
    struct em_flash_written *results; /* own, or the caller's */
    struct em_flash_space space;
    struct em_flash_security security;
    struct em_flash_job *jobs;
    struct em_flash_packer *packer;
    struct em_flash_engine *engine;
};

static bool any_encrypted(const struct em_flash_write *write)
{
    for (size_t i = 0; i < write->count; i++) {
        if (write->pieces[i].encrypt && write->pieces[i].len > 0)
            return true;
    }
    return false;
}

static enum em_status check(struct writing *w, struct em_error *err)
{
    struct em_device *dev = w->dev;
    const struct em_device_info *who; /* so that a reconnection knows the chip again */
    enum em_status status = em_device_info(dev, &who, err);
    if (status == EM_OK)
        status = em_flash_open(dev, &w->write->flash, &w->space, err);
    if (status == EM_OK)
        status = em_flash_security_read(&w->security, dev, any_encrypted(w->write), err);
    if (status == EM_OK)
        status = em_flash_check(dev, w->write, &w->space, &w->security, err);
    if (status == EM_OK && w->write->erase_all)
        status = em_flash_check_erase(dev, w->write->force, err);
    return status;
}

static struct em_flash_written *result_of(const struct writing *w,
                                          const struct em_flash_job *job)
{
    return &w->results[job->piece - w->write->pieces];
}

/* What the caller has to know of a piece before it is written. */
static void tell_piece(const struct writing *w, const struct em_flash_job *job)
{
    const struct em_flash_piece *piece = job->piece;
    const char *name = em_flash_piece_name(piece);
    if (piece->len == 0)
        em_rom_log(w->dev, EM_LOG_WARNING, NULL, "%s: is empty, nothing to write", name);
    if (job->addr < piece->addr && piece->addr - job->addr >= 4)
        em_rom_log(w->dev, EM_LOG_NOTE, NULL,
                   "%s: 0x%lx is within a sector, what stands before it from 0x%lx "
                   "on is erased",
                   name, (unsigned long)piece->addr, (unsigned long)job->addr);
    if (em_flash_erases_more(w->dev, job->addr, job->len))
        em_rom_log(w->dev, EM_LOG_NOTE, "use a stub (--stub)",
                   "%s: this ROM loader erases the sector behind it as well", name);
    if (piece->len > 0 && !piece->encrypt && w->security.encryption)
        em_rom_log(w->dev, EM_LOG_WARNING, "use --encrypt",
                   "%s: is written plain, but flash encryption is on", name);
}

static int by_address(const void *a, const void *b)
{
    const struct em_flash_job *x = a;
    const struct em_flash_job *y = b;
    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static enum em_status plan(struct writing *w, struct em_error *err)
{
    const struct em_flash_write *write = w->write;
    /* The header is part of what was signed, or what cannot be looked at again. */
    bool patch = !w->security.secure_boot && !w->dev->secure_download;
    for (size_t i = 0; i < write->count; i++) {
        const struct em_flash_piece *piece = &write->pieces[i];
        struct em_flash_job *job = &w->jobs[i];
        enum em_status status =
            em_flash_job_plan(job, w->dev, piece, &write->flash, &w->space, patch, err);
        if (status != EM_OK)
            return status;
        w->results[i].bytes = job->len;
        tell_piece(w, job);
    }
    /* Upwards: a ROM with a fault erases more than it should, but only behind. */
    qsort(w->jobs, write->count, sizeof *w->jobs, by_address);
    return EM_OK;
}

/* Sectors that differ from what the flash held, if it still does. */
static enum em_status plan_diff(struct writing *w, struct em_flash_job *job,
                                struct em_error *err)
{
    const struct em_flash_piece *piece = job->piece;
    struct em_device *dev = w->dev;
    size_t common = piece->old_len < piece->len ? piece->old_len : piece->len;
    bool same = w->write->no_diff_verify;
    bool blank = false;
    enum em_status status = EM_OK;
    if (!same) {
        if (!em_flash_can_md5(dev))
            return EM_OK;
        status = em_flash_same(dev, piece->addr, piece->old_data, common, &same, err);
        if (status == EM_OK && same && piece->len > common)
            status = em_flash_is_blank(dev, piece->addr + (uint32_t)common,
                                       piece->len - common, &blank, err);
    }
    if (status != EM_OK || same)
        return status == EM_OK ? em_flash_job_diff(job, blank, err) : status;
    em_rom_log(dev, EM_LOG_NOTE, NULL,
               "%s: the flash does not hold the old content, all is written",
               em_flash_piece_name(piece));
    return EM_OK;
}

/* What the flash holds already is left out. */
static enum em_status leave_out(struct writing *w, size_t idx, struct em_error *err)
{
    struct em_flash_job *job = &w->jobs[idx];
    bool same = false;
    if (job->len == 0 || job->encrypt || w->write->erase_all)
        return EM_OK;
    if (w->write->skip_flashed && em_flash_can_md5(w->dev)) {
        uint8_t md5[EM_FLASH_MD5_LEN];
        enum em_status status = em_flash_job_md5(md5, job, err);
        if (status == EM_OK)
            status = em_flash_same_md5(w->dev, job->addr, job->len, md5, &same, err);
        if (status != EM_OK)
            return status;
        struct em_flash_written *result = result_of(w, job);
        result->skipped = result->verified = same;
    }
    if (!same && job->piece->old_data != NULL && job->piece->old_len > 0)
        return plan_diff(w, job, err);
    if (same)
        job->run_count = 0;
    return EM_OK;
}

/* Compress ahead what is to be compressed. */
static enum em_status start_packer(struct writing *w, struct em_error *err)
{
    if (w->write->compress == EM_FLASH_COMPRESS_OFF || !em_flash_is_full(w->dev))
        return EM_OK;
    return em_flash_packer_new(&w->packer, w->jobs, w->write->count, w->dev->flash_block,
                               err);
}

static enum em_status write_all(struct writing *w, struct em_error *err)
{
    struct em_flash_engine *engine = w->engine;
    struct em_device *dev = w->dev;
    engine->dev = dev;
    engine->options = &w->write->flash;
    engine->packer = w->packer;
    for (size_t i = 0; i < w->write->count; i++)
        engine->total += result_of(w, &w->jobs[i])->skipped ? 0 : w->jobs[i].len;
    for (size_t i = 0; i < w->write->count; i++) {
        struct em_flash_job *job = &w->jobs[i];
        struct em_flash_written *result = result_of(w, job);
        if (job->len == 0 || result->skipped)
            continue;
        engine->job = job;
        engine->result = result;
        int64_t begin_us = dev->io->ops->now_us(dev->io);
        enum em_status status = em_flash_write_job(engine, i, err);
        result->time_us = dev->io->ops->now_us(dev->io) - begin_us;
        if (status != EM_OK)
            return status;
        engine->base += job->len;
        engine->shown = engine->base;
        status = em_rom_progress(dev, "writing", engine->shown, engine->total, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

/* Look once more at one piece that was proved before others were written. */
static enum em_status prove_again(struct writing *w, size_t idx, struct em_error *err)
{
    struct em_flash_job *job = &w->jobs[idx];
    struct em_flash_written *result = result_of(w, job);
    uint32_t retries = result->retries;
    w->engine->job = job;
    w->engine->result = result;
    size_t runs = job->run_count;
    job->run_count = 0; /* only what differs is written */
    enum em_status status = em_flash_write_job(w->engine, idx, err);
    job->run_count = runs;
    result->skipped = result->skipped && result->retries == retries;
    return status;
}

static uint32_t count_retries(const struct writing *w)
{
    uint32_t retries = 0;
    for (size_t i = 0; i < w->write->count; i++)
        retries += w->results[i].retries;
    return retries;
}

/* BEGIN commands have no checksum: one that the line spoilt may have erased or written
 * elsewhere. Pieces that were left out were proved before anything was written; and where
 * something had to be written again, none of the others can be trusted. */
static enum em_status prove_others(struct writing *w, struct em_error *err)
{
    bool any_written = false;
    size_t pieces = 0;
    for (size_t i = 0; i < w->write->count; i++) {
        bool there = w->jobs[i].len > 0;
        pieces += there;
        any_written = any_written || (there && !result_of(w, &w->jobs[i])->skipped);
    }
    uint32_t seen = 0;
    for (unsigned round = 0; any_written && pieces > 1 && round < PROOFS_MAX; round++) {
        uint32_t before = count_retries(w);
        if (round > 0 && before == seen)
            return EM_OK;
        for (size_t i = 0; i < w->write->count; i++) {
            const struct em_flash_written *result = result_of(w, &w->jobs[i]);
            if (!result->verified || (before == 0 && !result->skipped))
                continue;
            enum em_status status = prove_again(w, i, err);
            if (status != EM_OK)
                return status;
        }
        seen = before;
    }
    return EM_OK;
}

static enum em_status run(struct writing *w, struct em_error *err)
{
    static const char stage[] = "writing";
    em_rom_begin(w->dev, stage);
    enum em_status status = check(w, err);
    if (status == EM_OK)
        status = plan(w, err);
    for (size_t i = 0; i < w->write->count && status == EM_OK; i++)
        status = leave_out(w, i, err);
    if (status == EM_OK)
        status = start_packer(w, err);
    if (status == EM_OK && w->write->erase_all)
        status = em_flash_erase_chip(w->dev, &w->space, err);
    if (status == EM_OK)
        status = write_all(w, err);
    if (status == EM_OK)
        status = prove_others(w, err);
    return em_rom_end(w->dev, stage, status);
}

enum em_status em_flash_write(struct em_device *device,
                              const struct em_flash_write *write,
                              struct em_flash_written *results, struct em_error *err)
{
    struct writing w = {.dev = device, .write = write};
    if (write->count == 0)
        return EM_OK;
    struct em_flash_written *own = calloc(write->count, sizeof *own);
    w.results = results != NULL ? results : own;
    w.jobs = calloc(write->count, sizeof *w.jobs);
    w.engine = calloc(1, sizeof *w.engine);
    enum em_status status;
    if (own == NULL || w.jobs == NULL || w.engine == NULL) {
        status = em_error_nomem(err);
    } else {
        for (size_t i = 0; i < write->count; i++)
            w.results[i] = (struct em_flash_written){0};
        status = run(&w, err);
    }
    em_flash_packer_free(w.packer);
    for (size_t i = 0; w.jobs != NULL && i < write->count; i++)
        em_flash_job_free(&w.jobs[i]);
    free(w.jobs);
    free(w.engine);
    free(own);
    return status;
}
