/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the types of values, and numbers as text. */
#include "config.h"

#include "mfg/types_int.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    unsigned type;
    const char *name;
} types[] = {
    /* clang-format off */
    {EM_NVS_U8,     "u8"},
    {EM_NVS_I8,     "i8"},
    {EM_NVS_U16,    "u16"},
    {EM_NVS_I16,    "i16"},
    {EM_NVS_U32,    "u32"},
    {EM_NVS_I32,    "i32"},
    {EM_NVS_U64,    "u64"},
    {EM_NVS_I64,    "i64"},
    {EM_NVS_FLOAT,  "float"},
    {EM_NVS_DOUBLE, "double"},
    {EM_NVS_STRING, "string"},
    {EM_NVS_BLOB,   "blob"},
    /* clang-format on */
};

const char *em_type_name(unsigned type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].type == type)
            return types[i].name;
    }
    return "?";
}

bool em_type_is_integer(unsigned type)
{
    return (type & 0x20) == 0 && (type & 0x40) == 0;
}

void em_type_number(char out[EM_NUMBER_SIZE], const struct em_nvs_value *value)
{
    bool is_signed = (value->type & 0x10) != 0;
    if (is_signed)
        (void)snprintf(out, EM_NUMBER_SIZE, "%" PRId64, (int64_t)value->bits);
    else
        (void)snprintf(out, EM_NUMBER_SIZE, "%" PRIu64, value->bits);
}
