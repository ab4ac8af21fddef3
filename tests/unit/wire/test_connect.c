/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_connect.c - CONNECT and CONNACK */
#include "cases.h"

#define L5                            "\0\4MQTT\5"
#define L311                          "\0\4MQTT\4"
#define L31                           "\0\6MQIsdp\3"
#define C(what, outcome, body)        R(what, outcome, CONNECT, V5, 0, body)
#define K(what, outcome, level, body) R(what, outcome, CONNACK, level, 0, body)

/* clang-format off */
static const struct refusal refusals[] = {
    C("empty",                                          E_MALFORMED,  ""),
    R("[MQTT5-2.1.3-1] flags in the fixed header", E_MALFORMED, CONNECT, V5, 1, L5 "\2\0\0\0\0\0"),
    R("[MQTT3-2.2.2-1] flags in the fixed header", E_MALFORMED, CONNECT, V5, 2, L311 "\2\0\0\0\1c"),
    C("[MQTT5-3.1.2-1] another protocol",               E_LEVEL,      "\0\4HTTP\5\2\0\0\0\0\0"),
    C("[MQTT5-3.1.2-1] lower case",                     E_LEVEL,      "\0\4mqtt\5\2\0\0\0\0\0"),
    C("[MQTT3-3.1.2-1] the name of 3.1 with level 4",   E_LEVEL,      "\0\6MQIsdp\4\2\0\0\0\0\1c"),
    C("[MQTT3-3.1.2-1] the name of 3.1.1 with level 3", E_LEVEL,      "\0\4MQTT\3\2\0\0\0\0\1c"),
    C("[MQTT5-3.1.2-2] level 6",                        E_LEVEL,      "\0\4MQTT\6\2\0\0\0\0\0"),
    C("[MQTT3-3.1.2-2] level 0",                        E_LEVEL,      "\0\4MQTT\0\2\0\0\0\1c"),
    C("[MQTT3-3.1.2-2] level 2",                        E_LEVEL,      "\0\6MQIsdp\2\2\0\0\0\1c"),
    C("a bridge of a level that never had them",        E_LEVEL,      "\0\4MQTT\x85\2\0\0\0\0\0"),
    C("a bridge of no level",                           E_LEVEL,      "\0\4MQTT\x80\2\0\0\0\0\0"),
    C("the name is not text",                           E_MALFORMED,  "\0\4MQT\xff\5\2\0\0\0\0\0"),
    C("[MQTT5-3.1.2-3] reserved flag",                  E_MALFORMED,  L5 "\3\0\0\0\0\0"),
    C("[MQTT3-3.1.2-3] reserved flag",                  E_MALFORMED,  L311 "\3\0\0\0\1c"),
    C("[MQTT5-3.1.2-11] Will QoS without a Will",       E_MALFORMED,  L5 "\x0a\0\0\0\0\0"),
    C("[MQTT3-3.1.2-13] Will QoS without a Will",       E_MALFORMED,  L311 "\x12\0\0\0\1c"),
    C("[MQTT5-3.1.2-12] Will QoS 3", E_QOS, L5 "\x1e\0\0\0\0\0\0\0\1w\0\0"),
    C("[MQTT3-3.1.2-14] Will QoS 3", E_QOS, L311 "\x1e\0\0\0\1c\0\1w\0\0"),
    C("[MQTT5-3.1.2-13] Will Retain without a Will",    E_MALFORMED,  L5 "\x22\0\0\0\0\0"),
    C("[MQTT3-3.1.2-15] Will Retain without a Will",    E_MALFORMED,  L311 "\x22\0\0\0\1c"),
    C("[MQTT3-3.1.2-22] password without user name",    E_MALFORMED,  L311 "\x42\0\0\0\1c\0\1p"),
    C("password without user name in 3.1",              E_MALFORMED,  L31 "\x42\0\0\0\1c\0\1p"),
    C("[MQTT5-3.1.2-16] a user name without its flag",  E_MALFORMED,  L5 "\2\0\0\0\0\1c\0\1u"),
    C("[MQTT3-3.1.2-18] a user name without its flag",  E_MALFORMED,  L311 "\2\0\0\0\1c\0\1u"),
    C("[MQTT5-3.1.2-17] the user name is missing",      E_MALFORMED,  L5 "\x82\0\0\0\0\1c"),
    C("[MQTT3-3.1.2-19] the user name is missing",      E_MALFORMED,  L311 "\x82\0\0\0\1c"),
    C("[MQTT5-3.1.2-19] the password is missing",       E_MALFORMED,  L5 "\xc2\0\0\0\0\1c\0\1u"),
    C("[MQTT3-3.1.2-21] the password is missing",       E_MALFORMED,  L311 "\xc2\0\0\0\1c\0\1u"),
    C("half a user name in 3.1",                        E_MALFORMED,  L31 "\x82\0\0\0\1c\0"),
    C("[MQTT5-3.1.2-9] the Will is missing",            E_MALFORMED,  L5 "\6\0\0\0\0\1c"),
    C("[MQTT3-3.1.2-9] the Will is missing",            E_MALFORMED,  L311 "\6\0\0\0\1c"),
    C("[MQTT3-3.1.3-8] no client id, session kept",     E_CLIENT_ID,  L311 "\0\0\0\0\0"),
    C("no client id in 3.1",                            E_CLIENT_ID,  L31 "\2\0\0\0\0"),
    C("[MQTT5-3.1.3-3] the client id is missing",       E_MALFORMED,  L5 "\2\0\0\0"),
    C("[MQTT5-3.1.3-4] the client id is not text",      E_MALFORMED,  L5 "\2\0\0\0\0\1\xff"),
    C("[MQTT3-3.1.3-4] the client id is not text",      E_MALFORMED,  L311 "\2\0\0\0\1\0"),
    C("[MQTT5-3.1.3-11] the Will topic is not text", E_MALFORMED, L5 "\6\0\0\0\0\1c\0\0\1\xff\0\0"),
    C("[MQTT3-3.1.3-10] the Will topic is not text", E_MALFORMED, L311 "\6\0\0\0\1c\0\1\xff\0\0"),
    C("[MQTT5-3.1.3-12] the user name is not text",     E_MALFORMED,  L5 "\x82\0\0\0\0\1c\0\1\xff"),
    C("[MQTT3-3.1.3-11] the user name is not text",     E_MALFORMED,  L311 "\x82\0\0\0\1c\0\1\xff"),
    C("[MQTT5-4.7.0-1] a wildcard in the Will topic", E_TOPIC_NAME,
      L5 "\6\0\0\0\0\1c\0\0\3a/+\0\0"),
    C("[MQTT3-4.7.1-1] a wildcard in the Will topic",   E_TOPIC_NAME, L311 "\6\0\0\0\1c\0\1#\0\0"),
    C("[MQTT5-4.7.3-1] an empty Will topic",            E_TOPIC_NAME, L5 "\6\0\0\0\0\1c\0\0\0\0\0"),
    C("data without an authentication method",          E_PROTOCOL,   L5 "\2\0\0\4\x16\0\1d\0\0"),
    C("[MQTT5-2.2.2-1] no property length",             E_MALFORMED,  L5 "\2\0\0"),
    C("properties longer than the packet",              E_MALFORMED,  L5 "\2\0\0\x7f\0\0"),
    C("bytes behind the end",                           E_MALFORMED,  L5 "\2\0\0\0\0\1c!"),
    K("empty",                                      E_MALFORMED, V5,   ""),
    R("[MQTT5-2.1.3-1] flags",                     E_MALFORMED, CONNACK, V5, 1, "\0\0\0"),
    K("[MQTT5-3.2.2-1] reserved acknowledge flag",  E_MALFORMED, V5,   "\2\0\0"),
    K("reserved acknowledge flag, 3.1.1",           E_MALFORMED, V311, "\x80\0"),
    K("[MQTT5-3.2.2-6] a session and a failure",    E_PROTOCOL,  V5,   "\1\x87\0"),
    K("[MQTT3-3.2.2-4] a session and a failure",    E_PROTOCOL,  V311, "\1\5"),
    K("[MQTT5-3.2.2-8] a reason of another packet", E_PROTOCOL,  V5,   "\0\x8e\0"),
    K("[MQTT5-3.2.2-8] a success that is none",     E_PROTOCOL,  V5,   "\0\1\0"),
    K("a reserved return code",                     E_PROTOCOL,  V311, "\0\6"),
    K("[MQTT5-2.2.2-1] no property length",         E_MALFORMED, V5,   "\0\0"),
    K("properties before 5.0",                      E_MALFORMED, V311, "\0\0\0"),
    K("bytes behind the end",                       E_MALFORMED, V5,   "\0\0\0!"),
};

