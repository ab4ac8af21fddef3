/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/connection_pileup.c - D11: connections on which nothing is said pile up from one address
 *
 * SlowITe: one packet each holds a slot for as long as the keep alive lets it.  Those
 * whose job is to wait are not counted.
 *
 * MQ.DE.ID-04
 */
#include "detect/detector.h"

struct state {
    uint32_t n_silent;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me == NULL)
        return;
    measure_rule(j, r, RULE_D11_MEDIUM, me->n_silent, m);
    measure_rule(j, r, RULE_D11_HIGH, me->n_silent, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->address == NULL || s->conn == NULL)
        return;
    me = slot(j, s->address);
    if (s->breaks_silence && (s->conn->marks & MARK_PILED_UP)) {
        s->conn->marks &= (uint8_t)~MARK_PILED_UP;
        me->n_silent -= me->n_silent > 0;
    } else if (s->e->kind == EVENT_SILENT && s->e->number < SILENT_LONG_S &&
               !(s->role->traits & TRAIT_SERVER)) {
        s->conn->marks |= MARK_PILED_UP;
        me->n_silent++;
        sample(j, s->address, s->e->client_id);
        suspect(j, s, s->address);
    }
}

const struct detector detect_connection_pileup = {
    .info =
        {
            .name = "connection-pileup",
            .id = "D11",
            .subcategory = "MQ.DE.ID-04",
            .counts = "silent connections",
            .attck = {"T0814"},
            .what = "connections on which nothing is said pile up from one address",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_SILENT) | BIT64(EVENT_PUBLISH_TOPIC) | BIT64(EVENT_SUBSCRIBED) |
                       BIT64(EVENT_PUBLISH_DENIED) | BIT64(EVENT_SUBSCRIBE_DENIED) |
                       BIT64(EVENT_DISCONNECTED),
        },
    .part = PART_RARE,
    .bytes[SUBJECT_ADDRESS] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
