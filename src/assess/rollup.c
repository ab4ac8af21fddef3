/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/rollup.c - categories, Functions, the organisation: the minimum of what is below
 *
 * A mean would let one good safeguard pay for a missing one; it is kept beside
 * the tier for the trend.  Below 80 % coverage a category holds at tier 2, and
 * the organisation never passes its risk management (MQ.ID.RM).
 */
#include "assess/private.h"

#define RISK_MANAGEMENT "MQ.ID.RM"

struct sums {
    double tiers;
    size_t n;
};

static bool counts(const struct assess_sub *s)
{
    return s->in_profile && !s->not_applicable;
}

/* Tests asked for up to the target, at least up to tier 2; all of them without a target. */
static void cover(const struct assess_sub *s, struct assess_rollup *r)
{
    unsigned upto = s->target == 0 ? ASSESS_TIER_MAX : MAX(s->target, 2);

    for (size_t k = 0; k < s->n_tests; k++) {
        enum assess_mark m = s->tests[k].mark[upto];

        r->n_asked += m != ASSESS_NOT_ASKED;
        r->n_known += m == ASSESS_PASS || m == ASSESS_FAIL || m == ASSESS_NOT_APPLICABLE;
    }
}

static unsigned min_but_zero(unsigned a, unsigned b)
{
    return a == 0 ? b : b == 0 ? a : MIN(a, b);
}

static void add_sub(struct assess_rollup *r, struct sums *sum, const struct assess_sub *s)
{
    if (!counts(s))
        return;
    r->tier = min_but_zero(r->tier, s->tier);
    r->target = min_but_zero(r->target, s->target);
    sum->tiers += s->tier;
    sum->n++;
    cover(s, r);
}

static void finish(struct assess_rollup *r, const struct sums *sum)
{
    r->mean = sum->n > 0 ? sum->tiers / (double)sum->n : 0;
    r->coverage = r->n_asked > 0 ? (double)r->n_known / (double)r->n_asked : 1;
}

static void categories(const struct assess_input *in, struct assessment *a)
{
    for (unsigned k = 0; k < a->n_categories; k++) {
        struct assess_rollup *r = &a->categories[k];
        struct sums sum = {0};

        r->id = in->catalog->categories[k].id;
        r->name = in->catalog->categories[k].name;
        for (size_t i = 0; i < a->n_subs; i++)
            if (a->subs[i].sub->category == k)
                add_sub(r, &sum, &a->subs[i]);
        finish(r, &sum);
        r->capped = r->coverage < COVERAGE_MIN && r->tier > COVERAGE_TIER_MAX;
        if (r->capped)
            r->tier = COVERAGE_TIER_MAX;
    }
}

static void functions(const struct assess_input *in, struct assessment *a)
{
    for (unsigned f = 0; f < a->n_functions; f++) {
        struct assess_rollup *r = &a->functions[f];
        struct sums sum = {0};

        r->id = in->catalog->functions[f].id;
        r->name = in->catalog->functions[f].name;
        for (size_t i = 0; i < a->n_subs; i++)
            if (in->catalog->categories[a->subs[i].sub->category].function == f)
                add_sub(r, &sum, &a->subs[i]);
        finish(r, &sum);
        r->tier = 0;
        for (unsigned k = 0; k < a->n_categories; k++) {
            if (in->catalog->categories[k].function != f)
                continue;
            r->tier = min_but_zero(r->tier, a->categories[k].tier);
            r->capped |= a->categories[k].capped;
        }
    }
}

/** rollup_run() - the tiers of categories, Functions and the organisation */
void rollup_run(const struct assess_input *in, struct assessment *a)
{
    struct assess_rollup *o = &a->organisation;
    struct sums sum = {0};

    categories(in, a);
    functions(in, a);
    for (size_t i = 0; i < a->n_subs; i++)
        add_sub(o, &sum, &a->subs[i]);
    finish(o, &sum);
    o->id = "MQ";
    o->name = "Organisation";
    o->tier = 0;
    for (size_t f = 0; f < a->n_functions; f++)
        o->tier = min_but_zero(o->tier, a->functions[f].tier);
    for (size_t k = 0; k < a->n_categories; k++)
        if (strcmp(a->categories[k].id, RISK_MANAGEMENT) == 0 && a->categories[k].tier > 0)
            o->tier = MIN(o->tier, a->categories[k].tier);
}
