/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/store_fault.c - D49: what the node has to keep is not kept, or not what was kept
 *
 * The node tells which faults there are when that changes: a journal that is full or cannot be
 * written, changes of the control store that wait, a journal that was damaged when it was opened.
 * Nobody is acted upon; the incident is open for as long as there is one.
 *
 * MQ.RC.RP-01
 */
#include "detect/detector.h"

struct state {
    uint32_t n_faults;
};

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    const struct state *me = slot_peek(j, r);

    if (me != NULL)
        measure_rule(j, r, RULE_D49_HIGH, me->n_faults, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct state *me = slot(j, fleet_of(j));

    me->n_faults = s->e->value;
    if (s->e->value > 0)
        sample(j, fleet_of(j), s->e->text);
    suspect(j, s, fleet_of(j));
    if (me->n_faults == 0)
        mended(j, fleet_of(j));
}

const struct detector detect_store_fault = {
    .info =
        {
            .name = "store-fault",
            .id = "D49",
            .subcategory = "MQ.RC.RP-01",
            .counts = "faults of journal and control store",
            .what = "what the node has to keep is not kept, or is damaged",
            .mode = DETECT_MODE_ENFORCE,
            .confidence = 100,
            .is_of_node = true,
            .told_only = BIT(SUBJECT_FLEET),
            .watches = BIT64(EVENT_STORE_FAULT),
        },
    .bytes[SUBJECT_FLEET] = sizeof(struct state),
    .observe = observe,
    .measure = measure,
};
