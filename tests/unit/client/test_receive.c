/* SPDX-License-Identifier: Apache-2.0 */
/* test_receive.c - a client subscribes, and receives */
#include "peer.h"

static void a_subscription_is_granted_or_refused(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0x82, BYTES("\x90\4\0\1\0\1")},
                          {0x82, BYTES("\x90\5\0\2\0\2\x87")}, {0xa2, BYTES("\xb0\4\0\3\0\0")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct wire_subscription two[] = {{.filter = BYTES("a"), .qos = 2}, {.filter = BYTES("#")}};
    uint8_t reasons[2];

    (void)state;
    assert_int_equal(client_subscribe(c, "a/+", 2), CLIENT_OK);
    assert_int_equal(client_reason(c), REASON_GRANTED_QOS_1);
    assert_int_equal(client_subscribe_all(c, two, 2, reasons), CLIENT_E_REFUSED);
    assert_int_equal(reasons[0], 2);
    assert_int_equal(reasons[1], REASON_NOT_AUTHORIZED);
    assert_string_equal(client_error(c), "subscribe to #: Not authorized (0x87)");
    assert_int_equal(client_unsubscribe(c, "a/+"), CLIENT_OK);
    client_free(c);
    peer_join(p);
    assert_packet(p, 1, BYTES("\x82\x09\0\1\0\0\3a/+\2"));
    peer_free(p);
}

