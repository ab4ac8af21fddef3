/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/test_tier.c - tests, attestations and gates make the tier; MQ.ID.RM */
#include "world.h"

static void where_everything_is_at_a_tier_that_is_the_tier(void **state)
{
    (void)state;
    for (unsigned tier = 2; tier <= ASSESS_TIER_MAX; tier++) {
        struct world w = world_new(tier);
        const struct assessment *a = world_run(&w);

        print_message("  tier %u\n", tier);
        for (size_t i = 0; i < a->n_subs; i++) {
            const struct assess_sub *s = &a->subs[i];

            /* Some have the same thresholds at the next tier, and pass them too. */
            if (s->tier_tests < tier)
                fail_msg("%s is at %u by its tests: %s", s->sub->id, s->tier_tests, s->blocker);
            if (s->tier < tier)
                fail_msg("%s is held at %u: %s", s->sub->id, s->tier, s->blocker);
        }
        assert_int_equal(a->organisation.tier, tier);
        world_done(&w);
    }
}

static void without_evidence_everything_is_unknown_and_tier_1(void **state)
{
    struct world w = world_new(4);
    const struct assessment *a;

    (void)state;
    assess_evidence_free(w.evidence);
    w.evidence = assess_evidence_new();
    w.scope = assess_scope_free(w.scope);
    w.attestations = assess_attestations_free(w.attestations); /* a signed review is evidence */
    a = world_run(&w);
    for (size_t i = 0; i < a->n_subs; i++) {
        assert_int_equal(a->subs[i].tier, 1);
        for (size_t k = 0; k < a->subs[i].n_tests; k++) {
            const struct assess_test *t = &a->subs[i].tests[k];

            if (strcmp(t->test->metric, "pr_ia_04_tier") == 0) /* the assessment's own */
                continue;
            assert_false(t->known);
            assert_string_equal(t->why_not, "no evidence");
            assert_int_equal(t->mark[4], ASSESS_UNKNOWN);
        }
    }
    assert_int_equal(a->organisation.tier, 1);
    assert_true(a->organisation.coverage < 0.01);
    world_done(&w);
}

/* MQ.ID.AM-01.t1: at least 0.9, 0.99, 1.0 from 20 samples in 30 d */
static void one_test_against_its_thresholds(void **state)
{
    /* clang-format off */
    static const struct {
        const char *what;
        double value;
        uint64_t samples;
        uint64_t age_days;
        const char *why_not; /* NULL: known */
        enum assess_mark marks[3];
        unsigned tier;
    } cases[] = {
        {"at the top",             1,      20,  0,  NULL, {ASSESS_PASS, ASSESS_PASS, ASSESS_PASS}, 4},
        {"just at tier 3",         0.99,   20,  0,  NULL, {ASSESS_PASS, ASSESS_PASS, ASSESS_FAIL}, 3},
        {"just under tier 3",      0.9899, 20,  0,  NULL, {ASSESS_PASS, ASSESS_FAIL, ASSESS_FAIL}, 2},
        {"just under tier 2",      0.8999, 20,  0,  NULL, {ASSESS_FAIL, ASSESS_FAIL, ASSESS_FAIL}, 1},
        {"too few samples",        1,      19,  0,  "19 samples, 20 needed", {ASSESS_UNKNOWN, ASSESS_UNKNOWN, ASSESS_UNKNOWN}, 1},
        {"few, and bad",           0,      3,   0,  "3 samples, 20 needed",  {ASSESS_UNKNOWN, ASSESS_UNKNOWN, ASSESS_UNKNOWN}, 1},
        {"as old as is used",      1,      20,  35, NULL, {ASSESS_PASS, ASSESS_PASS, ASSESS_PASS}, 4},
        {"older",                  1,      20,  36, "evidence older than 35 d", {ASSESS_UNKNOWN, ASSESS_UNKNOWN, ASSESS_UNKNOWN}, 1},
    };
    /* clang-format on */
    struct world w = world_new(4);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct assessment *a;
        const struct assess_test *t;

        print_message("  %s\n", cases[i].what);
        world_measure(&w, "MQ.ID.AM-01.t1", cases[i].value, cases[i].samples,
                      NOW - cases[i].age_days * DAY_MS);
        a = world_run(&w);
        t = world_test(a, "MQ.ID.AM-01.t1");
        assert_int_equal(t->known, cases[i].why_not == NULL);
        if (cases[i].why_not != NULL)
            assert_string_equal(t->why_not, cases[i].why_not);
        for (unsigned k = 0; k < 3; k++)
            assert_int_equal(t->mark[k + 2], cases[i].marks[k]);
        assert_int_equal(world_tier(a, "MQ.ID.AM-01"), cases[i].tier);
    }
    world_done(&w);
}

