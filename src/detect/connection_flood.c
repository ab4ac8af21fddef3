/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/connection_flood.c - D02: connections that come to nothing arrive from one address
 *
 * Unproductive: never accepted, or over within 10 s without one accepted PUBLISH or
 * SUBSCRIBE.  A hundred devices behind one translated address that reconnect and stay do
 * not count at all; and each client that was productive from there, but only such,
 * raises the limit by 3 (and by 9 that of high), so that an attack cannot raise it for itself.  The
 * network around the address is counted too, and only told.
 *
 * MQ.DE.NM-01
 */
#include "detect/detector.h"

#define SHORT_NS       SECONDS(10)
#define PER_PRODUCTIVE 3
#define HIGH_FACTOR    3

struct state {
    struct window unproductive;
    uint64_t productive; /* different clients, linear counting of 64 bits */
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    double n, paid;

    if (me == NULL)
        return;
    n = window_level(&me->unproductive, rule_window_ns(RULE_D02_MEDIUM), now_of(j));
    paid = PER_PRODUCTIVE * __builtin_popcountll(me->productive);
    if (memchr(r->name, '/', strlen(r->name)) != NULL) {
        measure_rule(j, r, RULE_D02_PREFIX, n - paid, m);
        return;
    }
    measure_rule(j, r, RULE_D02_MEDIUM, n - paid, m);
    measure_rule(j, r, RULE_D02_HIGH, n - HIGH_FACTOR * paid, m);
}

static void count(struct judge *j, const struct sight *s, struct record *r)
{
    struct state *me;

    if (r == NULL)
        return;
    me = slot(j, r);
    window_add(&me->unproductive, rule_window_ns(RULE_D02_MEDIUM), now_of(j), 1);
    suspect(j, s, r);
}

static void is_productive(struct judge *j, struct record *r, uint64_t client)
{
    struct state *me;

    if (r == NULL)
        return;
    me = slot(j, r);
    me->productive |= BIT64(client >> 58);
}

static bool came_to_nothing(const struct judge *j, const struct sight *s)
{
    return s->e->kind == EVENT_ENDED_EARLY ||
           (s->e->kind == EVENT_DISCONNECTED && s->conn != NULL && !s->conn->is_productive &&
            now_of(j) <= s->conn->accepted_ns + SHORT_NS);
}

static void observe(struct judge *j, const struct sight *s)
{
    if (s->address == NULL)
        return;
    if (came_to_nothing(j, s)) {
        count(j, s, s->address);
        count(j, s, prefix_of(j, s->e->address));
    } else if (s->e->kind != EVENT_DISCONNECTED && s->client != NULL && s->conn != NULL &&
               !s->conn->is_productive) {
        is_productive(j, s->address, s->client->key);
        is_productive(j, prefix_of(j, s->e->address), s->client->key);
    }
}

const struct detector detect_connection_flood = {
    .info =
        {
            .name = "connection-flood",
            .id = "D02",
            .subcategory = "MQ.DE.NM-01",
            .counts = "connections that came to nothing",
            .attck = {"T0814"},
            .what = "connections that come to nothing arrive from one address",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_ENDED_EARLY) | BIT64(EVENT_DISCONNECTED) |
                       BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_SUBSCRIBED),
        },
    .bytes[SUBJECT_ADDRESS] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
