/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/test_subjects.c - the bounded table of subjects */
#include "unit/unit.h"

#include "detect/subjects.h"

static double guilt(const void *state, uint64_t now_ns)
{
    (void)now_ns;
    return *(const double *)state;
}

static void a_new_subject_is_zero_and_an_old_one_is_kept(void **state)
{
    struct subjects t;
    bool is_new;
    double *d;

    (void)state;
    subjects_init(&t, 64, sizeof(double), guilt);
    assert_null(subjects_find(&t, 7));
    d = subjects_get(&t, 7, 1, &is_new);
    assert_true(is_new);
    assert_true(*d == 0);
    *d = 3;
    assert_true(*(double *)subjects_get(&t, 7, 2, &is_new) == 3);
    assert_false(is_new);
    assert_int_equal(t.n, 1);
    subjects_forget(&t, 7);
    subjects_forget(&t, 7);
    assert_null(subjects_find(&t, 7));
    assert_int_equal(t.n, 0);
    subjects_done(&t);
}

/* From 256 places to 4096: all are there with what is known of them, and nobody was forgotten. */
static void nobody_is_lost_while_it_grows(void **state)
{
    struct subjects t;
    uint64_t rng = 1;
    uint64_t keys[1000];

    (void)state;
    subjects_init(&t, 4096, sizeof(double), guilt);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        keys[i] = noise(&rng);
        *(double *)subjects_get(&t, keys[i], i, NULL) = (double)i;
    }
    assert_int_equal(t.n, COUNT_OF(keys));
    assert_int_equal(t.shed, 0);
    assert_true(t.n_sets <= t.n_sets_max);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_true(*(double *)subjects_find(&t, keys[i]) == (double)i);
    subjects_done(&t);
}

/* Ten thousand innocents pass through a table of 64; the guilty stay on record. */
static void the_guilty_outlast_a_flood_of_names(void **state)
{
    struct subjects t;
    uint64_t rng = 1;
    uint64_t guilty[8];

    (void)state;
    subjects_init(&t, 64, sizeof(double), guilt);
    for (size_t i = 0; i < COUNT_OF(guilty); i++) {
        guilty[i] = noise(&rng);
        *(double *)subjects_get(&t, guilty[i], 1, NULL) = 5;
    }
    for (unsigned i = 0; i < 10000; i++)
        *(double *)subjects_get(&t, noise(&rng), 2 + i, NULL) = 1;
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
    subjects_init(&t, 16, sizeof(double), NULL);
    for (uint64_t key = 1; key <= 16; key++)
        subjects_get(&t, key, key, NULL);
    subjects_get(&t, 1, 100, NULL);
    subjects_get(&t, 17, 101, NULL);
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
    subjects_init(&t, 64, sizeof(double), NULL);
    t.gone = count_gone;
    for (uint64_t i = 0; i < 200; i++)
        subjects_get(&t, i * 0x9e3779b97f4a7c15ULL, i, NULL);
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
        cmocka_unit_test(a_new_subject_is_zero_and_an_old_one_is_kept),
        cmocka_unit_test(nobody_is_lost_while_it_grows),
        cmocka_unit_test(the_guilty_outlast_a_flood_of_names),
        cmocka_unit_test(among_equals_the_one_not_seen_longest_goes_and_is_no_loss),
        cmocka_unit_test(a_pair_is_another_key_than_its_halves_or_its_mirror),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
