/* SPDX-License-Identifier: Apache-2.0 */
/* test_to_client.c - what a session sends, repeats and keeps */
#include "bench.h"

#include "base/clock.h"
#include "base/mem.h"

static void qos_is_the_lower_of_published_and_subscribed(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    assert_int_equal(offer(b, "a", 2), SESSION_SENT);
    assert_sent(b, "a", 1, 1, false);
    assert_int_equal(offer(b, "b", 0), SESSION_SENT);
    assert_sent(b, "b", 0, 0, false);
    bench_free(b);
}

static void packet_ids_count_up_from_one_and_pass_65535(void **state)
{
    struct bench *b = bench_new(WIRE_V311, 1);

    (void)state;
    for (unsigned i = 1; i <= 65536; i++) {
        uint16_t id = (uint16_t)(i <= 65535 ? i : 1);

        offer(b, "x", 1);
        assert_sent(b, "x", 1, id, false);
        assert_true(ack(b, WIRE_PUBACK, id, 0));
        b->out.len = b->read_at = 0;
    }
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

static void the_window_holds_back_and_acks_in_any_order_open_it(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    cut(b);
    agree(b, WIRE_V5, 2, 1 << 20); /* Receive Maximum [MQTT5-3.3.4-9] */
    offer(b, "a", 1);
    offer(b, "b", 1);
    offer(b, "c", 1);
    offer(b, "d", 1);
    assert_sent(b, "a", 1, 1, false);
    assert_sent(b, "b", 1, 2, false);
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBACK, 2, 0));
    assert_sent(b, "c", 1, 3, false);
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBACK, 1, 0));
    assert_sent(b, "d", 1, 4, false);
    assert_true(ack(b, WIRE_PUBACK, 4, 0));
    assert_true(ack(b, WIRE_PUBACK, 3, 0));
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

/* One that is open holds the packet ids behind it, not what was acknowledged under them. */
static void what_is_acknowledged_out_of_order_is_not_in_flight(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 2);

    (void)state;
    for (uint16_t id = 1; id <= 10; id++)
        offer(b, "a", 1 + id % 2);
    for (uint16_t id = 2; id <= 10; id++) {
        if (id % 2 == 1)
            assert_true(ack(b, WIRE_PUBREC, id, 0));
        assert_int_equal(b->session->inflight.n, 12 - id);
        assert_true(ack(b, id % 2 == 1 ? WIRE_PUBCOMP : WIRE_PUBACK, id, 0));
    }
    assert_int_equal(b->session->inflight.recent.n, 10);
    assert_int_equal(session_queued(b->session), 1);
    cut(b);
    agree(b, WIRE_V5, 2, 1 << 20);
    assert_int_equal(session_queued(b->session), 1); /* also before it is sent again */
    session_pump(b->session, 0);
    assert_true(ack(b, WIRE_PUBREC, 1, 0));
    assert_true(ack(b, WIRE_PUBCOMP, 1, 0));
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

/* It goes on for hours, and comes back to the ids: the one that is open is passed over. */
static void an_acknowledgement_that_is_withheld_stops_nothing(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 2);

    (void)state;
    offer(b, "one", 1);
    offer(b, "two", 2);
    assert_true(ack(b, WIRE_PUBREC, 2, 0));
    b->out.len = b->read_at = 0;
    for (unsigned i = 0; i < 2 * 65533; i++) {
        uint16_t id = (uint16_t)(3 + i % 65533);

        offer(b, "x", 1);
        assert_sent(b, "x", 1, id, false);
        assert_true(ack(b, WIRE_PUBACK, id, 0));
        b->out.len = b->read_at = 0;
    }
    assert_int_equal(session_queued(b->session), 2);
    cut(b);
    agree(b, WIRE_V5, 2, 1 << 20);
    offer(b, "new", 1);
    assert_sent_ack(b, WIRE_PUBREL, 2, 0);
    assert_sent(b, "one", 1, 1, true);
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBCOMP, 2, 0));
    assert_sent(b, "new", 1, 2, false);
    assert_true(ack(b, WIRE_PUBACK, 1, 0));
    assert_true(ack(b, WIRE_PUBACK, 2, 0));
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

