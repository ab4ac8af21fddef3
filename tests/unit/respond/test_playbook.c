/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_playbook.c - what each finding leads to, and escalation; MQ.RS.RP-03 */
#include "stage.h"

static const struct {
    const char *detector;
    enum severity severity;
    enum subject_kind kind;
    const char *subject;
    const char *did[3];
    const char *action; /* as the incident says */
} cases[] = {
    {"repeated-auth-failures", SEVERITY_INFO, SUBJECT_ADDRESS, "203.0.113.9", {NULL}, "record"},
    {"repeated-auth-failures", SEVERITY_LOW, SUBJECT_ADDRESS, "203.0.113.9", {NULL}, "alert"},
    {"repeated-auth-failures",
     SEVERITY_MEDIUM,
     SUBJECT_ADDRESS,
     "203.0.113.9",
     {"delay 203.0.113.9 1000 600"},
     "delay"},
    {"repeated-auth-failures",
     SEVERITY_HIGH,
     SUBJECT_ADDRESS,
     "203.0.113.9",
     {"ban address 203.0.113.9 - 600"},
     "ban"},
    {"repeated-auth-failures",
     SEVERITY_CRITICAL,
     SUBJECT_ADDRESS,
     "203.0.113.9",
     {"disconnect address 203.0.113.9", "ban address 203.0.113.9 - 3600"},
     "ban"},
    {"repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_USER, "operator", {NULL}, "alert"},
    {"repeated-auth-failures", SEVERITY_HIGH, SUBJECT_USER, "operator", {NULL}, "alert"},
    {"repeated-connection-attempts",
     SEVERITY_MEDIUM,
     SUBJECT_CLIENT,
     "m-1",
     {"delay 192.0.2.7 1000 600"},
     "delay"},
    {"repeated-connection-attempts",
     SEVERITY_HIGH,
     SUBJECT_CLIENT,
     "m-1",
     {"disconnect client m-1", "ban client-address m-1 192.0.2.7 300"},
     "ban"},
    {"topic-scan-publish",
     SEVERITY_MEDIUM,
     SUBJECT_CLIENT,
     "m-1",
     {"delay 192.0.2.7 1000 600", "restrain"},
     "throttle"},
    {"topic-scan-publish",
     SEVERITY_HIGH,
     SUBJECT_CLIENT,
     "m-1",
     {"disconnect client m-1", "ban client-address m-1 192.0.2.7 600"},
     "ban"},
    {"topic-scan-subscribe",
     SEVERITY_HIGH,
     SUBJECT_CLIENT,
     "m-1",
     {"disconnect client m-1", "ban client-address m-1 192.0.2.7 600"},
     "ban"},
    {"unauthorized-command",
     SEVERITY_HIGH,
     SUBJECT_CLIENT,
     "m-1",
     {"disconnect client m-1"},
     "disconnect"},
    {"unauthorized-command",
     SEVERITY_CRITICAL,
     SUBJECT_CLIENT,
     "m-1",
     {"disconnect client m-1", "ban client-address m-1 192.0.2.7 3600"},
     "ban"},
};

static void each_severity_has_its_actions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage s;

        print_message("  %s %s\n", cases[i].detector, severity_text(cases[i].severity));
        stage_begin(&s);
        stage_find(&s, cases[i].detector, cases[i].severity, cases[i].kind, cases[i].subject);
        assert_did_all(&s, cases[i].did);
        assert_string_equal(incident_action_text(stage_incident(&s)), cases[i].action);
        assert_int_equal(s.n_published, cases[i].severity > SEVERITY_INFO);
        stage_end(&s);
    }
}

static void an_action_says_who_why_and_until_when(void **state)
{
    struct stage s;
    const struct incident *i;
    const struct action *a;

    (void)state;
    stage_begin(&s);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    i = stage_incident(&s);
    a = action_of(i, ACTION_BAN);
    assert_int_equal(a->state, ACTION_DONE);
    assert_string_equal(a->author, "detector:repeated-auth-failures");
    assert_non_null(strstr(a->reason, i->id));
    assert_non_null(strstr(a->reason, "12 failed logins, within 600 s (limit 10)"));
    assert_true(a->expires_unix_ms == s.now.unix_ms + 600000);
    assert_true(incident_expires_unix_ms(i) == a->expires_unix_ms);
    stage_end(&s);
}

