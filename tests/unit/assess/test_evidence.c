/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/assess/test_evidence.c - evidence of a node, drills, history */
#include "world.h"

static struct catalog *catalog;

static int begin(void **state)
{
    char *error = NULL;

    catalog = assess_catalog_load(CATALOG, &error);
    return catalog == NULL ? -1 : world_begin(state);
}

static int end(void **state)
{
    catalog = assess_catalog_free(catalog);
    return world_end(state);
}

static struct evidence_set *parse(const char *text, char **ret_error)
{
    json_t *list = json_loads(text, 0, NULL);
    struct evidence_set *e;

    assert_non_null(list);
    e = assess_evidence_parse(list, catalog, ret_error);
    json_decref(list);
    return e;
}

static void evidence_is_read_and_written_alike(void **state)
{
    char *error = NULL;
    struct evidence_set *e =
        parse("[{\"test\": \"MQ.PR.IA-01.t1\", \"value\": 0.5, \"samples\": 40,"
              " \"window\": \"30d\", \"at\": 1772236800000, \"detail\": \"20 of 40\"},"
              " {\"test\": \"MQ.PR.IA-01.t2\", \"value\": 3, \"samples\": 40,"
              " \"at\": 1772236800000}]",
              &error);
    json_t *list;
    struct evidence_set *back;

    (void)state;
    if (e == NULL)
        fail_msg("%s", error);
    list = assess_evidence_json(e);
    assert_int_equal(json_array_size(list), 2);
    back = assess_evidence_parse(list, catalog, &error);
    assert_non_null(back);
    assert_true(evidence_find(back, "MQ.PR.IA-01.t1")->value == 0.5);
    assert_int_equal(evidence_find(back, "MQ.PR.IA-01.t1")->samples, 40);
    assert_string_equal(evidence_find(back, "MQ.PR.IA-01.t1")->detail, "20 of 40");
    assert_null(evidence_find(back, "MQ.PR.IA-01.t3"));
    json_decref(list);
    assess_evidence_free(back);
    assess_evidence_free(e);
}

static void of_two_values_the_later_counts(void **state)
{
    char *error = NULL;
    struct evidence_set *e =
        parse("[{\"test\": \"MQ.PR.IA-01.t2\", \"value\": 1, \"samples\": 1, \"at\": 2000},"
              " {\"test\": \"MQ.PR.IA-01.t2\", \"value\": 2, \"samples\": 1, \"at\": 3000},"
              " {\"test\": \"MQ.PR.IA-01.t2\", \"value\": 3, \"samples\": 1, \"at\": 1000}]",
              &error);

    (void)state;
    assert_non_null(e);
    assert_true(evidence_find(e, "MQ.PR.IA-01.t2")->value == 2);
    assess_evidence_free(e);
}

static void evidence_that_is_not_in_order_is_refused_as_a_whole(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"{}",                                                       "an array"},
        {"[7]",                                                      "entry 1 (no test)"},
        {"[{\"test\": \"MQ.PR.IA-99.t1\", \"value\": 1, \"samples\": 1, \"at\": 1}]", "MQ.PR.IA-99.t1): \"test\" is no test"},
        {"[{\"test\": \"MQ.PR.IA-01.t2\", \"value\": \"1\", \"samples\": 1, \"at\": 1}]", "\"value\" is no number"},
        {"[{\"test\": \"MQ.PR.IA-01.t2\", \"value\": 1, \"samples\": -1, \"at\": 1}]", "\"samples\" and \"at\""},
        {"[{\"test\": \"MQ.PR.IA-01.t2\", \"value\": 1, \"samples\": 1}]", "\"samples\" and \"at\""},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *error = NULL;

        assert_null(parse(cases[i].text, &error));
        print_message("  %s\n", error);
        assert_non_null(strstr(error, cases[i].error));
        free(error);
    }
}

/* ---- drills ---- */

static struct evidence_set *drills(const char *lines, char **ret_error)
{
    struct evidence_set *e = assess_evidence_new();
    json_t *rows = world_rows(lines);
    bool ok = assess_drills_evidence(e, rows, catalog, NOW, ret_error);

    json_decref(rows);
    return ok ? e : assess_evidence_free(e);
}

static void expect(const struct evidence_set *e, const char *test, double value, uint64_t samples)
{
    const struct evidence_item *it = evidence_find(e, test);

    print_message("  %s\n", test);
    assert_non_null(it);
    assert_true(it->value > value - 1e-9 && it->value < value + 1e-9);
    assert_int_equal(it->samples, samples);
}

