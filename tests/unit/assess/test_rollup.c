/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/test_rollup.c - the minimum goes up, coverage caps, what does not apply stays
 * out */
#include "world.h"

static void the_lowest_subcategory_is_the_category_the_function_and_the_organisation(void **state)
{
    struct world w = world_new(4);
    const struct assessment *a;

    (void)state;
    world_measure(&w, "MQ.DE.NM-01.t1", 2, 1, NOW); /* two of four keys: tier 2 */
    a = world_run(&w);
    assert_int_equal(world_tier(a, "MQ.DE.NM-01"), 2);
    assert_int_equal(world_category(a, "MQ.DE.NM")->tier, 2);
    assert_int_equal(world_category(a, "MQ.DE.ID")->tier, 4);
    for (size_t f = 0; f < a->n_functions; f++)
        assert_int_equal(a->functions[f].tier, strcmp(a->functions[f].id, "MQ.DE") == 0 ? 2 : 4);
    assert_int_equal(a->organisation.tier, 2);
    assert_true(a->organisation.mean > 3.9); /* the mean would hide it */
    world_done(&w);
}

static void the_organisation_does_not_pass_its_risk_management(void **state)
{
    struct world w = world_new(4);
    const struct assessment *a;

    (void)state;
    world_target(&w, "profile: p\napproved_by: x\napproved_at: 2026-01-01\n"
                     "include: [MQ.ID.RM, MQ.DE]\ntiers: {MQ: 3}\n");
    world_measure(&w, "MQ.ID.RM-02.t3", 0, 1, NOW);
    a = world_run(&w);
    assert_int_equal(world_category(a, "MQ.ID.RM")->tier, 1);
    assert_int_equal(a->organisation.tier, 1);
    world_done(&w);
}

/* Coverage counts tests up to the target; MQ.PR.IP has 5 subcategories, 21 tests. */
static void below_80_percent_coverage_a_category_holds_at_tier_2(void **state)
{
    struct world w = world_new(4);
    const struct assessment *a;
    const struct assess_rollup *r;

    (void)state;
    /* Tests that tier 2 does not ask for are forgotten: the tier by tests stays 2 or more. */
    world_target(&w, "profile: p\napproved_by: x\napproved_at: 2026-01-01\ntiers: {MQ: 4}\n");
    world_forget(&w, "MQ.PR.IP-01.t2");
    a = world_run(&w);
    r = world_category(a, "MQ.PR.IP");
    assert_true(r->coverage > 0.8);
    assert_int_equal(r->tier, 2);
    assert_false(r->capped); /* the unknown test itself holds it */

    /* Take subcategory IP-01 out: the rest is at tier 4 with full coverage. */
    world_target(&w, "profile: p\napproved_by: x\napproved_at: 2026-01-01\ntiers: {MQ: 4}\n"
                     "not_applicable:\n  - {id: MQ.PR.IP-01, reason: r, approver: a, "
                     "expires: 2027-01-01}\n");
    a = world_run(&w);
    assert_int_equal(world_category(a, "MQ.PR.IP")->tier, 4);
    assert_true(world_category(a, "MQ.PR.IP")->coverage == 1);
    world_done(&w);
}

static void coverage_caps_by_itself(void **state)
{
    struct world w = world_new(4);
    struct catalog_subcategory *s;
    const struct assess_rollup *r;

    (void)state;
    /* MQ.DE.NM: two subcategories with 7 tests.  Its thresholds of tier 4 are taken away from three
     * tests, so that not knowing them holds nothing back at tiers 2 and 3 but they are asked... */
    world_target(&w, "profile: p\napproved_by: x\napproved_at: 2026-01-01\ntiers: {MQ: 4}\n");
    for (size_t i = 0; i < w.catalog->n_subcategories; i++) {
        s = &w.catalog->subcategories[i];
        if (strncmp(s->id, "MQ.DE.NM", 8) != 0)
            continue;
        for (size_t k = 0; k < 1; k++) {
            s->tests[k].has[2] = s->tests[k].has[3] = false;
            world_forget(&w, s->tests[k].id);
        }
    }
    r = world_category(world_run(&w), "MQ.DE.NM");
    assert_true(r->coverage < 0.8); /* 5 of 7 */
    assert_int_equal(world_tier(w.result, "MQ.DE.NM-01"), 3);
    assert_int_equal(world_tier(w.result, "MQ.DE.NM-02"), 3);
    assert_true(r->capped);
    assert_int_equal(r->tier, 2);
    world_done(&w);
}