static const struct packet accepted[] = {
    A("5.0, no client id, session kept",      CONNECT, V5,   0, L5 "\0\0\x0a\0\0\0"),
    A("5.0, password alone",                  CONNECT, V5,   0, L5 "\x42\0\x0a\0\0\1c\0\1p"),
    A("5.0, an empty user name and password", CONNECT, V5,   0, L5 "\xc2\0\x0a\0\0\1c\0\0\0\0"),
    A("3.1.1, no client id, clean session",   CONNECT, V311, 0, L311 "\2\0\0\0\0"),
    A("3.1.1, everything", CONNECT, V311, 0, L311 "\xf6\0\x3c\0\1c\0\3w/t\0\2\0\xff\0\1u\0\2\0p"),
    A("3.1, everything", CONNECT, V31, 0, L31 "\xf6\xff\xff\0\1c\0\3w/t\0\0\0\1u\0\1p"),
    A("3.1, the user name is missing",        CONNECT, V31,  0, L31 "\x82\0\0\0\1c"),
    A("3.1, the password is missing",         CONNECT, V31,  0, L31 "\xc2\0\0\0\1c\0\1u"),
    A("3.1, flags of no use",                 CONNECT, V31,  0xf, L31 "\3\0\0\0\1c"),
    A("3.1, a client id of 24 characters", CONNECT, V31, 0,
      L31 "\2\0\0\0\x18" "abcdefghijklmnopqrstuvwx"),
    A("5.0, success",                         CONNACK, V5,   0, "\1\0\0"),
    A("5.0, failure",                         CONNACK, V5,   0, "\0\x9f\0"),
    A("3.1.1, success",                       CONNACK, V311, 0, "\1\0"),
    A("3.1.1, not authorized",                CONNACK, V311, 0, "\0\5"),
    A("3.1, a first byte of no use",          CONNACK, V31,  0, "\x7f\4"),
};
/* clang-format on */

