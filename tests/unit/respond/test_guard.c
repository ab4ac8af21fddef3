/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_guard.c - whom an automatic action spares */
#include "stage.h"

static void a_disconnect_that_hit_nobody_is_not_done(void **state)
{
    struct stage s;
    const struct action *a;

    (void)state;
    stage_begin(&s);
    s.nobody_is_there = true;
    stage_find_high(&s, "m-1");
    assert_did(&s, "disconnect client m-1", "ban client-address m-1 192.0.2.7 600");
    a = action_of(stage_incident(&s), ACTION_DISCONNECT);
    assert_int_equal(a->state, ACTION_FAILED);
    assert_non_null(strstr(a->why_not, "nobody was connected"));
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_DONE);
    assert_int_equal(respond_counters(s.r).actions[ACTION_DISCONNECT], 0);
    stage_end(&s);
}

static void a_critical_role_is_told_of_and_never_acted_upon(void **state)
{
    struct stage s;
    struct finding f =
        finding_of("unauthorized-command", SEVERITY_CRITICAL, SUBJECT_CLIENT, "plc-1");

    (void)state;
    f.role = BYTES("control");
    stage_begin(&s);
    respond_finding(s.r, &f, s.now);
    assert_only_alerted(&s, ACTION_BAN, ACTION_WITHHELD);
    assert_string_equal(incident_action_text(stage_incident(&s)), "alert");
    assert_int_equal(respond_counters(s.r).withheld, 2);
    stage_end(&s);
}

/* Only a play of the configuration has it; whom never_act_on names is spared that, too. */
static void the_commands_of_a_critical_client_are_held_where_a_play_says_so(void **state)
{
    char hold[] = "hold 10m";
    char disconnect[] = "disconnect";
    char *steps[] = {hold, disconnect};
    char spared[] = "client plc-2";
    char *never[] = {spared};
    const struct respond_play play = {
        "brute-force-io", "control", SUBJECT_KIND_N, SEVERITY_HIGH, 1, steps, 2, false};
    struct stage s;
    const struct action *a;

    (void)state;
    stage_begin(&s);
    s.settings.plays = &play;
    s.settings.n_plays = 1;
    s.settings.never_act_on = never;
    s.settings.n_never_act_on = 1;
    stage_restart(&s);
    for (unsigned i = 0; i < 2; i++) {
        struct finding f =
            finding_of("brute-force-io", SEVERITY_HIGH, SUBJECT_CLIENT, i == 0 ? "plc-1" : "plc-2");

        f.role = BYTES("control");
        respond_finding(s.r, &f, s.now);
        a = action_of(stage_incident(&s), ACTION_HOLD);
        assert_int_equal(a->state, i == 0 ? ACTION_DONE : ACTION_WITHHELD);
        assert_true(a->target_kind == TARGET_CLIENT_ADDRESS);
        assert_int_equal(action_of(stage_incident(&s), ACTION_DISCONNECT)->state, ACTION_WITHHELD);
    }
    assert_did(&s, "restrain");
    assert_int_equal(respond_measures(s.r, ACTION_HOLD), 1);
    stage_restart(&s); /* it is in force again, but not beyond its end */
    assert_int_equal(respond_measures(s.r, ACTION_HOLD), 1);
    stage_wait(&s, 600);
    assert_int_equal(respond_measures(s.r, ACTION_HOLD), 0);
    stage_end(&s);
}

static void a_dry_run_tells_which_roles_are_guarded_and_leaves_no_trace(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_true(respond_is_guarded(s.r, "control", s.now));
    assert_false(respond_is_guarded(s.r, "device", s.now));
    assert_did_nothing(&s);
    assert_int_equal(respond_incidents_open(s.r), 0);
    assert_int_equal(respond_counters(s.r).withheld, 0);
    stage_end(&s);
}

static void the_address_of_a_critical_client_is_never_acted_upon(void **state)
{
    static const enum severity severities[] = {SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL};
    struct stage s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(severities); i++) {
        stage_begin(&s);
        stage_connect(&s, "scada", "192.0.2.50", "control");
        assert_true(respond_protect_has(s.r, SUBJECT_ADDRESS, BYTES("192.0.2.50")));
        stage_find(&s, "repeated-auth-failures", severities[i], SUBJECT_ADDRESS, "192.0.2.50");
        assert_did_nothing(&s);
        assert_int_equal(respond_bans(s.r), 0);
        assert_string_equal(incident_action_text(stage_incident(&s)), "alert");
        stage_end(&s);
    }
}

