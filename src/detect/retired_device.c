/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/retired_device.c - D50: a device is here that is retired, disposed of or lost
 *
 * The inventory says so, or a person did on the running node; its credential should have been
 * revoked then.  The incident is open for as long as it is connected.
 *
 * MQ.ID.AM-04
 */
#include "detect/detector.h"

struct state {
    uint64_t conn; /* 0: it is away, or may be here */
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL)
        measure_rule(j, r, RULE_D50_HIGH, me->conn != 0, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    bool is_here =
        s->e->kind == EVENT_LIFECYCLE && (s->e->value & LIFECYCLE_MUST_BE_GONE) && s->e->conn != 0;
    struct state *me;

    if (s->client == NULL || (!is_here && slot_peek(j, s->client) == NULL))
        return;
    me = slot(j, s->client);
    if (s->e->kind == EVENT_LIFECYCLE)
        me->conn = is_here ? s->e->conn : 0;
    else if (me->conn == s->e->conn)
        me->conn = 0;
    if (is_here)
        sample(j, s->client, s->e->text);
    suspect(j, s, s->client);
}

const struct detector detect_retired_device = {
    .info =
        {
            .name = "retired-device",
            .id = "D50",
            .subcategory = "MQ.ID.AM-04",
            .counts = "connections of a device that must not connect",
            .attck = {"T0859"},
            .what = "a device is here that is retired, disposed of or lost",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 100,
            .watches = BIT64(EVENT_LIFECYCLE) | BIT64(EVENT_DISCONNECTED),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
