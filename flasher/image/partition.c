/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables: which form a file has, the binary form, and checks of the whole. */
#include "config.h"

#include "flasher/image/partition_int.h"

#include "base/bytes_int.h"
#include "base/file_int.h"
#include "base/text_int.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

/* An entry: AA 50, type, subtype, offset, size, name (16), flags. Behind the last one EB
 * EB, 14 times FF, and the MD5 of all entries; then FF. */
enum {
    ENTRY_LEN = 32,
    TYPE_AT = 2,
    SUBTYPE_AT = 3,
    OFFSET_AT = 4,
    SIZE_AT = 8,
    NAME_AT = 12,
    FLAGS_AT = 28,
    MD5_AT = 16,
    MD5_LEN = 16,
    FILE_MAX = 1 << 20, /* far more than a table with all its comments needs */
};

static const uint8_t entry_magic[2] = {0xAA, 0x50};
static const uint8_t md5_magic[MD5_AT] = {0xEB, 0xEB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                          0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

enum em_status em_partition_check_name(const uint8_t *name, size_t len,
                                       struct em_error *err)
{
    char shown[EM_TEXT_CHAR_SHOWN];
    if (len == 0)
        return em_error_set(err, EM_ERR_INPUT, "give every partition a name",
                            "partition without a name");
    if (len > EM_PARTITION_NAME_MAX)
        return em_error_set(err, EM_ERR_INPUT, "take a shorter name",
                            "name of a partition has %zu bytes, limit %d", len,
                            (int)EM_PARTITION_NAME_MAX);
    for (size_t i = 0, step; i < len; i += step) {
        uint32_t code = 0;
        step = em_utf8_next(name + i, len - i, &code);
        if (step != 0 && em_text_is_visible(code))
            continue;
        em_text_show_char(shown, name + i, len - i);
        return em_error_set(err, EM_ERR_INPUT, "is it a partition table?",
                            "name of a partition with %s at position %zu", shown, i + 1);
    }
    return EM_OK;
}

static enum em_status parse_entry(struct em_partition_table *out, const uint8_t *entry,
                                  struct em_error *err)
{
    size_t number = out->count + 1;
    if (memcmp(entry, entry_magic, sizeof entry_magic) != 0)
        return em_error_set(err, EM_ERR_INPUT, "is it a partition table?",
                            "entry %zu begins with %02x %02x, not aa 50", number,
                            entry[0], entry[1]);
    if (out->count == EM_PARTITION_COUNT_MAX)
        return em_error_set(err, EM_ERR_INPUT, "a table has no room for more",
                            "more than %d partitions", (int)EM_PARTITION_COUNT_MAX);
    struct em_partition *row = &out->rows[out->count];
    const uint8_t *end = memchr(entry + NAME_AT, 0, EM_PARTITION_NAME_MAX);
    size_t name_len =
        end != NULL ? (size_t)(end - (entry + NAME_AT)) : EM_PARTITION_NAME_MAX;
    enum em_status status = em_partition_check_name(entry + NAME_AT, name_len, err);
    if (status != EM_OK)
        return status;
    *row = (struct em_partition){.type = entry[TYPE_AT],
                                 .subtype = entry[SUBTYPE_AT],
                                 .offset = em_get_le32(entry + OFFSET_AT),
                                 .size = em_get_le32(entry + SIZE_AT),
                                 .flags = em_get_le32(entry + FLAGS_AT)};
    memcpy(row->name, entry + NAME_AT, name_len);
    out->count++;
    return EM_OK;
}

static enum em_status check_md5(const uint8_t *data, size_t len, struct em_error *err)
{
    uint8_t md5[EVP_MAX_MD_SIZE];
    if (EVP_Digest(data, len, md5, NULL, EVP_md5(), NULL) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "partition table: MD5 failed");
    if (memcmp(md5, data + len + MD5_AT, MD5_LEN) == 0)
        return EM_OK;
    return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                        "partition table: its MD5 is not that of its entries");
}

static bool is_blank(const uint8_t *entry)
{
    for (size_t i = 0; i < ENTRY_LEN; i++) {
        if (entry[i] != 0xFF)
            return false;
    }
    return true;
}

static enum em_status parse_binary(struct em_partition_table *out, const uint8_t *data,
                                   size_t len, struct em_error *err)
{
    enum em_status status = EM_OK;
    bool summed = false;
    size_t off = 0;
    for (; off + ENTRY_LEN <= len && status == EM_OK; off += ENTRY_LEN) {
        if (is_blank(data + off))
            return EM_OK;
        if (summed)
            return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                                "partition table: something follows its MD5");
        if (memcmp(data + off, md5_magic, sizeof md5_magic) == 0) {
            status = check_md5(data, off, err);
            out->has_md5 = summed = true;
        } else {
            status = parse_entry(out, data + off, err);
        }
    }
    /* An end is needed: one that was cut off may have had more partitions. */
    if (status == EM_OK && !summed && off < EM_PARTITION_TABLE_LEN)
        return em_error_set(err, EM_ERR_INPUT, "the file is cut off: build it again",
                            "partition table: %zu bytes without an end", len);
    return status;
}

