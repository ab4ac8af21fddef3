/* SPDX-License-Identifier: Apache-2.0 */
/* Who is slowed down, and which topics are blocked; MQ.PR.SP-05 MQ.RS.RP-04 */
#include "gate.h"

static struct ban throttle(enum ban_kind kind, const char *subject, uint64_t per_s)
{
    return (struct ban){.kind = kind, .subject = (char *)(uintptr_t)subject, .per_s = per_s};
}

static void the_slowest_of_the_throttles_that_mean_it_counts(void **state)
{
    struct ban all[] = {throttle(BAN_CLIENT, "m-1", 50), throttle(BAN_ADDRESS, "192.0.2.0/24", 10),
                        throttle(BAN_USER, "eve", 5), throttle(BAN_ISSUER, "old CA", 2)};
    struct restraints *r = restraints_new(all, COUNT_OF(all), NULL, 0);
    struct gate_subject s = {.client_id = BYTES("m-1"), .address = BYTES("192.0.2.7")};

    (void)state;
    assert_int_equal(restraints_per_s(r, &s, BYTES_NONE, 1), 10);
    assert_int_equal(restraints_per_s(r, &s, BYTES("eve"), 1), 5);
    s.certificate_issuer = BYTES("old CA");
    assert_int_equal(restraints_per_s(r, &s, BYTES("eve"), 1), 2);
    s = (struct gate_subject){.client_id = BYTES("m-1"), .address = BYTES("198.51.100.1")};
    assert_int_equal(restraints_per_s(r, &s, BYTES_NONE, 1), 50);
    s.client_id = BYTES("m-2");
    assert_int_equal(restraints_per_s(r, &s, BYTES_NONE, 1), 0);
    restraints_unref(r);
}

static void the_commands_of_who_is_meant_are_held_until_its_end(void **state)
{
    const struct ban whom[] = {
        {.kind = BAN_CLIENT_ADDRESS, .subject = (char *)"m-1", .address = (char *)"192.0.2.7"},
        {.kind = BAN_USER, .subject = (char *)"eve", .expires_unix_ms = 100},
    };
    struct restraints *r = restraints_new(NULL, 0, NULL, 0);
    struct gate_subject s = {.client_id = BYTES("m-1"), .address = BYTES("192.0.2.7")};

    (void)state;
    restraints_hold(r, whom, COUNT_OF(whom));
    assert_true(restraints_holds(r, &s, BYTES_NONE, 1));
    s.address = BYTES("192.0.2.8");
    assert_false(restraints_holds(r, &s, BYTES_NONE, 1));
    assert_true(restraints_holds(r, &s, BYTES("eve"), 99));
    assert_false(restraints_holds(r, &s, BYTES("eve"), 100));
    assert_int_equal(restraints_per_s(r, &s, BYTES("eve"), 1), 0); /* it is not slowed down */
    restraints_unref(r);
}

static void what_some_say_is_kept_from_others_and_not_the_other_way_round(void **state)
{
    uint64_t from[] = {7, 3, 5};
    uint64_t to[] = {9, 5, 8};
    struct restraints *r = restraints_new(NULL, 0, NULL, 0);

    (void)state;
    assert_false(restraints_is_parted(r));
    assert_false(restraints_parts(r, 3, 8));
    restraints_part(r, from, COUNT_OF(from), to, COUNT_OF(to));
    restraints_part(r, NULL, 0, to, COUNT_OF(to)); /* of a zone that nobody is in */
    assert_true(restraints_is_parted(r));
    assert_true(restraints_parts(r, 3, 8));
    assert_true(restraints_parts(r, 7, 5));
    assert_false(restraints_parts(r, 8, 3));
    assert_false(restraints_parts(r, 3, 7));
    assert_false(restraints_parts(r, 0, 8)); /* the node itself */
    assert_false(restraints_parts(r, 5, 5)); /* who is on both sides hears itself */
    restraints_unref(r);
}

