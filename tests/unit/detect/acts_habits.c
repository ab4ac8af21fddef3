/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/acts_habits.c - attacks, and what looks like them: what a client was never seen
 * to do */
#include "acts.h"

void new_topics(struct scene *s, unsigned n)
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

void new_numbers_on_its_topics(struct scene *s, unsigned n)
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

void another_shape(struct scene *s, unsigned n)
{
    looks(s, 60, 100, 60);
    looks(s, n, 200, 60);
}

void another_shape_and_entropy(struct scene *s, unsigned n)
{
    looks(s, 60, 100, 60);
    looks(s, n, 200, 120);
}

void shapes_that_change_all_the_time(struct scene *s, unsigned n)
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

void speaks_for_a_meter(struct scene *s, unsigned n)
{
    speaks_on_a_topic_of(s, "meter", n);
}

void speaks_for_an_actuator(struct scene *s, unsigned n)
{
    speaks_on_a_topic_of(s, "actuator", n);
}

void shared_topics(struct scene *s, unsigned n)
{
    ACTS;
    const struct actor other = {"m-2", "meter", "192.0.2.77", 9};

    connects(s, &me, 0, 60);
    connects(s, &other, 0, 60);
    for (unsigned i = 0; i < n; i++)
        does(s, i % 2 == 0 ? &me : &other, EVENT_PUBLISH_TOPIC, "fmb/shared", 0);
}

void forbidden_command(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/command/x", EVENT_COMMAND);
}

static void commands(struct scene *s, enum event_kind kind, unsigned n, double every_s,
                     unsigned n_topics)
{
    ACTS;
    me.role = "control";
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "fmb/command/breaker-%u", i % n_topics);
        does(s, &me, kind, text, 0);
        idle(s, every_s);
    }
}

void commands_in_a_hurry(struct scene *s, unsigned n)
{
    commands(s, EVENT_COMMAND_SENT, n, 1, 1);
}

void commands_in_a_hurry_that_are_held(struct scene *s, unsigned n)
{
    commands(s, EVENT_COMMAND_HELD, n, 1, 1);
}

void commands_everywhere(struct scene *s, unsigned n)
{
    commands(s, EVENT_COMMAND_SENT, n, 1, n);
}

void commands_as_usual(struct scene *s, unsigned n)
{
    commands(s, EVENT_COMMAND_SENT, n, 5, 8);
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

void replays(struct scene *s, unsigned n)
{
    signed_commands(s, n + 1, 0, 0);
}

void wrong_clock(struct scene *s, unsigned n)
{
    signed_commands(s, n, 1, 400000);
}

void numbered_commands(struct scene *s, unsigned n)
{
    signed_commands(s, n, 1, 1000);
}

void will_to_command(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_WILL_SET, "fmb/command/x", EVENT_COMMAND);
}

void own_wills(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        does(s, &me, EVENT_WILL_SET, "fmb/m-1/state", 0);
        does(s, &me, EVENT_WILL_PUBLISHED, "fmb/m-1/state", 0);
        idle(s, 240);
    }
}

void wills_that_fire(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_WILL_PUBLISHED, "fmb/m-1/state", 0);
}

void subscribes_without_end(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "fmb/%u/+", i);
        does(s, &me, EVENT_SUBSCRIBED, text, 0);
    }
}

void too_many_subscriptions(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        says(s, &me, EVENT_LIMIT_HIT, "subscriptions_per_session_max");
}

void subscribes_again(struct scene *s, unsigned n)
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

void listens_to_all(struct scene *s, unsigned n)
{
    listens(s, "meter", "#", EVENT_SUBSCRIBED, n);
}

/* Of the 40 topics that others publish, @n; and all of its own. */
static void reads_of_many(struct scene *s, const char *role, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "fmb/%s/%u", i < n ? "read" : "other", i);
        does(s, &me, EVENT_PUBLISH_TOPIC, text, 0);
    }
    me = (struct actor){"m-2", role, "192.0.2.3", 3};
    for (unsigned i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "fmb/read/own-%u", i);
        does(s, &me, EVENT_PUBLISH_TOPIC, text, 0);
    }
    does(s, &me, EVENT_SUBSCRIBED, "fmb/read/+", 0);
}

void listens_to_a_large_part(struct scene *s, unsigned n)
{
    reads_of_many(s, "meter", n);
}

void historian_listens_to_a_large_part(struct scene *s, unsigned n)
{
    reads_of_many(s, "service", n);
}

void dashboard(struct scene *s, unsigned n)
{
    listens(s, "monitor", "#", EVENT_SUBSCRIBED, n);
}

void asks_for_sys(struct scene *s, unsigned n)
{
    listens(s, "meter", "$SYS/#", EVENT_SUBSCRIBE_DENIED, n);
}

void monitor_reads_sys(struct scene *s, unsigned n)
{
    listens(s, "monitor", "$SYS/#", EVENT_SUBSCRIBED, n);
}

void is_refused(struct scene *s, unsigned n)
{
    listens(s, "meter", "fmb/not/mine", EVENT_SUBSCRIBE_DENIED, n);
}

void is_refused_now_and_then(struct scene *s, unsigned n)
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

void joins_others(struct scene *s, unsigned n)
{
    const struct actor worker = {"svc-1", "service", "192.0.2.5", 5};
    const struct actor me = METER;

    joins(s, &worker);
    for (unsigned i = 0; i < n; i++)
        joins(s, &me);
}

void joins_its_own(struct scene *s, unsigned n)
{
    const struct actor a = {"svc-1", "service", "192.0.2.5", 5};
    const struct actor b = {"svc-2", "service", "192.0.2.6", 6};

    for (unsigned i = 0; i < n; i++)
        joins(s, i % 2 == 0 ? &a : &b);
}

/* 1000 bytes in 10 s are learned: 1 MiB is the least reserve; then 100,000 a second. */

void moves_out(struct scene *s, unsigned n)
{
    ACTS;
    teach(s, &me, 10, 130);
    for (unsigned i = 0; i < n; i++) {
        sends(s, &me, (struct event_traffic){.n_messages = 1, .bytes_out = 100000});
        idle(s, 1);
    }
    idle(s, 6);
}

void moves_a_picture(struct scene *s, unsigned n)
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

void beacons_to_a_master(struct scene *s, unsigned n)
{
    beacons(s, n, true);
}

void regular_telemetry(struct scene *s, unsigned n)
{
    beacons(s, n, false);
}

void default_names(struct scene *s, unsigned n)
{
    static const char *const names[] = {"admin", "root", "guest", "test"};

    for (unsigned i = 0; i < n; i++)
        scene_auth_failed(s, "x", names[i % COUNT_OF(names)], "203.0.113.9", i);
}

void default_password(struct scene *s, unsigned n)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        connects(s, &me, CONNECT_PASSWORD | CONNECT_DEFAULT_SECRET, 60);
}

void good_passwords(struct scene *s, unsigned n)
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

void dead_consumer(struct scene *s, unsigned n)
{
    publishers(s, n, true);
}

void consumer_to_come(struct scene *s, unsigned n)
{
    publishers(s, n, false);
}

void commands_that_are_its_job(struct scene *s, unsigned n)
{
    ACTS;
    me.role = "control";
    for (unsigned i = 0; i < n; i++)
        does(s, &me, EVENT_PUBLISH_TOPIC, "fmb/command/x", EVENT_COMMAND);
}
