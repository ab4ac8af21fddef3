/* SPDX-License-Identifier: Apache-2.0 */
/* assess/html_detail.c - every subcategory with its evidence */
#include "assess/html.h"

#include "base/clock.h"

static void add_words(struct buf *out, const char *text, size_t len)
{
    CLEANUP(buf_done) struct buf copy = {0};

    buf_add(&copy, bytes_of(text, len));
    buf_add_u8(&copy, 0);
    html_text(out, (char *)copy.at);
}

static void add_metric(struct buf *out, const struct catalog_test *t)
{
    CLEANUP(buf_done) struct buf words = {0};

    words_of_metric(&words, t->metric);
    add_words(out, (char *)words.at, words.len);
}

static void add_value(struct buf *out, const struct catalog_test *t, double value)
{
    CLEANUP(buf_done) struct buf words = {0};

    words_of_value(&words, t, value);
    add_words(out, (char *)words.at, words.len);
}

/* "at least 60 %, 95 %, 99 %" of tiers 2, 3 and 4 */
static void add_thresholds(struct buf *out, const struct catalog_test *t)
{
    bool first = true;

    buf_addf(out, "%s", words_of_op(t->op));
    if (t->op == CATALOG_EQUAL) {
        add_value(out, t, t->threshold[ASSESS_TIER_MAX]);
        return;
    }
    for (unsigned tier = 2; tier <= ASSESS_TIER_MAX; tier++) {
        buf_addf(out, "%s", first ? " " : " / ");
        first = false;
        if (t->has[tier])
            add_value(out, t, t->threshold[tier]);
        else
            buf_addf(out, "–");
    }
}

static void add_test(struct buf *out, const struct assess_sub *s, const struct assess_test *t)
{
    unsigned tier = s->target > 1 ? s->target : MIN(s->tier + 1, (unsigned)ASSESS_TIER_MAX);
    enum assess_mark m;

    while (tier < ASSESS_TIER_MAX && t->mark[tier] == ASSESS_NOT_ASKED)
        tier++;
    m = t->mark[tier];
    buf_addf(out, "<tr><td class=\"id\">%s</td><td>", strrchr(t->test->id, '.') + 1);
    add_metric(out, t->test);
    buf_addf(out, "</td><td class=\"nowrap %s\">",
             mark_text(m == ASSESS_NOT_APPLICABLE ? ASSESS_UNKNOWN : m));
    if (t->known) {
        buf_addf(out, "%s ", m == ASSESS_PASS ? "✓" : "✗");
        add_value(out, t->test, t->value);
    } else {
        buf_addf(out, "%s", mark_text(m));
    }
    buf_addf(out, "</td><td class=\"nowrap\">");
    add_thresholds(out, t->test);
    buf_addf(out, "</td><td class=\"now\">");
    if (t->known && t->detail != NULL)
        html_text(out, t->detail);
    else if (!t->known && t->why_not != NULL)
        html_text(out, t->why_not);
    if (t->known) {
        char at[CLOCK_TEXT_LEN];

        buf_addf(out, " <span class=\"nowrap\">(%.10s)</span>", clock_format(t->at_unix_ms, at));
    }
    buf_addf(out, "</td></tr>");
}

static void add_attestation(struct buf *out, const struct assess_sub *s)
{
    if (s->attestation == ATTESTATION_NOT_NEEDED)
        return;
    buf_addf(out, "<p class=\"now\">Attestation by the ");
    html_text(out, s->sub->attest_who);
    buf_addf(out, ", due from Tier %u: <span class=\"%s\">%s</span>", s->sub->attest_from_tier,
             s->attestation == ATTESTATION_VALID     ? "pass"
             : s->attestation == ATTESTATION_MISSING ? "unknown"
                                                     : "fail",
             attestation_status_text(s->attestation));
    if (s->attested_by != NULL) {
        char at[CLOCK_TEXT_LEN];

        buf_addf(out, ", ");
        html_text(out, s->attested_by);
        buf_addf(out, ", until %.10s", clock_format(s->attestation_expires_unix_ms, at));
    }
    buf_addf(out, ".</p>");
}

static void add_state(struct buf *out, const struct assess_sub *s)
{
    if (!s->in_profile) {
        buf_addf(out, "not in the target profile");
        return;
    }
    if (s->not_applicable) {
        buf_addf(out, "not applicable");
        return;
    }
    svg_pips(out, s->tier, s->target);
    buf_addf(out, " Tier %u", s->tier);
    if (s->target > 0)
        buf_addf(out, " of %u", s->target);
    if (s->tier_tests > s->tier)
        buf_addf(out, ", tests reach %u", s->tier_tests);
}

static void add_sub(struct buf *out, const struct assess_sub *s)
{
    buf_addf(out, "<div class=\"item\"><h4><span class=\"id\">");
    html_text(out, s->sub->id);
    buf_addf(out, "</span><span>");
    html_text(out, s->sub->name);
    buf_addf(out, "</span><span class=\"end\">");
    add_state(out, s);
    buf_addf(out, "</span></h4>");
    if (s->not_applicable) {
        buf_addf(out, "<p class=\"now\">");
        html_text(out, s->na_reason);
        buf_addf(out, "</p>");
    }
    if (s->in_profile && !s->not_applicable) {
        if (s->next_step != NULL && s->target > s->tier) {
            buf_addf(out, "<p>");
            html_text(out, s->next_step);
            buf_addf(out, "</p>");
        }
        add_attestation(out, s);
        buf_addf(
            out,
            "<div class=\"wide\"><table class=\"evidence\"><colgroup><col class=\"c1\"/>"
            "<col class=\"c2\"/><col class=\"c3\"/><col class=\"c4\"/><col/></colgroup><tbody>");
        for (size_t k = 0; k < s->n_tests; k++)
            add_test(out, s, &s->tests[k]);
        buf_addf(out, "</tbody></table></div>");
    }
    buf_addf(out, "</div>");
}

/** html_details() - Function by Function, category by category */
void html_details(struct buf *out, const struct assessment *a)
{
    unsigned category = UINT32_MAX;

    buf_addf(out, "<h2 class=\"page\">Evidence</h2><p class=\"sub\">Every test with its value, the "
                  "thresholds of Tiers 2 / 3 / 4, and where the value comes from. ✓ and ✗ are "
                  "against the target.</p>");
    for (size_t i = 0; i < a->n_subs; i++) {
        const struct assess_sub *s = &a->subs[i];

        if (s->sub->category != category) {
            const struct catalog_category *k = &a->catalog->categories[s->sub->category];

            category = s->sub->category;
            buf_addf(out, "<h3>");
            html_text(out, a->catalog->functions[k->function].name);
            buf_addf(out, ": ");
            html_text(out, k->name);
            buf_addf(out, "</h3>");
        }
        add_sub(out, s);
    }
}
