/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include "base/clock.h"

static void a_quiet_client_may_send_what_five_seconds_are_worth(void **state)
{
    struct quota q = {0};
    uint64_t now_ns = 77 * NS_PER_S;

    (void)state;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(quota_take(&q, 10, now_ns), 0);
    assert_int_equal(quota_take(&q, 10, now_ns), NS_PER_S / 10);
    assert_int_equal(quota_take(&q, 10, now_ns), NS_PER_S / 10); /* a refusal takes nothing */
    assert_int_equal(quota_take(&q, 10, now_ns + NS_PER_S / 10 - 1), 1);
    assert_int_equal(quota_take(&q, 10, now_ns + NS_PER_S / 10), 0);
    assert_int_equal(quota_take(&q, 10, now_ns + NS_PER_S / 10), NS_PER_S / 10);
}

static void waiting_as_told_is_enough(void **state)
{
    static const uint64_t rates[] = {1, 3, 7, 1000, 99999, 100000000};

    (void)state;
    for (size_t r = 0; r < COUNT_OF(rates); r++) {
        struct quota q = {0};
        uint64_t now_ns = 1;

        for (unsigned i = 0; i < 20000; i++) {
            uint64_t wait_ns = quota_take(&q, rates[r], now_ns);

            if (wait_ns > 0) {
                now_ns += wait_ns;
                assert_int_equal(quota_take(&q, rates[r], now_ns), 0);
            }
        }
    }
}

/* Who always sends as soon as it may gets the rate, and not more than 5 s of it ahead. */
static void over_a_minute_the_rate_holds(void **state)
{
    static const uint64_t rates[] = {1, 3, 10, 999};

    (void)state;
    for (size_t r = 0; r < COUNT_OF(rates); r++) {
        struct quota q = {0};
        uint64_t n = 0;

        for (uint64_t now_ns = 0; now_ns < 60 * NS_PER_S;) {
            uint64_t wait_ns = quota_take(&q, rates[r], now_ns);

            n += wait_ns == 0;
            now_ns += wait_ns;
        }
        assert_in_range(n, 65 * rates[r] - 1, 65 * rates[r] + 1);
    }
}

static void silence_saves_up_no_more_than_five_seconds(void **state)
{
    struct quota q = {0};
    uint64_t now_ns = NS_PER_S;
    unsigned n = 0;

    (void)state;
    while (quota_take(&q, 2, now_ns) == 0)
        n++;
    assert_int_equal(n, 10);
    now_ns += 3600 * NS_PER_S;
    n = 0;
    while (quota_take(&q, 2, now_ns) == 0)
        n++;
    assert_int_equal(n, 10);
}

static void a_new_rate_counts_from_now_on(void **state)
{
    struct quota q = {0};

    (void)state;
    while (quota_take(&q, 1000, 0) == 0)
        ;
    assert_int_equal(quota_take(&q, 1, 0), NS_PER_S);
    assert_int_equal(quota_take(&q, 1, NS_PER_S), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_client_may_send_what_five_seconds_are_worth),
        cmocka_unit_test(waiting_as_told_is_enough),
        cmocka_unit_test(over_a_minute_the_rate_holds),
        cmocka_unit_test(silence_saves_up_no_more_than_five_seconds),
        cmocka_unit_test(a_new_rate_counts_from_now_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
