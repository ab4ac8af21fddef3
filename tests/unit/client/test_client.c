/* SPDX-License-Identifier: Apache-2.0 */
/* test_client.c - a client connects, and its connection ends */
#include "peer.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const struct client_message message = {
    .topic = BYTES("t"), .payload = BYTES("hello"), .qos = 1};

/* ---- connect ---- */

static void a_connect_carries_what_was_set(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED_3});
    struct client_settings s = settings(p);
    struct client_message will = {
        .topic = BYTES("w"), .payload = BYTES("x"), .qos = 1, .retain = true};
    struct client *c;

    (void)state;
    s.level = WIRE_V311;
    s.user_name = "u";
    s.password = "p";
    s.keep_alive_s = 60;
    s.will = &will;
    c = connected(&s);
    assert_true(client_is_connected(c));
    assert_string_equal(client_id(c), "c");
    client_disconnect(c, REASON_SUCCESS);
    assert_false(client_is_connected(c));
    peer_join(p);
    assert_packet(p, 0, BYTES("\x10\x19\0\4MQTT\4\xee\0\x3c\0\1c\0\1w\0\1x\0\1u\0\1p"));
    assert_packet(p, 1, BYTES("\xe0\0"));
    client_free(c);
    peer_free(p);
}

static const struct refusal {
    const char *name;
    enum wire_level level;
    struct bytes connack;
    uint8_t reason;
    const char *text;
} refusals[] = {
    {"3.1.1 code 4", WIRE_V311, BYTES("\x20\2\0\4"), REASON_BAD_USER_NAME_OR_PASSWORD,
     "refused: Bad User Name or Password (0x86)"},
    {"3.1.1 code 5", WIRE_V311, BYTES("\x20\2\0\5"), REASON_NOT_AUTHORIZED,
     "refused: Not authorized (0x87)"},
    {"5.0 banned, with a reason string", WIRE_V5, BYTES("\x20\x09\0\x8a\6\x1f\0\3why"),
     REASON_BANNED, "refused: Banned (0x8a): why"},
};

static void a_refusal_is_told_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct peer *p = PEER({0x10, refusals[i].connack});
        struct client_settings s = settings(p);
        struct client *c;

        print_message("  %s\n", refusals[i].name);
        s.level = refusals[i].level;
        c = client_new(&s);
        assert_int_equal(client_connect(c), CLIENT_E_REFUSED);
        assert_int_equal(client_reason(c), refusals[i].reason);
        assert_string_equal(client_error(c), refusals[i].text);
        assert_false(client_is_connected(c));
        client_free(c);
        peer_join(p);
        peer_free(p);
    }
}

