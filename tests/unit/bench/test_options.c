/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "bench/private.h"
#include "unit/unit.h"

#define WORDS_MAX 8

static bool read_words(const char *const *words, struct bench_options *ret,
                       const char **ret_scenario)
{
    char *argv[WORDS_MAX + 2] = {(char *)(uintptr_t) "bench"};
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    return options_read(argc, argv, ret, ret_scenario);
}

static void what_is_not_given_is_not_there(void **state)
{
    const char *words[] = {"fanin", NULL};
    const char *scenario = NULL;
    struct bench_options o;

    (void)state;
    assert_true(read_words(words, &o, &scenario));
    assert_string_equal(scenario, "fanin");
    assert_null(o.host);
    assert_int_equal(o.port, 0);
    assert_false(o.json);
    assert_true(o.duration < 0);
    assert_true(o.warmup < 0);
}

static void options_may_stand_anywhere_and_have_an_equals_sign(void **state)
{
    const char *words[] = {"--port", "1884", "pair", "--duration=0.5", "--json", "--user=a", NULL};
    const char *scenario = NULL;
    struct bench_options o;

    (void)state;
    assert_true(read_words(words, &o, &scenario));
    assert_string_equal(scenario, "pair");
    assert_int_equal(o.port, 1884);
    assert_true(o.duration > 0.49 && o.duration < 0.51);
    assert_true(o.json);
    assert_string_equal(o.user, "a");
}

static const char *const wrong[][WORDS_MAX] = {
    {NULL},
    {"fanin", "fanout", NULL},
    {"fanin", "--port", NULL},
    {"fanin", "--port", "0", NULL},
    {"fanin", "--port", "65536", NULL},
    {"fanin", "--port", "-1", NULL},
    {"fanin", "--port", "", NULL},
    {"fanin", "--port", "1x", NULL},
    {"fanin", "--qos", "3", NULL},
    {"fanin", "--size", "31", NULL},
    {"fanin", "--duration", "0", NULL},
    {"fanin", "--duration", "soon", NULL},
    {"fanin", "--duration", "nan", NULL},
    {"fanin", "--no-such-thing", NULL},
    {"fanin", "--json=yes", NULL},
    {"fanin", "-x", NULL},
    {"fanin", "--protocol", "4", NULL},
    {"fanin", "--prefix", "a/+", NULL},
    {"fanin", "--prefix", "", NULL},
    {"fanin", "--cert", "c", NULL},
    {"fanin", "--cert", "c", "--key", "k", NULL},
    {"fanin", "--control-cert", "c", NULL},
    {"fanin", "--password-file", "f", NULL},
};

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const char *scenario = NULL;
        struct bench_options o;

        assert_false(read_words(wrong[i], &o, &scenario));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_is_not_there),
        cmocka_unit_test(options_may_stand_anywhere_and_have_an_equals_sign),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
