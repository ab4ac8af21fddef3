/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/keepalive_abuse.c - D13: silent connections from one address asked for an endless keep
 * alive
 *
 * 0, or more than two hours.  The node holds them to keep_alive_max_s anyway; battery
 * sensors ask for long ones too, but each is one, and speaks.
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
    measure_rule(j, r, RULE_D13_MEDIUM, me->n_silent, m);
    measure_rule(j, r, RULE_D13_HIGH, me->n_silent, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->address == NULL || s->conn == NULL)
        return;
    me = slot(j, s->address);
    if (s->breaks_silence && (s->conn->marks & MARK_KEEP_ALIVE)) {
        s->conn->marks &= (uint8_t)~MARK_KEEP_ALIVE;
        me->n_silent -= me->n_silent > 0;
    } else if (s->e->kind == EVENT_SILENT && s->e->number < SILENT_LONG_S &&
               (s->conn->keep_alive_s == 0 || s->conn->keep_alive_s > KEEP_ALIVE_MAX_S)) {
        s->conn->marks |= MARK_KEEP_ALIVE;
        me->n_silent++;
        sample(j, s->address, s->e->client_id);
        suspect(j, s, s->address);
    }
}

const struct detector detect_keepalive_abuse = {
    .info =
        {
            .name = "keepalive-abuse",
            .id = "D13",
            .subcategory = "MQ.DE.ID-04",
            .counts = "silent connections with an endless keep alive",
            .attck = {"T0814"},
            .what = "silent connections from one address asked for an endless keep alive",
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
