/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "respond/canonical.h"

static void addresses_and_serial_numbers_have_one_spelling(void **state)
{
    static const struct {
        enum respond_target kind;
        const char *said;
        const char *target;
    } cases[] = {
        {TARGET_ADDRESS, "::ffff:10.9.9.9", "10.9.9.9"},
        {TARGET_ADDRESS, "2001:0DB8::9", "2001:db8::9"},
        {TARGET_ADDRESS, "10.9.9.9/24", "10.9.9.9/24"}, /* none: it is refused as it was said */
        {TARGET_ADDRESS, "here", "here"},
        {TARGET_CERTIFICATE, "0a1b", "0A1B"},
        {TARGET_CERTIFICATE, "0a:1b:2c", "0A1B2C"},
        {TARGET_CERTIFICATE, "000A1B", "0A1B"},
        {TARGET_CERTIFICATE, "A1B", "0A1B"},
        {TARGET_CERTIFICATE, "000", "0"},
        {TARGET_CERTIFICATE, "", ""},
        {TARGET_CERTIFICATE, ":", ""},
        {TARGET_CERTIFICATE, "no number", "0NO NUMBER"},
        {TARGET_CLIENT, "0a:1b", "0a:1b"},
        {TARGET_USER, "::ffff:10.9.9.9", "::ffff:10.9.9.9"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct canonical c = canonical_of(cases[i].kind, cases[i].said, NULL);

        assert_string_equal(c.target, cases[i].target);
        assert_null(c.address);
        canonical_done(&c);
    }
}

static void the_address_of_a_client_and_the_prefix_of_a_listener_too(void **state)
{
    struct canonical c = canonical_of(TARGET_CLIENT_ADDRESS, "m1", "::ffff:10.9.9.9");
    struct canonical none = canonical_of(TARGET_LISTENER, NULL, "::ffff:10.9.9.0/120");

    (void)state;
    assert_string_equal(c.target, "m1");
    assert_string_equal(c.address, "10.9.9.9");
    assert_null(none.target);
    assert_string_equal(none.address, "10.9.9.0/24");
    canonical_done(&c);
    canonical_done(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_serial_numbers_have_one_spelling),
        cmocka_unit_test(the_address_of_a_client_and_the_prefix_of_a_listener_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
