/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_subscribe.c - SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK */
#include "cases.h"

#define S(what, outcome, level, flags, body) R(what, outcome, SUBSCRIBE, level, flags, body)
#define U(what, outcome, level, flags, body) R(what, outcome, UNSUBSCRIBE, level, flags, body)

/* clang-format off */
static const struct refusal refusals[] = {
    S("[MQTT5-3.8.1-1] flags",                      E_MALFORMED,    V5,   0,   "\0\1\0\0\1a\0"),
    S("[MQTT3-3.8.1-1] flags",                      E_MALFORMED,    V311, 0xa, "\0\1\0\1a\0"),
    S("[MQTT5-2.2.1-3] packet id zero",             E_PACKET_ID,    V5,   2,   "\0\0\0\0\1a\0"),
    S("[MQTT3-2.3.1-1] packet id zero",             E_PACKET_ID,    V311, 2,   "\0\0\0\1a\0"),
    S("[MQTT5-3.8.3-2] no filter",                  E_PROTOCOL,     V5,   2,   "\0\1\0"),
    S("[MQTT3-3.8.3-3] no filter",                  E_PROTOCOL,     V311, 2,   "\0\1"),
    S("[MQTT5-2.2.2-1] no property length",         E_MALFORMED,    V5,   2,   "\0\1"),
    S("no options",                                 E_MALFORMED,    V5,   2,   "\0\1\0\0\1a"),
    S("no options of the second filter", E_MALFORMED, V5, 2, "\0\1\0\0\1a\0\0\1b"),
    S("[MQTT5-3.8.3-1] a filter that is not text",  E_MALFORMED,    V5,   2,   "\0\1\0\0\1\xff\0"),
    S("[MQTT3-3.8.3-1] a filter that is not text",  E_MALFORMED,    V311, 2,   "\0\1\0\1\0\0"),
    S("[MQTT5-3.8.3-4] no local, shared", E_PROTOCOL, V5, 2, "\0\1\0\0\x0a$share/g/a\4"),
    S("[MQTT5-3.8.3-5] reserved option, bit 6",     E_MALFORMED,    V5,   2,   "\0\1\0\0\1a\x40"),
    S("[MQTT5-3.8.3-5] reserved option, bit 7",     E_MALFORMED,    V5,   2,   "\0\1\0\0\1a\x80"),
    S("QoS 3",                                      E_QOS_WANTED,   V5,   2,   "\0\1\0\0\1a\3"),
    S("retain handling 3",                          E_PROTOCOL,     V5,   2,   "\0\1\0\0\1a\x30"),
    S("[MQTT3-3.8.3-4] QoS 3",                      E_QOS,          V311, 2,   "\0\1\0\1a\3"),
    S("[MQTT3-3.8.3-4] no local in 3.1.1",          E_MALFORMED,    V311, 2,   "\0\1\0\1a\4"),
    S("[MQTT5-4.7.3-1] an empty filter",            E_TOPIC_FILTER, V5,   2,   "\0\1\0\0\0\0"),
    S("[MQTT3-4.7.3-1] an empty filter",            E_TOPIC_FILTER, V311, 2,   "\0\1\0\0\0"),
    S("[MQTT5-4.7.1-1] # is not last",              E_TOPIC_FILTER, V5,   2,   "\0\1\0\0\3#/a\0"),
    S("[MQTT3-4.7.1-2] # is not alone",             E_TOPIC_FILTER, V311, 2,   "\0\1\0\2a#\0"),
    S("[MQTT5-4.7.1-2] + is not alone",             E_TOPIC_FILTER, V5,   2,   "\0\1\0\0\2a+\0"),
    S("[MQTT5-4.8.2-1] an empty share name", E_TOPIC_FILTER, V5, 2, "\0\1\0\0\x09$share//a\0"),
    S("[MQTT5-4.8.2-2] a wildcard in a share name", E_TOPIC_FILTER, V5, 2,
      "\0\1\0\0\x0a$share/+/a\0"),
    S("[MQTT5-4.8.2-2] no filter behind the name", E_TOPIC_FILTER, V5, 2,
      "\0\1\0\0\x09$share/g/\0"),
    S("subscription identifier 0", E_PROTOCOL, V5, 2, "\0\1\2\x0b\0\0\1a\0"),
    S("two subscription identifiers", E_PROTOCOL, V5, 2, "\0\1\4\x0b\1\x0b\2\0\1a\0"),
    U("[MQTT5-3.10.1-1] flags",                     E_MALFORMED,    V5,   0,   "\0\1\0\0\1a"),
    U("[MQTT3-3.10.1-1] flags",                     E_MALFORMED,    V311, 0xa, "\0\1\0\1a"),
    U("[MQTT5-2.2.1-3] packet id zero",             E_PACKET_ID,    V5,   2,   "\0\0\0\0\1a"),
    U("[MQTT5-3.10.3-2] no filter",                 E_PROTOCOL,     V5,   2,   "\0\1\0"),
    U("[MQTT3-3.10.3-2] no filter",                 E_PROTOCOL,     V311, 2,   "\0\1"),
    U("[MQTT5-3.10.3-1] a filter that is not text", E_MALFORMED,    V5,   2,   "\0\1\0\0\1\xff"),
    U("[MQTT5-4.7.1-1] # is not last",              E_TOPIC_FILTER, V5,   2,   "\0\1\0\0\3#/a"),
    U("a property of SUBSCRIBE",                    E_MALFORMED,    V5,   2,   "\0\1\2\x0b\1\0\1a"),
    U("half a filter",                              E_MALFORMED,    V311, 2,   "\0\1\0\1a\0\2b"),
    R("flags of SUBACK",                    E_MALFORMED, SUBACK,   V5,   2, "\0\1\0\0"),
    R("packet id zero",                     E_PACKET_ID, SUBACK,   V5,   0, "\0\0\0\0"),
    R("[MQTT5-3.8.4-6] no reason",          E_PROTOCOL,  SUBACK,   V5,   0, "\0\1\0"),
    R("[MQTT3-3.8.4-5] no code",            E_PROTOCOL,  SUBACK,   V311, 0, "\0\1"),
    R("[MQTT5-3.9.3-2] reason of UNSUBACK", E_PROTOCOL,  SUBACK,   V5,   0, "\0\1\0\0\x11"),
    R("[MQTT3-3.9.3-2] reserved",           E_PROTOCOL,  SUBACK,   V311, 0, "\0\1\x87"),
    R("[MQTT3-3.9.3-2] reserved",           E_PROTOCOL,  SUBACK,   V311, 0, "\0\1\3"),
    R("[MQTT5-3.11.3-2] reason of SUBACK",  E_PROTOCOL,  UNSUBACK, V5,   0, "\0\1\0\1"),
    R("no reason",                          E_PROTOCOL,  UNSUBACK, V5,   0, "\0\1\0"),
    R("a reason in 3.1.1",                  E_MALFORMED, UNSUBACK, V311, 0, "\0\1\0"),
    R("flags of UNSUBACK",                  E_MALFORMED, UNSUBACK, V311, 1, "\0\1"),
};

