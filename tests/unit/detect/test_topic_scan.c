/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_topic_scan.c - D07 and D08, MQ.DE.ID-02 */
#define SCENE_ONLY "topic-scan"
#include "scene.h"

#include "base/hash.h"

static void use_topics(struct scene *s, enum event_kind kind, const char *client, const char *role,
                       unsigned from, unsigned n, double every_s)
{
    char topic[64];

    for (unsigned i = from; i < from + n; i++) {
        snprintf(topic, sizeof(topic), "fmb/%s/t%u", client, i);
        scene_topic(s, kind, client, role, topic, 0);
        scene_wait(s, every_s);
    }
}

/* A client that has used 3 topics for longer than an hour. */
static void teach(struct scene *s, enum event_kind kind, const char *client, const char *role)
{
    for (unsigned i = 0; i < 8; i++) {
        use_topics(s, kind, client, role, 0, 3, 1);
        scene_wait(s, 597);
    }
}

/* Linear counting is a few percent off, so a limit may be reached so many topics early or late. */
#define OFF(limit) ((limit) / 5 + 1)

static const struct {
    const char *what;
    enum event_kind kind;
    const char *role;
    bool learned;
    unsigned limit;
} limits[] = {
    {"publish, not learned", EVENT_PUBLISH_TOPIC, "meter", false, 40},
    {"publish, learned", EVENT_PUBLISH_TOPIC, "meter", true, 20},
    {"publish refused, not learned", EVENT_PUBLISH_DENIED, "meter", false, 40},
    {"publish as a monitor", EVENT_PUBLISH_TOPIC, "monitor", false, 200},
    {"publish as a gateway, learned", EVENT_PUBLISH_TOPIC, "gateway", true, 400},
    {"subscribe", EVENT_SUBSCRIBED, "meter", false, 20},
    {"subscribe refused", EVENT_SUBSCRIBE_DENIED, "meter", false, 20},
    {"subscribe, learned", EVENT_SUBSCRIBED, "meter", true, 20},
    {"subscribe as a monitor", EVENT_SUBSCRIBED, "monitor", false, 100},
};

static void a_scan_is_found_at_its_limit_and_is_high_at_three_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        unsigned limit = limits[i].limit;
        struct scene s;

        print_message("  %s\n", limits[i].what);
        scene_begin(&s, 1, 0);
        if (limits[i].learned)
            teach(&s, limits[i].kind, "m-1", limits[i].role);
        assert_int_equal(s.n_found, 0);
        use_topics(&s, limits[i].kind, "m-1", limits[i].role, 100, limit - OFF(limit), 0.01);
        assert_int_equal(s.n_found, 0);
        use_topics(&s, limits[i].kind, "m-1", limits[i].role, 100 + limit, 3 * OFF(limit), 0.01);
        assert_int_equal(s.n_found, 1);
        assert_int_equal(s.found[0].severity, SEVERITY_MEDIUM);
        assert_int_equal(s.found[0].subject_kind, SUBJECT_CLIENT);
        assert_string_equal(s.found[0].subject, "m-1");
        assert_true(s.found[0].limit == limit && s.found[0].window_s == 60);
        assert_int_equal(s.found[0].n_samples, 8);
        use_topics(&s, limits[i].kind, "m-1", limits[i].role, 10000, 3 * limit, 0.01);
        assert_int_equal(s.n_found, 2);
        assert_int_equal(s.found[1].severity, SEVERITY_HIGH);
        assert_int_equal(s.found[1].state, FINDING_UPDATE);
        scene_end(&s);
    }
}

/* 4000 devices come with a firmware that has 3 new topics. */
static void a_roll_out_is_silent(void **state)
{
    struct scene s;
    char client[16];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 4000; i++) {
        snprintf(client, sizeof(client), "m-%u", i);
        use_topics(&s, EVENT_PUBLISH_TOPIC, client, "meter", 0, 3, 0);
        use_topics(&s, EVENT_SUBSCRIBED, client, "meter", 0, 2, 0.01);
    }
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

static void a_gateway_that_announces_240_topics_at_boot_is_silent(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "gw-1", "gateway", 0, 240, 0.01);
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

/* A storm: each client subscribes again to what it had. */
static void the_same_subscriptions_again_are_silent(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 3; i++) /* 45 filters, 15 a minute at first */
        use_topics(&s, EVENT_SUBSCRIBED, "hmi-1", "meter", i * 15, 15, 10);
    for (unsigned i = 0; i < 20; i++)
        use_topics(&s, EVENT_SUBSCRIBED, "hmi-1", "meter", 0, 45, 0.01);
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

