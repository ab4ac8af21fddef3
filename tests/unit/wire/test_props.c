/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_props.c - each property in each packet */
#include "cases.h"

#define P(name) BIT64(PROP_##name)
#define B(what, outcome, id, value)                                                                \
    {                                                                                              \
        what, WIRE_##outcome, PROP_##id, BYTES(value)                                              \
    }
#define ID_MAX 0x7f

/* Table 2-4 of MQTT 5.0, written down once more, packet by packet. */
/* clang-format off */
static const struct carrier {
    const char *name;
    enum wire_type type;
    bool is_will;
    uint64_t may_carry;
} carriers[] = {
    {"CONNECT", WIRE_CONNECT, false,
     P(SESSION_EXPIRY) | P(AUTH_METHOD) | P(AUTH_DATA) | P(REQUEST_PROBLEM) | P(REQUEST_RESPONSE) |
     P(RECEIVE_MAX) | P(TOPIC_ALIAS_MAX) | P(USER) | P(PACKET_MAX)},
    {"Will", WIRE_CONNECT, true,
     P(PAYLOAD_FORMAT) | P(MESSAGE_EXPIRY) | P(CONTENT_TYPE) | P(RESPONSE_TOPIC) |
     P(CORRELATION_DATA) | P(WILL_DELAY) | P(USER)},
    {"CONNACK", WIRE_CONNACK, false,
     P(SESSION_EXPIRY) | P(ASSIGNED_CLIENT_ID) | P(SERVER_KEEP_ALIVE) | P(AUTH_METHOD) |
     P(AUTH_DATA) | P(RESPONSE_INFO) | P(SERVER_REFERENCE) | P(REASON_STRING) | P(RECEIVE_MAX) |
     P(TOPIC_ALIAS_MAX) | P(QOS_MAX) | P(RETAIN_AVAILABLE) | P(USER) | P(PACKET_MAX) |
     P(WILDCARD_AVAILABLE) | P(SUBID_AVAILABLE) | P(SHARED_AVAILABLE)},
    {"PUBLISH", WIRE_PUBLISH, false,
     P(PAYLOAD_FORMAT) | P(MESSAGE_EXPIRY) | P(CONTENT_TYPE) | P(RESPONSE_TOPIC) |
     P(CORRELATION_DATA) | P(SUBSCRIPTION_ID) | P(TOPIC_ALIAS) | P(USER)},
    {"PUBACK",      WIRE_PUBACK,      false, P(REASON_STRING) | P(USER)},
    {"PUBREC",      WIRE_PUBREC,      false, P(REASON_STRING) | P(USER)},
    {"PUBREL",      WIRE_PUBREL,      false, P(REASON_STRING) | P(USER)},
    {"PUBCOMP",     WIRE_PUBCOMP,     false, P(REASON_STRING) | P(USER)},
    {"SUBSCRIBE",   WIRE_SUBSCRIBE,   false, P(SUBSCRIPTION_ID) | P(USER)},
    {"SUBACK",      WIRE_SUBACK,      false, P(REASON_STRING) | P(USER)},
    {"UNSUBSCRIBE", WIRE_UNSUBSCRIBE, false, P(USER)},
    {"UNSUBACK",    WIRE_UNSUBACK,    false, P(REASON_STRING) | P(USER)},
    {"DISCONNECT",  WIRE_DISCONNECT,  false,
     P(SESSION_EXPIRY) | P(SERVER_REFERENCE) | P(REASON_STRING) | P(USER)},
    {"AUTH",        WIRE_AUTH,        false,
     P(AUTH_METHOD) | P(AUTH_DATA) | P(REASON_STRING) | P(USER)},
};

