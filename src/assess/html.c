/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/html.c - the report as one page that needs nothing else
 *
 * No script, no external resource, every text escaped; light, dark and printed.
 * The answer comes first, then gaps and risks, then the evidence.  It is written
 * as well-formed XML, so that a parser can check it.
 */
#include "assess/html.h"

#include <math.h>

#include "base/clock.h"
#include "base/text.h"

#define GAPS_TOP  10
#define RISKS_TOP 12

/** html_text() - @text as it is to be read; what no document may hold becomes U+FFFD */
void html_text(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '&')
            buf_addf(out, "&amp;");
        else if (c == '<')
            buf_addf(out, "&lt;");
        else if (c == '>')
            buf_addf(out, "&gt;");
        else if (c == '"')
            buf_addf(out, "&quot;");
        else if (c == '\'')
            buf_addf(out, "&#39;");
        else if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f)
            buf_addf(out, "\xef\xbf\xbd");
        else
            buf_add_u8(out, c);
    }
}

/** html_tier() - number and name */
void html_tier(struct buf *out, unsigned tier)
{
    if (tier > 0)
        buf_addf(out, "%u ", tier);
    buf_addf(out, "%s", tier_name(tier));
}

/** html_percent() - a share as whole percent */
void html_percent(struct buf *out, double share)
{
    buf_addf(out, "%.0f %%", floor(100 * share + 1e-9));
}

static void add_meta(struct buf *out, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    buf_addf(out, "<span>%s <b>", name);
    html_text(out, text);
    buf_addf(out, "</b></span>");
}

static void add_header(struct buf *out, const struct assessment *a)
{
    char at[CLOCK_TEXT_LEN];

    buf_addf(out, "<header><h1>MQTT Cybersecurity Framework: Current Profile</h1>"
                  "<div class=\"meta\">");
    add_meta(out, "Node", a->node_name);
    (void)clock_format(a->at_unix_ms, at);
    buf_addf(out, "<span>Assessed <b>%.10s %.5s UTC</b></span>", at, at + 11);
    add_meta(out, "Scope", a->scope_name);
    add_meta(out, "Target", a->target_name);
    add_meta(out, "Catalogue", a->catalog->version);
    buf_addf(out, "</div></header>");
}

static void add_tile(struct buf *out, const char *big, const char *small)
{
    buf_addf(out, "<div class=\"tile\"><b>%s</b><span>%s</span></div>", big, small);
}

/* None is over a tolerance that nobody has declared. */
static void add_over_tile(struct buf *out, const struct assessment *a)
{
    char number[24];
    size_t n_over = 0;
    size_t n_compared = 0;

    for (size_t i = 0; i < a->n_risks; i++) {
        n_over += a->risks[i].over_tolerance;
        n_compared += a->risks[i].has_tolerance;
    }
    (void)snprintf(number, sizeof(number), "%zu", n_over);
    if (n_compared > 0)
        add_tile(out, number, "risks over tolerance");
    else
        add_tile(out, "–", "risks over tolerance: the scope declares none");
}

static void add_lead(struct buf *out, const struct assessment *a)
{
    const struct assess_rollup *o = &a->organisation;

    buf_addf(out, "<p class=\"lead\">MQTT risk is managed at <b>Tier %u, %s</b>", o->tier,
             tier_name(o->tier));
    if (o->target == 0)
        buf_addf(out, "; no target is set. ");
    else if (o->tier >= o->target)
        buf_addf(out, ": the target of Tier %u is met. ", o->target);
    else
        buf_addf(out, "; the target is Tier %u, %s. ", o->target, tier_name(o->target));
    buf_addf(out,
             "There is evidence for %zu of the %zu tests asked for; the others are unknown and do "
             "not count as met.</p>",
             o->n_known, o->n_asked);
}

static void add_tiles(struct buf *out, const struct assessment *a)
{
    CLEANUP(buf_done) struct buf text = {0};
    const struct assess_rollup *o = &a->organisation;

    buf_addf(out, "<div class=\"tiles\">");
    buf_addf(&text, "%u", o->tier);
    if (o->target > 0)
        buf_addf(&text, " → %u", o->target);
    buf_add_u8(&text, 0);
    add_tile(out, (char *)text.at, "Tier now and target, of 4");
    text.len = 0;
    html_percent(&text, o->coverage);
    buf_add_u8(&text, 0);
    add_tile(out, (char *)text.at, "of the tests asked for have evidence");
    text.len = 0;
    buf_addf(&text, "%zu", a->n_gaps);
    buf_add_u8(&text, 0);
    add_tile(out, (char *)text.at, "subcategories below their target");
    add_over_tile(out, a);
    buf_addf(out, "</div>");
}

static void add_coverage(struct buf *out, const struct assess_rollup *r)
{
    html_percent(out, r->coverage);
    buf_addf(out, "<span class=\"bar\"><i style=\"width:%.0f%%\"></i></span>",
             floor(100 * r->coverage));
}