static void a_broken_rule_is_named_and_nothing_is_written(void **state)
{
    (void)state;
    refuse_all(refusals, COUNT_OF(refusals));
}

static void what_the_standards_allow_is_read_and_comes_back(void **state)
{
    (void)state;
    accept_all(accepted, COUNT_OF(accepted));
}

/* In the order [MQTT5-3.1.3-1] says. */
static void each_field_of_a_connect_comes_back(void **state)
{
    static union any p;
    struct buf user = {0};
    struct buf will_user = {0};

    (void)state;
    wire_user_add(&user, BYTES("site"), BYTES("north"));
    wire_user_add(&user, BYTES(""), BYTES(""));
    wire_user_add(&will_user, BYTES("why"), BYTES("gone"));
    p.connect = (struct wire_connect){
        .protocol_name = BYTES("MQTT"),
        .level = WIRE_V5,
        .has_user_name = true,
        .has_password = true,
        .has_will = true,
        .will_retain = true,
        .will_qos = 2,
        .keep_alive_s = 0xfffe,
        .client_id = BYTES("meter-7"),
        .user_name = BYTES("u\xc3\xa9"),
        .password = BYTES("\0\xff"),
        .will_topic = BYTES("fmb/meter/7/state"),
        .will_payload = BYTES("\0off"),
        .will_props = {.set = BIT64(PROP_WILL_DELAY) | BIT64(PROP_PAYLOAD_FORMAT) |
                              BIT64(PROP_MESSAGE_EXPIRY) | BIT64(PROP_CONTENT_TYPE) |
                              BIT64(PROP_RESPONSE_TOPIC) | BIT64(PROP_CORRELATION_DATA) |
                              BIT64(PROP_USER),
                       .will_delay_s = 0x01020304,
                       .payload_format = 1,
                       .message_expiry_s = UINT32_MAX,
                       .content_type = BYTES("text/plain"),
                       .response_topic = BYTES("answer/here"),
                       .correlation_data = BYTES("\0\1\2"),
                       .user = buf_view(&will_user)},
        .props = {.set = BIT64(PROP_SESSION_EXPIRY) | BIT64(PROP_RECEIVE_MAX) |
                         BIT64(PROP_PACKET_MAX) | BIT64(PROP_TOPIC_ALIAS_MAX) |
                         BIT64(PROP_REQUEST_RESPONSE) | BIT64(PROP_REQUEST_PROBLEM) |
                         BIT64(PROP_AUTH_METHOD) | BIT64(PROP_AUTH_DATA) | BIT64(PROP_USER),
                  .session_expiry_s = 86400,
                  .receive_max = 1,
                  .packet_max = 0x80000001,
                  .topic_alias_max = 0x1234,
                  .request_response = 1,
                  .request_problem = 0,
                  .auth_method = BYTES("SCRAM-SHA-256"),
                  .auth_data = BYTES("\0"),
                  .user = buf_view(&user)},
    };
    round_trip(WIRE_CONNECT, &p, WIRE_V5);
    buf_done(&user);
    buf_done(&will_user);
}

