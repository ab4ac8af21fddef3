/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/test_risk.c - the risk model against its worked numbers; MQ.ID.RM-02
 * MQ.ID.RM-03 */
#include "world.h"

#include <math.h>
#include <stdlib.h>

static void all_subcategories_at_one_tier_give_the_worked_table(void **state)
{
    /* clang-format off */
    static const struct {
        const char *scenario;
        double v[3]; /* tiers 2, 3, 4; at tier 1 all are 1 */
        double j[3];
    } table[] = {
        {"R01", {.30, .11, .05}, {.52, .30, .20}},
        {"R02", {.32, .13, .07}, {.51, .30, .20}},
        {"R03", {.36, .15, .08}, {.75, .59, .50}},
        {"R04", {.33, .13, .07}, {.51, .30, .20}},
        {"R05", {.42, .20, .12}, {.50, .29, .20}},
        {"R06", {.44, .22, .13}, {.66, .47, .37}},
        {"R07", {.41, .19, .11}, {.51, .30, .20}},
        {"R08", {.56, .35, .26}, {.51, .29, .20}},
        {"R09", {.85, .75, .69}, {.51, .30, .20}},
        {"R10", {.58, .36, .26}, {.51, .29, .20}},
        {"R11", {.66, .48, .38}, {.74, .57, .47}},
        {"R12", {.78, .64, .56}, {.50, .29, .20}},
    };
    /* clang-format on */
    struct world w = world_new(4);
    unsigned *tiers = calloc(w.catalog->n_subcategories, sizeof(*tiers));

    (void)state;
    assert_int_equal(w.catalog->n_scenarios, COUNT_OF(table));
    for (unsigned tier = 1; tier <= ASSESS_TIER_MAX; tier++) {
        for (size_t i = 0; i < w.catalog->n_subcategories; i++)
            tiers[i] = tier;
        for (unsigned s = 0; s < COUNT_OF(table); s++) {
            double v, j;

            assert_string_equal(w.catalog->scenarios[s].id, table[s].scenario);
            risk_factors(w.catalog, s, tiers, &v, &j);
            print_message("  %s at tier %u: V %.2f J %.2f\n", table[s].scenario, tier, v, j);
            assert_true(fabs(v - (tier == 1 ? 1 : table[s].v[tier - 2])) < 0.005001);
            assert_true(fabs(j - (tier == 1 ? 1 : table[s].j[tier - 2])) < 0.005001);
        }
    }
    free(tiers);
    world_done(&w);
}

static void no_tier_that_rises_makes_a_risk_grow(void **state)
{
    struct world w = world_new(4);
    struct assess_input in = world_input(&w);
    unsigned *tiers = calloc(w.catalog->n_subcategories, sizeof(*tiers));

    (void)state;
    for (size_t i = 0; i < w.catalog->n_subcategories; i++)
        tiers[i] = 1 + (unsigned)i % 3;
    for (size_t i = 0; i < w.catalog->n_subcategories; i++) {
        double before = risk_total(&in, tiers);

        tiers[i]++;
        assert_true(risk_total(&in, tiers) <= before + 1e-12);
    }
    free(tiers);
    world_done(&w);
}

static void own_observations_move_the_frequency_from_its_prior(void **state)
{
    (void)state;
    assert_true(fabs(risk_frequency(0.5, 0, 0) - 0.5) < 1e-12);
    assert_true(fabs(risk_frequency(0.5, 0, 1) - 0.25) < 1e-12);
    assert_true(fabs(risk_frequency(0.5, 9.5, 1) - 5) < 1e-12);
    assert_true(fabs(risk_frequency(50, 100, 9) - 15) < 1e-12);
}

