/* SPDX-License-Identifier: Apache-2.0 */
/* What was tried against what the node noticed: what is recorded, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lab/lab_private.h"

static const struct exercise_plan plan = {"a scan", "MQ.DE.ID-02", "R07", "topic-scan-subscribe",
                                          "client:eve"};

static json_t *incident(const char *kind, const char *subject, int opened_ms, const char *state)
{
    return json_pack("{s:s, s:s, s:I, s:s}", "kind", kind, "subject", subject, "time_unix_ms",
                     (json_int_t)opened_ms, "state", state);
}

/* Attempts at 1000, 1010, ... 1090. */
static struct exercise ten(void)
{
    struct exercise e = {.plan = &plan};

    for (unsigned i = 0; i < 10; i++)
        exercise_attempt(&e, 1000 + 10 * i);
    return e;
}

static json_t *judged(const struct exercise *e, json_t *incidents, const char *text)
{
    char *said = NULL;
    json_t *line = exercise_result(e, incidents, &said);

    assert_non_null(strstr(said, text));
    free(said);
    json_decref(incidents);
    return line;
}

static json_t *with_action(json_t *incident, const char *what, const char *state, int at_ms)
{
    json_object_set_new(incident, "actions",
                        json_pack("[{s:s, s:s, s:I}, {s:s, s:s, s:I}]", "what", "alert", "state",
                                  "done", "at_unix_ms", (json_int_t)1045, "what", what, "state",
                                  state, "at_unix_ms", (json_int_t)at_ms));
    return incident;
}

static void what_was_done_about_it_counts_with_its_time(void **state)
{
    static const struct {
        const char *what;
        const char *state;
        int contained;
        const char *text;
    } cases[] = {
        {"throttle", "done", 1, "after 0.045 s; contained after 0.050 s"},
        {"ban", "observed", 0, "after 0.045 s; told, nothing done"},
        {"ban", "held", 0, "after 0.045 s; told, nothing done"},
        {"record", "done", 0, "after 0.045 s; told, nothing done"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exercise e = ten();
        json_t *line = judged(&e,
                              json_pack("[o]", with_action(incident("topic-scan-subscribe",
                                                                    "client:eve", 1045, "open"),
                                                           cases[i].what, cases[i].state, 1050)),
                              cases[i].text);
        const json_t *seconds = json_object_get(line, "contain_seconds");

        assert_int_equal(json_integer_value(json_object_get(line, "contained")),
                         cases[i].contained);
        assert_int_equal(json_array_size(seconds), cases[i].contained);
        if (cases[i].contained)
            assert_true(json_real_value(json_array_get(seconds, 0)) == 0.05);
        json_decref(line);
    }
}

static void an_alert_counts_with_its_time_and_the_attempts_until_then(void **state)
{
    struct exercise e = ten();
    json_t *line =
        judged(&e,
               json_pack("[o, o, o]", incident("topic-scan-publish", "client:eve", 1001, "open"),
                         incident("topic-scan-subscribe", "client:ann", 1002, "open"),
                         incident("topic-scan-subscribe", "client:eve", 1045, "open")),
               "noticed within 5 attempts, after 0.045 s");

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(line, "injected")), 1);
    assert_int_equal(json_integer_value(json_object_get(line, "detected")), 1);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(line, "touched"), 0)), 5);
    assert_true(json_real_value(json_array_get(json_object_get(line, "seconds"), 0)) == 0.045);
    json_decref(line);
}

static void what_was_not_noticed_is_recorded_as_that(void **state)
{
    struct exercise e = ten();
    json_t *line = judged(&e, json_array(), "NOT noticed");

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(line, "injected")), 1);
    assert_int_equal(json_integer_value(json_object_get(line, "detected")), 0);
    assert_null(json_object_get(line, "seconds"));
    json_decref(line);
}

static void what_proves_nothing_is_not_recorded(void **state)
{
    struct exercise none = {.plan = &plan};
    struct exercise e = ten();

    (void)state;
    assert_null(judged(&none, json_array(), "did not let it come"));
    assert_null(
        judged(&e, json_pack("[o]", incident("topic-scan-subscribe", "client:eve", 900, "open")),
               "open already"));
}

static void an_incident_that_was_closed_before_says_nothing_of_this_time(void **state)
{
    struct exercise e = ten();
    json_t *line =
        judged(&e, json_pack("[o]", incident("topic-scan-subscribe", "client:eve", 900, "closed")),
               "NOT noticed");

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(line, "detected")), 0);
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_done_about_it_counts_with_its_time),
        cmocka_unit_test(an_alert_counts_with_its_time_and_the_attempts_until_then),
        cmocka_unit_test(what_was_not_noticed_is_recorded_as_that),
        cmocka_unit_test(what_proves_nothing_is_not_recorded),
        cmocka_unit_test(an_incident_that_was_closed_before_says_nothing_of_this_time),
    };

    return cmocka_run_group_tests_name("lab/exercise", tests, NULL, NULL);
}