static void add_rollup_row(struct buf *out, const struct assess_rollup *r, bool with_id)
{
    buf_addf(out, "<tr>");
    if (with_id) {
        buf_addf(out, "<td class=\"id\">");
        html_text(out, r->id);
        buf_addf(out, "</td>");
    }
    buf_addf(out, "<td class=\"name\">");
    html_text(out, r->name);
    buf_addf(out, "</td><td class=\"nowrap\">");
    svg_pips(out, r->tier, r->target);
    buf_addf(out, "</td><td>");
    html_tier(out, r->tier);
    if (r->capped)
        buf_addf(out, "<br/><span class=\"now\">held by coverage</span>");
    buf_addf(out, "</td><td>");
    if (r->target > 0)
        html_tier(out, r->target);
    else
        buf_addf(out, "–");
    buf_addf(out, "</td><td class=\"nowrap\">");
    add_coverage(out, r);
    buf_addf(out, "</td></tr>");
}

static void add_functions(struct buf *out, const struct assessment *a)
{
    buf_addf(out, "<h2>The five Functions</h2><div class=\"two\"><div>");
    svg_radar(out, a->functions, a->n_functions);
    buf_addf(out,
             "<p class=\"key\"><i></i>now<i class=\"t\"></i>target</p></div>"
             "<div class=\"wide\"><table><thead><tr><th>Function</th><th></th><th>Tier now</th>"
             "<th>Target</th><th>Evidence</th></tr></thead><tbody>");
    for (size_t f = 0; f < a->n_functions; f++)
        add_rollup_row(out, &a->functions[f], false);
    buf_addf(out, "</tbody></table></div></div>");
}

static double most_gain(const struct assessment *a)
{
    double most = 0;

    for (size_t i = 0; i < a->n_gaps; i++)
        most = MAX(most, a->gaps[i].gain);
    return most;
}

static void add_gap_row(struct buf *out, const struct assess_gap *g, size_t place, double most)
{
    buf_addf(out, "<tr><td class=\"n\">%zu</td><td><span class=\"name\">", place);
    html_text(out, g->sub->sub->name);
    buf_addf(out, "</span><br/><span class=\"id\">");
    html_text(out, g->sub->sub->id);
    buf_addf(out, "</span>");
    if (g->must)
        buf_addf(out, " <span class=\"tag\">duty</span>");
    buf_addf(out, "</td><td class=\"nowrap\">");
    svg_pips(out, g->from, g->to);
    buf_addf(out, "<br/>%u → %u</td><td><span class=\"next\">", g->from, g->to);
    html_text(out, text_or_empty(g->sub->next_step));
    buf_addf(out, "</span><br/><span class=\"now\">Now: ");
    html_text(out, text_or_empty(g->sub->blocker));
    buf_addf(out,
             ".</span></td><td class=\"n\">%.0f</td><td><span class=\"bar\">"
             "<i style=\"width:%.0f%%\"></i></span></td></tr>",
             ceil(g->effort_days), most > 0 ? 100 * g->gain / most : 0);
}

static void add_gaps(struct buf *out, const struct assessment *a)
{
    double most = most_gain(a);

    if (a->n_gaps == 0)
        return;
    buf_addf(out, "<h2>Where to start</h2><p class=\"sub\">Gaps between now and the target, most "
                  "urgent first: what is a duty, then what feeds a risk over tolerance, then by "
                  "risk taken away for a day of work.</p><div class=\"wide\"><table><thead><tr>"
                  "<th></th><th>Subcategory</th><th>Tier</th><th>What to do next</th>"
                  "<th class=\"n\">Days</th><th>Risk taken away</th></tr></thead><tbody>");
    for (size_t i = 0; i < a->n_gaps && i < GAPS_TOP; i++)
        add_gap_row(out, &a->gaps[i], i + 1, most);
    buf_addf(out, "</tbody></table></div>");
    if (a->n_gaps > GAPS_TOP)
        buf_addf(out, "<p class=\"sub\">%zu more gaps stand with their subcategories below.</p>",
                 a->n_gaps - GAPS_TOP);
}

static void add_level(struct buf *out, enum assess_level l)
{
    buf_addf(out, "<span class=\"level l%u\">%s</span>", (unsigned)l, assess_level_text(l));
}

static void add_risk_row(struct buf *out, const struct assess_risk *r)
{
    buf_addf(out, "<tr><td class=\"id\">");
    html_text(out, r->scenario->id);
    buf_addf(out, "</td><td class=\"name\">");
    html_text(out, r->scenario->name);
    buf_addf(out, "</td><td>");
    html_text(out, r->zone);
    buf_addf(out, "</td><td>");
    add_level(out, r->level);
    buf_addf(out, "</td><td>");
    add_level(out, r->level_best);
    buf_addf(out, "</td><td>%s</td></tr>",
             r->over_tolerance ? "<span class=\"tag\">over</span>" : "");
}

