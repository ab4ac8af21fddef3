/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/repeated_connections.c - D01: one client connects again and again
 *
 * 15 a minute is beyond a constant retry each 5 s (12) and beyond exponential
 * back-off (6 to 7 in the first minute).  Only what was accepted counts: nobody moves
 * the counter of another's name.  A storm of many clients that each come back once
 * does not move it either.  Health checks are to come again and again; clients behind a balancer
 * that lends them its address are not, and tell by what they publish or subscribe to.
 *
 * MQ.DE.NM-01
 */
#include "base/hash.h"
#include "detect/detector.h"

struct state {
    struct window accepted;
    uint32_t address; /* hash: of the connection that was taken over last; 0: none */
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    double n;

    if (me == NULL)
        return;
    n = window_level(&me->accepted, rule_window_ns(RULE_D01_MEDIUM), now_of(j));
    measure_rule(j, r, RULE_D01_MEDIUM, n, m);
    measure_rule(j, r, RULE_D01_HIGH, n, m);
}

/* Two addresses in turns are two clients with one id, which is takeover_war.c's: to count them here
 * would let the one get the other banned. */
static bool is_takeover(struct state *me, const struct event *e)
{
    uint32_t from = me->address;

    me->address = 0;
    return from != 0 && from != (uint32_t)hash_keyed(e->address);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL || s->is_health_check)
        return;
    me = slot(j, s->client);
    if (s->e->kind == EVENT_TAKEN_OVER) {
        me->address = (uint32_t)hash_keyed(s->e->address);
        return;
    }
    if (is_takeover(me, s->e))
        return;
    window_add(&me->accepted, rule_window_ns(RULE_D01_MEDIUM), now_of(j), 1);
    if (window_level(&me->accepted, rule_window_ns(RULE_D01_MEDIUM), now_of(j)) >=
        s->role->limit[RULE_D01_MEDIUM] / 3)
        sample(j, s->client, s->e->address);
    suspect(j, s, s->client);
}

const struct detector detect_repeated_connections = {
    .info =
        {
            .name = "repeated-connection-attempts",
            .id = "D01",
            .subcategory = "MQ.DE.NM-01",
            .counts = "connections",
            .attck = {"T0814"},
            .what = "one client connects again and again",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 90,
            .watches = BIT64(EVENT_CONNECT_ACCEPTED) | BIT64(EVENT_TAKEN_OVER),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
