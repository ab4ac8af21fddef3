/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_order.c - actions by order, measures, and steps of a playbook */
#include "stage.h"

#include "store/audit.h"

static enum respond_answer order(struct stage *s, struct respond_order o)
{
    enum respond_answer a;
    char *why = NULL;

    o.reason = "test";
    a = respond_order_run(s->r, &o, "admin:alice", s->now, &why);
    free(why);
    return a;
}

static enum respond_answer undo(struct stage *s, struct respond_order o)
{
    enum respond_answer a;
    char *why = NULL;

    a = respond_order_undo(s->r, &o, "admin:alice", s->now, &why);
    assert_true(a == RESPOND_E_CONFLICT || why == NULL);
    free(why);
    return a;
}

#define AT(kind_, target_kind_, target_)                                                           \
    .kind = ACTION_##kind_, .target_kind = TARGET_##target_kind_, .target = (target_)

/* clang-format off */
static const struct {
    struct respond_order order;
    enum respond_answer answer;
    const char *did[3];
    const char *undid; /* NULL: nothing to undo */
} cases[] = {
    {{AT(DELAY, ADDRESS, "192.0.2.1"), .amount = 500, .for_ms = 60000}, RESPOND_OK, {"delay 192.0.2.1 500 60"}, "delay 192.0.2.1 0 0"},
    {{AT(DELAY, CLIENT, "m-1"), .amount = 500}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(DELAY, ADDRESS, "192.0.2.1"), .amount = 60001}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(DELAY, NODE, "node"), .for_ms = 60000}, RESPOND_OK, {"delay all 0 60"}, "delay all 0 0"},
    {{AT(DELAY, NODE, "node"), .amount = 500}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(THROTTLE, USER, "eve"), .amount = 5}, RESPOND_OK, {"restrain"}, "restrain"},
    {{AT(THROTTLE, USER, "eve")}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(THROTTLE, TOPIC, "a/#"), .amount = 5}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(HOLD, CLIENT, "m-1"), .for_ms = 60000}, RESPOND_OK, {"restrain"}, "restrain"},
    {{AT(HOLD, USER, "eve")}, RESPOND_OK, {"restrain"}, "restrain"},
    {{AT(HOLD, TOPIC, "a/#")}, RESPOND_OK, {"restrain"}, "restrain"},
    {{AT(HOLD, LISTENER, "field")}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(DISCONNECT, TOPIC, "a/#")}, RESPOND_OK, {"disconnect topic a/#"}, NULL},
    {{AT(DISCONNECT, NODE, "node")}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(BAN, ISSUER, "old CA"), .for_ms = 60000}, RESPOND_OK, {"ban issuer old CA - 60"}, "unban issuer old CA -"},
    {{AT(BAN, CLIENT, "m-1")}, RESPOND_OK, {"ban client m-1 - 0"}, "unban client m-1 -"},
    {{AT(BAN, TOPIC, "a/#")}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(QUARANTINE, TOPIC, "a/#"), .directions = RESPOND_PUBLISH}, RESPOND_OK, {"restrain"}, "restrain"},
    {{AT(QUARANTINE, TOPIC, "a/#")}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(FIREWALL, ADDRESS, "192.0.2.0/24"), .for_ms = 60000}, RESPOND_OK, {"firewall 192.0.2.0/24 60"}, "firewall 192.0.2.0/24 0"},
    {{AT(FIREWALL, ADDRESS, "192.0.2.1")}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(FIREWALL, ADDRESS, "192.0.2.1"), .for_ms = 604801000}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(REVOKE_CERTIFICATE, CERTIFICATE, "0A")}, RESPOND_OK, {"ban certificate 0A - 0", "revoke 0A"}, NULL},
    {{AT(REVOKE_CERTIFICATE, CERTIFICATE, "0A"), .for_ms = 60000}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(REVOKE_USER, USER, "eve")}, RESPOND_OK, {"ban user eve - 0"}, "unban user eve -"},
    {{AT(POSTURE, NODE, "node"), .amount = POSTURE_LOCKDOWN}, RESPOND_OK, {"posture lockdown"}, "posture normal"},
    {{AT(POSTURE, NODE, "node")}, RESPOND_E_INVALID, {NULL}, NULL},
    {{AT(SHUTDOWN, NODE, "node")}, RESPOND_OK, {"shutdown admin:alice test"}, NULL},
    {{AT(ALERT, CLIENT, "m-1")}, RESPOND_E_INVALID, {NULL}, NULL},
};
/* clang-format on */