static void qos_2_goes_through_its_four_steps(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 2);

    (void)state;
    offer(b, "a", 2);
    assert_sent(b, "a", 2, 1, false);
    assert_false(ack(b, WIRE_PUBACK, 1, 0));
    assert_false(ack(b, WIRE_PUBCOMP, 1, 0));
    assert_true(ack(b, WIRE_PUBREC, 1, 0));
    assert_sent_ack(b, WIRE_PUBREL, 1, 0);
    assert_true(ack(b, WIRE_PUBREC, 1, 0)); /* repeated */
    assert_sent_ack(b, WIRE_PUBREL, 1, 0);
    assert_true(ack(b, WIRE_PUBCOMP, 1, 0));
    assert_int_equal(session_queued(b->session), 0);
    assert_true(ack(b, WIRE_PUBREC, 9, 0)); /* never sent */
    assert_sent_ack(b, WIRE_PUBREL, 9, REASON_PACKET_IDENTIFIER_NOT_FOUND);
    bench_free(b);
}

static void a_pubrec_with_an_error_ends_the_delivery(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 2);

    (void)state;
    offer(b, "a", 2);
    assert_sent(b, "a", 2, 1, false);
    assert_true(ack(b, WIRE_PUBREC, 1, REASON_QUOTA_EXCEEDED));
    assert_nothing_sent(b);
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

static void what_was_in_flight_is_sent_again_after_a_reconnect(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 2);

    (void)state;
    offer(b, "one", 1);
    offer(b, "two", 2);
    offer(b, "three", 2);
    assert_true(ack(b, WIRE_PUBREC, 2, 0));
    cut(b);
    assert_int_equal(offer(b, "four", 1), SESSION_QUEUED);
    agree(b, WIRE_V5, 65535, 1 << 20);
    session_pump(b->session, 0);
    assert_sent_ack(b, WIRE_PUBREL, 2, 0);
    assert_sent(b, "one", 1, 1, true);
    assert_sent(b, "three", 2, 3, true);
    assert_sent(b, "four", 1, 4, false);
    assert_nothing_sent(b);
    bench_free(b);
}

/* It may have come at QoS 2, and the client then takes the next message with its id for it. */
static void what_is_too_large_to_be_sent_again_is_released(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 2);

    (void)state;
    offer(b, "too large for it now", 1);
    offer(b, "and this is, too", 2);
    cut(b);
    agree(b, WIRE_V5, 65535, 12);
    session_pump(b->session, 0);
    assert_sent_ack(b, WIRE_PUBREL, 2, 0);
    assert_nothing_sent(b);
    assert_int_equal(b->session->n_dropped, 2);
    assert_true(ack(b, WIRE_PUBCOMP, 2, REASON_PACKET_IDENTIFIER_NOT_FOUND));
    offer(b, "next", 2);
    assert_sent(b, "next", 2, 3, false);
    bench_free(b);
}

/* [MQTT5-3.3.4-10] [MQTT5-4.9.0-3] [MQTT5-4.4.0-1] */
static void pubrel_is_sent_again_whatever_the_window(void **state)
{
    static const uint16_t not_received[] = {1, 2, 6};
    struct bench *b = bench_new(WIRE_V5, 2);

    (void)state;
    for (int i = 0; i < 6; i++)
        offer(b, "x", 2);
    for (uint16_t id = 3; id <= 5; id++)
        assert_true(ack(b, WIRE_PUBREC, id, 0));
    cut(b);
    agree(b, WIRE_V5, 1, 1 << 20);
    assert_true(ack(b, WIRE_PUBCOMP, 3, 0)); /* of the old connection: not sent on this one */
    b->out.len = b->read_at = 0;
    cut(b);
    agree(b, WIRE_V5, 1, 1 << 20);
    session_pump(b->session, 0);
    for (uint16_t id = 3; id <= 5; id++)
        assert_sent_ack(b, WIRE_PUBREL, id, 0);
    assert_nothing_sent(b);
    for (uint16_t id = 3; id <= 5; id++)
        assert_true(ack(b, WIRE_PUBCOMP, id, 0));
    for (size_t i = 0; i < COUNT_OF(not_received); i++) {
        uint16_t id = not_received[i];

        assert_sent(b, "x", 2, id, true);
        assert_nothing_sent(b);
        assert_true(ack(b, WIRE_PUBREC, id, 0));
        assert_sent_ack(b, WIRE_PUBREL, id, 0);
        assert_true(ack(b, WIRE_PUBCOMP, id, 0));
    }
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

static void resending_respects_a_smaller_receive_maximum(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    for (int i = 0; i < 3; i++)
        offer(b, "x", 1);
    cut(b);
    agree(b, WIRE_V5, 1, 1 << 20);
    session_pump(b->session, 0);
    assert_sent(b, "x", 1, 1, true);
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBACK, 3, 0)); /* of the old connection: not sent on this one */
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBACK, 1, 0));
    assert_sent(b, "x", 1, 2, true);
    assert_nothing_sent(b);
    bench_free(b);
}

