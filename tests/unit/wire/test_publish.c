/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_publish.c - PUBLISH both ways */
#include "cases.h"

#define P(what, outcome, level, flags, body) R(what, outcome, PUBLISH, level, flags, body)
#define EIGHT_IDS                            "\x0b\1\x0b\1\x0b\1\x0b\1\x0b\1\x0b\1\x0b\1\x0b\1"

/* clang-format off */
static const struct refusal refusals[] = {
    P("[MQTT5-3.3.1-4] both QoS bits",            E_QOS,       V5,   0x6, "\0\1a\0\1\0"),
    P("[MQTT3-3.3.1-4] both QoS bits",            E_QOS,       V311, 0x6, "\0\1a\0\1"),
    P("both QoS bits, 3.1",                       E_QOS,       V31,  0x6, "\0\1a\0\1"),
    P("[MQTT5-3.3.1-2] DUP at QoS 0",             E_MALFORMED,  V5,   0x8, "\0\1a\0"),
    P("[MQTT3-3.3.1-2] DUP at QoS 0",             E_MALFORMED,  V311, 0x8, "\0\1a"),
    P("[MQTT5-2.2.1-3] packet id zero",           E_PACKET_ID,  V5,   0x2, "\0\1a\0\0\0"),
    P("[MQTT3-2.3.1-1] packet id zero",           E_PACKET_ID,  V311, 0x4, "\0\1a\0\0"),
    P("[MQTT5-3.3.2-1] no topic",                 E_MALFORMED,  V5,   0x0, ""),
    P("[MQTT5-3.3.2-2] # in the topic",           E_TOPIC_NAME, V5,   0x0, "\0\1#\0"),
    P("[MQTT5-3.3.2-2] + in the topic",           E_TOPIC_NAME, V5,   0x0, "\0\3a+b\0"),
    P("[MQTT3-3.3.2-2] wildcard in the topic",    E_TOPIC_NAME, V311, 0x0, "\0\3a/+"),
    P("[MQTT5-1.5.4-1] ill-formed UTF-8",         E_MALFORMED,  V5,   0x0, "\0\1\xff\0"),
    P("[MQTT5-1.5.4-2] U+0000 in the topic",      E_MALFORMED,  V5,   0x0, "\0\1\0\0"),
    P("[MQTT3-3.3.2-1] ill-formed UTF-8",         E_MALFORMED,  V311, 0x0, "\0\2a\x80"),
    P("truncated inside the topic's length",      E_MALFORMED,  V5,   0x0, "\0"),
    P("truncated inside the topic",               E_MALFORMED,  V5,   0x0, "\0\5ab"),
    P("truncated inside the packet id",           E_MALFORMED,  V5,   0x2, "\0\1a\1"),
    P("[MQTT5-2.2.2-1] no property length",       E_MALFORMED,  V5,   0x0, "\0\1a"),
    P("truncated inside the properties",          E_MALFORMED,  V5,   0x0, "\0\1a\4\2"),
    P("[MQTT5-1.5.5-1] property length too long", E_MALFORMED,  V5,   0x0, "\0\1a\x80\0"),
    P("[MQTT5-1.5.5-1] property length too long", E_MALFORMED, V5, 0x0, "\0\1a\x82\x80\x80\0\1\1"),
    P("property length of five bytes", E_MALFORMED, V5, 0x0, "\0\1a\x80\x80\x80\x80\1"),
    P("no topic and no alias",                    E_PROTOCOL,   V5,   0x0, "\0\0\0"),
    P("[MQTT3-4.7.3-1] an empty topic",           E_TOPIC_NAME, V311, 0x0, "\0\0"),
    P("[MQTT5-3.3.2-8] topic alias 0",            E_PROTOCOL,   V5,   0x0, "\0\1a\3\x23\0\0"),
    P("topic alias twice", E_PROTOCOL, V5, 0x0, "\0\0\6\x23\0\1\x23\0\1"),
    P("payload format 2",                         E_PROTOCOL,   V5,   0x0, "\0\1a\2\1\2"),
    P("payload format twice",                     E_PROTOCOL,   V5,   0x0, "\0\1a\4\1\1\1\1"),
    P("message expiry twice", E_PROTOCOL, V5, 0x0, "\0\1a\x0a\2\0\0\0\1\2\0\0\0\1"),
    P("subscription identifier 0",                E_PROTOCOL,   V5,   0x0, "\0\1a\2\x0b\0"),
    P("17 subscription identifiers", E_QUOTA, V5, 0x0,
      "\0\1a\x22" EIGHT_IDS EIGHT_IDS "\x0b\1"),
    P("[MQTT5-3.3.2-13] response topic not text", E_MALFORMED,  V5,   0x0, "\0\1a\4\x08\0\1\xff"),
    P("[MQTT5-3.3.2-14] response topic wildcard", E_TOPIC_NAME, V5,   0x0, "\0\1a\4\x08\0\1#"),
    P("[MQTT5-4.7.3-1] response topic empty",     E_TOPIC_NAME, V5,   0x0, "\0\1a\3\x08\0\0"),
    P("[MQTT5-3.3.2-19] content type not text",   E_MALFORMED,  V5,   0x0, "\0\1a\4\3\0\1\0"),
    P("a property of CONNECT",                    E_MALFORMED,  V5,   0x0, "\0\1a\3\x21\0\1"),
    P("no such property",                         E_MALFORMED,  V5,   0x0, "\0\1a\2\x7f\1"),
};

