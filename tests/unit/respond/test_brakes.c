/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_brakes.c - what holds automatic actions back: blast radius, approval,
 * mode, grace, kill switch */
#include "stage.h"

static void an_address_with_clients_that_work_waits_for_approval(void **state)
{
    struct stage s;
    unsigned n = 0;

    (void)state;
    stage_begin(&s);
    s.online = 1000; /* the blast radius is 20 */
    stage_find_guesser(&s, "203.0.113.1");
    assert_did(&s, "ban address 203.0.113.1 - 600");
    s.at_address = 1;
    s.n_published = 0;
    stage_find_guesser(&s, "203.0.113.2");
    assert_did_nothing(&s);
    assert_string_equal(incident_action_text(stage_incident(&s)), "held");
    assert_int_equal(respond_incident_approve(s.r, stage_incident(&s)->id, "admin:alice", s.now,
                                              &(unsigned){0}, &n),
                     RESPOND_OK);
    assert_int_equal(n, 1);
    assert_did(&s, "ban address 203.0.113.2 - 600");
    assert_string_equal(action_of(stage_incident(&s), ACTION_BAN)->author, "admin:alice");
    assert_string_equal(incident_action_text(stage_incident(&s)), "ban");
    assert_int_equal(respond_incident_approve(s.r, stage_incident(&s)->id, "admin:alice", s.now,
                                              &(unsigned){0}, &n),
                     RESPOND_E_CONFLICT);
    assert_int_equal(respond_incident_approve(s.r, "I-0", "admin:alice", s.now, &(unsigned){0}, &n),
                     RESPOND_E_NOT_FOUND);
    stage_end(&s);
}

/* How many different clients are acted upon in ten minutes, by how many are online. */
static const struct {
    unsigned online;
    unsigned limit;
} blasts[] = {{0, 5}, {10, 5}, {250, 5}, {500, 10}, {1000, 20}, {100000, 20}};

static void no_more_clients_are_touched_than_the_blast_radius(void **state)
{
    (void)state;
    for (size_t b = 0; b < COUNT_OF(blasts); b++) {
        struct stage s;
        char client[16];

        stage_begin(&s);
        s.online = blasts[b].online;
        for (unsigned i = 0; i < 30; i++) {
            snprintf(client, sizeof(client), "m-%u", i);
            stage_find_high(&s, client);
            assert_string_equal(incident_action_text(stage_incident(&s)),
                                i < blasts[b].limit ? "ban" : "held");
        }
        assert_int_equal(respond_bans(s.r), blasts[b].limit);
        assert_int_equal(respond_counters(s.r).held, 2 * (30 - blasts[b].limit));
        stage_wait(&s, 601);
        stage_find_high(&s, "late");
        assert_string_equal(incident_action_text(stage_incident(&s)), "ban");
        stage_end(&s);
    }
}

static void one_client_that_is_touched_again_counts_once(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.online = 0;
    for (unsigned i = 0; i < 30; i++) {
        stage_find(&s, "unauthorized-command", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
        assert_int_equal(action_of(stage_incident(&s), ACTION_DISCONNECT)->state, ACTION_DONE);
    }
    stage_end(&s);
}

/* Addresses where nobody is connected touch nobody. */
static void guessers_from_many_addresses_are_all_banned(void **state)
{
    struct stage s;
    char address[32];

    (void)state;
    stage_begin(&s);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(address, sizeof(address), "203.0.113.%u", i);
        stage_find_guesser(&s, address);
    }
    assert_int_equal(respond_bans(s.r), 200);
    stage_end(&s);
}

static void the_blast_radius_can_be_configured(void **state)
{
    struct stage s;
    char client[16];

    (void)state;
    stage_begin(&s);
    s.settings.blast_clients_max = 3;
    s.settings.blast_percent_max = 50;
    stage_restart(&s);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(client, sizeof(client), "m-%u", i);
        stage_find_high(&s, client);
    }
    assert_int_equal(respond_bans(s.r), 3);
    stage_end(&s);
}

static void what_is_held_is_not_done_when_nobody_approves_in_15_min(void **state)
{
    struct stage s;
    unsigned n;
    const struct action *a;

    (void)state;
    stage_begin(&s);
    s.at_address = 50;
    stage_find_guesser(&s, "203.0.113.2");
    stage_wait(&s, 899);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_HELD);
    stage_wait(&s, 1);
    a = action_of(stage_incident(&s), ACTION_BAN);
    assert_int_equal(a->state, ACTION_OBSERVED);
    assert_non_null(strstr(a->why_not, "not given in time"));
    assert_non_null(strstr(s.published, "\"state\":\"update\""));
    assert_int_equal(
        respond_incident_approve(s.r, stage_incident(&s)->id, "admin:a", s.now, &(unsigned){0}, &n),
        RESPOND_E_CONFLICT);
    assert_did_nothing(&s);
    stage_end(&s);
}

