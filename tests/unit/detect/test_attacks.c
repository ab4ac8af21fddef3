/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/detect/test_attacks.c - each detector finds its attack within the stated count or
 * time, and is silent for the benign ones that its rule names
 */
#include "scene.h"

#include "base/hash.h"
#include "base/mem.h"

/* ---- a client of the scene, and what it does ---- */

struct actor {
    const char *id;
    const char *role;
    const char *address;
    uint64_t conn;
};

static struct event by(const struct actor *a, enum event_kind kind)
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

static void does(struct scene *s, const struct actor *a, enum event_kind kind, const char *topic,
                 uint32_t value)
{
    struct event e = by(a, kind);

    e.topic = bytes_str(topic);
    e.value = value;
    scene_event(s, e);
}

static void says(struct scene *s, const struct actor *a, enum event_kind kind, const char *text)
{
    struct event e = by(a, kind);

    e.text = bytes_str(text);
    scene_event(s, e);
}

static void connects(struct scene *s, const struct actor *a, uint32_t flags, uint32_t keep_alive_s)
{
    struct event e = by(a, EVENT_CONNECT_ACCEPTED);

    e.value = 5;
    e.flags = flags | CONNECT_TLS | CONNECT_TLS13;
    e.number = keep_alive_s;
    scene_event(s, e);
}

static void leaves(struct scene *s, const struct actor *a, bool properly)
{
    does(s, a, EVENT_DISCONNECTED, NULL, properly);
}

static void sends(struct scene *s, const struct actor *a, struct event_traffic t)
{
    struct event e = by(a, EVENT_TRAFFIC);

    e.text = bytes_of(&t, sizeof(t));
    scene_event(s, e);
}

static void sends_n(struct scene *s, const struct actor *a, uint32_t n)
{
    sends(s, a, (struct event_traffic){.n_messages = n, .n_matched = n, .bytes_in = 100 * n});
}

/* Nobody yet: address only. */
static void knocks(struct scene *s, const char *address, enum event_kind kind, const char *text)
{
    scene_event(
        s, (struct event){.kind = kind, .address = bytes_str(address), .text = bytes_str(text)});
}

static void idle(struct scene *s, double seconds)
{
    uint64_t until_ns = s->now_ns + (uint64_t)(seconds * 1e9);

    while (s->now_ns < until_ns) {
        s->now_ns = MIN(s->now_ns + S, until_ns);
        detect_tick(s->d, s->now_ns, scene_found, s);
    }
}

/* A client that has said the same for longer than it takes to be learned. */
static void teach(struct scene *s, const struct actor *a, double every_s, unsigned times)
{
    connects(s, a, 0, 60);
    for (unsigned i = 0; i < times; i++) {
        does(s, a, EVENT_PUBLISH_TOPIC, "fmb/own", 0);
        sends_n(s, a, 1);
        idle(s, every_s);
    }
}

#define METER                                                                                      \
    {                                                                                              \
        "m-1", "meter", "192.0.2.1", 1                                                             \
    }
#define GATEWAY                                                                                    \
    {                                                                                              \
        "gw-1", "gateway", "192.0.2.2", 2                                                          \
    }

/* ---- what is tried ---- */

#define ACTS                                                                                       \
    struct actor me = METER;                                                                       \
    char text[64];                                                                                 \
    (void)me;                                                                                      \
    (void)text

static void connections_to_nothing(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        knocks(s, "198.51.100.9", EVENT_ENDED_EARLY, NULL);
        idle(s, 0.5);
    }
}

static void productive_reconnects(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        me.conn = i + 1;
        connects(s, &me, 0, 60);
        does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/t", 0);
        leaves(s, &me, false);
    }
}

static void drops(struct scene *s, unsigned n, double every_s)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        connects(s, &me, 0, 60);
        leaves(s, &me, false);
        idle(s, every_s);
    }
}

static void drops_fast(struct scene *s, unsigned n)
{
    drops(s, n, 20);
}

static void drops_each_4_min(struct scene *s, unsigned n)
{
    drops(s, n, 240);
}

static void silence(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 70);
    idle(s, n);
}

static void silence_after_goodbye(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 70);
    leaves(s, &me, true);
    idle(s, n);
}

static void silence_of_one_who_speaks_in_waves(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 60);
    for (unsigned i = 0; i < 60; i++) {
        sends_n(s, &me, 1);
        idle(s, i % 10 == 0 ? 600 : 1);
    }
    idle(s, n);
}

static void names_from_one_address(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "user-%u", i);
        scene_auth_failed(s, text, text, "203.0.113.9", 7);
        scene_wait(s, 70);
    }
}