/* When the event of its CONNECT was shed. */
static void a_critical_client_that_is_told_of_later_is_protected_from_then_on(void **state)
{
    const struct event e = {
        .kind = EVENT_STANDING,
        .client_id = BYTES("scada"),
        .address = BYTES("192.0.2.50"),
        .role = BYTES("control"),
    };
    struct stage s;

    (void)state;
    stage_begin(&s);
    respond_protect_event(s.r, &e);
    assert_true(respond_protect_has(s.r, SUBJECT_ADDRESS, BYTES("192.0.2.50")));
    assert_true(respond_protect_has(s.r, SUBJECT_CLIENT, BYTES("scada")));
    stage_end(&s);
}

static void the_client_and_user_of_a_critical_role_are_known_without_the_role(void **state)
{
    struct stage s;
    struct finding f = finding_of("topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "scada");

    (void)state;
    f.role = BYTES_NONE;
    f.user_name = BYTES_NONE;
    stage_begin(&s);
    stage_connect(&s, "scada", "192.0.2.50", "control");
    respond_finding(s.r, &f, s.now);
    assert_only_alerted(&s, ACTION_BAN, ACTION_WITHHELD);
    stage_end(&s);
}

static void an_ordinary_client_protects_nothing(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_connect(&s, "m-1", "203.0.113.9", "meter");
    stage_find_guesser(&s, "203.0.113.9");
    assert_did(&s, "ban address 203.0.113.9 - 600");
    stage_end(&s);
}

/* A rogue on the control master's host is acted upon as a client; the host is not. */
static void another_client_at_a_protected_address_is_acted_upon_by_name(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_connect(&s, "scada", "192.0.2.7", "control");
    stage_find(&s, "wildcard-snoop", SEVERITY_MEDIUM, SUBJECT_CLIENT, "rogue");
    assert_did_nothing(&s);
    stage_find_high(&s, "rogue");
    assert_did(&s, "disconnect client rogue", "ban client-address rogue 192.0.2.7 600");
    stage_end(&s);
}

static void whom_the_configuration_names_is_spared_until_it_names_others(void **state)
{
    /* clang-format off */
    static const struct {
        char *spared;
        const char *certificate; /* of gw-1 */
        bool is_spared;
    } cases[] = {
        {"client gw-1", NULL, true},        {"client gw-2", NULL, false},
        {"address 192.0.2.0/24", NULL, true}, {"address 198.51.100.0/24", NULL, false},
        {"certificate 0a12", "0A12", true}, {"certificate 0A13", "0A12", false},
        {"certificate a12", "0A12", true},  {"certificate 00:0a:12", "0A12", true},
        {"user joe", NULL, true},           {"user ann", NULL, false},
    };
    /* clang-format on */
    struct stage s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct finding f = finding_of("topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "gw-1");
        struct respond_settings named = {
            .enforce = true, .never_act_on = (char *const[]){cases[i].spared}, .n_never_act_on = 1};

        print_message("  %s\n", cases[i].spared);
        assert_null(respond_spared_wrong_why(cases[i].spared));
        f.user_name = BYTES("joe");
        stage_begin(&s);
        s.certificate = cases[i].certificate;
        respond_settings_change(s.r, &named);
        respond_finding(s.r, &f, s.now);
        assert_int_equal(respond_bans(s.r), !cases[i].is_spared);
        assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state,
                         cases[i].is_spared ? ACTION_WITHHELD : ACTION_DONE);
        named.n_never_act_on = 0;
        respond_settings_change(s.r, &named);
        respond_finding(s.r, &f, s.now);
        assert_int_equal(respond_bans(s.r), 1);
        stage_end(&s);
    }
}

