/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/undeliverable_messages.c - D09: a client sends what nobody ever subscribed to
 *
 * 50 in 5 min, and four of five of all that it sends.  A share that the client always
 * had is learned: telemetry before its consumer is there is told once.  Where somebody used to
 * read it is a dead consumer, which is consumer-outage's.
 *
 * MQ.DE.ID-03
 */
#include "detect/detector.h"

#define SHARE_MIN 0.8
#define NEWS      0.3  /* so much more than usual */
#define FOLLOWS   0.05 /* of the way, each time */

struct state {
    struct window unmatched;
    struct window all;
    uint64_t never_ns; /* a topic that never had a reader was used */
    uint64_t lost_ns;  /* one whose reader is gone */
};

struct learned {
    float share; /* unmatched of all */
    uint32_t n;
};

static uint64_t window_ns(void)
{
    return rule_window_ns(RULE_D09_LOW);
}

static bool is_habit(const struct learned *known, double share)
{
    return known != NULL && known->n >= 20 && (double)known->share > share - NEWS;
}

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    double n, all;

    if (me == NULL || me->never_ns == 0 || me->lost_ns + window_ns() > now_of(j))
        return;
    n = window_level(&me->unmatched, window_ns(), now_of(j));
    all = window_level(&me->all, window_ns(), now_of(j));
    if (n >= SHARE_MIN * all && !is_habit(learned_peek(j, r), n / MAX(all, 1.0)))
        measure_rule(j, r, RULE_D09_LOW, n, m);
}

static void learn(const struct judge *j, struct record *r, const struct event_traffic *t)
{
    struct learned *known = learned_slot(j, r);
    double share = (double)t->n_unmatched / t->n_messages;

    known->share += (float)((share - (double)known->share) * (known->n == 0 ? 1 : FOLLOWS));
    known->n += known->n < UINT32_MAX;
}

static void observe(struct judge *j, const struct sight *s)
{
    struct event_traffic t;
    struct state *me;

    if (s->client == NULL)
        return;
    me = slot(j, s->client);
    if (s->e->kind == EVENT_PUBLISH_TOPIC) {
        if (!(s->e->value & EVENT_UNMATCHED))
            return;
        *(s->had_reader ? &me->lost_ns : &me->never_ns) = now_of(j);
        sample(j, s->client, s->e->topic);
        return;
    }
    t = event_traffic_of(s->e);
    if (t.n_messages == 0)
        return;
    window_add(&me->unmatched, window_ns(), now_of(j), t.n_unmatched);
    window_add(&me->all, window_ns(), now_of(j), t.n_messages);
    suspect(j, s, s->client);
    learn(j, s->client, &t);
}

const struct detector detect_undeliverable_messages = {
    .info =
        {
            .name = "undeliverable-messages",
            .id = "D09",
            .subcategory = "MQ.DE.ID-03",
            .counts = "messages that nobody ever subscribed to",
            .attck = {"T0814", "T0856"},
            .what = "a client sends what nobody ever subscribed to",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 60,
            .hold_s = 30,
            .yields = {"D46"},
            .watches = BIT64(EVENT_TRAFFIC) | BIT64(EVENT_PUBLISH_TOPIC),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .learned_bytes = sizeof(struct learned),
    .observe = observe,
    .measure = measure,
};
