/* SPDX-License-Identifier: Apache-2.0 */
/* Pages and entries as the device loads them: which pages count, in which order, and what
 * stands on them. */
#include "config.h"

#include "nvs/reader_int.h"

#include "base/bytes_int.h"
#include "base/error_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum nvs_kind nvs_entry_check(const uint8_t *entry, unsigned idx)
{
    if (nvs_entry_crc(entry) != em_get_le32(entry + NVS_ENTRY_CRC))
        return NVS_ENTRY_HEADER;
    unsigned span = entry[NVS_ENTRY_SPAN];
    size_t size = em_get_le16(entry + NVS_ENTRY_DATA);
    switch (entry[NVS_ENTRY_TYPE]) {
    case EM_NVS_U8:
    case EM_NVS_U16:
    case EM_NVS_U32:
    case EM_NVS_U64:
    case EM_NVS_I8:
    case EM_NVS_I16:
    case EM_NVS_I32:
    case EM_NVS_I64:
    case EM_NVS_FLOAT:
    case EM_NVS_DOUBLE:
        return span == 1 ? NVS_KINDS : NVS_ENTRY_SPAN_BAD;
    case NVS_TYPE_BLOB_INDEX:
        if (span != 1)
            return NVS_ENTRY_SPAN_BAD;
        if (entry[NVS_ENTRY_CHUNK] != NVS_NO_CHUNK)
            return NVS_ENTRY_CHUNK_BAD;
        return em_get_le32(entry + NVS_ENTRY_DATA) <= EM_NVS_BLOB_MAX
                   ? NVS_KINDS
                   : NVS_ENTRY_SIZE_BAD;
    case NVS_TYPE_BLOB_DATA:
        if (entry[NVS_ENTRY_CHUNK] == NVS_NO_CHUNK)
            return NVS_ENTRY_CHUNK_BAD;
        break;
    case NVS_TYPE_STRING:
    case NVS_TYPE_BLOB_V1:
        break;
    default:
        return NVS_ENTRY_TYPE_BAD;
    }
    if (span != 1 + (size + EM_NVS_ENTRY_SIZE - 1) / EM_NVS_ENTRY_SIZE)
        return NVS_ENTRY_SPAN_BAD;
    return idx + span <= EM_NVS_PAGE_ENTRIES ? NVS_KINDS : NVS_ENTRY_SIZE_BAD;
}

static bool all_bytes(const uint8_t *p, size_t len, uint8_t byte)
{
    return len == 0 || (p[0] == byte && memcmp(p, p + 1, len - 1) == 0);
}

/* Judge one page by its header. */
static void look_at_page(struct em_nvs_reader *reader, size_t idx)
{
    const uint8_t *data = nvs_page_at(reader, idx);
    struct nvs_page *page = &reader->pages[idx];
    uint32_t crc = nvs_crc(NVS_CRC_START, data + NVS_HEADER_SEQUENCE,
                           NVS_HEADER_CRC - NVS_HEADER_SEQUENCE);
    *page = (struct nvs_page){.state = em_get_le32(data + NVS_HEADER_STATE),
                              .sequence = em_get_le32(data + NVS_HEADER_SEQUENCE),
                              .free = true};
    if (page->state == NVS_STATE_BLANK) {
        if (!all_bytes(data, EM_NVS_PAGE_SIZE, 0xFF))
            nvs_tell(reader, NVS_PAGE_NOT_BLANK, (long)idx, -1, 0,
                     "marked as unused, but not all 0xFF");
    } else if (page->state != NVS_STATE_ACTIVE && page->state != NVS_STATE_FULL &&
               page->state != NVS_STATE_FREEING) {
        nvs_tell(reader, NVS_PAGE_STATE, (long)idx, -1, 0,
                 "page state 0x%08" PRIX32 " is none that a page in use can have",
                 page->state);
    } else if (crc != em_get_le32(data + NVS_HEADER_CRC)) {
        nvs_tell(reader, NVS_PAGE_HEADER, (long)idx, -1, 0,
                 "CRC of the page header is 0x%08" PRIx32
                 ", its content has 0x%08" PRIx32,
                 em_get_le32(data + NVS_HEADER_CRC), crc);
    } else if (data[NVS_HEADER_VERSION] < NVS_VERSION_2) {
        page->free = false;
        nvs_tell(reader, NVS_PAGE_VERSION, (long)idx, -1, 0,
                 "format version byte 0x%02X, known are 0xFF and 0xFE",
                 data[NVS_HEADER_VERSION]);
    } else {
        page->free = false;
        page->used = true;
    }
}

