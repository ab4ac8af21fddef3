/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect/retained_flood.c - D26: a client fills the store of retained messages
 *
 * Discovery at boot is a gateway's, whose kind of role has a factor.
 *
 * MQ.PR.SP-05
 */
#include "detect/tally.h"

static void measure(const struct judge *j, const struct record *r, struct measure *m)
{
    measure_tally(j, r, RULE_D26_MEDIUM, RULE_D26_HIGH, m);
}

static void observe(struct judge *j, const struct sight *s)
{
    struct event_traffic t = event_traffic_of(s->e);

    if (t.n_retained_new > 0)
        tally(j, s, s->client, RULE_D26_MEDIUM, t.n_retained_new);
}

const struct detector detect_retained_flood = {
    .info =
        {
            .name = "retained-flood",
            .id = "D26",
            .subcategory = "MQ.PR.SP-05",
            .counts = "new retained topics",
            .attck = {"T0814"},
            .what = "a client fills the store of retained messages",
            .mode = DETECT_MODE_OBSERVE,
            .confidence = 80,
            .watches = BIT64(EVENT_TRAFFIC),
        },
    .bytes[SUBJECT_CLIENT] = sizeof(struct tally),
    .observe = observe,
    .measure = measure,
};
