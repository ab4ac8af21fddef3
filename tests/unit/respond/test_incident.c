/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_incident.c - the life of an incident, and its JSON */
#include "stage.h"

#define NOW_TEXT "2026-11-25T11:00:00.000Z"

static void find_guesser(struct stage *s, enum severity severity)
{
    stage_find(s, "repeated-auth-failures", severity, SUBJECT_ADDRESS, "203.0.113.9");
}

static void an_incident_is_opened_updated_and_closed_by_findings(void **state)
{
    struct stage s;
    const struct incident *i;
    char id[INCIDENT_ID_BYTES];

    (void)state;
    stage_begin(&s);
    find_guesser(&s, SEVERITY_MEDIUM);
    i = stage_incident(&s);
    memcpy(id, i->id, sizeof(id));
    assert_string_equal(i->id, "I-20261125-0001");
    assert_int_equal(i->state, INCIDENT_OPEN);
    assert_int_equal(i->severity, SEVERITY_MEDIUM);
    assert_non_null(strstr(s.published, "\"state\":\"open\""));

    stage_wait(&s, 10);
    find_guesser(&s, SEVERITY_HIGH);
    assert_ptr_equal(stage_incident(&s), i);
    assert_int_equal(i->severity, SEVERITY_HIGH);
    assert_true(i->updated_unix_ms == i->opened_unix_ms + 10000);
    assert_non_null(strstr(s.published, "\"state\":\"update\""));
    assert_int_equal(respond_incidents_open(s.r), 1);

    stage_calm(&s, "repeated-auth-failures", SUBJECT_ADDRESS, "203.0.113.9");
    assert_int_equal(i->state, INCIDENT_CLOSED);
    assert_non_null(strstr(s.published, "\"state\":\"closed\""));
    assert_int_equal(respond_incidents_open(s.r), 0);
    assert_int_equal(respond_bans(s.r), 1); /* what was done stays until its time is over */

    find_guesser(&s, SEVERITY_MEDIUM);
    assert_string_equal(stage_incident(&s)->id, "I-20261125-0002");
    assert_ptr_equal(respond_incident_find(s.r, id), i);
    assert_null(respond_incident_find(s.r, "I-20261125-0003"));
    stage_end(&s);
}

static void what_closes_without_being_open_is_no_incident(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_calm(&s, "repeated-auth-failures", SUBJECT_ADDRESS, "203.0.113.9");
    assert_int_equal(s.n_published, 0);
    assert_int_equal(respond_counters(s.r).incidents, 0);
    stage_end(&s);
}

static void subjects_and_detectors_have_their_own_incidents(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    stage_find(&s, "wildcard-snoop", SEVERITY_MEDIUM, SUBJECT_CLIENT, "x");
    stage_find(&s, "topic-scan-subscribe", SEVERITY_MEDIUM, SUBJECT_CLIENT, "x");
    stage_find(&s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_USER, "x");
    stage_find(&s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_ADDRESS, "x");
    assert_int_equal(respond_incidents_open(s.r), 4);
    stage_end(&s);
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    if (o == NULL)
        fail_msg("%s: %s", error.text, text);
    return o;
}

static const char *text_of(json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "(not a text)";
}