static const struct packet accepted[] = {
    A("QoS 0",                       PUBLISH, V5,   0x0, "\0\1a\0hello"),
    A("QoS 0, retained, no payload", PUBLISH, V5,   0x1, "\0\1a\0"),
    A("QoS 1, again",                PUBLISH, V5,   0xa, "\0\1a\0\1\0hello"),
    A("QoS 2",                       PUBLISH, V5,   0x4, "\0\3a/b\xff\xff\0\0"),
    A("an alias for the topic",      PUBLISH, V5,   0x0, "\0\0\3\x23\0\1x"),
    A("topic and alias",             PUBLISH, V5,   0x0, "\0\1/\3\x23\xff\xff"),
    A("16 subscription identifiers", PUBLISH, V5, 0x0,
      "\0\1a\x20" EIGHT_IDS EIGHT_IDS),
    A("3.1.1, QoS 0",                PUBLISH, V311, 0x1, "\0\4$SYS\0\1"),
    A("3.1.1, QoS 2, again",         PUBLISH, V311, 0xd, "\0\1a\0\1p"),
    A("3.1, QoS 1",                  PUBLISH, V31,  0x2, "\0\1a\0\1p"),
    A("3.1, QoS 0, again",           PUBLISH, V31,  0x8, "\0\1ap"),
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

static void properties_are_read_and_those_of_the_message_travel(void **state)
{
    static const struct bytes body = BYTES("\0\1t\0\7"      /* topic, packet id */
                                           "\x32"           /* property length */
                                           "\x26\0\1a\0\1b" /* user */
                                           "\1\1"           /* payload format */
                                           "\2\0\0\1\0"     /* expiry */
                                           "\x0b\x80\1"     /* subscription identifier */
                                           "\x08\0\3r/t"    /* response topic */
                                           "\x23\0\5"       /* alias */
                                           "\3\0\2ct"       /* content type */
                                           "\x26\0\1a\0\1c" /* user */
                                           "\x09\0\2\0\xff" /* correlation data */
                                           "\x0b\2"         /* subscription identifier */
                                           "\x26\0\0\0\0"   /* user */
                                           "payload");
    static const struct bytes travels = BYTES("\x26\0\1a\0\1b\1\1\x08\0\3r/t\3\0\2ct\x26\0\1a\0\1c"
                                              "\x09\0\2\0\xff\x26\0\0\0\0");
    static union any p;
    struct buf forward = {0};
    struct wire_pair pair;
    size_t cursor = 0;

    (void)state;
    assert_int_equal(wire_decode_publish(0x2, body, WIRE_V5, &p.publish), WIRE_OK);
    assert_true(bytes_equal(p.publish.payload, BYTES("payload")));
    assert_true(p.publish.has_payload_format);
    assert_int_equal(p.publish.payload_format, 1);
    assert_true(p.publish.has_expiry);
    assert_int_equal(p.publish.expiry_s, 256);
    assert_int_equal(p.publish.topic_alias, 5);
    assert_int_equal(p.publish.n_subscription_ids, 2);
    assert_int_equal(p.publish.subscription_ids[0], 128);
    assert_int_equal(p.publish.subscription_ids[1], 2);

    wire_forward_props(p.publish.props, &forward); /* [MQTT5-3.3.2-17] [MQTT5-3.3.2-18] */
    assert_true(bytes_equal(buf_view(&forward), travels));

    assert_true(wire_user_next(p.publish.props, &cursor, &pair));
    assert_true(bytes_equal(pair.value, BYTES("b")));
    assert_true(wire_user_next(p.publish.props, &cursor, &pair));
    assert_true(bytes_equal(pair.name, BYTES("a")) && bytes_equal(pair.value, BYTES("c")));
    assert_true(wire_user_next(p.publish.props, &cursor, &pair));
    assert_true(pair.name.len == 0 && pair.value.len == 0);
    assert_false(wire_user_next(p.publish.props, &cursor, &pair));

    round_trip(WIRE_PUBLISH, &p, WIRE_V5);
    buf_done(&forward);
}

static void a_topic_of_too_many_levels_is_whole_and_known_to_be_too_deep(void **state)
{
    static struct wire_publish p;
    uint8_t body[3 + WIRE_TOPIC_LEVELS_MAX] = {0, WIRE_TOPIC_LEVELS_MAX - 1};

    (void)state;
    memset(body + 2, '/', WIRE_TOPIC_LEVELS_MAX);
    assert_int_equal(
        wire_decode_publish(0, bytes_of(body, 2 + WIRE_TOPIC_LEVELS_MAX - 1), WIRE_V311, &p),
        WIRE_OK);
    assert_false(wire_topic_too_deep(p.topic));
    body[1] = WIRE_TOPIC_LEVELS_MAX;
    assert_int_equal(
        wire_decode_publish(0, bytes_of(body, 2 + WIRE_TOPIC_LEVELS_MAX), WIRE_V311, &p), WIRE_OK);
    assert_true(wire_topic_too_deep(p.topic));
}

/* @n user properties, each of five bytes. */
static enum wire_outcome decode_with_users(size_t n)
{
    struct buf body = {0};
    struct buf user = {0};
    static struct wire_publish p;
    enum wire_outcome outcome;

    for (size_t i = 0; i < n; i++)
        wire_user_add(&user, BYTES(""), BYTES(""));
    buf_add(&body, BYTES("\0\1t"));
    buf_add_u8(&body, (uint8_t)(user.len | 0x80));
    buf_add_u8(&body, (uint8_t)(user.len >> 7));
    buf_add(&body, buf_view(&user));
    outcome = wire_decode_publish(0, buf_view(&body), WIRE_V5, &p);
    buf_done(&body);
    buf_done(&user);
    return outcome;
}

static void too_many_user_properties_are_refused(void **state)
{
    (void)state;
    assert_int_equal(decode_with_users(WIRE_USER_MAX), WIRE_OK);
    assert_int_equal(decode_with_users(WIRE_USER_MAX + 1), WIRE_E_QUOTA);
}

static void a_delivery_is_as_long_as_it_was_measured(void **state)
{
    static const uint32_t ids[] = {1, 127, 128, 16383, 16384, 2097152, 268435455};
    static const size_t sizes[] = {0, 90, 120, 127, 128, 16300, 16383, 16384, 2097152};
    static union any p;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(sizes) * 64; i++) {
        uint8_t qos = (uint8_t)(i % 3);
        enum wire_level level = i / COUNT_OF(sizes) & 1 ? WIRE_V5 : WIRE_V311;
        struct buf out = {0};
        struct buf payload = {0};
        struct wire_delivery d = {
            .topic = BYTES("some/topic"),
            .forward = i & 2 ? BYTES("\1\1\3\0\1t") : BYTES_NONE,
            .subscription_ids = ids,
            .n_subscription_ids = (uint16_t)(i / 8 % (COUNT_OF(ids) + 1)),
            .packet_id = qos > 0 ? 9 : 0,
            .topic_alias = i & 4 ? 3 : 0,
            .qos = qos,
            .dup = qos > 0 && (i & 16),
            .retain = i & 1,
            .has_expiry = i & 32,
            .expiry_s = 77,
        };
        struct wire_frame f;

        memset(buf_reserve(&payload, sizes[i % COUNT_OF(sizes)] + 1), 'p',
               sizes[i % COUNT_OF(sizes)]);
        d.payload = bytes_of(payload.at, sizes[i % COUNT_OF(sizes)]);
        wire_encode_delivery(&out, &d, level);
        assert_int_equal(out.len, wire_delivery_len(&d, level));
        assert_int_equal(wire_next(buf_view(&out), &f), WIRE_NEXT_PACKET);
        assert_int_equal(f.len, out.len);
        assert_int_equal(wire_decode_publish(f.flags, f.body, level, &p.publish), WIRE_OK);
        assert_true(bytes_equal(p.publish.topic, d.topic));
        assert_true(bytes_equal(p.publish.payload, d.payload));
        assert_int_equal(p.publish.qos, d.qos);
        assert_int_equal(p.publish.dup, d.dup);
        assert_int_equal(p.publish.retain, d.retain);
        assert_int_equal(p.publish.packet_id, d.packet_id);
        assert_int_equal(p.publish.has_expiry, level == WIRE_V5 && d.has_expiry);
        assert_int_equal(p.publish.topic_alias, level == WIRE_V5 ? d.topic_alias : 0);
        if (level == WIRE_V5) {
            assert_int_equal(p.publish.n_subscription_ids, d.n_subscription_ids);
            assert_memory_equal(p.publish.subscription_ids, ids,
                                d.n_subscription_ids * sizeof(ids[0]));
            assert_true(same_forward(p.publish.props, d.forward));
        }
        buf_done(&out);
        buf_done(&payload);
    }
}

static void a_message_that_no_packet_can_hold_is_measured_as_such(void **state)
{
    struct wire_delivery d = {.topic = BYTES("t")};

    (void)state;
    d.payload = bytes_of("", 268435455 - 3);
    assert_int_equal(wire_delivery_len(&d, WIRE_V311), WIRE_PACKET_MAX);
    assert_true(wire_delivery_len(&d, WIRE_V5) > WIRE_PACKET_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_rule_is_named_and_nothing_is_written),
        cmocka_unit_test(what_the_standards_allow_is_read_and_comes_back),
        cmocka_unit_test(properties_are_read_and_those_of_the_message_travel),
        cmocka_unit_test(a_topic_of_too_many_levels_is_whole_and_known_to_be_too_deep),
        cmocka_unit_test(too_many_user_properties_are_refused),
        cmocka_unit_test(a_delivery_is_as_long_as_it_was_measured),
        cmocka_unit_test(a_message_that_no_packet_can_hold_is_measured_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
