/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables as CSV text, and whether a table suits a flash. */
#include "config.h"

#include "flasher/image/partition_int.h"

#include "base/buf_int.h"

#include <stdio.h>

/* A table takes one sector. */
enum { TABLE_SECTOR = 0x1000 };

static void put_row(struct em_buf *out, const struct em_partition *row)
{
    char line[160], type[24], subtype[24], size[24];
    bool encrypted = (row->flags & EM_PARTITION_ENCRYPTED) != 0;
    bool readonly = (row->flags & EM_PARTITION_READONLY) != 0;
    if (row->size % (1024 * 1024) == 0)
        (void)snprintf(size, sizeof size, "%luM", (unsigned long)row->size >> 20);
    else if (row->size % 1024 == 0)
        (void)snprintf(size, sizeof size, "%luK", (unsigned long)row->size >> 10);
    else
        (void)snprintf(size, sizeof size, "0x%lx", (unsigned long)row->size);
    (void)snprintf(line, sizeof line, "%s,%s,%s,0x%lx,%s,%s%s%s\n", row->name,
                   em_partition_type_name(type, row->type),
                   em_partition_subtype_name(subtype, row->type, row->subtype),
                   (unsigned long)row->offset, size, encrypted ? "encrypted" : "",
                   encrypted && readonly ? ":" : "", readonly ? "readonly" : "");
    em_buf_append_text(out, line);
}

enum em_status em_partition_csv(char **out, const struct em_partition_table *table,
                                struct em_error *err)
{
    struct em_buf text = {0};
    *out = NULL;
    em_buf_append_text(&text, "# Name, Type, SubType, Offset, Size, Flags\n");
    for (size_t i = 0; i < table->count; i++)
        put_row(&text, &table->rows[i]);
    em_buf_append_byte(&text, 0);
    if (text.failed) {
        em_buf_free(&text);
        return em_error_nomem(err);
    }
    *out = (char *)text.data;
    return EM_OK;
}

static enum em_status check_row(const struct em_partition *row, uint32_t table_at,
                                uint64_t flash_size, struct em_error *err)
{
    uint64_t end = (uint64_t)row->offset + row->size;
    uint64_t table_end = (uint64_t)table_at + TABLE_SECTOR;
    uint32_t align = em_partition_align(row->type);
    if (row->offset % align != 0)
        return em_error_set(err, EM_ERR_INPUT, "place it anew",
                            "offset 0x%lx of partition '%s' is not a multiple of 0x%lx",
                            (unsigned long)row->offset, row->name, (unsigned long)align);
    /* Types from 2 to 0x3F are for what stands before it, itself among them. */
    if (row->offset < table_end && end > table_at && row->type <= EM_PARTITION_DATA)
        return em_error_set(err, EM_ERR_INPUT, "place it behind the table",
                            "partition '%s' at 0x%lx overlaps the table itself, 0x%lx to "
                            "0x%llx",
                            row->name, (unsigned long)row->offset,
                            (unsigned long)table_at, (unsigned long long)table_end);
    if (flash_size != 0 && end > flash_size)
        return em_error_set(err, EM_ERR_FULL, "make it smaller, or take a larger flash",
                            "partition '%s' ends at 0x%llx, the flash at 0x%llx",
                            row->name, (unsigned long long)end,
                            (unsigned long long)flash_size);
    return EM_OK;
}

enum em_status em_partition_check(const struct em_partition_table *table,
                                  uint32_t table_at, uint64_t flash_size,
                                  struct em_error *err)
{
    for (size_t i = 0; i < table->count; i++) {
        enum em_status status = check_row(&table->rows[i], table_at, flash_size, err);
        if (status != EM_OK) {
            if (table->rows[i].line != 0)
                em_error_at(err, "", table->rows[i].line);
            return status;
        }
    }
    return EM_OK;
}
