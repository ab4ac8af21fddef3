/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_play_approval.c - plays that wait for a person; MQ.RS.RP-03 */
#include "stage.h"

static const struct respond_play with_approval[] = {
    {.detector = "repeated-auth-failures",
     .role = "meter",
     .subject = SUBJECT_KIND_N,
     .severity = SEVERITY_HIGH,
     .steps = (char *const[]){"disconnect", "ban 10m"},
     .n_steps = 2,
     .needs_approval = true},
};

static void begin_with_approval(struct stage *s)
{
    stage_begin(s);
    s->settings.plays = with_approval;
    s->settings.n_plays = COUNT_OF(with_approval);
    stage_restart(s);
}

static void find_guesser(struct stage *s, enum severity severity, const char *role)
{
    struct finding f =
        finding_of("repeated-auth-failures", severity, SUBJECT_ADDRESS, "203.0.113.9");

    f.role = bytes_str(role);
    respond_finding(s->r, &f, s->now);
}

static void all_that_a_play_with_approval_does_waits_for_a_person(void **state)
{
    struct stage s;
    const struct incident *i;
    unsigned n = 0;

    (void)state;
    begin_with_approval(&s);
    s.hit = 7;
    find_guesser(&s, SEVERITY_HIGH, "meter");
    s.hit = 3;
    find_guesser(&s, SEVERITY_HIGH, "meter");
    assert_did_nothing(&s);
    i = stage_incident(&s);
    assert_string_equal(incident_action_text(i), "held");
    assert_int_equal(action_of(i, ACTION_DISCONNECT)->n_hit, 3); /* as when it was proposed last */
    assert_int_equal(action_of(i, ACTION_BAN)->n_hit, 3);
    assert_int_equal(action_of(i, ACTION_DISCONNECT)->state, ACTION_HELD);
    assert_int_equal(action_of(i, ACTION_BAN)->state, ACTION_HELD);
    assert_non_null(strstr(action_of(i, ACTION_BAN)->why_not, "its playbook asks a person first"));
    assert_int_equal(respond_incident_approve(s.r, i->id, "admin:alice", s.now, &(unsigned){0}, &n),
                     RESPOND_OK);
    assert_int_equal(n, 2);
    assert_did(&s, "disconnect address 203.0.113.9", "ban address 203.0.113.9 - 600");
    assert_string_equal(action_of(i, ACTION_BAN)->author, "admin:alice");
    assert_null(action_of(i, ACTION_BAN)->why_not); /* nothing stands against it any more */
    assert_null(strstr(action_of(i, ACTION_BAN)->reason, "; "));
    stage_end(&s);
}

static void
what_a_play_with_approval_does_is_given_up_after_15_min_and_asked_for_again(void **state)
{
    struct stage s;

    (void)state;
    begin_with_approval(&s);
    find_guesser(&s, SEVERITY_HIGH, "meter");
    stage_wait(&s, 899);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_HELD);
    stage_wait(&s, 1);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_OBSERVED);
    find_guesser(&s, SEVERITY_HIGH, "meter");
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_HELD);
    assert_did_nothing(&s);
    stage_end(&s);
}

static void no_other_play_waits_and_a_worse_finding_goes_before_what_waits(void **state)
{
    struct stage s;

    (void)state;
    begin_with_approval(&s);
    find_guesser(&s, SEVERITY_HIGH, "gateway");
    assert_did(&s, "ban address 203.0.113.9 - 600");
    stage_end(&s);
    begin_with_approval(&s);
    find_guesser(&s, SEVERITY_HIGH, "meter");
    assert_did_nothing(&s);
    find_guesser(&s, SEVERITY_CRITICAL, "meter");
    assert_did(&s, "disconnect address 203.0.113.9", "ban address 203.0.113.9 - 3600");
    stage_end(&s);
}