static const struct packet accepted[] = {
    A("one filter",                        SUBSCRIBE,   V5,   2,   "\0\1\0\0\1#\2"),
    A("all options",                       SUBSCRIBE,   V5,   2,   "\0\1\0\0\3a/+\x2e\0\1b\x10"),
    A("an identifier and a user property", SUBSCRIBE, V5, 2,
      "\0\1\x0c\x0b\xff\xff\xff\x7f\x26\0\1k\0\1v\0\1a\0"),
    A("shared",                            SUBSCRIBE,   V5,   2,   "\0\1\0\0\x0a$share/g/+\x19"),
    A("3.1.1",                             SUBSCRIBE,   V311, 2,   "\0\1\0\1a\0\0\1b\1\0\1c\2"),
    A("3.1, again",                        SUBSCRIBE,   V31,  0xa, "\0\1\0\1a\1"),
    A("3.1, bits of no use",               SUBSCRIBE,   V31,  0,   "\0\1\0\1a\xfd"),
    A("two filters",                       UNSUBSCRIBE, V5,   2,   "\0\1\0\0\1a\0\3b/#"),
    A("a user property",                   UNSUBSCRIBE, V5,   2,   "\0\1\7\x26\0\1k\0\1v\0\1a"),
    A("3.1.1",                             UNSUBSCRIBE, V311, 2,   "\0\1\0\1a"),
    A("3.1, again",                        UNSUBSCRIBE, V31,  0xa, "\0\1\0\1a"),
    A("reasons",                           SUBACK,      V5,   0,   "\0\1\0\0\1\2\x80\xa2"),
    A("a reason string",                   SUBACK,      V5,   0,   "\0\1\5\x1f\0\2no\x87"),
    A("codes of 3.1.1",                    SUBACK,      V311, 0,   "\0\1\0\1\2\x80"),
    A("reasons",                           UNSUBACK,    V5,   0,   "\0\1\0\0\x11\x8f"),
    A("3.1.1",                             UNSUBACK,    V311, 0,   "\0\1"),
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

static void as_many_filters_as_fit_are_read_and_no_more(void **state)
{
    static union any p;
    struct buf subscribe = {0};
    struct buf unsubscribe = {0};
    struct buf suback = {0};

    (void)state;
    buf_add(&subscribe, BYTES("\0\1\0"));
    buf_add(&unsubscribe, BYTES("\0\1\0"));
    buf_add(&suback, BYTES("\0\1\0"));
    for (unsigned i = 0; i < WIRE_FILTERS_MAX; i++) {
        buf_add(&subscribe, BYTES("\0\1f\1"));
        buf_add(&unsubscribe, BYTES("\0\1f"));
        buf_add(&suback, BYTES("\1"));
    }
    assert_int_equal(wire_decode_subscribe(2, buf_view(&subscribe), WIRE_V5, &p.subscribe),
                     WIRE_OK);
    assert_int_equal(p.subscribe.n, WIRE_FILTERS_MAX);
    assert_int_equal(p.subscribe.at[WIRE_FILTERS_MAX - 1].qos, 1);
    assert_int_equal(wire_decode_unsubscribe(2, buf_view(&unsubscribe), WIRE_V5, &p.unsubscribe),
                     WIRE_OK);
    assert_int_equal(p.unsubscribe.n, WIRE_FILTERS_MAX);
    assert_int_equal(wire_decode_suback(WIRE_SUBACK, 0, buf_view(&suback), WIRE_V5, &p.suback),
                     WIRE_OK);
    assert_int_equal(p.suback.n, WIRE_FILTERS_MAX);

    buf_add(&subscribe, BYTES("\0\1f\1"));
    buf_add(&unsubscribe, BYTES("\0\1f"));
    buf_add(&suback, BYTES("\1"));
    assert_int_equal(wire_decode_subscribe(2, buf_view(&subscribe), WIRE_V5, &p.subscribe),
                     WIRE_E_QUOTA);
    assert_int_equal(wire_decode_unsubscribe(2, buf_view(&unsubscribe), WIRE_V5, &p.unsubscribe),
                     WIRE_E_QUOTA);
    assert_int_equal(wire_decode_suback(WIRE_SUBACK, 0, buf_view(&suback), WIRE_V5, &p.suback),
                     WIRE_E_QUOTA);
    buf_done(&subscribe);
    buf_done(&unsubscribe);
    buf_done(&suback);
}

static void each_field_of_a_subscription_comes_back(void **state)
{
    static union any p;
    struct buf user = {0};

    (void)state;
    wire_user_add(&user, BYTES("k"), BYTES("v"));
    memset(&p, 0, sizeof(p));
    p.subscribe.packet_id = 7;
    p.subscribe.n = 2 * 2 * 3 * 3;
    for (size_t i = 0; i < p.subscribe.n; i++) {
        p.subscribe.at[i] = (struct wire_subscription){
            .filter = i & 1 ? BYTES("a/+/#") : BYTES("b"),
            .no_local = i & 1,
            .retain_as_published = i & 2,
            .qos = (uint8_t)(i / 4 % 3),
            .retain_handling = (uint8_t)(i / 12),
        };
    }
    round_trip(WIRE_SUBSCRIBE, &p, WIRE_V5);

    p.subscribe.subscription_id = 300;
    p.subscribe.props = (struct wire_props){
        .set = BIT64(PROP_SUBSCRIPTION_ID) | BIT64(PROP_USER),
        .subscription_ids = {300},
        .n_subscription_ids = 1,
        .user = buf_view(&user),
    };
    round_trip(WIRE_SUBSCRIBE, &p, WIRE_V5);
    buf_done(&user);
}

static void the_identifier_beside_the_properties_is_the_one_that_is_sent(void **state)
{
    static union any p;
    struct buf out = {0};

    (void)state;
    memset(&p, 0, sizeof(p));
    p.subscribe.packet_id = 1;
    p.subscribe.n = 1;
    p.subscribe.at[0].filter = BYTES("a");
    p.subscribe.subscription_id = 5;
    wire_encode_subscribe(&out, &p.subscribe, WIRE_V5);
    assert_true(bytes_equal(buf_view(&out), BYTES("\x82\x09\0\1\2\x0b\5\0\1a\0")));

    out.len = 0;
    p.subscribe.subscription_id = 0;
    p.subscribe.props.set = BIT64(PROP_SUBSCRIPTION_ID);
    p.subscribe.props.subscription_ids[0] = 6;
    wire_encode_subscribe(&out, &p.subscribe, WIRE_V5);
    assert_true(bytes_equal(buf_view(&out), BYTES("\x82\7\0\1\0\0\1a\0")));
    buf_done(&out);
}

static void an_old_client_is_told_of_each_failure_alike(void **state)
{
    static struct wire_suback p = {
        .packet_id = 1, .n = 3, .reason = {1, REASON_NOT_AUTHORIZED, REASON_BANNED}};
    struct buf out = {0};

    (void)state;
    wire_encode_suback(&out, WIRE_SUBACK, &p, WIRE_V311);
    assert_true(bytes_equal(buf_view(&out), BYTES("\x90\5\0\1\1\x80\x80")));
    out.len = 0;
    wire_encode_suback(&out, WIRE_UNSUBACK, &p, WIRE_V311);
    assert_true(bytes_equal(buf_view(&out), BYTES("\xb0\2\0\1")));
    out.len = 0;
    wire_encode_suback(&out, WIRE_SUBACK, &p, WIRE_V5);
    assert_true(bytes_equal(buf_view(&out), BYTES("\x90\6\0\1\0\1\x87\x80")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_rule_is_named_and_nothing_is_written),
        cmocka_unit_test(what_the_standards_allow_is_read_and_comes_back),
        cmocka_unit_test(as_many_filters_as_fit_are_read_and_no_more),
        cmocka_unit_test(each_field_of_a_subscription_comes_back),
        cmocka_unit_test(the_identifier_beside_the_properties_is_the_one_that_is_sent),
        cmocka_unit_test(an_old_client_is_told_of_each_failure_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