static enum em_status check_row(const struct em_partition *row, struct em_error *err)
{
    if (row->size == 0)
        return em_error_set(err, EM_ERR_INPUT, "give it a size",
                            "partition '%s' is empty", row->name);
    if ((uint64_t)row->offset + row->size > (uint64_t)1 << 32)
        return em_error_set(err, EM_ERR_INPUT, "check its offset and its size",
                            "partition '%s' ends at 0x%llx, beyond 4 GiB", row->name,
                            (unsigned long long)row->offset + row->size);
    return EM_OK;
}

static enum em_status check_pair(const struct em_partition *a,
                                 const struct em_partition *b, struct em_error *err)
{
    char before[32] = "";
    if (a->line != 0)
        (void)snprintf(before, sizeof before, " (line %lu)", a->line);
    if (strcmp(a->name, b->name) == 0)
        return em_error_set(err, EM_ERR_INPUT, "names have to differ",
                            "partition '%s' is there twice%s", b->name, before);
    if ((uint64_t)a->offset + a->size > b->offset &&
        (uint64_t)b->offset + b->size > a->offset)
        return em_error_set(err, EM_ERR_INPUT, "check offsets and sizes",
                            "partition '%s' at 0x%lx, 0x%lx bytes, overlaps '%s'%s at "
                            "0x%lx, 0x%lx bytes",
                            b->name, (unsigned long)b->offset, (unsigned long)b->size,
                            a->name, before, (unsigned long)a->offset,
                            (unsigned long)a->size);
    return EM_OK;
}

static enum em_status check_table(const struct em_partition_table *table,
                                  struct em_error *err)
{
    if (table->count == 0)
        return em_error_set(err, EM_ERR_INPUT, "is it a partition table?",
                            "no partition in it");
    for (size_t i = 0; i < table->count; i++) {
        enum em_status status = check_row(&table->rows[i], err);
        for (size_t k = 0; k < i && status == EM_OK; k++)
            status = check_pair(&table->rows[k], &table->rows[i], err);
        if (status != EM_OK) {
            if (table->rows[i].line != 0)
                em_error_at(err, "", table->rows[i].line);
            return status;
        }
    }
    return EM_OK;
}

enum em_status em_partition_parse(struct em_partition_table *out, const uint8_t *data,
                                  size_t len, const char *file, uint32_t table_at,
                                  struct em_error *err)
{
    out->count = 0;
    out->has_md5 = false;
    bool binary = len > 0 && (data[0] == entry_magic[0] || data[0] == md5_magic[0] ||
                              data[0] == 0xFF);
    /* A byte order mark begins with EF, and no CSV with one of these. */
    enum em_status status = binary
                                ? parse_binary(out, data, len, err)
                                : em_partition_parse_csv(out, data, len, table_at, err);
    if (status == EM_OK)
        status = check_table(out, err);
    if (status == EM_OK)
        return EM_OK;
    out->count = 0;
    em_error_at(err, file, err != NULL ? err->line : 0);
    return status;
}

enum em_status em_partition_load(struct em_partition_table *out, const char *path,
                                 uint32_t table_at, struct em_error *err)
{
    struct em_buf file = {0};
    out->count = 0;
    enum em_status status = em_file_read(&file, path, FILE_MAX, err);
    if (status == EM_OK)
        status = em_partition_parse(out, file.data, file.len, path, table_at, err);
    em_buf_free(&file);
    return status;
}

const struct em_partition *em_partition_find(const struct em_partition_table *table,
                                             const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    }
    return NULL;
}

void em_partition_list(const struct em_partition_table *table, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < table->count && used < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "",
                         table->rows[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
}

enum em_status em_partition_binary(uint8_t out[EM_PARTITION_TABLE_LEN],
                                   const struct em_partition_table *table, bool no_md5,
                                   struct em_error *err)
{
    memset(out, 0xFF, EM_PARTITION_TABLE_LEN);
    uint8_t *entry = out;
    for (size_t i = 0; i < table->count; i++, entry += ENTRY_LEN) {
        const struct em_partition *row = &table->rows[i];
        memcpy(entry, entry_magic, sizeof entry_magic);
        entry[TYPE_AT] = row->type;
        entry[SUBTYPE_AT] = row->subtype;
        em_put_le32(entry + OFFSET_AT, row->offset);
        em_put_le32(entry + SIZE_AT, row->size);
        memset(entry + NAME_AT, 0, EM_PARTITION_NAME_MAX);
        memcpy(entry + NAME_AT, row->name, strlen(row->name));
        em_put_le32(entry + FLAGS_AT, row->flags);
    }
    if (no_md5)
        return EM_OK;
    memcpy(entry, md5_magic, sizeof md5_magic);
    if (EVP_Digest(out, (size_t)(entry - out), entry + MD5_AT, NULL, EVP_md5(), NULL) !=
        1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "partition table: MD5 failed");
    return EM_OK;
}
