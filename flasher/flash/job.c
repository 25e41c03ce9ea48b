/* SPDX-License-Identifier: Apache-2.0 */
/* One piece: all of its runs, a port that vanished meanwhile, and the proof at the end.
 */
#include "config.h"

#include "flasher/flash/flash_int.h"

enum {
    REPAIRS_MAX = 2,          /* times that what differs is written again */
    REPAIR_CHUNK = 64 * 1024, /* as much is looked at, and written, at a time */
};

static enum em_status write_runs(struct em_flash_engine *engine, struct em_error *err)
{
    struct em_flash_job *job = engine->job;
    for (size_t i = 0; i < job->run_count; i++) {
        const struct em_flash_packed *packed =
            job->packed != NULL ? &job->packed[i] : NULL;
        enum em_status status = em_flash_write_run(engine, &job->runs[i], packed,
                                                   i + 1 == job->run_count, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

/* Write one range that turned out to be wrong. */
static enum em_status rewrite(struct em_flash_engine *engine, size_t from, size_t to,
                              struct em_error *err)
{
    struct em_flash_run run = {.off = from, .len = to - from};
    struct em_flash_packed packed = {0};
    enum em_status status = EM_OK;
    em_rom_log(engine->dev, EM_LOG_NOTE, NULL,
               "%s: 0x%llx to 0x%llx is not as it should be, written again",
               em_flash_piece_name(engine->job->piece),
               (unsigned long long)engine->job->addr + from,
               (unsigned long long)engine->job->addr + to);
    engine->result->retries++;
    if (engine->packer != NULL)
        status =
            em_flash_pack(&packed, engine->job->data + from, run.len, engine->block, err);
    if (status == EM_OK)
        status = em_flash_write_run(engine, &run, &packed, true, err);
    em_flash_packed_free(&packed);
    return status;
}

/* Look at the job chunk by chunk and write those again that differ. */
static enum em_status repair(struct em_flash_engine *engine, struct em_error *err)
{
    const struct em_flash_job *job = engine->job;
    size_t from = 0;
    while (from < job->len) {
        uint64_t addr = (uint64_t)job->addr + from;
        size_t part = REPAIR_CHUNK - (size_t)(addr % REPAIR_CHUNK);
        part = part < job->len - from ? part : job->len - from;
        bool same;
        enum em_status status = em_flash_same(engine->dev, (uint32_t)addr,
                                              job->data + from, part, &same, err);
        if (status == EM_OK && !same)
            status = rewrite(engine, from, from + part, err);
        if (status != EM_OK)
            return status;
        from += part;
    }
    return EM_OK;
}

static enum em_status verify(struct em_flash_engine *engine, struct em_error *err)
{
    struct em_flash_job *job = engine->job;
    const char *name = em_flash_piece_name(job->piece);
    if (job->encrypt || !em_flash_can_md5(engine->dev)) {
        em_rom_log(engine->dev, EM_LOG_NOTE, NULL, "%s: cannot be verified: %s", name,
                   job->encrypt                   ? "it was encrypted by the chip"
                   : engine->dev->secure_download ? "the chip is in secure download mode"
                                                  : "this ROM loader has no digests");
        return EM_OK;
    }
    uint8_t md5[EM_FLASH_MD5_LEN];
    enum em_status status = em_flash_job_md5(md5, job, err);
    for (unsigned repairs = 0; status == EM_OK; repairs++) {
        bool same;
        status = em_flash_same_md5(engine->dev, job->addr, job->len, md5, &same, err);
        if (status == EM_OK && same) {
            engine->result->verified = true;
            return EM_OK;
        }
        if (status == EM_OK && repairs == REPAIRS_MAX)
            return em_error_set(err, EM_ERR_VERIFY,
                                "check the power supply of the flash, and its size",
                                "%s: flash at 0x%lx holds something else, written %u "
                                "times",
                                name, (unsigned long)job->addr, REPAIRS_MAX + 1);
        if (status == EM_OK)
            status = repair(engine, err);
    }
    /* Commands that are asked again and again were not answered. */
    engine->lost = engine->lost || status == EM_ERR_LINK || status == EM_ERR_PORT;
    return status;
}

/* The loader is gone: connect anew, as far as that is possible. @p why and *err are kept
 * when it is not. */
static enum em_status reconnect(struct em_flash_engine *engine, enum em_status why,
                                struct em_error *err)
{
    struct em_device *dev = engine->dev;
    bool stub = dev->stub;
    size_t block = dev->flash_block;
    struct em_flash_space space;
    struct em_error failed = {0};
    em_rom_log(dev, EM_LOG_WARNING, NULL, "%s: contact lost, connecting again",
               em_flash_piece_name(engine->job->piece));
    enum em_status status = em_rom_reconnect(dev, &failed);
    if (status == EM_OK)
        status = em_flash_open(dev, engine->options, &space, &failed);
    if (status == EM_OK && dev->stub == stub && dev->flash_block == block) {
        engine->lost = false;
        engine->result->retries++;
        return EM_OK;
    }
    if (status == EM_ERR_STOPPED || status == EM_ERR_NOMEM || status == EM_ERR_CHIP) {
        if (err != NULL)
            *err = failed;
        return status;
    }
    return why;
}

enum em_status em_flash_write_job(struct em_flash_engine *engine, size_t idx,
                                  struct em_error *err)
{
    struct em_error own = {0};
    err = err != NULL ? err : &own;
    enum em_status status = EM_OK;
    engine->restarts = 0;
    if (engine->packer != NULL)
        status = em_flash_packer_wait(engine->packer, idx, err);
    for (unsigned connections = 1; status == EM_OK; connections++) {
        engine->lost = false;
        engine->block = engine->dev->flash_block;
        status = write_runs(engine, err);
        if (status == EM_OK)
            status = verify(engine, err);
        /* What was encrypted cannot be proved afterwards: no second try. */
        if (status == EM_OK || !engine->lost || connections > 1 || engine->job->encrypt)
            break;
        status = reconnect(engine, status, err);
    }
    return status;
}