/* Sort the used pages by sequence number; pages of the same number stay as they are. */
static enum em_status sort_pages(struct em_nvs_reader *reader, struct em_error *err)
{
    size_t n_pages = reader->len / EM_NVS_PAGE_SIZE;
    enum em_status status = nvs_reserve(&reader->order, &reader->cap_order, n_pages,
                                        sizeof *reader->order, err);
    reader->n_order = 0;
    for (size_t i = 0; i < n_pages && status == EM_OK; i++) {
        if (!reader->pages[i].used)
            continue;
        /* Nearly always in order already. */
        size_t at = reader->n_order++;
        for (; at > 0; at--) {
            if (reader->pages[reader->order[at - 1]].sequence <=
                reader->pages[i].sequence)
                break;
            reader->order[at] = reader->order[at - 1];
        }
        reader->order[at] = (uint32_t)i;
    }
    return status;
}

static void check_sequence(struct em_nvs_reader *reader)
{
    uint32_t expected = 0;
    for (size_t i = 0; i < reader->n_order; i++) {
        uint32_t idx = reader->order[i];
        uint32_t sequence = reader->pages[idx].sequence;
        if (i > 0 && sequence == expected - 1)
            nvs_tell(reader, NVS_SEQUENCE_TWICE, (long)idx, -1, 0,
                     "sequence number %" PRIu32 " is that of page %" PRIu32 " too",
                     sequence, reader->order[i - 1]);
        else if (i == 0 && sequence != 0)
            nvs_tell(reader, NVS_SEQUENCE_GAP, (long)idx, -1, 0,
                     "the lowest sequence number is %" PRIu32 ", not 0", sequence);
        else if (sequence != expected)
            nvs_tell(reader, NVS_SEQUENCE_GAP, (long)idx, -1, 0,
                     "sequence number %" PRIu32 " follows %" PRIu32, sequence,
                     expected - 1);
        expected = sequence + 1;
    }
}

/* Which pages are written to, and is there one for the next? Pages that are not loaded
 * lose `used`. */
static void check_states(struct em_nvs_reader *reader)
{
    size_t n_pages = reader->len / EM_NVS_PAGE_SIZE;
    size_t n_free = 0;
    size_t n_active = 0;
    size_t n_freeing = 0;
    uint32_t newest = reader->n_order == 0 ? 0 : reader->order[reader->n_order - 1];
    for (size_t i = 0; i < n_pages; i++) {
        struct nvs_page *page = &reader->pages[i];
        n_free += page->free;
        n_active += page->used && page->state == NVS_STATE_ACTIVE;
        n_freeing += page->used && page->state == NVS_STATE_FREEING;
        if (page->used && page->state == NVS_STATE_ACTIVE && i != newest)
            nvs_tell(reader, NVS_ACTIVE_OLD, (long)i, -1, 0,
                     "the page is active, but page %" PRIu32 " is newer", newest);
        if (page->used && page->state == NVS_STATE_FREEING)
            nvs_tell(reader, NVS_PAGE_FREEING, (long)i, -1, 0,
                     "the device was moving its entries when it lost power");
    }
    if (n_freeing > 0 && reader->pages[newest].state == NVS_STATE_ACTIVE) {
        nvs_tell(reader, NVS_PAGE_ERASED_FIRST, (long)newest, -1, 0,
                 "the newest page is active while another is being freed");
        reader->pages[newest].used = false;
    }
    if (reader->n_order > 0 && n_active == 0 && n_freeing == 0)
        nvs_tell(reader, NVS_ACTIVE_NONE, -1, -1, 0, "no page is active");
    if (!reader->counts.read_only && n_free == 0)
        nvs_tell(reader, NVS_NO_FREE_PAGE, -1, -1, 0,
                 "all %zu pages are in use, one has to be free", n_pages);
}

/* ---- Entries ---- */

static const uint8_t *entry_at(const uint8_t *page, unsigned idx)
{
    return page + NVS_ENTRIES_OFF + (size_t)idx * EM_NVS_ENTRY_SIZE;
}

/* Neighbours with the same fault make one finding. */
struct run {
    enum nvs_kind kind;
    unsigned first, n;
};

static void end_run(struct em_nvs_reader *reader, size_t page, struct run *run)
{
    static const char *const what[NVS_KINDS] = {
        [NVS_ENTRY_HEADER] = "CRC of the entry does not fit its content",
        [NVS_ENTRY_TYPE_BAD] = "no type of value that is known",
        [NVS_ENTRY_SPAN_BAD] = "number of entries does not fit the type and length",
        [NVS_ENTRY_CHUNK_BAD] = "chunk index does not fit the type",
        [NVS_ENTRY_SIZE_BAD] = "longer than the page or than the device allows",
        [NVS_ENTRY_STATE_BAD] = "state bits 01, which no write makes",
        [NVS_ENTRY_TORN] = "in use, but marked as empty or behind such an entry",
        [NVS_ENTRY_HIDDEN] = "marked as in use behind the first empty entry",
        [NVS_ENTRY_NOT_BLANK] = "marked as empty, but not all 0xFF",
        [NVS_ENTRY_SKIPPED] = "marked as empty on a full page, but not all 0xFF",
        [NVS_ENTRY_NOT_WIPED] = "erased, but not all 0x00",
    };
    if (run->n > 0)
        nvs_tell(reader, run->kind, (long)page, (int)run->first, run->n, "%s%s",
                 what[run->kind], run->n > 1 ? " (and so on)" : "");
    run->n = 0;
}

