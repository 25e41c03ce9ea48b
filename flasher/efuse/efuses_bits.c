/* SPDX-License-Identifier: Apache-2.0 */
/* Bits of eFuse fields: cut out, put together; what protection lets through. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

struct em_efuses_bits em_efuses_cut(const struct em_efuses_bits *block, size_t bit,
                                    size_t bits)
{
    struct em_efuses_bits out = {{0}};
    for (size_t i = 0; i < bits && bit + i < sizeof block->bytes * 8; i++)
        if (em_efuses_bit(block->bytes, bit + i))
            em_efuses_set(out.bytes, i);
    return out;
}

void em_efuses_join(struct em_efuses_bits *block, size_t bit, size_t bits,
                    const struct em_efuses_bits *value)
{
    for (size_t i = 0; i < bits && bit + i < sizeof block->bytes * 8; i++)
        if (em_efuses_bit(value->bytes, i))
            em_efuses_set(block->bytes, bit + i);
}

bool em_efuses_zero(const struct em_efuses_bits *bits)
{
    for (size_t i = 0; i < sizeof bits->bytes; i++)
        if (bits->bytes[i] != 0)
            return false;
    return true;
}

bool em_efuses_within(const struct em_efuses_bits *part,
                      const struct em_efuses_bits *whole)
{
    for (size_t i = 0; i < sizeof part->bytes; i++)
        if ((part->bytes[i] & ~whole->bytes[i]) != 0)
            return false;
    return true;
}

bool em_efuses_same(const struct em_efuses_bits *a, const struct em_efuses_bits *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct em_efuses_bits em_efuses_or(const struct em_efuses_bits *a,
                                   const struct em_efuses_bits *b)
{
    struct em_efuses_bits out = *a;
    for (size_t i = 0; i < sizeof out.bytes; i++)
        out.bytes[i] = (uint8_t)(out.bytes[i] | b->bytes[i]);
    return out;
}

uint64_t em_efuses_number(const struct em_efuses_bits *bits)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++)
        number |= (uint64_t)bits->bytes[i] << 8 * i;
    return number;
}

struct em_efuses_bits em_efuses_of_number(uint64_t number)
{
    struct em_efuses_bits out = {{0}};
    for (size_t i = 0; i < 8; i++)
        out.bytes[i] = (uint8_t)(number >> 8 * i);
    return out;
}

struct em_efuses_bits em_efuses_read(const struct em_efuses *e,
                                     const struct em_efuse_field *field)
{
    if (field->group == EM_EFUSE_CALC)
        return em_efuses_of_number(em_efuses_joint(e, field));
    return em_efuses_cut(&e->now[field->block], field->bit, field->bits);
}

struct em_efuses_bits em_efuses_staged(const struct em_efuses *e,
                                       const struct em_efuse_field *field)
{
    if (field->group == EM_EFUSE_CALC)
        return (struct em_efuses_bits){{0}};
    return em_efuses_cut(&e->staged[field->block], field->bit, field->bits);
}

bool em_efuses_wr_closed(const struct em_efuses *e, int bit)
{
    return bit != EM_EFUSE_NO_BIT && (em_efuses_value(e, "WR_DIS") >> bit & 1) != 0;
}

bool em_efuses_rd_closed(const struct em_efuses *e, const int8_t *bits, size_t count)
{
    uint64_t rd_dis = em_efuses_value(e, "RD_DIS");
    for (size_t i = 0; i < count; i++)
        if ((rd_dis >> bits[i] & 1) != 0)
            return true;
    return false;
}

bool em_efuses_can_read(const struct em_efuses *e, const struct em_efuse_field *field)
{
    return !em_efuses_rd_closed(e, field->rd_dis, field->rd_dis_count);
}

bool em_efuses_can_write(const struct em_efuses *e, const struct em_efuse_field *field)
{
    return !em_efuses_wr_closed(e, field->wr_dis);
}

size_t em_efuses_block_bits(const struct em_efuses *e, const struct em_efuse_block *block)
{
    return em_efuse_block_bytes(block, e->state.scheme) * 8;
}

/* NAME_LO and NAME_HI, NAME and NAME_H, or NAME_0_1, NAME_2_2, …: where the bits of a
 * value stand that did not fit in one place. */
size_t em_efuses_pieces(const struct em_efuses *e, const struct em_efuse_field *field,
                        const struct em_efuse_field *out[EM_EFUSES_PARTS_MAX])
{
    static const char *const ends[] = {"_LO", "_H", "_HI"};
    size_t count = 0;
    size_t len = strlen(field->name);
    bool joint = field->special == EM_EFUSE_CLASS_RECOVERY_BOOTLOADER ||
                 field->special == EM_EFUSE_CLASS_BOOTLOADER_ANTI_ROLLBACK;
    if (field->special == EM_EFUSE_CLASS_KEYPURPOSE && field->bits > 1)
        out[count++] = field;
    else if (!joint)
        return 0;
    for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++)
        for (size_t i = 0; i < e->field_count && count < EM_EFUSES_PARTS_MAX; i++)
            if (strncmp(e->fields[i]->name, field->name, len) == 0 &&
                strcmp(e->fields[i]->name + len, ends[k]) == 0)
                out[count++] = e->fields[i];
    for (size_t i = 0; joint && i < e->field_count && count < EM_EFUSES_PARTS_MAX; i++) {
        const char *name = e->fields[i]->name;
        if (strncmp(name, field->name, len) == 0 && name[len] == '_' &&
            name[len + 1] >= '0' && name[len + 1] <= '9')
            out[count++] = e->fields[i]; /* the table has them in order */
    }
    return count;
}