static void add_risks(struct buf *out, const struct assessment *a)
{
    buf_addf(out, "<h2>Risks</h2><p class=\"sub\">Levels of NIST SP 800-30. The second level is "
                  "what would remain if every unknown test passed: where the two differ, evidence "
                  "is worth collecting first.</p><div class=\"wide\"><table><thead><tr><th></th>"
                  "<th>Scenario</th><th>Zone</th><th>Level</th><th>If unknown passed</th>"
                  "<th>Tolerance</th></tr></thead><tbody>");
    for (size_t i = 0; i < a->n_risks && i < RISKS_TOP; i++)
        add_risk_row(out, &a->risks[i]);
    buf_addf(out, "</tbody></table></div>");
    if (a->n_risks > RISKS_TOP)
        buf_addf(out, "<p class=\"sub\">The %d highest of %zu.</p>", RISKS_TOP, a->n_risks);
}

static void add_categories(struct buf *out, const struct assessment *a)
{
    buf_addf(out, "<h2>Categories</h2><p class=\"sub\">A category stands where its lowest "
                  "subcategory stands.</p><div class=\"wide\"><table><thead><tr><th></th>"
                  "<th>Category</th><th></th><th>Tier now</th><th>Target</th><th>Evidence</th></tr>"
                  "</thead><tbody>");
    for (size_t k = 0; k < a->n_categories; k++)
        if (a->categories[k].tier > 0)
            add_rollup_row(out, &a->categories[k], true);
    buf_addf(out, "</tbody></table></div>");
}

static void add_gate_row(struct buf *out, const struct assessment *a, size_t k)
{
    buf_addf(out, "<tr><td><span class=\"next\">");
    html_text(out, a->categories[k].gate_todo);
    buf_addf(out, "</span><br/><span class=\"now\">Now: ");
    html_text(out, a->categories[k].gate);
    buf_addf(out, ".</span></td><td class=\"now\">");
    for (size_t i = k; i < a->n_categories; i++) {
        if (!gate_is_same(a, i, k))
            continue;
        buf_addf(out, "%s", i > k ? ", " : "");
        html_text(out, a->categories[i].name);
    }
    buf_addf(out, "</td></tr>");
}

static void add_gates(struct buf *out, const struct assessment *a)
{
    bool has_any = false;

    for (size_t k = 0; k < a->n_categories; k++) {
        if (!gate_is_first(a, k))
            continue;
        if (!has_any)
            buf_addf(
                out,
                "<h2>For management to decide</h2><p class=\"sub\">Tiers ask how risk is "
                "managed. These hold categories back however good their safeguards "
                "are.</p><div class=\"wide\"><table class=\"half\"><thead><tr><th>What to do</th>"
                "<th>Categories</th></tr></thead><tbody>");
        has_any = true;
        add_gate_row(out, a, k);
    }
    if (has_any)
        buf_addf(out, "</tbody></table></div>");
}

static void add_notes(struct buf *out, const struct assessment *a)
{
    if (a->n_notes > 0)
        buf_addf(out, "<h2>Notes</h2><ul class=\"note\">");
    for (size_t i = 0; i < a->n_notes; i++) {
        buf_addf(out, "<li>");
        html_text(out, a->notes[i]);
        buf_addf(out, "</li>");
    }
    if (a->n_notes > 0)
        buf_addf(out, "</ul>");
}

static void add_method(struct buf *out, const struct assessment *a)
{
    buf_addf(out,
             "<h2>How this was computed</h2><p>The tier of a subcategory is the highest for which "
             "all tests with a threshold up to it pass, its attestation is valid, and the gates of "
             "that tier are open. An attestation never outvotes a failed test. Categories, "
             "Functions and the organisation take the minimum; below %.0f %% coverage a category "
             "holds at Tier %d; the organisation never passes its risk management (MQ.ID.RM).</p>"
             "<p>Risk of a scenario in a zone: frequency λ = (m + n) / (1 + T) events a year, from "
             "a prior m by exposure and n own events in T years; vulnerability V = Π (1 − w e)^κ "
             "over the controls that lower likelihood, impact factor J the same over those that "
             "lower impact; e is 0, 0.4, 0.7, 0.9 for tiers 1 to 4 by tests; score = 100 (1 − "
             "e^(−λV)) · impact · J. Controls are taken as independent layers. Scores rank; levels "
             "are those of SP 800-30.</p>",
             100 * COVERAGE_MIN, COVERAGE_TIER_MAX);
    buf_addf(out, "<footer>Tiers say how MQTT risk is managed. This is no certificate, and does "
                  "not say that a system is secure. Catalogue ");
    html_text(out, a->catalog->version);
    buf_addf(out, ", bastide " BASTIDE_VERSION ".</footer>");
}

/** assess_html() - the report as one self-contained page */
void assess_html(struct buf *out, const struct assessment *a)
{
    buf_addf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'unsafe-inline'\"/>"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
                  "<meta name=\"color-scheme\" content=\"light dark\"/><title>Current Profile of ");
    html_text(out, a->node_name);
    buf_addf(out, "</title><style>%s</style></head><body><main>", html_style);
    add_header(out, a);
    add_lead(out, a);
    add_tiles(out, a);
    add_functions(out, a);
    add_gaps(out, a);
    add_risks(out, a);
    add_gates(out, a);
    add_categories(out, a);
    html_details(out, a);
    add_notes(out, a);
    add_method(out, a);
    buf_addf(out, "</main></body></html>\n");
}
