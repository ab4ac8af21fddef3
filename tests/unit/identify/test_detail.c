/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/identify/test_detail.c - what a device is; MQ.ID.AM-01 MQ.ID.AM-02 */
#include "feed.h"
#include "state.h"

#include "identify/traits.h"

static const struct client meter = {1, "meter-1", "meter-1", "aa11", "10.1.0.1", "meter"};

static void tell(struct identify *id, const char *component, const struct buf *traits,
                 uint64_t unix_ms)
{
    struct event e = {
        .kind = EVENT_DEVICE_TRAITS,
        .conn = meter.conn,
        .client_id = bytes_str(meter.client_id),
        .topic = bytes_str(component),
        .text = buf_view(traits),
    };

    identify_event(id, &e, unix_ms);
}

static void says(struct identify *id, const char *component, enum identify_trait t,
                 const char *text, uint64_t unix_ms)
{
    struct buf traits = {0};

    identify_trait_add(&traits, t, bytes_str(text));
    tell(id, component, &traits, unix_ms);
    buf_done(&traits);
}

static const json_t *the_asset(const json_t *all)
{
    return json_array_get(json_object_get(all, "assets"), 0);
}

static void what_a_device_says_adds_up_and_what_changes_is_noted(void **state)
{
    struct identify *id = identify_new(NULL);
    json_t *all, *changes;
    const json_t *traits;

    (void)state;
    connect_at(id, &meter, NOW);
    says(id, NULL, IDENTIFY_TRAIT_FIRMWARE, "1.0", NOW + 1);
    says(id, NULL, IDENTIFY_TRAIT_LIBRARY, "paho-c 1.3", NOW + 2);
    says(id, NULL, IDENTIFY_TRAIT_FIRMWARE, "1.1", NOW + 3);
    says(id, NULL, IDENTIFY_TRAIT_FIRMWARE, "1.1", NOW + 4);
    all = identify_assets_json(id, NOW + 5);
    traits = json_object_get(the_asset(all), "traits");
    assert_string_equal(text_in(traits, "firmware"), "1.1");
    assert_string_equal(text_in(traits, "library"), "paho-c 1.3");
    changes = json_object_get(the_asset(all), "changes");
    assert_int_equal(json_array_size(changes), 1);
    assert_string_equal(text_in(json_array_get(changes, 0), "what"), "firmware");
    assert_string_equal(text_in(json_array_get(changes, 0), "from"), "1.0");
    assert_string_equal(text_in(json_array_get(changes, 0), "to"), "1.1");
    json_decref(all);
    identify_free(id);
}

static void
another_address_certificate_or_protocol_is_a_change_and_the_last_eight_are_kept(void **state)
{
    struct identify *id = identify_new(NULL);
    struct client c = meter;
    char address[16];
    json_t *all, *changes;

    (void)state;
    connect_at(id, &c, NOW);
    c.conn = 2;
    c.cert = "bb22";
    connect_at(id, &c, NOW + 1);
    all = identify_assets_json(id, NOW);
    changes = json_object_get(the_asset(all), "changes");
    assert_int_equal(json_array_size(changes), 1);
    assert_string_equal(text_in(json_array_get(changes, 0), "what"), "certificate");
    json_decref(all);
    for (unsigned i = 0; i < 12; i++) {
        (void)snprintf(address, sizeof(address), "10.2.0.%u", i);
        c.conn++;
        c.address = address;
        connect_at(id, &c, NOW + 2 + i);
    }
    all = identify_assets_json(id, NOW);
    changes = json_object_get(the_asset(all), "changes");
    assert_int_equal(json_array_size(changes), IDENTIFY_CHANGES_MAX);
    assert_string_equal(text_in(json_array_get(changes, 7), "what"), "address");
    assert_string_equal(text_in(json_array_get(changes, 7), "to"), "10.2.0.11");
    json_decref(all);
    identify_free(id);
}

static void devices_behind_a_node_are_components_and_bounded(void **state)
{
    struct identify *id = identify_new(NULL);
    json_t *all;
    char name[16];

    (void)state;
    connect_at(id, &meter, NOW);
    for (unsigned i = 0; i < IDENTIFY_COMPONENTS_MAX + 5; i++) {
        (void)snprintf(name, sizeof(name), "pump-%u", i);
        says(id, name, IDENTIFY_TRAIT_HW_MODEL, "P-7", NOW);
    }
    says(id, "pump-3", IDENTIFY_TRAIT_FIRMWARE, "2", NOW);
    all = identify_assets_json(id, NOW);
    assert_int_equal(json_array_size(json_object_get(the_asset(all), "components")),
                     IDENTIFY_COMPONENTS_MAX);
    assert_string_equal(
        text_in(json_object_get(json_array_get(json_object_get(the_asset(all), "components"), 3),
                                "traits"),
                "firmware"),
        "2");
    json_decref(all);
    identify_free(id);
}

