/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/rollout.c - D47: many of a role begin the same new thing
 *
 * New firmware, or a new configuration: topics of the same pattern (without ids and numbers)
 * that are new to several learned clients of a role.  From then on the pattern is known of
 * all.
 *
 * MQ.PR.SP-03
 */
#include <math.h>

#include "detect/detector.h"

struct state {
    double most;
    uint64_t at_ns;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL && now_of(j) < me->at_ns + rule_window_ns(RULE_D47_INFO))
        measure_rule(j, r, RULE_D47_INFO, me->most, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, fleet_of(j));
    double sharers;

    if (s->client == NULL || !s->is_new_topic || !knowledge_of(s->client)->is_learned)
        return;
    share_pattern(j, s->pattern, s->client);
    sharers = round(sharers_of(j, s->pattern));
    if (sharers < role_of(j, fleet_of(j))->limit[RULE_D47_INFO])
        return;
    me->most =
        now_of(j) < me->at_ns + rule_window_ns(RULE_D47_INFO) ? MAX(me->most, sharers) : sharers;
    me->at_ns = now_of(j);
    sample(j, fleet_of(j), s->e->topic);
    suspect(j, s, fleet_of(j));
}

const struct detector detect_rollout = {
    .info =
        {
            .name = "rollout-observed",
            .id = "D47",
            .subcategory = "MQ.PR.SP-03",
            .counts = "clients with the same new thing",
            .what = "many of a role begin the same new thing",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_SUBSCRIBED),
        },
    .part = PART_CONNECTION,
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
