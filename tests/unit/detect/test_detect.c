/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_detect.c - the table of detectors, and when a finding is news */
#define SCENE_ONLY "repeated-conn"
#include "scene.h"

static void each_row_has_its_name_source_and_techniques(void **state)
{
    (void)state;
    for (size_t i = 0; i < detect_detectors(); i++) {
        const struct detector_info *d = detect_detector(i);

        print_message("  %s\n", d->name);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(d->id, detect_detector(k)->id);
            assert_string_not_equal(d->name, detect_detector(k)->name);
        }
        assert_true(strncmp(d->subcategory, "MQ.", 3) == 0);
        assert_non_null(d->counts);
        assert_non_null(d->what);
        assert_true(d->mode != DETECT_MODE_DEFAULT && d->confidence > 0 && d->confidence <= 100);
        assert_null(d->attck[DETECT_ATTCK_MAX - 1]);
        assert_true(d->watches != 0);
    }
}

/* No rule without a detector, and no detector without a rule. */
static void each_rule_is_of_a_detector(void **state)
{
    const struct detect_rule *rule;
    size_t n_of[DETECT_DETECTORS_MAX] = {0};

    (void)state;
    for (size_t i = 0; (rule = detect_rule(i)) != NULL; i++) {
        size_t k = 0;

        while (k < detect_detectors() && strcmp(detect_detector(k)->id, rule->detector) != 0)
            k++;
        assert_true(k < detect_detectors());
        assert_true(rule->limit > 0 && rule->window_s > 0);
        n_of[k]++;
    }
    for (size_t k = 0; k < detect_detectors(); k++)
        assert_true(n_of[k] > 0);
}

static unsigned connects_until_found(const struct detect_override *overrides, size_t n,
                                     const char *role)
{
    static const struct detect_role roles[] = {{.name = "meter"}, {.name = "pump"}};
    const struct detect_settings settings = {.started_ns = SCENE_NS};
    const struct detect_config config = {roles, 2, overrides, n, NULL, 0};
    struct scene s = {.only = "repeated-conn", .now_ns = SCENE_NS};
    unsigned i = 0;

    s.d = detect_new(&settings, &config);
    while (i < 100 && s.n_found == 0) {
        scene_event(&s, (struct event){.kind = EVENT_CONNECT_ACCEPTED,
                                       .client_id = BYTES("c"),
                                       .role = bytes_str(role)});
        i++;
    }
    scene_end(&s);
    return i;
}

static void limits_and_modes_are_of_all_or_of_a_role_and_the_last_counts(void **state)
{
    static char name[] = "repeated-connection-attempts", medium[] = "medium", pump[] = "pump";
    static const struct {
        struct detect_override overrides[2];
        size_t n;
        unsigned of_meter;
        unsigned of_pump;
    } cases[] = {
        {{{0}}, 0, 15, 15},
        {{{name, NULL, medium, 5, 0, 0}}, 1, 5, 5},
        {{{name, pump, medium, 5, 0, 0}}, 1, 15, 5},
        {{{name, NULL, NULL, 0, 2, 0}}, 1, 30, 30},
        {{{name, NULL, medium, 5, 0, 0}, {name, pump, medium, 8, 0, 0}}, 2, 5, 8},
        {{{name, pump, medium, 8, 0, 0}, {name, NULL, medium, 5, 0, 0}}, 2, 5, 5},
        {{{name, pump, NULL, 0, 0, DETECT_MODE_OFF}}, 1, 15, 100},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(connects_until_found(cases[i].overrides, cases[i].n, "meter"),
                         cases[i].of_meter);
        assert_int_equal(connects_until_found(cases[i].overrides, cases[i].n, "pump"),
                         cases[i].of_pump);
    }
}

static void an_override_of_what_there_is_not_says_so(void **state)
{
    static char good[] = "repeated-auth-failures", bad[] = "no-such", slow[] = "slow",
                odd[] = "odd";
    const struct detect_override fine = {.detector = good, .rule = slow, .limit = 3};
    const struct detect_override no_detector = {.detector = bad};
    const struct detect_override no_rule = {.detector = good, .rule = odd};
    const struct detect_override which_rule = {.detector = good, .limit = 3};

    (void)state;
    assert_null(detect_override_wrong_why(&fine));
    assert_non_null(strstr(detect_override_wrong_why(&no_detector), "is no detector"));
    assert_non_null(strstr(detect_override_wrong_why(&no_rule), "has no such rule"));
    assert_non_null(strstr(detect_override_wrong_why(&which_rule), "has a limit and no rule"));
}

static void severities_have_names_both_ways(void **state)
{
    enum severity s = SEVERITY_LOW;

    (void)state;
    assert_true(severity_parse("critical", &s));
    assert_int_equal(s, SEVERITY_CRITICAL);
    assert_false(severity_parse("fatal", &s));
    assert_int_equal(s, SEVERITY_CRITICAL);
    assert_string_equal(severity_text(SEVERITY_INFO), "info");
    assert_string_equal(subject_kind_text(SUBJECT_ADDRESS), "ip");
}

static void connect_n(struct scene *s, unsigned n, double every_s)
{
    for (unsigned i = 0; i < n; i++) {
        scene_connect(s, "m-1", "192.0.2.1");
        scene_wait(s, every_s);
    }
}

