/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen image dump --raw: pages and entries as they are, right or wrong. */
#include "config.h"

#include "src/gen_image.h"

#include "base/bytes_int.h"
#include "mfg/types_int.h"
#include "nvs/format_int.h"
#include "nvs/reader_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *state_name(uint32_t state)
{
    switch (state) {
    case NVS_STATE_BLANK:
        return "unused";
    case NVS_STATE_ACTIVE:
        return "active";
    case NVS_STATE_FULL:
        return "full";
    case NVS_STATE_FREEING:
        return "freeing";
    default:
        return "corrupt";
    }
}

static const char *const entry_states[] = {"erased", "illegal", "written", "empty"};

static const char *raw_type_name(unsigned type)
{
    return type == NVS_TYPE_BLOB_DATA    ? "blob chunk"
           : type == NVS_TYPE_BLOB_INDEX ? "blob index"
                                         : em_type_name(type);
}

/* The key without what a terminal should not get. */
static void print_key(const uint8_t *entry)
{
    for (int i = 0; i < NVS_KEY_FIELD && entry[NVS_ENTRY_KEY + i] != 0; i++) {
        uint8_t c = entry[NVS_ENTRY_KEY + i];
        (void)putchar(c >= 0x20 && c < 0x7F ? c : '?');
    }
}

/* One entry; returns how many it and its data take. */
static unsigned print_entry(const uint8_t *page, size_t page_idx, unsigned idx)
{
    const uint8_t *entry = page + NVS_ENTRIES_OFF + (size_t)idx * EM_NVS_ENTRY_SIZE;
    unsigned state = nvs_entry_state(page, idx);
    size_t off = page_idx * EM_NVS_PAGE_SIZE + (size_t)(entry - page);
    printf("  entry %3u  0x%06zx  %-7s", idx, off, entry_states[state]);
    if (state != NVS_ENTRY_WRITTEN) {
        printf("\n");
        return 1;
    }
    if (nvs_entry_check(entry, idx) != NVS_KINDS) {
        printf("  no header entry, or a damaged one\n");
        return 1;
    }
    printf("  ns %3u  %-10s  span %3u  chunk %3u  ", (unsigned)entry[NVS_ENTRY_NAMESPACE],
           raw_type_name(entry[NVS_ENTRY_TYPE]), (unsigned)entry[NVS_ENTRY_SPAN],
           (unsigned)entry[NVS_ENTRY_CHUNK]);
    print_key(entry);
    printf("\n");
    return nvs_is_variable(entry[NVS_ENTRY_TYPE]) ? entry[NVS_ENTRY_SPAN] : 1;
}

/* How many entries from @p idx on are in the same state that is not 'written'. */
static unsigned count_same(const uint8_t *page, unsigned idx)
{
    unsigned state = nvs_entry_state(page, idx);
    unsigned n = 1;
    while (idx + n < EM_NVS_PAGE_ENTRIES && nvs_entry_state(page, idx + n) == state)
        n++;
    return state == NVS_ENTRY_WRITTEN ? 0 : n;
}

static void print_page(const uint8_t *page, size_t idx)
{
    uint32_t state = em_get_le32(page + NVS_HEADER_STATE);
    uint32_t crc = nvs_crc(NVS_CRC_START, page + NVS_HEADER_SEQUENCE,
                           NVS_HEADER_CRC - NVS_HEADER_SEQUENCE);
    printf("page %zu  0x%06zx  %s", idx, idx * EM_NVS_PAGE_SIZE, state_name(state));
    if (state == NVS_STATE_BLANK) {
        printf("\n");
        return;
    }
    printf("  sequence %" PRIu32 "  version byte 0x%02X  header CRC %s\n",
           em_get_le32(page + NVS_HEADER_SEQUENCE), (unsigned)page[NVS_HEADER_VERSION],
           crc == em_get_le32(page + NVS_HEADER_CRC) ? "right" : "wrong");
    for (unsigned i = 0; i < EM_NVS_PAGE_ENTRIES;) {
        unsigned same = count_same(page, i);
        if (same > 1) {
            printf("  entries %u-%u  %s\n", i, i + same - 1,
                   entry_states[nvs_entry_state(page, i)]);
            i += same;
        } else {
            i += print_entry(page, idx, i);
        }
    }
}

void image_print_raw(const struct em_nvsfile *file)
{
    for (size_t i = 0; i < file->image.len / EM_NVS_PAGE_SIZE; i++)
        print_page(file->image.data + i * EM_NVS_PAGE_SIZE, i);
}
