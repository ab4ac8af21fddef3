/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/gap.c - what lies between the Current and the Target Profile, most urgent first
 *
 * Order: what law or contract asks for, then what feeds a risk over tolerance,
 * then by risk score points taken away for each day of work; within each of these
 * what nobody can close with this version comes last.  MQ.ID.RM-05
 */
#include "assess/private.h"

#include <stdlib.h>

#include "base/mem.h"

static double effort_of(const struct assess_input *in, const struct assessment *a, size_t i,
                        unsigned to)
{
    const struct assess_sub *s = &a->subs[i];
    double days = 0;

    for (unsigned tier = s->tier + 1; tier <= to; tier++) {
        double own = in->scope != NULL ? in->scope->effort[i * (ASSESS_TIER_MAX + 1) + tier] : 0;

        days += own > 0 ? own : s->sub->effort_days[tier];
    }
    return days;
}

static double gain_of(const struct assess_input *in, unsigned *tiers, size_t i, unsigned to)
{
    unsigned was = tiers[i];
    double before, after;

    if (was >= to)
        return 0;
    before = risk_total(in, tiers);
    tiers[i] = to;
    after = risk_total(in, tiers);
    tiers[i] = was;
    return before - after;
}

static bool feeds_over_tolerance(const struct assessment *a, const struct assess_sub *s)
{
    for (size_t i = 0; i < a->n_risks; i++) {
        if (!a->risks[i].over_tolerance)
            continue;
        for (size_t k = 0; k < s->sub->n_links; k++)
            if (&a->catalog->scenarios[s->sub->links[k].scenario] == a->risks[i].scenario)
                return true;
    }
    return false;
}

/* Nothing fails up to the target: what is missing is evidence, an attestation or a gate. */
static bool lacks_only_evidence(const struct assess_sub *s)
{
    for (size_t k = 0; k < s->n_tests; k++)
        if (s->tests[k].mark[s->target] == ASSESS_FAIL)
            return false;
    return true;
}

/* Something that is asked for at the next tier can neither be measured nor recorded. */
static bool is_out_of_reach(const struct assess_sub *s)
{
    for (size_t k = 0; k < s->n_tests; k++)
        if (s->tests[k].mark[s->tier + 1] == ASSESS_UNKNOWN &&
            source_of(s->tests[k].test) == SOURCE_NOBODY)
            return true;
    return false;
}

static double ratio(const struct assess_gap *g)
{
    return g->effort_days > 0 ? g->gain / g->effort_days : g->gain;
}

static int compare_gaps(const void *a, const void *b)
{
    const struct assess_gap *x = a;
    const struct assess_gap *y = b;
    double rx = ratio(x);
    double ry = ratio(y);

    if (x->must != y->must)
        return y->must - x->must;
    if (x->over_tolerance != y->over_tolerance)
        return y->over_tolerance - x->over_tolerance;
    if (x->out_of_reach != y->out_of_reach)
        return x->out_of_reach - y->out_of_reach;
    if (rx != ry)
        return (rx < ry) - (rx > ry);
    return (x->sub > y->sub) - (x->sub < y->sub);
}

/** gap_run() - every subcategory of the profile below its target; the risks are known by then */
void gap_run(const struct assess_input *in, struct assessment *a)
{
    unsigned *tiers = risk_tiers(a, false);
    unsigned *best = risk_tiers(a, true);

    a->gaps = mem_zero(MAX(a->n_subs, 1) * sizeof(*a->gaps));
    for (size_t i = 0; i < a->n_subs; i++) {
        const struct assess_sub *s = &a->subs[i];
        struct assess_gap *g = &a->gaps[a->n_gaps];

        if (!s->in_profile || s->not_applicable || s->target <= s->tier)
            continue;
        a->n_gaps++;
        *g = (struct assess_gap){
            .sub = s,
            .from = s->tier,
            .to = s->target,
            .gain = gain_of(in, tiers, i, s->target),
            .gain_best = gain_of(in, best, i, s->target),
            .effort_days = effort_of(in, a, i, s->target),
            .must = in->scope != NULL && in->scope->must[i],
            .by_evidence = lacks_only_evidence(s),
            .out_of_reach = is_out_of_reach(s),
        };
        g->over_tolerance = g->gain > 0 && feeds_over_tolerance(a, s);
    }
    qsort(a->gaps, a->n_gaps, sizeof(*a->gaps), compare_gaps);
    free(tiers);
    free(best);
}
