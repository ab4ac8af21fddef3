/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/qos2_exhaustion.c - D21: QoS 2 messages are begun and not finished
 *
 * 20 that stay open, or 50 at any moment.  A round trip by satellite takes 2 s, and leaves one or
 * two open.
 *
 * MQ.PR.SP-05
 */
#include "detect/detector.h"

struct state {
    uint32_t n_open;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D21_MEDIUM, me->n_open, m);
    measure_rule(j, r, RULE_D21_MANY, me->n_open, m);
    m->at_once = m->over && m->rule == RULE_D21_MANY;
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL || (s->e->kind == EVENT_DISCONNECTED && slot_peek(j, s->client) == NULL))
        return;
    me = slot(j, s->client);
    me->n_open = s->e->kind == EVENT_QOS2_OPEN ? s->e->value : 0;
    suspect(j, s, s->client);
}

const struct detector detect_qos2_exhaustion = {
    .info =
        {
            .name = "qos2-inflight-exhaustion",
            .id = "D21",
            .subcategory = "MQ.PR.SP-05",
            .counts = "QoS 2 messages not released",
            .attck = {"T0814"},
            .what = "QoS 2 messages are begun and not finished",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 80,
            .hold_s = 30,
            .watches = BIT64(EVENT_QOS2_OPEN) | BIT64(EVENT_DISCONNECTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
