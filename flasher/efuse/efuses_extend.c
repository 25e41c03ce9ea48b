/* SPDX-License-Identifier: Apache-2.0 */
/* The user's own eFuse fields: lines of name, block, first bit, number of bits, comment.
 */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include "base/file_int.h"
#include "base/text_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    COLUMNS = 5,
    NAME_MAX_LEN = 64,
    FILE_MAX = 1 << 20,
    FIELDS_MAX = 1024,
    WHOLE_BLOCK = 256, /* MAX_BLK_LEN */
    NUMBER_BITS = 64,  /* of the widest number */
    WORD_BITS = 32,
};

static const struct em_efuse_value no_values[] = {{0, NULL}};

/* Where the texts of a field begin in the buffer. */
struct place {
    size_t name, aliases, about;
    unsigned long line;
};

struct reader {
    struct em_efuses *e;
    const char *file;
    unsigned long line;
    struct em_error *err;
    struct place *places; /* one a field, FIELDS_MAX of them */
    struct em_span name;  /* of the line before */
    int block;            /* of the line before; -1: none */
    size_t next_bit;      /* behind it */
    size_t group;         /* first field of this name */
};

static enum em_status bad(struct reader *r, const char *hint, const char *what,
                          struct em_span text)
{
    char shown[NAME_MAX_LEN + 1];
    size_t len = text.len < NAME_MAX_LEN ? text.len : NAME_MAX_LEN;
    for (size_t i = 0; i < len; i++)
        shown[i] = isprint(text.p[i]) ? (char)text.p[i] : '?';
    shown[len] = '\0';
    (void)em_error_set(r->err, EM_ERR_INPUT, hint, "%s: '%s'", what, shown);
    em_error_at(r->err, r->file, r->line);
    return EM_ERR_INPUT;
}

/* Cut off the text up to the next comma; the last column takes the rest. */
static size_t split(struct em_span line, struct em_span out[COLUMNS])
{
    size_t count = 0;
    while (count < COLUMNS) {
        const uint8_t *comma =
            count + 1 < COLUMNS && line.len > 0 ? memchr(line.p, ',', line.len) : NULL;
        size_t len = comma == NULL ? line.len : (size_t)(comma - line.p);
        out[count++] = em_text_strip((struct em_span){line.p, len});
        if (comma == NULL)
            break;
        line = (struct em_span){comma + 1, line.len - len - 1};
    }
    return count;
}

static bool number_of(struct em_span text, size_t max, size_t *out)
{
    struct em_integer integer;
    if (em_text_literal(&integer, text, NULL) != EM_OK || integer.negative ||
        integer.huge || integer.magnitude > max)
        return false;
    *out = (size_t)integer.magnitude;
    return true;
}

static enum em_status read_name(struct reader *r, struct em_span text)
{
    if (text.len == 0 && r->name.len == 0)
        return bad(r, "the first line needs a name", "no name", text);
    if (text.len == 0)
        return EM_OK; /* one more piece of the field before */
    if (text.len > NAME_MAX_LEN - 8)
        return bad(r, "take a shorter name", "the name is too long", text);
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum(text.p[i]) && text.p[i] != '_' && text.p[i] != '.')
            return bad(r, "names have letters, digits, '_' and '.'", "this is no name",
                       text);
    r->name = text;
    r->group = r->e->extra.count;
    return EM_OK;
}

static enum em_status read_block(struct reader *r, struct em_span text,
                                 const struct em_efuse_block **out)
{
    static const char prefix[] = "EFUSE_BLK";
    size_t skip = sizeof prefix - 1;
    struct em_span digits = text;
    if (text.len > skip && memcmp(text.p, prefix, skip) == 0)
        digits = (struct em_span){text.p + skip, text.len - skip};
    size_t number = 0;
    size_t count = r->e->view.table->block_count;
    if (!number_of(digits, count - 1, &number))
        return bad(r, "blocks are EFUSE_BLK0, EFUSE_BLK1, …, as many as the chip has",
                   "the chip has no such block", text);
    *out = &r->e->view.table->blocks[number];
    return EM_OK;
}

