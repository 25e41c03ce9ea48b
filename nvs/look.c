/* SPDX-License-Identifier: Apache-2.0 */
/* Pages and entries as they are, right or wrong. */
#include "config.h"

#include "nvs/reader_int.h"

#include "base/bytes_int.h"

#include <assert.h>
#include <string.h>

void em_nvs_page_look(struct em_nvs_page_info *out, const uint8_t *page)
{
    uint32_t state = em_get_le32(page + NVS_HEADER_STATE);
    uint32_t crc = nvs_crc(NVS_CRC_START, page + NVS_HEADER_SEQUENCE,
                           NVS_HEADER_CRC - NVS_HEADER_SEQUENCE);
    *out = (struct em_nvs_page_info){
        .state = state == NVS_STATE_BLANK     ? EM_NVS_PAGE_UNUSED
                 : state == NVS_STATE_ACTIVE  ? EM_NVS_PAGE_ACTIVE
                 : state == NVS_STATE_FULL    ? EM_NVS_PAGE_FULL
                 : state == NVS_STATE_FREEING ? EM_NVS_PAGE_FREEING
                                              : EM_NVS_PAGE_CORRUPT,
        .sequence = em_get_le32(page + NVS_HEADER_SEQUENCE),
        .version_byte = page[NVS_HEADER_VERSION],
        .crc_right = crc == em_get_le32(page + NVS_HEADER_CRC),
    };
}

void em_nvs_entry_look(struct em_nvs_entry_info *out, const uint8_t *page, unsigned entry)
{
    assert(entry < EM_NVS_PAGE_ENTRIES);
    const uint8_t *at = page + NVS_ENTRIES_OFF + (size_t)entry * EM_NVS_ENTRY_SIZE;
    *out = (struct em_nvs_entry_info){
        .state = (enum em_nvs_entry_state)nvs_entry_state(page, entry)};
    if (out->state != EM_NVS_ENTRY_WRITTEN || nvs_entry_check(at, entry) != NVS_KINDS)
        return;
    out->header = true;
    out->ns_index = at[NVS_ENTRY_NAMESPACE];
    out->type = at[NVS_ENTRY_TYPE];
    out->span = at[NVS_ENTRY_SPAN];
    out->chunk = at[NVS_ENTRY_CHUNK];
    memcpy(out->key, at + NVS_ENTRY_KEY, NVS_KEY_FIELD);
}
