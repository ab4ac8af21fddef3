/* SPDX-License-Identifier: Apache-2.0 */
/* test_from_client.c - what a session takes, and answers */
#include "bench.h"

#include "base/clock.h"

static void a_repeated_qos_2_publish_is_not_routed_again(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct wire_publish p = {.topic = BYTES("t"), .qos = 2, .packet_id = 77};
    struct wire_ack rel = {.packet_id = 77};

    (void)state;
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE);
    session_acknowledge(b->session, &p, 0, NULL);
    assert_sent_ack(b, WIRE_PUBREC, 77, 0);
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_DUPLICATE);
    cut(b); /* also on the next network connection */
    agree(b, WIRE_V5, 10, 1 << 20);
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_DUPLICATE);
    session_receive_pubrel(b->session, &rel);
    assert_sent_ack(b, WIRE_PUBCOMP, 77, 0);
    session_receive_pubrel(b->session, &rel);
    assert_sent_ack(b, WIRE_PUBCOMP, 77, REASON_PACKET_IDENTIFIER_NOT_FOUND);
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE);
    bench_free(b);
}

static void more_qos_2_than_receive_maximum_is_refused_in_5_0_only(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct wire_publish p = {.topic = BYTES("t"), .qos = 2};

    (void)state;
    for (uint16_t i = 1; i <= 5; i++) {
        p.packet_id = i;
        assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE);
    }
    p.packet_id = 6;
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_E_RECEIVE_MAXIMUM);
    b->conn.level = WIRE_V311;
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE);
    bench_free(b);
}

/* The client's send quota begins anew, section 4.9; and the ids of before stay taken. */
static void receive_maximum_counts_what_came_on_this_network_connection(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct wire_publish p = {.topic = BYTES("t"), .qos = 2};
    struct wire_ack rel = {.packet_id = 1};

    (void)state;
    for (int connection = 0; connection < 3; connection++) {
        for (int i = 0; i < 5; i++) {
            p.packet_id++;
            assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE);
        }
        cut(b);
        agree(b, WIRE_V5, 65535, 1 << 20);
    }
    session_receive_pubrel(b->session, &rel); /* of an earlier one: it makes no room on this one */
    for (p.packet_id = 2; p.packet_id <= 6; p.packet_id++)
        assert_int_equal(session_receive_publish(b->session, &p), SESSION_DUPLICATE);
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_E_RECEIVE_MAXIMUM);
    rel.packet_id = 2;
    session_receive_pubrel(b->session, &rel);
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_DUPLICATE);
    bench_free(b);
}

static void a_refusal_makes_room_under_receive_maximum(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct wire_publish p = {.topic = BYTES("t"), .qos = 2, .packet_id = 1};

    (void)state;
    for (; p.packet_id <= 10; p.packet_id++) {
        assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE);
        session_acknowledge(b->session, &p, REASON_NOT_AUTHORIZED, "no");
    }
    bench_free(b);
}

static void a_refused_qos_2_publish_frees_its_id_in_5_0(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct wire_publish p = {.topic = BYTES("t"), .qos = 2, .packet_id = 3};

    (void)state;
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE);
    session_acknowledge(b->session, &p, REASON_NOT_AUTHORIZED, "no");
    assert_sent_ack(b, WIRE_PUBREC, 3, REASON_NOT_AUTHORIZED);
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE); /* [MQTT5-4.3.3-9] */
    bench_free(b);
}

/* 3.1.1 has no answer that refuses: the connection is closed, and the client sends it again. */
static void what_is_not_answered_is_new_when_it_comes_again(void **state)
{
    struct bench *b = bench_new(WIRE_V311, 0);
    struct wire_publish p = {.topic = BYTES("t"), .qos = 2, .packet_id = 3};

    (void)state;
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE);
    session_take_back(b->session, &p);
    cut(b);
    agree(b, WIRE_V311, 65535, 1 << 20);
    assert_int_equal(session_receive_publish(b->session, &p), SESSION_ROUTE); /* [MQTT3-4.3.3-2] */
    bench_free(b);
}

static void topic_aliases_are_set_used_and_bounded(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);
    struct wire_publish set = {.topic = BYTES("long/topic"), .topic_alias = 4};
    struct wire_publish use = {.topic_alias = 4};
    struct wire_publish unset = {.topic_alias = 3};
    struct wire_publish high = {.topic = BYTES("x"), .topic_alias = 5};

    (void)state;
    assert_int_equal(wire_aliases_resolve(&b->conn.aliases, &set), WIRE_OK);
    assert_int_equal(wire_aliases_resolve(&b->conn.aliases, &use), WIRE_OK);
    assert_bytes_equal(use.topic, BYTES("long/topic"));
    assert_int_equal(wire_aliases_resolve(&b->conn.aliases, &unset), WIRE_E_TOPIC_ALIAS);
    assert_int_equal(wire_aliases_resolve(&b->conn.aliases, &high), WIRE_E_TOPIC_ALIAS);
    bench_free(b);
}

