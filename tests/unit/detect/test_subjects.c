/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_subjects.c - the bounded table of subjects */
#include "unit/unit.h"

#include <stdlib.h>

#include "detect/subjects.h"

static double guilt(const void *state, uint64_t now_ns)
{
    (void)now_ns;
    return *(const double *)state;
}

static void add(struct subjects *t, uint64_t key, uint64_t now_ns, double value)
{
    double *d = malloc(sizeof(*d));

    *d = value;
    subjects_add(t, key, now_ns, d);
}

static void a_subject_is_found_until_it_is_forgotten(void **state)
{
    struct subjects t;

    (void)state;
    subjects_init(&t, 64, guilt);
    assert_null(subjects_find(&t, 7));
    assert_null(subjects_see(&t, 7, 1));
    add(&t, 7, 1, 3);
    assert_true(*(double *)subjects_find(&t, 7) == 3);
    assert_true(*(double *)subjects_see(&t, 7, 2) == 3);
    assert_int_equal(t.n, 1);
    subjects_forget(&t, 7);
    subjects_forget(&t, 7);
    assert_null(subjects_find(&t, 7));
    assert_int_equal(t.n, 0);
    subjects_done(&t);
}

static void one_without_a_state_is_known_all_the_same(void **state)
{
    struct subjects t;

    (void)state;
    subjects_init(&t, 64, NULL);
    subjects_add(&t, 7, 1, NULL);
    assert_non_null(subjects_find(&t, 7));
    assert_non_null(subjects_see(&t, 7, 2));
    assert_null(subjects_find(&t, 8));
    subjects_forget(&t, 7);
    assert_null(subjects_find(&t, 7));
    subjects_done(&t);
}

/* From 256 places to 4096: all are there with what is known of them, and nobody was forgotten. */
static void nobody_is_lost_while_it_grows(void **state)
{
    struct subjects t;
    uint64_t rng = 1;
    uint64_t keys[1000];

    (void)state;
    subjects_init(&t, 4096, guilt);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        keys[i] = noise(&rng);
        add(&t, keys[i], i, (double)i);
    }
    assert_int_equal(t.n, COUNT_OF(keys));
    assert_int_equal(t.shed, 0);
    assert_true(t.n_sets <= t.n_sets_max);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_true(*(double *)subjects_find(&t, keys[i]) == (double)i);
    subjects_done(&t);
}

/* Else what is kept of each would take twice and thrice its places. */
static void most_places_are_used_before_more_are_made(void **state)
{
    struct subjects t;
    uint64_t rng = 1;

    (void)state;
    subjects_init(&t, 65536, NULL);
    for (size_t n_sets = t.n_sets; t.n_sets < 4096;) {
        size_t n = t.n;

        subjects_add(&t, noise(&rng), n, NULL);
        if (t.n_sets > n_sets && n > 1000)
            assert_true(n >= n_sets * 16 * 8 / 10);
        n_sets = t.n_sets;
    }
    subjects_done(&t);
}

/* Ten thousand innocents pass through a table of 64; the guilty stay on record. */
static void the_guilty_outlast_a_flood_of_names(void **state)
{
    struct subjects t;
    uint64_t rng = 1;
    uint64_t guilty[8];

    (void)state;
    subjects_init(&t, 64, guilt);
    for (size_t i = 0; i < COUNT_OF(guilty); i++) {
        guilty[i] = noise(&rng);
        add(&t, guilty[i], 1, 5);
    }
    for (unsigned i = 0; i < 10000; i++)
        add(&t, noise(&rng), 2 + i, 1);
    for (size_t i = 0; i < COUNT_OF(guilty); i++)
        assert_non_null(subjects_find(&t, guilty[i]));
    assert_true(t.n <= 64);
    assert_true(t.shed > 9000);
    subjects_done(&t);
}

static void among_equals_the_one_not_seen_longest_goes_and_is_no_loss(void **state)
{
    struct subjects t;

    (void)state;
    subjects_init(&t, 16, NULL);
    for (uint64_t key = 1; key <= 16; key++)
        subjects_add(&t, key, key, NULL);
    subjects_see(&t, 1, 100);
    subjects_add(&t, 17, 101, NULL);
    assert_null(subjects_find(&t, 2));
    assert_non_null(subjects_find(&t, 1));
    assert_int_equal(t.n, 16);
    assert_int_equal(t.shed, 0);
    subjects_done(&t);
}

static void a_pair_is_another_key_than_its_halves_or_its_mirror(void **state)
{
    (void)state;
    assert_true(subject_key_pair(BYTES("a"), BYTES("bc")) ==
                subject_key_pair(BYTES("a"), BYTES("bc")));
    assert_true(subject_key_pair(BYTES("a"), BYTES("bc")) !=
                subject_key_pair(BYTES("ab"), BYTES("c")));
    assert_true(subject_key_pair(BYTES("a"), BYTES("b")) !=
                subject_key_pair(BYTES("b"), BYTES("a")));
}

static unsigned n_gone;

static void count_gone(void *st)
{
    (void)st;
    n_gone++;
}

static void who_is_forgotten_is_told_of_and_all_are_visited(void **state)
{
    struct subjects t;
    size_t cursor = 0;
    unsigned n = 0;

    (void)state;
    subjects_init(&t, 64, NULL);
    t.gone = count_gone;
    for (uint64_t i = 0; i < 200; i++)
        add(&t, i * 0x9e3779b97f4a7c15ULL, i, 0);
    while (subjects_next(&t, &cursor) != NULL)
        n++;
    assert_int_equal(n, t.n);
    assert_int_equal(n_gone, 200 - t.n);
    subjects_done(&t);
    assert_int_equal(n_gone, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_forgotten_is_told_of_and_all_are_visited),
        cmocka_unit_test(a_subject_is_found_until_it_is_forgotten),
        cmocka_unit_test(one_without_a_state_is_known_all_the_same),
        cmocka_unit_test(most_places_are_used_before_more_are_made),
        cmocka_unit_test(nobody_is_lost_while_it_grows),
        cmocka_unit_test(the_guilty_outlast_a_flood_of_names),
        cmocka_unit_test(among_equals_the_one_not_seen_longest_goes_and_is_no_loss),
        cmocka_unit_test(a_pair_is_another_key_than_its_halves_or_its_mirror),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
