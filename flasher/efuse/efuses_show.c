/* SPDX-License-Identifier: Apache-2.0 */
/* Values of eFuse fields as people read them. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include <ctype.h>
#include <stdio.h>

/* What ADC calibration fields of the ESP32 count from (efuse.md, section 10). */
static const struct {
    const char *name;
    int base;
} two_points[] = {{"ADC1_TP_LOW", 278},
                  {"ADC2_TP_LOW", 421},
                  {"ADC1_TP_HIGH", 3265},
                  {"ADC2_TP_HIGH", 3406}};

enum { ADC_STEP = 4, VREF_MV = 1100, VREF_STEP_MV = 7 };

/* The top bit is the sign, the others are how much. */
static int sign_magnitude(uint64_t number, unsigned bits)
{
    int value = (int)(number & ((UINT64_C(1) << (bits - 1)) - 1));
    return (number >> (bits - 1) & 1) != 0 ? -value : value;
}

static int twos_complement(uint64_t number, unsigned bits)
{
    int value = (int)number;
    return (number >> (bits - 1) & 1) != 0 ? value - (1 << bits) : value;
}

static int adc_value(const struct em_efuse_field *field, uint64_t number)
{
    for (size_t i = 0; i < sizeof two_points / sizeof two_points[0]; i++)
        if (strcmp(two_points[i].name, field->name) == 0)
            return two_points[i].base + ADC_STEP * twos_complement(number, field->bits);
    return ADC_STEP * sign_magnitude(number, field->bits);
}

static void put_hex(char *out, size_t size, const uint8_t *bytes, size_t len,
                    char between)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < len && at + 4 < size; i++)
        at += (size_t)snprintf(out + at, size - at, i == 0 ? "%02x" : "%c%02x",
                               i == 0 ? bytes[i] : between, bytes[i]);
}

const char *em_efuses_purpose_text(const struct em_efuses *e,
                                   const struct em_efuse_block *block)
{
    const struct em_efuse_field *field = em_efuses_purpose_field(e, block);
    if (field == NULL)
        return "";
    const struct em_efuse_purpose *purpose =
        em_efuse_purpose_by_value(&e->view, (int)em_efuses_joint(e, field));
    return purpose == NULL ? "FORBIDDEN_STATE" : purpose->name;
}

/* May the bytes of a block be shown to anybody? Those of keys that the chip itself would
 * hide may not. */
static bool is_secret(const struct em_efuses *e, const struct em_efuse_field *field)
{
    if (field->special != EM_EFUSE_CLASS_KEYBLOCK ||
        !em_efuses_key_block(e, &e->view.table->blocks[field->block]))
        return false;
    struct em_efuses_bits bits = em_efuses_read(e, field);
    if (em_efuses_zero(&bits))
        return false;
    const struct em_efuse_block *block = &e->view.table->blocks[field->block];
    const struct em_efuse_field *by = em_efuses_purpose_field(e, block);
    int value = by == NULL ? 0 : (int)em_efuses_joint(e, by);
    bool known = false;
    for (size_t i = 0; i < e->view.table->purpose_count; i++) {
        const struct em_efuse_purpose *purpose = &e->view.table->purposes[i];
        bool fits = by == NULL ? purpose->in_block && purpose->block == block->number
                               : purpose->value == value;
        known = known || fits;
        if (fits && purpose->protect)
            return true;
    }
    return !known;
}

/* MACs stand with their first octet on top, but for the user's own. */
static void show_mac(struct em_efuses *e, const struct em_efuse_field *field,
                     const struct em_efuses_bits *bits)
{
    size_t len = field->bits / 8;
    uint8_t mac[8] = {0};
    bool own = strcmp(field->name, "CUSTOM_MAC") == 0;
    for (size_t i = 0; i < len && i < sizeof mac; i++)
        mac[i] = bits->bytes[own ? i : len - 1 - i];
    if (field->group == EM_EFUSE_CALC) { /* the EUI-64: MAC, split by two octets */
        struct em_efuses_bits first = em_efuses_of_number(em_efuses_value(e, "MAC"));
        struct em_efuses_bits ext = em_efuses_of_number(em_efuses_value(e, "MAC_EXT"));
        for (size_t i = 0; i < 3; i++) {
            mac[i] = first.bytes[5 - i];
            mac[5 + i] = first.bytes[2 - i];
        }
        mac[3] = ext.bytes[1];
        mac[4] = ext.bytes[0];
    }
    char text[32];
    put_hex(text, sizeof text, mac, len, ':');
    char crc_name[40];
    (void)snprintf(crc_name, sizeof crc_name, "%s_CRC", field->name);
    const struct em_efuse_errors *errors = &e->state.errors[field->block];
    if (em_efuses_named(e, crc_name) != NULL) {
        unsigned crc = (unsigned)em_efuses_value(e, crc_name);
        unsigned good = em_efuses_crc8(mac, len);
        if (crc == good)
            (void)snprintf(e->value, sizeof e->value, "%s (CRC 0x%02x OK)", text, crc);
        else
            (void)snprintf(e->value, sizeof e->value,
                           "%s (CRC 0x%02x invalid - should be 0x%02x)", text, crc, good);
    } else if (errors->count == 0 && !errors->fail) {
        (void)snprintf(e->value, sizeof e->value, "%s (OK)", text);
    } else {
        (void)snprintf(e->value, sizeof e->value, "%s (Block%u has ERRORS:%u FAIL:%d)",
                       text, (unsigned)field->block, errors->count, errors->fail);
    }
}

