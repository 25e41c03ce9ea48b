/* SPDX-License-Identifier: Apache-2.0 */
/* Values for eFuse fields as people write them. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include "base/text_int.h"

#include <stdio.h>
#include <stdlib.h>

static enum em_status parse_number(const struct em_efuse_field *field, const char *text,
                                   uint64_t *out, struct em_error *err)
{
    struct em_integer integer;
    if (em_text_literal(&integer, em_span_of(text), NULL) != EM_OK || integer.negative)
        return em_error_set(err, EM_ERR_USAGE, "give a number: 5, 0x05, 0b101",
                            "%s: '%.64s' is no number", field->name, text);
    if (integer.huge || (field->bits < 64 && integer.magnitude >> field->bits != 0))
        return em_error_set(err, EM_ERR_USAGE, "give a smaller number",
                            "%s: %.64s does not fit %u bits", field->name, text,
                            (unsigned)field->bits);
    *out = integer.magnitude;
    return EM_OK;
}

static enum em_status one(struct em_efuses_parts *out, const struct em_efuse_field *field,
                          uint64_t number)
{
    out->part[0] = (struct em_efuses_part){field, em_efuses_of_number(number)};
    out->count = 1;
    return EM_OK;
}

static enum em_status parse_bool(const struct em_efuse_field *field, const char *text,
                                 struct em_efuses_parts *out, struct em_error *err)
{
    uint64_t number = 1;
    if (text != NULL &&
        (parse_number(field, text, &number, NULL) != EM_OK || number != 1))
        return em_error_set(
            err, EM_ERR_USAGE, "give 1 or nothing: a burned bit cannot be cleared",
            "%s is a single bit, '%.64s' cannot be burned", field->name, text);
    return one(out, field, 1);
}

/* The next higher count has one more bit, the lowest that is clear. */
static enum em_status parse_count(const struct em_efuses *e,
                                  const struct em_efuse_field *field, const char *text,
                                  struct em_efuses_parts *out, struct em_error *err)
{
    uint64_t number;
    if (text != NULL) {
        enum em_status status = parse_number(field, text, &number, err);
        return status == EM_OK ? one(out, field, number) : status;
    }
    struct em_efuses_bits bits = em_efuses_read(e, field);
    number = em_efuses_number(&bits);
    number |= number + 1;
    if (field->bits < 64 && number >> field->bits != 0)
        return em_error_set(err, EM_ERR_USAGE, "it cannot count further",
                            "%s: all %u bits are burned", field->name,
                            (unsigned)field->bits);
    return one(out, field, number);
}

static enum em_status parse_uint(const struct em_efuse_field *field, const char *text,
                                 struct em_efuses_parts *out, struct em_error *err)
{
    uint64_t number = 0;
    if (text == NULL)
        return em_error_set(err, EM_ERR_USAGE, "write it behind the name",
                            "%s needs a value", field->name);
    enum em_status status = parse_number(field, text, &number, err);
    if (status != EM_OK)
        return status;
    if (number == 0)
        return em_error_set(err, EM_ERR_USAGE,
                            "a burned bit cannot be cleared, and others are 0 already",
                            "%s: 0 cannot be burned", field->name);
    return one(out, field, number);
}

