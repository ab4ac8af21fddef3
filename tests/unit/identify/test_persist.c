/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/test_persist.c - what was learned is there after a restart */
#include "feed.h"
#include "state.h"

static const struct client meter = {1, "meter-1", "meter-1", "aa", "10.1.0.1", "meter"};
static const struct client centre = {2, "centre", "ops", NULL, "10.2.0.1", "centre"};

static void save(struct identify *id, uint64_t unix_ms)
{
    assert_true(identify_save(id, control, unix_ms));
    assert_true(control_flush(control));
}

static struct identify *load(uint64_t unix_ms)
{
    struct identify *id = identify_new(NULL);
    char *error = NULL;

    if (!identify_load(id, control, dir, unix_ms, &error))
        fail_msg("%s", error);
    return id;
}

static struct identify *filled(void)
{
    struct identify *id = identify_new(NULL);

    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "a/#", NOW);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/b", NOW + 1);
    return id;
}

static void expect_state(const struct identify *id, const char *expected)
{
    json_t *all = identify_assets_json(id, NOW);

    assert_string_equal(text_in(asset_named(all, "Meter"), "lifecycle"), expected);
    json_decref(all);
}

static void put(const char *name, const char *text)
{
    char path[512];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void what_is_saved_is_what_is_loaded(void **state)
{
    struct identify *id = filled();
    struct identify *back;
    json_t *before, *after, *flow;

    (void)state;
    feed(id, &meter, EVENT_DISCONNECTED, NULL, NOW + 5);
    feed(id, &centre, EVENT_DISCONNECTED, NULL, NOW + 5);
    save(id, NOW + 9);
    back = load(NOW + 10);
    before = identify_assets_json(id, NOW);
    after = identify_assets_json(back, NOW);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    before = identify_flows_json(id, NOW);
    after = identify_flows_json(back, NOW);
    assert_true(json_equal(before, after));
    flow = json_array_get(json_object_get(after, "flows"), 0);
    assert_string_equal(text_in(flow, "to_id"), "user:ops/centre");
    assert_int_equal(json_integer_value(json_object_get(flow, "last_seen_unix_ms")), NOW + 5);
    json_decref(before);
    json_decref(after);
    identify_free(back);
    identify_free(id);
}

static void a_flow_that_is_live_counts_as_seen_when_saved(void **state)
{
    struct identify *id = filled();
    struct identify *back;
    json_t *flows;

    (void)state;
    save(id, NOW + 40 * DAY_MS);
    back = load(NOW + 40 * DAY_MS);
    flows = identify_flows_json(back, NOW);
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(flows, "flows"), 0), "last_seen_unix_ms")),
                     NOW + 40 * DAY_MS);
    assert_true(
        json_is_false(json_object_get(json_array_get(json_object_get(flows, "flows"), 0), "live")));
    json_decref(flows);
    identify_free(back);
    identify_free(id);
}

static void facts_outlive_a_restart(void **state)
{
    struct identify *id = identify_new(NULL);
    struct identify *back;
    static const char yaml[] =
        "assets:\n  - {name: Old, certificate_cn: meter-1, state: retired}\n";

    (void)state;
    declare(id, yaml, NOW);
    connect_at(id, &meter, NOW);
    connect_at(id, &(struct client){8, "x", "ops", NULL, "10.0.0.1", "r"}, NOW);
    connect_at(id, &(struct client){9, "y", "ops", NULL, "10.0.0.1", "r"}, NOW);
    save(id, NOW);
    back = load(NOW + 1);
    declare(back, yaml, NOW + 1);
    expect_fact(back, IDENTIFY_RETIRED_CONNECT_COUNT, NOW + 2, 1, 1);
    expect_fact(back, IDENTIFY_RETIRED_CONNECT_COUNT, NOW + 91 * DAY_MS, 0, 1);
    expect_fact(back, IDENTIFY_SHARED_IDENTITY_COUNT, NOW + 2, 1, 2);
    identify_free(back);
    identify_free(id);
}

static void what_was_not_seen_for_long_is_forgotten(void **state)
{
    struct identify *id = filled();
    struct identify *back;

    (void)state;
    feed(id, &meter, EVENT_DISCONNECTED, NULL, NOW + 5);
    save(id, NOW + 9);
    back = load(NOW + (IDENTIFY_FORGET_DAYS + 1) * DAY_MS);
    assert_int_equal(identify_counts(back).n_assets, 0);
    assert_int_equal(identify_counts(back).n_flows, 0);
    identify_free(back);
    identify_free(id);
}

static void an_empty_store_is_nothing_learned_yet(void **state)
{
    struct identify *id = load(NOW);

    (void)state;
    assert_int_equal(identify_counts(id).n_assets, 0);
    identify_free(id);
}

