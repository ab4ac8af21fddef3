/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/test_facts.c - what the assessment asks */
#include "feed.h"

static const char inventory[] =
    "approved_by: chief engineer\n"
    "approved_at: 2024-09-24\n" /* ten days before NOW */
    "zones:\n"
    "  - {name: north, prefixes: [10.1.0.0/16]}\n"
    "  - {name: south, prefixes: [10.2.0.0/16]}\n"
    "  - {name: partner, prefixes: [192.0.2.0/24], external: yes}\n"
    "topics:\n"
    "  - {filter: a/#, owner: metering, classification: internal, criticality: high,\n"
    "     availability: 0.999, latency_ms: 500, retention_days: 7}\n"
    "  - {filter: secret/#, owner: grid, classification: confidential, criticality: high,\n"
    "     readers: ['role:centre']}\n"
    "  - {filter: loose/#, classification: internal}\n"
    "assets:\n"
    "  - {name: M1, certificate_cn: m1, owner: o, site: n, hw_model: x, hw_serial: 1,\n"
    "     criticality: high, state: in-service, state_since: 2024-01-01, expected_interval_s: 60,\n"
    "     zone: north, exposure_class: public, location_confirmed: 2024-10-02, key_storage: tpm,\n"
    "     auto_renew: yes, direction: publisher}\n"
    "  - {name: M2, certificate_cn: m2, site: n, state: in-service, key_storage: file,\n"
    "     auto_renew: no, end_of_support: 2024-12-01}\n"
    "  - {name: M3, client_id: m3, state: retired, state_since: 2024-01-01}\n"
    "  - {name: M4, certificate_cn: m4, expected_interval_s: 60, end_of_support: 2024-12-01,\n"
    "     replacement: model Y}\n"
    "  - {name: Shift desk, user_name: desk, group: yes}\n"
    "flows:\n"
    "  - {from: M1, topic: a/+, to: centre}\n"
    "conduits:\n"
    "  - {name: link, from_zone: north, to_zone: partner, external: yes, mutual_tls: yes,\n"
    "     topic_allow_list: yes, agreement: K-7, agreement_expires: 2030-01-01,\n"
    "     security_clause: yes, owner: o, carrier: c, medium: fibre, route_class: r, redundant: "
    "no}\n"
    "  - {name: bare, from_zone: south, to_zone: partner, external: yes}\n"
    "brokers:\n"
    "  - {name: b1, site: n, room: 1, rack: A, access_control: badge, power_backup: ups}\n"
    "  - {name: b2, site: n}\n";

/* clang-format off */
static const struct client m1 =      {1, "m1",     "m1",     "aa", "10.1.0.1",  "meter"};
static const struct client m2 =      {2, "m2",     "m2",     "bb", "10.2.0.2",  "meter"};
static const struct client m3 =      {3, "m3",     "",       NULL, "10.2.0.3",  "guest"};
static const struct client centre =  {4, "centre", "centre", "cc", "10.2.0.9",  "centre"};
static const struct client partner = {5, "p",      "p",      NULL, "192.0.2.5", "partner"};
static const struct client unknown = {6, "u",      "u",      NULL, "198.51.100.1", "guest"};
/* clang-format on */

static void without_anything_to_look_at_every_fact_is_unknown(void **state)
{
    struct identify *id = identify_new(NULL);
    struct identify_value v;

    (void)state;
    for (unsigned i = 0; i < IDENTIFY_FACT_N; i++) {
        assert_false(identify_fact(id, (enum identify_fact)i, NOW, &v));
        assert_int_equal(v.samples, 0);
        assert_true(v.detail[0] != '\0');
        assert_int_equal(strncmp(identify_fact_test((enum identify_fact)i), "MQ.", 3), 0);
    }
    identify_free(id);
}

