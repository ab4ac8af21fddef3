/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "bench/private.h"
#include "unit/unit.h"

#define RUN 0xabcdef01U

static const struct topic_case {
    const char *name;
    enum wire_level level;
    uint64_t qos;
    uint64_t size;
    bool retain;
} cases[] = {
    {"5, QoS 0, shortest", WIRE_V5, 0, STAMP_BYTES, false},
    {"5, QoS 1", WIRE_V5, 1, 64, false},
    {"5, QoS 2, retained", WIRE_V5, 2, 1000, true},
    {"3.1.1, QoS 0", WIRE_V311, 0, 64, false},
    {"3.1.1, QoS 1, long", WIRE_V311, 1, 100000, false},
    {"3.1.1, QoS 2", WIRE_V311, 2, 64, false},
};

static void a_publish_is_whole_and_carries_its_id_and_stamp(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct topic_case *t = &cases[i];
        struct bench b = {.level = t->level, .o = {.qos = t->qos, .size = t->size}};
        struct peer p = {.state = PEER_DOOMED}; /* nothing is to be sent */
        struct stamp s = {0};
        struct wire_frame f;
        struct wire_publish m;
        struct topic topic;
        uint16_t id = t->qos > 0 ? 0xfedc : 0;

        print_message("  %s\n", t->name);
        topic_init(&topic, &b, "a/topic", t->retain);
        for (uint64_t n = 0; n < 2; n++) {
            p.out.len = 0;
            topic_put(&topic, &p, id, (struct stamp){.run = RUN, .sequence = n, .topic = 5});
            assert_int_equal(wire_next(buf_view(&p.out), &f), WIRE_NEXT_PACKET);
            assert_int_equal(f.len, p.out.len);
            assert_int_equal(wire_decode_publish(f.flags, f.body, t->level, &m), WIRE_OK);
            assert_bytes_equal(m.topic, BYTES("a/topic"));
            assert_int_equal(m.qos, t->qos);
            assert_int_equal(m.retain, t->retain);
            assert_int_equal(m.packet_id, id);
            assert_int_equal(m.payload.len, t->size);
            assert_true(stamp_read(m.payload, RUN, &s));
            assert_int_equal(s.sequence, n);
            assert_int_equal(s.topic, 5);
        }
        topic_done(&topic);
        buf_done(&p.out);
    }
}

/* Against matching every filter with every topic. */
static void check_wants(const struct bench *b, uint64_t *ret_hits)
{
    struct wild w;

    wild_init(&w, b);
    for (size_t s = 0; s < w.n_subscribers; s++) {
        for (size_t t = 0; t < w.n_topics; t++) {
            bool matches = false;

            for (size_t i = 0; i < w.n_filters[s] && !matches; i++)
                matches = wire_filter_matches(w.filters[s][i], bytes_str(w.names[t]));
            assert_int_equal(matches, w.wants[s * w.n_topics + t]);
            *ret_hits += matches;
        }
    }
    wild_done(&w);
}

static void subscribers_want_what_their_filters_match(void **state)
{
    struct bench b = {.run = RUN,
                      .o = {.prefix = "bench", .topics = 200, .filters = 5000, .subscribers = 20}};
    uint64_t hits = 0;

    (void)state;
    check_wants(&b, &hits);
    assert_true(hits > 0);
}

static void filters_that_miss_are_valid_and_only_the_listener_wants_all(void **state)
{
    struct bench b = {
        .run = RUN,
        .o = {.prefix = "bench", .topics = 200, .filters = 5000, .subscribers = 20, .miss = true}};
    uint64_t hits = 0;

    (void)state;
    check_wants(&b, &hits);
    assert_int_equal(hits, 200);
}

static void topics_and_filters_are_valid(void **state)
{
    struct bench b = {.run = RUN,
                      .o = {.prefix = "a/b", .topics = 500, .filters = 500, .subscribers = 3}};
    struct wild w;

    (void)state;
    wild_init(&w, &b);
    for (size_t t = 0; t < w.n_topics; t++)
        assert_true(wire_topic_name_valid(bytes_str(w.names[t])));
    for (size_t s = 0; s < w.n_subscribers; s++) {
        for (size_t i = 0; i < w.n_filters[s]; i++)
            assert_true(wire_topic_filter_valid(w.filters[s][i]));
    }
    wild_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publish_is_whole_and_carries_its_id_and_stamp),
        cmocka_unit_test(subscribers_want_what_their_filters_match),
        cmocka_unit_test(filters_that_miss_are_valid_and_only_the_listener_wants_all),
        cmocka_unit_test(topics_and_filters_are_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
