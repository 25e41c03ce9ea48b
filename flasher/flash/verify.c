/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing pieces with the flash, and naming what differs. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <stdlib.h>

static const char stage[] = "verifying";

/* One call of em_flash_verify(). */
struct verifying {
    struct em_device *dev;
    void (*differ)(void *user, size_t piece,
                   const struct em_flash_difference *difference);
    void *user;
    uint64_t done, total; /* of progress: bytes of all pieces */
};

static void tell(const struct verifying *v, size_t idx, uint32_t addr,
                 const uint8_t *flash, const uint8_t *file, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (flash[i] == file[i])
            continue;
        struct em_flash_difference difference = {
            .addr = addr + (uint32_t)i, .in_flash = flash[i], .in_file = file[i]};
        v->differ(v->user, idx, &difference);
    }
}

/* Read all of the piece and name each byte that differs. */
static enum em_status list_differences(const struct verifying *v, size_t idx,
                                       uint32_t addr, const uint8_t *data, size_t len,
                                       struct em_error *err)
{
    size_t step = em_flash_read_step(v->dev);
    uint8_t *chunk = malloc(step);
    if (chunk == NULL)
        return em_error_nomem(err);
    enum em_status status = EM_OK;
    for (size_t at = 0; status == EM_OK && at < len;) {
        size_t part = len - at < step ? len - at : step;
        bool same;
        uint32_t from = addr + (uint32_t)at;
        status = em_flash_same(v->dev, from, data + at, part, &same, err);
        if (status == EM_OK && !same) {
            status = em_flash_read_chunk(v->dev, from, chunk, part, err);
            if (status == EM_OK)
                tell(v, idx, from, chunk, data + at, part);
        }
        at += part;
        if (status == EM_OK)
            status = em_rom_progress(v->dev, stage, v->done + at, v->total, err);
    }
    free(chunk);
    return status;
}

static enum em_status verify_piece(struct verifying *v, size_t idx,
                                   const struct em_flash_job *job, bool *equal_out,
                                   struct em_error *err)
{
    const struct em_flash_piece *piece = job->piece;
    const uint8_t *data = job->data + (piece->addr - job->addr);
    *equal_out = true;
    if (piece->len == 0)
        return EM_OK;
    enum em_status status =
        em_flash_same(v->dev, piece->addr, data, piece->len, equal_out, err);
    if (status == EM_OK && !*equal_out && v->differ != NULL)
        status = list_differences(v, idx, piece->addr, data, piece->len, err);
    v->done += piece->len;
    if (status == EM_OK)
        status = em_rom_progress(v->dev, stage, v->done, v->total, err);
    return status;
}

enum em_status
em_flash_verify(struct em_device *device, const struct em_flash_options *options,
                const struct em_flash_piece *pieces, size_t count, bool *equal_out,
                void (*differ)(void *user, size_t piece,
                               const struct em_flash_difference *difference),
                void *user, struct em_error *err)
{
    struct verifying v = {.dev = device, .differ = differ, .user = user};
    struct em_flash_security security;
    struct em_flash_space space;
    options = options != NULL ? options : &em_flash_options_none;
    em_rom_begin(device, stage);
    enum em_status status = em_flash_need_md5(device, "verify", err);
    if (status == EM_OK)
        status = em_flash_open(device, options, &space, err);
    if (status == EM_OK)
        status = em_flash_security_read(&security, device, false, err);
    for (size_t i = 0; i < count && status == EM_OK; i++) {
        status = em_flash_fits(device, &space, em_flash_piece_name(&pieces[i]),
                               pieces[i].addr, pieces[i].len, err);
        v.total += pieces[i].len;
    }
    for (size_t i = 0; i < count && status == EM_OK; i++) {
        struct em_flash_job job;
        status = em_flash_job_plan(&job, device, &pieces[i], options, &space,
                                   !security.secure_boot, err);
        if (status == EM_OK)
            status = verify_piece(&v, i, &job, &equal_out[i], err);
        em_flash_job_free(&job);
    }
    return em_rom_end(device, stage, status);
}
