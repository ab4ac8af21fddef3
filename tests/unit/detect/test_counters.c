/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_counters.c - the primitives against exact counts */
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "detect/counters.h"

#define S 1000000000ULL

static void assert_near(double is, double should_be, double off)
{
    if (fabs(is - should_be) > off)
        fail_msg("%f is not within %f of %f", is, off, should_be);
}

static uint64_t hash_of(unsigned i)
{
    return hash_keyed(bytes_of(&i, sizeof(i)));
}

static void a_window_counts_exactly_while_nothing_is_older(void **state)
{
    struct window w = {0};

    (void)state;
    for (unsigned i = 0; i < 59; i++)
        window_add(&w, 60 * S, 6000 * S + i * S, 1);
    assert_near(window_level(&w, 60 * S, 6059 * S), 59, 0);
    window_add(&w, 60 * S, 6059 * S, 0.25);
    assert_near(window_level(&w, 60 * S, 6059 * S), 59.25, 0);
}

static void a_window_forgets_by_the_share_that_has_passed(void **state)
{
    struct window w = {0};

    (void)state;
    window_add(&w, 60 * S, 6030 * S, 10);
    assert_near(window_level(&w, 60 * S, 6060 * S), 10, 1e-9);
    assert_near(window_level(&w, 60 * S, 6075 * S), 7.5, 1e-9);
    assert_near(window_level(&w, 60 * S, 6119 * S), 10.0 / 60, 1e-6);
    assert_near(window_level(&w, 60 * S, 6120 * S), 0, 0);
    window_add(&w, 60 * S, 6090 * S, 4);
    assert_near(window_level(&w, 60 * S, 6090 * S), 9, 1e-9);
}

/* A steady stream: the level is the rate, within one event and the granularity of the seam. */
static void a_window_over_a_steady_stream_never_strays(void **state)
{
    struct window w = {0};

    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        window_add(&w, 60 * S, 6000 * S + i * 2 * S, 1);
        if (i > 30)
            assert_near(window_level(&w, 60 * S, 6000 * S + i * 2 * S), 30, 1.01);
    }
}

static void late_events_count_and_turn_nothing_back(void **state)
{
    struct window w = {0};
    struct decay d = {0};

    (void)state;
    window_add(&w, 60 * S, 6061 * S, 1);
    window_add(&w, 60 * S, 6059 * S, 1);
    assert_near(window_level(&w, 60 * S, 6061 * S), 2, 0);
    assert_near(window_level(&w, 60 * S, 6059 * S), 2, 0);

    decay_add(&d, 600 * S, 6000 * S, 1);
    decay_add(&d, 600 * S, 5000 * S, 1);
    assert_near(decay_level(&d, 600 * S, 6000 * S), 2, 1e-9);
    assert_near(decay_level(&d, 600 * S, 10 * S), 2, 1e-9);
}

static void what_decays_halves_with_each_half_life(void **state)
{
    struct decay d = {0};

    (void)state;
    decay_add(&d, 600 * S, 1000 * S, 8);
    assert_near(decay_level(&d, 600 * S, 1600 * S), 4, 1e-9);
    assert_near(decay_level(&d, 600 * S, 2800 * S), 1, 1e-9);
    decay_add(&d, 600 * S, 2800 * S, 1);
    assert_near(decay_level(&d, 600 * S, 3400 * S), 1, 1e-9);
}

/* detection: "steady state = 866 s x rate" for a half-life of 600 s. */
static void what_decays_settles_at_rate_times_half_life_over_ln_2(void **state)
{
    struct decay d = {0};

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        decay_add(&d, 600 * S, i * 60 * S, 1);
    assert_near(decay_level(&d, 600 * S, 999 * 60 * S), 600 / log(2) / 60, 0.6);
}

static void linear_counting_is_within_its_error(void **state)
{
    static const struct {
        unsigned n;
        double off;
    } cases[] = {{0, 0}, {1, 0.01}, {5, 1}, {20, 3}, {40, 6}, {64, 10}, {120, 20}, {400, 60}};

    (void)state;
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct linear l = {0};

        for (unsigned i = 0; i < cases[c].n; i++) {
            linear_add(&l, hash_of(i));
            linear_add(&l, hash_of(i));
        }
        assert_near(linear_estimate(&l), cases[c].n, cases[c].off);
    }
}

static void linear_counting_says_at_most_its_maximum(void **state)
{
    struct linear l = {0};

    (void)state;
    for (unsigned i = 0; i < 100000; i++)
        linear_add(&l, hash_of(i));
    assert_near(linear_estimate(&l), LINEAR_MAX, 0);
}

