/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/test_flow.c - MQ.ID.IC-01 */
#include "feed.h"

#include "wire/wire.h"

static const struct client meter = {1, "meter-1", "meter-1", "aa", "10.1.0.1", "meter"};
static const struct client centre = {2, "centre", "centre", "bb", "10.2.0.1", "centre"};

static json_t *flow_of(const json_t *flows, const char *from, const char *topic, const char *to)
{
    size_t i;
    json_t *v;

    json_array_foreach(json_object_get(flows, "flows"), i,
                       v) if (strcmp(text_in(v, "from"), from) == 0 &&
                              strcmp(text_in(v, "topic"), topic) == 0 &&
                              strcmp(text_in(v, "to"), to) == 0) return v;
    return NULL;
}

/* Whichever came first, the topic or the subscription. */
static void a_topic_and_a_filter_that_match_are_a_flow(void **state)
{
    /* clang-format off */
    static const struct {
        const char *filter;
        const char *topic;
    } cases[] = {
        {"fmb/meter/1", "fmb/meter/1"}, {"fmb/+/1", "fmb/meter/1"},   {"fmb/#", "fmb/meter/1"},
        {"#", "fmb/meter/1"},           {"fmb/meter/1/#", "fmb/meter/1"}, {"+/+/+", "fmb/meter/1"},
        {"fmb/+", "fmb/meter/1"},       {"fmb/meter", "fmb/meter/1"}, {"fmb/meter/1/+", "fmb/meter/1"},
        {"#", "$SYS/uptime"},           {"+/uptime", "$SYS/uptime"},  {"$SYS/#", "$SYS/uptime"},
        {"a//b", "a//b"},               {"a/+/b", "a//b"},            {"+", "/a"}, {"+/+", "/a"}, {"/+", "/a"},
        {"$share/g/fmb/#", "fmb/x"},    {"$share/g/other/#", "fmb/x"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        struct identify *id = identify_new(NULL);
        const char *filter = cases[i / 2].filter;
        const char *topic = cases[i / 2].topic;
        struct bytes group;
        struct bytes plain = bytes_str(filter);
        json_t *flows;
        bool expected;

        (void)wire_filter_split_share(bytes_str(filter), &group, &plain);
        expected = wire_filter_matches(plain, bytes_str(topic));
        print_message("  %s %s %s\n", filter, expected ? "hears" : "does not hear", topic);
        connect_at(id, &meter, NOW);
        connect_at(id, &centre, NOW);
        if (i % 2 == 0)
            feed(id, &centre, EVENT_SUBSCRIBED, filter, NOW + 1);
        feed(id, &meter, EVENT_PUBLISH_TOPIC, topic, NOW + 2);
        if (i % 2 == 1)
            feed(id, &centre, EVENT_SUBSCRIBED, filter, NOW + 3);
        flows = identify_flows_json(id, NOW + 4);
        assert_int_equal(flow_of(flows, "meter-1", topic, "centre") != NULL, expected);
        assert_int_equal(json_array_size(json_object_get(flows, "flows")), expected);
        json_decref(flows);
        identify_free(id);
    }
}

static void count_writer(void *arg, uint64_t conn)
{
    *(uint64_t *)arg = *(uint64_t *)arg * 10 + conn;
}

static void who_has_published_below_a_filter_is_a_writer_once_and_only_while_connected(void **state)
{
    struct identify *id = identify_new(NULL);
    uint64_t writers = 0;

    (void)state;
    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/b/1", NOW + 1);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/b/2", NOW + 1);
    feed(id, &centre, EVENT_SUBSCRIBED, "a/#", NOW + 1);
    feed(id, &centre, EVENT_PUBLISH_TOPIC, "c", NOW + 1);
    identify_writers_each(id, BYTES("a/+/+"), count_writer, &writers);
    assert_int_equal(writers, meter.conn);
    writers = 0;
    feed(id, &meter, EVENT_DISCONNECTED, NULL, NOW + 2);
    identify_writers_each(id, BYTES("a/#"), count_writer, &writers);
    assert_int_equal(writers, 0);
    identify_free(id);
}

static void a_flow_is_live_while_both_ends_stand_and_stays_known_after(void **state)
{
    struct identify *id = identify_new(NULL);
    json_t *flows, *f;

    (void)state;
    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "a/#", NOW + 1);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/b", NOW + 2);
    flows = identify_flows_json(id, NOW + 3);
    f = flow_of(flows, "meter-1", "a/b", "centre");
    assert_true(json_is_true(json_object_get(f, "live")));
    assert_int_equal(json_integer_value(json_object_get(f, "first_seen_unix_ms")), NOW + 2);
    json_decref(flows);

    feed(id, &centre, EVENT_UNSUBSCRIBED, "a/#", NOW + 50);
    flows = identify_flows_json(id, NOW + 60);
    f = flow_of(flows, "meter-1", "a/b", "centre");
    assert_true(json_is_false(json_object_get(f, "live")));
    assert_int_equal(json_integer_value(json_object_get(f, "last_seen_unix_ms")), NOW + 50);
    json_decref(flows);

    feed(id, &centre, EVENT_SUBSCRIBED, "a/+", NOW + 70);
    feed(id, &meter, EVENT_DISCONNECTED, NULL, NOW + 80);
    flows = identify_flows_json(id, NOW + 90);
    f = flow_of(flows, "meter-1", "a/b", "centre");
    assert_true(json_is_false(json_object_get(f, "live")));
    assert_int_equal(json_integer_value(json_object_get(f, "last_seen_unix_ms")), NOW + 80);
    json_decref(flows);
    identify_free(id);
}

