/* SPDX-License-Identifier: Apache-2.0 */
/* lab/diagram.c - the single-line diagram, in characters */
#include "lab/lab_private.h"

struct glyphs {
    const char *top[3]; /* left, middle, right of a box's upper edge */
    const char *bottom[3];
    const char *side;
    const char *line;
    const char *node;
    const char *down;
    const char *blade[2]; /* of the switch: open, closed */
    const char *plate;
    const char *ground;
    const char *load;
};

/* clang-format off */
static const struct glyphs all_glyphs[] = {
    {{"┌", "─", "┐"}, {"└", "─", "┘"}, "│", "─", "●", "│", {"╱", "│"}, "━━┷━━", "⏚", "▶ load"},
    {{"+", "-", "+"}, {"+", "-", "+"}, "|", "-", "o", "|", {"/", "|"}, "=====", "=", "> load"},
};
/* clang-format on */

#define BOX_WIDTH  16 /* inside */
#define LINE_WIDTH 10
#define MARGIN     2

struct pen {
    struct buf *out;
    const struct glyphs *g;
    bool has_colours;
};

static void repeat(struct pen *p, const char *glyph, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_add(p->out, bytes_str(glyph));
}

static void paint(struct pen *p, const char *code, const char *text)
{
    if (p->has_colours)
        buf_addf(p->out, "\033[%sm%s\033[0m", code, text);
    else
        buf_add(p->out, bytes_str(text));
}

static void edge(struct pen *p, const char *const ends[3])
{
    buf_add(p->out, bytes_str(ends[0]));
    repeat(p, ends[1], BOX_WIDTH);
    buf_add(p->out, bytes_str(ends[2]));
}

static void both_edges(struct pen *p, const char *const ends[3], const char *between)
{
    repeat(p, " ", MARGIN);
    edge(p, ends);
    repeat(p, " ", LINE_WIDTH);
    buf_add(p->out, bytes_str(between));
    repeat(p, " ", LINE_WIDTH);
    edge(p, ends);
    buf_add_u8(p->out, '\n');
}

static void names(struct pen *p)
{
    repeat(p, " ", MARGIN);
    buf_addf(p->out, "%s %-*s%s", p->g->side, BOX_WIDTH - 1, "power supply", p->g->side);
    repeat(p, " ", 2 * LINE_WIDTH + 1);
    buf_addf(p->out, "%s %-*s%s\n", p->g->side, BOX_WIDTH - 1, "smart meter", p->g->side);
}

static void values(struct pen *p, const struct lab_state *s)
{
    /* clang-format off */
    static const char *const colours[] = {
        [FEEDER_LOW] = "31", [FEEDER_NORMAL] = "32", [FEEDER_HIGH] = "31"};
    /* clang-format on */
    struct buf meter = {0};

    repeat(p, " ", MARGIN);
    buf_addf(p->out, "%s %5.1f V%*s%s", p->g->side, s->source_v, BOX_WIDTH - 8, "", p->g->side);
    repeat(p, p->g->line, LINE_WIDTH);
    buf_add(p->out, bytes_str(p->g->node));
    repeat(p, p->g->line, LINE_WIDTH);
    buf_addf(&meter, "%.1f V %s", s->meter_v, feeder_status_text(s->meter_status));
    buf_add_u8(&meter, 0);
    buf_addf(p->out, "%s ", p->g->side);
    paint(p, colours[s->meter_status], (const char *)meter.at);
    buf_addf(p->out, "%*s%s", (int)(BOX_WIDTH - meter.len), "", p->g->side);
    repeat(p, p->g->line, 3);
    buf_addf(p->out, "%s\n", p->g->load);
    buf_done(&meter);
}

/* Below the node: the switch, the bank, the ground. */
static void below(struct pen *p, const char *glyph, const char *colour, const char *text)
{
    repeat(p, " ", MARGIN + BOX_WIDTH + 2 + LINE_WIDTH);
    paint(p, colour, glyph);
    buf_addf(p->out, "%s\n", text);
}

static void bank(struct pen *p, const struct lab_state *s)
{
    const char *colour = s->cap_is_closed ? "32" : "33";

    below(p, p->g->blade[s->cap_is_closed], colour, s->cap_is_closed ? " closed" : " open");
    below(p, p->g->down, "0", "");
    repeat(p, " ", MARGIN + BOX_WIDTH + LINE_WIDTH);
    buf_addf(p->out, "%s capacitor bank\n", p->g->plate);
    below(p, p->g->ground, "0", "");
}

/**
 * diagram_draw() - append the single-line diagram of @s
 * @is_ascii:     no other characters
 * @has_colours:  by ANSI escape sequences
 */
void diagram_draw(struct buf *out, const struct lab_state *s, bool is_ascii, bool has_colours)
{
    struct pen p = {.out = out, .g = &all_glyphs[is_ascii], .has_colours = has_colours};

    both_edges(&p, p.g->top, " ");
    names(&p);
    values(&p, s);
    both_edges(&p, p.g->bottom, p.g->down);
    bank(&p, s);
}
