/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/acts_packets.c - attacks, and what looks like them: packets, certificates,
 * retained messages and rates */
#include "acts.h"

void garbage(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_PROTOCOL_ERROR, "no MQTT");
}

void garbage_now_and_then(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        knocks(s, "198.51.100.9", EVENT_PROTOCOL_ERROR, "no MQTT");
        idle(s, 60);
    }
}

void properties(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_ODD_PACKET, NULL, 20000);
}

/* Of a node that says what it refuses: another limit. */
void protocol_errors_of_other_kinds(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_PROTOCOL_ERROR, NULL, 0x82);
}

static void topic_of_levels(struct scene *s, unsigned n, unsigned levels)
{
    ACTS;
    char topic[2048] = "a";

    for (unsigned i = 1; i < levels; i++)
        strcat(topic, "/a");
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_PUBLISH_TOPIC, topic, 0);
}

void deep_topics(struct scene *s, unsigned n)
{
    topic_of_levels(s, n, 33);
}

void long_topics(struct scene *s, unsigned n)
{
    topic_of_levels(s, n, 520);
}

void usual_topics(struct scene *s, unsigned n)
{
    topic_of_levels(s, n, 32);
}

void large_payloads(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        sends(s, &me, (struct event_traffic){.n_messages = 1, .payload_max = 300000});
}

void payloads_larger_than_ever(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 70);
    sends(s, &me, (struct event_traffic){.n_messages = 1, .payload_max = 1000});
    for (unsigned i = 0; i < n; i++)
        sends(s, &me, (struct event_traffic){.n_messages = 1, .payload_max = 70000});
}

void firmware(struct scene *s, unsigned n)
{
    ACTS;
    me.role = "ota";
    for (unsigned i = 0; i < n; i++)
        sends(s, &me, (struct event_traffic){.n_messages = 1, .payload_max = 900000});
}

void open_qos2(struct scene *s, unsigned n)
{
    ACTS;
    does(s, &me, EVENT_QOS2_OPEN, NULL, n);
    idle(s, 32);
}

void opens_many_qos2(struct scene *s, unsigned n)
{
    ACTS;
    does(s, &me, EVENT_QOS2_OPEN, NULL, n);
}

void open_qos2_for_a_moment(struct scene *s, unsigned n)
{
    ACTS;
    does(s, &me, EVENT_QOS2_OPEN, NULL, n);
    idle(s, 5);
    does(s, &me, EVENT_QOS2_OPEN, NULL, 19);
    idle(s, 60);
}

void growing_queue(struct scene *s, unsigned n)
{
    ACTS;
    does(s, &me, EVENT_QUEUE_GROWN, NULL, n);
}

void large_queue(struct scene *s, unsigned n)
{
    ACTS;
    struct event e = by(&me, EVENT_QUEUE_GROWN);

    e.value = 40;
    e.number = n;
    scene_event(s, e);
}

void bad_certificates(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_TLS_FAILED, "certificate has expired");
}

void revoked_certificates(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_TLS_FAILED, "certificate revoked");
}

void certificates_of_a_stranger(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_TLS_FAILED, "unknown ca: CN m-1, serial 5A");
}

void certificates_that_the_node_cannot_check(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_TLS_FAILED,
               "unknown whether it is revoked (the revocation list has expired): CN m-1");
}

void plain_bytes(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_TLS_FAILED, "wrong version number");
}

static void comes_from(struct scene *s, const char *role, const char *address, unsigned n)
{
    ACTS;
    me.role = role;
    for (unsigned i = 0; i < 5; i++) {
        connects(s, &me, 0, 60);
        idle(s, 60);
    }
    me.address = address;
    for (unsigned i = 0; i < n; i++)
        connects(s, &me, 0, 60);
}

void from_elsewhere(struct scene *s, unsigned n)
{
    comes_from(s, "meter", "203.0.113.9", n);
}

void a_fixed_one_from_elsewhere(struct scene *s, unsigned n)
{
    comes_from(s, "actuator", "203.0.113.9", n);
}

void from_the_same_site(struct scene *s, unsigned n)
{
    comes_from(s, "actuator", "192.0.2.200", n);
}

static void goes_back_and_forth(struct scene *s, unsigned n, double every_s)
{
    ACTS;
    for (unsigned i = 0; i < n + 4; i++) {
        me.address = i % 2 == 0 ? "192.0.2.1" : "203.0.113.9";
        connects(s, &me, 0, 60);
        idle(s, i < 4 ? 1200 : every_s); /* both are known by then */
    }
}

void is_in_two_places(struct scene *s, unsigned n)
{
    goes_back_and_forth(s, n, 30);
}

void fails_over_now_and_then(struct scene *s, unsigned n)
{
    goes_back_and_forth(s, n, 300);
}

static void retained(struct scene *s, unsigned n, const char *owner_role, uint32_t cleared)
{
    ACTS;
    const struct actor owner = {"owner", owner_role, "192.0.2.77", 9};
    uint64_t key = hash_keyed(BYTES("owner"));

    connects(s, &owner, 0, 60);
    for (unsigned i = 0; i < n; i++) {
        struct event e = by(&me, EVENT_RETAINED_CHANGED);

        e.topic = BYTES("fmb/state");
        e.value = cleared;
        e.text = bytes_of(&key, sizeof(key));
        scene_event(s, e);
    }
}

void retained_of_another(struct scene *s, unsigned n)
{
    retained(s, n, "meter", 0);
}

void retained_alarm_cleared(struct scene *s, unsigned n)
{
    retained(s, n, "meter", 1);
}

void retained_of_a_peer(struct scene *s, unsigned n)
{
    const struct actor a = GATEWAY;
    const struct actor b = {"gw-2", "gateway", "192.0.2.3", 3};
    uint64_t key = hash_keyed(BYTES("gw-1"));

    connects(s, &a, 0, 60);
    for (unsigned i = 0; i < n; i++) {
        struct event e = by(&b, EVENT_RETAINED_CHANGED);

        e.text = bytes_of(&key, sizeof(key));
        scene_event(s, e);
    }
}

void retained_topics(struct scene *s, unsigned n)
{
    ACTS;
    sends(s, &me, (struct event_traffic){.n_messages = n, .n_retained_new = n});
}

void discovery_at_boot(struct scene *s, unsigned n)
{
    const struct actor gw = GATEWAY;

    sends(s, &gw, (struct event_traffic){.n_messages = n, .n_retained_new = n});
}

/* At 200 a second. */

void floods(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < 2 * n; i++) {
        sends_n(s, &me, 100);
        idle(s, 0.5);
    }
}

void backfills(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i += 100)
        sends_n(s, &me, 100);
}

/* One in 10 s is learned; then 30 times as many. */

void thirty_times_its_rate(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 200);
    for (unsigned i = 0; i < n; i++) {
        sends_n(s, &me, 3);
        idle(s, 1);
    }
    idle(s, 6);
}

/* A reserve is 600 s at twice its rate. */
void sixty_times_its_rate(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 200);
    for (unsigned i = 0; i < n; i++) {
        sends_n(s, &me, 6);
        idle(s, 1);
    }
    idle(s, 6);
}

void what_it_owes_after_an_outage(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 200);
    leaves(s, &me, false);
    idle(s, 3600);
    connects(s, &me, 0, 60);
    for (unsigned i = 0; i < n; i += 20) {
        sends_n(s, &me, 20);
        idle(s, 1);
    }
}