static void who_was_gone_when_a_topic_was_published_is_not_its_subscriber(void **state)
{
    struct identify *id = identify_new(NULL);
    json_t *flows;

    (void)state;
    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "#", NOW);
    feed(id, &centre, EVENT_DISCONNECTED, NULL, NOW + 1);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/b", NOW + 2);
    flows = identify_flows_json(id, NOW + 3);
    assert_int_equal(json_array_size(json_object_get(flows, "flows")), 0);
    json_decref(flows);
    identify_free(id);
}

static void talking_to_oneself_is_no_flow(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    connect_at(id, &meter, NOW);
    feed(id, &meter, EVENT_SUBSCRIBED, "#", NOW);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/b", NOW);
    assert_int_equal(identify_counts(id).n_flows, 0);
    identify_free(id);
}

static void the_end_of_an_old_connection_leaves_the_new_one_alone(void **state)
{
    struct client again = meter;
    struct identify *id = identify_new(NULL);
    json_t *flows;

    (void)state;
    again.conn = 5;
    connect_at(id, &centre, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "a/#", NOW);
    connect_at(id, &meter, NOW);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/b", NOW + 1);
    connect_at(id, &again, NOW + 2); /* takes the session over before the old end is told */
    feed(id, &again, EVENT_PUBLISH_TOPIC, "a/b", NOW + 3);
    feed(id, &meter, EVENT_DISCONNECTED, NULL, NOW + 4);
    flows = identify_flows_json(id, NOW + 5);
    assert_true(json_is_true(json_object_get(flow_of(flows, "meter-1", "a/b", "centre"), "live")));
    assert_int_equal(identify_counts(id).n_connected, 2);
    json_decref(flows);
    identify_free(id);
}

static void past_the_limits_topics_filters_and_flows_are_counted(void **state)
{
    struct identify_limits limits = identify_limits_default;
    struct identify *id;
    char topic[16];

    (void)state;
    limits.flows_max = 2;
    limits.topics_per_conn_max = 4;
    limits.filters_per_conn_max = 1;
    id = identify_new(&limits);
    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "#", NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "a/#", NOW);
    for (unsigned i = 0; i < 6; i++) {
        (void)snprintf(topic, sizeof(topic), "t/%u", i);
        feed(id, &meter, EVENT_PUBLISH_TOPIC, topic, NOW);
    }
    assert_int_equal(identify_counts(id).n_flows, 2);
    assert_int_equal(identify_counts(id).n_flows_dropped, 2);
    assert_int_equal(identify_counts(id).n_topics_dropped, 2);
    assert_int_equal(identify_counts(id).n_filters_dropped, 1);
    identify_free(id);
}

/* However many topics there are; what was left out is learned when it is used again. */
static void a_wildcard_costs_no_more_than_its_budget_and_the_rest_is_learned_in_use(void **state)
{
    struct identify_limits limits = identify_limits_default;
    struct identify *id;
    char topic[16];

    (void)state;
    limits.visits_per_event_max = 20;
    id = identify_new(&limits);
    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(topic, sizeof(topic), "t/%u", i);
        feed(id, &meter, EVENT_PUBLISH_TOPIC, topic, NOW);
    }
    for (unsigned round = 0; round < 3; round++) {
        feed(id, &centre, EVENT_SUBSCRIBED, "#", NOW + round);
        assert_in_range(identify_counts(id).n_flows, 1, 20);
        assert_int_equal(identify_counts(id).n_walks_cut, 2 * round + 1);
        feed(id, &centre, EVENT_UNSUBSCRIBED, "#", NOW + round);
    }
    feed(id, &centre, EVENT_SUBSCRIBED, "#", NOW + 5);
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(topic, sizeof(topic), "t/%u", i);
        feed(id, &meter, EVENT_PUBLISH_TOPIC, topic, NOW + 6);
    }
    assert_int_equal(identify_counts(id).n_flows, 100);
    identify_free(id);
}

static void a_topic_longer_than_is_kept_is_counted(void **state)
{
    struct identify *id = identify_new(NULL);
    char topic[IDENTIFY_TEXT_MAX + 2];

    (void)state;
    memset(topic, 'x', sizeof(topic));
    topic[sizeof(topic) - 1] = '\0';
    connect_at(id, &meter, NOW);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, topic, NOW);
    assert_int_equal(identify_counts(id).n_topics_dropped, 1);
    identify_free(id);
}

