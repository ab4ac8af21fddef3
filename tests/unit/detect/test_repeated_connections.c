/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_repeated_connections.c - D01, MQ.DE.NM-01 */
#define SCENE_ONLY "repeated-conn"
#include "scene.h"

/* One client that connects each so many seconds for an hour. */
static const struct {
    const char *what;
    double every_s;
    int severity; /* the worst that is said; -1: silent */
    double within_s;
} cases[] = {
    {"a constant retry each 5 s", 5, -1, 0},
    {"a retry each 4.3 s, 14 a minute", 4.3, -1, 0},
    {"a retry each 3 s", 3, SEVERITY_MEDIUM, 60},
    {"a crash loop each second", 1, SEVERITY_HIGH, 30},
    {"a script without pause", 0.05, SEVERITY_HIGH, 2},
};

static void a_client_that_comes_again_and_again_is_found_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scene s;
        const struct found *last = &s.found[0];

        print_message("  %s\n", cases[i].what);
        scene_begin(&s, 1, 0);
        for (double t = 0; t < 590; t += cases[i].every_s) {
            scene_connect(&s, "m-1", "192.0.2.1");
            scene_wait(&s, cases[i].every_s);
        }
        assert_int_equal(s.n_found > 0, cases[i].severity >= 0);
        if (s.n_found > 0) {
            last = &s.found[s.n_found - 1];
            assert_int_equal(last->severity, cases[i].severity);
            assert_true((double)(last->at_ns - SCENE_NS) / 1e9 <= cases[i].within_s);
            assert_string_equal(last->kind, "repeated-connection-attempts");
            assert_int_equal(last->subject_kind, SUBJECT_CLIENT);
            assert_string_equal(last->subject, "m-1");
            assert_string_equal(last->sample, "192.0.2.1");
        }
        scene_end(&s);
    }
}

static void the_limits_are_15_and_30_in_60_s(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 1; i <= 30; i++) {
        scene_connect(&s, "m-1", "192.0.2.1");
        assert_int_equal(s.n_found, (i >= 15) + (i >= 30));
    }
    assert_true(s.found[0].count == 15 && s.found[0].limit == 15 && s.found[0].window_s == 60);
    assert_true(s.found[1].count == 30 && s.found[1].limit == 30);
    scene_end(&s);
}

/* Wherever the windows begin: one a second is high within 40 s, one in 4.3 s never. */
static void it_does_not_matter_when_it_begins(void **state)
{
    (void)state;
    for (unsigned phase = 0; phase < 60; phase++) {
        struct scene s;

        scene_begin(&s, 1, 0);
        scene_wait(&s, phase);
        for (unsigned i = 0; i < 40; i++) {
            scene_connect(&s, "m-1", "192.0.2.1");
            scene_wait(&s, 1);
        }
        assert_int_equal(s.n_found, 2);
        assert_int_equal(s.found[1].severity, SEVERITY_HIGH);
        for (unsigned i = 0; i < 140; i++) {
            scene_connect(&s, "m-2", "192.0.2.1");
            scene_wait(&s, 4.3);
        }
        assert_int_equal(s.n_found, 2);
        scene_end(&s);
    }
}

/* Power comes back: a thousand clients of one address, three times in a minute each. */
static void a_reconnect_storm_is_silent(void **state)
{
    struct scene s;
    char name[32];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 1000; i++) {
            snprintf(name, sizeof(name), "m-%u", i);
            scene_connect(&s, name, "192.0.2.1");
            scene_wait(&s, 0.01);
        }
    }
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

/* Exponential back-off 1, 2, 4, ... 64 s. */
static void a_client_that_backs_off_is_silent(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (double pause = 1; pause < 128; pause *= 2) {
        scene_connect(&s, "m-1", "192.0.2.1");
        scene_wait(&s, pause);
    }
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

static void what_was_refused_does_not_count_against_the_name(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 200; i++)
        scene_event(&s, (struct event){.kind = EVENT_CONNECT_REFUSED,
                                       .client_id = BYTES("m-1"),
                                       .address = BYTES("203.0.113.9")});
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_comes_again_and_again_is_found_in_time),
        cmocka_unit_test(the_limits_are_15_and_30_in_60_s),
        cmocka_unit_test(it_does_not_matter_when_it_begins),
        cmocka_unit_test(a_reconnect_storm_is_silent),
        cmocka_unit_test(a_client_that_backs_off_is_silent),
        cmocka_unit_test(what_was_refused_does_not_count_against_the_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