static void each_field_of_a_connack_comes_back(void **state)
{
    static union any p;
    struct buf user = {0};

    (void)state;
    wire_user_add(&user, BYTES("a"), BYTES("b"));
    p.connack = (struct wire_connack){
        .session_present = true,
        .reason = REASON_SUCCESS,
        .props = {.set = BIT64(PROP_SESSION_EXPIRY) | BIT64(PROP_RECEIVE_MAX) |
                         BIT64(PROP_QOS_MAX) | BIT64(PROP_RETAIN_AVAILABLE) |
                         BIT64(PROP_PACKET_MAX) | BIT64(PROP_ASSIGNED_CLIENT_ID) |
                         BIT64(PROP_TOPIC_ALIAS_MAX) | BIT64(PROP_REASON_STRING) |
                         BIT64(PROP_USER) | BIT64(PROP_WILDCARD_AVAILABLE) |
                         BIT64(PROP_SUBID_AVAILABLE) | BIT64(PROP_SHARED_AVAILABLE) |
                         BIT64(PROP_SERVER_KEEP_ALIVE) | BIT64(PROP_RESPONSE_INFO) |
                         BIT64(PROP_SERVER_REFERENCE) | BIT64(PROP_AUTH_METHOD) |
                         BIT64(PROP_AUTH_DATA),
                  .session_expiry_s = 7,
                  .receive_max = 65535,
                  .qos_max = 1,
                  .retain_available = 1,
                  .packet_max = 1,
                  .assigned_client_id = BYTES("auto-1"),
                  .topic_alias_max = 10,
                  .reason_string = BYTES("welcome"),
                  .wildcard_available = 1,
                  .subid_available = 0,
                  .shared_available = 1,
                  .server_keep_alive_s = 60,
                  .response_info = BYTES("answers/"),
                  .server_reference = BYTES("other:1883"),
                  .auth_method = BYTES("m"),
                  .auth_data = BYTES(""),
                  .user = buf_view(&user)},
    };
    round_trip(WIRE_CONNACK, &p, WIRE_V5);
    p.connack = (struct wire_connack){.reason = REASON_BAD_USER_NAME_OR_PASSWORD};
    round_trip(WIRE_CONNACK, &p, WIRE_V5);
    round_trip(WIRE_CONNACK, &p, WIRE_V311);
    round_trip(WIRE_CONNACK, &p, WIRE_V31);
    buf_done(&user);
}