/* As an older version wrote them. */
static const char old_assets[] =
    "{\"format\": \"bastide-assets/1\", \"since_unix_ms\": 1728000000000, \"assets\": ["
    "{\"client_id\": \"a\", \"principal\": \"a\", \"last_seen_unix_ms\": 1728000000000},"
    "{\"client_id\": \"b\", \"principal\": \"b\", \"last_seen_unix_ms\": 1728000000000}]}";
static const char old_flows[] =
    "{\"format\": \"bastide-flows/1\", \"flows\": [{\"from\": \"user:a/a\", \"topic\": \"t\","
    " \"to\": \"user:b/b\", \"first_seen_unix_ms\": 5, \"last_seen_unix_ms\": 1728000000000}]}";

static bool is_there(const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void files_of_an_older_version_are_taken_over_once(void **state)
{
    (void)state;
    put("assets.json", old_assets);
    put("flows.json", old_flows);
    for (int i = 0; i < 2; i++) {
        struct identify *id = load(NOW);

        assert_int_equal(identify_counts(id).n_assets, 2);
        assert_int_equal(identify_counts(id).n_flows, 1);
        assert_false(is_there("assets.json"));
        assert_false(is_there("flows.json"));
        identify_free(id);
    }
}

static void a_corrupt_file_is_moved_aside_and_the_other_one_is_used(void **state)
{
    struct identify *back = identify_new(NULL);
    char *error = NULL;
    char name[64];

    (void)state;
    put("assets.json", old_assets);
    put("flows.json", "{\"format\": \"bastide-flows/1\", \"flo");
    assert_false(identify_load(back, control, dir, NOW + 7, &error));
    assert_non_null(strstr(error, "flows.json: is moved aside"));
    assert_int_equal(identify_counts(back).n_assets, 2);
    assert_int_equal(identify_counts(back).n_flows, 0);
    (void)snprintf(name, sizeof(name), "flows.json.corrupt-%llu", (unsigned long long)NOW + 7);
    assert_true(is_there(name));
    assert_false(is_there("flows.json"));
    assert_false(is_there("assets.json"));
    free(error);
    identify_free(back);
}

static void only_what_has_changed_is_written_again(void **state)
{
    struct identify *id = filled();
    uint64_t n;

    (void)state;
    save(id, NOW + 60000);
    n = control_counts(control).changes;
    save(id, NOW + 90000);
    assert_int_equal(control_counts(control).changes, n);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/c", NOW + 100000);
    save(id, NOW + 120000);
    assert_in_range(control_counts(control).changes, n + 1, n + 3); /* the asset, and a flow */
    identify_free(id);
}

/* Its address is longer than any. */
static const char an_odd_asset[] =
    "{\"format\": \"bastide-assets/1\", \"assets\": [{\"client_id\": \"x\","
    " \"last_seen_unix_ms\": 1728000000000, \"fingerprints\": [1, \"\"],"
    " \"addresses\": [3, {}, {\"address\": \""
    "0123456789012345678901234567890123456789012345678901234567890\"}]}]}";
static const char odd_days[] =
    "{\"format\": \"bastide-assets/1\", \"retired\": [{\"day\": -5, \"n\": 1},"
    " {\"day\": 9000000000000000000, \"n\": 1}]}";

/* Every field of another type, or absent: what cannot be used is left out. */
static void a_file_of_odd_values_is_read_as_far_as_it_makes_sense(void **state)
{
    static const char *const odd[] = {
        "{\"format\": \"bastide-assets/1\"}",
        "{\"format\": \"bastide-assets/1\", \"assets\": 7, \"addresses\": {}, \"retired\": [[]]}",
        "{\"format\": \"bastide-assets/1\", \"assets\": [1, null, {}, [], {\"client_id\": 3}]}",
        an_odd_asset,
        odd_days,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        struct identify *id;
        json_t *all;

        print_message("  %s\n", odd[i]);
        put("assets.json", odd[i]);
        id = load(NOW);
        all = identify_assets_json(id, NOW);
        assert_int_equal(json_integer_value(json_object_get(all, "n")), i >= 3); /* it stays */
        json_decref(all);
        identify_free(id);
    }
}

static void client_days_are_added_up_and_go_on_after_a_restart(void **state)
{
    struct identify *id = identify_new(NULL);
    struct identify *back;
    struct client two = {2, "two", "", NULL, "10.0.0.2", "r"};

    (void)state;
    connect_at(id, &meter, NOW);
    connect_at(id, &two, NOW);
    identify_tick(id, NOW);
    for (unsigned s = 1; s <= 4320; s++) /* two clients for half of a tenth of a day */
        identify_tick(id, NOW + s * 1000);
    assert_true(identify_client_days(id, NOW, 30) > 0.0999 &&
                identify_client_days(id, NOW, 30) < 0.1001);
    identify_tick(id, NOW + 40 * DAY_MS); /* the clock jumps: it was not looked for so long */
    assert_true(identify_client_days(id, NOW + 40 * DAY_MS, 30) < 0.002);
    save(id, NOW + 40 * DAY_MS);
    back = load(NOW + 40 * DAY_MS);
    assert_true(identify_client_days(back, NOW, 30) > 0.0999);
    identify_free(back);
    identify_free(id);
}

#define METER "assets:\n  - {name: Meter, certificate_cn: meter-1, state: in-service"

static void what_is_set_stands_until_the_inventory_has_a_later_state(void **state)
{
    struct identify *id = filled();

    (void)state;
    declare(id, METER "}\n", NOW);
    assert_int_equal(identify_lifecycle_set(id, control, "None", "lost", NOW),
                     IDENTIFY_E_NOT_FOUND);
    assert_int_equal(identify_lifecycle_set(id, control, "Meter", "gone", NOW), IDENTIFY_E_INVALID);
    assert_int_equal(identify_lifecycle_set(id, control, "Meter", "maintenance", NOW), IDENTIFY_OK);
    expect_state(id, "maintenance");
    save(id, NOW + 1);
    identify_free(id);

    id = load(NOW + 200 * DAY_MS); /* longer than what was seen is remembered */
    connect_at(id, &meter, NOW + 200 * DAY_MS);
    declare(id, METER ", state_since: 2024-10-03}\n", NOW);
    expect_state(id, "maintenance");
    declare(id, METER ", state_since: 2024-10-05}\n", NOW);
    expect_state(id, "in-service");
    identify_free(id);
}

static void see_overdue(void *arg, const char *name, uint32_t days_overdue)
{
    assert_string_equal(name, "Meter");
    *(uint32_t *)arg = days_overdue;
}

static bool is_overdue(const struct identify *id, uint64_t unix_ms)
{
    uint32_t days = UINT32_MAX;

    identify_inspections_each(id, unix_ms, see_overdue, &days);
    assert_int_not_equal(days, UINT32_MAX);
    return days > 0;
}

static void an_inspection_that_was_told_counts_until_the_inventory_has_a_later_one(void **state)
{
    static const char inventory[] =
        METER ", approved_at: 2023-01-01, exposure_class: public, inspected: 2023-01-01}\n";
    struct identify *id = filled();

    (void)state;
    declare(id, inventory, NOW);
    assert_true(is_overdue(id, NOW));
    assert_int_equal(identify_inspected(id, control, "None", NOW), IDENTIFY_E_NOT_FOUND);
    assert_int_equal(identify_inspected(id, control, "Meter", NOW), IDENTIFY_OK);
    assert_false(is_overdue(id, NOW));
    save(id, NOW + 1);
    identify_free(id);

    id = load(NOW + DAY_MS);
    declare(id, inventory, NOW + DAY_MS);
    assert_false(is_overdue(id, NOW + DAY_MS));
    assert_true(is_overdue(id, NOW + 181 * DAY_MS));
    identify_free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_inspection_that_was_told_counts_until_the_inventory_has_a_later_one, dir_make,
            dir_remove),
        cmocka_unit_test_setup_teardown(what_is_set_stands_until_the_inventory_has_a_later_state,
                                        dir_make, dir_remove),
        cmocka_unit_test(what_is_saved_is_what_is_loaded),
        cmocka_unit_test(client_days_are_added_up_and_go_on_after_a_restart),
        cmocka_unit_test(a_flow_that_is_live_counts_as_seen_when_saved),
        cmocka_unit_test(facts_outlive_a_restart),
        cmocka_unit_test(what_was_not_seen_for_long_is_forgotten),
        cmocka_unit_test(a_corrupt_file_is_moved_aside_and_the_other_one_is_used),
        cmocka_unit_test(a_file_of_odd_values_is_read_as_far_as_it_makes_sense),
        cmocka_unit_test(files_of_an_older_version_are_taken_over_once),
        cmocka_unit_test(only_what_has_changed_is_written_again),
        cmocka_unit_test_setup_teardown(an_empty_store_is_nothing_learned_yet, NULL, NULL),
    };
    struct CMUnitTest each[COUNT_OF(tests)];

    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        each[i] = tests[i];
        each[i].setup_func = dir_make;
        each[i].teardown_func = dir_remove;
    }
    return cmocka_run_group_tests(each, NULL, NULL);
}