static void each_action_does_what_it_says_and_its_inverse_takes_it_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct stage s;

        print_message("  %s %s\n", action_kind_text(cases[i].order.kind), cases[i].order.target);
        stage_begin(&s);
        assert_int_equal(order(&s, cases[i].order), cases[i].answer);
        assert_did_all(&s, cases[i].did);
        if (cases[i].undid != NULL) {
            assert_int_equal(undo(&s, cases[i].order), RESPOND_OK);
            assert_did(&s, cases[i].undid);
            assert_int_equal(s.restrained, 0);
            assert_int_equal(undo(&s, cases[i].order), RESPOND_E_NOT_FOUND);
        } else {
            assert_int_not_equal(undo(&s, cases[i].order), RESPOND_OK);
        }
        assert_did_nothing(&s);
        stage_end(&s);
    }
}

/* clang-format off */
static const struct {
    struct respond_order order;
    const char *text;
} exact[] = {
    {{AT(DELAY, ADDRESS, "192.0.2.1"), .amount = 500, .for_ms = 90000}, "delay 500 ms for 90s"},
    {{AT(DELAY, NODE, "node"), .for_ms = 60000}, "delay for 1m"},
    {{AT(THROTTLE, USER, "eve"), .amount = 50, .for_ms = 600000}, "throttle 50/s for 10m"},
    {{AT(QUARANTINE, TOPIC, "a/#"), .directions = RESPOND_PUBLISH}, "quarantine publish"},
    {{AT(QUARANTINE, LISTENER, "field"), .directions = RESPOND_PUBLISH | RESPOND_DELIVER, .for_ms = 86400000}, "quarantine for 1d"},
    {{AT(POSTURE, NODE, "node"), .amount = POSTURE_LOCKDOWN, .for_ms = 7200000}, "posture lockdown for 2h"},
    {{AT(BAN, CLIENT, "m-1"), .for_ms = 1500}, "ban for 1500 ms"},
    {{AT(DISCONNECT, CLIENT, "m-1")}, "disconnect"},
};
/* clang-format on */

static void an_action_says_what_exactly_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(exact); i++) {
        char *text = respond_exactly(&exact[i].order);

        assert_string_equal(text, exact[i].text);
        free(text);
    }
}

static void count_end(void *arg, const struct audit_row *row)
{
    const struct audit_entry *e = &row->entry;
    unsigned *n = arg;

    *n += strcmp(e->actor, "node") == 0 && strcmp(e->action, "undo throttle") == 0 &&
          strcmp(e->object, "client m-1") == 0 &&
          strcmp(e->result, "done, its time is over: throttle 5/s for 1m") == 0;
    *n += strcmp(e->actor, "node") == 0 && strcmp(e->action, "unban") == 0 &&
          strcmp(e->result, "done, its time is over: ban for 1m") == 0;
    *n +=
        strcmp(e->actor, "node") == 0 && strcmp(e->action, "undo quarantine") == 0 &&
        strcmp(e->result, "done, its time is over, with 1 blocks: quarantine publish for 1m") == 0;
}

static void what_ends_by_time_is_in_the_audit(void **state)
{
    struct stage s;
    unsigned n = 0;
    char *error = NULL;

    (void)state;
    stage_begin(&s);
    order(&s, (struct respond_order){AT(THROTTLE, CLIENT, "m-1"), .amount = 5, .for_ms = 60000});
    order(&s, (struct respond_order){AT(BAN, CLIENT, "m-2"), .for_ms = 60000});
    order(&s, (struct respond_order){AT(QUARANTINE, TOPIC, "a/#"), .directions = RESPOND_PUBLISH,
                                     .for_ms = 60000});
    stage_wait(&s, 61);
    assert_true(control_audit_each(s.settings.control, 0, 0, count_end, &n, &error));
    assert_int_equal(n, 3);
    stage_end(&s);
}

static void what_the_node_cannot_do_is_not_in_force(void **state)
{
    const struct respond_order block = {AT(FIREWALL, ADDRESS, "192.0.2.1"), .for_ms = 60000};
    const struct respond_order revoke = {AT(REVOKE_CERTIFICATE, CERTIFICATE, "0A")};
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.firewall_says = "nobody is there";
    assert_int_equal(order(&s, block), RESPOND_E_CONFLICT);
    assert_int_equal(respond_measures(s.r, ACTION_FIREWALL), 0);
    /* The certificate is kept out all the same. */
    s.ca_says = "no such CA";
    assert_int_equal(order(&s, revoke), RESPOND_E_CONFLICT);
    assert_int_equal(respond_bans(s.r), 1);
    stage_end(&s);
}