static void outdated_passwords_of_many_behind_one_address(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        scene_connect(s, text, "203.0.113.9");
        scene_auth_failed(s, text, text, "203.0.113.9", i);
    }
}

static void unread_messages(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 60);
    does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/nobody", EVENT_UNMATCHED);
    for (unsigned i = 0; i < n; i += 10) {
        sends(s, &me, (struct event_traffic){.n_messages = 10, .n_unmatched = 10});
        idle(s, 5);
    }
    idle(s, 40);
}

static void messages_that_are_mostly_read(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 60);
    does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/nobody", EVENT_UNMATCHED);
    for (unsigned i = 0; i < n; i += 10) {
        sends(s, &me, (struct event_traffic){.n_messages = 20, .n_unmatched = 10});
        idle(s, 5);
    }
    idle(s, 40);
}

static void says_nothing(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 60);
    idle(s, n);
}

static void says_nothing_as_announced(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 1800);
    idle(s, n);
}

static void says_nothing_as_a_standby(struct scene *s, unsigned n)
{
    ACTS;
    me.role = "standby";
    connects(s, &me, 0, 60);
    idle(s, n);
}

static void holds(struct scene *s, unsigned n, uint32_t keep_alive_s)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        me.conn = i + 1;
        snprintf(text, sizeof(text), "holder-%u", i);
        me.id = text;
        connects(s, &me, 0, keep_alive_s);
        idle(s, 1);
    }
    idle(s, 122);
}

static void held_connections(struct scene *s, unsigned n)
{
    holds(s, n, 60);
}

static void endless_keep_alive(struct scene *s, unsigned n)
{
    holds(s, n, 0);
}

static void battery_sensors(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        me.conn = i + 1;
        snprintf(text, sizeof(text), "battery-%u", i);
        me.id = text;
        connects(s, &me, 0, 65535);
        does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/t", 0);
    }
    idle(s, 200);
}

static void slow_connects(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_LIMIT_HIT, "connect_timeout_ms");
}

static void full_node(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_LIMIT_HIT, "connections_max");
}

static void fights(struct scene *s, unsigned n, const char *const *addresses, unsigned n_addresses)
{
    ACTS;
    connects(s, &me, 0, 60);
    for (unsigned i = 0; i < n; i++) {
        does(s, &me, EVENT_TAKEN_OVER, NULL, 0);
        me.address = addresses[i % n_addresses];
        connects(s, &me, 0, 60);
        idle(s, 3);
    }
}

static void takeover_war(struct scene *s, unsigned n)
{
    static const char *const two[] = {"203.0.113.9", "192.0.2.1"};

    fights(s, n + 1, two, 2); /* the first one is only a takeover */
}

static void roaming(struct scene *s, unsigned n)
{
    static const char *const many[] = {"192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"};

    fights(s, n, many, 4);
}

static void made_up_sessions(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i <= n; i++) {
        struct event e;

        snprintf(text, sizeof(text), "made-up-%u", i);
        me.id = text;
        e = by(&me, EVENT_CONNECT_ACCEPTED);
        e.user_name = BYTES("thief");
        e.flags = CONNECT_PERSISTENT;
        scene_event(s, e);
    }
}

static void new_fleet(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        connects(s, &me, CONNECT_PERSISTENT, 60);
    }
}

static void comes_by(struct scene *s, uint32_t level, uint32_t flags, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        struct event e = by(&me, EVENT_CONNECT_ACCEPTED);

        e.value = level;
        e.flags = flags;
        scene_event(s, e);
        idle(s, 60);
    }
}

static void weaker_means(struct scene *s, unsigned n)
{
    comes_by(s, 5, CONNECT_TLS | CONNECT_TLS13 | CONNECT_CERTIFICATE, 4);
    comes_by(s, 5, CONNECT_TLS | CONNECT_TLS13 | CONNECT_PASSWORD, n);
}

static void older_version(struct scene *s, unsigned n)
{
    comes_by(s, 5, CONNECT_TLS, 4);
    comes_by(s, 4, CONNECT_TLS, n);
}

static void better_means(struct scene *s, unsigned n)
{
    comes_by(s, 4, 0, 4);
    comes_by(s, 5, CONNECT_TLS | CONNECT_TLS13, n);
}

static void garbage(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_PROTOCOL_ERROR, "no MQTT");
}

static void garbage_now_and_then(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        knocks(s, "198.51.100.9", EVENT_PROTOCOL_ERROR, "no MQTT");
        idle(s, 60);
    }
}

static void properties(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_ODD_PACKET, NULL, 20000);
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

static void deep_topics(struct scene *s, unsigned n)
{
    topic_of_levels(s, n, 33);
}

