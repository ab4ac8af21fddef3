/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/wire/test_control.c - PINGREQ, PINGRESP, DISCONNECT and AUTH */
#include "cases.h"

/* clang-format off */
static const struct refusal refusals[] = {
    R("[MQTT5-2.1.3-1] flags of PINGREQ",      E_MALFORMED, PINGREQ,    V5,   1, ""),
    R("[MQTT3-2.2.2-2] flags of PINGRESP",     E_MALFORMED, PINGRESP,   V311, 8, ""),
    R("a body of PINGREQ",                     E_MALFORMED, PINGREQ,    V5,   0, "\0"),
    R("[MQTT5-3.14.1-1] flags of DISCONNECT",  E_MALFORMED, DISCONNECT, V5,   1, ""),
    R("[MQTT3-3.14.1-1] flags of DISCONNECT",  E_MALFORMED, DISCONNECT, V311, 2, ""),
    R("a body of DISCONNECT in 3.1.1",         E_MALFORMED, DISCONNECT, V311, 0, "\0"),
    R("[MQTT5-3.14.2-1] reason of CONNACK",    E_PROTOCOL,  DISCONNECT, V5,   0, "\x8a"),
    R("[MQTT5-3.14.2-1] no such reason",       E_PROTOCOL,  DISCONNECT, V5,   0, "\3\0"),
    R("a property of CONNECT",                 E_MALFORMED, DISCONNECT, V5,   0, "\0\3\x21\0\1"),
    R("session expiry twice", E_PROTOCOL, DISCONNECT, V5, 0, "\0\x0a\x11\0\0\0\1\x11\0\0\0\1"),
    R("bytes behind the end",                  E_MALFORMED, DISCONNECT, V5,   0, "\0\0\0"),
    R("properties longer than the packet",     E_MALFORMED, DISCONNECT, V5,   0, "\0\5\x11"),
    R("[MQTT5-3.15.1-1] flags of AUTH",        E_MALFORMED, AUTH,       V5,   1, "\x18\4\x15\0\1m"),
    R("AUTH in 3.1.1",                         E_MALFORMED, AUTH,       V311, 0, ""),
    R("AUTH in 3.1",                           E_MALFORMED, AUTH,       V31,  0, ""),
    R("[MQTT5-3.15.2-1] reason of DISCONNECT", E_PROTOCOL,  AUTH,       V5,   0, "\x87\4\x15\0\1m"),
    R("AUTH without a method",                 E_PROTOCOL,  AUTH,       V5,   0, "\x18\0"),
    R("AUTH without a property length",        E_MALFORMED, AUTH,       V5,   0, "\x18"),
    R("AUTH with two methods", E_PROTOCOL, AUTH, V5, 0, "\x18\x08\x15\0\1m\x15\0\1m"),
};

static const struct packet accepted[] = {
    A("PINGREQ",                   PINGREQ,    V5,   0, ""),
    A("PINGRESP",                  PINGRESP,   V31,  0, ""),
    A("DISCONNECT, nothing in it", DISCONNECT, V5,   0, ""),
    A("DISCONNECT, 3.1.1",         DISCONNECT, V311, 0, ""),
    A("DISCONNECT, with a Will",   DISCONNECT, V5,   0, "\4"),
    A("DISCONNECT, success",       DISCONNECT, V5,   0, "\0\0"),
    A("DISCONNECT, properties",    DISCONNECT, V5,   0, "\0\5\x11\xff\xff\xff\xff"),
    A("AUTH, nothing in it",       AUTH,       V5,   0, ""),
    A("AUTH, success",             AUTH,       V5,   0, "\0\4\x15\0\1m"),
    A("AUTH, continue",            AUTH,       V5,   0, "\x18\x08\x15\0\1m\x16\0\1d"),
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

static void each_reason_and_property_of_a_disconnect_comes_back(void **state)
{
    static union any p;
    struct buf user = {0};

    (void)state;
    wire_user_add(&user, BYTES("k"), BYTES("v"));
    for (unsigned reason = 0; reason <= 0xff; reason++) {
        if (!wire_reason_allowed(WIRE_DISCONNECT, (uint8_t)reason))
            continue;
        p.disconnect = (struct wire_disconnect){.reason = (uint8_t)reason};
        round_trip(WIRE_DISCONNECT, &p, WIRE_V5);
        p.disconnect.props = (struct wire_props){
            .set = BIT64(PROP_SESSION_EXPIRY) | BIT64(PROP_REASON_STRING) | BIT64(PROP_USER) |
                   BIT64(PROP_SERVER_REFERENCE),
            .session_expiry_s = 3600,
            .reason_string = BYTES("maintenance"),
            .server_reference = BYTES("other"),
            .user = buf_view(&user),
        };
        round_trip(WIRE_DISCONNECT, &p, WIRE_V5);
    }
    buf_done(&user);
}

static void each_reason_and_property_of_an_auth_comes_back(void **state)
{
    static const uint8_t reasons[] = {REASON_SUCCESS, REASON_CONTINUE_AUTHENTICATION,
                                      REASON_REAUTHENTICATE};
    static union any p;
    struct buf user = {0};

    (void)state;
    wire_user_add(&user, BYTES("k"), BYTES("v"));
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        p.disconnect = (struct wire_disconnect){
            .reason = reasons[i],
            .props = {.set = BIT64(PROP_AUTH_METHOD) | BIT64(PROP_AUTH_DATA) |
                             BIT64(PROP_REASON_STRING) | BIT64(PROP_USER),
                      .auth_method = BYTES("SCRAM-SHA-256"),
                      .auth_data = BYTES("\0data"),
                      .reason_string = BYTES("go on"),
                      .user = buf_view(&user)},
        };
        round_trip(WIRE_AUTH, &p, WIRE_V5);
    }
    buf_done(&user);
}

static void a_reason_that_disconnect_lacks_goes_out_as_unspecified(void **state)
{
    struct wire_disconnect p = {.reason = REASON_BANNED};
    struct buf out = {0};

    (void)state;
    wire_encode_disconnect(&out, WIRE_DISCONNECT, &p, WIRE_V5);
    assert_true(bytes_equal(buf_view(&out), BYTES("\xe0\1\x80")));
    buf_done(&out);
}

static void an_old_client_is_sent_an_empty_disconnect(void **state)
{
    struct wire_disconnect p = {.reason = REASON_SERVER_BUSY,
                                .props = {.set = BIT64(PROP_REASON_STRING)}};
    struct buf out = {0};

    (void)state;
    wire_encode_disconnect(&out, WIRE_DISCONNECT, &p, WIRE_V311);
    assert_true(bytes_equal(buf_view(&out), BYTES("\xe0\0")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_rule_is_named_and_nothing_is_written),
        cmocka_unit_test(what_the_standards_allow_is_read_and_comes_back),
        cmocka_unit_test(each_reason_and_property_of_a_disconnect_comes_back),
        cmocka_unit_test(each_reason_and_property_of_an_auth_comes_back),
        cmocka_unit_test(a_reason_that_disconnect_lacks_goes_out_as_unspecified),
        cmocka_unit_test(an_old_client_is_sent_an_empty_disconnect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