static void a_measure_ends_at_its_time_and_outlives_a_restart(void **state)
{
    const struct respond_order for_good = {AT(QUARANTINE, TOPIC, "a/#"),
                                           .directions = RESPOND_DELIVER};
    const struct respond_order for_a_while = {AT(THROTTLE, CLIENT, "m-1"), .amount = 5,
                                              .for_ms = 60000};
    const struct respond_order posture = {AT(POSTURE, NODE, "node"), .amount = POSTURE_ELEVATED,
                                          .for_ms = 90000};
    const struct respond_order delay = {AT(DELAY, ADDRESS, "192.0.2.1"), .amount = 500};
    struct stage s;

    (void)state;
    stage_begin(&s);
    assert_int_equal(order(&s, for_good), RESPOND_OK);
    assert_int_equal(order(&s, for_a_while), RESPOND_OK);
    assert_int_equal(order(&s, posture), RESPOND_OK);
    assert_int_equal(order(&s, delay), RESPOND_OK);
    stage_restart(&s);
    s.n_did = 0;
    respond_measures_resume(s.r, BIT(ACTION_POSTURE) | BIT(ACTION_FIREWALL), s.now);
    assert_did(&s, "posture elevated");
    assert_int_equal(respond_measures(s.r, ACTION_DELAY), 0); /* ends with the run */
    stage_wait(&s, 60);
    assert_did(&s, "restrain");
    assert_int_equal(respond_measures(s.r, ACTION_THROTTLE), 0);
    s.now.unix_ms += 30000; /* over while it does not run */
    stage_restart(&s);
    assert_int_equal(respond_measures(s.r, ACTION_POSTURE), 0);
    assert_int_equal(respond_measures(s.r, ACTION_QUARANTINE), 1);
    stage_end(&s);
}

static void the_strictest_of_several_measures_is_in_force(void **state)
{
    struct respond_order delay = {AT(DELAY, ADDRESS, "192.0.2.7"), .amount = 5000, .for_ms = 60000};
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_find(&s, "wildcard-snoop", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1");
    assert_did(&s, "delay 192.0.2.7 1000 600");
    assert_int_equal(order(&s, delay), RESPOND_OK);
    assert_did(&s, "delay 192.0.2.7 5000 600");
    assert_int_equal(undo(&s, delay), RESPOND_OK);
    assert_did(&s, "delay 192.0.2.7 0 0"); /* a person's undo means all of them */
    assert_int_equal(action_of(stage_incident(&s), ACTION_DELAY)->state, ACTION_UNDONE);
    stage_end(&s);
}

static void a_third_high_finding_asks_for_the_firewall_where_there_is_one(void **state)
{
    (void)state;
    for (unsigned has = 0; has < 2; has++) {
        struct stage s;

        stage_begin(&s);
        s.settings.has_firewall = has;
        stage_restart(&s);
        for (unsigned i = 0; i < 3; i++) {
            stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "203.0.113.9");
            stage_calm(&s, "repeated-auth-failures", SUBJECT_ADDRESS, "203.0.113.9");
            stage_wait(&s, 4000);
        }
        assert_int_equal(
            respond_measures(s.r, ACTION_FIREWALL) +
                (action_of(stage_incident(&s), ACTION_FIREWALL)->state == ACTION_EXPIRED),
            has);
        stage_end(&s);
    }
}

static void a_play_of_the_configuration_goes_before_the_default(void **state)
{
    char throttle[] = "throttle 5 10m";
    char posture[] = "posture elevated 1h";
    char *steps[] = {throttle, posture};
    const struct respond_play plays[] = {
        {"topic-scan-publish", "gateway", SUBJECT_KIND_N, SEVERITY_HIGH, 1, NULL, 0},
        {"topic-scan-publish", NULL, SUBJECT_CLIENT, SEVERITY_HIGH, 1, steps, 2},
    };
    struct stage s;

    (void)state;
    stage_begin(&s);
    s.settings.plays = plays;
    s.settings.n_plays = COUNT_OF(plays);
    stage_restart(&s);
    stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
    assert_did(&s, "restrain", "posture elevated");
    stage_find(&s, "topic-scan-subscribe", SEVERITY_HIGH, SUBJECT_CLIENT, "m-2");
    assert_did(&s, "disconnect client m-2", "ban client-address m-2 192.0.2.7 600");
    stage_end(&s);
}

