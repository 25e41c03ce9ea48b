/* SPDX-License-Identifier: Apache-2.0 */
/* What the views of people share: text of a known width, lines of slots and of totals. */
#ifndef SRC_LINE_VIEW_INT_H
#define SRC_LINE_VIEW_INT_H

#include "base/buf_int.h"
#include "src/line/view.h"

enum {
    VIEW_COLUMNS_MAX = 250,
    VIEW_LINE_BYTES = VIEW_COLUMNS_MAX * 4 + 64, /* UTF-8, and two changes of colour */
};

/** One line of a terminal. Begin with view_line_begin(). */
struct view_line {
    char text[VIEW_LINE_BYTES];
    size_t len;
    int width; /* columns that are taken */
    int limit; /* columns that there are */
    bool utf8;
};

void view_line_begin(struct view_line *line, int limit, bool utf8);

/** Add @p text, cut or filled with blanks to @p width columns; -1: as wide as it is. What
 * does not fit the line is left out, what nobody could see or a terminal would obey
 * becomes '?'. */
void view_line_put(struct view_line *line, const char *text, int width);

/** Add @p text without a width, such as a colour. */
void view_line_put_code(struct view_line *line, const char *text);

/** Columns that @p text takes. */
int view_text_width(const char *text, bool utf8);

/** How wide the parts of a slot's line are; 0: left out. */
struct view_layout {
    int columns;
    int slot, unit, mac, bar, rate, retries;
};

/** Parts for @p columns, when the longest names take so many. */
void view_layout_make(struct view_layout *layout, int columns, int slot_width,
                      int unit_width);

void view_slot_line(struct view_line *line, const struct view_layout *layout,
                    const struct line_slot_now *slot, bool utf8, bool color);

/** The totals; then the most frequent causes, "" when nothing failed. */
void view_total_line(struct view_line *line, const struct line_totals *totals,
                     int columns, bool utf8);
void view_cause_line(struct view_line *line, const struct line_totals *totals,
                     int columns, bool utf8);

/** Append @p text; what nobody could see or a terminal would obey becomes '?'. */
void view_append(struct em_buf *out, const char *text);

/** Append @p before, the message with its file, and its hint, as lines. */
void view_append_message(struct em_buf *out, const char *before,
                         const struct em_error *msg);

/** Append what a note says, with its hint, or why a slot's board failed, as lines. */
void view_note_text(struct em_buf *out, const struct line_event *event);

/** "0.8 s", "12 s", "3 min 05 s", "2 h 21 min". */
void view_duration_text(char *out, size_t size, int64_t us);

#endif
