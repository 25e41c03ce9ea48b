/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen image dump --raw: pages and entries as they are, right or wrong. */
#include "config.h"

#include "src/gen_image.h"

#include "mfg/types_int.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const page_states[] = {"unused", "active", "full", "freeing",
                                          "corrupt"};
static const char *const entry_states[] = {"erased", "illegal", "written", "empty"};

static const char *raw_type_name(unsigned type)
{
    return type == EM_NVS_BLOB_CHUNK   ? "blob chunk"
           : type == EM_NVS_BLOB_INDEX ? "blob index"
                                       : em_type_name(type);
}

/* One entry; returns how many it and its data take. */
static unsigned print_entry(const uint8_t *page, size_t page_off, unsigned idx)
{
    struct em_nvs_entry_info entry;
    struct em_error key;
    em_nvs_entry_look(&entry, page, idx);
    printf("  entry %3u  0x%06zx  %-7s", idx, page_off + EM_NVS_ENTRY_SIZE * (idx + 2u),
           entry_states[entry.state]);
    if (entry.header)
        printf("  ns %3u  %-10s  span %3u  chunk %3u  %s", (unsigned)entry.ns_index,
               raw_type_name(entry.type), (unsigned)entry.span, (unsigned)entry.chunk,
               image_name(&key, entry.key));
    else if (entry.state == EM_NVS_ENTRY_WRITTEN)
        printf("  no header entry, or a damaged one");
    printf("\n");
    return entry.header ? entry.span : 1;
}

/* How many entries from @p idx on are in the same state that is not 'written'. */
static unsigned count_same(const uint8_t *page, unsigned idx)
{
    struct em_nvs_entry_info first;
    struct em_nvs_entry_info next;
    unsigned n = 0;
    em_nvs_entry_look(&first, page, idx);
    if (first.state == EM_NVS_ENTRY_WRITTEN)
        return 0;
    do {
        n++;
        if (idx + n < EM_NVS_PAGE_ENTRIES)
            em_nvs_entry_look(&next, page, idx + n);
    } while (idx + n < EM_NVS_PAGE_ENTRIES && next.state == first.state);
    if (n > 1)
        printf("  entries %u-%u  %s\n", idx, idx + n - 1, entry_states[first.state]);
    return n;
}

static void print_page(const uint8_t *data, size_t idx)
{
    struct em_nvs_page_info page;
    size_t off = idx * EM_NVS_PAGE_SIZE;
    em_nvs_page_look(&page, data);
    printf("page %zu  0x%06zx  %s", idx, off, page_states[page.state]);
    if (page.state == EM_NVS_PAGE_UNUSED) {
        printf("\n");
        return;
    }
    printf("  sequence %" PRIu32 "  version byte 0x%02X  header CRC %s\n", page.sequence,
           (unsigned)page.version_byte, page.crc_right ? "right" : "wrong");
    for (unsigned i = 0; i < EM_NVS_PAGE_ENTRIES;) {
        unsigned same = count_same(data, i);
        i += same > 1 ? same : print_entry(data, off, i);
    }
}

void image_print_raw(const struct em_nvsfile *file)
{
    for (size_t i = 0; i < file->image.len / EM_NVS_PAGE_SIZE; i++)
        print_page(file->image.data + i * EM_NVS_PAGE_SIZE, i);
}
