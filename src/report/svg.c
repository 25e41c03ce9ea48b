/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes that figures are made of. */
#include "config.h"

#include "src/report/svg.h"

#include "base/text_int.h"

void svg_begin(struct svg *svg, struct em_buf *out, enum report_width width,
               double height, const char *title, const char *about)
{
    bool narrow = width == REPORT_NARROW;
    *svg = (struct svg){.out = out, .width = narrow ? 320 : 860, .narrow = narrow};
    out_fmt(out,
            "<svg class=\"figure %s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>",
            narrow ? "narrow" : "wide", svg->width, height);
    out_text(out, title);
    out_raw(out, "</title><desc>");
    out_text(out, about);
    out_raw(out, "</desc>\n");
}

void svg_end(struct svg *svg)
{
    out_raw(svg->out, "</svg>\n");
}

void svg_line(struct svg *svg, const char *kind, double x1, double y1, double x2,
              double y2)
{
    out_fmt(svg->out, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>", kind, x1, y1, x2,
            y2);
}

void svg_rect(struct svg *svg, const char *kind, double x, double y, double width,
              double height, double radius)
{
    out_fmt(svg->out,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
            "rx=\"%.1f\"/>",
            kind, x, y, width, height, radius);
}

void svg_text(struct svg *svg, const char *kind, double x, double y, const char *text)
{
    out_fmt(svg->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", kind, x, y);
    out_text(svg->out, text);
    out_raw(svg->out, "</text>\n");
}

void svg_text_cut(struct svg *svg, const char *kind, double x, double y, const char *text,
                  size_t most)
{
    char cut[REPORT_NAME * 2 + 8];
    struct em_span left = em_span_of(text);
    size_t to = 0;
    for (size_t n = 0; left.len > 0; n++) {
        uint32_t code;
        size_t len = em_utf8_next(left.p, left.len, &code);
        len = len == 0 ? 1 : len;
        if (n + 1 >= most || to + len + 4 > sizeof cut) {
            memcpy(cut + to, "…", sizeof "…");
            svg_text(svg, kind, x, y, cut);
            return;
        }
        memcpy(cut + to, left.p, len);
        to += len;
        left = (struct em_span){left.p + len, left.len - len};
    }
    cut[to] = '\0';
    svg_text(svg, kind, x, y, cut);
}
