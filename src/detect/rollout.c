/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/rollout.c - D47: many of a role begin the same new thing
 *
 * New firmware, a new configuration, or something that happens to all of them: topics of the
 * same pattern (without ids and numbers), payloads of the same other shape, or far more
 * messages at once.  What has so many sharers is no finding of a single client.  Runs after the
 * detectors that share what they see.
 *
 * MQ.PR.SP-03
 */
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

    if (s->client == NULL)
        return;
    if (s->is_new_topic && knowledge_of(s->client)->is_learned)
        share_pattern(j, s->pattern, s->client);
    sharers = shared_now(j);
    if (sharers < role_of(j, fleet_of(j))->limit[RULE_D47_INFO])
        return;
    me->most =
        now_of(j) < me->at_ns + rule_window_ns(RULE_D47_INFO) ? MAX(me->most, sharers) : sharers;
    me->at_ns = now_of(j);
    sample(j, fleet_of(j), s->e->topic.len > 0 ? s->e->topic : s->e->client_id);
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
            .watches = BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_SUBSCRIBED) | BIT64(EVENT_TRAFFIC),
        },
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