static void an_approval_is_not_asked_for_what_is_not_done_anyway(void **state)
{
    struct stage s;

    (void)state;
    begin_with_approval(&s);
    stage_connect(&s, "c-1", "203.0.113.9", "control");
    find_guesser(&s, SEVERITY_HIGH, "meter");
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_WITHHELD);
    stage_end(&s);
    begin_with_approval(&s);
    s.settings.enforce = false;
    stage_restart(&s);
    find_guesser(&s, SEVERITY_HIGH, "meter");
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_OBSERVED);
    stage_end(&s);
}

static void what_waits_is_withdrawn_with_its_incident(void **state)
{
    struct stage s;
    unsigned n_held = 0, n_done = 0;

    (void)state;
    stage_begin(&s);
    s.at_address = 1;
    stage_find_guesser(&s, "203.0.113.9");
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_HELD);
    assert_int_equal(respond_incident_close(s.r, stage_incident(&s)->id, DISPOSITION_TRUE, NULL,
                                            "admin:anna", s.now),
                     RESPOND_OK);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_UNDONE);
    assert_string_equal(action_of(stage_incident(&s), ACTION_BAN)->undone_by, "admin:anna");
    assert_int_equal(
        respond_incident_approve(s.r, stage_incident(&s)->id, "admin:bob", s.now, &n_held, &n_done),
        RESPOND_E_CONFLICT);
    stage_end(&s);
}

static void what_is_in_force_still_is_said_when_it_closes(void **state)
{
    struct stage s;
    char *text;

    (void)state;
    stage_begin(&s);
    stage_find_high(&s, "m-1");
    text = incident_in_force_text(stage_incident(&s), s.now.unix_ms);
    assert_non_null(text);
    assert_non_null(strstr(text, "1 ban is still in force until 2026-11-25T"));
    assert_non_null(strstr(text, "bastide incidents rollback I-20261125-0001"));
    free(text);
    assert_null(incident_in_force_text(stage_incident(&s), s.now.unix_ms + 600000));
    stage_end(&s);
}

/* The rule's own words, with those of the one that it goes by; and they outlive a restart. */
static void an_incident_says_what_its_rule_counts(void **state)
{
    struct stage s;
    struct finding f = finding_of("retained-flood", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1");
    json_t *o;

    (void)state;
    stage_begin(&s);
    f.rule = detect_rule_named("D26", "quota");
    respond_finding(s.r, &f, s.now);
    for (unsigned i = 0; i < 2; i++) {
        o = respond_incident_json(stage_incident(&s));
        assert_string_equal(json_string_value(json_object_get(o, "rule")), "quota");
        assert_string_equal(json_string_value(json_object_get(o, "text")),
                            "client m-1: 12 times that one client passed retained_per_client_max, "
                            "so that nothing more of it was kept, within 600 s (limit 10)");
        json_decref(o);
        stage_restart(&s);
    }
    stage_end(&s);
}

/* Nothing is done, and nothing opens. */
static void what_goes_on_is_counted_in_its_incident(void **state)
{
    struct stage s;
    struct finding f = finding_of("topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");

    (void)state;
    stage_begin(&s);
    f.state = FINDING_REFRESH;
    respond_finding(s.r, &f, s.now);
    assert_int_equal(respond_incidents_open(s.r), 0);
    stage_find_high(&s, "m-1");
    s.n_did = 0;
    f.count = 99;
    respond_finding(s.r, &f, s.now);
    assert_did_nothing(&s);
    assert_true(stage_incident(&s)->count == 99);
    assert_non_null(strstr(s.published, "\"state\":\"update\""));
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_withdrawn_with_its_incident),
        cmocka_unit_test(what_is_in_force_still_is_said_when_it_closes),
        cmocka_unit_test(an_incident_says_what_its_rule_counts),
        cmocka_unit_test(what_goes_on_is_counted_in_its_incident),
        cmocka_unit_test(all_that_a_play_with_approval_does_waits_for_a_person),
        cmocka_unit_test(
            what_a_play_with_approval_does_is_given_up_after_15_min_and_asked_for_again),
        cmocka_unit_test(no_other_play_waits_and_a_worse_finding_goes_before_what_waits),
        cmocka_unit_test(an_approval_is_not_asked_for_what_is_not_done_anyway),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