static void the_level_to_answer_in_is_told_on_any_outcome(void **state)
{
    static const struct {
        struct bytes body;
        uint8_t level;
    } cases[] = {
        {BYTES(L5 "\3\0\0\0\0\0"), WIRE_V5},        {BYTES(L311 "\3\0\0\0\1c"), WIRE_V311},
        {BYTES(L31 "\2\0\0\0\0"), WIRE_V31},        {BYTES(L5 "\2\0\0\0\0\0"), WIRE_V5},
        {BYTES("\0\4MQTT\6\2\0\0\0\0\0"), 0},       {BYTES("\0\4MQ"), 0},
        {BYTES("\0\4MQTX\5\2\0\0\0\0\0"), WIRE_V5}, {BYTES("\0\4MQTX\4\2\0\0\0\0\0"), 0},
    };
    static struct wire_connect p;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        p.level = 0xbe;
        wire_decode_connect(0, cases[i].body, &p);
        assert_int_equal(p.level, cases[i].level);
    }
}

static void the_bridge_bit_is_apart_from_the_level(void **state)
{
    static struct wire_connect p;

    (void)state;
    assert_int_equal(wire_decode_connect(0, BYTES("\0\4MQTT\4\2\0\0\0\1c"), &p), WIRE_OK);
    assert_false(p.is_bridge);
    assert_int_equal(wire_decode_connect(0, BYTES("\0\6MQIsdp\x83\2\0\0\0\1c"), &p), WIRE_OK);
    assert_int_equal(p.level, WIRE_V31);
    assert_true(p.is_bridge);
    assert_int_equal(wire_decode_connect(0, BYTES("\0\4MQTT\x84\2\0\0\0\1c"), &p), WIRE_OK);
    assert_int_equal(p.level, WIRE_V311);
    assert_true(p.is_bridge);
}

static void what_travels_of_a_will_is_taken_from_its_properties(void **state)
{
    static struct wire_connect p;
    struct buf forward = {0};

    (void)state;
    assert_int_equal(
        wire_decode_connect(
            0, BYTES(L5 "\6\0\0\0\0\1c\x10\x18\0\0\0\5\3\0\1t\2\0\0\0\x09\1\1\0\1w\0\0"), &p),
        WIRE_OK);
    wire_forward_props(p.will_forward, &forward);
    assert_true(bytes_equal(buf_view(&forward), BYTES("\3\0\1t\1\1")));
    assert_int_equal(p.will_props.will_delay_s, 5);
    assert_int_equal(p.will_props.message_expiry_s, 9);
    buf_done(&forward);
}

static void an_old_client_is_told_a_return_code(void **state)
{
    static const struct {
        uint8_t reason;
        const char *body;
    } cases[] = {
        {REASON_UNSUPPORTED_PROTOCOL_VERSION, "\x20\2\0\1"},
        {REASON_CLIENT_IDENTIFIER_NOT_VALID, "\x20\2\0\2"},
        {REASON_SERVER_BUSY, "\x20\2\0\3"},
        {REASON_BAD_USER_NAME_OR_PASSWORD, "\x20\2\0\4"},
        {REASON_NOT_AUTHORIZED, "\x20\2\0\5"},
        {REASON_BANNED, "\x20\2\0\5"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct wire_connack p = {.reason = cases[i].reason};
        struct buf out = {0};

        wire_encode_connack(&out, &p, WIRE_V311);
        assert_true(bytes_equal(buf_view(&out), bytes_of(cases[i].body, 4)));
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_rule_is_named_and_nothing_is_written),
        cmocka_unit_test(what_the_standards_allow_is_read_and_comes_back),
        cmocka_unit_test(each_field_of_a_connect_comes_back),
        cmocka_unit_test(each_field_of_a_connack_comes_back),
        cmocka_unit_test(the_level_to_answer_in_is_told_on_any_outcome),
        cmocka_unit_test(the_bridge_bit_is_apart_from_the_level),
        cmocka_unit_test(what_travels_of_a_will_is_taken_from_its_properties),
        cmocka_unit_test(an_old_client_is_told_a_return_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