static void a_finding_is_said_once_and_again_on_a_step_of_severity(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    connect_n(&s, 29, 1);
    assert_int_equal(s.n_found, 1);
    assert_int_equal(s.found[0].state, FINDING_OPEN);
    assert_int_equal(s.found[0].severity, SEVERITY_MEDIUM);
    connect_n(&s, 10, 1);
    assert_int_equal(s.n_found, 2);
    assert_int_equal(s.found[1].state, FINDING_UPDATE);
    assert_int_equal(s.found[1].severity, SEVERITY_HIGH);
    assert_int_equal(scene_counters(&s, "D01").events, 39);
    assert_int_equal(scene_counters(&s, "D01").fired, 2);
    assert_int_equal(scene_counters(&s, "D01").suppressed, 23);
    assert_int_equal(scene_counters(&s, "D01").standing, 1);
    scene_end(&s);
}

static void a_finding_that_stands_is_said_again_after_ten_minutes(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    connect_n(&s, 240, 3); /* 20 a minute for 12 minutes */
    assert_int_equal(s.n_found, 2);
    assert_int_equal(s.found[1].state, FINDING_UPDATE);
    assert_int_equal(s.found[1].severity, SEVERITY_MEDIUM);
    assert_true(s.found[1].at_ns - s.found[0].at_ns >= 600 * S);
    assert_true(s.found[1].at_ns - s.found[0].at_ns <= 604 * S);
    scene_end(&s);
}

static void a_finding_closes_when_its_counter_is_below_half(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    connect_n(&s, 16, 0.5); /* 16 in the window that ends at 60 s */
    assert_int_equal(s.n_found, 1);
    scene_idle(&s, 51); /* 59 s: all 16 still count */
    assert_int_equal(s.n_found, 1);
    scene_idle(&s, 33); /* 92 s: 16 x 28/60 = 7.47, below 7.5 */
    assert_int_equal(s.n_found, 2);
    assert_int_equal(s.found[1].state, FINDING_CLOSED);
    assert_string_equal(s.found[1].subject, "m-1");
    assert_string_equal(s.found[1].address, "192.0.2.1");
    assert_true(s.found[1].at_ns == SCENE_NS + 92 * S);
    assert_int_equal(scene_counters(&s, "D01").standing, 0);

    connect_n(&s, 40, 0.25);
    assert_int_equal(s.found[2].state, FINDING_OPEN);
    scene_end(&s);
}

static void a_time_scale_makes_windows_shorter_and_leaves_dates_alone(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 60, 0);
    connect_n(&s, 100, 0.2); /* each 12 s of the detectors' time */
    assert_int_equal(s.n_found, 0);
    connect_n(&s, 40, 0.05); /* each 3 s */
    assert_int_equal(s.n_found, 1);
    assert_true(s.found[0].at_ns > SCENE_NS + 20 * S && s.found[0].at_ns < SCENE_NS + 22 * S);
    s.now_ns += 2 * S;
    detect_tick(s.d, s.now_ns, scene_found, &s);
    assert_int_equal(s.n_found, 2);
    assert_int_equal(s.found[1].state, FINDING_CLOSED);
    scene_end(&s);
}

static void findings_of_the_first_seconds_say_so(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 120);
    connect_n(&s, 15, 0.1);
    assert_true(s.found[0].in_grace);
    scene_wait(&s, 400);
    detect_tick(s.d, s.now_ns, scene_found, &s);
    connect_n(&s, 15, 0.1);
    assert_int_equal(s.n_found, 3);
    assert_false(s.found[2].in_grace);
    scene_end(&s);
}

static void more_standing_findings_than_fit_push_out_the_oldest(void **state)
{
    struct scene s;
    struct event e = {.kind = EVENT_PUBLISH_DENIED,
                      .value = EVENT_COMMAND,
                      .role = BYTES("meter"),
                      .topic = BYTES("t")};
    char name[32];

    (void)state;
    scene_begin(&s, 1, 0);
    s.only = "unauthorized";
    for (unsigned i = 0; i < 4096 + 3; i++) {
        snprintf(name, sizeof(name), "c-%u", i);
        e.client_id = bytes_str(name);
        s.n_found = 0;
        scene_event(&s, e);
        assert_int_equal(s.n_found, i < 4096 ? 1 : 2);
        assert_int_equal(s.found[s.n_found - 1].state, FINDING_OPEN);
    }
    assert_int_equal(s.found[0].state, FINDING_CLOSED);
    assert_string_equal(s.found[0].subject, "c-2");
    assert_int_equal(scene_counters(&s, "D32").standing, 4096);
    assert_true(scene_counters(&s, "D32").shed >= 3);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_has_its_name_source_and_techniques),
        cmocka_unit_test(each_rule_is_of_a_detector),
        cmocka_unit_test(limits_and_modes_are_of_all_or_of_a_role_and_the_last_counts),
        cmocka_unit_test(an_override_of_what_there_is_not_says_so),
        cmocka_unit_test(severities_have_names_both_ways),
        cmocka_unit_test(a_finding_is_said_once_and_again_on_a_step_of_severity),
        cmocka_unit_test(a_finding_that_stands_is_said_again_after_ten_minutes),
        cmocka_unit_test(a_finding_closes_when_its_counter_is_below_half),
        cmocka_unit_test(a_time_scale_makes_windows_shorter_and_leaves_dates_alone),
        cmocka_unit_test(findings_of_the_first_seconds_say_so),
        cmocka_unit_test(more_standing_findings_than_fit_push_out_the_oldest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
