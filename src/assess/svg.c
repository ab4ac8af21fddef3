/* SPDX-License-Identifier: Apache-2.0 */
/* assess/svg.c - drawings inside the page; each has a text or a table that says the same */
#include "assess/html.h"

#include <math.h>

#define RADAR_RADIUS 128.0
#define RADAR_WIDTH  420
#define RADAR_HEIGHT 330
#define RADAR_X      210.0
#define RADAR_Y      168.0
#define PIP_WIDTH    13
#define PIP_STEP     16

/**
 * svg_pips() - four boxes: filled up to the tier, framed up to the target
 * @target: 0: none
 */
void svg_pips(struct buf *out, unsigned tier, unsigned target)
{
    buf_addf(out,
             "<svg class=\"pips\" width=\"62\" height=\"12\" viewBox=\"0 0 62 12\" role=\"img\" "
             "aria-label=\"tier %u",
             tier);
    if (target > 0)
        buf_addf(out, ", target %u", target);
    buf_addf(out, "\">");
    for (unsigned i = 1; i <= ASSESS_TIER_MAX; i++)
        buf_addf(out,
                 "<rect x=\"%u\" y=\"1.5\" width=\"%d\" height=\"9\" rx=\"1.5\" class=\"%s\"/>",
                 1 + (i - 1) * PIP_STEP, PIP_WIDTH,
                 i <= tier     ? (i <= target || target == 0 ? "on" : "on beyond")
                 : i <= target ? "due"
                               : "off");
    buf_addf(out, "</svg>");
}

static void point(size_t i, size_t n, double radius, double *ret_x, double *ret_y)
{
    double angle = 2 * M_PI * (double)i / (double)n - M_PI / 2;

    *ret_x = RADAR_X + radius * cos(angle);
    *ret_y = RADAR_Y + radius * sin(angle);
}

static void add_point(struct buf *out, size_t i, size_t n, double radius)
{
    double x, y;

    point(i, n, radius, &x, &y);
    buf_addf(out, "%s%.1f,%.1f", i == 0 ? "" : " ", x, y);
}

static double radius_of(unsigned tier)
{
    return RADAR_RADIUS * tier / ASSESS_TIER_MAX;
}

static void add_shape(struct buf *out, const char *class_name, const struct assess_rollup *r,
                      size_t n, bool target)
{
    buf_addf(out, "<polygon class=\"%s\" points=\"", class_name);
    for (size_t i = 0; i < n; i++)
        add_point(out, i, n, radius_of(target ? r[i].target : r[i].tier));
    buf_addf(out, "\"/>");
}

static void add_grid(struct buf *out, size_t n)
{
    for (unsigned tier = 1; tier <= ASSESS_TIER_MAX; tier++) {
        buf_addf(out, "<polygon class=\"ring\" points=\"");
        for (size_t i = 0; i < n; i++)
            add_point(out, i, n, radius_of(tier));
        buf_addf(out, "\"/>");
    }
    for (size_t i = 0; i < n; i++) {
        double x, y;

        point(i, n, RADAR_RADIUS, &x, &y);
        buf_addf(out, "<line class=\"ring\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                 RADAR_X, RADAR_Y, x, y);
    }
    for (unsigned tier = 1; tier <= ASSESS_TIER_MAX; tier++)
        buf_addf(out, "<text class=\"scale\" x=\"%.1f\" y=\"%.1f\">%u</text>", RADAR_X + 4,
                 RADAR_Y - radius_of(tier) + 4, tier);
}

static void add_names(struct buf *out, const struct assess_rollup *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x, y;
        const char *anchor;

        point(i, n, RADAR_RADIUS + 16, &x, &y);
        anchor = x > RADAR_X + 10 ? "start" : x < RADAR_X - 10 ? "end" : "middle";
        buf_addf(out, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x,
                 y + (y > RADAR_Y ? 8 : 0), anchor);
        html_text(out, r[i].name);
        buf_addf(out, "</text>");
    }
}

/** svg_radar() - an axis each roll-up: the tier as a filled shape, the target as a dashed one */
void svg_radar(struct buf *out, const struct assess_rollup *r, size_t n)
{
    buf_addf(out,
             "<svg class=\"radar\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Tier of each "
             "Function against its target; the table beside says the same\">",
             RADAR_WIDTH, RADAR_HEIGHT);
    add_grid(out, n);
    add_shape(out, "current", r, n, false);
    add_shape(out, "target", r, n, true);
    for (size_t i = 0; i < n; i++) {
        double x, y;

        point(i, n, radius_of(r[i].tier), &x, &y);
        buf_addf(out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\"/>", x, y);
    }
    add_names(out, r, n);
    buf_addf(out, "</svg>");
}
