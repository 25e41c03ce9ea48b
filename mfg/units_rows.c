/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in any order: where each one is, and whether it is still the one that was checked.
 */
#include "config.h"

#include "mfg/units_int.h"

#include "base/error_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum em_status em_units_index_add(struct em_units_index *index,
                                  const struct em_units_place *place,
                                  struct em_error *err)
{
    size_t block = (size_t)(index->n / EM_UNITS_BLOCK);
    if (block == index->cap_blocks) {
        size_t cap = index->cap_blocks == 0 ? 16 : index->cap_blocks * 2;
        struct em_units_place **blocks =
            realloc(index->blocks, cap * sizeof *index->blocks);
        if (blocks == NULL)
            return em_error_nomem(err);
        index->blocks = blocks;
        index->cap_blocks = cap;
    }
    if (block == index->n_blocks) {
        index->blocks[block] = malloc(EM_UNITS_BLOCK * sizeof **index->blocks);
        if (index->blocks[block] == NULL)
            return em_error_nomem(err);
        index->n_blocks++;
    }
    index->blocks[block][index->n++ % EM_UNITS_BLOCK] = *place;
    return EM_OK;
}

struct em_units_place *em_units_index_at(const struct em_units_index *index,
                                         uint64_t unit)
{
    return &index->blocks[(unit - 1) / EM_UNITS_BLOCK][(unit - 1) % EM_UNITS_BLOCK];
}

void em_units_index_free(struct em_units_index *index)
{
    for (size_t i = 0; i < index->n_blocks; i++)
        free(index->blocks[i]);
    free(index->blocks);
    *index = (struct em_units_index){0};
}

enum em_status em_units_row_digest(struct em_digest *digest, const struct em_csv_row *row,
                                   uint8_t out[EM_DIGEST_SIZE], struct em_error *err)
{
    enum em_status status = em_digest_reset(digest, err);
    for (size_t i = 0; i < row->n_fields && status == EM_OK; i++)
        status = em_digest_part(digest, row->fields[i].p, row->fields[i].len, err);
    return status == EM_OK ? em_digest_end(digest, out, err) : status;
}

static enum em_status changed(const struct em_units *units, struct em_error *err)
{
    return em_error_set(err, EM_ERR_INPUT,
                        "bring the checked file back, or check it by starting again; "
                        "edit only copies",
                        "'%s' was changed while it was being used", units->source);
}

enum em_status em_units_remember(struct em_units *units, struct em_error *err)
{
    if (stat(units->source, &units->source_st) != 0)
        return em_error_errno(err, errno, "cannot look at '%s'", units->source);
    return EM_OK;
}

enum em_status em_units_unchanged(const struct em_units *units, struct em_error *err)
{
    const struct stat *then = &units->source_st;
    struct stat now;
    if (stat(units->source, &now) != 0)
        return em_error_errno(err, errno, "cannot look at '%s'", units->source);
    bool same = now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
                now.st_size == then->st_size &&
                now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
    return same ? EM_OK : changed(units, err);
}

static void free_taker(struct em_units_taker *taker)
{
    em_csv_free(taker->values);
    em_listing_close(taker->listing);
    em_maker_free(taker->maker);
    em_digest_free(taker->digest);
    free(taker);
}

enum em_status em_units_borrow(struct em_units *units, struct em_units_taker **out,
                               struct em_error *err)
{
    pthread_mutex_lock(&units->lock);
    struct em_units_taker *taker = units->free_takers;
    if (taker != NULL)
        units->free_takers = taker->next;
    pthread_mutex_unlock(&units->lock);
    *out = taker;
    if (taker != NULL)
        return EM_OK;
    taker = calloc(1, sizeof *taker);
    if (taker == NULL)
        return em_error_nomem(err);
    enum em_status status = em_digest_new(&taker->digest, err);
    if (status == EM_OK)
        status = units->listed ? em_listing_open(&taker->listing, units->source, err)
                               : em_csv_open(&taker->values, units->source, err);
    if (status != EM_OK) {
        free_taker(taker);
        return status;
    }
    *out = taker;
    return EM_OK;
}

void em_units_give_back(struct em_units *units, struct em_units_taker *taker)
{
    if (taker == NULL)
        return;
    pthread_mutex_lock(&units->lock);
    taker->next = units->free_takers;
    units->free_takers = taker;
    pthread_mutex_unlock(&units->lock);
}

void em_units_takers_free(struct em_units *units)
{
    struct em_units_taker *taker = units->free_takers;
    while (taker != NULL) {
        struct em_units_taker *next = taker->next;
        free_taker(taker);
        taker = next;
    }
    units->free_takers = NULL;
}

static enum em_status read_at(const struct em_units_taker *taker, uint64_t off,
                              struct em_csv_row *row, struct em_error *err)
{
    enum em_status status = taker->listing != NULL
                                ? em_listing_seek(taker->listing, off, err)
                                : em_csv_seek(taker->values, off, err);
    if (status != EM_OK)
        return status;
    return taker->listing != NULL ? em_listing_next(taker->listing, row, err)
                                  : em_csv_next(taker->values, row, err);
}

enum em_status em_units_read_row(struct em_unit_data *unit, struct em_error *err)
{
    struct em_units *units = unit->units;
    const struct em_units_place *place = em_units_index_at(&units->index, unit->unit);
    uint8_t digest[EM_DIGEST_SIZE];
    struct em_units_taker *taker = NULL;
    /* Before: the taker may open the file now. After: what was read is of this file. */
    enum em_status status = em_units_unchanged(units, err);
    if (status == EM_OK)
        status = em_units_borrow(units, &taker, err);
    if (status != EM_OK)
        return status;
    status = read_at(taker, place->off, &unit->row, err);
    if (status == EM_OK)
        status = em_units_row_digest(taker->digest, &unit->row, digest, err);
    em_units_give_back(units, taker);
    if (status == EM_ERR_INPUT)
        return changed(units, err); /* it could be read when it was checked */
    if (status == EM_OK)
        status = em_units_unchanged(units, err);
    if (status == EM_OK && memcmp(digest, place->row, sizeof place->row) != 0)
        status = changed(units, err);
    unit->row.line = 0; /* not known: counted from the row's own place */
    return status;
}