/* ESP32: pins 30 and 31 do not exist, 32 and 33 take their numbers. */
static enum em_status parse_pin(const struct em_efuse_field *field, const char *text,
                                struct em_efuses_parts *out, struct em_error *err)
{
    enum { PIN_GAP = 30, PIN_AFTER = 32, PIN_MAX = 33 };
    struct em_integer pin = {0};
    if (text == NULL || em_text_literal(&pin, em_span_of(text), NULL) != EM_OK ||
        pin.negative || pin.huge || pin.magnitude == 0 || pin.magnitude > PIN_MAX ||
        (pin.magnitude >= PIN_GAP && pin.magnitude < PIN_AFTER))
        return em_error_set(err, EM_ERR_USAGE, "pins are 1 to 29, 32 and 33",
                            "%s: '%.64s' is no pin for the flash", field->name,
                            text == NULL ? "" : text);
    return one(out, field,
               pin.magnitude >= PIN_AFTER ? pin.magnitude - 2 : pin.magnitude);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "0x…" is a number, its last byte the lowest; without, bytes in the order of addresses.
 */
static enum em_status parse_bytes(const struct em_efuse_field *field, const char *text,
                                  struct em_efuses_parts *out, struct em_error *err)
{
    size_t len = field->bits / 8;
    if (text == NULL)
        return em_error_set(err, EM_ERR_USAGE, "write it behind the name",
                            "%s needs %zu bytes in hex", field->name, len);
    bool number = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = number ? text + 2 : text;
    if (strlen(digits) != 2 * len)
        return em_error_set(err, EM_ERR_USAGE, "give all digits, zeros as well",
                            "%s: %zu hex digits, %zu are needed", field->name,
                            strlen(digits), 2 * len);
    out->part[0] = (struct em_efuses_part){.field = field};
    out->count = 1;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(digits[2 * i]);
        int low = hex_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return em_error_set(err, EM_ERR_USAGE, "digits are 0-9 and a-f",
                                "%s: character %zu is no hex digit", field->name,
                                2 * i + (high < 0 ? 1 : 2));
        out->part[0].bits.bytes[number ? len - 1 - i : i] = (uint8_t)(high * 16 + low);
    }
    return EM_OK;
}

enum em_status em_efuses_parse_mac(const char *text, uint8_t out[6], struct em_error *err)
{
    static const char shape[] = "XX:XX:XX:XX:XX:XX";
    size_t len = strlen(text);
    bool good = len == sizeof shape - 1;
    for (size_t i = 0; good && i < len; i++)
        good = shape[i] == ':' ? text[i] == ':' : hex_digit(text[i]) >= 0;
    if (!good)
        return em_error_set(err, EM_ERR_USAGE, "write it as AA:CD:EF:01:02:03",
                            "'%.40s' is no MAC of six octets", text);
    for (size_t i = 0; i < 6; i++)
        out[i] = (uint8_t)(hex_digit(text[3 * i]) * 16 + hex_digit(text[3 * i + 1]));
    if ((out[0] & 1) != 0)
        return em_error_set(err, EM_ERR_USAGE,
                            "the first octet of a device's own address is even",
                            "MAC %s is a multicast address", text);
    return EM_OK;
}

static enum em_status parse_mac(const struct em_efuse_field *field, const char *text,
                                struct em_efuses_parts *out, struct em_error *err)
{
    if (strcmp(field->name, "CUSTOM_MAC") != 0)
        return em_error_set(err, EM_ERR_USAGE,
                            "burn-custom-mac gives a chip another address",
                            "%s is set by the factory and cannot be burned", field->name);
    uint8_t mac[6];
    enum em_status status = em_efuses_parse_mac(text == NULL ? "" : text, mac, err);
    out->part[0] = (struct em_efuses_part){.field = field};
    out->count = 1;
    if (status == EM_OK)
        memcpy(out->part[0].bits.bytes, mac, sizeof mac);
    return status;
}

enum em_status em_efuses_check_place(const struct em_efuses *e,
                                     const struct em_efuse_purpose *purpose,
                                     const struct em_efuse_block *block,
                                     struct em_error *err)
{
    if (purpose->not_block == EM_EFUSE_NO_BIT || purpose->not_block != block->number)
        return EM_OK;
    return em_efuses_refuse_by(e, "key-block-forbidden", err,
                               "%s of %s cannot hold keys for %s", block->name,
                               e->chip->name, purpose->name);
}