/* The client has it, and may do so before it is sent again: it is not, and its id is not given up
 * before it is free. */
static void what_the_client_has_received_is_not_sent_again(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 2);
    struct wire_ack received = {.packet_id = 1};

    (void)state;
    for (int i = 0; i < 4; i++)
        offer(b, "x", 2);
    cut(b);
    agree(b, WIRE_V5, 1, 1 << 20);
    for (int i = 0; i < 2; i++) /* behind CONNECT */
        assert_true(session_receive_ack(b->session, WIRE_PUBREC, &received));
    session_pump(b->session, 0);
    assert_sent_ack(b, WIRE_PUBREL, 1, 0);
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBREC, 3, 0)); /* that of 2 takes the window, once 1 is done with */
    assert_sent_ack(b, WIRE_PUBREL, 3, 0);
    assert_true(ack(b, WIRE_PUBREC, 4, REASON_UNSPECIFIED_ERROR));
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBCOMP, 1, 0));
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBCOMP, 3, 0));
    assert_sent(b, "x", 2, 2, true);
    assert_true(ack(b, WIRE_PUBREC, 2, 0));
    assert_sent_ack(b, WIRE_PUBREL, 2, 0);
    assert_true(ack(b, WIRE_PUBCOMP, 2, 0));
    assert_nothing_sent(b);
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

static void what_was_acknowledged_out_of_order_does_not_stop_resending(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    offer(b, "one", 1);
    offer(b, "two", 1);
    offer(b, "three", 1);
    assert_true(ack(b, WIRE_PUBACK, 2, 0));
    cut(b);
    agree(b, WIRE_V5, 1, 1 << 20);
    session_pump(b->session, 0);
    assert_sent(b, "one", 1, 1, true);
    assert_nothing_sent(b);
    assert_true(ack(b, WIRE_PUBACK, 1, 0));
    assert_sent(b, "three", 1, 3, true);
    assert_true(ack(b, WIRE_PUBACK, 3, 0));
    assert_int_equal(session_queued(b->session), 0);
    bench_free(b);
}

/* What has expired gives no room in the window to what stands behind it [MQTT5-3.3.4-9]. */
static void an_expired_message_of_qos_0_does_not_open_the_window(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    cut(b);
    agree(b, WIRE_V5, 1, 1 << 20);
    offer(b, "one", 1);
    offer(b, "two", 1);
    offer_at(b, "old", 0, 100, 50);
    offer(b, "three", 1);
    assert_sent(b, "one", 1, 1, false);
    assert_true(ack_at(b, WIRE_PUBACK, 1, 0, 200));
    assert_sent(b, "two", 1, 2, false);
    assert_nothing_sent(b);
    assert_true(ack_at(b, WIRE_PUBACK, 2, 0, 200));
    assert_sent(b, "three", 1, 3, false);
    bench_free(b);
}

static void while_disconnected_qos_0_is_not_kept_and_qos_1_is(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    cut(b);
    assert_int_equal(offer(b, "zero", 0), SESSION_AWAY);
    assert_int_equal(offer(b, "one", 1), SESSION_QUEUED);
    b->session->is_persistent = false;
    assert_int_equal(offer(b, "two", 1), SESSION_AWAY);
    agree(b, WIRE_V5, 10, 1 << 20);
    session_pump(b->session, 0);
    assert_sent(b, "one", 1, 1, false);
    assert_nothing_sent(b);
    bench_free(b);
}

static void deliveries_wait_behind_a_suback(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    b->conn.n_subacks_due = 1;
    assert_int_equal(offer(b, "a", 0), SESSION_QUEUED);
    offer(b, "b", 1);
    assert_nothing_sent(b);
    b->conn.n_subacks_due = 0;
    session_pump(b->session, 0);
    assert_sent(b, "a", 0, 0, false);
    assert_sent(b, "b", 1, 1, false);
    bench_free(b);
}

static void a_packet_larger_than_the_client_takes_is_not_sent_and_costs_no_id(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);

    (void)state;
    cut(b);
    agree(b, WIRE_V5, 10, 20);
    offer(b, "much more than twenty bytes of payload", 1);
    assert_nothing_sent(b);
    assert_int_equal(b->session->n_dropped, 1);
    offer(b, "small", 1);
    assert_sent(b, "small", 1, 1, false);
    bench_free(b);
}

