/* SPDX-License-Identifier: Apache-2.0 */
/* test_alias.c - Topic Aliases to the client, read as a client of the standard reads them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hash.h"
#include "session/session.h"

#define ALIASES_MAX 8

static const struct session_limits limits = {.queue = {.messages_max = 100, .bytes_max = 1 << 20},
                                             .inflight_max = 100};

struct bench {
    struct session *session;
    struct conn conn;
    struct buf out;
    char known[ALIASES_MAX][64]; /* to the client, by alias - 1 */
    struct subscription *subs[1];
    struct receiver receiver;
    struct subscription sub; /* last: its text would follow */
};

/* @client_max: 0: the client says nothing of aliases. */
static void connect(struct bench *b, uint16_t client_max, uint16_t node_max)
{
    struct wire_connect p = {.level = WIRE_V5};

    if (client_max > 0) {
        p.props.set = BIT64(PROP_TOPIC_ALIAS_MAX);
        p.props.topic_alias_max = client_max;
    }
    conn_init(&b->conn, &b->out);
    conn_become(&b->conn, CONN_AUTHENTICATING);
    conn_agree(&b->conn, &p, 10, 0, node_max);
    conn_become(&b->conn, CONN_ACTIVE);
    session_attach(b->session, &b->conn, &limits);
    memset(b->known, 0, sizeof(b->known));
}

static void cut(struct bench *b)
{
    session_detach(b->session);
    conn_done(&b->conn);
    b->out.len = 0;
}

static void bench_begin(struct bench *b, uint8_t qos)
{
    *b = (struct bench){.session = session_new(BYTES("me"), &limits)};
    b->session->is_persistent = true;
    b->sub.qos = qos;
    b->subs[0] = &b->sub;
    b->receiver = (struct receiver){&b->session->subscriber, b->subs, 1};
}

static void bench_end(struct bench *b)
{
    cut(b);
    session_free(b->session);
    buf_done(&b->out);
}

/* What the client makes of the PUBLISH in the output buffer; its topic is @topic, or the alias
 * stands for it.  Return: the alias. */
static uint16_t assert_read(struct bench *b, struct bytes topic, uint16_t client_max)
{
    struct wire_frame f;
    struct wire_publish p;

    assert_int_equal(wire_next(buf_view(&b->out), &f), WIRE_NEXT_PACKET);
    assert_int_equal(f.len, b->out.len);
    assert_int_equal(wire_decode_publish(f.flags, f.body, WIRE_V5, &p), WIRE_OK);
    assert_true(p.topic_alias <= client_max); /* [MQTT5-3.1.2-26] [MQTT5-3.1.2-27] */
    if (p.topic_alias > 0 && p.topic.len > 0)
        (void)snprintf(b->known[p.topic_alias - 1], 64, "%.*s", BYTES_ARG(p.topic));
    if (p.topic.len == 0) /* [MQTT5-3.3.2-11] */
        assert_true(bytes_equal(bytes_str(b->known[p.topic_alias - 1]), topic));
    else
        assert_true(bytes_equal(p.topic, topic));
    return p.topic_alias;
}

static size_t send_one(struct bench *b, struct bytes topic, uint8_t qos)
{
    struct publication p = {
        .topic = topic,
        .topic_hash = hash_keyed(topic),
        .payload = BYTES("x"),
        .qos = qos,
        .expires_ns = EXPIRES_NEVER,
    };

    b->out.len = 0;
    assert_int_equal(session_offer(b->session, &p, &b->receiver, 0), SESSION_SENT);
    publication_done(&p);
    return b->out.len;
}

static void a_topic_that_comes_again_gets_an_alias_and_then_gives_way_to_it(void **state)
{
    struct bytes topic = BYTES("field/17/meter/42/power");
    struct bench b;
    size_t full;

    (void)state;
    bench_begin(&b, 0);
    connect(&b, 4, 8);
    full = send_one(&b, topic, 0);
    assert_int_equal(assert_read(&b, topic, 4), 0);
    assert_int_equal(send_one(&b, topic, 0), full + 3);
    assert_in_range(assert_read(&b, topic, 4), 1, 4);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(send_one(&b, topic, 0), full + 3 - topic.len);
        assert_in_range(assert_read(&b, topic, 4), 1, 4);
    }
    bench_end(&b);
}

