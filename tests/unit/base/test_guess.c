/* SPDX-License-Identifier: Apache-2.0 */
/* Of the words that there are, the nearest is guessed, and none when all are far. */
#include "base/guess.h"
#include "unit/unit.h"

static const char *const words[] = {"status", "incidents", "ban", "bans"};

/* clang-format off */
static const struct {
    const char *typed;
    size_t another; /* so many letters off */
    const char *guess;
    size_t n_edits;
} cases[] = {
    {"status",    3, "status",    0},
    {"statsu",    3, "status",    1}, /* swapped */
    {"staus",     3, "status",    1}, /* left out */
    {"statuss",   3, "status",    1}, /* put in */
    {"stadus",    3, "status",    1}, /* another */
    {"sattsu",    3, "status",    2},
    {"sattsu",    2, NULL,        2},
    {"incidetns", 3, "incidents", 1},
    {"bann",      3, "ban",       1}, /* the first of two as near */
    {"",          3, NULL,        3},
    {"",          4, "ban",       3},
    {"0123456789012345678901234567890123456789012345678", 60, NULL, 60}, /* 49 letters */
};
/* clang-format on */

static void the_nearest_word_is_guessed_if_it_is_near(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct guess g = {.typed = cases[i].typed, .n_edits = cases[i].another};

        print_message("  case %zu\n", i);
        for (size_t k = 0; k < COUNT_OF(words); k++)
            guess_at(&g, words[k]);
        if (cases[i].guess != NULL)
            assert_string_equal(g.nearest, cases[i].guess);
        else
            assert_null(g.nearest);
        assert_int_equal(g.n_edits, cases[i].n_edits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_word_is_guessed_if_it_is_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
