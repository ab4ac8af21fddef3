/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/detect/acts_limits.c - what the node runs out of, and who is there at the same time */
#include "acts.h"

/* Each 20 s one more waits, and it was there and acknowledged nothing for so long. */
static void waits(struct scene *s, unsigned seconds, unsigned stuck_s, unsigned more)
{
    ACTS;
    connects(s, &me, 0, 60);
    for (unsigned i = 0; i < seconds / 20; i++) {
        struct event e = by(&me, EVENT_QUEUE_GROWN);

        e.value = 10 + more * i;
        e.flags = MIN(20 * i, stuck_s);
        scene_event(s, e);
        idle(s, 20);
    }
}

void takes_nothing(struct scene *s, unsigned n)
{
    waits(s, n, n, 3);
}

void is_gone_and_more_waits(struct scene *s, unsigned n)
{
    waits(s, n, 0, 3);
}

void acknowledges_slowly(struct scene *s, unsigned n)
{
    waits(s, n, 50, 3);
}

static void shows(struct scene *s, unsigned n, const char *address)
{
    const struct actor there = {"m-1", "meter", "192.0.2.1", 1};

    connects(s, &there, CONNECT_CERTIFICATE, 60);
    for (unsigned i = 0; i < n; i++)
        knocks(s, address, EVENT_TLS_FAILED, "unknown ca: CN m-1, serial 5A");
}

void certificate_of_one_who_is_here(struct scene *s, unsigned n)
{
    shows(s, n, "198.51.100.9");
}

/* Its old connection was not given up yet.  Told as a bad certificate, and not as a twin. */
void comes_again_with_an_old_certificate(struct scene *s, unsigned n)
{
    shows(s, n, "192.0.2.1");
}

static void limit_is_hit(struct scene *s, unsigned n, const char *limit)
{
    ACTS;
    for (unsigned i = 0; i < n; i++)
        says(s, &me, EVENT_LIMIT_HIT, limit);
}

void node_has_no_more_sessions(struct scene *s, unsigned n)
{
    limit_is_hit(s, n, "sessions_max");
}

static void user_is_full(struct scene *s, unsigned n, const char *user)
{
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        struct event e = by(&me, EVENT_LIMIT_HIT);

        e.user_name = bytes_str(user);
        e.text = BYTES("sessions_per_user_max");
        scene_event(s, e);
    }
}

void user_has_no_more_sessions(struct scene *s, unsigned n)
{
    user_is_full(s, n, "scribbler");
}

void nobody_has_no_more_sessions(struct scene *s, unsigned n)
{
    user_is_full(s, n, "");
}

void store_of_retained_is_full(struct scene *s, unsigned n)
{
    limit_is_hit(s, n, "retained_messages_max");
}

void quota_of_retained_is_full(struct scene *s, unsigned n)
{
    limit_is_hit(s, n, "retained_per_client_max");
}

void node_has_other_limits(struct scene *s, unsigned n)
{
    limit_is_hit(s, n, "memory_bytes_max");
}

/* Each 40 topics, which is nothing of one; @kept are in the store at the end. */
static void retain_a_little(struct scene *s, unsigned n, bool are_learned, unsigned kept)
{
    static const struct event_traffic forty = {.n_messages = 40, .n_retained_new = 40};
    struct event e;
    ACTS;
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        me.conn = i + 1;
        if (are_learned)
            teach_on(s, &me, text, 10, 70);
    }
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "m-%u", i);
        me.id = text;
        me.conn = i + 1;
        e = by(&me, EVENT_TRAFFIC);
        e.text = bytes_of(&forty, sizeof(forty));
        e.number = kept - 40 * (n - 1 - i);
        scene_event(s, e);
    }
}

void many_retain_a_little(struct scene *s, unsigned n)
{
    retain_a_little(s, n, true, 40 * n + 10000);
}

void few_retain_in_an_empty_store(struct scene *s, unsigned n)
{
    retain_a_little(s, n, true, 40 * n);
}

/* It grows by less than a hundredth. */
void many_retain_a_little_of_much(struct scene *s, unsigned n)
{
    retain_a_little(s, n, true, 100000);
}

void new_fleet_announces_itself(struct scene *s, unsigned n)
{
    retain_a_little(s, n, false, 40 * n);
}