static void levels_are_those_of_sp_800_30(void **state)
{
    /* clang-format off */
    static const struct { double percent; enum assess_level level; } percents[] = {
        {0, ASSESS_VERY_LOW}, {4.4, ASSESS_VERY_LOW}, {4.6, ASSESS_LOW}, {20.4, ASSESS_LOW},
        {20.6, ASSESS_MODERATE}, {79.4, ASSESS_MODERATE}, {79.6, ASSESS_HIGH}, {95.4, ASSESS_HIGH},
        {95.6, ASSESS_VERY_HIGH}, {100, ASSESS_VERY_HIGH},
    };
    static const struct { double per_year; enum assess_level level; } years[] = {
        {0.09, ASSESS_VERY_LOW}, {0.1, ASSESS_LOW}, {0.99, ASSESS_LOW}, {1, ASSESS_MODERATE},
        {10, ASSESS_MODERATE}, {10.1, ASSESS_HIGH}, {100, ASSESS_HIGH}, {101, ASSESS_VERY_HIGH},
    };
    /* initiation, adverse, impact -> risk; corners and the middle of tables G-5 and I-2 */
    static const unsigned char risks[][4] = {
        {4, 4, 4, 4}, {4, 0, 4, 2}, {0, 4, 4, 2}, {0, 0, 4, 1}, {2, 2, 2, 2}, {4, 4, 0, 0},
        {3, 3, 3, 3}, {2, 2, 4, 3}, {1, 1, 4, 2}, {0, 0, 3, 1}, {0, 0, 2, 0}, {2, 4, 3, 3},
        {3, 0, 2, 1}, {1, 4, 2, 2},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(percents); i++)
        assert_int_equal(risk_level_of_percent(percents[i].percent), percents[i].level);
    for (size_t i = 0; i < COUNT_OF(years); i++)
        assert_int_equal(risk_level_of_frequency(years[i].per_year), years[i].level);
    for (size_t i = 0; i < COUNT_OF(risks); i++)
        assert_int_equal(risk_level((enum assess_level)risks[i][0], (enum assess_level)risks[i][1],
                                    (enum assess_level)risks[i][2]),
                         risks[i][3]);
}

static const struct assess_risk *risk_of(const struct assessment *a, const char *scenario,
                                         const char *zone)
{
    for (size_t i = 0; i < a->n_risks; i++)
        if (strcmp(a->risks[i].scenario->id, scenario) == 0 && strcmp(a->risks[i].zone, zone) == 0)
            return &a->risks[i];
    fail_msg("no risk %s in %s", scenario, zone);
    abort(); /* not reached, as the compiler is not told */
}

/* One zone, internal (0.5 a year), impact 80; nothing works: V = J = 1. */
static void a_score_is_the_formula(void **state)
{
    struct world w = world_new(4);
    const struct assess_risk *r;

    (void)state;
    assess_evidence_free(w.evidence);
    w.evidence = assess_evidence_new();
    world_scope(&w,
                "scope: s\nzones:\n  - {name: north, exposure: internal, impact: {supply: 80}}\n");
    r = risk_of(world_run(&w), "R03", "north");
    assert_true(r->frequency == 0.5);
    assert_true(fabs(r->v - 1) < 1e-12 && fabs(r->j - 1) < 1e-12);
    assert_true(fabs(r->score - 100 * (1 - exp(-0.5)) * 0.8) < 1e-9);
    /* Unknown at its best: all but risk management and compliance, which the scope itself shows. */
    assert_true(r->score_best < r->score / 4);
    assert_int_equal(r->level, ASSESS_MODERATE);
    world_done(&w);
}

