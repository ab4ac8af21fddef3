/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/slow_consumer.c - D22: a connected client takes its messages more slowly than they come
 *
 * A dashboard on a bad link does that too.  One that is heard of, acknowledges nothing and has
 * more waiting each time that is looked does not take them at all; one that is gone is not meant.
 * The node drops by its queue's rule, and never slows the publishers for longer than a moment.
 *
 * MQ.PR.SP-05
 */
#include "detect/detector.h"

#define GROWS_MIN 3 /* looks, one after another, at which more was waiting */

struct state {
    uint32_t n;
    uint32_t kib;
    uint32_t stuck_s; /* without an acknowledgement */
    uint32_t n_grown;
    uint64_t at_ns;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me == NULL || now_of(j) > me->at_ns + rule_window_ns(RULE_D22_LOW))
        return;
    measure_rule(j, r, RULE_D22_LOW, me->n, m);
    measure_rule(j, r, RULE_D22_MEDIUM, me->n, m);
    measure_rule(j, r, RULE_D22_BYTES, me->kib, m);
    if (me->n_grown >= GROWS_MIN)
        measure_rule(j, r, RULE_D22_STUCK, me->stuck_s, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL)
        return;
    me = slot(j, s->client);
    me->n_grown = s->e->value > me->n && s->e->flags > 0 ? me->n_grown + 1 : 0;
    me->stuck_s = s->e->flags;
    me->n = s->e->value;
    me->kib = s->e->number;
    me->at_ns = now_of(j);
    suspect(j, s, s->client);
}

const struct detector detect_slow_consumer = {
    .info =
        {
            .name = "slow-consumer",
            .id = "D22",
            .subcategory = "MQ.PR.SP-05",
            .counts = "messages waiting for it",
            .attck = {"T0814", "T0804"},
            .what = "a connected client takes its messages more slowly than they come",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_QUEUE_GROWN),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
