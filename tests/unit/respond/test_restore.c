/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/respond/test_restore.c - incidents read back, related ones, and how they were judged
 */
#include "stage.h"

static const char detector[] = "repeated-auth-failures";

static struct incident_tally tally(const struct stage *s)
{
    return respond_tally(s->r, NULL, 0);
}

static json_t *shown(const struct stage *s, const char *id)
{
    const struct incident *i = respond_incident_find(s->r, id);

    assert_non_null(i);
    return respond_incident_json(i);
}

static void an_incident_is_the_same_after_a_restart(void **state)
{
    struct stage s;
    char id[INCIDENT_ID_BYTES];
    json_t *before, *after;

    (void)state;
    stage_begin(&s);
    stage_find(&s, detector, SEVERITY_LOW, SUBJECT_CLIENT, "m-1");
    memcpy(id, stage_incident(&s)->id, sizeof(id));
    stage_wait(&s, 60);
    assert_int_equal(
        respond_incident_assign(s.r, id, "Ada", "looks like a loose cable", "admin:b", s.now),
        RESPOND_OK);
    before = shown(&s, id);
    stage_restart(&s);
    after = shown(&s, id);
    assert_true(json_equal(before, after));
    assert_string_equal(json_string_value(json_object_get(after, "assigned_to")), "Ada");
    json_decref(before);
    json_decref(after);

    stage_find(&s, detector, SEVERITY_MEDIUM, SUBJECT_CLIENT, "m-1"); /* no second one */
    assert_int_equal(tally(&s).opened, 1);
    assert_int_equal(respond_incident_close(s.r, id, DISPOSITION_TRUE, NULL, "admin:b", s.now),
                     RESPOND_OK);
    stage_restart(&s);
    assert_int_equal(tally(&s).closed[DISPOSITION_TRUE], 1);
    assert_int_equal(respond_incidents_open(s.r), 0);
    stage_end(&s);
}

static void
what_is_not_found_again_after_a_restart_has_calmed_down_unless_a_person_has_it(void **state)
{
    struct stage s;
    const struct incident *i;

    (void)state;
    stage_begin(&s);
    stage_find(&s, detector, SEVERITY_LOW, SUBJECT_CLIENT, "gone");
    stage_find(&s, detector, SEVERITY_LOW, SUBJECT_CLIENT, "again");
    stage_find(&s, detector, SEVERITY_LOW, SUBJECT_CLIENT, "looked-after");
    i = stage_incident(&s);
    assert_int_equal(respond_incident_ack(s.r, i->id, NULL, "admin:a", s.now), RESPOND_OK);
    stage_restart(&s);
    assert_int_equal(respond_incidents_open(s.r), 3);
    stage_find(&s, detector, SEVERITY_LOW, SUBJECT_CLIENT, "again");
    stage_wait(&s, 1799);
    assert_int_equal(respond_incidents_open(s.r), 3);
    stage_wait(&s, 1);
    assert_int_equal(respond_incidents_open(s.r), 2);
    assert_int_equal(tally(&s).closed[DISPOSITION_NONE], 1);
    stage_end(&s);
}

static void why_something_was_not_done_is_known_after_a_restart(void **state)
{
    struct stage s;
    char id[INCIDENT_ID_BYTES];
    json_t *before, *after;

    (void)state;
    stage_begin(&s);
    stage_connect(&s, "m-1", "192.0.2.7", "control");
    stage_find_high(&s, "m-1");
    memcpy(id, stage_incident(&s)->id, sizeof(id));
    before = shown(&s, id);
    stage_restart(&s);
    after = shown(&s, id);
    assert_true(json_equal(before, after));
    assert_non_null(
        strstr(action_of(stage_incident(&s), ACTION_BAN)->why_not, "a critical client"));
    json_decref(before);
    json_decref(after);
    stage_end(&s);
}