static void the_record_has_each_field_that_is_promised(void **state)
{
    static const char *const promised[] = {
        "time",   "kind",     "subject",     "client_id", "ip",      "username", "severity",
        "action", "count",    "limit",       "window_s",  "attck",   "expires",  "id",
        "state",  "detector", "subcategory", "samples",   "actions", "evidence",
    };
    struct stage s;
    json_t *o;
    json_t *a;

    (void)state;
    stage_begin(&s);
    find_guesser(&s, SEVERITY_HIGH);
    o = parse(s.published);
    for (size_t i = 0; i < COUNT_OF(promised); i++) {
        if (json_object_get(o, promised[i]) == NULL)
            fail_msg("no \"%s\" in %s", promised[i], s.published);
    }
    assert_string_equal(text_of(o, "time"), NOW_TEXT);
    assert_string_equal(text_of(o, "kind"), "repeated-auth-failures");
    assert_string_equal(text_of(o, "subject"), "ip:203.0.113.9");
    assert_true(json_is_null(json_object_get(o, "client_id")));
    assert_true(json_is_null(json_object_get(o, "username")));
    assert_string_equal(text_of(o, "ip"), "203.0.113.9");
    assert_string_equal(text_of(o, "severity"), "high");
    assert_string_equal(text_of(o, "action"), "ban");
    assert_int_equal(json_integer_value(json_object_get(o, "count")), 12);
    assert_int_equal(json_integer_value(json_object_get(o, "limit")), 10);
    assert_int_equal(json_integer_value(json_object_get(o, "window_s")), 600);
    assert_string_equal(json_string_value(json_array_get(json_object_get(o, "attck"), 0)), "T0859");
    assert_int_equal(json_array_size(json_object_get(o, "attck")), 1);
    assert_string_equal(text_of(o, "expires"), "2026-11-25T11:10:00.000Z");
    assert_string_equal(text_of(o, "id"), "I-20261125-0001");
    assert_string_equal(text_of(o, "state"), "open");
    assert_string_equal(text_of(o, "detector"), "D05");
    assert_string_equal(text_of(o, "subcategory"), "MQ.DE.ID-01");
    assert_int_equal(json_array_size(json_object_get(o, "samples")), 2);
    a = json_array_get(json_object_get(o, "actions"), 2);
    assert_string_equal(text_of(a, "what"), "ban");
    assert_string_equal(text_of(a, "state"), "done");
    assert_string_equal(text_of(a, "author"), "detector:repeated-auth-failures");
    assert_string_equal(text_of(a, "target"), "203.0.113.9");
    assert_string_equal(text_of(a, "ban"), "address");
    assert_true(json_is_false(json_object_get(a, "undone")));
    json_decref(o);
    stage_end(&s);
}

static void the_object_of_the_api_has_its_fields(void **state)
{
    static const char *const promised[] = {
        "id",
        "kind",
        "subject",
        "severity",
        "state",
        "action",
        "count",
        "limit",
        "window_s",
        "attck",
        "time_unix_ms",
        "updated_unix_ms",
        "expires_unix_ms",
        "address",
        "text",
        "subcategory",
        "actions",
        "notes",
    };
    struct stage s;
    json_t *o;

    (void)state;
    stage_begin(&s);
    find_guesser(&s, SEVERITY_HIGH);
    o = respond_incident_json(stage_incident(&s));
    for (size_t i = 0; i < COUNT_OF(promised); i++) {
        if (json_object_get(o, promised[i]) == NULL)
            fail_msg("no \"%s\"", promised[i]);
    }
    assert_null(json_object_get(o, "client_id"));
    assert_string_equal(text_of(o, "state"), "open");
    assert_string_equal(text_of(o, "text"),
                        "address 203.0.113.9: 12 failed logins, within 600 s (limit 10)");
    assert_true((uint64_t)json_integer_value(json_object_get(o, "expires_unix_ms")) ==
                s.now.unix_ms + 600000);
    json_decref(o);
    stage_end(&s);
}

static void names_that_are_not_utf_8_or_have_quotes_make_good_json(void **state)
{
    struct stage s;
    struct finding f;
    json_t *o;

    (void)state;
    stage_begin(&s);
    f = finding_of("unauthorized-command", SEVERITY_HIGH, SUBJECT_CLIENT,
                   "a\"\xff\n\",\"id\":\"I-99991231-9999\"");
    f.count = 1.256;
    respond_finding(s.r, &f, s.now);
    o = parse(s.published);
    assert_string_equal(text_of(o, "id"), "I-20261125-0001");
    assert_string_equal(text_of(o, "client_id"), "a\"?\n\",\"id\":\"I-99991231-9999\"");
    assert_true(json_real_value(json_object_get(o, "count")) == 1.26);
    json_decref(o);

    stage_restart(&s); /* nor does the name set the number */
    find_guesser(&s, SEVERITY_MEDIUM);
    assert_string_equal(stage_incident(&s)->id, "I-20261125-0002");
    stage_end(&s);
}