static void evidence_from_the_future_is_none(void **state)
{
    struct world w = world_new(4);

    (void)state;
    world_measure(&w, "MQ.ID.AM-01.t1", 1, 100, NOW + DAY_MS);
    assert_string_equal(world_test(world_run(&w), "MQ.ID.AM-01.t1")->why_not,
                        "dated in the future");
    world_done(&w);
}

static void a_drill_is_evidence_for_its_window_of_a_year(void **state)
{
    struct world w = world_new(4);

    (void)state;
    world_measure(&w, "MQ.DE.ID-02.t1", 1, 100, NOW - 365 * DAY_MS);
    assert_true(world_test(world_run(&w), "MQ.DE.ID-02.t1")->known);
    world_measure(&w, "MQ.DE.ID-02.t1", 1, 100, NOW - 366 * DAY_MS);
    assert_false(world_test(world_run(&w), "MQ.DE.ID-02.t1")->known);
    world_done(&w);
}

/* MQ.ID.AM-01.t3 has thresholds at tiers 3 and 4 only. */
static void a_test_that_is_not_asked_at_a_tier_does_not_hold_it_back(void **state)
{
    struct world w = world_new(4);
    const struct assessment *a;

    (void)state;
    world_measure(&w, "MQ.ID.AM-01.t3", 1000, 100, NOW);
    a = world_run(&w);
    assert_int_equal(world_test(a, "MQ.ID.AM-01.t3")->mark[2], ASSESS_NOT_ASKED);
    assert_int_equal(world_test(a, "MQ.ID.AM-01.t3")->mark[3], ASSESS_FAIL);
    assert_int_equal(world_tier(a, "MQ.ID.AM-01"), 2);
    world_done(&w);
}

/* A threshold that is given at tier 2 and not again holds at tiers 3 and 4 too. */
static void thresholds_are_inherited_upwards(void **state)
{
    struct world w = world_new(4);
    struct catalog_subcategory *s = &w.catalog->subcategories[0];

    (void)state;
    for (size_t i = 0; i < w.catalog->n_subcategories; i++)
        for (size_t k = 0; k < w.catalog->subcategories[i].n_tests; k++) {
            const struct catalog_test *t = &w.catalog->subcategories[i].tests[k];

            for (unsigned tier = 3; tier <= ASSESS_TIER_MAX; tier++) {
                assert_true(!t->has[tier - 1] || t->has[tier]);
                if (t->has[tier - 1] && t->op == CATALOG_AT_LEAST)
                    assert_true(t->threshold[tier] >= t->threshold[tier - 1]);
                if (t->has[tier - 1] && t->op == CATALOG_AT_MOST)
                    assert_true(t->threshold[tier] <= t->threshold[tier - 1]);
            }
        }
    s->tests[0].threshold[3] = s->tests[0].threshold[4] = s->tests[0].threshold[2];
    world_measure(&w, s->tests[0].id, s->tests[0].threshold[2], 1000, NOW);
    assert_int_equal(world_tier(world_run(&w), s->id), 4);
    world_measure(&w, s->tests[0].id, s->tests[0].threshold[2] - 0.01, 1000, NOW);
    assert_int_equal(world_tier(world_run(&w), s->id), 1);
    world_done(&w);
}

