/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/test_compare.c - declared and seen side by side; crypto, zones, rates */
#include "feed.h"

static const struct client meter = {1, "meter-1", "meter-1", "aa11", "10.1.0.1", "meter"};
static const struct client centre = {2, "centre", "centre", NULL, "10.2.0.1", "centre"};

static void tell(struct identify *id, const struct client *c, enum identify_trait t,
                 const char *text)
{
    struct buf traits = {0};
    struct event e = {.kind = EVENT_DEVICE_TRAITS, .conn = c->conn};

    identify_trait_add(&traits, t, bytes_str(text));
    e.text = buf_view(&traits);
    identify_event(id, &e, NOW);
    buf_done(&traits);
}

/* "what:declared>seen " of each difference of the asset. */
static void expect_differences(const struct identify *id, const char *name, uint64_t unix_ms,
                               const char *expected)
{
    json_t *all = identify_assets_json(id, unix_ms);
    struct buf text = {0};
    const json_t *v;
    size_t i;

    json_array_foreach(json_object_get(asset_named(all, name), "differences"), i, v) buf_addf(
        &text, "%s:%s>%s ", text_in(v, "what"), text_in(v, "declared"), text_in(v, "seen"));
    buf_add_u8(&text, 0);
    assert_string_equal((char *)text.at, expected);
    buf_done(&text);
    json_decref(all);
}

static void what_differs_from_its_record_is_told(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    connect_at(id, &meter, NOW);
    expect_differences(id, "meter-1", NOW, "unknown-device:>meter-1 ");
    declare(id,
            "zones:\n  - {name: north, prefixes: [10.1.0.0/16]}\n"
            "assets:\n  - name: Meter\n    certificate_cn: meter-1\n    zone: north\n"
            "    firmware: '1.0'\n    library: paho\n    protocol: '5.0'\n"
            "    expected_address: 10.1.0.0/24\n    certificate_fingerprint: aa11\n",
            NOW);
    expect_differences(id, "Meter", NOW, "");
    tell(id, &meter, IDENTIFY_TRAIT_FIRMWARE, "1.0");
    tell(id, &meter, IDENTIFY_TRAIT_LIBRARY, "mosquitto");
    tell(id, &meter, IDENTIFY_TRAIT_OS, "not declared");
    expect_differences(id, "Meter", NOW, "library:paho>mosquitto ");
    {
        struct client moved = {5, "meter-1", "meter-1", "bb22", "10.9.0.1", "meter"};

        connect_at(id, &moved, NOW + 1);
    }
    expect_differences(id, "Meter", NOW,
                       "address:10.1.0.0/24>10.9.0.1 zone:north>none declared "
                       "certificate:aa11>bb22 library:paho>mosquitto ");
    identify_free(id);
}

static void a_device_in_service_that_is_silent_or_never_came_is_missing(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    connect_at(id, &meter, NOW);
    declare(
        id,
        "assets:\n"
        "  - {name: Meter, certificate_cn: meter-1, state: in-service, expected_interval_s: 60}\n"
        "  - {name: Never, client_id: never, state: in-service}\n"
        "  - {name: Planned, client_id: planned, state: planned}\n"
        "  - {name: Repaired, client_id: repaired, state: maintenance}\n"
        "  - {name: Gone, client_id: centre, state: lost}\n",
        NOW);
    expect_differences(id, "Meter", NOW + 3600000, "");
    feed(id, &meter, EVENT_DISCONNECTED, NULL, NOW + 1000);
    expect_differences(id, "Meter", NOW + 180000, "");
    expect_differences(id, "Meter", NOW + 182000, "missing-device:Meter> ");
    expect_differences(id, "Never", NOW, "missing-device:Never> ");
    expect_differences(id, "Planned", NOW, "");
    expect_differences(id, "Repaired", NOW, "");
    connect_at(id, &centre, NOW);
    expect_differences(id, "Gone", NOW, "lifecycle:lost>connected ");
    identify_free(id);
}

static void what_is_expected_must_make_sense(void **state)
{
    static const char *const wrong[] = {"expected_address: here", "protocol: '4'"};
    struct identify *id = identify_new(NULL);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char path[] = "/tmp/bastide-inventory-XXXXXX";
        int fd = mkstemp(path);
        char *error = NULL;

        assert_true(dprintf(fd, "assets:\n  - {name: a, client_id: a, %s}\n", wrong[i]) > 0);
        close(fd);
        assert_false(identify_inventory_load(id, path, NOW, &error));
        unlink(path);
        free(error);
    }
    identify_free(id);
}

static void devices_are_held_against_the_crypto_profile(void **state)
{
    static const char *const expected[] = {"inside", "deprecated", "outside"};
    static const char *const versions[] = {"TLSv1.3", "TLSv1.2", "TLSv1.1"};
    struct identify *id = identify_new(NULL);
    struct client c[3];
    json_t *all;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        c[i] = meter;
        c[i].conn = 10 + i;
        c[i].principal = versions[i];
        connect_at(id, &c[i], NOW);
        tell(id, &c[i], IDENTIFY_TRAIT_TLS_VERSION, versions[i]);
    }
    tell(id, &c[0], IDENTIFY_TRAIT_CERTIFICATE_NOT_AFTER, "2026-01-01T00:00:00.000Z");
    connect_at(id, &centre, NOW); /* without TLS */
    expect_fact(id, IDENTIFY_SUITE_IN_POLICY_RATIO, NOW, 0, 0);
    all = identify_crypto_json(id, NOW);
    assert_string_equal(text_in(asset_named(all, "centre"), "profile"), "no-profile");
    json_decref(all);
    declare(id,
            "crypto_profile:\n  - {tls_version: TLSv1.3, certificate_key: EC P-256}\n"
            "  - {tls_version: TLSv1.2, sunset: 2025-01-31}\n",
            NOW);
    all = identify_crypto_json(id, NOW);
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(text_in(asset_named(all, versions[i]), "profile"), expected[i]);
    assert_string_equal(text_in(asset_named(all, "centre"), "tls_version"), "none");
    assert_string_equal(text_in(asset_named(all, "centre"), "profile"), "outside");
    assert_int_equal(json_integer_value(json_object_get(asset_named(all, versions[0]),
                                                        "certificate_not_after_unix_ms")),
                     1767225600000);
    json_decref(all);
    expect_fact(id, IDENTIFY_SUITE_IN_POLICY_RATIO, NOW, 2.0 / 3, 3);
    expect_fact(id, IDENTIFY_DEPRECATED_SHARE, NOW, 1.0 / 3, 3);
    identify_free(id);
}