static void long_topics(struct scene *s, unsigned n)
{
    topic_of_levels(s, n, 520);
}

static void usual_topics(struct scene *s, unsigned n)
{
    topic_of_levels(s, n, 32);
}

static void large_payloads(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        sends(s, &me, (struct event_traffic){.n_messages = 1, .payload_max = 300000});
}

static void payloads_larger_than_ever(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 70);
    sends(s, &me, (struct event_traffic){.n_messages = 1, .payload_max = 1000});
    for (unsigned i = 0; i < n; i++)
        sends(s, &me, (struct event_traffic){.n_messages = 1, .payload_max = 70000});
}

static void firmware(struct scene *s, unsigned n)
{
    ACTS;
    me.role = "ota";
    for (unsigned i = 0; i < n; i++)
        sends(s, &me, (struct event_traffic){.n_messages = 1, .payload_max = 900000});
}

static void open_qos2(struct scene *s, unsigned n)
{
    ACTS;
    does(s, &me, EVENT_QOS2_OPEN, NULL, n);
    idle(s, 32);
}

static void open_qos2_for_a_moment(struct scene *s, unsigned n)
{
    ACTS;
    does(s, &me, EVENT_QOS2_OPEN, NULL, n);
    idle(s, 5);
    does(s, &me, EVENT_QOS2_OPEN, NULL, 19);
    idle(s, 60);
}

static void growing_queue(struct scene *s, unsigned n)
{
    ACTS;
    does(s, &me, EVENT_QUEUE_GROWN, NULL, n);
}

static void bad_certificates(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_TLS_FAILED, "certificate has expired");
}

static void revoked_certificates(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_TLS_FAILED, "certificate revoked");
}

static void plain_bytes(struct scene *s, unsigned n)
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

static void from_elsewhere(struct scene *s, unsigned n)
{
    comes_from(s, "meter", "203.0.113.9", n);
}

static void a_fixed_one_from_elsewhere(struct scene *s, unsigned n)
{
    comes_from(s, "actuator", "203.0.113.9", n);
}

static void from_the_same_site(struct scene *s, unsigned n)
{
    comes_from(s, "actuator", "192.0.2.200", n);
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

static void retained_of_another(struct scene *s, unsigned n)
{
    retained(s, n, "meter", 0);
}

static void retained_alarm_cleared(struct scene *s, unsigned n)
{
    retained(s, n, "meter", 1);
}

static void retained_of_a_peer(struct scene *s, unsigned n)
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

static void retained_topics(struct scene *s, unsigned n)
{
    ACTS;
    sends(s, &me, (struct event_traffic){.n_messages = n, .n_retained_new = n});
}

static void discovery_at_boot(struct scene *s, unsigned n)
{
    const struct actor gw = GATEWAY;

    sends(s, &gw, (struct event_traffic){.n_messages = n, .n_retained_new = n});
}

/* At 200 a second. */
static void floods(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < 2 * n; i++) {
        sends_n(s, &me, 100);
        idle(s, 0.5);
    }
}

static void backfills(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i += 100)
        sends_n(s, &me, 100);
}

/* One in 10 s is learned; then 30 times as many. */
static void thirty_times_its_rate(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 200);
    for (unsigned i = 0; i < n; i++) {
        sends_n(s, &me, 3);
        idle(s, 1);
    }
    idle(s, 6);
}

static void what_it_owes_after_an_outage(struct scene *s, unsigned n)
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

static void new_topics(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 60, 65);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "fmb/new/%c", 'a' + (char)i);
        does(s, &me, EVENT_PUBLISH_TOPIC, text, 0);
        idle(s, 60);
    }
    idle(s, 300);
}

static void new_numbers_on_its_topics(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 60, 65);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "fmb/m-1/%u", i);
        does(s, &me, EVENT_PUBLISH_TOPIC, text, 0);
    }
    idle(s, 300);
}

static void looks(struct scene *s, unsigned n, uint32_t shape, uint32_t entropy)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        struct event e = by(&me, EVENT_PUBLISH_TOPIC);

        e.topic = BYTES("fmb/m-1/power");
        e.number = shape;
        e.flags = entropy;
        scene_event(s, e);
        idle(s, 61);
    }
    idle(s, 130);
}

static void another_shape(struct scene *s, unsigned n)
{
    looks(s, 60, 100, 60);
    looks(s, n, 200, 60);
}

static void another_shape_and_entropy(struct scene *s, unsigned n)
{
    looks(s, 60, 100, 60);
    looks(s, n, 200, 120);
}

static void shapes_that_change_all_the_time(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        looks(s, 3, 100 + i % 5, 60);
}

