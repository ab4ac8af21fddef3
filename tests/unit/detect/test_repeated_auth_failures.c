/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_repeated_auth_failures.c - D05, MQ.DE.ID-01 */
#define SCENE_ONLY "repeated-auth"
#include "scene.h"

/* The first of this kind; without a limit when there is none. */
static struct found find(const struct scene *s, enum subject_kind kind, enum severity severity)
{
    for (unsigned i = 0; i < s->n_found; i++) {
        if (s->found[i].subject_kind == kind && s->found[i].severity == severity)
            return s->found[i];
    }
    return (struct found){0};
}

static void the_limits_of_an_address_are_5_in_60_s_and_10_in_600_s(void **state)
{
    struct scene s;
    struct found f;
    char user[16];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 1; i <= 10; i++) {
        snprintf(user, sizeof(user), "u%u", i);
        scene_auth_failed(&s, "x", user, "203.0.113.9", i);
        assert_int_equal(s.n_found, (i >= 5) + (i >= 10));
        scene_wait(&s, 1);
    }
    f = find(&s, SUBJECT_ADDRESS, SEVERITY_MEDIUM);
    assert_true(f.count == 5 && f.limit == 5 && f.window_s == 60);
    assert_string_equal(f.subject, "203.0.113.9");
    assert_false(f.alert_only);
    assert_string_equal(f.sample, "u1");
    f = find(&s, SUBJECT_ADDRESS, SEVERITY_HIGH);
    assert_true(f.count == 10 && f.limit == 10 && f.window_s == 600);
    scene_end(&s);
}

static void a_guesser_is_found_at_any_pace_down_to_one_a_minute(void **state)
{
    static const struct {
        double every_s;
        double within_s;
    } cases[] = {{0.1, 1}, {5, 50}, {20, 200}, {55, 540}};

    (void)state;
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct scene s;
        struct found f;

        scene_begin(&s, 1, 0);
        for (unsigned i = 0; i < 20; i++) {
            scene_auth_failed(&s, "x", "admin", "203.0.113.9", i);
            scene_wait(&s, cases[c].every_s);
        }
        f = find(&s, SUBJECT_ADDRESS, SEVERITY_HIGH);
        assert_true(f.limit == 10);
        assert_true((double)(f.at_ns - SCENE_NS) / 1e9 <= cases[c].within_s);
        scene_end(&s);
    }
}

/* One guess in 75 s at one name, each from another address: about the 18th guess. */
static void a_slow_guesser_with_many_addresses_is_told_of_by_name_only(void **state)
{
    struct scene s;
    char address[32];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(address, sizeof(address), "203.0.113.%u", i);
        scene_auth_failed(&s, "x", "operator", address, i);
        scene_wait(&s, 75);
    }
    assert_int_equal(s.n_found, 1);
    assert_int_equal(s.found[0].subject_kind, SUBJECT_USER);
    assert_string_equal(s.found[0].subject, "operator");
    assert_int_equal(s.found[0].severity, SEVERITY_MEDIUM);
    assert_true(s.found[0].alert_only);
    assert_true(s.found[0].limit == 15 && s.found[0].window_s == 3600);
    assert_true((s.found[0].at_ns - SCENE_NS) / S <= 75 * 19);
    scene_end(&s);
}

static void a_name_is_never_more_than_told_of(void **state)
{
    struct scene s;
    char address[32];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(address, sizeof(address), "10.%u.%u.1", i / 256, i % 256);
        scene_auth_failed(&s, "x", "operator", address, i);
        scene_wait(&s, 0.1);
    }
    assert_int_equal(s.n_found, 1);
    assert_true(s.found[0].alert_only);
    assert_true(s.found[0].count >= 10 && s.found[0].window_s == 600);
    scene_end(&s);
}

/* The password was changed; a device goes on with the old one each 10 s for an hour. */
static void a_known_device_with_an_outdated_password_is_silent(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    scene_connect(&s, "m-1", "192.0.2.1");
    for (unsigned i = 0; i < 360; i++) {
        scene_auth_failed(&s, "m-1", "m-1", "192.0.2.1", 0xbeef);
        scene_wait(&s, 10);
    }
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

/* The same, unknown to the node since it was started, each 20 s. */
static void an_unknown_device_with_an_outdated_password_is_silent(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 180; i++) {
        scene_auth_failed(&s, "m-1", "m-1", "192.0.2.1", 0xbeef);
        scene_wait(&s, 20);
    }
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

static void the_same_secret_counts_a_quarter_and_another_one_whole(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 1; i <= 17; i++) { /* 1 + 16/4 = 5 */
        assert_int_equal(s.n_found, 0);
        scene_auth_failed(&s, "x", "u", "203.0.113.9", 7);
    }
    assert_int_equal(s.n_found, 1);
    assert_true(s.found[0].count == 5);
    scene_end(&s);

    scene_begin(&s, 1, 0);
    for (unsigned i = 1; i <= 5; i++) { /* two secrets by turns */
        assert_int_equal(s.n_found, 0);
        scene_auth_failed(&s, "x", "u", "203.0.113.9", i % 2);
    }
    assert_int_equal(s.n_found, 1);
    scene_end(&s);
}

/* One password at many names is no repetition: the pair is (address, name). */
static void one_secret_sprayed_over_many_names_counts_whole(void **state)
{
    struct scene s;
    char user[16];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(user, sizeof(user), "u%u", i);
        scene_auth_failed(&s, "x", user, "203.0.113.9", 7);
    }
    assert_true(find(&s, SUBJECT_ADDRESS, SEVERITY_HIGH).limit == 10);
    scene_end(&s);
}

/* Knowing a client id helps only from an address where that client has got in. */
static void a_known_client_id_from_elsewhere_gives_no_discount(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    scene_connect(&s, "m-1", "192.0.2.1");
    for (unsigned i = 0; i < 10; i++)
        scene_auth_failed(&s, "m-1", "m-1", "203.0.113.9", i);
    assert_true(find(&s, SUBJECT_ADDRESS, SEVERITY_HIGH).limit == 10);
    scene_end(&s);
}

/* Three typing errors by each of a few people. */
static void people_who_mistype_are_silent(void **state)
{
    struct scene s;
    char address[32];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(address, sizeof(address), "192.0.2.%u", i);
        for (unsigned k = 0; k < 3; k++) {
            scene_auth_failed(&s, "tool", address, address, k);
            scene_wait(&s, 8);
        }
    }
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

static void names_that_nobody_gave_are_not_counted(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 30; i++)
        scene_event(&s, (struct event){.kind = EVENT_AUTH_FAILED, .value = i});
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limits_of_an_address_are_5_in_60_s_and_10_in_600_s),
        cmocka_unit_test(a_guesser_is_found_at_any_pace_down_to_one_a_minute),
        cmocka_unit_test(a_slow_guesser_with_many_addresses_is_told_of_by_name_only),
        cmocka_unit_test(a_name_is_never_more_than_told_of),
        cmocka_unit_test(a_known_device_with_an_outdated_password_is_silent),
        cmocka_unit_test(an_unknown_device_with_an_outdated_password_is_silent),
        cmocka_unit_test(the_same_secret_counts_a_quarter_and_another_one_whole),
        cmocka_unit_test(one_secret_sprayed_over_many_names_counts_whole),
        cmocka_unit_test(a_known_client_id_from_elsewhere_gives_no_discount),
        cmocka_unit_test(people_who_mistype_are_silent),
        cmocka_unit_test(names_that_nobody_gave_are_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
