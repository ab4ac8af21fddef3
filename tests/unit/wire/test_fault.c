/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_fault.c - what is said of a packet that is not decoded */
#include "cases.h"

#define V4_HEAD "\0\4MQTT\4\2\0\0"
/* Up to the Client Identifier, properties left to the row. */
#define V5_HEAD      "\0\4MQTT\5\2\0\0"
#define V5_WILL_HEAD "\0\4MQTT\5\6\0\0\0\0\1c"

/* clang-format off */
static const struct said {
    const char *text;
    enum wire_type type;
    enum wire_level level;
    uint8_t flags;
    struct bytes body;
} said[] = {
#define S(text, type, level, flags, body) {text, WIRE_##type, WIRE_##level, flags, BYTES(body)}
    /* properties */
    S("Topic Alias is 0 in PUBLISH",                            PUBLISH, V5, 0, "\0\1a\3\x23\0\0"),
    S("Topic Alias stands twice in PUBLISH",                    PUBLISH, V5, 0, "\0\1a\6\x23\0\1\x23\0\1"),
    S("Payload Format Indicator is neither 0 nor 1 in PUBLISH", PUBLISH, V5, 0, "\0\1a\2\1\2"),
    S("Content Type is no valid UTF-8 in PUBLISH",              PUBLISH, V5, 0, "\0\1a\4\3\0\1\0"),
    S("Response Topic is empty or has a wildcard in PUBLISH",   PUBLISH, V5, 0, "\0\1a\4\x08\0\1#"),
    S("Receive Maximum may not stand in PUBLISH",               PUBLISH, V5, 0, "\0\1a\3\x21\0\1"),
    S("a property with an unknown identifier in PUBLISH",       PUBLISH, V5, 0, "\0\1a\2\x7f\1"),
    S("Receive Maximum is 0 in CONNECT",                        CONNECT, V5, 0, V5_HEAD "\3\x21\0\0\0\1c"),
    S("Maximum Packet Size is 0 in CONNECT",                    CONNECT, V5, 0, V5_HEAD "\5\x27\0\0\0\0\0\1c"),
    S("Request Problem Information is neither 0 nor 1 in CONNECT",  CONNECT, V5, 0, V5_HEAD "\2\x17\2\0\1c"),
    S("Request Response Information is neither 0 nor 1 in CONNECT", CONNECT, V5, 0, V5_HEAD "\2\x19\2\0\1c"),
    S("Session Expiry Interval stands twice in CONNECT",        CONNECT, V5, 0,
      V5_HEAD "\x0a\x11\0\0\0\0\x11\0\0\0\0\0\1c"),
    S("Authentication Data without Authentication Method in CONNECT", CONNECT, V5, 0, V5_HEAD "\4\x16\0\1x\0\1c"),
    S("Payload Format Indicator of the Will is neither 0 nor 1 in CONNECT", CONNECT, V5, 0,
      V5_WILL_HEAD "\2\1\2\0\1w\0\0"),
    S("Will Delay Interval may not stand in CONNECT",           CONNECT, V5, 0, V5_HEAD "\5\x18\0\0\0\0\0\1c"),
    S("Subscription Identifier is 0 in SUBSCRIBE",              SUBSCRIBE, V5, 2, "\0\1\2\x0b\0\0\1a\0"),
    S("Subscription Identifier stands twice in SUBSCRIBE",      SUBSCRIBE, V5, 2, "\0\1\4\x0b\1\x0b\1\0\1a\0"),
    S("no Authentication Method in AUTH",                       AUTH, V5, 0, "\x18\0"),
    /* fields */
    S("neither a topic name nor a Topic Alias in PUBLISH",      PUBLISH, V5, 0, "\0\0\0"),
    S("a topic name that is empty or has a wildcard in PUBLISH", PUBLISH, V311, 0, "\0\1#"),
    S("a topic name that is no valid UTF-8 in PUBLISH",         PUBLISH, V311, 0, "\0\1\xff"),
    S("a packet identifier of 0 in PUBLISH",                    PUBLISH, V311, 2, "\0\1a\0\0"),
    S("a QoS of 3 in PUBLISH",                                  PUBLISH, V311, 6, "\0\1a\0\1"),
    S("DUP at QoS 0 in PUBLISH",                                PUBLISH, V311, 8, "\0\1a"),
    S("a field that reaches beyond the end in PUBLISH",         PUBLISH, V311, 0, "\0\2a"),
    S("an ill-formed Variable Byte Integer in PUBLISH",         PUBLISH, V5, 0, "\0\1a\x80\0"),
    S("a Reason Code that is none of its own in PUBREC",        PUBREC, V5, 0, "\0\1\x92"),
    S("a Reason Code that is none of its own in PUBREL",        PUBREL, V5, 2, "\0\1\x10"),
    S("a Reason Code that is none of its own in DISCONNECT",    DISCONNECT, V5, 0, "\1"),
    S("reserved flags of the fixed header in PUBREL",           PUBREL, V311, 0, "\0\1"),
    S("bytes behind the last field in PINGREQ",                 PINGREQ, V311, 0, "x"),
    S("no topic filter in SUBSCRIBE",                           SUBSCRIBE, V5, 2, "\0\1\0"),
    S("no topic filter in UNSUBSCRIBE",                         UNSUBSCRIBE, V311, 2, "\0\1"),
    S("Retain Handling of 3 in SUBSCRIBE",                      SUBSCRIBE, V5, 2, "\0\1\0\0\1a\x30"),
    S("No Local on a shared subscription in SUBSCRIBE",         SUBSCRIBE, V5, 2, "\0\1\0\0\x0a$share/g/a\4"),
    S("a QoS of 3 in SUBSCRIBE",                                SUBSCRIBE, V5, 2, "\0\1\0\0\1a\3"),
    S("reserved Subscription Options in SUBSCRIBE",             SUBSCRIBE, V5, 2, "\0\1\0\0\1a\x40"),
    S("a topic filter that is not valid in SUBSCRIBE",          SUBSCRIBE, V5, 2, "\0\1\0\0\2a#\0"),
    S("a topic filter that is no valid UTF-8 in UNSUBSCRIBE",   UNSUBSCRIBE, V5, 2, "\0\1\0\0\1\xff"),
    S("a protocol name or level that is not supported in CONNECT", CONNECT, V5, 0, "\0\4MQTT\6\2\0\0\0\0\1c"),
    S("a Client Identifier that is no valid UTF-8 in CONNECT",  CONNECT, V311, 0, V4_HEAD "\0\1\xff"),
    S("an empty Client Identifier in CONNECT",                  CONNECT, V311, 0, "\0\4MQTT\4\0\0\0\0\0"),
    S("a reserved Connect Flag in CONNECT",                     CONNECT, V311, 0, "\0\4MQTT\4\3\0\0\0\1c"),
    S("bytes behind the last field in CONNECT",                 CONNECT, V311, 0, V4_HEAD "\0\1cx"),
#undef S
};
/* clang-format on */

