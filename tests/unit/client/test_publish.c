/* SPDX-License-Identifier: Apache-2.0 */
/* test_publish.c - a client publishes */
#include "peer.h"

static const struct client_message message = {
    .topic = BYTES("t"), .payload = BYTES("hello"), .qos = 1};

static void a_publish_of_qos_0_is_sent(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0x31, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = {.topic = BYTES("t"), .payload = BYTES("x"), .retain = true};

    (void)state;
    assert_int_equal(client_publish(c, &m), CLIENT_OK);
    client_disconnect(c, REASON_SUCCESS);
    peer_join(p);
    assert_packet(p, 1, BYTES("\x31\5\0\1t\0x"));
    client_free(c);
    peer_free(p);
}

static const struct answer {
    const char *name;
    struct bytes puback;
    enum client_outcome outcome;
    uint8_t reason;
} answers[] = {
    {"accepted", BYTES("\x40\2\0\1"), CLIENT_OK, REASON_SUCCESS},
    {"nobody is there", BYTES("\x40\3\0\1\x10"), CLIENT_OK, REASON_NO_MATCHING_SUBSCRIBERS},
    {"not allowed", BYTES("\x40\3\0\1\x87"), CLIENT_E_REFUSED, REASON_NOT_AUTHORIZED},
};

static void a_publish_of_qos_1_waits_for_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct peer *p = PEER({0x10, ACCEPTED}, {0x32, answers[i].puback});
        struct client_settings s = settings(p);
        struct client *c = connected(&s);

        print_message("  %s\n", answers[i].name);
        assert_int_equal(client_publish(c, &message), answers[i].outcome);
        assert_int_equal(client_reason(c), answers[i].reason);
        assert_true(client_is_connected(c));
        client_free(c);
        peer_join(p);
        assert_packet(p, 1, BYTES("\x32\x0b\0\1t\0\1\0hello"));
        peer_free(p);
    }
}

