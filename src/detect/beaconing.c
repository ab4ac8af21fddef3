/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/beaconing.c - D42: a client reports to somewhere new, as regularly as a clock
 *
 * All telemetry is regular, so regularity alone says nothing: the topic is new to a learned
 * client and to all others, and the client has a new subscription as well, on which its
 * orders would come.
 *
 * MQ.PR.SP-03
 */
#include "detect/detector.h"

#define REGULAR     0.2
#define TOGETHER_NS SECONDS(1800)

struct state {
    uint64_t topic;
    uint64_t heard_ns;
    uint64_t subscribed_ns; /* to something new */
    struct ewma interval;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me == NULL || me->interval.n == 0 || me->subscribed_ns == 0 ||
        now_of(j) > me->heard_ns + TOGETHER_NS)
        return;
    if (ewma_deviation(&me->interval) < REGULAR * (double)me->interval.mean)
        measure_rule(j, r, RULE_D42_LOW, me->interval.n + 1, m);
}

static bool is_news(const struct judge *j, const struct sight *s)
{
    return s->is_new_topic && knowledge_of(s->client)->is_learned && sharers_of(j, s->pattern) < 2;
}

static void begins(const struct judge *j, const struct sight *s, struct state *me)
{
    uint64_t subscribed_ns = me->subscribed_ns;

    *me = (struct state){.topic = s->topic, .heard_ns = now_of(j), .subscribed_ns = subscribed_ns};
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL || (!is_news(j, s) && slot_peek(j, s->client) == NULL))
        return;
    me = slot(j, s->client);
    if (s->e->kind == EVENT_SUBSCRIBED) {
        if (is_news(j, s))
            me->subscribed_ns = now_of(j);
    } else if (me->topic == s->topic && me->topic != 0) {
        ewma_add(&me->interval, (double)(now_of(j) - me->heard_ns) / 1e9);
        me->heard_ns = now_of(j);
        sample(j, s->client, s->e->topic);
        suspect(j, s, s->client);
    } else if (is_news(j, s) && now_of(j) > me->heard_ns + TOGETHER_NS) {
        begins(j, s, me);
    }
}

const struct detector detect_beaconing = {
    .info =
        {
            .name = "beaconing",
            .id = "D42",
            .subcategory = "MQ.PR.SP-03",
            .counts = "regular messages on a new topic",
            .attck = {"T0869", "T0884"},
            .what = "a client reports to somewhere new, as regularly as a clock",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 50,
            .watches = BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_SUBSCRIBED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
