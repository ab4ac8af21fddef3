/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/test_asset.c - MQ.ID.AM-01 */
#include "feed.h"

static const struct client meter = {1, "meter-1", "meter-1", "aa11", "10.1.0.1", "meter"};
static const struct client pump = {2, "pump-7", "pumps", NULL, "10.1.0.2", "pump"};

static void a_device_is_known_by_its_certificates_name_else_by_principal_and_client_id(void **state)
{
    struct identify *id = identify_new(NULL);
    json_t *all;

    (void)state;
    connect_at(id, &meter, NOW);
    connect_at(id, &pump, NOW + 5);
    all = identify_assets_json(id, NOW + 10);
    assert_int_equal(json_integer_value(json_object_get(all, "n")), 2);
    assert_string_equal(text_in(asset_named(all, "meter-1"), "id"), "cert:meter-1");
    assert_string_equal(text_in(asset_named(all, "pump-7"), "id"), "user:pumps/pump-7");
    assert_string_equal(text_in(asset_named(all, "pump-7"), "state"), "learned");
    assert_string_equal(text_in(asset_named(all, "pump-7"), "role"), "pump");
    assert_string_equal(text_in(asset_named(all, "pump-7"), "address"), "10.1.0.2");
    assert_int_equal(
        json_integer_value(json_object_get(asset_named(all, "pump-7"), "first_seen_unix_ms")),
        NOW + 5);
    assert_int_equal(
        json_integer_value(json_object_get(asset_named(all, "pump-7"), "protocol_level")), 5);
    json_decref(all);
    identify_free(id);
}

static void a_renewed_certificate_is_the_same_device_with_two_fingerprints(void **state)
{
    struct client renewed = meter;
    struct identify *id = identify_new(NULL);
    json_t *all, *a;

    (void)state;
    renewed.conn = 9;
    renewed.cert = "bb22";
    connect_at(id, &meter, NOW);
    feed(id, &meter, EVENT_DISCONNECTED, NULL, NOW + 1);
    connect_at(id, &renewed, NOW + 2);
    all = identify_assets_json(id, NOW + 3);
    assert_int_equal(json_integer_value(json_object_get(all, "n")), 1);
    a = asset_named(all, "meter-1");
    assert_int_equal(json_array_size(json_object_get(a, "fingerprints")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(a, "fingerprints"), 0)),
                        "bb22");
    assert_int_equal(json_integer_value(json_object_get(a, "n_connects")), 2);
    json_decref(all);
    identify_free(id);
}

static void only_who_was_let_in_becomes_an_asset(void **state)
{
    static const enum event_kind others[] = {EVENT_CONNECT_ATTEMPT, EVENT_CONNECT_REFUSED,
                                             EVENT_AUTH_FAILED, EVENT_TLS_FAILED, EVENT_BAN_HIT};
    struct identify *id = identify_new(NULL);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        feed(id, &meter, others[i], NULL, NOW);
    assert_int_equal(identify_counts(id).n_assets, 0);
    identify_free(id);
}

static void the_nodes_own_probes_are_no_assets(void **state)
{
    struct client probe = {3, IDENTIFY_TEST_PREFIX "-acl", "probe", NULL, "127.0.0.1", "probe"};
    struct identify *id = identify_new(NULL);

    (void)state;
    connect_at(id, &probe, NOW);
    assert_int_equal(identify_counts(id).n_assets, 0);
    identify_free(id);
}

static void names_that_look_alike_when_joined_stay_two_devices(void **state)
{
    struct client one = {1, "b/c", "a", NULL, "10.0.0.1", "r"};
    struct client two = {2, "c", "a/b", NULL, "10.0.0.1", "r"};
    struct identify *id = identify_new(NULL);

    (void)state;
    connect_at(id, &one, NOW);
    connect_at(id, &two, NOW);
    assert_int_equal(identify_counts(id).n_assets, 2);
    identify_free(id);
}

static void past_assets_max_a_new_device_is_counted_and_a_known_one_is_still_followed(void **state)
{
    struct identify_limits limits = identify_limits_default;
    struct identify *id;
    struct client c = {0, NULL, "", NULL, "10.0.0.1", "r"};
    char name[16];

    (void)state;
    limits.assets_max = 3;
    id = identify_new(&limits);
    for (unsigned i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i);
        c.client_id = name;
        c.conn = i;
        connect_at(id, &c, NOW + i);
    }
    assert_int_equal(identify_counts(id).n_assets, 3);
    assert_int_equal(identify_counts(id).n_assets_dropped, 2);
    feed(id, &(struct client){0, "c0", "", NULL, "10.0.0.1", "r"}, EVENT_DISCONNECTED, NULL, NOW);
    assert_int_equal(identify_counts(id).n_connected, 2);
    connect_at(id, &(struct client){77, "c0", "", NULL, "10.0.0.1", "r"}, NOW + 9);
    assert_int_equal(identify_counts(id).n_connected, 3);
    identify_free(id);
}

