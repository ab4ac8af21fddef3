/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/protect/test_acquaintances.c - who was let in lately; MQ.RS.RP-03 */
#include <stdio.h>

#include "gate.h"

#define ADDRESS BYTES("192.0.2.1")

static struct bytes id_of(char ret[32], const char *kind, unsigned i)
{
    snprintf(ret, 32, "%s-%u", kind, i);
    return bytes_str(ret);
}

static void add(struct acquaintances *a, const char *kind, unsigned from, unsigned to)
{
    char id[32];

    for (unsigned i = from; i < to; i++)
        acquaintances_add(a, ADDRESS, id_of(id, kind, i));
}

static unsigned known(const struct acquaintances *a, const char *kind, unsigned from, unsigned to)
{
    char id[32];
    unsigned n = 0;

    for (unsigned i = from; i < to; i++)
        n += acquaintances_have(a, ADDRESS, id_of(id, kind, i));
    return n;
}

static void who_was_let_in_is_known_from_there_and_not_from_elsewhere(void **state)
{
    struct acquaintances *a = acquaintances_new();

    (void)state;
    assert_false(acquaintances_have(a, ADDRESS, BYTES("pump")));
    acquaintances_add(a, ADDRESS, BYTES("pump"));
    assert_true(acquaintances_have(a, ADDRESS, BYTES("pump")));
    assert_false(acquaintances_have(a, BYTES("192.0.2.2"), BYTES("pump")));
    assert_false(acquaintances_have(a, ADDRESS, BYTES("pump2")));
    acquaintances_free(a);
}

static void however_many_were_let_in_strangers_are_strangers_and_the_last_are_known(void **state)
{
    const unsigned n = 5 * ACQUAINTANCES_MAX;
    struct acquaintances *a = acquaintances_new();

    (void)state;
    add(a, "device", 0, n);
    assert_in_range(known(a, "stranger", 0, 10000), 0, 100);
    assert_int_equal(known(a, "device", n - ACQUAINTANCES_MAX, n), ACQUAINTANCES_MAX);
    acquaintances_free(a);
}

static void who_comes_again_stays_known_and_does_not_push_out_others(void **state)
{
    struct acquaintances *a = acquaintances_new();

    (void)state;
    add(a, "quiet", 0, 1000);
    for (unsigned i = 0; i < 5 * ACQUAINTANCES_MAX / 1000; i++)
        add(a, "again", 0, 1000);
    assert_int_equal(known(a, "quiet", 0, 1000), 1000);
    for (unsigned i = 0; i < 5; i++) {
        add(a, "device", i * ACQUAINTANCES_MAX, (i + 1) * ACQUAINTANCES_MAX - 2000);
        add(a, "again", 0, 1000);
    }
    assert_int_equal(known(a, "again", 0, 1000), 1000);
    assert_in_range(known(a, "quiet", 0, 1000), 0, 10);
    acquaintances_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_let_in_is_known_from_there_and_not_from_elsewhere),
        cmocka_unit_test(however_many_were_let_in_strangers_are_strangers_and_the_last_are_known),
        cmocka_unit_test(who_comes_again_stays_known_and_does_not_push_out_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