static void firmware_is_known_when_it_was_told_or_declared_of_late(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    declare(id,
            "approved_by: A\napproved_at: 2024-10-01\nassets:\n"
            "  - {name: A, certificate_cn: meter-1}\n"
            "  - {name: B, client_id: centre, firmware: '3'}\n  - {name: C, client_id: other}\n",
            NOW);
    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    connect_at(id, &(struct client){7, "other", "", NULL, "10.0.0.7", "r"}, NOW);
    expect_fact(id, IDENTIFY_FW_KNOWN_RATIO, NOW, 1.0 / 3, 3);
    tell(id, &meter, IDENTIFY_TRAIT_FIRMWARE, "1.0");
    expect_fact(id, IDENTIFY_FW_KNOWN_RATIO, NOW, 2.0 / 3, 3);
    identify_free(id);
}

static const char zoned[] =
    "zones:\n  - {name: north, prefixes: [10.1.0.0/16]}\n"
    "  - {name: partner, prefixes: [10.2.0.0/16], external: yes}\n"
    "conduits:\n  - {name: Radio, from_zone: partner, to_zone: north, carrier: own,"
    " agreement: C1, agreement_expires: %s}\n%s"
    "flows:\n  - {from: meter-1, topic: a/#, to: centre, classification: critical}\n";

static void declare_zones(struct identify *id, const char *expires, const char *more)
{
    char yaml[1024];

    (void)snprintf(yaml, sizeof(yaml), zoned, expires, more);
    declare(id, yaml, NOW);
}

static void a_flow_tells_its_zones_and_conduit_and_about_how_much(void **state)
{
    struct event_traffic t = {.n_messages = 30, .span_ms = 10000};
    struct event e = {.kind = EVENT_TRAFFIC, .conn = meter.conn, .text = bytes_of(&t, sizeof(t))};
    struct identify *id = identify_new(NULL);
    json_t *all;
    const json_t *f;

    (void)state;
    declare_zones(id, "2030-01-01", "");
    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "a/#", NOW);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/1", NOW);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "b", NOW);
    identify_event(id, &e, NOW);
    all = identify_flows_json(id, NOW);
    f = json_array_get(json_object_get(all, "flows"), 0);
    assert_string_equal(text_in(f, "from_zone"), "north");
    assert_string_equal(text_in(f, "to_zone"), "partner");
    assert_string_equal(text_in(f, "conduit"), "Radio");
    assert_true(json_is_true(json_object_get(f, "crosses_zones")));
    assert_true(json_number_value(json_object_get(f, "messages_per_s")) == 1.5);
    json_decref(all);
    all = identify_assets_json(id, NOW);
    assert_true(json_number_value(json_object_get(asset_named(all, "meter-1"), "messages_per_s")) ==
                3.0);
    json_decref(all);
    all = identify_network_json(id, NOW);
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(all, "zones"), 0), "assets")),
                     1);
    assert_string_equal(text_in(json_array_get(json_object_get(all, "conduits"), 0), "carrier"),
                        "own");
    json_decref(all);
    identify_free(id);
}

static void agreements_that_ended_and_single_paths_are_counted(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    connect_at(id, &meter, NOW);
    connect_at(id, &centre, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "a/#", NOW);
    feed(id, &meter, EVENT_PUBLISH_TOPIC, "a/1", NOW);
    expect_fact(id, IDENTIFY_EXPIRED_CONTRACT_CONNECTED, NOW, 0, 0);
    declare_zones(id, "2030-01-01", "");
    expect_fact(id, IDENTIFY_EXPIRED_CONTRACT_CONNECTED, NOW, 0, 1);
    expect_fact(id, IDENTIFY_SINGLE_PATH_CRITICAL, NOW, 1, 1);
    declare_zones(id, "2024-01-01",
                  "  - {name: Fibre, from_zone: north, to_zone: partner, carrier: other}\n");
    expect_fact(id, IDENTIFY_EXPIRED_CONTRACT_CONNECTED, NOW, 1, 1);
    expect_fact(id, IDENTIFY_SINGLE_PATH_CRITICAL, NOW, 0, 1);
    identify_free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_differs_from_its_record_is_told),
        cmocka_unit_test(a_device_in_service_that_is_silent_or_never_came_is_missing),
        cmocka_unit_test(what_is_expected_must_make_sense),
        cmocka_unit_test(devices_are_held_against_the_crypto_profile),
        cmocka_unit_test(firmware_is_known_when_it_was_told_or_declared_of_late),
        cmocka_unit_test(a_flow_tells_its_zones_and_conduit_and_about_how_much),
        cmocka_unit_test(agreements_that_ended_and_single_paths_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
