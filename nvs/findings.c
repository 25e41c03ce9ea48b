/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with an image, and what the device makes of it.
 *
 * The consequences were seen with the device library of ESP-IDF (July 2026) compiled for
 * the host. */
#include "config.h"

#include "nvs/reader_int.h"

#include "base/error_int.h"

#include <stdarg.h>
#include <stdio.h>

#define E EM_NVS_ERROR
#define W EM_NVS_WARNING

/* One row a kind. `repair`: the device always erases something at mount, which needs a
 * write; where it depends, the finder says so. */
static const struct {
    const char *id;
    enum em_nvs_severity severity;
    bool repair;
    const char *consequence;
} kinds[NVS_KINDS] = {
    /* clang-format off */
    [NVS_EMPTY]            = {"empty", W, false, "the device mounts an empty store"},
    [NVS_UNREADABLE]       = {"unreadable", E, true, "the device would mount it and erase everything"},
    [NVS_NO_FREE_PAGE]     = {"no-free-page", E, false, "the device refuses to mount it (NO_FREE_PAGES)"},
    [NVS_REPAIR_READ_ONLY] = {"repair-read-only", E, false, "the device refuses to mount it: it cannot repair what it may not write"},
    [NVS_PAGE_NOT_BLANK]   = {"page-not-blank", E, false, "the device ignores and later erases the page"},
    [NVS_PAGE_STATE]       = {"page-state", E, false, "the device loses everything on the page"},
    [NVS_PAGE_HEADER]      = {"page-header", E, false, "the device loses everything on the page"},
    [NVS_PAGE_VERSION]     = {"page-version", E, false, "the device refuses to mount it (NEW_VERSION_FOUND)"},
    [NVS_PAGE_FREEING]     = {"page-freeing", E, true, "the device copies its entries to a free page and erases it"},
    [NVS_PAGE_ERASED_FIRST] = {"page-unfinished-copy", E, true, "the device takes it for an unfinished copy and erases it with all its values"},
    [NVS_SEQUENCE_TWICE]   = {"sequence-twice", E, false, "which of two values the device finds is chance"},
    [NVS_SEQUENCE_GAP]     = {"sequence-gap", W, false, "a page may be missing; usual only on a device that has run for long"},
    [NVS_ACTIVE_NONE]      = {"active-none", E, false, "the newest page may be missing"},
    [NVS_ACTIVE_OLD]       = {"active-old", E, false, "the device never writes to it again"},
    [NVS_ENTRY_HEADER]     = {"entry-crc", E, true, "the device erases it, and what follows as far as that is no entry"},
    [NVS_ENTRY_TYPE_BAD]   = {"entry-type", E, true, "the device erases it"},
    [NVS_ENTRY_SPAN_BAD]   = {"entry-span", E, true, "the device erases it"},
    [NVS_ENTRY_CHUNK_BAD]  = {"entry-chunk", E, true, "the device erases it"},
    [NVS_ENTRY_SIZE_BAD]   = {"entry-size", E, true, "the device erases it"},
    [NVS_ENTRY_DATA_STATE] = {"entry-data-state", E, true, "the device erases the whole item"},
    [NVS_ENTRY_STATE_BAD]  = {"entry-state", E, false, "the device erases or skips it"},
    [NVS_ENTRY_TORN]       = {"entry-torn", E, true, "the device takes it for an unfinished write and erases it"},
    [NVS_ENTRY_HIDDEN]     = {"entry-hidden", E, false, "the device does not look behind the first empty entry"},
    [NVS_ENTRY_NOT_BLANK]  = {"entry-not-blank", W, false, "nothing, until the device writes there and fails"},
    [NVS_ENTRY_SKIPPED]    = {"entry-skipped", E, false, "the device skips it, and a value that is there is lost"},
    [NVS_ENTRY_NOT_WIPED]  = {"entry-not-wiped", W, false, "the device skips it; usual only after an older device library erased it"},
    [NVS_KEY_OPEN]         = {"key-length", E, false, "the device can never find it"},
    [NVS_KEY_REST]         = {"key-padding", E, false, "the device can never find it"},
    [NVS_KEY_CHUNK]        = {"key-chunk", E, false, "the device can never find it"},
    [NVS_HASH_LOST]        = {"hash-collision", E, true, "the device erases the first of the two; rename a key"},
    [NVS_HASH_EQUAL]       = {"hash-equal", W, false, "a device that writes both to one page loses the first; rename a key"},
    [NVS_DUPLICATE]        = {"key-twice", E, false, "the device uses one of them and may erase the other"},
    [NVS_NAMESPACE_TYPE]   = {"namespace-type", E, false, "the device does not see it as a namespace"},
    [NVS_NAMESPACE_INDEX]  = {"namespace-index", E, false, "the device reaches its values in part or not at all"},
    [NVS_NAMESPACE_SHARED] = {"namespace-shared", E, false, "both names open the same values"},
    [NVS_NAMESPACE_TWICE]  = {"namespace-twice", E, false, "the device uses the first; values of the other are out of reach"},
    [NVS_NAMESPACE_UNKNOWN] = {"namespace-unknown", E, false, "the device can never find it"},
    [NVS_BLOB_START]       = {"blob-start", E, true, "the device erases the blob"},
    [NVS_BLOB_CHUNKS]      = {"blob-chunks", E, true, "the device erases the blob"},
    [NVS_BLOB_GAP]         = {"blob-gap", E, true, "the device fails to read the blob"},
    [NVS_BLOB_ORPHAN]      = {"blob-orphan", E, true, "the device erases it"},
    [NVS_BLOB_EMPTY]       = {"blob-empty", W, false, "the device reads it as empty but does not list it"},
    [NVS_DATA_CRC]         = {"data-crc", E, false, "the device erases it when it is read, and says not found"},
    [NVS_STRING_END]       = {"string-end", E, false, "the device hands out a string without an end"},
    [NVS_STRING_NUL]       = {"string-nul", W, false, "the device sees a shorter string"},
    /* clang-format on */
};

