/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/conf_edit.h"

static const char plain[] = "# Who may come in.\n"
                            "users:\n"
                            "  # the shift desk\n"
                            "  - name: desk # never delete\n"
                            "    role: control\n"
                            "    password: $argon2id$old\n"
                            "    scram: SCRAM$old\n"
                            "\n"
                            "  - name: \"m\xc3\xa8tre-17\"\n"
                            "    role: device\n"
                            "    certificate_cn: meter-17 # since May\n"
                            "\n"
                            "# The end.\n";

static struct buf text_of(const char *text)
{
    struct buf b = {0};

    buf_add(&b, bytes_str(text));
    return b;
}

static void assert_text(const struct buf *b, const char *text)
{
    char *got = bytes_dup_str(buf_view(b));

    assert_string_equal(got, text);
    free(got);
}

static void assert_said(bool ok, char **error, const char *what)
{
    assert_false(ok);
    assert_non_null(*error);
    if (strstr(*error, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", *error, what);
    free(*error);
    *error = NULL;
}

static void users_are_read_with_what_they_have(void **state)
{
    struct conf_users u;
    char *error = NULL;

    (void)state;
    assert_true(conf_users_parse(bytes_str(plain), &u, &error));
    assert_int_equal(u.n, 2);
    assert_string_equal(u.at[0].name, "desk");
    assert_string_equal(u.at[0].password, "$argon2id$old");
    assert_string_equal(u.at[0].scram, "SCRAM$old");
    assert_null(u.at[0].certificate_cn);
    assert_string_equal(u.at[1].name, "m\xc3\xa8tre-17");
    assert_string_equal(u.at[1].certificate_cn, "meter-17");
    assert_null(u.at[1].password);
    assert_false(u.at[0].disabled);
    assert_ptr_equal(conf_users_find(&u, "desk"), &u.at[0]);
    assert_null(conf_users_find(&u, "des"));
    conf_users_done(&u);
}

static void a_new_user_follows_the_last_and_nothing_else_moves(void **state)
{
    struct conf_user user = {.name = (char *)"a \"b\" \\",
                             .role = (char *)"device",
                             .password = (char *)"$v$",
                             .scram = (char *)"SCRAM$v"};
    struct buf text = text_of(plain);
    char *error = NULL;

    (void)state;
    assert_true(conf_user_add(&text, &user, &error));
    assert_text(&text, "# Who may come in.\n"
                       "users:\n"
                       "  # the shift desk\n"
                       "  - name: desk # never delete\n"
                       "    role: control\n"
                       "    password: $argon2id$old\n"
                       "    scram: SCRAM$old\n"
                       "\n"
                       "  - name: \"m\xc3\xa8tre-17\"\n"
                       "    role: device\n"
                       "    certificate_cn: meter-17 # since May\n"
                       "  - name: \"a \\\"b\\\" \\\\\"\n"
                       "    role: \"device\"\n"
                       "    password: \"$v$\"\n"
                       "    scram: \"SCRAM$v\"\n"
                       "\n"
                       "# The end.\n");
    assert_said(conf_user_add(&text, &user, &error), &error, "already");
    buf_done(&text);
}

static void a_password_is_replaced_where_it_stands(void **state)
{
    struct buf text = text_of(plain);
    char *error = NULL;
    char *got;

    (void)state;
    assert_true(conf_user_set_password(&text, "desk", "$new$", "SCRAM$new", &error));
    got = bytes_dup_str(buf_view(&text));
    assert_non_null(strstr(
        got, "    role: control\n    password: \"$new$\"\n    scram: \"SCRAM$new\"\n\n  - name"));
    assert_null(strstr(got, "$old"));
    assert_non_null(strstr(got, "# never delete"));
    free(got);
    buf_done(&text);
}

static void a_password_that_is_not_there_becomes_a_line(void **state)
{
    struct buf text = text_of(plain);
    char *error = NULL;
    char *got;

    (void)state;
    assert_true(conf_user_set_password(&text, "m\xc3\xa8tre-17", "$new$", "SCRAM$new", &error));
    got = bytes_dup_str(buf_view(&text));
    assert_non_null(strstr(
        got, "# since May\n    password: \"$new$\"\n    scram: \"SCRAM$new\"\n\n# The end."));
    free(got);
    buf_done(&text);
}

static void a_user_is_disabled_and_enabled_again(void **state)
{
    struct buf text = text_of(plain);
    struct conf_users u;
    char *error = NULL;
    char *got;

    (void)state;
    assert_true(conf_user_set_disabled(&text, "desk", true, &error));
    assert_true(conf_users_parse(buf_view(&text), &u, &error));
    assert_true(u.at[0].disabled);
    assert_false(u.at[1].disabled);
    conf_users_done(&u);
    assert_true(conf_user_set_disabled(&text, "desk", false, &error));
    got = bytes_dup_str(buf_view(&text));
    assert_non_null(strstr(got, "    disabled: no\n"));
    assert_null(strstr(got, "disabled: yes"));
    free(got);
    buf_done(&text);
}

static void a_user_is_removed_with_its_lines_only(void **state)
{
    struct buf text = text_of(plain);
    char *error = NULL;

    (void)state;
    assert_true(conf_user_remove(&text, "desk", &error));
    assert_text(&text, "# Who may come in.\n"
                       "users:\n"
                       "  # the shift desk\n"
                       "\n"
                       "  - name: \"m\xc3\xa8tre-17\"\n"
                       "    role: device\n"
                       "    certificate_cn: meter-17 # since May\n"
                       "\n"
                       "# The end.\n");
    buf_done(&text);
}

static void the_list_may_become_empty_and_be_filled_again(void **state)
{
    struct conf_user user = {.name = (char *)"b", .role = (char *)"device"};
    struct buf text = text_of("users: # all\n  - name: a\n    role: r");
    char *error = NULL;

    (void)state;
    assert_true(conf_user_remove(&text, "a", &error));
    assert_text(&text, "users: [] # all\n");
    assert_true(conf_user_add(&text, &user, &error));
    assert_text(&text, "users:  # all\n  - name: \"b\"\n    role: \"device\"\n");
    buf_done(&text);

    text = text_of("users:");
    assert_true(conf_user_add(&text, &user, &error));
    assert_text(&text, "users:\n  - name: \"b\"\n    role: \"device\"\n");
    buf_done(&text);
}

static void a_list_at_the_margin_stays_there(void **state)
{
    struct conf_user user = {.name = (char *)"b", .role = (char *)"r"};
    struct buf text = text_of("users:\n- name: a\n  role: r");
    char *error = NULL;

    (void)state;
    assert_true(conf_user_add(&text, &user, &error));
    assert_text(&text, "users:\n- name: a\n  role: r\n- name: \"b\"\n  role: \"r\"\n");
    buf_done(&text);
}

/* Each is either changed so that it reads as wanted, or left as it was. */
static void what_cannot_be_changed_safely_is_left_as_it_was(void **state)
{
    static const char *const texts[] = {
        "users: [{name: a, role: r}]\n",
        "users:\n  - {name: a, role: r}\n",
        "users:\n  - name: a\n    role: &x r\n  - &y\n    name: c\n    role: *x\n",
        "users:\n  -\n    name: a\n    role: |\n      r\n",
        "users:\n  - ? name\n    : a\n    role: r\n",
        "{users: [{name: a, role: r}]}",
        "users:\n  - role: r\n    name: a\n...\n",
        "users:\n  - name: a\n    role: >-\n      r\n      s\nmore: 1\n",
        "users:\r\n  - name: a\r\n    role: r\r\n",
    };
    struct conf_user user = {.name = (char *)"b", .role = (char *)"r"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (unsigned what = 0; what < 4; what++) {
            struct buf text = text_of(texts[i]);
            struct conf_users u;
            char *error = NULL;
            bool ok = what == 0   ? conf_user_add(&text, &user, &error)
                      : what == 1 ? conf_user_set_password(&text, "a", "$v$", "SCRAM$v", &error)
                      : what == 2 ? conf_user_set_disabled(&text, "a", true, &error)
                                  : conf_user_remove(&text, "a", &error);

            print_message("  %zu.%u %s\n", i, what, ok ? "changed" : error);
            if (!ok) {
                assert_text(&text, texts[i]);
                assert_non_null(error);
            } else {
                assert_true(conf_users_parse(buf_view(&text), &u, &error));
                assert_int_equal(conf_users_find(&u, "b") != NULL, what == 0);
                assert_int_equal(conf_users_find(&u, "a") == NULL, what == 3);
                if (what == 1)
                    assert_string_equal(conf_users_find(&u, "a")->scram, "SCRAM$v");
                if (what == 1)
                    assert_string_equal(conf_users_find(&u, "a")->password, "$v$");
                if (what == 2)
                    assert_true(conf_users_find(&u, "a")->disabled);
                conf_users_done(&u);
            }
            free(error);
            buf_done(&text);
        }
    }
}

static void a_file_that_is_no_list_of_users_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *what;
    } cases[] = {
        {"", "empty"},
        {"- a\n", "users:"},
        {"user: 1\n", "no \"users:\""},
        {"users: yes\n", "line 1: \"users\" is not a list"},
        {"users:\n  - a\n", "line 2: a user is a mapping"},
        {"users:\n  - role: r\n", "line 2: a user without a name"},
        {"users:\n  - name: a\n    role: [r]\n", "line 2: what a user has"},
        {"users:\n  - name: a\n   role: r\n", "line 3"},
        {"users:\n  - name: \xff\n", "line"},
    };
    struct conf_users u;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *error = NULL;

        assert_said(conf_users_parse(bytes_str(cases[i].text), &u, &error), &error, cases[i].what);
    }
}