static void add_to_run(struct em_nvs_reader *reader, size_t page, struct run *run,
                       enum nvs_kind kind, unsigned idx)
{
    if (run->n > 0 && (run->kind != kind || run->first + run->n != idx))
        end_run(reader, page, run);
    if (run->n == 0)
        *run = (struct run){kind, idx, 0};
    run->n++;
}

/* On the page the device writes to, an earlier item of the same hash is erased. */
static void check_hash(struct em_nvs_reader *reader, size_t page_first, uint32_t *hashes,
                       bool active)
{
    struct nvs_item *item = &reader->items[reader->n_items - 1];
    size_t n = reader->n_items - 1 - page_first;
    hashes[n] = nvs_item_hash(item->ns, item->key, item->chunk);
    for (size_t i = 0; i < n; i++) {
        struct nvs_item *old = &reader->items[page_first + i];
        if (hashes[i] != hashes[n] || old->lost)
            continue;
        bool same = old->ns == item->ns && old->chunk == item->chunk &&
                    strcmp(old->key, item->key) == 0;
        if (same && !active)
            continue; /* told when all pages are known */
        old->lost = active;
        reader->repairs = reader->repairs || active;
        if (same)
            nvs_tell_item(reader, NVS_DUPLICATE, old,
                          "key '%s' is there again in entry %u of the same page",
                          item->key, (unsigned)item->entry);
        else
            nvs_tell_item(reader, active ? NVS_HASH_LOST : NVS_HASH_EQUAL, old,
                          "keys '%s' and '%s' have the same 24-bit hash", old->key,
                          item->key);
    }
}

static enum em_status add_item(struct em_nvs_reader *reader, size_t page, unsigned idx,
                               struct em_error *err)
{
    enum em_status status = nvs_reserve(&reader->items, &reader->cap_items,
                                        reader->n_items + 1, sizeof *reader->items, err);
    if (status != EM_OK)
        return status;
    const uint8_t *entry = entry_at(nvs_page_at(reader, page), idx);
    struct nvs_item *item = &reader->items[reader->n_items++];
    item->page = (uint32_t)page;
    item->entry = (uint8_t)idx;
    item->ns = entry[NVS_ENTRY_NAMESPACE];
    item->type = entry[NVS_ENTRY_TYPE];
    item->span = entry[NVS_ENTRY_SPAN];
    item->chunk = entry[NVS_ENTRY_CHUNK];
    item->lost = false;
    item->same = NVS_NO_ITEM;
    item->at = entry;
    item->len = nvs_is_variable(item->type) ? em_get_le16(entry + NVS_ENTRY_DATA)
                : item->type == NVS_TYPE_BLOB_INDEX
                    ? em_get_le32(entry + NVS_ENTRY_DATA)
                    : item->type & 0x0Fu; /* the width of a number */
    memcpy(item->key, entry + NVS_ENTRY_KEY, NVS_KEY_FIELD);
    item->key[NVS_KEY_FIELD] = '\0';
    return EM_OK;
}

static bool data_is_written(const uint8_t *page, unsigned idx, unsigned span)
{
    for (unsigned i = 1; i < span; i++) {
        if (nvs_entry_state(page, idx + i) != NVS_ENTRY_WRITTEN)
            return false;
    }
    return true;
}

/* What stands behind the first empty entry of an active page. */
static void check_tail(struct em_nvs_reader *reader, size_t page_idx, unsigned end)
{
    const uint8_t *page = nvs_page_at(reader, page_idx);
    struct run run = {0};
    unsigned i = end;
    while (i < EM_NVS_PAGE_ENTRIES && em_get_le32(entry_at(page, i)) != UINT32_MAX)
        add_to_run(reader, page_idx, &run, NVS_ENTRY_TORN, i++);
    for (; i < EM_NVS_PAGE_ENTRIES; i++) {
        if (nvs_entry_state(page, i) != NVS_ENTRY_EMPTY)
            add_to_run(reader, page_idx, &run, NVS_ENTRY_HIDDEN, i);
        else if (!all_bytes(entry_at(page, i), EM_NVS_ENTRY_SIZE, 0xFF))
            add_to_run(reader, page_idx, &run, NVS_ENTRY_NOT_BLANK, i);
    }
    end_run(reader, page_idx, &run);
}