static void facts_of_a_declared_fleet(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    declare(id, inventory, NOW);
    expect_fact(id, IDENTIFY_STALE_RECORD_RATIO, NOW, 0, 0); /* nothing was observed yet */
    connect_at(id, &m1, NOW);
    connect_at(id, &m2, NOW);
    connect_at(id, &m3, NOW);
    connect_at(id, &centre, NOW);
    connect_at(id, &partner, NOW);
    connect_at(id, &unknown, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "#", NOW);
    feed(id, &m1, EVENT_PUBLISH_TOPIC, "a/1", NOW);     /* declared; north to south: crosses */
    feed(id, &m2, EVENT_PUBLISH_TOPIC, "b/1", NOW);     /* undeclared, within south */
    feed(id, &m2, EVENT_PUBLISH_TOPIC, "loose/1", NOW); /* undeclared, classified without owner */
    feed(id, &partner, EVENT_PUBLISH_TOPIC, "x", NOW);  /* partner to south: conduit "bare" */

    /* clang-format off */
    expect_fact(id, IDENTIFY_APPROVED_DEVICE_RATIO,            NOW, 2.0 / 6, 6); /* m3 is retired */
    expect_fact(id, IDENTIFY_RECORD_COMPLETE_RATIO,            NOW, 1.0 / 4, 4);
    expect_fact(id, IDENTIFY_MAPPED_PEER_RATIO,                NOW, 5.0 / 6, 6);
    expect_fact(id, IDENTIFY_MAP_AGE_DAYS,                     NOW, 10,      1);
    expect_fact(id, IDENTIFY_STATE_KNOWN_RATIO,                NOW, 2.0 / 5, 5);
    expect_fact(id, IDENTIFY_RETIRED_CONNECT_COUNT,            NOW, 1,       5);
    expect_fact(id, IDENTIFY_EOL_WITHOUT_PLAN_COUNT,           NOW, 1,       2);
    expect_fact(id, IDENTIFY_SLO_DEFINED_RATIO,                NOW, 1.0 / 2, 2);
    expect_fact(id, IDENTIFY_EXTERNAL_PEER_CONTRACT_RATIO,     NOW, 1.0 / 2, 2);
    expect_fact(id, IDENTIFY_DECLARED_FLOW_RATIO,              NOW, 1.0 / 4, 4);
    expect_fact(id, IDENTIFY_UNDECLARED_CROSS_ZONE_EDGES,      NOW, 1,       4);
    expect_fact(id, IDENTIFY_CLASSIFIED_TOPIC_RATIO,           NOW, 1.0 / 4, 4);
    expect_fact(id, IDENTIFY_INTERNAL_FLOW_DECLARED_RATIO,     NOW, 1.0 / 3, 3);
    expect_fact(id, IDENTIFY_EXTERNAL_PEER_DECLARED_RATIO,     NOW, 1.0 / 2, 2);
    expect_fact(id, IDENTIFY_EXTERNAL_CONDUIT_PROTECTED_RATIO, NOW, 1.0 / 2, 2);
    expect_fact(id, IDENTIFY_LOCATION_KNOWN_RATIO,             NOW, 1.0 / 4, 4);
    expect_fact(id, IDENTIFY_LOCATION_AGE_DAYS_P90,            NOW, 2,       1);
    expect_fact(id, IDENTIFY_INSPECTION_ON_TIME_RATIO,         NOW, 0,       1);
    expect_fact(id, IDENTIFY_CONDUIT_ROUTE_KNOWN_RATIO,        NOW, 1.0 / 2, 2);
    expect_fact(id, IDENTIFY_BROKER_SITE_KNOWN_RATIO,          NOW, 1.0 / 2, 2);
    expect_fact(id, IDENTIFY_HW_PROTECTED_RATIO,               NOW, 1.0 / 2, 2);
    expect_fact(id, IDENTIFY_EXPECTED_MONITORED_RATIO,         NOW, 2.0 / 4, 4);
    expect_fact(id, IDENTIFY_ROLE_KNOWN_RATIO,                 NOW, 4.0 / 6, 6);
    expect_fact(id, IDENTIFY_AUTO_RENEW_RATIO,                 NOW, 1.0 / 2, 2);
    /* clang-format on */
    identify_free(id);
}