static void a_user_that_is_not_there_cannot_be_changed(void **state)
{
    struct buf text = text_of(plain);
    char *error = NULL;

    (void)state;
    assert_said(conf_user_remove(&text, "x", &error), &error, "no user \"x\"");
    assert_said(conf_user_set_password(&text, "x", "v", "s", &error), &error, "no user \"x\"");
    assert_said(conf_user_set_disabled(&text, "x", true, &error), &error, "no user \"x\"");
    assert_text(&text, plain);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_read_with_what_they_have),
        cmocka_unit_test(a_new_user_follows_the_last_and_nothing_else_moves),
        cmocka_unit_test(a_password_is_replaced_where_it_stands),
        cmocka_unit_test(a_password_that_is_not_there_becomes_a_line),
        cmocka_unit_test(a_user_is_disabled_and_enabled_again),
        cmocka_unit_test(a_user_is_removed_with_its_lines_only),
        cmocka_unit_test(the_list_may_become_empty_and_be_filled_again),
        cmocka_unit_test(a_list_at_the_margin_stays_there),
        cmocka_unit_test(what_cannot_be_changed_safely_is_left_as_it_was),
        cmocka_unit_test(a_file_that_is_no_list_of_users_is_refused_with_its_line),
        cmocka_unit_test(a_user_that_is_not_there_cannot_be_changed),
    };

    return cmocka_run_group_tests_name("cli/conf_edit", tests, NULL, NULL);
}
