/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/test_files.c - target profile and scope: what is read, and what is wrong where
 */
#include "world.h"

#define TARGET "profile: p\ntiers: {MQ: 2}\n"

static struct catalog *catalog;

static int begin(void **state)
{
    char *error = NULL;

    catalog = assess_catalog_load(CATALOG, &error);
    return catalog == NULL ? -1 : world_begin(state);
}

static int end(void **state)
{
    catalog = assess_catalog_free(catalog);
    return world_end(state);
}

static void the_most_exact_id_decides_the_target(void **state)
{
    char *error = NULL;
    struct target *t = assess_target_load(
        world_file("t.yaml", "profile: p\ntiers:\n  MQ.PR.IA-05: {tier: 4, reason: commands}\n"
                             "  MQ.PR.IA: 3\n  MQ: 2\n  MQ.DE: 1\n"),
        catalog, &error);

    (void)state;
    if (t == NULL)
        fail_msg("%s", error);
    for (size_t i = 0; i < catalog->n_subcategories; i++) {
        const char *id = catalog->subcategories[i].id;
        unsigned expected = strcmp(id, "MQ.PR.IA-05") == 0    ? 4
                            : strncmp(id, "MQ.PR.IA", 8) == 0 ? 3
                            : strncmp(id, "MQ.DE", 5) == 0    ? 1
                                                              : 2;

        assert_int_equal(t->subs[i].tier, expected);
        assert_true(t->subs[i].in_profile);
        if (expected == 4)
            assert_string_equal(t->subs[i].reason, "commands");
    }
    assess_target_free(t);
}

static void include_says_what_is_in_the_profile(void **state)
{
    char *error = NULL;
    struct target *t = assess_target_load(
        world_file("t.yaml", "profile: p\ninclude: [MQA.PR, MQ.RS]\ntiers: {MQ: 2}\n"), catalog,
        &error);
    size_t n = 0;

    (void)state;
    if (t == NULL)
        fail_msg("%s", error);
    for (size_t i = 0; i < t->n_subs; i++)
        n += t->subs[i].in_profile;
    assert_int_equal(n, 6 + 6);
    assess_target_free(t);
}

static void the_profiles_that_are_installed_are_in_order(void **state)
{
    char *error = NULL;
    struct target *t;
    size_t n = 0;

    (void)state;
    t = assess_target_load(FRAMEWORK_DIR "/target-profile.yaml", catalog, &error);
    if (t == NULL)
        fail_msg("%s", error);
    assess_target_free(t);
    t = assess_target_load(FRAMEWORK_DIR "/energy-provider.yaml", catalog, &error);
    if (t == NULL)
        fail_msg("%s", error);
    for (size_t i = 0; i < t->n_subs; i++) {
        n += t->subs[i].in_profile;
        assert_true(!t->subs[i].in_profile || (t->subs[i].tier >= 2 && t->subs[i].reason != NULL));
    }
    assert_int_equal(n, 39); /* the 30 lines of Appendix A stand for 39 subcategories */
    assess_target_free(t);
}

