/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assess/risk.c - how likely, how bad: SP 800-30 levels over zones, by the tiers that tests reach
 *
 *   frequency  lambda = (m tau + n) / (tau + T), tau = 1 year; m from the zone's exposure, n events
 *              of our own in T years (Gamma-Poisson)
 *   V          product over controls with role L of (1 - w e(tier)) ^ kappa
 *   J          the same over roles I and D, with its own kappa
 *   kappa      min(kappa_max, ln floor / ln product at tier 4): all at tier 4 gives the floor
 *   score      100 (1 - e^(-lambda V)) (impact / 100) J
 *
 * Layers are taken as independent.  Tiers by tests are used, without gates: a
 * safeguard that works does so before a policy about it is signed.  Scores rank;
 * what is shown is the level.  MQ.ID.RM-02 MQ.ID.RM-03
 */
#include "assess/private.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define TAU_YEARS 1.0

/* Without a scope: one zone, exposed as an internal control network, of moderate impact. */
static const struct scope_zone assumed = {
    .name = (char *)(uintptr_t) "whole node (assumed)",
    .events_per_year = 0.5,
    .impact = {[AREA_SUPPLY] = 50},
    .has_impact = {[AREA_SUPPLY] = true},
};

/** assess_level_text() - static */
const char *assess_level_text(enum assess_level l)
{
    static const char *const texts[] = {"very low", "low", "moderate", "high", "very high"};

    return texts[l];
}

static double power_of(const struct catalog *c, double product_at_4, double floor)
{
    return product_at_4 >= 1 ? 1 : MIN(c->kappa_max, log(floor) / log(product_at_4));
}

/**
 * risk_factors() - what the controls leave of likelihood and of impact
 * @tiers: by subcategory, 1 to 4
 * @ret_v: vulnerability, 0 to 1
 * @ret_j: impact factor, 0 to 1
 */
void risk_factors(const struct catalog *c, unsigned scenario, const unsigned *tiers, double *ret_v,
                  double *ret_j)
{
    double now[2] = {1, 1};
    double at_4[2] = {1, 1};

    for (size_t i = 0; i < c->n_subcategories; i++) {
        const struct catalog_subcategory *s = &c->subcategories[i];

        for (size_t k = 0; k < s->n_links; k++) {
            const struct catalog_link *l = &s->links[k];
            unsigned which = l->role == 'L' ? 0 : 1;

            if (l->scenario != scenario)
                continue;
            now[which] *= 1 - l->weight * c->effectiveness[tiers[i]];
            at_4[which] *= 1 - l->weight * c->effectiveness[ASSESS_TIER_MAX];
        }
    }
    *ret_v = pow(now[0], power_of(c, at_4[0], c->likelihood_floor));
    *ret_j = pow(now[1], power_of(c, at_4[1], c->impact_floor));
}

/** risk_frequency() - events a year, from a prior and what was seen in @years */
double risk_frequency(double prior, double observed, double years)
{
    return (prior * TAU_YEARS + observed) / (TAU_YEARS + years);
}

/** risk_level_of_percent() - SP 800-30 bins 0-4, 5-20, 21-79, 80-95, 96-100 */
enum assess_level risk_level_of_percent(double percent)
{
    double p = round(percent);

    return p >= 96   ? ASSESS_VERY_HIGH
           : p >= 80 ? ASSESS_HIGH
           : p >= 21 ? ASSESS_MODERATE
           : p >= 5  ? ASSESS_LOW
                     : ASSESS_VERY_LOW;
}

/** risk_level_of_frequency() - SP 800-30 table G-3 */
enum assess_level risk_level_of_frequency(double events_per_year)
{
    return events_per_year > 100   ? ASSESS_VERY_HIGH
           : events_per_year > 10  ? ASSESS_HIGH
           : events_per_year >= 1  ? ASSESS_MODERATE
           : events_per_year >= .1 ? ASSESS_LOW
                                   : ASSESS_VERY_LOW;
}

/** risk_level() - SP 800-30 tables G-5 (overall likelihood) and I-2 (risk) */
enum assess_level risk_level(enum assess_level initiation, enum assess_level adverse,
                             enum assess_level impact)
{
    enum { VL, L, M, H, VH };
    /* clang-format off */
    static const unsigned char likelihood[5][5] = { /* [initiation][adverse] */
        {VL, VL, L, L, L},
        {VL, L,  L, M, M},
        {L,  L,  M, M, H},
        {L,  M,  M, H, VH},
        {L,  M,  H, VH, VH},
    };
    static const unsigned char risk[5][5] = { /* [likelihood][impact] */
        {VL, VL, VL, L, L},
        {VL, L,  L,  L, M},
        {VL, L,  M,  M, H},
        {VL, L,  M,  H, VH},
        {VL, L,  M,  H, VH},
    };
    /* clang-format on */

    return (enum assess_level)risk[likelihood[initiation][adverse]][impact];
}

static const struct scope_zone *zones_of(const struct assess_input *in, size_t *ret_n)
{
    bool has_zones = in->scope != NULL && in->scope->n_zones > 0;

    *ret_n = has_zones ? in->scope->n_zones : 1;
    return has_zones ? in->scope->zones : &assumed;
}

