/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables as CSV: name, type, subtype, offset, size, flags. */
#include "config.h"

#include "flasher/image/partition_int.h"

#include "base/text_int.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME,
    TYPE,
    SUBTYPE,
    OFFSET,
    SIZE,
    FLAGS,
    COLUMNS,
    TABLE_SECTOR = 0x1000, /* a table takes one sector: the first row follows it */
    TYPE_MAX = 0xFE,
};

/* Where the next row without an offset begins. */
struct place {
    uint64_t next;
};

/* A column in a message: what can be shown of it. */
struct shown {
    char text[40];
};

static struct shown show(struct em_span column)
{
    struct shown out = {""};
    size_t used = 0;
    for (size_t i = 0, step; i < column.len && used < 24; i += step) {
        uint32_t code;
        step = em_utf8_next(column.p + i, column.len - i, &code);
        bool good = step != 0 && em_text_is_visible(code);
        if (step == 0)
            step = 1;
        if (good)
            memcpy(out.text + used, column.p + i, step);
        else
            out.text[used] = '?';
        used += good ? step : 1;
    }
    return out;
}

/* A number with an optional K or M behind it, at most @p max. */
static bool parse_number(struct em_span text, uint64_t max, uint64_t *out)
{
    struct em_integer number;
    unsigned shift = 0;
    uint8_t last = text.len > 0 ? text.p[text.len - 1] : '\0';
    if (last == 'k' || last == 'K')
        shift = 10;
    else if (last == 'm' || last == 'M')
        shift = 20;
    if (shift > 0)
        text.len--;
    if (em_text_literal(&number, text, NULL) != EM_OK || number.negative || number.huge ||
        number.magnitude > max >> shift)
        return false;
    *out = number.magnitude << shift;
    return true;
}

static enum em_status parse_type(struct em_partition *row, struct em_span text,
                                 struct em_error *err)
{
    uint64_t number;
    for (size_t i = 0; em_partition_types[i].name != NULL; i++) {
        if (em_span_is(text, em_partition_types[i].name)) {
            row->type = em_partition_types[i].first;
            return EM_OK;
        }
    }
    if (!parse_number(text, TYPE_MAX, &number))
        return em_error_set(err, EM_ERR_INPUT,
                            "write app, data, bootloader, partition_table or a number "
                            "up to 0xfe",
                            "type '%s' of a partition is not known", show(text).text);
    row->type = (uint8_t)number;
    return EM_OK;
}

/* Is @p text the name of subtype @p idx, with its number if it has one? */
static bool is_subtype(size_t idx, struct em_span text, uint8_t *out)
{
    uint64_t number = 0;
    size_t len = strlen(em_partition_subtypes[idx].name);
    if (text.len < len || memcmp(text.p, em_partition_subtypes[idx].name, len) != 0)
        return false;
    struct em_span rest = {text.p + len, text.len - len};
    bool digits = rest.len > 0;
    for (size_t i = 0; i < rest.len; i++)
        digits = digits && rest.p[i] >= '0' && rest.p[i] <= '9';
    if (em_partition_subtypes[idx].count == 1
            ? rest.len != 0
            : rest.len > 2 || !digits ||
                  !parse_number(rest, em_partition_subtypes[idx].count - 1u, &number))
        return false;
    *out = (uint8_t)(em_partition_subtypes[idx].first + number);
    return true;
}

static enum em_status parse_subtype(struct em_partition *row, struct em_span text,
                                    struct em_error *err)
{
    uint64_t number;
    char hint[200] = "write a number up to 0xfe, or one of";
    size_t used = strlen(hint);
    if (text.len == 0 && row->type != EM_PARTITION_APP) {
        row->subtype = row->type == EM_PARTITION_DATA ? 0x06 /* undefined */ : 0;
        return EM_OK;
    }
    for (size_t i = 0; em_partition_subtypes[i].name != NULL; i++) {
        if (em_partition_subtypes[i].of != row->type)
            continue;
        if (is_subtype(i, text, &row->subtype))
            return EM_OK;
        int n = snprintf(hint + used, sizeof hint - used, " %s%s",
                         em_partition_subtypes[i].name,
                         em_partition_subtypes[i].count > 1 ? "N" : "");
        used += n > 0 && (size_t)n < sizeof hint - used ? (size_t)n : 0;
    }
    if (!parse_number(text, TYPE_MAX, &number))
        return em_error_set(err, EM_ERR_INPUT, hint,
                            "subtype '%s' of partition '%s' is not known",
                            show(text).text, row->name);
    row->subtype = (uint8_t)number;
    return EM_OK;
}