static void what_is_wrong_in_a_target_is_told_with_line_and_column(void **state)
{
    /* clang-format off */
    static const struct {
        const char *yaml;
        const char *error;
    } cases[] = {
        {"tiers: {MQ: 2}\n",                                "t.yaml:1:1: \"profile\" is missing"},
        {"profile: p\n",                                    "t.yaml:1:1: \"tiers\" is missing"},
        {"profile: p\ntiers:\n  MQ.PR.ZZ: 2\n",             "t.yaml:3:3: \"MQ.PR.ZZ\" is no id of the catalogue"},
        {"profile: p\ntiers:\n  MQ: 5\n",                   "t.yaml:3:7: 5 is not from 1 to 4"},
        {"profile: p\ntiers:\n  MQ: 2.5\n",                 "t.yaml:3:7: a tier is 1, 2, 3 or 4"},
        {"profile: p\ntiers:\n  MQ: high\n",                "t.yaml:3:7: \"high\" is not a number"},
        {"profile: p\ntiers:\n  MQ: {tier: 2, why: x}\n",   "\"why\" is not known here; known are: tier, reason"},
        {"profile: p\ntiers: {MQ: 2}\ninclude: [MQ.X]\n",   "t.yaml:3:11: \"MQ.X\" is no id"},
        {"profile: p\ntiers: {MQ: 2}\napproved_by: x\n",    "\"approved_at\" is missing"},
        {TARGET "not_applicable:\n  - {id: MQ.PR.CL-03}\n", "t.yaml:4:5: \"reason\" is missing"},
        {TARGET "not_applicable:\n  - {id: MQ.PR.CL-03, reason: r, approver: a}\n", "\"expires\" is missing"},
        {TARGET "not_applicable:\n  - {id: MQ.PR.CL-03, reason: r, expires: 2027-01-01}\n", "\"approver\" is missing"},
        {TARGET "colour: red\n",                            "t.yaml:3:1: \"colour\" is not known here"},
        {"profile: [\n",                                    "t.yaml:"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *error = NULL;
        struct target *t = assess_target_load(world_file("t.yaml", cases[i].yaml), catalog, &error);

        print_message("  %s\n", cases[i].error);
        assert_null(t);
        if (strstr(error, cases[i].error) == NULL)
            fail_msg("got: %s", error);
        free(error);
    }
}

static void the_scope_that_is_installed_is_in_order(void **state)
{
    char *error = NULL;
    struct scope *s = assess_scope_load(FRAMEWORK_DIR "/scope-example.yaml", catalog, &error);

    (void)state;
    if (s == NULL)
        fail_msg("%s", error);
    assert_int_equal(s->n_zones, 2);
    assert_true(s->zones[0].events_per_year == 0.5);
    assert_true(s->zones[1].events_per_year == 2);
    assert_true(s->has_tolerance[AREA_SAFETY] && s->tolerance[AREA_SAFETY] == ASSESS_LOW);
    assess_scope_free(s);
}

static void what_is_wrong_in_a_scope_is_told_with_line_and_column(void **state)
{
    /* clang-format off */
    static const struct {
        const char *yaml;
        const char *error;
    } cases[] = {
        {"mission: m\n",                                    "s.yaml:1:1: \"scope\" is missing"},
        {"scope: s\nzones:\n  - {name: n, exposure: far, impact: {}}\n", "s.yaml:3:25: \"far\" is none of: isolated, internal"},
        {"scope: s\nzones:\n  - {name: n, exposure: internal, impact: {supply: 200}}\n", "200 is not from 0 to 100"},
        {"scope: s\nzones:\n  - {name: n, exposure: internal, impact: {fun: 1}}\n", "\"fun\" is not known here"},
        {"scope: s\nzones:\n  - {name: n, exposure: internal}\n", "\"impact\" is missing"},
        {"scope: s\ntolerance: {areas: {supply: tiny}}\n",  "\"tiny\" is none of: very low, low"},
        {"scope: s\nmin_samples:\n  - {kind: ratio, at_least: 5}\n", "\"reason\" is missing"},
        {"scope: s\nmin_samples:\n  - {at_least: 5, reason: r}\n", "\"tests\" or \"kind\" says"},
        {"scope: s\nmin_samples:\n  - {tests: [MQ.ID.AM-01], at_least: 5, reason: r}\n", "\"MQ.ID.AM-01\" is no test"},
        {"scope: s\nempty_populations:\n  - {tests: [MQ.ID.CO-03.t1]}\n", "\"reason\" is missing"},
        {"scope: s\nfrequencies:\n  - {scenario: R99, reason: r}\n", "\"R99\" is no scenario"},
        {"scope: s\nfrequencies:\n  - {scenario: R01, observed: 3, reason: r}\n", "\"years\" is missing"},
        {"scope: s\nfrequencies:\n  - {scenario: R01, events_per_year: 3}\n", "\"reason\" is missing"},
        {"scope: s\neffort_days: {MQ.PR.IA-03: {5: 1}}\n",  "\"5\" is not known here; known are: 2, 3, 4"},
        {"scope: s\nobligations:\n  - {name: act}\n",       "\"covers\" is missing"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *error = NULL;
        struct scope *s = assess_scope_load(world_file("s.yaml", cases[i].yaml), catalog, &error);

        print_message("  %s\n", cases[i].error);
        assert_null(s);
        if (strstr(error, cases[i].error) == NULL)
            fail_msg("got: %s", error);
        free(error);
    }
}

/* The scope is itself the proof of MQ.ID.RM and MQ.ID.CO-02; what lacks in it fails there. */
static void the_scope_is_evidence_of_what_it_says(void **state)
{
    struct world w = world_new(4);

    (void)state;
    assess_evidence_free(w.evidence);
    w.evidence = assess_evidence_new();
    world_run(&w);
    assert_true(world_test(w.result, "MQ.ID.RM-01.t1")->value == 1);
    assert_true(world_test(w.result, "MQ.ID.RM-01.t2")->value == 1);
    assert_true(world_test(w.result, "MQ.ID.RM-03.t1")->value == 1);
    assert_true(world_test(w.result, "MQ.ID.CO-02.t1")->value == 1);
    assert_true(world_test(w.result, "MQ.ID.CO-02.t3")->value == 27);
    world_scope(&w, "scope: s\nzones:\n"
                    "  - {name: a, exposure: internal, impact: {supply: 9, money: 9}}\n"
                    "  - {name: b, exposure: internal, impact: {}}\n"
                    "tolerance: {approved_by: x, approved_at: 2026-01-01, areas: {supply: low}}\n"
                    "obligations:\n  - {name: act, covers: [MQ.PR]}\n");
    world_run(&w);
    assert_true(world_test(w.result, "MQ.ID.RM-01.t1")->value == 0); /* no tolerance of money */
    assert_true(world_test(w.result, "MQ.ID.RM-01.t2")->value == 0);
    assert_true(world_test(w.result, "MQ.ID.RM-03.t1")->value == 0.5);
    assert_true(world_test(w.result, "MQ.ID.CO-02.t1")->value == 0);
    assert_false(world_test(w.result, "MQ.ID.CO-02.t3")->known);
    world_scope(&w, "scope: s\n");
    world_run(&w);
    assert_false(world_test(w.result, "MQ.ID.RM-01.t1")->known);
    assert_false(world_test(w.result, "MQ.ID.CO-02.t1")->known);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_exact_id_decides_the_target),
        cmocka_unit_test(include_says_what_is_in_the_profile),
        cmocka_unit_test(the_profiles_that_are_installed_are_in_order),
        cmocka_unit_test(what_is_wrong_in_a_target_is_told_with_line_and_column),
        cmocka_unit_test(the_scope_that_is_installed_is_in_order),
        cmocka_unit_test(what_is_wrong_in_a_scope_is_told_with_line_and_column),
        cmocka_unit_test(the_scope_is_evidence_of_what_it_says),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