static double impact_of(const struct scope_zone *z)
{
    double most = 0;

    for (unsigned a = 0; a < AREA_N; a++)
        most = z->has_impact[a] ? MAX(most, z->impact[a]) : most;
    return most;
}

static double prior_of(const struct assess_input *in, unsigned scenario, const struct scope_zone *z)
{
    bool is_own = in->scope != NULL && in->scope->scenarios[scenario].has_frequency;

    return is_own ? in->scope->scenarios[scenario].events_per_year : z->events_per_year;
}

/* What was observed is shared out among the zones as their priors are. */
static double frequency_of(const struct assess_input *in, unsigned scenario,
                           const struct scope_zone *z)
{
    const struct scope_scenario *s = in->scope != NULL ? &in->scope->scenarios[scenario] : NULL;
    double prior = prior_of(in, scenario, z);
    double total = 0;
    size_t n;
    const struct scope_zone *all = zones_of(in, &n);

    if (s == NULL || !s->has_observed)
        return prior;
    for (size_t i = 0; i < n; i++)
        total += prior_of(in, scenario, &all[i]);
    return risk_frequency(total, s->observed, s->years) * prior / total;
}

static double score(double frequency, double v, double j, double impact)
{
    return 100 * (1 - exp(-frequency * v)) * (impact / 100) * j;
}

static enum assess_level level_of(double frequency, double v, double j, double impact)
{
    return risk_level(risk_level_of_frequency(frequency), risk_level_of_percent(100 * v),
                      risk_level_of_percent(impact * j));
}

/* Over the tolerance of any impact area that the zone uses. */
static void compare_with_tolerance(const struct assess_input *in, const struct scope_zone *z,
                                   struct assess_risk *r)
{
    for (unsigned a = 0; in->scope != NULL && a < AREA_N; a++) {
        if (!z->has_impact[a] || !in->scope->has_tolerance[a])
            continue;
        r->has_tolerance = true;
        r->over_tolerance |=
            level_of(r->frequency, r->v, r->j, z->impact[a]) > in->scope->tolerance[a];
    }
}

/** risk_tiers() - by subcategory, what tests reach; freed by the caller */
unsigned *risk_tiers(const struct assessment *a, bool unknown_passes)
{
    unsigned *tiers = mem_zero(MAX(a->n_subs, 1) * sizeof(*tiers));

    for (size_t i = 0; i < a->n_subs; i++)
        tiers[i] = unknown_passes ? a->subs[i].tier_best : a->subs[i].tier_tests;
    return tiers;
}

/** risk_total() - the sum of the scores of all scenarios over all zones */
double risk_total(const struct assess_input *in, const unsigned *tiers)
{
    size_t n_zones;
    const struct scope_zone *zones = zones_of(in, &n_zones);
    double total = 0;

    for (unsigned s = 0; s < in->catalog->n_scenarios; s++) {
        double v, j;

        risk_factors(in->catalog, s, tiers, &v, &j);
        for (size_t z = 0; z < n_zones; z++)
            total += score(frequency_of(in, s, &zones[z]), v, j, impact_of(&zones[z]));
    }
    return total;
}

static int compare_risks(const void *a, const void *b)
{
    const struct assess_risk *x = a;
    const struct assess_risk *y = b;

    if (x->over_tolerance != y->over_tolerance)
        return y->over_tolerance - x->over_tolerance;
    if (x->level != y->level)
        return (int)y->level - (int)x->level;
    return (x->score < y->score) - (x->score > y->score);
}

/** risk_run() - every scenario in every zone, worst first */
void risk_run(const struct assess_input *in, struct assessment *a)
{
    size_t n_zones;
    const struct scope_zone *zones = zones_of(in, &n_zones);
    unsigned *tiers = risk_tiers(a, false);
    unsigned *best = risk_tiers(a, true);

    if (zones == &assumed)
        note_add(a, "No zones are declared in the scope: risks are computed for one assumed zone "
                    "(exposure internal, impact 50 of 100). They rank; they do not measure.");
    a->risks = mem_zero(MAX(n_zones * in->catalog->n_scenarios, 1) * sizeof(*a->risks));
    for (unsigned s = 0; s < in->catalog->n_scenarios; s++) {
        double v, j, best_v, best_j;

        risk_factors(in->catalog, s, tiers, &v, &j);
        risk_factors(in->catalog, s, best, &best_v, &best_j);
        for (size_t z = 0; z < n_zones; z++) {
            struct assess_risk *r = &a->risks[a->n_risks++];
            double f = frequency_of(in, s, &zones[z]);
            double impact = impact_of(&zones[z]);

            *r = (struct assess_risk){
                .scenario = &in->catalog->scenarios[s],
                .zone = zones[z].name,
                .frequency = f,
                .v = v,
                .j = j,
                .score = score(f, v, j, impact),
                .score_best = score(f, best_v, best_j, impact),
                .level = level_of(f, v, j, impact),
                .level_best = level_of(f, best_v, best_j, impact),
            };
            compare_with_tolerance(in, &zones[z], r);
        }
    }
    qsort(a->risks, a->n_risks, sizeof(*a->risks), compare_risks);
    free(tiers);
    free(best);
}
