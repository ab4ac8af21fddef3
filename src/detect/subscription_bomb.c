/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/subscription_bomb.c - D36: a client subscribes without end
 *
 * Filters that are new to it: to come back with many is no bomb.  Past
 * subscriptions_per_session_max the node refuses, and it is high.
 *
 * MQ.PR.SP-05
 */
#include "detect/detector.h"

struct state {
    struct window filters;
    struct window refused;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    uint64_t window_ns = rule_window_ns(RULE_D36_MEDIUM);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D36_MEDIUM, window_level(&me->filters, window_ns, now_of(j)), m);
    measure_rule(j, r, RULE_D36_HIGH, window_level(&me->refused, window_ns, now_of(j)), m);
}

static void observe(struct judge *j, const struct sight *s)
{
    bool is_limit = s->e->kind == EVENT_LIMIT_HIT;
    struct state *me;

    if (s->client == NULL ||
        (is_limit ? !bytes_equal(s->e->text, BYTES("subscriptions_per_session_max"))
                  : !s->is_new_topic))
        return;
    me = slot(j, s->client);
    window_add(is_limit ? &me->refused : &me->filters, rule_window_ns(RULE_D36_MEDIUM), now_of(j),
               1);
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}

const struct detector detect_subscription_bomb = {
    .info =
        {
            .name = "subscription-bomb",
            .id = "D36",
            .subcategory = "MQ.PR.SP-05",
            .counts = "filters",
            .attck = {"T0814"},
            .what = "a client subscribes without end",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .watches = BIT64(EVENT_SUBSCRIBED) | BIT64(EVENT_LIMIT_HIT),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
