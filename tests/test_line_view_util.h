/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal as far as the table of a line needs one, and slots to be shown. */
#ifndef TESTS_TEST_LINE_VIEW_UTIL_H
#define TESTS_TEST_LINE_VIEW_UTIL_H

#include "src/line/view.h"

#include "tests/em_test.h"

enum { SCREEN_ROWS = 30, SCREEN_COLUMNS = 120, SCREEN_KEPT = 4000 };

/* Cells hold one UTF-8 character each. */
struct screen {
    unsigned columns, rows;
    unsigned x, y;
    char cell[SCREEN_ROWS][SCREEN_COLUMNS][5];
    char gone[SCREEN_KEPT]; /* lines that were scrolled out at the top */
    size_t writes, bytes;
    unsigned wrapped; /* lines that did not fit */
    unsigned unknown; /* sequences that this terminal does not know */
    char colors[64];  /* first letters: r, g, y for what was shown in colour */
};

static inline void screen_clear(struct screen *s, unsigned x, unsigned y)
{
    for (; y < SCREEN_ROWS; y++, x = 0) {
        for (; x < SCREEN_COLUMNS; x++)
            s->cell[y][x][0] = '\0';
    }
}

static inline void screen_row(const struct screen *s, unsigned y, char *out, size_t size)
{
    size_t len = 0;
    size_t end = 0;
    out[0] = '\0';
    for (unsigned x = 0; x < s->columns && len + 5 < size; x++) {
        const char *c = s->cell[y][x];
        len += (size_t)snprintf(out + len, size - len, "%s", c[0] == '\0' ? " " : c);
        if (c[0] != '\0' && c[0] != ' ')
            end = len;
    }
    out[end] = '\0';
}

static inline void screen_newline(struct screen *s)
{
    char row[SCREEN_COLUMNS * 4 + 1];
    if (s->y + 1 < s->rows) {
        s->y++;
        return;
    }
    screen_row(s, 0, row, sizeof row);
    size_t len = strlen(s->gone);
    (void)snprintf(s->gone + len, sizeof s->gone - len, "%s\n", row);
    memmove(s->cell[0], s->cell[1], sizeof s->cell - sizeof s->cell[0]);
    screen_clear(s, 0, s->rows - 1);
}

static inline const char *screen_code(struct screen *s, const char *p)
{
    unsigned n[3] = {0};
    size_t count = 0;
    for (; (*p >= '0' && *p <= '9') || *p == ';'; p++) {
        if (*p == ';')
            count = count < 2 ? count + 1 : 2;
        else
            n[count] = n[count] * 10 + (unsigned)(*p - '0');
    }
    size_t len = strlen(s->colors);
    switch (*p) {
    case 'A':
        s->y = s->y > n[0] ? s->y - n[0] : 0;
        break;
    case 'H':
        s->x = s->y = 0;
        break;
    case 'K':
        for (unsigned x = s->x; x < SCREEN_COLUMNS; x++)
            s->cell[s->y][x][0] = '\0';
        break;
    case 'J':
        screen_clear(s, n[0] == 2 ? 0 : s->x, n[0] == 2 ? 0 : s->y);
        break;
    case 'm':
        if (n[1] >= 31 && n[1] <= 33 && len + 1 < sizeof s->colors)
            s->colors[len] = "rgy"[n[1] - 31];
        break;
    default:
        s->unknown++;
    }
    return p + 1;
}

static inline void screen_write(void *user, const char *text, size_t len)
{
    struct screen *s = user;
    const char *end = text + len;
    s->writes++;
    s->bytes += len;
    while (text < end) {
        unsigned char c = (unsigned char)*text;
        if (c == 0x1B && text + 1 < end && text[1] == '[') {
            text = screen_code(s, text + 2);
            continue;
        }
        size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        if (c == '\r') {
            s->x = 0;
        } else if (c == '\n') { /* the driver of a terminal adds the return */
            s->x = 0;
            screen_newline(s);
        } else {
            if (s->x >= s->columns) {
                s->wrapped++;
                s->x = 0;
                screen_newline(s);
            }
            memcpy(s->cell[s->y][s->x], text, n);
            s->cell[s->y][s->x++][n] = '\0';
        }
        text += n;
    }
}

static inline void screen_size(void *user, unsigned *columns, unsigned *rows)
{
    const struct screen *s = user;
    *columns = s->columns;
    *rows = s->rows;
}

/* All that was written, line by line, without the empty lines at the end. */
static inline void screen_text(const struct screen *s, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "%s", s->gone);
    size_t end = len;
    for (unsigned y = 0; y < s->rows; y++) {
        char row[SCREEN_COLUMNS * 4 + 1];
        screen_row(s, y, row, sizeof row);
        len += (size_t)snprintf(out + len, size - len, "%s\n", row);
        if (row[0] != '\0')
            end = len;
    }
    out[end] = '\0';
}

#define CHECK_SCREEN(screen, wanted)                                                     \
    do {                                                                                 \
        char got_[8192];                                                                 \
        screen_text((screen), got_, sizeof got_);                                        \
        if (strcmp(got_, (wanted)) != 0)                                                 \
            printf("\n%s:%d: got\n%swanted\n%s", __FILE__, __LINE__, got_, (wanted));    \
        CU_ASSERT_STRING_EQUAL(got_, (wanted));                                          \
    } while (0)

/* A station of @p count slots "A1", "A2", … (names has room for them). */
static inline struct line_station make_station(struct line_slot *slots, char names[][8],
                                               size_t count)
{
    static char station_name[] = "bench";
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof names[i], "A%u", (unsigned char)(i + 1));
        slots[i] = (struct line_slot){.name = names[i]};
    }
    return (struct line_station){
        .name = station_name, .slots = slots, .slot_count = count};
}

static inline struct line_slot_now make_slot(size_t idx, const char *name, uint64_t unit,
                                             enum line_stage stage, uint64_t done,
                                             uint64_t total)
{
    struct line_slot_now slot = {.slot = idx,
                                 .name = name,
                                 .stage = stage,
                                 .done = done,
                                 .total = total,
                                 .unit = unit};
    if (unit > 0) {
        (void)snprintf(slot.unit_name, sizeof slot.unit_name, "EX1-%06u", (unsigned)unit);
        (void)snprintf(slot.mac, sizeof slot.mac, "60:55:f9:00:00:%02x", (unsigned)unit);
    }
    return slot;
}

#endif