/* It stood behind the sentence of the reason. */
static void an_action_of_an_older_version_is_read_with_why_it_was_not_done(void **state)
{
    static const char record[] =
        "{\"id\":\"I-20261125-0007\",\"kind\":\"topic-scan-publish\",\"severity\":\"high\","
        "\"subject\":\"client:a; b\",\"state\":\"open\",\"actions\":[{\"at_unix_ms\":1,"
        "\"what\":\"ban\",\"state\":\"withheld\",\"author\":\"detector:topic-scan-publish\","
        "\"reason\":\"topic-scan-publish I-20261125-0007: client a; b: 12 topics; observe mode\","
        "\"target_kind\":\"client\",\"target\":\"a; "
        "b\",\"ban\":\"client-address\"},{\"at_unix_ms\":1,"
        "\"what\":\"disconnect\",\"state\":\"done\",\"author\":\"admin:x\",\"reason\":"
        "\"client a; b: 12 topics; approval needed\",\"target_kind\":\"client\",\"target\":\"a; "
        "b\"}]}";
    struct stage s;
    const struct incident *i;

    (void)state;
    stage_begin(&s);
    control_put(s.settings.control, CONTROL_INCIDENT, "I-20261125-0007", 1, record);
    stage_restart(&s);
    i = stage_incident(&s);
    assert_string_equal(action_of(i, ACTION_BAN)->why_not, "observe mode");
    assert_string_equal(action_of(i, ACTION_BAN)->reason,
                        "topic-scan-publish I-20261125-0007: client a; b: 12 topics");
    assert_null(action_of(i, ACTION_DISCONNECT)->why_not);
    stage_end(&s);
}

static void a_ban_stays_in_force_over_a_restart_and_a_delay_does_not(void **state)
{
    struct stage s;
    const struct incident *i;

    (void)state;
    stage_begin(&s);
    stage_find(&s, detector, SEVERITY_HIGH, SUBJECT_ADDRESS, "192.0.2.9");
    stage_find(&s, detector, SEVERITY_MEDIUM, SUBJECT_ADDRESS, "192.0.2.8");
    stage_restart(&s);
    i = respond_incident_find(s.r, "I-20261125-0001");
    assert_string_equal(incident_action_text(i), "ban");
    assert_int_not_equal(incident_expires_unix_ms(i), 0);
    assert_int_equal(incident_expires_unix_ms(respond_incident_find(s.r, "I-20261125-0002")), 0);
    stage_end(&s);
}

/* Nobody may read that it was done. */
static void what_waited_for_approval_was_not_done_when_a_restart_came(void **state)
{
    struct stage s;
    const struct incident *i;
    unsigned n;

    (void)state;
    stage_begin(&s);
    s.at_address = 3;
    stage_find(&s, detector, SEVERITY_HIGH, SUBJECT_ADDRESS, "192.0.2.9");
    assert_string_equal(incident_action_text(stage_incident(&s)), "held");
    stage_restart(&s);
    i = respond_incident_find(s.r, "I-20261125-0001");
    assert_string_equal(incident_action_text(i), "alert");
    assert_int_equal(incident_expires_unix_ms(i), 0);
    for (n = 0; n < i->n_actions && i->actions[n].kind != ACTION_BAN;)
        n++;
    assert_int_equal(i->actions[n].state, ACTION_OBSERVED);
    assert_int_equal(i->actions[n].expires_unix_ms, 0);
    assert_non_null(strstr(i->actions[n].why_not, "not given before a restart"));
    stage_end(&s);
}

static void torn_and_foreign_records_are_left_out(void **state)
{
    static const char *const lines[] = {
        "{\"id\":\"I-20261124-0001\"}",
        "{\"id\":\"I-20261124-0002\",\"kind\":\"no-such-detector\",\"severity\":\"low\","
        "\"subject\":\"ip:192.0.2.1\"}",
        "{\"id\":\"I-20261124-0003\",\"kind\":\"repeated-auth-failures\",\"severity\":\"odd\","
        "\"subject\":\"ip:192.0.2.1\"}",
        "{\"id\":\"I-20261124-0004\",\"kind\":\"repeated-auth-failures\",\"severity\":\"low\","
        "\"subject\":\"planet:mars\"}",
        "{\"id\":7}",
        "[]",
        "",
        "{\"id\":\"I-20261124-0005\",\"kind\":\"repeated-auth-failures\",\"severity\":\"low\","
        "\"subject\":\"user:x\",\"actions\":7,\"notes\":[3],\"samples\":[{}],\"related\":{}}",
        "{\"id\":\"I-2026",
    };
    struct stage s;
    FILE *file;

    (void)state;
    stage_begin(&s);
    file = fopen(stage_path(&s, "incidents.jsonl"), "we");
    assert_non_null(file);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        fprintf(file, "%s%s", i > 0 ? "\n" : "", lines[i]);
    fclose(file);
    stage_restart(&s);
    assert_int_equal(tally(&s).opened, 1);
    assert_string_equal(respond_incident_find(s.r, "I-20261124-0005")->subject, "x");
    stage_end(&s);
}