static void speaks_on_a_topic_of(struct scene *s, const char *role, unsigned n)
{
    ACTS;
    const struct actor owner = {"owner", role, "192.0.2.77", 9};

    connects(s, &owner, 0, 60);
    for (unsigned i = 0; i < 6; i++)
        does(s, &owner, EVENT_PUBLISH_TOPIC, "fmb/owner/power", 0);
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/owner/power", 0);
}

static void speaks_for_a_meter(struct scene *s, unsigned n)
{
    speaks_on_a_topic_of(s, "meter", n);
}

static void speaks_for_an_actuator(struct scene *s, unsigned n)
{
    speaks_on_a_topic_of(s, "actuator", n);
}

static void shared_topics(struct scene *s, unsigned n)
{
    ACTS;
    const struct actor other = {"m-2", "meter", "192.0.2.77", 9};

    connects(s, &me, 0, 60);
    connects(s, &other, 0, 60);
    for (unsigned i = 0; i < n; i++)
        does(s, i % 2 == 0 ? &me : &other, EVENT_PUBLISH_TOPIC, "fmb/shared", 0);
}

static void forbidden_command(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/command/x", EVENT_COMMAND);
}

static void commands(struct scene *s, unsigned n, double every_s, unsigned n_topics)
{
    ACTS;
    me.role = "control";
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "fmb/command/breaker-%u", i % n_topics);
        does(s, &me, EVENT_COMMAND_SENT, text, 0);
        idle(s, every_s);
    }
}

static void commands_in_a_hurry(struct scene *s, unsigned n)
{
    commands(s, n, 1, 1);
}

static void commands_everywhere(struct scene *s, unsigned n)
{
    commands(s, n, 1, n);
}

static void commands_as_usual(struct scene *s, unsigned n)
{
    commands(s, n, 5, 8);
}

static void signed_commands(struct scene *s, unsigned n, uint64_t step, uint64_t off_ms)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        struct event e = by(&me, EVENT_COMMAND_SENT);
        struct event_sequence q = {
            .sequence = 1000 + i * step, .time_unix_ms = 5000000 - off_ms, .now_unix_ms = 5000000};

        e.topic = BYTES("fmb/command/x");
        e.text = bytes_of(&q, sizeof(q));
        scene_event(s, e);
    }
}

static void replays(struct scene *s, unsigned n)
{
    signed_commands(s, n + 1, 0, 0);
}

static void wrong_clock(struct scene *s, unsigned n)
{
    signed_commands(s, n, 1, 400000);
}

static void numbered_commands(struct scene *s, unsigned n)
{
    signed_commands(s, n, 1, 1000);
}

static void will_to_command(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_WILL_SET, "fmb/command/x", EVENT_COMMAND);
}

static void own_wills(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        does(s, &me, EVENT_WILL_SET, "fmb/m-1/state", 0);
        does(s, &me, EVENT_WILL_PUBLISHED, "fmb/m-1/state", 0);
        idle(s, 240);
    }
}

static void wills_that_fire(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_WILL_PUBLISHED, "fmb/m-1/state", 0);
}

static void subscribes_without_end(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "fmb/%u/+", i);
        does(s, &me, EVENT_SUBSCRIBED, text, 0);
    }
}

static void too_many_subscriptions(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        says(s, &me, EVENT_LIMIT_HIT, "subscriptions_per_session_max");
}

static void subscribes_again(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "fmb/%u/+", i);
        does(s, &me, EVENT_SUBSCRIBED, text, 0);
        idle(s, 10);
    }
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "fmb/%u/+", i % 40);
        does(s, &me, EVENT_SUBSCRIBED, text, 0);
    }
}

static void listens(struct scene *s, const char *role, const char *filter, enum event_kind kind,
                    unsigned n)
{
    ACTS;
    me.role = role;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, kind, filter, 0);
}

static void listens_to_all(struct scene *s, unsigned n)
{
    listens(s, "meter", "#", EVENT_SUBSCRIBED, n);
}

static void dashboard(struct scene *s, unsigned n)
{
    listens(s, "monitor", "#", EVENT_SUBSCRIBED, n);
}

static void asks_for_sys(struct scene *s, unsigned n)
{
    listens(s, "meter", "$SYS/#", EVENT_SUBSCRIBE_DENIED, n);
}

static void monitor_reads_sys(struct scene *s, unsigned n)
{
    listens(s, "monitor", "$SYS/#", EVENT_SUBSCRIBED, n);
}

static void is_refused(struct scene *s, unsigned n)
{
    listens(s, "meter", "fmb/not/mine", EVENT_SUBSCRIBE_DENIED, n);
}

static void is_refused_now_and_then(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        is_refused(s, 1);
        idle(s, 60);
    }
}