static void a_client_that_takes_none_gets_none_and_costs_nothing(void **state)
{
    struct bytes topic = BYTES("field/17/meter/42/power");
    static const uint16_t maxima[][2] = {{0, 8}, {4, 0}};
    struct bench b;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(maxima); i++) {
        bench_begin(&b, 0);
        connect(&b, maxima[i][0], maxima[i][1]);
        for (unsigned n = 0; n < 3; n++) {
            send_one(&b, topic, 0);
            assert_int_equal(assert_read(&b, topic, 0), 0);
        }
        assert_null(b.conn.sent_aliases);
        bench_end(&b);
    }
}

static void before_a_message_comes_there_is_no_table(void **state)
{
    struct bench b;

    (void)state;
    bench_begin(&b, 0);
    connect(&b, 8, 8);
    assert_null(b.conn.sent_aliases);
    send_one(&b, BYTES("abc"), 0); /* no longer than an alias */
    assert_null(b.conn.sent_aliases);
    send_one(&b, BYTES("abcd"), 0);
    assert_non_null(b.conn.sent_aliases);
    bench_end(&b);
}

static void an_alias_ends_with_its_network_connection(void **state)
{
    struct bytes topic = BYTES("field/17/meter/42/power");
    struct bench b;
    size_t full;

    (void)state;
    bench_begin(&b, 1);
    connect(&b, 2, 8);
    for (unsigned i = 0; i < 3; i++) {
        send_one(&b, topic, 1);
        assert_true(assert_read(&b, topic, 2) > 0 || i == 0);
    }
    cut(&b);
    connect(&b, 2, 8);
    session_pump(b.session, 0); /* what was in flight comes again, in full */
    for (unsigned i = 0; i < 3; i++) {
        struct wire_frame f;
        struct wire_publish p;

        assert_int_equal(wire_next(buf_view(&b.out), &f), WIRE_NEXT_PACKET);
        assert_int_equal(wire_decode_publish(f.flags, f.body, WIRE_V5, &p), WIRE_OK);
        assert_true(p.dup && p.topic_alias == 0 && bytes_equal(p.topic, topic));
        full = f.len;
        buf_drop_front(&b.out, f.len);
    }
    assert_int_equal(send_one(&b, topic, 1), full);
    bench_end(&b);
}

/* Whatever comes, the client knows which topic is meant; and what comes most is what is short. */
static void any_mix_of_topics_is_read_as_it_was_meant(void **state)
{
    struct bench b;
    uint32_t random = 1;
    unsigned n_short = 0;

    (void)state;
    bench_begin(&b, 0);
    connect(&b, ALIASES_MAX, ALIASES_MAX);
    for (unsigned i = 0; i < 20000; i++) {
        char topic[64];
        unsigned which;

        random = random * 1103515245 + 12345;
        which = random >> 16;
        /* Four of five messages are of three topics. */
        (void)snprintf(topic, sizeof(topic), "field/%u/power",
                       which % 5 == 0 ? 1000 + which % 997 : which % 3);
        send_one(&b, bytes_str(topic), 0);
        (void)assert_read(&b, bytes_str(topic), ALIASES_MAX);
        n_short += b.out.len < strlen(topic);
    }
    assert_true(n_short > 9000); /* two of the three may want the same place */
    bench_end(&b);
}

static void a_packet_near_the_largest_is_sent_in_full(void **state)
{
    struct bytes topic = BYTES("field/17/meter/42/power");
    struct bench b;
    size_t full;

    (void)state;
    bench_begin(&b, 0);
    connect(&b, 4, 4);
    full = send_one(&b, topic, 0);
    b.conn.packet_max = (uint32_t)full;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(send_one(&b, topic, 0), full);
        assert_int_equal(assert_read(&b, topic, 4), 0);
    }
    bench_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_that_comes_again_gets_an_alias_and_then_gives_way_to_it),
        cmocka_unit_test(a_client_that_takes_none_gets_none_and_costs_nothing),
        cmocka_unit_test(before_a_message_comes_there_is_no_table),
        cmocka_unit_test(an_alias_ends_with_its_network_connection),
        cmocka_unit_test(any_mix_of_topics_is_read_as_it_was_meant),
        cmocka_unit_test(a_packet_near_the_largest_is_sent_in_full),
    };

    hash_key_set(1, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
