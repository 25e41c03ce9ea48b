/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of one run over the line, and what is done when one of them gets lost. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <string.h>

enum {
    RESTARTS_MAX = 100, /* for one piece, however much progress each made */
    /* So many times a compressed run may break without progress; then it goes on plain:
     * plain blocks can be counted on one by one. */
    PACKED_BREAKS = 2,
};

/* What one BEGIN announces. */
struct span {
    uint32_t addr;
    const uint8_t *data;
    size_t len;
    const struct em_flash_packed *packed; /* NULL: plain */
    size_t block;
    bool last;          /* of its piece */
    size_t confirmed;   /* out: bytes that the loader has for sure */
    int64_t pending_us; /* what the block before may still take (stub) */
};

/* The ESP8266's ROM erases the sectors up to the next block of 16, and then as many as it
 * was told, as if it had not yet. */
enum { FAULT_BLOCK = 16 };

static uint32_t sectors_of(uint64_t len)
{
    return (uint32_t)((len + EM_FLASH_SECTOR - 1) / EM_FLASH_SECTOR);
}

static uint32_t fault_head(uint32_t addr, uint32_t count)
{
    uint32_t head = FAULT_BLOCK - addr / EM_FLASH_SECTOR % FAULT_BLOCK;
    return head < count ? head : count;
}

uint32_t em_flash_erase_size(const struct em_device *dev, uint32_t addr, uint64_t len)
{
    if (em_flash_is_full(dev))
        return (uint32_t)len;
    uint32_t count = sectors_of(len);
    uint32_t head = fault_head(addr, count);
    return (count < 2 * head ? (count + 1) / 2 : count - head) * EM_FLASH_SECTOR;
}

bool em_flash_erases_more(const struct em_device *dev, uint32_t addr, uint64_t len)
{
    if (em_flash_is_full(dev))
        return false;
    uint32_t told = sectors_of(em_flash_erase_size(dev, addr, len));
    return told + fault_head(addr, told) > sectors_of(len);
}

/* A refusal that says that the block was not taken: its check byte is wrong. Others say
 * that the packet was none, or another command; they may be believed where a digest
 * proves all of it in the end. */
static bool was_garbled(const struct em_flash_engine *engine, enum em_status status,
                        const struct em_rom_reply *reply)
{
    bool provable = em_flash_can_md5(engine->dev) && !engine->job->encrypt;
    if (status == EM_ERR_UNSUPPORTED)
        return provable && reply->other_op;
    if (status != EM_ERR_CHIP)
        return false;
    if (reply->status == 1)
        return reply->fault == EM_ROM_FAULT_CHECKSUM ||
               (provable && reply->fault == EM_ROM_FAULT_UNSUPPORTED);
    return reply->status == EM_STUB_FAULT_CHECKSUM ||
           (provable && reply->status == EM_STUB_FAULT_LENGTH);
}

static enum em_status send_block(struct em_flash_engine *engine, bool compressed,
                                 uint32_t seq, const uint8_t *data, size_t len,
                                 int64_t timeout_us, struct em_error *err)
{
    struct em_device *dev = engine->dev;
    for (uint32_t tries = 1;; tries++) {
        struct em_rom_reply reply = {0};
        engine->result->sent += len;
        enum em_status status =
            em_rom_flash_data(dev, compressed, seq, data, len, timeout_us, &reply, err);
        engine->garbled = was_garbled(engine, status, &reply);
        if (!engine->garbled || tries >= dev->settings.write_block_attempts)
            return status;
        engine->result->retries++;
    }
}

static enum em_status show(struct em_flash_engine *engine, const struct span *span,
                           size_t done, struct em_error *err)
{
    uint64_t at = engine->base + (span->addr - engine->job->addr) + done;
    if (at > engine->total)
        at = engine->total; /* what is written again is beyond what was planned */
    if (at > engine->shown)
        engine->shown = at;
    return em_rom_progress(engine->dev, "writing", engine->shown, engine->total, err);
}

/* Bytes of the span that are safe once @p blocks were acknowledged. A stub acknowledges
 * a block before it writes it; a decompressor may hold back a window. */
