/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/conf/test_conf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/conf.h"

static void expect_error(struct conf *c, const char *part)
{
    char *error = NULL;

    assert_false(conf_ok(c, &error));
    if (strstr(error, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, error);
    free(error);
}

static void values_are_read_in_the_files_order(void **state)
{
    struct conf *c = conf_parse("f", BYTES("name: north\nlist:\n  - 1\n  - 2.5\non: yes\n"
                                           "day: 2026-02-28\nnothing:\nempty: \"\"\n"));
    struct conf_value root = conf_root(c);
    struct conf_value key;
    double n = 0;
    bool on = false;
    uint64_t day = 0;
    char *error = NULL;

    (void)state;
    assert_int_equal(conf_pairs(root), 6);
    assert_string_equal(conf_text(conf_get(root, "name")), "north");
    assert_int_equal(conf_len(conf_get(root, "list")), 2);
    assert_true(conf_number(conf_item(conf_get(root, "list"), 1), 0, 10, &n));
    assert_true(n == 2.5);
    assert_true(conf_bool(conf_get(root, "on"), &on));
    assert_true(on);
    assert_true(conf_date(conf_get(root, "day"), &day));
    assert_int_equal(day, 1772236800000);
    assert_null(conf_text(conf_get(root, "nothing")));
    assert_string_equal(conf_text(conf_get(root, "empty")), "");
    assert_int_equal(conf_len(conf_get(root, "nothing")), 0);
    assert_false(conf_given(conf_get(root, "absent")));
    (void)conf_pair(root, 2, &key);
    assert_string_equal(conf_text(key), "on");
    assert_true(conf_ok(c, &error));
    conf_close(c);
}

static void an_unknown_key_is_named_with_its_place_and_what_is_known(void **state)
{
    static const char *const keys[] = {"name", "place", NULL};
    struct conf *c = conf_parse("inventory.yaml", BYTES("name: a\n  \nplaec: b\n"));

    (void)state;
    conf_keys(conf_root(c), keys);
    expect_error(c, "inventory.yaml:3:1: \"plaec\" is not known here; known are: name, place");
    conf_close(c);
}

static void a_key_that_stands_twice_is_an_error_at_the_second(void **state)
{
    static const char *const keys[] = {"name", NULL};
    struct conf *c = conf_parse("f", BYTES("name: a\nname: b\n"));

    (void)state;
    conf_keys(conf_root(c), keys);
    expect_error(c, "f:2:1: \"name\" stands here a second time");
    conf_close(c);
}

static void a_wrong_value_leaves_the_variable_as_it_was(void **state)
{
    static const char *const names[] = {"low", "high", NULL};
    struct conf *c = conf_parse("f", BYTES("n: seven\nm: 99\nb: maybe\nd: 2026-02-30\nc: middle\n"
                                           "t: [1]\nl: x\n"));
    struct conf_value root = conf_root(c);
    double n = 1;
    bool b = true;
    uint64_t d = 2;
    unsigned which = 7;
    char *text = NULL;

    (void)state;
    assert_false(conf_number(conf_get(root, "n"), 0, 10, &n));
    assert_false(conf_number(conf_get(root, "m"), 0, 10, &n));
    assert_false(conf_bool(conf_get(root, "b"), &b));
    assert_false(conf_date(conf_get(root, "d"), &d));
    assert_false(conf_choice(conf_get(root, "c"), names, &which));
    assert_false(conf_string(conf_get(root, "t"), &text));
    assert_int_equal(conf_len(conf_get(root, "l")), 0);
    assert_true(n == 1 && b && d == 2 && which == 7 && text == NULL);
    expect_error(c, "f:1:4: \"seven\" is not a number\n"
                    "f:2:4: 99 is not from 0 to 10\n"
                    "f:3:4: \"maybe\" is none of: yes, no, true, false\n"
                    "f:4:4: \"2026-02-30\" is not a date");
    conf_close(c);
}

static void what_is_not_yaml_is_told_with_its_place(void **state)
{
    struct conf *c = conf_parse("f", BYTES("a: [1, 2\nb: 3\n"));

    (void)state;
    assert_false(conf_given(conf_root(c)));
    expect_error(c, "f:2:");
    conf_close(c);
}

static void a_second_document_is_refused(void **state)
{
    struct conf *c = conf_parse("f", BYTES("a: 1\n---\nb: 2\n"));

    (void)state;
    expect_error(c, "f:2:1: one document is read");
    conf_close(c);
}

/* clang-format off */
static const struct not_read {
    const char *text;
    const char *error;
} not_read[] = {
    {"a: &x 1\nb: 2\n",         "f:1:4: an anchor (&name) is not read here"},
    {"a: 1\nb: *x\n",           "f:2:4: an alias (*name) is not read here"},
    {"a: &x [1]\n",             "f:1:4: an anchor"},
    {"a: &x\n  b: 1\n",         "f:1:4: an anchor"},
    {"a: !!str 1\n",            "f:1:4: a tag (!name) is not read here"},
    {"a: !t {b: 1}\n",          "f:1:4: a tag"},
    {"a: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n", "f:1:19: nested deeper than 16 levels"},
    {"a: b: c\n",               "f:1:5: mapping values are not allowed in this context; is the line indented"},
    {"\ta: 1\n",                "f:1:1: found character that cannot start any token; indent with spaces"},
    {"a: @b\n",                 "f:1:4: found character that cannot start any token; indent with spaces"},
    {"a: 1\n b: 2\n",           "f:2:3: mapping values are not allowed in this context; is the line"},
    {"- 1\nb: 2\n",             "f:2:1: did not find expected '-' indicator; is the line indented"},
    {"a:\n  b: 1\n c: 2\n",     "f:3:2: did not find expected key; is the line indented"},
    {"a: \"\\q\"\n",            "f:1:5: found unknown escape character"},
    {"a: 1\nb: \xff\n",         "f:2:4: invalid leading UTF-8 octet"},
};
/* clang-format on */

static void what_of_yaml_is_not_read_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(not_read); i++) {
        struct conf *c = conf_parse("f", bytes_str(not_read[i].text));

        expect_error(c, not_read[i].error);
        assert_false(conf_given(conf_root(c)));
        conf_close(c);
    }
}

