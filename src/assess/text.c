/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/text.c - the report for a terminal: what matters first, every subcategory last
 *
 * 80 to 100 columns, UTF-8.  Names and details that come from outside are shown
 * (base/shown.h), so that no client writes to the operator's terminal.
 */
#include "assess/private.h"

#include <math.h>

#include "base/clock.h"
#include "base/shown.h"
#include "base/text.h"

#define COLUMNS_MIN 80
#define COLUMNS_MAX 100
#define RISKS_TOP   5
#define GAPS_TOP    8
#define BAR_CELLS   10
#define COLUMN_NAME 14
#define COLUMN_TIER 18

enum style {
    PLAIN,
    BOLD,
    DIM,
    GOOD,
    FAIR,
    BAD,
};

struct page {
    struct buf *out;
    unsigned columns;
    bool color;
};

static void style_on(struct page *p, enum style s)
{
    static const char *const codes[] = {"",         "\033[1m",  "\033[2m",
                                        "\033[32m", "\033[33m", "\033[31m"};

    if (p->color && s != PLAIN)
        buf_addf(p->out, "%s", codes[s]);
}

static void style_off(struct page *p, enum style s)
{
    if (p->color && s != PLAIN)
        buf_addf(p->out, "\033[0m");
}

/* Bytes of the character at @at. */
static size_t char_len(const char *at)
{
    size_t n = 1;

    while (((unsigned char)at[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* As base/shown.h has it; in @ret, which is empty. */
static const char *show(struct buf *ret, const char *text)
{
    shown_add(ret, bytes_str(text));
    buf_add_u8(ret, 0);
    return (const char *)ret->at;
}

/* @text in exactly @width characters: cut with an ellipsis, or filled with spaces. */
static void add_cell(struct page *p, enum style s, const char *text, unsigned width)
{
    CLEANUP(buf_done) struct buf shown = {0};
    unsigned total = 0;
    unsigned used = 0;

    text = show(&shown, text);
    for (const char *at = text; *at != '\0'; at += char_len(at))
        total++;
    style_on(p, s);
    for (const char *at = text; *at != '\0' && used < width; at += char_len(at)) {
        if (total > width && used == width - 1) {
            buf_addf(p->out, "…");
            used++;
            break;
        }
        buf_add(p->out, bytes_of(at, char_len(at)));
        used++;
    }
    style_off(p, s);
    for (; used < width; used++)
        buf_add_u8(p->out, ' ');
}

/* A paragraph; its first line goes on at column @at, the others are indented by @indent. */
static void add_wrapped(struct page *p, const char *text, unsigned at, unsigned indent)
{
    CLEANUP(buf_done) struct buf shown = {0};
    bool follows = false; /* a word on this line */

    text = show(&shown, text);
    while (*text != '\0') {
        size_t bytes = 0;
        unsigned width = 0;

        while (text[bytes] != '\0' && text[bytes] != ' ') {
            bytes += char_len(text + bytes);
            width++;
        }
        if (follows && at + 1 + width > p->columns) {
            buf_addf(p->out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (follows) {
            buf_add_u8(p->out, ' ');
            at++;
        }
        buf_add(p->out, bytes_of(text, bytes));
        at += width;
        text += bytes;
        text += *text == ' ';
        follows = true;
    }
    buf_add_u8(p->out, '\n');
}

static void heading(struct page *p, const char *text, const char *beside)
{
    buf_add_u8(p->out, '\n');
    style_on(p, BOLD);
    buf_addf(p->out, "%s", text);
    style_off(p, BOLD);
    if (beside != NULL) {
        style_on(p, DIM);
        buf_addf(p->out, "  %s", beside);
        style_off(p, DIM);
    }
    buf_add_u8(p->out, '\n');
}

static enum style style_of_tier(unsigned tier, unsigned target)
{
    if (tier == 0 || target == 0)
        return PLAIN;
    return tier >= target ? GOOD : tier + 1 == target ? FAIR : BAD;
}

static void add_tier(struct page *p, const struct assess_rollup *r, unsigned width)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (r->tier == 0)
        buf_addf(&text, "not in the profile");
    else
        buf_addf(&text, "%u %s%s", r->tier, tier_name(r->tier), r->capped ? "*" : "");
    buf_add_u8(&text, 0);
    add_cell(p, style_of_tier(r->tier, r->target), (char *)text.at, width);
}

static void add_target(struct page *p, unsigned target, unsigned width)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (target == 0)
        buf_addf(&text, "-");
    else
        buf_addf(&text, "%u %s", target, tier_name(target));
    buf_add_u8(&text, 0);
    add_cell(p, PLAIN, (char *)text.at, width);
}

static void add_coverage(struct page *p, const struct assess_rollup *r)
{
    unsigned cells = (unsigned)(r->coverage * BAR_CELLS);

    for (unsigned i = 0; i < BAR_CELLS; i++)
        buf_addf(p->out, "%s", i < cells ? "█" : "░");
    buf_addf(p->out, " %3.0f %%  %zu of %zu", floor(100 * r->coverage), r->n_known, r->n_asked);
}

static void print_rollup(struct page *p, const struct assess_rollup *r, bool bold)
{
    add_cell(p, bold ? BOLD : PLAIN, r->name, COLUMN_NAME);
    add_tier(p, r, COLUMN_TIER);
    add_target(p, r->target, COLUMN_TIER);
    add_coverage(p, r);
    buf_add_u8(p->out, '\n');
}

/* What is in @line, which is empty after it. */
static void print_line(struct page *p, struct buf *line)
{
    buf_add_u8(line, 0);
    add_wrapped(p, (char *)line->at, 0, 8);
    line->len = 0;
}

static void print_summary(struct page *p, const struct assessment *a)
{
    CLEANUP(buf_done) struct buf line = {0};
    bool capped = false;
    char at[CLOCK_TEXT_LEN];

    style_on(p, BOLD);
    buf_addf(p->out, "MQTT Cybersecurity Framework: Current Profile");
    style_off(p, BOLD);
    buf_add_u8(p->out, '\n');
    (void)clock_format(a->at_unix_ms, at);
    buf_addf(&line, "%s, %.10s %.5s UTC", a->node_name, at, at + 11);
    print_line(p, &line);
    if (a->scope_name != NULL) {
        buf_addf(&line, "Scope:  %s", a->scope_name);
        print_line(p, &line);
    }
    if (a->target_name != NULL) {
        buf_addf(&line, "Target: %s", a->target_name);
        print_line(p, &line);
    }
    buf_add_u8(p->out, '\n');
    style_on(p, DIM);
    add_cell(p, PLAIN, "Function", COLUMN_NAME);
    add_cell(p, PLAIN, "Tier now", COLUMN_TIER);
    add_cell(p, PLAIN, "Target", COLUMN_TIER);
    buf_addf(p->out, "Tests with evidence\n");
    style_off(p, DIM);
    for (size_t f = 0; f < a->n_functions; f++) {
        print_rollup(p, &a->functions[f], false);
        capped |= a->functions[f].capped;
    }
    print_rollup(p, &a->organisation, true);
    if (capped)
        buf_addf(p->out, "* held at tier %d: under %.0f %% of a category's tests have evidence\n",
                 COVERAGE_TIER_MAX, 100 * COVERAGE_MIN);
    buf_add_u8(p->out, '\n');
    add_wrapped(p,
                "A tier is the lowest of what it rolls up. It says how risk is managed; it is no "
                "certificate, and does not say that the system is secure. A test without evidence "
                "is unknown: it never counts as met.",
                0, 0);
}

static enum style style_of_level(enum assess_level l)
{
    return l >= ASSESS_HIGH ? BAD : l == ASSESS_MODERATE ? FAIR : GOOD;
}

static void print_risks(struct page *p, const struct assessment *a)
{
    unsigned name = p->columns - 5 - 19 - 10 - 18;

    heading(p, "Top risks", "SP 800-30 levels; unknown tests count as failed");
    for (size_t i = 0; i < a->n_risks && i < RISKS_TOP; i++) {
        const struct assess_risk *r = &a->risks[i];

        add_cell(p, PLAIN, r->scenario->id, 5);
        add_cell(p, PLAIN, r->scenario->name, name - 1);
        buf_add_u8(p->out, ' ');
        add_cell(p, DIM, r->zone, 18);
        buf_add_u8(p->out, ' ');
        add_cell(p, style_of_level(r->level), assess_level_text(r->level), 10);
        if (r->over_tolerance)
            add_cell(p, BAD, "over tolerance", 14);
        else if (r->level_best < r->level)
            buf_addf(p->out, "could be %s", assess_level_text(r->level_best));
        buf_add_u8(p->out, '\n');
    }
}

static void print_gap(struct page *p, const struct assess_gap *g, size_t place)
{
    unsigned name = p->columns - 4 - 13 - 33;
    double days = ceil(g->effort_days);

    buf_addf(p->out, "%2zu. ", place);
    add_cell(p, BOLD, g->sub->sub->id, 12);
    buf_add_u8(p->out, ' ');
    add_cell(p, PLAIN, g->sub->sub->name, name - 1);
    buf_addf(p->out, " tier %u → %u  %5.0f %s%s\n", g->from, g->to, days,
             days == 1 ? "day" : "days", g->must ? ", a duty" : "");
    buf_addf(p->out, "    Now:  ");
    add_wrapped(p, text_or_empty(g->sub->blocker), 10, 10);
    buf_addf(p->out, "    Next: ");
    add_wrapped(p, text_or_empty(g->sub->next_step), 10, 10);
}

static void print_gaps(struct page *p, const struct assessment *a)
{
    if (a->n_gaps == 0)
        return;
    heading(p, "Top gaps", "duties, then risk over tolerance, then risk taken away a day");
    for (size_t i = 0; i < a->n_gaps && i < GAPS_TOP; i++)
        print_gap(p, &a->gaps[i], i + 1);
    if (a->n_gaps > GAPS_TOP)
        buf_addf(p->out, "    and %zu more below\n", a->n_gaps - GAPS_TOP);
}

static void print_gates(struct page *p, const struct assessment *a)
{
    bool has_any = false;

    for (size_t k = 0; k < a->n_categories; k++) {
        CLEANUP(buf_done) struct buf text = {0};
        const struct assess_rollup *r = &a->categories[k];

        if (!gate_is_first(a, k))
            continue;
        if (!has_any)
            heading(p, "Gates", "what management has to do before a category can go up");
        has_any = true;
        buf_addf(&text, "%s Now: %s (", r->gate_todo, r->gate);
        for (size_t i = k; i < a->n_categories; i++)
            if (gate_is_same(a, i, k))
                buf_addf(&text, "%s%s", i > k ? ", " : "", a->categories[i].id);
        buf_addf(&text, ")");
        buf_add_u8(&text, 0);
        buf_addf(p->out, "- ");
        add_wrapped(p, (char *)text.at, 2, 2);
    }
}

static void add_evidence(struct page *p, const struct assess_test *t, unsigned next)
{
    CLEANUP(buf_done) struct buf text = {0};
    unsigned tier = next;
    enum assess_mark m;

    while (tier < ASSESS_TIER_MAX && t->mark[tier] == ASSESS_NOT_ASKED)
        tier++;
    m = t->mark[tier];
    buf_addf(p->out, "              ");
    add_cell(p, m == ASSESS_PASS ? GOOD : BAD, m == ASSESS_PASS ? "✓" : "✗", 2);
    words_of_metric(&text, t->test->metric);
    buf_addf(&text, ": ");
    words_of_value(&text, t->test, t->value);
    if (m == ASSESS_FAIL) {
        buf_addf(&text, " (tier %u: %s%s", tier, words_of_op(t->test->op),
                 t->test->op == CATALOG_EQUAL ? "" : " ");
        words_of_value(&text, t->test, t->test->threshold[tier]);
        buf_addf(&text, ")");
    }
    if (t->detail != NULL)
        buf_addf(&text, "; %s", t->detail);
    buf_add_u8(&text, 0);
    add_wrapped(p, (char *)text.at, 16, 16);
}

static void add_attestation(struct page *p, const struct assess_sub *s)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (s->attestation == ATTESTATION_NOT_NEEDED || s->attestation == ATTESTATION_MISSING)
        return;
    buf_addf(&text, "attestation %s", attestation_status_text(s->attestation));
    if (s->attested_by != NULL) {
        buf_addf(&text, ", by %s, until ", s->attested_by);
        words_of_date(&text, s->attestation_expires_unix_ms);
    }
    buf_add_u8(&text, 0);
    buf_addf(p->out, "              ");
    add_cell(p, s->attestation == ATTESTATION_VALID ? GOOD : BAD, "§", 2);
    add_wrapped(p, (char *)text.at, 16, 16);
}

static void print_sub(struct page *p, const struct assess_sub *s)
{
    unsigned name = p->columns - 13 - 6 - 8 - 20;
    CLEANUP(buf_done) struct buf cells = {0};
    unsigned next = MIN(s->tier + 1, (unsigned)ASSESS_TIER_MAX);

    add_cell(p, PLAIN, s->sub->id, 13);
    add_cell(p, PLAIN, s->sub->name, name - 1);
    buf_add_u8(p->out, ' ');
    if (!s->in_profile || s->not_applicable) {
        add_cell(p, DIM, s->not_applicable ? "not applicable" : "not in the profile", 20);
        buf_add_u8(p->out, '\n');
        return;
    }
    buf_addf(&cells, "%u", s->tier);
    buf_add_u8(&cells, 0);
    add_cell(p, style_of_tier(s->tier, s->target), (char *)cells.at, 6);
    if (s->target > 0)
        buf_addf(p->out, "%-8u", s->target);
    else
        buf_addf(p->out, "%-8s", "-");
    buf_addf(p->out, "%zu of %zu known\n", s->n_known, s->n_tests);
    for (size_t k = 0; k < s->n_tests; k++)
        if (s->tests[k].known)
            add_evidence(p, &s->tests[k], next);
    add_attestation(p, s);
}

static void print_subs(struct page *p, const struct assessment *a)
{
    unsigned category = UINT32_MAX;
    unsigned name = p->columns - 13 - 6 - 8 - 20;

    heading(p, "Subcategories", "✓ ✗: against the next tier; unknown tests are not listed");
    style_on(p, DIM);
    add_cell(p, PLAIN, "", 13);
    add_cell(p, PLAIN, "", name);
    buf_addf(p->out, "Tier  Target  Tests\n");
    style_off(p, DIM);
    for (size_t i = 0; i < a->n_subs; i++) {
        const struct assess_sub *s = &a->subs[i];

        if (s->sub->category != category) {
            const struct assess_rollup *r;

            category = s->sub->category;
            r = &a->categories[category];
            style_on(p, BOLD);
            buf_addf(p->out, "%-12s %s", r->id, r->name);
            style_off(p, BOLD);
            buf_add_u8(p->out, '\n');
        }
        print_sub(p, s);
    }
}

static void print_notes(struct page *p, const struct assessment *a)
{
    if (a->n_notes == 0)
        return;
    heading(p, "Notes", NULL);
    for (size_t i = 0; i < a->n_notes; i++) {
        buf_addf(p->out, "- ");
        add_wrapped(p, a->notes[i], 2, 2);
    }
}

/**
 * assess_print_text() - the report for a terminal
 * @columns: of the terminal; 80 to 100 are used
 * @color:   with escape sequences
 */
void assess_print_text(struct buf *out, const struct assessment *a, unsigned columns, bool color)
{
    struct page p = {.out = out,
                     .columns = MIN(MAX(columns, (unsigned)COLUMNS_MIN), (unsigned)COLUMNS_MAX),
                     .color = color};

    print_summary(&p, a);
    print_risks(&p, a);
    print_gaps(&p, a);
    print_gates(&p, a);
    print_subs(&p, a);
    print_notes(&p, a);
}