/* clang-format off */
static const struct {
    const char *text;
    const char *why; /* part of it; NULL: it is one */
    enum action_kind kind;
    uint64_t amount;
    uint64_t for_s;
} steps[] = {
    {"alert",                NULL,          ACTION_ALERT,      0, 0},
    {"disconnect",           NULL,          ACTION_DISCONNECT, 0, 0},
    {"ban 90s",              NULL,          ACTION_BAN,        0, 90},
    {"  ban   2d ",          NULL,          ACTION_BAN,        0, 172800},
    {"throttle 10 5m",       NULL,          ACTION_THROTTLE,   10, 300},
    {"hold 10m",             NULL,          ACTION_HOLD,       0, 600},
    {"hold",                 "duration",    0, 0, 0},
    {"posture lockdown 1h",  NULL,          ACTION_POSTURE,    POSTURE_LOCKDOWN, 3600},
    {"firewall 7d",          NULL,          ACTION_FIREWALL,   0, 604800},
    {"",                     "is no step",  0, 0, 0},
    {"shutdown",             NULL,          ACTION_SHUTDOWN,   0, 0},
    {"revoke-certificate",   NULL,          ACTION_REVOKE_CERTIFICATE, 0, 0},
    {"revoke-user",          NULL,          ACTION_REVOKE_USER, 0, 0},
    {"revoke-user 1h",       "too many",    0, 0, 0},
    {"quarantine a/# both 1h", NULL,        ACTION_QUARANTINE, 0, 3600},
    {"quarantine a/#/b both 1h", "filter",  0, 0, 0},
    {"quarantine $SYS/# both 1h", "filter", 0, 0, 0},
    {"quarantine a/# 1h",    "direction",   0, 0, 0},
    {"quarantine a/# both",  "duration",    0, 0, 0},
    {"quarantine",           "filter",      0, 0, 0},
    {"melt",                 "is no step",  0, 0, 0},
    {"ban",                  "duration",    0, 0, 0},
    {"ban 0s",               "duration",    0, 0, 0},
    {"ban 10",               "duration",    0, 0, 0},
    {"ban 31d",              "duration",    0, 0, 0},
    {"ban 99999999999999999999d", "duration", 0, 0, 0},
    {"ban 1h 1h",            "too many",    0, 0, 0},
    {"throttle 0 5m",        "number",      0, 0, 0},
    {"throttle 10",          "duration",    0, 0, 0},
    {"posture normal 1h",    "posture",     0, 0, 0},
    {"firewall 8d",          "week",        0, 0, 0},
};
/* clang-format on */

static void a_step_is_read_as_it_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct respond_step s = {0};
        const char *why = respond_step_parse(steps[i].text, &s);

        print_message("  \"%s\": %s\n", steps[i].text, why != NULL ? why : "is one");
        assert_int_equal(why != NULL, steps[i].why != NULL);
        if (why != NULL) {
            assert_non_null(strstr(why, steps[i].why));
            continue;
        }
        assert_int_equal(s.kind, steps[i].kind);
        assert_int_equal(s.amount, steps[i].amount);
        assert_int_equal(s.for_s, steps[i].for_s);
    }
}

static void an_action_stands_in_a_play_once(void **state)
{
    char *const twice[] = {(char[]){"ban 1h"}, (char[]){"disconnect"}, (char[]){"ban 2h"}};

    (void)state;
    assert_null(respond_steps_wrong_why(twice, 2));
    assert_non_null(strstr(respond_steps_wrong_why(twice, 3), "twice"));
}

static void play_one(struct stage *s, char *step)
{
    static char *one[1];
    static const struct respond_play play = {NULL, NULL, SUBJECT_KIND_N, SEVERITY_HIGH, 1, one, 1};

    one[0] = step;
    s->settings.plays = &play;
    s->settings.n_plays = 1;
    stage_restart(s);
}

static void a_playbook_quarantines_a_topic_and_rollback_lets_it_go(void **state)
{
    char step[] = "quarantine meters/+/cmd publish 10m";
    const struct action *a;
    struct stage s;
    unsigned n = 0;

    (void)state;
    stage_begin(&s);
    play_one(&s, step);
    stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
    assert_did(&s, "restrain");
    a = action_of(stage_incident(&s), ACTION_QUARANTINE);
    assert_string_equal(a->target, "meters/+/cmd");
    assert_int_equal(a->directions, RESPOND_PUBLISH);
    assert_int_equal(respond_incident_rollback(s.r, stage_incident(&s)->id, "admin:alice", s.now,
                                               &n, &(char *){NULL}),
                     RESPOND_OK);
    assert_int_equal(n, 1);
    assert_int_equal(respond_measures(s.r, ACTION_QUARANTINE), 0);
    stage_end(&s);
}