static void people_acknowledge_and_close_with_a_judgement(void **state)
{
    struct stage s;
    const struct incident *i;

    (void)state;
    stage_begin(&s);
    find_guesser(&s, SEVERITY_MEDIUM);
    i = stage_incident(&s);
    assert_int_equal(respond_incident_ack(s.r, i->id, "on my way", "admin:alice", s.now),
                     RESPOND_OK);
    assert_int_equal(i->state, INCIDENT_ACKNOWLEDGED);
    assert_int_equal(i->n_notes, 1);
    assert_string_equal(i->notes[0].author, "admin:alice");
    assert_non_null(strstr(s.published, "\"acknowledged\":true"));
    find_guesser(&s, SEVERITY_HIGH);
    assert_int_equal(i->state, INCIDENT_ACKNOWLEDGED);
    assert_int_equal(
        respond_incident_close(s.r, i->id, DISPOSITION_BENIGN, NULL, "admin:alice", s.now),
        RESPOND_OK);
    assert_int_equal(i->state, INCIDENT_CLOSED);
    assert_int_equal(i->disposition, DISPOSITION_BENIGN);
    assert_non_null(strstr(s.published, "\"disposition\":\"benign\""));
    assert_int_equal(respond_incidents_open(s.r), 0);
    stage_calm(&s, "repeated-auth-failures", SUBJECT_ADDRESS, "203.0.113.9");
    assert_int_equal(respond_counters(s.r).incidents, 1);
    stage_end(&s);
}

/* It calmed down before anybody looked, or was closed without a word, or judged wrongly. */
static void what_is_closed_is_judged_later_and_judged_anew(void **state)
{
    struct stage s;
    const struct incident *i;
    struct incident_tally t;

    (void)state;
    stage_begin(&s);
    find_guesser(&s, SEVERITY_MEDIUM);
    i = stage_incident(&s);
    stage_calm(&s, "repeated-auth-failures", SUBJECT_ADDRESS, "203.0.113.9");
    assert_int_equal(i->state, INCIDENT_CLOSED);
    assert_int_equal(
        respond_incident_close(s.r, i->id, DISPOSITION_NONE, NULL, "admin:alice", s.now),
        RESPOND_E_CONFLICT);
    assert_int_equal(
        respond_incident_close(s.r, i->id, DISPOSITION_TRUE, "seen", "admin:alice", s.now),
        RESPOND_OK);
    assert_non_null(strstr(s.published, "\"state\":\"closed\""));
    assert_non_null(strstr(s.published, "\"disposition\":\"true\""));
    assert_string_equal(i->notes[0].text, "seen");
    assert_int_equal(
        respond_incident_close(s.r, i->id, DISPOSITION_FALSE, NULL, "admin:bob", s.now),
        RESPOND_OK);
    t = respond_tally(s.r, i->detector, 0);
    assert_int_equal(t.closed[DISPOSITION_TRUE], 0);
    assert_int_equal(t.closed[DISPOSITION_FALSE], 1);
    assert_int_equal(respond_incidents_open(s.r), 0);
    stage_end(&s);
}