static void what_is_critical_and_silent_for_three_days_counts_unless_in_maintenance(void **state)
{
    static const char devices[] =
        "assets:\n"
        "  - {name: A, certificate_cn: m1, state: in-service, criticality: safety}\n"
        "  - {name: B, certificate_cn: m2, state: maintenance, criticality: high}\n"
        "  - {name: C, certificate_cn: centre, state: in-service, criticality: medium}\n"
        "  - {name: D, certificate_cn: never-seen, state: in-service, criticality: high}\n";
    struct identify *id = identify_new(NULL);

    (void)state;
    declare(id, devices, NOW);
    connect_at(id, &m1, NOW);
    connect_at(id, &m2, NOW);
    connect_at(id, &centre, NOW);
    expect_fact(id, IDENTIFY_SILENT_CRITICAL_COUNT, NOW + 4 * DAY_MS, 0, 1); /* connected */
    feed(id, &m1, EVENT_DISCONNECTED, NULL, NOW + 4 * DAY_MS);
    feed(id, &m2, EVENT_DISCONNECTED, NULL, NOW + 4 * DAY_MS);
    feed(id, &centre, EVENT_DISCONNECTED, NULL, NOW + 4 * DAY_MS);
    expect_fact(id, IDENTIFY_SILENT_CRITICAL_COUNT, NOW + 6 * DAY_MS, 0, 1);
    expect_fact(id, IDENTIFY_SILENT_CRITICAL_COUNT, NOW + 8 * DAY_MS, 1, 1);
    identify_free(id);
}

struct overdue {
    unsigned n;
    char names[8][16];
    uint32_t days[8];
};

static void note_overdue(void *arg, const char *name, uint32_t days_overdue)
{
    struct overdue *o = arg;

    snprintf(o->names[o->n], sizeof(o->names[0]), "%s", name);
    o->days[o->n++] = days_overdue;
}

/* MQ.DE.PM-02: public 180 days, outdoor 365, else 730; NOW is 2024-10-04. */
static void inspections_are_due_by_exposure(void **state)
{
    static const char devices[] =
        "assets:\n"
        "  - {name: P1, client_id: a, state: in-service, exposure_class: public, inspected: "
        "2024-04-08}\n"
        "  - {name: P2, client_id: b, state: in-service, exposure_class: public, inspected: "
        "2024-04-06}\n"
        "  - {name: O1, client_id: c, state: in-service, exposure_class: outdoor-locked, "
        "inspected: "
        "2023-10-06}\n"
        "  - {name: I1, client_id: d, state: in-service, exposure_class: indoor-locked, "
        "state_since: "
        "2022-01-01}\n"
        "  - {name: N1, client_id: e, state: in-service}\n"
        "  - {name: R1, client_id: f, state: retired, exposure_class: public}\n";
    struct identify *id = identify_new(NULL);
    struct overdue o = {.n = 0};

    (void)state;
    declare(id, devices, NOW);
    identify_inspections_each(id, NOW, note_overdue, &o);
    assert_int_equal(o.n, 4);
    assert_string_equal(o.names[1], "P2");
    assert_int_equal(o.days[0], 0);
    assert_int_equal(o.days[1], 2);
    assert_int_equal(o.days[2], 0);
    assert_int_equal(o.days[3], 278);
    expect_fact(id, IDENTIFY_INSPECTION_ON_TIME_RATIO, NOW, 2.0 / 4, 4);
    identify_free(id);
}

static void what_was_seen_long_ago_is_not_counted(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    declare(id, inventory, NOW);
    connect_at(id, &m1, NOW);
    connect_at(id, &unknown, NOW);
    feed(id, &unknown, EVENT_DISCONNECTED, NULL, NOW + 1);
    expect_fact(id, IDENTIFY_APPROVED_DEVICE_RATIO, NOW + 29 * DAY_MS, 0.5, 2);
    /* m1 still is connected: it is here however long ago it came. */
    expect_fact(id, IDENTIFY_APPROVED_DEVICE_RATIO, NOW + 40 * DAY_MS, 1, 1);
    expect_fact(id, IDENTIFY_MAPPED_PEER_RATIO, NOW + 40 * DAY_MS, 0, 0);
    identify_free(id);
}