static void a_scope_may_lower_the_samples_with_a_reason_that_is_told(void **state)
{
    struct world w = world_new(4);
    CLEANUP(buf_done) struct buf yaml = {0};
    const struct assessment *a;

    (void)state;
    world_measure(&w, "MQ.ID.AM-01.t1", 1, 5, NOW);
    assert_false(world_test(world_run(&w), "MQ.ID.AM-01.t1")->known);
    buf_addf(&yaml, "%s  - {kind: ratio, at_least: 5, reason: seven devices}\n", world_scope_yaml);
    buf_add_u8(&yaml, 0);
    world_scope(&w, (char *)yaml.at);
    a = world_run(&w);
    assert_true(world_test(a, "MQ.ID.AM-01.t1")->known);
    for (size_t i = 0; i < a->n_notes; i++)
        if (strstr(a->notes[i], "seven devices") != NULL) {
            world_done(&w);
            return;
        }
    fail_msg("no note tells the reason");
}

static void a_population_that_is_empty_on_purpose_does_not_hold_back(void **state)
{
    struct world w = world_new(4);
    CLEANUP(buf_done) struct buf yaml = {0};
    const struct assessment *a;

    (void)state;
    buf_addf(&yaml, "%sempty_populations:\n  - {tests: [MQ.ID.IC-03.t1], reason: nobody outside}\n",
             world_scope_yaml);
    buf_add_u8(&yaml, 0);
    world_scope(&w, (char *)yaml.at);
    world_forget(&w, "MQ.ID.IC-03.t1");
    a = world_run(&w);
    assert_int_equal(world_test(a, "MQ.ID.IC-03.t1")->mark[2], ASSESS_NOT_APPLICABLE);
    assert_int_equal(world_tier(a, "MQ.ID.IC-03"), 4);
    /* Somebody is there all the same: then it counts. */
    world_measure(&w, "MQ.ID.IC-03.t1", 0.5, 100, NOW);
    a = world_run(&w);
    assert_int_equal(world_test(a, "MQ.ID.IC-03.t1")->mark[2], ASSESS_FAIL);
    assert_int_equal(world_tier(a, "MQ.ID.IC-03"), 1);
    world_done(&w);
}

static void what_nobody_measured_is_no_tier_even_if_nothing_applies(void **state)
{
    struct world w = world_new(4);
    CLEANUP(buf_done) struct buf yaml = {0};

    (void)state;
    buf_addf(&yaml,
             "%sempty_populations:\n  - {tests: [MQ.ID.CO-03.t1, MQ.ID.CO-03.t2],\n"
             "     reason: nobody outside}\n",
             world_scope_yaml);
    buf_add_u8(&yaml, 0);
    world_scope(&w, (char *)yaml.at);
    world_forget(&w, "MQ.ID.CO-03.t1");
    world_forget(&w, "MQ.ID.CO-03.t2");
    assert_int_equal(world_tier(world_run(&w), "MQ.ID.CO-03"), 1);
    world_done(&w);
}

static void risk_management_looks_at_the_tier_that_client_side_checks_got(void **state)
{
    struct world w = world_new(4);
    const struct assessment *a = world_run(&w);

    (void)state;
    assert_true(world_test(a, "MQ.ID.RM-04.t3")->value == 4);
    world_measure(&w, "MQ.PR.IA-04.t1", 0, 1, NOW);
    a = world_run(&w);
    assert_int_equal(world_tier(a, "MQ.PR.IA-04"), 1);
    assert_true(world_test(a, "MQ.ID.RM-04.t3")->value == 1);
    assert_int_equal(world_tier(a, "MQ.ID.RM-04"), 2);
    world_done(&w);
}