static void a_flow_is_declared_by_name_principal_role_or_any(void **state)
{
    /* clang-format off */
    static const struct {
        const char *flow;
        bool covers;
    } cases[] = {
        {"{from: Meter One, topic: a/#, to: centre}",        true},
        {"{from: meter-1, topic: a/+, to: centre}",          true},
        {"{from: 'role:meter', topic: a/b, to: 'role:centre'}", true},
        {"{from: any, topic: '#', to: any}",                 true},
        {"{from: meter-2, topic: a/b, to: centre}",          false},
        {"{from: meter-1, topic: b/#, to: centre}",          false},
        {"{from: centre, topic: a/b, to: meter-1}",          false},
        {"{from: 'role:pump', topic: a/b, to: any}",         false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct identify *id = identify_new(NULL);
        char yaml[256];
        json_t *flows;

        print_message("  %s\n", cases[i].flow);
        (void)snprintf(yaml, sizeof(yaml),
                       "assets:\n  - {name: Meter One, certificate_cn: meter-1}\nflows:\n  - %s\n",
                       cases[i].flow);
        declare(id, yaml, NOW);
        connect_at(id, &meter, NOW);
        connect_at(id, &centre, NOW);
        feed(id, &centre, EVENT_SUBSCRIBED, "a/#", NOW);
        feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/b", NOW);
        flows = identify_flows_json(id, NOW);
        assert_int_equal(
            json_is_true(json_object_get(flow_of(flows, "Meter One", "a/b", "centre"), "declared")),
            cases[i].covers);
        assert_int_equal(json_array_size(json_object_get(flows, "declared_not_seen")),
                         !cases[i].covers);
        json_decref(flows);
        identify_free(id);
    }
}

/* A property: whatever is thrown at it in any order, the flows are those of a naive model. */
static void random_comings_and_goings_leave_no_pair_out(void **state)
{
    static const char *const topics[] = {"a", "a/b", "a/b/c", "a/c", "b", "b/b", "/", "$x/a"};
    static const char *const filters[] = {"#", "a/#", "+", "a/+", "+/b", "a/b", "+/+/+", "$x/#"};
    struct identify *id = identify_new(NULL);
    bool up[6] = {false}, uses[6][8] = {{false}}, wants[6][8] = {{false}};
    char names[6][4];
    uint32_t seed = 12345;

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        (void)snprintf(names[i], sizeof(names[i]), "c%u", i);
    for (unsigned step = 0; step < 4000; step++) {
        unsigned who, what, which;
        struct client c;

        seed = seed * 1664525 + 1013904223;
        who = (seed >> 8) % 6;
        what = (seed >> 12) % 16;
        which = (seed >> 20) % 8;
        c = (struct client){who + 1, names[who], "", NULL, "10.0.0.1", "r"};
        if (!up[who]) {
            connect_at(id, &c, NOW + step);
            up[who] = true;
        } else if (what == 0) {
            feed(id, &c, EVENT_DISCONNECTED, NULL, NOW + step);
            up[who] = false;
            memset(uses[who], 0, sizeof(uses[who]));
            memset(wants[who], 0, sizeof(wants[who]));
        } else if (what < 7) {
            feed(id, &c, EVENT_PUBLISH_TOPIC, topics[which], NOW + step);
            uses[who][which] = true;
        } else if (what < 12) {
            feed(id, &c, EVENT_SUBSCRIBED, filters[which], NOW + step);
            wants[who][which] = true;
        } else {
            feed(id, &c, EVENT_UNSUBSCRIBED, filters[which], NOW + step);
            wants[who][which] = false;
        }
        if (step % 50 == 49) {
            json_t *flows = identify_flows_json(id, NOW + step);
            size_t n_live = 0, expected = 0, k;
            json_t *v;

            json_array_foreach(json_object_get(flows, "flows"), k, v) n_live +=
                json_is_true(json_object_get(v, "live"));
            for (unsigned p = 0; p < 6; p++)
                for (unsigned s = 0; s < 6; s++)
                    for (unsigned t = 0; t < 8; t++) {
                        bool meets = false;

                        for (unsigned f = 0; f < 8; f++)
                            meets |= wants[s][f] && wire_filter_matches(bytes_str(filters[f]),
                                                                        bytes_str(topics[t]));
                        expected += p != s && uses[p][t] && meets;
                    }
            assert_int_equal(n_live, expected);
            json_decref(flows);
        }
    }
    identify_free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_and_a_filter_that_match_are_a_flow),
        cmocka_unit_test(
            who_has_published_below_a_filter_is_a_writer_once_and_only_while_connected),
        cmocka_unit_test(a_flow_is_live_while_both_ends_stand_and_stays_known_after),
        cmocka_unit_test(who_was_gone_when_a_topic_was_published_is_not_its_subscriber),
        cmocka_unit_test(talking_to_oneself_is_no_flow),
        cmocka_unit_test(the_end_of_an_old_connection_leaves_the_new_one_alone),
        cmocka_unit_test(past_the_limits_topics_filters_and_flows_are_counted),
        cmocka_unit_test(a_wildcard_costs_no_more_than_its_budget_and_the_rest_is_learned_in_use),
        cmocka_unit_test(a_topic_longer_than_is_kept_is_counted),
        cmocka_unit_test(a_flow_is_declared_by_name_principal_role_or_any),
        cmocka_unit_test(random_comings_and_goings_leave_no_pair_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
