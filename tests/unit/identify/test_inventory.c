/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/test_inventory.c - MQ.ID.AM-01 MQ.ID.AM-03 */
#include "feed.h"

#include "identify/private.h"

static char *errors_of(const char *yaml)
{
    char path[] = "/tmp/bastide-inventory-XXXXXX";
    int fd = mkstemp(path);
    struct inventory *v;
    char *error = NULL;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
    close(fd);
    v = inventory_load(path, &error);
    unlink(path);
    inventory_free(v);
    return error;
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    /* clang-format off */
    static const struct {
        const char *yaml;
        const char *error;
    } cases[] = {
        {"assets:\n  - {name: A, client_id: a, colour: red}\n",       ":2:29: \"colour\" is not known here"},
        {"assets:\n  - {client_id: a}\n",                             ":2:5: \"name\" is missing"},
        {"assets:\n  - {name: A}\n",                                  ":2:5: a device is known by client_id"},
        {"assets:\n  - {name: A, client_id: a}\n  - {name: A, client_id: b}\n", ":3:5: the name \"A\" is taken"},
        {"assets:\n  - {name: A, client_id: a}\n  - {name: B, client_id: a}\n", ":3:5: \"B\" would be met by the same devices as \"A\""},
        {"assets:\n  - {name: A, client_id: a, state: broken}\n",     ":2:36: \"broken\" is none of: planned, approved"},
        {"assets:\n  - {name: A, client_id: a, zone: north}\n",       ":2:35: no zone is named \"north\""},
        {"assets:\n  - {name: A, client_id: a, expected_interval_s: -1}\n", "-1 is not from 0.001"},
        {"assets:\n  name: A\n",                                      ":2:3: a list (- item) is expected here"},
        {"zones:\n  - {name: n, prefixes: [10.0.0.0/33]}\n",          ":2:26: \"10.0.0.0/33\" has a prefix length that is not a number from 0 to 32"},
        {"zones:\n  - {name: n}\n",                                   ":2:5: \"prefixes\" is missing"},
        {"topics:\n  - {filter: 'a/#/b'}\n",                          ":2:14: \"a/#/b\" is not a topic filter"},
        {"flows:\n  - {from: a, topic: b}\n",                         ":2:5: \"to\" is missing"},
        {"conduits:\n  - {name: c, from_zone: x, to_zone: y}\n",      "no zone is named \"x\""},
        {"approved_by: me\n",                                         "\"approved_at\" is missing"},
        {"approved_by: me\napproved_at: soon\n",                      ":2:14: \"soon\" is not a date"},
        {"- a\n",                                                     ":1:1: a mapping (key: value) is expected here"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *error = errors_of(cases[i].yaml);

        print_message("  %s\n", cases[i].error);
        assert_non_null(error);
        if (strstr(error, cases[i].error) == NULL)
            fail_msg("got: %s", error);
        free(error);
    }
}

static void an_empty_file_declares_nothing_and_is_in_order(void **state)
{
    (void)state;
    assert_null(errors_of(""));
    assert_null(errors_of("assets:\nflows:\n"));
}

static void a_file_with_errors_leaves_the_old_declaration(void **state)
{
    struct identify *id = identify_new(NULL);
    char path[] = "/tmp/bastide-inventory-XXXXXX";
    int fd = mkstemp(path);
    char *error = NULL;

    (void)state;
    declare(id, "assets:\n  - {name: A, client_id: a}\n", NOW);
    assert_int_equal(write(fd, "nonsense: 1\n", 12), 12);
    close(fd);
    assert_false(identify_inventory_load(id, path, NOW, &error));
    assert_non_null(error);
    assert_int_equal(identify_counts(id).n_records, 1);
    free(error);
    unlink(path);
    identify_free(id);
}

static void the_example_that_is_installed_is_in_order(void **state)
{
    char *error = NULL;
    struct inventory *v = inventory_load(FRAMEWORK_DIR "/inventory-example.yaml", &error);

    (void)state;
    if (v == NULL)
        fail_msg("%s", error);
    assert_true(v->n_records > 0 && v->n_zones > 0 && v->n_topics > 0 && v->n_flows > 0 &&
                v->n_conduits > 0 && v->n_brokers > 0);
    inventory_free(v);
}

static void an_address_is_in_the_zone_with_the_longest_prefix(void **state)
{
    /* clang-format off */
    static const struct {
        const char *address;
        const char *zone; /* NULL: none */
    } cases[] = {
        {"10.1.2.3",          "wide"},
        {"10.1.128.1",        "upper"},
        {"10.1.127.255",      "wide"},
        {"10.2.0.1",          NULL},
        {"::ffff:10.1.2.3",   "wide"},
        {"2001:db8::5",       "six"},
        {"2001:db9::5",       NULL},
        {"192.0.2.7",         "one"},
        {"192.0.2.8",         NULL},
        {"not an address",    NULL},
    };
    /* clang-format on */
    struct address p[4];
    struct zone zones[] = {{"wide", false, &p[0], 1},
                           {"upper", false, &p[1], 1},
                           {"six", false, &p[2], 1},
                           {"one", false, &p[3], 1}};
    struct inventory v = {.zones = zones, .n_zones = COUNT_OF(zones)};

    (void)state;
    assert_null(prefix_parse("10.1.0.0/16", &p[0]));
    assert_null(prefix_parse("10.1.128.0/17", &p[1]));
    assert_null(prefix_parse("2001:db8::/32", &p[2]));
    assert_null(prefix_parse("192.0.2.7", &p[3]));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct zone *z = zone_of(&v, cases[i].address);

        print_message("  %s\n", cases[i].address);
        assert_int_equal(z != NULL, cases[i].zone != NULL);
        if (z != NULL)
            assert_string_equal(z->name, cases[i].zone);
    }
}

static void what_is_no_prefix_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "/",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/8x",
                                      "300.0.0.0/8",
                                      "::/129",
                                      "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64"};
    struct address p;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_non_null(prefix_parse(bad[i], &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(an_empty_file_declares_nothing_and_is_in_order),
        cmocka_unit_test(a_file_with_errors_leaves_the_old_declaration),
        cmocka_unit_test(the_example_that_is_installed_is_in_order),
        cmocka_unit_test(an_address_is_in_the_zone_with_the_longest_prefix),
        cmocka_unit_test(what_is_no_prefix_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