static void only_connect_is_legal_first_and_never_again(void **state)
{
    struct buf out = {0};
    struct conn c;

    (void)state;
    conn_init(&c, &out);
    for (unsigned type = WIRE_CONNECT; type <= WIRE_AUTH; type++)
        assert_int_equal(conn_may_receive(&c, type), type == WIRE_CONNECT); /* [MQTT5-3.1.0-1] */
    conn_become(&c, CONN_AUTHENTICATING);
    for (unsigned type = WIRE_CONNECT; type <= WIRE_AUTH; type++)
        assert_false(conn_may_receive(&c, type));
    conn_become(&c, CONN_CHALLENGED);
    for (unsigned type = WIRE_CONNECT; type <= WIRE_AUTH; type++) /* [MQTT5-3.1.2-30] */
        assert_int_equal(conn_may_receive(&c, type), type == WIRE_AUTH || type == WIRE_DISCONNECT);
    conn_become(&c, CONN_AUTHENTICATING);
    conn_become(&c, CONN_ACTIVE);
    assert_false(conn_may_receive(&c, WIRE_AUTH)); /* [MQTT5-4.12.0-7] */
    c.has_method = true;
    assert_true(conn_may_receive(&c, WIRE_AUTH));
    assert_false(conn_may_receive(&c, WIRE_CONNECT)); /* [MQTT5-3.1.0-2] */
    assert_false(conn_may_receive(&c, WIRE_SUBACK));
    assert_true(conn_may_receive(&c, WIRE_PUBLISH));
    conn_send_disconnect(&c, REASON_SERVER_BUSY, NULL, NULL);
    assert_int_equal(c.state, CONN_CLOSED);
    assert_int_equal(out.len, 0); /* 3.1.1 has no DISCONNECT from the server */
    buf_done(&out);
}

/* A message from a worker whose turn began a moment later [MQTT5-3.3.2-6]. */
static void expiry_is_never_more_than_what_came(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 0);

    (void)state;
    offer_at(b, "x", 0, 6 * NS_PER_S, 5 * NS_PER_S - 20 * NS_PER_MS);
    assert_memory_equal(b->out.at + b->out.len - 6, "\2\0\0\0\1x", 6);
    bench_free(b);
}

/* [MQTT5-3.4.2-2] [MQTT5-3.5.2-2] [MQTT5-3.6.2-2] [MQTT5-3.7.2-2] [MQTT5-3.14.2-3] */
static void a_reason_string_that_does_not_fit_is_left_out(void **state)
{
    static const enum wire_type types[] = {WIRE_PUBACK, WIRE_PUBREC, WIRE_PUBREL, WIRE_PUBCOMP};
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    cut(b);
    agree(b, WIRE_V5, 65535, 12);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        b->out.len = 0;
        conn_send_ack(&b->conn, types[i], 7, REASON_PACKET_IDENTIFIER_NOT_FOUND,
                      "fits"); /* 13 bytes */
        assert_int_equal(b->out.len, 5);
        b->out.len = 0;
        conn_send_ack(&b->conn, types[i], 7, REASON_PACKET_IDENTIFIER_NOT_FOUND, "fit");
        assert_int_equal(b->out.len, 12);
    }
    b->out.len = 0;
    conn_send_disconnect(&b->conn, REASON_PROTOCOL_ERROR, "does not fit", NULL);
    assert_int_equal(b->out.len, 3);
    bench_free(b);
}

/* [MQTT5-3.9.2-1] [MQTT5-3.11.2-1] [MQTT5-1.5.4-1] */
static void a_suback_says_why_where_that_fits(void **state)
{
    static const enum wire_type types[] = {WIRE_SUBACK, WIRE_UNSUBACK};
    struct wire_suback p = {.packet_id = 7, .n = 1, .reason = {REASON_NOT_AUTHORIZED}};
    struct wire_suback back;
    struct bench *b = bench_new(WIRE_V5, 1);
    struct buf out = {0};

    (void)state;
    cut(b);
    agree(b, WIRE_V5, 65535, 12);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct wire_frame f;

        out.len = 0;
        conn_add_suback(&b->conn, &out, types[i], &p, "fits?"); /* 14 bytes */
        assert_int_equal(out.len, 6);
        out.len = 0;
        conn_add_suback(&b->conn, &out, types[i], &p, "\xe2\x82"); /* half a euro sign */
        assert_int_equal(wire_next(buf_view(&out), &f), WIRE_NEXT_PACKET);
        assert_int_equal(wire_decode_suback(f.type, f.flags, f.body, WIRE_V5, &back), WIRE_OK);
        assert_int_equal(back.props.reason_string.len, 0);
        out.len = 0;
        conn_add_suback(&b->conn, &out, types[i], &p, "why");
        assert_int_equal(out.len, 12);
        assert_int_equal(wire_next(buf_view(&out), &f), WIRE_NEXT_PACKET);
        assert_int_equal(wire_decode_suback(f.type, f.flags, f.body, WIRE_V5, &back), WIRE_OK);
        assert_true(bytes_equal(back.props.reason_string, BYTES("why")));
        b->conn.request_problem = false; /* not wanted [MQTT5-3.1.2-29] */
        out.len = 0;
        conn_add_suback(&b->conn, &out, types[i], &p, "why");
        assert_int_equal(out.len, 6);
        b->conn.request_problem = true;
    }
    buf_done(&out);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suback_says_why_where_that_fits),
        cmocka_unit_test(a_repeated_qos_2_publish_is_not_routed_again),
        cmocka_unit_test(more_qos_2_than_receive_maximum_is_refused_in_5_0_only),
        cmocka_unit_test(receive_maximum_counts_what_came_on_this_network_connection),
        cmocka_unit_test(a_refusal_makes_room_under_receive_maximum),
        cmocka_unit_test(a_refused_qos_2_publish_frees_its_id_in_5_0),
        cmocka_unit_test(what_is_not_answered_is_new_when_it_comes_again),
        cmocka_unit_test(topic_aliases_are_set_used_and_bounded),
        cmocka_unit_test(only_connect_is_legal_first_and_never_again),
        cmocka_unit_test(expiry_is_never_more_than_what_came),
        cmocka_unit_test(a_reason_string_that_does_not_fit_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