/* ---- gates: each is shut by one thing that is missing, and holds its categories below its tier
 * ---- */

static void shut(struct world *w, unsigned below, const char *part)
{
    const struct assessment *a = world_run(w);
    const struct assess_rollup *r = world_category(a, "MQ.PR.SP");

    print_message("  %s\n", part);
    assert_non_null(r->gate);
    if (strstr(r->gate, part) == NULL)
        fail_msg("the gate says: %s", r->gate);
    assert_int_equal(r->tier, below);
    assert_int_equal(world_tier(a, "MQ.PR.SP-02"), below);
    assert_int_equal(world_sub(a, "MQ.PR.SP-02")->tier_tests, 4);
    assert_non_null(strstr(world_sub(a, "MQ.PR.SP-02")->blocker, part));
}

static void gates_of_tier_2_ask_for_approval_policy_and_resources(void **state)
{
    struct world w = world_new(4);
    json_t *list;

    (void)state;
    world_scope(&w, "scope: nobody approved it\n");
    shut(&w, 1, "the scope is not approved");
    w.scope = assess_scope_free(w.scope);
    shut(&w, 1, "no scope is given");
    world_scope(&w, world_scope_yaml);
    world_target(&w, "profile: p\ntiers: {MQ: 2}\n");
    shut(&w, 1, "the target profile is not approved");
    world_target(&w, world_target_yaml);

    world_attestations(&w, world_without(world_statements(&w), "resources", "MQ"));
    shut(&w, 1, "people and time for the duties: attestation missing");
    world_attestations(&w, world_without(world_statements(&w), "policy", "MQ"));
    shut(&w, 1, "a policy approved by management: attestation missing");
    list = world_without(world_statements(&w), "policy", "MQ");
    (void)json_array_append_new(list, world_attestation("policy", "MQ", "security engineer"));
    world_attestations(&w, list);
    shut(&w, 1, "signed by a role that may not attest this");
    world_done(&w);
}

static void gates_of_tier_3_ask_for_repetition_validation_and_a_route(void **state)
{
    struct world w = world_new(4);
    json_t *list;

    (void)state;
    world_history(&w, "");
    shut(&w, 2, "the profile was recomputed on 1 of the last 120 days, 4 are needed");
    world_history(&w, "{\"kind\":\"run\",\"at\":1771286400000}\n" /* twice on one day */
                      "{\"kind\":\"run\",\"at\":1771286500000}\n"
                      "{\"kind\":\"run\",\"at\":1769904000000}\n");
    shut(&w, 2, "on 3 of the last 120 days");
    world_history(&w, "{\"kind\":\"run\",\"at\":1764547200000}\n" /* the last one is 41 days old */
                      "{\"kind\":\"run\",\"at\":1764647200000}\n"
                      "{\"kind\":\"run\",\"at\":1768700000000}\n");
    shut(&w, 2, "the one before this not over 35 d ago");
    world_history(&w, world_history_jsonl);

    world_measure(&w, "MQ.ID.IC-02.t3", 93, 1, NOW);
    shut(&w, 2, "no test of the notification route");
    world_measure(&w, "MQ.ID.IC-02.t3", 1, 1, NOW);

    list = world_statements(&w);
    (void)json_object_set_new(world_of_kind(list, "statement", "MQ.PR.SP-06"), "expires",
                              json_string("2026-02-20"));
    world_attestations(&w, list);
    shut(&w, 2, "the attestation of MQ.PR.SP-06 has expired");
    world_done(&w);
}