static void joins(struct scene *s, const struct actor *a)
{
    struct event e = by(a, EVENT_SUBSCRIBED);

    e.topic = BYTES("fmb/work");
    e.text = BYTES("group");
    scene_event(s, e);
}

static void joins_others(struct scene *s, unsigned n)
{
    const struct actor worker = {"svc-1", "service", "192.0.2.5", 5};
    const struct actor me = METER;

    joins(s, &worker);
    for (unsigned i = 0; i < n; i++)
        joins(s, &me);
}

static void joins_its_own(struct scene *s, unsigned n)
{
    const struct actor a = {"svc-1", "service", "192.0.2.5", 5};
    const struct actor b = {"svc-2", "service", "192.0.2.6", 6};

    for (unsigned i = 0; i < n; i++)
        joins(s, i % 2 == 0 ? &a : &b);
}

/* 1000 bytes in 10 s are learned: 1 MiB is the least reserve; then 100,000 a second. */
static void moves_out(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 130);
    for (unsigned i = 0; i < n; i++) {
        sends(s, &me, (struct event_traffic){.n_messages = 1, .bytes_out = 100000});
        idle(s, 1);
    }
    idle(s, 6);
}

static void moves_a_picture(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 130);
    for (unsigned i = 0; i < n; i++) {
        sends(s, &me, (struct event_traffic){.n_messages = 1, .bytes_in = 500000});
        idle(s, 3600);
    }
}

static void beacons(struct scene *s, unsigned n, bool with_orders)
{
    ACTS;
    teach(s, &me, 60, 65);
    if (with_orders)
        does(s, &me, EVENT_SUBSCRIBED, "other/orders", 0);
    for (unsigned i = 0; i < n; i++) {
        does(s, &me, EVENT_PUBLISH_TOPIC, "other/here-i-am", 0);
        idle(s, 90);
    }
}

static void beacons_to_a_master(struct scene *s, unsigned n)
{
    beacons(s, n, true);
}

static void regular_telemetry(struct scene *s, unsigned n)
{
    beacons(s, n, false);
}

static void comes(struct scene *s, unsigned n, bool come_back)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        me.conn = 100 + i;
        me.address = "192.0.2.1";
        connects(s, &me, 0, 600);
        does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/t", 0);
    }
    idle(s, 120);
    if (!come_back)
        return;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.conn = 1000 + i;
        connects(s, &me, 0, 600);
    }
}

static void all_come_back(struct scene *s, unsigned n)
{
    comes(s, n, true);
}

static void all_come_for_the_first_time(struct scene *s, unsigned n)
{
    comes(s, n, false);
}

static void are_cut(struct scene *s, unsigned n, unsigned of, double every_s)
{
    ACTS;
    comes(s, of, false);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        me.conn = 100 + i;
        leaves(s, &me, false);
        idle(s, every_s);
    }
}

static void power_cut(struct scene *s, unsigned n)
{
    are_cut(s, n, 30, 0.5);
}

static void few_of_many_are_cut(struct scene *s, unsigned n)
{
    are_cut(s, n, 100, 0.5);
}

static void are_cut_one_after_another(struct scene *s, unsigned n)
{
    are_cut(s, n, 30, 60);
}

static void default_names(struct scene *s, unsigned n)
{
    static const char *const names[] = {"admin", "root", "guest", "test"};

    for (unsigned i = 0; i < n; i++)
        scene_auth_failed(s, "x", names[i % COUNT_OF(names)], "203.0.113.9", i);
}

static void default_password(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        connects(s, &me, CONNECT_PASSWORD | CONNECT_DEFAULT_SECRET, 60);
}

static void good_passwords(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        connects(s, &me, CONNECT_PASSWORD, 60);
}

static void publishers(struct scene *s, unsigned n, bool had_reader)
{
    ACTS;
    for (unsigned round = had_reader ? 0 : 1; round < 2; round++) {
        for (unsigned i = 0; i < n; i++) {
            char topic[64];

            snprintf(text, sizeof(text), "m-%u", i);
            snprintf(topic, sizeof(topic), "fmb/m-%u", i);
            me.id = text;
            does(s, &me, EVENT_PUBLISH_TOPIC, topic, round == 1 ? EVENT_UNMATCHED : 0);
        }
    }
}

static void dead_consumer(struct scene *s, unsigned n)
{
    publishers(s, n, true);
}

static void consumer_to_come(struct scene *s, unsigned n)
{
    publishers(s, n, false);
}