/* One denied topic again and again is a wrong configuration, not a scan. */
static void one_refused_topic_again_and_again_is_silent(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned i = 0; i < 5000; i++) {
        use_topics(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", 0, 3, 0.01);
        use_topics(&s, EVENT_SUBSCRIBE_DENIED, "m-1", "meter", 0, 3, 0.01);
    }
    assert_int_equal(s.n_found, 0);
    scene_end(&s);
}

static void learned_is_600_s_and_60_events_or_an_hour(void **state)
{
    struct scene s;
    struct detect_learned l;

    (void)state;
    scene_begin(&s, 1, 0);
    assert_false(detect_client_learned(s.d, BYTES("m-1")).known);
    for (unsigned i = 0; i < 59; i++)
        use_topics(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", i % 3, 1, 10.5);
    l = detect_client_learned(s.d, BYTES("m-1"));
    assert_true(l.known && !l.learned && l.topics == 3 && l.events == 59);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", 0, 1, 0);
    assert_true(detect_client_learned(s.d, BYTES("m-1")).learned);

    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-2", "meter", 0, 70, 2);
    assert_false(detect_client_learned(s.d, BYTES("m-2")).learned);

    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-3", "meter", 0, 1, 3599);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-3", "meter", 0, 1, 1);
    assert_false(detect_client_learned(s.d, BYTES("m-3")).learned);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-3", "meter", 0, 1, 0);
    assert_true(detect_client_learned(s.d, BYTES("m-3")).learned);
    scene_end(&s);
}

static void nothing_is_learned_while_a_finding_stands(void **state)
{
    struct scene s;
    unsigned topics;

    (void)state;
    scene_begin(&s, 1, 0);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", 0, 60, 0.01);
    assert_int_equal(s.n_found, 1);
    topics = detect_client_learned(s.d, BYTES("m-1")).topics;
    assert_in_range(topics, 30, 45);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", 1000, 500, 0.01);
    assert_int_equal(detect_client_learned(s.d, BYTES("m-1")).topics, topics);
    scene_end(&s);
}

/* Refused topics are not learned: trying the same ones a second time is the same scan again. */
static void what_was_refused_is_never_learned(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    use_topics(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", 0, 60, 0.01);
    scene_idle(&s, 180);
    assert_int_equal(s.n_found, 2);
    assert_int_equal(s.found[1].state, FINDING_CLOSED);
    use_topics(&s, EVENT_PUBLISH_DENIED, "m-1", "meter", 0, 60, 0.01);
    assert_int_equal(s.n_found, 3);
    scene_end(&s);
}

/* A client with very many topics fills its filter; a scan must still stand out. */
static void a_filter_that_is_full_does_not_blind_the_detector(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "gw-1", "gateway", 0, 5000, 1);
    assert_int_equal(s.n_found, 0);
    assert_in_range(detect_client_learned(s.d, BYTES("gw-1")).topics, 240, 270);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "gw-1", "gateway", 10000, 800, 0.01);
    assert_int_equal(s.n_found, 1);
    scene_end(&s);
}

static void a_client_that_is_forgotten_begins_anew(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    teach(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter");
    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", 100, 30, 0.01);
    assert_int_equal(s.n_found, 1);
    detect_client_forget(s.d, BYTES("m-1"));
    assert_false(detect_client_learned(s.d, BYTES("m-1")).known);
    scene_idle(&s, 1);
    assert_int_equal(s.n_found, 2);
    assert_int_equal(s.found[1].state, FINDING_CLOSED);
    use_topics(&s, EVENT_PUBLISH_TOPIC, "m-1", "meter", 100, 30, 0.01);
    assert_int_equal(s.n_found, 2);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_is_found_at_its_limit_and_is_high_at_three_times),
        cmocka_unit_test(a_roll_out_is_silent),
        cmocka_unit_test(a_gateway_that_announces_240_topics_at_boot_is_silent),
        cmocka_unit_test(the_same_subscriptions_again_are_silent),
        cmocka_unit_test(one_refused_topic_again_and_again_is_silent),
        cmocka_unit_test(learned_is_600_s_and_60_events_or_an_hour),
        cmocka_unit_test(nothing_is_learned_while_a_finding_stands),
        cmocka_unit_test(what_was_refused_is_never_learned),
        cmocka_unit_test(a_filter_that_is_full_does_not_blind_the_detector),
        cmocka_unit_test(a_client_that_is_forgotten_begins_anew),
    };

    hash_key_set(1, 2); /* the same sketches each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