static void observations_are_shared_out_as_zones_are_exposed(void **state)
{
    struct world w = world_new(4);
    const struct assessment *a;

    (void)state;
    world_scope(&w, "scope: s\nzones:\n"
                    "  - {name: a, exposure: internal, impact: {supply: 80}}\n"  /* 0.5 */
                    "  - {name: b, exposure: corporate, impact: {supply: 20}}\n" /* 2 */
                    "frequencies:\n"
                    "  - {scenario: R01, observed: 10, years: 1.5, reason: incident log}\n"
                    "  - {scenario: R02, events_per_year: 7, reason: sector report}\n");
    a = world_run(&w);
    /* (2.5 + 10) / (1 + 1.5) = 5 in all */
    assert_true(fabs(risk_of(a, "R01", "a")->frequency - 1) < 1e-9);
    assert_true(fabs(risk_of(a, "R01", "b")->frequency - 4) < 1e-9);
    assert_true(fabs(risk_of(a, "R02", "a")->frequency - 7) < 1e-9);
    assert_true(fabs(risk_of(a, "R03", "b")->frequency - 2) < 1e-9);
    world_done(&w);
}

static void a_risk_is_over_tolerance_when_its_level_passes_that_of_an_area(void **state)
{
    struct world w = world_new(4);

    (void)state;
    assess_evidence_free(w.evidence);
    w.evidence = assess_evidence_new();
    world_scope(&w, "scope: s\nzones:\n  - {name: n, exposure: internet, impact: {supply: 90}}\n"
                    "tolerance: {areas: {supply: high}}\n");
    assert_false(risk_of(world_run(&w), "R01", "n")->over_tolerance);
    assert_int_equal(risk_of(w.result, "R01", "n")->level, ASSESS_HIGH);
    assert_true(risk_of(w.result, "R01", "n")->has_tolerance);
    world_scope(&w, "scope: s\nzones:\n  - {name: n, exposure: internet, impact: {supply: 90}}\n"
                    "tolerance: {areas: {supply: moderate}}\n");
    assert_true(risk_of(world_run(&w), "R01", "n")->over_tolerance);
    /* The tolerance of an area that the zone does not touch says nothing. */
    world_scope(&w, "scope: s\nzones:\n  - {name: n, exposure: internet, impact: {supply: 90}}\n"
                    "tolerance: {areas: {safety: very low}}\n");
    assert_false(risk_of(world_run(&w), "R01", "n")->over_tolerance);
    assert_false(risk_of(w.result, "R01", "n")->has_tolerance);
    world_done(&w);
}

static void without_a_scope_one_zone_is_assumed_and_that_is_told(void **state)
{
    struct world w = world_new(4);
    bool told = false;

    (void)state;
    w.scope = assess_scope_free(w.scope);
    world_run(&w);
    assert_int_equal(w.result->n_risks, 12);
    for (size_t i = 0; i < w.result->n_notes; i++)
        told |= strstr(w.result->notes[i], "one assumed zone") != NULL;
    assert_true(told);
    world_done(&w);
}

/* ---- gaps ---- */

static void gaps_are_what_lies_below_target_in_order_of_duty_and_of_gain_for_effort(void **state)
{
    struct world w = world_new(3);
    const struct assessment *a;

    (void)state;
    world_scope(&w, "scope: s\napproved_by: x\napproved_at: 2026-01-01\n"
                    "zones:\n  - {name: n, exposure: internal, impact: {supply: 90}}\n"
                    "tolerance: {approved_by: x, approved_at: 2026-01-01, areas: {supply: high}}\n"
                    "obligations:\n  - {name: act, source: law, owner: legal, "
                    "reviewed_at: 2026-02-01, covers: [MQ.PR.SA-01]}\n"
                    "min_samples:\n  - {tests: [MQ.ID.EA-03.t1], at_least: 1, reason: r}\n"
                    "effort_days: {MQ.PR.IA-03: {2: 1, 3: 2}, MQ.PR.SP-07: {2: 1, 3: 2}}\n");
    world_measure(&w, "MQ.PR.SA-01.t1", 0.1, 100, NOW); /* law */
    world_measure(&w, "MQ.PR.IA-03.t1", 9, 10, NOW);    /* a strong control */
    world_measure(&w, "MQ.PR.SP-07.t4", 0, 1, NOW);     /* a weaker one for the same effort */
    a = world_run(&w);
    assert_int_equal(a->n_gaps, 3);
    assert_string_equal(a->gaps[0].sub->sub->id, "MQ.PR.SA-01");
    assert_true(a->gaps[0].must);
    assert_true(a->gaps[0].effort_days ==
                a->gaps[0].sub->sub->effort_days[2] + a->gaps[0].sub->sub->effort_days[3]);
    assert_true(a->gaps[1].gain > a->gaps[2].gain);
    assert_string_equal(a->gaps[1].sub->sub->id, "MQ.PR.IA-03");
    assert_int_equal(a->gaps[1].from, 1);
    assert_int_equal(a->gaps[1].to, 3);
    assert_true(a->gaps[1].effort_days == 3);
    assert_false(a->gaps[1].by_evidence);
    world_done(&w);
}