static void rolls_out(struct scene *s, unsigned n)
{
    char id[16];
    struct actor a = METER;

    a.id = id;
    for (unsigned k = 0; k < 65; k++) {
        for (unsigned i = 0; i < n; i++) {
            snprintf(id, sizeof(id), "m-%u", i);
            does(s, &a, EVENT_PUBLISH_TOPIC, "fmb/own", 0);
        }
        idle(s, 60);
    }
    for (unsigned i = 0; i < n; i++) {
        char topic[64];

        snprintf(id, sizeof(id), "m-%u", i);
        snprintf(topic, sizeof(topic), "fmb/m-%u/firmware", i);
        does(s, &a, EVENT_PUBLISH_TOPIC, topic, 0);
    }
}

static void overdue(struct scene *s, unsigned n)
{
    scene_event(s, (struct event){.kind = EVENT_INSPECTION_OVERDUE,
                                  .client_id = BYTES("Meter 17"),
                                  .value = n});
}

/* ---- the table ---- */

typedef void act_fn(struct scene *s, unsigned n);

/* clang-format off */
static const struct {
    const char *detector;
    act_fn *act;
    unsigned silent;  /* so many are nothing */
    unsigned found;   /* so many are found */
    enum severity severity;
    const char *subject;
} attacks[] = {
    {"connection-flood",         connections_to_nothing,      25,   31,   SEVERITY_MEDIUM,   "198.51.100.9"},
    {"connection-flood",         connections_to_nothing,      25,   125,  SEVERITY_HIGH,     "198.51.100.9"},
    {"abnormal-termination",     drops_fast,                  7,    11,   SEVERITY_LOW,      "m-1"},
    {"abnormal-termination",     drops_fast,                  7,    20,   SEVERITY_MEDIUM,   "m-1"},
    {"client-unavailable",       silence,                     160,  240,  SEVERITY_LOW,      "m-1"},
    {"client-unavailable",       silence_after_goodbye,       1900, 2060, SEVERITY_LOW,      "m-1"},
    {"credential-stuffing",      names_from_one_address,      4,    6,    SEVERITY_HIGH,     "203.0.113.9"},
    {"undeliverable-messages",   unread_messages,             40,   60,   SEVERITY_LOW,      "m-1"},
    {"silent-client",            says_nothing,                890,  910,  SEVERITY_LOW,      "m-1"},
    {"connection-pileup",        held_connections,            9,    10,   SEVERITY_MEDIUM,   "192.0.2.1"},
    {"connection-pileup",        held_connections,            9,    50,   SEVERITY_HIGH,     "192.0.2.1"},
    {"slow-connect",             slow_connects,               4,    5,    SEVERITY_MEDIUM,   "198.51.100.9"},
    {"slow-connect",             slow_connects,               4,    20,   SEVERITY_HIGH,     "198.51.100.9"},
    {"keepalive-abuse",          endless_keep_alive,          4,    5,    SEVERITY_MEDIUM,   "192.0.2.1"},
    {"client-id-takeover-war",   takeover_war,                2,    3,    SEVERITY_HIGH,     "m-1"},
    {"session-hoarding",         made_up_sessions,            14,   25,   SEVERITY_MEDIUM,   "192.0.2.1"},
    {"protocol-downgrade",       weaker_means,                0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"protocol-downgrade",       older_version,               0,    1,    SEVERITY_LOW,      "m-1"},
    {"malformed-packets",        garbage,                     4,    5,    SEVERITY_MEDIUM,   "198.51.100.9"},
    {"malformed-packets",        garbage,                     4,    15,   SEVERITY_HIGH,     "198.51.100.9"},
    {"property-abuse",           properties,                  0,    1,    SEVERITY_LOW,      "m-1"},
    {"property-abuse",           properties,                  0,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"topic-depth-abuse",        deep_topics,                 0,    1,    SEVERITY_LOW,      "m-1"},
    {"topic-depth-abuse",        long_topics,                 0,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"oversize-payload",         large_payloads,              0,    1,    SEVERITY_LOW,      "m-1"},
    {"oversize-payload",         payloads_larger_than_ever,   0,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"qos2-inflight-exhaustion", open_qos2,                   19,   20,   SEVERITY_MEDIUM,   "m-1"},
    {"slow-consumer",            growing_queue,               499,  500,  SEVERITY_LOW,      "m-1"},
    {"slow-consumer",            growing_queue,               499,  1000, SEVERITY_MEDIUM,   "m-1"},
    {"bad-certificate",          bad_certificates,            0,    1,    SEVERITY_MEDIUM,   "198.51.100.9"},
    {"bad-certificate",          bad_certificates,            0,    3,    SEVERITY_HIGH,     "198.51.100.9"},
    {"bad-certificate",          revoked_certificates,        0,    1,    SEVERITY_HIGH,     "198.51.100.9"},
    {"source-change",            from_elsewhere,              0,    1,    SEVERITY_LOW,      "m-1"},
    {"source-change",            a_fixed_one_from_elsewhere,  0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"retained-poisoning",       retained_of_another,         0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"retained-poisoning",       retained_alarm_cleared,      0,    1,    SEVERITY_HIGH,     "m-1"},
    {"retained-flood",           retained_topics,             49,   50,   SEVERITY_MEDIUM,   "m-1"},
    {"retained-flood",           retained_topics,             49,   200,  SEVERITY_HIGH,     "m-1"},
    {"publish-flood",            floods,                      5,    9,    SEVERITY_MEDIUM,   "m-1"},
    {"publish-flood",            floods,                      5,    37,   SEVERITY_HIGH,     "m-1"},
    {"publish-rate-anomaly",     thirty_times_its_rate,       30,   45,   SEVERITY_LOW,      "m-1"},
    {"new-topic-for-client",     new_topics,                  2,    3,    SEVERITY_LOW,      "m-1"},
    {"payload-shape-drift",      another_shape,               2,    3,    SEVERITY_LOW,      "m-1"},
    {"payload-shape-drift",      another_shape_and_entropy,   2,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"spoofed-report",           speaks_for_a_meter,          0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"spoofed-report",           speaks_for_an_actuator,      0,    1,    SEVERITY_HIGH,     "m-1"},
    {"unauthorized-command",     forbidden_command,           0,    1,    SEVERITY_HIGH,     "m-1"},
    {"brute-force-io",           commands_in_a_hurry,         28,   31,   SEVERITY_HIGH,     "m-1"},
    {"brute-force-io",           commands_everywhere,         16,   24,   SEVERITY_HIGH,     "m-1"},
    {"message-replay",           replays,                     0,    1,    SEVERITY_HIGH,     "m-1"},
    {"message-replay",           wrong_clock,                 0,    1,    SEVERITY_LOW,      "m-1"},
    {"will-abuse",               will_to_command,             0,    1,    SEVERITY_HIGH,     "m-1"},
    {"will-abuse",               wills_that_fire,             4,    5,    SEVERITY_MEDIUM,   "m-1"},
    {"subscription-bomb",        subscribes_without_end,      99,   102,  SEVERITY_MEDIUM,   "m-1"},
    {"subscription-bomb",        too_many_subscriptions,      0,    1,    SEVERITY_HIGH,     "m-1"},
    {"wildcard-snoop",           listens_to_all,              0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"sys-recon",                asks_for_sys,                0,    1,    SEVERITY_LOW,      "m-1"},
    {"sys-recon",                asks_for_sys,                0,    3,    SEVERITY_MEDIUM,   "m-1"},
    {"acl-violations",           is_refused,                  9,    10,   SEVERITY_LOW,      "m-1"},
    {"acl-violations",           is_refused,                  9,    30,   SEVERITY_MEDIUM,   "m-1"},
    {"shared-subscription-steal", joins_others,               0,    1,    SEVERITY_MEDIUM,   "m-1"},
    {"exfil-volume",             moves_out,                   9,    20,   SEVERITY_MEDIUM,   "m-1"},
    {"beaconing",                beacons_to_a_master,         9,    10,   SEVERITY_LOW,      "m-1"},
    {"reconnect-storm",          all_come_back,               17,   24,   SEVERITY_INFO,     "fleet"},
    {"mass-disconnect",          power_cut,                   9,    10,   SEVERITY_MEDIUM,   "fleet"},
    {"default-credentials",      default_names,               2,    3,    SEVERITY_MEDIUM,   "203.0.113.9"},
    {"default-credentials",      default_password,            0,    1,    SEVERITY_CRITICAL, "m-1"},
    {"consumer-outage",          dead_consumer,               2,    4,    SEVERITY_MEDIUM,   "fleet"},
    {"rollout-observed",         rolls_out,                   4,    7,    SEVERITY_INFO,     "fleet"},
    {"inspection-overdue",       overdue,                     0,    1,    SEVERITY_LOW,      "Meter 17"},
};

