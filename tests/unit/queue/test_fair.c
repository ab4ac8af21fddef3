/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/queue/test_fair.c - who asks a thousand times waits behind himself only */
#include "base/hash.h"
#include "queue/fair.h"
#include "unit/unit.h"

#define N 1000

struct job {
    struct fair_item item;
    char who;
    int number;
};

static struct job jobs[N];

static void add(struct fair *f, char who, int number)
{
    struct job *j = &jobs[f->n];

    *j = (struct job){.who = who, .number = number};
    fair_add(f, bytes_of(&who, 1), &j->item);
}

static void expect_next(struct fair *f, char who, int number)
{
    struct job *j = list_item(fair_next(f), struct job, item);

    assert_int_equal(j->who, who);
    assert_int_equal(j->number, number);
}

static void each_has_a_turn_and_his_own_in_order(void **state)
{
    struct fair f;

    (void)state;
    fair_init(&f);
    assert_null(fair_next(&f));
    for (int i = 0; i < 100; i++)
        add(&f, 'g', i);
    add(&f, 'a', 0);
    add(&f, 'b', 0);
    add(&f, 'a', 1);
    expect_next(&f, 'g', 0);
    expect_next(&f, 'a', 0);
    expect_next(&f, 'b', 0);
    expect_next(&f, 'g', 1);
    expect_next(&f, 'a', 1);
    for (int i = 2; i < 100; i++)
        expect_next(&f, 'g', i);
    assert_null(fair_next(&f));
    fair_done(&f);
}

static void who_has_the_most_makes_room_and_never_for_himself(void **state)
{
    struct fair f;
    struct job *j;

    (void)state;
    fair_init(&f);
    assert_null(fair_displace(&f, BYTES("a")));
    for (int i = 0; i < 3; i++)
        add(&f, 'g', i);
    add(&f, 'a', 0);
    assert_null(fair_displace(&f, BYTES("g")));
    j = list_item(fair_displace(&f, BYTES("a")), struct job, item);
    assert_int_equal(j->who, 'g');
    assert_int_equal(j->number, 2);
    assert_null(fair_displace(&f, BYTES("a"))); /* both would have two */
    j = list_item(fair_displace(&f, BYTES("new")), struct job, item);
    assert_int_equal(j->number, 1);
    assert_null(fair_displace(&f, BYTES("new"))); /* one each: it has to wait its turn elsewhere */
    expect_next(&f, 'g', 0);
    expect_next(&f, 'a', 0);
    fair_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_turn_and_his_own_in_order),
        cmocka_unit_test(who_has_the_most_makes_room_and_never_for_himself),
    };

    hash_key_set(1, 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