static const struct bytes good[ID_MAX + 1] = {
    [PROP_PAYLOAD_FORMAT]     = BYTES("\x01\1"),
    [PROP_MESSAGE_EXPIRY]     = BYTES("\x02\0\0\0\0"),
    [PROP_CONTENT_TYPE]       = BYTES("\x03\0\1t"),
    [PROP_RESPONSE_TOPIC]     = BYTES("\x08\0\1t"),
    [PROP_CORRELATION_DATA]   = BYTES("\x09\0\1\xff"),
    [PROP_SUBSCRIPTION_ID]    = BYTES("\x0b\x80\1"),
    [PROP_SESSION_EXPIRY]     = BYTES("\x11\xff\xff\xff\xff"),
    [PROP_ASSIGNED_CLIENT_ID] = BYTES("\x12\0\1c"),
    [PROP_SERVER_KEEP_ALIVE]  = BYTES("\x13\0\0"),
    [PROP_AUTH_METHOD]        = BYTES("\x15\0\1m"),
    [PROP_AUTH_DATA]          = BYTES("\x16\0\2\0\xff"),
    [PROP_REQUEST_PROBLEM]    = BYTES("\x17\0"),
    [PROP_WILL_DELAY]         = BYTES("\x18\0\0\0\1"),
    [PROP_REQUEST_RESPONSE]   = BYTES("\x19\1"),
    [PROP_RESPONSE_INFO]      = BYTES("\x1a\0\1i"),
    [PROP_SERVER_REFERENCE]   = BYTES("\x1c\0\1r"),
    [PROP_REASON_STRING]      = BYTES("\x1f\0\0"),
    [PROP_RECEIVE_MAX]        = BYTES("\x21\0\1"),
    [PROP_TOPIC_ALIAS_MAX]    = BYTES("\x22\0\0"),
    [PROP_TOPIC_ALIAS]        = BYTES("\x23\xff\xff"),
    [PROP_QOS_MAX]            = BYTES("\x24\0"),
    [PROP_RETAIN_AVAILABLE]   = BYTES("\x25\1"),
    [PROP_USER]               = BYTES("\x26\0\1n\0\1v"),
    [PROP_PACKET_MAX]         = BYTES("\x27\0\0\0\1"),
    [PROP_WILDCARD_AVAILABLE] = BYTES("\x28\0"),
    [PROP_SUBID_AVAILABLE]    = BYTES("\x29\1"),
    [PROP_SHARED_AVAILABLE]   = BYTES("\x2a\0"),
};

static const struct {
    const char *what;
    enum wire_outcome outcome;
    uint8_t id;
    struct bytes value;
} bad[] = {
    B("payload format 2",                  E_PROTOCOL,    PAYLOAD_FORMAT,      "\x01\2"),
    B("response topic with wildcard",      E_TOPIC_NAME,  RESPONSE_TOPIC,      "\x08\0\1+"),
    B("response topic empty",              E_TOPIC_NAME,  RESPONSE_TOPIC,      "\x08\0\0"),
    B("subscription identifier 0",         E_PROTOCOL,    SUBSCRIPTION_ID,     "\x0b\0"),
    B("subscription identifier too long",  E_MALFORMED,   SUBSCRIPTION_ID,     "\x0b\x81\0"),
    B("request problem 2",                 E_PROTOCOL,    REQUEST_PROBLEM,     "\x17\2"),
    B("request response 255",              E_PROTOCOL,    REQUEST_RESPONSE,    "\x19\xff"),
    B("receive maximum 0",                 E_PROTOCOL,    RECEIVE_MAX,         "\x21\0\0"),
    B("topic alias 0",                     E_PROTOCOL,    TOPIC_ALIAS,         "\x23\0\0"),
    B("maximum QoS 2",                     E_PROTOCOL,    QOS_MAX,             "\x24\2"),
    B("retain available 2",                E_PROTOCOL,    RETAIN_AVAILABLE,    "\x25\2"),
    B("maximum packet size 0",             E_PROTOCOL,    PACKET_MAX,          "\x27\0\0\0\0"),
    B("wildcard available 2",              E_PROTOCOL,    WILDCARD_AVAILABLE,  "\x28\2"),
    B("subscription ids available 2",      E_PROTOCOL,    SUBID_AVAILABLE,     "\x29\2"),
    B("shared available 2",                E_PROTOCOL,    SHARED_AVAILABLE,    "\x2a\2"),
    B("content type is not text",          E_MALFORMED,   CONTENT_TYPE,        "\x03\0\1\xff"),
    B("client id is not text",             E_MALFORMED,   ASSIGNED_CLIENT_ID,  "\x12\0\1\xff"),
    B("response info is not text",         E_MALFORMED,   RESPONSE_INFO,       "\x1a\0\1\0"),
    B("server reference is not text",      E_MALFORMED,   SERVER_REFERENCE,    "\x1c\0\1\xff"),
    B("reason string is not text",         E_MALFORMED,   REASON_STRING,       "\x1f\0\1\xff"),
    B("a method that is not text",         E_MALFORMED,   AUTH_METHOD,         "\x15\0\1\xff"),
    B("a name that is not text",           E_MALFORMED,   USER,                "\x26\0\1\xff\0\0"),
    B("a value that is not text",          E_MALFORMED,   USER,                "\x26\0\0\0\1\xff"),
};
/* clang-format on */