/* What a rule names as benign. */
static const struct {
    const char *detector;
    act_fn *act;
    unsigned n;
} benign[] = {
    {"connection-flood",         productive_reconnects,                         300},
    {"abnormal-termination",     drops_each_4_min,                              100},
    {"client-unavailable",       silence_of_one_who_speaks_in_waves,            7200},
    {"credential-stuffing",      outdated_passwords_of_many_behind_one_address, 60},
    {"undeliverable-messages",   messages_that_are_mostly_read,                 400},
    {"silent-client",            says_nothing_as_announced,                     2600},
    {"silent-client",            says_nothing_as_a_standby,                     7200},
    {"connection-pileup",        battery_sensors,                               60},
    {"keepalive-abuse",          battery_sensors,                               60},
    {"slow-connect",             full_node,                                     50},
    {"client-id-takeover-war",   roaming,                                       40},
    {"repeated-connection",      takeover_war,                                  60},
    {"session-hoarding",         new_fleet,                                     200},
    {"protocol-downgrade",       better_means,                                  20},
    {"malformed-packets",        garbage_now_and_then,                          60},
    {"topic-depth-abuse",        usual_topics,                                  20},
    {"oversize-payload",         firmware,                                      20},
    {"qos2-inflight-exhaustion", open_qos2_for_a_moment,                        40},
    {"bad-certificate",          plain_bytes,                                   20},
    {"source-change",            from_the_same_site,                            20},
    {"retained-poisoning",       retained_of_a_peer,                            20},
    {"retained-flood",           discovery_at_boot,                             240},
    {"publish-flood",            backfills,                                     500},
    {"publish-rate-anomaly",     what_it_owes_after_an_outage,                  360},
    {"new-topic-for-client",     new_numbers_on_its_topics,                     30},
    {"new-topic-for-client",     rolls_out,                                     10},
    {"payload-shape-drift",      shapes_that_change_all_the_time,               100},
    {"spoofed-report",           shared_topics,                                 100},
    {"brute-force-io",           commands_as_usual,                             200},
    {"message-replay",           numbered_commands,                             5000},
    {"will-abuse",               own_wills,                                     30},
    {"subscription-bomb",        subscribes_again,                              600},
    {"wildcard-snoop",           dashboard,                                     20},
    {"sys-recon",                monitor_reads_sys,                             20},
    {"acl-violations",           is_refused_now_and_then,                       60},
    {"shared-subscription-steal", joins_its_own,                                40},
    {"exfil-volume",             moves_a_picture,                               20},
    {"beaconing",                regular_telemetry,                             60},
    {"reconnect-storm",          all_come_for_the_first_time,                   100},
    {"mass-disconnect",          few_of_many_are_cut,                           15},
    {"mass-disconnect",          are_cut_one_after_another,                     20},
    {"default-credentials",      good_passwords,                                20},
    {"consumer-outage",          consumer_to_come,                              40},
};
/* clang-format on */