static void drills_become_recall_time_and_coverage(void **state)
{
    char *error = NULL;
    struct evidence_set *e = drills(
        "{\"at\": 1771977600000, \"subcategory\": \"MQ.DE.ID-02\", \"scenario\": \"R04\","
        " \"injected\": 20, \"detected\": 18, \"seconds\": [1, 9, 2], \"touched\": [12, 10, 30]}\n"
        "{\"at\": 1772150400000, \"subcategory\": \"MQ.DE.ID-02\", \"scenario\": \"R01\","
        " \"injected\": 10, \"detected\": 9, \"seconds\": [4]}\n"
        "\n"
        "{\"at\": 1772064000000, \"subcategory\": \"MQ.DE.NM-01\", \"scenario\": \"R01\","
        " \"injected\": 10, \"detected\": 0}\n"
        "{\"at\": 1772064000000, \"test\": \"MQ.RS.RP-01.t1\", \"value\": 3.5, \"by\": \"ada\"}\n",
        &error);

    (void)state;
    if (e == NULL)
        fail_msg("%s", error);
    expect(e, "MQ.DE.ID-02.t1", 0.9, 30);
    expect(e, "MQ.DE.ID-02.t2", 12, 3);
    expect(e, "MQ.DE.NM-01.t2", 0, 10);
    expect(e, "MQ.PR.SP-03.t3", 27.0 / 40, 40);
    expect(e, "MQ.PR.SP-03.t5", 2, 4);
    expect(e, "MQ.PR.SA-03.t1", 1, 1);
    expect(e, "MQ.PR.SA-03.t2", 27.0 / 40, 40);
    expect(e, "MQ.PR.SA-03.t4", 2, 3);
    expect(e, "MQ.RS.RP-01.t1", 3.5, 1);
    assert_null(evidence_find(e, "MQ.DE.NM-01.t3")); /* nothing was detected: no time to alert */
    assert_null(evidence_find(e, "MQ.DE.ID-01.t2")); /* not drilled */
    assess_evidence_free(e);
}

static void a_drill_older_than_a_year_or_from_the_future_does_not_count(void **state)
{
    char *error = NULL;
    CLEANUP(buf_done) struct buf lines = {0};
    struct evidence_set *e;

    (void)state;
    buf_addf(&lines,
             "{\"at\": %llu, \"injected\": 5, \"detected\": 5}\n"
             "{\"at\": %llu, \"injected\": 5, \"detected\": 5}\n",
             (unsigned long long)(NOW - 366 * DAY_MS), (unsigned long long)(NOW + 1));
    buf_add_u8(&lines, 0);
    e = drills((char *)lines.at, &error);
    assert_non_null(e);
    assert_int_equal(e->n, 0);
    assess_evidence_free(e);
}

static void a_drill_line_that_is_not_in_order_is_told_with_its_number(void **state)
{
    /* clang-format off */
    static const struct {
        const char *lines;
        const char *error;
    } cases[] = {
        {"{\"at\": 1772064000000, \"injected\": 5, \"detected\": 5}\n[\"nonsense\"]\n", "drill 2 of the store: "},
        {"{\"injected\": 5, \"detected\": 5}\n",                                     "drill 1 of the store: \"at\""},
        {"{\"at\": 1772064000000, \"injected\": 0, \"detected\": 0}\n",              "\"injected\" of at least 1"},
        {"{\"at\": 1772064000000, \"injected\": 2, \"detected\": 3}\n",              "\"detected\" of no more"},
        {"{\"at\": 1772064000000, \"injected\": 2, \"detected\": 2, \"scenario\": \"R77\"}\n", "\"scenario\" is none"},
        {"{\"at\": 1772064000000, \"test\": \"MQ.PR.IA-01.t1\", \"value\": 1}\n",    "no test of a kind"},
        {"{\"at\": 1772064000000, \"test\": \"MQ.RS.RP-01.t1\", \"value\": 1, \"scenario\": \"X\"}\n", "\"scenario\" is none"},
        {"{\"at\": 1772064000000, \"test\": \"MQ.RS.RP-01.t1\"}\n",                  "\"value\" is no number"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *error = NULL;

        assert_null(drills(cases[i].lines, &error));
        print_message("  %s\n", error);
        assert_non_null(strstr(error, cases[i].error));
        free(error);
    }
}

static void a_recorded_age_grows_and_other_values_stay(void **state)
{
    char *error = NULL;
    struct evidence_set *e = drills(
        "{\"at\": 1772150400000, \"test\": \"MQ.RC.RP-08.t2\", \"value\": 2, \"by\": \"ada\"}\n"
        "{\"at\": 1772150400000, \"test\": \"MQ.RC.RP-08.t1\", \"value\": 3, \"by\": \"ada\"}\n"
        "{\"at\": 1772150400000, \"test\": \"MQ.RC.RP-05.t1\", \"value\": 4, \"samples\": 25}\n"
        "{\"at\": 1772150400000, \"test\": \"MQ.PR.SA-01.t1\", \"value\": 0.9}\n",
        &error);

    (void)state;
    if (e == NULL)
        fail_msg("%s", error);
    expect(e, "MQ.RC.RP-08.t2", 3, 1);   /* days since a restore, recorded a day ago */
    expect(e, "MQ.RC.RP-08.t1", 27, 1);  /* hours since a backup */
    expect(e, "MQ.RC.RP-05.t1", 4, 25);  /* hours that something took */
    expect(e, "MQ.PR.SA-01.t1", 0.9, 1); /* imported */
    assert_string_equal(evidence_find(e, "MQ.RC.RP-08.t2")->detail, "recorded, by ada");
    assess_evidence_free(e);
}

static void what_the_node_measured_is_not_outvoted_by_a_recorded_value(void **state)
{
    struct evidence_set *e = assess_evidence_new();
    char *error = NULL;
    json_t *rows = world_rows(
        "{\"at\": 1772150400000, \"test\": \"MQ.PR.SP-04.t1\", \"value\": 1, \"by\": \"ada\"}\n"
        "{\"at\": 1772150400000, \"test\": \"MQ.PR.SP-04.t2\", \"value\": 9, \"by\": \"ada\"}\n"
        "{\"at\": 1772150400001, \"test\": \"MQ.PR.SP-04.t2\", \"value\": 2, \"by\": \"ada\"}\n");

    (void)state;
    assess_evidence_add(
        e,
        &(struct evidence){.test = "MQ.PR.SP-04.t1", .value = 77, .samples = 4, .at_unix_ms = 1});
    assert_true(assess_drills_evidence(e, rows, catalog, NOW, &error));
    json_decref(rows);
    expect(e, "MQ.PR.SP-04.t1", 77, 4);
    expect(e, "MQ.PR.SP-04.t2", 2, 1); /* of two recorded ones the later */
    assess_evidence_free(e);
}

/* ---- history ---- */

static void runs_and_changes_are_rows_that_are_read_back(void **state)
{
    struct world w = world_new(4);
    json_t *rows = json_array();
    char *error = NULL;
    struct history *h;

    (void)state;
    json_array_append_new(rows, assess_history_run(world_run(&w)));
    json_array_append_new(rows, json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}", "kind", "change", "at",
                                          (json_int_t)NOW, "category", "MQ.PR.IA", "cause",
                                          "lesson", "text", "drill of May", "by", "ada"));
    h = assess_history_read(rows, &error);
    if (h == NULL)
        fail_msg("%s", error);
    assert_int_equal(h->n_runs, 1);
    assert_int_equal(h->runs_unix_ms[0], NOW);
    assert_int_equal(h->n_entries, 1);
    assert_string_equal(h->entries[0].covers, "MQ.PR.IA");
    assert_string_equal(h->entries[0].cause, "lesson");
    assert_false(h->entries[0].is_indicator);
    assess_history_free(h);
    json_decref(rows);
    world_done(&w);
}