static void a_second_medium_within_an_hour_disconnects(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_find(&s, "wildcard-snoop", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1");
    assert_did(&s, "delay 192.0.2.7 1000 600");
    stage_wait(&s, 3599);
    assert_did(&s, "delay 192.0.2.7 0 0"); /* its time is over */
    stage_find(&s, "topic-scan-subscribe", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1");
    assert_did(&s, "delay 192.0.2.7 2000 600", "disconnect client m-1");
    /* From the same address, for which the longer delay stands. */
    stage_find(&s, "topic-scan-subscribe", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-2");
    assert_did(&s, "delay 192.0.2.7 2000 600");
    stage_wait(&s, 3601);
    assert_did(&s, "delay 192.0.2.7 1000 0", "delay 192.0.2.7 0 0");
    stage_find(&s, "wildcard-snoop", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1");
    assert_did(&s, "delay 192.0.2.7 1000 600");
    stage_end(&s);
}

static void a_delay_doubles_to_eight_seconds(void **state)
{
    static const unsigned expected_ms[] = {1000, 2000, 4000, 8000, 8000};
    struct stage s;

    (void)state;
    stage_begin(&s);
    for (size_t i = 0; i < COUNT_OF(expected_ms); i++) {
        stage_find(&s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_ADDRESS, "203.0.113.9");
        assert_int_equal(action_of(stage_incident(&s), ACTION_DELAY)->amount, expected_ms[i]);
        stage_wait(&s, 600);
    }
    stage_end(&s);
}

static void a_third_high_within_a_day_bans_the_client_too(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    for (unsigned i = 0; i < 2; i++) {
        stage_find(&s, "unauthorized-command", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
        assert_did(&s, "disconnect client m-1");
        stage_wait(&s, 7200);
    }
    stage_find(&s, "unauthorized-command", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
    assert_did(&s, "disconnect client m-1", "ban client-address m-1 192.0.2.7 600");
    stage_end(&s);
}

/* Others behind its address, and the client elsewhere, are not delayed; the id is never banned. */
static void in_a_takeover_war_the_newcomer_is_delayed(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    for (unsigned i = 0; i < 4; i++) {
        stage_find(&s, "client-id-takeover-war", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
        assert_did(&s, "delay m-1 from 192.0.2.7 8000 600");
        assert_int_equal(action_of(stage_incident(&s), ACTION_DELAY)->target_kind,
                         TARGET_CLIENT_ADDRESS);
        stage_wait(&s, 601);
        assert_did(&s, "delay m-1 from 192.0.2.7 0 0");
    }
    stage_end(&s);
}

static void many_who_guess_names_have_strangers_delayed_until_it_is_over(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_find(&s, "credential-stuffing", SEVERITY_HIGH, SUBJECT_FLEET, "");
    assert_did(&s, "delay strangers 8000 600");
    stage_find(&s, "reconnect-storm", SEVERITY_INFO, SUBJECT_FLEET, "");
    assert_did(&s, "delay all 0 600"); /* both stand, and each ends for itself */
    stage_calm(&s, "credential-stuffing", SUBJECT_FLEET, "");
    assert_did(&s, "delay strangers 0 0");
    assert_int_equal(respond_measures(s.r, ACTION_DELAY), 1);
    stage_end(&s);
}

static void who_gave_a_command_that_is_held_is_told_of_and_not_cut_off(void **state)
{
    char disconnect[] = "disconnect";
    char *steps[] = {disconnect};
    const struct respond_play own = {
        "unauthorized-command", NULL, SUBJECT_CLIENT, SEVERITY_HIGH, 1, steps, 1, false};
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.settings.commands_are_held = true;
    stage_restart(&s);
    for (unsigned i = 0; i < 4; i++) { /* however often */
        stage_find(&s, "unauthorized-command", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
        stage_calm(&s, "unauthorized-command", SUBJECT_CLIENT, "m-1");
    }
    assert_did_nothing(&s);
    assert_string_equal(incident_action_text(stage_incident(&s)), "alert");
    stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-2");
    assert_did(&s, "disconnect client m-2", "ban client-address m-2 192.0.2.7 600");
    s.settings.plays = &own; /* what the configuration says goes before it */
    s.settings.n_plays = 1;
    respond_settings_change(s.r, &s.settings);
    stage_find(&s, "unauthorized-command", SEVERITY_HIGH, SUBJECT_CLIENT, "m-3");
    assert_did(&s, "disconnect client m-3");
    stage_end(&s);
}

/* Of what the role of the one who sends may send. */
static void who_sends_too_much_is_left_a_tenth(void **state)
{
    static const struct {
        const char *role;
        uint64_t per_s;
    } roles[] = {{"meter", 100}, {"slow", 1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        struct finding f = finding_of("publish-flood", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1");
        struct stage s;
        const struct action *a;

        stage_begin(&s);
        f.role = bytes_str(roles[i].role);
        respond_finding(s.r, &f, s.now);
        assert_did(&s, "delay 192.0.2.7 1000 600", "restrain");
        a = action_of(stage_incident(&s), ACTION_THROTTLE);
        assert_true(a->state == ACTION_DONE && a->target_kind == TARGET_CLIENT_ADDRESS);
        assert_string_equal(a->address, "192.0.2.7"); /* who has the name elsewhere is not meant */
        assert_int_equal(a->amount, roles[i].per_s);
        stage_wait(&s, 600);
        assert_did(&s, "delay 192.0.2.7 0 0", "restrain"); /* their time is over */
        assert_int_equal(respond_measures(s.r, ACTION_THROTTLE), 0);
        respond_finding(s.r, &f, s.now);
        assert_did(&s, "delay 192.0.2.7 2000 600", "restrain", "disconnect client m-1");
        stage_end(&s);
    }
}

/* 10, 20, 40 ... minutes to a day; a quiet day takes one doubling back. */
static void a_ban_doubles_with_each_repetition_and_halves_with_each_quiet_day(void **state)
{
    struct stage s;
    uint64_t expected_s = 600;

    (void)state;
    stage_begin(&s);
    for (unsigned i = 0; i < 10; i++) {
        const struct action *a;

        stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
        a = action_of(stage_incident(&s), ACTION_BAN);
        assert_true(a->state == ACTION_DONE && a->for_ms == expected_s * 1000);
        assert_true(a->expires_unix_ms == s.now.unix_ms + expected_s * 1000);
        stage_wait(&s, expected_s);
        assert_int_equal(respond_bans(s.r), 0);
        expected_s = MIN(expected_s * 2, 86400);
    }
    stage_calm(&s, "repeated-auth-failures", SUBJECT_ADDRESS, "203.0.113.9");
    stage_wait(&s, 7 * 86400 + 1); /* ten doublings less seven */
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    assert_true(action_of(stage_incident(&s), ACTION_BAN)->for_ms == 600000 * 8);
    stage_end(&s);
}

static void a_ban_in_force_is_not_made_again(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    assert_did(&s, "ban address 203.0.113.9 - 600");
    assert_int_equal(respond_incidents_open(s.r), 1);
    stage_end(&s);
}

/* Critical clients are in the fleet, too, and none is harmed. */
static void a_reconnect_storm_delays_all_connects_until_it_is_over(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_connect(&s, "c-1", "192.0.2.7", "control");
    stage_find(&s, "reconnect-storm", SEVERITY_INFO, SUBJECT_FLEET, "");
    assert_did(&s, "delay all 0 600");
    assert_int_equal(action_of(stage_incident(&s), ACTION_DELAY)->target_kind, TARGET_NODE);
    stage_wait(&s, 599);
    stage_find(&s, "reconnect-storm", SEVERITY_INFO, SUBJECT_FLEET, ""); /* it goes on */
    assert_did(&s, "delay all 0 600");
    stage_wait(&s, 30);
    stage_calm(&s, "reconnect-storm", SUBJECT_FLEET, "");
    assert_did(&s, "delay all 0 0");
    assert_int_equal(action_of(stage_incident(&s), ACTION_DELAY)->state, ACTION_EXPIRED);
    assert_int_equal(respond_measures(s.r, ACTION_DELAY), 0);
    stage_find(&s, "reconnect-storm", SEVERITY_INFO, SUBJECT_FLEET, "");
    s.n_did = 0;
    stage_wait(&s, 600);
    assert_int_equal(respond_measures(s.r, ACTION_DELAY), 0);
    stage_end(&s);
}

static void the_play_of_a_reconnect_storm_can_be_replaced(void **state)
{
    static const struct respond_play play = {
        .detector = "reconnect-storm", .subject = SUBJECT_FLEET, .severity = SEVERITY_INFO};
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.settings.plays = &play;
    s.settings.n_plays = 1;
    stage_restart(&s);
    stage_find(&s, "reconnect-storm", SEVERITY_INFO, SUBJECT_FLEET, "");
    assert_did_nothing(&s);
    assert_false(has_action(stage_incident(&s), ACTION_DELAY));
    stage_end(&s);
}

static void a_reconnect_storm_is_only_told_of_where_nothing_is_done_automatically(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(respond_suspend(s.r, 10, "admin:alice", s.now), RESPOND_OK);
    stage_find(&s, "reconnect-storm", SEVERITY_INFO, SUBJECT_FLEET, "");
    assert_did_nothing(&s);
    assert_int_equal(action_of(stage_incident(&s), ACTION_DELAY)->state, ACTION_OBSERVED);
    s.settings.enforce = false;
    stage_restart(&s);
    stage_find(&s, "reconnect-storm", SEVERITY_INFO, SUBJECT_FLEET, "");
    assert_did_nothing(&s);
    stage_end(&s);
}

/* There are five detectors: each finds something low about one client. */
static void low_findings_of_five_detectors_are_medium(void **state)
{
    struct stage s;
    struct finding f;

    (void)state;
    stage_begin(&s);
    for (size_t i = 0; i < 5; i++) {
        for (unsigned k = 0; k < 3; k++) {
            f = finding_of(detect_detector(i)->name, SEVERITY_LOW, SUBJECT_CLIENT, "m-1");
            respond_finding(s.r, &f, s.now);
            if (i == 4)
                break;
            assert_did_nothing(&s);
        }
        stage_wait(&s, i < 4 ? 600 : 0);
    }
    assert_did(&s, "delay 192.0.2.7 1000 600");
    assert_int_equal(stage_incident(&s)->severity, SEVERITY_MEDIUM);
    stage_end(&s);
}

static void a_time_scale_shortens_what_is_done(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.settings.time_scale = 60;
    stage_restart(&s);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    stage_find(&s, "wildcard-snoop", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1");
    assert_did(&s, "ban address 203.0.113.9 - 10", "delay 192.0.2.7 1000 10");
    stage_wait(&s, 10);
    assert_did(&s, "unban address 203.0.113.9 -", "delay 192.0.2.7 0 0");
    stage_end(&s);
}

static void more_subjects_than_fit_forget_the_one_seen_least_recently(void **state)
{
    struct stage s;
    char address[32];

    (void)state;
    stage_begin(&s);
    s.settings.enforce = false;
    stage_restart(&s);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
        stage_find(&s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_ADDRESS, address);
    }
    stage_find(&s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_ADDRESS, "10.0.0.0");
    assert_false(has_action(stage_incident(&s), ACTION_DISCONNECT));
    stage_find(&s, "topic-scan-publish", SEVERITY_MEDIUM, SUBJECT_ADDRESS, "10.0.19.135");
    assert_true(has_action(stage_incident(&s), ACTION_DISCONNECT));
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_severity_has_its_actions),
        cmocka_unit_test(an_action_says_who_why_and_until_when),
        cmocka_unit_test(a_second_medium_within_an_hour_disconnects),
        cmocka_unit_test(a_delay_doubles_to_eight_seconds),
        cmocka_unit_test(a_third_high_within_a_day_bans_the_client_too),
        cmocka_unit_test(in_a_takeover_war_the_newcomer_is_delayed),
        cmocka_unit_test(many_who_guess_names_have_strangers_delayed_until_it_is_over),
        cmocka_unit_test(who_gave_a_command_that_is_held_is_told_of_and_not_cut_off),
        cmocka_unit_test(who_sends_too_much_is_left_a_tenth),
        cmocka_unit_test(a_ban_doubles_with_each_repetition_and_halves_with_each_quiet_day),
        cmocka_unit_test(a_ban_in_force_is_not_made_again),
        cmocka_unit_test(a_reconnect_storm_delays_all_connects_until_it_is_over),
        cmocka_unit_test(the_play_of_a_reconnect_storm_can_be_replaced),
        cmocka_unit_test(a_reconnect_storm_is_only_told_of_where_nothing_is_done_automatically),
        cmocka_unit_test(low_findings_of_five_detectors_are_medium),
        cmocka_unit_test(a_time_scale_shortens_what_is_done),
        cmocka_unit_test(more_subjects_than_fit_forget_the_one_seen_least_recently),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
