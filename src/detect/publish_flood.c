/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/publish_flood.c - D27: a client publishes far too fast
 *
 * 100 a second with five seconds of it at once, so that what a device owes after an outage
 * is no flood.  A message that goes to many costs more: one more for each 50 receivers.
 *
 * MQ.PR.SP-05
 */
#include "detect/detector.h"

#define BURST_S      5
#define FAN_OUT_FREE 50
#define PAUSE_NS     SECONDS(10)

struct state {
    struct bucket messages;
    uint64_t over_since_ns; /* 0: not */
    uint64_t over_ns;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);
    double n;

    if (me == NULL || me->over_since_ns == 0 || now_of(j) > me->over_ns + PAUSE_NS)
        return;
    n = (double)(me->over_ns - me->over_since_ns) / 1e9;
    measure_rule(j, r, RULE_D27_MEDIUM, n, m);
    measure_rule(j, r, RULE_D27_HIGH, n, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct event_traffic t = event_traffic_of(s->e);
    double rate = s->role->limit[RULE_D27_RATE];
    struct state *me;

    if (s->client == NULL || t.n_messages == 0)
        return;
    me = slot(j, s->client);
    if (bucket_take(&me->messages, rate, rate * BURST_S, now_of(j),
                    t.n_messages + (double)(t.n_matched / FAN_OUT_FREE))) {
        me->over_since_ns = 0;
        return;
    }
    if (me->over_since_ns == 0)
        me->over_since_ns = now_of(j);
    me->over_ns = now_of(j);
    suspect(j, s, s->client);
}

const struct detector detect_publish_flood = {
    .info =
        {
            .name = "publish-flood",
            .id = "D27",
            .subcategory = "MQ.PR.SP-05",
            .counts = "seconds beyond the rate",
            .attck = {"T0814"},
            .what = "a client publishes far too fast",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_TRAFFIC),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