static enum em_status read_bits(struct reader *r, const struct em_efuse_block *block,
                                struct em_span start, struct em_span count,
                                struct em_efuse_field *out)
{
    size_t limit = em_efuses_block_bits(r->e, block);
    size_t first = r->block == block->number ? r->next_bit : 0;
    size_t bits = WHOLE_BLOCK;
    if (start.len > 0 && !number_of(start, limit, &first))
        return bad(r, "bits are counted from the start of the block",
                   "this is no bit of the block", start);
    if (!em_span_is(count, "MAX_BLK_LEN") && (!number_of(count, limit, &bits)))
        return bad(r, "at most what the block has", "this is no number of bits", count);
    if (bits == 0 || first >= limit || bits > limit - first)
        return bad(r, "take fewer bits or an earlier start",
                   "the field goes over the end of its block", r->name);
    if (bits > NUMBER_BITS && bits % 8 != 0)
        return bad(r, "above 64 bits take a multiple of 8",
                   "the field is neither a number nor bytes", count);
    out->bit = (uint16_t)first;
    out->bits = (uint16_t)bits;
    out->type =
        bits == 1 ? EM_EFUSE_BOOL
                  : (bits > WORD_BITS && bits % 8 == 0 ? EM_EFUSE_BYTES : EM_EFUSE_UINT);
    r->block = block->number;
    r->next_bit = first + bits;
    return EM_OK;
}

/* What protects the fields of a block protects the user's, too. */
static void take_protection(const struct em_efuse_block *block,
                            struct em_efuse_field *out)
{
    out->wr_dis = EM_EFUSE_NO_BIT;
    if (block->number == 0)
        return;
    out->wr_dis = block->wr_dis;
    memcpy(out->rd_dis, block->rd_dis, sizeof out->rd_dis);
    out->rd_dis_count = block->rd_dis_count;
}

/* "[OLD_NAME OTHER_NAME] what it is for": aliases without the brackets. */
static struct em_span aliases_of(struct em_span *comment)
{
    struct em_span none = {comment->p, 0};
    if (comment->len == 0 || comment->p[0] != '[')
        return none;
    const uint8_t *end = memchr(comment->p, ']', comment->len);
    if (end == NULL)
        return none;
    struct em_span out = {comment->p + 1, (size_t)(end - comment->p) - 1};
    size_t skip = (size_t)(end - comment->p) + 1;
    *comment = em_text_strip((struct em_span){comment->p + skip, comment->len - skip});
    return out;
}

/* Words of @p text with @p number (if not NULL) behind each. */
static size_t keep_words(struct em_buf *buf, struct em_span text, const size_t *number)
{
    size_t at = buf->len;
    for (size_t i = 0; i <= text.len; i++) {
        bool end = i == text.len || isspace(text.p[i]);
        bool begun = buf->len > at && buf->data[buf->len - 1] != ' ';
        if (!end)
            em_buf_append_byte(buf, text.p[i] == '.' ? '_' : text.p[i]);
        if (end && begun && number != NULL) {
            char tail[24];
            (void)snprintf(tail, sizeof tail, "_%zu", *number);
            em_buf_append_text(buf, tail);
        }
        if (end && begun && i < text.len)
            em_buf_append_byte(buf, ' ');
    }
    while (buf->len > at && buf->data[buf->len - 1] == ' ')
        buf->len--;
    em_buf_append_byte(buf, '\0');
    return at;
}

/* A further piece: the first one of the name gets its number now. */
static void number_first(struct reader *r)
{
    struct em_buf *text = &r->e->extra.text;
    struct place *place = &r->places[r->group];
    const size_t zero = 0;
    char word[NAME_MAX_LEN + 1] = "";
    const char *texts = (const char *)text->data;
    (void)snprintf(word, sizeof word, "%s", texts + place->name);
    place->name = keep_words(text, em_span_of(word), &zero);
    char aliases[256];
    (void)snprintf(aliases, sizeof aliases, "%s",
                   (const char *)text->data + place->aliases);
    place->aliases = keep_words(text, em_span_of(aliases), &zero);
}