/* MQ.ID.AM has no test of kind drill: an independent check is the other way. */
static void a_category_without_a_drill_is_validated_by_an_independent_check(void **state)
{
    struct world w = world_new(3);
    const struct assessment *a;
    json_t *list;

    (void)state;
    assert_int_equal(world_tier(world_run(&w), "MQ.ID.AM-01"), 3);
    list = world_statements(&w); /* by whoever did the work: not independent */
    (void)json_object_set_new(world_of_kind(list, "validation", "MQ"), "implementer",
                              json_string("ada example"));
    world_attestations(&w, list);
    a = world_run(&w);
    assert_non_null(strstr(world_category(a, "MQ.ID.AM")->gate, "neither a drill nor"));
    assert_int_equal(world_tier(a, "MQ.ID.AM-01"), 2);
    assert_int_equal(world_tier(a, "MQ.DE.ID-01"), 3); /* drilled */
    world_done(&w);
}

static void gates_of_tier_4_ask_for_indicators_change_and_lessons(void **state)
{
    struct world w = world_new(4);
    static const char runs[] = "{\"kind\":\"run\",\"at\":1764547200000}\n"
                               "{\"kind\":\"run\",\"at\":1767225600000}\n"
                               "{\"kind\":\"run\",\"at\":1771286400000}\n";
    CLEANUP(buf_done) struct buf text = {0};
    json_t *list, *policy;

    (void)state;
    world_history(&w, runs);
    shut(&w, 3, "no predictive indicator");
    /* 89 days of data are not enough, and one for another category does not help. */
    buf_addf(&text,
             "%s{\"kind\":\"indicator\",\"at\":1,\"category\":\"MQ.PR.SP\",\"since\":%llu}\n"
             "{\"kind\":\"indicator\",\"at\":1,\"category\":\"MQ.DE.ID\",\"since\":1}\n",
             runs, (unsigned long long)(NOW - 89 * DAY_MS));
    buf_add_u8(&text, 0);
    world_history(&w, (char *)text.at);
    shut(&w, 3, "no predictive indicator");
    text.len = 0;
    buf_addf(&text,
             "%s{\"kind\":\"indicator\",\"at\":1,\"category\":\"MQ.PR\",\"since\":1}\n"
             "{\"kind\":\"change\",\"at\":%llu,\"category\":\"MQ.PR.SP\",\"cause\":\"lesson\"}\n",
             runs, (unsigned long long)(NOW - 181 * DAY_MS));
    buf_add_u8(&text, 0);
    world_history(&w, (char *)text.at);
    shut(&w, 3, "no change within 180 d");
    world_history(&w, world_history_jsonl);

    list = world_statements(&w);
    policy = world_of_kind(list, "policy", "MQ");
    (void)json_object_set_new(policy, "inputs", json_pack("[s]", "lessons"));
    world_attestations(&w, list);
    shut(&w, 3, "no policy review within 180 d");
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_everything_is_at_a_tier_that_is_the_tier),
        cmocka_unit_test(without_evidence_everything_is_unknown_and_tier_1),
        cmocka_unit_test(one_test_against_its_thresholds),
        cmocka_unit_test(evidence_from_the_future_is_none),
        cmocka_unit_test(a_drill_is_evidence_for_its_window_of_a_year),
        cmocka_unit_test(a_test_that_is_not_asked_at_a_tier_does_not_hold_it_back),
        cmocka_unit_test(thresholds_are_inherited_upwards),
        cmocka_unit_test(a_scope_may_lower_the_samples_with_a_reason_that_is_told),
        cmocka_unit_test(a_population_that_is_empty_on_purpose_does_not_hold_back),
        cmocka_unit_test(what_nobody_measured_is_no_tier_even_if_nothing_applies),
        cmocka_unit_test(risk_management_looks_at_the_tier_that_client_side_checks_got),
        cmocka_unit_test(gates_of_tier_2_ask_for_approval_policy_and_resources),
        cmocka_unit_test(gates_of_tier_3_ask_for_repetition_validation_and_a_route),
        cmocka_unit_test(a_category_without_a_drill_is_validated_by_an_independent_check),
        cmocka_unit_test(gates_of_tier_4_ask_for_indicators_change_and_lessons),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
