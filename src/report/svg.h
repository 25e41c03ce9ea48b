/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes that figures are made of. */
#ifndef SRC_REPORT_SVG_H
#define SRC_REPORT_SVG_H

#include "src/report/figures.h"
#include "src/report/out.h"

#include <stdio.h>
#include <string.h>

struct svg {
    struct em_buf *out;
    double width;
    bool narrow;
};

/** Begin a figure with a title and a description for those who do not see it. */
void svg_begin(struct svg *svg, struct em_buf *out, enum report_width width,
               double height, const char *title, const char *about);
void svg_end(struct svg *svg);

/* @p kind: classes, of this program's own. Texts are escaped. */
void svg_line(struct svg *svg, const char *kind, double x1, double y1, double x2,
              double y2);
void svg_rect(struct svg *svg, const char *kind, double x, double y, double width,
              double height, double radius);
void svg_text(struct svg *svg, const char *kind, double x, double y, const char *text);
/** At most @p most characters, "…" for the rest. */
void svg_text_cut(struct svg *svg, const char *kind, double x, double y, const char *text,
                  size_t most);

#endif
