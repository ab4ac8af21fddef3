/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/test_catalog.c - the catalogue as it is shipped, and ones that are broken */
#include "world.h"

static void the_catalogue_has_the_notes_66_subcategories(void **state)
{
    char *error = NULL;
    struct catalog *c = assess_catalog_load(CATALOG, &error);
    size_t n_tests = 0;

    (void)state;
    if (c == NULL)
        fail_msg("%s", error);
    assert_int_equal(c->n_functions, 5);
    assert_int_equal(c->n_categories, 15);
    assert_int_equal(c->n_subcategories, 66);
    assert_int_equal(c->n_scenarios, 12);
    assert_int_equal(c->n_aliases, 30);
    for (size_t i = 0; i < c->n_subcategories; i++) {
        const struct catalog_subcategory *s = &c->subcategories[i];

        n_tests += s->n_tests;
        assert_true(s->n_tests > 0);
        for (unsigned tier = 1; tier <= ASSESS_TIER_MAX; tier++)
            assert_non_null(s->tier_text[tier]);
        for (unsigned tier = 2; tier <= ASSESS_TIER_MAX; tier++)
            assert_true(s->effort_days[tier] > 0);
        for (size_t k = 0; k < s->n_tests; k++) {
            assert_ptr_equal(assess_catalog_test(c, bytes_str(s->tests[k].id)), &s->tests[k]);
            assert_int_equal(strncmp(s->tests[k].id, s->id, strlen(s->id)), 0);
        }
    }
    assert_int_equal(n_tests, 244);
    assert_null(assess_catalog_test(c, BYTES("MQ.ID.AM-01.t9")));
    assess_catalog_free(c);
}

static void the_samples_that_a_test_needs_follow_from_what_it_is(void **state)
{
    /* clang-format off */
    static const struct {
        const char *test;
        uint64_t samples;
    } cases[] = {
        {"MQ.ID.AM-01.t1", 20}, /* a share of a fleet */
        {"MQ.ID.AM-01.t3", 10}, /* a percentile */
        {"MQ.PR.IA-01.t1", 20}, /* a share of what happened */
        {"MQ.PR.IA-01.t2", 1},  /* a count */
        {"MQ.DE.ID-02.t1", 20}, /* recall of a drill */
        {"MQ.DE.NM-01.t4", 20}, /* a rate */
        {"MQ.PR.SP-06.t2", 1},  /* a share of a configuration that is looked at whole */
        {"MQ.PR.IP-02.t2", 1},  /* a share of a corpus that is tried whole */
        {"MQ.PR.SP-07.t1", 10}, /* 99th percentile */
    };
    /* clang-format on */
    char *error = NULL;
    struct catalog *c = assess_catalog_load(CATALOG, &error);

    (void)state;
    assert_non_null(c);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].test);
        assert_int_equal(assess_catalog_test(c, bytes_str(cases[i].test))->samples_min,
                         cases[i].samples);
    }
    assess_catalog_free(c);
}

static void an_id_stands_for_its_subcategories(void **state)
{
    /* clang-format off */
    static const struct {
        const char *id;
        size_t n; /* 0: no such id */
        unsigned depth;
    } cases[] = {
        {"MQ",            66, 0},
        {"MQ.PR",         23, 1},
        {"MQ.PR.IA",      5,  2},
        {"MQ.PR.IA-05",   1,  3},
        {"MQA",           39, 0},
        {"MQA.ID",        14, 1},
        {"MQA.PR.IP",     6,  2},
        {"MQA.PR.IP-02",  5,  3}, /* a category of section 2 that became one line */
        {"MQA.DE.MO-03",  4,  3},
        {"MQ.PR.I",       0,  0},
        {"MQ.XX",         0,  0},
        {"MQA.PR.IP-0",   0,  0},
        {"",              0,  0},
    };
    /* clang-format on */
    char *error = NULL;
    struct catalog *c = assess_catalog_load(CATALOG, &error);

    (void)state;
    assert_non_null(c);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct id_set set;
        size_t n = 0;
        bool found = catalog_resolve(c, cases[i].id, &set);

        print_message("  \"%s\"\n", cases[i].id);
        assert_int_equal(found, cases[i].n > 0);
        if (!found)
            continue;
        for (size_t k = 0; k < c->n_subcategories; k++)
            n += set.subs[k];
        assert_int_equal(n, cases[i].n);
        assert_int_equal(set.depth, cases[i].depth);
        free(set.subs);
    }
    assess_catalog_free(c);
}

/* The shipped one with one text in place of another. */
static void broken(const char *from, const char *to, const char *expected)
{
    CLEANUP(buf_done) struct buf text = {0};
    char *error = NULL;
    char *at;
    FILE *f = fopen(CATALOG, "re");
    struct catalog *c;

    assert_non_null(f);
    text.len += fread(buf_reserve(&text, 1 << 20), 1, 1 << 20, f);
    (void)fclose(f);
    buf_add_u8(&text, 0);
    at = strstr((char *)text.at, from);
    assert_non_null(at);
    {
        CLEANUP(buf_done) struct buf changed = {0};

        buf_add(&changed, bytes_of(text.at, (size_t)(at - (char *)text.at)));
        buf_addf(&changed, "%s%s", to, at + strlen(from));
        buf_add_u8(&changed, 0);
        c = assess_catalog_load(world_file("catalog.json", (char *)changed.at), &error);
    }
    assert_null(c);
    print_message("  %s\n", error);
    assert_non_null(strstr(error, expected));
    free(error);
}

static void a_catalogue_that_breaks_a_rule_is_refused_with_the_place(void **state)
{
    (void)state;
    broken("bastide-catalog/1", "bastide-catalog/2", "schema: is not bastide-catalog/1");
    broken("\"op\": \">=\"", "\"op\": \">\"", "MQ.ID.AM-01.t1: \"op\" is none of");
    broken("\"role\": \"L\"", "\"role\": \"X\"", "role is none of L, I, D");
    broken("\"scenario\": \"R02\"", "\"scenario\": \"R99\"", "no known scenario");
    broken("\"likelihood_floor\": 0.05", "\"likelihood_floor\": 0", "risk_model");
    broken("\"metric\": \"approved_device_ratio\"", "\"metrics\": 1", "\"metric\" is missing");
    broken("\"valid_days\": 365", "\"valid_days\": 0", "an attestation without valid_days");
    broken("\"title\"", "\"schema\"", "duplicate");
    broken("{", "[", "catalog.json:");
}

static void a_catalogue_that_is_not_there_is_an_error(void **state)
{
    char *error = NULL;

    (void)state;
    assert_null(assess_catalog_load("/nonexistent/catalog.json", &error));
    assert_non_null(strstr(error, "/nonexistent/catalog.json"));
    free(error);
}

static void without_a_path_the_projects_own_is_read(void **state)
{
    char *error = NULL;
    struct catalog *c = assess_catalog_load(NULL, &error);

    (void)state;
    if (c == NULL)
        fail_msg("%s", error);
    assert_int_equal(c->n_subcategories, 66);
    assess_catalog_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_catalogue_has_the_notes_66_subcategories),
        cmocka_unit_test(the_samples_that_a_test_needs_follow_from_what_it_is),
        cmocka_unit_test(an_id_stands_for_its_subcategories),
        cmocka_unit_test(a_catalogue_that_breaks_a_rule_is_refused_with_the_place),
        cmocka_unit_test(a_catalogue_that_is_not_there_is_an_error),
        cmocka_unit_test(without_a_path_the_projects_own_is_read),
    };

    return cmocka_run_group_tests(tests, world_begin, world_end);
}