/* What somebody calls himself who was not let in protects nobody. */
static void an_address_is_spared_for_itself_and_not_by_the_names_used_from_it(void **state)
{
    struct finding f =
        finding_of("repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
    static char *const spared[] = {"client gw-1", "user joe", "address 198.51.100.7"};
    const struct respond_settings named = {
        .enforce = true, .never_act_on = spared, .n_never_act_on = COUNT_OF(spared)};
    struct stage s;

    (void)state;
    f.client_id = BYTES("gw-1");
    f.user_name = BYTES("joe");
    stage_begin(&s);
    respond_settings_change(s.r, &named);
    respond_finding(s.r, &f, s.now);
    assert_int_equal(respond_bans(s.r), 1);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "198.51.100.7");
    assert_int_equal(respond_bans(s.r), 1);
    stage_end(&s);
}

static void who_is_none_to_be_spared_is_told(void **state)
{
    static const char *const cases[] = {
        "",          "client",           "planet x",           "topic a/#", "address 10.0.0.1/33",
        "issuer CA", "certificate 0x1A", "certificate gateway"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_non_null(respond_spared_wrong_why(cases[i]));
}

static void learned_protection_is_bounded(void **state)
{
    struct stage s;
    char name[32];

    (void)state;
    stage_begin(&s);
    for (unsigned i = 0; i < 65537; i++) {
        snprintf(name, sizeof(name), "c-%u", i);
        stage_connect(&s, name, "192.0.2.1", "control");
    }
    assert_false(respond_protect_has(s.r, SUBJECT_CLIENT, BYTES("c-0")));
    assert_true(respond_protect_has(s.r, SUBJECT_CLIENT, BYTES("c-1")));
    assert_true(respond_protect_has(s.r, SUBJECT_ADDRESS, BYTES("192.0.2.1")));
    stage_end(&s);
}

static void an_alert_only_finding_is_never_acted_upon(void **state)
{
    struct stage s;
    struct finding f =
        finding_of("repeated-auth-failures", SEVERITY_CRITICAL, SUBJECT_CLIENT, "m-1");

    (void)state;
    f.alert_only = true;
    stage_begin(&s);
    respond_finding(s.r, &f, s.now);
    assert_did_nothing(&s);
    assert_string_equal(incident_action_text(stage_incident(&s)), "alert");
    stage_end(&s);
}

/* No action of any detector or severity bans an identity without its address. */
static void an_identity_is_banned_only_with_its_address(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    for (size_t d = 0; d < detect_detectors(); d++) {
        for (enum severity v = 0; v < SEVERITY_N; v++) {
            for (enum subject_kind k = 0; k < SUBJECT_KIND_N; k++) {
                struct finding f = finding_of(detect_detector(d)->name, v, k, "x");

                respond_finding(s.r, &f, s.now);
                f.address = k == SUBJECT_ADDRESS ? f.subject : BYTES_NONE;
                respond_finding(s.r, &f, s.now);
            }
        }
    }
    for (unsigned i = 0; i < s.n_did; i++) {
        assert_true(strncmp(s.did[i], "ban client x", 12) != 0);
        assert_true(strncmp(s.did[i], "ban user", 8) != 0);
        assert_null(strstr(s.did[i], " user "));
    }
    assert_true(s.n_did > 10);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disconnect_that_hit_nobody_is_not_done),
        cmocka_unit_test(a_critical_role_is_told_of_and_never_acted_upon),
        cmocka_unit_test(the_commands_of_a_critical_client_are_held_where_a_play_says_so),
        cmocka_unit_test(a_dry_run_tells_which_roles_are_guarded_and_leaves_no_trace),
        cmocka_unit_test(the_address_of_a_critical_client_is_never_acted_upon),
        cmocka_unit_test(a_critical_client_that_is_told_of_later_is_protected_from_then_on),
        cmocka_unit_test(the_client_and_user_of_a_critical_role_are_known_without_the_role),
        cmocka_unit_test(an_ordinary_client_protects_nothing),
        cmocka_unit_test(another_client_at_a_protected_address_is_acted_upon_by_name),
        cmocka_unit_test(whom_the_configuration_names_is_spared_until_it_names_others),
        cmocka_unit_test(an_address_is_spared_for_itself_and_not_by_the_names_used_from_it),
        cmocka_unit_test(who_is_none_to_be_spared_is_told),
        cmocka_unit_test(learned_protection_is_bounded),
        cmocka_unit_test(an_alert_only_finding_is_never_acted_upon),
        cmocka_unit_test(an_identity_is_banned_only_with_its_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