static void what_people_cannot_do_is_refused(void **state)
{
    struct stage s;
    char note[1100];
    unsigned n;
    const struct incident *i;

    (void)state;
    memset(note, 'x', sizeof(note));
    note[1025] = '\0';
    stage_begin(&s);
    assert_int_equal(respond_incident_ack(s.r, "I-1", NULL, "a", s.now), RESPOND_E_NOT_FOUND);
    assert_int_equal(respond_incident_close(s.r, "I-1", DISPOSITION_TRUE, NULL, "a", s.now),
                     RESPOND_E_NOT_FOUND);
    assert_int_equal(respond_incident_rollback(s.r, "I-1", "a", s.now, &n, &(char *){NULL}),
                     RESPOND_E_NOT_FOUND);

    stage_find(&s, "repeated-auth-failures", SEVERITY_LOW, SUBJECT_ADDRESS, "203.0.113.9");
    i = stage_incident(&s);
    assert_int_equal(respond_incident_ack(s.r, i->id, note, "a", s.now), RESPOND_E_INVALID);
    assert_int_equal(respond_incident_rollback(s.r, i->id, "a", s.now, &n, &(char *){NULL}),
                     RESPOND_E_CONFLICT);
    note[1024] = '\0';
    for (unsigned k = 0; k < RESPOND_NOTES_MAX; k++)
        assert_int_equal(respond_incident_ack(s.r, i->id, note, "a", s.now), RESPOND_OK);
    assert_int_equal(respond_incident_ack(s.r, i->id, note, "a", s.now), RESPOND_E_LIMIT);
    assert_int_equal(respond_incident_close(s.r, i->id, DISPOSITION_TRUE, NULL, "a", s.now),
                     RESPOND_OK);
    assert_int_equal(respond_incident_close(s.r, i->id, DISPOSITION_TRUE, NULL, "a", s.now),
                     RESPOND_E_CONFLICT);
    assert_int_equal(respond_incident_ack(s.r, i->id, NULL, "a", s.now), RESPOND_E_CONFLICT);
    stage_end(&s);
}

static void a_rollback_undoes_all_that_is_in_force(void **state)
{
    struct stage s;
    const struct incident *i;
    unsigned n = 0;

    (void)state;
    stage_begin(&s);
    find_guesser(&s, SEVERITY_MEDIUM);
    find_guesser(&s, SEVERITY_HIGH);
    s.n_did = 0;
    i = stage_incident(&s);
    assert_int_equal(
        respond_incident_rollback(s.r, i->id, "admin:alice", s.now, &n, &(char *){NULL}),
        RESPOND_OK);
    assert_int_equal(n, 2);
    assert_did(&s, "delay 203.0.113.9 0 0", "unban address 203.0.113.9 -");
    assert_int_equal(respond_bans(s.r), 0);
    assert_int_equal(action_of(i, ACTION_BAN)->state, ACTION_UNDONE);
    assert_string_equal(action_of(i, ACTION_BAN)->undone_by, "admin:alice");
    assert_string_equal(incident_action_text(i), "alert");
    assert_true(incident_expires_unix_ms(i) == 0);
    assert_int_equal(respond_counters(s.r).undone, 2);
    assert_int_equal(
        respond_incident_rollback(s.r, i->id, "admin:alice", s.now, &n, &(char *){NULL}),
        RESPOND_E_CONFLICT);
    stage_end(&s);
}