static void expiry_counts_down_in_the_queue(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);
    struct wire_publish p;

    (void)state;
    cut(b);
    offer_at(b, "a", 1, 10 * NS_PER_S, 0);
    offer_at(b, "b", 1, 3 * NS_PER_S, 0);
    agree(b, WIRE_V5, 10, 1 << 20);
    session_pump(b->session, 4 * NS_PER_S);
    p = sent_publish(b);
    assert_bytes_equal(p.payload, BYTES("a"));
    assert_true(p.has_expiry);
    assert_int_equal(p.expiry_s, 6); /* [MQTT5-3.3.2-6] */
    assert_nothing_sent(b);
    bench_free(b);
}

/* An interval of 0: now or never. */
static void what_expires_at_once_goes_to_who_has_room_for_it(void **state)
{
    struct bench *b = bench_new(WIRE_V5, 1);
    uint64_t now_ns = 5 * NS_PER_S;

    (void)state;
    cut(b);
    agree(b, WIRE_V5, 1, 1 << 20);
    assert_int_equal(offer_at(b, "zero", 0, expires_at(4 * NS_PER_S, 0), now_ns), SESSION_SENT);
    assert_sent(b, "zero", 0, 0, false);
    assert_int_equal(offer_at(b, "one", 1, expires_at(4 * NS_PER_S, 0), now_ns), SESSION_SENT);
    assert_sent(b, "one", 1, 1, false);
    assert_int_equal(offer_at(b, "no room", 1, expires_at(now_ns, 0), now_ns), SESSION_SKIPPED);
    assert_int_equal(offer_at(b, "old", 0, 4 * NS_PER_S, now_ns), SESSION_SKIPPED);
    cut(b);
    assert_int_equal(offer_at(b, "away", 1, expires_at(now_ns, 0), now_ns), SESSION_SKIPPED);
    agree(b, WIRE_V5, 1, 1 << 20);
    session_pump(b->session, now_ns);
    assert_sent(b, "one", 1, 1, true);
    assert_true(ack_at(b, WIRE_PUBACK, 1, 0, now_ns));
    assert_nothing_sent(b);
    bench_free(b);
}

static void a_full_output_buffer_makes_qos_0_wait(void **state)
{
    struct bench *b = bench_new(WIRE_V311, 0);

    (void)state;
    buf_reserve(&b->out, CONN_OUT_HIGH_BYTES);
    b->out.len = CONN_OUT_HIGH_BYTES;
    assert_int_equal(offer(b, "a", 0), SESSION_QUEUED);
    assert_true(session_queued(b->session) == 1);
    b->out.len = b->read_at = 0;
    session_pump(b->session, 0);
    assert_sent(b, "a", 0, 0, false);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qos_is_the_lower_of_published_and_subscribed),
        cmocka_unit_test(packet_ids_count_up_from_one_and_pass_65535),
        cmocka_unit_test(the_window_holds_back_and_acks_in_any_order_open_it),
        cmocka_unit_test(what_is_acknowledged_out_of_order_is_not_in_flight),
        cmocka_unit_test(an_acknowledgement_that_is_withheld_stops_nothing),
        cmocka_unit_test(qos_2_goes_through_its_four_steps),
        cmocka_unit_test(a_pubrec_with_an_error_ends_the_delivery),
        cmocka_unit_test(what_was_in_flight_is_sent_again_after_a_reconnect),
        cmocka_unit_test(what_is_too_large_to_be_sent_again_is_released),
        cmocka_unit_test(pubrel_is_sent_again_whatever_the_window),
        cmocka_unit_test(resending_respects_a_smaller_receive_maximum),
        cmocka_unit_test(what_the_client_has_received_is_not_sent_again),
        cmocka_unit_test(what_was_acknowledged_out_of_order_does_not_stop_resending),
        cmocka_unit_test(an_expired_message_of_qos_0_does_not_open_the_window),
        cmocka_unit_test(while_disconnected_qos_0_is_not_kept_and_qos_1_is),
        cmocka_unit_test(deliveries_wait_behind_a_suback),
        cmocka_unit_test(a_packet_larger_than_the_client_takes_is_not_sent_and_costs_no_id),
        cmocka_unit_test(expiry_counts_down_in_the_queue),
        cmocka_unit_test(what_expires_at_once_goes_to_who_has_room_for_it),
        cmocka_unit_test(a_full_output_buffer_makes_qos_0_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