static void the_same_ones_in_two_windows_count_once(void **state)
{
    struct linear_window w = {0};

    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        linear_window_add(&w, 60 * S, 6059 * S, hash_of(i));
        linear_window_add(&w, 60 * S, 6060 * S, hash_of(i));
    }
    assert_near(linear_window_level(&w, 60 * S, 6060 * S), 30, 4);
}

static void different_ones_count_over_the_seam_and_are_forgotten(void **state)
{
    struct linear_window w = {0};

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        linear_window_add(&w, 60 * S, 6050 * S, hash_of(i));
    for (unsigned i = 20; i < 40; i++)
        linear_window_add(&w, 60 * S, 6060 * S, hash_of(i));
    assert_near(linear_window_level(&w, 60 * S, 6060 * S), 40, 6);
    assert_near(linear_window_level(&w, 60 * S, 6090 * S), 30, 5);
    assert_near(linear_window_level(&w, 60 * S, 6150 * S), 10, 3);
    assert_near(linear_window_level(&w, 60 * S, 6180 * S), 0, 0);
}

/* The same ones twice, at these times; the last is one too many, or of the next window. */
static void while_they_are_few_they_are_the_window_that_many_would_be(void **state)
{
    static const struct {
        uint64_t last_s;
        unsigned n;
        bool fits;
    } cases[] = {{6050, 0, true},  {6050, 1, true}, {6050, 2, true}, {6050, 3, false},
                 {6060, 1, false}, {6060, 0, true}, {6120, 3, true}};

    (void)state;
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct linear_few few = {0};
        struct linear_window many = {0}, same;

        for (unsigned i = 0; i < 2 * cases[c].n; i++) {
            linear_window_add(&many, 60 * S, 6050 * S, hash_of(i / 2));
            assert_true(linear_few_add(&few, 60 * S, 6050 * S, hash_of(i / 2)));
        }
        assert_int_equal(linear_few_add(&few, 60 * S, cases[c].last_s * S, hash_of(9)),
                         cases[c].fits);
        linear_window_add(&many, 60 * S, cases[c].last_s * S, hash_of(9));
        same = linear_few_window(&few);
        if (!cases[c].fits)
            linear_window_add(&same, 60 * S, cases[c].last_s * S, hash_of(9));
        assert_memory_equal(&same, &many, sizeof(same));
    }
}

static void a_bloom_filter_never_denies_what_it_has(void **state)
{
    struct bloom b = {0};

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        bloom_add(&b, hash_of(i));
        for (unsigned k = 0; k <= i; k++)
            assert_true(bloom_has(&b, hash_of(k)));
    }
}

static void a_bloom_filter_errs_as_seldom_as_it_should(void **state)
{
    static const struct {
        unsigned n;
        unsigned wrong_max; /* of 20000; three times what is expected */
    } cases[] = {{0, 0}, {64, 150}, {128, 1440}};

    (void)state;
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct bloom b = {0};
        unsigned wrong = 0;

        for (unsigned i = 0; i < cases[c].n; i++)
            bloom_add(&b, hash_of(i));
        assert_near(bloom_estimate(&b), cases[c].n, cases[c].n * 0.1);
        for (unsigned i = 1000000; i < 1020000; i++)
            wrong += bloom_has(&b, hash_of(i));
        assert_true(wrong <= cases[c].wrong_max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_counts_exactly_while_nothing_is_older),
        cmocka_unit_test(a_window_forgets_by_the_share_that_has_passed),
        cmocka_unit_test(a_window_over_a_steady_stream_never_strays),
        cmocka_unit_test(late_events_count_and_turn_nothing_back),
        cmocka_unit_test(what_decays_halves_with_each_half_life),
        cmocka_unit_test(what_decays_settles_at_rate_times_half_life_over_ln_2),
        cmocka_unit_test(linear_counting_is_within_its_error),
        cmocka_unit_test(linear_counting_says_at_most_its_maximum),
        cmocka_unit_test(the_same_ones_in_two_windows_count_once),
        cmocka_unit_test(different_ones_count_over_the_seam_and_are_forgotten),
        cmocka_unit_test(while_they_are_few_they_are_the_window_that_many_would_be),
        cmocka_unit_test(a_bloom_filter_never_denies_what_it_has),
        cmocka_unit_test(a_bloom_filter_errs_as_seldom_as_it_should),
    };

    hash_key_set(1, 2); /* the same sketch each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
