/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/acts_connections.c - attacks, and what looks like them: connections, logins and
 * identities */
#include "acts.h"

void connections_to_nothing(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        knocks(s, "198.51.100.9", EVENT_ENDED_EARLY, NULL);
        idle(s, 0.5);
    }
}

void productive_reconnects(struct scene *s, unsigned n)
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

void drops_fast(struct scene *s, unsigned n)
{
    drops(s, n, 20);
}

void drops_each_4_min(struct scene *s, unsigned n)
{
    drops(s, n, 240);
}

void silence(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 70);
    idle(s, n);
}

/* It has never said a word, as an actuator does. */
void is_asked_in_vain(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 60);
    does(s, &me, EVENT_SUBSCRIBED, "ping/m-1", 0);
    for (unsigned i = 0; i < n; i++) {
        does(s, &me, EVENT_PINGED, NULL, 0);
        idle(s, 60);
    }
}

void answers_when_asked(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 60);
    for (unsigned i = 0; i < n; i++) {
        does(s, &me, EVENT_PINGED, NULL, 0);
        if (i % 2 == 0) /* one question may be lost */
            sends_n(s, &me, 1);
        idle(s, 60);
    }
}

void silence_after_goodbye(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 70);
    leaves(s, &me, true);
    idle(s, n);
}

void silence_of_one_who_speaks_in_waves(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 60);
    for (unsigned i = 0; i < 60; i++) {
        sends_n(s, &me, 1);
        idle(s, i % 10 == 0 ? 600 : 1);
    }
    idle(s, n);
}

void names_from_one_address(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "user-%u", i);
        scene_auth_failed(s, text, text, "203.0.113.9", 7);
        scene_wait(s, 70);
    }
}

void outdated_passwords_of_many_behind_one_address(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        scene_connect(s, text, "203.0.113.9");
        scene_auth_failed(s, text, text, "203.0.113.9", i);
    }
}

void unread_messages(struct scene *s, unsigned n)
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

void messages_that_are_mostly_read(struct scene *s, unsigned n)
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

void says_nothing(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 60);
    idle(s, n);
}

void says_nothing_as_announced(struct scene *s, unsigned n)
{
    ACTS;
    connects(s, &me, 0, 1800);
    idle(s, n);
}

void says_nothing_as_a_standby(struct scene *s, unsigned n)
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

void held_connections(struct scene *s, unsigned n)
{
    holds(s, n, 60);
}

void endless_keep_alive(struct scene *s, unsigned n)
{
    holds(s, n, 0);
}

void battery_sensors(struct scene *s, unsigned n)
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

void slow_connects(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_LIMIT_HIT, "connect_timeout_ms");
}

void full_node(struct scene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        knocks(s, "198.51.100.9", EVENT_LIMIT_HIT, "connections_max");
}

/* @flags: of CONNECT, of those who come by the first address. */
static void fights(struct scene *s, unsigned n, const char *const *addresses, unsigned n_addresses,
                   uint32_t flags)
{
    ACTS;
    connects(s, &me, 0, 60);
    for (unsigned i = 0; i < n; i++) {
        does(s, &me, EVENT_TAKEN_OVER, NULL, 0);
        me.address = addresses[i % n_addresses];
        connects(s, &me, i % n_addresses == 0 ? flags : 0, 60);
        idle(s, 3);
    }
}

void takeover_war(struct scene *s, unsigned n)
{
    static const char *const two[] = {"203.0.113.9", "192.0.2.1"};

    fights(s, n + 1, two, 2, 0); /* the first one is only a takeover */
}

void takeover_war_by_one_with_a_certificate(struct scene *s, unsigned n)
{
    static const char *const two[] = {"203.0.113.9", "192.0.2.1"};

    fights(s, n + 1, two, 2, CONNECT_CERTIFICATE);
}

void takeover_war_after_an_ordinary_end(struct scene *s, unsigned n)
{
    static const char *const two[] = {"192.0.2.1", "203.0.113.9"};

    ACTS;
    connects(s, &me, 0, 60);
    leaves(s, &me, true);
    me.address = two[1];
    for (unsigned i = 0; i <= n; i++) {
        connects(s, &me, 0, 60);
        does(s, &me, EVENT_TAKEN_OVER, NULL, 0);
        me.address = two[i % 2];
        idle(s, 3);
    }
    connects(s, &me, 0, 60);
}

void roaming(struct scene *s, unsigned n)
{
    static const char *const many[] = {"192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"};

    fights(s, n, many, 4, 0);
}

void made_up_sessions(struct scene *s, unsigned n)
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

void new_fleet(struct scene *s, unsigned n)
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

void weaker_means(struct scene *s, unsigned n)
{
    comes_by(s, 5, CONNECT_TLS | CONNECT_TLS13 | CONNECT_CERTIFICATE, 4);
    comes_by(s, 5, CONNECT_TLS | CONNECT_TLS13 | CONNECT_PASSWORD, n);
}

void older_version(struct scene *s, unsigned n)
{
    comes_by(s, 5, CONNECT_TLS, 4);
    comes_by(s, 4, CONNECT_TLS, n);
}

void better_means(struct scene *s, unsigned n)
{
    comes_by(s, 4, 0, 4);
    comes_by(s, 5, CONNECT_TLS | CONNECT_TLS13, n);
}
