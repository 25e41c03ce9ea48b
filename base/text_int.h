/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 text: validity, blanks, integers as people and spreadsheets write them. */
#ifndef BASE_TEXT_INT_H
#define BASE_TEXT_INT_H

#include "base/error_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EM_TEXT_CHAR_SHOWN = 24 /* room for em_text_show_char() */ };

/** A piece of text or bytes that somebody else owns; not NUL-terminated. */
struct em_span {
    const uint8_t *p;
    size_t len;
};

/** The span of a string. */
struct em_span em_span_of(const char *text);

bool em_span_equal(struct em_span a, struct em_span b);
bool em_span_is(struct em_span a, const char *text);

/**
 * Decode the code point at @p p (@p len > 0 bytes left). Returns the bytes it takes, or 0
 * when they are not UTF-8 (overlong forms, surrogates and values above 10FFFF are not).
 */
size_t em_utf8_next(const uint8_t *p, size_t len, uint32_t *code);

/** true when all of @p text is UTF-8. */
bool em_utf8_valid(struct em_span text);

/** true when all of @p text is ASCII. */
bool em_text_is_ascii(struct em_span text);

/**
 * Number of bytes at the start of @p text before the first control character up to CR
 * (0..13), comma or quote; tells nothing about which one that is. Looks at many at a
 * time.
 */
size_t em_text_plain_run(struct em_span text);

/** Number of code points of valid UTF-8. */
size_t em_utf8_count(struct em_span text);

/** White space as Unicode has it (and Python's str.strip()). */
bool em_text_is_space(uint32_t code);

/** false for control and format characters: nobody sees them, and some turn around or
 * hide what stands beside them. Blanks are visible. */
bool em_text_is_visible(uint32_t code);

/** @p text without white space at its ends. Bytes that are not UTF-8 are no white space.
 */
struct em_span em_text_strip(struct em_span text);

/** Show the first character of @p p in a message: 'x', or U+XXXX / 0xXX when not
 * printable. */
void em_text_show_char(char out[EM_TEXT_CHAR_SHOWN], const uint8_t *p, size_t len);

/** Passwords of URLs in @p text become "***", or as many stars as they have bytes: of
 * "scheme://USER:PASSWORD@", up to the last '@' of the word, and of "password=".
 * @p cut: the end of @p text is lost, where the '@' may have been. */
void em_text_hide_passwords(char *text, bool cut);

/** How many letters have to be changed, added or dropped to make @p b of @p a
 * (Levenshtein); EM_TEXT_FAR for texts of more than 64 bytes. To name the nearest of
 * several. */
enum { EM_TEXT_FAR = 99 };
unsigned em_text_distance(const char *a, const char *b);

/** An integer of any sign: magnitude, and whether a minus stood before it. */
struct em_integer {
    uint64_t magnitude;
    bool negative; /* never set for 0 */
    bool huge;     /* the magnitude does not fit 64 bits and is meaningless */
};

/**
 * Read a decimal integer: white space around, one sign, leading zeros, single '_' between
 * digits, and decimal digits of any script are allowed (what Python's int() takes).
 * Returns EM_OK or EM_ERR_INPUT.
 */
enum em_status em_text_decimal(struct em_integer *out, struct em_span text,
                               struct em_error *err);

/**
 * The same for a number that may carry a base: 0x, 0o, 0b in any case, or decimal without
 * leading zeros (Python's int(text, 0)). ASCII digits only.
 */
enum em_status em_text_literal(struct em_integer *out, struct em_span text,
                               struct em_error *err);

#endif
