/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_names.c - texts, and which packet may carry which reason */
#include "cases.h"

static void each_type_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(wire_type_name(WIRE_CONNECT), "CONNECT");
    assert_string_equal(wire_type_name(WIRE_PUBCOMP), "PUBCOMP");
    assert_string_equal(wire_type_name(WIRE_AUTH), "AUTH");
    assert_string_equal(wire_type_name((enum wire_type)0), "unknown");
    assert_string_equal(wire_type_name((enum wire_type)16), "unknown");
}

static void each_reason_of_the_standard_has_its_text_and_a_packet(void **state)
{
    unsigned n = 0;

    (void)state;
    for (unsigned reason = 0; reason <= 0xff; reason++) {
        bool known = strcmp(wire_reason_text((uint8_t)reason), "unknown reason") != 0;
        bool carried = false;

        for (enum wire_type type = WIRE_CONNECT; type <= WIRE_AUTH; type++)
            carried |= wire_reason_allowed(type, (uint8_t)reason);
        assert_int_equal(known, carried);
        n += known;
    }
    assert_int_equal(n, 43); /* table 2-6, where 0x00 has three names */
    assert_string_equal(wire_reason_text(0x8e), "Session taken over");
}

/* How many reasons each packet has, by its own table in chapter 3; for DISCONNECT with 0x8c, which
 * only table 2-6 gives it. */
static void each_packet_has_as_many_reasons_as_its_table(void **state)
{
    static const struct {
        enum wire_type type;
        unsigned n;
    } tables[] = {
        {WIRE_CONNECT, 0},  {WIRE_CONNACK, 22},    {WIRE_PUBLISH, 0},  {WIRE_PUBACK, 9},
        {WIRE_PUBREC, 9},   {WIRE_PUBREL, 2},      {WIRE_PUBCOMP, 2},  {WIRE_SUBSCRIBE, 0},
        {WIRE_SUBACK, 12},  {WIRE_UNSUBSCRIBE, 0}, {WIRE_UNSUBACK, 7}, {WIRE_PINGREQ, 0},
        {WIRE_PINGRESP, 0}, {WIRE_DISCONNECT, 30}, {WIRE_AUTH, 3},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        unsigned n = 0;

        for (unsigned reason = 0; reason <= 0xff; reason++)
            n += wire_reason_allowed(tables[i].type, (uint8_t)reason);
        print_message("  %s\n", wire_type_name(tables[i].type));
        assert_int_equal(n, tables[i].n);
    }
}

static void each_outcome_can_be_told_in_a_disconnect_or_a_connack(void **state)
{
    static const enum wire_outcome outcomes[] = {
#define X(name, reason, text) WIRE_##name,
        WIRE_OUTCOMES(X)
#undef X
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        uint8_t reason = wire_outcome_reason(outcomes[i]);

        assert_true(strlen(wire_outcome_text(outcomes[i])) > 0);
        assert_true(wire_reason_allowed(WIRE_DISCONNECT, reason) ||
                    wire_reason_allowed(WIRE_CONNACK, reason));
    }
    assert_int_equal(wire_outcome_reason(WIRE_E_MALFORMED), REASON_MALFORMED_PACKET);
}

static void return_codes_of_3_1_1_are_among_six(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason <= 0xff; reason++)
        assert_in_range(wire_connack_code_v311((uint8_t)reason), reason == 0 ? 0 : 1, 5);
    assert_int_equal(wire_connack_code_v311(REASON_SUCCESS), 0);
    assert_int_equal(wire_connack_code_v311(REASON_SERVER_UNAVAILABLE), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_has_its_name),
        cmocka_unit_test(each_reason_of_the_standard_has_its_text_and_a_packet),
        cmocka_unit_test(each_packet_has_as_many_reasons_as_its_table),
        cmocka_unit_test(each_outcome_can_be_told_in_a_disconnect_or_a_connack),
        cmocka_unit_test(return_codes_of_3_1_1_are_among_six),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