static void a_record_is_stale_after_three_intervals_without_its_device(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    declare(id, inventory, NOW);
    connect_at(id, &m1, NOW);
    expect_fact(id, IDENTIFY_STALE_RECORD_RATIO, NOW + 180000, 0, 2);
    expect_fact(id, IDENTIFY_STALE_RECORD_RATIO, NOW + 180001, 0.5, 2); /* M4 never came */
    feed(id, &m1, EVENT_DISCONNECTED, NULL, NOW + 1000);
    expect_fact(id, IDENTIFY_STALE_RECORD_RATIO, NOW + 181000, 0.5, 2);
    expect_fact(id, IDENTIFY_STALE_RECORD_RATIO, NOW + 181001, 1, 2);
    identify_free(id);
}

static void unknown_devices_wait_until_they_are_declared(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    connect_at(id, &m1, NOW);
    connect_at(id, &m2, NOW);
    connect_at(id, &unknown, NOW);
    expect_fact(id, IDENTIFY_UNKNOWN_TRIAGE_DAYS_P50, NOW + 4 * DAY_MS, 4, 3);
    declare(id, inventory, NOW + 5 * DAY_MS);
    expect_fact(id, IDENTIFY_UNKNOWN_TRIAGE_DAYS_P50, NOW + 9 * DAY_MS, 5, 3);
    expect_fact(id, IDENTIFY_UNKNOWN_TRIAGE_DAYS_P50, NOW + 91 * DAY_MS, 0, 0);
    identify_free(id);
}

static void a_device_from_another_zone_than_declared_counts_after_a_week(void **state)
{
    struct client moved = m1;
    struct identify *id = identify_new(NULL);

    (void)state;
    moved.address = "10.2.0.1";
    moved.conn = 9;
    declare(id, inventory, NOW);
    connect_at(id, &moved, NOW);
    expect_fact(id, IDENTIFY_SOURCE_ZONE_MISMATCH, NOW + 6 * DAY_MS, 0, 1);
    expect_fact(id, IDENTIFY_SOURCE_ZONE_MISMATCH, NOW + 8 * DAY_MS, 1, 1);
    connect_at(id, &m1, NOW + 9 * DAY_MS);
    expect_fact(id, IDENTIFY_SOURCE_ZONE_MISMATCH, NOW + 9 * DAY_MS, 0, 1);
    identify_free(id);
}

static void two_devices_under_one_name_at_once_share_an_identity(void **state)
{
    struct client one = {1, "d1", "alice", NULL, "10.1.0.1", "r"};
    struct client two = {2, "d2", "alice", NULL, "10.1.0.2", "r"};
    struct client desk1 = {3, "w1", "desk", NULL, "10.1.0.3", "r"};
    struct client desk2 = {4, "w2", "desk", NULL, "10.1.0.4", "r"};
    struct identify *id = identify_new(NULL);

    (void)state;
    declare(id, inventory, NOW);
    connect_at(id, &one, NOW);
    feed(id, &one, EVENT_DISCONNECTED, NULL, NOW + 1);
    connect_at(id, &two, NOW + 2);
    connect_at(id, &desk1, NOW + 2);
    connect_at(id, &desk2, NOW + 2); /* a declared group */
    expect_fact(id, IDENTIFY_SHARED_IDENTITY_COUNT, NOW + 3, 0, 2);
    connect_at(id, &one, NOW + 4);
    expect_fact(id, IDENTIFY_SHARED_IDENTITY_COUNT, NOW + 5, 1, 2);
    expect_fact(id, IDENTIFY_SHARED_IDENTITY_COUNT, NOW + 31 * DAY_MS, 0, 2);
    identify_free(id);
}

static void one_certificate_in_two_places_at_once_is_counted(void **state)
{
    struct client clone = {9, "other", "m1", "aa", "10.2.0.66", "meter"};
    struct client roamed = {10, "m1", "m1", "aa", "10.1.0.77", "meter"};
    struct identify *id = identify_new(NULL);

    (void)state;
    connect_at(id, &m1, NOW);
    connect_at(id, &roamed, NOW + 1); /* same client id: takes over from a new address */
    expect_fact(id, IDENTIFY_CONCURRENT_USE_COUNT, NOW + 2, 0, 1);
    connect_at(id, &clone, NOW + 3);
    expect_fact(id, IDENTIFY_CONCURRENT_USE_COUNT, NOW + 4, 1, 1);
    identify_free(id);
}

