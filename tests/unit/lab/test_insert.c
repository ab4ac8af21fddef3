/* SPDX-License-Identifier: Apache-2.0 */
/* test_insert.c - lines into a YAML file */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "lab/insert.h"

static const struct insertion {
    const char *name;
    const char *before;
    const char *after;
} insertions[] = {
    {"no such key", "a: 1\n", "a: 1\nusers:\n  - x\n    y\n"},
    {"no such key, and no newline at the end", "a: 1", "a: 1\nusers:\n  - x\n    y\n"},
    {"an empty file", "", "users:\n  - x\n    y\n"},
    {"a key without value", "users:\nb: 2\n", "users:\n  - x\n    y\nb: 2\n"},
    {"an empty list", "users: []   # none\nb: 2\n", "users:\n  - x\n    y\nb: 2\n"},
    {"an empty mapping", "users: {}\n", "users:\n  - x\n    y\n"},
    {"items at the margin", "users:\n# who\n- z\n", "users:\n- x\n  y\n# who\n- z\n"},
    {"items indented by four", "users: # all\n\n    - z\n",
     "users:\n    - x\n      y\n\n    - z\n"},
    {"a key that begins alike", "users_file: u\nusers:\n  - z\n",
     "users_file: u\nusers:\n  - x\n    y\n  - z\n"},
    {"the same key, but not at the top", "a:\n  users:\n    - z\n",
     "a:\n  users:\n    - z\nusers:\n  - x\n    y\n"},
};

static void lines_come_first_under_their_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(insertions); i++) {
        struct buf text = {0};
        char *error = NULL;

        print_message("  %s\n", insertions[i].name);
        buf_add(&text, bytes_str(insertions[i].before));
        assert_true(yaml_insert(&text, "users", BYTES("- x\n  y\n"), &error));
        buf_add_u8(&text, 0);
        assert_string_equal((const char *)text.at, insertions[i].after);
        buf_done(&text);
    }
}

static void a_value_in_the_same_line_is_left_to_a_person(void **state)
{
    struct buf text = {0};
    char *error = NULL;

    (void)state;
    buf_add(&text, BYTES("users: [a, b]\n"));
    assert_false(yaml_insert(&text, "users", BYTES("- x\n"), &error));
    assert_non_null(strstr(error, "\"users:\""));
    assert_int_equal(text.len, strlen("users: [a, b]\n"));
    free(error);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_first_under_their_key),
        cmocka_unit_test(a_value_in_the_same_line_is_left_to_a_person),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
