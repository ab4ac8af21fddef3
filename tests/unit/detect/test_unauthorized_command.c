/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_unauthorized_command.c - D32, MQ.PR.SP-03 */
#define SCENE_ONLY "unauthorized"
#include "scene.h"

static void one_command_by_one_who_may_not_is_high(void **state)
{
    static const enum event_kind kinds[] = {EVENT_PUBLISH_TOPIC, EVENT_PUBLISH_DENIED};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct scene s;

        scene_begin(&s, 1, 0);
        scene_topic(&s, kinds[i], "m-1", "meter", "fmb/command/breaker/7", EVENT_COMMAND);
        assert_int_equal(s.n_found, 1);
        assert_string_equal(s.found[0].kind, "unauthorized-command");
        assert_int_equal(s.found[0].severity, SEVERITY_HIGH);
        assert_int_equal(s.found[0].subject_kind, SUBJECT_CLIENT);
        assert_string_equal(s.found[0].subject, "m-1");
        assert_string_equal(s.found[0].address, "192.0.2.7");
        assert_string_equal(s.found[0].sample, "fmb/command/breaker/7");
        assert_true(s.found[0].count == 1 && s.found[0].limit == 1);
        scene_end(&s);
    }
}

static void a_command_that_is_held_is_told_of_with_what_became_of_it(void **state)
{
    struct scene s;
    struct event e = {.kind = EVENT_COMMAND_HELD,
                      .value = EVENT_COMMAND,
                      .client_id = BYTES("m-1"),
                      .user_name = BYTES("m-1"),
                      .address = BYTES("192.0.2.7"),
                      .role = BYTES("meter"),
                      .topic = BYTES("fmb/command/a"),
                      .text = BYTES("held as C-1: fmb/command/a")};

    (void)state;
    scene_begin(&s, 1, 0);
    scene_event(&s, e);
    assert_int_equal(s.n_found, 1);
    assert_string_equal(s.found[0].sample, "held as C-1: fmb/command/a");
    e.client_id = BYTES("scada"); /* whose commands are held for another reason */
    e.role = BYTES("control");
    e.value = 0;
    scene_event(&s, e);
    assert_int_equal(s.n_found, 1);
    scene_end(&s);
}

static void other_topics_and_who_may_command_are_silent(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", "fmb/meter/m-1/p", 0);
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "scada", "control", "fmb/command/breaker/7", 0);
    scene_topic(&s, EVENT_SUBSCRIBED, "m-1", "meter", "fmb/command/meter/m-1/#", EVENT_COMMAND);
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "op", "operator", "fmb/command/breaker/7", EVENT_COMMAND);
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

static void who_may_command_certain_equipment_only_is_told_of_elsewhere(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "desk-1", "desk", "fmb/command/breaker/7", 0);
    assert_int_equal(s.n_found, 0);
    scene_topic(&s, EVENT_PUBLISH_TOPIC, "desk-1", "desk", "fmb/command/valve/7", EVENT_COMMAND);
    assert_int_equal(s.n_found, 1);
    assert_string_equal(s.found[0].kind, "unauthorized-command");
    scene_end(&s);
}

static void it_is_said_once_until_it_has_been_quiet(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 5; i++)
        scene_topic(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", "fmb/command/b", EVENT_COMMAND);
    assert_int_equal(s.n_found, 1);
    assert_int_equal(scene_counters(&s, "D32").suppressed, 4);
    scene_idle(&s, 1200);
    assert_int_equal(s.n_found, 2);
    assert_int_equal(s.found[1].state, FINDING_CLOSED);
    scene_topic(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", "fmb/command/b", EVENT_COMMAND);
    assert_int_equal(s.n_found, 3);
    scene_end(&s);
}

static void each_command_is_acted_upon_once_in_five_seconds(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 12; i++) { /* one a second: at 0, 5 and 10 s */
        scene_topic(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", "fmb/command/b", EVENT_COMMAND);
        scene_wait(&s, 1);
    }
    assert_int_equal(s.n_found, 3);
    assert_int_equal(s.found[1].state, FINDING_UPDATE);
    assert_true(s.found[1].count == 6 && s.found[2].count == 11);
    assert_int_equal(s.n_refreshed, 0);
    scene_idle(&s, 20); /* and what came behind the last of them is told */
    assert_int_equal(s.n_refreshed, 1);
    assert_true(s.refreshed_count == 12);
    assert_int_equal(s.n_found, 3);
    scene_end(&s);
}

static void what_a_person_has_dealt_with_is_news_the_next_time(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    scene_topic(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", "fmb/command/b", EVENT_COMMAND);
    scene_topic(&s, EVENT_PUBLISH_DENIED, "m-2", "meter", "fmb/command/b", EVENT_COMMAND);
    assert_int_equal(s.n_found, 2);
    detect_dismiss(s.d, scene_counters(&s, "D32").detector, SUBJECT_CLIENT, BYTES("m-1"));
    assert_int_equal(scene_counters(&s, "D32").standing, 1);
    scene_topic(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", "fmb/command/b", EVENT_COMMAND);
    scene_topic(&s, EVENT_PUBLISH_DENIED, "m-2", "meter", "fmb/command/b", EVENT_COMMAND);
    assert_int_equal(s.n_found, 3);
    assert_int_equal(s.found[2].state, FINDING_OPEN);
    assert_string_equal(s.found[2].subject, "m-1");
    assert_true(s.found[2].count == 2);
    scene_end(&s);
}

static void a_long_topic_is_shown_cut_between_characters(void **state)
{
    struct scene s;
    char topic[301];

    (void)state;
    for (unsigned i = 0; i < 300; i += 2)
        memcpy(topic + i, "\xc3\xa9", 2);
    topic[300] = '\0';
    scene_begin(&s, 1, 0);
    scene_topic(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", topic, EVENT_COMMAND);
    assert_int_equal(strlen(s.found[0].sample), 126);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_command_by_one_who_may_not_is_high),
        cmocka_unit_test(a_command_that_is_held_is_told_of_with_what_became_of_it),
        cmocka_unit_test(other_topics_and_who_may_command_are_silent),
        cmocka_unit_test(who_may_command_certain_equipment_only_is_told_of_elsewhere),
        cmocka_unit_test(it_is_said_once_until_it_has_been_quiet),
        cmocka_unit_test(each_command_is_acted_upon_once_in_five_seconds),
        cmocka_unit_test(what_a_person_has_dealt_with_is_news_the_next_time),
        cmocka_unit_test(a_long_topic_is_shown_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
