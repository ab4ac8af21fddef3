/* SPDX-License-Identifier: Apache-2.0 */
#include "cases.h"

/* clang-format off */
static const struct refusal refusals[] = {
    {"[MQTT5-2.1.3-1] flags of PINGREQ",        WIRE_E_MALFORMED, WIRE_PINGREQ,    WIRE_V5,   1, BYTES("")},
    {"[MQTT3-2.2.2-2] flags of PINGRESP",       WIRE_E_MALFORMED, WIRE_PINGRESP,   WIRE_V311, 8, BYTES("")},
    {"a body of PINGREQ",                       WIRE_E_MALFORMED, WIRE_PINGREQ,    WIRE_V5,   0, BYTES("\0")},
    {"[MQTT5-3.14.1-1] flags of DISCONNECT",    WIRE_E_MALFORMED, WIRE_DISCONNECT, WIRE_V5,   1, BYTES("")},
    {"[MQTT3-3.14.1-1] flags of DISCONNECT",    WIRE_E_MALFORMED, WIRE_DISCONNECT, WIRE_V311, 2, BYTES("")},
    {"a body of DISCONNECT in 3.1.1",           WIRE_E_MALFORMED, WIRE_DISCONNECT, WIRE_V311, 0, BYTES("\0")},
    {"[MQTT5-3.14.2-1] reason of CONNACK",      WIRE_E_PROTOCOL,  WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\x8a")},
    {"[MQTT5-3.14.2-1] no such reason",         WIRE_E_PROTOCOL,  WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\3\0")},
    {"a property of CONNECT",                   WIRE_E_MALFORMED, WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\0\3\x21\0\1")},
    {"session expiry twice",                    WIRE_E_PROTOCOL,  WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\0\x0a\x11\0\0\0\1\x11\0\0\0\1")},
    {"bytes behind the end",                    WIRE_E_MALFORMED, WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\0\0\0")},
    {"properties longer than the packet",       WIRE_E_MALFORMED, WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\0\5\x11")},
    {"[MQTT5-3.15.1-1] flags of AUTH",          WIRE_E_MALFORMED, WIRE_AUTH,       WIRE_V5,   1, BYTES("\x18\4\x15\0\1m")},
    {"AUTH in 3.1.1",                           WIRE_E_MALFORMED, WIRE_AUTH,       WIRE_V311, 0, BYTES("")},
    {"AUTH in 3.1",                             WIRE_E_MALFORMED, WIRE_AUTH,       WIRE_V31,  0, BYTES("")},
    {"[MQTT5-3.15.2-1] reason of DISCONNECT",   WIRE_E_PROTOCOL,  WIRE_AUTH,       WIRE_V5,   0, BYTES("\x87\4\x15\0\1m")},
    {"AUTH without a method",                   WIRE_E_PROTOCOL,  WIRE_AUTH,       WIRE_V5,   0, BYTES("\x18\0")},
    {"AUTH without a property length",          WIRE_E_MALFORMED, WIRE_AUTH,       WIRE_V5,   0, BYTES("\x18")},
    {"AUTH with two methods",                   WIRE_E_PROTOCOL,  WIRE_AUTH,       WIRE_V5,   0, BYTES("\x18\x08\x15\0\1m\x15\0\1m")},
};

static const struct packet accepted[] = {
    {"PINGREQ",                     WIRE_PINGREQ,    WIRE_V5,   0, BYTES("")},
    {"PINGRESP",                    WIRE_PINGRESP,   WIRE_V31,  0, BYTES("")},
    {"DISCONNECT, nothing in it",   WIRE_DISCONNECT, WIRE_V5,   0, BYTES("")},
    {"DISCONNECT, 3.1.1",           WIRE_DISCONNECT, WIRE_V311, 0, BYTES("")},
    {"DISCONNECT, with a Will",     WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\4")},
    {"DISCONNECT, success",         WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\0\0")},
    {"DISCONNECT, properties",      WIRE_DISCONNECT, WIRE_V5,   0, BYTES("\0\5\x11\xff\xff\xff\xff")},
    {"AUTH, nothing in it",         WIRE_AUTH,       WIRE_V5,   0, BYTES("")},
    {"AUTH, success",               WIRE_AUTH,       WIRE_V5,   0, BYTES("\0\4\x15\0\1m")},
    {"AUTH, continue",              WIRE_AUTH,       WIRE_V5,   0, BYTES("\x18\x08\x15\0\1m\x16\0\1d")},
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
