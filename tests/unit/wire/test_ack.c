/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_ack.c - PUBACK, PUBREC, PUBREL and PUBCOMP */
#include "cases.h"

/* clang-format off */
static const struct refusal refusals[] = {
    R("[MQTT5-2.1.3-1] flags of PUBACK",   E_MALFORMED, PUBACK,  V5,   2,   "\0\1"),
    R("[MQTT3-2.2.2-2] flags of PUBREC",   E_MALFORMED, PUBREC,  V311, 8,   "\0\1"),
    R("[MQTT5-3.6.1-1] flags of PUBREL",   E_MALFORMED, PUBREL,  V5,   0,   "\0\1"),
    R("[MQTT3-3.6.1-1] PUBREL is no DUP",  E_MALFORMED, PUBREL,  V311, 0xa, "\0\1"),
    R("flags of PUBCOMP",                  E_MALFORMED, PUBCOMP, V5,   2,   "\0\1"),
    R("packet id zero",                    E_PACKET_ID, PUBACK,  V5,   0,   "\0\0"),
    R("packet id zero, 3.1.1",             E_PACKET_ID, PUBCOMP, V311, 0,   "\0\0"),
    R("empty",                             E_MALFORMED, PUBACK,  V5,   0,   ""),
    R("half a packet id",                  E_MALFORMED, PUBACK,  V311, 0,   "\1"),
    R("a reason in 3.1.1",                 E_MALFORMED, PUBACK,  V311, 0,   "\0\1\0"),
    R("[MQTT5-3.4.2-1] reason of SUBACK",  E_PROTOCOL,  PUBACK,  V5,   0,   "\0\1\1"),
    R("[MQTT5-3.4.2-1] reason of PUBREL",  E_PROTOCOL,  PUBACK,  V5,   0,   "\0\1\x92"),
    R("[MQTT5-3.5.2-1] no such reason",    E_PROTOCOL,  PUBREC,  V5,   0,   "\0\1\xff"),
    R("[MQTT5-3.6.2-1] reason of PUBACK",  E_PROTOCOL,  PUBREL,  V5,   2,   "\0\1\x10"),
    R("[MQTT5-3.7.2-1] reason of PUBACK",  E_PROTOCOL,  PUBCOMP, V5,   0,   "\0\1\x87\0"),
    R("bytes behind the properties",       E_MALFORMED, PUBACK,  V5,   0,   "\0\1\0\0\0"),
    R("properties longer than the packet", E_MALFORMED, PUBACK,  V5,   0,   "\0\1\0\1"),
    R("reason string twice", E_PROTOCOL, PUBREC, V5, 0, "\0\1\0\6\x1f\0\0\x1f\0\0"),
    R("reason string is not text",         E_MALFORMED, PUBREC,  V5,   0,   "\0\1\0\4\x1f\0\1\xff"),
    R("[MQTT5-1.5.7-1] name is not text", E_MALFORMED, PUBREC, V5, 0, "\0\1\0\6\x26\0\1\xff\0\0"),
    R("[MQTT5-1.5.7-1] value is not text", E_MALFORMED, PUBREC, V5, 0, "\0\1\0\6\x26\0\0\0\1\0"),
};

static const struct packet accepted[] = {
    A("the packet id alone",         PUBACK,  V5,   0,   "\1\0"),
    A("a reason without properties", PUBACK,  V5,   0,   "\0\1\x10"),
    A("success and an empty block",  PUBREC,  V5,   0,   "\0\1\0\0"),
    A("a reason and an empty block", PUBREC,  V5,   0,   "\0\1\x97\0"),
    A("a reason string",             PUBREL,  V5,   2,   "\0\1\x92\5\x1f\0\2no"),
    A("user properties",             PUBCOMP, V5,   0,   "\0\1\0\x0d\x26\0\1a\0\1b\x26\0\1a\0\0"),
    A("3.1.1",                       PUBREL,  V311, 2,   "\xff\xff"),
    A("3.1, again",                  PUBREL,  V31,  0xa, "\0\1"),
    A("3.1, flags of no use",        PUBACK,  V31,  0xf, "\0\1"),
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

static void each_of_the_four_comes_back_with_each_of_its_reasons(void **state)
{
    static union any p;
    struct buf user = {0};

    (void)state;
    wire_user_add(&user, BYTES("k"), BYTES("v"));
    for (enum wire_type type = WIRE_PUBACK; type <= WIRE_PUBCOMP; type++) {
        for (unsigned reason = 0; reason <= 0xff; reason++) {
            if (!wire_reason_allowed(type, (uint8_t)reason))
                continue;
            p.ack = (struct wire_ack){.packet_id = 0xfffe, .reason = (uint8_t)reason};
            round_trip(type, &p, WIRE_V5);
            p.ack.props.set = BIT64(PROP_REASON_STRING) | BIT64(PROP_USER);
            p.ack.props.reason_string = BYTES("because");
            p.ack.props.user = buf_view(&user);
            round_trip(type, &p, WIRE_V5);
        }
        p.ack = (struct wire_ack){.packet_id = 1};
        round_trip(type, &p, WIRE_V311);
        round_trip(type, &p, WIRE_V31);
    }
    buf_done(&user);
}

static void the_shortest_form_is_written(void **state)
{
    static const struct {
        struct wire_ack ack;
        enum wire_type type;
        enum wire_level level;
        struct bytes out;
    } cases[] = {
        {{.packet_id = 1}, WIRE_PUBACK, WIRE_V5, BYTES("\x40\2\0\1")},
        {{.packet_id = 1, .reason = 0x10}, WIRE_PUBREC, WIRE_V5, BYTES("\x50\3\0\1\x10")},
        {{.packet_id = 1}, WIRE_PUBREL, WIRE_V311, BYTES("\x62\2\0\1")},
        {{.packet_id = 1, .reason = 0x87}, WIRE_PUBACK, WIRE_V311, BYTES("\x40\2\0\1")},
        {{.packet_id = 1, .reason = 0x97}, WIRE_PUBCOMP, WIRE_V5, BYTES("\x70\3\0\1\x92")},
        {{.packet_id = 1, .reason = 0x8b}, WIRE_PUBACK, WIRE_V5, BYTES("\x40\3\0\1\x80")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = {0};

        wire_encode_ack(&out, cases[i].type, &cases[i].ack, cases[i].level);
        assert_true(bytes_equal(buf_view(&out), cases[i].out));
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_rule_is_named_and_nothing_is_written),
        cmocka_unit_test(what_the_standards_allow_is_read_and_comes_back),
        cmocka_unit_test(each_of_the_four_comes_back_with_each_of_its_reasons),
        cmocka_unit_test(the_shortest_form_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