static void sixteen_levels_are_read(void **state)
{
    struct conf *c = conf_parse("f", BYTES("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
    char *error = NULL;

    (void)state;
    assert_true(conf_ok(c, &error));
    conf_close(c);
}

static void a_value_knows_its_kind_and_place(void **state)
{
    struct conf *c = conf_parse("f", BYTES("a: x\nb: ~\nc:\nd: \"~\"\ne: {}\ng: []\n"));
    struct conf_value root = conf_root(c);
    struct buf place CLEANUP(buf_done) = {0};

    (void)state;
    assert_int_equal(conf_kind(conf_get(root, "a")), CONF_TEXT);
    assert_int_equal(conf_kind(conf_get(root, "b")), CONF_NULL);
    assert_int_equal(conf_kind(conf_get(root, "c")), CONF_NULL);
    assert_int_equal(conf_kind(conf_get(root, "d")), CONF_TEXT);
    assert_int_equal(conf_kind(conf_get(root, "e")), CONF_MAPPING);
    assert_int_equal(conf_kind(conf_get(root, "g")), CONF_LIST);
    assert_int_equal(conf_kind(conf_get(root, "h")), CONF_NONE);
    conf_place(conf_get(root, "d"), &place);
    assert_true(bytes_equal(buf_view(&place), BYTES("f:4:4")));
    conf_close(c);
}

static void a_file_that_is_not_there_is_an_empty_tree_with_an_error(void **state)
{
    struct conf *c = conf_open("/nonexistent/x.yaml");

    (void)state;
    assert_false(conf_given(conf_root(c)));
    assert_int_equal(conf_pairs(conf_root(c)), 0);
    expect_error(c, "/nonexistent/x.yaml: cannot be read: No such file");
    conf_close(c);
}

static void errors_past_the_limit_are_counted(void **state)
{
    struct conf *c = conf_parse("f", BYTES("a: 1\n"));

    (void)state;
    for (int i = 0; i < CONF_ERRORS_MAX + 3; i++)
        conf_fail(conf_root(c), "number %d", i);
    expect_error(c, "number 19\nf: and 3 more");
    conf_close(c);
}

static void a_date_is_a_day_or_a_second_of_utc_that_exists(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        uint64_t unix_ms; /* 0: refused */
    } cases[] = {
        {"2026-01-31",           1769817600000},
        {"2024-02-29",           1709164800000},
        {"2026-01-31T10:00:00Z", 1769853600000},
        {"2026-02-29",           0},
        {"2026-13-01",           0},
        {"2026-01-31T25:00:00Z", 0},
        {"2026-01-31T10:00:00",  0},
        {"2026-01-31 ",          0},
        {"26-1-3",               0},
        {"yesterday",            0},
        {"",                     0},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t got = 0;

        print_message("  %s\n", cases[i].text);
        assert_int_equal(conf_date_parse(cases[i].text, &got), cases[i].unix_ms != 0);
        assert_int_equal(got, cases[i].unix_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_in_the_files_order),
        cmocka_unit_test(an_unknown_key_is_named_with_its_place_and_what_is_known),
        cmocka_unit_test(a_key_that_stands_twice_is_an_error_at_the_second),
        cmocka_unit_test(a_wrong_value_leaves_the_variable_as_it_was),
        cmocka_unit_test(what_is_not_yaml_is_told_with_its_place),
        cmocka_unit_test(a_second_document_is_refused),
        cmocka_unit_test(what_of_yaml_is_not_read_is_told_with_its_place),
        cmocka_unit_test(sixteen_levels_are_read),
        cmocka_unit_test(a_value_knows_its_kind_and_place),
        cmocka_unit_test(a_file_that_is_not_there_is_an_empty_tree_with_an_error),
        cmocka_unit_test(errors_past_the_limit_are_counted),
        cmocka_unit_test(a_date_is_a_day_or_a_second_of_utc_that_exists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
