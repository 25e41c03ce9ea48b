/* SPDX-License-Identifier: Apache-2.0 */
/* Words by address, made when they are first written. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/sim/sim_int.h"

#include <stdlib.h>

struct em_sim_page {
    struct em_sim_page *next;
    uint32_t number;
    uint32_t words[EM_SIM_PAGE_WORDS];
};

static struct em_sim_page *find(const struct em_sim_memory *memory, uint32_t addr)
{
    uint32_t number = addr / (4 * EM_SIM_PAGE_WORDS);
    struct em_sim_page *page = memory->buckets[number % EM_SIM_BUCKETS];
    while (page != NULL && page->number != number)
        page = page->next;
    return page;
}

static struct em_sim_page *find_or_make(struct em_sim_memory *memory, uint32_t addr)
{
    struct em_sim_page *page = find(memory, addr);
    if (page != NULL || memory->pages == EM_SIM_PAGES_MAX)
        return page;
    page = calloc(1, sizeof *page);
    if (page == NULL)
        return NULL;
    page->number = addr / (4 * EM_SIM_PAGE_WORDS);
    struct em_sim_page **bucket = &memory->buckets[page->number % EM_SIM_BUCKETS];
    page->next = *bucket;
    *bucket = page;
    memory->pages++;
    return page;
}

uint32_t em_sim_memory_read(const struct em_sim_memory *memory, uint32_t addr)
{
    const struct em_sim_page *page = find(memory, addr);
    return page == NULL ? 0 : page->words[addr / 4 % EM_SIM_PAGE_WORDS];
}

bool em_sim_memory_write(struct em_sim_memory *memory, uint32_t addr, uint32_t value)
{
    struct em_sim_page *page = find_or_make(memory, addr);
    if (page != NULL)
        page->words[addr / 4 % EM_SIM_PAGE_WORDS] = value;
    return page != NULL;
}

bool em_sim_memory_store(struct em_sim_memory *memory, uint32_t addr, const uint8_t *data,
                         size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t at = addr + (uint32_t)i;
        unsigned skip = at % 4;
        size_t n = 4 - skip;
        uint8_t bytes[4];
        n = n < len - i ? n : len - i;
        em_put_le32(bytes, em_sim_memory_read(memory, at));
        memcpy(bytes + skip, data + i, n);
        if (!em_sim_memory_write(memory, at, em_get_le32(bytes)))
            return false;
        i += n;
    }
    return true;
}

void em_sim_memory_clear(struct em_sim_memory *memory)
{
    for (size_t i = 0; i < EM_SIM_BUCKETS; i++) {
        while (memory->buckets[i] != NULL) {
            struct em_sim_page *page = memory->buckets[i];
            memory->buckets[i] = page->next;
            free(page);
        }
    }
    memory->pages = 0;
}