static void shows(struct identify *id, const struct client *c, const char *key, const char *from,
                  const char *until)
{
    struct buf traits = {0};
    struct event e = {.kind = EVENT_DEVICE_TRAITS, .conn = c->conn};

    identify_trait_add(&traits, IDENTIFY_TRAIT_CERTIFICATE_KEY_PRINT, bytes_str(key));
    identify_trait_add(&traits, IDENTIFY_TRAIT_CERTIFICATE_NOT_BEFORE, bytes_str(from));
    identify_trait_add(&traits, IDENTIFY_TRAIT_CERTIFICATE_NOT_AFTER, bytes_str(until));
    connect_at(id, c, NOW);
    e.text = buf_view(&traits);
    identify_event(id, &e, NOW);
    buf_done(&traits);
}

static void a_key_that_two_devices_have_is_counted_and_how_long_certificates_last(void **state)
{
    static const char from[] = "2024-01-01T00:00:00.000Z";
    static const char soon[] = "2024-01-31T00:00:00.000Z";
    static const char late[] = "2033-12-29T00:00:00.000Z";
    struct client clone = {9, "other", "m1", "aa", "10.2.0.66", "meter"};
    struct identify *id = identify_new(NULL);

    (void)state;
    shows(id, &m1, "11", from, soon);
    shows(id, &m2, "22", from, soon);
    connect_at(id, &m3, NOW); /* without a certificate */
    expect_fact(id, IDENTIFY_DUPLICATE_KEY_COUNT, NOW, 0, 2);
    expect_fact(id, IDENTIFY_INDIVIDUAL_KEY_RATIO, NOW, 1, 2);
    expect_fact(id, IDENTIFY_CERT_LIFETIME_DAYS_P90, NOW, 30, 2);
    shows(id, &centre, "22", from, late); /* another certificate of the same key */
    expect_fact(id, IDENTIFY_DUPLICATE_KEY_COUNT, NOW, 2, 3);
    expect_fact(id, IDENTIFY_INDIVIDUAL_KEY_RATIO, NOW, 1.0 / 3, 3);
    expect_fact(id, IDENTIFY_CERT_LIFETIME_DAYS_P90, NOW, 3650, 3);
    connect_at(id, &clone, NOW + 1); /* one certificate, in two places at once */
    expect_fact(id, IDENTIFY_DUPLICATE_KEY_COUNT, NOW + 1, 3, 3);
    identify_free(id);
}

static void readers_of_confidential_topics_are_held_against_the_list(void **state)
{
    struct identify *id = identify_new(NULL);

    (void)state;
    declare(id, inventory, NOW);
    connect_at(id, &centre, NOW);
    connect_at(id, &partner, NOW);
    feed(id, &centre, EVENT_SUBSCRIBED, "secret/+", NOW);
    expect_fact(id, IDENTIFY_SENSITIVE_READER_OK_RATIO, NOW, 1, 1);
    feed(id, &partner, EVENT_SUBSCRIBED, "a/#", NOW); /* meets nothing confidential */
    expect_fact(id, IDENTIFY_SENSITIVE_READER_OK_RATIO, NOW, 1, 1);
    feed(id, &partner, EVENT_SUBSCRIBED, "+/plan", NOW);
    expect_fact(id, IDENTIFY_SENSITIVE_READER_OK_RATIO, NOW, 0.5, 2);
    identify_free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_to_look_at_every_fact_is_unknown),
        cmocka_unit_test(facts_of_a_declared_fleet),
        cmocka_unit_test(what_is_critical_and_silent_for_three_days_counts_unless_in_maintenance),
        cmocka_unit_test(inspections_are_due_by_exposure),
        cmocka_unit_test(what_was_seen_long_ago_is_not_counted),
        cmocka_unit_test(a_record_is_stale_after_three_intervals_without_its_device),
        cmocka_unit_test(unknown_devices_wait_until_they_are_declared),
        cmocka_unit_test(a_device_from_another_zone_than_declared_counts_after_a_week),
        cmocka_unit_test(two_devices_under_one_name_at_once_share_an_identity),
        cmocka_unit_test(one_certificate_in_two_places_at_once_is_counted),
        cmocka_unit_test(a_key_that_two_devices_have_is_counted_and_how_long_certificates_last),
        cmocka_unit_test(readers_of_confidential_topics_are_held_against_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
