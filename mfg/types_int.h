/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the types of values, and numbers as text. */
#ifndef MFG_TYPES_INT_H
#define MFG_TYPES_INT_H

#include <espmfg/nvs_reader.h>

enum { EM_NUMBER_SIZE = 24 /* room for em_type_number() */ };

/** "u8", "string", "blob", …; "?" for what is none. */
const char *em_type_name(unsigned type);

/** true for the integer types. */
bool em_type_is_integer(unsigned type);

/** The decimal digits of an integer. */
void em_type_number(char out[EM_NUMBER_SIZE], const struct em_nvs_value *value);

#endif
