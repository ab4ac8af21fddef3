/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/detect/test_bounds.c - what strangers make up takes bounded memory, nobody gets
 * another one locked out, and what befalls many is said once
 */
#define SCENE_ONLY ""
#include "scene.h"

#include "base/hash.h"
#include "detect/private.h"

#define MILLION 1000000

static void a_million_made_up_names_and_addresses_take_bounded_memory(void **state)
{
    struct scene s;
    char name[32], address[32];

    (void)state;
    scene_begin(&s, 1, 0);
    s.only = "nothing";
    for (unsigned i = 0; i < MILLION; i++) {
        snprintf(name, sizeof(name), "made-up-%u", i);
        snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        scene_auth_failed(&s, name, name, address, i);
        s.now_ns += S / 1000;
    }
    assert_int_equal(s.d->clients.n, 0); /* nobody got in */
    assert_true(s.d->addresses.n <= ADDRESSES_MAX);
    assert_true(s.d->users.n <= USERS_MAX);
    assert_true(s.d->let_in.n == 0);
    scene_end(&s);
}

/* As long as they are not tried faster than the sketch can tell them apart. */
static void a_name_that_is_tried_once_takes_no_record(void **state)
{
    struct scene s;
    char name[32];

    (void)state;
    scene_begin(&s, 1, 0);
    s.only = "nothing";
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "made-up-%u", i);
        scene_auth_failed(&s, name, name, "203.0.113.9", i);
        s.now_ns += S;
    }
    assert_true(s.d->users.n < 30);
    scene_end(&s);
}

static void as_many_client_ids_as_a_stolen_credential_makes_up_take_bounded_memory(void **state)
{
    struct scene s;
    char name[32];

    (void)state;
    scene_begin(&s, 1, 0);
    s.only = "nothing";
    for (unsigned i = 0; i < MILLION / 6; i++) {
        struct event e = {.kind = EVENT_CONNECT_ACCEPTED,
                          .conn = i + 1,
                          .user_name = BYTES("thief"),
                          .role = BYTES("meter"),
                          .address = BYTES("203.0.113.9")};

        snprintf(name, sizeof(name), "made-up-%u", i);
        e.client_id = bytes_str(name);
        scene_event(&s, e);
        e.kind = EVENT_DISCONNECTED;
        scene_event(&s, e);
        s.now_ns += S / 1000;
    }
    assert_true(s.d->clients.n <= CLIENTS_MAX);
    assert_int_equal(s.d->conns.by_number.n, 0);
    scene_end(&s);
}

/* 100,000 others come by; the one with four failures is still known when it fails again. */
static void the_guilty_are_not_forgotten_for_the_many(void **state)
{
    struct scene s;
    char address[32];

    (void)state;
    scene_begin(&s, 1, 0);
    s.only = "repeated-auth";
    for (unsigned i = 0; i < 4; i++)
        scene_auth_failed(&s, "x", "admin", "203.0.113.9", i);
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        scene_event(&s,
                    (struct event){.kind = EVENT_CONNECT_ATTEMPT, .address = bytes_str(address)});
    }
    scene_auth_failed(&s, "x", "admin", "203.0.113.9", 9);
    assert_int_equal(s.n_found, 1);
    assert_string_equal(s.found[0].subject, "203.0.113.9");
    scene_end(&s);
}

/* ---- nobody gets another one locked out ---- */

/* What may be acted upon: findings that are not only told. */
static bool may_act_on(const struct scene *s, const char *subject)
{
    for (unsigned i = 0; i < s->n_found; i++) {
        if (strcmp(s->found[i].subject, subject) == 0 && !s->found[i].alert_only)
            return true;
    }
    return false;
}

static void who_guesses_under_a_name_gets_only_its_own_address_blamed(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    scene_connect(&s, "victim", "192.0.2.1");
    for (unsigned i = 0; i < 30; i++) {
        scene_auth_failed(&s, "victim", "victim", "203.0.113.9", i);
        scene_wait(&s, 2);
    }
    assert_true(may_act_on(&s, "203.0.113.9"));
    assert_false(may_act_on(&s, "victim"));
    assert_false(may_act_on(&s, "192.0.2.1"));
    scene_end(&s);
}