static void a_message_is_acknowledged_when_it_is_handed_out(void **state)
{
    /* The messages come before the SUBACK, so that they wait in the inbox. */
    struct peer *p =
        PEER({0x10, ACCEPTED},
             {0x82, BYTES("\x32\7\0\1a\0\7\0x\x34\7\0\1b\0\x08\0y\x30\5\0\1c\0z\x90\4\0\1\0\2")},
             {0x40, BYTES_NONE}, {0x50, BYTES("\x62\2\0\x08")}, {0x70, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    assert_int_equal(client_subscribe(c, "#", 2), CLIENT_OK);
    assert_int_equal(client_next(c, 0, &m), CLIENT_OK);
    assert_memory_equal(m.topic.at, "a", 1);
    assert_int_equal(m.qos, 1);
    assert_int_equal(client_next(c, 0, &m), CLIENT_OK);
    assert_memory_equal(m.payload.at, "y", 1);
    assert_int_equal(m.qos, 2);
    assert_int_equal(client_next(c, 0, &m), CLIENT_OK);
    assert_memory_equal(m.topic.at, "c", 1);
    while (client_next(c, 10, &m) != CLIENT_NOTHING)
        ;
    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
    peer_join(p);
    assert_packet(p, 2, BYTES("\x40\2\0\7"));
    assert_packet(p, 3, BYTES("\x50\2\0\x08"));
    assert_packet(p, 4, BYTES("\x70\2\0\x08"));
    peer_free(p);
}

/* [MQTT5-4.6.0-2] [MQTT5-4.6.0-3] [MQTT5-4.5.0-2] [MQTT3-4.6.0-2] [MQTT3-4.6.0-3] [MQTT3-4.5.0-2]
 */
static void acknowledgements_keep_the_order_of_the_messages(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED},
             {0, BYTES("\x32\7\0\1a\0\x09\0x\x32\7\0\1a\0\4\0x"
                       "\x34\7\0\1a\0\x08\0x\x34\7\0\1a\0\3\0x")},
             {0x40, BYTES_NONE}, {0x40, BYTES_NONE}, {0x50, BYTES_NONE}, {0x50, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    client_disconnect(c, REASON_SUCCESS);
    client_free(c);
    peer_join(p);
    assert_packet(p, 1, BYTES("\x40\2\0\x09"));
    assert_packet(p, 2, BYTES("\x40\2\0\4"));
    assert_packet(p, 3, BYTES("\x50\2\0\x08"));
    assert_packet(p, 4, BYTES("\x50\2\0\3"));
    peer_free(p);
}

static void a_message_of_qos_2_is_handed_out_once(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {0, BYTES("\x34\7\0\1b\0\x08\0y")},
                          {0x50, BYTES("\x3c\7\0\1b\0\x08\0y")}, {0x50, BYTES("\x62\2\0\x08")},
                          {0x70, BYTES("\x34\7\0\1b\0\x08\0z")}, {0x50, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    assert_memory_equal(m.payload.at, "y", 1);
    assert_int_equal(client_next(c, 5000, &m),
                     CLIENT_OK); /* the second y was dropped [MQTT5-4.3.3-10] */
    assert_memory_equal(m.payload.at, "z", 1);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void properties_travel_with_a_message(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED}, {0, BYTES("\x30\x12\0\1a\x0d\2\0\0\0\x3c\x26\0\1k\0\2vvx")});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct wire_pair pair;
    struct client_message m;
    size_t cursor = 0;

    (void)state;
    assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    assert_true(m.has_expiry);
    assert_int_equal(m.expiry_s, 60);
    assert_true(wire_user_next(m.forward, &cursor, &pair));
    assert_memory_equal(pair.value.at, "vv", 2);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

/* A topic with alias 2 and a payload; the alias alone. */
#define WITH_ALIAS(topic, payload) "\x30\x08\0\1" topic "\3\x23\0\2" payload
#define BY_ALIAS(payload)          "\x30\x07\0\0\3\x23\0\2" payload

static void a_topic_may_come_as_its_alias(void **state)
{
    static const char *const expected[][2] = {{"a", "1"}, {"a", "2"}, {"b", "3"}, {"b", "4"}};
    struct peer *p =
        PEER({0x10, ACCEPTED},
             {0, BYTES(WITH_ALIAS("a", "1") BY_ALIAS("2") WITH_ALIAS("b", "3") BY_ALIAS("4")),
              .hang_up = true},
             {0x10, ACCEPTED}, {0, BYTES(BY_ALIAS("5"))});
    struct client_settings s = settings(p);
    struct client_message m;
    struct client *c;

    (void)state;
    s.alias_max = 2;
    c = connected(&s);
    for (size_t i = 0; i < COUNT_OF(expected); i++) { /* [MQTT5-3.3.2-10] */
        assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
        assert_true(bytes_equal(m.topic, bytes_str(expected[i][0])));
        assert_true(bytes_equal(m.payload, bytes_str(expected[i][1])));
    }
    assert_int_equal(client_next(c, 5000, &m), CLIENT_E_CLOSED);
    assert_int_equal(client_connect(c), CLIENT_OK);
    assert_int_equal(client_next(c, 5000, &m), CLIENT_E_MALFORMED); /* [MQTT5-3.3.2-7] */
    assert_int_equal(client_reason(c), REASON_TOPIC_ALIAS_INVALID);
    client_free(c);
    peer_join(p);
    assert_non_null(memmem(p->got[0].at, p->got[0].len, "\x22\0\2", 3)); /* the maximum */
    peer_free(p);
}

static void nothing_is_not_an_end(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    assert_int_equal(client_next(c, 0, &m), CLIENT_NOTHING);
    assert_int_equal(client_next(c, 20, &m), CLIENT_NOTHING);
    assert_true(client_is_connected(c));
    assert_int_equal(client_due_ms(c), -1);
    assert_true(client_fd(c) >= 0);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subscription_is_granted_or_refused),
        cmocka_unit_test(a_message_is_acknowledged_when_it_is_handed_out),
        cmocka_unit_test(acknowledgements_keep_the_order_of_the_messages),
        cmocka_unit_test(a_message_of_qos_2_is_handed_out_once),
        cmocka_unit_test(properties_travel_with_a_message),
        cmocka_unit_test(a_topic_may_come_as_its_alias),
        cmocka_unit_test(nothing_is_not_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
