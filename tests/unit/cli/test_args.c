/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/args.h"

static const struct cli_option options[] = {
    {"--config", "-c", "FILE", "a file"},
    {"--for", NULL, "DURATION", "how long"},
    {"--json", NULL, NULL, "a flag"},
    {NULL, NULL, NULL, NULL},
};

/* clang-format off */
const struct cli_verb cli_verbs[] = {
    {"ban", NULL, "", "KIND SUBJECT", options, NULL},
    {"bans", NULL, "", "", options, NULL},
    {"status", NULL, "", "", options, NULL},
    {"incidents", NULL, "", "", NULL, NULL},
};
/* clang-format on */
const size_t cli_verbs_n = COUNT_OF(cli_verbs);

#define WORDS_MAX 8

static int parse(struct cli_args *a, const char *const *words, char **argv)
{
    int argc = 0;

    for (; words[argc] != NULL; argc++)
        argv[argc] = (char *)words[argc];
    return cli_args_parse(a, argc, argv, 1, 2);
}

/* clang-format off */
static const struct form {
    const char *words[WORDS_MAX];
    const char *config;
    const char *span;
    bool json;
    int n_operands;
    const char *operands[2];
} forms[] = {
    {{"ban", "user", "eve"},                           NULL,    NULL,  false, 2, {"user", "eve"}},
    {{"ban", "-c", "f.yaml", "user"},                  "f.yaml", NULL, false, 1, {"user"}},
    {{"ban", "--config=f=g", "user"},                  "f=g",   NULL,  false, 1, {"user"}},
    {{"ban", "user", "--for", "10m", "eve", "--json"}, NULL,    "10m", true,  2, {"user", "eve"}},
    {{"ban", "--for=", "user"},                        NULL,    "",    false, 1, {"user"}},
    {{"ban", "--for", "-5", "user"},                   NULL,    "-5",  false, 1, {"user"}},
    {{"ban", "--", "--json", "-c"},                    NULL,    NULL,  false, 2, {"--json", "-c"}},
    {{"ban", "-"},                                     NULL,    NULL,  false, 1, {"-"}},
};
/* clang-format on */

static void options_stand_anywhere_and_operands_keep_their_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        char *argv[WORDS_MAX];
        struct cli_args a;

        print_message("  case %zu\n", i);
        assert_int_equal(parse(&a, forms[i].words, argv), CLI_OK);
        assert_int_equal(a.n_operands, forms[i].n_operands);
        for (int j = 0; j < a.n_operands; j++)
            assert_string_equal(a.operands[j], forms[i].operands[j]);
        assert_int_equal(cli_flag(&a, "--json"), forms[i].json);
        assert_int_equal(cli_arg(&a, "--config") == NULL, forms[i].config == NULL);
        assert_int_equal(cli_arg(&a, "--for") == NULL, forms[i].span == NULL);
        if (forms[i].config != NULL)
            assert_string_equal(cli_arg(&a, "--config"), forms[i].config);
        if (forms[i].span != NULL)
            assert_string_equal(cli_arg(&a, "--for"), forms[i].span);
    }
}

/* clang-format off */
static const char *const wrong[][WORDS_MAX] = {
    {"ban", "user", "eve", "x"},             /* too many operands */
    {"ban"},                                 /* too few */
    {"ban", "user", "--jso"},                /* no such option */
    {"ban", "user", "-x"},
    {"ban", "user", "--json=yes"},           /* a flag with an argument */
    {"ban", "user", "--for"},                /* an argument is missing */
    {"ban", "user", "--json", "--json"},     /* twice */
    {"ban", "user", "-c", "a", "--config=b"},
};
/* clang-format on */

static void a_wrong_command_line_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char *argv[WORDS_MAX];
        struct cli_args a;

        print_message("  case %zu\n", i);
        assert_int_equal(parse(&a, wrong[i], argv), CLI_USAGE);
    }
}

static void a_mistyped_verb_is_recognised_if_it_is_near(void **state)
{
    (void)state;
    assert_string_equal(cli_verb_like("statsu"), "status");
    assert_string_equal(cli_verb_like("incident"), "incidents");
    assert_string_equal(cli_verb_like("bann"), "ban");
    assert_null(cli_verb_like("frobnicate"));
    assert_null(cli_verb_like("an-unreasonably-long-word-that-is-no-verb-of-ours"));
}

static void verbs_are_found_by_their_whole_name_only(void **state)
{
    (void)state;
    assert_ptr_equal(cli_verb_find("bans"), &cli_verbs[1]);
    assert_null(cli_verb_find("stat"));
    assert_null(cli_verb_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere_and_operands_keep_their_order),
        cmocka_unit_test(a_wrong_command_line_is_refused),
        cmocka_unit_test(a_mistyped_verb_is_recognised_if_it_is_near),
        cmocka_unit_test(verbs_are_found_by_their_whole_name_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
