/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/detect/acts.h - what clients do in a scene: attacks, and what looks like them
 *
 * An act does something @n times, or for @n seconds.
 */
#pragma once

#include "scene.h"

#include "base/hash.h"
#include "base/mem.h"

typedef void act_fn(struct scene *s, unsigned n);

/* ---- a client of the scene, and what it does ---- */

struct actor {
    const char *id;
    const char *role;
    const char *address;
    uint64_t conn;
};

static inline struct event by(const struct actor *a, enum event_kind kind)
{
    return (struct event){
        .kind = kind,
        .conn = a->conn,
        .client_id = bytes_str(a->id),
        .user_name = bytes_str(a->id),
        .address = bytes_str(a->address),
        .role = bytes_str(a->role),
    };
}

static inline void does(struct scene *s, const struct actor *a, enum event_kind kind,
                        const char *topic, uint32_t value)
{
    struct event e = by(a, kind);

    e.topic = bytes_str(topic);
    e.value = value;
    scene_event(s, e);
}

static inline void says(struct scene *s, const struct actor *a, enum event_kind kind,
                        const char *text)
{
    struct event e = by(a, kind);

    e.text = bytes_str(text);
    scene_event(s, e);
}

static inline void connects(struct scene *s, const struct actor *a, uint32_t flags,
                            uint32_t keep_alive_s)
{
    struct event e = by(a, EVENT_CONNECT_ACCEPTED);

    e.value = 5;
    e.flags = flags | CONNECT_TLS | CONNECT_TLS13;
    e.number = keep_alive_s;
    scene_event(s, e);
}

static inline void leaves(struct scene *s, const struct actor *a, bool properly)
{
    does(s, a, EVENT_DISCONNECTED, NULL, properly);
}

static inline void sends(struct scene *s, const struct actor *a, struct event_traffic t)
{
    struct event e = by(a, EVENT_TRAFFIC);

    e.text = bytes_of(&t, sizeof(t));
    scene_event(s, e);
}

static inline void sends_n(struct scene *s, const struct actor *a, uint32_t n)
{
    sends(s, a, (struct event_traffic){.n_messages = n, .n_matched = n, .bytes_in = 100 * n});
}

/* Nobody yet: address only. */
static inline void knocks(struct scene *s, const char *address, enum event_kind kind,
                          const char *text)
{
    scene_event(
        s, (struct event){.kind = kind, .address = bytes_str(address), .text = bytes_str(text)});
}

static inline void idle(struct scene *s, double seconds)
{
    uint64_t until_ns = s->now_ns + (uint64_t)(seconds * 1e9);

    while (s->now_ns < until_ns) {
        s->now_ns = MIN(s->now_ns + S, until_ns);
        detect_tick(s->d, s->now_ns, scene_found, s);
    }
}

/* A client that has said the same for longer than it takes to be learned. */
static inline void teach_on(struct scene *s, const struct actor *a, const char *topic,
                            double every_s, unsigned times)
{
    connects(s, a, 0, 60);
    for (unsigned i = 0; i < times; i++) {
        does(s, a, EVENT_PUBLISH_TOPIC, topic, 0);
        sends_n(s, a, 1);
        idle(s, every_s);
    }
}

static inline void teach(struct scene *s, const struct actor *a, double every_s, unsigned times)
{
    teach_on(s, a, "fmb/own", every_s, times);
}

#define METER                                                                                      \
    {                                                                                              \
        "m-1", "meter", "192.0.2.1", 1                                                             \
    }
#define GATEWAY                                                                                    \
    {                                                                                              \
        "gw-1", "gateway", "192.0.2.2", 2                                                          \
    }

#define ACTS                                                                                       \
    struct actor me = METER;                                                                       \
    char text[64];                                                                                 \
    (void)me;                                                                                      \
    (void)text