static void incidents_of_one_client_within_an_hour_name_each_other(void **state)
{
    struct stage s;
    struct finding f;
    const struct incident *first, *second, *later;

    (void)state;
    stage_begin(&s);
    stage_find(&s, detector, SEVERITY_LOW, SUBJECT_CLIENT, "m-1");
    f = finding_of("topic-scan-publish", SEVERITY_LOW, SUBJECT_CLIENT, "m-2");
    f.address = BYTES("198.51.100.2");
    respond_finding(s.r, &f, s.now);
    stage_wait(&s, 600);
    f = finding_of("topic-scan-publish", SEVERITY_LOW, SUBJECT_CLIENT, "m-1");
    f.address = BYTES("198.51.100.3");
    respond_finding(s.r, &f, s.now);
    first = respond_incident_find(s.r, "I-20261125-0001");
    second = respond_incident_find(s.r, "I-20261125-0003");
    assert_int_equal(first->n_related, 1);
    assert_string_equal(first->related[0], second->id);
    assert_int_equal(second->n_related, 1);
    assert_string_equal(second->related[0], first->id);
    assert_int_equal(respond_incident_find(s.r, "I-20261125-0002")->n_related, 0);
    stage_wait(&s, 3601);
    stage_find(&s, "unauthorized-command", SEVERITY_LOW, SUBJECT_CLIENT, "m-1");
    later = respond_incident_find(s.r, "I-20261125-0004");
    assert_int_equal(later->n_related, 0);
    stage_end(&s);
}

static void judgements_are_counted_by_detector(void **state)
{
    static const enum incident_disposition judged[] = {DISPOSITION_TRUE, DISPOSITION_FALSE,
                                                       DISPOSITION_BENIGN, DISPOSITION_FALSE,
                                                       DISPOSITION_NONE};
    struct stage s;
    struct incident_tally t;
    char name[16];

    (void)state;
    stage_begin(&s);
    for (unsigned i = 0; i < COUNT_OF(judged); i++) {
        snprintf(name, sizeof(name), "m-%u", i);
        stage_find(&s, detector, SEVERITY_LOW, SUBJECT_CLIENT, name);
        assert_int_equal(
            respond_incident_close(s.r, stage_incident(&s)->id, judged[i], NULL, "admin:a", s.now),
            RESPOND_OK);
        stage_wait(&s, 1);
    }
    stage_find(&s, "topic-scan-publish", SEVERITY_LOW, SUBJECT_CLIENT, "m-9");
    t = respond_tally(s.r, detector_named(detector), 0);
    assert_int_equal(t.opened, 5);
    assert_int_equal(t.open, 0);
    assert_int_equal(t.closed[DISPOSITION_FALSE], 2);
    assert_int_equal(t.closed[DISPOSITION_NONE], 1);
    assert_int_equal(incident_tally_wrong(&t), 3);
    assert_int_equal(tally(&s).open, 1);
    assert_int_equal(respond_tally(s.r, NULL, s.now.unix_ms - 1500).opened, 2);
    stage_end(&s);
}

static void only_an_open_incident_is_assigned_and_to_a_name_that_fits(void **state)
{
    struct stage s;
    char name[RESPOND_ASSIGNEE_BYTES_MAX + 2];
    const char *id;

    (void)state;
    stage_begin(&s);
    stage_find(&s, detector, SEVERITY_LOW, SUBJECT_CLIENT, "m-1");
    id = stage_incident(&s)->id;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(respond_incident_assign(s.r, id, name, NULL, "admin:a", s.now),
                     RESPOND_E_INVALID);
    assert_int_equal(respond_incident_assign(s.r, "I-none", "a", NULL, "admin:a", s.now),
                     RESPOND_E_NOT_FOUND);
    assert_int_equal(respond_incident_close(s.r, id, DISPOSITION_NONE, NULL, "admin:a", s.now),
                     RESPOND_OK);
    assert_int_equal(respond_incident_assign(s.r, id, "a", NULL, "admin:a", s.now),
                     RESPOND_E_CONFLICT);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incident_is_the_same_after_a_restart),
        cmocka_unit_test(
            what_is_not_found_again_after_a_restart_has_calmed_down_unless_a_person_has_it),
        cmocka_unit_test(why_something_was_not_done_is_known_after_a_restart),
        cmocka_unit_test(an_action_of_an_older_version_is_read_with_why_it_was_not_done),
        cmocka_unit_test(a_ban_stays_in_force_over_a_restart_and_a_delay_does_not),
        cmocka_unit_test(what_waited_for_approval_was_not_done_when_a_restart_came),
        cmocka_unit_test(torn_and_foreign_records_are_left_out),
        cmocka_unit_test(incidents_of_one_client_within_an_hour_name_each_other),
        cmocka_unit_test(judgements_are_counted_by_detector),
        cmocka_unit_test(only_an_open_incident_is_assigned_and_to_a_name_that_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