static enum em_status read_line(struct reader *r, struct em_span line)
{
    struct em_span column[COLUMNS] = {{0}};
    struct em_efuses_extra *extra = &r->e->extra;
    const struct em_efuse_block *block = NULL;
    if (split(line, column) < COLUMNS - 1)
        return bad(r, "name, block, first bit, number of bits, comment",
                   "the line has too few columns", line);
    if (extra->count == FIELDS_MAX)
        return bad(r, "1024 are possible", "too many fields", column[0]);
    bool more = column[0].len == 0;
    enum em_status status = read_name(r, column[0]);
    if (status == EM_OK)
        status = read_block(r, column[1], &block);
    if (status != EM_OK)
        return status;
    struct em_efuse_field field = {.category = "User",
                                   .block = block->number,
                                   .editions = EM_EFUSE_NEWEST | EM_EFUSE_V520,
                                   .group = EM_EFUSE_MAIN,
                                   .rev_max = UINT16_MAX,
                                   .values = no_values};
    status = read_bits(r, block, column[2], column[3], &field);
    if (status != EM_OK)
        return status;
    take_protection(block, &field);
    size_t number = extra->count - r->group;
    if (more && number == 1)
        number_first(r);
    struct em_span comment = column[4];
    struct em_span aliases = comment.p == NULL ? comment : aliases_of(&comment);
    struct place *place = &r->places[extra->count];
    place->line = r->line;
    place->name = keep_words(&extra->text, r->name, more ? &number : NULL);
    place->aliases = keep_words(&extra->text, aliases, more ? &number : NULL);
    place->about = extra->text.len;
    em_buf_append(&extra->text, comment.p == NULL ? (const uint8_t *)"" : comment.p,
                  comment.len);
    em_buf_append_byte(&extra->text, '\0');
    extra->fields[extra->count++] = field;
    return extra->text.failed ? em_error_nomem(r->err) : EM_OK;
}

/* A name that the chip or another line has, as name or alias. */
static enum em_status check_names(struct reader *r)
{
    struct em_efuses_extra *extra = &r->e->extra;
    for (size_t i = 0; i < extra->count; i++) {
        const struct em_efuse_field *field = &extra->fields[i];
        r->line = r->places[i].line;
        bool clash = em_efuse_field_find(&r->e->view, field->name) != NULL;
        for (size_t k = 0; k < extra->count && !clash; k++)
            clash = k != i && (strcmp(extra->fields[k].name, field->name) == 0 ||
                               em_efuse_listed(extra->fields[k].aliases, field->name));
        const struct em_efuse_field *known = NULL;
        while (!clash && (known = em_efuse_field_next(&r->e->view, EM_EFUSE_ANY_BLOCK,
                                                      known)) != NULL)
            clash = em_efuse_listed(field->aliases, known->name);
        if (clash)
            return bad(r, "take another name", "the name is used already",
                       em_span_of(field->name));
    }
    return EM_OK;
}

enum em_status em_efuses_extend_text(struct em_efuses *e, const uint8_t *text, size_t len,
                                     const char *name, struct em_error *err)
{
    struct em_efuses_extra *extra = &e->extra;
    struct reader r = {.e = e, .file = name, .err = err, .block = -1};
    r.places = calloc(FIELDS_MAX, sizeof *r.places);
    extra->fields = calloc(FIELDS_MAX, sizeof *extra->fields);
    enum em_status status =
        r.places == NULL || extra->fields == NULL ? em_error_nomem(err) : EM_OK;
    for (size_t at = 0; at < len && status == EM_OK;) {
        const uint8_t *end = memchr(text + at, '\n', len - at);
        size_t line_len = end == NULL ? len - at : (size_t)(end - (text + at));
        struct em_span line = em_text_strip((struct em_span){text + at, line_len});
        r.line++;
        if (line.len > 0 && line.p[0] != '#')
            status = read_line(&r, line);
        at += line_len + 1;
    }
    for (size_t i = 0; i < extra->count && status == EM_OK; i++) {
        const char *texts = (const char *)extra->text.data;
        extra->fields[i].name = texts + r.places[i].name;
        extra->fields[i].aliases = texts + r.places[i].aliases;
        extra->fields[i].about = texts + r.places[i].about;
    }
    if (status == EM_OK)
        status = check_names(&r);
    if (status != EM_OK)
        em_efuses_extra_free(extra);
    free(r.places);
    return status;
}

enum em_status em_efuses_extend(struct em_efuses *e, const char *file,
                                struct em_error *err)
{
    struct em_buf text = {0};
    enum em_status status = em_file_read(&text, file, FILE_MAX, err);
    if (status == EM_OK)
        status = em_efuses_extend_text(e, text.data, text.len, file, err);
    em_buf_free(&text);
    return status;
}

void em_efuses_extra_free(struct em_efuses_extra *extra)
{
    free(extra->fields);
    em_buf_free(&extra->text);
    *extra = (struct em_efuses_extra){0};
}
