/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/consumer_outage.c - D46: what somebody used to read nobody reads any more
 *
 * Three publishers or more whose topics had a subscriber and have none: their consumer is gone,
 * and no publisher is to blame.
 *
 * MQ.DE.ID-03
 */
#include <math.h>

#include "detect/detector.h"

struct state {
    struct linear_window publishers;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    /* Linear counting of three is a little off. */
    if (me != NULL)
        measure_rule(
            j, r, RULE_D46_MEDIUM,
            round(linear_window_level(&me->publishers, rule_window_ns(RULE_D46_MEDIUM), now_of(j))),
            m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, fleet_of(j));

    if (s->client == NULL || !s->had_reader || !(s->e->value & EVENT_UNMATCHED))
        return;
    linear_window_add(&me->publishers, rule_window_ns(RULE_D46_MEDIUM), now_of(j), s->client->key);
    sample(j, fleet_of(j), s->e->topic);
    suspect(j, s, fleet_of(j));
}

const struct detector detect_consumer_outage = {
    .info =
        {
            .name = "consumer-outage",
            .id = "D46",
            .subcategory = "MQ.DE.ID-03",
            .counts = "publishers without their reader",
            .attck = {"T0804", "T0829"},
            .what = "what somebody used to read nobody reads any more",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_PUBLISH_TOPIC),
        },
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