static bool was_found(const struct scene *s, enum severity severity, const char *subject)
{
    for (unsigned i = 0; i < s->n_found; i++) {
        if (s->found[i].state != FINDING_CLOSED && s->found[i].severity == severity &&
            strcmp(s->found[i].subject, subject) == 0)
            return true;
    }
    return false;
}

static void an_attack_is_found_within_the_stated_count(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        struct scene s;

        print_message("  %s: %u\n", attacks[i].detector, attacks[i].found);
        scene_begin(&s, 1, 0);
        s.only = attacks[i].detector;
        attacks[i].act(&s, attacks[i].silent);
        assert_int_equal(s.n_found, 0);
        scene_end(&s);

        scene_begin(&s, 1, 0);
        s.only = attacks[i].detector;
        attacks[i].act(&s, attacks[i].found);
        if (!was_found(&s, attacks[i].severity, attacks[i].subject))
            fail_msg("%s: not found", attacks[i].detector);
        scene_end(&s);
    }
}

static void what_a_rule_names_as_benign_is_silent(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(benign); i++) {
        struct scene s;

        print_message("  %s: %u\n", benign[i].detector, benign[i].n);
        scene_begin(&s, 1, 0);
        s.only = benign[i].detector;
        benign[i].act(&s, benign[i].n);
        if (s.n_found > 0)
            fail_msg("%s: %s", s.found[0].kind, s.found[0].subject);
        scene_end(&s);
    }
}

/* No detector without an attack that it finds. */
static void each_detector_is_tried(void **state)
{
    static const char *const elsewhere[] = {"D01", "D05", "D07",
                                            "D08"}; /* have files of their own */

    (void)state;
    for (size_t i = 0; i < detect_detectors(); i++) {
        const struct detector_info *d = detect_detector(i);
        bool is_tried = false;

        for (size_t k = 0; k < COUNT_OF(attacks); k++)
            is_tried |= strcmp(attacks[k].detector, d->name) == 0;
        for (size_t k = 0; k < COUNT_OF(elsewhere); k++)
            is_tried |= strcmp(elsewhere[k], d->id) == 0;
        if (!is_tried)
            fail_msg("%s is not tried", d->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attack_is_found_within_the_stated_count),
        cmocka_unit_test(what_a_rule_names_as_benign_is_silent),
        cmocka_unit_test(each_detector_is_tried),
    };

    hash_key_set(5, 6); /* the same sketches each time */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
