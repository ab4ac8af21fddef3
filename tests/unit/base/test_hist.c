/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "unit/unit.h"

#include "base/hist.h"
#include "base/mem.h"

#define VALUES 20000

static void an_empty_one_knows_no_quantile(void **state)
{
    struct hist *h = mem_new(struct hist);

    (void)state;
    assert_int_equal(hist_quantile(h, 0), 0);
    assert_int_equal(hist_quantile(h, 0.5), 0);
    assert_int_equal(hist_quantile(h, 1), 0);
    free(h);
}

static void values_below_the_number_of_steps_are_exact(void **state)
{
    struct hist *h = mem_new(struct hist);

    (void)state;
    for (uint64_t v = 1; v <= 100; v++)
        hist_add(h, v);
    assert_int_equal(h->n, 100);
    assert_int_equal(hist_quantile(h, 0), 1);
    assert_int_equal(hist_quantile(h, 0.01), 1);
    assert_int_equal(hist_quantile(h, 0.011), 2);
    assert_int_equal(hist_quantile(h, 0.5), 50);
    assert_int_equal(hist_quantile(h, 0.99), 99);
    assert_int_equal(hist_quantile(h, 1), 100);
    free(h);
}

static void the_ends_of_64_bits_have_a_place(void **state)
{
    static const uint64_t values[] = {0,   1,        HIST_STEPS - 1, HIST_STEPS, HIST_STEPS + 1,
                                      255, 1U << 31, 1ULL << 32,     1ULL << 63, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct hist *h = mem_new(struct hist);

        hist_add(h, values[i]);
        assert_int_equal(hist_quantile(h, 0), values[i]);
        assert_int_equal(hist_quantile(h, 1), values[i]);
        free(h);
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Against sorting: values over many powers of two. */
static void a_quantile_is_never_too_small_and_too_large_by_less_than_a_step(void **state)
{
    static const double quantiles[] = {0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    static uint64_t values[VALUES];
    struct hist *h = mem_new(struct hist);
    uint64_t seed = 7;

    (void)state;
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = noise(&seed) >> (noise(&seed) % 64);
        hist_add(h, values[i]);
    }
    qsort(values, VALUES, sizeof(values[0]), by_value);
    for (size_t i = 0; i < COUNT_OF(quantiles); i++) {
        double rank = quantiles[i] * VALUES;
        size_t at = (size_t)rank + ((double)(size_t)rank < rank);
        uint64_t want = values[at > 0 ? at - 1 : 0];
        uint64_t got = hist_quantile(h, quantiles[i]);

        assert_true(got >= want);
        assert_true(got - want <= want / HIST_STEPS);
    }
    assert_int_equal(hist_quantile(h, 1), values[VALUES - 1]);
    free(h);
}

static void merging_counts_both(void **state)
{
    struct hist *a = mem_new(struct hist);
    struct hist *b = mem_new(struct hist);

    (void)state;
    hist_add(a, 10);
    hist_add(b, 5);
    hist_add(b, 20);
    hist_merge(a, b);
    assert_int_equal(a->n, 3);
    assert_int_equal(hist_quantile(a, 0), 5);
    assert_int_equal(hist_quantile(a, 0.5), 10);
    assert_int_equal(hist_quantile(a, 1), 20);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_knows_no_quantile),
        cmocka_unit_test(values_below_the_number_of_steps_are_exact),
        cmocka_unit_test(the_ends_of_64_bits_have_a_place),
        cmocka_unit_test(a_quantile_is_never_too_small_and_too_large_by_less_than_a_step),
        cmocka_unit_test(merging_counts_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