static void what_is_said_before_a_login_moves_no_counter_of_the_client_that_it_names(void **state)
{
    static const enum event_kind kinds[] = {EVENT_AUTH_FAILED,    EVENT_CONNECT_REFUSED,
                                            EVENT_PROTOCOL_ERROR, EVENT_LIMIT_HIT,
                                            EVENT_ENDED_EARLY,    EVENT_BAN_HIT};
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    scene_connect(&s, "victim", "192.0.2.1");
    for (unsigned i = 0; i < 200; i++) {
        scene_event(&s, (struct event){.kind = kinds[i % COUNT_OF(kinds)],
                                       .client_id = BYTES("victim"),
                                       .user_name = BYTES("victim"),
                                       .address = BYTES("203.0.113.9"),
                                       .text = BYTES("connect_timeout_ms")});
    }
    for (unsigned i = 0; i < s.n_found; i++)
        assert_true(s.found[i].subject_kind != SUBJECT_CLIENT);
    assert_false(may_act_on(&s, "victim"));
    scene_end(&s);
}

/* With a stolen credential of its own, under its client id: each takes the session from the other.
 */
static void who_flaps_with_a_client_id_gets_nobody_else_acted_upon(void **state)
{
    struct scene s;

    (void)state;
    scene_begin(&s, 1, 0);
    scene_connect(&s, "victim", "192.0.2.1");
    for (unsigned i = 0; i < 100; i++) {
        bool thief = i % 2 == 0;

        scene_event(&s, (struct event){.kind = EVENT_TAKEN_OVER,
                                       .client_id = BYTES("victim"),
                                       .role = BYTES("meter"),
                                       .address = bytes_str(thief ? "192.0.2.1" : "203.0.113.9")});
        scene_event(&s, (struct event){.kind = EVENT_DISCONNECTED,
                                       .client_id = BYTES("victim"),
                                       .role = BYTES("meter"),
                                       .address = bytes_str(thief ? "192.0.2.1" : "203.0.113.9")});
        scene_connect(&s, "victim", thief ? "203.0.113.9" : "192.0.2.1");
        scene_wait(&s, 1);
    }
    for (unsigned i = 0; i < s.n_found; i++) {
        if (strcmp(s.found[i].subject, "victim") == 0 && !s.found[i].observe_only &&
            !s.found[i].alert_only)
            assert_string_equal(s.found[i].address, "203.0.113.9"); /* and by no name alone */
    }
    scene_end(&s);
}

/* ---- what befalls many is said once ---- */

static void publishes(struct scene *s, const char *client, const char *topic, uint32_t value)
{
    struct event_traffic t = {.n_messages = 10, .n_unmatched = value & EVENT_UNMATCHED ? 10 : 0};

    scene_topic(s, EVENT_PUBLISH_TOPIC, client, "meter", topic, value);
    scene_event(s, (struct event){.kind = EVENT_TRAFFIC,
                                  .client_id = bytes_str(client),
                                  .role = BYTES("meter"),
                                  .text = bytes_of(&t, sizeof(t))});
}

static unsigned n_open(const struct scene *s, const char *kind)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->n_found; i++)
        n += s->found[i].state == FINDING_OPEN && strcmp(s->found[i].kind, kind) == 0;
    return n;
}