static enum em_status load_page(struct em_nvs_reader *reader, size_t page_idx,
                                struct em_error *err)
{
    const uint8_t *page = nvs_page_at(reader, page_idx);
    bool active = reader->pages[page_idx].state == NVS_STATE_ACTIVE;
    size_t page_first = reader->n_items;
    uint32_t hashes[EM_NVS_PAGE_ENTRIES];
    struct run run = {0};
    unsigned step;
    unsigned i;
    for (i = 0; i < EM_NVS_PAGE_ENTRIES; i += step) {
        const uint8_t *entry = entry_at(page, i);
        unsigned state = nvs_entry_state(page, i);
        step = 1;
        if (state == NVS_ENTRY_EMPTY && active)
            break;
        if (state == NVS_ENTRY_EMPTY) {
            if (!all_bytes(entry, EM_NVS_ENTRY_SIZE, 0xFF))
                add_to_run(reader, page_idx, &run, NVS_ENTRY_SKIPPED, i);
            continue;
        }
        if (state == NVS_ENTRY_ERASED) {
            if (!all_bytes(entry, EM_NVS_ENTRY_SIZE, 0x00))
                add_to_run(reader, page_idx, &run, NVS_ENTRY_NOT_WIPED, i);
            continue;
        }
        enum nvs_kind kind =
            state == NVS_ENTRY_ILLEGAL ? NVS_ENTRY_STATE_BAD : nvs_entry_check(entry, i);
        if (kind != NVS_KINDS) {
            /* On full pages the device skips such entries. */
            if (kind == NVS_ENTRY_STATE_BAD && active)
                reader->repairs = true;
            add_to_run(reader, page_idx, &run, kind, i);
            continue;
        }
        end_run(reader, page_idx, &run);
        step = entry[NVS_ENTRY_SPAN];
        enum em_status status = add_item(reader, page_idx, i, err);
        if (status != EM_OK)
            return status;
        if (!data_is_written(page, i, step)) {
            struct nvs_item *item = &reader->items[--reader->n_items];
            nvs_tell_item(reader, NVS_ENTRY_DATA_STATE, item,
                          "not all data entries of key '%s' are marked as written",
                          item->key);
            continue;
        }
        check_hash(reader, page_first, hashes, active);
    }
    end_run(reader, page_idx, &run);
    if (active)
        check_tail(reader, page_idx, i);
    return EM_OK;
}

/* Is there a written entry with a right CRC? Nearly always the first. *any: is there one
 * at all? */
static bool is_readable(const struct em_nvs_reader *reader, bool *any)
{
    *any = false;
    for (size_t i = 0; i < reader->n_order; i++) {
        const uint8_t *page = nvs_page_at(reader, reader->order[i]);
        for (unsigned k = 0; k < EM_NVS_PAGE_ENTRIES; k++) {
            if (nvs_entry_state(page, k) != NVS_ENTRY_WRITTEN)
                continue;
            *any = true;
            if (nvs_entry_check(entry_at(page, k), k) != NVS_ENTRY_HEADER)
                return true;
        }
    }
    return false;
}

enum em_status nvs_load(struct em_nvs_reader *reader, struct em_error *err)
{
    size_t n_pages = reader->len / EM_NVS_PAGE_SIZE;
    enum em_status status = nvs_reserve(&reader->pages, &reader->cap_pages, n_pages,
                                        sizeof *reader->pages, err);
    if (status != EM_OK)
        return status;
    for (size_t i = 0; i < n_pages; i++)
        look_at_page(reader, i);
    status = sort_pages(reader, err);
    if (status != EM_OK)
        return status;
    reader->counts.pages = n_pages;
    reader->counts.used_pages = reader->n_order;
    if (reader->n_order == 0) {
        if (all_bytes(reader->image, reader->len, 0xFF))
            nvs_tell(reader, NVS_EMPTY, -1, -1, 0, "no page is in use");
        /* Otherwise a page that is not blank is erased when it is needed. */
        reader->repairs =
            reader->pages[0].free && !all_bytes(reader->image, EM_NVS_PAGE_SIZE, 0xFF);
        return EM_OK;
    }
    const uint8_t *newest = nvs_page_at(reader, reader->order[reader->n_order - 1]);
    reader->counts.version_1 = newest[NVS_HEADER_VERSION] == NVS_VERSION_1;
    check_sequence(reader);
    check_states(reader);
    bool any;
    if (!is_readable(reader, &any) && any) {
        reader->counts.unreadable = true;
        nvs_tell(reader, NVS_UNREADABLE, -1, -1, 0,
                 "no entry has a right CRC: encrypted, or decrypted with a wrong key");
        return EM_OK;
    }
    for (size_t i = 0; i < reader->n_order && status == EM_OK; i++) {
        if (reader->pages[reader->order[i]].used)
            status = load_page(reader, reader->order[i], err);
    }
    return status;
}