static size_t safe_bytes(const struct em_device *dev, const struct span *span,
                         size_t blocks)
{
    if (dev->stub && blocks > 0)
        blocks--;
    if (blocks == 0)
        return 0;
    if (span->packed != NULL)
        return span->packed->inflated[blocks - 1] & ~(size_t)(EM_FLASH_WINDOW - 1);
    size_t bytes = blocks * span->block;
    return bytes < span->len ? bytes : span->len;
}

/* Time that block @p idx may take in the chip. */
static int64_t block_time(const struct em_device *dev, const struct span *span,
                          size_t idx)
{
    if (span->packed == NULL)
        return 0; /* the default */
    size_t before = idx > 0 ? span->packed->inflated[idx - 1] : 0;
    return em_rom_timeout_us(dev, span->packed->inflated[idx] - before,
                             dev->settings.erase_write_timeout_per_mb_ms);
}

static enum em_status send_blocks(struct em_flash_engine *engine, struct span *span,
                                  struct em_error *err)
{
    struct em_device *dev = engine->dev;
    const uint8_t *data = span->packed != NULL ? span->packed->data : span->data;
    size_t len = span->packed != NULL ? span->packed->len : span->len;
    size_t block = span->block;
    size_t blocks = (len + block - 1) / block;
    for (size_t i = 0; i < blocks; i++) {
        const uint8_t *at = data + i * block;
        size_t part = len - i * block < block ? len - i * block : block;
        if (part < block && span->packed == NULL) {
            memcpy(engine->tail, at, part);
            memset(engine->tail + part, 0xFF, block - part);
            at = engine->tail;
            part = block;
        }
        int64_t time_us = block_time(dev, span, i);
        enum em_status status =
            send_block(engine, span->packed != NULL, (uint32_t)i, at, part,
                       dev->stub ? span->pending_us : time_us, err);
        if (status != EM_OK)
            return status;
        span->pending_us = time_us;
        span->confirmed = safe_bytes(dev, span, i + 1);
        size_t done = span->packed != NULL ? span->packed->inflated[i]
                                           : (i + 1 < blocks ? (i + 1) * block : len);
        status = show(engine, span, done, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

static enum em_status write_span(struct em_flash_engine *engine, struct span *span,
                                 struct em_error *err)
{
    struct em_device *dev = engine->dev;
    bool packed = span->packed != NULL;
    size_t block = span->block;
    size_t len = packed ? span->packed->len : span->len;
    uint32_t erase;
    if (packed && !dev->stub)
        erase = (uint32_t)((span->len + block - 1) / block * block);
    else
        erase = packed ? (uint32_t)span->len
                       : em_flash_erase_size(dev, span->addr, span->len);
    /* A ROM erases all of it before it answers; a stub while it writes. */
    int64_t time_us =
        dev->stub ? 0
                  : em_rom_timeout_us(dev, span->len,
                                      dev->settings.erase_region_timeout_per_mb_ms);
    engine->garbled = false;
    enum em_status status = show(engine, span, 0, err);
    if (status == EM_OK)
        status = em_rom_flash_begin(
            dev, packed, erase, (uint32_t)((len + block - 1) / block), (uint32_t)block,
            span->addr, engine->job->encrypt, time_us, err);
    if (status == EM_OK)
        status = send_blocks(engine, span, err);
    /* It would make a ROM leave; a stub answers it when all is written. */
    if (status == EM_OK && dev->stub && span->last)
        status = em_rom_flash_end(dev, packed, false, span->pending_us, err);
    return status;
}

/* The sector of the first byte of @p run that is not safe, as an offset in it. */
static size_t restart_at(const struct em_flash_job *job, const struct em_flash_run *run,
                         size_t safe)
{
    uint64_t addr =
        (uint64_t)job->addr + run->off + (safe < run->len ? safe : run->len - 1);
    uint64_t sector = addr & ~(uint64_t)(EM_FLASH_SECTOR - 1);
    uint64_t begin = (uint64_t)job->addr + run->off;
    return sector > begin ? (size_t)(sector - begin) : 0;
}

/* Get ready to go on after @p why; false: it ends here. */
static bool bring_back(struct em_flash_engine *engine, enum em_status why, uint64_t addr,
                       const struct em_error *reason)
{
    struct em_device *dev = engine->dev;
    struct em_error ignored; /* what went wrong first tells more */
    if (why == EM_ERR_PORT || em_flash_resync(dev, &ignored) != EM_OK) {
        engine->lost = true;
        return false;
    }
    engine->result->retries++;
    em_rom_log(dev, EM_LOG_NOTE, NULL, "%s: written again from 0x%llx on (%s)",
               em_flash_piece_name(engine->job->piece), (unsigned long long)addr,
               reason->what);
    return true;
}

/* How writing one run goes on after it broke. */
struct course {
    size_t at;        /* offset of the next BEGIN */
    size_t best;      /* bytes that were safe at any time */
    uint32_t stalled; /* breaks since then */
};

/* Work out where to go on; false: too many breaks. */
static bool plan_restart(struct em_flash_engine *engine, const struct em_flash_run *run,
                         struct course *course, size_t safe)
{
    bool shrunk = engine->block > EM_ROM_FLASH_BLOCK;
    /* On a bad line a smaller block has better chances. */
    if (shrunk)
        engine->block = engine->block / 4 > EM_ROM_FLASH_BLOCK ? engine->block / 4
                                                               : EM_ROM_FLASH_BLOCK;
    if (safe > course->best)
        course->stalled = 0;
    else if (!shrunk)
        course->stalled++;
    course->best = safe > course->best ? safe : course->best;
    course->at = restart_at(engine->job, run, safe);
    return course->stalled < engine->dev->settings.write_block_attempts &&
           ++engine->restarts <= RESTARTS_MAX;
}

/* One BEGIN and all behind it, from course->at on. */
static enum em_status write_rest(struct em_flash_engine *engine,
                                 const struct em_flash_run *run,
                                 const struct em_flash_packed *packed, bool last,
                                 const struct course *course, size_t *safe,
                                 struct em_error *err)
{
    size_t off = run->off + course->at;
    struct span span = {.addr = (uint32_t)(engine->job->addr + off),
                        .data = engine->job->data + off,
                        .len = run->len - course->at,
                        .block = engine->block,
                        .last = last};
    if (packed != NULL && packed->data != NULL) {
        span.packed = packed;
        span.block = packed->block;
        engine->result->compressed = true;
    }
    enum em_status status = write_span(engine, &span, err);
    *safe = course->at + span.confirmed;
    return status;
}

enum em_status em_flash_write_run(struct em_flash_engine *engine,
                                  const struct em_flash_run *run,
                                  const struct em_flash_packed *packed, bool last,
                                  struct em_error *err)
{
    struct em_flash_packed rest = {0};
    struct em_error reason = {0};
    struct course course = {0};
    bool compress = packed != NULL && packed->data != NULL;
    enum em_status status;
    for (;;) {
        size_t safe;
        status = write_rest(engine, run, compress ? packed : NULL, last, &course, &safe,
                            &reason);
        engine->lost = engine->lost || status == EM_ERR_PORT;
        if (!em_flash_may_retry(status) || !plan_restart(engine, run, &course, safe) ||
            !bring_back(engine, status, engine->job->addr + run->off + course.at,
                        &reason))
            break;
        /* The rest of a stream is none: it is made anew. */
        em_flash_packed_free(&rest);
        compress = compress && course.stalled < PACKED_BREAKS;
        if (!compress)
            continue;
        status = em_flash_pack(&rest, engine->job->data + run->off + course.at,
                               run->len - course.at, engine->block, &reason);
        if (status != EM_OK)
            break;
        packed = &rest;
    }
    em_flash_packed_free(&rest);
    if (em_flash_may_retry(status) && engine->garbled)
        return em_error_set(err, EM_ERR_LINK, "use a lower --baud or a shorter cable",
                            "%s: too much is garbled on the line, given up at 0x%llx "
                            "(%s)",
                            em_flash_piece_name(engine->job->piece),
                            (unsigned long long)engine->job->addr + run->off + course.at,
                            reason.what);
    if (status != EM_OK && err != NULL)
        *err = reason;
    return status;
}