/* clang-format off */
static const struct {
    const char *topic;
    const char *publish; /* the filter that blocks it; NULL: none */
    const char *deliver;
} topics[] = {
    {"a/b",    "a/+", NULL},
    {"a/b/c",  NULL,  NULL},
    {"b",      NULL,  "b/#"},
    {"b/c/d",  NULL,  "b/#"},
    {"c",      "c",   "c"},
    {"d",      NULL,  NULL},
    {"$SYS/a", NULL,  NULL},
};
/* clang-format on */

static void a_topic_is_blocked_in_the_directions_that_were_said(void **state)
{
    char *filters[] = {bytes_dup_str(BYTES("a/+")), bytes_dup_str(BYTES("b/#")),
                       bytes_dup_str(BYTES("c"))};
    const struct quarantine all[] = {
        {filters[0], QUARANTINE_PUBLISH},
        {filters[1], QUARANTINE_DELIVER},
        {filters[2], QUARANTINE_PUBLISH | QUARANTINE_DELIVER},
    };
    struct restraints *r = restraints_new(NULL, 0, all, COUNT_OF(all));

    (void)state;
    for (size_t i = 0; i < COUNT_OF(filters); i++)
        free(filters[i]); /* it has copies */
    assert_int_equal(restraints_directions(r), QUARANTINE_PUBLISH | QUARANTINE_DELIVER);
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        struct bytes topic = bytes_str(topics[i].topic);
        const char *p = restraints_block(r, QUARANTINE_PUBLISH, topic);
        const char *d = restraints_block(r, QUARANTINE_DELIVER, topic);

        print_message("  %s\n", topics[i].topic);
        assert_true(bytes_equal(bytes_str(p), bytes_str(topics[i].publish)));
        assert_true(bytes_equal(bytes_str(d), bytes_str(topics[i].deliver)));
    }
    restraints_unref(restraints_ref(r));
    restraints_unref(r);
}

static void a_listener_is_shut_to_everybody_or_to_a_network(void **state)
{
    struct restraints *r = restraints_new(NULL, 0, NULL, 0);

    (void)state;
    restraints_shut(r, "field", "192.0.2.0/24");
    restraints_shut(r, "web", NULL);
    assert_true(restraints_is_shut(r, "field", BYTES("192.0.2.7")));
    assert_false(restraints_is_shut(r, "field", BYTES("192.0.3.7")));
    assert_false(restraints_is_shut(r, "field", BYTES_NONE));
    assert_true(restraints_is_shut(r, "web", BYTES("192.0.3.7")));
    assert_true(restraints_is_shut(r, "web", BYTES_NONE));
    assert_false(restraints_is_shut(r, "other", BYTES("192.0.2.7")));
    restraints_unref(r);
}

static void an_empty_table_restrains_nobody(void **state)
{
    struct restraints *r = restraints_new(NULL, 0, NULL, 0);
    const struct gate_subject s = {.client_id = BYTES("m-1"), .address = BYTES("192.0.2.7")};

    (void)state;
    assert_int_equal(restraints_per_s(r, &s, BYTES("eve"), 1), 0);
    assert_null(restraints_block(r, QUARANTINE_PUBLISH, BYTES("a")));
    assert_int_equal(restraints_directions(r), 0);
    assert_false(restraints_holds(r, &s, BYTES("eve"), 1));
    assert_false(restraints_is_shut(r, "field", BYTES("192.0.2.7")));
    restraints_unref(r);
    assert_null(restraints_unref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_some_say_is_kept_from_others_and_not_the_other_way_round),
        cmocka_unit_test(the_slowest_of_the_throttles_that_mean_it_counts),
        cmocka_unit_test(the_commands_of_who_is_meant_are_held_until_its_end),
        cmocka_unit_test(a_topic_is_blocked_in_the_directions_that_were_said),
        cmocka_unit_test(a_listener_is_shut_to_everybody_or_to_a_network),
        cmocka_unit_test(an_empty_table_restrains_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