static enum em_status parse_place(struct em_partition *row, struct em_span offset,
                                  struct em_span size, struct place *place,
                                  struct em_error *err)
{
    uint64_t align = em_partition_align(row->type);
    uint64_t at = (place->next + align - 1) / align * align;
    uint64_t len;
    if (!parse_number(size, UINT32_MAX, &len))
        return em_error_set(err, EM_ERR_INPUT, "write it as 0x6000, 24K or 1M",
                            "size '%s' of partition '%s' is not a number up to 4 GiB",
                            show(size).text, row->name);
    if (offset.len > 0 && !parse_number(offset, UINT32_MAX, &at))
        return em_error_set(err, EM_ERR_INPUT, "write it as 0x9000, 36K, or leave it out",
                            "offset '%s' of partition '%s' is not a number up to 4 GiB",
                            show(offset).text, row->name);
    if (at % align != 0)
        return em_error_set(err, EM_ERR_INPUT, "or leave it out",
                            "offset 0x%llx of partition '%s' is not a multiple of 0x%llx",
                            (unsigned long long)at, row->name, (unsigned long long)align);
    if (at + len > (uint64_t)1 << 32)
        return em_error_set(err, EM_ERR_INPUT, "check its offset and its size",
                            "partition '%s' ends at 0x%llx, beyond 4 GiB", row->name,
                            (unsigned long long)(at + len));
    row->offset = (uint32_t)at;
    row->size = (uint32_t)len;
    place->next = at + len;
    return EM_OK;
}

static enum em_status parse_flags(struct em_partition *row, struct em_span text,
                                  struct em_error *err)
{
    while (text.len > 0) {
        const uint8_t *colon = memchr(text.p, ':', text.len);
        size_t len = colon != NULL ? (size_t)(colon - text.p) : text.len;
        struct em_span flag = em_text_strip((struct em_span){text.p, len});
        if (em_span_is(flag, "encrypted"))
            row->flags |= EM_PARTITION_ENCRYPTED;
        else if (em_span_is(flag, "readonly"))
            row->flags |= EM_PARTITION_READONLY;
        else
            return em_error_set(
                err, EM_ERR_INPUT, "write encrypted, readonly, or both with ':' between",
                "flag '%s' of partition '%s' is not known", show(flag).text, row->name);
        len += colon != NULL ? 1 : 0;
        text.p += len;
        text.len -= len;
    }
    return EM_OK;
}

static enum em_status parse_row(struct em_partition *row,
                                const struct em_span columns[COLUMNS],
                                struct place *place, struct em_error *err)
{
    enum em_status status =
        em_partition_check_name(columns[NAME].p, columns[NAME].len, err);
    if (status != EM_OK)
        return status;
    memcpy(row->name, columns[NAME].p, columns[NAME].len);
    status = parse_type(row, columns[TYPE], err);
    if (status == EM_OK)
        status = parse_subtype(row, columns[SUBTYPE], err);
    if (status == EM_OK)
        status = parse_place(row, columns[OFFSET], columns[SIZE], place, err);
    if (status == EM_OK)
        status = parse_flags(row, columns[FLAGS], err);
    return status;
}

/* Columns of a line; false: not five or six (a comma may end the line). */
static bool split(struct em_span line, struct em_span columns[COLUMNS])
{
    size_t count = 0;
    for (bool more = true; more && count < COLUMNS; count++) {
        const uint8_t *comma = line.len > 0 ? memchr(line.p, ',', line.len) : NULL;
        size_t len = comma != NULL ? (size_t)(comma - line.p) : line.len;
        columns[count] = em_text_strip((struct em_span){line.p, len});
        more = comma != NULL;
        len += more ? 1 : 0;
        line.p += len;
        line.len -= len;
    }
    for (size_t i = count; i < COLUMNS; i++)
        columns[i] = (struct em_span){line.p, 0};
    return count > SIZE && em_text_strip(line).len == 0;
}

static enum em_status parse_line(struct em_partition_table *out, struct em_span line,
                                 unsigned long number, struct place *place,
                                 struct em_error *err)
{
    struct em_span columns[COLUMNS];
    if (!split(line, columns))
        return em_error_set(err, EM_ERR_INPUT,
                            "write name, type, subtype, offset, size, flags",
                            "a partition has 5 or 6 columns, with commas between");
    if (out->count == EM_PARTITION_COUNT_MAX)
        return em_error_set(err, EM_ERR_INPUT, "a table has no room for more",
                            "more than %d partitions", (int)EM_PARTITION_COUNT_MAX);
    struct em_partition *row = &out->rows[out->count];
    *row = (struct em_partition){.line = number};
    enum em_status status = parse_row(row, columns, place, err);
    if (status == EM_OK)
        out->count++;
    return status;
}

enum em_status em_partition_parse_csv(struct em_partition_table *out, const uint8_t *data,
                                      size_t len, uint32_t table_at, struct em_error *err)
{
    static const uint8_t mark[3] = {0xEF, 0xBB,
                                    0xBF}; /* that some editors put in front */
    struct place place = {(uint64_t)table_at + TABLE_SECTOR};
    size_t at = len >= sizeof mark && memcmp(data, mark, sizeof mark) == 0 ? 3 : 0;
    for (unsigned long number = 1; at < len; number++) {
        const uint8_t *end = memchr(data + at, '\n', len - at);
        size_t line_len = end != NULL ? (size_t)(end - (data + at)) : len - at;
        const uint8_t *comment = memchr(data + at, '#', line_len);
        struct em_span line = em_text_strip((struct em_span){
            data + at, comment != NULL ? (size_t)(comment - (data + at)) : line_len});
        at += line_len + (end != NULL ? 1 : 0);
        enum em_status status =
            line.len > 0 ? parse_line(out, line, number, &place, err) : EM_OK;
        if (status != EM_OK) {
            em_error_at(err, "", number);
            return status;
        }
    }
    return EM_OK;
}