static void a_power_cut_is_one_finding_until_those_who_stay_away_are_missed(void **state)
{
    struct scene s;
    char name[16];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 30; i++) {
            snprintf(name, sizeof(name), "m-%u", i);
            if (round == 0)
                scene_connect(&s, name, "192.0.2.1");
            publishes(&s, name, "fmb/t", 0);
        }
        scene_idle(&s, 10);
    }
    for (unsigned i = 0; i < 30; i++) {
        snprintf(name, sizeof(name), "m-%u", i);
        scene_event(&s, (struct event){.kind = EVENT_DISCONNECTED,
                                       .client_id = bytes_str(name),
                                       .role = BYTES("meter")});
    }
    scene_idle(&s, 3600);
    assert_int_equal(n_open(&s, "mass-disconnect"), 1);
    assert_int_equal(n_open(&s, "client-unavailable"), 0);
    for (unsigned i = 0; i < 28; i++) {
        snprintf(name, sizeof(name), "m-%u", i);
        scene_connect(&s, name, "192.0.2.1");
        publishes(&s, name, "fmb/t", 0);
    }
    for (unsigned round = 0; round < 90; round++) {
        for (unsigned i = 0; i < 28; i++) {
            snprintf(name, sizeof(name), "m-%u", i);
            publishes(&s, name, "fmb/t", 0);
        }
        scene_idle(&s, 10);
    }
    assert_int_equal(n_open(&s, "mass-disconnect"), 1);
    assert_int_equal(n_open(&s, "client-unavailable"), 2);
    scene_end(&s);
}

static void a_dead_consumer_is_one_finding_and_no_publisher_is_blamed(void **state)
{
    struct scene s;
    char name[16], topic[32];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 6; i++) {
            snprintf(name, sizeof(name), "m-%u", i);
            snprintf(topic, sizeof(topic), "fmb/%s/power", name);
            publishes(&s, name, topic, round < 20 ? 0 : EVENT_UNMATCHED);
        }
        scene_idle(&s, 10);
    }
    assert_int_equal(n_open(&s, "consumer-outage"), 1);
    assert_int_equal(n_open(&s, "undeliverable-messages"), 0);
    scene_end(&s);
}

static void a_roll_out_replaces_what_was_said_of_the_first_ones(void **state)
{
    struct scene s;
    char name[16], topic[48];

    (void)state;
    scene_begin(&s, 1, 0);
    for (unsigned round = 0; round < 65; round++) {
        for (unsigned i = 0; i < 12; i++) {
            snprintf(name, sizeof(name), "m-%u", i);
            scene_topic(&s, EVENT_PUBLISH_TOPIC, name, "meter", "fmb/own", 0);
        }
        scene_idle(&s, 60);
    }
    for (unsigned i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "m-%u", i);
        for (unsigned k = 0; k < 4; k++) {
            snprintf(topic, sizeof(topic), "fmb/%s/%c", name, 'a' + (char)k);
            scene_topic(&s, EVENT_PUBLISH_TOPIC, name, "meter", topic, 0);
        }
        scene_idle(&s, i < 2 ? 300 : 10); /* the first two are alone long enough to be told of */
    }
    scene_idle(&s, 5);
    assert_int_equal(n_open(&s, "rollout-observed"), 1);
    assert_true(n_open(&s, "new-topic-for-client") <= 2);
    for (unsigned i = 0; i < s.n_found; i++) {
        if (strcmp(s.found[i].kind, "new-topic-for-client") == 0 &&
            s.found[i].state == FINDING_OPEN)
            assert_true(s.found[i].at_ns < s.now_ns - 100 * S);
    }
    assert_int_equal(scene_counters(&s, "D29").standing, 0);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_made_up_names_and_addresses_take_bounded_memory),
        cmocka_unit_test(a_name_that_is_tried_once_takes_no_record),
        cmocka_unit_test(as_many_client_ids_as_a_stolen_credential_makes_up_take_bounded_memory),
        cmocka_unit_test(the_guilty_are_not_forgotten_for_the_many),
        cmocka_unit_test(who_guesses_under_a_name_gets_only_its_own_address_blamed),
        cmocka_unit_test(what_is_said_before_a_login_moves_no_counter_of_the_client_that_it_names),
        cmocka_unit_test(who_flaps_with_a_client_id_gets_nobody_else_acted_upon),
        cmocka_unit_test(a_power_cut_is_one_finding_until_those_who_stay_away_are_missed),
        cmocka_unit_test(a_dead_consumer_is_one_finding_and_no_publisher_is_blamed),
        cmocka_unit_test(a_roll_out_replaces_what_was_said_of_the_first_ones),
    };

    hash_key_set(9, 10); /* the same sketches each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