static void the_gain_of_a_gap_is_the_risk_that_closing_it_takes_away(void **state)
{
    struct world w = world_new(3);
    struct assess_input in = world_input(&w);
    const struct assessment *a;
    unsigned *tiers;
    double before, after;
    size_t i;

    (void)state;
    world_measure(&w, "MQ.PR.IA-03.t1", 9, 10, NOW);
    a = world_run(&w);
    in.evidence = w.evidence;
    tiers = risk_tiers(a, false);
    i = (size_t)(a->gaps[0].sub->sub - w.catalog->subcategories);
    before = risk_total(&in, tiers);
    tiers[i] = 3;
    after = risk_total(&in, tiers);
    free(tiers);
    assert_true(fabs(a->gaps[0].gain - (before - after)) < 1e-12);
    assert_true(before > after);
    world_done(&w);
}

static void where_only_evidence_lacks_the_gap_says_so(void **state)
{
    struct world w = world_new(3);
    const struct assessment *a;

    (void)state;
    world_forget(&w, "MQ.PR.IA-03.t1");
    a = world_run(&w);
    assert_int_equal(a->n_gaps, 1);
    assert_true(a->gaps[0].by_evidence);
    assert_true(a->gaps[0].gain > 0);
    assert_true(a->gaps[0].gain_best == 0); /* were it known and good, nothing would be gained */
    world_done(&w);
}

static void efforts_of_the_scope_go_before_those_of_the_catalogue(void **state)
{
    struct world w = world_new(3);
    CLEANUP(buf_done) struct buf yaml = {0};

    (void)state;
    world_measure(&w, "MQ.PR.IA-03.t1", 9, 10, NOW);
    buf_addf(&yaml, "%seffort_days:\n  MQ.PR.IA-03: {2: 0.5, 3: 1.5}\n", world_scope_yaml);
    buf_add_u8(&yaml, 0);
    world_scope(&w, (char *)yaml.at);
    assert_true(world_run(&w)->gaps[0].effort_days == 2);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_subcategories_at_one_tier_give_the_worked_table),
        cmocka_unit_test(no_tier_that_rises_makes_a_risk_grow),
        cmocka_unit_test(own_observations_move_the_frequency_from_its_prior),
        cmocka_unit_test(levels_are_those_of_sp_800_30),
        cmocka_unit_test(a_score_is_the_formula),
        cmocka_unit_test(observations_are_shared_out_as_zones_are_exposed),
        cmocka_unit_test(a_risk_is_over_tolerance_when_its_level_passes_that_of_an_area),
        cmocka_unit_test(without_a_scope_one_zone_is_assumed_and_that_is_told),
        cmocka_unit_test(gaps_are_what_lies_below_target_in_order_of_duty_and_of_gain_for_effort),
        cmocka_unit_test(the_gain_of_a_gap_is_the_risk_that_closing_it_takes_away),
        cmocka_unit_test(where_only_evidence_lacks_the_gap_says_so),
        cmocka_unit_test(efforts_of_the_scope_go_before_those_of_the_catalogue),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