static void what_is_not_applicable_or_not_in_the_profile_is_left_out_and_told(void **state)
{
    struct world w = world_new(4);
    const struct assessment *a;
    bool told = false;

    (void)state;
    world_measure(&w, "MQ.PR.CL-03.t1", 0, 100, NOW);
    assert_int_equal(world_category(world_run(&w), "MQ.PR.CL")->tier, 1);
    world_target(&w, "profile: p\napproved_by: x\napproved_at: 2026-01-01\ntiers: {MQ: 3}\n"
                     "not_applicable:\n  - {id: MQ.PR.CL-03, reason: no people log in, "
                     "approver: CISO, expires: 2027-01-01}\n");
    a = world_run(&w);
    assert_int_equal(world_category(a, "MQ.PR.CL")->tier, 4);
    for (size_t i = 0; i < a->n_notes; i++)
        told |= strstr(a->notes[i], "no people log in (approved by CISO)") != NULL;
    assert_true(told);

    /* Past its expiry it counts again. */
    world_target(&w, "profile: p\napproved_by: x\napproved_at: 2026-01-01\ntiers: {MQ: 3}\n"
                     "not_applicable:\n  - {id: MQ.PR.CL-03, reason: no people log in, "
                     "approver: CISO, expires: 2026-02-27}\n");
    assert_int_equal(world_category(world_run(&w), "MQ.PR.CL")->tier, 1);

    world_target(&w, "profile: p\napproved_by: x\napproved_at: 2026-01-01\ntiers: {MQ: 3}\n"
                     "include: [MQ.ID, MQ.DE]\n");
    a = world_run(&w);
    assert_int_equal(world_category(a, "MQ.PR.CL")->tier, 0);
    assert_int_equal(a->organisation.tier, 4);
    world_done(&w);
}

static void an_attestation_missing_at_its_tier_holds_the_subcategory_below(void **state)
{
    struct world w = world_new(4);

    (void)state;
    /* MQ.ID.AM-01 asks for one from tier 3, MQ.ID.RM-01 from tier 2. */
    world_attestations(
        &w, world_without(world_without(world_statements(&w), "statement", "MQ.ID.AM-01"),
                          "statement", "MQ.ID.RM-01"));
    assert_int_equal(world_tier(world_run(&w), "MQ.ID.AM-01"), 2);
    assert_int_equal(world_tier(w.result, "MQ.ID.RM-01"), 1);
    assert_int_equal(world_tier(w.result, "MQ.ID.AM-02"), 4);
    world_done(&w);
}

static void an_attestation_never_outvotes_a_failed_test(void **state)
{
    struct world w = world_new(4);

    (void)state;
    world_measure(&w, "MQ.ID.AM-01.t1", 0.1, 1000, NOW);
    assert_int_equal(world_sub(world_run(&w), "MQ.ID.AM-01")->attestation, ATTESTATION_VALID);
    assert_int_equal(world_tier(w.result, "MQ.ID.AM-01"), 1);
    world_done(&w);
}

static void coverage_is_full_where_all_is_known_and_falls_with_each_that_is_not(void **state)
{
    struct world w = world_new(4);
    double before;

    (void)state;
    before = world_run(&w)->organisation.coverage;
    assert_true(before == 1);
    for (unsigned i = 1; i <= 4; i++) {
        char id[24];

        (void)snprintf(id, sizeof(id), "MQ.PR.SP-02.t%u", i);
        world_forget(&w, id);
        assert_true(world_run(&w)->organisation.coverage < before);
        before = w.result->organisation.coverage;
    }
    assert_int_equal(w.result->organisation.n_asked - w.result->organisation.n_known, 4);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_subcategory_is_the_category_the_function_and_the_organisation),
        cmocka_unit_test(the_organisation_does_not_pass_its_risk_management),
        cmocka_unit_test(below_80_percent_coverage_a_category_holds_at_tier_2),
        cmocka_unit_test(coverage_caps_by_itself),
        cmocka_unit_test(what_is_not_applicable_or_not_in_the_profile_is_left_out_and_told),
        cmocka_unit_test(an_attestation_missing_at_its_tier_holds_the_subcategory_below),
        cmocka_unit_test(an_attestation_never_outvotes_a_failed_test),
        cmocka_unit_test(coverage_is_full_where_all_is_known_and_falls_with_each_that_is_not),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