static void a_row_of_the_history_that_is_not_in_order_is_told_with_its_number(void **state)
{
    static const char *const bad[] = {
        "{\"kind\": \"run\", \"at\": 5}\n\"nonsense\"\n",
        "{\"kind\": \"run\", \"at\": 5}\n{\"kind\": \"run\"}\n",
        "{\"kind\": \"run\", \"at\": 5}\n{\"kind\": \"x\", \"at\": 5}\n"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        json_t *rows = json_array();
        char *error = NULL;
        const char *second = strchr(bad[i], '\n') + 1;

        json_array_append_new(rows, json_loadb(bad[i], (size_t)(second - bad[i]), 0, NULL));
        json_array_append_new(rows, json_loads(second, JSON_DECODE_ANY, NULL));
        assert_null(assess_history_read(rows, &error));
        assert_non_null(strstr(error, "assessment 2 of the store: "));
        free(error);
        json_decref(rows);
    }
}

static void an_id_covers_what_stands_under_it(void **state)
{
    (void)state;
    assert_true(id_covers("MQ", "MQ.PR.IA"));
    assert_true(id_covers("MQ.PR", "MQ.PR.IA"));
    assert_true(id_covers("MQ.PR.IA", "MQ.PR.IA"));
    assert_true(id_covers("MQ.PR.IA", "MQ.PR.IA-03"));
    assert_false(id_covers("MQ.PR.I", "MQ.PR.IA"));
    assert_false(id_covers("MQ.PR.IA", "MQ.PR"));
    assert_false(id_covers("", "MQ.PR"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_is_read_and_written_alike),
        cmocka_unit_test(of_two_values_the_later_counts),
        cmocka_unit_test(evidence_that_is_not_in_order_is_refused_as_a_whole),
        cmocka_unit_test(drills_become_recall_time_and_coverage),
        cmocka_unit_test(a_drill_older_than_a_year_or_from_the_future_does_not_count),
        cmocka_unit_test(a_drill_line_that_is_not_in_order_is_told_with_its_number),
        cmocka_unit_test(a_recorded_age_grows_and_other_values_stay),
        cmocka_unit_test(what_the_node_measured_is_not_outvoted_by_a_recorded_value),
        cmocka_unit_test(runs_and_changes_are_rows_that_are_read_back),
        cmocka_unit_test(a_row_of_the_history_that_is_not_in_order_is_told_with_its_number),
        cmocka_unit_test(an_id_covers_what_stands_under_it),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