static void a_session_that_was_not_kept_here_is_refused(void **state)
{
    struct peer *p = PEER({0x10, RESUMED});
    struct client_settings s = settings(p);
    struct client *c = client_new(&s);

    (void)state;
    assert_int_equal(client_connect(c), CLIENT_E_MALFORMED); /* [MQTT5-3.2.2-4] */
    assert_false(client_is_connected(c));
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void the_server_may_choose_the_client_id(void **state)
{
    struct peer *p = PEER({0x10, BYTES("\x20\x08\0\0\5\x12\0\2id")});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.client_id = "";
    c = connected(&s);
    assert_string_equal(client_id(c), "id");
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void the_source_address_can_be_chosen(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.bind_address = "127.0.0.66";
    c = connected(&s);
    client_free(c);
    peer_join(p);
    assert_string_equal(p->source, "127.0.0.66");
    peer_free(p);
}

static void nobody_there_is_unreachable(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);

    (void)state;
    client_disconnect(c, REASON_SUCCESS);
    peer_join(p);
    close(p->listener);
    p->listener = -1;
    assert_int_equal(client_connect(c), CLIENT_E_UNREACHABLE);
    assert_non_null(strstr(client_error(c), "Connection refused"));
    client_free(c);
    peer_free(p);
}

static void a_silent_server_is_given_up(void **state)
{
    struct peer *p = PEER({0x10, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c;

    (void)state;
    s.timeout_ms = 50;
    c = client_new(&s);
    assert_int_equal(client_connect(c), CLIENT_E_TIMEOUT);
    assert_false(client_is_connected(c));
    client_free(c);
    peer_join(p);
    peer_free(p);
}

/* ---- the end ---- */

static const struct ending {
    const char *name;
    struct bytes sent;
    bool hang_up;
    enum client_outcome outcome;
    uint8_t reason;
} endings[] = {
    {"closed without a word", BYTES_NONE, true, CLIENT_E_CLOSED, 0},
    {"DISCONNECT with a reason", BYTES("\xe0\1\x98"), true, CLIENT_E_CLOSED,
     REASON_ADMINISTRATIVE_ACTION},
    {"no such packet type", BYTES("\0\0"), false, CLIENT_E_MALFORMED, REASON_MALFORMED_PACKET},
    {"a second CONNACK", ACCEPTED, false, CLIENT_E_MALFORMED, REASON_PROTOCOL_ERROR},
    {"a client's packet", BYTES("\xc0\0"), false, CLIENT_E_MALFORMED, REASON_PROTOCOL_ERROR},
    {"SUBACK that nobody asked for", BYTES("\x90\4\0\1\0\0"), false, CLIENT_E_MALFORMED,
     REASON_PROTOCOL_ERROR},
    {"topic alias, and we allow none", BYTES("\x30\7\0\1a\3\x23\0\1"), false, CLIENT_E_MALFORMED,
     REASON_TOPIC_ALIAS_INVALID},
    {"wildcard in a topic", BYTES("\x30\4\0\1#\0"), false, CLIENT_E_MALFORMED,
     REASON_TOPIC_NAME_INVALID},
    {"larger than we said that we take", BYTES("\x30\xff\xff\xff\x7f"), false, CLIENT_E_OVERRUN, 0},
};

static void the_end_of_a_connection_has_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        const struct ending *e = &endings[i];
        struct peer *p = PEER({0x10, ACCEPTED}, {0, e->sent, .hang_up = e->hang_up});
        struct client_settings s = settings(p);
        struct client *c = connected(&s);
        struct client_message m;

        print_message("  %s\n", e->name);
        assert_int_equal(client_next(c, 5000, &m), e->outcome);
        assert_int_equal(client_reason(c), e->reason);
        assert_true(strlen(client_error(c)) > 0);
        assert_false(client_is_connected(c));
        assert_int_equal(client_next(c, 0, &m), CLIENT_E_CLOSED);
        assert_int_equal(client_publish(c, &message), CLIENT_E_CLOSED);
        client_free(c);
        peer_join(p);
        peer_free(p);
    }
}

static void messages_before_a_disconnect_are_handed_out(void **state)
{
    struct peer *p =
        PEER({0x10, ACCEPTED}, {0, BYTES("\x30\5\0\1a\0x\xe0\1\x8b"), .hang_up = true});
    struct client_settings s = settings(p);
    struct client *c = connected(&s);
    struct client_message m;

    (void)state;
    assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    assert_int_equal(client_next(c, 5000, &m), CLIENT_E_CLOSED);
    assert_int_equal(client_reason(c), REASON_SERVER_SHUTTING_DOWN);
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void pings_go_out_by_the_servers_keep_alive(void **state)
{
    /* Server Keep Alive 1 [MQTT5-3.1.2-20] [MQTT5-3.1.2-21] [MQTT5-3.2.2-21] [MQTT3-3.1.2-23] */
    struct peer *p = PEER({0x10, BYTES("\x20\6\0\0\3\x13\0\1")},
                          {0xc0, BYTES("\xd0\0\x30\5\0\1a\0x")}, {0xc0, BYTES_NONE});
    struct client_settings s = settings(p);
    struct client *c;
    struct client_message m;
    int due_ms;

    (void)state;
    s.keep_alive_s = 600;
    s.timeout_ms = 500;
    c = connected(&s);
    due_ms = client_due_ms(c);
    assert_in_range(due_ms, 0, 1000);
    assert_int_equal(client_next(c, 5000, &m), CLIENT_OK);
    assert_int_equal(client_next(c, 5000, &m), CLIENT_E_TIMEOUT); /* the second is not answered */
    assert_string_equal(client_error(c), "no answer to a ping");
    client_free(c);
    peer_join(p);
    peer_free(p);
}

static void a_server_that_does_not_read_is_given_up(void **state)
{
    struct peer *p = PEER({0x10, ACCEPTED}, {.is_deaf = true}, {.hang_up = true});
    struct client_settings s = settings(p);
    struct client_message m = {.topic = BYTES("t"), .payload = {calloc(1, 8U << 20), 8U << 20}};
    struct client *c;

    (void)state;
    s.timeout_ms = 100;
    c = connected(&s);
    assert_int_equal(client_publish(c, &m), CLIENT_E_TIMEOUT);
    assert_string_equal(client_error(c), "the server does not read");
    assert_int_equal(eventfd_write(p->go_on, 1), 0);
    client_free(c);
    peer_join(p);
    free((void *)m.payload.at);
    peer_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connect_carries_what_was_set),
        cmocka_unit_test(a_refusal_is_told_with_its_reason),
        cmocka_unit_test(a_session_that_was_not_kept_here_is_refused),
        cmocka_unit_test(the_server_may_choose_the_client_id),
        cmocka_unit_test(the_source_address_can_be_chosen),
        cmocka_unit_test(nobody_there_is_unreachable),
        cmocka_unit_test(a_silent_server_is_given_up),
        cmocka_unit_test(the_end_of_a_connection_has_a_name),
        cmocka_unit_test(messages_before_a_disconnect_are_handed_out),
        cmocka_unit_test(a_server_that_does_not_read_is_given_up),
        cmocka_unit_test(pings_go_out_by_the_servers_keep_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
