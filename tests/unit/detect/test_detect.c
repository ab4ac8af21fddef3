/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_detect.c - the table of detectors, and when a finding is news */
#include "scene.h"

static void each_row_has_its_name_source_and_techniques(void **state)
{
    static const char *const rows[][3] = {
        {"D01", "repeated-connection-attempts", "MQ.DE.NM-01"},
        {"D05", "repeated-auth-failures", "MQ.DE.ID-01"},
        {"D07", "topic-scan-publish", "MQ.DE.ID-02"},
        {"D08", "topic-scan-subscribe", "MQ.DE.ID-02"},
        {"D32", "unauthorized-command", "MQ.PR.SP-03"},
    };

    (void)state;
    assert_int_equal(detect_detectors(), COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct detector_info *d = detect_detector(i);

        assert_string_equal(d->id, rows[i][0]);
        assert_string_equal(d->name, rows[i][1]);
        assert_string_equal(d->subcategory, rows[i][2]);
        assert_non_null(d->counts);
        assert_non_null(d->attck[0]);
        assert_null(d->attck[DETECT_ATTCK_MAX - 1]);
        assert_true(d->watches != 0);
    }
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
    struct event e = {.kind = EVENT_PUBLISH_DENIED, .value = EVENT_COMMAND, .topic = BYTES("t")};
    char name[32];

    (void)state;
    scene_begin(&s, 1, 0);
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
