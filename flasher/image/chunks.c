/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a program on their way into an image: what belongs together, what cannot be.
 */
#include "config.h"

#include "flasher/image/build_int.h"

#include <stdlib.h>
#include <string.h>

/* No chip maps more flash; a file may name the same bytes many times. */
enum { TOTAL_MAX = 256 * 1024 * 1024 };

bool em_image_in_flash(const struct em_chip *chip, uint32_t addr)
{
    for (const struct em_chip_memory *m = chip->flash_map; m->name != NULL; m++) {
        if (addr >= m->start && addr < m->end)
            return true;
    }
    return false;
}

uint64_t em_image_memory(const struct em_chip *chip, uint32_t addr)
{
    uint64_t set = 0;
    for (size_t i = 0; i < 64 && chip->memory[i].name != NULL; i++) {
        if (addr >= chip->memory[i].start && addr < chip->memory[i].end)
            set |= (uint64_t)1 << i;
    }
    return set;
}

enum em_status em_image_chunks_add(struct em_image_chunks *chunks, uint32_t addr,
                                   const uint8_t *data, size_t len, bool leads,
                                   struct em_error *err)
{
    size_t padded = (len + 3) & ~(size_t)3;
    if (padded < len || padded > TOTAL_MAX || chunks->total + padded > TOTAL_MAX)
        return em_error_set(err, EM_ERR_INPUT, "is it a program for this chip?",
                            "pieces with more than %d MiB in all", TOTAL_MAX >> 20);
    if (chunks->count == chunks->room) {
        size_t room = chunks->room * 2 + 16;
        struct em_image_chunk *rows = realloc(chunks->rows, room * sizeof *rows);
        if (rows == NULL)
            return em_error_nomem(err);
        chunks->rows = rows;
        chunks->room = room;
    }
    uint8_t *copy = calloc(padded > 0 ? padded : 1, 1);
    if (copy == NULL)
        return em_error_nomem(err);
    memcpy(copy, data, len);
    chunks->rows[chunks->count++] = (struct em_image_chunk){
        .addr = addr, .data = copy, .len = padded, .leads = leads};
    chunks->total += padded;
    return EM_OK;
}

void em_image_chunks_free(struct em_image_chunks *chunks)
{
    for (size_t i = 0; i < chunks->count; i++)
        free(chunks->rows[i].data);
    free(chunks->rows);
    *chunks = (struct em_image_chunks){0};
}

/* A piece as the program has it, without the zeros behind it. */
struct span {
    uint32_t addr;
    uint64_t end;
};

static int by_span(const void *a, const void *b)
{
    const struct span *one = a, *other = b;
    return one->addr < other->addr ? -1 : one->addr > other->addr;
}

/* Is all of it in memory that the chip has? Regions may touch and overlap. */
static bool is_in_memory(const struct em_chip *chip, uint32_t addr, uint64_t end)
{
    for (uint64_t at = addr; at < end;) {
        uint64_t next = at;
        for (size_t k = 0; k < 2; k++) {
            const struct em_chip_memory *m = k == 0 ? chip->memory : chip->flash_map;
            for (; m->name != NULL; m++) {
                /* The lowest addresses are no memory: there padding is. */
                if (m->start != 0 && at >= m->start && at < m->end && m->end > next)
                    next = m->end;
            }
        }
        if (next == at)
            return false;
        at = next;
    }
    return true;
}

static enum em_status check_spans(const struct span *spans, size_t count,
                                  const struct em_chip *chip, bool force,
                                  struct em_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && spans[i - 1].end > spans[i].addr)
            return em_error_set(err, EM_ERR_INPUT, "mend the linker script",
                                "the piece at 0x%08lx overlaps that from 0x%08lx to "
                                "0x%08llx",
                                (unsigned long)spans[i].addr,
                                (unsigned long)spans[i - 1].addr,
                                (unsigned long long)spans[i - 1].end);
        if (!force && !is_in_memory(chip, spans[i].addr, spans[i].end))
            return em_error_set(err, EM_ERR_INPUT,
                                "is it for this chip? --force takes it anyway",
                                "the piece from 0x%08lx to 0x%08llx is outside of the "
                                "%s's memory",
                                (unsigned long)spans[i].addr,
                                (unsigned long long)spans[i].end, chip->name);
    }
    return EM_OK;
}

enum em_status em_image_chunks_check(const struct em_image_chunks *chunks,
                                     const struct em_chip *chip, bool force,
                                     struct em_error *err)
{
    struct span *spans = malloc((chunks->count + 1) * sizeof *spans);
    if (spans == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < chunks->count; i++) {
        const struct em_image_chunk *c = &chunks->rows[i];
        spans[i] = (struct span){c->addr, (uint64_t)c->addr + c->len};
        /* Up to three zeros behind a piece may lie where the next one begins: it comes
         * later and counts. */
        for (size_t k = 0; k < 3 && spans[i].end > (uint64_t)c->addr + 1 &&
                           c->data[c->len - 1 - k] == 0;
             k++)
            spans[i].end--;
    }
    qsort(spans, chunks->count, sizeof *spans, by_span);
    enum em_status status = check_spans(spans, chunks->count, chip, force, err);
    free(spans);
    return status;
}

static enum em_status join(struct em_image_chunk *to, struct em_image_chunk *from,
                           struct em_error *err)
{
    uint8_t *data = realloc(to->data, to->len + from->len);
    if (data == NULL)
        return em_error_nomem(err);
    memcpy(data + to->len, from->data, from->len);
    free(from->data);
    from->data = NULL;
    to->data = data;
    to->len += from->len;
    return EM_OK;
}

enum em_status em_image_chunks_merge(struct em_image_chunks *chunks,
                                     const struct em_chip *chip, struct em_error *err)
{
    size_t kept = 0;
    enum em_status status = EM_OK;
    for (size_t i = 0; i < chunks->count; i++) {
        struct em_image_chunk *c = &chunks->rows[i];
        struct em_image_chunk *last = kept > 0 ? &chunks->rows[kept - 1] : NULL;
        if (status == EM_OK && last != NULL &&
            (uint64_t)last->addr + last->len == c->addr &&
            em_image_memory(chip, last->addr) == em_image_memory(chip, c->addr))
            status = join(last, c, err);
        if (c->data == NULL)
            continue;
        struct em_image_chunk row = *c;
        c->data = NULL;
        chunks->rows[kept++] = row;
    }
    chunks->count = kept;
    return status;
}

static int by_addr(const void *a, const void *b)
{
    const struct em_image_chunk *one = a, *other = b;
    return one->addr < other->addr ? -1 : one->addr > other->addr;
}

static int by_lead(const void *a, const void *b)
{
    const struct em_image_chunk *one = a, *other = b;
    return one->leads != other->leads ? (one->leads ? -1 : 1) : by_addr(a, b);
}

void em_image_chunks_sort(struct em_image_chunks *chunks, bool leads)
{
    if (chunks->count > 0)
        qsort(chunks->rows, chunks->count, sizeof chunks->rows[0],
              leads ? by_lead : by_addr);
}
