/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_sketch.c - sketches, buckets, averages and the wheel against exact counts
 */
#include "unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "detect/counters.h"
#include "detect/sketch.h"
#include "detect/wheel.h"

#define S 1000000000ULL

static uint64_t hash_of(uint64_t i)
{
    return hash_keyed(bytes_of(&i, sizeof(i)));
}

/* 20,000 names, 100,000 counts: e/4096 of that is 66. */
static void count_min_never_says_too_few_and_seldom_too_many(void **state)
{
    struct count_min *c = mem_new(struct count_min);
    uint32_t *exact = mem_zero(20000 * sizeof(*exact));
    unsigned n_far = 0;

    (void)state;
    srand(7);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned name = (unsigned)rand() % 20000;
        uint32_t told = count_min_add(c, 600 * S, 6000 * S, hash_of(name));

        exact[name]++;
        assert_true(told >= exact[name]);
        n_far += told > exact[name] + 66;
    }
    assert_true(n_far < 2000); /* 2 % */
    free(exact);
    free(c);
}

static void count_min_forgets_after_two_windows(void **state)
{
    struct count_min *c = mem_new(struct count_min);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        count_min_add(c, 600 * S, 6000 * S, 1);
    assert_int_equal(count_min_add(c, 600 * S, 6600 * S, 1), 6);
    assert_int_equal(count_min_add(c, 600 * S, 7200 * S, 1), 2);
    assert_int_equal(count_min_add(c, 600 * S, 9000 * S, 1), 1);
    free(c);
}

/* One name in ten is the same; the others are all different, a million of them. */
static void the_frequent_one_stays_among_a_million_others(void **state)
{
    struct heavy *h = mem_new(struct heavy);
    const struct heavy_item *it = NULL;

    (void)state;
    for (unsigned i = 0; i < 1000000; i++) {
        if (i % 10 == 0)
            it = heavy_add(h, i, hash_of(0), hash_of(i % 70));
        else
            heavy_add(h, i, hash_of(i), 0);
    }
    it = heavy_add(h, 1000000, hash_of(0), hash_of(0));
    assert_true(it->count >= 100001);
    assert_true(it->count - it->error <= 100001);
    assert_true(fabs(heavy_sources(it) - 7) <= 1); /* i % 70 of each tenth: 7 different ones */
    free(h);
}

static void a_bucket_gives_its_capacity_and_then_its_rate(void **state)
{
    struct bucket b = {0};
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        n += bucket_take(&b, 10, 500, 6000 * S, 1);
    assert_int_equal(n, 500);
    for (unsigned i = 0; i < 1000; i++)
        n += bucket_take(&b, 10, 500, 6010 * S, 1);
    assert_int_equal(n, 600);
    assert_true(bucket_spent(&b, 10, 6060 * S) < 1e-9);
    for (unsigned i = 0; i < 1000; i++)
        n += bucket_take(&b, 10, 500, 9999 * S, 1);
    assert_int_equal(n, 1100);
}

static void an_average_follows_and_knows_its_deviation(void **state)
{
    struct ewma e = {0};

    (void)state;
    for (unsigned i = 0; i < 200; i++)
        ewma_add(&e, i % 2 == 0 ? 8 : 12);
    assert_true(fabs((double)e.mean - 10) < 0.2);
    assert_true(fabs(ewma_deviation(&e) - 2) < 0.2);
    for (unsigned i = 0; i < 100; i++)
        ewma_add(&e, 50);
    assert_true(fabs((double)e.mean - 50) < 0.2);
    assert_int_equal(e.n, 300);
}

static void a_number_is_new_once_and_never_when_it_is_too_old(void **state)
{
    struct replay r = {0};
    static bool seen[5000];

    (void)state;
    srand(11);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t n = (uint64_t)(i / 5) + (uint64_t)(rand() % 800);
        bool is_old = n + REPLAY_BITS <= r.highest;

        assert_int_equal(replay_is_new(&r, n), !seen[n] && !is_old);
        seen[n] = true;
    }
    assert_true(replay_is_new(&r, 1000000));
    assert_false(replay_is_new(&r, 1000000));
    assert_false(replay_is_new(&r, 1000000 - REPLAY_BITS));
    assert_true(replay_is_new(&r, 1000000 - REPLAY_BITS + 1));
}

#define TIMERS 5000

static void each_timer_fires_at_its_second(void **state)
{
    struct wheel_timer *timers = mem_zero(TIMERS * sizeof(*timers));
    struct wheel w;
    unsigned n = 0;

    (void)state;
    srand(13);
    wheel_init(&w, 100);
    for (unsigned i = 0; i < TIMERS; i++)
        wheel_set(&w, &timers[i], 100 + (uint32_t)(rand() % (i % 2 == 0 ? 200 : 20000)));
    for (unsigned i = 0; i < TIMERS; i += 10)
        wheel_clear(&timers[i]);
    for (unsigned i = 5; i < TIMERS; i += 10)
        wheel_set(&w, &timers[i], 20000);
    for (uint32_t now = 100; now <= 20100; now++) {
        struct wheel_timer *t;

        wheel_advance(&w, now);
        while ((t = wheel_take(&w)) != NULL) {
            assert_int_equal(t->due_s, now);
            n++;
        }
    }
    assert_int_equal(n, TIMERS - TIMERS / 10);
    free(timers);
}

static void a_wheel_that_jumps_loses_nothing(void **state)
{
    static const uint32_t ahead[] = {1, 63, 64, 65, 4095, 4096, 4097, 262143, 262144, 16000000};
    struct wheel_timer timers[COUNT_OF(ahead)] = {0};
    struct wheel w;

    (void)state;
    wheel_init(&w, 4000);
    for (unsigned i = 0; i < COUNT_OF(ahead); i++)
        wheel_set(&w, &timers[i], 4000 + ahead[i]);
    for (unsigned i = 0; i < COUNT_OF(ahead); i++) {
        wheel_advance(&w, 4000 + ahead[i] - 1);
        assert_null(wheel_take(&w));
        wheel_advance(&w, 4000 + ahead[i]);
        assert_ptr_equal(wheel_take(&w), &timers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count_min_never_says_too_few_and_seldom_too_many),
        cmocka_unit_test(count_min_forgets_after_two_windows),
        cmocka_unit_test(the_frequent_one_stays_among_a_million_others),
        cmocka_unit_test(a_bucket_gives_its_capacity_and_then_its_rate),
        cmocka_unit_test(an_average_follows_and_knows_its_deviation),
        cmocka_unit_test(a_number_is_new_once_and_never_when_it_is_too_old),
        cmocka_unit_test(each_timer_fires_at_its_second),
        cmocka_unit_test(a_wheel_that_jumps_loses_nothing),
    };

    hash_key_set(3, 4); /* the same sketches each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
