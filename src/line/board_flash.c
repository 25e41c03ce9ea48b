/* SPDX-License-Identifier: Apache-2.0 */
/* A board's flash: the images of the job and the unit's own, proved by MD5. */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"

#include <espmfg/flash.h>

#include <stdio.h>
#include <stdlib.h>

/* What is written to a board; bytes that were made for it alone are its own. */
struct pieces {
    struct em_flash_piece *list;
    uint8_t **own;
    size_t count;
};

static void free_pieces(struct pieces *pieces)
{
    for (size_t i = 0; pieces->own != NULL && i < pieces->count; i++)
        free(pieces->own[i]);
    free(pieces->own);
    free(pieces->list);
}

static struct em_flash_piece image_piece(const struct line_worker *w, size_t idx)
{
    const struct line_image *image = &w->run->options->job->images[idx];
    return (struct em_flash_piece){.name = image->file,
                                   .addr = image->addr,
                                   .data = image->data,
                                   .len = image->len,
                                   .encrypt = image->encrypt,
                                   .limit = image->limit,
                                   .shared = w->run->shared[idx]};
}

static enum em_status make_pieces(const struct line_worker *w, struct pieces *out,
                                  struct em_error *err)
{
    const struct line_job *job = w->run->options->job;
    const struct line_board *board = &w->board;
    enum em_status status = EM_OK;
    *out = (struct pieces){0};
    out->list = calloc(job->image_count + 2, sizeof *out->list);
    out->own = calloc(job->image_count + 2, sizeof *out->own);
    if (out->list == NULL || out->own == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < job->image_count && status == EM_OK; i++) {
        out->list[i] = image_piece(w, i);
        out->count++;
        if (job->images[i].host_encrypt)
            status = line_board_encrypt(w, &out->list[i], &out->own[i], err);
    }
    if (status == EM_OK && board->image_len > 0)
        out->list[out->count++] = (struct em_flash_piece){.name = board->ledger.name,
                                                          .addr = job->nvs_addr,
                                                          .data = board->image,
                                                          .len = board->image_len,
                                                          .limit = job->nvs_limit};
    if (status == EM_OK && job->crypt.on) {
        status =
            line_board_keys_piece(w, &out->list[out->count], &out->own[out->count], err);
        out->count++;
    }
    return status;
}

static void tell_written(const struct em_flash_written *results, size_t count, char *out,
                         size_t size, uint32_t *retries)
{
    uint64_t bytes = 0;
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        *retries += results[i].retries;
        if (results[i].skipped)
            continue;
        written++;
        bytes += results[i].bytes;
    }
    (void)snprintf(out, size, "%zu of %zu images written, %llu bytes", written, count,
                   (unsigned long long)bytes); /* fits */
}

enum em_status line_board_write(struct line_worker *w,
                                const struct em_flash_piece *pieces, size_t count,
                                enum em_ledger_state state, struct em_error *err)
{
    bool forwards = w->board.ledger.state < state;
    const struct line_job *job = w->run->options->job;
    char detail[96];
    struct em_flash_written *results = calloc(count + 1, sizeof *results);
    if (results == NULL)
        return em_error_nomem(err);
    const struct em_flash_write write = {
        .flash = {.size = job->flash_size,
                  .mode = job->flash_mode,
                  .freq = job->flash_freq},
        .pieces = pieces,
        .count = count,
        /* What was recorded as written is compared, and only what differs is mended. */
        .erase_all = job->erase_all && forwards,
        .skip_flashed = true,
    };
    enum em_status status = em_flash_write(w->board.device, &write, results, err);
    tell_written(results, count, detail, sizeof detail, &w->now.retries);
    free(results);
    /* The MD5s were those of whatever board is there now: is it still the unit's? */
    if (status == EM_OK)
        status = em_device_check_same(w->board.device, err);
    if (status != EM_OK)
        return status;
    return line_record(w, "ok", detail, forwards ? state : EM_LEDGER_FREE, err);
}

static enum em_status write_pieces(struct line_worker *w,
                                   const struct em_flash_piece *pieces, size_t count,
                                   struct em_error *err)
{
    return line_board_write(w, pieces, count, EM_LEDGER_FLASHED, err);
}

enum em_status line_stage_flash(struct line_worker *w, struct em_error *err)
{
    if (w->board.keep_flash)
        return line_record(w, "kept", "flash encryption is on: nothing can be compared",
                           EM_LEDGER_FREE, err);
    /* Not a board that came to this cable in between. */
    enum em_status status = em_device_check_same(w->board.device, err);
    if (status != EM_OK)
        return status;
    struct pieces pieces;
    status = make_pieces(w, &pieces, err);
    if (status == EM_OK)
        status = write_pieces(w, pieces.list, pieces.count, err);
    free_pieces(&pieces);
    return status;
}