const char *nvs_kind_id(enum nvs_kind kind)
{
    return kinds[kind].id;
}

static void tell(struct em_nvs_reader *reader, enum nvs_kind kind, long page, int entry,
                 unsigned entries, const char *what)
{
    bool is_error = kinds[kind].severity == EM_NVS_ERROR;
    if (is_error)
        reader->counts.errors++;
    else
        reader->counts.warnings++;
    reader->repairs = reader->repairs || kinds[kind].repair;
    if (reader->tell == NULL)
        return;
    size_t off = page < 0 ? 0 : (size_t)page * EM_NVS_PAGE_SIZE;
    if (entry >= 0)
        off += NVS_ENTRIES_OFF + (size_t)entry * EM_NVS_ENTRY_SIZE;
    /* Keys may hold anything: one line of UTF-8, as all messages. */
    struct em_error tidy;
    (void)em_error_set(&tidy, EM_OK, NULL, "%s", what); /* the status is not used */
    struct em_nvs_finding finding = {
        .severity = kinds[kind].severity,
        .id = kinds[kind].id,
        .what = tidy.what,
        .consequence = kinds[kind].consequence,
        .page = page,
        .entry = entry,
        .entries = entries,
        .off = off,
    };
    reader->tell(reader->user, &finding);
}

void nvs_tell(struct em_nvs_reader *reader, enum nvs_kind kind, long page, int entry,
              unsigned entries, const char *fmt, ...)
{
    char what[256] = "";
    if (reader->tell != NULL) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(what, sizeof what, fmt, ap); /* long texts are cut */
        va_end(ap);
    }
    tell(reader, kind, page, entry, entries, what);
}

void nvs_tell_item(struct em_nvs_reader *reader, enum nvs_kind kind,
                   const struct nvs_item *item, const char *fmt, ...)
{
    char what[256] = "";
    if (reader->tell != NULL) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(what, sizeof what, fmt, ap); /* long texts are cut */
        va_end(ap);
    }
    tell(reader, kind, (long)item->page, item->entry, item->span, what);
}
