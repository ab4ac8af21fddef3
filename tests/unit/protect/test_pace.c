/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/protect/test_pace.c - who of many goes when; MQ.PR.SP-05 */
#include "gate.h"

#include "base/clock.h"

#define COST_NS (5 * NS_PER_MS)
#define N       400

struct one {
    struct list in_pace;
    enum pace_rank rank;
    uint64_t went_ns;
};

/* All come at once, each fourth one critical and the last of all; Return: when the last went. */
static uint64_t all_go(struct pace *p, struct one *all, unsigned n, uint64_t begin_ns)
{
    uint64_t now_ns = begin_ns;
    unsigned n_gone = 0;

    for (unsigned i = 0; i < n; i++) {
        all[i] = (struct one){.rank = i % 4 == 3 ? PACE_CRITICAL : PACE_OTHER};
        list_init(&all[i].in_pace);
        if (pace_enter(p, COST_NS, now_ns)) {
            all[i].went_ns = now_ns;
            n_gone++;
        } else {
            pace_wait(p, &all[i].in_pace, all[i].rank);
        }
    }
    while (n_gone < n) {
        uint64_t wait_ns = 0;
        struct list *who = pace_next(p, COST_NS, now_ns, &wait_ns);

        if (who == NULL) {
            assert_true(wait_ns > 0);
            now_ns += wait_ns;
            continue;
        }
        list_item(who, struct one, in_pace)->went_ns = now_ns;
        n_gone++;
    }
    assert_true(pace_is_idle(p));
    return now_ns;
}

static void as_many_a_second_as_may_go_and_not_more(void **state)
{
    static struct one all[N];
    struct pace p;
    uint64_t begin_ns = 77 * NS_PER_S;
    uint64_t end_ns;

    (void)state;
    pace_init(&p);
    end_ns = all_go(&p, all, N, begin_ns);
    assert_in_range(end_ns - begin_ns, (N - 21) * COST_NS, N * COST_NS);
    for (uint64_t from_ns = begin_ns; from_ns < end_ns; from_ns += 50 * NS_PER_MS) {
        unsigned n = 0;

        for (unsigned i = 0; i < N; i++)
            n += all[i].went_ns >= from_ns && all[i].went_ns < from_ns + NS_PER_S;
        assert_in_range(n, 0, NS_PER_S / COST_NS + 20);
    }
}

static uint64_t last_of(const struct one *all, enum pace_rank rank)
{
    uint64_t last_ns = 0;

    for (unsigned i = 0; i < N; i++) {
        if (all[i].rank == rank)
            last_ns = MAX(last_ns, all[i].went_ns);
    }
    return last_ns;
}

static void critical_ones_go_first_and_each_rank_in_its_order(void **state)
{
    static struct one all[N];
    uint64_t went_ns[PACE_RANK_N] = {0};
    struct pace p;

    (void)state;
    pace_init(&p);
    all_go(&p, all, N, NS_PER_S);
    for (unsigned i = 0; i < N; i++) {
        assert_true(all[i].went_ns >= went_ns[all[i].rank]);
        went_ns[all[i].rank] = all[i].went_ns;
    }
    /* A quarter are critical, and have three of four turns. */
    assert_true(last_of(all, PACE_CRITICAL) - NS_PER_S < N * COST_NS * 2 / 5);
    assert_true(last_of(all, PACE_OTHER) - NS_PER_S > N * COST_NS * 9 / 10);
}

static void who_only_says_to_be_critical_has_nobody_wait_for_ever(void **state)
{
    struct one claims[3 * N];
    struct one honest = {0};
    uint64_t now_ns = NS_PER_S;
    uint64_t wait_ns = 0;
    unsigned n_before = 0;
    struct pace p;

    (void)state;
    pace_init(&p);
    while (pace_enter(&p, COST_NS, now_ns))
        ;
    for (unsigned i = 0; i < COUNT_OF(claims); i++) {
        list_init(&claims[i].in_pace);
        pace_wait(&p, &claims[i].in_pace, PACE_CRITICAL);
    }
    list_init(&honest.in_pace);
    pace_wait(&p, &honest.in_pace, PACE_OTHER);
    for (;;) {
        struct list *who = pace_next(&p, COST_NS, now_ns, &wait_ns);

        if (who == &honest.in_pace)
            break;
        n_before += who != NULL;
        now_ns += who == NULL ? wait_ns : 0;
    }
    assert_in_range(n_before, 0, 3);
}

static void who_leaves_takes_no_turn(void **state)
{
    struct one all[10];
    uint64_t now_ns = NS_PER_S;
    uint64_t wait_ns = 0;
    struct list *who;
    struct pace p;

    (void)state;
    pace_init(&p);
    while (pace_enter(&p, COST_NS, now_ns))
        ;
    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        list_init(&all[i].in_pace);
        pace_wait(&p, &all[i].in_pace, PACE_OTHER);
    }
    for (unsigned i = 0; i < COUNT_OF(all) - 1; i++)
        list_remove(&all[i].in_pace);
    assert_null(pace_next(&p, COST_NS, now_ns, &wait_ns));
    who = pace_next(&p, COST_NS, now_ns + wait_ns, &wait_ns);
    assert_ptr_equal(who, &all[COUNT_OF(all) - 1].in_pace);
    assert_true(pace_is_idle(&p));
}

static void fewer_than_one_a_second_go_too(void **state)
{
    struct pace p;

    (void)state;
    pace_init(&p);
    assert_true(pace_enter(&p, 8 * NS_PER_S, 1));
    assert_false(pace_enter(&p, 8 * NS_PER_S, 8 * NS_PER_S));
    assert_true(pace_enter(&p, 8 * NS_PER_S, 8 * NS_PER_S + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_a_second_as_may_go_and_not_more),
        cmocka_unit_test(critical_ones_go_first_and_each_rank_in_its_order),
        cmocka_unit_test(who_only_says_to_be_critical_has_nobody_wait_for_ever),
        cmocka_unit_test(who_leaves_takes_no_turn),
        cmocka_unit_test(fewer_than_one_a_second_go_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