static void a_broken_rule_is_said_with_what_broke_it_and_where(void **state)
{
    static union any p;
    char text[WIRE_FAULT_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        const struct said *s = &said[i];
        enum wire_outcome outcome = any_decode(s->type, s->flags, s->body, s->level, &p);

        assert_int_not_equal(outcome, WIRE_OK);
        wire_fault_text(outcome, s->type, text);
        assert_string_equal(text, s->text);
    }
}

static void of_several_broken_rules_the_first_is_said(void **state)
{
    static union any p;
    char text[WIRE_FAULT_TEXT_MAX];
    struct bytes body = BYTES("\0\0\x08\x23\0\0\x23\0\1\x7f\1");

    (void)state;
    wire_fault_text(any_decode(WIRE_PUBLISH, 0, body, WIRE_V5, &p), WIRE_PUBLISH, text);
    assert_string_equal(text, "Topic Alias is 0 in PUBLISH");
}

static void an_alias_that_does_not_fit_its_connection_is_said_too(void **state)
{
    struct wire_aliases aliases = {.max = 2};
    struct wire_publish p = {.topic_alias = 3};
    char text[WIRE_FAULT_TEXT_MAX];

    (void)state;
    wire_fault_text(wire_aliases_resolve(&aliases, &p), WIRE_PUBLISH, text);
    assert_string_equal(text, "Topic Alias is above Topic Alias Maximum in PUBLISH");
    p.topic_alias = 2;
    wire_fault_text(wire_aliases_resolve(&aliases, &p), WIRE_PUBLISH, text);
    assert_string_equal(text, "Topic Alias stands for no topic in PUBLISH");
    wire_aliases_done(&aliases);
}

/* An outcome that is not of the packet before it: what it says at any rate. */
static void what_was_given_up_before_is_not_said_of_another_outcome(void **state)
{
    static union any p;
    char text[WIRE_FAULT_TEXT_MAX];

    (void)state;
    assert_int_equal(any_decode(WIRE_PINGREQ, 0, BYTES("x"), WIRE_V311, &p), WIRE_E_MALFORMED);
    wire_fault_text(WIRE_E_QUOTA, WIRE_SUBSCRIBE, text);
    assert_string_equal(text, "more items in one packet than are read here in SUBSCRIBE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_rule_is_said_with_what_broke_it_and_where),
        cmocka_unit_test(of_several_broken_rules_the_first_is_said),
        cmocka_unit_test(an_alias_that_does_not_fit_its_connection_is_said_too),
        cmocka_unit_test(what_was_given_up_before_is_not_said_of_another_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