static void a_rollback_leaves_what_others_have_done(void **state)
{
    struct stage s;
    unsigned n = 0;
    char first[INCIDENT_ID_BYTES];

    (void)state;
    stage_begin(&s);
    stage_find(&s, "wildcard-snoop", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1");
    memcpy(first, stage_incident(&s)->id, sizeof(first));
    stage_wait(&s, 100);
    stage_find(&s, "wildcard-snoop", SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-2");
    s.n_did = 0;
    assert_int_equal(
        respond_incident_rollback(s.r, first, "admin:alice", s.now, &n, &(char *){NULL}),
        RESPOND_OK);
    assert_did(&s, "delay 192.0.2.7 1000 600"); /* m-2's */
    stage_end(&s);
}

static void a_ban_that_an_admin_lifts_shows_on_its_incident(void **state)
{
    struct stage s;
    const struct action *a;

    (void)state;
    stage_begin(&s);
    find_guesser(&s, SEVERITY_HIGH);
    assert_int_equal(
        respond_ban_remove(s.r, RESPOND_BAN_ADDRESS, "203.0.113.9", NULL, "admin:alice", s.now),
        RESPOND_OK);
    a = action_of(stage_incident(&s), ACTION_BAN);
    assert_int_equal(a->state, ACTION_UNDONE);
    assert_string_equal(a->undone_by, "admin:alice");
    assert_non_null(strstr(s.published, "\"state\":\"update\""));
    stage_end(&s);
}

static void actions_expire(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    find_guesser(&s, SEVERITY_HIGH);
    stage_wait(&s, 599);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_DONE);
    stage_wait(&s, 1);
    assert_int_equal(action_of(stage_incident(&s), ACTION_BAN)->state, ACTION_EXPIRED);
    assert_string_equal(incident_action_text(stage_incident(&s)), "ban");
    assert_true(incident_expires_unix_ms(stage_incident(&s)) == 0);
    stage_end(&s);
}

static void actions_of_one_incident_are_bounded(void **state)
{
    struct stage s;

    (void)state;
    stage_begin(&s);
    for (unsigned i = 0; i < 100; i++) {
        s.n_did = 0;
        stage_find(&s, "unauthorized-command", SEVERITY_HIGH, SUBJECT_CLIENT, "m-1");
        stage_wait(&s, 600);
    }
    assert_int_equal(stage_incident(&s)->n_actions, RESPOND_ACTIONS_MAX);
    stage_end(&s);
}

/* A thousand and one: the oldest closed one goes first, else the oldest. */
static void the_list_in_memory_is_bounded(void **state)
{
    struct stage s;
    char user[16];

    (void)state;
    stage_begin(&s);
    for (unsigned i = 1; i <= RESPOND_INCIDENTS_MAX; i++) {
        snprintf(user, sizeof(user), "u%u", i);
        stage_find(&s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_USER, user);
    }
    stage_calm(&s, "repeated-auth-failures", SUBJECT_USER, "u5");
    stage_find(&s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_USER, "a");
    assert_null(respond_incident_find(s.r, "I-20261125-0005"));
    assert_non_null(respond_incident_find(s.r, "I-20261125-0001"));
    stage_find(&s, "repeated-auth-failures", SEVERITY_MEDIUM, SUBJECT_USER, "b");
    assert_null(respond_incident_find(s.r, "I-20261125-0001"));
    assert_int_equal(respond_incidents_open(s.r), RESPOND_INCIDENTS_MAX);
    stage_calm(&s, "repeated-auth-failures", SUBJECT_USER, "u1");
    assert_int_equal(respond_incidents_open(s.r), RESPOND_INCIDENTS_MAX);
    stage_end(&s);
}

static void dispositions_have_names_both_ways(void **state)
{
    enum incident_disposition d = DISPOSITION_TRUE;

    (void)state;
    assert_false(incident_disposition_parse("maybe", &d));
    assert_int_equal(d, DISPOSITION_TRUE);
    assert_true(incident_disposition_parse("false", &d));
    assert_int_equal(d, DISPOSITION_FALSE);
    assert_string_equal(incident_state_text(INCIDENT_ACKNOWLEDGED), "acknowledged");
    assert_string_equal(respond_answer_text(RESPOND_E_LIMIT), "a limit would be passed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incident_is_opened_updated_and_closed_by_findings),
        cmocka_unit_test(what_closes_without_being_open_is_no_incident),
        cmocka_unit_test(subjects_and_detectors_have_their_own_incidents),
        cmocka_unit_test(the_record_has_each_field_that_is_promised),
        cmocka_unit_test(the_object_of_the_api_has_its_fields),
        cmocka_unit_test(names_that_are_not_utf_8_or_have_quotes_make_good_json),
        cmocka_unit_test(people_acknowledge_and_close_with_a_judgement),
        cmocka_unit_test(what_is_closed_is_judged_later_and_judged_anew),
        cmocka_unit_test(what_people_cannot_do_is_refused),
        cmocka_unit_test(a_rollback_undoes_all_that_is_in_force),
        cmocka_unit_test(a_rollback_leaves_what_others_have_done),
        cmocka_unit_test(a_ban_that_an_admin_lifts_shows_on_its_incident),
        cmocka_unit_test(actions_expire),
        cmocka_unit_test(actions_of_one_incident_are_bounded),
        cmocka_unit_test(the_list_in_memory_is_bounded),
        cmocka_unit_test(dispositions_have_names_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