/* Numbers that mean something else than themselves; false: this one does not. */
static bool show_meaning(struct em_efuses *e, const struct em_efuse_field *field,
                         uint64_t number)
{
    const char *text = em_efuse_value_text(field, (uint32_t)number);
    switch (field->special) {
    case EM_EFUSE_CLASS_KEYPURPOSE:
        if (field->bits > 1) {
            const struct em_efuse_purpose *purpose =
                em_efuse_purpose_by_value(&e->view, (int)em_efuses_joint(e, field));
            text = purpose == NULL ? "FORBIDDEN_STATE" : purpose->name;
        }
        break;
    case EM_EFUSE_CLASS_T_SENSOR:
        (void)snprintf(e->value, sizeof e->value, "%.1f",
                       sign_magnitude(number, field->bits) / 10.0);
        return true;
    case EM_EFUSE_CLASS_ADC_TP:
        (void)snprintf(e->value, sizeof e->value, "%d", adc_value(field, number));
        return true;
    case EM_EFUSE_CLASS_VREF:
        (void)snprintf(e->value, sizeof e->value, "%d",
                       VREF_MV + VREF_STEP_MV * sign_magnitude(number, field->bits));
        return true;
    default:
        break;
    }
    if (text == NULL)
        return false;
    (void)snprintf(e->value, sizeof e->value, "%s", text);
    return true;
}

static void show_bits(struct em_efuses *e, const struct em_efuse_field *field,
                      const struct em_efuses_bits *bits)
{
    size_t at = (size_t)snprintf(e->bit_text, sizeof e->bit_text, "%s",
                                 field->bits % 4 == 0 ? "0x" : "0b");
    for (size_t i = field->bits; i-- > 0 && at + 2 < sizeof e->bit_text;) {
        if (field->bits % 4 == 0) {
            unsigned digit = (unsigned)bits->bytes[i / 8] >> (i % 8 - 3) & 15U;
            e->bit_text[at++] = "0123456789abcdef"[digit];
            i -= 3;
        } else {
            e->bit_text[at++] = em_efuses_bit(bits->bytes, i) ? '1' : '0';
        }
    }
    e->bit_text[at] = '\0';
}

static void hide(char *text, size_t from, bool letters)
{
    if (strlen(text) < from)
        return;
    for (char *p = text + from; *p != '\0'; p++)
        if (*p == '0' || (letters && isxdigit((unsigned char)*p)))
            *p = '?';
}

static unsigned weak_bits(const struct em_efuses *e, const struct em_efuse_field *field)
{
    unsigned count = 0;
    for (size_t i = 0; field->block == 0 && i < field->bits; i++) {
        size_t bit = field->bit + i;
        count += e->state.repeat[bit / 32] >> bit % 32 & 1;
    }
    return count;
}

static void show_value(struct em_efuses *e, const struct em_efuse_field *field,
                       const struct em_efuses_bits *bits, struct em_efuses_field *out)
{
    out->number = field->bits <= 64 ? em_efuses_number(bits) : 0;
    bool bytes = field->type == EM_EFUSE_BYTES || field->type == EM_EFUSE_MAC;
    out->kind = bytes
                    ? EM_EFUSES_TEXT
                    : (field->type == EM_EFUSE_BOOL ? EM_EFUSES_BOOL : EM_EFUSES_NUMBER);
    e->bit_text[0] = '\0';
    if (!bytes)
        show_bits(e, field, bits);
    if (field->type == EM_EFUSE_MAC)
        show_mac(e, field, bits);
    else if (bytes)
        put_hex(e->value, sizeof e->value, bits->bytes, field->bits / 8, ' ');
    else if (show_meaning(e, field, out->number))
        out->meant = true;
    else if (field->type == EM_EFUSE_BOOL)
        (void)snprintf(e->value, sizeof e->value, "%s",
                       out->number != 0 ? "True" : "False");
    else
        (void)snprintf(e->value, sizeof e->value, "%llu",
                       (unsigned long long)out->number);
    if (!em_efuses_can_read(e, field)) {
        hide(e->value, 0, false);
        hide(e->bit_text, 2, false);
    } else if (is_secret(e, field) && !e->options.show_sensitive) {
        hide(e->value, 0, true);
        memset(e->shown, 0, sizeof e->shown);
    }
}

void em_efuses_show(struct em_efuses *e, const struct em_efuse_field *field,
                    struct em_efuses_field *out)
{
    struct em_efuses_bits bits = em_efuses_read(e, field);
    memcpy(e->shown, bits.bytes, sizeof e->shown);
    bool calc = field->group == EM_EFUSE_CALC;
    if (field->type == EM_EFUSE_BOOL)
        (void)snprintf(e->type, sizeof e->type, "bool");
    else if (field->type == EM_EFUSE_UINT)
        (void)snprintf(e->type, sizeof e->type, "uint:%u", field->bits);
    else
        (void)snprintf(e->type, sizeof e->type, "bytes:%u", field->bits / 8U);
    const struct em_efuse_errors *errors = &e->state.errors[field->block];
    *out = (struct em_efuses_field){
        .name = field->name,
        .category = field->category,
        .description = field->about,
        .aliases = field->aliases,
        .block = field->block,
        .word = calc ? -1 : field->bit / 32,
        .pos = calc ? -1 : field->bit % 32,
        .bits = field->bits,
        .type = e->type,
        .readable = em_efuses_can_read(e, field),
        .writeable = em_efuses_can_write(e, field),
        .value = e->value,
        .bit_text = e->bit_text,
        .raw = e->shown,
        .raw_len = (field->bits + 7U) / 8,
        .errors = weak_bits(e, field),
        .block_errors = errors->count,
        .block_failed = errors->fail,
        .key = field->special == EM_EFUSE_CLASS_KEYBLOCK &&
               em_efuses_key_block(e, &e->view.table->blocks[field->block]),
    };
    show_value(e, field, &bits, out);
}