uint64_t em_efuses_joint(const struct em_efuses *e, const struct em_efuse_field *field)
{
    const struct em_efuse_field *piece[EM_EFUSES_PARTS_MAX];
    size_t count = em_efuses_pieces(e, field, piece);
    uint64_t value = 0;
    unsigned at = 0;
    for (size_t i = 0; i < count; i++) {
        struct em_efuses_bits bits =
            em_efuses_cut(&e->now[piece[i]->block], piece[i]->bit, piece[i]->bits);
        value |= em_efuses_number(&bits) << at;
        at += piece[i]->bits;
    }
    if (count > 0)
        return value;
    if (field->special == EM_EFUSE_CLASS_WAFER &&
        em_efuses_named(e, "WAFER_VERSION_MAJOR_LO") != NULL)
        return em_efuses_value(e, "WAFER_VERSION_MAJOR_HI") << 2 |
               em_efuses_value(e, "WAFER_VERSION_MAJOR_LO");
    if (field->special == EM_EFUSE_CLASS_WAFER)
        return e->view.revision / 100;
    if (field->special == EM_EFUSE_CLASS_PKG)
        return em_efuses_value(e, "CHIP_PACKAGE_4BIT") << 3 |
               em_efuses_value(e, "CHIP_PACKAGE");
    if (field->special == EM_EFUSE_CLASS_PSRAM_CAP)
        return em_efuses_value(e, "PSRAM_CAP_3") << 2 | em_efuses_value(e, "PSRAM_CAP");
    struct em_efuses_bits own =
        em_efuses_cut(&e->now[field->block], field->bit,
                      field->group == EM_EFUSE_CALC ? 0 : field->bits);
    return em_efuses_number(&own);
}

enum em_status em_efuses_spread(const struct em_efuses *e,
                                const struct em_efuse_field *field, uint64_t number,
                                struct em_efuses_parts *out, struct em_error *err)
{
    const struct em_efuse_field *piece[EM_EFUSES_PARTS_MAX];
    size_t count = em_efuses_pieces(e, field, piece);
    out->count = 0;
    out->joint = em_efuses_of_number(number);
    unsigned total = 0;
    for (size_t i = 0; i < count; i++)
        total += piece[i]->bits;
    if (number >> total != 0)
        return em_error_set(err, EM_ERR_USAGE, "see which values this chip knows",
                            "%s has %u bits, %llu does not fit", field->name, total,
                            (unsigned long long)number);
    /* Published tools 5.2.0 lose the top bit here, which they notice afterwards (that is
     * how their files come to be). Real chips are spared. */
    if (e->is_virtual && e->view.edition == EM_EFUSE_V520 && count == 2 &&
        field->special == EM_EFUSE_CLASS_RECOVERY_BOOTLOADER)
        number &= (UINT64_C(1) << (total - 1)) - 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t part = number & ((UINT64_C(1) << piece[i]->bits) - 1);
        number >>= piece[i]->bits;
        if (part != 0)
            out->part[out->count++] =
                (struct em_efuses_part){piece[i], em_efuses_of_number(part)};
    }
    return EM_OK;
}

const struct em_efuse_field *em_efuses_purpose_field(const struct em_efuses *e,
                                                     const struct em_efuse_block *block)
{
    return block->purpose_field == NULL ? NULL : em_efuses_named(e, block->purpose_field);
}

const struct em_efuse_block *em_efuses_purpose_block(const struct em_efuses *e,
                                                     const struct em_efuse_field *field)
{
    for (size_t i = 0; i < e->view.table->block_count; i++)
        if (em_efuses_purpose_field(e, &e->view.table->blocks[i]) == field)
            return &e->view.table->blocks[i];
    return NULL;
}

bool em_efuses_key_block(const struct em_efuses *e, const struct em_efuse_block *block)
{
    if (block->purpose_field != NULL)
        return true;
    for (size_t i = 0; i < e->view.table->purpose_count; i++)
        if (e->view.table->purposes[i].in_block &&
            e->view.table->purposes[i].block == block->number)
            return true;
    return false;
}

bool em_efuses_block_free(const struct em_efuses *e, const struct em_efuse_block *block)
{
    struct em_efuses_bits any =
        em_efuses_or(&e->now[block->number], &e->staged[block->number]);
    if (!em_efuses_key_block(e, block) || !em_efuses_zero(&any) ||
        em_efuses_rd_closed(e, block->rd_dis, block->rd_dis_count) ||
        em_efuses_wr_closed(e, block->wr_dis) ||
        e->state.errors[block->number].count != 0 || e->state.errors[block->number].fail)
        return false;
    const struct em_efuse_field *purpose = em_efuses_purpose_field(e, block);
    if (purpose == NULL)
        return true;
    const struct em_efuse_field *piece[EM_EFUSES_PARTS_MAX];
    size_t count = em_efuses_pieces(e, purpose, piece);
    for (size_t i = 0; i < count; i++) {
        struct em_efuses_bits staged = em_efuses_staged(e, piece[i]);
        if (!em_efuses_zero(&staged))
            return false;
    }
    return em_efuses_joint(e, purpose) == 0 && em_efuses_can_write(e, purpose);
}

const char *em_efuses_free_key_block(const struct em_efuses *e)
{
    for (size_t i = 0; i < e->view.table->block_count; i++)
        if (em_efuses_block_free(e, &e->view.table->blocks[i]))
            return e->view.table->blocks[i].name;
    return NULL;
}

/* CRC-8, polynomial 0x31 reflected (Maxim): what guards MACs on the ESP32. */
uint8_t em_efuses_crc8(const uint8_t *data, size_t len)
{
    unsigned crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x8C : crc >> 1;
    }
    return (uint8_t)crc;
}