/* How deep a topic may be is for those that are published to. */
static void a_response_topic_may_have_any_number_of_levels(void **state)
{
    static union any p;
    uint8_t body[3 + 2 + 3 + 200] = {0, 1,  't', 203 % 128 | 128, 203 / 128, PROP_RESPONSE_TOPIC,
                                     0, 200};

    (void)state;
    memset(body + 8, '/', 200);
    assert_int_equal(any_decode(WIRE_PUBLISH, 0, bytes_of(body, sizeof(body)), WIRE_V5, &p),
                     WIRE_OK);
    assert_int_equal(p.publish.props.len, 203);
}

/* A packet that is good but for what may be in @block, of at most 127 bytes. */
static enum wire_outcome decode(const struct carrier *c, struct bytes block)
{
    static union any p;
    struct buf body = {0};
    struct bytes front = BYTES("\0\1"); /* a packet id */
    struct bytes back = BYTES_NONE;
    uint8_t flags = 0;
    enum wire_outcome outcome;

    switch (c->type) {
    case WIRE_CONNECT:
        front = c->is_will ? BYTES("\0\4MQTT\5\6\0\0\0\0\1c") : BYTES("\0\4MQTT\5\2\0\0");
        back = c->is_will ? BYTES("\0\1w\0\0") : BYTES("\0\1c");
        break;
    case WIRE_CONNACK:
        front = BYTES("\0\0");
        break;
    case WIRE_PUBLISH:
        front = BYTES("\0\1t");
        break;
    case WIRE_PUBACK:
    case WIRE_PUBREC:
    case WIRE_PUBREL:
    case WIRE_PUBCOMP:
        front = BYTES("\0\1\0");
        break;
    case WIRE_SUBSCRIBE:
        back = BYTES("\0\1f\0");
        break;
    case WIRE_UNSUBSCRIBE:
        back = BYTES("\0\1f");
        break;
    case WIRE_SUBACK:
    case WIRE_UNSUBACK:
        back = BYTES("\0");
        break;
    case WIRE_DISCONNECT:
    case WIRE_AUTH:
        front = BYTES("\0");
        break;
    case WIRE_PINGREQ:
    case WIRE_PINGRESP:
        break;
    }
    if (c->type == WIRE_PUBREL || c->type == WIRE_SUBSCRIBE || c->type == WIRE_UNSUBSCRIBE)
        flags = 2;

    assert_true(block.len <= 127);
    buf_add(&body, front);
    buf_add_u8(&body, (uint8_t)block.len);
    buf_add(&body, block);
    buf_add(&body, back);
    outcome = any_decode(c->type, flags, buf_view(&body), WIRE_V5, &p);
    buf_done(&body);
    return outcome;
}

/* With the authentication method in front, where the packet wants it besides @id. */
static enum wire_outcome decode_one(const struct carrier *c, unsigned id, struct bytes a,
                                    struct bytes b)
{
    struct buf block = {0};
    enum wire_outcome outcome;

    if (id != PROP_AUTH_METHOD && (c->type == WIRE_AUTH || id == PROP_AUTH_DATA) &&
        (c->may_carry & P(AUTH_METHOD)))
        buf_add(&block, good[PROP_AUTH_METHOD]);
    buf_add(&block, a);
    buf_add(&block, b);
    outcome = decode(c, buf_view(&block));
    buf_done(&block);
    return outcome;
}

static bool may_carry(const struct carrier *c, unsigned id)
{
    return id < 64 && (c->may_carry & BIT64(id));
}

static void each_packet_carries_its_properties_and_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(carriers); i++) {
        for (unsigned id = 0; id <= ID_MAX; id++) {
            uint8_t unknown[2] = {(uint8_t)id, 0};
            struct bytes p = good[id].len > 0 ? good[id] : bytes_of(unknown, 2);

            if (decode_one(&carriers[i], id, p, BYTES_NONE) !=
                (may_carry(&carriers[i], id) ? WIRE_OK : WIRE_E_MALFORMED))
                fail_msg("%s with property 0x%02x", carriers[i].name, id);
        }
    }
}