static void details_outlive_a_restart(void **state)
{
    struct identify *id = identify_new(NULL);
    struct identify *back = identify_new(NULL);
    struct client moved = meter;
    char *error = NULL;
    json_t *before, *after;

    assert_int_equal(dir_make(state), 0);
    moved.conn = 2;
    moved.address = "10.9.0.1";
    connect_at(id, &meter, NOW);
    says(id, NULL, IDENTIFY_TRAIT_FIRMWARE, "1.0", NOW + 1);
    says(id, "pump", IDENTIFY_TRAIT_HW_MODEL, "P-7", NOW + 2);
    feed(id, &meter, EVENT_DISCONNECTED, NULL, NOW + 3);
    connect_at(id, &moved, NOW + 4);
    feed(id, &moved, EVENT_DISCONNECTED, NULL, NOW + 5);
    assert_true(identify_save(id, control, NOW));
    assert_true(identify_load(back, control, dir, NOW, &error));
    before = identify_assets_json(id, NOW);
    after = identify_assets_json(back, NOW);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    identify_free(id);
    identify_free(back);
    assert_int_equal(dir_remove(state), 0);
}

static void clients_call_things_by_many_names(void **state)
{
    /* clang-format off */
    static const struct {
        const char *said;
        enum identify_trait means;
    } cases[] = {
        {"fw", IDENTIFY_TRAIT_FIRMWARE},           {"FW-Version", IDENTIFY_TRAIT_FIRMWARE},
        {"firmware", IDENTIFY_TRAIT_FIRMWARE},     {"User-Agent", IDENTIFY_TRAIT_LIBRARY},
        {"serial number", IDENTIFY_TRAIT_HW_SERIAL}, {"hw.model", IDENTIFY_TRAIT_HW_MODEL},
        {"vendor", IDENTIFY_TRAIT_MANUFACTURER},   {"os", IDENTIFY_TRAIT_OS},
    };
    /* clang-format on */
    static const char *const others[] = {"", "tls_version", "certificate_key", "fwx", "f", "fw "};
    enum identify_trait t;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(identify_trait_said(bytes_str(cases[i].said), &t));
        assert_int_equal(t, cases[i].means);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(identify_trait_said(bytes_str(others[i]), &t));
}

static void long_values_are_cut_between_characters_and_empty_ones_left_out(void **state)
{
    struct buf traits = {0};
    char text[301];

    (void)state;
    for (size_t i = 0; i < 300; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    identify_trait_add(&traits, IDENTIFY_TRAIT_OS, bytes_of(text, 300));
    identify_trait_add(&traits, IDENTIFY_TRAIT_FIRMWARE, BYTES_NONE);
    assert_int_equal(trait_get(buf_view(&traits), IDENTIFY_TRAIT_OS).len, 126);
    assert_int_equal(traits.len, 128);
    buf_done(&traits);
}

static void a_birth_tells_hardware_and_software(void **state)
{
    static const char birth[] = "\x08\x01" /* timestamp */
                                "\x12\x26\x0a\x18Properties/Hardware Make\x20\x0c\x7a\x08"
                                "Acme AG!"
                                "\x12\x16\x0a\x0dProperties/FW\x7a\x05"
                                "1.4.2"
                                "\x12\x0b\x0a\x05"
                                "bdSeq\x50\x07"; /* long_value */
    struct buf traits = {0};
    struct bytes device;

    (void)state;
    assert_true(identify_birth(BYTES("spBv1.0/plant/DBIRTH/edge/pump-7"),
                               bytes_of(birth, sizeof(birth) - 1), &device, &traits));
    assert_true(bytes_equal(device, BYTES("pump-7")));
    assert_true(
        bytes_equal(trait_get(buf_view(&traits), IDENTIFY_TRAIT_MANUFACTURER), BYTES("Acme AG!")));
    assert_true(bytes_equal(trait_get(buf_view(&traits), IDENTIFY_TRAIT_FIRMWARE), BYTES("1.4.2")));
    /* Cut anywhere, it never says more than it did. */
    for (size_t len = 0; len < sizeof(birth) - 1; len++) {
        struct buf some = {0};

        assert_true(
            identify_birth(BYTES("spBv1.0/p/NBIRTH/e"), bytes_of(birth, len), &device, &some));
        assert_true(some.len <= traits.len);
        buf_done(&some);
    }
    buf_done(&traits);
}

static void other_topics_are_no_births(void **state)
{
    static const char *const topics[] = {
        "spBv1.0", "spBv1.0/g/NDATA/n", "spBv2.0/g/NBIRTH/n", "x/spBv1.0/g/NBIRTH/n", "spBv1.0//",
        ""};
    struct buf traits = {0};
    struct bytes device;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(topics); i++)
        assert_false(identify_birth(bytes_str(topics[i]), BYTES_NONE, &device, &traits));
    assert_int_equal(traits.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_device_says_adds_up_and_what_changes_is_noted),
        cmocka_unit_test(
            another_address_certificate_or_protocol_is_a_change_and_the_last_eight_are_kept),
        cmocka_unit_test(devices_behind_a_node_are_components_and_bounded),
        cmocka_unit_test(details_outlive_a_restart),
        cmocka_unit_test(clients_call_things_by_many_names),
        cmocka_unit_test(long_values_are_cut_between_characters_and_empty_ones_left_out),
        cmocka_unit_test(a_birth_tells_hardware_and_software),
        cmocka_unit_test(other_topics_are_no_births),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