static enum em_status parse_purpose(const struct em_efuses *e,
                                    const struct em_efuse_field *field, const char *text,
                                    struct em_efuses_parts *out, struct em_error *err)
{
    if (text == NULL)
        return em_error_set(err, EM_ERR_USAGE, "write it behind the name",
                            "%s needs a purpose", field->name);
    struct em_integer integer;
    const struct em_efuse_purpose *purpose = em_efuse_purpose_find(&e->view, text);
    if (purpose == NULL && em_text_literal(&integer, em_span_of(text), NULL) == EM_OK &&
        !integer.negative && !integer.huge && integer.magnitude < 256)
        purpose = em_efuse_purpose_by_value(&e->view, (int)integer.magnitude);
    if (purpose == NULL || purpose->value < 0)
        return em_error_set(
            err, EM_ERR_USAGE, "burn-key --help lists the purposes of the chip",
            "%s: '%.64s' is no purpose that %s knows", field->name, text, e->chip->name);
    if (purpose->value == 0)
        return em_error_set(err, EM_ERR_USAGE, "0 is what a blank field says",
                            "%s: %s cannot be burned", field->name, purpose->name);
    const struct em_efuse_block *block = em_efuses_purpose_block(e, field);
    enum em_status status =
        block == NULL ? EM_OK : em_efuses_check_place(e, purpose, block, err);
    return status == EM_OK
               ? em_efuses_spread(e, field, (uint64_t)purpose->value, out, err)
               : status;
}

/* Fields that are reckoned from others: some can be taken apart again. */
static enum em_status parse_joint(const struct em_efuses *e,
                                  const struct em_efuse_field *field, const char *text,
                                  struct em_efuses_parts *out, struct em_error *err)
{
    const struct em_efuse_field *piece[EM_EFUSES_PARTS_MAX];
    if (em_efuses_pieces(e, field, piece) == 0)
        return em_error_set(err, EM_ERR_USAGE, "burn the fields it is made from",
                            "%s is reckoned from other fields and cannot be burned",
                            field->name);
    if (text == NULL)
        return em_error_set(err, EM_ERR_USAGE, "write it behind the name",
                            "%s needs a value", field->name);
    uint64_t number = 0;
    enum em_status status = parse_number(field, text, &number, err);
    if (status == EM_OK && number == 0)
        return em_error_set(err, EM_ERR_USAGE,
                            "a burned bit cannot be cleared, and others are 0 already",
                            "%s: 0 cannot be burned", field->name);
    return status == EM_OK ? em_efuses_spread(e, field, number, out, err) : status;
}

/* Coding scheme 2 makes the chip unreadable for all tools, this one too. */
static enum em_status check_scheme(const struct em_efuse_field *field,
                                   const struct em_efuses_parts *parts,
                                   struct em_error *err)
{
    if (strcmp(field->name, "CODING_SCHEME") != 0 ||
        (em_efuses_number(&parts->part[0].bits) & 3) != EM_EFUSE_SCHEME_REPEAT)
        return EM_OK;
    return em_error_set(err, EM_ERR_REFUSED, "1 is the 3/4 coding",
                        "CODING_SCHEME: with 2 (repeat) no tool can use the chip");
}

enum em_status em_efuses_parse(const struct em_efuses *e,
                               const struct em_efuse_field *field, const char *text,
                               struct em_efuses_parts *out, struct em_error *err)
{
    memset(out, 0, sizeof *out);
    if (field->special == EM_EFUSE_CLASS_VREF)
        return em_error_set(err, EM_ERR_USAGE, "the factory measured it",
                            "%s cannot be burned", field->name);
    if (field->type == EM_EFUSE_MAC)
        return parse_mac(field, text, out, err);
    if (field->group == EM_EFUSE_CALC)
        return parse_joint(e, field, text, out, err);
    if (field->special == EM_EFUSE_CLASS_KEYPURPOSE && field->bits > 1)
        return parse_purpose(e, field, text, out, err);
    if (field->special == EM_EFUSE_CLASS_SPIPIN)
        return parse_pin(field, text, out, err);
    if (field->special == EM_EFUSE_CLASS_BITCOUNT)
        return parse_count(e, field, text, out, err);
    if (field->type == EM_EFUSE_BOOL)
        return parse_bool(field, text, out, err);
    if (field->type == EM_EFUSE_BYTES)
        return parse_bytes(field, text, out, err);
    enum em_status status = parse_uint(field, text, out, err);
    return status == EM_OK ? check_scheme(field, out, err) : status;
}
