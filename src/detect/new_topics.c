/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/new_topics.c - D29: a learned client uses topics that are new to it
 *
 * Slow scans that stay below the topic scans' limits end here.  What several of a role
 * begin to use is a roll-out, which is rollout-observed's: what has sharers does not
 * count, and a finding waits a while for them.
 *
 * MQ.PR.SP-03
 */
#include "detect/detector.h"

#define KEPT      8
#define SHARED_BY 5

struct state {
    uint64_t patterns[KEPT];
    uint64_t at_ns[KEPT];
    uint32_t next;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    unsigned n = 0;

    if (me == NULL)
        return;
    for (unsigned i = 0; i < KEPT; i++)
        n += me->at_ns[i] != 0 && now_of(j) < me->at_ns[i] + rule_window_ns(RULE_D29_LOW) &&
             sharers_of(j, me->patterns[i]) < SHARED_BY;
    measure_rule(j, r, RULE_D29_LOW, n, m);
}

static void keep(const struct judge *j, struct state *me, uint64_t pattern)
{
    unsigned i = 0;

    while (i < KEPT && (me->patterns[i] != pattern || me->at_ns[i] == 0))
        i++;
    if (i == KEPT)
        i = me->next++ % KEPT;
    me->patterns[i] = pattern;
    me->at_ns[i] = now_of(j);
}

static void observe(struct judge *j, const struct sight *s)
{
    if (s->client == NULL || !s->is_new_topic || !knowledge_of(s->client)->is_learned)
        return;
    keep(j, slot(j, s->client), s->pattern);
    sample(j, s->client, s->e->topic);
    suspect(j, s, s->client);
}

const struct detector detect_new_topics = {
    .info =
        {
            .name = "new-topic-for-client",
            .id = "D29",
            .subcategory = "MQ.PR.SP-03",
            .counts = "new kinds of topics",
            .attck = {"T0869", "T0846"},
            .what = "a learned client uses topics that are new to it",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 60,
            .hold_s = 240,
            .yields = {"D47"},
            .watches = BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_SUBSCRIBED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
