/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in the eFuse tables. */
#include "config.h"

#include "flasher/efuse/fields_int.h"

#include <stdio.h>
#include <string.h>

const struct em_efuse_table *em_efuse_table_find(const struct em_chip *chip)
{
    for (size_t i = 0; i < em_efuse_tables_count; i++)
        if (strcmp(em_efuse_tables[i].chip, chip->id) == 0)
            return &em_efuse_tables[i];
    return NULL;
}

uint32_t em_efuse_place(uint32_t mask, uint32_t value)
{
    if (mask == 0)
        return 0;
    for (; (mask & 1) == 0; mask >>= 1)
        value <<= 1;
    return value;
}

bool em_efuse_listed(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (len > 0 && *list != '\0') {
        size_t item = strcspn(list, " ");
        if (item == len && memcmp(list, word, len) == 0)
            return true;
        list += item;
        list += strspn(list, " ");
    }
    return false;
}

bool em_efuse_field_counts(const struct em_efuse_view *view,
                           const struct em_efuse_field *field)
{
    return (field->editions & view->edition) != 0 && view->revision >= field->rev_min &&
           view->revision <= field->rev_max;
}

const struct em_efuse_field *em_efuse_field_next(const struct em_efuse_view *view,
                                                 int block,
                                                 const struct em_efuse_field *after)
{
    const struct em_efuse_field *end = view->table->fields + view->table->field_count;
    for (const struct em_efuse_field *f = after == NULL ? view->table->fields : after + 1;
         f < end; f++)
        if ((block == EM_EFUSE_ANY_BLOCK || f->block == block) &&
            em_efuse_field_counts(view, f))
            return f;
    return NULL;
}

const struct em_efuse_field *em_efuse_field_find(const struct em_efuse_view *view,
                                                 const char *name)
{
    const struct em_efuse_field *by_alias = NULL;
    const struct em_efuse_field *f = NULL;
    while ((f = em_efuse_field_next(view, EM_EFUSE_ANY_BLOCK, f)) != NULL) {
        if (f->group == EM_EFUSE_HIDDEN)
            continue;
        if (strcmp(f->name, name) == 0)
            return f;
        if (by_alias == NULL && em_efuse_listed(f->aliases, name))
            by_alias = f;
    }
    return by_alias;
}

const char *em_efuse_value_text(const struct em_efuse_field *field, uint32_t value)
{
    for (const struct em_efuse_value *v = field->values; v->text != NULL; v++)
        if (v->value == value)
            return v->text;
    return NULL;
}

const struct em_efuse_block *em_efuse_block_find(const struct em_efuse_table *table,
                                                 const char *name)
{
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        char numbered[16];
        (void)snprintf(numbered, sizeof numbered, "BLOCK%u", (unsigned)block->number);
        if (strcmp(block->name, name) == 0 || strcmp(numbered, name) == 0 ||
            em_efuse_listed(block->aliases, name))
            return block;
    }
    return NULL;
}

const struct em_efuse_block *em_efuse_block_at(const struct em_efuse_table *table,
                                               unsigned number)
{
    return number < table->block_count ? &table->blocks[number] : NULL;
}

const struct em_efuse_purpose *em_efuse_purpose_find(const struct em_efuse_view *view,
                                                     const char *name)
{
    for (size_t i = 0; i < view->table->purpose_count; i++) {
        const struct em_efuse_purpose *purpose = &view->table->purposes[i];
        if ((purpose->editions & view->edition) != 0 && strcmp(purpose->name, name) == 0)
            return purpose;
    }
    return NULL;
}

const struct em_efuse_purpose *em_efuse_purpose_by_value(const struct em_efuse_view *view,
                                                         int value)
{
    for (size_t i = 0; i < view->table->purpose_count; i++) {
        const struct em_efuse_purpose *purpose = &view->table->purposes[i];
        if ((purpose->editions & view->edition) != 0 && purpose->value == value)
            return purpose;
    }
    return NULL;
}