act_fn connections_to_nothing;
act_fn productive_reconnects;
act_fn drops_fast;
act_fn drops_each_4_min;
act_fn silence;
act_fn is_asked_in_vain;
act_fn answers_when_asked;
act_fn silence_after_goodbye;
act_fn silence_of_one_who_speaks_in_waves;
act_fn names_from_one_address;
act_fn outdated_passwords_of_many_behind_one_address;
act_fn unread_messages;
act_fn messages_that_are_mostly_read;
act_fn says_nothing;
act_fn says_nothing_as_announced;
act_fn says_nothing_as_a_standby;
act_fn held_connections;
act_fn endless_keep_alive;
act_fn battery_sensors;
act_fn slow_connects;
act_fn full_node;
act_fn takeover_war;
act_fn takeover_war_after_an_ordinary_end;
act_fn takeover_war_by_one_with_a_certificate;
act_fn roaming;
act_fn made_up_sessions;
act_fn new_fleet;
act_fn weaker_means;
act_fn older_version;
act_fn better_means;
act_fn garbage;
act_fn garbage_now_and_then;
act_fn properties;
act_fn protocol_errors_of_other_kinds;
act_fn deep_topics;
act_fn long_topics;
act_fn usual_topics;
act_fn large_payloads;
act_fn payloads_larger_than_ever;
act_fn firmware;
act_fn open_qos2;
act_fn opens_many_qos2;
act_fn open_qos2_for_a_moment;
act_fn growing_queue;
act_fn large_queue;
act_fn bad_certificates;
act_fn revoked_certificates;
act_fn certificates_of_a_stranger;
act_fn certificates_that_the_node_cannot_check;
act_fn plain_bytes;
act_fn from_elsewhere;
act_fn a_fixed_one_from_elsewhere;
act_fn from_the_same_site;
act_fn is_in_two_places;
act_fn fails_over_now_and_then;
act_fn retained_of_another;
act_fn retained_alarm_cleared;
act_fn retained_of_a_peer;
act_fn retained_topics;
act_fn discovery_at_boot;
act_fn floods;
act_fn backfills;
act_fn thirty_times_its_rate;
act_fn sixty_times_its_rate;
act_fn what_it_owes_after_an_outage;
act_fn new_topics;
act_fn new_numbers_on_its_topics;
act_fn another_shape;
act_fn another_shape_and_entropy;
act_fn shapes_that_change_all_the_time;
act_fn speaks_for_a_meter;
act_fn speaks_for_an_actuator;
act_fn shared_topics;
act_fn forbidden_command;
act_fn commands_that_are_its_job;
act_fn commands_in_a_hurry;
act_fn commands_in_a_hurry_that_are_held;
act_fn commands_everywhere;
act_fn commands_as_usual;
act_fn replays;
act_fn wrong_clock;
act_fn numbered_commands;
act_fn will_to_command;
act_fn own_wills;
act_fn wills_that_fire;
act_fn subscribes_without_end;
act_fn too_many_subscriptions;
act_fn subscribes_again;
act_fn listens_to_all;
act_fn listens_to_a_large_part;
act_fn historian_listens_to_a_large_part;
act_fn dashboard;
act_fn asks_for_sys;
act_fn monitor_reads_sys;
act_fn is_refused;
act_fn is_refused_now_and_then;
act_fn joins_others;
act_fn joins_its_own;
act_fn moves_out;
act_fn moves_a_picture;
act_fn beacons_to_a_master;
act_fn regular_telemetry;
act_fn all_come_back;
act_fn all_come_back_in_vain;
act_fn all_come_for_the_first_time;
act_fn power_cut;
act_fn uplink_of_a_site_is_cut;
act_fn few_of_many_are_cut;
act_fn are_cut_one_after_another;
act_fn default_names;
act_fn default_password;
act_fn good_passwords;
act_fn dead_consumer;
act_fn consumer_to_come;
act_fn rolls_out;
act_fn overdue;
act_fn takes_nothing;
act_fn is_gone_and_more_waits;
act_fn acknowledges_slowly;
act_fn certificate_of_one_who_is_here;
act_fn comes_again_with_an_old_certificate;
act_fn node_has_no_more_sessions;
act_fn user_has_no_more_sessions;
act_fn nobody_has_no_more_sessions;
act_fn store_of_retained_is_full;
act_fn quota_of_retained_is_full;
act_fn many_retain_a_little;
act_fn few_retain_in_an_empty_store;
act_fn many_retain_a_little_of_much;
act_fn new_fleet_announces_itself;
act_fn node_has_other_limits;
act_fn is_silent_in_maintenance;
act_fn is_here_and_retired;
act_fn a_retired_one_is_away;
act_fn a_spare_is_tried;
act_fn certificates_end_soon;
act_fn certificates_are_over;
act_fn certificates_are_renewed;
act_fn store_has_faults;
act_fn is_inspected_in_time;
act_fn store_is_mended;
