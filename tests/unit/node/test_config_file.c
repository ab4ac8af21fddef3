/* SPDX-License-Identifier: Apache-2.0 */
/* test_config_file.c - the file of a configuration, and what describes it */
#include "home.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_file_that_cannot_be_read_is_told_as_such(void **state)
{
    const struct home *h = *state;
    char *fifo = join(h->dir, "fifo");
    struct buf big CLEANUP(buf_done) = {0};

    (void)unlink(h->config);
    assert_errors(h, "bastide.yaml: cannot be read: No such file or directory");
    assert_int_equal(mkfifo(fifo, 0600), 0); /* it would block */
    assert_int_equal(symlink(fifo, h->config), 0);
    assert_errors(h, "bastide.yaml: cannot be read: it is not a file");
    assert_int_equal(unlink(h->config), 0);
    free(fifo);

    memset(buf_reserve(&big, CONFIG_BYTES_MAX + 2), '#', CONFIG_BYTES_MAX + 2);
    big.at[CONFIG_BYTES_MAX + 1] = '\0';
    write_file(h, "bastide.yaml", (const char *)big.at, 0600);
    assert_errors(h, "bastide.yaml: cannot be read: it is larger than 1 MiB");
    memcpy(big.at, LEAST, strlen(LEAST));
    big.at[CONFIG_BYTES_MAX] = '\0';
    config_free(load(h, (const char *)big.at));
}

static void a_file_of_users_that_is_too_large_is_told_as_such(void **state)
{
    const struct home *h = *state;

    write_file(h, "bastide.yaml", LEAST "users_file: users.yaml\n", 0600);
    assert_int_equal(truncate(h->users, (off_t)CONFIG_USERS_BYTES_MAX + 1), 0);
    assert_errors(h, "users.yaml: cannot be read: it is larger than 16 MiB");
}

static void the_admin_socket_is_found_in_a_file_that_is_wrong_elsewhere(void **state)
{
    const struct home *h = *state;
    char *expected = join(h->dir, "run/a.sock");
    char *error = NULL;
    char *found;

    write_file(h, "bastide.yaml", "admin: {socket: run/a.sock}\nusers_file: none.yaml\nroles: 1\n",
               0600);
    found = config_admin_socket(h->config, &error);
    assert_string_equal(found, expected);
    free(found);
    free(expected);
    write_file(h, "bastide.yaml", "admin: {socket: [\n", 0600);
    assert_null(config_admin_socket(h->config, &error));
    assert_non_null(strstr(error, "bastide.yaml:2:1: did not find expected node content"));
    free(error);
}

static void a_mapping_of_too_many_keys_is_refused_before_they_are_compared(void **state)
{
    const struct home *h = *state;
    struct buf text CLEANUP(buf_done) = {0};

    buf_addf(&text, LEAST "limits:\n");
    for (unsigned i = 0; i < 1001; i++)
        buf_addf(&text, "  k%u: 1\n", i);
    buf_add_u8(&text, '\0');
    write_file(h, "bastide.yaml", (const char *)text.at, 0600);
    assert_errors(h, "bastide.yaml:4:3: limits: has 1001 keys; there are only 31");
    text.len = 0;
    buf_addf(&text, LEAST "roles:\n");
    for (unsigned i = 0; i < 1001; i++)
        buf_addf(&text, "  k%u: {}\n", i);
    buf_add_u8(&text, '\0');
    write_file(h, "bastide.yaml", (const char *)text.at, 0600);
    assert_errors(
        h, "bastide.yaml:4:3: roles: is too long; names, each with keys and values; at most 1000");
}

static void the_reference_has_every_key(void **state)
{
    struct buf text CLEANUP(buf_done) = {0};
    const char *at;

    (void)state;
    config_describe(&text);
    buf_add_u8(&text, '\0');
    at = (const char *)text.at;
    assert_non_null(strstr(at, "\nlisteners[].port\n    whole number from 1 to 65535\n"));
    assert_non_null(
        strstr(at, "\nnode.log_level\n    error, warning, info or debug; default info\n"));
    assert_non_null(strstr(at, "\nroles.NAME.allow[].publish\n"));
    assert_non_null(strstr(at, "\nusers[].password\n"));
#define X(field, deflt, min, max, what)                                                            \
    assert_non_null(strstr(at, "\nlimits." #field "\n    whole number from " #min " to " #max      \
                               "; default " #deflt "\n    " what "\n"));
    LIMITS(X)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_cannot_be_read_is_told_as_such),
        TEST(a_file_of_users_that_is_too_large_is_told_as_such),
        TEST(the_admin_socket_is_found_in_a_file_that_is_wrong_elsewhere),
        TEST(a_mapping_of_too_many_keys_is_refused_before_they_are_compared),
        TEST(the_reference_has_every_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
