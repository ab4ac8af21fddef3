/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/inspection_overdue.c - D48: a device was not looked at on site when it should have been
 *
 * The inventory says when a device was last inspected and how exposed it is; the node
 * tells once a day of those that are due.  A value of 0 says that it was done.
 *
 * MQ.DE.PM-02
 */
#include "detect/detector.h"

struct state {
    uint32_t days;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL)
        measure_rule(j, r, RULE_D48_LOW, me->days, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me;

    if (s->client == NULL || (s->e->value == 0 && slot_peek(j, s->client) == NULL))
        return;
    me = slot(j, s->client);
    me->days = s->e->value;
    suspect(j, s, s->client);
}

const struct detector detect_inspection_overdue = {
    .info =
        {
            .name = "inspection-overdue",
            .id = "D48",
            .subcategory = "MQ.DE.PM-02",
            .counts = "days overdue",
            .what = "a device was not looked at on site when it should have been",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 100,
            .told_only = BIT(SUBJECT_CLIENT),
            .watches = BIT64(EVENT_INSPECTION_OVERDUE),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
