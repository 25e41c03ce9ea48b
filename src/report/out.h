/* SPDX-License-Identifier: Apache-2.0 */
/* Writing HTML and SVG: text from outside is escaped, always. */
#ifndef SRC_REPORT_OUT_H
#define SRC_REPORT_OUT_H

#include <espmfg/error.h>

#include "base/buf_int.h"

#include <stdint.h>

enum { REPORT_TEXT = 64 };

/** Append @p text as it is: markup of this program's own. */
#define out_raw em_buf_append_text

/** Append markup with numbers. Texts from outside never go through here. */
void out_fmt(struct em_buf *out, const char *format, ...) EM_PRINTF(2, 3);

/** Append a text from outside: markup is escaped; what is no UTF-8, or nobody could see,
 * becomes U+FFFD. */
void out_text(struct em_buf *out, const char *text);

/** "12 345" (with narrow blanks that do not break). */
void out_number(struct em_buf *out, uint64_t n);
/** "98.7 %"; "–" when @p whole is 0. */
void out_percent(struct em_buf *out, uint64_t part, uint64_t whole);
/** "850 ms", "4.2 s", "3 min 05 s", "2 h 21 min". */
void out_duration(struct em_buf *out, double us);
/** "21 Nov 2026 08:15 UTC" of an ISO 8601 text, in a time element. */
void out_time(struct em_buf *out, const char *iso);

/** The same as texts, for places in figures. */
void text_number(char text[REPORT_TEXT], uint64_t n);
void text_duration(char text[REPORT_TEXT], double us);
void text_percent(char text[REPORT_TEXT], uint64_t part, uint64_t whole);

#endif
