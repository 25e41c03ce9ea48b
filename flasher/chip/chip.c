/* SPDX-License-Identifier: Apache-2.0 */
/* Finding chips, and reading what their tables describe. */
#include "config.h"

#include "flasher/chip/ops_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct em_chip_ops em_chip_ops_plain = {.revision = NULL};

const struct em_chip *em_chips(size_t *count_out)
{
    *count_out = em_chip_table_count;
    return em_chip_table;
}

/* Equal but for case and '-' in @p name: "ESP32-C3" is esp32c3. */
static bool is_named(const char *id, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '-')
            continue;
        char c = *name;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != *id)
            return false;
        id++;
    }
    return *id == '\0';
}

const struct em_chip *em_chip_find(const char *name)
{
    for (size_t i = 0; i < em_chip_table_count; i++) {
        if (is_named(em_chip_table[i].id, name))
            return &em_chip_table[i];
    }
    return NULL;
}

const struct em_chip *em_chip_by_id(uint32_t image_id)
{
    for (size_t i = 0; i < em_chip_table_count; i++) {
        const struct em_chip *chip = &em_chip_table[i];
        if (chip->image_id != EM_CHIP_NO_ID && (uint32_t)chip->image_id == image_id)
            return chip;
    }
    return NULL;
}

const struct em_chip *em_chip_by_magic(uint32_t magic)
{
    for (size_t i = 0; i < em_chip_table_count; i++) {
        const struct em_chip *chip = &em_chip_table[i];
        if (chip->detect == EM_CHIP_DETECT_MAGIC && chip->magic == magic)
            return chip;
    }
    return NULL;
}

bool em_chip_code_find(const struct em_chip_code *codes, const char *name,
                       uint32_t *value_out)
{
    for (; codes->name != NULL; codes++) {
        if (strcasecmp(codes->name, name) == 0) {
            *value_out = codes->value;
            return true;
        }
    }
    return false;
}

void em_chip_code_list(const struct em_chip_code *codes, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const char *between = ""; codes->name != NULL && used < size; codes++) {
        int n = snprintf(out + used, size - used, "%s%s", between, codes->name);
        used += n > 0 ? (size_t)n : 0;
        between = ", ";
    }
}

static const struct em_chip_bits *find_bits(const struct em_chip *chip, const char *item)
{
    const struct em_chip_bits *bits = chip->bits;
    while (bits->item != NULL && strcmp(bits->item, item) != 0)
        bits++;
    return bits;
}

bool em_chip_bits_has(const struct em_chip *chip, const char *item)
{
    return find_bits(chip, item)->item != NULL;
}

enum em_status em_chip_bits_read(const struct em_chip *chip, const char *item,
                                 const struct em_chip_reader *reader, uint32_t *out,
                                 struct em_error *err)
{
    *out = 0;
    const struct em_chip_bits *bits = find_bits(chip, item);
    uint32_t word = 0;
    for (size_t i = 0; i < bits->count; i++) {
        const struct em_chip_piece *piece = &bits->piece[i];
        if (i == 0 || piece->addr != bits->piece[i - 1].addr) {
            enum em_status status = reader->read(reader->user, piece->addr, &word, err);
            if (status != EM_OK)
                return status;
        }
        uint32_t mask = piece->count >= 32 ? UINT32_MAX : (1u << piece->count) - 1;
        *out =
            (piece->count >= 32 ? 0 : *out << piece->count) | (word >> piece->low & mask);
    }
    return EM_OK;
}

const char *em_chip_text_find(const struct em_chip *chip, const char *item,
                              uint32_t value, const char *otherwise)
{
    for (const struct em_chip_text *text = chip->texts; text->item != NULL; text++) {
        if (text->value == value && strcmp(text->item, item) == 0)
            return text->text;
    }
    return otherwise;
}