static void bytes_that_are_no_text_come_out_as_text(void **state)
{
    struct client odd = {1, "x\x01\xff", "p\nq", NULL, "10.0.0.1", "r"};
    struct identify *id = identify_new(NULL);
    json_t *all;

    (void)state;
    connect_at(id, &odd, NOW);
    all = identify_assets_json(id, NOW);
    assert_string_equal(text_in(json_array_get(json_object_get(all, "assets"), 0), "id"),
                        "user:p\nq/x\x01?");
    json_decref(all);
    identify_free(id);
}

static void the_last_addresses_are_kept_newest_first(void **state)
{
    static const char *const at[] = {"10.0.0.1", "10.0.0.2", "10.0.0.1",
                                     "10.0.0.3", "10.0.0.4", "10.0.0.5"};
    struct identify *id = identify_new(NULL);
    json_t *all, *list;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct client c = meter;

        c.conn = i;
        c.address = at[i];
        connect_at(id, &c, NOW + i);
        feed(id, &c, EVENT_DISCONNECTED, NULL, NOW + i);
    }
    all = identify_assets_json(id, NOW + 9);
    list = json_object_get(asset_named(all, "meter-1"), "addresses");
    assert_int_equal(json_array_size(list), 4);
    assert_string_equal(text_in(json_array_get(list, 0), "address"), "10.0.0.5");
    assert_string_equal(text_in(json_array_get(list, 3), "address"), "10.0.0.1");
    json_decref(all);
    identify_free(id);
}

static void a_declared_device_is_shown_seen_or_not(void **state)
{
    struct identify *id = identify_new(NULL);
    json_t *all;

    (void)state;
    connect_at(id, &meter, NOW);
    declare(id,
            "assets:\n"
            "  - {name: Meter 1, certificate_cn: meter-1, owner: metering, site: north}\n"
            "  - {name: Meter 2, client_id: meter-2, criticality: high}\n",
            NOW + 1);
    all = identify_assets_json(id, NOW + 2);
    assert_int_equal(json_integer_value(json_object_get(all, "n")), 2);
    assert_string_equal(text_in(asset_named(all, "Meter 1"), "state"), "declared");
    assert_string_equal(text_in(asset_named(all, "Meter 1"), "owner"), "metering");
    assert_true(json_is_true(json_object_get(asset_named(all, "Meter 1"), "connected")));
    assert_string_equal(text_in(asset_named(all, "Meter 2"), "state"), "declared-not-seen");
    assert_string_equal(text_in(asset_named(all, "Meter 2"), "criticality"), "high");
    json_decref(all);
    identify_free(id);
}

/* Whoever may choose a client id must not pass for a device that has a certificate. */
static void every_identifier_of_a_record_must_be_shown(void **state)
{
    /* clang-format off */
    static const struct {
        const char *what;
        const char *record;
        struct client client;
        bool meets;
    } cases[] = {
        {"certificate",             "certificate_cn: m",                 {1, "x", "m", "aa", "10.0.0.1", ""}, true},
        {"name without certificate","certificate_cn: m",                 {1, "x", "m", NULL, "10.0.0.1", ""}, false},
        {"user name",               "user_name: m",                      {1, "x", "m", NULL, "10.0.0.1", ""}, true},
        {"both, both shown",        "certificate_cn: m, client_id: x",   {1, "x", "m", "aa", "10.0.0.1", ""}, true},
        {"both, another client id", "certificate_cn: m, client_id: x",   {1, "y", "m", "aa", "10.0.0.1", ""}, false},
        {"both, other certificate", "certificate_cn: m, client_id: x",   {1, "x", "n", "aa", "10.0.0.1", ""}, false},
        {"address",                 "address: 10.0.0.1",                 {1, "x", "",  NULL, "10.0.0.1", ""}, true},
        {"another address",         "address: 10.0.0.1",                 {1, "x", "",  NULL, "10.0.0.2", ""}, false},
        {"client id and address",   "client_id: x, address: 10.0.0.1",   {1, "x", "",  NULL, "10.0.0.2", ""}, false},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct identify *id = identify_new(NULL);
        char yaml[128];
        json_t *all;

        print_message("  %s\n", cases[i].what);
        (void)snprintf(yaml, sizeof(yaml), "assets:\n  - {name: R, %s}\n", cases[i].record);
        declare(id, yaml, NOW);
        connect_at(id, &cases[i].client, NOW);
        all = identify_assets_json(id, NOW);
        assert_string_equal(text_in(asset_named(all, "R"), "state"),
                            cases[i].meets ? "declared" : "declared-not-seen");
        json_decref(all);
        identify_free(id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_device_is_known_by_its_certificates_name_else_by_principal_and_client_id),
        cmocka_unit_test(a_renewed_certificate_is_the_same_device_with_two_fingerprints),
        cmocka_unit_test(only_who_was_let_in_becomes_an_asset),
        cmocka_unit_test(the_nodes_own_probes_are_no_assets),
        cmocka_unit_test(names_that_look_alike_when_joined_stay_two_devices),
        cmocka_unit_test(past_assets_max_a_new_device_is_counted_and_a_known_one_is_still_followed),
        cmocka_unit_test(bytes_that_are_no_text_come_out_as_text),
        cmocka_unit_test(the_last_addresses_are_kept_newest_first),
        cmocka_unit_test(a_declared_device_is_shown_seen_or_not),
        cmocka_unit_test(every_identifier_of_a_record_must_be_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