static void a_topic_of_a_critical_client_is_not_quarantined_and_one_of_many_waits(void **state)
{
    char step[] = "quarantine meters/# both 10m";
    struct stage s;

    (void)state;
    stage_begin(&s);
    play_one(&s, step);
    s.of_topic = 3;
    s.of_topic_critical = 1;
    stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
    assert_int_equal(action_of(stage_incident(&s), ACTION_QUARANTINE)->state, ACTION_WITHHELD);
    s.of_topic = 30;
    s.of_topic_critical = 0;
    stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-2");
    assert_int_equal(action_of(stage_incident(&s), ACTION_QUARANTINE)->state, ACTION_HELD);
    assert_did_nothing(&s);
    stage_end(&s);
}

static void what_is_final_is_proposed_and_a_person_approves_it(void **state)
{
    static const struct {
        const char *step;
        const char *did[2];
    } finals[] = {
        {"revoke-certificate", {"ban certificate 0A - 0", "revoke 0A"}},
        {"revoke-user", {"ban user m-1 - 0", NULL}},
        {"shutdown", {"shutdown admin:alice", NULL}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(finals); i++) {
        struct stage s;
        char step[32];
        unsigned n = 0;

        stage_begin(&s);
        snprintf(step, sizeof(step), "%s", finals[i].step);
        play_one(&s, step);
        s.certificate = "0A";
        stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
        assert_did_nothing(&s);
        assert_string_equal(incident_action_text(stage_incident(&s)), "held");
        assert_int_equal(respond_incident_approve(s.r, stage_incident(&s)->id, "admin:alice", s.now,
                                                  &(unsigned){0}, &n),
                         RESPOND_OK);
        for (size_t k = 0; k < 2 && finals[i].did[k] != NULL; k++)
            assert_memory_equal(s.did[k], finals[i].did[k], strlen(finals[i].did[k]));
        stage_end(&s);
    }
}

static void who_came_without_a_certificate_has_none_that_could_be_revoked(void **state)
{
    char step[] = "revoke-certificate";
    struct stage s;

    (void)state;
    stage_begin(&s);
    play_one(&s, step);
    stage_find(&s, "topic-scan-publish", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
    assert_false(has_action(stage_incident(&s), ACTION_REVOKE_CERTIFICATE));
    stage_end(&s);
}

static void a_user_name_that_somebody_guesses_at_is_not_revoked(void **state)
{
    char step[] = "revoke-user";
    struct stage s;

    (void)state;
    stage_begin(&s);
    play_one(&s, step);
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_USER, "victim");
    stage_find(&s, "repeated-auth-failures", SEVERITY_HIGH, SUBJECT_ADDRESS, "192.0.2.7");
    assert_false(has_action(stage_incident(&s), ACTION_REVOKE_USER));
    assert_did_nothing(&s);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_action_says_what_exactly_it_is),
        cmocka_unit_test(what_ends_by_time_is_in_the_audit),
        cmocka_unit_test(each_action_does_what_it_says_and_its_inverse_takes_it_back),
        cmocka_unit_test(what_the_node_cannot_do_is_not_in_force),
        cmocka_unit_test(a_measure_ends_at_its_time_and_outlives_a_restart),
        cmocka_unit_test(the_strictest_of_several_measures_is_in_force),
        cmocka_unit_test(a_third_high_finding_asks_for_the_firewall_where_there_is_one),
        cmocka_unit_test(a_play_of_the_configuration_goes_before_the_default),
        cmocka_unit_test(a_step_is_read_as_it_is_written),
        cmocka_unit_test(an_action_stands_in_a_play_once),
        cmocka_unit_test(a_playbook_quarantines_a_topic_and_rollback_lets_it_go),
        cmocka_unit_test(a_topic_of_a_critical_client_is_not_quarantined_and_one_of_many_waits),
        cmocka_unit_test(what_is_final_is_proposed_and_a_person_approves_it),
        cmocka_unit_test(who_came_without_a_certificate_has_none_that_could_be_revoked),
        cmocka_unit_test(a_user_name_that_somebody_guesses_at_is_not_revoked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
