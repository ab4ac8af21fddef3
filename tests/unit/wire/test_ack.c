/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

/* clang-format off */
static const struct refusal refusals[] = {
    {"[MQTT5-2.1.3-1] flags of PUBACK",     WIRE_E_MALFORMED, WIRE_PUBACK,  WIRE_V5,   2, BYTES("\0\1")},
    {"[MQTT3-2.2.2-2] flags of PUBREC",     WIRE_E_MALFORMED, WIRE_PUBREC,  WIRE_V311, 8, BYTES("\0\1")},
    {"flags of PUBACK, 3.1",                WIRE_E_MALFORMED, WIRE_PUBACK,  WIRE_V31,  8, BYTES("\0\1")},
    {"[MQTT5-3.6.1-1] flags of PUBREL",     WIRE_E_MALFORMED, WIRE_PUBREL,  WIRE_V5,   0, BYTES("\0\1")},
    {"[MQTT3-3.6.1-1] PUBREL is no DUP",    WIRE_E_MALFORMED, WIRE_PUBREL,  WIRE_V311, 0xa, BYTES("\0\1")},
    {"flags of PUBREL, 3.1",                WIRE_E_MALFORMED, WIRE_PUBREL,  WIRE_V31,  4, BYTES("\0\1")},
    {"flags of PUBCOMP",                    WIRE_E_MALFORMED, WIRE_PUBCOMP, WIRE_V5,   2, BYTES("\0\1")},
    {"packet id zero",                      WIRE_E_PROTOCOL,  WIRE_PUBACK,  WIRE_V5,   0, BYTES("\0\0")},
    {"packet id zero, 3.1.1",               WIRE_E_PROTOCOL,  WIRE_PUBCOMP, WIRE_V311, 0, BYTES("\0\0")},
    {"empty",                               WIRE_E_MALFORMED, WIRE_PUBACK,  WIRE_V5,   0, BYTES("")},
    {"half a packet id",                    WIRE_E_MALFORMED, WIRE_PUBACK,  WIRE_V311, 0, BYTES("\1")},
    {"a reason in 3.1.1",                   WIRE_E_MALFORMED, WIRE_PUBACK,  WIRE_V311, 0, BYTES("\0\1\0")},
    {"[MQTT5-3.4.2-1] reason of SUBACK",    WIRE_E_PROTOCOL,  WIRE_PUBACK,  WIRE_V5,   0, BYTES("\0\1\1")},
    {"[MQTT5-3.4.2-1] reason of PUBREL",    WIRE_E_PROTOCOL,  WIRE_PUBACK,  WIRE_V5,   0, BYTES("\0\1\x92")},
    {"[MQTT5-3.5.2-1] no such reason",      WIRE_E_PROTOCOL,  WIRE_PUBREC,  WIRE_V5,   0, BYTES("\0\1\xff")},
    {"[MQTT5-3.6.2-1] reason of PUBACK",    WIRE_E_PROTOCOL,  WIRE_PUBREL,  WIRE_V5,   2, BYTES("\0\1\x10")},
    {"[MQTT5-3.7.2-1] reason of PUBACK",    WIRE_E_PROTOCOL,  WIRE_PUBCOMP, WIRE_V5,   0, BYTES("\0\1\x87\0")},
    {"bytes behind the properties",         WIRE_E_MALFORMED, WIRE_PUBACK,  WIRE_V5,   0, BYTES("\0\1\0\0\0")},
    {"properties longer than the packet",   WIRE_E_MALFORMED, WIRE_PUBACK,  WIRE_V5,   0, BYTES("\0\1\0\1")},
    {"reason string twice",                 WIRE_E_PROTOCOL,  WIRE_PUBREC,  WIRE_V5,   0, BYTES("\0\1\0\6\x1f\0\0\x1f\0\0")},
    {"reason string is not text",           WIRE_E_MALFORMED, WIRE_PUBREC,  WIRE_V5,   0, BYTES("\0\1\0\4\x1f\0\1\xff")},
    {"[MQTT5-1.5.7-1] name is not text",    WIRE_E_MALFORMED, WIRE_PUBREC,  WIRE_V5,   0, BYTES("\0\1\0\6\x26\0\1\xff\0\0")},
    {"[MQTT5-1.5.7-1] value is not text",   WIRE_E_MALFORMED, WIRE_PUBREC,  WIRE_V5,   0, BYTES("\0\1\0\6\x26\0\0\0\1\0")},
};

static const struct packet accepted[] = {
    {"the packet id alone",                 WIRE_PUBACK,  WIRE_V5,   0, BYTES("\1\0")},
    {"a reason without properties",         WIRE_PUBACK,  WIRE_V5,   0, BYTES("\0\1\x10")},
    {"success and an empty block",          WIRE_PUBREC,  WIRE_V5,   0, BYTES("\0\1\0\0")},
    {"a reason and an empty block",         WIRE_PUBREC,  WIRE_V5,   0, BYTES("\0\1\x97\0")},
    {"a reason string",                     WIRE_PUBREL,  WIRE_V5,   2, BYTES("\0\1\x92\5\x1f\0\2no")},
    {"user properties",                     WIRE_PUBCOMP, WIRE_V5,   0, BYTES("\0\1\0\x0d\x26\0\1a\0\1b\x26\0\1a\0\0")},
    {"3.1.1",                               WIRE_PUBREL,  WIRE_V311, 2, BYTES("\xff\xff")},
    {"3.1, again",                          WIRE_PUBREL,  WIRE_V31,  0xa, BYTES("\0\1")},
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