static void a_publish_of_qos_2_takes_four_packets(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED}, {0x34, BYTES("\x50\2\0\1")}, {0x62, BYTES("\x70\2\0\1")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = message;

    (void)state;
    m.qos = 2;
    assert_int_equal(client_publish(c, &m), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_packet(p, 2, BYTES("\x62\2\0\1"));
    peer_free(p);
}

static void a_pubrec_that_says_no_ends_the_exchange(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0x34, BYTES("\x50\3\0\1\x87")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = message;

    (void)state;
    m.qos = 2;
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_NOT_AUTHORIZED);
    assert_int_equal(client_flush(c),
                     CLIENT_E_REFUSED); /* told once more for the batch, then no more */
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void many_may_be_under_way_and_answered_in_any_order(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0x32, BYTES_NONE}, {0x32, BYTES_NONE},
                          {0x32, BYTES("\x40\2\0\2\x40\2\0\3\x40\2\0\1")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(client_publish_start(c, &message), CLIENT_OK);
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    for (size_t i = 1; i <= 3; i++) /* [MQTT3-2.3.1-2] */
        assert_int_equal(p->got[i].at[6], i);
    peer_free(p);
}

static void no_more_is_sent_than_the_server_takes(void **state)
{
    struct peer *p = PEER({0x10, BYTES("\x20\6\0\0\3\x21\0\1")}, {0x32, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.timeout_ms = 100;
    c = connected(&s);
    assert_int_equal(client_publish_start(c, &message), CLIENT_OK);
    assert_int_equal(client_publish_start(c, &message), CLIENT_E_TIMEOUT);
    client_free(c);
    peer_join(p);
    assert_int_equal(p->n_got, 2); /* [MQTT5-3.3.4-9] */
    peer_free(p);
}

/* [MQTT5-3.3.4-8] */
static void other_packets_go_out_while_no_publish_may(void **state)
{
    struct peer *p = PEER({0x10, BYTES("\x20\6\0\0\3\x21\0\1")}, {0x32, BYTES_NONE},
                          {0x82, BYTES("\x90\4\0\2\0\1\x40\2\0\1")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);

    (void)state;
    assert_int_equal(client_publish_start(c, &message), CLIENT_OK);
    assert_int_equal(client_subscribe(c, "a", 1), CLIENT_OK);
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

/* [MQTT5-4.6.0-4] [MQTT3-4.6.0-4] */
static void pubrels_keep_the_order_of_the_pubrecs(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED}, {0x34, BYTES_NONE}, {0x34, BYTES("\x50\2\0\2\x50\2\0\1")},
             {0x62, BYTES_NONE}, {0x62, BYTES("\x70\2\0\1\x70\2\0\2")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = message;

    (void)state;
    m.qos = 2;
    assert_int_equal(client_publish_start(c, &m), CLIENT_OK);
    assert_int_equal(client_publish_start(c, &m), CLIENT_OK);
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_packet(p, 3, BYTES("\x62\2\0\2"));
    assert_packet(p, 4, BYTES("\x62\2\0\1"));
    peer_free(p);
}

/* [MQTT5-3.2.2-11] [MQTT5-3.2.2-14] [MQTT5-3.2.2-15] */
static void what_the_server_cannot_take_is_not_sent(void **state)
{
    /* Maximum Packet Size 12, Maximum QoS 1, Retain Available 0 */
    struct peer *p = PEER({0x10, BYTES("\x20\x0c\0\0\x09\x27\0\0\0\x0c\x24\1\x25\0")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m = message;

    (void)state;
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_PACKET_TOO_LARGE);
    m.payload = BYTES_NONE;
    m.qos = 2;
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_QOS_NOT_SUPPORTED);
    m.qos = 0;
    m.retain = true;
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_RETAIN_NOT_SUPPORTED);
    m.topic = BYTES("a/#");
    assert_int_equal(client_publish(c, &m), CLIENT_E_REFUSED);
    assert_int_equal(client_reason(c), REASON_TOPIC_NAME_INVALID);
    assert_true(client_is_connected(c));
    client_free(c);
    peer_join(p);
    assert_int_equal(p->n_got, 1);
    peer_free(p);
}

/* In its order, and with its packet ids [MQTT5-4.6.0-1] [MQTT3-4.6.0-1] [MQTT3-2.3.1-3]. */
static void a_kept_session_gets_again_what_was_not_acknowledged(void **state)
{
    struct peer *p = PEER({0x10, RESUMED}, {0x32, BYTES_NONE}, {0x34, BYTES("\x50\2\0\2")},
                          {0x62, BYTES_NONE, .hang_up = true}, {0x10, RESUMED},
                          {0x3a, BYTES("\x40\2\0\1")}, {0x62, BYTES("\x70\2\0\2")});
    struct client_settings s = settings(p);
    struct client_message m = message;
    struct client *c;

    (void)state;
    s.resume = true;
    c = connected(&s);
    assert_int_equal(client_publish_start(c, &m), CLIENT_OK);
    m.qos = 2;
    assert_int_equal(client_publish_start(c, &m), CLIENT_OK);
    assert_int_equal(client_flush(c), CLIENT_E_CLOSED);
    assert_int_equal(client_connect(c), CLIENT_OK);
    assert_true(client_session_present(c));
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_packet(p, 5, BYTES("\x3a\x0b\0\1t\0\1\0hello")); /* [MQTT5-4.4.0-1] [MQTT5-3.3.1-1] */
    peer_free(p);
}

/* [MQTT5-3.2.2-5] */
static void a_lost_session_forgets_what_was_not_acknowledged(void **state)
{
    struct peer *p = PEER({0x10, RESUMED}, {0x32, BYTES_NONE, .hang_up = true}, {0x10, ACCEPTED});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.resume = true;
    c = connected(&s);
    assert_int_equal(client_publish(c, &message), CLIENT_E_CLOSED);
    assert_int_equal(client_connect(c), CLIENT_OK);
    assert_false(client_session_present(c));
    assert_int_equal(client_flush(c), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_int_equal(p->n_got, 3);
    peer_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publish_of_qos_0_is_sent),
        cmocka_unit_test(a_publish_of_qos_1_waits_for_its_answer),
        cmocka_unit_test(a_publish_of_qos_2_takes_four_packets),
        cmocka_unit_test(a_pubrec_that_says_no_ends_the_exchange),
        cmocka_unit_test(many_may_be_under_way_and_answered_in_any_order),
        cmocka_unit_test(no_more_is_sent_than_the_server_takes),
        cmocka_unit_test(other_packets_go_out_while_no_publish_may),
        cmocka_unit_test(pubrels_keep_the_order_of_the_pubrecs),
        cmocka_unit_test(what_the_server_cannot_take_is_not_sent),
        cmocka_unit_test(a_kept_session_gets_again_what_was_not_acknowledged),
        cmocka_unit_test(a_lost_session_forgets_what_was_not_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