static void who_became_critical_meanwhile_is_spared_by_an_approval(void **state)
{
    struct stage s;
    unsigned n;

    (void)state;
    stage_begin(&s);
    s.at_address = 50;
    stage_find_guesser(&s, "203.0.113.2");
    stage_connect(&s, "scada", "203.0.113.2", "control");
    assert_int_equal(
        respond_incident_approve(s.r, stage_incident(&s)->id, "admin:a", s.now, &(unsigned){0}, &n),
        RESPOND_OK);
    assert_int_equal(n, 0);
    assert_did_nothing(&s);
    stage_end(&s);
}

static void in_observe_mode_it_is_seen_what_would_be_done(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    respond_settings_change(s.r, &(struct respond_settings){.enforce = false});
    stage_find_high(&s, "m-1");
    assert_only_alerted(&s, ACTION_BAN, ACTION_OBSERVED);
    assert_non_null(strstr(action_of(stage_incident(&s), ACTION_BAN)->why_not, "observe mode"));
    assert_int_equal(respond_counters(s.r).observed, 2);
    respond_settings_change(s.r, &(struct respond_settings){.enforce = true});
    stage_find_high(&s, "m-1");
    assert_did(&s, "disconnect client m-1", "ban client-address m-1 192.0.2.7 600");
    stage_end(&s);
}

static void in_the_grace_after_the_start_nothing_is_done(void **state)
{
    struct stage s;
    struct finding f = finding_of("topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");

    (void)state;
    f.in_grace = true;
    stage_begin(&s);
    respond_finding(s.r, &f, s.now);
    assert_only_alerted(&s, ACTION_DISCONNECT, ACTION_OBSERVED);
    stage_end(&s);
}

static void the_kill_switch_stops_actions_for_its_time(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(respond_suspend(s.r, 30, "admin:alice", s.now), RESPOND_OK);
    assert_true(respond_suspended_until_unix_ms(s.r) == s.now.unix_ms + 1800000);
    stage_find_high(&s, "m-1");
    assert_only_alerted(&s, ACTION_BAN, ACTION_OBSERVED);
    stage_wait(&s, 1799);
    stage_find_high(&s, "m-1");
    assert_did_nothing(&s);
    stage_wait(&s, 1);
    assert_true(respond_suspended_until_unix_ms(s.r) == 0);
    stage_find_high(&s, "m-1");
    assert_did(&s, "disconnect client m-1", "ban client-address m-1 192.0.2.7 600");
    stage_end(&s);
}

static void the_kill_switch_can_be_put_back_and_has_a_limit(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(respond_suspend(s.r, 1441, "admin:alice", s.now), RESPOND_E_INVALID);
    assert_true(respond_suspended_until_unix_ms(s.r) == 0);
    assert_int_equal(respond_suspend(s.r, 1440, "admin:alice", s.now), RESPOND_OK);
    assert_int_equal(respond_suspend(s.r, 0, "admin:alice", s.now), RESPOND_OK);
    assert_true(respond_suspended_until_unix_ms(s.r) == 0);
    stage_find_guesser(&s, "203.0.113.1");
    assert_did(&s, "ban address 203.0.113.1 - 600");
    stage_end(&s);
}

/* An admin may ban while automatic actions are suspended. */
static void the_kill_switch_does_not_tie_people(void **state)
{
    struct stage s;
    const struct respond_ban b = {
        .kind = RESPOND_BAN_USER, .subject = "eve", .reason = "left", .author = "admin:alice"};

    (void)state;
    stage_begin(&s);
    assert_int_equal(respond_suspend(s.r, 30, "admin:alice", s.now), RESPOND_OK);
    assert_int_equal(respond_ban_add(s.r, &b, s.now, &(char *){NULL}), RESPOND_OK);
    assert_did(&s, "ban user eve - 0");
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_with_clients_that_work_waits_for_approval),
        cmocka_unit_test(no_more_clients_are_touched_than_the_blast_radius),
        cmocka_unit_test(one_client_that_is_touched_again_counts_once),
        cmocka_unit_test(guessers_from_many_addresses_are_all_banned),
        cmocka_unit_test(the_blast_radius_can_be_configured),
        cmocka_unit_test(what_is_held_is_not_done_when_nobody_approves_in_15_min),
        cmocka_unit_test(who_became_critical_meanwhile_is_spared_by_an_approval),
        cmocka_unit_test(in_observe_mode_it_is_seen_what_would_be_done),
        cmocka_unit_test(in_the_grace_after_the_start_nothing_is_done),
        cmocka_unit_test(the_kill_switch_stops_actions_for_its_time),
        cmocka_unit_test(the_kill_switch_can_be_put_back_and_has_a_limit),
        cmocka_unit_test(the_kill_switch_does_not_tie_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