static void only_user_properties_and_identifiers_in_publish_may_repeat(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(carriers); i++) {
        for (unsigned id = 0; id <= ID_MAX; id++) {
            bool repeats =
                id == PROP_USER || (id == PROP_SUBSCRIPTION_ID && carriers[i].type == WIRE_PUBLISH);

            if (may_carry(&carriers[i], id) && decode_one(&carriers[i], id, good[id], good[id]) !=
                                                   (repeats ? WIRE_OK : WIRE_E_PROTOCOL))
                fail_msg("%s with property 0x%02x twice", carriers[i].name, id);
        }
    }
}

static void a_value_that_is_not_allowed_is_refused_by_each_packet(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(bad); k++) {
        unsigned n = 0;

        print_message("  %s\n", bad[k].what);
        for (size_t i = 0; i < COUNT_OF(carriers); i++) {
            if (!may_carry(&carriers[i], bad[k].id))
                continue;
            n++;
            assert_int_equal(decode_one(&carriers[i], bad[k].id, bad[k].value, BYTES_NONE),
                             bad[k].outcome);
        }
        assert_true(n > 0);
    }
}

static void a_property_that_is_cut_short_is_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(carriers); i++) {
        for (unsigned id = 0; id <= ID_MAX; id++) {
            for (size_t len = 1; may_carry(&carriers[i], id) && len < good[id].len; len++)
                assert_int_equal(
                    decode_one(&carriers[i], id, bytes_of(good[id].at, len), BYTES_NONE),
                    WIRE_E_MALFORMED);
        }
    }
}

static void an_identifier_of_two_bytes_is_malformed(void **state)
{
    (void)state;
    /* 0x26 longer than it needs to be, and 0x126 which does not exist. */
    assert_int_equal(decode(&carriers[3], BYTES("\xa6\0\0\0\0\0")), WIRE_E_MALFORMED);
    assert_int_equal(decode(&carriers[3], BYTES("\xa6\2\0\0\0\0")), WIRE_E_MALFORMED);
}

static void bytes_that_are_no_properties_have_no_user_properties(void **state)
{
    struct wire_pair pair;
    struct buf forward = {0};
    size_t cursor = 0;

    (void)state;
    assert_false(wire_user_next(BYTES_NONE, &cursor, &pair));
    assert_false(wire_user_next(BYTES("\x26\0\5a"), &cursor, &pair));
    cursor = 0;
    assert_false(wire_user_next(BYTES("\xff\xff"), &cursor, &pair));
    wire_forward_props(BYTES("\1\1\xff\xff"), &forward);
    assert_true(bytes_equal(buf_view(&forward), BYTES("\1\1")));
    forward.len = 0;
    wire_forward_props(BYTES("\1\1\x7f\1\1"), &forward); /* nothing behind what is unknown */
    assert_true(bytes_equal(buf_view(&forward), BYTES("\1\1")));
    buf_done(&forward);
}

static void what_travels_travels_again_unaltered(void **state)
{
    struct buf once = {0};
    struct buf twice = {0};

    (void)state;
    wire_forward_props(BYTES("\x23\0\1\x26\0\1a\0\1b\2\0\0\0\1\3\0\1t"), &once);
    wire_forward_props(buf_view(&once), &twice);
    assert_true(bytes_equal(buf_view(&once), BYTES("\x26\0\1a\0\1b\3\0\1t")));
    assert_true(bytes_equal(buf_view(&once), buf_view(&twice)));
    buf_done(&once);
    buf_done(&twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_packet_carries_its_properties_and_no_others),
        cmocka_unit_test(a_response_topic_may_have_any_number_of_levels),
        cmocka_unit_test(only_user_properties_and_identifiers_in_publish_may_repeat),
        cmocka_unit_test(a_value_that_is_not_allowed_is_refused_by_each_packet),
        cmocka_unit_test(a_property_that_is_cut_short_is_malformed),
        cmocka_unit_test(an_identifier_of_two_bytes_is_malformed),
        cmocka_unit_test(bytes_that_are_no_properties_have_no_user_properties),
        cmocka_unit_test(what_travels_travels_again_unaltered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
